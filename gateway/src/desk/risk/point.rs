//! Risk points: where something can happen, and to whom it belongs.

use super::changes::note;
use super::error::{reading, same_revision, text, writing};
use super::order::Once;
use super::{Act, RiskError, date_of, scope_of_row};
use crate::desk::register::RegisterError;
use crate::desk::scope::of_unit;
use crate::desk::scopes;
use crate::store::Desk;
use jiff::civil::Date;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use std::collections::BTreeMap;
use std::sync::Arc;
use vigil_core::people::{Person, Scope};
use vigil_core::risk::Colour;
use vigil_protocol::time::UtcMillis;

/// What a risk belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Owner {
    /// A piece of equipment, by id.
    Equipment(String),
    /// A unit itself, by code.
    Unit(String),
}

impl Owner {
    /// Id of the equipment, or code of the unit.
    #[must_use]
    pub fn into_parts(self) -> (Option<String>, Option<String>) {
        match self {
            Self::Equipment(id) => (Some(id), None),
            Self::Unit(code) => (None, Some(code)),
        }
    }
}

/// What people say of a risk point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PointFacts {
    /// 风险点名称.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// 危险源、危险因素.
    pub factor: String,
    /// 可能导致的事故类型.
    pub accident: String,
    /// 依据.
    pub basis: String,
    /// 责任人.
    pub owner: String,
    /// How to reach him.
    pub owner_phone: String,
    /// 责任单位, 责任部门.
    pub owner_unit: String,
    /// No longer there: neither checked nor counted.
    pub retired: bool,
}

/// A risk point.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Number.
    pub n: i64,
    /// What it belongs to.
    pub of: Owner,
    /// What people say of it.
    pub facts: PointFacts,
    /// Its colour; `None`: nobody has assessed it.
    pub colour: Option<Colour>,
    /// Key of the method of the last assessment; empty if there is none.
    pub method: String,
    /// Its factors.
    pub factors: BTreeMap<String, f64>,
    /// Its score.
    pub score: Option<f64>,
    /// Key of the control tier; empty if nobody has assessed it.
    pub tier: String,
    /// When it was assessed.
    pub assessed_on: Option<Date>,
    /// Login of who did.
    pub assessed_by: String,
    /// When it is to be assessed again.
    pub reassess_on: Option<Date>,
    /// The first check due of its measures.
    pub next_check: Option<Date>,
    /// Measures that have failed and not passed since.
    pub failing: u32,
    /// 辨识时间.
    pub identified_on: Date,
    /// Whose it is.
    pub scope: Scope,
    /// Counts its changes.
    pub revision: i64,
    /// When it came.
    pub created: UtcMillis,
    /// When it changed last.
    pub changed: UtcMillis,
}

/// The name of a risk point, such as `RP-000042`.
#[must_use]
pub fn id_of(n: i64) -> String {
    format!("RP-{n:06}")
}

/// The number behind a name.
#[must_use]
pub fn number_of(id: &str) -> Option<i64> {
    let digits = id.strip_prefix("RP-")?;
    let fits = (6..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|n| fits && *n > 0 && id_of(*n) == id)
}

/// How a colour is stored: 1 blue to 4 red; 0 is nobody's assessment.
pub(super) const fn level_of(colour: Option<Colour>) -> i64 {
    match colour {
        None => 0,
        Some(Colour::Blue) => 1,
        Some(Colour::Yellow) => 2,
        Some(Colour::Orange) => 3,
        Some(Colour::Red) => 4,
    }
}

/// The colour that is stored so.
pub(super) fn colour_of(level: i64) -> Option<Colour> {
    match level {
        1 => Some(Colour::Blue),
        2 => Some(Colour::Yellow),
        3 => Some(Colour::Orange),
        4 => Some(Colour::Red),
        _ => None,
    }
}

fn point_row(row: &SqliteRow) -> Point {
    let owner = |column: &str| row.get::<Option<String>, _>(column);
    Point {
        n: row.get("n"),
        of: match (owner("equipment"), owner("unit")) {
            (Some(equipment), _) => Owner::Equipment(equipment),
            (None, unit) => Owner::Unit(unit.unwrap_or_default()),
        },
        facts: PointFacts {
            name: row.get("name"),
            place: row.get("place"),
            factor: row.get("factor"),
            accident: row.get("accident"),
            basis: row.get("basis"),
            owner: row.get("owner"),
            owner_phone: row.get("owner_phone"),
            owner_unit: row.get("owner_unit"),
            retired: row.get::<Option<i64>, _>("retired_at").is_some(),
        },
        colour: colour_of(row.get("level")),
        method: row.get("method"),
        factors: serde_json::from_str(row.get("factors")).unwrap_or_default(),
        score: row.get("score"),
        tier: row.get("tier"),
        assessed_on: date_of(row, "assessed_on"),
        assessed_by: row.get("assessed_by"),
        reassess_on: date_of(row, "reassess_on"),
        next_check: date_of(row, "next_check"),
        failing: u32::try_from(row.get::<i64, _>("failing")).unwrap_or(0),
        identified_on: date_of(row, "identified_on").unwrap_or_default(),
        scope: scope_of_row(row),
        revision: row.get("revision"),
        created: UtcMillis(row.get("created")),
        changed: UtcMillis(row.get("changed")),
    }
}

/// One risk point, if it is there and `person` sees it.
///
/// # Errors
/// See above; the database cannot be read.
pub async fn point(desk: &Desk, person: &Person, n: i64) -> Result<Point, RiskError> {
    let mut connection = desk.reading().acquire().await.map_err(reading("risk points"))?;
    seen(&mut connection, person, n).await
}

/// The same, inside of a transaction.
pub(super) async fn seen(
    connection: &mut SqliteConnection,
    person: &Person,
    n: i64,
) -> Result<Point, RiskError> {
    let row = sqlx::query("SELECT * FROM risk_points WHERE n = $1")
        .bind(n)
        .fetch_optional(connection)
        .await
        .map_err(reading("risk points"))?;
    row.as_ref()
        .map(point_row)
        .filter(|point| person.sees(&point.scope))
        .ok_or_else(|| RiskError::no_point(n))
}

/// Refuses a revision that is not that of the point.
pub(super) fn fresh(point: &Point, expected: i64) -> Result<(), RiskError> {
    same_revision("the risk point", point.revision, expected)
}

fn checked(facts: &PointFacts) -> Result<PointFacts, RiskError> {
    Ok(PointFacts {
        name: text("name", &facts.name, 100, true)?,
        place: text("place", &facts.place, 200, false)?,
        factor: text("factor", &facts.factor, 500, true)?,
        accident: text("accident", &facts.accident, 200, false)?,
        basis: text("basis", &facts.basis, 500, false)?,
        owner: text("owner", &facts.owner, 50, true)?,
        owner_phone: text("owner_phone", &facts.owner_phone, 40, false)?,
        owner_unit: text("owner_unit", &facts.owner_unit, 200, false)?,
        retired: facts.retired,
    })
}

/// Whose it would be; not there for who does not see it.
async fn scope_of_owner(desk: &Desk, person: &Person, of: &Owner) -> Result<Scope, RiskError> {
    let missing = |field: &str, id: &str| {
        RiskError::value(
            field,
            format!("没有“{id}”，或不在您的范围内"),
            format!("there is no {field} {id:?}"),
        )
    };
    match of {
        Owner::Equipment(id) => {
            let scope = scopes::known(desk.reading(), id).await?;
            scope
                .filter(|scope| person.sees(scope))
                .ok_or_else(|| missing("equipment", id))
        }
        Owner::Unit(code) => {
            let unit = of_unit(desk, person, code).await.map_err(|error| match error {
                RegisterError::Store(error) => RiskError::Store(error),
                _ => missing("unit", code),
            })?;
            let own: Option<Arc<str>> = Some(unit.code.as_str().into());
            Ok(Scope {
                use_unit: own.clone(),
                maintenance_unit: own.clone(),
                inspection_body: own,
                area: unit.facts.area.as_str().into(),
            })
        }
    }
}

async fn write_text(connection: &mut SqliteConnection, n: i64, facts: &PointFacts) -> Result<(), RiskError> {
    let words = format!("{} {} {} {}", id_of(n), facts.name, facts.place, facts.factor).to_lowercase();
    sqlx::query("DELETE FROM risk_text WHERE rowid = $1")
        .bind(n)
        .execute(&mut *connection)
        .await
        .map_err(writing("a risk point"))?;
    sqlx::query("INSERT INTO risk_text (rowid, text) VALUES ($1, $2)")
        .bind(n)
        .bind(words)
        .execute(connection)
        .await
        .map_err(writing("a risk point"))?;
    Ok(())
}

/// Enters a risk point; nobody has assessed it then.
///
/// # Errors
/// Values that cannot be taken; the key was used for something else; the database cannot be written.
pub async fn create(desk: &Desk, act: &Act, of: &Owner, facts: &PointFacts) -> Result<Point, RiskError> {
    let once = Once::of(act, &("point", of, facts));
    if let Some(n) = once.before(desk).await? {
        return point(desk, &act.person, n).await;
    }
    let facts = checked(facts)?;
    if facts.retired {
        return Err(RiskError::value(
            "retired",
            "新风险点不能已撤销",
            "a new risk point is not retired",
        ));
    }
    let scope = scope_of_owner(desk, &act.person, of).await?;
    let (equipment, unit) = match of {
        Owner::Equipment(id) => (Some(id), None),
        Owner::Unit(code) => (None, Some(code)),
    };
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let n: i64 = sqlx::query_scalar(
        "INSERT INTO risk_points (equipment, unit, name, place, factor, accident, basis, owner, owner_phone, owner_unit, \
         identified_on, use_unit, maintenance_unit, inspection_body, area, revision, created, changed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, $16, $16) RETURNING n",
    )
    .bind(equipment)
    .bind(unit)
    .bind(&facts.name)
    .bind(&facts.place)
    .bind(&facts.factor)
    .bind(&facts.accident)
    .bind(&facts.basis)
    .bind(&facts.owner)
    .bind(&facts.owner_phone)
    .bind(&facts.owner_unit)
    .bind(act.today.to_string())
    .bind(scope.use_unit.as_deref())
    .bind(scope.maintenance_unit.as_deref())
    .bind(scope.inspection_body.as_deref())
    .bind(&*scope.area)
    .bind(act.now.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(writing("a risk point"))?;
    write_text(connection, n, &facts).await?;
    once.done(connection, act, n).await?;
    let made = seen(connection, &act.person, n).await?;
    write.commit().await?;
    Ok(made)
}

/// Changes what is said of a risk point. One that is retired is neither checked nor counted; what has failed ends.
///
/// # Errors
/// Values that cannot be taken; there is none, or it has changed in between; the database cannot be written.
pub async fn change(
    desk: &Desk,
    act: &Act,
    n: i64,
    expected: i64,
    facts: &PointFacts,
) -> Result<Point, RiskError> {
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let before = seen(connection, &act.person, n).await?;
    fresh(&before, expected)?;
    let facts = checked(facts)?;
    sqlx::query(
        "UPDATE risk_points SET name = $2, place = $3, factor = $4, accident = $5, basis = $6, owner = $7, \
         owner_phone = $8, owner_unit = $9, retired_at = CASE WHEN $10 THEN COALESCE(retired_at, $11) END, \
         revision = revision + 1, changed = $11 WHERE n = $1",
    )
    .bind(n)
    .bind(&facts.name)
    .bind(&facts.place)
    .bind(&facts.factor)
    .bind(&facts.accident)
    .bind(&facts.basis)
    .bind(&facts.owner)
    .bind(&facts.owner_phone)
    .bind(&facts.owner_unit)
    .bind(facts.retired)
    .bind(act.now.0)
    .execute(&mut *connection)
    .await
    .map_err(writing("a risk point"))?;
    write_text(connection, n, &facts).await?;
    note(connection, act, n, &before.facts, &facts).await?;
    if facts.retired {
        sqlx::query(
            "UPDATE risk_episodes SET ended_at = $2, ended_by = $3 WHERE point = $1 AND ended_at IS NULL",
        )
        .bind(n)
        .bind(act.now.0)
        .bind(&*act.person.login)
        .execute(&mut *connection)
        .await
        .map_err(writing("a risk point"))?;
        sqlx::query(
            "UPDATE risk_measures SET retired_at = $2, revision = revision + 1, changed = $2 \
             WHERE point = $1 AND retired_at IS NULL",
        )
        .bind(n)
        .bind(act.now.0)
        .execute(&mut *connection)
        .await
        .map_err(writing("a risk point"))?;
    }
    summed(connection, n).await?;
    let changed = seen(connection, &act.person, n).await?;
    write.commit().await?;
    Ok(changed)
}

/// Brings a point up to its measures: the first check due, how many fail.
pub(super) async fn summed(connection: &mut SqliteConnection, n: i64) -> Result<(), RiskError> {
    sqlx::query(
        "UPDATE risk_points SET \
         next_check = (SELECT MIN(next_check) FROM risk_measures WHERE point = $1 AND retired_at IS NULL), \
         failing = (SELECT COUNT(*) FROM risk_measures WHERE point = $1 AND retired_at IS NULL \
                    AND last_result = 'failed') \
         WHERE n = $1",
    )
    .bind(n)
    .execute(connection)
    .await
    .map_err(writing("a risk point"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{id_of, number_of};

    #[test]
    fn names_of_risk_points_come_back_and_nothing_else_does() {
        for n in [1, 42, 999_999, 1_000_000, 123_456_789] {
            assert_eq!(number_of(&id_of(n)), Some(n));
        }
        for odd in [
            "",
            "RP-",
            "RP-1",
            "RP-000000",
            "RP-0000001",
            "RP-+00001",
            "rp-000001",
            "RP-99999999999999999999",
        ] {
            assert_eq!(number_of(odd), None, "{odd}");
        }
    }
}
