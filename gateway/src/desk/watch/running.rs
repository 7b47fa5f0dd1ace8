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

/// How long a piece of equipment ran on a day, by the best series of which there is anything; `None` when there is
/// nothing.
pub(super) async fn run_on(
    store: &Reader,
    equipment: &Equipment,
    day: Date,
    zone: &TimeZone,
) -> Result<Option<(RunSource, DayRun)>, StoreError> {
    let from = begin_of(day, zone);
    let to = begin_of(day.checked_add(jiff::Span::new().days(1)).unwrap_or(day), zone);
    for &source in run_sources(equipment.class) {
        if equipment.channel_of(source.quantity()).is_none() {
            continue;
        }
        let rows = store.rollups(&equipment.id, source.quantity(), from, to).await?;
        let hours: Vec<HourMeans> = rows
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
            continue;
        }
        let before = match source {
            RunSource::Counter(quantity) => {
                let week = from.saturating_sub_ms(7 * 86_400_000);
                let earlier = store.rollups(&equipment.id, quantity, week, from).await?;
                earlier
                    .last()
                    .map(|row| row.numbers.last)
                    .filter(|last| last.is_finite())
            }
            _ => None,
        };
        return Ok(Some((source, run_of_day(source, &hours, before))));
    }
    Ok(None)
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
