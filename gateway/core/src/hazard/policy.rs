//! The periods of the closed loop, as data: they differ between cities.

use super::calendar::{Calendar, day_of, end_of};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};
use vigil_protocol::time::UtcMillis;

const TEXT: &str = include_str!("../../rules/desk/hazard-loop.toml");

/// What a period is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Every day.
    #[default]
    Calendar,
    /// Days on which people work.
    Working,
}

/// One period, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// What it is, Chinese.
    pub title_zh: String,
    /// What it is, English.
    pub title_en: String,
    /// So many days …
    pub days: u16,
    /// … of these.
    pub counted: Counted,
    /// Where it comes from.
    pub source: String,
    /// `sourced`, `memory-high`, `memory-low` (shown as unverified) or `proposal`.
    pub confidence: String,
}

/// Days at which something comes again.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounds {
    /// Reminders, days before the deadline.
    pub remind_before_days: Vec<u16>,
    /// Steps of escalation, days behind the deadline, ascending.
    pub escalate_after_days: Vec<u16>,
    /// Look-backs, days after strike-off, ascending.
    pub look_back_days: Vec<u16>,
    /// Where they come from.
    pub source: String,
    /// How sure that is.
    pub confidence: String,
}

/// What a hazard can be about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Stable key.
    pub key: Arc<str>,
    /// Chinese.
    pub zh: Arc<str>,
    /// English.
    pub en: Arc<str>,
    /// Prefixes of the rules whose hazards are about it.
    #[serde(default)]
    pub rules: Vec<String>,
}

/// The periods of the closed loop.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Civil days begin so many minutes before Greenwich's.
    pub utc_offset_minutes: i32,
    /// Rectification of a general hazard.
    pub general: Period,
    /// Rectification of a major hazard, where nobody has set it.
    pub major: Period,
    /// Acceptance after it was asked for.
    pub acceptance: Period,
    /// An extension of a listed hazard is asked for at least so long before its deadline.
    pub extension_before: Period,
    /// Decision on an extension.
    pub extension_decision: Period,
    /// Longest deadline of a listed hazard.
    pub listed: Period,
    /// Found again within this time of strike-off: repeated.
    pub repeat: Period,
    /// How early a look-back may be.
    pub look_back_early: Period,
    /// What comes again.
    pub rounds: Rounds,
    /// What hazards are about.
    pub category: Vec<Category>,
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("reading the periods of the closed loop: {0}")]
pub struct PolicyError(#[from] toml::de::Error);

impl Policy {
    /// The one that comes with the gateway.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        // A test reads it; were it damaged, nothing would be due.
        static BUILTIN: LazyLock<Arc<Policy>> =
            LazyLock::new(|| Arc::new(Policy::parse(TEXT).unwrap_or_default()));
        &BUILTIN
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// It is not TOML of this form.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut policy: Self = toml::from_str(text)?;
        policy.rounds.escalate_after_days.sort_unstable();
        policy.rounds.look_back_days.sort_unstable();
        Ok(policy)
    }

    /// The end of the day on which a period that begins at `from` ends.
    #[must_use]
    pub fn end(&self, period: &Period, from: UtcMillis) -> UtcMillis {
        self.shifted(from, i64::from(period.days), period.counted)
    }

    /// The end of the day so long before the day of `until`.
    #[must_use]
    pub fn before(&self, period: &Period, until: UtcMillis) -> UtcMillis {
        self.shifted(until, -i64::from(period.days), period.counted)
    }

    fn shifted(&self, from: UtcMillis, days: i64, counted: Counted) -> UtcMillis {
        let day = day_of(from, self.utc_offset_minutes);
        let day = match counted {
            Counted::Calendar => day.saturating_add(days),
            Counted::Working => Calendar::builtin().add_working(day, days),
        };
        end_of(day, self.utc_offset_minutes)
    }

    /// A category by key.
    #[must_use]
    pub fn category(&self, key: &str) -> Option<&Category> {
        self.category.iter().find(|category| *category.key == *key)
    }

    /// What the hazards of a rule are about: the longest prefix decides; empty if nobody has said.
    #[must_use]
    pub fn category_of(&self, rule: &str) -> &str {
        let prefixes = self.category.iter().flat_map(|category| {
            let prefixes = category.rules.iter();
            prefixes.map(move |prefix| (prefix.as_str(), &*category.key))
        });
        prefixes
            .filter(|(prefix, _)| rule.starts_with(prefix))
            .max_by_key(|(prefix, _)| prefix.len())
            .map_or("", |(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::{Policy, TEXT};
    use crate::pack::builtin;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn the_policy_that_comes_with_the_gateway_can_be_read_and_says_where_it_comes_from() {
        let policy = Policy::parse(TEXT).unwrap();
        for period in [
            &policy.general,
            &policy.major,
            &policy.acceptance,
            &policy.extension_before,
            &policy.extension_decision,
            &policy.listed,
            &policy.repeat,
        ] {
            assert!(period.days > 0 && !period.source.is_empty(), "{period:?}");
            let known = ["sourced", "memory-high", "memory-low", "proposal"];
            assert!(known.contains(&period.confidence.as_str()), "{period:?}");
        }
        assert_eq!(policy.rounds.look_back_days, [30, 90]);
        assert!(Policy::parse("days = 1").is_err());
    }

    #[test]
    fn every_hazard_of_the_rule_packs_is_about_something() {
        let policy = Policy::builtin();
        for pack in builtin() {
            for rule in &pack.rules {
                assert_ne!(policy.category_of(&rule.id), "", "{}", rule.id);
            }
        }
        assert_eq!(policy.category_of("LIFT-ENTRAPMENT-INFERRED"), "lift-entrapment");
        assert_eq!(policy.category_of("REG-INSPECTION-OVERDUE"), "inspection-overdue");
        assert_eq!(policy.category_of("XYZ"), "");
    }

    #[test]
    fn a_deadline_ends_with_its_day() {
        let policy = Policy::builtin();
        let morning = UtcMillis(1_780_272_000_000); // 2026-06-01 08:00 in China
        let end = policy.end(&policy.general, morning);
        assert_eq!(end.0, 1_780_272_000_000 + 15 * 86_400_000 + 16 * 3_600_000 - 1);
    }
}
