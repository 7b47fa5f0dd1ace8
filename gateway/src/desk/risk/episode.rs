//! Failures of measures: from the first check that fails to the first that passes, with one hazard each.
//!
//! What the engine is asked is stored with the episode, in the transaction of the check: however often it is asked
//! again, after a crash too, it is the same request with the same key, and opens one hazard.

use super::error::{reading, writing};
use super::{Act, Measure, Owner, Point, RiskError, id_of, number_of};
use crate::app::App;
use crate::engine::ActError;
use crate::store::{Desk, StoreError};
use sqlx::{Row as _, SqliteConnection};
use std::sync::Arc;
use vigil_core::hazard::workflow::Intake;
use vigil_core::hazard::{HazardId, HazardSource};
use vigil_core::input::{Action, OperatorAction};
use vigil_core::pack::{Grade, Severity};
use vigil_protocol::time::UtcMillis;

/// Category of hazards, as in the policy of the closed loop.
const CATEGORY: &str = "control-failed";
/// Characters of a measure in a title.
const TITLE: usize = 60;
/// Episodes tried again at a time.
const AT_ONCE: i64 = 100;

/// A failure of a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpisodeRow {
    /// Number.
    pub n: i64,
    /// Number of the measure.
    pub measure: i64,
    /// Number of the risk point.
    pub point: i64,
    /// Since when.
    pub since: UtcMillis,
    /// When a check passed again, or the measure was retired.
    pub ended_at: Option<UtcMillis>,
    /// Login of who saw that.
    pub ended_by: Option<String>,
    /// The hazard; `None`: not opened yet.
    pub hazard: Option<String>,
}

/// A measure has failed: gives the episode, and whether it begins now.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    act: &Act,
    point: &Point,
    measure: &Measure,
    remark: &str,
) -> Result<(i64, bool), RiskError> {
    let standing: Option<i64> =
        sqlx::query_scalar("SELECT n FROM risk_episodes WHERE measure = $1 AND ended_at IS NULL")
            .bind(measure.n)
            .fetch_optional(&mut *connection)
            .await
            .map_err(reading("failures of measures"))?;
    if let Some(n) = standing {
        return Ok((n, false));
    }
    let n: i64 = sqlx::query_scalar(
        "INSERT INTO risk_episodes (measure, point, since, request) VALUES ($1, $2, $3, '') RETURNING n",
    )
    .bind(measure.n)
    .bind(measure.point)
    .bind(act.now.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(writing("a failure of a measure"))?;
    let request = request(n, act, point, measure, remark);
    let request = serde_json::to_string(&request).map_err(|error| StoreError::Corrupt {
        what: "failure of a measure",
        detail: error.to_string(),
    })?;
    sqlx::query("UPDATE risk_episodes SET request = $2 WHERE n = $1")
        .bind(n)
        .bind(request)
        .execute(connection)
        .await
        .map_err(writing("a failure of a measure"))?;
    Ok((n, true))
}

/// A measure works again: gives the episode that ends, if there is one.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    act: &Act,
    measure: i64,
) -> Result<Option<i64>, RiskError> {
    sqlx::query_scalar(
        "UPDATE risk_episodes SET ended_at = $2, ended_by = $3 WHERE measure = $1 AND ended_at IS NULL RETURNING n",
    )
    .bind(measure)
    .bind(act.now.0)
    .bind(&*act.person.login)
    .fetch_optional(connection)
    .await
    .map_err(writing("a failure of a measure"))
}

/// What the hazards of a measure of a risk point are opened by.
fn rule_of(point: &str, measure: i64) -> String {
    format!("RISK-{point}-{measure}")
}

/// The numbers of the risk point and of its measure behind the rule of a hazard; `None` for other hazards.
#[must_use]
pub fn of_rule(rule: &str) -> Option<(i64, i64)> {
    let (point, measure) = rule.strip_prefix("RISK-")?.rsplit_once('-')?;
    Some((number_of(point)?, measure.parse().ok()?))
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE {
        return line;
    }
    line.chars().take(TITLE - 1).chain(['…']).collect()
}

/// What the engine is asked for a failure that begins.
fn request(episode: i64, act: &Act, point: &Point, measure: &Measure, remark: &str) -> OperatorAction {
    let id = id_of(point.n);
    let level = point.colour.and_then(|colour| act.scheme.level(colour));
    let (kind, _) = measure.facts.kind.titles();
    let named = |name: &str| Some(Arc::<str>::from(name));
    let (equipment, unit) = match &point.of {
        Owner::Equipment(id) => (named(id), None),
        Owner::Unit(code) => (None, named(code)),
    };
    let level_zh = level.map_or("未评估", |level| level.zh.as_str());
    let intake = Intake {
        equipment,
        unit,
        rule: named(&rule_of(&id, measure.n)),
        since: Some(act.now),
        source: HazardSource::RiskControl,
        category: CATEGORY.into(),
        title_zh: format!("管控措施失效：{}", shortened(&measure.facts.text)),
        title_en: format!("A risk control failed: {}", shortened(&measure.facts.text)),
        description: format!(
            "风险点 {id}“{}”（{level_zh}）的{kind}措施检查不合格。\n措施：{}\n检查情况：{remark}",
            point.facts.name, measure.facts.text
        ),
        grade: level.map_or(Grade::General, |level| level.grade),
        // Nobody has said how bad: neither harmless nor the worst.
        severity: Some(level.map_or(Severity::S3, |level| level.severity)),
        clause: String::new(),
        found_at: None,
        reporter: None,
        attachments: Vec::new(),
        fixed: None,
        by_machine: false,
        repeat: None,
        round: 0,
    };
    OperatorAction {
        actor: act.person.login.to_string(),
        reason: String::new(),
        idempotency_key: Some(format!("risk-episode-{episode}")),
        who: Some(act.person.clone()),
        scope: Some(point.scope.clone()),
        action: Action::OpenHazard {
            intake: Box::new(intake),
        },
    }
}

/// Opens the hazard of an episode, if it is not open yet, and gives its id.
pub(super) async fn open_one(app: &App, episode: i64) -> Result<Option<String>, RiskError> {
    let row = sqlx::query("SELECT hazard, request FROM risk_episodes WHERE n = $1")
        .bind(episode)
        .fetch_optional(app.desk.reading())
        .await
        .map_err(reading("failures of measures"))?;
    let Some(row) = row else { return Ok(None) };
    if let Some(hazard) = row.get::<Option<String>, _>("hazard") {
        return Ok(Some(hazard));
    }
    let action: OperatorAction =
        serde_json::from_str(row.get("request")).map_err(|error| StoreError::Corrupt {
            what: "failure of a measure",
            detail: error.to_string(),
        })?;
    let comment = OperatorAction {
        idempotency_key: Some(format!("risk-episode-{episode}-again")),
        ..action.clone()
    };
    let hazard = match app.engine.act(action).await {
        Ok(acted) => acted.hazard.map(|hazard| hazard.id),
        // An earlier failure of the same measure opened it, and nobody has struck it off since.
        Err(ActError::Refused(refusal)) if refusal.hazard.is_some() => {
            let hazard = refusal.hazard.clone();
            if let Some(hazard) = &hazard {
                say_again(app, comment, hazard).await;
            }
            hazard
        }
        Err(error) => return Err(error.into()),
    };
    let Some(hazard) = hazard else { return Ok(None) };
    let mut write = app.desk.begin().await?;
    sqlx::query("UPDATE risk_episodes SET hazard = $2 WHERE n = $1 AND hazard IS NULL")
        .bind(episode)
        .bind(&*hazard.0)
        .execute(write.connection()?)
        .await
        .map_err(writing("a failure of a measure"))?;
    write.commit().await?;
    Ok(Some(hazard.0.to_string()))
}

/// The hazard that is open says that the measure has failed again. It is open either way: this is for people.
async fn say_again(app: &App, asked: OperatorAction, hazard: &HazardId) {
    let Action::OpenHazard { intake } = &asked.action else {
        return;
    };
    let comment = OperatorAction {
        reason: format!("再次失效。{}", intake.description),
        action: Action::CommentHazard {
            hazard: hazard.clone(),
        },
        ..asked
    };
    if let Err(error) = app.engine.act(comment).await {
        tracing::warn!(%error, hazard = &*hazard.0, "a repeated failure was not noted in its hazard");
    }
}

/// Opens the hazards of all episodes that have none yet: after a stop in between, or when the engine did not answer.
/// Gives how many were opened.
///
/// # Errors
/// The database cannot be read or written. What one episode meets does not keep others from being opened.
pub async fn open_waiting(app: &App) -> Result<u32, RiskError> {
    let waiting: Vec<i64> =
        sqlx::query_scalar("SELECT n FROM risk_episodes WHERE hazard IS NULL ORDER BY n LIMIT $1")
            .bind(AT_ONCE)
            .fetch_all(app.desk.reading())
            .await
            .map_err(reading("failures of measures"))?;
    let mut opened = 0;
    for episode in waiting {
        match open_one(app, episode).await {
            Ok(hazard) => opened += u32::from(hazard.is_some()),
            Err(RiskError::Store(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, episode, "the hazard of a failed control measure is not open yet");
            }
        }
    }
    Ok(opened)
}

fn episode_row(row: &sqlx::sqlite::SqliteRow) -> EpisodeRow {
    EpisodeRow {
        n: row.get("n"),
        measure: row.get("measure"),
        point: row.get("point"),
        since: UtcMillis(row.get("since")),
        ended_at: row.get::<Option<i64>, _>("ended_at").map(UtcMillis),
        ended_by: row.get("ended_by"),
        hazard: row.get("hazard"),
    }
}

/// Failures of the measures of a risk point, latest first. Whether it is seen, the caller has asked.
///
/// # Errors
/// The database cannot be read.
pub async fn episodes(desk: &Desk, point: i64, limit: u32) -> Result<Vec<EpisodeRow>, RiskError> {
    let rows = sqlx::query("SELECT * FROM risk_episodes WHERE point = $1 ORDER BY n DESC LIMIT $2")
        .bind(point)
        .bind(i64::from(limit.clamp(1, 1_000)))
        .fetch_all(desk.reading())
        .await
        .map_err(reading("failures of measures"))?;
    Ok(rows.iter().map(episode_row).collect())
}

#[cfg(test)]
mod tests {
    use super::{id_of, of_rule, rule_of};

    #[test]
    fn a_hazard_names_its_risk_point_and_measure_and_other_hazards_none() {
        for (point, measure) in [(1, 1), (42, 7), (1_234_567, 89)] {
            assert_eq!(of_rule(&rule_of(&id_of(point), measure)), Some((point, measure)));
        }
        for other in [
            "BLR-STEAM-P-HH",
            "RISK-",
            "RISK-RP-000042",
            "RISK-RP-42-7",
            "RISK-RP-000042-x",
        ] {
            assert_eq!(of_rule(other), None, "{other}");
        }
    }
}
