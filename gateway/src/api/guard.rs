//! What stands before every request: limits; and on every answer: safe headers.

use super::problem;
use crate::app::attachments::MAX_SIZE;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
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
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

/// Largest request body, bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;
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

/// Largest file, bytes.
pub(super) const MAX_FILE: usize = 16 << 20;
/// Reading a file and comparing it with the register takes its time.
const FILE_TIMEOUT: Duration = Duration::from_secs(120);

/// Puts limits, problem documents and headers around all routes: of `files`, which take or work through files, and of
/// `attachments`, which keep them, too.
pub(super) fn guard(router: Router, files: Router, attachments: Router) -> Router {
    let limited = |router: Router, bytes, timeout| {
        router
            .layer(DefaultBodyLimit::max(bytes))
            .layer(RequestBodyLimitLayer::new(bytes))
            .layer(TimeoutLayer::with_status_code(
                StatusCode::SERVICE_UNAVAILABLE,
                timeout,
            ))
    };
    // The last is the outermost.
    limited(router, MAX_BODY, TIMEOUT)
        .merge(limited(files, MAX_FILE, FILE_TIMEOUT))
        .merge(limited(attachments, MAX_SIZE, FILE_TIMEOUT))
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
