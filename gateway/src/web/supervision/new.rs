//! The form for a new case, usually reached from a hazard.

use super::super::Site;
use super::super::fault::{Fault, respond, respond_with};
use super::super::page::Page;
use super::why;
use crate::desk::cases::{self, CasesError, Draft};
use crate::view::supervision::{Named, supervision_rules};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use vigil_core::supervision::CaseKind;

/// What the form sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OrderForm {
    csrf: String,
    /// The same each time the same form is sent: sent twice, it issues one case.
    key: String,
    kind: String,
    level: String,
    issuer: String,
    title: String,
    grounds: String,
    demands: String,
    hazards: String,
    equipment: String,
    unit: String,
    area: String,
    deadline: String,
    meet_at: String,
}

#[derive(Template)]
#[template(path = "supervision/new.html")]
struct NewPage<'p> {
    page: &'p Page,
    kinds: Vec<(&'static str, &'static str, bool)>,
    levels: Vec<Named>,
    form: OrderForm,
    /// The field that is wrong, if it is one, and why.
    refused: Option<(String, String)>,
}

impl NewPage<'_> {
    fn wrong(&self, field: &str) -> Option<&str> {
        let refused = self.refused.as_ref();
        refused.filter(|(of, _)| of == field).map(|(_, why)| why.as_str())
    }
}

/// `GET /supervision/new?kind=…&hazard=…&equipment=…&unit=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    if page.session.is_none() {
        return Redirect::to(&format!("/sign-in?next={}", page.here())).into_response();
    }
    let mut form = OrderForm {
        key: crate::secrets::random_hex().unwrap_or_default(),
        kind: page.asked("kind").to_owned(),
        hazards: page.asked("hazard").to_owned(),
        equipment: page.asked("equipment").to_owned(),
        unit: page.asked("unit").to_owned(),
        ..OrderForm::default()
    };
    // What is known of the hazard need not be typed.
    if let Ok(Some(hazard)) = site.app.store.hazard(&form.hazards).await
        && site.app.sees_hazard(&page.sight(), &hazard)
    {
        form.title = page.name(&hazard.title_zh, &hazard.title_en).to_owned();
        form.grounds = hazard.clause.to_string();
    }
    respond(&page, Ok(make(&page, form, None)))
}

fn make(page: &Page, form: OrderForm, refused: Option<(String, String)>) -> NewPage<'_> {
    NewPage {
        page,
        kinds: CaseKind::ALL
            .into_iter()
            .map(|kind| {
                let current = form.kind == kind.key();
                (kind.key(), page.pick(kind.title_zh(), kind.title_en()), current)
            })
            .collect(),
        levels: supervision_rules(&page.rules.supervision).levels,
        form,
        refused,
    }
}

fn draft(site: &Site, page: &Page, form: &OrderForm) -> Result<Draft, (String, String)> {
    let wrong = |field: &str, zh, en| (field.to_owned(), page.pick(zh, en).to_owned());
    let kind = CaseKind::from_key(&form.kind).ok_or_else(|| wrong("kind", "请选择类型", "Choose a kind"))?;
    let deadline = match form.deadline.trim() {
        "" => None,
        text => Some(
            site.instant(text, true)
                .ok_or_else(|| wrong("deadline", "请填写日期", "Give a date, such as 2026-05-01"))?,
        ),
    };
    let meet_at = match form.meet_at.trim() {
        "" => None,
        text => Some(
            site.moment(text)
                .ok_or_else(|| wrong("meet_at", "请填写日期和时间", "Give a day and a time"))?,
        ),
    };
    let ids = form
        .hazards
        .split(|c: char| c.is_whitespace() || c == ',' || c == '，' || c == '、');
    Ok(Draft {
        kind,
        level: form.level.clone(),
        issuer: form.issuer.clone(),
        title: form.title.clone(),
        grounds: form.grounds.clone(),
        demands: form.demands.clone(),
        hazards: ids.filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        equipment: form.equipment.trim().to_owned(),
        unit: form.unit.trim().to_owned(),
        area: form.area.trim().to_owned(),
        deadline,
        meet_at,
    })
}

/// The field a refusal is about, where it says so.
fn field_of(error: &CasesError) -> String {
    let CasesError::Refused(refusal) = error else {
        return String::new();
    };
    let known = match refusal.code {
        "bad_field" => refusal.message.split(':').next().unwrap_or_default(),
        "bad_deadline" => "deadline",
        "unknown_hazard" | "already_listed" | "only_major" | "wrong_state" | "several_units" => "hazards",
        "unit_not_in_scope" => "unit",
        _ => "",
    };
    known.to_owned()
}

/// `POST /supervision/new`
pub(crate) async fn issue(
    State(site): State<Arc<Site>>,
    page: Page,
    form: Result<Form<OrderForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    if !page
        .session
        .as_ref()
        .is_some_and(|session| session.vouches_for(&form.csrf))
    {
        let said = page.pick(
            "登录已变更，请重新登录后再提交一次。",
            "Your session has changed; sign in and send it again.",
        );
        let refused = Some((String::new(), said.to_owned()));
        return respond_with(&page, StatusCode::FORBIDDEN, Ok(make(&page, form, refused)));
    }
    let person = site.reader(&page);
    let draft = match draft(&site, &page, &form) {
        Ok(draft) => draft,
        Err(refused) => {
            let made = Ok(make(&page, form, Some(refused)));
            return respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made);
        }
    };
    let key = Some(format!("page:{}", form.key)).filter(|key| (10..=100).contains(&key.len()));
    match cases::open(&site.app, &person, &draft, key.as_deref()).await {
        Ok(stored) => {
            page.access.about(stored.id.to_string());
            page.access.in_area(&*stored.case.order.scope.area);
            Redirect::to(&format!("/supervision/{}", stored.id)).into_response()
        }
        Err(error @ CasesError::Store(_)) => Fault::from(error).respond(&page),
        Err(error) => {
            let refused = (field_of(&error), why(&page, &error));
            let made = Ok(make(&page, form, Some(refused)));
            respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made)
        }
    }
}
