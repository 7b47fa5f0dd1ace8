//! My account: password, language, sessions, tokens.

use super::Site;
use super::fault::{Fault, respond_with};
use super::page::Page;
use crate::people::{ApiToken, ManageError, SessionRow, TokenScope, Wrong, gate};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'p> {
    page: &'p Page,
    /// He has a login of his own: the admin token has none.
    own: bool,
    language: &'p str,
    sessions: Vec<SessionRow>,
    tokens: Vec<ApiToken>,
    outcome: Outcome,
}

/// What came of a form.
#[derive(Default)]
struct Outcome {
    /// Everything that was wrong.
    wrong: Vec<Wrong>,
    /// What has been done.
    done: Option<&'static str>,
    /// A token that was just made.
    secret: Option<String>,
    /// What was typed as a token's name.
    name: String,
    days: Option<i64>,
}

/// What the forms send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entered {
    old: String,
    password: String,
    again: String,
    language: String,
    id: String,
    name: String,
    days: String,
    read: Option<String>,
    act: Option<String>,
    ingest: Option<String>,
}

type Sent = Result<Form<Entered>, FormRejection>;

/// `GET /account`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    shown(&site, &page, StatusCode::OK, Outcome::default()).await
}

/// `POST /account/password`
pub(crate) async fn password(State(site): State<Arc<Site>>, page: Page, form: Sent) -> Response {
    let page = at_account(page);
    let entered = match form {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    if entered.password != entered.again {
        let wrong = Wrong {
            field: "again",
            code: "not_the_same",
            zh: "两次输入的口令不一致",
            en: "this is not the same password",
        };
        return outcome(&site, &page, Err(ManageError::Wrong(vec![wrong])), "", "").await;
    }
    let stays = page.session.as_ref().map(|session| session.digest);
    let people = &site.app.people;
    let done = people
        .change_password(page.access.login(), &entered.old, &entered.password, stays)
        .await;
    page.access.about(page.access.login());
    let (zh, en) = (
        "口令已更改，其他登录已结束。",
        "The password is changed; every other session has ended.",
    );
    outcome(&site, &page, done, zh, en).await
}

/// `POST /account/language`
pub(crate) async fn language(State(site): State<Arc<Site>>, page: Page, form: Sent) -> Response {
    let page = at_account(page);
    let entered = match form {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let people = &site.app.people;
    match people
        .set_language(page.access.login(), Some(&entered.language))
        .await
    {
        Ok(()) => {
            // The address goes before what is kept, and is remembered.
            let language = if entered.language == "en" {
                "?lang=en"
            } else {
                "?lang=zh"
            };
            let language = if entered.language.is_empty() { "" } else { language };
            Redirect::to(&format!("/account{language}")).into_response()
        }
        error => outcome(&site, &page, error, "", "").await,
    }
}

/// `POST /account/sessions`: ends one.
pub(crate) async fn end_session(State(site): State<Arc<Site>>, page: Page, form: Sent) -> Response {
    let page = at_account(page);
    let entered = match form {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    page.access.about(&*entered.id);
    let done = site
        .app
        .people
        .end_session(page.access.login(), &entered.id)
        .await;
    let (zh, en) = ("该登录已结束。", "The session has ended.");
    outcome(&site, &page, done, zh, en).await
}

/// `POST /account/tokens`: makes one.
pub(crate) async fn add_token(State(site): State<Arc<Site>>, page: Page, form: Sent) -> Response {
    let page = at_account(page);
    let entered = match form {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let asked = [
        (&entered.read, TokenScope::Read),
        (&entered.act, TokenScope::Act),
        (&entered.ingest, TokenScope::Ingest),
    ];
    let asked = asked.into_iter().filter(|(asked, _)| asked.is_some());
    let scopes: Vec<TokenScope> = asked.map(|(_, scope)| scope).collect();
    let days = entered.days.trim().parse().unwrap_or(0);
    let people = &site.app.people;
    let made = people
        .add_token(page.access.login(), &entered.name, &scopes, days)
        .await;
    match made {
        Ok(made) => {
            page.access.about(&*made.token.id);
            let outcome = Outcome {
                secret: Some(made.secret),
                ..Outcome::default()
            };
            shown(&site, &page, StatusCode::CREATED, outcome).await
        }
        Err(ManageError::Wrong(wrong)) => {
            let outcome = Outcome {
                wrong,
                name: entered.name,
                days: entered.days.trim().parse().ok(),
                ..Outcome::default()
            };
            shown(&site, &page, StatusCode::UNPROCESSABLE_ENTITY, outcome).await
        }
        Err(error) => outcome(&site, &page, Err(error), "", "").await,
    }
}

/// `POST /account/tokens/revoke`
pub(crate) async fn revoke_token(State(site): State<Arc<Site>>, page: Page, form: Sent) -> Response {
    let page = at_account(page);
    let entered = match form {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    page.access.about(&*entered.id);
    let done = site
        .app
        .people
        .revoke_token(page.access.login(), &entered.id)
        .await;
    outcome(&site, &page, done, "令牌已吊销。", "The token is revoked.").await
}

/// What follows a form is the account's page: its links and the other language lead to that.
fn at_account(page: Page) -> Page {
    Page {
        path: "/account".to_owned(),
        ..page
    }
}

async fn outcome(
    site: &Site,
    page: &Page,
    result: Result<(), ManageError>,
    zh: &'static str,
    en: &'static str,
) -> Response {
    match result {
        Ok(()) => {
            let outcome = Outcome {
                done: Some(page.language.pick(zh, en)),
                ..Outcome::default()
            };
            shown(site, page, StatusCode::OK, outcome).await
        }
        Err(ManageError::Wrong(wrong)) => {
            let outcome = Outcome {
                wrong,
                ..Outcome::default()
            };
            shown(site, page, StatusCode::UNPROCESSABLE_ENTITY, outcome).await
        }
        Err(ManageError::Missing(_)) => Fault::NotFound.respond(page),
        Err(error) => Fault::Unavailable(error.to_string()).respond(page),
    }
}

async fn shown(site: &Site, page: &Page, status: StatusCode, outcome: Outcome) -> Response {
    let own = gate::has_account(&page.access);
    let made = async {
        let (sessions, tokens) = if own {
            let login = page.access.login();
            (
                site.app.people.sessions(login).await?,
                site.app.people.tokens(login).await?,
            )
        } else {
            (Vec::new(), Vec::new())
        };
        Ok::<_, crate::app::StoreError>(AccountPage {
            page,
            own,
            language: page.access.language.as_deref().unwrap_or_default(),
            sessions,
            tokens,
            outcome,
        })
    };
    match made.await {
        Ok(template) => respond_with(page, status, Ok(template)),
        Err(error) => Fault::Unavailable(error.to_string()).respond(page),
    }
}

impl AccountPage<'_> {
    fn wrong(&self, field: &str) -> Option<&'static str> {
        let wrong = self.outcome.wrong.iter().find(|wrong| wrong.field == field)?;
        Some(self.page.language.pick(wrong.zh, wrong.en))
    }

    fn is_current(&self, session: &SessionRow) -> bool {
        let own = self.page.session.as_ref();
        own.is_some_and(|own| own.digest == session.digest)
    }

    fn days(&self) -> i64 {
        self.outcome.days.unwrap_or(90)
    }

    fn holds(&self, token: &ApiToken) -> bool {
        token.revoked.is_none() && token.until > self.page.times.now
    }

    fn scopes(&self, token: &ApiToken) -> String {
        let word = |scope: &TokenScope| match scope {
            TokenScope::Read => self.page.pick("查看", "read"),
            TokenScope::Act => self.page.pick("办理", "act"),
            TokenScope::Ingest => self.page.pick("上报", "ingest"),
        };
        token.scopes.iter().map(word).collect::<Vec<_>>().join(" · ")
    }
}
