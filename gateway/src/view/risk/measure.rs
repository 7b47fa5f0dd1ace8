//! Control measures, their checks and their failures.

use super::{colour_word, kind_word};
use crate::desk::risk::{CheckRow, EpisodeRow, Measure, MeasureRow, id_of};
use crate::view::time::Time;
use crate::view::words::Word;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::risk::Scheme;

/// A control measure.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MeasureView {
    /// Number.
    pub id: i64,
    /// Its revision: the `ETag`.
    pub revision: i64,
    /// Its risk point.
    pub point: String,
    /// `engineering`, `management`, `training`, `ppe` or `emergency`.
    pub kind: Word,
    /// What is done.
    pub text: String,
    /// Who sees to it; shown to who is signed in.
    pub owner: Option<String>,
    /// It is checked every so many days.
    pub period_days: u16,
    /// When it was last checked; `null`: never.
    #[schema(value_type = Option<String>, format = Date)]
    pub last_check: Option<Date>,
    /// Whether it had failed then; `null`: never checked.
    pub failed: Option<bool>,
    /// When it is to be checked next.
    #[schema(value_type = String, format = Date)]
    pub next_check: Date,
    /// Days until then; negative: so many days overdue.
    pub days: i32,
    /// No longer taken.
    pub retired: bool,
}

impl MeasureView {
    /// A measure as of today.
    #[must_use]
    pub fn of(measure: Measure, today: Date, personal: bool) -> Self {
        let facts = measure.facts;
        Self {
            id: measure.n,
            revision: measure.revision,
            point: id_of(measure.point),
            kind: kind_word(facts.kind),
            text: facts.text,
            owner: personal.then_some(facts.owner),
            period_days: facts.period_days,
            last_check: measure.last_check,
            failed: measure.failed,
            next_check: measure.next_check,
            days: (measure.next_check - today).get_days(),
            retired: facts.retired,
        }
    }
}

/// A measure in a list of what is to be checked.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MeasureLine {
    /// The measure.
    #[serde(flatten)]
    pub measure: MeasureView,
    /// Name of its risk point.
    pub point_name: String,
    /// Equipment of that.
    pub equipment: Option<String>,
    /// Colour of that; `null`: nobody has assessed it.
    pub colour: Option<Word>,
    /// Area code.
    pub area: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
}

impl MeasureLine {
    /// A line as of today.
    #[must_use]
    pub fn of(scheme: &'static Scheme, row: MeasureRow, today: Date, personal: bool) -> Self {
        Self {
            area: row.measure.scope.area.to_string(),
            use_unit: row.measure.scope.use_unit.as_deref().map(str::to_owned),
            measure: MeasureView::of(row.measure, today, personal),
            point_name: row.point_name,
            equipment: row.equipment,
            colour: row.colour.map(|colour| colour_word(scheme, colour)),
        }
    }
}

/// What is to be checked.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Measures {
    /// Measures, the first due first.
    pub measures: Vec<MeasureLine>,
    /// Where the next page starts: value of `after`.
    pub next: Option<String>,
    /// Matches, counted to 10001.
    pub total: u64,
}

/// A failure of a measure, from the first check that fails to the first that passes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FailureView {
    /// Number of the measure.
    pub measure: i64,
    /// Since when.
    pub since: Time,
    /// Until when; `null`: it lasts.
    pub ended_at: Option<Time>,
    /// The hazard opened for it; `null`: it is being opened.
    pub hazard: Option<String>,
}

impl From<EpisodeRow> for FailureView {
    fn from(row: EpisodeRow) -> Self {
        Self {
            measure: row.measure,
            since: Time(row.since),
            ended_at: row.ended_at.map(Time),
            hazard: row.hazard,
        }
    }
}

/// A check of a measure.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CheckView {
    /// Number.
    pub id: i64,
    /// When it was entered.
    pub at: Time,
    /// When somebody looked.
    #[schema(value_type = String, format = Date)]
    pub checked_on: Date,
    /// Login of who did; shown to who is signed in.
    pub by: Option<String>,
    /// Whether the measure does what it should.
    pub passed: bool,
    /// What was found, in words.
    pub remark: String,
    /// The hazard of the failure it belongs to.
    pub hazard: Option<String>,
}

impl CheckView {
    /// A check as shown.
    #[must_use]
    pub fn of(row: CheckRow, personal: bool) -> Self {
        Self {
            id: row.n,
            at: Time(row.at),
            checked_on: row.checked_on,
            by: personal.then_some(row.by),
            passed: row.passed,
            remark: row.remark,
            hazard: row.hazard,
        }
    }
}
