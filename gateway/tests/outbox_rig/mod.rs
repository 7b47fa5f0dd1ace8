//! An engine with an outbox and no broker: messages go straight in, events and points out.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests; not every test file uses all of them"
)]

use crate::harness::*;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use vigil_core::catalog::Catalog;
use vigil_core::hazard::HazardId;
use vigil_core::input::{Action, OperatorAction, Position};
use vigil_core::output::Command;
use vigil_core::pack::{Severity, builtin};
use vigil_core::{Pipeline, Settings};
use vigil_gateway::clock::Clock;
use vigil_gateway::engine::{Engine, EngineOptions, EngineParts, Outlet, restore};
use vigil_gateway::ingest::{Delivery, Incoming};
use vigil_gateway::metrics::Registry;
use vigil_gateway::outbox::{Board, Destination, Outbox, OutboxParts, Pauses, PointsOptions};
use vigil_gateway::sinks::http::{Client, Limits};
use vigil_gateway::sinks::influx::{Influx, Server};
use vigil_gateway::sinks::webhook::{Filter, Secret, Subscriber, Webhook};
use vigil_gateway::store::{self, OutboxFilter, OutboxRow, OutboxState, Reader, StoreOptions};
use vigil_protocol::time::UtcMillis;

struct Nowhere;

impl Outlet for Nowhere {
    fn acknowledge(&self, _ack: Delivery) {}

    fn command(&self, _command: &Command) -> bool {
        true
    }
}

pub const SECRET: &[u8] = b"whsec-0123456789abcdef";

/// Short, so that tests see many attempts.
pub const PAUSES: Pauses = Pauses {
    first: Duration::from_millis(5),
    longest: Duration::from_millis(40),
};

pub const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    answer: Duration::from_millis(400),
    body: 256,
};

pub struct Rig {
    pub engine: Engine,
    pub outbox: Outbox,
    pub reader: Reader,
    pub board: Board,
    pub clock: Clock,
    pub metrics: Arc<Registry>,
    messages: mpsc::Sender<Incoming>,
    pub sent: u64,
    /// Sequence numbers of the node, Sparkplug's and its journal's: a gateway that is started again goes on with them.
    pub seqs: (u8, u64),
    now: i64,
}

pub fn filter(events: &[&str]) -> Filter {
    Filter {
        events: events.iter().map(|&event| event.to_owned()).collect(),
        min_severity: Severity::S4,
        area_codes: Vec::new(),
        groups: Vec::new(),
    }
}

pub fn subscriber(name: &str, filter: Filter) -> Subscriber {
    Subscriber {
        name: name.into(),
        filter,
        base: "https://vigil.example.org".into(),
    }
}

pub fn destination(name: &str, url: &str, allow_private: bool) -> Destination {
    Destination {
        name: name.into(),
        webhook: Webhook {
            url: url.parse().unwrap(),
            secret: Secret::new(SECRET),
            client: Client::new(allow_private, LIMITS).unwrap(),
        },
        give_up_after_ms: 3_600_000,
    }
}

pub fn points(url: &str) -> PointsOptions {
    let server = Server {
        url: url.parse().unwrap(),
        org: "o".to_owned(),
        bucket: "b".to_owned(),
        token: "secret token".to_owned(),
    };
    PointsOptions {
        influx: Influx::new(server).unwrap(),
        target: url.to_owned(),
        batch_points: 50,
        linger: Duration::from_millis(10),
        backfill: true,
    }
}

impl Rig {
    /// Opens (or opens again) the database in `dir`.
    pub async fn start(
        dir: &Path,
        subscribers: Vec<Subscriber>,
        destinations: Vec<Destination>,
        points: Option<PointsOptions>,
    ) -> Self {
        let options = StoreOptions::new(dir.join("vigil.db"));
        // The process before may still be letting go.
        let (writer, reader) = until("the database is free", async || store::open(&options).await.ok()).await;
        let catalog = Arc::new(located_catalog());
        let mut pipeline = Pipeline::new(Arc::clone(&catalog), Settings::default());
        let restored = restore(&mut pipeline, &reader).await.unwrap();
        let clock = Clock::manual(UtcMillis(T0.max(restored.now.0)));
        let (messages, from) = mpsc::channel(100_000);
        let metrics = Arc::new(Registry::default());
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
                subscribers: subscribers.into(),
                ..EngineOptions::default()
            },
        });
        let board = Board::default();
        let parts = OutboxParts {
            engine: engine.handle.clone(),
            store: reader.clone(),
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
            board: board.clone(),
            catalog: tokio::sync::watch::Sender::new(catalog).subscribe(),
            settings: Settings::default(),
            pauses: PAUSES,
        };
        let outbox = Outbox::start(&parts, destinations, points);
        Self {
            engine,
            outbox,
            reader,
            board,
            clock,
            metrics,
            messages,
            sent: restored.position.0,
            seqs: (1, 0),
            now: T0,
        }
    }

    pub async fn send(&mut self, topic: &str, payload: Vec<u8>) {
        self.sent += 1;
        let message = Incoming {
            field: None,
            topic: topic.to_owned(),
            payload: payload.into(),
            retained: false,
            received: UtcMillis(self.now),
            ack: None,
        };
        self.messages.send(message).await.unwrap();
    }

    /// Time goes on.
    pub const fn at(&mut self, now: i64) {
        self.now = now;
    }

    pub async fn born(&mut self) {
        self.send(NBIRTH, node_birth(self.now, 0, 7)).await;
        self.send(DBIRTH, boiler_birth(self.now)).await;
        self.seqs.0 = 1;
    }

    /// So many readings, a second apart.
    pub async fn pressures(&mut self, mpa: f64, readings: usize) {
        for _ in 0..readings {
            self.now += 1_000;
            let (seq, journal) = (self.seqs.0.wrapping_add(1), self.seqs.1);
            let payload = pressure(self.now, seq, journal, mpa, false);
            self.seqs = (seq, journal + 1);
            self.send(DDATA, payload).await;
        }
        self.clock.set(UtcMillis(self.now));
    }

    /// Opens a hazard; its id.
    pub async fn hazard(&mut self) -> String {
        self.born().await;
        self.pressures(0.8, 3).await;
        self.pressures(1.03, 8).await;
        self.settle().await;
        let open = self
            .reader
            .hazards(&store::HazardFilter::default())
            .await
            .unwrap();
        open[0].id.0.to_string()
    }

    /// Remarks on a hazard: an event each.
    pub async fn comments(&self, hazard: &str, texts: impl IntoIterator<Item = String>) {
        for reason in texts {
            let action = OperatorAction {
                actor: "刘工".to_owned(),
                reason,
                idempotency_key: None,
                who: None,
                scope: None,
                action: Action::CommentHazard {
                    hazard: HazardId(hazard.into()),
                },
            };
            self.engine.handle.act(action).await.unwrap();
        }
    }

    pub async fn settle(&self) {
        within("the commit", self.engine.handle.committed(Position(self.sent))).await;
    }

    pub async fn rows(&self, state: OutboxState) -> Vec<OutboxRow> {
        let filter = OutboxFilter {
            state: Some(state),
            limit: 1_000,
            ..OutboxFilter::default()
        };
        let mut rows = self.reader.outbox(&filter).await.unwrap();
        rows.reverse();
        rows
    }

    /// Waits until so many rows are in this state.
    pub async fn until_rows(&self, state: OutboxState, wanted: usize) -> Vec<OutboxRow> {
        until(&format!("{wanted} rows {}", state.word()), async || {
            let rows = self.rows(state).await;
            (rows.len() >= wanted).then_some(rows)
        })
        .await
    }

    pub async fn stop(self) {
        self.outbox.stop(DEADLINE).await;
        self.engine.stop(DEADLINE).await.unwrap();
        self.reader.close().await;
    }
}

/// The harness's site with an area.
fn located_catalog() -> Catalog {
    let packs: Vec<_> = builtin().into_iter().map(Arc::new).collect();
    let text = CATALOG.replacen(
        "device = \"b\"\n",
        "device = \"b\"\n[equipment.register]\narea_code = \"210381\"\nuse_unit = \"海城供热\"\n",
        1,
    );
    let (catalog, findings) = Catalog::load(&[("equipment.toml", &text)], &packs);
    catalog.unwrap_or_else(|| panic!("{findings:#?}"))
}
