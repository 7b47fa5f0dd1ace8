use super::{Lift, LiftSpec};
use crate::plant::{PlantFault, PlantValue};
use crate::rng::Rng;
use vigil_protocol::vocabulary::{FaultKey, Quantity, ServiceMode};

fn lift(seed: u64) -> Lift {
    Lift::new(LiftSpec::default(), Rng::new(seed))
}

/// Steps until `done`; the seconds it took, at most `limit`.
fn until(lift: &mut Lift, limit: u32, done: impl Fn(&Lift) -> bool) -> u32 {
    for step in 0..limit * 5 {
        if done(lift) {
            return step / 5;
        }
        lift.step(200);
    }
    panic!("not reached within {limit} s: {lift:?}");
}

fn read(lift: &Lift, quantity: Quantity) -> PlantValue {
    lift.readings()
        .into_iter()
        .find(|(q, _)| *q == quantity)
        .expect("a lift reading")
        .1
}

#[test]
fn it_never_moves_with_an_open_door_unless_faulted() {
    for seed in 0..5 {
        let mut lift = lift(seed);
        let mut moved = false;
        for _ in 0..18_000 {
            lift.step(200);
            moved |= lift.speed().abs() > 0.5;
            assert!(
                lift.speed() == 0.0 || (lift.door_closed() && lift.door_locked()),
                "{lift:?}"
            );
            assert_eq!(lift.fault_key(), FaultKey::None);
            assert!(lift.safety_circuit_closed());
        }
        assert!(moved);
    }
}

#[test]
fn it_opens_its_doors_only_at_a_landing_and_keeps_to_its_shaft_and_speed() {
    let mut lift = lift(9);
    for _ in 0..18_000 {
        lift.step(200);
        assert!(lift.door_closed() || lift.in_door_zone());
        assert!((-0.01..=51.01).contains(&lift.position_m()), "{lift:?}");
        assert!(lift.speed().abs() <= 1.76);
    }
    let PlantValue::Number(runs) = read(&lift, Quantity::RunCount) else {
        panic!()
    };
    assert!(runs > 10_050.0);
}

#[test]
fn an_entrapment_stops_it_between_floors_with_people_until_they_are_rescued() {
    let mut lift = lift(1);
    lift.set_fault(&PlantFault::Entrapment(Some(FaultKey::Entrapment)), true)
        .unwrap();
    let took = until(&mut lift, 60, |lift| lift.faults.stalled && lift.speed() == 0.0);
    assert!(took < 45, "{took}");
    assert!(!lift.in_door_zone() && lift.passengers() > 0 && lift.door_closed());
    assert_eq!(read(&lift, Quantity::FaultCode), PlantValue::Code("11".into()));
    lift.step(60_000);
    assert!(!lift.in_door_zone());
    lift.set_fault(&PlantFault::Entrapment(None), false).unwrap();
    until(&mut lift, 60, |lift| {
        lift.passengers() == 0 && lift.in_door_zone()
    });
    assert_eq!(read(&lift, Quantity::FaultCode), PlantValue::Code("00".into()));
}

#[test]
fn an_entrapment_without_a_code_shows_none() {
    let mut lift = lift(2);
    lift.set_fault(&PlantFault::Entrapment(None), true).unwrap();
    until(&mut lift, 60, |lift| lift.faults.stalled);
    assert_eq!(read(&lift, Quantity::FaultCode), PlantValue::Code("00".into()));
}

#[test]
fn an_entrapment_at_level_keeps_the_doors_shut() {
    let mut lift = lift(3);
    lift.set_fault(&PlantFault::EntrapmentAtLevel(Some(FaultKey::DoorOpenFail)), true)
        .unwrap();
    until(&mut lift, 90, |lift| lift.fault_key() == FaultKey::DoorOpenFail);
    assert!(lift.in_door_zone() && lift.door_closed() && lift.passengers() > 0);
    lift.set_fault(&PlantFault::EntrapmentAtLevel(None), false)
        .unwrap();
    until(&mut lift, 20, |lift| lift.passengers() == 0);
}

#[test]
fn a_bridged_lock_reads_closed_with_the_doors_open() {
    let mut lift = lift(4);
    lift.set_fault(&PlantFault::DoorLockBridged, true).unwrap();
    until(&mut lift, 60, |lift| !lift.door_closed());
    assert!(lift.door_locked());
    assert_eq!(read(&lift, Quantity::DoorClosed), PlantValue::Bool(false));
    assert_eq!(read(&lift, Quantity::DoorLocked), PlantValue::Bool(true));
}

#[test]
fn a_slipping_brake_moves_it_with_open_doors_until_the_protection_stops_it() {
    let mut lift = lift(5);
    lift.set_fault(&PlantFault::BrakeSlip, true).unwrap();
    until(&mut lift, 90, |lift| lift.speed() != 0.0 && !lift.door_closed());
    until(&mut lift, 20, |lift| {
        lift.fault_key() == FaultKey::UnintendedCarMovement
    });
    until(&mut lift, 5, |lift| lift.speed() == 0.0);
    assert!(!lift.safety_circuit_closed() && !lift.in_door_zone());
    lift.set_fault(&PlantFault::BrakeSlip, false).unwrap();
    until(&mut lift, 30, |lift| {
        lift.in_door_zone() && lift.safety_circuit_closed()
    });
}

#[test]
fn every_stopping_fault_stops_it_and_it_recovers() {
    let cases = [
        (PlantFault::SafetyCircuitOpen, FaultKey::SafetyCircuitOpen),
        (PlantFault::MainsLoss, FaultKey::MainsLoss),
        (PlantFault::Overspeed, FaultKey::Overspeed),
        (PlantFault::OvertravelTop, FaultKey::OvertravelTop),
        (PlantFault::OvertravelBottom, FaultKey::OvertravelBottom),
        (PlantFault::DoorOpensWhileRunning, FaultKey::DoorOpenWhileRunning),
    ];
    for (fault, key) in cases {
        let mut lift = lift(6);
        until(&mut lift, 120, |lift| lift.speed().abs() > 1.0);
        lift.set_fault(&fault, true).unwrap();
        until(&mut lift, 240, |lift| lift.fault_key() == key);
        until(&mut lift, 10, |lift| lift.speed() == 0.0);
        lift.step(30_000);
        assert_eq!((lift.fault_key(), lift.speed()), (key, 0.0), "{fault:?}");
        lift.set_fault(&fault, false).unwrap();
        until(&mut lift, 120, |lift| {
            lift.fault_key() == FaultKey::None && lift.speed().abs() > 0.2
        });
        until(&mut lift, 240, |lift| lift.in_door_zone() && lift.door >= 1.0);
    }
}

#[test]
fn inspection_mode_runs_slowly_and_takes_no_calls() {
    let mut lift = lift(7);
    lift.set_fault(&PlantFault::Mode(ServiceMode::Inspection), true)
        .unwrap();
    lift.step(90_000);
    for _ in 0..1_000 {
        lift.step(200);
        assert!(lift.speed().abs() <= 0.26);
    }
    assert_eq!(read(&lift, Quantity::ServiceMode), PlantValue::Number(2.0));
    lift.set_fault(&PlantFault::Mode(ServiceMode::Inspection), false)
        .unwrap();
    for _ in 0..1_500 {
        lift.step(200);
        assert!(lift.door_closed() || lift.in_door_zone());
    }
    until(&mut lift, 300, |lift| lift.passengers() > 0);
}

#[test]
fn a_jammed_door_shows_as_a_closing_fault() {
    let mut lift = lift(8);
    lift.set_fault(&PlantFault::DoorCloseJam, true).unwrap();
    until(&mut lift, 300, |lift| lift.fault_key() == FaultKey::DoorCloseFail);
    assert!(!lift.door_closed() && !lift.door_locked());
}

#[test]
fn a_boiler_fault_is_refused() {
    let refused = lift(1).set_fault(&PlantFault::FeedPumpFailed, true).unwrap_err();
    assert_eq!(refused.to_string(), "a lift cannot have the fault FeedPumpFailed");
}
