//! A rule pack as written: quantities instead of channels, expressions instead of numbers.

use super::{Compare, Direction, Opens, PackInfo, Severity};
use crate::diagnostic::Place;
use crate::expr::Expr;
use std::sync::Arc;
use vigil_protocol::vocabulary::{FaultKey, Quantity, ServiceMode};

/// A parsed pack.
#[derive(Clone, Debug)]
pub struct RulePack {
    /// Id, version, hash, titles, categories.
    pub info: Arc<PackInfo>,
    /// Nameplate values that follow from others when the nameplate does not give them.
    pub derived: Vec<Derived>,
    /// The rules, in the order of the file.
    pub rules: Vec<RuleSource>,
}

/// A nameplate value that follows from others.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Nameplate key.
    pub key: Arc<str>,
    /// Its value, canonical unit.
    pub value: Formula,
}

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub struct Formula {
    /// The expression.
    pub expr: Expr,
    /// Its place.
    pub place: Place,
}

/// A rule as written.
#[derive(Clone, Debug)]
pub struct RuleSource {
    /// Where it stands.
    pub place: Place,
    /// Rule id.
    pub id: Arc<str>,
    /// Title, Chinese.
    pub title_zh: Arc<str>,
    /// Title, English.
    pub title_en: Arc<str>,
    /// Narrower than the pack's categories; empty = as the pack.
    pub applies_to: Vec<String>,
    /// Nameplate keys without which the rule is not applied, beyond those its expressions name.
    pub requires: Vec<String>,
    /// What it looks at.
    pub kind: KindSource,
    /// On-delay, ms.
    pub on_delay_ms: i64,
    /// Off-delay, ms.
    pub off_delay_ms: i64,
    /// Severity when no condition decides.
    pub severity: Severity,
    /// Severity by condition.
    pub severity_when: Vec<(ConditionSource, Severity)>,
    /// Suppressed while this is true.
    pub suppress_when: Option<ConditionSource>,
    /// What opens.
    pub opens: Opens,
    /// Stays until reset.
    pub latched: bool,
    /// Legal clause.
    pub clause: Arc<str>,
    /// Source of the numbers.
    pub source: Arc<str>,
    /// Confidence in them.
    pub confidence: Arc<str>,
}

/// What a rule looks at, as written.
#[derive(Clone, Debug)]
pub enum KindSource {
    /// `kind = "limit"`.
    Limit {
        /// Measured quantity.
        quantity: Quantity,
        /// High or low.
        direction: Direction,
        /// Trip level.
        trip: Formula,
        /// Clear level; may use `trip`.
        clear: Formula,
    },
    /// `kind = "rate"`.
    Rate {
        /// Measured quantity.
        quantity: Quantity,
        /// Rising or falling.
        direction: Direction,
        /// Change per minute.
        trip: Formula,
        /// Clears below this.
        clear: Formula,
        /// Measured over this span.
        window_ms: i64,
    },
    /// `kind = "code"`.
    Code {
        /// Quantity carrying the code.
        quantity: Quantity,
        /// Any of these.
        keys: Vec<FaultKey>,
        /// Reports needed.
        count: u16,
        /// Within this time.
        window_ms: i64,
    },
    /// `kind = "count"`.
    Count {
        /// Two-state quantity.
        quantity: Quantity,
        /// The state whose beginnings are counted.
        value: bool,
        /// Beginnings needed.
        count: u16,
        /// Within this time.
        window_ms: i64,
    },
    /// `kind = "silence"`.
    Silence {
        /// After so long.
        after_ms: i64,
    },
    /// `kind = "quality"`.
    Quality(QualityScope),
    /// `kind = "interlock"`.
    Interlock(ConditionSource),
}

/// Which channels a quality rule watches.
#[derive(Clone, Debug)]
pub enum QualityScope {
    /// Those of these quantities the equipment has.
    Quantities(Vec<Quantity>),
    /// All channels that come over a 4–20 mA loop.
    CurrentLoops,
}

/// A condition as written.
#[derive(Clone, Debug)]
pub enum ConditionSource {
    /// `all = [..]`.
    All(Vec<ConditionSource>),
    /// `any = [..]`: unknown as soon as one is unknown and none holds.
    Any(Vec<ConditionSource>),
    /// `any_known = [..]`: alternatives whose signals are bad or missing do not count; unknown only
    /// when that leaves none. For two independent ways of seeing the same thing.
    AnyKnown(Vec<ConditionSource>),
    /// `not = {..}`.
    Not(Box<ConditionSource>),
    /// `if_unknown = true|false` beside a condition: what it is taken for when its signals are bad,
    /// missing, or not among the equipment's channels.
    Assume(Box<ConditionSource>, bool),
    /// `below`, `above`, `at_least`, `at_most`.
    Number {
        /// Measured quantity.
        quantity: Quantity,
        /// Operator.
        compare: Compare,
        /// Against this.
        value: Formula,
    },
    /// `is = true|false`.
    Is {
        /// Two-state quantity.
        quantity: Quantity,
        /// Wanted state.
        value: bool,
    },
    /// `code = [..]`.
    Code {
        /// Quantity carrying the code.
        quantity: Quantity,
        /// Any of these.
        keys: Vec<FaultKey>,
    },
    /// `mode = [..]`.
    Mode {
        /// Quantity carrying the service mode.
        quantity: Quantity,
        /// Any of these.
        modes: Vec<ServiceMode>,
    },
    /// `bad = true|false`.
    Bad {
        /// Any quantity.
        quantity: Quantity,
        /// Bad, or not bad.
        value: bool,
    },
}

impl RulePack {
    /// Whether the pack speaks about a category code.
    #[must_use]
    pub fn applies_to(&self, category: &str) -> bool {
        matches_category(&self.info.applies_to, category)
    }
}

impl RuleSource {
    /// Whether the rule speaks about a category code its pack speaks about.
    #[must_use]
    pub fn applies_to(&self, category: &str) -> bool {
        self.applies_to.is_empty() || matches_category(&self.applies_to, category)
    }
}

fn matches_category(prefixes: &[String], category: &str) -> bool {
    prefixes
        .iter()
        .any(|prefix| category.starts_with(prefix.as_str()))
}
