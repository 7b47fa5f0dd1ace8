//! Supervision over the API: cases and the loop of their hazards say the same, whoever writes and whatever breaks.
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
use sqlx::Connection as _;
use vigil_core::desk::{DeskRules, OwnDeskFile};
use vigil_core::hazard::HazardId;
use vigil_core::people::{Person, Role, Scope};
use vigil_core::supervision::policy::SupervisionPolicy;
use vigil_core::supervision::{CaseKind, Order, Subject};
use vigil_gateway::desk::cases;
use vigil_gateway::view::Time;
use vigil_protocol::time::UtcMillis;

const DAY: i64 = 86_400_000;
const PDF: &[u8] = b"%PDF-1.7 report";

#[rustfmt::skip] // a table
const CAST: &[(&str, Role, Option<&str>, &[&str])] = &[
    ("site-a", Role::Site, Some("acme"), &[]),
    ("site-b", Role::Site, Some("other"), &[]),
    ("maintainer", Role::Maintainer, Some("fix"), &[]),
    ("inspector", Role::InspectionBody, Some("look"), &[]),
    ("regulator", Role::Regulator, None, &["2103"]),
    ("regulator-2", Role::Regulator, None, &["21"]),
    ("elsewhere", Role::Regulator, None, &["2104"]),
    ("department", Role::Department, None, &["2103"]),
];

/// The boiler belongs to `acme`, is maintained by `fix`, inspected by `look`, and stands in Haicheng.
struct Stage {
    site: Site,
    bearers: Vec<(&'static str, String)>,
}

fn scope() -> Scope {
    Scope {
        use_unit: Some("acme".into()),
        maintenance_unit: Some("fix".into()),
        inspection_body: Some("look".into()),
        area: "210381".into(),
    }
}

impl Stage {
    async fn new() -> Self {
        let site = Site::boiler().await;
        site.belongs("boiler", scope()).await;
        let mut bearers = Vec::new();
        for (login, role, unit, areas) in CAST {
            let token = site.user(login, *role, *unit, areas).await;
            bearers.push((*login, format!("Bearer {token}")));
        }
        Self { site, bearers }
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
        headers.extend(more);
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

    async fn post(&self, login: &str, path: &str, body: Value) -> Answer {
        self.ask(login, Method::POST, path, &[], &body).await
    }

    /// A step of a case as it is now.
    async fn step(&self, login: &str, id: i64, body: Value) -> Answer {
        let path = format!("/api/v1/supervision/{id}");
        let etag = self.get("regulator", &path).await.header("etag").to_owned();
        let headers = [("if-match", etag.as_str())];
        self.ask(login, Method::POST, &format!("{path}/actions"), &headers, &body)
            .await
    }

    /// A confirmed major hazard.
    async fn hazard(&self, category: &str) -> String {
        let report = json!({
            "equipment": "boiler", "source": "inspection", "category": category, "description": "安全阀失效",
            "grade": "major", "severity": "S1",
        });
        let reported = self.post("inspector", "/api/v1/hazards", report).await;
        assert_eq!(reported.status, 201, "{:#}", reported.body);
        let id = reported.body["hazard"]["id"].as_str().unwrap().to_owned();
        let confirmed = self
            .act("regulator", &id, json!({"action": "confirm", "reason": "属实"}))
            .await;
        assert_eq!(confirmed.status, 200, "{:#}", confirmed.body);
        id
    }

    async fn act(&self, login: &str, hazard: &str, body: Value) -> Answer {
        let state = self.site.state(hazard).await;
        let path = format!("/api/v1/hazards/{hazard}/actions");
        self.ask(login, Method::POST, &path, &[("if-match", &state)], &body)
            .await
    }

    async fn listed(&self, hazard: &str) -> Value {
        let path = format!("/api/v1/hazards/{hazard}");
        self.get("regulator", &path).await.body["listed"].clone()
    }

    fn order(&self, hazard: &str) -> Value {
        json!({
            "kind": "listed", "level": "city", "issuer": "鞍山市市场监督管理局", "title": "安全阀失效",
            "grounds": "GB 45067-2024 4.2", "demands": "停用，更换安全阀", "hazards": [hazard],
            "deadline": self.day(60),
        })
    }

    fn day(&self, days: i64) -> String {
        Time(UtcMillis(self.site.now + days * DAY)).to_string()
    }

    async fn strike_off(&self, hazard: &str) {
        let photo = self.site.upload("a.pdf", PDF).await.body["sha256"].clone();
        let files = json!([{ "sha256": photo }]);
        let assignment = json!({
            "person": "王工", "measures": "换阀", "funds": "2 万元", "emergency_plan": "停炉", "deadline": self.day(20),
        });
        for (login, body) in [
            ("regulator", json!({"action": "assign", "assignment": assignment})),
            ("site-a", json!({"action": "start"})),
            (
                "site-a",
                json!({"action": "self_check", "reason": "已换", "attachments": files}),
            ),
            (
                "regulator",
                json!({"action": "accept", "reason": "合格", "attachments": files}),
            ),
            ("regulator", json!({"action": "strike_off"})),
        ] {
            let done = self.act(login, hazard, body).await;
            assert_eq!(done.status, 200, "{:#}", done.body);
        }
    }
}

fn code(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.body["code"].as_str().unwrap_or(""))
}

fn names(body: &Value) -> Vec<i64> {
    let cases = body["cases"].as_array().unwrap();
    cases.iter().map(|case| case["id"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hazard_is_listed_with_its_case_and_delisted_after_it_is_struck_off() {
    let stage = Stage::new().await;
    let hazard = stage.hazard("management").await;
    let direct = json!({"action": "list", "case": "X-1"});
    assert_eq!(
        code(&stage.act("regulator", &hazard, direct).await),
        (409, "listed_by_case")
    );
    let issued = stage
        .post("regulator", "/api/v1/supervision", stage.order(&hazard))
        .await;
    assert_eq!(issued.status, 201, "{:#}", issued.body);
    let (id, number) = (issued.body["id"].as_i64().unwrap(), issued.body["number"].clone());
    assert_eq!(number, "市级挂督〔2026〕210381-001号");
    assert_eq!(issued.header("location"), format!("/api/v1/supervision/{id}"));
    assert_eq!(stage.listed(&hazard).await, number, "the loop says the same");
    assert_eq!(issued.body["listed_hazards"][0]["state"], "listed");
    let again = stage
        .post("regulator", "/api/v1/supervision", stage.order(&hazard))
        .await;
    assert_eq!(code(&again), (409, "already_listed"), "{:#}", again.body);
    let direct = json!({"action": "delist", "reason": "x"});
    assert_eq!(
        code(&stage.act("regulator", &hazard, direct).await),
        (409, "delisted_with_case")
    );

    let file = stage.site.upload("report.pdf", PDF).await.body["sha256"].clone();
    let report = json!({
        "action": "report_acceptance", "people": "李某", "reason": "验收合格", "attachments": [{"sha256": file}],
    });
    for (login, body) in [
        ("regulator", json!({"action": "file", "place": "市安委办"})),
        (
            "regulator",
            json!({"action": "publish", "place": "www.example.gov.cn", "reason": "全文"}),
        ),
        ("site-a", json!({"action": "answer", "reason": "已停炉"})),
        ("inspector", report),
    ] {
        let done = stage.step(login, id, body).await;
        assert_eq!(done.status, 200, "{:#}", done.body);
    }
    let delist = || json!({"action": "delist", "reason": "隐患已消除"});
    let early = stage.step("regulator", id, delist()).await;
    assert_eq!(code(&early), (409, "hazards_open"), "{:#}", early.body);
    assert_eq!(early.body["hazard"], json!(hazard));
    stage.strike_off(&hazard).await;
    assert_eq!(
        stage.listed(&hazard).await,
        number,
        "still listed until the case is delisted"
    );
    let delisted = stage.step("regulator", id, delist()).await;
    assert_eq!(
        (delisted.status.as_u16(), &delisted.body["status"]),
        (200, &json!("delisted")),
        "{:#}",
        delisted.body
    );
    assert_eq!(stage.listed(&hazard).await, Value::Null);
    assert_eq!(delisted.body["verified"], json!(true));
    assert_eq!(delisted.body["waiting"][0]["timer"], "delisting_publication");
    let published = json!({"action": "publish_delisting", "place": "www.example.gov.cn"});
    assert_eq!(stage.step("regulator", id, published).await.status, 200);
    // The files of the case are read by who sees it, and by nobody else.
    let path = format!("/api/v1/attachments/{}", file.as_str().unwrap());
    for (login, status) in [("site-a", 200), ("site-b", 404), ("elsewhere", 404)] {
        assert_eq!(stage.get(login, &path).await.status.as_u16(), status, "{login}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_for_its_unit_and_its_authorities_and_for_nobody_else() {
    let stage = Stage::new().await;
    let hazard = stage.hazard("management").await;
    for (login, status) in [
        ("site-a", 403),
        ("inspector", 403),
        ("department", 403),
        ("elsewhere", 409),
    ] {
        let refused = stage
            .post(login, "/api/v1/supervision", stage.order(&hazard))
            .await;
        assert_eq!(refused.status.as_u16(), status, "{login}: {:#}", refused.body);
    }
    let issued = stage
        .post("regulator", "/api/v1/supervision", stage.order(&hazard))
        .await;
    let id = issued.body["id"].as_i64().unwrap();
    let path = format!("/api/v1/supervision/{id}");
    for (login, sees, may_answer) in [
        ("site-a", true, 200),
        ("maintainer", true, 200),
        ("inspector", true, 403),
        ("regulator", true, 403),
        ("department", true, 403),
        ("site-b", false, 404),
        ("elsewhere", false, 404),
    ] {
        let one = stage.get(login, &path).await;
        assert_eq!(one.status.as_u16(), if sees { 200 } else { 404 }, "{login}");
        if sees {
            let blocked = one.body["blocked_steps"].as_array().unwrap();
            let answer = blocked.iter().find(|step| step["action"] == "answer");
            assert_eq!(answer.is_none(), may_answer == 200, "{login}: {blocked:#?}");
            assert!(answer.is_none_or(|step| step["who"] == json!(["site", "maintainer"])));
        }
        let list = stage.get(login, "/api/v1/supervision").await.body;
        assert_eq!(names(&list).contains(&id), sees, "{login}");
        assert_eq!(list["total"], json!(u64::from(sees)), "{login}");
        let table = stage.get(login, "/api/v1/supervision/export").await.body;
        assert_eq!(table.as_str().unwrap().contains("210381-001"), sees, "{login}");
        let answered = stage
            .step(login, id, json!({"action": "answer", "reason": "已停炉"}))
            .await;
        assert_eq!(
            answered.status.as_u16(),
            may_answer,
            "{login}: {:#}",
            answered.body
        );
    }
    let log = stage
        .site
        .get_as_admin(&format!("/api/v1/audit?object={id}"))
        .await
        .body;
    assert!(log["entries"].as_array().unwrap().len() >= 3, "{log:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_says_what_it_is_based_on_and_an_order_sent_twice_is_issued_once() {
    let stage = Stage::new().await;
    let hazard = stage.hazard("management").await;
    let order = stage.order(&hazard);
    let key = [("idempotency-key", "k-1")];
    let first = stage
        .ask("regulator", Method::POST, "/api/v1/supervision", &key, &order)
        .await;
    let second = stage
        .ask("regulator", Method::POST, "/api/v1/supervision", &key, &order)
        .await;
    assert_eq!(
        (first.status.as_u16(), second.status.as_u16()),
        (201, 201),
        "{:#}",
        second.body
    );
    assert_eq!(first.body["id"], second.body["id"]);
    let mut other = order.clone();
    other["title"] = json!("别的");
    let reused = stage
        .ask("regulator", Method::POST, "/api/v1/supervision", &key, &other)
        .await;
    assert_eq!(code(&reused), (409, "key_reused"));
    let path = format!("/api/v1/supervision/{}/actions", first.body["id"]);
    let file = json!({"action": "file", "place": "市安委办"});
    assert_eq!(
        code(&stage.post("regulator", &path, file.clone()).await),
        (428, "if_match_required")
    );
    let seen = [("if-match", "\"1\"")];
    let done = stage.ask("regulator", Method::POST, &path, &seen, &file).await;
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, "\"2\""));
    let late = stage.ask("regulator-2", Method::POST, &path, &seen, &file).await;
    assert_eq!(code(&late), (412, "stale"));
    for (body, part) in [
        (json!({"action": "fille"}), "there is no step"),
        (
            json!({"action": "delist", "place": "x"}),
            "takes no field `place`",
        ),
        (json!({"action": "publish"}), "needs the field `place`"),
    ] {
        let refused = stage
            .step("regulator", first.body["id"].as_i64().unwrap(), body)
            .await;
        assert_eq!(refused.status.as_u16(), 422, "{:#}", refused.body);
        assert!(
            refused.body["detail"].as_str().unwrap().contains(part),
            "{:#}",
            refused.body
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_filtered_sorted_and_paged_and_tables_hold_no_formulas() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for n in 0..5_i64 {
        let order = json!({
            "kind": if n % 2 == 0 { "interview" } else { "circular" }, "level": "county", "issuer": "=HYPERLINK(1)",
            "title": format!("第{n}件"), "demands": "x", "equipment": "boiler", "deadline": stage.day(50 - n),
        });
        let issued = stage.post("regulator", "/api/v1/supervision", order).await;
        assert_eq!(issued.status, 201, "{:#}", issued.body);
        ids.push(issued.body["id"].as_i64().unwrap());
    }
    let get = async |query: &str| {
        stage
            .get("regulator", &format!("/api/v1/supervision?{query}"))
            .await
            .body
    };
    let first = get("limit=2").await;
    assert_eq!(
        (names(&first), &first["total"]),
        (vec![ids[4], ids[3]], &json!(5))
    );
    let next = first["next"].as_str().unwrap();
    let second = get(&format!("limit=2&cursor={next}")).await;
    assert_eq!(names(&second), [ids[2], ids[1]]);
    assert_eq!(
        names(&get("sort=deadline&limit=3").await),
        [ids[4], ids[3], ids[2]]
    );
    assert_eq!(names(&get("kind=circular").await), [ids[3], ids[1]]);
    assert_eq!(
        names(&get("area=2103&unit=acme&status=issued&open=true&level=county").await).len(),
        5
    );
    for none in [
        "kind=listed",
        "area=31",
        "unit=other",
        "status=closed",
        "open=false",
        "overdue=true",
        "level=city",
    ] {
        assert!(names(&get(none).await).is_empty(), "{none}");
    }
    assert_eq!(get("sort=oldest").await["code"], "bad_parameter");
    let table = stage.get("regulator", "/api/v1/supervision/export?lang=en").await;
    let text = table.body.as_str().unwrap();
    assert!(
        text.contains("'=HYPERLINK(1)") && text.lines().count() == 6,
        "{text}"
    );
    let rules = stage.get("site-a", "/api/v1/supervision/rules").await.body;
    assert_eq!(rules["periods"].as_array().unwrap().len(), 7);
}

fn person(login: &str) -> Person {
    Person::administrator(login)
}

fn order(hazards: &[&str], deadline: UtcMillis) -> Order {
    Order {
        kind: CaseKind::Listed,
        level: "city".into(),
        issuer: "市局".into(),
        title: "隐患".into(),
        grounds: String::new(),
        demands: "整改".into(),
        subject: Subject {
            hazards: hazards.iter().map(|id| HazardId((*id).into())).collect(),
            equipment: Some("boiler".into()),
            unit: None,
        },
        scope: scope(),
        deadline: Some(deadline),
        meet_at: None,
    }
}

fn issue<'a>(person: &'a Person, order: &'a Order, now: UtcMillis) -> cases::Issue<'a> {
    cases::Issue {
        person,
        order,
        key: None,
        now,
        policy: SupervisionPolicy::builtin(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_have_no_gap_and_none_is_given_twice_under_two_writers() {
    let site = Site::boiler().await;
    let now = UtcMillis(site.now);
    let options = vigil_gateway::store::StoreOptions::new(site.database());
    let desks = [site.app.desk.clone(), vigil_gateway::store::desk(&options)];
    let tasks: Vec<_> = (0..24)
        .map(|n: usize| {
            let desk = desks[n % 2].clone();
            tokio::spawn(async move {
                // Every third names a hazard that another has listed: it is refused, and uses up no number.
                let hazard = if n.is_multiple_of(3) {
                    "HZ-same".to_owned()
                } else {
                    format!("HZ-{n}")
                };
                let order = order(&[&hazard], UtcMillis(now.0 + 30 * DAY));
                let person = person("wang");
                cases::issue(&desk, &issue(&person, &order, now))
                    .await
                    .map(|stored| stored.case.number)
            })
        })
        .collect();
    let mut numbers = Vec::new();
    let mut refused = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(number) => numbers.push(number.to_string()),
            Err(error) => {
                assert!(error.to_string().contains("already_listed"), "{error}");
                refused += 1;
            }
        }
    }
    numbers.sort();
    let expected: Vec<String> = (1..=17)
        .map(|n| format!("市级挂督〔2026〕210381-{n:03}号"))
        .collect();
    assert_eq!((numbers, refused), (expected, 7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_untold_is_told_once() {
    let stage = Stage::new().await;
    let hazard = stage.hazard("management").await;
    let (app, now) = (&stage.site.app, UtcMillis(stage.site.now));
    let (person, order) = (person("root"), order(&[&hazard], UtcMillis(now.0 + 30 * DAY)));
    // The gateway dies between the case and the loop.
    let stored = cases::issue(&app.desk, &issue(&person, &order, now))
        .await
        .unwrap();
    assert_eq!(stage.listed(&hazard).await, Value::Null);
    cases::settle_all(app).await.unwrap();
    assert_eq!(stage.listed(&hazard).await, json!(&*stored.case.number));
    let events = || async {
        let path = format!("/api/v1/hazards/{hazard}");
        stage.get("regulator", &path).await.body["events"]
            .as_u64()
            .unwrap()
    };
    let before = events().await;
    // It dies between the loop and our note of it.
    let mut raw = sqlx::SqliteConnection::connect(stage.site.database().to_str().unwrap())
        .await
        .unwrap();
    sqlx::query("UPDATE case_hazards SET state = 'listing'")
        .execute(&mut raw)
        .await
        .unwrap();
    for _ in 0..2 {
        cases::settle_all(app).await.unwrap();
        cases::settle(app, stored.id).await.unwrap();
    }
    assert_eq!(events().await, before, "listed once");
    let states = cases::hazards_of_case(&app.desk, stored.id).await.unwrap();
    assert_eq!(states[0].state, "listed");
    // What was issued by mistake is withdrawn; the loop is told that too, once.
    let policy = SupervisionPolicy::builtin();
    let step = vigil_core::supervision::CaseStep::Withdraw;
    cases::take(
        &app.desk,
        (&person, stored.id, None),
        (&step, "误挂"),
        now,
        policy,
    )
    .await
    .unwrap();
    assert_eq!(
        stage.listed(&hazard).await,
        json!(&*stored.case.number),
        "not told yet"
    );
    for _ in 0..2 {
        cases::settle_all(app).await.unwrap();
    }
    assert_eq!(
        (stage.listed(&hazard).await, events().await),
        (Value::Null, before + 1)
    );
    // The database itself keeps the history.
    for sql in [
        "DELETE FROM case_events",
        "UPDATE case_events SET at = 0",
        "DELETE FROM cases",
        "UPDATE cases SET number = 'x'",
    ] {
        assert!(sqlx::query(sql).execute(&mut raw).await.is_err(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_other_rules_an_open_case_waits_for_other_things() {
    let site = Site::boiler().await;
    let (desk, now) = (&site.app.desk, UtcMillis(site.now));
    let (person, order) = (person("wang"), order(&["HZ-1"], UtcMillis(now.0 + 60 * DAY)));
    let stored = cases::issue(desk, &issue(&person, &order, now)).await.unwrap();
    let own = OwnDeskFile {
        name: "supervision.toml",
        path: "supervision.toml",
        text: "[filing]\nlasts = '30 days'\n[publication]\nlasts = '30 days'\n[rounds]\nremind_before_days = [50]\n",
    };
    let other = DeskRules::over(&[own]).unwrap().supervision;
    let at = |day: i64| UtcMillis(now.0 + day * DAY);
    // As shipped it would be reminded of filing and publication, and be late with both.
    assert_eq!(cases::replan(desk, &other).await.unwrap(), 1);
    assert_eq!(cases::replan(desk, &other).await.unwrap(), 0);
    assert_eq!(cases::tick(desk, at(9), &other).await.unwrap(), 0);
    assert_eq!(
        cases::tick(desk, at(11), &other).await.unwrap(),
        1,
        "50 days ahead of the deadline"
    );
    // And back: what was missed meanwhile is said now.
    assert_eq!(
        cases::replan(desk, SupervisionPolicy::builtin()).await.unwrap(),
        1
    );
    assert!(
        cases::tick(desk, at(12), SupervisionPolicy::builtin())
            .await
            .unwrap()
            >= 2
    );
    let events = cases::case_events(desk, stored.id).await.unwrap();
    let now_as = cases::case(desk, &person, stored.id).await.unwrap().case;
    assert_eq!(vigil_core::supervision::verify(&events), Ok(now_as));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_writes_reminders_and_lateness_into_the_case() {
    let mut stage = Stage::new().await;
    let hazard = stage.hazard("management").await;
    let issued = stage
        .post("regulator", "/api/v1/supervision", stage.order(&hazard))
        .await;
    let id = issued.body["id"].as_i64().unwrap();
    let policy = SupervisionPolicy::builtin();
    stage.site.at(70 * DAY);
    let now = UtcMillis(stage.site.now);
    let said = cases::tick(&stage.site.app.desk, now, policy).await.unwrap();
    assert!(said >= 5, "{said}");
    assert_eq!(cases::tick(&stage.site.app.desk, now, policy).await.unwrap(), 0);
    let detail = stage
        .site
        .get_as_admin(&format!("/api/v1/supervision/{id}"))
        .await
        .body;
    let history = detail["history"].as_array().unwrap();
    let told: Vec<(&str, &str)> = history
        .iter()
        .map(|event| {
            (
                event["event"].as_str().unwrap(),
                event["timer"].as_str().unwrap_or(""),
            )
        })
        .collect();
    for wanted in [
        ("overdue", "filing"),
        ("overdue", "publication"),
        ("overdue", "deadline"),
        ("escalated", ""),
    ] {
        assert!(told.contains(&wanted), "{wanted:?} in {told:?}");
    }
    assert_eq!(
        (&detail["overdue"], &detail["verified"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(detail["escalation"], json!(2));
}
