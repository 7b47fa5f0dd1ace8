//! Events to one subscriber: one at a time, each hazard's in order, until they are taken or given up.

use super::pause::pause;
use super::{LOOK, STORE_PAUSE, Worker};
use crate::metrics::Counter;
use crate::sinks::webhook::{Outcome, Verdict, Webhook};
use crate::store::{OutboxChange, OutboxRow, Receipt};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A subscriber as seen from here.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Name in the outbox.
    pub name: Arc<str>,
    /// Where and how.
    pub webhook: Webhook,
    /// An event that waits for so long is given up.
    pub give_up_after_ms: i64,
}

/// Entries looked at to find one whose time has come.
const ENTRIES: u32 = 256;

struct Delivery {
    worker: Worker,
    to: Destination,
    delivered: Counter,
    failures: Counter,
    given_up: Counter,
    /// Failures in a row that were nobody's answer to the one entry.
    failed: u32,
    /// Entries that failed, and when they may be tried again. A new start tries at once.
    not_before: HashMap<i64, Instant>,
}

/// Delivers until the gateway stops.
pub(super) async fn run(worker: Worker, to: Destination) {
    let labels: &[(&str, &str)] = &[("sink", &to.name)];
    let metrics = &worker.parts.metrics;
    let counter = |name, help| metrics.counter(name, help, labels);
    let url = &to.webhook.url;
    let target = format!(
        "{}://{}",
        url.scheme_str().unwrap_or_default(),
        url.authority().map_or("", |authority| authority.as_str())
    );
    worker
        .parts
        .board
        .note(&to.name, |standing| standing.target = target);
    let delivery = Delivery {
        delivered: counter("vigil_webhook_delivered_total", "Events a subscriber took."),
        failures: counter(
            "vigil_webhook_failures_total",
            "Attempts a subscriber did not take.",
        ),
        given_up: counter("vigil_webhook_given_up_total", "Events given up."),
        worker,
        to,
        failed: 0,
        not_before: HashMap::new(),
    };
    // Ends with the gateway only.
    let _stopped = delivery.run().await;
}

impl Delivery {
    /// `None` when the gateway stops.
    async fn run(mut self) -> Option<()> {
        let mut events = self.worker.parts.engine.subscribe();
        loop {
            let waiting = match self.worker.parts.store.outbox_next(&self.to.name, ENTRIES).await {
                Ok(waiting) => waiting,
                Err(error) => {
                    tracing::warn!(%error, sink = %self.to.name, "the outbox cannot be read; trying again");
                    self.worker.rest(STORE_PAUSE).await?;
                    continue;
                }
            };
            self.not_before
                .retain(|id, _| waiting.iter().any(|row| row.id == *id));
            let now = Instant::now();
            let ready = waiting
                .into_iter()
                .find(|row| self.not_before.get(&row.id).is_none_or(|at| *at <= now));
            match ready {
                Some(row) => self.deliver(row).await?,
                None => {
                    let next = self.not_before.values().min().copied();
                    let look = next.map_or(now + LOOK, |next| next.min(now + LOOK));
                    tokio::select! {
                        // An event in a batch: maybe one of ours. Too many to hear them all: look as well.
                        _ = events.recv() => {}
                        () = self.worker.parts.board.woken() => self.not_before.clear(),
                        () = tokio::time::sleep_until(look) => {}
                        () = self.worker.stop.cancelled() => return None,
                    }
                }
            }
        }
    }

    async fn deliver(&mut self, row: OutboxRow) -> Option<()> {
        let parts = &self.worker.parts;
        let sent = self
            .to
            .webhook
            .send(&row.event, &row.key, &row.body, parts.clock.now());
        let outcome = tokio::select! {
            outcome = sent => outcome,
            () = self.worker.stop.cancelled() => return None,
        };
        let now = parts.clock.now();
        let (verdict, receipt) = receipt(outcome, now);
        let too_old = now.since(row.since) >= self.to.give_up_after_ms;
        let (change, rest) = match verdict {
            Verdict::Taken => {
                self.failed = 0;
                self.delivered.add(1);
                parts.board.note(&self.to.name, |standing| standing.took(now));
                (OutboxChange::Delivered { id: row.id, receipt }, None)
            }
            Verdict::Gone => {
                self.given_up.add(1);
                tracing::warn!(sink = %self.to.name, event = %row.event, id = row.id, "a subscriber refuses an event for good");
                (OutboxChange::GivenUp { id: row.id, receipt }, None)
            }
            Verdict::Later(wish) => {
                self.failures.add(1);
                // Who answers is there, and may take another event: only this one has to wait long. Who does not, or
                // says that it is too much, is left alone with all of them.
                self.failed = match receipt.status {
                    None | Some(429 | 503) => self.failed + 1,
                    Some(_) => 1,
                };
                parts
                    .board
                    .note(&self.to.name, |standing| standing.failed(now, &receipt.said));
                let mine = pause(parts.pauses, row.attempts + 1);
                let all = pause(parts.pauses, self.failed);
                let rest = wish.map_or(all, |wish| wish.max(all));
                tracing::debug!(sink = %self.to.name, id = row.id, said = %receipt.said, ?rest, "an event was not taken");
                if too_old {
                    self.given_up.add(1);
                    tracing::warn!(sink = %self.to.name, event = %row.event, id = row.id, said = %receipt.said, "an event is given up; see `vigil outbox list`");
                    (OutboxChange::GivenUp { id: row.id, receipt }, Some(rest))
                } else {
                    self.not_before.insert(row.id, Instant::now() + mine.max(rest));
                    (OutboxChange::Failed { id: row.id, receipt }, Some(rest))
                }
            }
        };
        self.worker.keep(vec![change]).await?;
        match rest {
            Some(rest) => self.rest(rest).await,
            None => Some(()),
        }
    }

    /// Leaves the other side alone; a person who asks for another attempt ends that.
    async fn rest(&self, pause: Duration) -> Option<()> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Some(()),
            () = self.worker.parts.board.woken() => Some(()),
            () = self.worker.stop.cancelled() => None,
        }
    }
}

fn receipt(outcome: Outcome, at: vigil_protocol::time::UtcMillis) -> (Verdict, Receipt) {
    let receipt = Receipt {
        at,
        status: outcome.status,
        said: outcome.said,
    };
    (outcome.verdict, receipt)
}
