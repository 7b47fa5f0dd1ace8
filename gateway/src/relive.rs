//! Logged inputs through the core again: after a restart, and for trying other rules.

use crate::store::{KeptPolicy, Logged, LoggedInput, Reader, StoreError};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use vigil_core::Pipeline;
use vigil_core::field::{Restored, Restorer};
use vigil_core::hash::ContentHash;
use vigil_core::hazard::policy::Policy;
use vigil_core::input::{FieldMessage, Input, Message, Position};
use vigil_core::{Outputs, UtcMillis};

/// The policies of the hazard loop a log was written under: each is in force again from where it was.
#[derive(Debug)]
pub(crate) struct Policies {
    waiting: VecDeque<KeptPolicy>,
    /// Hash of the last that is known of.
    last: Option<ContentHash>,
}

impl Policies {
    /// Reads them. Before the first of them the shipped one was in force: `pipeline` works by it from now on.
    pub(crate) async fn begin(pipeline: &mut Pipeline, reader: &Reader) -> Result<Self, StoreError> {
        let waiting: VecDeque<_> = reader.policies().await?.into();
        let shipped = Arc::clone(Policy::builtin());
        pipeline.work_by(shipped, UtcMillis(i64::MIN), &mut Outputs::new());
        Ok(Self {
            last: waiting.back().map(|kept| kept.hash),
            waiting,
        })
    }

    /// What was in force when the input at `position` came.
    pub(crate) fn before(&mut self, pipeline: &mut Pipeline, position: Position, out: &mut Outputs) {
        while let Some(kept) = self.waiting.pop_front_if(|kept| kept.position < position) {
            match Policy::kept(&kept.json) {
                Ok(policy) => pipeline.work_by(Arc::new(policy), kept.at, out),
                Err(error) => {
                    tracing::error!(%error, hash = %kept.hash, "deadlines may come out otherwise than they were");
                }
            }
        }
    }

    /// What was in force behind the last input.
    pub(crate) fn rest(&mut self, pipeline: &mut Pipeline, out: &mut Outputs) {
        self.before(pipeline, Position(u64::MAX), out);
    }

    /// Whether `policy` is the last of them.
    pub(crate) fn end_with(&self, policy: &Policy) -> bool {
        let hash = policy.keep().ok().map(|(_, hash)| hash);
        hash.is_some() && hash == self.last
    }
}

/// Feeds logged inputs, page by page: [`Relive::learn`], then [`Relive::feed`] each.
#[derive(Debug, Default)]
pub(crate) struct Relive {
    /// Profiles and maps met so far; `None`: it cannot be read any more, which was said.
    decoders: HashMap<ContentHash, Option<Restored>>,
    restorer: Restorer,
}

impl Relive {
    /// Fetches the profiles and maps a page refers to.
    pub(crate) async fn learn(&mut self, reader: &Reader, page: &[LoggedInput]) -> Result<(), StoreError> {
        let wanted: BTreeSet<ContentHash> = page
            .iter()
            .filter_map(|input| match &input.what {
                Logged::Field { context, .. } => *context,
                Logged::Message { .. } | Logged::Action(_) => None,
            })
            .filter(|hash| !self.decoders.contains_key(hash))
            .collect();
        for (hash, context) in reader.contexts(&wanted).await? {
            let restored = self
                .restorer
                .restore(&context)
                .inspect_err(|error| tracing::error!(%error, "logged messages cannot be read any more"))
                .ok();
            self.decoders.insert(hash, restored);
        }
        Ok(())
    }

    /// Handles one input again.
    pub(crate) fn feed(
        &self,
        pipeline: &mut Pipeline,
        input: &LoggedInput,
        now: UtcMillis,
        out: &mut Outputs,
    ) {
        match &input.what {
            Logged::Message {
                topic,
                payload,
                retained,
            } => {
                let message = Message {
                    topic,
                    payload,
                    retained: *retained,
                };
                pipeline.handle(Input::Message(message), input.position, now, out);
            }
            Logged::Field {
                device,
                context,
                payload,
                retained,
            } => {
                let restored = context.and_then(|hash| self.decoders.get(&hash)?.as_ref());
                if let Some(restored) = restored {
                    let message = FieldMessage {
                        node: &input.node,
                        device: device.as_deref(),
                        topic: &restored.topic,
                        payload,
                        retained: *retained,
                        decoder: &*restored.decoder,
                    };
                    pipeline.handle(Input::Field(message), input.position, now, out);
                }
            }
            // With other rules an action may be about a hazard that never was: then it is refused.
            Logged::Action(action) => pipeline.handle(Input::Action(action), input.position, now, out),
        }
    }
}
