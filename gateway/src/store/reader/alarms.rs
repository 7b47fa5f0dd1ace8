//! Alarms, their journal, and monitoring gaps.

use super::{Reader, count, get, maybe_time, read, text, time};
use crate::store::keys::{from_word, word};
use crate::store::{StoreError, push_seen};
use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use vigil_core::alarm::{AlarmEvent, AlarmFlags, AlarmRecord};
use vigil_core::output::GapRecord;
use vigil_core::pack::Severity;
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

const ALARM: &str = "alarm";
const EVENT: &str = "alarm event";
const GAP: &str = "gap";

/// Which alarms; unset fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct AlarmFilter {
    /// Only those that are not back to normal (the default of every list people look at).
    pub standing: bool,
    /// Of this equipment.
    pub equipment: Option<String>,
    /// Of equipment in this sight; `None`: of all, for whoever asks for nobody in particular.
    pub sight: Option<Sight>,
    /// Behind this one.
    pub after: Option<AlarmCursor>,
    /// At most so many; 0 stands for 1,000, never more than 10,000.
    pub limit: u32,
}

/// Where a page of alarms ends: the last one on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmCursor {
    /// Its seriousness.
    pub severity: Severity,
    /// Its last change.
    pub changed: UtcMillis,
    /// Its equipment.
    pub equipment: String,
    /// Its rule.
    pub rule: String,
}

impl std::fmt::Display for AlarmCursor {
    /// `S2.1763.4.RULE-equipment`: the number says how long the rule is, whatever letters are in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (severity, changed) = (word(&self.severity), self.changed.0);
        write!(
            f,
            "{severity}.{changed}.{}.{}{}",
            self.rule.len(),
            self.rule,
            self.equipment
        )
    }
}

impl std::str::FromStr for AlarmCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "this is no cursor; take it from `next` of the page before";
        let mut parts = text.splitn(4, '.');
        let mut part = || parts.next().ok_or(WRONG);
        let severity = from_word(ALARM, part()?.to_owned()).map_err(|_| WRONG)?;
        let changed = part()?.parse().map_err(|_| WRONG)?;
        let length: usize = part()?.parse().map_err(|_| WRONG)?;
        let (rule, equipment) = part()?.split_at_checked(length).ok_or(WRONG)?;
        Ok(Self {
            severity,
            changed: UtcMillis(changed),
            equipment: equipment.to_owned(),
            rule: rule.to_owned(),
        })
    }
}

impl Reader {
    /// Alarms, worst first, then latest change first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn alarms(&self, filter: &AlarmFilter) -> Result<Vec<AlarmRecord>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM alarms WHERE 1 = 1");
        if filter.standing {
            query.push(" AND state <> 'normal'");
        }
        if let Some(equipment) = &filter.equipment {
            query.push(" AND equipment = ").push_bind(equipment.clone());
        }
        if let Some(sight) = &filter.sight {
            push_seen(&mut query, "alarms.equipment", sight);
        }
        if let Some(after) = &filter.after {
            let severity = word(&after.severity);
            query.push(" AND severity >= ").push_bind(severity.clone());
            query.push(" AND (severity > ").push_bind(severity);
            query.push(" OR changed < ").push_bind(after.changed.0);
            query.push(" OR (changed = ").push_bind(after.changed.0);
            query
                .push(" AND (equipment, rule) > (")
                .push_bind(after.equipment.clone());
            query.push(", ").push_bind(after.rule.clone()).push(")))");
        }
        let limit = if filter.limit == 0 {
            1_000
        } else {
            filter.limit.min(10_000)
        };
        query
            .push(" ORDER BY severity, changed DESC, equipment, rule LIMIT ")
            .push_bind(i64::from(limit));
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("alarms"))?;
        rows.iter().map(alarm).collect()
    }

    /// The journal of one piece of equipment's alarms, latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn alarm_events(&self, equipment: &str, limit: u32) -> Result<Vec<AlarmEvent>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM alarm_events WHERE equipment = $1 ORDER BY at DESC, id DESC LIMIT $2")
                .bind(equipment)
                .bind(i64::from(limit.clamp(1, 10_000)))
                .fetch_all(&self.pool)
                .await
                .map_err(read("alarm events"))?;
        rows.iter().map(alarm_event).collect()
    }

    /// Gaps of one piece of equipment that touch `from..to`, earliest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn gaps(
        &self,
        equipment: &str,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<Vec<GapRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM gaps WHERE equipment = $1 AND from_ms < $3 AND (to_ms IS NULL OR to_ms > $2) \
             ORDER BY from_ms, quantity LIMIT 10000",
        )
        .bind(equipment)
        .bind(from.0)
        .bind(to.0)
        .fetch_all(&self.pool)
        .await
        .map_err(read("gaps"))?;
        rows.iter().map(gap).collect()
    }

    /// Gaps that last, of all equipment.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn open_gaps(&self, limit: u32) -> Result<Vec<GapRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM gaps WHERE to_ms IS NULL ORDER BY equipment LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(read("gaps"))?;
        rows.iter().map(gap).collect()
    }
}

fn alarm(row: &SqliteRow) -> Result<AlarmRecord, StoreError> {
    Ok(AlarmRecord {
        equipment: text(row, ALARM, "equipment")?,
        rule: text(row, ALARM, "rule")?,
        class: from_word(ALARM, get(row, ALARM, "class")?)?,
        severity: from_word(ALARM, get(row, ALARM, "severity")?)?,
        flags: AlarmFlags {
            active: get(row, ALARM, "active")?,
            acked: get(row, ALARM, "acked")?,
            latched: get(row, ALARM, "latched")?,
            shelved_until: maybe_time(row, ALARM, "shelved_until")?,
            suppressed: get(row, ALARM, "suppressed")?,
            out_of_service: get(row, ALARM, "out_of_service")?,
        },
        state: from_word(ALARM, get(row, ALARM, "state")?)?,
        since: time(row, ALARM, "since")?,
        changed: time(row, ALARM, "changed")?,
        count: count(row, ALARM, "count")?,
        hazard: get::<Option<String>>(row, ALARM, "hazard")?.map(Into::into),
        detail: get(row, ALARM, "detail")?,
    })
}

pub(super) fn alarm_event(row: &SqliteRow) -> Result<AlarmEvent, StoreError> {
    Ok(AlarmEvent {
        equipment: text(row, EVENT, "equipment")?,
        rule: text(row, EVENT, "rule")?,
        at: time(row, EVENT, "at")?,
        source_at: time(row, EVENT, "source_at")?,
        state: from_word(EVENT, get(row, EVENT, "state")?)?,
        severity: from_word(EVENT, get(row, EVENT, "severity")?)?,
        actor: get(row, EVENT, "actor")?,
        detail: get(row, EVENT, "detail")?,
    })
}

pub(super) fn gap(row: &SqliteRow) -> Result<GapRecord, StoreError> {
    let quantity: String = get(row, GAP, "quantity")?;
    let quantity = if quantity.is_empty() {
        None
    } else {
        // A quantity of a later version would be unknown here.
        Some(Quantity::from_key(&quantity).ok_or_else(|| StoreError::Corrupt {
            what: GAP,
            detail: quantity,
        })?)
    };
    Ok(GapRecord {
        equipment: text(row, GAP, "equipment")?,
        quantity,
        from: time(row, GAP, "from_ms")?,
        to: maybe_time(row, GAP, "to_ms")?,
        reason: from_word(GAP, get(row, GAP, "reason")?)?,
        filled_to: maybe_time(row, GAP, "filled_to")?,
    })
}

#[cfg(test)]
mod tests {
    use super::AlarmCursor;
    use vigil_core::pack::Severity;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn a_cursor_survives_its_text_form() {
        let cursor = AlarmCursor {
            severity: Severity::S2,
            changed: UtcMillis(17),
            equipment: "锅炉.1".to_owned(),
            rule: "P.HH".to_owned(),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "S2.17", "S9.17.1.a", "S2.x.1.a", "S2.17.9.a"] {
            assert!(wrong.parse::<AlarmCursor>().is_err(), "{wrong}");
        }
    }
}
