//! Rule states: three-valued, gap-aware.
//!
//! A rule's *truth* is a function of the newest usable readings; a [`Memory`] turns truth over time
//! into trips and clears. Time is source time, and only covered time counts: the timer stands still
//! while the truth is unknown or the equipment was not heard.

mod code;
mod condition;
mod count;
mod interlock;
mod limit;
mod memory;
mod quality;
mod rate;
mod silence;

pub(crate) use condition::evaluate;
use condition::{channels_of, speaking};
use count::{Quota, Report};
pub(crate) use memory::{Memory, Said, Step};
pub(crate) use quality::quality_truth;
pub(crate) use silence::silence_due;

use crate::equipment::{Latest, Values};
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
        RuleKind::Limit {
            channel,
            direction,
            trip,
            clear,
        } => limit::truth(values.number(*channel), *direction, *trip, *clear, memory.held),
        RuleKind::Rate { .. } => rate::truth(&rule.kind, memory, values, at),
        RuleKind::Code {
            channel,
            keys,
            count: 0 | 1,
            ..
        } => code::holds(values.key(*channel), keys),
        RuleKind::Code { channel, keys, .. } => {
            let report = values
                .usable(*channel)
                .and_then(|latest| code::report(latest, keys));
            count::counted(memory, report.as_ref(), quota(&rule.kind)?, at)
        }
        RuleKind::Count { channel, value, .. } => {
            let report = values.usable(*channel).zip(values.boolean(*channel));
            let report = report.map(|(latest, state)| Report {
                at: latest.at.0,
                said: Said::State(state),
                wanted: state == *value,
                repeats: false,
            });
            count::counted(memory, report.as_ref(), quota(&rule.kind)?, at)
        }
        RuleKind::Interlock { condition } => interlock::truth(condition, values),
        RuleKind::Silence { .. } | RuleKind::Quality { .. } => return None,
    })
}

/// How many beginnings or reports a rule counts, in what time; `None` if it does not count.
fn quota(kind: &RuleKind) -> Option<Quota> {
    match *kind {
        RuleKind::Code {
            count: count @ 2..,
            window_ms,
            ..
        }
        | RuleKind::Count { count, window_ms, .. } => Some(Quota { count, window_ms }),
        _ => None,
    }
}

/// Whether the truth changes by time alone, without a new reading.
pub(crate) fn ages(rule: &Rule) -> bool {
    matches!(rule.kind, RuleKind::Rate { .. }) || quota(&rule.kind).is_some()
}

/// When the truth of a counting rule becomes false by itself, at or before `until`.
pub(crate) fn runs_out(rule: &Rule, memory: &Memory, until: i64) -> Option<i64> {
    count::runs_out(memory, quota(&rule.kind)?.window_ms).filter(|at| *at <= until)
}

/// The channels that speak for a rule now, the most important first: its own, or for several together
/// those that make the condition true.
pub(crate) fn speakers(rule: &Rule, values: Values<'_>) -> Vec<ChannelIx> {
    match &rule.kind {
        RuleKind::Interlock { condition } => {
            let mut found = Vec::new();
            speaking(condition, values, &mut found);
            if found.is_empty() {
                channels_of(condition, &mut found);
            }
            unique(found)
        }
        RuleKind::Quality { channels } => {
            let lost = channels
                .iter()
                .filter(|channel| values.usable(**channel).is_none());
            lost.filter(|channel| values.series.get(**channel).is_some())
                .copied()
                .collect()
        }
        RuleKind::Limit { channel, .. }
        | RuleKind::Rate { channel, .. }
        | RuleKind::Code { channel, .. }
        | RuleKind::Count { channel, .. } => {
            vec![*channel]
        }
        RuleKind::Silence { .. } => Vec::new(),
    }
}

/// The reading that began the condition: of those that speak for it the newest.
pub(crate) fn beginning(rule: &Rule, values: Values<'_>) -> Option<(ChannelIx, Latest)> {
    let readings = speakers(rule, values).into_iter();
    readings
        .filter_map(|channel| Some((channel, *values.series.get(channel)?)))
        .reduce(|best, next| if next.1.at > best.1.at { next } else { best })
}

/// Every channel whose reading can change a rule's truth or its suppression; with `all` also those
/// that only decide its severity. Without repeats, in the order of the rule.
pub(crate) fn channels(rule: &Rule, all: bool) -> Vec<ChannelIx> {
    let mut found = Vec::new();
    match &rule.kind {
        RuleKind::Limit { channel, .. }
        | RuleKind::Rate { channel, .. }
        | RuleKind::Code { channel, .. }
        | RuleKind::Count { channel, .. } => {
            found.push(*channel);
        }
        RuleKind::Quality { channels } => found.extend(channels),
        RuleKind::Interlock { condition } => channels_of(condition, &mut found),
        RuleKind::Silence { .. } => {}
    }
    let severity = rule
        .severity_when
        .iter()
        .map(|(condition, _)| condition)
        .filter(|_| all);
    for condition in rule.suppress_when.iter().chain(severity) {
        channels_of(condition, &mut found);
    }
    unique(found)
}

fn unique(found: Vec<ChannelIx>) -> Vec<ChannelIx> {
    let mut unique = Vec::with_capacity(found.len());
    for channel in found {
        if !unique.contains(&channel) {
            unique.push(channel);
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use crate::pack::Truth::{self, False, True, Unknown};

    const ALL: [Truth; 3] = [True, False, Unknown];

    #[test]
    fn three_valued_logic_keeps_its_laws() {
        for a in ALL {
            assert_eq!(!!a, a);
            assert_eq!((a.and(True), a.or(False)), (a, a), "neutral");
            assert_eq!(
                (a.and(False), a.or(True)),
                (False, True),
                "one known value decides"
            );
            assert_eq!((a.and(a), a.or(a)), (a, a));
            for b in ALL {
                assert_eq!((a.and(b), a.or(b)), (b.and(a), b.or(a)));
                assert_eq!(!a.and(b), (!a).or(!b), "De Morgan");
                assert_eq!(a.and(a.or(b)), a, "absorption");
                for c in ALL {
                    assert_eq!(a.and(b).and(c), a.and(b.and(c)));
                    assert_eq!(a.or(b).or(c), a.or(b.or(c)));
                    assert_eq!(a.and(b.or(c)), a.and(b).or(a.and(c)), "distribution");
                }
            }
        }
    }

    #[test]
    fn learning_more_never_turns_a_known_answer_around() {
        for a in [True, False] {
            for b in [True, False] {
                for (vague_a, vague_b) in [(Unknown, b), (a, Unknown), (Unknown, Unknown)] {
                    for (vague, known) in [
                        (vague_a.and(vague_b), a.and(b)),
                        (vague_a.or(vague_b), a.or(b)),
                        (!vague_a, !a),
                    ] {
                        assert!(
                            vague == Unknown || vague == known,
                            "{a:?} {b:?}: {vague:?} became {known:?}"
                        );
                    }
                }
            }
        }
    }
}
