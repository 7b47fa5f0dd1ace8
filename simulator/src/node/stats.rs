//! What a node has done, readable while it runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;
use vigil_firmware::Counters;

/// Counters of a running node.
#[derive(Debug, Default)]
pub struct NodeStats {
    /// Messages handed to the MQTT client.
    pub published: AtomicU64,
    /// Data messages among them, sent for the first time.
    pub data: AtomicU64,
    /// Journaled messages sent again.
    pub resent: AtomicU64,
    /// Journaled messages the gateway said it has.
    pub acked: AtomicU64,
    /// Journaled messages given up.
    pub dropped: AtomicU64,
    /// Journaled messages not acknowledged yet.
    pub pending: AtomicU64,
    /// Born and connected.
    pub online: AtomicBool,
}

/// What a node did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NodeReport {
    /// `group/node`
    pub node: String,
    /// Messages published, of every kind.
    pub published: u64,
    /// Data messages sent for the first time.
    pub data: u64,
    /// Journaled messages the gateway said it has.
    pub acked: u64,
    /// Journaled messages sent again.
    pub resent: u64,
    /// Journaled messages given up because the journal was full.
    pub dropped: u64,
    /// Journaled messages never acknowledged.
    pub pending: u64,
    /// Connections made.
    pub connects: u32,
    /// Rebirth requests heard.
    pub rebirths: u32,
    /// Times nothing was acknowledged for too long.
    pub ack_timeouts: u32,
    /// Power cuts.
    pub power_cuts: u32,
    /// Readings the session refused, and why the first time; empty in a healthy run.
    pub problems: Vec<String>,
    /// It was without link or power at the end, so that its journal could not be emptied.
    pub cut_off: bool,
}

impl NodeReport {
    /// Whether everything it measured is on the gateway's disk.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.pending == 0
    }

    /// Adds the counters of a session that ended.
    pub(super) fn add(&mut self, counters: &Counters) {
        self.data += counters.data;
        self.acked += counters.acked;
        self.resent += counters.resent;
        self.connects += counters.connects;
        self.rebirths += counters.rebirth_requests;
        self.ack_timeouts += counters.ack_timeouts;
    }

    /// Notes a problem; the same one only once.
    pub(super) fn note(&mut self, problem: String) {
        if self.problems.len() < 8 && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

impl NodeStats {
    pub(super) fn show(
        &self,
        report: &NodeReport,
        session: &Counters,
        pending: u64,
        dropped: u64,
        online: bool,
    ) {
        let set = |to: &AtomicU64, value| to.store(value, Ordering::Relaxed);
        set(&self.published, report.published);
        set(&self.data, report.data + session.data);
        set(&self.resent, report.resent + session.resent);
        set(&self.acked, report.acked + session.acked);
        set(&self.dropped, dropped);
        set(&self.pending, pending);
        self.online.store(online, Ordering::Relaxed);
    }
}
