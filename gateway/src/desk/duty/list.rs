//! Lists of records: latest period first, filtered inside an index.

use super::DutyError;
use super::record::{SCOPED, WHAT, day, kind_of, verdict_of};
use crate::desk::listing::{NO_CURSOR, counted, counting, cut, page_length, push_limit};
use crate::desk::read;
use crate::desk::scope::{push_prefix, push_scope};
use crate::store::{Db, Desk};
use jiff::civil::Date;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _};
use std::fmt;
use std::str::FromStr;
use vigil_core::duty::{DutyKind, Verdict};
use vigil_core::people::Person;
use vigil_protocol::time::UtcMillis;

/// How a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DutyStanding {
    /// Not signed yet.
    Open,
    /// Not signed, and past its day.
    Overdue,
    /// Signed.
    Signed,
}

impl DutyStanding {
    /// Every standing.
    pub const ALL: [Self; 3] = [Self::Open, Self::Overdue, Self::Signed];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Overdue => "overdue",
            Self::Signed => "signed",
        }
    }

    /// The standing behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.key() == key)
    }
}

/// What is asked for. What is empty does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DutyFilter {
    /// Which of the three.
    pub kind: Option<DutyKind>,
    /// How it stands.
    pub standing: Option<DutyStanding>,
    /// What it came to before the officer wrote anything.
    pub verdict: Option<Verdict>,
    /// Of a period that reaches to this day or behind it.
    pub from: Option<Date>,
    /// Of a period that ends on this day or before it.
    pub to: Option<Date>,
    /// Beginning of the area code.
    pub area: String,
    /// Code of the unit.
    pub unit: String,
    /// Where the page before ended.
    pub after: Option<DutyCursor>,
    /// Rows, 1 to 1000.
    pub limit: u32,
}

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DutyCursor {
    /// Last day of the last row.
    pub to: Date,
    /// Its number.
    pub n: i64,
}

impl fmt::Display for DutyCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.to, self.n)
    }
}

impl FromStr for DutyCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (to, n) = text.split_once('~').ok_or(NO_CURSOR)?;
        Ok(Self {
            to: to.parse().map_err(|_| NO_CURSOR)?,
            n: n.parse().map_err(|_| NO_CURSOR)?,
        })
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyRow {
    /// Number.
    pub n: i64,
    /// Which of the three.
    pub kind: DutyKind,
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// Area code.
    pub area: String,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// To be signed by.
    pub due: Date,
    /// Version.
    pub version: u32,
    /// What telemetry and the register came to.
    pub verdict: Verdict,
    /// The officer has found something beside.
    pub has_findings: bool,
    /// Machines, those with something found, those without complete data.
    pub machines: (u32, u32, u32),
    /// Alarms, hazards opened, hazards open.
    pub counts: (u32, u32, u32),
    /// Who signed.
    pub signed_name: Option<String>,
    /// When.
    pub signed_at: Option<UtcMillis>,
    /// Hash of what was signed.
    pub hash: Option<String>,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyPage {
    /// Lines.
    pub rows: Vec<DutyRow>,
    /// Where the next page starts.
    pub next: Option<DutyCursor>,
}

fn matching(query: &mut QueryBuilder<Db>, person: &Person, filter: &DutyFilter, today: Date) {
    query.push(format!("{SCOPED} WHERE r.latest = 1"));
    push_scope(query, person, "r.");
    if let Some(kind) = filter.kind {
        query.push(" AND r.kind = ").push_bind(kind.key());
    }
    match filter.standing {
        None => {}
        Some(DutyStanding::Signed) => drop(query.push(" AND r.signed_at IS NOT NULL")),
        Some(DutyStanding::Open) => drop(query.push(" AND r.signed_at IS NULL")),
        Some(DutyStanding::Overdue) => {
            query
                .push(" AND r.signed_at IS NULL AND r.due < ")
                .push_bind(today.to_string());
        }
    }
    if let Some(verdict) = filter.verdict {
        query.push(" AND r.verdict = ").push_bind(verdict.key());
    }
    for (sign, day) in [(">=", filter.from), ("<=", filter.to)] {
        if let Some(day) = day {
            query
                .push(format!(" AND r.period_to {sign} "))
                .push_bind(day.to_string());
        }
    }
    if !filter.area.is_empty() {
        query.push(" AND ");
        push_prefix(query, "r.", "area", &filter.area);
    }
    if !filter.unit.is_empty() {
        query.push(" AND r.use_unit = ").push_bind(filter.unit.clone());
    }
}

/// A page of records, latest period first, the latest version of each.
///
/// # Errors
/// The database cannot be read.
pub async fn list(
    desk: &Desk,
    person: &Person,
    filter: &DutyFilter,
    today: Date,
) -> Result<DutyPage, DutyError> {
    let limit = page_length(filter.limit);
    let mut query = QueryBuilder::<Db>::new(
        "SELECT d.n, d.kind, d.use_unit, d.area, d.period_from, d.period_to, d.due, d.version, d.verdict, \
         d.findings <> '' AS has_findings, d.signed_name, d.signed_at, d.hash, \
         d.prefill ->> '$.machines' AS machines, d.prefill ->> '$.found' AS found, d.prefill ->> '$.no_data' AS no_data, \
         d.prefill ->> '$.alarms' AS alarms, d.prefill ->> '$.hazards_opened' AS opened, \
         d.prefill ->> '$.hazards_open' AS open, COALESCE(u.name, d.use_unit) AS unit_name \
         FROM (SELECT r.n FROM ",
    );
    matching(&mut query, person, filter, today);
    if let Some(after) = &filter.after {
        query
            .push(" AND r.period_to <= ")
            .push_bind(after.to.to_string())
            .push(" AND (r.period_to, r.n) < (")
            .push_bind(after.to.to_string());
        query.push(", ").push_bind(after.n).push(")");
    }
    query.push(" ORDER BY r.period_to DESC, r.n DESC");
    push_limit(&mut query, limit);
    query.push(
        // What is in the index decides; only what is shown is looked up.
        ") JOIN duty_records d USING (n) LEFT JOIN units u ON u.code = d.use_unit ORDER BY d.period_to DESC, d.n DESC",
    );
    let found = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let rows = found.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let (rows, next) = cut(rows, limit, |last| DutyCursor {
        to: last.to,
        n: last.n,
    });
    Ok(DutyPage { rows, next })
}

fn line(row: &SqliteRow) -> Result<DutyRow, DutyError> {
    let number = |column: &str| {
        let number: Option<i64> = row.get(column);
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
    };
    Ok(DutyRow {
        n: row.get("n"),
        kind: kind_of(row)?,
        unit: row.get("use_unit"),
        unit_name: row.get("unit_name"),
        area: row.get("area"),
        from: day(row, "period_from")?,
        to: day(row, "period_to")?,
        due: day(row, "due")?,
        version: number("version"),
        verdict: verdict_of(row)?,
        has_findings: row.get("has_findings"),
        machines: (number("machines"), number("found"), number("no_data")),
        counts: (number("alarms"), number("opened"), number("open")),
        signed_name: row.get("signed_name"),
        signed_at: row.get::<Option<i64>, _>("signed_at").map(UtcMillis),
        hash: row.get("hash"),
    })
}

/// How many match, counted to [`COUNTED`](crate::desk::listing::COUNTED) + 1.
///
/// # Errors
/// The database cannot be read.
pub async fn count(desk: &Desk, person: &Person, filter: &DutyFilter, today: Date) -> Result<u64, DutyError> {
    let mut query = counting();
    matching(&mut query, person, filter, today);
    Ok(counted(desk, WHAT, query).await?)
}

#[cfg(test)]
mod tests {
    use super::{DutyCursor, DutyStanding};

    #[test]
    fn a_cursor_and_a_standing_survive_their_text_form() {
        let cursor: DutyCursor = "2026-05-31~17".parse().unwrap();
        assert_eq!(cursor.to_string(), "2026-05-31~17");
        assert!("17".parse::<DutyCursor>().is_err());
        for standing in DutyStanding::ALL {
            assert_eq!(DutyStanding::from_key(standing.key()), Some(standing));
        }
    }
}
