//! What one transaction writes.

use super::OutboxEntry;
use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;
use vigil_core::hash::ContentHash;
use vigil_core::input::Position;
use vigil_core::output::Outputs;
use vigil_protocol::time::UtcMillis;

/// Everything between two commits: inputs as received, what the core made of them, and how far it is.
#[derive(Debug, Default)]
pub struct Batch {
    /// Number of the batch, ascending: a batch committed before is not written again. 0 = unnumbered.
    pub id: u64,
    /// The bytes behind the log entries and dead letters of `outputs`, by ascending position.
    pub payloads: Vec<Payload>,
    /// In the order the core gave them.
    pub outputs: Outputs,
    /// Which node's snapshot covers each action among the outputs.
    pub action_nodes: Vec<(Position, Arc<str>)>,
    /// Which messages speak for the hazards among the outputs.
    pub windows: Vec<HazardWindow>,
    /// What readers will be told after the commit.
    pub events: Vec<Arc<ServerEvent>>,
    /// What subscribers will be sent after the commit.
    pub outbox: Vec<OutboxEntry>,
    /// Parts of the pipeline's state as of `position`.
    pub snapshots: Vec<Snapshot>,
    /// Set when a pass over all changed nodes is complete: restoring needs no log before it.
    pub watermark: Option<Position>,
    /// The policy of the hazard loop from here on, if it is another.
    pub policy: Option<KeptPolicy>,
    /// The last position given to the core.
    pub position: Position,
    /// The last time given to the core.
    pub now: UtcMillis,
}

/// From where on the hazard loop worked by which policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPolicy {
    /// It counts for the inputs behind this …
    pub position: Position,
    /// … and for what is due behind this.
    pub at: UtcMillis,
    /// Hash of its content.
    pub hash: ContentHash,
    /// Its content: [`vigil_core::hazard::policy::Policy::keep`].
    pub json: String,
}

/// A message's bytes.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Its place in the log.
    pub position: Position,
    /// As received.
    pub bytes: Bytes,
    /// Whether it came from the broker's retained store.
    pub retained: bool,
}

/// The state of one node and its equipment, for a quick start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// `group/node`; empty for what belongs to no node.
    pub node: Arc<str>,
    /// Everything up to here is in it.
    pub position: Position,
    /// The core's own form.
    pub json: Vec<u8>,
}

/// The messages that speak for a hazard: kept with it when the log drops them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HazardWindow {
    /// Hazard id.
    pub hazard: Arc<str>,
    /// `group/node` of its equipment.
    pub node: Arc<str>,
    /// Device of its equipment.
    pub device: Option<Arc<str>>,
    /// Start, source time.
    pub from: UtcMillis,
    /// End; grows with every trip.
    pub to: UtcMillis,
}

/// Something happened that readers want to know at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerEvent {
    /// Strictly increasing, without holes within a run: what `Last-Event-ID` names.
    pub id: i64,
    /// When the gateway decided.
    pub at: UtcMillis,
    /// `hazard`, `alarm`, `node`, `gap` or `unregistered`.
    pub kind: &'static str,
    /// One JSON object.
    pub json: String,
}

impl Batch {
    /// The bytes that came in at `position`.
    #[must_use]
    pub fn payload(&self, position: Position) -> Option<&Payload> {
        let at = self
            .payloads
            .binary_search_by_key(&position, |payload| payload.position)
            .ok()?;
        self.payloads.get(at)
    }

    /// The node whose state an action changed; empty if it is not known.
    pub(super) fn node_of_action(&self, position: Position) -> &str {
        self.action_nodes
            .iter()
            .find(|(at, _)| *at == position)
            .map_or("", |(_, node)| node)
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
            && self.snapshots.is_empty()
            && self.watermark.is_none()
            && self.policy.is_none()
    }
}
