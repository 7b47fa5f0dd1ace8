//! The four lists, files made of them, frozen copies.

use super::time::Time;
use super::view_of;
use crate::app::App;
use crate::desk::listing::COUNTED;
use crate::desk::lists::{
    Checked, Format, Job, JobKind, ListCursor, ListError, ListFilter, ListPage, ListReader, Snapshot,
};
use crate::desk::read;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::lists::{List, ListKey, Tongue};
use vigil_core::people::Person;

/// A list: its name and columns, as configured.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ListInfo {
    /// `risk`, `hazards`, `tasks` or `results`.
    pub key: &'static str,
    /// What the numbers of its frozen copies begin with.
    pub code: String,
    /// Name, Chinese.
    pub title_zh: String,
    /// Name, English.
    pub title_en: String,
    /// Where the name comes from.
    pub source: String,
    /// How sure that is.
    pub confidence: String,
    /// Columns, in order.
    pub columns: Vec<ListColumn>,
}

/// A column of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListColumn {
    /// Stable key of what stands in it.
    pub key: String,
    /// Head, Chinese.
    pub title_zh: String,
    /// Head, English.
    pub title_en: String,
    /// Width in print, characters.
    pub width: u16,
    /// Where it comes from.
    pub source: String,
    /// `sourced`, `memory-high`, `memory-low` or `proposal`.
    pub confidence: String,
    /// It still has to be checked against its source (未核实).
    pub unverified: bool,
}

impl From<&List> for ListInfo {
    fn from(list: &List) -> Self {
        Self {
            key: list.key.key(),
            code: list.code.to_string(),
            title_zh: list.zh.to_string(),
            title_en: list.en.to_string(),
            source: list.source.clone(),
            confidence: list.confidence.clone(),
            columns: list
                .column
                .iter()
                .map(|column| ListColumn {
                    key: column.key.to_string(),
                    title_zh: column.zh.to_string(),
                    title_en: column.en.to_string(),
                    width: column.width,
                    source: column.source.clone(),
                    confidence: column.confidence.clone(),
                    unverified: column.unverified(),
                })
                .collect(),
        }
    }
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListLine {
    /// Id of the hazard or number of the risk point it is about.
    pub id: String,
    /// Texts, in the order of the columns.
    pub cells: Vec<String>,
}

/// What of a list was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListAsked {
    /// First day.
    #[schema(value_type = Option<String>, format = Date)]
    pub from: Option<Date>,
    /// Last day.
    #[schema(value_type = Option<String>, format = Date)]
    pub to: Option<Date>,
    /// Beginning of the area code; empty: all.
    pub area: String,
    /// Code of the use unit; empty: all.
    pub unit: String,
    /// Where the hazards stand; `null`: anywhere.
    pub state: Option<String>,
}

impl From<&ListFilter> for ListAsked {
    fn from(filter: &ListFilter) -> Self {
        Self {
            from: filter.from,
            to: filter.to,
            area: filter.area.clone(),
            unit: filter.unit.clone(),
            state: filter.state.map(|state| view_of(&state)),
        }
    }
}

/// A file or frozen copy that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ListFileView {
    /// Number.
    pub id: i64,
    /// `export` or `snapshot`.
    pub kind: &'static str,
    /// Which list.
    pub list: &'static str,
    /// `xlsx`, `csv` or `json`; `null` for a frozen copy, which is made in all of them.
    pub format: Option<&'static str>,
    /// `zh` or `en`.
    pub language: &'static str,
    /// What of it.
    pub asked: ListAsked,
    /// Who asked.
    pub by: String,
    /// `waiting`, `running`, `done`, `failed`, `cancelled` or `expired`.
    pub state: &'static str,
    /// Steps done …
    pub done: u64,
    /// … of so many; 0 until that is known.
    pub total: u64,
    /// How far it is.
    pub percent: u8,
    /// When it was asked for.
    pub created: Time,
    /// When it was begun, last.
    pub started: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
    /// When the file is removed.
    pub expires: Option<Time>,
    /// Lines in it.
    pub rows: Option<u64>,
    /// Bytes of the file.
    pub size: Option<u64>,
    /// SHA-256 of the file, hex.
    pub sha256: Option<String>,
    /// The frozen copy it became.
    pub snapshot: Option<i64>,
    /// Why it failed.
    pub said: String,
}

impl ListFileView {
    /// As seen through an API or a page.
    #[must_use]
    pub fn of(app: &App, job: &Job) -> Self {
        let (kind, format) = match job.asked.kind {
            JobKind::Export(format) => ("export", Some(format.key())),
            JobKind::Snapshot => ("snapshot", None),
        };
        Self {
            id: job.n,
            kind,
            list: job.asked.list.key(),
            format,
            language: job.asked.tongue.key(),
            asked: (&job.asked.filter).into(),
            by: job.person.login.to_string(),
            state: job.state.key(),
            done: job.done,
            total: job.total,
            percent: job.percent(),
            created: job.created.into(),
            started: job.started.map(Time),
            ended: job.ended.map(Time),
            expires: job.expires(&app.lists).map(Time),
            rows: job.rows,
            size: job.size,
            sha256: job.sha256.clone(),
            snapshot: job.snapshot,
            said: job.said.clone(),
        }
    }
}

/// A frozen copy.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SnapshotView {
    /// Its place among all; its address.
    pub id: i64,
    /// Its number: without a gap in its series, and never twice.
    pub number: String,
    /// Which list.
    pub list: &'static str,
    /// `zh` or `en`.
    pub language: &'static str,
    /// What of it.
    pub asked: ListAsked,
    /// Lines in it.
    pub rows: u64,
    /// Content hash: SHA-256 of the canonical JSON, which is the JSON file.
    pub content_hash: String,
    /// Its files.
    pub files: Vec<SnapshotFile>,
    /// When it was made.
    pub made_at: Time,
    /// By whom.
    pub made_by: String,
}

/// A file of a frozen copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SnapshotFile {
    /// `xlsx`, `csv` or `json`.
    pub format: &'static str,
    /// SHA-256, hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

impl From<&Snapshot> for SnapshotView {
    fn from(snapshot: &Snapshot) -> Self {
        let files = snapshot.files.iter().map(|(format, sha256, size)| SnapshotFile {
            format: format.key(),
            sha256: sha256.clone(),
            size: *size,
        });
        Self {
            id: snapshot.n,
            number: snapshot.number.clone(),
            list: snapshot.list.key(),
            language: snapshot.tongue.key(),
            asked: (&snapshot.filter).into(),
            rows: snapshot.rows,
            content_hash: snapshot.content.clone(),
            files: files.collect(),
            made_at: snapshot.made_at.into(),
            made_by: snapshot.made_by.clone(),
        }
    }
}

/// What looking at a file again came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SnapshotCheck {
    /// `xlsx`, `csv` or `json`.
    pub format: &'static str,
    /// SHA-256 it was made with.
    pub was: String,
    /// SHA-256 it has now; `null`: the file is gone.
    pub is: Option<String>,
    /// Whether it is as it was made.
    pub unchanged: bool,
}

impl From<&Checked> for SnapshotCheck {
    fn from(checked: &Checked) -> Self {
        Self {
            format: checked.format.key(),
            was: checked.was.clone(),
            is: checked.is.clone(),
            unchanged: checked.holds(),
        }
    }
}

/// A page of a list as it is now, and on the first page how many lines there are, counted to [`COUNTED`] + 1.
///
/// # Errors
/// There is no such list; the database cannot be read.
pub async fn list_page(
    app: &App,
    person: &Person,
    key: ListKey,
    filter: &ListFilter,
    tongue: Tongue,
    after: Option<&ListCursor>,
    limit: u32,
) -> Result<(ListPage, Option<u64>), ListError> {
    let rules = app.rules.now();
    let list = rules.lists.get(key).ok_or_else(|| ListError::NotFound {
        what: "list",
        id: key.key().to_owned(),
    })?;
    let reader = ListReader {
        list,
        rules: &rules,
        person,
        filter,
        tongue,
        zone: TimeZone::get(&app.config.web.timezone).unwrap_or(TimeZone::UTC),
        catalog: &app.catalog,
    };
    let mut reading = app.desk.reading().begin().await.map_err(read("a list"))?;
    let page = reader.page(&mut reading, after, limit).await?;
    let total = match after {
        None => Some(reader.count(&mut reading, COUNTED as u32 + 1).await?),
        Some(_) => None,
    };
    Ok((page, total))
}

/// Formats there are, by key.
#[must_use]
pub fn format_keys() -> Vec<&'static str> {
    Format::ALL.iter().map(|format| format.key()).collect()
}
