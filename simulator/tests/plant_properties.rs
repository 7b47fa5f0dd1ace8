//! Whatever befalls the equipment, the models stay physical and recover.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use proptest::prelude::*;
use vigil_protocol::vocabulary::{FaultKey, QuantityKind, ServiceMode};
use vigil_simulator::plant::{
    HotWaterBoiler, HotWaterBoilerSpec, Lift, LiftSpec, Plant, PlantFault, PlantValue, PressureVessel,
    PressureVesselSpec, SteamBoiler, SteamBoilerSpec,
};
use vigil_simulator::rng::Rng;

fn lift_faults() -> Vec<PlantFault> {
    vec![
        PlantFault::Entrapment(Some(FaultKey::Entrapment)),
        PlantFault::EntrapmentAtLevel(None),
        PlantFault::DoorLockBridged,
        PlantFault::DoorCloseJam,
        PlantFault::SafetyCircuitOpen,
        PlantFault::Overspeed,
        PlantFault::OvertravelTop,
        PlantFault::OvertravelBottom,
        PlantFault::MainsLoss,
        PlantFault::Mode(ServiceMode::Inspection),
        PlantFault::Mode(ServiceMode::OutOfService),
        PlantFault::NoTraffic,
        // The two that move the car with open doors come last.
        PlantFault::BrakeSlip,
        PlantFault::DoorOpensWhileRunning,
    ]
}

fn boiler_faults() -> Vec<PlantFault> {
    vec![
        PlantFault::BurnerStuckOn,
        PlantFault::FlameFailure,
        PlantFault::FuelValveStuckOpen,
        PlantFault::SafetyValveStuckShut,
        PlantFault::LowWaterInterlockBypassed,
        PlantFault::OverpressureInterlockBypassed,
        PlantFault::FeedPumpFailed,
        PlantFault::FeedValveStuckOpen,
        PlantFault::BlowdownOpen,
        PlantFault::SteamDemandLost,
        PlantFault::CirculationLost,
        PlantFault::PressurizationLost,
        PlantFault::InletStuckOpen,
        PlantFault::DoorInterlockFailed,
        PlantFault::Leak,
    ]
}

/// Which fault is switched on or off, and how long it then runs.
fn script(faults: usize) -> impl Strategy<Value = Vec<(usize, bool, u32)>> {
    prop::collection::vec((0..faults, any::<bool>(), 1_u32..90), 1..12)
}

/// Applies a script; `look` sees the plant after every step. Ends with all faults gone for a while.
fn play(
    plant: &mut Plant,
    faults: &[PlantFault],
    script: &[(usize, bool, u32)],
    mut look: impl FnMut(&Plant) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut run = |plant: &mut Plant, seconds: u32| {
        for _ in 0..seconds * 5 {
            plant.step(200);
            look(plant)?;
        }
        Ok(())
    };
    for (index, on, seconds) in script {
        // A fault of another kind of equipment is refused and changes nothing.
        let _accepted = plant.set_fault(&faults[*index], *on).is_ok();
        run(plant, *seconds)?;
    }
    for fault in faults {
        let _accepted = plant.set_fault(fault, false).is_ok();
    }
    run(plant, 300)
}

fn plausible(plant: &Plant) -> Result<(), TestCaseError> {
    for (quantity, value) in plant.readings() {
        if let PlantValue::Number(number) = value {
            prop_assert!(quantity.is_plausible(number), "{quantity:?} = {number}");
            let binary = quantity.kind() == QuantityKind::Binary;
            prop_assert!(!binary, "{quantity:?} is a contact, not a number");
        }
    }
    Ok(())
}

fn lift(plant: &Plant) -> &Lift {
    match plant {
        Plant::Lift(lift) => lift,
        other => panic!("not a lift: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_lift_stays_in_its_shaft_and_moves_with_closed_doors(seed in any::<u64>(), script in script(12)) {
        let faults = lift_faults();
        let mut plant = Plant::Lift(Box::new(Lift::new(LiftSpec::default(), Rng::new(seed))));
        play(&mut plant, &faults[..12], &script, |plant| {
            plausible(plant)?;
            let lift = lift(plant);
            prop_assert!((-1.0..=52.0).contains(&lift.position_m()), "{lift:?}");
            prop_assert!(lift.speed() == 0.0 || lift.door_closed(), "{lift:?}");
            prop_assert!(lift.speed().abs() < 2.6, "{lift:?}");
            Ok(())
        })?;
    }

    #[test]
    fn a_lift_recovers_from_anything(seed in any::<u64>(), script in script(14)) {
        let faults = lift_faults();
        let mut plant = Plant::Lift(Box::new(Lift::new(LiftSpec::default(), Rng::new(seed))));
        play(&mut plant, &faults, &script, plausible)?;
        let well = lift(&plant);
        prop_assert_eq!(well.fault_key(), FaultKey::None);
        prop_assert!(well.safety_circuit_closed(), "{:?}", well);
        // And it serves people again.
        let mut served = false;
        for _ in 0..3_000 {
            plant.step(200);
            served |= lift(&plant).passengers() > 0;
        }
        prop_assert!(served, "{:?}", lift(&plant));
    }

    #[test]
    fn boilers_and_vessels_stay_physical(seed in any::<u64>(), script in script(15)) {
        let rng = || Rng::new(seed);
        let plants = [
            Plant::SteamBoiler(Box::new(SteamBoiler::new(SteamBoilerSpec::rated(1.25, 2_000.0), rng()))),
            Plant::SteamBoiler(Box::new(SteamBoiler::new(SteamBoilerSpec::rated(0.4, 500.0), rng()))),
            Plant::HotWaterBoiler(Box::new(HotWaterBoiler::new(HotWaterBoilerSpec::default(), rng()))),
            Plant::PressureVessel(Box::new(PressureVessel::new(PressureVesselSpec::default(), rng()))),
        ];
        for mut plant in plants {
            play(&mut plant, &boiler_faults(), &script, plausible)?;
        }
    }
}
