//! The register map many RS-485 pressure transmitters sold in China share (two independent drivers agree):
//! holding registers 0x0002 unit, 0x0003 decimals, 0x0004 value (int16). A technician can change unit and
//! decimals in the field, so all three are read in one request, every time.

use core::fmt;

use super::register::{RegisterCodec, RegisterType};
use crate::vocabulary::Unit;

/// First register of the block to read.
pub const FIRST_REGISTER: u16 = 0x0002;
/// Registers in the block: unit, decimals, value.
pub const REGISTER_COUNT: u16 = 3;

/// Why the block holds no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransmitterError {
    /// Fewer than three words.
    TooFewWords(usize),
    /// A unit code outside 0–9.
    UnknownUnit(u16),
    /// More than three decimals.
    BadDecimals(u16),
}

impl fmt::Display for TransmitterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransmitterError::TooFewWords(have) => {
                write!(f, "the transmitter block takes 3 words, only {have} given")
            }
            TransmitterError::UnknownUnit(code) => {
                write!(f, "the transmitter reports unknown unit code {code}")
            }
            TransmitterError::BadDecimals(count) => {
                write!(f, "the transmitter reports {count} decimals, at most 3 exist")
            }
        }
    }
}

impl core::error::Error for TransmitterError {}

/// Unit of a unit code: 0 MPa, 1 kPa, 2 Pa, 3 bar, 4 mbar, 5 kgf/cm², 6 psi, 7 mH₂O, 8 mmH₂O, 9 mA.
pub const fn transmitter_unit(code: u16) -> Option<Unit> {
    Some(match code {
        0 => Unit::Megapascal,
        1 => Unit::Kilopascal,
        2 => Unit::Pascal,
        3 => Unit::Bar,
        4 => Unit::Millibar,
        5 => Unit::KgfPerCm2,
        6 => Unit::Psi,
        7 => Unit::MetreH2O,
        8 => Unit::MillimetreH2O,
        9 => Unit::Milliampere,
        _ => return None,
    })
}

/// Value and unit of the block `[unit, decimals, value]`.
pub fn read_transmitter(words: &[u16]) -> Result<(f64, Unit), TransmitterError> {
    let &[unit, decimals, value, ..] = words else {
        return Err(TransmitterError::TooFewWords(words.len()));
    };
    let unit = transmitter_unit(unit).ok_or(TransmitterError::UnknownUnit(unit))?;
    let scale = match decimals {
        0 => 1.0,
        1 => 0.1,
        2 => 0.01,
        3 => 0.001,
        _ => return Err(TransmitterError::BadDecimals(decimals)),
    };
    RegisterCodec::scaled(RegisterType::I16, scale)
        .decode(&[value])
        .map(|value| (value, unit))
        .map_err(|_| TransmitterError::TooFewWords(words.len()))
}
