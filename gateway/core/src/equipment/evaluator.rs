//! Rules over readings in source time. One evaluator watches live, another goes over what came late.

use super::series::{Series, Values};
use crate::input::Position;
use crate::pack::{Rule, RuleKind, Truth};
use crate::rules::{self, Memory, Step};

use super::plan::RuleSet;

/// Something a rule decided, at an exact source time. Handled before anything newer is looked at, so
/// that the readings are still those of that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Index of the rule.
    pub(crate) rule: usize,
    /// Source time (arrival time for rules about sight).
    pub(crate) at: i64,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Tripped {
        onset: i64,
    },
    /// Tripped while suppressed: nothing may come of it.
    Masked {
        onset: i64,
    },
    /// What was masked has gone; the suppression goes on.
    Unmasked,
    Cleared,
    Suppressed,
    Unsuppressed,
}

impl Fact {
    pub(crate) fn of(rule: usize, step: Step, memory: &Memory) -> Self {
        match step {
            Step::Trip { onset, at } if memory.masked => Self {
                rule,
                at,
                what: What::Masked { onset },
            },
            Step::Trip { onset, at } => Self {
                rule,
                at,
                what: What::Tripped { onset },
            },
            Step::Clear { at } => Self {
                rule,
                at,
                what: What::Cleared,
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evaluator {
    pub(crate) series: Series,
    pub(crate) memories: Box<[Memory]>,
    /// Readings from before are from a former life of the device.
    pub(crate) fresh_from: Position,
    /// Source time up to which everything is evaluated; `None` before the first word.
    pub(crate) watermark: Option<i64>,
    /// Since when coverage has no hole.
    pub(crate) covered_since: i64,
    /// Rules that time alone may move.
    running: RuleSet,
    /// Rules that are not what they were before a restart, or whose delay a hole has outlasted: to be evaluated at
    /// the next occasion.
    pub(crate) pending: RuleSet,
}

impl Evaluator {
    pub(crate) fn new(channels: usize, rules: usize) -> Self {
        Self {
            series: Series::new(channels),
            memories: vec![Memory::default(); rules].into(),
            fresh_from: Position(0),
            watermark: None,
            covered_since: i64::MIN,
            running: RuleSet::default(),
            pending: RuleSet::default(),
        }
    }

    pub(crate) fn values(&self) -> Values<'_> {
        Values {
            series: &self.series,
            fresh_from: self.fresh_from,
        }
    }

    /// Moves to source time `to`; the time in between counts only if it was `covered`.
    pub(crate) fn advance(&mut self, rules: &[Rule], to: i64, covered: bool, facts: &mut Vec<Fact>) {
        let Some(from) = self.watermark.replace(to) else {
            self.covered_since = to;
            return;
        };
        if !covered {
            self.covered_since = to;
            for (index, rule) in rules.iter().enumerate() {
                if !rules::is_about_sight(&rule.kind) {
                    if self.memories[index].outlast(to - from) {
                        self.pending.insert(index);
                    }
                    self.memories[index].remask(to);
                    self.note_running(rules, index);
                }
            }
        }
        if self.running.is_empty() {
            return;
        }
        for index in self.running.iter(rules.len()) {
            let (rule, memory) = (&rules[index], &mut self.memories[index]);
            let span = |start: i64, end: i64| if covered { end - start } else { 0 };
            let mut step = |memory: &mut Memory, step: Option<Step>| {
                facts.extend(step.map(|step| Fact::of(index, step, memory)));
            };
            match rules::runs_out(rule, memory, to).filter(|_| memory.truth == Truth::True) {
                Some(end) => {
                    let end = end.max(from);
                    let tripped = memory.count(rule, end, span(from, end));
                    step(memory, tripped);
                    let cleared = memory.set(rule, Truth::False, end, span(end, to));
                    step(memory, cleared);
                }
                None => {
                    let done = memory.count(rule, to, span(from, to));
                    step(memory, done);
                }
            }
            self.note_running(rules, index);
        }
    }

    /// Evaluates the process rules of `set` with the readings as of source time `at`.
    pub(crate) fn apply(&mut self, rules: &[Rule], mut set: RuleSet, at: i64, facts: &mut Vec<Fact>) {
        set.merge(std::mem::take(&mut self.pending));
        if set.is_empty() {
            return;
        }
        let credit = match self.watermark {
            Some(watermark) if watermark > at => (watermark - at.max(self.covered_since)).max(0),
            _ => 0,
        };
        for index in set.iter(rules.len()) {
            let (rule, memory) = (&rules[index], &mut self.memories[index]);
            let values = Values {
                series: &self.series,
                fresh_from: self.fresh_from,
            };
            let Some(truth) = rules::truth_of(rule, memory, values, at) else {
                continue;
            };
            let suppressed = rule
                .suppress_when
                .as_ref()
                .is_some_and(|condition| rules::evaluate(condition, values) == Truth::True);
            if suppressed && !memory.suppressed {
                memory.suppressed = true;
                facts.push(Fact {
                    rule: index,
                    at,
                    what: What::Suppressed,
                });
            }
            let (before, was_masked) = (memory.onset(), memory.masked);
            if let Some(step) = memory.set(rule, truth, at, credit) {
                facts.push(Fact::of(index, step, memory));
            }
            if was_masked && !memory.masked {
                facts.push(Fact {
                    rule: index,
                    at,
                    what: What::Unmasked,
                });
            }
            if !suppressed && memory.suppressed {
                facts.push(Fact {
                    rule: index,
                    at,
                    what: What::Unsuppressed,
                });
                if let Some(step) = memory.unsuppress(rule, at, credit) {
                    facts.push(Fact::of(index, step, memory));
                }
            }
            if before.is_none() && memory.onset().is_some() && !memory.active && rule.on_delay_ms > 0 {
                memory.extra().onset = rules::beginning(rule, values);
            }
            self.note_running(rules, index);
        }
    }

    /// Rates that have tripped must see that a value has stopped moving, though it is not sent again.
    pub(crate) fn refresh(&mut self, rules: &[Rule], at: i64, facts: &mut Vec<Fact>) {
        if self.running.is_empty() {
            return;
        }
        let mut rates = RuleSet::default();
        for index in self.running.iter(rules.len()) {
            if matches!(rules[index].kind, RuleKind::Rate { .. }) {
                rates.insert(index);
            }
        }
        if !rates.is_empty() {
            self.apply(rules, rates, at, facts);
        }
    }

    /// A delay that has run since before `to` goes on with what another evaluator counted of it (`told`, from what was
    /// known `before`), up to `to`.
    pub(crate) fn take_over(
        &mut self,
        rule: &Rule,
        index: usize,
        (told, before): (&Memory, Option<&Memory>),
        to: i64,
        facts: &mut Vec<Fact>,
    ) {
        let Some(watermark) = self.watermark else { return };
        let memory = &mut self.memories[index];
        if memory.active || !memory.is_counting() || memory.onset().is_none_or(|onset| onset > to) {
            return;
        }
        if let Some(step) = memory.take_over(rule, told, before, watermark) {
            facts.push(Fact::of(index, step, memory));
        }
    }

    /// Nothing is known any more: delays stand still.
    pub(crate) fn lose_sight(&mut self, rules: &[Rule]) {
        for (index, rule) in rules.iter().enumerate() {
            if !rules::is_about_sight(&rule.kind) {
                self.memories[index].set(rule, Truth::Unknown, 0, 0);
                self.note_running(rules, index);
            }
        }
    }

    /// Sets up what is derived, after a restore.
    pub(crate) fn resume(&mut self, rules: &[Rule]) {
        self.running = RuleSet::default();
        for index in 0..rules.len() {
            self.note_running(rules, index);
        }
    }

    fn note_running(&mut self, rules: &[Rule], index: usize) {
        let (rule, memory) = (&rules[index], &self.memories[index]);
        let process = !rules::is_about_sight(&rule.kind);
        if process && (memory.is_counting() || (memory.truth == Truth::True && rules::ages(rule))) {
            self.running.insert(index);
        } else {
            self.running.remove(index);
        }
    }
}
