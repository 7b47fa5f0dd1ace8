//! Who may ask for what: every route as every role, in and out of scope, and what is recorded of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::Site;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use harness::within;
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use tower::ServiceExt as _;
use vigil_core::people::{Role, Scope, Sight};
use vigil_gateway::people::rules::{Kind, RULES, Rule, Verb, Who};
use vigil_gateway::people::{COOKIE, Chain, SignInError, TokenScope, UserFacts};
use vigil_gateway::{api, desk, view, web};

const PASSWORD: &str = "the drum is warm today";

/// Routes of the API as its description has them, and of the pages as their router has them.
fn served() -> BTreeSet<(String, String)> {
    let description = api::openapi();
    let mut served = BTreeSet::new();
    for (path, item) in &description.paths.paths {
        let operations = [
            ("GET", &item.get),
            ("PUT", &item.put),
            ("POST", &item.post),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations {
            if operation.is_some() {
                served.insert((method.to_owned(), path.clone()));
            }
        }
    }
    let pages = web::routes().into_iter();
    served.extend(pages.map(|(method, route)| (method.to_owned(), route.to_owned())));
    served
}

#[test]
fn every_route_has_a_rule_and_every_rule_a_route() {
    let ruled: BTreeSet<_> = RULES
        .iter()
        .map(|rule| (rule.verb.key().to_owned(), rule.route.to_owned()))
        .collect();
    let served = served();
    let open: Vec<_> = served.difference(&ruled).collect();
    assert!(
        open.is_empty(),
        "nobody has said in people/rules.rs who may: {open:?}"
    );
    let idle: Vec<_> = ruled.difference(&served).collect();
    assert!(idle.is_empty(), "these rules are about no route: {idle:?}");
}

/// Somebody of the cast, signed in.
#[derive(Clone)]
struct Actor {
    login: &'static str,
    role: Role,
    sight: Sight,
    cookie: String,
    csrf: String,
}

struct Stage {
    site: Site,
    all: Router,
    hazard: String,
    /// SHA-256 of what is attached to it.
    photo: String,
}

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

/// Login, role, unit, areas, and whether the boiler is in scope.
type Member = (
    &'static str,
    Role,
    Option<&'static str>,
    &'static [&'static str],
    bool,
);

/// The boiler belongs to `acme`, is maintained by `fix`, inspected by `look`, and stands in Haicheng.
#[rustfmt::skip] // a table
const CAST: &[Member] = &[
    ("site-a", Role::Site, Some("acme"), &[], true),
    ("site-b", Role::Site, Some("other"), &[], false),
    ("maintainer-a", Role::Maintainer, Some("fix"), &[], true),
    ("maintainer-b", Role::Maintainer, Some("acme"), &[], false),
    ("inspector-a", Role::InspectionBody, Some("look"), &[], true),
    ("inspector-b", Role::InspectionBody, Some("away"), &[], false),
    ("regulator-a", Role::Regulator, None, &["11", "2103"], true),
    ("regulator-b", Role::Regulator, None, &["2104"], false),
    ("regulator-all", Role::Regulator, None, &[""], true),
    ("department-a", Role::Department, None, &["210381"], true),
    ("department-b", Role::Department, None, &["310000"], false),
    ("root", Role::Administrator, None, &[], true),
];

impl Stage {
    async fn new() -> Self {
        let (site, hazard) = Site::with_hazard().await;
        let scope = Scope {
            use_unit: Some("acme".into()),
            maintenance_unit: Some("fix".into()),
            inspection_body: Some("look".into()),
            area: "210381".into(),
        };
        let mut write = site.app.desk.begin().await.unwrap();
        desk::scopes::register(write.connection().unwrap(), "boiler", &scope)
            .await
            .unwrap();
        write.commit().await.unwrap();
        site.app.people.scopes().set("boiler", scope);
        let all = api::router(site.app.clone()).merge(web::router(site.app.clone()));
        Self {
            site,
            all,
            hazard,
            photo: "0".repeat(64),
        }
    }

    async fn attach_photo(&mut self) {
        let kept = self.site.upload("a.jpg", &[0xFF, 0xD8, 0xFF, 0xE0, 1]).await;
        kept.body["sha256"].as_str().unwrap().clone_into(&mut self.photo);
        let step = json!({"action": "attach", "reason": "seen", "attachments": [{"sha256": self.photo}]});
        let shown = self.site.act(&self.hazard, None, &step.to_string()).await;
        assert_eq!(shown.status, StatusCode::OK, "{:#}", shown.body);
    }

    async fn add(&self, login: &str, role: Role, unit: Option<&str>, areas: &[&str]) {
        let facts = UserFacts {
            name: login.to_owned(),
            role,
            unit: unit.map(Into::into),
            areas: areas.iter().map(|area| Arc::from(*area)).collect(),
            language: Some("en".to_owned()),
            phone: None,
            active: true,
        };
        self.site
            .app
            .people
            .add_user(login, &facts, PASSWORD)
            .await
            .unwrap();
    }

    async fn enter(&self, login: &'static str) -> Actor {
        let people = &self.site.app.people;
        let token = people.sign_in(login, PASSWORD, None, "test").await.unwrap();
        let cookie = format!("{COOKIE}={token}");
        let account = self
            .ask("GET", "/api/v1/account", &[("cookie", &cookie)], "")
            .await;
        let account: Value = serde_json::from_str(&account.body).unwrap();
        let person = people.user(login).await.unwrap().unwrap().person();
        Actor {
            login,
            role: person.role,
            sight: person.sight(),
            cookie,
            csrf: account["csrf"].as_str().unwrap().to_owned(),
        }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = within(path, self.all.clone().oneshot(request)).await.unwrap();
        let (parts, body) = response.into_parts();
        // A stream does not end.
        let stream = parts
            .headers
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let body = if stream {
            String::new()
        } else {
            let bytes = within(path, to_bytes(body, 16 << 20)).await.unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Seen {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn get(&self, actor: &Actor, path: &str) -> Seen {
        self.ask("GET", path, &[("cookie", &actor.cookie)], "").await
    }

    /// Asks for a route in somebody's name, with a body its handler reads.
    async fn try_out(&self, rule: &Rule, actor: Option<&Actor>) -> Seen {
        let path = rule
            .route
            .replace("{equipment}/{rule}", "boiler/BLR-STEAM-P-HH")
            .replace("{group}/{node}", "s/n1")
            .replace("{login}", "site-b")
            .replace("{name}", "none.css")
            .replace("{sha256}", &self.photo)
            .replace("{code}", "none")
            .replace("{accessory}", "1");
        let id = if path.contains("hazards") {
            &self.hazard
        } else if path.contains("equipment") {
            "boiler"
        } else {
            "0000000000000000"
        };
        let mut path = path.replace("{id}", id);
        if path.ends_with("/trend") {
            path += "?quantity=steam_pressure";
        }
        let (cookie, csrf) = actor.map_or(("", ""), |actor| (&*actor.cookie, &*actor.csrf));
        let is_api = path.starts_with("/api");
        let (kind, body) = match (is_api, rule.route) {
            (true, route) if route.contains("hazards") => (
                "application/json",
                r#"{"action":"comment","reason":"seen"}"#.to_owned(),
            ),
            (true, route) if route.contains("alarms") => {
                ("application/json", r#"{"action":"acknowledge"}"#.to_owned())
            }
            (true, _) => ("application/json", "{}".to_owned()),
            (false, route) => {
                let step = if route.contains("alarms") {
                    "acknowledge"
                } else {
                    "comment"
                };
                let form = format!("csrf={csrf}&step={step}&text=seen");
                ("application/x-www-form-urlencoded", form)
            }
        };
        let mut headers = vec![("content-type", kind)];
        if actor.is_some() {
            headers.extend([("cookie", cookie), ("x-csrf-token", csrf)]);
        }
        let body = if rule.verb == Verb::Get { "" } else { &body };
        self.ask(rule.verb.key(), &path, &headers, body).await
    }
}

/// About one piece of equipment, its hazard, or its node.
fn is_scoped(rule: &Rule) -> bool {
    let about = [
        "equipment/{id}",
        "hazards/{id}",
        "{equipment}",
        "{group}",
        "{sha256}",
    ];
    about.iter().any(|about| rule.route.contains(about))
}

/// Of something that is not there: a person, or what the register does not have. Who sees what of the register is
/// tested with the register.
fn is_of_one(rule: &Rule) -> bool {
    let parts = [
        "users/{login}",
        "register/{id}",
        "units/{",
        "imports/{id}",
        "risk/points/{id}",
        "risk/measures/{id}",
        "supervision/{id}",
        "lists/{id}",
        "list-files/{id}",
        "list-snapshots/{id}",
        "duty/{id}",
    ];
    parts.iter().any(|part| rule.route.contains(part))
}

/// Where a form or a reload is sent on, whoever it is.
fn is_redirect(rule: &Rule) -> bool {
    let forms = [
        "/actions",
        "/columns",
        "/apply",
        "/accessories",
        "/certificates",
        "}/files",
        "}/snapshots",
        "/cancel",
        "/corrections",
    ];
    // The first page sends who is signed in on to his work.
    let sent_on = rule.route == "/" || forms.iter().any(|form| rule.route.ends_with(form));
    rule.verb == Verb::Get && !rule.route.starts_with("/api") && sent_on
}

fn may(rule: &Rule, actor: &Actor) -> bool {
    match rule.who {
        Who::Roles(roles) => roles.contains(&actor.role),
        Who::Everywhere => actor.sight.is_everything(),
        Who::Oneself => true,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_every_role_as_the_table_says() {
    let mut stage = Stage::new().await;
    stage.attach_photo().await;
    let mut actors = Vec::new();
    for (login, role, unit, areas, in_scope) in CAST {
        stage.add(login, *role, *unit, areas).await;
        actors.push((stage.enter(login).await, *in_scope));
    }
    for rule in RULES {
        let at = format!("{} {}", rule.verb.key(), rule.route);
        let open = matches!(rule.kind, Kind::Open | Kind::Door);
        let api = rule.route.starts_with("/api") || rule.route == "/metrics";
        let nobody = stage.try_out(rule, None).await;
        if open {
            assert_ne!(nobody.status, StatusCode::UNAUTHORIZED, "{at}");
            continue;
        }
        match (api, rule.verb) {
            (true, _) => assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{at} by nobody"),
            (false, Verb::Get) => {
                let to = nobody.headers["location"].to_str().unwrap();
                assert_eq!(nobody.status, StatusCode::SEE_OTHER, "{at} by nobody");
                assert!(to.starts_with("/sign-in?next="), "{at} by nobody: {to}");
            }
            (false, _) => assert_eq!(nobody.status, StatusCode::FORBIDDEN, "{at} by nobody"),
        }
        for (actor, in_scope) in &actors {
            let at = format!("{at} by {}", actor.login);
            let seen = stage.try_out(rule, Some(actor)).await;
            let status = seen.status.as_u16();
            if !may(rule, actor) {
                assert_eq!(status, 403, "{at}");
            } else if is_scoped(rule) && !in_scope && !is_redirect(rule) {
                assert_eq!(status, 404, "{at}");
                assert!(!seen.body.contains("1.0 MPa"), "{at}");
            } else {
                assert!(
                    !matches!(status, 401 | 403 | 405 | 500),
                    "{at}: {status} {}",
                    seen.body
                );
                if rule.verb == Verb::Get && !is_of_one(rule) && !is_redirect(rule) {
                    assert_eq!(status, 200, "{at}: {}", seen.body);
                }
            }
        }
    }
    assert!(matches!(
        stage.site.app.people.audit_chain().await.unwrap(),
        Chain::Whole { entries, .. } if entries > 100
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_list_shows_what_is_another_units() {
    let stage = Stage::new().await;
    let mut actors = Vec::new();
    for (login, role, unit, areas, in_scope) in CAST {
        stage.add(login, *role, *unit, areas).await;
        actors.push((stage.enter(login).await, *in_scope));
    }
    let lists = [
        ("/api/v1/hazards", "hazards"),
        ("/api/v1/alarms", "alarms"),
        ("/api/v1/alarms/events", "events"),
        ("/api/v1/equipment", "equipment"),
        ("/api/v1/nodes", "nodes"),
        ("/api/v1/hazards?open=true&limit=1", "hazards"),
        ("/api/v1/equipment?watch=online", "equipment"),
    ];
    let pages = [
        "/overview",
        "/hazards",
        "/hazards?status=all",
        "/alarms",
        "/equipment",
        "/nodes",
        "/rules",
    ];
    let events = stage.site.app.store.server_events(0, 1_000).await.unwrap();
    assert!(!events.is_empty());
    for (actor, in_scope) in &actors {
        let at = actor.login;
        for (path, key) in lists {
            let seen = stage.get(actor, path).await;
            let body: Value = serde_json::from_str(&seen.body).unwrap();
            let rows = body[key].as_array().unwrap();
            let alone = rows.iter().all(|row| row.to_string().contains("boiler"));
            if actor.sight.is_everything() {
                assert!(!rows.is_empty(), "{at} {path}");
            } else {
                assert_eq!(rows.is_empty(), !in_scope, "{at} {path}: {body:#}");
                if key == "hazards" {
                    assert_eq!(body["total"], json!(u64::from(*in_scope)), "{at} {path}");
                }
                assert!(alone, "{at} {path}: {body:#}");
            }
        }
        let overview = stage.get(actor, "/api/v1/overview").await.body;
        let overview: Value = serde_json::from_str(&overview).unwrap();
        let expected = u64::from(*in_scope);
        assert_eq!(
            overview["hazards"]["by_severity"]["total"],
            json!(expected),
            "{at}"
        );
        assert_eq!(
            overview["open_hazards"].as_array().unwrap().len() as u64,
            expected,
            "{at}"
        );
        assert_eq!(
            overview["unregistered"].is_null(),
            !actor.sight.is_everything(),
            "{at}"
        );
        assert_eq!(overview["store"].is_null(), !actor.sight.is_everything(), "{at}");
        if !in_scope {
            assert_eq!(overview["equipment"]["total"], json!(0), "{at}");
            assert_eq!(overview["completeness"]["messages"]["expected"], json!(0), "{at}");
        }
        for path in pages {
            let body = stage.get(actor, path).await.body;
            assert_eq!(
                body.contains("/equipment/boiler") && path != "/rules" && path != "/nodes",
                *in_scope && path != "/rules" && path != "/nodes",
                "{at} {path}"
            );
            if !in_scope {
                assert!(!body.contains("boiler\""), "{at} {path}");
                assert!(!body.contains(&stage.hazard), "{at} {path}");
            }
        }
        let told = events
            .iter()
            .filter_map(|event| view::news(&stage.site.app, &actor.sight, event));
        let told = told.count();
        assert_eq!(told > 0, *in_scope, "{at}");
        assert!(told <= events.len());
    }
}

#[tokio::test]
async fn reading_is_open_until_the_first_user_and_never_after() {
    let stage = Stage::new().await;
    let (read, page) = ("/api/v1/hazards", "/hazards");
    for path in [read, page] {
        assert_eq!(
            stage.ask("GET", path, &[], "").await.status,
            StatusCode::OK,
            "{path}"
        );
    }
    let people = stage.ask("GET", "/api/v1/users", &[], "").await;
    assert_eq!(people.status, StatusCode::UNAUTHORIZED, "people are never open");
    stage.add("root", Role::Administrator, None, &[]).await;
    assert_eq!(
        stage.ask("GET", read, &[], "").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        stage.ask("GET", page, &[], "").await.status,
        StatusCode::SEE_OTHER
    );
    let bearer = format!("Bearer {}", stage.site.token);
    let with_token = stage.ask("GET", read, &[("authorization", &bearer)], "").await;
    assert_eq!(with_token.status, StatusCode::OK, "the admin token stays");
    for path in [
        "/healthz",
        "/readyz",
        "/sign-in",
        "/api/v1/openapi.json",
        "/docs/",
    ] {
        assert_eq!(
            stage.ask("GET", path, &[], "").await.status,
            StatusCode::OK,
            "{path}"
        );
    }
    let ready = stage.ask("GET", "/readyz", &[], "").await.body;
    assert!(!ready.contains("mqtt"), "status only: {ready}");
}

#[tokio::test]
async fn who_guesses_is_slowed_down_and_learns_nothing() {
    let stage = Stage::new().await;
    stage.add("li.wei", Role::Site, Some("acme"), &[]).await;
    let people = &stage.site.app.people;
    for login in ["li.wei", "nobody.here"] {
        for _ in 0..5 {
            let error = people
                .sign_in(login, "not the password", None, "")
                .await
                .unwrap_err();
            assert_eq!(error.to_string(), "login or password is wrong", "{login}");
        }
        let error = people.sign_in(login, PASSWORD, None, "").await.unwrap_err();
        assert!(matches!(error, SignInError::Wait(1_000)), "{login}: {error}");
    }
    stage
        .site
        .app
        .clock
        .set(stage.site.app.clock.now().saturating_add_ms(1_000));
    people.sign_in(" LI.WEI ", PASSWORD, None, "").await.unwrap();
}

#[tokio::test]
async fn a_session_ends_when_idle_when_old_when_revoked_and_when_its_user_is_out() {
    let stage = Stage::new().await;
    stage.add("li.wei", Role::Site, Some("acme"), &[]).await;
    let (app, people) = (&stage.site.app, &stage.site.app.people);
    let holds = async |actor: &Actor| stage.get(actor, "/api/v1/account").await.status == StatusCode::OK;
    let wait = |ms| app.clock.set(app.clock.now().saturating_add_ms(ms));
    let hour = 3_600_000;
    let idle = stage.enter("li.wei").await;
    wait(2 * hour + 1);
    assert!(!holds(&idle).await, "idle");
    let busy = stage.enter("li.wei").await;
    for _ in 0..11 {
        wait(hour);
        assert!(holds(&busy).await);
    }
    wait(hour);
    assert!(!holds(&busy).await, "twelve hours");
    let (one, other) = (stage.enter("li.wei").await, stage.enter("li.wei").await);
    let sessions = people.sessions("li.wei").await.unwrap();
    assert_eq!(sessions.len(), 2);
    let listed = stage.get(&one, "/api/v1/account/sessions").await.body;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let id = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["current"] == false)
        .unwrap()["id"]
        .as_str()
        .unwrap();
    let path = format!("/api/v1/account/sessions/{id}");
    let forged = stage.ask("DELETE", &path, &[("cookie", &one.cookie)], "").await;
    assert_eq!(
        forged.status,
        StatusCode::FORBIDDEN,
        "a cookie alone changes nothing"
    );
    let headers = [("cookie", &*one.cookie), ("x-csrf-token", &*one.csrf)];
    assert_eq!(
        stage.ask("DELETE", &path, &headers, "").await.status,
        StatusCode::OK
    );
    assert!(holds(&one).await && !holds(&other).await);
    let user = people.user("li.wei").await.unwrap().unwrap();
    let mut facts = user.facts.clone();
    facts.active = false;
    people.change_user("li.wei", &facts, user.version).await.unwrap();
    assert!(!holds(&one).await, "disabled");
    assert!(people.sign_in("li.wei", PASSWORD, None, "").await.is_err());
}

#[tokio::test]
async fn a_token_does_what_it_is_for_and_no_more_than_its_owner() {
    let stage = Stage::new().await;
    stage.add("fixer", Role::Maintainer, Some("fix"), &[]).await;
    stage.add("other", Role::Maintainer, Some("others"), &[]).await;
    let people = &stage.site.app.people;
    let made = people
        .add_token("fixer", "scada", &[TokenScope::Read], 30)
        .await
        .unwrap();
    let bearer = format!("Bearer {}", made.secret);
    let path = format!("/api/v1/hazards/{}", stage.hazard);
    let seen = stage.site.state(&stage.hazard).await;
    let auth = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("if-match", &*seen),
    ];
    assert_eq!(stage.ask("GET", &path, &auth, "").await.status, StatusCode::OK);
    let comment = r#"{"action":"comment","reason":"seen"}"#;
    let act = format!("{path}/actions");
    let refused = stage.ask("POST", &act, &auth, comment).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    assert!(refused.body.contains("`act`"), "{}", refused.body);
    assert_eq!(
        stage.ask("GET", "/api/v1/users", &auth, "").await.status,
        StatusCode::FORBIDDEN
    );
    let own = stage.ask("GET", "/api/v1/account/tokens", &auth, "").await;
    assert_eq!(own.status, StatusCode::FORBIDDEN, "a token makes no tokens");
    let acting = people
        .add_token("fixer", "app", &[TokenScope::Act, TokenScope::Read], 1)
        .await
        .unwrap();
    let bearer = format!("Bearer {}", acting.secret);
    let auth = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("if-match", &*seen),
    ];
    let done = stage.ask("POST", &act, &auth, comment).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let history = stage.ask("GET", &path, &auth, "").await.body;
    let history: Value = serde_json::from_str(&history).unwrap();
    assert_eq!(history["history"][1]["actor"], json!("fixer"), "{history:#}");
    let foreign = people
        .add_token("other", "app", &[TokenScope::Act, TokenScope::Read], 1)
        .await
        .unwrap();
    let foreign = format!("Bearer {}", foreign.secret);
    let foreign = [("authorization", &*foreign), ("content-type", "application/json")];
    assert_eq!(
        stage.ask("POST", &act, &foreign, comment).await.status,
        StatusCode::NOT_FOUND
    );
    people.revoke_token("fixer", &acting.token.id).await.unwrap();
    assert_eq!(
        stage.ask("GET", &path, &auth, "").await.status,
        StatusCode::UNAUTHORIZED
    );
    let user = people.user("fixer").await.unwrap().unwrap();
    assert!(
        people.revoke_token("other", &made.token.id).await.is_err(),
        "another's"
    );
    assert_eq!(user.facts.role, Role::Maintainer);
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_cannot_be_changed() {
    let stage = Stage::new().await;
    stage.add("root", Role::Administrator, None, &[]).await;
    stage.add("near", Role::Regulator, None, &["21"]).await;
    stage.add("far", Role::Regulator, None, &["44"]).await;
    let (root, near, far) = (
        stage.enter("root").await,
        stage.enter("near").await,
        stage.enter("far").await,
    );
    let headers = [
        ("cookie", &*near.cookie),
        ("x-csrf-token", &*near.csrf),
        ("content-type", "application/json"),
        ("if-match", "\"1\""),
    ];
    let act = format!("/api/v1/hazards/{}/actions", stage.hazard);
    let body = r#"{"action":"confirm"}"#;
    assert_eq!(
        stage.ask("POST", &act, &headers, body).await.status,
        StatusCode::OK
    );
    stage.get(&root, "/api/v1/users/near").await;
    let log = async |actor: &Actor, query: &str| {
        let body = stage.get(actor, &format!("/api/v1/audit{query}")).await.body;
        serde_json::from_str::<Value>(&body).unwrap()["entries"]
            .as_array()
            .unwrap()
            .clone()
    };
    let about = format!("?object={}", stage.hazard);
    for (reader, entries) in [(&root, 1), (&near, 1), (&far, 0)] {
        let found = log(reader, &about).await;
        assert_eq!(found.len(), entries, "{}: {found:#?}", reader.login);
    }
    let entry = &log(&root, &about).await[0];
    assert_eq!(
        [
            &entry["login"],
            &entry["route"],
            &entry["area"],
            &entry["status"],
            &entry["via"]
        ],
        [
            &json!("near"),
            &json!("/api/v1/hazards/{id}/actions"),
            &json!("210381"),
            &json!(200),
            &json!("session")
        ]
    );
    let looked = log(&root, "?login=root&object=near").await;
    assert_eq!(looked[0]["route"], json!("/api/v1/users/{login}"));
    let mut stranger =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", stage.site.database().display()))
            .await
            .unwrap();
    for sql in [
        "UPDATE audit SET login = 'far'",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT 99, at, login, role, via, address, method, route, object, area, status, prev, hash FROM audit",
    ] {
        assert!(sqlx::query(sql).execute(&mut stranger).await.is_err(), "{sql}");
    }
    // Who takes the triggers away is found out by the chain.
    for sql in [
        "DROP TRIGGER audit_no_update",
        "UPDATE audit SET login = 'far' WHERE seq = 2",
    ] {
        sqlx::query(sql).execute(&mut stranger).await.unwrap();
    }
    assert_eq!(
        stage.site.app.people.audit_chain().await.unwrap(),
        Chain::Broken { at: 2 }
    );
}

#[tokio::test]
async fn a_form_counts_only_with_the_token_of_its_session() {
    let stage = Stage::new().await;
    stage.add("root", Role::Administrator, None, &[]).await;
    let root = stage.enter("root").await;
    let form = |csrf: &str| {
        format!("csrf={csrf}&login=wu&password=a+long+enough+one&name=Wu&role=administrator&active=yes")
    };
    let send = async |body: &str, site: Option<&str>| {
        let mut headers = vec![
            ("cookie", &*root.cookie),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        headers.extend(site.map(|site| ("sec-fetch-site", site)));
        stage.ask("POST", "/users", &headers, body).await.status
    };
    assert_eq!(send(&form(""), None).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&form("00"), None).await, StatusCode::FORBIDDEN);
    assert_eq!(
        send(&form(&root.csrf), Some("cross-site")).await,
        StatusCode::FORBIDDEN
    );
    assert!(stage.site.app.people.user("wu").await.unwrap().is_none());
    assert_eq!(
        send(&form(&root.csrf), Some("same-origin")).await,
        StatusCode::SEE_OTHER
    );
    assert!(stage.site.app.people.user("wu").await.unwrap().is_some());
}

#[tokio::test]
async fn passwords_are_changed_by_who_knows_the_old_one_and_not_to_one_of_the_last() {
    let stage = Stage::new().await;
    stage.add("wu", Role::Site, Some("acme"), &[]).await;
    let people = &stage.site.app.people;
    let change = async |old: &str, new: &str| {
        let changed = people.change_password("wu", old, new, None).await;
        changed.map_err(|error| error.to_string())
    };
    let second = "quite another one";
    assert!(
        change("wrong", second)
            .await
            .unwrap_err()
            .contains("not the password in force")
    );
    assert!(
        change(PASSWORD, "short")
            .await
            .unwrap_err()
            .contains("at least 10")
    );
    change(PASSWORD, second).await.unwrap();
    assert!(change(second, PASSWORD).await.unwrap_err().contains("last three"));
    change(second, "a third one of them").await.unwrap();
    change("a third one of them", "and now the fourth").await.unwrap();
    change("and now the fourth", PASSWORD).await.unwrap();
    let database = std::fs::read(stage.site.database()).unwrap();
    let wal = std::fs::read(stage.site.database().with_extension("db-wal")).unwrap_or_default();
    for bytes in [database, wal] {
        let found = bytes
            .windows(PASSWORD.len())
            .any(|window| window == PASSWORD.as_bytes());
        assert!(!found, "no password is kept as it is");
    }
}

#[tokio::test]
async fn users_are_changed_by_version_and_what_is_wrong_is_said_at_once() {
    let stage = Stage::new().await;
    let bearer = format!("Bearer {}", stage.site.token);
    let auth = [("authorization", &*bearer), ("content-type", "application/json")];
    let bad = r#"{"login":"a b","password":"short","name":"","role":"site","areas":["2x"]}"#;
    let refused = stage.ask("POST", "/api/v1/users", &auth, bad).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem: Value = serde_json::from_str(&refused.body).unwrap();
    let findings = problem["findings"].as_array().unwrap();
    for field in ["login", "password", "name", "unit", "areas"] {
        let about = format!("{field}: ");
        let found = findings
            .iter()
            .any(|finding| finding.as_str().unwrap().starts_with(&about));
        assert!(found, "{field}: {findings:#?}");
    }
    let good = r#"{"login":"Li","password":"a long enough one","name":"<b>李</b>","role":"regulator","areas":["2103"]}"#;
    let made = stage.ask("POST", "/api/v1/users", &auth, good).await;
    assert_eq!(
        (made.status, &made.headers["etag"]),
        (StatusCode::CREATED, &"\"1\"".parse().unwrap())
    );
    let again = stage.ask("POST", "/api/v1/users", &auth, good).await;
    assert!(again.body.contains("login_taken"), "{}", again.body);
    let other = r#"{"name":"李","role":"department","areas":[""]}"#;
    let put = async |version: Option<&str>| {
        let mut headers = auth.to_vec();
        headers.extend(version.map(|version| ("if-match", version)));
        stage
            .ask("PUT", "/api/v1/users/li", &headers, other)
            .await
            .status
            .as_u16()
    };
    assert_eq!(put(None).await, 428);
    assert_eq!(put(Some("\"1\"")).await, 200);
    assert_eq!(put(Some("\"1\"")).await, 412);
}

#[tokio::test]
async fn a_user_is_made_once_per_key_and_the_repeat_is_told_from_another_request() {
    let stage = Stage::new().await;
    let bearer = format!("Bearer {}", stage.site.token);
    let post = async |key: &str, body: &str| {
        let headers = [
            ("authorization", &*bearer),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let seen = stage.ask("POST", "/api/v1/users", &headers, body).await;
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        (seen.status, body)
    };
    let body = |login: &str, password: &str, area: &str| {
        json!({"login": login, "password": password, "name": "李", "role": "regulator", "areas": [area]})
            .to_string()
    };
    let li = body("li", "a long enough one", "2103");
    // Sent twice at once, and again.
    let ((status, first), other) = tokio::join!(post("k1", &li), post("k1", &li));
    assert_eq!(status, StatusCode::CREATED, "{first:#}");
    for (status, made) in [other, post("k1", &li).await] {
        assert_eq!((status, &made), (StatusCode::CREATED, &first));
    }
    for (what, key, sent, code) in [
        (
            "another user",
            "k1",
            body("wu", "a long enough one", "2103"),
            "key_reused",
        ),
        (
            "another area",
            "k1",
            body("li", "a long enough one", "2104"),
            "key_reused",
        ),
        (
            "another password",
            "k1",
            body("li", "quite another one", "2103"),
            "key_reused",
        ),
        ("the same without its key", "k2", li.clone(), "login_taken"),
    ] {
        let (_, refused) = post(key, &sent).await;
        assert_eq!(refused["code"], code, "{what}: {refused:#}");
    }
    // A request that made nothing has used up no key.
    let (status, _) = post("k3", &body("wu", "short", "2103")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _) = post("k3", &body("wu", "a long enough one", "2103")).await;
    assert_eq!(status, StatusCode::CREATED);
    // Once he has changed his password, nothing can be told from it: the repeat is answered with who he is now.
    let people = &stage.site.app.people;
    stage
        .site
        .app
        .clock
        .set(vigil_protocol::time::UtcMillis(stage.site.now + 60_000));
    people
        .change_password("li", "a long enough one", "quite another one", None)
        .await
        .unwrap();
    let (status, _) = post("k1", &li).await;
    assert_eq!(status, StatusCode::CREATED);
    // Keys of others have nothing to do with it, and no password is kept with a request.
    let mut raw = sqlx::SqliteConnection::connect(&format!("sqlite:{}", stage.site.database().display()))
        .await
        .unwrap();
    let kept: Vec<(String, String)> = sqlx::query_as("SELECT key, answer FROM people_requests ORDER BY key")
        .fetch_all(&mut raw)
        .await
        .unwrap();
    assert_eq!(
        kept,
        [("admin k1", "li"), ("admin k3", "wu")].map(|(key, made)| (key.to_owned(), made.to_owned()))
    );
}

#[tokio::test]
async fn a_token_is_made_once_per_key_and_its_secret_is_said_once() {
    let stage = Stage::new().await;
    stage.add("li", Role::Regulator, None, &["21"]).await;
    let li = stage.enter("li").await;
    let post = async |key: Option<&str>, body: &str| {
        let mut headers = vec![
            ("cookie", &*li.cookie),
            ("x-csrf-token", &*li.csrf),
            ("content-type", "application/json"),
        ];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let seen = stage.ask("POST", "/api/v1/account/tokens", &headers, body).await;
        (seen.status, serde_json::from_str::<Value>(&seen.body).unwrap())
    };
    let wanted = r#"{"name":"scada","scopes":["read"],"days":30}"#;
    let (status, made) = post(Some("k1"), wanted).await;
    assert_eq!(status, StatusCode::CREATED, "{made:#}");
    let (secret, id) = (
        made["secret"].as_str().unwrap(),
        made["token"]["id"].as_str().unwrap(),
    );
    let (status, again) = post(Some("k1"), wanted).await;
    assert_eq!(
        (status, &again["code"]),
        (StatusCode::CONFLICT, &json!("made_before"))
    );
    let said = again.to_string();
    assert!(said.contains(id) && !said.contains(secret), "{said}");
    let (_, other) = post(Some("k1"), r#"{"name":"scada","scopes":["read"],"days":31}"#).await;
    assert_eq!(other["code"], "key_reused", "{other:#}");
    assert_eq!(stage.site.app.people.tokens("li").await.unwrap().len(), 1);
    let (status, _) = post(None, wanted).await;
    assert_eq!(
        status,
        StatusCode::CREATED,
        "without a key each request makes one"
    );
    assert_eq!(stage.site.app.people.tokens("li").await.unwrap().len(), 2);
    let database = std::fs::read(stage.site.database()).unwrap();
    let wal = std::fs::read(stage.site.database().with_extension("db-wal")).unwrap_or_default();
    for bytes in [database, wal] {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "no secret is kept");
    }
}
