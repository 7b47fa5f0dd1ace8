//! The engine: messages and actions in, one transaction per batch, then the consequences.
//!
//! ```text
//! Incoming ─► building (Pipeline::handle) ─► committing (Writer::commit) ─► acks, commands, events, answers
//!                    batch N+1                        batch N
//! ```
//! Two tasks: the one that builds owns the pipeline, the one that commits owns the writer. At most one
//! batch is being committed while the next is built. Nothing leaves the process before its commit.

mod action;
mod building;
mod chore;
mod commit;
mod events;
mod health;
mod notices;
mod outlet;
mod reload;
mod restore;
mod run;
mod snapshots;

pub use action::{ActError, Acted};
pub use chore::KeepError;
pub use health::Health;
pub use outlet::{MqttOutlet, Outlet};
pub use reload::ReloadError;
pub use restore::{RestoreFailure, Restored, restore};
pub use run::EngineFailure;

/// Persisted in the transaction of its cause, so that a reader can resume by its id.
pub use crate::store::ServerEvent;

use crate::clock::Clock;
use crate::ingest::Incoming;
use crate::metrics::Registry;
use crate::sinks::webhook::Subscriber;
use crate::store::{OutboxChange, Reader, Retention, Writer};
use action::Request;
use chore::Chore;
use health::Shared;
use reload::Reload;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigil_core::catalog::Catalog;
use vigil_core::hazard::policy::Policy;
use vigil_core::input::{OperatorAction, Position};
use vigil_core::{Pipeline, Settings};

/// How the engine batches, snapshots and keeps.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// A batch waits at most so long for more (not at all when a hazard is in it) …
    pub linger: Duration,
    /// … or for so many inputs.
    pub max_batch: usize,
    /// A pass over all changed nodes starts at least this often …
    pub snapshot_every: Duration,
    /// … or after so many inputs.
    pub snapshot_inputs: u64,
    /// What is kept and how long.
    pub retention: Retention,
    /// How often retention looks.
    pub retention_every: Duration,
    /// Who is sent what happens.
    pub subscribers: Arc<[Subscriber]>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            linger: Duration::from_millis(40),
            max_batch: 1_000,
            snapshot_every: Duration::from_secs(10),
            snapshot_inputs: 50_000,
            retention: Retention::default(),
            retention_every: Duration::from_secs(60),
            subscribers: Arc::default(),
        }
    }
}

/// What the engine is made of.
pub struct EngineParts {
    /// The core, restored.
    pub pipeline: Pipeline,
    /// Where it continues.
    pub restored: Restored,
    /// The store.
    pub writer: Writer,
    /// The store's other side.
    pub reader: Reader,
    /// Messages in.
    pub messages: mpsc::Receiver<Incoming>,
    /// Acknowledgements and commands out.
    pub outlet: Box<dyn Outlet>,
    /// The time.
    pub clock: Clock,
    /// Where to count.
    pub metrics: Arc<Registry>,
    /// Settings.
    pub options: EngineOptions,
}

/// The running engine: asks it, acts on it, listens to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    requests: mpsc::Sender<Request>,
    chores: mpsc::Sender<Chore>,
    events: broadcast::Sender<Arc<ServerEvent>>,
    shared: Arc<Shared>,
    reader: Reader,
    clock: Clock,
}

/// The engine's tasks.
#[derive(Debug)]
pub struct Engine {
    /// To talk to it.
    pub handle: EngineHandle,
    stop: CancellationToken,
    give_up: CancellationToken,
    task: JoinHandle<Result<(), EngineFailure>>,
}

/// The engine has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine has ended")]
pub struct EngineGone;

/// Events a slow listener may be behind before it must read them from the store.
const EVENTS: usize = 1_024;
/// Questions and actions that may wait between two batches.
const REQUESTS: usize = 256;

impl Engine {
    /// Starts building and committing.
    #[must_use]
    pub fn start(parts: EngineParts) -> Self {
        let (requests, requests_from) = mpsc::channel(REQUESTS);
        let (chores, chores_from) = mpsc::channel(REQUESTS);
        let (events, _) = broadcast::channel(EVENTS);
        let shared = Arc::new(Shared::new(
            parts.restored.position,
            Arc::clone(parts.pipeline.policy()),
            &parts.metrics,
        ));
        let handle = EngineHandle {
            requests,
            chores,
            events: events.clone(),
            shared: Arc::clone(&shared),
            reader: parts.reader.clone(),
            clock: parts.clock.clone(),
        };
        let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
        let task = run::start(
            parts,
            requests_from,
            chores_from,
            events,
            shared,
            stop.clone(),
            give_up.clone(),
        );
        Self {
            handle,
            stop,
            give_up,
            task,
        }
    }

    /// Handles what has already arrived, commits, takes a full snapshot and ends. After `deadline` it
    /// stops waiting for a store that does not work.
    ///
    /// # Errors
    /// Something could not be committed.
    pub async fn stop(mut self, deadline: Duration) -> Result<(), EngineFailure> {
        self.stop.cancel();
        if let Ok(ended) = tokio::time::timeout(deadline, &mut self.task).await {
            return ended.unwrap_or(Err(EngineFailure::Panicked));
        }
        self.give_up.cancel();
        self.task.await.unwrap_or(Err(EngineFailure::Panicked))
    }

    /// Resolves when the engine has ended by itself: always a failure.
    pub async fn failed(&mut self) -> EngineFailure {
        match (&mut self.task).await {
            Ok(Err(failure)) => failure,
            Ok(Ok(())) | Err(_) => EngineFailure::Panicked,
        }
    }
}

impl EngineHandle {
    /// Runs `f` on the pipeline between two batches. What it sees may not be committed yet.
    ///
    /// # Errors
    /// The engine has ended.
    pub async fn query<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Pipeline) -> T + Send + 'static,
    ) -> Result<T, EngineGone> {
        let (to, from) = oneshot::channel();
        let ask = Box::new(move |pipeline: &Pipeline| {
            // Whoever asked may have gone away.
            drop(to.send(f(pipeline)));
        });
        self.requests
            .send(Request::Query(ask))
            .await
            .map_err(|_| EngineGone)?;
        from.await.map_err(|_| EngineGone)
    }

    /// Does what a person asks; resolves after the commit. The same idempotency key with the same
    /// content answers as before without doing it again.
    ///
    /// # Errors
    /// Refused with a reason, the store does not work, or the engine has ended.
    pub async fn act(&self, action: OperatorAction) -> Result<Acted, ActError> {
        if let Some(answer) = action::answered_before(&self.reader, &action).await? {
            return Ok(answer);
        }
        if let Some(error) = self.shared.store_error() {
            return Err(ActError::Store(error));
        }
        let action = action::prepared(&self.reader, action, self.clock.now(), &self.policy()).await?;
        let (to, from) = oneshot::channel();
        self.requests
            .send(Request::Act {
                action: Box::new(action),
                answer: to,
            })
            .await
            .map_err(|_| ActError::Gone)?;
        from.await.map_err(|_| ActError::Gone)?
    }

    /// The periods of the closed loop that the core works by.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.shared.policy()
    }

    /// Lets the core go on under another catalog; resolves when it does. Nodes and equipment that both catalogs name
    /// keep their state, as over a restart; what has arrived is committed first, what arrives meanwhile waits.
    ///
    /// # Errors
    /// The state could not be read back: the core goes on as before. Or the engine has ended.
    pub async fn reload(&self, catalog: Arc<Catalog>, settings: Settings) -> Result<(), ReloadError> {
        let (answer, answered) = oneshot::channel();
        let reload = Reload {
            catalog,
            settings,
            answer,
        };
        self.requests
            .send(Request::Reload(Box::new(reload)))
            .await
            .map_err(|_| ReloadError::Gone)?;
        answered.await.map_err(|_| ReloadError::Gone)?
    }

    /// Makes changes of the outbox in one transaction between two batches; resolves when they are on disk, and
    /// tells for each how many rows it concerned.
    ///
    /// # Errors
    /// Nothing was changed: the store does not work, or the engine has ended.
    pub async fn keep(&self, changes: Vec<OutboxChange>) -> Result<Vec<u64>, KeepError> {
        let (to, from) = oneshot::channel();
        let chore = Chore { changes, answer: to };
        self.chores.send(chore).await.map_err(|_| KeepError::Gone)?;
        from.await.map_err(|_| KeepError::Gone)?
    }

    /// Events from now on, each after its commit. Whoever falls behind reads them from the store.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<ServerEvent>> {
        self.events.subscribe()
    }

    /// How it is; costs next to nothing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Resolves when everything up to `position` is on disk.
    pub async fn committed(&self, position: Position) {
        self.shared.reached(position).await;
    }

    /// Notes whether the MQTT session is up.
    pub fn set_mqtt_connected(&self, connected: bool) {
        self.shared.set_mqtt(connected);
    }
}
