//! Units: who uses, maintains, inspects.

use super::entering::remember;
use super::error::{reading, writing};
use super::text::{required, short};
use super::{Act, HistoryLine, RegisterError, write_history};
use crate::desk::scope::{push_prefix, push_scope};
use crate::store::{Db, Desk};
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use std::collections::HashMap;
use vigil_core::hash::ContentHash;
use vigil_core::people::Person;
use vigil_core::register::{Field, Record, Uscc, area_code, uscc};

/// Kinds of units.
pub const UNIT_KINDS: &[(&str, &str, &str)] = &[
    ("use_unit", "使用单位", "use unit"),
    ("maintenance_unit", "维保单位", "maintenance unit"),
    ("inspection_body", "检验机构", "inspection body"),
    ("other", "其他", "other"),
];

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its credit code where it has one; what persons belong to.
    pub code: String,
    /// Counts its changes.
    pub revision: i64,
    /// What is known.
    pub facts: UnitFacts,
}

/// What is known about a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFacts {
    /// Name.
    pub name: String,
    /// A key of [`UNIT_KINDS`]: what it mainly is.
    pub kind: String,
    /// Unified social credit code.
    pub uscc: Option<String>,
    /// Area code; empty when nobody has said.
    pub area: String,
    /// Address.
    pub address: String,
    /// A person to ask.
    pub contact: String,
    /// How to reach him.
    pub phone: String,
}

fn unit_row(row: &SqliteRow) -> Unit {
    Unit {
        code: row.get("code"),
        revision: row.get("revision"),
        facts: UnitFacts {
            name: row.get("name"),
            kind: row.get("kind"),
            uscc: row.get("uscc"),
            area: row.get("area"),
            address: row.get("address"),
            contact: row.get("contact"),
            phone: row.get("phone"),
        },
    }
}

/// One unit.
///
/// # Errors
/// The database cannot be read.
pub async fn unit(desk: &Desk, code: &str) -> Result<Option<Unit>, RegisterError> {
    let row = sqlx::query("SELECT * FROM units WHERE code = $1")
        .bind(code)
        .fetch_optional(desk.reading())
        .await
        .map_err(reading("units"))?;
    Ok(row.as_ref().map(unit_row))
}

/// Units `person` may see, whose name or code holds `text`, by code, after code `after`.
///
/// # Errors
/// The database cannot be read.
pub async fn units(
    desk: &Desk,
    person: &Person,
    text: &str,
    area: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<Unit>, RegisterError> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT * FROM (SELECT *, code AS use_unit, code AS maintenance_unit, code AS inspection_body FROM units) \
         WHERE code > ",
    );
    query.push_bind(after.to_owned());
    push_scope(&mut query, person, "");
    if !area.is_empty() {
        query.push(" AND ");
        push_prefix(&mut query, "", "area", area);
    }
    if !text.is_empty() {
        query.push(" AND (instr(name, ").push_bind(text.to_owned());
        query
            .push(") > 0 OR instr(code, ")
            .push_bind(text.to_uppercase())
            .push(") > 0)");
    }
    query
        .push(" ORDER BY code LIMIT ")
        .push_bind(i64::from(limit.clamp(1, 1_001)));
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(reading("units"))?;
    Ok(rows.iter().map(unit_row).collect())
}

/// Writes a unit: `seen` is its code and the revision that was seen; `None` makes a new one.
///
/// # Errors
/// Values that cannot be taken; it is there already or has changed in between; the database cannot be written.
pub async fn save_unit(
    desk: &Desk,
    act: &Act,
    seen: Option<(&str, i64)>,
    facts: &UnitFacts,
) -> Result<Unit, RegisterError> {
    let facts = checked(facts)?;
    let code = match seen {
        Some((code, _)) => code.to_owned(),
        None => code_of(&facts.name, facts.uscc.as_deref()),
    };
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let row = sqlx::query("SELECT * FROM units WHERE code = $1")
        .bind(&code)
        .fetch_optional(&mut *connection)
        .await
        .map_err(reading("units"))?;
    let old = row.as_ref().map(unit_row);
    match (&old, seen) {
        (Some(_), None) => {
            return Err(RegisterError::Exists {
                what: "unit",
                id: code,
            });
        }
        (None, Some(_)) => {
            return Err(RegisterError::NotFound {
                what: "unit",
                id: code,
            });
        }
        (Some(old), Some((_, expected))) if old.revision != expected => {
            return Err(RegisterError::Stale {
                what: "the unit",
                is: old.revision,
                expected,
            });
        }
        _ => {}
    }
    if let Some(number) = &facts.uscc {
        let other: Option<String> =
            sqlx::query_scalar("SELECT code FROM units WHERE uscc = $1 AND code <> $2")
                .bind(number)
                .bind(&code)
                .fetch_optional(&mut *connection)
                .await
                .map_err(reading("units"))?;
        if let Some(other) = other {
            return Err(RegisterError::Value {
                field: "uscc",
                what: format!("belongs to unit {other}"),
            });
        }
    }
    let revision = old.as_ref().map_or(1, |old| old.revision + 1);
    sqlx::query(
        "INSERT INTO units (code, name, kind, uscc, area, address, contact, phone, revision, changed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (code) DO UPDATE SET name = excluded.name, \
         kind = excluded.kind, uscc = excluded.uscc, area = excluded.area, address = excluded.address, \
         contact = excluded.contact, phone = excluded.phone, revision = excluded.revision, changed = excluded.changed",
    )
    .bind(&code)
    .bind(&facts.name)
    .bind(&facts.kind)
    .bind(&facts.uscc)
    .bind(&facts.area)
    .bind(&facts.address)
    .bind(&facts.contact)
    .bind(&facts.phone)
    .bind(revision)
    .bind(act.now.0)
    .execute(&mut *connection)
    .await
    .map_err(writing("a unit"))?;
    let before = old.map(|old| old.facts).unwrap_or_default();
    let pairs = [
        ("name", &before.name, &facts.name),
        ("kind", &before.kind, &facts.kind),
        ("area", &before.area, &facts.area),
        ("address", &before.address, &facts.address),
        ("contact", &before.contact, &facts.contact),
        ("phone", &before.phone, &facts.phone),
    ];
    let (old_number, new_number) = (
        before.uscc.clone().unwrap_or_default(),
        facts.uscc.clone().unwrap_or_default(),
    );
    let lines: Vec<HistoryLine> = pairs
        .into_iter()
        .chain([("uscc", &old_number, &new_number)])
        .filter(|(_, old, new)| old != new)
        .map(|(field, old, new)| HistoryLine {
            subject: format!("unit:{code}"),
            field: field.to_owned(),
            old: old.clone(),
            new: new.clone(),
        })
        .collect();
    write_history(connection, act, &lines).await?;
    // Certificates of its people are seen by those who see the unit.
    sqlx::query("UPDATE obligations SET area = $2 WHERE equipment = '' AND use_unit = $1")
        .bind(&code)
        .bind(&facts.area)
        .execute(&mut *connection)
        .await
        .map_err(writing("the calendar"))?;
    remember(connection, act, &code).await?;
    write.commit().await?;
    Ok(Unit {
        code,
        revision,
        facts,
    })
}

fn checked(facts: &UnitFacts) -> Result<UnitFacts, RegisterError> {
    let value = |field, what: &str| {
        Err(RegisterError::Value {
            field,
            what: what.to_owned(),
        })
    };
    if !UNIT_KINDS.iter().any(|(key, ..)| *key == facts.kind) {
        let known: Vec<&str> = UNIT_KINDS.iter().map(|(key, ..)| *key).collect();
        return value("kind", &format!("one of {}", known.join(", ")));
    }
    let area = short("area", &facts.area, 6)?;
    if !area.is_empty() && !area_code(&area) {
        return value("area", "six digits of GB/T 2260, such as 210381");
    }
    let number = facts
        .uscc
        .as_deref()
        .map(|text| short("uscc", text, 40))
        .transpose()?;
    let number = match number.filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => match uscc(&text) {
            Uscc::Valid => Some(text),
            Uscc::Mended(mended) => Some(mended),
            Uscc::CheckFails(check) => {
                return value(
                    "uscc",
                    &format!(
                        "the check character does not hold: if the first 17 are right, the last is {check}"
                    ),
                );
            }
            Uscc::Malformed => return value("uscc", "18 digits and capital letters (no I, O, S, V, Z)"),
        },
    };
    Ok(UnitFacts {
        name: required("name", &facts.name, 200)?,
        kind: facts.kind.clone(),
        uscc: number,
        area,
        address: short("address", &facts.address, 300)?,
        contact: short("contact", &facts.contact, 100)?,
        phone: short("phone", &facts.phone, 40)?,
    })
}

/// The credit code, or one made of the name, the same each time.
fn code_of(name: &str, number: Option<&str>) -> String {
    match number {
        Some(number) => number.to_owned(),
        None => {
            let hash = ContentHash::of(name.as_bytes()).to_string();
            format!("U-{}", hash.get(..12).unwrap_or(&hash))
        }
    }
}

/// Codes of units by credit code and by name.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    by_uscc: HashMap<String, String>,
    by_name: HashMap<String, String>,
}

impl Resolved {
    pub(super) fn code(&self, record: &Record, name: Field, number: Field) -> Option<String> {
        let by_number = record.get(number).and_then(|number| self.by_uscc.get(number));
        by_number
            .or_else(|| record.get(name).and_then(|name| self.by_name.get(name)))
            .cloned()
    }
}

const PARTIES: [(Field, Field, &str); 3] = [
    (Field::UseUnit, Field::UseUnitUscc, "use_unit"),
    (
        Field::MaintenanceUnit,
        Field::MaintenanceUnitUscc,
        "maintenance_unit",
    ),
    (
        Field::InspectionBody,
        Field::InspectionBodyUscc,
        "inspection_body",
    ),
];

/// Finds the units records name, and makes those that are not there. A credit code that holds decides; a name only
/// where there is none.
pub(super) async fn resolve_units<'r>(
    connection: &mut SqliteConnection,
    act: &Act,
    records: impl Iterator<Item = &'r Record>,
) -> Result<Resolved, RegisterError> {
    // Name, valid credit code, kind, area of the first record that names it.
    let mut wanted: HashMap<(String, Option<String>), (&str, String)> = HashMap::new();
    for record in records {
        for (name, number, kind) in PARTIES {
            let Some(name) = record.get(name) else { continue };
            let number = record.get(number).filter(|number| uscc(number) == Uscc::Valid);
            let area = if kind == "use_unit" {
                record.text(Field::Area)
            } else {
                ""
            };
            let area = if area_code(area) { area } else { "" };
            wanted
                .entry((name.to_owned(), number.map(str::to_owned)))
                .or_insert((kind, area.to_owned()));
        }
    }
    let mut resolved = Resolved::default();
    if wanted.is_empty() {
        return Ok(resolved);
    }
    let names: Vec<&String> = wanted.keys().map(|(name, _)| name).collect();
    let numbers: Vec<&String> = wanted.keys().filter_map(|(_, number)| number.as_ref()).collect();
    let rows = sqlx::query(
        "SELECT code, name, uscc FROM units WHERE name IN (SELECT value FROM json_each($1)) \
         OR uscc IN (SELECT value FROM json_each($2)) ORDER BY code DESC",
    )
    .bind(json!(names).to_string())
    .bind(json!(numbers).to_string())
    .fetch_all(&mut *connection)
    .await
    .map_err(reading("units"))?;
    for row in &rows {
        let code: String = row.get("code");
        if let Some(number) = row.get::<Option<String>, _>("uscc") {
            resolved.by_uscc.insert(number, code.clone());
        }
        resolved.by_name.insert(row.get("name"), code);
    }
    let mut missing: Vec<_> = wanted
        .into_iter()
        .filter(|((name, number), _)| match number {
            Some(number) => !resolved.by_uscc.contains_key(number),
            None => !resolved.by_name.contains_key(name),
        })
        .collect();
    // Units with a credit code first: a row that gives only the name then means that one.
    missing.sort_by(|((a, x), _), ((b, y), _)| (x.is_none(), a).cmp(&(y.is_none(), b)));
    let mut rows = Vec::new();
    let mut history = Vec::new();
    for ((name, number), (kind, area)) in missing {
        let taken = match &number {
            Some(number) => resolved.by_uscc.contains_key(number),
            None => resolved.by_name.contains_key(&name),
        };
        if taken {
            continue;
        }
        let code = code_of(&name, number.as_deref());
        history.push(HistoryLine {
            subject: format!("unit:{code}"),
            field: "name".to_owned(),
            old: String::new(),
            new: name.clone(),
        });
        rows.push(json!([code, name, kind, number, area, act.now.0]));
        if let Some(number) = number {
            resolved.by_uscc.insert(number, code.clone());
        }
        resolved.by_name.insert(name, code);
    }
    sqlx::query(
        "INSERT OR IGNORE INTO units (code, name, kind, uscc, area, revision, changed) SELECT value->>0, value->>1, \
         value->>2, value->>3, value->>4, 1, value->>5 FROM json_each($1)",
    )
    .bind(json!(rows).to_string())
    .execute(&mut *connection)
    .await
    .map_err(writing("units"))?;
    write_history(connection, act, &history).await?;
    Ok(resolved)
}
