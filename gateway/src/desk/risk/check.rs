//! Checks of measures: what was found, and what follows from it.

use super::episode::{begin, end, open_one};
use super::error::{reading, text, writing};
use super::measure::seen;
use super::order::Once;
use super::point::{seen as seen_point, summed};
use super::{Act, Measure, RiskError, date_of, measure};
use crate::app::App;
use crate::store::Desk;
use jiff::civil::Date;
use serde::Serialize;
use sqlx::Row as _;
use vigil_core::risk::next_check;
use vigil_protocol::time::UtcMillis;

/// What somebody found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckFacts {
    /// When he looked; `None`: today.
    pub checked_on: Option<Date>,
    /// Whether the measure does what it should.
    pub passed: bool,
    /// In words; required when it does not.
    pub remark: String,
}

/// A check on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRow {
    /// Number.
    pub n: i64,
    /// When it was entered.
    pub at: UtcMillis,
    /// When he looked.
    pub checked_on: Date,
    /// Login of who did.
    pub by: String,
    /// What he found.
    pub passed: bool,
    /// In words.
    pub remark: String,
    /// The failure that began, went on or ended with it.
    pub episode: Option<i64>,
    /// The hazard of that failure.
    pub hazard: Option<String>,
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Its number.
    pub n: i64,
    /// The measure after it.
    pub measure: Measure,
    /// The hazard of the failure it is about, if there is one.
    pub hazard: Option<String>,
    /// A failure began with it.
    pub began: bool,
    /// A failure ended with it. Its hazard goes its own way.
    pub ended: bool,
    /// The hazard could not be opened yet: it is tried again every minute.
    pub waiting: bool,
}

/// Enters a check. The first that fails begins an episode and opens one suspected hazard; further ones add to it; one
/// that passes ends it and leaves the hazard to those who rectify it.
///
/// # Errors
/// Values that cannot be taken; there is no such measure, or it is retired; the key was used for something else; the
/// database cannot be written. That the hazard cannot be opened now is no error: it says so.
pub async fn check(app: &App, act: &Act, n: i64, facts: &CheckFacts) -> Result<Checked, RiskError> {
    let desk = &app.desk;
    let once = Once::of(act, &("check", n, facts));
    if let Some(made) = once.before(desk).await? {
        let checks = checks(desk, n, Some(made), 1).await?;
        let hazard = checks.into_iter().next().and_then(|check| check.hazard);
        return Ok(Checked {
            n: made,
            measure: measure(desk, &act.person, n).await?,
            hazard,
            began: false,
            ended: false,
            waiting: false,
        });
    }
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let before = seen(connection, &act.person, n).await?;
    if before.facts.retired {
        return Err(RiskError::Refused {
            code: "retired",
            zh: "该措施已撤销，不再检查",
            en: "the measure is retired",
        });
    }
    let remark = text("remark", &facts.remark, 2_000, !facts.passed)?;
    let day = facts.checked_on.unwrap_or(act.today);
    if day > act.today {
        return Err(RiskError::value(
            "checked_on",
            "检查日期不能晚于今天",
            "not in the future",
        ));
    }
    if let Some(last) = before.last_check.filter(|last| day < *last) {
        return Err(RiskError::value(
            "checked_on",
            format!("不能早于上次检查（{last}）"),
            format!("not before the last check ({last})"),
        ));
    }
    let point = seen_point(connection, &act.person, before.point).await?;
    let (episode, began, ended) = if facts.passed {
        let ended = end(connection, act, n).await?;
        (ended, false, ended.is_some())
    } else {
        let (episode, began) = begin(connection, act, &point, &before, &remark).await?;
        (Some(episode), began, false)
    };
    let made: i64 = sqlx::query_scalar(
        "INSERT INTO risk_checks (measure, point, at, checked_on, by, result, remark, episode) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING n",
    )
    .bind(n)
    .bind(before.point)
    .bind(act.now.0)
    .bind(day.to_string())
    .bind(&*act.person.login)
    .bind(if facts.passed { "passed" } else { "failed" })
    .bind(&remark)
    .bind(episode)
    .fetch_one(&mut *connection)
    .await
    .map_err(writing("a check"))?;
    let due = next_check(Some(day), before.since, before.facts.period_days);
    sqlx::query(
        "UPDATE risk_measures SET last_check = $2, last_result = $3, next_check = $4, revision = revision + 1, \
         changed = $5 WHERE n = $1",
    )
    .bind(n)
    .bind(day.to_string())
    .bind(if facts.passed { "passed" } else { "failed" })
    .bind(due.to_string())
    .bind(act.now.0)
    .execute(&mut *connection)
    .await
    .map_err(writing("a check"))?;
    summed(connection, before.point).await?;
    once.done(connection, act, made).await?;
    let after = seen(connection, &act.person, n).await?;
    write.commit().await?;
    let mut checked = Checked {
        n: made,
        measure: after,
        hazard: None,
        began,
        ended,
        waiting: false,
    };
    if let Some(episode) = episode {
        // The check is on record whatever the engine says; what waits is tried again.
        match open_one(app, episode).await {
            Ok(hazard) => checked.hazard = hazard,
            Err(error) => {
                tracing::error!(%error, measure = n, "the hazard of a failed control measure is not open yet");
                checked.waiting = true;
            }
        }
    }
    Ok(checked)
}

/// Checks of a measure, latest first; `only` one of them. Whether it is seen, the caller has asked.
///
/// # Errors
/// The database cannot be read.
pub async fn checks(
    desk: &Desk,
    measure: i64,
    only: Option<i64>,
    limit: u32,
) -> Result<Vec<CheckRow>, RiskError> {
    let rows = sqlx::query(
        "SELECT c.*, e.hazard FROM risk_checks c LEFT JOIN risk_episodes e ON e.n = c.episode \
         WHERE c.measure = $1 AND ($2 IS NULL OR c.n = $2) ORDER BY c.n DESC LIMIT $3",
    )
    .bind(measure)
    .bind(only)
    .bind(i64::from(limit.clamp(1, 1_000)))
    .fetch_all(desk.reading())
    .await
    .map_err(reading("checks"))?;
    Ok(rows
        .iter()
        .map(|row| CheckRow {
            n: row.get("n"),
            at: UtcMillis(row.get("at")),
            checked_on: date_of(row, "checked_on").unwrap_or_default(),
            by: row.get("by"),
            passed: row.get::<&str, _>("result") == "passed",
            remark: row.get("remark"),
            episode: row.get("episode"),
            hazard: row.get("hazard"),
        })
        .collect())
}
