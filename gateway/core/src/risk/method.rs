//! Methods of assessment: factors with their steps, and the bands of their product.

use super::Colour;
use super::scheme::Told;
use serde::Serialize;
use std::collections::BTreeMap;

/// Where a colour begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// At this score …
    pub at: f64,
    /// … if it belongs to the colour itself; above it, if not.
    pub inclusive: bool,
}

impl Threshold {
    /// Whether a score has passed it.
    #[must_use]
    pub fn is_passed_by(&self, score: f64) -> bool {
        score > self.at || (self.inclusive && score == self.at)
    }

    /// Whether it comes before another: there is a number that passes this one only.
    fn is_before(&self, other: &Self) -> bool {
        self.at < other.at || (self.at == other.at && self.inclusive && !other.inclusive)
    }
}

/// The bands of a method: three thresholds that ascend. Every score has exactly one colour, because it is the colour of
/// the last threshold it has passed, and blue if it has passed none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bands {
    yellow: Threshold,
    orange: Threshold,
    red: Threshold,
}

/// Why thresholds are no bands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BandFault {
    /// One is not above the one before it.
    #[error("{upper} must begin above {lower}", lower = .lower.key(), upper = .upper.key())]
    Order {
        /// The lower colour.
        lower: Colour,
        /// The one that begins too low.
        upper: Colour,
    },
    /// Not a positive number.
    #[error("{} must begin above 0", .0.key())]
    NotPositive(Colour),
}

impl Bands {
    /// Bands of three thresholds.
    ///
    /// # Errors
    /// They do not ascend, or one is not positive.
    pub fn new(yellow: Threshold, orange: Threshold, red: Threshold) -> Result<Self, BandFault> {
        for (colour, threshold) in [
            (Colour::Yellow, yellow),
            (Colour::Orange, orange),
            (Colour::Red, red),
        ] {
            if !(threshold.at.is_finite() && threshold.at > 0.0) {
                return Err(BandFault::NotPositive(colour));
            }
        }
        for (lower, below, upper, above) in [
            (Colour::Yellow, yellow, Colour::Orange, orange),
            (Colour::Orange, orange, Colour::Red, red),
        ] {
            if !below.is_before(&above) {
                return Err(BandFault::Order { lower, upper });
            }
        }
        Ok(Self { yellow, orange, red })
    }

    /// The colour of a score.
    #[must_use]
    pub fn colour(&self, score: f64) -> Colour {
        [Colour::Red, Colour::Orange, Colour::Yellow]
            .into_iter()
            .find(|colour| {
                self.begins(*colour)
                    .is_some_and(|begin| begin.is_passed_by(score))
            })
            .unwrap_or(Colour::Blue)
    }

    /// Where a colour begins; blue begins at nothing.
    #[must_use]
    pub const fn begins(&self, colour: Colour) -> Option<Threshold> {
        match colour {
            Colour::Red => Some(self.red),
            Colour::Orange => Some(self.orange),
            Colour::Yellow => Some(self.yellow),
            Colour::Blue => None,
        }
    }

    /// Where a colour ends: the threshold of the next; red never ends.
    #[must_use]
    pub const fn ends(&self, colour: Colour) -> Option<Threshold> {
        match colour {
            Colour::Red => None,
            Colour::Orange => Some(self.red),
            Colour::Yellow => Some(self.orange),
            Colour::Blue => Some(self.yellow),
        }
    }
}

/// A value a factor can have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactorStep {
    /// What it counts.
    pub score: f64,
    /// What it means, Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A factor of a score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Factor {
    /// Stable key, such as `l`.
    pub key: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// Values it can have, the highest first.
    pub steps: Vec<FactorStep>,
}

impl Factor {
    /// The step of this score.
    #[must_use]
    pub fn step(&self, score: f64) -> Option<&FactorStep> {
        self.steps.iter().find(|step| step.score == score)
    }
}

/// A way to assess a risk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Method {
    /// Stable key, such as `lec`.
    pub key: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// Its factors: the score is their product.
    pub factors: Vec<Factor>,
    /// Which score has which colour.
    pub bands: Bands,
    /// Where it comes from.
    #[serde(flatten)]
    pub told: Told,
}

/// A risk, assessed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// The product of the factors.
    pub score: f64,
    /// Its colour.
    pub colour: Colour,
}

/// Factors that are not those of the method.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Misfit {
    /// One is missing.
    #[error("{0}: choose a value")]
    Missing(String),
    /// One has a value the method does not know.
    #[error("{factor}: {value} is none of its values ({known})")]
    Value {
        /// Which factor.
        factor: String,
        /// What it was given.
        value: f64,
        /// What it could be.
        known: String,
    },
    /// One is not of this method.
    #[error("{0}: the method has no such factor")]
    Unknown(String),
}

impl Misfit {
    /// The factor that is wrong.
    #[must_use]
    pub fn factor(&self) -> &str {
        match self {
            Self::Missing(factor) | Self::Unknown(factor) | Self::Value { factor, .. } => factor,
        }
    }
}

impl Method {
    /// Scores a risk.
    ///
    /// # Errors
    /// The factors are not those of the method, or have values it does not know.
    pub fn assess(&self, given: &BTreeMap<String, f64>) -> Result<Assessment, Misfit> {
        let is_known = |key: &String| self.factors.iter().any(|factor| factor.key == *key);
        if let Some(strange) = given.keys().find(|key| !is_known(key)) {
            return Err(Misfit::Unknown(strange.clone()));
        }
        let mut product = 1.0;
        for factor in &self.factors {
            let value = given
                .get(&factor.key)
                .copied()
                .ok_or_else(|| Misfit::Missing(factor.key.clone()))?;
            let step = factor.step(value).ok_or_else(|| {
                let known: Vec<String> = factor.steps.iter().map(|step| step.score.to_string()).collect();
                Misfit::Value {
                    factor: factor.key.clone(),
                    value,
                    known: known.join(", "),
                }
            })?;
            product *= step.score;
        }
        let score = tidy(product);
        Ok(Assessment {
            score,
            colour: self.bands.colour(score),
        })
    }

    /// Every score the factors can make, ascending.
    #[must_use]
    pub fn scores(&self) -> Vec<f64> {
        let mut scores = vec![1.0];
        for factor in &self.factors {
            let times = |score: &f64| {
                let score = *score;
                factor.steps.iter().map(move |step| score * step.score)
            };
            scores = scores.iter().flat_map(times).map(tidy).collect();
            scores.sort_by(f64::total_cmp);
            scores.dedup();
        }
        scores
    }
}

/// Products of tenths as people write them: 0.2 × 3 is 0.6, and 70 is not over 70.
pub(super) fn tidy(score: f64) -> f64 {
    (score * 1e6).round() / 1e6
}
