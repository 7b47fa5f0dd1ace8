//! Snapshots: one per node, JSON, keyed by ids, so that a changed catalog keeps what still fits.

use super::Pipeline;
use super::deadlines::Who;
use super::desk::Desk;
use crate::catalog::EquipmentIx;
use crate::equipment::EquipmentState;
use crate::hash::ContentHash;
use crate::hazard::{HazardId, HazardSummary};
use crate::host::NodeRecord;
use crate::output::DecodeContext;
use crate::status::PipelineCounts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use vigil_protocol::sparkplug::{PayloadView, Topic};
use vigil_protocol::time::UtcMillis;

/// Key of the pipeline's own snapshot.
const GLOBALS: &str = "";
/// Nodes outside the catalog rank behind all that any catalog may come to have.
pub(super) const STRANGE_RANK: u32 = 1 << 31;

/// Why a stored snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Not a snapshot of this version.
    #[error("reading the snapshot of node `{node}`: {source}")]
    Malformed {
        /// `group/node`, empty for the pipeline's own.
        node: String,
        /// What is wrong with the JSON.
        source: serde_json::Error,
    },
    /// The state of a piece of equipment cannot be used; the rest of the node was restored.
    #[error("restoring node `{node}`: {source}")]
    Equipment {
        /// `group/node`.
        node: String,
        /// Which and why.
        source: crate::equipment::RestoreError,
    },
}

#[derive(Serialize, Deserialize)]
struct NodeSnapshot {
    node: NodeRecord,
    /// By equipment id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    equipment: BTreeMap<Arc<str>, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct GlobalSnapshot {
    started: Option<UtcMillis>,
    counts: PipelineCounts,
}

impl Pipeline {
    /// At most `max` nodes changed since they were last taken, longest-dirty first; they count as clean from now
    /// on, so each must be stored. `""` is the pipeline's own state.
    pub fn take_dirty(&mut self, max: usize) -> Vec<Arc<str>> {
        let mut keys = Vec::new();
        if max > 0 && std::mem::take(&mut self.globals_dirty) {
            keys.push(GLOBALS.into());
        }
        while keys.len() < max
            && let Some(ix) = self.dirty.pop_front()
        {
            let node = &mut self.nodes[ix as usize];
            node.dirty = false;
            keys.push(node.key.clone());
        }
        keys
    }

    /// A node's state and all its equipment's as JSON; `None` for an unknown node. `""` is the pipeline's own.
    #[must_use]
    pub fn snapshot(&self, node: &str) -> Option<Vec<u8>> {
        if node == GLOBALS {
            return serde_json::to_vec(&GlobalSnapshot {
                started: self.started,
                counts: self.counts,
            })
            .ok();
        }
        let node = &self.nodes[*self.by_key.get(node)? as usize];
        let equipment = node
            .devices
            .iter()
            .filter_map(|device| {
                let ix = device.equipment?.0 as usize;
                let (equipment, state) = (&self.catalog.equipment[ix], &self.watched[ix].state);
                (!state.is_default()).then(|| (equipment.id.clone(), state.snapshot(equipment)))
            })
            .collect();
        serde_json::to_vec(&NodeSnapshot {
            node: node.record(),
            equipment,
        })
        .ok()
    }

    /// The births a snapshot refers to: hand them to [`Self::restore_context`] before [`Self::restore_node`].
    ///
    /// # Errors
    /// [`RestoreError`] if the bytes are no snapshot.
    pub fn contexts_of(node: &str, bytes: &[u8]) -> Result<Vec<ContentHash>, RestoreError> {
        if node == GLOBALS {
            return Ok(Vec::new());
        }
        parse::<NodeSnapshot>(node, bytes).map(|snapshot| snapshot.node.contexts())
    }

    /// A stored birth that a snapshot refers to. Kept until the node using it is restored.
    pub fn restore_context(&mut self, context: DecodeContext) {
        self.contexts.insert(context.hash, context);
    }

    /// Takes a birth as known without its having been heard: for replaying a log whose births have been deleted
    /// by age. Hand in, before the first message, the birth it was logged under; nodes outside the catalog need
    /// none.
    pub fn assume_birth(&mut self, context: &DecodeContext) {
        let (key, device) = match Topic::parse(&context.topic) {
            Ok(Topic::Node { group, node, .. }) => (format!("{group}/{node}"), None),
            Ok(Topic::Device {
                group, node, device, ..
            }) => (format!("{group}/{node}"), Some(device)),
            _ => return,
        };
        if let (Some(ix), Ok(view)) = (
            self.by_key.get(key.as_str()).copied(),
            PayloadView::parse(&context.payload),
        ) {
            self.with_node(ix, self.now, &mut Vec::new(), |node, host| {
                node.assume_birth(host, device, context.hash, &view);
            });
        }
    }

    /// Puts back a node's state. Inputs up to the snapshot's position are ignored for this node from then on.
    /// What the catalog no longer names is left out. Equipment whose births were not handed in is asked for
    /// rebirth when it speaks.
    ///
    /// # Errors
    /// [`RestoreError`]: what could not be read starts from nothing, the rest is restored.
    pub fn restore_node(&mut self, node: &str, bytes: &[u8]) -> Result<(), RestoreError> {
        if node == GLOBALS {
            let globals: GlobalSnapshot = parse(node, bytes)?;
            self.counts = globals.counts;
            if let Some(started) = globals.started {
                self.start(started);
            }
            return Ok(());
        }
        let snapshot: NodeSnapshot = parse(node, bytes)?;
        let used = snapshot.node.contexts();
        let ix = match self.by_key.get(node) {
            Some(ix) => *ix,
            None => self.add_node(node.into(), false),
        };
        let contexts = std::mem::take(&mut self.contexts);
        let now = self.now;
        let mut rank = 0;
        self.with_node(ix, now, &mut Vec::new(), |node, host| {
            rank = node.restore(snapshot.node, &contexts, host).rank;
        });
        self.contexts = contexts;
        self.contexts.retain(|hash, _| !used.contains(hash));
        let restored = &mut self.nodes[ix as usize];
        if !restored.known {
            restored.rank = rank.max(STRANGE_RANK);
            self.next_rank = self.next_rank.max(restored.rank.saturating_add(1));
        }
        self.restore_equipment(ix, node, snapshot.equipment)
    }

    /// Puts back the hazards that no snapshot holds, as the store has them after the last commit: those of owners
    /// outside the catalog, and whatever a changed catalog lost. Call after the replay. Closed and rejected ones are
    /// passed over. Returns the hazards of watched equipment that its snapshot did not know as they are: none, unless
    /// the catalog has changed.
    pub fn restore_hazards(&mut self, hazards: impl IntoIterator<Item = HazardSummary>) -> Vec<HazardId> {
        // What the replay made of the log is as the store has it, or not at all.
        self.desk = Desk::default();
        let policy = self.settings.policy.clone();
        let mut adopted = Vec::new();
        for hazard in hazards {
            if hazard.status.is_final() {
                continue;
            }
            let Some(ix) = self.catalog.by_id.get(&hazard.equipment).copied() else {
                self.desk.adopt(hazard, &policy);
                continue;
            };
            let node = self.watched[ix.0 as usize].node;
            let id = hazard.id.clone();
            let mut news = false;
            self.with_node(node, self.now, &mut Vec::new(), |node, host| {
                host.tell(ix, |state, equipment, _| {
                    news = state.adopt_newer(equipment, hazard)
                });
                node.dirty |= news;
            });
            if news {
                self.hazards.insert(id.clone(), ix);
                adopted.push(id);
            }
        }
        self.queue_desk();
        adopted
    }

    fn restore_equipment(
        &mut self,
        ix: u32,
        node: &str,
        mut states: BTreeMap<Arc<str>, serde_json::Value>,
    ) -> Result<(), RestoreError> {
        let mut result = Ok(());
        let bound: Vec<EquipmentIx> = self.nodes[ix as usize]
            .devices
            .iter()
            .filter_map(|device| device.equipment)
            .collect();
        for equipment_ix in bound {
            let at = equipment_ix.0 as usize;
            let equipment = &self.catalog.equipment[at];
            let Some(value) = states.remove(&equipment.id) else {
                continue;
            };
            match EquipmentState::restore_sharing(equipment, self.plans.plan_of(equipment), value) {
                Ok(state) => {
                    self.hazards.extend(
                        state
                            .hazards()
                            .into_iter()
                            .map(|hazard| (hazard.id, equipment_ix)),
                    );
                    let watched = &mut self.watched[at];
                    watched.state = state;
                    let next = watched.state.next_deadline();
                    self.deadlines.put(
                        Who::Equipment(equipment_ix),
                        watched.rank,
                        &mut watched.queued,
                        next,
                    );
                    if let Some(started) = self.started {
                        self.start_equipment(equipment_ix, started);
                    }
                }
                Err(source) => {
                    result = Err(RestoreError::Equipment {
                        node: node.to_owned(),
                        source,
                    })
                }
            }
        }
        result
    }
}

fn parse<'de, T: Deserialize<'de>>(node: &str, bytes: &'de [u8]) -> Result<T, RestoreError> {
    serde_json::from_slice(bytes).map_err(|source| RestoreError::Malformed {
        node: node.to_owned(),
        source,
    })
}
