//! Who signs what until when, as data.

use super::DutyKind;
use crate::register::Field;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};

const TEXT: &str = include_str!("../../rules/desk/duty.toml");

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

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// It is not TOML of this form.
    #[error("reading daily control, weekly check and monthly dispatch: {0}")]
    Toml(#[from] toml::de::Error),
    /// A kind is missing, or there twice.
    #[error("`{0}` must be there once")]
    Once(&'static str),
    /// An officer the register does not name.
    #[error("the register has no fact `{0}`")]
    Fact(Arc<str>),
}

impl DutyPolicy {
    /// The one that comes with the gateway.
    #[must_use]
    pub fn builtin() -> &'static Self {
        // A test reads it; were it damaged, no record would be made.
        static BUILTIN: LazyLock<DutyPolicy> = LazyLock::new(|| {
            DutyPolicy::parse(TEXT).unwrap_or_else(|_| DutyPolicy {
                allowed_gap_minutes: 0,
                due_within_days: 0,
                source: String::new(),
                confidence: "memory-low".to_owned(),
                kind: Vec::new(),
            })
        });
        &BUILTIN
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// See [`DutyError`].
    pub fn parse(text: &str) -> Result<Self, DutyError> {
        let policy: Self = toml::from_str(text)?;
        for kind in DutyKind::ALL {
            if policy.kind.iter().filter(|one| one.key == kind).count() != 1 {
                return Err(DutyError::Once(kind.key()));
            }
        }
        for one in &policy.kind {
            if Field::from_key(&one.officer_fact).is_none() {
                return Err(DutyError::Fact(Arc::clone(&one.officer_fact)));
            }
        }
        Ok(policy)
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
    use super::{DutyKind, DutyPolicy, TEXT};

    #[test]
    fn the_policy_that_comes_with_the_gateway_names_officers_the_register_has() {
        let policy = DutyPolicy::parse(TEXT).unwrap();
        for kind in DutyKind::ALL {
            let one = policy.get(kind).unwrap();
            assert!(one.articles.iter().any(super::Article::unverified), "{kind:?}");
        }
    }

    #[test]
    fn a_policy_without_one_of_the_three_or_with_an_officer_nobody_is_is_refused() {
        for (from, to, expected) in [
            ("key = \"weekly\"", "key = \"daily\"", "must be there once"),
            ("\"safety_director\"", "\"boss\"", "no fact `boss`"),
            ("allowed_gap_minutes = 15", "allowed = 1", "reading"),
        ] {
            let error = DutyPolicy::parse(&TEXT.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
