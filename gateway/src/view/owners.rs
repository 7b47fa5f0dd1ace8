//! Whose a hazard that is being reported will be.

use super::ViewError;
use super::card::find;
use crate::app::App;
use std::sync::Arc;
use vigil_core::people::Scope;

/// Units and area of a piece of equipment, or of a unit that has a hazard of its own.
///
/// # Errors
/// None yet: what the catalog does not know is nobody's.
#[allow(clippy::unused_async, reason = "the register is asked where there is one")]
pub async fn scope_of(app: &App, equipment: Option<&str>, unit: Option<&str>) -> Result<Scope, ViewError> {
    let Some(id) = equipment else {
        return Ok(Scope {
            use_unit: unit.map(Arc::from),
            ..Scope::default()
        });
    };
    let Some((_, equipment)) = find(&app.catalog, id) else {
        return Ok(Scope::default());
    };
    let fact = |key| equipment.register.get(key).map(Arc::from);
    Ok(Scope {
        use_unit: fact("use_unit"),
        maintenance_unit: fact("maintenance_unit"),
        inspection_body: fact("inspection_body"),
        area: fact("area_code").unwrap_or_default(),
    })
}
