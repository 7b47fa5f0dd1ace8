//! What every way in hands to the engine: messages as they came.

use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::oneshot;
use vigil_core::field::FieldDecoder;
use vigil_protocol::time::UtcMillis;

/// A message as it came.
#[derive(Debug)]
pub struct Incoming {
    /// Topic, or the name of the poll.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// From the broker's retained store.
    pub retained: bool,
    /// When it arrived.
    pub received: UtcMillis,
    /// What to hand back after the commit, for messages the sender wants to be sure of.
    pub ack: Option<Ack>,
    /// Whose it is and how it is read, when it is not Sparkplug's.
    pub field: Option<FieldRoute>,
}

/// Whose a message of the field is, and what gives its bytes their meaning.
#[derive(Clone, Debug)]
pub struct FieldRoute {
    /// `group/node` it is filed under.
    pub node: Arc<str>,
    /// The device it is of; `None` when it speaks of several, or of the node itself.
    pub device: Option<Arc<str>>,
    /// Reads it.
    pub decoder: Arc<dyn FieldDecoder>,
}

/// How a sender learns that its message is on disk.
#[derive(Debug)]
pub enum Ack {
    /// By an acknowledgement to the broker it came from.
    Delivery(Delivery),
    /// Somebody in this process waits for it; if the message is given up, the waiter hears that nothing will be said.
    Waiting(oneshot::Sender<()>),
}

/// A delivery to be acknowledged: worth something only within its connection, because the broker
/// numbers deliveries anew after a lost session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub(crate) connection: u64,
    pub(crate) packet: u16,
}
