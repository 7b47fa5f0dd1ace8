//! What is due when. Entries are never removed, only outlived: most deadlines are pushed back with every
//! message, and touching a queue each time would cost more than the message.

use crate::catalog::EquipmentIx;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use vigil_protocol::time::UtcMillis;

/// No entry in the queue.
pub(crate) const NEVER: UtcMillis = UtcMillis(i64::MAX);

/// Who has something to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Who {
    /// A node, by its index.
    Node(u32),
    /// A piece of equipment.
    Equipment(EquipmentIx),
    /// The hazards that no telemetry watches.
    Desk,
}

/// Ordered by time, then by the node's rank (catalog order, then order of appearance), then node before
/// equipment: the same whatever happened before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Due {
    pub(crate) at: UtcMillis,
    rank: u32,
    pub(crate) who: Who,
}

/// The queue. Everyone in it keeps the time of its earliest entry (`queued`).
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BinaryHeap<Reverse<Due>>);

impl Deadlines {
    /// Makes sure that `who` is looked at when `next` comes. `queued` is its earliest entry so far.
    #[inline]
    pub(crate) fn put(&mut self, who: Who, rank: u32, queued: &mut UtcMillis, next: Option<UtcMillis>) {
        if let Some(at) = next
            && at < *queued
        {
            *queued = at;
            self.0.push(Reverse(Due { at, rank, who }));
        }
    }

    /// The next entry at or before `now`; it may have been outlived.
    pub(crate) fn pop(&mut self, now: UtcMillis) -> Option<Due> {
        self.0.peek().filter(|next| next.0.at <= now)?;
        self.0.pop().map(|next| next.0)
    }

    /// When to look next.
    pub(crate) fn next(&self) -> Option<UtcMillis> {
        self.0.peek().map(|next| next.0.at)
    }
}
