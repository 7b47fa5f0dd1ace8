//! The regulator's desk: what people keep and do beside the flow of messages.
//!
//! ```text
//! store::Desk (connections) ─► desk::* (tables, one module each) ─► view ─► api, web
//! ```
//! A module owns its tables: nobody else writes SQL over them. What is decided without a database (who may do what,
//! when something is due, what a row has wrong) is in `vigil_core`.

pub mod attachments;
pub mod calendar;
pub mod cases;
pub mod duty;
pub mod listing;
pub mod lists;
pub mod people;
pub mod register;
pub mod risk;
mod rules;
pub mod scope;
pub mod scopes;
pub mod statistics;
pub mod watch;

pub use rules::{Changes, Rules};

use crate::clock::Clock;
use crate::store::StoreError;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use vigil_protocol::time::UtcMillis;

/// The civil day of an instant where the gateway stands.
#[must_use]
pub fn day_of(at: UtcMillis, timezone: &str) -> Date {
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    let instant = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    instant.to_zoned_datetime(zone).date()
}

/// Today where the gateway stands.
#[must_use]
pub fn today(clock: &Clock, timezone: &str) -> Date {
    day_of(clock.now(), timezone)
}

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
