//! The edge node on an ST NUCLEO-H563ZI: Cortex-M33, 2 MB flash, 640 KB RAM, Ethernet. Not yet run on hardware.
//!
//! `firmware/build.sh nucleo-h563zi` builds it. On a host it is an empty program, so that the workspace builds everywhere.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod board;
#[cfg(target_os = "none")]
mod card;
#[cfg(target_os = "none")]
mod console;
#[cfg(target_os = "none")]
mod pins;
#[cfg(target_os = "none")]
mod watchdog;

#[cfg(not(target_os = "none"))]
fn main() {}
