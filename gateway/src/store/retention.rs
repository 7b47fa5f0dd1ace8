//! Keeping the log within its age and size, without losing what a hazard stands on.
//!
//! Before messages go, those around each hazard of their device are copied to the hazard. Rows go in
//! small chunks between batches, so that ingest never waits long.
//!
//! A sink that is behind holds age back, for [`SINK_HOLD_MS`] at most; it does not hold size back, because a
//! disk is finite. What had to go before a sink had it is written down as a gap of that sink.

use super::StoreError;
use super::writer::{Writer, begin, end};
use sqlx::{Row as _, SqliteConnection};
use vigil_protocol::time::UtcMillis;

/// How long and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retention {
    /// Messages older than this go; `None` = never by age.
    pub max_age_ms: Option<i64>,
    /// Bytes in use above which the oldest messages go; `None` = never by size.
    pub max_bytes: Option<u64>,
    /// Part of `max_bytes` above which the gateway starts to warn.
    pub watermark: f64,
    /// Messages removed per call at most.
    pub chunk: u32,
    /// Dead letters kept.
    pub dead_letters: u32,
    /// Unknown codes kept, the latest: a controller may say anything.
    pub unknown_codes: u32,
    /// Server events kept, for readers that come back.
    pub server_events: u32,
    /// Receipts of delivered outbox entries kept.
    pub receipts: u32,
    /// Outbox entries that may wait, and dead ones kept; of more the oldest go.
    pub outbox: u32,
}

/// So much longer than their age messages stay for a sink that has not had them.
const SINK_HOLD_MS: i64 = 30 * 86_400_000;

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_age_ms: Some(400 * 86_400_000),
            max_bytes: None,
            watermark: 0.8,
            chunk: 5_000,
            dead_letters: 10_000,
            unknown_codes: 10_000,
            server_events: 100_000,
            receipts: 10_000,
            outbox: 100_000,
        }
    }
}

/// What one call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// Messages removed from the log.
    pub removed: u64,
    /// Messages copied to hazards first.
    pub copied: u64,
    /// More is due: call again soon.
    pub more: bool,
    /// Bytes in use are above the watermark: worth a warning.
    pub above_watermark: bool,
    /// Messages removed that a sink in use had not had.
    pub missed: u64,
    /// Outbox entries that were given up or removed because there were too many.
    pub overflowed: u64,
}

/// Rows of the log to go in one step.
struct Chunk {
    first: i64,
    last: i64,
    /// Earliest and latest time they are filed under.
    from: i64,
    to: i64,
}

impl Writer {
    /// Removes at most one chunk of what is no longer to be kept.
    ///
    /// # Errors
    /// Nothing was removed.
    pub async fn retain(
        &mut self,
        retention: &Retention,
        now: UtcMillis,
    ) -> Result<RetentionReport, StoreError> {
        let write = |source| StoreError::Write {
            what: "retention",
            source,
        };
        let mut connection = self.take_connection().await?;
        begin(&mut connection).await?;
        let report = chunk(&mut connection, retention, now).await.map_err(write)?;
        end(&mut connection).await?;
        self.put_connection(connection);
        Ok(report)
    }
}

async fn chunk(
    db: &mut SqliteConnection,
    retention: &Retention,
    now: UtcMillis,
) -> Result<RetentionReport, sqlx::Error> {
    for (sql, keep) in [
        (
            "DELETE FROM dead_letters WHERE position <= (SELECT position FROM dead_letters ORDER BY position DESC LIMIT 1 OFFSET $1)",
            retention.dead_letters,
        ),
        (
            "DELETE FROM unknown_codes WHERE last_seen <= (SELECT last_seen FROM unknown_codes ORDER BY last_seen DESC LIMIT 1 OFFSET $1)",
            retention.unknown_codes,
        ),
        (
            "DELETE FROM server_events WHERE id <= (SELECT id FROM server_events ORDER BY id DESC LIMIT 1 OFFSET $1)",
            retention.server_events,
        ),
    ] {
        sqlx::query(sql).bind(i64::from(keep)).execute(&mut *db).await?;
    }
    let overflowed = outbox(db, retention).await?;
    let (above_limit, above_watermark) = match retention.max_bytes {
        Some(limit) => {
            let used = used(db).await?;
            (used > limit, used as f64 > limit as f64 * retention.watermark)
        }
        None => (false, false),
    };
    let idle = RetentionReport {
        above_watermark,
        overflowed,
        ..RetentionReport::default()
    };
    let cutoff = retention.max_age_ms.map(|age| now.0.saturating_sub(age));
    let oldest = sqlx::query("SELECT received FROM messages ORDER BY position LIMIT 1")
        .fetch_optional(&mut *db)
        .await?;
    let Some(oldest) = oldest.map(|row| row.get::<i64, _>(0)) else {
        return Ok(idle);
    };
    if !above_limit && cutoff.is_none_or(|cutoff| oldest >= cutoff) {
        return Ok(idle);
    }
    // Positions follow arrival, so the oldest are in front.
    let bound = if above_limit {
        i64::MAX
    } else {
        cutoff.unwrap_or(i64::MIN)
    };
    let row = sqlx::query(
        "SELECT MIN(position), MAX(position), MIN(at), MAX(at), COUNT(*) FROM \
         (SELECT position, at FROM messages WHERE received < $1 ORDER BY position LIMIT $2)",
    )
    .bind(bound)
    .bind(i64::from(retention.chunk))
    .fetch_one(&mut *db)
    .await?;
    let chunk = Chunk {
        first: row.get(0),
        last: row.get(1),
        from: row.get(2),
        to: row.get(3),
    };
    // What a restart would need is never removed, nor what is not indexed: both marks move on soon.
    let marks = sqlx::query(
        "SELECT MIN(CAST(value AS INTEGER)), COUNT(*) FROM meta WHERE key IN ('watermark', 'indexed_to')",
    )
    .fetch_one(&mut *db)
    .await?;
    let mark: i64 = if marks.get::<i64, _>(1) == 2 {
        marks.get(0)
    } else {
        0
    };
    let held = oldest >= cutoff.unwrap_or(i64::MIN).saturating_sub(SINK_HOLD_MS) && !above_limit;
    let last = chunk.last.min(mark);
    let last = if held { last.min(cursor(db).await?) } else { last };
    let chunk = Chunk { last, ..chunk };
    if chunk.last < chunk.first {
        return Ok(idle);
    }
    let missed = note_missed(db, &chunk, now).await?;
    let copied = copy_evidence(db, &chunk).await?;
    for sql in [
        "DELETE FROM message_times WHERE (node_id, device_id, at, position) IN \
         (SELECT node_id, device_id, at, position FROM messages WHERE position BETWEEN $1 AND $2)",
        "DELETE FROM message_journal WHERE (node_id, epoch, seq) IN \
         (SELECT node_id, epoch, seq FROM messages WHERE position BETWEEN $1 AND $2 AND seq IS NOT NULL)",
    ] {
        sqlx::query(sql)
            .bind(chunk.first)
            .bind(chunk.last)
            .execute(&mut *db)
            .await?;
    }
    let removed = sqlx::query("DELETE FROM messages WHERE position BETWEEN $1 AND $2")
        .bind(chunk.first)
        .bind(chunk.last)
        .execute(&mut *db)
        .await?
        .rows_affected();
    let more = removed == u64::from(retention.chunk);
    Ok(RetentionReport {
        removed,
        copied,
        more,
        missed,
        ..idle
    })
}

/// Keeps the outbox within its size.
async fn outbox(db: &mut SqliteConnection, retention: &Retention) -> Result<u64, sqlx::Error> {
    let mut overflowed = 0;
    for (sql, keep, counts) in [
        (
            "DELETE FROM outbox WHERE state = 'delivered' AND id <= \
             (SELECT id FROM outbox WHERE state = 'delivered' ORDER BY id DESC LIMIT 1 OFFSET $1)",
            retention.receipts,
            false,
        ),
        (
            "UPDATE outbox SET state = 'dead', said = 'too many entries wait' WHERE state = 'pending' AND id <= \
             (SELECT id FROM outbox WHERE state = 'pending' ORDER BY id DESC LIMIT 1 OFFSET $1)",
            retention.outbox,
            true,
        ),
        (
            "DELETE FROM outbox WHERE state = 'dead' AND id <= \
             (SELECT id FROM outbox WHERE state = 'dead' ORDER BY id DESC LIMIT 1 OFFSET $1)",
            retention.outbox,
            true,
        ),
    ] {
        let done = sqlx::query(sql).bind(i64::from(keep)).execute(&mut *db).await?;
        overflowed += if counts { done.rows_affected() } else { 0 };
    }
    Ok(overflowed)
}

/// How far the slowest sink in use is.
async fn cursor(db: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let row = sqlx::query("SELECT MIN(position) FROM sink_cursors WHERE active = 1")
        .fetch_one(db)
        .await?;
    Ok(row.get::<Option<i64>, _>(0).unwrap_or(i64::MAX))
}

/// Writes down what sinks will never get; a gap that goes on is one gap.
async fn note_missed(db: &mut SqliteConnection, chunk: &Chunk, now: UtcMillis) -> Result<u64, sqlx::Error> {
    let behind = sqlx::query("SELECT sink, position, active FROM sink_cursors WHERE position < $1")
        .bind(chunk.last)
        .fetch_all(&mut *db)
        .await?;
    let mut missed = 0;
    for row in behind {
        let (sink, position, active): (String, i64, bool) = (row.get(0), row.get(1), row.get(2));
        let lost = sqlx::query(
            "SELECT COUNT(*), MIN(position), MAX(position), MIN(at), MAX(at) FROM messages \
             WHERE position BETWEEN $1 AND $2",
        )
        .bind(chunk.first.max(position + 1))
        .bind(chunk.last)
        .fetch_one(&mut *db)
        .await?;
        let messages: i64 = lost.get(0);
        if messages == 0 {
            continue;
        }
        // One that is not in use will want to know when it is again, but nobody needs to be alarmed now.
        missed += if active { messages as u64 } else { 0 };
        let [first, last, from, to]: [i64; 4] = [lost.get(1), lost.get(2), lost.get(3), lost.get(4)];
        let grown = sqlx::query(
            "UPDATE sink_gaps SET to_position = $3, to_ms = MAX(to_ms, $4), messages = messages + $5, at = $6 \
             WHERE sink = $1 AND to_position > $2",
        )
        .bind(&sink)
        .bind(position)
        .bind(last)
        .bind(to)
        .bind(messages)
        .bind(now.0)
        .execute(&mut *db)
        .await?;
        if grown.rows_affected() == 0 {
            sqlx::query(
                "INSERT INTO sink_gaps (sink, from_position, to_position, from_ms, to_ms, messages, at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&sink)
            .bind(first)
            .bind(last)
            .bind(from)
            .bind(to)
            .bind(messages)
            .bind(now.0)
            .execute(&mut *db)
            .await?;
        }
    }
    Ok(missed)
}

/// Copies the messages of the chunk that speak for a hazard.
async fn copy_evidence(db: &mut SqliteConnection, chunk: &Chunk) -> Result<u64, sqlx::Error> {
    let copied = sqlx::query(
        "INSERT INTO hazard_evidence_messages (hazard, position, node_id, device_id, kind, flags, epoch, seq, \
         published, received, context_id, payload, source) \
         SELECT w.hazard, m.position, m.node_id, m.device_id, m.kind, m.flags, m.epoch, m.seq, m.published, \
         m.received, m.context_id, m.payload, m.source FROM hazard_windows w JOIN messages m \
         ON m.node_id = w.node_id AND (m.device_id = w.device_id OR (m.device_id = 0 AND m.source <> 0)) AND m.at BETWEEN w.from_ms AND w.to_ms \
         WHERE w.to_ms >= $3 AND w.from_ms <= $4 AND m.position BETWEEN $1 AND $2 ON CONFLICT DO NOTHING",
    )
    .bind(chunk.first)
    .bind(chunk.last)
    .bind(chunk.from)
    .bind(chunk.to)
    .execute(db)
    .await?;
    Ok(copied.rows_affected())
}

async fn used(db: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let mut numbers = [0_i64; 3];
    for (slot, sql) in
        numbers
            .iter_mut()
            .zip(["PRAGMA page_size", "PRAGMA page_count", "PRAGMA freelist_count"])
    {
        *slot = sqlx::query(sql).fetch_one(&mut *db).await?.get(0);
    }
    let [page, pages, free] = numbers;
    Ok(u64::try_from((pages - free) * page).unwrap_or(0))
}
