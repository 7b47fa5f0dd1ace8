//! Words of the lists in both languages.

use crate::hazard::{HazardSource, HazardStatus};
use crate::pack::Grade;
use serde::{Deserialize, Serialize};

/// The language of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tongue {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Tongue {
    /// The text in this language.
    #[must_use]
    pub const fn pick<'t>(self, zh: &'t str, en: &'t str) -> &'t str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        self.pick("zh", "en")
    }

    /// The language behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Zh, Self::En]
            .into_iter()
            .find(|tongue| tongue.key() == key)
    }
}

/// Where a hazard stands.
#[must_use]
pub const fn status(tongue: Tongue, status: HazardStatus) -> &'static str {
    match status {
        HazardStatus::Suspected => tongue.pick("疑似", "suspected"),
        HazardStatus::Confirmed => tongue.pick("已确认", "confirmed"),
        HazardStatus::Rejected => tongue.pick("误报", "rejected"),
        HazardStatus::Assigned => tongue.pick("已下达", "assigned"),
        HazardStatus::Rectifying => tongue.pick("整改中", "rectifying"),
        HazardStatus::SelfChecked => tongue.pick("待验收", "awaiting acceptance"),
        HazardStatus::Accepted => tongue.pick("验收合格", "accepted"),
        HazardStatus::StruckOff => tongue.pick("已销号", "struck off"),
        HazardStatus::LookedBack => tongue.pick("已回头看", "looked back at"),
        HazardStatus::Closed => tongue.pick("已闭环", "closed"),
    }
}

/// General or major; major is suspected until a person says so.
#[must_use]
pub const fn grade(tongue: Tongue, grade: Grade, status: HazardStatus) -> &'static str {
    match (grade, status) {
        (Grade::General, _) => tongue.pick("一般", "general"),
        (Grade::Major, HazardStatus::Suspected | HazardStatus::Rejected) => {
            tongue.pick("重大（疑似）", "major (suspected)")
        }
        (Grade::Major, _) => tongue.pick("重大", "major"),
    }
}

/// How a hazard was found.
#[must_use]
pub const fn source(tongue: Tongue, source: HazardSource) -> &'static str {
    match source {
        HazardSource::Telemetry => tongue.pick("遥测", "telemetry"),
        HazardSource::Inspection => tongue.pick("检验、检查", "inspection"),
        HazardSource::Patrol => tongue.pick("日管控、周排查、月调度", "the site's own checks"),
        HazardSource::Campaign => tongue.pick("专项整治", "campaign"),
        HazardSource::PublicReport => tongue.pick("群众举报", "report by the public"),
        HazardSource::Register => tongue.pick("台账核查", "register"),
        HazardSource::RiskControl => tongue.pick("风险管控措施失效", "failed risk control"),
        HazardSource::LookBack => tongue.pick("回头看", "look-back"),
        HazardSource::Other => tongue.pick("其他", "other"),
    }
}
