//! Ranks and the risk map, read.

use super::RiskError;
use super::error::reading;
use super::rank::{AREA, EQUIPMENT, OWN, UNIT};
use crate::desk::scope::{push_prefix, push_scope};
use crate::store::{Db, Desk};
use sqlx::{QueryBuilder, Row as _};
use std::fmt;
use std::str::FromStr;
use vigil_core::people::{Person, Role};
use vigil_core::risk::{Counts, Part, Subject};
use vigil_protocol::time::UtcMillis;

/// Which ranks. Empty texts do not filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankFilter {
    /// Of what.
    pub subject: Subject,
    /// Beginning of the area code.
    pub area: String,
    /// Code of the use unit.
    pub unit: String,
    /// With anything of this part.
    pub part: Option<Part>,
    /// Where the page before ended.
    pub after: Option<RankCursor>,
    /// Rows, 1 to 1000.
    pub limit: u32,
}

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankCursor {
    /// Score of the last row.
    pub score: u32,
    /// Its place, from 1.
    pub place: u64,
    /// Its area.
    pub area: String,
    /// Its id.
    pub id: String,
}

/// A rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankRow {
    /// From 1, in this list.
    pub place: u64,
    /// Equipment id, or code of the unit.
    pub id: String,
    /// Name, as the register has it.
    pub name: Option<String>,
    /// Area code.
    pub area: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// Pieces of equipment.
    pub pieces: u32,
    /// Of them: telemetry does not tell of them now.
    pub unheard: u32,
    /// Of them: nobody has assessed a risk.
    pub bare: u32,
    /// Score.
    pub score: u32,
    /// What it is made of.
    pub counts: Counts,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankPage {
    /// Ranks, highest first.
    pub rows: Vec<RankRow>,
    /// Where the next page starts.
    pub next: Option<RankCursor>,
}

/// Which part of the map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapFilter {
    /// Beginning of the area code: the map is of what lies below it.
    pub area: String,
    /// By unit instead of by area.
    pub by_unit: bool,
    /// Rows at most, 1 to 1000.
    pub limit: u32,
}

/// An area or a unit on the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRow {
    /// Beginning of the area code (two, four or six digits; empty: nobody has said), or the code of a unit.
    pub key: String,
    /// Name of the unit.
    pub name: Option<String>,
    /// Pieces of equipment.
    pub pieces: u32,
    /// Of them: telemetry does not tell of them now.
    pub unheard: u32,
    /// Of them: nobody has assessed a risk.
    pub bare: u32,
    /// What is counted.
    pub counts: Counts,
}

impl fmt::Display for RankCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.score, self.place, self.area, self.id)
    }
}

impl FromStr for RankCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "this is no cursor; take it from `next` of the page before";
        let mut parts = text.splitn(4, '.');
        let mut part = || parts.next().ok_or(WRONG);
        Ok(Self {
            score: part()?.parse().map_err(|_| WRONG)?,
            place: part()?.parse().map_err(|_| WRONG)?,
            area: part()?.to_owned(),
            id: part()?.to_owned(),
        })
    }
}

const fn subject_key(subject: Subject) -> &'static str {
    match subject {
        Subject::Equipment => EQUIPMENT,
        Subject::Unit => UNIT,
    }
}

fn number(row: &sqlx::sqlite::SqliteRow, column: &str) -> u32 {
    u32::try_from(row.get::<i64, _>(column)).unwrap_or(u32::MAX)
}

fn counts_of(row: &sqlx::sqlite::SqliteRow) -> Counts {
    let mut counts = Counts::default();
    for part in Part::ALL {
        counts.set(part, number(row, part.key()));
    }
    counts
}

/// As of when all was counted; `None`: not yet.
///
/// # Errors
/// The database cannot be read.
pub async fn ranked_at(desk: &Desk) -> Result<Option<UtcMillis>, RiskError> {
    let value: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'risk_ranked'")
        .fetch_optional(desk.reading())
        .await
        .map_err(reading("ranks"))?;
    Ok(value.and_then(|text| text.parse().ok()).map(UtcMillis))
}

/// A page of ranks `person` may see.
///
/// # Errors
/// The database cannot be read.
pub async fn ranks(desk: &Desk, person: &Person, filter: &RankFilter) -> Result<RankPage, RiskError> {
    let limit = match filter.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    let named = match filter.subject {
        Subject::Equipment => "LEFT JOIN equipment named ON named.id = w.id",
        Subject::Unit => "LEFT JOIN units named ON named.code = w.id",
    };
    // What a unit has is few, a whole area a few more; otherwise the best come first, and every filter is in the index.
    let index = match person.role {
        Role::Site if person.unit.is_some() => "risk_ranks_used",
        Role::Maintainer if person.unit.is_some() => "risk_ranks_maintained",
        Role::InspectionBody if person.unit.is_some() => "risk_ranks_inspected",
        _ if !filter.unit.is_empty() => "risk_ranks_used",
        _ if filter.area.len() >= 6 => "risk_ranks_area",
        _ => "risk_ranks_order",
    };
    let mut query = QueryBuilder::<Db>::new(format!(
        "SELECT w.*, named.name AS name, u.name AS use_unit_name FROM \
         (SELECT r.subject, r.id, r.area, r.score FROM risk_ranks r INDEXED BY {index} WHERE r.subject = "
    ));
    query.push_bind(subject_key(filter.subject));
    push_scope(&mut query, person, "r.");
    if !filter.area.is_empty() {
        query.push(" AND ");
        push_prefix(&mut query, "r.", "area", &filter.area);
    }
    if !filter.unit.is_empty() {
        query.push(" AND r.use_unit = ").push_bind(filter.unit.clone());
    }
    if let Some(part) = filter.part {
        query.push(format!(" AND r.{} > 0", part.key()));
    }
    let before = filter.after.as_ref().map_or(0, |cursor| cursor.place);
    if let Some(cursor) = &filter.after {
        query.push(" AND (r.score < ").push_bind(i64::from(cursor.score));
        query.push(" OR (r.score = ").push_bind(i64::from(cursor.score));
        query
            .push(" AND (r.id, r.area) > (")
            .push_bind(cursor.id.clone())
            .push(", ")
            .push_bind(cursor.area.clone())
            .push("))) AND r.score <= ")
            .push_bind(i64::from(cursor.score));
    }
    query
        .push(" ORDER BY r.score DESC, r.id, r.area LIMIT ")
        .push_bind(i64::from(limit) + 1)
        .push(format!(
            ") page CROSS JOIN risk_ranks w ON w.subject = page.subject AND w.id = page.id AND w.area = page.area {named} \
             LEFT JOIN units u ON u.code = w.use_unit ORDER BY w.score DESC, w.id, w.area"
        ));
    let found = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(reading("ranks"))?;
    let mut rows: Vec<RankRow> = (before + 1..)
        .zip(&found)
        .map(|(place, row)| RankRow {
            place,
            id: row.get("id"),
            name: row.get("name"),
            area: row.get("area"),
            use_unit: row.get("use_unit"),
            use_unit_name: row.get("use_unit_name"),
            pieces: number(row, "pieces"),
            unheard: number(row, "unheard"),
            bare: number(row, "bare"),
            score: number(row, "score"),
            counts: counts_of(row),
        })
        .collect();
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|last| RankCursor {
        score: last.score,
        place: last.place,
        area: last.area.clone(),
        id: last.id.clone(),
    });
    Ok(RankPage { rows, next })
}

/// The risk map: what `person` may see, by area or by unit. Areas are those one step below `area`: provinces, cities,
/// districts. Worst first.
///
/// A unit that has risks of its own but no equipment in an area is counted in its own area.
///
/// # Errors
/// The database cannot be read.
pub async fn map(desk: &Desk, person: &Person, filter: &MapFilter) -> Result<Vec<MapRow>, RiskError> {
    let digits = match filter.area.len() {
        0 | 1 => 2,
        2 | 3 => 4,
        _ => 6,
    };
    let key = if filter.by_unit {
        "r.id".to_owned()
    } else {
        format!("substr(r.area, 1, {digits})")
    };
    let sums: Vec<String> = ["pieces", "unheard", "bare"]
        .into_iter()
        .chain(Part::KEYS)
        .map(|column| format!("SUM(r.{column}) AS {column}"))
        .collect();
    let mut query = QueryBuilder::<Db>::new(format!(
        "SELECT m.*, u.name FROM (SELECT {key} AS key, {} FROM risk_ranks r WHERE r.subject IN (",
        sums.join(", ")
    ));
    let is_authority = matches!(
        person.role,
        Role::Administrator | Role::Regulator | Role::Department
    );
    query.push(if filter.by_unit {
        format!("'{UNIT}'")
    } else if is_authority {
        format!("'{AREA}'")
    } else {
        format!("'{EQUIPMENT}', '{OWN}'")
    });
    query.push(")");
    push_scope(&mut query, person, "r.");
    if !filter.area.is_empty() {
        query.push(" AND ");
        push_prefix(&mut query, "r.", "area", &filter.area);
    }
    query.push(" GROUP BY 1) m LEFT JOIN units u ON u.code = m.key");
    query.push(
        " ORDER BY m.red_points > 0 DESC, m.major_hazards DESC, m.red_points DESC, m.orange_points DESC, \
         m.general_hazards DESC, m.yellow_points DESC, m.key LIMIT ",
    );
    query.push_bind(i64::from(filter.limit.clamp(1, 1_000)));
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(reading("the risk map"))?;
    Ok(rows
        .iter()
        .map(|row| MapRow {
            key: row.get("key"),
            name: if filter.by_unit { row.get("name") } else { None },
            pieces: number(row, "pieces"),
            unheard: number(row, "unheard"),
            bare: number(row, "bare"),
            counts: counts_of(row),
        })
        .collect())
}
