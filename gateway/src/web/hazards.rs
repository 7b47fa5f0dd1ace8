//! The list of hazards, with its filters in the address.

use super::fault::{Fault, respond};
use super::markup::address;
use super::page::Page;
use super::parts::Choice;
use super::{Site, terms};
use crate::app::HazardFilter;
use crate::view;
use crate::view::Card;
use crate::view::Hazard;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use std::sync::Arc;
use vigil_core::hazard::HazardStatus;
use vigil_core::pack::{Grade, Severity};
use vigil_protocol::time::UtcMillis;

/// Rows per page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "hazards.html")]
struct HazardsPage<'p> {
    page: &'p Page,
    of: Option<Card>,
    statuses: Vec<Choice>,
    severities: Vec<Choice>,
    grades: Vec<Choice>,
    hazards: Vec<Hazard>,
    /// The page after this one.
    older: Option<String>,
    filtered: bool,
    /// What was typed and cannot be used.
    wrong: Option<&'static str>,
}

/// `GET /hazards?status=…&severity=…&grade=…&equipment=…&from=…&to=…&after=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<HazardsPage<'p>, Fault> {
    let (filter, wrong) = filter(page);
    let of = match &filter.equipment {
        Some(id) => Some(site.card(page, id).ok_or(Fault::NotFound)?),
        None => None,
    };
    let found = view::hazards(&site.app, &page.sight(), filter).await?;
    let older = found.next.as_deref().map(|cursor| {
        let mut query: Vec<(&str, &str)> = page.query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        query.retain(|(key, _)| *key != "after");
        query.push(("after", cursor));
        address(&page.path, &query)
    });
    let choice = |name: &str, key: &str, label: &str| Choice {
        href: page.with(name, key),
        label: label.to_owned(),
        count: None,
        current: page.asked(name) == key
            || (name == "status" && key == "open" && page.asked(name).is_empty()),
    };
    let statuses = vec![
        choice("status", "open", page.pick("未关闭", "open")),
        choice(
            "status",
            "suspected",
            terms::status(page.language, HazardStatus::Suspected),
        ),
        choice(
            "status",
            "confirmed",
            terms::status(page.language, HazardStatus::Confirmed),
        ),
        choice(
            "status",
            "rejected",
            terms::status(page.language, HazardStatus::Rejected),
        ),
        choice("status", "all", page.pick("全部", "all")),
    ];
    let mut severities = vec![choice("severity", "", page.pick("全部级别", "every level"))];
    severities.extend(terms::SEVERITIES.map(|level| {
        choice(
            "severity",
            terms::severity_key(level),
            terms::severity(page.language, level),
        )
    }));
    let grades = vec![
        choice("grade", "", page.pick("全部等级", "every grade")),
        choice("grade", "major", page.pick("重大", "major")),
        choice("grade", "general", page.pick("一般", "general")),
    ];
    let filtered = page
        .query
        .iter()
        .any(|(key, value)| key != "after" && !value.is_empty());
    Ok(HazardsPage {
        page,
        of,
        statuses,
        severities,
        grades,
        hazards: found.hazards,
        older,
        filtered,
        wrong,
    })
}

/// What the address asks for; what cannot be understood is said, and does not restrict.
fn filter(page: &Page) -> (HazardFilter, Option<&'static str>) {
    let mut wrong = None;
    let mut day = |key: &str, after: i64| {
        let text = page.asked(key);
        if text.is_empty() {
            return None;
        }
        let at = text
            .parse::<Date>()
            .ok()
            .and_then(|date| date.to_zoned_datetime(page.times.zone.clone()).ok());
        if at.is_none() {
            wrong = Some(page.pick("日期应写作 2026-01-31", "a date is written 2026-01-31"));
        }
        at.map(|at| UtcMillis(at.timestamp().as_millisecond() + after))
    };
    let (from, to) = (day("from", 0), day("to", 86_400_000));
    let (status, open) = match page.asked("status") {
        "suspected" => (Some(HazardStatus::Suspected), None),
        "confirmed" => (Some(HazardStatus::Confirmed), None),
        "rejected" => (Some(HazardStatus::Rejected), None),
        "all" => (None, None),
        _ => (None, Some(true)),
    };
    let severity: Option<Severity> = terms::SEVERITIES
        .into_iter()
        .find(|level| terms::severity_key(*level) == page.asked("severity"));
    let grade = match page.asked("grade") {
        "major" => Some(Grade::Major),
        "general" => Some(Grade::General),
        _ => None,
    };
    let after = Some(page.asked("after"))
        .filter(|text| !text.is_empty())
        .and_then(|text| text.parse().ok());
    let equipment = Some(page.asked("equipment"))
        .filter(|id| !id.is_empty())
        .map(str::to_owned);
    (
        HazardFilter {
            status,
            open,
            grade,
            severity,
            equipment,
            from,
            to,
            after,
            sight: None,
            limit: ROWS,
            ..HazardFilter::default()
        },
        wrong,
    )
}
