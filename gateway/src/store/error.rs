//! What can go wrong with the store, and on what.

use std::path::PathBuf;

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The lock file beside the database could not be made.
    #[error("cannot open the lock file {path}: {source}")]
    LockFile {
        /// The lock file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// Another process writes this database.
    #[error("{path} is in use by another vigil process; two writers on one database are refused")]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The database could not be opened or set up.
    #[error("cannot open the database {path}: {source}")]
    Open {
        /// The database.
        path: PathBuf,
        /// Cause.
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the schema of {path} up to date: {source}")]
    Migrate {
        /// The database.
        path: PathBuf,
        /// Cause.
        source: sqlx::migrate::MigrateError,
    },
    /// A batch could not be committed. Nothing of it is in the database.
    #[error("cannot write {what}: {source}")]
    Write {
        /// What was being written.
        what: &'static str,
        /// Cause.
        source: sqlx::Error,
    },
    /// A query failed.
    #[error("cannot read {what}: {source}")]
    Read {
        /// What was asked for.
        what: &'static str,
        /// Cause.
        source: sqlx::Error,
    },
    /// A row holds what this version cannot have written.
    #[error("unreadable {what} in the database: {detail}")]
    Corrupt {
        /// Which kind of row.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

impl StoreError {
    /// Whether the same batch can succeed later: true for a full disk or a busy file, false when the
    /// database refuses the content itself (a constraint or a trigger).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Write {
                source: sqlx::Error::Database(error),
                ..
            } => {
                // SQLITE_CONSTRAINT and its extended codes.
                error
                    .code()
                    .and_then(|code| code.parse::<u32>().ok())
                    .is_none_or(|code| code & 0xff != 19)
            }
            Self::Write { .. } => true,
            _ => false,
        }
    }
}
