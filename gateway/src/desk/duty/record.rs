//! One record, its versions, and the records below it.

use super::DutyError;
use crate::desk::scope::push_scope;
use crate::desk::{corrupt, read};
use crate::store::{Db, Desk, StoreError};
use jiff::civil::Date;
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, QueryBuilder, Row as _};
use vigil_core::duty::{Child, Content, DutyKind, Prefill, RecordState, Verdict, conclude};
use vigil_core::hash::ContentHash;
use vigil_core::people::Person;
use vigil_protocol::time::UtcMillis;

pub(super) const WHAT: &str = "records of daily control";

/// Columns scopes are asked for, of a table whose rows are a unit's own.
pub(super) const SCOPED: &str =
    "(SELECT *, NULL AS maintenance_unit, NULL AS inspection_body FROM duty_records) r";

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// When.
    pub at: UtcMillis,
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// SHA-256 of what was signed.
    pub hash: String,
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyRecord {
    /// Number.
    pub n: i64,
    /// Which of the three.
    pub kind: DutyKind,
    /// Code of the unit.
    pub unit: String,
    /// Its name; its code where the register has none.
    pub unit_name: String,
    /// Area code.
    pub area: String,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// To be signed by the end of this day.
    pub due: Date,
    /// 1, 2 …
    pub version: u32,
    /// The version it corrects.
    pub corrects: Option<i64>,
    /// Hash of what was signed in that.
    pub corrects_hash: Option<String>,
    /// What is corrected.
    pub why: String,
    /// Officers the register names.
    pub officers: Vec<String>,
    /// What telemetry and the register say.
    pub prefill: Prefill,
    /// What those came to.
    pub verdict: Verdict,
    /// What the officer found.
    pub findings: String,
    /// What is done about it.
    pub measures: String,
    /// Whatever else.
    pub remarks: String,
    /// Counts its changes.
    pub revision: i64,
    /// When it was made.
    pub created: UtcMillis,
    /// Last change.
    pub changed: UtcMillis,
    /// By whom.
    pub changed_by: String,
    /// Who signed it.
    pub signature: Option<Signature>,
    /// There is no later version.
    pub latest: bool,
    officers_json: String,
    prefill_json: String,
}

impl DutyRecord {
    /// What it came to, with what the officer has written so far.
    #[must_use]
    pub fn conclusion(&self) -> Verdict {
        conclude(self.verdict, &self.findings)
    }

    /// As far as it decides.
    #[must_use]
    pub fn state(&self) -> RecordState<'_> {
        RecordState {
            use_unit: &self.unit,
            to: self.to,
            verdict: self.verdict,
            signed: self.signature.is_some(),
            latest: self.latest,
        }
    }

    /// Whether it is past its day and not signed.
    #[must_use]
    pub fn is_overdue(&self, today: Date) -> bool {
        self.signature.is_none() && self.due < today
    }

    /// What would be signed, or was.
    pub(super) fn content<'c>(&'c self, login: &'c str, name: &'c str, at: UtcMillis) -> Content<'c> {
        Content {
            kind: self.kind,
            use_unit: &self.unit,
            from: self.from,
            to: self.to,
            version: self.version,
            corrects: self.corrects_hash.as_deref(),
            why: &self.why,
            officers: &self.officers_json,
            prefill: &self.prefill_json,
            verdict: self.conclusion(),
            findings: &self.findings,
            measures: &self.measures,
            remarks: &self.remarks,
            signed_by: login,
            signed_name: name,
            signed_at: at,
        }
    }

    /// Whether what stands there is what was signed; `None`: nobody has signed.
    #[must_use]
    pub fn holds(&self) -> Option<bool> {
        let signed = self.signature.as_ref()?;
        let content = self.content(&signed.login, &signed.name, signed.at);
        Some(content.hash().to_string() == signed.hash)
    }
}

const COLUMNS: &str = "SELECT r.*, COALESCE(u.name, r.use_unit) AS unit_name, \
    (SELECT c.hash FROM duty_records c WHERE c.n = r.corrects) AS corrects_hash FROM ";

/// One record, if the person may see it.
///
/// # Errors
/// There is none for him; the database cannot be read.
pub async fn record(desk: &Desk, person: &Person, n: i64) -> Result<DutyRecord, DutyError> {
    of_number(desk.reading(), person, n).await
}

/// The same, on a connection of the caller's.
pub(super) async fn of_number<'e>(
    executor: impl Executor<'e, Database = Db>,
    person: &Person,
    n: i64,
) -> Result<DutyRecord, DutyError> {
    let mut query = QueryBuilder::<Db>::new(format!(
        "{COLUMNS}{SCOPED} LEFT JOIN units u ON u.code = r.use_unit WHERE r.n = "
    ));
    query.push_bind(n);
    push_scope(&mut query, person, "r.");
    let row = query.build().fetch_optional(executor).await.map_err(read(WHAT))?;
    let found = row.as_ref().map(of_row).transpose()?;
    found.ok_or_else(|| DutyError::NotFound(n.to_string()))
}

/// All versions of a record's unit and period: number, version, when signed, latest first.
///
/// # Errors
/// The database cannot be read.
pub async fn versions(
    desk: &Desk,
    record: &DutyRecord,
) -> Result<Vec<(i64, u32, Option<UtcMillis>)>, DutyError> {
    let rows = sqlx::query::<Db>(
        "SELECT n, version, signed_at FROM duty_records WHERE kind = $1 AND use_unit = $2 AND period_from = $3 \
         ORDER BY version DESC",
    )
    .bind(record.kind.key())
    .bind(&record.unit)
    .bind(record.from.to_string())
    .fetch_all(desk.reading())
    .await
    .map_err(read(WHAT))?;
    Ok(rows
        .iter()
        .map(|row| {
            let version = u32::try_from(row.get::<i64, _>("version")).unwrap_or(0);
            (
                row.get("n"),
                version,
                row.get::<Option<i64>, _>("signed_at").map(UtcMillis),
            )
        })
        .collect())
}

/// What a week or a month is built on: of each period below that ends in it the last signed version, or the last.
pub(super) async fn below<'e>(
    executor: impl Executor<'e, Database = Db>,
    kind: DutyKind,
    unit: &str,
    (from, to): (Date, Date),
) -> Result<Vec<(Child, Prefill)>, DutyError> {
    let Some(below) = kind.below() else {
        return Ok(Vec::new());
    };
    let rows = sqlx::query::<Db>(
        "SELECT r.*, r.use_unit AS unit_name, NULL AS corrects_hash FROM duty_records r \
         WHERE kind = $1 AND use_unit = $2 AND period_to >= $3 AND period_to <= $4 \
         ORDER BY period_from, signed_at IS NOT NULL DESC, version DESC",
    )
    .bind(below.key())
    .bind(unit)
    .bind(from.to_string())
    .bind(to.to_string())
    .fetch_all(executor)
    .await
    .map_err(read(WHAT))?;
    let mut found: Vec<(Child, Prefill)> = Vec::new();
    for row in &rows {
        let record = of_row(row)?;
        if found.last().is_some_and(|(child, _)| child.from == record.from) {
            continue;
        }
        let child = Child {
            record: record.n,
            from: record.from,
            to: record.to,
            version: record.version,
            verdict: record.conclusion(),
            hash: record
                .signature
                .as_ref()
                .and_then(|signed| ContentHash::from_hex(&signed.hash)),
        };
        found.push((child, record.prefill));
    }
    Ok(found)
}

pub(super) fn day(row: &SqliteRow, column: &str) -> Result<Date, StoreError> {
    let text: &str = row.get(column);
    text.parse()
        .map_err(|error: jiff::Error| corrupt(WHAT)(format!("{column}: {error}")))
}

pub(super) fn kind_of(row: &SqliteRow) -> Result<DutyKind, StoreError> {
    let key: &str = row.get("kind");
    DutyKind::from_key(key).ok_or_else(|| corrupt(WHAT)(format!("kind {key:?}")))
}

pub(super) fn verdict_of(row: &SqliteRow) -> Result<Verdict, StoreError> {
    let key: &str = row.get("verdict");
    Verdict::from_key(key).ok_or_else(|| corrupt(WHAT)(format!("verdict {key:?}")))
}

fn of_row(row: &SqliteRow) -> Result<DutyRecord, StoreError> {
    let corrupt = corrupt(WHAT);
    let (officers_json, prefill_json): (String, String) = (row.get("officers"), row.get("prefill"));
    let signed_at: Option<i64> = row.get("signed_at");
    let text = |column: &str| row.get::<Option<String>, _>(column).unwrap_or_default();
    Ok(DutyRecord {
        n: row.get("n"),
        kind: kind_of(row)?,
        unit: row.get("use_unit"),
        unit_name: row.get("unit_name"),
        area: row.get("area"),
        from: day(row, "period_from")?,
        to: day(row, "period_to")?,
        due: day(row, "due")?,
        version: u32::try_from(row.get::<i64, _>("version")).unwrap_or(0),
        corrects: row.get("corrects"),
        corrects_hash: row.get("corrects_hash"),
        why: row.get("why"),
        officers: serde_json::from_str(&officers_json).map_err(|error| corrupt(error.to_string()))?,
        prefill: serde_json::from_str(&prefill_json).map_err(|error| corrupt(error.to_string()))?,
        verdict: verdict_of(row)?,
        findings: row.get("findings"),
        measures: row.get("measures"),
        remarks: row.get("remarks"),
        revision: row.get("revision"),
        created: UtcMillis(row.get("created")),
        changed: UtcMillis(row.get("changed")),
        changed_by: row.get("changed_by"),
        signature: signed_at.map(|at| Signature {
            at: UtcMillis(at),
            login: text("signed_by"),
            name: text("signed_name"),
            hash: text("hash"),
        }),
        latest: row.get("latest"),
        officers_json,
        prefill_json,
    })
}
