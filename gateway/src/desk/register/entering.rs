//! What people enter by hand, read like a cell of an import; creations that are done once however often they are
//! asked for.

use super::accessory::{Accessory, AccessoryFacts, accessory, save_accessory};
use super::certificate::{Certificate, CertificateFacts, certificate, save_certificate};
use super::error::{reading, same_revision, writing};
use super::read::records;
use super::unit::{Unit, UnitFacts, save_unit, unit};
use super::write::save;
use super::{Act, RegisterError, Saved};
use crate::store::Desk;
use sqlx::{Row as _, SqliteConnection};
use vigil_core::calendar::Schedules;
use vigil_core::hash::ContentHash;
use vigil_core::register::{Cell, Field, Finding, Level, Record, read_row};

/// A fact and what was typed for it; empty: it is taken away.
pub type FieldRequest = (Field, String);

/// Reads what was typed over what was there.
fn read(old: &Record, typed: Vec<FieldRequest>) -> Result<(Record, Vec<Finding>), RegisterError> {
    let mut record = old.clone();
    let mut cells: Vec<(Field, Cell)> = Vec::with_capacity(typed.len());
    for (field, text) in typed {
        record.set(field, "");
        cells.push((field, Cell::Text(text)));
    }
    let row = read_row(cells.iter().map(|(field, cell)| (*field, None, cell)));
    let refused: Vec<Finding> = row
        .findings
        .iter()
        .filter(|one| one.level == Level::Refused)
        .cloned()
        .collect();
    if !refused.is_empty() {
        return Err(RegisterError::Wrong(refused));
    }
    for (field, text) in row.record.iter() {
        record.set(field, text);
    }
    Ok((record, row.findings))
}

/// Enters a piece of equipment.
///
/// # Errors
/// Facts that cannot be taken; it is there already; the database cannot be written.
pub async fn create(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    typed: Vec<FieldRequest>,
    key: Option<&str>,
) -> Result<Saved, RegisterError> {
    let hash = hash_of(&("equipment", &typed));
    if let Some(id) = done_before(desk, act, key, &hash).await? {
        let mut connection = desk.reading().acquire().await.map_err(reading("the register"))?;
        let found = records(&mut connection, std::slice::from_ref(&id))
            .await?
            .remove(&id);
        let (_, revision) = found.ok_or(RegisterError::NotFound {
            what: "equipment",
            id: id.clone(),
        })?;
        return Ok(Saved {
            id,
            revision,
            findings: Vec::new(),
            created: true,
        });
    }
    let (record, mut findings) = read(&Record::default(), typed)?;
    if record.get(Field::Category).is_none() {
        return Err(RegisterError::Value {
            field: "category",
            what: "must not be empty: the four characters of the catalogue, such as 3110".to_owned(),
        });
    }
    if record
        .get(Field::Id)
        .is_some_and(|id| id.contains(['/', '\\', '?', '#', '%']) || id.starts_with('.'))
    {
        return Err(RegisterError::Value {
            field: "id",
            what: "must not hold / \\ ? # %, nor begin with a full stop".to_owned(),
        });
    }
    let mut saved = save(desk, &for_request(act, key, hash), schedules, None, None, record).await?;
    findings.append(&mut saved.findings);
    Ok(Saved { findings, ..saved })
}

/// Changes facts; those that are not named stay.
///
/// # Errors
/// Facts that cannot be taken; there is none, or it has changed in between; the database cannot be written.
pub async fn change(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    id: &str,
    seen: i64,
    typed: Vec<FieldRequest>,
) -> Result<Saved, RegisterError> {
    let mut connection = desk.reading().acquire().await.map_err(reading("the register"))?;
    let old = records(&mut connection, &[id.to_owned()]).await?.remove(id);
    drop(connection);
    let (old, is) = old.ok_or_else(|| RegisterError::NotFound {
        what: "equipment",
        id: id.to_owned(),
    })?;
    same_revision("the equipment", is, seen)?;
    let (record, mut findings) = read(&old, typed)?;
    let mut saved = save(desk, act, schedules, Some(id), Some(seen), record).await?;
    findings.append(&mut saved.findings);
    Ok(Saved { findings, ..saved })
}

/// Enters an accessory, once per key.
///
/// # Errors
/// As [`save_accessory`]; the key was used for something else.
pub async fn add_accessory(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    equipment: &str,
    facts: &AccessoryFacts,
    key: Option<&str>,
) -> Result<Accessory, RegisterError> {
    let hash = hash_of(&("accessory", equipment, format!("{facts:?}")));
    if let Some(n) = done_before(desk, act, key, &hash).await? {
        let found = accessory(desk, n.parse().unwrap_or(-1)).await?;
        return found.ok_or(RegisterError::NotFound {
            what: "accessory",
            id: n,
        });
    }
    let saved = save_accessory(
        desk,
        &for_request(act, key, hash),
        schedules,
        equipment,
        None,
        facts,
    )
    .await?;
    Ok(saved)
}

/// Enters a certificate, once per key.
///
/// # Errors
/// As [`save_certificate`]; the key was used for something else.
pub async fn add_certificate(
    desk: &Desk,
    act: &Act,
    facts: &CertificateFacts,
    key: Option<&str>,
) -> Result<Certificate, RegisterError> {
    let hash = hash_of(&("certificate", format!("{facts:?}")));
    if let Some(n) = done_before(desk, act, key, &hash).await? {
        let found = certificate(desk, n.parse().unwrap_or(-1)).await?;
        return found.ok_or(RegisterError::NotFound {
            what: "certificate",
            id: n,
        });
    }
    let saved = save_certificate(desk, &for_request(act, key, hash), None, facts).await?;
    Ok(saved)
}

/// Enters a unit, once per key.
///
/// # Errors
/// As [`save_unit`]; the key was used for something else.
pub async fn add_unit(
    desk: &Desk,
    act: &Act,
    facts: &UnitFacts,
    key: Option<&str>,
) -> Result<Unit, RegisterError> {
    let hash = hash_of(&("unit", format!("{facts:?}")));
    if let Some(code) = done_before(desk, act, key, &hash).await? {
        let found = unit(desk, &code).await?;
        return found.ok_or(RegisterError::NotFound {
            what: "unit",
            id: code,
        });
    }
    let saved = save_unit(desk, &for_request(act, key, hash), None, facts).await?;
    Ok(saved)
}

pub(super) fn hash_of(request: &impl serde::Serialize) -> String {
    ContentHash::of(serde_json::to_string(request).unwrap_or_default().as_bytes()).to_string()
}

/// Keys of different persons have nothing to do with each other.
fn own(act: &Act, key: &str) -> String {
    format!("{} {key}", act.actor)
}

/// What a request with this key made, if it has been done.
pub(super) async fn done_before(
    desk: &Desk,
    act: &Act,
    key: Option<&str>,
    hash: &str,
) -> Result<Option<String>, RegisterError> {
    let Some(key) = key else { return Ok(None) };
    let row = sqlx::query("SELECT hash, answer FROM register_requests WHERE key = $1")
        .bind(own(act, key))
        .fetch_optional(desk.reading())
        .await
        .map_err(reading("requests"))?;
    match row {
        None => Ok(None),
        Some(row) if row.get::<&str, _>("hash") == hash => Ok(Some(row.get("answer"))),
        Some(_) => Err(RegisterError::KeyReused),
    }
}

/// The same act, done for a request with a key.
pub(super) fn for_request(act: &Act, key: Option<&str>, hash: String) -> Act {
    Act {
        request: key.map(|key| (own(act, key), hash)),
        ..act.clone()
    }
}

/// Remembers what a request made, in the transaction that makes it.
pub(super) async fn remember(
    connection: &mut SqliteConnection,
    act: &Act,
    answer: &str,
) -> Result<(), RegisterError> {
    let Some((key, hash)) = &act.request else {
        return Ok(());
    };
    let done = sqlx::query(
        "INSERT INTO register_requests (key, at, hash, answer) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING",
    )
    .bind(key)
    .bind(act.now.0)
    .bind(hash)
    .bind(answer)
    .execute(connection)
    .await
    .map_err(writing("requests"))?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(RegisterError::Refused(
            "the same request was handled just now; ask again for its answer".to_owned(),
        ))
    }
}
