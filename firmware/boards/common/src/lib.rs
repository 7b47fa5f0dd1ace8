//! What all boards share: everything but registers.
//!
//! ```text
//!  sampling ── report ──► node: the session and its journal ◄── poll ── link ◄──► MQTT
//!  (a task for each bus)                  ▲
//!                              storage, of the board or an SD card
//! ```
//!
//! A board brings its clock, its wires and its memory: an [`embassy_time`] driver, an `embassy_net_driver`, ports of
//! `embedded-hal`, and a `memory.x` with the stack below everything else.
#![no_std]

mod bench;
pub mod console;
#[cfg(target_os = "none")]
pub mod crash;
#[cfg(target_os = "none")]
pub mod executor;
pub mod health;
pub mod link;
pub mod node;
pub mod provisioning;
pub mod sampling;
pub mod sd;
#[cfg(target_os = "none")]
pub mod stack;
pub mod start;
pub mod wall;
pub mod watch;
