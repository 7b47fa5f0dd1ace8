//! Conversions are exact, spellings are understood or refused, pressure kinds stay apart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use std::cmp::Ordering;

use proptest::prelude::*;
use vigil_protocol::vocabulary::{Atmosphere, Dimension, Pressure, PressureError, PressureKind, Unit};

#[test]
fn conversions_are_exact_where_the_definitions_are() {
    use Unit::*;
    let cases = [
        (10.0, Bar, Megapascal, 1.0),
        (1.0, Megapascal, Bar, 10.0),
        (8.0, Bar, Megapascal, 0.8),
        (1.0, KgfPerCm2, Pascal, 98_066.5),
        (1.0, MetreH2O, Pascal, 9_806.65),
        (1.0, MetreH2O, MillimetreH2O, 1_000.0),
        (1.0, KgfPerCm2, MetreH2O, 10.0),
        (1.0, MillimetreH2O, Pascal, 9.80665),
        (1.0, Psi, Pascal, 6_894.757_293_168_362),
        (1.0, Megapascal, Psi, 145.037_737_730_209_22),
        (1.0, Megapascal, KgfPerCm2, 10.197_162_129_779_283),
        (14.0, Psi, KgfPerCm2, 0.984_297_411_494_823),
        (1_013.25, Millibar, Kilopascal, 101.325),
        (100.0, Celsius, Fahrenheit, 212.0),
        (212.0, Fahrenheit, Celsius, 100.0),
        (-40.0, Celsius, Fahrenheit, -40.0),
        (98.6, Fahrenheit, Celsius, 37.0),
        (25.0, Celsius, Kelvin, 298.15),
        (0.0, Kelvin, Celsius, -273.15),
        (491.67, Fahrenheit, Kelvin, 528.522_222_222_222_2),
        (60.0, MetrePerMinute, MetrePerSecond, 1.0),
        (2.5, TonnePerHour, KilogramPerHour, 2_500.0),
        (1.5, CubicMetrePerMinute, CubicMetrePerHour, 90.0),
        (1.2, Metre, Centimetre, 120.0),
        (35.0, Millimetre, Centimetre, 3.5),
        (90.0, Minute, Hour, 1.5),
        (0.25, Hour, Second, 900.0),
        (1.05, Tonne, Kilogram, 1_050.0),
        (33.0, Percent, Percent, 33.0),
    ];
    for (value, from, to, expected) in cases {
        assert_eq!(from.convert(value, to), Some(expected), "{value} {from} in {to}");
    }
}

#[test]
fn units_of_unlike_dimensions_do_not_convert() {
    for from in Unit::ALL {
        for to in Unit::ALL {
            assert_eq!(
                from.conversion(*to).is_some(),
                from.dimension() == to.dimension(),
                "{from} in {to}"
            );
        }
    }
    assert_eq!(
        Unit::KilogramPerHour.convert(1.0, Unit::CubicMetrePerHour),
        None,
        "needs a density"
    );
    assert_eq!(Unit::Count.convert(1.0, Unit::None_), None);
    assert!(Unit::Bar.convert(f64::NAN, Unit::Megapascal).unwrap().is_nan());
}

proptest! {
    #[test]
    fn a_conversion_and_its_inverse_give_the_value_back(value in -1e6..1e6_f64, pair in proptest::sample::select(pairs())) {
        let (from, to) = pair;
        let there = from.convert(value, to).expect("same dimension");
        let back = to.convert(there, from).expect("same dimension");
        // Temperatures subtract an offset of up to 460: the error is relative to what was subtracted.
        let scale = if from.dimension() == Dimension::Temperature { value.abs() + 1_000.0 } else { value.abs() };
        prop_assert!((back - value).abs() <= 4.0 * f64::EPSILON * scale, "{} {} {}", value, there, back);
    }
}

fn pairs() -> Vec<(Unit, Unit)> {
    let all = Unit::ALL
        .iter()
        .flat_map(|from| Unit::ALL.iter().map(move |to| (*from, *to)));
    all.filter(|(from, to)| from.dimension() == to.dimension())
        .collect()
}

#[test]
fn units_parse_as_people_write_them_and_refuse_what_differs_by_case() {
    for unit in Unit::ALL {
        assert_eq!(Unit::parse(unit.symbol()), Some(*unit));
        assert_eq!(Unit::parse(unit.key()), Some(*unit));
    }
    let spellings = [
        (Unit::Megapascal, "MPa Mpa MPA mpa 兆帕"),
        (Unit::Kilopascal, "kPa KPa kpa KPA"),
        (Unit::KgfPerCm2, "kgf/cm2 kg/cm² KG/CM2 kgf/cm^2"),
        (Unit::Psi, "psi PSI lbf/in2"),
        (Unit::Celsius, "C °C ℃ degC DEGC Cel celsius"),
        (Unit::Fahrenheit, "F °F ℉"),
        (Unit::TonnePerHour, "t/h T/H"),
        (Unit::CubicMetrePerHour, "m3/h m³/h M3/H"),
        (Unit::MetreH2O, "mH2O MH2O mh2o"),
        (Unit::MillimetreH2O, "mmH2O"),
        (Unit::Milliampere, "mA ma"),
        (Unit::MetrePerSecond, "m/s M/S"),
    ];
    for (unit, texts) in spellings {
        for text in texts.split(' ') {
            assert_eq!(Unit::parse(text), Some(unit), "{text}");
        }
    }
    assert_eq!(Unit::parse("  bar "), Some(Unit::Bar));
    for text in [
        "mPa", "MA", "T", "S", "M", "k", "c", "f", "H", "psig", "MPa(g)", "Nm3/h", "furlong",
    ] {
        assert_eq!(Unit::parse(text), None, "{text}");
    }
}

#[test]
fn a_unit_may_state_the_pressure_kind() {
    let cases = [
        ("psig", Some((Unit::Psi, Some(PressureKind::Gauge)))),
        ("psia", Some((Unit::Psi, Some(PressureKind::Absolute)))),
        ("PSIA", Some((Unit::Psi, Some(PressureKind::Absolute)))),
        ("psid", Some((Unit::Psi, Some(PressureKind::Differential)))),
        ("barA", Some((Unit::Bar, Some(PressureKind::Absolute)))),
        ("bar(g)", Some((Unit::Bar, Some(PressureKind::Gauge)))),
        (
            "kPa (abs)",
            Some((Unit::Kilopascal, Some(PressureKind::Absolute))),
        ),
        ("MPaG", Some((Unit::Megapascal, Some(PressureKind::Gauge)))),
        ("MPa(表压)", Some((Unit::Megapascal, Some(PressureKind::Gauge)))),
        (
            "MPa（绝压）",
            Some((Unit::Megapascal, Some(PressureKind::Absolute))),
        ),
        ("MPa", Some((Unit::Megapascal, None))),
        ("Pa", Some((Unit::Pascal, None))),
        ("kPa", Some((Unit::Kilopascal, None))),
        ("kg", None),
        ("°C", None),
        ("a", None),
        ("", None),
        ("表压", None),
    ];
    for (text, expected) in cases {
        assert_eq!(PressureKind::parse_unit(text), expected, "{text}");
    }
}

#[test]
fn unlike_pressures_neither_compare_nor_convert_without_an_atmosphere() {
    let kinds = PressureKind::ALL;
    for a in kinds {
        for b in kinds {
            let (left, right) = (
                Pressure::new(1.0, Unit::Megapascal, *a).unwrap(),
                Pressure::new(10.0, Unit::Bar, *b).unwrap(),
            );
            let expected = if a == b {
                Ok(Ordering::Equal)
            } else {
                Err(PressureError::CompareKinds(*a, *b))
            };
            assert_eq!(left.compare(right), expected);
            let related = a == b
                || matches!(
                    (a, b),
                    (PressureKind::Gauge, PressureKind::Absolute)
                        | (PressureKind::Absolute, PressureKind::Gauge)
                );
            let expected = if related {
                None
            } else {
                Some(PressureError::ConvertKinds(*a, *b))
            };
            assert_eq!(left.to_kind(*b, Atmosphere::STANDARD).err(), expected);
        }
    }
}

#[test]
fn gauge_and_absolute_differ_by_the_stated_atmosphere() {
    let gauge = Pressure::new(0.8, Unit::Megapascal, PressureKind::Gauge).unwrap();
    let absolute = gauge
        .to_kind(PressureKind::Absolute, Atmosphere::STANDARD)
        .unwrap();
    assert!((absolute.value - 0.901_325).abs() < 1e-12);
    let plateau = Atmosphere::from_pascal(65_000.0).unwrap();
    let high = gauge.to_kind(PressureKind::Absolute, plateau).unwrap();
    assert!((high.value - 0.865).abs() < 1e-12);
    let back = absolute
        .to_unit(Unit::Psi)
        .unwrap()
        .to_kind(PressureKind::Gauge, Atmosphere::STANDARD)
        .unwrap();
    assert!((back.to_unit(Unit::Megapascal).unwrap().value - 0.8).abs() < 1e-12);
    for wrong in [0.101_325, 101.325, 1_013.25, 200_000.0, f64::NAN] {
        assert_eq!(Atmosphere::from_pascal(wrong), None, "{wrong} is not pascal");
    }
    assert_eq!(
        Pressure::new(1.0, Unit::Celsius, PressureKind::Gauge),
        Err(PressureError::NotPressure(Unit::Celsius))
    );
    assert_eq!(
        Pressure::new(f64::NAN, Unit::Bar, PressureKind::Gauge),
        Err(PressureError::NotFinite)
    );
}
