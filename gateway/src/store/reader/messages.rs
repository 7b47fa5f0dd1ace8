//! The message log: what a trend decodes and what a hazard shows as evidence.

use super::{Reader, get, maybe_time, read, text, time};
use crate::store::keys::{HISTORICAL, RETAINED, kind_of, source_of};
use crate::store::{Db, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use vigil_core::field::Source;
use vigil_core::hash::ContentHash;
use vigil_core::input::Position;
use vigil_core::output::{DecodeContext, LogEntry};
use vigil_protocol::sparkplug::{MessageType, Topic};
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "message";

/// Where a page of messages ends: time it is filed under, position.
pub type PageEnd = (UtcMillis, u64);

/// The payload column of a message.
pub type StoredPayload = Vec<u8>;

/// A message as it was received, with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    /// Position, names, times, journal sequence, decode context.
    pub entry: LogEntry,
    /// Came from the broker's retained store.
    pub retained: bool,
    /// As received.
    pub payload: StoredPayload,
}

impl StoredMessage {
    /// The topic it came under; of what is not Sparkplug's, whose it is.
    #[must_use]
    pub fn topic(&self) -> String {
        if self.entry.source != Source::Sparkplug {
            let device = self.entry.device.as_deref();
            return device.map_or_else(
                || self.entry.node.to_string(),
                |device| format!("{}/{device}", self.entry.node),
            );
        }
        topic(&self.entry.node, self.entry.device.as_deref(), self.entry.message)
    }
}

/// The topic of a message, from what is stored of it.
pub(super) fn topic(node: &str, device: Option<&str>, message: MessageType) -> String {
    let (group, node) = node.split_once('/').unwrap_or(("", node));
    match device {
        Some(device) => Topic::Device {
            message,
            group,
            node,
            device,
        }
        .to_string(),
        None => Topic::Node { message, group, node }.to_string(),
    }
}

pub(super) const COLUMNS: &str = "m.position, n.name AS node, d.name AS device, m.kind, m.flags, m.epoch, m.seq, \
     m.published, m.received, c.hash, m.payload, m.source";
pub(super) const JOINS: &str = "JOIN nodes n ON n.id = m.node_id LEFT JOIN devices d ON d.id = m.device_id \
     LEFT JOIN contexts c ON c.id = m.context_id";

impl Reader {
    /// Messages of one device (or of the node itself) filed under times in `from..=to`, by position.
    ///
    /// History stands under its own time, everything else under its arrival: ask for a few minutes
    /// more on both sides and look at the samples' times.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn messages(
        &self,
        node: &str,
        device: Option<&str>,
        from: UtcMillis,
        to: UtcMillis,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let Some(ids) = self.ids(node, device).await? else {
            return Ok(Vec::new());
        };
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS);
        push_filed(&mut query, ids, (from, to), None, limit);
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("messages"))?;
        let mut messages = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        messages.sort_by_key(|message| message.entry.position);
        Ok(messages)
    }

    /// Messages at these positions, as far as they are still in the log.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn messages_at(&self, positions: &[Position]) -> Result<Vec<StoredMessage>, StoreError> {
        let mut messages = Vec::with_capacity(positions.len());
        for chunk in positions.chunks(200) {
            let mut query = QueryBuilder::new("SELECT ");
            query
                .push(COLUMNS)
                .push(" FROM messages m ")
                .push(JOINS)
                .push(" WHERE m.position IN (");
            let mut list = query.separated(", ");
            for position in chunk {
                list.push_bind(position.0 as i64);
            }
            query.push(") ORDER BY m.position");
            let rows = query
                .build()
                .fetch_all(&self.pool)
                .await
                .map_err(read("messages"))?;
            for row in &rows {
                messages.push(stored(row)?);
            }
        }
        Ok(messages)
    }

    /// Messages kept with a hazard after the log dropped them, by position.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn evidence_messages(&self, hazard: &str) -> Result<Vec<StoredMessage>, StoreError> {
        let mut query = QueryBuilder::new("SELECT ");
        query
            .push(COLUMNS)
            .push(" FROM hazard_evidence_messages m ")
            .push(JOINS);
        query
            .push(" WHERE m.hazard = ")
            .push_bind(hazard.to_owned())
            .push(" ORDER BY m.position");
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("evidence"))?;
        rows.iter().map(stored).collect()
    }

    /// Birth certificates by hash.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn contexts(
        &self,
        hashes: &BTreeSet<ContentHash>,
    ) -> Result<HashMap<ContentHash, DecodeContext>, StoreError> {
        let mut contexts = HashMap::with_capacity(hashes.len());
        for hash in hashes {
            let row = sqlx::query("SELECT hash, topic, payload FROM contexts WHERE hash = $1")
                .bind(&hash.0[..])
                .fetch_optional(&self.pool)
                .await
                .map_err(read("a birth certificate"))?;
            if let Some(row) = row {
                contexts.insert(*hash, context(&row)?);
            }
        }
        Ok(contexts)
    }

    pub(super) async fn ids(
        &self,
        node: &str,
        device: Option<&str>,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        let node_id = sqlx::query("SELECT id FROM nodes WHERE name = $1")
            .bind(node)
            .fetch_optional(&self.pool)
            .await
            .map_err(read("a node"))?
            .map(|row| row.get::<i64, _>(0));
        let (Some(node_id), Some(device)) = (node_id, device) else {
            return Ok(node_id.map(|id| (id, 0)));
        };
        let device_id = sqlx::query("SELECT id FROM devices WHERE node_id = $1 AND name = $2")
            .bind(node_id)
            .bind(device)
            .fetch_optional(&self.pool)
            .await
            .map_err(read("a device"))?
            .map(|row| row.get::<i64, _>(0));
        Ok(device_id.map(|id| (node_id, id)))
    }
}

/// `FROM …`: the first `limit` messages of a device filed under times in `from..=to`, behind `after`,
/// in that order, as `i` (time, position) and `m`. They come from the index, and from the end of the
/// log that is not indexed yet.
pub(super) fn push_filed(
    query: &mut QueryBuilder<Db>,
    (node, device): (i64, i64),
    (from, to): (UtcMillis, UtcMillis),
    after: Option<PageEnd>,
    limit: u32,
) {
    let mut part = |head: &str| {
        query.push(head);
        query
            .push("node_id = ")
            .push_bind(node)
            .push(" AND device_id = ")
            .push_bind(device);
        query
            .push(" AND at BETWEEN ")
            .push_bind(after.map_or(from, |(at, _)| at.max(from)).0);
        query.push(" AND ").push_bind(to.0);
        if let Some((at, position)) = after {
            query.push(" AND (at, position) > (").push_bind(at.0);
            query.push(", ").push_bind(position as i64).push(")");
        }
        query
            .push(" ORDER BY at, position LIMIT ")
            .push_bind(i64::from(limit))
            .push(")");
    };
    part(" FROM (SELECT * FROM (SELECT at, position FROM message_times WHERE ");
    part(
        " UNION ALL SELECT * FROM (SELECT at, position FROM messages WHERE position > \
         (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'indexed_to') AND ",
    );
    query
        .push(" ORDER BY at, position LIMIT ")
        .push_bind(i64::from(limit));
    query
        .push(") i JOIN messages m ON m.position = i.position ")
        .push(JOINS);
    query.push(" ORDER BY i.at, i.position");
}

pub(super) fn stored(row: &SqliteRow) -> Result<StoredMessage, StoreError> {
    let flags: i64 = get(row, WHAT, "flags")?;
    let epoch: Option<i64> = get(row, WHAT, "epoch")?;
    let seq: Option<i64> = get(row, WHAT, "seq")?;
    let hash: Option<Vec<u8>> = get(row, WHAT, "hash")?;
    Ok(StoredMessage {
        entry: LogEntry {
            position: Position(get::<i64>(row, WHAT, "position")? as u64),
            node: text(row, WHAT, "node")?,
            device: get::<Option<String>>(row, WHAT, "device")?.map(Into::into),
            message: kind_of(get(row, WHAT, "kind")?)?,
            journal: epoch.zip(seq).map(|(epoch, seq)| (epoch as u64, seq as u64)),
            published: maybe_time(row, WHAT, "published")?,
            received: time(row, WHAT, "received")?,
            source: source_of(get(row, WHAT, "source")?)?,
            historical: flags & HISTORICAL != 0,
            context: hash.map(hash_of).transpose()?,
        },
        retained: flags & RETAINED != 0,
        payload: get(row, WHAT, "payload")?,
    })
}

pub(super) fn context(row: &SqliteRow) -> Result<DecodeContext, StoreError> {
    Ok(DecodeContext {
        hash: hash_of(get(row, "context", "hash")?)?,
        topic: text(row, "context", "topic")?,
        payload: Arc::from(get::<Vec<u8>>(row, "context", "payload")?),
    })
}

fn hash_of(bytes: Vec<u8>) -> Result<ContentHash, StoreError> {
    <[u8; 32]>::try_from(bytes)
        .map(ContentHash)
        .map_err(|bytes| StoreError::Corrupt {
            what: "context",
            detail: format!("a hash of {} bytes", bytes.len()),
        })
}
