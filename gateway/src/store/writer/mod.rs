//! The writing side: a batch is in the database whole or not at all.

mod index;
mod insert;
mod names;
mod outbox;
mod rows;
mod statements;

use super::open::{Lock, StoreOptions};
use super::{Batch, StoreError, open};
pub use index::Indexed;

use index::Reach;
use names::Names;
use rows::Rows;
use sqlx::{Connection as _, Row as _, SqliteConnection};
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
    /// The last attempt did not say that it succeeded: the database must be asked.
    uncertain: bool,
    reach: Reach,
    _lock: Lock,
}

/// What a commit did beyond writing the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Log rows written.
    pub messages: u64,
}

impl Writer {
    pub(super) async fn new(
        mut connection: SqliteConnection,
        options: StoreOptions,
        lock: Lock,
    ) -> Result<Self, StoreError> {
        let names = Names::load(&mut connection).await?;
        let reach = Reach::load(&mut connection).await?;
        Ok(Self {
            reach,
            connection: Some(connection),
            options,
            names,
            statements: Statements::new(),
            uncertain: false,
            _lock: lock,
        })
    }

    /// Writes `batch` in one transaction; durable when it returns. A numbered batch that is already in
    /// the database (a commit can fail after the fact) is not written again.
    ///
    /// # Errors
    /// Nothing was written, as far as is known. [`StoreError::is_retryable`] says whether trying the
    /// same batch again can help.
    pub async fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let mut connection = self.take_connection().await?;
        begin(&mut connection).await?;
        // Asked only now: what an abandoned attempt still had to do is done, it held the lock.
        if std::mem::replace(&mut self.uncertain, true) {
            self.names = Names::load(&mut connection).await?;
            if batch.id > 0 && last_batch(&mut connection).await? >= batch.id {
                self.reach = Reach::load(&mut connection).await?;
                end(&mut connection).await?;
                self.settle(connection);
                return Ok(Committed::default());
            }
        }
        let plan = {
            let rows = Rows::of(batch, &mut self.names);
            self.statements.plan(&self.names, &rows, batch)?
        };
        let messages = plan.run(&mut connection, Statements::COUNTED).await?;
        end(&mut connection).await?;
        self.names.keep();
        self.settle(connection);
        self.reach.log = batch.position.0 as i64;
        Ok(Committed { messages })
    }

    fn settle(&mut self, connection: SqliteConnection) {
        self.put_connection(connection);
        self.uncertain = false;
    }

    /// The connection, or a new one. Only success puts it back: one dropped on the way rolls back.
    pub(super) async fn take_connection(&mut self) -> Result<SqliteConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => open::writing(&self.options).await,
        }
    }

    /// See [`Self::take_connection`].
    pub(super) fn put_connection(&mut self, connection: SqliteConnection) {
        self.connection = Some(connection);
    }

    /// Closes the database in order: the write-ahead log is folded in and removed.
    ///
    /// # Errors
    /// The data is safe all the same; the log stays beside the database.
    pub async fn close(mut self) -> Result<(), StoreError> {
        // Whoever opens the file next finds it in order. If that fails, it only takes them longer.
        while self.connection.is_some() && self.index().await.is_ok_and(|done| done.messages > 0) {}
        match self.connection.take() {
            Some(connection) => connection.close().await.map_err(|source| StoreError::Write {
                what: "the last checkpoint",
                source,
            }),
            None => Ok(()),
        }
    }
}

/// Begins a transaction that writes from the start: it never fails half-way for a lock.
pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    execute(connection, "BEGIN IMMEDIATE", "the start of a batch").await
}

/// Commits; durable when it returns.
pub(super) async fn end(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    execute(connection, "COMMIT", "the end of a batch").await
}

async fn execute(
    connection: &mut SqliteConnection,
    sql: &'static str,
    what: &'static str,
) -> Result<(), StoreError> {
    sqlx::query(sql)
        .execute(connection)
        .await
        .map(drop)
        .map_err(|source| StoreError::Write { what, source })
}

async fn last_batch(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT value FROM meta WHERE key = 'batch'")
        .fetch_optional(connection)
        .await
        .map_err(|source| StoreError::Write {
            what: "the number of the last batch",
            source,
        })?;
    Ok(row
        .and_then(|row| row.get::<String, _>(0).parse().ok())
        .unwrap_or(0))
}
