//! The journal in the session: order, pace, acknowledgements, resending, and what the gateway may ask.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

mod support;

use support::{Bench, CONFIG, GotValue, Message, NODE, PRESSURE, T0, sample};
use vigil_firmware::{
    Config, DeviceDef, Failure, Header, NodeDef, Phase, Place, RamStorage, ReportError, Sample, Scratch,
    Session, Storage as _,
};
use vigil_protocol::sparkplug::{Metric, MetricValue};
use vigil_protocol::time::UtcMillis;

/// Alias of the boiler's `Journal/Seq`: after the session's own, one property and five metrics.
const BOILER_SEQ: u64 = 8 + 1 + 5;
const NODE_SEQ: u64 = 7;
const FIRST: u64 = 3;
const DROPPED: u64 = 4;

fn seq(message: &Message) -> Option<u64> {
    let metric = message
        .by_alias(BOILER_SEQ)
        .or_else(|| message.by_alias(NODE_SEQ))?;
    match metric.value {
        GotValue::Number(number) => Some(number as u64),
        _ => None,
    }
}

/// Journal sequence and whether it was marked historical, of all data.
fn data(messages: &[Message]) -> Vec<(u64, bool)> {
    let data = messages.iter().filter(|message| message.is_data());
    data.filter_map(|message| {
        Some((
            seq(message)?,
            message.metrics.iter().all(|metric| metric.historical),
        ))
    })
    .collect()
}

#[test]
fn what_was_measured_without_a_connection_is_sent_as_history_after_the_births() {
    let mut bench = Bench::new();
    for n in 0..3 {
        bench.later(1_000);
        bench.pressure(f64::from(n));
    }
    bench.connect();
    let all = bench.all();
    assert_eq!(data(&all), [(0, true), (1, true), (2, true)]);
    let pressures: Vec<_> = all
        .iter()
        .filter(|m| m.is_data())
        .map(|m| m.metrics.last().unwrap().value.clone())
        .collect();
    assert_eq!(pressures, [0.0, 1.0, 2.0].map(GotValue::Number));
    let times: Vec<_> = all
        .iter()
        .filter(|m| m.is_data())
        .map(|m| m.metrics.last().unwrap().timestamp.unwrap() - T0.0)
        .collect();
    assert_eq!(times, [1_000, 2_000, 3_000], "as of when they were measured");
    bench.pressure(9.0);
    assert_eq!(
        data(&bench.published()),
        [(3, false)],
        "and what comes now is live"
    );
}

#[test]
fn the_first_message_of_a_device_since_power_up_says_so_and_births_until_then() {
    let mut bench = Bench::new();
    bench.connect();
    let births = |messages: &[Message]| {
        let births = messages
            .iter()
            .filter(|message| message.device.is_some() && message.is_birth());
        let boots = births.map(|birth| birth.metric("Journal/Boot").clone());
        boots.map(|boot| (boot.value, boot.alias)).collect::<Vec<_>>()
    };
    let before = births(&bench.all());
    let alias = before[0].1.unwrap();
    assert!(
        before.iter().all(|(value, _)| *value == GotValue::Bool(true)),
        "{before:?}"
    );
    bench.pressure(1.0);
    bench.pressure(2.0);
    let sent = bench.published();
    assert_eq!(sent[0].by_alias(alias).unwrap().value, GotValue::Bool(true));
    assert_eq!(sent[1].by_alias(alias), None, "only the first");
    bench.rebirth();
    let again = bench.published();
    let after: Vec<_> = births(&again).into_iter().map(|(value, _)| value).collect();
    assert_eq!(after[0], GotValue::Bool(false));
    assert!(
        after[1..].iter().all(|value| *value == GotValue::Bool(true)),
        "{after:?}"
    );
    assert_eq!(
        again[0].number("Journal/Next"),
        2.0,
        "the next to be sent as it happens"
    );
    // Sent again, it says so again.
    let first = again
        .iter()
        .find(|message| message.is_data() && seq(message) == Some(0))
        .unwrap();
    let boot = first.by_alias(alias).unwrap();
    assert_eq!((&boot.value, boot.historical), (&GotValue::Bool(true), true));
}

#[test]
fn history_keeps_its_pace_and_live_data_goes_first() {
    let config = Config {
        history_burst: 4,
        history_interval_ms: 100,
        ..CONFIG
    };
    let mut bench = Bench::config(config);
    for n in 0..10 {
        bench.pressure(f64::from(n));
    }
    bench.connect();
    assert_eq!(data(&bench.all()), [(0, true), (1, true), (2, true), (3, true)]);
    assert_eq!(bench.session.next_wake(), Some(bench.now.saturating_add_ms(100)));
    bench.later(99);
    assert_eq!(bench.published(), []);
    bench.later(1);
    bench.pressure(50.0);
    assert_eq!(
        data(&bench.published()),
        [(10, false), (4, true), (5, true), (6, true), (7, true)]
    );
    bench.later(100);
    assert_eq!(data(&bench.published()), [(8, true), (9, true)]);
}

#[test]
fn a_message_is_in_the_journal_before_it_is_sent_and_leaves_it_when_acknowledged() {
    let mut bench = Bench::online();
    assert_eq!(bench.pressure(1.0), 1);
    assert_eq!(
        (bench.session.journal().pending(), bench.session.counters().data),
        (1, 0)
    );
    bench.pressure(2.0);
    bench.run();
    assert_eq!(
        (bench.session.journal().pending(), bench.session.counters().data),
        (2, 2)
    );
    assert_eq!(bench.ack(1, 1).freed, 0, "another epoch");
    assert_eq!(bench.ack(77, 0).freed, 1);
    assert!(!bench.session.is_settled());
    assert_eq!(bench.ack(77, 1).freed, 1);
    assert!(bench.session.is_settled());
    assert_eq!(bench.ack(77, 1).freed, 0, "again");
    bench.later(3_600_000);
    assert_eq!(data(&bench.published()), [], "nothing is sent again");
}

#[test]
fn without_acknowledgement_everything_is_sent_again_ever_more_patiently() {
    let mut bench = Bench::online_with(Config {
        ack_timeout_ms: 10_000,
        heartbeat_ms: 0,
        ..CONFIG
    });
    bench.pressure(1.0);
    bench.pressure(2.0);
    assert_eq!(data(&bench.published()), [(0, false), (1, false)]);
    for wait in [10_000, 20_000, 40_000] {
        bench.later(wait - 1);
        assert_eq!(bench.published(), [], "{wait}");
        bench.later(1);
        assert_eq!(bench.session.next_wake(), Some(bench.now));
        assert_eq!(data(&bench.published()), [(0, true), (1, true)], "{wait}");
    }
    // An acknowledgement of a part: patience is short again, and only the rest is sent.
    bench.ack(77, 0);
    bench.later(10_000);
    assert_eq!(data(&bench.published()), [(1, true)]);
    assert_eq!(bench.session.counters().ack_timeouts, 4);
}

#[test]
fn a_hole_is_filled_on_request_with_what_is_still_held() {
    let mut bench = Bench::online();
    for n in 0..6 {
        bench.pressure(f64::from(n));
    }
    bench.run();
    bench.ack(77, 1);
    assert_eq!(bench.resend(77, 3, 4).resend, Some((3, 4)));
    assert_eq!(data(&bench.published()), [(3, true), (4, true)]);
    assert_eq!(bench.resend(76, 3, 4).resend, None, "another epoch");
    assert_eq!(bench.resend(77, 90, 95).resend, None, "never used");
    assert_eq!(bench.resend(77, 0, 2).resend, Some((2, 2)), "0 and 1 are gone");
    bench.later(10_000);
    let answer = bench.published();
    let status = answer
        .iter()
        .find(|message| message.by_alias(FIRST).is_some())
        .unwrap();
    assert_eq!(
        status.by_alias(FIRST).unwrap().value,
        GotValue::Number(2.0),
        "so it says what it still has"
    );
}

#[test]
fn a_request_for_what_is_not_sent_yet_is_answered_by_sending_it_live() {
    let mut bench = Bench::online();
    bench.pressure(1.0);
    assert_eq!(bench.resend(77, 0, 0).resend, None);
    assert_eq!(data(&bench.published()), [(0, false)]);
}

#[test]
fn a_full_journal_drops_the_oldest_and_tells_how_many() {
    let mut bench = Bench::with(NODE, CONFIG, RamStorage::<400, 8>::new());
    bench.connect();
    bench.did.clear();
    for n in 0..20 {
        bench.pressure(f64::from(n));
    }
    let dropped = bench.session.journal().dropped();
    assert!(dropped > 5 && dropped == bench.session.journal().first());
    bench.later(5_000);
    let sent = bench.published();
    let status = sent
        .iter()
        .find(|message| message.by_alias(DROPPED).is_some())
        .unwrap();
    assert_eq!(
        status.by_alias(DROPPED).unwrap().value,
        GotValue::Number(dropped as f64)
    );
    assert_eq!(
        status.by_alias(FIRST).unwrap().value,
        GotValue::Number(dropped as f64)
    );
    assert_eq!(seq(status), None, "it speaks of the journal and is not in it");
    bench.rebirth();
    let birth = &bench.published()[0];
    assert_eq!(birth.number("Journal/Dropped"), dropped as f64);
    assert_eq!(birth.number("Journal/First"), dropped as f64);
    assert_eq!(birth.number("Journal/Epoch"), 77.0);
}

#[test]
fn a_record_that_cannot_be_read_is_replaced_by_an_empty_message_and_counted() {
    let mut flash = RamStorage::<4_096, 64>::new();
    // As if half of a page had rotted: a record that is no message.
    let mut bench = Bench::with(NODE, CONFIG, flash.clone());
    bench.pressure(1.0);
    let header = Header {
        ..bench.session.into_storage().header().unwrap().unwrap()
    };
    flash.save_header(&header).unwrap();
    flash.append(0, &[0, 0, 0xff, 0xff]).unwrap();
    let mut bench = Bench::with(NODE, CONFIG, flash);
    bench.connect();
    assert_eq!(data(&bench.all()), [(0, true)]);
    assert_eq!(bench.session.journal().dropped(), 1);
    assert_eq!(bench.ack(77, 0).freed, 1);
}

#[test]
fn a_power_cut_keeps_what_was_journaled_and_the_epoch() {
    let mut bench = Bench::online();
    bench.pressure(1.0);
    bench.run();
    bench.pressure(2.0);
    let mut bench = Bench::with(NODE, CONFIG, bench.session.into_storage());
    bench.connect();
    assert_eq!(data(&bench.all()), [(0, true), (1, true)]);
    assert_eq!(bench.all()[0].number("Journal/Epoch"), 77.0);
}

#[test]
fn without_a_journal_nothing_is_kept_and_nothing_is_said_of_one() {
    let config = Config {
        journal: false,
        ..CONFIG
    };
    let mut bench = Bench::config(config);
    bench.pressure(1.0);
    bench.connect();
    let all = bench.all();
    assert_eq!(
        all.iter().filter(|message| message.is_data()).count(),
        0,
        "the birth has the value"
    );
    assert_eq!(all[1].metric("steam_pressure").value, GotValue::Number(1.0));
    for name in [
        "Journal/Seq",
        "Journal/Epoch",
        "Journal/First",
        "Journal/Next",
        "Journal/Boot",
        "Journal/Dropped",
    ] {
        assert!(all.iter().all(|message| message.find(name).is_none()), "{name}");
    }
    bench.pressure(1.0);
    assert_eq!(bench.published(), [], "the birth said it");
    bench.pressure(2.0);
    assert_eq!(bench.published().len(), 1);
    assert!(bench.session.is_settled());
    assert_eq!(bench.ack(77, 0), Default::default());
}

#[test]
fn a_device_that_confirms_its_values_is_heard_at_least_every_heartbeat() {
    let mut bench = Bench::online_with(Config {
        heartbeat_ms: 10_000,
        ..CONFIG
    });
    bench.pressure(1.0);
    assert_eq!(bench.published().len(), 1);
    for _ in 0..9 {
        bench.later(1_000);
        assert_eq!(bench.pressure(1.0), 0);
    }
    bench.later(1_000);
    assert_eq!(
        bench.pressure(1.0),
        1,
        "confirmed by a measurement, in the journal like any other"
    );
    assert_eq!(data(&bench.published()), [(1, false)]);
}

#[test]
fn a_node_with_nothing_to_say_says_that_it_lives() {
    let mut bench = Bench::online_with(Config {
        heartbeat_ms: 10_000,
        ..CONFIG
    });
    bench.later(9_999);
    assert_eq!(bench.published(), []);
    assert_eq!(bench.session.next_wake(), Some(bench.now.saturating_add_ms(1)));
    bench.later(1);
    let sent = bench.published();
    assert_eq!(
        (sent.len(), sent[0].kind.as_str(), seq(&sent[0])),
        (1, "NDATA", None)
    );
}

#[test]
fn a_report_longer_than_the_buffer_becomes_several_messages() {
    let names: Vec<String> = (0..30).map(|n| format!("m{n}")).collect();
    let metrics: Vec<_> = names
        .iter()
        .map(|name| vigil_firmware::MetricDef {
            name,
            ..support::BOILER[0]
        })
        .collect();
    let devices = [DeviceDef {
        id: "d",
        metrics: &metrics,
    }];
    let def = NodeDef {
        metrics: &[],
        devices: &devices,
        ..NODE
    };
    let mut session =
        Session::<'_, support::Ram, 32, 1>::open(def, CONFIG, support::Ram::new(), 1, T0).unwrap();
    let mut scratch = Scratch::<500>::new();
    let samples: Vec<_> = (0..30)
        .map(|n| sample(n, MetricValue::Double(n.into()), T0))
        .collect();
    let messages = session
        .report(T0, Place::Device(0), &samples, &mut scratch)
        .unwrap();
    assert!(messages > 1);
    assert_eq!(session.journal().next(), u64::from(messages));
    let mut tiny = Scratch::<60>::new();
    let error = session.report(
        T0,
        Place::Device(0),
        &[sample(0, MetricValue::Double(-1.0), T0)],
        &mut tiny,
    );
    assert_eq!(error, Err(ReportError::BufferTooSmall));
    // Thirty metrics with names do not fit 500 bytes: said, and not tried for ever.
    session.poll(T0, &mut scratch);
    session.on_connected(T0);
    while session.poll(T0, &mut scratch).is_some() {}
    assert!(
        matches!(session.phase(), Phase::Failed(Failure::BirthTooLong { needed, have: 500 }) if needed > 500)
    );
    assert_eq!(session.poll(T0.saturating_add_ms(60_000), &mut scratch), None);
}

#[test]
fn samples_that_do_not_fit_the_definition_are_refused_whole() {
    let mut bench = Bench::online();
    let (at, scratch) = (bench.now, &mut bench.scratch);
    let good = sample(PRESSURE, MetricValue::Double(1.0), at);
    let mut report = |place, bad: Sample<'_>| bench.session.report(at, place, &[good, bad], scratch);
    let boiler = Place::Device(0);
    let long = "x".repeat(100);
    assert_eq!(report(Place::Device(9), good), Err(ReportError::UnknownDevice));
    assert_eq!(
        report(boiler, sample(9, good.value, at)),
        Err(ReportError::UnknownMetric { metric: 9 })
    );
    let wrong = report(boiler, sample(1, MetricValue::Double(1.0), at));
    assert!(matches!(wrong, Err(ReportError::WrongType { metric: 1, .. })));
    assert!(wrong.unwrap_err().to_string().contains("Boolean"));
    assert_eq!(
        report(boiler, sample(2, MetricValue::Str(&long), at)),
        Err(ReportError::TextTooLong { metric: 2 })
    );
    assert_eq!(bench.session.journal().pending(), 0);
}

#[test]
fn a_number_that_is_none_is_sent_as_no_value() {
    let mut bench = Bench::online();
    let at = bench.now;
    bench.report(
        Place::Device(0),
        &[sample(PRESSURE, MetricValue::Double(f64::NAN), at)],
    );
    let sent = bench.published();
    assert_eq!(
        (sent[0].metrics[2].null, &sent[0].metrics[2].value),
        (true, &GotValue::None)
    );
}

#[test]
fn the_gateway_may_set_the_clock() {
    let mut bench = Bench::online();
    let heard = bench.command(&[Metric::named(
        "Node Control/Time",
        MetricValue::DateTime(UtcMillis(5_000_000)),
    )]);
    assert!(heard.time && !heard.ignored);
    assert_eq!(
        bench.session.utc(bench.now.saturating_add_ms(10)),
        UtcMillis(5_000_010)
    );
    bench.later(2_000);
    bench.pressure(1.0);
    assert_eq!(bench.published()[0].timestamp, Some(5_002_000));
    let mut stubborn = Bench::online_with(Config {
        accept_time: false,
        ..CONFIG
    });
    let heard = stubborn.command(&[Metric::named(
        "Node Control/Time",
        MetricValue::DateTime(UtcMillis(5)),
    )]);
    assert!(!heard.time && heard.ignored);
}

#[test]
fn whatever_else_is_commanded_changes_nothing() {
    let mut bench = Bench::online();
    bench.pressure(1.0);
    bench.run();
    let rebirth = [Metric::named("Node Control/Rebirth", MetricValue::Bool(true))];
    let payload = support::command(&rebirth);
    let mut hear = |topic: &str, payload: &[u8]| bench.session.on_message(T0, topic, payload);
    let topics = [
        "spBv1.0/haicheng/NCMD/edge-2",
        "spBv1.0/other/NCMD/edge-1",
        "spBv1.0/haicheng/DCMD/edge-1/boiler-1",
        "spBv1.0/haicheng/NBIRTH/edge-1",
        "spBv1.0/STATE/vigil",
        "nonsense",
    ];
    for topic in topics {
        let heard = hear(topic, &payload);
        assert!(heard.ignored && !heard.rebirth, "{topic}");
    }
    let own = "spBv1.0/haicheng/NCMD/edge-1";
    let odd = [
        Metric::named("Node Control/Reboot", MetricValue::Bool(true)),
        Metric::named("steam_pressure", MetricValue::Double(9.0)),
        Metric::named("Node Control/Rebirth", MetricValue::Str("yes")),
    ];
    for metric in odd {
        assert!(hear(own, &support::command(&[metric])).ignored, "{metric:?}");
    }
    assert!(hear(own, &[0xff; 40]).ignored);
    let off = [Metric::named("Node Control/Rebirth", MetricValue::Bool(false))];
    assert_eq!(hear(own, &support::command(&off)), Default::default());
    let without_epoch = [Metric::named("Journal/Ack", MetricValue::UInt64(0))];
    assert_eq!(hear(own, &support::command(&without_epoch)).freed, 0);
    assert_eq!(bench.published(), []);
    assert_eq!(bench.session.counters().commands_ignored, 10);
}

#[test]
fn after_a_lost_connection_it_waits_longer_each_time_until_one_lasted() {
    let config = Config {
        reconnect_min_ms: 1_000,
        reconnect_max_ms: 8_000,
        ..CONFIG
    };
    let mut bench = Bench::config(config);
    let wait = |bench: &mut Bench<'static>| {
        bench.run();
        bench.session.on_disconnected(bench.now);
        let Phase::Waiting { until } = bench.session.phase() else {
            panic!()
        };
        let wait = until.since(bench.now);
        bench.now = until;
        wait
    };
    for step in [1_000, 2_000, 4_000, 8_000, 8_000] {
        let waited = wait(&mut bench);
        assert!((step / 2..=step).contains(&waited), "{waited} at {step}");
    }
    bench.connect();
    bench.later(60_000);
    assert!(wait(&mut bench) <= 1_000);
}
