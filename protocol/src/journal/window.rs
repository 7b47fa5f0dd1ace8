//! Node side: which messages are stored, sent, acknowledged.

/// Node side of one epoch: which sequences are stored, which of them were sent in this session.
///
/// `first..next` is in the journal; `first..cursor` was sent since the last [`SendWindow::rewind`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendWindow {
    first: u64,
    cursor: u64,
    next: u64,
    dropped: u64,
}

impl SendWindow {
    /// An empty journal whose first message will be `first`.
    pub const fn new(first: u64) -> SendWindow {
        SendWindow {
            first,
            cursor: first,
            next: first,
            dropped: 0,
        }
    }

    /// What was found in flash: lowest held, next to assign, and how many were dropped so far. Nothing counts as sent.
    /// `None` if `next` is below `first`.
    pub const fn restore(first: u64, next: u64, dropped: u64) -> Option<SendWindow> {
        if next < first {
            None
        } else {
            Some(SendWindow {
                first,
                cursor: first,
                next,
                dropped,
            })
        }
    }

    /// Lowest sequence held: unacknowledged.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Sequence the next message will get.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Messages dropped unacknowledged in this epoch.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Messages held and not acknowledged.
    pub const fn pending(&self) -> u64 {
        self.next - self.first
    }

    /// Messages held and not sent in this session.
    pub const fn unsent(&self) -> u64 {
        self.next - self.cursor
    }

    /// Assigns the next sequence, after the message is safely in flash. `None` when the epoch is used up (at
    /// `u64::MAX`, which is never assigned): format, and start a new epoch.
    pub const fn assign(&mut self) -> Option<u64> {
        if self.next == u64::MAX {
            return None;
        }
        let seq = self.next;
        self.next += 1;
        Some(seq)
    }

    /// The next sequence to send in this session, if any is held.
    pub const fn to_send(&self) -> Option<u64> {
        if self.cursor < self.next {
            Some(self.cursor)
        } else {
            None
        }
    }

    /// Everything up to `seq` was sent in this session.
    pub const fn on_sent(&mut self, seq: u64) {
        if seq >= self.cursor && seq < self.next {
            self.cursor = seq + 1;
        }
    }

    /// A new session, or no acknowledgement in time: send again from the lowest unacknowledged.
    pub const fn rewind(&mut self) {
        self.cursor = self.first;
    }

    /// The gateway has everything up to `through` on disk. Returns the range now free, inclusive; `None` if the
    /// acknowledgement frees nothing (old or repeated) or speaks of messages never assigned, and is ignored.
    /// The caller has checked the epoch.
    pub const fn on_ack(&mut self, through: u64) -> Option<(u64, u64)> {
        if through < self.first || through >= self.next {
            return None;
        }
        let freed = (self.first, through);
        self.release(through + 1);
        Some(freed)
    }

    /// The flash is full: gives up the oldest `count` messages. Returns the range dropped, inclusive.
    pub const fn on_drop_oldest(&mut self, count: u64) -> Option<(u64, u64)> {
        let count = if count < self.pending() {
            count
        } else {
            self.pending()
        };
        if count == 0 {
            return None;
        }
        let dropped = (self.first, self.first + count - 1);
        self.dropped = self.dropped.saturating_add(count);
        self.release(self.first + count);
        Some(dropped)
    }

    /// The part of a requested range that is still held, inclusive; `None` if nothing of it is.
    pub const fn on_resend(&self, from: u64, to: u64) -> Option<(u64, u64)> {
        if self.first == self.next {
            return None;
        }
        let from = if from > self.first { from } else { self.first };
        let to = if to < self.next { to } else { self.next - 1 };
        if from <= to { Some((from, to)) } else { None }
    }

    const fn release(&mut self, first: u64) {
        self.first = first;
        if self.cursor < first {
            self.cursor = first;
        }
    }
}
