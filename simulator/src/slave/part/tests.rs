use vigil_protocol::signal::{CurrentLoop, LoopReading, read_transmitter};
use vigil_protocol::vocabulary::{Quantity, Unit};

use super::super::registers::Registers;
use super::{Part, number};
use crate::plant::{Plant, PlantValue};
use crate::scenario::Scenario;
use crate::simulation::Simulation;

/// The wired scenario's site with another script.
fn at(script: &str, ms: i64) -> Simulation {
    let text = include_str!("../../../scenarios/wired.toml");
    let (site, _) = text.split_once("# ── What happens to the equipment").unwrap();
    let scenario = Scenario::parse("test", &format!("{site}\n{script}")).unwrap();
    let mut field = Simulation::new(scenario);
    field.advance(ms);
    field
}

fn registers(field: &Simulation, id: &str) -> Option<Registers> {
    let slaves = &field.scenario().site.slaves;
    let slave = slaves.iter().find(|slave| slave.id == id).unwrap();
    slave.part.registers(slave.unit, field)
}

fn event(target: &str, what: &str) -> String {
    format!("[[event]]\nat = \"0s\"\n{target}\nwhat = \"{what}\"\n")
}

fn transmitter(field: &Simulation) -> Vec<u16> {
    let registers = registers(field, "boiler-4-pressure").unwrap();
    (2..=4).map(|address| registers.holding[&address]).collect()
}

#[test]
fn the_transmitter_shows_the_pressure_in_the_unit_and_with_the_decimals_it_is_set_to() {
    let pressure = |field: &Simulation| number(field, "boiler-4", Quantity::SteamPressure).unwrap();
    let field = at("", 5_000);
    let (kilopascal, unit) = read_transmitter(&transmitter(&field)).unwrap();
    assert_eq!(unit, Unit::Kilopascal);
    assert!(
        (kilopascal / 1_000.0 - pressure(&field)).abs() <= 0.000_5,
        "{kilopascal}"
    );

    let mut scenario = field.scenario().clone();
    for (key, decimals, resolution) in [
        ("MPa", 3, 0.001),
        ("bar", 2, 0.001),
        ("psi", 1, 0.001),
        ("mH2O", 1, 0.001),
    ] {
        let Part::PressureTransmitter(part) = &mut scenario.site.slaves[1].part else {
            panic!("the second slave is the transmitter");
        };
        (part.unit, part.decimals) = (key.into(), decimals);
        let mut field = Simulation::new(scenario.clone());
        field.advance(1_000);
        let (value, unit) = read_transmitter(&transmitter(&field)).unwrap();
        let shown = unit.convert(value, Unit::Megapascal).unwrap();
        assert!((shown - pressure(&field)).abs() <= resolution, "{key}: {shown}");
    }
    let all = registers(&field, "boiler-4-pressure").unwrap().holding;
    assert_eq!(
        (all[&0], all[&1], all[&5], all[&6], all[&0xc]),
        (2, 3, 0, 2_500, 0)
    );
    assert!(!all.contains_key(&7));
}

#[test]
fn a_transmitter_without_a_value_has_failed_and_one_beyond_its_range_stays_at_its_end() {
    let target = "equipment = \"boiler-4\"\nquantity = \"steam_pressure\"";
    let field = at(&event(target, "dropout"), 1_000);
    assert_eq!(registers(&field, "boiler-4-pressure"), None);
    let field = at(&event(&format!("{target}\nvalue = 99"), "force"), 1_000);
    assert_eq!(transmitter(&field), [1, 0, i16::MAX as u16]);
    let field = at(&event(&format!("{target}\nvalue = -0.05"), "force"), 1_000);
    assert_eq!(transmitter(&field), [1, 0, -50_i16 as u16]);
}

#[test]
fn remote_io_shows_contacts_as_bits_and_measurements_as_microamperes() {
    let field = at("", 5_000);
    let input = registers(&field, "remote-io").unwrap().input;
    let wired = [
        (0, "lift-7", Quantity::SafetyCircuitClosed, false),
        (1, "lift-7", Quantity::DoorLocked, false),
        (2, "lift-7", Quantity::DoorZone, false),
        (4, "lift-7", Quantity::PassengerPresent, false),
        (8, "boiler-4", Quantity::BurnerFiring, false),
        (9, "boiler-4", Quantity::ExtremeLowWaterAlarm, true),
    ];
    let mut word = 0;
    for (bit, equipment, quantity, inverted) in wired {
        let state = field.shown(equipment, quantity) == Some(&PlantValue::Bool(true));
        word |= u16::from(state != inverted) << bit;
    }
    assert_eq!(input[&0], word);
    assert!(word & 0b11 == 0b11 && word & 1 << 9 != 0, "{word:#b}");
    let span = CurrentLoop::new(-200.0, 200.0);
    let LoopReading::Value { value, .. } = span.read(f64::from(input[&1]) / 1_000.0) else {
        panic!("{input:?}");
    };
    assert!(
        (value - number(&field, "boiler-4", Quantity::DrumLevel).unwrap()).abs() < 0.02,
        "{value}"
    );
    assert_eq!(input[&3], 0, "nothing is connected");
    assert_eq!(input.len(), 9);
}

#[test]
fn a_broken_loop_and_a_broken_contact_look_like_it() {
    let level = "equipment = \"boiler-4\"\nquantity = \"drum_level\"";
    for (script, microampere) in [
        (
            event(&format!("{level}\nmilliampere = 21.8"), "loop_fault"),
            21_800,
        ),
        (event(level, "dropout"), 3_600),
        (event(&format!("{level}\nvalue = 900"), "force"), 20_500),
    ] {
        let input = registers(&at(&script, 200), "remote-io").unwrap().input;
        assert_eq!(input[&1], microampere, "{script}");
    }
    let contact = event(
        "equipment = \"lift-7\"\nquantity = \"safety_circuit_closed\"",
        "dropout",
    );
    assert_eq!(
        registers(&at(&contact, 200), "remote-io").unwrap().input[&0] & 1,
        0
    );
}

#[test]
fn the_controller_follows_the_car() {
    let lift = "equipment = \"lift-7\"";
    let mut field = at("", 0);
    let (mut ran, mut opened) = (false, false);
    for step in 1..1_500 {
        field.advance(step * 50);
        let holding = registers(&field, "lift-7-controller").unwrap().holding;
        let Some(Plant::Lift(car)) = field.plant("lift-7") else {
            panic!()
        };
        let moving = car.speed().abs() > 0.01;
        assert_eq!(f64::from(holding[&0x1010]), (car.speed().abs() * 1_000.0).round());
        assert_eq!(holding[&0x1011], 1_000);
        assert_eq!(holding[&0x3000] != 3, moving);
        assert_eq!(holding[&0x101d] >> 8 & 0xf == 5, moving);
        assert_eq!(holding[&0x101d] >> 4 & 0xf, 7, "automatic");
        assert_eq!(holding[&0x101b] >> 4 & 1 == 1, car.door_closed());
        assert_eq!((holding[&0x8000], holding.len()), (0, 20 + 6 + 12 + 2));
        ran |= moving;
        opened |= !car.door_closed();
    }
    assert!(ran && opened);
    for (code, word) in [("UNINTENDED_CAR_MOVEMENT", 65), ("DRIVE_OVERCURRENT", 2)] {
        let script = event(&format!("{lift}\ncode = \"{code}\""), "controller_code");
        let holding = registers(&at(&script, 200), "lift-7-controller").unwrap().holding;
        assert_eq!(
            (holding[&0x8000], holding[&0x101d] >> 4 & 0xf),
            (word, 5),
            "{code}"
        );
    }
    let inspected = registers(&at(&event(lift, "inspection"), 200), "lift-7-controller").unwrap();
    assert_eq!(inspected.holding[&0x101d] >> 4 & 0xf, 0);
}

#[test]
fn every_readable_register_of_the_published_map_is_there_and_no_other() {
    let holding = registers(&at("", 0), "lift-7-controller").unwrap().holding;
    let blocks = [
        0x1010..=0x1023,
        0x2000..=0x2005,
        0x2010..=0x201b,
        0x3000..=0x3000,
        0x8000..=0x8000,
    ];
    let map: Vec<u16> = blocks.into_iter().flatten().collect();
    assert_eq!(holding.keys().copied().collect::<Vec<u16>>(), map);
}
