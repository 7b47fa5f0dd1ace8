//! What is due: by the calendar, of valves and certificates.

use super::imports::{send, sheet};
use super::{enter, lift, seen, with_token};
use crate::api_site::Site;
use axum::http::{Method, StatusCode};
use serde_json::json;
use vigil_gateway::sheet::to_csv;

#[tokio::test]
async fn the_calendar_tells_what_is_due_and_coverage_what_is_done() {
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
    enter(&site, &lift()).await;
    let overdue = site
        .get("/api/v1/calendar?standing=overdue&obligation=periodic_inspection")
        .await
        .body;
    assert_eq!(overdue["due"].as_array().unwrap().len(), 1, "{overdue:#}");
    assert_eq!(
        (&overdue["due"][0]["equipment"], &overdue["due"][0]["days"]),
        (&json!("31101001920150002"), &json!(-31))
    );
    assert_eq!(overdue["counts"][0], json!({"standing": "overdue", "count": 1}));
    let soon = site
        .get("/api/v1/calendar?standing=within_60&obligation=periodic_inspection")
        .await
        .body;
    assert_eq!(soon["due"][0]["due"], "2026-07-31");
    let coverage = site.get("/api/v1/coverage?by=class").await.body;
    assert_eq!(
        (&coverage["all"]["in_use"], &coverage["all"]["registered"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(coverage["all"]["inspection_percent"], 50.0);
    assert_eq!(coverage["rows"][0]["key"], "31");
}

#[tokio::test]
async fn a_safety_valve_and_a_certificate_have_their_days() {
    let site = Site::empty().await;
    enter(&site, &lift()).await;
    let path = "/api/v1/register/31101001920150001/accessories";
    let body = json!({"kind": "governor", "number": "G-1", "done": "2026-01-15"}).to_string();
    let made = with_token(&site, Method::POST, path, &[], &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.body);
    let due = site
        .get("/api/v1/calendar?obligation=governor_calibration")
        .await
        .body;
    assert_eq!(
        (&due["due"][0]["due"], &due["due"][0]["part"]),
        (&json!("2027-01-15"), &json!("1")),
        "{due:#}"
    );
    let body =
        json!({"kind": "governor", "number": "G-1", "done": "2026-01-15", "due": "2026-06-20"}).to_string();
    let changed = with_token(
        &site,
        Method::PUT,
        &format!("{path}/1"),
        &[("if-match", "\"1\"")],
        &body,
    )
    .await;
    assert_eq!(changed.status, StatusCode::OK, "{:#}", changed.body);
    let due = site
        .get("/api/v1/calendar?obligation=governor_calibration&standing=within_30")
        .await
        .body;
    assert_eq!(due["due"].as_array().unwrap().len(), 1);
    let gone = with_token(
        &site,
        Method::DELETE,
        &format!("{path}/1"),
        &[("if-match", "\"2\"")],
        "",
    )
    .await;
    assert_eq!(gone.status, StatusCode::OK, "{:#}", gone.body);
    let kinds = [("steam_valve", "kind"), ("governor", "number")];
    for (kind, word) in kinds {
        let body = json!({"kind": kind, "number": ""}).to_string();
        let refused = with_token(&site, Method::POST, path, &[], &body).await;
        assert!(
            refused.body["detail"].as_str().unwrap().contains(word),
            "{:#}",
            refused.body
        );
    }
    let body = json!({"unit": "91350100M000100Y43", "person": "王工", "kind": "T", "number": "T-1", "expires": "2026-06-10"});
    let made = with_token(
        &site,
        Method::POST,
        "/api/v1/certificates",
        &[],
        &body.to_string(),
    )
    .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.body);
    let open = site
        .get("/api/v1/calendar?obligation=operator_certificate")
        .await
        .body;
    assert_eq!(
        (&open["due"][0]["name"], &open["due"][0]["due"]),
        (&json!(""), &json!("2026-06-10")),
        "{open:#}"
    );
    let certificates = seen(&site, "/api/v1/certificates?unit=91350100M000100Y43")
        .await
        .body;
    assert_eq!(certificates["certificates"][0]["person"], "王工");
}
