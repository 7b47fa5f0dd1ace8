//! The form for a piece of equipment: all facts, errors beside their fields, nothing typed is lost.

use super::super::Site;
use super::super::fault::{Fault, respond, respond_with};
use super::super::page::Page;
use crate::desk::register::{self, RegisterError};
use crate::view::register::grouped;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::collections::HashMap;
use std::sync::Arc;
use vigil_core::register::{Conclusion, Field, Group, Kind, PlaceType, Record, UseState};

#[derive(Template)]
#[template(path = "register/edit.html")]
struct EditPage<'p> {
    page: &'p Page,
    /// `None`: a new one.
    id: Option<String>,
    name: String,
    revision: i64,
    groups: Vec<(&'static str, Vec<Input>)>,
    /// What was wrong at the top.
    refused: Option<String>,
    /// Name and error of each field that is wrong.
    errors: Vec<(&'static str, &'static str, String)>,
}

/// A field of the form.
struct Input {
    key: &'static str,
    label: &'static str,
    value: String,
    unit: &'static str,
    /// What may be chosen: key, word; empty: anything.
    choices: Vec<(&'static str, &'static str)>,
    date: bool,
    long: bool,
    longest: usize,
    error: Option<String>,
}

/// What was sent, by name.
type Sent = Vec<(String, String)>;

/// `GET /register/new`
pub(crate) async fn new(page: Page) -> Response {
    if page.session.is_none() {
        return page.sign_in_first();
    }
    let made = Ok(form(
        &page,
        None,
        0,
        &Record::default(),
        &HashMap::new(),
        None,
        Vec::new(),
    ));
    respond(&page, made)
}

/// `GET /register/{id}/edit`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    if page.session.is_none() {
        return page.sign_in_first();
    }
    let found = register::entry(
        &site.app.desk,
        &site.reader(&page),
        &site.app.rules.schedules(),
        &id,
        site.today(),
    )
    .await;
    let made = match found {
        Ok(Some(entry)) => Ok(form(
            &page,
            Some(id),
            entry.revision,
            &entry.record,
            &HashMap::new(),
            None,
            Vec::new(),
        )),
        Ok(None) => Err(Fault::NotFound),
        Err(error) => Err(error.into()),
    };
    respond(&page, made)
}

/// `POST /register/new`
pub(crate) async fn create(
    State(site): State<Arc<Site>>,
    page: Page,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    save(&site, page, None, sent).await
}

/// `POST /register/{id}/edit`
pub(crate) async fn change(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    save(&site, page, Some(id), sent).await
}

async fn save(
    site: &Site,
    page: Page,
    id: Option<String>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    let sent: HashMap<String, String> = match sent {
        Ok(Form(sent)) => sent.into_iter().collect(),
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let text = |key: &str| sent.get(key).map_or("", String::as_str);
    let typed: Vec<(Field, String)> = Field::ALL
        .iter()
        .filter_map(|field| sent.get(field.key()).map(|text| (*field, text.clone())))
        .collect();
    let revision: i64 = text("revision").parse().unwrap_or(0);
    let writer = match &id {
        Some(id) => site.writer_about(&page, text("csrf"), id).await,
        None => site.writer_in(&page, text("csrf"), text(Field::Area.key())),
    };
    let refused = match writer {
        Err(Fault::NotFound) => return Fault::NotFound.respond(&page),
        Err(fault) => (fault.status(), fault.to_string(), Vec::new(), revision),
        Ok(act) => {
            let (desk, schedules) = (&site.app.desk, &site.app.rules.schedules());
            let done = match &id {
                Some(id) => register::change(desk, &act, schedules, id, revision, typed).await,
                None => register::create(desk, &act, schedules, typed, None).await,
            };
            match done {
                Ok(saved) => {
                    return Redirect::to(&format!("/register/{}", page.segment(&saved.id))).into_response();
                }
                Err(RegisterError::NotFound { .. }) => return Fault::NotFound.respond(&page),
                Err(RegisterError::Wrong(findings)) => {
                    let said = page.pick(
                        "有内容不能保存，请更正后再提交。",
                        "Some facts cannot be taken; correct them and send again.",
                    );
                    let errors = findings.iter().filter_map(|one| {
                        let what = page.pick(&one.what.zh, &one.what.en);
                        let fix = page.pick(&one.fix.zh, &one.fix.en);
                        Some((one.field?, format!("{what} — {fix}")))
                    });
                    (
                        StatusCode::UNPROCESSABLE_ENTITY,
                        said.to_owned(),
                        errors.collect(),
                        revision,
                    )
                }
                Err(RegisterError::Stale { is, .. }) => {
                    let said = page.pick(
                        "其他人刚刚修改了这台设备。以下是您填写的内容；再次提交将覆盖对方的修改，请先核对。",
                        "Somebody else has just changed this equipment. Below is what you typed; sending it again replaces what he entered. Compare first.",
                    );
                    (StatusCode::CONFLICT, said.to_owned(), Vec::new(), is)
                }
                Err(error) => (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    error.to_string(),
                    Vec::new(),
                    revision,
                ),
            }
        }
    };
    let (status, said, errors, revision) = refused;
    let made = Ok(form(
        &page,
        id,
        revision,
        &Record::default(),
        &sent,
        Some(said),
        errors,
    ));
    respond_with(&page, status, made)
}

/// The form with what the register says, or with what was sent.
fn form<'p>(
    page: &'p Page,
    id: Option<String>,
    revision: i64,
    record: &Record,
    sent: &HashMap<String, String>,
    refused: Option<String>,
    errors: Vec<(Field, String)>,
) -> EditPage<'p> {
    let mut shown = record.clone();
    if let Some(category) = sent.get(Field::Category.key()) {
        shown.set(Field::Category, category.as_str());
    }
    let input = |field: Field| Input {
        key: field.key(),
        label: page.fact(&field),
        value: sent
            .get(field.key())
            .cloned()
            .unwrap_or_else(|| record.text(field).to_owned()),
        unit: field.unit(),
        choices: choices(page, field),
        date: matches!(field.kind(), Kind::Date(_)),
        long: field == Field::Remarks,
        longest: field.longest(),
        error: errors
            .iter()
            .find(|(wrong, _)| *wrong == field)
            .map(|(_, said)| said.clone()),
    };
    let group = |(group, fields): (Group, Vec<Field>)| {
        let (zh, en) = group.titles();
        (page.pick(zh, en), fields.into_iter().map(input).collect())
    };
    EditPage {
        page,
        name: shown.text(Field::Name).to_owned(),
        id,
        revision,
        groups: grouped(&shown).into_iter().map(group).collect(),
        refused,
        errors: errors
            .iter()
            .map(|(field, said)| (field.key(), page.fact(field), said.clone()))
            .collect(),
    }
}

fn choices(page: &Page, field: Field) -> Vec<(&'static str, &'static str)> {
    match field.kind() {
        Kind::State => UseState::ALL
            .iter()
            .map(|one| (one.key(), page.pick(one.title_zh(), one.title_en())))
            .collect(),
        Kind::Conclusion => Conclusion::ALL
            .iter()
            .map(|one| (one.key(), page.pick(one.title_zh(), one.title_en())))
            .collect(),
        Kind::Place => PlaceType::ALL
            .iter()
            .map(|one| (one.key(), page.pick(one.title_zh(), one.title_en())))
            .collect(),
        Kind::YesNo => vec![("yes", page.pick("是", "yes")), ("no", page.pick("否", "no"))],
        Kind::Grade => vec![("1", "1"), ("2", "2"), ("3", "3"), ("4", "4"), ("5", "5")],
        _ => Vec::new(),
    }
}
