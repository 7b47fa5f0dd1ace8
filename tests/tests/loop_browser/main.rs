//! The closed loop of a major hazard in a real browser, from what telemetry detects to the last look-back: six people
//! in their roles sign in, fill in the forms, and are refused where the loop says so, by the page as by the interface.
//! Pictures of every step are kept in `target/artefacts/loop`. Pages run no scripts while people act.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use vigil_core::catalog::Catalog;
use vigil_core::pack::builtin;
use vigil_core::people::Role;
use vigil_gateway::app::HazardFilter;
use vigil_gateway::clock::Clock;
use vigil_gateway::config::Config;
use vigil_gateway::people::{TokenScope, UserFacts};
use vigil_gateway::run::{self, RunOptions, Running};
use vigil_protocol::sparkplug::{Metric, MetricValue};
use vigil_protocol::time::UtcMillis;
use vigil_tests::browser::Browser;
use vigil_tests::edge::now;
use vigil_tests::{Api, Edge, Place};

const DAY_MS: i64 = 86_400_000;
const PASSWORD: &str = "the drum is warm today";
/// The smallest thing that is a JPEG by its beginning.
const PHOTO: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3];

const CATALOG: &str = r#"
[[equipment]]
id = "boiler-1"
name = "1号锅炉"
name_en = "Boiler 1"
category = "1100"
node = "plant/edge"
device = "boiler"
[equipment.register]
site = "海城热力站"
site_en = "Haicheng heating plant"
use_unit = "HEAT"
maintenance_unit = "FIX"
inspection_body = "INSP"
area_code = "210381"
[equipment.nameplate]
rated_pressure = "1.0 MPa"
low_water_limit = "-75 mm"
low_water_alarm = "-50 mm"
high_water_alarm = "50 mm"
high_water_limit = "75 mm"
rated_evaporation = "4 t/h"
"#;

/// Login, name, role, unit, areas.
type Actor = (
    &'static str,
    &'static str,
    Role,
    Option<&'static str>,
    &'static [&'static str],
);

#[rustfmt::skip] // a table
const CAST: &[Actor] = &[
    ("wang", "王安全（使用单位）", Role::Site, Some("HEAT"), &[]),
    ("zhao", "赵维保", Role::Maintainer, Some("FIX"), &[]),
    ("qian", "钱检验", Role::InspectionBody, Some("INSP"), &[]),
    ("sun", "孙监察", Role::Regulator, None, &["2103"]),
    ("li", "李部门", Role::Department, None, &["21"]),
    ("root", "周管理", Role::Administrator, None, &[]),
    ("stranger", "外人", Role::Site, Some("OTHER"), &[]),
];

/// A gateway in this process, with a clock that moves when told: look-backs are months away.
struct Stage {
    runtime: Runtime,
    running: Option<Running>,
    clock: Clock,
    edge: Edge,
    browser: Browser,
    base: String,
    hazard: String,
    /// Login and API token.
    tokens: Vec<(&'static str, String)>,
    pictures: PathBuf,
    taken: Cell<u32>,
    photo: PathBuf,
}

impl Stage {
    fn new(place: &Place) -> Self {
        let runtime = Runtime::new().unwrap();
        let packs: Vec<_> = builtin().into_iter().map(Arc::new).collect();
        let (catalog, findings) = Catalog::load(&[("site.toml", CATALOG)], &packs);
        let catalog = catalog.unwrap_or_else(|| panic!("{findings:#?}"));
        let mut config = Config::default();
        config.store.data = place.dir("data");
        config.listen.http = "127.0.0.1:0".parse().unwrap();
        config.listen.mqtt = "127.0.0.1:0".parse().unwrap();
        let clock = Clock::manual(now());
        let options = RunOptions {
            clock: clock.clone(),
            ..RunOptions::default()
        };
        let running = runtime.block_on(async {
            let running = run::start(config, catalog, options).await.unwrap();
            running.connected().await;
            running
        });
        let mut tokens = Vec::new();
        for (login, name, role, unit, areas) in CAST {
            let facts = UserFacts {
                name: (*name).to_owned(),
                role: *role,
                unit: unit.map(Into::into),
                areas: areas.iter().map(|area| Arc::from(*area)).collect(),
                language: None,
                phone: None,
                active: true,
            };
            let people = &running.app.people;
            let token = runtime.block_on(async {
                people.add_user(login, &facts, PASSWORD).await.unwrap();
                let scopes = [TokenScope::Act, TokenScope::Read];
                people.add_token(login, "app", &scopes, 365).await.unwrap()
            });
            tokens.push((*login, token.secret.clone()));
        }
        let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/artefacts/loop");
        let _none_yet = std::fs::remove_dir_all(&pictures);
        std::fs::create_dir_all(&pictures).unwrap();
        let photo = place.path().join("现场照片.jpg");
        std::fs::write(&photo, PHOTO).unwrap();
        let broker = format!("mqtt://{}", running.mqtt_addr.unwrap());
        let browser = Browser::start(&place.dir("profile"));
        browser.resize(1280);
        browser.scripts(false);
        Self {
            base: format!("http://{}", running.http_addr),
            runtime,
            running: Some(running),
            clock,
            edge: Edge::connect(&broker, "plant", "edge"),
            browser,
            hazard: String::new(),
            tokens,
            pictures,
            taken: Cell::new(0),
            photo,
        }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    fn later(&self, ms: i64) {
        self.clock.set(UtcMillis(self.clock.now().0 + ms));
    }

    /// A second later the boiler says its pressure.
    fn pressure(&mut self, kind: &str, mpa: f64) {
        self.later(1_000);
        let at = self.clock.now();
        let metrics = [
            Metric::named("steam_pressure", MetricValue::Double(mpa))
                .typed()
                .at(at),
            Metric::named("burner_firing", MetricValue::Bool(true))
                .typed()
                .at(at),
        ];
        self.edge.send(kind, Some("boiler"), at, &metrics);
    }

    /// Telemetry finds too much pressure and opens a suspected major hazard; nobody has done anything.
    fn detect(&mut self) {
        self.edge.born(&[]);
        self.pressure("DBIRTH", 0.8);
        for _ in 0..3 {
            self.pressure("DDATA", 0.8);
        }
        for _ in 0..45 {
            self.pressure("DDATA", 1.25);
        }
        for _ in 0..90 {
            self.pressure("DDATA", 0.8);
        }
        let store = self.running().app.store.clone();
        let filter = HazardFilter {
            equipment: Some("boiler-1".to_owned()),
            grade: Some(vigil_core::pack::Grade::Major),
            ..HazardFilter::default()
        };
        let gone = |hazard: &vigil_core::hazard::HazardSummary| !hazard.condition_active;
        self.hazard = self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(60), async {
                loop {
                    let found = store.hazards(&filter).await.unwrap();
                    if let Some(hazard) = found.iter().find(|hazard| gone(hazard)) {
                        return hazard.id.0.to_string();
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
            .await
            .unwrap_or_else(|_| {
                panic!(
                    "a major hazard is opened and its condition goes: {:?}",
                    self.get("root", "/api/v1/hazards")
                )
            })
        });
    }

    // ── What people do ────────────────────────────────────────────────────────────────────────

    /// Signs in through the sign-in page, on the way to `path`.
    fn sign_in(&self, login: &str, path: &str) {
        let browser = &self.browser;
        browser.open(&format!("{}/sign-in?lang=zh", self.base));
        browser.forget();
        browser.open(&format!("{}/sign-in?lang=zh&next={path}", self.base));
        browser.write("#login", login);
        browser.write("#password", PASSWORD);
        browser.click_through("main form button");
        // With the host: the sign-in page has the path in its own address.
        browser.arrives(&format!("{}{path}", self.base));
    }

    fn at_hazard(&self, login: &str) {
        self.sign_in(login, &format!("/hazards/{}", self.hazard));
    }

    /// What a script says about the page; pages themselves run none.
    fn ask(&self, script: &str) -> Value {
        self.browser.scripts(true);
        let said = self.browser.run(script);
        self.browser.scripts(false);
        said
    }

    fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?})?.textContent ?? ''");
        self.ask(&script).as_str().unwrap().to_owned()
    }

    fn has(&self, selector: &str) -> bool {
        let script = format!("return document.querySelector({selector:?}) !== null");
        self.ask(&script) == json!(true)
    }

    /// Folds out what the form is in, and fills it in.
    fn fill(&self, step: &str, fields: &[(&str, &str)]) {
        let script = format!(
            "const form = document.querySelector('#do-{step}'); const fold = form.closest('details'); if (fold) {{ fold.open = true; }}"
        );
        self.ask(&script);
        for (field, value) in fields {
            let selector = format!("#do-{step} [name={field}]");
            // How a date is typed depends on the browser's country.
            self.ask(&format!("document.querySelector({selector:?}).value = ''"));
            if *field == "deadline" || *field == "until" {
                self.ask(&format!("document.querySelector({selector:?}).value = {value:?}"));
            } else {
                self.browser.write(&selector, value);
            }
        }
    }

    fn add_photo(&self, step: &str) {
        self.browser.write(
            &format!("#do-{step} [name=files]"),
            &self.photo.display().to_string(),
        );
    }

    /// Sends a form that is expected to be taken.
    fn send(&self, step: &str) {
        self.browser.click_through(&format!("#do-{step} button"));
        self.browser.arrives("#timeline");
    }

    fn step(&self, step: &str, fields: &[(&str, &str)]) {
        self.fill(step, fields);
        self.send(step);
    }

    /// Sends a form that lacks something, from a browser that does not check.
    fn send_anyway(&self, step: &str) -> String {
        self.ask(&format!("document.querySelector('#do-{step}').noValidate = true"));
        self.browser.click_through(&format!("#do-{step} button"));
        self.browser.arrives("/actions");
        self.text("[role=alert]")
    }

    /// Turns the form for comments into one for a step that is not offered.
    fn forge(&self, step: &str, text: &str) -> String {
        self.fill("comment", &[("text", text)]);
        self.ask(&format!(
            "document.querySelector('#do-comment [name=step]').value = {step:?}"
        ));
        self.send_anyway("comment")
    }

    /// The same over the interface: status and problem.
    fn post(&self, login: &str, body: &Value) -> (u16, Value) {
        let (_, token) = self.tokens.iter().find(|(known, _)| *known == login).unwrap();
        let api = Api::new(&self.base).with_token(token);
        api.post(&format!("/api/v1/hazards/{}/actions", self.hazard), body)
    }

    /// A step of the one case there is.
    fn case_step(&self, login: &str, body: &Value) {
        let (_, token) = self.tokens.iter().find(|(known, _)| *known == login).unwrap();
        let list = self.get(login, "/api/v1/supervision");
        let path = format!("{}/api/v1/supervision/{}", self.base, list["cases"][0]["id"]);
        let bearer = format!("Bearer {token}");
        let seen = ureq::get(&path).header("authorization", &bearer).call().unwrap();
        let etag = seen.headers()["etag"].to_str().unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let request = agent
            .post(format!("{path}/actions"))
            .header("authorization", &bearer)
            .header("if-match", etag);
        let mut answer = request.send_json(body).unwrap();
        let said = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{body}: {said}");
    }

    fn get(&self, login: &str, path: &str) -> Value {
        let (_, token) = self.tokens.iter().find(|(known, _)| *known == login).unwrap();
        Api::new(&self.base).with_token(token).get(path)
    }

    fn status(&self) -> String {
        let whole = self.get("sun", &format!("/api/v1/hazards/{}", self.hazard));
        whole["status"].as_str().unwrap().to_owned()
    }

    /// The page said the same as the interface says, and nothing came of either.
    fn refused_alike(&self, said: &str, login: &str, body: &Value, code: &str) {
        let before = self.status();
        let (status, problem) = self.post(login, body);
        assert!(
            (400..500).contains(&status),
            "{login} {body}: {status} {problem:#}"
        );
        assert_eq!(problem["code"], code, "{problem:#}");
        let why = problem["detail_zh"].as_str().unwrap();
        assert!(
            said.contains(why),
            "the page says {said:?}, the interface {why:?}"
        );
        assert_eq!(self.status(), before);
    }

    fn upload(&self, login: &str) -> Value {
        let (_, token) = self.tokens.iter().find(|(known, _)| *known == login).unwrap();
        let url = format!("{}/api/v1/attachments?name=photo.jpg", self.base);
        let mut answer = ureq::post(&url)
            .header("authorization", format!("Bearer {token}"))
            .send(PHOTO)
            .unwrap();
        let kept: Value = answer.body_mut().read_json().unwrap();
        json!([{ "sha256": kept["sha256"] }])
    }

    fn picture(&self, name: &str) {
        self.taken.set(self.taken.get() + 1);
        let path = self.pictures.join(format!("{:02}-{name}.png", self.taken.get()));
        let picture = self.browser.picture();
        assert!(picture.len() > 8_000, "{name}: an empty picture");
        std::fs::write(path, picture).unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let stopped = self.runtime.block_on(running.shutdown(Duration::from_secs(10)));
            assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
        }
    }
}

/// So many days from the stage's now, as a date field has it.
fn day(stage: &Stage, days: i64) -> String {
    let at = vigil_gateway::view::Time(UtcMillis(stage.clock.now().0 + days * DAY_MS));
    at.to_string()[..10].to_owned()
}

/// The use unit confirms and has it rectified; five must be in place.
fn decide(stage: &Stage) {
    stage.sign_in("wang", "/today");
    let work = stage.text("main");
    assert!(work.contains("待核实") && work.contains("1号锅炉"), "{work}");
    stage.picture("site-work-list");
    stage
        .browser
        .click(&format!("main a[href^='/hazards/{}']", stage.hazard));
    stage.browser.arrives(&stage.hazard);
    assert!(
        stage.text(".badges").contains("疑似重大隐患"),
        "{}",
        stage.text(".badges")
    );
    stage.picture("suspected-by-telemetry");
    stage.step("confirm", &[("text", "现场压力表读数与遥测一致")]);
    stage.picture("site-confirms");
    stage.step("interim", &[("text", "降负荷至 60%，专人值守")]);

    stage.fill("assign", &[("person", "赵维保"), ("leader", "王安全")]);
    let said = stage.send_anyway("assign");
    stage.picture("refused-five-not-in-place");
    let asked = json!({"action": "assign", "assignment": {"unit": "FIX", "person": "赵维保"}});
    stage.refused_alike(&said, "wang", &asked, "five_in_place");
    for field in ["measures", "funds", "deadline", "emergency_plan"] {
        assert!(
            stage.has(&format!("#assign-{field}-error")),
            "{field} is wrong and not marked"
        );
    }
    let kept = stage.ask("return document.querySelector('#assign-person').value");
    assert_eq!(kept, "赵维保", "nothing typed is lost");
    let deadline = day(stage, 20);
    stage.step(
        "assign",
        &[
            ("measures", "更换安全阀并校验压力表"),
            ("funds", "2 万元，维修基金"),
            ("deadline", &deadline),
            ("emergency_plan", "超压即停炉泄压，疏散锅炉房"),
        ],
    );
    assert_eq!(stage.status(), "assigned");
    stage.picture("site-assigns-five-in-place");
}

/// The regulator puts it under listed supervision; of two who act at once only one wins.
fn supervise(stage: &Stage) {
    stage.at_hazard("sun");
    assert!(!stage.has("#do-list"), "a hazard is listed by a case");
    stage
        .browser
        .click_through("a[href^='/supervision/new?kind=listed']");
    for (field, text) in [
        ("s-issuer", "海城市市场监督管理局"),
        ("s-demands", "立即停用，更换安全阀并校验"),
    ] {
        stage.browser.write(&format!("#{field}"), text);
    }
    let deadline = day(stage, 60);
    stage.ask(&format!(
        "document.querySelector('#s-deadline').value = {deadline:?}"
    ));
    stage.picture("regulator-issues-a-case");
    stage.browser.click_through("main form button");
    stage.browser.arrives(&format!("{}/supervision/", stage.base));
    stage.picture("the-case");
    stage.at_hazard("sun");
    assert!(
        stage.text(".badges").contains("挂牌督办"),
        "{}",
        stage.text(".badges")
    );
    stage.picture("regulator-lists");
    // Meanwhile, on another machine.
    stage.fill("comment", &[("text", "请加快整改")]);
    let (status, answer) = stage.post("wang", &json!({"action": "comment", "reason": "备件已订"}));
    assert_eq!(status, 200, "{answer:#}");
    let said = stage.send_anyway("comment");
    assert!(
        said.contains("已有人办理过") && said.contains("备件已订"),
        "{said}"
    );
    stage.picture("changed-meanwhile");
    let kept = stage.ask("return document.querySelector('#comment-text').value");
    assert_eq!(kept, "请加快整改");
    stage.send("comment");
}

/// The maintainer rectifies, with the administrator's help, and shows it.
fn rectify(stage: &Stage) {
    stage.sign_in("zhao", "/today");
    assert!(
        stage.text("main").contains("待开始整改"),
        "{}",
        stage.text("main")
    );
    stage.picture("maintainer-work-list");
    stage.at_hazard("zhao");
    stage.step("start", &[]);
    stage.step("progress", &[("percent", "50"), ("text", "安全阀已拆下送校")]);
    stage.picture("maintainer-rectifies");
    // Who takes a hand in it does not accept it later.
    stage.at_hazard("root");
    stage.step("progress", &[("percent", "90"), ("text", "协助更换压力表")]);

    stage.at_hazard("zhao");
    stage.fill("self_check", &[("text", "新阀整定 1.1 MPa，校验合格")]);
    let said = stage.send_anyway("self_check");
    stage.picture("refused-no-photo");
    let asked = json!({"action": "self_check", "reason": "已换", "attachments": []});
    stage.refused_alike(&said, "zhao", &asked, "evidence_required");
    assert!(stage.has("#self_check-files-error"));
    stage.add_photo("self_check");
    stage.send("self_check");
    assert_eq!(stage.status(), "self_checked");
    assert!(stage.text(".timeline").contains("现场照片.jpg"));
    stage.step("request_acceptance", &[("text", "请现场验收")]);
    stage.picture("maintainer-asks-for-acceptance");
}

/// Who rectified it does not judge it, nor does who is not the regulator.
fn judge(stage: &Stage) {
    let said = stage.forge("accept", "本人认为合格");
    stage.picture("refused-maintainer-accepts");
    let files = stage.upload("zhao");
    let accept = |files: &Value| json!({"action": "accept", "reason": "合格", "attachments": files});
    stage.refused_alike(&said, "zhao", &accept(&files), "role_not_allowed");

    stage.at_hazard("root");
    assert!(
        !stage.has("#do-accept"),
        "who took a hand in it is offered no acceptance"
    );
    let blocked = stage.text(".blocked");
    let said = stage.forge("accept", "合格");
    stage.picture("refused-rectifier-accepts");
    let files = stage.upload("root");
    stage.refused_alike(&said, "root", &accept(&files), "duties_not_separate");
    stage.refused_alike(&blocked, "root", &accept(&files), "duties_not_separate");

    stage.at_hazard("qian");
    assert!(stage.text(".blocked").contains("监察机构"), "who could is said");
    stage.picture("inspector-sees-whose-turn-it-is");

    stage.at_hazard("sun");
    stage.fill("accept", &[("text", "现场核查：新阀铅封完好，整定记录齐全")]);
    stage.add_photo("accept");
    stage.send("accept");
    assert_eq!(stage.status(), "accepted");
    stage.picture("regulator-accepts");
    let said = stage.forge("delist", "整改到位");
    let delist = json!({"action": "delist", "reason": "整改到位"});
    stage.refused_alike(&said, "sun", &delist, "delisted_with_case");
    stage.picture("refused-delisting-beside-the-case");
    stage.at_hazard("sun");
    stage.step("strike_off", &[("text", "符合销号条件")]);
    assert_eq!(stage.status(), "struck_off");
    stage.picture("regulator-strikes-off");

    // The case ends with it: who inspected it reports, who issued it delists.
    let report = json!({"action": "report_acceptance", "people": "钱检验", "reason": "验收合格", "attachments": stage.upload("qian")});
    stage.case_step("sun", &json!({"action": "file", "place": "市安委办"}));
    let published = json!({"action": "publish", "place": "www.example.gov.cn", "reason": "全文"});
    stage.case_step("sun", &published);
    stage.case_step("qian", &report);
    stage.case_step("sun", &json!({"action": "delist", "reason": "隐患已消除"}));
    stage.at_hazard("sun");
    assert!(
        !stage.text(".badges").contains("挂牌督办"),
        "{}",
        stage.text(".badges")
    );
}

/// 30 and 90 days later somebody looks again, and telemetry is asked too.
fn look_back(stage: &mut Stage) {
    stage.at_hazard("qian");
    let blocked = stage.text(".blocked");
    let passed = json!({"action": "look_back", "passed": true, "reason": "正常"});
    stage.refused_alike(&blocked, "qian", &passed, "look_back_too_early");
    stage.picture("inspector-look-back-not-due");
    for (login, days, name) in [
        ("qian", 30, "inspector-looks-back"),
        ("sun", 60, "regulator-looks-back"),
    ] {
        stage.later(days * DAY_MS);
        stage.pressure("DDATA", 0.8);
        let path = format!("/api/v1/hazards/{}", stage.hazard);
        let (_, token) = stage.tokens.iter().find(|(known, _)| *known == "sun").unwrap();
        let due = |whole: &Value| {
            let history = whole["history"].as_array().unwrap();
            history.last().unwrap()["event"] == "look_back_due"
        };
        let api = Api::new(&stage.base).with_token(token);
        api.wait_until(&path, Duration::from_secs(60), due);
        stage.sign_in(login, "/today");
        assert!(
            stage.text("main").contains("“回头看”到期"),
            "{}",
            stage.text("main")
        );
        stage.at_hazard(login);
        stage.fill("look_back", &[("text", "压力平稳，安全阀铅封完好")]);
        stage.browser.click("#look_back-passed-yes");
        stage.send("look_back");
        stage.picture(name);
    }
    assert_eq!(stage.status(), "looked_back");
    stage.step("close", &[("text", "闭环归档")]);
    assert_eq!(stage.status(), "closed");
    stage.picture("regulator-closes");
}

/// Who only reads sees all of it and changes nothing; who has nothing to do with it sees nothing.
fn read(stage: &Stage) {
    stage.at_hazard("li");
    assert!(!stage.has("form.act"), "a department has no forms");
    stage.picture("department-reads");
    let before = stage.get("sun", &format!("/api/v1/hazards/{}", stage.hazard))["events"].clone();
    stage.ask(&format!(
        "const form = document.createElement('form'); form.method = 'post'; form.action = '/hazards/{}/actions'; \
         const csrf = document.querySelector('[name=csrf]').value; \
         for (const [name, value] of [['csrf', csrf], ['step', 'comment'], ['text', 'x']]) {{ \
         const field = document.createElement('input'); field.name = name; field.value = value; form.append(field); }} \
         const send = document.createElement('button'); send.id = 'forged'; send.textContent = 'x'; form.append(send); \
         document.querySelector('main').prepend(form);",
        stage.hazard
    ));
    stage.browser.click_through("#forged");
    stage.browser.arrives("/actions");
    assert!(
        stage.text("main").contains("您的角色不能"),
        "{}",
        stage.text("main")
    );
    stage.picture("refused-department-acts");
    let (status, problem) = stage.post("li", &json!({"action": "comment", "reason": "x"}));
    assert_eq!(status, 403, "{problem:#}");
    assert!(
        problem["detail"].as_str().unwrap().contains("role"),
        "{problem:#}"
    );
    let whole = stage.get("sun", &format!("/api/v1/hazards/{}", stage.hazard));
    assert_eq!(whole["events"], before, "nothing came of it");

    stage.at_hazard("stranger");
    assert!(
        stage.text("main").contains("没有这个页面"),
        "{}",
        stage.text("main")
    );
    stage.picture("stranger-sees-nothing");
}

/// Elements that reach beyond the page, other than inside what scrolls by itself.
const STICKING_OUT: &str = r#"
    const wide = document.documentElement.clientWidth;
    return [...document.querySelectorAll("body *")]
        .filter((one) => !one.closest(".scroll, .hide, .skip, svg") && one.getClientRects().length > 0)
        .filter((one) => one.getBoundingClientRect().right > wide + 1)
        .map((one) => one.tagName + "." + one.className + " " + one.textContent.trim().slice(0, 60));
"#;

/// The record of it is whole, and says who did what in which order.
fn prove(stage: &Stage) {
    let whole = stage.get("li", &format!("/api/v1/hazards/{}", stage.hazard));
    assert_eq!(whole["chain"]["verified"], true, "{:#}", whole["chain"]);
    let mut wanted = vec![
        ("opened", ""),
        ("confirmed", "wang"),
        ("interim_measure", "wang"),
        ("assigned", "wang"),
        ("listed", "sun"),
        ("rectification_started", "zhao"),
        ("progress", "root"),
        ("self_checked", "zhao"),
        ("acceptance_requested", "zhao"),
        ("accepted", "sun"),
        ("struck_off", "sun"),
        ("delisted", "sun"),
        ("look_back_due", ""),
        ("looked_back", "qian"),
        ("look_back_due", ""),
        ("looked_back", "sun"),
        ("closed", "sun"),
    ]
    .into_iter()
    .peekable();
    for event in whole["history"].as_array().unwrap() {
        let said = (
            event["event"].as_str().unwrap(),
            event["actor"].as_str().unwrap_or_default(),
        );
        let _seen = wanted.next_if_eq(&said);
    }
    assert_eq!(
        wanted.next(),
        None,
        "missing, or out of order: {:#}",
        whole["history"]
    );

    let record = format!("/hazards/{}", stage.hazard);
    for (name, login, path) in [
        ("whole-record", "sun", record.as_str()),
        ("regulator-work-list", "sun", "/today"),
        ("hazard-list", "sun", "/hazards?status=all"),
        ("report-by-hand", "wang", "/hazards/new?equipment=boiler-1"),
    ] {
        for width in [1280, 390] {
            stage.browser.resize(width);
            stage.sign_in(login, path);
            assert_eq!(stage.ask(STICKING_OUT), json!([]), "{path} at {width} px");
            stage.picture(&format!("{name}-{width}"));
        }
    }
    stage.at_hazard("sun");
    let paper = stage.browser.paper();
    assert!(paper.starts_with(b"%PDF"));
    std::fs::write(stage.pictures.join("whole-record.pdf"), paper).unwrap();
}

#[test]
fn a_major_hazard_goes_from_telemetry_to_its_last_look_back_by_the_forms_alone() {
    let place = Place::new("loop");
    let mut stage = Stage::new(&place);
    stage.detect();
    decide(&stage);
    supervise(&stage);
    rectify(&stage);
    judge(&stage);
    look_back(&mut stage);
    read(&stage);
    prove(&stage);
}
