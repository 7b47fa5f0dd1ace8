//! Who sees what, as SQL: lists are filtered by scope in the database, never after the limit.

use crate::store::Db;
use sqlx::QueryBuilder;
use vigil_core::people::{Person, Role};

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
