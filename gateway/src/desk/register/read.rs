//! Reading records, their history and their scope.

use super::RegisterError;
use super::accessory::{Accessory, accessories_of};
use super::error::{corrupt, reading};
use super::prepare::dues;
use crate::desk::scope::push_scope;
use crate::store::{Db, Desk};
use jiff::civil::Date;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use std::collections::{HashMap, HashSet};
use vigil_core::calendar::{Due, Schedules};
use vigil_core::people::{Person, Scope};
use vigil_core::register::{Field, Finding, Record, check};
use vigil_protocol::time::UtcMillis;

/// Everything the register holds about one piece of equipment.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Equipment id.
    pub id: String,
    /// Facts.
    pub record: Record,
    /// Counts its changes.
    pub revision: i64,
    /// When it came.
    pub created: UtcMillis,
    /// Last change.
    pub changed: UtcMillis,
    /// Whose it is and where.
    pub scope: Scope,
    /// 0 to 100.
    pub score: u8,
    /// What is wrong with it today.
    pub findings: Vec<Finding>,
    /// What is due, with the accessory it is due for.
    pub dues: Vec<(Due, String)>,
    /// Its accessories.
    pub accessories: Vec<Accessory>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Number.
    pub n: i64,
    /// When.
    pub at: UtcMillis,
    /// Who.
    pub actor: String,
    /// By what way.
    pub source: String,
    /// Which fact; `*` when the whole came or went.
    pub field: String,
    /// As it was.
    pub old: String,
    /// As it became.
    pub new: String,
}

/// Records and revisions of some ids.
pub(super) async fn records(
    connection: &mut SqliteConnection,
    ids: &[String],
) -> Result<HashMap<String, (Record, i64)>, RegisterError> {
    let rows = sqlx::query(
        "SELECT e.id, e.revision, f.json FROM json_each($1) v JOIN equipment e ON e.id = v.value \
         JOIN equipment_facts f ON f.id = e.id",
    )
    .bind(serde_json::to_string(ids).unwrap_or_default())
    .fetch_all(connection)
    .await
    .map_err(reading("the register"))?;
    rows.iter()
        .map(|row| {
            let json: String = row.get("json");
            let record = serde_json::from_str(&json).map_err(|error| corrupt("record", &error))?;
            Ok((row.get("id"), (record, row.get("revision"))))
        })
        .collect()
}

/// Whose a piece of equipment is and where, as the register says now; `None` when it is not in the register.
///
/// # Errors
/// The database cannot be read.
pub async fn scope_of(desk: &Desk, id: &str) -> Result<Option<Scope>, RegisterError> {
    let row =
        sqlx::query("SELECT use_unit, maintenance_unit, inspection_body, area FROM equipment WHERE id = $1")
            .bind(id)
            .fetch_optional(desk.reading())
            .await
            .map_err(reading("the register"))?;
    Ok(row.map(|row| scope(&row)))
}

fn scope(row: &sqlx::sqlite::SqliteRow) -> Scope {
    let unit = |column: &str| row.get::<Option<String>, _>(column).map(Into::into);
    Scope {
        use_unit: unit("use_unit"),
        maintenance_unit: unit("maintenance_unit"),
        inspection_body: unit("inspection_body"),
        area: row.get::<String, _>("area").into(),
    }
}

/// What equipment is called, by id; without what is not in the register. For who has been shown the ids.
///
/// # Errors
/// The database cannot be read.
pub async fn names(desk: &Desk, ids: &[&str]) -> Result<HashMap<String, String>, RegisterError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let list = serde_json::to_string(ids).unwrap_or_default();
    let rows = sqlx::query("SELECT id, name FROM equipment WHERE id IN (SELECT value FROM json_each($1))")
        .bind(list)
        .fetch_all(desk.reading())
        .await
        .map_err(reading("the names of equipment"))?;
    let rows = rows
        .iter()
        .map(|row| Ok((row.try_get("id")?, row.try_get("name")?)));
    rows.collect::<Result<_, sqlx::Error>>()
        .map_err(reading("the names of equipment"))
}

/// Everything about one piece of equipment, if `person` may see it.
///
/// # Errors
/// The database cannot be read.
pub async fn entry(
    desk: &Desk,
    person: &Person,
    schedules: &Schedules,
    id: &str,
    today: Date,
) -> Result<Option<Entry>, RegisterError> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT e.*, f.json FROM equipment e JOIN equipment_facts f USING (id) WHERE e.id = ",
    );
    query.push_bind(id.to_owned());
    push_scope(&mut query, person, "e.");
    let mut connection = desk.reading().acquire().await.map_err(reading("the register"))?;
    let Some(row) = query
        .build()
        .fetch_optional(&mut *connection)
        .await
        .map_err(reading("the register"))?
    else {
        return Ok(None);
    };
    let json: String = row.get("json");
    let record: Record = serde_json::from_str(&json).map_err(|error| corrupt("record", &error))?;
    let accessories = accessories_of(&mut connection, &[id.to_owned()])
        .await?
        .remove(id)
        .unwrap_or_default();
    Ok(Some(Entry {
        id: row.get("id"),
        revision: row.get("revision"),
        created: UtcMillis(row.get("created")),
        changed: UtcMillis(row.get("changed")),
        scope: scope(&row),
        score: u8::try_from(row.get::<i64, _>("score")).unwrap_or(0),
        findings: check(&record, today),
        dues: dues(&record, &accessories, schedules, today),
        accessories,
        record,
    }))
}

/// Which of these ids the register has.
///
/// # Errors
/// The database cannot be read.
pub async fn known_ids(desk: &Desk, ids: &[&str]) -> Result<HashSet<String>, RegisterError> {
    let rows = sqlx::query("SELECT e.id FROM json_each($1) v JOIN equipment e ON e.id = v.value")
        .bind(serde_json::to_string(ids).unwrap_or_default())
        .fetch_all(desk.reading())
        .await
        .map_err(reading("the register"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Changes of a subject (`equipment:ID`, `unit:CODE` …), latest first, before number `before`. What was said about
/// persons is left out unless `personal`.
///
/// # Errors
/// The database cannot be read.
pub async fn change_history(
    desk: &Desk,
    subject: &str,
    before: Option<i64>,
    limit: u32,
    personal: bool,
) -> Result<Vec<HistoryRow>, RegisterError> {
    let rows =
        sqlx::query("SELECT * FROM register_changes WHERE subject = $1 AND n < $2 ORDER BY n DESC LIMIT $3")
            .bind(subject)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit.clamp(1, 1_000)))
            .fetch_all(desk.reading())
            .await
            .map_err(reading("the register's history"))?;
    let hidden = |field: &str| {
        !personal
            && (field == "*"
                || field == "contact"
                || field == "phone"
                || field == "person"
                || Field::from_key(field).is_some_and(Field::is_personal))
    };
    let line = |row: &sqlx::sqlite::SqliteRow| {
        let field: String = row.get("field");
        let hide = hidden(&field);
        let said = |column: &str| if hide { String::new() } else { row.get(column) };
        HistoryRow {
            n: row.get("n"),
            at: UtcMillis(row.get("at")),
            actor: row.get("actor"),
            source: row.get("source"),
            old: said("old"),
            new: said("new"),
            field,
        }
    };
    Ok(rows.iter().map(line).collect())
}
