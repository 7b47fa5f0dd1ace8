//! The register of hazards, and the steps people take in it.

use super::params::{Body, NoParams, Params, idempotency_key, reason};
use super::problem::{ApiError, Missing, Reading, Writing};
use super::site::limit;
use crate::app::{App, HazardFilter};
use crate::people::Access;
use crate::view::words::{GradeWords, HazardStatusWords, SeverityWords};
use crate::view::{self, Hazard, HazardDetail, HazardPage, Time, ViewError};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vigil_core::hazard::{HazardId, HazardStatus};
use vigil_core::input::{Action, OperatorAction};
use vigil_core::pack::{Grade, Severity};

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
    /// `true`: suspected or confirmed; `false`: rejected.
    open: Option<bool>,
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
    let filter = HazardFilter {
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

/// One hazard: its chain of events, rule, pack hash and clause, and the data around it.
#[utoipa::path(
    get, path = "/api/v1/hazards/{id}", tag = "hazards", operation_id = "getHazard",
    params(("id" = String, Path, description = "Hazard id.")),
    responses((status = 200, description = "The hazard.", body = HazardDetail), Reading, Missing),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Json<HazardDetail>, ApiError> {
    Ok(Json(view::hazard(&app, &access.sight(), &id).await?))
}

/// A step in the life of a hazard.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HazardAction {
    /// What is done.
    action: Step,
    /// Why, in the person's words: required to reject and to comment.
    #[serde(default)]
    reason: String,
}

/// What can be done.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// The suspected hazard is real.
    Confirm,
    /// The suspected hazard is not one.
    Reject,
    /// A remark.
    Comment,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HazardActed {
    /// Place of the step in the log.
    position: u64,
    /// The hazard after it.
    hazard: Option<Hazard>,
}

/// Confirm, reject or comment. The answer comes after the step is on disk.
///
/// With the header `Idempotency-Key` a repeated request is harmless: the same key with the same content
/// answers as before, with another content it is refused.
#[utoipa::path(
    post, path = "/api/v1/hazards/{id}/actions", tag = "hazards", operation_id = "actOnHazard",
    params(
        ("id" = String, Path, description = "Hazard id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = HazardAction,
    responses((status = 200, description = "Done.", body = HazardActed), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn act(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(step): Body<HazardAction>,
) -> Result<Json<HazardActed>, ApiError> {
    let found = app.store.hazard(&id).await.map_err(ViewError::from)?;
    let Some(found) = found.filter(|hazard| app.sees(&access.sight(), &hazard.equipment)) else {
        return Err(ApiError::not_found(format!("there is no hazard {id:?}")));
    };
    access.in_area(&*app.scope_of(&found.equipment).area);
    let hazard = HazardId(id.into());
    let action = OperatorAction {
        actor: access.login().to_owned(),
        reason: reason(&step.reason)?,
        idempotency_key: idempotency_key(&headers)?,
        action: match step.action {
            Step::Confirm => Action::ConfirmHazard { hazard },
            Step::Reject => Action::RejectHazard { hazard },
            Step::Comment => Action::CommentHazard { hazard },
        },
    };
    let acted = app.engine.act(action).await?;
    let hazard = acted.hazard.map(|hazard| Hazard::of(&app, &hazard));
    Ok(Json(HazardActed {
        position: acted.position.0,
        hazard,
    }))
}
