//! Units of a map: known, and of the kind their quantity needs.

use crate::diagnostic::document::Value;
use crate::diagnostic::suggestion;
use vigil_protocol::vocabulary::{PressureKind, Quantity, Unit};

/// A unit as written; the kind of pressure may stand in it.
pub(super) fn read(value: &Value<'_, '_>, quantity: Option<Quantity>) -> Option<Box<str>> {
    let text = value.text()?;
    let parsed = PressureKind::parse_unit(text).or_else(|| Unit::parse(text).map(|unit| (unit, None)));
    let fitting = || {
        let all = Unit::ALL.iter().filter(|unit| **unit != Unit::None_);
        all.filter(|unit| quantity.is_none_or(|q| unit.dimension() == q.unit().dimension()))
            .map(|unit| unit.key())
    };
    let Some((unit, kind)) = parsed else {
        value.error(format!("`{text}` is not a unit"), suggestion(text, fitting()));
        return None;
    };
    let Some(quantity) = quantity else {
        return Some(text.into());
    };
    if unit.dimension() != quantity.unit().dimension() {
        let help = if quantity.unit() == Unit::None_ {
            "it has no unit: leave the key out".to_owned()
        } else {
            format!("one of: {}", fitting().collect::<Vec<_>>().join(", "))
        };
        value.error(format!("`{text}` is not a unit of {quantity}"), Some(help));
        return None;
    }
    if let Some(kind @ (PressureKind::Differential | PressureKind::Vacuum)) = kind {
        value.error(
            format!("a {kind} pressure cannot be `{quantity}`, which is gauge pressure"),
            Some("gauge or absolute, such as \"kPa(g)\" or \"kPa(abs)\"".into()),
        );
        return None;
    }
    Some(text.into())
}
