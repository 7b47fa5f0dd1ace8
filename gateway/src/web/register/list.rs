//! The register, with its filters in the address.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use super::super::parts::Choice;
use crate::desk::register::{self, ListFilter, Order};
use crate::view::register::RegisterLine;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vigil_core::calendar::Standing;
use vigil_core::register::{UseState, categories};

/// Rows per page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "register/list.html")]
struct ListPage<'p> {
    page: &'p Page,
    states: Vec<Choice>,
    standings: Vec<Choice>,
    quality: Vec<Choice>,
    kinds: Vec<(String, String, bool)>,
    rows: Vec<RegisterLine>,
    total: u64,
    older: Option<String>,
    filtered: bool,
}

/// `GET /register?q=…&category=…&area=…&unit=…&state=…&due=…&wrong=…&sort=…&after=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<ListPage<'p>, Fault> {
    let today = site.today();
    let text = |key: &str| page.asked(key).trim().to_owned();
    let standing = Standing::from_key(page.asked("due"));
    let by_due = page.asked("sort") == "due" || standing.is_some();
    let filter = ListFilter {
        text: text("q"),
        category: text("category").to_uppercase(),
        area: text("area"),
        unit: text("unit"),
        state: UseState::from_key(page.asked("state")),
        standing,
        wrong: match page.asked("wrong") {
            "1" => Some(true),
            "0" => Some(false),
            _ => None,
        },
        order: if by_due { Order::Due } else { Order::Id },
        after: page.asked("after").parse().ok(),
        limit: ROWS,
    };
    let found = register::list(&site.app.desk, &site.reader(page), &filter, today).await?;
    let choice = |name: &str, key: &str, label: &str| Choice {
        href: page.with(name, key),
        label: label.to_owned(),
        count: None,
        current: page.asked(name) == key,
    };
    let mut states = vec![choice("state", "", page.pick("全部状态", "every state"))];
    states.extend(
        UseState::ALL
            .iter()
            .map(|one| choice("state", one.key(), page.pick(one.title_zh(), one.title_en()))),
    );
    let standings = vec![
        choice("due", "", page.pick("不论期限", "whatever is due")),
        choice("due", "overdue", page.pick("有逾期", "overdue")),
        choice("due", "within_30", page.pick("30天内到期", "due in 30 days")),
        choice("due", "within_60", page.pick("31–60天到期", "due in 31–60 days")),
    ];
    let quality = vec![
        choice("wrong", "", page.pick("不论质量", "whatever quality")),
        choice("wrong", "1", page.pick("有待更正", "to be corrected")),
    ];
    let kinds = categories()
        .filter(|one| one.level == 1 && !one.code.starts_with(['7', 'F']))
        .map(|one| {
            let prefix = one.code.get(..1).unwrap_or_default().to_owned();
            let current = filter.category == prefix;
            (prefix, page.pick(one.name_zh, one.name_en).to_owned(), current)
        })
        .collect();
    let filtered = page.is_filtered(&["after", "sort"]);
    Ok(ListPage {
        page,
        states,
        standings,
        quality,
        kinds,
        rows: found
            .rows
            .into_iter()
            .map(|row| RegisterLine::of(&site.app, row, today))
            .collect(),
        total: found.total,
        older: found.next.map(|next| page.with("after", &next.to_string())),
        filtered,
    })
}
