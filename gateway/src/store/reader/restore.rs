//! What a restart needs: snapshots, and the log after them.

use super::messages::{COLUMNS, context, stored, topic};
use super::{Reader, get, read, time};
use crate::store::{KeptPolicy, Snapshot, StoreError};
use sqlx::{QueryBuilder, Row as _};
use std::sync::Arc;
use vigil_core::field::Source;
use vigil_core::hash::ContentHash;
use vigil_core::input::{OperatorAction, Position};
use vigil_core::output::DecodeContext;
use vigil_protocol::time::UtcMillis;

/// How far the last run came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restorable {
    /// Newest state of every node, each as of its own position.
    pub snapshots: Vec<Snapshot>,
    /// The log up to here is in the snapshots.
    pub watermark: Position,
    /// Last position used; the next input gets the one after.
    pub last_position: Position,
    /// Number of the last batch.
    pub last_batch: u64,
    /// Last time given to the core; `None` for a new database.
    pub last_now: Option<UtcMillis>,
}

/// One logged input, to be handled again.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedInput {
    /// Its place.
    pub position: Position,
    /// When it was handled.
    pub received: UtcMillis,
    /// `group/node` whose snapshot covers it.
    pub node: Arc<str>,
    /// What it was.
    pub what: Logged,
}

/// A logged message or action.
#[derive(Clone, Debug, PartialEq)]
pub enum Logged {
    /// A message as received.
    Message {
        /// Topic.
        topic: String,
        /// Bytes.
        payload: Vec<u8>,
        /// From the broker's retained store.
        retained: bool,
    },
    /// A message of the field that is not Sparkplug's.
    Field {
        /// Device, `None` if it is of the node or of several.
        device: Option<Arc<str>>,
        /// The profile or map it was read with.
        context: Option<ContentHash>,
        /// Bytes.
        payload: Vec<u8>,
        /// From the broker's retained store.
        retained: bool,
    },
    /// What a person did.
    Action(Box<OperatorAction>),
}

impl Reader {
    /// Snapshots and marks of the last run.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn restorable(&self) -> Result<Restorable, StoreError> {
        let rows = sqlx::query("SELECT node, position, json FROM snapshots ORDER BY node")
            .fetch_all(&self.pool)
            .await
            .map_err(read("snapshots"))?;
        let snapshots = rows
            .iter()
            .map(|row| {
                Ok(Snapshot {
                    node: get::<String>(row, "snapshot", "node")?.into(),
                    position: Position(get::<i64>(row, "snapshot", "position")? as u64),
                    json: get(row, "snapshot", "json")?,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        let last_position = self.mark("last_position").await?.unwrap_or(0);
        Ok(Restorable {
            snapshots,
            watermark: Position(self.mark("watermark").await?.unwrap_or(0) as u64),
            last_position: Position(last_position as u64),
            last_batch: self.mark("batch").await?.unwrap_or(0) as u64,
            last_now: self.mark("last_now").await?.map(UtcMillis),
        })
    }

    /// By which policies the hazard loop has worked, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn policies(&self) -> Result<Vec<KeptPolicy>, StoreError> {
        // A database that no gateway of this version has opened yet has none.
        let there: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'loop_policies'")
                .fetch_one(&self.pool)
                .await
                .map_err(read("the schema"))?;
        if there == 0 {
            return Ok(Vec::new());
        }
        let rows = sqlx::query("SELECT position, at, hash, json FROM loop_policies ORDER BY n")
            .fetch_all(&self.pool)
            .await
            .map_err(read("the policies of the hazard loop"))?;
        let kept = rows.iter().map(|row| {
            const WHAT: &str = "policy of the hazard loop";
            let hash: String = get(row, WHAT, "hash")?;
            Ok(KeptPolicy {
                position: Position(get::<i64>(row, WHAT, "position")? as u64),
                at: UtcMillis(get(row, WHAT, "at")?),
                hash: ContentHash::from_hex(&hash).ok_or_else(|| StoreError::Corrupt {
                    what: WHAT,
                    detail: format!("{hash:?} is no hash"),
                })?,
                json: get(row, WHAT, "json")?,
            })
        });
        kept.collect()
    }

    /// Up to `limit` messages and actions behind `after`, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn log_after(&self, after: Position, limit: u32) -> Result<Vec<LoggedInput>, StoreError> {
        let mut query = QueryBuilder::new("SELECT ");
        // Without births: replay knows them, and the join would cost more than the row.
        query.push(COLUMNS.replace(
            "c.hash",
            "CASE WHEN m.source <> 0 THEN (SELECT hash FROM contexts WHERE id = m.context_id) END AS hash",
        ));
        query.push(
            " FROM messages m JOIN nodes n ON n.id = m.node_id LEFT JOIN devices d ON d.id = m.device_id",
        );
        query.push(" WHERE m.position > ").push_bind(after.0 as i64);
        query
            .push(" ORDER BY m.position LIMIT ")
            .push_bind(i64::from(limit));
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("the log"))?;
        let mut inputs = Vec::with_capacity(rows.len());
        for row in &rows {
            let message = stored(row)?;
            inputs.push(LoggedInput {
                position: message.entry.position,
                received: message.entry.received,
                what: if message.entry.source == Source::Sparkplug {
                    Logged::Message {
                        topic: topic(
                            &message.entry.node,
                            message.entry.device.as_deref(),
                            message.entry.message,
                        ),
                        payload: message.payload,
                        retained: message.retained,
                    }
                } else {
                    Logged::Field {
                        device: message.entry.device,
                        context: message.entry.context,
                        payload: message.payload,
                        retained: message.retained,
                    }
                },
                node: message.entry.node,
            });
        }
        // If the page is full, actions behind its last message belong to a later page.
        let end = if rows.len() < limit as usize {
            i64::MAX
        } else {
            inputs.last().map_or(0, |i| i.position.0 as i64)
        };
        let rows = sqlx::query(
            "SELECT position, received, node, json FROM actions WHERE position > $1 AND position <= $2 ORDER BY position",
        )
        .bind(after.0 as i64)
        .bind(end)
        .fetch_all(&self.pool)
        .await
        .map_err(read("the log of actions"))?;
        for row in &rows {
            let json: String = get(row, "action", "json")?;
            let action = serde_json::from_str(&json).map_err(|error| StoreError::Corrupt {
                what: "action",
                detail: error.to_string(),
            })?;
            inputs.push(LoggedInput {
                position: Position(get::<i64>(row, "action", "position")? as u64),
                received: time(row, "action", "received")?,
                node: get::<String>(row, "action", "node")?.into(),
                what: Logged::Action(Box::new(action)),
            });
        }
        inputs.sort_by_key(|input| input.position);
        Ok(inputs)
    }

    /// The action that was given this key, if it was carried out, and when.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn action_by_key(
        &self,
        key: &str,
    ) -> Result<Option<(Position, UtcMillis, OperatorAction)>, StoreError> {
        let row = sqlx::query("SELECT position, received, json FROM actions WHERE idempotency_key = $1")
            .bind(key)
            .fetch_optional(&self.pool)
            .await
            .map_err(read("an action"))?;
        let Some(row) = row else { return Ok(None) };
        let action = serde_json::from_str(&get::<String>(&row, "action", "json")?).map_err(|error| {
            StoreError::Corrupt {
                what: "action",
                detail: error.to_string(),
            }
        })?;
        Ok(Some((
            Position(get::<i64>(&row, "action", "position")? as u64),
            time(&row, "action", "received")?,
            action,
        )))
    }

    /// All birth certificates, oldest first, from `after` (an id; 0 = all) on; the last id comes back.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn all_contexts(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<(i64, Vec<DecodeContext>), StoreError> {
        let rows =
            sqlx::query("SELECT id, hash, topic, payload FROM contexts WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await
                .map_err(read("birth certificates"))?;
        let last = rows.last().map_or(after, |row| row.get(0));
        Ok((last, rows.iter().map(context).collect::<Result<_, _>>()?))
    }

    async fn mark(&self, key: &'static str) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query("SELECT value FROM meta WHERE key = $1")
            .bind(key)
            .fetch_optional(&self.pool)
            .await
            .map_err(read("marks"))?;
        let Some(row) = row else { return Ok(None) };
        let value: String = get(&row, "mark", "value")?;
        value.parse().map(Some).map_err(|_| StoreError::Corrupt {
            what: "mark",
            detail: format!("{key} = {value}"),
        })
    }
}
