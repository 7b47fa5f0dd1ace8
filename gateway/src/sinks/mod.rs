//! Where what the gateway learns goes: how to say it, and how to hand it over once.
//!
//! ```text
//! outbox (what waits, when again) ─► webhook::Webhook ─► http ─► the subscriber
//!                                 └► influx::Influx ─────────► the server of points
//! ```
//! A sink knows neither the store nor the clock: it is given a thing, and says how that ended.

pub mod address;
pub mod http;
#[cfg(feature = "influx")]
pub mod influx;
pub mod webhook;
