//! The periods of the closed loop, as data: they differ between cities.

use super::calendar::Calendar;
pub use super::length::{Length, LengthError};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Document, Merge};
use crate::diagnostic::sheet::{self, OwnFile, Sheet};
use crate::hash::ContentHash;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};
use vigil_protocol::time::UtcMillis;

/// The file it is read from.
pub(crate) const SHEET: Sheet = Sheet {
    name: "hazard-loop.toml",
    text: include_str!("../../rules/desk/hazard-loop.toml"),
    merge: &[("category", Merge::Behind("key"))],
};

/// Categories that the gateway itself puts hazards into.
const NEEDED: [&str; 2] = ["control-failed", "other"];
/// Look-backs of one hazard.
const MOST_LOOK_BACKS: usize = 9;

/// One period, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// What it is, Chinese.
    pub title_zh: String,
    /// What it is, English.
    pub title_en: String,
    /// How long it is.
    pub lasts: Length,
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
    /// Look-backs, so long after strike-off, ascending.
    pub look_back_after: Vec<Length>,
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
    /// Days on which people work: a file of its own.
    #[serde(skip)]
    pub calendar: Arc<Calendar>,
}

/// A policy as it is kept, so that what was decided by it can be decided again.
#[derive(Serialize, Deserialize)]
struct Kept {
    policy: Policy,
    calendar: Calendar,
}

/// A kept policy that cannot be read any more.
#[derive(Debug, thiserror::Error)]
#[error("reading a kept policy of the closed loop: {0}")]
pub struct PolicyError(#[from] serde_json::Error);

impl Policy {
    /// The one that comes with the gateway.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        // A test reads it; were it damaged, nothing would be due.
        static BUILTIN: LazyLock<Arc<Policy>> = LazyLock::new(|| {
            let policy = Policy::over(None).unwrap_or_default();
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
        for (key, period) in self.periods() {
            if period.lasts.ms() == 0 && key != "look_back_early" {
                document.error_at(&format!("{key}.lasts"), "at least a minute");
            }
        }
        for (key, period) in [
            ("repeat", &self.repeat),
            ("look_back_early", &self.look_back_early),
        ] {
            if period.lasts.is_working() {
                document.error_at(&format!("{key}.lasts"), "not counted in working days");
            }
        }
        let rounds = &self.rounds.look_back_after;
        if rounds.is_empty() || rounds.len() > MOST_LOOK_BACKS {
            document.error_at("rounds.look_back_after", "one to nine look-backs");
        }
        if rounds.iter().any(|after| after.is_working()) {
            document.error_at("rounds.look_back_after", "not counted in working days");
        }
        if rounds
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.ms() >= b.ms()))
        {
            document.error_at("rounds.look_back_after", "each later than the one before");
        }
        for (at, one) in self.category.iter().enumerate() {
            if self.category.iter().take(at).any(|other| other.key == one.key) {
                document.error_at(
                    &format!("category.{at}.key"),
                    format!("`{}` is there twice", one.key),
                );
            }
        }
        for key in NEEDED {
            if self.category(key).is_none() {
                document.error_at("category", format!("`{key}` must stay: the gateway uses it"));
            }
        }
    }

    /// All periods, for people.
    #[must_use]
    pub const fn periods(&self) -> [(&'static str, &Period); 8] {
        [
            ("general", &self.general),
            ("major", &self.major),
            ("acceptance", &self.acceptance),
            ("extension_before", &self.extension_before),
            ("extension_decision", &self.extension_decision),
            ("listed", &self.listed),
            ("repeat", &self.repeat),
            ("look_back_early", &self.look_back_early),
        ]
    }

    /// As it is kept, days off included, with the hash of that.
    ///
    /// # Errors
    /// Never, for a policy that was read.
    pub fn keep(&self) -> Result<(String, ContentHash), PolicyError> {
        let json = serde_json::to_string(&Kept {
            policy: self.clone(),
            calendar: (*self.calendar).clone(),
        })?;
        let hash = ContentHash::of(json.as_bytes());
        Ok((json, hash))
    }

    /// A kept one.
    ///
    /// # Errors
    /// It is of another version.
    pub fn kept(json: &str) -> Result<Self, PolicyError> {
        let Kept { policy, calendar } = serde_json::from_str(json)?;
        Ok(policy.counted_by(Arc::new(calendar)))
    }

    /// When a period that begins at `from` ends: with its last day, or to the minute.
    #[must_use]
    pub fn end(&self, period: &Period, from: UtcMillis) -> UtcMillis {
        self.calendar
            .shifted(from, period.lasts, 1, self.utc_offset_minutes)
    }

    /// The end of the day so long before the day of `until`; to the minute, if it is counted so.
    #[must_use]
    pub fn before(&self, period: &Period, until: UtcMillis) -> UtcMillis {
        self.calendar
            .shifted(until, period.lasts, -1, self.utc_offset_minutes)
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
    use super::{Length, Policy};
    use crate::diagnostic::sheet::OwnFile;
    use crate::hazard::calendar::Calendar;
    use crate::pack::builtin;
    use vigil_protocol::time::UtcMillis;

    fn own(text: &str) -> Result<Policy, String> {
        let file = OwnFile {
            name: "desk/hazard-loop.toml",
            text,
        };
        Policy::over(Some(file)).map_err(|found| {
            let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
            lines.join("\n")
        })
    }

    #[test]
    fn the_policy_that_comes_with_the_gateway_can_be_read_and_says_where_it_comes_from() {
        let policy = Policy::over(None).unwrap();
        for (key, period) in policy.periods() {
            assert!(period.lasts.ms() > 0 && !period.source.is_empty(), "{key}");
        }
        assert_eq!(
            policy.rounds.look_back_after,
            [Length::Days(30), Length::Days(90)]
        );
        assert_eq!(
            &policy.counted_by(Calendar::builtin().clone()),
            &**Policy::builtin()
        );
    }

    #[test]
    fn a_city_changes_deadlines_and_categories_and_leaves_the_rest() {
        let policy = own(
            "[general]\nlasts = '10 working days'\n[rounds]\nlook_back_after = ['5 minutes', '10 minutes']\n\
             [[category]]\nkey = 'ropes'\nzh = '钢丝绳'\nen = 'ropes'\nrules = ['LIFT-ROPE']\n\
             [[category]]\nkey = 'leakage'\nremove = true\n",
        )
        .unwrap();
        assert_eq!(policy.general.lasts, Length::WorkingDays(10));
        assert_eq!(policy.general.source, "desk/hazard-loop.toml");
        assert_eq!(policy.major, Policy::builtin().major);
        assert_eq!(policy.category_of("LIFT-ROPE-WORN"), "ropes");
        assert!(policy.category("leakage").is_none() && policy.category("other").is_some());
        assert_eq!(
            policy.rounds.look_back_after,
            [Length::Minutes(5), Length::Minutes(10)]
        );
    }

    #[test]
    fn a_policy_nobody_can_work_by_is_refused() {
        for (text, said) in [
            (
                "[general]\nlasts = '15'\n",
                ":2:9: error: `general.lasts`: \"15\" is no length",
            ),
            (
                "[general]\nlasts = '0 days'\n",
                ":2:9: error: `general.lasts`: at least a minute",
            ),
            (
                "[general]\nlast = '1 day'\n",
                ":2:1: error: `general.last`: unknown field",
            ),
            (
                "[rounds]\nlook_back_after = ['90 days', '30 days']\n",
                ":2:19: error: `rounds.look_back_after`: each later",
            ),
            ("[rounds]\nlook_back_after = []\n", "one to nine"),
            (
                "[repeat]\nlasts = '1 working day'\n",
                "not counted in working days",
            ),
            (
                "[[category]]\nkey = 'other'\nremove = true\n",
                "`other` must stay",
            ),
            ("utc_offset_minutes = 10000\n", "between -720 and 840"),
        ] {
            let error = own(text).unwrap_err();
            assert!(error.starts_with("desk/hazard-loop.toml:"), "{error}");
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_policy_is_kept_with_its_days_off() {
        let policy = Policy::builtin();
        let (json, hash) = policy.keep().unwrap();
        let kept = Policy::kept(&json).unwrap();
        assert_eq!(&kept, &**policy);
        assert_eq!(kept.keep().unwrap().1, hash);
        let other = own("[general]\nlasts = '3 days'\n").unwrap();
        assert_ne!(other.keep().unwrap().1, hash);
        assert!(Policy::kept("{}").is_err());
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
        let quick = own("[general]\nlasts = '90 minutes'\n").unwrap();
        assert_eq!(quick.end(&quick.general, morning).0, morning.0 + 5_400_000);
        assert_eq!(quick.before(&quick.general, morning).0, morning.0 - 5_400_000);
    }
}
