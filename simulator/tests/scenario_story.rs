//! The built-in scenarios hold what their ground truth says, judged by the readings alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests"
)]

use std::collections::BTreeMap;

use vigil_protocol::vocabulary::{NoData, Quantity};
use vigil_simulator::plant::PlantValue::{self, Bool, Number};
use vigil_simulator::scenario::Scenario;
use vigil_simulator::simulation::{SimEvent, Simulation};

/// What a node knew about one piece of equipment at one time.
type Known = BTreeMap<&'static str, PlantValue>;

fn run(name: &str) -> Vec<SimEvent> {
    Simulation::new(Scenario::builtin(name).unwrap()).advance(i64::MAX)
}

/// The stretches (from, to) in ms during which `holds`, as a rule with delays would see them.
fn stretches(events: &[SimEvent], equipment: &str, holds: impl Fn(&Known) -> bool) -> Vec<(i64, i64)> {
    let mut known = Known::new();
    let mut since = None;
    let mut found = Vec::new();
    let mut last = 0;
    for event in events {
        let SimEvent::Readings {
            at_ms,
            equipment: id,
            values,
            ..
        } = event
        else {
            continue;
        };
        if &**id != equipment {
            continue;
        }
        known.extend(
            values
                .iter()
                .map(|(quantity, value)| (quantity.key(), value.clone())),
        );
        last = *at_ms;
        match (holds(&known), since) {
            (true, None) => since = Some(*at_ms),
            (false, Some(from)) => {
                found.push((from, *at_ms));
                since = None;
            }
            _ => {}
        }
    }
    found.extend(since.map(|from| (from, last)));
    found
}

fn longest(events: &[SimEvent], equipment: &str, holds: impl Fn(&Known) -> bool) -> i64 {
    let stretches = stretches(events, equipment, holds);
    stretches
        .into_iter()
        .map(|(from, to)| to - from)
        .max()
        .unwrap_or(0)
}

fn is(quantity: Quantity, state: bool) -> impl Fn(&Known) -> bool {
    move |known| known.get(quantity.key()) == Some(&Bool(state))
}

fn above(quantity: Quantity, limit: f64) -> impl Fn(&Known) -> bool {
    move |known| {
        known
            .get(quantity.key())
            .and_then(PlantValue::number)
            .is_some_and(|number| number >= limit)
    }
}

fn code(raw: &'static str) -> impl Fn(&Known) -> bool {
    move |known| known.get(Quantity::FaultCode.key()) == Some(&PlantValue::Code(raw.into()))
}

fn between_floors(known: &Known) -> bool {
    is(Quantity::PassengerPresent, true)(known)
        && is(Quantity::CarMoving, false)(known)
        && is(Quantity::DoorZone, false)(known)
}

fn bridged(known: &Known) -> bool {
    is(Quantity::DoorClosed, false)(known) && is(Quantity::DoorLocked, true)(known)
}

#[test]
fn the_story_entraps_people_with_and_without_a_code() {
    let events = run("story");
    assert!(
        longest(&events, "lift-1", |known| code("11")(known)
            && between_floors(known))
            > 15_000
    );
    assert_eq!(longest(&events, "lift-3", code("11")), 0);
    let silent = longest(&events, "lift-3", between_floors);
    assert!(
        silent > 95_000,
        "the inference takes 90 s, the story leaves it {silent} ms"
    );
}

#[test]
fn the_story_bridges_a_door_lock_for_longer_than_the_debounce() {
    assert!(longest(&run("story"), "lift-2", bridged) > 6_000);
}

#[test]
fn the_story_passes_the_safety_valve_for_more_than_half_a_minute_and_then_flaps_at_the_interlock() {
    let events = run("story");
    let over = stretches(&events, "boiler-1", above(Quantity::SteamPressure, 1.325 * 1.03));
    assert!(over.iter().any(|(from, to)| to - from > 35_000), "{over:?}");
    let flaps = stretches(&events, "boiler-1", above(Quantity::SteamPressure, 1.275));
    let after: Vec<_> = flaps
        .iter()
        .filter(|(from, to)| *from > 78_000 && to - from > 6_000)
        .collect();
    assert!(!after.is_empty(), "{flaps:?}");
}

#[test]
fn the_story_fires_a_boiler_without_water() {
    let dry = longest(&run("story"), "boiler-2", |known| {
        !above(Quantity::DrumLevel, -75.0)(known) && is(Quantity::BurnerFiring, true)(known)
    });
    assert!(dry > 13_000, "{dry}");
}

#[test]
fn the_story_kills_a_transmitter_and_never_shows_it_as_a_pressure() {
    let events = run("story");
    let lost = PlantValue::NoData(NoData::Sensor);
    assert!(
        longest(&events, "boiler-3", |known| known.get("outlet_pressure")
            == Some(&lost))
            > 60_000
    );
    let low = |known: &Known| {
        known
            .get("outlet_pressure")
            .and_then(PlantValue::number)
            .is_some_and(|p| p < 0.3)
    };
    assert_eq!(longest(&events, "boiler-3", low), 0);
}

#[test]
fn the_story_moves_a_car_with_open_doors_while_its_link_is_down_and_ends_it_before_the_power_cut() {
    let events = run("story");
    let moved = stretches(&events, "lift-4", code("05"));
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert!(moved[0].0 > 30_000 && moved[0].1 < 70_000, "{moved:?}");
    assert!(moved[0].1 - moved[0].0 > 13_000, "{moved:?}");
    let dark = |event: &&SimEvent| {
        matches!(event, SimEvent::Readings { equipment, .. } if &**equipment == "lift-4")
            && (70_000..78_000).contains(&event.at_ms())
    };
    assert_eq!(events.iter().filter(dark).count(), 0, "no power, no samples");
}

#[test]
fn the_story_has_an_inspected_lift_that_would_alarm_were_it_not_inspected() {
    let events = run("story");
    assert!(longest(&events, "lift-5", bridged) > 90_000);
    let inspected = |known: &Known| known.get("service_mode") == Some(&Number(2.0));
    assert_eq!(
        longest(&events, "lift-5", |known| bridged(known) && !inspected(known)),
        0
    );
}

#[test]
fn nothing_else_in_the_story_leaves_its_limits() {
    let events = run("story");
    for lift in ["lift-2", "lift-6"] {
        assert_eq!(longest(&events, lift, between_floors), 0, "{lift}");
        assert_eq!(
            longest(&events, lift, is(Quantity::SafetyCircuitClosed, false)),
            0,
            "{lift}"
        );
    }
    assert_eq!(
        longest(&events, "boiler-2", above(Quantity::SteamPressure, 1.0)),
        0
    );
    assert_eq!(
        longest(&events, "boiler-1", is(Quantity::ExtremeLowWaterAlarm, true)),
        0
    );
}

#[test]
fn the_quiet_scenario_never_leaves_any_limit() {
    let events = run("quiet");
    for lift in ["lift-1", "lift-2", "lift-3", "lift-4", "lift-6"] {
        assert!(longest(&events, lift, between_floors) < 1_000, "{lift}");
        assert_eq!(longest(&events, lift, bridged), 0, "{lift}");
    }
    for (boiler, rated) in [("boiler-1", 1.25), ("boiler-2", 1.0)] {
        assert_eq!(
            longest(&events, boiler, above(Quantity::SteamPressure, rated)),
            0,
            "{boiler}"
        );
        assert_eq!(
            longest(&events, boiler, is(Quantity::ExtremeLowWaterAlarm, true)),
            0,
            "{boiler}"
        );
    }
    assert_eq!(
        longest(&events, "boiler-3", above(Quantity::OutletTemperature, 97.0)),
        0
    );
}

#[test]
fn in_the_gaps_scenario_each_hazard_fits_inside_its_outage() {
    let events = run("gaps");
    let stuck = stretches(&events, "lift-1", code("11"));
    assert_eq!(stuck.len(), 1, "{stuck:?}");
    assert!(
        stuck[0].0 > 20_000 && stuck[0].1 < 90_000 && stuck[0].1 - stuck[0].0 > 12_000,
        "{stuck:?}"
    );
    assert!(longest(&events, "lift-2", bridged) > 6_000);
    assert_eq!(longest(&events, "lift-3", code("05")), 0, "nobody sampled it");
}

#[test]
fn in_the_storm_every_fault_outlasts_its_rule() {
    let events = run("storm");
    assert!(longest(&events, "lift-1", code("11")) > 10_000);
    for lift in ["lift-2", "lift-4"] {
        assert!(
            longest(&events, lift, is(Quantity::SafetyCircuitClosed, false)) > 15_000,
            "{lift}"
        );
    }
    assert!(longest(&events, "lift-3", is(Quantity::PitWater, true)) > 70_000);
    assert!(longest(&events, "boiler-1", is(Quantity::FlameFailureAlarm, true)) > 10_000);
    let fuel_without_flame =
        |known: &Known| is(Quantity::FuelValveOpen, true)(known) && is(Quantity::FlameDetected, false)(known);
    assert!(longest(&events, "boiler-1", fuel_without_flame) > 20_000);
    assert!(longest(&events, "boiler-2", is(Quantity::SuperHighWaterAlarm, true)) > 20_000);
    let low = |known: &Known| !above(Quantity::OutletPressure, 0.065)(known);
    assert!(longest(&events, "boiler-3", low) > 20_000);
}

#[test]
fn the_wired_scenario_passes_the_interlock_shows_its_fault_code_and_loses_its_transmitter_once() {
    let events = run("wired");
    let high = longest(&events, "boiler-4", above(Quantity::SteamPressure, 1.275));
    assert!(high > 9_000, "{high}");
    let limit = 1.325 * 1.03;
    assert!(longest(&events, "boiler-4", above(Quantity::SteamPressure, limit)) < 5_000);
    assert!(longest(&events, "lift-7", code("E65")) > 18_000);
    let lost = PlantValue::NoData(NoData::Comm);
    let silent = stretches(&events, "boiler-4", |known| {
        known.get("steam_pressure") == Some(&lost)
    });
    assert_eq!(silent, [(48_000, 66_000)]);
    for lift in [between_floors, bridged] {
        assert!(longest(&events, "lift-7", lift) < 1_000);
    }
}

#[test]
fn a_node_of_wired_equipment_has_what_is_wired_and_nothing_else() {
    let events = run("wired");
    let mut seen: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for event in &events {
        if let SimEvent::Readings {
            equipment, values, ..
        } = event
        {
            seen.entry(equipment.to_string())
                .or_default()
                .extend(values.iter().map(|(quantity, _)| quantity.key()));
        }
    }
    let mut boiler = seen.remove("boiler-4").unwrap();
    boiler.sort_unstable();
    boiler.dedup();
    let wired = [
        "burner_firing",
        "drum_level",
        "exhaust_temperature",
        "extreme_low_water_alarm",
        "steam_pressure",
    ];
    assert_eq!(boiler, wired);
    let catalog: toml::Table = Scenario::builtin("wired")
        .unwrap()
        .catalog_toml()
        .parse()
        .unwrap();
    let channels = catalog["equipment"][0]["channel"].as_array().unwrap();
    assert_eq!(channels.len(), wired.len());
}
