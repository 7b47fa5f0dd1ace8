//! The hazards of one owner (a piece of equipment, or a unit) that something can still happen to: what telemetry,
//! people and the clock do to them.

mod due;
mod report;

pub(crate) use report::{on_record, owner_of};

use super::policy::Policy;
use super::workflow::{Filling, Step, StepKind, fill, may};
use super::{
    Actor, By, EvidenceReading, Finding, HazardEvent, HazardEventKind, HazardId, HazardStatus, HazardSummary,
    Repeat, RuleCitation,
};
use crate::input::{OperatorAction, Position};
use crate::output::{Output, Outputs, Refusal};
use crate::pack::{Grade, Severity};
use crate::people::{Person, Scope};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Rejected hazards kept, so that people can still comment on them and late data does not open them again.
const REJECTED: usize = 16;
/// Closed ones remembered, so that the same is known to be repeated and late data does not open them again.
const PAST: usize = 256;

/// The hazards of one owner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Docket {
    /// By time of opening, then by id: the same order after a restart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cases: Vec<HazardSummary>,
    /// The last closed ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    past: Vec<Past>,
    #[serde(skip)]
    next: Option<UtcMillis>,
}

/// A closed hazard, as far as it matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Past {
    rule: Arc<str>,
    id: HazardId,
    struck_off: UtcMillis,
    count: u32,
}

/// A trip of a rule, live or late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trip {
    pub(crate) onset: i64,
    pub(crate) at: i64,
    pub(crate) late: bool,
    pub(crate) severity: Severity,
    pub(crate) grade: Grade,
}

/// A trip, where it happened, and what shows it.
pub(crate) struct Tripped<'a> {
    pub(crate) equipment: &'a Arc<str>,
    pub(crate) rule: &'a str,
    pub(crate) trip: Trip,
    pub(crate) evidence: Vec<EvidenceReading>,
}

/// What a person asks for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) hazard: &'a HazardId,
    /// Only if it has had so many events.
    pub(crate) expect: Option<u32>,
    pub(crate) step: &'a Step,
}

/// A person acts, as the log has it.
#[derive(Clone, Copy)]
pub(crate) struct Acting<'a> {
    actor: &'a str,
    who: Option<&'a Person>,
    scope: Option<&'a Scope>,
    pub(crate) text: &'a str,
    pub(crate) position: Position,
    pub(crate) now: UtcMillis,
}

impl<'a> Acting<'a> {
    /// `None`: nobody is named.
    pub(crate) fn of(action: &'a OperatorAction, position: Position, now: UtcMillis) -> Option<Self> {
        Some(Self {
            actor: super::said(&action.actor)?,
            who: action.who.as_ref(),
            scope: action.scope.as_ref(),
            text: action.reason.trim(),
            position,
            now,
        })
    }

    /// The name as it was given.
    pub(crate) const fn actor(&self) -> &'a str {
        self.actor
    }

    /// Who acts. Before there were people with roles, everyone was an administrator.
    fn person(&self) -> Person {
        self.who
            .cloned()
            .unwrap_or_else(|| Person::administrator(self.actor))
    }

    fn scope(&self) -> Scope {
        self.scope.cloned().unwrap_or_default()
    }

    fn by(&self) -> By {
        By {
            // The name in the chain is the one the duties are kept apart by.
            actor: Actor::Person(self.who.map_or(self.actor, |who| &who.login).to_owned()),
            who: self.who.cloned().map(Box::new),
            scope: self.scope.cloned().map(Box::new),
            position: self.position,
            at: self.now,
        }
    }
}

/// There is no hazard to act on.
pub(crate) fn unknown_hazard(id: &HazardId) -> Refusal {
    Refusal::new(
        "unknown_hazard",
        format!("there is no open hazard {}", id.0),
        format!("没有可办理的隐患 {}", id.0),
    )
}

impl Docket {
    /// Nothing to remember.
    pub(crate) fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.past.is_empty()
    }

    /// Nothing that anything can still happen to.
    pub(crate) fn is_done(&self) -> bool {
        self.cases.is_empty()
    }

    /// When [`Self::on_due`] has something to do.
    pub(crate) const fn next(&self) -> Option<UtcMillis> {
        self.next
    }

    pub(crate) fn cases(&self) -> &[HazardSummary] {
        &self.cases
    }

    pub(crate) fn find(&self, id: &HazardId) -> Option<&HazardSummary> {
        self.cases.iter().find(|case| case.id == *id)
    }

    /// The open one of a rule: there is at most one.
    pub(crate) fn open_of(&self, rule: &str) -> Option<&HazardSummary> {
        self.cases
            .iter()
            .find(|case| case.is_open() && *case.rule == *rule)
    }

    fn knows(&self, id: &HazardId) -> bool {
        self.find(id).is_some() || self.past.iter().any(|past| past.id == *id)
    }

    /// Puts back a state that is further on than what is known. Returns whether it is.
    pub(crate) fn adopt(&mut self, case: HazardSummary, policy: &Policy) -> bool {
        let other = case.is_open() && self.open_of(&case.rule).is_some_and(|open| open.id != case.id);
        match self.cases.iter_mut().find(|known| known.id == case.id) {
            Some(known) if known.events >= case.events => return false,
            _ if other => return false,
            Some(known) => *known = case,
            None => {
                self.past.retain(|past| past.id != case.id);
                self.place(case);
            }
        }
        self.plan(policy);
        true
    }

    /// After a restart.
    pub(crate) fn plan(&mut self, policy: &Policy) {
        self.next = self
            .cases
            .iter()
            .filter_map(|case| due::next(case, policy).map(|(at, _)| at))
            .min();
    }

    /// Opens a hazard for the trip, or adds it to the open one. Nothing happens if this very episode is on record.
    pub(crate) fn on_trip(
        &mut self,
        tripped: Tripped<'_>,
        cite: impl FnOnce() -> RuleCitation,
        by: &By,
        policy: &Policy,
        out: &mut Outputs,
    ) {
        let Tripped {
            equipment,
            rule,
            trip,
            evidence,
        } = tripped;
        let Trip {
            onset,
            at,
            late,
            severity,
            grade,
        } = trip;
        let open = self
            .cases
            .iter()
            .position(|case| case.is_open() && *case.rule == *rule);
        let id = match open {
            Some(index) => {
                let kind = HazardEventKind::Recurred {
                    tripped_at: UtcMillis(at),
                    late,
                    severity,
                    evidence,
                };
                append(&mut self.cases[index], kind, by.clone(), out);
                self.cases[index].id.clone()
            }
            None => {
                let id = HazardId::derive(equipment, rule, UtcMillis(onset));
                if self.knows(&id) {
                    return;
                }
                let kind = HazardEventKind::Opened {
                    equipment: equipment.clone(),
                    citation: Box::new(cite()),
                    episode: UtcMillis(onset),
                    tripped_at: UtcMillis(at),
                    late,
                    severity,
                    grade,
                    evidence,
                };
                let repeat = self.struck_off_before(rule, UtcMillis(onset), policy);
                if let Some(case) = self.open(id.clone(), kind, by.clone(), out)
                    && let Some(repeat) = repeat
                {
                    let severity = raised(case.severity);
                    append(
                        case,
                        HazardEventKind::Repeated { repeat, severity },
                        by.clone(),
                        out,
                    );
                }
                id
            }
        };
        let struck_off = self.cases.iter_mut().filter(|case| {
            let struck_off = case.handling.struck_off_at;
            *case.rule == *rule && struck_off.is_some_and(|struck_off| at > struck_off.0)
        });
        for case in struck_off {
            let kind = HazardEventKind::Relapsed {
                successor: id.clone(),
                tripped_at: UtcMillis(at),
            };
            append(case, kind, by.clone(), out);
        }
        self.plan(policy);
    }

    /// The condition went: nothing closes by that.
    pub(crate) fn on_return(
        &mut self,
        rule: &str,
        at: UtcMillis,
        evidence: Vec<EvidenceReading>,
        by: &By,
        out: &mut Outputs,
    ) {
        let open = self
            .cases
            .iter_mut()
            .find(|case| case.is_open() && case.condition_active && *case.rule == *rule);
        if let Some(case) = open {
            append(case, HazardEventKind::Returned { at, evidence }, by.clone(), out);
        }
    }

    /// A step of the loop.
    ///
    /// # Errors
    /// Refused; nothing has changed then.
    pub(crate) fn act(
        &mut self,
        asked: Asked<'_>,
        acting: &Acting<'_>,
        last_heard: Option<UtcMillis>,
        policy: &Policy,
        out: &mut Outputs,
    ) -> Result<(), Refusal> {
        let Asked {
            hazard: id,
            expect,
            step,
        } = asked;
        let index = self.index_of(id).ok_or_else(|| unknown_hazard(id))?;
        let case = &self.cases[index];
        if expect.is_some_and(|expect| expect != case.events) {
            return Err(Refusal::new(
                "changed",
                format!("hazard {} has {} events now: look at it again", id.0, case.events),
                format!(
                    "隐患 {} 已有新的处理（共 {} 条记录），请刷新后再办理",
                    id.0, case.events
                ),
            ));
        }
        let (person, scope) = (acting.person(), acting.scope());
        may(case, &person, &scope, acting.now, policy, step.kind())?;
        let watched = case.trips > 0;
        let finding = watched.then_some(Finding {
            relapses: case.handling.relapses,
            last_heard,
        });
        let failed = matches!(step, Step::LookBack { passed: false, .. });
        let successor = failed.then(|| self.successor_of(index, acting));
        let filling = Filling {
            person: &person,
            scope: &scope,
            text: acting.text,
            now: acting.now,
            policy,
            finding: finding.filter(|_| step.kind() == StepKind::LookBack),
            successor: successor.as_ref().map(|(id, _)| id.clone()),
        };
        let kind = fill(case, step, &filling)?;
        if let Some((id, Some(report))) = successor {
            self.open(id, HazardEventKind::Reported { report }, acting.by(), out);
        }
        // What was opened may stand in front of it now.
        if let Some(index) = self.index_of(id) {
            append(&mut self.cases[index], kind, acting.by(), out);
            self.let_go(index);
        }
        self.plan(policy);
        Ok(())
    }

    /// What is due at or before `now`, each at its own time.
    pub(crate) fn on_due(&mut self, now: UtcMillis, position: Position, policy: &Policy, out: &mut Outputs) {
        while let Some(at) = self.next.filter(|next| *next <= now) {
            let before = out.len();
            for case in &mut self.cases {
                if let Some((due, kind)) = due::next(case, policy)
                    && due <= at
                {
                    append(case, kind, By::machine(position, at.max(case.changed)), out);
                }
            }
            self.plan(policy);
            if out.len() == before {
                // What cannot happen does not become due again and again.
                self.next = None;
            }
        }
    }

    /// Lets go of rejected ones, and says which.
    pub(crate) fn drop_rejected(&mut self) -> Vec<HazardId> {
        let gone = self
            .cases
            .extract_if(.., |case| case.status == HazardStatus::Rejected);
        gone.map(|case| case.id).collect()
    }

    fn open(
        &mut self,
        id: HazardId,
        kind: HazardEventKind,
        by: By,
        out: &mut Outputs,
    ) -> Option<&mut HazardSummary> {
        let event = HazardEvent::after(None, id, by, kind);
        let summary = HazardSummary::open(&event)?;
        out.push(Output::Hazard {
            event: Box::new(event),
            summary: Box::new(summary.clone()),
        });
        self.forget_rejected(&summary.rule);
        let at = self.place(summary);
        self.cases.get_mut(at)
    }

    /// Puts a case where it belongs.
    fn place(&mut self, case: HazardSummary) -> usize {
        let before = |known: &HazardSummary| (known.opened_at, &known.id) < (case.opened_at, &case.id);
        let at = self.cases.partition_point(before);
        self.cases.insert(at, case);
        at
    }

    fn index_of(&self, id: &HazardId) -> Option<usize> {
        self.cases.iter().position(|case| case.id == *id)
    }

    /// The last rejected one of a rule is kept; of those that make room for another only a few.
    fn forget_rejected(&mut self, opening: &str) {
        let goes = |cases: &[HazardSummary], at: usize| {
            let case = &cases[at];
            let later = || cases[at + 1..].iter().any(|later| later.rule == case.rule);
            case.status == HazardStatus::Rejected && (case.trips == 0 || *case.rule == *opening || later())
        };
        let rejected: Vec<usize> = (0..self.cases.len())
            .filter(|at| goes(&self.cases, *at))
            .collect();
        if rejected.len() > REJECTED {
            self.cases.remove(rejected[0]);
        }
    }

    /// Of a closed one only that it was is remembered.
    fn let_go(&mut self, index: usize) {
        if self.cases[index].status != HazardStatus::Closed {
            return;
        }
        let case = self.cases.remove(index);
        let Some(struck_off) = case.handling.struck_off_at else {
            return;
        };
        if self.past.len() == PAST {
            self.past.remove(0);
        }
        self.past.push(Past {
            count: repeats(&case),
            rule: case.rule,
            id: case.id,
            struck_off,
        });
    }

    /// 屡查屡犯: the last one of the rule that was struck off not long before `at`.
    fn struck_off_before(&self, rule: &str, at: UtcMillis, policy: &Policy) -> Option<Repeat> {
        let within = policy.repeat.lasts.ms();
        let waiting = self.cases.iter().filter_map(|case| {
            let struck_off = case.handling.struck_off_at.filter(|_| *case.rule == *rule)?;
            Some((struck_off, &case.id, repeats(case)))
        });
        let past = self.past.iter().filter(|past| *past.rule == *rule);
        waiting
            .chain(past.map(|past| (past.struck_off, &past.id, past.count)))
            .filter(|(struck_off, ..)| at > *struck_off && at.since(*struck_off) <= within)
            .max_by_key(|(struck_off, ..)| *struck_off)
            .map(|(_, id, count)| Repeat {
                of: id.clone(),
                count: count + 1,
            })
    }
}

/// How often the same had been struck off before a hazard.
fn repeats(case: &HazardSummary) -> u32 {
    case.handling.repeat.as_ref().map_or(0, |repeat| repeat.count)
}

/// One step worse.
const fn raised(severity: Severity) -> Severity {
    match severity {
        Severity::S1 | Severity::S2 => Severity::S1,
        Severity::S3 => Severity::S2,
        Severity::S4 => Severity::S3,
    }
}

/// Appends an event to a hazard's chain and sends it out. What is not possible does not happen.
fn append(case: &mut HazardSummary, kind: HazardEventKind, by: By, out: &mut Outputs) {
    let event = HazardEvent::after(Some(case), case.id.clone(), by, kind);
    if case.apply(&event).is_ok() {
        out.push(Output::Hazard {
            event: Box::new(event),
            summary: Box::new(case.clone()),
        });
    }
}
