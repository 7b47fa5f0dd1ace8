//! The core's own timings, with their defaults.

use crate::hazard::policy::Policy;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Timings and limits of the core. All times in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a sequence gap may stay open before the messages behind it are used and a rebirth
    /// is asked for (Sparkplug "Reorder Timeout").
    pub reorder_timeout_ms: i64,
    /// At most one rebirth request per node in this time; it doubles while the node does not answer.
    pub rebirth_interval_ms: i64,
    /// After so many unanswered requests a node is not asked again until it is born.
    pub rebirth_attempts: u32,
    /// A node's committed messages are acknowledged at the latest after this time …
    pub ack_interval_ms: i64,
    /// … or after this many messages.
    pub ack_messages: u32,
    /// A hole in the journal is asked for again after this time.
    pub resend_interval_ms: i64,
    /// A node clock further off than this is flagged and not believed.
    pub clock_skew_ms: i64,
    /// A value older than this many expected intervals is stale (at least `stale_min_ms`).
    pub stale_intervals: u32,
    /// Lower bound of the stale time.
    pub stale_min_ms: i64,
    /// Messages of one node held back at most while a sequence gap is open.
    pub reorder_capacity: usize,
    /// Periods of the closed loop: a file of its own, not part of these.
    #[serde(skip)]
    pub policy: Arc<Policy>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reorder_timeout_ms: 2_000,
            rebirth_interval_ms: 10_000,
            rebirth_attempts: 5,
            ack_interval_ms: 5_000,
            ack_messages: 64,
            resend_interval_ms: 10_000,
            clock_skew_ms: 300_000,
            stale_intervals: 3,
            stale_min_ms: 60_000,
            reorder_capacity: 64,
            policy: Policy::builtin().clone(),
        }
    }
}
