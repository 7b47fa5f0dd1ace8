//! Lists filtered by what somebody sees, in the query itself: never behind its limit.

use sqlx::{QueryBuilder, Sqlite};
use vigil_core::people::Sight;

/// Adds ` AND …` that keeps the rows whose equipment, named in `column`, is in sight.
pub fn push_seen(query: &mut QueryBuilder<Sqlite>, column: &str, sight: &Sight) {
    match sight {
        Sight::Everything => {}
        Sight::Nothing => drop(query.push(" AND 0")),
        // A unit has little equipment: the list is found by it.
        Sight::UseUnit(unit) => owned(query, column, "use_unit", unit),
        Sight::MaintenanceUnit(unit) => owned(query, column, "maintenance_unit", unit),
        Sight::InspectionBody(unit) => owned(query, column, "inspection_body", unit),
        // An area has much: each row of the list is looked up.
        Sight::Areas(_) => {
            query
                .push(" AND EXISTS (SELECT 1 FROM equipment_scopes s WHERE s.equipment = ")
                .push(column);
            push_scope(query, "s.", sight);
            query.push(")");
        }
    }
}

/// Adds ` AND …` that keeps the rows whose node, named in `column`, carries equipment in sight.
pub fn push_node_seen(query: &mut QueryBuilder<Sqlite>, column: &str, sight: &Sight) {
    if sight.is_everything() {
        return;
    }
    query
        .push(" AND ")
        .push(column)
        .push(" IN (SELECT node FROM equipment_scopes WHERE node IS NOT NULL");
    push_scope(query, "", sight);
    query.push(")");
}

fn owned(query: &mut QueryBuilder<Sqlite>, column: &str, owner: &str, unit: &str) {
    query.push(" AND ").push(column);
    query.push(" IN (SELECT equipment FROM equipment_scopes WHERE ");
    query.push(owner).push(" = ").push_bind(unit.to_owned()).push(")");
}

/// Adds ` AND …` over the columns of a table that says itself whose a row is: `use_unit`, `maintenance_unit`,
/// `inspection_body`, `area`, each behind `prefix` (such as `h.`).
pub fn push_scope(query: &mut QueryBuilder<Sqlite>, prefix: &str, sight: &Sight) {
    let mut own = |column: &str, unit: &str| {
        query.push(" AND ").push(prefix).push(column).push(" = ");
        query.push_bind(unit.to_owned());
    };
    match sight {
        Sight::Everything => {}
        Sight::Nothing => drop(query.push(" AND 0")),
        Sight::UseUnit(unit) => own("use_unit", unit),
        Sight::MaintenanceUnit(unit) => own("maintenance_unit", unit),
        Sight::InspectionBody(unit) => own("inspection_body", unit),
        Sight::Areas(areas) => {
            query.push(" AND (0");
            for area in areas {
                // Digits end before `:`.
                query
                    .push(" OR (")
                    .push(prefix)
                    .push("area >= ")
                    .push_bind(area.to_string());
                query.push(" AND ").push(prefix).push("area < ");
                query.push_bind(format!("{area}:")).push(")");
            }
            query.push(")");
        }
    }
}
