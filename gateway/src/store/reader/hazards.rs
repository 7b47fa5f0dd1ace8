//! Hazards and their events.

use super::narrow::push_matching;
use super::{Reader, count, get, read, text, time};
use crate::store::StoreError;
use crate::store::keys::{from_word, word};
use crate::store::words::search;
use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{HazardEvent, HazardId, HazardSource, HazardStatus, HazardSummary, Repeat};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "hazard";

/// Which hazards; unset fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct HazardFilter {
    /// In this status.
    pub status: Option<HazardStatus>,
    /// Still to be dealt with (`true`); rejected, or struck off and beyond (`false`).
    pub open: Option<bool>,
    /// General or major.
    pub grade: Option<Grade>,
    /// With this severity.
    pub severity: Option<Severity>,
    /// Of this equipment.
    pub equipment: Option<String>,
    /// This unit is responsible.
    pub unit: Option<String>,
    /// This unit uses the equipment.
    pub use_unit: Option<String>,
    /// In this area: the beginning of a GB/T 2260 code.
    pub area: Option<String>,
    /// About this.
    pub category: Option<String>,
    /// Found like this.
    pub source: Option<HazardSource>,
    /// Its deadline passed before it was struck off.
    pub overdue: Option<bool>,
    /// Under listed supervision.
    pub listed: Option<bool>,
    /// The same was struck off before.
    pub repeated: Option<bool>,
    /// To be rectified before.
    pub due_before: Option<UtcMillis>,
    /// This unit is responsible, or none is named.
    pub responsible: Option<String>,
    /// A look-back is due.
    pub look_back: bool,
    /// More time is asked for.
    pub extension: bool,
    /// Which come first.
    pub order: HazardOrder,
    /// With these words.
    pub text: Option<String>,
    /// Opened at or after.
    pub from: Option<UtcMillis>,
    /// Opened before.
    pub to: Option<UtcMillis>,
    /// In this sight; `None`: of all, for whoever asks for nobody in particular.
    pub sight: Option<Sight>,
    /// Older than this one (newest first).
    pub after: Option<HazardCursor>,
    /// At most so many; 0 stands for 100, never more than 1,000.
    pub limit: u32,
}

/// Which hazards come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HazardOrder {
    /// The newest.
    #[default]
    Newest,
    /// Those to be rectified first. Others are not in this list.
    Due,
}

/// Where a page ends: the last hazard on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HazardCursor {
    /// Its `opened_at`; in the order of deadlines its deadline.
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

    /// The same in an order.
    #[must_use]
    pub fn behind_in(hazard: &HazardSummary, order: HazardOrder) -> Self {
        let behind = Self::behind(hazard);
        match order {
            HazardOrder::Newest => behind,
            HazardOrder::Due => Self {
                opened_at: hazard.handling.deadline.unwrap_or(behind.opened_at),
                ..behind
            },
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
    /// Hazards in their order; those with words always in the order of their arrival, the latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hazards(&self, filter: &HazardFilter) -> Result<Vec<HazardSummary>, StoreError> {
        let search = filter.text.as_deref().and_then(search);
        let (order, behind) = match (search.is_some(), filter.order) {
            (true, _) => ("n DESC", " AND h.n < "),
            (false, HazardOrder::Newest) => {
                ("opened_at DESC, hazard DESC", " AND (h.opened_at, h.hazard) < (")
            }
            (false, HazardOrder::Due) => ("due, hazard", " AND (h.due, h.hazard) > ("),
        };
        // What is filtered by stands in narrow rows; only the hazards of the page are read whole.
        let mut query =
            QueryBuilder::new("SELECT whole.* FROM (SELECT h.n, h.hazard, h.opened_at, h.due FROM ");
        push_matching(&mut query, filter, search);
        if let Some(after) = &filter.after {
            query.push(behind);
            if order == "n DESC" {
                query.push("(SELECT n FROM hazard_numbers WHERE hazard = ");
            } else {
                query.push_bind(after.opened_at.0).push(", ");
            }
            query.push_bind(after.id.clone()).push(")");
        }
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit.min(1_000)
        };
        query
            .push(format!(" ORDER BY {} LIMIT ", ordered(order, "h.")))
            .push_bind(i64::from(limit))
            .push(") found CROSS JOIN hazards whole ON whole.id = found.hazard ORDER BY ")
            .push(ordered(order, "found."));
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(read("hazards"))?;
        rows.iter().map(summary).collect()
    }

    /// How many, counted up to `most`: a total nobody waits for.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn count_hazards(&self, filter: &HazardFilter, most: u32) -> Result<u64, StoreError> {
        let search = filter.text.as_deref().and_then(search);
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
        push_matching(&mut query, filter, search);
        query.push(" LIMIT ").push_bind(i64::from(most)).push(")");
        let n: i64 = query
            .build_query_scalar()
            .fetch_one(&self.pool)
            .await
            .map_err(read("hazards"))?;
        Ok(n.unsigned_abs())
    }

    /// All hazards that something can still happen to: for a restart.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hazards_in_hand(&self) -> Result<Vec<HazardSummary>, StoreError> {
        let mut found = Vec::new();
        // One by one: each status has an index, several together would be looked for in the whole table.
        for status in HazardStatus::ALL.into_iter().filter(|status| !status.is_final()) {
            let rows = sqlx::query(
                "SELECT h.* FROM hazard_numbers k INDEXED BY found_status CROSS JOIN hazards h ON h.id = k.hazard \
                 WHERE k.status = $1 AND k.status <> 'closed'",
            )
            .bind(word(&status))
            .fetch_all(&self.pool)
            .await
            .map_err(read("hazards"))?;
            for row in &rows {
                found.push(summary(row)?);
            }
        }
        Ok(found)
    }

    /// 屡查屡犯: the last hazard of the same owner and rule or category, or of the same unit and category, struck off
    /// at or after `since`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn struck_off_before(
        &self,
        owner: &str,
        rule: Option<&str>,
        category: &str,
        use_unit: Option<&str>,
        since: UtcMillis,
    ) -> Result<Option<Repeat>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT id, repeats FROM (SELECT id, repeats, struck_off_at FROM hazards \
             WHERE struck_off_at IS NOT NULL AND equipment = ",
        );
        query.push_bind(owner.to_owned());
        query.push(" AND category = ").push_bind(category.to_owned());
        query.push(" AND struck_off_at >= ").push_bind(since.0);
        if let Some(rule) = rule {
            query.push(
                " UNION ALL SELECT id, repeats, struck_off_at FROM hazards \
                 WHERE struck_off_at IS NOT NULL AND equipment = ",
            );
            query.push_bind(owner.to_owned());
            query.push(" AND rule = ").push_bind(rule.to_owned());
            query.push(" AND struck_off_at >= ").push_bind(since.0);
        }
        if let Some(unit) = use_unit {
            query.push(
                " UNION ALL SELECT id, repeats, struck_off_at FROM hazards \
                 WHERE struck_off_at IS NOT NULL AND use_unit IS NOT NULL AND use_unit = ",
            );
            query.push_bind(unit.to_owned());
            query.push(" AND category = ").push_bind(category.to_owned());
            query.push(" AND struck_off_at >= ").push_bind(since.0);
        }
        query.push(") ORDER BY struck_off_at DESC, id LIMIT 1");
        let row = query
            .build()
            .fetch_optional(&self.pool)
            .await
            .map_err(read("hazards"))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Repeat {
            of: HazardId(text(&row, WHAT, "id")?),
            count: count::<u32>(&row, WHAT, "repeats")?.saturating_add(1),
        }))
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

/// The columns of an order, of a table.
fn ordered(order: &str, table: &str) -> String {
    let columns: Vec<String> = order
        .split(", ")
        .map(|column| format!("{table}{column}"))
        .collect();
    columns.join(", ")
}

/// A hazard as its row has it.
pub(crate) fn summary(row: &SqliteRow) -> Result<HazardSummary, StoreError> {
    if let Some(fold) = get::<Option<String>>(row, WHAT, "fold")? {
        return serde_json::from_str(&fold).map_err(|error| StoreError::Corrupt {
            what: WHAT,
            detail: error.to_string(),
        });
    }
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
        handling: Box::default(),
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
