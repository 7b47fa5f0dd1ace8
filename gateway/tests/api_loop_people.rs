//! The closed loop with people in it: who reports, acts and sees, and whose a hazard is when the register changes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::{Answer, Site};
use axum::http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use vigil_core::people::{Role, Scope};
use vigil_gateway::people::{TokenScope, UserFacts};
use vigil_gateway::{desk, view};

const PHOTO: &str = "%PDF-1.7 as found";

/// The boiler belongs to `acme`, is maintained by `fix` and stands in Haicheng.
#[rustfmt::skip] // a table
const CAST: &[(&str, Role, Option<&str>, &[&str])] = &[
    ("site-a", Role::Site, Some("acme"), &[]),
    ("site-b", Role::Site, Some("other"), &[]),
    ("maintainer", Role::Maintainer, Some("fix"), &[]),
    ("regulator", Role::Regulator, None, &["2103"]),
    ("department", Role::Department, None, &["2103"]),
];

struct Stage {
    site: Site,
    hazard: String,
    /// `Bearer …` by login.
    bearers: Vec<(&'static str, String)>,
}

fn scope(use_unit: &str) -> Scope {
    Scope {
        use_unit: Some(use_unit.into()),
        maintenance_unit: Some("fix".into()),
        inspection_body: None,
        area: "210381".into(),
    }
}

impl Stage {
    async fn new() -> Self {
        let (site, hazard) = Site::with_hazard().await;
        let mut stage = Self {
            site,
            hazard,
            bearers: Vec::new(),
        };
        stage.register("acme").await;
        for (login, role, unit, areas) in CAST {
            let people = &stage.site.app.people;
            let facts = UserFacts {
                name: (*login).to_owned(),
                role: *role,
                unit: unit.map(Into::into),
                areas: areas.iter().map(|area| Arc::from(*area)).collect(),
                language: None,
                phone: None,
                active: true,
            };
            people
                .add_user(login, &facts, "the drum is warm today")
                .await
                .unwrap();
            let scopes = [TokenScope::Act, TokenScope::Read];
            let token = people.add_token(login, "app", &scopes, 1).await.unwrap();
            stage.bearers.push((login, format!("Bearer {}", token.secret)));
        }
        stage
    }

    /// The register says that the boiler is used by this unit.
    async fn register(&self, use_unit: &str) {
        let mut write = self.site.app.desk.begin().await.unwrap();
        desk::scopes::register(write.connection().unwrap(), "boiler", &scope(use_unit))
            .await
            .unwrap();
        write.commit().await.unwrap();
        self.site.app.people.scopes().set("boiler", scope(use_unit));
    }

    async fn ask(&self, login: &str, method: Method, path: &str, body: &str) -> Answer {
        let (_, bearer) = self.bearers.iter().find(|(known, _)| *known == login).unwrap();
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.site.ask(method, path, &headers, body).await
    }

    async fn get(&self, login: &str, path: &str) -> Answer {
        self.ask(login, Method::GET, path, "").await
    }

    async fn step(&self, login: &str, body: Value) -> Answer {
        let path = format!("/api/v1/hazards/{}/actions", self.hazard);
        let (_, bearer) = self.bearers.iter().find(|(known, _)| *known == login).unwrap();
        let state = self.site.state(&self.hazard).await;
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("if-match", &state),
        ];
        self.site.post(&path, &headers, &body.to_string()).await
    }

    /// Equipment of the hazards this login sees, and how many the register says there are.
    async fn seen(&self, login: &str) -> (Vec<String>, u64) {
        let page = self.get(login, "/api/v1/hazards").await.body;
        let rows = page["hazards"].as_array().unwrap().iter();
        let mut owners: Vec<_> = rows
            .map(|row| row["equipment_id"].as_str().unwrap().to_owned())
            .collect();
        owners.sort();
        (owners, page["total"].as_u64().unwrap())
    }
}

fn report(field: &str, of: &str) -> String {
    json!({
        field: of, "source": "patrol", "category": "management", "description": "no logbook", "grade": "general",
    })
    .to_string()
}

#[tokio::test]
async fn a_step_is_on_record_with_role_and_unit_and_its_guard_asks_for_them() {
    let stage = Stage::new().await;
    let path = format!("/api/v1/hazards/{}", stage.hazard);
    let comment = || json!({"action": "comment", "reason": "seen"});
    for (login, status) in [
        ("site-a", 200),
        ("maintainer", 200),
        ("regulator", 200),
        ("department", 403),
        ("site-b", 404),
    ] {
        let answer = stage.step(login, comment()).await;
        assert_eq!(answer.status.as_u16(), status, "{login}: {:#}", answer.body);
    }
    let refused = stage
        .step("maintainer", json!({"action": "reject", "reason": "no"}))
        .await;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["code"]),
        (403, &json!("role_not_allowed"))
    );
    assert!(
        refused.body["who"].as_array().unwrap().contains(&json!("site")),
        "{:#}",
        refused.body
    );
    let whole = stage.get("regulator", &path).await.body;
    let said = &whole["history"][1];
    assert_eq!(
        (&said["actor"], &said["role"], &said["unit"]),
        (&json!("site-a"), &json!("site"), &json!("acme"))
    );
    for (login, may) in [("regulator", true), ("maintainer", false), ("department", false)] {
        let whole = stage.get(login, &path).await.body;
        let allowed = whole["allowed_actions"].as_array().unwrap();
        assert_eq!(allowed.contains(&json!("reject")), may, "{login}: {allowed:?}");
    }
    assert_eq!(stage.get("site-b", &path).await.status.as_u16(), 404);
}

#[tokio::test]
async fn who_reports_must_see_what_it_is_about_and_others_do_not_see_the_report() {
    let stage = Stage::new().await;
    for (login, field, of, status) in [
        ("site-b", "equipment", "boiler", 404),
        ("site-b", "equipment", "no-such", 404),
        ("site-a", "unit", "other", 404),
        ("department", "equipment", "boiler", 403),
        ("maintainer", "equipment", "boiler", 201),
        ("site-a", "unit", "acme", 201),
    ] {
        let answer = stage
            .ask(login, Method::POST, "/api/v1/hazards", &report(field, of))
            .await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{login} {field} {of}: {:#}",
            answer.body
        );
        let area = if field == "equipment" && of == "boiler" {
            "210381"
        } else {
            ""
        };
        if status == 201 {
            let id = answer.body["hazard"]["id"].as_str().unwrap();
            let log = stage
                .site
                .get_as_admin(&format!("/api/v1/audit?object={id}"))
                .await
                .body;
            let entry = &log["entries"][0];
            assert_eq!(
                (&entry["login"], &entry["area"], &entry["route"]),
                (&json!(login), &json!(area), &json!("/api/v1/hazards")),
                "{log:#}"
            );
        }
    }
    let all = ["boiler", "boiler", "unit:acme"].map(str::to_owned);
    assert_eq!(stage.seen("site-a").await, (all.to_vec(), 3));
    assert_eq!(stage.seen("regulator").await, (all[..2].to_vec(), 2));
    assert_eq!(stage.seen("site-b").await, (Vec::new(), 0));
    let events = stage.site.app.store.server_events(0, 1_000).await.unwrap();
    let told = |login: &'static str| {
        let (_, role, unit, areas) = CAST.iter().find(|(known, ..)| *known == login).unwrap();
        let person = vigil_core::people::Person {
            login: login.into(),
            role: *role,
            unit: unit.map(Into::into),
            areas: areas.iter().map(|area| Arc::from(*area)).collect(),
        };
        let told = events
            .iter()
            .filter_map(|event| view::news(&stage.site.app, &person.sight(), event));
        told.filter(|news| matches!(news, view::News::Hazard(_))).count()
    };
    assert_eq!((told("site-a"), told("regulator"), told("site-b")), (3, 2, 0));
}

#[tokio::test]
async fn a_file_is_seen_by_who_uploaded_it_until_it_is_shown_with_a_hazard() {
    let stage = Stage::new().await;
    let upload = |login| stage.ask(login, Method::POST, "/api/v1/attachments?name=a.pdf", PHOTO);
    assert_eq!(upload("department").await.status.as_u16(), 403);
    let kept = upload("site-a").await;
    assert_eq!(kept.status.as_u16(), 201, "{:#}", kept.body);
    let path = format!("/api/v1/attachments/{}", kept.body["sha256"].as_str().unwrap());
    for (login, status) in [("site-a", 200), ("maintainer", 404), ("site-b", 404)] {
        assert_eq!(
            stage.get(login, &path).await.status.as_u16(),
            status,
            "{login} before"
        );
    }
    let files = json!([{"sha256": kept.body["sha256"]}]);
    let shown = stage
        .step("site-a", json!({"action": "attach", "attachments": files}))
        .await;
    assert_eq!(shown.status.as_u16(), 200, "{:#}", shown.body);
    for (login, status) in [
        ("site-a", 200),
        ("maintainer", 200),
        ("department", 200),
        ("site-b", 404),
    ] {
        assert_eq!(
            stage.get(login, &path).await.status.as_u16(),
            status,
            "{login} after"
        );
    }
}

#[tokio::test]
async fn a_hazard_follows_its_equipment_to_another_unit() {
    let stage = Stage::new().await;
    // The chain says whose the boiler was then.
    stage
        .step("site-a", json!({"action": "comment", "reason": "seen"}))
        .await;
    let one = |owner: &str| (vec![owner.to_owned()], 1);
    assert_eq!(stage.seen("site-a").await, one("boiler"));
    stage.register("other").await;
    assert_eq!(stage.seen("site-a").await, (Vec::new(), 0));
    assert_eq!(stage.seen("site-b").await, one("boiler"));
    // What happens next does not bring the old unit back.
    let done = stage
        .step("site-b", json!({"action": "comment", "reason": "ours now"}))
        .await;
    assert_eq!(done.status.as_u16(), 200, "{:#}", done.body);
    assert_eq!(stage.seen("site-a").await, (Vec::new(), 0));
    assert_eq!(stage.seen("site-b").await, one("boiler"));
    let whole = stage
        .get("site-b", &format!("/api/v1/hazards/{}", stage.hazard))
        .await
        .body;
    assert_eq!(whole["chain"]["verified"], true, "{:#}", whole["chain"]);
}
