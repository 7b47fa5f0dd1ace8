//! What is due when, for whom: lists and counts over all obligations; coverage.

use super::register::RegisterError;
use super::scope::{push_prefix, push_scope};
use crate::store::{Db, Desk, StoreError};
use jiff::civil::Date;
use sqlx::{QueryBuilder, Row as _};
use std::fmt;
use std::str::FromStr;
use vigil_core::calendar::{Obligation, Standing};
use vigil_core::people::{Person, Role};

/// Entries counted at most: more are "more than".
pub const COUNTED: u64 = 10_000;

/// Statutory items overdue, by equipment; an entry with an empty equipment is of a unit's people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverdueLoad {
    /// Equipment id; empty: of people of the unit.
    pub equipment: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// How many.
    pub count: u32,
}

/// How much is overdue, of all: what ranks are made of.
///
/// # Errors
/// The database cannot be read.
pub async fn overdue_load(desk: &Desk, today: Date) -> Result<Vec<OverdueLoad>, StoreError> {
    let rows = sqlx::query(
        "SELECT equipment, use_unit, COUNT(*) AS n FROM obligations WHERE due < $1 AND kind <> 'inspection_request' \
         GROUP BY equipment, use_unit",
    )
    .bind(today.to_string())
    .fetch_all(desk.reading())
    .await
    .map_err(super::read("the calendar"))?;
    Ok(rows
        .iter()
        .map(|row| OverdueLoad {
            equipment: row.get("equipment"),
            use_unit: row.get("use_unit"),
            count: u32::try_from(row.get::<i64, _>("n")).unwrap_or(u32::MAX),
        })
        .collect())
}

/// What is asked for. Empty texts do not filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalendarFilter {
    /// How it stands.
    pub standing: Option<Standing>,
    /// What it is.
    pub obligation: Option<Obligation>,
    /// From this day on.
    pub from: Option<Date>,
    /// To this day.
    pub to: Option<Date>,
    /// Of this equipment.
    pub equipment: String,
    /// Beginning of the category code.
    pub category: String,
    /// Beginning of the area code.
    pub area: String,
    /// Code of a unit that uses, maintains or inspects it.
    pub unit: String,
    /// Where the page before ended.
    pub after: Option<DueCursor>,
    /// Rows, 1 to 1000.
    pub limit: u32,
}

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCursor {
    /// Date of the last row.
    pub due: Date,
    /// Obligation of the last row.
    pub kind: String,
    /// Part of the last row.
    pub part: String,
    /// Equipment of the last row.
    pub equipment: String,
}

/// Something due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRow {
    /// What.
    pub obligation: Obligation,
    /// When.
    pub due: Date,
    /// How it stands today.
    pub standing: Standing,
    /// Equipment id; empty for a person's certificate.
    pub equipment: String,
    /// Name of the equipment.
    pub name: String,
    /// Accessory or certificate it is due for: `""`, a number, `certificate:N`.
    pub part: String,
    /// Catalogue code.
    pub category: String,
    /// Area code.
    pub area: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// `stated`, `since_last`, `since_anchor`.
    pub basis: String,
    /// Where the schedule stands.
    pub source: String,
    /// Whether the schedule still has to be verified.
    pub unverified: bool,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePage {
    /// Lines.
    pub rows: Vec<DueRow>,
    /// Where the next page starts.
    pub next: Option<DueCursor>,
}

/// What coverage is told by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CoverageBy {
    /// Area.
    #[default]
    Area,
    /// Kind and class of equipment: two characters of the code.
    Class,
    /// Use unit.
    Unit,
}

/// How far equipment in use is inspected in time and insured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageRow {
    /// Area code, beginning of the category code, or code of the unit.
    pub key: String,
    /// Name of the unit, when by unit.
    pub name: Option<String>,
    /// In use.
    pub in_use: u64,
    /// Of those, registered.
    pub registered: u64,
    /// Of those registered, inspected on time: the next inspection is known and not past.
    pub inspected: u64,
    /// Of those in use, insured today.
    pub insured: u64,
    /// Of those in use, whose next inspection nobody knows.
    pub inspection_unknown: u64,
}

impl CoverageRow {
    /// Percent of the registered inspected on time; `None` when nothing is registered.
    #[must_use]
    pub fn inspection_percent(&self) -> Option<f64> {
        (self.registered > 0).then(|| self.inspected as f64 / self.registered as f64 * 100.0)
    }

    /// Percent of those in use insured; `None` when nothing is in use.
    #[must_use]
    pub fn insurance_percent(&self) -> Option<f64> {
        (self.in_use > 0).then(|| self.insured as f64 / self.in_use as f64 * 100.0)
    }

    fn add(&mut self, other: &Self) {
        self.in_use += other.in_use;
        self.registered += other.registered;
        self.inspected += other.inspected;
        self.insured += other.insured;
        self.inspection_unknown += other.inspection_unknown;
    }
}

impl fmt::Display for DueCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}~{}", self.due, self.kind, self.part, self.equipment)
    }
}

impl FromStr for DueCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "this is no cursor; take it from `next` of the page before";
        let mut parts = text.splitn(4, '~');
        let mut next = || parts.next().ok_or(WRONG);
        Ok(Self {
            due: next()?.parse().map_err(|_| WRONG)?,
            kind: next()?.to_owned(),
            part: next()?.to_owned(),
            equipment: next()?.to_owned(),
        })
    }
}

fn reading(source: sqlx::Error) -> RegisterError {
    StoreError::Read {
        what: "the calendar",
        source,
    }
    .into()
}

/// A page of what is due, first come first.
///
/// # Errors
/// The database cannot be read.
pub async fn calendar(
    desk: &Desk,
    person: &Person,
    filter: &CalendarFilter,
    today: Date,
) -> Result<DuePage, RegisterError> {
    let limit = match filter.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    let mut query = QueryBuilder::<Db>::new(
        "SELECT o.*, COALESCE(e.name, c.person, '') AS name, u.name AS use_unit_name FROM \
         (SELECT equipment, kind, part FROM ",
    );
    push_matching(&mut query, person, filter, today);
    if let Some(after) = &filter.after {
        query
            .push(" AND (due, equipment, kind, part) > (")
            .push_bind(after.due.to_string());
        query.push(", ").push_bind(after.equipment.clone());
        query.push(", ").push_bind(after.kind.clone());
        query.push(", ").push_bind(after.part.clone()).push(")");
    }
    query
        .push(" ORDER BY due, equipment, kind, part LIMIT ")
        .push_bind(i64::from(limit) + 1);
    query.push(
        // What is in the index decides; only what is shown is looked up.
        ") JOIN obligations o USING (equipment, kind, part) LEFT JOIN equipment e ON e.id = o.equipment LEFT JOIN units u ON u.code = o.use_unit \
         LEFT JOIN certificates c ON c.n = CASE o.equipment WHEN '' THEN CAST(substr(o.part, 13) AS INTEGER) END \
         ORDER BY o.due, o.equipment, o.kind, o.part",
    );
    let found = query.build().fetch_all(desk.reading()).await.map_err(reading)?;
    let mut rows = Vec::with_capacity(found.len());
    for row in found.iter().take(limit as usize) {
        let (kind, due): (&str, &str) = (row.get("kind"), row.get("due"));
        let corrupt = |detail: String| StoreError::Corrupt {
            what: "calendar",
            detail,
        };
        let due: Date = due
            .parse()
            .map_err(|error: jiff::Error| corrupt(error.to_string()))?;
        rows.push(DueRow {
            obligation: Obligation::from_key(kind).ok_or_else(|| corrupt(format!("obligation {kind:?}")))?,
            due,
            standing: Standing::of(due, today),
            equipment: row.get("equipment"),
            name: row.get("name"),
            part: row.get("part"),
            category: row.get("category"),
            area: row.get("area"),
            use_unit: row.get("use_unit"),
            use_unit_name: row.get("use_unit_name"),
            basis: row.get("basis"),
            source: row.get("source"),
            unverified: row.get("unverified"),
        });
    }
    let next = rows
        .last()
        .filter(|_| found.len() > limit as usize)
        .map(|last: &DueRow| DueCursor {
            due: last.due,
            kind: last.obligation.key().to_owned(),
            part: last.part.clone(),
            equipment: last.equipment.clone(),
        });
    Ok(DuePage { rows, next })
}

/// How many are of each standing (and otherwise as the filter says), each counted to [`COUNTED`] + 1.
///
/// # Errors
/// The database cannot be read.
pub async fn standings(
    desk: &Desk,
    person: &Person,
    filter: &CalendarFilter,
    today: Date,
) -> Result<Vec<(Standing, u64)>, RegisterError> {
    let mut counts = Vec::with_capacity(3);
    for standing in [Standing::Overdue, Standing::Within30, Standing::Within60] {
        let (from, to) = standing.range(today);
        let filter = CalendarFilter {
            standing: None,
            from,
            to,
            after: None,
            ..filter.clone()
        };
        counts.push((standing, count(desk, person, &filter, today).await?));
    }
    Ok(counts)
}

/// How many are due in each month from this one on, each counted to [`COUNTED`] + 1.
///
/// # Errors
/// The database cannot be read.
pub async fn months(
    desk: &Desk,
    person: &Person,
    filter: &CalendarFilter,
    today: Date,
    months: u8,
) -> Result<Vec<(Date, u64)>, RegisterError> {
    let mut counts = Vec::new();
    let mut first = today.first_of_month();
    for _ in 0..months {
        let filter = CalendarFilter {
            standing: None,
            from: Some(first),
            to: Some(first.last_of_month()),
            after: None,
            ..filter.clone()
        };
        counts.push((first, count(desk, person, &filter, today).await?));
        first = first.checked_add(jiff::Span::new().months(1)).unwrap_or(first);
    }
    Ok(counts)
}

async fn count(
    desk: &Desk,
    person: &Person,
    filter: &CalendarFilter,
    today: Date,
) -> Result<u64, RegisterError> {
    let mut query = QueryBuilder::<Db>::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
    push_matching(&mut query, person, filter, today);
    query.push(" LIMIT ").push_bind(COUNTED as i64 + 1).push(")");
    let found: i64 = query
        .build_query_scalar()
        .fetch_one(desk.reading())
        .await
        .map_err(reading)?;
    Ok(found.unsigned_abs())
}

fn push_matching(query: &mut QueryBuilder<Db>, person: &Person, filter: &CalendarFilter, today: Date) {
    // A unit walks over what is its own; an authority over what is due, from the index alone.
    query.push(match person.role {
        _ if !filter.equipment.is_empty() => "obligations WHERE true",
        Role::Site => "obligations INDEXED BY obligations_used WHERE true",
        Role::Maintainer => "obligations INDEXED BY obligations_maintained WHERE true",
        Role::InspectionBody => "obligations INDEXED BY obligations_inspected WHERE true",
        _ => "obligations INDEXED BY obligations_due WHERE true",
    });
    push_scope(query, person, "");
    let (from, to) = filter
        .standing
        .map_or((None, None), |standing| standing.range(today));
    for (sign, dates) in [(">=", [from, filter.from]), ("<=", [to, filter.to])] {
        for date in dates.into_iter().flatten() {
            query
                .push(format!(" AND due {sign} "))
                .push_bind(date.to_string());
        }
    }
    if let Some(obligation) = filter.obligation {
        query.push(" AND kind = ").push_bind(obligation.key());
    }
    if !filter.equipment.is_empty() {
        query
            .push(" AND equipment = ")
            .push_bind(filter.equipment.clone());
    }
    for (column, prefix) in [("category", &filter.category), ("area", &filter.area)] {
        if !prefix.is_empty() {
            query.push(" AND ");
            push_prefix(query, "", column, prefix);
        }
    }
    if !filter.unit.is_empty() {
        query.push(" AND ").push_bind(filter.unit.clone());
        query.push(" IN (use_unit, maintenance_unit, inspection_body)");
    }
}

/// Coverage by area, class or unit, largest first, and of all together.
///
/// # Errors
/// The database cannot be read.
pub async fn coverage(
    desk: &Desk,
    person: &Person,
    by: CoverageBy,
    (area, category): (&str, &str),
    today: Date,
    limit: u32,
) -> Result<(CoverageRow, Vec<CoverageRow>), RegisterError> {
    let key = match by {
        CoverageBy::Area => "area",
        CoverageBy::Class => "substr(category, 1, 2)",
        CoverageBy::Unit => "COALESCE(use_unit, '')",
    };
    let mut query = QueryBuilder::<Db>::new(format!(
        "SELECT c.*, u.name FROM (SELECT {key} AS key, COUNT(*) AS in_use, SUM(registration_no <> '') AS registered, \
         SUM(registration_no <> '' AND inspection_due >= "
    ));
    query.push_bind(today.to_string());
    query
        .push(") AS inspected, SUM(insured_to >= ")
        .push_bind(today.to_string());
    query.push(
        ") AS insured, SUM(inspection_due IS NULL) AS unknown FROM equipment INDEXED BY equipment_coverage \
         WHERE state = 'in_use'",
    );
    push_scope(&mut query, person, "");
    for (column, prefix) in [("area", area), ("category", category)] {
        if !prefix.is_empty() {
            query.push(" AND ");
            push_prefix(&mut query, "", column, prefix);
        }
    }
    query.push(" GROUP BY key) c LEFT JOIN units u ON u.code = c.key ORDER BY c.in_use DESC, c.key");
    let found = query.build().fetch_all(desk.reading()).await.map_err(reading)?;
    let number = |row: &sqlx::sqlite::SqliteRow, column: &str| {
        row.get::<Option<i64>, _>(column)
            .unwrap_or_default()
            .unsigned_abs()
    };
    let mut all = CoverageRow::default();
    let mut rows = Vec::new();
    for row in &found {
        let line = CoverageRow {
            key: row.get("key"),
            name: row.get("name"),
            in_use: number(row, "in_use"),
            registered: number(row, "registered"),
            inspected: number(row, "inspected"),
            insured: number(row, "insured"),
            inspection_unknown: number(row, "unknown"),
        };
        all.add(&line);
        if rows.len() < limit as usize {
            rows.push(line);
        }
    }
    Ok((all, rows))
}
