//! The Monarch NICE3000+ lift controller: every register of its monitoring map. Source of the map: ElevatorControl2,
//! `NICE3000+_State.json`. Its control words (0x4000, 0x6000–0x6004) can only be written, so they are not there.
//!
//! Terminals (0x1015–0x1017, 0x1020–0x1023) mean what each installation gives them, and calls (0x2000–0x201B) are not
//! modelled: they read 0.

use serde::Deserialize;
use vigil_protocol::signal::RegisterType;
use vigil_protocol::vocabulary::{CarDirection, Quantity, ServiceMode};

use super::super::registers::Registers;
use super::{number, state, word};
use crate::plant::{Plant, PlantValue, Scheme};
use crate::simulation::Simulation;
use crate::site::Site;

/// Number of the active fault.
pub(super) const FAULT: u16 = 0x8000;
/// Up, down or stopped.
const DIRECTION: u16 = 0x3000;
/// First registers and numbers of registers of the blocks that read 0 where nothing is said below.
const BLOCKS: [(u16, u16); 3] = [(0x1010, 20), (0x2000, 6), (0x2010, 12)];

/// What it can be asked for.
const QUANTITIES: [Quantity; 8] = [
    Quantity::ServiceMode,
    Quantity::CarMoving,
    Quantity::CarDirection,
    Quantity::CarPosition,
    Quantity::CarSpeed,
    Quantity::CarLoad,
    Quantity::DoorClosed,
    Quantity::FaultCode,
];

/// A lift controller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nice3000 {
    /// The lift it drives.
    pub equipment: String,
}

impl Nice3000 {
    pub(super) fn wires(&self) -> Vec<(&str, Quantity)> {
        let wires = QUANTITIES.iter();
        wires.map(|quantity| (&*self.equipment, *quantity)).collect()
    }

    pub(super) fn problems(&self, site: &Site) -> Vec<String> {
        let own = Scheme::Monarch.key();
        let equipment = site.find(&self.equipment);
        let scheme = equipment.and_then(|equipment| equipment.scheme.as_deref());
        if equipment.is_some() && scheme != Some(own) {
            return vec![format!(
                "the controller of `{}` needs the scheme `{own}`",
                self.equipment
            )];
        }
        Vec::new()
    }

    /// It fails when it is shown no lift.
    pub(super) fn registers(&self, field: &Simulation) -> Option<Registers> {
        let Plant::Lift(lift) = field.plant(&self.equipment)? else {
            return None;
        };
        let number = |quantity| number(field, &self.equipment, quantity);
        let state = |quantity| state(field, &self.equipment, quantity);
        let unsigned = |value: f64, scale| word(RegisterType::U16, value, scale);
        let speed = number(Quantity::CarSpeed)?;
        let rated = lift.rated_speed();
        let load = number(Quantity::CarLoad)?;
        let moving = state(Quantity::CarMoving)?;
        let closed = state(Quantity::DoorClosed)?;
        let locked = state(Quantity::DoorLocked)?;
        let powered = state(Quantity::PowerSupplyOk)?;
        let fault = fault(field.shown(&self.equipment, Quantity::FaultCode)?);
        let mode = number(Quantity::ServiceMode).and_then(|mode| ServiceMode::from_code(mode as i64));
        let direction = number(Quantity::CarDirection).and_then(|way| CarDirection::from_code(way as i64));
        let (full, over) = (load >= 80.0, load > 110.0);
        let zeros = BLOCKS
            .iter()
            .flat_map(|(first, count)| (0..*count).map(move |n| (first + n, 0)));
        let known = [
            (0x1010, unsigned(speed, 0.001)),
            (0x1011, unsigned(rated, 0.001)),
            (0x1012, if powered { 5_400 } else { 0 }),
            (
                0x1013,
                if moving {
                    unsigned(6.0 + 0.06 * load, 0.01)
                } else {
                    0
                },
            ),
            (0x1014, unsigned(50.0 * speed / rated, 0.01)),
            (
                0x1018,
                word(RegisterType::I16, number(Quantity::CarPosition)?, 1.0),
            ),
            (0x1019, unsigned(lift.position_m().max(0.0), 0.1)),
            (0x101a, unsigned(load, 0.1)),
            (0x101b, bits([(2, !closed), (4, closed), (6, full), (7, over)])),
            (0x101c, bits([(0, !closed), (2, locked), (13, over), (15, false)])),
            (
                0x101d,
                system(mode, fault) << 4 | car(moving, closed) << 8 | bits([(12, full), (13, over)]),
            ),
            (DIRECTION, way(direction)),
            (FAULT, fault),
        ];
        Some(Registers {
            holding: zeros.chain(known).collect(),
            ..Registers::default()
        })
    }
}

fn bits<const N: usize>(bits: [(u8, bool); N]) -> u16 {
    bits.iter()
        .fold(0, |word, (bit, on)| word | u16::from(*on) << bit)
}

/// The number behind the letter the controller displays; 0 when it displays none.
fn fault(code: &PlantValue) -> u16 {
    match code {
        PlantValue::Code(text) => text.trim_start_matches('E').parse().unwrap_or(0),
        PlantValue::Number(number) => *number as u16,
        PlantValue::Bool(_) | PlantValue::NoData(_) => 0,
    }
}

/// Bits 4–7 of the system status.
const fn system(mode: Option<ServiceMode>, fault: u16) -> u16 {
    match mode {
        Some(ServiceMode::Inspection) => 0,
        Some(ServiceMode::FireRecall) => 3,
        Some(ServiceMode::Firefighter) => 4,
        Some(ServiceMode::OutOfService) => 8,
        _ if fault != 0 => 5,
        _ => 7,
    }
}

/// Bits 8–11 of the system status: running, waiting with closed doors, holding them open.
const fn car(moving: bool, closed: bool) -> u16 {
    match (moving, closed) {
        (true, _) => 5,
        (false, true) => 0,
        (false, false) => 2,
    }
}

const fn way(direction: Option<CarDirection>) -> u16 {
    match direction {
        Some(CarDirection::Up) => 1,
        Some(CarDirection::Down) => 2,
        _ => 3,
    }
}
