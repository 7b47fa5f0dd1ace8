//! The Sparkplug host: births, deaths, order, rebirth requests. Names of assertions: Sparkplug 3.0.0.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use support::*;
use vigil_core::equipment::Link;
use vigil_core::output::CommandKind;
use vigil_core::sample::Reading;
use vigil_core::{Output, Settings, UtcMillis};
use vigil_protocol::sparkplug::{Metric, MetricValue};
use vigil_protocol::vocabulary::{NoData, Quality, Quantity, Uncertain};

fn link(site: &Site, equipment: &str) -> Link {
    site.pipeline.equipment(site.ix(equipment)).state.link()
}

#[test]
fn births_give_aliases_their_meaning_and_data_its_values() {
    let mut site = Site::new();
    site.births();
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.8))
    );
    site.now += 1_000;
    site.send(
        DDATA,
        3,
        &[pressure(0.9), Metric::aliased(4, MetricValue::Int16(-2))],
    );
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.9))
    );
    assert_eq!(
        site.reading("boiler", Quantity::SteamTemperature),
        Some(Reading::Number(-2.0))
    );
    assert_eq!(
        site.latest("boiler", Quantity::SteamPressure).unwrap().at,
        UtcMillis(T0 + 1_000)
    );
    let node = site.node("s/n1");
    assert!(node.known && node.online);
    assert_eq!((node.births, node.bd_seq, node.totals.received), (1, Some(0), 4));
    assert!(node.oddities.is_empty(), "{:?}", node.oddities);
    assert_eq!(node.devices.len(), 3);
}

// covers: tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline, tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline, tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale, tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale
#[test]
fn a_node_death_takes_the_node_and_all_its_devices_offline_at_the_hosts_time() {
    let mut site = Site::new();
    site.births();
    site.now += 5_000;
    // The will carries the time of the connection, long before.
    let death = payload(Some(T0 - 60_000), None, &[named("bdSeq", MetricValue::Int64(0))]);
    site.raw(NDEATH, death);
    let node = site.node("s/n1");
    assert!(!node.online);
    assert_eq!(node.since, Some(UtcMillis(site.now)));
    assert!(node.devices.iter().all(|device| !device.online));
    for equipment in ["boiler", "lift"] {
        assert_eq!(link(&site, equipment), Link::Offline);
        let gaps = site.pipeline.equipment(site.ix(equipment)).state.open_gaps();
        assert!(gaps.iter().any(|gap| gap.quantity.is_none()), "{gaps:?}");
    }
}

// covers: tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline, tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale
#[test]
fn a_device_death_takes_only_that_device_offline() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    site.send(DDEATH, 3, &[]);
    assert_eq!(
        (link(&site, "boiler"), link(&site, "lift")),
        (Link::Offline, Link::Online)
    );
    assert!(site.node("s/n1").online);
    site.now += 1_000;
    site.send(DBIRTH, 4, &boiler_birth());
    assert_eq!(link(&site, "boiler"), Link::Online);
}

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

// Interop notes 3 and 4.
#[test]
fn deaths_are_matched_with_births_as_far_as_that_is_possible() {
    let int = |value: i64| named("bdSeq", MetricValue::Int64(value));
    let bare = |value| Metric::named("bdSeq", MetricValue::Int64(value)).untyped();
    type Metrics = Vec<Metric<'static>>;
    let cases: &[(&str, Metrics, Metrics, bool, &str)] = &[
        ("same", vec![int(3)], vec![int(3)], false, ""),
        ("an old will", vec![int(3)], vec![int(2)], true, "stale_will"),
        (
            "an old will across the wrap",
            vec![int(0)],
            vec![int(255)],
            true,
            "stale_will",
        ),
        (
            "birth + 1 (pysparkplug)",
            vec![int(3)],
            vec![int(4)],
            false,
            "death_matches_no_birth",
        ),
        ("no bdSeq in the birth", vec![], vec![int(4)], false, "no_bd_seq"),
        ("no bdSeq in the death", vec![int(3)], vec![], false, ""),
        (
            "UInt64 (Tahu JS)",
            vec![named("bdSeq", MetricValue::UInt64(0))],
            vec![int(0)],
            false,
            "",
        ),
        (
            "death without datatype (srad)",
            vec![int(3)],
            vec![bare(3)],
            false,
            "",
        ),
        (
            "two in a birth: the last",
            vec![int(3), int(4)],
            vec![int(4)],
            false,
            "two_bd_seq",
        ),
    ];
    for (what, birth, death, online, oddity) in cases {
        let mut site = Site::new();
        site.send(NBIRTH, 0, birth);
        site.send(DBIRTH, 1, &boiler_birth());
        site.now += 1_000;
        site.raw(NDEATH, payload(None, None, death));
        let node = site.node("s/n1");
        assert_eq!(node.online, *online, "{what}");
        assert_eq!(link(&site, "boiler") == Link::Online, *online, "{what}");
        let odd: Vec<_> = node.oddities.iter().map(|oddity| oddity.key).collect();
        assert_eq!(odd, oddity.split_terminator(' ').collect::<Vec<_>>(), "{what}");
    }
}

// Interop note 3: nothing else would notice.
#[test]
fn a_node_whose_death_is_never_believed_falls_silent_all_the_same() {
    let mut site = Site::new();
    site.births();
    let out = site.wait(24 * 3_600_000).clone();
    let gap = out
        .iter()
        .any(|output| matches!(output, Output::Gap(gap) if &*gap.equipment == "boiler"));
    assert!(gap, "{out:?}");
}

// Interop note 6: its device death has no sequence number and no timestamp but carries a metric.
#[test]
fn a_device_death_without_number_and_time_counts() {
    let mut site = Site::new();
    site.births();
    site.raw(DDEATH, payload(None, None, &[named("x", MetricValue::Int32(1))]));
    assert_eq!(link(&site, "boiler"), Link::Offline);
    site.send("spBv1.0/s/DDATA/n1/l", 3, &[]);
    assert_eq!(site.node("s/n1").seq_gaps, 0);
    assert!(site.node("s/n1").oddities.is_empty());
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

// Interop note 5.
#[test]
fn integers_are_read_whichever_way_they_were_sent() {
    // Field 10 (int) and field 11 (long), width-masked and sign-extended: written by hand.
    let metric = |field: u8, value: u64| {
        let mut bytes = vec![0x0A, 17];
        bytes.extend_from_slice(b"steam_temperature");
        bytes.extend_from_slice(&[0x20, 2]); // Int16
        bytes.push(field << 3);
        let mut value = value;
        while value > 0x7F {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        let mut message = vec![0x12, bytes.len() as u8];
        message.extend(bytes);
        message
    };
    for (field, value) in [(10, 0xFFFE), (10, 0xFFFF_FFFE), (11, 0xFFFE), (11, u64::MAX - 1)] {
        let mut site = Site::new();
        site.births();
        site.now += 1_000;
        site.raw(DDATA, metric(field, value));
        assert_eq!(
            site.reading("boiler", Quantity::SteamTemperature),
            Some(Reading::Number(-2.0)),
            "{field} {value:x}"
        );
    }
}

// Interop note 7: srad's aliases exceed 2^32.
#[test]
fn aliases_may_be_any_number() {
    let mut site = Site::new();
    site.send(NBIRTH, 0, &[named("bdSeq", MetricValue::Int64(0))]);
    let aliases = [u64::MAX, 0, 1 << 40];
    let names = ["steam_pressure", "drum_level", "steam_temperature"];
    let births: Vec<_> = names
        .iter()
        .zip(aliases)
        .map(|(name, alias)| named(name, MetricValue::Double(0.0)).with_alias(alias))
        .collect();
    site.send(DBIRTH, 1, &births);
    let data: Vec<_> = aliases
        .iter()
        .enumerate()
        .map(|(n, alias)| Metric::aliased(*alias, MetricValue::Double(n as f64)))
        .collect();
    site.now += 1_000;
    site.send(DDATA, 2, &data);
    let quantities = [
        Quantity::SteamPressure,
        Quantity::DrumLevel,
        Quantity::SteamTemperature,
    ];
    for (n, quantity) in quantities.into_iter().enumerate() {
        assert_eq!(site.reading("boiler", quantity), Some(Reading::Number(n as f64)));
    }
}

// Interop note 8: a payload of another payload.
#[test]
fn compressed_payloads_are_kept_as_dead_letters_and_explained() {
    let mut site = Site::new();
    let mut bytes = vec![0x22, 18];
    bytes.extend_from_slice(b"SPBV1.0_COMPRESSED");
    bytes.extend_from_slice(&[0x2A, 3, 1, 2, 3]);
    let out = site.raw(DDATA, bytes).clone();
    assert!(
        matches!(&out[..], [Output::DeadLetter(letter)] if letter.reason.contains("compressed")),
        "{out:?}"
    );
    assert_eq!(rebirths(&out), 0);
    assert!(has_oddity(&site.node("s/n1"), "compressed"));
}

// Interop note 9: name, datatype and alias in every message.
#[test]
fn a_name_counts_more_than_an_alias() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    site.send(
        DDATA,
        3,
        &[named("steam_temperature", MetricValue::Int16(180)).with_alias(1)],
    );
    assert_eq!(
        site.reading("boiler", Quantity::SteamTemperature),
        Some(Reading::Number(180.0))
    );
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.8))
    );
}

#[test]
fn devices_that_are_not_born_again_with_their_node_are_given_up_after_a_minute() {
    let mut site = Site::new();
    site.births();
    site.now += 10_000;
    site.send(NBIRTH, 0, &[named("bdSeq", MetricValue::Int64(1))]);
    site.send(DBIRTH, 1, &boiler_birth());
    site.wait(59_000);
    assert_eq!(link(&site, "lift"), Link::Online);
    site.wait(1_000);
    assert_eq!(
        (link(&site, "boiler"), link(&site, "lift")),
        (Link::Online, Link::Offline)
    );
    assert!(has_oddity(&site.node("s/n1"), "device_not_reborn"));
}

#[test]
fn after_a_birth_of_the_node_alone_old_aliases_still_hold() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    site.send(NBIRTH, 0, &[named("bdSeq", MetricValue::Int64(1))]);
    let out = site.send(DDATA, 1, &[pressure(0.6)]).clone();
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.6))
    );
    assert_eq!(rebirths(&out), 1);
}

#[test]
fn data_after_a_death_brings_the_node_back_and_asks_for_its_birth() {
    let mut site = Site::new();
    site.births();
    site.raw(
        NDEATH,
        payload(None, None, &[named("bdSeq", MetricValue::Int64(0))]),
    );
    site.now += 1_000;
    let out = site.send(DDATA, 3, &[pressure(0.6)]).clone();
    let node = site.node("s/n1");
    assert!(node.online && has_oddity(&node, "data_after_death"));
    assert_eq!((rebirths(&out), link(&site, "boiler")), (1, Link::Online));
}

#[test]
fn a_node_heartbeat_says_that_its_devices_values_still_hold() {
    let mut site = Site::new();
    site.births();
    let mut gaps = 0;
    for n in 1..20_u8 {
        site.now += 30_000;
        let out = site.send(NDATA, 2 + n, &[]);
        gaps += out
            .iter()
            .filter(|output| matches!(output, Output::Gap(_)))
            .count();
    }
    assert_eq!(gaps, 0);
    assert_eq!(
        site.pipeline.equipment(site.ix("boiler")).state.last_heard(),
        Some(UtcMillis(site.now))
    );
}

#[test]
fn a_node_that_is_itself_the_equipment_reports_through_its_own_metrics() {
    let mut site = Site::new();
    let birth = [
        named("bdSeq", MetricValue::Int64(0)),
        named("steam_pressure", MetricValue::Double(0.3)).with_alias(7),
    ];
    site.send("spBv1.0/s/NBIRTH/n2", 0, &birth);
    site.now += 1_000;
    site.send(
        "spBv1.0/s/NDATA/n2",
        1,
        &[Metric::aliased(7, MetricValue::Double(0.4))],
    );
    assert_eq!(
        site.reading("solo", Quantity::SteamPressure),
        Some(Reading::Number(0.4))
    );
    site.now += 1_000;
    site.raw(
        "spBv1.0/s/NDEATH/n2",
        payload(None, None, &[named("bdSeq", MetricValue::Int64(0))]),
    );
    assert_eq!(link(&site, "solo"), Link::Offline);
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
fn births_that_mean_the_same_share_their_decode_context() {
    let mut site = Site::new();
    site.births();
    let first = contexts(&site.fed[1].1);
    assert_eq!(first.len(), 1);
    site.now += 1_000;
    let again = site.send(DBIRTH, 3, &boiler_birth()).clone();
    assert_eq!(contexts(&again), []);
    assert_eq!(logged(&again)[0].context, Some(first[0].hash));
    let mut other = boiler_birth();
    other[0] = other[0].with_alias(50);
    let changed = site.send(DBIRTH, 4, &other).clone();
    assert_eq!(contexts(&changed).len(), 1);
    assert_eq!(logged(&changed)[0].context, Some(contexts(&changed)[0].hash));
}

#[test]
fn commands_and_host_states_are_not_for_the_pipeline() {
    let mut site = Site::new();
    for topic in [
        "spBv1.0/s/NCMD/n1",
        "spBv1.0/s/DCMD/n1/b",
        "spBv1.0/STATE/vigil",
        "spBv1.0/s/NCMD/stranger",
    ] {
        assert_eq!(*site.raw(topic, vec![1, 2, 3]), []);
    }
    assert_eq!(site.pipeline.counts().commands_seen, 3);
    assert_eq!(site.pipeline.nodes().count(), 2);
}

#[test]
fn strangers_are_listed_with_what_they_say() {
    let mut site = Site::new();
    let birth = [
        named("bdSeq", MetricValue::Int64(0)),
        named("cpu", MetricValue::Float(41.5)).unit("℃").with_alias(9),
    ];
    let out = site.send("spBv1.0/s/NBIRTH/new", 0, &birth).clone();
    let listed = |out: &[Output]| {
        out.iter()
            .filter_map(|output| match output {
                Output::Unregistered(device) => Some(device.clone()),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&out)[0].metrics, [("cpu".to_owned(), "41.5 ℃".to_owned())]);
    let out = site
        .send(
            "spBv1.0/s/DDATA/n1/other",
            0,
            &[named("level", MetricValue::Int32(3))],
        )
        .clone();
    assert_eq!(listed(&out)[0].device.as_deref(), Some("other"));
    assert_eq!(logged(&out).len(), 1);
    // Told again at most once a minute.
    let mut told = 0;
    for second in 1..=180_u8 {
        site.now += 1_000;
        told += listed(
            &site
                .send(
                    "spBv1.0/s/NDATA/new",
                    second,
                    &[Metric::aliased(9, MetricValue::Float(1.0))],
                )
                .clone(),
        )
        .len();
    }
    assert_eq!(told, 3);
    let listed = site.pipeline.unregistered();
    assert_eq!(listed.len(), 2);
    assert!(!site.node("s/new").known);
    let new = listed.iter().find(|device| &*device.node == "s/new").unwrap();
    assert_eq!((new.messages, &*new.metrics[0].1), (181, "1"));
}

#[test]
fn what_a_birth_says_about_the_node_is_shown() {
    let mut site = Site::new();
    site.send(
        NBIRTH,
        0,
        &[
            named("bdSeq", MetricValue::Int64(7)),
            named("Node Info/Firmware", MetricValue::Str("vigil 0.1")),
        ],
    );
    let node = site.node("s/n1");
    assert_eq!(
        (node.firmware.as_deref(), node.bd_seq),
        (Some("vigil 0.1"), Some(7))
    );
}

#[test]
fn times_are_believed_only_within_reason() {
    let live = |at: i64| pressure(0.9).at(UtcMillis(at));
    let skewed = Quality::Uncertain(Uncertain::ClockSkew);
    let now = T0 + 1_000;
    let cases = [
        (
            "a moment ago",
            live(now - 400),
            Some(now),
            now - 400,
            Quality::Good,
        ),
        ("1970", live(5_000), Some(5_000), now, skewed),
        (
            "2100",
            live(4_102_444_900_000),
            Some(4_102_444_900_000),
            now,
            skewed,
        ),
        (
            "ten minutes fast",
            live(now + 600_000),
            Some(now + 600_000),
            now,
            skewed,
        ),
        ("negative", live(-1), Some(-1), now, skewed),
        (
            "only the payload's",
            pressure(0.9),
            Some(now - 100),
            now - 100,
            Quality::Good,
        ),
        (
            "none at all",
            pressure(0.9),
            None,
            now,
            Quality::Uncertain(Uncertain::NoTimestamp),
        ),
    ];
    for (what, metric, payload_at, at, quality) in cases {
        let mut site = Site::new();
        site.births();
        site.now = now;
        site.raw(DDATA, payload(payload_at, Some(3), &[metric]));
        let latest = site.latest("boiler", Quantity::SteamPressure).unwrap();
        assert_eq!((latest.at, latest.quality), (UtcMillis(at), quality), "{what}");
        let node = site.node("s/n1");
        assert_eq!(node.clock_offset_ms.is_some(), quality == skewed, "{what}");
    }
}

#[test]
fn a_birth_may_repeat_a_value_measured_long_ago() {
    let mut site = Site::new();
    site.send(NBIRTH, 0, &[]);
    let hour_ago = UtcMillis(T0 - 3_600_000);
    site.send(
        DBIRTH,
        1,
        &[named("steam_pressure", MetricValue::Double(0.5)).at(hour_ago)],
    );
    let latest = site.latest("boiler", Quantity::SteamPressure).unwrap();
    assert_eq!((latest.at, latest.quality), (UtcMillis(T0), Quality::Good));
}

#[test]
fn quality_and_unit_come_from_the_metric_and_its_birth() {
    let unit = |unit| {
        named("steam_pressure", MetricValue::Double(800.0))
            .unit(unit)
            .with_alias(1)
    };
    let cases = [
        (unit("kPa"), Some(Reading::Number(0.8)), Quality::Good),
        (
            unit("bar"),
            Some(Reading::NoData(NoData::NotReported)),
            Quality::Good,
        ),
        (
            unit("℃"),
            Some(Reading::NoData(NoData::Config)),
            NoData::Config.quality(),
        ),
        (
            unit("smoots"),
            Some(Reading::NoData(NoData::Config)),
            NoData::Config.quality(),
        ),
        (
            unit("kPa").quality(Quality::Stale),
            Some(Reading::Number(0.8)),
            Quality::Stale,
        ),
        (
            unit("kPa").quality(NoData::Device.quality()),
            Some(Reading::NoData(NoData::Device)),
            NoData::Device.quality(),
        ),
    ];
    for (metric, reading, quality) in cases {
        let mut site = Site::new();
        site.send(NBIRTH, 0, &[]);
        site.send(DBIRTH, 1, &[metric]);
        if metric.unit == Some("bar") {
            // 800 bar is no boiler's pressure: shown, not believed.
            let bad = Quality::Bad(vigil_protocol::vocabulary::Bad::Implausible);
            assert_eq!(site.quality("boiler", Quantity::SteamPressure), Some(bad));
            site.now += 1_000;
            site.send(DDATA, 2, &[pressure(8.0)]);
            assert_eq!(
                site.reading("boiler", Quantity::SteamPressure),
                Some(Reading::Number(0.8))
            );
            continue;
        }
        assert_eq!(
            site.reading("boiler", Quantity::SteamPressure),
            reading,
            "{:?}",
            metric.unit
        );
        assert_eq!(
            site.quality("boiler", Quantity::SteamPressure),
            Some(quality),
            "{:?}",
            metric.unit
        );
    }
}

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

#[test]
fn node_metrics_that_nobody_watches_are_no_unknown_aliases() {
    let mut site = Site::new();
    let birth = [
        named("bdSeq", MetricValue::Int64(0)),
        named("Journal/Epoch", MetricValue::UInt64(5)),
        named("cpu", MetricValue::Float(40.0)).with_alias(900),
    ];
    site.send(NBIRTH, 0, &birth);
    site.now += 1_000;
    let out = site
        .send(NDATA, 1, &[Metric::aliased(900, MetricValue::Float(41.0))])
        .clone();
    assert_eq!((logged(&out).len(), rebirths(&out)), (1, 0));
    assert!(
        site.node("s/n1").oddities.is_empty(),
        "{:?}",
        site.node("s/n1").oddities
    );
}
