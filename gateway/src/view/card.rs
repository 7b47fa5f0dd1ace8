//! A piece of equipment in one line of a list: who it is and where.

use super::ViewError;
use super::words::Word;
use crate::app::App;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::catalog::{Catalog, Equipment, EquipmentIx};
use vigil_core::people::Sight;

/// Who a piece of equipment is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Card {
    /// Id.
    pub id: String,
    /// Name, Chinese or as the site writes it.
    pub name_zh: String,
    /// Name, English.
    pub name_en: String,
    /// Category code of the 2014 catalogue.
    pub category: String,
    /// Class derived from it.
    pub class: Word,
    /// Site (使用地点).
    pub site: Option<String>,
    /// Site, English.
    pub site_en: Option<String>,
    /// 使用登记证编号.
    pub registration_no: Option<String>,
    /// `group/node` it is heard through.
    pub node: String,
    /// Device below the node; `null` = the node itself.
    pub device: Option<String>,
}

impl From<&Equipment> for Card {
    fn from(equipment: &Equipment) -> Self {
        let fact = |key: &str| equipment.register.get(key).map(str::to_owned);
        Self {
            id: equipment.id.to_string(),
            name_zh: equipment.name_zh.to_string(),
            name_en: equipment.name_en.to_string(),
            category: equipment.category.to_string(),
            class: equipment.class.into(),
            site: fact("site"),
            site_en: fact("site_en"),
            registration_no: fact("registration_no"),
            node: equipment.node.to_string(),
            device: equipment.device.as_deref().map(str::to_owned),
        }
    }
}

/// The equipment with this id, and its index.
pub(super) fn find<'a>(catalog: &'a Catalog, id: &str) -> Option<(EquipmentIx, &'a Equipment)> {
    let ix = *catalog.by_id.get(id)?;
    Some((ix, catalog.equipment.get(ix.0 as usize)?))
}

/// The same, of what is in sight; what is not there and what is out of sight are told apart by nobody.
pub(super) fn seen<'a>(
    app: &'a App,
    sight: &Sight,
    id: &str,
) -> Result<(EquipmentIx, &'a Equipment), ViewError> {
    find(&app.catalog, id)
        .filter(|(_, equipment)| app.sees_one(sight, equipment))
        .ok_or_else(|| unknown(app, sight, id))
}

/// There is no such equipment, as far as this sight goes.
#[must_use]
pub fn unknown(app: &App, sight: &Sight, id: &str) -> ViewError {
    let known = app
        .catalog
        .equipment
        .iter()
        .filter(|one| app.sees_one(sight, one));
    ViewError::not_found("equipment", id, known.map(|one| &*one.id))
}

/// The line of the equipment with this id, if the catalog still has it.
pub(super) fn card(app: &App, id: &str) -> Option<Card> {
    find(&app.catalog, id).map(|(_, equipment)| equipment.into())
}
