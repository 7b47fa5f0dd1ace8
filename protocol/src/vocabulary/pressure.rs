//! Pressure kinds. Nameplates and safety valves speak gauge pressure, some transmitters absolute; the same
//! number means different things, so unlike kinds are never compared, and only gauge ↔ absolute converts,
//! through an atmospheric pressure somebody states.

use core::cmp::Ordering;
use core::fmt;

use super::unit::{Dimension, Unit};

keyed_enum! {
    /// What a pressure is measured against.
    pub enum PressureKind {
        Gauge        "gauge"        "表压"   "gauge";
        Absolute     "absolute"     "绝对压力" "absolute";
        Differential "differential" "差压"   "differential";
        Vacuum       "vacuum"       "真空度"  "vacuum";
    }
}

/// Local atmospheric pressure in pascal: between 30 kPa (above any inhabited place) and 110 kPa.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Atmosphere(f64);

/// A pressure that knows what it is measured against.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pressure {
    /// In `unit`.
    pub value: f64,
    /// A unit of pressure.
    pub unit: Unit,
    /// What it is measured against.
    pub kind: PressureKind,
}

/// What cannot be done with two pressures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PressureError {
    /// Tried to compare pressures of unlike kinds.
    CompareKinds(PressureKind, PressureKind),
    /// Tried to convert between kinds that no atmospheric pressure relates.
    ConvertKinds(PressureKind, PressureKind),
    /// The unit does not measure pressure.
    NotPressure(Unit),
    /// The value is not a number.
    NotFinite,
}

impl fmt::Display for PressureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PressureError::CompareKinds(a, b) => write!(f, "cannot compare {a} pressure with {b} pressure"),
            PressureError::ConvertKinds(from, to) => {
                write!(
                    f,
                    "cannot convert {from} pressure to {to}: only gauge and absolute convert"
                )
            }
            PressureError::NotPressure(unit) => write!(f, "`{}` is not a unit of pressure", unit.key()),
            PressureError::NotFinite => f.write_str("the pressure is not a finite number"),
        }
    }
}

impl core::error::Error for PressureError {}

impl Atmosphere {
    /// 101 325 Pa (ISO 2533). At altitude use the local value: about 1 % less per 85 m.
    pub const STANDARD: Atmosphere = Atmosphere(101_325.0);

    /// `None` unless `pascal` lies in 30 000..=110 000: a wrong unit must not pass.
    pub const fn from_pascal(pascal: f64) -> Option<Atmosphere> {
        if pascal >= 30_000.0 && pascal <= 110_000.0 {
            Some(Atmosphere(pascal))
        } else {
            None
        }
    }

    /// In pascal.
    pub const fn pascal(self) -> f64 {
        self.0
    }
}

impl PressureKind {
    /// A unit together with the kind written into it: `psig`, `psia`, `MPa(g)`, `kPa (abs)`, `barA`, `MPa(表压)`.
    /// The kind is `None` when the text does not state one; the whole is `None` when it is no unit of pressure.
    pub fn parse_unit(text: &str) -> Option<(Unit, Option<PressureKind>)> {
        const SUFFIXES: &[(&str, PressureKind)] = &[
            ("(g)", PressureKind::Gauge),
            ("(gauge)", PressureKind::Gauge),
            ("（表压）", PressureKind::Gauge),
            ("(表压)", PressureKind::Gauge),
            ("(abs)", PressureKind::Absolute),
            ("(a)", PressureKind::Absolute),
            ("（绝压）", PressureKind::Absolute),
            ("(绝压)", PressureKind::Absolute),
            ("(d)", PressureKind::Differential),
            ("(diff)", PressureKind::Differential),
            ("g", PressureKind::Gauge),
            ("abs", PressureKind::Absolute),
            ("a", PressureKind::Absolute),
            ("d", PressureKind::Differential),
        ];
        let text = text.trim();
        let pressure = |unit: &Unit| unit.dimension() == Dimension::Pressure;
        if let Some(unit) = Unit::parse(text).filter(pressure) {
            return Some((unit, None));
        }
        SUFFIXES.iter().find_map(|&(suffix, kind)| {
            let at = text.len().checked_sub(suffix.len())?;
            let tail = text.get(at..)?;
            let unit = text
                .get(..at)
                .filter(|_| tail.eq_ignore_ascii_case(suffix))
                .and_then(Unit::parse)?;
            Some((unit, Some(kind))).filter(|_| pressure(&unit))
        })
    }
}

impl Pressure {
    /// A finite pressure in a unit of pressure.
    pub fn new(value: f64, unit: Unit, kind: PressureKind) -> Result<Pressure, PressureError> {
        if unit.dimension() != Dimension::Pressure {
            return Err(PressureError::NotPressure(unit));
        }
        if !value.is_finite() {
            return Err(PressureError::NotFinite);
        }
        Ok(Pressure { value, unit, kind })
    }

    /// The same pressure in another unit of pressure.
    pub fn to_unit(self, unit: Unit) -> Result<Pressure, PressureError> {
        let value = self
            .unit
            .convert(self.value, unit)
            .ok_or(PressureError::NotPressure(unit))?;
        Pressure::new(value, unit, self.kind)
    }

    /// The same pressure measured against something else. Gauge ↔ absolute only: a vacuum reading may mean depth
    /// below atmosphere or residual absolute pressure, and a difference has no reference.
    pub fn to_kind(self, kind: PressureKind, atmosphere: Atmosphere) -> Result<Pressure, PressureError> {
        let shift = Unit::Pascal
            .convert(atmosphere.pascal(), self.unit)
            .ok_or(PressureError::NotPressure(self.unit))?;
        let value = match (self.kind, kind) {
            (from, to) if from == to => self.value,
            (PressureKind::Gauge, PressureKind::Absolute) => self.value + shift,
            (PressureKind::Absolute, PressureKind::Gauge) => self.value - shift,
            (from, to) => return Err(PressureError::ConvertKinds(from, to)),
        };
        Pressure::new(value, self.unit, kind)
    }

    /// Which is higher; refuses unlike kinds.
    pub fn compare(self, other: Pressure) -> Result<Ordering, PressureError> {
        if self.kind != other.kind {
            return Err(PressureError::CompareKinds(self.kind, other.kind));
        }
        let other = other.to_unit(self.unit)?;
        self.value
            .partial_cmp(&other.value)
            .ok_or(PressureError::NotFinite)
    }
}
