//! What can go wrong with the records.

use crate::sheet::WriteError;
use crate::store::StoreError;
use vigil_core::output::Refusal;

/// Why something was not done. Nothing of it is in the database then.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such record, or it is out of scope.
    #[error("there is no record {0}")]
    NotFound(String),
    /// Somebody else has changed it in between.
    #[error(
        "the record has been changed by somebody else: it is at revision {is}, not {expected}. Load it again and repeat the change"
    )]
    Stale {
        /// As it is.
        is: i64,
        /// As it was seen.
        expected: i64,
    },
    /// It may not be done.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The same key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A workbook could not be made.
    #[error("making the workbook of records: {0}")]
    Workbook(#[from] WriteError),
}

impl From<Refusal> for DutyError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
