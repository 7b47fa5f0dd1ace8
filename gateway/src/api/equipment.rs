//! Equipment and its trends.

use super::params::{NoParams, Params};
use super::problem::{ApiError, Missing, Reading};
use super::site::limit;
use crate::app::App;
use crate::people::Access;
use crate::view::{self, EquipmentDetail, EquipmentFilter, EquipmentPage, Time, Trend, Watch};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Part of id, name, registration number, site or node.
    q: Option<String>,
    /// Category code, or its beginning, such as `31` for all lifts.
    category: Option<String>,
    /// `group/node`.
    node: Option<String>,
    /// Whether it is watched.
    #[param(inline)]
    watch: Option<Watch>,
    /// With (`true`) or without (`false`) open hazards.
    hazards: Option<bool>,
    /// With (`true`) or without (`false`) standing alarms about the equipment.
    alarms: Option<bool>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<usize>,
}

/// Equipment, in the order of the catalog.
#[utoipa::path(
    get, path = "/api/v1/equipment", tag = "equipment", operation_id = "listEquipment",
    params(ListParams),
    responses((status = 200, description = "A page of equipment.", body = EquipmentPage), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<EquipmentPage>, ApiError> {
    let filter = EquipmentFilter {
        text: params.q,
        category: params.category,
        node: params.node,
        watch: params.watch,
        hazards: params.hazards,
        alarms: params.alarms,
        offset: params.cursor.unwrap_or(0),
        limit: limit(params.limit)?.map_or(0, |limit| limit as usize),
    };
    Ok(Json(view::equipment_list(&app, &access.sight(), &filter).await?))
}

/// One piece of equipment: register card, newest readings with their limits, alarms, hazards, gaps,
/// completeness, rules.
#[utoipa::path(
    get, path = "/api/v1/equipment/{id}", tag = "equipment", operation_id = "getEquipment",
    params(("id" = String, Path, description = "Equipment id.")),
    responses((status = 200, description = "The equipment.", body = EquipmentDetail), Reading, Missing),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Json<EquipmentDetail>, ApiError> {
    Ok(Json(view::equipment(&app, &access.sight(), &id).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TrendParams {
    /// Key of the quantity, such as `steam_pressure`.
    quantity: String,
    /// Start; an hour before `to` unless given.
    from: Option<Time>,
    /// End; now unless given.
    to: Option<Time>,
}

/// What one quantity did over time, with limits, hazards and gaps: all a chart needs.
///
/// Up to 26 hours come from the message log (thinned to at most about 1500 points, extremes kept), longer
/// ranges from hourly roll-ups.
#[utoipa::path(
    get, path = "/api/v1/equipment/{id}/trend", tag = "equipment", operation_id = "getTrend",
    params(("id" = String, Path, description = "Equipment id."), TrendParams),
    responses((status = 200, description = "The trend.", body = Trend), Reading, Missing),
)]
pub(super) async fn trend(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    Params(params): Params<TrendParams>,
) -> Result<Json<Trend>, ApiError> {
    Ok(Json(
        view::trend(
            &app,
            &access.sight(),
            &id,
            &params.quantity,
            params.from,
            params.to,
        )
        .await?,
    ))
}
