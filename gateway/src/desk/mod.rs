//! The regulator's desk: what people keep and do beside the flow of messages.
//!
//! ```text
//! store::Desk (connections) ─► desk::* (tables, one module each) ─► view ─► api, web
//! ```
//! A module owns its tables: nobody else writes SQL over them. What is decided without a database (who may do what,
//! when something is due, what a row has wrong) is in `vigil_core`.

pub mod attachments;
pub mod people;
pub mod scopes;

use crate::store::StoreError;

/// Says what was being read when a query failed.
pub(crate) fn read(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Read { what, source }
}

/// Says what was being written when a statement failed.
pub(crate) fn write(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Write { what, source }
}

/// A row that holds what this version cannot have written.
pub(crate) fn corrupt(what: &'static str) -> impl Fn(String) -> StoreError {
    move |detail| StoreError::Corrupt { what, detail }
}
