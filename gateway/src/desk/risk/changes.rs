//! What was said of a risk point, field by field: from what to what.

use super::error::{reading, writing};
use super::{Act, PointFacts, RiskError};
use crate::store::Desk;
use serde_json::json;
use sqlx::{Row as _, SqliteConnection};
use vigil_protocol::time::UtcMillis;

/// One change of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointChange {
    /// Number, counting up.
    pub n: i64,
    /// When.
    pub at: UtcMillis,
    /// Login of who did.
    pub by: String,
    /// Which: as in [`PointFacts`].
    pub field: String,
    /// What it said.
    pub old: String,
    /// What it says now.
    pub new: String,
}

impl PointChange {
    /// Whether it says something about a person.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        matches!(self.field.as_str(), "owner" | "owner_phone")
    }
}

/// Every field with its text.
fn fields(facts: &PointFacts) -> [(&'static str, &str); 9] {
    [
        ("name", &facts.name),
        ("place", &facts.place),
        ("factor", &facts.factor),
        ("accident", &facts.accident),
        ("basis", &facts.basis),
        ("owner", &facts.owner),
        ("owner_phone", &facts.owner_phone),
        ("owner_unit", &facts.owner_unit),
        ("retired", if facts.retired { "true" } else { "false" }),
    ]
}

/// Notes what differs, in the transaction that changes it.
pub(super) async fn note(
    connection: &mut SqliteConnection,
    act: &Act,
    n: i64,
    before: &PointFacts,
    after: &PointFacts,
) -> Result<(), RiskError> {
    let pairs = fields(before).into_iter().zip(fields(after));
    let lines: Vec<_> = pairs
        .filter(|((_, old), (_, new))| old != new)
        .map(|((field, old), (_, new))| json!([field, old, new]))
        .collect();
    sqlx::query(
        "INSERT INTO risk_changes (point, at, by, field, old, new) \
         SELECT $2, $3, $4, value->>0, value->>1, value->>2 FROM json_each($1)",
    )
    .bind(json!(lines).to_string())
    .bind(n)
    .bind(act.now.0)
    .bind(&*act.person.login)
    .execute(connection)
    .await
    .map_err(writing("the history of a risk point"))?;
    Ok(())
}

/// What was changed of a risk point, latest first, before number `before`. Whether it is seen, the caller has asked.
///
/// # Errors
/// The database cannot be read.
pub async fn point_changes(
    desk: &Desk,
    n: i64,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<PointChange>, RiskError> {
    let rows = sqlx::query("SELECT * FROM risk_changes WHERE point = $1 AND n < $2 ORDER BY n DESC LIMIT $3")
        .bind(n)
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit.clamp(1, 1_000)))
        .fetch_all(desk.reading())
        .await
        .map_err(reading("the history of a risk point"))?;
    Ok(rows
        .iter()
        .map(|row| PointChange {
            n: row.get("n"),
            at: UtcMillis(row.get("at")),
            by: row.get("by"),
            field: row.get("field"),
            old: row.get("old"),
            new: row.get("new"),
        })
        .collect())
}
