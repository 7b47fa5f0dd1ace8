//! Tables hold together, conversions are exact, pressure kinds stay apart, qualities map both ways.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use std::cmp::Ordering;
use std::collections::BTreeSet;

use proptest::prelude::*;
use vigil_protocol::vocabulary::{
    Atmosphere, Bad, CarDirection, CarDriveStatus, Dimension, EquipmentClass, FaultKey, FaultKind, Ne107,
    NoData, Pressure, PressureError, PressureKind, Quality, Quantity, QuantityKind, ServiceMode, Uncertain,
    Unit, bare_code,
};

macro_rules! check_table {
    ($($name:ident)+) => { $({
        assert_eq!($name::ALL.len(), $name::KEYS.len());
        let keys: BTreeSet<_> = $name::ALL.iter().map(|entry| entry.key()).collect();
        assert_eq!(keys.len(), $name::ALL.len(), "keys of {} repeat", stringify!($name));
        for entry in $name::ALL {
            assert_eq!($name::from_key(entry.key()), Some(*entry));
            assert_eq!(entry.to_string(), entry.key());
            assert!(!entry.title_zh().is_empty(), "{entry:?}");
            assert!(entry.title_zh().chars().any(|c| !c.is_ascii()), "{entry:?} has no Chinese title");
        }
        assert_eq!($name::from_key("no such key"), None);
        assert_eq!($name::from_key(""), None);
    })+ };
}

#[test]
fn every_key_is_unique_and_finds_its_entry() {
    check_table!(Quantity QuantityKind EquipmentClass Unit PressureKind Quality Uncertain Bad Ne107 NoData FaultKey
        FaultKind ServiceMode CarDriveStatus CarDirection);
}

#[test]
fn keys_keep_one_spelling() {
    let snake = |key: &str| {
        key.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    for quantity in Quantity::ALL {
        assert!(snake(quantity.key()), "{quantity}");
        assert_eq!(Quantity::from_metric(quantity.metric()), Some(*quantity));
    }
    assert!(Quality::KEYS.iter().chain(NoData::KEYS).all(|key| snake(key)));
    assert!(FaultKey::KEYS.iter().all(|key| {
        key.bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    }));
}

#[test]
fn kind_unit_and_range_of_a_quantity_agree() {
    for quantity in Quantity::ALL {
        let measured = matches!(quantity.kind(), QuantityKind::Analog | QuantityKind::Counter);
        assert_eq!(
            quantity.plausible().is_some(),
            measured,
            "{quantity}: measured quantities have a plausible range"
        );
        assert_eq!(
            quantity.unit() != Unit::None_,
            measured,
            "{quantity}: measured quantities have a unit"
        );
        assert!(!quantity.applies_to().is_empty());
        if let Some((lo, hi)) = quantity.plausible() {
            assert!(lo < hi && quantity.is_plausible(lo) && quantity.is_plausible(hi));
            assert!(!quantity.is_plausible(hi + 1.0) && !quantity.is_plausible(lo - 1.0));
            assert!(!quantity.is_plausible(f64::NAN));
        }
        let pressure = quantity.unit().dimension() == Dimension::Pressure;
        assert_eq!(quantity.pressure_kind(), pressure.then_some(PressureKind::Gauge));
    }
    assert!(
        Quantity::DoorZone.fits(EquipmentClass::Lift)
            && !Quantity::DoorZone.fits(EquipmentClass::SteamBoiler)
    );
    assert!(
        Quantity::LoopCurrent.fits(EquipmentClass::PressureVessel),
        "declared for any equipment"
    );
}

#[test]
fn category_codes_lead_to_the_class_that_is_watched() {
    use EquipmentClass::{Escalator, HotWaterBoiler, Lift, OrganicBoiler, PressureVessel, SteamBoiler};
    for (code, class) in [
        (1100, Some(SteamBoiler)),
        (1200, Some(HotWaterBoiler)),
        (1310, Some(OrganicBoiler)),
        (1320, Some(OrganicBoiler)),
        (2110, Some(PressureVessel)),
        (2170, Some(PressureVessel)),
        (3110, Some(Lift)),
        (3220, Some(Lift)),
        (3310, Some(Escalator)),
        (3320, Some(Escalator)),
        (3410, Some(Lift)),
        (4000, None),
        (5110, None),
        (8000, None),
    ] {
        assert_eq!(EquipmentClass::from_category_code(code), class, "{code}");
    }
}

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

#[test]
fn qualities_map_to_sparkplug_opc_ua_and_ne107() {
    let golden = [
        ("good", 192, 0x0000_0000, Ne107::Ok),
        ("uncertain_out_of_spec", 192, 0x4094_0000, Ne107::OutOfSpec),
        ("uncertain_last_usable", 500, 0x4090_0000, Ne107::Ok),
        ("uncertain_inaccurate", 192, 0x4093_0000, Ne107::Maintenance),
        ("uncertain_substitute", 192, 0x4091_0000, Ne107::Check),
        ("bad_sensor", 0, 0x808C_0000, Ne107::Failure),
        ("bad_device", 0, 0x808B_0000, Ne107::Failure),
        ("bad_not_connected", 0, 0x808A_0000, Ne107::Failure),
        ("bad_comm", 0, 0x8005_0000, Ne107::Failure),
        ("bad_config", 0, 0x8089_0000, Ne107::Failure),
        ("bad_out_of_service", 0, 0x808D_0000, Ne107::Check),
        ("bad_init", 0, 0x8032_0000, Ne107::Ok),
        ("stale", 500, 0x408F_0000, Ne107::Ok),
    ];
    for (key, sparkplug, opcua, ne107) in golden {
        let quality = Quality::from_key(key).unwrap();
        assert_eq!(
            (quality.sparkplug(), quality.opcua(), quality.ne107()),
            (sparkplug, opcua, ne107),
            "{key}"
        );
    }
}

#[test]
fn the_quality_property_carries_only_the_three_allowed_values_and_keeps_its_sense() {
    for quality in Quality::ALL {
        let code = quality.sparkplug();
        assert!([0, 192, 500].contains(&code), "{quality}");
        let back = Quality::from_sparkplug(code);
        assert!(
            !back.is_good() || quality.is_usable(),
            "{quality} must not come back good"
        );
        assert_eq!(
            quality.is_good() || matches!(quality, Quality::Uncertain(_)),
            quality.is_usable()
        );
    }
}

#[test]
fn quality_codes_of_real_nodes_are_understood_and_nonsense_is_bad() {
    let cases = [
        (192, Quality::Good),
        (0, Quality::Bad(Bad::Device)),
        (500, Quality::Stale),
        (4, Quality::Bad(Bad::Config)),
        (8, Quality::Bad(Bad::NotConnected)),
        (24, Quality::Bad(Bad::Comm)),
        (64, Quality::Uncertain(Uncertain::Inaccurate)),
        (84, Quality::Uncertain(Uncertain::OutOfSpec)),
        (216, Quality::Uncertain(Uncertain::Substitute)),
        (219, Quality::Uncertain(Uncertain::Substitute)),
        (195, Quality::Good),
        (0x4094_0000, Quality::Uncertain(Uncertain::OutOfSpec)),
        (0x808C_0000_u32 as i32, Quality::Bad(Bad::Sensor)),
        (0x80FF_0000_u32 as i32, Quality::Bad(Bad::Device)),
        (256, Quality::Bad(Bad::Device)),
        (512, Quality::Bad(Bad::Device)),
        (-1, Quality::Bad(Bad::Device)),
        (i32::MIN, Quality::Bad(Bad::NotFinite)),
    ];
    for (code, expected) in cases {
        let quality = Quality::from_sparkplug(code);
        assert_eq!(quality.is_usable(), expected.is_usable(), "{code}");
        if code != i32::MIN {
            assert_eq!(quality, expected, "{code}");
        }
    }
    assert!(NoData::ALL.iter().all(|reason| !reason.quality().is_usable()));
}

#[test]
fn coded_states_keep_their_numbers() {
    let gbt = [
        "out_of_service",
        "normal",
        "inspection",
        "fire_recall",
        "firefighter",
        "emergency_power",
        "seismic",
        "unknown",
    ];
    for (code, key) in (0..).zip(gbt) {
        assert_eq!(ServiceMode::from_code(code).map(ServiceMode::key), Some(key));
    }
    for mode in ServiceMode::ALL {
        assert_eq!(ServiceMode::from_code(i64::from(mode.code())), Some(*mode));
    }
    for status in CarDriveStatus::ALL {
        assert_eq!(CarDriveStatus::from_code(i64::from(status.code())), Some(*status));
    }
    for direction in CarDirection::ALL {
        assert_eq!(
            CarDirection::from_code(i64::from(direction.code())),
            Some(*direction)
        );
    }
    for code in [-1, 10, 256, i64::MAX, i64::MIN] {
        assert_eq!(
            (
                ServiceMode::from_code(code),
                CarDriveStatus::from_code(code),
                CarDirection::from_code(code)
            ),
            (None, None, None)
        );
    }
    assert_eq!(
        CarDirection::from_gbt24476(1),
        Some(CarDirection::Up),
        "1 is up there, none in BACnet"
    );
    assert_eq!(
        ServiceMode::from_bacnet_car_mode(8),
        Some(ServiceMode::Inspection)
    );
    assert_eq!((0..=13).filter_map(ServiceMode::from_bacnet_car_mode).count(), 14);
    assert_eq!(ServiceMode::from_bacnet_car_mode(14), None);
}

#[test]
fn a_code_is_the_same_however_the_controller_pads_it() {
    for (code, bare) in [
        ("E05", "5"),
        ("05", "5"),
        ("5", "5"),
        (" 5 ", "5"),
        ("00", "0"),
        ("e41", "41"),
        ("0101", "101"),
        ("P137=0", "P137=0"),
        ("ALARM", "ALARM"),
        ("E", "E"),
        ("E5A", "E5A"),
        ("", ""),
        ("故障", "故障"),
    ] {
        assert_eq!(bare_code(code), bare, "{code:?}");
    }
}
