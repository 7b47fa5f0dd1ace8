//! From the store to the sinks: what waits, whose turn it is, and when to try again.
//!
//! ```text
//! batch ─► outbox rows (same transaction) ─► delivery, one task per subscriber ─► sinks::webhook ─► receipt
//! batch ─► message log ─► points (a cursor over the log, decode) ───────────────► sinks::influx ──► cursor
//! ```
//! Whatever a sink does, ingest does not notice: nothing here is waited for by a batch, and what changes in the
//! database goes through the engine's one writer, between two batches. A sink that is down costs disk.
//!
//! At least once, and told apart: a crash between the other side's acceptance and our receipt sends the same thing
//! again, under the same key (webhooks) or as the same point (series and time).

mod board;
mod delivery;
mod pause;
#[cfg(feature = "influx")]
mod points;
#[cfg(feature = "influx")]
mod reading;

pub use board::{Board, Standing};
pub use delivery::Destination;
#[cfg(feature = "influx")]
pub use points::PointsOptions;

use crate::clock::Clock;
use crate::engine::EngineHandle;
use crate::metrics::Registry;
use crate::store::{OutboxChange, Reader};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigil_core::catalog::Catalog;
use vigil_core::input::Position;
use vigil_core::settings::Settings;

/// Pauses after failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// After the first failure; doubles, less a random part.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(120),
        }
    }
}

/// What every sink's task needs.
#[derive(Clone, Debug)]
pub struct OutboxParts {
    /// Whose writer makes the changes.
    pub engine: EngineHandle,
    /// Where what waits is read.
    pub store: Reader,
    /// The time.
    pub clock: Clock,
    /// Where to count.
    pub metrics: Arc<Registry>,
    /// Where the tasks say how they are.
    pub board: Board,
    /// What is watched; may be replaced.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// As the core has them: the log is read as the core read it.
    pub settings: Settings,
    /// Pauses after failures.
    pub pauses: Pauses,
}

/// The tasks that send.
#[derive(Debug)]
pub struct Outbox {
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// How long a database that does not work is left alone.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// So often everything is looked at, whether or not somebody said that there is something.
const LOOK: Duration = Duration::from_secs(5);

impl Outbox {
    /// Starts a task for each subscriber, and one for the sink of points.
    #[must_use]
    pub fn start(
        parts: &OutboxParts,
        destinations: Vec<Destination>,
        #[cfg(feature = "influx")] points: Option<PointsOptions>,
    ) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let mut cursors: Vec<(&'static str, Position)> = Vec::new();
        #[cfg(feature = "influx")]
        if let Some(points) = &points {
            let start = if points.backfill {
                Position(0)
            } else {
                parts.engine.health().position
            };
            cursors.push((crate::config::INFLUX, start));
        }
        let configured = OutboxChange::Configured {
            points: std::mem::take(&mut cursors),
            subscribers: destinations.iter().map(|to| to.name.to_string()).collect(),
            at: parts.clock.now(),
        };
        let parts = parts.clone();
        let (of_all, stopping) = (tasks.clone(), stop.clone());
        tasks.spawn(async move {
            let worker = Worker {
                parts,
                stop: stopping,
            };
            // Before anything is sent: the log must know who waits for it.
            if worker.keep(vec![configured]).await.is_none() {
                return;
            }
            for destination in destinations {
                of_all.spawn(delivery::run(worker.clone(), destination));
            }
            #[cfg(feature = "influx")]
            if let Some(points) = points {
                of_all.spawn(points::run(worker, points));
            }
        });
        tasks.close();
        Self { tasks, stop }
    }

    /// Ends what is under way, writes down how far it came, and resolves; after `limit` in any case. The engine
    /// must still run.
    pub async fn stop(self, limit: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(limit, self.tasks.wait()).await.is_err() {
            tracing::warn!("the sinks did not end in time; what was sent last may be sent again");
        }
    }
}

/// A task of the outbox.
#[derive(Clone, Debug)]
struct Worker {
    parts: OutboxParts,
    stop: CancellationToken,
}

impl Worker {
    /// Makes changes, however long the store does not work; `None` when the gateway stops before.
    async fn keep(&self, changes: Vec<OutboxChange>) -> Option<Vec<u64>> {
        loop {
            match self.parts.engine.keep(changes.clone()).await {
                Ok(concerned) => return Some(concerned),
                Err(crate::engine::KeepError::Gone) => return None,
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be written; trying again");
                    self.rest(STORE_PAUSE).await?;
                }
            }
        }
    }

    /// Waits; `None` when the gateway stops before.
    async fn rest(&self, pause: Duration) -> Option<()> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Some(()),
            () = self.stop.cancelled() => None,
        }
    }
}
