//! The whole core behind one function.
//!
//! # Restart
//! [`Pipeline::new`]; [`Pipeline::restore_context`] for every birth the snapshots refer to
//! ([`Pipeline::contexts_of`]); [`Pipeline::restore_node`] for every snapshot; then the logged inputs after the
//! oldest snapshot through [`Pipeline::handle`] with their old positions and times, outputs thrown away (each
//! node skips what its snapshot already holds); then a tick at the last stored time; then
//! [`Pipeline::restore_hazards`] with what the store has of hazards that are not closed. Now it stands where it stood.

pub(crate) mod deadlines;
mod desk;
mod restore;
mod route;
mod views;

pub use restore::RestoreError;

use crate::catalog::{Catalog, EquipmentIx};
use crate::equipment::{EquipmentState, Plans};
use crate::field::translate::Translation;
use crate::hash::ContentHash;
use crate::hazard::HazardId;
use crate::hazard::docket::{Acting, Asked, owner_of, unknown_hazard};
use crate::hazard::workflow::Step;
use crate::host::intake::Intake;
use crate::host::table::Tables;
use crate::host::{Host, Node, OddityKey, Watched, fingerprint};
use crate::input::{Action, Input, OperatorAction, Position};
use crate::output::{ActionEntry, DecodeContext, Output, Outputs, Refusal};
use crate::settings::Settings;
use crate::status::PipelineCounts;
use deadlines::{Deadlines, NEVER, Who};
use desk::Desk;
use route::Route;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// The whole core behind one function.
#[derive(Debug)]
pub struct Pipeline {
    catalog: Arc<Catalog>,
    settings: Settings,
    /// Catalog nodes in catalog order, then others in order of appearance.
    nodes: Vec<Node>,
    by_key: HashMap<Arc<str>, u32>,
    /// Fingerprints of the nodes' keys in lower case.
    folded: HashSet<u64>,
    /// Topics of registered devices' data, resolved.
    routes: HashMap<Box<str>, Route>,
    /// By [`EquipmentIx`].
    watched: Vec<Watched>,
    deadlines: Deadlines,
    hazards: HashMap<HazardId, EquipmentIx>,
    /// Hazards that no telemetry watches.
    desk: Desk,
    tables: Tables,
    plans: Plans,
    intake: Intake,
    translation: Translation,
    strangers: usize,
    /// Rank of the next node that is not in the catalog.
    next_rank: u32,
    now: UtcMillis,
    /// When it first handled anything: silence counts from here.
    started: Option<UtcMillis>,
    counts: PipelineCounts,
    /// Indexes of changed nodes, longest-dirty first.
    dirty: VecDeque<u32>,
    globals_dirty: bool,
    /// Births handed in for restoring.
    contexts: HashMap<ContentHash, DecodeContext>,
}

impl Pipeline {
    /// A pipeline that has seen nothing.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, settings: Settings) -> Self {
        let mut pipeline = Self {
            plans: Plans::new(&settings),
            settings,
            nodes: Vec::with_capacity(catalog.by_binding.len()),
            by_key: HashMap::with_capacity(catalog.by_binding.len()),
            folded: HashSet::with_capacity(catalog.by_binding.len()),
            routes: HashMap::new(),
            watched: Vec::with_capacity(catalog.equipment.len()),
            deadlines: Deadlines::default(),
            hazards: HashMap::new(),
            desk: Desk::default(),
            tables: Tables::default(),
            intake: Intake::default(),
            translation: Translation::default(),
            strangers: 0,
            next_rank: restore::STRANGE_RANK,
            now: UtcMillis(i64::MIN),
            started: None,
            counts: PipelineCounts::default(),
            dirty: VecDeque::new(),
            globals_dirty: false,
            contexts: HashMap::new(),
            catalog: catalog.clone(),
        };
        for (at, equipment) in catalog.equipment.iter().enumerate() {
            let node = match pipeline.by_key.get(&equipment.node) {
                Some(node) => *node,
                None => pipeline.add_node(equipment.node.clone(), true),
            };
            pipeline.nodes[node as usize].bind(equipment.device.clone(), EquipmentIx(at as u32));
            pipeline.watched.push(Watched {
                state: EquipmentState::sharing(equipment, pipeline.plans.plan_of(equipment)),
                queued: NEVER,
                node,
                rank: node,
            });
        }
        pipeline
    }

    fn add_node(&mut self, key: Arc<str>, known: bool) -> u32 {
        let ix = self.nodes.len() as u32;
        let rank = if known {
            ix
        } else {
            self.next_rank += 1;
            self.next_rank - 1
        };
        let mut node = Node::new(key.clone(), known, rank);
        let alike = !self.folded.insert(fingerprint(&key.to_lowercase(), &[]));
        if alike && !known {
            node.note(OddityKey::CaseOnlyId, self.now);
        }
        self.nodes.push(node);
        self.by_key.insert(key, ix);
        ix
    }

    /// Feeds one input; appends what is to be stored and done. Everything due at or before `now` is done first,
    /// each thing at its own time, so how often ticks come changes nothing. `now` must not decrease; if it does,
    /// the latest is used again. A tick needs no position: what it causes carries that of the node's last logged
    /// input.
    pub fn handle(&mut self, input: Input<'_>, position: Position, now: UtcMillis, out: &mut Outputs) {
        let now = now.max(self.now);
        if self.started.is_none() {
            self.start(now);
        }
        self.do_due(now, out);
        self.now = now;
        match input {
            Input::Message(message) => self.on_message(&message, position, out),
            Input::Field(message) => self.on_field(&message, position, out),
            Input::Action(action) => self.on_action(action, position, out),
            Input::Tick => {}
        }
    }

    /// When [`Input::Tick`] is due at the latest. May be earlier than anything happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<UtcMillis> {
        self.deadlines.next()
    }

    fn start(&mut self, now: UtcMillis) {
        self.started = Some(now);
        self.globals_dirty = true;
        for at in 0..self.watched.len() {
            self.start_equipment(EquipmentIx(at as u32), now);
        }
    }

    fn start_equipment(&mut self, ix: EquipmentIx, now: UtcMillis) {
        let watched = &mut self.watched[ix.0 as usize];
        watched
            .state
            .on_start(&self.catalog.equipment[ix.0 as usize], now);
        let next = watched.state.next_deadline();
        self.deadlines
            .put(Who::Equipment(ix), watched.rank, &mut watched.queued, next);
    }

    fn do_due(&mut self, now: UtcMillis, out: &mut Outputs) {
        while let Some(due) = self.deadlines.pop(now) {
            match due.who {
                Who::Node(ix) => self.node_due(ix, due.at, out),
                Who::Equipment(ix) => self.equipment_due(ix, due.at, out),
                Who::Desk => self.desk_due(due.at, out),
            }
        }
    }

    fn node_due(&mut self, ix: u32, at: UtcMillis, out: &mut Outputs) {
        let node = &mut self.nodes[ix as usize];
        if node.queued != at {
            return;
        }
        node.queued = NEVER;
        if node.next_deadline(&self.settings).is_some_and(|next| next <= at) {
            self.with_node(ix, at, out, |node, host| {
                node.dirty = true;
                node.on_due(host);
            });
        } else {
            self.requeue(ix, at);
        }
    }

    fn equipment_due(&mut self, ix: EquipmentIx, at: UtcMillis, out: &mut Outputs) {
        let watched = &mut self.watched[ix.0 as usize];
        if watched.queued != at {
            return;
        }
        watched.queued = NEVER;
        let node = watched.node;
        if watched.state.next_deadline().is_some_and(|next| next <= at) {
            self.with_node(node, at, out, |node, host| {
                node.dirty = true;
                let position = node.position.unwrap_or_default();
                host.tell(ix, |state, equipment, out| {
                    state.on_due(equipment, at, position, out)
                });
            });
        }
        let watched = &mut self.watched[ix.0 as usize];
        // Whatever is still due then is done a moment later rather than for ever.
        let next = watched
            .state
            .next_deadline()
            .map(|next| next.max(at.saturating_add_ms(1)));
        self.deadlines
            .put(Who::Equipment(ix), watched.rank, &mut watched.queued, next);
    }

    /// Lets a node do something with all it needs, and keeps its deadline and its place among the changed.
    fn with_node(
        &mut self,
        ix: u32,
        now: UtcMillis,
        out: &mut Outputs,
        what: impl FnOnce(&mut Node, &mut Host<'_>),
    ) {
        let node = &mut self.nodes[ix as usize];
        let was_dirty = node.dirty;
        let mut host = Host {
            catalog: &self.catalog,
            settings: &self.settings,
            watched: &mut self.watched,
            deadlines: &mut self.deadlines,
            hazards: &mut self.hazards,
            tables: &mut self.tables,
            intake: &mut self.intake,
            strangers: &mut self.strangers,
            now,
            out,
        };
        what(node, &mut host);
        if node.dirty && !was_dirty {
            self.dirty.push_back(ix);
        }
        self.requeue(ix, now);
    }

    fn requeue(&mut self, ix: u32, now: UtcMillis) {
        let node = &mut self.nodes[ix as usize];
        let next = node
            .next_deadline(&self.settings)
            .map(|next| next.max(now.saturating_add_ms(1)));
        self.deadlines
            .put(Who::Node(ix), node.rank, &mut node.queued, next);
    }

    fn on_action(&mut self, action: &OperatorAction, position: Position, out: &mut Outputs) {
        match self.place_of(&action.action) {
            Ok(Place::Equipment(ix)) => self.act_on_equipment(ix, action, position, out),
            Ok(Place::Desk(owner)) => self.act_on_desk(&owner, action, position, out),
            Err(refusal) => out.push(Output::Refused(refusal)),
        }
    }

    fn act_on_equipment(
        &mut self,
        ix: EquipmentIx,
        action: &OperatorAction,
        position: Position,
        out: &mut Outputs,
    ) {
        let node = self.watched[ix.0 as usize].node;
        if self.nodes[node as usize]
            .position
            .is_some_and(|seen| position <= seen)
        {
            return;
        }
        self.with_node(node, self.now, out, |node, host| {
            let (now, before) = (host.now, host.out.len());
            host.out.push(log(action, position, now));
            let mut refused = None;
            host.tell(ix, |state, equipment, out| {
                refused = state.on_action(equipment, action, position, now, out).err();
            });
            match refused {
                None => {
                    node.position = Some(position);
                    node.dirty = true;
                }
                Some(refusal) => {
                    host.out.truncate(before);
                    host.out.push(Output::Refused(refusal));
                }
            }
        });
    }

    fn act_on_desk(
        &mut self,
        owner: &Arc<str>,
        action: &OperatorAction,
        position: Position,
        out: &mut Outputs,
    ) {
        let before = out.len();
        out.push(log(action, position, self.now));
        if let Err(refusal) = self.desk_action(owner, action, position, out) {
            out.truncate(before);
            out.push(Output::Refused(refusal));
        }
        self.queue_desk();
    }

    fn desk_action(
        &mut self,
        owner: &Arc<str>,
        action: &OperatorAction,
        position: Position,
        out: &mut Outputs,
    ) -> Result<(), Refusal> {
        let acting = Acting::of(action, position, self.now).ok_or_else(nobody)?;
        let (desk, policy) = (&mut self.desk, &*self.settings.policy);
        let asked = |hazard, expect, step| Asked { hazard, expect, step };
        match &action.action {
            Action::OpenHazard { intake } => desk.report(owner, intake, &acting, policy, out),
            Action::Hazard { hazard, expect, step } => {
                desk.act(asked(hazard, *expect, step), &acting, policy, out)
            }
            Action::ConfirmHazard { hazard } => {
                desk.act(asked(hazard, None, &Step::Confirm), &acting, policy, out)
            }
            Action::RejectHazard { hazard } => {
                desk.act(asked(hazard, None, &Step::Reject), &acting, policy, out)
            }
            Action::CommentHazard { hazard } => {
                desk.act(asked(hazard, None, &Step::Comment), &acting, policy, out)
            }
            other => Err(unknown(other)),
        }
    }

    fn queue_desk(&mut self) {
        let next = self.desk.next();
        // Behind every node: the same whatever happened before.
        self.deadlines
            .put(Who::Desk, u32::MAX, &mut self.desk.queued, next);
    }

    fn desk_due(&mut self, at: UtcMillis, out: &mut Outputs) {
        if self.desk.queued != at {
            return;
        }
        self.desk.queued = NEVER;
        self.desk.on_due(at, &self.settings.policy, out);
        self.queue_desk();
    }

    fn place_of(&self, action: &Action) -> Result<Place, Refusal> {
        let known = |id: &str| self.catalog.by_id.get(id).copied().map(Place::Equipment);
        let place = match action {
            Action::OpenHazard { intake } => {
                let owner = owner_of(intake)?;
                known(&owner).or(Some(Place::Desk(owner)))
            }
            Action::ConfirmHazard { hazard }
            | Action::RejectHazard { hazard }
            | Action::CommentHazard { hazard }
            | Action::Hazard { hazard, .. } => match self.desk.find(hazard) {
                Some(found) => Some(Place::Desk(found.equipment.clone())),
                None => self.hazards.get(hazard).copied().map(Place::Equipment),
            },
            Action::AcknowledgeAlarm { equipment, .. }
            | Action::ShelveAlarm { equipment, .. }
            | Action::UnshelveAlarm { equipment, .. }
            | Action::ResetAlarm { equipment, .. } => known(equipment),
        };
        place.ok_or_else(|| unknown(action))
    }
}

/// Whose an action is.
enum Place {
    Equipment(EquipmentIx),
    Desk(Arc<str>),
}

fn log(action: &OperatorAction, position: Position, received: UtcMillis) -> Output {
    Output::LogAction(ActionEntry {
        position,
        received,
        action: action.clone(),
    })
}

fn nobody() -> Refusal {
    Refusal::new(
        "actor_required",
        "an action needs the name of who takes it",
        "须注明办理人",
    )
}

fn unknown(action: &Action) -> Refusal {
    match action {
        Action::ConfirmHazard { hazard }
        | Action::RejectHazard { hazard }
        | Action::CommentHazard { hazard }
        | Action::Hazard { hazard, .. } => unknown_hazard(hazard),
        Action::OpenHazard { .. } => {
            Refusal::new("unknown_equipment", "there is no such equipment", "没有该设备")
        }
        Action::AcknowledgeAlarm { equipment, .. }
        | Action::ShelveAlarm { equipment, .. }
        | Action::UnshelveAlarm { equipment, .. }
        | Action::ResetAlarm { equipment, .. } => Refusal::new(
            "alarm_unknown",
            format!("there is no equipment `{equipment}`"),
            format!("没有设备 `{equipment}`"),
        ),
    }
}
