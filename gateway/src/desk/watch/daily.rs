//! What is done every day: hours run yesterday, due dates of today, what the register forbids.

use super::findings;
use super::running::{evidence, keep as keep_run, runs};
use crate::clock::Clock;
use crate::desk::register::{Act, RegisterError, drop_old_files, known_ids, recompute};
use crate::desk::{day_of, register};
use crate::store::{Desk, Reader, StoreError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::Row as _;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vigil_core::calendar::{Obligation, Schedules};
use vigil_core::catalog::Catalog;
use vigil_core::people::{Person, Role};
use vigil_core::register::{StateFinding, judge};
use vigil_protocol::time::UtcMillis;

/// Opens hazards for what the register forbids. Asked once per episode until it answers with a hazard's id.
pub trait HazardOpener: Send + Sync + std::fmt::Debug {
    /// Opens a suspected hazard and gives its id; `None` when it cannot now: it is asked again the next day.
    fn open<'o>(
        &'o self,
        equipment: &'o str,
        finding: &'o StateFinding,
    ) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'o>>;
}

/// What a day's work came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DailyReport {
    /// Days of equipment whose hours were computed.
    pub run_days: u64,
    /// Records whose due dates or findings changed.
    pub recomputed: u64,
    /// Episodes that stand.
    pub standing: u64,
    /// Hazards opened.
    pub opened: u64,
}

/// Days looked back for hours not yet computed, when the gateway was off or is new.
const LOOK_BACK_DAYS: i32 = 60;
/// After midnight: late data of the day before is mostly in by then.
const AFTER_MIDNIGHT_MS: i64 = 30 * 60_000;

/// The parts a day's work needs.
#[derive(Debug)]
struct Daily {
    desk: Desk,
    store: Reader,
    catalog: Arc<Catalog>,
    schedules: Arc<Schedules>,
    timezone: String,
}

/// Does a day's work, once per day: `today` again does nothing but look at the findings again.
///
/// # Errors
/// The database cannot be read or written; what was done so far stands, the rest is done the next time.
pub async fn daily(app: &crate::app::App, opener: &dyn HazardOpener) -> Result<DailyReport, RegisterError> {
    let work = Daily {
        desk: app.desk.clone(),
        store: app.store.clone(),
        catalog: Arc::clone(&app.catalog),
        schedules: app.rules.schedules(),
        timezone: app.config.web.timezone.clone(),
    };
    work.run(app.clock.now(), opener).await
}

impl Daily {
    async fn run(&self, now: UtcMillis, opener: &dyn HazardOpener) -> Result<DailyReport, RegisterError> {
        let today = day_of(now, &self.timezone);
        let act = Act::new("vigil".to_owned(), "daily", now, today);
        let mut report = DailyReport::default();
        let done = self.done_to().await?;
        if done.is_none_or(|done| done < today) {
            report.run_days = self.hours(done, today).await?;
            report.recomputed = recompute(&self.desk, &act, &self.schedules).await?;
            drop_old_files(&self.desk, &act).await?;
            self.set_done(today).await?;
        }
        self.judge_all(&act, opener, &mut report).await?;
        Ok(report)
    }

    async fn done_to(&self) -> Result<Option<Date>, RegisterError> {
        let row = sqlx::query("SELECT value FROM meta WHERE key = 'register_day'")
            .fetch_optional(self.desk.reading())
            .await
            .map_err(|source| StoreError::Read {
                what: "the day's work",
                source,
            })?;
        Ok(row.and_then(|row| row.get::<&str, _>(0).parse().ok()))
    }

    async fn set_done(&self, today: Date) -> Result<(), RegisterError> {
        let mut write = self.desk.begin().await?;
        sqlx::query("UPDATE meta SET value = $1 WHERE key = 'register_day'")
            .bind(today.to_string())
            .execute(write.connection()?)
            .await
            .map_err(|source| StoreError::Write {
                what: "the day's work",
                source,
            })?;
        write.commit().await?;
        Ok(())
    }

    /// Hours of all whole days not yet computed. The day before the last is done again: late data may have come.
    async fn hours(&self, done: Option<Date>, today: Date) -> Result<u64, RegisterError> {
        let zone = TimeZone::get(&self.timezone).unwrap_or(TimeZone::UTC);
        let back = |day: Date, days: i32| day.checked_sub(jiff::Span::new().days(days)).unwrap_or(day);
        let oldest = back(today, LOOK_BACK_DAYS);
        let from = done.map_or(oldest, |done| back(done, 2).max(oldest));
        let mut count = 0;
        for equipment in &self.catalog.equipment {
            let known = runs(&self.store, equipment, (from, today), &zone).await?;
            if known.is_empty() {
                continue;
            }
            let mut write = self.desk.begin().await?;
            for (day, run) in &known {
                keep_run(&mut write, &equipment.id, *day, run).await?;
            }
            write.commit().await?;
            count += known.len() as u64;
        }
        Ok(count)
    }

    /// Register against telemetry, for all equipment that is in both.
    async fn judge_all(
        &self,
        act: &Act,
        opener: &dyn HazardOpener,
        report: &mut DailyReport,
    ) -> Result<(), RegisterError> {
        let everybody = Person {
            login: act.actor.as_str().into(),
            role: Role::Administrator,
            unit: None,
            areas: Vec::new(),
        };
        let ids: Vec<&str> = self.catalog.equipment.iter().map(|one| &*one.id).collect();
        let known = known_ids(&self.desk, &ids).await?;
        for id in ids.into_iter().filter(|id| known.contains(*id)) {
            let Some(entry) = register::entry(&self.desk, &everybody, &self.schedules, id, act.today).await?
            else {
                continue;
            };
            let due = entry
                .dues
                .iter()
                .find(|(due, _)| due.obligation == Obligation::PeriodicInspection);
            let found = judge(
                &entry.record,
                due.map(|(due, _)| due.due),
                &evidence(&self.desk, id).await?,
                act.today,
            );
            report.standing += found.len() as u64;
            let mut write = self.desk.begin().await?;
            let without = findings::keep(&mut write, id, &found, act.now).await?;
            write.commit().await?;
            for finding in without {
                // The hazard's own key makes asking twice harmless.
                if let Some(hazard) = opener.open(id, &finding).await {
                    let mut write = self.desk.begin().await?;
                    findings::opened(&mut write, id, &finding, &hazard).await?;
                    write.commit().await?;
                    report.opened += 1;
                }
            }
        }
        Ok(())
    }
}

/// Does the day's work at the start, after each midnight and when other rules are in force, until `stopping`.
pub async fn every_day(
    mut app: crate::app::App,
    catalog: watch::Receiver<Arc<Catalog>>,
    opener: Arc<dyn HazardOpener>,
    stopping: CancellationToken,
) {
    let clock: Clock = app.clock.clone();
    let mut changes = app.rules.watch();
    loop {
        app.catalog = Arc::clone(&catalog.borrow());
        let done = daily(&app, &*opener).await;
        let zone = TimeZone::get(&app.config.web.timezone).unwrap_or(TimeZone::UTC);
        let today = day_of(clock.now(), &app.config.web.timezone);
        let midnight = super::running::begin_of(today.tomorrow().unwrap_or(today), &zone);
        let next = match done {
            Ok(report) => {
                tracing::info!(?report, "register: the day's work is done");
                midnight.saturating_add_ms(AFTER_MIDNIGHT_MS)
            }
            Err(error) => {
                tracing::error!(%error, "register: the day's work was not finished; it is tried again in an hour");
                clock.now().saturating_add_ms(3_600_000)
            }
        };
        tokio::select! {
            () = clock.reach(next) => {}
            () = changes.next() => {}
            () = stopping.cancelled() => return,
        }
    }
}
