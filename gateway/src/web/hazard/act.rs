//! Taking a step: what the form says becomes a step of the core, or the page again with what is wrong.

use super::super::Site;
use super::super::fault::{Fault, respond_with};
use super::super::page::Page;
use super::super::sent::Sent;
use super::{Refused, make};
use crate::app::ActError;
use crate::desk::cases::{CasesError, direct_step};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::civil::Date;
use std::sync::Arc;
use vigil_core::hazard::workflow::{Step, StepKind};
use vigil_core::hazard::{Assignment, HazardId};
use vigil_core::input::{Action, OperatorAction};
use vigil_core::output::Refusal;
use vigil_core::pack::Grade;
use vigil_protocol::time::UtcMillis;

/// `GET /hazards/{id}/actions`: what a reload of a refused step asks for.
pub(crate) async fn back(page: Page, Path(id): Path<String>) -> Redirect {
    Redirect::to(&format!("/hazards/{}", page.segment(&id)))
}

/// `POST /hazards/{id}/actions`
pub(crate) async fn act(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let sent = match Sent::read(&site, &page, request).await {
        Ok(sent) => sent,
        Err(fault) => return fault.respond(&page),
    };
    let (status, refusal) = match take(&site, &page, &id, &sent).await {
        Ok(()) => {
            return Redirect::to(&format!("/hazards/{}#timeline", page.segment(&id))).into_response();
        }
        Err(No::Fault(fault)) => return fault.respond(&page),
        Err(No::Refused(status, refusal)) => (status, refusal),
    };
    // What follows is the hazard's page: its links and the other language lead to that.
    let page = Page {
        path: format!("/hazards/{}", page.segment(&id)),
        ..page
    };
    let refused = Refused::new(&page, sent, refusal);
    let made = make(&site, &page, &id, Some(refused)).await;
    respond_with(&page, status, made)
}

/// Why a step was not taken.
enum No {
    /// It says why on the page.
    Refused(StatusCode, Refusal),
    /// There is no page to say it on.
    Fault(Fault),
}

async fn take(site: &Site, page: &Page, id: &str, sent: &Sent) -> Result<(), No> {
    let refused = |status, refusal| Err(No::Refused(status, refusal));
    let person = match sent.person(site, page) {
        Ok(person) => person,
        Err(why) => return refused(StatusCode::FORBIDDEN, Refusal::new("not_you", why, why)),
    };
    let found = match site.app.store.hazard(id).await {
        Ok(found) => found.filter(|hazard| site.app.sees_hazard(&person.sight(), hazard)),
        Err(error) => return Err(No::Fault(Fault::Unavailable(error.to_string()))),
    };
    let Some(found) = found else {
        return Err(No::Fault(Fault::NotFound));
    };
    let scope = site.app.scope_of_hazard(&found);
    page.access.in_area(&*scope.area);
    let Some(kind) = StepKind::ALL
        .into_iter()
        .find(|step| step.key() == sent.text("step"))
    else {
        let unknown = Refusal::new("unknown_step", "there is no such step", "没有这一步骤");
        return refused(StatusCode::BAD_REQUEST, unknown);
    };
    let step = match step(page, kind, sent) {
        Ok(step) => step,
        Err(refusal) => return refused(StatusCode::UNPROCESSABLE_ENTITY, refusal),
    };
    // Some steps are taken elsewhere.
    match direct_step(&site.app, &person, &found, kind).await {
        Ok(()) => {}
        Err(CasesError::Refused(refusal)) => return refused(status_of(&refusal), *refusal),
        Err(error) => return Err(No::Fault(error.into())),
    }
    let action = OperatorAction {
        actor: person.login.to_string(),
        reason: sent.text("text").to_owned(),
        idempotency_key: None,
        who: Some(person),
        scope: Some(scope),
        action: Action::Hazard {
            hazard: HazardId(id.into()),
            // As the page showed it: who acts on an older one is told.
            expect: sent.text("expect").parse().ok(),
            step: Box::new(step),
        },
    };
    answered(page, site.app.engine.act(action).await.map(drop))
}

/// What the engine's answer means for a page.
fn answered(page: &Page, answer: Result<(), ActError>) -> Result<(), No> {
    match answer {
        Ok(()) => Ok(()),
        Err(ActError::Refused(refusal)) => Err(No::Refused(status_of(&refusal), refusal)),
        Err(ActError::Gone) => {
            let why = "the gateway is stopping";
            Err(No::Fault(Fault::Unavailable(why.to_owned())))
        }
        Err(ActError::Store(error)) => {
            let said = page.pick(
                "数据库不可写，步骤未记录。请通知管理员。",
                "The database cannot be written; the step was not recorded. Tell the administrator.",
            );
            let why = format!("{said} ({error})");
            Err(No::Refused(
                StatusCode::SERVICE_UNAVAILABLE,
                Refusal::new("store_unwritable", why.clone(), why),
            ))
        }
    }
}

/// The status a refusal is answered with, as in the API.
pub(crate) fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal.code {
        "changed" => StatusCode::PRECONDITION_FAILED,
        "not_in_scope" | "role_not_allowed" | "not_responsible" | "duties_not_separate" => {
            StatusCode::FORBIDDEN
        }
        _ => StatusCode::CONFLICT,
    }
}

/// The end of a civil day where the reader is; `None` for an empty field.
pub(crate) fn day_end(page: &Page, sent: &Sent, field: &'static str) -> Result<Option<UtcMillis>, Refusal> {
    let text = sent.text(field).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let end = text
        .parse::<Date>()
        .and_then(|date| date.tomorrow())
        .and_then(|date| date.to_zoned_datetime(page.times.zone.clone()));
    match end {
        Ok(end) => Ok(Some(UtcMillis(end.timestamp().as_millisecond() - 1))),
        Err(_) => Err(Refusal::new(
            "bad_field",
            "a date is written 2026-01-31",
            "日期应写作 2026-01-31",
        )
        .about([field])),
    }
}

/// The step a form describes.
fn step(page: &Page, kind: StepKind, sent: &Sent) -> Result<Step, Refusal> {
    let wrong = |field: &'static str, en: &str, zh: &str| Refusal::new("bad_field", en, zh).about([field]);
    if let Some(why) = &sent.unkept {
        return Err(wrong("attachments", why, why));
    }
    let attachments = sent.files.clone();
    let text = |field: &str| sent.text(field).trim().to_owned();
    Ok(match kind {
        StepKind::Confirm => Step::Confirm,
        StepKind::Reject => Step::Reject,
        StepKind::Comment => Step::Comment,
        StepKind::Attach => Step::Attach { attachments },
        StepKind::Assign => Step::Assign {
            assignment: Assignment {
                unit: Some(text("unit")).filter(|unit| !unit.is_empty()).map(Into::into),
                person: text("person"),
                leader: text("leader"),
                deadline: day_end(page, sent, "deadline")?,
                measures: text("measures"),
                funds: text("funds"),
                emergency_plan: text("emergency_plan"),
            },
        },
        StepKind::Interim => Step::Interim,
        StepKind::Start => Step::Start,
        StepKind::Progress => Step::Progress {
            percent: text("percent")
                .parse()
                .map_err(|_| wrong("percent", "a whole number from 0 to 100", "请填 0 至 100 的整数"))?,
        },
        StepKind::SelfCheck => Step::SelfCheck { attachments },
        StepKind::RequestAcceptance => Step::RequestAcceptance,
        StepKind::Accept => Step::Accept { attachments },
        StepKind::RefuseAcceptance => Step::RefuseAcceptance { attachments },
        StepKind::RequestExtension => Step::RequestExtension {
            until: day_end(page, sent, "until")?
                .ok_or_else(|| wrong("until", "say until when", "请填写延期至哪一天"))?,
        },
        StepKind::GrantExtension => Step::GrantExtension {
            until: day_end(page, sent, "until")?,
        },
        StepKind::RefuseExtension => Step::RefuseExtension,
        StepKind::RecommendOutOfUse => Step::RecommendOutOfUse,
        StepKind::ChangeGrade => Step::ChangeGrade {
            grade: match sent.text("grade") {
                "major" => Grade::Major,
                "general" => Grade::General,
                _ => return Err(wrong("grade", "choose a grade", "请选择等级")),
            },
        },
        StepKind::List => Step::List {
            case: text("case"),
            deadline: day_end(page, sent, "deadline")?,
        },
        StepKind::Delist => Step::Delist,
        StepKind::FixOnSpot => Step::FixOnSpot {
            rectifier: text("rectifier"),
            attachments,
        },
        StepKind::StrikeOff => Step::StrikeOff {
            number: text("number"),
            rules_made: text("rules_made"),
        },
        StepKind::LookBack => Step::LookBack {
            passed: match sent.text("passed") {
                "yes" => true,
                "no" => false,
                _ => return Err(wrong("passed", "say whether it passes", "请选择是否通过")),
            },
            attachments,
        },
        StepKind::Close => Step::Close,
    })
}
