//! Which case a hazard is supervised under, and by whom.

use crate::desk::read;
use crate::store::{Db, ListedHazard, StoreError};
use sqlx::{Row as _, SqliteConnection};
use std::collections::HashMap;

/// Number of the case and who issued it; what nobody knows is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Supervision {
    pub(super) case: String,
    pub(super) issuer: String,
}

/// The cases these hazards are listed under, by hazard: those in force; where there is none, the number the hazard itself
/// names.
pub(super) async fn supervisions(
    connection: &mut SqliteConnection,
    hazards: &[ListedHazard],
) -> Result<HashMap<String, Supervision>, StoreError> {
    let mut found: HashMap<String, Supervision> = hazards
        .iter()
        .filter_map(|one| {
            let supervision = Supervision {
                case: one.hazard.handling.listed.as_ref()?.to_string(),
                issuer: String::new(),
            };
            Some((one.hazard.id.0.to_string(), supervision))
        })
        .collect();
    let ids: Vec<&str> = hazards.iter().map(|one| &*one.hazard.id.0).collect();
    let rows = sqlx::query::<Db>(
        "SELECT h.hazard, c.number, COALESCE(c.fold ->> '$.order.issuer', '') AS issuer FROM json_each($1) v \
         CROSS JOIN case_hazards h ON h.hazard = v.value AND h.live = 1 JOIN cases c ON c.id = h.case_id",
    )
    .bind(serde_json::to_string(&ids).unwrap_or_default())
    .fetch_all(connection)
    .await
    .map_err(read("cases"))?;
    for row in &rows {
        let supervision = Supervision {
            case: row.get("number"),
            issuer: row.get("issuer"),
        };
        found.insert(row.get("hazard"), supervision);
    }
    Ok(found)
}
