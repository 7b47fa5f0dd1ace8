//! A control measure: the form for it, the form for a check, and its checks.

use super::super::Site;
use super::super::fault::{Fault, answer, respond, respond_with};
use super::super::page::Page;
use super::Refusal;
use crate::desk::risk::{self, CheckFacts, Measure, MeasureFacts, id_of, number_of};
use crate::view::Word;
use crate::view::risk::{CheckView, MeasureView, colour_word};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use vigil_core::risk::MeasureKind;

#[derive(Template)]
#[template(path = "risk/measure_edit.html")]
struct EditPage<'p> {
    page: &'p Page,
    /// Its risk point.
    point: String,
    point_name: String,
    /// `None`: a new one.
    id: Option<i64>,
    kinds: Vec<(&'static str, &'static str)>,
    form: MeasureForm,
    refused: Option<Refusal>,
}

impl EditPage<'_> {
    /// What is wrong with a field.
    fn wrong(&self, field: &str) -> Option<&str> {
        Refusal::at(&self.refused, field)
    }
}

/// What the form for a measure sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MeasureForm {
    csrf: String,
    revision: i64,
    kind: String,
    text: String,
    owner: String,
    period_days: String,
    retired: String,
}

impl MeasureForm {
    fn facts(&self, page: &Page) -> Result<MeasureFacts, Refusal> {
        let kind = MeasureKind::from_key(&self.kind)
            .ok_or_else(|| Refusal::field(page, "kind", "请选择措施类别", "choose a kind"))?;
        let period_days = self.period_days.trim().parse().map_err(|_| {
            Refusal::field(
                page,
                "period_days",
                "检查周期为1至3660天的整数",
                "a whole number of days, 1 to 3660",
            )
        })?;
        Ok(MeasureFacts {
            kind,
            text: self.text.clone(),
            owner: self.owner.clone(),
            period_days,
            retired: self.retired == "1",
        })
    }
}

fn edit_page<'p>(
    page: &'p Page,
    point: (i64, String),
    id: Option<i64>,
    form: MeasureForm,
    refused: Option<Refusal>,
) -> EditPage<'p> {
    EditPage {
        page,
        point: id_of(point.0),
        point_name: point.1,
        id,
        kinds: MeasureKind::ALL
            .into_iter()
            .map(|kind| (kind.key(), page.pick(kind.titles().0, kind.titles().1)))
            .collect(),
        form,
        refused,
    }
}

/// `GET /risk/points/{id}/measures`: the form for a new one.
pub(crate) async fn new(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    if page.session.is_none() {
        return page.sign_in_first();
    }
    let made = async {
        let n = number_of(&id).ok_or(Fault::NotFound)?;
        let point = risk::point(&site.app.desk, &page.access.person, n).await?;
        let level = point.colour.and_then(|colour| page.scheme.level(colour));
        let form = MeasureForm {
            kind: MeasureKind::Engineering.key().to_owned(),
            owner: point.facts.owner.clone(),
            period_days: level.map_or(30, |level| level.check_days).to_string(),
            ..MeasureForm::default()
        };
        Ok(edit_page(&page, (n, point.facts.name), None, form, None))
    };
    let made = made.await;
    respond(&page, made)
}

/// `POST /risk/points/{id}/measures`
pub(crate) async fn add(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Form<MeasureForm>, FormRejection>,
) -> Response {
    let added = async {
        let Form(form) = form?;
        let act = site.risk_writer(&page, &form.csrf)?;
        let n = number_of(&id).ok_or(Fault::NotFound)?;
        let point = risk::point(&site.app.desk, &page.access.person, n).await?;
        let done = match form.facts(&page) {
            Ok(facts) => {
                let done = risk::add_measure(&site.app.desk, &act, n, &facts).await;
                Refusal::or(&page, done)?
            }
            Err(refused) => Err(refused),
        };
        match done {
            Ok(_) => Ok(Redirect::to(&format!("/risk/points/{}#measures", id_of(n))).into_response()),
            Err(refused) => {
                let status = refused.status;
                let made = edit_page(&page, (n, point.facts.name), None, form, Some(refused));
                Ok(respond_with(&page, status, Ok(made)))
            }
        }
    };
    let added = added.await;
    answer(&page, added)
}

/// A measure and its point, if it is there and seen.
async fn found(site: &Site, page: &Page, id: &str) -> Result<(Measure, risk::Point), Fault> {
    let n: i64 = id.parse().map_err(|_| Fault::NotFound)?;
    let measure = risk::measure(&site.app.desk, &page.access.person, n).await?;
    let point = risk::point(&site.app.desk, &page.access.person, measure.point).await?;
    page.access.in_area(&*measure.scope.area);
    Ok((measure, point))
}

/// `GET /risk/measures/{id}/edit`
pub(crate) async fn edit(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    if page.session.is_none() {
        return page.sign_in_first();
    }
    let made = found(&site, &page, &id).await.map(|(measure, point)| {
        let facts = measure.facts;
        let form = MeasureForm {
            csrf: String::new(),
            revision: measure.revision,
            kind: facts.kind.key().to_owned(),
            text: facts.text,
            owner: facts.owner,
            period_days: facts.period_days.to_string(),
            retired: if facts.retired { "1" } else { "" }.to_owned(),
        };
        edit_page(&page, (point.n, point.facts.name), Some(measure.n), form, None)
    });
    respond(&page, made)
}

/// `POST /risk/measures/{id}/edit`
pub(crate) async fn change(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Form<MeasureForm>, FormRejection>,
) -> Response {
    let changed = async {
        let Form(mut form) = form?;
        let act = site.risk_writer(&page, &form.csrf)?;
        let (measure, point) = found(&site, &page, &id).await?;
        let done = match form.facts(&page) {
            Ok(facts) => {
                let done = risk::change_measure(&site.app.desk, &act, measure.n, form.revision, &facts).await;
                Refusal::or(&page, done)?
            }
            Err(refused) => Err(refused),
        };
        match done {
            Ok(_) => {
                risk::soon(&site.app).await;
                Ok(Redirect::to(&format!("/risk/points/{}#measures", id_of(point.n))).into_response())
            }
            Err(refused) => {
                form.revision = refused.is.unwrap_or(form.revision);
                let status = refused.status;
                let of = (point.n, point.facts.name);
                let made = edit_page(&page, of, Some(measure.n), form, Some(refused));
                Ok(respond_with(&page, status, Ok(made)))
            }
        }
    };
    let changed = changed.await;
    answer(&page, changed)
}

#[derive(Template)]
#[template(path = "risk/measure.html")]
struct MeasurePage<'p> {
    page: &'p Page,
    measure: MeasureView,
    point_name: String,
    colour: Option<Word>,
    checks: Vec<CheckView>,
    today: String,
    form: CheckForm,
    refused: Option<Refusal>,
}

impl MeasurePage<'_> {
    /// What is wrong with a field.
    fn wrong(&self, field: &str) -> Option<&str> {
        Refusal::at(&self.refused, field)
    }
}

/// What the form for a check sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckForm {
    csrf: String,
    result: String,
    checked_on: String,
    remark: String,
}

/// `GET /risk/measures/{id}`, and what a reload of a refused form asks for.
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let form = CheckForm {
        checked_on: site.today().to_string(),
        ..CheckForm::default()
    };
    let made = make(&site, &page, &id, form, None).await;
    respond(&page, made)
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    id: &str,
    form: CheckForm,
    refused: Option<Refusal>,
) -> Result<MeasurePage<'p>, Fault> {
    let (measure, point) = found(site, page, id).await?;
    let checks = risk::checks(&site.app.desk, measure.n, None, 100).await?;
    let personal = page.access.signed_in();
    let today = site.today();
    Ok(MeasurePage {
        page,
        measure: MeasureView::of(measure, today, personal),
        point_name: point.facts.name,
        colour: point.colour.map(|colour| colour_word(page.scheme, colour)),
        checks: checks
            .into_iter()
            .map(|row| CheckView::of(row, personal))
            .collect(),
        today: today.to_string(),
        form,
        refused,
    })
}

/// `POST /risk/measures/{id}/checks`
pub(crate) async fn check(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Form<CheckForm>, FormRejection>,
) -> Response {
    let checked = async {
        let Form(form) = form?;
        let act = site.risk_writer(&page, &form.csrf)?;
        let (measure, _) = found(&site, &page, &id).await?;
        let done = match facts(&page, &form) {
            Ok(facts) => Refusal::or(&page, risk::check(&site.app, &act, measure.n, &facts).await)?,
            Err(refused) => Err(refused),
        };
        match done {
            Ok(_) => {
                risk::soon(&site.app).await;
                Ok(Redirect::to(&format!("/risk/measures/{}#checks", measure.n)).into_response())
            }
            Err(refused) => {
                let status = refused.status;
                let made = make(&site, &page, &id, form, Some(refused)).await;
                Ok(respond_with(&page, status, made))
            }
        }
    };
    let checked = checked.await;
    answer(&page, checked)
}

fn facts(page: &Page, form: &CheckForm) -> Result<CheckFacts, Refusal> {
    let passed = match form.result.as_str() {
        "passed" => true,
        "failed" => false,
        _ => {
            return Err(Refusal::field(
                page,
                "result",
                "请选择检查结果",
                "choose a result",
            ));
        }
    };
    let checked_on = match form.checked_on.trim() {
        "" => None,
        text => {
            let read = vigil_core::register::read_date(text, true);
            let read = read.map_err(|_| {
                Refusal::field(
                    page,
                    "checked_on",
                    "日期写作 2026-05-01",
                    "a date such as 2026-05-01",
                )
            })?;
            Some(read.date)
        }
    };
    Ok(CheckFacts {
        checked_on,
        passed,
        remark: form.remark.clone(),
    })
}
