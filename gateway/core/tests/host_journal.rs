//! The host side of the journal: acknowledgements, holes, drops, epochs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use support::*;
use vigil_core::Output;
use vigil_core::output::CommandKind;
use vigil_protocol::sparkplug::MetricValue;
use vigil_protocol::vocabulary::Quantity;

#[test]
fn journaled_messages_are_acknowledged_when_the_time_has_come() {
    let mut site = Site::new();
    site.journal_births(5, 10);
    for n in 0..3_u8 {
        site.now += 1_000;
        let at = site.now;
        let out = site.journaled(2 + n, 10 + u64::from(n), at, 0.8, false).clone();
        assert_eq!(logged(&out)[0].journal, Some((5, 10 + u64::from(n))));
        assert_eq!(commands(&out), []);
    }
    assert_eq!(
        commands(site.wait(10_000)),
        [CommandKind::JournalAck { epoch: 5, seq: 12 }]
    );
    let journal = site.node("s/n1").journal.unwrap();
    assert_eq!(
        (journal.contiguous, journal.highest, journal.acked),
        (Some(12), Some(12), Some(12))
    );
}

#[test]
fn a_hole_in_the_journal_is_asked_for_and_filled_without_touching_the_present() {
    let mut site = Site::new();
    site.journal_births(5, 10);
    for (seq, journal) in [(2, 10), (3, 14)] {
        site.now += 1_000;
        let at = site.now;
        site.journaled(seq, journal, at, 0.8, false);
    }
    let out = site.wait(2_000).clone();
    assert_eq!(
        commands(&out),
        [CommandKind::JournalResend {
            epoch: 5,
            from: 11,
            to: 13
        }]
    );
    let latest = site.latest("boiler", Quantity::SteamPressure);
    for journal in 11..14 {
        let out = site
            .journaled(4, journal, T0 + 1_200 + journal as i64, 0.7, true)
            .clone();
        assert!(logged(&out)[0].historical);
    }
    assert_eq!(site.latest("boiler", Quantity::SteamPressure), latest);
    let node = site.node("s/n1");
    let totals = node.totals;
    assert_eq!(
        (totals.expected, totals.received, totals.late, totals.dropped),
        (5, 2, 3, 0)
    );
    assert_eq!(node.journal.unwrap().contiguous, Some(14));
}

#[test]
fn what_was_received_is_not_logged_again_and_the_node_is_told() {
    let mut site = Site::new();
    site.journal_births(5, 0);
    for n in 0..4_u8 {
        site.now += 1_000;
        let at = site.now;
        site.journaled(2 + n, u64::from(n), at, 0.8, false);
    }
    site.wait(10_000);
    let mut acks = 0;
    for n in 0..4_u8 {
        site.now += 10;
        let out = site.journaled(6 + n, u64::from(n), T0, 0.8, true).clone();
        assert_eq!(logged(&out).len(), 0);
        assert!(
            out.iter()
                .any(|output| matches!(output, Output::Duplicate { .. }))
        );
        acks += commands(&out).len();
    }
    assert_eq!(acks, 1, "at once, but not once per message");
    assert_eq!(site.node("s/n1").totals.duplicate, 4);
}

#[test]
fn what_the_node_dropped_is_a_gap_not_silence() {
    let mut site = Site::new();
    site.journal_births(5, 10);
    site.now += 1_000;
    let at = site.now;
    site.journaled(2, 10, at, 0.8, false);
    site.now += 1_000;
    let before = site.fed.len();
    site.journal_births(5, 31);
    let out: Vec<_> = site.fed[before..].iter().flat_map(|(_, out)| out).collect();
    let dropped = |output: &&&Output| matches!(output, Output::Gap(gap) if gap.reason == vigil_core::output::GapReason::Dropped);
    assert!(out.iter().any(|output| dropped(&output)), "{out:?}");
    let node = site.node("s/n1");
    assert_eq!((node.totals.dropped, node.totals.expected), (20, 21));
    assert_eq!(node.journal.unwrap().contiguous, Some(30));
    // Node data may say so too.
    site.send(NDATA, 2, &[named("Journal/First", MetricValue::UInt64(41))]);
    assert_eq!(site.node("s/n1").totals.dropped, 30);
}

#[test]
fn a_new_epoch_starts_over() {
    let mut site = Site::new();
    site.journal_births(5, 10);
    site.journaled(2, 10, T0, 0.8, false);
    site.now += 1_000;
    site.journal_births(6, 0);
    let at = site.now;
    let out = site.journaled(2, 0, at, 0.7, false).clone();
    assert_eq!(logged(&out)[0].journal, Some((6, 0)));
    assert_eq!(site.node("s/n1").journal.unwrap().epoch, 6);
}

#[test]
fn a_birth_that_says_what_comes_next_shows_whether_anything_was_missed() {
    // (received before the second birth, what the birth says comes next, its session, covered)
    let cases = [
        (2, Some(12), 0, true),
        (2, Some(14), 0, false),
        // The end of a session that was not heard is no hole when nothing was said in it.
        (2, Some(12), 1, true),
        (2, Some(13), 1, false),
        (2, None, 0, true),
        (2, None, 1, false),
    ];
    for (received, next, bd_seq, covered) in cases {
        let mut site = Site::new();
        site.journal_births(5, 10);
        for n in 0..received {
            site.now += 1_000;
            let at = site.now;
            // Above the limit, which must last.
            site.journaled(2 + n, 10 + u64::from(n), at, 1.2, false);
        }
        site.now += 1_000;
        let mut birth = vec![
            named("bdSeq", MetricValue::Int64(bd_seq)),
            named("Journal/Epoch", MetricValue::UInt64(5)),
            named("Journal/First", MetricValue::UInt64(10)),
        ];
        birth.extend(next.map(|next| named("Journal/Next", MetricValue::UInt64(next))));
        let before = site.fed.len();
        site.send(NBIRTH, 0, &birth);
        let mut boiler = boiler_birth().to_vec();
        boiler.push(named("Journal/Seq", MetricValue::UInt64(0)).with_alias(99));
        site.send(DBIRTH, 1, &boiler);
        let gap = site.fed[before..]
            .iter()
            .flat_map(|(_, out)| out)
            .any(|output| matches!(output, Output::Gap(gap) if gap.equipment.as_ref() == "boiler"));
        assert_eq!(gap, !covered, "next {next:?} in session {bd_seq}");
    }
}

#[test]
fn after_such_a_birth_a_message_that_does_not_come_is_noticed_at_once() {
    let mut site = Site::new();
    site.journal_births(5, 10);
    let next = [
        named("bdSeq", MetricValue::Int64(0)),
        named("Journal/Epoch", MetricValue::UInt64(5)),
        named("Journal/First", MetricValue::UInt64(10)),
        named("Journal/Next", MetricValue::UInt64(10)),
    ];
    site.now += 100;
    site.send(NBIRTH, 0, &next);
    let mut boiler = boiler_birth().to_vec();
    boiler.push(named("Journal/Seq", MetricValue::UInt64(0)).with_alias(99));
    site.send(DBIRTH, 1, &boiler);
    site.now += 1_000;
    let at = site.now;
    site.journaled(2, 11, at, 0.9, false);
    let pressure = |site: &Site| site.latest("boiler", Quantity::SteamPressure).unwrap().at.0;
    assert_ne!(pressure(&site), at, "waits for number 10");
    site.wait(2_000);
    assert_eq!(pressure(&site), at);
    assert_eq!(site.node("s/n1").seq_gaps, 1);
}

#[test]
fn journal_numbers_without_an_epoch_wait_for_the_birth() {
    let mut site = Site::new();
    let named_seq = named("Journal/Seq", MetricValue::UInt64(100));
    let data = [named("steam_pressure", MetricValue::Double(0.7)), named_seq];
    let out = site.send(DDATA, 9, &data).clone();
    assert_eq!((logged(&out).len(), rebirths(&out)), (0, 1));
    site.now += 500;
    site.journal_births(5, 100);
    site.now += 500;
    let at = site.now;
    let out = site.journaled(2, 100, at - 1_000, 0.7, true).clone();
    assert_eq!(logged(&out)[0].journal, Some((5, 100)));
}

#[test]
fn a_journaled_message_whose_aliases_are_unknown_is_not_logged_before_it_can_be_recognized() {
    let mut site = Site::new();
    let epoch = [
        named("bdSeq", MetricValue::Int64(0)),
        named("Journal/Epoch", MetricValue::UInt64(5)),
    ];
    site.send(NBIRTH, 0, &epoch);
    // Its device birth was lost.
    let at = site.now;
    let out = site.journaled(2, 0, at, 0.7, false).clone();
    assert_eq!((logged(&out).len(), rebirths(&out)), (0, 1));
    site.now += 1_000;
    site.journal_births(5, 0);
    site.now += 1_000;
    let out = site.journaled(2, 0, at, 0.7, true).clone();
    assert_eq!(logged(&out)[0].journal, Some((5, 0)));
}
