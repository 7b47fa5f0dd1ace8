//! The RS-485 pressure transmitter sold under many names. Its map: `vigil_protocol::signal::transmitter`; the other
//! registers from the same two open drivers (mpd380, esp32m), which agree.

use serde::Deserialize;
use vigil_protocol::signal::RegisterType;
use vigil_protocol::signal::transmitter::{FIRST_REGISTER, transmitter_unit};
use vigil_protocol::vocabulary::{Quantity, Unit};

use super::super::registers::Registers;
use super::{number, word};
use crate::simulation::Simulation;

/// Code of 9600 baud.
const BAUD_9600: u16 = 3;
/// Register of the offset added by the technician.
const OFFSET: u16 = 0x000c;
/// Most decimals the map knows.
const DECIMALS: u16 = 3;

/// A pressure transmitter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transmitter {
    /// Equipment it is screwed into.
    pub equipment: String,
    /// Which of its pressures.
    pub quantity: Quantity,
    /// Unit the technician has set.
    pub unit: String,
    /// Decimals the technician has set.
    pub decimals: u16,
}

impl Transmitter {
    pub(super) fn wires(&self) -> Vec<(&str, Quantity)> {
        vec![(&self.equipment, self.quantity)]
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.quantity.unit() != Unit::Megapascal {
            problems.push(format!("`{}` is no pressure", self.quantity.key()));
        }
        if self.unit_code().is_none() {
            let units = (0..).map_while(transmitter_unit).map(Unit::key);
            let units: Vec<&str> = units.filter(|unit| *unit != Unit::Milliampere.key()).collect();
            problems.push(format!(
                "a transmitter has no unit `{}`; there are {}",
                self.unit,
                units.join(", ")
            ));
        }
        if self.decimals > DECIMALS {
            problems.push(format!("a transmitter has at most {DECIMALS} decimals"));
        }
        problems
    }

    /// A sensor that shows no value has failed; these transmitters have no other word for it.
    pub(super) fn registers(&self, unit: u8, field: &Simulation) -> Option<Registers> {
        let (code, own) = self.unit_code()?;
        let word = |value: f64| {
            let shown = Unit::Megapascal.convert(value, own)?;
            Some(word(
                RegisterType::I16,
                shown,
                10_f64.powi(-i32::from(self.decimals)),
            ))
        };
        let value = word(number(field, &self.equipment, self.quantity)?)?;
        let (low, high) = field.span(&self.equipment, self.quantity)?;
        let block = [code, self.decimals, value, word(low)?, word(high)?];
        let mut holding: Vec<(u16, u16)> = vec![(0, unit.into()), (1, BAUD_9600), (OFFSET, 0)];
        holding.extend((FIRST_REGISTER..).zip(block));
        Some(Registers {
            holding: holding.into_iter().collect(),
            ..Registers::default()
        })
    }

    fn unit_code(&self) -> Option<(u16, Unit)> {
        let own = Unit::from_key(&self.unit).filter(|unit| *unit != Unit::Milliampere)?;
        (0..)
            .map_while(|code| transmitter_unit(code).map(|unit| (code, unit)))
            .find(|(_, unit)| *unit == own)
    }
}
