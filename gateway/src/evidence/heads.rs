//! A signed head for every day that is over.

use super::key::SigningKey;
use crate::clock::Clock;
use crate::store::{Desk, StoreError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::{Row as _, SqliteConnection, SqlitePool};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigil_core::catalog::Catalog;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::HazardId;
use vigil_core::proof::{DailyHead, Standing};
use vigil_protocol::time::UtcMillis;

/// A day is over for good so long after its end: what was arriving has been committed.
const SETTLED_MS: i64 = 300_000;
/// How often it is looked whether a day is over.
const LOOK: Duration = Duration::from_secs(60);
/// Days sealed in one go; more are sealed in the next.
const AT_ONCE: usize = 400;

/// A day's head with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// The head.
    pub head: DailyHead,
    /// Ed25519 over its canonical JSON, hex.
    pub signature: String,
}

/// Why heads cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of it.
    #[error("cannot {what}: {source}")]
    Sql {
        /// What was attempted.
        what: &'static str,
        /// Cause.
        source: sqlx::Error,
    },
    /// A stored head that is none.
    #[error("the head of {day} in the database is unreadable: {detail}")]
    Corrupt {
        /// Which day.
        day: String,
        /// What is wrong.
        detail: String,
    },
}

fn sql(what: &'static str) -> impl Fn(sqlx::Error) -> HeadError {
    move |source| HeadError::Sql { what, source }
}

/// Seals every day that is over, now and whenever another is, until `stopping`.
pub async fn keep_heads(desk: Desk, key: SigningKey, clock: Clock, stopping: CancellationToken) {
    loop {
        match seal(&desk, &key, clock.now()).await {
            Ok(0) => {}
            Ok(days) => tracing::info!(days, "daily heads signed"),
            Err(error) => tracing::warn!(%error, "daily heads could not be signed; tried again in a minute"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stopping.cancelled() => return,
        }
    }
}

/// Seals the days that are over and have no head yet; how many.
///
/// # Errors
/// [`HeadError`]
pub async fn seal(desk: &Desk, key: &SigningKey, now: UtcMillis) -> Result<usize, HeadError> {
    let today = day_of(now.saturating_sub_ms(SETTLED_MS));
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let last = last_head(connection).await?;
    let first = match &last {
        Some(signed) => day(&signed.head.day)?.tomorrow().ok(),
        None => first_day(connection).await?,
    };
    let mut prev = last.map(|signed| signed.head.hash()).unwrap_or_default();
    let mut sealed = 0;
    let mut next = first;
    while let Some(date) = next
        && date < today
        && sealed < AT_ONCE
    {
        let standings = moved(connection, date).await?;
        let head = DailyHead::over(&date.to_string(), &standings, prev, now);
        prev = head.hash();
        keep(connection, &head, &key.sign(&head.canonical()), &standings, date).await?;
        sealed += 1;
        next = date.tomorrow().ok();
    }
    if sealed > 0 {
        write.commit().await?;
    }
    Ok(sealed)
}

async fn keep(
    connection: &mut SqliteConnection,
    head: &DailyHead,
    signature: &str,
    standings: &[Standing],
    date: Date,
) -> Result<(), HeadError> {
    let failed = sql("write a daily head");
    sqlx::query("INSERT INTO daily_heads (day, json, signature) VALUES ($1, $2, $3)")
        .bind(&*head.day)
        .bind(String::from_utf8_lossy(&head.canonical()).into_owned())
        .bind(signature)
        .execute(&mut *connection)
        .await
        .map_err(&failed)?;
    for standing in standings {
        sqlx::query("INSERT INTO head_standings (day, hazard, seq) VALUES ($1, $2, $3)")
            .bind(&*head.day)
            .bind(&*standing.hazard.0)
            .bind(i64::from(standing.seq))
            .execute(&mut *connection)
            .await
            .map_err(&failed)?;
    }
    sqlx::query("DELETE FROM unsealed_events WHERE at < $1")
        .bind(end_of(date).0)
        .execute(connection)
        .await
        .map_err(&failed)?;
    Ok(())
}

/// The heads of days in `from..=to`, in order.
///
/// # Errors
/// [`HeadError`]
pub async fn heads(pool: &SqlitePool, from: &str, to: &str) -> Result<Vec<SignedHead>, HeadError> {
    let rows =
        sqlx::query("SELECT day, json, signature FROM daily_heads WHERE day BETWEEN $1 AND $2 ORDER BY day")
            .bind(from)
            .bind(to)
            .fetch_all(pool)
            .await
            .map_err(sql("read daily heads"))?;
    rows.iter().map(signed).collect()
}

/// Where every hazard that moved stood at the end of a day, by hazard id: as sealed.
pub(super) async fn standings(
    connection: &mut SqliteConnection,
    day: &str,
) -> Result<Vec<Standing>, HeadError> {
    let rows = sqlx::query(
        "SELECT s.hazard, s.seq, e.hash FROM head_standings s \
         JOIN hazard_events e ON e.hazard = s.hazard AND e.seq = s.seq WHERE s.day = $1 ORDER BY s.hazard",
    )
    .bind(day)
    .fetch_all(connection)
    .await
    .map_err(sql("read where the hazards of a day stood"))?;
    rows.iter().map(|row| standing(row, day)).collect()
}

/// The days a hazard moved on, in order.
pub(super) async fn days_of(
    connection: &mut SqliteConnection,
    hazard: &str,
) -> Result<Vec<String>, HeadError> {
    sqlx::query_scalar("SELECT day FROM head_standings WHERE hazard = $1 ORDER BY day")
        .bind(hazard)
        .fetch_all(connection)
        .await
        .map_err(sql("read the days of a hazard"))
}

/// Where every hazard stands that has events under no head, dated before `end`.
async fn moved(connection: &mut SqliteConnection, date: Date) -> Result<Vec<Standing>, HeadError> {
    let day = date.to_string();
    let rows = sqlx::query(
        "SELECT last.hazard, last.seq, e.hash FROM \
         (SELECT hazard, MAX(seq) AS seq FROM unsealed_events WHERE at < $1 GROUP BY hazard) last \
         JOIN hazard_events e ON e.hazard = last.hazard AND e.seq = last.seq ORDER BY last.hazard",
    )
    .bind(end_of(date).0)
    .fetch_all(connection)
    .await
    .map_err(sql("read the hazard events of a day"))?;
    rows.iter().map(|row| standing(row, &day)).collect()
}

fn standing(row: &sqlx::sqlite::SqliteRow, day: &str) -> Result<Standing, HeadError> {
    let hash: String = row.get(2);
    Ok(Standing {
        hazard: HazardId(row.get::<String, _>(0).into()),
        seq: row.get::<i64, _>(1) as u32,
        hash: ContentHash::from_hex(&hash).ok_or_else(|| HeadError::Corrupt {
            day: day.to_owned(),
            detail: format!("{hash:?} is no hash"),
        })?,
    })
}

/// Keeps the content of the packs in force: a hazard's citation names only its hash.
///
/// # Errors
/// [`HeadError`]
pub async fn remember_packs(desk: &Desk, catalog: &Catalog) -> Result<(), HeadError> {
    let mut write = desk.begin().await?;
    for pack in &catalog.packs {
        sqlx::query(
            "INSERT INTO packs (hash, id, version, json) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(pack.hash.to_string())
        .bind(&*pack.id)
        .bind(&*pack.version)
        .bind(&*pack.canonical)
        .execute(write.connection()?)
        .await
        .map_err(sql("keep the rule packs in force"))?;
    }
    Ok(write.commit().await?)
}

async fn last_head(connection: &mut SqliteConnection) -> Result<Option<SignedHead>, HeadError> {
    sqlx::query("SELECT day, json, signature FROM daily_heads ORDER BY day DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .map_err(sql("read the last daily head"))?
        .map(|row| signed(&row))
        .transpose()
}

async fn first_day(connection: &mut SqliteConnection) -> Result<Option<Date>, HeadError> {
    let first: Option<i64> = sqlx::query_scalar("SELECT MIN(at) FROM unsealed_events")
        .fetch_one(connection)
        .await
        .map_err(sql("read the first hazard event"))?;
    Ok(first.map(|at| day_of(UtcMillis(at))))
}

fn signed(row: &sqlx::sqlite::SqliteRow) -> Result<SignedHead, HeadError> {
    let (day, json): (String, String) = (row.get(0), row.get(1));
    let head = serde_json::from_str(&json).map_err(|error| HeadError::Corrupt {
        day,
        detail: error.to_string(),
    })?;
    Ok(SignedHead {
        head,
        signature: row.get(2),
    })
}

fn day(text: &Arc<str>) -> Result<Date, HeadError> {
    text.parse().map_err(|error: jiff::Error| HeadError::Corrupt {
        day: text.to_string(),
        detail: error.to_string(),
    })
}

/// The UTC day a time is in.
pub(super) fn day_of(at: UtcMillis) -> Date {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    TimeZone::UTC.to_datetime(at).date()
}

/// First millisecond after a UTC day.
fn end_of(date: Date) -> UtcMillis {
    let next = date.tomorrow().ok();
    next.and_then(|next| TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok())
        .map_or(UtcMillis(i64::MAX), |at| UtcMillis(at.as_millisecond()))
}
