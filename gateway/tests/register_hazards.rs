//! What the register forbids and telemetry shows becomes a hazard: by the machine, with the hours run, exactly once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::Site;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use vigil_gateway::desk::watch;
use vigil_gateway::run::RegisterHazards;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A boiler the register has nothing against.
fn facts() -> Value {
    json!({
        "id": "boiler", "name": "1号锅炉", "category": "1100", "registration_no": "锅10辽C00012(20)",
        "equipment_code": "11001001920150001", "location": "海州街1号", "area": "210381",
        "use_unit": "某热力公司", "use_unit_uscc": "91350100M000100Y43", "manufacturer": "某制造厂",
        "last_inspection": "2026-01-01", "next_inspection": "2027-01-01", "state": "在用",
    })
}

/// The boiler with these facts, after some hours under steam on each of these days.
async fn running(changed: &Value, days: &[i64]) -> Site {
    let mut site = Site::boiler().await;
    let mut facts = facts();
    for (field, text) in changed.as_object().unwrap() {
        facts[field] = text.clone();
    }
    let bearer = format!("Bearer {}", site.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = json!({ "facts": facts }).to_string();
    let entered = site.ask(Method::POST, "/api/v1/register", &headers, &body).await;
    assert_eq!(entered.status, StatusCode::CREATED, "{:#}", entered.body);
    for day in days {
        for hour in 1..=3 {
            site.at(day * DAY + hour * HOUR);
            for _ in 0..3 {
                site.pressure(0.8).await;
            }
        }
        site.at(day * DAY + 5 * HOUR);
        site.pressure(0.0).await;
    }
    site.settle().await;
    site
}

/// Hazards the register has opened.
async fn opened(site: &Site) -> Vec<Value> {
    let page = site.get_as_admin("/api/v1/hazards?source=register").await.body;
    page["hazards"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_state_that_forbids_running_opens_its_hazard_with_the_hours_run() {
    let fine: Option<(&str, &str)> = None;
    for (changed, days, expected) in [
        (json!({}), &[0][..], fine),
        (
            json!({"next_inspection": "2026-05-20", "last_inspection": "2025-05-20"}),
            &[0],
            Some(("REG-INSPECTION-OVERDUE", "inspection-overdue")),
        ),
        (
            json!({"state": "停用", "state_since": "2026-05-01"}),
            &[0],
            Some(("REG-OUT-OF-USE", "out-of-use-running")),
        ),
        (
            json!({"state": "报废", "state_since": "2026-05-01"}),
            &[0],
            Some(("REG-SCRAPPED", "out-of-use-running")),
        ),
        (
            json!({"registration_no": ""}),
            &[0, 40],
            Some(("REG-UNREGISTERED", "unregistered")),
        ),
        (
            json!({"installed": "2000-01-01", "manufactured": "1999-12-01", "design_life": "20"}),
            &[0],
            Some(("REG-DESIGN-LIFE", "design-life")),
        ),
    ] {
        let mut site = running(&changed, days).await;
        site.at((days[days.len() - 1] + 1) * DAY);
        let opener = RegisterHazards(site.app.clone());
        let report = watch::daily(&site.app, &opener).await.unwrap();
        let found = opened(&site).await;
        let said: Vec<_> = found
            .iter()
            .map(|one| (one["rule"].as_str().unwrap(), one["category"].as_str().unwrap()))
            .collect();
        assert_eq!(said, expected.into_iter().collect::<Vec<_>>(), "{changed}");
        assert_eq!(report.opened, said.len() as u64, "{changed}: {report:?}");
        let Some(hazard) = found.first() else { continue };
        assert_eq!(hazard["status"], "suspected", "the machine only suspects");
        let words = hazard["description"].as_str().unwrap();
        assert!(words.contains("小时") && words.contains(" h since "), "{words}");
        let path = format!("/api/v1/hazards/{}", hazard["id"].as_str().unwrap());
        let whole = site.get_as_admin(&path).await.body;
        let first = &whole["history"][0];
        assert_eq!(
            (&first["event"], &first["actor"], &whole["chain"]["verified"]),
            (&json!("reported"), &Value::Null, &json!(true)),
            "{first:#}"
        );
        let findings = site.get_as_admin("/api/v1/register/findings").await.body;
        assert_eq!(findings["findings"][0]["hazard"], hazard["id"], "{findings:#}");
    }
}

/// The answer is lost, as when the gateway ends in between.
async fn forget(site: &Site) {
    let mut write = site.app.desk.begin().await.unwrap();
    sqlx::query("UPDATE state_findings SET hazard = NULL")
        .execute(write.connection().unwrap())
        .await
        .unwrap();
    write.commit().await.unwrap();
}

#[tokio::test]
async fn an_episode_is_one_hazard_however_often_and_whenever_it_is_asked_for() {
    let overdue = json!({"next_inspection": "2026-05-20", "last_inspection": "2025-05-20"});
    let mut site = running(&overdue, &[0, 1]).await;
    let opener = RegisterHazards(site.app.clone());
    for day in 2..5 {
        site.at(day * DAY);
        watch::daily(&site.app, &opener).await.unwrap();
        watch::daily(&site.app, &opener).await.unwrap();
        forget(&site).await;
    }
    let found = opened(&site).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    let id = found[0]["id"].as_str().unwrap();
    // Decided by a person, and asked for again: it stays decided.
    let rejected = site
        .act(
            id,
            None,
            &json!({"action": "reject", "reason": "台账录入有误"}).to_string(),
        )
        .await;
    assert_eq!(rejected.status, StatusCode::OK, "{:#}", rejected.body);
    site.at(5 * DAY);
    watch::daily(&site.app, &opener).await.unwrap();
    let found = opened(&site).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["events"], 2, "{found:#?}");
    let findings = site.get_as_admin("/api/v1/register/findings").await.body;
    assert_eq!(findings["findings"][0]["hazard"], json!(id), "{findings:#}");
}

#[tokio::test]
async fn a_hazard_of_a_unit_lies_where_the_register_says_the_unit_is() {
    let site = Site::boiler().await;
    let bearer = format!("Bearer {}", site.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let unit =
        json!({"name": "某热力公司", "kind": "use_unit", "uscc": "91350100M000100Y43", "area": "210381"});
    let made = site
        .ask(Method::POST, "/api/v1/units", &headers, &unit.to_string())
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.body);
    for code in ["91350100M000100Y43", "UNKNOWN"] {
        let report = json!({"unit": code, "source": "patrol", "category": "management",
            "description": "无巡检记录", "grade": "general"});
        let reported = site.post_json("/api/v1/hazards", None, &report).await;
        assert_eq!(reported.status, StatusCode::CREATED, "{:#}", reported.body);
    }
    let here = site.get_as_admin("/api/v1/hazards?area=2103").await.body;
    let owners: Vec<_> = here["hazards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["unit"].as_str().unwrap())
        .collect();
    assert_eq!(owners, ["91350100M000100Y43"], "{here:#}");
}
