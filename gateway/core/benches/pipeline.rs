//! `Pipeline::handle` of one message, as it comes from a node in normal operation: a DDATA with eight values by
//! alias and a journal number, for a boiler watched by all its default rules.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use vigil_core::catalog::Catalog;
use vigil_core::pack::builtin;
use vigil_core::{Input, Message, Outputs, Pipeline, Position, Settings, UtcMillis};
use vigil_protocol::sparkplug::{Encoder, Metric, MetricValue};

const T0: i64 = 1_780_272_000_000;
const DDATA: &str = "spBv1.0/site/DDATA/node-1/boiler-1";
const CATALOG: &str = r#"
[[equipment]]
id = "boiler-1"
category = "1100"
node = "site/node-1"
device = "boiler-1"
[equipment.nameplate]
rated_pressure = "1.0 MPa"
rated_evaporation = "4 t/h"
low_water_limit = "-75 mm"
low_water_alarm = "-50 mm"
high_water_alarm = "50 mm"
high_water_limit = "75 mm"
"#;
const METRICS: [&str; 8] = [
    "steam_pressure",
    "drum_level",
    "steam_temperature",
    "steam_flow",
    "feed_water_pressure",
    "exhaust_temperature",
    "burner_firing",
    "feed_pump_running",
];

fn value(metric: usize, n: u64) -> MetricValue<'static> {
    let wobble = (n % 100) as f64;
    match metric {
        0 => MetricValue::Double(0.8 + wobble / 1_000.0),
        1 => MetricValue::Float(wobble as f32 / 10.0),
        2 => MetricValue::Double(170.0 + wobble / 10.0),
        3 => MetricValue::Float(3_000.0 + wobble as f32),
        4 => MetricValue::Double(1.2),
        5 => MetricValue::Int16(140),
        _ => MetricValue::Bool(true),
    }
}

fn encode(at: i64, seq: u8, metrics: impl Iterator<Item = Metric<'static>>) -> Vec<u8> {
    let mut buffer = vec![0; 2_048];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.timestamp(UtcMillis(at)).unwrap();
    for metric in metrics {
        encoder.metric(&metric).unwrap();
    }
    encoder.seq(seq).unwrap();
    let length = encoder.finish();
    buffer.truncate(length);
    buffer
}

/// A born node and how many rules watch its boiler.
fn pipeline() -> (Pipeline, usize) {
    let packs: Vec<_> = builtin().into_iter().map(Arc::new).collect();
    let catalog = Catalog::load(&[("bench.toml", CATALOG)], &packs).0.unwrap();
    let rules = catalog.equipment[0].rules.len();
    let mut pipeline = Pipeline::new(Arc::new(catalog), Settings::default());
    let node = [
        Metric::named("bdSeq", MetricValue::Int64(0)).typed(),
        Metric::named("Journal/Epoch", MetricValue::UInt64(1)).typed(),
    ];
    let device = METRICS
        .iter()
        .enumerate()
        .map(|(n, name)| Metric::named(name, value(n, 0)).with_alias(n as u64 + 1).typed())
        .chain([Metric::named("Journal/Seq", MetricValue::UInt64(0)).with_alias(9).typed()]);
    let births = [
        ("spBv1.0/site/NBIRTH/node-1", encode(T0, 0, node.into_iter())),
        ("spBv1.0/site/DBIRTH/node-1/boiler-1", encode(T0, 1, device)),
    ];
    for (n, (topic, payload)) in births.iter().enumerate() {
        let message = Message { topic, payload, retained: false };
        pipeline.handle(Input::Message(message), Position(n as u64 + 1), UtcMillis(T0), &mut Outputs::new());
    }
    (pipeline, rules)
}

/// The `n`th message of the node, one per second.
fn data(n: u64) -> (i64, Vec<u8>) {
    let at = T0 + 1_000 + n as i64 * 1_000;
    let values = (0..8).map(|metric| Metric::aliased(metric as u64 + 1, value(metric, n)).at(UtcMillis(at)));
    let journal = Metric::aliased(9, MetricValue::UInt64(n));
    (at, encode(at, (n + 2) as u8, values.chain([journal])))
}

fn handle(c: &mut Criterion) {
    let (mut pipeline, rules) = pipeline();
    let mut group = c.benchmark_group("pipeline");
    let (mut n, mut position) = (0, 10);
    let mut out = Outputs::with_capacity(64);
    group.bench_function(format!("handle DDATA, 8 values, {rules} rules"), |b| {
        b.iter_batched(
            || {
                n += 1;
                data(n - 1)
            },
            |(at, payload)| {
                position += 1;
                out.clear();
                let message = Message { topic: DDATA, payload: &payload, retained: false };
                pipeline.handle(Input::Message(message), Position(position), UtcMillis(at), &mut out);
                black_box(out.len());
                payload
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, handle);
criterion_main!(benches);
