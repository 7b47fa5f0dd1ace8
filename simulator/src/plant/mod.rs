//! The equipment itself: step models that know nothing of wires, clocks or the gateway.
//!
//! Every model is a plain value: `step` moves it by some milliseconds, `readings` says what perfect sensors on it
//! would show. What the sensors and links make of that is [`crate::fault`]'s business.

mod boiler;
mod code;
mod fault;
mod hot_water;
mod lift;
mod value;
mod vessel;

pub use boiler::{SteamBoiler, SteamBoilerSpec, safety_valve_settings, safety_valve_tolerance};
pub use code::Scheme;
pub use fault::{NotApplicable, PlantFault};
pub use hot_water::{HotWaterBoiler, HotWaterBoilerSpec};
pub use lift::{Lift, LiftSpec};
pub use value::{PlantValue, Reading};
pub use vessel::{PressureVessel, PressureVesselSpec};

/// One piece of equipment of a simulated site.
#[derive(Clone, Debug)]
pub enum Plant {
    /// A traction passenger lift.
    Lift(Box<Lift>),
    /// A fire-tube steam boiler.
    SteamBoiler(Box<SteamBoiler>),
    /// A pressurized hot-water boiler.
    HotWaterBoiler(Box<HotWaterBoiler>),
    /// An autoclave-like vessel with a quick-opening door.
    PressureVessel(Box<PressureVessel>),
}

impl Plant {
    /// Moves the model by `dt_ms`.
    pub fn step(&mut self, dt_ms: u32) {
        match self {
            Self::Lift(lift) => lift.step(dt_ms),
            Self::SteamBoiler(boiler) => boiler.step(dt_ms),
            Self::HotWaterBoiler(boiler) => boiler.step(dt_ms),
            Self::PressureVessel(vessel) => vessel.step(dt_ms),
        }
    }

    /// What perfect sensors would show now, in a fixed order, in the canonical unit of each quantity.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        match self {
            Self::Lift(lift) => lift.readings(),
            Self::SteamBoiler(boiler) => boiler.readings(),
            Self::HotWaterBoiler(boiler) => boiler.readings(),
            Self::PressureVessel(vessel) => vessel.readings(),
        }
    }

    /// Begins (`on`) or ends a fault of the equipment.
    ///
    /// # Errors
    /// When this kind of equipment cannot have that fault.
    pub fn set_fault(&mut self, fault: &PlantFault, on: bool) -> Result<(), NotApplicable> {
        match self {
            Self::Lift(lift) => lift.set_fault(fault, on),
            Self::SteamBoiler(boiler) => boiler.set_fault(fault, on),
            Self::HotWaterBoiler(boiler) => boiler.set_fault(fault, on),
            Self::PressureVessel(vessel) => vessel.set_fault(fault, on),
        }
    }

    /// Class name used in scenario files and messages.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Lift(_) => "lift",
            Self::SteamBoiler(_) => "steam_boiler",
            Self::HotWaterBoiler(_) => "hot_water_boiler",
            Self::PressureVessel(_) => "pressure_vessel",
        }
    }
}
