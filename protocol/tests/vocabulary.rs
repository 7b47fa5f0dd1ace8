//! Tables hold together, keys keep their spelling, qualities and coded states map both ways.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use std::collections::BTreeSet;

use vigil_protocol::vocabulary::alias::ALIASES;
use vigil_protocol::vocabulary::{
    Bad, CarDirection, CarDriveStatus, Dimension, EquipmentClass, FaultKey, FaultKind, Ne107, NoData,
    PressureKind, Quality, Quantity, QuantityKind, ServiceMode, Uncertain, Unit, bare_code,
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
fn foreign_names_suggest_the_quantity() {
    for (name, quantity) in ALIASES {
        assert_eq!(Quantity::suggest(name), Some(*quantity), "{name}");
        assert_eq!(
            Quantity::from_key(name),
            None,
            "{name} is a standard name already"
        );
    }
    for (name, quantity) in [
        ("elw_alarm", Some(Quantity::ExtremeLowWaterAlarm)),
        ("Boiler 1/Steam Pressure", Some(Quantity::SteamPressure)),
        ("STEAM-PRESSURE", Some(Quantity::SteamPressure)),
        ("steam_pressure", Some(Quantity::SteamPressure)),
        ("steampressure", None),
        ("", None),
        ("/", None),
    ] {
        assert_eq!(Quantity::suggest(name), quantity, "{name}");
    }
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
