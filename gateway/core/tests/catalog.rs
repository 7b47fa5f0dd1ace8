//! Catalog files: units, sharing, bindings, schemes, size.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::sync::Arc;
use vigil_core::catalog::{BoolEncoding, Catalog, EquipmentIx, builtin_schemes};
use vigil_core::pack::{RulePack, builtin};
use vigil_core::sample::{ChannelIx, RawCode};
use vigil_protocol::vocabulary::{EquipmentClass, FaultKey, PressureKind, Quantity, Unit};

fn packs() -> Vec<Arc<RulePack>> {
    builtin().into_iter().map(Arc::new).collect()
}

fn load(text: &str) -> Catalog {
    let (catalog, findings) = Catalog::load(&[("equipment.toml", text)], &packs());
    catalog.unwrap_or_else(|| panic!("{findings:#?}"))
}

#[test]
fn nameplate_values_are_kept_in_canonical_units() {
    let catalog = load(
        "[[equipment]]\nid = \"b\"\ncategory = \"1100\"\nnode = \"g/n\"\n[equipment.nameplate]\n\
         rated_pressure = \"16 kgf/cm2\"\nlow_water_limit = \"-7.5 cm\"\nrated_evaporation = \"4 t/h\"\n\
         rated_steam_temperature = \"350 ℃\"\nsafety_valve_low = \"1701.325 kPa abs\"\nsafety_valve_high = \"1.7 MPa\"\n",
    );
    let nameplate = &catalog.equipment[0].nameplate;
    let cases = [
        ("rated_pressure", 1.569_064),
        ("low_water_limit", -75.0),
        ("rated_evaporation", 4000.0),
        ("rated_steam_temperature", 350.0),
        ("safety_valve_low", 1.6),
        ("safety_valve_high", 1.7),
    ];
    for (key, expected) in cases {
        assert!(
            (nameplate[key] - expected).abs() < 1e-9,
            "{key} = {}",
            nameplate[key]
        );
    }
}

#[test]
fn without_channels_the_class_gives_them_under_their_standard_names() {
    let catalog = load("[[equipment]]\nid = \"l\"\nname = \"1号梯\"\ncategory = \"3110\"\nnode = \"g/n\"\n");
    let lift = &catalog.equipment[0];
    assert_eq!(lift.class, EquipmentClass::Lift);
    assert_eq!((&*lift.name_zh, &*lift.name_en), ("1号梯", "1号梯"));
    let door = lift.channel_of(Quantity::DoorZone).unwrap();
    assert_eq!(lift.channel_of_metric("door_zone"), Some(door));
    assert!(lift.channel_of(Quantity::SteamPressure).is_none());
    assert!(lift.channels.len() >= 24);
}

#[test]
fn channels_say_how_their_metric_is_to_be_read() {
    let catalog = load(
        "[[equipment]]\nid = \"b\"\ncategory = \"1100\"\nnode = \"g/n\"\ndevice = \"b\"\ninterval = \"5s\"\n\
         [[equipment.channel]]\nquantity = \"steam_pressure\"\nmetric = \"PT101\"\nunit = \"kPa\"\n\
         current_loop = { low = \"0 MPa\", high = \"1.6 MPa\" }\nplausible = [\"-0.1 MPa\", \"2 MPa\"]\n\
         [[equipment.channel]]\nquantity = \"burner_firing\"\nencoding = \"one_true_two_false\"\ninterval = \"1min\"\n\
         [[equipment.channel]]\nquantity = \"feed_water_pressure\"\nunit = \"MPa(abs)\"\n",
    );
    let boiler = &catalog.equipment[0];
    let [pressure, burner, feed] = &*boiler.channels else {
        panic!("{:?}", boiler.channels)
    };
    assert_eq!(
        (&*pressure.metric, pressure.unit, pressure.interval_ms),
        ("PT101", Unit::Kilopascal, 5_000)
    );
    let current_loop = pressure.current_loop.unwrap();
    assert_eq!(
        (current_loop.lo, current_loop.hi),
        (0.0, 1600.0),
        "in the channel's unit"
    );
    assert_eq!(pressure.pressure, Some(PressureKind::Gauge));
    assert_eq!(pressure.plausible, Some((-0.1, 2.0)));
    assert_eq!(
        (burner.encoding, burner.interval_ms),
        (BoolEncoding::OneTrueTwoFalse, 60_000)
    );
    assert_eq!(feed.pressure, Some(PressureKind::Absolute));
    assert_eq!(boiler.channel_of_metric("PT101"), Some(ChannelIx(0)));
}

#[test]
fn standard_channels_fill_up_what_is_not_listed() {
    let catalog = load(
        "[[equipment]]\nid = \"b\"\ncategory = \"1100\"\nnode = \"g/n\"\nstandard_channels = true\n\
         [[equipment.channel]]\nquantity = \"steam_pressure\"\nmetric = \"PT101\"\n",
    );
    let boiler = &catalog.equipment[0];
    assert_eq!(&*boiler.channels[0].metric, "PT101");
    assert!(boiler.channel_of(Quantity::DrumLevel).is_some());
    assert_eq!(
        boiler
            .channels
            .iter()
            .filter(|c| c.quantity == Quantity::SteamPressure)
            .count(),
        1
    );
}

#[test]
fn a_template_gives_what_the_equipment_does_not_say() {
    let catalog = load(
        "[template.wns4]\ncategory = \"1100\"\nscheme = \"gbt24476-2017\"\n\
         [template.wns4.nameplate]\nrated_pressure = \"1.25 MPa\"\nlow_water_alarm = -50\n\
         [template.wns4.register]\nmaker = \"厂\"\nsite = \"a\"\n\
         [[equipment]]\nid = \"b1\"\ntemplate = \"wns4\"\nnode = \"g/n\"\ndevice = \"b1\"\n\
         [equipment.nameplate]\nlow_water_alarm = -40\n[equipment.register]\nsite = \"b\"\n\
         [[equipment]]\nid = \"b2\"\ntemplate = \"wns4\"\nnode = \"g/n\"\ndevice = \"b2\"\n",
    );
    let [one, two] = catalog.equipment.as_slice() else {
        panic!()
    };
    assert_eq!(
        (one.nameplate["rated_pressure"], one.nameplate["low_water_alarm"]),
        (1.25, -40.0)
    );
    assert_eq!(two.nameplate["low_water_alarm"], -50.0);
    assert_eq!(
        (one.register.get("site"), one.register.get("maker")),
        (Some("b"), Some("厂"))
    );
    assert_eq!(two.register.get("site"), Some("a"));
}

#[test]
fn equipment_is_found_by_id_and_by_binding() {
    let catalog = load(
        "[[equipment]]\nid = \"a\"\ncategory = \"3110\"\nnode = \"g/n\"\ndevice = \"d1\"\n\
         [[equipment]]\nid = \"b\"\ncategory = \"3110\"\nnode = \"g/n\"\n",
    );
    assert_eq!(catalog.by_id["b"], EquipmentIx(1));
    let bound = &catalog.by_binding["g/n"];
    assert_eq!(
        bound.as_slice(),
        [(Some("d1".into()), EquipmentIx(0)), (None, EquipmentIx(1))]
    );
    assert_eq!(catalog.packs.len(), builtin().len());
}

#[test]
fn shipped_code_tables_are_understood_to_the_last_row() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/fault-codes.tsv")).unwrap();
    let schemes = builtin_schemes();
    for line in text.lines().skip(1) {
        let columns: Vec<_> = line.split('\t').collect();
        let key = FaultKey::from_key(columns[4]).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(
            schemes[columns[0]].lookup(RawCode::new(columns[3])),
            Some(key),
            "{line}"
        );
    }
}

#[test]
fn a_code_is_found_however_a_controller_pads_it() {
    let schemes = builtin_schemes();
    let gbt = &schemes["gbt24476-2017"];
    for raw in ["05", "5", "005", " 5"] {
        assert_eq!(
            gbt.lookup(RawCode::new(raw)),
            Some(FaultKey::UnintendedCarMovement),
            "{raw}"
        );
    }
    assert_eq!(gbt.lookup(RawCode::new("777")), None);
}

#[test]
fn a_catalog_may_bring_its_own_code_table() {
    let catalog = load(
        "[scheme.ours]\nbase = \"gbt24476-2017\"\ncodes = { \"77\" = \"PIT_WATER\", \"E05\" = \"OTHER\" }\n\
         [[equipment]]\nid = \"l\"\ncategory = \"3110\"\nnode = \"g/n\"\nscheme = \"ours\"\n",
    );
    let scheme = catalog.equipment[0].scheme.as_ref().unwrap();
    assert_eq!(scheme.lookup(RawCode::new("77")), Some(FaultKey::PitWater));
    assert_eq!(
        scheme.lookup(RawCode::new("5")),
        Some(FaultKey::Other),
        "own rows win"
    );
    assert_eq!(
        scheme.lookup(RawCode::new("02")),
        Some(FaultKey::DoorCloseFail),
        "the base fills up"
    );
}

#[test]
fn equipment_of_one_type_shares_its_channels_nameplate_and_rules() {
    let mut text = String::new();
    for ix in 0..2_000 {
        text.push_str(&format!(
            "[[equipment]]\nid = \"lift-{ix}\"\nname = \"{ix}号梯\"\ncategory = \"3110\"\nnode = \"g/n{}\"\ndevice = \"d{ix}\"\n\
             scheme = \"gbt24476-2017\"\n[equipment.nameplate]\nrated_speed = 1.75\nrated_load = {}\n\
             [[equipment.channel]]\nquantity = \"fault_code\"\n[[equipment.channel]]\nquantity = \"door_zone\"\n",
            ix / 10,
            800 + 200 * (ix % 2),
        ));
    }
    let catalog = load(&text);
    assert_eq!(catalog.equipment.len(), 2_000);
    let (first, second, third) = (
        &catalog.equipment[0],
        &catalog.equipment[1],
        &catalog.equipment[2],
    );
    assert!(Arc::ptr_eq(&first.channels, &second.channels));
    assert!(Arc::ptr_eq(&first.rules, &third.rules) && Arc::ptr_eq(&first.nameplate, &third.nameplate));
    assert!(!Arc::ptr_eq(&first.nameplate, &second.nameplate));
}

#[test]
fn a_large_file_is_read_in_parts_and_still_names_the_right_lines() {
    let mut text =
        String::from("[template.t]\ncategory = \"3110\"\n[template.t.nameplate]\nrated_speed = \"fast\"\n");
    for ix in 0..1_200 {
        let node = if ix == 1_100 { "broken" } else { "g/n" };
        text.push_str(&format!(
            "[[equipment]]\nid = \"lift-{ix}\"\ntemplate = \"t\"\nnode = \"{node}\"\ndevice = \"d{ix}\"\n"
        ));
    }
    let (catalog, findings) = Catalog::load(&[("equipment.toml", &text)], &packs());
    assert!(catalog.is_none());
    let places: Vec<_> = findings
        .iter()
        .map(|f| (f.line, f.column, f.message.as_str()))
        .collect();
    assert_eq!(
        places,
        [
            (4, 15, "`fast` is not a number with a unit"),
            (4 + 1_100 * 5 + 4, 8, "`broken` does not name a node"),
        ],
        "the error of the template comes once"
    );
    let good = text.replace("\"fast\"", "1.75").replace("broken", "g/m");
    assert_eq!(load(&good).equipment.len(), 1_200);
}
