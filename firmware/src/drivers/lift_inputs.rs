//! The discrete inputs of a lift: dry contacts on the board's input pins.

use core::fmt;

use embedded_hal::digital::InputPin;
use serde::{Deserialize, Serialize};
use vigil_protocol::vocabulary::{Quantity, ServiceMode};

use super::{Fault, ReadFault};
use crate::reading::{Reading, Value};

/// What is wired to an input: the "register" of this part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum LiftSensor {
    /// Safety circuit; closed is safe.
    SafetyCircuit,
    /// Door-lock circuit; closed is locked.
    DoorLock,
    /// Door zone; closed inside.
    DoorZone,
    /// Inspection switch; closed in inspection.
    Inspection,
    /// Alarm button; closed when pressed.
    AlarmButton,
    /// Presence detector; closed when somebody is in the car.
    Presence,
}

/// A pin that could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error<E> {
    /// Which.
    pub sensor: LiftSensor,
    /// Why.
    pub error: E,
}

impl LiftSensor {
    /// Every sensor, in the order of the inputs.
    pub const ALL: [Self; 6] = [
        Self::SafetyCircuit,
        Self::DoorLock,
        Self::DoorZone,
        Self::Inspection,
        Self::AlarmButton,
        Self::Presence,
    ];

    /// Its name on the console.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::SafetyCircuit => "safety",
            Self::DoorLock => "lock",
            Self::DoorZone => "zone",
            Self::Inspection => "inspection",
            Self::AlarmButton => "alarm",
            Self::Presence => "presence",
        }
    }

    /// The quantity it is.
    #[must_use]
    pub const fn quantity(self) -> Quantity {
        match self {
            Self::SafetyCircuit => Quantity::SafetyCircuitClosed,
            Self::DoorLock => Quantity::DoorLocked,
            Self::DoorZone => Quantity::DoorZone,
            Self::Inspection => Quantity::ServiceMode,
            Self::AlarmButton => Quantity::AlarmButton,
            Self::Presence => Quantity::PassengerPresent,
        }
    }
}

/// Reads all inputs, in the order of [`LiftSensor::ALL`]; one bit each, 1 closed. `active_low`: a closed contact pulls
/// its pin low.
///
/// # Errors
/// [`Error`] names the input.
pub fn read<P: InputPin>(
    pins: &mut [P; LiftSensor::ALL.len()],
    active_low: bool,
) -> Result<u32, Error<P::Error>> {
    let mut bits = 0;
    for (sensor, pin) in LiftSensor::ALL.into_iter().zip(pins) {
        let high = pin.is_high().map_err(|error| Error { sensor, error })?;
        bits |= u32::from(high != active_low) << sensor as u8;
    }
    Ok(bits)
}

/// What the contact of `sensor` says. `inverted`: it is wired to open when the state is true.
#[must_use]
pub fn convert(inputs: u32, sensor: LiftSensor, inverted: bool) -> Reading {
    let state = (inputs >> sensor as u8 & 1 == 1) != inverted;
    Reading::good(match sensor {
        LiftSensor::Inspection => {
            let mode = if state {
                ServiceMode::Inspection
            } else {
                ServiceMode::Normal
            };
            Value::Code(mode.code().into())
        }
        _ => Value::Flag(state),
    })
}

impl<E> From<Error<E>> for ReadFault {
    fn from(error: Error<E>) -> Self {
        ReadFault {
            fault: Fault::Bus,
            register: error.sensor as u16,
        }
    }
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input {:?}: {:?}", self.sensor, self.error)
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
