//! Assessments: a score, its colour, and who controls the risk. Each stays in the history.

use super::error::{reading, text, writing};
use super::order::Once;
use super::point::{colour_of, fresh, level_of, seen};
use super::{Act, Point, RiskError};
use crate::store::Desk;
use sqlx::Row as _;
use std::collections::BTreeMap;
use vigil_core::risk::{Assessment, Colour, Scheme, days_after};
use vigil_protocol::time::UtcMillis;

/// What somebody says when assessing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assessing {
    /// Key of the method.
    pub method: String,
    /// Value by factor.
    pub factors: BTreeMap<String, f64>,
    /// Key of the tier; empty: that of the colour.
    pub tier: String,
    /// Why; required when it is assessed again.
    pub reason: String,
}

/// An assessment on record.
#[derive(Clone, Debug, PartialEq)]
pub struct AssessmentRow {
    /// When.
    pub at: UtcMillis,
    /// Login of who assessed.
    pub by: String,
    /// Key of the method.
    pub method: String,
    /// Value by factor.
    pub factors: BTreeMap<String, f64>,
    /// Score.
    pub score: f64,
    /// Colour.
    pub colour: Option<Colour>,
    /// Key of the tier.
    pub tier: String,
    /// Why.
    pub reason: String,
}

impl Assessing {
    /// What it comes to, and the tier.
    ///
    /// # Errors
    /// There is no such method, the factors are not its, the tier is too low.
    pub fn judge(&self, scheme: &Scheme) -> Result<(Assessment, String), RiskError> {
        let Some(method) = scheme.method(&self.method) else {
            let known: Vec<&str> = scheme.methods().iter().map(|one| one.key.as_str()).collect();
            let known = known.join(", ");
            return Err(RiskError::value(
                "method",
                format!("请选择评价方法（{known}）"),
                format!("one of {known}"),
            ));
        };
        let assessed = method.assess(&self.factors).map_err(|misfit| {
            let field = format!("factors.{}", misfit.factor());
            let zh = "请在该因素的取值中选择".to_owned();
            RiskError::value(&field, zh, misfit.to_string())
        })?;
        let least = scheme
            .level(assessed.colour)
            .map_or("", |level| level.tier.as_str());
        let tier = match self.tier.trim() {
            "" => least,
            tier => tier,
        };
        if !scheme.may_control(tier, assessed.colour) {
            let titles = |key: &str| {
                scheme.tier(key).map_or((String::new(), key.to_owned()), |tier| {
                    (tier.zh.clone(), tier.en.clone())
                })
            };
            let ((zh, _), (colour, _)) = (titles(least), assessed.colour.titles());
            return Err(RiskError::value(
                "tier",
                format!("{colour}色风险至少由“{zh}”管控"),
                format!(
                    "a {} risk is controlled by {least} or above it",
                    assessed.colour.key()
                ),
            ));
        }
        Ok((assessed, tier.to_owned()))
    }
}

/// Assesses a risk point.
///
/// # Errors
/// See [`Assessing::judge`]; it has changed in between; it is assessed again without a reason; the database cannot be
/// written.
pub async fn assess(
    desk: &Desk,
    act: &Act,
    scheme: &Scheme,
    n: i64,
    expected: i64,
    assessing: &Assessing,
) -> Result<Point, RiskError> {
    let asked = serde_json::to_string(&assessing.factors).unwrap_or_default();
    let once = Once::of(
        act,
        &(
            "assessment",
            n,
            &assessing.method,
            &asked,
            &assessing.tier,
            &assessing.reason,
        ),
    );
    if once.before(desk).await?.is_some() {
        return super::point(desk, &act.person, n).await;
    }
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let point = seen(connection, &act.person, n).await?;
    fresh(&point, expected)?;
    if point.facts.retired {
        return Err(RiskError::Refused {
            code: "retired",
            zh: "该风险点已撤销，不再评估",
            en: "the risk point is retired",
        });
    }
    let (assessed, tier) = assessing.judge(scheme)?;
    let reason = text("reason", &assessing.reason, 1_000, point.colour.is_some())?;
    let level = level_of(Some(assessed.colour));
    sqlx::query(
        "UPDATE risk_points SET level = $2, method = $3, factors = $4, score = $5, tier = $6, assessed_on = $7, \
         assessed_by = $8, reassess_on = $9, revision = revision + 1, changed = $10 WHERE n = $1",
    )
    .bind(n)
    .bind(level)
    .bind(&assessing.method)
    .bind(&asked)
    .bind(assessed.score)
    .bind(&tier)
    .bind(act.today.to_string())
    .bind(&*act.person.login)
    .bind(days_after(act.today, scheme.reassess_days()).to_string())
    .bind(act.now.0)
    .execute(&mut *connection)
    .await
    .map_err(writing("an assessment"))?;
    let made: i64 = sqlx::query_scalar(
        "INSERT INTO risk_assessments (point, at, by, method, factors, score, level, tier, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING n",
    )
    .bind(n)
    .bind(act.now.0)
    .bind(&*act.person.login)
    .bind(&assessing.method)
    .bind(&asked)
    .bind(assessed.score)
    .bind(level)
    .bind(&tier)
    .bind(&reason)
    .fetch_one(&mut *connection)
    .await
    .map_err(writing("an assessment"))?;
    once.done(connection, act, made).await?;
    let point = seen(connection, &act.person, n).await?;
    write.commit().await?;
    Ok(point)
}

/// The history of a risk point's assessments, latest first. Whether it is seen, the caller has asked.
///
/// # Errors
/// The database cannot be read.
pub async fn assessments(desk: &Desk, n: i64, limit: u32) -> Result<Vec<AssessmentRow>, RiskError> {
    let rows = sqlx::query("SELECT * FROM risk_assessments WHERE point = $1 ORDER BY n DESC LIMIT $2")
        .bind(n)
        .bind(i64::from(limit.clamp(1, 1_000)))
        .fetch_all(desk.reading())
        .await
        .map_err(reading("assessments"))?;
    Ok(rows
        .iter()
        .map(|row| AssessmentRow {
            at: UtcMillis(row.get("at")),
            by: row.get("by"),
            method: row.get("method"),
            factors: serde_json::from_str(row.get("factors")).unwrap_or_default(),
            score: row.get("score"),
            colour: colour_of(row.get("level")),
            tier: row.get("tier"),
            reason: row.get("reason"),
        })
        .collect())
}
