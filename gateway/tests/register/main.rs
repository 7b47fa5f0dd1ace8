//! The register through its API: entered, imported, listed, due, and against telemetry.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests"
)]

#[path = "../api_site/mod.rs"]
mod api_site;
mod due;
#[path = "../harness/mod.rs"]
mod harness;
mod imports;
mod running;
mod scope;

use api_site::{Answer, Site};
use axum::http::{Method, StatusCode};
use imports::{send, sheet};
use serde_json::{Value, json};
use vigil_gateway::sheet::to_csv;

async fn with_token(site: &Site, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let bearer = format!("Bearer {}", site.token);
    let mut all = vec![
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    all.extend_from_slice(headers);
    site.ask(method, path, &all, body).await
}

/// What who holds the token reads.
async fn seen(site: &Site, path: &str) -> Answer {
    with_token(site, Method::GET, path, &[], "").await
}

fn lift() -> Value {
    json!({"facts": {
        "name": "1号梯", "category": "3110", "registration_no": "梯11辽C00012（20）",
        "equipment_code": "31101001920150001", "factory_no": "X-1", "location": "海州街1号", "area": "210381",
        "use_unit": "某商场", "use_unit_uscc": "91350100M000100Y43", "maintenance_unit": "某电梯公司",
        "safety_officer": "李工", "safety_officer_phone": "13800000000", "manufacturer": "某制造厂",
        "manufactured": "2015-01-01", "installed": "2015/3/1", "first_use": "2015年4月1日",
        "last_inspection": "2025-07-01", "next_inspection": "2026-07", "state": "在用", "rated_load": "1吨",
        "insured_to": "2026-12-31"
    }})
}

async fn enter(site: &Site, body: &Value) -> Answer {
    with_token(site, Method::POST, "/api/v1/register", &[], &body.to_string()).await
}

#[tokio::test]
async fn equipment_is_entered_as_people_write_and_kept_in_one_form() {
    let site = Site::empty().await;
    let entered = enter(&site, &lift()).await;
    assert_eq!(entered.status, StatusCode::CREATED, "{:#}", entered.body);
    assert_eq!(entered.body["id"], "31101001920150001");
    let corrected: Vec<_> = entered.body["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["rule"])
        .collect();
    assert_eq!(corrected, ["DQ01"], "{:#}", entered.body);
    let one = seen(&site, "/api/v1/register/31101001920150001").await;
    let facts = &one.body["facts"];
    assert_eq!(facts["registration_no"], "梯11辽C00012(20)");
    assert_eq!(
        (&facts["installed"], &facts["next_inspection"]),
        (&json!("2015-03-01"), &json!("2026-07-31"))
    );
    assert_eq!(
        (&facts["rated_load"], &facts["state"]),
        (&json!("1000"), &json!("in_use"))
    );
    assert_eq!(one.body["use_unit"], "91350100M000100Y43");
    assert_eq!(one.header("etag"), "\"1\"");
    assert_eq!(facts["safety_officer"], "李工");
    let nobody = site.get("/api/v1/register/31101001920150001").await;
    assert_eq!(
        nobody.status,
        StatusCode::UNAUTHORIZED,
        "names are for who says who he is"
    );
    let due: Vec<_> = one.body["due"]
        .as_array()
        .unwrap()
        .iter()
        .map(|due| due["obligation"].as_str().unwrap())
        .collect();
    assert!(
        due.contains(&"periodic_inspection")
            && due.contains(&"insurance")
            && due.contains(&"inspection_request"),
        "{due:?}"
    );
}

#[tokio::test]
async fn a_change_needs_the_revision_that_was_seen_and_is_in_the_history() {
    let site = Site::empty().await;
    enter(&site, &lift()).await;
    let path = "/api/v1/register/31101001920150001";
    let body = json!({"facts": {"state": "停用", "name": "一号梯"}}).to_string();
    let without = with_token(&site, Method::PUT, path, &[], &body).await;
    assert_eq!(
        without.status,
        StatusCode::PRECONDITION_REQUIRED,
        "{:#}",
        without.body
    );
    let stale = with_token(&site, Method::PUT, path, &[("if-match", "\"7\"")], &body).await;
    assert_eq!(
        (stale.status, &stale.body["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("stale"))
    );
    let done = with_token(&site, Method::PUT, path, &[("if-match", "\"1\"")], &body).await;
    assert_eq!(
        (done.status, done.header("etag")),
        (StatusCode::OK, "\"2\""),
        "{:#}",
        done.body
    );
    let again = with_token(&site, Method::PUT, path, &[("if-match", "\"1\"")], &body).await;
    assert_eq!(
        again.status,
        StatusCode::PRECONDITION_FAILED,
        "two people never both win"
    );
    let changes = with_token(&site, Method::GET, &format!("{path}/changes"), &[], "")
        .await
        .body;
    let of = |field: &str| {
        let all = changes["changes"].as_array().unwrap();
        all.iter()
            .find(|change| change["field"] == field)
            .cloned()
            .unwrap_or_else(|| panic!("{field}: {changes:#}"))
    };
    assert_eq!(
        (&of("state")["old"], &of("state")["new"]),
        (&json!("in_use"), &json!("out_of_use"))
    );
    assert_eq!(
        of("state_since")["new"],
        "2026-06-01",
        "since when is the day it was said"
    );
    assert_eq!(of("name")["actor"], "admin");
    assert_eq!(of("*")["old"], "");
    let entry = seen(&site, path).await.body;
    assert_eq!(entry["due"], json!([]), "what stands still owes nothing");
}

#[tokio::test]
async fn a_repeated_creation_is_done_once() {
    let site = Site::empty().await;
    let body = lift().to_string();
    let key = [("idempotency-key", "k1")];
    let first = with_token(&site, Method::POST, "/api/v1/register", &key, &body).await;
    let second = with_token(&site, Method::POST, "/api/v1/register", &key, &body).await;
    assert_eq!(
        (first.status, second.status),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    assert_eq!(first.body["id"], second.body["id"]);
    let other = with_token(
        &site,
        Method::POST,
        "/api/v1/register",
        &key,
        &json!({"facts": {}}).to_string(),
    )
    .await;
    assert_eq!(
        (other.status, &other.body["code"]),
        (StatusCode::CONFLICT, &json!("key_reused"))
    );
    let without = enter(&site, &lift()).await;
    assert_eq!(
        (without.status, &without.body["code"]),
        (StatusCode::CONFLICT, &json!("exists"))
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_fact_and_the_fix() {
    let site = Site::empty().await;
    for (field, text, word) in [
        ("next_inspection", "soon", "next_inspection"),
        ("category", "9999", "catalogue"),
        ("rated_load", "heavy", "rated_load"),
        ("nmae", "x", "there is no fact"),
        ("name", &"长".repeat(300), "name"),
    ] {
        let mut body = lift();
        body["facts"][field] = json!(text);
        let refused = enter(&site, &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(
            refused.body.to_string().contains(word),
            "{field}: {:#}",
            refused.body
        );
    }
    assert_eq!(site.get("/api/v1/register").await.body["total"], 0);
}

#[tokio::test]
async fn lists_filter_page_and_search() {
    let site = Site::empty().await;
    send(&site, "a.csv", &to_csv(&sheet())).await;
    with_token(
        &site,
        Method::POST,
        "/api/v1/imports/1/apply",
        &[("if-match", "\"1\"")],
        "{}",
    )
    .await;
    for (query, total) in [
        ("", 3),
        ("?category=3110", 2),
        ("?category=33", 1),
        ("?area=2103", 3),
        ("?area=11", 0),
        ("?state=in_use", 3),
        ("?due=overdue", 1),
        ("?q=00013", 1),
        ("?q=2号", 1),
        ("?q=某商场%201号", 1),
        ("?q=%22%20OR%20text", 0),
        ("?q=%25", 0),
        ("?wrong=1", 2),
        ("?sort=due", 2),
    ] {
        let found = site.get(&format!("/api/v1/register{query}")).await;
        assert_eq!(found.body["total"], total, "{query}: {:#}", found.body);
    }
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = site
            .get(&format!("/api/v1/register?limit=1&sort=due&after={after}"))
            .await
            .body;
        found.extend(
            page["equipment"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(
        found,
        ["31101001920150002", "31101001920150001"],
        "first due first, each once"
    );
}
