//! The list of equipment, with its filters in the address.

use super::fault::{Fault, respond};
use super::page::Page;
use super::parts::{Choice, watch};
use super::{Site, terms};
use crate::view::{self, EquipmentFilter, EquipmentLine, EquipmentPage as Found, Watch};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::collections::HashSet;
use std::sync::Arc;

/// Rows per page.
const ROWS: usize = 100;
/// Rows asked for at once when the list is filtered here.
const MANY: usize = 1_000;

#[derive(Template)]
#[template(path = "equipment_list.html")]
struct ListPage<'p> {
    page: &'p Page,
    watches: Vec<Choice>,
    classes: Vec<Choice>,
    hazards: Vec<Choice>,
    found: Found,
    first: u64,
    newer: Option<String>,
    older: Option<String>,
    filtered: bool,
}

/// `GET /equipment?q=…&class=…&watch=…&hazards=…&rule=…&node=…&offset=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<ListPage<'p>, Fault> {
    let offset: usize = page.asked("offset").parse().unwrap_or(0);
    let filter = filter(page, offset);
    let found = match page.asked("rule") {
        "" => view::equipment_list(&site.app, &page.sight(), &filter).await?,
        rule => watched_by(site, page, filter, rule).await?,
    };
    let choice = |name: &str, key: &str, label: &str| Choice {
        href: without_offset(page.with(name, key)),
        label: label.to_owned(),
        count: None,
        current: page.asked(name) == key,
    };
    let mut watches = vec![choice("watch", "", page.pick("全部", "all"))];
    for (key, state) in [
        ("online", Watch::Online),
        ("silent", Watch::Silent),
        ("offline", Watch::Offline),
        ("never", Watch::Never),
    ] {
        watches.push(choice("watch", key, watch(page.language, state)));
    }
    let mut seen = HashSet::new();
    let mut classes = vec![choice("class", "", page.pick("全部类别", "every class"))];
    for one in site
        .app
        .catalog
        .equipment
        .iter()
        .filter(|one| seen.insert(one.class))
    {
        // Classes differ in the first two digits of the category code.
        let code = one.category.get(..2).unwrap_or_default();
        classes.push(choice("class", code, terms::class(page.language, one.class)));
    }
    let hazards = vec![
        choice("hazards", "", page.pick("不论隐患", "with or without hazards")),
        choice("hazards", "yes", page.pick("有未关闭隐患", "with open hazards")),
    ];
    let older = found.next.map(|next| page.with("offset", &next.to_string()));
    let newer = (offset > 0).then(|| page.with("offset", &offset.saturating_sub(ROWS).to_string()));
    let filtered = page.is_filtered(&["offset"]);
    Ok(ListPage {
        page,
        watches,
        classes,
        hazards,
        first: offset as u64 + 1,
        found,
        newer,
        older,
        filtered,
    })
}

fn filter(page: &Page, offset: usize) -> EquipmentFilter {
    let text = |key: &str| {
        Some(page.asked(key))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let yes = |key: &str| match page.asked(key) {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    EquipmentFilter {
        text: text("q"),
        category: text("class"),
        node: text("node"),
        watch: match page.asked("watch") {
            "online" => Some(Watch::Online),
            "silent" => Some(Watch::Silent),
            "offline" => Some(Watch::Offline),
            "never" => Some(Watch::Never),
            _ => None,
        },
        hazards: yes("hazards"),
        alarms: yes("alarms"),
        offset,
        limit: ROWS,
    }
}

/// The same list, only what `rule` watches.
async fn watched_by(site: &Site, page: &Page, filter: EquipmentFilter, rule: &str) -> Result<Found, Fault> {
    let watched: HashSet<&str> = site
        .app
        .catalog
        .equipment
        .iter()
        .filter(|one| one.rules.iter().any(|known| &*known.id == rule))
        .map(|one| &*one.id)
        .collect();
    let mut lines: Vec<EquipmentLine> = Vec::new();
    let mut next = Some(0);
    while let Some(offset) = next {
        let part = EquipmentFilter {
            offset: offset as usize,
            limit: MANY,
            ..filter.clone()
        };
        let found = view::equipment_list(&site.app, &page.sight(), &part).await?;
        lines.extend(
            found
                .equipment
                .into_iter()
                .filter(|line| watched.contains(&*line.card.id)),
        );
        next = found.next;
    }
    let total = lines.len();
    let end = filter.offset.saturating_add(ROWS);
    let equipment = lines.into_iter().skip(filter.offset).take(ROWS).collect();
    Ok(Found {
        total: total as u64,
        equipment,
        next: (end < total).then_some(end as u64),
    })
}

/// Another filter starts at its first page.
fn without_offset(href: String) -> String {
    let Some((path, query)) = href.split_once('?') else {
        return href;
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("offset="))
        .collect();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

impl ListPage<'_> {
    fn last(&self) -> u64 {
        self.first + self.found.equipment.len() as u64 - u64::from(!self.found.equipment.is_empty())
    }
}
