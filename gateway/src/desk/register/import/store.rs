//! Files that were sent: each with its hash, who sent it, and what became of it.

use super::super::entering::remember;
use super::super::error::{corrupt, reading, writing};
use super::super::{Act, RegisterError};
use crate::store::Desk;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use vigil_core::hash::ContentHash;
use vigil_core::register::{Field, tidy};
use vigil_protocol::time::UtcMillis;

/// What a person chose about a file; what is not chosen is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Sheet.
    #[serde(default)]
    pub sheet: Option<String>,
    /// Row of the head, as numbered in the file.
    #[serde(default)]
    pub header: Option<u32>,
    /// What each column is; `None` within: not taken.
    #[serde(default)]
    pub columns: Option<Vec<Option<Field>>>,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// It waits for a decision.
    Waiting,
    /// It is in the register.
    Applied,
    /// It is not, and will not be.
    Discarded,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    /// Number.
    pub n: i64,
    /// When it was sent.
    pub at: UtcMillis,
    /// Who sent it.
    pub actor: String,
    /// Name of the file, for people only.
    pub file_name: String,
    /// SHA-256 of the file.
    pub hash: String,
    /// Bytes.
    pub size: u64,
    /// What was chosen.
    pub choice: Choice,
    /// Where it stands.
    pub state: ImportState,
    /// When it was decided.
    pub decided_at: Option<UtcMillis>,
    /// By whom.
    pub decided_by: Option<String>,
    /// What became of it: counts, as JSON.
    pub summary: String,
    /// Counts choices of sheet, head and columns.
    pub revision: i64,
}

/// A file that waits longer is dropped.
const KEPT_MS: i64 = 7 * 86_400_000;

impl ImportState {
    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Discarded => "discarded",
        }
    }
}

pub(super) fn row(row: &SqliteRow) -> Result<ImportRow, RegisterError> {
    let choice: String = row.get("choice");
    let state: String = row.get("state");
    Ok(ImportRow {
        n: row.get("n"),
        at: UtcMillis(row.get("at")),
        actor: row.get("actor"),
        file_name: row.get("file_name"),
        hash: row.get("hash"),
        size: row.get::<i64, _>("size").unsigned_abs(),
        choice: serde_json::from_str(&choice).map_err(|error| corrupt("import", &error))?,
        state: match state.as_str() {
            "applied" => ImportState::Applied,
            "discarded" => ImportState::Discarded,
            _ => ImportState::Waiting,
        },
        decided_at: row.get::<Option<i64>, _>("decided_at").map(UtcMillis),
        decided_by: row.get("decided_by"),
        summary: row.get("summary"),
        revision: row.get("revision"),
    })
}

pub(super) const COLUMNS: &str =
    "n, at, actor, file_name, hash, size, choice, state, decided_at, decided_by, summary, revision";

/// Keeps a file; nothing of it is in the register yet. With the key of a request it is kept once.
///
/// # Errors
/// The database cannot be written.
pub(super) async fn keep(
    desk: &Desk,
    act: &Act,
    file_name: &str,
    bytes: &[u8],
) -> Result<ImportRow, RegisterError> {
    // The name is for people: what looks like a path is none.
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = tidy(name).chars().take(120).collect();
    let mut write = desk.begin().await?;
    let found = sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO imports (at, actor, file_name, hash, size, bytes, choice, state, summary) \
         VALUES ($1, $2, $3, $4, $5, $6, '{{}}', 'waiting', '{{}}') RETURNING {COLUMNS}"
    )))
    .bind(act.now.0)
    .bind(&act.actor)
    .bind(if name.is_empty() { "file".to_owned() } else { name })
    .bind(ContentHash::of(bytes).to_string())
    .bind(bytes.len() as i64)
    .bind(bytes)
    .fetch_one(write.connection()?)
    .await
    .map_err(writing("an import"))?;
    let kept = row(&found)?;
    remember(write.connection()?, act, &kept.n.to_string()).await?;
    write.commit().await?;
    Ok(kept)
}

/// Imports, latest first.
///
/// # Errors
/// The database cannot be read.
pub async fn imports(desk: &Desk, before: Option<i64>, limit: u32) -> Result<Vec<ImportRow>, RegisterError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM imports WHERE n < $1 ORDER BY n DESC LIMIT $2"
    )))
    .bind(before.unwrap_or(i64::MAX))
    .bind(i64::from(limit.clamp(1, 1_000)))
    .fetch_all(desk.reading())
    .await
    .map_err(reading("imports"))?;
    rows.iter().map(row).collect()
}

/// One import.
///
/// # Errors
/// There is none; the database cannot be read.
pub async fn import(desk: &Desk, n: i64) -> Result<ImportRow, RegisterError> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM imports WHERE n = $1"
    )))
    .bind(n)
    .fetch_optional(desk.reading())
    .await
    .map_err(reading("imports"))?;
    let found = found.ok_or(RegisterError::NotFound {
        what: "import",
        id: n.to_string(),
    })?;
    row(&found)
}

/// Its file, while it waits.
pub(super) async fn file(desk: &Desk, n: i64) -> Result<Vec<u8>, RegisterError> {
    let bytes: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT bytes FROM imports WHERE n = $1")
        .bind(n)
        .fetch_optional(desk.reading())
        .await
        .map_err(reading("imports"))?;
    bytes.flatten().ok_or_else(|| {
        RegisterError::Refused(format!(
            "import {n} has been decided: its file is no longer kept, its hash is"
        ))
    })
}

/// Chooses sheet, head and columns; `seen` is the revision that was looked at.
///
/// # Errors
/// It has been decided, or somebody has chosen meanwhile; the database cannot be written.
pub async fn choose(desk: &Desk, n: i64, seen: Option<i64>, choice: &Choice) -> Result<(), RegisterError> {
    let columns = choice.columns.as_deref().unwrap_or_default();
    for (at, field) in columns.iter().enumerate() {
        if let Some(field) = field
            && columns
                .iter()
                .take(at)
                .any(|before| before.as_ref() == Some(field))
        {
            return Err(RegisterError::Value {
                field: "columns",
                what: format!(
                    "two columns are given as {} ({})",
                    field.title_zh(),
                    field.title_en()
                ),
            });
        }
    }
    let json = serde_json::to_string(choice).map_err(|error| RegisterError::Broken(error.to_string()))?;
    let mut write = desk.begin().await?;
    let done = sqlx::query(
        "UPDATE imports SET choice = $2, revision = revision + 1 \
         WHERE n = $1 AND state = 'waiting' AND ($3 IS NULL OR revision = $3)",
    )
    .bind(n)
    .bind(json)
    .bind(seen)
    .execute(write.connection()?)
    .await
    .map_err(writing("an import"))?;
    write.commit().await?;
    decided_unless(done.rows_affected() == 1, desk, n, seen).await
}

/// Decides against an import; `seen` is the revision that was looked at.
///
/// # Errors
/// It has been decided, or somebody has chosen meanwhile; the database cannot be written.
pub async fn discard(desk: &Desk, act: &Act, n: i64, seen: Option<i64>) -> Result<(), RegisterError> {
    let mut write = desk.begin().await?;
    let done = sqlx::query(
        "UPDATE imports SET state = 'discarded', bytes = NULL, decided_at = $2, decided_by = $3 \
         WHERE n = $1 AND state = 'waiting' AND ($4 IS NULL OR revision = $4)",
    )
    .bind(n)
    .bind(act.now.0)
    .bind(&act.actor)
    .bind(seen)
    .execute(write.connection()?)
    .await
    .map_err(writing("an import"))?;
    write.commit().await?;
    decided_unless(done.rows_affected() == 1, desk, n, seen).await
}

async fn decided_unless(done: bool, desk: &Desk, n: i64, seen: Option<i64>) -> Result<(), RegisterError> {
    if done {
        return Ok(());
    }
    let is = import(desk, n).await?;
    unchanged(&is, seen)?;
    Err(RegisterError::Refused(format!(
        "import {n} is {}",
        is.state.key()
    )))
}

/// Refuses what is based on another choice than the one in force.
pub(super) fn unchanged(import: &ImportRow, seen: Option<i64>) -> Result<(), RegisterError> {
    match seen {
        Some(expected) if import.state == ImportState::Waiting && import.revision != expected => {
            Err(RegisterError::Stale {
                what: "the choice of columns",
                is: import.revision,
                expected,
            })
        }
        _ => Ok(()),
    }
}

/// Drops files nobody decided about for a week.
///
/// # Errors
/// The database cannot be written.
pub async fn drop_old_files(desk: &Desk, act: &Act) -> Result<(), RegisterError> {
    let mut write = desk.begin().await?;
    sqlx::query(
        "UPDATE imports SET state = 'discarded', bytes = NULL, decided_at = $1, decided_by = $2 \
         WHERE state = 'waiting' AND at < $3",
    )
    .bind(act.now.0)
    .bind(&act.actor)
    .bind(act.now.0 - KEPT_MS)
    .execute(write.connection()?)
    .await
    .map_err(writing("imports"))?;
    write.commit().await?;
    Ok(())
}
