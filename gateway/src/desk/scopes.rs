//! Whose each piece of equipment is and where, in one table every list can be filtered by.
//!
//! The catalog's register facts say it at the start; where the register knows better, it says so with
//! [`register`], and the catalog does not change that any more.

use crate::desk::{read, write};
use crate::store::{Db, StoreError};
use sqlx::{Pool, SqliteConnection};
use std::collections::HashMap;
use std::sync::Arc;
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::people::{Scope, ScopeRef};

const WHAT: &str = "scopes of equipment";

/// What the catalog says about whose a piece of equipment is.
#[must_use]
pub fn of_catalog(equipment: &Equipment) -> ScopeRef<'_> {
    let fact = |key| equipment.register.get(key);
    ScopeRef {
        use_unit: fact("use_unit"),
        maintenance_unit: fact("maintenance_unit"),
        inspection_body: fact("inspection_body"),
        area: fact("area_code").unwrap_or_default(),
    }
}

type Row = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    bool,
);

/// Brings the table up to the catalog. Equipment that is no longer in it keeps its scope: its hazards stay.
///
/// # Errors
/// The database cannot be read or written.
pub async fn sync(connection: &mut SqliteConnection, catalog: &Catalog) -> Result<(), StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT equipment, use_unit, maintenance_unit, inspection_body, area, node, registered FROM equipment_scopes",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(read(WHAT))?;
    let known: HashMap<&str, &Row> = rows.iter().map(|row| (&*row.0, row)).collect();
    for equipment in &catalog.equipment {
        let scope = of_catalog(equipment);
        let same = |row: &&&Row| {
            let (_, use_unit, maintenance_unit, inspection_body, area, node, registered) = **row;
            let said = ScopeRef {
                use_unit: use_unit.as_deref(),
                maintenance_unit: maintenance_unit.as_deref(),
                inspection_body: inspection_body.as_deref(),
                area,
            };
            (*registered || said == scope) && node.as_deref() == Some(&*equipment.node)
        };
        if known.get(&*equipment.id).filter(same).is_some() {
            continue;
        }
        sqlx::query(
            "INSERT INTO equipment_scopes VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT (equipment) DO UPDATE SET \
             use_unit = iif(registered, use_unit, excluded.use_unit), \
             maintenance_unit = iif(registered, maintenance_unit, excluded.maintenance_unit), \
             inspection_body = iif(registered, inspection_body, excluded.inspection_body), \
             area = iif(registered, area, excluded.area), node = excluded.node",
        )
        .bind(&*equipment.id)
        .bind(scope.use_unit)
        .bind(scope.maintenance_unit)
        .bind(scope.inspection_body)
        .bind(scope.area)
        .bind(&*equipment.node)
        .execute(&mut *connection)
        .await
        .map_err(write(WHAT))?;
    }
    Ok(())
}

/// The register says whose a piece of equipment is. Tell [`crate::people::Scopes::set`] too once it is committed.
///
/// # Errors
/// The database cannot be written.
pub async fn register(
    connection: &mut SqliteConnection,
    equipment: &str,
    scope: &Scope,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO equipment_scopes VALUES ($1, $2, $3, $4, $5, NULL, 1) ON CONFLICT (equipment) DO UPDATE SET \
         use_unit = excluded.use_unit, maintenance_unit = excluded.maintenance_unit, \
         inspection_body = excluded.inspection_body, area = excluded.area, registered = 1",
    )
    .bind(equipment)
    .bind(scope.use_unit.as_deref())
    .bind(scope.maintenance_unit.as_deref())
    .bind(scope.inspection_body.as_deref())
    .bind(&*scope.area)
    .execute(connection)
    .await
    .map_err(write(WHAT))?;
    Ok(())
}

/// The same for many at once, in one statement.
///
/// # Errors
/// The database cannot be written.
pub async fn register_all(
    connection: &mut SqliteConnection,
    scopes: &[(&str, Scope)],
) -> Result<(), StoreError> {
    let rows: Vec<_> = scopes
        .iter()
        .map(|(id, scope)| {
            let unit = |unit: &Option<Arc<str>>| unit.as_deref().map(str::to_owned);
            let units = [
                unit(&scope.use_unit),
                unit(&scope.maintenance_unit),
                unit(&scope.inspection_body),
            ];
            (*id, units, scope.area.to_string())
        })
        .collect();
    sqlx::query(
        "INSERT INTO equipment_scopes SELECT value->>0, value->1->>0, value->1->>1, value->1->>2, value->>2, NULL, 1 \
         FROM json_each($1) WHERE true ON CONFLICT (equipment) DO UPDATE SET \
         use_unit = excluded.use_unit, maintenance_unit = excluded.maintenance_unit, \
         inspection_body = excluded.inspection_body, area = excluded.area, registered = 1",
    )
    .bind(serde_json::to_string(&rows).unwrap_or_default())
    .execute(connection)
    .await
    .map_err(write(WHAT))?;
    Ok(())
}

/// Whose a piece of equipment is, whoever said so; `None`: neither the catalog nor the register knows it.
///
/// # Errors
/// The database cannot be read.
pub async fn known(pool: &Pool<Db>, equipment: &str) -> Result<Option<Scope>, StoreError> {
    type Known = (Option<String>, Option<String>, Option<String>, String);
    let row: Option<Known> = sqlx::query_as(
        "SELECT use_unit, maintenance_unit, inspection_body, area FROM equipment_scopes WHERE equipment = $1",
    )
    .bind(equipment)
    .fetch_optional(pool)
    .await
    .map_err(read(WHAT))?;
    Ok(
        row.map(|(use_unit, maintenance_unit, inspection_body, area)| Scope {
            use_unit: use_unit.map(Into::into),
            maintenance_unit: maintenance_unit.map(Into::into),
            inspection_body: inspection_body.map(Into::into),
            area: area.into(),
        }),
    )
}

/// All that the catalog alone does not say: what the register said, and equipment that left the catalog.
///
/// # Errors
/// The database cannot be read.
pub async fn beyond(pool: &Pool<Db>, catalog: &Catalog) -> Result<HashMap<Arc<str>, Scope>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT equipment, use_unit, maintenance_unit, inspection_body, area, node, registered FROM equipment_scopes",
    )
    .fetch_all(pool)
    .await
    .map_err(read(WHAT))?;
    let others = rows
        .into_iter()
        .filter(|row| row.6 || !catalog.by_id.contains_key(&*row.0));
    Ok(others
        .map(|(id, use_unit, maintenance_unit, inspection_body, area, ..)| {
            let scope = Scope {
                use_unit: use_unit.map(Into::into),
                maintenance_unit: maintenance_unit.map(Into::into),
                inspection_body: inspection_body.map(Into::into),
                area: area.into(),
            };
            (id.into(), scope)
        })
        .collect())
}
