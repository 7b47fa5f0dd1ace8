//! Hazards in the order of a list that is printed: oldest first, on a connection of the caller's, so that many pages
//! can be read of one state of the database.

use super::hazards::{HazardFilter, summary};
use super::narrow::{index_of, restrict};
use super::{get, read};
use crate::store::{Db, StoreError};
use sqlx::{QueryBuilder, SqliteConnection};
use std::collections::HashMap;
use vigil_core::hazard::{HazardEvent, HazardSummary};
use vigil_protocol::time::UtcMillis;

/// By which of its times a hazard stands in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedBy {
    /// When it was opened.
    Opened,
    /// When it was struck off; those that are not are not in the list.
    StruckOff,
}

impl ListedBy {
    const fn column(self) -> &'static str {
        match self {
            Self::Opened => "h.opened_at",
            Self::StruckOff => "h.struck_off_at",
        }
    }
}

/// A hazard with the codes of those it concerns.
#[derive(Clone, Debug)]
pub struct ListedHazard {
    /// The hazard.
    pub hazard: HazardSummary,
    /// When it was opened or struck off.
    pub at: UtcMillis,
    /// Who uses the equipment.
    pub use_unit: Option<String>,
    /// Who maintains it.
    pub maintenance_unit: Option<String>,
    /// Who was made responsible.
    pub unit: Option<String>,
}

fn matching(query: &mut QueryBuilder<Db>, by: ListedBy, filter: &HazardFilter) {
    let others = HazardFilter {
        from: None,
        to: None,
        ..filter.clone()
    };
    let index = match by {
        ListedBy::Opened => index_of(&others),
        ListedBy::StruckOff => "found_struck_off",
    };
    query.push(format!("hazard_numbers h INDEXED BY {index} WHERE 1 = 1"));
    if by == ListedBy::StruckOff {
        query.push(" AND h.struck_off_at IS NOT NULL");
    }
    restrict(query, &others);
    for (sign, at) in [(">=", filter.from), ("<", filter.to)] {
        if let Some(at) = at {
            query
                .push(format!(" AND {} {sign} ", by.column()))
                .push_bind(at.0);
        }
    }
}

/// The next hazards of a list, behind time and id of the last one. `filter.after` and `filter.limit` do not count.
///
/// # Errors
/// The database cannot be read.
pub async fn listed_hazards(
    connection: &mut SqliteConnection,
    by: ListedBy,
    filter: &HazardFilter,
    after: Option<(UtcMillis, &str)>,
    limit: u32,
) -> Result<Vec<ListedHazard>, StoreError> {
    let column = by.column();
    let mut query = QueryBuilder::new(format!(
        "SELECT whole.* FROM (SELECT h.hazard, {column} AS at FROM "
    ));
    matching(&mut query, by, filter);
    if let Some((at, id)) = after {
        query
            .push(format!(" AND {column} >= "))
            .push_bind(at.0)
            .push(format!(" AND ({column}, h.hazard) > ("))
            .push_bind(at.0)
            .push(", ")
            .push_bind(id.to_owned())
            .push(")");
    }
    query
        .push(format!(" ORDER BY {column}, h.hazard LIMIT "))
        .push_bind(i64::from(limit))
        .push(") found CROSS JOIN hazards whole ON whole.id = found.hazard ORDER BY found.at, found.hazard");
    let rows = query
        .build()
        .fetch_all(connection)
        .await
        .map_err(read("hazards"))?;
    rows.iter()
        .map(|row| {
            let hazard = summary(row)?;
            let at = match by {
                ListedBy::Opened => hazard.opened_at,
                ListedBy::StruckOff => UtcMillis(get(row, "hazard", "struck_off_at")?),
            };
            Ok(ListedHazard {
                hazard,
                at,
                use_unit: get(row, "hazard", "use_unit")?,
                maintenance_unit: get(row, "hazard", "maintenance_unit")?,
                unit: get(row, "hazard", "unit")?,
            })
        })
        .collect()
}

/// How many hazards a list has, counted up to `most`.
///
/// # Errors
/// The database cannot be read.
pub async fn count_listed(
    connection: &mut SqliteConnection,
    by: ListedBy,
    filter: &HazardFilter,
    most: u32,
) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
    matching(&mut query, by, filter);
    query.push(" LIMIT ").push_bind(i64::from(most)).push(")");
    let n: i64 = query
        .build_query_scalar()
        .fetch_one(connection)
        .await
        .map_err(read("hazards"))?;
    Ok(n.unsigned_abs())
}

/// Events of these kinds of many hazards, each hazard's in their order.
///
/// # Errors
/// The database cannot be read.
pub async fn events_of_kinds(
    connection: &mut SqliteConnection,
    hazards: &[&str],
    kinds: &[&str],
) -> Result<HashMap<String, Vec<HazardEvent>>, StoreError> {
    let mut found: HashMap<String, Vec<HazardEvent>> = HashMap::new();
    if hazards.is_empty() || kinds.is_empty() {
        return Ok(found);
    }
    let list = |texts: &[&str]| serde_json::to_string(texts).unwrap_or_default();
    // The hazards decide where to look, one by one; otherwise all events would be read.
    let rows = sqlx::query(
        "SELECT e.hazard, e.json FROM json_each($1) v CROSS JOIN hazard_events e ON e.hazard = v.value \
         WHERE e.json ->> '$.kind.type' IN (SELECT value FROM json_each($2)) ORDER BY e.hazard, e.seq",
    )
    .bind(list(hazards))
    .bind(list(kinds))
    .fetch_all(connection)
    .await
    .map_err(read("hazard events"))?;
    for row in &rows {
        let json: &str = get(row, "hazard event", "json")?;
        let event = serde_json::from_str(json).map_err(|error| StoreError::Corrupt {
            what: "hazard event",
            detail: error.to_string(),
        })?;
        found
            .entry(get(row, "hazard event", "hazard")?)
            .or_default()
            .push(event);
    }
    Ok(found)
}
