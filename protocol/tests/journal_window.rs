//! The node's side of the journal against a set of held messages, and both sides over a lossy link.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;
use vigil_protocol::journal::{Insert, Received, SendWindow};

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

#[derive(Clone, Debug)]
enum Step {
    Assign,
    SendOne,
    Rewind,
    Ack(u64),
    Drop(u64),
    Resend(u64, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let near = 0..40_u64;
    let step = prop_oneof![
        8 => Just(Step::Assign),
        6 => Just(Step::SendOne),
        1 => Just(Step::Rewind),
        3 => near.clone().prop_map(Step::Ack),
        1 => (0..4_u64).prop_map(Step::Drop),
        2 => (near.clone(), near).prop_map(|(from, to)| Step::Resend(from, to)),
    ];
    proptest::collection::vec(step, 0..100)
}

/// First and last of a set of consecutive sequences.
fn span(set: &BTreeSet<u64>) -> Option<(u64, u64)> {
    Some((*set.first()?, *set.last()?))
}

proptest! {
    #[test]
    fn the_window_agrees_with_a_set_of_held_messages(
        base in prop_oneof![Just(0), Just(1_000), Just(u64::MAX - 20)],
        steps in steps(),
    ) {
        let mut window = SendWindow::new(base);
        let (mut held, mut sent, mut next, mut dropped) = (BTreeSet::new(), BTreeSet::new(), base, 0);
        for step in steps {
            match step {
                Step::Assign => {
                    let expected = (next < u64::MAX).then_some(next);
                    prop_assert_eq!(window.assign(), expected);
                    held.extend(expected);
                    next += u64::from(expected.is_some());
                }
                Step::SendOne => {
                    let expected = held.difference(&sent).next().copied();
                    prop_assert_eq!(window.to_send(), expected);
                    if let Some(seq) = expected {
                        window.on_sent(seq);
                        sent.insert(seq);
                    }
                }
                Step::Rewind => {
                    window.rewind();
                    sent.clear();
                }
                Step::Ack(at) => {
                    let through = base.saturating_add(at);
                    let freed: BTreeSet<_> = held.iter().copied().filter(|&seq| seq <= through && through < next).collect();
                    prop_assert_eq!(window.on_ack(through), span(&freed), "ack {}", through);
                    held = &held - &freed;
                }
                Step::Drop(count) => {
                    let oldest: BTreeSet<_> = held.iter().copied().take(count as usize).collect();
                    prop_assert_eq!(window.on_drop_oldest(count), span(&oldest));
                    held = &held - &oldest;
                    dropped += oldest.len() as u64;
                }
                Step::Resend(from, to) => {
                    let (from, to) = (base.saturating_add(from), base.saturating_add(to));
                    let asked: BTreeSet<_> = held.iter().copied().filter(|seq| (from..=to).contains(seq)).collect();
                    prop_assert_eq!(window.on_resend(from, to), span(&asked), "resend {}..={}", from, to);
                }
            }
            prop_assert_eq!(window.pending(), held.len() as u64);
            prop_assert_eq!(window.unsent(), held.difference(&sent).count() as u64);
            prop_assert_eq!((window.first(), window.next()), (held.first().copied().unwrap_or(next), next));
            prop_assert_eq!(window.dropped(), dropped);
        }
    }
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
