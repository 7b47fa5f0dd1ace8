//! Hazards and their events.

use super::{Reader, count, get, read, text, time};
use crate::store::keys::{from_word, word};
use crate::store::{StoreError, push_seen};
use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{HazardEvent, HazardId, HazardStatus, HazardSummary};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "hazard";

/// Which hazards; unset fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct HazardFilter {
    /// In this status.
    pub status: Option<HazardStatus>,
    /// Suspected or confirmed (`true`), rejected (`false`).
    pub open: Option<bool>,
    /// General or major.
    pub grade: Option<Grade>,
    /// With this severity.
    pub severity: Option<Severity>,
    /// Of this equipment.
    pub equipment: Option<String>,
    /// Opened at or after.
    pub from: Option<UtcMillis>,
    /// Opened before.
    pub to: Option<UtcMillis>,
    /// Of equipment in this sight; `None`: of all, for whoever asks for nobody in particular.
    pub sight: Option<Sight>,
    /// Older than this one (newest first).
    pub after: Option<HazardCursor>,
    /// At most so many; 0 stands for 100, never more than 1,000.
    pub limit: u32,
}

/// Where a page ends: the last hazard on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HazardCursor {
    /// Its `opened_at`.
    pub opened_at: UtcMillis,
    /// Its id.
    pub id: String,
}

impl HazardCursor {
    /// The cursor behind `hazard`.
    #[must_use]
    pub fn behind(hazard: &HazardSummary) -> Self {
        Self {
            opened_at: hazard.opened_at,
            id: hazard.id.0.to_string(),
        }
    }
}

impl std::fmt::Display for HazardCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.opened_at.0, self.id)
    }
}

impl std::str::FromStr for HazardCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (at, id) = text.split_once('.').ok_or("a cursor is TIME.ID")?;
        let at = at.parse().map_err(|_| "the time of a cursor is milliseconds")?;
        Ok(Self {
            opened_at: UtcMillis(at),
            id: id.to_owned(),
        })
    }
}

impl Reader {
    /// Hazards, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hazards(&self, filter: &HazardFilter) -> Result<Vec<HazardSummary>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM hazards WHERE 1 = 1");
        if let Some(status) = &filter.status {
            query.push(" AND status = ").push_bind(word(status));
        }
        match filter.open {
            Some(true) => query.push(" AND status IN ('suspected', 'confirmed')"),
            Some(false) => query.push(" AND status NOT IN ('suspected', 'confirmed')"),
            None => &mut query,
        };
        if let Some(grade) = &filter.grade {
            query.push(" AND grade = ").push_bind(word(grade));
        }
        if let Some(severity) = &filter.severity {
            query.push(" AND severity = ").push_bind(word(severity));
        }
        if let Some(equipment) = &filter.equipment {
            query.push(" AND equipment = ").push_bind(equipment.clone());
        }
        if let Some(sight) = &filter.sight {
            push_seen(&mut query, "hazards.equipment", sight);
        }
        if let Some(from) = filter.from {
            query.push(" AND opened_at >= ").push_bind(from.0);
        }
        if let Some(to) = filter.to {
            query.push(" AND opened_at < ").push_bind(to.0);
        }
        if let Some(after) = &filter.after {
            query
                .push(" AND (opened_at, id) < (")
                .push_bind(after.opened_at.0);
            query.push(", ").push_bind(after.id.clone()).push(")");
        }
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit.min(1_000)
        };
        query
            .push(" ORDER BY opened_at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit));
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("hazards"))?;
        rows.iter().map(summary).collect()
    }

    /// One hazard.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hazard(&self, id: &str) -> Result<Option<HazardSummary>, StoreError> {
        let row = sqlx::query("SELECT * FROM hazards WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(read("a hazard"))?;
        row.as_ref().map(summary).transpose()
    }

    /// The chain of a hazard, from its first event; empty if there is no such hazard.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hazard_events(&self, id: &str) -> Result<Vec<HazardEvent>, StoreError> {
        let rows = sqlx::query("SELECT json FROM hazard_events WHERE hazard = $1 ORDER BY seq")
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(read("hazard events"))?;
        rows.iter()
            .map(|row| {
                let json: String = get(row, "hazard event", "json")?;
                serde_json::from_str(&json).map_err(|error| StoreError::Corrupt {
                    what: "hazard event",
                    detail: error.to_string(),
                })
            })
            .collect()
    }
}

pub(super) fn summary(row: &SqliteRow) -> Result<HazardSummary, StoreError> {
    let head: String = get(row, WHAT, "head")?;
    Ok(HazardSummary {
        id: HazardId(text(row, WHAT, "id")?),
        equipment: text(row, WHAT, "equipment")?,
        rule: text(row, WHAT, "rule")?,
        episode: time(row, WHAT, "episode")?,
        status: from_word(WHAT, get(row, WHAT, "status")?)?,
        grade: from_word(WHAT, get(row, WHAT, "grade")?)?,
        severity: from_word(WHAT, get(row, WHAT, "severity")?)?,
        opened_at: time(row, WHAT, "opened_at")?,
        late: get(row, WHAT, "late")?,
        condition_active: get(row, WHAT, "condition_active")?,
        trips: count(row, WHAT, "trips")?,
        events: count(row, WHAT, "events")?,
        changed: time(row, WHAT, "changed")?,
        head: ContentHash::from_hex(&head).ok_or_else(|| StoreError::Corrupt {
            what: WHAT,
            detail: format!("head {head:?}"),
        })?,
        title_zh: text(row, WHAT, "title_zh")?,
        title_en: text(row, WHAT, "title_en")?,
        clause: text(row, WHAT, "clause")?,
    })
}

#[cfg(test)]
mod tests {
    use super::HazardCursor;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn a_cursor_survives_its_text_form() {
        let cursor = HazardCursor {
            opened_at: UtcMillis(17),
            id: "HZ-00ff".to_owned(),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert!("17".parse::<HazardCursor>().is_err());
        assert!("x.y".parse::<HazardCursor>().is_err());
    }
}
