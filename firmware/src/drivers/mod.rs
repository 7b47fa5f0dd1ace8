//! The parts a node reads, one file each, all of one shape: `Register` (what the part has), `Error` (naming the
//! register), `convert` (pure), `identify` where the part can be recognised, `read`.
//!
//! To add a part: write its file, then a line in [`Source`]; the compiler lists the matches to complete (what it can
//! measure, on which bus, which block is read, how that becomes a reading, how the console writes it; and in the boards'
//! common package how a block is read off its bus).

pub mod ads1115;
pub mod lift_inputs;
pub mod nice3000;
pub mod pressure_transmitter;
pub mod remote_io;
pub mod rtc;
mod source;
pub mod temperature;

use core::fmt;

use embedded_hal::i2c::ErrorKind;
use vigil_protocol::vocabulary::NoData;

use crate::modbus::{ModbusError, Request};
pub use source::{Source, SourceError};

/// What is read in one go. Channels that need the same block share the reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Block {
    /// Modbus registers.
    Registers(Request),
    /// One input of an ADS1115.
    LoopCurrent {
        /// I2C address.
        address: u8,
        /// 0–3.
        input: u8,
    },
    /// An LM75-class sensor.
    Temperature {
        /// I2C address.
        address: u8,
    },
    /// All discrete inputs of the board.
    Inputs,
}

/// Where a block is read: blocks of one bus are read one after the other, buses side by side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bus {
    /// RS-485 line of this number, as in [`crate::provisioning::Settings::ports`].
    Rs485(u8),
    /// The I2C bus.
    I2c,
    /// The board's input pins.
    Pins,
}

/// What a block held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Raw<'w> {
    /// Register words, as many as asked for.
    Words(&'w [u16]),
    /// ADC counts.
    Counts(i16),
    /// Temperature register.
    Temperature(u16),
    /// One bit per input, [`lift_inputs::LiftSensor`] by position; 1 is a closed contact.
    Inputs(u32),
}

/// Why a block was not read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// No answer; at most noise.
    Silent,
    /// An answer that was damaged.
    Corrupt,
    /// Another slave answered.
    WrongUnit,
    /// The slave refused.
    Refused,
    /// Nobody acknowledged the I2C address.
    Nack,
    /// Not the part that should be there, or not set up as it should be.
    Identity,
    /// The bus itself failed.
    Bus,
    /// Not tried: a late reply may still come.
    NotTried,
}

/// A block that was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadFault {
    /// What happened.
    pub fault: Fault,
    /// At which register of the part.
    pub register: u16,
}

impl Fault {
    /// The reason a channel gives for having no value.
    #[must_use]
    pub const fn no_data(self) -> NoData {
        match self {
            Self::Silent | Self::Corrupt | Self::WrongUnit | Self::Bus | Self::NotTried => NoData::Comm,
            Self::Refused => NoData::Device,
            Self::Nack => NoData::NotConnected,
            Self::Identity => NoData::Config,
        }
    }

    /// One word, for counters and the console.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Corrupt => "corrupt",
            Self::WrongUnit => "wrong_unit",
            Self::Refused => "refused",
            Self::Nack => "nack",
            Self::Identity => "identity",
            Self::Bus => "bus",
            Self::NotTried => "not_tried",
        }
    }

    /// Of an I2C bus.
    pub(crate) fn of_i2c<E: embedded_hal::i2c::Error>(error: &E) -> Self {
        match error.kind() {
            ErrorKind::NoAcknowledge(_) => Self::Nack,
            _ => Self::Bus,
        }
    }
}

impl<E> From<&ModbusError<E>> for Fault {
    fn from(error: &ModbusError<E>) -> Self {
        match error {
            ModbusError::Silence | ModbusError::NoReply { .. } => Self::Silent,
            ModbusError::BadCrc => Self::Corrupt,
            ModbusError::WrongUnit(_) => Self::WrongUnit,
            ModbusError::Exception(_) => Self::Refused,
            ModbusError::Chatter | ModbusError::Port(_) => Self::Bus,
            ModbusError::Owing => Self::NotTried,
        }
    }
}

impl fmt::Display for ReadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading register {:#06x}: {}", self.register, self.fault.key())
    }
}

impl core::error::Error for ReadFault {}
