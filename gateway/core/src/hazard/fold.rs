//! The fold: what a hazard's events add up to.

use super::chain::ChainFault;
use super::workflow::StepKind;
use super::{
    Actor, ExtensionRequest, Handling, HazardEvent, HazardEventKind, HazardStatus, HazardSummary, Reminder,
    Report,
};

impl HazardSummary {
    /// The state after the first event; `None` if it does not open a hazard.
    #[must_use]
    pub fn open(event: &HazardEvent) -> Option<Self> {
        let mut summary = match &event.kind {
            HazardEventKind::Opened {
                equipment,
                citation,
                episode,
                late,
                severity,
                grade,
                ..
            } => Self {
                id: event.hazard.clone(),
                equipment: equipment.clone(),
                rule: citation.rule.clone(),
                episode: *episode,
                status: HazardStatus::Suspected,
                grade: *grade,
                severity: *severity,
                opened_at: event.at,
                late: *late,
                condition_active: true,
                trips: 1,
                events: 1,
                changed: event.at,
                head: event.hash,
                title_zh: citation.title_zh.clone(),
                title_en: citation.title_en.clone(),
                clause: citation.clause.clone(),
                handling: Box::default(),
            },
            HazardEventKind::Reported { report } => Self::reported(event, report),
            _ => return None,
        };
        summary.see_scope(event);
        Some(summary)
    }

    fn reported(event: &HazardEvent, report: &Report) -> Self {
        Self {
            id: event.hazard.clone(),
            equipment: report.owner.clone(),
            rule: report.rule.clone(),
            episode: report.episode,
            status: HazardStatus::Suspected,
            grade: report.grade,
            severity: report.severity,
            opened_at: event.at,
            late: false,
            // Nothing watches it: it is not known to hold.
            condition_active: false,
            trips: 0,
            events: 1,
            changed: event.at,
            head: event.hash,
            title_zh: report.title_zh.clone(),
            title_en: report.title_en.clone(),
            clause: report.clause.clone(),
            handling: Box::new(Handling {
                source: report.source,
                category: report.category.clone(),
                description: report.description.as_str().into(),
                unit: report.unit.clone(),
                related: report.related.clone(),
                repeat: report.repeat.clone(),
                attachments: report.attachments.len() as u32,
                ..Handling::default()
            }),
        }
    }

    /// Takes one more event into the state.
    ///
    /// # Errors
    /// The event is not possible here; the state is unchanged.
    pub fn apply(&mut self, event: &HazardEvent) -> Result<(), ChainFault> {
        let machine = event.actor == Actor::Machine;
        if event
            .kind
            .by_machine()
            .is_some_and(|by_machine| by_machine != machine)
        {
            return Err(ChainFault::Actor);
        }
        if let Some(step) = StepKind::of_event(&event.kind) {
            if !step.guard().from.contains(&self.status) {
                return Err(ChainFault::Step);
            }
            if let Actor::Person(login) = &event.actor
                && step.guard().apart_from_rectifiers
                && self.handling.is_rectifier(login)
            {
                return Err(ChainFault::Duties);
            }
        }
        match &event.kind {
            HazardEventKind::Opened { .. } | HazardEventKind::Reported { .. } => {
                return Err(ChainFault::Opening);
            }
            HazardEventKind::Recurred { severity, .. } => {
                if !self.status.is_open() {
                    return Err(ChainFault::Step);
                }
                self.condition_active = true;
                self.trips += 1;
                self.severity = self.severity.min(*severity);
            }
            HazardEventKind::Returned { .. } => self.condition_active = false,
            HazardEventKind::Repeated { repeat, severity } => {
                self.severity = self.severity.min(*severity);
                self.handling.repeat = Some(repeat.clone());
            }
            HazardEventKind::Relapsed { successor, .. } => {
                if self.handling.struck_off_at.is_none() {
                    return Err(ChainFault::Step);
                }
                self.handling.relapses += 1;
                self.handling.successor = Some(successor.clone());
            }
            HazardEventKind::Reminded { .. }
            | HazardEventKind::Overdue { .. }
            | HazardEventKind::Escalated { .. }
            | HazardEventKind::LookBackDue { .. } => self.apply_deadline(&event.kind)?,
            _ => self.apply_step(event),
        }
        if let Actor::Person(login) = &event.actor
            && StepKind::of_event(&event.kind).is_some_and(StepKind::rectifies)
        {
            self.handling.add_rectifier(login);
        }
        self.handling.attachments += event.kind.attachments().len() as u32;
        self.see_scope(event);
        self.events += 1;
        self.changed = event.at;
        self.head = event.hash;
        Ok(())
    }

    fn see_scope(&mut self, event: &HazardEvent) {
        if let Some(scope) = &event.scope {
            self.handling.scope = (**scope).clone();
        }
    }

    /// What the clock does.
    fn apply_deadline(&mut self, kind: &HazardEventKind) -> Result<(), ChainFault> {
        let handling = &mut *self.handling;
        match kind {
            HazardEventKind::Reminded { about, days_left, .. } => match about {
                Reminder::Rectification => handling.reminded_days = Some(*days_left),
                Reminder::Acceptance => handling.acceptance_reminded = true,
                Reminder::Extension => {
                    let request = handling.extension_request.as_mut().ok_or(ChainFault::Step)?;
                    request.reminded = true;
                }
            },
            HazardEventKind::Overdue { due } => {
                if handling.deadline != Some(*due) || handling.overdue {
                    return Err(ChainFault::Step);
                }
                handling.overdue = true;
            }
            HazardEventKind::Escalated { level, days } => {
                if !handling.overdue {
                    return Err(ChainFault::Step);
                }
                handling.escalation = *level;
                handling.escalated_days = Some(*days);
            }
            HazardEventKind::LookBackDue { round, .. } => {
                if handling.struck_off_at.is_none() {
                    return Err(ChainFault::Step);
                }
                handling.look_backs_due = *round;
            }
            _ => {}
        }
        Ok(())
    }

    /// What people do; whether they may has been looked at.
    fn apply_step(&mut self, event: &HazardEvent) {
        let (at, handling) = (event.at, &mut *self.handling);
        let login = match &event.actor {
            Actor::Person(login) => login.as_str(),
            Actor::Machine => "",
        };
        match &event.kind {
            HazardEventKind::Confirmed { .. } => {
                self.status = HazardStatus::Confirmed;
                handling.decided_at = Some(at);
            }
            HazardEventKind::Rejected { .. } => {
                self.status = HazardStatus::Rejected;
                handling.decided_at = Some(at);
            }
            HazardEventKind::Assigned { assignment, .. } => {
                if self.status == HazardStatus::Confirmed {
                    self.status = HazardStatus::Assigned;
                }
                if let Some(deadline) = assignment.deadline
                    && handling.deadline != Some(deadline)
                {
                    handling.set_deadline(deadline, at);
                    handling.extension_request = None;
                }
                handling.assignment = Some((**assignment).clone());
            }
            HazardEventKind::InterimMeasure { text } => handling.interim.push(text.as_str().into()),
            HazardEventKind::RectificationStarted { .. } => self.status = HazardStatus::Rectifying,
            HazardEventKind::Progress { percent, .. } => handling.percent = *percent,
            HazardEventKind::SelfChecked { .. } => {
                self.status = HazardStatus::SelfChecked;
                handling.percent = 100;
                handling.rectified_at = Some(at);
                handling.acceptance_due = None;
                handling.extension_request = None;
            }
            HazardEventKind::AcceptanceRequested { due, .. } => {
                handling.acceptance_due = Some(*due);
                handling.acceptance_reminded = false;
            }
            HazardEventKind::Accepted { .. } => {
                self.status = HazardStatus::Accepted;
                handling.accepted_by = Some(login.into());
                handling.accepted_at = Some(at);
                handling.acceptance_due = None;
            }
            HazardEventKind::AcceptanceRefused { .. } => {
                self.status = HazardStatus::Rectifying;
                handling.refusals += 1;
                handling.rectified_at = None;
                handling.acceptance_due = None;
            }
            HazardEventKind::FixedOnSpot { rectifier, .. } => {
                self.status = HazardStatus::Accepted;
                handling.fixed_on_spot = true;
                handling.percent = 100;
                handling.decided_at.get_or_insert(at);
                handling.rectified_at = Some(at);
                handling.accepted_by = Some(login.into());
                handling.accepted_at = Some(at);
                handling.add_rectifier(rectifier);
            }
            HazardEventKind::ExtensionRequested { until, due, .. } => {
                handling.extension_request = Some(ExtensionRequest {
                    until: *until,
                    by: login.into(),
                    due: *due,
                    reminded: false,
                });
            }
            HazardEventKind::ExtensionGranted { until, .. } => {
                handling.set_deadline(*until, at);
                handling.extensions += 1;
                handling.extension_request = None;
            }
            HazardEventKind::ExtensionRefused { .. } => handling.extension_request = None,
            HazardEventKind::OutOfUseRecommended { .. } => handling.out_of_use_recommended = true,
            HazardEventKind::GradeChanged { to, .. } => self.grade = *to,
            HazardEventKind::Listed { case, deadline, .. } => {
                handling.listed = Some(case.clone());
                handling.listed_at = Some(at);
                if let Some(deadline) = deadline {
                    handling.set_deadline(*deadline, at);
                }
            }
            HazardEventKind::Delisted { .. } => handling.listed = None,
            HazardEventKind::StruckOff { number, .. } => {
                self.status = HazardStatus::StruckOff;
                handling.strike_off = Some(number.clone());
                handling.struck_off_at = Some(at);
                handling.overdue = false;
            }
            HazardEventKind::LookedBack {
                round,
                last,
                passed,
                successor,
                ..
            } => {
                handling.look_backs = *round;
                if !passed {
                    handling.look_back_failed = true;
                    handling.successor.clone_from(successor);
                }
                if *last || !passed {
                    self.status = HazardStatus::LookedBack;
                }
            }
            HazardEventKind::Closed { .. } => {
                self.status = HazardStatus::Closed;
                handling.closed_at = Some(at);
            }
            _ => {}
        }
    }

    /// Whether the condition coming back adds to this hazard instead of opening another.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.status.is_open()
    }
}
