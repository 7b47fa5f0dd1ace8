//! Who signs what until when, as data.

use super::DutyKind;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Document, Merge};
use crate::diagnostic::sheet::{self, OwnFile, Sheet};
use crate::register::Field;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};

/// The file it is read from.
pub(crate) const SHEET: Sheet = Sheet {
    name: "duty.toml",
    text: include_str!("../../rules/desk/duty.toml"),
    merge: &[("kind", Merge::Behind("key"))],
};

/// An article that asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Article {
    /// For which equipment, Chinese.
    pub of_zh: String,
    /// For which equipment, English.
    pub of_en: String,
    /// The article.
    pub article: String,
    /// How sure that is.
    pub confidence: String,
}

impl Article {
    /// Whether it still has to be checked against its source.
    #[must_use]
    pub fn unverified(&self) -> bool {
        self.confidence == "memory-low"
    }
}

/// One of the three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindPolicy {
    /// Which.
    pub key: DutyKind,
    /// Its name, Chinese.
    pub zh: Arc<str>,
    /// Its name, English.
    pub en: Arc<str>,
    /// Name of its record, Chinese.
    pub record_zh: Arc<str>,
    /// Name of its record, English.
    pub record_en: Arc<str>,
    /// Who signs, Chinese.
    pub officer_zh: Arc<str>,
    /// Who signs, English.
    pub officer_en: Arc<str>,
    /// The fact of the register that names him.
    pub officer_fact: Arc<str>,
    /// To be signed within so many days of the period's last.
    pub sign_within_days: u16,
    /// Where it comes from.
    pub source: String,
    /// How sure that is.
    pub confidence: String,
    /// Articles.
    #[serde(default)]
    pub articles: Vec<Article>,
}

/// All three, and when data is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyPolicy {
    /// A machine's day is complete when not more than this is missing of it, minutes.
    pub allowed_gap_minutes: u32,
    /// What is due within so many days is shown.
    pub due_within_days: u16,
    /// Where these come from.
    pub source: String,
    /// How sure that is.
    pub confidence: String,
    kind: Vec<KindPolicy>,
}

impl DutyPolicy {
    /// The one that comes with the gateway.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        // A test reads it; were it damaged, no record would be made.
        static BUILTIN: LazyLock<Arc<DutyPolicy>> = LazyLock::new(|| {
            Arc::new(DutyPolicy::over(None).unwrap_or_else(|_| DutyPolicy {
                allowed_gap_minutes: 0,
                due_within_days: 0,
                source: String::new(),
                confidence: "memory-low".to_owned(),
                kind: Vec::new(),
            }))
        });
        &BUILTIN
    }

    /// The shipped one, with people's own file over it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn over(own: Option<OwnFile<'_>>) -> Result<Self, Vec<Diagnostic>> {
        sheet::read(SHEET.document(own), Self::check)
    }

    fn check(&mut self, document: &Document<'_>) {
        for kind in DutyKind::ALL {
            if self.kind.iter().filter(|one| one.key == kind).count() != 1 {
                document.error_at("kind", format!("`{}` must be there once", kind.key()));
            }
        }
        for (at, one) in self.kind.iter().enumerate() {
            if Field::from_key(&one.officer_fact).is_none() {
                let path = format!("kind.{at}.officer_fact");
                document.error_at(&path, format!("the register has no fact `{}`", one.officer_fact));
            }
            if one.sign_within_days > 366 {
                document.error_at(&format!("kind.{at}.sign_within_days"), "at most a year");
            }
        }
        if self.allowed_gap_minutes > 24 * 60 {
            document.error_at("allowed_gap_minutes", "at most a day");
        }
    }

    /// One of the three.
    #[must_use]
    pub fn get(&self, kind: DutyKind) -> Option<&KindPolicy> {
        self.kind.iter().find(|one| one.key == kind)
    }

    /// All, in the order they are configured in.
    pub fn iter(&self) -> impl Iterator<Item = &KindPolicy> {
        self.kind.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{DutyKind, DutyPolicy};
    use crate::diagnostic::sheet::OwnFile;

    fn own(text: &str) -> Result<DutyPolicy, String> {
        let file = OwnFile {
            name: "duty.toml",
            text,
        };
        DutyPolicy::over(Some(file)).map_err(|found| found[0].to_string())
    }

    #[test]
    fn the_policy_that_comes_with_the_gateway_names_officers_the_register_has() {
        let policy = DutyPolicy::over(None).unwrap();
        for kind in DutyKind::ALL {
            let one = policy.get(kind).unwrap();
            assert!(one.articles.iter().any(super::Article::unverified), "{kind:?}");
        }
    }

    #[test]
    fn a_city_changes_names_officers_and_times_and_leaves_the_rest() {
        let policy =
            own("allowed_gap_minutes = 30\n[[kind]]\nkey = 'weekly'\nzh = '周检查'\nsign_within_days = 4\n")
                .unwrap();
        assert_eq!((policy.allowed_gap_minutes, policy.due_within_days), (30, 30));
        let weekly = policy.get(DutyKind::Weekly).unwrap();
        assert_eq!(
            (&*weekly.zh, &*weekly.en, weekly.sign_within_days),
            ("周检查", "weekly check", 4)
        );
        assert_eq!(
            policy.get(DutyKind::Daily),
            DutyPolicy::builtin().get(DutyKind::Daily)
        );
    }

    #[test]
    fn a_policy_without_one_of_the_three_or_with_an_officer_nobody_is_is_refused() {
        for (text, said) in [
            (
                "[[kind]]\nkey = 'weekly'\nremove = true\n",
                "`weekly` must be there once",
            ),
            (
                "[[kind]]\nkey = 'weekly'\nofficer_fact = 'boss'\n",
                "duty.toml:3:16: error: `kind[2].officer_fact`: the register has no fact `boss`",
            ),
            ("allowed = 1\n", "duty.toml:1:1: error: `allowed`: unknown field"),
        ] {
            let error = own(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
