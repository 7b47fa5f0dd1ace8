//! Risk points and their assessments.

use super::{FailureView, MeasureView, colour_word, is_watched, name_of, tier_word};
use crate::app::App;
use crate::desk::risk::{AssessmentRow, EpisodeRow, Measure, Point, PointRow, id_of};
use crate::view::time::Time;
use crate::view::words::Word;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use vigil_core::risk::Scheme;

/// A risk point in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RiskPointLine {
    /// Such as `RP-000042`.
    pub id: String,
    /// 风险点名称.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// 危险因素.
    pub factor: String,
    /// 可能导致的事故类型.
    pub accident: String,
    /// 依据.
    pub basis: String,
    /// Equipment it belongs to …
    pub equipment: Option<String>,
    /// … what that is called …
    pub equipment_name: Option<String>,
    /// … whether telemetry is expected of it …
    pub watched: bool,
    /// … its category …
    pub category: Option<String>,
    /// … and its registration number; or
    pub registration_no: Option<String>,
    /// the unit it belongs to itself.
    pub unit: Option<String>,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// Area code; empty when nobody has said.
    pub area: String,
    /// Colour; `null`: nobody has assessed it, which is not blue.
    pub colour: Option<Word>,
    /// Key of the method.
    pub method: Option<String>,
    /// Value by factor.
    pub factors: BTreeMap<String, f64>,
    /// Score by that method.
    pub score: Option<f64>,
    /// Who controls it.
    pub tier: Option<Word>,
    /// 责任人; shown to who is signed in.
    pub owner: Option<String>,
    /// How to reach him; likewise.
    pub owner_phone: Option<String>,
    /// 责任单位.
    pub owner_unit: String,
    /// When it was identified.
    #[schema(value_type = String, format = Date)]
    pub identified_on: Date,
    /// When it was last assessed.
    #[schema(value_type = Option<String>, format = Date)]
    pub assessed_on: Option<Date>,
    /// When it is to be assessed again.
    #[schema(value_type = Option<String>, format = Date)]
    pub reassess_on: Option<Date>,
    /// The first check due of its measures; `null`: it has none.
    #[schema(value_type = Option<String>, format = Date)]
    pub next_check: Option<Date>,
    /// A check is overdue.
    pub overdue: bool,
    /// Measures that have failed and not passed since.
    pub failing: u32,
}

impl RiskPointLine {
    /// A line as of today.
    #[must_use]
    pub fn of(app: &App, row: PointRow, today: Date, personal: bool) -> Self {
        let (equipment, unit) = row.of.into_parts();
        let scheme = app.rules.scheme();
        Self {
            id: id_of(row.n),
            name: row.name,
            place: row.place,
            factor: row.factor,
            accident: row.accident,
            basis: row.basis,
            equipment_name: equipment
                .as_deref()
                .and_then(|id| name_of(app, id, row.equipment_name)),
            watched: is_watched(app, equipment.as_deref()),
            category: row.category,
            registration_no: row.registration_no,
            equipment,
            unit,
            use_unit: row.use_unit,
            use_unit_name: row.use_unit_name,
            area: row.area,
            colour: row.colour.map(|colour| colour_word(scheme, colour)),
            method: Some(row.method).filter(|key| !key.is_empty()),
            factors: serde_json::from_str(&row.factors).unwrap_or_default(),
            score: row.score,
            tier: tier_word(scheme, &row.tier),
            owner: personal.then_some(row.owner),
            owner_phone: personal.then_some(row.owner_phone),
            owner_unit: row.owner_unit,
            identified_on: row.identified_on,
            assessed_on: row.assessed_on,
            reassess_on: row.reassess_on,
            overdue: row.next_check.is_some_and(|day| day < today),
            next_check: row.next_check,
            failing: row.failing,
        }
    }
}

/// A page of risk points.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RiskPoints {
    /// The points.
    pub points: Vec<RiskPointLine>,
    /// Where the next page starts: value of `after`.
    pub next: Option<String>,
    /// Matches, counted to 10001.
    pub total: u64,
}

/// A risk point with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RiskPointView {
    /// Such as `RP-000042`.
    pub id: String,
    /// Its revision: the `ETag`.
    pub revision: i64,
    /// 风险点名称.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// 危险因素.
    pub factor: String,
    /// 可能导致的事故类型.
    pub accident: String,
    /// 依据.
    pub basis: String,
    /// Equipment it belongs to, or
    pub equipment: Option<String>,
    /// what that is called;
    pub equipment_name: Option<String>,
    /// the unit it belongs to itself.
    pub unit: Option<String>,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Area code; empty when nobody has said.
    pub area: String,
    /// Colour; `null`: nobody has assessed it, which is not blue.
    pub colour: Option<Word>,
    /// Key of the method.
    pub method: Option<String>,
    /// Value by factor.
    pub factors: BTreeMap<String, f64>,
    /// Score by that method.
    pub score: Option<f64>,
    /// Who controls it.
    pub tier: Option<Word>,
    /// 责任人; shown to who is signed in.
    pub owner: Option<String>,
    /// How to reach him; likewise.
    pub owner_phone: Option<String>,
    /// 责任单位.
    pub owner_unit: String,
    /// When it was identified.
    #[schema(value_type = String, format = Date)]
    pub identified_on: Date,
    /// When it was last assessed.
    #[schema(value_type = Option<String>, format = Date)]
    pub assessed_on: Option<Date>,
    /// When it is to be assessed again.
    #[schema(value_type = Option<String>, format = Date)]
    pub reassess_on: Option<Date>,
    /// The first check due of its measures.
    #[schema(value_type = Option<String>, format = Date)]
    pub next_check: Option<Date>,
    /// Measures that have failed and not passed since.
    pub failing: u32,
    /// No longer there.
    pub retired: bool,
    /// When it changed last.
    pub changed: Time,
    /// Its measures.
    pub measures: Vec<MeasureView>,
    /// Failures of them, latest first, each with its hazard.
    pub failures: Vec<FailureView>,
}

impl RiskPointView {
    /// A risk point as of today.
    #[must_use]
    pub fn of(
        app: &App,
        point: Point,
        measures: &[Measure],
        failures: Vec<EpisodeRow>,
        today: Date,
        personal: bool,
    ) -> Self {
        let (facts, scheme) = (point.facts, app.rules.scheme());
        let (equipment, unit) = point.of.into_parts();
        Self {
            id: id_of(point.n),
            revision: point.revision,
            name: facts.name,
            place: facts.place,
            factor: facts.factor,
            accident: facts.accident,
            basis: facts.basis,
            equipment_name: equipment.as_deref().and_then(|id| name_of(app, id, None)),
            equipment,
            unit,
            use_unit: point.scope.use_unit.as_deref().map(str::to_owned),
            area: point.scope.area.to_string(),
            colour: point.colour.map(|colour| colour_word(scheme, colour)),
            method: Some(point.method).filter(|key| !key.is_empty()),
            factors: point.factors,
            score: point.score,
            tier: tier_word(scheme, &point.tier),
            owner: personal.then_some(facts.owner),
            owner_phone: personal.then_some(facts.owner_phone),
            owner_unit: facts.owner_unit,
            identified_on: point.identified_on,
            assessed_on: point.assessed_on,
            reassess_on: point.reassess_on,
            next_check: point.next_check,
            failing: point.failing,
            retired: facts.retired,
            changed: Time(point.changed),
            measures: measures
                .iter()
                .map(|measure| MeasureView::of(measure.clone(), today, personal))
                .collect(),
            failures: failures.into_iter().map(FailureView::from).collect(),
        }
    }
}

/// An assessment on record.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AssessmentView {
    /// When.
    pub at: Time,
    /// Login of who assessed; shown to who is signed in.
    pub by: Option<String>,
    /// Key of the method.
    pub method: String,
    /// Value by factor.
    pub factors: BTreeMap<String, f64>,
    /// Score.
    pub score: f64,
    /// Colour.
    pub colour: Option<Word>,
    /// Who controls it.
    pub tier: Option<Word>,
    /// Why.
    pub reason: String,
}

impl AssessmentView {
    /// An assessment as shown.
    #[must_use]
    pub fn of(scheme: &'static Scheme, row: AssessmentRow, personal: bool) -> Self {
        Self {
            at: Time(row.at),
            by: personal.then_some(row.by),
            method: row.method,
            factors: row.factors,
            score: row.score,
            colour: row.colour.map(|colour| colour_word(scheme, colour)),
            tier: tier_word(scheme, &row.tier),
            reason: row.reason,
        }
    }
}
