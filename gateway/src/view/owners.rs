//! Whose a hazard that is being reported will be.

use crate::app::App;
use std::sync::Arc;
use vigil_core::people::Scope;

/// Units and area of a piece of equipment, or of a unit that has a hazard of its own.
#[must_use]
pub fn scope_of(app: &App, equipment: Option<&str>, unit: Option<&str>) -> Scope {
    match equipment {
        Some(id) => app.scope_of(id),
        None => Scope {
            use_unit: unit.map(Arc::from),
            ..Scope::default()
        },
    }
}
