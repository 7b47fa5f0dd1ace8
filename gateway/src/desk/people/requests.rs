//! Creations that are done once however often they are asked for.

use crate::desk::{read, write};
use crate::store::{Db, StoreError};
use sqlx::{Executor, Sqlite, SqliteConnection};
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "requests";

/// Hash and answer of the request with this key, if it was carried out.
///
/// # Errors
/// The database cannot be read.
pub async fn find<'c>(
    database: impl Executor<'c, Database = Sqlite>,
    key: &str,
) -> Result<Option<(String, String)>, StoreError> {
    sqlx::query_as::<Db, _>("SELECT hash, answer FROM people_requests WHERE key = $1")
        .bind(key)
        .fetch_optional(database)
        .await
        .map_err(read(WHAT))
}

/// Remembers what a request made, in the transaction that makes it; `false` if another with its key was faster.
///
/// # Errors
/// The database cannot be written.
pub async fn insert(
    connection: &mut SqliteConnection,
    key: &str,
    hash: &str,
    answer: &str,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO people_requests (key, at, hash, answer) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING",
    )
    .bind(key)
    .bind(now.0)
    .bind(hash)
    .bind(answer)
    .execute(connection)
    .await
    .map_err(write(WHAT))?;
    Ok(done.rows_affected() == 1)
}
