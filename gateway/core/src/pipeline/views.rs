//! What the pipeline knows, to be read.

use super::Pipeline;
use crate::catalog::{Catalog, EquipmentIx};
use crate::field::Source;
use crate::hazard::policy::Policy;
use crate::hazard::{HazardId, HazardSummary};
use crate::output::UnregisteredDevice;
use crate::status::{EquipmentView, NodeStatus, PipelineCounts};
use std::sync::Arc;

impl Pipeline {
    /// What it watches.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The periods of the closed loop it works by.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.settings.policy
    }

    /// Every node of the catalog in its order, then every other node heard.
    pub fn nodes(&self) -> impl Iterator<Item = NodeStatus> {
        self.nodes.iter().map(|node| node.status(&self.catalog))
    }

    /// One node by `group/node`.
    #[must_use]
    pub fn node(&self, key: &str) -> Option<NodeStatus> {
        let ix = self.by_key.get(key)?;
        Some(self.nodes[*ix as usize].status(&self.catalog))
    }

    /// What a node speaks, by `group/node`; `None` if it was never heard nor named.
    #[must_use]
    pub fn source_of(&self, key: &str) -> Option<Source> {
        let ix = self.by_key.get(key)?;
        Some(self.nodes[*ix as usize].source)
    }

    /// One piece of equipment. Panics if `ix` is not of this pipeline's catalog.
    #[must_use]
    pub fn equipment(&self, ix: EquipmentIx) -> EquipmentView<'_> {
        let watched = &self.watched[ix.0 as usize];
        EquipmentView {
            ix,
            equipment: &self.catalog.equipment[ix.0 as usize],
            state: &watched.state,
            node_online: self.nodes[watched.node as usize].online,
        }
    }

    /// A hazard that something can still happen to, as it stands.
    #[must_use]
    pub fn hazard(&self, id: &HazardId) -> Option<&HazardSummary> {
        self.desk.find(id).or_else(|| {
            let ix = self.hazards.get(id)?;
            self.watched[ix.0 as usize].state.hazard(id)
        })
    }

    /// Devices that send but are in no catalog.
    #[must_use]
    pub fn unregistered(&self) -> Vec<UnregisteredDevice> {
        self.nodes.iter().flat_map(|node| node.unregistered()).collect()
    }

    /// Counts that belong to no node.
    #[must_use]
    pub fn counts(&self) -> PipelineCounts {
        self.counts
    }
}
