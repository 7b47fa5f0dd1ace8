//! Signing in with login and password or the admin token, and out again.

use super::Site;
use super::fault::{Fault, respond_with};
use super::page::Page;
use crate::people::{COOKIE, SignInError};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT};
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
    login: String,
    name: String,
    /// Reading needs a sign-in: there are users.
    closed: bool,
    /// What was wrong with login and password.
    refused: Option<String>,
    /// The admin token was wrong.
    wrong: bool,
    token_file: String,
}

/// What the forms send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entered {
    login: String,
    password: String,
    token: String,
    name: String,
    next: String,
}

/// What was wrong, beside what was entered.
#[derive(Default)]
struct Refused {
    why: Option<String>,
    wrong_token: bool,
}

/// `GET /sign-in?next=…`
pub(crate) async fn form(State(site): State<Arc<Site>>, page: Page) -> Response {
    let entered = Entered {
        next: page.asked("next").to_owned(),
        ..Entered::default()
    };
    shown(&site, &page, StatusCode::OK, entered, Refused::default())
}

/// `POST /sign-in`
pub(crate) async fn enter(
    State(site): State<Arc<Site>>,
    page: Page,
    headers: HeaderMap,
    form: Result<Form<Entered>, FormRejection>,
) -> Response {
    let entered = match form {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let (people, address, agent) = (&site.app.people, page.access.address, agent.unwrap_or_default());
    let opened = if entered.login.trim().is_empty() {
        if !site.app.token.matches(entered.token.trim()) {
            let refused = Refused {
                wrong_token: true,
                ..Refused::default()
            };
            return shown(&site, &page, StatusCode::FORBIDDEN, entered, refused);
        }
        people.sign_in_admin(&entered.name, address, agent).await
    } else {
        if let Ok(login) = vigil_core::sign_in::login(&entered.login) {
            page.access.about(login);
        }
        people
            .sign_in(&entered.login, &entered.password, address, agent)
            .await
    };
    match opened {
        Ok(token) => {
            let secure = if page.access.https { "; Secure" } else { "" };
            let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}");
            ([(SET_COOKIE, cookie)], Redirect::to(&local(&entered.next))).into_response()
        }
        Err(error) => refuse(&site, &page, entered, &error),
    }
}

fn refuse(site: &Site, page: &Page, entered: Entered, error: &SignInError) -> Response {
    let refused = |why: &str| Refused {
        why: Some(why.to_owned()),
        wrong_token: false,
    };
    match error {
        SignInError::Wrong => {
            let why = page.pick("登录名或口令不对。", "Login or password is wrong.");
            shown(site, page, StatusCode::FORBIDDEN, entered, refused(why))
        }
        SignInError::Wait(ms) => {
            let seconds = (ms + 999) / 1_000;
            let why = format!(
                "{} {}",
                page.pick(
                    "失败次数过多，请等待后再试：",
                    "Too many failed attempts; try again in"
                ),
                page.seconds(&(seconds as f64))
            );
            let page = shown(site, page, StatusCode::TOO_MANY_REQUESTS, entered, refused(&why));
            ([(RETRY_AFTER, seconds.to_string())], page).into_response()
        }
        SignInError::Hash(_) | SignInError::Secret(_) | SignInError::Store(_) => {
            Fault::Unavailable(error.to_string()).respond(page)
        }
    }
}

/// `POST /sign-out`; the gate has seen that the form is ours.
pub(crate) async fn leave(State(site): State<Arc<Site>>, page: Page) -> Response {
    if let Some(session) = &page.session
        && let Err(error) = site.app.people.sign_out(session.digest).await
    {
        return Fault::Unavailable(error.to_string()).respond(&page);
    }
    page.access.about(page.access.login());
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    ([(SET_COOKIE, gone)], Redirect::to("/")).into_response()
}

fn shown(site: &Site, page: &Page, status: StatusCode, entered: Entered, refused: Refused) -> Response {
    let token_file = site
        .app
        .token
        .path()
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let template = SignInPage {
        page,
        next: local(&entered.next),
        login: entered.login,
        name: entered.name,
        closed: site.app.people.closed(),
        refused: refused.why,
        wrong: refused.wrong_token,
        token_file,
    };
    respond_with(page, status, Ok(template))
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
    use super::local;

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
}
