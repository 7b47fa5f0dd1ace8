//! Bad input never stops the flow: it is counted and explained, and the node beside it is none the worse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use vigil_protocol::sparkplug::{Metric, MetricValue};
use vigil_protocol::time::UtcMillis;
use vigil_simulator::scenario::Scenario;
use vigil_tests::edge::now;
use vigil_tests::register::{Register, wait_for_farewells};
use vigil_tests::{Edge, Expected, Gateway, GatewayOptions, Peer, Place, Site, SiteOptions, check, journals};

const WAIT: Duration = Duration::from_secs(30);

/// A lift that the catalog knows, behind a node that does everything wrong.
const HOSTILE: &str = r#"
[[equipment]]
id = "bad-lift"
name = "坏节点后的电梯"
name_en = "Lift behind a bad node"
category = "3110"
node = "haicheng/hostile"
device = "bad-lift"
"#;

fn double(name: &str, value: f64) -> Metric<'_> {
    Metric::named(name, MetricValue::Double(value)).typed().at(now())
}

fn oddities(node: &Value) -> BTreeSet<String> {
    let all = node["oddities"].as_array().into_iter().flatten();
    all.map(|oddity| {
        assert!(oddity["count"].as_u64().unwrap() > 0);
        assert!(
            !oddity["text_en"].as_str().unwrap().is_empty()
                && !oddity["text_zh"].as_str().unwrap().is_empty()
        );
        oddity["key"].as_str().unwrap().to_owned()
    })
    .collect()
}

/// Valid in its beginning, and then not.
fn garbage(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("cut in the middle", good[..good.len() / 2].to_vec()),
        (
            "a length beyond the end",
            vec![0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1],
        ),
        (
            "a length of 2^63",
            vec![0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
        ),
        ("a varint that does not end", vec![0xFF; 64]),
        ("field number 0", vec![0x00, 0x01]),
        ("a group without end", vec![0x0B, 0x0B, 0x0B]),
        ("plain text", b"{\"temperature\": 21}".to_vec()),
        ("one byte", vec![0x80]),
    ]
}

#[test]
fn hostile_messages_are_counted_and_explained_and_the_good_nodes_do_not_notice() {
    let place = Place::new("bad-input");
    let scenario = Scenario::builtin("story").unwrap();
    let mut options = GatewayOptions::with_catalog(scenario.catalog_toml() + HOSTILE);
    options.config = "[core]\nack_interval_ms = 250\nreorder_timeout_ms = 300\n".to_owned();
    let mut gateway = Gateway::start(&place, options);
    let api = gateway.api();
    let broker = gateway.broker();
    let options = SiteOptions {
        scenario: "story".to_owned(),
        longer: 0,
        broker: broker.clone(),
        speed: "12".to_owned(),
        settle: 90,
    };
    let mut site = Site::start(&place, options);

    let mut bad = Edge::connect(&broker, "haicheng", "hostile");
    bad.born(&[
        double("Load", 1.0),
        double("load", 2.0),
        double("twice", 3.0),
        double("twice", 4.0),
    ]);
    let device = Some("bad-lift");
    bad.send(
        "DBIRTH",
        device,
        now(),
        &[
            double("car_load", 10.0).with_alias(1),
            double("car_speed", 0.0).with_alias(2),
        ],
    );
    // Values that are none.
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e300] {
        bad.send(
            "DDATA",
            device,
            now(),
            &[Metric::aliased(1, MetricValue::Double(value)).at(now())],
        );
    }
    // Types that do not fit, aliases nobody declared.
    let text = Metric::named("car_load", MetricValue::Str("heavy"))
        .typed()
        .at(now());
    bad.send("DDATA", device, now(), &[text]);
    bad.send(
        "DDATA",
        device,
        now(),
        &[Metric::aliased(999, MetricValue::Double(1.0)).at(now())],
    );
    // Clocks.
    for at in [
        UtcMillis(0),
        UtcMillis(4_102_444_800_000),
        UtcMillis(i64::MAX),
        UtcMillis(-1),
    ] {
        bad.send(
            "DDATA",
            device,
            at,
            &[Metric::aliased(1, MetricValue::Double(20.0)).at(at)],
        );
    }
    // Names that differ only by case, as devices as well.
    bad.send(
        "DBIRTH",
        Some("Bad-Lift"),
        now(),
        &[double("car_load", 1.0), double("Car_Load", 2.0)],
    );
    // A birth of almost 1 MiB.
    let names: Vec<String> = (0..22_000)
        .map(|n| format!("metric/{n:05}/{}", "x".repeat(8)))
        .collect();
    let many: Vec<Metric<'_>> = names.iter().map(|name| double(name, 1.0)).collect();
    let big = bad.send("DBIRTH", Some("big"), now(), &many);
    assert!((900_000..1_048_576).contains(&big.len()), "{} bytes", big.len());
    // And one beyond: too large to be a message of a node.
    let more: Vec<Metric<'_>> = names.iter().chain(&names).map(|name| double(name, 1.0)).collect();
    let oversized = bad.send("DBIRTH", Some("oversized"), now(), &more);
    assert!(
        oversized.len() > 1_048_576 && oversized.len() < 2_097_152,
        "{} bytes",
        oversized.len()
    );
    // Bytes that are nothing, from a node of the catalog and from strangers.
    let good = bad.send(
        "DDATA",
        device,
        now(),
        &[Metric::aliased(1, MetricValue::Double(20.0)).at(now())],
    );
    for (what, bytes) in garbage(&good) {
        bad.peer.say(&bad.topic("DDATA", device), bytes.clone());
        bad.peer.say(
            &format!("spBv1.0/strangers/NBIRTH/{}", what.replace(' ', "-")),
            bytes,
        );
    }
    for topic in [
        "spBv1.0",
        "spBv1.0/a",
        "spBv1.0/a/b/c",
        "spBv1.0/a/NDATA/b/c/d",
        "spBv1.0//NDATA/",
        "spBv1.0/a/NDATA/\u{1}",
    ] {
        bad.peer.say(topic, good.clone());
    }
    bad.peer.say_retained(&bad.topic("DDATA", device), good.clone());
    // More than the broker takes in one packet: it ends that connection, and only that one.
    let flood = Peer::connect(&broker, "flood", &[]);
    flood.say("spBv1.0/haicheng/NDATA/flood", vec![0; 5 << 20]);

    let node = api.wait_until("/api/v1/nodes/haicheng/hostile", WAIT, |node| {
        let found = oddities(node);
        EXPLAINED.iter().all(|key| found.contains(*key))
    });
    assert!(node["undecodable"].as_u64().unwrap() >= 8, "{node:#}");
    assert!(node["rebirths_requested"].as_u64().unwrap() >= 1, "{node:#}");
    let asked = bad.peer.wait_for("a rebirth request", WAIT, |m| {
        m.topic == "spBv1.0/haicheng/NCMD/hostile"
    });
    assert!(!asked.payload.is_empty());
    let letters = api.wait_until("/api/v1/dead-letters?limit=1000", WAIT, |letters| {
        letters["total"].as_u64().is_some_and(|total| total >= 17)
    });
    let reasons: Vec<&str> = letters["letters"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|letter| letter["reason"].as_str())
        .collect();
    assert!(
        reasons.iter().any(|reason| reason.contains("1 MiB")
            || reason.contains("oversized")
            || reason.contains("large")),
        "{reasons:?}"
    );
    let strangers = api.get("/api/v1/unregistered?limit=1000");
    assert!(
        strangers.to_string().contains("\"big\""),
        "devices nobody registered are listed: {strangers:.2000}"
    );

    // Whoever behaves is none the worse for it.
    let report = site.finish(Duration::from_secs(120));
    assert_eq!(report["settled"], true, "{report:#}");
    let kept = journals(site.journals(), &scenario.site.group);
    let nodes: Vec<String> = kept.iter().map(|journal| journal.node.clone()).collect();
    wait_for_farewells(&gateway.database(), &nodes, WAIT).expect("every farewell is heard");
    for journal in &kept {
        let good = api.get(&format!("/api/v1/nodes/{}", journal.node));
        assert_eq!(good["undecodable"], 0, "{good:#}");
        assert_eq!(good["journal"]["hole_from"], Value::Null, "{good:#}");
    }
    assert_eq!(api.get_text("/readyz").0, 200);
    let (status, _) = gateway.terminate();
    assert!(status.success(), "{}", gateway.log());
    let expected = Expected {
        truth: &scenario.truth,
        lateness: false,
        journals: &kept,
        readings: None,
    };
    let findings = check(&Register::read(&gateway.database()), &expected);
    assert!(findings.ok(), "{findings}");
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}

/// What has to be said about the hostile node, in words.
const EXPLAINED: &[&str] = &[
    "case_only_names",
    "duplicate_names",
    "not_finite",
    "wrong_type",
    "unknown_alias",
    "clock_skew",
    "case_only_id",
    "too_many_metrics",
    "oversized",
    "undecodable",
];
