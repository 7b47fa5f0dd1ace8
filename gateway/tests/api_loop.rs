//! The closed loop over the API: steps and their refusals, reports, files, what the register finds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod api_site;
mod harness;

use api_site::Site;
use axum::http::StatusCode;
use harness::until;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vigil_core::hazard::HazardId;
use vigil_core::hazard::workflow::Step;
use vigil_core::input::{Action, OperatorAction};
use vigil_core::people::{Person, Role, Scope};
use vigil_gateway::app::HazardFilter;

/// The smallest thing that is a JPEG by its beginning.
const PHOTO: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3];

fn report() -> Value {
    json!({
        "equipment": "boiler",
        "source": "inspection",
        "category": "management",
        "description": "操作规程缺失 =1+1 <script>",
        "grade": "general",
    })
}

async fn step(site: &Site, id: &str, body: Value) -> api_site::Answer {
    let state = site.state(id).await;
    let path = format!("/api/v1/hazards/{id}/actions");
    site.post_json(&path, Some(("if-match", &state)), &body).await
}

/// Takes a step as somebody the API does not know yet.
async fn as_person(site: &Site, id: &str, login: &str, step: Step) {
    let action = OperatorAction {
        actor: login.to_owned(),
        reason: "as agreed".to_owned(),
        idempotency_key: None,
        who: Some(Person::administrator(login)),
        scope: Some(Scope::default()),
        action: Action::Hazard {
            hazard: HazardId(id.into()),
            expect: None,
            step: Box::new(step),
        },
    };
    site.app.engine.act(action).await.unwrap();
}

#[tokio::test]
async fn a_hazard_goes_through_the_loop_and_refusals_say_who_could() {
    let (mut site, id) = Site::with_hazard().await;
    let path = format!("/api/v1/hazards/{id}");
    let hazard = site.get_as_admin(&path).await;
    assert_eq!(hazard.header("etag"), "\"1\"");
    let next = |body: &Value| -> Vec<String> {
        let steps = body["next_steps"].as_array().unwrap();
        steps
            .iter()
            .map(|step| step["step"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(next(&hazard.body).starts_with(&["confirm".into(), "reject".into(), "comment".into()]));

    let photo = site.upload("a.jpg", PHOTO).await;
    assert_eq!(photo.status, StatusCode::CREATED, "{:#}", photo.body);
    let files = json!([{ "sha256": photo.body["sha256"] }]);
    step(&site, &id, json!({"action": "confirm"})).await;
    let poorly = step(
        &site,
        &id,
        json!({"action": "assign", "assignment": {"person": ""}}),
    )
    .await;
    assert_eq!(poorly.status, StatusCode::CONFLICT, "{:#}", poorly.body);
    let assigned = step(&site, &id, json!({"action": "assign", "assignment": {
        "person": "王工", "measures": "换阀", "funds": "2 万元", "emergency_plan": "停炉",
        "deadline": vigil_gateway::view::Time(vigil_protocol::time::UtcMillis(site.now + 20 * 86_400_000)).to_string(),
    }})).await;
    assert_eq!(assigned.status, StatusCode::OK, "{:#}", assigned.body);
    assert_eq!(assigned.body["hazard"]["status"], "assigned");
    assert_eq!(assigned.header("etag"), "\"3\"");
    step(&site, &id, json!({"action": "start"})).await;
    let bare = step(
        &site,
        &id,
        json!({"action": "self_check", "reason": "已换", "attachments": []}),
    )
    .await;
    assert_eq!(
        (bare.status, &bare.body["code"]),
        (StatusCode::CONFLICT, &json!("evidence_required"))
    );
    assert!(bare.body["detail_zh"].as_str().unwrap().contains("照片"));
    let checked = step(
        &site,
        &id,
        json!({"action": "self_check", "reason": "已换", "attachments": files}),
    )
    .await;
    assert_eq!(
        checked.body["hazard"]["status"], "self_checked",
        "{:#}",
        checked.body
    );

    let own = step(
        &site,
        &id,
        json!({"action": "accept", "reason": "好", "attachments": files}),
    )
    .await;
    assert_eq!(
        (own.status, &own.body["code"]),
        (StatusCode::FORBIDDEN, &json!("duties_not_separate"))
    );
    assert!(
        own.body["who"].as_array().unwrap().contains(&json!("regulator")),
        "{:#}",
        own.body
    );
    assert!(
        next(&site.get(&path).await.body).is_empty(),
        "who did not say who he is"
    );
    assert!(!next(&site.get_as_admin(&path).await.body).contains(&"accept".to_owned()));
    let accept = Step::Accept {
        attachments: serde_json::from_value(json!([{
            "name": "a.jpg", "size": PHOTO.len(), "sha256": photo.body["sha256"], "media_type": "image/jpeg",
        }]))
        .unwrap(),
    };
    as_person(&site, &id, "sun", accept).await;
    let rules = "安全阀定期校验制度（2026年修订）";
    let struck = step(&site, &id, json!({"action": "strike_off", "rules_made": rules})).await;
    assert_eq!(struck.body["hazard"]["status"], "struck_off", "{:#}", struck.body);
    assert_eq!(struck.body["hazard"]["open"], false);
    let results = site.get_as_admin("/api/v1/lists/results").await.body;
    let cells = results["rows"][0]["cells"].as_array().unwrap();
    assert!(cells.contains(&json!(rules)), "{results:#}");

    site.at(40 * 86_400_000);
    let whole = until("the look-back is announced", async || {
        let whole = site.get(&path).await.body;
        let events = whole["history"].as_array().unwrap().iter();
        let announced = events.filter(|event| event["event"] == "look_back_due").count();
        (announced == 1).then_some(whole)
    })
    .await;
    let back = step(
        &site,
        &id,
        json!({"action": "look_back", "passed": true, "reason": "正常"}),
    )
    .await;
    assert_eq!(
        (back.status, &back.body["code"]),
        (StatusCode::FORBIDDEN, &json!("duties_not_separate"))
    );
    assert_eq!(whole["chain"]["verified"], true, "{:#}", whole["chain"]);
    assert_eq!(whole["handling"]["rectifiers"], json!(["admin"]));
    let events: Vec<&str> = whole["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    for event in [
        "opened",
        "confirmed",
        "assigned",
        "rectification_started",
        "self_checked",
        "accepted",
        "struck_off",
        "look_back_due",
    ] {
        assert!(events.contains(&event), "{event}: {events:?}");
    }
}

#[tokio::test]
async fn of_two_who_act_at_once_only_one_wins() {
    let (site, id) = Site::with_hazard().await;
    let path = format!("/api/v1/hazards/{id}/actions");
    for round in 1..=6_u32 {
        let seen = format!("\"{round}\"");
        let act = async |text: &str| {
            let body = json!({"action": "comment", "reason": text});
            site.post_json(&path, Some(("if-match", &seen)), &body).await
        };
        let (one, two) = tokio::join!(act("one"), act("two"));
        let statuses = BTreeSet::from([one.status, two.status]);
        let wanted = BTreeSet::from([StatusCode::OK, StatusCode::PRECONDITION_FAILED]);
        assert_eq!(statuses, wanted, "{:#} {:#}", one.body, two.body);
    }
    let history = site.get(&format!("/api/v1/hazards/{id}")).await;
    assert_eq!(history.body["events"], 7);
}

#[tokio::test]
async fn a_report_is_on_record_once_and_can_be_found_by_its_words() {
    let (mut site, telemetry) = Site::with_hazard().await;
    let first = site
        .post_json("/api/v1/hazards", Some(("idempotency-key", "r1")), &report())
        .await;
    assert_eq!(first.status, StatusCode::CREATED, "{:#}", first.body);
    let id = first.body["hazard"]["id"].as_str().unwrap().to_owned();
    assert_eq!(first.body["hazard"]["source"], "inspection");
    let again = site
        .post_json("/api/v1/hazards", Some(("idempotency-key", "r1")), &report())
        .await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    let twice = site.post_json("/api/v1/hazards", None, &report()).await;
    assert_eq!(
        (twice.status, &twice.body["code"]),
        (StatusCode::CONFLICT, &json!("already_open"))
    );
    assert_eq!(twice.body["hazard"], json!(id));

    site.at(20_000);
    let mut elsewhere = report();
    elsewhere["equipment"] = json!("only-in-the-register");
    let elsewhere = site.post_json("/api/v1/hazards", None, &elsewhere).await;
    assert_eq!(elsewhere.status, StatusCode::CREATED, "{:#}", elsewhere.body);
    site.at(30_000);
    let mut unit = report();
    unit["equipment"] = Value::Null;
    unit["unit"] = json!("mall");
    let unit = site.post_json("/api/v1/hazards", None, &unit).await;
    assert_eq!(unit.body["hazard"]["unit"], "mall", "{:#}", unit.body);

    let found = async |query: &str| -> Vec<String> {
        let page = site.get(&format!("/api/v1/hazards?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}: {:#}", page.body);
        let hazards = page.body["hazards"].as_array().unwrap();
        assert_eq!(page.body["total"], json!(hazards.len()), "{query}");
        hazards
            .iter()
            .map(|hazard| hazard["equipment_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = ["unit:mall", "only-in-the-register", "boiler"];
    for (query, wanted) in [
        ("source=inspection", &all[..]),
        ("category=management&open=true", &all),
        ("text=%E8%A7%84%E7%A8%8B", &all), // 规程
        ("text=%E7%A8%8B%E8%A7%84", &[]),  // 程规
        ("text=only-in", &all[1..2]),
        ("text=%22%20zzz%20*", &[]),
        ("source=telemetry", &["boiler"]),
        ("equipment=unit:mall&grade=general", &all[..1]),
        ("use_unit=mall", &all[..1]),
        ("overdue=true", &[]),
        (
            "listed=false&repeated=false&overdue=false&source=inspection",
            &all,
        ),
        ("unit=mall", &[]),
        ("area=21", &[]),
    ] {
        assert_eq!(found(query).await, wanted, "{query}");
    }
    assert_eq!(found(&format!("text={telemetry}")).await, ["boiler"]);

    let pages = async |after: Option<String>| {
        let cursor = after.map(|after| format!("&cursor={after}")).unwrap_or_default();
        site.get(&format!("/api/v1/hazards?text=%E8%A7%84&limit=2{cursor}"))
            .await
            .body
    };
    let page = pages(None).await;
    let rest = pages(page["next"].as_str().map(str::to_owned)).await;
    assert_eq!(
        (
            page["hazards"].as_array().unwrap().len(),
            rest["hazards"].as_array().unwrap().len()
        ),
        (2, 1)
    );

    let mut spot = report();
    spot["description"] = json!("灭火器压力不足");
    let photo = site.upload("x.jpg", PHOTO).await.body;
    spot["fixed"] = json!({"rectifier": "admin", "text": "换", "attachments": [{"sha256": photo["sha256"]}]});
    let own = site.post_json("/api/v1/hazards", None, &spot).await;
    assert_eq!(own.body["code"], "duties_not_separate", "{:#}", own.body);
    spot["fixed"]["rectifier"] = json!("王工");
    let spot = site.post_json("/api/v1/hazards", None, &spot).await;
    assert_eq!(spot.body["hazard"]["status"], "accepted", "{:#}", spot.body);
}

#[tokio::test]
async fn who_may_see_what_is_decided_in_the_register() {
    let site = Site::boiler().await;
    for (unit, area) in [("mall", "210381"), ("school", "210382"), ("port", "110000")] {
        let mut action = OperatorAction {
            actor: "admin".to_owned(),
            reason: String::new(),
            idempotency_key: None,
            who: Some(Person::administrator("admin")),
            scope: Some(Scope {
                use_unit: Some(unit.into()),
                maintenance_unit: Some("lifts".into()),
                inspection_body: None,
                area: area.into(),
            }),
            action: Action::AcknowledgeAlarm {
                equipment: String::new(),
                rule: String::new(),
            },
        };
        let intake = json!({"equipment": format!("e-{unit}"), "source": "patrol", "category": "other",
            "description": "x", "grade": "major"});
        action.action = serde_json::from_value(json!({"do": "open_hazard", "intake": intake})).unwrap();
        site.app.engine.act(action).await.unwrap();
    }
    let sees = async |role, unit: Option<&str>, areas: &[&str]| {
        let person = Person {
            login: "x".into(),
            role,
            unit: unit.map(Into::into),
            areas: areas.iter().map(|area| (*area).into()).collect(),
        };
        let filter = HazardFilter {
            sight: Some(person.sight()),
            ..HazardFilter::default()
        };
        let hazards = site.app.store.hazards(&filter).await.unwrap();
        for hazard in &hazards {
            assert!(person.sees(&hazard.handling.scope), "{person:?} {hazard:?}");
        }
        assert_eq!(
            site.app.store.count_hazards(&filter, 100).await.unwrap(),
            hazards.len() as u64
        );
        hazards.len()
    };
    assert_eq!(sees(Role::Administrator, None, &[]).await, 3);
    assert_eq!(sees(Role::Site, Some("mall"), &[]).await, 1);
    assert_eq!(sees(Role::Site, None, &[]).await, 0);
    assert_eq!(sees(Role::Maintainer, Some("lifts"), &[]).await, 3);
    assert_eq!(sees(Role::InspectionBody, Some("lifts"), &[]).await, 0);
    for (areas, wanted) in [
        (&["21"][..], 2),
        (&["2103"], 2),
        (&["210381"], 1),
        (&["11", "210382"], 2),
        (&["2"], 2),
        (&[""], 3),
        (&[], 0),
    ] {
        assert_eq!(sees(Role::Regulator, None, areas).await, wanted, "{areas:?}");
    }
}

#[tokio::test]
async fn files_are_what_their_bytes_say_and_come_back_as_they_were() {
    let site = Site::boiler().await;
    let kept = site.upload("..%2F..%2Fetc%2F%E7%85%A7%E7%89%87.exe", PHOTO).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{:#}", kept.body);
    assert_eq!(
        (&kept.body["name"], &kept.body["media_type"]),
        (&json!("照片.exe"), &json!("image/jpeg"))
    );
    let again = site.upload("b.jpg", PHOTO).await;
    assert_eq!(again.body["sha256"], kept.body["sha256"]);
    let path = format!("/api/v1/attachments/{}", kept.body["sha256"].as_str().unwrap());
    assert_eq!(
        site.get(&path).await.status,
        StatusCode::NOT_FOUND,
        "shown to nobody yet"
    );
    let back = site.get_as_admin(&path).await;
    assert_eq!(back.status, StatusCode::OK);
    assert_eq!(back.header("content-type"), "image/jpeg");
    assert_eq!(back.header("x-content-type-options"), "nosniff");
    assert_eq!(
        back.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert!(
        back.header("content-disposition")
            .starts_with("inline; filename*=UTF-8''%E7")
    );

    let mut large = b"%PDF-1.7".to_vec();
    large.resize(20 * 1024 * 1024, b' ');
    assert_eq!(site.upload("l.pdf", &large).await.status, StatusCode::CREATED);
    large.push(b' ');
    let refused = site.upload("l.pdf", &large).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large"))
    );
    for bytes in [&b"<svg onload=alert(1)>"[..], b"PK\x03\x04zip", b"MZ"] {
        assert_eq!(
            site.upload("x.jpg", bytes).await.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
    }
    let mut report = report();
    report["attachments"] = json!([{"sha256": "0".repeat(64)}]);
    let unknown = site.post_json("/api/v1/hazards", None, &report).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        unknown.body["detail"]
            .as_str()
            .unwrap()
            .contains("upload it first"),
        "{:#}",
        unknown.body
    );

    // What somebody changes on disk is not handed out.
    let hash = kept.body["sha256"].as_str().unwrap();
    let file = site
        .database()
        .with_file_name("attachments")
        .join(&hash[..2])
        .join(&hash[2..]);
    std::fs::write(&file, b"\xFF\xD8\xFFforged").unwrap();
    let forged = site.get_as_admin(&path).await;
    assert_eq!(
        forged.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{:#}",
        forged.body
    );
}
