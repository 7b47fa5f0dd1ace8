//! Everything about a case.

use super::{CaseHistory, SupervisionCase};
use crate::app::App;
use crate::desk::cases::{self, CaseHazard, CasesError};
use crate::view::case_steps::{CaseBlockedStep, blocked_steps};
use crate::view::time::Time;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::people::{Person, Scope};
use vigil_core::supervision::{Asking, Case, Notice, allowed, verify};

/// Something was made known.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseNotice {
    /// When.
    pub on: Time,
    /// Where, or with whom.
    pub place: String,
    /// What it said.
    pub text: String,
    /// Login of who entered it.
    pub by: String,
}

/// An interview that was held.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseMeeting {
    /// When.
    pub on: Time,
    /// Where.
    pub place: String,
    /// Who was there.
    pub attendees: String,
    /// What was said and promised.
    pub text: String,
}

/// The report that all is rectified.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseAcceptance {
    /// When it was inspected on site.
    pub on: Time,
    /// Who inspected it.
    pub inspectors: String,
    /// Their conclusion.
    pub text: String,
    /// Login of who entered it.
    pub by: String,
}

/// More time is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseExtension {
    /// The deadline wanted.
    pub until: Time,
    /// Login of who asked.
    pub by: String,
    /// By when it is to be decided.
    pub due: Time,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseEnding {
    /// When.
    pub at: Time,
    /// Login of who ended it.
    pub by: String,
    /// Why.
    pub text: String,
}

/// A hazard of a case.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseHazardView {
    /// Hazard id.
    pub id: String,
    /// Title, Chinese.
    pub title_zh: String,
    /// Title, English.
    pub title_en: String,
    /// Where it stands; `null`: it is not in the store.
    #[schema(value_type = Option<crate::view::words::HazardStatusWords>)]
    pub status: Option<vigil_core::hazard::HazardStatus>,
    /// What its own loop knows: `named` (nothing to know), `listing`, `listed`, `delisting`, `delisted` or `refused`.
    pub state: String,
    /// Why its loop refused.
    pub why: String,
}

/// A step that can be taken now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CaseNextStep {
    /// Its key: the `action`.
    pub action: &'static str,
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
    /// It needs words.
    pub text_required: bool,
    /// It needs a file.
    pub evidence_required: bool,
}

/// Everything about a case.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SupervisionDetail {
    /// What lists show.
    #[serde(flatten)]
    pub case: SupervisionCase,
    /// Why.
    pub grounds: String,
    /// What must be done.
    pub demands: String,
    /// When an interview is to be held.
    pub meet_at: Option<Time>,
    /// 备案.
    pub filed: Option<CaseNotice>,
    /// 公布.
    pub published: Option<CaseNotice>,
    /// 约谈.
    pub held: Option<CaseMeeting>,
    /// More time is asked for.
    pub extension: Option<CaseExtension>,
    /// 验收报告.
    pub acceptance: Option<CaseAcceptance>,
    /// How it ended.
    pub ended: Option<CaseEnding>,
    /// 摘牌公布.
    pub delisting_published: Option<CaseNotice>,
    /// Its hazards, and what their loops know of it.
    pub listed_hazards: Vec<CaseHazardView>,
    /// What who asks can do now.
    pub next_steps: Vec<CaseNextStep>,
    /// What others can do now, or who asks later.
    pub blocked_steps: Vec<CaseBlockedStep>,
    /// Everything that happened.
    pub history: Vec<CaseHistory>,
    /// Every link of the chain was proven.
    pub verified: bool,
    /// Hash of the last event.
    pub head: String,
}

impl From<&Notice> for CaseNotice {
    fn from(notice: &Notice) -> Self {
        Self {
            on: notice.on.into(),
            place: notice.place.clone(),
            text: notice.text.clone(),
            by: notice.by.to_string(),
        }
    }
}

impl From<CaseHazard> for CaseHazardView {
    fn from(hazard: CaseHazard) -> Self {
        let (title_zh, title_en) = hazard.title;
        Self {
            id: hazard.hazard.0.to_string(),
            title_zh,
            title_en,
            status: hazard.status,
            state: hazard.state,
            why: hazard.why,
        }
    }
}

/// Everything about a case, for who sees it, with the steps he could take next.
///
/// # Errors
/// There is none, or it is out of scope; the database cannot be read.
pub async fn supervision_case(app: &App, id: i64, person: &Person) -> Result<SupervisionDetail, CasesError> {
    let stored = cases::case(&app.desk, person, id).await?;
    let events = cases::case_events(&app.desk, id).await?;
    let hazards = cases::hazards_of_case(&app.desk, id).await?;
    let open: Vec<_> = hazards
        .iter()
        .filter(|one| one.status.is_none_or(|status| status.is_open()))
        .map(|one| one.hazard.clone())
        .collect();
    let case = &stored.case;
    let scope: &Scope = &case.order.scope;
    let rules = app.rules.now();
    let asking = Asking {
        person,
        scope,
        text: "",
        open_hazards: &open,
        now: app.clock.now(),
        policy: &rules.supervision,
    };
    let next_steps = allowed(case, &asking).into_iter().map(|step| {
        let guard = step.guard();
        CaseNextStep {
            action: step.key(),
            zh: guard.zh,
            en: guard.en,
            text_required: guard.text,
            evidence_required: guard.evidence,
        }
    });
    let next_steps = next_steps.collect();
    Ok(SupervisionDetail {
        verified: verify(&events).is_ok_and(|folded| folded == *case),
        head: case.head.to_string(),
        grounds: case.order.grounds.clone(),
        demands: case.order.demands.clone(),
        meet_at: case.order.meet_at.map(Into::into),
        filed: case.filed.as_ref().map(Into::into),
        published: case.published.as_ref().map(Into::into),
        held: held(case),
        extension: case.extension.as_ref().map(|asked| CaseExtension {
            until: asked.until.into(),
            by: asked.by.to_string(),
            due: asked.due.into(),
        }),
        acceptance: case.acceptance.as_ref().map(|report| CaseAcceptance {
            on: report.on.into(),
            inspectors: report.inspectors.clone(),
            text: report.text.clone(),
            by: report.by.to_string(),
        }),
        ended: case.ended.as_ref().map(|ended| CaseEnding {
            at: ended.at.into(),
            by: ended.by.to_string(),
            text: ended.text.clone(),
        }),
        delisting_published: case.delisting_published.as_ref().map(Into::into),
        listed_hazards: hazards.into_iter().map(Into::into).collect(),
        next_steps,
        blocked_steps: blocked_steps(case, &asking),
        history: events.iter().map(CaseHistory::from).collect(),
        case: SupervisionCase::of(&rules.supervision, &stored),
    })
}

fn held(case: &Case) -> Option<CaseMeeting> {
    case.held.as_ref().map(|held| CaseMeeting {
        on: held.on.into(),
        place: held.place.clone(),
        attendees: held.attendees.clone(),
        text: held.text.clone(),
    })
}
