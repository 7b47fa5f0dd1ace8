//! Counting hazards that have changed: what was counted of each is taken off, what it is now is put on.

use super::month_of;
use crate::desk::{corrupt, day_of, read, write};
use crate::store::{Desk, StoreError, hazard_of_row};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use std::collections::BTreeMap;
use vigil_core::hazard::policy::Policy;
use vigil_core::statistics::{Measure, parts};
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "statistics";
/// Hazards counted in one transaction: nobody waits long for it.
const AT_ONCE: i64 = 250;
/// The level of the whole area code, as it was given.
pub(super) const WHOLE: usize = 9;
/// Level, digits of the area code, and whether sums over all categories are kept.
const LEVELS: [(usize, usize, bool); 5] = [
    (0, 0, true),
    (2, 2, true),
    (4, 4, true),
    (6, 6, true),
    (WHOLE, usize::MAX, false),
];

/// Who, category, digits, measure, area, month, bucket.
type Key = (String, String, usize, &'static str, String, i64, u16);

/// What is counted of a hazard, and for whom.
struct Share {
    units: [Option<String>; 3],
    area: String,
    category: String,
    /// Measure, month (0: now), bucket.
    parts: Vec<(&'static str, i64, u16)>,
}

impl Share {
    fn add_to(&self, sums: &mut BTreeMap<Key, i64>, n: i64) {
        let units = self.units.iter().zip(["u:", "m:", "i:"]);
        let units = units.filter_map(|(unit, kind)| Some(format!("{kind}{}", unit.as_ref()?)));
        let who: Vec<String> = std::iter::once(String::new()).chain(units).collect();
        let digits = self.area.chars().count();
        for who in &who {
            for (level, digits_of, all) in LEVELS {
                let kept = match who.get(..2) {
                    None => level < WHOLE,
                    // A body may inspect half a province: it has sums over all areas too.
                    Some("i:") => matches!(level, 0 | WHOLE),
                    // A unit has few enough to be added up when they are asked for.
                    Some(_) => level == WHOLE,
                };
                if !kept || (level < WHOLE && digits_of > digits) {
                    continue;
                }
                let area: String = self.area.chars().take(digits_of).collect();
                let categories = [Some(self.category.as_str()), all.then_some("*")];
                for category in categories.into_iter().flatten() {
                    for (measure, month, bucket) in &self.parts {
                        let key = (
                            who.clone(),
                            category.to_owned(),
                            level,
                            *measure,
                            area.clone(),
                            *month,
                            *bucket,
                        );
                        *sums.entry(key).or_default() += n;
                    }
                }
            }
        }
    }
}

fn of_hazard(row: &SqliteRow, policy: &Policy, timezone: &str) -> Result<Share, StoreError> {
    let mut hazard = hazard_of_row(row)?;
    if row.get::<Option<&str>, _>("fold").is_none() {
        // Rows without a fold have it in their columns, as far as anybody knew it then.
        let at = |column: &str| row.get::<Option<i64>, _>(column).map(UtcMillis);
        hazard.handling.deadline = at("deadline");
        hazard.handling.struck_off_at = at("struck_off_at");
        hazard.handling.overdue = row.get("overdue");
    }
    let month = |at: Option<UtcMillis>| at.map_or(0, |at| month_of(day_of(at, timezone)));
    let category = match row.get::<&str, _>("category") {
        "" => policy.category_of(&hazard.rule),
        category => category,
    };
    Ok(Share {
        units: units_of(row),
        area: row.get("area"),
        category: category.to_owned(),
        parts: parts(&hazard)
            .iter()
            .map(|part| (part.measure.key(), month(part.at), part.bucket))
            .collect(),
    })
}

fn units_of(row: &SqliteRow) -> [Option<String>; 3] {
    [
        row.get("use_unit"),
        row.get("maintenance_unit"),
        row.get("inspection_body"),
    ]
}

fn of_counted(row: &SqliteRow) -> Result<Share, StoreError> {
    let parts: Vec<(String, i64, u16)> =
        serde_json::from_str(row.get("parts")).map_err(|error| corrupt(WHAT)(error.to_string()))?;
    let known = parts
        .into_iter()
        .filter_map(|(measure, month, bucket)| Some((Measure::from_key(&measure)?.key(), month, bucket)));
    Ok(Share {
        units: units_of(row),
        area: row.get("area"),
        category: row.get("category"),
        parts: known.collect(),
    })
}

/// How many hazards wait to be counted, to 10,000 + 1.
///
/// # Errors
/// The database cannot be read.
pub async fn pending(desk: &Desk) -> Result<u64, StoreError> {
    let n: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM (SELECT 1 FROM stat_changed LIMIT 10001)")
        .fetch_one(desk.reading())
        .await
        .map_err(read(WHAT))?;
    Ok(n.unsigned_abs())
}

/// Counts a batch of those that have changed; returns how many they were. Whatever is counted is counted whole: a
/// crash in between repeats nothing and loses nothing.
///
/// # Errors
/// The database cannot be read or written; nothing has been counted then.
pub async fn count_changed(desk: &Desk, policy: &Policy, timezone: &str) -> Result<usize, StoreError> {
    if pending(desk).await? == 0 {
        return Ok(0);
    }
    let mut transaction = desk.begin().await?;
    let connection = transaction.connection()?;
    let rows = sqlx::query(
        "SELECT s.hazard, h.* FROM (SELECT hazard FROM stat_changed LIMIT $1) s \
         JOIN hazards h ON h.id = s.hazard",
    )
    .bind(AT_ONCE)
    .fetch_all(&mut *connection)
    .await
    .map_err(read(WHAT))?;
    let ids: Vec<&str> = rows.iter().map(|row| row.get("hazard")).collect();
    let ids = json!(ids).to_string();
    let mut sums = BTreeMap::new();
    let before = sqlx::query("SELECT * FROM stat_counted WHERE hazard IN (SELECT value FROM json_each($1))")
        .bind(&ids)
        .fetch_all(&mut *connection)
        .await
        .map_err(read(WHAT))?;
    for row in &before {
        of_counted(row)?.add_to(&mut sums, -1);
    }
    let mut counted = Vec::with_capacity(rows.len());
    for row in &rows {
        let share = of_hazard(row, policy, timezone)?;
        share.add_to(&mut sums, 1);
        let [used, maintained, inspected] = &share.units;
        counted.push(json!([
            row.get::<&str, _>("hazard"),
            used,
            maintained,
            inspected,
            share.area,
            share.category,
            json!(share.parts).to_string(),
        ]));
    }
    sums.retain(|_, n| *n != 0);
    keep(connection, &ids, &counted, &sums).await?;
    transaction.commit().await?;
    Ok(rows.len())
}

async fn keep(
    connection: &mut SqliteConnection,
    ids: &str,
    counted: &[Value],
    sums: &BTreeMap<Key, i64>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO stat_counted SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6 \
         FROM json_each($1) WHERE true ON CONFLICT (hazard) DO UPDATE SET use_unit = excluded.use_unit, \
         maintenance_unit = excluded.maintenance_unit, inspection_body = excluded.inspection_body, \
         area = excluded.area, category = excluded.category, parts = excluded.parts",
    )
    .bind(json!(counted).to_string())
    .execute(&mut *connection)
    .await
    .map_err(write(WHAT))?;
    let rows: Vec<_> = sums
        .iter()
        .map(|((who, category, level, measure, area, month, bucket), n)| {
            json!([who, category, level, measure, area, month, bucket, n])
        })
        .collect();
    sqlx::query(
        "INSERT INTO stat_counts (who, category, level, measure, area, month, bucket, n) \
         SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7 \
         FROM json_each($1) WHERE true \
         ON CONFLICT (who, category, level, measure, area, month, bucket) DO UPDATE SET n = n + excluded.n",
    )
    .bind(json!(rows).to_string())
    .execute(&mut *connection)
    .await
    .map_err(write(WHAT))?;
    sqlx::query("DELETE FROM stat_changed WHERE hazard IN (SELECT value FROM json_each($1))")
        .bind(ids)
        .execute(&mut *connection)
        .await
        .map_err(write(WHAT))?;
    Ok(())
}
