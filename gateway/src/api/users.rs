//! Users: who may come in, and as what.

use super::params::{Body, NoParams, Params, idempotency_key, if_match};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::site::limit;
use crate::app::App;
use crate::desk::listing::cut;
use crate::people::{Access, ManageError, User, UserFacts, UserFilter};
use crate::view::{Time, ViewError};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vigil_core::people::Role;

/// Users shown when no limit is given.
const DEFAULT_LIMIT: u32 = 100;

/// What somebody does here.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoleKey {
    /// 使用单位.
    Site,
    /// 维保单位.
    Maintainer,
    /// 检验机构.
    InspectionBody,
    /// 监察机构.
    Regulator,
    /// 行业主管部门, 属地政府, 安委会: reads only.
    Department,
    /// Runs the gateway.
    Administrator,
}

impl From<RoleKey> for Role {
    fn from(key: RoleKey) -> Self {
        match key {
            RoleKey::Site => Self::Site,
            RoleKey::Maintainer => Self::Maintainer,
            RoleKey::InspectionBody => Self::InspectionBody,
            RoleKey::Regulator => Self::Regulator,
            RoleKey::Department => Self::Department,
            RoleKey::Administrator => Self::Administrator,
        }
    }
}

impl From<Role> for RoleKey {
    fn from(role: Role) -> Self {
        match role {
            Role::Site => Self::Site,
            Role::Maintainer => Self::Maintainer,
            Role::InspectionBody => Self::InspectionBody,
            Role::Regulator => Self::Regulator,
            Role::Department => Self::Department,
            Role::Administrator => Self::Administrator,
        }
    }
}

/// Somebody who may come in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserCard {
    /// Login.
    login: String,
    /// Name.
    name: String,
    /// What he does here.
    role: RoleKey,
    /// Code of his unit.
    unit: Option<String>,
    /// Areas of responsibility: prefixes of GB/T 2260 codes; an empty one is everywhere.
    areas: Vec<String>,
    /// `zh` or `en`.
    language: Option<String>,
    /// Phone.
    phone: Option<String>,
    /// May come in.
    active: bool,
    /// When the password was set.
    password_changed: Time,
    /// When the user was made.
    created: Time,
    /// Last change.
    changed: Time,
    /// Version, as in the header `ETag`.
    version: i64,
}

impl From<User> for UserCard {
    fn from(user: User) -> Self {
        let facts = user.facts;
        Self {
            login: user.login.to_string(),
            name: facts.name,
            role: facts.role.into(),
            unit: facts.unit.map(|unit| unit.to_string()),
            areas: facts.areas.iter().map(ToString::to_string).collect(),
            language: facts.language,
            phone: facts.phone,
            active: facts.active,
            password_changed: user.password_changed.into(),
            created: user.created.into(),
            changed: user.changed.into(),
            version: user.version,
        }
    }
}

/// A page of users, by login.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserPage {
    /// The users.
    users: Vec<UserCard>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    next: Option<String>,
}

/// What is said about a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserSaid {
    /// Name.
    name: String,
    /// What he does here.
    role: RoleKey,
    /// Code of his unit; required of sites, maintainers and inspection bodies.
    #[serde(default)]
    unit: Option<String>,
    /// Prefixes of GB/T 2260 codes; required of regulators and departments. An empty one is everywhere.
    #[serde(default)]
    areas: Vec<String>,
    /// `zh` or `en`.
    #[serde(default)]
    language: Option<String>,
    /// Phone.
    #[serde(default)]
    phone: Option<String>,
    /// May come in.
    #[serde(default = "yes")]
    active: bool,
}

const fn yes() -> bool {
    true
}

impl From<UserSaid> for UserFacts {
    fn from(said: UserSaid) -> Self {
        let filled = |text: Option<String>| {
            let text = text.map(|text| text.trim().to_owned());
            text.filter(|text| !text.is_empty())
        };
        Self {
            name: said.name.trim().to_owned(),
            role: said.role.into(),
            unit: filled(said.unit).map(Into::into),
            areas: said.areas.into_iter().map(Into::into).collect(),
            language: filled(said.language),
            phone: filled(said.phone),
            active: said.active,
        }
    }
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    /// Login: 2 to 64 small letters, digits, `.`, `-`, `_`.
    login: String,
    /// Password: at least 10 characters.
    password: String,
    /// Name.
    name: String,
    /// What he does here.
    role: RoleKey,
    /// Code of his unit; required of sites, maintainers and inspection bodies.
    #[serde(default)]
    unit: Option<String>,
    /// Prefixes of GB/T 2260 codes; required of regulators and departments. An empty one is everywhere.
    #[serde(default)]
    areas: Vec<String>,
    /// `zh` or `en`.
    #[serde(default)]
    language: Option<String>,
    /// Phone.
    #[serde(default)]
    phone: Option<String>,
}

impl NewUser {
    /// Login, password and what is said about him.
    fn parts(self) -> (String, String, UserFacts) {
        let said = UserSaid {
            name: self.name,
            role: self.role,
            unit: self.unit,
            areas: self.areas,
            language: self.language,
            phone: self.phone,
            active: true,
        };
        (self.login, self.password, said.into())
    }
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// At least 10 characters, not the login, none of the last three.
    password: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Part of login or name.
    q: Option<String>,
    /// With this role.
    #[param(inline)]
    role: Option<RoleKey>,
    /// Of this unit.
    unit: Option<String>,
    /// May come in (`true`) or not (`false`).
    active: Option<bool>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl From<ManageError> for ApiError {
    fn from(error: ManageError) -> Self {
        let text = error.to_string();
        match error {
            ManageError::Wrong(wrong) => {
                let code = wrong.first().map_or("bad_body", |wrong| wrong.code);
                let findings = wrong.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.en));
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    code,
                    "What was entered cannot be used",
                    text,
                )
                .findings(findings.collect())
            }
            ManageError::Missing(_) => Self::not_found(text),
            ManageError::Changed { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "changed_meanwhile",
                "Somebody else was faster",
                text,
            ),
            ManageError::KeyReused | ManageError::InProgress | ManageError::MadeBefore { .. } => {
                let code = match error {
                    ManageError::KeyReused => "key_reused",
                    ManageError::MadeBefore { .. } => "made_before",
                    _ => "in_progress",
                };
                Self::new(StatusCode::CONFLICT, code, "The request is refused", text)
            }
            ManageError::Hash(_) | ManageError::Secret(_) => Self::unavailable("busy", text),
            ManageError::Store(error) => ViewError::from(error).into(),
        }
    }
}

/// Users, by login.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "people", operation_id = "listUsers",
    params(ListParams),
    responses((status = 200, description = "A page of users.", body = UserPage), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(params): Params<ListParams>,
) -> Result<Json<UserPage>, ApiError> {
    let limit = limit(params.limit)?.unwrap_or(DEFAULT_LIMIT);
    let filter = UserFilter {
        text: params.q,
        role: params.role.map(Role::from),
        unit: params.unit,
        active: params.active,
        after: params.cursor,
    };
    let found = app.people.users(&filter, limit + 1).await;
    let (users, next) = cut(found.map_err(ViewError::from)?, limit, |last| {
        last.login.to_string()
    });
    Ok(Json(UserPage {
        users: users.into_iter().map(UserCard::from).collect(),
        next,
    }))
}

/// Makes a user. From the first one on everything but health, sign-in and documentation needs a sign-in or token.
///
/// With the header `Idempotency-Key` a repeated request is harmless: it is answered with the user as he is now.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "people", operation_id = "addUser",
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters.")),
    request_body = NewUser,
    responses((status = 201, description = "Made.", body = UserCard), Reading, Writing),
    security(("token" = [])),
)]
pub(super) async fn add(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(new): Body<NewUser>,
) -> Result<Response, ApiError> {
    let (login, password, facts) = new.parts();
    let key = idempotency_key(&headers)?;
    let people = &app.people;
    let user = people
        .add_user_once(access.login(), key.as_deref(), &login, &facts, &password)
        .await?;
    access.about(&*user.login);
    Ok(card(StatusCode::CREATED, user))
}

/// One user.
#[utoipa::path(
    get, path = "/api/v1/users/{login}", tag = "people", operation_id = "getUser",
    params(("login" = String, Path, description = "Login.")),
    responses((status = 200, description = "The user; `ETag` is his version.", body = UserCard), Reading, Missing),
)]
pub(super) async fn one(
    State(app): State<App>,
    Path(login): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let user = app.people.user(&login).await.map_err(ViewError::from)?;
    let user = user.ok_or_else(|| ApiError::not_found(format!("there is no user {login:?}")))?;
    Ok(card(StatusCode::OK, user))
}

/// Says everything about a user anew. Who may no longer come in is out at once, his tokens too.
#[utoipa::path(
    put, path = "/api/v1/users/{login}", tag = "people", operation_id = "changeUser",
    params(
        ("login" = String, Path, description = "Login."),
        ("If-Match" = String, Header, description = "The `ETag` of the version that is changed."),
    ),
    request_body = UserSaid,
    responses(
        (status = 200, description = "Changed.", body = UserCard),
        Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn change(
    State(app): State<App>,
    Path(login): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(said): Body<UserSaid>,
) -> Result<Response, ApiError> {
    let version = if_match(&headers)?;
    let user = app.people.change_user(&login, &said.into(), version).await?;
    Ok(card(StatusCode::OK, user))
}

/// Sets somebody's password; he is out everywhere.
#[utoipa::path(
    post, path = "/api/v1/users/{login}/password", tag = "people", operation_id = "setPassword",
    params(("login" = String, Path, description = "Login.")),
    request_body = NewPassword,
    responses((status = 200, description = "Set.", body = UserCard), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn set_password(
    State(app): State<App>,
    Path(login): Path<String>,
    NoParams: NoParams,
    Body(new): Body<NewPassword>,
) -> Result<Response, ApiError> {
    app.people.set_password(&login, &new.password).await?;
    let user = app.people.user(&login).await.map_err(ViewError::from)?;
    let user = user.ok_or_else(|| ApiError::not_found(format!("there is no user {login:?}")))?;
    Ok(card(StatusCode::OK, user))
}

fn card(status: StatusCode, user: User) -> Response {
    let version = format!("\"{}\"", user.version);
    let mut response = (status, Json(UserCard::from(user))).into_response();
    if let Ok(version) = HeaderValue::from_str(&version) {
        response.headers_mut().insert(ETAG, version);
    }
    response
}
