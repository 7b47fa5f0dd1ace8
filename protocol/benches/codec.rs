//! What one ordinary message costs: eight metrics by alias, as a device sends them.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may panic, and criterion's macros generate undocumented items"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use vigil_protocol::sparkplug::{DataType, Encoder, Metric, MetricValue, PayloadView};
use vigil_protocol::time::UtcMillis;

const SENT: UtcMillis = UtcMillis(1_793_455_200_000);

fn values() -> [MetricValue<'static>; 8] {
    [
        MetricValue::Double(1.02),
        MetricValue::Double(184.3),
        MetricValue::Float(-12.5),
        MetricValue::Bool(true),
        MetricValue::Int32(-3),
        MetricValue::UInt64(123_456),
        MetricValue::Double(0.8),
        MetricValue::Int16(7),
    ]
}

fn encode(values: &[MetricValue<'static>; 8], buffer: &mut [u8]) -> usize {
    let mut encoder = Encoder::new(buffer);
    encoder.timestamp(SENT).unwrap();
    for (alias, value) in (1_u64..).zip(values) {
        encoder.metric(&Metric::aliased(alias, *value).at(SENT)).unwrap();
    }
    encoder.seq(42).unwrap();
    encoder.finish()
}

fn decode(bytes: &[u8], declared: &[DataType; 8]) -> f64 {
    let payload = PayloadView::parse(bytes).unwrap();
    let mut sum = 0.0;
    for (metric, datatype) in payload.metrics().zip(declared) {
        let metric = metric.unwrap();
        sum += metric.value(Some(*datatype)).unwrap().as_f64().unwrap() + metric.alias.unwrap() as f64;
    }
    sum
}

fn codec(c: &mut Criterion) {
    let values = values();
    let declared = values.map(|value| value.datatype());
    let mut buffer = [0; 512];
    let length = encode(&values, &mut buffer);
    let payload = buffer[..length].to_vec();

    c.bench_function("decode 8-metric DDATA", |b| {
        b.iter(|| decode(black_box(&payload), &declared))
    });
    c.bench_function("encode 8-metric DDATA", |b| {
        b.iter(|| encode(black_box(&values), &mut buffer))
    });
}

criterion_group!(benches, codec);
criterion_main!(benches);
