//! The committing task: one transaction per batch, and only then the consequences.

use super::building::{Sealed, abandon};
use super::chore::Chore;
use super::health::Shared;
use super::{EngineOptions, Outlet};
use crate::clock::Clock;
use crate::ingest::Ack;
use crate::store::{ServerEvent, StoreError, Writer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// First pause after a failed commit; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Changes of the outbox made in one transaction at most.
const CHORES: usize = 256;
/// Longest pause: how soon after the repair things go on.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The committing task's state.
pub(super) struct Committer {
    pub(super) writer: Writer,
    pub(super) outlet: Box<dyn Outlet>,
    pub(super) events: broadcast::Sender<Arc<ServerEvent>>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    pub(super) options: EngineOptions,
    pub(super) give_up: CancellationToken,
    /// Changes of the outbox, made between two batches.
    pub(super) chores: mpsc::Receiver<Chore>,
}

impl Committer {
    /// Commits what comes, one at a time, answering each; ends with the channel, closing the store.
    pub(super) async fn run(
        mut self,
        mut batches: mpsc::Receiver<Sealed>,
        done: mpsc::Sender<Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let mut retention = tokio::time::interval(self.options.retention_every);
        retention.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut more_to_remove = false;
        let mut chores = Vec::new();
        loop {
            tokio::select! {
                biased;
                // First, or under load they would never come: they are few, and all that wait are one transaction.
                taken = self.chores.recv_many(&mut chores, CHORES), if !self.chores.is_closed() => {
                    if taken > 0 {
                        super::chore::make(&mut self.writer, &mut chores).await;
                    }
                }
                sealed = batches.recv() => {
                    let Some(sealed) = sealed else { break };
                    let result = self.commit(sealed).await;
                    if done.send(result).await.is_err() {
                        break;
                    }
                    if self.writer.index_is_due() {
                        self.index().await;
                    }
                }
                _ = retention.tick() => more_to_remove = self.retain().await,
                () = std::future::ready(()), if more_to_remove => more_to_remove = self.retain().await,
            }
        }
        self.writer.close().await
    }

    async fn commit(&mut self, sealed: Sealed) -> Result<(), StoreError> {
        let mut pause = FIRST_PAUSE;
        let mut failing_since: Option<Instant> = None;
        loop {
            let begun = Instant::now();
            match self.writer.commit(&sealed.batch).await {
                Ok(committed) => {
                    let meters = &self.shared.meters;
                    meters.commit_seconds.observe(begun.elapsed().as_secs_f64());
                    meters.logged.add(committed.messages);
                    if let Some(since) = failing_since {
                        self.shared.set_store_error(None);
                        tracing::info!(
                            seconds = since.elapsed().as_secs(),
                            "the store works again; nothing was lost"
                        );
                    }
                    self.deliver(sealed);
                    return Ok(());
                }
                Err(error) => {
                    self.shared.meters.commit_failures.add(1);
                    self.shared.set_store_error(Some(error.to_string()));
                    if !error.is_retryable() {
                        tracing::error!(%error, "the database refuses a batch; the gateway stops rather than go on with a state of its own");
                        abandon(sealed, &error.to_string());
                        return Err(error);
                    }
                    if failing_since.is_none() {
                        failing_since = Some(Instant::now());
                        tracing::error!(%error, "the store does not work: nothing is taken in or acknowledged until it does");
                    }
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.give_up.cancelled() => {
                            abandon(sealed, &error.to_string());
                            return Err(error);
                        }
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn deliver(&self, sealed: Sealed) {
        let meters = &self.shared.meters;
        self.shared.committed(sealed.batch.position, self.clock.now());
        meters.commits.add(1);
        meters.batch_inputs.observe(sealed.inputs as f64);
        meters.handle_seconds.observe(sealed.handled_in.as_secs_f64());
        meters.duplicates.add(sealed.duplicates);
        for output in &sealed.batch.outputs {
            match output {
                vigil_core::Output::DeadLetter(_) => meters.dead_letters.add(1),
                vigil_core::Output::Hazard { .. } => meters.hazard_events.add(1),
                vigil_core::Output::AlarmEvent(_) => meters.alarm_events.add(1),
                _ => {}
            }
        }
        for ack in sealed.acks {
            match ack {
                Ack::Delivery(delivery) => self.outlet.acknowledge(delivery),
                // Whoever waited may have gone away.
                Ack::Waiting(waiter) => drop(waiter.send(())),
            }
        }
        for command in &sealed.commands {
            if self.outlet.command(command) {
                meters.commands.add(1);
            } else {
                meters.commands_dropped.add(1);
            }
        }
        for event in sealed.batch.events {
            // Nobody may be listening.
            drop(self.events.send(event));
        }
        for (answer, acted) in sealed.answers {
            drop(answer.send(Ok(acted)));
        }
    }

    /// Indexes the next part of the log.
    async fn index(&mut self) {
        match self.writer.index().await {
            Ok(indexed) if indexed.repeated > 0 => {
                self.shared.meters.repeated.add(indexed.repeated);
                tracing::warn!(
                    messages = indexed.repeated,
                    "journaled messages were in the log already and were removed; was a snapshot lost?"
                );
            }
            Ok(_) => {}
            // If the store does not work, the next commit says so loudly.
            Err(error) => tracing::debug!(%error, "the log could not be indexed"),
        }
    }

    /// Removes one chunk of what is no longer kept; true if there is more.
    async fn retain(&mut self) -> bool {
        self.index().await;
        match self
            .writer
            .retain(&self.options.retention, self.clock.now())
            .await
        {
            Ok(report) => {
                if report.removed > 0 {
                    tracing::debug!(
                        removed = report.removed,
                        copied = report.copied,
                        "old messages removed"
                    );
                    self.shared.meters.removed.add(report.removed);
                }
                if report.above_watermark && !self.shared.health().above_watermark {
                    tracing::warn!(
                        "the database is near its size limit; at the limit the oldest messages are removed"
                    );
                }
                self.shared.set_above_watermark(report.above_watermark);
                if report.missed > 0 {
                    self.shared.meters.missed.add(report.missed);
                    tracing::error!(
                        messages = report.missed,
                        "the log is at its size limit: messages a sink had not had are gone, see /api/v1/sinks"
                    );
                }
                if report.overflowed > 0 {
                    self.shared.meters.overflowed.add(report.overflowed);
                    tracing::error!(
                        entries = report.overflowed,
                        "too many outbox entries: the oldest were given up or removed"
                    );
                }
                report.more
            }
            Err(error) => {
                tracing::warn!(%error, "old messages could not be removed");
                false
            }
        }
    }
}
