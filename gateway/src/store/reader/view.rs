//! Sums and pages behind the overview, the trends and the event stream.

use super::alarms::{alarm_event, gap};
use super::messages::{COLUMNS, PageEnd, push_filed, stored};
use super::{Reader, StoredMessage, count, get, read, text, time};
use crate::store::keys::from_word;
use crate::store::{StoreError, push_node_seen, push_seen};
use sqlx::{QueryBuilder, Row as _};
use std::sync::Arc;
use vigil_core::alarm::AlarmEvent;
use vigil_core::output::GapRecord;
use vigil_core::pack::Severity;
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;

/// Open hazards of one piece of equipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHazards {
    /// Equipment id.
    pub equipment: Arc<str>,
    /// How many.
    pub count: u64,
    /// The worst of them.
    pub worst: Severity,
}

/// Message counts of all nodes in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourCounts {
    /// Start of the hour.
    pub hour: UtcMillis,
    /// Messages that exist.
    pub expected: u64,
    /// Arrived in time.
    pub received: u64,
    /// Arrived as history.
    pub late: u64,
    /// Dropped by nodes.
    pub dropped: u64,
    /// Came again.
    pub duplicate: u64,
}

impl Reader {
    /// Equipment with open hazards: all there is, or of these.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn open_hazards(&self, of: Option<&[&str]>) -> Result<Vec<OpenHazards>, StoreError> {
        const WHAT: &str = "hazard";
        let mut query = QueryBuilder::new(
            "SELECT equipment, COUNT(*) AS n, MIN(severity) AS worst FROM hazard_numbers \
             WHERE status IN ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted')",
        );
        if let Some(of) = of {
            query
                .push(" AND equipment IN (SELECT value FROM json_each(")
                .push_bind(serde_json::to_string(of).unwrap_or_default())
                .push("))");
        }
        let rows = query
            .push(" GROUP BY equipment")
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("open hazards"))?;
        rows.iter()
            .map(|row| {
                Ok(OpenHazards {
                    equipment: text(row, WHAT, "equipment")?,
                    count: count(row, WHAT, "n")?,
                    worst: from_word(WHAT, get(row, WHAT, "worst")?)?,
                })
            })
            .collect()
    }

    /// Gaps of all equipment that touch `from..to`, in no order: sorting would cost the use of the index.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn gaps_between(
        &self,
        from: UtcMillis,
        to: UtcMillis,
        limit: u32,
        sight: &Sight,
    ) -> Result<Vec<GapRecord>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM gaps WHERE to_ms IS NULL AND from_ms < ");
        query.push_bind(to.0);
        push_seen(&mut query, "gaps.equipment", sight);
        query
            .push(" UNION ALL SELECT * FROM gaps WHERE to_ms > ")
            .push_bind(from.0);
        query.push(" AND from_ms < ").push_bind(to.0);
        push_seen(&mut query, "gaps.equipment", sight);
        query.push(" LIMIT ").push_bind(i64::from(limit));
        let rows = query.build().fetch_all(&self.pool).await.map_err(read("gaps"))?;
        rows.iter().map(gap).collect()
    }

    /// Message counts of all nodes that carry equipment in sight together, per hour whose start is in `from..to`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hour_counts(
        &self,
        from: UtcMillis,
        to: UtcMillis,
        sight: &Sight,
    ) -> Result<Vec<HourCounts>, StoreError> {
        const WHAT: &str = "node hour";
        let mut query = QueryBuilder::new(
            "SELECT hour, SUM(expected) AS expected, SUM(received) AS received, SUM(late) AS late, \
             SUM(dropped) AS dropped, SUM(duplicate) AS duplicate FROM node_hours WHERE hour >= ",
        );
        query.push_bind(from.0).push(" AND hour < ").push_bind(to.0);
        push_node_seen(&mut query, "node_hours.node", sight);
        query.push(" GROUP BY hour ORDER BY hour");
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("node hours"))?;
        rows.iter()
            .map(|row| {
                Ok(HourCounts {
                    hour: time(row, WHAT, "hour")?,
                    expected: count(row, WHAT, "expected")?,
                    received: count(row, WHAT, "received")?,
                    late: count(row, WHAT, "late")?,
                    dropped: count(row, WHAT, "dropped")?,
                    duplicate: count(row, WHAT, "duplicate")?,
                })
            })
            .collect()
    }

    /// Arrival of the oldest message still in the log.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn log_start(&self) -> Result<Option<UtcMillis>, StoreError> {
        let row = sqlx::query("SELECT received FROM messages ORDER BY position LIMIT 1")
            .fetch_optional(&self.pool)
            .await
            .map_err(read("the log"))?;
        Ok(row.map(|row| UtcMillis(row.get(0))))
    }

    /// The next `limit` messages of one device (or of the node itself) filed under times in `from..=to`,
    /// by that time. `after` is the end of the page before. See [`Reader::messages`] on times.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn message_page(
        &self,
        (node, device): (&str, Option<&str>),
        (from, to): (UtcMillis, UtcMillis),
        after: Option<PageEnd>,
        limit: u32,
    ) -> Result<(Vec<StoredMessage>, Option<PageEnd>), StoreError> {
        let Some(ids) = self.ids(node, device).await? else {
            return Ok((Vec::new(), None));
        };
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(", i.at AS filed");
        push_filed(&mut query, ids, (from, to), after, limit);
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("messages"))?;
        let messages = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        let end = match rows.last().zip(messages.last()) {
            Some((row, message)) if messages.len() as u64 >= u64::from(limit) => {
                Some((time(row, "message", "filed")?, message.entry.position.0))
            }
            _ => None,
        };
        Ok((messages, end))
    }

    /// The latest transitions of all alarms in sight, latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn latest_alarm_events(
        &self,
        limit: u32,
        sight: &Sight,
    ) -> Result<Vec<AlarmEvent>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM alarm_events WHERE 1 = 1");
        push_seen(&mut query, "alarm_events.equipment", sight);
        query
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(i64::from(limit.clamp(1, 10_000)));
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("alarm events"))?;
        rows.iter().map(alarm_event).collect()
    }

    /// Id of the oldest event still kept; `None` when there is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn first_event_id(&self) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query("SELECT id FROM server_events ORDER BY id LIMIT 1")
            .fetch_optional(&self.pool)
            .await
            .map_err(read("server events"))?;
        Ok(row.map(|row| row.get(0)))
    }
}
