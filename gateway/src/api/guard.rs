//! What stands before every request: limits; and on every answer: safe headers.

use super::problem::{self, ApiError};
use crate::app::attachments::MAX_SIZE;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

/// Largest request body, bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// Where larger ones go.
const UPLOADS: &str = "/api/v1/attachments";
/// An answer must begin within this time.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Requests that read long stretches of the log at the same time; others wait.
const HEAVY: usize = 4;

/// Headers every answer carries unless it sets its own.
const HEADERS: &[(HeaderName, &str)] = &[
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// Puts limits, problem documents and headers around all routes of `router`.
pub(super) fn guard(router: Router) -> Router {
    // The last is the outermost.
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(announced))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        ))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(problem::finish))
        .layer(CompressionLayer::new())
        .layer(from_fn(headers))
}

/// Lets only a few of these requests run at a time: they take a share of what the flow of messages needs.
pub(super) fn heavy()
-> impl Clone + Fn(Request, Next) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>> {
    let permits = Arc::new(Semaphore::new(HEAVY));
    move |request, next: Next| {
        let permits = Arc::clone(&permits);
        Box::pin(async move {
            // Never closed: there is always a permit to come.
            let _permit = permits.acquire_owned().await;
            next.run(request).await
        })
    }
}

/// What says that it is too large is not read.
async fn announced(request: Request, next: Next) -> Response {
    let most = if request.uri().path() == UPLOADS {
        MAX_SIZE
    } else {
        MAX_BODY
    };
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most as u64) {
        return ApiError::too_large_for(most).into_response();
    }
    next.run(request).await
}

async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

#[allow(clippy::needless_pass_by_value, reason = "what the layer hands over")]
fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = text, "a request failed");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
