//! What happens to a hazard.

use super::HazardId;
use super::handling::{Assignment, Attachment, Finding, Reminder, Repeat, Report};
use crate::hash::ContentHash;
use crate::input::Position;
use crate::pack::{Grade, Severity};
use crate::people::{Person, Scope};
use crate::sample::Reading;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Quality, Quantity};

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Actor {
    /// The rule engine. It opens and adds; it never confirms.
    Machine,
    /// A person, by login or token name.
    Person(String),
}

/// One reading that spoke for or against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceReading {
    /// Which quantity.
    pub quantity: Quantity,
    /// Source time.
    pub at: UtcMillis,
    /// Value or reason, canonical unit.
    pub reading: Reading,
    /// As sent, before scaling.
    pub raw: Option<f64>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// The log entry it came in.
    pub position: Position,
}

/// Which rule, in which version, on what legal ground.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleCitation {
    /// Rule id.
    pub rule: Arc<str>,
    /// Title of the rule, Chinese.
    pub title_zh: Arc<str>,
    /// Title of the rule, English.
    pub title_en: Arc<str>,
    /// Pack id.
    pub pack: Arc<str>,
    /// Pack version.
    pub pack_version: Arc<str>,
    /// Hash of the pack's canonical content.
    pub pack_hash: ContentHash,
    /// Clause, such as `GB 45067-2024 4.2 c`.
    pub clause: Arc<str>,
    /// Where the rule's numbers come from.
    pub source: Arc<str>,
    /// `sourced`, `memory-high`, `memory-low` (shown as unverified) or `proposal`.
    pub confidence: Arc<str>,
    /// The condition with its numbers filled in, for people, such as `steam_pressure >= 1.3180 MPa for 30 s`.
    pub condition: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HazardEventKind {
    /// Opened by a rule.
    Opened {
        /// Equipment id: the chain itself says what it is about.
        equipment: Arc<str>,
        /// Ground.
        citation: Box<RuleCitation>,
        /// Episode: source time at which the condition began, ms.
        episode: UtcMillis,
        /// Source time at which the rule tripped.
        tripped_at: UtcMillis,
        /// Found in back-filled data, after the fact.
        late: bool,
        /// Severity at the trip.
        severity: Severity,
        /// General or suspected major.
        grade: Grade,
        /// What the rule's channels said.
        evidence: Vec<EvidenceReading>,
    },
    /// The condition came back while the hazard was open.
    Recurred {
        /// Source time of the trip.
        tripped_at: UtcMillis,
        /// Found in back-filled data.
        late: bool,
        /// Severity at the trip (the hazard keeps its highest).
        severity: Severity,
        /// What the channels said.
        evidence: Vec<EvidenceReading>,
    },
    /// The condition went. It does not close the hazard.
    Returned {
        /// Source time.
        at: UtcMillis,
        /// What the channels said.
        evidence: Vec<EvidenceReading>,
    },
    /// A person says it is real.
    Confirmed {
        /// Remark.
        text: String,
    },
    /// A person says it is not.
    Rejected {
        /// Why; never empty.
        text: String,
    },
    /// A remark.
    Commented {
        /// The remark.
        text: String,
    },
    /// Opened by a person, or by a check of the register: not from telemetry.
    Reported {
        /// What was found.
        report: Box<Report>,
    },
    /// Files were added.
    Attached {
        /// The files.
        attachments: Vec<Attachment>,
        /// Remark.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// Somebody is made responsible, with a deadline (again, if it was before).
    Assigned {
        /// Who, by when, with what.
        assignment: Box<Assignment>,
        /// Remark.
        text: String,
    },
    /// What is done until it is rectified.
    InterimMeasure {
        /// The measure.
        text: String,
    },
    /// The work has begun.
    RectificationStarted {
        /// Remark.
        text: String,
    },
    /// How far the work is.
    Progress {
        /// 0 to 100.
        percent: u8,
        /// What has been done.
        text: String,
    },
    /// The responsible unit says that it is rectified.
    SelfChecked {
        /// What was done.
        text: String,
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// The responsible unit asks for acceptance.
    AcceptanceRequested {
        /// Remark.
        text: String,
        /// By when it is due.
        due: UtcMillis,
    },
    /// Somebody else has seen that it is rectified.
    Accepted {
        /// Opinion.
        text: String,
        /// What shows it.
        attachments: Vec<Attachment>,
        /// Telemetry still said that the condition held.
        condition_active: bool,
    },
    /// It is not rectified: back to work.
    AcceptanceRefused {
        /// Why.
        text: String,
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// More time is asked for.
    ExtensionRequested {
        /// The deadline wanted.
        until: UtcMillis,
        /// Why.
        text: String,
        /// By when it is to be decided.
        due: UtcMillis,
    },
    /// More time is given.
    ExtensionGranted {
        /// The deadline from now on.
        until: UtcMillis,
        /// Remark.
        text: String,
    },
    /// No more time is given.
    ExtensionRefused {
        /// Why.
        text: String,
    },
    /// The equipment should not be used until it is rectified. Nothing is ever switched off by this.
    OutOfUseRecommended {
        /// Why.
        text: String,
    },
    /// Graded anew: a person's judgement, with a reason.
    GradeChanged {
        /// From.
        from: Grade,
        /// To.
        to: Grade,
        /// Why.
        text: String,
    },
    /// 挂牌督办: under listed supervision.
    Listed {
        /// Number of the case.
        case: Arc<str>,
        /// Deadline of the case, if it sets one.
        deadline: Option<UtcMillis>,
        /// Remark.
        text: String,
    },
    /// 摘牌: no longer.
    Delisted {
        /// Remark.
        text: String,
    },
    /// 立查立改: rectified and accepted where it was found.
    FixedOnSpot {
        /// Who rectified it; not who writes this.
        rectifier: String,
        /// What was done.
        text: String,
        /// What shows it.
        attachments: Vec<Attachment>,
    },
    /// 销号.
    StruckOff {
        /// Number in the log of strike-offs.
        number: Arc<str>,
        /// 制度成果: rules and standards made because of it; empty when nothing was said. Left out then, so that the
        /// hash of an event that says nothing is what it was before there was this field.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        rules_made: String,
        /// Remark.
        text: String,
    },
    /// 回头看: somebody has looked again.
    LookedBack {
        /// 1, 2 …
        round: u8,
        /// The last one that is due.
        last: bool,
        /// It is still rectified.
        passed: bool,
        /// What was seen.
        text: String,
        /// What telemetry says; `None` where it says nothing of this hazard.
        finding: Option<Finding>,
        /// What shows it.
        attachments: Vec<Attachment>,
        /// The hazard that goes on with it when it did not pass.
        successor: Option<HazardId>,
    },
    /// 闭环: nothing is left to do.
    Closed {
        /// Remark.
        text: String,
    },
    /// 屡查屡犯: the same was struck off not long ago. Follows the opening.
    Repeated {
        /// The one before, and how often.
        repeat: Repeat,
        /// Severity from now on.
        severity: Severity,
    },
    /// After strike-off the condition came back and opened another hazard, or tripped it again.
    Relapsed {
        /// The other one.
        successor: HazardId,
        /// Source time.
        tripped_at: UtcMillis,
    },
    /// Something will soon be due, or is late in being decided.
    Reminded {
        /// What.
        about: Reminder,
        /// When it is or was due.
        due: UtcMillis,
        /// Whole days left; 0 when it is due.
        days_left: u16,
    },
    /// 逾期: the deadline has passed.
    Overdue {
        /// The deadline.
        due: UtcMillis,
    },
    /// Still not rectified: told to the next level.
    Escalated {
        /// 1, 2 …
        level: u8,
        /// Days behind the deadline.
        days: u16,
    },
    /// It is time to look back.
    LookBackDue {
        /// 1, 2 …
        round: u8,
        /// Relapses that telemetry has seen since strike-off.
        relapses: u32,
    },
}

/// A link of the chain. `hash` = SHA-256 over the canonical JSON of all other fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HazardEvent {
    /// Which hazard.
    pub hazard: HazardId,
    /// 0, 1, 2 … without a hole.
    pub seq: u32,
    /// When the gateway (or the person) did it, arrival time.
    pub at: UtcMillis,
    /// Who.
    pub actor: Actor,
    /// What.
    pub kind: HazardEventKind,
    /// Log position of the input that caused it.
    pub position: Position,
    /// Hash of the event before, all zero for the first.
    pub prev: ContentHash,
    /// Hash of this one.
    pub hash: ContentHash,
    /// The person behind the name, as known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Box<Person>>,
    /// Whose the equipment was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Box<Scope>>,
}

impl HazardEventKind {
    /// Stable key, as stored.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Recurred { .. } => "recurred",
            Self::Returned { .. } => "returned",
            Self::Confirmed { .. } => "confirmed",
            Self::Rejected { .. } => "rejected",
            Self::Commented { .. } => "commented",
            Self::Reported { .. } => "reported",
            Self::Attached { .. } => "attached",
            Self::Assigned { .. } => "assigned",
            Self::InterimMeasure { .. } => "interim_measure",
            Self::RectificationStarted { .. } => "rectification_started",
            Self::Progress { .. } => "progress",
            Self::SelfChecked { .. } => "self_checked",
            Self::AcceptanceRequested { .. } => "acceptance_requested",
            Self::Accepted { .. } => "accepted",
            Self::AcceptanceRefused { .. } => "acceptance_refused",
            Self::ExtensionRequested { .. } => "extension_requested",
            Self::ExtensionGranted { .. } => "extension_granted",
            Self::ExtensionRefused { .. } => "extension_refused",
            Self::OutOfUseRecommended { .. } => "out_of_use_recommended",
            Self::GradeChanged { .. } => "grade_changed",
            Self::Listed { .. } => "listed",
            Self::Delisted { .. } => "delisted",
            Self::FixedOnSpot { .. } => "fixed_on_spot",
            Self::StruckOff { .. } => "struck_off",
            Self::LookedBack { .. } => "looked_back",
            Self::Closed { .. } => "closed",
            Self::Repeated { .. } => "repeated",
            Self::Relapsed { .. } => "relapsed",
            Self::Reminded { .. } => "reminded",
            Self::Overdue { .. } => "overdue",
            Self::Escalated { .. } => "escalated",
            Self::LookBackDue { .. } => "look_back_due",
        }
    }

    /// Whose it is: the machine's alone (`true`), people's alone (`false`), or either's.
    #[must_use]
    pub const fn by_machine(&self) -> Option<bool> {
        match self {
            Self::Reported { .. } => None,
            Self::Opened { .. }
            | Self::Recurred { .. }
            | Self::Returned { .. }
            | Self::Repeated { .. }
            | Self::Relapsed { .. }
            | Self::Reminded { .. }
            | Self::Overdue { .. }
            | Self::Escalated { .. }
            | Self::LookBackDue { .. } => Some(true),
            _ => Some(false),
        }
    }

    /// What a person said with it.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let text = match self {
            Self::Confirmed { text }
            | Self::Rejected { text }
            | Self::Commented { text }
            | Self::Attached { text, .. }
            | Self::Assigned { text, .. }
            | Self::InterimMeasure { text }
            | Self::RectificationStarted { text }
            | Self::Progress { text, .. }
            | Self::SelfChecked { text, .. }
            | Self::AcceptanceRequested { text, .. }
            | Self::Accepted { text, .. }
            | Self::AcceptanceRefused { text, .. }
            | Self::ExtensionRequested { text, .. }
            | Self::ExtensionGranted { text, .. }
            | Self::ExtensionRefused { text }
            | Self::OutOfUseRecommended { text }
            | Self::GradeChanged { text, .. }
            | Self::Listed { text, .. }
            | Self::Delisted { text }
            | Self::FixedOnSpot { text, .. }
            | Self::StruckOff { text, .. }
            | Self::LookedBack { text, .. }
            | Self::Closed { text } => text,
            Self::Reported { report } => &report.description,
            _ => return None,
        };
        Some(text)
    }

    /// The files that came with it.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        match self {
            Self::Attached { attachments, .. }
            | Self::SelfChecked { attachments, .. }
            | Self::Accepted { attachments, .. }
            | Self::AcceptanceRefused { attachments, .. }
            | Self::FixedOnSpot { attachments, .. }
            | Self::LookedBack { attachments, .. } => attachments,
            Self::Reported { report } => &report.attachments,
            _ => &[],
        }
    }
}
