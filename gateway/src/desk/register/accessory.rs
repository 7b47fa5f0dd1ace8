//! Safety valves and other accessories, kept one by one.

use super::entering::remember;
use super::error::{reading, same_revision, writing};
use super::read::records;
use super::text::{required, short};
use super::write::{bump, prepare_all, write_all};
use super::{Act, HistoryLine, RegisterError, write_history};
use crate::store::Desk;
use jiff::civil::Date;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use std::collections::HashMap;
use vigil_core::calendar::{Obligation, Schedules};

/// Kinds of accessories.
pub const ACCESSORY_KINDS: &[(&str, &str, &str)] = &[
    ("safety_valve", "安全阀", "safety valve"),
    ("bursting_disc", "爆破片", "bursting disc"),
    ("pressure_gauge", "压力表", "pressure gauge"),
    ("governor", "限速器", "overspeed governor"),
    ("shutoff_valve", "紧急切断装置", "emergency shut-off device"),
    ("other", "其他", "other"),
];

/// An accessory.
#[derive(Clone, Debug, PartialEq)]
pub struct Accessory {
    /// Number.
    pub n: i64,
    /// Equipment id.
    pub equipment: String,
    /// Counts its changes.
    pub revision: i64,
    /// What is known.
    pub facts: AccessoryFacts,
}

/// What is known about an accessory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessoryFacts {
    /// A key of [`ACCESSORY_KINDS`].
    pub kind: String,
    /// Number on it.
    pub number: String,
    /// Model.
    pub model: String,
    /// Where it sits.
    pub place: String,
    /// Set pressure, gauge.
    pub set_pressure_mpa: Option<f64>,
    /// Last calibration.
    pub done: Option<Date>,
    /// Next calibration; computed from the last one when nobody has said.
    pub due: Option<Date>,
}

impl Accessory {
    /// What has to be done with it.
    #[must_use]
    pub fn obligation(&self) -> Option<Obligation> {
        Some(match self.facts.kind.as_str() {
            "safety_valve" | "bursting_disc" => Obligation::SafetyValveCalibration,
            "pressure_gauge" => Obligation::GaugeVerification,
            "governor" => Obligation::GovernorCalibration,
            _ => return None,
        })
    }

    /// When.
    pub(super) fn due_date(&self, schedules: &Schedules) -> Option<Date> {
        if let Some(due) = self.facts.due {
            return Some(due);
        }
        let obligation = self.obligation()?;
        // The shortest period that may apply: what comes early does no harm.
        let months = schedules
            .iter()
            .filter(|one| one.obligation == obligation)
            .filter_map(|one| one.months)
            .min()?;
        self.facts
            .done?
            .checked_add(jiff::Span::new().months(months))
            .ok()
    }
}

fn accessory_row(row: &SqliteRow) -> Accessory {
    let date = |column: &str| {
        row.get::<Option<String>, _>(column)
            .and_then(|text| text.parse().ok())
    };
    Accessory {
        n: row.get("n"),
        equipment: row.get("equipment"),
        revision: row.get("revision"),
        facts: AccessoryFacts {
            kind: row.get("kind"),
            number: row.get("number"),
            model: row.get("model"),
            place: row.get("place"),
            set_pressure_mpa: row.get("set_pressure_mpa"),
            done: date("done"),
            due: date("due"),
        },
    }
}

pub(super) async fn accessories_of(
    connection: &mut SqliteConnection,
    ids: &[String],
) -> Result<HashMap<String, Vec<Accessory>>, RegisterError> {
    let rows = sqlx::query(
        "SELECT a.* FROM json_each($1) v JOIN accessories a ON a.equipment = v.value ORDER BY a.n",
    )
    .bind(serde_json::to_string(ids).unwrap_or_default())
    .fetch_all(connection)
    .await
    .map_err(reading("accessories"))?;
    let mut found: HashMap<String, Vec<Accessory>> = HashMap::new();
    for one in rows.iter().map(accessory_row) {
        found.entry(one.equipment.clone()).or_default().push(one);
    }
    Ok(found)
}

/// The accessories of a piece of equipment.
///
/// # Errors
/// The database cannot be read.
pub async fn accessories(desk: &Desk, equipment: &str) -> Result<Vec<Accessory>, RegisterError> {
    let mut connection = desk.reading().acquire().await.map_err(reading("accessories"))?;
    let mut found = accessories_of(&mut connection, &[equipment.to_owned()]).await?;
    Ok(found.remove(equipment).unwrap_or_default())
}

/// One accessory.
///
/// # Errors
/// The database cannot be read.
pub async fn accessory(desk: &Desk, n: i64) -> Result<Option<Accessory>, RegisterError> {
    let row = sqlx::query("SELECT * FROM accessories WHERE n = $1")
        .bind(n)
        .fetch_optional(desk.reading())
        .await
        .map_err(reading("accessories"))?;
    Ok(row.as_ref().map(accessory_row))
}

/// Writes an accessory: `seen` is its number and the revision that was seen; `None` makes a new one.
///
/// # Errors
/// Values that cannot be taken; it has changed in between; the database cannot be written.
pub async fn save_accessory(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    equipment: &str,
    seen: Option<(i64, i64)>,
    facts: &AccessoryFacts,
) -> Result<Accessory, RegisterError> {
    if !ACCESSORY_KINDS.iter().any(|(key, ..)| *key == facts.kind) {
        let known: Vec<&str> = ACCESSORY_KINDS.iter().map(|(key, ..)| *key).collect();
        return Err(RegisterError::Value {
            field: "kind",
            what: format!("one of {}", known.join(", ")),
        });
    }
    if facts
        .set_pressure_mpa
        .is_some_and(|mpa| !(0.0..=1_000.0).contains(&mpa))
    {
        return Err(RegisterError::Value {
            field: "set_pressure_mpa",
            what: "0 to 1000 MPa".to_owned(),
        });
    }
    if facts.done > facts.due && facts.due.is_some() {
        return Err(RegisterError::Value {
            field: "due",
            what: "is before the last calibration".to_owned(),
        });
    }
    let facts = AccessoryFacts {
        number: required("number", &facts.number, 100)?,
        model: short("model", &facts.model, 100)?,
        place: short("place", &facts.place, 100)?,
        ..facts.clone()
    };
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let old = match seen {
        None => None,
        Some((n, expected)) => {
            let row = sqlx::query("SELECT * FROM accessories WHERE n = $1 AND equipment = $2")
                .bind(n)
                .bind(equipment)
                .fetch_optional(&mut *connection)
                .await
                .map_err(reading("accessories"))?;
            let old = row.as_ref().map(accessory_row).ok_or(RegisterError::NotFound {
                what: "accessory",
                id: n.to_string(),
            })?;
            same_revision("the accessory", old.revision, expected)?;
            Some(old)
        }
    };
    let revision = old.as_ref().map_or(1, |old| old.revision + 1);
    let row = sqlx::query(
        "INSERT INTO accessories (n, equipment, kind, number, model, place, set_pressure_mpa, done, due, revision, \
         changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (n) DO UPDATE SET \
         kind = excluded.kind, number = excluded.number, model = excluded.model, place = excluded.place, \
         set_pressure_mpa = excluded.set_pressure_mpa, done = excluded.done, due = excluded.due, \
         revision = excluded.revision, changed = excluded.changed RETURNING n",
    )
    .bind(seen.map(|(n, _)| n))
    .bind(equipment)
    .bind(&facts.kind)
    .bind(&facts.number)
    .bind(&facts.model)
    .bind(&facts.place)
    .bind(facts.set_pressure_mpa)
    .bind(facts.done.map(|date| date.to_string()))
    .bind(facts.due.map(|date| date.to_string()))
    .bind(revision)
    .bind(act.now.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(writing("an accessory"))?;
    let n: i64 = row.get(0);
    let old = old.map(|old| said(&old.facts)).unwrap_or_default();
    history(connection, act, equipment, n, &old, &said(&facts)).await?;
    refresh(connection, act, schedules, equipment).await?;
    remember(connection, act, &n.to_string()).await?;
    write.commit().await?;
    Ok(Accessory {
        n,
        equipment: equipment.to_owned(),
        revision,
        facts,
    })
}

/// Takes an accessory away; its history stays.
///
/// # Errors
/// There is none; it has changed in between; the database cannot be written.
pub async fn remove_accessory(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    equipment: &str,
    (n, expected): (i64, i64),
) -> Result<(), RegisterError> {
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let row = sqlx::query("DELETE FROM accessories WHERE n = $1 AND equipment = $2 RETURNING *")
        .bind(n)
        .bind(equipment)
        .fetch_optional(&mut *connection)
        .await
        .map_err(writing("an accessory"))?;
    let old = row.as_ref().map(accessory_row).ok_or(RegisterError::NotFound {
        what: "accessory",
        id: n.to_string(),
    })?;
    same_revision("the accessory", old.revision, expected)?;
    history(connection, act, equipment, n, &said(&old.facts), "").await?;
    refresh(connection, act, schedules, equipment).await?;
    write.commit().await.map_err(RegisterError::from)
}

fn said(facts: &AccessoryFacts) -> String {
    json!({
        "kind": facts.kind, "number": facts.number, "model": facts.model, "place": facts.place,
        "set_pressure_mpa": facts.set_pressure_mpa, "done": facts.done, "due": facts.due,
    })
    .to_string()
}

async fn history(
    connection: &mut SqliteConnection,
    act: &Act,
    equipment: &str,
    n: i64,
    old: &str,
    new: &str,
) -> Result<(), RegisterError> {
    let line = HistoryLine {
        subject: format!("equipment:{equipment}"),
        field: format!("accessory:{n}"),
        old: old.to_owned(),
        new: new.to_owned(),
    };
    write_history(connection, act, &[line]).await
}

/// What is due follows from the accessories too.
async fn refresh(
    connection: &mut SqliteConnection,
    act: &Act,
    schedules: &Schedules,
    equipment: &str,
) -> Result<(), RegisterError> {
    let found = records(connection, &[equipment.to_owned()]).await?;
    let Some((id, (record, revision))) = found.into_iter().next() else {
        return Err(RegisterError::NotFound {
            what: "equipment",
            id: equipment.to_owned(),
        });
    };
    let same = vec![(id, record.clone(), revision, Some(record))];
    let prepared = prepare_all(connection, act, schedules, same).await?;
    write_all(connection, act, &prepared).await?;
    bump(connection).await
}
