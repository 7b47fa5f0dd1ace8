//! How each sink is, for those who ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use vigil_core::input::Position;
use vigil_protocol::time::UtcMillis;

/// What the sinks' tasks say of themselves; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    standing: Mutex<BTreeMap<String, Standing>>,
    changed: Notify,
}

/// How a sink is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Scheme, host and port; nothing that could be a secret.
    pub target: String,
    /// When it last took something in this run.
    pub taken_at: Option<UtcMillis>,
    /// Since when it has not taken anything although it should.
    pub failing_since: Option<UtcMillis>,
    /// What it said last, while it fails.
    pub said: Option<String>,
    /// Of a sink of points: everything up to here was taken.
    pub position: Option<Position>,
    /// Of a sink of points: arrival of the oldest message that waits.
    pub waiting_since: Option<UtcMillis>,
    /// Points taken in this run.
    pub points: u64,
    /// Nothing is sent because too much was refused: a person has to look.
    pub held: bool,
}

impl Board {
    /// How every sink is, by name.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Standing> {
        self.lock().clone()
    }

    /// Somebody changed what waits: everybody should look.
    pub fn wake(&self) {
        self.0.changed.notify_waiters();
    }

    /// Resolves when somebody said [`Board::wake`].
    pub(super) async fn woken(&self) {
        self.0.changed.notified().await;
    }

    pub(super) fn note(&self, sink: &str, note: impl FnOnce(&mut Standing)) {
        let mut all = self.lock();
        match all.get_mut(sink) {
            Some(standing) => note(standing),
            None => note(all.entry(sink.to_owned()).or_default()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Standing>> {
        self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    pub(super) fn took(&mut self, at: UtcMillis) {
        self.taken_at = Some(at);
        self.failing_since = None;
        self.said = None;
    }

    pub(super) fn failed(&mut self, at: UtcMillis, said: &str) {
        self.failing_since.get_or_insert(at);
        self.said = Some(said.to_owned());
    }
}
