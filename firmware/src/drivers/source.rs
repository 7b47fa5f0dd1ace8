//! Where a channel is read.

use core::fmt;

use serde::{Deserialize, Serialize};
use vigil_protocol::vocabulary::{NoData, Quantity, QuantityKind, Unit};

use super::lift_inputs::LiftSensor;
use super::{Block, Bus, Raw, ads1115, lift_inputs, nice3000, pressure_transmitter, remote_io, temperature};
use crate::modbus::RequestError;
use crate::reading::{Reading, Value};

/// Where a channel is read: one line per part.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Source {
    /// A 4–20 mA loop on an ADS1115.
    CurrentLoop {
        /// I2C address, 0x48–0x4b.
        address: u8,
        /// 0–3.
        input: u8,
        /// Resistance the current flows through, mΩ.
        shunt_milliohm: u32,
        /// Value at 4 mA.
        lo: f64,
        /// Value at 20 mA.
        hi: f64,
        /// Unit of `lo` and `hi`.
        unit: Unit,
    },
    /// A Modbus RTU pressure transmitter.
    PressureTransmitter {
        /// RS-485 line.
        port: u8,
        /// Slave address.
        slave: u8,
    },
    /// A register of a Modbus RTU remote-I/O module.
    RemoteIo {
        /// RS-485 line.
        port: u8,
        /// Slave address.
        slave: u8,
        /// Which register.
        register: remote_io::Register,
        /// What it holds.
        signal: remote_io::Signal,
    },
    /// A Monarch NICE3000+ lift controller.
    Nice3000 {
        /// RS-485 line.
        port: u8,
        /// Slave address.
        slave: u8,
        /// What of it.
        point: nice3000::Point,
    },
    /// A contact on one of the board's inputs.
    LiftInput(LiftSensor),
    /// An I2C temperature sensor.
    Temperature {
        /// I2C address, 0x48–0x4f.
        address: u8,
    },
}

/// Why a source is not possible for a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceError {
    /// It measures something else.
    Quantity(Quantity),
    /// The unit does not measure that quantity.
    Unit(Unit),
    /// The Modbus request cannot be.
    Request(RequestError),
    /// A number out of range.
    Range(&'static str),
}

/// RS-485 lines of a node.
const PORTS: u8 = 2;

impl Source {
    /// The bus it is on.
    #[must_use]
    pub const fn bus(&self) -> Bus {
        match self {
            Self::CurrentLoop { .. } | Self::Temperature { .. } => Bus::I2c,
            Self::PressureTransmitter { port, .. }
            | Self::RemoteIo { port, .. }
            | Self::Nice3000 { port, .. } => Bus::Rs485(*port),
            Self::LiftInput(_) => Bus::Pins,
        }
    }

    /// What is read for it.
    ///
    /// # Errors
    /// When its Modbus request cannot be.
    pub const fn block(&self) -> Result<Block, RequestError> {
        let request = match self {
            Self::CurrentLoop { address, input, .. } => {
                return Ok(Block::LoopCurrent {
                    address: *address,
                    input: *input,
                });
            }
            Self::Temperature { address } => return Ok(Block::Temperature { address: *address }),
            Self::LiftInput(_) => return Ok(Block::Inputs),
            Self::PressureTransmitter { slave, .. } => pressure_transmitter::request(*slave),
            Self::RemoteIo { slave, register, .. } => remote_io::request(*slave, *register),
            Self::Nice3000 { slave, point, .. } => nice3000::request(*slave, *point),
        };
        match request {
            Ok(request) => Ok(Block::Registers(request)),
            Err(error) => Err(error),
        }
    }

    /// What the block says of `quantity`, in its canonical unit.
    #[must_use]
    pub fn convert(&self, raw: Raw<'_>, quantity: Quantity, inverted: bool) -> Reading {
        let to = quantity.unit();
        match (self, raw) {
            (
                Self::CurrentLoop {
                    shunt_milliohm,
                    lo,
                    hi,
                    unit,
                    ..
                },
                Raw::Counts(counts),
            ) => match ads1115::microamps(counts, *shunt_milliohm) {
                Some(current) => {
                    let reading = ads1115::convert(current, *lo, *hi);
                    remote_io::in_unit(reading, *unit, to)
                }
                None => Reading::NoData(NoData::Config),
            },
            (Self::PressureTransmitter { .. }, Raw::Words(words)) => pressure_transmitter::reading(words, to),
            (Self::RemoteIo { signal, .. }, Raw::Words([word, ..])) => remote_io::convert(*word, *signal, to)
                .map(|value| match value {
                    Value::Flag(state) => Value::Flag(state != inverted),
                    other => other,
                }),
            (Self::Nice3000 { point, .. }, Raw::Words(words)) => nice3000::convert(words, *point),
            (Self::LiftInput(sensor), Raw::Inputs(inputs)) => lift_inputs::convert(inputs, *sensor, inverted),
            (Self::Temperature { .. }, Raw::Temperature(register)) => temperature::convert(register),
            // A block that is not the source's own: nothing was read for it.
            (
                Self::CurrentLoop { .. }
                | Self::PressureTransmitter { .. }
                | Self::RemoteIo { .. }
                | Self::Nice3000 { .. }
                | Self::LiftInput(_)
                | Self::Temperature { .. },
                _,
            ) => Reading::NoData(NoData::Comm),
        }
    }

    /// Whether it can give `quantity`.
    ///
    /// # Errors
    /// [`SourceError`]
    pub fn check(&self, quantity: Quantity) -> Result<(), SourceError> {
        if let Bus::Rs485(PORTS..) = self.bus() {
            return Err(SourceError::Range("port"));
        }
        self.block().map_err(SourceError::Request)?;
        let is = |fits: bool| {
            if fits {
                Ok(())
            } else {
                Err(SourceError::Quantity(quantity))
            }
        };
        let analog = |lo: f64, hi: f64, unit: Unit| {
            is(quantity.kind() == QuantityKind::Analog)?;
            if !(lo.is_finite() && hi.is_finite()) || lo == hi {
                return Err(SourceError::Range("lo, hi"));
            }
            match unit.conversion(quantity.unit()) {
                Some(_) => Ok(()),
                None => Err(SourceError::Unit(unit)),
            }
        };
        match *self {
            Self::CurrentLoop { input: 4.., .. } => Err(SourceError::Range("input")),
            Self::CurrentLoop {
                shunt_milliohm: 0, ..
            } => Err(SourceError::Range("shunt")),
            Self::CurrentLoop { lo, hi, unit, .. } => analog(lo, hi, unit),
            Self::PressureTransmitter { .. } => is(Unit::Pascal.conversion(quantity.unit()).is_some()),
            Self::RemoteIo { signal, .. } => match signal {
                remote_io::Signal::Current { nanoamps: 0, .. } => Err(SourceError::Range("nanoamps")),
                remote_io::Signal::Current { lo, hi, unit, .. } => analog(lo, hi, unit),
                remote_io::Signal::Contact(16..) => Err(SourceError::Range("bit")),
                remote_io::Signal::Contact(_) => is(quantity.kind() == QuantityKind::Binary),
            },
            Self::Nice3000 { point, .. } => is(point.quantity() == quantity),
            Self::LiftInput(sensor) => is(sensor.quantity() == quantity),
            Self::Temperature { .. } => is(quantity.unit() == Unit::Celsius),
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity(quantity) => write!(f, "the source cannot measure {quantity}"),
            Self::Unit(unit) => write!(f, "the unit {unit} does not measure that quantity"),
            Self::Request(error) => error.fmt(f),
            Self::Range(what) => write!(f, "{what} out of range"),
        }
    }
}

impl core::error::Error for SourceError {}
