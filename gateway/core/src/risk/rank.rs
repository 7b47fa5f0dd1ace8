//! Which equipment and which units to inspect first: what is known of each is counted, weighed and added up. A rank says
//! of which parts it consists.

use super::scheme::Told;
use serde::Serialize;

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "named as in the file of weights, which explains each")]
pub enum Part {
    RedPoints,
    OrangePoints,
    YellowPoints,
    BluePoints,
    NotAssessed,
    FailedControls,
    OverdueChecks,
    MajorHazards,
    GeneralHazards,
    OverdueHazards,
    RepeatHazards,
    OverdueInspections,
    Findings,
    HighAlarms,
    LowAlarms,
    Silence,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 16] = [
        Self::RedPoints,
        Self::OrangePoints,
        Self::YellowPoints,
        Self::BluePoints,
        Self::NotAssessed,
        Self::FailedControls,
        Self::OverdueChecks,
        Self::MajorHazards,
        Self::GeneralHazards,
        Self::OverdueHazards,
        Self::RepeatHazards,
        Self::OverdueInspections,
        Self::Findings,
        Self::HighAlarms,
        Self::LowAlarms,
        Self::Silence,
    ];

    /// Their keys, in the same order.
    pub const KEYS: [&'static str; 16] = [
        "red_points",
        "orange_points",
        "yellow_points",
        "blue_points",
        "not_assessed",
        "failed_controls",
        "overdue_checks",
        "major_hazards",
        "general_hazards",
        "overdue_hazards",
        "repeat_hazards",
        "overdue_inspections",
        "findings",
        "high_alarms",
        "low_alarms",
        "silence",
    ];

    const fn index(self) -> usize {
        self as usize
    }

    /// Stable key.
    #[must_use]
    pub fn key(self) -> &'static str {
        Self::KEYS.get(self.index()).copied().unwrap_or_default()
    }

    /// The part behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.key() == key)
    }
}

/// How many of each part there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts([u32; Part::ALL.len()]);

impl Counts {
    /// How many.
    #[must_use]
    pub fn get(&self, part: Part) -> u32 {
        self.0.get(part.index()).copied().unwrap_or(0)
    }

    /// Says how many.
    pub fn set(&mut self, part: Part, count: u32) {
        if let Some(place) = self.0.get_mut(part.index()) {
            *place = count;
        }
    }

    /// So many more.
    pub fn add(&mut self, part: Part, count: u32) {
        self.set(part, self.get(part).saturating_add(count));
    }

    /// Those of another too: a unit has what its equipment has.
    pub fn add_all(&mut self, other: &Self) {
        for part in Part::ALL {
            self.add(part, other.get(part));
        }
    }
}

/// What is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A piece of equipment.
    Equipment,
    /// A unit, in one area.
    Unit,
}

/// How much a part weighs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weight {
    /// The part.
    pub part: Part,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// For each.
    pub each: u32,
    /// At most, for a piece of equipment.
    pub most: u32,
    /// At most, for a unit.
    pub unit_most: u32,
    /// Why.
    pub reason: String,
}

/// All weights: every part once, in the order of [`Part::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weights {
    pub(super) weights: Vec<Weight>,
    #[serde(flatten)]
    pub(super) told: Told,
}

/// What a part came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scored {
    /// The part.
    pub part: Part,
    /// How many there are.
    pub count: u32,
    /// What they score.
    pub points: u32,
    /// More would not score more.
    pub capped: bool,
}

/// A rank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ranked {
    /// The sum of its parts.
    pub score: u32,
    /// What scores at all, most first.
    pub parts: Vec<Scored>,
}

impl Weights {
    pub(super) const fn none() -> Self {
        Self {
            weights: Vec::new(),
            told: Told {
                source: String::new(),
                confidence: String::new(),
            },
        }
    }

    /// One by one.
    #[must_use]
    pub fn all(&self) -> &[Weight] {
        &self.weights
    }

    /// Where they come from.
    #[must_use]
    pub const fn told(&self) -> &Told {
        &self.told
    }

    /// The weight of a part.
    #[must_use]
    pub fn of(&self, part: Part) -> Option<&Weight> {
        self.weights.iter().find(|weight| weight.part == part)
    }

    /// Ranks by what is counted.
    #[must_use]
    pub fn rank(&self, subject: Subject, counts: &Counts) -> Ranked {
        let mut parts: Vec<Scored> = self
            .weights
            .iter()
            .filter_map(|weight| {
                let count = counts.get(weight.part);
                let most = match subject {
                    Subject::Equipment => weight.most,
                    Subject::Unit => weight.unit_most,
                };
                let full = weight.each.saturating_mul(count);
                let points = full.min(most);
                (points > 0).then_some(Scored {
                    part: weight.part,
                    count,
                    points,
                    capped: full >= most,
                })
            })
            .collect();
        // Stable: equals stay in the order of the file.
        parts.sort_by_key(|scored| std::cmp::Reverse(scored.points));
        Ranked {
            score: parts
                .iter()
                .fold(0, |sum, scored| sum.saturating_add(scored.points)),
            parts,
        }
    }
}
