//! The edge node on a TI Stellaris LM3S6965 evaluation board: Cortex-M3, 256 KB flash, 64 KB RAM.
//!
//! `firmware/build.sh` builds it for the board and prints its size. On a host it is an empty program, so that the
//! workspace builds everywhere.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod board;
#[cfg(target_os = "none")]
mod card;
#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
mod console;
#[cfg(target_os = "none")]
mod ethernet;
#[cfg(target_os = "none")]
mod i2c;
#[cfg(target_os = "none")]
mod pins;
#[cfg(target_os = "none")]
mod regs;
#[cfg(target_os = "none")]
mod rs485;
#[cfg(target_os = "none")]
mod system;
#[cfg(target_os = "none")]
mod uart;
#[cfg(target_os = "none")]
mod watchdog;

#[cfg(not(target_os = "none"))]
fn main() {}
