//! Tables of who may come in (users, passwords), who is in (sessions, API tokens), what was done (audit log), and which
//! creations were carried out (requests).

pub mod audit;
pub mod requests;
pub mod sessions;
pub mod tokens;
pub mod users;
