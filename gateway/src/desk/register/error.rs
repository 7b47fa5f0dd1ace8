//! What can go wrong with the register.

use crate::sheet::SheetError;
use crate::store::StoreError;
use vigil_core::register::Finding;

/// Why something was not done. Nothing of it is in the database then.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
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
    /// Facts that cannot be taken.
    #[error("{} of the facts cannot be taken", .0.len())]
    Wrong(Vec<Finding>),
    /// A value of a unit, an accessory or a certificate.
    #[error("{field}: {what}")]
    Value {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// It is there already.
    #[error("there is already a {what} {id:?}")]
    Exists {
        /// Which kind of thing.
        what: &'static str,
        /// Its name.
        id: String,
    },
    /// The same key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The file cannot be read.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The import cannot be applied as it is.
    #[error("{0}")]
    Refused(String),
    /// A mistake in this crate.
    #[error("{0}")]
    Broken(String),
}

pub(crate) fn reading(what: &'static str) -> impl FnOnce(sqlx::Error) -> RegisterError {
    move |source| StoreError::Read { what, source }.into()
}

pub(crate) fn writing(what: &'static str) -> impl FnOnce(sqlx::Error) -> RegisterError {
    move |source| StoreError::Write { what, source }.into()
}

/// Refuses a change of what somebody else has changed in between.
pub(super) fn same_revision(what: &'static str, is: i64, expected: i64) -> Result<(), RegisterError> {
    if is == expected {
        Ok(())
    } else {
        Err(RegisterError::Stale { what, is, expected })
    }
}

pub(crate) fn corrupt(what: &'static str, error: &dyn std::fmt::Display) -> RegisterError {
    StoreError::Corrupt {
        what,
        detail: error.to_string(),
    }
    .into()
}
