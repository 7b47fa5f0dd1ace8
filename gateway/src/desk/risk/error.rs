//! What can go wrong with the register of risks.

use crate::engine::ActError;
use crate::store::StoreError;

/// Why something was not done. Nothing of it is in the database then.
#[derive(Debug, thiserror::Error)]
pub enum RiskError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such thing, or it is out of scope.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// Which kind of thing.
        what: &'static str,
        /// Its name.
        id: String,
    },
    /// Somebody else has changed it in between.
    #[error(
        "{what} has been changed by somebody else: it is at revision {is}, not {expected}. Load it again and repeat the change"
    )]
    Stale {
        /// Which kind of thing.
        what: &'static str,
        /// As it is.
        is: i64,
        /// As it was seen.
        expected: i64,
    },
    /// A value that cannot be taken.
    #[error("{field}: {en}")]
    Value {
        /// Which field.
        field: String,
        /// What is wrong with it, Chinese.
        zh: String,
        /// English.
        en: String,
    },
    /// The same key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// It cannot be done as things stand.
    #[error("{en}")]
    Refused {
        /// Stable key of the reason.
        code: &'static str,
        /// Chinese.
        zh: &'static str,
        /// English.
        en: &'static str,
    },
    /// The check is on record, but the hazard is not open yet: it is tried again every minute.
    #[error("opening the hazard of a failed measure: {0}")]
    Act(#[from] ActError),
    /// The engine did not answer.
    #[error("asking which equipment is heard: {0}")]
    Engine(#[from] crate::engine::EngineGone),
}

impl RiskError {
    pub(super) fn value(field: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Value {
            field: field.to_owned(),
            zh: zh.into(),
            en: en.into(),
        }
    }

    pub(super) fn no_point(n: i64) -> Self {
        Self::NotFound {
            what: "risk point",
            id: super::id_of(n),
        }
    }

    pub(super) fn no_measure(n: i64) -> Self {
        Self::NotFound {
            what: "control measure",
            id: n.to_string(),
        }
    }

    /// What is wrong, Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Value { zh, .. } => zh.clone(),
            Self::Refused { zh, .. } => (*zh).to_owned(),
            Self::Stale { .. } => "其他人刚刚修改过，请核对后再提交".to_owned(),
            Self::KeyReused => "该幂等键已用于另一请求".to_owned(),
            Self::NotFound { .. } => "没有这一项，或不在您的范围内".to_owned(),
            Self::Act(ActError::Refused(refusal)) => refusal.message_zh.clone(),
            Self::Store(_) | Self::Act(_) | Self::Engine(_) => format!("暂时无法办理：{self}"),
        }
    }
}

pub(super) fn reading(what: &'static str) -> impl FnOnce(sqlx::Error) -> RiskError {
    move |source| StoreError::Read { what, source }.into()
}

pub(super) fn writing(what: &'static str) -> impl FnOnce(sqlx::Error) -> RiskError {
    move |source| StoreError::Write { what, source }.into()
}

/// Refuses a change of what somebody else has changed in between.
pub(super) fn same_revision(what: &'static str, is: i64, expected: i64) -> Result<(), RiskError> {
    if is == expected {
        Ok(())
    } else {
        Err(RiskError::Stale { what, is, expected })
    }
}

/// A text of a person: trimmed, not too long, and there if it has to be.
pub(super) fn text(field: &str, given: &str, most: usize, required: bool) -> Result<String, RiskError> {
    let given = given.trim();
    if required && given.is_empty() {
        return Err(RiskError::value(field, "必填", "must not be empty"));
    }
    if given.chars().count() > most {
        return Err(RiskError::value(
            field,
            format!("最多 {most} 个字符"),
            format!("at most {most} characters"),
        ));
    }
    if given
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(RiskError::value(
            field,
            "含有不可显示的字符",
            "holds characters that cannot be shown",
        ));
    }
    Ok(given.to_owned())
}
