//! Where what the gateway learns goes: how far each sink is, what waits, what is dead.

use super::{Time, ViewError};
use crate::app::{App, OutboxFilter, OutboxRow, OutboxState, SinkGap};
use crate::config::INFLUX;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All sinks.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Sinks {
    /// In the order of their names; those with entries left in the outbox are here although nobody configures them.
    pub sinks: Vec<Sink>,
    /// Messages sinks of points never got because the log had to forget them, latest first.
    pub gaps: Vec<Missed>,
}

/// A sink.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Sink {
    /// Name.
    pub name: String,
    /// `points` or `webhook`.
    pub kind: SinkKind,
    /// Scheme, host and port; empty: not configured.
    pub target: String,
    /// Nothing is wrong as far as is known.
    pub ok: bool,
    /// When it last took something since the start.
    pub taken_at: Option<Time>,
    /// Since when it has not taken what it should.
    pub failing_since: Option<Time>,
    /// What it said last, while it fails.
    pub said: Option<String>,
    /// Nothing is sent because too much was refused: retry or drop what is dead.
    pub held: bool,
    /// Entries of the outbox that wait.
    pub pending: u64,
    /// When the oldest of them happened.
    pub pending_since: Option<Time>,
    /// Dead entries.
    pub dead: u64,
    /// Points it took since the start; of a sink of points.
    pub points: Option<u64>,
    /// Positions of the log it has not had; of a sink of points.
    pub lag_positions: Option<u64>,
    /// How long ago the oldest message arrived that it has not had, 0 when there is none; of a sink of points.
    pub lag_s: Option<f64>,
}

/// What a sink takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SinkKind {
    /// Every reading.
    Points,
    /// Events.
    Webhook,
}

/// Messages a sink never got.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Missed {
    /// Name of the sink.
    pub sink: String,
    /// First position.
    pub from_position: u64,
    /// Last position.
    pub to_position: u64,
    /// Time the first is filed under.
    pub from: Time,
    /// Time the last is filed under.
    pub to: Time,
    /// How many.
    pub messages: u64,
    /// When the log forgot them.
    pub at: Time,
}

/// Where an entry of the outbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Waits for its turn or for another attempt.
    Pending,
    /// The other side said it has it.
    Delivered,
    /// Given up or refused: retry or drop it.
    Dead,
}

/// An entry of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Entry {
    /// Ascending.
    pub id: i64,
    /// Name of the sink.
    pub sink: String,
    /// `hazard.opened` …; `points` for lines a sink of points refused.
    pub event: String,
    /// Where it stands.
    pub state: EntryState,
    /// Entries of a sink with the same ordering go out one after the other.
    pub ordering: String,
    /// The header `Idempotency-Key` of every attempt.
    pub key: String,
    /// When it happened.
    pub at: Time,
    /// Attempts so far, or since the last retry.
    pub attempts: u32,
    /// When the last one ended.
    pub tried_at: Option<Time>,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// The first bytes of the last answer, or why there was none.
    pub said: String,
    /// What is sent; empty once delivered.
    pub body: String,
}

/// A page of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OutboxPage {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// `before` of the next page; `null` on the last.
    pub next: Option<i64>,
}

impl From<OutboxState> for EntryState {
    fn from(state: OutboxState) -> Self {
        match state {
            OutboxState::Pending => Self::Pending,
            OutboxState::Delivered => Self::Delivered,
            OutboxState::Dead => Self::Dead,
        }
    }
}

impl From<EntryState> for OutboxState {
    fn from(state: EntryState) -> Self {
        match state {
            EntryState::Pending => Self::Pending,
            EntryState::Delivered => Self::Delivered,
            EntryState::Dead => Self::Dead,
        }
    }
}

impl From<OutboxRow> for Entry {
    fn from(row: OutboxRow) -> Self {
        Self {
            id: row.id,
            sink: row.sink,
            event: row.event,
            state: row.state.into(),
            ordering: row.ordering,
            key: row.key,
            at: row.at.into(),
            attempts: row.attempts,
            tried_at: row.tried_at.map(Into::into),
            status: row.status,
            said: row.said,
            body: row.body,
        }
    }
}

impl From<SinkGap> for Missed {
    fn from(gap: SinkGap) -> Self {
        Self {
            sink: gap.sink,
            from_position: gap.from_position.0,
            to_position: gap.to_position.0,
            from: gap.from.into(),
            to: gap.to.into(),
            messages: gap.messages,
            at: gap.at.into(),
        }
    }
}

/// How every sink is.
///
/// # Errors
/// The store cannot be read.
pub async fn sinks(app: &App) -> Result<Sinks, ViewError> {
    let mut standing = app.sinks.all();
    let counts = app.store.outbox_counts().await?;
    for count in &counts {
        standing.entry(count.sink.clone()).or_default();
    }
    let now = app.clock.now();
    let committed = app.engine.health().position;
    let of = |name: String, standing: crate::outbox::Standing| {
        let count = |state| {
            counts
                .iter()
                .find(|count| count.sink == name && count.state == state)
        };
        let (pending, dead) = (count(OutboxState::Pending), count(OutboxState::Dead));
        let position = standing.position;
        let lag = |position: vigil_core::input::Position| committed.0.saturating_sub(position.0);
        let lag_s = |_| {
            let waiting = standing.waiting_since.map_or(0, |since| now.since(since).max(0));
            waiting as f64 / 1_000.0
        };
        Sink {
            kind: if name == INFLUX {
                SinkKind::Points
            } else {
                SinkKind::Webhook
            },
            ok: standing.failing_since.is_none() && !standing.held && dead.is_none(),
            taken_at: standing.taken_at.map(Into::into),
            failing_since: standing.failing_since.map(Into::into),
            held: standing.held,
            pending: pending.map_or(0, |count| count.entries),
            pending_since: pending.map(|count| count.oldest.into()),
            dead: dead.map_or(0, |count| count.entries),
            points: position.map(|_| standing.points),
            lag_positions: position.map(lag),
            lag_s: position.map(lag_s),
            target: standing.target,
            said: standing.said,
            name,
        }
    };
    let sinks = standing
        .into_iter()
        .map(|(name, standing)| of(name, standing))
        .collect();
    let gaps = app
        .store
        .sink_gaps(100)
        .await?
        .into_iter()
        .map(Into::into)
        .collect();
    Ok(Sinks { sinks, gaps })
}

/// Entries of the outbox, newest first.
///
/// # Errors
/// The store cannot be read.
pub async fn outbox(app: &App, filter: OutboxFilter) -> Result<OutboxPage, ViewError> {
    let limit = filter.limit;
    let rows = app.store.outbox(&filter).await?;
    let next = rows
        .last()
        .filter(|_| rows.len() as u32 == limit)
        .map(|row| row.id);
    Ok(OutboxPage {
        entries: rows.into_iter().map(Into::into).collect(),
        next,
    })
}
