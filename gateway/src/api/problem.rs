//! Every error is an RFC 9457 problem document: `application/problem+json`.

use crate::app::attachments::MAX_SIZE;
use crate::app::{ActError, KeepError};
use crate::desk::register::RegisterError;
use crate::desk::risk::RiskError;
use crate::view::{Check, ViewError};
use axum::Json;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// Media type of a problem document.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, for people and programs (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem: `urn:vigil:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words; the same for every problem of the kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong here.
    pub detail: String,
    /// The request it happened to.
    pub instance: String,
    /// Stable key: of the kind of problem, or of the reason for which the core refused an action.
    pub code: String,
    /// What is wrong here, Chinese.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail_zh: Option<String>,
    /// Roles that could do what was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Vec<String>>,
    /// The hazard that stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hazard: Option<String>,
    /// What of the step is wrong, by the names of its fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// What is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<Check>>,
    /// What is wrong with which file, line and column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<String>>,
}

/// A problem on its way out. The path of the request is filled in at the door ([`finish`]).
#[derive(Clone, Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    headers: HeaderMap,
}

impl ApiError {
    /// A problem of the kind `code`, which has the same status and title every time.
    pub(super) fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        let problem = Problem {
            kind: format!("urn:vigil:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            instance: String::new(),
            code: code.to_owned(),
            detail_zh: None,
            who: None,
            hazard: None,
            fields: None,
            suggestion: None,
            checks: None,
            findings: None,
        };
        Self {
            problem: Box::new(problem),
            headers: HeaderMap::new(),
        }
    }

    pub(super) fn bad_parameter(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_parameter",
            "A parameter cannot be used",
            detail,
        )
    }

    pub(super) fn bad_body(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, "bad_body", "The request body cannot be used", detail)
    }

    pub(super) fn too_large() -> Self {
        Self::too_large_because(format!(
            "a request body has at most {} bytes, a file {}, an attachment {}",
            super::guard::MAX_BODY,
            super::guard::MAX_FILE,
            MAX_SIZE
        ))
    }

    pub(super) fn too_large_for(most: usize) -> Self {
        Self::too_large_because(format!("a request body has at most {most} bytes here"))
    }

    fn too_large_because(detail: String) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The request body is too large",
            detail,
        )
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such thing",
            detail,
        )
    }

    pub(super) fn unauthorized(detail: &str, challenge: &'static str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Say who you are",
            detail,
        )
        .header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    pub(super) fn forbidden(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "This is not for you", detail)
    }

    /// It cannot be done as things stand.
    pub(super) fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, "The request is refused", detail)
    }

    /// Somebody else was faster.
    pub(super) fn stale(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale",
            "It has been changed by somebody else",
            detail,
        )
    }

    pub(super) fn method(allowed: &str, detail: impl Into<String>) -> Self {
        let error = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method Not Allowed",
            detail,
        );
        match HeaderValue::from_str(allowed) {
            Ok(allowed) => error.header(ALLOW, allowed),
            Err(_) => error,
        }
    }

    pub(super) fn unavailable(code: &str, detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            "The gateway cannot answer now",
            detail,
        )
        .header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    pub(super) fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.problem.suggestion = suggestion;
        self
    }

    pub(super) fn checks(mut self, checks: Vec<Check>) -> Self {
        self.problem.checks = Some(checks);
        self
    }

    pub(super) fn findings(mut self, findings: Vec<String>) -> Self {
        self.problem.findings = Some(findings);
        self
    }

    fn header(mut self, name: axum::http::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.headers).into_response();
        response.extensions_mut().insert(self.problem);
        response
    }
}

impl From<ViewError> for ApiError {
    fn from(error: ViewError) -> Self {
        let detail = error.to_string();
        match error {
            ViewError::NotFound { suggestion, .. } => Self::not_found(detail).suggest(suggestion),
            ViewError::Range(detail) => Self::bad_parameter(detail),
            ViewError::Engine(_) => Self::unavailable("stopping", detail),
            ViewError::Reloaded => Self::unavailable("reloaded", detail),
            ViewError::Store(error) => {
                tracing::error!(%error, "an API request could not be answered");
                Self::unavailable("store_unreadable", detail)
            }
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        let detail = error.to_string();
        match error {
            RegisterError::Store(error) => ViewError::from(error).into(),
            RegisterError::NotFound { .. } => Self::not_found(detail),
            RegisterError::Stale { .. } => Self::stale(detail),
            RegisterError::Exists { .. } => Self::conflict("exists", detail),
            RegisterError::KeyReused => Self::conflict("key_reused", detail),
            RegisterError::Refused(_) => Self::conflict("refused", detail),
            RegisterError::Wrong(findings) => {
                let said = findings.iter().map(|one| {
                    let field = one.field.map_or("", vigil_core::register::Field::key);
                    format!("{field}: {} ({})", one.what.en, one.fix.en)
                });
                Self::bad_body(StatusCode::UNPROCESSABLE_ENTITY, detail).findings(said.collect())
            }
            RegisterError::Value { .. } => Self::bad_body(StatusCode::UNPROCESSABLE_ENTITY, detail),
            RegisterError::Sheet(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_file",
                "The file cannot be read",
                detail,
            ),
            RegisterError::Broken(_) => {
                tracing::error!(%detail, "an API request could not be answered");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "Internal Server Error",
                    detail,
                )
            }
        }
    }
}

impl From<RiskError> for ApiError {
    fn from(error: RiskError) -> Self {
        let (detail, zh) = (error.to_string(), error.zh());
        let mut answer = match error {
            RiskError::Store(error) => return ViewError::from(error).into(),
            RiskError::Act(error) => return error.into(),
            RiskError::Engine(_) => Self::unavailable("stopping", detail),
            RiskError::NotFound { .. } => Self::not_found(detail),
            RiskError::Stale { .. } => Self::stale(detail),
            RiskError::Value { .. } => Self::bad_body(StatusCode::UNPROCESSABLE_ENTITY, detail),
            RiskError::KeyReused => Self::conflict("key_reused", detail),
            RiskError::Refused { code, .. } => Self::conflict(code, detail),
        };
        answer.problem.detail_zh = Some(zh);
        answer
    }
}

impl From<ActError> for ApiError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Refused(refusal) => {
                let status = match refusal.code {
                    "changed" => StatusCode::PRECONDITION_FAILED,
                    "not_in_scope" | "role_not_allowed" | "not_responsible" | "duties_not_separate" => {
                        StatusCode::FORBIDDEN
                    }
                    _ => StatusCode::CONFLICT,
                };
                let mut error = Self::new(status, "refused", "The action is refused", refusal.message);
                error.problem.code = refusal.code.to_owned();
                error.problem.detail_zh = Some(refusal.message_zh);
                let who = refusal.who.iter().map(|role| role.key().to_owned());
                error.problem.who = (!refusal.who.is_empty()).then(|| who.collect());
                error.problem.hazard = refusal.hazard.map(|hazard| hazard.0.to_string());
                error.problem.fields = (!refusal.fields.is_empty()).then(|| refusal.fields.into_vec());
                error
            }
            ActError::Gone => Self::unavailable("stopping", "the gateway is stopping"),
            ActError::Store(error) => {
                Self::unavailable("store_unwritable", format!("nothing was changed: {error}"))
            }
        }
    }
}

impl From<KeepError> for ApiError {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Gone => Self::unavailable("stopping", "the gateway is stopping"),
            KeepError::Store(error) => {
                Self::unavailable("store_unwritable", format!("nothing was changed: {error}"))
            }
        }
    }
}

/// Completes problems with the request they happened to, and turns errors of others (no such route, wrong
/// method, too large, timed out, panicked) into problems.
pub(super) async fn finish(request: Request, next: Next) -> Response {
    let instance = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let method = request.method().clone();
    let mut response = next.run(request).await;
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        return response;
    }
    let problem = response.extensions_mut().remove::<Box<Problem>>();
    let mut problem = problem.unwrap_or_else(|| foreign(response.status(), &method));
    problem.instance = instance;
    let mut whole = (response.status(), Json(&*problem)).into_response();
    for name in [WWW_AUTHENTICATE, RETRY_AFTER, ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            whole.headers_mut().insert(name, value.clone());
        }
    }
    whole
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    whole
}

/// The problem behind an error response that is not ours.
fn foreign(status: StatusCode, method: &Method) -> Box<Problem> {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::too_large().problem;
    }
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => ("not_found", "there is nothing at this address".to_owned()),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            format!("this address does not take {method}; see the header Allow"),
        ),
        StatusCode::SERVICE_UNAVAILABLE => ("timeout", "the answer took too long; ask for less".to_owned()),
        status if status.is_client_error() => ("bad_request", "the request cannot be understood".to_owned()),
        _ => (
            "internal",
            "the gateway failed to answer; its log says why".to_owned(),
        ),
    };
    ApiError::new(status, code, status.canonical_reason().unwrap_or("Error"), detail).problem
}

/// Problems of every request that reads. In the description only.
#[derive(Debug, IntoResponses)]
#[allow(dead_code, reason = "describes answers, makes none")]
pub(super) enum Reading {
    /// A parameter is unknown or cannot be used.
    #[response(status = 400, content_type = "application/problem+json")]
    BadParameter(Problem),
    /// It does not say who asks, or wrongly.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// Not with this role or this token; of a step, `code` says which rule, `who` which roles could.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// The gateway is stopping, or the store cannot be read.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// There is no such thing. In the description only.
#[derive(Debug, IntoResponses)]
#[allow(dead_code, reason = "describes answers, makes none")]
pub(super) enum Missing {
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// A change of what somebody else may have changed. In the description only.
#[derive(Debug, IntoResponses)]
#[allow(dead_code, reason = "describes answers, makes none")]
pub(super) enum Changing {
    /// It has changed since it was read: `If-Match` names another revision.
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(Problem),
    /// `If-Match` is missing: it is not said which version is changed.
    #[response(status = 428, content_type = "application/problem+json")]
    Unsaid(Problem),
}

/// Problems of every request that writes. In the description only.
#[derive(Debug, IntoResponses)]
#[allow(dead_code, reason = "describes answers, makes none")]
pub(super) enum Writing {
    /// The action is refused; `code` says why.
    #[response(status = 409, content_type = "application/problem+json")]
    Refused(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
    /// The body is JSON but not what is wanted.
    #[response(status = 422, content_type = "application/problem+json")]
    BadBody(Problem),
}
