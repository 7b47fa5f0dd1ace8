//! Snapshots in slices: a pass over all nodes that have changed, a little of it with every batch.
//!
//! When a pass that began at position P is complete, the state of every node as of P or later is in
//! the database, so that a restart needs the log only behind P.

use crate::store::{Batch, Snapshot};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use vigil_core::Pipeline;
use vigil_core::input::Position;

/// Nodes per slice.
const SLICE_NODES: usize = 200;
/// Bytes per slice, after which it ends.
const SLICE_BYTES: usize = 256 * 1024;

/// Where the passes stand.
#[derive(Debug)]
pub(super) struct Snapshots {
    every: Duration,
    every_inputs: u64,
    started: Instant,
    started_at: Position,
    /// Where the last complete pass began.
    watermark: Position,
    /// Set while a pass is going on; its nodes still to be taken.
    pass: Option<VecDeque<Arc<str>>>,
}

impl Snapshots {
    pub(super) fn new(every: Duration, every_inputs: u64, position: Position) -> Self {
        Self {
            every,
            every_inputs,
            started: Instant::now(),
            started_at: position,
            watermark: Position(0),
            pass: None,
        }
    }

    /// When the next pass is due by time.
    pub(super) fn due(&self) -> Instant {
        self.started + self.every
    }

    /// Whether a slice should be taken with the next batch, or even without one.
    pub(super) fn wants_batch(&self, position: Position) -> bool {
        self.pass.is_some()
            || Instant::now() >= self.due()
            || position.0 - self.started_at.0 >= self.every_inputs
    }

    /// Adds a slice to `batch`, beginning a pass when one is due.
    pub(super) fn slice(&mut self, pipeline: &mut Pipeline, batch: &mut Batch) {
        if !self.wants_batch(batch.position) {
            return;
        }
        let pass = self.pass.get_or_insert_with(|| {
            self.started = Instant::now();
            self.started_at = batch.position;
            pipeline.take_dirty(usize::MAX).into()
        });
        let mut bytes = 0;
        while let Some(node) = pass.pop_front() {
            if let Some(json) = pipeline.snapshot(&node) {
                bytes += json.len();
                batch.snapshots.push(Snapshot {
                    node,
                    position: batch.position,
                    json,
                });
            }
            if batch.snapshots.len() >= SLICE_NODES || bytes >= SLICE_BYTES {
                break;
            }
        }
        if pass.is_empty() {
            self.pass = None;
            // A pass that found nothing new has nothing to say either.
            if self.started_at > self.watermark {
                self.watermark = self.started_at;
                batch.watermark = Some(self.started_at);
            }
        }
    }

    /// Everything that is not in the database yet: for a graceful stop.
    pub(super) fn all(&mut self, pipeline: &mut Pipeline, batch: &mut Batch) {
        let mut nodes: Vec<_> = self.pass.take().unwrap_or_default().into();
        nodes.extend(pipeline.take_dirty(usize::MAX));
        nodes.sort();
        nodes.dedup();
        for node in nodes {
            if let Some(json) = pipeline.snapshot(&node) {
                batch.snapshots.push(Snapshot {
                    node,
                    position: batch.position,
                    json,
                });
            }
        }
        batch.watermark = Some(batch.position);
    }
}
