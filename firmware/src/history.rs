//! Which journaled messages are to be sent again, as a few ranges.

use heapless::Vec;

/// Ranges kept; two neighbours become one (sending too much, never too little) when there are more.
pub const MAX_RANGES: usize = 16;

/// Sequences to resend, lowest first. Ranges are inclusive, ascending and apart.
#[derive(Clone, Debug, Default)]
pub struct History {
    ranges: Vec<(u64, u64), MAX_RANGES>,
}

impl History {
    /// Nothing to resend.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// True when nothing is to be resent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Messages still to be resent.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(from, to)| to - from + 1).sum()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.ranges.clear();
    }

    /// Adds `from..=to`.
    pub fn add(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        let mut range = (from, to);
        let start = self
            .ranges
            .iter()
            .take_while(|r| r.1.saturating_add(1) < range.0)
            .count();
        while let Some(&next) = self
            .ranges
            .get(start)
            .filter(|r| r.0 <= range.1.saturating_add(1))
        {
            range = (range.0.min(next.0), range.1.max(next.1));
            self.ranges.remove(start);
        }
        if self.ranges.is_full() {
            self.join_closest();
            self.add(range.0, range.1);
        } else {
            // There is room: `is_full` was asked.
            let _inserted = self.ranges.insert(start, range).is_ok();
        }
    }

    /// Takes the lowest sequence to resend.
    pub fn take(&mut self) -> Option<u64> {
        let range = self.ranges.first_mut()?;
        let seq = range.0;
        if range.0 == range.1 {
            self.ranges.remove(0);
        } else {
            range.0 += 1;
        }
        Some(seq)
    }

    /// Everything below `seq` is gone: acknowledged or dropped.
    pub fn forget_below(&mut self, seq: u64) {
        while let Some(range) = self.ranges.first_mut() {
            if range.1 < seq {
                self.ranges.remove(0);
            } else {
                range.0 = range.0.max(seq);
                break;
            }
        }
    }

    /// Makes one range of the two with the smallest gap between them.
    fn join_closest(&mut self) {
        let gaps = self.ranges.windows(2).map(|pair| pair[1].0 - pair[0].1);
        if let Some((at, _)) = gaps.enumerate().min_by_key(|(_, gap)| *gap) {
            let upper = self.ranges.remove(at + 1);
            self.ranges[at].1 = upper.1;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        Add(u64, u64),
        Take,
        Forget(u64),
    }

    fn ops() -> impl Strategy<Value = std::vec::Vec<Op>> {
        let op = prop_oneof![
            (0_u64..400, 0_u64..6).prop_map(|(from, len)| Op::Add(from, from + len)),
            Just(Op::Take),
            (0_u64..400).prop_map(Op::Forget),
        ];
        proptest::collection::vec(op, 0..80)
    }

    proptest! {
        #[test]
        fn nothing_asked_for_is_ever_left_out(ops in ops()) {
            let mut history = History::new();
            let mut model = BTreeSet::new();
            for op in ops {
                match op {
                    Op::Add(from, to) => {
                        history.add(from, to);
                        model.extend(from..=to);
                    }
                    Op::Take => {
                        if let Some(seq) = history.take() {
                            model.remove(&seq);
                            prop_assert!(model.first().is_none_or(|lowest| *lowest > seq));
                        } else {
                            prop_assert!(model.is_empty());
                        }
                    }
                    Op::Forget(seq) => {
                        history.forget_below(seq);
                        model = model.split_off(&seq);
                    }
                }
                prop_assert!(history.len() >= model.len() as u64);
                prop_assert!(history.ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
                let held = history.ranges.iter().flat_map(|(from, to)| *from..=*to).collect::<BTreeSet<_>>();
                prop_assert!(model.is_subset(&held));
            }
        }
    }
}
