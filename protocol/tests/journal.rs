//! The gateway's side of the journal against a naive model: the set of sequences, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use vigil_protocol::journal::{Insert, Received};

const ROOM: usize = 3;
const SPAN: u64 = 40;

/// What is on disk or settled, one by one.
struct Model {
    first: u64,
    settled: BTreeSet<u64>,
}

impl Model {
    /// Maximal runs of settled sequences, inclusive.
    fn runs(&self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for &seq in &self.settled {
            match runs.last_mut() {
                Some(run) if run.1 + 1 == seq => run.1 = seq,
                _ => runs.push((seq, seq)),
            }
        }
        runs
    }

    /// Runs that are not contiguous with `first`.
    fn ranges(&self) -> Vec<(u64, u64)> {
        self.runs()
            .into_iter()
            .filter(|run| run.0 != self.first)
            .collect()
    }

    fn contiguous(&self) -> Option<u64> {
        self.runs()
            .first()
            .filter(|run| run.0 == self.first)
            .map(|run| run.1)
    }

    fn next(&self) -> u64 {
        self.contiguous().map_or(self.first, |seq| seq.saturating_add(1))
    }

    fn insert(&mut self, seq: u64) -> Insert {
        if seq < self.first || self.settled.contains(&seq) {
            return Insert::Duplicate;
        }
        self.settled.insert(seq);
        if self.ranges().len() > ROOM {
            self.settled.remove(&seq);
            return Insert::TooFar;
        }
        Insert::New
    }

    fn skip_to(&mut self, seq: u64) -> u64 {
        (self.first..seq)
            .filter(|&below| self.settled.insert(below))
            .count() as u64
    }
}

fn check(received: &Received<ROOM>, model: &Model) -> Result<(), TestCaseError> {
    let ranges = model.ranges();
    prop_assert_eq!(received.ranges(), &ranges[..]);
    prop_assert_eq!(received.contiguous(), model.contiguous());
    prop_assert_eq!(received.next_expected(), model.next());
    prop_assert_eq!(received.highest(), model.settled.last().copied());
    prop_assert_eq!(
        received.first_hole(),
        ranges.first().map(|range| (model.next(), range.0 - 1))
    );
    let last = model.settled.last().copied().unwrap_or(model.first);
    let missing = (model.first..=last)
        .filter(|seq| !model.settled.contains(seq))
        .count() as u64;
    prop_assert_eq!(
        received.missing(),
        if model.settled.is_empty() { 0 } else { missing }
    );
    for seq in model.first.saturating_sub(2)..=model.first.saturating_add(SPAN) {
        prop_assert_eq!(
            received.contains(seq),
            seq < model.first || model.settled.contains(&seq),
            "seq {}",
            seq
        );
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    SkipTo(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![12 => (0..SPAN).prop_map(Step::Insert), 1 => (0..SPAN).prop_map(Step::SkipTo)];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn received_agrees_with_a_set_in_any_order_with_duplicates_holes_and_drops(
        first in prop_oneof![Just(0), Just(1), Just(1_000), Just(u64::MAX - SPAN), Just(u64::MAX - SPAN + 1)],
        steps in steps(),
    ) {
        let mut received = Received::<ROOM>::starting_at(first);
        let mut model = Model { first, settled: BTreeSet::new() };
        check(&received, &model)?;
        for step in steps {
            match step {
                Step::Insert(at) => {
                    let seq = first.saturating_add(at);
                    prop_assert_eq!(received.insert(seq), model.insert(seq), "insert {}", seq);
                }
                Step::SkipTo(at) => {
                    let seq = first.saturating_add(at);
                    prop_assert_eq!(received.skip_to(seq), model.skip_to(seq), "skip to {}", seq);
                }
            }
            check(&received, &model)?;
        }
    }

    #[test]
    fn a_stored_state_restores_to_itself(steps in steps()) {
        let mut received = Received::<ROOM>::starting_at(7);
        for step in steps {
            if let Step::Insert(at) = step {
                received.insert(7 + at);
            }
        }
        let mut stored: Vec<_> = received.ranges().to_vec();
        stored.reverse();
        prop_assert_eq!(Received::restore(7, received.next_expected(), stored), Some(received));
    }

    #[test]
    fn any_permutation_with_enough_room_ends_contiguous(
        order in Just((0..30_u64).collect::<Vec<_>>()).prop_shuffle(),
        again in proptest::collection::vec(0..30_u64, 0..20),
    ) {
        let mut received = Received::<16>::starting_at(0);
        for seq in &order {
            prop_assert_eq!(received.insert(*seq), Insert::New);
        }
        for seq in again {
            prop_assert_eq!(received.insert(seq), Insert::Duplicate);
        }
        prop_assert_eq!((received.contiguous(), received.first_hole(), received.missing()), (Some(29), None, 0));
    }
}

#[test]
fn nothing_received_acknowledges_nothing() {
    let received = Received::<4>::starting_at(5);
    assert_eq!(
        (
            received.contiguous(),
            received.next_expected(),
            received.highest()
        ),
        (None, 5, None)
    );
    assert!(received.contains(4), "below the first expected counts as settled");
    assert!(!received.contains(5));
}

#[test]
fn without_room_for_a_range_only_the_next_sequence_is_taken() {
    let mut received = Received::<0>::starting_at(0);
    assert_eq!(received.insert(1), Insert::TooFar);
    assert_eq!(received.insert(0), Insert::New);
    assert_eq!(received.insert(1), Insert::New);
    assert_eq!(received.contiguous(), Some(1));
}

#[test]
fn full_room_still_takes_what_extends_or_joins_a_range() {
    let mut received = Received::<2>::starting_at(0);
    for seq in [2, 6] {
        assert_eq!(received.insert(seq), Insert::New);
    }
    assert_eq!(received.insert(4), Insert::TooFar);
    assert_eq!(received.insert(3), Insert::New);
    assert_eq!(received.insert(4), Insert::New);
    assert_eq!(received.insert(5), Insert::New);
    assert_eq!(received.ranges(), [(2, 6)]);
    assert_eq!(received.first_hole(), Some((0, 1)));
}

#[test]
fn a_gap_the_node_gave_up_is_counted_once_and_then_acknowledged() {
    let mut received = Received::<4>::starting_at(0);
    for seq in [0, 1, 5, 6, 9] {
        received.insert(seq);
    }
    assert_eq!(received.skip_to(8), 4, "2, 3, 4 and 7 are lost");
    assert_eq!(received.contiguous(), Some(7));
    assert_eq!(received.skip_to(8), 0);
    assert_eq!(received.insert(8), Insert::New);
    assert_eq!(received.contiguous(), Some(9));
}

#[test]
fn the_last_sequence_there_is_does_not_overflow() {
    let mut received = Received::<2>::starting_at(u64::MAX - 1);
    assert_eq!(received.insert(u64::MAX), Insert::New);
    assert_eq!(received.first_hole(), Some((u64::MAX - 1, u64::MAX - 1)));
    assert_eq!(received.insert(u64::MAX - 1), Insert::New);
    assert_eq!(received.contiguous(), Some(u64::MAX));
    assert_eq!(received.insert(u64::MAX), Insert::Duplicate);
    assert_eq!(received.skip_to(u64::MAX), 0);
    let mut wide = Received::<2>::starting_at(0);
    assert_eq!(wide.insert(u64::MAX), Insert::New);
    assert_eq!((wide.missing(), wide.highest()), (u64::MAX, Some(u64::MAX)));
    assert_eq!(wide.skip_to(u64::MAX), u64::MAX);
    assert_eq!(wide.contiguous(), Some(u64::MAX));
}

#[test]
fn a_stored_state_that_does_not_fit_is_refused() {
    assert_eq!(Received::<1>::restore(5, 4, []), None);
    assert_eq!(Received::<1>::restore(0, 0, [(2, 3), (5, 6)]), None);
    assert!(
        Received::<1>::restore(0, 0, [(2, 3), (4, 6)]).is_some(),
        "adjacent ranges are one"
    );
}
