//! Units and their people's certificates.

use super::answer::{created, tagged};
use super::params::{Body, NoParams, Params, idempotency_key, if_match, number, word};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::register::{act, within};
use super::site::limit;
use crate::app::App;
use crate::desk::listing::cut;
use crate::desk::register::{self, CertificateFacts, RegisterError, UnitFacts};
use crate::desk::scope::of_unit;
use crate::desk::today;
use crate::people::Access;
use crate::view::register::{CertificateView, UnitView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Units, by code.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Units {
    units: Vec<UnitView>,
    /// Where the next page starts: value of `after`.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// In name or code.
    q: Option<String>,
    /// Beginning of the area code.
    area: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Units that use, maintain or inspect equipment.
#[utoipa::path(
    get, path = "/api/v1/units", tag = "register", operation_id = "listUnits",
    params(ListParams),
    responses((status = 200, description = "A page of them.", body = Units), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<Units>, ApiError> {
    let limit = limit(params.limit)?.unwrap_or(100);
    let text = |text: Option<String>| text.unwrap_or_default();
    let (q, area, after) = (text(params.q), text(params.area), text(params.after));
    let found = register::units(&app.desk, &access.person, &q, &area, &after, limit + 1).await?;
    let (units, next) = cut(found, limit, |last| last.code.clone());
    Ok(Json(Units {
        units: units
            .into_iter()
            .map(|unit| UnitView::of(unit, access.signed_in()))
            .collect(),
        next,
    }))
}

/// A unit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitBody {
    /// Name.
    name: String,
    /// `use_unit`, `maintenance_unit`, `inspection_body` or `other`: what it mainly is.
    kind: String,
    /// Unified social credit code; it becomes the unit's code.
    #[serde(default)]
    uscc: Option<String>,
    /// Area code.
    #[serde(default)]
    area: String,
    /// Address.
    #[serde(default)]
    address: String,
    /// A person to ask.
    #[serde(default)]
    contact: String,
    /// How to reach him.
    #[serde(default)]
    phone: String,
}

impl From<UnitBody> for UnitFacts {
    fn from(body: UnitBody) -> Self {
        Self {
            name: body.name,
            kind: body.kind,
            uscc: body.uscc,
            area: body.area,
            address: body.address,
            contact: body.contact,
            phone: body.phone,
        }
    }
}

/// Enter a unit. A unit is entered once: a repeated request answers 409 with its code.
#[utoipa::path(
    post, path = "/api/v1/units", tag = "register", operation_id = "addUnit",
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters.")),
    request_body = UnitBody,
    responses((status = 201, description = "Entered.", body = UnitView), Reading, Writing),
    security(("token" = [])),
)]
pub(super) async fn create(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<UnitBody>,
) -> Result<Response, ApiError> {
    within(&access, &body.area)?;
    let key = idempotency_key(&headers)?;
    let unit = register::add_unit(&app.desk, &act(&app, &access), &body.into(), key.as_deref()).await?;
    Ok(created(tagged(unit.revision, UnitView::of(unit, true))))
}

/// One unit.
#[utoipa::path(
    get, path = "/api/v1/units/{id}", tag = "register", operation_id = "getUnit",
    params(("id" = String, Path, description = "Code of the unit.")),
    responses((status = 200, description = "The unit; its revision is the `ETag`.", body = UnitView), Reading, Missing),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(code): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let unit = of_unit(&app.desk, &access.person, &code).await?;
    Ok(tagged(unit.revision, UnitView::of(unit, access.signed_in())))
}

/// Change a unit.
#[utoipa::path(
    put, path = "/api/v1/units/{id}", tag = "register", operation_id = "changeUnit",
    params(
        ("id" = String, Path, description = "Code of the unit."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`."),
    ),
    request_body = UnitBody,
    responses((status = 200, description = "Changed.", body = UnitView), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn change(
    State(app): State<App>,
    access: Access,
    Path(code): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<UnitBody>,
) -> Result<Response, ApiError> {
    of_unit(&app.desk, &access.person, &code).await?;
    let seen = if_match(&headers)?;
    let unit = register::save_unit(&app.desk, &act(&app, &access), Some((&code, seen)), &body.into()).await?;
    Ok(tagged(unit.revision, UnitView::of(unit, true)))
}

/// Certificates, those that expire first come first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Certificates {
    certificates: Vec<CertificateView>,
    /// Where the next page starts: value of `after`.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CertificateParams {
    /// Of people of this unit.
    unit: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Certificates of people who operate equipment or manage its safety. Names are shown to who is signed in.
#[utoipa::path(
    get, path = "/api/v1/certificates", tag = "register", operation_id = "listCertificates",
    params(CertificateParams),
    responses((status = 200, description = "The certificates.", body = Certificates), Reading),
)]
pub(super) async fn certificates(
    State(app): State<App>,
    access: Access,
    Params(params): Params<CertificateParams>,
) -> Result<Json<Certificates>, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let limit = limit(params.limit)?.unwrap_or(100);
    let after = word("after", params.after.as_deref(), |text| {
        let (expires, n) = text.split_once('.')?;
        Some((expires.parse::<Date>().ok()?, n.parse::<i64>().ok()?))
    })?;
    let unit = params.unit.as_deref();
    let found = register::certificates(&app.desk, &access.person, unit, after, limit + 1).await?;
    let (found, next) = cut(found, limit, |last| format!("{}.{}", last.facts.expires, last.n));
    Ok(Json(Certificates {
        next,
        certificates: found
            .into_iter()
            .map(|row| CertificateView::of(row, today, access.signed_in()))
            .collect(),
    }))
}

/// A certificate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateBody {
    /// Code of the unit the person works for.
    unit: String,
    /// The person.
    person: String,
    /// What it allows, such as `T` or `G1`.
    kind: String,
    /// Number on it.
    number: String,
    /// Issued.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    issued: Option<Date>,
    /// Last day it holds.
    #[schema(value_type = String, format = Date)]
    expires: Date,
}

impl From<CertificateBody> for CertificateFacts {
    fn from(body: CertificateBody) -> Self {
        Self {
            unit: body.unit,
            person: body.person,
            kind: body.kind,
            number: body.number,
            issued: body.issued,
            expires: body.expires,
        }
    }
}

/// Enter a certificate.
#[utoipa::path(
    post, path = "/api/v1/certificates", tag = "register", operation_id = "addCertificate",
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters.")),
    request_body = CertificateBody,
    responses((status = 201, description = "Entered.", body = CertificateView), Reading, Writing),
    security(("token" = [])),
)]
pub(super) async fn add_certificate(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<CertificateBody>,
) -> Result<Response, ApiError> {
    let act = act(&app, &access);
    let facts: CertificateFacts = body.into();
    if of_unit(&app.desk, &access.person, &facts.unit).await.is_err() {
        return Err(RegisterError::Value {
            field: "unit",
            what: format!("there is no unit {:?}", facts.unit),
        }
        .into());
    }
    let key = idempotency_key(&headers)?;
    let saved = register::add_certificate(&app.desk, &act, &facts, key.as_deref()).await?;
    let answer = tagged(saved.revision, CertificateView::of(saved, act.today, true));
    Ok(created(answer))
}

/// Change a certificate.
#[utoipa::path(
    put, path = "/api/v1/certificates/{id}", tag = "register", operation_id = "changeCertificate",
    params(
        ("id" = String, Path, description = "Number of the certificate."),
        ("If-Match" = String, Header, description = "The revision that was seen."),
    ),
    request_body = CertificateBody,
    responses((status = 200, description = "Changed.", body = CertificateView), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn change_certificate(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<CertificateBody>,
) -> Result<Response, ApiError> {
    let act = act(&app, &access);
    let seen = (number("certificate", &id)?, if_match(&headers)?);
    let known = register::certificate(&app.desk, seen.0).await?;
    let known = known.ok_or(RegisterError::NotFound {
        what: "certificate",
        id,
    })?;
    of_unit(&app.desk, &access.person, &known.facts.unit).await?;
    let saved = register::save_certificate(&app.desk, &act, Some(seen), &body.into()).await?;
    Ok(tagged(
        saved.revision,
        CertificateView::of(saved, act.today, true),
    ))
}
