//! Whose a hazard that is being reported will be.

use super::ViewError;
use crate::app::{App, StoreError};
use crate::desk::register::{RegisterError, unit};
use std::sync::Arc;
use vigil_core::people::Scope;

/// Units and area of a piece of equipment, or of a unit that has a hazard of its own: then the area the register gives
/// the unit.
///
/// # Errors
/// The register cannot be read.
pub async fn scope_of(app: &App, equipment: Option<&str>, code: Option<&str>) -> Result<Scope, ViewError> {
    if let Some(id) = equipment {
        return Ok(app.scope_of(id));
    }
    let known = match code {
        Some(code) => unit(&app.desk, code).await.map_err(unreadable)?,
        None => None,
    };
    Ok(Scope {
        use_unit: code.map(Arc::from),
        area: known.map_or_else(Arc::default, |unit| unit.facts.area.into()),
        ..Scope::default()
    })
}

/// What only reads fails by the database alone.
pub(super) fn unreadable(error: RegisterError) -> ViewError {
    match error {
        RegisterError::Store(error) => error.into(),
        other => StoreError::Corrupt {
            what: "the register",
            detail: other.to_string(),
        }
        .into(),
    }
}
