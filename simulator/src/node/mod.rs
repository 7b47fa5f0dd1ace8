//! Simulated edge nodes: the firmware's session over a real MQTT connection, with a journal on disk.

mod crc;
mod device;
mod file;
mod memory;
mod outbox;
mod stats;
mod store;
mod task;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigil_protocol::time::UtcMillis;

pub use device::{DeviceSpec, datatype};
pub use file::{FileError, FileLimits, FileStorage};
pub use memory::MemoryStorage;
pub use stats::{NodeReport, NodeStats};
pub use store::JournalPlace;

use crate::mqtt::Broker;
use crate::plant::Reading;

/// A node to run.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Sparkplug group id.
    pub group: String,
    /// Sparkplug edge node id.
    pub node: String,
    /// Its devices.
    pub devices: Vec<DeviceSpec>,
    /// Where it connects to.
    pub broker: Broker,
    /// Its journal; without one it is an ordinary Sparkplug node, best effort.
    pub journal: Option<JournalPlace>,
    /// Epoch of a journal never used before.
    pub epoch: u64,
    /// Take readings only when born, while there is a link: for simulated time that runs faster than connections are
    /// made.
    pub in_step: bool,
}

/// What reaches or befalls a node.
#[derive(Clone, Debug)]
pub enum NodeInput {
    /// Values of one device, by true time.
    Readings {
        /// When they were measured.
        at: UtcMillis,
        /// Position among its devices.
        device: u16,
        /// The values.
        values: Vec<Reading>,
    },
    /// Power lost or back.
    Power(bool),
    /// Link lost or back: the socket is cut, nothing is said.
    Link(bool),
    /// Its clock is off by so much.
    ClockOffset(i64),
    /// Sends each message twice.
    Duplicate(bool),
    /// Swaps neighbouring messages.
    Reorder(bool),
    /// Nothing more will come: empty the journal, say goodbye, end.
    Drain,
}

/// A running node.
#[derive(Debug)]
pub struct EdgeNode {
    input: mpsc::Sender<NodeInput>,
    stats: Arc<NodeStats>,
    task: JoinHandle<NodeReport>,
}

/// Inputs waiting for a node; whoever drives it waits when it is behind.
const INPUTS: usize = 64;

impl EdgeNode {
    /// Starts a node. `cancel` makes it say goodbye and end, whatever is left in its journal.
    #[must_use]
    pub fn start(spec: NodeSpec, clock: Clock, cancel: CancellationToken) -> Self {
        // In step nothing is on its way that is not measured yet: a kill of the process loses one step.
        let (input, inputs) = mpsc::channel(if spec.in_step { 1 } else { INPUTS });
        let stats = Arc::new(NodeStats::default());
        let task = tokio::spawn(task::run(spec, clock, inputs, Arc::clone(&stats), cancel));
        Self { input, stats, task }
    }

    /// Hands over an input; waits while the node is behind. False when the node has ended.
    pub async fn send(&self, input: NodeInput) -> bool {
        self.input.send(input).await.is_ok()
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> &NodeStats {
        &self.stats
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for its end.
    pub async fn finish(self) -> NodeReport {
        drop(self.input);
        self.task.await.unwrap_or_default()
    }
}

/// Wall time from a monotonic clock: never jumps while the process runs.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: std::time::Instant,
    utc: UtcMillis,
}

impl Clock {
    /// Reads the system's clock once.
    #[must_use]
    pub fn system() -> Self {
        #[allow(clippy::disallowed_methods, reason = "this is the clock adapter")]
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self {
            started: std::time::Instant::now(),
            utc: UtcMillis(since.as_millis() as i64),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> UtcMillis {
        self.utc
            .saturating_add_ms(self.started.elapsed().as_millis() as i64)
    }

    /// The instant of `at`, for timers; in the past is now.
    #[must_use]
    pub fn instant(&self, at: UtcMillis) -> std::time::Instant {
        let ms = at.since(self.utc).max(0) as u64;
        self.started + std::time::Duration::from_millis(ms)
    }
}
