//! The cases, with their filters in the address.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use super::super::parts::Choice;
use super::DayLeft;
use crate::api::attachment;
use crate::desk::cases::{self, CaseFilter, CasesError, Sort};
use crate::sheet;
use crate::view::supervision::{Named, SupervisionCase, case_table, supervision, supervision_rules};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;
use vigil_core::supervision::{CaseKind, CaseStatus};

/// Rows per page.
const ROWS: u32 = 50;

struct Row {
    case: SupervisionCase,
    /// Name of the unit it is about.
    unit: Option<String>,
    deadline: Option<DayLeft>,
    /// What is waited for first.
    next: Option<(&'static str, DayLeft, bool)>,
}

#[derive(Template)]
#[template(path = "supervision/list.html")]
struct ListPage<'p> {
    page: &'p Page,
    kinds: Vec<Choice>,
    states: Vec<Choice>,
    statuses: Vec<(&'static str, &'static str, bool)>,
    levels: Vec<Named>,
    rows: Vec<Row>,
    total: u64,
    older: Option<String>,
    filtered: bool,
    /// Listings of this quarter by district, and how many there should be.
    quarter: Vec<(String, u64)>,
    quota: u16,
    csv: String,
    xlsx: String,
}

fn filter(page: &Page) -> CaseFilter {
    let text = |key: &str| Some(page.asked(key).trim().to_owned()).filter(|text| !text.is_empty());
    CaseFilter {
        kind: CaseKind::from_key(page.asked("kind")),
        status: CaseStatus::from_key(page.asked("status")),
        open: match page.asked("state") {
            "open" => Some(true),
            "ended" => Some(false),
            _ => None,
        },
        overdue: (page.asked("state") == "overdue").then_some(true),
        level: text("level"),
        area: text("area"),
        unit: text("unit"),
        hazard: text("hazard"),
        due_before: None,
        sort: match page.asked("sort") {
            "deadline" => Sort::Deadline,
            _ => Sort::Newest,
        },
        after: page.asked("after").parse().ok(),
        limit: ROWS,
    }
}

/// `GET /supervision?kind=…&state=…&status=…&level=…&area=…&unit=…&hazard=…&sort=…&after=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

/// First and last instant of the quarter a day lies in.
fn quarter_of(
    site: &Site,
    day: Date,
) -> Option<(vigil_protocol::time::UtcMillis, vigil_protocol::time::UtcMillis)> {
    let first = Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok()?;
    let next = first.checked_add(jiff::Span::new().months(3)).ok()?;
    Some((
        site.instant(&first.to_string(), false)?,
        site.instant(&next.to_string(), false)?,
    ))
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<ListPage<'p>, Fault> {
    let filter = filter(page);
    let reader = site.reader(page);
    let found = supervision(&site.app, &reader, &filter).await?;
    let rules = supervision_rules(&page.rules.supervision);
    let quarter = match quarter_of(site, site.today()) {
        Some(span) => cases::quarter(&site.app.desk, &reader, span)
            .await
            .map_err(|error| Fault::Unavailable(error.to_string()))?,
        None => Vec::new(),
    };
    let choice = |name: &str, key: &str, label: &str| Choice {
        href: page.with(name, key),
        label: label.to_owned(),
        count: None,
        current: page.asked(name) == key,
    };
    let mut kinds = vec![choice("kind", "", page.pick("全部类型", "every kind"))];
    kinds.extend(
        CaseKind::ALL
            .iter()
            .map(|kind| choice("kind", kind.key(), page.pick(kind.title_zh(), kind.title_en()))),
    );
    let states = vec![
        choice("state", "", page.pick("全部", "all")),
        choice("state", "open", page.pick("办理中", "in force")),
        choice("state", "overdue", page.pick("有逾期", "something late")),
        choice("state", "ended", page.pick("已结束", "ended")),
    ];
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for code in found.cases.iter().filter_map(|case| case.unit.as_deref()) {
        if !names.contains_key(code) {
            names.insert(code.to_owned(), site.unit_name(code).await?);
        }
    }
    let rows = found.cases.into_iter().map(|case| Row {
        unit: case.unit.as_ref().and_then(|code| names.get(code).cloned()),
        deadline: case.deadline.map(|at| site.day_left(at.0)),
        next: case
            .waiting
            .first()
            .map(|due| (due.timer, site.day_left(due.due.0), due.late)),
        case,
    });
    let filtered = page.is_filtered(&["after", "sort"]);
    let export = |kind: &str| {
        page.with("sort", "")
            .replacen("/supervision", &format!("/supervision/export.{kind}"), 1)
    };
    Ok(ListPage {
        kinds,
        states,
        statuses: CaseStatus::ALL
            .into_iter()
            .map(|one| {
                let current = page.asked("status") == one.key();
                (one.key(), page.pick(one.title_zh(), one.title_en()), current)
            })
            .collect(),
        levels: rules.levels,
        rows: rows.collect(),
        total: found.total.unwrap_or(0),
        older: found.next.map(|next| page.with("after", &next)),
        filtered,
        quarter,
        quota: rules.quota,
        csv: export("csv"),
        xlsx: export("xlsx"),
        page,
    })
}

/// `GET /supervision/export.csv`, with the filters of the list.
pub(crate) async fn as_csv(State(site): State<Arc<Site>>, page: Page) -> Response {
    table(&site, &page, false).await
}

/// `GET /supervision/export.xlsx`, likewise.
pub(crate) async fn as_xlsx(State(site): State<Arc<Site>>, page: Page) -> Response {
    table(&site, &page, true).await
}

async fn table(site: &Site, page: &Page, as_xlsx: bool) -> Response {
    let zh = page.language == super::super::words::Language::Zh;
    let made = case_table(&site.app, &site.reader(page), &filter(page), zh).await;
    match made {
        Ok(table) => download(page, "supervision", &table, as_xlsx),
        Err(error @ CasesError::Refused(_)) => Fault::BadRequest(super::why(page, &error)).respond(page),
        Err(error) => Fault::from(error).respond(page),
    }
}

/// A table as a file.
pub(crate) fn download(page: &Page, name: &str, table: &sheet::Table, as_xlsx: bool) -> Response {
    if !as_xlsx {
        return attachment(sheet::CSV, &format!("{name}.csv"), sheet::to_csv(table));
    }
    match sheet::to_xlsx(table) {
        Ok(bytes) => attachment(sheet::XLSX, &format!("{name}.xlsx"), bytes),
        Err(error) => Fault::Broken(error.to_string()).respond(page),
    }
}
