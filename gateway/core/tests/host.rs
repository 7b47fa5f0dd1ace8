//! The Sparkplug host: births, deaths, devices, strangers. Names of assertions: Sparkplug 3.0.0.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use support::*;
use vigil_core::Output;
use vigil_core::UtcMillis;
use vigil_core::equipment::Link;
use vigil_core::sample::Reading;
use vigil_protocol::sparkplug::Metric;
use vigil_protocol::sparkplug::MetricValue;
use vigil_protocol::vocabulary::Quantity;

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

#[test]
fn a_node_whose_clock_is_off_is_told_the_time_if_it_takes_it() {
    use vigil_core::output::CommandKind;
    let takes = named("Node Control/Time", MetricValue::DateTime(UtcMillis(0)));
    let bd_seq = named("bdSeq", MetricValue::Int64(0));
    for (at, metrics, told) in [
        (Some(T0 - 11_000), &[bd_seq, takes][..], true),
        // A board without a clock counts from its start.
        (Some(7_000), &[bd_seq, takes][..], true),
        (None, &[bd_seq, takes][..], true),
        (Some(T0 - 9_000), &[bd_seq, takes][..], false),
        (Some(7_000), &[bd_seq][..], false),
    ] {
        let mut site = Site::new();
        let out = site.raw(NBIRTH, payload(at, Some(0), metrics));
        assert_eq!(commands(out).contains(&CommandKind::Time), told, "{at:?}");
    }
}
