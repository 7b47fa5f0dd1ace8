//! Bad input never stops the flow: it is counted, explained, and the rest goes on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use proptest::prelude::*;
use support::*;
use vigil_core::sample::Reading;
use vigil_core::{Output, Outputs, Settings};
use vigil_protocol::sparkplug::{DataType, Metric, MetricValue};
use vigil_protocol::vocabulary::{Bad, NoData, Quality, Quantity};

/// After whatever came, good data is used.
fn goes_on(site: &mut Site) {
    site.now += 1_000;
    site.births();
    site.now += 1_000;
    site.send(DDATA, 3, &[pressure(0.654)]);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.654))
    );
}

fn dead_letters(out: &Outputs) -> Vec<&str> {
    out.iter()
        .filter_map(|output| match output {
            Output::DeadLetter(letter) => Some(&*letter.reason),
            _ => None,
        })
        .collect()
}

#[test]
fn what_cannot_be_read_is_kept_with_the_reason() {
    let oversized = payload(
        Some(T0),
        Some(3),
        &[named("x", MetricValue::Str(&"x".repeat(1 << 20)))],
    );
    let mut truncated = payload(Some(T0), Some(3), &[pressure(0.9)]);
    truncated.truncate(truncated.len() - 3);
    let cases: &[(&str, &[u8], &str, &str)] = &[
        (DDATA, &oversized, "oversized", "oversized"),
        (DDATA, &truncated, "byte", "undecodable"),
        (DDATA, &[0xFF; 40], "", "undecodable"),
        (
            NBIRTH,
            &[
                0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01,
            ],
            "",
            "undecodable",
        ),
        (NDEATH, b"offline", "", "undecodable"),
    ];
    for (topic, bytes, reason, oddity) in cases {
        let mut site = Site::new();
        site.births();
        let out = site.raw(topic, bytes.to_vec()).clone();
        let reasons = dead_letters(&out);
        assert_eq!(reasons.len(), 1, "{topic}: {out:?}");
        assert!(reasons[0].contains(reason), "{reasons:?}");
        assert!(!out.iter().any(|output| matches!(output, Output::Log(_))));
        let node = site.node("s/n1");
        assert_eq!(node.undecodable, 1);
        assert!(has_oddity(&node, oddity), "{:?}", node.oddities);
        assert!(node.online);
        goes_on(&mut site);
    }
}

#[test]
fn topics_that_are_not_sparkplugs_are_dead_letters() {
    for topic in [
        "",
        "x",
        "spBv1.0",
        "spBv1.0/s/DDATA/n1",
        "spBv1.0/s/HELLO/n1",
        "spBv1.0/s/NDATA/n1/b",
        "spBv1.0/s/NDATA/",
        "\0/\u{1F600}",
    ] {
        let mut site = Site::new();
        let out = site.raw(topic, vec![]).clone();
        assert_eq!(dead_letters(&out).len(), 1, "{topic:?} {out:?}");
        assert_eq!(site.pipeline.counts().bad_topics, 1);
        goes_on(&mut site);
    }
    let mut site = Site::new();
    let out = site.raw(&"é".repeat(60_000), vec![]).clone();
    assert!(matches!(&out[..], [Output::DeadLetter(letter)] if letter.topic.len() <= 512));
}

#[test]
fn values_that_are_none_say_why() {
    let boolean = |value| Metric::named("burner_firing", value).typed();
    let number = |value| Metric::named("steam_pressure", value).typed();
    let cases = [
        (
            number(MetricValue::Double(f64::NAN)),
            Quantity::SteamPressure,
            NoData::NotFinite,
            "not_finite",
        ),
        (
            number(MetricValue::Float(f32::INFINITY)),
            Quantity::SteamPressure,
            NoData::NotFinite,
            "not_finite",
        ),
        (
            number(MetricValue::Str("0.8")),
            Quantity::SteamPressure,
            NoData::WrongType,
            "wrong_type",
        ),
        (
            number(MetricValue::Bool(true)),
            Quantity::SteamPressure,
            NoData::WrongType,
            "wrong_type",
        ),
        (
            number(MetricValue::Null(DataType::Double)),
            Quantity::SteamPressure,
            NoData::Null,
            "",
        ),
        (
            boolean(MetricValue::Int32(7)),
            Quantity::BurnerFiring,
            NoData::WrongType,
            "wrong_type",
        ),
        (
            boolean(MetricValue::Str("on")),
            Quantity::BurnerFiring,
            NoData::WrongType,
            "wrong_type",
        ),
    ];
    for (metric, quantity, reason, oddity) in cases {
        let mut site = Site::new();
        site.births();
        site.now += 1_000;
        site.send(DDATA, 3, &[metric]);
        assert_eq!(
            site.reading("boiler", quantity),
            Some(Reading::NoData(reason)),
            "{:?}",
            metric.value
        );
        assert_eq!(site.quality("boiler", quantity), Some(reason.quality()));
        assert!(
            oddity.is_empty() || has_oddity(&site.node("s/n1"), oddity),
            "{oddity}"
        );
        goes_on(&mut site);
    }
}

#[test]
fn implausible_values_are_shown_but_not_believed() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    let out = site.send(DDATA, 3, &[pressure(9_999.0)]).clone();
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(9_999.0))
    );
    assert_eq!(
        site.quality("boiler", Quantity::SteamPressure),
        Some(Quality::Bad(Bad::Implausible))
    );
    assert!(!out.iter().any(|output| matches!(output, Output::Hazard { .. })));
}

#[test]
fn another_datatype_than_born_is_read_as_sent() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    site.send(DDATA, 3, &[Metric::aliased(1, MetricValue::Float(0.5)).typed()]);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.5))
    );
    assert!(has_oddity(&site.node("s/n1"), "datatype_changed"));
}

#[test]
fn names_that_differ_only_by_case_are_kept_apart() {
    let mut site = Site::new();
    site.send(NBIRTH, 0, &[]);
    site.send(
        DBIRTH,
        1,
        &[
            named("steam_pressure", MetricValue::Double(0.7)).with_alias(1),
            named("Steam_Pressure", MetricValue::Double(0.1)).with_alias(2),
        ],
    );
    assert!(has_oddity(&site.node("s/n1"), "case_only_names"));
    site.now += 1_000;
    site.send(DDATA, 2, &[Metric::aliased(2, MetricValue::Double(0.2))]);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.7))
    );
    site.send("spBv1.0/S/NBIRTH/N1", 0, &[]);
    assert!(has_oddity(&site.node("S/N1"), "case_only_id"));
    site.send("spBv1.0/s/DDATA/n1/B", 3, &[named("t", MetricValue::Int8(1))]);
    assert!(has_oddity(&site.node("s/n1"), "case_only_id"));
    assert_eq!(site.node("s/n1").devices.len(), 3);
}

#[test]
fn a_birth_of_a_megabyte_is_read_within_bounds() {
    let names: Vec<String> = (0..21_000)
        .map(|n| format!("a metric with a longer name/{n:05}"))
        .collect();
    let mut metrics: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, name)| named(name, MetricValue::Int32(1)).with_alias(n as u64 + 10))
        .collect();
    metrics.insert(0, named("steam_pressure", MetricValue::Double(0.3)).with_alias(1));
    for topic in [DBIRTH, "spBv1.0/s/DBIRTH/n1/stranger"] {
        let mut site = Site::new();
        site.send(NBIRTH, 0, &[]);
        let bytes = payload(Some(site.now), Some(1), &metrics);
        assert!(bytes.len() > 700_000 && bytes.len() < 1 << 20, "{}", bytes.len());
        site.raw(topic, bytes);
        assert!(has_oddity(&site.node("s/n1"), "too_many_metrics"));
        site.now += 1_000;
        site.send(&topic.replace("DBIRTH", "DDATA"), 2, &[pressure(0.4)]);
        if topic == DBIRTH {
            assert_eq!(
                site.reading("boiler", Quantity::SteamPressure),
                Some(Reading::Number(0.4))
            );
        } else {
            assert_eq!(site.pipeline.unregistered()[0].metrics.len(), 64);
        }
        goes_on(&mut site);
    }
}

#[test]
fn retained_copies_are_never_fresh() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    let input = Kept::Message {
        topic: DDATA.into(),
        payload: payload(Some(site.now), Some(3), &[pressure(0.1)]),
        retained: true,
    };
    assert_eq!(*site.input(input), []);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.8))
    );
    assert!(has_oddity(&site.node("s/n1"), "retained_data"));
    let input = Kept::Message {
        topic: "spBv1.0/s/NBIRTH/ghost".into(),
        payload: payload(None, None, &[]),
        retained: true,
    };
    assert_eq!(*site.input(input), []);
    assert!(site.pipeline.node("s/ghost").is_none());
    assert_eq!(site.pipeline.counts().retained, 2);
}

#[test]
fn strangers_are_bounded() {
    let mut site = Site::new();
    let metric = [named("t", MetricValue::Int8(1))];
    for n in 0..10_050 {
        let bytes = payload(Some(site.now), Some(0), &metric);
        let mut out = Outputs::new();
        let fed = Fed {
            position: vigil_core::Position(n + 1),
            now: vigil_core::UtcMillis(site.now),
            input: Kept::Message {
                topic: format!("spBv1.0/flood/NDATA/{n}"),
                payload: bytes,
                retained: false,
            },
        };
        feed(&mut site.pipeline, &fed, &mut out);
        assert!(
            out.iter().any(|output| matches!(output, Output::Log(_))),
            "nothing is lost"
        );
    }
    site.position = 20_000;
    assert_eq!(site.pipeline.nodes().count(), 10_002);
    assert_eq!(site.pipeline.counts().unregistered_overflow, 50);
    goes_on(&mut site);
}

#[test]
fn strange_devices_of_one_node_are_bounded() {
    let mut site = Site::new();
    site.births();
    for n in 0..1_100_u32 {
        let out = site.send(
            &format!("spBv1.0/s/DDATA/n1/d{n}"),
            (3 + n) as u8,
            &[named("t", MetricValue::Int8(1))],
        );
        assert_eq!(logged(out).len(), 1);
    }
    assert!(has_oddity(&site.node("s/n1"), "too_many_devices"));
    assert_eq!(site.node("s/n1").devices.len(), 1_000);
    goes_on(&mut site);
}

#[test]
fn journal_numbers_that_cannot_be_are_not_believed() {
    let mut site = Site::new();
    site.journal_births(5, 0);
    for (n, journal) in [u64::MAX, u64::MAX - 1, 1 << 50].into_iter().enumerate() {
        site.now += 1_000;
        let at = site.now;
        let out = site.journaled(2 + n as u8, journal, at, 0.8, false).clone();
        assert_eq!(logged(&out), Vec::<&vigil_core::output::LogEntry>::new());
    }
    assert!(has_oddity(&site.node("s/n1"), "journal_too_far"));
    let at = site.now;
    assert_eq!(logged(&site.journaled(9, 0, at, 0.7, false).clone()).len(), 1);
}

proptest! {
    #[test]
    fn noise_on_any_topic_neither_panics_nor_stops_the_flow(
        noise in proptest::collection::vec((0..9_usize, proptest::collection::vec(any::<u8>(), 0..200), any::<bool>()), 1..20)
    ) {
        let topics = [NBIRTH, NDEATH, NDATA, DBIRTH, DDEATH, DDATA, "spBv1.0/s/DDATA/n1/l", "spBv1.0/x/NBIRTH/y", "spBv1.0/s/NDATA/n2"];
        let mut site = Site::new();
        site.births();
        for (topic, bytes, retained) in noise {
            site.now += 100;
            site.input(Kept::Message { topic: topics[topic].into(), payload: bytes, retained });
        }
        site.wait(5_000);
        goes_on(&mut site);
    }

    #[test]
    fn damaged_messages_neither_panic_nor_stop_the_flow(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(), birth in any::<bool>()
    ) {
        let mut site = Site::new();
        site.births();
        site.now += 1_000;
        let mut bytes = if birth {
            payload(Some(site.now), Some(3), &boiler_birth())
        } else {
            payload(Some(site.now), Some(3), &[pressure(0.7).unit("kPa"), Metric::aliased(2, MetricValue::Float(1.0)).quality(Quality::Stale)])
        };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()) + 1);
        site.raw(if birth { DBIRTH } else { DDATA }, bytes);
        // A time that damage moved ahead, but not too far, is believed: until then what follows is older.
        site.wait(Settings::default().clock_skew_ms);
        goes_on(&mut site);
    }
}
