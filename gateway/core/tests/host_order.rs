//! The Sparkplug host: order, loss, repeats, rebirth requests. Names of assertions: Sparkplug 3.0.0.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use support::*;
use vigil_core::Output;
use vigil_core::Settings;
use vigil_core::UtcMillis;
use vigil_core::sample::Reading;
use vigil_protocol::sparkplug::Metric;
use vigil_protocol::sparkplug::MetricValue;
use vigil_protocol::vocabulary::Quantity;

// covers: tck-id-operational-behavior-host-reordering-start, tck-id-operational-behavior-host-reordering-success
#[test]
fn messages_out_of_order_are_logged_at_once_and_used_in_order() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    let late = payload(Some(site.now), Some(3), &[pressure(0.81)]);
    site.now += 100;
    let out = site.send(DDATA, 4, &[pressure(0.82)]).clone();
    assert_eq!(logged(&out).len(), 1);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.8)),
        "waits"
    );
    site.now += 100;
    site.raw(DDATA, late);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.82))
    );
    let out = site.wait(10_000).clone();
    assert_eq!(rebirths(&out), 0, "the timer ended with the gap");
    let node = site.node("s/n1");
    assert_eq!(node.seq_gaps, 0);
    assert!(has_oddity(&node, "reordered"));
}

// covers: tck-id-operational-behavior-host-reordering-rebirth, tck-id-operational-behavior-host-reordering-param
#[test]
fn what_does_not_come_within_the_reorder_timeout_is_given_up_and_a_rebirth_asked_for() {
    for timeout in [500, 2_000] {
        let mut site = Site::with(
            CATALOG,
            Settings {
                reorder_timeout_ms: timeout,
                ..Settings::default()
            },
        );
        site.births();
        site.now += 1_000;
        site.send(DDATA, 5, &[pressure(0.82)]);
        assert_eq!(rebirths(site.wait(timeout - 1)), 0);
        assert_eq!(
            site.reading("boiler", Quantity::SteamPressure),
            Some(Reading::Number(0.8))
        );
        assert_eq!(rebirths(site.wait(1)), 1);
        assert_eq!(
            site.reading("boiler", Quantity::SteamPressure),
            Some(Reading::Number(0.82))
        );
        let node = site.node("s/n1");
        assert_eq!(
            (node.seq_gaps, node.totals.expected, node.totals.received),
            (1, 6, 4)
        );
        // What was given up may still come: it is used as late data.
        site.send(DDATA, 3, &[]);
        assert_eq!(site.node("s/n1").totals.late, 1);
        site.send(NBIRTH, 0, &[named("bdSeq", MetricValue::Int64(1))]);
        assert_eq!(site.node("s/n1").rebirths_answered, 1);
    }
}

#[test]
fn more_messages_than_the_capacity_end_the_waiting() {
    let mut site = Site::with(
        CATALOG,
        Settings {
            reorder_capacity: 3,
            ..Settings::default()
        },
    );
    site.births();
    for seq in 4..8 {
        site.now += 10;
        site.send(DDATA, seq, &[pressure(f64::from(seq) / 10.0)]);
    }
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.7))
    );
    assert_eq!(site.node("s/n1").seq_gaps, 1);
}

#[test]
fn data_before_any_birth_is_used_by_name_and_asks_for_a_birth_ever_more_rarely() {
    let mut site = Site::new();
    let mut asked = 0;
    for minute in 0..60_i64 {
        site.now = T0 + minute * 60_000;
        let metric = named("steam_pressure", MetricValue::Double(0.7));
        asked += rebirths(&site.send(DDATA, minute as u8, &[metric, pressure(9.9)]).clone());
    }
    assert_eq!(asked, 5);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.7))
    );
    let node = site.node("s/n1");
    for key in ["data_before_birth", "unknown_alias", "never_answers_rebirth"] {
        assert!(has_oddity(&node, key), "{key}: {:?}", node.oddities);
    }
    // Once it is born by itself it may be asked again.
    site.births();
    site.send(DDATA, 3, &[Metric::aliased(77, MetricValue::Double(1.0))]);
    assert_eq!(site.node("s/n1").rebirths_requested, 6);
}

// Interop note 1.
#[test]
fn a_node_that_goes_off_the_air_after_a_request_is_never_asked_again() {
    let mut site = Site::new();
    let metric = || [named("steam_pressure", MetricValue::Double(0.7))];
    assert_eq!(rebirths(site.send(DDATA, 0, &metric())), 1);
    site.now += 91_000;
    site.raw(NDEATH, payload(None, None, &[]));
    let mut asked = 0;
    for hour in 1..24 {
        site.now = T0 + hour * 3_600_000;
        asked += rebirths(&site.send(DDATA, hour as u8, &metric()).clone());
    }
    assert_eq!(asked, 0);
    assert!(has_oddity(&site.node("s/n1"), "silent_after_rebirth"));
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.7)),
        "data is kept"
    );
}

// Interop note 1: it births `DATA/x` and then sends `x`.
#[test]
fn metrics_sent_by_another_name_than_born_are_used_without_asking_for_a_rebirth() {
    let mut site = Site::new();
    site.send(NBIRTH, 0, &[]);
    site.send(
        DBIRTH,
        1,
        &[named("DATA/steam_pressure", MetricValue::Double(0.5))],
    );
    let out = site
        .send(DDATA, 2, &[named("steam_pressure", MetricValue::Double(0.6))])
        .clone();
    assert_eq!(rebirths(&out), 0);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.6))
    );
    assert!(has_oddity(&site.node("s/n1"), "undeclared_metric"));
}

// Interop note 6: two connections, one sequence.
#[test]
fn two_connections_with_one_sequence_lose_nothing() {
    let mut site = Site::new();
    site.send(NBIRTH, 204, &[named("bdSeq", MetricValue::Int64(0))]);
    site.send(DBIRTH, 205, &boiler_birth());
    for (step, seq) in [207_u8, 206, 208, 210, 209].into_iter().enumerate() {
        site.now = T0 + 1_000 + step as i64 * 10;
        let metric = pressure(f64::from(seq) / 1_000.0).at(UtcMillis(T0 + i64::from(seq)));
        site.send(DDATA, seq, &[metric]);
    }
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.21))
    );
    let out = site.wait(60_000).clone();
    assert_eq!((rebirths(&out), site.node("s/n1").seq_gaps), (0, 0));
}

#[test]
fn redelivered_messages_are_counted_and_do_nothing() {
    let mut site = Site::new();
    site.births();
    for n in 0..10_u8 {
        site.now += 1_000;
        site.send(DDATA, 3 + n, &[pressure(0.8 + f64::from(n) / 100.0)]);
    }
    let before = format!("{:?}", site.latest("boiler", Quantity::SteamPressure));
    let again: Vec<_> = site.fed[2..].iter().map(|(fed, _)| fed.input.clone()).collect();
    site.now += 100;
    for input in again {
        let out = site.input(input).clone();
        assert!(matches!(&out[..], [Output::Duplicate { .. }]), "{out:?}");
    }
    assert_eq!(
        format!("{:?}", site.latest("boiler", Quantity::SteamPressure)),
        before
    );
    assert_eq!(site.node("s/n1").totals.duplicate, 11);
    assert_eq!(site.node("s/n1").totals.received, 13);
}

#[test]
fn a_node_that_restarts_without_a_birth_is_followed_and_asked_for_one() {
    let mut site = Site::new();
    site.births();
    for seq in 3..60_u8 {
        site.now += 100;
        site.send(DDATA, seq, &[pressure(0.8)]);
    }
    let mut asked = 0;
    for seq in 0..10_u8 {
        site.now += 100;
        asked += rebirths(&site.send(DDATA, seq, &[pressure(0.9)]).clone());
    }
    assert_eq!(asked, 1);
    let node = site.node("s/n1");
    assert!(has_oddity(&node, "seq_restarted"));
    assert_eq!((node.totals.late, node.totals.received), (3, 60 + 7));
}
