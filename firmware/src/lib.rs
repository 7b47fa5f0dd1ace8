//! The edge node: what is measured goes to the journal first, then on the wire, and leaves the journal when the
//! gateway says that it is on disk.
//!
//! `no_std`, no heap, no `unsafe`, no clock, no sockets: a [`Session`] is told what happened (`report`,
//! `on_connected`, `on_message`, ...) and says what to do next (`poll`). The same code runs on a Cortex-M3 and in
//! the simulator's nodes.
//!
//! ```text
//!  sampling ─ report ─► by exception ─► Journal ─► poll ─► Action::Publish ─► MQTT
//!                                          ▲                                   │
//!                                          └── on_message: Journal/Ack ◄───────┘
//! ```
//!
//! The firmware only ever reads equipment: of all commands it obeys `Node Control/Rebirth`, `Node Control/Time` and
//! the journal's own; it subscribes to no device command.
#![no_std]
#![forbid(unsafe_code)]

mod backoff;
pub mod block_store;
mod definition;
pub mod drivers;
pub mod flash;
pub mod health;
mod held;
mod history;
pub mod journal;
pub mod modbus;
pub mod provisioning;
pub mod reading;
pub mod sampling;
mod session;
mod storage;
pub mod time;

pub use backoff::Backoff;
pub use definition::{DefinitionError, DeviceDef, MetricDef, NodeDef};
pub use held::{Sample, SampleQuality, TEXT_CAPACITY};
pub use history::{History, MAX_RANGES};
pub use journal::{Acked, Journal, JournalError};
pub use session::{
    Action, Config, Counters, Failure, Heard, OpenError, Phase, Place, Publish, Qos, ReportError, Scratch,
    Session,
};
pub use storage::{AppendError, Bounds, Header, RamStorage, Storage, StorageFault};
