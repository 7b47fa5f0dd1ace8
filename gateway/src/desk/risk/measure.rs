//! Control measures (管控措施): what keeps a risk in check, who sees to it, and when that is looked at.

use super::error::{reading, text, writing};
use super::order::Once;
use super::point::{seen as seen_point, summed};
use super::{Act, RiskError, date_of, narrowed, scope_of_row};
use crate::desk::scope::{push_prefix, push_scope};
use crate::store::{Db, Desk};
use jiff::civil::Date;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use std::fmt;
use std::str::FromStr;
use vigil_core::people::{Person, Role, Scope};
use vigil_core::risk::{MeasureKind, next_check};

/// What people say of a measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MeasureFacts {
    /// Of which kind.
    pub kind: MeasureKind,
    /// What is done.
    pub text: String,
    /// Who sees to it.
    pub owner: String,
    /// It is checked every so many days.
    pub period_days: u16,
    /// No longer taken: neither checked nor counted.
    pub retired: bool,
}

/// A measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Number.
    pub n: i64,
    /// Number of its risk point.
    pub point: i64,
    /// What people say of it.
    pub facts: MeasureFacts,
    /// Since when.
    pub since: Date,
    /// When it was last checked.
    pub last_check: Option<Date>,
    /// Whether it had failed then; `None`: never checked.
    pub failed: Option<bool>,
    /// When it is to be checked next.
    pub next_check: Date,
    /// Whose it is.
    pub scope: Scope,
    /// Counts its changes.
    pub revision: i64,
}

/// A measure in a list of what is to be checked.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasureRow {
    /// The measure.
    pub measure: Measure,
    /// Name of its risk point.
    pub point_name: String,
    /// Equipment of the point, if it is not a unit's.
    pub equipment: Option<String>,
    /// Level of the point, 0 to 4.
    pub level: i64,
}

/// Which measures. Empty texts do not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeasureFilter {
    /// Of this kind.
    pub kind: Option<MeasureKind>,
    /// Their check is overdue, or not.
    pub overdue: Option<bool>,
    /// They failed when last checked, or did not.
    pub failed: Option<bool>,
    /// This person sees to them.
    pub owner: String,
    /// Beginning of the area code.
    pub area: String,
    /// Code of the use unit.
    pub unit: String,
    /// Of this equipment.
    pub equipment: String,
    /// Where the page before ended.
    pub after: Option<MeasureCursor>,
    /// Rows, 1 to 1000.
    pub limit: u32,
}

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureCursor {
    /// When the last one is due.
    pub due: Date,
    /// Its number.
    pub n: i64,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasurePage {
    /// Measures, the first due first.
    pub rows: Vec<MeasureRow>,
    /// Where the next page starts.
    pub next: Option<MeasureCursor>,
    /// Matches, counted to [`super::COUNTED`] + 1.
    pub total: u64,
}

impl fmt::Display for MeasureCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.due, self.n)
    }
}

impl FromStr for MeasureCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "this is no cursor; take it from `next` of the page before";
        let (due, n) = text.split_once('.').ok_or(WRONG)?;
        Ok(Self {
            due: due.parse().map_err(|_| WRONG)?,
            n: n.parse().map_err(|_| WRONG)?,
        })
    }
}

fn measure_row(row: &SqliteRow) -> Measure {
    Measure {
        n: row.get("n"),
        point: row.get("point"),
        facts: MeasureFacts {
            kind: MeasureKind::from_key(row.get("kind")).unwrap_or(MeasureKind::Management),
            text: row.get("text"),
            owner: row.get("owner"),
            period_days: u16::try_from(row.get::<i64, _>("period_days")).unwrap_or(u16::MAX),
            retired: row.get::<Option<i64>, _>("retired_at").is_some(),
        },
        since: date_of(row, "since").unwrap_or_default(),
        last_check: date_of(row, "last_check"),
        failed: match row.get("last_result") {
            "failed" => Some(true),
            "passed" => Some(false),
            _ => None,
        },
        next_check: date_of(row, "next_check").unwrap_or_default(),
        scope: scope_of_row(row),
        revision: row.get("revision"),
    }
}

/// One measure, if it is there and `person` sees it.
///
/// # Errors
/// See above; the database cannot be read.
pub async fn measure(desk: &Desk, person: &Person, n: i64) -> Result<Measure, RiskError> {
    let mut connection = desk.reading().acquire().await.map_err(reading("measures"))?;
    seen(&mut connection, person, n).await
}

/// The same, inside of a transaction.
pub(super) async fn seen(
    connection: &mut SqliteConnection,
    person: &Person,
    n: i64,
) -> Result<Measure, RiskError> {
    let row = sqlx::query("SELECT * FROM risk_measures WHERE n = $1")
        .bind(n)
        .fetch_optional(connection)
        .await
        .map_err(reading("measures"))?;
    row.as_ref()
        .map(measure_row)
        .filter(|measure| person.sees(&measure.scope))
        .ok_or_else(|| RiskError::no_measure(n))
}

/// All measures of a risk point, by number; those that are retired come last. Whether the point is seen, the caller has
/// asked.
///
/// # Errors
/// The database cannot be read.
pub async fn measures_of(desk: &Desk, point: i64) -> Result<Vec<Measure>, RiskError> {
    let rows = sqlx::query(
        "SELECT * FROM risk_measures WHERE point = $1 ORDER BY retired_at IS NOT NULL, n LIMIT 500",
    )
    .bind(point)
    .fetch_all(desk.reading())
    .await
    .map_err(reading("measures"))?;
    Ok(rows.iter().map(measure_row).collect())
}

/// Measures of a point at most.
const MOST: i64 = 200;

fn checked(facts: &MeasureFacts) -> Result<MeasureFacts, RiskError> {
    if !(1..=3_660).contains(&facts.period_days) {
        return Err(RiskError::value(
            "period_days",
            "检查周期为1至3660天",
            "1 to 3660 days",
        ));
    }
    Ok(MeasureFacts {
        kind: facts.kind,
        text: text("text", &facts.text, 1_000, true)?,
        owner: text("owner", &facts.owner, 50, true)?,
        period_days: facts.period_days,
        retired: facts.retired,
    })
}

/// Enters a measure of a risk point.
///
/// # Errors
/// Values that cannot be taken; there is no such point, or it is retired; the database cannot be written.
pub async fn add_measure(
    desk: &Desk,
    act: &Act,
    point: i64,
    facts: &MeasureFacts,
) -> Result<Measure, RiskError> {
    let once = Once::of(act, &("measure", point, facts));
    if let Some(n) = once.before(desk).await? {
        return measure(desk, &act.person, n).await;
    }
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let of = seen_point(connection, &act.person, point).await?;
    if of.facts.retired || facts.retired {
        return Err(RiskError::Refused {
            code: "retired",
            zh: "该风险点已撤销，不再增加措施",
            en: "the risk point is retired",
        });
    }
    let facts = checked(facts)?;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM risk_measures WHERE point = $1")
        .bind(point)
        .fetch_one(&mut *connection)
        .await
        .map_err(reading("measures"))?;
    if count >= MOST {
        return Err(RiskError::Refused {
            code: "too_many",
            zh: "一个风险点最多200条管控措施",
            en: "a risk point has at most 200 measures",
        });
    }
    let due = next_check(None, act.today, facts.period_days);
    let n: i64 = sqlx::query_scalar(
        "INSERT INTO risk_measures (point, kind, text, owner, period_days, since, next_check, use_unit, \
         maintenance_unit, inspection_body, area, revision, changed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12) RETURNING n",
    )
    .bind(point)
    .bind(facts.kind.key())
    .bind(&facts.text)
    .bind(&facts.owner)
    .bind(i64::from(facts.period_days))
    .bind(act.today.to_string())
    .bind(due.to_string())
    .bind(of.scope.use_unit.as_deref())
    .bind(of.scope.maintenance_unit.as_deref())
    .bind(of.scope.inspection_body.as_deref())
    .bind(&*of.scope.area)
    .bind(act.now.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(writing("a measure"))?;
    summed(connection, point).await?;
    once.done(connection, act, n).await?;
    let made = seen(connection, &act.person, n).await?;
    write.commit().await?;
    Ok(made)
}

/// Changes a measure. One that is retired is not checked any more; has it failed, that ends.
///
/// # Errors
/// Values that cannot be taken; there is none, or it has changed in between; the database cannot be written.
pub async fn change_measure(
    desk: &Desk,
    act: &Act,
    n: i64,
    expected: i64,
    facts: &MeasureFacts,
) -> Result<Measure, RiskError> {
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let old = seen(connection, &act.person, n).await?;
    if old.revision != expected {
        return Err(RiskError::Stale {
            what: "the control measure",
            is: old.revision,
            expected,
        });
    }
    let facts = checked(facts)?;
    let of = seen_point(connection, &act.person, old.point).await?;
    if of.facts.retired && !facts.retired {
        return Err(RiskError::Refused {
            code: "retired",
            zh: "该风险点已撤销，其措施不能恢复",
            en: "the risk point is retired: its measures stay retired",
        });
    }
    let due = next_check(old.last_check, old.since, facts.period_days);
    sqlx::query(
        "UPDATE risk_measures SET kind = $2, text = $3, owner = $4, period_days = $5, next_check = $6, \
         retired_at = CASE WHEN $7 THEN COALESCE(retired_at, $8) END, revision = revision + 1, changed = $8 \
         WHERE n = $1",
    )
    .bind(n)
    .bind(facts.kind.key())
    .bind(&facts.text)
    .bind(&facts.owner)
    .bind(i64::from(facts.period_days))
    .bind(due.to_string())
    .bind(facts.retired)
    .bind(act.now.0)
    .execute(&mut *connection)
    .await
    .map_err(writing("a measure"))?;
    if facts.retired {
        sqlx::query(
            "UPDATE risk_episodes SET ended_at = $2, ended_by = $3 WHERE measure = $1 AND ended_at IS NULL",
        )
        .bind(n)
        .bind(act.now.0)
        .bind(&*act.person.login)
        .execute(&mut *connection)
        .await
        .map_err(writing("a measure"))?;
    }
    summed(connection, old.point).await?;
    let changed = seen(connection, &act.person, n).await?;
    write.commit().await?;
    Ok(changed)
}

/// Measures that are to be checked, the first due first, of what `person` sees.
///
/// # Errors
/// The database cannot be read.
pub async fn measures_due(
    desk: &Desk,
    person: &Person,
    filter: &MeasureFilter,
    today: Date,
) -> Result<MeasurePage, RiskError> {
    let limit = match filter.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    let mut query = QueryBuilder::<Db>::new(
        "SELECT m.*, p.name AS point_name, p.equipment, p.level FROM risk_measures m \
         JOIN risk_points p ON p.n = m.point WHERE m.n IN (SELECT n FROM ",
    );
    push_matching(&mut query, person, filter, today, false);
    if let Some(cursor) = &filter.after {
        query
            .push(" AND (next_check, n) > (")
            .push_bind(cursor.due.to_string())
            .push(", ")
            .push_bind(cursor.n)
            .push(")");
    }
    query
        .push(" ORDER BY next_check, n LIMIT ")
        .push_bind(i64::from(limit) + 1)
        .push(") ORDER BY m.next_check, m.n");
    let found = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(reading("measures"))?;
    let mut rows: Vec<MeasureRow> = found
        .iter()
        .map(|row| MeasureRow {
            measure: measure_row(row),
            point_name: row.get("point_name"),
            equipment: row.get("equipment"),
            level: row.get("level"),
        })
        .collect();
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|last| MeasureCursor {
        due: last.measure.next_check,
        n: last.measure.n,
    });
    let mut count = QueryBuilder::<Db>::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
    push_matching(&mut count, person, filter, today, true);
    count
        .push(" LIMIT ")
        .push_bind(super::COUNTED as i64 + 1)
        .push(")");
    let total: i64 = count
        .build_query_scalar()
        .fetch_one(desk.reading())
        .await
        .map_err(reading("measures"))?;
    Ok(MeasurePage {
        rows,
        next,
        total: total.unsigned_abs(),
    })
}

/// `risk_measures INDEXED BY … WHERE …`: few of one owner or one unit; what has failed; or one walk over what is due. In
/// a large area a page is soon full in the order of the list, but a count is not.
fn push_matching(
    query: &mut QueryBuilder<Db>,
    person: &Person,
    filter: &MeasureFilter,
    today: Date,
    counting: bool,
) {
    let area = narrowed(person, &filter.area);
    let index = if !filter.owner.is_empty() {
        "risk_measures_owned"
    } else if !filter.unit.is_empty() || person.role == Role::Site {
        "risk_measures_used"
    } else if person.role == Role::Maintainer {
        "risk_measures_maintained"
    } else if person.role == Role::InspectionBody {
        "risk_measures_inspected"
    } else if filter.failed == Some(true) {
        "risk_measures_failed"
    } else if area.len() >= 4 || (counting && !area.is_empty()) {
        "risk_measures_area"
    } else if filter.kind.is_some() {
        "risk_measures_kind"
    } else {
        "risk_measures_due"
    };
    let by_equipment = !filter.equipment.is_empty();
    let index = if by_equipment { "risk_measures_of" } else { index };
    query.push(format!(
        "risk_measures INDEXED BY {index} WHERE retired_at IS NULL"
    ));
    if by_equipment {
        query
            .push(" AND point IN (SELECT n FROM risk_points WHERE equipment = ")
            .push_bind(filter.equipment.clone())
            .push(")");
    }
    push_scope(query, person, "");
    if !filter.owner.is_empty() {
        query.push(" AND owner = ").push_bind(filter.owner.clone());
    }
    if !filter.unit.is_empty() {
        query.push(" AND use_unit = ").push_bind(filter.unit.clone());
    }
    for area in [filter.area.as_str(), area] {
        if !area.is_empty() {
            query.push(" AND ");
            push_prefix(query, "", "area", area);
        }
    }
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.key());
    }
    match filter.failed {
        Some(true) => drop(query.push(" AND last_result = 'failed'")),
        Some(false) => drop(query.push(" AND last_result <> 'failed'")),
        None => {}
    }
    if let Some(overdue) = filter.overdue {
        query
            .push(if overdue {
                " AND next_check < "
            } else {
                " AND next_check >= "
            })
            .push_bind(today.to_string());
    }
}
