//! The building task.

use super::action::Request;
use super::building::{Building, Sealed};
use super::chore::Chore;
use super::commit::Committer;
use super::health::Shared;
use super::snapshots::Snapshots;
use super::{EngineOptions, EngineParts};
use crate::clock::Clock;
use crate::ingest::Incoming;
use crate::store::{Reader, ServerEvent, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigil_protocol::time::UtcMillis;

/// Why the engine ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum EngineFailure {
    /// A batch could not be committed, and trying again cannot help (or was given up at the stop).
    #[error("the engine ended: {0}")]
    Store(#[from] StoreError),
    /// A task ended in a way it never should.
    #[error("the engine ended unexpectedly; the log may say why")]
    Panicked,
}

/// Messages taken from the queue at once: bounds how long a question waits.
const GULP: usize = 128;

/// Real time between two ticks at least. What they cause does not depend on how often they come, and
/// with many pieces of equipment something is nearly due all the time.
const TICK: Duration = Duration::from_millis(20);

pub(super) fn start(
    parts: EngineParts,
    requests: mpsc::Receiver<Request>,
    chores: mpsc::Receiver<Chore>,
    events: broadcast::Sender<Arc<ServerEvent>>,
    shared: Arc<Shared>,
    stop: CancellationToken,
    give_up: CancellationToken,
) -> JoinHandle<Result<(), EngineFailure>> {
    let EngineParts {
        pipeline,
        restored,
        writer,
        reader,
        messages,
        outlet,
        clock,
        options,
        ..
    } = parts;
    let (to_commit, batches) = mpsc::channel(1);
    let (done_to, done) = mpsc::channel(1);
    let committer = Committer {
        writer,
        outlet,
        events,
        shared: Arc::clone(&shared),
        clock: clock.clone(),
        options: options.clone(),
        give_up,
        chores,
    };
    let committing = tokio::spawn(committer.run(batches, done_to));
    let snapshots = Snapshots::new(options.snapshot_every, options.snapshot_inputs, restored.position);
    let engine = Loop {
        reader,
        building: Building::new(
            pipeline,
            &restored,
            clock.clone(),
            snapshots,
            Arc::clone(&options.subscribers),
        ),
        clock,
        options,
        requests,
        messages,
        to_commit,
        done,
        in_flight: false,
        shared: Arc::clone(&shared),
        stop,
    };
    tokio::spawn(async move {
        let built = engine.run().await;
        shared.ended();
        let closed = committing.await.map_err(|_| EngineFailure::Panicked)?;
        built?;
        closed.map_err(EngineFailure::Store)
    })
}

pub(super) struct Loop {
    pub(super) building: Building,
    pub(super) reader: Reader,
    clock: Clock,
    options: EngineOptions,
    requests: mpsc::Receiver<Request>,
    messages: mpsc::Receiver<Incoming>,
    to_commit: mpsc::Sender<Sealed>,
    done: mpsc::Receiver<Result<(), StoreError>>,
    in_flight: bool,
    pub(super) shared: Arc<Shared>,
    stop: CancellationToken,
}

impl Loop {
    async fn run(mut self) -> Result<(), EngineFailure> {
        let mut gulp = Vec::with_capacity(GULP);
        let mut ticked = Instant::now();
        loop {
            let room = self.options.max_batch.saturating_sub(self.building.inputs());
            let stalled = self.in_flight && self.shared.store_error().is_some();
            let deadline = self.building.deadline();
            let wake = self.wake();
            tokio::select! {
                biased;
                done = self.done.recv(), if self.in_flight => self.committed(done)?,
                () = self.stop.cancelled() => break,
                request = self.requests.recv() => {
                    // The handle keeps the channel open as long as anybody can ask.
                    if let Some(request) = request {
                        self.answer(request).await?;
                    }
                }
                taken = self.messages.recv_many(&mut gulp, room.min(GULP)), if room > 0 && !stalled => {
                    if taken == 0 {
                        // Nobody can send any more: only a stop is left.
                        self.stop.cancelled().await;
                        break;
                    }
                    self.handle(&mut gulp);
                }
                // Only when no message waits: time must not run ahead of what has already arrived.
                () = reach(&self.clock, deadline, ticked + TICK), if room > 0 && !stalled => {
                    ticked = Instant::now();
                    self.building.tick();
                }
                () = tokio::time::sleep_until(wake), if !self.in_flight => {}
            }
            if !self.in_flight && self.building.is_due(self.options.linger, self.options.max_batch) {
                self.send_off().await?;
            }
        }
        self.finish().await
    }

    fn handle(&mut self, gulp: &mut Vec<Incoming>) {
        self.shared.set_queue(self.messages.len());
        let meters = &self.shared.meters;
        meters.messages.add(gulp.len() as u64);
        meters
            .payload_bytes
            .add(gulp.iter().map(|message| message.payload.len() as u64).sum());
        let begun = Instant::now();
        for message in gulp.drain(..) {
            self.building.message(message);
        }
        self.building.add_handled_in(begun.elapsed());
    }

    async fn answer(&mut self, request: Request) -> Result<(), EngineFailure> {
        match request {
            Request::Query(ask) => ask(&self.building.pipeline),
            Request::Act { action, answer } => self.building.action(*action, answer),
            Request::Reload(reload) => self.reload(*reload).await?,
        }
        Ok(())
    }

    /// When to look at the open batch again.
    fn wake(&self) -> Instant {
        let snapshot = self.building.snapshot_at();
        self.building
            .flush_at(self.options.linger)
            .map_or(snapshot, |flush| flush.min(snapshot))
    }

    async fn send_off(&mut self) -> Result<(), EngineFailure> {
        if let Some(sealed) = self.building.seal() {
            self.to_commit
                .send(sealed)
                .await
                .map_err(|_| EngineFailure::Panicked)?;
            self.in_flight = true;
        }
        Ok(())
    }

    fn committed(&mut self, done: Option<Result<(), StoreError>>) -> Result<(), EngineFailure> {
        self.in_flight = false;
        match done {
            Some(Ok(())) => {
                self.building.committed();
                Ok(())
            }
            Some(Err(error)) => Err(EngineFailure::Store(error)),
            None => Err(EngineFailure::Panicked),
        }
    }

    async fn settle(&mut self) -> Result<(), EngineFailure> {
        if self.in_flight {
            let done = self.done.recv().await;
            self.committed(done)?;
        }
        Ok(())
    }

    /// Handles what has arrived, commits it and everything the core remembers.
    async fn finish(mut self) -> Result<(), EngineFailure> {
        self.messages.close();
        let mut gulp = Vec::with_capacity(GULP);
        while self.messages.recv_many(&mut gulp, GULP).await > 0 {
            self.handle(&mut gulp);
            if self.building.inputs() >= self.options.max_batch {
                self.settle().await?;
                self.send_off().await?;
            }
        }
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            self.answer(request).await?;
        }
        self.commit_everything().await
    }

    /// Commits what is open, with everything the core remembers.
    pub(super) async fn commit_everything(&mut self) -> Result<(), EngineFailure> {
        self.settle().await?;
        if let Some(sealed) = self.building.seal_last() {
            self.to_commit
                .send(sealed)
                .await
                .map_err(|_| EngineFailure::Panicked)?;
            self.in_flight = true;
        }
        self.settle().await
    }
}

/// Resolves when the clock shows `deadline`, not before `earliest`; never without a deadline.
async fn reach(clock: &Clock, deadline: Option<UtcMillis>, earliest: Instant) {
    match deadline {
        Some(deadline) => {
            tokio::time::sleep_until(earliest).await;
            clock.reach(deadline).await;
        }
        None => std::future::pending().await,
    }
}
