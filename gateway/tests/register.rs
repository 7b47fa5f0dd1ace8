//! The register through its API: entered, imported, listed, due, and against telemetry.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod api_site;
mod harness;

use api_site::{Answer, Site};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use vigil_core::people::{Person, Role, Scope};
use vigil_core::register::{Cell, StateFinding};
use vigil_gateway::desk::register::{self, ListFilter};
use vigil_gateway::desk::watch::{self, HazardOpener};
use vigil_gateway::desk::{calendar, day_of};
use vigil_gateway::people::{COOKIE, UserFacts};
use vigil_gateway::sheet::{Column, Table, to_csv, to_xlsx};

/// T0 is 2026-06-01 08:00 in Shanghai.
const ZONE: &str = "Asia/Shanghai";

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

fn column(title: &str) -> Column {
    Column {
        title: title.to_owned(),
        ..Column::default()
    }
}

fn table(heads: &[&str], rows: &[&[&str]]) -> Table {
    Table {
        name: "台账".to_owned(),
        columns: heads.iter().map(|head| column(head)).collect(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect(),
    }
}

const HEADS: &[&str] = &[
    "设备代码",
    "类别",
    "名称",
    "使用登记证编号",
    "使用单位",
    "区划代码",
    "下次检验日期",
    "额定载重(t)",
];

fn sheet() -> Table {
    table(
        HEADS,
        &[
            &[
                "31101001920150001",
                "3110",
                "1号梯",
                "梯11辽C00012(20)",
                "某商场",
                "210381",
                "2026-07-31",
                "1",
            ],
            &[
                "31101001920150002",
                "3110",
                "2号梯",
                "梯11辽C00013(20)",
                "某商场",
                "210381",
                "2026.5.1",
                "1.6",
            ],
            &[
                "31101001920150003",
                "3500",
                "=HYPERLINK(\"http://evil\")",
                "",
                "某商场",
                "21038",
                "",
                "",
            ],
        ],
    )
}

async fn send(site: &Site, name: &str, bytes: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", site.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/octet-stream"),
    ];
    site.ask_bytes(
        Method::POST,
        &format!("/api/v1/imports?name={name}"),
        &headers,
        bytes.to_vec(),
    )
    .await
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
    assert_eq!(without.status, StatusCode::BAD_REQUEST, "{:#}", without.body);
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
async fn a_file_is_previewed_applied_whole_or_not_at_all_and_compared_when_it_comes_again() {
    let site = Site::empty().await;
    for (name, bytes) in [
        ("a.xlsx", to_xlsx(&sheet()).unwrap()),
        ("b.csv", to_csv(&sheet())),
    ] {
        let sent = send(&site, name, &bytes).await;
        assert_eq!(sent.status, StatusCode::CREATED, "{:#}", sent.body);
        assert_eq!(sent.body["counts"]["rows"], 3);
    }
    let preview = seen(&site, "/api/v1/imports/1").await.body;
    let rows = preview["rows"].as_array().unwrap();
    assert_eq!(
        (&preview["header_row"], &rows[0]["row"], &rows[2]["row"]),
        (&json!(1), &json!(2), &json!(4))
    );
    assert_eq!(rows[0]["outcome"], "new");
    let rules = |row: &Value| -> Vec<String> {
        row["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(rules(&rows[1]), ["DQ11"], "overdue: {:#}", rows[1]);
    assert_eq!(rules(&rows[2]), ["DQ05", "DQ06", "DQ11"], "{:#}", rows[2]);
    assert_eq!(rows[2]["findings"][0]["level"], "corrected");
    assert_eq!(
        site.get("/api/v1/register").await.body["total"],
        0,
        "nothing is imported yet"
    );

    let applied = with_token(&site, Method::POST, "/api/v1/imports/1/apply", &[], "{}").await;
    assert_eq!(applied.status, StatusCode::OK, "{:#}", applied.body);
    assert_eq!(applied.body["counts"]["new"], 3);
    let two = seen(&site, "/api/v1/register/31101001920150002").await.body;
    assert_eq!(two["facts"]["rated_load"], "1600", "the unit of the head counts");
    let three = seen(&site, "/api/v1/register/31101001920150003").await.body;
    assert_eq!(three["facts"]["category"], "3310");
    let twice = with_token(&site, Method::POST, "/api/v1/imports/1/apply", &[], "{}").await;
    assert_eq!(twice.status, StatusCode::CONFLICT);

    let again = seen(&site, "/api/v1/imports/2").await.body;
    assert_eq!(
        (&again["counts"]["unchanged"], &again["counts"]["new"]),
        (&json!(3), &json!(0)),
        "{again:#}"
    );
    let mut other = sheet();
    other.rows[0][2] = "一号梯".to_owned();
    other.rows.remove(1);
    let sent = send(&site, "c.csv", &to_csv(&other)).await.body;
    assert_eq!(sent["counts"]["changed"], 1);
    assert_eq!(
        sent["rows"][0]["changes"],
        json!([{"field": "name", "old": "1号梯", "new": "一号梯"}])
    );
    assert_eq!(
        sent["missing"],
        json!([{"id": "31101001920150002", "name": "2号梯"}]),
        "what the file has not"
    );
    let history = seen(&site, "/api/v1/imports").await.body;
    assert_eq!(history["imports"][2]["state"], "applied");
    assert_eq!(history["imports"][2]["hash"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn rows_that_cannot_be_taken_stop_all_of_it_unless_somebody_says_so() {
    let site = Site::empty().await;
    let mut bad = sheet();
    bad.rows[1][6] = "somewhen".to_owned();
    bad.rows.push(bad.rows[0].clone());
    let sent = send(&site, "a.csv", &to_csv(&bad)).await.body;
    assert_eq!(
        sent["counts"]["refused"], 2,
        "a date that is none, and the same equipment twice: {sent:#}"
    );
    let refused = with_token(&site, Method::POST, "/api/v1/imports/1/apply", &[], "{}").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("nothing was imported")
    );
    assert_eq!(site.get("/api/v1/register").await.body["total"], 0);
    let without = json!({"without_refused": true}).to_string();
    let applied = with_token(&site, Method::POST, "/api/v1/imports/1/apply", &[], &without).await;
    assert_eq!(
        (&applied.body["left_out"], applied.status),
        (&json!(2), StatusCode::OK),
        "{:#}",
        applied.body
    );
    assert_eq!(site.get("/api/v1/register").await.body["total"], 2);
}

#[tokio::test]
async fn columns_may_be_chosen_by_hand() {
    let site = Site::empty().await;
    let odd = table(
        &["甲", "设备代码", "类别", "名称", "乙"],
        &[&["x", "31101001920150001", "3110", "梯", "某商场"]],
    );
    let sent = send(&site, "a.csv", &to_csv(&odd)).await.body;
    assert_eq!(
        (&sent["columns"][0]["field"], &sent["columns"][4]["sureness"]),
        (&Value::Null, &json!("none"))
    );
    let choice = json!({"columns": [null, "equipment_code", "category", "name", "use_unit"]}).to_string();
    let chosen = with_token(&site, Method::PUT, "/api/v1/imports/1", &[], &choice).await;
    assert_eq!(chosen.status, StatusCode::OK, "{:#}", chosen.body);
    with_token(&site, Method::POST, "/api/v1/imports/1/apply", &[], "{}").await;
    let one = seen(&site, "/api/v1/register/31101001920150001").await.body;
    assert_eq!(one["facts"]["use_unit"], "某商场");
    let twice = json!({"columns": ["name", "name"]}).to_string();
    let refused = with_token(&site, Method::PUT, "/api/v1/imports/1", &[], &twice).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn files_that_are_none_are_explained_and_leave_nothing() {
    let site = Site::empty().await;
    let million = "1,2\n".repeat(1_000_000);
    for (bytes, word) in [
        (b"%PDF-1.7".to_vec(), "PDF"),
        (b"".to_vec(), "empty"),
        (million.into_bytes(), "at most 20000 are read"),
        ("天气,心情\n晴,好\n".as_bytes().to_vec(), "no row was found"),
        (b"PK\x03\x04rubbish".to_vec(), "damaged"),
    ] {
        let sent = send(&site, "..%2F..%2Fetc%2Fpasswd", &bytes).await;
        assert!(sent.status.is_client_error(), "{}", sent.status);
        assert!(
            sent.body["detail"].as_str().unwrap_or_default().contains(word),
            "{word}: {:#}",
            sent.body
        );
    }
    let kept = seen(&site, "/api/v1/imports").await.body;
    for import in kept["imports"].as_array().unwrap() {
        assert_eq!(
            (&import["file_name"], &import["state"]),
            (&json!("passwd"), &json!("discarded"))
        );
    }
    let large = send(&site, "x", &vec![b'a'; 17 << 20]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let body = "x".repeat(100_000);
    let other = with_token(&site, Method::POST, "/api/v1/register", &[], &body).await;
    assert_eq!(
        other.status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "only files may be large"
    );
}

#[tokio::test]
async fn a_report_and_a_template_open_as_workbooks_and_hold_no_formula() {
    let site = Site::empty().await;
    send(&site, "a.csv", &to_csv(&sheet())).await;
    for path in [
        "/api/v1/imports/1/report?lang=en",
        "/api/v1/register/template",
        "/api/v1/register/template?lang=en",
    ] {
        let answer = site.get_bytes(path, &site.token).await;
        let read =
            vigil_gateway::sheet::read(&answer, None, &vigil_gateway::sheet::Limits::default()).unwrap();
        for (_, cells) in &read.rows {
            let formula =
                |cell: &Cell| matches!(cell, Cell::Text(text) if text.starts_with(['=', '+', '-', '@']));
            assert!(!cells.iter().any(formula), "{path}: {cells:?}");
        }
        if path.contains("template") {
            let heads: Vec<String> = read.rows[0].1.iter().map(|cell| cell.text()).collect();
            let matched = vigil_core::register::match_columns(&heads);
            assert!(
                matched
                    .iter()
                    .all(|one| one.sureness == vigil_core::register::Sureness::Certain),
                "{path}: {matched:?}"
            );
        }
    }
}

#[tokio::test]
async fn lists_filter_page_and_search() {
    let site = Site::empty().await;
    send(&site, "a.csv", &to_csv(&sheet())).await;
    with_token(&site, Method::POST, "/api/v1/imports/1/apply", &[], "{}").await;
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

#[tokio::test]
async fn whose_it_is_decides_who_sees_it_in_lists_and_in_the_calendar() {
    let site = Site::empty().await;
    enter(&site, &lift()).await;
    let mut elsewhere = lift();
    for (field, text) in [
        ("equipment_code", "31101001920150009"),
        ("registration_no", "梯11京A00099(20)"),
        ("factory_no", "X-9"),
        ("area", "110101"),
        ("use_unit", "别的商场"),
        ("use_unit_uscc", ""),
    ] {
        elsewhere["facts"][field] = json!(text);
    }
    assert_eq!(enter(&site, &elsewhere).await.status, StatusCode::CREATED);
    let today = day_of(site.app.clock.now(), ZONE);
    let desk = &site.app.desk;
    let person = |role, unit: Option<&str>, areas: &[&str]| Person {
        login: "x".into(),
        role,
        unit: unit.map(Into::into),
        areas: areas.iter().map(|area| (*area).into()).collect(),
    };
    let maintainer = register::scope_of(desk, "31101001920150001")
        .await
        .unwrap()
        .unwrap()
        .maintenance_unit
        .unwrap();
    let everything: Vec<Scope> = {
        let mut scopes = Vec::new();
        for id in ["31101001920150001", "31101001920150009"] {
            scopes.push(register::scope_of(desk, id).await.unwrap().unwrap());
        }
        scopes
    };
    for (person, expected) in [
        (person(Role::Administrator, None, &[]), 2),
        (person(Role::Site, Some("91350100M000100Y43"), &[]), 1),
        (person(Role::Site, None, &[]), 0),
        (person(Role::Site, Some(&maintainer), &[]), 0),
        (person(Role::Maintainer, Some(&maintainer), &[]), 2),
        (person(Role::InspectionBody, Some("nobody"), &[]), 0),
        (person(Role::Regulator, None, &["21"]), 1),
        (person(Role::Regulator, None, &["21", "11"]), 2),
        (person(Role::Department, None, &[""]), 2),
        (person(Role::Department, None, &[]), 0),
    ] {
        let page = register::list(desk, &person, &ListFilter::default(), today)
            .await
            .unwrap();
        assert_eq!(page.rows.len(), expected, "{person:?}");
        assert_eq!(page.total, expected as u64, "counts are filtered too");
        let seen = everything.iter().filter(|scope| person.sees(scope)).count();
        assert_eq!(seen, expected, "SQL and the core agree: {person:?}");
        let due = calendar::calendar(desk, &person, &calendar::CalendarFilter::default(), today)
            .await
            .unwrap();
        let mut ids: Vec<_> = due.rows.iter().map(|row| row.equipment.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), expected, "{person:?}");
        let (all, _) = calendar::coverage(desk, &person, calendar::CoverageBy::Area, ("", ""), today, 10)
            .await
            .unwrap();
        assert_eq!(all.in_use, expected as u64, "{person:?}");
        let entry = register::entry(
            desk,
            &person,
            &site.app.rules.schedules(),
            "31101001920150001",
            today,
        )
        .await
        .unwrap();
        assert_eq!(entry.is_some(), person.sees(&everything[0]), "{person:?}");
    }
}

#[tokio::test]
async fn the_calendar_tells_what_is_due_and_coverage_what_is_done() {
    let site = Site::empty().await;
    send(&site, "a.csv", &to_csv(&sheet())).await;
    with_token(&site, Method::POST, "/api/v1/imports/1/apply", &[], "{}").await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_reads_and_writes_only_what_is_in_scope_on_every_route() {
    const PASSWORD: &str = "the drum is warm today";
    let site = Site::empty().await;
    enter(&site, &lift()).await;
    let people = &site.app.people;
    let mut cookies = Vec::new();
    for (login, role, unit, areas) in [
        ("own", Role::Site, Some("91350100M000100Y43"), vec![]),
        ("other", Role::Site, Some("another"), vec![]),
        ("here", Role::Regulator, None, vec!["2103"]),
        ("elsewhere", Role::Regulator, None, vec!["11"]),
    ] {
        let facts = UserFacts {
            name: login.to_owned(),
            role,
            unit: unit.map(Into::into),
            areas: areas.into_iter().map(Arc::from).collect(),
            language: None,
            phone: None,
            active: true,
        };
        people.add_user(login, &facts, PASSWORD).await.unwrap();
        let session = people.sign_in(login, PASSWORD, None, "test").await.unwrap();
        let cookie = format!("{COOKIE}={session}");
        let account = site
            .ask(Method::GET, "/api/v1/account", &[("cookie", &cookie)], "")
            .await;
        cookies.push((login, cookie, account.body["csrf"].as_str().unwrap().to_owned()));
    }
    let one = "/api/v1/register/31101001920150001";
    for (login, cookie, _) in &cookies {
        let inside = ["own", "here"].contains(login);
        let get = |path: String| {
            let site = &site;
            async move { site.ask(Method::GET, &path, &[("cookie", cookie)], "").await }
        };
        for path in [
            one.to_owned(),
            format!("{one}/changes"),
            format!("{one}/accessories"),
            "/api/v1/units/91350100M000100Y43".to_owned(),
        ] {
            let answer = get(path.clone()).await;
            let expected = if inside {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            assert_eq!(answer.status, expected, "{path} by {login}: {:#}", answer.body);
        }
        let total = get("/api/v1/register".to_owned()).await.body["total"].clone();
        assert_eq!(total, u64::from(inside), "{login}");
        let due = get("/api/v1/calendar".to_owned()).await.body;
        assert_eq!(!due["due"].as_array().unwrap().is_empty(), inside, "{login}");
        let coverage = get("/api/v1/coverage".to_owned()).await.body;
        assert_eq!(coverage["all"]["in_use"], u64::from(inside), "{login}");
        assert_eq!(
            get("/api/v1/imports".to_owned()).await.status,
            StatusCode::FORBIDDEN,
            "{login}"
        );
    }
    let body = json!({"facts": {"name": "一号梯"}}).to_string();
    let there =
        json!({"facts": {"category": "3110", "equipment_code": "31101001920150005", "area": "440100"}})
            .to_string();
    for (login, cookie, csrf) in &cookies {
        let headers = |extra: (&'static str, &'static str)| {
            vec![
                ("cookie", cookie.as_str()),
                ("x-csrf-token", csrf.as_str()),
                ("content-type", "application/json"),
                extra,
            ]
        };
        let changed = site
            .ask(Method::PUT, one, &headers(("if-match", "\"1\"")), &body)
            .await;
        let expected = match *login {
            "here" => StatusCode::OK,
            "elsewhere" => StatusCode::NOT_FOUND,
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(changed.status, expected, "{login}: {:#}", changed.body);
        let made = site
            .ask(
                Method::POST,
                "/api/v1/register",
                &headers(("accept", "*/*")),
                &there,
            )
            .await;
        assert_eq!(
            made.status,
            StatusCode::FORBIDDEN,
            "{login} is responsible for no such area"
        );
    }
    let scope = site.app.scope_of("31101001920150001");
    assert_eq!(
        scope.use_unit.as_deref(),
        Some("91350100M000100Y43"),
        "the register says whose it is, everywhere"
    );
}

/// Remembers what it was asked to open.
#[derive(Debug, Default)]
struct Opener(Mutex<Vec<String>>);

impl HazardOpener for Opener {
    fn open<'o>(
        &'o self,
        equipment: &'o str,
        finding: &'o StateFinding,
    ) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'o>> {
        let mut asked = self.0.lock().unwrap();
        asked.push(format!(
            "{equipment} {} {}",
            finding.condition.key(),
            finding.since
        ));
        let hazard = format!("HZ-{}", asked.len());
        Box::pin(std::future::ready(Some(hazard)))
    }
}

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn what_runs_although_the_register_forbids_it_is_one_hazard_per_episode() {
    let mut site = Site::boiler().await;
    let mut boiler = lift();
    for (field, text) in [
        ("id", "boiler"),
        ("category", "1100"),
        ("registration_no", "锅10辽C00012(20)"),
        ("equipment_code", "11001001920150001"),
        ("next_inspection", "2026-05-20"),
        ("last_inspection", "2025-05-20"),
        ("installed", ""),
        ("manufactured", ""),
    ] {
        boiler["facts"][field] = json!(text);
    }
    let entered = enter(&site, &boiler).await;
    assert_eq!(
        (entered.status, &entered.body["id"]),
        (StatusCode::CREATED, &json!("boiler")),
        "{:#}",
        entered.body
    );
    // Under steam for three hours of this day.
    for hour in 1..=3 {
        site.at(hour * HOUR);
        for _ in 0..3 {
            site.pressure(0.8).await;
        }
    }
    site.at(5 * HOUR);
    site.pressure(0.0).await;
    site.settle().await;
    let opener = Opener::default();
    let first = watch::daily(&site.app, &opener).await.unwrap();
    assert_eq!((first.run_days, first.opened), (0, 0), "the day is not over");
    site.at(24 * HOUR);
    let next = watch::daily(&site.app, &opener).await.unwrap();
    assert_eq!((next.run_days, next.standing, next.opened), (1, 1, 1), "{next:?}");
    let found = site.get("/api/v1/register/findings").await.body;
    let one = &found["findings"][0];
    assert_eq!(
        (&one["condition"], &one["since"], &one["hazard"]),
        (&json!("inspection_overdue"), &json!("2026-05-21"), &json!("HZ-1"))
    );
    let hours = one["hours"].as_f64().unwrap();
    assert!((3.0..=4.0).contains(&hours), "{hours} h");
    let observed = one["observed_percent"].as_f64().unwrap();
    assert!(
        observed > 0.0 && observed < 5.0,
        "5 hours of 13 days: {observed} %"
    );
    for day in 2..5 {
        site.at(day * 24 * HOUR);
        watch::daily(&site.app, &opener).await.unwrap();
        watch::daily(&site.app, &opener).await.unwrap();
    }
    assert_eq!(
        *opener.0.lock().unwrap(),
        ["boiler inspection_overdue 2026-05-21"],
        "one episode, one hazard"
    );
    let body =
        json!({"facts": {"last_inspection": "2026-06-04", "next_inspection": "2027-06-04"}}).to_string();
    let inspected = with_token(
        &site,
        Method::PUT,
        "/api/v1/register/boiler",
        &[("if-match", "\"1\"")],
        &body,
    )
    .await;
    assert_eq!(inspected.status, StatusCode::OK, "{:#}", inspected.body);
    watch::daily(&site.app, &opener).await.unwrap();
    assert_eq!(
        site.get("/api/v1/register/findings").await.body["findings"],
        json!([]),
        "inspected: it is over"
    );
    let all = site.get("/api/v1/register/findings?all=1").await.body;
    assert!(all["findings"][0]["ended_at"].is_string());
}
