//! Nodes: alive or not, how complete, and what is odd about them.

use super::Site;
use super::fault::{Fault, respond};
use super::page::Page;
use super::parts::Choice;
use crate::view::{self, Card, MessageCounts, Node, NodeFilter, NodePage as Found, NodeState};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

/// Rows per page.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "nodes.html")]
struct ListPage<'p> {
    page: &'p Page,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    found: Found,
    newer: Option<String>,
    older: Option<String>,
    filtered: bool,
}

#[derive(Template)]
#[template(path = "node.html")]
struct NodePage<'p> {
    page: &'p Page,
    node: Node,
    /// Its equipment by id.
    cards: Vec<Card>,
}

/// `GET /nodes?q=…&state=…&odd=…&known=…&offset=…`
pub(crate) async fn list(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make_list(&site, &page).await;
    respond(&page, made)
}

/// `GET /nodes/{group}/{node}`
pub(crate) async fn show(
    State(site): State<Arc<Site>>,
    page: Page,
    Path((group, node)): Path<(String, String)>,
) -> Response {
    let made = make(&site, &page, &group, &node).await;
    respond(&page, made)
}

async fn make_list<'p>(site: &Site, page: &'p Page) -> Result<ListPage<'p>, Fault> {
    let offset: usize = page.asked("offset").parse().unwrap_or(0);
    let yes = |key: &str| match page.asked(key) {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let filter = NodeFilter {
        text: Some(page.asked("q").to_owned()).filter(|text| !text.is_empty()),
        state: match page.asked("state") {
            "online" => Some(NodeState::Online),
            "offline" => Some(NodeState::Offline),
            "never" => Some(NodeState::Never),
            _ => None,
        },
        known: yes("known"),
        odd: yes("odd"),
        offset,
        limit: ROWS,
    };
    let found = view::nodes(&site.app, &page.sight(), &filter).await?;
    let choice = |name: &str, key: &str, label: &str| Choice {
        href: page.with(name, key),
        label: label.to_owned(),
        count: None,
        current: page.asked(name) == key,
    };
    let mut states = vec![choice("state", "", page.pick("全部", "all"))];
    for (key, state) in [
        ("online", NodeState::Online),
        ("offline", NodeState::Offline),
        ("never", NodeState::Never),
    ] {
        states.push(choice("state", key, page.node_state(&state)));
    }
    let kinds = vec![
        choice("odd", "", page.pick("不论行为", "odd or not")),
        choice("odd", "yes", page.pick("行为异常", "odd")),
        choice("known", "", page.pick("目录内外", "in the catalog or not")),
        choice("known", "no", page.pick("不在目录", "not in the catalog")),
    ];
    let older = found.next.map(|next| page.with("offset", &next.to_string()));
    let newer = (offset > 0).then(|| page.with("offset", &offset.saturating_sub(ROWS).to_string()));
    let filtered = page.is_filtered(&["offset"]);
    Ok(ListPage {
        page,
        states,
        kinds,
        found,
        newer,
        older,
        filtered,
    })
}

async fn make<'p>(site: &Site, page: &'p Page, group: &str, node: &str) -> Result<NodePage<'p>, Fault> {
    let node = view::node(&site.app, &page.sight(), group, node).await?;
    let cards = node
        .devices
        .iter()
        .filter_map(|device| site.card(page, device.equipment.as_deref()?))
        .collect();
    Ok(NodePage { page, node, cards })
}

impl ListPage<'_> {
    fn lost(&self, counts: &MessageCounts) -> u64 {
        counts.dropped + counts.missing
    }
}

impl NodePage<'_> {
    fn card(&self, id: &str) -> Option<&Card> {
        self.cards.iter().find(|card| card.id == id)
    }

    /// Node clock minus gateway clock, in words.
    fn clock(&self, offset_ms: &i64) -> String {
        let size = self.page.seconds(&((*offset_ms as f64).abs() / 1_000.0));
        let ahead = self.page.pick("快", "ahead by");
        let behind = self.page.pick("慢", "behind by");
        format!("{} {size}", if *offset_ms >= 0 { ahead } else { behind })
    }

    /// Totals and the last day, row by row.
    fn rows(&self) -> Vec<(&'static str, &'static str, u64, u64)> {
        let page = self.page;
        let (day, all) = (&self.node.last_day, &self.node.totals);
        vec![
            (
                page.pick("应收", "expected"),
                page.pick(
                    "按序号推算应有的报文",
                    "messages that exist, as far as sequence numbers tell",
                ),
                day.expected,
                all.expected,
            ),
            (
                page.pick("按时收到", "received"),
                page.pick("实时到达", "arrived in time"),
                day.received,
                all.received,
            ),
            (
                page.pick("补传收到", "late"),
                page.pick("由终端存储事后补传", "arrived as history, from the node's store"),
                day.late,
                all.late,
            ),
            (
                page.pick("终端丢弃", "dropped"),
                page.pick(
                    "终端存储已满，永久丢失",
                    "the node's store was full; lost for good",
                ),
                day.dropped,
                all.dropped,
            ),
            (
                page.pick("缺失", "missing"),
                page.pick("既未收到，也未报丢弃", "neither here nor known to be lost"),
                day.missing,
                all.missing,
            ),
            (
                page.pick("重复", "duplicate"),
                page.pick("重复到达，只计一次", "came again; counted once"),
                day.duplicate,
                all.duplicate,
            ),
        ]
    }
}
