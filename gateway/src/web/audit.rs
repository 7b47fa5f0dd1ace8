//! The audit log.

use super::Site;
use super::fault::{Fault, respond};
use super::page::Page;
use super::terms;
use crate::desk::listing::cut;
use crate::people::{AuditFilter, Entry};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vigil_core::people::Role;

/// Rows per page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'p> {
    page: &'p Page,
    entries: Vec<Entry>,
    older: Option<String>,
    filtered: bool,
    /// Only what concerns the reader's areas is shown.
    partial: bool,
}

/// `GET /audit?login=…&object=…&writes=…&before=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let asked = |key: &str| Some(page.asked(key).to_owned()).filter(|text| !text.is_empty());
    let filter = AuditFilter {
        login: asked("login"),
        object: asked("object"),
        writes: match page.asked("writes") {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        before: page.asked("before").parse().ok(),
        ..AuditFilter::default()
    };
    let found = site
        .app
        .people
        .audit(&page.access.person, &filter, ROWS + 1)
        .await;
    let found = found.map_err(|error| Fault::Unavailable(error.to_string()));
    let made = found.map(|entries| {
        let (entries, older) = cut(entries, ROWS, |last| page.with("before", &last.seq.to_string()));
        AuditPage {
            page: &page,
            older,
            filtered: page.is_filtered(&["before"]),
            partial: page.access.person.role != Role::Administrator,
            entries,
        }
    });
    respond(&page, made)
}

impl AuditPage<'_> {
    fn role(&self, key: &str) -> &'static str {
        Role::from_key(key).map_or("", |role| terms::role(self.page.language, role))
    }

    fn via(&self, via: &str) -> String {
        match via {
            "session" => self.page.pick("登录", "session").to_owned(),
            "admin_token" => self.page.pick("管理令牌", "admin token").to_owned(),
            "command_line" => self.page.pick("命令行", "command line").to_owned(),
            "none" => "—".to_owned(),
            other => other.to_owned(),
        }
    }

    fn is_refused(&self, entry: &Entry) -> bool {
        entry.deed.status >= 400
    }

    fn short(&self, hash: &str) -> String {
        hash.chars().take(12).collect()
    }
}
