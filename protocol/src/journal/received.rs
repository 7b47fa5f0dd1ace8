//! Gateway side: which sequences of an epoch are on disk.

use heapless::Vec;

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
