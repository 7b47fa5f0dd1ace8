//! What can go wrong with cases.

use crate::store::StoreError;
use vigil_core::output::Refusal;

/// Why something was not done. Nothing of it is in the database then.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such case, or it is out of scope.
    #[error("there is no supervision case {0:?}")]
    NotFound(String),
    /// Somebody else has done something in between.
    #[error("the case has changed: it has had {is} events, not {expected}. Load it again and decide anew")]
    Stale {
        /// As it is.
        is: u32,
        /// As it was seen.
        expected: u32,
    },
    /// The rules do not allow it.
    #[error("refused ({}): {}", .0.code, .0.message)]
    Refused(Box<Refusal>),
    /// The same key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
}

impl From<Refusal> for CasesError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}
