//! `Pipeline::handle` of one message, as it comes from a node in normal operation: a DDATA with eight values by
//! alias and a journal number, for a boiler watched by all its default rules.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vigil_core::catalog::Catalog;
use vigil_core::decode::{LogDecoder, LoggedMessage};
use vigil_core::hash::ContentHash;
use vigil_core::output::DecodeContext;
use vigil_core::pack::builtin;
use vigil_core::{Input, Message, Outputs, Pipeline, Position, Settings, UtcMillis};
use vigil_protocol::sparkplug::{Encoder, MessageType, Metric, MetricValue};

const T0: i64 = 1_780_272_000_000;
const DBIRTH: &str = "spBv1.0/site/DBIRTH/node-1/boiler-1";
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

fn encode(buffer: &mut [u8], at: i64, seq: u8, metrics: impl Iterator<Item = Metric<'static>>) -> usize {
    let mut encoder = Encoder::new(buffer);
    encoder.timestamp(UtcMillis(at)).unwrap();
    for metric in metrics {
        encoder.metric(&metric).unwrap();
    }
    encoder.seq(seq).unwrap();
    encoder.finish()
}

/// The boiler's birth.
fn device_birth(buffer: &mut [u8]) -> usize {
    let device = METRICS
        .iter()
        .enumerate()
        .map(|(n, name)| Metric::named(name, value(n, 0)).with_alias(n as u64 + 1).typed())
        .chain([Metric::named("Journal/Seq", MetricValue::UInt64(0))
            .with_alias(9)
            .typed()]);
    encode(buffer, T0, 1, device)
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
    let mut buffers = [[0; 1_024]; 2];
    let [first, second] = &mut buffers;
    let lengths = [encode(first, T0, 0, node.into_iter()), device_birth(second)];
    let topics = ["spBv1.0/site/NBIRTH/node-1", DBIRTH];
    for (n, topic) in topics.into_iter().enumerate() {
        let message = Message {
            topic,
            payload: &buffers[n][..lengths[n]],
            retained: false,
        };
        pipeline.handle(
            Input::Message(message),
            Position(n as u64 + 1),
            UtcMillis(T0),
            &mut Outputs::new(),
        );
    }
    (pipeline, rules)
}

/// The `n`th message of the node, one per second.
fn data(buffer: &mut [u8], n: u64) -> (i64, usize) {
    let at = T0 + 1_000 + n as i64 * 1_000;
    let values = (0..8).map(|metric| Metric::aliased(metric as u64 + 1, value(metric, n)).at(UtcMillis(at)));
    let journal = Metric::aliased(9, MetricValue::UInt64(n));
    (at, encode(buffer, at, (n + 2) as u8, values.chain([journal])))
}

fn handle(c: &mut Criterion) {
    let (mut pipeline, rules) = pipeline();
    let mut group = c.benchmark_group("pipeline");
    let mut n = 0;
    let mut out = Outputs::with_capacity(64);
    // As they lie in a receive buffer: a batch of messages, read once.
    let mut buffers = vec![[0; 256]; 256];
    let mut messages = Vec::with_capacity(buffers.len());
    group.bench_function(format!("handle DDATA, 8 values, {rules} rules"), |b| {
        b.iter_custom(|iterations| {
            let (mut left, mut spent) = (iterations, Duration::ZERO);
            while left > 0 {
                let batch = left.min(buffers.len() as u64);
                messages.clear();
                for buffer in &mut buffers[..batch as usize] {
                    messages.push((n, data(buffer, n)));
                    n += 1;
                }
                let start = Instant::now();
                for (buffer, (n, (at, length))) in buffers.iter().zip(&messages) {
                    out.clear();
                    let message = Message {
                        topic: DDATA,
                        payload: &buffer[..*length],
                        retained: false,
                    };
                    pipeline.handle(
                        Input::Message(message),
                        Position(n + 10),
                        UtcMillis(*at),
                        &mut out,
                    );
                    black_box(out.len());
                }
                spent += start.elapsed();
                left -= batch;
            }
            spent
        });
    });
    group.finish();
}

/// A logged message back to its samples, as a trend does.
fn decode(c: &mut Criterion) {
    let (pipeline, _) = pipeline();
    let equipment = &pipeline.catalog().equipment[0];
    let mut decoder = LogDecoder::new(&Settings::default());
    let mut birth = [0; 1_024];
    let length = device_birth(&mut birth);
    let context = DecodeContext {
        hash: ContentHash::of(b"birth"),
        topic: DBIRTH.into(),
        payload: birth[..length].into(),
    };
    decoder.add_context(&context);
    let mut payload = [0; 256];
    let (at, length) = data(&mut payload, 7);
    let logged = LoggedMessage {
        source: vigil_core::field::Source::Sparkplug,
        device: Some("boiler-1"),
        message: MessageType::DData,
        context: Some(context.hash),
        payload: &payload[..length],
        received: UtcMillis(at),
    };
    let mut samples = Vec::new();
    c.bench_function("pipeline/decode logged DDATA, 8 values", |b| {
        b.iter(|| {
            samples.clear();
            decoder.decode_into(black_box(&logged), equipment, &mut samples);
            samples.len()
        });
    });
}

criterion_group!(benches, handle, decode);
criterion_main!(benches);
