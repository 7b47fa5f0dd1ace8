//! Hazards (隐患): append-only, hash-chained event lists; the state is a fold over them.
//!
//! ```text
//! suspected ─► confirmed ─► assigned ─► rectifying ─► self_checked ─► accepted ─► struck_off ─► looked_back ─► closed
//!     │             └──────── fixed on the spot ───────────┊───────────────▲
//!     └► rejected                 ▲──── acceptance refused ┘
//! ```
//! What people may do, and when, is one table: [`workflow`]. What the machine does by itself (open, add, remind,
//! say that something is overdue) is in [`docket`]; it never confirms, accepts or closes.

pub mod calendar;
mod chain;
pub(crate) mod docket;
mod event;
mod fold;
mod handling;
pub mod length;
pub mod policy;
pub mod workflow;

pub(crate) use chain::{By, said};
pub use chain::{ChainError, ChainFault, verify_chain};
pub use event::{Actor, EvidenceReading, HazardEvent, HazardEventKind, RuleCitation};
pub use handling::{
    Assignment, Attachment, ExtensionRequest, Finding, Handling, HazardSource, MediaType, Reminder, Repeat,
    Report,
};

use crate::hash::ContentHash;
use crate::pack::{Grade, Severity};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Derived from (equipment, rule, episode): `HZ-` and 16 hex digits. Same cause, same id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HazardId(pub Arc<str>);

/// Where a hazard stands in the closed loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HazardStatus {
    /// 疑似: opened by telemetry or reported, nobody has decided yet.
    Suspected,
    /// 已确认.
    Confirmed,
    /// 误报: not a hazard; ends the episode.
    Rejected,
    /// 已下达: somebody is responsible, with a deadline.
    Assigned,
    /// 整改中.
    Rectifying,
    /// 自验: the responsible unit says that it is rectified.
    SelfChecked,
    /// 验收合格: somebody else says so too.
    Accepted,
    /// 销号.
    StruckOff,
    /// 回头看: looked at again, for the last time.
    LookedBack,
    /// 闭环.
    Closed,
}

impl HazardStatus {
    /// Every status, in the order of the loop.
    pub const ALL: [Self; 10] = [
        Self::Suspected,
        Self::Confirmed,
        Self::Rejected,
        Self::Assigned,
        Self::Rectifying,
        Self::SelfChecked,
        Self::Accepted,
        Self::StruckOff,
        Self::LookedBack,
        Self::Closed,
    ];

    /// Whether it still has to be dealt with: the condition coming back adds to it instead of opening another.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(
            self,
            Self::Rejected | Self::StruckOff | Self::LookedBack | Self::Closed
        )
    }

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Closed)
    }
}

/// The fold over a hazard's events: what lists show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HazardSummary {
    /// Id.
    pub id: HazardId,
    /// Equipment id; of a hazard that is a unit's and no equipment's, `unit:` and the unit's code.
    pub equipment: Arc<str>,
    /// Rule id.
    pub rule: Arc<str>,
    /// Source time at which the condition began.
    pub episode: UtcMillis,
    /// Where it stands.
    pub status: HazardStatus,
    /// General or (suspected) major.
    pub grade: Grade,
    /// Highest severity so far.
    pub severity: Severity,
    /// When the gateway opened it.
    pub opened_at: UtcMillis,
    /// Found in back-filled data.
    pub late: bool,
    /// Whether the condition holds as far as is known.
    pub condition_active: bool,
    /// Trips so far (1 + recurrences).
    pub trips: u32,
    /// Events so far.
    pub events: u32,
    /// Time of the last event.
    pub changed: UtcMillis,
    /// Hash of the last event.
    pub head: ContentHash,
    /// Title of the rule, Chinese.
    pub title_zh: Arc<str>,
    /// Title of the rule, English.
    pub title_en: Arc<str>,
    /// Clause.
    pub clause: Arc<str>,
    /// What people have made of it.
    #[serde(default, skip_serializing_if = "Handling::is_blank")]
    pub handling: Box<Handling>,
}
