//! The gate in front of the API: whoever is refused gets a problem document.

use super::problem::ApiError;
use crate::app::App;
use crate::people::Access;
use crate::people::gate::{self, CSRF_HEADER, Refusal, is_cross_site, needs_csrf};
use crate::people::rules::{Kind, Rule};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Lets in, hands the request on with its [`Access`], and records what came of it.
pub(super) async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let admitted = match gate::admit(&app, &parts).await {
        Ok(admitted) => admitted,
        Err(refused) => return refuse(&app, &refused.access, refused.rule, &path, refused.why).await,
    };
    let (access, rule) = (admitted.access, admitted.rule);
    if let Some(rule) = rule
        && needs_csrf(&access, rule)
        && !vouched(&access, &parts.headers)
    {
        return refuse(&app, &access, Some(rule), &path, Refusal::Forged).await;
    }
    parts.extensions.insert(access.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    match gate::record(&app, &access, rule, &path, response.status()).await {
        Ok(()) => response,
        Err(error) => unrecorded(rule, response, &error),
    }
}

fn vouched(access: &Access, headers: &axum::http::HeaderMap) -> bool {
    let offered = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    let session = access.session.as_ref();
    !is_cross_site(headers)
        && session
            .zip(offered)
            .is_some_and(|(session, offered)| session.vouches_for(offered))
}

/// What of people is read without a record is not given out; what has been changed has been changed.
fn unrecorded(rule: Option<&Rule>, response: Response, error: &crate::app::StoreError) -> Response {
    tracing::error!(%error, "a request could not be written into the audit log");
    if rule.is_some_and(|rule| rule.kind == Kind::Personal) {
        return ApiError::unavailable("store_unwritable", "the audit log cannot be written").into_response();
    }
    response
}

async fn refuse(app: &App, access: &Access, rule: Option<&Rule>, path: &str, why: Refusal) -> Response {
    if let Err(error) = gate::record(app, access, rule, path, why.status()).await {
        tracing::error!(%error, "a refusal could not be written into the audit log");
    }
    answer(&why).into_response()
}

/// The problem behind a refusal.
fn answer(why: &Refusal) -> ApiError {
    let text = why.to_string();
    match why {
        Refusal::SignIn => ApiError::unauthorized(
            "send a token: `Authorization: Bearer TOKEN`, one of your account's or that of the file admin.token in \
             the data directory",
            "Bearer realm=\"vigil\"",
        ),
        Refusal::BadToken => ApiError::unauthorized(&text, "Bearer realm=\"vigil\", error=\"invalid_token\""),
        Refusal::Role | Refusal::Scope(_) => ApiError::forbidden("forbidden", text),
        Refusal::Forged => ApiError::forbidden("forged", text),
        Refusal::Method { allowed, .. } => ApiError::method(allowed, text),
        Refusal::NoRule => ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal Server Error",
            text,
        ),
        Refusal::Store(_) => ApiError::unavailable("store_unreadable", text),
    }
}
