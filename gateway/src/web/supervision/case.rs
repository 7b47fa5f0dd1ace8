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
use vigil_core::supervision::CaseStepKind;

#[derive(Template)]
#[template(path = "supervision/case.html")]
struct CasePage<'p> {
    page: &'p Page,
    detail: SupervisionDetail,
    /// Name of the unit it is about.
    unit: Option<String>,
    deadline: Option<DayLeft>,
    waiting: Vec<(&'static str, DayLeft, bool, bool)>,
    forms: Vec<StepForm>,
    refused: Option<Said>,
}

/// Why a step was not recorded, for who wanted to take it.
struct Said {
    /// Title of the step.
    title: &'static str,
    /// Where its form is, if it is still offered.
    form: Option<&'static str>,
    why: String,
    /// Roles that could take it.
    who: String,
    /// What was typed into a form that is no longer offered.
    orphaned: String,
}

impl CasePage<'_> {
    fn short(&self, hash: &str) -> String {
        hash.chars().take(12).collect()
    }

    /// Roles, as words.
    fn roles(&self, keys: &[&'static str]) -> String {
        role_words(self.page, keys)
    }
}

fn role_words(page: &Page, keys: &[&str]) -> String {
    let words: Vec<&str> = keys.iter().map(|key| page.role_key(key)).collect();
    words.join(page.pick("、", ", "))
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
    refused: Option<(Typed, Why)>,
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
    if let Some((typed, Why { text: why, who, .. })) = refused {
        let mut now = Said {
            title: CaseStepKind::from_key(&typed.step).map_or("", |step| page.case_event(step.key())),
            form: None,
            why: why.clone(),
            who: role_words(page, &who),
            orphaned: String::new(),
        };
        match forms.iter_mut().find(|form| form.action == typed.step) {
            Some(form) => {
                now.form = Some(form.action);
                form.typed = typed;
                form.error = Some(why);
            }
            None => now.orphaned = typed.text.trim().to_owned(),
        }
        said = Some(now);
    }
    let unit = match &detail.case.unit {
        Some(code) => Some(site.unit_name(code).await?),
        None => None,
    };
    Ok(CasePage {
        page,
        unit,
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
        Err(Refused::Because(why)) => {
            // What follows is the case's page: its links lead to that.
            let page = Page {
                path: format!("/supervision/{}", page.segment(&id)),
                ..page
            };
            let status = why.status;
            let made = make(&site, &page, &id, Some((typed, why))).await;
            respond_with(&page, status, made)
        }
    }
}

enum Refused {
    Fault(Fault),
    Because(Why),
}

/// Why a step was refused.
struct Why {
    status: StatusCode,
    text: String,
    /// Keys of the roles that could take it.
    who: Vec<&'static str>,
}

impl Refused {
    fn because(status: StatusCode, text: String) -> Self {
        let who = Vec::new();
        Self::Because(Why { status, text, who })
    }
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
            return Err(Refused::because(StatusCode::FORBIDDEN, why.to_owned()));
        }
    }
    let (app, person) = (&site.app, site.reader(page));
    let found = cases::case(&app.desk, &person, id).await;
    let found = found.map_err(|error| Refused::Fault(error.into()))?;
    page.access.in_area(&*found.case.order.scope.area);
    let unfit = |why| Refused::because(StatusCode::UNPROCESSABLE_ENTITY, why);
    typed.keep(site, &person).await.map_err(unfit)?;
    let step = typed.step(site, page).map_err(unfit)?;
    let seen = typed.events.parse().ok();
    let (now, policy) = (app.clock.now(), &page.rules.supervision);
    let taken = cases::take(&app.desk, (&person, id, seen), (&step, &typed.text), now, policy).await;
    if let Err(error) = taken {
        return Err(match error {
            cases::CasesError::NotFound(_) | cases::CasesError::Store(_) => Refused::Fault(error.into()),
            other => Refused::Because(Why {
                status: StatusCode::CONFLICT,
                text: why(page, &other),
                who: match &other {
                    cases::CasesError::Refused(refusal) => {
                        refusal.who.iter().map(|role| role.key()).collect()
                    }
                    _ => Vec::new(),
                },
            }),
        });
    }
    cases::settle(app, id)
        .await
        .map_err(|error| Refused::Fault(error.into()))
}
