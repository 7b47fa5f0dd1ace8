//! The risk map (风险分布): by area, two digits of the code at a time, and by unit. What nobody has assessed and what
//! nothing is heard of is shown as such, never as blue.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::markup::Markup;
use super::super::page::Page;
use super::super::parts::Choice;
use super::export::csv as file;
use crate::desk::risk::{self, MapFilter};
use crate::view::Time;
use crate::view::risk::{MapStanding, MapTile};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// Tiles on a page.
const TILES: u32 = 500;

#[derive(Template)]
#[template(path = "risk/map.html")]
struct MapPage<'p> {
    page: &'p Page,
    as_of: Option<Time>,
    by_unit: bool,
    area: String,
    /// Steps from everywhere down to here.
    above: Vec<(String, String)>,
    ways: Vec<Choice>,
    tiles: Vec<MapTile>,
    export: String,
    /// There are more than are shown.
    more: bool,
}

impl MapPage<'_> {
    /// Where a tile leads: one step down; a district and a unit to their list.
    fn down(&self, tile: &MapTile) -> String {
        let key = self.page.segment(&tile.key);
        if self.by_unit {
            format!("/risk?unit={key}")
        } else if tile.key.is_empty() {
            "/risk".to_owned()
        } else if tile.key.len() < 6 {
            format!("/risk/map?area={key}")
        } else {
            format!("/risk/map?area={key}&by=unit")
        }
    }

    /// The equipment behind a number of a tile.
    fn pieces(&self, tile: &MapTile, part: &str) -> String {
        let key = self.page.segment(&tile.key);
        let of = if self.by_unit { "unit" } else { "area" };
        format!("/risk/ranking/equipment?{of}={key}&part={part}")
    }

    /// The list behind a number of a tile.
    fn list(&self, tile: &MapTile, filter: &str) -> String {
        let key = self.page.segment(&tile.key);
        if self.by_unit {
            format!("/risk?unit={key}&area={}&{filter}", self.page.segment(&self.area))
        } else {
            format!("/risk?area={key}&{filter}")
        }
    }

    fn class(&self, tile: &MapTile) -> &'static str {
        match tile.standing {
            MapStanding::Red => "red",
            MapStanding::Orange => "orange",
            MapStanding::Yellow => "yellow",
            MapStanding::Blue => "blue",
            MapStanding::PartlyAssessed | MapStanding::NotAssessed => "unknown",
        }
    }

    fn standing(&self, tile: &MapTile) -> Markup {
        let (class, zh, en) = match tile.standing {
            MapStanding::Red => ("s1", "有重大风险", "major risks"),
            MapStanding::Orange => ("s2", "有较大风险", "considerable risks"),
            MapStanding::Yellow => ("s3", "有一般风险", "ordinary risks"),
            MapStanding::Blue => ("s4", "均为低风险", "low risks only"),
            MapStanding::PartlyAssessed => ("unknown", "部分未评估", "partly assessed"),
            MapStanding::NotAssessed => ("unknown", "未评估", "not assessed"),
        };
        Markup(format!(
            "<span class=\"level {class}\">{}</span>",
            self.page.pick(zh, en)
        ))
    }

    fn name(&self, tile: &MapTile) -> String {
        match (&tile.name, tile.key.as_str()) {
            (Some(name), _) if !name.is_empty() => name.clone(),
            (_, "") => self.page.pick("未填区划", "area not given").to_owned(),
            (_, key) => area(self.page, key),
        }
    }
}

/// A code with the name of just this area: a step down names what is below it.
fn area(page: &Page, code: &str) -> String {
    match page.rules.areas.exactly(code) {
        Some((zh, en)) => format!("{code} {}", page.pick(zh, en)),
        None => code.to_owned(),
    }
}

fn filter(page: &Page) -> MapFilter {
    let area: String = page
        .asked("area")
        .chars()
        .filter(char::is_ascii_digit)
        .take(6)
        .collect();
    MapFilter {
        area,
        by_unit: page.asked("by") == "unit",
        limit: TILES + 1,
    }
}

/// `GET /risk/map?area=…&by=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<MapPage<'p>, Fault> {
    let desk = &site.app.desk;
    let filter = filter(page);
    let as_of = risk::ranked_at(desk).await?;
    let mut rows = risk::map(desk, &page.access.person, &filter).await?;
    let more = rows.len() > TILES as usize;
    rows.truncate(TILES as usize);
    let mut above = vec![(page.pick("全部", "everywhere").to_owned(), "/risk/map".to_owned())];
    for digits in [2, 4, 6] {
        if let Some(code) = filter.area.get(..digits) {
            above.push((area(page, code), format!("/risk/map?area={code}")));
        }
    }
    let way = |key: &str, label: &str| Choice {
        href: page.with("by", key),
        label: label.to_owned(),
        count: None,
        current: filter.by_unit == (key == "unit"),
    };
    Ok(MapPage {
        page,
        as_of: as_of.map(Time),
        by_unit: filter.by_unit,
        above,
        ways: vec![
            way("", page.pick("按区划", "by area")),
            way("unit", page.pick("按单位", "by unit")),
        ],
        tiles: rows.into_iter().map(MapTile::from).collect(),
        export: page.with("after", "").replacen("/risk/map", "/risk/map.csv", 1),
        area: filter.area,
        more,
    })
}

/// `GET /risk/map.csv`
pub(crate) async fn csv(State(site): State<Arc<Site>>, page: Page) -> Response {
    let filter = MapFilter {
        limit: 1_000,
        ..filter(&page)
    };
    let pick = |zh: &str, en: &str| page.pick(zh, en).to_owned();
    let heads = vec![
        if filter.by_unit {
            pick("单位代码", "unit")
        } else {
            pick("区划代码", "area")
        },
        pick("名称", "name"),
        pick("重大风险点", "red"),
        pick("较大风险点", "orange"),
        pick("一般风险点", "yellow"),
        pick("低风险点", "blue"),
        pick("未评估风险点", "not assessed"),
        pick("无风险点的设备", "equipment without risk points"),
        pick("失效措施", "failed controls"),
        pick("未销号重大（含疑似）隐患", "open major hazards"),
        pick("未销号一般隐患", "open general hazards"),
        pick("设备数", "equipment"),
        pick("无数据设备", "without data"),
    ];
    let person = page.access.person.clone();
    let done = file("risk-map", heads, move |_: Option<()>| {
        let (site, person, filter) = (Arc::clone(&site), person.clone(), filter.clone());
        async move {
            let rows = risk::map(&site.app.desk, &person, &filter).await?;
            let row = |row| {
                let tile = MapTile::from(row);
                let counts = [
                    tile.red,
                    tile.orange,
                    tile.yellow,
                    tile.blue,
                    tile.not_assessed,
                    tile.without_points,
                    tile.failed_controls,
                    tile.major_hazards,
                    tile.general_hazards,
                    tile.equipment,
                    tile.no_data,
                ];
                let mut cells = vec![tile.key.clone(), tile.name.clone().unwrap_or_default()];
                cells.extend(counts.map(|count| count.to_string()));
                cells
            };
            Ok((rows.into_iter().map(row).collect(), None))
        }
    });
    match done.await {
        Ok(response) => response,
        Err(error) => Fault::from(error).respond(&page),
    }
}
