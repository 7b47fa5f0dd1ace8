//! Levels, numbers and periods of supervision, as data: they differ between cities.

use super::CaseKind;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Document, Merge};
use crate::diagnostic::sheet::{self, OwnFile, Sheet};
use crate::hazard::calendar::Calendar;
use crate::hazard::policy::Period;
use serde::Deserialize;
use std::sync::{Arc, LazyLock};
use vigil_protocol::time::UtcMillis;

/// The file it is read from.
pub(crate) const SHEET: Sheet = Sheet {
    name: "supervision.toml",
    text: include_str!("../../rules/desk/supervision.toml"),
    merge: &[("level", Merge::Behind("key"))],
};

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
    /// Days on which people work: a file of its own.
    #[serde(skip)]
    pub calendar: Arc<Calendar>,
}

impl SupervisionPolicy {
    /// The one that comes with the gateway.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        // A test reads it; were it damaged, nothing would be due.
        static BUILTIN: LazyLock<Arc<SupervisionPolicy>> = LazyLock::new(|| {
            let policy = SupervisionPolicy::over(None).unwrap_or_default();
            Arc::new(policy.counted_by(Calendar::builtin().clone()))
        });
        &BUILTIN
    }

    /// The shipped one, with people's own file over it. Only weekends are off: see [`Self::counted_by`].
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn over(own: Option<OwnFile<'_>>) -> Result<Self, Vec<Diagnostic>> {
        sheet::read(SHEET.document(own), Self::check)
    }

    /// The same with these days off.
    #[must_use]
    pub fn counted_by(self, calendar: Arc<Calendar>) -> Self {
        Self { calendar, ..self }
    }

    fn check(&mut self, document: &Document<'_>) {
        self.rounds.remind_before_days.retain(|days| *days > 0);
        self.rounds.escalate_after_days.sort_unstable();
        self.rounds.escalate_after_days.dedup();
        if !(-720..=840).contains(&self.utc_offset_minutes) {
            document.error_at("utc_offset_minutes", "between -720 and 840");
        }
        for kind in CaseKind::ALL {
            if !self.form(kind).number.contains("{n}") {
                let path = format!("{}.number", kind.key());
                document.error_at(&path, "it has no `{n}`, so numbers would be given twice");
            }
        }
        for (key, period) in self.periods() {
            if period.lasts.ms() == 0 || !period.lasts.is_in_days() {
                document.error_at(&format!("{key}.lasts"), "at least a day, counted in days");
            }
        }
        if self.level.is_empty() {
            document.error_at("level", "somebody must be able to list");
        }
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
        self.calendar
            .shifted(from, period.lasts, 1, self.utc_offset_minutes)
    }

    /// The end of the day so long before the day of `until`.
    #[must_use]
    pub fn before(&self, period: &Period, until: UtcMillis) -> UtcMillis {
        self.calendar
            .shifted(until, period.lasts, -1, self.utc_offset_minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::{CaseKind, SupervisionPolicy};
    use crate::diagnostic::sheet::OwnFile;
    use crate::hazard::policy::Length;
    use vigil_protocol::time::UtcMillis;

    fn own(text: &str) -> Result<SupervisionPolicy, String> {
        let file = OwnFile {
            name: "supervision.toml",
            text,
        };
        SupervisionPolicy::over(Some(file)).map_err(|found| found[0].to_string())
    }

    #[test]
    fn the_rules_that_come_with_the_gateway_say_where_they_come_from() {
        let policy = SupervisionPolicy::over(None).unwrap();
        for (key, period) in policy.periods() {
            assert!(period.lasts.days() > 0 && !period.source.is_empty(), "{key}");
        }
        for kind in CaseKind::ALL {
            assert!(!policy.form(kind).source.is_empty());
        }
        assert!(!policy.level.is_empty() && policy.quota.count == 3);
    }

    #[test]
    fn a_city_changes_numbers_timers_and_levels_and_leaves_the_rest() {
        let policy = own(
            "[listed]\nnumber = '杭挂{year}-{n}'\n[publication]\nlasts = '7 days'\n\
             [[level]]\nkey = 'town'\nzh = '乡镇'\nen = 'town'\n[quota]\ncount = 5\n",
        )
        .unwrap();
        assert_eq!(policy.listed.number, "杭挂{year}-{n}");
        assert_eq!(
            (policy.listed.digits, policy.publication.lasts),
            (3, Length::Days(7))
        );
        assert_eq!(policy.level.last().map(|level| &*level.zh), Some("乡镇"));
        assert_eq!(
            (policy.quota.count, policy.quota.source.as_str()),
            (5, "supervision.toml")
        );
        assert_eq!(policy.filing, SupervisionPolicy::builtin().filing);
    }

    #[test]
    fn a_number_without_a_count_or_a_period_in_hours_is_refused() {
        for (text, said) in [
            (
                "[circular]\nnumber = '通报〔{year}〕'\n",
                "supervision.toml:2:10: error: `circular.number`: it has no `{n}`",
            ),
            ("[filing]\nlasts = '4 hours'\n", "`filing.lasts`: at least a day"),
            ("x = 1\n", "supervision.toml:1:1: error: `x`: unknown field `x`"),
        ] {
            let error = own(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
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
