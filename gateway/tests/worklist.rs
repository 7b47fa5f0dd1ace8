//! What must somebody do today: each role is told of what waits for one of its steps, and of nothing of others.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod api_site;
mod harness;

use api_site::Site;
use axum::http::Method;
use harness::until;
use serde_json::{Value, json};
use std::sync::Arc;
use vigil_core::people::{Role, Scope};
use vigil_gateway::desk;
use vigil_gateway::people::{TokenScope, UserFacts};

const PHOTO: &str = "%PDF-1.7 as found";
const DAY: i64 = 86_400_000;

#[rustfmt::skip] // a table
const CAST: &[(&str, Role, Option<&str>, &[&str])] = &[
    ("site", Role::Site, Some("acme"), &[]),
    ("other", Role::Site, Some("other"), &[]),
    ("fix", Role::Maintainer, Some("fix"), &[]),
    ("insp", Role::InspectionBody, Some("insp"), &[]),
    ("reg", Role::Regulator, None, &["2103"]),
    ("far", Role::Regulator, None, &["11"]),
    ("dept", Role::Department, None, &["2103"]),
    ("root", Role::Administrator, None, &[]),
];

struct Stage {
    site: Site,
    hazard: String,
    bearers: Vec<(&'static str, String)>,
}

impl Stage {
    async fn new() -> Self {
        let (site, hazard) = Site::with_hazard().await;
        let scope = Scope {
            use_unit: Some("acme".into()),
            maintenance_unit: Some("fix".into()),
            inspection_body: Some("insp".into()),
            area: "210381".into(),
        };
        let mut write = site.app.desk.begin().await.unwrap();
        desk::scopes::register(write.connection().unwrap(), "boiler", &scope)
            .await
            .unwrap();
        write.commit().await.unwrap();
        site.app.people.scopes().set("boiler", scope);
        let mut bearers = Vec::new();
        for (login, role, unit, areas) in CAST {
            let facts = UserFacts {
                name: (*login).to_owned(),
                role: *role,
                unit: unit.map(Into::into),
                areas: areas.iter().map(|area| Arc::from(*area)).collect(),
                language: None,
                phone: None,
                active: true,
            };
            let people = &site.app.people;
            people
                .add_user(login, &facts, "the drum is warm today")
                .await
                .unwrap();
            let scopes = [TokenScope::Act, TokenScope::Read];
            let token = people.add_token(login, "app", &scopes, 365).await.unwrap();
            bearers.push((*login, format!("Bearer {}", token.secret)));
        }
        Self {
            site,
            hazard,
            bearers,
        }
    }

    async fn ask(&self, login: &str, method: Method, path: &str, body: &str) -> api_site::Answer {
        let (_, bearer) = self.bearers.iter().find(|(known, _)| *known == login).unwrap();
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.site.ask(method, path, &headers, body).await
    }

    async fn step(&self, login: &str, body: Value) {
        let path = format!("/api/v1/hazards/{}/actions", self.hazard);
        let (_, bearer) = self.bearers.iter().find(|(known, _)| *known == login).unwrap();
        let state = self.site.state(&self.hazard).await;
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("if-match", &state),
        ];
        let done = self.site.post(&path, &headers, &body.to_string()).await;
        assert_eq!(done.status.as_u16(), 200, "{login} {body}: {:#}", done.body);
    }

    /// Keys of the groups a login has this hazard in.
    async fn told(&self, login: &str) -> Vec<String> {
        let work = self.ask(login, Method::GET, "/api/v1/worklist", "").await;
        assert_eq!(work.status.as_u16(), 200, "{:#}", work.body);
        let groups = work.body["groups"].as_array().unwrap().iter();
        let of_hazard = |group: &&Value| {
            let lines = group["lines"].as_array().unwrap().iter();
            let link = format!("/hazards/{}", self.hazard);
            let hrefs: Vec<_> = lines.map(|line| line["href"].as_str().unwrap()).collect();
            let has = hrefs.iter().any(|href| href.starts_with(&link));
            assert!(!has || group["total"].as_u64().unwrap() >= 1, "{group:#}");
            has
        };
        groups
            .filter(of_hazard)
            .map(|group| group["key"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Who is told what; everybody else is told nothing of it.
    async fn expect(&self, when: &str, told: &[(&str, &[&str])]) {
        for (login, ..) in CAST {
            let wanted = told
                .iter()
                .find(|(known, _)| known == login)
                .map_or(&[][..], |(_, keys)| keys);
            assert_eq!(self.told(login).await, wanted, "{when}: {login}");
        }
    }

    async fn upload(&self, login: &str) -> Value {
        let kept = self
            .ask(login, Method::POST, "/api/v1/attachments?name=a.pdf", PHOTO)
            .await;
        json!([{ "sha256": kept.body["sha256"] }])
    }
}

#[tokio::test]
async fn each_role_is_told_of_what_waits_for_its_steps_until_the_loop_is_closed() {
    let mut stage = Stage::new().await;
    let confirm: &[&str] = &["to_confirm"];
    stage
        .expect(
            "suspected",
            &[
                ("site", confirm),
                ("fix", confirm),
                ("insp", confirm),
                ("reg", confirm),
                ("root", confirm),
            ],
        )
        .await;
    stage.step("site", json!({"action": "confirm"})).await;
    let assign: &[&str] = &["to_assign"];
    stage
        .expect(
            "confirmed",
            &[("site", assign), ("reg", assign), ("root", assign)],
        )
        .await;
    let assignment = json!({"unit": "fix", "person": "Li"});
    stage
        .step("site", json!({"action": "assign", "assignment": assignment}))
        .await;
    let start: &[&str] = &["to_start"];
    // Another unit was made responsible: it is not the site's to begin.
    stage.expect("assigned", &[("fix", start), ("root", start)]).await;
    stage.step("fix", json!({"action": "start"})).await;
    let wanted =
        vigil_gateway::view::Time(vigil_protocol::time::UtcMillis(stage.site.now + 30 * DAY)).to_string();
    stage
        .step(
            "fix",
            json!({"action": "request_extension", "until": wanted, "reason": "parts"}),
        )
        .await;
    let rectify: &[&str] = &["to_rectify"];
    stage
        .expect(
            "more time asked for",
            &[
                ("fix", rectify),
                ("reg", &["extensions"]),
                ("root", &["extensions", "to_rectify"]),
            ],
        )
        .await;
    stage
        .step("reg", json!({"action": "refuse_extension", "reason": "no"}))
        .await;

    // The deadline passes: everybody who sees it is told, also who only reads.
    stage.site.at(20 * DAY);
    let path = format!("/api/v1/hazards/{}", stage.hazard);
    until("it is overdue", async || {
        let whole = stage.ask("root", Method::GET, &path, "").await.body;
        (whole["overdue"] == true).then_some(())
    })
    .await;
    let late: &[&str] = &["overdue"];
    let both: &[&str] = &["overdue", "to_rectify"];
    stage
        .expect(
            "overdue",
            &[
                ("site", late),
                ("fix", both),
                ("insp", late),
                ("reg", late),
                ("dept", late),
                ("root", both),
            ],
        )
        .await;
    let files = stage.upload("fix").await;
    stage
        .step(
            "fix",
            json!({"action": "self_check", "reason": "done", "attachments": files}),
        )
        .await;
    let told = stage.told("insp").await;
    assert!(told.contains(&"to_accept".to_owned()), "{told:?}");
    // Telemetry says that the condition still holds: it is not the site's to accept.
    let told = stage.told("site").await;
    assert!(!told.contains(&"to_accept".to_owned()), "{told:?}");
    let told = stage.told("fix").await;
    assert!(told.contains(&"to_accept".to_owned()), "to ask for it: {told:?}");
    stage.step("fix", json!({"action": "request_acceptance"})).await;
    let told = stage.told("fix").await;
    assert!(
        !told.contains(&"to_accept".to_owned()),
        "who rectified it does not judge it: {told:?}"
    );
    stage
        .step(
            "insp",
            json!({"action": "accept", "reason": "seen", "attachments": []}),
        )
        .await;
    for (login, waits) in [("site", true), ("reg", true), ("insp", false), ("fix", false)] {
        let told = stage.told(login).await;
        assert_eq!(
            told.contains(&"to_strike_off".to_owned()),
            waits,
            "{login}: {told:?}"
        );
    }
    stage.step("reg", json!({"action": "strike_off"})).await;
    stage.expect("struck off: not due yet", &[]).await;
    stage.site.at(51 * DAY);
    let look: &[&str] = &["to_look_back"];
    until("the look-back is announced", async || {
        (stage.told("insp").await == look).then_some(())
    })
    .await;
    stage
        .expect(
            "look-back due",
            &[("site", look), ("insp", look), ("reg", look), ("root", look)],
        )
        .await;
    stage
        .step(
            "insp",
            json!({"action": "look_back", "passed": true, "reason": "fine"}),
        )
        .await;
    stage.expect("until the next one", &[]).await;
}

#[tokio::test]
async fn a_list_in_the_order_of_deadlines_goes_on_where_its_page_ended() {
    let mut stage = Stage::new().await;
    let mut wanted = Vec::new();
    for (n, days) in [(1, 9), (2, 3), (3, 6)] {
        stage.site.at(20_000 * n);
        let report = json!({"equipment": "boiler", "source": "patrol", "category": "management",
            "description": format!("no. {n}"), "grade": "general"});
        let made = stage
            .ask("site", Method::POST, "/api/v1/hazards", &report.to_string())
            .await;
        stage.hazard = made.body["hazard"]["id"].as_str().unwrap().to_owned();
        stage.step("site", json!({"action": "confirm"})).await;
        let deadline =
            vigil_gateway::view::Time(vigil_protocol::time::UtcMillis(stage.site.now + days * DAY));
        let assignment = json!({"person": "Li", "deadline": deadline.to_string()});
        stage
            .step("site", json!({"action": "assign", "assignment": assignment}))
            .await;
        wanted.push((days, stage.hazard.clone()));
    }
    wanted.sort();
    let mut found = Vec::new();
    let mut cursor = String::new();
    for _ in 0..3 {
        let path = format!("/api/v1/hazards?sort=due&limit=1{cursor}");
        let page = stage.ask("site", Method::GET, &path, "").await.body;
        found.push(
            page["hazards"][0]["id"]
                .as_str()
                .unwrap_or_else(|| panic!("{page:#}"))
                .to_owned(),
        );
        cursor = format!("&cursor={}", page["next"].as_str().unwrap_or_default());
    }
    let wanted: Vec<String> = wanted.into_iter().map(|(_, id)| id).collect();
    assert_eq!(found, wanted);
    let both = stage
        .ask("site", Method::GET, "/api/v1/hazards?sort=due&text=no", "")
        .await;
    assert_eq!(both.status.as_u16(), 400, "{:#}", both.body);
}

/// Key of a group, the link of the record in it, and who is told of it: the rest of the cast is not.
type Told<'a> = (&'a str, &'a str, &'a [&'a str]);

impl Stage {
    async fn sql(&self, sql: String) {
        let mut write = self.site.app.desk.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(write.connection().unwrap())
            .await
            .unwrap();
        write.commit().await.unwrap();
    }

    /// Something made by somebody: its answer.
    async fn made(&self, login: &str, path: &str, body: Value) -> Value {
        let made = self.ask(login, Method::POST, path, &body.to_string()).await;
        assert_eq!(made.status.as_u16(), 201, "{path}: {:#}", made.body);
        made.body
    }

    /// Each of the cast is told of a record or not, as the table says.
    async fn expect_all(&self, when: &str, table: &[Told<'_>]) {
        for (login, ..) in CAST {
            let work = self.ask(login, Method::GET, "/api/v1/worklist", "").await.body;
            for (key, href, told) in table {
                let groups = work["groups"].as_array().unwrap().iter();
                let mut lines = groups
                    .filter(|group| group["key"] == *key)
                    .flat_map(|group| group["lines"].as_array().unwrap());
                let is_told = lines.any(|line| line["href"].as_str().unwrap().starts_with(href));
                assert_eq!(
                    is_told,
                    told.contains(login),
                    "{when}: {login} about {key} {href}: {work:#}"
                );
            }
        }
    }
}

#[tokio::test]
async fn one_record_of_every_source_is_on_the_list_of_those_it_concerns_and_on_no_other() {
    let mut stage = Stage::new().await;
    let day = |days: i64| {
        let at = vigil_protocol::time::UtcMillis(stage.site.now + days * DAY);
        vigil_gateway::view::Time(at).to_string()
    };
    let date = |days: i64| day(days).get(..10).unwrap().to_owned();
    let case = json!({"kind": "circular", "level": "city", "issuer": "市局", "title": "超压", "demands": "整改",
        "equipment": "boiler", "deadline": day(5)});
    let case = stage.made("reg", "/api/v1/supervision", case).await;
    let case = format!("/supervision/{}", case["id"]);
    let point = json!({"equipment": "boiler",
        "point": {"name": "超压", "factor": "安全阀失灵", "owner": "李工"}});
    let point = stage.made("site", "/api/v1/risk/points", point).await;
    let measures = format!("/api/v1/risk/points/{}/measures", point["id"].as_str().unwrap());
    let measure = json!({"kind": "engineering", "text": "安全阀", "owner": "王工", "period_days": 3});
    let measure = stage.made("site", &measures, measure).await;
    let measure = format!("/risk/measures/{}", measure["id"]);
    // Of another unit and area: on nobody else's list.
    for (kind, of, due) in [
        ("periodic_inspection", "boiler", date(-1)),
        ("insurance", "boiler", date(25)),
        ("insurance", "elsewhere", date(-1)),
    ] {
        let (unit, fix, look, area) = match of {
            "boiler" => ("acme", "fix", "insp", "210381"),
            _ => ("other", "none", "none", "110101"),
        };
        stage
            .sql(format!(
                "INSERT INTO obligations VALUES ('{of}', '{kind}', '', '{due}', 'stated', '', 0, '{area}', '2000', \
                 '{unit}', '{fix}', '{look}')"
            ))
            .await;
    }
    let hazard = format!("/hazards/{}", stage.hazard);
    let all: &[&str] = &["site", "fix", "insp", "reg", "dept", "root"];
    let actors: &[&str] = &["site", "fix", "insp", "reg", "root"];
    #[rustfmt::skip] // a table
    stage.expect_all("at first", &[
        ("to_confirm", &hazard, actors),
        ("cases", &case, actors),
        ("cases_late", &case, &[]),
        ("risk_checks", &measure, &[]),
        ("records", "/duty/", &[]),
        ("calendar_overdue", "/register/boiler", all),
        ("calendar_soon", "/register/boiler", all),
        ("calendar_overdue", "/register/elsewhere", &["other", "far", "root"]),
        ("not_watched", "/equipment/boiler", &[]),
    ]).await;

    stage.site.at(20 * DAY);
    let app = &stage.site.app;
    let now = vigil_protocol::time::UtcMillis(stage.site.now);
    desk::cases::tick(
        &app.desk,
        now,
        vigil_core::supervision::policy::SupervisionPolicy::builtin(),
    )
    .await
    .unwrap();
    desk::duty::generate(app).await.unwrap();
    // Everybody's own record has its own number: that of the boiler's unit.
    let records = stage.ask("site", Method::GET, "/api/v1/duty", "").await.body;
    let record = format!("/duty/{}", records["records"][0]["id"]);
    until("nothing has been heard for long", async || {
        let work = stage.ask("site", Method::GET, "/api/v1/worklist", "").await.body;
        let mut groups = work["groups"].as_array().unwrap().iter();
        groups.any(|group| group["key"] == "not_watched").then_some(())
    })
    .await;
    #[rustfmt::skip] // a table
    stage.expect_all("after twenty days", &[
        ("cases", &case, &[]),
        ("cases_late", &case, all),
        // The site's own rounds: others find them on the pages of risks and records.
        ("risk_checks", &measure, &["site", "root"]),
        ("records", &record, &["site", "root"]),
        ("calendar_soon", "/register/boiler", all),
        ("not_watched", "/equipment/boiler", all),
    ]).await;
}
