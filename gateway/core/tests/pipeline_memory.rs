//! Twenty thousand pieces of equipment must fit beside everything else into 150 MB: 4,500 bytes each, 90 MB.
//! Counted for fewer, because a debug build takes its time: NODES=4000 for all.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use std::fmt::Write as _;
use std::time::Instant;
use support::*;
use vigil_core::{Input, Message, Outputs, Pipeline, Position, Settings, UtcMillis};
use vigil_protocol::sparkplug::{Metric, MetricValue};

const DEVICES: usize = 5;

/// Resident memory of this process, bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm
        .split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 4_096
}

fn nodes() -> usize {
    std::env::var("NODES")
        .ok()
        .and_then(|nodes| nodes.parse().ok())
        .unwrap_or(500)
}

fn text(nodes: usize) -> String {
    let mut text = String::new();
    for node in 0..nodes {
        for device in 0..DEVICES {
            let category = if device == 0 { "1100" } else { "3110" };
            write!(
                text,
                "[[equipment]]\nid = \"e-{node}-{device}\"\nname = \"{node}号楼{device}号\"\ncategory = \"{category}\"\n\
                 node = \"site/node-{node}\"\ndevice = \"dev-{device}\"\n"
            )
            .unwrap();
            if device == 0 {
                text.push_str("[equipment.nameplate]\nrated_pressure = 1.0\nlow_water_limit = -75\nlow_water_alarm = -50\n");
            }
        }
    }
    text
}

#[test]
fn a_piece_of_equipment_is_small_in_memory_and_in_snapshots() {
    let nodes = nodes();
    let catalog = catalog(&text(nodes));
    let before = resident();
    let mut pipeline = Pipeline::new(catalog, Settings::default());
    let mut out = Outputs::new();
    let (mut position, mut now) = (0, T0);
    let mut send = |topic: String, seq: u8, metrics: &[Metric<'_>], now: i64| {
        position += 1;
        let payload = payload(Some(now), Some(seq), metrics);
        let message = Message {
            topic: &topic,
            payload: &payload,
            retained: false,
        };
        out.clear();
        pipeline.handle(
            Input::Message(message),
            Position(position),
            UtcMillis(now),
            &mut out,
        );
    };
    let boiler = [
        named("steam_pressure", MetricValue::Double(0.8)).with_alias(1),
        named("drum_level", MetricValue::Float(5.0)).with_alias(2),
        named("burner_firing", MetricValue::Bool(true)).with_alias(3),
        named("exhaust_temperature", MetricValue::Int16(150)).with_alias(4),
        named("Journal/Seq", MetricValue::UInt64(0)).with_alias(9),
    ];
    let lift = |device: u64| {
        let alias = |n| 10 * device + n;
        [
            named("service_mode", MetricValue::Int32(1)).with_alias(alias(0)),
            named("fault_code", MetricValue::Str("0")).with_alias(alias(1)),
            named("door_closed", MetricValue::Bool(true)).with_alias(alias(2)),
            named("car_moving", MetricValue::Bool(false)).with_alias(alias(3)),
            named("car_position", MetricValue::Int32(3)).with_alias(alias(4)),
            named("passenger_present", MetricValue::Bool(false)).with_alias(alias(5)),
            named("Journal/Seq", MetricValue::UInt64(0)).with_alias(alias(9)),
        ]
    };
    for node in 0..nodes {
        let node_birth = [
            named("bdSeq", MetricValue::Int64(0)),
            named("Journal/Epoch", MetricValue::UInt64(7)),
        ];
        send(format!("spBv1.0/site/NBIRTH/node-{node}"), 0, &node_birth, now);
        for device in 0..DEVICES {
            let topic = format!("spBv1.0/site/DBIRTH/node-{node}/dev-{device}");
            match device {
                0 => send(topic, 1, &boiler, now),
                _ => send(topic, 1 + device as u8, &lift(device as u64), now),
            }
        }
    }
    let start = Instant::now();
    for round in 0..3_u64 {
        now += 10_000;
        for node in 0..nodes {
            for device in 0..DEVICES {
                let topic = format!("spBv1.0/site/DDATA/node-{node}/dev-{device}");
                let journal = MetricValue::UInt64(round * DEVICES as u64 + device as u64);
                let seq = (6 + round * 5 + device as u64) as u8;
                if device == 0 {
                    let metrics = [pressure(0.8 + round as f64 / 100.0), Metric::aliased(9, journal)];
                    send(topic, seq, &metrics, now);
                } else {
                    let base = 10 * device as u64;
                    let position = Metric::aliased(base + 4, MetricValue::Int32(round as i32));
                    send(topic, seq, &[position, Metric::aliased(base + 9, journal)], now);
                }
            }
        }
    }
    let messages = 3 * nodes * DEVICES;
    println!(
        "{} ns per message, encoding included",
        start.elapsed().as_nanos() / messages as u128
    );
    let used = resident() - before;
    let keys = pipeline.take_dirty(usize::MAX);
    let snapshots: usize = keys.iter().map(|key| pipeline.snapshot(key).unwrap().len()).sum();
    let each = |bytes: usize| bytes / (nodes * DEVICES);
    println!(
        "{} MB resident, {} bytes per piece, {} bytes of snapshot",
        used >> 20,
        each(used),
        each(snapshots)
    );
    assert!(each(used) < 4_500, "{used} bytes");
    assert!(each(snapshots) < 3_500, "{snapshots} bytes");
}
