//! Hazards and their events.

use super::{Reader, count, get, read, text, time};
use crate::store::keys::{from_word, word};
use crate::store::words::search;
use crate::store::{Db, StoreError};
use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteRow;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{HazardEvent, HazardId, HazardSource, HazardStatus, HazardSummary, Repeat};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "hazard";

/// Statuses in which a hazard still has to be dealt with, as in the indexes.
const OPEN: &str = "('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted')";

/// Hazards with words: what they are filtered by stands beside their numbers. The order of the tables is ours: any other
/// would ask the index of words once for each hazard.
const BY_WORDS: &str = "hazard_text t CROSS JOIN hazard_numbers h ON h.n = t.rowid WHERE hazard_text MATCH ";
/// All hazards in the order of arrival, in narrow rows.
const BY_NUMBER: &str = "hazard_numbers h WHERE 1 = 1";

/// How hazards are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By the index of a filter that few have.
    Few,
    /// As the database thinks best: it is one filter, or one of some use.
    Any,
    /// Filters that many have, each: their combination may be rare, and is looked for in narrow rows.
    Many,
}

impl Way {
    fn of(filter: &HazardFilter) -> Self {
        let (areas, county) = match &filter.sight {
            Some(Sight::Areas(areas)) => (1, areas.iter().all(|area| area.len() == 6)),
            _ => (0, false),
        };
        let of_unit = matches!(
            filter.sight,
            Some(Sight::UseUnit(_) | Sight::MaintenanceUnit(_) | Sight::InspectionBody(_))
        );
        let few = of_unit
            || filter.equipment.is_some()
            || filter.unit.is_some()
            || filter.use_unit.is_some()
            || filter.category.is_some()
            || filter.due_before.is_some()
            || filter.order == HazardOrder::Due
            || filter.look_back
            || filter.extension
            || [filter.overdue, filter.listed, filter.repeated].contains(&Some(true))
            || filter.status.is_some_and(|status| status != HazardStatus::Closed)
            || filter
                .source
                .is_some_and(|source| source != HazardSource::Telemetry);
        if few {
            return Self::Few;
        }
        let some =
            county || filter.open == Some(true) || filter.area.as_ref().is_some_and(|area| area.len() == 6);
        let many = [
            filter.grade.is_some(),
            filter.severity.is_some(),
            filter.status.is_some(),
            filter.open.is_some(),
            filter.area.is_some(),
            filter.source.is_some(),
            filter.overdue.is_some(),
            filter.listed.is_some(),
            filter.repeated.is_some(),
        ];
        match areas + many.iter().filter(|is| **is).count() {
            0 | 1 => Self::Any,
            _ if some => Self::Any,
            _ => Self::Many,
        }
    }
}

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
    /// Hazards, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn hazards(&self, filter: &HazardFilter) -> Result<Vec<HazardSummary>, StoreError> {
        let search = filter.text.as_deref().and_then(search);
        let way = Way::of(filter);
        let by_number = search.is_some() || way == Way::Many;
        let mut query = QueryBuilder::new("");
        match &search {
            // The index of words is in the order of arrival: the newest come first without sorting. What is filtered by
            // stands beside the numbers; only the rows of the page are looked up.
            Some(words) => {
                query
                    .push("SELECT whole.* FROM (SELECT h.n, h.hazard FROM ")
                    .push(BY_WORDS)
                    .push_bind(words.clone());
            }
            None if by_number => {
                query
                    .push("SELECT whole.* FROM (SELECT h.n, h.hazard FROM ")
                    .push(BY_NUMBER);
            }
            None => {
                query.push("SELECT h.* FROM hazards h WHERE 1 = 1");
            }
        }
        restrict(&mut query, filter);
        match (&filter.after, by_number) {
            (Some(after), true) => {
                query
                    .push(if search.is_some() {
                        " AND t.rowid"
                    } else {
                        " AND h.n"
                    })
                    .push(" < (SELECT n FROM hazard_numbers WHERE hazard = ")
                    .push_bind(after.id.clone())
                    .push(")");
            }
            (Some(after), false) => {
                query
                    .push(match filter.order {
                        HazardOrder::Newest => " AND (h.opened_at, h.id) < (",
                        HazardOrder::Due => " AND (h.due, h.id) > (",
                    })
                    .push_bind(after.opened_at.0);
                query.push(", ").push_bind(after.id.clone()).push(")");
            }
            (None, _) => {}
        }
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit.min(1_000)
        };
        query
            .push(match (filter.order, search.is_some()) {
                (_, true) => " ORDER BY t.rowid DESC LIMIT ",
                (HazardOrder::Newest, false) if by_number => " ORDER BY h.n DESC LIMIT ",
                (HazardOrder::Newest, false) => " ORDER BY h.opened_at DESC, h.id DESC LIMIT ",
                (HazardOrder::Due, false) => " ORDER BY h.due, h.id LIMIT ",
            })
            .push_bind(i64::from(limit));
        if by_number {
            query.push(") found JOIN hazards whole ON whole.id = found.hazard ORDER BY found.n DESC");
        }
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
        let way = Way::of(filter);
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
        match &search {
            Some(words) => query.push(BY_WORDS).push_bind(words.clone()),
            None if way == Way::Many => query.push(BY_NUMBER),
            None => query.push("hazards h WHERE 1 = 1"),
        };
        restrict(&mut query, filter);
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
            let mut query = QueryBuilder::<Db>::new("SELECT * FROM hazards WHERE status = ");
            query.push(format!("'{}'", word(&status)));
            let rows = query
                .build()
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

pub(super) fn restrict(query: &mut QueryBuilder<Db>, filter: &HazardFilter) {
    // With a plus the index of what many have is not taken for one of what few have.
    let many = if Way::of(filter) == Way::Few { "+" } else { "" };
    if let Some(sight) = &filter.sight {
        in_sight(query, sight, many);
    }
    if let Some(status) = &filter.status {
        // As a literal: only so can its index be used.
        query.push(format!(" AND h.status = '{}'", word(status)));
    }
    match filter.open {
        Some(true) => query.push(" AND h.status IN ").push(OPEN),
        Some(false) => query.push(" AND h.status NOT IN ").push(OPEN),
        None => query,
    };
    if let Some(grade) = &filter.grade {
        // As literals: only so can the index of those that are major be used.
        query.push(format!(" AND {many}h.grade = '{}'", word(grade)));
    }
    if let Some(severity) = &filter.severity {
        query.push(" AND h.severity = ").push_bind(word(severity));
    }
    for (column, value) in [
        (" AND h.equipment = ", &filter.equipment),
        (" AND h.unit IS NOT NULL AND h.unit = ", &filter.unit),
        (" AND h.use_unit IS NOT NULL AND h.use_unit = ", &filter.use_unit),
        (" AND h.category <> '' AND h.category = ", &filter.category),
    ] {
        if let Some(value) = value {
            query.push(column).push_bind(value.clone());
        }
    }
    if let Some(area) = &filter.area {
        query.push(" AND ");
        in_area(query, area, many);
    }
    if let Some(source) = &filter.source {
        if *source != HazardSource::Telemetry {
            query.push(" AND h.source <> 'telemetry'");
        }
        query.push(" AND h.source = ").push_bind(word(source));
    }
    for (yes, no, wanted) in [
        (" AND h.overdue = 1", " AND h.overdue = 0", filter.overdue),
        (
            " AND h.listed IS NOT NULL",
            " AND h.listed IS NULL",
            filter.listed,
        ),
        (" AND h.repeats > 0", " AND h.repeats = 0", filter.repeated),
    ] {
        if let Some(wanted) = wanted {
            query.push(if wanted { yes } else { no });
        }
    }
    if let Some(before) = filter.due_before {
        query
            .push(" AND h.due IS NOT NULL AND h.due < ")
            .push_bind(before.0);
    }
    if filter.order == HazardOrder::Due {
        query.push(" AND h.due IS NOT NULL");
    }
    if let Some(unit) = &filter.responsible {
        query
            .push(" AND (h.unit IS NULL OR h.unit = ")
            .push_bind(unit.clone())
            .push(")");
    }
    if filter.look_back {
        query.push(" AND h.look_back_since IS NOT NULL");
    }
    if filter.extension {
        query.push(" AND h.extension_due IS NOT NULL");
    }
    if let Some(from) = filter.from {
        query.push(" AND h.opened_at >= ").push_bind(from.0);
    }
    if let Some(to) = filter.to {
        query.push(" AND h.opened_at < ").push_bind(to.0);
    }
}

/// What [`Sight::admits`] says, in SQL, by the indexes that have the newest first.
fn in_sight(query: &mut QueryBuilder<Db>, sight: &Sight, many: &str) {
    let (column, unit) = match sight {
        Sight::Everything => return,
        Sight::Nothing => {
            query.push(" AND 0 = 1");
            return;
        }
        Sight::Areas(areas) => {
            for (at, prefix) in areas.iter().enumerate() {
                query.push(if at == 0 { " AND (" } else { " OR " });
                in_area(query, prefix, many);
            }
            query.push(if areas.is_empty() { " AND 0 = 1" } else { ")" });
            return;
        }
        Sight::UseUnit(unit) => ("h.use_unit", unit),
        Sight::MaintenanceUnit(unit) => ("h.maintenance_unit", unit),
        Sight::InspectionBody(unit) => ("h.inspection_body", unit),
    };
    query.push(format!(" AND {column} IS NOT NULL AND {column} = "));
    query.push_bind(unit.to_string());
}

/// The area begins with `prefix`; by the indexes for provinces, cities and counties.
fn in_area(query: &mut QueryBuilder<Db>, prefix: &str, many: &str) {
    match prefix.chars().count() {
        6 => query.push(format!("{many}h.area = ")),
        length => query.push(format!("substr({many}h.area, 1, {length}) = ")),
    };
    query.push_bind(prefix.to_owned());
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
