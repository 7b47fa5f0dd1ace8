//! What a rule remembers, and how truth over covered time becomes trips and clears.

use crate::equipment::Latest;
use crate::pack::{Rule, Truth};
use crate::sample::ChannelIx;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use vigil_protocol::vocabulary::FaultKey;

/// A rule changed its mind, at an exact source time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The condition has held for its delay.
    Trip {
        /// Since when it holds.
        onset: i64,
        /// When the delay was over.
        at: i64,
    },
    /// The condition has been gone for its delay.
    Clear {
        /// When the delay was over.
        at: i64,
    },
}

/// State of one rule. Small, because there are twenty of them for each piece of equipment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    /// As of the last evaluation.
    pub(crate) truth: Truth,
    /// What it was when it was last known.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) held: bool,
    /// Tripped and not cleared.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) active: bool,
    /// The suppression condition holds.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) suppressed: bool,
    /// Would have tripped, but for the suppression.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) masked: bool,
    /// The delay that is running: since when. `None` if none is.
    #[serde(skip_serializing_if = "Since::is_none")]
    onset: Since,
    /// Covered time counted towards it.
    #[serde(skip_serializing_if = "is_default")]
    covered: i64,
    /// What few rules need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra: Option<Box<Extra>>,
}

/// An `Option<i64>` of source time in half the space: nothing happens at the beginning of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Option<i64>", into = "Option<i64>")]
struct Since(i64);

impl Since {
    const NONE: Self = Self(i64::MIN);

    fn at(at: i64) -> Self {
        Self(at.max(i64::MIN + 1))
    }

    fn get(self) -> Option<i64> {
        (!self.is_none()).then_some(self.0)
    }

    fn is_none(&self) -> bool {
        self.0 == i64::MIN
    }
}

impl From<Option<i64>> for Since {
    fn from(at: Option<i64>) -> Self {
        at.map_or(Self::NONE, Self::at)
    }
}

impl From<Since> for Option<i64> {
    fn from(since: Since) -> Self {
        since.get()
    }
}

/// What few rules need to remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Extra {
    /// The reading with which the condition began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) onset: Option<(ChannelIx, Latest)>,
    /// Rate: (source time, number), oldest first.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    pub(crate) points: VecDeque<(i64, f64)>,
    /// Counting rules: source times of the last reports, oldest first.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    pub(crate) reports: VecDeque<i64>,
    /// Counting rules: what was last known to be said, and its source time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_said: Option<Said>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_said_at: Option<i64>,
}

/// What a counting rule tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    /// A two-state signal.
    State(bool),
    /// A code.
    Key(FaultKey),
}

/// Keeps snapshots of the many quiet rules small.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            truth: Truth::Unknown,
            held: false,
            active: false,
            suppressed: false,
            masked: false,
            onset: Since::NONE,
            covered: 0,
            extra: None,
        }
    }
}

impl Memory {
    /// Nothing to remember but that the condition does not hold.
    pub(crate) fn quiet() -> Self {
        Self {
            truth: Truth::False,
            ..Self::default()
        }
    }

    /// What is kept when the rule is not what it was: the trip stays, the next reading decides.
    pub(crate) fn for_changed_rule(self) -> Self {
        Self {
            active: self.active,
            suppressed: self.suppressed,
            ..Self::default()
        }
    }

    /// Takes the truth as of source time `at`. `credit` is time after `at` that has been covered
    /// already (the reading came later than other words of its time).
    pub(crate) fn set(&mut self, rule: &Rule, truth: Truth, at: i64, credit: i64) -> Option<Step> {
        if truth == self.truth {
            return None;
        }
        self.truth = truth;
        match truth {
            Truth::Unknown => return None,
            known => self.held = known == Truth::True,
        }
        if !self.is_moving() {
            self.rest();
            return None;
        }
        if self.onset.is_none() {
            (self.onset, self.covered) = (Since::at(at), 0);
        }
        self.count(rule, at + credit, credit)
    }

    /// Counts `span` ms of covered time that ended at source time `to`.
    pub(crate) fn count(&mut self, rule: &Rule, to: i64, span: i64) -> Option<Step> {
        let onset = self.onset.get()?;
        if !self.is_moving() || self.masked {
            return None;
        }
        self.covered += span;
        let delay = if self.active {
            rule.off_delay_ms
        } else {
            rule.on_delay_ms
        };
        if self.covered < delay {
            return None;
        }
        let at = (to - (self.covered - delay.max(0))).max(onset);
        if self.active {
            self.active = false;
            self.rest();
            Some(Step::Clear { at })
        } else if self.suppressed {
            self.masked = true;
            Some(Step::Trip { onset, at })
        } else {
            self.active = true;
            self.rest();
            Some(Step::Trip { onset, at })
        }
    }

    /// Counts up to `now` on a timeline without holes (arrival time).
    pub(crate) fn until(&mut self, rule: &Rule, now: i64) -> Option<Step> {
        let counted = self.onset.get()?.saturating_add(self.covered);
        self.count(rule, now, (now - counted).max(0))
    }

    /// The suppression has ended: the condition must hold for its delay anew.
    pub(crate) fn unsuppress(&mut self, rule: &Rule, at: i64, credit: i64) -> Option<Step> {
        self.suppressed = false;
        self.masked = false;
        if self.active {
            return None;
        }
        self.rest();
        if self.truth != Truth::True {
            return None;
        }
        self.onset = Since::at(at);
        self.count(rule, at + credit, credit)
    }

    /// Counts what somebody else counted of the running delay, who went on from what was known `before`. `to` is what
    /// has been counted up to here.
    pub(crate) fn take_over(
        &mut self,
        rule: &Rule,
        told: &Self,
        before: Option<&Self>,
        to: i64,
    ) -> Option<Step> {
        let onset = told.onset.get()?;
        // What was counted before is in both counts, unless it was forgotten here.
        let both = match before {
            Some(before) if !before.onset.is_none() && before.onset == self.onset => before.covered,
            _ => 0,
        };
        self.onset = Since::at(onset);
        if let Some(begun) = told.extra.as_ref().and_then(|extra| extra.onset) {
            self.extra().onset = Some(begun);
        }
        self.count(rule, to, told.covered - both)
    }

    /// Forgets the running delay; trips and truth stay.
    pub(crate) fn rest(&mut self) {
        (self.onset, self.covered, self.masked) = (Since::NONE, 0, false);
    }

    /// The truth is the one that changes the state if it lasts.
    fn is_moving(&self) -> bool {
        self.truth == if self.active { Truth::False } else { Truth::True }
    }

    /// Time counts towards something.
    pub(crate) fn is_counting(&self) -> bool {
        !self.onset.is_none() && self.is_moving() && !self.masked
    }

    /// Since when the running delay counts.
    pub(crate) fn onset(&self) -> Option<i64> {
        self.onset.get()
    }

    /// A hole begins: what was masked before says nothing about after.
    pub(crate) fn unmask(&mut self) {
        if self.masked {
            self.rest();
        }
    }

    /// A hole of `ms` has ended. What was counted before it counts on only if it is more than what nobody knows:
    /// in a longer hole the condition may have come and gone, and a signal that swings would add up to a delay it
    /// never held for. True if the delay must begin anew.
    pub(crate) fn outlast(&mut self, ms: i64) -> bool {
        let outlasted = !self.onset.is_none() && !self.masked && self.covered <= ms;
        if outlasted {
            self.rest();
            self.truth = Truth::Unknown;
        }
        outlasted
    }

    /// A hole has ended, and what would be masked still holds as far as anybody knows.
    pub(crate) fn remask(&mut self, at: i64) {
        if self.suppressed && !self.active && self.truth == Truth::True && self.onset.is_none() {
            (self.onset, self.covered) = (Since::at(at), 0);
        }
    }

    /// Counting rules: what was said at some moment, if that is known.
    pub(crate) fn recall_said(&mut self, said: Option<Said>) {
        let extra = self.extra();
        (extra.last_said, extra.last_said_at) = (said, Some(i64::MIN));
    }

    /// Takes over the reports another memory counted up to source time `until`.
    pub(crate) fn recall_reports(&mut self, other: &Self, until: i64) {
        let Some(theirs) = other.extra.as_ref().filter(|extra| !extra.reports.is_empty()) else {
            return;
        };
        let mine = &mut self.extra().reports;
        let mut all: Vec<i64> = theirs.reports.iter().chain(mine.iter()).copied().collect();
        all.retain(|at| *at <= until);
        all.sort_unstable();
        all.dedup();
        *mine = all.into();
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_with(Box::default)
    }
}
