//! How the engine is, for `/readyz` and `/metrics`.

use crate::metrics::{COUNTS, Counter, Gauge, Histogram, Registry, SECONDS};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use vigil_core::hazard::policy::Policy;
use vigil_core::input::Position;
use vigil_protocol::time::UtcMillis;

/// How the engine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// When the last batch was committed.
    pub last_commit: Option<UtcMillis>,
    /// Last committed position.
    pub position: Position,
    /// Messages waiting to be handled.
    pub queue_depth: usize,
    /// Why the store does not work, while it does not.
    pub store_error: Option<String>,
    /// The database is near its size limit.
    pub above_watermark: bool,
    /// Connected to the broker and subscribed.
    pub mqtt_connected: bool,
    /// Takes messages and can commit.
    pub ready: bool,
}

/// State shared between the engine's tasks and whoever asks.
#[derive(Debug)]
pub(super) struct Shared {
    last_commit: AtomicI64,
    position: watch::Sender<Position>,
    queue: AtomicUsize,
    mqtt: AtomicBool,
    running: AtomicBool,
    above_watermark: AtomicBool,
    store_error: Mutex<Option<String>>,
    policy: watch::Sender<Arc<Policy>>,
    pub(super) meters: Meters,
}

/// What the engine counts.
#[derive(Debug)]
pub(super) struct Meters {
    pub(super) messages: Counter,
    pub(super) payload_bytes: Counter,
    pub(super) logged: Counter,
    pub(super) duplicates: Counter,
    pub(super) repeated: Counter,
    pub(super) dead_letters: Counter,
    pub(super) hazard_events: Counter,
    pub(super) alarm_events: Counter,
    pub(super) commands: Counter,
    pub(super) commands_dropped: Counter,
    pub(super) commits: Counter,
    pub(super) commit_failures: Counter,
    pub(super) commit_seconds: Histogram,
    pub(super) batch_inputs: Histogram,
    pub(super) handle_seconds: Histogram,
    pub(super) queue: Gauge,
    pub(super) store_up: Gauge,
    pub(super) mqtt_up: Gauge,
    pub(super) removed: Counter,
    pub(super) missed: Counter,
    pub(super) overflowed: Counter,
    pub(super) above_watermark: Gauge,
}

impl Shared {
    pub(super) fn new(position: Position, policy: Arc<Policy>, registry: &Registry) -> Self {
        let meters = Meters::new(registry);
        meters.store_up.set(1);
        Self {
            last_commit: AtomicI64::new(i64::MIN),
            position: watch::Sender::new(position),
            queue: AtomicUsize::new(0),
            mqtt: AtomicBool::new(false),
            running: AtomicBool::new(true),
            above_watermark: AtomicBool::new(false),
            store_error: Mutex::new(None),
            policy: watch::Sender::new(policy),
            meters,
        }
    }

    /// The policy of the hazard loop the core works by.
    pub(super) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    pub(super) fn work_by(&self, policy: Arc<Policy>) {
        self.policy.send_replace(policy);
    }

    pub(super) fn health(&self) -> Health {
        let last_commit = self.last_commit.load(Ordering::Relaxed);
        let store_error = self.store_error();
        Health {
            last_commit: (last_commit != i64::MIN).then_some(UtcMillis(last_commit)),
            position: *self.position.borrow(),
            queue_depth: self.queue.load(Ordering::Relaxed),
            above_watermark: self.above_watermark.load(Ordering::Relaxed),
            mqtt_connected: self.mqtt.load(Ordering::Relaxed),
            ready: self.running.load(Ordering::Relaxed)
                && store_error.is_none()
                && self.mqtt.load(Ordering::Relaxed),
            store_error,
        }
    }

    pub(super) fn store_error(&self) -> Option<String> {
        self.store_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_store_error(&self, error: Option<String>) {
        self.meters.store_up.set(i64::from(error.is_none()));
        *self.store_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    pub(super) fn committed(&self, position: Position, at: UtcMillis) {
        self.last_commit.store(at.0, Ordering::Relaxed);
        self.position.send_replace(position);
    }

    pub(super) async fn reached(&self, position: Position) {
        // The sender is `self`: it cannot be gone.
        drop(self.position.subscribe().wait_for(|at| *at >= position).await);
    }

    pub(super) fn set_queue(&self, waiting: usize) {
        self.queue.store(waiting, Ordering::Relaxed);
        self.meters.queue.set(waiting as i64);
    }

    pub(super) fn set_mqtt(&self, connected: bool) {
        self.mqtt.store(connected, Ordering::Relaxed);
        self.meters.mqtt_up.set(i64::from(connected));
    }

    pub(super) fn set_above_watermark(&self, above: bool) {
        self.above_watermark.store(above, Ordering::Relaxed);
        self.meters.above_watermark.set(i64::from(above));
    }

    pub(super) fn ended(&self) {
        self.running.store(false, Ordering::Relaxed);
    }
}

impl Meters {
    #[rustfmt::skip]
    fn new(r: &Registry) -> Self {
        Self {
            messages: r.counter("vigil_messages_received_total", "MQTT messages handled.", &[]),
            payload_bytes: r.counter("vigil_payload_bytes_received_total", "Payload bytes of MQTT messages handled.", &[]),
            logged: r.counter("vigil_messages_logged_total", "Messages committed to the log.", &[]),
            duplicates: r.counter("vigil_messages_duplicate_total", "Messages that came again and were not logged again.", &[]),
            repeated: r.counter("vigil_messages_repeated_total", "Journaled messages found twice in the log and removed: more than none means that a snapshot was lost.", &[]),
            dead_letters: r.counter("vigil_dead_letters_total", "Messages nothing could be made of.", &[]),
            hazard_events: r.counter("vigil_hazard_events_total", "Hazard events committed.", &[]),
            alarm_events: r.counter("vigil_alarm_events_total", "Alarm transitions committed.", &[]),
            commands: r.counter("vigil_commands_sent_total", "Commands sent to nodes.", &[]),
            commands_dropped: r.counter("vigil_commands_dropped_total", "Commands dropped because the broker did not take them; the core says them again.", &[]),
            commits: r.counter("vigil_commits_total", "Batches committed.", &[]),
            commit_failures: r.counter("vigil_commit_failures_total", "Attempts to commit a batch that failed.", &[]),
            commit_seconds: r.histogram("vigil_commit_seconds", "Time to commit a batch.", SECONDS, &[]),
            batch_inputs: r.histogram("vigil_batch_inputs", "Inputs per batch.", COUNTS, &[]),
            handle_seconds: r.histogram("vigil_batch_handle_seconds", "Time the core took for the inputs of a batch.", SECONDS, &[]),
            queue: r.gauge("vigil_queue_messages", "Messages waiting to be handled.", &[]),
            store_up: r.gauge("vigil_store_up", "1 while batches can be committed.", &[]),
            mqtt_up: r.gauge("vigil_mqtt_up", "1 while connected to the broker and subscribed.", &[]),
            removed: r.counter("vigil_retention_removed_total", "Messages removed from the log by age or size.", &[]),
            missed: r.counter("vigil_sink_missed_messages_total", "Messages removed from the log before a sink in use had them.", &[]),
            overflowed: r.counter("vigil_outbox_overflowed_total", "Outbox entries given up or removed because there were too many.", &[]),
            above_watermark: r.gauge("vigil_store_above_watermark", "1 while the database is near its size limit.", &[]),
        }
    }
}
