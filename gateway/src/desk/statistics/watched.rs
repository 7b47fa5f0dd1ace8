//! How much of a day was watched: without it, "no hazards" means nothing.

use super::{begin_of, day_number};
use crate::app::App;
use crate::desk::write;
use crate::store::StoreError;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use vigil_core::catalog::EquipmentIx;
use vigil_core::equipment::Link;
use vigil_core::output::GapRecord;
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;

/// Gaps looked at for a day; more are counted as they are found, oldest lost first.
const GAPS: u32 = 500_000;

#[derive(Clone, Copy, Default)]
struct Sum {
    equipment: i64,
    elapsed_ms: i64,
    covered_ms: i64,
    gaps: i64,
}

/// Computes how much of a day was watched, as far as it has gone, and keeps it instead of what was known of the day.
/// Equipment that has never said anything was not watched at all.
///
/// # Errors
/// The database cannot be read or written.
pub async fn watch(app: &App, day: Date) -> Result<(), StoreError> {
    let zone = TimeZone::get(&app.config.web.timezone).unwrap_or(TimeZone::UTC);
    let now = app.clock.now();
    let start = app.store.log_start().await?.unwrap_or(now);
    let from = begin_of(day, &zone).max(start);
    let to = begin_of(day.tomorrow().unwrap_or(day), &zone).min(now);
    if to <= from {
        return Ok(());
    }
    let catalog = Arc::clone(&app.catalog);
    let asked = app.engine.query(move |pipeline| {
        // Places mean nothing in another catalog.
        Arc::ptr_eq(pipeline.catalog(), &catalog).then(|| {
            let all = (0..catalog.equipment.len() as u32).map(EquipmentIx);
            all.map(|ix| pipeline.equipment(ix).state.link() != Link::Never)
                .collect::<Vec<bool>>()
        })
    });
    // A catalog that was just replaced, or an engine that ends: the next time.
    let Ok(Some(heard)) = asked.await else {
        return Ok(());
    };
    let gaps = app.store.gaps_between(from, to, GAPS, &Sight::Everything).await?;
    let mut of: HashMap<&str, Vec<&GapRecord>> = HashMap::new();
    for gap in gaps.iter().filter(|gap| gap.quantity.is_none()) {
        of.entry(&gap.equipment).or_default().push(gap);
    }
    let mut sums: BTreeMap<(String, String), Sum> = BTreeMap::new();
    for (equipment, heard) in app.catalog.equipment.iter().zip(heard) {
        let scope = app.scope_of(&equipment.id);
        let gaps = of.remove(&*equipment.id).unwrap_or_default();
        let lost = if heard {
            lost_ms(&gaps, from, to)
        } else {
            to.since(from)
        };
        let units = [
            ("u:", &scope.use_unit),
            ("m:", &scope.maintenance_unit),
            ("i:", &scope.inspection_body),
        ];
        let units = units
            .into_iter()
            .filter_map(|(kind, unit)| Some(format!("{kind}{}", unit.as_deref()?)));
        for who in std::iter::once(String::new()).chain(units) {
            let sum = sums.entry((who, scope.area.to_string())).or_default();
            sum.equipment += 1;
            sum.elapsed_ms += to.since(from);
            sum.covered_ms += to.since(from) - lost;
            sum.gaps += gaps.len() as i64 + i64::from(!heard);
        }
    }
    keep(app, day_number(day), &sums).await
}

/// What the gaps of one piece of equipment took that was not filled afterwards. They may overlap.
fn lost_ms(gaps: &[&GapRecord], from: UtcMillis, to: UtcMillis) -> i64 {
    let mut holes: Vec<(i64, i64)> = gaps
        .iter()
        .map(|gap| {
            let begin = gap.filled_to.map_or(gap.from, |filled| gap.from.max(filled));
            (begin.max(from).0, gap.to.unwrap_or(to).min(to).0)
        })
        .filter(|(begin, end)| begin < end)
        .collect();
    holes.sort_unstable();
    let (mut lost, mut reached) = (0, i64::MIN);
    for (begin, end) in holes {
        lost += (end - begin.max(reached)).max(0);
        reached = reached.max(end);
    }
    lost
}

async fn keep(app: &App, day: i64, sums: &BTreeMap<(String, String), Sum>) -> Result<(), StoreError> {
    let what = "how much was watched";
    let rows: Vec<_> = sums
        .iter()
        .map(|((who, area), sum)| {
            let (elapsed_s, covered_s) = (sum.elapsed_ms / 1_000, sum.covered_ms / 1_000);
            json!([who, area, sum.equipment, elapsed_s, covered_s, sum.gaps])
        })
        .collect();
    let mut transaction = app.desk.begin().await?;
    let connection = transaction.connection()?;
    sqlx::query("DELETE FROM stat_watched WHERE day = $1")
        .bind(day)
        .execute(&mut *connection)
        .await
        .map_err(write(what))?;
    sqlx::query(
        "INSERT INTO stat_watched (who, day, area, equipment, elapsed_s, covered_s, gaps) \
         SELECT value->>0, $1, value->>1, value->>2, value->>3, value->>4, value->>5 FROM json_each($2)",
    )
    .bind(day)
    .bind(json!(rows).to_string())
    .execute(&mut *connection)
    .await
    .map_err(write(what))?;
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::{GapRecord, UtcMillis, lost_ms};
    use vigil_core::output::GapReason;

    #[test]
    fn what_was_filled_afterwards_is_not_lost_and_nothing_is_lost_twice() {
        let gap = |from, to: Option<i64>, filled: Option<i64>| GapRecord {
            equipment: "b".into(),
            quantity: None,
            from: UtcMillis(from),
            to: to.map(UtcMillis),
            reason: GapReason::Silent,
            filled_to: filled.map(UtcMillis),
        };
        for (gaps, lost) in [
            (vec![], 0),
            (vec![gap(2_000, Some(3_000), None)], 1_000),
            (
                vec![gap(2_000, Some(5_000), None), gap(4_000, Some(6_000), None)],
                4_000,
            ),
            (vec![gap(2_000, Some(6_000), Some(5_000))], 1_000),
            (vec![gap(2_000, Some(6_000), Some(6_000))], 0),
            (vec![gap(0, None, None)], 10_000),
        ] {
            let gaps: Vec<&GapRecord> = gaps.iter().collect();
            assert_eq!(lost_ms(&gaps, UtcMillis(1_000), UtcMillis(11_000)), lost);
        }
    }
}
