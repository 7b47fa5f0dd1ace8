//! One `[[value]]` of a map.

use super::read::read_confidence;
use super::what::{read_bit_key, read_what};
use super::{Confidence, Function, Point, State, What, unit};
use crate::diagnostic::document::{Table, Value};
use crate::diagnostic::{Place, suggestion};
use crate::modbus::MAX_WORDS;
use vigil_protocol::signal::WordOrder;
use vigil_protocol::vocabulary::{CarDirection, CarDriveStatus, Quantity, QuantityKind, ServiceMode, Unit};

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
