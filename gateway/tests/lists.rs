//! The four lists through their API and pages: live, as files, frozen.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;
mod list_rows;

use api_site::{Answer, Site};
use axum::http::{Method, StatusCode};
use harness::T0;
use list_rows::{DAY_MS, Seed, seed};
use serde_json::{Value, json};
use std::sync::Arc;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::HazardStatus;
use vigil_core::people::Role;
use vigil_gateway::desk::lists::{every_job, next_job};
use vigil_gateway::sheet::{Limits, read};
use vigil_protocol::time::UtcMillis;

/// T0 is 2026-06-01 08:00 in Shanghai.
const JUNE: &str = "from=2026-06-01&to=2026-06-30";

async fn ask(site: &Site, bearer: &str, method: Method, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {bearer}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    site.ask(method, path, &headers, &body).await
}

async fn get(site: &Site, path: &str) -> Value {
    let answer = ask(site, &site.token, Method::GET, path, &Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {:#}", answer.body);
    answer.body
}

async fn post(site: &Site, path: &str, body: Value) -> Answer {
    ask(site, &site.token, Method::POST, path, &body).await
}

/// Asks for something and has it made; where it stands then.
async fn made(site: &Site, path: &str, body: Value) -> Value {
    let asked = post(site, path, body).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{:#}", asked.body);
    assert_eq!(asked.body["state"], "waiting");
    let place = asked.header("location").to_owned();
    let id = asked.body["id"].as_i64().unwrap();
    assert_eq!(next_job(&site.app).await.unwrap(), Some(id));
    get(site, &place).await
}

fn ids(page: &Value) -> Vec<&str> {
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_shows_what_is_in_its_period_area_unit_and_state_page_by_page() {
    let site = Site::empty().await;
    let seeds = (1..=5).map(|n| Seed {
        day: n as i64,
        ..Seed::new(n)
    });
    seed(&site, seeds).await;
    #[rustfmt::skip] // a table
    let others = [
        Seed { day: 40, ..Seed::new(6) },
        Seed { area: "310000", ..Seed::new(7) },
        Seed { unit: "other", ..Seed::new(8) },
        Seed { status: HazardStatus::StruckOff, day: 2, ..Seed::new(9) },
    ];
    seed(&site, others).await;
    let count = async |query: &str| {
        let page = get(&site, &format!("/api/v1/lists/{query}")).await;
        assert_eq!(
            page["total"],
            page["rows"].as_array().unwrap().len() as u64,
            "{query}"
        );
        ids(&page).len()
    };
    for (query, expected) in [
        ("hazards", 9),
        (&*format!("hazards?{JUNE}"), 8),
        ("hazards?from=2026-07-01", 1),
        ("hazards?to=2026-05-31", 0),
        ("hazards?area=21", 8),
        ("hazards?area=2103", 8),
        ("hazards?area=310000", 1),
        ("hazards?unit=other", 1),
        ("hazards?state=struck_off", 1),
        (&*format!("tasks?{JUNE}&unit=acme&area=2103&state=rectifying"), 5),
        (&*format!("results?{JUNE}"), 1),
        ("results?area=3100", 0),
        ("results?from=2026-06-04", 0),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    // Page by page: every line once, numbered through.
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&site, &format!("/api/v1/lists/hazards?limit=2&after={after}")).await;
        for row in page["rows"].as_array().unwrap() {
            seen.push((
                row["cells"][0].as_str().unwrap().to_owned(),
                row["id"].as_str().unwrap().to_owned(),
            ));
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let all = get(&site, "/api/v1/lists/hazards").await;
    let numbered: Vec<_> = (1..)
        .zip(ids(&all))
        .map(|(no, id): (u32, _)| (no.to_string(), id.to_owned()))
        .collect();
    assert_eq!(seen, numbered);
    for wrong in [
        "hazards?area=x",
        "hazards?from=may",
        "hazards?state=gone",
        "hazards?after=1",
        "hazards?sort=x",
    ] {
        let answer = ask(
            &site,
            &site.token,
            Method::GET,
            &format!("/api/v1/lists/{wrong}"),
            &Value::Null,
        )
        .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let answer = ask(
        &site,
        &site.token,
        Method::GET,
        "/api/v1/lists/hazard",
        &Value::Null,
    )
    .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body["suggestion"], "hazards");
    let described = get(&site, "/api/v1/lists").await;
    assert_eq!(described["lists"].as_array().unwrap().len(), 4);
    assert_eq!(described["lists"][1]["columns"][1]["title_zh"], "隐患编号");
}

#[tokio::test]
async fn a_file_holds_the_list_and_nothing_in_it_is_a_formula() {
    let site = Site::empty().await;
    let evil = "=HYPERLINK(\"http://x\")";
    seed(
        &site,
        [
            Seed::new(1),
            Seed {
                unit: "=cmd|'/c calc'!A1",
                description: evil.to_owned(),
                ..Seed::new(2)
            },
        ],
    )
    .await;
    for format in ["csv", "xlsx", "json"] {
        let file = made(&site, "/api/v1/lists/hazards/files", json!({"format": format})).await;
        assert_eq!(
            (&file["state"], &file["rows"]),
            (&json!("done"), &json!(2)),
            "{file:#}"
        );
        assert_eq!(file["percent"], 100);
        let content = format!("/api/v1/list-files/{}/content", file["id"]);
        let bytes = site.get_bytes(&content, &site.token).await;
        assert_eq!(file["sha256"], ContentHash::of(&bytes).to_string());
        assert_eq!(file["size"], bytes.len() as u64);
        match format {
            "json" => {
                let document: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(document["total"], 2);
                assert_eq!(document["head"]["number"], Value::Null);
                assert!(document["rows"][1][7].as_str().unwrap().ends_with(evil));
            }
            _ => {
                let sheet = read(&bytes, None, &Limits::default()).unwrap();
                let texts = format!("{:?}", sheet.rows);
                assert!(texts.contains("'=cmd|"), "{format}: {texts}");
                assert!(!texts.contains("\"=cmd|"), "{format}: {texts}");
                assert!(texts.contains("隐患编号"), "{format}");
            }
        }
        if format == "csv" {
            assert!(bytes.starts_with(b"\xef\xbb\xbf"), "Excel sees UTF-8 by its mark");
        }
    }
}

#[tokio::test]
async fn a_file_is_asked_for_once_cancelled_and_removed_after_its_time() {
    let site = Site::empty().await;
    seed(&site, [Seed::new(1)]).await;
    let bearer = format!("Bearer {}", site.token);
    let asked = async |key: &str, body: &str| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        site.ask(Method::POST, "/api/v1/lists/hazards/files", &headers, body)
            .await
    };
    let first = asked("k", r#"{"format":"csv"}"#).await.body["id"].clone();
    assert_eq!(asked("k", r#"{"format":"csv"}"#).await.body["id"], first);
    assert_eq!(
        asked("k", r#"{"format":"json"}"#).await.status,
        StatusCode::CONFLICT
    );
    for wrong in [
        "{}",
        r#"{"format":"pdf"}"#,
        r#"{"format":"csv","area":"x"}"#,
        r#"{"format":"csv","rows":1}"#,
    ] {
        assert_eq!(
            asked("w", wrong).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{wrong}"
        );
    }
    let place = format!("/api/v1/list-files/{first}");
    let content = format!("{place}/content");
    let early = ask(&site, &site.token, Method::GET, &content, &Value::Null).await;
    assert_eq!(
        (early.status, &early.body["code"]),
        (StatusCode::CONFLICT, &json!("not_done"))
    );
    let cancelled = ask(&site, &site.token, Method::DELETE, &place, &Value::Null).await;
    assert_eq!(cancelled.body["state"], "cancelled", "{:#}", cancelled.body);
    let again = ask(&site, &site.token, Method::DELETE, &place, &Value::Null).await;
    assert_eq!(
        (again.status, &again.body["code"]),
        (StatusCode::CONFLICT, &json!("ended"))
    );
    assert_eq!(
        next_job(&site.app).await.unwrap(),
        None,
        "what is cancelled is not made"
    );
    // Too many at once are refused with the reason.
    for n in 0..10 {
        assert_eq!(
            asked(&n.to_string(), r#"{"format":"csv"}"#).await.status,
            StatusCode::ACCEPTED
        );
    }
    let many = asked("10", r#"{"format":"csv"}"#).await;
    assert_eq!(
        (many.status, &many.body["code"]),
        (StatusCode::CONFLICT, &json!("too_many_waiting"))
    );
    while next_job(&site.app).await.unwrap().is_some() {}
    let files = get(&site, "/api/v1/list-files?limit=3").await;
    assert_eq!(files["files"].as_array().unwrap().len(), 3);
    assert!(files["next"].is_string());
    let done = &files["files"][0];
    let path = site
        .database()
        .with_file_name("lists")
        .join("made")
        .join(format!("{}.csv", done["id"]));
    assert!(path.exists());
    // Three days later the worker removes them.
    site.app.clock.set(UtcMillis(T0 + 4 * DAY_MS));
    let catalog = tokio::sync::watch::Sender::new(Arc::clone(&site.app.catalog));
    let stopping = site.app.stopping.clone();
    let worker = tokio::spawn(every_job(site.app.clone(), catalog.subscribe(), stopping.clone()));
    let gone = format!("/api/v1/list-files/{}", done["id"]);
    harness::until("the file is removed", async || {
        let file = get(&site, &gone).await;
        (file["state"] == "expired").then_some(())
    })
    .await;
    assert!(!path.exists());
    let late = ask(
        &site,
        &site.token,
        Method::GET,
        &format!("{gone}/content"),
        &Value::Null,
    )
    .await;
    assert_eq!(
        (late.status, &late.body["code"]),
        (StatusCode::CONFLICT, &json!("expired"))
    );
    stopping.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn what_was_under_way_at_a_crash_is_made_after_it_but_not_for_ever() {
    let site = Site::empty().await;
    seed(&site, [Seed::new(1)]).await;
    let body = || json!({"format": "csv"});
    let first = post(&site, "/api/v1/lists/hazards/files", body()).await.body["id"].clone();
    let second = post(&site, "/api/v1/lists/hazards/files", body()).await.body["id"].clone();
    let mut write = site.app.desk.begin().await.unwrap();
    sqlx::query("UPDATE list_jobs SET state = 'running', attempts = n")
        .execute(write.connection().unwrap())
        .await
        .unwrap();
    sqlx::query("UPDATE list_jobs SET attempts = 3 WHERE n = 2")
        .execute(write.connection().unwrap())
        .await
        .unwrap();
    write.commit().await.unwrap();
    let catalog = tokio::sync::watch::Sender::new(Arc::clone(&site.app.catalog));
    let stopping = site.app.stopping.clone();
    let worker = tokio::spawn(every_job(site.app.clone(), catalog.subscribe(), stopping.clone()));
    for (id, state) in [(first, "done"), (second, "failed")] {
        harness::until("the job ends", async || {
            let file = get(&site, &format!("/api/v1/list-files/{id}")).await;
            (file["state"] == state).then_some(())
        })
        .await;
    }
    // It is also woken by what comes later.
    let third = post(&site, "/api/v1/lists/hazards/files", body()).await.body["id"].clone();
    harness::until("the job ends", async || {
        let file = get(&site, &format!("/api/v1/list-files/{third}")).await;
        (file["state"] == "done").then_some(())
    })
    .await;
    stopping.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn a_frozen_copy_stays_what_it_was_whatever_becomes_of_the_records() {
    let site = Site::empty().await;
    seed(&site, (1..=3).map(Seed::new)).await;
    let june = || json!({"from": "2026-06-01", "to": "2026-06-30"});
    let path = "/api/v1/lists/hazards/snapshots";
    let frozen = made(&site, path, june()).await;
    let n = frozen["snapshot"]
        .as_i64()
        .unwrap_or_else(|| panic!("{frozen:#}"));
    let place = format!("/api/v1/list-snapshots/{n}");
    let copy = get(&site, &place).await;
    assert_eq!(copy["number"], "YH-000000-202606-001");
    assert_eq!(copy["rows"], 3);
    let mut kept = Vec::new();
    for file in copy["files"].as_array().unwrap() {
        let format = file["format"].as_str().unwrap();
        let bytes = site
            .get_bytes(&format!("{place}/content?format={format}"), &site.token)
            .await;
        assert_eq!(file["sha256"], ContentHash::of(&bytes).to_string(), "{format}");
        let found = get(
            &site,
            &format!("/api/v1/list-snapshots?sha256={}", ContentHash::of(&bytes)),
        )
        .await;
        assert_eq!(found["snapshots"][0]["number"], copy["number"], "{format}");
        if format == "xlsx" {
            let sheet = format!("{:?}", read(&bytes, None, &Limits::default()).unwrap().rows);
            assert!(sheet.contains("YH-000000-202606-001"), "{sheet}");
            assert!(sheet.contains(copy["content_hash"].as_str().unwrap()), "{sheet}");
        }
        kept.push((format.to_owned(), bytes));
    }
    // The records go on; the live list shows it, the copy does not.
    let mut write = site.app.desk.begin().await.unwrap();
    sqlx::query("UPDATE hazards SET status = 'closed', fold = json_set(fold, '$.status', 'closed')")
        .execute(write.connection().unwrap())
        .await
        .unwrap();
    write.commit().await.unwrap();
    let live = get(&site, "/api/v1/lists/hazards?state=closed").await;
    assert_eq!(ids(&live).len(), 3);
    for (format, bytes) in &kept {
        let again = site
            .get_bytes(&format!("{place}/content?format={format}"), &site.token)
            .await;
        assert_eq!(&again, bytes, "{format}");
    }
    assert_eq!(get(&site, &format!("{place}/check")).await["unchanged"], true);
    // Numbers go on without a gap, each list and month by itself; the same period again is another copy.
    let numbers = [
        (path, june(), "YH-000000-202606-002"),
        ("/api/v1/lists/tasks/snapshots", june(), "RW-000000-202606-001"),
        (
            path,
            json!({"from": "2026-06-01", "to": "2026-06-30", "area": "2103"}),
            "YH-210300-202606-001",
        ),
        (path, june(), "YH-000000-202606-003"),
    ];
    for (path, body, number) in numbers {
        let frozen = made(&site, path, body).await;
        let copy = get(&site, &format!("/api/v1/list-snapshots/{}", frozen["snapshot"])).await;
        assert_eq!(copy["number"], number);
    }
    // One that fails takes no number.
    let mut write = site.app.desk.begin().await.unwrap();
    for forbidden in [
        "UPDATE list_snapshots SET rows = 0",
        "DELETE FROM list_snapshots",
        "INSERT INTO list_snapshots SELECT 99, 'x', series, 7, list, language, filter, period_from, period_to, sight, sight_of, \
         rows, 'y', 0, '', 0, '', 0, '', 0, '' FROM list_snapshots WHERE n = 1",
    ] {
        let refused = sqlx::query(forbidden).execute(write.connection().unwrap()).await;
        assert!(refused.is_err(), "{forbidden}");
    }
    drop(write);
    // A changed byte is found, and so is a missing file.
    let dir = site.database().with_file_name("lists").join("frozen");
    let csv = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            std::fs::read(path).is_ok_and(|bytes| kept.iter().any(|(f, b)| f == "csv" && *b == bytes))
        })
        .unwrap();
    let mut bytes = std::fs::read(&csv).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&csv, &bytes).unwrap();
    let check = get(&site, &format!("{place}/check")).await;
    assert_eq!(check["unchanged"], false, "{check:#}");
    std::fs::remove_file(&csv).unwrap();
    let check = get(&site, &format!("{place}/check")).await;
    let csv = check["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["format"] == "csv")
        .unwrap();
    assert_eq!((&csv["is"], &csv["unchanged"]), (&Value::Null, &json!(false)));
    let changed = ContentHash::of(&bytes);
    let found = get(&site, &format!("/api/v1/list-snapshots?sha256={changed}")).await;
    assert_eq!(found["snapshots"], json!([]), "a changed file is nobody's");
    let without = post(&site, path, json!({"from": "2026-06-01"})).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn nobody_sees_more_in_a_file_or_a_copy_than_in_the_list() {
    let site = Site::empty().await;
    #[rustfmt::skip] // a table
    let seeds = [
        Seed::new(1),
        Seed { unit: "other", area: "310000", ..Seed::new(2) },
    ];
    seed(&site, seeds).await;
    let mine = site.user("site-a", Role::Site, Some("acme"), &[]).await;
    let theirs = site.user("site-b", Role::Site, Some("other"), &[]).await;
    let liaoning = site.user("reg-21", Role::Regulator, None, &["21"]).await;
    let haicheng = site.user("reg-210381", Role::Regulator, None, &["210381"]).await;
    let shanghai = site.user("reg-31", Role::Regulator, None, &["31"]).await;
    let department = site.user("dep-21", Role::Department, None, &["21"]).await;
    let june = json!({"from": "2026-06-01", "to": "2026-06-30"});
    for (token, expected) in [
        (&mine, 1),
        (&theirs, 1),
        (&liaoning, 1),
        (&shanghai, 1),
        (&department, 1),
    ] {
        let page = ask(&site, token, Method::GET, "/api/v1/lists/hazards", &Value::Null)
            .await
            .body;
        assert_eq!(ids(&page).len(), expected);
        assert_eq!(page["total"], expected);
    }
    let file = ask(
        &site,
        &mine,
        Method::POST,
        "/api/v1/lists/hazards/files",
        &json!({"format": "json"}),
    )
    .await;
    next_job(&site.app).await.unwrap();
    let place = format!("/api/v1/list-files/{}", file.body["id"]);
    let bytes = site.get_bytes(&format!("{place}/content"), &mine).await;
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["total"], 1);
    for other in [&theirs, &liaoning] {
        for path in [place.clone(), format!("{place}/content")] {
            let answer = ask(&site, other, Method::GET, &path, &Value::Null).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
        let answer = ask(&site, other, Method::DELETE, &place, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    let frozen = async |token: &str| {
        let asked = ask(
            &site,
            token,
            Method::POST,
            "/api/v1/lists/hazards/snapshots",
            &june,
        )
        .await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{:#}", asked.body);
        next_job(&site.app).await.unwrap();
        let place = format!("/api/v1/list-files/{}", asked.body["id"]);
        ask(&site, token, Method::GET, &place, &Value::Null).await.body["snapshot"]
            .as_i64()
            .unwrap()
    };
    let of_mine = frozen(&mine).await;
    let of_haicheng = frozen(&haicheng).await;
    let of_all = frozen(&site.token).await;
    let refused = ask(
        &site,
        &department,
        Method::POST,
        "/api/v1/lists/hazards/snapshots",
        &june,
    )
    .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "departments only read");
    let seen = async |token: &str| {
        let page = ask(&site, token, Method::GET, "/api/v1/list-snapshots", &Value::Null)
            .await
            .body;
        let rows = page["snapshots"].as_array().unwrap().iter();
        let mut listed: Vec<i64> = rows.map(|row| row["id"].as_i64().unwrap()).collect();
        listed.reverse();
        for n in [of_mine, of_haicheng, of_all] {
            let one = ask(
                &site,
                token,
                Method::GET,
                &format!("/api/v1/list-snapshots/{n}"),
                &Value::Null,
            )
            .await;
            assert_eq!(one.status == StatusCode::OK, listed.contains(&n), "{n}");
        }
        listed
    };
    assert_eq!(seen(&mine).await, [of_mine]);
    assert_eq!(seen(&theirs).await, [0_i64; 0]);
    assert_eq!(
        seen(&liaoning).await,
        [of_haicheng],
        "who sees all of an area sees what is in it"
    );
    assert_eq!(seen(&department).await, [of_haicheng]);
    assert_eq!(seen(&shanghai).await, [0_i64; 0]);
    assert_eq!(seen(&site.token).await, [of_mine, of_haicheng, of_all]);
}

#[tokio::test]
async fn the_risk_list_shows_the_points_of_a_period_with_level_measures_and_owner() {
    let site = Site::empty().await;
    let mut write = site.app.desk.begin().await.unwrap();
    for (n, level, score, retired, area) in [
        (1, 4, Some(540.0), None, "210381"),
        (2, 0, None, None, "210381"),
        (3, 1, Some(18.0), Some(T0 - 40 * DAY_MS), "210381"),
        (4, 2, Some(90.0), None, "310000"),
    ] {
        sqlx::query(
            "INSERT INTO risk_points (n, equipment, name, place, factor, accident, basis, owner, owner_phone, owner_unit, \
             level, method, factors, score, tier, identified_on, retired_at, use_unit, area, revision, created, changed) \
             VALUES ($1, 'boiler', '炉膛', '锅炉房', '=超压', '爆炸', 'TSG 11-2020', '王工', '138', '', $2, 'lec', \
             '{\"l\":6,\"e\":6,\"c\":15}', $3, 'company', '2026-04-01', $4, 'acme', $5, 1, 0, $6)",
        )
        .bind(n)
        .bind(level)
        .bind(score)
        .bind(retired)
        .bind(area)
        .bind(T0)
        .execute(write.connection().unwrap())
        .await
        .unwrap();
    }
    for (kind, text, retired) in [
        ("training", "持证上岗", None),
        ("engineering", "安全阀", None),
        ("ppe", "旧", Some(1)),
    ] {
        sqlx::query(
            "INSERT INTO risk_measures (point, kind, text, owner, period_days, since, next_check, retired_at, area, revision, \
             changed) VALUES (1, $1, $2, '', 30, '2026-04-01', '2026-05-01', $3, '210381', 1, 0)",
        )
        .bind(kind)
        .bind(text)
        .bind(retired)
        .execute(write.connection().unwrap())
        .await
        .unwrap();
    }
    write.commit().await.unwrap();
    for (query, expected) in [
        ("", &["RP-000001", "RP-000002", "RP-000004"][..]),
        (JUNE, &["RP-000001", "RP-000002", "RP-000004"]),
        (
            "from=2026-04-01&to=2026-04-30&area=21",
            &["RP-000001", "RP-000002", "RP-000003"],
        ),
        ("to=2026-03-31", &[]),
        ("unit=acme&area=31", &["RP-000004"]),
    ] {
        let page = get(&site, &format!("/api/v1/lists/risk?{query}")).await;
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page["total"], expected.len(), "{query}");
    }
    let first = get(&site, "/api/v1/lists/risk?limit=1").await;
    let cells: Vec<&str> = first["rows"][0]["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell.as_str().unwrap())
        .collect();
    assert_eq!(cells[1], "炉膛");
    assert_eq!(cells[2], "acme 锅炉房");
    assert!(cells[6].contains("L=6") && cells[6].contains("C=15"), "{cells:?}");
    assert_eq!(cells[7], "540");
    assert!(cells[8].contains("红"), "{cells:?}");
    assert_eq!(cells[10], "培训教育：持证上岗；工程技术：安全阀");
    assert_eq!(cells[12], "王工 138");
    let after = first["next"].as_str().unwrap();
    let rest = get(&site, &format!("/api/v1/lists/risk?after={after}")).await;
    assert_eq!(ids(&rest), ["RP-000002", "RP-000004"]);
    assert_eq!(rest["rows"][0]["cells"][0], "2", "numbered through");
    assert_eq!(rest["rows"][0]["cells"][8], "未评估");
    let frozen = made(
        &site,
        "/api/v1/lists/risk/snapshots",
        json!({"from": "2026-06-01", "to": "2026-06-30"}),
    )
    .await;
    assert_eq!(frozen["rows"], 3, "{frozen:#}");
    let other = site.user("site-b", Role::Site, Some("other"), &[]).await;
    let page = ask(&site, &other, Method::GET, "/api/v1/lists/risk", &Value::Null)
        .await
        .body;
    assert_eq!((ids(&page).len(), &page["total"]), (0, &json!(0)));
}

#[tokio::test]
async fn a_listed_hazard_names_its_case_and_who_supervises_it() {
    let site = Site::empty().await;
    seed(&site, [Seed::new(1), Seed::new(2)]).await;
    let mut write = site.app.desk.begin().await.unwrap();
    for sql in [
        "INSERT INTO cases (id, number, kind, level, status, open, overdue, issued_at, area, events, head, fold) \
         VALUES (1, 'GP-2026-001', 'listed', 'city', 'issued', 1, 0, 0, '', 1, '', '{\"order\":{\"issuer\":\"市安委会\"}}')",
        "INSERT INTO case_hazards (hazard, case_id, live, state) VALUES ('HZ-0000000000000001', 1, 1, 'listed')",
    ] {
        sqlx::query(sql)
            .execute(write.connection().unwrap())
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    let hazards = get(&site, "/api/v1/lists/hazards").await;
    let listed = |n: usize| hazards["rows"][n]["cells"][13].as_str().unwrap().to_owned();
    assert_eq!(
        (listed(0), listed(1)),
        ("是 GP-2026-001".to_owned(), "否".to_owned())
    );
    let tasks = get(&site, "/api/v1/lists/tasks").await;
    assert_eq!(tasks["rows"][0]["cells"][13], "市安委会");
    assert_eq!(tasks["rows"][1]["cells"][13], "");
}
