//! One case: what was issued, what happened, what comes next; and the steps themselves.

use super::super::Site;
use super::super::fault::{Fault, respond, respond_with};
use super::super::page::Page;
use super::step::{StepForm, Typed};
use super::{DayLeft, why};
use crate::desk::cases;
use crate::view::supervision::{SupervisionDetail, supervision_case};
use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "supervision/case.html")]
struct CasePage<'p> {
    page: &'p Page,
    detail: SupervisionDetail,
    deadline: Option<DayLeft>,
    waiting: Vec<(&'static str, DayLeft, bool, bool)>,
    forms: Vec<StepForm>,
    refused: Option<String>,
}

impl CasePage<'_> {
    fn short(&self, hash: &str) -> String {
        hash.chars().take(12).collect()
    }
}

fn number(text: &str) -> Result<i64, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}

/// `GET /supervision/{id}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id, None).await;
    respond(&page, made)
}

/// `GET /supervision/{id}/actions`: what a reload of a refused step asks for.
pub(crate) async fn back(page: Page, Path(id): Path<String>) -> Redirect {
    Redirect::to(&format!("/supervision/{}", page.segment(&id)))
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    id: &str,
    refused: Option<(Typed, String)>,
) -> Result<CasePage<'p>, Fault> {
    let reader = site.reader(page);
    let detail = supervision_case(&site.app, number(id)?, &reader).await?;
    let today = site.today().to_string();
    let mut forms: Vec<StepForm> = Vec::new();
    if page.session.is_some() {
        let steps = detail.next_steps.iter();
        forms.extend(steps.filter_map(|step| StepForm::of(page, step, &today)));
    }
    let mut said = None;
    if let Some((typed, why)) = refused {
        said = Some(why.clone());
        if let Some(form) = forms.iter_mut().find(|form| form.action == typed.step) {
            form.typed = typed;
            form.error = Some(why);
        }
    }
    Ok(CasePage {
        page,
        deadline: detail.case.deadline.map(|at| site.day_left(at.0)),
        waiting: detail
            .case
            .waiting
            .iter()
            .map(|due| (due.timer, site.day_left(due.due.0), due.late, due.unverified))
            .collect(),
        forms,
        refused: said,
        detail,
    })
}

/// `POST /supervision/{id}/actions`
pub(crate) async fn act(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let form = match form {
        Ok(form) => form,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let mut typed = match Typed::read(form).await {
        Ok(typed) => typed,
        Err(why) => return Fault::BadRequest(why).respond(&page),
    };
    let done = take(&site, &page, &id, &mut typed).await;
    match done {
        Ok(()) => Redirect::to(&format!("/supervision/{}#timeline", page.segment(&id))).into_response(),
        Err(Refused::Fault(fault)) => fault.respond(&page),
        Err(Refused::Because(status, why)) => {
            // What follows is the case's page: its links lead to that.
            let page = Page {
                path: format!("/supervision/{}", page.segment(&id)),
                ..page
            };
            let made = make(&site, &page, &id, Some((typed, why))).await;
            respond_with(&page, status, made)
        }
    }
}

enum Refused {
    Fault(Fault),
    Because(StatusCode, String),
}

async fn take(site: &Site, page: &Page, id: &str, typed: &mut Typed) -> Result<(), Refused> {
    let id = number(id).map_err(Refused::Fault)?;
    match &page.session {
        Some(session) if session.vouches_for(&typed.csrf) => {}
        _ => {
            let why = page.pick(
                "登录已变更，请重新登录后再提交一次。",
                "Your session has changed; sign in and send it again.",
            );
            return Err(Refused::Because(StatusCode::FORBIDDEN, why.to_owned()));
        }
    }
    let (app, person) = (&site.app, site.reader(page));
    let found = cases::case(&app.desk, &person, id).await;
    let found = found.map_err(|error| Refused::Fault(error.into()))?;
    page.access.in_area(&*found.case.order.scope.area);
    let unfit = |why| Refused::Because(StatusCode::UNPROCESSABLE_ENTITY, why);
    typed.keep(site, &person).await.map_err(unfit)?;
    let step = typed.step(site, page).map_err(unfit)?;
    let seen = typed.events.parse().ok();
    let (now, policy) = (app.clock.now(), &page.rules.supervision);
    let taken = cases::take(&app.desk, (&person, id, seen), (&step, &typed.text), now, policy).await;
    if let Err(error) = taken {
        return Err(match error {
            cases::CasesError::NotFound(_) | cases::CasesError::Store(_) => Refused::Fault(error.into()),
            other => Refused::Because(StatusCode::CONFLICT, why(page, &other)),
        });
    }
    cases::settle(app, id)
        .await
        .map_err(|error| Refused::Fault(error.into()))
}
