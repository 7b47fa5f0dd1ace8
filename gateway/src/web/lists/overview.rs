//! All four lists, what was frozen last, what is on its way.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::markup::address;
use super::super::page::Page;
use crate::desk::lists::{ListFilter, SnapshotFilter, jobs, snapshots};
use crate::view::lists::{ListFileView, ListInfo, SnapshotView, list_page};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use std::sync::Arc;

/// Frozen copies and files shown.
const SHOWN: u32 = 8;

/// A list and how much is in it.
struct Tile {
    list: ListInfo,
    total: u64,
    href: String,
}

#[derive(Template)]
#[template(path = "lists/overview.html")]
struct OverviewPage<'p> {
    page: &'p Page,
    month: String,
    tiles: Vec<Tile>,
    snapshots: Vec<SnapshotView>,
    files: Vec<ListFileView>,
}

/// `GET /lists?month=2026-05`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<OverviewPage<'p>, Fault> {
    let asked: Option<Date> = format!("{}-01", page.asked("month")).parse().ok();
    let first = asked.unwrap_or_else(|| site.today().first_of_month());
    let filter = ListFilter {
        from: Some(first),
        to: Some(first.last_of_month()),
        ..ListFilter::default()
    };
    let (from, to) = (first.to_string(), first.last_of_month().to_string());
    let reader = site.reader(page);
    let mut tiles = Vec::new();
    for list in page.rules.lists.iter() {
        let (_, total) = list_page(&site.app, &reader, list.key, &filter, page.tongue(), None, 1).await?;
        tiles.push(Tile {
            list: list.into(),
            total: total.unwrap_or(0),
            href: address(
                &format!("/lists/{}", list.key.key()),
                &[("from", &from), ("to", &to)],
            ),
        });
    }
    let frozen = SnapshotFilter {
        limit: SHOWN,
        ..SnapshotFilter::default()
    };
    let desk = &site.app.desk;
    let found = snapshots(desk, &reader, &frozen).await?;
    let files = jobs(desk, &reader, None, SHOWN).await?;
    Ok(OverviewPage {
        page,
        month: from.get(..7).unwrap_or(&from).to_owned(),
        tiles,
        snapshots: found.iter().map(SnapshotView::from).collect(),
        files: files.iter().map(|job| ListFileView::of(&site.app, job)).collect(),
    })
}

impl OverviewPage<'_> {
    fn title(&self, key: &str) -> &str {
        let found = self.tiles.iter().find(|tile| tile.list.key == key);
        found.map_or("", |tile| {
            self.page.pick(&tile.list.title_zh, &tile.list.title_en)
        })
    }
}
