//! One piece of equipment: its entry, its accessories, its changes.

use super::{DueView, FindingView, Sentence, category_name, shown_facts};
use crate::app::App;
use crate::desk::register::{Accessory as AccessoryRow, Entry, HistoryRow, Saved};
use crate::view::time::Time;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::register::Field;

/// An accessory.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AccessoryView {
    /// Number here.
    pub id: i64,
    /// Counts its changes.
    pub revision: i64,
    /// `safety_valve`, `bursting_disc`, `pressure_gauge`, `governor`, `shutoff_valve`, `other`.
    pub kind: String,
    /// Number on it.
    pub number: String,
    /// Model.
    pub model: String,
    /// Where it sits.
    pub place: String,
    /// Set pressure, gauge, MPa.
    pub set_pressure_mpa: Option<f64>,
    /// Last calibration.
    #[schema(value_type = Option<String>, format = Date)]
    pub done: Option<Date>,
    /// Next calibration, if somebody has said.
    #[schema(value_type = Option<String>, format = Date)]
    pub due: Option<Date>,
}

impl From<&AccessoryRow> for AccessoryView {
    fn from(row: &AccessoryRow) -> Self {
        let facts = row.facts.clone();
        Self {
            id: row.n,
            revision: row.revision,
            kind: facts.kind,
            number: facts.number,
            model: facts.model,
            place: facts.place,
            set_pressure_mpa: facts.set_pressure_mpa,
            done: facts.done,
            due: facts.due,
        }
    }
}

/// Everything the register holds about one piece of equipment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterEntry {
    /// Equipment id.
    pub id: String,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// Facts by key, in canonical form. Facts about persons are there only for who is signed in.
    pub facts: BTreeMap<&'static str, String>,
    /// Name of the category.
    pub category_name: Sentence,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Code of the maintenance unit.
    pub maintenance_unit: Option<String>,
    /// Code of the inspection body.
    pub inspection_body: Option<String>,
    /// When it came.
    pub created: Time,
    /// Last change.
    pub changed: Time,
    /// Data quality, 0 to 100.
    pub score: u8,
    /// What is wrong with it today.
    pub findings: Vec<FindingView>,
    /// What is due.
    pub due: Vec<DueView>,
    /// Its accessories.
    pub accessories: Vec<AccessoryView>,
    /// Whether telemetry of it is taken in.
    pub watched: bool,
}

impl RegisterEntry {
    /// An entry as of today.
    #[must_use]
    pub fn of(app: &App, entry: &Entry, today: Date, personal: bool) -> Self {
        let unit = |unit: &Option<Arc<str>>| unit.as_deref().map(str::to_owned);
        let mut due: Vec<DueView> = entry
            .dues
            .iter()
            .map(|due| DueView::of_entry(entry, due, today))
            .collect();
        due.sort_by_key(|due| due.due);
        Self {
            facts: shown_facts(&entry.record, personal),
            category_name: category_name(entry.record.text(Field::Category)),
            use_unit: unit(&entry.scope.use_unit),
            maintenance_unit: unit(&entry.scope.maintenance_unit),
            inspection_body: unit(&entry.scope.inspection_body),
            created: entry.created.into(),
            changed: entry.changed.into(),
            score: entry.score,
            findings: entry.findings.iter().map(FindingView::from).collect(),
            due,
            accessories: entry.accessories.iter().map(AccessoryView::from).collect(),
            watched: app.catalog.by_id.contains_key(entry.id.as_str()),
            revision: entry.revision,
            id: entry.id.clone(),
        }
    }
}

/// What a change came to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterSaved {
    /// Equipment id.
    pub id: String,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// What is wrong with it now.
    pub findings: Vec<FindingView>,
}

impl From<&Saved> for RegisterSaved {
    fn from(saved: &Saved) -> Self {
        Self {
            id: saved.id.clone(),
            revision: saved.revision,
            findings: saved.findings.iter().map(FindingView::from).collect(),
        }
    }
}

/// One change of the register.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterChange {
    /// Number: value of `before`.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: String,
    /// By what way: `page`, `api`, `command`, `import:N`.
    pub source: String,
    /// Key of the fact; `*`: all of it; `accessory:N`.
    pub field: String,
    /// As it was.
    pub old: String,
    /// As it became.
    pub new: String,
}

impl From<HistoryRow> for RegisterChange {
    fn from(row: HistoryRow) -> Self {
        Self {
            id: row.n,
            at: row.at.into(),
            actor: row.actor,
            source: row.source,
            field: row.field,
            old: row.old,
            new: row.new,
        }
    }
}
