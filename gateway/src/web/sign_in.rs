//! Signing in with the admin token, and out again.

use super::fault::{Fault, respond_with};
use super::page::Page;
use super::{Site, session};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'p> {
    page: &'p Page,
    /// Where to go afterwards.
    next: String,
    name: String,
    wrong: bool,
    token_file: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Entered {
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    next: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Leaving {
    #[serde(default)]
    csrf: String,
}

/// `GET /sign-in?next=…`
pub(crate) async fn form(State(site): State<Arc<Site>>, page: Page) -> Response {
    let next = local(page.asked("next"));
    shown(&site, &page, StatusCode::OK, next, String::new(), false)
}

/// `POST /sign-in`
pub(crate) async fn enter(
    State(site): State<Arc<Site>>,
    page: Page,
    form: Result<Form<Entered>, FormRejection>,
) -> Response {
    let entered = match form {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let next = local(&entered.next);
    if !site.app.token.matches(entered.token.trim()) {
        return shown(&site, &page, StatusCode::FORBIDDEN, next, entered.name, true);
    }
    match site.sessions.open(&person(&entered.name), page.times.now) {
        Ok(token) => {
            let cookie = format!("{}={token}; Path=/; HttpOnly; SameSite=Strict", session::COOKIE);
            ([(SET_COOKIE, cookie)], Redirect::to(&next)).into_response()
        }
        Err(error) => Fault::Unavailable(error.to_string()).respond(&page),
    }
}

/// `POST /sign-out`
pub(crate) async fn leave(
    State(site): State<Arc<Site>>,
    page: Page,
    headers: HeaderMap,
    form: Result<Form<Leaving>, FormRejection>,
) -> Response {
    let leaving = match form {
        Ok(Form(leaving)) => leaving,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    if !page
        .session
        .as_ref()
        .is_some_and(|session| session.vouches_for(&leaving.csrf))
    {
        return Fault::Forbidden("this form does not belong to your session").respond(&page);
    }
    if let Some(cookies) = headers.get(COOKIE).and_then(|value| value.to_str().ok()) {
        site.sessions.close(cookies);
    }
    let gone = format!(
        "{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
        session::COOKIE
    );
    ([(SET_COOKIE, gone)], Redirect::to("/")).into_response()
}

fn shown(site: &Site, page: &Page, status: StatusCode, next: String, name: String, wrong: bool) -> Response {
    let token_file = site
        .app
        .token
        .path()
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    respond_with(
        page,
        status,
        Ok(SignInPage {
            page,
            next,
            name,
            wrong,
            token_file,
        }),
    )
}

/// Who it was, for the record: everybody with the token is `admin`, the name is what they say.
pub(crate) fn person(name: &str) -> String {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    if name.is_empty() {
        "admin".to_owned()
    } else {
        format!("admin: {name}")
    }
}

/// Only addresses of this site: nobody is sent elsewhere by a link that begins here.
fn local(next: &str) -> String {
    let path = next.starts_with('/') && !next.starts_with("//");
    let plain = next.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if path && plain {
        next.to_owned()
    } else {
        "/".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{local, person};

    #[test]
    fn after_signing_in_nobody_is_sent_to_another_site() {
        for (next, expected) in [
            ("/hazards?status=suspected", "/hazards?status=suspected"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(next), expected, "{next:?}");
        }
    }

    #[test]
    fn the_record_says_who_it_claims_to_be() {
        assert_eq!(person("  "), "admin");
        assert_eq!(person("张工\n"), "admin: 张工");
    }
}
