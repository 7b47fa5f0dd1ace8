use super::{SteamBoiler, SteamBoilerSpec, safety_valve_settings, safety_valve_tolerance, saturation_c};
use crate::plant::PlantFault;
use crate::rng::Rng;

fn boiler() -> SteamBoiler {
    SteamBoiler::new(SteamBoilerSpec::rated(1.25, 2_000.0), Rng::new(1))
}

fn with(faults: &[PlantFault]) -> SteamBoiler {
    let mut boiler = boiler();
    for fault in faults {
        boiler.set_fault(fault, true).unwrap();
    }
    boiler
}

/// Steps until `done`; the seconds it took, at most `limit`.
fn until(boiler: &mut SteamBoiler, limit: u32, done: impl Fn(&SteamBoiler) -> bool) -> u32 {
    for step in 0..limit * 5 {
        if done(boiler) {
            return step / 5;
        }
        boiler.step(200);
    }
    panic!(
        "not reached within {limit} s: p {} l {} {boiler:?}",
        boiler.pressure(),
        boiler.level_mm()
    );
}

#[test]
fn in_normal_operation_it_stays_within_every_limit() {
    for seed in 0..5 {
        let mut boiler = SteamBoiler::new(SteamBoilerSpec::rated(1.25, 2_000.0), Rng::new(seed));
        let mut fired = false;
        for _ in 0..18_000 {
            boiler.step(200);
            fired |= boiler.firing();
            assert!((0.95..1.25).contains(&boiler.pressure()), "{}", boiler.pressure());
            assert!(
                (-40.0..40.0).contains(&boiler.level_mm()),
                "{}",
                boiler.level_mm()
            );
            assert!(!boiler.tripped() && !boiler.safety_valve_open());
        }
        assert!(fired);
    }
}

#[test]
fn pressure_rises_with_the_burner_on_and_no_draw() {
    let mut boiler = with(&[
        PlantFault::BurnerStuckOn,
        PlantFault::SteamDemandLost,
        PlantFault::SafetyValveStuckShut,
    ]);
    let mut last = boiler.pressure();
    for _ in 0..20 {
        boiler.step(5_000);
        assert!(boiler.pressure() > last, "{last}");
        last = boiler.pressure();
    }
}

#[test]
fn the_safety_valve_opens_at_its_set_pressure_and_closes_after_its_blowdown() {
    let mut boiler = with(&[PlantFault::BurnerStuckOn, PlantFault::SteamDemandLost]);
    until(&mut boiler, 120, SteamBoiler::safety_valve_open);
    assert!((boiler.pressure() - 1.30).abs() < 0.01, "{}", boiler.pressure());
    boiler.set_fault(&PlantFault::BurnerStuckOn, false).unwrap();
    until(&mut boiler, 300, |boiler| !boiler.safety_valve_open());
    assert!(
        (boiler.pressure() - 1.30 * 0.95).abs() < 0.01,
        "{}",
        boiler.pressure()
    );
}

#[test]
fn with_working_valves_even_a_stuck_burner_cannot_pass_the_higher_setting_by_much() {
    let mut boiler = with(&[PlantFault::BurnerStuckOn, PlantFault::SteamDemandLost]);
    for _ in 0..3_000 {
        boiler.step(200);
        assert!(boiler.pressure() < 1.325 * 1.03, "{}", boiler.pressure());
    }
}

#[test]
fn stuck_valves_and_a_stuck_burner_pass_the_higher_setting_within_a_minute() {
    let mut boiler = with(&[
        PlantFault::BurnerStuckOn,
        PlantFault::SteamDemandLost,
        PlantFault::SafetyValveStuckShut,
    ]);
    let took = until(&mut boiler, 60, |boiler| boiler.pressure() > 1.325 * 1.03);
    assert!(took > 5, "{took}");
}

#[test]
fn the_overpressure_interlock_trips_the_burner_below_the_safety_valve() {
    let mut boiler = with(&[PlantFault::SteamDemandLost]);
    // The control alone holds the pressure; a bypassed control is what the interlock is for.
    boiler.temperature_c = saturation_c(1.285);
    boiler.step(2_000);
    boiler.step(200);
    assert!(boiler.tripped() && !boiler.firing() && !boiler.safety_valve_open());
}

#[test]
fn the_level_falls_without_feed_water_and_the_interlock_trips_the_burner() {
    let mut boiler = with(&[PlantFault::FeedPumpFailed]);
    let start = boiler.level_mm();
    boiler.step(30_000);
    assert!(boiler.level_mm() < start);
    until(&mut boiler, 900, SteamBoiler::tripped);
    assert!(boiler.level_mm() < -75.0 && !boiler.firing());
}

#[test]
fn low_water_with_a_bridged_interlock_keeps_firing_and_water_coming_back_ends_it() {
    let mut boiler = with(&[
        PlantFault::FeedPumpFailed,
        PlantFault::BlowdownOpen,
        PlantFault::LowWaterInterlockBypassed,
        PlantFault::BurnerStuckOn,
    ]);
    let took = until(&mut boiler, 60, |boiler| boiler.level_mm() < -75.0);
    assert!(took > 5, "{took}");
    boiler.step(15_000);
    assert!(boiler.firing());
    for fault in [PlantFault::FeedPumpFailed, PlantFault::BlowdownOpen] {
        boiler.set_fault(&fault, false).unwrap();
    }
    until(&mut boiler, 900, |boiler| boiler.level_mm() > -20.0);
}

#[test]
fn a_lost_flame_shuts_the_fuel_and_raises_the_alarm_until_it_is_back() {
    let mut boiler = boiler();
    until(&mut boiler, 120, SteamBoiler::firing);
    boiler.set_fault(&PlantFault::FlameFailure, true).unwrap();
    (0..20).for_each(|_| boiler.step(200));
    assert!(boiler.flame_alarm && boiler.tripped() && !boiler.firing());
    boiler.set_fault(&PlantFault::FlameFailure, false).unwrap();
    until(&mut boiler, 300, SteamBoiler::firing);
}

#[test]
fn safety_valve_settings_follow_the_table() {
    let close = |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-9 && (b - d).abs() < 1e-9;
    assert!(close(safety_valve_settings(0.7), (0.73, 0.75)));
    assert!(close(safety_valve_settings(1.25), (1.30, 1.325)));
    assert!(close(safety_valve_settings(9.8), (10.29, 10.584)));
    assert!((safety_valve_tolerance(0.4) - 0.015).abs() < 1e-9);
    assert!((safety_valve_tolerance(1.0) - 0.03).abs() < 1e-9);
}

#[test]
fn saturation_follows_the_steam_tables() {
    for (gauge, celsius) in [(0.0, 100.0), (0.4, 151.8), (0.9, 179.9), (1.25, 193.3)] {
        assert!(
            (saturation_c(gauge) - celsius).abs() < 3.5,
            "{gauge}: {}",
            saturation_c(gauge)
        );
    }
}
