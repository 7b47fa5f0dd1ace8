//! Safety valves and other accessories, kept one by one; persons' certificates.

use super::entering::remember;
use super::error::{reading, writing};
use super::read::records;
use super::unit::unit;
use super::write::{INSERT_OBLIGATIONS, bump, prepare_all, run, write_all};
use super::{Act, HistoryLine, RegisterError, write_history};
use crate::desk::scope::push_scope;
use crate::store::{Db, Desk};
use jiff::civil::Date;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use std::collections::HashMap;
use vigil_core::calendar::{Obligation, Schedules};
use vigil_core::people::Person;
use vigil_core::register::tidy;

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

/// A person's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Number here.
    pub n: i64,
    /// Counts its changes.
    pub revision: i64,
    /// What is known.
    pub facts: CertificateFacts,
}

/// What is known about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Unit the person works for.
    pub unit: String,
    /// The person.
    pub person: String,
    /// What it allows, such as `T` or `G1`.
    pub kind: String,
    /// Number on it.
    pub number: String,
    /// Issued.
    pub issued: Option<Date>,
    /// Last day it holds.
    pub expires: Date,
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

/// A text of a person, within a length.
pub(super) fn short(field: &'static str, text: &str, longest: usize) -> Result<String, RegisterError> {
    let text = tidy(text);
    if text.chars().count() > longest {
        return Err(RegisterError::Value {
            field,
            what: format!("at most {longest} characters"),
        });
    }
    Ok(text)
}

pub(super) fn required(field: &'static str, text: &str, longest: usize) -> Result<String, RegisterError> {
    let text = short(field, text, longest)?;
    if text.is_empty() {
        return Err(RegisterError::Value {
            field,
            what: "must not be empty".to_owned(),
        });
    }
    Ok(text)
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
            if old.revision != expected {
                return Err(RegisterError::Stale {
                    what: "the accessory",
                    is: old.revision,
                    expected,
                });
            }
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
    if old.revision != expected {
        return Err(RegisterError::Stale {
            what: "the accessory",
            is: old.revision,
            expected,
        });
    }
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

fn certificate_row(row: &SqliteRow) -> Result<Certificate, RegisterError> {
    let expires: String = row.get("expires");
    Ok(Certificate {
        n: row.get("n"),
        revision: row.get("revision"),
        facts: CertificateFacts {
            unit: row.get("unit"),
            person: row.get("person"),
            kind: row.get("kind"),
            number: row.get("number"),
            issued: row
                .get::<Option<String>, _>("issued")
                .and_then(|text| text.parse().ok()),
            expires: expires
                .parse()
                .map_err(|error| super::error::corrupt("certificate", &error))?,
        },
    })
}

/// Certificates of a unit, or of all units `person` may see; those that expire first come first, behind the one that
/// expires that day and has that number.
///
/// # Errors
/// The database cannot be read.
pub async fn certificates(
    desk: &Desk,
    person: &Person,
    of_unit: Option<&str>,
    after: Option<(Date, i64)>,
    limit: u32,
) -> Result<Vec<Certificate>, RegisterError> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT c.* FROM certificates c JOIN (SELECT code, code AS use_unit, code AS maintenance_unit, \
         code AS inspection_body, area FROM units) u ON u.code = c.unit WHERE true",
    );
    push_scope(&mut query, person, "u.");
    if let Some(unit) = of_unit {
        query.push(" AND c.unit = ").push_bind(unit.to_owned());
    }
    if let Some((expires, n)) = after {
        query
            .push(" AND (c.expires, c.n) > (")
            .push_bind(expires.to_string());
        query.push(", ").push_bind(n).push(")");
    }
    query
        .push(" ORDER BY c.expires, c.n LIMIT ")
        .push_bind(i64::from(limit.clamp(1, 1_001)));
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(reading("certificates"))?;
    rows.iter().map(certificate_row).collect()
}

/// One certificate.
///
/// # Errors
/// The database cannot be read.
pub async fn certificate(desk: &Desk, n: i64) -> Result<Option<Certificate>, RegisterError> {
    let row = sqlx::query("SELECT * FROM certificates WHERE n = $1")
        .bind(n)
        .fetch_optional(desk.reading())
        .await
        .map_err(reading("certificates"))?;
    row.as_ref().map(certificate_row).transpose()
}

/// Writes a certificate: `seen` is its number and the revision that was seen; `None` makes a new one.
///
/// # Errors
/// Values that cannot be taken; it has changed in between; the database cannot be written.
pub async fn save_certificate(
    desk: &Desk,
    act: &Act,
    seen: Option<(i64, i64)>,
    facts: &CertificateFacts,
) -> Result<Certificate, RegisterError> {
    let facts = CertificateFacts {
        unit: facts.unit.clone(),
        person: required("person", &facts.person, 100)?,
        kind: required("kind", &facts.kind, 40)?,
        number: required("number", &facts.number, 100)?,
        ..facts.clone()
    };
    if facts.issued.is_some_and(|issued| issued > facts.expires) {
        return Err(RegisterError::Value {
            field: "expires",
            what: "is before the day it was issued".to_owned(),
        });
    }
    let of = unit(desk, &facts.unit).await?.ok_or(RegisterError::NotFound {
        what: "unit",
        id: facts.unit.clone(),
    })?;
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let mut old = String::new();
    let mut revision = 1;
    if let Some((n, expected)) = seen {
        let row = sqlx::query("SELECT * FROM certificates WHERE n = $1")
            .bind(n)
            .fetch_optional(&mut *connection)
            .await
            .map_err(reading("certificates"))?;
        let before = row
            .as_ref()
            .map(certificate_row)
            .transpose()?
            .ok_or(RegisterError::NotFound {
                what: "certificate",
                id: n.to_string(),
            })?;
        if before.revision != expected {
            return Err(RegisterError::Stale {
                what: "the certificate",
                is: before.revision,
                expected,
            });
        }
        revision = before.revision + 1;
        old = certificate_said(&before.facts);
    }
    let row = sqlx::query(
        "INSERT INTO certificates (n, unit, person, kind, number, issued, expires, revision, changed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (n) DO UPDATE SET unit = excluded.unit, \
         person = excluded.person, kind = excluded.kind, number = excluded.number, issued = excluded.issued, \
         expires = excluded.expires, revision = excluded.revision, changed = excluded.changed RETURNING n",
    )
    .bind(seen.map(|(n, _)| n))
    .bind(&facts.unit)
    .bind(&facts.person)
    .bind(&facts.kind)
    .bind(&facts.number)
    .bind(facts.issued.map(|date| date.to_string()))
    .bind(facts.expires.to_string())
    .bind(revision)
    .bind(act.now.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(writing("a certificate"))?;
    let n: i64 = row.get(0);
    let line = HistoryLine {
        subject: format!("certificate:{n}"),
        field: "person".to_owned(),
        old,
        new: certificate_said(&facts),
    };
    write_history(connection, act, &[line]).await?;
    sqlx::query("DELETE FROM obligations WHERE equipment = '' AND part = $1")
        .bind(format!("certificate:{n}"))
        .execute(&mut *connection)
        .await
        .map_err(writing("the calendar"))?;
    let due = json!([[
        "",
        Obligation::OperatorCertificate.key(),
        format!("certificate:{n}"),
        facts.expires.to_string(),
        "stated",
        "TSG Z6001-2019",
        0,
        of.facts.area,
        "",
        facts.unit,
        facts.unit,
        facts.unit
    ]]);
    run(connection, INSERT_OBLIGATIONS, &due).await?;
    remember(connection, act, &n.to_string()).await?;
    write.commit().await?;
    Ok(Certificate { n, revision, facts })
}

fn certificate_said(facts: &CertificateFacts) -> String {
    json!({
        "unit": facts.unit, "person": facts.person, "kind": facts.kind, "number": facts.number,
        "issued": facts.issued, "expires": facts.expires,
    })
    .to_string()
}
