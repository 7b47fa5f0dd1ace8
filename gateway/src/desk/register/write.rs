//! Writing records: many at once or one, always in one transaction, in statements over many rows.

use super::accessory::{Accessory, accessories_of};
use super::entering::remember;
use super::error::{corrupt, reading, writing};
use super::prepare::{Prepared, Units, new_id};
use super::read::records;
use super::unit::resolve_units;
use super::{Act, HistoryLine, RegisterError, write_history};
use crate::desk::scopes;
use crate::store::{Desk, DeskWrite};
use serde_json::Value;
use sqlx::{Row as _, SqliteConnection};
use std::collections::HashMap;
use vigil_core::calendar::Schedules;
use vigil_core::people::Scope;
use vigil_core::register::{Field, Finding, Identity, Level, Record, Rule, Words, compare, identities};

/// Rows per statement.
const CHUNK: usize = 500;

/// A record as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Equipment id.
    pub id: String,
    /// Counts its changes.
    pub revision: i64,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Whether it is new.
    pub created: bool,
}

/// Writes one record: `expected` is the revision that was seen; `None` makes a new one. Facts that were not seen
/// (personal ones) are kept by the caller.
///
/// # Errors
/// It is there already, or not, or has changed in between; the database cannot be written.
pub async fn save(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    id: Option<&str>,
    expected: Option<i64>,
    mut record: Record,
) -> Result<Saved, RegisterError> {
    let id = match id {
        Some(id) => id.to_owned(),
        None => new_id(&record).ok_or(RegisterError::Value {
            field: "equipment_code",
            what: "one of equipment code, registration number, or factory number and manufacturer is needed"
                .to_owned(),
        })?,
    };
    record.set(Field::Id, "");
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let old = records(&mut *connection, std::slice::from_ref(&id))
        .await?
        .remove(&id);
    match (&old, expected) {
        (Some(_), None) => {
            return Err(RegisterError::Exists {
                what: "piece of equipment",
                id,
            });
        }
        (None, Some(_)) => {
            return Err(RegisterError::NotFound {
                what: "equipment",
                id,
            });
        }
        (Some((_, is)), Some(expected)) if *is != expected => {
            return Err(RegisterError::Stale {
                what: "the equipment",
                is: *is,
                expected,
            });
        }
        _ => {}
    }
    let created = old.is_none();
    let (old, revision) = old.unwrap_or_default();
    settle_state(&old, &mut record, act);
    let changes = vec![(id.clone(), record.clone(), revision, (!created).then_some(old))];
    let mut prepared = prepare_all(connection, act, schedules, changes).await?;
    write_all(connection, act, &prepared).await?;
    let duplicates = duplicates_of(connection, &id, &record).await?;
    let scopes = prepared
        .iter()
        .map(|(one, _)| (one.id.clone(), one.scope()))
        .collect();
    let mut findings = prepared.pop().map(|(one, _)| one.findings).unwrap_or_default();
    findings.extend(duplicates);
    bump(connection).await?;
    remember(connection, act, &id).await?;
    write.commit().await?;
    act.tell(scopes);
    Ok(Saved {
        id,
        revision: revision + 1,
        findings,
        created,
    })
}

/// A state that has changed is so since today, unless somebody says since when.
pub(super) fn settle_state(old: &Record, new: &mut Record, act: &Act) {
    let changed = old.state() != new.state();
    let said =
        new.get(Field::StateSince).is_some() && new.get(Field::StateSince) != old.get(Field::StateSince);
    if changed && !said {
        new.set(Field::StateSince, act.today.to_string());
    }
}

/// Who else has a number of this record (DQ10).
async fn duplicates_of(
    connection: &mut SqliteConnection,
    id: &str,
    record: &Record,
) -> Result<Vec<Finding>, RegisterError> {
    let mut found = Vec::new();
    for (identity, key) in identities(record) {
        let others = sqlx::query("SELECT id FROM equipment_keys WHERE key = $1 AND id <> $2 LIMIT 3")
            .bind(&key)
            .bind(id)
            .fetch_all(&mut *connection)
            .await
            .map_err(reading("duplicates"))?;
        if !others.is_empty() {
            let others: Vec<String> = others.iter().map(|row| row.get(0)).collect();
            found.push(duplicate(identity, &others.join(", ")));
        }
    }
    Ok(found)
}

/// What DQ10 says.
pub(super) fn duplicate(identity: Identity, others: &str) -> Finding {
    let (zh, en) = identity.titles();
    let field = match identity {
        Identity::Id => Field::Id,
        Identity::EquipmentCode => Field::EquipmentCode,
        Identity::RegistrationNo => Field::RegistrationNo,
        Identity::RegistrationCode => Field::RegistrationCode,
        Identity::Factory => Field::FactoryNo,
        Identity::Terminal => Field::TerminalSerial,
    };
    Finding::new(
        Rule::Dq10,
        Level::Wrong,
        field,
        others,
        Words::new(
            format!("{zh}与 {others} 重复"),
            format!("the same {en} as {others}"),
        ),
        Words::new(
            "核对两台设备，更正其一或注销重复记录",
            "compare the two; correct one, or cancel the double",
        ),
    )
}

/// A record to be written: id, facts, revision so far, facts so far.
pub(super) type Change = (String, Record, i64, Option<Record>);

/// Resolves units and computes what follows from each record.
pub(super) async fn prepare_all(
    connection: &mut SqliteConnection,
    act: &Act,
    schedules: &Schedules,
    changes: Vec<Change>,
) -> Result<Vec<(Prepared, Option<Record>)>, RegisterError> {
    let units = resolve_units(connection, act, changes.iter().map(|(_, record, ..)| record)).await?;
    let ids: Vec<String> = changes.iter().map(|(id, ..)| id.clone()).collect();
    let accessories = accessories_of(connection, &ids).await?;
    let none: Vec<Accessory> = Vec::new();
    let prepared = changes.into_iter().map(|(id, record, revision, old)| {
        let of = accessories.get(&id).unwrap_or(&none);
        let codes = Units {
            used: units.code(&record, Field::UseUnit, Field::UseUnitUscc),
            maintained: units.code(&record, Field::MaintenanceUnit, Field::MaintenanceUnitUscc),
            inspected: units.code(&record, Field::InspectionBody, Field::InspectionBodyUscc),
        };
        (
            Prepared::new(id, record, codes, revision + 1, of, schedules, act.today),
            old,
        )
    });
    Ok(prepared.collect())
}

/// Writes all rows of all records.
pub(super) async fn write_all(
    connection: &mut SqliteConnection,
    act: &Act,
    prepared: &[(Prepared, Option<Record>)],
) -> Result<(), RegisterError> {
    for chunk in prepared.chunks(CHUNK) {
        let mut history = Vec::new();
        for (one, old) in chunk {
            let subject = format!("equipment:{}", one.id);
            match old {
                None => history.push(HistoryLine {
                    subject,
                    field: "*".to_owned(),
                    old: String::new(),
                    new: facts(&one.record)?,
                }),
                Some(old) => {
                    history.extend(compare(old, &one.record).into_iter().map(|change| HistoryLine {
                        subject: subject.clone(),
                        field: change.field.key().to_owned(),
                        old: change.old,
                        new: change.new,
                    }))
                }
            }
        }
        write_history(connection, act, &history).await?;
        let rows: Vec<&Prepared> = chunk.iter().map(|(one, _)| one).collect();
        write_rows(connection, act, &rows).await?;
    }
    Ok(())
}

fn facts(record: &Record) -> Result<String, RegisterError> {
    serde_json::to_string(record).map_err(|error| RegisterError::Broken(error.to_string()))
}

async fn write_rows(
    connection: &mut SqliteConnection,
    act: &Act,
    rows: &[&Prepared],
) -> Result<(), RegisterError> {
    let columns: Vec<Value> = rows.iter().map(|one| one.columns(act.now.0)).collect();
    run(
        connection,
        "INSERT INTO equipment (id, name, category, area, state, place_type, location, registration_no, use_unit, \
         maintenance_unit, inspection_body, next_due, inspection_due, insured_to, score, wrong, revision, created, \
         changed) SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, \
         value->>8, value->>9, value->>10, value->>11, value->>12, value->>13, value->>14, value->>15, value->>16, \
         value->>17, value->>17 FROM json_each($1) WHERE true \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, category = excluded.category, area = excluded.area, \
         state = excluded.state, place_type = excluded.place_type, location = excluded.location, \
         registration_no = excluded.registration_no, use_unit = excluded.use_unit, \
         maintenance_unit = excluded.maintenance_unit, inspection_body = excluded.inspection_body, \
         next_due = excluded.next_due, inspection_due = excluded.inspection_due, insured_to = excluded.insured_to, \
         score = excluded.score, wrong = excluded.wrong, revision = excluded.revision, changed = excluded.changed",
        &Value::Array(columns),
    )
    .await?;
    let mut json = Vec::with_capacity(rows.len());
    let mut keys = Vec::new();
    let mut texts = Vec::with_capacity(rows.len());
    let mut dues = Vec::new();
    let mut ids = Vec::with_capacity(rows.len());
    for one in rows {
        ids.push(Value::from(one.id.as_str()));
        json.push(serde_json::json!([one.id, facts(&one.record)?]));
        texts.push(serde_json::json!([one.id, one.text()]));
        keys.extend(
            identities(&one.record)
                .iter()
                .map(|(_, key)| serde_json::json!([key, one.id])),
        );
        keys.push(serde_json::json!([format!("id:{}", one.id), one.id]));
        dues.extend(one.obligations());
    }
    let ids = Value::Array(ids);
    let scopes: Vec<(&str, Scope)> = rows.iter().map(|one| (one.id.as_str(), one.scope())).collect();
    scopes::register_all(connection, &scopes).await?;
    for (sql, rows) in [
        (
            "INSERT INTO equipment_facts (id, json) SELECT value->>0, value->>1 FROM json_each($1) WHERE true \
             ON CONFLICT (id) DO UPDATE SET json = excluded.json",
            Value::Array(json),
        ),
        (
            "DELETE FROM equipment_keys WHERE id IN (SELECT value FROM json_each($1))",
            ids.clone(),
        ),
        (
            "INSERT OR IGNORE INTO equipment_keys (key, id) SELECT value->>0, value->>1 FROM json_each($1)",
            Value::Array(keys),
        ),
        (
            "DELETE FROM equipment_text WHERE rowid IN (SELECT n FROM equipment WHERE id IN \
             (SELECT value FROM json_each($1)))",
            ids.clone(),
        ),
        (
            "INSERT INTO equipment_text (rowid, text) SELECT e.n, v.value->>1 FROM json_each($1) v \
             JOIN equipment e ON e.id = v.value->>0",
            Value::Array(texts),
        ),
        (
            "DELETE FROM obligations WHERE equipment IN (SELECT value FROM json_each($1))",
            ids,
        ),
        (INSERT_OBLIGATIONS, Value::Array(dues)),
    ] {
        run(connection, sql, &rows).await?;
    }
    Ok(())
}

pub(super) const INSERT_OBLIGATIONS: &str = "INSERT INTO obligations (equipment, kind, part, due, basis, source, \
    unverified, area, category, use_unit, maintenance_unit, inspection_body) SELECT value->>0, value->>1, value->>2, \
    value->>3, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9, value->>10, value->>11 \
    FROM json_each($1)";

pub(super) async fn run(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: &Value,
) -> Result<(), RegisterError> {
    sqlx::query(sql)
        .bind(rows.to_string())
        .execute(connection)
        .await
        .map_err(writing("the register"))?;
    Ok(())
}

/// Says that the register has changed.
pub(super) async fn bump(connection: &mut SqliteConnection) -> Result<(), RegisterError> {
    sqlx::query("UPDATE meta SET value = CAST(value AS INTEGER) + 1 || '' WHERE key = 'register_version'")
        .execute(connection)
        .await
        .map_err(writing("the register's version"))?;
    Ok(())
}

/// Counts the changes of the register.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<String, RegisterError> {
    let row = sqlx::query("SELECT value FROM meta WHERE key = 'register_version'")
        .fetch_one(connection)
        .await
        .map_err(reading("the register's version"))?;
    Ok(row.get(0))
}

/// Computes again what follows from the facts on a new day: schedules change with age, findings with the date. Only
/// what has changed is written, a part of the register at a time, so that nobody waits for all of it. Gives how many
/// were written.
///
/// # Errors
/// The database cannot be read or written; what was done so far stands.
pub async fn recompute(desk: &Desk, act: &Act, schedules: &Schedules) -> Result<u64, RegisterError> {
    let mut after = String::new();
    let mut written = 0;
    loop {
        let mut write = desk.begin().await?;
        let (next, changed) = recompute_some(&mut write, act, schedules, &after).await?;
        if changed > 0 {
            write.commit().await?;
        } else {
            drop(write);
        }
        written += changed;
        match next {
            Some(next) => after = next,
            None => return Ok(written),
        }
    }
}

async fn recompute_some(
    write: &mut DeskWrite,
    act: &Act,
    schedules: &Schedules,
    after: &str,
) -> Result<(Option<String>, u64), RegisterError> {
    let connection = write.connection()?;
    let rows = sqlx::query(
        "SELECT e.id, e.revision, e.next_due, e.inspection_due, e.wrong, e.use_unit, e.maintenance_unit, \
         e.inspection_body, f.json FROM equipment e JOIN equipment_facts f USING (id) WHERE e.id > $1 \
         ORDER BY e.id LIMIT $2",
    )
    .bind(after)
    .bind(CHUNK as i64)
    .fetch_all(&mut *connection)
    .await
    .map_err(reading("the register"))?;
    let ids: Vec<String> = rows.iter().map(|row| row.get("id")).collect();
    let accessories: HashMap<String, Vec<Accessory>> = accessories_of(connection, &ids).await?;
    let mut changed = Vec::new();
    for row in &rows {
        let id: String = row.get("id");
        let json: String = row.get("json");
        let record: Record = serde_json::from_str(&json).map_err(|error| corrupt("record", &error))?;
        let units = Units {
            used: row.get("use_unit"),
            maintained: row.get("maintenance_unit"),
            inspected: row.get("inspection_body"),
        };
        let of = accessories.get(&id).map(Vec::as_slice).unwrap_or_default();
        let one = Prepared::new(id, record, units, row.get("revision"), of, schedules, act.today);
        let now = one.columns(act.now.0);
        let same = now.get(11).and_then(Value::as_str) == row.get::<Option<&str>, _>("next_due")
            && now.get(12).and_then(Value::as_str) == row.get::<Option<&str>, _>("inspection_due")
            && now.get(15).and_then(Value::as_i64) == Some(row.get("wrong"));
        if !same {
            changed.push(one);
        }
    }
    let written = changed.len() as u64;
    if !changed.is_empty() {
        let rows: Vec<&Prepared> = changed.iter().collect();
        write_rows(connection, act, &rows).await?;
    }
    let next = ids.into_iter().next_back().filter(|_| rows.len() == CHUNK);
    Ok((next, written))
}
