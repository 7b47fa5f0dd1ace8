//! How risks are graded and ranked, as it is shown.

use super::{colour_word, part_word, tier_word};
use crate::view::words::Word;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::risk::{Colour, Method, Scheme, Threshold, Told};

/// Where a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FactSource {
    /// The source.
    pub source: &'static str,
    /// `sourced`, `memory-high`, `memory-low` (unverified) or `proposal`.
    pub confidence: &'static str,
    /// Somebody still has to verify it (未核实).
    pub unverified: bool,
}

impl From<&'static Told> for FactSource {
    fn from(told: &'static Told) -> Self {
        Self {
            source: &told.source,
            confidence: &told.confidence,
            unverified: told.is_unverified(),
        }
    }
}

/// A value a factor can have.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StepView {
    /// What it counts.
    pub score: f64,
    /// What it means, Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

/// A factor of a method.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FactorView {
    /// Key, title.
    pub factor: Word,
    /// Values, the highest first.
    pub steps: Vec<StepView>,
}

/// A band of scores.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BandView {
    /// Its colour.
    pub colour: Word,
    /// In words, such as `160 < D ≤ 320`.
    pub range: String,
}

/// A method of assessment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MethodView {
    /// Key, title.
    pub method: Word,
    /// The score is the product of these.
    pub factors: Vec<FactorView>,
    /// Which score has which colour, the worst first.
    pub bands: Vec<BandView>,
    /// Where that comes from.
    pub told: FactSource,
}

/// What a colour means.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LevelView {
    /// The colour.
    pub colour: Word,
    /// Who controls it at least.
    pub tier: Option<Word>,
    /// Period of checks offered for a new measure, days.
    pub check_days: u16,
    /// Where that comes from.
    pub told: FactSource,
}

/// The weight of a part of a rank.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WeightView {
    /// The part.
    pub part: Word,
    /// For each.
    pub each: u32,
    /// At most, for a piece of equipment.
    pub most: u32,
    /// At most, for a unit.
    pub unit_most: u32,
    /// Why.
    pub reason: &'static str,
}

/// How risks are graded and ranked.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SchemeView {
    /// Methods of assessment.
    pub methods: Vec<MethodView>,
    /// Who controls, from the top down.
    pub tiers: Vec<Word>,
    /// What the colours mean, the worst first.
    pub levels: Vec<LevelView>,
    /// Days after which a risk is assessed again.
    pub reassess_days: u16,
    /// Where that comes from.
    pub reassess_told: FactSource,
    /// What a rank consists of.
    pub weights: Vec<WeightView>,
    /// Where the weights come from.
    pub weights_told: FactSource,
}

/// A band in words: `160 < x ≤ 320`.
fn range(method: &Method, colour: Colour) -> String {
    let (begin, end) = (method.bands.begins(colour), method.bands.ends(colour));
    let below = |begin: Threshold| format!("{} {} ", begin.at, if begin.inclusive { "≤" } else { "<" });
    let above = |end: Threshold| format!(" {} {}", if end.inclusive { "<" } else { "≤" }, end.at);
    match (begin, end) {
        (Some(begin), None) => format!("{} {}", if begin.inclusive { "≥" } else { ">" }, begin.at),
        (None, Some(end)) => format!("{} {}", if end.inclusive { "<" } else { "≤" }, end.at),
        (begin, end) => format!(
            "{}D{}",
            begin.map(below).unwrap_or_default(),
            end.map(above).unwrap_or_default()
        ),
    }
}

/// The scheme in force.
#[must_use]
pub fn risk_scheme(scheme: &'static Scheme) -> SchemeView {
    SchemeView {
        methods: scheme
            .methods()
            .iter()
            .map(|method| MethodView {
                method: Word::new(&method.key, &method.zh, &method.en),
                factors: method
                    .factors
                    .iter()
                    .map(|factor| FactorView {
                        factor: Word::new(&factor.key, &factor.zh, &factor.en),
                        steps: factor
                            .steps
                            .iter()
                            .map(|step| StepView {
                                score: step.score,
                                zh: &step.zh,
                                en: &step.en,
                            })
                            .collect(),
                    })
                    .collect(),
                bands: Colour::ALL
                    .into_iter()
                    .map(|colour| BandView {
                        colour: colour_word(scheme, colour),
                        range: range(method, colour),
                    })
                    .collect(),
                told: (&method.told).into(),
            })
            .collect(),
        tiers: scheme
            .tiers()
            .iter()
            .map(|tier| Word::new(&tier.key, &tier.zh, &tier.en))
            .collect(),
        levels: scheme
            .levels()
            .iter()
            .map(|level| LevelView {
                colour: colour_word(scheme, level.colour),
                tier: tier_word(scheme, &level.tier),
                check_days: level.check_days,
                told: (&level.told).into(),
            })
            .collect(),
        reassess_days: scheme.reassess_days(),
        reassess_told: scheme.reassess_told().into(),
        weights: scheme
            .weights()
            .all()
            .iter()
            .map(|weight| WeightView {
                part: part_word(scheme, weight.part),
                each: weight.each,
                most: weight.most,
                unit_most: weight.unit_most,
                reason: &weight.reason,
            })
            .collect(),
        weights_told: scheme.weights().told().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::risk_scheme;

    #[test]
    fn bands_are_said_as_people_write_them() {
        let scheme = risk_scheme(vigil_core::risk::Scheme::builtin());
        let said = |at: usize| -> Vec<&str> {
            let method = &scheme.methods[at];
            method.bands.iter().map(|band| band.range.as_str()).collect()
        };
        assert_eq!(said(0), ["> 320", "160 < D ≤ 320", "70 < D ≤ 160", "≤ 70"]);
        assert_eq!(said(1), ["≥ 20", "15 ≤ D < 20", "9 ≤ D < 15", "< 9"]);
    }
}
