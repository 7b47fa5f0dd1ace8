//! The gateway: MQTT in, hazards out.
//!
//! ```text
//! broker ─► mqtt::Client ─► engine ─► vigil_core::Pipeline ─► store::Writer (one transaction) ─► commands, events
//!                                                                  store::Reader ─► api, web
//! ```
#![forbid(unsafe_code)]

pub mod clock;
pub mod metrics;
pub mod mqtt;
pub mod secrets;
pub mod store;
pub mod telemetry;
pub mod engine;
