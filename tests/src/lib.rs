//! Helpers of the end-to-end tests: real processes on loopback, started and stopped by the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests fails the test by panicking"
)]

pub mod bench;
pub mod board;
pub mod browser;
pub mod card;
pub mod checker;
pub mod controller;
pub mod delivery;
pub mod desk;
pub mod edge;
pub mod forms;
pub mod gateway;
pub mod http;
pub mod journals;
pub mod kill;
pub mod looks;
pub mod modbus;
pub mod mosquitto;
pub mod mqtt;
pub mod place;
pub mod power_cut;
pub mod process;
pub mod pymodbus;
pub mod qtest;
pub mod register;
pub mod simulator;
pub mod slave;
pub mod slaves;
pub mod victoria;
pub mod visitor;
pub mod witness;

pub use checker::{Expected, Findings, check};
pub use edge::Edge;
pub use gateway::{Gateway, GatewayOptions};
pub use http::Api;
pub use journals::{JournalEnd, journals};
pub use mosquitto::Mosquitto;
pub use mqtt::Peer;
pub use place::Place;
pub use register::Register;
pub use simulator::{Site, SiteOptions};
pub use slaves::Slaves;
pub use victoria::Victoria;
