//! Starting and stopping the whole gateway, in one process and in order.

mod broker;
mod error;
mod opener;
mod reloading;
mod sinks;

pub use error::{Failure, RunError};
pub use opener::RegisterHazards;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::desk;
use crate::engine::{Engine, EngineHandle, EngineOptions, EngineParts, MqttOutlet, restore};
use crate::evidence::{self, SigningKey};
use crate::http;
use crate::metrics::Registry;
use crate::modbus::{LineSetup, ModbusPoller, StatusReader};
use crate::mqtt::{EmbeddedBroker, Handover, Intake, Mappings, NOT_HANDED_OVER, Publisher, Subscription};
use crate::outbox::{Board, Outbox, OutboxParts, Pauses};
use crate::people::People;
use crate::reload::{ConfigSource, ReloadHandle};
use crate::secrets::AdminToken;
use crate::store::{self, Retention, StoreOptions};
use crate::web;
use broker::{embedded, external, watch_connection};
use reloading::Reloading;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigil_core::Pipeline;
use vigil_core::catalog::Catalog;
use vigil_core::desk::DeskRules;
use vigil_core::json::Profiles;

/// Messages that may wait for the engine; the broker holds the rest.
const QUEUE: usize = 4_096;
/// How long each part of a stop may take.
const PART: Duration = Duration::from_secs(2);

/// How long the embedded broker may take to pass on what it was told last.
const LAST_WORD: Duration = Duration::from_millis(100);

/// What is not in the configuration.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The time.
    pub clock: Clock,
    /// How the engine batches; `None` = as configured.
    pub engine: Option<EngineOptions>,
    /// How large the database may get.
    pub page_limit: store::PageLimit,
    /// What is polled over Modbus.
    pub polled: Vec<LineSetup>,
    /// Where the configuration came from, to read it again; without it nothing is reloaded.
    pub source: Option<ConfigSource>,
    /// Mapping profiles of the configuration.
    pub profiles: Profiles,
    /// Names, deadlines and levels of the desk.
    pub desk: DeskRules,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            engine: None,
            page_limit: store::PageLimit::default(),
            polled: Vec::new(),
            source: None,
            profiles: Profiles::default(),
            desk: DeskRules::builtin(),
        }
    }
}

/// A running gateway.
#[derive(Debug)]
pub struct Running {
    /// Where pages and API are.
    pub http_addr: SocketAddr,
    /// Where the embedded broker listens, if it runs.
    pub mqtt_addr: Option<SocketAddr>,
    /// To ask and act without HTTP.
    pub engine: EngineHandle,
    /// What the pages see.
    pub app: App,
    /// How the devices polled over Modbus are.
    pub modbus: StatusReader,
    /// Whether the admin token was made by this start.
    pub token_is_new: bool,
    machine: Engine,
    broker: Option<EmbeddedBroker>,
    publisher: Arc<Publisher>,
    intake: Intake,
    outbox: Outbox,
    http: JoinHandle<()>,
    stopping: CancellationToken,
}

/// Starts everything: store, engine, broker, MQTT sessions, HTTP. When it returns, the ports are open
/// and the state of the last run is back; the MQTT session follows within moments.
///
/// # Errors
/// Anything that cannot be opened; nothing runs then.
pub async fn start(mut config: Config, catalog: Catalog, options: RunOptions) -> Result<Running, RunError> {
    let RunOptions {
        clock,
        engine,
        page_limit,
        polled,
        source,
        profiles,
        desk: rules,
    } = options;
    config.core.policy = Arc::clone(&rules.hazards);
    let rules = desk::Rules::new(rules);
    let started = clock.now();
    let data = config.data_dir();
    std::fs::create_dir_all(&data).map_err(|source| RunError::DataDir {
        path: data.clone(),
        source,
    })?;
    let (token, token_is_new) = AdminToken::load_or_create(&data.join("admin.token"))?;
    let evidence_key = SigningKey::load_or_create(&data.join("evidence.key"))?;
    let (config, catalog) = (Arc::new(config), Arc::new(catalog));
    let metrics = Arc::new(Registry::default());
    let destinations = sinks::destinations(&config)?;
    #[cfg(feature = "influx")]
    let points = sinks::points(&config)?;
    #[cfg(not(feature = "influx"))]
    sinks::refuse_points(&config)?;

    let store_options = StoreOptions {
        page_limit,
        ..StoreOptions::new(config.database())
    };
    let (writer, reader) = store::open(&store_options).await?;
    let desk = store::desk(&store_options);
    evidence::remember_packs(&desk, &catalog).await?;
    let mut pipeline = Pipeline::new(Arc::clone(&catalog), config.core.clone());
    let restored = restore(&mut pipeline, &reader).await?;
    tracing::info!(
        equipment = catalog.equipment.len(),
        position = restored.position.0,
        nodes = restored.nodes,
        replayed = restored.replayed,
        "state of the last run restored"
    );

    // Before anything else can fail late: the ports.
    let http_error = |source| RunError::Http {
        address: config.listen.http,
        source,
    };
    let listener = TcpListener::bind(config.listen.http).await.map_err(http_error)?;
    let http_addr = listener.local_addr().map_err(http_error)?;
    let stopping = CancellationToken::new();
    let heard = CancellationToken::new();
    let (messages_to, messages) = mpsc::channel(QUEUE);
    let mappings = Mappings::new(profiles);
    let handover = Handover {
        to: messages_to.clone(),
        clock: clock.clone(),
        mappings: mappings.clone(),
        heard: heard.clone(),
        stop: stopping.clone(),
    };
    let broker = embedded(&config, handover).await?;
    let endpoint = match &broker {
        Some(broker) => broker.own_endpoint(),
        None => external(&config)?,
    };

    // A broker in the same process is there at once; another may be down for long.
    let max_backoff = Duration::from_secs(if broker.is_some() { 1 } else { 30 });
    let publisher = Publisher::start(
        &endpoint,
        &format!("{}-commands", config.broker.client_id),
        max_backoff,
    );
    let publisher = Arc::new(publisher);
    let subscription = Subscription {
        client_id: config.broker.client_id.clone(),
        host_id: config.broker.host_id.clone(),
        filters: vec![
            if broker.is_some() {
                NOT_HANDED_OVER
            } else {
                "spBv1.0/#"
            }
            .to_owned(),
        ],
        // The embedded broker hands them over.
        mappings: broker.is_none().then(|| mappings.clone()),
        max_backoff,
    };
    let intake = Intake::start(&endpoint, subscription, clock.clone(), messages_to.clone());
    let outlet = MqttOutlet {
        acker: intake.acker(),
        publisher: Arc::clone(&publisher),
        clock: clock.clone(),
    };
    let machine = Engine::start(EngineParts {
        pipeline,
        restored,
        writer,
        reader: reader.clone(),
        messages,
        outlet: Box::new(outlet),
        clock: clock.clone(),
        metrics: Arc::clone(&metrics),
        options: EngineOptions {
            subscribers: sinks::subscribers(&config),
            ..engine.unwrap_or_else(|| engine_options(&config))
        },
    });
    let engine = machine.handle.clone();
    let watched = watch::Sender::new(Arc::clone(&catalog));
    let board = Board::default();
    let outbox = OutboxParts {
        engine: engine.clone(),
        store: reader.clone(),
        clock: clock.clone(),
        metrics: Arc::clone(&metrics),
        board: board.clone(),
        catalog: watched.subscribe(),
        settings: config.core.clone(),
        pauses: Pauses::default(),
    };
    let outbox = Outbox::start(
        &outbox,
        destinations,
        #[cfg(feature = "influx")]
        points,
    );
    tokio::spawn(watch_connection(intake.status(), engine.clone(), heard));

    let poller = ModbusPoller::start(
        polled,
        messages_to,
        clock.clone(),
        Arc::clone(&metrics),
        stopping.child_token(),
    );
    let modbus = poller.status();
    let (reload_handle, asked) = ReloadHandle::new();
    let token = Arc::new(token);
    let people = People::open(desk.clone(), Arc::clone(&token), clock.clone(), &catalog).await?;
    let app = App {
        engine: engine.clone(),
        store: reader,
        desk: desk.clone(),
        people,
        attachments: data.join("attachments").into(),
        lists: desk::lists::Lists::new(rules.clone(), data.join("lists")),
        evidence: evidence_key,
        catalog,
        rules,
        config,
        token,
        started,
        clock,
        metrics,
        reload: reload_handle,
        sinks: board,
        stopping: stopping.clone(),
    };
    let site = http::Site::new(router(app.clone()));
    let http = tokio::spawn(http::serve(
        listener,
        site.clone(),
        http::Limits::default(),
        stopping.clone(),
    ));
    let mqtt_addr = broker.as_ref().map(EmbeddedBroker::local_addr);
    tracing::info!(http = %http_addr, mqtt = ?mqtt_addr, "vigil is running");
    tokio::spawn(desk::watch::every_day(
        app.clone(),
        watched.subscribe(),
        Arc::new(RegisterHazards(app.clone())),
        stopping.clone(),
    ));
    tokio::spawn(desk::risk::every_minute(
        app.clone(),
        watched.subscribe(),
        stopping.clone(),
    ));
    tokio::spawn(desk::cases::keep(app.clone(), stopping.clone()));
    tokio::spawn(desk::duty::every_day(
        app.clone(),
        watched.subscribe(),
        stopping.clone(),
    ));
    tokio::spawn(desk::lists::every_job(
        app.clone(),
        watched.subscribe(),
        stopping.clone(),
    ));
    tokio::spawn(desk::statistics::keep(
        app.clone(),
        watched.subscribe(),
        stopping.clone(),
    ));
    tokio::spawn(evidence::keep_heads(
        desk,
        app.evidence.clone(),
        app.clock.clone(),
        stopping.clone(),
    ));
    let reloading = Reloading {
        source,
        app: app.clone(),
        watched,
        poller,
        mappings,
        topics: intake.topics(),
        site,
    };
    tokio::spawn(reloading.run(asked));
    Ok(Running {
        http_addr,
        mqtt_addr,
        engine,
        app,
        modbus,
        token_is_new,
        machine,
        broker,
        publisher,
        intake,
        outbox,
        http,
        stopping,
    })
}

impl Running {
    /// Resolves when a part has failed that the others need: only a new start helps.
    pub async fn failed(&mut self) -> Failure {
        let broker = async {
            match &self.broker {
                Some(broker) => broker.ended().await,
                None => std::future::pending().await,
            }
        };
        let part = tokio::select! {
            failure = self.machine.failed() => return failure.into(),
            () = broker => "the embedded MQTT broker",
            () = self.intake.ended() => "the MQTT session that takes messages in",
            () = self.publisher.ended() => "the MQTT session that sends commands",
            _ = &mut self.http => "the HTTP server",
        };
        Failure::Part { part }
    }

    /// Resolves when there is a session with the broker.
    pub async fn connected(&self) {
        let mut status = self.intake.status();
        // The sender lives as long as the intake.
        drop(status.wait_for(|status| status.up).await);
    }

    /// Takes nothing in any more, commits what has arrived, takes a full snapshot, says STATE offline
    /// and ends. A store that does not work is waited for until `deadline`.
    ///
    /// # Errors
    /// Something that had arrived could not be committed; journaling nodes still have it.
    pub async fn shutdown(self, deadline: Duration) -> Result<(), RunError> {
        let Self {
            machine,
            broker,
            publisher,
            intake,
            outbox,
            mut http,
            stopping,
            app,
            ..
        } = self;
        intake.pause();
        stopping.cancel();
        // While there is a writer: how far the sinks are is written down.
        outbox.stop(PART).await;
        let engine = machine.stop(deadline).await;
        intake.stop(PART).await;
        if let Some(publisher) = Arc::into_inner(publisher) {
            publisher.stop(PART).await;
        }
        if broker.is_some() {
            // It has taken our last word and the acknowledgements: it gets a moment to pass them on.
            tokio::time::sleep(LAST_WORD).await;
        }
        if let Some(broker) = broker
            && tokio::time::timeout(PART, broker.stop()).await.is_err()
        {
            tracing::debug!("the embedded broker did not end in time");
        }
        if tokio::time::timeout(PART, &mut http).await.is_err() {
            http.abort();
        }
        app.desk.close().await;
        app.store.close().await;
        engine?;
        tracing::info!("vigil has stopped");
        Ok(())
    }
}

/// Pages and API; the pages answer whatever nobody else does.
fn router(app: App) -> axum::Router {
    crate::api::router(app.clone()).merge(web::router(app))
}

fn engine_options(config: &Config) -> EngineOptions {
    let retention = &config.retention;
    EngineOptions {
        linger: Duration::from_millis(config.store.batch_ms),
        max_batch: config.store.batch_messages.max(1),
        retention: Retention {
            max_age_ms: (retention.days > 0).then(|| i64::from(retention.days) * 86_400_000),
            max_bytes: (retention.max_gib > 0.0).then_some((retention.max_gib * 1_073_741_824.0) as u64),
            watermark: retention.watermark,
            ..Retention::default()
        },
        ..EngineOptions::default()
    }
}
