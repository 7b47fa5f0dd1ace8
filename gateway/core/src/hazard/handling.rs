//! What people make of a hazard: who is responsible, by when, with what proof.

use super::HazardId;
use crate::hash::ContentHash;
use crate::pack::{Grade, Severity};
use crate::people::Scope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// How a hazard was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HazardSource {
    /// 遥测.
    #[default]
    Telemetry,
    /// 检验, 监督检查: an inspection.
    Inspection,
    /// 巡查, 日管控、周排查、月调度: the site's own rounds.
    Patrol,
    /// 专项整治: a campaign.
    Campaign,
    /// 群众举报.
    PublicReport,
    /// 台账: what the register says.
    Register,
    /// 风险管控措施失效.
    RiskControl,
    /// 回头看.
    LookBack,
    /// Otherwise.
    Other,
}

impl HazardSource {
    /// Every source.
    pub const ALL: [Self; 9] = [
        Self::Telemetry,
        Self::Inspection,
        Self::Patrol,
        Self::Campaign,
        Self::PublicReport,
        Self::Register,
        Self::RiskControl,
        Self::LookBack,
        Self::Other,
    ];
}

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaType {
    /// A photo.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// A picture.
    #[serde(rename = "image/png")]
    Png,
    /// A photo.
    #[serde(rename = "image/webp")]
    Webp,
    /// A document.
    #[serde(rename = "application/pdf")]
    Pdf,
}

impl MediaType {
    /// As in a `Content-Type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
        }
    }

    /// What bytes are; whatever their name says. `None`: nothing that is kept here.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else if bytes.starts_with(b"%PDF-") {
            Some(Self::Pdf)
        } else {
            None
        }
    }
}

/// A file that shows something; its bytes are kept by hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Name, for people; no path is made of it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: ContentHash,
    /// What it is.
    pub media_type: MediaType,
}

/// Who rectifies by when, and with what: 五落实 for a major hazard.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assignment {
    /// 整改责任单位: code of the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
    /// 责任人.
    pub person: String,
    /// 责任领导.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub leader: String,
    /// 整改时限; the period of the grade when it is not given.
    pub deadline: Option<UtcMillis>,
    /// 整改措施.
    pub measures: String,
    /// 资金.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub funds: String,
    /// 应急预案.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub emergency_plan: String,
}

/// The same was struck off before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// The one before.
    pub of: HazardId,
    /// How often before, 1 or more.
    pub count: u32,
}

/// What telemetry says at a look-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Times the condition came back since strike-off.
    pub relapses: u32,
    /// When the equipment was last heard: without words nothing came back either.
    pub last_heard: Option<UtcMillis>,
}

/// What was found without telemetry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Equipment id, or `unit:` and the code of a unit.
    pub owner: Arc<str>,
    /// `MANUAL-` and 8 hex digits, or the rule of a check.
    pub rule: Arc<str>,
    /// When it began or was found: part of the id.
    pub episode: UtcMillis,
    /// How it was found.
    pub source: HazardSource,
    /// What it is about: key of a category.
    pub category: Arc<str>,
    /// Title, Chinese.
    pub title_zh: Arc<str>,
    /// Title, English.
    pub title_en: Arc<str>,
    /// What was found, in words.
    pub description: String,
    /// How bad.
    pub severity: Severity,
    /// General, or suspected major.
    pub grade: Grade,
    /// Ground, such as a clause; may be empty.
    pub clause: Arc<str>,
    /// When it was found.
    pub found_at: UtcMillis,
    /// Who found it, if he gave his name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<String>,
    /// The unit, when it is no equipment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
    /// What shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Open hazards of the same owner that may be the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<HazardId>,
    /// The same was struck off before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
}

/// What somebody is reminded of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reminder {
    /// The deadline of the rectification.
    Rectification,
    /// Acceptance was asked for.
    Acceptance,
    /// More time was asked for.
    Extension,
}

/// More time was asked for and not yet decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionRequest {
    /// The deadline wanted.
    pub until: UtcMillis,
    /// Who asked.
    pub by: Arc<str>,
    /// By when it is to be decided.
    pub due: UtcMillis,
    /// That has passed, and somebody was reminded.
    #[serde(default)]
    pub reminded: bool,
}

/// What people have made of a hazard, as far as its events tell.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Handling {
    /// How it was found.
    #[serde(skip_serializing_if = "is_default")]
    pub source: HazardSource,
    /// What it is about; empty where only the rule says.
    #[serde(skip_serializing_if = "is_default")]
    pub category: Arc<str>,
    /// What was found, in words; empty if telemetry found it.
    #[serde(skip_serializing_if = "is_default")]
    pub description: Arc<str>,
    /// The unit, when it is no equipment's.
    #[serde(skip_serializing_if = "is_default")]
    pub unit: Option<Arc<str>>,
    /// Open hazards that may be the same, when it was reported.
    #[serde(skip_serializing_if = "is_default")]
    pub related: Vec<HazardId>,
    /// Whose the equipment was at the last step of a person.
    #[serde(skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// When somebody confirmed or rejected it.
    #[serde(skip_serializing_if = "is_default")]
    pub decided_at: Option<UtcMillis>,
    /// Who rectifies, by when, with what.
    #[serde(skip_serializing_if = "is_default")]
    pub assignment: Option<Assignment>,
    /// 整改时限.
    #[serde(skip_serializing_if = "is_default")]
    pub deadline: Option<UtcMillis>,
    /// When that was set.
    #[serde(skip_serializing_if = "is_default")]
    pub deadline_set: Option<UtcMillis>,
    /// 逾期: it passed.
    #[serde(skip_serializing_if = "is_default")]
    pub overdue: bool,
    /// 延期: how often more time was given.
    #[serde(skip_serializing_if = "is_default")]
    pub extensions: u32,
    /// More time is asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub extension_request: Option<ExtensionRequest>,
    /// The last reminder came so many days before the deadline.
    #[serde(skip_serializing_if = "is_default")]
    pub reminded_days: Option<u16>,
    /// The last escalation came so many days behind it.
    #[serde(skip_serializing_if = "is_default")]
    pub escalated_days: Option<u16>,
    /// Level of the last escalation; 0 = none.
    #[serde(skip_serializing_if = "is_default")]
    pub escalation: u8,
    /// Interim measures.
    #[serde(skip_serializing_if = "is_default")]
    pub interim: Vec<Arc<str>>,
    /// Progress, 0 to 100.
    #[serde(skip_serializing_if = "is_default")]
    pub percent: u8,
    /// Logins of all who took a hand in the rectification: none of them accepts it.
    #[serde(skip_serializing_if = "is_default")]
    pub rectifiers: Vec<Arc<str>>,
    /// When the responsible unit said that it is rectified.
    #[serde(skip_serializing_if = "is_default")]
    pub rectified_at: Option<UtcMillis>,
    /// By when acceptance is due, since it was asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub acceptance_due: Option<UtcMillis>,
    /// That has passed, and somebody was reminded.
    #[serde(skip_serializing_if = "is_default")]
    pub acceptance_reminded: bool,
    /// Who accepted it.
    #[serde(skip_serializing_if = "is_default")]
    pub accepted_by: Option<Arc<str>>,
    /// When.
    #[serde(skip_serializing_if = "is_default")]
    pub accepted_at: Option<UtcMillis>,
    /// Times it was not accepted.
    #[serde(skip_serializing_if = "is_default")]
    pub refusals: u32,
    /// 立查立改.
    #[serde(skip_serializing_if = "is_default")]
    pub fixed_on_spot: bool,
    /// 挂牌督办: number of the case.
    #[serde(skip_serializing_if = "is_default")]
    pub listed: Option<Arc<str>>,
    /// Since when.
    #[serde(skip_serializing_if = "is_default")]
    pub listed_at: Option<UtcMillis>,
    /// Its use should stop.
    #[serde(skip_serializing_if = "is_default")]
    pub out_of_use_recommended: bool,
    /// 屡查屡犯: the one before, and how often.
    #[serde(skip_serializing_if = "is_default")]
    pub repeat: Option<Repeat>,
    /// 销号编号.
    #[serde(skip_serializing_if = "is_default")]
    pub strike_off: Option<Arc<str>>,
    /// When it was struck off.
    #[serde(skip_serializing_if = "is_default")]
    pub struck_off_at: Option<UtcMillis>,
    /// Look-backs made.
    #[serde(skip_serializing_if = "is_default")]
    pub look_backs: u8,
    /// Look-backs announced as due.
    #[serde(skip_serializing_if = "is_default")]
    pub look_backs_due: u8,
    /// The last one did not pass.
    #[serde(skip_serializing_if = "is_default")]
    pub look_back_failed: bool,
    /// Times the condition came back after strike-off.
    #[serde(skip_serializing_if = "is_default")]
    pub relapses: u32,
    /// The hazard that goes on with it.
    #[serde(skip_serializing_if = "is_default")]
    pub successor: Option<HazardId>,
    /// Files.
    #[serde(skip_serializing_if = "is_default")]
    pub attachments: u32,
    /// When it was closed.
    #[serde(skip_serializing_if = "is_default")]
    pub closed_at: Option<UtcMillis>,
}

impl Handling {
    /// Nobody has done anything.
    #[must_use]
    pub fn is_blank(this: &Self) -> bool {
        *this == Self::default()
    }

    /// Took a hand in the rectification.
    pub(super) fn add_rectifier(&mut self, login: &str) {
        if !self.rectifiers.iter().any(|known| **known == *login) {
            self.rectifiers.push(login.into());
        }
    }

    /// Whether `login` took a hand in the rectification.
    #[must_use]
    pub fn is_rectifier(&self, login: &str) -> bool {
        self.rectifiers.iter().any(|known| **known == *login)
    }

    /// A deadline, as of `now`: what was said about the one before no longer counts.
    pub(super) fn set_deadline(&mut self, deadline: UtcMillis, now: UtcMillis) {
        self.deadline = Some(deadline);
        self.deadline_set = Some(now);
        self.reminded_days = None;
        self.escalated_days = None;
        self.escalation = 0;
        if deadline > now {
            self.overdue = false;
        }
    }
}

/// Most of it is as nobody left it: it takes no room.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
