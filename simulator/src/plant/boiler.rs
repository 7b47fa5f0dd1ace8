//! A fire-tube steam boiler: an energy balance, a water balance, a burner, two safety valves and interlocks.
//!
//! Saturated water at one temperature is the state; pressure follows from it by `p = p_atm (T/100 °C)^4`, which is
//! within 2 % of the steam tables between 0.1 and 2 MPa. Enough for alarms, cheap enough for thousands of boilers.

use vigil_protocol::vocabulary::Quantity;

use super::{NotApplicable, PlantFault, PlantValue, Reading};
use crate::rng::Rng;

const ATMOSPHERE_MPA: f64 = 0.101_325;
/// Specific heat of hot water, kJ/(kg K).
const WATER_HEAT: f64 = 4.4;
/// Density of hot water, kg/m³.
const WATER_DENSITY: f64 = 880.0;
/// Heat of evaporation near 1 MPa, kJ/kg.
const EVAPORATION_HEAT: f64 = 2_000.0;
const FEED_WATER_C: f64 = 104.0;
/// Closing difference of a safety valve: 4-7 % of the set pressure (TSG 11-2020), 0.03 MPa when set below 0.3 MPa.
const BLOWDOWN_PART: f64 = 0.05;
/// Air sweep before ignition, ms (shortened from the usual half a minute).
const PURGE_MS: i64 = 8_000;
/// The flame guard shuts the fuel this long after the flame went out, ms.
const FLAME_SAFETY_MS: i64 = 1_000;
/// Interlocks act on a condition that lasts this long, ms.
const INTERLOCK_DELAY_MS: i64 = 1_000;

/// What a steam boiler is, from its nameplate. Pressures in MPa gauge, levels in mm from normal water level.
#[derive(Clone, Debug, PartialEq)]
pub struct SteamBoilerSpec {
    /// Rated working pressure, MPa gauge.
    pub rated_pressure: f64,
    /// Rated evaporation, kg/h.
    pub rated_evaporation: f64,
    /// Water in the drum at normal level, m³.
    pub water_volume: f64,
    /// Water surface in the drum, m².
    pub water_surface: f64,
    /// Lower safety-valve setting, MPa gauge.
    pub safety_valve_low: f64,
    /// Higher safety-valve setting, MPa gauge.
    pub safety_valve_high: f64,
    /// Minimum safe level, where the burner has to trip, mm.
    pub low_water_limit: f64,
    /// Level at which the drum is too full, mm.
    pub high_water_limit: f64,
    /// Average draw, as a part of rated evaporation.
    pub demand: f64,
}

impl SteamBoilerSpec {
    /// A boiler of this rating with the water content and settings usual for it.
    #[must_use]
    pub fn rated(rated_pressure: f64, rated_evaporation: f64) -> Self {
        let (safety_valve_low, safety_valve_high) = safety_valve_settings(rated_pressure);
        Self {
            rated_pressure,
            rated_evaporation,
            // Compact boilers hold well under a cubic metre per tonne and hour: pressure moves in tens of seconds.
            water_volume: rated_evaporation * 0.45e-3,
            water_surface: 0.6 + rated_evaporation * 0.3e-3,
            safety_valve_low,
            safety_valve_high,
            low_water_limit: -75.0,
            high_water_limit: 75.0,
            demand: 0.6,
        }
    }
}

/// Safety-valve settings (lower, higher) of a steam boiler for its working pressure, MPa gauge (TSG 11-2020).
#[must_use]
pub fn safety_valve_settings(rated_pressure: f64) -> (f64, f64) {
    if rated_pressure <= 0.8 {
        (rated_pressure + 0.03, rated_pressure + 0.05)
    } else if rated_pressure <= 5.3 {
        (rated_pressure * 1.04, rated_pressure * 1.06)
    } else {
        (rated_pressure * 1.05, rated_pressure * 1.08)
    }
}

/// Tolerance of a safety valve's set pressure, MPa.
#[must_use]
pub fn safety_valve_tolerance(set: f64) -> f64 {
    if set <= 0.5 {
        0.015
    } else if set <= 2.3 {
        set * 0.03
    } else if set <= 7.0 {
        0.07
    } else {
        set * 0.01
    }
}

/// A spring-loaded valve: pops open at its set pressure, reseats below it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SafetyValve {
    set: f64,
    open: bool,
    stuck_shut: bool,
}

impl SafetyValve {
    pub(super) const fn new(set: f64) -> Self {
        Self {
            set,
            open: false,
            stuck_shut: false,
        }
    }

    pub(super) const fn set_stuck(&mut self, stuck: bool) {
        self.stuck_shut = stuck;
    }

    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn step(&mut self, pressure: f64) {
        let blowdown = if self.set < 0.3 {
            0.03
        } else {
            self.set * BLOWDOWN_PART
        };
        if self.stuck_shut || pressure < self.set - blowdown {
            self.open = false;
        } else if pressure >= self.set {
            self.open = true;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Burner {
    Off,
    Purging { left_ms: i64 },
    Firing,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Faults {
    burner_stuck_on: bool,
    flame_failure: bool,
    fuel_valve_stuck: bool,
    low_water_bypassed: bool,
    overpressure_bypassed: bool,
    feed_pump_failed: bool,
    feed_valve_stuck: bool,
    blowdown_open: bool,
    demand_lost: bool,
    hard_water: bool,
    electrodes_contradict: bool,
    switch_stuck: bool,
}

/// How long a condition has lasted, ms.
#[derive(Clone, Debug, Default, PartialEq)]
struct Timers {
    low_water_ms: i64,
    overpressure_ms: i64,
    no_flame_ms: i64,
}

/// The boiler.
#[derive(Clone, Debug, PartialEq)]
pub struct SteamBoiler {
    spec: SteamBoilerSpec,
    rng: Rng,
    water_kg: f64,
    temperature_c: f64,
    burner: Burner,
    /// Firing rate, 0..1 of rated.
    fire: f64,
    flame: bool,
    feeding: bool,
    demand: f64,
    steam_kg_s: f64,
    exhaust_c: f64,
    valves: [SafetyValve; 2],
    tripped: bool,
    flame_alarm: bool,
    faults: Faults,
    timers: Timers,
}

impl SteamBoiler {
    /// A boiler at working pressure and normal level; `rng` decides the draw.
    #[must_use]
    pub fn new(spec: SteamBoilerSpec, rng: Rng) -> Self {
        let working = spec.rated_pressure * 0.94;
        Self {
            water_kg: spec.water_volume * WATER_DENSITY,
            temperature_c: saturation_c(working),
            burner: Burner::Firing,
            fire: spec.demand,
            flame: true,
            feeding: false,
            demand: spec.demand,
            steam_kg_s: 0.0,
            exhaust_c: 150.0,
            valves: [
                SafetyValve::new(spec.safety_valve_low),
                SafetyValve::new(spec.safety_valve_high),
            ],
            tripped: false,
            flame_alarm: false,
            faults: Faults::default(),
            timers: Timers::default(),
            spec,
            rng,
        }
    }

    /// Drum pressure, MPa gauge.
    #[must_use]
    pub fn pressure(&self) -> f64 {
        (ATMOSPHERE_MPA * (self.temperature_c / 100.0).powi(4) - ATMOSPHERE_MPA).max(0.0)
    }

    /// Drum level, mm from normal water level.
    #[must_use]
    pub fn level_mm(&self) -> f64 {
        let volume = self.water_kg / WATER_DENSITY - self.spec.water_volume;
        // Bubbles lift the surface a little with the draw.
        volume / self.spec.water_surface * 1000.0 + 4.0 * self.steam_kg_s / self.rated_kg_s()
    }

    /// Whether the burner fires.
    #[must_use]
    pub fn firing(&self) -> bool {
        self.burner == Burner::Firing && self.flame
    }

    /// Whether a safety valve is open.
    #[must_use]
    pub fn safety_valve_open(&self) -> bool {
        self.valves.iter().any(SafetyValve::is_open)
    }

    /// Whether an interlock has tripped the burner (latched until the cause is gone and the operator resets).
    #[must_use]
    pub const fn tripped(&self) -> bool {
        self.tripped
    }

    /// The setting of the overpressure interlock, MPa gauge: half-way between working pressure and the lower valve.
    #[must_use]
    pub fn interlock_pressure(&self) -> f64 {
        0.5 * (self.spec.rated_pressure + self.spec.safety_valve_low)
    }

    /// Moves the boiler by `dt_ms`.
    pub fn step(&mut self, dt_ms: u32) {
        let dt_ms = i64::from(dt_ms);
        let dt = dt_ms as f64 / 1000.0;
        let pressure = self.pressure();
        self.interlocks(pressure, dt_ms);
        self.burn(pressure, dt_ms);
        for valve in &mut self.valves {
            valve.step(pressure);
        }
        self.draw(pressure, dt);
        self.feed();
        self.balance(dt);
    }

    fn interlocks(&mut self, pressure: f64, dt_ms: i64) {
        let held = |timer: &mut i64, condition: bool| {
            *timer = if condition { *timer + dt_ms } else { 0 };
            *timer >= INTERLOCK_DELAY_MS
        };
        let level = self.level_mm();
        let low = held(&mut self.timers.low_water_ms, level < self.spec.low_water_limit)
            && !self.faults.low_water_bypassed;
        let trip_at = self.interlock_pressure();
        let high =
            held(&mut self.timers.overpressure_ms, pressure > trip_at) && !self.faults.overpressure_bypassed;
        let dark = self.burner == Burner::Firing && !self.flame;
        self.timers.no_flame_ms = if dark { self.timers.no_flame_ms + dt_ms } else { 0 };
        if self.timers.no_flame_ms >= FLAME_SAFETY_MS {
            self.flame_alarm = true;
        }
        if low || high || self.flame_alarm {
            self.tripped = true;
        } else if self.tripped
            && level > self.spec.low_water_limit + 20.0
            && pressure < self.spec.rated_pressure
        {
            // The operator resets once the cause is gone.
            self.tripped = false;
        }
        if self.flame_alarm && !self.faults.flame_failure {
            self.flame_alarm = false;
        }
    }

    fn burn(&mut self, pressure: f64, dt_ms: i64) {
        let rated = self.spec.rated_pressure;
        if self.faults.burner_stuck_on {
            self.burner = Burner::Firing;
            self.flame = !self.faults.flame_failure;
            self.fire = 1.0;
            return;
        }
        self.burner = match self.burner {
            _ if self.tripped => Burner::Off,
            Burner::Firing if pressure > 0.985 * rated => Burner::Off,
            Burner::Off if pressure < 0.90 * rated => Burner::Purging { left_ms: PURGE_MS },
            Burner::Purging { left_ms } if left_ms <= 0 => Burner::Firing,
            Burner::Purging { left_ms } => Burner::Purging {
                left_ms: left_ms - dt_ms,
            },
            same => same,
        };
        self.flame = self.burner == Burner::Firing && !self.faults.flame_failure;
        // Modulates between 30 % and full over 8 % of rated pressure.
        let wanted = if self.flame {
            ((0.98 * rated - pressure) / (0.08 * rated)).clamp(0.3, 1.0)
        } else {
            0.0
        };
        let slew = dt_ms as f64 / 4_000.0;
        self.fire = if self.flame {
            self.fire + (wanted - self.fire).clamp(-slew, slew)
        } else {
            0.0
        };
    }

    fn draw(&mut self, pressure: f64, dt: f64) {
        let drift = self.rng.noise(0.02) * dt.sqrt();
        self.demand += 0.05 * (self.spec.demand - self.demand) * dt + drift;
        self.demand = self.demand.clamp(0.2, 0.9);
        let open = if self.faults.demand_lost { 0.0 } else { self.demand };
        // Flow through the valve falls with the pressure behind it.
        self.steam_kg_s = open * self.rated_kg_s() * (pressure / self.spec.rated_pressure).clamp(0.0, 1.2);
    }

    fn feed(&mut self) {
        let level = self.level_mm();
        if level < -12.0 {
            self.feeding = true;
        } else if level > 12.0 {
            self.feeding = false;
        }
    }

    fn feed_kg_s(&self) -> f64 {
        if self.faults.feed_pump_failed {
            0.0
        } else if self.faults.feed_valve_stuck {
            4.0 * self.rated_kg_s()
        } else if self.feeding {
            1.4 * self.rated_kg_s()
        } else {
            0.0
        }
    }

    fn balance(&mut self, dt: f64) {
        let rated = self.rated_kg_s();
        let heat_in =
            self.fire * rated * (EVAPORATION_HEAT + WATER_HEAT * (self.saturation() - FEED_WATER_C)) * 1.1;
        let relief = self.valves.iter().filter(|valve| valve.is_open()).count() as f64 * 0.7 * rated;
        let feed = self.feed_kg_s();
        let blowdown = if self.faults.blowdown_open {
            4.5 * rated * (self.water_kg / 300.0).min(1.0)
        } else {
            0.0
        };
        let loss = 0.004 * rated * EVAPORATION_HEAT;
        let steam = self.steam_kg_s + relief;
        let heat = heat_in
            - loss
            - steam * EVAPORATION_HEAT
            - feed * WATER_HEAT * (self.temperature_c - FEED_WATER_C);
        self.water_kg = (self.water_kg + (feed - steam - blowdown) * dt)
            .max(0.1 * self.spec.water_volume * WATER_DENSITY);
        // Shell and tubes store heat as well as the water does.
        let metal_kg = 0.5 * self.spec.water_volume * WATER_DENSITY;
        self.temperature_c += heat * dt / ((self.water_kg + 0.25 * metal_kg) * WATER_HEAT);
        let wanted = 90.0 + 70.0 * self.fire + 0.2 * (self.temperature_c - 150.0);
        self.exhaust_c += (wanted - self.exhaust_c) * (dt / 40.0).min(1.0);
    }

    fn saturation(&self) -> f64 {
        saturation_c(self.pressure())
    }

    fn rated_kg_s(&self) -> f64 {
        self.spec.rated_evaporation / 3600.0
    }

    /// What the boiler's instruments show, in a fixed order.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        use PlantValue::{Bool, Number};
        let pressure = self.pressure();
        let level = self.level_mm();
        let low = level < self.spec.low_water_limit || self.faults.electrodes_contradict;
        let high = level > self.spec.high_water_limit || self.faults.electrodes_contradict;
        let switch = pressure > self.interlock_pressure() || self.faults.switch_stuck;
        let fuel = matches!(self.burner, Burner::Firing) && !self.flame_alarm || self.faults.fuel_valve_stuck;
        let feed = self.feed_kg_s();
        vec![
            (Quantity::SteamPressure, Number(pressure)),
            (Quantity::SteamTemperature, Number(self.temperature_c)),
            (Quantity::SteamFlow, Number(self.steam_kg_s * 3600.0)),
            (Quantity::DrumLevel, Number(level)),
            (Quantity::FeedWaterTemperature, Number(FEED_WATER_C)),
            (Quantity::FeedWaterFlow, Number(feed * 3600.0)),
            (Quantity::ExhaustTemperature, Number(self.exhaust_c)),
            (Quantity::BurnerFiring, Bool(self.firing())),
            (Quantity::FlameDetected, Bool(self.flame)),
            (Quantity::FuelValveOpen, Bool(fuel)),
            (Quantity::FlameFailureAlarm, Bool(self.flame_alarm)),
            (Quantity::ExtremeLowWaterAlarm, Bool(low)),
            (Quantity::SuperHighWaterAlarm, Bool(high)),
            (Quantity::OverpressureAlarm, Bool(switch)),
            (Quantity::WaterHardnessAlarm, Bool(self.faults.hard_water)),
            (Quantity::SafetyValveOpen, Bool(self.safety_valve_open())),
            (Quantity::FeedPumpRunning, Bool(feed > 0.0)),
            (Quantity::InterlockTripped, Bool(self.tripped)),
        ]
    }

    /// Begins or ends a fault.
    ///
    /// # Errors
    /// When the fault is not one of a steam boiler.
    pub fn set_fault(&mut self, fault: &PlantFault, on: bool) -> Result<(), NotApplicable> {
        let faults = &mut self.faults;
        match fault {
            PlantFault::BurnerStuckOn => faults.burner_stuck_on = on,
            PlantFault::FlameFailure => faults.flame_failure = on,
            PlantFault::FuelValveStuckOpen => faults.fuel_valve_stuck = on,
            PlantFault::SafetyValveStuckShut => self.valves.iter_mut().for_each(|valve| valve.set_stuck(on)),
            PlantFault::LowWaterInterlockBypassed => faults.low_water_bypassed = on,
            PlantFault::OverpressureInterlockBypassed => faults.overpressure_bypassed = on,
            PlantFault::FeedPumpFailed => faults.feed_pump_failed = on,
            PlantFault::FeedValveStuckOpen => faults.feed_valve_stuck = on,
            PlantFault::BlowdownOpen => faults.blowdown_open = on,
            PlantFault::SteamDemandLost => faults.demand_lost = on,
            PlantFault::HardWater => faults.hard_water = on,
            PlantFault::LevelElectrodesContradict => faults.electrodes_contradict = on,
            PlantFault::PressureSwitchStuck => faults.switch_stuck = on,
            other => return Err(NotApplicable::new("steam boiler", other)),
        }
        Ok(())
    }
}

/// Temperature of saturated steam at a gauge pressure, °C.
fn saturation_c(gauge_mpa: f64) -> f64 {
    100.0 * ((gauge_mpa + ATMOSPHERE_MPA) / ATMOSPHERE_MPA).powf(0.25)
}

#[cfg(test)]
mod tests;
