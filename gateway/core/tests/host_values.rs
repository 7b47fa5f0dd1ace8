//! From metrics to readings: encodings, units, qualities, times.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use support::*;
use vigil_core::Settings;
use vigil_core::UtcMillis;
use vigil_core::sample::RawCode;
use vigil_core::sample::Reading;
use vigil_protocol::sparkplug::Metric;
use vigil_protocol::sparkplug::MetricValue;
use vigil_protocol::vocabulary::FaultKey;
use vigil_protocol::vocabulary::NoData;
use vigil_protocol::vocabulary::Quality;
use vigil_protocol::vocabulary::Quantity;
use vigil_protocol::vocabulary::Uncertain;

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

const FIELD: &str = r#"
[[equipment]]
id = "boiler"
category = "1100"
node = "s/n1"
device = "b"
scheme = "gbt24476-2017"

[[equipment.channel]]
quantity = "steam_pressure"
metric = "PT1"
unit = "kPa"
current_loop = { low = "0 MPa", high = "1.6 MPa" }

[[equipment.channel]]
quantity = "feed_water_pressure"
metric = "PT2"
unit = "MPa(abs)"

[[equipment.channel]]
quantity = "exhaust_temperature"
metric = "TT1"
unit = "F"

[[equipment.channel]]
quantity = "burner_firing"
metric = "B12"
encoding = "one_true_two_false"

[[equipment.channel]]
quantity = "feed_pump_running"
metric = "INV"
encoding = "zero_is_true"

[[equipment.channel]]
quantity = "fault_code"
metric = "CODE"
"#;

#[test]
fn field_signals_become_canonical_readings() {
    use Quantity::{BurnerFiring, ExhaustTemperature, FeedPumpRunning, FeedWaterPressure, SteamPressure};
    let number = |number: f64| Ok(Reading::Number(number));
    let on = |on: bool| Ok(Reading::Bool(on));
    let good = Quality::Good;
    let inaccurate = Quality::Uncertain(Uncertain::Inaccurate);
    let cases = [
        ("PT1", MetricValue::Float(12.0), SteamPressure, number(0.8), good),
        (
            "PT1",
            MetricValue::Double(20.7),
            SteamPressure,
            number(1.67),
            Quality::Uncertain(Uncertain::OutOfSpec),
        ),
        (
            "PT1",
            MetricValue::Double(3.5),
            SteamPressure,
            Err(NoData::Sensor),
            NoData::Sensor.quality(),
        ),
        (
            "PT1",
            MetricValue::Double(0.1),
            SteamPressure,
            Err(NoData::NotConnected),
            NoData::NotConnected.quality(),
        ),
        (
            "PT2",
            MetricValue::Double(0.601_325),
            FeedWaterPressure,
            number(0.5),
            inaccurate,
        ),
        (
            "TT1",
            MetricValue::Int16(212),
            ExhaustTemperature,
            number(100.0),
            good,
        ),
        ("B12", MetricValue::UInt8(1), BurnerFiring, on(true), good),
        ("B12", MetricValue::Double(2.0), BurnerFiring, on(false), good),
        ("B12", MetricValue::Bool(false), BurnerFiring, on(false), good),
        (
            "B12",
            MetricValue::UInt8(0),
            BurnerFiring,
            Err(NoData::WrongType),
            NoData::WrongType.quality(),
        ),
        ("INV", MetricValue::Bool(true), FeedPumpRunning, on(false), good),
        ("INV", MetricValue::Int32(0), FeedPumpRunning, on(true), good),
    ];
    for (name, value, quantity, expected, quality) in cases {
        let mut site = Site::with(FIELD, Settings::default());
        site.send(NBIRTH, 0, &[]);
        site.send(DBIRTH, 1, &[named(name, value)]);
        let latest = site.latest("boiler", quantity).unwrap();
        match (latest.reading, expected) {
            (Reading::Number(is), Ok(Reading::Number(wanted))) => {
                assert!((is - wanted).abs() < 1e-9, "{name} {value:?}: {is}");
            }
            (is, wanted) => assert_eq!(is, wanted.unwrap_or_else(Reading::NoData), "{name} {value:?}"),
        }
        assert_eq!(latest.quality, quality, "{name} {value:?}");
    }
}

#[test]
fn controller_codes_are_kept_as_sent_and_read_by_their_scheme() {
    let cases = [
        (MetricValue::Str("0"), "0", Some(FaultKey::None)),
        (MetricValue::Int32(0), "0", Some(FaultKey::None)),
        (MetricValue::Str(" 07 "), "07", None),
        (MetricValue::Str("X-99"), "X-99", None),
        (
            MetricValue::Str("OVERSPEED"),
            "OVERSPEED",
            Some(FaultKey::Overspeed),
        ),
        (MetricValue::Int16(9_999), "9999", None),
    ];
    for (value, raw, key) in cases {
        let mut site = Site::with(FIELD, Settings::default());
        site.send(NBIRTH, 0, &[]);
        site.send(DBIRTH, 1, &[named("CODE", value)]);
        let Some(Reading::Code { key: read, raw: kept }) = site.reading("boiler", Quantity::FaultCode) else {
            panic!("{value:?}: {:?}", site.reading("boiler", Quantity::FaultCode))
        };
        assert_eq!(kept.as_str(), raw);
        if let Some(key) = key {
            assert_eq!(read, Some(key), "{value:?}");
        }
    }
}

#[test]
fn states_of_a_lift_are_numbers_whatever_they_are_sent_as() {
    let cases = [
        (
            "service_mode",
            MetricValue::Int32(2),
            Quantity::ServiceMode,
            Reading::Number(2.0),
        ),
        (
            "service_mode",
            MetricValue::Str("2"),
            Quantity::ServiceMode,
            Reading::Number(2.0),
        ),
        (
            "service_mode",
            MetricValue::Str("inspection"),
            Quantity::ServiceMode,
            Reading::Number(2.0),
        ),
        (
            "service_mode",
            MetricValue::Str("huh"),
            Quantity::ServiceMode,
            Reading::NoData(NoData::WrongType),
        ),
        (
            "car_position",
            MetricValue::Int8(-1),
            Quantity::CarPosition,
            Reading::Number(-1.0),
        ),
        (
            "car_position",
            MetricValue::Str("B1"),
            Quantity::CarPosition,
            Reading::Code {
                key: None,
                raw: RawCode::new("B1"),
            },
        ),
    ];
    for (name, value, quantity, expected) in cases {
        let mut site = Site::new();
        site.send(NBIRTH, 0, &[]);
        site.send("spBv1.0/s/DBIRTH/n1/l", 1, &[named(name, value)]);
        assert_eq!(site.reading("lift", quantity), Some(expected), "{name} {value:?}");
    }
}
