//! The register of equipment (设备台账), as far as it can be decided without a database: what a cell says, what a
//! record has wrong and how it is mended (data cleaning rules DQ01–DQ13), what an import would change.
//!
//! ```text
//! cell ─► text (tidied) ─► field (date, number, word) ─► Record ─► check (findings, score) ─► plan (difference)
//! ```
//! A finding names row, column, what is wrong and the fix; only what is certain is corrected without asking.

mod category;
mod cell;
mod check;
mod codes;
mod columns;
mod date;
mod field;
mod finding;
mod measure;
mod plan;
mod read;
mod record;
mod running;
mod state;
mod text;
mod words;

pub use category::{
    Category, LiftCode, categories, category, category_named, kind_of, lift_code, registration_word,
};
pub use cell::Cell;
pub(crate) use check::life_ends;
pub use check::{check, score};
pub use codes::{RegistrationNo, Uscc, area_code, equipment_code, registration_code, registration_no, uscc};
pub use columns::{ColumnMatch, Sureness, header_row, match_columns};
pub use date::{DateError, Precision, ReadDate, read_date};
pub use field::{Field, Group, Kind};
pub use finding::{Finding, Level, Rule, Words};
pub use plan::{Change, Identity, Outcome, compare, identities, merge};
pub use read::{ReadRow, read_cell, read_row};
pub use record::Record;
pub use running::{DayRun, HourMeans, RunSource, run_of_day, run_sources};
pub use state::{Condition, RunningEvidence, StateFinding, judge};
pub use text::{defused, is_nothing, tidy};
pub use words::{Conclusion, PlaceType, UseState};
