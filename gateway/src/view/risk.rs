//! Risks as they are shown: points, measures, checks, ranks, the map, and the scheme they are graded by.

mod map;
mod measure;
mod point;
mod rank;
mod scheme;

pub use map::{MapStanding, MapTile, RiskMap};
pub use measure::{CheckView, FailureView, MeasureLine, MeasureView, Measures};
pub use point::{AssessmentView, RiskPointLine, RiskPointView, RiskPoints};
pub use rank::{RankPart, RankView, Ranks};
pub use scheme::{
    BandView, FactSource, FactorView, LevelView, MethodView, SchemeView, StepView, WeightView, risk_scheme,
};

use super::words::Word;
use crate::app::App;
use vigil_core::risk::{Colour, MeasureKind, Part, Scheme};

/// What a colour is called: key `red`, `orange`, `yellow`, `blue`; title 重大风险 and so on.
#[must_use]
pub fn colour_word(scheme: &'static Scheme, colour: Colour) -> Word {
    let (zh, en) = match scheme.level(colour) {
        Some(level) => (level.zh.as_str(), level.en.as_str()),
        None => colour.titles(),
    };
    Word::new(colour.key(), zh, en)
}

/// What a tier is called; a key this version's scheme no longer has stays a key.
fn tier_word(scheme: &'static Scheme, key: &str) -> Option<Word> {
    let tier = scheme.tier(key)?;
    Some(Word::new(&tier.key, &tier.zh, &tier.en))
}

fn kind_word(kind: MeasureKind) -> Word {
    let (zh, en) = kind.titles();
    Word::new(kind.key(), zh, en)
}

/// What a part of a rank is called.
#[must_use]
pub fn part_word(scheme: &'static Scheme, part: Part) -> Word {
    match scheme.weights().of(part) {
        Some(weight) => Word::new(part.key(), &weight.zh, &weight.en),
        None => Word::new(part.key(), part.key(), part.key()),
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
