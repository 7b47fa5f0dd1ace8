//! Starting where the last run ended.

use crate::relive::{Policies, Relive};
use crate::store::{Logged, Reader, StoreError};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use vigil_core::Pipeline;
use vigil_core::input::{Input, Position};
use vigil_protocol::time::UtcMillis;

/// Log rows read at once.
const PAGE: u32 = 2_000;

/// Where the engine continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Last position used.
    pub position: Position,
    /// Last time given to the core.
    pub now: UtcMillis,
    /// Id of the last event told to readers.
    pub last_event: i64,
    /// Number of the last batch.
    pub last_batch: u64,
    /// Nodes restored from snapshots.
    pub nodes: usize,
    /// Inputs handled again.
    pub replayed: u64,
    /// From here on the hazard loop works by another policy than what is in the database did: to be kept with the
    /// next batch.
    pub policy_changed: bool,
}

/// Why the last state could not be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFailure {
    /// The store cannot be read.
    #[error("cannot restore the state of the last run: {0}")]
    Store(#[from] StoreError),
}

/// Rebuilds `pipeline`, which comes with the policy of the hazard loop it is to work by from now on: newest snapshots,
/// then the log behind them with the outputs thrown away (they are in the database), then the passing of time up to the
/// last moment that was committed.
///
/// # Errors
/// The store cannot be read. A snapshot that cannot be used is not an error: its node begins anew,
/// and the log says so loudly.
pub async fn restore(pipeline: &mut Pipeline, reader: &Reader) -> Result<Restored, RestoreFailure> {
    let stored = reader.restorable().await?;
    let wanted = Arc::clone(pipeline.policy());
    let mut policies = Policies::begin(pipeline, reader).await?;
    let mut hashes = BTreeSet::new();
    for snapshot in &stored.snapshots {
        // An unreadable snapshot is reported once, below.
        if let Ok(contexts) = Pipeline::contexts_of(&snapshot.node, &snapshot.json) {
            hashes.extend(contexts);
        }
    }
    for context in reader.contexts(&hashes).await?.into_values() {
        pipeline.restore_context(context);
    }
    let mut covered: HashMap<Arc<str>, Position> = HashMap::with_capacity(stored.snapshots.len());
    for snapshot in stored.snapshots {
        match pipeline.restore_node(&snapshot.node, &snapshot.json) {
            Ok(()) => {
                covered.insert(snapshot.node, snapshot.position);
            }
            Err(error) => {
                tracing::error!(node = %snapshot.node, %error, "a snapshot cannot be used; the node begins anew");
            }
        }
    }
    let nodes = covered.len();
    let mut outputs = Vec::new();
    // What counted from the oldest snapshot on.
    policies.before(
        pipeline,
        Position(stored.watermark.0.saturating_add(1)),
        &mut outputs,
    );
    let mut relive = Relive::default();
    let (mut after, mut now, mut replayed) = (stored.watermark, UtcMillis(i64::MIN), 0);
    loop {
        let page = reader.log_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        relive.learn(reader, &page).await?;
        for input in &page {
            now = now.max(input.received);
            // The core itself passes over messages a node's snapshot covers; for actions the position decides here.
            let covered = matches!(input.what, Logged::Action(_))
                && covered
                    .get(&input.node)
                    .is_some_and(|position| *position >= input.position);
            policies.before(pipeline, input.position, &mut outputs);
            if !covered {
                relive.feed(pipeline, input, now, &mut outputs);
                outputs.clear();
            }
            replayed += 1;
        }
    }
    policies.rest(pipeline, &mut outputs);
    if let Some(last_now) = stored.last_now {
        now = now.max(last_now);
        pipeline.handle(Input::Tick, stored.last_position, now, &mut outputs);
    }
    for hazard in pipeline.restore_hazards(reader.hazards_in_hand().await?) {
        tracing::warn!(hazard = %hazard.0, "no snapshot has this hazard as it is stored: taken from the register");
    }
    // Not before everything is as it was: the next thing that happens happens by the new one.
    pipeline.work_by(Arc::clone(&wanted), now, &mut Vec::new());
    Ok(Restored {
        position: stored.last_position.max(after),
        now,
        last_event: reader.last_event_id().await?,
        last_batch: stored.last_batch,
        nodes,
        replayed,
        policy_changed: !policies.end_with(&wanted),
    })
}
