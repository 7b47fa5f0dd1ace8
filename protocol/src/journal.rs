//! The arithmetic of the journal, used by node and gateway alike.
//!
//! A journaling node numbers its data messages contiguously within an *epoch* (drawn when its flash was
//! formatted), keeps each until the gateway says it is on disk, and resends what was not acknowledged. The
//! gateway keeps one [`Received`] per (node, epoch) and acknowledges [`Received::contiguous`]; the node keeps a
//! [`SendWindow`]. Sequences of different epochs never meet: an acknowledgement or resend request for another
//! epoch is to be ignored, and a new epoch starts a new `Received`.

mod received;
mod window;

pub use received::{Insert, Received};
pub use window::SendWindow;

/// Data metric (UInt64): the sequence of this message.
pub const METRIC_SEQ: &str = "Journal/Seq";
/// Node metric (UInt64), and part of every acknowledgement and resend request: the epoch.
pub const METRIC_EPOCH: &str = "Journal/Epoch";
/// NCMD metric (UInt64), with the epoch: highest sequence with everything up to it on disk.
pub const METRIC_ACK: &str = "Journal/Ack";
/// NCMD metric (UInt64), with the epoch: first sequence to send again.
pub const METRIC_RESEND: &str = "Journal/Resend";
/// NCMD metric (UInt64), with the epoch: last sequence to send again, inclusive.
pub const METRIC_RESEND_TO: &str = "Journal/ResendTo";
/// Node metric (UInt64): messages dropped unacknowledged because the flash was full.
pub const METRIC_DROPPED: &str = "Journal/Dropped";
/// Node metric (UInt64) in NBIRTH: lowest sequence still held. What is below can never be had.
pub const METRIC_FIRST: &str = "Journal/First";
/// Node metric (UInt64) in NBIRTH: the sequence of the first message that will be sent as it happens. Who has
/// everything below it has missed nothing, however many sessions ended in between.
pub const METRIC_NEXT: &str = "Journal/Next";
/// Metric (Boolean) of a node or device, true in its first journaled message since the node was powered up, and in
/// births before that: what was known of it may have changed without a trace.
pub const METRIC_BOOT: &str = "Journal/Boot";
/// NCMD metric (Boolean): send all births again.
pub const METRIC_REBIRTH: &str = "Node Control/Rebirth";
/// Metric of NBIRTH and NDEATH (Int64): which session they belong to.
pub const METRIC_BDSEQ: &str = "bdSeq";
/// NCMD metric (DateTime): the gateway's clock, for nodes without one.
pub const METRIC_TIME: &str = "Node Control/Time";
