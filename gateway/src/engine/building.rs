//! The batch being built: inputs handled, outputs kept for the commit.

use super::action::{ActError, Acted, Answer, equipment_of, key_in_progress, result_of};
use super::events::{Events, windows};
use super::notices::notices;
use super::restore::Restored;
use super::snapshots::Snapshots;
use crate::clock::Clock;
use crate::ingest::{Ack, Incoming};
use crate::sinks::webhook::Subscriber;
use crate::store::{Batch, KeptPolicy, Payload};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use vigil_core::Pipeline;
use vigil_core::input::{FieldMessage, Input, Message, OperatorAction, Position};
use vigil_core::output::{Command, Output};
use vigil_protocol::time::UtcMillis;

/// How long a batch gathers at most while a sender waits for it: brokers send few messages ahead of their
/// acknowledgements (Mosquitto twenty), a client of the embedded broker none.
const AWAITED: Duration = Duration::from_millis(5);

/// A batch on its way to the database, with what follows its commit.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    pub(super) batch: Batch,
    pub(super) inputs: usize,
    pub(super) acks: Vec<Ack>,
    pub(super) commands: Vec<Command>,
    pub(super) answers: Vec<(Answer, Acted)>,
    pub(super) duplicates: u64,
    pub(super) handled_in: Duration,
}

/// The core and the batch it is filling.
#[derive(Debug)]
pub(super) struct Building {
    pub(super) pipeline: Pipeline,
    clock: Clock,
    position: Position,
    now: UtcMillis,
    clock_jumped: bool,
    open: Sealed,
    /// When the first input of the open batch came.
    opened: Option<Instant>,
    /// Somebody waits for the commit, or should hear of it: nothing lingers.
    urgent: bool,
    /// A sender waits to hear that its message is on disk, and sends no more or not much more until then.
    awaited: bool,
    /// Idempotency keys in batches not yet committed: open, and on their way.
    keys: BTreeSet<String>,
    keys_committing: BTreeSet<String>,
    last_batch: u64,
    events: Events,
    snapshots: Snapshots,
    subscribers: Arc<[Subscriber]>,
}

impl Building {
    pub(super) fn new(
        pipeline: Pipeline,
        restored: &Restored,
        clock: Clock,
        snapshots: Snapshots,
        subscribers: Arc<[Subscriber]>,
    ) -> Self {
        let mut building = Self {
            pipeline,
            clock,
            position: restored.position,
            now: restored.now,
            clock_jumped: false,
            open: Sealed::default(),
            opened: None,
            urgent: false,
            awaited: false,
            keys: BTreeSet::new(),
            keys_committing: BTreeSet::new(),
            last_batch: restored.last_batch,
            events: Events::after(restored.last_event),
            snapshots,
            subscribers,
        };
        building.keep_policy(restored);
        building
    }

    /// Goes on with a core that was restored from what is committed.
    pub(super) fn replace(&mut self, pipeline: Pipeline, restored: &Restored) {
        self.pipeline = pipeline;
        self.keep_policy(restored);
    }

    /// The policy goes with the next batch: nothing it decides is in the database before it.
    fn keep_policy(&mut self, restored: &Restored) {
        if !restored.policy_changed {
            return;
        }
        match self.pipeline.policy().keep() {
            Ok((json, hash)) => {
                self.open.batch.policy = Some(KeptPolicy {
                    position: self.position,
                    at: restored.now,
                    hash,
                    json,
                });
            }
            Err(error) => tracing::error!(%error, "the policy of the hazard loop is not kept"),
        }
    }

    /// Inputs in the open batch.
    pub(super) const fn inputs(&self) -> usize {
        self.open.inputs
    }

    pub(super) fn message(&mut self, message: Incoming) {
        let Incoming {
            topic,
            payload,
            retained,
            received,
            ack,
            field,
        } = message;
        self.begin(received);
        self.position.0 += 1;
        let from = self.open.batch.outputs.len();
        let input = match &field {
            None => Input::Message(Message {
                topic: &topic,
                payload: &payload,
                retained,
            }),
            Some(route) => Input::Field(FieldMessage {
                node: &route.node,
                device: route.device.as_deref(),
                topic: &topic,
                payload: &payload,
                retained,
                decoder: &*route.decoder,
            }),
        };
        self.pipeline
            .handle(input, self.position, self.now, &mut self.open.batch.outputs);
        self.awaited |= ack.is_some();
        self.open.acks.extend(ack);
        let mut keep = false;
        for output in &self.open.batch.outputs[from..] {
            match output {
                Output::Log(_) | Output::DeadLetter(_) => keep = true,
                Output::Duplicate { .. } => self.open.duplicates += 1,
                Output::Command(command) => self.open.commands.push(command.clone()),
                Output::Hazard { .. } => self.urgent = true,
                _ => {}
            }
        }
        if keep {
            self.open.batch.payloads.push(Payload {
                position: self.position,
                bytes: payload,
                retained,
            });
        }
    }

    pub(super) fn action(&mut self, action: OperatorAction, answer: Answer) {
        if let Some(key) = &action.idempotency_key
            && (self.keys.contains(key) || self.keys_committing.contains(key))
        {
            // Whoever asked may have gone away; here and below.
            drop(answer.send(Err(key_in_progress())));
            return;
        }
        self.begin(self.clock.now());
        self.position.0 += 1;
        let from = self.open.batch.outputs.len();
        self.pipeline.handle(
            Input::Action(&action),
            self.position,
            self.now,
            &mut self.open.batch.outputs,
        );
        let outputs = &self.open.batch.outputs[from..];
        self.open
            .commands
            .extend(outputs.iter().filter_map(|output| match output {
                Output::Command(command) => Some(command.clone()),
                _ => None,
            }));
        // What was due comes first, whatever becomes of the action.
        self.urgent |= outputs
            .iter()
            .any(|output| matches!(output, Output::Hazard { .. }));
        match result_of(self.position, outputs) {
            Ok(acted) => {
                let node = self.node_of(&action, &acted);
                self.open.batch.action_nodes.push((self.position, node));
                self.keys.extend(action.idempotency_key);
                self.open.answers.push((answer, acted));
                self.urgent = true;
            }
            Err(refused) => drop(answer.send(Err(refused))),
        }
    }

    /// Lets everything happen that is due by now.
    pub(super) fn tick(&mut self) {
        self.begin(self.clock.now());
        let from = self.open.batch.outputs.len();
        self.pipeline
            .handle(Input::Tick, self.position, self.now, &mut self.open.batch.outputs);
        for output in &self.open.batch.outputs[from..] {
            match output {
                Output::Command(command) => self.open.commands.push(command.clone()),
                Output::Hazard { .. } => self.urgent = true,
                _ => {}
            }
        }
    }

    /// When [`Self::tick`] is due, by the gateway's clock.
    pub(super) fn deadline(&self) -> Option<UtcMillis> {
        self.pipeline.next_deadline()
    }

    /// When the open batch should go, if nothing else makes it go before.
    pub(super) fn flush_at(&self, linger: Duration) -> Option<Instant> {
        let linger = match (self.urgent, self.awaited) {
            (true, _) => Duration::ZERO,
            (false, true) => linger.min(AWAITED),
            (false, false) => linger,
        };
        self.opened.map(|opened| opened + linger)
    }

    /// When a batch should go although nothing comes in.
    pub(super) fn snapshot_at(&self) -> Instant {
        self.snapshots.due()
    }

    /// Whether the open batch should go now. Snapshots go with a batch that is due, or alone.
    pub(super) fn is_due(&self, linger: Duration, max_batch: usize) -> bool {
        match self.flush_at(linger) {
            Some(at) => self.open.inputs >= max_batch || Instant::now() >= at,
            None => self.snapshots.wants_batch(self.position),
        }
    }

    /// Closes the open batch with a slice of snapshots; `None` if there is nothing to write.
    pub(super) fn seal(&mut self) -> Option<Sealed> {
        self.close(|snapshots, pipeline, batch| snapshots.slice(pipeline, batch))
    }

    /// Closes the open batch with all snapshots.
    pub(super) fn seal_last(&mut self) -> Option<Sealed> {
        self.close(Snapshots::all)
    }

    fn close(&mut self, snapshots: impl FnOnce(&mut Snapshots, &mut Pipeline, &mut Batch)) -> Option<Sealed> {
        self.opened = None;
        self.urgent = false;
        self.awaited = false;
        let mut sealed = std::mem::take(&mut self.open);
        let batch = &mut sealed.batch;
        batch.position = self.position;
        batch.now = self.now;
        snapshots(&mut self.snapshots, &mut self.pipeline, batch);
        let nothing = batch.is_empty() && sealed.acks.is_empty() && sealed.answers.is_empty();
        if nothing {
            return None;
        }
        self.last_batch += 1;
        batch.id = self.last_batch;
        batch.events = self.events.of(&batch.outputs, self.now);
        batch.outbox = notices(batch, self.pipeline.catalog(), &self.subscribers);
        batch.windows = windows(&batch.outputs, self.pipeline.catalog());
        self.keys_committing.append(&mut self.keys);
        Some(sealed)
    }

    /// The batch that was on its way is in the database.
    pub(super) fn committed(&mut self) {
        self.keys_committing.clear();
    }

    pub(super) const fn add_handled_in(&mut self, time: Duration) {
        self.open.handled_in = self.open.handled_in.saturating_add(time);
    }

    /// Time moves on, never back.
    fn begin(&mut self, at: UtcMillis) {
        if at < self.now {
            if !self.clock_jumped && self.now.since(at) > 1_000 {
                self.clock_jumped = true;
                tracing::warn!(
                    back_ms = self.now.since(at),
                    "the clock jumped back; the gateway's time stands still until the clock has caught up"
                );
            }
        } else {
            self.now = at;
        }
        self.open.inputs += 1;
        if self.opened.is_none() {
            self.opened = Some(Instant::now());
        }
    }

    fn node_of(&self, action: &OperatorAction, acted: &Acted) -> Arc<str> {
        let equipment = match &acted.hazard {
            Some(hazard) => Some(&*hazard.equipment),
            None => equipment_of(&action.action),
        };
        let catalog = self.pipeline.catalog();
        equipment
            .and_then(|id| catalog.by_id.get(id))
            .and_then(|ix| catalog.equipment.get(ix.0 as usize))
            .map_or_else(|| Arc::from(""), |equipment| Arc::clone(&equipment.node))
    }
}

/// Tells everyone who waits for `sealed` that it will not be committed.
pub(super) fn abandon(sealed: Sealed, error: &str) {
    for (answer, _) in sealed.answers {
        drop(answer.send(Err(ActError::Store(error.to_owned()))));
    }
}
