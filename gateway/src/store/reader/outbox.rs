//! What waits to be sent, what was, and how far each sink is.

use super::messages::{COLUMNS, JOINS, stored};
use super::{Reader, count, get, maybe_time, read, time};
use crate::store::outbox::{OutboxRow, OutboxState, SinkGap};
use crate::store::{Db, StoreError, StoredMessage};
use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use vigil_core::input::Position;
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "outbox entry";

/// Which entries; unset fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct OutboxFilter {
    /// Of this sink.
    pub sink: Option<String>,
    /// In this state.
    pub state: Option<OutboxState>,
    /// Older than this one (newest first).
    pub before: Option<i64>,
    /// At most so many; 0 stands for 100, never more than 1,000.
    pub limit: u32,
}

/// Entries of a sink by state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxCount {
    /// Name of the sink.
    pub sink: String,
    /// In this state …
    pub state: OutboxState,
    /// … so many.
    pub entries: u64,
    /// When the oldest of them happened.
    pub oldest: UtcMillis,
}

impl Reader {
    /// Entries, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn outbox(&self, filter: &OutboxFilter) -> Result<Vec<OutboxRow>, StoreError> {
        let mut query = QueryBuilder::<Db>::new("SELECT * FROM outbox WHERE 1 = 1");
        if let Some(sink) = &filter.sink {
            query.push(" AND sink = ").push_bind(sink.clone());
        }
        if let Some(state) = filter.state {
            query.push(" AND state = ").push_bind(state.word());
        }
        if let Some(before) = filter.before {
            query.push(" AND id < ").push_bind(before);
        }
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit.min(1_000)
        };
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit));
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("the outbox"))?;
        rows.iter().map(row).collect()
    }

    /// What a sink may send next: of each ordering the first that waits. Those tried least come first, so
    /// that entries nobody takes do not keep others from their turn.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn outbox_next(&self, sink: &str, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT o.* FROM (SELECT MIN(id) AS id FROM outbox WHERE sink = $1 AND state = 'pending' \
             GROUP BY ordering) f JOIN outbox o ON o.id = f.id ORDER BY o.attempts, o.id LIMIT $2",
        )
        .bind(sink)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(read("the outbox"))?;
        rows.iter().map(row).collect()
    }

    /// How many entries each sink has in each state.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn outbox_counts(&self) -> Result<Vec<OutboxCount>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.sink, c.state, c.entries, o.at FROM (SELECT sink, state, COUNT(*) AS entries, \
             MIN(id) AS oldest FROM outbox GROUP BY state, sink) c JOIN outbox o ON o.id = c.oldest",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(read("the outbox"))?;
        rows.iter()
            .map(|row| {
                Ok(OutboxCount {
                    sink: get(row, WHAT, "sink")?,
                    state: state(row)?,
                    entries: count(row, WHAT, "entries")?,
                    oldest: time(row, WHAT, "at")?,
                })
            })
            .collect()
    }

    /// How far a sink of points is.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn sink_cursor(&self, sink: &str) -> Result<Option<Position>, StoreError> {
        let row = sqlx::query("SELECT position FROM sink_cursors WHERE sink = $1")
            .bind(sink)
            .fetch_optional(&self.pool)
            .await
            .map_err(read("the cursor of a sink"))?;
        row.as_ref()
            .map(|row| count(row, "cursor", "position").map(Position))
            .transpose()
    }

    /// What sinks never got, latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn sink_gaps(&self, limit: u32) -> Result<Vec<SinkGap>, StoreError> {
        const WHAT: &str = "gap of a sink";
        let rows = sqlx::query("SELECT * FROM sink_gaps ORDER BY id DESC LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(read("gaps of sinks"))?;
        rows.iter()
            .map(|row| {
                Ok(SinkGap {
                    sink: get(row, WHAT, "sink")?,
                    from_position: Position(count(row, WHAT, "from_position")?),
                    to_position: Position(count(row, WHAT, "to_position")?),
                    from: time(row, WHAT, "from_ms")?,
                    to: time(row, WHAT, "to_ms")?,
                    messages: count(row, WHAT, "messages")?,
                    at: time(row, WHAT, "at")?,
                })
            })
            .collect()
    }

    /// Up to `limit` messages behind `after`, in the order of the log.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn messages_after(
        &self,
        after: Position,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let mut query = QueryBuilder::<Db>::new("SELECT ");
        query.push(COLUMNS).push(" FROM messages m ").push(JOINS);
        query
            .push(" WHERE m.position > ")
            .push_bind(after.0 as i64)
            .push(" ORDER BY m.position LIMIT ")
            .push_bind(i64::from(limit));
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("the log"))?;
        rows.iter().map(stored).collect()
    }
}

fn row(row: &SqliteRow) -> Result<OutboxRow, StoreError> {
    Ok(OutboxRow {
        id: get(row, WHAT, "id")?,
        sink: get(row, WHAT, "sink")?,
        event: get(row, WHAT, "event")?,
        ordering: get(row, WHAT, "ordering")?,
        key: get(row, WHAT, "key")?,
        at: time(row, WHAT, "at")?,
        since: time(row, WHAT, "since")?,
        body: get(row, WHAT, "body")?,
        state: state(row)?,
        attempts: count(row, WHAT, "attempts")?,
        tried_at: maybe_time(row, WHAT, "tried_at")?,
        status: get::<Option<i64>>(row, WHAT, "status")?.and_then(|status| u16::try_from(status).ok()),
        said: get(row, WHAT, "said")?,
    })
}

fn state(row: &SqliteRow) -> Result<OutboxState, StoreError> {
    let word: String = get(row, WHAT, "state")?;
    OutboxState::ALL
        .into_iter()
        .find(|state| state.word() == word)
        .ok_or_else(|| StoreError::Corrupt {
            what: WHAT,
            detail: format!("state {word:?}"),
        })
}
