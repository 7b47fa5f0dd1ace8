//! Hazards of owners that no telemetry watches: equipment that is only in the register, and units.
//!
//! They are not in any node's snapshot. After a restart [`super::Pipeline::restore_hazards`] puts them back from what
//! the store has of them, which is as of the last commit.

use crate::hazard::docket::{Acting, Asked, Docket, on_record, unknown_hazard};
use crate::hazard::policy::Policy;
use crate::hazard::workflow::Intake;
use crate::hazard::{HazardId, HazardSummary};
use crate::input::Position;
use crate::output::{Output, Outputs, Refusal};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Ids of rejected ones kept.
const REJECTED: usize = 4_096;

/// Hazards by owner. Nothing of a closed one stays.
#[derive(Debug)]
pub(super) struct Desk {
    dockets: BTreeMap<Arc<str>, Docket>,
    owners: HashMap<HazardId, Arc<str>>,
    /// The last rejected ones: the store may not have them as such yet, and their ids must not come again.
    rejected: VecDeque<HazardId>,
    /// By time, then by owner: the same whatever happened before.
    due: BTreeSet<(UtcMillis, Arc<str>)>,
    /// Earliest entry in the pipeline's queue.
    pub(super) queued: UtcMillis,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            dockets: BTreeMap::new(),
            owners: HashMap::new(),
            rejected: VecDeque::new(),
            due: BTreeSet::new(),
            queued: super::NEVER,
        }
    }
}

impl Desk {
    pub(super) fn find(&self, id: &HazardId) -> Option<&HazardSummary> {
        self.dockets.get(self.owners.get(id)?)?.find(id)
    }

    /// When [`Self::on_due`] has something to do.
    pub(super) fn next(&self) -> Option<UtcMillis> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn act(
        &mut self,
        asked: Asked<'_>,
        acting: &Acting<'_>,
        policy: &Policy,
        out: &mut Outputs,
    ) -> Result<(), Refusal> {
        let owner = self.owners.get(asked.hazard).cloned();
        let owner = owner.ok_or_else(|| unknown_hazard(asked.hazard))?;
        self.with(&owner, out, |docket, out| {
            docket.act(asked, acting, None, policy, out)
        })
    }

    pub(super) fn report(
        &mut self,
        owner: &Arc<str>,
        intake: &Intake,
        acting: &Acting<'_>,
        policy: &Policy,
        out: &mut Outputs,
    ) -> Result<(), Refusal> {
        if let Some(known) = HazardId::of_intake(intake, acting.now)
            && self.rejected.contains(&known)
        {
            return Err(on_record("already_recorded", &known));
        }
        self.with(owner, out, |docket, out| {
            docket.report(owner, intake, acting, policy, out)
        })
    }

    /// What is due at or before `now`. No input causes it: it carries the position of none.
    pub(super) fn on_due(&mut self, now: UtcMillis, policy: &Policy, out: &mut Outputs) {
        while let Some((at, owner)) = self.due.first().filter(|(at, _)| *at <= now).cloned() {
            self.with(&owner, out, |docket, out| {
                docket.on_due(at, Position::default(), policy, out);
            });
        }
    }

    /// Puts back a hazard, if it is further on than what is known.
    pub(super) fn adopt(&mut self, hazard: HazardSummary, policy: &Policy) {
        let owner = hazard.equipment.clone();
        self.owners.insert(hazard.id.clone(), owner.clone());
        self.with(&owner, &mut Vec::new(), |docket, _| {
            docket.adopt(hazard, policy);
        });
    }

    /// Another policy: what is due when, anew.
    pub(super) fn work_by(&mut self, policy: &Policy) {
        self.due.clear();
        for (owner, docket) in &mut self.dockets {
            docket.plan(policy);
            self.due.extend(docket.next().map(|next| (next, owner.clone())));
        }
    }

    /// Lets one owner's hazards change, and keeps what is known of them in step.
    fn with<T>(
        &mut self,
        owner: &Arc<str>,
        out: &mut Outputs,
        what: impl FnOnce(&mut Docket, &mut Outputs) -> T,
    ) -> T {
        let docket = self.dockets.entry(owner.clone()).or_default();
        let (before, was) = (out.len(), docket.next());
        let result = what(docket, out);
        self.rejected.extend(docket.drop_rejected());
        while self.rejected.len() > REJECTED {
            self.rejected.pop_front();
        }
        for output in &out[before..] {
            if let Output::Hazard { summary, .. } = output {
                if docket.find(&summary.id).is_some() {
                    self.owners.insert(summary.id.clone(), owner.clone());
                } else {
                    self.owners.remove(&summary.id);
                }
            }
        }
        let next = docket.next();
        if next != was {
            if let Some(was) = was {
                self.due.remove(&(was, owner.clone()));
            }
            if let Some(next) = next {
                self.due.insert((next, owner.clone()));
            }
        }
        if docket.is_done() {
            self.dockets.remove(owner);
        }
        result
    }
}
