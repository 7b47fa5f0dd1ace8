//! Hours run per day, from the roll-ups of what equipment reported.

use crate::desk::register::RegisterError;
use crate::store::{Desk, DeskWrite, Reader, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::Row as _;
use vigil_core::catalog::Equipment;
use vigil_core::register::{DayRun, HourMeans, RunSource, RunningEvidence, run_of_day, run_sources};
use vigil_protocol::time::UtcMillis;

/// Begin of a day where the gateway stands.
pub(super) fn begin_of(day: Date, zone: &TimeZone) -> UtcMillis {
    let at = day
        .to_zoned_datetime(zone.clone())
        .map(|zoned| zoned.timestamp())
        .unwrap_or(Timestamp::UNIX_EPOCH);
    UtcMillis(at.as_millisecond())
}

/// How long a piece of equipment ran on each day from `first` up to before `end`, by the best series of which there is
/// anything on that day; days without anything are left out. One query per series, however many days.
pub(super) async fn runs(
    store: &Reader,
    equipment: &Equipment,
    (first, end): (Date, Date),
    zone: &TimeZone,
) -> Result<Vec<(Date, (RunSource, DayRun))>, StoreError> {
    const WEEK_MS: i64 = 7 * 86_400_000;
    let mut left = Vec::new();
    let mut day = first;
    while day < end {
        let Ok(next) = day.tomorrow() else { break };
        left.push((day, begin_of(day, zone), begin_of(next, zone)));
        day = next;
    }
    let mut found = Vec::new();
    for &source in run_sources(equipment.class) {
        let (Some((_, from, _)), Some((_, _, to))) = (left.first(), left.last()) else {
            break;
        };
        if equipment.channel_of(source.quantity()).is_none() {
            continue;
        }
        let is_counter = matches!(source, RunSource::Counter(_));
        let from = from.saturating_sub_ms(if is_counter { WEEK_MS } else { 0 });
        let rows = store.rollups(&equipment.id, source.quantity(), from, *to).await?;
        let before = |at: i64| rows.partition_point(|row| row.hour.0 < at);
        left.retain(|(day, begin, end)| {
            let start = before(begin.0);
            let hours: Vec<HourMeans> = rows[start..before(end.0)]
                .iter()
                .map(|row| HourMeans {
                    good: row.numbers.good.into(),
                    min: row.numbers.min,
                    max: row.numbers.max,
                    sum: row.numbers.sum,
                    last: row.numbers.last,
                })
                .filter(|hour| hour.good > 0)
                .collect();
            if hours.is_empty() {
                return true;
            }
            let counter = rows[..start]
                .last()
                .filter(|row| is_counter && row.hour.0 >= begin.0 - WEEK_MS)
                .map(|row| row.numbers.last)
                .filter(|last| last.is_finite());
            found.push((*day, (source, run_of_day(source, &hours, counter))));
            false
        });
    }
    Ok(found)
}

/// Keeps what is known of a day.
pub(super) async fn keep(
    write: &mut DeskWrite,
    equipment: &str,
    day: Date,
    (source, run): &(RunSource, DayRun),
) -> Result<(), RegisterError> {
    sqlx::query(
        "INSERT INTO run_days (equipment, day, hours, observed, counted, source) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (equipment, day) DO UPDATE SET hours = excluded.hours, observed = excluded.observed, \
         counted = excluded.counted, source = excluded.source",
    )
    .bind(equipment)
    .bind(day.to_string())
    .bind(run.hours)
    .bind(run.observed_h)
    .bind(run.counted)
    .bind(source.quantity().key())
    .execute(write.connection()?)
    .await
    .map_err(|source| StoreError::Write { what: "hours run", source })?;
    Ok(())
}

/// Days of a piece of equipment: day, hours run, hours observed, latest first.
///
/// # Errors
/// The database cannot be read.
pub async fn run_days(
    desk: &Desk,
    equipment: &str,
    limit: u32,
) -> Result<Vec<(Date, f64, f64)>, RegisterError> {
    let rows = sqlx::query(
        "SELECT day, hours, observed FROM run_days WHERE equipment = $1 ORDER BY day DESC LIMIT $2",
    )
    .bind(equipment)
    .bind(i64::from(limit))
    .fetch_all(desk.reading())
    .await
    .map_err(|source| StoreError::Read {
        what: "hours run",
        source,
    })?;
    rows.iter()
        .map(|row| {
            let day: &str = row.get("day");
            let day = day.parse().map_err(|error: jiff::Error| StoreError::Corrupt {
                what: "hours run",
                detail: error.to_string(),
            })?;
            Ok((day, row.get("hours"), row.get("observed")))
        })
        .collect()
}

/// Everything known about the running of a piece of equipment.
///
/// # Errors
/// The database cannot be read.
pub async fn evidence(desk: &Desk, equipment: &str) -> Result<RunningEvidence, RegisterError> {
    let mut days = run_days(desk, equipment, u32::MAX).await?;
    days.reverse();
    Ok(RunningEvidence {
        first_running: days
            .iter()
            .find(|(_, hours, _)| *hours > 0.05)
            .map(|(day, ..)| *day),
        days,
    })
}
