//! Channels: the standard layout of a class, or what the file lists.

use super::nameplate::{parse_unit, read_measure};
use super::{BoolEncoding, Channel};
use crate::diagnostic::document::{Table, Value};
use crate::diagnostic::suggestion;
use std::collections::HashMap;
use vigil_protocol::signal::{CurrentLoop, Ne43};
use vigil_protocol::vocabulary::{EquipmentClass, PressureKind, Quantity, QuantityKind, Unit};

/// A node repeats every value at least this often unless the catalog says otherwise; with the
/// default settings a value is stale after three times this.
pub const DEFAULT_INTERVAL_MS: i64 = 30_000;

const ENCODINGS: &[(&str, BoolEncoding)] = &[
    ("one_is_true", BoolEncoding::OneIsTrue),
    ("zero_is_true", BoolEncoding::ZeroIsTrue),
    ("one_true_two_false", BoolEncoding::OneTrueTwoFalse),
    ("two_true_one_false", BoolEncoding::TwoTrueOneFalse),
];

/// A quantity under its standard metric name, in its canonical unit.
#[must_use]
pub fn standard(quantity: Quantity, interval_ms: i64) -> Channel {
    Channel {
        quantity,
        metric: quantity.metric().into(),
        unit: quantity.unit(),
        pressure: quantity.pressure_kind(),
        current_loop: None,
        encoding: BoolEncoding::default(),
        plausible: quantity.plausible(),
        interval_ms,
    }
}

/// Every quantity of a class under its standard metric name. The loop current is left out: it is the
/// raw side of another channel.
#[must_use]
pub fn standard_layout(class: EquipmentClass, interval_ms: i64) -> Vec<Channel> {
    let of_class = |quantity: &&Quantity| quantity.fits(class) && **quantity != Quantity::LoopCurrent;
    Quantity::ALL
        .iter()
        .filter(of_class)
        .map(|quantity| standard(*quantity, interval_ms))
        .collect()
}

/// Reads `[[equipment.channel]]` tables.
pub(super) fn read(tables: &[Table<'_, '_>], class: EquipmentClass, interval_ms: i64) -> Vec<Channel> {
    let mut by_quantity = HashMap::new();
    let mut by_metric = HashMap::new();
    let mut channels = Vec::with_capacity(tables.len());
    for table in tables {
        let Some(channel) = read_one(table, class, interval_ms) else {
            continue;
        };
        if let Some(line) = by_quantity.insert(channel.quantity, table.place().line) {
            let message = format!("the quantity `{}` has two channels", channel.quantity);
            table.error(message, Some(format!("the other one is in line {line}")));
            continue;
        }
        if let Some(line) = by_metric.insert(channel.metric.clone(), table.place().line) {
            let message = format!("the metric `{}` feeds two channels", channel.metric);
            table.error(message, Some(format!("the other one is in line {line}")));
            continue;
        }
        channels.push(channel);
    }
    channels
}

fn read_one(table: &Table<'_, '_>, class: EquipmentClass, interval_ms: i64) -> Option<Channel> {
    let given = table.require("quantity");
    let quantity = given
        .as_ref()
        .and_then(|v| v.keyed("quantity", Quantity::KEYS, Quantity::from_key));
    if let (Some(given), Some(quantity)) = (&given, quantity)
        && !quantity.fits(class)
    {
        let own = Quantity::ALL
            .iter()
            .filter(|other| other.fits(class))
            .map(|other| other.key());
        given.error(
            format!("`{quantity}` is no quantity of a {}", class.title_en()),
            suggestion(quantity.key(), own),
        );
    }
    // Read on without a quantity, so that the other keys are checked too.
    let metric = table.get("metric").and_then(|v| v.text());
    let unit = table.get("unit").and_then(|v| read_unit(&v, quantity));
    let pressure = table.get("pressure");
    let stated = unit.and_then(|(_, kind)| kind);
    let pressure = pressure
        .and_then(|v| read_pressure_kind(&v, quantity, stated))
        .or(stated);
    let unit = unit.map(|(unit, _)| unit).or(quantity.map(Quantity::unit));
    let current_loop = table
        .get("current_loop")
        .and_then(|v| read_loop(&v, quantity, unit?));
    let encoding = table.get("encoding").and_then(|v| {
        if quantity.is_some_and(|q| q.kind() != QuantityKind::Binary) {
            v.error("`encoding` belongs to two-state quantities", None);
        }
        v.choice(ENCODINGS)
    });
    let plausible = table.get("plausible").and_then(|v| read_range(&v, quantity?));
    let interval = table.get("interval").and_then(|v| v.duration_ms());
    table.finish();
    let quantity = quantity?;
    Some(Channel {
        quantity,
        metric: metric.unwrap_or_else(|| quantity.metric()).into(),
        unit: unit?,
        pressure: pressure.or_else(|| quantity.pressure_kind()),
        current_loop,
        encoding: encoding.unwrap_or_default(),
        plausible: plausible.or_else(|| quantity.plausible()),
        interval_ms: interval.unwrap_or(interval_ms).max(1),
    })
}

/// A unit, and the pressure kind it states; reports one that does not fit the quantity.
pub(crate) fn read_unit(
    value: &Value<'_, '_>,
    quantity: Option<Quantity>,
) -> Option<(Unit, Option<PressureKind>)> {
    let text = value.str()?;
    let Some((unit, kind)) = parse_unit(text) else {
        let of_dimension = Unit::ALL
            .iter()
            .filter(|unit| quantity.is_none_or(|q| unit.dimension() == q.unit().dimension()));
        value.error(
            format!("`{text}` is not a unit"),
            suggestion(text, of_dimension.map(|unit| unit.key())),
        );
        return None;
    };
    let quantity = quantity?;
    if unit.dimension() != quantity.unit().dimension() {
        let wanted = quantity.unit();
        let help = if wanted == Unit::None_ {
            "it has no unit: leave the key out".to_owned()
        } else {
            let fitting: Vec<_> = Unit::ALL
                .iter()
                .filter(|unit| unit.dimension() == wanted.dimension())
                .map(|unit| unit.key())
                .collect();
            format!("one of: {}", fitting.join(", "))
        };
        value.error(format!("`{text}` is not a unit of {quantity}"), Some(help));
        return None;
    }
    Some((unit, kind))
}

fn read_pressure_kind(
    value: &Value<'_, '_>,
    quantity: Option<Quantity>,
    stated: Option<PressureKind>,
) -> Option<PressureKind> {
    let kind = value.keyed("pressure kind", PressureKind::KEYS, PressureKind::from_key)?;
    if let Some(quantity) = quantity.filter(|quantity| quantity.pressure_kind().is_none()) {
        value.error(
            format!("`{quantity}` is no pressure"),
            Some("leave `pressure` out".into()),
        );
        return None;
    }
    if matches!(kind, PressureKind::Differential | PressureKind::Vacuum) {
        value.error(
            format!("a {kind} pressure cannot be compared with limits in gauge pressure"),
            Some("gauge or absolute".into()),
        );
        return None;
    }
    if stated.is_some_and(|stated| stated != kind) {
        value.error(format!("`pressure` says {kind}, the unit says otherwise"), None);
    }
    Some(kind)
}

/// `{ low = "0 MPa", high = "1.6 MPa" }`: the values at 4 and 20 mA, kept in the channel's unit.
fn read_loop(value: &Value<'_, '_>, quantity: Option<Quantity>, unit: Unit) -> Option<CurrentLoop> {
    let table = value.table("current_loop")?;
    if let Some(quantity) = quantity.filter(|quantity| quantity.kind() != QuantityKind::Analog) {
        value.error(format!("`{quantity}` does not come over a 4–20 mA loop"), None);
    }
    let end = |key| {
        let value = table.require(key)?;
        if value.is_str() {
            read_measure(&value, Some(unit), PressureKind::Gauge)
        } else {
            value.number()
        }
    };
    let (low, high) = (end("low"), end("high"));
    table.finish();
    let (lo, hi) = (low?, high?);
    if (hi - lo).abs() < f64::EPSILON {
        value.error(
            "`low` and `high` of the loop are equal",
            Some("the values at 4 mA and at 20 mA".into()),
        );
        return None;
    }
    Some(CurrentLoop {
        lo,
        hi,
        limits: Ne43::DEFAULT,
    })
}

/// `["0 MPa", "2 MPa"]` or `[0, 2]` in the canonical unit.
fn read_range(value: &Value<'_, '_>, quantity: Quantity) -> Option<(f64, f64)> {
    let list = value.list()?;
    let [low, high] = list.as_slice() else {
        value.error("`plausible` is a list of two values: lowest and highest", None);
        return None;
    };
    let end = |value: &Value<'_, '_>| {
        if value.is_str() {
            read_measure(value, Some(quantity.unit()), PressureKind::Gauge)
        } else {
            value.number()
        }
    };
    let (low, high) = (end(low), end(high));
    let (low, high) = (low?, high?);
    if low >= high {
        value.error("the lowest plausible value must be below the highest", None);
        return None;
    }
    Some((low, high))
}
