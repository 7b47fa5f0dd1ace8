//! The Modbus RTU pressure transmitter sold under many names: holding registers 0x0002 unit, 0x0003 decimals, 0x0004
//! value. A technician can change unit and decimals on the spot, so all three are read together, every time.

use core::fmt;

use vigil_protocol::signal::transmitter::{FIRST_REGISTER, REGISTER_COUNT};
use vigil_protocol::signal::{TransmitterError, read_transmitter};
use vigil_protocol::vocabulary::{NoData, Unit};

use crate::modbus::{MAX_WORDS, Master, ModbusError, Request, RequestError, Table};
use crate::reading::{Reading, Value};
use crate::time::Uptime;

/// Holding registers. Source: two independent open drivers agree on these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Register {
    /// Unit code, 0–9.
    Unit = 0x0002,
    /// Decimals, 0–3.
    Decimals = 0x0003,
    /// int16.
    Value = 0x0004,
}

/// A failed reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error<E> {
    /// The slave address cannot be.
    Request(RequestError),
    /// The line failed; the block begins at this register.
    Modbus(Register, ModbusError<E>),
    /// What was read is not what such a transmitter holds: it is another part.
    Identity(Register, TransmitterError),
}

/// The block of unit, decimals and value.
///
/// # Errors
/// When `unit` cannot be asked.
pub const fn request(unit: u8) -> Result<Request, RequestError> {
    Request::new(unit, Table::Holding, FIRST_REGISTER, REGISTER_COUNT as u8)
}

/// The value in the unit the transmitter is set to.
///
/// # Errors
/// [`TransmitterError`], with the register that is wrong.
pub fn convert(words: &[u16]) -> Result<(f64, Unit), (Register, TransmitterError)> {
    read_transmitter(words).map_err(|error| {
        let register = match error {
            TransmitterError::TooFewWords(_) => Register::Value,
            TransmitterError::UnknownUnit(_) => Register::Unit,
            TransmitterError::BadDecimals(_) => Register::Decimals,
        };
        (register, error)
    })
}

/// The value in unit `to`; a transmitter set to a unit of something else is misconfigured.
#[must_use]
pub fn reading(words: &[u16], to: Unit) -> Reading {
    match convert(words) {
        Ok((value, from)) => match from.convert(value, to) {
            Some(value) => Reading::good(Value::Number(value)),
            None => Reading::NoData(NoData::Config),
        },
        Err(_) => Reading::NoData(NoData::Config),
    }
}

/// Reads the value and its unit.
///
/// # Errors
/// [`Error`]
pub async fn read<P, D>(
    master: &mut Master<P, D>,
    now: Uptime,
    unit: u8,
) -> Result<(f64, Unit), Error<P::Error>>
where
    P: embedded_io_async::Read + embedded_io_async::Write,
    D: embedded_hal_async::delay::DelayNs,
{
    let request = request(unit).map_err(Error::Request)?;
    let mut words = [0; MAX_WORDS];
    let words = master
        .read(now, &request, &mut words)
        .await
        .map_err(|error| Error::Modbus(Register::Unit, error))?;
    convert(words).map_err(|(register, error)| Error::Identity(register, error))
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => write!(f, "pressure transmitter: {error}"),
            Self::Modbus(register, error) => write!(f, "pressure transmitter register {register:?}: {error}"),
            Self::Identity(register, error) => {
                write!(f, "pressure transmitter register {register:?}: {error}")
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
