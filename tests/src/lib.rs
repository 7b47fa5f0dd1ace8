//! Helpers of the end-to-end tests: real processes on loopback, started and stopped by the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests fails the test by panicking"
)]

pub mod gateway;
pub mod http;
pub mod mosquitto;
pub mod process;

pub use gateway::{Gateway, GatewayOptions};
pub use http::Api;
pub use mosquitto::Mosquitto;
