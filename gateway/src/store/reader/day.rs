//! What one machine's day was, as telemetry has it: counts, no lists.

use super::alarms::gap;
use super::{Reader, get, read};
use crate::store::StoreError;
use vigil_core::output::GapRecord;
use vigil_protocol::time::UtcMillis;

/// One machine's day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineCounts {
    /// Alarms that came.
    pub alarms: u32,
    /// Hazards opened, without those rejected since.
    pub hazards_opened: u32,
    /// Of those opened before the end, open now.
    pub hazards_open: u32,
    /// When it was first heard, if that was before the end; to the hour.
    pub heard: Option<UtcMillis>,
    /// Gaps that touch the day.
    pub gaps: Vec<GapRecord>,
}

impl Reader {
    /// What happened to a machine between `from` and `to`; `quantities` are those it measures.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn machine_counts(
        &self,
        equipment: &str,
        quantities: &[&str],
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<MachineCounts, StoreError> {
        const WHAT: &str = "a machine's day";
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM alarm_events WHERE equipment = $1 AND at >= $2 AND at < $3 \
                     AND state = 'unacknowledged') AS alarms, \
             (SELECT COUNT(*) FROM hazards WHERE equipment = $1 AND opened_at >= $2 AND opened_at < $3 \
                     AND status <> 'rejected') AS opened, \
             (SELECT COUNT(*) FROM hazards WHERE equipment = $1 AND opened_at < $3 AND status IN \
                     ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted')) AS open, \
             (SELECT MIN((SELECT MIN(hour) FROM rollups WHERE equipment = $1 AND quantity = q.value)) \
                     FROM json_each($4) q) AS heard",
        )
        .bind(equipment)
        .bind(from.0)
        .bind(to.0)
        .bind(serde_json::to_string(quantities).unwrap_or_default())
        .fetch_one(&self.pool)
        .await
        .map_err(read(WHAT))?;
        let gaps = sqlx::query(
            "SELECT * FROM gaps WHERE equipment = $1 AND from_ms < $3 AND (to_ms IS NULL OR to_ms > $2) LIMIT 10000",
        )
        .bind(equipment)
        .bind(from.0)
        .bind(to.0)
        .fetch_all(&self.pool)
        .await
        .map_err(read(WHAT))?;
        let count = |column| get::<i64>(&row, WHAT, column).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let heard: Option<i64> = get(&row, WHAT, "heard")?;
        Ok(MachineCounts {
            alarms: count("alarms")?,
            hazards_opened: count("opened")?,
            hazards_open: count("open")?,
            heard: heard.map(UtcMillis).filter(|at| *at < to),
            gaps: gaps.iter().map(gap).collect::<Result<_, _>>()?,
        })
    }
}
