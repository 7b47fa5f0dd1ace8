//! Cases, filtered, sorted and paged.

use super::read::{WHAT, stored};
use super::{CasesError, StoredCase};
use crate::desk::listing::{NO_CURSOR, counted, counting, cut, page_length, push_limit};
use crate::desk::read;
use crate::desk::scope::{push_prefix, push_scope};
use crate::store::{Db, Desk, StoreError};
use sqlx::{QueryBuilder, Row as _};
use std::fmt;
use std::str::FromStr;
use vigil_core::people::{Person, Role};
use vigil_core::supervision::{CaseKind, CaseStatus};
use vigil_protocol::time::UtcMillis;

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Issued last.
    #[default]
    Newest,
    /// Due first; only what is in force and has a deadline.
    Deadline,
}

/// What is asked for. Unset fields do not filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseFilter {
    /// Of this kind.
    pub kind: Option<CaseKind>,
    /// In this state.
    pub status: Option<CaseStatus>,
    /// In force, or not.
    pub open: Option<bool>,
    /// Something is late.
    pub overdue: Option<bool>,
    /// Key of the level.
    pub level: Option<String>,
    /// Beginning of the area code.
    pub area: Option<String>,
    /// Code of a unit that it is about, or that uses, maintains or inspects what it is about.
    pub unit: Option<String>,
    /// Naming this hazard.
    pub hazard: Option<String>,
    /// With a deadline before.
    pub due_before: Option<UtcMillis>,
    /// What comes first.
    pub sort: Sort,
    /// Where the page before ended.
    pub after: Option<CaseCursor>,
    /// Rows, 1 to 1000.
    pub limit: u32,
}

/// The end of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseCursor {
    at: i64,
    id: i64,
}

impl fmt::Display for CaseCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at, self.id)
    }
}

impl FromStr for CaseCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (at, id) = text.split_once('.').ok_or(NO_CURSOR)?;
        Ok(Self {
            at: at.parse().map_err(|_| NO_CURSOR)?,
            id: id.parse().map_err(|_| NO_CURSOR)?,
        })
    }
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct CasePage {
    /// The cases.
    pub cases: Vec<StoredCase>,
    /// Where the next page starts.
    pub next: Option<CaseCursor>,
}

fn push_filter(query: &mut QueryBuilder<Db>, person: &Person, filter: &CaseFilter) {
    push_scope(query, person, "");
    for (column, word) in [
        ("kind", filter.kind.map(CaseKind::key)),
        ("status", filter.status.map(CaseStatus::key)),
    ] {
        if let Some(word) = word {
            query.push(format!(" AND {column} = ")).push_bind(word);
        }
    }
    // Written out, so that the indexes over what is in force are seen to fit.
    match filter.open {
        Some(true) => drop(query.push(" AND open = 1")),
        Some(false) => drop(query.push(" AND open = 0")),
        None => {}
    }
    match filter.overdue {
        Some(true) => drop(query.push(" AND overdue = 1")),
        Some(false) => drop(query.push(" AND overdue = 0")),
        None => {}
    }
    if let Some(level) = &filter.level {
        query.push(" AND level = ").push_bind(level.clone());
    }
    if let Some(area) = filter.area.as_ref().filter(|area| !area.is_empty()) {
        query.push(" AND ");
        push_prefix(query, "", "area", area);
    }
    if let Some(unit) = &filter.unit {
        query.push(" AND ").push_bind(unit.clone());
        query.push(" IN (unit, use_unit, maintenance_unit, inspection_body)");
    }
    if let Some(hazard) = &filter.hazard {
        query
            .push(" AND id IN (SELECT case_id FROM case_hazards WHERE hazard = ")
            .push_bind(hazard.clone())
            .push(")");
    }
    if let Some(before) = filter.due_before {
        query.push(" AND open = 1 AND deadline < ").push_bind(before.0);
    }
    if filter.sort == Sort::Deadline {
        query.push(" AND open = 1 AND deadline IS NOT NULL");
    }
}

/// A page of cases.
///
/// # Errors
/// The database cannot be read.
pub async fn cases(desk: &Desk, person: &Person, filter: &CaseFilter) -> Result<CasePage, CasesError> {
    let limit = page_length(filter.limit);
    let mut query = QueryBuilder::<Db>::new("SELECT * FROM cases WHERE true");
    push_filter(&mut query, person, filter);
    let (column, sign, order) = match filter.sort {
        Sort::Newest => ("issued_at", "<", "DESC"),
        Sort::Deadline => ("deadline", ">", "ASC"),
    };
    if let Some(after) = filter.after {
        query
            .push(format!(" AND ({column}, id) {sign} ("))
            .push_bind(after.at)
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
    query.push(format!(" ORDER BY {column} {order}, id {order}"));
    push_limit(&mut query, limit);
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let (rows, next) = cut(rows, limit, |last| CaseCursor {
        at: last.get(column),
        id: last.get("id"),
    });
    let cases = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
    Ok(CasePage { cases, next })
}

/// How many there are, counted to [`COUNTED`](crate::desk::listing::COUNTED) + 1.
///
/// # Errors
/// The database cannot be read.
pub async fn count(desk: &Desk, person: &Person, filter: &CaseFilter) -> Result<u64, StoreError> {
    let mut query = counting();
    query.push("cases WHERE true");
    push_filter(&mut query, person, filter);
    counted(desk, WHAT, query).await
}

/// How many were listed between two instants in each district (six digits), most first: what a quota is held against.
/// Only authorities are told.
///
/// # Errors
/// The database cannot be read.
pub async fn quarter(
    desk: &Desk,
    person: &Person,
    (from, to): (UtcMillis, UtcMillis),
) -> Result<Vec<(String, u64)>, StoreError> {
    let authority = matches!(
        person.role,
        Role::Regulator | Role::Department | Role::Administrator
    );
    if !authority {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::<Db>::new(
        "SELECT area, COUNT(*) AS n FROM cases WHERE kind = 'listed' AND issued_at >= ",
    );
    query
        .push_bind(from.0)
        .push(" AND issued_at < ")
        .push_bind(to.0)
        .push(" AND status <> 'withdrawn'");
    push_scope(&mut query, person, "");
    query.push(" GROUP BY area ORDER BY n DESC, area LIMIT 100");
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let of = |row: &sqlx::sqlite::SqliteRow| (row.get("area"), row.get::<i64, _>("n").unsigned_abs());
    Ok(rows.iter().map(of).collect())
}
