//! What can go wrong while answering, and the page that says so.

use super::page::Page;
use crate::view::ViewError;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Why a page could not be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// There is no such page or thing.
    #[error("nothing at this address")]
    NotFound,
    /// The address or form cannot be understood.
    #[error("the request cannot be understood: {0}")]
    BadRequest(String),
    /// Not signed in, or the form is not ours.
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// Signed in, with another role.
    #[error("this role does not do that")]
    Role,
    /// The address takes other methods.
    #[error("this address takes {0}")]
    Method(String),
    /// The engine or the store does not answer.
    #[error("data cannot be read: {0}")]
    Unavailable(String),
    /// A mistake in this crate.
    #[error("the page cannot be made: {0}")]
    Broken(String),
}

impl From<ViewError> for Fault {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::NotFound { .. } => Self::NotFound,
            ViewError::Range(what) => Self::BadRequest(what),
            ViewError::Engine(_) | ViewError::Store(_) | ViewError::Reloaded => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

impl From<FormRejection> for Fault {
    fn from(rejection: FormRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'p> {
    page: &'p Page,
    code: u16,
    title: &'static str,
    what: &'static str,
    detail: Option<String>,
}

impl Fault {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) | Self::Role => StatusCode::FORBIDDEN,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn words(&self, page: &Page) -> (&'static str, &'static str) {
        let pick = |zh, en| page.language.pick(zh, en);
        match self {
            Self::NotFound => (
                pick("没有这个页面", "There is no such page"),
                pick(
                    "地址有误，或所指的设备、隐患不在本系统中。",
                    "The address is wrong, or the equipment or hazard it names is not in this system.",
                ),
            ),
            Self::BadRequest(_) => (
                pick("请求无法理解", "The request cannot be understood"),
                pick(
                    "请返回上一页，检查所填内容后重试。",
                    "Go back, check what you entered and try again.",
                ),
            ),
            Self::Forbidden(_) => (
                pick("不允许的操作", "This is not allowed"),
                pick(
                    "请先登录；若已登录，请重新打开页面后再提交。",
                    "Sign in first; if you are signed in, open the page again before you send the form.",
                ),
            ),
            Self::Role => (
                pick("不属于您的职责", "This is not for your role"),
                pick(
                    "您的角色不能查看或执行此项。如有需要，请联系管理员。",
                    "Your role does not see or do this. If it should, ask the administrator.",
                ),
            ),
            Self::Method(_) => (
                pick("请求无法理解", "The request cannot be understood"),
                pick(
                    "此地址不接受这种请求。",
                    "This address does not take this kind of request.",
                ),
            ),
            Self::Unavailable(_) => (
                pick("暂时无法读取数据", "Data cannot be read at the moment"),
                pick(
                    "监测可能已中断：此时看不到隐患不等于没有隐患。请稍后刷新，并通知管理员。",
                    "Monitoring may have stopped: seeing no hazards now does not mean there are none. Reload in a moment and tell the administrator.",
                ),
            ),
            Self::Broken(_) => (
                pick("页面生成失败", "The page could not be made"),
                pick(
                    "这是程序错误，请把下面的内容告诉管理员。",
                    "This is a mistake in the program; please tell the administrator what stands below.",
                ),
            ),
        }
    }

    /// The page that says so.
    pub(crate) fn respond(self, page: &Page) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(path = page.path, error = %self, "a page could not be shown");
        }
        let (title, what) = self.words(page);
        let allowed = match &self {
            Self::Method(allowed) => HeaderValue::from_str(allowed).ok(),
            _ => None,
        };
        let detail = match self {
            Self::NotFound | Self::Role | Self::Method(_) => None,
            Self::Forbidden(detail) => Some(detail.to_owned()),
            Self::BadRequest(detail) | Self::Unavailable(detail) | Self::Broken(detail) => Some(detail),
        };
        let html = FaultPage {
            page,
            code: status.as_u16(),
            title,
            what,
            detail,
        }
        .render();
        // Without a template there are still words.
        let mut response = html_response(status, html.unwrap_or_else(|_| title.to_owned()));
        if let Some(allowed) = allowed {
            response.headers_mut().insert(ALLOW, allowed);
        }
        response
    }
}

/// A page, or the page that says why there is none.
pub(crate) fn respond<T: Template>(page: &Page, made: Result<T, Fault>) -> Response {
    respond_with(page, StatusCode::OK, made)
}

/// The same with another status than 200.
pub(crate) fn respond_with<T: Template>(page: &Page, status: StatusCode, made: Result<T, Fault>) -> Response {
    match made.and_then(|template| Ok(template.render()?)) {
        Ok(html) => html_response(status, html),
        Err(fault) => fault.respond(page),
    }
}

/// The answer to a form, or the page that says why it was not taken.
pub(crate) fn answer(page: &Page, made: Result<Response, Fault>) -> Response {
    made.unwrap_or_else(|fault| fault.respond(page))
}

fn html_response(status: StatusCode, html: String) -> Response {
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}
