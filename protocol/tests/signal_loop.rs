//! Loop currents: golden values, round trips, and the float and integer variants agreeing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use proptest::prelude::*;
use vigil_protocol::signal::{CurrentLoop, LoopReading, Ne43, scale_microamps};
use vigil_protocol::vocabulary::{NoData, Quality, Uncertain};

#[test]
fn a_loop_current_is_a_value_a_doubtful_value_or_a_reason() {
    let good = |value| LoopReading::Value {
        value,
        quality: Quality::Good,
    };
    let doubtful = |value| LoopReading::Value {
        value,
        quality: Quality::Uncertain(Uncertain::OutOfSpec),
    };
    let channel = CurrentLoop::new(0.0, 1.6);
    let cases = [
        (4.0, good(0.0)),
        (12.0, good(0.8)),
        (20.0, good(1.6)),
        (3.8, good((3.8 - 4.0) / 16.0 * 1.6)),
        (20.5, good((20.5 - 4.0) / 16.0 * 1.6)),
        (3.79, doubtful((3.79 - 4.0) / 16.0 * 1.6)),
        (20.51, doubtful((20.51 - 4.0) / 16.0 * 1.6)),
        (20.99, doubtful((20.99 - 4.0) / 16.0 * 1.6)),
        (3.6, LoopReading::NoData(NoData::Sensor)),
        (3.59, LoopReading::NoData(NoData::Sensor)),
        (0.5, LoopReading::NoData(NoData::Sensor)),
        (21.0, LoopReading::NoData(NoData::Sensor)),
        (22.5, LoopReading::NoData(NoData::Sensor)),
        (0.49, LoopReading::NoData(NoData::NotConnected)),
        (0.0, LoopReading::NoData(NoData::NotConnected)),
        (-1.0, LoopReading::NoData(NoData::NotConnected)),
        (f64::NAN, LoopReading::NoData(NoData::NotFinite)),
        (f64::INFINITY, LoopReading::NoData(NoData::NotFinite)),
    ];
    for (milliampere, expected) in cases {
        assert_eq!(channel.read(milliampere), expected, "{milliampere} mA");
    }
}

#[test]
fn a_channel_without_span_is_misconfigured_and_not_zero() {
    for (lo, hi) in [(1.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        assert_eq!(
            CurrentLoop::new(lo, hi).read(12.0),
            LoopReading::NoData(NoData::Config)
        );
        assert_eq!(CurrentLoop::new(lo, hi).milliampere(1.0), None);
    }
    assert_eq!(
        scale_microamps(12_000, 5, 5, &Ne43::DEFAULT),
        LoopReading::NoData(NoData::Config)
    );
}

#[test]
fn limits_are_configurable_for_transmitters_that_saturate_early() {
    let narrow = Ne43 {
        valid_from: 4_000,
        valid_to: 20_000,
        ..Ne43::DEFAULT
    };
    let channel = CurrentLoop {
        lo: 0.0,
        hi: 100.0,
        limits: narrow,
    };
    for (milliampere, quality) in [
        (4.0, Quality::Good),
        (20.0, Quality::Good),
        (3.9, Quality::Uncertain(Uncertain::OutOfSpec)),
        (20.1, Quality::Uncertain(Uncertain::OutOfSpec)),
    ] {
        assert!(matches!(channel.read(milliampere), LoopReading::Value { quality: q, .. } if q == quality));
    }
}

#[test]
fn fixed_point_scaling_rounds_to_nearest_and_saturates() {
    let value = |value| LoopReading::Value {
        value,
        quality: Quality::Good,
    };
    let limits = &Ne43::DEFAULT;
    assert_eq!(scale_microamps(12_000, 0, 2_500_000, limits), value(1_250_000));
    assert_eq!(scale_microamps(4_001, 0, 2_500_000, limits), value(156), "156.25");
    assert_eq!(scale_microamps(3_999, 0, 2_500_000, limits), value(-156));
    assert_eq!(scale_microamps(20_000, -100_000, 60_000, limits), value(60_000));
    assert_eq!(
        scale_microamps(8_000, 1_600_000, 0, limits),
        value(1_200_000),
        "reverse acting"
    );
    assert_eq!(
        scale_microamps(20_400, i32::MIN, i32::MAX, limits),
        value(i32::MAX)
    );
    for microampere in [i32::MIN, 0, 3_600, 21_000, i32::MAX] {
        assert!(matches!(
            scale_microamps(microampere, i32::MIN, i32::MAX, limits),
            LoopReading::NoData(_)
        ));
    }
    let open = Ne43 {
        open_below: i32::MIN,
        fail_low: i32::MIN,
        valid_from: i32::MIN,
        valid_to: i32::MAX,
        fail_high: i32::MAX,
    };
    assert_eq!(
        scale_microamps(i32::MAX - 1, i32::MIN, i32::MAX, &open),
        value(i32::MAX)
    );
    assert_eq!(
        scale_microamps(i32::MIN + 1, i32::MIN, i32::MAX, &open),
        value(i32::MIN)
    );
}

proptest! {
    #[test]
    fn fixed_point_and_float_scaling_agree(
        microampere in -1_000..25_000_i32,
        lo in -20_000_000..20_000_000_i32,
        span in 1..60_000_000_i32,
    ) {
        let channel = CurrentLoop::new(f64::from(lo) / 1e6, f64::from(lo + span) / 1e6);
        match (channel.read(f64::from(microampere) / 1e3), scale_microamps(microampere, lo, lo + span, &Ne43::DEFAULT)) {
            (LoopReading::Value { value, quality }, LoopReading::Value { value: micro, quality: micro_quality }) => {
                prop_assert_eq!(quality, micro_quality);
                prop_assert!((value * 1e6 - f64::from(micro)).abs() <= 0.501, "{} vs {}", value, micro);
            }
            (LoopReading::NoData(reason), LoopReading::NoData(micro_reason)) => prop_assert_eq!(reason, micro_reason),
            (float, micro) => prop_assert!(false, "{:?} vs {:?}", float, micro),
        }
    }

    #[test]
    fn a_value_drives_the_current_that_reads_back(lo in -100.0..100.0_f64, span in 0.1..100.0_f64, part in 0.0..=1.0_f64) {
        let channel = CurrentLoop::new(lo, lo + span);
        let value = lo + part * span;
        let current = channel.milliampere(value).expect("there is a span");
        match channel.read(current) {
            LoopReading::Value { value: back, quality } => {
                prop_assert_eq!(quality, Quality::Good);
                prop_assert!((back - value).abs() < 1e-9 * span.max(1.0));
            }
            LoopReading::NoData(reason) => prop_assert!(false, "{:?}", reason),
        }
    }
}
