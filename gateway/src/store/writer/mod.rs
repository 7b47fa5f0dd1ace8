//! The writing side: a batch is in the database whole or not at all.

mod insert;
mod names;
mod rows;
mod statements;

use super::open::{Lock, StoreOptions};
use super::{Batch, Snapshot, StoreError, open};
use names::Names;
use rows::Rows;
use sqlx::{Connection as _, SqliteConnection};
use statements::Statements;

/// The one writer of a database.
#[derive(Debug)]
pub struct Writer {
    /// `None` after a failure: the next attempt starts from a fresh connection, so that nothing of a
    /// half-failed transaction can linger.
    connection: Option<SqliteConnection>,
    options: StoreOptions,
    names: Names,
    statements: Statements,
    _lock: Lock,
}

/// What a commit did beyond writing the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Log rows written.
    pub messages: u64,
    /// Log rows the database already had, by (node, epoch, sequence). The core should have caught
    /// them: a number above zero means two gateways, or a lost snapshot.
    pub refused: u64,
}

impl Writer {
    pub(super) async fn new(
        mut connection: SqliteConnection,
        options: StoreOptions,
        lock: Lock,
    ) -> Result<Self, StoreError> {
        let names = Names::load(&mut connection).await?;
        Ok(Self { connection: Some(connection), options, names, statements: Statements::new(), _lock: lock })
    }

    /// Writes `batch` in one transaction; durable when it returns.
    ///
    /// # Errors
    /// Nothing was written. [`StoreError::is_retryable`] says whether trying again can help.
    pub async fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let result = self.try_commit(batch).await;
        if result.is_ok() {
            self.names.keep();
        } else {
            self.names.forget();
            self.connection = None;
        }
        result
    }

    async fn try_commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let write = |what| move |source| StoreError::Write { what, source };
        let rows = Rows::of(batch, &mut self.names);
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(open::writing(&self.options).await?),
        };
        let mut transaction =
            connection.begin_with("BEGIN IMMEDIATE").await.map_err(write("the start of a batch"))?;
        let committed = self.statements.write(&mut transaction, &self.names, &rows, batch).await?;
        transaction.commit().await.map_err(write("the end of a batch"))?;
        Ok(committed)
    }

    /// Replaces all snapshots and the watermark: for a graceful stop.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn commit_snapshots(&mut self, snapshots: Vec<Snapshot>, batch: Batch) -> Result<(), StoreError> {
        let batch = Batch { snapshots, watermark: Some(batch.position), ..batch };
        self.commit(&batch).await.map(drop)
    }

    /// The connection, for maintenance between two batches.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => Ok(none.insert(open::writing(&self.options).await?)),
        }
    }

    /// Closes the database in order: the write-ahead log is folded in and removed.
    ///
    /// # Errors
    /// The data is safe all the same; the log stays beside the database.
    pub async fn close(mut self) -> Result<(), StoreError> {
        match self.connection.take() {
            Some(connection) => connection
                .close()
                .await
                .map_err(|source| StoreError::Write { what: "the last checkpoint", source }),
            None => Ok(()),
        }
    }
}
