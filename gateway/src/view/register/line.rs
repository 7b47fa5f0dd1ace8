//! The register as a list.

use super::{Sentence, category_name};
use crate::app::App;
use crate::desk::register::ListRow;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::calendar::Standing;

/// One line of the register.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterLine {
    /// Equipment id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Catalogue code.
    pub category: String,
    /// Its name.
    pub category_name: Sentence,
    /// Area code.
    pub area: String,
    /// `in_use`, `out_of_use`, `scrapped`, `cancelled`.
    pub state: &'static str,
    /// Where it stands.
    pub location: String,
    /// 使用登记证编号.
    pub registration_no: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// The first thing due.
    #[schema(value_type = Option<String>, format = Date)]
    pub next_due: Option<Date>,
    /// How that stands today.
    pub standing: Option<&'static str>,
    /// Inspection due.
    #[schema(value_type = Option<String>, format = Date)]
    pub inspection_due: Option<Date>,
    /// Data quality, 0 to 100.
    pub score: u8,
    /// Findings to be put right.
    pub wrong: u32,
    /// Whether telemetry of it is taken in.
    pub watched: bool,
}

impl RegisterLine {
    /// A line as of today.
    #[must_use]
    pub fn of(app: &App, row: ListRow, today: Date) -> Self {
        Self {
            category_name: category_name(&row.category),
            standing: row.next_due.map(|due| Standing::of(due, today).key()),
            watched: app.catalog.by_id.contains_key(row.id.as_str()),
            state: row.state.key(),
            id: row.id,
            name: row.name,
            category: row.category,
            area: row.area,
            location: row.location,
            registration_no: row.registration_no,
            use_unit: row.use_unit,
            use_unit_name: row.use_unit_name,
            next_due: row.next_due,
            inspection_due: row.inspection_due,
            score: row.score,
            wrong: row.wrong,
        }
    }
}

/// A page of the register.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterPage {
    /// Lines.
    pub equipment: Vec<RegisterLine>,
    /// Where the next page starts: value of `after`.
    pub next: Option<String>,
    /// Matches, counted to 10001.
    pub total: u64,
}
