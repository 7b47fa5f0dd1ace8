//! Conditions in TOML.

use super::{read_fault_keys, read_formula, read_quantity};
use crate::diagnostic::document::{Table, Value};
use crate::pack::Compare;
use crate::pack::source::ConditionSource;
use vigil_protocol::vocabulary::{Quantity, QuantityKind, ServiceMode};

const COMBINATIONS: &str = "`all`, `any`, `any_known`, `not`, or `quantity` with `is`, `below`, `above`, \
                            `at_least`, `at_most`, `code`, `mode` or `bad`";

pub(super) fn read_condition(value: &Value<'_, '_>) -> Option<ConditionSource> {
    let table = value.table("a condition")?;
    let condition = read_condition_table(&table);
    let assume = table.get("if_unknown").and_then(|v| v.bool());
    table.finish();
    let condition = condition?;
    Some(match assume {
        Some(assume) => ConditionSource::Assume(Box::new(condition), assume),
        None => condition,
    })
}

fn read_condition_table(table: &Table<'_, '_>) -> Option<ConditionSource> {
    let members = |value: Value<'_, '_>| -> Option<Vec<ConditionSource>> {
        let list = value.list()?;
        if list.is_empty() {
            value.error("the list of conditions is empty", None);
        }
        let members: Vec<_> = list.iter().map(read_condition).collect();
        members.into_iter().collect()
    };
    let combined = [
        table.get("all").map(|v| members(v).map(ConditionSource::All)),
        table.get("any").map(|v| members(v).map(ConditionSource::Any)),
        table
            .get("any_known")
            .map(|v| members(v).map(ConditionSource::AnyKnown)),
        table
            .get("not")
            .map(|v| read_condition(&v).map(|c| ConditionSource::Not(Box::new(c)))),
        table.get("quantity").map(|v| read_leaf(table, &v)),
    ];
    let mut given: Vec<_> = combined.into_iter().flatten().collect();
    match (given.pop(), given.is_empty()) {
        (Some(only), true) => only,
        (Some(_), false) => {
            table.error(
                "a condition is one thing",
                Some(format!("give one of {COMBINATIONS}")),
            );
            None
        }
        (None, _) => {
            table.error("an empty condition", Some(format!("give one of {COMBINATIONS}")));
            None
        }
    }
}

fn read_leaf(table: &Table<'_, '_>, value: &Value<'_, '_>) -> Option<ConditionSource> {
    let quantity = read_quantity(value);
    let number = |key, compare| {
        table.get(key).map(|v| {
            let value = read_formula(&v);
            let quantity = only(
                &v,
                quantity,
                "numbers",
                &[QuantityKind::Analog, QuantityKind::Counter],
            );
            Some(ConditionSource::Number {
                quantity: quantity?,
                compare,
                value: value?,
            })
        })
    };
    let is = table.get("is").map(|v| {
        let state = v.bool();
        let quantity = only(&v, quantity, "two-state quantities", &[QuantityKind::Binary]);
        Some(ConditionSource::Is {
            quantity: quantity?,
            value: state?,
        })
    });
    let code = table.get("code").map(|v| {
        let keys = read_fault_keys(&v);
        let quantity = only(&v, quantity, "codes", &[QuantityKind::Code]);
        Some(ConditionSource::Code {
            quantity: quantity?,
            keys: keys?,
        })
    });
    let mode = table.get("mode").map(|v| {
        let modes = read_modes(&v);
        if quantity.is_some_and(|quantity| quantity != Quantity::ServiceMode) {
            v.error("`mode` belongs to the quantity `service_mode`", None);
            return None;
        }
        Some(ConditionSource::Mode {
            quantity: quantity?,
            modes: modes?,
        })
    });
    let bad = table.get("bad").map(|v| {
        Some(ConditionSource::Bad {
            quantity: quantity?,
            value: v.bool()?,
        })
    });
    let comparisons = [
        number("below", Compare::Less),
        number("at_most", Compare::AtMost),
        number("above", Compare::Greater),
        number("at_least", Compare::AtLeast),
    ];
    let mut given: Vec<_> = comparisons
        .into_iter()
        .chain([is, code, mode, bad])
        .flatten()
        .collect();
    if given.len() > 1 {
        table.error(
            "one comparison per condition",
            Some("combine several with `all`".into()),
        );
        return None;
    }
    if given.is_empty() {
        let unknown = table.unknown_keys();
        if unknown.is_empty() {
            table.error(
                "the condition does not compare anything",
                Some("add `is`, `below`, `above`, `at_least`, `at_most`, `code`, `mode` or `bad`".into()),
            );
        }
    }
    given.pop().flatten()
}

fn only(
    value: &Value<'_, '_>,
    quantity: Option<Quantity>,
    what: &str,
    kinds: &[QuantityKind],
) -> Option<Quantity> {
    let quantity = quantity?;
    if kinds.contains(&quantity.kind()) {
        return Some(quantity);
    }
    value.error(
        format!(
            "`{}` compares {what}; `{quantity}` is a {} quantity",
            value.key(),
            quantity.kind()
        ),
        None,
    );
    None
}

fn read_modes(value: &Value<'_, '_>) -> Option<Vec<ServiceMode>> {
    let list = value.list()?;
    let modes: Vec<_> = list
        .iter()
        .map(|v| v.keyed("service mode", ServiceMode::KEYS, ServiceMode::from_key))
        .collect();
    modes.into_iter().collect()
}
