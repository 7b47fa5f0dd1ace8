//! A Modbus RTU remote-I/O slave: current inputs and contacts as registers. Modules differ in where their registers
//! are and in what a count is worth; both are part of the channel.

use core::fmt;

use serde::{Deserialize, Serialize};
use vigil_protocol::vocabulary::{NoData, Unit};

use super::ads1115;
use crate::modbus::{MAX_WORDS, Master, ModbusError, Request, RequestError, Table};
use crate::reading::{Reading, Value};
use crate::time::Uptime;

/// One register of a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Register {
    /// Table.
    pub table: Table,
    /// Address in it.
    pub address: u16,
}

/// What the register holds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Signal {
    /// A loop current.
    Current {
        /// nA per count: 1000 where the module counts µA.
        nanoamps: u32,
        /// Value at 4 mA.
        lo: f64,
        /// Value at 20 mA.
        hi: f64,
        /// Unit of `lo` and `hi`.
        unit: Unit,
    },
    /// A contact: this bit, 1 closed.
    Contact(u8),
}

/// A failed reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error<E> {
    /// The register cannot be asked for.
    Request(Register, RequestError),
    /// The line failed at this register.
    Modbus(Register, ModbusError<E>),
}

/// The request for one register.
///
/// # Errors
/// When it cannot be asked for.
pub const fn request(unit: u8, register: Register) -> Result<Request, RequestError> {
    Request::new(unit, register.table, register.address, 1)
}

/// What the word stands for; analog values in unit `to`.
#[must_use]
pub fn convert(word: u16, signal: Signal, to: Unit) -> Reading {
    match signal {
        Signal::Contact(bit) if bit < 16 => Reading::good(Value::Flag(word >> bit & 1 == 1)),
        Signal::Contact(_) => Reading::NoData(NoData::Config),
        Signal::Current {
            nanoamps,
            lo,
            hi,
            unit,
        } => {
            let microamps = i64::from(word) * i64::from(nanoamps) / 1_000;
            let Ok(microamps) = i32::try_from(microamps) else {
                return Reading::NoData(NoData::Sensor);
            };
            in_unit(ads1115::convert(microamps, lo, hi), unit, to)
        }
    }
}

/// A number in another unit.
pub(super) fn in_unit(reading: Reading, from: Unit, to: Unit) -> Reading {
    match (reading, from.conversion(to)) {
        (Reading::Value { .. }, None) => Reading::NoData(NoData::Config),
        (reading, Some(conversion)) => reading.map(|value| match value {
            Value::Number(number) => Value::Number(conversion.apply(number)),
            other => other,
        }),
        (reading, None) => reading,
    }
}

/// Reads one register.
///
/// # Errors
/// [`Error`]
pub async fn read<P, D>(
    master: &mut Master<P, D>,
    now: Uptime,
    unit: u8,
    register: Register,
) -> Result<u16, Error<P::Error>>
where
    P: embedded_io_async::Read + embedded_io_async::Write,
    D: embedded_hal_async::delay::DelayNs,
{
    let request = request(unit, register).map_err(|error| Error::Request(register, error))?;
    let mut words = [0; MAX_WORDS];
    let words = master
        .read(now, &request, &mut words)
        .await
        .map_err(|error| Error::Modbus(register, error))?;
    words
        .first()
        .copied()
        .ok_or(Error::Modbus(register, ModbusError::NoReply { received: 0 }))
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(register, error) => write!(f, "remote I/O {register}: {error}"),
            Self::Modbus(register, error) => write!(f, "remote I/O {register}: {error}"),
        }
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = match self.table {
            Table::Holding => "holding",
            Table::Input => "input",
        };
        write!(f, "{table} register {:#06x}", self.address)
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
