//! A gateway without a broker behind its pages: messages go straight into the engine.

use crate::harness::*;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use vigil_core::Pipeline;
use vigil_core::catalog::Catalog;
use vigil_core::output::Command;
use vigil_core::pack::builtin;
use vigil_gateway::app::App;
use vigil_gateway::clock::Clock;
use vigil_gateway::config::Config;
use vigil_gateway::engine::{Engine, EngineOptions, EngineParts, Outlet, restore};
use vigil_gateway::ingest::{Delivery, Incoming};
use vigil_gateway::metrics::Registry;
use vigil_gateway::outbox::Board;
use vigil_gateway::people::People;
use vigil_gateway::secrets::AdminToken;
use vigil_gateway::web;
use vigil_protocol::sparkplug::{Metric, MetricValue};
use vigil_protocol::time::UtcMillis;

/// Plain names, so that whatever is not English on an English page was not translated.
pub const PLAIN: &str = r#"
[[equipment]]
id = "boiler"
name = "1号锅炉"
name_en = "Boiler 1"
category = "1100"
node = "s/n1"
device = "b"
[equipment.register]
site = "热力站"
site_en = "Heating plant"
registration_no = "GL-11-0042"
use_unit = "ACME"
[equipment.nameplate]
rated_pressure = "1.0 MPa"
low_water_limit = "-75 mm"
low_water_alarm = "-50 mm"
high_water_alarm = "50 mm"
high_water_limit = "75 mm"
rated_evaporation = "4 t/h"

[[equipment]]
id = "lift"
name = "1号梯"
name_en = "Lift 1"
category = "3110"
node = "s/n1"
device = "l"
"#;

/// Names somebody chose to break pages with.
pub const HOSTILE: &str = r#"
[[equipment]]
id = "boiler"
name = "<script>alert(1)</script>"
name_en = "\"><img src=x onerror=alert(1)>"
category = "1100"
node = "s/n1"
device = "b"
[equipment.register]
site = "'><svg onload=alert(1)>"
registration_no = "</td><script>alert(2)</script>"
"</dl><script>" = "<b>bold</b>"
[equipment.nameplate]
rated_pressure = "1.0 MPa"
"#;

struct Nowhere;

impl Outlet for Nowhere {
    fn acknowledge(&self, _delivery: Delivery) {}

    fn command(&self, _command: &Command) -> bool {
        true
    }
}

pub struct Site {
    pub token: String,
    pub app: App,
    router: Router,
    now: i64,
    messages: mpsc::Sender<Incoming>,
    sent: u64,
    journal: u64,
    _engine: Engine,
    _dir: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Site {
    /// A gateway with this catalog that has heard nothing.
    pub async fn new(catalog: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (writer, reader) = open(dir.path()).await;
        let packs: Vec<_> = builtin().into_iter().map(Arc::new).collect();
        let (loaded, findings) = Catalog::load(&[("site.toml", catalog)], &packs);
        let catalog = Arc::new(loaded.unwrap_or_else(|| panic!("{findings:#?}")));
        let config = Arc::new(Config::default());
        let mut pipeline = Pipeline::new(Arc::clone(&catalog), config.core.clone());
        let restored = restore(&mut pipeline, &reader).await.unwrap();
        let clock = Clock::manual(UtcMillis(T0));
        let metrics = Arc::new(Registry::default());
        let (messages, from) = mpsc::channel(10_000);
        let engine = Engine::start(EngineParts {
            pipeline,
            restored,
            writer,
            reader: reader.clone(),
            messages: from,
            outlet: Box::new(Nowhere),
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
            options: EngineOptions {
                linger: Duration::from_millis(1),
                ..EngineOptions::default()
            },
        });
        let path = dir.path().join("admin.token");
        let (token, _) = AdminToken::load_or_create(&path).unwrap();
        let token = Arc::new(token);
        let desk = vigil_gateway::store::desk(&vigil_gateway::store::StoreOptions::new(
            dir.path().join("vigil.db"),
        ));
        let people = People::open(desk.clone(), Arc::clone(&token), clock.clone(), &catalog)
            .await
            .unwrap();
        let rules = vigil_gateway::desk::Rules::default();
        let app = App {
            reload: vigil_gateway::reload::ReloadHandle::never(),
            engine: engine.handle.clone(),
            store: reader,
            desk,
            people,
            attachments: dir.path().join("attachments").into(),
            lists: vigil_gateway::desk::lists::Lists::new(rules.clone(), dir.path().join("lists")),
            evidence: vigil_gateway::evidence::SigningKey::load_or_create(&dir.path().join("evidence.key"))
                .unwrap(),
            catalog,
            rules,
            config,
            token,
            started: UtcMillis(T0),
            clock,
            metrics,
            sinks: Board::default(),
            stopping: CancellationToken::new(),
        };
        app.engine.set_mqtt_connected(true);
        Self {
            token: std::fs::read_to_string(path).unwrap().trim().to_owned(),
            router: web::router(app.clone()),
            app,
            now: T0,
            messages,
            sent: 0,
            journal: 0,
            _engine: engine,
            _dir: dir,
        }
    }

    /// With this catalog, after too much pressure, a bad value, a stranger and a message of no meaning.
    pub async fn with_story(catalog: &str) -> (Self, String) {
        let mut site = Self::new(catalog).await;
        site.send(NBIRTH, node_birth(T0, 0, 7)).await;
        site.send(DBIRTH, boiler_birth(T0)).await;
        for mpa in [0.8, 0.9, 0.8, 1.03, 1.03, 1.03, 1.03, 1.03, 1.03, 1.03, 1.03, 0.8] {
            site.pressure(mpa).await;
        }
        let metrics = [
            named("<img src=x onerror=alert(3)>", MetricValue::Double(21.5)),
            named("steam_pressure", MetricValue::Str("<script>alert(4)</script>")),
        ];
        site.send("spBv1.0/x/DBIRTH/y/z", payload(site.now, Some(0), &metrics))
            .await;
        site.send("spBv1.0/s/DDATA/n1/b", vec![0xff; 9]).await;
        let implausible = Metric::aliased(2, MetricValue::Float(9_999.0)).at(UtcMillis(site.now + 1_000));
        site.at(1_000);
        site.send(
            DDATA,
            payload(site.now, Some(site.journal as u8 + 2), &[implausible]),
        )
        .await;
        site.settle().await;
        let hazards = site.get("/hazards?lang=en", "").await.body;
        let at = hazards
            .find("/hazards/HZ-")
            .unwrap_or_else(|| panic!("no hazard on {hazards}"));
        let id = hazards[at + 9..at + 9 + 19].to_owned();
        (site, id)
    }

    fn at(&mut self, ms: i64) {
        self.now += ms;
        self.app.clock.set(UtcMillis(self.now));
    }

    async fn send(&mut self, topic: &str, payload: Vec<u8>) {
        let received = UtcMillis(self.now);
        let message = Incoming {
            field: None,
            topic: topic.to_owned(),
            payload: payload.into(),
            retained: false,
            received,
            ack: None,
        };
        self.messages.send(message).await.unwrap();
        self.sent += 1;
    }

    async fn pressure(&mut self, mpa: f64) {
        self.at(1_000);
        let payload = pressure(self.now, self.journal as u8 + 2, self.journal, mpa, false);
        self.send(DDATA, payload).await;
        self.journal += 1;
    }

    async fn settle(&self) {
        let engine = &self.app.engine;
        until("the commit", async || {
            (engine.health().position.0 >= self.sent).then_some(())
        })
        .await;
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(Method::GET, path, cookie, "").await
    }

    pub async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        self.ask(Method::POST, path, cookie, form).await
    }

    async fn ask(&self, method: Method, path: &str, cookie: &str, form: &str) -> Answer {
        let kind = "application/x-www-form-urlencoded";
        self.ask_as(method, path, cookie, kind, form.as_bytes().to_vec())
            .await
    }

    /// Posts a form with a file, as a browser does.
    pub async fn post_file(&self, path: &str, cookie: &str, csrf: &str, name: &str, file: &[u8]) -> Answer {
        let mut body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--b\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--b--\r\n");
        self.ask_as(
            Method::POST,
            path,
            cookie,
            "multipart/form-data; boundary=b",
            body,
        )
        .await
    }

    /// Posts a form of several fields, and perhaps a file, as a browser does.
    pub async fn post_with_file(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
        file: Option<(&str, &[u8])>,
    ) -> Answer {
        let files: Vec<_> = file.into_iter().collect();
        self.post_named("file", path, cookie, fields, &files).await
    }

    /// Posts a form with fields and any number of files, as a browser does.
    pub async fn post_parts(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Answer {
        self.post_named("files", path, cookie, fields, files).await
    }

    async fn post_named(
        &self,
        field: &str,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        for (name, bytes) in files {
            let head = format!(
                "--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b--\r\n");
        let kind = "multipart/form-data; boundary=b";
        self.ask_as(Method::POST, path, cookie, kind, body).await
    }

    async fn ask_as(&self, method: Method, path: &str, cookie: &str, kind: &str, body: Vec<u8>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", cookie)
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 16 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}
