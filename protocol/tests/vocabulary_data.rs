//! The data tables that speak the vocabulary's keys: every key in them exists, every row is complete.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers; the lint exemption covers only #[test] functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use vigil_protocol::vocabulary::{EquipmentClass, FaultKey, FaultKind, bare_code};

const CONFIDENCES: [&str; 4] = ["sourced", "memory-high", "memory-low", "proposal"];

/// Rows of a table as column name → cell.
fn table(name: &str, columns: &[&str]) -> Vec<BTreeMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../gateway/core/rules")
        .join(name);
    let text = std::fs::read_to_string(&path).expect("the rules folder of the core holds the table");
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().unwrap().split('\t').collect();
    assert_eq!(header, columns, "{name}");
    let row = |(index, line): (usize, &str)| {
        let cells: Vec<_> = line.split('\t').collect();
        assert_eq!(cells.len(), header.len(), "{name}:{}", index + 2);
        assert!(
            cells.iter().all(|cell| !cell.is_empty() && cell.trim() == *cell),
            "{name}:{}: {line}",
            index + 2
        );
        header
            .iter()
            .map(|column| column.to_string())
            .zip(cells.iter().map(|cell| cell.to_string()))
            .collect()
    };
    lines.enumerate().map(row).collect()
}

fn fault_codes() -> Vec<BTreeMap<String, String>> {
    let columns = "scheme model firmware code canonical_key severity severity_occupied applies_to name_zh name_en source confidence";
    table("fault-codes.tsv", &columns.split(' ').collect::<Vec<_>>())
}

#[test]
fn every_fault_code_maps_to_a_known_key_class_severity_and_confidence() {
    for row in fault_codes() {
        assert!(FaultKey::from_key(&row["canonical_key"]).is_some(), "{row:?}");
        assert!(EquipmentClass::from_key(&row["applies_to"]).is_some(), "{row:?}");
        for column in ["severity", "severity_occupied"] {
            assert!(["S0", "S1", "S2", "S3", "S4"].contains(&&*row[column]), "{row:?}");
        }
        assert!(
            row["severity_occupied"] <= row["severity"],
            "a passenger never makes it milder: {row:?}"
        );
        assert!(CONFIDENCES.contains(&&*row["confidence"]), "{row:?}");
        assert!(
            row["scheme"]
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{row:?}"
        );
    }
}

#[test]
fn within_a_scheme_codes_stay_distinct_when_padding_is_ignored() {
    let mut seen = BTreeSet::new();
    for row in fault_codes() {
        let controller = (row["model"].clone(), row["firmware"].clone());
        let key = (
            row["scheme"].clone(),
            controller,
            bare_code(&row["code"]).to_owned(),
        );
        assert!(seen.insert(key), "{row:?}");
    }
}

#[test]
fn the_same_number_means_different_things_in_different_schemes() {
    let find = |scheme: &str, code: &str| {
        let rows = fault_codes();
        let row = rows
            .iter()
            .find(|row| row["scheme"] == scheme && bare_code(&row["code"]) == bare_code(code));
        FaultKey::from_key(&row.unwrap_or_else(|| panic!("{scheme} {code}"))["canonical_key"]).unwrap()
    };
    for (scheme, code, key) in [
        ("gbt24476-2017", "5", FaultKey::UnintendedCarMovement),
        ("platform-b", "6", FaultKey::StopOutsideDoorZone),
        ("gbt24476-2017", "06", FaultKey::MotorRunTimeLimit),
        ("se-platform-2020", "11", FaultKey::Entrapment),
        ("se-platform-2020", "04", FaultKey::StopOutsideDoorZone),
        ("platform-b", "11", FaultKey::DoorOpenFail),
        ("platform-b-escalator", "16", FaultKey::Overspeed120),
        ("maixin", "16", FaultKey::BrakeFault),
        ("chongqing", "93", FaultKey::EntrapmentAtLevel),
        ("aggregator-4digit", "101", FaultKey::Entrapment),
        ("monarch-nice3000plus", "53", FaultKey::DoorLockShortedOrFault),
        ("monarch-nice3000plus", "58", FaultKey::TerminalSlowdownFault),
        ("monarch-nice3000plus-old", "58", FaultKey::PositionLost),
        ("unnamed-cabinet-door", "15", FaultKey::DoorLockShorted),
        ("zxtech-xio", "E120", FaultKey::DoorLockShorted),
        ("step-as380", "2", FaultKey::DoorOpenWhileRunning),
        ("otis-3200", "2903", FaultKey::SpeedAbnormal),
    ] {
        assert_eq!(find(scheme, code), key, "{scheme} {code}");
    }
}

#[test]
fn keys_no_table_maps_to_are_the_reserved_ones() {
    let used: BTreeSet<_> = fault_codes()
        .iter()
        .filter_map(|row| FaultKey::from_key(&row["canonical_key"]))
        .collect();
    let unused: Vec<_> = FaultKey::ALL
        .iter()
        .filter(|key| !used.contains(key))
        .map(|key| key.key())
        .collect();
    let reserved = [
        "OVERLOAD",
        "GOVERNOR_TRIP",
        "SAFETY_GEAR_TRIP",
        "PIT_WATER",
        "MACHINE_ROOM_TEMP",
        "CAR_LIGHT_FAULT",
        "CAR_FAN_FAULT",
    ];
    assert_eq!(unused, reserved);
    assert_eq!(
        FaultKey::ALL
            .iter()
            .filter(|key| key.kind() == FaultKind::None)
            .collect::<Vec<_>>(),
        [&FaultKey::None]
    );
}

#[test]
fn the_major_hazard_criteria_are_all_there() {
    let rows = table(
        "gb45067.tsv",
        &[
            "clause",
            "item",
            "equipment",
            "text_zh",
            "text_en",
            "evidence",
            "confidence",
            "source",
        ],
    );
    assert_eq!(rows.len(), 47);
    let keys: BTreeSet<_> = rows
        .iter()
        .map(|row| (row["clause"].clone(), row["item"].clone()))
        .collect();
    assert_eq!(keys.len(), 47);
    assert!(
        rows.iter()
            .all(|row| CONFIDENCES.contains(&&*row["confidence"]) && row["source"] == "GB 45067-2024")
    );
    for (clause, item) in [
        ("4.2", "c"),
        ("4.2", "e"),
        ("4.2", "f"),
        ("4.3", "c"),
        ("4.3", "d"),
        ("4.6", "b"),
    ] {
        assert!(
            keys.contains(&(clause.to_owned(), item.to_owned())),
            "{clause} {item}"
        );
    }
}
