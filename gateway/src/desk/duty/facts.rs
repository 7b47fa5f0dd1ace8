//! What telemetry and the register say of a unit's machines on a day, and whom the register names.

use super::DutyError;
use crate::app::App;
use crate::desk::lists::{after, begin_of};
use crate::desk::read;
use crate::store::Db;
use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::Row as _;
use vigil_core::duty::{DutyPolicy, MachineDay, lost};
use vigil_protocol::time::UtcMillis;

/// Machines of a unit looked at; a unit with more has the rest counted nowhere, so it is more than anybody has.
const MACHINES: i64 = 20_000;
/// Names of officers kept.
const OFFICERS: usize = 8;
const WHAT: &str = "machines of a unit";

/// A unit with machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsingUnit {
    pub(super) code: String,
    pub(super) area: String,
}

/// Units with machines, by code, behind `last`.
pub(super) async fn units(app: &App, last: &str, limit: i64) -> Result<Vec<UsingUnit>, DutyError> {
    let rows = sqlx::query::<Db>(
        "SELECT s.use_unit AS code, COALESCE(NULLIF(u.area, ''), MIN(s.area)) AS area FROM equipment_scopes s \
         LEFT JOIN units u ON u.code = s.use_unit WHERE s.use_unit > $1 GROUP BY s.use_unit ORDER BY s.use_unit LIMIT $2",
    )
    .bind(last)
    .bind(limit)
    .fetch_all(app.desk.reading())
    .await
    .map_err(read(WHAT))?;
    Ok(rows
        .iter()
        .map(|row| UsingUnit {
            code: row.get("code"),
            area: row.get("area"),
        })
        .collect())
}

/// What is known of every machine of a unit that is in use.
pub(super) async fn machines(
    app: &App,
    unit: &str,
    day: Date,
    zone: &TimeZone,
    policy: &DutyPolicy,
) -> Result<Vec<MachineDay>, DutyError> {
    let rows = sqlx::query::<Db>(
        "SELECT s.equipment AS id, COALESCE(e.name, '') AS name, e.id IS NOT NULL AS registered FROM equipment_scopes s \
         LEFT JOIN equipment e ON e.id = s.equipment \
         WHERE s.use_unit = $1 AND COALESCE(e.state, 'in_use') = 'in_use' ORDER BY s.equipment LIMIT $2",
    )
    .bind(unit)
    .bind(MACHINES)
    .fetch_all(app.desk.reading())
    .await
    .map_err(read(WHAT))?;
    let mut machines = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, name): (String, String) = (row.get("id"), row.get("name"));
        let ix = app.catalog.by_id.get(id.as_str());
        let known = ix.and_then(|ix| app.catalog.equipment.get(ix.0 as usize));
        let name = match known {
            Some(known) if name.is_empty() => known.name_zh.to_string(),
            // It left the catalog and was never in the register: nobody says that it is there.
            None if !row.get::<bool, _>("registered") => continue,
            _ => name,
        };
        let mut machine = MachineDay {
            id,
            name,
            watched: known.is_some(),
            ..MachineDay::default()
        };
        let quantities: Vec<&str> = known.map_or_else(Vec::new, |known| {
            known
                .channels
                .iter()
                .map(|channel| channel.quantity.key())
                .collect()
        });
        telemetry(app, &mut machine, &quantities, day, zone).await?;
        register(app, &mut machine, day, policy).await?;
        machines.push(machine);
    }
    Ok(machines)
}

async fn telemetry(
    app: &App,
    machine: &mut MachineDay,
    quantities: &[&str],
    day: Date,
    zone: &TimeZone,
) -> Result<(), DutyError> {
    let (from, to) = (begin_of(day, zone), begin_of(after(day), zone));
    let counts = app
        .store
        .machine_counts(&machine.id, quantities, from, to)
        .await?;
    machine.alarms = counts.alarms;
    machine.hazards_opened = counts.hazards_opened;
    machine.hazards_open = counts.hazards_open;
    machine.heard = counts.heard.is_some();
    if machine.watched {
        let heard = counts.heard.unwrap_or(UtcMillis(i64::MAX));
        (machine.gaps, machine.lost_minutes) = lost(&counts.gaps, heard, from, to);
    }
    let run: Option<f64> =
        sqlx::query_scalar::<Db, f64>("SELECT hours FROM run_days WHERE equipment = $1 AND day = $2")
            .bind(&machine.id)
            .bind(day.to_string())
            .fetch_optional(app.desk.reading())
            .await
            .map_err(read("hours run"))?;
    machine.hours_run = run;
    Ok(())
}

async fn register(
    app: &App,
    machine: &mut MachineDay,
    day: Date,
    policy: &DutyPolicy,
) -> Result<(), DutyError> {
    let soon = day
        .checked_add(Span::new().days(i64::from(policy.due_within_days)))
        .unwrap_or(day);
    let rows = sqlx::query::<Db>(
        "SELECT kind, due FROM obligations WHERE equipment = $1 AND due <= $2 ORDER BY kind, part LIMIT 100",
    )
    .bind(&machine.id)
    .bind(soon.to_string())
    .fetch_all(app.desk.reading())
    .await
    .map_err(read("the calendar"))?;
    let today = day.to_string();
    for row in &rows {
        let (kind, due): (String, &str) = (row.get("kind"), row.get("due"));
        // ISO dates: their order as texts is that of their days.
        if due < today.as_str() {
            machine.overdue.push(kind);
        } else {
            machine.due_soon.push(kind);
        }
    }
    Ok(())
}

/// Names the register gives for an officer of a unit, most frequent first.
pub(super) async fn officers(app: &App, unit: &str, fact: &str) -> Result<Vec<String>, DutyError> {
    let rows = sqlx::query_scalar::<Db, String>(
        "SELECT name FROM (SELECT f.json ->> ('$.' || $2) AS name FROM equipment e JOIN equipment_facts f ON f.id = e.id \
         WHERE e.use_unit = $1 AND e.state = 'in_use') WHERE name IS NOT NULL AND name <> '' \
         GROUP BY name ORDER BY COUNT(*) DESC, name LIMIT $3",
    )
    .bind(unit)
    .bind(fact)
    .bind(OFFICERS as i64)
    .fetch_all(app.desk.reading())
    .await
    .map_err(read("officers"))?;
    Ok(rows)
}
