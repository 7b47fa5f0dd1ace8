//! The whole scheme: methods, tiers, what a colour means, and the weights of a ranking.

use super::method::Method;
use super::rank::Weights;
use super::{Colour, read};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Document, Merge};
use crate::diagnostic::sheet::{OwnFile, Sheet};
use crate::pack::{Grade, Severity};
use serde::Serialize;
use std::sync::{Arc, LazyLock};

/// The file it is read from.
pub(crate) const SHEET: Sheet = Sheet {
    name: "risk.toml",
    text: include_str!("../../rules/desk/risk.toml"),
    merge: &[
        ("method", Merge::Behind("key")),
        // Three thresholds are one fact.
        ("method.bands", Merge::Whole),
        ("method.factor", Merge::Behind("key")),
        // From the top down.
        ("tier", Merge::Ordered("key")),
        ("level", Merge::Behind("colour")),
        ("weight", Merge::Behind("key")),
    ],
};

/// Where a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The source.
    pub source: String,
    /// `sourced`, `memory-high`, `memory-low` or `proposal`.
    pub confidence: String,
}

impl Told {
    /// Whether somebody still has to verify it (未核实).
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        self.confidence == "memory-low"
    }
}

/// Who controls a risk (管控层级).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// Stable key, such as `company`.
    pub key: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What a colour means.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Level {
    /// The colour.
    pub colour: Colour,
    /// Chinese, such as 重大风险.
    pub zh: String,
    /// English.
    pub en: String,
    /// Key of the tier that controls it at least.
    pub tier: String,
    /// Period of checks offered for a new measure, days.
    pub check_days: u16,
    /// Grade of the suspected hazard a failed measure opens.
    pub grade: Grade,
    /// Its severity.
    pub severity: Severity,
    /// Where that comes from.
    #[serde(flatten)]
    pub told: Told,
}

/// The scheme. Made by [`Scheme::parse`] only: it has every colour once, every tier a colour names, every weight once,
/// and in every method every colour can be reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scheme {
    pub(super) methods: Vec<Method>,
    pub(super) tiers: Vec<Tier>,
    pub(super) levels: Vec<Level>,
    pub(super) reassess_days: u16,
    pub(super) reassess_told: Told,
    pub(super) weights: Weights,
}

impl Scheme {
    /// The one that comes with the gateway.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        // A test reads it; were it damaged, nothing could be assessed, and nothing would be called blue.
        static BUILTIN: LazyLock<Arc<Scheme>> =
            LazyLock::new(|| Arc::new(Scheme::over(None).unwrap_or_else(|_| Scheme::none())));
        &BUILTIN
    }

    fn none() -> Self {
        Self {
            methods: Vec::new(),
            tiers: Vec::new(),
            levels: Vec::new(),
            reassess_days: 365,
            reassess_told: Told {
                source: String::new(),
                confidence: "memory-low".to_owned(),
            },
            weights: Weights::none(),
        }
    }

    /// Reads a scheme; `file` is the name findings carry.
    ///
    /// # Errors
    /// Everything that is wrong with it, with line and reason.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        read::scheme(Document::parse(file, text))
    }

    /// The shipped one, with people's own file over it.
    ///
    /// # Errors
    /// Everything that is wrong with it, with line and reason.
    pub fn over(own: Option<OwnFile<'_>>) -> Result<Self, Vec<Diagnostic>> {
        read::scheme(SHEET.document(own))
    }

    /// The methods, in order of the file.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// A method by key.
    #[must_use]
    pub fn method(&self, key: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.key == key)
    }

    /// The tiers, from the top down.
    #[must_use]
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// A tier by key.
    #[must_use]
    pub fn tier(&self, key: &str) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.key == key)
    }

    /// What the colours mean, the worst first.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// What a colour means.
    #[must_use]
    pub fn level(&self, colour: Colour) -> Option<&Level> {
        self.levels.iter().find(|level| level.colour == colour)
    }

    /// Days after which a risk is assessed again.
    #[must_use]
    pub const fn reassess_days(&self) -> u16 {
        self.reassess_days
    }

    /// Where that comes from.
    #[must_use]
    pub const fn reassess_told(&self) -> &Told {
        &self.reassess_told
    }

    /// The weights of the ranking.
    #[must_use]
    pub const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Whether a tier is high enough for a colour: that of the colour, or one above it.
    #[must_use]
    pub fn may_control(&self, tier: &str, colour: Colour) -> bool {
        let place = |key: &str| self.tiers.iter().position(|tier| tier.key == key);
        let least = self.level(colour).and_then(|level| place(&level.tier));
        matches!((place(tier), least), (Some(tier), Some(least)) if tier <= least)
    }
}
