//! Journal arithmetic against naive models: a set of sequences for the gateway, a loop over a lossy link for both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;
use vigil_protocol::journal::{Insert, Received, SendWindow};

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

#[test]
fn the_window_frees_exactly_what_is_acknowledged() {
    let mut window = SendWindow::new(0);
    let assigned: Vec<_> = (0..5).map(|_| window.assign().unwrap()).collect();
    assert_eq!(assigned, [0, 1, 2, 3, 4]);
    assert_eq!(window.on_ack(2), Some((0, 2)));
    assert_eq!(window.on_ack(2), None, "repeated");
    assert_eq!(window.on_ack(1), None, "older");
    assert_eq!(window.on_ack(5), None, "never assigned");
    assert_eq!(window.on_ack(u64::MAX), None, "nonsense");
    assert_eq!((window.first(), window.next(), window.pending()), (3, 5, 2));
}

#[test]
fn the_cursor_sends_each_once_a_session_and_rewinds_to_the_unacknowledged() {
    let mut window = SendWindow::restore(10, 14, 0).unwrap();
    let mut sent = Vec::new();
    while let Some(seq) = window.to_send() {
        sent.push(seq);
        window.on_sent(seq);
    }
    assert_eq!(sent, [10, 11, 12, 13]);
    window.on_ack(11);
    window.rewind();
    assert_eq!((window.to_send(), window.unsent()), (Some(12), 2));
    window.on_ack(13);
    assert_eq!((window.to_send(), window.pending()), (None, 0));
}

#[test]
fn dropping_the_oldest_is_counted_and_never_more_than_held() {
    let mut window = SendWindow::restore(10, 14, 1).unwrap();
    assert_eq!(window.on_drop_oldest(3), Some((10, 12)));
    assert_eq!(window.on_drop_oldest(9), Some((13, 13)));
    assert_eq!(window.on_drop_oldest(1), None);
    assert_eq!((window.dropped(), window.first(), window.next()), (5, 14, 14));
}

#[test]
fn a_resend_request_is_clipped_to_what_is_held() {
    let window = SendWindow::restore(10, 20, 0).unwrap();
    assert_eq!(window.on_resend(0, u64::MAX), Some((10, 19)));
    assert_eq!(window.on_resend(12, 13), Some((12, 13)));
    assert_eq!(window.on_resend(0, 9), None);
    assert_eq!(window.on_resend(20, 25), None);
    assert_eq!(window.on_resend(13, 12), None);
}

#[test]
fn an_epoch_ends_before_the_number_overflows() {
    let mut window = SendWindow::restore(u64::MAX - 1, u64::MAX - 1, 0).unwrap();
    assert_eq!(window.assign(), Some(u64::MAX - 1));
    assert_eq!(window.assign(), None);
    assert_eq!(window.on_resend(0, u64::MAX), Some((u64::MAX - 1, u64::MAX - 1)));
    assert_eq!(window.on_ack(u64::MAX - 1), Some((u64::MAX - 1, u64::MAX - 1)));
    assert_eq!(SendWindow::restore(2, 1, 0), None);
}

/// What happens on and around the link in one round.
#[derive(Clone, Debug)]
enum Event {
    Measure,
    Send { lost: bool, twice: bool },
    AckSent,
    AckArrives,
    Reconnect,
    FlashFull,
    Reformat,
    GatewayRestart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        10 => Just(Event::Measure),
        10 => (any::<bool>(), any::<bool>()).prop_map(|(lost, twice)| Event::Send { lost, twice }),
        3 => Just(Event::AckSent),
        3 => Just(Event::AckArrives),
        2 => Just(Event::Reconnect),
        1 => Just(Event::FlashFull),
        1 => Just(Event::Reformat),
        1 => Just(Event::GatewayRestart),
    ];
    proptest::collection::vec(event, 0..200)
}

proptest! {
    #[test]
    fn over_a_lossy_link_every_kept_message_arrives_exactly_once(events in events()) {
        let mut epoch = 1_u64;
        let mut window = SendWindow::new(0);
        let mut received = Received::<4>::starting_at(0);
        let mut disk = BTreeSet::new();
        let mut gone = BTreeSet::new();
        let mut measured = BTreeSet::new();
        let mut in_flight = VecDeque::new();
        // The gateway's side of one delivery: store what is new, once.
        let deliver = |received: &mut Received<4>, disk: &mut BTreeSet<(u64, u64)>, epoch, seq| {
            match received.insert(seq) {
                Insert::New => prop_assert!(disk.insert((epoch, seq)), "stored twice: {seq}"),
                Insert::Duplicate | Insert::TooFar => {}
            }
            Ok(())
        };
        for event in events {
            match event {
                Event::Measure => {
                    if let Some(seq) = window.assign() {
                        measured.insert((epoch, seq));
                    }
                }
                Event::Send { lost, twice } => {
                    if let Some(seq) = window.to_send() {
                        window.on_sent(seq);
                        for _ in 0..usize::from(!lost) * (1 + usize::from(twice)) {
                            deliver(&mut received, &mut disk, epoch, seq)?;
                        }
                    }
                }
                Event::AckSent => in_flight.extend(received.contiguous().map(|through| (epoch, through))),
                // Late, and perhaps of an epoch that is over: the caller compares epochs.
                Event::AckArrives => {
                    let acked = in_flight.pop_front().filter(|ack| ack.0 == epoch).and_then(|ack| window.on_ack(ack.1));
                    for seq in acked.into_iter().flat_map(|(from, to)| from..=to) {
                        prop_assert!(disk.contains(&(epoch, seq)) || gone.contains(&(epoch, seq)), "freed unsaved {seq}");
                    }
                }
                Event::Reconnect => {
                    window.rewind();
                    received.skip_to(window.first());
                }
                Event::FlashFull => {
                    if let Some((from, to)) = window.on_drop_oldest(2) {
                        gone.extend((from..=to).map(|seq| (epoch, seq)));
                    }
                }
                Event::Reformat => {
                    gone.extend((window.first()..window.next()).map(|seq| (epoch, seq)));
                    epoch += 1;
                    window = SendWindow::new(0);
                    received = Received::starting_at(0);
                }
                Event::GatewayRestart => {
                    let ranges = received.ranges().to_vec();
                    received = Received::restore(0, received.next_expected(), ranges).expect("what was stored fits");
                }
            }
        }
        // A final quiet session: everything still held gets through.
        window.rewind();
        received.skip_to(window.first());
        while let Some(seq) = window.to_send() {
            window.on_sent(seq);
            deliver(&mut received, &mut disk, epoch, seq)?;
        }
        if let Some(through) = received.contiguous() {
            window.on_ack(through);
        }
        prop_assert_eq!(window.pending(), 0);
        let accounted: BTreeSet<_> = disk.union(&gone).copied().collect();
        prop_assert_eq!(accounted, measured, "nothing lost silently, nothing invented");
    }
}
