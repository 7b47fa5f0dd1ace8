//! Alarms and their journal.

use super::params::Params;
use super::problem::{ApiError, Missing, Reading};
use super::site::limit;
use crate::app::{AlarmFilter, App};
use crate::view::{self, Alarm, AlarmChange, ViewError};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Alarms, worst first, then latest change first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alarms {
    alarms: Vec<Alarm>,
}

/// Transitions of alarms, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlarmEvents {
    events: Vec<AlarmChange>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// `1` or `true`: also those that are back to normal.
    all: Option<String>,
    /// Of this equipment.
    equipment: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
}

/// Alarms: those that are not in the normal state, or all that ever were.
#[utoipa::path(
    get, path = "/api/v1/alarms", tag = "alarms", operation_id = "listAlarms",
    params(ListParams),
    responses((status = 200, description = "The alarms.", body = Alarms), Reading, Missing),
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(params): Params<ListParams>,
) -> Result<Json<Alarms>, ApiError> {
    let all = match params.all.as_deref() {
        None | Some("0" | "false") => false,
        Some("1" | "true") => true,
        Some(other) => {
            return Err(ApiError::bad_parameter(format!(
                "all: {other:?} is neither 1 nor 0"
            )));
        }
    };
    known(&app, params.equipment.as_deref())?;
    let limit = limit(params.limit)?.unwrap_or(0);
    let filter = AlarmFilter {
        standing: !all,
        equipment: params.equipment,
        limit,
    };
    Ok(Json(Alarms {
        alarms: view::alarms(&app, &filter).await?,
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParams {
    /// Of this equipment.
    equipment: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// The journal of alarms.
#[utoipa::path(
    get, path = "/api/v1/alarms/events", tag = "alarms", operation_id = "listAlarmEvents",
    params(EventParams),
    responses((status = 200, description = "The transitions.", body = AlarmEvents), Reading, Missing),
)]
pub(super) async fn events(
    State(app): State<App>,
    Params(params): Params<EventParams>,
) -> Result<Json<AlarmEvents>, ApiError> {
    known(&app, params.equipment.as_deref())?;
    let limit = limit(params.limit)?.unwrap_or(100);
    Ok(Json(AlarmEvents {
        events: view::alarm_changes(&app, params.equipment.as_deref(), limit).await?,
    }))
}

/// Refuses equipment nobody knows: an empty list would look like "no alarms".
pub(super) fn known(app: &App, equipment: Option<&str>) -> Result<(), ApiError> {
    match equipment {
        Some(id) if !app.catalog.by_id.contains_key(id) => {
            Err(ViewError::not_found("equipment", id, app.catalog.by_id.keys().map(|id| &**id)).into())
        }
        _ => Ok(()),
    }
}
