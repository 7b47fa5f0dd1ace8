//! The whole site: overview, rules, what belongs to nothing.

use super::params::{NoParams, Params};
use super::problem::{ApiError, Reading};
use crate::app::App;
use crate::people::Access;
use crate::view::{self, DeadLetters, Overview, Rules, UnknownCodes, Unregistered};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

/// What is wrong now, what is silent, and how complete the picture is.
#[utoipa::path(
    get, path = "/api/v1/overview", tag = "site", operation_id = "overview",
    responses((status = 200, description = "The overview.", body = Overview), Reading),
)]
pub(super) async fn overview(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
) -> Result<Json<Overview>, ApiError> {
    Ok(Json(view::overview(&app, &access.sight()).await?))
}

/// The rule packs in force, with the legal ground of every rule.
#[utoipa::path(
    get, path = "/api/v1/rules", tag = "site", operation_id = "rules",
    responses((status = 200, description = "The packs.", body = Rules), Reading),
)]
pub(super) async fn rules(State(app): State<App>, access: Access, NoParams: NoParams) -> Json<Rules> {
    Json(view::rules(&app, &access.sight()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LimitParams {
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

impl LimitParams {
    fn get(&self) -> Result<u32, ApiError> {
        limit(self.limit).map(|limit| limit.unwrap_or(100))
    }
}

/// A limit within what is allowed.
pub(super) fn limit(limit: Option<u32>) -> Result<Option<u32>, ApiError> {
    match limit {
        Some(0 | 1001..) => Err(ApiError::bad_parameter("`limit` must be between 1 and 1000")),
        limit => Ok(limit),
    }
}

/// Devices that send but are in no catalog, with what they send.
#[utoipa::path(
    get, path = "/api/v1/unregistered", tag = "site", operation_id = "unregistered",
    params(LimitParams),
    responses((status = 200, description = "The devices.", body = Unregistered), Reading),
)]
pub(super) async fn unregistered(
    State(app): State<App>,
    Params(params): Params<LimitParams>,
) -> Result<Json<Unregistered>, ApiError> {
    Ok(Json(view::unregistered(&app, params.get()?).await?))
}

/// Codes of controllers that their scheme does not know, and the lines that make them known.
#[utoipa::path(
    get, path = "/api/v1/codes/unknown", tag = "site", operation_id = "unknownCodes",
    params(LimitParams),
    responses((status = 200, description = "The codes.", body = UnknownCodes), Reading),
)]
pub(super) async fn unknown_codes(
    State(app): State<App>,
    Params(params): Params<LimitParams>,
) -> Result<Json<UnknownCodes>, ApiError> {
    Ok(Json(view::unknown_codes(&app, params.get()?).await?))
}

/// Messages nothing could be made of, with the reason.
#[utoipa::path(
    get, path = "/api/v1/dead-letters", tag = "site", operation_id = "deadLetters",
    params(LimitParams),
    responses((status = 200, description = "The messages.", body = DeadLetters), Reading),
)]
pub(super) async fn dead_letters(
    State(app): State<App>,
    Params(params): Params<LimitParams>,
) -> Result<Json<DeadLetters>, ApiError> {
    Ok(Json(view::dead_letters(&app, params.get()?).await?))
}
