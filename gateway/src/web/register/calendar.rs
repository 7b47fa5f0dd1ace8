//! The statutory calendar, by month, equipment and unit; and coverage.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use super::super::parts::Choice;
use crate::desk::calendar::{self, CalendarFilter, CoverageBy};
use crate::view::register::{CoverageView, DueView};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use std::sync::Arc;
use vigil_core::calendar::{Obligation, Standing};

/// Rows per page.
const ROWS: u32 = 100;
/// Months shown ahead.
const MONTHS: u8 = 12;

/// A month and how much is due in it.
struct Month {
    label: String,
    href: String,
    count: String,
    current: bool,
    none: bool,
}

#[derive(Template)]
#[template(path = "register/calendar.html")]
struct CalendarPage<'p> {
    page: &'p Page,
    standings: Vec<Choice>,
    obligations: Vec<(&'static str, &'static str, bool)>,
    months: Vec<Month>,
    rows: Vec<DueView>,
    older: Option<String>,
    filtered: bool,
    overdue: u64,
}

/// `GET /calendar?standing=…&obligation=…&month=…&equipment=…&unit=…&area=…&category=…&after=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<CalendarPage<'p>, Fault> {
    let today = site.today();
    let reader = site.reader(page);
    let text = |key: &str| page.asked(key).trim().to_owned();
    let month: Option<Date> = format!("{}-01", page.asked("month")).parse().ok();
    let filter = CalendarFilter {
        standing: Standing::from_key(page.asked("standing")),
        obligation: Obligation::from_key(page.asked("obligation")),
        from: month,
        to: month.map(Date::last_of_month),
        equipment: text("equipment"),
        category: text("category").to_uppercase(),
        area: text("area"),
        unit: text("unit"),
        after: page.asked("after").parse().ok(),
        limit: ROWS,
    };
    let found = calendar::calendar(&site.app.desk, &reader, &filter, today).await?;
    let counts = calendar::standings(&site.app.desk, &reader, &filter, today).await?;
    let months = calendar::months(&site.app.desk, &reader, &filter, today, MONTHS).await?;
    let of = |key: &str| {
        counts
            .iter()
            .find(|(standing, _)| standing.key() == key)
            .map(|(_, count)| *count)
    };
    let choice = |key: &str, label: &str| Choice {
        href: page.with("standing", key),
        label: label.to_owned(),
        count: of(key),
        current: page.asked("standing") == key,
    };
    let standings = vec![
        choice("", page.pick("全部", "all")),
        choice("overdue", page.pick("逾期", "overdue")),
        choice("within_30", page.pick("30天内", "in 30 days")),
        choice("within_60", page.pick("31–60天", "in 31–60 days")),
        choice("later", page.pick("更晚", "later")),
    ];
    let obligations = Obligation::ALL
        .into_iter()
        .map(|one| {
            let (zh, en) = one.titles();
            (
                one.key(),
                page.pick(zh, en),
                page.asked("obligation") == one.key(),
            )
        })
        .collect();
    let months = months
        .into_iter()
        .map(|(first, count)| {
            let key = format!("{:04}-{:02}", first.year(), first.month());
            Month {
                href: page.with("month", if page.asked("month") == key { "" } else { &key }),
                current: page.asked("month") == key,
                none: count == 0,
                count: page.bounded(&count),
                label: key,
            }
        })
        .collect();
    Ok(CalendarPage {
        page,
        standings,
        obligations,
        months,
        rows: found
            .rows
            .into_iter()
            .map(|row| DueView::of(row, today, false))
            .collect(),
        older: found.next.map(|next| page.with("after", &next.to_string())),
        filtered: page.is_filtered(&["after"]),
        overdue: of("overdue").unwrap_or(0),
    })
}

#[derive(Template)]
#[template(path = "register/coverage.html")]
struct CoveragePage<'p> {
    page: &'p Page,
    ways: Vec<Choice>,
    by: &'static str,
    all: CoverageView,
    rows: Vec<CoverageView>,
}

/// `GET /coverage?by=…&area=…&category=…`
pub(crate) async fn coverage(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make_coverage(&site, &page).await;
    respond(&page, made)
}

async fn make_coverage<'p>(site: &Site, page: &'p Page) -> Result<CoveragePage<'p>, Fault> {
    let by = match page.asked("by") {
        "class" => CoverageBy::Class,
        "unit" => CoverageBy::Unit,
        _ => CoverageBy::Area,
    };
    let category = page.asked("category").to_uppercase();
    let within = (page.asked("area"), category.as_str());
    let (all, rows) =
        calendar::coverage(&site.app.desk, &site.reader(page), by, within, site.today(), 500).await?;
    let choice = |key: &str, way: CoverageBy, label: &str| Choice {
        href: page.with("by", key),
        label: label.to_owned(),
        count: None,
        current: by == way,
    };
    let class = by == CoverageBy::Class;
    Ok(CoveragePage {
        page,
        ways: vec![
            choice("area", CoverageBy::Area, page.pick("按区划", "by area")),
            choice("class", CoverageBy::Class, page.pick("按类别", "by class")),
            choice("unit", CoverageBy::Unit, page.pick("按使用单位", "by use unit")),
        ],
        by: match by {
            CoverageBy::Area => "area",
            CoverageBy::Class => "category",
            CoverageBy::Unit => "unit",
        },
        all: CoverageView::of(&all, false),
        rows: rows.iter().map(|row| CoverageView::of(row, class)).collect(),
    })
}
