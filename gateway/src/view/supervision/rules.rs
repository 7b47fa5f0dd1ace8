//! The rules of supervision, for people and programs.

use super::{Named, level_of};
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::hazard::policy::Period;
use vigil_core::supervision::policy::SupervisionPolicy;

/// A period, as the rules have it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CasePeriod {
    /// Stable key.
    pub key: &'static str,
    /// Chinese.
    pub title_zh: String,
    /// English.
    pub title_en: String,
    /// So many days.
    pub days: u16,
    /// Working days, not calendar days.
    pub working_days: bool,
    /// Where it comes from.
    pub source: String,
    /// `sourced`, `memory-high`, `memory-low` or `proposal`.
    pub confidence: String,
    /// It still has to be verified.
    pub unverified: bool,
}

/// The rules of supervision.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SupervisionRules {
    /// Levels of authority.
    pub levels: Vec<Named>,
    /// Periods.
    pub periods: Vec<CasePeriod>,
    /// Reminders, days before something is due.
    pub remind_before_days: Vec<u16>,
    /// Steps of escalation, days behind the deadline.
    pub escalate_after_days: Vec<u16>,
    /// Listings a district should have in a quarter.
    pub quota: u16,
    /// Where that comes from.
    pub quota_source: String,
}

/// Whether what is not sourced still has to be verified.
pub(super) fn unverified(period: &Period) -> bool {
    period.confidence == "memory-low"
}

/// The rules, for people and programs.
#[must_use]
pub fn supervision_rules(policy: &SupervisionPolicy) -> SupervisionRules {
    let period = |(key, period): (&'static str, &Period)| CasePeriod {
        key,
        title_zh: period.title_zh.clone(),
        title_en: period.title_en.clone(),
        days: period.lasts.days(),
        working_days: period.lasts.is_working(),
        source: period.source.clone(),
        confidence: period.confidence.clone(),
        unverified: unverified(period),
    };
    SupervisionRules {
        levels: policy
            .level
            .iter()
            .map(|level| level_of(policy, &level.key))
            .collect(),
        periods: policy.periods().into_iter().map(period).collect(),
        remind_before_days: policy.rounds.remind_before_days.clone(),
        escalate_after_days: policy.rounds.escalate_after_days.clone(),
        quota: policy.quota.count,
        quota_source: policy.quota.source.clone(),
    }
}
