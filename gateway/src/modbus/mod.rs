//! Modbus in: devices are polled, and what they say goes to the engine as it was read.
//!
//! ```text
//! Line (one task per bus or connection): schedule ─► breaker ─► link (every call has a deadline) ─► image ─► queue
//! ```
//! - **A late answer is never read as the next value.** After anything but an answer or an exception the connection is
//!   dropped. On a serial line there is nothing to drop: it stays silent for a while, and until an answer can come no
//!   more, the unit is only asked what has an answer of another shape ([`breaker`]).
//! - **Nothing can be written.** The one place that makes requests ([`call`]) knows the four functions that read.
//! - A poll that fails is a message too: it says why there are no values.

mod breaker;
mod call;
mod counts;
mod guard;
mod line;
mod link;
mod poller;
mod schedule;
mod session;
mod setup;
mod status;
mod wire;

pub use link::{Link, Serial};
pub use poller::ModbusPoller;
pub use session::{ReadError, Session};
pub use setup::{DeviceSetup, LineSetup};
pub use status::{DeviceStatus, LineStatus, ModbusStatus, Pace, StatusReader};
