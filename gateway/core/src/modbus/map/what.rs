//! How a `[[value]]` is read out of its registers: bits, states, faults, numbers.

use super::canonical::{ORDERS, TYPES};
use super::value::Defaults;
use super::{Function, NoValue, State, UnitFrom, What, unit};
use crate::diagnostic::document::{Table, Value};
use vigil_protocol::signal::{RegisterCodec, RegisterType, WordOrder};
use vigil_protocol::vocabulary::{NoData, PressureKind, Quantity, Unit};

/// What of its registers a value is: a bit, states, faults, or a number.
pub(super) fn read_what(
    table: &Table<'_, '_>,
    defaults: &Defaults,
    function: Option<Function>,
    quantity: Option<Quantity>,
) -> Option<What> {
    let invert = table.get("invert");
    let inverted = invert.as_ref().and_then(|v| v.bool()).unwrap_or(false);
    let (bit, bits, kind) = (table.get("bit"), table.get("bits"), table.get("type"));
    let faults = table.get("faults");
    let order = table.get("order");
    let is_bits = function.is_some_and(Function::is_bits);
    if let (Some(order), Some(what)) = (
        &order,
        is_bits
            .then_some("a coil or input")
            .or_else(|| bit.as_ref().map(|_| "a bit")),
    ) {
        order.error(
            format!("{what} has no byte order"),
            Some("leave `order` out".into()),
        );
    }
    if is_bits {
        for value in [&bit, &bits, &faults].into_iter().flatten() {
            value.error(
                format!("`{}` is for registers: a coil or input is one bit", value.key()),
                None,
            );
        }
        if let Some(kind) = &kind {
            is_word(kind, "bit");
        }
        return Some(What::Bit {
            bit: 0,
            invert: inverted,
        });
    }
    if let Some(bit) = bit {
        if let Some(kind) = &kind {
            is_word(kind, "bit");
        }
        let bit = bit.whole(0..=15)?;
        return Some(What::Bit {
            bit: bit as u8,
            invert: inverted,
        });
    }
    if let Some(invert) = invert {
        invert.error("`invert` is for bits", None);
    }
    if let Some(faults) = faults {
        return Some(What::Faults {
            bits: read_faults(&faults)?,
        });
    }
    let codec = read_codec(table, defaults, kind, bits, order);
    let states = table.get("states");
    if let Some(states) = states {
        let states = read_states(&states);
        return Some(What::States {
            codec: codec?,
            states: states?,
        });
    }
    let no_data = match table.get("no_data") {
        Some(value) => read_no_data(&value),
        None => Some(Vec::new()),
    };
    let unit_from = table.get("unit_from");
    if let (Some(unit_from), true) = (&unit_from, table.has("unit")) {
        unit_from.error(
            "`unit` and `unit_from` contradict each other",
            Some("one of them".into()),
        );
    }
    let unit_from = unit_from.map(|v| read_unit_from(&v, quantity));
    let decimals = table
        .get("decimals_from")
        .map(|v| read_beside(&v, "decimals_from"));
    let number = What::Number {
        codec: codec?,
        no_data: no_data?,
        unit_from: unit_from.map_or(Some(None), |from| from.map(Some))?,
        decimals_from: decimals.map_or(Some(None), |from| from.map(Some))?,
    };
    Some(number)
}

/// A type that says again what another key has said, or a finding.
fn is_word(value: &Value<'_, '_>, word: &'static str) {
    let _said = value.choice(&[(word, ())]);
}

fn read_codec(
    table: &Table<'_, '_>,
    defaults: &Defaults,
    kind: Option<Value<'_, '_>>,
    bits: Option<Value<'_, '_>>,
    order: Option<Value<'_, '_>>,
) -> Option<RegisterCodec> {
    let kind = match (bits, kind) {
        (Some(bits), kind) => {
            if let Some(kind) = kind {
                is_word(&kind, "bits");
            }
            read_bits(&bits)
        }
        (None, Some(kind)) => kind.choice(TYPES),
        (None, None) => {
            let help = "u16, i16, u32, i32, u64, i64, f32, f64 or bcd16; or `bit`, or `bits`";
            table.error("`type` is missing in a value", Some(help.into()));
            None
        }
    };
    let given = order.as_ref().and_then(|v| v.choice(ORDERS));
    let scale = match table.get("scale") {
        Some(value) => value.number().filter(|scale| {
            if *scale == 0.0 {
                value.error("`scale` must not be 0", Some("what one count is worth".into()));
            }
            *scale != 0.0
        }),
        None => Some(1.0),
    };
    let offset = table.get("offset").map_or(Some(0.0), |v| v.number());
    let registers = table.get("registers");
    let kind = kind?;
    if let Some(registers) = &registers
        && let Some(count) = registers.whole(1..=4)
        && kind.words() as i64 > count
    {
        let message = format!("the type takes {} registers, the value has {count}", kind.words());
        registers.error(message, None);
    }
    let order = match (given, &order) {
        (Some(given), Some(value)) => {
            if kind.words() == 1 && matches!(given, WordOrder::LittleEndian | WordOrder::WordSwap) {
                let help =
                    "`big_endian`, or `byte_swap` if the bytes of the register are the wrong way round";
                value.error("one register has no word order", Some(help.into()));
            }
            given
        }
        // What holds for the whole file is about words: one register is none the wiser.
        _ if kind.words() == 1 => WordOrder::BigEndian,
        _ => defaults.order.unwrap_or_default(),
    };
    Some(RegisterCodec {
        kind,
        order,
        scale: scale?,
        offset: offset?,
    })
}

/// `"4-7"`: the bits of a register from the lowest to the highest.
fn read_bits(value: &Value<'_, '_>) -> Option<RegisterType> {
    let text = value.str()?;
    let ends = text.split_once('-').and_then(|(low, high)| {
        let (low, high) = (low.trim().parse::<u8>().ok()?, high.trim().parse::<u8>().ok()?);
        (low <= high && high <= 15).then_some((low, high))
    });
    let Some((start, high)) = ends else {
        let help = "the lowest and the highest bit, such as \"4-7\"; bit 0 is the least significant";
        value.error(
            format!("`{text}` does not name bits of a register"),
            Some(help.into()),
        );
        return None;
    };
    Some(RegisterType::Bits {
        start,
        len: high - start + 1,
    })
}

/// A number written as a key: decimal or hexadecimal.
fn read_key(value: &Value<'_, '_>) -> Option<i64> {
    let text = value.key();
    let number = match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    if number.is_none() {
        value.error(
            format!("`{text}` is not a whole number"),
            Some("such as \"7\" or \"0x7\"".into()),
        );
    }
    number
}

pub(super) fn read_bit_key(value: &Value<'_, '_>) -> Option<u8> {
    let number = read_key(value)?;
    let bit = u8::try_from(number).ok().filter(|bit| *bit < 16);
    if bit.is_none() {
        value.error(
            format!("a register has no bit {number}"),
            Some("0–15, 0 the least significant".into()),
        );
    }
    bit
}

fn read_states(value: &Value<'_, '_>) -> Option<Vec<(i64, State)>> {
    let table = value.table("states")?;
    let state = |value: &Value<'_, '_>| {
        let number = read_key(value)?;
        let state = if value.is_str() {
            State::Text(value.text()?.into())
        } else {
            State::Bool(value.bool()?)
        };
        Some((number, state))
    };
    let mut states: Vec<(i64, State)> = table
        .entries()
        .iter()
        .map(|(_, value)| state(value))
        .collect::<Option<_>>()?;
    if states.is_empty() {
        value.error("`states` is empty", None);
        return None;
    }
    states.sort_by_key(|(number, _)| *number);
    if states.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        value.error("a number of `states` is there twice", None);
        return None;
    }
    Some(states)
}

fn read_faults(value: &Value<'_, '_>) -> Option<Vec<(u8, Box<str>)>> {
    let table = value.table("faults")?;
    let fault = |value: &Value<'_, '_>| Some((read_bit_key(value)?, value.text()?.into()));
    let mut faults: Vec<(u8, Box<str>)> = table
        .entries()
        .iter()
        .map(|(_, value)| fault(value))
        .collect::<Option<_>>()?;
    faults.sort_by_key(|(bit, _)| *bit);
    if faults.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        value.error("a bit of `faults` is there twice", None);
        return None;
    }
    Some(faults)
}

/// `[32767]` (a failed sensor), or `{ "32767" = "not_connected" }`: raw numbers that are no value.
fn read_no_data(value: &Value<'_, '_>) -> Option<Vec<NoValue>> {
    if value.is_list() {
        let sensor = |raw| NoValue {
            raw,
            reason: NoData::Sensor,
        };
        return value.list()?.iter().map(|v| v.number().map(sensor)).collect();
    }
    let table = value.table("no_data")?;
    let mut rules: Vec<NoValue> = table
        .entries()
        .iter()
        .map(|(key, value)| {
            let raw = match key.parse::<f64>() {
                Ok(raw) if raw.is_finite() => raw,
                _ => read_key(value)? as f64,
            };
            let reason = value.keyed("reason for having no value", NoData::KEYS, NoData::from_key)?;
            Some(NoValue { raw, reason })
        })
        .collect::<Option<_>>()?;
    rules.sort_by(|a, b| a.raw.total_cmp(&b.raw));
    Some(rules)
}

/// `{ address = 2, units = ["MPa", "kPa"] }`.
fn read_unit_from(value: &Value<'_, '_>, quantity: Option<Quantity>) -> Option<UnitFrom> {
    let table = value.table("unit_from")?;
    let address = table.require("address").and_then(|v| v.whole(0..=65_535));
    let units = table.require("units").and_then(|v| v.list());
    // A device may know units that do not fit the quantity; they become no value when it says so.
    let units = units.and_then(|units| {
        units
            .iter()
            .map(|v| unit::read(v, None))
            .collect::<Option<Vec<_>>>()
    });
    table.finish();
    let (address, units) = (address?, units?);
    if let Some(quantity) = quantity
        && !units.iter().any(|text| dimension_fits(text, quantity))
    {
        value.error(format!("none of the units is one of {quantity}"), None);
    }
    Some(UnitFrom {
        address: address as u16,
        units,
    })
}

fn dimension_fits(text: &str, quantity: Quantity) -> bool {
    let unit = PressureKind::parse_unit(text)
        .map(|(unit, _)| unit)
        .or_else(|| Unit::parse(text));
    unit.is_some_and(|unit| unit.dimension() == quantity.unit().dimension())
}

fn read_beside(value: &Value<'_, '_>, what: &str) -> Option<u16> {
    let table = value.table(what)?;
    let address = table.require("address").and_then(|v| v.whole(0..=65_535));
    table.finish();
    address.map(|address| address as u16)
}
