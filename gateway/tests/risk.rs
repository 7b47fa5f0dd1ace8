//! The register of risks through its API: graded, kept in check, failed once, ranked, and seen by whom it concerns.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::{Answer, Site};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use vigil_core::people::{Role, Scope};
use vigil_gateway::desk::risk;
use vigil_gateway::people::TokenScope;

const DAY: i64 = 86_400_000;

async fn send(site: &Site, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let bearer = format!("Bearer {}", site.token);
    let mut all = vec![
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    all.extend_from_slice(headers);
    site.ask(method, path, &all, &body.to_string()).await
}

async fn post(site: &Site, path: &str, body: Value) -> Answer {
    send(site, Method::POST, path, &[], &body).await
}

async fn get(site: &Site, path: &str) -> Value {
    let answer = site.get_as_admin(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {:#}", answer.body);
    answer.body
}

fn boiler_point(name: &str) -> Value {
    json!({"equipment": "boiler", "point": {
        "name": name, "place": "锅炉房", "factor": "安全阀失灵、压力表失准", "accident": "爆炸",
        "basis": "TSG 11-2020", "owner": "李工", "owner_phone": "13800000000", "owner_unit": "动力车间"
    }})
}

async fn enter(site: &Site, name: &str) -> String {
    let made = post(site, "/api/v1/risk/points", boiler_point(name)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.body);
    made.body["id"].as_str().unwrap().to_owned()
}

async fn assess(site: &Site, id: &str, revision: &str, values: (f64, f64, f64), reason: &str) -> Answer {
    let body =
        json!({"method": "lec", "factors": {"l": values.0, "e": values.1, "c": values.2}, "reason": reason});
    let headers = [("if-match", revision)];
    send(
        site,
        Method::POST,
        &format!("/api/v1/risk/points/{id}/assessments"),
        &headers,
        &body,
    )
    .await
}

async fn add_measure(site: &Site, point: &str, text: &str, days: u16) -> i64 {
    let body = json!({"kind": "engineering", "text": text, "owner": "王工", "period_days": days});
    let made = post(site, &format!("/api/v1/risk/points/{point}/measures"), body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.body);
    made.body["id"].as_i64().unwrap()
}

async fn check(site: &Site, measure: i64, passed: bool, remark: &str) -> Answer {
    let body = json!({"passed": passed, "remark": remark});
    post(site, &format!("/api/v1/risk/measures/{measure}/checks"), body).await
}

async fn hazards(site: &Site) -> Vec<Value> {
    let found = get(site, "/api/v1/hazards?source=risk_control").await;
    found["hazards"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_risk_is_entered_assessed_and_assessed_again_with_its_history() {
    let site = Site::boiler().await;
    let made = post(&site, "/api/v1/risk/points", boiler_point("1号锅炉超压")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.body);
    assert_eq!(made.header("location"), "/api/v1/risk/points/RP-000001");
    assert!(made.body["colour"].is_null(), "nobody has assessed it");
    let none = get(&site, "/api/v1/risk/points?colour=none").await;
    assert_eq!(none["total"], 1);
    let blue = get(&site, "/api/v1/risk/points?colour=blue").await;
    assert_eq!(blue["total"], 0, "not assessed is not blue");

    let missing = post(
        &site,
        "/api/v1/risk/points/RP-000001/assessments",
        json!({"method": "lec", "factors": {}}),
    )
    .await;
    assert_eq!(missing.status, StatusCode::PRECONDITION_REQUIRED);
    let first = assess(&site, "RP-000001", made.header("etag"), (3.0, 6.0, 15.0), "").await;
    assert_eq!(first.status, StatusCode::CREATED, "{:#}", first.body);
    assert_eq!(
        (
            &first.body["score"],
            &first.body["colour"]["key"],
            &first.body["tier"]["key"]
        ),
        (&json!(270.0), &json!("orange"), &json!("department"))
    );
    let stale = assess(&site, "RP-000001", "\"1\"", (3.0, 6.0, 7.0), "again").await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{:#}", stale.body);
    let tag = first.header("etag").to_owned();
    let unexplained = assess(&site, "RP-000001", &tag, (3.0, 6.0, 7.0), " ").await;
    assert_eq!(unexplained.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unexplained.body["detail"].as_str().unwrap().starts_with("reason"));
    let odd = assess(&site, "RP-000001", &tag, (4.0, 6.0, 7.0), "again").await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        odd.body["detail"].as_str().unwrap().contains("factors.l"),
        "{:#}",
        odd.body
    );
    let low =
        json!({"method": "lec", "factors": {"l": 10, "e": 10, "c": 100}, "tier": "post", "reason": "again"});
    let headers = [("if-match", tag.as_str())];
    let path = "/api/v1/risk/points/RP-000001/assessments";
    let low = send(&site, Method::POST, path, &headers, &low).await;
    assert_eq!(
        low.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a red risk is not a post's"
    );
    assert!(
        low.body["detail_zh"].as_str().unwrap().contains("公司"),
        "{:#}",
        low.body
    );
    let second = assess(&site, "RP-000001", &tag, (1.0, 6.0, 7.0), "加装联锁后").await;
    assert_eq!(second.body["colour"]["key"], "blue", "{:#}", second.body);
    let history = get(&site, path).await;
    let said: Vec<_> = history["assessments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["colour"]["key"].clone(), one["reason"].clone()))
        .collect();
    assert_eq!(
        said,
        [(json!("blue"), json!("加装联锁后")), (json!("orange"), json!(""))]
    );
}

#[tokio::test]
async fn a_failed_measure_opens_one_hazard_per_failure_and_a_passed_one_closes_none() {
    let site = Site::boiler().await;
    let point = enter(&site, "1号锅炉超压").await;
    assess(&site, &point, "\"1\"", (10.0, 6.0, 15.0), "").await;
    let measure = add_measure(&site, &point, "安全阀每年校验，铅封完好", 30).await;
    let silent = check(&site, measure, false, "").await;
    assert_eq!(
        silent.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a failure is described"
    );
    assert!(hazards(&site).await.is_empty());

    let failed = check(&site, measure, false, "铅封断裂").await;
    assert_eq!(failed.status, StatusCode::CREATED, "{:#}", failed.body);
    assert_eq!(failed.body["began"], true);
    let hazard = failed.body["hazard"].as_str().unwrap().to_owned();
    let open = hazards(&site).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["id"], json!(hazard));
    assert_eq!(
        (&open[0]["status"], &open[0]["grade"], &open[0]["equipment_id"]),
        (&json!("suspected"), &json!("major"), &json!("boiler")),
        "the machine only suspects: {:#}",
        open[0]
    );
    let again = check(&site, measure, false, "仍断裂").await;
    assert_eq!(again.body["began"], false);
    assert_eq!(again.body["hazard"], json!(hazard));
    assert_eq!(hazards(&site).await.len(), 1, "one hazard per failure");

    let passed = check(&site, measure, true, "").await;
    assert_eq!(
        (&passed.body["ended"], &passed.body["hazard"]),
        (&json!(true), &json!(hazard))
    );
    let view = get(&site, &format!("/api/v1/risk/points/{point}")).await;
    assert_eq!(view["failing"], 0);
    assert!(!view["failures"][0]["ended_at"].is_null());
    assert_eq!(
        view["failures"][0]["hazard"],
        json!(hazard),
        "the risk point links to it"
    );
    assert_eq!(
        hazards(&site).await[0]["status"],
        "suspected",
        "a passed check closes no hazard"
    );

    // It fails again while the hazard is open: another episode, the same hazard, which says so.
    let relapsed = check(&site, measure, false, "又断裂").await;
    assert_eq!(
        (&relapsed.body["began"], &relapsed.body["hazard"]),
        (&json!(true), &json!(hazard))
    );
    assert_eq!(hazards(&site).await.len(), 1);
    let events = get(&site, &format!("/api/v1/hazards/{hazard}")).await;
    assert!(events.to_string().contains("又断裂"), "{events:#}");

    // And once that one is over, the next failure opens another.
    let rejected = site
        .act(
            &hazard,
            None,
            r#"{"action":"reject","reason":"seal was replaced on the spot"}"#,
        )
        .await;
    assert_eq!(rejected.status, StatusCode::OK, "{:#}", rejected.body);
    check(&site, measure, true, "").await;
    let third = check(&site, measure, false, "第三次").await;
    let other = third.body["hazard"].as_str().unwrap();
    assert_ne!(other, hazard);
    let view = get(&site, &format!("/api/v1/risk/points/{point}")).await;
    assert_eq!(view["failures"].as_array().unwrap().len(), 3);
    assert_eq!(view["failing"], 1);
}

#[tokio::test]
async fn a_hazard_that_could_not_be_opened_at_once_is_opened_later_and_once() {
    let site = Site::boiler().await;
    let point = enter(&site, "1号锅炉超压").await;
    let measure = add_measure(&site, &point, "水位联锁", 30).await;
    check(&site, measure, false, "未动作").await;
    // As if the gateway had stopped between the check and the hazard, and again between the hazard and its link.
    let forget = async || {
        let mut write = site.app.desk.begin().await.unwrap();
        sqlx::query("UPDATE risk_episodes SET hazard = NULL")
            .execute(write.connection().unwrap())
            .await
            .unwrap();
        write.commit().await.unwrap();
    };
    for _ in 0..2 {
        forget().await;
        assert_eq!(risk::open_waiting(&site.app).await.unwrap(), 1);
        assert_eq!(risk::open_waiting(&site.app).await.unwrap(), 0);
        assert_eq!(hazards(&site).await.len(), 1, "the same request opens one hazard");
    }
    let view = get(&site, &format!("/api/v1/risk/points/{point}")).await;
    assert_eq!(view["failures"][0]["hazard"], hazards(&site).await[0]["id"]);
}

#[tokio::test]
async fn a_repeated_request_is_harmless_and_another_with_the_same_key_is_refused() {
    let site = Site::boiler().await;
    let key = [("idempotency-key", "k-1")];
    let path = "/api/v1/risk/points";
    let body = boiler_point("超压");
    let first = send(&site, Method::POST, path, &key, &body).await;
    let second = send(&site, Method::POST, path, &key, &body).await;
    assert_eq!(
        (second.status, &second.body["id"]),
        (StatusCode::CREATED, &first.body["id"])
    );
    let other = send(&site, Method::POST, path, &key, &boiler_point("缺水")).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(get(&site, path).await["total"], 1);
    let measure = add_measure(&site, "RP-000001", "安全阀", 30).await;
    let path = format!("/api/v1/risk/measures/{measure}/checks");
    let body = json!({"passed": false, "remark": "失灵"});
    let first = send(&site, Method::POST, &path, &key, &body).await;
    assert_eq!(first.status, StatusCode::CONFLICT, "the key made a risk point");
    let key = [("idempotency-key", "k-2")];
    let first = send(&site, Method::POST, &path, &key, &body).await;
    let second = send(&site, Method::POST, &path, &key, &body).await;
    assert_eq!(first.status, StatusCode::CREATED, "{:#}", first.body);
    assert_eq!(
        (&first.body["id"], &first.body["hazard"]),
        (&second.body["id"], &second.body["hazard"])
    );
    let checks = get(&site, &path).await;
    assert_eq!(checks["checks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn changes_name_what_they_have_seen_and_what_cannot_be_taken_is_said() {
    let site = Site::boiler().await;
    for (body, said) in [
        (
            json!({"point": boiler_point("x")["point"]}),
            "either `equipment` or `unit`",
        ),
        (
            json!({"equipment": "none", "point": boiler_point("x")["point"]}),
            "no equipment",
        ),
        (
            json!({"unit": "none", "point": boiler_point("x")["point"]}),
            "no unit",
        ),
        (boiler_point(" "), "name: must not be empty"),
        (boiler_point(&"长".repeat(101)), "name: at most 100 characters"),
        (boiler_point("bell\u{7}"), "name: holds characters"),
    ] {
        let refused = post(&site, "/api/v1/risk/points", body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(
            refused.body["detail"].as_str().unwrap().contains(said),
            "{said}: {:#}",
            refused.body
        );
    }
    let point = enter(&site, "超压").await;
    let path = format!("/api/v1/risk/points/{point}");
    let body = json!({"point": boiler_point("1号锅炉超压")["point"]});
    let blind = send(&site, Method::PUT, &path, &[], &body).await;
    assert_eq!(blind.status, StatusCode::PRECONDITION_REQUIRED);
    let stale = send(&site, Method::PUT, &path, &[("if-match", "\"9\"")], &body).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let changed = send(&site, Method::PUT, &path, &[("if-match", "\"1\"")], &body).await;
    assert_eq!(
        (changed.status, &changed.body["name"], changed.header("etag")),
        (StatusCode::OK, &json!("1号锅炉超压"), "\"2\"")
    );
    let said = get(&site, &format!("{path}/changes")).await;
    let changes = said["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "one field was changed: {said:#}");
    assert_eq!(
        [
            &changes[0]["field"],
            &changes[0]["old"],
            &changes[0]["new"],
            &changes[0]["by"]
        ],
        [
            &json!("name"),
            &json!("超压"),
            &json!("1号锅炉超压"),
            &json!("admin")
        ]
    );
    let measure = add_measure(&site, &point, "安全阀", 30).await;
    let failed = check(&site, measure, false, "失灵").await;
    let hazard = get(
        &site,
        &format!("/api/v1/hazards/{}", failed.body["hazard"].as_str().unwrap()),
    )
    .await;
    assert_eq!(
        hazard["risk"],
        json!({"point": point, "measure": measure}),
        "{hazard:#}"
    );
    let early = json!({"passed": true, "checked_on": "2020-01-01"});
    let early = post(&site, &format!("/api/v1/risk/measures/{measure}/checks"), early).await;
    assert!(
        early.body["detail"]
            .as_str()
            .unwrap()
            .contains("not before the last check")
    );
    let late = json!({"passed": true, "checked_on": "2999-01-01"});
    let late = post(&site, &format!("/api/v1/risk/measures/{measure}/checks"), late).await;
    assert!(
        late.body["detail"]
            .as_str()
            .unwrap()
            .contains("not in the future")
    );
    for missing in [
        "/api/v1/risk/points/RP-000099",
        "/api/v1/risk/points/7",
        "/api/v1/risk/measures/99",
        "/api/v1/risk/measures/x",
    ] {
        assert_eq!(
            site.get_as_admin(missing).await.status,
            StatusCode::NOT_FOUND,
            "{missing}"
        );
    }
    let retired = json!({"point": boiler_point("1号锅炉超压")["point"], "retired": true});
    let retired = send(&site, Method::PUT, &path, &[("if-match", "\"2\"")], &retired).await;
    assert_eq!(
        (retired.status, &retired.body["failing"]),
        (StatusCode::OK, &json!(0))
    );
    assert_eq!(get(&site, "/api/v1/risk/points").await["total"], 0);
    assert_eq!(get(&site, "/api/v1/risk/points?retired=true").await["total"], 1);
    let said = get(&site, &format!("{path}/changes?limit=1")).await;
    let last = &said["changes"][0];
    assert_eq!(
        [&last["field"], &last["old"], &last["new"]],
        [&json!("retired"), &json!("false"), &json!("true")]
    );
    let before = format!("{path}/changes?before={}", last["id"]);
    assert_eq!(get(&site, &before).await["changes"][0]["field"], "name");
    let over = check(&site, measure, true, "").await;
    assert_eq!(
        (over.status, &over.body["code"]),
        (StatusCode::CONFLICT, &json!("retired"))
    );
}

#[tokio::test]
async fn lists_filter_sort_and_page_without_losing_or_repeating_anything() {
    let mut site = Site::boiler().await;
    for n in 0..12_i32 {
        let id = enter(&site, &format!("风险{n}")).await;
        let c = [1.0, 7.0, 15.0, 100.0][n as usize % 4];
        if n % 5 != 0 {
            assess(&site, &id, "\"1\"", (3.0, 6.0, c), "").await;
        }
        add_measure(&site, &id, "措施", 1 + (n % 3) as u16).await;
    }
    for (sort, filter) in [
        ("newest", ""),
        ("level", ""),
        ("check", ""),
        ("level", "&area=&tier=team"),
    ] {
        let all = get(
            &site,
            &format!("/api/v1/risk/points?sort={sort}&limit=1000{filter}"),
        )
        .await;
        let ids = |page: &Value| -> Vec<String> {
            let points = page["points"].as_array().unwrap().iter();
            points.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        let (all_ids, mut paged, mut after) = (ids(&all), Vec::new(), String::new());
        loop {
            let page = get(
                &site,
                &format!("/api/v1/risk/points?sort={sort}&limit=5&after={after}{filter}"),
            )
            .await;
            assert_eq!(page["total"], all["total"], "{sort}");
            paged.extend(ids(&page));
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => break,
            }
        }
        assert_eq!(paged, all_ids, "{sort}{filter}");
        assert_eq!(
            all["total"].as_u64().unwrap() as usize,
            all_ids.len(),
            "{sort}{filter}"
        );
    }
    let worst = get(&site, "/api/v1/risk/points?sort=level&limit=1").await;
    assert_eq!(worst["points"][0]["colour"]["key"], "red");
    let found = get(&site, "/api/v1/risk/points?q=%E9%A3%8E%E9%99%A911").await;
    assert_eq!(found["total"], 1, "found by its name");
    assert_eq!(
        get(&site, "/api/v1/risk/points?q=%25").await["total"],
        0,
        "text is no pattern"
    );
    assert_eq!(
        get(&site, "/api/v1/risk/points?owner=%E6%9D%8E%E5%B7%A5").await["total"],
        12
    );
    assert_eq!(get(&site, "/api/v1/risk/points?overdue=true").await["total"], 0);
    site.at(2 * DAY);
    assert_eq!(get(&site, "/api/v1/risk/points?overdue=true").await["total"], 4);
    let due = get(
        &site,
        "/api/v1/risk/measures?overdue=true&owner=%E7%8E%8B%E5%B7%A5",
    )
    .await;
    assert_eq!(due["total"], 4);
    assert_eq!(due["measures"][0]["days"], -1);
    let mut after = String::new();
    let mut seen = 0;
    loop {
        let page = get(&site, &format!("/api/v1/risk/measures?limit=5&after={after}")).await;
        seen += page["measures"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(seen, 12);
    for bad in [
        "colour=green",
        "sort=x",
        "after=x",
        "area=x",
        "overdue=x",
        "limit=0",
        "color=red",
    ] {
        let refused = site.get_as_admin(&format!("/api/v1/risk/points?{bad}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn ranks_say_why_and_the_map_shows_what_nobody_has_assessed_or_heard() {
    let (mut site, _) = Site::with_hazard().await;
    risk::refresh(&site.app).await.unwrap();
    let map = get(&site, "/api/v1/risk/map").await;
    assert_eq!(map["tiles"].as_array().unwrap().len(), 1);
    assert_eq!(map["tiles"][0]["standing"], "not_assessed", "{map:#}");
    assert_eq!(map["tiles"][0]["blue"], 0);
    assert!(
        map["tiles"][0]["without_points"].as_u64().unwrap() >= 1,
        "{map:#}"
    );

    let point = enter(&site, "超压").await;
    assess(&site, &point, "\"1\"", (1.0, 1.0, 1.0), "").await;
    let measure = add_measure(&site, &point, "安全阀", 1).await;
    check(&site, measure, false, "失灵").await;
    let ranks = get(&site, "/api/v1/risk/ranking/equipment").await;
    let first = &ranks["ranks"][0];
    assert_eq!((&first["id"], &first["place"]), (&json!("boiler"), &json!(1)));
    let parts: Vec<(String, u64)> = first["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            let key = part["what"]["key"].as_str().unwrap().to_owned();
            (key, part["points"].as_u64().unwrap())
        })
        .collect();
    let sum: u64 = parts.iter().map(|(_, points)| points).sum();
    assert_eq!(
        first["score"].as_u64().unwrap(),
        sum,
        "a score is the sum of its parts"
    );
    for key in ["blue_points", "failed_controls", "general_hazards", "high_alarms"] {
        assert!(parts.iter().any(|(known, _)| known == key), "{key}: {parts:?}");
    }
    assert!(!parts.iter().any(|(known, _)| known == "not_assessed"));
    let filtered = get(&site, "/api/v1/risk/ranking/equipment?part=overdue_checks").await;
    assert_eq!(filtered["ranks"], json!([]));
    site.at(3 * DAY);
    site.app.engine.set_mqtt_connected(true);
    let changed = risk::refresh(&site.app).await.unwrap();
    assert!(changed > 0, "a check is overdue now");
    // Three days of silence become alarms in between.
    harness::until("what has not changed is not written again", async || {
        (risk::refresh(&site.app).await.unwrap() == 0).then_some(())
    })
    .await;
    let filtered = get(&site, "/api/v1/risk/ranking/equipment?part=overdue_checks").await;
    assert_eq!(filtered["ranks"][0]["id"], "boiler");
    let scheme = get(&site, "/api/v1/risk/scheme").await;
    assert_eq!(scheme["weights"].as_array().unwrap().len(), 16);
    assert_eq!(scheme["levels"][0]["told"]["unverified"], true);
}

/// Login, role, unit, areas, and whether the boiler is in scope.
type Member = (
    &'static str,
    Role,
    Option<&'static str>,
    &'static [&'static str],
    bool,
);

/// The boiler is `acme`'s, maintained by `fix`, inspected by `look`, in Haicheng.
#[rustfmt::skip] // a table
const CAST: &[Member] = &[
    ("site-a", Role::Site, Some("acme"), &[], true),
    ("site-b", Role::Site, Some("other"), &[], false),
    ("maintainer-a", Role::Maintainer, Some("fix"), &[], true),
    ("maintainer-b", Role::Maintainer, Some("acme"), &[], false),
    ("inspector-a", Role::InspectionBody, Some("look"), &[], true),
    ("regulator-a", Role::Regulator, None, &["11", "2103"], true),
    ("regulator-b", Role::Regulator, None, &["2104"], false),
    ("department-a", Role::Department, None, &["210381"], true),
];

#[tokio::test]
async fn nobody_sees_or_changes_what_is_another_units_or_areas() {
    let site = Site::boiler().await;
    let scope = Scope {
        use_unit: Some("acme".into()),
        maintenance_unit: Some("fix".into()),
        inspection_body: Some("look".into()),
        area: "210381".into(),
    };
    let point = enter(&site, "超压").await;
    let measure = add_measure(&site, &point, "安全阀", 30).await;
    // The register says whose it is after the risk was entered: the risk follows.
    site.belongs("boiler", scope).await;
    risk::refresh(&site.app).await.unwrap();
    for (login, role, unit, areas, sees) in CAST {
        let token = site.user(login, *role, *unit, areas).await;
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let ask = async |method, path: &str, body: Value| {
            site.ask(
                method,
                path,
                &headers,
                &if body.is_null() {
                    String::new()
                } else {
                    body.to_string()
                },
            )
            .await
        };
        for (list, key) in [
            ("/api/v1/risk/points", "points"),
            ("/api/v1/risk/points?sort=level&equipment=boiler", "points"),
            ("/api/v1/risk/points?unit=acme", "points"),
            ("/api/v1/risk/measures", "measures"),
            ("/api/v1/risk/ranking/equipment", "ranks"),
            ("/api/v1/risk/map", "tiles"),
        ] {
            let answer = ask(Method::GET, list, Value::Null).await;
            assert_eq!(answer.status, StatusCode::OK, "{login} {list}: {:#}", answer.body);
            let rows = answer.body[key].as_array().unwrap().len();
            assert_eq!(rows > 0, *sees, "{login} {list}: {:#}", answer.body);
            if let Some(total) = answer.body["total"].as_u64() {
                assert_eq!(total > 0, *sees, "{login} {list}");
            }
        }
        // A unit's rank is for the unit itself and for the authorities of its area.
        let units = ask(Method::GET, "/api/v1/risk/ranking/units", Value::Null).await;
        let of_acme = units.body["ranks"].to_string().contains("acme");
        let may = match role {
            Role::Site | Role::Maintainer | Role::InspectionBody => *unit == Some("acme"),
            _ => *sees,
        };
        assert_eq!(of_acme, may, "{login}: {:#}", units.body);
        let one = format!("/api/v1/risk/points/{point}");
        let of_measure = format!("/api/v1/risk/measures/{measure}");
        let checks = format!("{of_measure}/checks");
        for path in [&one, &format!("{one}/assessments"), &of_measure, &checks] {
            let answer = ask(Method::GET, path, Value::Null).await;
            let expected = if *sees {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            assert_eq!(answer.status, expected, "{login} {path}");
        }
        let keeper = !matches!(role, Role::Department | Role::InspectionBody);
        let enters = ask(Method::POST, "/api/v1/risk/points", boiler_point(login)).await;
        let expected = match (keeper, *sees) {
            (false, _) => StatusCode::FORBIDDEN,
            (true, true) => StatusCode::CREATED,
            (true, false) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        assert_eq!(enters.status, expected, "{login}: {:#}", enters.body);
        let checked = ask(Method::POST, &checks, json!({"passed": true})).await;
        let expected = match (*role != Role::Department, *sees) {
            (false, _) => StatusCode::FORBIDDEN,
            (true, true) => StatusCode::CREATED,
            (true, false) => StatusCode::NOT_FOUND,
        };
        assert_eq!(checked.status, expected, "{login}: {:#}", checked.body);
    }
    // A failure is reported by who found it, within his own.
    let regulator = site
        .app
        .people
        .add_token("regulator-a", "b", &[TokenScope::Act], 1)
        .await
        .unwrap();
    let bearer = format!("Bearer {}", regulator.secret);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let path = format!("/api/v1/risk/measures/{measure}/checks");
    let failed = site
        .ask(
            Method::POST,
            &path,
            &headers,
            r#"{"passed":false,"remark":"no seal"}"#,
        )
        .await;
    assert_eq!(failed.status, StatusCode::CREATED, "{:#}", failed.body);
    let hazard = failed.body["hazard"].as_str().unwrap();
    let hazard = get(&site, &format!("/api/v1/hazards/{hazard}")).await;
    assert!(
        hazard["history"].to_string().contains("regulator-a") || hazard.to_string().contains("regulator-a"),
        "{hazard:#}"
    );
}

#[tokio::test]
async fn a_units_own_risk_is_failed_ranked_and_mapped_like_equipments() {
    let site = Site::boiler().await;
    let unit = json!({"name": "某商场", "kind": "use_unit", "area": "210381"});
    let unit = post(&site, "/api/v1/units", unit).await;
    let code = unit.body["code"].as_str().unwrap().to_owned();
    let body = json!({"unit": code, "point": boiler_point("无证上岗")["point"]});
    let made = post(&site, "/api/v1/risk/points", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert_eq!(made.body["area"], "210381");
    assess(&site, &id, "\"1\"", (6.0, 6.0, 15.0), "").await;
    let measure = add_measure(&site, &id, "持证上岗检查", 30).await;
    let failed = check(&site, measure, false, "两人无证").await;
    assert!(failed.body["hazard"].is_string(), "{:#}", failed.body);
    let open = hazards(&site).await;
    assert_eq!(open[0]["equipment_id"], json!(format!("unit:{code}")));
    risk::refresh(&site.app).await.unwrap();
    let ranks = get(&site, "/api/v1/risk/ranking/units").await;
    let rank = &ranks["ranks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rank| rank["id"] == json!(code))
        .unwrap()
        .clone();
    let keys: Vec<_> = rank["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["what"]["key"].clone())
        .collect();
    for key in ["red_points", "failed_controls", "major_hazards"] {
        assert!(keys.contains(&json!(key)), "{key}: {rank:#}");
    }
    let map = get(&site, "/api/v1/risk/map?area=21").await;
    let tile = map["tiles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tile| tile["key"] == "2103")
        .unwrap();
    assert_eq!(
        (&tile["standing"], &tile["red"]),
        (&json!("red"), &json!(1)),
        "{map:#}"
    );
    let by_unit = get(&site, "/api/v1/risk/map?by=unit&area=210381").await;
    assert_eq!(by_unit["tiles"][0]["name"], "某商场");
    // The unit moves: its risks move with it.
    let moved = json!({"name": "某商场", "kind": "use_unit", "area": "210400"});
    let path = format!("/api/v1/units/{code}");
    let moved = send(
        &site,
        Method::PUT,
        &path,
        &[("if-match", unit.header("etag"))],
        &moved,
    )
    .await;
    assert_eq!(moved.status, StatusCode::OK, "{:#}", moved.body);
    assert_eq!(get(&site, "/api/v1/risk/points?area=2104").await["total"], 1);
    assert_eq!(get(&site, "/api/v1/risk/measures?area=2104").await["total"], 1);
}
