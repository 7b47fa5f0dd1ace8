//! What is to be sent to others, and how far each of them is.

use std::sync::Arc;
use vigil_core::input::Position;
use vigil_protocol::time::UtcMillis;

/// One event for one subscriber, written in the transaction of its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Name of the subscriber.
    pub sink: Arc<str>,
    /// What happened, such as `hazard.opened`.
    pub event: &'static str,
    /// Entries of a subscriber with the same ordering go out one after the other.
    pub ordering: String,
    /// The same with every attempt, and no other entry's.
    pub key: String,
    /// When the gateway decided.
    pub at: UtcMillis,
    /// What is sent.
    pub body: String,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutboxState {
    /// Waits for its turn or for another attempt.
    Pending,
    /// The other side said it has it.
    Delivered,
    /// Given up, or refused for good: a person decides.
    Dead,
}

impl OutboxState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The word in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// An entry with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Ascending.
    pub id: i64,
    /// Name of the subscriber.
    pub sink: String,
    /// What happened.
    pub event: String,
    /// See [`OutboxEntry::ordering`].
    pub ordering: String,
    /// See [`OutboxEntry::key`].
    pub key: String,
    /// When it happened.
    pub at: UtcMillis,
    /// Waits since.
    pub since: UtcMillis,
    /// What is sent; empty once delivered.
    pub body: String,
    /// Where it stands.
    pub state: OutboxState,
    /// Attempts so far.
    pub attempts: u32,
    /// When the last one ended.
    pub tried_at: Option<UtcMillis>,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// Its first bytes, or why there was none.
    pub said: String,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When.
    pub at: UtcMillis,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// First bytes of the answer, or why there was none.
    pub said: String,
}

/// Which entries a person means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(i64),
    /// All dead ones of a sink, or of all sinks.
    Dead {
        /// Name of the sink.
        sink: Option<String>,
    },
}

/// Something that changes in the outbox outside of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxChange {
    /// The other side has it.
    Delivered {
        /// Which entry.
        id: i64,
        /// Its answer.
        receipt: Receipt,
    },
    /// It does not; it will be tried again.
    Failed {
        /// Which entry.
        id: i64,
        /// How.
        receipt: Receipt,
    },
    /// It does not, and it will not be tried again.
    GivenUp {
        /// Which entry.
        id: i64,
        /// Why.
        receipt: Receipt,
    },
    /// A sink of points has taken everything up to here.
    Taken {
        /// Name of the sink.
        sink: &'static str,
        /// Last position.
        position: Position,
    },
    /// The server will not take these lines.
    Refused {
        /// Name of the sink.
        sink: &'static str,
        /// The same if the same lines are refused again.
        key: String,
        /// The lines.
        lines: String,
        /// What it said.
        receipt: Receipt,
    },
    /// These sinks of points and subscribers are configured; nothing waits for others any more.
    Configured {
        /// Sinks of points, with the position to begin at when there is no cursor yet.
        points: Vec<(&'static str, Position)>,
        /// Names of the subscribers.
        subscribers: Vec<String>,
        /// Now.
        at: UtcMillis,
    },
    /// Try again: dead entries wait anew.
    Retry {
        /// Which.
        which: Which,
        /// Now.
        at: UtcMillis,
    },
    /// Forget: dead entries, or one that waits.
    Drop {
        /// Which.
        which: Which,
    },
}

/// Messages a sink never got because the log had to forget them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkGap {
    /// Name of the sink.
    pub sink: String,
    /// First message.
    pub from_position: Position,
    /// Last message.
    pub to_position: Position,
    /// Time the first is filed under.
    pub from: UtcMillis,
    /// Time the last is filed under.
    pub to: UtcMillis,
    /// How many.
    pub messages: u64,
    /// When the log forgot them.
    pub at: UtcMillis,
}
