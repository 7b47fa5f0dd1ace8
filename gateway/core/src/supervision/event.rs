//! What is asked for, and what happens to a case.

use crate::hash::ContentHash;
use crate::hazard::{Attachment, HazardId};
use crate::people::{Person, Scope};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// What an authority does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// 挂牌督办.
    Listed,
    /// 约谈.
    Interview,
    /// 通报.
    Circular,
}

impl CaseKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Listed, Self::Interview, Self::Circular];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Interview => "interview",
            Self::Circular => "circular",
        }
    }

    /// The kind behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }

    /// Chinese.
    #[must_use]
    pub const fn title_zh(self) -> &'static str {
        match self {
            Self::Listed => "挂牌督办",
            Self::Interview => "约谈",
            Self::Circular => "通报",
        }
    }

    /// English.
    #[must_use]
    pub const fn title_en(self) -> &'static str {
        match self {
            Self::Listed => "listed supervision",
            Self::Interview => "interview",
            Self::Circular => "circular",
        }
    }
}

/// What a case is about: hazards, a piece of equipment, a unit; a circular may be about an area alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// Hazards, all of one unit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<HazardId>,
    /// Equipment id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equipment: Option<Arc<str>>,
    /// Code of the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
}

/// What is issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Listed, interview or circular.
    pub kind: CaseKind,
    /// Key of a level.
    pub level: Arc<str>,
    /// Name of the authority.
    pub issuer: String,
    /// What it is called.
    pub title: String,
    /// Why.
    pub grounds: String,
    /// What must be done.
    pub demands: String,
    /// About what.
    pub subject: Subject,
    /// Whose that is, and where.
    pub scope: Scope,
    /// By when it must be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<UtcMillis>,
    /// When an interview is to be held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meet_at: Option<UtcMillis>,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// 备案.
    Filing,
    /// 公布.
    Publication,
    /// 约谈.
    Meeting,
    /// 督办期限.
    Deadline,
    /// 延期审批.
    ExtensionDecision,
    /// 摘牌公布.
    DelistingPublication,
}

impl Timer {
    /// Every timer.
    pub const ALL: [Self; 6] = [
        Self::Filing,
        Self::Publication,
        Self::Meeting,
        Self::Deadline,
        Self::ExtensionDecision,
        Self::DelistingPublication,
    ];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Filing => "filing",
            Self::Publication => "publication",
            Self::Meeting => "meeting",
            Self::Deadline => "deadline",
            Self::ExtensionDecision => "extension_decision",
            Self::DelistingPublication => "delisting_publication",
        }
    }
}

/// A step people ask for. What they say with it comes beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum CaseStep {
    /// Filed with the safety-committee office (备案).
    File {
        /// When.
        on: UtcMillis,
        /// With whom.
        office: String,
    },
    /// Published (公布, 印发).
    Publish {
        /// When.
        on: UtcMillis,
        /// Where: a site, a paper, an address.
        place: String,
    },
    /// The interview was held.
    Meet {
        /// When.
        on: UtcMillis,
        /// Where.
        place: String,
        /// Who was there.
        attendees: String,
        /// Minutes, photos.
        attachments: Vec<Attachment>,
    },
    /// Somebody has looked how it stands (跟踪督办).
    FollowUp {
        /// When.
        on: UtcMillis,
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// The unit answers.
    Answer {
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// More time is asked for.
    RequestExtension {
        /// The deadline wanted.
        until: UtcMillis,
    },
    /// More time is given.
    GrantExtension {
        /// The new deadline; what was asked for, when it is not given.
        until: Option<UtcMillis>,
    },
    /// No more time is given.
    RefuseExtension,
    /// 验收报告.
    ReportAcceptance {
        /// When it was inspected on site.
        on: UtcMillis,
        /// Who inspected it.
        inspectors: String,
        /// The report.
        attachments: Vec<Attachment>,
    },
    /// 摘牌; the text says why.
    Delist,
    /// The delisting was published.
    PublishDelisting {
        /// When.
        on: UtcMillis,
        /// Where.
        place: String,
    },
    /// An interview or a circular has done its work.
    Close,
    /// 撤销: it should not have been issued; the text says why.
    Withdraw,
}

/// Which step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStepKind {
    /// See [`CaseStep::File`].
    File,
    /// See [`CaseStep::Publish`].
    Publish,
    /// See [`CaseStep::Meet`].
    Meet,
    /// See [`CaseStep::FollowUp`].
    FollowUp,
    /// See [`CaseStep::Answer`].
    Answer,
    /// See [`CaseStep::RequestExtension`].
    RequestExtension,
    /// See [`CaseStep::GrantExtension`].
    GrantExtension,
    /// See [`CaseStep::RefuseExtension`].
    RefuseExtension,
    /// See [`CaseStep::ReportAcceptance`].
    ReportAcceptance,
    /// See [`CaseStep::Delist`].
    Delist,
    /// See [`CaseStep::PublishDelisting`].
    PublishDelisting,
    /// See [`CaseStep::Close`].
    Close,
    /// See [`CaseStep::Withdraw`].
    Withdraw,
}

impl CaseStep {
    /// Which step.
    #[must_use]
    pub const fn kind(&self) -> CaseStepKind {
        match self {
            Self::File { .. } => CaseStepKind::File,
            Self::Publish { .. } => CaseStepKind::Publish,
            Self::Meet { .. } => CaseStepKind::Meet,
            Self::FollowUp { .. } => CaseStepKind::FollowUp,
            Self::Answer { .. } => CaseStepKind::Answer,
            Self::RequestExtension { .. } => CaseStepKind::RequestExtension,
            Self::GrantExtension { .. } => CaseStepKind::GrantExtension,
            Self::RefuseExtension => CaseStepKind::RefuseExtension,
            Self::ReportAcceptance { .. } => CaseStepKind::ReportAcceptance,
            Self::Delist => CaseStepKind::Delist,
            Self::PublishDelisting { .. } => CaseStepKind::PublishDelisting,
            Self::Close => CaseStepKind::Close,
            Self::Withdraw => CaseStepKind::Withdraw,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CaseEventKind {
    /// It was issued.
    Issued {
        /// Its number.
        number: Arc<str>,
        /// What it says.
        order: Box<Order>,
    },
    /// A person took a step.
    Stepped {
        /// Which, with what.
        step: Box<CaseStep>,
        /// What he said.
        text: String,
        /// By when an extension that is asked for is to be decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<UtcMillis>,
    },
    /// Something will soon be due.
    Reminded {
        /// What.
        timer: Timer,
        /// When.
        due: UtcMillis,
        /// Days left.
        days_left: u16,
    },
    /// Something was due and has not come.
    Overdue {
        /// What.
        timer: Timer,
        /// When it was due.
        due: UtcMillis,
    },
    /// The deadline has long passed: told to the next level.
    Escalated {
        /// 1, 2 …
        level: u8,
        /// Days behind the deadline.
        days: u16,
    },
}

impl CaseEventKind {
    /// Stable key.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Issued { .. } => "issued",
            Self::Stepped { step, .. } => step.kind().key(),
            Self::Reminded { .. } => "reminded",
            Self::Overdue { .. } => "overdue",
            Self::Escalated { .. } => "escalated",
        }
    }

    /// Whether it is the clock's.
    #[must_use]
    pub const fn by_machine(&self) -> bool {
        !matches!(self, Self::Issued { .. } | Self::Stepped { .. })
    }

    /// What a person said with it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Issued { order, .. } => &order.demands,
            Self::Stepped { text, .. } => text,
            _ => "",
        }
    }

    /// The files that came with it.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        let Self::Stepped { step, .. } = self else {
            return &[];
        };
        match &**step {
            CaseStep::Meet { attachments, .. }
            | CaseStep::FollowUp { attachments, .. }
            | CaseStep::Answer { attachments }
            | CaseStep::ReportAcceptance { attachments, .. } => attachments,
            _ => &[],
        }
    }
}

/// A link of the chain. `hash` = SHA-256 over the canonical JSON of all other fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseEvent {
    /// Number of the case.
    pub case: Arc<str>,
    /// 0, 1, 2 … without a hole.
    pub seq: u32,
    /// When.
    pub at: UtcMillis,
    /// Who; `None`: the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Person>,
    /// What.
    pub kind: CaseEventKind,
    /// Hash of the event before; zeros for the first.
    pub prev: ContentHash,
    /// Hash of this one.
    pub hash: ContentHash,
}
