//! Frozen copies: a number, a hash, three files that are the same for ever.

use super::spool::hash_of;
use super::{Format, ListError, ListFile, ListFilter, Lists};
use crate::desk::{corrupt, read};
use crate::store::{Db, Desk, StoreError};
use jiff::civil::Date;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _};
use std::io;
use vigil_core::lists::{ListKey, Tongue};
use vigil_core::people::{Person, Sight};
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "frozen lists";

/// A frozen copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its place among all.
    pub n: i64,
    /// Its number.
    pub number: String,
    /// Of which list.
    pub list: ListKey,
    /// In which language.
    pub tongue: Tongue,
    /// What of it.
    pub filter: ListFilter,
    /// Lines in it.
    pub rows: u64,
    /// SHA-256 of the canonical JSON, which is the JSON file: its content hash.
    pub content: String,
    /// SHA-256 and bytes of each file.
    pub files: [(Format, String, u64); 3],
    /// When it was made.
    pub made_at: UtcMillis,
    /// By whom.
    pub made_by: String,
    file: String,
}

/// The end of a page: the last number of order.
pub type SnapshotCursor = i64;

/// Which frozen copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotFilter {
    /// Of this list.
    pub list: Option<ListKey>,
    /// Of a period that reaches to this day or behind it.
    pub from: Option<Date>,
    /// Of a period that begins on this day or before it.
    pub to: Option<Date>,
    /// Where the page before ended.
    pub before: Option<SnapshotCursor>,
    /// At most so many.
    pub limit: u32,
}

/// What looking at a file of a frozen copy came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Which file.
    pub format: Format,
    /// SHA-256 it was made with.
    pub was: String,
    /// SHA-256 it has now; `None`: it is not there.
    pub is: Option<String>,
}

impl Checked {
    /// Whether it is as it was made.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.is.as_deref() == Some(&*self.was)
    }
}

impl Snapshot {
    /// One of its files.
    #[must_use]
    pub fn file(&self, lists: &Lists, format: Format) -> ListFile {
        let size = self.files.iter().find(|(one, ..)| *one == format);
        ListFile {
            path: lists.frozen().join(format!("{}.{}", self.file, format.key())),
            name: format!("{}.{}", self.number, format.key()),
            size: size.map_or(0, |(_, _, size)| *size),
            format,
        }
    }
}

/// Whose eyes a list was read with, and of what: who sees less must not get the copy.
pub(super) fn sight_of(person: &Person, filter: &ListFilter) -> (&'static str, String) {
    let json = |areas: &[String]| serde_json::to_string(areas).unwrap_or_default();
    match person.sight() {
        Sight::Everything if filter.area.is_empty() => ("all", "[]".to_owned()),
        Sight::Everything => ("areas", json(std::slice::from_ref(&filter.area))),
        Sight::Areas(areas) => {
            let inside = areas.iter().any(|area| filter.area.starts_with(&**area));
            let areas: Vec<String> = if inside {
                vec![filter.area.clone()]
            } else {
                areas.iter().map(ToString::to_string).collect()
            };
            ("areas", json(&areas))
        }
        Sight::UseUnit(unit) => ("use_unit", json(&[unit.to_string()])),
        Sight::MaintenanceUnit(unit) => ("maintenance_unit", json(&[unit.to_string()])),
        Sight::InspectionBody(unit) => ("inspection_body", json(&[unit.to_string()])),
        Sight::Nothing => ("nothing", "[]".to_owned()),
    }
}

/// Adds that the copy shows nothing `person` does not see.
fn push_seen(query: &mut QueryBuilder<Db>, person: &Person) {
    let mut own = |kind: &str, unit: &str| {
        query
            .push(format!(" AND sight = '{kind}' AND sight_of = "))
            .push_bind(serde_json::to_string(&[unit]).unwrap_or_default());
    };
    match person.sight() {
        Sight::Everything => {}
        Sight::Nothing => drop(query.push(" AND 0")),
        Sight::UseUnit(unit) => own("use_unit", &unit),
        Sight::MaintenanceUnit(unit) => own("maintenance_unit", &unit),
        Sight::InspectionBody(unit) => own("inspection_body", &unit),
        Sight::Areas(areas) => {
            query.push(
                " AND sight = 'areas' AND NOT EXISTS (SELECT 1 FROM json_each(sight_of) a WHERE NOT (0",
            );
            for area in &areas {
                query
                    .push(format!(" OR substr(a.value, 1, {}) = ", area.chars().count()))
                    .push_bind(area.to_string());
            }
            query.push("))");
        }
    }
}

/// Frozen copies a person may see, latest first.
///
/// # Errors
/// The database cannot be read.
pub async fn snapshots(
    desk: &Desk,
    person: &Person,
    filter: &SnapshotFilter,
) -> Result<Vec<Snapshot>, ListError> {
    let mut query = QueryBuilder::<Db>::new("SELECT * FROM list_snapshots WHERE n < ");
    query.push_bind(filter.before.unwrap_or(i64::MAX));
    push_seen(&mut query, person);
    if let Some(list) = filter.list {
        query.push(" AND list = ").push_bind(list.key());
    }
    for (test, day) in [("period_to >= ", filter.from), ("period_from <= ", filter.to)] {
        if let Some(day) = day {
            query.push(format!(" AND {test}")).push_bind(day.to_string());
        }
    }
    query
        .push(" ORDER BY n DESC LIMIT ")
        .push_bind(i64::from(filter.limit.clamp(1, 1_001)));
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(read(WHAT))?;
    rows.iter()
        .map(|row| of_row(row).map_err(ListError::from))
        .collect()
}

/// One frozen copy, if the person may see it.
///
/// # Errors
/// There is none for him; the database cannot be read.
pub async fn snapshot(desk: &Desk, person: &Person, n: i64) -> Result<Snapshot, ListError> {
    let mut query = QueryBuilder::<Db>::new("SELECT * FROM list_snapshots WHERE n = ");
    query.push_bind(n);
    push_seen(&mut query, person);
    let row = query
        .build()
        .fetch_optional(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let found = row.as_ref().map(of_row).transpose()?;
    found.ok_or_else(|| ListError::not_found("frozen list", n))
}

/// The frozen copy with this number, if the person may see it.
///
/// # Errors
/// The database cannot be read.
pub async fn named(desk: &Desk, person: &Person, number: &str) -> Result<Option<Snapshot>, ListError> {
    let mut query = QueryBuilder::<Db>::new("SELECT * FROM list_snapshots WHERE number = ");
    query.push_bind(number.to_owned());
    push_seen(&mut query, person);
    let row = query
        .build()
        .fetch_optional(desk.reading())
        .await
        .map_err(read(WHAT))?;
    Ok(row.as_ref().map(of_row).transpose()?)
}

/// The frozen copy a file with this SHA-256 belongs to, unchanged, if the person may see it.
///
/// # Errors
/// The database cannot be read.
pub async fn identify(
    desk: &Desk,
    person: &Person,
    sha256: &str,
) -> Result<Option<(Snapshot, Format)>, ListError> {
    let mut query = QueryBuilder::<Db>::new("SELECT * FROM list_snapshots WHERE ");
    for (at, column) in ["content", "csv_hash", "xlsx_hash"].into_iter().enumerate() {
        query
            .push(if at == 0 { "(" } else { " OR " })
            .push(format!("{column} = "))
            .push_bind(sha256.to_owned());
    }
    query.push(")");
    push_seen(&mut query, person);
    let row = query
        .build()
        .fetch_optional(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let Some(row) = row else { return Ok(None) };
    let found = of_row(&row)?;
    let format = found.files.iter().find(|(_, hash, _)| hash == sha256);
    let format = format.map_or(Format::Json, |(format, ..)| *format);
    Ok(Some((found, format)))
}

/// Reads every file of a frozen copy again: whether each is as it was made.
///
/// # Errors
/// A file is there but cannot be read; the gateway is stopping.
pub async fn check(lists: &Lists, snapshot: &Snapshot) -> Result<Vec<Checked>, ListError> {
    let files = snapshot
        .files
        .clone()
        .map(|(format, was, _)| (format, was, snapshot.file(lists, format).path));
    let look = move || {
        let look = |(format, was, path): (Format, String, std::path::PathBuf)| {
            let is = match hash_of(&path) {
                Ok(written) => Some(written.hash.to_string()),
                Err(ListError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            Ok(Checked { format, was, is })
        };
        files.into_iter().map(look).collect()
    };
    tokio::task::spawn_blocking(look)
        .await
        .map_err(|_| ListError::Stopping)?
}

fn of_row(row: &SqliteRow) -> Result<Snapshot, StoreError> {
    let corrupt = corrupt(WHAT);
    let list: &str = row.get("list");
    let size = |column: &str| row.get::<i64, _>(column).unsigned_abs();
    let content: String = row.get("content");
    Ok(Snapshot {
        n: row.get("n"),
        number: row.get("number"),
        list: ListKey::from_key(list).ok_or_else(|| corrupt(format!("list {list:?}")))?,
        tongue: Tongue::from_key(row.get("language")).unwrap_or_default(),
        filter: serde_json::from_str(row.get("filter")).map_err(|error| corrupt(error.to_string()))?,
        rows: size("rows"),
        files: [
            (Format::Xlsx, row.get("xlsx_hash"), size("xlsx_size")),
            (Format::Csv, row.get("csv_hash"), size("csv_size")),
            (Format::Json, content.clone(), size("json_size")),
        ],
        content,
        made_at: UtcMillis(row.get("made_at")),
        made_by: row.get("made_by"),
        file: row.get("file"),
    })
}
