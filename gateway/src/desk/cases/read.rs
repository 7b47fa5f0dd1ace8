//! One case, with its events and its hazards.

use super::CasesError;
use crate::desk::{corrupt, read};
use crate::store::{Desk, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use vigil_core::hazard::{HazardId, HazardStatus};
use vigil_core::people::{Person, Scope};
use vigil_core::supervision::{Case, CaseEvent};

pub(super) const WHAT: &str = "supervision cases";

/// A case as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCase {
    /// What it is addressed by.
    pub id: i64,
    /// What is known of it.
    pub case: Case,
}

/// A hazard of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseHazard {
    /// Which.
    pub hazard: HazardId,
    /// What its loop knows of the case: `named` (nothing to know), `listing`, `listed`, `delisting`, `delisted`, `refused`.
    pub state: String,
    /// Why the loop refused.
    pub why: String,
    /// Where it stands; `None`: it is not in the store.
    pub status: Option<HazardStatus>,
    /// Its title, Chinese and English.
    pub title: (String, String),
}

pub(super) fn scope_of(row: &SqliteRow) -> Scope {
    let unit = |column: &str| row.get::<Option<String>, _>(column).map(Into::into);
    Scope {
        use_unit: unit("use_unit"),
        maintenance_unit: unit("maintenance_unit"),
        inspection_body: unit("inspection_body"),
        area: row.get::<String, _>("area").into(),
    }
}

pub(super) fn stored(row: &SqliteRow) -> Result<StoredCase, StoreError> {
    let fold: &str = row.get("fold");
    let case = serde_json::from_str(fold).map_err(|error| corrupt(WHAT)(error.to_string()))?;
    Ok(StoredCase {
        id: row.get("id"),
        case,
    })
}

pub(super) async fn by_id(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<(StoredCase, Scope)>, StoreError> {
    let row = sqlx::query("SELECT * FROM cases WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await
        .map_err(read(WHAT))?;
    row.map(|row| Ok((stored(&row)?, scope_of(&row)))).transpose()
}

/// A case, if it is there and in scope.
///
/// # Errors
/// See above; the database cannot be read.
pub async fn case(desk: &Desk, person: &Person, id: i64) -> Result<StoredCase, CasesError> {
    let mut connection = desk.reading().acquire().await.map_err(read(WHAT))?;
    let found = by_id(&mut connection, id).await?;
    found
        .filter(|(_, scope)| person.sees(scope))
        .map(|(stored, _)| stored)
        .ok_or_else(|| CasesError::NotFound(id.to_string()))
}

/// Everything that happened to a case.
///
/// # Errors
/// The database cannot be read.
pub async fn case_events(desk: &Desk, id: i64) -> Result<Vec<CaseEvent>, StoreError> {
    let rows = sqlx::query("SELECT json FROM case_events WHERE case_id = $1 ORDER BY seq")
        .bind(id)
        .fetch_all(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let parse = |row: &SqliteRow| {
        serde_json::from_str(row.get::<&str, _>(0)).map_err(|error| corrupt(WHAT)(error.to_string()))
    };
    rows.iter().map(parse).collect()
}

/// The hazards of a case.
pub(super) async fn hazards(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Vec<CaseHazard>, StoreError> {
    let rows = sqlx::query(
        "SELECT c.hazard, c.state, c.why, h.status, h.title_zh, h.title_en FROM case_hazards c \
         LEFT JOIN hazards h ON h.id = c.hazard WHERE c.case_id = $1 ORDER BY c.hazard",
    )
    .bind(id)
    .fetch_all(connection)
    .await
    .map_err(read(WHAT))?;
    let of = |row: &SqliteRow| {
        let status: Option<String> = row.get(3);
        let status = status
            .map(|status| serde_json::from_value(serde_json::Value::String(status)))
            .transpose()
            .map_err(|error| corrupt(WHAT)(error.to_string()))?;
        let text = |at: usize| row.get::<Option<String>, _>(at).unwrap_or_default();
        Ok(CaseHazard {
            hazard: HazardId(row.get::<String, _>(0).into()),
            state: row.get(1),
            why: row.get(2),
            status,
            title: (text(4), text(5)),
        })
    };
    rows.iter().map(of).collect()
}

/// The hazards of a case, as its page shows them.
///
/// # Errors
/// The database cannot be read.
pub async fn hazards_of_case(desk: &Desk, id: i64) -> Result<Vec<CaseHazard>, StoreError> {
    let mut connection = desk.reading().acquire().await.map_err(read(WHAT))?;
    hazards(&mut connection, id).await
}

/// The cases that name a hazard, newest first, as far as they are in scope.
///
/// # Errors
/// The database cannot be read.
pub async fn cases_of_hazard(
    desk: &Desk,
    person: &Person,
    hazard: &str,
) -> Result<Vec<StoredCase>, StoreError> {
    let rows = sqlx::query(
        "SELECT c.* FROM case_hazards h JOIN cases c ON c.id = h.case_id WHERE h.hazard = $1 ORDER BY c.id DESC",
    )
    .bind(hazard)
    .fetch_all(desk.reading())
    .await
    .map_err(read(WHAT))?;
    rows.iter()
        .filter(|row| person.sees(&scope_of(row)))
        .map(stored)
        .collect()
}
