//! Who sees what, as SQL: lists are filtered by scope in the database, never after the limit.

use super::register::{RegisterError, Unit, scope_of, unit};
use crate::store::{Db, Desk};
use sqlx::QueryBuilder;
use vigil_core::people::{Person, Role, Scope};

/// Adds `AND …` so that only rows remain that concern `person`. `columns` is the alias of a table with the columns
/// `use_unit`, `maintenance_unit`, `inspection_body` and `area`, with its dot, or empty. The same as
/// [`Person::sees`], row by row.
pub fn push_scope(query: &mut QueryBuilder<Db>, person: &Person, columns: &str) {
    let own = match person.role {
        Role::Administrator => return,
        Role::Site => "use_unit",
        Role::Maintainer => "maintenance_unit",
        Role::InspectionBody => "inspection_body",
        Role::Regulator | Role::Department => {
            if person.areas.iter().any(|area| area.is_empty()) {
                return;
            }
            if person.areas.is_empty() {
                query.push(" AND 0");
                return;
            }
            query.push(" AND (0");
            for area in &person.areas {
                query.push(" OR ");
                push_prefix(query, columns, "area", area);
            }
            query.push(")");
            return;
        }
    };
    match &person.unit {
        Some(unit) => {
            query
                .push(format!(" AND {columns}{own} = "))
                .push_bind(unit.to_string());
        }
        // Nobody's is not everybody's.
        None => drop(query.push(" AND 0")),
    }
}

/// Adds that a column begins with `prefix`, in a form an index can serve.
pub fn push_prefix(query: &mut QueryBuilder<Db>, columns: &str, column: &str, prefix: &str) {
    query
        .push(format!("({columns}{column} >= "))
        .push_bind(prefix.to_owned())
        .push(format!(" AND {columns}{column} < "))
        // The last character there is: behind whatever follows the prefix.
        .push_bind(format!("{prefix}\u{10ffff}"))
        .push(")");
}

/// Refuses equipment that is not in the register, or out of scope.
///
/// # Errors
/// See above; the database cannot be read.
pub async fn of_id(desk: &Desk, person: &Person, id: &str) -> Result<Scope, RegisterError> {
    let scope = scope_of(desk, id).await?;
    scope
        .filter(|scope| person.sees(scope))
        .ok_or_else(|| RegisterError::NotFound {
            what: "equipment",
            id: id.to_owned(),
        })
}

/// A unit, if it is there and in scope: a unit sees itself, authorities those of their area.
///
/// # Errors
/// See above; the database cannot be read.
pub async fn of_unit(desk: &Desk, person: &Person, code: &str) -> Result<Unit, RegisterError> {
    let found = unit(desk, code).await?.filter(|unit| {
        let own: Option<std::sync::Arc<str>> = Some(unit.code.as_str().into());
        person.sees(&Scope {
            use_unit: own.clone(),
            maintenance_unit: own.clone(),
            inspection_body: own,
            area: unit.facts.area.as_str().into(),
        })
    });
    found.ok_or_else(|| RegisterError::NotFound {
        what: "unit",
        id: code.to_owned(),
    })
}
