//! Which equipment and which units to inspect first, and why.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use super::export::{AT_A_TIME, csv};
use crate::desk::risk::{self, RankFilter};
use crate::view::Time;
use crate::view::risk::{RankView, part_word};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vigil_core::risk::{Part, Subject};

/// Rows per page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "risk/ranking.html")]
struct RankingPage<'p> {
    page: &'p Page,
    is_units: bool,
    as_of: Option<Time>,
    parts: Vec<(&'static str, &'static str, bool)>,
    rows: Vec<RankView>,
    older: Option<String>,
    export: String,
    filtered: bool,
}

impl RankingPage<'_> {
    /// Where one can see what a part counts, if there is such a list.
    fn href(&self, row: &RankView, key: &str) -> Option<String> {
        let of = if self.is_units { "unit" } else { "equipment" };
        let id = self.page.segment(&row.id);
        Some(match key {
            "red_points" | "orange_points" | "yellow_points" | "blue_points" => {
                let colour = key.trim_end_matches("_points");
                format!("/risk?{of}={id}&colour={colour}")
            }
            "not_assessed" if !self.is_units && row.unassessed > 0 => {
                if !self.page.opens("/risk/new") {
                    return None;
                }
                format!("/risk/new?equipment={id}")
            }
            "not_assessed" => format!("/risk?{of}={id}&colour=none"),
            "major_hazards" | "general_hazards" if row.watched => {
                let grade = key.trim_end_matches("_hazards");
                format!("/hazards?equipment={id}&grade={grade}")
            }
            "overdue_hazards" | "repeat_hazards" if row.watched => format!("/hazards?equipment={id}"),
            "high_alarms" | "low_alarms" | "silence" if row.watched => format!("/alarms?equipment={id}"),
            "failed_controls" => format!("/risk?{of}={id}&failing=1"),
            "overdue_checks" => format!("/risk/checks?{of}={id}&overdue=1"),
            "overdue_inspections" => format!("/calendar?{of}={id}&standing=overdue"),
            _ => return None,
        })
    }
}

fn filter(page: &Page, subject: Subject) -> RankFilter {
    let text = |key: &str| page.asked(key).trim().chars().take(100).collect();
    RankFilter {
        subject,
        area: text("area"),
        unit: text("unit"),
        part: Part::from_key(page.asked("part")),
        after: page.asked("after").parse().ok(),
        limit: ROWS,
    }
}

/// `GET /risk/ranking/equipment?area=…&unit=…&part=…&after=…`
pub(crate) async fn equipment(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page, Subject::Equipment).await;
    respond(&page, made)
}

/// `GET /risk/ranking/units?area=…&part=…&after=…`
pub(crate) async fn units(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page, Subject::Unit).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page, subject: Subject) -> Result<RankingPage<'p>, Fault> {
    let desk = &site.app.desk;
    let filter = filter(page, subject);
    let as_of = risk::ranked_at(desk).await?;
    let found = risk::ranks(desk, &page.access.person, &filter).await?;
    let parts = page.scheme.weights().all().iter().map(|weight| {
        let word = part_word(page.scheme, weight.part);
        (word.key, page.word(&word), filter.part == Some(weight.part))
    });
    Ok(RankingPage {
        page,
        is_units: subject == Subject::Unit,
        as_of: as_of.map(Time),
        parts: parts.collect(),
        rows: found
            .rows
            .into_iter()
            .map(|row| RankView::of(&site.app, subject, row))
            .collect(),
        older: found.next.map(|next| page.with("after", &next.to_string())),
        export: page
            .with("after", "")
            .replacen(&page.path, &format!("{}.csv", page.path), 1),
        filtered: page.is_filtered(&["after"]),
    })
}

/// `GET /risk/ranking/equipment.csv`
pub(crate) async fn equipment_csv(State(site): State<Arc<Site>>, page: Page) -> Response {
    export(site, page, Subject::Equipment).await
}

/// `GET /risk/ranking/units.csv`
pub(crate) async fn units_csv(State(site): State<Arc<Site>>, page: Page) -> Response {
    export(site, page, Subject::Unit).await
}

async fn export(site: Arc<Site>, page: Page, subject: Subject) -> Response {
    let filter = RankFilter {
        limit: AT_A_TIME,
        after: None,
        ..filter(&page, subject)
    };
    let pick = |zh: &str, en: &str| page.pick(zh, en).to_owned();
    let mut heads = vec![
        pick("名次", "place"),
        match subject {
            Subject::Equipment => pick("设备编号", "equipment"),
            Subject::Unit => pick("单位代码", "unit"),
        },
        pick("名称", "name"),
        pick("区划代码", "area"),
        pick("使用单位", "use unit"),
        pick("设备数", "equipment"),
        pick("无数据设备", "without data"),
        pick("未评估设备", "not assessed"),
        pick("得分", "score"),
        pick("理由", "why"),
    ];
    heads.extend(Part::ALL.map(|part| page.word(&part_word(page.scheme, part)).to_owned()));
    let name = match subject {
        Subject::Equipment => "ranking-equipment",
        Subject::Unit => "ranking-units",
    };
    let reader = page.clone();
    let done = csv(name, heads, move |after| {
        let (site, page) = (Arc::clone(&site), reader.clone());
        let filter = RankFilter {
            after,
            ..filter.clone()
        };
        async move {
            let found = risk::ranks(&site.app.desk, &page.access.person, &filter).await?;
            let row = |row: risk::RankRow| {
                let counts = row.counts;
                let row = RankView::of(&site.app, subject, row);
                let why: Vec<String> = row
                    .parts
                    .iter()
                    .map(|part| format!("{} {} (+{})", page.word(&part.what), part.count, part.points))
                    .collect();
                let mut cells = vec![
                    row.place.to_string(),
                    row.id,
                    row.name.unwrap_or_default(),
                    row.area,
                    row.use_unit_name.or(row.use_unit).unwrap_or_default(),
                    row.equipment.to_string(),
                    row.unheard.to_string(),
                    row.unassessed.to_string(),
                    row.score.to_string(),
                    why.join("; "),
                ];
                cells.extend(Part::ALL.map(|part| counts.get(part).to_string()));
                cells
            };
            Ok((found.rows.into_iter().map(row).collect(), found.next))
        }
    });
    match done.await {
        Ok(response) => response,
        Err(error) => Fault::from(error).respond(&page),
    }
}
