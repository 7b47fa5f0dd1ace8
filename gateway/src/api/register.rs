//! The register of equipment.

use super::answer::{created_at, tagged, workbook};
use super::params::{Body, NoParams, Params, cursor, flag, idempotency_key, if_match, is_zh, word};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::site::limit;
use crate::app::App;
use crate::desk::register::{self, Act, FieldRequest, ListFilter, Order, RegisterError};
use crate::desk::watch::{self, FindingFilter};
use crate::desk::{scope::of_id, today};
use crate::people::Access;
use crate::view::register::{
    FieldInfo, RegisterChange, RegisterEntry, RegisterLine, RegisterPage, RegisterSaved, StateFindingView,
    register_fields,
};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use vigil_core::calendar::Standing;
use vigil_core::people::Scope;
use vigil_core::register::{Field, UseState};

/// Who does what now.
pub(super) fn act(app: &App, access: &Access) -> Act {
    let today = today(&app.clock, &app.config.web.timezone);
    Act::new(access.login(), "api", app.clock.now(), today).told(&app.people)
}

/// Refuses what would lie outside of where somebody is responsible: he could not see it himself.
pub(super) fn within(access: &Access, area: &str) -> Result<(), ApiError> {
    let scope = Scope {
        area: area.trim().into(),
        ..Scope::default()
    };
    if access.person.sees(&scope) {
        Ok(())
    } else {
        Err(ApiError::forbidden(
            "forbidden",
            format!("the area {area:?} is not one you are responsible for"),
        ))
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Words in name, numbers, place or use unit.
    q: Option<String>,
    /// Beginning of the category code, such as `3` or `3110`.
    category: Option<String>,
    /// Beginning of the area code, such as `2103`.
    area: Option<String>,
    /// Code of a unit that uses, maintains or inspects it.
    unit: Option<String>,
    /// `in_use`, `out_of_use`, `scrapped` or `cancelled`.
    state: Option<String>,
    /// How the first thing due stands: `overdue`, `within_30`, `within_60` or `later`.
    due: Option<String>,
    /// `1`: with findings to be put right; `0`: without.
    wrong: Option<String>,
    /// `id` (default) or `due`: what is due first comes first.
    sort: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// The register, filtered and paged.
#[utoipa::path(
    get, path = "/api/v1/register", tag = "register", operation_id = "listRegister",
    params(ListParams),
    responses((status = 200, description = "A page of it.", body = RegisterPage), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<RegisterPage>, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let filter = ListFilter {
        text: params.q.unwrap_or_default(),
        category: params.category.unwrap_or_default(),
        area: params.area.unwrap_or_default(),
        unit: params.unit.unwrap_or_default(),
        state: word("state", params.state.as_deref(), UseState::from_key)?,
        standing: word("due", params.due.as_deref(), Standing::from_key)?,
        wrong: flag("wrong", params.wrong.as_deref())?,
        order: word("sort", params.sort.as_deref(), |text| match text {
            "id" => Some(Order::Id),
            "due" => Some(Order::Due),
            _ => None,
        })?
        .unwrap_or_default(),
        after: cursor(params.after.as_deref())?,
        limit: limit(params.limit)?.unwrap_or(100),
    };
    let page = register::list(&app.desk, &access.person, &filter, today).await?;
    Ok(Json(RegisterPage {
        equipment: page
            .rows
            .into_iter()
            .map(|row| RegisterLine::of(&app, row, today))
            .collect(),
        next: page.next.map(|next| next.to_string()),
        total: page.total,
    }))
}

/// Facts of a piece of equipment, as people write them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    /// Text by key of the fact; see `/api/v1/register/fields`. An empty text takes the fact away.
    facts: BTreeMap<String, String>,
}

impl Facts {
    fn read(&self) -> Result<Vec<FieldRequest>, ApiError> {
        let mut read = Vec::with_capacity(self.facts.len());
        for (key, text) in &self.facts {
            let Some(field) = Field::from_key(key) else {
                let near = crate::view::nearest(key, Field::ALL.iter().map(|field| field.key()));
                let error = ApiError::bad_body(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    format!("there is no fact {key:?}; /api/v1/register/fields names them"),
                );
                return Err(error.suggest(near.map(str::to_owned)));
            };
            read.push((field, text.clone()));
        }
        Ok(read)
    }
}

/// Enter a piece of equipment.
///
/// What is typed is read and corrected like a cell of an import; what cannot be read is refused, what is doubtful is
/// taken and listed in `findings`. With the header `Idempotency-Key` a repeated request is harmless.
#[utoipa::path(
    post, path = "/api/v1/register", tag = "register", operation_id = "addToRegister",
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters.")),
    request_body = Facts,
    responses((status = 201, description = "It is in the register.", body = RegisterSaved), Reading, Writing),
    security(("token" = [])),
)]
pub(super) async fn create(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<Facts>,
) -> Result<Response, ApiError> {
    within(
        &access,
        body.facts.get(Field::Area.key()).map_or("", String::as_str),
    )?;
    let key = idempotency_key(&headers)?;
    let saved = register::create(
        &app.desk,
        &act(&app, &access),
        &app.rules.schedules(),
        body.read()?,
        key.as_deref(),
    )
    .await?;
    access.about(saved.id.as_str());
    let place = format!("/api/v1/register/{}", saved.id);
    let answer = tagged(saved.revision, RegisterSaved::from(&saved));
    Ok(created_at(&place, answer))
}

/// All facts the register can hold.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Fields {
    fields: Vec<FieldInfo>,
}

/// The facts the register can hold, and the heads of columns they are known by.
#[utoipa::path(
    get, path = "/api/v1/register/fields", tag = "register", operation_id = "listRegisterFields",
    responses((status = 200, description = "The facts.", body = Fields), Reading),
)]
pub(super) async fn fields(NoParams: NoParams) -> Json<Fields> {
    Json(Fields {
        fields: register_fields(),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LanguageParams {
    /// `zh` (default) or `en`.
    lang: Option<String>,
}

impl LanguageParams {
    pub(super) fn is_zh(&self) -> Result<bool, ApiError> {
        is_zh(self.lang.as_deref())
    }
}

/// An empty register to fill in and import.
#[utoipa::path(
    get, path = "/api/v1/register/template", tag = "register", operation_id = "registerTemplate",
    params(LanguageParams),
    responses((status = 200, description = "A workbook.", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", body = String), Reading),
)]
pub(super) async fn template(Params(params): Params<LanguageParams>) -> Result<Response, ApiError> {
    workbook("register-template.xlsx", &register::template(params.is_zh()?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FindingParams {
    /// Of this equipment.
    equipment: Option<String>,
    /// `1`: those that have ended too.
    all: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// What the register forbids and equipment did nevertheless.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateFindings {
    findings: Vec<StateFindingView>,
}

/// Equipment that ran although the register forbids it, with the hours run as evidence.
#[utoipa::path(
    get, path = "/api/v1/register/findings", tag = "register", operation_id = "listRegisterFindings",
    params(FindingParams),
    responses((status = 200, description = "The episodes, latest first.", body = StateFindings), Reading),
)]
pub(super) async fn findings(
    State(app): State<App>,
    access: Access,
    Params(params): Params<FindingParams>,
) -> Result<Json<StateFindings>, ApiError> {
    let all = flag("all", params.all.as_deref())?;
    let filter = FindingFilter {
        equipment: params.equipment.unwrap_or_default(),
        all: all.unwrap_or(false),
        limit: limit(params.limit)?.unwrap_or(100),
    };
    let found = watch::findings(&app.desk, &access.person, &filter).await?;
    Ok(Json(StateFindings {
        findings: found.into_iter().map(StateFindingView::from).collect(),
    }))
}

/// Everything the register holds about a piece of equipment.
#[utoipa::path(
    get, path = "/api/v1/register/{id}", tag = "register", operation_id = "getFromRegister",
    params(("id" = String, Path, description = "Equipment id.")),
    responses((status = 200, description = "The entry; its revision is the `ETag`.", body = RegisterEntry), Reading, Missing),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let entry = register::entry(&app.desk, &access.person, &app.rules.schedules(), &id, today).await?;
    let entry = entry.ok_or(RegisterError::NotFound {
        what: "equipment",
        id,
    })?;
    Ok(tagged(
        entry.revision,
        RegisterEntry::of(&app, &entry, today, access.signed_in()),
    ))
}

/// Change facts of a piece of equipment. Facts that are not named stay as they are.
#[utoipa::path(
    put, path = "/api/v1/register/{id}", tag = "register", operation_id = "changeInRegister",
    params(
        ("id" = String, Path, description = "Equipment id."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`."),
    ),
    request_body = Facts,
    responses((status = 200, description = "Changed.", body = RegisterSaved), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn change(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<Facts>,
) -> Result<Response, ApiError> {
    of_id(&app.desk, &access.person, &id).await?;
    let seen = if_match(&headers)?;
    let saved = register::change(
        &app.desk,
        &act(&app, &access),
        &app.rules.schedules(),
        &id,
        seen,
        body.read()?,
    )
    .await?;
    Ok(tagged(saved.revision, RegisterSaved::from(&saved)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryParams {
    /// `id` of the last change of the page before.
    before: Option<i64>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Changes, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct History {
    changes: Vec<RegisterChange>,
}

/// Who changed what about a piece of equipment, when.
#[utoipa::path(
    get, path = "/api/v1/register/{id}/changes", tag = "register", operation_id = "registerChanges",
    params(("id" = String, Path, description = "Equipment id."), HistoryParams),
    responses((status = 200, description = "The changes.", body = History), Reading, Missing),
)]
pub(super) async fn history(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    Params(params): Params<HistoryParams>,
) -> Result<Json<History>, ApiError> {
    of_id(&app.desk, &access.person, &id).await?;
    let limit = limit(params.limit)?.unwrap_or(100);
    let subject = format!("equipment:{id}");
    let found =
        register::change_history(&app.desk, &subject, params.before, limit, access.signed_in()).await?;
    Ok(Json(History {
        changes: found.into_iter().map(RegisterChange::from).collect(),
    }))
}
