//! A gateway without a broker behind its API: messages go straight into the engine.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests; not every test file uses all of them"
)]

use crate::harness::*;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use vigil_core::Pipeline;
use vigil_core::output::Command;
use vigil_core::people::{Role, Scope};
use vigil_gateway::api;
use vigil_gateway::app::App;
use vigil_gateway::clock::Clock;
use vigil_gateway::config::Config;
use vigil_gateway::engine::{Engine, EngineOptions, EngineParts, Outlet, restore};
use vigil_gateway::ingest::{Delivery, Incoming};
use vigil_gateway::metrics::Registry;
use vigil_gateway::outbox::Board;
use vigil_gateway::people::{People, TokenScope, UserFacts};
use vigil_gateway::secrets::AdminToken;
use vigil_protocol::time::UtcMillis;

/// Nobody listens.
struct Nowhere;

impl Outlet for Nowhere {
    fn acknowledge(&self, _delivery: Delivery) {}

    fn command(&self, _command: &Command) -> bool {
        true
    }
}

pub struct Site {
    pub app: App,
    pub router: Router,
    pub token: String,
    pub now: i64,
    messages: mpsc::Sender<Incoming>,
    sent: u64,
    journal: u64,
    engine: Engine,
    dir: tempfile::TempDir,
}

/// An answer: status, headers, body as JSON (or as a string).
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Site {
    /// A user who may come in; the secret of a token that reads and acts for him.
    pub async fn user(&self, login: &str, role: Role, unit: Option<&str>, areas: &[&str]) -> String {
        let facts = UserFacts {
            name: login.to_owned(),
            role,
            unit: unit.map(Into::into),
            areas: areas.iter().map(|area| Arc::from(*area)).collect(),
            language: None,
            phone: None,
            active: true,
        };
        let people = &self.app.people;
        people
            .add_user(login, &facts, "the drum is warm today")
            .await
            .unwrap();
        let scopes = [TokenScope::Act, TokenScope::Read];
        people.add_token(login, "app", &scopes, 365).await.unwrap().secret
    }

    /// Whose a piece of equipment is, as if the register had said so.
    pub async fn belongs(&self, equipment: &str, scope: Scope) {
        let mut write = self.app.desk.begin().await.unwrap();
        vigil_gateway::desk::scopes::register(write.connection().unwrap(), equipment, &scope)
            .await
            .unwrap();
        write.commit().await.unwrap();
        self.app.people.scopes().set(equipment, scope);
    }

    /// A gateway that has heard nothing.
    pub async fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (writer, reader) = open(dir.path()).await;
        let mut config = Config::default();
        config.store.data = dir.path().to_owned();
        let (catalog, config) = (Arc::new(catalog()), Arc::new(config));
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
            router: api::router(app.clone()),
            token: std::fs::read_to_string(path).unwrap().trim().to_owned(),
            app,
            now: T0,
            messages,
            sent: 0,
            journal: 0,
            engine,
            dir,
        }
    }

    /// The boiler is born and has said a few normal values.
    pub async fn boiler() -> Self {
        let mut site = Self::empty().await;
        site.send(NBIRTH, node_birth(T0, 0, 7)).await;
        site.send(DBIRTH, boiler_birth(T0)).await;
        for _ in 0..3 {
            site.pressure(0.8).await;
        }
        site.settle().await;
        site
    }

    /// And then too much pressure for long enough.
    pub async fn with_hazard() -> (Self, String) {
        let mut site = Self::boiler().await;
        for _ in 0..8 {
            site.pressure(1.03).await;
        }
        site.settle().await;
        let open = site.get("/api/v1/hazards").await;
        let id = open.body["hazards"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{:#}", open.body))
            .to_owned();
        (site, id)
    }

    /// Time goes on to `ms` after the start.
    pub fn at(&mut self, ms: i64) {
        self.now = T0 + ms;
        self.app.clock.set(UtcMillis(self.now));
    }

    pub async fn send(&mut self, topic: &str, payload: Vec<u8>) {
        self.sent += 1;
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
    }

    /// A second later the boiler says its pressure.
    pub async fn pressure(&mut self, mpa: f64) {
        self.at(self.now - T0 + 1_000);
        let payload = pressure(self.now, (self.journal + 2) as u8, self.journal, mpa, false);
        self.journal += 1;
        self.send(DDATA, payload).await;
    }

    /// Everything sent is committed.
    pub async fn settle(&self) {
        let sent = self.sent;
        until("all messages are committed", async || {
            (self.app.engine.health().position.0 >= sent).then_some(())
        })
        .await;
    }

    /// A millisecond later the node is born again: one event.
    pub async fn rebirth(&mut self) {
        self.at(self.now - T0 + 1);
        self.send(NBIRTH, node_birth(self.now, (self.now - T0) % 256, 7))
            .await;
    }

    pub fn database(&self) -> std::path::PathBuf {
        self.dir.path().join("vigil.db")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    /// As whoever has the admin token sees it.
    pub async fn get_as_admin(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        self.ask(Method::GET, path, &[("authorization", &bearer)], "")
            .await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask(Method::POST, path, headers, body).await
    }

    /// Posts JSON with the admin token and one more header.
    pub async fn post_json(&self, path: &str, header: Option<(&str, &str)>, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        headers.extend(header);
        self.post(path, &headers, &body.to_string()).await
    }

    /// Uploads a file with the admin token.
    pub async fn upload(&self, name: &str, bytes: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/v1/attachments?name={name}"))
            .header("authorization", bearer)
            .header("content-length", bytes.len())
            .body(Body::from(bytes.to_vec()))
            .unwrap();
        self.answer("upload", request).await
    }

    /// The `ETag` of a hazard as it is now.
    pub async fn state(&self, hazard: &str) -> String {
        let found = self.app.store.hazard(hazard).await.unwrap();
        format!("\"{}\"", found.map_or(0, |hazard| hazard.events))
    }

    /// Takes a step with the admin token, as somebody who has just looked at the hazard.
    pub async fn act(&self, hazard: &str, key: Option<&str>, body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let state = self.state(hazard).await;
        headers.push(("if-match", &state));
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.post(&format!("/api/v1/hazards/{hazard}/actions"), &headers, body)
            .await
    }

    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask_bytes(method, path, headers, body.as_bytes().to_vec())
            .await
    }

    /// The body as it is.
    pub async fn get_bytes(&self, path: &str, token: &str) -> Vec<u8> {
        let request = Request::builder()
            .uri(path)
            .header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::empty()).unwrap();
        let response = within(path, self.router.clone().oneshot(request)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        within(path, to_bytes(response.into_body(), usize::MAX))
            .await
            .unwrap()
            .to_vec()
    }

    pub async fn ask_bytes(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        self.answer(path, request).await
    }

    async fn answer(&self, path: &str, request: Request<Body>) -> Answer {
        let response = within(path, self.router.clone().oneshot(request)).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = within(path, to_bytes(body, usize::MAX)).await.unwrap();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}
