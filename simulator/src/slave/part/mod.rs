//! The parts a slave can be: what each reads from the equipment, and what its registers hold then.

mod nice3000;
mod remote_io;
mod transmitter;

use serde::Deserialize;
use vigil_protocol::signal::{RegisterCodec, RegisterType};
use vigil_protocol::vocabulary::Quantity;

use super::registers::Registers;
use crate::plant::PlantValue;
use crate::simulation::Simulation;
use crate::site::Site;
pub use nice3000::Nice3000;
pub use remote_io::{Contact, CurrentChannel, RemoteIo};
pub use transmitter::Transmitter;

/// What a slave is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Part {
    /// A pressure transmitter.
    PressureTransmitter(Transmitter),
    /// A remote-I/O module.
    RemoteIo(RemoteIo),
    /// A Monarch NICE3000+ lift controller.
    Nice3000(Nice3000),
}

impl Part {
    /// The word for it in scenario files and reports.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::PressureTransmitter(_) => "pressure_transmitter",
            Self::RemoteIo(_) => "remote_io",
            Self::Nice3000(_) => "nice3000",
        }
    }

    /// What it reads, and on which equipment.
    #[must_use]
    pub fn wires(&self) -> Vec<(&str, Quantity)> {
        match self {
            Self::PressureTransmitter(part) => part.wires(),
            Self::RemoteIo(part) => part.wires(),
            Self::Nice3000(part) => part.wires(),
        }
    }

    /// What its registers hold now; none when it has failed.
    #[must_use]
    pub fn registers(&self, unit: u8, field: &Simulation) -> Option<Registers> {
        match self {
            Self::PressureTransmitter(part) => part.registers(unit, field),
            Self::RemoteIo(part) => Some(part.registers(field)),
            Self::Nice3000(part) => part.registers(field),
        }
    }

    /// The register whose changes are worth a line in the log: the fault code, the contacts.
    #[must_use]
    pub fn watched(&self, registers: &Registers) -> Option<(u16, u16)> {
        let (table, address) = match self {
            Self::PressureTransmitter(_) => return None,
            Self::RemoteIo(_) => (&registers.input, remote_io::CONTACTS),
            Self::Nice3000(_) => (&registers.holding, nice3000::FAULT),
        };
        table.get(&address).map(|word| (address, *word))
    }

    /// What is wrong with it on this site.
    #[must_use]
    pub fn problems(&self, site: &Site) -> Vec<String> {
        match self {
            Self::PressureTransmitter(part) => part.problems(),
            Self::RemoteIo(part) => part.problems(site),
            Self::Nice3000(part) => part.problems(site),
        }
    }
}

/// A value as one word, `scale` a count, held at the end of its range when it is beyond it.
fn word(kind: RegisterType, value: f64, scale: f64) -> u16 {
    let (low, high) = match kind {
        RegisterType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        _ => (0.0, f64::from(u16::MAX)),
    };
    let mut words = [0];
    let held = value.clamp(low * scale, high * scale);
    // A finite value within the range is always encoded.
    match RegisterCodec::scaled(kind, scale).encode(held, &mut words) {
        Ok(_) | Err(_) => words[0],
    }
}

/// The number an instrument shows.
fn number(field: &Simulation, equipment: &str, quantity: Quantity) -> Option<f64> {
    field.shown(equipment, quantity).and_then(PlantValue::number)
}

/// What a contact shows; none when its instrument shows nothing.
fn state(field: &Simulation, equipment: &str, quantity: Quantity) -> Option<bool> {
    match field.shown(equipment, quantity)? {
        PlantValue::Bool(state) => Some(*state),
        PlantValue::Number(number) => Some(*number != 0.0),
        PlantValue::Code(_) | PlantValue::NoData(_) => None,
    }
}

#[cfg(test)]
mod tests;
