//! One `[[value]]` of a map.

use super::canonical::{ORDERS, TYPES};
use super::read::read_confidence;
use super::{Confidence, Function, NoValue, Point, State, UnitFrom, What, unit};
use crate::diagnostic::document::{Table, Value};
use crate::diagnostic::{Place, suggestion};
use crate::modbus::MAX_WORDS;
use vigil_protocol::signal::{RegisterCodec, RegisterType, WordOrder};
use vigil_protocol::vocabulary::{
    CarDirection, CarDriveStatus, NoData, Quantity, QuantityKind, ServiceMode, Unit,
};

/// What holds for every value that does not say otherwise.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) function: Option<Function>,
    pub(super) order: Option<WordOrder>,
    pub(super) confidence: Confidence,
}

/// The points a `[[value]]` stands for: one, or one for each bit of an alarm word. Each with its place.
pub(super) fn read_value(table: &Table<'_, '_>, defaults: &Defaults) -> Vec<(Point, Place)> {
    let function = match table.get("function") {
        Some(value) => read_function(&value),
        None => defaults.function.or_else(|| {
            table.error(
                "`function` is missing in a value",
                Some("1–4, here or in [defaults]".into()),
            );
            None
        }),
    };
    let address = table.require("address").and_then(|v| read_address(&v, function));
    let confidence = read_confidence(table).unwrap_or(defaults.confidence);
    let points = match table.get("alarms") {
        Some(alarms) => read_alarms(table, &alarms, function, address, confidence),
        None => read_one(table, defaults, function, address, confidence)
            .map(|point| (point, table.place()))
            .into_iter()
            .collect(),
    };
    table.finish();
    points
}

/// A function code that reads.
pub(super) fn read_function(value: &Value<'_, '_>) -> Option<Function> {
    const HELP: &str = "1 coils, 2 discrete inputs, 3 holding registers, 4 input registers";
    let code = value.whole(i64::MIN..=i64::MAX)?;
    let function = u8::try_from(code).ok().and_then(Function::from_code);
    if function.is_none() {
        let writes = matches!(code, 5 | 6 | 15 | 16 | 21..=23);
        let why = if writes {
            "writes; Vigil only reads"
        } else {
            "is none that reads"
        };
        value.error(format!("function {code} {why}"), Some(HELP.into()));
    }
    function
}

/// An address on the wire. Manuals often count from 40001 instead.
fn read_address(value: &Value<'_, '_>, function: Option<Function>) -> Option<u16> {
    let number = value.whole(i64::MIN..=i64::MAX)?;
    let base = match function {
        Some(Function::HoldingRegisters) => 4,
        Some(Function::InputRegisters) => 3,
        Some(Function::DiscreteInputs) => 1,
        _ => i64::MAX / 1_000_000,
    };
    let (short, long) = (base * 10_000, base * 100_000);
    let meant = match number {
        n if (short + 1..short + 10_000).contains(&n) => Some(n - short - 1),
        n if (long + 1..=long + 65_536).contains(&n) => Some(n - long - 1),
        _ => None,
    };
    let help = meant.map(|meant| format!("if a manual says {number}, the address on the wire is {meant}"));
    match u16::try_from(number) {
        Ok(address) => {
            if help.is_some() {
                value.warning(
                    format!("{number} looks like the number of a register in a manual"),
                    help,
                );
            }
            Some(address)
        }
        Err(_) => {
            value.error("`address` must be between 0 and 65535", help);
            None
        }
    }
}

/// Name and quantity of a value.
fn read_name(table: &Table<'_, '_>) -> Option<(Box<str>, Option<Quantity>)> {
    let quantity = table.get("quantity");
    let metric = table.get("metric");
    if quantity.is_none() && metric.is_none() && !table.unknown_keys().iter().any(|key| near_name(key)) {
        let help = "`quantity` for what Vigil knows, or a `metric` name of your own";
        table.error("a value needs a name", Some(help.into()));
    }
    let quantity = match quantity {
        Some(value) => Some(value.keyed("quantity", Quantity::KEYS, Quantity::from_key)?),
        None => None,
    };
    let metric: Option<Box<str>> = match &metric {
        Some(value) => Some(read_metric(value)?),
        None => quantity.map(|quantity| quantity.metric().into()),
    };
    Some((metric?, quantity))
}

fn near_name(key: &str) -> bool {
    ["quantity", "metric"]
        .iter()
        .any(|name| strsim::damerau_levenshtein(key, name) <= 2)
}

fn read_metric(value: &Value<'_, '_>) -> Option<Box<str>> {
    let text = value.text()?;
    if text.len() > 64 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        value.error(
            format!("`{text}` is not a metric name"),
            Some("at most 64 bytes, without blanks".into()),
        );
        return None;
    }
    Some(text.into())
}

fn read_titles(table: &Table<'_, '_>) -> (Box<str>, Box<str>) {
    let text = |key| table.get(key).and_then(|v| v.str()).unwrap_or_default().into();
    (text("title_zh"), text("title_en"))
}

fn read_one(
    table: &Table<'_, '_>,
    defaults: &Defaults,
    function: Option<Function>,
    address: Option<u16>,
    confidence: Confidence,
) -> Option<Point> {
    let name = read_name(table);
    let quantity = name.as_ref().and_then(|(_, quantity)| *quantity);
    let (title_zh, title_en) = read_titles(table);
    let what = read_what(table, defaults, function, quantity);
    let given_unit = table.get("unit");
    let unit = given_unit.as_ref().and_then(|v| unit::read(v, quantity));
    let (metric, quantity) = name?;
    let (function, address, what) = (function?, address?, what?);
    if let Some(quantity) = quantity {
        fits(table, quantity, &what, given_unit.is_some());
    }
    if given_unit.is_some() && !matches!(what, What::Number { .. }) {
        table.error(format!("`{metric}` is not a number: it has no unit"), None);
    }
    let point = Point {
        metric,
        quantity,
        title_zh,
        title_en,
        function,
        address,
        what,
        unit,
        confidence,
    };
    in_one_request(table, &point).then_some(point)
}

/// Whether a request can read it, and all that says what it means.
fn in_one_request(table: &Table<'_, '_>, point: &Point) -> bool {
    let (address, width) = (point.address, point.width());
    if u32::from(address) + u32::from(width) > 0x1_0000 {
        let place = table.key_place("address");
        let message = format!(
            "`{}` takes {width} registers from {address} on: the last address is 65535",
            point.metric
        );
        table.report(place.error(message));
        return false;
    }
    if point.block().is_none() {
        let message = format!(
            "`{}` needs more than {MAX_WORDS} registers in one request",
            point.metric
        );
        let help = "unit and decimals are read together with the value: all three must lie near each other";
        table.error(message, Some(help.into()));
        return false;
    }
    true
}

/// Whether what is in the registers can be the quantity.
fn fits(table: &Table<'_, '_>, quantity: Quantity, what: &What, has_unit: bool) {
    let is_text = |state: &State| matches!(state, State::Text(_));
    match (quantity.kind(), what) {
        (QuantityKind::Analog | QuantityKind::Counter, What::Number { unit_from, .. }) => {
            let needs = !matches!(quantity.unit(), Unit::None_ | Unit::Count);
            if needs && !has_unit && unit_from.is_none() {
                let help = format!("such as unit = \"{}\"", quantity.unit().key());
                table.error(format!("`{quantity}` needs its unit"), Some(help));
            }
        }
        (QuantityKind::Binary, What::Bit { .. } | What::Number { .. })
        | (QuantityKind::Code | QuantityKind::Text, What::Number { .. }) => {}
        (QuantityKind::Binary, What::States { states, .. }) if !states.iter().any(|(_, s)| is_text(s)) => {}
        (QuantityKind::Code | QuantityKind::Text, What::States { states, .. })
            if states.iter().all(|(_, s)| is_text(s)) =>
        {
            known_states(table, quantity, states);
        }
        (QuantityKind::Code | QuantityKind::Text, What::Faults { .. }) if quantity == Quantity::FaultCode => {
        }
        (kind, _) => {
            let want = match kind {
                QuantityKind::Analog | QuantityKind::Counter => "a number with a unit",
                QuantityKind::Binary => "a bit, a number, or states that are true or false",
                QuantityKind::Code | QuantityKind::Text => "a number, or states by name",
            };
            table.error(
                format!("`{quantity}` cannot be read from this"),
                Some(format!("it is {want}")),
            );
        }
    }
}

/// The states of quantities that have names for them.
fn known_states(table: &Table<'_, '_>, quantity: Quantity, states: &[(i64, State)]) {
    let keys = match quantity {
        Quantity::ServiceMode => ServiceMode::KEYS,
        Quantity::CarDriveStatus => CarDriveStatus::KEYS,
        Quantity::CarDirection => CarDirection::KEYS,
        _ => return,
    };
    for (_, state) in states {
        if let State::Text(text) = state
            && !keys.contains(&&**text)
        {
            let place = table.key_place("states");
            let message = format!("`{text}` is not a state of {quantity}");
            table.report(
                place
                    .error(message)
                    .maybe_help(suggestion(text, keys.iter().copied())),
            );
        }
    }
}

fn read_what(
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

fn read_bit_key(value: &Value<'_, '_>) -> Option<u8> {
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
    let unit = vigil_protocol::vocabulary::PressureKind::parse_unit(text)
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

/// `{ "2" = "overpressure_alarm", "6" = { metric = "electrode_fault", invert = true } }`: each bit a value of its own.
fn read_alarms(
    table: &Table<'_, '_>,
    alarms: &Value<'_, '_>,
    function: Option<Function>,
    address: Option<u16>,
    confidence: Confidence,
) -> Vec<(Point, Place)> {
    if function.is_some_and(Function::is_bits) {
        alarms.error(
            "`alarms` are bits of a register: a coil or input is one bit",
            None,
        );
    }
    // The word's own title says nothing that its bits do not.
    let _titles = read_titles(table);
    let mut points = Vec::new();
    let Some(bits) = alarms.table("alarms") else {
        return points;
    };
    for (_, value) in bits.entries() {
        let place = value.place();
        let bit = read_bit_key(&value);
        let named = if value.is_table() {
            value.table("an alarm bit").and_then(|inner| {
                let name = read_name(&inner);
                let titles = read_titles(&inner);
                let invert = inner.get("invert").map_or(Some(false), |v| v.bool());
                let confidence = read_confidence(&inner).unwrap_or(confidence);
                inner.finish();
                Some((name?, titles, invert?, confidence))
            })
        } else {
            let quantity = value.keyed("quantity", Quantity::KEYS, Quantity::from_key);
            let name = quantity.map(|quantity| (quantity.metric().into(), Some(quantity)));
            name.map(|name| (name, Default::default(), false, confidence))
        };
        let (Some(bit), Some(((metric, quantity), (title_zh, title_en), invert, confidence))) = (bit, named)
        else {
            continue;
        };
        if let Some(quantity) = quantity.filter(|quantity| quantity.kind() != QuantityKind::Binary) {
            value.error(format!("`{quantity}` does not have two states"), None);
            continue;
        }
        let (Some(function), Some(address)) = (function, address) else {
            continue;
        };
        let what = What::Bit { bit, invert };
        points.push((
            Point {
                metric,
                quantity,
                title_zh,
                title_en,
                function,
                address,
                what,
                unit: None,
                confidence,
            },
            place,
        ));
    }
    points
}
