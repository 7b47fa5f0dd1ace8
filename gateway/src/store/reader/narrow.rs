//! How hazards are looked for: in narrow rows, by one index that is named. The database knows nothing of how rare a value
//! is, and the worst of its choices reads a million rows one by one.

use super::hazards::{HazardFilter, HazardOrder};
use crate::store::Db;
use crate::store::keys::word;
use sqlx::QueryBuilder;
use vigil_core::hazard::{HazardSource, HazardStatus};
use vigil_core::people::Sight;

/// Statuses in which a hazard still has to be dealt with, as in the index.
const OPEN: &str = "('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted')";

/// `hazard_numbers h … WHERE …`, with the index the filter is best looked for by; with words by theirs, as table `t`.
pub(super) fn push_matching(query: &mut QueryBuilder<Db>, filter: &HazardFilter, search: Option<String>) {
    match search {
        // The order of the tables is ours: any other would ask the index of words once for each hazard.
        Some(words) => query
            .push("hazard_text t CROSS JOIN hazard_numbers h ON h.n = t.rowid WHERE hazard_text MATCH ")
            .push_bind(words),
        None => query.push(format!(
            "hazard_numbers h INDEXED BY {} WHERE 1 = 1",
            index_of(filter)
        )),
    };
    restrict(query, filter);
}

/// The index for a filter: what few have first; what many have has every other filter as a column.
pub(super) fn index_of(filter: &HazardFilter) -> &'static str {
    let whole_area = |area: &str| area.chars().count() == 6;
    let in_county = match &filter.sight {
        Some(Sight::Areas(areas)) => matches!(&areas[..], [area] if whole_area(area)),
        _ => false,
    };
    match &filter.sight {
        _ if filter.equipment.is_some() => "found_equipment",
        Some(Sight::UseUnit(_)) => "found_used",
        _ if filter.use_unit.is_some() => "found_used",
        Some(Sight::MaintenanceUnit(_)) => "found_maintained",
        Some(Sight::InspectionBody(_)) => "found_inspected",
        _ if filter.overdue == Some(true) => "found_overdue",
        _ if filter.listed == Some(true) => "found_listed",
        _ if filter.repeated == Some(true) => "found_repeated",
        _ if filter.look_back => "found_look_back",
        _ if filter.extension => "found_extension",
        _ if filter.order == HazardOrder::Due || filter.due_before.is_some() => "found_due",
        _ if in_county || filter.area.as_deref().is_some_and(whole_area) => "found_area",
        _ if filter.unit.is_some() => "found_unit",
        _ if filter.status.is_some_and(|status| status != HazardStatus::Closed) => "found_status",
        _ if filter.open == Some(true) => "found_open",
        _ if filter
            .source
            .is_some_and(|source| source != HazardSource::Telemetry) =>
        {
            "found_source"
        }
        _ if filter.category.is_some() => "found_category",
        _ => "found_newest",
    }
}

/// What the filter says, of `h`.
pub(super) fn restrict(query: &mut QueryBuilder<Db>, filter: &HazardFilter) {
    if let Some(sight) = &filter.sight {
        in_sight(query, sight);
    }
    if let Some(status) = &filter.status {
        if *status != HazardStatus::Closed {
            // Only so can its index be used.
            query.push(" AND h.status <> 'closed'");
        }
        query.push(" AND h.status = ").push_bind(word(status));
    }
    match filter.open {
        Some(true) => query.push(" AND h.status IN ").push(OPEN),
        Some(false) => query.push(" AND h.status NOT IN ").push(OPEN),
        None => query,
    };
    if let Some(grade) = &filter.grade {
        query.push(" AND h.grade = ").push_bind(word(grade));
    }
    if let Some(severity) = &filter.severity {
        query.push(" AND h.severity = ").push_bind(word(severity));
    }
    for (column, value) in [
        (" AND h.equipment = ", &filter.equipment),
        (" AND h.unit IS NOT NULL AND h.unit = ", &filter.unit),
        (" AND h.use_unit IS NOT NULL AND h.use_unit = ", &filter.use_unit),
        (" AND h.category <> '' AND h.category = ", &filter.category),
    ] {
        if let Some(value) = value {
            query.push(column).push_bind(value.clone());
        }
    }
    if let Some(area) = &filter.area {
        query.push(" AND ");
        in_area(query, area);
    }
    if let Some(source) = &filter.source {
        if *source != HazardSource::Telemetry {
            query.push(" AND h.source <> 'telemetry'");
        }
        query.push(" AND h.source = ").push_bind(word(source));
    }
    for (yes, no, wanted) in [
        (" AND h.overdue = 1", " AND h.overdue = 0", filter.overdue),
        (
            " AND h.listed IS NOT NULL",
            " AND h.listed IS NULL",
            filter.listed,
        ),
        (" AND h.repeats > 0", " AND h.repeats = 0", filter.repeated),
    ] {
        if let Some(wanted) = wanted {
            query.push(if wanted { yes } else { no });
        }
    }
    if let Some(before) = filter.due_before {
        query
            .push(" AND h.due IS NOT NULL AND h.due < ")
            .push_bind(before.0);
    }
    if filter.order == HazardOrder::Due {
        query.push(" AND h.due IS NOT NULL");
    }
    if let Some(unit) = &filter.responsible {
        query
            .push(" AND (h.unit IS NULL OR h.unit = ")
            .push_bind(unit.clone())
            .push(")");
    }
    if filter.look_back {
        query.push(" AND h.look_back_since IS NOT NULL");
    }
    if filter.extension {
        query.push(" AND h.extension_due IS NOT NULL");
    }
    if let Some(from) = filter.from {
        query.push(" AND h.opened_at >= ").push_bind(from.0);
    }
    if let Some(to) = filter.to {
        query.push(" AND h.opened_at < ").push_bind(to.0);
    }
}

/// What [`Sight::admits`] says, in SQL.
fn in_sight(query: &mut QueryBuilder<Db>, sight: &Sight) {
    let (column, unit) = match sight {
        Sight::Everything => return,
        Sight::Nothing => {
            query.push(" AND 0 = 1");
            return;
        }
        Sight::Areas(areas) => {
            for (at, prefix) in areas.iter().enumerate() {
                query.push(if at == 0 { " AND (" } else { " OR " });
                in_area(query, prefix);
            }
            query.push(if areas.is_empty() { " AND 0 = 1" } else { ")" });
            return;
        }
        Sight::UseUnit(unit) => ("h.use_unit", unit),
        Sight::MaintenanceUnit(unit) => ("h.maintenance_unit", unit),
        Sight::InspectionBody(unit) => ("h.inspection_body", unit),
    };
    query.push(format!(" AND {column} IS NOT NULL AND {column} = "));
    query.push_bind(unit.to_string());
}

/// The area begins with `prefix`; a whole code by its index.
fn in_area(query: &mut QueryBuilder<Db>, prefix: &str) {
    match prefix.chars().count() {
        6 => query.push("h.area = "),
        length => query.push(format!("substr(h.area, 1, {length}) = ")),
    };
    query.push_bind(prefix.to_owned());
}
