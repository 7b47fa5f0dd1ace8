//! The gateway: MQTT in, hazards out.
//!
//! ```text
//! broker ─► mqtt::Intake ─► engine ─► vigil_core::Pipeline ─► store::Writer (one transaction) ─► commands, events
//!                                                                  store::Reader ─► api, web
//! ```
//! `mqtt`, `store`, `api` and `web` do not know each other; `engine`, `app`, `run` and `cli` know them all.
#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod desk;
pub mod engine;
pub mod evidence;
pub mod http;
pub mod ingest;
pub mod metrics;
pub mod modbus;
pub mod mqtt;
pub mod outbox;
pub mod people;
mod relive;
pub mod reload;
pub mod replay;
pub mod run;
pub mod secrets;
pub mod sheet;
pub mod sinks;
pub mod store;
pub mod telemetry;
pub mod view;
pub mod web;
