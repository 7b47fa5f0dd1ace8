//! What is due, and how far what was due is done.

use super::Sentence;
use crate::desk::calendar::{CoverageRow, DueRow};
use crate::desk::register::Entry;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::calendar::{Basis, Due, Standing};
use vigil_core::register::{Field, category};

/// Something due.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DueView {
    /// Key of the obligation.
    pub obligation: &'static str,
    /// Its name.
    pub title: Sentence,
    /// When.
    #[schema(value_type = String, format = Date)]
    pub due: Date,
    /// How it stands today: `overdue`, `within_30`, `within_60`, `later`.
    pub standing: &'static str,
    /// Days from today; negative when overdue.
    pub days: i32,
    /// Where the date comes from: `stated`, `since_last`, `since_anchor`.
    pub basis: String,
    /// Where the schedule stands.
    pub source: String,
    /// Whether the schedule still has to be verified (未核实).
    pub unverified: bool,
    /// Equipment id; empty for a person's certificate.
    pub equipment: String,
    /// Name of the equipment; of the person only for who is signed in.
    pub name: String,
    /// Accessory or certificate it is due for.
    pub part: String,
    /// Catalogue code.
    pub category: String,
    /// Area code.
    pub area: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
}

impl DueView {
    /// A line of the calendar.
    #[must_use]
    pub fn of(row: DueRow, today: Date, personal: bool) -> Self {
        let person = row.equipment.is_empty();
        Self {
            obligation: row.obligation.key(),
            title: row.obligation.titles().into(),
            due: row.due,
            standing: row.standing.key(),
            days: (row.due - today).get_days(),
            basis: row.basis,
            source: row.source,
            unverified: row.unverified,
            equipment: row.equipment,
            name: if person && !personal {
                String::new()
            } else {
                row.name
            },
            part: row.part,
            category: row.category,
            area: row.area,
            use_unit: row.use_unit,
            use_unit_name: row.use_unit_name,
        }
    }

    pub(super) fn of_entry(entry: &Entry, (due, part): &(Due, String), today: Date) -> Self {
        let basis = match due.basis {
            Basis::Stated => "stated",
            Basis::SinceLast => "since_last",
            Basis::SinceAnchor => "since_anchor",
        };
        Self {
            obligation: due.obligation.key(),
            title: due.obligation.titles().into(),
            due: due.due,
            standing: Standing::of(due.due, today).key(),
            days: (due.due - today).get_days(),
            basis: basis.to_owned(),
            source: due.source.clone(),
            unverified: due.unverified,
            equipment: entry.id.clone(),
            name: entry.record.text(Field::Name).to_owned(),
            part: part.clone(),
            category: entry.record.text(Field::Category).to_owned(),
            area: entry.record.text(Field::Area).to_owned(),
            use_unit: entry.scope.use_unit.as_deref().map(str::to_owned),
            use_unit_name: entry.record.get(Field::UseUnit).map(str::to_owned),
        }
    }
}

/// How far equipment in use is inspected in time and insured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct CoverageView {
    /// Area code, beginning of the category code, or code of the unit; empty for all and for nobody's.
    pub key: String,
    /// Name of the class or the unit.
    pub name: Option<Sentence>,
    /// In use.
    pub in_use: u64,
    /// Of those, registered.
    pub registered: u64,
    /// Of those registered, inspected on time.
    pub inspected: u64,
    /// `inspected / registered`, percent; `null` when nothing is registered.
    pub inspection_percent: Option<f64>,
    /// Of those in use, insured today.
    pub insured: u64,
    /// `insured / in_use`, percent; `null` when nothing is in use.
    pub insurance_percent: Option<f64>,
    /// Of those in use, whose next inspection nobody knows.
    pub inspection_unknown: u64,
}

impl CoverageView {
    /// A line; `class`: its key is the beginning of a category code.
    #[must_use]
    pub fn of(row: &CoverageRow, class: bool) -> Self {
        let name = if class && !row.key.is_empty() {
            category(&format!("{:0<4}", row.key)).map(|one| (one.name_zh, one.name_en).into())
        } else {
            row.name.as_deref().map(|name| (name, name).into())
        };
        Self {
            key: row.key.clone(),
            name,
            in_use: row.in_use,
            registered: row.registered,
            inspected: row.inspected,
            inspection_percent: row.inspection_percent(),
            insured: row.insured,
            insurance_percent: row.insurance_percent(),
            inspection_unknown: row.inspection_unknown,
        }
    }
}
