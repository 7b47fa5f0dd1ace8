//! One's own account: password, sessions, tokens.

use super::params::{Body, NoParams, idempotency_key};
use super::problem::{ApiError, Missing, Reading, Writing};
use super::users::RoleKey;
use crate::app::App;
use crate::people::{Access, ApiToken, NewToken, SessionRow, TokenScope};
use crate::view::{Time, ViewError};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Account {
    /// Login; `admin` with the admin token.
    login: String,
    /// What he does here.
    role: RoleKey,
    /// Code of his unit.
    unit: Option<String>,
    /// Areas of responsibility: prefixes of GB/T 2260 codes; an empty one is everywhere.
    areas: Vec<String>,
    /// What a request that changes something must carry as `X-CSRF-Token` when it comes with a cookie.
    csrf: Option<String>,
}

/// A sign-in that lasts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionCard {
    /// Id.
    id: String,
    /// Beginning.
    created: Time,
    /// Last use, to the minute.
    used: Time,
    /// Ends at the latest.
    until: Time,
    /// Where from; empty if unknown.
    address: String,
    /// What the browser calls itself.
    agent: String,
    /// The one that asks.
    current: bool,
}

/// Sign-ins that last.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sessions {
    sessions: Vec<SessionCard>,
}

/// A token, without itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenCard {
    /// Id.
    id: String,
    /// Name.
    name: String,
    /// What it is for.
    scopes: Vec<TokenScope>,
    /// When it was made.
    created: Time,
    /// When it runs out.
    until: Time,
    /// Last use, to the minute.
    used: Option<Time>,
    /// When it was revoked.
    revoked: Option<Time>,
}

/// Tokens, those that hold first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    tokens: Vec<TokenCard>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    /// What to send as `Authorization: Bearer`. It is shown this once.
    secret: String,
    /// What is kept of it.
    token: TokenCard,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedToken {
    /// Name.
    name: String,
    /// What it is for.
    scopes: Vec<TokenScope>,
    /// Days it lasts, 1 to 366.
    days: i64,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OtherPassword {
    /// The one in force.
    old: String,
    /// At least 10 characters, not the login, none of the last three.
    password: String,
}

/// Something that has been done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    /// Always `true`.
    done: bool,
}

const DONE: Json<Done> = Json(Done { done: true });

impl From<ApiToken> for TokenCard {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes,
            created: token.created.into(),
            until: token.until.into(),
            used: token.used.map(Time),
            revoked: token.revoked.map(Time),
        }
    }
}

impl SessionCard {
    fn of(session: SessionRow, access: &Access) -> Self {
        let current = access
            .session
            .as_ref()
            .is_some_and(|own| own.digest == session.digest);
        Self {
            id: session.id(),
            created: session.created.into(),
            used: session.used.into(),
            until: session.until.into(),
            address: session.address,
            agent: session.agent,
            current,
        }
    }
}

/// Who asks, and what he may see.
#[utoipa::path(
    get, path = "/api/v1/account", tag = "people", operation_id = "account",
    responses((status = 200, description = "Who asks.", body = Account), Reading),
)]
pub(super) async fn account(access: Access, NoParams: NoParams) -> Json<Account> {
    let person = &access.person;
    Json(Account {
        login: person.login.to_string(),
        role: person.role.into(),
        unit: person.unit.as_deref().map(str::to_owned),
        areas: person.areas.iter().map(ToString::to_string).collect(),
        csrf: access.session.as_ref().map(|session| session.csrf.clone()),
    })
}

/// Changes one's own password; every other session ends.
#[utoipa::path(
    post, path = "/api/v1/account/password", tag = "people", operation_id = "changePassword",
    request_body = OtherPassword,
    responses((status = 200, description = "Changed.", body = Done), Reading, Writing),
    security(("session" = [])),
)]
pub(super) async fn password(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    Body(other): Body<OtherPassword>,
) -> Result<Json<Done>, ApiError> {
    let stays = access.session.as_ref().map(|session| session.digest);
    let people = &app.people;
    people
        .change_password(access.login(), &other.old, &other.password, stays)
        .await?;
    access.about(access.login());
    Ok(DONE)
}

/// One's own sessions.
#[utoipa::path(
    get, path = "/api/v1/account/sessions", tag = "people", operation_id = "listSessions",
    responses((status = 200, description = "The sessions.", body = Sessions), Reading),
)]
pub(super) async fn sessions(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
) -> Result<Json<Sessions>, ApiError> {
    let found = app
        .people
        .sessions(access.login())
        .await
        .map_err(ViewError::from)?;
    let cards = found.into_iter().map(|session| SessionCard::of(session, &access));
    Ok(Json(Sessions {
        sessions: cards.collect(),
    }))
}

/// Ends one of one's sessions.
#[utoipa::path(
    delete, path = "/api/v1/account/sessions/{id}", tag = "people", operation_id = "endSession",
    params(("id" = String, Path, description = "Id of the session.")),
    responses((status = 200, description = "It has ended.", body = Done), Reading, Missing, Writing),
    security(("session" = [])),
)]
pub(super) async fn end_session(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Json<Done>, ApiError> {
    app.people.end_session(access.login(), &id).await?;
    Ok(DONE)
}

/// One's own tokens.
#[utoipa::path(
    get, path = "/api/v1/account/tokens", tag = "people", operation_id = "listTokens",
    responses((status = 200, description = "The tokens.", body = Tokens), Reading),
)]
pub(super) async fn tokens(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
) -> Result<Json<Tokens>, ApiError> {
    let found = app.people.tokens(access.login()).await.map_err(ViewError::from)?;
    Ok(Json(Tokens {
        tokens: found.into_iter().map(TokenCard::from).collect(),
    }))
}

/// Makes a token that acts in one's name, as far as it is for.
///
/// With the header `Idempotency-Key` a repeated request makes no second token. The secret is shown once and kept nowhere:
/// the repeat is answered 409 `made_before`, with the id of the token that was made.
#[utoipa::path(
    post, path = "/api/v1/account/tokens", tag = "people", operation_id = "addToken",
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters.")),
    request_body = WantedToken,
    responses((status = 201, description = "Made.", body = MadeToken), Reading, Writing),
    security(("session" = [])),
)]
pub(super) async fn add_token(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(wanted): Body<WantedToken>,
) -> Result<(StatusCode, Json<MadeToken>), ApiError> {
    let key = idempotency_key(&headers)?;
    let people = &app.people;
    let NewToken { token, secret } = people
        .add_token_once(
            access.login(),
            key.as_deref(),
            &wanted.name,
            &wanted.scopes,
            wanted.days,
        )
        .await?;
    access.about(&token.id);
    let token = token.into();
    Ok((StatusCode::CREATED, Json(MadeToken { secret, token })))
}

/// Revokes one of one's tokens.
#[utoipa::path(
    delete, path = "/api/v1/account/tokens/{id}", tag = "people", operation_id = "revokeToken",
    params(("id" = String, Path, description = "Id of the token.")),
    responses((status = 200, description = "It is revoked.", body = Done), Reading, Missing, Writing),
    security(("session" = [])),
)]
pub(super) async fn revoke_token(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Json<Done>, ApiError> {
    app.people.revoke_token(access.login(), &id).await?;
    Ok(DONE)
}
