//! A pressurized hot-water boiler: one water volume heated by a burner, cooled by the district it serves.

use vigil_protocol::vocabulary::Quantity;

use super::boiler::SafetyValve;
use super::{NotApplicable, PlantFault, PlantValue, Reading};
use crate::rng::Rng;

/// Specific heat of water, kJ/(kg K).
const WATER_HEAT: f64 = 4.2;
/// Density of water near 80 °C, kg/m³.
const WATER_DENSITY: f64 = 970.0;
const FLAME_SAFETY_MS: i64 = 1_000;

/// What a hot-water boiler is, from its nameplate.
#[derive(Clone, Debug, PartialEq)]
pub struct HotWaterBoilerSpec {
    /// Rated working pressure, MPa gauge.
    pub rated_pressure: f64,
    /// Rated thermal power, kW.
    pub rated_kw: f64,
    /// Rated outlet temperature, °C.
    pub rated_outlet_c: f64,
    /// Rated flow, kg/h.
    pub rated_flow: f64,
}

impl Default for HotWaterBoilerSpec {
    /// 2.8 MW, 95/70 °C.
    fn default() -> Self {
        Self {
            rated_pressure: 0.7,
            rated_kw: 2_800.0,
            rated_outlet_c: 95.0,
            rated_flow: 96_000.0,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Faults {
    burner_stuck_on: bool,
    flame_failure: bool,
    circulation_lost: bool,
    pressurization_lost: bool,
    hard_water: bool,
}

/// The boiler. Temperatures in °C, pressures in MPa gauge, flow in kg/h.
#[derive(Clone, Debug, PartialEq)]
pub struct HotWaterBoiler {
    spec: HotWaterBoilerSpec,
    rng: Rng,
    outlet_c: f64,
    inlet_c: f64,
    pressure: f64,
    flow: f64,
    fire: f64,
    exhaust_c: f64,
    valve: SafetyValve,
    tripped: bool,
    no_flame_ms: i64,
    flame_alarm: bool,
    faults: Faults,
}

impl HotWaterBoiler {
    /// A boiler in steady operation; `rng` decides the heat demand.
    #[must_use]
    pub fn new(spec: HotWaterBoilerSpec, rng: Rng) -> Self {
        // TSG 11-2020: the greater of 1.10 times and 0.07 MPa above the working pressure.
        let set = (spec.rated_pressure * 1.10).max(spec.rated_pressure + 0.07);
        Self {
            outlet_c: spec.rated_outlet_c - 10.0,
            inlet_c: spec.rated_outlet_c - 30.0,
            pressure: spec.rated_pressure * 0.8,
            flow: spec.rated_flow,
            fire: 0.7,
            exhaust_c: 130.0,
            valve: SafetyValve::new(set),
            tripped: false,
            no_flame_ms: 0,
            flame_alarm: false,
            faults: Faults::default(),
            spec,
            rng,
        }
    }

    /// Outlet temperature, °C.
    #[must_use]
    pub const fn outlet_c(&self) -> f64 {
        self.outlet_c
    }

    /// Outlet pressure, MPa gauge.
    #[must_use]
    pub const fn pressure(&self) -> f64 {
        self.pressure
    }

    /// Whether the burner fires.
    #[must_use]
    pub fn firing(&self) -> bool {
        self.fire > 0.0 && !self.faults.flame_failure
    }

    /// Moves the boiler by `dt_ms`.
    pub fn step(&mut self, dt_ms: u32) {
        let dt = f64::from(dt_ms) / 1000.0;
        let limit = self.spec.rated_outlet_c + 5.0;
        self.tripped =
            self.outlet_c > limit || (self.tripped && self.outlet_c > self.spec.rated_outlet_c - 10.0);
        let dark = self.fire > 0.0 && self.faults.flame_failure;
        self.no_flame_ms = if dark {
            self.no_flame_ms + i64::from(dt_ms)
        } else {
            0
        };
        self.flame_alarm =
            self.faults.flame_failure && (self.flame_alarm || self.no_flame_ms >= FLAME_SAFETY_MS);
        let wanted = ((self.spec.rated_outlet_c - 5.0 - self.outlet_c) / 10.0).clamp(0.0, 1.0);
        let blocked = self.tripped || self.flame_alarm;
        self.fire = match (self.faults.burner_stuck_on, blocked) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => self.fire + (wanted - self.fire) * (dt / 10.0).min(1.0),
        };
        let flow = if self.faults.circulation_lost {
            0.02
        } else {
            1.0 + self.rng.noise(0.004)
        };
        self.flow += (flow * self.spec.rated_flow - self.flow) * (dt / 3.0).min(1.0);
        self.heat(dt);
        let kept = if self.faults.pressurization_lost {
            0.05
        } else {
            0.8 * self.spec.rated_pressure
        };
        self.pressure += (kept - self.pressure) * (dt / 25.0).min(1.0) + self.rng.noise(0.000_3);
        self.valve.step(self.pressure);
    }

    fn heat(&mut self, dt: f64) {
        let kg_s = self.flow / 3600.0;
        let input = if self.firing() {
            self.fire * self.spec.rated_kw
        } else {
            0.0
        };
        // The boiler holds about a minute and a half of rated flow.
        let mass = self.spec.rated_flow / 3600.0 * 90.0;
        let carried = kg_s * WATER_HEAT * (self.outlet_c - self.inlet_c);
        self.outlet_c += (input - carried) * dt / (mass * WATER_HEAT);
        let returned =
            self.outlet_c - 0.6 * self.spec.rated_kw / (self.spec.rated_flow / 3600.0 * WATER_HEAT);
        self.inlet_c += (returned - self.inlet_c) * (dt / 120.0).min(1.0);
        self.exhaust_c += (80.0 + 70.0 * self.fire - self.exhaust_c) * (dt / 40.0).min(1.0);
    }

    /// What the boiler's instruments show, in a fixed order.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        use PlantValue::{Bool, Number};
        vec![
            (Quantity::OutletTemperature, Number(self.outlet_c)),
            (Quantity::InletTemperature, Number(self.inlet_c)),
            (Quantity::OutletPressure, Number(self.pressure)),
            (
                Quantity::InletPressure,
                Number((self.pressure - 0.03 * self.flow / self.spec.rated_flow).max(0.0)),
            ),
            (Quantity::OutletFlow, Number(self.flow / WATER_DENSITY)),
            (Quantity::ExhaustTemperature, Number(self.exhaust_c)),
            (Quantity::BurnerFiring, Bool(self.firing())),
            (Quantity::FlameDetected, Bool(self.firing())),
            (Quantity::FuelValveOpen, Bool(self.fire > 0.0)),
            (Quantity::FlameFailureAlarm, Bool(self.flame_alarm)),
            (Quantity::WaterHardnessAlarm, Bool(self.faults.hard_water)),
            (Quantity::SafetyValveOpen, Bool(self.valve.is_open())),
            (Quantity::InterlockTripped, Bool(self.tripped)),
        ]
    }

    /// Begins or ends a fault.
    ///
    /// # Errors
    /// When the fault is not one of a hot-water boiler.
    pub fn set_fault(&mut self, fault: &PlantFault, on: bool) -> Result<(), NotApplicable> {
        match fault {
            PlantFault::BurnerStuckOn => self.faults.burner_stuck_on = on,
            PlantFault::FlameFailure => self.faults.flame_failure = on,
            PlantFault::CirculationLost => self.faults.circulation_lost = on,
            PlantFault::PressurizationLost => self.faults.pressurization_lost = on,
            PlantFault::HardWater => self.faults.hard_water = on,
            PlantFault::SafetyValveStuckShut => self.valve.set_stuck(on),
            other => return Err(NotApplicable::new("hot-water boiler", other)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{HotWaterBoiler, HotWaterBoilerSpec};
    use crate::plant::PlantFault;
    use crate::rng::Rng;

    fn boiler() -> HotWaterBoiler {
        HotWaterBoiler::new(HotWaterBoilerSpec::default(), Rng::new(1))
    }

    fn run(boiler: &mut HotWaterBoiler, seconds: u32) {
        (0..seconds * 5).for_each(|_| boiler.step(200));
    }

    #[test]
    fn it_holds_its_outlet_temperature() {
        let mut boiler = boiler();
        run(&mut boiler, 1_800);
        assert!((75.0..95.0).contains(&boiler.outlet_c()), "{}", boiler.outlet_c());
        assert!(boiler.firing());
    }

    #[test]
    fn without_circulation_a_stuck_burner_overheats_it() {
        let mut boiler = boiler();
        for fault in [PlantFault::CirculationLost, PlantFault::BurnerStuckOn] {
            boiler.set_fault(&fault, true).unwrap();
        }
        run(&mut boiler, 120);
        assert!(boiler.outlet_c() > 100.0, "{}", boiler.outlet_c());
    }

    #[test]
    fn losing_the_pressure_keeping_system_lets_the_pressure_fall() {
        let mut boiler = boiler();
        boiler.set_fault(&PlantFault::PressurizationLost, true).unwrap();
        run(&mut boiler, 120);
        assert!(boiler.pressure() < 0.06, "{}", boiler.pressure());
    }

    #[test]
    fn flame_failure_shuts_the_fuel() {
        let mut boiler = boiler();
        boiler.set_fault(&PlantFault::FlameFailure, true).unwrap();
        run(&mut boiler, 5);
        assert!(boiler.flame_alarm && boiler.fire == 0.0);
    }
}
