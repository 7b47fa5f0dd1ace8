//! What people ask for.

use super::StepKind;
use crate::hazard::{Assignment, Attachment, HazardSource, Repeat};
use crate::pack::{Grade, Severity};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// A step of the closed loop. What the person says with it is the reason of the action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It is real.
    Confirm,
    /// It is not (误报); the text says why.
    Reject,
    /// A remark.
    Comment,
    /// Files.
    Attach {
        /// The files.
        attachments: Vec<Attachment>,
    },
    /// Somebody is made responsible, with a deadline.
    Assign {
        /// Who, by when, with what.
        assignment: Assignment,
    },
    /// What is done until it is rectified: the text.
    Interim,
    /// The work begins.
    Start,
    /// How far the work is.
    Progress {
        /// 0 to 100.
        percent: u8,
    },
    /// It is rectified, says the responsible unit.
    SelfCheck {
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// Somebody should accept it.
    RequestAcceptance,
    /// It is rectified.
    Accept {
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// It is not rectified; the text says why.
    RefuseAcceptance {
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// More time is needed; the text says why.
    RequestExtension {
        /// The deadline wanted.
        until: UtcMillis,
    },
    /// More time is given.
    GrantExtension {
        /// The new deadline; what was asked for, when it is not given.
        until: Option<UtcMillis>,
    },
    /// No more time is given; the text says why.
    RefuseExtension,
    /// Its use should stop; the text says why.
    RecommendOutOfUse,
    /// Graded anew; the text says why.
    ChangeGrade {
        /// General, or major.
        grade: Grade,
    },
    /// 挂牌督办.
    List {
        /// Number of the case.
        case: String,
        /// Deadline, if the case sets one.
        deadline: Option<UtcMillis>,
    },
    /// 摘牌.
    Delist,
    /// 立查立改.
    FixOnSpot {
        /// Who rectified it; not who writes this.
        rectifier: String,
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// 销号.
    StrikeOff {
        /// Number in the log of strike-offs; one is made of the hazard's id when it is empty.
        number: String,
        /// 制度成果: rules and standards made because of it; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        rules_made: String,
    },
    /// 回头看.
    LookBack {
        /// It is still rectified.
        passed: bool,
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// 闭环.
    Close,
}

impl Step {
    /// Which step.
    #[must_use]
    pub const fn kind(&self) -> StepKind {
        match self {
            Self::Confirm => StepKind::Confirm,
            Self::Reject => StepKind::Reject,
            Self::Comment => StepKind::Comment,
            Self::Attach { .. } => StepKind::Attach,
            Self::Assign { .. } => StepKind::Assign,
            Self::Interim => StepKind::Interim,
            Self::Start => StepKind::Start,
            Self::Progress { .. } => StepKind::Progress,
            Self::SelfCheck { .. } => StepKind::SelfCheck,
            Self::RequestAcceptance => StepKind::RequestAcceptance,
            Self::Accept { .. } => StepKind::Accept,
            Self::RefuseAcceptance { .. } => StepKind::RefuseAcceptance,
            Self::RequestExtension { .. } => StepKind::RequestExtension,
            Self::GrantExtension { .. } => StepKind::GrantExtension,
            Self::RefuseExtension => StepKind::RefuseExtension,
            Self::RecommendOutOfUse => StepKind::RecommendOutOfUse,
            Self::ChangeGrade { .. } => StepKind::ChangeGrade,
            Self::List { .. } => StepKind::List,
            Self::Delist => StepKind::Delist,
            Self::FixOnSpot { .. } => StepKind::FixOnSpot,
            Self::StrikeOff { .. } => StepKind::StrikeOff,
            Self::LookBack { .. } => StepKind::LookBack,
            Self::Close => StepKind::Close,
        }
    }
}

/// A hazard found without telemetry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intake {
    /// Equipment id, of the register or the catalog; or …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equipment: Option<Arc<str>>,
    /// … code of the unit, if it is no equipment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
    /// Rule of a check, such as `REG-INSPECTION-OVERDUE`: of one rule one hazard is open at a time. `None` for what
    /// a person describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<str>>,
    /// When the condition began, for a check; with the rule it makes the id, so that the same condition opens one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UtcMillis>,
    /// How it was found.
    pub source: HazardSource,
    /// Key of a category.
    pub category: Arc<str>,
    /// Title, Chinese; that of the category if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title_zh: String,
    /// Title, English; likewise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title_en: String,
    /// What was found.
    pub description: String,
    /// General, or suspected major.
    pub grade: Grade,
    /// How bad; by the grade when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Ground, such as a clause; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub clause: String,
    /// When it was found; now, when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_at: Option<UtcMillis>,
    /// Who found or reported it; `None`: anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<String>,
    /// What shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// 立查立改: it was rectified where it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<OnTheSpot>,
    /// Found by a check of the gateway itself: the machine's event. Never set by a request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_machine: bool,
    /// The same was struck off before: looked up by the adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// How often the same condition with the same beginning is on record already: looked up by the adapter.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
}

/// Rectified where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnTheSpot {
    /// Who rectified it; not who reports it.
    pub rectifier: String,
    /// What was done.
    pub text: String,
    /// What shows it.
    pub attachments: Vec<Attachment>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}
