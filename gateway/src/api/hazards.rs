//! The register of hazards, and the steps people take in it.

use super::hazard_steps::{HazardAction, HazardReport};
use super::params::{Body, NoParams, Params, idempotency_key, if_match, reason};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::site::limit;
use crate::app::{Acted, App, HazardFilter, HazardOrder};
use crate::desk::cases;
use crate::people::Access;
use crate::view::words::{GradeWords, HazardSourceWords, HazardStatusWords, SeverityWords};
use crate::view::{self, Hazard, HazardDetail, HazardPage, Time, ViewError};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vigil_core::hazard::{HazardId, HazardSource, HazardStatus};
use vigil_core::input::{Action, OperatorAction};
use vigil_core::pack::{Grade, Severity};

/// Which come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HazardSort)]
pub(super) enum Sort {
    /// The newest.
    Newest,
    /// What is to be rectified first.
    Due,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Of this equipment.
    equipment: Option<String>,
    /// In this status.
    #[param(value_type = Option<HazardStatusWords>)]
    status: Option<HazardStatus>,
    /// Of this grade.
    #[param(value_type = Option<GradeWords>)]
    grade: Option<Grade>,
    /// Of this seriousness.
    #[param(value_type = Option<SeverityWords>)]
    severity: Option<Severity>,
    /// `true`: still to be dealt with; `false`: rejected, or struck off and beyond.
    open: Option<bool>,
    /// This unit is responsible.
    unit: Option<String>,
    /// This unit uses the equipment.
    use_unit: Option<String>,
    /// In this area: the beginning of a GB/T 2260 code, such as `2103`.
    area: Option<String>,
    /// About this: key of a category.
    category: Option<String>,
    /// Found like this.
    #[param(value_type = Option<HazardSourceWords>)]
    source: Option<HazardSource>,
    /// Its deadline passed before it was struck off.
    overdue: Option<bool>,
    /// Under listed supervision.
    listed: Option<bool>,
    /// The same was struck off before.
    repeated: Option<bool>,
    /// To be rectified before.
    due_before: Option<Time>,
    /// `true`: a look-back is due.
    look_back: Option<bool>,
    /// `true`: more time is asked for.
    extension: Option<bool>,
    /// `newest`, or `due`: what is to be rectified first; only what is being rectified, and not with `text`.
    #[param(default = "newest")]
    sort: Option<Sort>,
    /// With these words, in id, equipment, rule, titles, clause or description.
    text: Option<String>,
    /// Opened at or after.
    from: Option<Time>,
    /// Opened before.
    to: Option<Time>,
    /// At most so many, 1 to 999.
    #[param(minimum = 1, maximum = 999, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The register, newest first.
#[utoipa::path(
    get, path = "/api/v1/hazards", tag = "hazards", operation_id = "listHazards",
    params(ListParams),
    responses((status = 200, description = "A page of hazards.", body = HazardPage), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<HazardPage>, ApiError> {
    let bad_cursor =
        |reason| ApiError::bad_parameter(format!("cursor: {reason}; use `next` of the page before"));
    if params
        .area
        .as_ref()
        .is_some_and(|area| area.len() > 6 || !area.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err(ApiError::bad_parameter(
            "area: the beginning of a GB/T 2260 code, at most 6 digits",
        ));
    }
    if params
        .text
        .as_ref()
        .is_some_and(|text| text.chars().count() > 100)
    {
        return Err(ApiError::bad_parameter("text: at most 100 characters"));
    }
    let by_deadline = params.sort == Some(Sort::Due);
    if by_deadline && params.text.is_some() {
        return Err(ApiError::bad_parameter(
            "sort: what is found by its words comes newest first",
        ));
    }
    let filter = HazardFilter {
        look_back: params.look_back.unwrap_or(false),
        extension: params.extension.unwrap_or(false),
        responsible: None,
        order: if by_deadline {
            HazardOrder::Due
        } else {
            HazardOrder::Newest
        },
        unit: params.unit,
        use_unit: params.use_unit,
        area: params.area.filter(|area| !area.is_empty()),
        category: params.category,
        source: params.source,
        overdue: params.overdue,
        listed: params.listed,
        repeated: params.repeated,
        due_before: params.due_before.map(|at| at.0),
        text: params.text,
        status: params.status,
        open: params.open,
        grade: params.grade,
        severity: params.severity,
        // The register outlives the catalog: equipment that is no longer known still has its hazards.
        equipment: params.equipment,
        from: params.from.map(|at| at.0),
        to: params.to.map(|at| at.0),
        after: params
            .cursor
            .map(|cursor| cursor.parse().map_err(bad_cursor))
            .transpose()?,
        sight: None,
        limit: limit(params.limit)?.unwrap_or(0),
    };
    Ok(Json(view::hazards(&app, &access.sight(), filter).await?))
}

/// One hazard: its chain of events, rule, pack hash and clause, what has been made of it, what can be done next, and the
/// data around it.
#[utoipa::path(
    get, path = "/api/v1/hazards/{id}", tag = "hazards", operation_id = "getHazard",
    params(("id" = String, Path, description = "Hazard id.")),
    responses(
        (status = 200, description = "The hazard.", body = HazardDetail,
         headers(("ETag" = String, description = "Its state: give it back as `If-Match` with a step."))),
        Reading, Missing,
    ),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<impl IntoResponse, ApiError> {
    let detail = view::hazard(&app, &id, &access.person, &access.person).await?;
    Ok(([(ETAG, etag(detail.hazard.events))], Json(detail)))
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HazardActed {
    /// Place of the step in the log.
    position: u64,
    /// The hazard after it.
    hazard: Option<Hazard>,
}

/// A step of the closed loop: who may take which when is in `next_steps` of the hazard. The answer comes after the step
/// is on disk.
///
/// With the header `Idempotency-Key` a repeated request is harmless: the same key with the same content
/// answers as before, with another content it is refused. The header `If-Match` (the `ETag` of the hazard) says what the
/// step is based on: it is only taken if nothing has happened since. 412 otherwise, 428 without it.
#[utoipa::path(
    post, path = "/api/v1/hazards/{id}/actions", tag = "hazards", operation_id = "actOnHazard",
    params(
        ("id" = String, Path, description = "Hazard id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
        ("If-Match" = String, Header, description = "The `ETag` of the hazard when it was looked at."),
    ),
    request_body = HazardAction,
    responses(
        (status = 200, description = "Done.", body = HazardActed,
         headers(("ETag" = String, description = "Its state after the step."))),
        Reading, Missing, Writing, Changing,
    ),
    security(("token" = [])),
)]
pub(super) async fn act(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(asked): Body<HazardAction>,
) -> Result<Response, ApiError> {
    let found = app.store.hazard(&id).await.map_err(ViewError::from)?;
    let Some(found) = found.filter(|hazard| app.sees_hazard(&access.sight(), hazard)) else {
        return Err(ApiError::not_found(format!("there is no hazard {id:?}")));
    };
    let scope = app.scope_of_hazard(&found);
    access.in_area(&*scope.area);
    let said = reason(asked.reason())?;
    let step = asked.step(&app).await?;
    cases::direct_step(&app, &access.person, &found, step.kind()).await?;
    let action = OperatorAction {
        actor: access.login().to_owned(),
        reason: said,
        idempotency_key: idempotency_key(&headers)?,
        who: Some(access.person.clone()),
        scope: Some(scope),
        action: Action::Hazard {
            hazard: HazardId(id.into()),
            expect: Some(if_match(&headers)?),
            step: Box::new(step),
        },
    };
    let acted = app.engine.act(action).await?;
    Ok(done(&app, StatusCode::OK, acted))
}

/// Reports a hazard that telemetry did not find: an inspection, a patrol, what the public says.
///
/// With the header `Idempotency-Key` a repeated request is harmless. What is open already is refused with
/// `already_open`, and `hazard` names it; other open hazards that may be the same are in `handling.related` of the new one.
#[utoipa::path(
    post, path = "/api/v1/hazards", tag = "hazards", operation_id = "reportHazard",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = HazardReport,
    responses(
        (status = 201, description = "It is on record.", body = HazardActed,
         headers(("ETag" = String, description = "Its state."))),
        Reading, Missing, Writing,
    ),
    security(("token" = [])),
)]
pub(super) async fn report(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(report): Body<HazardReport>,
) -> Result<Response, ApiError> {
    let scope = view::scope_of(&app, report.equipment.as_deref(), report.unit.as_deref()).await?;
    if !access.person.sees(&scope) {
        return Err(unseen(&app, &access, &report));
    }
    access.in_area(&*scope.area);
    let action = OperatorAction {
        actor: access.login().to_owned(),
        reason: String::new(),
        idempotency_key: idempotency_key(&headers)?,
        who: Some(access.person.clone()),
        scope: Some(scope),
        action: Action::OpenHazard {
            intake: Box::new(report.intake(&app).await?),
        },
    };
    let acted = app.engine.act(action).await?;
    if let Some(hazard) = &acted.hazard {
        access.about(&*hazard.id.0);
    }
    Ok(done(&app, StatusCode::CREATED, acted))
}

/// What a report is about is not there for who does not see it.
fn unseen(app: &App, access: &Access, report: &HazardReport) -> ApiError {
    match (&report.equipment, &report.unit) {
        (Some(id), _) => view::unknown(app, &access.sight(), id).into(),
        (None, unit) => ApiError::not_found(format!("there is no unit {:?}", unit.as_deref().unwrap_or(""))),
    }
}

fn done(app: &App, status: StatusCode, acted: Acted) -> Response {
    let etag = acted.hazard.as_ref().map(|hazard| etag(hazard.events));
    let hazard = acted.hazard.map(|hazard| Hazard::of(app, &hazard));
    let body = Json(HazardActed {
        position: acted.position.0,
        hazard,
    });
    (status, etag.map(|etag| [(ETAG, etag)]), body).into_response()
}

/// The state of a hazard: how many events it has had.
fn etag(events: u32) -> String {
    format!("\"{events}\"")
}
