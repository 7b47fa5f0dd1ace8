//! Safety valves and other accessories of equipment.

use super::answer::{created, tagged};
use super::params::{Body, NoParams, idempotency_key, if_match, number};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::register::act;
use crate::app::App;
use crate::desk::register::{self, AccessoryFacts};
use crate::desk::scope::of_id;
use crate::people::Access;
use crate::view::register::AccessoryView;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Accessories of a piece of equipment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accessories {
    accessories: Vec<AccessoryView>,
}

/// An accessory.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessoryBody {
    /// `safety_valve`, `bursting_disc`, `pressure_gauge`, `governor`, `shutoff_valve` or `other`.
    kind: String,
    /// Number on it.
    number: String,
    /// Model.
    #[serde(default)]
    model: String,
    /// Where it sits.
    #[serde(default)]
    place: String,
    /// Set pressure, gauge, MPa.
    #[serde(default)]
    set_pressure_mpa: Option<f64>,
    /// Last calibration.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    done: Option<Date>,
    /// Next calibration; computed from the last one when it is not given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    due: Option<Date>,
}

impl From<AccessoryBody> for AccessoryFacts {
    fn from(body: AccessoryBody) -> Self {
        Self {
            kind: body.kind,
            number: body.number,
            model: body.model,
            place: body.place,
            set_pressure_mpa: body.set_pressure_mpa,
            done: body.done,
            due: body.due,
        }
    }
}

/// The safety valves and other accessories of a piece of equipment.
#[utoipa::path(
    get, path = "/api/v1/register/{id}/accessories", tag = "register", operation_id = "listAccessories",
    params(("id" = String, Path, description = "Equipment id.")),
    responses((status = 200, description = "The accessories.", body = Accessories), Reading, Missing),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Json<Accessories>, ApiError> {
    of_id(&app.desk, &access.person, &id).await?;
    let found = register::accessories(&app.desk, &id).await?;
    Ok(Json(Accessories {
        accessories: found.iter().map(AccessoryView::from).collect(),
    }))
}

/// Enter an accessory.
#[utoipa::path(
    post, path = "/api/v1/register/{id}/accessories", tag = "register", operation_id = "addAccessory",
    params(
        ("id" = String, Path, description = "Equipment id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = AccessoryBody,
    responses((status = 201, description = "Entered.", body = AccessoryView), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn add(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<AccessoryBody>,
) -> Result<Response, ApiError> {
    of_id(&app.desk, &access.person, &id).await?;
    let key = idempotency_key(&headers)?;
    let facts: AccessoryFacts = body.into();
    let saved = register::add_accessory(
        &app.desk,
        &act(&app, &access),
        &app.rules.schedules(),
        &id,
        &facts,
        key.as_deref(),
    )
    .await?;
    Ok(created(tagged(saved.revision, AccessoryView::from(&saved))))
}

/// Change an accessory.
#[utoipa::path(
    put, path = "/api/v1/register/{id}/accessories/{accessory}", tag = "register", operation_id = "changeAccessory",
    params(
        ("id" = String, Path, description = "Equipment id."),
        ("accessory" = String, Path, description = "Number of the accessory."),
        ("If-Match" = String, Header, description = "The revision that was seen."),
    ),
    request_body = AccessoryBody,
    responses((status = 200, description = "Changed.", body = AccessoryView), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn change(
    State(app): State<App>,
    access: Access,
    Path((id, accessory)): Path<(String, String)>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<AccessoryBody>,
) -> Result<Response, ApiError> {
    of_id(&app.desk, &access.person, &id).await?;
    let seen = (number("accessory", &accessory)?, if_match(&headers)?);
    let facts: AccessoryFacts = body.into();
    let saved = register::save_accessory(
        &app.desk,
        &act(&app, &access),
        &app.rules.schedules(),
        &id,
        Some(seen),
        &facts,
    )
    .await?;
    Ok(tagged(saved.revision, AccessoryView::from(&saved)))
}

/// What was taken away.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Removed {
    /// Number of what was taken away.
    removed: i64,
}

/// Take an accessory away; its history stays.
#[utoipa::path(
    delete, path = "/api/v1/register/{id}/accessories/{accessory}", tag = "register", operation_id = "removeAccessory",
    params(
        ("id" = String, Path, description = "Equipment id."),
        ("accessory" = String, Path, description = "Number of the accessory."),
        ("If-Match" = String, Header, description = "The revision that was seen."),
    ),
    responses((status = 200, description = "Taken away.", body = Removed), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn remove(
    State(app): State<App>,
    access: Access,
    Path((id, accessory)): Path<(String, String)>,
    NoParams: NoParams,
    headers: HeaderMap,
) -> Result<Json<Removed>, ApiError> {
    of_id(&app.desk, &access.person, &id).await?;
    let n = number("accessory", &accessory)?;
    register::remove_accessory(
        &app.desk,
        &act(&app, &access),
        &app.rules.schedules(),
        &id,
        (n, if_match(&headers)?),
    )
    .await?;
    Ok(Json(Removed { removed: n }))
}
