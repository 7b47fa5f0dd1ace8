//! The one who makes the files: one job at a time, a page of lines in memory, whatever their number.

use super::jobs::{keep_ms, of_row};
use super::snapshots::sight_of;
use super::spool::{self, Head, Spool, Written};
use super::{Format, Job, JobKind, ListError, ListReader, Lists, file_error};
use crate::app::App;
use crate::desk::{read, write};
use crate::sheet::Heading;
use crate::store::Desk;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use sqlx::{Row as _, SqliteConnection};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vigil_core::catalog::Catalog;
use vigil_core::desk::DeskRules;
use vigil_core::lists::{List, Numbered, Tongue};
use vigil_protocol::time::UtcMillis;

/// Lines read at a time.
const PAGE: u32 = 200;
/// Lines after which is written down how far it is, and whether it is still wanted.
const TELL: u64 = 2_000;
/// A job that ended the gateway so often is not begun again.
const ATTEMPTS: i64 = 3;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
const WHAT: &str = "files of lists";

/// Why a job ends without its file.
#[derive(Debug, thiserror::Error)]
enum Halt {
    /// Nobody wants it any more.
    #[error("cancelled")]
    Cancelled,
    /// It does not work.
    #[error(transparent)]
    Failed(#[from] ListError),
}

impl From<crate::store::StoreError> for Halt {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// What a job came to.
struct Made {
    rows: u64,
    /// Of the one file of an export.
    file: Option<Written>,
}

/// Makes what is asked for, one after the other, until `stopping`. What was under way at the last stop is begun again.
pub async fn every_job(mut app: App, catalog: watch::Receiver<Arc<Catalog>>, stopping: CancellationToken) {
    let mut recovered = false;
    loop {
        app.catalog = Arc::clone(&catalog.borrow());
        let worked = async {
            if !recovered {
                recover(&app.desk, app.clock.now()).await?;
                recovered = true;
            }
            expire(&app.desk, &app.lists, app.clock.now()).await?;
            next_job(&app).await
        };
        let worked = tokio::select! {
            worked = worked => worked,
            // What is under way is begun again at the next start.
            () = stopping.cancelled() => return,
        };
        let pause = match worked {
            Ok(Some(_)) => continue,
            Ok(None) => HOUR_MS,
            Err(error) => {
                tracing::error!(%error, "files of lists cannot be made; it is tried again in a minute");
                MINUTE_MS
            }
        };
        tokio::select! {
            () = app.lists.woken() => {}
            () = app.clock.reach(app.clock.now().saturating_add_ms(pause)) => {}
            () = stopping.cancelled() => return,
        }
    }
}

/// Whatever was under way when the gateway stopped waits again.
async fn recover(desk: &Desk, now: UtcMillis) -> Result<(), ListError> {
    let mut begun = desk.begin().await?;
    let connection = begun.connection()?;
    sqlx::query(
        "UPDATE list_jobs SET state = 'failed', ended = $2, said = 'the gateway stopped each time it was made' \
         WHERE state = 'running' AND attempts >= $1",
    )
    .bind(ATTEMPTS)
    .bind(now.0)
    .execute(&mut *connection)
    .await
    .map_err(write(WHAT))?;
    sqlx::query("UPDATE list_jobs SET state = 'waiting' WHERE state = 'running'")
        .execute(connection)
        .await
        .map_err(write(WHAT))?;
    begun.commit().await?;
    Ok(())
}

/// Removes files whose time is over.
async fn expire(desk: &Desk, lists: &Lists, now: UtcMillis) -> Result<(), ListError> {
    let old = now.saturating_sub_ms(keep_ms(lists));
    let rows = sqlx::query(
        "SELECT * FROM list_jobs WHERE state = 'done' AND kind = 'export' AND ended < $1 LIMIT 1000",
    )
    .bind(old.0)
    .fetch_all(desk.reading())
    .await
    .map_err(read(WHAT))?;
    for row in &rows {
        let job = of_row(row)?;
        if let JobKind::Export(format) = job.asked.kind {
            gone(&lists.made().join(job.file(format)))?;
        }
        let mut begun = desk.begin().await?;
        sqlx::query("UPDATE list_jobs SET state = 'expired' WHERE n = $1 AND state = 'done'")
            .bind(job.n)
            .execute(begun.connection()?)
            .await
            .map_err(write(WHAT))?;
        begun.commit().await?;
    }
    Ok(())
}

/// Removes a file, if it is there.
fn gone(path: &Path) -> Result<(), ListError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
        _ => Ok(()),
    }
}

/// Makes the next file that is asked for; its number, `None` when there is none.
///
/// # Errors
/// The database cannot be read or written. What is wrong with one job is written down with it.
pub async fn next_job(app: &App) -> Result<Option<i64>, ListError> {
    let mut begun = app.desk.begin().await?;
    let row = sqlx::query(
        "UPDATE list_jobs SET state = 'running', started = $1, attempts = attempts + 1, done = 0, total = 0 \
         WHERE n = (SELECT MIN(n) FROM list_jobs WHERE state = 'waiting') RETURNING *",
    )
    .bind(app.clock.now().0)
    .fetch_optional(begun.connection()?)
    .await
    .map_err(write(WHAT))?;
    begun.commit().await?;
    let Some(row) = row else { return Ok(None) };
    let job = of_row(&row)?;
    let n = job.n;
    let spool = app.lists.made().join(format!("{n}.rows"));
    let made = make(app, &job, &spool).await;
    gone(&spool)?;
    match made {
        Ok(made) => finish(app, &job, &made).await?,
        Err(Halt::Cancelled) => {
            if let JobKind::Export(format) = job.asked.kind {
                gone(&app.lists.made().join(job.file(format)))?;
            }
        }
        Err(Halt::Failed(error)) => {
            tracing::error!(job = n, %error, "a file of a list could not be made");
            let mut begun = app.desk.begin().await?;
            sqlx::query(
                "UPDATE list_jobs SET state = 'failed', ended = $2, said = $3 WHERE n = $1 AND state = 'running'",
            )
            .bind(n)
            .bind(app.clock.now().0)
            .bind(error.to_string())
            .execute(begun.connection()?)
            .await
            .map_err(write(WHAT))?;
            begun.commit().await?;
        }
    }
    Ok(Some(n))
}

async fn finish(app: &App, job: &Job, made: &Made) -> Result<(), ListError> {
    // A frozen copy was done with when it was put on record.
    let Some(file) = made.file else { return Ok(()) };
    let mut begun = app.desk.begin().await?;
    sqlx::query(
        "UPDATE list_jobs SET state = 'done', ended = $2, rows = $3, size = $4, sha256 = $5, done = total \
         WHERE n = $1 AND state = 'running'",
    )
    .bind(job.n)
    .bind(app.clock.now().0)
    .bind(i64::try_from(made.rows).unwrap_or(i64::MAX))
    .bind(i64::try_from(file.size).unwrap_or(i64::MAX))
    .bind(file.hash.to_string())
    .execute(begun.connection()?)
    .await
    .map_err(write(WHAT))?;
    begun.commit().await?;
    Ok(())
}

/// Writes down how far it is.
async fn tell(desk: &Desk, n: i64, done: u64, total: u64) -> Result<(), Halt> {
    let mut begun = desk.begin().await?;
    let told = sqlx::query("UPDATE list_jobs SET done = $2, total = $3 WHERE n = $1 AND state = 'running'")
        .bind(n)
        .bind(i64::try_from(done).unwrap_or(i64::MAX))
        .bind(i64::try_from(total).unwrap_or(i64::MAX))
        .execute(begun.connection()?)
        .await
        .map_err(write(WHAT))?;
    begun.commit().await?;
    if told.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Halt::Cancelled)
    }
}

async fn make(app: &App, job: &Job, spool: &Path) -> Result<Made, Halt> {
    for dir in [app.lists.made(), app.lists.frozen()] {
        fs::create_dir_all(&dir).map_err(file_error(&dir))?;
    }
    // A file is made by one set of rules, whatever is reloaded meanwhile.
    let rules = app.rules.now();
    let list = rules.lists.get(job.asked.list);
    let list = list.ok_or_else(|| ListError::not_found("list", job.asked.list.key()))?;
    let rows = collect(app, job, (&rules, list), spool).await?;
    let formats: &[Format] = match job.asked.kind {
        JobKind::Export(Format::Csv) => &[Format::Csv],
        JobKind::Export(Format::Json) => &[Format::Json],
        JobKind::Export(Format::Xlsx) => &[Format::Xlsx],
        // The JSON first: what the others print is its hash.
        JobKind::Snapshot => &[Format::Json, Format::Csv, Format::Xlsx],
    };
    let numbered = match job.asked.kind {
        JobKind::Snapshot => Some(next_number(app, job, (&rules, list)).await?),
        JobKind::Export(_) => None,
    };
    let made_at = app.clock.now();
    let head = head(app, job, list, made_at, numbered.as_ref().map(|one| &*one.number));
    let stem = match &numbered {
        Some(_) => app.lists.frozen().join(format!("job-{}", job.n)),
        None => app.lists.made().join(job.n.to_string()),
    };
    let plan = Plan {
        formats: formats.to_vec(),
        stem,
        temporary: app.lists.made(),
        heading: heading(app, job, list, made_at, numbered.as_ref().map(|one| &*one.number)),
        head,
        spool: spool.to_owned(),
        tongue: job.asked.tongue,
    };
    let files = write_all(app, job, plan, rows).await?;
    if let Some(numbered) = numbered {
        keep(app, job, &numbered, made_at, rows, &files).await?;
    }
    let file = match job.asked.kind {
        JobKind::Export(_) => files.first().map(|(_, written)| *written),
        JobKind::Snapshot => None,
    };
    Ok(Made { rows, file })
}

/// Reads the list, all of it from one state of the database, into the spool; how many lines there are.
async fn collect(
    app: &App,
    job: &Job,
    (rules, list): (&DeskRules, &List),
    spool: &Path,
) -> Result<u64, Halt> {
    let reader = ListReader {
        list,
        rules,
        person: &job.person,
        filter: &job.asked.filter,
        tongue: job.asked.tongue,
        zone: zone(app),
        catalog: &app.catalog,
    };
    let mut lines = Spool::create(spool.to_owned())?;
    let mut reading = app.desk.reading().begin().await.map_err(read(WHAT))?;
    let total = reader.count(&mut reading, u32::MAX).await?;
    tell(&app.desk, job.n, 0, total * 2).await?;
    let (mut rows, mut told) = (0, 0);
    let mut after = None;
    loop {
        let page = reader.page(&mut reading, after.as_ref(), PAGE).await?;
        for row in &page.rows {
            lines.put(&row.cells)?;
            rows += 1;
        }
        if rows - told >= TELL {
            told = rows;
            tell(&app.desk, job.n, rows, total * 2).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    reading.commit().await.map_err(read(WHAT))?;
    lines.finish()?;
    tell(&app.desk, job.n, rows, rows * 2).await?;
    Ok(rows)
}

/// What is written, and where.
struct Plan {
    formats: Vec<Format>,
    stem: PathBuf,
    temporary: PathBuf,
    head: Head,
    heading: Heading,
    spool: PathBuf,
    tongue: Tongue,
}

impl Plan {
    fn run(
        mut self,
        wanted: &AtomicBool,
        progress: &watch::Sender<u64>,
    ) -> Result<Vec<(Format, Written)>, ListError> {
        let content = spool::content_of(&self.head, &self.spool)?;
        self.heading.lines.push(format!(
            "{} {}",
            self.tongue.pick("内容哈希 SHA-256：", "content hash, SHA-256:"),
            content.hash
        ));
        let mut files = Vec::new();
        for &format in &self.formats {
            let told = |count: u64| {
                if count.is_multiple_of(TELL) {
                    progress.send_replace(count);
                }
                if wanted.load(Ordering::Relaxed) {
                    Ok(())
                } else {
                    Err(io::Error::new(io::ErrorKind::Interrupted, "cancelled"))
                }
            };
            let path = self.stem.with_extension(format.key());
            let written = spool::write(
                format,
                &path,
                &self.temporary,
                &self.head,
                &self.heading,
                &self.spool,
                told,
            )?;
            files.push((format, written));
        }
        Ok(files)
    }
}

/// Writes the files beside what everybody else does, and says how far it is.
async fn write_all(app: &App, job: &Job, plan: Plan, rows: u64) -> Result<Vec<(Format, Written)>, Halt> {
    let wanted = Arc::new(AtomicBool::new(true));
    let (progress, mut told) = watch::channel(0);
    let mut work = tokio::task::spawn_blocking({
        let wanted = Arc::clone(&wanted);
        move || plan.run(&wanted, &progress)
    });
    let mut halted = None;
    loop {
        tokio::select! {
            done = &mut work => {
                let done = done.map_err(|_| ListError::Stopping)?;
                return match halted {
                    Some(halt) => Err(halt),
                    None => Ok(done?),
                };
            }
            Ok(()) = told.changed(), if halted.is_none() => {
                let written = *told.borrow_and_update();
                if let Err(halt) = tell(&app.desk, job.n, rows + written.min(rows), rows * 2).await {
                    wanted.store(false, Ordering::Relaxed);
                    halted = Some(halt);
                }
            }
        }
    }
}

/// A number that is free; only this worker takes one.
struct Taken {
    number: String,
    series: String,
    seq: u32,
    from: Date,
    to: Date,
}

async fn next_number(app: &App, job: &Job, (rules, list): (&DeskRules, &List)) -> Result<Taken, Halt> {
    let filter = &job.asked.filter;
    let missing = || ListError::Value {
        field: "from",
        what: "a frozen copy is of a period".to_owned(),
    };
    let (from, to) = filter.from.zip(filter.to).ok_or_else(missing)?;
    let what = Numbered {
        code: &list.code,
        area: &filter.area,
        from,
        to,
    };
    let pattern = &rules.lists.number;
    let series = pattern.series(&what);
    let last: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM list_snapshots WHERE series = $1")
        .bind(&series)
        .fetch_one(app.desk.reading())
        .await
        .map_err(read(WHAT))?;
    let seq = u32::try_from(last).unwrap_or(u32::MAX - 1) + 1;
    Ok(Taken {
        number: pattern.number(&what, seq),
        series,
        seq,
        from,
        to,
    })
}

/// Puts the copy on record: from now on its number is taken and its files are the ones.
async fn keep(
    app: &App,
    job: &Job,
    taken: &Taken,
    made_at: UtcMillis,
    rows: u64,
    files: &[(Format, Written)],
) -> Result<(), Halt> {
    let of = |format: Format| {
        let found = files.iter().find(|(one, _)| *one == format);
        let (hash, size) = found.map_or_else(Default::default, |(_, written)| {
            (written.hash.to_string(), written.size)
        });
        (hash, i64::try_from(size).unwrap_or(i64::MAX))
    };
    let ((content, json_size), (csv_hash, csv_size), (xlsx_hash, xlsx_size)) =
        (of(Format::Json), of(Format::Csv), of(Format::Xlsx));
    let (sight, sight_of) = sight_of(&job.person, &job.asked.filter);
    let mut begun = app.desk.begin().await?;
    let connection: &mut SqliteConnection = begun.connection()?;
    let row = sqlx::query(
        "INSERT INTO list_snapshots (number, series, seq, list, language, filter, period_from, period_to, sight, sight_of, \
         rows, content, json_size, csv_hash, csv_size, xlsx_hash, xlsx_size, file, made_at, made_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING n",
    )
    .bind(&taken.number)
    .bind(&taken.series)
    .bind(i64::from(taken.seq))
    .bind(job.asked.list.key())
    .bind(job.asked.tongue.key())
    .bind(serde_json::to_string(&job.asked.filter).unwrap_or_default())
    .bind(taken.from.to_string())
    .bind(taken.to.to_string())
    .bind(sight)
    .bind(sight_of)
    .bind(i64::try_from(rows).unwrap_or(i64::MAX))
    .bind(content)
    .bind(json_size)
    .bind(csv_hash)
    .bind(csv_size)
    .bind(xlsx_hash)
    .bind(xlsx_size)
    .bind(format!("job-{}", job.n))
    .bind(made_at.0)
    .bind(&*job.person.login)
    .fetch_one(&mut *connection)
    .await
    .map_err(write("frozen lists"))?;
    // Done with it, in the same transaction: begun again, it would be frozen twice.
    let told = sqlx::query(
        "UPDATE list_jobs SET state = 'done', ended = $2, rows = $3, snapshot = $4, done = total \
         WHERE n = $1 AND state = 'running'",
    )
    .bind(job.n)
    .bind(app.clock.now().0)
    .bind(i64::try_from(rows).unwrap_or(i64::MAX))
    .bind(row.get::<i64, _>(0))
    .execute(connection)
    .await
    .map_err(write(WHAT))?;
    // Cancelled at the last moment: the transaction is dropped, and no number is taken.
    if told.rows_affected() == 0 {
        return Err(Halt::Cancelled);
    }
    begun.commit().await?;
    Ok(())
}

fn zone(app: &App) -> TimeZone {
    TimeZone::get(&app.config.web.timezone).unwrap_or(TimeZone::UTC)
}

fn head(app: &App, job: &Job, list: &List, made_at: UtcMillis, number: Option<&str>) -> Head {
    let (tongue, filter) = (job.asked.tongue, &job.asked.filter);
    let columns = list.column.iter().map(|column| {
        let title = tongue.pick(&column.zh, &column.en);
        json!([column.key, title])
    });
    let at = Timestamp::from_millisecond(made_at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    [
        ("area", json!(filter.area)),
        ("columns", columns.collect()),
        ("from", json!(filter.from)),
        ("language", json!(tongue.key())),
        ("list", json!(list.key.key())),
        ("made_at", json!(format!("{at:.3}"))),
        ("made_by", json!(job.person.login)),
        ("number", json!(number)),
        ("state", json!(filter.state)),
        ("timezone", json!(app.config.web.timezone)),
        ("title", json!(tongue.pick(&list.zh, &list.en))),
        ("to", json!(filter.to)),
        ("unit", json!(filter.unit)),
    ]
    .into()
}

fn heading(app: &App, job: &Job, list: &List, made_at: UtcMillis, number: Option<&str>) -> Heading {
    let (tongue, filter) = (job.asked.tongue, &job.asked.filter);
    let title = tongue.pick(&list.zh, &list.en).to_owned();
    let day = |day: Option<Date>| day.map_or_else(|| "…".to_owned(), |day| day.to_string());
    let mut period = format!(
        "{}{} – {}",
        tongue.pick("期间：", "period: "),
        day(filter.from),
        day(filter.to)
    );
    for (label, value) in [
        (tongue.pick("区划：", "area: "), filter.area.as_str()),
        (tongue.pick("单位：", "unit: "), filter.unit.as_str()),
        (
            tongue.pick("状态：", "state: "),
            filter
                .state
                .map_or("", |state| vigil_core::lists::status(tongue, state)),
        ),
    ] {
        if !value.is_empty() {
            period.push_str(&format!("    {label}{value}"));
        }
    }
    let at = Timestamp::from_millisecond(made_at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let at = at
        .to_zoned_datetime(zone(app))
        .strftime("%Y-%m-%d %H:%M %:z")
        .to_string();
    let made = format!(
        "{}{}    {}{at}    {}{}",
        tongue.pick("编号：", "number: "),
        number.unwrap_or_else(|| tongue.pick("无（实时导出，未固化）", "none (live, not frozen)")),
        tongue.pick("生成时间：", "made at: "),
        tongue.pick("生成人：", "by: "),
        job.person.login
    );
    Heading {
        sheet: title.clone(),
        foot: match number {
            Some(number) => format!("{title} {number}"),
            None => title.clone(),
        },
        title,
        lines: vec![period, made],
        pages: tongue.pick("第 &P 页，共 &N 页", "page &P of &N").to_owned(),
        columns: list
            .column
            .iter()
            .map(|column| (tongue.pick(&column.zh, &column.en).to_owned(), column.width))
            .collect(),
    }
}
