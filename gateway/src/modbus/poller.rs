//! All lines.

use super::counts::Counts;
use super::line::{Line, Surroundings};
use super::setup::{LineKey, LineSetup};
use super::status::{Shared, StatusReader};
use crate::clock::Clock;
use crate::ingest::Incoming;
use crate::metrics::Registry;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a line may take to end; it waits for nothing then.
const END: Duration = Duration::from_secs(2);

/// Polls all devices until it is stopped or dropped.
#[derive(Debug)]
pub struct ModbusPoller {
    to: mpsc::Sender<Incoming>,
    clock: Clock,
    registry: Arc<Registry>,
    stop: CancellationToken,
    lines: HashMap<LineKey, Running>,
    order: Vec<LineKey>,
    status: StatusReader,
}

#[derive(Debug)]
struct Running {
    changes: watch::Sender<Arc<LineSetup>>,
    status: Shared,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn end(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(END, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl ModbusPoller {
    /// Starts the lines. What they read goes to `to`; when that is full, polls wait. They end with `stop`.
    #[must_use]
    pub fn start(
        setup: Vec<LineSetup>,
        to: mpsc::Sender<Incoming>,
        clock: Clock,
        registry: Arc<Registry>,
        stop: CancellationToken,
    ) -> Self {
        let mut poller = Self {
            to,
            clock,
            registry,
            stop,
            lines: HashMap::new(),
            order: Vec::new(),
            status: StatusReader::default(),
        };
        for line in setup {
            poller.start_line(line);
        }
        poller.list();
        poller
    }

    fn start_line(&mut self, setup: LineSetup) {
        let key = setup.key();
        let counts = Counts::new(&self.registry, &setup.name);
        let status = Shared::new(setup.first_status());
        let stop = self.stop.child_token();
        let (changes, receive) = watch::channel(Arc::new(setup));
        let around = Surroundings {
            to: self.to.clone(),
            clock: self.clock.clone(),
            counts,
            status: status.clone(),
            stop: stop.clone(),
        };
        let task = tokio::spawn(Line::new(receive, around).run());
        let running = Running {
            changes,
            status,
            stop,
            task,
        };
        self.order.push(key.clone());
        // Two lines to the same device are refused by the configuration.
        self.lines.insert(key, running);
    }

    /// Goes on with another configuration: devices that are the same in both keep their connection and state, others
    /// stop or start.
    pub async fn reconcile(&mut self, setup: Vec<LineSetup>) {
        let mut before = std::mem::take(&mut self.lines);
        self.order.clear();
        let mut to_start = Vec::new();
        for line in setup {
            let key = line.key();
            let goes_on = |running: &Running| running.changes.borrow().goes_on_as(&line);
            match before.remove(&key) {
                Some(running) if goes_on(&running) => {
                    let line = Arc::new(line);
                    running.changes.send_if_modified(|current| {
                        let changed = **current != *line;
                        *current = line;
                        changed
                    });
                    self.order.push(key.clone());
                    self.lines.insert(key, running);
                }
                Some(running) => {
                    running.end().await;
                    to_start.push(line);
                }
                None => to_start.push(line),
            }
        }
        // A port must be free before it is opened again.
        for running in before.into_values() {
            running.end().await;
        }
        for line in to_start {
            self.start_line(line);
        }
        self.list();
    }

    fn list(&self) {
        let running = self.order.iter().filter_map(|key| self.lines.get(key));
        self.status
            .set(running.map(|running| running.status.clone()).collect());
    }

    /// To see how all lines are, now and after changes.
    #[must_use]
    pub fn status(&self) -> StatusReader {
        self.status.clone()
    }

    /// Ends all lines; what was read but not taken is lost, and will be read again.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for (_, running) in std::mem::take(&mut self.lines) {
            running.end().await;
        }
    }
}

impl Drop for ModbusPoller {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
