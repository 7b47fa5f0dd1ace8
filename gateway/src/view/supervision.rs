//! Supervision cases, as lists and pages show them.

mod detail;
mod history;
mod rules;
mod table;

pub use detail::{
    CaseAcceptance, CaseEnding, CaseExtension, CaseHazardView, CaseMeeting, CaseNextStep, CaseNotice,
    SupervisionDetail, supervision_case,
};
pub use history::CaseHistory;
pub use rules::{CasePeriod, SupervisionRules, supervision_rules};
pub use table::case_table;

use super::time::Time;
use crate::app::App;
use crate::desk::cases::{self, CaseFilter, CasesError, StoredCase};
use rules::unverified;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::hazard::policy::Period;
use vigil_core::people::Person;
use vigil_core::supervision::policy::SupervisionPolicy;
use vigil_core::supervision::{Timer, waiting};

/// A name in two languages, with its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Named {
    /// Stable key.
    pub key: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Something that is waited for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseDue {
    /// `filing`, `publication`, `meeting`, `deadline`, `extension_decision` or `delisting_publication`.
    pub timer: &'static str,
    /// By when.
    pub due: Time,
    /// It has passed.
    pub late: bool,
    /// The period it follows from still has to be verified.
    pub unverified: bool,
}

/// A case as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SupervisionCase {
    /// What it is addressed by.
    pub id: i64,
    /// Its number.
    pub number: String,
    /// `listed` (挂牌督办), `interview` (约谈) or `circular` (通报).
    pub kind: &'static str,
    /// Level of the authority.
    pub level: Named,
    /// `issued`, `published`, `held`, `accepted`, `delisted`, `closed` or `withdrawn`.
    pub status: &'static str,
    /// In force.
    pub open: bool,
    /// Something that was waited for is late.
    pub overdue: bool,
    /// What it is called.
    pub title: String,
    /// Name of the authority.
    pub issuer: String,
    /// When it was issued.
    pub issued_at: Time,
    /// Login of who issued it.
    pub issued_by: String,
    /// By when it must be done.
    pub deadline: Option<Time>,
    /// What is waited for, first come first.
    pub waiting: Vec<CaseDue>,
    /// Level it was escalated to; 0 = none.
    pub escalation: u8,
    /// Area code.
    pub area: String,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Equipment id.
    pub equipment: Option<String>,
    /// Ids of the hazards it is about.
    pub hazards: Vec<String>,
    /// Entries of those who followed it up.
    pub follow_ups: u32,
    /// Answers of the unit.
    pub answers: u32,
    /// How often more time was given.
    pub extensions: u32,
    /// Events so far; with quotes around it, the `ETag`.
    pub events: u32,
    /// Last event.
    pub changed: Time,
}

/// A page of cases.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SupervisionPage {
    /// The cases.
    pub cases: Vec<SupervisionCase>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    pub next: Option<String>,
    /// How many there are in all, counted up to 10,000 and only on the first page.
    pub total: Option<u64>,
}

fn level_of(policy: &SupervisionPolicy, key: &str) -> Named {
    let known = policy.level.iter().find(|level| *level.key == *key);
    Named {
        key: key.to_owned(),
        zh: known.map_or(key, |level| &level.zh).to_owned(),
        en: known.map_or(key, |level| &level.en).to_owned(),
    }
}

fn timer_period(policy: &SupervisionPolicy, timer: Timer) -> Option<&Period> {
    match timer {
        Timer::Filing => Some(&policy.filing),
        Timer::Publication => Some(&policy.publication),
        Timer::Meeting => Some(&policy.meeting),
        Timer::Deadline => None,
        Timer::ExtensionDecision => Some(&policy.extension_decision),
        Timer::DelistingPublication => Some(&policy.delisting_publication),
    }
}

fn text(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}

impl SupervisionCase {
    /// A case as it is waited for under the rules in force.
    #[must_use]
    pub fn of(policy: &SupervisionPolicy, stored: &StoredCase) -> Self {
        let case = &stored.case;
        let due = |(timer, at): (Timer, _)| CaseDue {
            timer: timer.key(),
            due: Time(at),
            late: case.late.contains(&timer),
            unverified: timer_period(policy, timer).is_some_and(unverified),
        };
        Self {
            id: stored.id,
            number: case.number.to_string(),
            kind: case.order.kind.key(),
            level: level_of(policy, &case.order.level),
            status: case.status.key(),
            open: case.status.is_open(),
            overdue: case.is_overdue(),
            title: case.order.title.clone(),
            issuer: case.order.issuer.clone(),
            issued_at: case.issued_at.into(),
            issued_by: case.issued_by.to_string(),
            deadline: case.deadline.map(Into::into),
            waiting: waiting(case, policy).into_iter().map(due).collect(),
            escalation: case.escalation,
            area: case.order.scope.area.to_string(),
            unit: text(&case.order.subject.unit),
            equipment: text(&case.order.subject.equipment),
            hazards: case
                .order
                .subject
                .hazards
                .iter()
                .map(|id| id.0.to_string())
                .collect(),
            follow_ups: case.follow_ups,
            answers: case.answers,
            extensions: case.extensions,
            events: case.events,
            changed: case.changed.into(),
        }
    }
}

/// A page of cases.
///
/// # Errors
/// The database cannot be read.
pub async fn supervision(
    app: &App,
    person: &Person,
    filter: &CaseFilter,
) -> Result<SupervisionPage, CasesError> {
    let total = match filter.after {
        None => Some(cases::count(&app.desk, person, filter).await?),
        Some(_) => None,
    };
    let page = cases::cases(&app.desk, person, filter).await?;
    let rules = app.rules.now();
    Ok(SupervisionPage {
        cases: page
            .cases
            .iter()
            .map(|stored| SupervisionCase::of(&rules.supervision, stored))
            .collect(),
        next: page.next.map(|next| next.to_string()),
        total,
    })
}
