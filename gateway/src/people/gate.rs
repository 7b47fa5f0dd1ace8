//! The gate before every route: finds out who asks, looks the route up, lets in or refuses, and records.

use super::access::{Access, Via};
use super::rules::{self, Kind, Rule, Verb, Who};
use super::sign_in::{COOKIE, cookie};
use super::{Deed, People, TokenScope};
use crate::app::App;
use crate::store::StoreError;
use axum::extract::MatchedPath;
use axum::http::header::{AUTHORIZATION, COOKIE as COOKIES};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use std::net::{IpAddr, SocketAddr};

/// Header an API client with a cookie shows beside it.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// Whom a connection comes from; the server puts it into each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Why a request goes no further.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It does not say who asks.
    #[error("sign in first: this needs a login, a session or a token")]
    SignIn,
    /// It says so wrongly.
    #[error("this token is not known here, or has run out")]
    BadToken,
    /// Not with this role.
    #[error("your role does not do this")]
    Role,
    /// The token is for something else.
    #[error("this token is not for that: it lacks the scope `{}`", scope_key(*.0))]
    Scope(TokenScope),
    /// It may come from another site's page.
    #[error(
        "the request does not show that it comes from one of our pages: `X-CSRF-Token` is missing or wrong"
    )]
    Forged,
    /// The route takes other methods.
    #[error("this address does not take {method}; see the header Allow")]
    Method {
        /// The one that was asked with.
        method: String,
        /// Those it takes.
        allowed: String,
    },
    /// Nobody has said who may: a mistake in this program.
    #[error("nobody has said who may ask for this")]
    NoRule,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const fn scope_key(scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::Read => "read",
        TokenScope::Act => "act",
        TokenScope::Ingest => "ingest",
    }
}

impl Refusal {
    /// HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::SignIn | Self::BadToken => StatusCode::UNAUTHORIZED,
            Self::Role | Self::Scope(_) | Self::Forged => StatusCode::FORBIDDEN,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoRule => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Who asks, and under which rule; without one there is no such route.
#[derive(Debug)]
pub struct Admitted {
    /// Who.
    pub access: Access,
    /// The line of the table.
    pub rule: Option<&'static Rule>,
}

/// A request that was refused, with whoever was recognised.
#[derive(Debug)]
pub struct Refused {
    /// Who.
    pub access: Access,
    /// The line of the table, if there is one.
    pub rule: Option<&'static Rule>,
    /// Why.
    pub why: Refusal,
}

/// Who asks, as far as the headers say.
struct Caller {
    access: Access,
    /// What his token is for; `None`: it restricts nothing.
    scopes: Option<Vec<TokenScope>>,
    /// A token that is none.
    bad: bool,
}

/// Lets a request in or refuses it. Forms are not read here: see [`Kind::Write`] and [`needs_csrf`].
///
/// # Errors
/// See [`Refusal`].
pub async fn admit(app: &App, parts: &Parts) -> Result<Admitted, Box<Refused>> {
    let (address, https) = origin(app, parts);
    let mut nobody = Access::nobody();
    (nobody.address, nobody.https) = (address, https);
    let caller = match caller(&app.people, &parts.headers).await {
        Ok(caller) => caller,
        Err(error) => {
            return Err(Box::new(Refused {
                access: nobody,
                rule: None,
                why: error.into(),
            }));
        }
    };
    let mut caller = caller.unwrap_or(Caller {
        access: nobody,
        scopes: None,
        bad: false,
    });
    (caller.access.address, caller.access.https) = (address, https);
    let Some(route) = parts.extensions.get::<MatchedPath>() else {
        return Ok(Admitted {
            access: caller.access,
            rule: None,
        });
    };
    let (rule, why) = match line(parts.method.as_str(), route.as_str()) {
        Ok(rule) => (Some(rule), judge(&app.people, &caller, rule)),
        Err(why) => (None, Err(why)),
    };
    match why {
        Ok(()) => Ok(Admitted {
            access: caller.access,
            rule,
        }),
        Err(why) => Err(Box::new(Refused {
            access: caller.access,
            rule,
            why,
        })),
    }
}

fn line(method: &str, route: &str) -> Result<&'static Rule, Refusal> {
    if let Some(rule) = Verb::of(method).and_then(|verb| rules::of(verb, route)) {
        return Ok(rule);
    }
    let others = rules::of_route(route);
    if others.is_empty() {
        tracing::error!(method, route, "a route has no rule: nobody may use it");
        return Err(Refusal::NoRule);
    }
    let mut allowed = Vec::new();
    for rule in others {
        allowed.push(rule.verb.key());
        if rule.verb == Verb::Get {
            allowed.push("HEAD");
        }
    }
    Err(Refusal::Method {
        method: method.to_owned(),
        allowed: allowed.join(","),
    })
}

fn judge(people: &People, caller: &Caller, rule: &Rule) -> Result<(), Refusal> {
    if matches!(rule.kind, Kind::Open | Kind::Door) {
        return Ok(());
    }
    if caller.bad {
        return Err(Refusal::BadToken);
    }
    if !caller.access.signed_in() {
        return match rule.kind {
            Kind::Read | Kind::Vouched if !people.closed() => Ok(()),
            _ => Err(Refusal::SignIn),
        };
    }
    if !is_allowed(&caller.access, rule) {
        return Err(Refusal::Role);
    }
    match &caller.scopes {
        Some(scopes) if !scopes.contains(&rule.scope()) => Err(Refusal::Scope(rule.scope())),
        _ => Ok(()),
    }
}

/// Whether somebody is a user, and not the admin token under a name.
#[must_use]
pub fn has_account(access: &Access) -> bool {
    // Nobody's login has these letters: see `vigil_core::sign_in::login`.
    access.signed_in() && access.login() != super::ADMIN && !access.login().contains(':')
}

/// Whether somebody may open a page: what menus show.
#[must_use]
pub fn may_open(access: &Access, route: &str) -> bool {
    let Some(rule) = rules::of(Verb::Get, route) else {
        return false;
    };
    match rule.kind {
        Kind::Open | Kind::Door => true,
        Kind::Read if !access.signed_in() => true,
        _ => access.signed_in() && is_allowed(access, rule),
    }
}

/// Whether somebody may send a form: what pages offer.
#[must_use]
pub fn may_post(access: &Access, route: &str) -> bool {
    let rule = rules::of(Verb::Post, route);
    access.signed_in() && rule.is_some_and(|rule| is_allowed(access, rule))
}

fn is_allowed(access: &Access, rule: &Rule) -> bool {
    match rule.who {
        Who::Roles(roles) => roles.contains(&access.person.role),
        Who::Everywhere => access.sight().is_everything(),
        // The admin token is nobody's account, and a token makes no further ones and changes no password.
        Who::Oneself => has_account(access) && access.via == Via::Session,
    }
}

/// Whether a request must show the CSRF token of its session.
#[must_use]
pub fn needs_csrf(access: &Access, rule: &Rule) -> bool {
    access.via == Via::Session && rule.verb != Verb::Get && matches!(rule.kind, Kind::Write | Kind::Door)
}

/// Whether a browser says that another site's page sends this.
#[must_use]
pub fn is_cross_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    matches!(site, Some(site) if site != "same-origin" && site != "none")
}

async fn caller(people: &People, headers: &HeaderMap) -> Result<Option<Caller>, StoreError> {
    if let Some(header) = headers.get(AUTHORIZATION) {
        let offered = header.to_str().ok().and_then(|text| text.split_once(' '));
        let found = match offered {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                people.of_bearer(token.trim()).await?
            }
            _ => None,
        };
        return Ok(Some(match found {
            Some((access, scopes)) => Caller {
                access,
                scopes,
                bad: false,
            },
            None => Caller {
                access: Access::nobody(),
                scopes: None,
                bad: true,
            },
        }));
    }
    let cookies = headers.get(COOKIES).and_then(|header| header.to_str().ok());
    let Some(value) = cookies.and_then(|header| cookie(header, COOKIE)) else {
        return Ok(None);
    };
    Ok(people.of_cookie(value).await?.map(|access| Caller {
        access,
        scopes: None,
        bad: false,
    }))
}

/// Where a request comes from, and whether over TLS. What a proxy says counts only where one is configured.
fn origin(app: &App, parts: &Parts) -> (Option<IpAddr>, bool) {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
    if !app.config.web.behind_proxy {
        return (peer, false);
    }
    let said = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    // The last address is the one our own proxy has seen.
    let forwarded = said("x-forwarded-for").and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    (forwarded.or(peer), said("x-forwarded-proto") == Some("https"))
}

/// What of the address is not in the template, such as an id; empty when nothing is.
fn object(route: &str, path: &str) -> String {
    let values: Vec<&str> = route
        .split('/')
        .zip(path.split('/'))
        .filter(|(part, _)| part.starts_with('{'))
        .map(|(_, value)| value)
        .collect();
    values.join("/").chars().take(200).collect()
}

/// Writes a request into the audit log, if its rule says so.
///
/// # Errors
/// The database cannot be written.
pub async fn record(
    app: &App,
    access: &Access,
    rule: Option<&Rule>,
    path: &str,
    status: StatusCode,
) -> Result<(), StoreError> {
    let Some(rule) = rule.filter(|rule| rule.is_recorded()) else {
        return Ok(());
    };
    // Who merely knocks leaves no line: anybody could fill the disk.
    if !access.signed_in() && status == StatusCode::UNAUTHORIZED {
        return Ok(());
    }
    let note = access.note();
    let object = note.object.unwrap_or_else(|| object(rule.route, path));
    let area = note.area.unwrap_or_else(|| {
        let first = object.split('/').next().unwrap_or_default();
        app.scope_of(first).area.to_string()
    });
    let known = access.signed_in();
    let deed = Deed {
        at: app.clock.now(),
        login: if known {
            access.login().to_owned()
        } else {
            String::new()
        },
        role: if known {
            access.person.role.key().to_owned()
        } else {
            String::new()
        },
        via: match &access.via {
            Via::Nobody => "none".to_owned(),
            Via::AdminToken => "admin_token".to_owned(),
            Via::Session => "session".to_owned(),
            Via::Token { id } => format!("token:{id}"),
        },
        address: access
            .address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        method: rule.verb.key().to_owned(),
        route: rule.route.to_owned(),
        object,
        area,
        status: status.as_u16(),
    };
    app.people.record(deed).await
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn what_a_request_is_about_stands_in_its_address() {
        for (route, path, expected) in [
            ("/hazards/{id}/actions", "/hazards/HZ-1/actions", "HZ-1"),
            (
                "/alarms/{equipment}/{rule}/actions",
                "/alarms/b/R-1/actions",
                "b/R-1",
            ),
            ("/users", "/users", ""),
        ] {
            assert_eq!(object(route, path), expected);
        }
    }
}
