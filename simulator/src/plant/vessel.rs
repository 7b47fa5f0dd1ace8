//! An autoclave: a pressure vessel with a quick-opening door, filled and vented in cycles.

use vigil_protocol::vocabulary::Quantity;

use super::boiler::SafetyValve;
use super::{NotApplicable, PlantFault, PlantValue, Reading};
use crate::rng::Rng;

/// Below this the door may be unlocked, MPa gauge.
const SAFE_TO_OPEN_MPA: f64 = 0.005;

/// What a vessel is, from its nameplate.
#[derive(Clone, Debug, PartialEq)]
pub struct PressureVesselSpec {
    /// Design pressure, MPa gauge; the safety valve is set there.
    pub design_pressure: f64,
    /// Working pressure, MPa gauge.
    pub working_pressure: f64,
    /// Working temperature, °C.
    pub working_c: f64,
    /// Time at working pressure, ms.
    pub hold_ms: i64,
}

impl Default for PressureVesselSpec {
    fn default() -> Self {
        Self {
            design_pressure: 1.6,
            working_pressure: 1.2,
            working_c: 185.0,
            hold_ms: 60_000,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Loading { left_ms: i64 },
    Pressurizing,
    Holding { left_ms: i64 },
    Venting,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Faults {
    inlet_stuck_open: bool,
    interlock_failed: bool,
    leak: bool,
}

/// The vessel.
#[derive(Clone, Debug, PartialEq)]
pub struct PressureVessel {
    spec: PressureVesselSpec,
    rng: Rng,
    pressure: f64,
    temperature_c: f64,
    stage: Stage,
    door_closed: bool,
    door_locked: bool,
    valve: SafetyValve,
    faults: Faults,
}

impl PressureVessel {
    /// A vessel at working pressure.
    #[must_use]
    pub fn new(spec: PressureVesselSpec, rng: Rng) -> Self {
        Self {
            pressure: spec.working_pressure,
            temperature_c: spec.working_c,
            stage: Stage::Holding {
                left_ms: spec.hold_ms,
            },
            door_closed: true,
            door_locked: true,
            valve: SafetyValve::new(spec.design_pressure),
            faults: Faults::default(),
            spec,
            rng,
        }
    }

    /// Pressure, MPa gauge.
    #[must_use]
    pub const fn pressure(&self) -> f64 {
        self.pressure
    }

    /// Whether the door is locked.
    #[must_use]
    pub const fn door_locked(&self) -> bool {
        self.door_locked
    }

    /// Moves the vessel by `dt_ms`.
    pub fn step(&mut self, dt_ms: u32) {
        let dt = f64::from(dt_ms) / 1000.0;
        let ms = i64::from(dt_ms);
        self.stage = match self.stage {
            Stage::Loading { left_ms } if left_ms <= 0 => Stage::Pressurizing,
            Stage::Loading { left_ms } => Stage::Loading {
                left_ms: left_ms - ms,
            },
            Stage::Pressurizing if self.pressure >= 0.99 * self.spec.working_pressure => Stage::Holding {
                left_ms: self.spec.hold_ms,
            },
            Stage::Holding { left_ms } if left_ms <= 0 => Stage::Venting,
            Stage::Holding { left_ms } => Stage::Holding {
                left_ms: left_ms - ms,
            },
            Stage::Venting if self.pressure < SAFE_TO_OPEN_MPA => Stage::Loading { left_ms: 20_000 },
            same => same,
        };
        let (wanted, seconds) = match self.stage {
            _ if self.faults.inlet_stuck_open => (1.4 * self.spec.design_pressure, 30.0),
            Stage::Loading { .. } | Stage::Venting => (-0.01, 8.0),
            Stage::Pressurizing => (1.05 * self.spec.working_pressure, 10.0),
            Stage::Holding { .. } => (self.spec.working_pressure + self.rng.noise(0.004), 4.0),
        };
        let wanted = if self.valve.is_open() {
            0.9 * self.spec.design_pressure
        } else {
            wanted
        };
        let leak = if self.faults.leak { 0.02 * dt } else { 0.0 };
        self.pressure = (self.pressure + (wanted - self.pressure) * (dt / seconds).min(1.0) - leak).max(0.0);
        let hot = 20.0 + (self.spec.working_c - 20.0) * (self.pressure / self.spec.working_pressure).min(1.2);
        self.temperature_c += (hot - self.temperature_c) * (dt / 20.0).min(1.0);
        self.valve.step(self.pressure);
        self.door();
    }

    /// The interlock: unlocked only without pressure, pressure only when locked.
    fn door(&mut self) {
        let may_open = self.pressure < SAFE_TO_OPEN_MPA;
        let loading = matches!(self.stage, Stage::Loading { left_ms } if left_ms > 3_000);
        self.door_locked = !((loading && may_open) || self.faults.interlock_failed);
        self.door_closed = !(loading && may_open);
    }

    /// What the vessel's instruments show, in a fixed order.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        use PlantValue::{Bool, Number};
        vec![
            (Quantity::VesselPressure, Number(self.pressure)),
            (Quantity::VesselTemperature, Number(self.temperature_c)),
            (Quantity::QuickDoorClosed, Bool(self.door_closed)),
            (Quantity::QuickDoorLocked, Bool(self.door_locked)),
            (Quantity::SafetyValveOpen, Bool(self.valve.is_open())),
            (Quantity::Leakage, Bool(self.faults.leak)),
        ]
    }

    /// Begins or ends a fault.
    ///
    /// # Errors
    /// When the fault is not one of a vessel.
    pub fn set_fault(&mut self, fault: &PlantFault, on: bool) -> Result<(), NotApplicable> {
        match fault {
            PlantFault::SafetyValveStuckShut => self.valve.set_stuck(on),
            PlantFault::InletStuckOpen => self.faults.inlet_stuck_open = on,
            PlantFault::DoorInterlockFailed => self.faults.interlock_failed = on,
            PlantFault::Leak => self.faults.leak = on,
            other => return Err(NotApplicable::new("pressure vessel", other)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{PressureVessel, PressureVesselSpec, SAFE_TO_OPEN_MPA};
    use crate::plant::PlantFault;
    use crate::rng::Rng;

    fn vessel() -> PressureVessel {
        PressureVessel::new(PressureVesselSpec::default(), Rng::new(1))
    }

    #[test]
    fn the_door_is_never_unlocked_under_pressure_unless_its_interlock_failed() {
        let mut vessel = vessel();
        let mut opened = false;
        for _ in 0..3_000 {
            vessel.step(200);
            opened |= !vessel.door_locked();
            assert!(vessel.door_locked() || vessel.pressure() < SAFE_TO_OPEN_MPA);
        }
        assert!(opened, "the cycle opens the door");
        while vessel.pressure() < 1.0 {
            vessel.step(200);
        }
        vessel.set_fault(&PlantFault::DoorInterlockFailed, true).unwrap();
        vessel.step(200);
        assert!(!vessel.door_locked() && vessel.pressure() > 0.02);
    }

    #[test]
    fn the_safety_valve_holds_the_pressure_unless_it_is_stuck() {
        let peak = |stuck: bool| {
            let mut vessel = vessel();
            vessel.set_fault(&PlantFault::InletStuckOpen, true).unwrap();
            vessel
                .set_fault(&PlantFault::SafetyValveStuckShut, stuck)
                .unwrap();
            (0..600).fold(0.0_f64, |peak, _| {
                vessel.step(200);
                peak.max(vessel.pressure())
            })
        };
        assert!(peak(false) < 1.65, "{}", peak(false));
        assert!(peak(true) > 1.76, "{}", peak(true));
    }
}
