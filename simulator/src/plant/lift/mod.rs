//! A traction passenger lift: car, doors, brake, passengers, controller.

mod control;

use std::borrow::Cow;

use vigil_protocol::vocabulary::{CarDirection, CarDriveStatus, FaultKey, Quantity, ServiceMode};

use super::{NotApplicable, PlantFault, PlantValue, Reading, Scheme};
use crate::rng::Rng;

/// Half height of the unlocking zone around a landing, m (EN 81-20 allows 0.2 m; 0.15 m is usual).
const DOOR_ZONE_M: f64 = 0.15;
/// Distance past the terminal landing at which the final limit switch opens, m.
const LIMIT_SWITCH_M: f64 = 0.1;
/// Average passenger, kg.
const PASSENGER_KG: f64 = 75.0;

/// What a lift is, from its nameplate.
#[derive(Clone, Debug, PartialEq)]
pub struct LiftSpec {
    /// Number of landings, at least 2.
    pub floors: u8,
    /// Distance between landings, m.
    pub floor_height_m: f64,
    /// Rated speed, m/s.
    pub rated_speed: f64,
    /// Rated load, kg.
    pub rated_load_kg: f64,
    /// How its controller numbers faults.
    pub scheme: Scheme,
    /// Mean time between calls, s.
    pub seconds_between_calls: f64,
}

impl Default for LiftSpec {
    /// A lift of a residential tower.
    fn default() -> Self {
        Self {
            floors: 18,
            floor_height_m: 3.0,
            rated_speed: 1.75,
            rated_load_kg: 1000.0,
            scheme: Scheme::SePlatform,
            seconds_between_calls: 20.0,
        }
    }
}

/// Where the car is in its working cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// At a landing, doors closed, nothing to do.
    Parked,
    /// Doors parting.
    Opening,
    /// Doors open for the dwell time left, ms.
    Open { left_ms: i64 },
    /// Doors closing.
    Closing,
    /// Driving to a landing; `creep` after a fault, in inspection or for rescue.
    Running { target_m: f64, creep: bool },
    /// Brake on, controller locked out.
    Halted,
}

/// A journey somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trip {
    from: u8,
    to: u8,
    passengers: u32,
}

/// What is wrong with this lift at the moment (causes), and what has latched from it (effects).
#[derive(Clone, Debug, Default, PartialEq)]
struct Faults {
    entrapment: Option<Option<FaultKey>>,
    entrapment_at_level: Option<Option<FaultKey>>,
    lock_bridged: bool,
    close_jam: bool,
    opens_while_running: bool,
    brake_slip: bool,
    safety_circuit_open: bool,
    overspeed: bool,
    overtravel_top: bool,
    overtravel_bottom: bool,
    mains_loss: bool,
    alarm_button: bool,
    shown_key: Option<FaultKey>,
    shown_raw: Option<Cow<'static, str>>,
    pit_water: bool,
    machine_room_c: Option<f64>,
    no_traffic: bool,
    governor_tripped: bool,
    stalled: bool,
    slipped: bool,
    overtravelled: bool,
    ran_with_open_door: bool,
}

/// The lift. Positions in m above the bottom landing, speeds in m/s, upward positive.
#[derive(Clone, Debug, PartialEq)]
pub struct Lift {
    spec: LiftSpec,
    rng: Rng,
    position_m: f64,
    speed: f64,
    accelerating: i8,
    /// 0 fully closed, 1 fully open.
    door: f64,
    /// How long the doors have failed to reach the end they move to, ms.
    door_stuck_ms: i64,
    phase: Phase,
    mode: ServiceMode,
    passengers: u32,
    trip: Option<Trip>,
    boarded: bool,
    next_call_ms: i64,
    faults: Faults,
    run_count: u64,
    run_ms: u64,
}

impl Lift {
    /// A lift standing at the bottom landing; `rng` decides its traffic.
    #[must_use]
    pub fn new(spec: LiftSpec, mut rng: Rng) -> Self {
        let next_call_ms = rng.exponential_ms(spec.seconds_between_calls * 1000.0);
        let run_count = 10_000 + rng.below(200_000);
        Self {
            spec,
            rng,
            position_m: 0.0,
            speed: 0.0,
            accelerating: 0,
            door: 0.0,
            door_stuck_ms: 0,
            phase: Phase::Parked,
            mode: ServiceMode::Normal,
            passengers: 0,
            trip: None,
            boarded: false,
            next_call_ms,
            faults: Faults::default(),
            run_count,
            run_ms: run_count * 14_000,
        }
    }

    /// How its controller numbers faults.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.spec.scheme
    }

    /// Rated speed, m/s.
    #[must_use]
    pub const fn rated_speed(&self) -> f64 {
        self.spec.rated_speed
    }

    /// Car speed, m/s, upward positive.
    #[must_use]
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// Height of the car above the bottom landing, m.
    #[must_use]
    pub const fn position_m(&self) -> f64 {
        self.position_m
    }

    /// People in the car.
    #[must_use]
    pub const fn passengers(&self) -> u32 {
        self.passengers
    }

    /// Whether the doors are fully closed.
    #[must_use]
    pub fn door_closed(&self) -> bool {
        self.door <= 0.0
    }

    /// What the door-lock circuit reports, bridged or not.
    #[must_use]
    pub fn door_locked(&self) -> bool {
        self.door_closed() || self.faults.lock_bridged || self.faults.opens_while_running
    }

    /// Whether the car floor is within the unlocking zone of a landing.
    #[must_use]
    pub fn in_door_zone(&self) -> bool {
        let landing = self.landing_m(self.nearest_floor());
        (self.position_m - landing).abs() <= DOOR_ZONE_M
    }

    /// Whether the safety circuit is closed.
    #[must_use]
    pub fn safety_circuit_closed(&self) -> bool {
        !(self.faults.safety_circuit_open
            || self.faults.governor_tripped
            || self.faults.slipped
            || self.faults.ran_with_open_door
            || self.upper_limit()
            || self.lower_limit())
    }

    /// The fault the controller shows, before its own numbering.
    #[must_use]
    pub fn fault_key(&self) -> FaultKey {
        let faults = &self.faults;
        if let Some(key) = faults.shown_key {
            key
        } else if let (Some(code), true) = (faults.entrapment, faults.stalled) {
            code.unwrap_or(FaultKey::None)
        } else if let (Some(code), true) = (faults.entrapment_at_level, self.door_stuck_ms > 5_000) {
            code.unwrap_or(FaultKey::None)
        } else if faults.slipped {
            FaultKey::UnintendedCarMovement
        } else if faults.governor_tripped {
            FaultKey::Overspeed
        } else if faults.overtravelled {
            if self.position_m > 0.0 {
                FaultKey::OvertravelTop
            } else {
                FaultKey::OvertravelBottom
            }
        } else if faults.ran_with_open_door {
            FaultKey::DoorOpenWhileRunning
        } else if faults.mains_loss {
            FaultKey::MainsLoss
        } else if faults.safety_circuit_open {
            FaultKey::SafetyCircuitOpen
        } else if faults.close_jam && self.door_stuck_ms > 10_000 {
            FaultKey::DoorCloseFail
        } else {
            FaultKey::None
        }
    }

    /// What the terminal on the lift reads, in a fixed order.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        use PlantValue::{Bool, Number};
        let moving = self.speed.abs() > 0.01;
        let code = match &self.faults.shown_raw {
            Some(raw) => raw.clone(),
            None => Cow::Borrowed(self.spec.scheme.raw(self.fault_key())),
        };
        let load = f64::from(self.passengers) * PASSENGER_KG / self.spec.rated_load_kg * 100.0;
        vec![
            (Quantity::ServiceMode, Number(f64::from(self.mode.code()))),
            (
                Quantity::CarDriveStatus,
                Number(f64::from(self.drive_status().code())),
            ),
            (Quantity::CarMoving, Bool(moving)),
            (Quantity::CarDirection, Number(f64::from(self.direction().code()))),
            (
                Quantity::CarPosition,
                Number(f64::from(self.nearest_floor()) + 1.0),
            ),
            (Quantity::CarSpeed, Number(self.speed.abs())),
            (Quantity::CarLoad, Number(load)),
            (Quantity::DoorZone, Bool(self.in_door_zone())),
            (Quantity::DoorClosed, Bool(self.door_closed())),
            (Quantity::DoorLocked, Bool(self.door_locked())),
            (Quantity::SafetyCircuitClosed, Bool(self.safety_circuit_closed())),
            (Quantity::PassengerPresent, Bool(self.passengers > 0)),
            (Quantity::AlarmButton, Bool(self.faults.alarm_button)),
            (Quantity::OverspeedGovernor, Bool(self.faults.governor_tripped)),
            (Quantity::UpperLimit, Bool(self.upper_limit())),
            (Quantity::LowerLimit, Bool(self.lower_limit())),
            (Quantity::PowerSupplyOk, Bool(!self.faults.mains_loss)),
            (Quantity::BrakeReleased, Bool(moving)),
            (Quantity::MotorRunning, Bool(moving && !self.faults.brake_slip)),
            (Quantity::RunHours, Number((self.run_ms / 36_000) as f64 / 100.0)),
            (Quantity::RunCount, Number(self.run_count as f64)),
            (Quantity::FaultCode, PlantValue::Code(code)),
            (
                Quantity::MachineRoomTemperature,
                Number(self.faults.machine_room_c.unwrap_or(27.5)),
            ),
            (Quantity::PitWater, Bool(self.faults.pit_water)),
        ]
    }

    /// Begins or ends a fault.
    ///
    /// # Errors
    /// When the fault is not one of a lift.
    pub fn set_fault(&mut self, fault: &PlantFault, on: bool) -> Result<(), NotApplicable> {
        let faults = &mut self.faults;
        match fault {
            PlantFault::Entrapment(code) => {
                faults.entrapment = on.then_some(*code);
                faults.stalled = false;
            }
            PlantFault::EntrapmentAtLevel(code) => faults.entrapment_at_level = on.then_some(*code),
            PlantFault::DoorLockBridged => faults.lock_bridged = on,
            PlantFault::DoorCloseJam => faults.close_jam = on,
            PlantFault::DoorOpensWhileRunning => {
                faults.opens_while_running = on;
                faults.ran_with_open_door = false;
            }
            PlantFault::BrakeSlip => {
                faults.brake_slip = on;
                faults.slipped = false;
            }
            PlantFault::SafetyCircuitOpen => faults.safety_circuit_open = on,
            PlantFault::Overspeed => {
                faults.overspeed = on;
                faults.governor_tripped = false;
            }
            PlantFault::OvertravelTop => {
                faults.overtravel_top = on;
                faults.overtravelled = false;
            }
            PlantFault::OvertravelBottom => {
                faults.overtravel_bottom = on;
                faults.overtravelled = false;
            }
            PlantFault::MainsLoss => faults.mains_loss = on,
            PlantFault::AlarmButton => faults.alarm_button = on,
            PlantFault::Mode(mode) => self.mode = if on { *mode } else { ServiceMode::Normal },
            PlantFault::ControllerCode(key) => faults.shown_key = on.then_some(*key),
            PlantFault::RawCode(raw) => faults.shown_raw = on.then(|| raw.clone()),
            PlantFault::PitWater => faults.pit_water = on,
            PlantFault::MachineRoomHot(celsius) => faults.machine_room_c = on.then_some(*celsius),
            PlantFault::NoTraffic => faults.no_traffic = on,
            other => return Err(NotApplicable::new("lift", other)),
        }
        Ok(())
    }

    fn nearest_floor(&self) -> u8 {
        let floor = (self.position_m / self.spec.floor_height_m).round();
        floor.clamp(0.0, f64::from(self.spec.floors.saturating_sub(1))) as u8
    }

    fn landing_m(&self, floor: u8) -> f64 {
        f64::from(floor) * self.spec.floor_height_m
    }

    const fn top_floor(&self) -> u8 {
        self.spec.floors.saturating_sub(1)
    }

    fn upper_limit(&self) -> bool {
        self.position_m > self.landing_m(self.top_floor()) + LIMIT_SWITCH_M
    }

    fn lower_limit(&self) -> bool {
        self.position_m < -LIMIT_SWITCH_M
    }

    fn direction(&self) -> CarDirection {
        if self.speed > 0.01 {
            CarDirection::Up
        } else if self.speed < -0.01 {
            CarDirection::Down
        } else {
            CarDirection::Stopped
        }
    }

    fn drive_status(&self) -> CarDriveStatus {
        match self.accelerating {
            _ if self.speed.abs() <= 0.01 => CarDriveStatus::Stationary,
            1 => CarDriveStatus::Accelerate,
            -1 => CarDriveStatus::Decelerate,
            _ => CarDriveStatus::RatedSpeed,
        }
    }
}

#[cfg(test)]
mod tests;
