//! Makes the records of every period that is over: at the start and after each midnight, once per unit and period however
//! often it is asked, and of the days the gateway was off too.

use super::facts::{UsingUnit, machines, officers, units};
use super::{DutyError, record};
use crate::app::App;
use crate::desk::lists::begin_of;
use crate::desk::{day_of, read, write};
use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::Row as _;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vigil_core::catalog::Catalog;
use vigil_core::duty::{DutyKind, Prefill, Verdict, of_children, of_machines};

/// Days caught up with at most.
const BACK_DAYS: i64 = 35;
/// Units read at a time.
const UNITS: i64 = 200;
/// After midnight: the hours run of the day before are computed by then.
const AFTER_MIDNIGHT_MS: i64 = 60 * 60_000;
const MINUTE_MS: i64 = 60_000;
/// How often the hours run are waited for, a minute each, before records are made without them.
const WAITS: u32 = 60;
const WHAT: &str = "records of daily control";

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// Days that were over and had not been looked at.
    pub days: u32,
    /// Records made.
    pub records: u64,
}

/// Makes what is not there yet, for all periods that ended before the day of now.
///
/// # Errors
/// The database cannot be read or written; what was done so far stands, the rest is done the next time.
pub async fn generate(app: &App) -> Result<Generated, DutyError> {
    let zone = TimeZone::get(&app.config.web.timezone).unwrap_or(TimeZone::UTC);
    let today = day_of(app.clock.now(), &app.config.web.timezone);
    let back = |days: i64| today.checked_sub(Span::new().days(days)).unwrap_or(today);
    let done: String = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'duty_day'")
        .fetch_one(app.desk.reading())
        .await
        .map_err(read(WHAT))?;
    // Nobody was asked for records before there were any.
    let mut day = match done.parse::<Date>() {
        Ok(done) => done.tomorrow().unwrap_or(today).max(back(BACK_DAYS)),
        Err(_) => back(1),
    };
    let mut generated = Generated::default();
    while day < today {
        for kind in DutyKind::ALL {
            if let Some(period) = kind.ending(day) {
                generated.records += of_all_units(app, kind, period, today, &zone).await?;
            }
        }
        let mut begun = app.desk.begin().await?;
        sqlx::query("UPDATE meta SET value = $1 WHERE key = 'duty_day'")
            .bind(day.to_string())
            .execute(begun.connection()?)
            .await
            .map_err(write(WHAT))?;
        begun.commit().await?;
        generated.days += 1;
        day = day.tomorrow().unwrap_or(today);
    }
    Ok(generated)
}

async fn of_all_units(
    app: &App,
    kind: DutyKind,
    period: (Date, Date),
    today: Date,
    zone: &TimeZone,
) -> Result<u64, DutyError> {
    let mut made = 0;
    let mut last = String::new();
    loop {
        let page = units(app, &last, UNITS).await?;
        for unit in &page {
            made += u64::from(of_unit(app, kind, unit, period, today, zone).await?);
        }
        match page.last() {
            Some(unit) => last.clone_from(&unit.code),
            None => return Ok(made),
        }
    }
}

/// Makes the record of a unit and a period, if it is not there; whether it made one.
async fn of_unit(
    app: &App,
    kind: DutyKind,
    unit: &UsingUnit,
    (from, to): (Date, Date),
    today: Date,
    zone: &TimeZone,
) -> Result<bool, DutyError> {
    let rules = app.rules.now();
    let policy = &*rules.duty;
    let Some(of_kind) = policy.get(kind) else {
        return Ok(false);
    };
    let known: Option<i64> = sqlx::query_scalar(
        "SELECT n FROM duty_records WHERE kind = $1 AND use_unit = $2 AND period_from = $3",
    )
    .bind(kind.key())
    .bind(&unit.code)
    .bind(from.to_string())
    .fetch_optional(app.desk.reading())
    .await
    .map_err(read(WHAT))?;
    if known.is_some() {
        return Ok(false);
    }
    let (prefill, verdict) = match kind {
        DutyKind::Daily => {
            let machines = machines(app, &unit.code, to, zone, policy).await?;
            if machines.is_empty() {
                return Ok(false);
            }
            of_machines(machines, policy.allowed_gap_minutes)
        }
        DutyKind::Weekly | DutyKind::Monthly => {
            let below = record::below(app.desk.reading(), kind, &unit.code, (from, to)).await?;
            if below.is_empty() {
                return Ok(false);
            }
            of_children(kind, (from, to), below)
        }
    };
    let names = officers(app, &unit.code, &of_kind.officer_fact).await?;
    // Made late, it is not overdue at once.
    let begin = to.max(today.yesterday().unwrap_or(today));
    let due = begin
        .checked_add(Span::new().days(i64::from(of_kind.sign_within_days)))
        .unwrap_or(begin);
    insert(app, kind, unit, (from, to), due, &names, &prefill, verdict).await
}

#[allow(clippy::too_many_arguments, reason = "a row has as many columns")]
async fn insert(
    app: &App,
    kind: DutyKind,
    unit: &UsingUnit,
    (from, to): (Date, Date),
    due: Date,
    names: &[String],
    prefill: &Prefill,
    verdict: Verdict,
) -> Result<bool, DutyError> {
    let mut begun = app.desk.begin().await?;
    let done = sqlx::query(
        "INSERT INTO duty_records (kind, use_unit, area, period_from, period_to, due, version, officers, prefill, verdict, \
         revision, created, changed, changed_by) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, 1, $10, $10, 'vigil') \
         ON CONFLICT (kind, use_unit, period_from, version) DO NOTHING",
    )
    .bind(kind.key())
    .bind(&unit.code)
    .bind(&unit.area)
    .bind(from.to_string())
    .bind(to.to_string())
    .bind(due.to_string())
    .bind(serde_json::to_string(names).unwrap_or_default())
    .bind(serde_json::to_string(prefill).unwrap_or_default())
    .bind(verdict.key())
    .bind(app.clock.now().0)
    .execute(begun.connection()?)
    .await
    .map_err(write(WHAT))?;
    begun.commit().await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the hours run of the day before are there.
async fn hours_are_there(app: &App, today: Date) -> Result<bool, DutyError> {
    let row = sqlx::query("SELECT value FROM meta WHERE key = 'register_day'")
        .fetch_one(app.desk.reading())
        .await
        .map_err(read(WHAT))?;
    Ok(row
        .get::<&str, _>(0)
        .parse::<Date>()
        .is_ok_and(|done| done >= today))
}

/// Makes records at the start and after each midnight, until `stopping`.
pub async fn every_day(mut app: App, catalog: watch::Receiver<Arc<Catalog>>, stopping: CancellationToken) {
    let zone = TimeZone::get(&app.config.web.timezone).unwrap_or(TimeZone::UTC);
    let mut waited = 0;
    loop {
        app.catalog = Arc::clone(&catalog.borrow());
        let now = app.clock.now();
        let today = day_of(now, &app.config.web.timezone);
        let made = async {
            if waited < WAITS && !hours_are_there(&app, today).await? {
                return Ok(None);
            }
            generate(&app).await.map(Some)
        };
        let made: Result<Option<Generated>, DutyError> = tokio::select! {
            made = made => made,
            () = stopping.cancelled() => return,
        };
        let next = match made {
            Ok(Some(generated)) => {
                waited = 0;
                tracing::info!(?generated, "records of daily control are made");
                let midnight = begin_of(today.tomorrow().unwrap_or(today), &zone);
                midnight.saturating_add_ms(AFTER_MIDNIGHT_MS)
            }
            Ok(None) => {
                waited += 1;
                now.saturating_add_ms(MINUTE_MS)
            }
            Err(error) => {
                tracing::error!(%error, "records of daily control were not made; it is tried again in an hour");
                now.saturating_add_ms(60 * MINUTE_MS)
            }
        };
        tokio::select! {
            () = app.clock.reach(next) => {}
            () = stopping.cancelled() => return,
        }
    }
}
