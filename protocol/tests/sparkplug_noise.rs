//! Nothing that arrives can stop the decoder: noise, damage, hostile lengths, deep nesting.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test file"
)]

use proptest::prelude::*;
use vigil_protocol::sparkplug::{Encoder, Metric, MetricValue, PayloadView, WireValue};

#[path = "../fuzz/checks.rs"]
mod checks;

#[test]
fn the_fuzz_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/payload");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let data = std::fs::read(entry.unwrap().path()).unwrap();
        checks::check(&data);
        // Every file cut short, and with every byte made a continuation or an end.
        for at in 0..data.len() {
            checks::check(&data[..at]);
            for byte in [0x00, 0x7f, 0x80, 0xff] {
                let mut damaged = data.clone();
                damaged[at] = byte;
                checks::check(&damaged);
            }
        }
        files += 1;
    }
    assert!(files >= 30, "corpus of {files} files in {folder}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn noise_never_panics(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        checks::check(&data);
    }

    #[test]
    fn noise_that_looks_like_fields_never_panics(
        fields in proptest::collection::vec((1_u8..20, 0_u8..6, proptest::collection::vec(any::<u8>(), 0..12)), 0..12)
    ) {
        let mut metric = Vec::new();
        for (field, wire, content) in fields {
            metric.push(field << 3 | wire);
            if wire == 2 {
                metric.push(content.len() as u8);
            }
            metric.extend(content);
        }
        let mut payload = vec![0x12, metric.len() as u8 | 0x80, (metric.len() >> 7) as u8];
        payload.extend(metric);
        checks::check(&payload);
    }
}

#[test]
fn deep_nesting_is_stepped_over_without_recursion() {
    // A property whose value is a property set whose value is a property set … 100 000 deep. Written
    // inside out, so that each level is its length and the one before.
    let mut set: Vec<u8> = Vec::new();
    for _ in 0..100_000 {
        // Reversed: content first, then what stands before it.
        let mut level = std::mem::take(&mut set);
        prepend_field(&mut level, 0x4a);
        prepend_field(&mut level, 0x12);
        level.extend([b'a', 1, 0x0a]);
        set = level;
    }
    prepend_field(&mut set, 0x4a);
    prepend_field(&mut set, 0x12);
    set.reverse();
    let payload = PayloadView::parse(&set).unwrap();
    let metric = payload.metrics().next().unwrap().unwrap();
    assert_eq!(
        metric.properties.unwrap().get("a").unwrap().wire,
        WireValue::PropertySet
    );
}

/// For a reversed buffer: makes all of it the content of a length-delimited field.
fn prepend_field(reversed: &mut Vec<u8>, key: u8) {
    let mut length = reversed.len();
    let mut digits = Vec::new();
    while length >= 0x80 {
        digits.push(length as u8 | 0x80);
        length >>= 7;
    }
    digits.push(length as u8);
    reversed.extend(digits.iter().rev());
    reversed.push(key);
}

#[test]
fn a_metric_that_cannot_be_read_leaves_its_neighbours_alone() {
    let mut buffer = [0; 64];
    let mut encoder = Encoder::new(&mut buffer);
    encoder
        .metric(&Metric::aliased(1, MetricValue::Bool(true)))
        .unwrap();
    let first = encoder.as_bytes().len();
    encoder
        .metric(&Metric::aliased(2, MetricValue::Str("abc")))
        .unwrap();
    encoder
        .metric(&Metric::aliased(3, MetricValue::Bool(true)))
        .unwrap();
    encoder.seq(9).unwrap();
    let mut bytes = encoder.as_bytes().to_vec();
    bytes[first + 6] = 0xff; // no longer UTF-8
    let payload = PayloadView::parse(&bytes).unwrap();
    assert_eq!(payload.seq, Some(9));
    let aliases: Vec<_> = payload
        .metrics()
        .map(|metric| metric.ok().and_then(|metric| metric.alias))
        .collect();
    assert_eq!(aliases, [Some(1), None, Some(3)]);
}

#[test]
fn a_megabyte_of_empty_metrics_is_just_that_many_metrics() {
    let bytes = [0x12, 0].repeat(512 * 1024);
    let payload = PayloadView::parse(&bytes).unwrap();
    assert_eq!(payload.metric_count(), 512 * 1024);
    assert!(
        payload
            .metrics()
            .all(|metric| metric.is_ok_and(|metric| metric.wire == WireValue::Absent))
    );
}
