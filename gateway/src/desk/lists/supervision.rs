//! Which case a hazard is supervised under, and by whom.

use crate::store::{ListedHazard, StoreError};
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// Number of the case and who issued it; what nobody knows is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Supervision {
    pub(super) case: String,
    pub(super) issuer: String,
}

/// The cases of those of these hazards that are listed, by hazard. The hazard itself names the case it was listed under.
pub(super) async fn supervisions(
    _connection: &mut SqliteConnection,
    hazards: &[ListedHazard],
) -> Result<HashMap<String, Supervision>, StoreError> {
    let listed = hazards.iter().filter_map(|one| {
        let case = one.hazard.handling.listed.as_ref()?;
        let supervision = Supervision {
            case: case.to_string(),
            issuer: String::new(),
        };
        Some((one.hazard.id.0.to_string(), supervision))
    });
    Ok(listed.collect())
}
