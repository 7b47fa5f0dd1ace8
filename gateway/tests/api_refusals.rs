//! What the API refuses, and what stands on every answer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod api_site;
mod harness;

use api_site::Site;
use axum::http::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn a_step_needs_the_token_and_is_taken_once() {
    let (site, id) = Site::with_hazard().await;
    let path = format!("/api/v1/hazards/{id}/actions");
    let json = ("content-type", "application/json");
    let confirm = r#"{"action":"confirm","reason":"checked on site"}"#;
    for authorization in [
        "",
        "Bearer ",
        "Bearer 00ff",
        "Basic YWRtaW46YWRtaW4=",
        &format!("bearer{}", site.token),
    ] {
        let headers: &[_] = if authorization.is_empty() {
            &[json]
        } else {
            &[json, ("authorization", authorization)]
        };
        let refused = site.post(&path, headers, confirm).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{authorization}");
        assert!(
            refused
                .header("www-authenticate")
                .starts_with("Bearer realm=\"vigil\"")
        );
        assert_eq!(refused.body["code"], "unauthorized");
    }
    let first = site.act(&id, Some("k1"), confirm).await;
    assert_eq!(
        (first.status, &first.body["hazard"]["status"]),
        (StatusCode::OK, &json!("confirmed"))
    );
    let again = site.act(&id, Some("k1"), confirm).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &first.body));
    let other = site
        .act(&id, Some("k1"), r#"{"action":"comment","reason":"x"}"#)
        .await;
    assert_eq!(
        (other.status, &other.body["code"]),
        (StatusCode::CONFLICT, &json!("idempotency_key_reused"))
    );
    let twice = site.act(&id, Some("k2"), confirm).await;
    assert_eq!(
        (twice.status, &twice.body["code"]),
        (StatusCode::CONFLICT, &json!("not_suspected"))
    );
    let history = site.get_as_admin(&format!("/api/v1/hazards/{id}")).await.body;
    let events = history["history"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(
        (&events[1]["actor"], &events[1]["text"]),
        (&json!("admin"), &json!("checked on site"))
    );
    assert_eq!(history["chain"]["verified"], true);
    assert_eq!(history["allowed_actions"][0], "comment");
}

#[tokio::test]
async fn an_alarm_is_acknowledged_shelved_and_reset_with_the_token_only() {
    let (mut site, hazard) = Site::with_hazard().await;
    let standing = site.get("/api/v1/alarms").await.body;
    let alarm = &standing["alarms"][0];
    assert_eq!(
        (&alarm["rule"], &alarm["severity"], &alarm["acked"]),
        (&json!("BLR-STEAM-P-HH"), &json!("S2"), &json!(false))
    );
    let path = "/api/v1/alarms/boiler/BLR-STEAM-P-HH/actions";
    let bearer = format!("Bearer {}", site.token);
    let headers = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
    ];
    let acknowledge = r#"{"action":"acknowledge","reason":"on my way"}"#;
    let refused = site.post(path, &headers[..1], acknowledge).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let done = site.post(path, &headers, acknowledge).await;
    assert_eq!(done.status, StatusCode::OK, "{:#}", done.body);
    assert_eq!(
        (&done.body["alarm"]["acked"], &done.body["alarm"]["hazard"]),
        (&json!(true), &json!(hazard))
    );
    let soon = vigil_gateway::view::Time(site.app.clock.now().saturating_add_ms(3_600_000));
    let late = vigil_gateway::view::Time(site.app.clock.now().saturating_add_ms(9 * 3_600_000));
    let shelve = |until| format!(r#"{{"action":"shelve","until":"{until}"}}"#);
    #[rustfmt::skip] // a table
    let cases = [
        (r#"{"action":"shelve"}"#.to_owned(), 400, "bad_parameter"),
        (r#"{"action":"acknowledge","until":"2030-01-01T00:00:00Z"}"#.to_owned(), 400, "bad_parameter"),
        (r#"{"action":"unshelve"}"#.to_owned(), 409, "alarm_unknown"),
        (r#"{"action":"reset"}"#.to_owned(), 409, "still_active"),
        (r#"{"action":"silence"}"#.to_owned(), 422, "bad_body"),
        (shelve(late), 409, "shelve_too_long"),
    ];
    for (body, status, code) in &cases {
        let answer = site.post(path, &headers, body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (*status, &json!(code)),
            "{body}"
        );
    }
    let shelved = site.post(path, &headers, &shelve(soon)).await;
    assert_eq!(
        shelved.body["alarm"]["shelved_until"],
        json!(soon),
        "{:#}",
        shelved.body
    );
    let back = site.post(path, &headers, r#"{"action":"unshelve"}"#).await;
    assert_eq!(back.body["alarm"]["shelved_until"], json!(null));
    for _ in 0..12 {
        site.pressure(0.8).await;
    }
    site.settle().await;
    let reset = site.post(path, &headers, r#"{"action":"reset"}"#).await;
    assert_eq!(
        (reset.status, &reset.body["alarm"]["state"]),
        (StatusCode::OK, &json!("normal")),
        "{:#}",
        reset.body
    );
    let events = site.get("/api/v1/alarms/events?equipment=boiler").await.body;
    let persons = events["events"].as_array().unwrap().iter();
    let persons = persons.filter(|event| event["actor"] == "admin").count();
    assert_eq!(persons, 4, "each step once: {events:#}");
    let register = site.get(&format!("/api/v1/hazards/{hazard}")).await.body;
    assert_eq!(
        register["status"],
        json!("suspected"),
        "an alarm's step decides no hazard"
    );
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let (site, id) = Site::with_hazard().await;
    let bearer = format!("Bearer {}", site.token);
    let admin = ("authorization", bearer.as_str());
    let typed = ("content-type", "application/json");
    let seen = ("if-match", "\"1\"");
    let act = format!("/api/v1/hazards/{id}/actions");
    let long = format!(r#"{{"action":"comment","reason":"{}"}}"#, "x".repeat(70_000));
    let get = Method::GET;
    let post = Method::POST;
    // method, path, headers, body, status, code, part of the detail
    type Case<'a> = (
        &'a Method,
        &'a str,
        &'a [(&'a str, &'a str)],
        &'a str,
        u16,
        &'a str,
        &'a str,
    );
    #[rustfmt::skip] // a table
    let cases: &[Case<'_>] = &[
        (&get, "/api/v1/nothing", &[], "", 404, "not_found", "/docs/"),
        (&get, "/api/v1/equipment/", &[], "", 404, "not_found", "did you mean /api/v1/equipment?"),
        (&get, "/api", &[], "", 404, "not_found", "nothing at /api"),
        (&get, "/api/v1/equipment/boler", &[], "", 404, "not_found", "did you mean \"boiler\"?"),
        (&get, "/api/v1/equipment/boiler?x=1", &[], "", 400, "bad_parameter", "`x`; this address takes none"),
        (&get, "/api/v1/equipment?categroy=11", &[], "", 400, "bad_parameter", "did you mean `category`?"),
        (&get, "/api/v1/equipment?limit=many", &[], "", 400, "bad_parameter", "limit: invalid digit"),
        (&get, "/api/v1/equipment?limit=0", &[], "", 400, "bad_parameter", "between 1 and 1000"),
        (&get, "/api/v1/equipment?watch=asleep", &[], "", 400, "bad_parameter", "unknown variant `asleep`"),
        (&get, "/api/v1/equipment?q=a&q=b", &[], "", 400, "bad_parameter", "given twice"),
        (&get, "/api/v1/equipment/boiler/trend", &[], "", 400, "bad_parameter", "missing field `quantity`"),
        (&get, "/api/v1/equipment/boiler/trend?quantity=steam_presure", &[], "", 404, "not_found", "steam_pressure"),
        (&get, "/api/v1/equipment/boiler/trend?quantity=car_speed", &[], "", 404, "not_found", "car_speed"),
        (&get, "/api/v1/equipment/nobody/trend?quantity=x", &[], "", 404, "not_found", "nobody"),
        (&get, "/api/v1/equipment/boiler/trend?quantity=steam_pressure&from=monday", &[], "", 400, "bad_parameter", "from: expected a time"),
        (&get, "/api/v1/equipment/boiler/trend?quantity=steam_pressure&from=2030-01-01T00:00:00Z", &[], "", 400, "bad_parameter", "must lie before"),
        (&get, "/api/v1/hazards/HZ-0", &[], "", 404, "not_found", "HZ-0"),
        (&get, "/api/v1/hazards?cursor=x", &[], "", 400, "bad_parameter", "cursor: a cursor is TIME.ID"),
        (&get, "/api/v1/hazards?status=open", &[], "", 400, "bad_parameter", "unknown variant `open`"),
        (&get, "/api/v1/nodes/s/n9", &[], "", 404, "not_found", "did you mean \"s/n1\"?"),
        (&get, "/api/v1/alarms?all=maybe", &[], "", 400, "bad_parameter", "neither 1 nor 0"),
        (&get, "/api/v1/alarms?equipment=nobody", &[], "", 404, "not_found", "nobody"),
        (&get, "/api/v1/events?last_event_id=x", &[], "", 400, "bad_parameter", "last_event_id"),
        (&get, "/api/v1/events", &[("last-event-id", "x")], "", 400, "bad_parameter", "Last-Event-ID"),
        (&get, &act, &[], "", 405, "method_not_allowed", "does not take GET"),
        (&post, "/api/v1/equipment", &[], "", 405, "method_not_allowed", "does not take POST"),
        (&post, "/api/v1/hazards", &[typed], "{}", 401, "unauthorized", "admin.token"),
        (&post, "/api/v1/hazards", &[admin, typed], "{}", 422, "bad_body", "missing field `source`"),
        (&post, &act, &[admin, typed], r#"{"action":"assign"}"#, 422, "bad_body", "needs the field `assignment`"),
        (&post, &act, &[admin, typed], r#"{"action":"confirm","percent":3}"#, 422, "bad_body", "takes no field `percent`"),
        (&post, &act, &[admin, typed], r#"{"action":"confirm"}"#, 428, "if_match_required", "send the `ETag`"),
        (&post, &act, &[admin, typed, ("if-match", "x")], r#"{"action":"confirm"}"#, 400, "bad_parameter", "If-Match"),
        (&post, &act, &[admin, typed, ("if-match", "*")], r#"{"action":"confirm"}"#, 400, "bad_parameter", "If-Match"),
        (&post, &act, &[admin, typed, ("if-match", "\"9\"")], r#"{"action":"confirm"}"#, 412, "changed", "look at it again"),
        (&post, &act, &[admin, typed, seen], r#"{"action":"start"}"#, 409, "wrong_state", "not possible now"),
        (&post, "/api/v1/attachments", &[], "x", 401, "unauthorized", "admin.token"),
        (&post, "/api/v1/attachments", &[admin], "GIF89a", 415, "bad_body", "no JPEG, PNG, WebP or PDF"),
        (&post, "/api/v1/attachments", &[admin], "", 422, "bad_body", "empty"),
        (&get, "/api/v1/attachments/..%2f..%2fetc", &[], "", 404, "not_found", "no attachment"),
        (&get, "/api/v1/hazards?area=21x", &[], "", 400, "bad_parameter", "GB/T 2260"),
        (&post, "/api/v1/hazards/HZ-0/actions", &[admin, typed], r#"{"action":"confirm"}"#, 404, "not_found", "HZ-0"),
        (&post, "/api/v1/alarms/boler/BLR-STEAM-P-HH/actions", &[admin, typed], r#"{"action":"acknowledge"}"#, 404, "not_found", "did you mean \"boiler\"?"),
        (&post, "/api/v1/alarms/boiler/BLR-STEAM-P-HG/actions", &[admin, typed], r#"{"action":"acknowledge"}"#, 404, "not_found", "did you mean \"BLR-STEAM-P-H"),
        (&post, &act, &[admin], r#"{"action":"confirm"}"#, 415, "bad_body", "application/json"),
        (&post, &act, &[admin, typed], r#"{"action":"#, 400, "bad_body", "EOF"),
        (&post, &act, &[admin, typed], r#"{"action":"dance"}"#, 422, "bad_body", "unknown variant `dance`"),
        (&post, &act, &[admin, typed], r#"{"action":"confirm","why":"x"}"#, 422, "bad_body", "unknown field `why`"),
        (&post, &act, &[admin, typed], &long, 413, "too_large", "65536 bytes"),
        (&post, &act, &[admin, typed, ("idempotency-key", "")], r#"{"action":"confirm"}"#, 400, "bad_parameter", "Idempotency-Key"),
        (&post, &act, &[admin, typed, seen], r#"{"action":"reject"}"#, 409, "reason_required", ""),
    ];
    for (method, path, headers, body, status, code, detail) in cases {
        let answer = site.ask((*method).clone(), path, headers, body).await;
        let problem = &answer.body;
        assert_eq!(answer.status.as_u16(), *status, "{method} {path}: {problem:#}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{path}"
        );
        assert_eq!(problem["status"], json!(status), "{path}");
        assert_eq!(problem["code"], json!(code), "{path}");
        assert_eq!(problem["instance"], json!(path), "{path}");
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("urn:vigil:problem:"),
            "{path}"
        );
        assert!(!problem["title"].as_str().unwrap().is_empty(), "{path}");
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{path}: {problem:#}"
        );
    }
}

#[tokio::test]
async fn answers_are_not_cached_and_carry_safe_headers() {
    let site = Site::boiler().await;
    for path in [
        "/api/v1/overview",
        "/api/v1/nothing",
        "/healthz",
        "/metrics",
        "/docs/",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self'"), "{path}");
        assert_eq!(policy.contains("unsafe-inline"), path == "/docs/", "{path}");
    }
}

#[tokio::test]
async fn readiness_says_what_is_wrong() {
    let site = Site::boiler().await;
    assert_eq!(site.get("/readyz").await.status, StatusCode::OK);
    site.app.engine.set_mqtt_connected(false);
    let wrong = site.get("/readyz").await;
    assert_eq!(
        (wrong.status, &wrong.body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("not_ready"))
    );
    let failed: Vec<_> = wrong.body["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["ok"] == false)
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["name"], "mqtt");
    assert!(
        wrong.body["detail"]
            .as_str()
            .unwrap()
            .contains("no session with the broker")
    );
    assert_eq!(site.get("/healthz").await.body["status"], "alive");
    site.app.stopping.cancel();
    assert!(
        site.get("/readyz").await.body["detail"]
            .as_str()
            .unwrap()
            .contains("engine: the gateway is stopping")
    );
}
