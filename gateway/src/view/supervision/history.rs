//! What happened to a case.

use super::text;
use crate::view::hazard::AttachedFile;
use crate::view::time::Time;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::supervision::{CaseEvent, CaseEventKind, CaseStep};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseHistory {
    /// 0, 1, 2 …
    pub seq: u32,
    /// When.
    pub at: Time,
    /// `issued`, the key of a step, `reminded`, `overdue` or `escalated`.
    pub event: &'static str,
    /// Login; `null`: the clock.
    pub actor: Option<String>,
    /// His role.
    pub role: Option<&'static str>,
    /// His unit.
    pub unit: Option<String>,
    /// What he said.
    pub text: String,
    /// When that was, if he says so.
    pub on: Option<Time>,
    /// Where, or with whom.
    pub place: Option<String>,
    /// Who took part.
    pub people: Option<String>,
    /// A deadline that is wanted or given.
    pub until: Option<Time>,
    /// What was waited for.
    pub timer: Option<&'static str>,
    /// When it was due.
    pub due: Option<Time>,
    /// Days left, or behind.
    pub days: Option<u16>,
    /// Files that came with it.
    pub attachments: Vec<AttachedFile>,
    /// Hash of the event, hex.
    pub hash: String,
}

impl From<&CaseEvent> for CaseHistory {
    fn from(event: &CaseEvent) -> Self {
        let mut view = Self {
            seq: event.seq,
            at: event.at.into(),
            event: event.kind.key(),
            actor: event.who.as_ref().map(|who| who.login.to_string()),
            role: event.who.as_ref().map(|who| who.role.key()),
            unit: event.who.as_ref().and_then(|who| text(&who.unit)),
            text: event.kind.text().to_owned(),
            on: None,
            place: None,
            people: None,
            until: None,
            timer: None,
            due: None,
            days: None,
            attachments: event.kind.attachments().iter().map(AttachedFile::from).collect(),
            hash: event.hash.to_string(),
        };
        match &event.kind {
            CaseEventKind::Issued { order, .. } => view.until = order.deadline.map(Into::into),
            CaseEventKind::Reminded {
                timer,
                due,
                days_left,
            } => {
                (view.timer, view.due, view.days) = (Some(timer.key()), Some(Time(*due)), Some(*days_left));
            }
            CaseEventKind::Overdue { timer, due } => {
                (view.timer, view.due) = (Some(timer.key()), Some(Time(*due)));
            }
            CaseEventKind::Escalated { level, days } => {
                (view.days, view.people) = (Some(*days), Some(level.to_string()));
            }
            CaseEventKind::Stepped { step, .. } => view.fill(step),
        }
        view
    }
}

impl CaseHistory {
    fn fill(&mut self, step: &CaseStep) {
        match step {
            CaseStep::File { on, office } => (self.on, self.place) = (Some(Time(*on)), Some(office.clone())),
            CaseStep::Publish { on, place } | CaseStep::PublishDelisting { on, place } => {
                (self.on, self.place) = (Some(Time(*on)), Some(place.clone()));
            }
            CaseStep::Meet {
                on, place, attendees, ..
            } => {
                (self.on, self.place) = (Some(Time(*on)), Some(place.clone()));
                self.people = Some(attendees.clone());
            }
            CaseStep::FollowUp { on, .. } => self.on = Some(Time(*on)),
            CaseStep::ReportAcceptance { on, inspectors, .. } => {
                (self.on, self.people) = (Some(Time(*on)), Some(inspectors.clone()));
            }
            CaseStep::RequestExtension { until } => self.until = Some(Time(*until)),
            CaseStep::GrantExtension { until } => self.until = until.map(Time),
            _ => {}
        }
    }
}
