//! Episodes: from when equipment may not run, how long it ran nevertheless, and the hazard that was opened.

use crate::desk::register::RegisterError;
use crate::desk::scope::push_scope;
use crate::store::{Db, Desk, DeskWrite, StoreError};
use jiff::civil::Date;
use sqlx::{QueryBuilder, Row as _};
use vigil_core::people::Person;
use vigil_core::register::{Condition, StateFinding};
use vigil_protocol::time::UtcMillis;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Of this equipment; empty: of all.
    pub equipment: String,
    /// Those that have ended too.
    pub all: bool,
    /// Rows, 1 to 1000.
    pub limit: u32,
}

/// An episode.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRow {
    /// Equipment id.
    pub equipment: String,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub condition: Condition,
    /// From when it may not run.
    pub since: Date,
    /// Hours it ran since then, as far as was seen.
    pub hours: f64,
    /// Days it ran.
    pub days: u32,
    /// The last day it ran.
    pub last: Date,
    /// How much of the time was observed, percent.
    pub observed_percent: f64,
    /// When it was found.
    pub found_at: UtcMillis,
    /// When it ended: the register says that it may run again, or never did.
    pub ended_at: Option<UtcMillis>,
    /// The hazard opened for it.
    pub hazard: Option<String>,
}

fn read(source: sqlx::Error) -> StoreError {
    StoreError::Read {
        what: "findings of the register",
        source,
    }
}

fn write_error(source: sqlx::Error) -> StoreError {
    StoreError::Write {
        what: "findings of the register",
        source,
    }
}

/// Episodes `person` may see, latest first.
///
/// # Errors
/// The database cannot be read.
pub async fn findings(
    desk: &Desk,
    person: &Person,
    filter: &FindingFilter,
) -> Result<Vec<FoundRow>, RegisterError> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT f.*, e.name FROM state_findings f JOIN equipment e ON e.id = f.equipment WHERE true",
    );
    push_scope(&mut query, person, "e.");
    if !filter.all {
        query.push(" AND f.ended_at IS NULL");
    }
    if !filter.equipment.is_empty() {
        query
            .push(" AND f.equipment = ")
            .push_bind(filter.equipment.clone());
    }
    query
        .push(" ORDER BY f.found_at DESC, f.equipment LIMIT ")
        .push_bind(i64::from(filter.limit.clamp(1, 1_000)));
    let rows = query.build().fetch_all(desk.reading()).await.map_err(read)?;
    let line = |row: &sqlx::sqlite::SqliteRow| {
        let corrupt = |detail: String| StoreError::Corrupt {
            what: "finding of the register",
            detail,
        };
        let date = |column: &str| {
            let text: &str = row.get(column);
            text.parse::<Date>().map_err(|error| corrupt(error.to_string()))
        };
        let condition: &str = row.get("condition");
        Ok(FoundRow {
            equipment: row.get("equipment"),
            name: row.get("name"),
            condition: Condition::from_key(condition).ok_or_else(|| corrupt(condition.to_owned()))?,
            since: date("since")?,
            hours: row.get("hours"),
            days: row.get("days"),
            last: date("last")?,
            observed_percent: row.get("observed"),
            found_at: UtcMillis(row.get("found_at")),
            ended_at: row.get::<Option<i64>, _>("ended_at").map(UtcMillis),
            hazard: row.get("hazard"),
        })
    };
    rows.iter().map(line).collect()
}

/// Episodes that stand, by equipment: what ranks are made of.
///
/// # Errors
/// The database cannot be read.
pub async fn finding_load(desk: &Desk) -> Result<Vec<(String, u32)>, StoreError> {
    let rows = sqlx::query(
        "SELECT equipment, COUNT(*) AS n FROM state_findings WHERE ended_at IS NULL GROUP BY equipment",
    )
    .fetch_all(desk.reading())
    .await
    .map_err(read)?;
    let line = |row: &sqlx::sqlite::SqliteRow| {
        let count = u32::try_from(row.get::<i64, _>("n")).unwrap_or(u32::MAX);
        (row.get("equipment"), count)
    };
    Ok(rows.iter().map(line).collect())
}

/// Writes what was found about a piece of equipment: new episodes come, known ones grow, others end. Gives the
/// episodes that have no hazard yet.
pub(super) async fn keep(
    write: &mut DeskWrite,
    equipment: &str,
    found: &[StateFinding],
    now: UtcMillis,
) -> Result<Vec<StateFinding>, RegisterError> {
    let connection = write.connection()?;
    let mut without = Vec::new();
    for one in found {
        let hazard: Option<String> = sqlx::query_scalar(
            "INSERT INTO state_findings (equipment, condition, since, hours, days, last, observed, found_at, seen_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (equipment, condition, since) DO UPDATE SET \
             hours = excluded.hours, days = excluded.days, last = excluded.last, observed = excluded.observed, \
             seen_at = excluded.seen_at, ended_at = NULL RETURNING hazard",
        )
        .bind(equipment)
        .bind(one.condition.key())
        .bind(one.since.to_string())
        .bind(one.hours)
        .bind(one.days)
        .bind(one.last.to_string())
        .bind(one.observed_percent)
        .bind(now.0)
        .fetch_one(&mut *connection)
        .await
        .map_err(write_error)?;
        if hazard.is_none() {
            without.push(one.clone());
        }
    }
    let standing: Vec<String> = found
        .iter()
        .map(|one| format!("{} {}", one.condition.key(), one.since))
        .collect();
    sqlx::query(
        "UPDATE state_findings SET ended_at = $2 WHERE equipment = $1 AND ended_at IS NULL \
         AND condition || ' ' || since NOT IN (SELECT value FROM json_each($3))",
    )
    .bind(equipment)
    .bind(now.0)
    .bind(serde_json::to_string(&standing).unwrap_or_default())
    .execute(connection)
    .await
    .map_err(write_error)?;
    Ok(without)
}

/// Remembers the hazard of an episode.
pub(super) async fn opened(
    write: &mut DeskWrite,
    equipment: &str,
    found: &StateFinding,
    hazard: &str,
) -> Result<(), RegisterError> {
    sqlx::query(
        "UPDATE state_findings SET hazard = $4 WHERE equipment = $1 AND condition = $2 AND since = $3",
    )
    .bind(equipment)
    .bind(found.condition.key())
    .bind(found.since.to_string())
    .bind(hazard)
    .execute(write.connection()?)
    .await
    .map_err(write_error)?;
    Ok(())
}
