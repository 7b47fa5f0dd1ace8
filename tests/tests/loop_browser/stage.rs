//! A gateway in this process, a browser, those who act, and what they do in a page.

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

pub(super) const DAY_MS: i64 = 86_400_000;
const PASSWORD: &str = "the drum is warm today";
/// Codes of the units.
pub(super) const HEAT: &str = "91210381MA0WHEAT8F";
pub(super) const FIX: &str = "91210381MA0WFYX19Q";
pub(super) const INSP: &str = "91210300MA0WNJY26B";
const OTHER: &str = "91210381MA0WTHER0P";
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
use_unit = "91210381MA0WHEAT8F"
maintenance_unit = "91210381MA0WFYX19Q"
inspection_body = "91210300MA0WNJY26B"
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
    ("wang", "王安全（使用单位）", Role::Site, Some(HEAT), &[]),
    ("zhao", "赵维保", Role::Maintainer, Some(FIX), &[]),
    ("qian", "钱检验", Role::InspectionBody, Some(INSP), &[]),
    ("sun", "孙监察", Role::Regulator, None, &["2103"]),
    ("li", "李部门", Role::Department, None, &["21"]),
    ("root", "周管理", Role::Administrator, None, &[]),
    ("stranger", "外人", Role::Site, Some(OTHER), &[]),
];

/// A gateway in this process, with a clock that moves when told: look-backs are months away.
pub(super) struct Stage {
    pub(super) runtime: Runtime,
    running: Option<Running>,
    pub(super) clock: Clock,
    edge: Edge,
    pub(super) browser: Browser,
    pub(super) base: String,
    pub(super) hazard: String,
    /// Address of the case on it, such as `/supervision/1`.
    pub(super) case: String,
    /// Login and API token.
    tokens: Vec<(&'static str, String)>,
    pub(super) pictures: PathBuf,
    taken: Cell<u32>,
    photo: PathBuf,
}

impl Stage {
    pub(super) fn new(place: &Place) -> Self {
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
            case: String::new(),
            tokens,
            pictures,
            taken: Cell::new(0),
            photo,
        }
    }

    pub(super) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(super) fn later(&self, ms: i64) {
        self.clock.set(UtcMillis(self.clock.now().0 + ms));
    }

    /// A second later the boiler says its pressure.
    pub(super) fn pressure(&mut self, kind: &str, mpa: f64) {
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
    pub(super) fn detect(&mut self) {
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
    pub(super) fn sign_in(&self, login: &str, path: &str) {
        let browser = &self.browser;
        browser.open(&format!("{}/sign-in?lang=zh", self.base));
        browser.forget();
        let next = path.replace('&', "%26");
        browser.open(&format!("{}/sign-in?lang=zh&next={next}", self.base));
        browser.write("#login", login);
        browser.write("#password", PASSWORD);
        browser.click_through("main form button");
        // With the host: the sign-in page has the path in its own address.
        browser.arrives(&format!("{}{path}", self.base));
    }

    pub(super) fn at_hazard(&self, login: &str) {
        self.sign_in(login, &format!("/hazards/{}", self.hazard));
    }

    pub(super) fn at_case(&self, login: &str) {
        self.sign_in(login, &self.case);
    }

    /// What a script says about the page; pages themselves run none.
    pub(super) fn ask(&self, script: &str) -> Value {
        self.browser.scripts(true);
        let said = self.browser.run(script);
        self.browser.scripts(false);
        said
    }

    pub(super) fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?})?.textContent ?? ''");
        self.ask(&script).as_str().unwrap().to_owned()
    }

    pub(super) fn has(&self, selector: &str) -> bool {
        let script = format!("return document.querySelector({selector:?}) !== null");
        self.ask(&script) == json!(true)
    }

    /// Folds out what the form is in, and fills it in.
    pub(super) fn fill(&self, step: &str, fields: &[(&str, &str)]) {
        let script = format!(
            "const form = document.querySelector('#do-{step}'); const fold = form.closest('details'); if (fold) {{ fold.open = true; }}"
        );
        self.ask(&script);
        for (field, value) in fields {
            let selector = format!("#do-{step} [name={field}]");
            // How a date is typed depends on the browser's country.
            self.ask(&format!("document.querySelector({selector:?}).value = ''"));
            if ["deadline", "until", "on"].contains(field) {
                self.ask(&format!("document.querySelector({selector:?}).value = {value:?}"));
            } else {
                self.browser.write(&selector, value);
            }
        }
    }

    pub(super) fn add_photo(&self, step: &str) {
        self.browser.write(
            &format!("#do-{step} [type=file]"),
            &self.photo.display().to_string(),
        );
    }

    /// Sends a form that is expected to be taken.
    pub(super) fn send(&self, step: &str) {
        self.browser.click_through(&format!("#do-{step} button"));
        self.browser.arrives("#timeline");
    }

    pub(super) fn step(&self, step: &str, fields: &[(&str, &str)]) {
        self.fill(step, fields);
        self.send(step);
    }

    /// Sends a form that lacks something, from a browser that does not check.
    pub(super) fn send_anyway(&self, step: &str) -> String {
        self.ask(&format!("document.querySelector('#do-{step}').noValidate = true"));
        self.browser.click_through(&format!("#do-{step} button"));
        self.browser.arrives("/actions");
        self.text("[role=alert]")
    }

    /// Turns the form for comments into one for a step that is not offered.
    pub(super) fn forge(&self, step: &str, text: &str) -> String {
        self.forge_with("comment", step, text)
    }

    /// Turns the form of one step into one for another.
    pub(super) fn forge_with(&self, form: &str, step: &str, text: &str) -> String {
        self.fill(form, &[("text", text)]);
        self.ask(&format!(
            "document.querySelector('#do-{form} [name=step]').value = {step:?}"
        ));
        self.send_anyway(form)
    }

    /// Sends a step from a page that has no form for any.
    pub(super) fn forge_bare(&self, step: &str) -> String {
        self.ask(&format!(
            "const form = document.createElement('form'); form.method = 'post'; form.action = '/hazards/{}/actions'; \
             const csrf = document.querySelector('[name=csrf]').value; \
             for (const [name, value] of [['csrf', csrf], ['step', '{step}'], ['text', 'x']]) {{ \
             const field = document.createElement('input'); field.name = name; field.value = value; form.append(field); }} \
             const send = document.createElement('button'); send.id = 'forged'; send.textContent = 'x'; form.append(send); \
             document.querySelector('main').prepend(form);",
            self.hazard
        ));
        self.browser.click_through("#forged");
        self.browser.arrives("/actions");
        self.text("main")
    }

    fn token(&self, login: &str) -> &str {
        let found = self.tokens.iter().find(|(known, _)| *known == login);
        &found.unwrap().1
    }

    /// The interface, for one of the cast.
    pub(super) fn api(&self, login: &str) -> Api {
        Api::new(&self.base).with_token(self.token(login))
    }

    /// A step of the hazard over the interface: status and problem.
    pub(super) fn post(&self, login: &str, body: &Value) -> (u16, Value) {
        self.api(login).step(&self.hazard, body)
    }

    /// A step of the case over the interface, based on its state now: status and problem.
    fn post_case(&self, login: &str, body: &Value) -> (u16, Value) {
        self.post_tagged(login, &format!("/api/v1{}", self.case), "/actions", body)
    }

    /// Changes what stands at `path` by what is posted below it, as it was just seen.
    pub(super) fn post_tagged(&self, login: &str, path: &str, below: &str, body: &Value) -> (u16, Value) {
        let path = format!("{}{path}", self.base);
        let bearer = format!("Bearer {}", self.token(login));
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let seen = agent.get(&path).header("authorization", &bearer).call().unwrap();
        let etag = seen.headers()["etag"].to_str().unwrap();
        let request = agent
            .post(format!("{path}{below}"))
            .header("authorization", &bearer)
            .header("if-match", etag);
        let mut answer = request.send_json(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    pub(super) fn get(&self, login: &str, path: &str) -> Value {
        self.api(login).get(path)
    }

    pub(super) fn status(&self) -> String {
        let whole = self.get("sun", &format!("/api/v1/hazards/{}", self.hazard));
        whole["status"].as_str().unwrap().to_owned()
    }

    /// The page said the same as the interface says, and nothing came of either.
    pub(super) fn refused_alike(&self, said: &str, login: &str, body: &Value, code: &str) {
        let before = self.status();
        let answer = self.post(login, body);
        same_reason(said, login, body, &answer, code);
        assert_eq!(self.status(), before);
    }

    /// The same of the case.
    pub(super) fn case_refused_alike(&self, said: &str, login: &str, body: &Value, code: &str) {
        let before = self.case_status();
        let answer = self.post_case(login, body);
        same_reason(said, login, body, &answer, code);
        assert_eq!(self.case_status(), before);
    }

    /// State of the case, and how much has happened to it.
    pub(super) fn case_status(&self) -> (String, Value) {
        let case = self.get("root", &format!("/api/v1{}", self.case));
        (
            case["status"].as_str().unwrap().to_owned(),
            case["events"].clone(),
        )
    }

    pub(super) fn upload(&self, login: &str) -> Value {
        let token = self.token(login);
        let url = format!("{}/api/v1/attachments?name=photo.jpg", self.base);
        let mut answer = ureq::post(&url)
            .header("authorization", format!("Bearer {token}"))
            .send(PHOTO)
            .unwrap();
        let kept: Value = answer.body_mut().read_json().unwrap();
        json!([{ "sha256": kept["sha256"] }])
    }

    pub(super) fn picture(&self, name: &str) {
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
pub(super) fn day(stage: &Stage, days: i64) -> String {
    let at = vigil_gateway::view::Time(UtcMillis(stage.clock.now().0 + days * DAY_MS));
    at.to_string()[..10].to_owned()
}

/// An answer of the interface refuses, and says why as the page said it.
fn same_reason(said: &str, login: &str, body: &Value, (status, problem): &(u16, Value), code: &str) {
    assert!(
        (400..500).contains(status),
        "{login} {body}: {status} {problem:#}"
    );
    assert_eq!(problem["code"], code, "{problem:#}");
    let why = problem["detail_zh"].as_str().unwrap();
    assert!(
        said.contains(why),
        "the page says {said:?}, the interface {why:?}"
    );
}
