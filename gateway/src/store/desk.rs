//! What people write beside the flow of messages: registers, users, cases. A connection of its own, so that a person
//! never waits for a batch longer than the database itself makes him.

use super::open::{self, StoreOptions};
use super::{Db, StoreError};
use sqlx::{Connection as _, Pool, SqliteConnection};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Reads and writes the tables of the desk; cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    writing: Arc<Mutex<Option<SqliteConnection>>>,
    options: StoreOptions,
    pool: Pool<Db>,
}

/// A transaction that is under way: nobody else of the desk writes. Dropped without [`DeskWrite::commit`], nothing
/// of it has happened.
#[derive(Debug)]
pub struct DeskWrite {
    connection: OwnedMutexGuard<Option<SqliteConnection>>,
    done: bool,
}

impl Desk {
    pub(super) fn new(options: StoreOptions, pool: Pool<Db>) -> Self {
        Self {
            writing: Arc::default(),
            options,
            pool,
        }
    }

    /// Connections for reading.
    #[must_use]
    pub const fn reading(&self) -> &Pool<Db> {
        &self.pool
    }

    /// Begins to write; waits for its turn.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn begin(&self) -> Result<DeskWrite, StoreError> {
        let mut connection = Arc::clone(&self.writing).lock_owned().await;
        if connection.is_none() {
            *connection = Some(open::writing(&self.options).await?);
        }
        let mut write = DeskWrite {
            connection,
            done: false,
        };
        sqlx::query("BEGIN IMMEDIATE")
            .execute(write.connection()?)
            .await
            .map_err(|source| StoreError::Write {
                what: "the desk's tables",
                source,
            })?;
        Ok(write)
    }

    /// Closes the writing connection.
    pub async fn close(&self) {
        if let Some(connection) = self.writing.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "closing the desk's connection");
        }
    }
}

impl DeskWrite {
    /// Where statements of the transaction run.
    ///
    /// # Errors
    /// The connection is gone: never, while the transaction is under way.
    pub fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::Corrupt {
            what: "connection",
            detail: "the transaction has ended".to_owned(),
        })
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// Nothing of it is in the database.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        sqlx::query("COMMIT")
            .execute(self.connection()?)
            .await
            .map_err(|source| StoreError::Write {
                what: "the desk's tables",
                source,
            })?;
        self.done = true;
        Ok(())
    }
}

impl Drop for DeskWrite {
    /// What was not committed is undone with its connection; the next transaction opens another.
    fn drop(&mut self) {
        if !self.done {
            drop(self.connection.take());
        }
    }
}
