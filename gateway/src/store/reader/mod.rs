//! The reading side: what the API, the pages and a restart ask for.
//!
//! Every answer is bounded: lists take a limit, ranges are cut.

mod alarms;
mod day;
mod hazards;
mod lists;
mod load;
mod messages;
mod misc;
mod narrow;
mod outbox;
mod restore;
mod view;

pub use alarms::{AlarmCursor, AlarmFilter};
pub use day::MachineCounts;
pub(crate) use hazards::summary as hazard_of_row;
pub use hazards::{HazardCursor, HazardFilter, HazardOrder};
pub use lists::{ListedBy, ListedHazard, count_listed, events_of_kinds, listed_hazards};
pub use load::{AlarmLoad, HazardLoad};
pub use messages::{PageEnd, StoredMessage, StoredPayload};
pub use misc::{DeadLetterRow, DeadLetters, Overview, RollupRow, Size, UnknownCodeRow};
pub use outbox::{OutboxCount, OutboxFilter};
pub use restore::{Logged, LoggedInput, Restorable};
pub use view::{HourCounts, OpenHazards};

use super::{Db, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Pool, Row as _};
use std::path::PathBuf;
use vigil_protocol::time::UtcMillis;

/// Reads the database; cheap to clone, shares its connections.
#[derive(Clone, Debug)]
pub struct Reader {
    pool: Pool<Db>,
    path: PathBuf,
}

impl Reader {
    pub(super) const fn new(pool: Pool<Db>, path: PathBuf) -> Self {
        Self { pool, path }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Says what was being read when a query failed.
fn read(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Read { what, source }
}

/// A column; a wrong type is a corrupt row.
fn get<'r, T>(row: &'r SqliteRow, what: &'static str, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Db> + sqlx::Type<Db>,
{
    row.try_get(column).map_err(|error| StoreError::Corrupt {
        what,
        detail: error.to_string(),
    })
}

fn time(row: &SqliteRow, what: &'static str, column: &'static str) -> Result<UtcMillis, StoreError> {
    get(row, what, column).map(UtcMillis)
}

fn maybe_time(
    row: &SqliteRow,
    what: &'static str,
    column: &'static str,
) -> Result<Option<UtcMillis>, StoreError> {
    get::<Option<i64>>(row, what, column).map(|at| at.map(UtcMillis))
}

fn text(
    row: &SqliteRow,
    what: &'static str,
    column: &'static str,
) -> Result<std::sync::Arc<str>, StoreError> {
    get::<String>(row, what, column).map(Into::into)
}

/// A count; negative ones are corrupt.
fn count<T: TryFrom<i64>>(
    row: &SqliteRow,
    what: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    let number: i64 = get(row, what, column)?;
    T::try_from(number).map_err(|_| StoreError::Corrupt {
        what,
        detail: format!("{column} = {number}"),
    })
}
