//! Which equipment and units to inspect first; the risk map; the scheme.

use super::{area, short};
use crate::api::params::{NoParams, Params, cursor, word};
use crate::api::problem::{ApiError, Reading};
use crate::api::site::limit;
use crate::app::App;
use crate::desk::risk::{self, MapFilter, RankFilter};
use crate::people::Access;
use crate::view::Time;
use crate::view::risk::{MapTile, RankView, Ranks, RiskMap, SchemeView, risk_scheme};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use vigil_core::risk::{Part, Subject};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RankParams {
    /// Beginning of the area code.
    area: Option<String>,
    /// Code of the use unit.
    unit: Option<String>,
    /// With anything of this part, such as `major_hazards`; see `/api/v1/risk/scheme`.
    part: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

async fn ranked(
    app: &App,
    access: &Access,
    subject: Subject,
    params: RankParams,
) -> Result<Json<Ranks>, ApiError> {
    let filter = RankFilter {
        subject,
        area: area(params.area)?,
        unit: short("unit", params.unit)?,
        part: word("part", params.part.as_deref(), Part::from_key)?,
        after: cursor(params.after.as_deref())?,
        limit: limit(params.limit)?.unwrap_or(100),
    };
    let as_of = risk::ranked_at(&app.desk).await?;
    let page = risk::ranks(&app.desk, &access.person, &filter).await?;
    Ok(Json(Ranks {
        as_of: as_of.map(Time),
        ranks: page
            .rows
            .into_iter()
            .map(|row| RankView::of(app, subject, row))
            .collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

/// Equipment by what speaks for inspecting it: the score and its parts.
#[utoipa::path(
    get, path = "/api/v1/risk/ranking/equipment", tag = "risk", operation_id = "rankEquipment",
    params(RankParams),
    responses((status = 200, description = "A page of ranks.", body = Ranks), Reading),
)]
pub(crate) async fn equipment(
    State(app): State<App>,
    access: Access,
    Params(params): Params<RankParams>,
) -> Result<Json<Ranks>, ApiError> {
    ranked(&app, &access, Subject::Equipment, params).await
}

/// Units by what speaks for inspecting them, in each area they have something in.
#[utoipa::path(
    get, path = "/api/v1/risk/ranking/units", tag = "risk", operation_id = "rankUnits",
    params(RankParams),
    responses((status = 200, description = "A page of ranks.", body = Ranks), Reading),
)]
pub(crate) async fn units(
    State(app): State<App>,
    access: Access,
    Params(params): Params<RankParams>,
) -> Result<Json<Ranks>, ApiError> {
    ranked(&app, &access, Subject::Unit, params).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MapParams {
    /// Beginning of the area code: the map shows what is one step below it, two digits at a time.
    area: Option<String>,
    /// `area` (default) or `unit`.
    by: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
}

/// The risk map: risk points by colour and open hazards, by area or by unit. What nobody has assessed, and what nothing
/// is heard of, is counted as such.
#[utoipa::path(
    get, path = "/api/v1/risk/map", tag = "risk", operation_id = "riskMap",
    params(MapParams),
    responses((status = 200, description = "The map.", body = RiskMap), Reading),
)]
pub(crate) async fn map(
    State(app): State<App>,
    access: Access,
    Params(params): Params<MapParams>,
) -> Result<Json<RiskMap>, ApiError> {
    let by_unit = word("by", params.by.as_deref(), |key| match key {
        "area" => Some(false),
        "unit" => Some(true),
        _ => None,
    })?;
    let filter = MapFilter {
        area: area(params.area)?,
        by_unit: by_unit.unwrap_or(false),
        limit: limit(params.limit)?.unwrap_or(1_000),
    };
    let as_of = risk::ranked_at(&app.desk).await?;
    let rows = risk::map(&app.desk, &access.person, &filter).await?;
    Ok(Json(RiskMap {
        as_of: as_of.map(Time),
        tiles: rows.into_iter().map(MapTile::from).collect(),
    }))
}

/// How risks are graded and ranked: methods, bands, tiers, weights, with where each comes from.
#[utoipa::path(
    get, path = "/api/v1/risk/scheme", tag = "risk", operation_id = "riskScheme",
    responses((status = 200, description = "The scheme.", body = SchemeView), Reading),
)]
pub(crate) async fn scheme(State(app): State<App>, NoParams: NoParams) -> Json<SchemeView> {
    Json(risk_scheme(app.rules.scheme()))
}
