//! The description of the API, and the page that shows it.

use super::params::NoParams;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use bytes::Bytes;
use utoipa::openapi::OpenApi as Description;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Address of the description.
const DOCUMENT: &str = "/api/v1/openapi.json";
/// Swagger UI sets styles on its elements and draws icons from data: addresses.
const SWAGGER_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     frame-ancestors 'none'; base-uri 'none'";

/// What is not said at the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vigil API",
        description = "Equipment, alarms, hazards and nodes of a Vigil gateway.\n\n\
            Times are RFC 3339 in UTC with milliseconds. Numbers have their unit in the name (`_s`, `_ms`, \
            `_bytes`, `_percent`) or beside them (`unit`). A missing value is `null`, with its reason beside it. \
            Errors are problem documents (RFC 9457). As long as there are no users, reading needs nothing and \
            writing needs the admin token, which the gateway writes to `admin.token` in its data directory at the \
            first start. From the first user on everything but health and this description needs a token \
            (`Authorization: Bearer`) or the cookie of a session; each person sees the equipment and hazards \
            that concern him, and what is out of his sight does not exist for him (404). A request that changes \
            something and comes with a cookie carries the session's token as `X-CSRF-Token` (see `/api/v1/account`).",
        license(name = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "site", description = "Everything at once."),
        (name = "equipment", description = "What is watched."),
        (name = "hazards", description = "The register (隐患)."),
        (name = "register", description = "The register of equipment (设备台账), units, imports."),
        (name = "risk", description = "Grading of risks (风险分级管控): points, measures, checks, ranks, the map."),
        (name = "lists", description = "The four lists (四个清单): pages, files, frozen copies."),
        (name = "duty", description = "Daily control, weekly check, monthly dispatch (日管控、周排查、月调度)."),
        (name = "calendar", description = "What is due by law, and coverage."),
        (name = "alarms", description = "Alarms by ISA-18.2."),
        (name = "nodes", description = "What is heard through."),
        (name = "events", description = "What happens, as it happens."),
        (name = "people", description = "Users, one's own account, the audit log."),
        (name = "sinks", description = "Where what the gateway learns goes."),
        (name = "operation", description = "How the gateway is."),
    ),
    components(schemas(super::problem::Problem)),
    modifiers(&Token),
    // Nothing at all is enough for reading as long as there are no users.
    security((), ("token" = []), ("session" = [])),
)]
pub(super) struct Frame;

struct Token;

impl Modify for Token {
    fn modify(&self, description: &mut Description) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        description
            .components
            .get_or_insert_default()
            .add_security_scheme("token", scheme);
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(crate::people::COOKIE)));
        description
            .components
            .get_or_insert_default()
            .add_security_scheme("session", cookie);
    }
}

/// The description as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Document(Bytes);

impl Document {
    pub(super) fn of(description: &Description) -> Self {
        // Plain data always has a JSON.
        Self(description.to_json().unwrap_or_default().into())
    }
}

/// This description.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "operation", operation_id = "describe",
    responses((status = 200, description = "OpenAPI.", content_type = "application/json", body = Object)),
)]
pub(super) async fn openapi(
    Extension(document): Extension<Document>,
    NoParams: NoParams,
) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document.0)
}

/// Swagger UI at `/docs/`.
pub(super) fn swagger() -> Router {
    let page = SwaggerUi::new("/docs").config(Config::new([DOCUMENT]).try_it_out_enabled(true));
    Router::from(page).layer(map_response(|mut response: Response| async {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SWAGGER_POLICY));
        response
    }))
}
