//! Nameplate values: numbers in canonical units, by key.
//!
//! A value is a number in the key's unit or a string with a unit (`"1.0 MPa"`, `"16 kgf/cm2"`,
//! `"500 kPa abs"`). Keys beyond the known ones are allowed — rule packs may use their own — but one
//! that no rule uses is reported, because a misspelt key silently switches rules off.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Table, Value};
use crate::diagnostic::suggestion;
use crate::expr::saturation::ATMOSPHERE_MPA;
use std::collections::{BTreeMap, BTreeSet};
use vigil_protocol::vocabulary::{Dimension, PressureKind, Unit};

/// Known keys and their canonical units. All pressures are gauge.
pub const KNOWN: &[(&str, Unit)] = &[
    ("rated_pressure", Unit::Megapascal),
    ("design_pressure", Unit::Megapascal),
    ("operating_pressure_max", Unit::Megapascal),
    ("safety_valve_low", Unit::Megapascal),
    ("safety_valve_high", Unit::Megapascal),
    ("safety_valve_set", Unit::Megapascal),
    ("rated_steam_temperature", Unit::Celsius),
    ("rated_outlet_temperature", Unit::Celsius),
    ("design_temperature", Unit::Celsius),
    ("fluid_max_temperature", Unit::Celsius),
    ("low_water_alarm", Unit::Millimetre),
    ("low_water_limit", Unit::Millimetre),
    ("high_water_alarm", Unit::Millimetre),
    ("high_water_limit", Unit::Millimetre),
    ("rated_evaporation", Unit::KilogramPerHour),
    ("rated_flow", Unit::CubicMetrePerHour),
    // Megawatt: no unit of the vocabulary.
    ("rated_power", Unit::None_),
    // Cubic metre.
    ("volume", Unit::None_),
    ("rated_speed", Unit::MetrePerSecond),
    ("rated_load", Unit::Kilogram),
    ("floors", Unit::Count),
    ("stations", Unit::Count),
    ("travel_height", Unit::Metre),
    // Years.
    ("design_life", Unit::None_),
];

/// Keys whose value must be positive.
const POSITIVE: &[&str] = &[
    "rated_pressure",
    "design_pressure",
    "safety_valve_low",
    "safety_valve_high",
    "safety_valve_set",
];

/// (smaller, larger): each pair must be in this order, or rules would trip in normal operation.
const ORDER: &[(&str, &str)] = &[
    ("rated_pressure", "safety_valve_low"),
    ("safety_valve_low", "safety_valve_high"),
    ("safety_valve_set", "design_pressure"),
    ("operating_pressure_max", "design_pressure"),
    ("low_water_limit", "low_water_alarm"),
    ("low_water_alarm", "high_water_alarm"),
    ("high_water_alarm", "high_water_limit"),
];

/// Pairs of [`ORDER`] that may also be equal.
const MAY_BE_EQUAL: &[&str] = &["safety_valve_low", "safety_valve_set", "operating_pressure_max"];

/// Unit of a known key.
pub(super) fn unit_of(key: &str) -> Option<Unit> {
    KNOWN
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, unit)| *unit)
}

/// Reads a nameplate table into `values` (later ones win).
pub(super) fn read(table: &Table<'_, '_>, values: &mut BTreeMap<String, f64>) {
    for (key, value) in table.entries() {
        if let Some(number) = read_value(key, &value) {
            if POSITIVE.contains(&key) && number <= 0.0 {
                value.error(format!("`{key}` must be positive"), None);
                continue;
            }
            values.insert(key.to_owned(), number);
        }
    }
}

fn read_value(key: &str, value: &Value<'_, '_>) -> Option<f64> {
    if value.is_str() {
        read_measure(value, unit_of(key), PressureKind::Gauge)
    } else {
        value.number()
    }
}

/// A string of number and unit, in the unit `wanted` (or in the canonical unit of its dimension).
/// Pressures may say `abs` or `gauge`; the result is gauge.
pub(super) fn read_measure(
    value: &Value<'_, '_>,
    wanted: Option<Unit>,
    default: PressureKind,
) -> Option<f64> {
    let text = value.str()?.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .unwrap_or(text.len());
    let (digits, unit_text) = text.split_at(end);
    let Ok(number) = digits.parse::<f64>() else {
        value.error(
            format!("`{text}` is not a number with a unit"),
            Some("such as \"1.0 MPa\"".into()),
        );
        return None;
    };
    let unit_text = unit_text.trim();
    let Some((unit, kind)) = parse_unit(unit_text) else {
        let symbols = Unit::ALL.iter().map(|unit| unit.key());
        let help = suggestion(unit_text, symbols)
            .or_else(|| wanted.map(|unit| format!("such as \"{digits} {}\"", unit.key())));
        value.error(format!("`{unit_text}` is not a unit"), help);
        return None;
    };
    let wanted = wanted.unwrap_or_else(|| canonical(unit.dimension()));
    let Some(converted) = unit.convert(number, wanted) else {
        let message = format!(
            "`{}` is in {}, `{}` measures something else",
            value.key(),
            wanted.key(),
            unit.key()
        );
        value.error(message, Some(format!("give it in {}", wanted.key())));
        return None;
    };
    match (unit.dimension(), kind.unwrap_or(default)) {
        (Dimension::Pressure, PressureKind::Absolute) => {
            let atmosphere = Unit::Megapascal.convert(ATMOSPHERE_MPA, wanted)?;
            Some(converted - atmosphere)
        }
        (Dimension::Pressure, PressureKind::Differential | PressureKind::Vacuum) => {
            value.error(
                format!("`{}` must be a gauge or absolute pressure", value.key()),
                None,
            );
            None
        }
        _ => Some(converted),
    }
}

/// A unit, for pressures with the kind it states (`psig`, `MPa abs`).
pub(super) fn parse_unit(text: &str) -> Option<(Unit, Option<PressureKind>)> {
    let words = [
        ("abs", PressureKind::Absolute),
        ("gauge", PressureKind::Gauge),
        ("g", PressureKind::Gauge),
    ];
    for (word, kind) in words {
        if let Some(unit) = text
            .strip_suffix(word)
            .filter(|rest| rest.ends_with(' '))
            .and_then(Unit::parse)
        {
            return (unit.dimension() == Dimension::Pressure).then_some((unit, Some(kind)));
        }
    }
    PressureKind::parse_unit(text).or_else(|| Unit::parse(text).map(|unit| (unit, None)))
}

/// The unit values of a dimension are kept in when no key or quantity says.
fn canonical(dimension: Dimension) -> Unit {
    match dimension {
        Dimension::Pressure => Unit::Megapascal,
        Dimension::Temperature => Unit::Celsius,
        Dimension::Length => Unit::Millimetre,
        Dimension::Velocity => Unit::MetrePerSecond,
        Dimension::MassFlow => Unit::KilogramPerHour,
        Dimension::VolumeFlow => Unit::CubicMetrePerHour,
        Dimension::Ratio => Unit::Percent,
        Dimension::Current => Unit::Milliampere,
        Dimension::Voltage => Unit::Volt,
        Dimension::Time => Unit::Second,
        Dimension::Mass => Unit::Kilogram,
        Dimension::Count => Unit::Count,
        Dimension::None_ => Unit::None_,
    }
}

/// Values that contradict each other.
pub(super) fn check_order(table: &Table<'_, '_>, values: &BTreeMap<String, f64>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (smaller, larger) in ORDER {
        let (Some(low), Some(high)) = (values.get(*smaller), values.get(*larger)) else {
            continue;
        };
        let equal_allowed = MAY_BE_EQUAL.contains(smaller);
        if low > high || (!equal_allowed && low >= high) {
            let given = [*smaller, *larger]
                .into_iter()
                .find(|key| table.unknown_keys().contains(key));
            let place = table.key_place(given.unwrap_or(smaller));
            findings.push(
                place
                    .error(format!("`{smaller}` ({low}) must be below `{larger}` ({high})"))
                    .help("check the nameplate; rules derive their thresholds from it"),
            );
        }
    }
    findings
}

/// Keys nobody knows and no rule uses.
pub(super) fn check_keys(table: &Table<'_, '_>, used: &BTreeSet<&str>) -> Vec<Diagnostic> {
    let unknown = |key: &&str| unit_of(key).is_none() && !used.contains(key);
    let known = || KNOWN.iter().map(|(key, _)| *key).chain(used.iter().copied());
    table
        .entries()
        .into_iter()
        .map(|(key, _)| key)
        .filter(unknown)
        .map(|key| {
            table
                .key_place(key)
                .warning(format!("no rule uses the nameplate value `{key}`"))
                .maybe_help(suggestion(key, known()))
        })
        .collect()
}
