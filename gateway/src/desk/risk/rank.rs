//! Counts of what is known of every piece of equipment and every unit, weighed to ranks.
//!
//! All is counted again every minute (less often where that takes long), and only rows that have changed are written:
//! lists of 100,000 are then read from an index. A page says as of when.

use super::RiskError;
use super::error::{reading, writing};
use super::point::colour_of;
use crate::app::App;
use crate::desk::{calendar, watch};
use crate::store::{Desk, StoreError};
use futures_util::TryStreamExt as _;
use jiff::civil::Date;
use serde_json::{Value, json};
use sqlx::Row as _;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;
use vigil_core::catalog::{Catalog, EquipmentIx};
use vigil_core::equipment::Link;
use vigil_core::people::Scope;
use vigil_core::risk::{Colour, Counts, Part, Scheme, Subject};
use vigil_protocol::time::UtcMillis;

/// Rows written in one transaction: others want to write too.
const CHUNK: usize = 1_000;
/// Up to so much equipment, a change of a risk is counted at once.
const SMALL: i64 = 2_000;
/// Between two counts.
const EVERY: Duration = Duration::from_secs(60);
/// A count that takes long is not made more often than so many times its length.
const RARELY: u32 = 20;

/// A row of the table of ranks, but for its key.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tally {
    scope: Scope,
    pieces: u32,
    unheard: u32,
    bare: u32,
    counts: Counts,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.pieces += other.pieces;
        self.unheard += other.unheard;
        self.bare += other.bare;
        self.counts.add_all(&other.counts);
    }
}

/// Subject, id, area.
type Key = (&'static str, String, String);
type Tallies = HashMap<Key, Tally>;

/// Equipment.
pub(super) const EQUIPMENT: &str = "equipment";
/// Units, each in every area it has something in: its equipment and what is its own.
pub(super) const UNIT: &str = "unit";
/// What is a unit's own: what the map by area has beside equipment.
pub(super) const OWN: &str = "own";
/// All equipment of an area and all that is its units' own: what authorities see of it.
pub(super) const AREA: &str = "area";
const SUBJECTS: [&str; 4] = [EQUIPMENT, UNIT, OWN, AREA];
/// Columns that hold texts come first.
const TEXTS: usize = 6;

/// A unit sees its own rank.
fn of_unit(code: &str, area: &str) -> Scope {
    Scope {
        use_unit: Some(code.into()),
        maintenance_unit: Some(code.into()),
        inspection_body: Some(code.into()),
        area: area.into(),
    }
}

/// Counts everything anew and writes what has changed. Gives how many rows that were.
///
/// # Errors
/// The database cannot be read or written, or the gateway is stopping.
pub async fn refresh(app: &App) -> Result<u64, RiskError> {
    let now = app.clock.now();
    let today = crate::desk::day_of(now, &app.config.web.timezone);
    let heard = heard(app).await?;
    let watched: HashSet<&str> = app.catalog.equipment.iter().map(|one| &*one.id).collect();
    let tallies = tally(app, today, &heard, &watched).await?;
    write(&app.desk, tallies, now).await
}

/// Equipment telemetry tells of now: its node and device are alive, and it is not silent.
async fn heard(app: &App) -> Result<HashSet<String>, RiskError> {
    let heard = app.engine.query(|pipeline| {
        let all = (0..).map(EquipmentIx).zip(&pipeline.catalog().equipment);
        all.filter(|(ix, _)| {
            let state = pipeline.equipment(*ix).state;
            state.link() == Link::Online && state.open_gaps().iter().all(|gap| gap.quantity.is_some())
        })
        .map(|(_, equipment)| equipment.id.to_string())
        .collect()
    });
    Ok(heard.await?)
}

/// Counts by equipment, and by unit and area.
async fn tally(
    app: &App,
    today: Date,
    heard: &HashSet<String>,
    watched: &HashSet<&str>,
) -> Result<Tallies, RiskError> {
    let desk = &app.desk;
    let mut pieces: HashMap<String, Tally> = HashMap::new();
    // What was scrapped or cancelled needs no inspection.
    let mut rows = sqlx::query(
        "SELECT s.* FROM equipment_scopes s LEFT JOIN equipment e ON e.id = s.equipment \
         WHERE e.state IS NULL OR e.state NOT IN ('scrapped', 'cancelled')",
    )
    .fetch(desk.reading());
    while let Some(row) = rows.try_next().await.map_err(reading("equipment to be ranked"))? {
        let id: String = row.get("equipment");
        let is_heard = heard.contains(&id);
        let mut tally = Tally {
            scope: super::scope_of_row(&row),
            pieces: 1,
            unheard: u32::from(!is_heard),
            ..Tally::default()
        };
        if watched.contains(id.as_str()) && !is_heard {
            tally.counts.set(Part::Silence, 1);
        }
        pieces.insert(id, tally);
    }
    drop(rows);
    let areas = areas_of_units(desk).await?;
    let mut units: HashMap<String, Tally> = HashMap::new();
    // A unit's own has the area of the unit.
    fn own<'u>(
        units: &'u mut HashMap<String, Tally>,
        areas: &HashMap<String, String>,
        code: &str,
    ) -> &'u mut Tally {
        units.entry(code.to_owned()).or_insert_with(|| Tally {
            scope: of_unit(code, areas.get(code).map_or("", String::as_str)),
            ..Tally::default()
        })
    }

    let assessed = count_points(desk, today).await?;
    for (owner, counts) in &assessed {
        match owner {
            Ok(equipment) => {
                if let Some(tally) = pieces.get_mut(equipment) {
                    tally.counts.add_all(counts);
                }
            }
            Err(unit) => own(&mut units, &areas, unit).counts.add_all(counts),
        }
    }
    for (id, tally) in &mut pieces {
        if !assessed.contains_key(&Ok(id.clone())) {
            tally.bare = 1;
            tally.counts.add(Part::NotAssessed, 1);
        }
    }
    for load in app.store.hazard_load().await? {
        let counts = match load.owner.strip_prefix("unit:") {
            Some(unit) => &mut own(&mut units, &areas, unit).counts,
            None => match pieces.get_mut(&*load.owner) {
                Some(tally) => &mut tally.counts,
                None => continue,
            },
        };
        let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        counts.add(Part::MajorHazards, small(load.major));
        counts.add(Part::GeneralHazards, small(load.general));
        counts.add(Part::OverdueHazards, small(load.overdue));
        counts.add(Part::RepeatHazards, small(load.repeated));
    }
    for load in app.store.alarm_load().await? {
        if let Some(tally) = pieces.get_mut(&*load.equipment) {
            let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            tally.counts.add(Part::HighAlarms, small(load.high));
            tally.counts.add(Part::LowAlarms, small(load.low));
        }
    }
    for load in calendar::overdue_load(desk, today).await? {
        let counts = match (load.equipment.as_str(), &load.use_unit) {
            ("", Some(unit)) => &mut own(&mut units, &areas, unit).counts,
            (id, _) => match pieces.get_mut(id) {
                Some(tally) => &mut tally.counts,
                None => continue,
            },
        };
        counts.add(Part::OverdueInspections, load.count);
    }
    for (id, count) in watch::finding_load(desk).await? {
        if let Some(tally) = pieces.get_mut(&id) {
            tally.counts.add(Part::Findings, count);
        }
    }

    let mut tallies = Tallies::new();
    for (code, tally) in units {
        let area = tally.scope.area.to_string();
        in_area(&mut tallies, &tally);
        tallies.insert((OWN, code.clone(), area.clone()), tally.clone());
        tallies.insert((UNIT, code, area), tally);
    }
    for (id, tally) in pieces {
        let area = tally.scope.area.to_string();
        in_area(&mut tallies, &tally);
        if let Some(unit) = tally.scope.use_unit.clone() {
            let of = tallies
                .entry((UNIT, unit.to_string(), area.clone()))
                .or_insert_with(|| Tally {
                    scope: of_unit(&unit, &area),
                    ..Tally::default()
                });
            of.add(&tally);
        }
        tallies.insert((EQUIPMENT, id, area), tally);
    }
    Ok(tallies)
}

/// Counts something in its area too.
fn in_area(tallies: &mut Tallies, tally: &Tally) {
    let area = tally.scope.area.to_string();
    let of = tallies
        .entry((AREA, area.clone(), area.clone()))
        .or_insert_with(|| Tally {
            scope: Scope {
                area: area.as_str().into(),
                ..Scope::default()
            },
            ..Tally::default()
        });
    of.add(tally);
}

async fn areas_of_units(desk: &Desk) -> Result<HashMap<String, String>, RiskError> {
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT code, area FROM units")
        .fetch_all(desk.reading())
        .await
        .map_err(reading("units"))?;
    Ok(rows.into_iter().collect())
}

/// `Ok`: a piece of equipment; `Err`: a unit itself.
type Owned = Result<String, String>;

/// Risk points by owner and colour, what has failed, and checks overdue.
async fn count_points(desk: &Desk, today: Date) -> Result<HashMap<Owned, Counts>, RiskError> {
    let mut rows = sqlx::query(
        "SELECT equipment, unit, level, COUNT(*) AS n, SUM(failing) AS failing FROM risk_points \
         WHERE retired_at IS NULL GROUP BY equipment, unit, level",
    )
    .fetch(desk.reading());
    let owner = |row: &sqlx::sqlite::SqliteRow| -> Owned {
        match row.get::<Option<String>, _>("equipment") {
            Some(equipment) => Ok(equipment),
            None => Err(row.get::<Option<String>, _>("unit").unwrap_or_default()),
        }
    };
    let number = |row: &sqlx::sqlite::SqliteRow, column: &str| {
        u32::try_from(row.get::<i64, _>(column)).unwrap_or(u32::MAX)
    };
    let mut found: HashMap<Owned, Counts> = HashMap::new();
    while let Some(row) = rows.try_next().await.map_err(reading("risk points"))? {
        let counts = found.entry(owner(&row)).or_default();
        let part = match colour_of(row.get("level")) {
            Some(Colour::Red) => Part::RedPoints,
            Some(Colour::Orange) => Part::OrangePoints,
            Some(Colour::Yellow) => Part::YellowPoints,
            Some(Colour::Blue) => Part::BluePoints,
            None => Part::NotAssessed,
        };
        counts.add(part, number(&row, "n"));
        counts.add(Part::FailedControls, number(&row, "failing"));
    }
    drop(rows);
    let rows = sqlx::query(
        "SELECT p.equipment, p.unit, COUNT(*) AS n FROM risk_measures m JOIN risk_points p ON p.n = m.point \
         WHERE m.retired_at IS NULL AND m.next_check < $1 GROUP BY p.equipment, p.unit",
    )
    .bind(today.to_string())
    .fetch_all(desk.reading())
    .await
    .map_err(reading("measures"))?;
    for row in &rows {
        found
            .entry(owner(row))
            .or_default()
            .add(Part::OverdueChecks, number(row, "n"));
    }
    Ok(found)
}

/// A row as it is stored: key, scope, numbers.
fn stored(key: &Key, tally: &Tally, scheme: &Scheme) -> Value {
    let subject = if key.0 == EQUIPMENT {
        Subject::Equipment
    } else {
        Subject::Unit
    };
    let score = scheme.weights().rank(subject, &tally.counts).score;
    let unit = |unit: &Option<std::sync::Arc<str>>| unit.as_deref().map(str::to_owned);
    let mut row = vec![
        json!(key.0),
        json!(key.1),
        json!(key.2),
        json!(unit(&tally.scope.use_unit)),
        json!(unit(&tally.scope.maintenance_unit)),
        json!(unit(&tally.scope.inspection_body)),
        json!(tally.pieces),
        json!(tally.unheard),
        json!(tally.bare),
        json!(score),
    ];
    row.extend(Part::ALL.iter().map(|part| json!(tally.counts.get(*part))));
    Value::Array(row)
}

/// Columns of the table, in the order of [`stored`].
fn columns() -> Vec<&'static str> {
    let mut columns = vec![
        "subject",
        "id",
        "area",
        "use_unit",
        "maintenance_unit",
        "inspection_body",
        "pieces",
        "unheard",
        "bare",
        "score",
    ];
    columns.extend(Part::KEYS);
    columns
}

/// A row in the form of [`stored`].
fn as_it_was(row: &sqlx::sqlite::SqliteRow, columns: &[&str]) -> Value {
    let values = columns.iter().enumerate().map(|(at, column)| {
        if at < TEXTS {
            json!(row.get::<Option<&str>, _>(*column))
        } else {
            json!(row.get::<i64, _>(*column))
        }
    });
    Value::Array(values.collect())
}

async fn write(desk: &Desk, mut tallies: Tallies, now: UtcMillis) -> Result<u64, RiskError> {
    const WHAT: &str = "ranks";
    let columns = columns();
    let scheme = Scheme::builtin();
    // What is stored passes by row by row; only what differs is kept.
    let mut changed: Vec<(Key, Tally)> = Vec::new();
    let mut gone: Vec<Value> = Vec::new();
    let mut rows = sqlx::query("SELECT * FROM risk_ranks").fetch(desk.reading());
    while let Some(row) = rows.try_next().await.map_err(reading(WHAT))? {
        let key = |subject| (subject, row.get("id"), row.get("area"));
        let subject: &str = row.get("subject");
        let known = SUBJECTS.into_iter().find(|known| *known == subject);
        match known.map(key).and_then(|key| tallies.remove_entry(&key)) {
            Some((key, tally)) if stored(&key, &tally, scheme) != as_it_was(&row, &columns) => {
                changed.push((key, tally));
            }
            Some(_) => {}
            None => gone.push(json!([
                subject,
                row.get::<&str, _>("id"),
                row.get::<&str, _>("area")
            ])),
        }
    }
    drop(rows);
    changed.extend(tallies);
    let set: Vec<String> = columns[3..]
        .iter()
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    let values: Vec<String> = (0..columns.len()).map(|at| format!("value->>{at}")).collect();
    let upsert = format!(
        "INSERT INTO risk_ranks ({}) SELECT {} FROM json_each($1) WHERE true \
         ON CONFLICT (subject, id, area) DO UPDATE SET {}",
        columns.join(", "),
        values.join(", "),
        set.join(", "),
    );
    for chunk in changed.chunks(CHUNK) {
        let chunk = chunk.iter().map(|(key, tally)| stored(key, tally, scheme));
        let chunk = Value::Array(chunk.collect()).to_string();
        let mut write = desk.begin().await?;
        sqlx::query(sqlx::AssertSqlSafe(upsert.clone()))
            .bind(chunk)
            .execute(write.connection()?)
            .await
            .map_err(writing(WHAT))?;
        write.commit().await?;
    }
    for chunk in gone.chunks(CHUNK) {
        let mut write = desk.begin().await?;
        sqlx::query(
            "DELETE FROM risk_ranks WHERE (subject, id, area) IN \
             (SELECT value->>0, value->>1, value->>2 FROM json_each($1))",
        )
        .bind(Value::Array(chunk.to_vec()).to_string())
        .execute(write.connection()?)
        .await
        .map_err(writing(WHAT))?;
        write.commit().await?;
    }
    let mut write = desk.begin().await?;
    sqlx::query("UPDATE meta SET value = $1 WHERE key = 'risk_ranked'")
        .bind(now.0.to_string())
        .execute(write.connection()?)
        .await
        .map_err(writing(WHAT))?;
    write.commit().await?;
    Ok((changed.len() + gone.len()) as u64)
}

/// After a change of a risk: counts at once where that is quick, so that who has made it finds it on the map. Elsewhere
/// it is counted within a minute or so. The change itself is done: what goes wrong here is only logged.
pub async fn soon(app: &App) {
    let size = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM (SELECT 1 FROM equipment_scopes LIMIT $1)")
        .bind(SMALL + 1)
        .fetch_one(app.desk.reading())
        .await;
    let done = match size {
        Ok(size) if size <= SMALL => refresh(app).await.map(|_| ()),
        Ok(_) => Ok(()),
        Err(source) => Err(StoreError::Read {
            what: "ranks",
            source,
        }
        .into()),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "ranks were not counted again; they are within a minute");
    }
}

/// Counts ranks and opens the hazards of failed measures that wait for it, at the start and again and again, until
/// `stopping`.
pub async fn every_minute(
    mut app: App,
    catalog: channel::Receiver<std::sync::Arc<Catalog>>,
    stopping: CancellationToken,
) {
    loop {
        app.catalog = std::sync::Arc::clone(&catalog.borrow());
        let begun = Instant::now();
        if let Err(error) = super::open_waiting(&app).await {
            tracing::error!(%error, "hazards of failed control measures wait");
        }
        if let Err(error) = refresh(&app).await {
            tracing::error!(%error, "ranks were not counted; they are tried again");
        }
        let pause = EVERY.max(begun.elapsed() * RARELY);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stopping.cancelled() => return,
        }
    }
}
