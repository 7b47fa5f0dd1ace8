//! A remote-I/O module: sixteen contacts and eight 4–20 mA inputs as input registers. There is no common map for such
//! modules; this one is the simulator's own.
//!
//! | input register | holds |
//! |---|---|
//! | 0x0000 | contact n in bit n, 1 closed |
//! | 0x0001–0x0008 | current of channel 0–7, µA; 0 where nothing is connected |

use serde::Deserialize;
use vigil_protocol::signal::RegisterType;
use vigil_protocol::vocabulary::{Quantity, QuantityKind};

use super::super::registers::Registers;
use super::{state, word};
use crate::simulation::Simulation;
use crate::site::Site;

/// Register of the contacts.
pub(super) const CONTACTS: u16 = 0;
/// Register of the first current.
const FIRST_CURRENT: u16 = 1;
const INPUTS: u8 = 16;
const CHANNELS: u8 = 8;

/// A remote-I/O module.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteIo {
    /// What is wired to its contacts.
    #[serde(default)]
    pub contact: Vec<Contact>,
    /// What is wired to its current inputs.
    #[serde(default)]
    pub current: Vec<CurrentChannel>,
}

/// A contact.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Input, 0–15.
    pub input: u8,
    /// Equipment.
    pub equipment: String,
    /// What it senses.
    pub quantity: Quantity,
    /// It opens when the state is true.
    #[serde(default)]
    pub inverted: bool,
}

/// A 4–20 mA input. What the current stands for is the equipment's [`crate::site::SiteEquipment::span`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentChannel {
    /// Input, 0–7.
    pub channel: u8,
    /// Equipment.
    pub equipment: String,
    /// What its transmitter measures.
    pub quantity: Quantity,
}

impl RemoteIo {
    pub(super) fn wires(&self) -> Vec<(&str, Quantity)> {
        let contacts = self
            .contact
            .iter()
            .map(|contact| (&*contact.equipment, contact.quantity));
        let currents = self
            .current
            .iter()
            .map(|channel| (&*channel.equipment, channel.quantity));
        contacts.chain(currents).collect()
    }

    pub(super) fn problems(&self, site: &Site) -> Vec<String> {
        let mut problems = Vec::new();
        let mut inputs: Vec<u8> = self.contact.iter().map(|contact| contact.input).collect();
        let mut channels: Vec<u8> = self.current.iter().map(|channel| channel.channel).collect();
        for (name, numbers, count) in [
            ("input", &mut inputs, INPUTS),
            ("channel", &mut channels, CHANNELS),
        ] {
            numbers.sort_unstable();
            for pair in numbers.windows(2).filter(|pair| pair[0] == pair[1]) {
                problems.push(format!("{name} {} is wired twice", pair[0]));
            }
            if numbers.last().is_some_and(|last| *last >= count) {
                problems.push(format!("the last {name} is {}", count - 1));
            }
        }
        for contact in &self.contact {
            if contact.quantity.kind() != QuantityKind::Binary {
                problems.push(format!("`{}` is no contact", contact.quantity.key()));
            }
        }
        for channel in &self.current {
            let equipment = site.find(&channel.equipment);
            if equipment.is_some_and(|equipment| equipment.span(channel.quantity).is_none()) {
                problems.push(format!("`{}` has no span for 4–20 mA", channel.quantity.key()));
            }
        }
        problems
    }

    pub(super) fn registers(&self, field: &Simulation) -> Registers {
        let mut contacts = 0;
        for contact in &self.contact {
            // A contact whose wire is broken is open, whatever it senses.
            let closed =
                state(field, &contact.equipment, contact.quantity).is_some_and(|on| on != contact.inverted);
            contacts |= u16::from(closed) << contact.input;
        }
        let mut input: Vec<(u16, u16)> = (FIRST_CURRENT..)
            .zip(std::iter::repeat_n(0, CHANNELS.into()))
            .collect();
        for channel in &self.current {
            let milliampere = field
                .loop_current(&channel.equipment, channel.quantity)
                .unwrap_or(0.0);
            if let Some((_, current)) = input.get_mut(usize::from(channel.channel)) {
                *current = word(RegisterType::U16, milliampere, 0.001);
            }
        }
        input.push((CONTACTS, contacts));
        Registers {
            input: input.into_iter().collect(),
            ..Registers::default()
        }
    }
}
