//! Users: the list, one of them, a new one.

use super::Site;
use super::fault::{Fault, respond, respond_with};
use super::page::Page;
use super::terms;
use crate::desk::listing::cut;
use crate::people::{ManageError, User, UserFacts, UserFilter, Wrong};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use vigil_core::people::Role;

/// Rows per page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage<'p> {
    page: &'p Page,
    users: Vec<User>,
    next: Option<String>,
    filtered: bool,
    open: bool,
}

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage<'p> {
    page: &'p Page,
    /// As it is kept; `None` for a new one.
    user: Option<User>,
    entered: Entered,
    wrong: Vec<Wrong>,
    /// Somebody else has changed it meanwhile.
    changed: bool,
    done: bool,
}

/// What the forms send.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entered {
    login: String,
    name: String,
    role: String,
    unit: String,
    areas: String,
    language: String,
    phone: String,
    active: Option<String>,
    version: i64,
    password: String,
}

type Sent = Result<Form<Entered>, FormRejection>;

impl Entered {
    fn of(user: &User) -> Self {
        let facts = &user.facts;
        let areas = facts
            .areas
            .iter()
            .map(|area| if area.is_empty() { "*" } else { area });
        Self {
            login: user.login.to_string(),
            name: facts.name.clone(),
            role: facts.role.key().to_owned(),
            unit: facts.unit.as_deref().unwrap_or_default().to_owned(),
            areas: areas.collect::<Vec<_>>().join(" "),
            language: facts.language.clone().unwrap_or_default(),
            phone: facts.phone.clone().unwrap_or_default(),
            active: facts.active.then(|| "yes".to_owned()),
            version: user.version,
            password: String::new(),
        }
    }

    fn facts(&self) -> Result<UserFacts, Wrong> {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let role = Role::from_key(&self.role).ok_or(Wrong {
            field: "role",
            code: "role_required",
            zh: "请选择角色",
            en: "choose a role",
        })?;
        let areas = self
            .areas
            .split(|c: char| c.is_whitespace() || ",，、;；".contains(c));
        let areas = areas.filter(|area| !area.is_empty());
        Ok(UserFacts {
            name: self.name.trim().to_owned(),
            role,
            unit: filled(&self.unit).map(Into::into),
            areas: areas
                .map(|area| if area == "*" { "" } else { area }.into())
                .collect(),
            language: filled(&self.language),
            phone: filled(&self.phone),
            active: self.active.is_some(),
        })
    }
}

/// `GET /users?q=…&role=…&active=…&after=…`
pub(crate) async fn list(State(site): State<Arc<Site>>, page: Page) -> Response {
    let asked = |key: &str| Some(page.asked(key).to_owned()).filter(|text| !text.is_empty());
    let filter = UserFilter {
        text: asked("q"),
        role: Role::from_key(page.asked("role")),
        unit: asked("unit"),
        active: match page.asked("active") {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        after: asked("after"),
    };
    let made = site.app.people.users(&filter, ROWS + 1).await;
    let made = made.map_err(|error| Fault::Unavailable(error.to_string()));
    let made = made.map(|users| {
        let (users, next) = cut(users, ROWS, |last| page.with("after", &last.login));
        UsersPage {
            page: &page,
            next,
            filtered: page.is_filtered(&["after"]),
            open: !site.app.people.closed(),
            users,
        }
    });
    respond(&page, made)
}

/// `GET /users/new`
pub(crate) async fn new(page: Page) -> Response {
    let entered = Entered {
        active: Some("yes".to_owned()),
        ..Entered::default()
    };
    form(&page, StatusCode::OK, None, entered, Vec::new())
}

/// `POST /users`
pub(crate) async fn add(State(site): State<Arc<Site>>, page: Page, sent: Sent) -> Response {
    let page = Page {
        path: "/users/new".to_owned(),
        ..page
    };
    let entered = match sent {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let facts = match entered.facts() {
        Ok(facts) => facts,
        Err(wrong) => {
            return form(
                &page,
                StatusCode::UNPROCESSABLE_ENTITY,
                None,
                entered,
                vec![wrong],
            );
        }
    };
    let people = &site.app.people;
    match people.add_user(&entered.login, &facts, &entered.password).await {
        Ok(user) => {
            page.access.about(&*user.login);
            Redirect::to(&format!("/users/{}?done=yes", user.login)).into_response()
        }
        Err(ManageError::Wrong(wrong)) => form(&page, StatusCode::UNPROCESSABLE_ENTITY, None, entered, wrong),
        Err(error) => Fault::Unavailable(error.to_string()).respond(&page),
    }
}

/// `GET /users/{login}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(login): Path<String>) -> Response {
    match site.app.people.user(&login).await {
        Ok(Some(user)) => {
            let entered = Entered::of(&user);
            form(&page, StatusCode::OK, Some(user), entered, Vec::new())
        }
        Ok(None) => Fault::NotFound.respond(&page),
        Err(error) => Fault::Unavailable(error.to_string()).respond(&page),
    }
}

/// `POST /users/{login}`
pub(crate) async fn change(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(login): Path<String>,
    sent: Sent,
) -> Response {
    let entered = match sent {
        Ok(Form(entered)) => entered,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let done = match entered.facts() {
        Ok(facts) => site
            .app
            .people
            .change_user(&login, &facts, entered.version)
            .await
            .map(drop),
        Err(wrong) => Err(ManageError::Wrong(vec![wrong])),
    };
    outcome(&site, &page, &login, entered, done).await
}

/// `POST /users/{login}/password`
pub(crate) async fn set_password(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(login): Path<String>,
    sent: Sent,
) -> Response {
    let page = Page {
        path: format!("/users/{}", page.segment(&login)),
        ..page
    };
    let password = match sent {
        Ok(Form(entered)) => entered.password,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let done = site.app.people.set_password(&login, &password).await;
    let entered = match site.app.people.user(&login).await {
        Ok(Some(user)) => Entered::of(&user),
        Ok(None) => return Fault::NotFound.respond(&page),
        Err(error) => return Fault::Unavailable(error.to_string()).respond(&page),
    };
    outcome(&site, &page, &login, entered, done).await
}

async fn outcome(
    site: &Site,
    page: &Page,
    login: &str,
    entered: Entered,
    done: Result<(), ManageError>,
) -> Response {
    let (status, wrong, changed) = match done {
        Ok(()) => return Redirect::to(&format!("/users/{}?done=yes", page.segment(login))).into_response(),
        Err(ManageError::Wrong(wrong)) => (StatusCode::UNPROCESSABLE_ENTITY, wrong, false),
        Err(ManageError::Changed { .. }) => (StatusCode::PRECONDITION_FAILED, Vec::new(), true),
        Err(ManageError::Missing(_)) => return Fault::NotFound.respond(page),
        Err(error) => return Fault::Unavailable(error.to_string()).respond(page),
    };
    let user = match site.app.people.user(login).await {
        Ok(Some(user)) => user,
        Ok(None) => return Fault::NotFound.respond(page),
        Err(error) => return Fault::Unavailable(error.to_string()).respond(page),
    };
    // What was typed stays; sent again it is meant for the version shown now.
    let entered = Entered {
        version: user.version,
        ..entered
    };
    let template = UserPage {
        page,
        user: Some(user),
        entered,
        wrong,
        changed,
        done: false,
    };
    respond_with(page, status, Ok(template))
}

fn form(
    page: &Page,
    status: StatusCode,
    user: Option<User>,
    entered: Entered,
    wrong: Vec<Wrong>,
) -> Response {
    let template = UserPage {
        page,
        done: page.asked("done") == "yes",
        user,
        entered,
        wrong,
        changed: false,
    };
    respond_with(page, status, Ok(template))
}

impl UsersPage<'_> {
    fn role(&self, role: &Role) -> &'static str {
        terms::role(self.page.language, *role)
    }

    fn roles(&self) -> [Role; 6] {
        Role::ALL
    }

    fn areas(&self, user: &User) -> String {
        let word = |area: &Arc<str>| match &**area {
            "" => self.page.pick("全部", "everywhere").to_owned(),
            area => area.to_owned(),
        };
        user.facts.areas.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

impl UserPage<'_> {
    fn role(&self, role: &Role) -> &'static str {
        terms::role(self.page.language, *role)
    }

    fn roles(&self) -> [Role; 6] {
        Role::ALL
    }

    fn wrong(&self, field: &str) -> Option<&'static str> {
        let wrong = self.wrong.iter().find(|wrong| wrong.field == field)?;
        Some(self.page.language.pick(wrong.zh, wrong.en))
    }
}
