//! The edge node on a TI Stellaris LM3S6965 evaluation board: Cortex-M3, 256 KB flash, 64 KB RAM.
//!
//! `firmware/build.sh` builds it for the board and prints its size. On a host it is an empty program, so that the
//! workspace builds everywhere.
//!
//! ```text
//!  sampling ── report ──► node: the session and its journal ◄── poll ── link ◄──► MQTT
//!                                        ▲
//!                              SD card, block by block
//! ```
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod bench;
#[cfg(target_os = "none")]
mod board;
#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
mod console;
#[cfg(target_os = "none")]
mod crash;
#[cfg(target_os = "none")]
mod ethernet;
#[cfg(target_os = "none")]
mod executor;
#[cfg(target_os = "none")]
mod health;
#[cfg(target_os = "none")]
mod i2c;
#[cfg(target_os = "none")]
mod link;
#[cfg(target_os = "none")]
mod node;
#[cfg(target_os = "none")]
mod provisioning;
#[cfg(target_os = "none")]
mod regs;
#[cfg(target_os = "none")]
mod rs485;
#[cfg(target_os = "none")]
mod sampling;
#[cfg(target_os = "none")]
mod sd;
#[cfg(target_os = "none")]
mod stack;
#[cfg(target_os = "none")]
mod system;
#[cfg(target_os = "none")]
mod uart;
#[cfg(target_os = "none")]
mod wall;
#[cfg(target_os = "none")]
mod watchdog;

#[cfg(not(target_os = "none"))]
fn main() {}
