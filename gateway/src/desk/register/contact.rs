//! Whom to ask: what a unit may say about itself and its equipment. Nothing else of the register is its to change.

use super::entering::{FieldRequest, change};
use super::unit::{Unit, UnitFacts, save_unit, unit};
use super::{Act, RegisterError, Saved};
use crate::store::Desk;
use vigil_core::calendar::Schedules;
use vigil_core::register::Field;

/// Facts of equipment that say whom to ask.
pub const CONTACT_FIELDS: [Field; 3] = [
    Field::UseUnitContact,
    Field::UseUnitPhone,
    Field::SafetyOfficerPhone,
];

/// Changes whom to ask about a piece of equipment; what is not named stays.
///
/// # Errors
/// A fact that says something else; as [`change`].
pub async fn change_contact(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    id: &str,
    seen: i64,
    typed: Vec<FieldRequest>,
) -> Result<Saved, RegisterError> {
    if let Some((field, _)) = typed.iter().find(|(field, _)| !CONTACT_FIELDS.contains(field)) {
        return Err(RegisterError::Value {
            field: field.key(),
            what: "does not say whom to ask".to_owned(),
        });
    }
    change(desk, act, schedules, id, seen, typed).await
}

/// Changes whom to ask at a unit: `seen` is its code and the revision that was seen.
///
/// # Errors
/// There is no such unit; as [`save_unit`].
pub async fn save_contact(
    desk: &Desk,
    act: &Act,
    seen: (&str, i64),
    contact: &str,
    phone: &str,
) -> Result<Unit, RegisterError> {
    let (code, _) = seen;
    let known = unit(desk, code).await?.ok_or_else(|| RegisterError::NotFound {
        what: "unit",
        id: code.to_owned(),
    })?;
    let facts = UnitFacts {
        contact: contact.to_owned(),
        phone: phone.to_owned(),
        ..known.facts
    };
    save_unit(desk, act, Some(seen), &facts).await
}
