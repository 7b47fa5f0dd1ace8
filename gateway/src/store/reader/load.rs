//! How much there is of what, by equipment: what ranks are made of.

use super::{Reader, count, read, text};
use crate::store::StoreError;
use std::sync::Arc;

/// Open hazards of an owner (equipment, or `unit:` and a code).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HazardLoad {
    /// The owner.
    pub owner: Arc<str>,
    /// Major ones, suspected ones too.
    pub major: u64,
    /// General ones.
    pub general: u64,
    /// Of both: past their deadline.
    pub overdue: u64,
    /// Of both: struck off before.
    pub repeated: u64,
}

/// Standing alarms of the process, of a piece of equipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmLoad {
    /// The equipment.
    pub equipment: Arc<str>,
    /// S1 and S2.
    pub high: u64,
    /// S3 and S4.
    pub low: u64,
}

impl Reader {
    /// Open hazards by owner, in no order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hazard_load(&self) -> Result<Vec<HazardLoad>, StoreError> {
        const WHAT: &str = "open hazards";
        let rows = sqlx::query(
            "SELECT equipment, SUM(grade = 'major') AS major, SUM(grade <> 'major') AS general, \
             SUM(overdue) AS overdue, SUM(repeats > 0) AS repeated FROM hazard_numbers \
             WHERE status IN ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted') \
             GROUP BY equipment",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(read(WHAT))?;
        rows.iter()
            .map(|row| {
                Ok(HazardLoad {
                    owner: text(row, WHAT, "equipment")?,
                    major: count(row, WHAT, "major")?,
                    general: count(row, WHAT, "general")?,
                    overdue: count(row, WHAT, "overdue")?,
                    repeated: count(row, WHAT, "repeated")?,
                })
            })
            .collect()
    }

    /// Standing alarms of the process by equipment, in no order. Those about monitoring itself do not count.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn alarm_load(&self) -> Result<Vec<AlarmLoad>, StoreError> {
        const WHAT: &str = "standing alarms";
        let rows = sqlx::query(
            "SELECT equipment, SUM(severity IN ('S1', 'S2')) AS high, SUM(severity IN ('S3', 'S4')) AS low \
             FROM alarms WHERE state <> 'normal' AND class = 'process' GROUP BY equipment",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(read(WHAT))?;
        rows.iter()
            .map(|row| {
                Ok(AlarmLoad {
                    equipment: text(row, WHAT, "equipment")?,
                    high: count(row, WHAT, "high")?,
                    low: count(row, WHAT, "low")?,
                })
            })
            .collect()
    }
}
