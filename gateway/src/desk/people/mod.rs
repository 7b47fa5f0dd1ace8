//! Tables of who may come in (users, passwords), who is in (sessions, API tokens) and what was done (audit log).

pub mod audit;
pub mod sessions;
pub mod tokens;
pub mod users;
