//! Files and frozen copies that were asked for: a row each, from the wish to the file.

use super::{ListError, ListFile, ListFilter, Lists};
use crate::desk::{corrupt, read, write};
use crate::sheet;
use crate::store::{Db, Desk, StoreError};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _};
use vigil_core::hash::ContentHash;
use vigil_core::lists::{ListKey, Tongue};
use vigil_core::people::{Person, Role};
use vigil_protocol::time::UtcMillis;

/// What one person may have waiting.
const WAITING: i64 = 10;
const WHAT: &str = "files of lists";

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// A workbook, formatted to print.
    Xlsx,
    /// Comma-separated values.
    Csv,
    /// The canonical JSON.
    Json,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Xlsx, Self::Csv, Self::Json];

    /// Stable key, and the end of a file's name.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The format behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.key() == key)
    }

    /// Media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Xlsx => sheet::XLSX,
            Self::Csv => sheet::CSV,
            Self::Json => "application/json",
        }
    }
}

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// A file of the list as it is.
    Export(Format),
    /// A frozen copy, in every format.
    Snapshot,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Its turn has not come.
    Waiting,
    /// It is being made.
    Running,
    /// It is there.
    Done,
    /// It could not be made.
    Failed,
    /// Nobody wants it any more.
    Cancelled,
    /// Its file was removed after its time.
    Expired,
}

impl JobState {
    const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether something will still happen by itself.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// A file or a frozen copy.
    pub kind: JobKind,
    /// Of which list.
    pub list: ListKey,
    /// In which language.
    pub tongue: Tongue,
    /// What of it.
    pub filter: ListFilter,
}

/// A piece of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Number.
    pub n: i64,
    /// What was asked for.
    pub asked: Asked,
    /// Who asked.
    pub person: Person,
    /// Where it stands.
    pub state: JobState,
    /// Steps done …
    pub done: u64,
    /// … of so many; 0: not known yet.
    pub total: u64,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was asked for.
    pub created: UtcMillis,
    /// When it was begun.
    pub started: Option<UtcMillis>,
    /// When it ended.
    pub ended: Option<UtcMillis>,
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

impl Job {
    /// Percent done, 0 to 100.
    #[must_use]
    pub fn percent(&self) -> u8 {
        match (self.state, self.total) {
            (JobState::Done | JobState::Expired, _) => 100,
            (_, 0) => 0,
            (_, total) => u8::try_from(self.done.min(total) * 100 / total).unwrap_or(100),
        }
    }

    /// When its file is removed.
    #[must_use]
    pub fn expires(&self, lists: &Lists) -> Option<UtcMillis> {
        let ended = self.ended.filter(|_| self.state == JobState::Done);
        let kept = matches!(self.asked.kind, JobKind::Export(_));
        ended
            .filter(|_| kept)
            .map(|at| at.saturating_add_ms(keep_ms(lists)))
    }

    /// Name of its file, without folder.
    pub(super) fn file(&self, format: Format) -> String {
        format!("{}.{}", self.n, format.key())
    }
}

pub(super) fn keep_ms(lists: &Lists) -> i64 {
    i64::from(lists.spec().keep_files_hours) * 3_600_000
}

/// What of a job stands in its row, for the request's hash.
#[derive(Serialize)]
struct Wish<'a> {
    kind: &'a str,
    format: &'a str,
    list: &'a str,
    language: &'a str,
    filter: &'a ListFilter,
}

fn wish(asked: &Asked) -> Wish<'_> {
    let (kind, format) = match asked.kind {
        JobKind::Export(format) => ("export", format.key()),
        JobKind::Snapshot => ("snapshot", ""),
    };
    Wish {
        kind,
        format,
        list: asked.list.key(),
        language: asked.tongue.key(),
        filter: &asked.filter,
    }
}

/// Asks for a file or a frozen copy; asking again with the same key gives the same job. `true`: it is new.
///
/// # Errors
/// A frozen copy without a period; too much is waiting; the key was used for something else; the database.
pub async fn ask(
    desk: &Desk,
    lists: &Lists,
    person: &Person,
    asked: &Asked,
    key: Option<&str>,
    now: UtcMillis,
) -> Result<(Job, bool), ListError> {
    if asked.kind == JobKind::Snapshot && (asked.filter.from.is_none() || asked.filter.to.is_none()) {
        return Err(ListError::Value {
            field: "from",
            what: "a frozen copy is of a period: name its first and last day".to_owned(),
        });
    }
    let wish = wish(asked);
    let hash = ContentHash::of(serde_json::to_string(&wish).unwrap_or_default().as_bytes()).to_string();
    let mut begun = desk.begin().await?;
    let connection = begun.connection()?;
    if let Some(key) = key {
        let known = sqlx::query("SELECT * FROM list_jobs WHERE login = $1 AND request = $2")
            .bind(&*person.login)
            .bind(key)
            .fetch_optional(&mut *connection)
            .await
            .map_err(read(WHAT))?;
        if let Some(row) = known {
            let same = row.get::<&str, _>("request_of") == hash;
            begun.commit().await?;
            return if same {
                Ok((of_row(&row)?, false))
            } else {
                Err(ListError::KeyReused)
            };
        }
    }
    let waiting: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM list_jobs WHERE state IN ('waiting', 'running') AND login = $1",
    )
    .bind(&*person.login)
    .fetch_one(&mut *connection)
    .await
    .map_err(read(WHAT))?;
    if waiting >= WAITING {
        return Err(ListError::Refused {
            code: "too_many_waiting",
            message: format!(
                "{waiting} files you asked for are still being made; wait for them or cancel some"
            ),
            message_zh: format!("您申请的{waiting}个文件仍在生成，请等待完成或取消部分任务"),
        });
    }
    let row = sqlx::query(
        "INSERT INTO list_jobs (kind, list, format, language, filter, login, person, state, created, request, request_of) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, $10) RETURNING *",
    )
    .bind(wish.kind)
    .bind(wish.list)
    .bind(wish.format)
    .bind(wish.language)
    .bind(serde_json::to_string(&asked.filter).unwrap_or_default())
    .bind(&*person.login)
    .bind(serde_json::to_string(person).unwrap_or_default())
    .bind(now.0)
    .bind(key)
    .bind(&hash)
    .fetch_one(connection)
    .await
    .map_err(write(WHAT))?;
    begun.commit().await?;
    lists.wake();
    Ok((of_row(&row)?, true))
}

/// One job, for whoever asked for it and for administrators.
///
/// # Errors
/// There is none for him; the database cannot be read.
pub async fn job(desk: &Desk, person: &Person, n: i64) -> Result<Job, ListError> {
    let row = sqlx::query("SELECT * FROM list_jobs WHERE n = $1")
        .bind(n)
        .fetch_optional(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let found = row.as_ref().map(of_row).transpose()?;
    found
        .filter(|job| person.role == Role::Administrator || job.person.login == person.login)
        .ok_or_else(|| ListError::not_found("file", n))
}

/// Jobs of a person (all of them for administrators), latest first, before number `before`.
///
/// # Errors
/// The database cannot be read.
pub async fn jobs(
    desk: &Desk,
    person: &Person,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Job>, ListError> {
    let mut query = QueryBuilder::<Db>::new("SELECT * FROM list_jobs WHERE n < ");
    query.push_bind(before.unwrap_or(i64::MAX));
    if person.role != Role::Administrator {
        query.push(" AND login = ").push_bind(person.login.to_string());
    }
    query
        .push(" ORDER BY n DESC LIMIT ")
        .push_bind(i64::from(limit.clamp(1, 1_001)));
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(read(WHAT))?;
    rows.iter()
        .map(|row| of_row(row).map_err(ListError::from))
        .collect()
}

/// Cancels what is not done yet; what is stays as it is.
///
/// # Errors
/// There is no such job for him; it has ended; the database.
pub async fn cancel(desk: &Desk, person: &Person, n: i64, now: UtcMillis) -> Result<Job, ListError> {
    job(desk, person, n).await?;
    let mut begun = desk.begin().await?;
    let done = sqlx::query(
        "UPDATE list_jobs SET state = 'cancelled', ended = $2 WHERE n = $1 AND state IN ('waiting', 'running')",
    )
    .bind(n)
    .bind(now.0)
    .execute(begun.connection()?)
    .await
    .map_err(write(WHAT))?;
    begun.commit().await?;
    if done.rows_affected() == 0 {
        return Err(ListError::Refused {
            code: "ended",
            message: "it has ended already: there is nothing to cancel".to_owned(),
            message_zh: "任务已结束，无可取消".to_owned(),
        });
    }
    job(desk, person, n).await
}

/// The file of a job that is done.
///
/// # Errors
/// There is no such job for him; it is not done, or its file was removed; the database.
pub async fn file_of(desk: &Desk, lists: &Lists, person: &Person, n: i64) -> Result<ListFile, ListError> {
    let job = job(desk, person, n).await?;
    let JobKind::Export(format) = job.asked.kind else {
        return Err(ListError::not_found("file", n));
    };
    match job.state {
        JobState::Done => Ok(ListFile {
            path: lists.made().join(job.file(format)),
            name: name_of(lists, &job, format),
            size: job.size.unwrap_or_default(),
            format,
        }),
        JobState::Expired => Err(ListError::Refused {
            code: "expired",
            message: "the file was removed after its time; ask for it again".to_owned(),
            message_zh: "文件已过期删除，请重新导出".to_owned(),
        }),
        _ => Err(ListError::Refused {
            code: "not_done",
            message: "the file is not there yet".to_owned(),
            message_zh: "文件尚未生成".to_owned(),
        }),
    }
}

fn name_of(lists: &Lists, job: &Job, format: Format) -> String {
    let spec = lists.spec();
    let list = spec.get(job.asked.list);
    let title = list.map_or("", |list| job.asked.tongue.pick(&list.zh, &list.en));
    let day = |day: Option<jiff::civil::Date>| day.map_or_else(String::new, |day| format!("_{day}"));
    format!(
        "{title}{}{}.{}",
        day(job.asked.filter.from),
        day(job.asked.filter.to),
        format.key()
    )
}

pub(super) fn of_row(row: &SqliteRow) -> Result<Job, StoreError> {
    let corrupt = corrupt(WHAT);
    let list: &str = row.get("list");
    let (kind, format): (&str, &str) = (row.get("kind"), row.get("format"));
    let state: &str = row.get("state");
    let count = |column: &str| row.get::<i64, _>(column).unsigned_abs();
    let maybe = |column: &str| row.get::<Option<i64>, _>(column);
    Ok(Job {
        n: row.get("n"),
        asked: Asked {
            kind: match (kind, Format::from_key(format)) {
                ("snapshot", None) => JobKind::Snapshot,
                ("export", Some(format)) => JobKind::Export(format),
                _ => return Err(corrupt(format!("{kind} {format}"))),
            },
            list: ListKey::from_key(list).ok_or_else(|| corrupt(format!("list {list:?}")))?,
            tongue: Tongue::from_key(row.get("language")).unwrap_or_default(),
            filter: serde_json::from_str(row.get("filter")).map_err(|error| corrupt(error.to_string()))?,
        },
        person: serde_json::from_str(row.get("person")).map_err(|error| corrupt(error.to_string()))?,
        state: JobState::ALL
            .into_iter()
            .find(|one| one.key() == state)
            .ok_or_else(|| corrupt(format!("state {state:?}")))?,
        done: count("done"),
        total: count("total"),
        attempts: u32::try_from(count("attempts")).unwrap_or(u32::MAX),
        created: UtcMillis(row.get("created")),
        started: maybe("started").map(UtcMillis),
        ended: maybe("ended").map(UtcMillis),
        rows: maybe("rows").map(i64::unsigned_abs),
        size: maybe("size").map(i64::unsigned_abs),
        sha256: row.get("sha256"),
        snapshot: maybe("snapshot"),
        said: row.get("said"),
    })
}
