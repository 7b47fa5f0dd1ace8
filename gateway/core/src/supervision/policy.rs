//! Levels, numbers and periods of supervision, as data: they differ between cities.

use super::CaseKind;
use crate::hazard::calendar::{Calendar, day_of, end_of};
use crate::hazard::policy::{Counted, Period};
use serde::Deserialize;
use std::sync::{Arc, LazyLock};
use vigil_protocol::time::UtcMillis;

const TEXT: &str = include_str!("../../rules/desk/supervision.toml");

/// Which authority.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Stable key.
    pub key: Arc<str>,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// How cases of a kind are numbered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Pattern; holds `{n}`.
    pub number: String,
    /// Least digits of the count.
    pub digits: u8,
    /// Where it comes from.
    pub source: String,
    /// How sure that is.
    pub confidence: String,
}

/// How many cases there should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// What it is, Chinese.
    pub title_zh: String,
    /// What it is, English.
    pub title_en: String,
    /// So many.
    pub count: u16,
    /// Where it comes from.
    pub source: String,
    /// How sure that is.
    pub confidence: String,
}

/// Days at which somebody is told again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telling {
    /// Reminders, days before something is due.
    pub remind_before_days: Vec<u16>,
    /// Steps of escalation, days behind the deadline, ascending.
    pub escalate_after_days: Vec<u16>,
    /// Where they come from.
    pub source: String,
    /// How sure that is.
    pub confidence: String,
}

/// The rules of supervision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisionPolicy {
    /// Civil days begin so many minutes before Greenwich's.
    pub utc_offset_minutes: i32,
    /// Levels of authority.
    pub level: Vec<Level>,
    /// 挂牌督办.
    pub listed: Form,
    /// 约谈.
    pub interview: Form,
    /// 通报.
    pub circular: Form,
    /// 备案.
    pub filing: Period,
    /// 公布.
    pub publication: Period,
    /// Longest deadline.
    pub longest: Period,
    /// An extension is asked for so long before the deadline.
    pub extension_before: Period,
    /// Decision on an extension.
    pub extension_decision: Period,
    /// 摘牌公布.
    pub delisting_publication: Period,
    /// An interview is held.
    pub meeting: Period,
    /// Listings of a district in a quarter.
    pub quota: Quota,
    /// Reminders and escalation.
    pub rounds: Telling,
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is not TOML of this form.
    #[error("reading the rules of supervision: {0}")]
    Malformed(#[from] toml::de::Error),
    /// Numbers would be given twice.
    #[error(
        "reading the rules of supervision: the number of `{0}` has no `{{n}}`, so it would be given twice"
    )]
    NoCount(&'static str),
}

impl SupervisionPolicy {
    /// The one that comes with the gateway.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        // A test reads it; were it damaged, nothing would be due.
        static BUILTIN: LazyLock<Arc<SupervisionPolicy>> =
            LazyLock::new(|| Arc::new(SupervisionPolicy::parse(TEXT).unwrap_or_default()));
        &BUILTIN
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut policy: Self = toml::from_str(text)?;
        policy.rounds.escalate_after_days.sort_unstable();
        for kind in CaseKind::ALL {
            if !policy.form(kind).number.contains("{n}") {
                return Err(PolicyError::NoCount(kind.key()));
            }
        }
        Ok(policy)
    }

    /// How cases of a kind are numbered.
    #[must_use]
    pub const fn form(&self, kind: CaseKind) -> &Form {
        match kind {
            CaseKind::Listed => &self.listed,
            CaseKind::Interview => &self.interview,
            CaseKind::Circular => &self.circular,
        }
    }

    /// All periods, for people.
    #[must_use]
    pub const fn periods(&self) -> [(&'static str, &Period); 7] {
        [
            ("filing", &self.filing),
            ("publication", &self.publication),
            ("longest", &self.longest),
            ("extension_before", &self.extension_before),
            ("extension_decision", &self.extension_decision),
            ("delisting_publication", &self.delisting_publication),
            ("meeting", &self.meeting),
        ]
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
}

#[cfg(test)]
mod tests {
    use super::{CaseKind, PolicyError, SupervisionPolicy, TEXT};
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn the_rules_that_come_with_the_gateway_say_where_they_come_from() {
        let policy = SupervisionPolicy::parse(TEXT).unwrap();
        let known = ["sourced", "memory-high", "memory-low", "proposal"];
        for (key, period) in policy.periods() {
            assert!(period.days > 0 && !period.source.is_empty(), "{key}");
            assert!(known.contains(&period.confidence.as_str()), "{key}");
        }
        for kind in CaseKind::ALL {
            assert!(known.contains(&policy.form(kind).confidence.as_str()));
        }
        assert!(!policy.level.is_empty() && policy.quota.count == 3);
    }

    #[test]
    fn a_number_without_a_count_is_refused() {
        let text = TEXT.replace("通报〔{year}〕{n}号", "通报〔{year}〕");
        assert!(matches!(
            SupervisionPolicy::parse(&text),
            Err(PolicyError::NoCount("circular"))
        ));
        assert!(SupervisionPolicy::parse("x = 1").is_err());
    }

    #[test]
    fn a_period_in_working_days_steps_over_weekends() {
        let policy = SupervisionPolicy::builtin();
        // Friday 2026-06-05 08:00 in China: three working days end with Wednesday the 10th.
        let friday = UtcMillis(1_780_617_600_000);
        let end = policy.end(&policy.filing, friday);
        assert_eq!(end.0, 1_780_617_600_000 + 5 * 86_400_000 + 16 * 3_600_000 - 1);
        assert!(policy.before(&policy.extension_before, friday) < friday);
    }
}
