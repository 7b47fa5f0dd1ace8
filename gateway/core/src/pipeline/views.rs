//! What the pipeline knows, to be read; and by which policy it works.

use super::Pipeline;
use super::deadlines::Who;
use crate::catalog::{Catalog, EquipmentIx};
use crate::equipment::Plans;
use crate::field::Source;
use crate::hazard::policy::Policy;
use crate::hazard::{HazardId, HazardSummary};
use crate::output::{Outputs, UnregisteredDevice};
use crate::status::{EquipmentView, NodeStatus, PipelineCounts};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

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

    /// From `at` on the loop works by another policy. Everything due by then is done by the one before, so that the
    /// same change at the same place of the log gives the same again. What was decided keeps its deadline.
    pub fn work_by(&mut self, policy: Arc<Policy>, at: UtcMillis, out: &mut Outputs) {
        let at = at.max(self.now);
        self.do_due(at, out);
        self.now = at;
        if policy == self.settings.policy {
            return;
        }
        self.settings.policy = policy;
        self.plans = Plans::new(&self.settings);
        for (index, (watched, equipment)) in self.watched.iter_mut().zip(&self.catalog.equipment).enumerate()
        {
            watched.state.work_by(equipment, self.plans.plan_of(equipment));
            let next = watched.state.next_deadline();
            self.deadlines.put(
                Who::Equipment(EquipmentIx(index as u32)),
                watched.rank,
                &mut watched.queued,
                next,
            );
        }
        self.desk.work_by(&self.settings.policy);
        self.queue_desk();
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
