//! Under the `serde` feature every vocabulary word is its key.
#![cfg(feature = "serde")]

use vigil_protocol::vocabulary::{
    CarDirection, CarDriveStatus, EquipmentClass, FaultKey, NoData, PressureKind, Quality, Quantity,
    ServiceMode, Unit,
};

macro_rules! check_keys {
    ($($name:ident)+) => { $(
        for entry in $name::ALL {
            let json = serde_json::to_value(entry).unwrap();
            assert_eq!(json, entry.key());
            assert_eq!(serde_json::from_value::<$name>(json).unwrap(), *entry);
        }
    )+ };
}

#[test]
fn words_serialise_as_their_keys() {
    check_keys!(CarDirection CarDriveStatus EquipmentClass FaultKey NoData PressureKind Quality Quantity ServiceMode Unit);
}

#[test]
fn an_unknown_key_is_refused_with_the_known_ones() {
    let error = serde_json::from_str::<ServiceMode>("\"holiday\"")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("holiday") && error.contains("fire_recall"),
        "{error}"
    );
}
