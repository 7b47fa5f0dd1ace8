//! The durable store: one transaction per batch, one writer, many readers.
//!
//! SQLite in WAL mode with `synchronous = FULL`: what [`Writer::commit`] has returned from survives a
//! power cut. The statements are written so that another database needs only another [`Db`] and its
//! own DDL.

mod batch;
mod desk;
mod error;
mod keys;
mod open;
mod outbox;
mod reader;
mod retention;
mod sight;
mod words;
mod writer;

pub use batch::{Batch, HazardWindow, KeptPolicy, Payload, ServerEvent, Snapshot};
pub use desk::{Desk, DeskWrite};
pub use error::StoreError;
pub use open::{PageLimit, StoreOptions};
pub use outbox::{OutboxChange, OutboxEntry, OutboxRow, OutboxState, Receipt, SinkGap, Which};
pub(crate) use reader::hazard_of_row;
pub use reader::{
    AlarmCursor, AlarmFilter, AlarmLoad, DeadLetterRow, DeadLetters, HazardCursor, HazardFilter, HazardLoad,
    HazardOrder, HourCounts, ListedBy, ListedHazard, Logged, LoggedInput, MachineCounts, OpenHazards,
    OutboxCount, OutboxFilter, Overview, PageEnd, Reader, Restorable, RollupRow, Size, StoredMessage,
    StoredPayload, UnknownCodeRow, count_listed, events_of_kinds, listed_hazards,
};
pub use retention::{Retention, RetentionReport};
pub use sight::{push_node_seen, push_scope, push_seen};
pub use writer::{Committed, Indexed, Writer};

/// The database behind the store.
pub(crate) type Db = sqlx::Sqlite;

/// Opens the store, takes it for this process and brings its schema up to date.
///
/// # Errors
/// Another process has it, or it cannot be opened or migrated.
pub async fn open(options: &StoreOptions) -> Result<(Writer, Reader), StoreError> {
    let lock = open::lock(&options.path)?;
    let mut connection = open::writing(options).await?;
    open::migrate(&mut connection, &options.path).await?;
    let reader = Reader::new(open::reading(options), options.path.clone());
    let writer = Writer::new(connection, options.clone(), lock).await?;
    Ok((writer, reader))
}

/// The desk's tables of an open store.
#[must_use]
pub fn desk(options: &StoreOptions) -> Desk {
    Desk::new(options.clone(), open::reading(options))
}

/// Opens an existing database for reading only, beside a running gateway or without one.
#[must_use]
pub fn open_reader(options: &StoreOptions) -> Reader {
    Reader::new(open::reading(options), options.path.clone())
}
