//! ADS1115: four 4–20 mA loops over shunts. TI SBAS444 §8.1. The part has no identity register; the configuration is
//! read back instead.

use core::fmt;

use embedded_hal_async::delay::DelayNs;
use embedded_hal_async::i2c::I2c;
use vigil_protocol::signal::{CurrentLoop, Ne43};

use super::{Fault, ReadFault};
use crate::reading::Reading;

/// Registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Register {
    /// Result of the last conversion.
    Conversion = 0,
    /// Input, range, rate, and whether a conversion runs.
    Config = 1,
}

/// A failed reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error<E> {
    /// The bus failed at this register.
    Bus(Register, E),
    /// The configuration read back is not the one written.
    Config {
        /// Written.
        wrote: u16,
        /// Read back.
        read: u16,
    },
    /// The conversion did not end in time.
    Busy,
    /// There is no such input.
    NoInput(u8),
}

/// Conversion finished (read), start one (write).
const READY: u16 = 1 << 15;
/// ±4.096 V: 125 µV a count, 40 mA over 100 Ω, so that 21 mA is well inside.
const RANGE: u16 = 0b001 << 9;
/// One conversion, then sleep.
const SINGLE: u16 = 1 << 8;
/// 128 a second.
const RATE: u16 = 0b100 << 5;
/// The comparator is off.
const NO_COMPARATOR: u16 = 0b11;
/// 1/128 s, plus the 10 % the oscillator may be slow, plus waking up.
const CONVERSION_MS: u32 = 9;
const MICROVOLT_PER_COUNT: i64 = 125;

/// The configuration that starts a conversion of `input` against ground.
const fn config(input: u8) -> u16 {
    READY | ((0b100 | input as u16) << 12) | RANGE | SINGLE | RATE | NO_COMPARATOR
}

/// Converts `input` (0–3) once; raw counts.
///
/// # Errors
/// [`Error`]
pub async fn read<I: I2c, D: DelayNs>(
    i2c: &mut I,
    delay: &mut D,
    address: u8,
    input: u8,
) -> Result<i16, Error<I::Error>> {
    if input > 3 {
        return Err(Error::NoInput(input));
    }
    let wrote = config(input);
    let [high, low] = wrote.to_be_bytes();
    i2c.write(address, &[Register::Config as u8, high, low])
        .await
        .map_err(|error| Error::Bus(Register::Config, error))?;
    for _ in 0..3 {
        delay.delay_ms(CONVERSION_MS).await;
        let read = word(i2c, address, Register::Config).await?;
        if (read ^ wrote) & !READY != 0 {
            return Err(Error::Config { wrote, read });
        }
        if read & READY != 0 {
            return Ok(word(i2c, address, Register::Conversion).await? as i16);
        }
    }
    Err(Error::Busy)
}

/// Two transfers with a stop between them: some controllers know no repeated start.
async fn word<I: I2c>(i2c: &mut I, address: u8, register: Register) -> Result<u16, Error<I::Error>> {
    let mut bytes = [0; 2];
    let bus = |error| Error::Bus(register, error);
    i2c.write(address, &[register as u8]).await.map_err(bus)?;
    i2c.read(address, &mut bytes).await.map_err(bus)?;
    Ok(u16::from_be_bytes(bytes))
}

/// The loop current, µA, of a conversion over a shunt of `shunt_milliohm`; `None` for a shunt of 0.
#[must_use]
pub fn microamps(counts: i16, shunt_milliohm: u32) -> Option<i32> {
    if shunt_milliohm == 0 {
        return None;
    }
    let picovolt = i64::from(counts) * MICROVOLT_PER_COUNT * 1_000;
    i32::try_from(picovolt / i64::from(shunt_milliohm)).ok()
}

/// What a loop current stands for: `lo` at 4 mA, `hi` at 20 mA. Currents that NE 43 reserves for faults become
/// reasons, never values.
#[must_use]
pub fn convert(microamps: i32, lo: f64, hi: f64) -> Reading {
    let channel = CurrentLoop {
        lo,
        hi,
        limits: Ne43::DEFAULT,
    };
    channel.read(f64::from(microamps) / 1_000.0).into()
}

impl<E: embedded_hal::i2c::Error> From<Error<E>> for ReadFault {
    fn from(error: Error<E>) -> Self {
        let (fault, register) = match &error {
            Error::Bus(register, error) => (Fault::of_i2c(error), *register),
            Error::Config { .. } | Error::NoInput(_) => (Fault::Identity, Register::Config),
            Error::Busy => (Fault::Silent, Register::Config),
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
            Self::Bus(register, error) => write!(f, "ADS1115 register {register:?}: {error:?}"),
            Self::Config { wrote, read } => {
                write!(
                    f,
                    "ADS1115 register Config: wrote {wrote:#06x}, read back {read:#06x}"
                )
            }
            Self::Busy => f.write_str("ADS1115 register Config: the conversion does not end"),
            Self::NoInput(input) => write!(f, "ADS1115 has no input {input}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
