//! A site keeps right whom to ask: of its own unit and equipment, and nothing else of the register.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::{Answer, Site};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;
use vigil_core::people::Role;
use vigil_gateway::people::{COOKIE, TokenScope, UserFacts};
use vigil_gateway::web;

const PASSWORD: &str = "the drum is warm today";
const UNIT: &str = "91350100M000100Y43";
const LIFT: &str = "31101001920150001";

/// Login, role, unit, area, what the API answers when he changes whom to ask.
type Member = (&'static str, Role, Option<&'static str>, &'static str, u16);

#[rustfmt::skip] // a table
const CAST: &[Member] = &[
    ("own", Role::Site, Some(UNIT), "", 200),
    ("neighbour", Role::Site, Some("other"), "", 404),
    ("fixer", Role::Maintainer, Some(UNIT), "", 403),
    ("near", Role::Regulator, None, "2103", 200),
    ("far", Role::Regulator, None, "44", 404),
    ("reader", Role::Department, None, "2103", 403),
    ("root", Role::Administrator, None, "", 200),
];

struct Stage {
    site: Site,
    pages: Router,
    bearers: Vec<(&'static str, String)>,
}

impl Stage {
    /// A lift of a unit, and a cast around it.
    async fn new() -> Self {
        let site = Site::empty().await;
        let lift = json!({"facts": {"name": "1号梯", "category": "3110", "equipment_code": LIFT, "area": "210381",
            "use_unit": "某商场", "use_unit_uscc": UNIT, "safety_officer": "李工", "next_inspection": "2026-07-31"}});
        let made = site.post_json("/api/v1/register", None, &lift).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.body);
        let mut bearers = Vec::new();
        for (login, role, unit, area, _) in CAST {
            let facts = UserFacts {
                name: (*login).to_owned(),
                role: *role,
                unit: unit.map(Into::into),
                areas: vec![Arc::from(*area)],
                language: Some("en".to_owned()),
                phone: None,
                active: true,
            };
            let people = &site.app.people;
            people.add_user(login, &facts, PASSWORD).await.unwrap();
            let scopes = [TokenScope::Act, TokenScope::Read];
            let token = people.add_token(login, "app", &scopes, 300).await.unwrap();
            bearers.push((*login, format!("Bearer {}", token.secret)));
        }
        let pages = web::router(site.app.clone());
        Self { site, pages, bearers }
    }

    async fn ask(&self, login: &str, method: Method, path: &str, seen: Option<&str>, body: &Value) -> Answer {
        let (_, bearer) = self.bearers.iter().find(|(known, _)| *known == login).unwrap();
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        headers.extend(seen.map(|seen| ("if-match", seen)));
        self.site.ask(method, path, &headers, &body.to_string()).await
    }

    async fn get(&self, path: &str) -> Answer {
        let answer = self.ask("root", Method::GET, path, None, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:#}", answer.body);
        answer
    }

    /// Status, address it leads to, text of a page.
    async fn page(&self, method: Method, path: &str, cookie: &str, form: &str) -> (u16, String, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        let response = self.pages.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let place = response.headers().get("location");
        let place = place.map_or(String::new(), |place| place.to_str().unwrap().to_owned());
        let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap();
        (status, place, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Cookie and CSRF token of somebody who signs in.
    async fn enter(&self, login: &str) -> (String, String) {
        let token = self
            .site
            .app
            .people
            .sign_in(login, PASSWORD, None, "test")
            .await
            .unwrap();
        let cookie = format!("{COOKIE}={token}");
        let account = self
            .site
            .ask(Method::GET, "/api/v1/account", &[("cookie", &cookie)], "")
            .await;
        (cookie, account.body["csrf"].as_str().unwrap().to_owned())
    }
}

/// Everything but what says whom to ask.
fn rest(whole: &Value, contact: &[&str]) -> Value {
    let mut rest = whole.clone();
    let facts = match rest.get("facts") {
        Some(_) => &mut rest["facts"],
        None => &mut rest,
    };
    let facts = facts.as_object_mut().unwrap();
    for field in contact.iter().chain(&["revision", "changed"]) {
        facts.remove(*field);
    }
    facts.clone().into()
}

#[tokio::test]
async fn each_role_changes_whom_to_ask_only_where_it_is_his_and_nothing_else_with_it() {
    let stage = Stage::new().await;
    let of_unit = ["contact", "phone"];
    let of_lift = ["use_unit_contact", "use_unit_phone", "safety_officer_phone"];
    for (path, fields) in [
        (format!("/api/v1/units/{UNIT}"), &of_unit[..]),
        (format!("/api/v1/register/{LIFT}"), &of_lift[..]),
    ] {
        let before = stage.get(&path).await;
        let contact = format!("{path}/contact");
        for (n, (login, _, _, _, status)) in (1..).zip(CAST) {
            let body: Value = fields
                .iter()
                .map(|field| ((*field).to_owned(), json!(format!("{n}-13800000000"))))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let seen = stage.get(&path).await;
            let etag = seen.header("etag").to_owned();
            let put = |etag| stage.ask(login, Method::PUT, &contact, etag, &body);
            let answer = put(Some(etag.as_str())).await;
            assert_eq!(
                answer.status.as_u16(),
                *status,
                "{login} {contact}: {:#}",
                answer.body
            );
            let now = stage.get(&path).await;
            assert_eq!(
                rest(&now.body, fields),
                rest(&before.body, fields),
                "{login} {path}"
            );
            if *status != 200 {
                assert_eq!(now.body, seen.body, "{login}: nothing has changed");
                continue;
            }
            assert_ne!(now.header("etag"), etag);
            let stale = put(Some(etag.as_str())).await;
            assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{:#}", stale.body);
            let blind = put(None).await;
            assert_eq!(
                blind.status,
                StatusCode::PRECONDITION_REQUIRED,
                "{:#}",
                blind.body
            );
        }
        // What is not whom to ask is not taken, and the whole is still not the site's to change.
        let etag = stage.get(&path).await.header("etag").to_owned();
        let other = json!({"name": "另一家", "contact": "x", "phone": ""});
        let refused = stage.ask("own", Method::PUT, &contact, Some(&etag), &other).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{:#}",
            refused.body
        );
        let refused = stage.ask("own", Method::PUT, &path, Some(&etag), &other).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:#}", refused.body);
    }
    let changes = stage.get(&format!("/api/v1/register/{LIFT}/changes")).await.body;
    let own = changes["changes"].as_array().unwrap().iter();
    let own: Vec<_> = own.filter(|change| change["actor"] == "own").collect();
    assert_eq!(own.len(), of_lift.len(), "{changes:#}");
    assert!(
        own.iter()
            .all(|change| of_lift.contains(&change["field"].as_str().unwrap()))
    );
    // Who keeps an eye on the area finds it in the audit log.
    let log = stage
        .ask("near", Method::GET, "/api/v1/audit?login=own", None, &Value::Null)
        .await;
    let routes: Vec<_> = log.body["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["status"] == 200)
        .map(|entry| entry["route"].as_str().unwrap())
        .collect();
    for route in ["/api/v1/units/{id}/contact", "/api/v1/register/{id}/contact"] {
        assert!(routes.contains(&route), "{route}: {:#}", log.body);
    }
}

#[tokio::test]
async fn the_pages_offer_it_to_the_site_and_keep_what_was_typed() {
    let stage = Stage::new().await;
    let (cookie, csrf) = stage.enter("own").await;
    for (path, whole, fields) in [
        (
            format!("/units/{UNIT}"),
            format!("action=\"/units/{UNIT}\""),
            "contact=Li+Gong&phone=13800000000",
        ),
        (
            format!("/register/{LIFT}"),
            format!("/register/{LIFT}/edit"),
            "use_unit_contact=Li+Gong&use_unit_phone=13800000000&safety_officer_phone=",
        ),
    ] {
        let to = format!("{path}/contact");
        let (status, _, page) = stage.page(Method::GET, &path, &cookie, "").await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains(&format!("action=\"{to}\"")), "{page}");
        assert!(!page.contains(&whole), "the rest is not his to change: {page}");
        let forged = format!("csrf=x&revision=1&{fields}");
        let (status, ..) = stage.page(Method::POST, &to, &cookie, &forged).await;
        assert_eq!(status, 403);
        let sent = format!("csrf={csrf}&revision=1&{fields}");
        let (status, place, said) = stage.page(Method::POST, &to, &cookie, &sent).await;
        assert_eq!((status, place.starts_with(&path)), (303, true), "{said}");
        let (_, _, page) = stage.page(Method::GET, &path, &cookie, "").await;
        assert!(page.contains("Li Gong") && page.contains("13800000000"), "{page}");
        // Somebody was faster: what was typed is still there.
        let typed = sent.replace("Li+Gong", "Wang+Gong");
        let (status, _, page) = stage.page(Method::POST, &to, &cookie, &typed).await;
        assert_eq!(status, 422);
        assert!(page.contains("value=\"Wang Gong\""), "{page}");
        assert!(page.contains("changed by somebody else"), "{page}");
        let (other, token) = stage.enter("neighbour").await;
        let sent = format!("csrf={token}&revision=2&{fields}");
        let (status, ..) = stage.page(Method::POST, &to, &other, &sent).await;
        assert_eq!(status, 404);
        // Who keeps the register has one form for all of it.
        let (keeper, _) = stage.enter("near").await;
        let (_, _, page) = stage.page(Method::GET, &path, &keeper, "").await;
        assert!(page.contains(&whole) && !page.contains(&to), "{page}");
        // Who only reads has none.
        let (reader, _) = stage.enter("reader").await;
        let (_, _, page) = stage.page(Method::GET, &path, &reader, "").await;
        assert!(!page.contains(&whole) && !page.contains(&to), "{page}");
    }
}
