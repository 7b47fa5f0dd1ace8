//! The list of hazards, with its filters in the address; and the same as a file.

use super::fault::{Fault, respond};
use super::markup::address;
use super::page::Page;
use super::parts::Choice;
use super::{Site, terms};
use crate::app::{HazardFilter, HazardOrder};
use crate::sheet::csv_line;
use crate::view;
use crate::view::Card;
use crate::view::Hazard;
use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use jiff::civil::Date;
use std::io;
use std::sync::Arc;
use vigil_core::hazard::{HazardSource, HazardStatus};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Role;
use vigil_protocol::time::UtcMillis;

/// Rows per page.
const ROWS: u32 = 100;
/// Rows read at once for a file.
const BLOCK: u32 = 500;

#[derive(Template)]
#[template(path = "hazards.html")]
struct HazardsPage<'p> {
    page: &'p Page,
    of: Option<Card>,
    statuses: Vec<Choice>,
    orders: Vec<Choice>,
    selects: Vec<Select>,
    hazards: Vec<Hazard>,
    /// How many there are in all, on the first page.
    total: Option<u64>,
    /// The page after this one.
    older: Option<String>,
    /// The same as a file.
    csv: String,
    filtered: bool,
    /// What was typed and cannot be used.
    wrong: Option<&'static str>,
}

/// One of the filters to choose from: name, label, choices with what is chosen.
struct Select {
    name: &'static str,
    label: &'static str,
    choices: Vec<(&'static str, &'static str, bool)>,
}

/// `GET /hazards?status=…&severity=…&grade=…&source=…&flag=…&mine=…&equipment=…&unit=…&area=…&q=…&from=…&to=…&sort=…&after=…`
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
    let query: Vec<(&str, &str)> = page
        .query
        .iter()
        .filter(|(key, _)| key != "after")
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let filtered = page.is_filtered(&["after", "sort"]);
    Ok(HazardsPage {
        page,
        of,
        statuses: statuses(page),
        orders: orders(page),
        selects: selects(page),
        hazards: found.hazards,
        total: found.total,
        older,
        csv: address("/hazards.csv", &query),
        filtered,
        wrong,
    })
}

fn choice(page: &Page, name: &str, key: &str, label: &str, usual: bool) -> Choice {
    Choice {
        href: page.with(name, key),
        label: label.to_owned(),
        count: None,
        current: page.asked(name) == key || usual && page.asked(name).is_empty(),
    }
}

fn statuses(page: &Page) -> Vec<Choice> {
    let mut statuses = vec![choice(page, "status", "open", page.pick("未关闭", "open"), true)];
    for (status, key) in STATUSES {
        let word = terms::status(page.language, status);
        statuses.push(choice(page, "status", key, word, false));
        if status == HazardStatus::StruckOff {
            let due = page.pick("“回头看”到期", "look-back due");
            statuses.push(choice(page, "status", "look_back", due, false));
        }
    }
    statuses.push(choice(page, "status", "all", page.pick("全部", "all"), false));
    statuses
}

/// Statuses in the order of the loop, with their keys.
const STATUSES: [(HazardStatus, &str); 10] = [
    (HazardStatus::Suspected, "suspected"),
    (HazardStatus::Confirmed, "confirmed"),
    (HazardStatus::Assigned, "assigned"),
    (HazardStatus::Rectifying, "rectifying"),
    (HazardStatus::SelfChecked, "self_checked"),
    (HazardStatus::Accepted, "accepted"),
    (HazardStatus::StruckOff, "struck_off"),
    (HazardStatus::LookedBack, "looked_back"),
    (HazardStatus::Closed, "closed"),
    (HazardStatus::Rejected, "rejected"),
];

fn orders(page: &Page) -> Vec<Choice> {
    let mut orders = vec![
        choice(page, "sort", "", page.pick("最新在前", "newest first"), false),
        choice(
            page,
            "sort",
            "due",
            page.pick("期限近的在前（整改中）", "deadline first (being rectified)"),
            false,
        ),
    ];
    let person = &page.access.person;
    if matches!(person.role, Role::Site | Role::Maintainer) && person.unit.is_some() {
        let label = page.pick("交给本单位的", "assigned to my unit");
        let on = page.asked("mine") == "yes";
        let mut mine = choice(page, "mine", if on { "" } else { "yes" }, label, false);
        mine.current = on;
        orders.push(mine);
    }
    orders
}

const SOURCES: [(HazardSource, &str); 9] = [
    (HazardSource::Telemetry, "telemetry"),
    (HazardSource::Inspection, "inspection"),
    (HazardSource::Patrol, "patrol"),
    (HazardSource::Campaign, "campaign"),
    (HazardSource::PublicReport, "public_report"),
    (HazardSource::Register, "register"),
    (HazardSource::RiskControl, "risk_control"),
    (HazardSource::LookBack, "look_back"),
    (HazardSource::Other, "other"),
];

fn selects(page: &Page) -> Vec<Select> {
    let every = page.language.pick("全部", "all");
    let select = |name: &'static str, zh, en, found: Vec<(&'static str, &'static str)>| Select {
        name,
        label: page.language.pick(zh, en),
        choices: std::iter::once(("", every))
            .chain(found)
            .map(|(key, word)| (key, word, page.asked(name) == key))
            .collect(),
    };
    let pick = |zh, en| page.language.pick(zh, en);
    let severities =
        terms::SEVERITIES.map(|level| (terms::severity_key(level), terms::severity(page.language, level)));
    let sources = SOURCES.map(|(source, key)| (key, terms::hazard_source(page.language, source)));
    vec![
        select("severity", "级别", "Level", severities.into()),
        select(
            "grade",
            "等级",
            "Grade",
            vec![
                ("major", pick("重大", "major")),
                ("general", pick("一般", "general")),
            ],
        ),
        select("source", "来源", "Found by", sources.into()),
        select(
            "flag",
            "标记",
            "Flag",
            vec![
                ("overdue", pick("逾期", "overdue")),
                ("listed", pick("挂牌督办", "listed")),
                ("repeated", pick("屡查屡犯", "repeated")),
                ("extension", pick("延期待审批", "more time asked for")),
            ],
        ),
    ]
}

impl HazardsPage<'_> {
    /// Filters that the form leaves as they are.
    fn kept(&self) -> impl Iterator<Item = &(String, String)> {
        const KEPT: [&str; 4] = ["status", "equipment", "mine", "sort"];
        self.page
            .query
            .iter()
            .filter(|(key, _)| KEPT.contains(&key.as_str()))
    }
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
    let text = |key: &str| Some(page.asked(key).trim().to_owned()).filter(|text| !text.is_empty());
    let area = text("area");
    let good_area = area
        .as_ref()
        .is_none_or(|area| area.len() <= 6 && area.bytes().all(|byte| byte.is_ascii_digit()));
    if !good_area {
        wrong = Some(page.language.pick(
            "区划代码是 GB/T 2260 代码或其开头，最多 6 位数字",
            "an area is the beginning of a GB/T 2260 code, at most 6 digits",
        ));
    }
    let look_back = page.asked("status") == "look_back";
    let status = STATUSES.iter().find(|(_, key)| *key == page.asked("status"));
    let status = status
        .map(|(status, _)| *status)
        .or(look_back.then_some(HazardStatus::StruckOff));
    let open = match page.asked("status") {
        "all" => None,
        _ => status.is_none().then_some(true),
    };
    let severity: Option<Severity> = terms::SEVERITIES
        .into_iter()
        .find(|level| terms::severity_key(*level) == page.asked("severity"));
    let grade = match page.asked("grade") {
        "major" => Some(Grade::Major),
        "general" => Some(Grade::General),
        _ => None,
    };
    let source = SOURCES.iter().find(|(_, key)| *key == page.asked("source"));
    let flag = |key: &str| page.asked("flag") == key;
    let mine = page
        .access
        .person
        .unit
        .as_deref()
        .filter(|_| page.asked("mine") == "yes");
    let words = text("q").map(|words| words.chars().take(100).collect::<String>());
    // Words are found in the order of arrival: no other order goes with them.
    let by_deadline = page.asked("sort") == "due" && words.is_none();
    let filter = HazardFilter {
        status,
        open,
        grade,
        severity,
        equipment: text("equipment"),
        unit: mine.map(str::to_owned).or_else(|| text("unit")),
        area: area.filter(|_| good_area),
        source: source.map(|(source, _)| *source),
        overdue: flag("overdue").then_some(true),
        listed: flag("listed").then_some(true),
        repeated: flag("repeated").then_some(true),
        extension: flag("extension"),
        look_back,
        text: words,
        from,
        to,
        order: if by_deadline {
            HazardOrder::Due
        } else {
            HazardOrder::Newest
        },
        after: text("after").and_then(|text| text.parse().ok()),
        limit: ROWS,
        ..HazardFilter::default()
    };
    (filter, wrong)
}

/// `GET /hazards.csv`: what the list shows under the same filters, all of it, block by block.
pub(crate) async fn export(State(site): State<Arc<Site>>, page: Page) -> Response {
    let (mut filter, wrong) = filter(&page);
    if let Some(wrong) = wrong {
        return Fault::BadRequest(wrong.to_owned()).respond(&page);
    }
    (filter.limit, filter.after) = (BLOCK, None);
    let name = format!("hazards-{}.csv", page.times.day(page.times.now));
    let head: Vec<String> = HEADS
        .iter()
        .map(|(zh, en)| page.pick(zh, en).to_owned())
        .collect();
    // The mark by which spreadsheets see that it is UTF-8.
    let mut first = b"\xef\xbb\xbf".to_vec();
    first.extend(csv_line(&head));
    let start = (site, page, Some(filter), Some(first));
    let blocks = stream::try_unfold(start, |(site, page, filter, first)| async move {
        if let Some(first) = first {
            return Ok(Some((first, (site, page, filter, None))));
        }
        let Some(filter) = filter else { return Ok(None) };
        let found = view::hazards(&site.app, &page.sight(), filter.clone()).await;
        let found = found.map_err(|error| io::Error::other(error.to_string()))?;
        let lines: Vec<u8> = found
            .hazards
            .iter()
            .flat_map(|one| csv_line(&cells(&page, one)))
            .collect();
        let next = found
            .next
            .and_then(|cursor| cursor.parse().ok())
            .map(|after| HazardFilter {
                after: Some(after),
                ..filter
            });
        Ok::<_, io::Error>(Some((lines, (site, page, next, None))))
    });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, Body::from_stream(blocks)).into_response()
}

const HEADS: [(&str, &str); 20] = [
    ("隐患编号", "hazard"),
    ("状态", "state"),
    ("等级", "grade"),
    ("级别", "level"),
    ("隐患", "title"),
    ("描述", "description"),
    ("类别", "category"),
    ("来源", "source"),
    ("设备编号", "equipment id"),
    ("设备", "equipment"),
    ("责任单位", "unit responsible"),
    ("依据", "ground"),
    ("立案（UTC）", "opened (UTC)"),
    ("期限（UTC）", "deadline (UTC)"),
    ("逾期", "overdue"),
    ("延期次数", "extensions"),
    ("挂牌督办", "listed"),
    ("此前次数", "times before"),
    ("进度 %", "progress %"),
    ("销号（UTC）", "struck off (UTC)"),
];

fn cells(page: &Page, hazard: &Hazard) -> Vec<String> {
    let time = |at: &Option<view::Time>| at.as_ref().map(ToString::to_string).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let equipment = hazard
        .equipment
        .as_ref()
        .map(|card| page.name_of(card).to_owned());
    vec![
        hazard.id.clone(),
        page.status(&hazard.status).to_owned(),
        page.grade(&hazard.grade, &hazard.status).to_owned(),
        terms::severity(page.language, hazard.severity).to_owned(),
        page.name(&hazard.title_zh, &hazard.title_en).to_owned(),
        hazard.description.clone(),
        page.name(&hazard.category_zh, &hazard.category_en).to_owned(),
        terms::hazard_source(page.language, hazard.source).to_owned(),
        hazard.equipment_id.clone(),
        equipment.unwrap_or_default(),
        text(&hazard.responsible_unit),
        hazard.clause.clone(),
        hazard.opened_at.to_string(),
        time(&hazard.deadline),
        page.pick(
            if hazard.overdue { "是" } else { "" },
            if hazard.overdue { "yes" } else { "" },
        )
        .to_owned(),
        hazard.extensions.to_string(),
        text(&hazard.listed),
        hazard.repeats.to_string(),
        hazard.percent.to_string(),
        time(&hazard.struck_off_at),
    ]
}
