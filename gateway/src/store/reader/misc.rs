//! Roll-ups, completeness, strangers, dead letters, events, counts.

use super::{Reader, count, get, read, text, time};
use crate::store::{ServerEvent, StoreError, push_scope, push_seen};
use sqlx::{QueryBuilder, Row as _};
use std::sync::Arc;
use vigil_core::output::{NodeHour, RollupNumbers, UnregisteredDevice};
use vigil_core::pack::Severity;
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// One hour of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RollupRow {
    /// Start of the hour.
    pub hour: UtcMillis,
    /// The numbers; `min`, `max` and `last` are NaN when `good` is 0.
    pub numbers: RollupNumbers,
}

/// A message nothing could be made of, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRow {
    /// Place in the order of inputs.
    pub position: u64,
    /// Topic.
    pub topic: String,
    /// Why.
    pub reason: String,
    /// Arrival.
    pub received: UtcMillis,
    /// Size of the payload.
    pub bytes: u64,
}

/// A code of a controller that its scheme did not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCodeRow {
    /// Equipment id.
    pub equipment: String,
    /// Its scheme; empty if it had none.
    pub scheme: String,
    /// As sent.
    pub code: String,
    /// First reported.
    pub first_seen: UtcMillis,
    /// Last reported.
    pub last_seen: UtcMillis,
    /// How often it appeared.
    pub count: u64,
}

/// How many dead letters are kept, and the latest of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetters {
    /// All that are kept.
    pub total: u64,
    /// Latest first.
    pub recent: Vec<DeadLetterRow>,
}

/// Counts for the first page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Open (not rejected, not struck off) hazards by severity S1 … S4.
    pub open_hazards: [u64; 4],
    /// Of those, suspected.
    pub suspected: u64,
    /// Of those, of grade major.
    pub major: u64,
    /// Standing process alarms by severity S1 … S4.
    pub alarms: [u64; 4],
    /// Standing monitoring-gap alarms.
    pub monitoring_gaps: u64,
    /// Gaps that last.
    pub open_gaps: u64,
    /// Devices nobody has entered into the catalog.
    pub unregistered: u64,
    /// Dead letters kept.
    pub dead_letters: u64,
}

/// Size of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes in use: pages minus free ones, without the write-ahead log.
    pub used: u64,
    /// Bytes of the file on disk.
    pub file: u64,
}

impl Reader {
    /// Hourly roll-ups of a series whose hour starts in `from..to`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn rollups(
        &self,
        equipment: &str,
        quantity: Quantity,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<Vec<RollupRow>, StoreError> {
        const WHAT: &str = "roll-up";
        let rows = sqlx::query(
            "SELECT * FROM rollups WHERE equipment = $1 AND quantity = $2 AND hour >= $3 AND hour < $4 ORDER BY hour LIMIT 100000",
        )
        .bind(equipment)
        .bind(quantity.key())
        .bind(from.0)
        .bind(to.0)
        .fetch_all(&self.pool)
        .await
        .map_err(read("roll-ups"))?;
        rows.iter()
            .map(|row| {
                let maybe =
                    |column| get::<Option<f64>>(row, WHAT, column).map(|value| value.unwrap_or(f64::NAN));
                Ok(RollupRow {
                    hour: time(row, WHAT, "hour")?,
                    numbers: RollupNumbers {
                        good: count(row, WHAT, "good")?,
                        bad: count(row, WHAT, "bad")?,
                        min: maybe("min")?,
                        max: maybe("max")?,
                        sum: maybe("sum")?,
                        last: maybe("last")?,
                        last_at: time(row, WHAT, "last_at")?,
                    },
                })
            })
            .collect()
    }

    /// Message counts per hour whose start is in `from..to`, of one node or all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn node_hours(
        &self,
        node: Option<&str>,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<Vec<NodeHour>, StoreError> {
        const WHAT: &str = "node hour";
        let mut query = QueryBuilder::new("SELECT * FROM node_hours WHERE hour >= ");
        query.push_bind(from.0).push(" AND hour < ").push_bind(to.0);
        if let Some(node) = node {
            query.push(" AND node = ").push_bind(node.to_owned());
        }
        query.push(" ORDER BY node, hour LIMIT 100000");
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("node hours"))?;
        rows.iter()
            .map(|row| {
                Ok(NodeHour {
                    node: text(row, WHAT, "node")?,
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

    /// Devices that send but are in no catalog, latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn unregistered(&self, limit: u32) -> Result<Vec<UnregisteredDevice>, StoreError> {
        const WHAT: &str = "unregistered device";
        let rows = sqlx::query("SELECT * FROM unregistered ORDER BY last_seen DESC, node, device LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(read("unregistered devices"))?;
        rows.iter()
            .map(|row| {
                let device: Arc<str> = text(row, WHAT, "device")?;
                let metrics: String = get(row, WHAT, "metrics")?;
                Ok(UnregisteredDevice {
                    node: text(row, WHAT, "node")?,
                    device: (!device.is_empty()).then_some(device),
                    first_seen: time(row, WHAT, "first_seen")?,
                    last_seen: time(row, WHAT, "last_seen")?,
                    messages: count(row, WHAT, "messages")?,
                    metrics: serde_json::from_str(&metrics).map_err(|error| StoreError::Corrupt {
                        what: WHAT,
                        detail: error.to_string(),
                    })?,
                })
            })
            .collect()
    }

    /// Codes of controllers that their scheme did not know, latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn unknown_codes(&self, limit: u32) -> Result<Vec<UnknownCodeRow>, StoreError> {
        const WHAT: &str = "unknown code";
        let rows = sqlx::query(
            "SELECT * FROM unknown_codes ORDER BY last_seen DESC, equipment, scheme, code LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(read("unknown codes"))?;
        rows.iter()
            .map(|row| {
                Ok(UnknownCodeRow {
                    equipment: get(row, WHAT, "equipment")?,
                    scheme: get(row, WHAT, "scheme")?,
                    code: get(row, WHAT, "code")?,
                    first_seen: time(row, WHAT, "first_seen")?,
                    last_seen: time(row, WHAT, "last_seen")?,
                    count: count(row, WHAT, "count")?,
                })
            })
            .collect()
    }

    /// Dead letters.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn dead_letters(&self, limit: u32) -> Result<DeadLetters, StoreError> {
        const WHAT: &str = "dead letter";
        let rows = sqlx::query(
            "SELECT position, topic, reason, received, length(payload) AS bytes FROM dead_letters \
             ORDER BY position DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(read("dead letters"))?;
        let recent = rows
            .iter()
            .map(|row| {
                Ok(DeadLetterRow {
                    position: count(row, WHAT, "position")?,
                    topic: get(row, WHAT, "topic")?,
                    reason: get(row, WHAT, "reason")?,
                    received: time(row, WHAT, "received")?,
                    bytes: count(row, WHAT, "bytes")?,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(DeadLetters {
            total: self.number("SELECT COUNT(*) FROM dead_letters").await?,
            recent,
        })
    }

    /// Events with an id above `after`, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn server_events(&self, after: i64, limit: u32) -> Result<Vec<ServerEvent>, StoreError> {
        let rows =
            sqlx::query("SELECT id, at, kind, json FROM server_events WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await
                .map_err(read("server events"))?;
        rows.iter()
            .map(|row| {
                let kind: String = get(row, "server event", "kind")?;
                Ok(ServerEvent {
                    id: get(row, "server event", "id")?,
                    at: time(row, "server event", "at")?,
                    kind: kind_of(&kind),
                    json: get(row, "server event", "json")?,
                })
            })
            .collect()
    }

    /// Id of the latest event; 0 before the first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn last_event_id(&self) -> Result<i64, StoreError> {
        self.number::<i64>("SELECT COALESCE(MAX(id), 0) FROM server_events")
            .await
    }

    /// Counts for the first page, of what is in sight; strangers and dead letters are nobody's and always counted.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn overview(&self, sight: &Sight) -> Result<Overview, StoreError> {
        let mut overview = Overview {
            open_gaps: self.open_gap_count(sight).await?,
            unregistered: self.number("SELECT COUNT(*) FROM unregistered").await?,
            dead_letters: self.number("SELECT COUNT(*) FROM dead_letters").await?,
            ..Overview::default()
        };
        let mut query = QueryBuilder::new(
            "SELECT severity, status, grade, COUNT(*) AS n FROM hazard_numbers \
             WHERE status IN ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted')",
        );
        push_scope(&mut query, "hazard_numbers.", sight);
        query.push(" GROUP BY severity, status, grade");
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("hazards"))?;
        for row in &rows {
            let n: u64 = count(row, "hazard", "n")?;
            if let Some(slot) = slot(&get::<String>(row, "hazard", "severity")?) {
                overview.open_hazards[slot] += n;
            }
            if get::<String>(row, "hazard", "status")? == "suspected" {
                overview.suspected += n;
            }
            if get::<String>(row, "hazard", "grade")? == "major" {
                overview.major += n;
            }
        }
        let mut query =
            QueryBuilder::new("SELECT class, severity, COUNT(*) AS n FROM alarms WHERE state <> 'normal'");
        push_seen(&mut query, "alarms.equipment", sight);
        query.push(" GROUP BY class, severity");
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("alarms"))?;
        for row in &rows {
            let n: u64 = count(row, "alarm", "n")?;
            if get::<String>(row, "alarm", "class")? == "monitoring_gap" {
                overview.monitoring_gaps += n;
            } else if let Some(slot) = slot(&get::<String>(row, "alarm", "severity")?) {
                overview.alarms[slot] += n;
            }
        }
        Ok(overview)
    }

    async fn open_gap_count(&self, sight: &Sight) -> Result<u64, StoreError> {
        let mut query = QueryBuilder::new("SELECT COUNT(*) AS n FROM gaps WHERE to_ms IS NULL");
        push_seen(&mut query, "gaps.equipment", sight);
        let row = query.build().fetch_one(&self.pool).await.map_err(read("gaps"))?;
        count(&row, "gap", "n")
    }

    /// Size of the database.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn size(&self) -> Result<Size, StoreError> {
        let page: u64 = self.number("PRAGMA page_size").await?;
        let pages: u64 = self.number("PRAGMA page_count").await?;
        let free: u64 = self.number("PRAGMA freelist_count").await?;
        let file = tokio::fs::metadata(&self.path).await.map_or(0, |meta| meta.len());
        Ok(Size {
            used: pages.saturating_sub(free) * page,
            file,
        })
    }

    pub(super) async fn number<T: TryFrom<i64>>(&self, sql: &'static str) -> Result<T, StoreError> {
        let row = sqlx::query(sql)
            .fetch_one(&self.pool)
            .await
            .map_err(read("a count"))?;
        let number: i64 = row.get(0);
        T::try_from(number).map_err(|_| StoreError::Corrupt {
            what: "count",
            detail: number.to_string(),
        })
    }
}

/// Kinds are fixed words; one of a later version reads as `other`.
fn kind_of(word: &str) -> &'static str {
    ["hazard", "alarm", "node", "gap", "unregistered"]
        .into_iter()
        .find(|kind| *kind == word)
        .unwrap_or("other")
}

fn slot(word: &str) -> Option<usize> {
    let severities = [Severity::S1, Severity::S2, Severity::S3, Severity::S4];
    severities
        .iter()
        .position(|severity| crate::store::keys::word(severity) == word)
}
