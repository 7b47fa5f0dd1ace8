//! Logged inputs through the core again: after a restart, and for trying other rules.

use crate::store::{Logged, LoggedInput, Reader, StoreError};
use std::collections::{BTreeSet, HashMap};
use vigil_core::Pipeline;
use vigil_core::field::{Restored, Restorer};
use vigil_core::hash::ContentHash;
use vigil_core::input::{FieldMessage, Input, Message};
use vigil_core::{Outputs, UtcMillis};

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
