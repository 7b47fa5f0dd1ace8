//! Risks as they are shown: points, measures, checks, ranks, the map, and the scheme they are graded by.

mod scheme;

pub use scheme::{
    BandView, FactSource, FactorView, LevelView, MethodView, SchemeView, StepView, WeightView, risk_scheme,
};

use super::time::Time;
use super::words::Word;
use crate::app::App;
use crate::desk::risk::{
    AssessmentRow, CheckRow, EpisodeRow, MapRow, Measure, MeasureRow, Owner, Point, PointRow, RankRow, id_of,
};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use vigil_core::risk::{Colour, MeasureKind, Part, Scheme, Subject};

/// What a colour is called: key `red`, `orange`, `yellow`, `blue`; title 重大风险 and so on.
#[must_use]
pub fn colour_word(scheme: &'static Scheme, colour: Colour) -> Word {
    match scheme.level(colour) {
        Some(level) => Word {
            key: colour.key(),
            title_zh: &level.zh,
            title_en: &level.en,
        },
        None => Word {
            key: colour.key(),
            title_zh: colour.titles().0,
            title_en: colour.titles().1,
        },
    }
}

/// What a tier is called; a key this version's scheme no longer has stays a key.
fn tier_word(scheme: &'static Scheme, key: &str) -> Option<Word> {
    scheme.tier(key).map(|tier| Word {
        key: &tier.key,
        title_zh: &tier.zh,
        title_en: &tier.en,
    })
}

fn kind_word(kind: MeasureKind) -> Word {
    Word {
        key: kind.key(),
        title_zh: kind.titles().0,
        title_en: kind.titles().1,
    }
}

/// Whether telemetry is expected of a piece of equipment: it is in the catalog.
fn is_watched(app: &App, id: Option<&str>) -> bool {
    id.is_some_and(|id| app.catalog.by_id.contains_key(id))
}

/// Name of a piece of equipment: of the register, or of the catalog.
fn name_of(app: &App, id: &str, registered: Option<String>) -> Option<String> {
    registered.filter(|name| !name.is_empty()).or_else(|| {
        let ix = app.catalog.by_id.get(id)?;
        let equipment = app.catalog.equipment.get(ix.0 as usize)?;
        Some(equipment.name_zh.to_string())
    })
}

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
        let (equipment, unit) = match row.of {
            Owner::Equipment(id) => (Some(id), None),
            Owner::Unit(code) => (None, Some(code)),
        };
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
        let (equipment, unit) = match point.of {
            Owner::Equipment(id) => (Some(id), None),
            Owner::Unit(code) => (None, Some(code)),
        };
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
        let colour = Colour::ALL
            .into_iter()
            .find(|colour| crate::desk::risk::level_of(Some(*colour)) == row.level);
        Self {
            area: row.measure.scope.area.to_string(),
            use_unit: row.measure.scope.use_unit.as_deref().map(str::to_owned),
            measure: MeasureView::of(row.measure, today, personal),
            point_name: row.point_name,
            equipment: row.equipment,
            colour: colour.map(|colour| colour_word(scheme, colour)),
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

/// A part of a rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RankPart {
    /// What it counts.
    pub what: Word,
    /// How many there are.
    pub count: u32,
    /// What they score.
    pub points: u32,
    /// More would not score more.
    pub capped: bool,
}

/// A rank, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RankView {
    /// From 1.
    pub place: u64,
    /// Equipment id, or code of the unit.
    pub id: String,
    /// Its name, as far as it is known.
    pub name: Option<String>,
    /// It is a piece of equipment telemetry is expected of.
    pub watched: bool,
    /// Area code; a unit has a rank in each area it has something in.
    pub area: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// Pieces of equipment.
    pub equipment: u32,
    /// Of them: no telemetry tells of them now.
    pub unheard: u32,
    /// Of them: nobody has assessed a risk.
    pub unassessed: u32,
    /// The sum of the parts.
    pub score: u32,
    /// What it consists of, most first.
    pub parts: Vec<RankPart>,
}

/// What a part of a rank is called.
#[must_use]
pub fn part_word(scheme: &'static Scheme, part: Part) -> Word {
    match scheme.weights().of(part) {
        Some(weight) => Word {
            key: part.key(),
            title_zh: &weight.zh,
            title_en: &weight.en,
        },
        None => Word {
            key: part.key(),
            title_zh: part.key(),
            title_en: part.key(),
        },
    }
}

impl RankView {
    /// A rank as shown.
    #[must_use]
    pub fn of(app: &App, subject: Subject, row: RankRow) -> Self {
        let scheme = app.rules.scheme();
        let ranked = scheme.weights().rank(subject, &row.counts);
        Self {
            place: row.place,
            name: match subject {
                Subject::Equipment => name_of(app, &row.id, row.name),
                Subject::Unit => row.name,
            },
            watched: subject == Subject::Equipment && is_watched(app, Some(&row.id)),
            id: row.id,
            area: row.area,
            use_unit: row.use_unit,
            use_unit_name: row.use_unit_name,
            equipment: row.pieces,
            unheard: row.unheard,
            unassessed: row.bare,
            score: row.score,
            parts: ranked
                .parts
                .iter()
                .map(|scored| RankPart {
                    what: part_word(scheme, scored.part),
                    count: scored.count,
                    points: scored.points,
                    capped: scored.capped,
                })
                .collect(),
        }
    }
}

/// Ranks, highest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Ranks {
    /// As of when all was counted; `null`: not yet.
    pub as_of: Option<Time>,
    /// A page.
    pub ranks: Vec<RankView>,
    /// Where the next page starts: value of `after`.
    pub next: Option<String>,
}

/// How an area or a unit stands on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MapStanding {
    /// There is a red risk point.
    Red,
    /// The worst is orange.
    Orange,
    /// The worst is yellow.
    Yellow,
    /// Everything is assessed, and all of it blue.
    Blue,
    /// Nothing worse than blue is known, but not everything is assessed: that is not blue.
    PartlyAssessed,
    /// Nobody has assessed anything.
    NotAssessed,
}

/// An area or a unit on the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MapTile {
    /// Beginning of an area code (empty: nobody has said), or code of a unit.
    pub key: String,
    /// Name of the unit.
    pub name: Option<String>,
    /// How it stands.
    pub standing: MapStanding,
    /// Red, orange, yellow and blue risk points.
    pub red: u32,
    /// Orange.
    pub orange: u32,
    /// Yellow.
    pub yellow: u32,
    /// Blue.
    pub blue: u32,
    /// Risk points nobody has assessed.
    pub not_assessed: u32,
    /// Pieces of equipment without any risk point.
    pub without_points: u32,
    /// Failed controls.
    pub failed_controls: u32,
    /// Open major hazards, suspected ones too.
    pub major_hazards: u32,
    /// Open general hazards.
    pub general_hazards: u32,
    /// Pieces of equipment.
    pub equipment: u32,
    /// Of them: no telemetry tells of them now; that they have no hazards means little.
    pub no_data: u32,
}

impl From<MapRow> for MapTile {
    fn from(row: MapRow) -> Self {
        let count = |part| row.counts.get(part);
        let (red, orange, yellow, blue) = (
            count(Part::RedPoints),
            count(Part::OrangePoints),
            count(Part::YellowPoints),
            count(Part::BluePoints),
        );
        // Equipment without risk points counts there too, for ranks.
        let unknown = count(Part::NotAssessed);
        let standing = if red > 0 {
            MapStanding::Red
        } else if orange > 0 {
            MapStanding::Orange
        } else if yellow > 0 {
            MapStanding::Yellow
        } else if blue > 0 && unknown == 0 {
            MapStanding::Blue
        } else if blue > 0 {
            MapStanding::PartlyAssessed
        } else {
            MapStanding::NotAssessed
        };
        Self {
            standing,
            red,
            orange,
            yellow,
            blue,
            not_assessed: unknown.saturating_sub(row.bare),
            without_points: row.bare,
            failed_controls: count(Part::FailedControls),
            major_hazards: count(Part::MajorHazards),
            general_hazards: count(Part::GeneralHazards),
            equipment: row.pieces,
            no_data: row.unheard,
            key: row.key,
            name: row.name,
        }
    }
}

/// The risk map.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RiskMap {
    /// As of when all was counted; `null`: not yet.
    pub as_of: Option<Time>,
    /// Areas or units, worst first.
    pub tiles: Vec<MapTile>,
}

#[cfg(test)]
mod tests {
    use super::{MapStanding, MapTile};
    use crate::desk::risk::MapRow;
    use vigil_core::risk::{Counts, Part};

    #[test]
    fn what_nobody_has_assessed_is_never_blue() {
        let standing = |counted: &[(Part, u32)]| {
            let mut counts = Counts::default();
            for (part, count) in counted {
                counts.set(*part, *count);
            }
            MapTile::from(MapRow {
                key: "210381".to_owned(),
                name: None,
                pieces: 1,
                unheard: 0,
                bare: 0,
                counts,
            })
            .standing
        };
        assert_eq!(standing(&[]), MapStanding::NotAssessed);
        assert_eq!(standing(&[(Part::NotAssessed, 3)]), MapStanding::NotAssessed);
        assert_eq!(
            standing(&[(Part::BluePoints, 9), (Part::NotAssessed, 1)]),
            MapStanding::PartlyAssessed
        );
        assert_eq!(standing(&[(Part::BluePoints, 1)]), MapStanding::Blue);
        assert_eq!(
            standing(&[
                (Part::BluePoints, 1),
                (Part::RedPoints, 1),
                (Part::NotAssessed, 5)
            ]),
            MapStanding::Red
        );
    }
}
