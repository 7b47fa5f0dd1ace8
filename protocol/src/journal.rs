//! The arithmetic of the journal, used by node and gateway alike.
//!
//! A journaling node numbers its data messages contiguously within an *epoch* (drawn when its flash was
//! formatted), keeps each until the gateway says it is on disk, and resends what was not acknowledged. The
//! gateway keeps one [`Received`] per (node, epoch) and acknowledges [`Received::contiguous`]; the node keeps a
//! [`SendWindow`]. Sequences of different epochs never meet: an acknowledgement or resend request for another
//! epoch is to be ignored, and a new epoch starts a new `Received`.

use heapless::Vec;

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
/// NCMD metric (Boolean): send all births again.
pub const METRIC_REBIRTH: &str = "Node Control/Rebirth";
/// Metric of NBIRTH and NDEATH (Int64): which session they belong to.
pub const METRIC_BDSEQ: &str = "bdSeq";
/// NCMD metric (DateTime): the gateway's clock, for nodes without one.
pub const METRIC_TIME: &str = "Node Control/Time";

/// What became of a sequence offered to [`Received::insert`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Insert {
    /// Not seen before; now recorded.
    New,
    /// Seen before, or below what is expected at all.
    Duplicate,
    /// Would need more ranges than there is room for: not recorded, so it must be neither stored nor acknowledged.
    /// The node sends it again once the holes below are filled.
    TooFar,
}

/// Which sequences of one epoch are on disk: everything below `next`, and up to `N` separate ranges above it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received<const N: usize> {
    first: u64,
    /// Lowest missing sequence, unless `complete`.
    next: u64,
    /// `u64::MAX` itself has been received contiguously: nothing is missing any more.
    complete: bool,
    /// Inclusive, ascending, disjoint, not adjacent, all above `next`.
    ranges: Vec<(u64, u64), N>,
}

impl<const N: usize> Received<N> {
    /// Nothing received; `first` is expected first. What is below counts as settled.
    pub const fn starting_at(first: u64) -> Self {
        Received {
            first,
            next: first,
            complete: false,
            ranges: Vec::new(),
        }
    }

    /// Rebuilds a stored state: what was expected first, [`Received::next_expected`] and [`Received::ranges`]
    /// (in any order). `None` if `next` is below `first` or the ranges need more room than `N`.
    pub fn restore(first: u64, next: u64, ranges: impl IntoIterator<Item = (u64, u64)>) -> Option<Self> {
        let mut received = Received {
            first,
            next,
            complete: false,
            ranges: Vec::new(),
        };
        if next < first {
            return None;
        }
        ranges
            .into_iter()
            .all(|(from, to)| received.insert_range(from, to))
            .then_some(received)
    }

    /// Whether `seq` is on disk or settled.
    pub fn contains(&self, seq: u64) -> bool {
        self.complete || seq < self.next || self.ranges.iter().any(|&(from, to)| (from..=to).contains(&seq))
    }

    /// Records one sequence.
    pub fn insert(&mut self, seq: u64) -> Insert {
        if self.contains(seq) {
            Insert::Duplicate
        } else if self.insert_range(seq, seq) {
            Insert::New
        } else {
            Insert::TooFar
        }
    }

    /// Highest sequence with nothing missing below: what to acknowledge. `None` before the first.
    pub fn contiguous(&self) -> Option<u64> {
        if self.complete {
            Some(u64::MAX)
        } else if self.next > self.first {
            Some(self.next - 1)
        } else {
            None
        }
    }

    /// Lowest sequence not received. Stays at `u64::MAX` once that is received too.
    pub fn next_expected(&self) -> u64 {
        self.next
    }

    /// The lowest gap below something received, inclusive: what to ask for again.
    pub fn first_hole(&self) -> Option<(u64, u64)> {
        self.ranges.first().map(|&(from, _)| (self.next, from - 1))
    }

    /// Highest sequence received or settled.
    pub fn highest(&self) -> Option<u64> {
        self.ranges
            .last()
            .map(|&(_, to)| to)
            .or_else(|| self.contiguous())
    }

    /// Sequences missing below the highest received.
    pub fn missing(&self) -> u64 {
        let mut from = self.next;
        self.ranges.iter().fold(0, |missing, &(lo, hi)| {
            let gap = lo - from;
            from = hi.saturating_add(1);
            missing + gap
        })
    }

    /// The ranges received above [`Received::next_expected`], inclusive and ascending: with it, the state to store.
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    /// The node says everything below `seq` is gone: settles it and returns how many sequences are lost for good.
    pub fn skip_to(&mut self, seq: u64) -> u64 {
        if self.complete || seq <= self.next {
            return 0;
        }
        let below = seq - self.next;
        let held = self
            .ranges
            .iter()
            .map_while(|&(from, to)| (from < seq).then(|| to.min(seq - 1) - from + 1))
            .sum::<u64>();
        self.next = seq;
        self.ranges.retain(|&(_, to)| to >= seq);
        if let Some(range) = self.ranges.first_mut() {
            range.0 = range.0.max(seq);
        }
        self.absorb();
        below - held
    }

    /// Adds an inclusive range, merging what it touches; `false` (and no change) if there is no room.
    fn insert_range(&mut self, from: u64, to: u64) -> bool {
        if self.complete || to < from || to < self.next {
            return true;
        }
        let mut merged = (from.max(self.next), to);
        // Ranges touching or overlapping `merged` are a run [start, end) of the ascending list.
        let start = self
            .ranges
            .iter()
            .take_while(|range| range.1 < merged.0.saturating_sub(1))
            .count();
        let mut end = start;
        while let Some(&range) = self
            .ranges
            .get(end)
            .filter(|range| range.0 <= merged.1.saturating_add(1))
        {
            merged = (merged.0.min(range.0), merged.1.max(range.1));
            end += 1;
        }
        if end > start {
            self.ranges[start] = merged;
            for _ in start + 1..end {
                self.ranges.remove(start + 1);
            }
        } else if merged.0 == self.next {
            self.advance_past(merged.1);
        } else if self.ranges.insert(start, merged).is_err() {
            return false;
        }
        self.absorb();
        true
    }

    /// Moves `next` over ranges that have become contiguous with it.
    fn absorb(&mut self) {
        while let Some(&(_, to)) = self.ranges.first().filter(|range| range.0 <= self.next) {
            self.ranges.remove(0);
            self.advance_past(to);
        }
    }

    fn advance_past(&mut self, seq: u64) {
        match seq.checked_add(1) {
            Some(next) => self.next = next,
            None => (self.next, self.complete) = (u64::MAX, true),
        }
    }
}

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
        if from > to || to < self.first || from >= self.next {
            return None;
        }
        let from = if from > self.first { from } else { self.first };
        let to = if to < self.next { to } else { self.next - 1 };
        Some((from, to))
    }

    const fn release(&mut self, first: u64) {
        self.first = first;
        if self.cursor < first {
            self.cursor = first;
        }
    }
}
