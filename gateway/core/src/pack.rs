//! Rule packs: versioned, content-hashed sets of rules with their legal ground.
//!
//! The types a rule has once it is compiled for one piece of equipment. [`RulePack::parse`] reads
//! TOML into rules over quantities and nameplate keys ([`source`]); [`RulePack::compile`] turns these
//! into [`Rule`]s over one equipment's channels, with every number filled in.

mod builtin;
mod canonical;
mod compile;
mod parse;
pub mod source;
mod text;

pub use builtin::{builtin, builtin_named, builtin_names};
pub use compile::{Compilation, SkippedRule};
pub use source::RulePack;

use crate::hash::ContentHash;
use crate::sample::ChannelIx;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::vocabulary::{FaultKey, ServiceMode};

/// How bad it is: S1 red (红), S2 orange (橙), S3 yellow (黄), S4 blue (蓝).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Red: people are in danger now, or a suspected major hazard.
    S1,
    /// Orange.
    S2,
    /// Yellow.
    S3,
    /// Blue.
    S4,
}

/// Grade of the hazard a rule opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// 一般事故隐患.
    General,
    /// 重大事故隐患 (suspected until a person confirms), GB 45067-2024.
    Major,
}

/// Which pack a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackInfo {
    /// Pack id, such as `boiler-steam`.
    pub id: Arc<str>,
    /// Version, such as `1.0.0`.
    pub version: Arc<str>,
    /// Hash of the pack's canonical content (layout and comments do not count).
    pub hash: ContentHash,
    /// That content: JSON with sorted keys. Evidence carries it, so that the hash can be checked anywhere.
    pub canonical: Arc<str>,
    /// Title, Chinese.
    pub title_zh: Arc<str>,
    /// Title, English.
    pub title_en: Arc<str>,
    /// Category codes (prefixes: `11` is every steam boiler) it applies to.
    pub applies_to: Vec<String>,
}

/// What opens when the rule trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// An alarm only.
    Nothing,
    /// A suspected hazard of this grade.
    Hazard(Grade),
}

/// A rule compiled for one piece of equipment: channels resolved, thresholds evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Rule id, such as `BLR-STEAM-P-HH`.
    pub id: Arc<str>,
    /// Where it comes from.
    pub pack: Arc<PackInfo>,
    /// Title, Chinese.
    pub title_zh: Arc<str>,
    /// Title, English.
    pub title_en: Arc<str>,
    /// What it looks at.
    pub kind: RuleKind,
    /// The condition must have held this long, in covered source time, before the alarm.
    pub on_delay_ms: i64,
    /// It must have been gone this long before the alarm clears.
    pub off_delay_ms: i64,
    /// Severity when nothing in `severity_when` is true.
    pub severity: Severity,
    /// First true condition (at the trip) decides, such as "passenger present → S1".
    pub severity_when: Vec<(Condition, Severity)>,
    /// While this is true the alarm is suppressed by design and opens nothing (inspection mode).
    /// Unknown does not suppress.
    pub suppress_when: Option<Condition>,
    /// Opens a hazard?
    pub opens: Opens,
    /// The alarm stays after the condition has gone until a person resets it.
    pub latched: bool,
    /// Legal clause.
    pub clause: Arc<str>,
    /// Source of the numbers.
    pub source: Arc<str>,
    /// `sourced`, `memory-high`, `memory-low` or `proposal`.
    pub confidence: Arc<str>,
    /// The condition with its numbers filled in, for people.
    pub condition_text: Arc<str>,
}

/// Which side of the limit is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Trips at or above.
    High,
    /// Trips at or below.
    Low,
}

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// A number past a limit, with a separate clear level (hysteresis).
    Limit {
        /// Channel.
        channel: ChannelIx,
        /// High or low.
        direction: Direction,
        /// Trips at this value, canonical unit.
        trip: f64,
        /// Clears at this value: below `trip` for high, above it for low.
        clear: f64,
    },
    /// A number changing too fast.
    Rate {
        /// Channel.
        channel: ChannelIx,
        /// High = rising, low = falling.
        direction: Direction,
        /// Trips at this change per minute (positive), canonical unit.
        trip_per_minute: f64,
        /// Clears below this.
        clear_per_minute: f64,
        /// Change is measured over this span.
        window_ms: i64,
    },
    /// A fault key is reported (`count` = 1: holds while it is; more: so many reports in the window).
    Code {
        /// Channel carrying the code.
        channel: ChannelIx,
        /// Any of these.
        keys: Vec<FaultKey>,
        /// Reports needed.
        count: u16,
        /// Within this time; 0 with `count` 1.
        window_ms: i64,
    },
    /// A two-state signal turns to a state so many times within a time.
    Count {
        /// Channel.
        channel: ChannelIx,
        /// The state whose beginnings are counted.
        value: bool,
        /// Beginnings needed, at least 2.
        count: u16,
        /// Within this time.
        window_ms: i64,
    },
    /// Nothing heard from the equipment (arrival time). A monitoring gap, not a process alarm.
    Silence {
        /// For so long, whether it died or just went quiet.
        after_ms: i64,
    },
    /// A channel is bad, missing or stale. A monitoring gap, not a process alarm.
    Quality {
        /// Any of these channels.
        channels: Vec<ChannelIx>,
    },
    /// Several channels together.
    Interlock {
        /// The condition.
        condition: Condition,
    },
}

/// Comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A three-valued condition over one piece of equipment's latest values (Kleene logic).
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All must hold.
    All(Vec<Condition>),
    /// One must hold.
    Any(Vec<Condition>),
    /// Must not hold.
    Not(Box<Condition>),
    /// A number against a constant, canonical unit.
    Number {
        /// Channel.
        channel: ChannelIx,
        /// Operator.
        compare: Compare,
        /// Constant.
        value: f64,
    },
    /// A two-state signal.
    Is {
        /// Channel.
        channel: ChannelIx,
        /// Wanted state.
        value: bool,
    },
    /// The channel reports one of these keys.
    Code {
        /// Channel.
        channel: ChannelIx,
        /// Keys.
        keys: Vec<FaultKey>,
    },
    /// The lift's service mode is one of these.
    Mode {
        /// Channel.
        channel: ChannelIx,
        /// Modes.
        modes: Vec<ServiceMode>,
    },
    /// The channel is bad, missing or stale: true or false, never unknown.
    Bad {
        /// Channel.
        channel: ChannelIx,
    },
    /// The quantity is not among the equipment's channels: always unknown.
    NoChannel,
}

/// Kleene truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// Known to hold.
    True,
    /// Known not to hold.
    False,
    /// Not known: bad, stale or missing data.
    Unknown,
}
