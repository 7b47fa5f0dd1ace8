//! Rule states: three-valued, gap-aware.
//!
//! A rule's *truth* is a function of the newest usable readings; a [`Memory`] turns truth over time
//! into trips and clears. Time is source time, and only covered time counts: the timer stands still
//! while the truth is unknown or the equipment was not heard.

mod code;
mod condition;
mod interlock;
mod limit;
mod memory;
mod quality;
mod rate;
mod silence;

pub(crate) use condition::{channels_of, evaluate};
pub(crate) use memory::{Memory, Step};
pub(crate) use quality::quality_truth;
pub(crate) use silence::silence_due;

use crate::equipment::Values;
use crate::pack::{Rule, RuleKind, Truth};
use crate::sample::ChannelIx;
use std::ops::Not;

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl From<Option<bool>> for Truth {
    fn from(known: Option<bool>) -> Self {
        known.map_or(Self::Unknown, Self::from)
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl Truth {
    /// Both: false if one is known to be false, however unknown the other.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// One of them: true if one is known to be true, however unknown the other.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, Self::False) => Self::False,
            _ => Self::Unknown,
        }
    }
}

/// Whether a rule is driven by arrival time: it is about our ability to see, not about the equipment.
pub(crate) const fn is_about_sight(kind: &RuleKind) -> bool {
    matches!(kind, RuleKind::Silence { .. } | RuleKind::Quality { .. })
}

/// Truth of a process rule at source time `at`. `None` for the kinds driven by arrival time.
pub(crate) fn truth_of(rule: &Rule, memory: &mut Memory, values: Values<'_>, at: i64) -> Option<Truth> {
    Some(match &rule.kind {
        RuleKind::Limit { channel, direction, trip, clear } => {
            limit::truth(values.number(*channel), *direction, *trip, *clear, memory.held)
        }
        RuleKind::Rate { .. } => rate::truth(&rule.kind, memory, values, at),
        RuleKind::Code { channel, keys, count: 0 | 1, .. } => code::holds(values.key(*channel), keys),
        RuleKind::Code { channel, keys, count, window_ms } => {
            code::counted(memory, values.usable(*channel), keys, *count, *window_ms, at)
        }
        RuleKind::Interlock { condition } => interlock::truth(condition, values),
        RuleKind::Silence { .. } | RuleKind::Quality { .. } => return None,
    })
}

/// Whether the truth changes by time alone, without a new reading.
pub(crate) fn ages(rule: &Rule) -> bool {
    matches!(rule.kind, RuleKind::Rate { .. } | RuleKind::Code { count: 2.., .. })
}

/// When the truth of a counting rule becomes false by itself, at or before `until`.
pub(crate) fn runs_out(rule: &Rule, memory: &Memory, until: i64) -> Option<i64> {
    match rule.kind {
        RuleKind::Code { count: 2.., window_ms, .. } => code::runs_out(memory, window_ms).filter(|at| *at <= until),
        _ => None,
    }
}

/// The channel a rule is mainly about: what a list shows beside its name.
pub(crate) fn primary(rule: &Rule) -> Option<ChannelIx> {
    match &rule.kind {
        RuleKind::Limit { channel, .. } | RuleKind::Rate { channel, .. } | RuleKind::Code { channel, .. } => {
            Some(*channel)
        }
        RuleKind::Quality { channels } => channels.first().copied(),
        RuleKind::Interlock { condition } => {
            let mut channels = Vec::new();
            channels_of(condition, &mut channels);
            channels.first().copied()
        }
        RuleKind::Silence { .. } => None,
    }
}

/// Every channel whose reading can change a rule's truth or its suppression; with `all` also those
/// that only decide its severity. Without repeats, in the order of the rule.
pub(crate) fn channels(rule: &Rule, all: bool) -> Vec<ChannelIx> {
    let mut found = Vec::new();
    match &rule.kind {
        RuleKind::Limit { channel, .. } | RuleKind::Rate { channel, .. } | RuleKind::Code { channel, .. } => {
            found.push(*channel);
        }
        RuleKind::Quality { channels } => found.extend(channels),
        RuleKind::Interlock { condition } => channels_of(condition, &mut found),
        RuleKind::Silence { .. } => {}
    }
    let severity = rule.severity_when.iter().map(|(condition, _)| condition).filter(|_| all);
    for condition in rule.suppress_when.iter().chain(severity) {
        channels_of(condition, &mut found);
    }
    let mut unique = Vec::with_capacity(found.len());
    for channel in found {
        if !unique.contains(&channel) {
            unique.push(channel);
        }
    }
    unique
}
