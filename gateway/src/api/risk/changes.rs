//! What was changed of a risk point.

use super::point_number;
use crate::api::params::Params;
use crate::api::problem::{ApiError, Missing, Reading};
use crate::api::site::limit;
use crate::app::App;
use crate::desk::risk;
use crate::people::Access;
use crate::view::RiskChange;
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Changes on record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RiskChanges {
    /// The latest first.
    changes: Vec<RiskChange>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangeParams {
    /// `id` of the last change of the page before.
    before: Option<i64>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Who changed which field of a risk point, when, from what to what. Assessments have a history of their own.
#[utoipa::path(
    get, path = "/api/v1/risk/points/{id}/changes", tag = "risk", operation_id = "listRiskPointChanges",
    params(("id" = String, Path, description = "Such as `RP-000042`."), ChangeParams),
    responses((status = 200, description = "The changes.", body = RiskChanges), Reading, Missing),
)]
pub(crate) async fn list(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    Params(params): Params<ChangeParams>,
) -> Result<Json<RiskChanges>, ApiError> {
    let limit = limit(params.limit)?.unwrap_or(100);
    let point = risk::point(&app.desk, &access.person, point_number(&id)?).await?;
    let found = risk::point_changes(&app.desk, point.n, params.before, limit).await?;
    let personal = access.signed_in();
    Ok(Json(RiskChanges {
        changes: found
            .into_iter()
            .map(|change| RiskChange::of(change, personal))
            .collect(),
    }))
}
