//! What can go wrong with the lists.

use crate::sheet::WriteError;
use crate::store::StoreError;
use std::path::PathBuf;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
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
    /// Something that was asked for cannot be.
    #[error("{field}: {what}")]
    Value {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Not now.
    #[error("{message}")]
    Refused {
        /// Stable key.
        code: &'static str,
        /// Why, English.
        message: String,
        /// Why, Chinese.
        message_zh: String,
    },
    /// The same key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A file of the data directory.
    #[error("the file {path}: {source}")]
    File {
        /// Where.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A table could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    Stopping,
}

impl ListError {
    pub(super) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }
}
