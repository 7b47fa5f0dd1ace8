//! I2C temperature sensors of the LM75 class: LM75, TMP105, TMP75. They have no identity register; a sensor in
//! shutdown would give its last value for ever, so the configuration is read with each value.

use core::fmt;

use embedded_hal_async::i2c::I2c;
use vigil_protocol::vocabulary::NoData;

use super::{Fault, ReadFault};
use crate::reading::{Reading, Value};

/// Registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Register {
    /// Two bytes, 1/256 °C, two's complement; 9 to 12 bits of it are used.
    Temperature = 0,
    /// One byte; bit 0 is shutdown.
    Config = 1,
}

/// A failed reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error<E> {
    /// The bus failed at this register.
    Bus(Register, E),
    /// The configuration is not that of a running sensor.
    NotRunning(u8),
}

const SHUTDOWN: u8 = 1;
/// What the parts are specified for, °C.
const RANGE: core::ops::RangeInclusive<f64> = -55.0..=128.0;

/// The temperature register.
///
/// # Errors
/// [`Error`]
pub async fn read<I: I2c>(i2c: &mut I, address: u8) -> Result<u16, Error<I::Error>> {
    let mut config = [0];
    get(i2c, address, Register::Config, &mut config).await?;
    let [config] = config;
    if config & SHUTDOWN != 0 {
        return Err(Error::NotRunning(config));
    }
    let mut bytes = [0; 2];
    get(i2c, address, Register::Temperature, &mut bytes).await?;
    Ok(u16::from_be_bytes(bytes))
}

/// Two transfers with a stop between them: some controllers know no repeated start.
async fn get<I: I2c>(
    i2c: &mut I,
    address: u8,
    register: Register,
    bytes: &mut [u8],
) -> Result<(), Error<I::Error>> {
    let bus = |error| Error::Bus(register, error);
    i2c.write(address, &[register as u8]).await.map_err(bus)?;
    i2c.read(address, bytes).await.map_err(bus)
}

/// °C; outside of what the part can measure it is broken.
#[must_use]
pub fn convert(register: u16) -> Reading {
    // The lowest four bits mean nothing on any of them.
    let celsius = f64::from((register & 0xfff0) as i16) / 256.0;
    if RANGE.contains(&celsius) {
        Reading::good(Value::Number(celsius))
    } else {
        Reading::NoData(NoData::Sensor)
    }
}

impl<E: embedded_hal::i2c::Error> From<Error<E>> for ReadFault {
    fn from(error: Error<E>) -> Self {
        let (fault, register) = match &error {
            Error::Bus(register, error) => (Fault::of_i2c(error), *register),
            Error::NotRunning(_) => (Fault::Identity, Register::Config),
        };
        ReadFault {
            fault,
            register: register as u16,
        }
    }
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bus(register, error) => write!(f, "temperature sensor register {register:?}: {error:?}"),
            Self::NotRunning(config) => {
                write!(
                    f,
                    "temperature sensor register Config: {config:#04x}, in shutdown"
                )
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
