//! Points of the message log to the sink that takes them, with a cursor instead of a queue.
//!
//! Two halves with little between them, so that reading and sending go on at the same time: [`Filling`] reads the log
//! and cuts batches at the ends of messages, [`Sending`] hands them over and moves the cursor behind what was taken.
//! A line the server refuses is found by halving and kept as a dead entry of the outbox; everything else is tried
//! until it is taken.

use super::pause::pause;
use super::reading::LogReader;
use super::{LOOK, STORE_PAUSE, Worker};
use crate::config::INFLUX;
use crate::metrics::Counter;
use crate::sinks::influx::{Influx, Lines, Verdict};
use crate::store::{OutboxChange, OutboxRow, OutboxState, Receipt, StoredMessage};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use vigil_core::input::Position;
use vigil_protocol::time::UtcMillis;

/// Messages read at once.
const PAGE: u32 = 1_000;
/// Bytes of lines in a request, compressed to about a tenth: servers have limits of their own.
const SIZE: usize = 4 * 1024 * 1024;
/// How often the cursor is written while batches follow each other: a crash repeats so much.
const KEEP: Duration = Duration::from_secs(1);
/// Halvings spent on one batch: enough to find some twenty lines among thousands. What is left of a batch that is
/// refused in more places is kept in larger pieces.
const HALVINGS: u32 = 512;
/// Entries sent again before that is written down.
const AGAIN: u32 = 64;
/// Dead entries after which nothing more is sent: then something is wrong with the whole, and the log keeps it.
const MOST_DEAD: u64 = 1_000;

/// Where points go, and how.
#[derive(Clone, Debug)]
pub struct PointsOptions {
    /// The sink.
    pub influx: Influx,
    /// What may be shown of its address.
    pub target: String,
    /// Points per request.
    pub batch_points: usize,
    /// A batch goes at the latest so long after its first point.
    pub linger: Duration,
    /// Begin with the oldest message, the first time.
    pub backfill: bool,
}

/// Lines of whole messages.
#[derive(Default)]
struct Batch {
    lines: Lines,
    /// Everything up to here is in this batch or in one before.
    to: Position,
    /// Arrival of its first message.
    oldest: Option<UtcMillis>,
}

/// Sends until the gateway stops.
pub(super) async fn run(worker: Worker, options: PointsOptions) {
    let Some(at) = begin(&worker).await else { return };
    let parts = &worker.parts;
    parts.board.note(INFLUX, |standing| {
        standing.target.clone_from(&options.target);
        standing.position = Some(at);
    });
    let (to, batches) = mpsc::channel(1);
    let filling = Filling {
        reader: LogReader::new(parts.catalog.borrow().clone(), parts.settings.clone()),
        worker: worker.clone(),
        batch_points: options.batch_points,
        linger: options.linger,
        at,
        batch: Batch::default(),
        begun: None,
        to,
    };
    let counter = |name, help| parts.metrics.counter(name, help, &[("sink", INFLUX)]);
    let sending = Sending {
        points: counter("vigil_sink_points_total", "Points a sink took."),
        failures: counter("vigil_sink_failures_total", "Requests a sink did not take."),
        refused: counter(
            "vigil_sink_refused_points_total",
            "Points a sink refused: dead entries of the outbox.",
        ),
        worker,
        influx: options.influx,
        batches,
        failed: 0,
        at,
        kept: at,
        kept_at: Instant::now(),
        dead: 0,
    };
    // Both end with the gateway only.
    tokio::join!(filling.run(), sending.run());
}

/// Where to go on.
async fn begin(worker: &Worker) -> Option<Position> {
    loop {
        match worker.parts.store.sink_cursor(INFLUX).await {
            Ok(cursor) => return Some(cursor.unwrap_or_default()),
            Err(error) => {
                tracing::warn!(%error, "the cursor of a sink cannot be read; trying again");
                worker.rest(STORE_PAUSE).await?;
            }
        }
    }
}

struct Filling {
    worker: Worker,
    reader: LogReader,
    batch_points: usize,
    linger: Duration,
    at: Position,
    batch: Batch,
    /// When the first message of the open batch was read.
    begun: Option<Instant>,
    to: mpsc::Sender<Batch>,
}

impl Filling {
    async fn run(mut self) -> Option<()> {
        loop {
            let committed = self.worker.parts.engine.health().position;
            if committed <= self.at {
                self.wait().await?;
                continue;
            }
            let parts = &self.worker.parts;
            let catalog = Arc::clone(&parts.catalog.borrow());
            if !Arc::ptr_eq(&catalog, self.reader.catalog()) {
                self.reader = LogReader::new(catalog, parts.settings.clone());
            }
            let read = self.worker.parts.store.messages_after(self.at, PAGE).await;
            let page = match read {
                Ok(page) => match self.reader.learn(&self.worker.parts.store, &page).await {
                    Ok(()) => page,
                    Err(error) => {
                        self.complain(&error).await?;
                        continue;
                    }
                },
                Err(error) => {
                    self.complain(&error).await?;
                    continue;
                }
            };
            // Positions without a message (actions, duplicates) are behind us when the page was not full.
            let last = page.last().map_or(Position(0), |message| message.entry.position);
            self.at = if page.len() < PAGE as usize {
                last.max(committed)
            } else {
                last
            };
            self = self.take(page).await?;
            if self.begun.is_some_and(|begun| begun.elapsed() >= self.linger) {
                self.send_off().await?;
            }
        }
    }

    async fn complain(&self, error: &crate::store::StoreError) -> Option<()> {
        tracing::warn!(%error, "the log cannot be read for a sink; trying again");
        self.worker.rest(STORE_PAUSE).await
    }

    /// Waits for more, or for the time of what is there.
    async fn wait(&mut self) -> Option<()> {
        let next = Position(self.at.0 + 1);
        let due = self.begun.map(|begun| begun + self.linger);
        let due = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.worker.parts.engine.committed(next) => Some(()),
            () = due => self.send_off().await,
            () = self.worker.stop.cancelled() => None,
        }
    }

    /// Turns a page into lines, on a thread nobody else waits for.
    async fn take(mut self, page: Vec<StoredMessage>) -> Option<Self> {
        let mut full = Vec::new();
        let filled = tokio::task::spawn_blocking(move || {
            for message in &page {
                self.begun.get_or_insert_with(Instant::now);
                let points = self.reader.read(message);
                if points > 0 {
                    let has_room = self.batch.lines.len() + points <= self.batch_points
                        && self.batch.lines.size() <= SIZE;
                    if !has_room && !self.batch.lines.is_empty() {
                        full.push(std::mem::take(&mut self.batch));
                        self.begun = Some(Instant::now());
                    }
                    self.reader.write(&mut self.batch.lines);
                    self.batch.oldest.get_or_insert(message.entry.received);
                }
                self.batch.to = message.entry.position;
            }
            self.begun.get_or_insert_with(Instant::now);
            self.batch.to = self.at;
            (self, full)
        });
        // It does not panic, and is not cancelled.
        let (filling, full) = filled.await.ok()?;
        for batch in full {
            filling.pass_on(batch).await?;
        }
        Some(filling)
    }

    async fn send_off(&mut self) -> Option<()> {
        self.begun = None;
        let batch = std::mem::take(&mut self.batch);
        self.pass_on(batch).await
    }

    async fn pass_on(&self, batch: Batch) -> Option<()> {
        tokio::select! {
            sent = self.to.send(batch) => sent.ok(),
            () = self.worker.stop.cancelled() => None,
        }
    }
}

struct Sending {
    worker: Worker,
    influx: Influx,
    batches: mpsc::Receiver<Batch>,
    points: Counter,
    failures: Counter,
    refused: Counter,
    /// Failures in a row.
    failed: u32,
    /// Everything up to here was taken …
    at: Position,
    /// … and this is on disk.
    kept: Position,
    kept_at: Instant,
    /// Dead entries, as far as is known.
    dead: u64,
}

/// Lines the server does not take.
struct Refused {
    lines: Range<usize>,
    status: u16,
    said: String,
}

impl Sending {
    async fn run(mut self) {
        // Ends with the gateway only.
        let _stopped = self.send_all().await;
        if self.at > self.kept {
            let taken = self.taken();
            // The engine still runs. If it does not take it, the next start sends some batches again.
            drop(self.worker.parts.engine.keep(vec![taken]).await);
        }
    }

    async fn send_all(&mut self) -> Option<()> {
        self.count_dead().await;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                biased;
                () = self.worker.stop.cancelled() => return None,
                _ = look.tick() => self.retry().await?,
                batch = self.batches.recv() => self.hand_over(batch?).await?,
                () = self.worker.parts.board.woken() => self.retry().await?,
            }
        }
    }

    async fn hand_over(&mut self, batch: Batch) -> Option<()> {
        let parts = &self.worker.parts;
        parts
            .board
            .note(INFLUX, |standing| standing.waiting_since = batch.oldest);
        self.hold().await?;
        let (bytes, ends) = batch.lines.into_parts();
        let refused = self.write(&bytes, &ends).await?;
        self.at = batch.to;
        self.worker.parts.board.note(INFLUX, |standing| {
            standing.position = Some(batch.to);
            standing.waiting_since = None;
        });
        let mut changes: Vec<_> = refused
            .into_iter()
            .map(|refused| self.dead_entry(&bytes, &ends, refused))
            .collect();
        // With the cursor in one transaction: lines are never in the outbox twice.
        if !changes.is_empty() || self.batches.is_empty() || self.kept_at.elapsed() >= KEEP {
            self.dead += changes.len() as u64;
            changes.push(self.taken());
            self.worker.keep(changes).await?;
            self.kept = self.at;
            self.kept_at = Instant::now();
        }
        Some(())
    }

    fn taken(&self) -> OutboxChange {
        OutboxChange::Taken {
            sink: INFLUX,
            position: self.at,
        }
    }

    fn dead_entry(&self, bytes: &Bytes, ends: &[u32], refused: Refused) -> OutboxChange {
        let lines = cut(bytes, ends, &refused.lines);
        let mut key = String::with_capacity(32);
        for byte in Sha256::digest(&lines).iter().take(16) {
            // Writing to a string cannot fail.
            let _ok = write!(key, "{byte:02x}");
        }
        let points = refused.lines.len() as u64;
        self.refused.add(points);
        tracing::warn!(points, status = refused.status, said = %refused.said, "a sink refuses points; see `vigil outbox list`");
        OutboxChange::Refused {
            sink: INFLUX,
            key,
            lines: String::from_utf8_lossy(&lines).into_owned(),
            receipt: Receipt {
                at: self.worker.parts.clock.now(),
                status: Some(refused.status),
                said: refused.said,
            },
        }
    }

    /// Writes all lines but those the server refuses, which come back.
    async fn write(&mut self, bytes: &Bytes, ends: &[u32]) -> Option<Vec<Refused>> {
        let mut refused = Vec::new();
        let mut halvings = 0;
        let whole = 0..ends.len();
        let mut parts: Vec<_> = [whole].into_iter().filter(|lines| !lines.is_empty()).collect();
        while let Some(lines) = parts.pop() {
            match self.write_once_answered(cut(bytes, ends, &lines)).await? {
                Ok(()) => {
                    let points = lines.len() as u64;
                    self.points.add(points);
                    let now = self.worker.parts.clock.now();
                    self.worker.parts.board.note(INFLUX, |standing| {
                        standing.took(now);
                        standing.points += points;
                    });
                }
                Err(_) if lines.len() > 1 && halvings < HALVINGS => {
                    halvings += 1;
                    let middle = lines.start + lines.len() / 2;
                    parts.push(middle..lines.end);
                    parts.push(lines.start..middle);
                }
                Err((status, said)) => refused.push(Refused { lines, status, said }),
            }
        }
        Some(refused)
    }

    /// Writes until the server says yes or no.
    async fn write_once_answered(&mut self, lines: Bytes) -> Option<Result<(), (u16, String)>> {
        loop {
            let now = self.worker.parts.clock.now();
            let verdict = tokio::select! {
                verdict = self.influx.write(lines.clone(), now) => verdict,
                () = self.worker.stop.cancelled() => return None,
            };
            let (status, said, after) = match verdict {
                Verdict::Taken => {
                    if self.failed > 0 {
                        tracing::info!(failures = self.failed, "the sink of points takes them again");
                    }
                    self.failed = 0;
                    return Some(Ok(()));
                }
                Verdict::Refused { status, said } => {
                    self.failures.add(1);
                    return Some(Err((status, said)));
                }
                Verdict::Later { status, said, after } => (status, said, after),
            };
            self.failures.add(1);
            self.failed += 1;
            let said = match status {
                Some(status) => format!("{status} {said}"),
                None => said,
            };
            let parts = &self.worker.parts;
            parts.board.note(INFLUX, |standing| standing.failed(now, &said));
            if self.failed == 1 {
                tracing::warn!(%said, "the sink of points does not take them; the log keeps them");
            }
            let mine = pause(parts.pauses, self.failed);
            let rest = after.map_or(mine, |after| after.max(mine));
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = parts.board.woken() => {}
                () = self.worker.stop.cancelled() => return None,
            }
        }
    }

    /// Sends again what a person wants sent again.
    async fn retry(&mut self) -> Option<()> {
        loop {
            let waiting = match self.worker.parts.store.outbox_next(INFLUX, AGAIN).await {
                Ok(waiting) => waiting,
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read for a sink");
                    return Some(());
                }
            };
            if waiting.is_empty() {
                self.count_dead().await;
                return Some(());
            }
            let mut changes = Vec::new();
            for row in waiting {
                changes.extend(self.again(row).await?);
            }
            self.worker.keep(changes).await?;
        }
    }

    /// Sends the lines of an entry; what became of them.
    async fn again(&mut self, row: OutboxRow) -> Option<Vec<OutboxChange>> {
        let ends: Vec<u32> = row
            .body
            .bytes()
            .zip(1..)
            .filter_map(|(byte, end)| (byte == b'\n').then_some(end))
            .collect();
        let bytes = Bytes::from(row.body);
        let refused = self.write(&bytes, &ends).await?;
        let at = self.worker.parts.clock.now();
        let receipt = |status, said: &str| Receipt {
            at,
            status,
            said: said.to_owned(),
        };
        let delivered = |said| OutboxChange::Delivered {
            id: row.id,
            receipt: receipt(None, said),
        };
        Some(match refused.as_slice() {
            [] => vec![delivered("taken")],
            // The same lines again, as a whole: the entry stays.
            [all] if all.lines.len() == ends.len() => vec![OutboxChange::GivenUp {
                id: row.id,
                receipt: receipt(Some(all.status), &all.said),
            }],
            // Some of them: those get entries of their own.
            _ => {
                let rest = refused.into_iter();
                let rest = rest.map(|refused| self.dead_entry(&bytes, &ends, refused));
                let taken = delivered("taken in part; the rest has entries of its own");
                std::iter::once(taken).chain(rest).collect()
            }
        })
    }

    /// Waits while too much is dead.
    async fn hold(&mut self) -> Option<()> {
        while self.dead >= MOST_DEAD {
            self.worker.parts.board.note(INFLUX, |standing| {
                if !standing.held {
                    tracing::error!(
                        "the sink of points refused too much: nothing more is sent until `vigil outbox retry` or `drop`"
                    );
                }
                standing.held = true;
            });
            tokio::select! {
                () = self.worker.parts.board.woken() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.worker.stop.cancelled() => return None,
            }
            Box::pin(self.retry()).await?;
        }
        self.worker
            .parts
            .board
            .note(INFLUX, |standing| standing.held = false);
        Some(())
    }

    async fn count_dead(&mut self) {
        if let Ok(counts) = self.worker.parts.store.outbox_counts().await {
            self.dead = counts
                .iter()
                .filter(|count| count.sink == INFLUX && count.state == OutboxState::Dead)
                .map(|count| count.entries)
                .sum();
        }
    }
}

/// These lines of a batch.
fn cut(bytes: &Bytes, ends: &[u32], lines: &Range<usize>) -> Bytes {
    let end_of = |line: usize| {
        line.checked_sub(1)
            .and_then(|at| ends.get(at))
            .map_or(0, |end| *end as usize)
    };
    bytes.slice(end_of(lines.start)..end_of(lines.end))
}

#[cfg(test)]
mod tests {
    use super::cut;
    use bytes::Bytes;

    #[test]
    fn lines_are_cut_out_whole() {
        let bytes = Bytes::from_static(b"a\nbb\nccc\n");
        let ends = [2, 5, 9];
        for (lines, text) in [
            (0..3, "a\nbb\nccc\n"),
            (0..1, "a\n"),
            (1..3, "bb\nccc\n"),
            (2..3, "ccc\n"),
            (1..1, ""),
        ] {
            assert_eq!(cut(&bytes, &ends, &lines), text, "{lines:?}");
        }
    }
}
