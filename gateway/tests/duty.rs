//! Daily control, weekly check, monthly dispatch: made once, completed and signed by the unit alone, never changed after.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::{Answer, Site};
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use harness::T0;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;
use vigil_core::people::{Role, Scope};
use vigil_gateway::desk::{self, duty};
use vigil_gateway::people::{COOKIE, TokenScope, UserFacts};
use vigil_gateway::{sheet, web};
use vigil_protocol::time::UtcMillis;

/// T0 is Monday, 2026-06-01 08:00 in Shanghai.
const DAY: i64 = 86_400_000;
const PASSWORD: &str = "the drum is warm today";

#[rustfmt::skip] // a table
const CAST: &[(&str, Role, Option<&str>, &[&str])] = &[
    ("officer", Role::Site, Some("acme"), &[]),
    ("neighbour", Role::Site, Some("other"), &[]),
    ("maintainer", Role::Maintainer, Some("fix"), &[]),
    ("regulator", Role::Regulator, None, &["2103"]),
    ("elsewhere", Role::Regulator, None, &["31"]),
    ("root", Role::Administrator, None, &[]),
];

struct Stage {
    site: Site,
    bearers: Vec<(&'static str, String)>,
}

impl Stage {
    /// The boiler is acme's and was watched all the time; solo is another's and was never heard.
    async fn new() -> Self {
        let site = Site::empty().await;
        let mut write = site.app.desk.begin().await.unwrap();
        for (id, unit, area) in [("boiler", "acme", "210381"), ("solo", "other", "310000")] {
            let scope = Scope {
                use_unit: Some(unit.into()),
                maintenance_unit: Some("fix".into()),
                inspection_body: None,
                area: area.into(),
            };
            let connection = write.connection().unwrap();
            desk::scopes::register(connection, id, &scope).await.unwrap();
        }
        sqlx::query(
            "INSERT INTO rollups (equipment, quantity, hour, good, bad, sum, last_at) \
             VALUES ('boiler', 'steam_pressure', $1, 60, 0, 48.0, $1)",
        )
        .bind(T0 - 10 * DAY)
        .execute(write.connection().unwrap())
        .await
        .unwrap();
        write.commit().await.unwrap();
        let mut stage = Self {
            site,
            bearers: Vec::new(),
        };
        for (login, role, unit, areas) in CAST {
            let people = &stage.site.app.people;
            let facts = UserFacts {
                name: format!("name of {login}"),
                role: *role,
                unit: unit.map(Into::into),
                areas: areas.iter().map(|area| Arc::from(*area)).collect(),
                language: Some("en".to_owned()),
                phone: None,
                active: true,
            };
            people.add_user(login, &facts, PASSWORD).await.unwrap();
            let scopes = [TokenScope::Act, TokenScope::Read];
            let token = people.add_token(login, "app", &scopes, 300).await.unwrap();
            stage.bearers.push((login, format!("Bearer {}", token.secret)));
        }
        stage
    }

    /// 09:00 on so many days after the first.
    fn on_day(&self, day: i64) {
        self.site.app.clock.set(UtcMillis(T0 + day * DAY + 3_600_000));
    }

    async fn generate(&self) -> (u32, u64) {
        let made = duty::generate(&self.site.app).await.unwrap();
        (made.days, made.records)
    }

    async fn sql(&self, sql: &'static str) {
        let mut write = self.site.app.desk.begin().await.unwrap();
        sqlx::query(sql)
            .execute(write.connection().unwrap())
            .await
            .unwrap();
        write.commit().await.unwrap();
    }

    async fn ask(
        &self,
        login: &str,
        method: Method,
        path: &str,
        more: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let (_, bearer) = self.bearers.iter().find(|(known, _)| *known == login).unwrap();
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        headers.extend_from_slice(more);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.site.ask(method, path, &headers, &body).await
    }

    async fn get(&self, login: &str, path: &str) -> Answer {
        self.ask(login, Method::GET, path, &[], &Value::Null).await
    }

    /// Records this login sees: (kind, first day, unit, verdict).
    async fn records(&self, login: &str, query: &str) -> Vec<(String, String, String, String)> {
        let page = self
            .get(login, &format!("/api/v1/duty?limit=1000&{query}"))
            .await
            .body;
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = page["records"].as_array().unwrap_or_else(|| panic!("{page:#}"));
        assert_eq!(page["total"], rows.len());
        let of = |row| {
            (
                text(row, "kind"),
                text(row, "from"),
                text(row, "unit"),
                text(row, "verdict"),
            )
        };
        rows.iter().map(of).collect()
    }

    /// The record of acme for the first day.
    async fn first(&self) -> Value {
        let page = self
            .get("officer", "/api/v1/duty?from=2026-06-01&to=2026-06-01&kind=daily")
            .await
            .body;
        let id = &page["records"][0]["id"];
        self.get("officer", &format!("/api/v1/duty/{id}")).await.body
    }

    async fn write(&self, login: &str, record: &Value, texts: Value) -> Answer {
        let path = format!("/api/v1/duty/{}", record["id"]);
        let tag = format!("\"{}\"", record["revision"]);
        self.ask(login, Method::PUT, &path, &[("if-match", &tag)], &texts)
            .await
    }

    async fn sign(&self, login: &str, record: &Value) -> Answer {
        let path = format!("/api/v1/duty/{}/signature", record["id"]);
        let tag = format!("\"{}\"", record["revision"]);
        self.ask(login, Method::POST, &path, &[("if-match", &tag)], &Value::Null)
            .await
    }
}

fn record(kind: &str, from: &str, unit: &str, verdict: &str) -> (String, String, String, String) {
    (
        kind.to_owned(),
        from.to_owned(),
        unit.to_owned(),
        verdict.to_owned(),
    )
}

#[tokio::test]
async fn records_are_made_once_when_a_period_is_over_and_of_the_days_the_gateway_was_off() {
    let stage = Stage::new().await;
    stage.on_day(1);
    assert_eq!(stage.generate().await, (1, 2));
    assert_eq!(stage.generate().await, (0, 0), "a day is done once");
    let both = [
        record("daily", "2026-06-01", "other", "no_data"),
        record("daily", "2026-06-01", "acme", "zero_risk"),
    ];
    assert_eq!(stage.records("root", "").await, both);
    // Off for the rest of the week: all its days, and the week.
    stage.on_day(7);
    assert_eq!(stage.generate().await, (6, 14));
    assert_eq!(
        stage.records("officer", "kind=weekly").await,
        [record("weekly", "2026-06-01", "acme", "zero_risk")]
    );
    let weekly = stage.get("officer", "/api/v1/duty?kind=weekly").await.body;
    let weekly = stage
        .get("officer", &format!("/api/v1/duty/{}", weekly["records"][0]["id"]))
        .await
        .body;
    let children = weekly["prefill"]["children"].as_array().unwrap();
    assert_eq!((children.len(), &weekly["prefill"]["expected"]), (7, &json!(7)));
    assert!(
        children.iter().all(|child| child["hash"].is_null()),
        "nobody had signed"
    );
    stage.on_day(30);
    stage.generate().await;
    let monthly = stage.records("officer", "kind=monthly").await;
    assert_eq!(monthly, [record("monthly", "2026-06-01", "acme", "zero_risk")]);
    let weeks = stage.records("officer", "kind=weekly").await;
    assert_eq!(weeks.len(), 4, "{weeks:?}");
    // Asked again for days that are done, nothing is there twice.
    stage
        .sql("UPDATE meta SET value = '2026-06-03' WHERE key = 'duty_day'")
        .await;
    let (days, made) = stage.generate().await;
    assert_eq!((days, made), (27, 0));
}

#[tokio::test]
async fn what_was_found_and_what_was_not_watched_is_told_apart() {
    let stage = Stage::new().await;
    stage
        .sql(
            "INSERT INTO alarm_events (equipment, rule, at, source_at, state, severity, detail) VALUES \
             ('boiler', 'R', 1780358400000, 0, 'unacknowledged', 'S2', ''), \
             ('boiler', 'R', 1780358400001, 0, 'acknowledged', 'S2', ''), \
             ('boiler', 'R', 1780272000000, 0, 'unacknowledged', 'S2', '')",
        )
        .await;
    // 2026-06-03: 20 minutes not watched. On the 4th they were filled from the journal.
    stage
        .sql(
            "INSERT INTO gaps (equipment, quantity, from_ms, reason, to_ms, filled_to) VALUES \
             ('boiler', '', 1780444800000, 'silent', 1780446000000, NULL), \
             ('boiler', '', 1780531200000, 'silent', 1780532400000, 1780532400000)",
        )
        .await;
    stage
        .sql("INSERT INTO run_days VALUES ('boiler', '2026-06-03', 7.5, 24, 0, 'burner_firing')")
        .await;
    stage.on_day(1);
    stage.generate().await;
    stage.on_day(4);
    stage.generate().await;
    let verdicts: Vec<String> = stage
        .records("officer", "kind=daily")
        .await
        .into_iter()
        .map(|(_, from, _, verdict)| format!("{from} {verdict}"))
        .collect();
    assert_eq!(
        verdicts,
        [
            "2026-06-04 zero_risk",
            "2026-06-03 no_data",
            "2026-06-02 found",
            "2026-06-01 found"
        ]
    );
    let page = stage
        .get("officer", "/api/v1/duty?from=2026-06-03&to=2026-06-03")
        .await
        .body;
    let third = stage
        .get("officer", &format!("/api/v1/duty/{}", page["records"][0]["id"]))
        .await
        .body;
    let line = &third["prefill"]["lines"][0];
    assert_eq!(
        (&line["missing"], &line["lost_minutes"], &line["hours_run"]),
        (&json!("gaps"), &json!(20), &json!(7.5)),
        "{third:#}"
    );
    let solo = stage
        .get("neighbour", "/api/v1/duty?from=2026-06-01&to=2026-06-01")
        .await
        .body;
    let solo = stage
        .get("neighbour", &format!("/api/v1/duty/{}", solo["records"][0]["id"]))
        .await
        .body;
    assert_eq!(solo["prefill"]["lines"][0]["missing"], "not_heard", "{solo:#}");
}

#[tokio::test]
async fn an_officer_completes_and_signs_and_after_that_only_a_new_version_changes_anything() {
    let stage = Stage::new().await;
    stage.on_day(1);
    stage.generate().await;
    let draft = stage.first().await;
    assert_eq!(
        (&draft["verdict"], &draft["overdue"]),
        (&json!("zero_risk"), &json!(false))
    );
    let path = format!("/api/v1/duty/{}", draft["id"]);
    let without = stage.ask("officer", Method::PUT, &path, &[], &json!({})).await;
    assert_eq!(without.status, StatusCode::PRECONDITION_REQUIRED);
    let texts = json!({"findings": "门锁损坏", "remarks": "=1+1"});
    let written = stage.write("officer", &draft, texts).await;
    assert_eq!(written.status, StatusCode::OK, "{:#}", written.body);
    assert_eq!(written.body["verdict"], "found");
    let stale = stage.write("officer", &draft, json!({"remarks": "x"})).await;
    assert_eq!(
        (stale.status, &stale.body["code"]),
        (StatusCode::PRECONDITION_FAILED, &json!("stale"))
    );
    let early = stage.sign("officer", &written.body).await;
    assert_eq!(
        (early.status, &early.body["code"]),
        (StatusCode::CONFLICT, &json!("measures_required"))
    );
    assert!(early.body["detail_zh"].as_str().unwrap().contains("措施"));
    let texts = json!({"findings": "门锁损坏", "measures": "停用并报修", "remarks": "=1+1"});
    let written = stage.write("officer", &written.body, texts).await;
    let signed = stage.sign("officer", &written.body).await;
    assert_eq!(signed.status, StatusCode::OK, "{:#}", signed.body);
    let signature = &signed.body["signature"];
    assert_eq!(
        (&signature["login"], &signature["holds"]),
        (&json!("officer"), &json!(true))
    );
    let hash = signature["hash"].clone();
    for again in [
        stage
            .write("officer", &signed.body, json!({"remarks": "y"}))
            .await,
        stage.sign("officer", &signed.body).await,
    ] {
        assert_eq!(
            (again.status, &again.body["code"]),
            (StatusCode::CONFLICT, &json!("signed"))
        );
    }
    // Not even around the gateway.
    let mut write = stage.site.app.desk.begin().await.unwrap();
    for forbidden in [
        "UPDATE duty_records SET remarks = 'z'",
        "DELETE FROM duty_records",
    ] {
        let refused = sqlx::query(forbidden).execute(write.connection().unwrap()).await;
        assert!(refused.is_err(), "{forbidden}");
    }
    drop(write);
    // A correction is another version that names this one; asked for twice it is one.
    let corrections = format!("{path}/corrections");
    let key = [("idempotency-key", "c")];
    let none = stage
        .ask("officer", Method::POST, &corrections, &[], &json!({"why": " "}))
        .await;
    assert_eq!(
        (none.status, &none.body["code"]),
        (StatusCode::CONFLICT, &json!("reason_required"))
    );
    let why = json!({"why": "漏写整改人"});
    let second = stage.ask("officer", Method::POST, &corrections, &key, &why).await;
    assert_eq!(second.status, StatusCode::CREATED, "{:#}", second.body);
    let again = stage.ask("officer", Method::POST, &corrections, &key, &why).await;
    assert_eq!(again.body["id"], second.body["id"]);
    let other = stage
        .ask("officer", Method::POST, &corrections, &key, &json!({"why": "x"}))
        .await;
    assert_eq!(other.body["code"], "key_reused");
    let third = stage.ask("officer", Method::POST, &corrections, &[], &why).await;
    assert_eq!(third.body["code"], "superseded");
    assert_eq!(
        (
            &second.body["version"],
            &second.body["corrects"],
            &second.body["measures"]
        ),
        (&json!(2), &draft["id"], &json!("停用并报修"))
    );
    let texts = json!({"findings": "门锁损坏", "measures": "停用并报修，王工", "remarks": ""});
    let written = stage.write("officer", &second.body, texts).await;
    let corrected = stage.sign("officer", &written.body).await;
    assert_eq!(corrected.status, StatusCode::OK, "{:#}", corrected.body);
    assert_ne!(corrected.body["signature"]["hash"], hash);
    let old = stage.get("officer", &path).await.body;
    assert_eq!(
        (&old["signature"]["hash"], &old["latest"]),
        (&hash, &json!(false))
    );
    assert_eq!(old["signature"]["holds"], true);
    let listed = stage.records("officer", "standing=signed").await;
    assert_eq!(
        listed,
        [record("daily", "2026-06-01", "acme", "found")],
        "the latest version alone"
    );
    // The week is built on what was signed.
    stage.on_day(7);
    stage.generate().await;
    let weekly = stage.get("officer", "/api/v1/duty?kind=weekly").await.body;
    let weekly = stage
        .get("officer", &format!("/api/v1/duty/{}", weekly["records"][0]["id"]))
        .await
        .body;
    let child = &weekly["prefill"]["children"][0];
    assert_eq!(
        (&child["version"], &child["hash"]),
        (&json!(2), &corrected.body["signature"]["hash"])
    );
    assert_eq!(weekly["verdict"], "found", "what a person found counts");
    // Who changes the row behind everybody's back is found out.
    stage.sql("DROP TRIGGER duty_signed").await;
    stage
        .sql("UPDATE duty_records SET measures = 'nothing' WHERE version = 2")
        .await;
    let path = format!("/api/v1/duty/{}", corrected.body["id"]);
    assert_eq!(
        stage.get("officer", &path).await.body["signature"]["holds"],
        false
    );
}

#[tokio::test]
async fn a_unit_signs_its_own_authorities_read_in_their_areas_and_nobody_else_knows_of_it() {
    let stage = Stage::new().await;
    stage.on_day(1);
    stage.generate().await;
    let draft = stage.first().await;
    let path = format!("/api/v1/duty/{}", draft["id"]);
    for (login, read, sign, listed) in [
        ("officer", 200, 200, 1),
        ("neighbour", 404, 404, 1),
        ("maintainer", 404, 403, 0),
        ("regulator", 200, 403, 1),
        ("elsewhere", 404, 403, 1),
        ("root", 200, 403, 2),
    ] {
        assert_eq!(stage.get(login, &path).await.status.as_u16(), read, "{login}");
        assert_eq!(stage.records(login, "").await.len(), listed, "{login}");
        let written = stage.write(login, &draft, json!({})).await;
        assert_eq!(written.status.as_u16(), sign, "{login}: {:#}", written.body);
        if login != "officer" {
            let signed = stage.sign(login, &draft).await;
            assert_eq!(signed.status.as_u16(), sign, "{login}");
            let correction = format!("{path}/corrections");
            let corrected = stage
                .ask(login, Method::POST, &correction, &[], &json!({"why": "x"}))
                .await;
            assert_eq!(corrected.status.as_u16(), sign, "{login}");
        }
    }
    // Two days later it is overdue, and says so.
    stage.on_day(4);
    let overdue = stage.records("officer", "standing=overdue").await;
    assert_eq!(overdue, [record("daily", "2026-06-01", "acme", "zero_risk")]);
    assert_eq!(stage.first().await["overdue"], true);
    for (query, expected) in [
        ("verdict=zero_risk", 1),
        ("verdict=found", 0),
        ("area=21", 1),
        ("area=31", 1),
        ("unit=acme", 1),
        ("from=2026-06-02", 0),
        ("standing=signed", 0),
    ] {
        assert_eq!(stage.records("root", query).await.len(), expected, "{query}");
    }
    let wrong = stage.get("root", "/api/v1/duty?kind=hourly").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn records_are_taken_along_as_a_table_in_which_nothing_is_a_formula() {
    let stage = Stage::new().await;
    stage
        .sql("INSERT INTO units (code, name, kind, revision, changed) VALUES ('acme', '=1+1', 'use_unit', 1, 1)")
        .await;
    stage.on_day(1);
    stage.generate().await;
    let (_, bearer) = &stage.bearers[0];
    let token = bearer.trim_start_matches("Bearer ");
    for format in ["csv", "xlsx"] {
        let bytes = stage
            .site
            .get_bytes(&format!("/api/v1/duty/table?format={format}"), token)
            .await;
        let read = sheet::read(&bytes, None, &sheet::Limits::default()).unwrap();
        // A workbook has a title above its head.
        let above = usize::from(format == "xlsx");
        assert_eq!(read.rows.len(), 2 + above, "{format}: the head and one's own");
        let texts = format!("{:?}", read.rows);
        assert!(texts.contains("\"'=1+1\""), "{format}: {texts}");
        assert!(texts.contains("零风险"), "{format}: {texts}");
    }
}

#[tokio::test]
async fn a_table_has_every_record_however_many_there_are_and_each_once() {
    const MANY: usize = 12_345;
    let stage = Stage::new().await;
    stage.on_day(1);
    stage.generate().await;
    // Copies of one's own, each of another period.
    stage
        .sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12344) \
             INSERT INTO duty_records (kind, use_unit, area, period_from, period_to, due, version, officers, prefill, verdict, \
             findings, measures, remarks, revision, created, changed, changed_by) \
             SELECT kind, use_unit, area, date(period_from, -i || ' days'), date(period_to, -i || ' days'), due, version, \
             officers, prefill, verdict, findings, measures, remarks, revision, created, changed, changed_by \
             FROM duty_records, n WHERE use_unit = 'acme' AND kind = 'daily'",
        )
        .await;
    let (_, bearer) = &stage.bearers[0];
    let token = bearer.trim_start_matches("Bearer ");
    let csv = stage.site.get_bytes("/api/v1/duty/table", token).await;
    let text = String::from_utf8(csv).unwrap();
    let numbers: std::collections::BTreeSet<&str> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(text.lines().count(), MANY + 1);
    assert_eq!(numbers.len(), MANY);
    let few = stage
        .site
        .get_bytes("/api/v1/duty/table?from=2026-05-01&format=csv", token)
        .await;
    assert_eq!(
        String::from_utf8(few).unwrap().lines().count(),
        33,
        "the head, May, and the first of June"
    );
    let book = stage
        .site
        .get_bytes("/api/v1/duty/table?format=xlsx", token)
        .await;
    let read = sheet::read(&book, None, &sheet::Limits::default()).unwrap();
    assert_eq!(read.rows.len(), MANY + 2);
    let left = std::fs::read_dir(stage.site.app.config.data_dir()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().starts_with(".tmp")),
        "{left:?}"
    );
}

/// What a browser sees.
async fn page(
    stage: &Stage,
    method: Method,
    path: &str,
    cookie: &str,
    form: &str,
) -> (StatusCode, String, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    let response = web::router(stage.site.app.clone())
        .oneshot(request)
        .await
        .unwrap();
    let status = response.status();
    let place = response.headers().get("location");
    let place = place.map_or(String::new(), |place| place.to_str().unwrap().to_owned());
    let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap();
    (status, place, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn the_pages_do_all_of_it_without_scripts_and_lose_nothing_that_was_typed() {
    let stage = Stage::new().await;
    stage.on_day(1);
    stage.generate().await;
    let people = &stage.site.app.people;
    let token = people.sign_in("officer", PASSWORD, None, "test").await.unwrap();
    let cookie = format!("{COOKIE}={token}");
    let (_, _, list) = page(&stage, Method::GET, "/duty", &cookie, "").await;
    assert!(list.contains("zero risk") && !list.contains("other"), "{list}");
    let id = stage.first().await["id"].clone();
    let place = format!("/duty/{id}");
    let (status, _, record) = page(&stage, Method::GET, &place, &cookie, "").await;
    assert_eq!(status, StatusCode::OK);
    let csrf = record.split("name=\"csrf\" value=\"").nth(1).unwrap();
    let csrf = csrf.split('"').next().unwrap().to_owned();
    let (status, _, _) = page(
        &stage,
        Method::POST,
        &place,
        &cookie,
        "step=save&revision=1&csrf=x",
    )
    .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "a form of somebody else's");
    let typed = format!("csrf={csrf}&revision=1&step=sign&findings=%3Cscript%3Edoor&remarks=seen");
    let (status, _, refused) = page(&stage, Method::POST, &place, &cookie, &typed).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.contains("something was found: write what is done about it"),
        "{refused}"
    );
    assert!(
        refused.contains("&#60;script&#62;door") || refused.contains("&lt;script&gt;door"),
        "{refused}"
    );
    assert!(refused.contains(">seen</textarea>"), "{refused}");
    let typed = format!("{typed}&measures=mended");
    let (status, to, _) = page(&stage, Method::POST, &place, &cookie, &typed).await;
    assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, place.as_str()));
    let (_, _, signed) = page(&stage, Method::GET, &place, &cookie, "").await;
    assert!(
        signed.contains("name of officer") && !signed.contains("name=\"step\""),
        "{signed}"
    );
    let why = format!("csrf={csrf}&why=typo");
    let (status, to, _) = page(
        &stage,
        Method::POST,
        &format!("{place}/corrections"),
        &cookie,
        &why,
    )
    .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, _, second) = page(&stage, Method::GET, &to, &cookie, "").await;
    assert!(
        second.contains("correction 2") && second.contains("typo"),
        "{second}"
    );
    // Another language, another unit, nobody.
    let (_, _, zh) = page(&stage, Method::GET, &format!("{to}?lang=zh"), &cookie, "").await;
    assert!(zh.contains("每日特种设备安全检查记录"), "{zh}");
    let token = people.sign_in("neighbour", PASSWORD, None, "test").await.unwrap();
    let (status, _, _) = page(&stage, Method::GET, &place, &format!("{COOKIE}={token}"), "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, to, _) = page(&stage, Method::GET, &place, "", "").await;
    assert_eq!(
        (status, to.starts_with("/sign-in")),
        (StatusCode::SEE_OTHER, true)
    );
}
