//! Which block to read when, and which of what was read is worth telling. No clock, no bus: time is an argument, and
//! the caller does the reading.
//!
//! ```text
//!  loop {
//!      match sampler.next(bus, now, &mut tell) {
//!          Step::Read(block) => { let result = read(block).await; sampler.on_read(bus, now, &block, result, &mut tell) }
//!          Step::Wait(until) => sleep_until(until).await
//!      }
//!  }
//! ```
//! One [`Sampler`] knows all channels; a task for each bus asks it for that bus: buses do not wait for each other.

mod channel;
mod sampler;
mod slave;

pub use sampler::{Observation, Sampler, Step, TableError};
pub use slave::{Slave, SlaveCounters};
