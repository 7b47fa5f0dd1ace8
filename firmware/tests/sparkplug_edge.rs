//! The Sparkplug B 3.0 assertions on edge nodes, each shown on what the session really does.
//!
//! Most are shown on `a_long_day`: two connections, a rebirth, a device lost and found again, a goodbye, and more than
//! 256 messages in one session.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{BOILER, Bench, CODE, CONFIG, Did, FIRING, GotValue, Message, NODE, PRESSURE, Ram, T0, sample};
use vigil_firmware::{
    Config, DefinitionError, DeviceDef, MetricDef, NodeDef, OpenError, Phase, Place, Qos, Sample,
    SampleQuality, Session,
};
use vigil_protocol::sparkplug::{DataType, MetricValue, PayloadView, Topic};

const HOST: Config<'static> = Config {
    primary_host: Some("vigil"),
    servers: 2,
    ..CONFIG
};

/// Values of everything, so that births have some.
fn measure(bench: &mut Bench<'static>, step: i32) {
    let at = bench.now;
    let earlier = at.saturating_sub_ms(50);
    bench.report(
        Place::Node,
        &[sample(0, MetricValue::Float(24.0 + step as f32), at)],
    );
    bench.report(
        Place::Device(0),
        &[
            sample(FIRING, MetricValue::Bool(step % 2 == 0), earlier),
            sample(PRESSURE, MetricValue::Double(1.0 + f64::from(step)), at),
        ],
    );
    bench.floor(step);
}

fn a_long_day() -> Vec<Did> {
    a_long_day_with(CONFIG)
}

fn a_long_day_with(config: Config<'static>) -> Vec<Did> {
    let mut bench = Bench::config(config);
    measure(&mut bench, 0);
    bench.later(500);
    bench.connect();
    for step in 1..120 {
        bench.later(1_000);
        measure(&mut bench, step);
        bench.run();
    }
    bench.session.device_lost(1);
    bench.run();
    bench.later(5_000);
    bench.floor(3);
    bench.run();
    bench.rebirth();
    bench.run();
    bench.later(1_000);
    measure(&mut bench, 7);
    bench.run();
    // The broker goes; some more is measured; it comes back.
    bench.session.on_disconnected(bench.now);
    bench.later(1_000);
    measure(&mut bench, 8);
    bench.connect();
    bench.later(30_000);
    bench.run();
    bench.session.stop();
    bench.run();
    bench.session.on_disconnected(bench.now);
    assert_eq!(bench.session.phase(), Phase::Stopped);
    bench.did
}

fn messages(did: &[Did]) -> Vec<Message> {
    did.iter()
        .filter_map(|did| {
            if let Did::Publish(message) = did {
                Some(message.clone())
            } else {
                None
            }
        })
        .collect()
}

fn of_kind(kind: &str) -> Vec<Message> {
    let found: Vec<Message> = messages(&a_long_day())
        .into_iter()
        .filter(|message| message.kind == kind)
        .collect();
    assert!(!found.is_empty(), "the day has no {kind}");
    found
}

fn wills(did: &[Did]) -> Vec<Message> {
    did.iter()
        .filter_map(|did| {
            if let Did::Connect { will, .. } = did {
                Some(will.as_ref().clone())
            } else {
                None
            }
        })
        .collect()
}

fn bd_seq(message: &Message) -> f64 {
    message.number("bdSeq")
}

/// The day cut at its connects: what was done on each connection.
fn sessions(did: &[Did]) -> Vec<&[Did]> {
    let mut cuts: Vec<usize> = did
        .iter()
        .enumerate()
        .filter(|(_, did)| matches!(did, Did::Connect { .. }))
        .map(|(n, _)| n)
        .collect();
    cuts.push(did.len());
    cuts.windows(2).map(|cut| &did[cut[0]..cut[1]]).collect()
}

// ── Connecting ──────────────────────────────────────────────────────────────────────────────────

#[test]
fn tck_id_principles_persistence_clean_session_311() {
    let day = a_long_day();
    let connects: Vec<_> = day
        .iter()
        .filter(|did| matches!(did, Did::Connect { .. }))
        .collect();
    assert_eq!(connects.len(), 2);
    assert!(
        connects
            .iter()
            .all(|did| matches!(did, Did::Connect { clean: true, .. }))
    );
}

// covers: tck-id-message-flow-edge-node-birth-publish-will-message,
// tck-id-message-flow-edge-node-birth-publish-will-message-topic,
// tck-id-message-flow-edge-node-birth-publish-will-message-payload,
// tck-id-message-flow-edge-node-birth-publish-will-message-qos,
// tck-id-message-flow-edge-node-birth-publish-will-message-will-retained,
// tck-id-payloads-ndeath-will-message, tck-id-payloads-ndeath-will-message-qos,
// tck-id-payloads-ndeath-will-message-retain
#[test]
fn every_connect_carries_a_death_certificate_as_its_will() {
    for will in wills(&a_long_day()) {
        assert_eq!(will.topic, "spBv1.0/haicheng/NDEATH/edge-1");
        assert_eq!((will.qos, will.retain), (Qos::AtLeastOnce, false));
        assert!(PayloadView::parse(&will.payload).is_ok());
    }
}

// covers: tck-id-topics-ndeath-payload, tck-id-topics-ndeath-seq, tck-id-payloads-ndeath-seq
#[test]
fn a_node_death_has_nothing_but_its_bd_seq() {
    let day = a_long_day();
    let goodbyes = messages(&day)
        .into_iter()
        .filter(|message| message.kind == "NDEATH");
    for death in wills(&day).into_iter().chain(goodbyes) {
        assert_eq!(death.metrics.len(), 1);
        assert_eq!(death.metric("bdSeq").datatype, Some(DataType::Int64.code()));
        assert_eq!(death.seq, None);
    }
}

// covers: tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq,
// tck-id-topics-nbirth-bdseq-increment
#[test]
fn bd_seq_starts_at_0_and_counts_connects_from_255_to_0_over_restarts() {
    let mut storage = Ram::new();
    for expected in (0..=255).chain(0..3) {
        // Half of the connects after a restart of the node, half without.
        let mut bench = Bench::with(NODE, CONFIG, storage);
        let did = bench.run();
        assert_eq!(bd_seq(&wills(&did)[0]), f64::from(expected));
        storage = bench.session.into_storage();
    }
    let mut bench = Bench::new();
    for expected in 0..5 {
        let did = bench.connect();
        assert_eq!(bd_seq(&wills(&did)[0]), f64::from(expected));
        bench.session.on_disconnected(bench.now);
    }
}

#[test]
fn tck_id_message_flow_edge_node_ncmd_subscribe() {
    let day = a_long_day();
    for session in sessions(&day) {
        let expected = Did::Subscribe {
            topic: "spBv1.0/haicheng/NCMD/edge-1".into(),
            qos: Qos::AtLeastOnce,
        };
        assert_eq!(session[1], expected, "before anything is published");
        let subscriptions = session
            .iter()
            .filter(|did| matches!(did, Did::Subscribe { .. }))
            .count();
        assert_eq!(subscriptions, 1, "read-only: no device commands");
    }
}

// covers: tck-id-message-flow-edge-node-birth-publish-connect, tck-id-principles-birth-certificates-order
#[test]
fn nothing_is_published_before_the_connection_is_made_and_then_the_birth_first() {
    let mut bench = Bench::new();
    assert!(matches!(bench.run()[..], [Did::Connect { .. }]));
    bench.later(60_000);
    bench.pressure(1.0);
    assert_eq!(bench.run(), [], "not accepted yet");
    bench.session.on_connected(bench.now);
    assert_eq!(bench.published()[0].kind, "NBIRTH");
    for session in sessions(&a_long_day()) {
        assert_eq!(messages(session)[0].kind, "NBIRTH");
    }
}

// ── Births ──────────────────────────────────────────────────────────────────────────────────────

// covers: tck-id-topics-nbirth-mqtt, tck-id-message-flow-edge-node-birth-publish-nbirth-topic,
// tck-id-message-flow-edge-node-birth-publish-nbirth-payload,
// tck-id-message-flow-edge-node-birth-publish-nbirth-qos,
// tck-id-message-flow-edge-node-birth-publish-nbirth-retained,
// tck-id-payloads-nbirth-qos, tck-id-payloads-nbirth-retain
#[test]
fn node_births_go_to_their_topic_at_qos_0_not_retained() {
    let births = of_kind("NBIRTH");
    assert_eq!(births.len(), 3, "two connections and a rebirth");
    for birth in births {
        assert_eq!(birth.topic, "spBv1.0/haicheng/NBIRTH/edge-1");
        assert_eq!((birth.qos, birth.retain), (Qos::AtMostOnce, false));
        assert!(PayloadView::parse(&birth.payload).is_ok());
    }
}

// covers: tck-id-topics-nbirth-seq-num, tck-id-payloads-nbirth-seq, tck-id-payloads-sequence-num-req-nbirth,
// tck-id-message-flow-edge-node-birth-publish-nbirth-payload-seq
#[test]
fn a_node_birth_has_seq_0() {
    assert!(of_kind("NBIRTH").iter().all(|birth| birth.seq == Some(0)));
}

// covers: tck-id-topics-nbirth-timestamp, tck-id-payloads-nbirth-timestamp, tck-id-topics-dbirth-timestamp,
// tck-id-payloads-dbirth-timestamp, tck-id-topics-ndata-timestamp, tck-id-payloads-ndata-timestamp,
// tck-id-topics-ddata-timestamp, tck-id-payloads-ddata-timestamp, tck-id-payloads-ddeath-timestamp
#[test]
fn every_message_says_when_it_was_sent() {
    let mut bench = Bench::online();
    bench.later(1_234);
    measure(&mut bench, 1);
    bench.rebirth();
    let mut kinds = BTreeSet::new();
    let mut sent = bench.published();
    bench.later(777);
    measure(&mut bench, 2);
    bench.session.device_lost(0);
    let later = bench.published();
    for (message, at) in sent
        .drain(..)
        .map(|m| (m, 1_234))
        .chain(later.into_iter().map(|m| (m, 2_011)))
    {
        if !message.is_data() || message.metrics.iter().all(|metric| !metric.historical) {
            assert!(
                (T0.0 + 1_234..=T0.0 + at).contains(&message.timestamp.unwrap()),
                "{message:?}"
            );
        }
        assert!(message.timestamp.is_some());
        kinds.insert(message.kind);
    }
    let expected: BTreeSet<String> = ["NBIRTH", "DBIRTH", "NDATA", "DDATA", "DDEATH"]
        .map(String::from)
        .into();
    assert_eq!(kinds, expected);
}

// covers: tck-id-topics-nbirth-metric-reqs, tck-id-operational-behavior-data-publish-nbirth,
// tck-id-topics-dbirth-metric-reqs, tck-id-operational-behavior-data-publish-dbirth
#[test]
fn births_have_every_metric_that_is_ever_sent() {
    let mut declared: BTreeMap<(String, Option<String>), BTreeSet<u64>> = BTreeMap::new();
    let mut data = 0;
    for message in messages(&a_long_day()) {
        let whose = (message.kind[..1].to_owned(), message.device.clone());
        let aliases: BTreeSet<u64> = message.metrics.iter().filter_map(|metric| metric.alias).collect();
        if message.is_birth() {
            declared.insert(whose, aliases);
        } else if message.is_data() {
            data += 1;
            assert!(aliases.is_subset(&declared[&whose]), "{message:?}");
        }
    }
    assert!(data > 300);
    let mut bench = Bench::new();
    let births: Vec<Message> = messages(&bench.connect());
    assert!(births[0].find("supply_voltage").is_some(), "measured or not");
    assert!(BOILER.iter().all(|metric| births[1].find(metric.name).is_some()));
}

// covers: tck-id-topics-nbirth-metrics, tck-id-topics-dbirth-metrics, tck-id-payloads-metric-datatype-req
#[test]
fn metrics_of_births_have_name_datatype_and_value() {
    for birth in of_kind("NBIRTH").into_iter().chain(of_kind("DBIRTH")) {
        assert!(!birth.metrics.is_empty());
        for metric in &birth.metrics {
            assert!(
                metric.name.as_ref().is_some_and(|name| !name.is_empty()),
                "{metric:?}"
            );
            assert!(
                metric
                    .datatype
                    .and_then(DataType::from_code)
                    .is_some_and(DataType::is_scalar),
                "{metric:?}"
            );
            assert_eq!(metric.null, metric.value == GotValue::None, "{metric:?}");
        }
    }
}

// covers: tck-id-operational-behavior-data-publish-nbirth-values,
// tck-id-operational-behavior-data-publish-dbirth-values
#[test]
fn births_have_the_current_value_or_null_and_no_value() {
    let mut bench = Bench::new();
    bench.pressure(0.7);
    bench.later(1_000);
    bench.pressure(0.9);
    let births = messages(&bench.connect());
    let boiler = births
        .iter()
        .find(|birth| birth.device.as_deref() == Some("boiler-1"))
        .unwrap();
    let pressure = boiler.metric("steam_pressure");
    assert_eq!((&pressure.value, pressure.null), (&GotValue::Number(0.9), false));
    assert_eq!(
        pressure.timestamp,
        Some(T0.0 + 1_000),
        "as of when it was measured"
    );
    assert_eq!(pressure.unit.as_deref(), Some("MPa"));
    let code = boiler.metric("fault_code");
    assert_eq!((&code.value, code.null), (&GotValue::None, true));
    let voltage = births[0].metric("supply_voltage");
    assert_eq!((&voltage.value, voltage.null), (&GotValue::None, true));
}

// covers: tck-id-topics-nbirth-bdseq-included, tck-id-topics-nbirth-bdseq-matching, tck-id-payloads-nbirth-bdseq,
// tck-id-payloads-nbirth-bdseq-repeat, tck-id-payloads-ndeath-bdseq,
// tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq
#[test]
fn the_node_birth_repeats_the_bd_seq_of_the_will() {
    let day = a_long_day();
    for session in sessions(&day) {
        let will = bd_seq(&wills(session)[0]);
        for birth in messages(session)
            .iter()
            .filter(|message| message.kind == "NBIRTH")
        {
            assert_eq!(bd_seq(birth), will);
            assert_eq!(birth.metric("bdSeq").datatype, Some(DataType::Int64.code()));
        }
    }
}

// covers: tck-id-topics-nbirth-rebirth-metric, tck-id-payloads-nbirth-rebirth-req,
// tck-id-operational-behavior-data-commands-rebirth-name,
// tck-id-operational-behavior-data-commands-rebirth-name-aliases,
// tck-id-operational-behavior-data-commands-rebirth-datatype,
// tck-id-operational-behavior-data-commands-rebirth-value
#[test]
fn the_node_birth_offers_rebirth() {
    for birth in of_kind("NBIRTH") {
        let rebirth = birth.metric("Node Control/Rebirth");
        assert_eq!(rebirth.datatype, Some(DataType::Boolean.code()));
        assert_eq!(rebirth.value, GotValue::Bool(false));
        assert_eq!(rebirth.alias, None);
    }
}

// covers: tck-id-topics-dbirth-mqtt, tck-id-message-flow-device-birth-publish-dbirth-topic,
// tck-id-message-flow-device-birth-publish-dbirth-match-edge-node-topic,
// tck-id-message-flow-device-birth-publish-dbirth-payload, tck-id-message-flow-device-birth-publish-dbirth-qos,
// tck-id-message-flow-device-birth-publish-dbirth-retained, tck-id-payloads-dbirth-qos,
// tck-id-payloads-dbirth-retain
#[test]
fn device_births_go_to_their_topic_at_qos_0_not_retained() {
    for birth in of_kind("DBIRTH") {
        let device = birth.device.as_ref().unwrap();
        assert_eq!(birth.topic, format!("spBv1.0/haicheng/DBIRTH/edge-1/{device}"));
        assert_eq!((birth.qos, birth.retain), (Qos::AtMostOnce, false));
        assert!(PayloadView::parse(&birth.payload).is_ok());
    }
}

// covers: tck-id-message-flow-device-birth-publish-nbirth-wait, tck-id-payloads-dbirth-order,
// tck-id-payloads-ndata-order, tck-id-payloads-ddata-order
#[test]
fn all_births_of_a_session_come_in_one_piece_before_any_data() {
    let all = messages(&a_long_day());
    let starts = all
        .iter()
        .enumerate()
        .filter(|(_, message)| message.kind == "NBIRTH")
        .map(|(n, _)| n);
    for start in starts {
        let kinds: Vec<&str> = all[start..start + 3]
            .iter()
            .map(|message| message.kind.as_str())
            .collect();
        assert_eq!(kinds, ["NBIRTH", "DBIRTH", "DBIRTH"]);
        assert_ne!(all[start + 1].device, all[start + 2].device);
    }
    // Values that come while it gives birth wait until it is done.
    let mut bench = Bench::new();
    bench.run();
    bench.session.on_connected(bench.now);
    let mut kinds = Vec::new();
    for _ in 0..5 {
        bench.later(1_000);
        measure(&mut bench, 3);
        let mut scratch = vigil_firmware::Scratch::<4_096>::new();
        if let Some(vigil_firmware::Action::Publish(publish)) = bench.session.poll(bench.now, &mut scratch) {
            kinds.push(publish.topic.split('/').nth(2).unwrap().to_owned());
        }
    }
    assert_eq!(kinds[..3], ["NBIRTH", "DBIRTH", "DBIRTH"]);
    assert!(kinds[3].ends_with("DATA"));
}

// ── Sequence numbers ────────────────────────────────────────────────────────────────────────────

// covers: tck-id-payloads-sequence-num-always-included, tck-id-payloads-sequence-num-incrementing,
// tck-id-topics-ndata-seq-num, tck-id-payloads-ndata-seq, tck-id-payloads-ndata-seq-inc,
// tck-id-topics-ddata-seq-num, tck-id-payloads-ddata-seq, tck-id-payloads-ddata-seq-inc,
// tck-id-topics-dbirth-seq, tck-id-payloads-dbirth-seq, tck-id-payloads-dbirth-seq-inc,
// tck-id-message-flow-device-birth-publish-dbirth-payload-seq,
// tck-id-topics-ddeath-seq-num, tck-id-payloads-ddeath-seq, tck-id-payloads-ddeath-seq-inc,
// tck-id-payloads-ddeath-seq-number
#[test]
fn every_message_counts_seq_on_from_255_to_0() {
    let (mut expected, mut wrapped, mut kinds) = (0, false, BTreeSet::new());
    for message in messages(&a_long_day()) {
        if message.kind == "NDEATH" {
            continue;
        }
        if message.kind == "NBIRTH" {
            expected = 0;
        }
        assert_eq!(message.seq, Some(expected), "{}", message.topic);
        wrapped |= expected == 255;
        expected = (expected + 1) % 256;
        kinds.insert(message.kind);
    }
    assert!(wrapped);
    let all: BTreeSet<String> = ["NBIRTH", "DBIRTH", "NDATA", "DDATA", "DDEATH"]
        .map(String::from)
        .into();
    assert_eq!(kinds, all);
}

// ── Data ────────────────────────────────────────────────────────────────────────────────────────

// covers: tck-id-topics-ndata-mqtt, tck-id-payloads-ndata-qos, tck-id-payloads-ndata-retain,
// tck-id-topics-ddata-mqtt, tck-id-payloads-ddata-qos, tck-id-payloads-ddata-retain, tck-id-topics-ddeath-mqtt
#[test]
fn data_and_device_deaths_are_sent_at_qos_0_not_retained() {
    for kind in ["NDATA", "DDATA", "DDEATH"] {
        for message in of_kind(kind) {
            assert_eq!(
                (message.qos, message.retain),
                (Qos::AtMostOnce, false),
                "{}",
                message.topic
            );
            let parsed = Topic::parse(&message.topic).unwrap();
            assert_eq!(parsed.message().unwrap().as_str(), kind);
        }
    }
}

// covers: tck-id-principles-rbe-recommended, tck-id-topics-ndata-payload, tck-id-topics-ddata-payload,
// tck-id-operational-behavior-data-publish-nbirth-change, tck-id-operational-behavior-data-publish-dbirth-change
#[test]
fn data_is_what_changed_and_only_that() {
    let mut bench = Bench::online_with(Config {
        heartbeat_ms: 0,
        ..CONFIG
    });
    let at = bench.now;
    let values = |pressure, firing| {
        [
            sample(PRESSURE, MetricValue::Double(pressure), at),
            sample(FIRING, MetricValue::Bool(firing), at),
            sample(CODE, MetricValue::Str("E1"), at),
        ]
    };
    let numbers = |messages: &[Message]| {
        messages
            .iter()
            .map(|message| message.metrics.len() - 1)
            .collect::<Vec<_>>()
    };
    bench.report(Place::Device(0), &values(1.0, true));
    assert_eq!(
        numbers(&bench.published()),
        [4],
        "all of it the first time, and Journal/Boot; one more metric is Journal/Seq"
    );
    bench.report(Place::Device(0), &values(1.0, true));
    bench.report(Place::Device(0), &values(1.009, true));
    assert_eq!(bench.published(), [], "unchanged, or within the dead band");
    bench.report(Place::Device(0), &values(1.011, false));
    let sent = bench.published();
    assert_eq!(numbers(&sent), [2]);
    assert!(
        sent[0]
            .metrics
            .iter()
            .any(|metric| metric.value == GotValue::Bool(false))
    );
    bench.report(Place::Node, &[sample(0, MetricValue::Float(24.0), at)]);
    bench.report(Place::Node, &[sample(0, MetricValue::Float(24.0), at)]);
    bench.report(Place::Node, &[sample(0, MetricValue::Float(23.5), at)]);
    assert_eq!(numbers(&bench.published()), [2, 1]);
    let last = bench.session.journal().next() - 1;
    assert_eq!(bench.ack(77, last).freed, 4);
    bench.later(86_400_000);
    assert_eq!(bench.published(), [], "nothing changed, nothing is said");
}

// covers: tck-id-operational-behavior-data-publish-nbirth-order, tck-id-operational-behavior-data-publish-dbirth-order
#[test]
fn metrics_that_are_not_historical_are_in_order_of_time() {
    let all = messages(&a_long_day());
    let mut different = false;
    for message in all {
        let times: Vec<i64> = message
            .metrics
            .iter()
            .filter(|metric| !metric.historical)
            .filter_map(|metric| metric.timestamp)
            .collect();
        assert!(times.is_sorted(), "{message:?}");
        different |= message.is_birth() && times.first() != times.last();
    }
    assert!(different, "births with values of different ages");
}

// covers: tck-id-payloads-name-birth-data-requirement
#[test]
fn every_metric_of_births_and_data_has_its_time() {
    for message in messages(&a_long_day()) {
        assert!(
            message.metrics.iter().all(|metric| metric.timestamp.is_some()),
            "{message:?}"
        );
    }
}

#[test]
fn tck_id_payloads_metric_datatype_not_req() {
    for message in of_kind("NDATA").into_iter().chain(of_kind("DDATA")) {
        assert!(
            message.metrics.iter().all(|metric| metric.datatype.is_none()),
            "{message:?}"
        );
    }
}

// covers: tck-id-payloads-alias-uniqueness, tck-id-payloads-alias-birth-requirement
#[test]
fn births_give_every_metric_its_name_and_an_alias_unique_in_the_node() {
    let mut bench = Bench::new();
    let births = messages(&bench.connect());
    let metrics: Vec<_> = births.iter().flat_map(|birth| &birth.metrics).collect();
    let mut aliases = BTreeSet::new();
    for metric in &metrics {
        let name = metric.name.as_deref().unwrap();
        if name != "Node Control/Rebirth" {
            assert!(aliases.insert(metric.alias.unwrap()), "{name}");
        }
    }
    assert!(aliases.len() > 10);
}

#[test]
fn tck_id_payloads_alias_data_cmd_requirement() {
    for message in of_kind("NDATA").into_iter().chain(of_kind("DDATA")) {
        assert!(
            message
                .metrics
                .iter()
                .all(|metric| metric.name.is_none() && metric.alias.is_some()),
            "{message:?}"
        );
    }
}

#[test]
fn tck_id_payloads_name_requirement() {
    let day = a_long_day_with(Config {
        aliases: false,
        ..CONFIG
    });
    let mut historical = false;
    for message in messages(&day) {
        for metric in &message.metrics {
            assert!(metric.name.is_some() && metric.alias.is_none(), "{message:?}");
            historical |= metric.historical;
        }
    }
    assert!(historical, "also when it is sent again");
}

// covers: tck-id-payloads-propertyset-quality-value-type, tck-id-payloads-propertyset-quality-value-value
#[test]
fn a_bad_value_says_so_and_a_good_one_after_it_too() {
    let mut bench = Bench::online();
    let mut say = |value, quality| {
        let sample = Sample {
            metric: PRESSURE,
            value,
            quality,
            at: bench.now,
        };
        bench.report(Place::Device(0), &[sample]);
        let sent = bench.published();
        let payload = PayloadView::parse(&sent[0].payload).unwrap();
        let metric = payload.metrics().nth(1).unwrap().unwrap();
        let property = metric.properties.and_then(|properties| properties.get("Quality"));
        (
            metric.is_null,
            metric.quality(),
            property.and_then(|property| property.datatype),
        )
    };
    let null = MetricValue::Null(DataType::Double);
    let int32 = Some(DataType::Int32.code());
    assert_eq!(
        say(MetricValue::Double(1.0), SampleQuality::Good),
        (false, None, None)
    );
    assert_eq!(say(null, SampleQuality::Bad), (true, Some(0), int32));
    assert_eq!(
        say(MetricValue::Double(1.0), SampleQuality::Good),
        (false, Some(192), int32)
    );
    assert_eq!(
        say(MetricValue::Double(1.0), SampleQuality::Stale),
        (false, Some(500), int32)
    );
}

// ── Deaths ──────────────────────────────────────────────────────────────────────────────────────

#[test]
fn tck_id_operational_behavior_device_ddeath() {
    let mut bench = Bench::online();
    measure(&mut bench, 1);
    bench.run();
    bench.session.device_lost(0);
    let sent = bench.published();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].topic, "spBv1.0/haicheng/DDEATH/edge-1/boiler-1");
    assert_eq!(bench.published(), [], "once");
    // Births say that its values are not confirmed, and that it is still dead.
    bench.rebirth();
    let births = bench.published();
    assert_eq!(births[1].metric("steam_pressure").quality, Some(500));
    assert_eq!(births[3].kind, "DDEATH");
    // It is born again when it answers.
    bench.later(1_000);
    bench.pressure(2.0);
    let back: Vec<String> = bench
        .published()
        .into_iter()
        .map(|message| message.kind)
        .collect();
    assert_eq!(back[..2], ["DBIRTH", "DDATA"]);
}

// covers: tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath,
// tck-id-operational-behavior-edge-node-intentional-disconnect-packet,
// tck-id-payloads-ndeath-will-message-publisher, tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt311
#[test]
fn a_node_that_leaves_publishes_its_death_and_then_disconnects() {
    let mut bench = Bench::online();
    bench.session.stop();
    let did = bench.run();
    let [Did::Publish(death), Did::Disconnect] = &did[..] else {
        panic!("{did:?}")
    };
    assert_eq!(death.topic, "spBv1.0/haicheng/NDEATH/edge-1");
    assert_eq!((bd_seq(death), death.seq), (0.0, None));
    bench.session.on_disconnected(bench.now);
    bench.later(3_600_000);
    assert_eq!(bench.run(), [], "and stays away");
}

// ── Rebirth ─────────────────────────────────────────────────────────────────────────────────────

// covers: tck-id-operational-behavior-data-commands-rebirth-action-1,
// tck-id-operational-behavior-data-commands-rebirth-action-2,
// tck-id-operational-behavior-data-commands-rebirth-action-3
#[test]
fn a_rebirth_request_stops_data_and_brings_all_births_with_the_same_bd_seq() {
    let mut bench = Bench::online();
    for step in 0..20 {
        bench.later(100);
        measure(&mut bench, step);
    }
    assert!(bench.rebirth().rebirth);
    let sent = bench.published();
    let kinds: Vec<&str> = sent.iter().map(|message| message.kind.as_str()).collect();
    assert_eq!(
        kinds[..3],
        ["NBIRTH", "DBIRTH", "DBIRTH"],
        "what was waiting comes after"
    );
    assert!(kinds[3..].iter().all(|kind| kind.ends_with("DATA")));
    assert_eq!(bd_seq(&sent[0]), 0.0);
    // In the middle of its births: all of them again.
    bench.rebirth();
    let mut scratch = vigil_firmware::Scratch::<4_096>::new();
    assert!(bench.session.poll(bench.now, &mut scratch).is_some());
    bench.rebirth();
    assert_eq!(bench.published()[0].kind, "NBIRTH");
}

// ── Primary host ────────────────────────────────────────────────────────────────────────────────

// covers: tck-id-message-flow-edge-node-birth-publish-phid-wait,
// tck-id-operational-behavior-edge-node-birth-sequence-wait,
// tck-id-message-flow-edge-node-birth-publish-phid-wait-id,
// tck-id-message-flow-edge-node-birth-publish-phid-wait-online
#[test]
fn a_node_with_a_primary_host_waits_for_exactly_that_host_to_be_online() {
    let mut bench = Bench::config(HOST);
    measure(&mut bench, 1);
    let did = bench.connect();
    let topics: Vec<_> = did
        .iter()
        .filter_map(|did| {
            if let Did::Subscribe { topic, qos } = did {
                Some((topic.as_str(), *qos))
            } else {
                None
            }
        })
        .collect();
    assert_eq!(topics[1], ("spBv1.0/STATE/vigil", Qos::AtLeastOnce));
    assert!(messages(&did).is_empty());
    bench.state("another", true, 5);
    bench.rebirth();
    assert_eq!(bench.run(), []);
    bench
        .session
        .on_message(bench.now, "spBv1.0/STATE/vigil", b"OFFLINE");
    assert_eq!(bench.run(), []);
    assert_eq!(bench.state("vigil", true, 5).host, Some(true));
    assert_eq!(bench.published()[0].kind, "NBIRTH");
}

#[test]
fn tck_id_message_flow_edge_node_birth_publish_phid_wait_timestamp() {
    let mut bench = Bench::config(Config { servers: 1, ..HOST });
    bench.connect();
    bench.state("vigil", false, 100);
    assert!(bench.state("vigil", true, 99).ignored, "older than the last");
    assert_eq!(bench.run(), []);
    bench.state("vigil", true, 100);
    assert_eq!(
        bench.published()[0].kind,
        "NBIRTH",
        "as old as the last is new enough"
    );
}

// covers: tck-id-message-flow-edge-node-birth-publish-phid-offline,
// tck-id-operational-behavior-edge-node-termination-host-offline,
// tck-id-operational-behavior-edge-node-termination-host-offline-timestamp,
// tck-id-operational-behavior-edge-node-termination-host-offline-reconnect,
// tck-id-operational-behavior-primary-application-state-with-multiple-servers-walk,
// tck-id-operational-behavior-primary-application-state-with-multiple-servers-single-server
#[test]
fn a_node_whose_primary_host_goes_offline_leaves_for_the_next_server() {
    let mut bench = Bench::config(HOST);
    bench.connect();
    bench.state("vigil", true, 100);
    bench.run();
    assert!(bench.state("vigil", false, 99).ignored, "an outdated goodbye");
    assert_eq!(bench.session.phase(), Phase::Online);
    bench.state("vigil", false, 100);
    let did = bench.run();
    let [Did::Publish(death), Did::Disconnect] = &did[..] else {
        panic!("{did:?}")
    };
    assert_eq!(death.kind, "NDEATH");
    assert_eq!(
        bench.run(),
        [],
        "one connection at a time: the next when this one is gone"
    );
    bench.session.on_disconnected(bench.now);
    let Did::Connect { server: 1, will, .. } = &bench.run()[0] else {
        panic!("not the next server")
    };
    assert_eq!(bd_seq(will), 1.0);
    // That host's clock has nothing to do with the other's; offline there as well: on to the first again.
    bench.session.on_connected(bench.now);
    bench.run();
    bench.state("vigil", false, 3);
    assert!(matches!(bench.run()[..], [Did::Publish(_), Did::Disconnect]));
    bench.session.on_disconnected(bench.now);
    assert!(matches!(bench.run()[0], Did::Connect { server: 0, .. }));
}

// ── Definitions ─────────────────────────────────────────────────────────────────────────────────

fn refused(def: NodeDef<'static>) -> DefinitionError<'static> {
    match Session::<'_, Ram, 8, 2>::open(def, CONFIG, Ram::new(), 1, T0) {
        Err(OpenError::Definition(error)) => error,
        other => panic!("{:?}", other.map(|_| ())),
    }
}

// covers: tck-id-topic-structure-namespace-unique-device-id, tck-id-case-sensitivity-sparkplug-ids
#[test]
fn two_devices_of_one_node_may_not_share_an_id_not_even_but_for_case() {
    for (a, b) in [("boiler", "boiler"), ("boiler", "Boiler"), ("Ä1", "ä1")] {
        let devices = Vec::leak(vec![
            DeviceDef { id: a, metrics: &[] },
            DeviceDef { id: b, metrics: &[] },
        ]);
        let error = refused(NodeDef { devices, ..NODE });
        assert_eq!(error, DefinitionError::DuplicateDevice { id: b });
    }
}

#[test]
fn tck_id_case_sensitivity_metric_names() {
    let metric = |name| MetricDef { name, ..BOILER[0] };
    for (a, b) in [("p", "p"), ("Pressure", "pressure")] {
        let metrics = Vec::leak(vec![metric(a), metric(b)]);
        let devices = Vec::leak(vec![DeviceDef { id: "d", metrics }]);
        let error = refused(NodeDef { devices, ..NODE });
        assert_eq!(error, DefinitionError::DuplicateMetric { id: "d", name: b });
    }
}

// covers: tck-id-intro-group-id-chars, tck-id-intro-edge-node-id-chars, tck-id-intro-device-id-chars
#[test]
fn ids_that_cannot_stand_in_a_topic_are_refused() {
    for bad in ["", "a/b", "a+", "#", "a\n"] {
        let device = Vec::leak(vec![DeviceDef {
            id: bad,
            metrics: &[],
        }]);
        for def in [
            NodeDef { group: bad, ..NODE },
            NodeDef { node: bad, ..NODE },
            NodeDef {
                devices: device,
                ..NODE
            },
        ] {
            assert!(matches!(refused(def), DefinitionError::Id { id, .. } if id == bad));
        }
    }
    let long: &'static str = String::leak("x".repeat(300));
    assert!(matches!(
        refused(NodeDef { group: long, ..NODE }),
        DefinitionError::TopicTooLong { .. }
    ));
}

#[test]
fn a_definition_that_is_too_large_or_uses_reserved_names_is_refused() {
    let metric = |name| MetricDef { name, ..BOILER[0] };
    for name in ["Journal/Seq", "bdSeq", "Node Control/Reboot"] {
        let metrics = Vec::leak(vec![metric(name)]);
        assert_eq!(
            refused(NodeDef { metrics, ..NODE }),
            DefinitionError::ReservedMetric { name }
        );
    }
    let metrics = Vec::leak(vec![MetricDef {
        datatype: DataType::DataSet,
        ..BOILER[0]
    }]);
    assert!(matches!(
        refused(NodeDef { metrics, ..NODE }),
        DefinitionError::NotScalar { .. }
    ));
    let metrics: Vec<_> = (0..9).map(|n| metric(String::leak(format!("m{n}")))).collect();
    let too_many = refused(NodeDef {
        metrics: Vec::leak(metrics),
        devices: &[],
        ..NODE
    });
    assert_eq!(too_many, DefinitionError::TooManyMetrics { have: 8 });
    let devices: Vec<_> = ["a", "b", "c"].map(|id| DeviceDef { id, metrics: &[] }).to_vec();
    let too_many = refused(NodeDef {
        metrics: &[],
        devices: Vec::leak(devices),
        ..NODE
    });
    assert_eq!(too_many, DefinitionError::TooManyDevices { have: 2 });
}
