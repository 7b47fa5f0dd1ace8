//! Clock chips of the DS1307 family: DS1338, DS3231. They keep UTC. Their identity is the stopped-oscillator flag:
//! a clock that stood still knows nothing.

use core::fmt;

use embedded_hal_async::i2c::I2c;
use serde::{Deserialize, Serialize};
use vigil_protocol::time::UtcMillis;

use super::{Fault, ReadFault};
use crate::time::Civil;

/// I2C address of all of them.
pub const ADDRESS: u8 = 0x68;

/// Registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Register {
    /// BCD; bit 7 stops the DS1338.
    Seconds = 0x00,
    /// BCD.
    Minutes = 0x01,
    /// BCD; bit 6: twelve hours and bit 5 for pm.
    Hours = 0x02,
    /// 1–7, not used.
    Weekday = 0x03,
    /// BCD.
    Day = 0x04,
    /// BCD; bit 7: the next century (DS3231).
    Month = 0x05,
    /// BCD, from 2000.
    Year = 0x06,
    /// DS1338: bit 5 says that the oscillator stopped.
    Control = 0x07,
    /// DS3231: bit 7 says that the oscillator stopped.
    Status = 0x0f,
}

/// Which of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Part {
    /// DS1338.
    Ds1338,
    /// DS3231.
    Ds3231,
}

/// A failed reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error<E> {
    /// The bus failed at this register.
    Bus(Register, E),
    /// The oscillator stood still: set the clock.
    Stopped(Register),
    /// What the register holds is no time.
    NotTime(Register, u8),
    /// The time to be set is not in 2000–2099.
    Year(UtcMillis),
}

/// Bytes of the time.
const TIME: usize = 7;

impl Part {
    /// Where it says that its oscillator stopped, and the bit.
    const fn stopped(self) -> (Register, u8) {
        match self {
            Self::Ds1338 => (Register::Control, 1 << 5),
            Self::Ds3231 => (Register::Status, 1 << 7),
        }
    }
}

/// Reads the time.
///
/// # Errors
/// [`Error`]
pub async fn read<I: I2c>(i2c: &mut I, part: Part) -> Result<UtcMillis, Error<I::Error>> {
    let (flag, bit) = part.stopped();
    let mut status = [0];
    get(i2c, flag, &mut status).await?;
    if status[0] & bit != 0 {
        return Err(Error::Stopped(flag));
    }
    let mut bytes = [0; TIME];
    get(i2c, Register::Seconds, &mut bytes).await?;
    if bytes[0] & 0x80 != 0 {
        return Err(Error::Stopped(Register::Seconds));
    }
    convert(&bytes).map_err(|(register, byte)| Error::NotTime(register, byte))
}

/// Sets the time, then clears the flag that says it was lost.
///
/// # Errors
/// [`Error`]
pub async fn set<I: I2c>(i2c: &mut I, part: Part, utc: UtcMillis) -> Result<(), Error<I::Error>> {
    let civil = Civil::from_utc(utc)
        .filter(|civil| (2_000..2_100).contains(&civil.year))
        .ok_or(Error::Year(utc))?;
    let bytes = [
        Register::Seconds as u8,
        to_bcd(civil.second),
        to_bcd(civil.minute),
        to_bcd(civil.hour),
        1,
        to_bcd(civil.day),
        to_bcd(civil.month),
        to_bcd((civil.year - 2_000) as u8),
    ];
    i2c.write(ADDRESS, &bytes)
        .await
        .map_err(|error| Error::Bus(Register::Seconds, error))?;
    let (flag, bit) = part.stopped();
    let mut status = [0];
    get(i2c, flag, &mut status).await?;
    i2c.write(ADDRESS, &[flag as u8, status[0] & !bit])
        .await
        .map_err(|error| Error::Bus(flag, error))
}

/// Two transfers with a stop between them: some controllers know no repeated start.
async fn get<I: I2c>(i2c: &mut I, register: Register, bytes: &mut [u8]) -> Result<(), Error<I::Error>> {
    let bus = |error| Error::Bus(register, error);
    i2c.write(ADDRESS, &[register as u8]).await.map_err(bus)?;
    i2c.read(ADDRESS, bytes).await.map_err(bus)
}

/// The time in registers 0 to 6.
///
/// # Errors
/// The register that holds no time, and what it holds.
pub fn convert(bytes: &[u8; TIME]) -> Result<UtcMillis, (Register, u8)> {
    let &[seconds, minutes, hours, _, day, month, year] = bytes;
    let number = |register, byte: u8, mask: u8, range: core::ops::RangeInclusive<u8>| {
        let byte = byte & mask;
        let value = (byte >> 4) * 10 + (byte & 15);
        if byte & 15 > 9 || byte >> 4 > 9 || !range.contains(&value) {
            return Err((register, byte));
        }
        Ok(value)
    };
    let hour = if hours & 0x40 == 0 {
        number(Register::Hours, hours, 0x3f, 0..=23)?
    } else {
        let hour = number(Register::Hours, hours, 0x1f, 1..=12)?;
        hour % 12 + if hours & 0x20 == 0 { 0 } else { 12 }
    };
    let civil = Civil {
        year: 2_000
            + u16::from(number(Register::Year, year, 0xff, 0..=99)?)
            + if month & 0x80 == 0 { 0 } else { 100 },
        month: number(Register::Month, month, 0x1f, 1..=12)?,
        day: number(Register::Day, day, 0x3f, 1..=31)?,
        hour,
        minute: number(Register::Minutes, minutes, 0x7f, 0..=59)?,
        second: number(Register::Seconds, seconds, 0x7f, 0..=59)?,
    };
    civil.to_utc().ok_or((Register::Day, day))
}

const fn to_bcd(value: u8) -> u8 {
    ((value / 10) << 4) | (value % 10)
}

impl<E: embedded_hal::i2c::Error> From<Error<E>> for ReadFault {
    fn from(error: Error<E>) -> Self {
        let (fault, register) = match &error {
            Error::Bus(register, error) => (Fault::of_i2c(error), *register),
            Error::Stopped(register) | Error::NotTime(register, _) => (Fault::Identity, *register),
            Error::Year(_) => (Fault::Identity, Register::Year),
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
            Self::Bus(register, error) => write!(f, "clock register {register:?}: {error:?}"),
            Self::Stopped(register) => write!(f, "clock register {register:?}: the oscillator stood still"),
            Self::NotTime(register, byte) => write!(f, "clock register {register:?}: {byte:#04x} is no time"),
            Self::Year(utc) => write!(f, "clock: {} ms is not in 2000-2099", utc.0),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
