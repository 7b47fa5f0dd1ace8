//! Files on their way: a page that says how far one is, and looks again by itself without a script.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use super::number;
use crate::api::send;
use crate::desk::listing::cut;
use crate::desk::lists::{ListError, cancel, file_of, job, jobs};
use crate::view::lists::{ListFileView, ListInfo};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use std::sync::Arc;

/// Rows per page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "lists/files.html")]
struct FilesPage<'p> {
    page: &'p Page,
    files: Vec<ListFileView>,
    lists: Vec<ListInfo>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "lists/file.html")]
struct FilePage<'p> {
    page: &'p Page,
    file: ListFileView,
    lists: Vec<ListInfo>,
    open: bool,
}

fn title<'l>(page: &Page, lists: &'l [ListInfo], key: &str) -> &'l str {
    let found = lists.iter().find(|list| list.key == key);
    found.map_or("", |list| page.pick(&list.title_zh, &list.title_en))
}

impl FilesPage<'_> {
    fn title(&self, key: &str) -> &str {
        title(self.page, &self.lists, key)
    }
}

impl FilePage<'_> {
    fn title(&self) -> &str {
        title(self.page, &self.lists, self.file.list)
    }
}

fn lists(site: &Site) -> Vec<ListInfo> {
    site.app.lists.spec().iter().map(ListInfo::from).collect()
}

/// `GET /list-files?after=…`
pub(crate) async fn list(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make_list(&site, &page).await;
    respond(&page, made)
}

async fn make_list<'p>(site: &Site, page: &'p Page) -> Result<FilesPage<'p>, Fault> {
    let before = page.asked("after").parse().ok();
    let found = jobs(&site.app.desk, &site.reader(page), before, ROWS + 1).await?;
    let (found, older) = cut(found, ROWS, |last| page.with("after", &last.n.to_string()));
    Ok(FilesPage {
        page,
        older,
        files: found.iter().map(|job| ListFileView::of(&site.app, job)).collect(),
        lists: lists(site),
    })
}

/// `GET /list-files/{id}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page, id: &str) -> Result<FilePage<'p>, Fault> {
    let found = job(&site.app.desk, &site.reader(page), number(id)?).await?;
    Ok(FilePage {
        page,
        open: found.state.is_open(),
        file: ListFileView::of(&site.app, &found),
        lists: lists(site),
    })
}

/// `GET /list-files/{id}/cancel`: what a reload asks for.
pub(crate) async fn back(page: Page, Path(id): Path<String>) -> Redirect {
    Redirect::to(&format!("/list-files/{}", page.segment(&id)))
}

/// `POST /list-files/{id}/cancel`
pub(crate) async fn stop(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let n = match number(&id) {
        Ok(n) => n,
        Err(fault) => return fault.respond(&page),
    };
    match cancel(&site.app.desk, &site.reader(&page), n, site.app.clock.now()).await {
        // It was done in the meantime: the page says so.
        Ok(_) | Err(ListError::Refused { .. }) => Redirect::to(&format!("/list-files/{n}")).into_response(),
        Err(error) => Fault::from(error).respond(&page),
    }
}

/// `GET /list-files/{id}/content`
pub(crate) async fn content(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let sent = async {
        let app = &site.app;
        let file = file_of(&app.desk, &app.lists, &site.reader(&page), number(&id)?).await?;
        Ok::<_, Fault>(send(&file).await?)
    };
    sent.await.unwrap_or_else(|fault| fault.respond(&page))
}
