//! Who is signed in at a browser.

use super::users::{User, find};
use crate::desk::{corrupt, read, write};
use crate::store::{Db, StoreError};
use sqlx::{FromRow, Pool, SqliteConnection};
use vigil_core::hash::ContentHash;
use vigil_protocol::time::UtcMillis;

/// Sessions of one user; the one used longest ago goes when there are more.
const MOST: i64 = 20;

/// A sign-in that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of the cookie.
    pub digest: ContentHash,
    /// Whose; `None`: with the admin token.
    pub login: Option<String>,
    /// Name for the record.
    pub name: String,
    /// Beginning.
    pub created: UtcMillis,
    /// Last use, to the minute.
    pub used: UtcMillis,
    /// Ends at the latest.
    pub until: UtcMillis,
    /// Where from; empty if unknown.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

impl SessionRow {
    /// How it is called in lists and addresses: enough of the digest to tell it from others.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:016x}", self.digest.short())
    }
}

#[derive(FromRow)]
struct Row {
    digest: Vec<u8>,
    login: Option<String>,
    name: String,
    created: i64,
    used: i64,
    until: i64,
    address: String,
    agent: String,
}

impl TryFrom<Row> for SessionRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let digest = <[u8; 32]>::try_from(&*row.digest);
        Ok(Self {
            digest: ContentHash(digest.map_err(|error| corrupt("session")(error.to_string()))?),
            login: row.login,
            name: row.name,
            created: UtcMillis(row.created),
            used: UtcMillis(row.used),
            until: UtcMillis(row.until),
            address: row.address,
            agent: row.agent,
        })
    }
}

/// The session behind a cookie, with its user. Whether it still holds, the caller decides.
///
/// # Errors
/// The database cannot be read.
pub async fn get(
    pool: &Pool<Db>,
    digest: ContentHash,
) -> Result<Option<(SessionRow, Option<User>)>, StoreError> {
    let row: Option<Row> = sqlx::query_as("SELECT * FROM sessions WHERE digest = $1")
        .bind(&digest.0[..])
        .fetch_optional(pool)
        .await
        .map_err(read("a session"))?;
    let Some(session) = row.map(SessionRow::try_from).transpose()? else {
        return Ok(None);
    };
    let user = match &session.login {
        Some(login) => find(pool, login).await?,
        None => None,
    };
    Ok(Some((session, user)))
}

/// Sessions of a user (`None`: of the admin token) that have not run out, latest use first.
///
/// # Errors
/// The database cannot be read.
pub async fn of(pool: &Pool<Db>, login: Option<&str>, now: UtcMillis) -> Result<Vec<SessionRow>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM sessions WHERE login IS $1 AND until > $2 ORDER BY used DESC, digest LIMIT $3",
    )
    .bind(login)
    .bind(now.0)
    .bind(MOST)
    .fetch_all(pool)
    .await
    .map_err(read("sessions"))?;
    rows.into_iter().map(SessionRow::try_from).collect()
}

/// Opens a session; what has run out and what is too much for one user goes.
///
/// # Errors
/// The database cannot be written.
pub async fn insert(connection: &mut SqliteConnection, session: &SessionRow) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE until <= $1")
        .bind(session.created.0)
        .execute(&mut *connection)
        .await
        .map_err(write("sessions"))?;
    sqlx::query(
        "DELETE FROM sessions WHERE login IS $1 AND digest NOT IN \
         (SELECT digest FROM sessions WHERE login IS $1 ORDER BY used DESC LIMIT $2)",
    )
    .bind(&session.login)
    .bind(MOST - 1)
    .execute(&mut *connection)
    .await
    .map_err(write("sessions"))?;
    sqlx::query("INSERT INTO sessions VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(&session.digest.0[..])
        .bind(&session.login)
        .bind(&session.name)
        .bind(session.created.0)
        .bind(session.used.0)
        .bind(session.until.0)
        .bind(&session.address)
        .bind(&session.agent)
        .execute(connection)
        .await
        .map_err(write("a session"))?;
    Ok(())
}

/// Notes that a session was used.
///
/// # Errors
/// The database cannot be written.
pub async fn touch(
    connection: &mut SqliteConnection,
    digest: ContentHash,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE sessions SET used = MAX(used, $2) WHERE digest = $1")
        .bind(&digest.0[..])
        .bind(now.0)
        .execute(connection)
        .await
        .map_err(write("a session"))?;
    Ok(())
}

/// Ends a session.
///
/// # Errors
/// The database cannot be written.
pub async fn end(connection: &mut SqliteConnection, digest: ContentHash) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE digest = $1")
        .bind(&digest.0[..])
        .execute(connection)
        .await
        .map_err(write("a session"))?;
    Ok(())
}

/// Ends all sessions of a user but one.
///
/// # Errors
/// The database cannot be written.
pub async fn end_others(
    connection: &mut SqliteConnection,
    login: &str,
    but: Option<ContentHash>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE login = $1 AND digest IS NOT $2")
        .bind(login)
        .bind(but.map(|digest| digest.0.to_vec()))
        .execute(connection)
        .await
        .map_err(write("sessions"))?;
    Ok(())
}
