//! Whom to ask: what a site keeps right about itself, in the register that others keep.

use super::answer::tagged;
use super::params::{Body, NoParams, if_match};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::register::act;
use crate::app::App;
use crate::desk::register;
use crate::desk::scope::{of_id, of_unit};
use crate::people::Access;
use crate::view::register::{RegisterSaved, UnitView};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use vigil_core::register::Field;

/// Whom to ask at a unit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitContact {
    /// A person to ask; empty: nobody is named.
    contact: String,
    /// How to reach him.
    phone: String,
}

/// Change whom to ask at a unit: a site does so for its own. The rest of the unit stays as it is.
#[utoipa::path(
    put, path = "/api/v1/units/{id}/contact", tag = "register", operation_id = "changeUnitContact",
    params(
        ("id" = String, Path, description = "Code of the unit."),
        ("If-Match" = String, Header, description = "The revision of the unit that was seen: the `ETag`."),
    ),
    request_body = UnitContact,
    responses((status = 200, description = "Changed.", body = UnitView), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn unit(
    State(app): State<App>,
    access: Access,
    Path(code): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<UnitContact>,
) -> Result<Response, ApiError> {
    let known = of_unit(&app.desk, &access.person, &code).await?;
    access.in_area(&*known.facts.area);
    let seen = (code.as_str(), if_match(&headers)?);
    let saved =
        register::save_contact(&app.desk, &act(&app, &access), seen, &body.contact, &body.phone).await?;
    Ok(tagged(saved.revision, UnitView::of(saved, true)))
}

/// Whom to ask about a piece of equipment. What is missing stays as it is; an empty text takes it away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EquipmentContact {
    /// 使用单位联系人.
    use_unit_contact: Option<String>,
    /// 使用单位联系电话.
    use_unit_phone: Option<String>,
    /// 安全员电话.
    safety_officer_phone: Option<String>,
}

/// Change whom to ask about a piece of equipment: a site does so for its own. The rest of it stays as it is.
#[utoipa::path(
    put, path = "/api/v1/register/{id}/contact", tag = "register", operation_id = "changeEquipmentContact",
    params(
        ("id" = String, Path, description = "Equipment id."),
        ("If-Match" = String, Header, description = "The revision of the equipment that was seen: the `ETag`."),
    ),
    request_body = EquipmentContact,
    responses((status = 200, description = "Changed.", body = RegisterSaved), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn equipment(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<EquipmentContact>,
) -> Result<Response, ApiError> {
    let scope = of_id(&app.desk, &access.person, &id).await?;
    access.in_area(&*scope.area);
    let seen = if_match(&headers)?;
    let typed = [
        (Field::UseUnitContact, body.use_unit_contact),
        (Field::UseUnitPhone, body.use_unit_phone),
        (Field::SafetyOfficerPhone, body.safety_officer_phone),
    ];
    let typed = typed.into_iter().filter_map(|(field, text)| Some((field, text?)));
    let act = act(&app, &access);
    let saved = register::change_contact(
        &app.desk,
        &act,
        &app.rules.schedules(),
        &id,
        seen,
        typed.collect(),
    )
    .await?;
    Ok(tagged(saved.revision, RegisterSaved::from(&saved)))
}
