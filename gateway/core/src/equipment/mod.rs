//! State of one piece of equipment: latest values, rules, alarms, hazards.

use crate::alarm::AlarmRecord;
use crate::catalog::Equipment;
use crate::hazard::{HazardId, HazardStatus};
use crate::input::{OperatorAction, Position};
use crate::output::{GapRecord, Outputs, Refusal};
use crate::sample::{ChannelIx, Reading, Sample};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quality;

/// When and from where something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Log position of the message.
    pub position: Position,
    /// Arrival: the `now` of the input.
    pub received: UtcMillis,
    /// Believed source time of the message.
    pub published: UtcMillis,
    /// Sent from a store after the event: never live.
    pub historical: bool,
}

/// The newest reading of a channel, by source time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// Value or reason, canonical unit.
    pub reading: Reading,
    /// As sent, before scaling.
    pub raw: Option<f64>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// Source time.
    pub at: UtcMillis,
    /// Source time since which the reading has been the same.
    pub since: UtcMillis,
    /// Arrival.
    pub received: UtcMillis,
    /// The log entry it came in.
    pub position: Position,
}

/// Whether the equipment's node and device are alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Neither birth nor death nor data so far.
    #[default]
    Never,
    /// Born, or sending.
    Online,
    /// Dead.
    Offline,
}

/// A hazard that an action can still be taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HazardRef {
    /// Id.
    pub id: HazardId,
    /// Rule id.
    pub rule: Arc<str>,
    /// Where it stands.
    pub status: HazardStatus,
}

/// Why a snapshot could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is not the JSON of a snapshot.
    #[error("cannot restore the state of equipment {equipment}: {source}")]
    Json {
        /// Equipment id.
        equipment: Arc<str>,
        /// What serde says.
        source: serde_json::Error,
    },
}

/// State of one piece of equipment.
#[derive(Clone, Debug)]
pub struct EquipmentState {
    latest: Vec<Option<Latest>>,
    link: Link,
    last_heard: Option<UtcMillis>,
}

impl EquipmentState {
    /// Nothing heard so far.
    #[must_use]
    pub fn new(equipment: &Equipment) -> Self {
        Self { latest: vec![None; equipment.channels.len()], link: Link::Never, last_heard: None }
    }

    /// The gateway listens from now on: silence of equipment never heard counts from here, and
    /// nobody is silent for the time in which the gateway itself was down. Call once for every
    /// piece of equipment when the pipeline handles its first input, and after a restore.
    pub fn on_start(&mut self, _equipment: &Equipment, _now: UtcMillis) {}

    /// New readings. Samples that are historical, or not newer than what is known, are late: they
    /// never touch live state.
    pub fn on_samples(&mut self, _equipment: &Equipment, moment: &Moment, samples: &[Sample], _out: &mut Outputs) {
        for sample in samples {
            if let Some(slot) = self.latest.get_mut(usize::from(sample.channel.0)) {
                *slot = Some(Latest {
                    reading: sample.reading,
                    raw: sample.raw,
                    quality: sample.quality,
                    at: sample.at,
                    since: sample.at,
                    received: moment.received,
                    position: moment.position,
                });
            }
        }
        self.last_heard = Some(moment.received);
        self.link = Link::Online;
    }

    /// The equipment was heard with nothing new: its values hold until `moment.published`.
    pub fn on_heard(&mut self, _equipment: &Equipment, moment: &Moment, _out: &mut Outputs) {
        self.last_heard = Some(moment.received);
    }

    /// Birth (`online`) or death of the node or device.
    pub fn on_link(&mut self, _equipment: &Equipment, online: bool, _moment: &Moment, _out: &mut Outputs) {
        self.link = if online { Link::Online } else { Link::Offline };
    }

    /// The node's journal dropped messages before they could be sent.
    pub fn on_dropped(&mut self, _equipment: &Equipment, _moment: &Moment, _messages: u64, _out: &mut Outputs) {}

    /// Does everything due at or before `due`, each thing at its own time.
    pub fn on_due(&mut self, _equipment: &Equipment, _due: UtcMillis, _position: Position, _out: &mut Outputs) {}

    /// When [`Self::on_due`] has something to do next (arrival time).
    #[must_use]
    pub fn next_deadline(&self) -> Option<UtcMillis> {
        None
    }

    /// A person acts on one of the equipment's alarms or hazards.
    ///
    /// # Errors
    /// Refused with a stable code and a reason; nothing has changed then.
    pub fn on_action(
        &mut self,
        _equipment: &Equipment,
        _action: &OperatorAction,
        _position: Position,
        _now: UtcMillis,
        _out: &mut Outputs,
    ) -> Result<(), Refusal> {
        Err(Refusal { code: "unknown_hazard", message: "no such hazard".into() })
    }

    /// Newest reading of a channel.
    #[must_use]
    pub fn latest(&self, channel: ChannelIx) -> Option<&Latest> {
        self.latest.get(usize::from(channel.0))?.as_ref()
    }

    /// Whether node and device are alive.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    /// Arrival of the last word.
    #[must_use]
    pub fn last_heard(&self) -> Option<UtcMillis> {
        self.last_heard
    }

    /// Alarms that are not in the normal state.
    #[must_use]
    pub fn open_alarms(&self) -> Vec<AlarmRecord> {
        Vec::new()
    }

    /// Gaps that have not ended.
    #[must_use]
    pub fn open_gaps(&self) -> Vec<GapRecord> {
        Vec::new()
    }

    /// Hazards that an action can be taken on: the open ones, and the last rejected ones.
    #[must_use]
    pub fn hazards(&self) -> Vec<HazardRef> {
        Vec::new()
    }

    /// Nothing worth a snapshot has happened.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.last_heard.is_none()
    }

    /// Everything needed to go on after a restart, keyed by rule ids and quantities.
    #[must_use]
    pub fn snapshot(&self, _equipment: &Equipment) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// The state a snapshot describes, as far as it still fits the catalog.
    ///
    /// # Errors
    /// The value is no snapshot.
    pub fn restore(equipment: &Equipment, _snapshot: serde_json::Value) -> Result<Self, RestoreError> {
        Ok(Self::new(equipment))
    }
}
