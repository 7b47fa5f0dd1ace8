//! A list as it is now, with its filters in the address; files and frozen copies of what is shown.

use super::super::Site;
use super::super::fault::{Fault, respond, respond_with};
use super::super::page::Page;
use super::{key, state_key, why};
use crate::desk::lists::{Asked, Format, JobKind, ListFilter, ListRow, ask};
use crate::view::lists::{ListInfo, format_keys, list_page};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use vigil_core::hazard::HazardStatus;
use vigil_core::lists::ListKey;

/// Rows per page.
const ROWS: u32 = 50;

/// What is asked for, as it was typed: nothing typed is lost.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    csrf: String,
    format: String,
    from: String,
    to: String,
    area: String,
    unit: String,
    state: String,
}

impl Typed {
    fn of(page: &Page) -> Self {
        let text = |key: &str| page.asked(key).to_owned();
        Self {
            csrf: String::new(),
            format: String::new(),
            from: text("from"),
            to: text("to"),
            area: text("area"),
            unit: text("unit"),
            state: text("state"),
        }
    }

    fn read(&self, page: &Page) -> Result<ListFilter, String> {
        ListFilter::read(&self.from, &self.to, &self.area, &self.unit, &self.state)
            .map_err(|error| why(page, error))
    }

    fn is_empty(&self) -> bool {
        [&self.from, &self.to, &self.area, &self.unit, &self.state]
            .iter()
            .all(|text| text.is_empty())
    }
}

#[derive(Template)]
#[template(path = "lists/live.html")]
struct LivePage<'p> {
    page: &'p Page,
    list: ListInfo,
    others: Vec<ListInfo>,
    typed: Typed,
    wrong: Option<String>,
    refused: Option<String>,
    states: Vec<(String, &'static str, bool)>,
    rows: Vec<ListRow>,
    total: Option<u64>,
    older: Option<String>,
    formats: Vec<&'static str>,
    freezes: bool,
}

impl LivePage<'_> {
    fn is_risk(&self) -> bool {
        self.list.key == ListKey::Risk.key()
    }

    /// The period, area and unit that are shown.
    fn asked(&self) -> String {
        let (page, typed) = (self.page, &self.typed);
        let or_more = |text: &String| {
            if text.is_empty() {
                "…".to_owned()
            } else {
                text.clone()
            }
        };
        let mut said = if typed.from.is_empty() && typed.to.is_empty() {
            page.pick("全部期间", "all time").to_owned()
        } else {
            format!("{} – {}", or_more(&typed.from), or_more(&typed.to))
        };
        for (word, text) in [
            (page.pick("区划", "area"), &typed.area),
            (page.pick("单位", "unit"), &typed.unit),
        ] {
            if !text.is_empty() {
                said.push_str(&format!(" · {word} {text}"));
            }
        }
        said
    }

    fn unverified(&self) -> bool {
        self.list.columns.iter().any(|column| column.unverified)
    }

    /// Where a line leads.
    fn href(&self, row: &ListRow) -> String {
        let id = self.page.segment(&row.id);
        if self.is_risk() {
            format!("/risk/points/{id}")
        } else {
            format!("/hazards/{id}")
        }
    }

    /// The column that names what the line is about.
    fn is_link(&self, at: &usize) -> bool {
        let wanted = if self.is_risk() { "risk_point" } else { "hazard_no" };
        self.list
            .columns
            .get(*at)
            .is_some_and(|column| column.key == wanted)
    }

    /// How much room a column wants, as configured for print.
    fn width(&self, at: &usize) -> &'static str {
        match self.list.columns.get(*at).map_or(0, |column| column.width) {
            0..=8 => "",
            9..=13 => "mid",
            14..=20 => "wide",
            _ => "full",
        }
    }

    fn head(&self, at: &usize) -> &str {
        let column = self.list.columns.get(*at);
        column.map_or("", |column| self.page.pick(&column.title_zh, &column.title_en))
    }
}

/// `GET /lists/{id}?from=…&to=…&area=…&unit=…&state=…&after=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(list): Path<String>) -> Response {
    let typed = Typed::of(&page);
    let made = make(&site, &page, &list, typed, None).await;
    respond(&page, made)
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    list: &str,
    typed: Typed,
    refused: Option<String>,
) -> Result<LivePage<'p>, Fault> {
    let key = key(list)?;
    let (filter, wrong) = match typed.read(page) {
        Ok(filter) => (filter, None),
        Err(wrong) => (ListFilter::default(), Some(wrong)),
    };
    let after = page.asked("after").parse().ok();
    let reader = site.reader(page);
    let (found, total) = list_page(
        &site.app,
        &reader,
        key,
        &filter,
        page.tongue(),
        after.as_ref(),
        ROWS,
    )
    .await?;
    let lists: Vec<ListInfo> = site.app.lists.spec().iter().map(ListInfo::from).collect();
    let list = lists.iter().find(|list| list.key == key.key()).cloned();
    let states = HazardStatus::ALL
        .into_iter()
        .map(|status| {
            let key = state_key(status);
            let current = key == typed.state;
            (key, page.status(&status), current)
        })
        .collect();
    Ok(LivePage {
        page,
        list: list.ok_or(Fault::NotFound)?,
        others: lists,
        typed,
        wrong,
        refused,
        states,
        rows: found.rows,
        total,
        older: found.next.map(|next| page.with("after", &next.to_string())),
        formats: format_keys(),
        freezes: crate::people::gate::may_post(&page.access, "/lists/{id}/snapshots"),
    })
}

/// `GET /lists/{id}/files`, `GET /lists/{id}/snapshots`: what a reload of a refused form asks for.
pub(crate) async fn back(page: Page, Path(list): Path<String>) -> Redirect {
    Redirect::to(&format!("/lists/{}", page.segment(&list)))
}

/// `POST /lists/{id}/files`
pub(crate) async fn export(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(list): Path<String>,
    form: Result<Form<Typed>, FormRejection>,
) -> Response {
    begin(&site, page, &list, form, false).await
}

/// `POST /lists/{id}/snapshots`
pub(crate) async fn freeze(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(list): Path<String>,
    form: Result<Form<Typed>, FormRejection>,
) -> Response {
    begin(&site, page, &list, form, true).await
}

async fn begin(
    site: &Site,
    page: Page,
    list: &str,
    form: Result<Form<Typed>, FormRejection>,
    frozen: bool,
) -> Response {
    let typed = match form {
        Ok(Form(typed)) => typed,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let list_key = match key(list) {
        Ok(key) => key,
        Err(fault) => return fault.respond(&page),
    };
    let asked = typed.read(&page).map(|filter| {
        let kind = if frozen {
            JobKind::Snapshot
        } else {
            JobKind::Export(Format::from_key(&typed.format).unwrap_or(Format::Xlsx))
        };
        Asked {
            kind,
            list: list_key,
            tongue: page.tongue(),
            filter,
        }
    });
    let done = match asked {
        Err(wrong) => Err(wrong),
        Ok(asked) => {
            let app = &site.app;
            let begun = ask(
                &app.desk,
                &app.lists,
                &page.access.person,
                &asked,
                None,
                app.clock.now(),
            )
            .await;
            begun
                .map(|(job, _)| {
                    page.access.about(format!("{list}/{}", job.n));
                    page.access.in_area(asked.filter.area.as_str());
                    job.n
                })
                .map_err(|error| why(&page, error))
        }
    };
    match done {
        Ok(n) => Redirect::to(&format!("/list-files/{n}")).into_response(),
        Err(refused) => {
            let page = Page {
                path: format!("/lists/{}", page.segment(list)),
                ..page
            };
            let made = make(site, &page, list, typed, Some(refused)).await;
            respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made)
        }
    }
}
