//! Tokens programs come in with, in the name of a user.

use super::users::{User, find};
use crate::desk::{corrupt, read, write};
use crate::store::{Db, StoreError};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Pool, SqliteConnection};
use utoipa::ToSchema;
use vigil_core::hash::ContentHash;
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "API token";
/// Tokens of one user that have not run out.
pub const MOST: usize = 50;

/// What a token may be used for; never more than its owner may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Read.
    Read,
    /// Take steps and change things.
    Act,
    /// Hand in readings.
    Ingest,
}

/// A token, without itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Id.
    pub id: String,
    /// Whose.
    pub login: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<TokenScope>,
    /// When it was made.
    pub created: UtcMillis,
    /// When it runs out.
    pub until: UtcMillis,
    /// Last use, to the minute.
    pub used: Option<UtcMillis>,
    /// When it was revoked.
    pub revoked: Option<UtcMillis>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    login: String,
    name: String,
    scopes: String,
    created: i64,
    until: i64,
    used: Option<i64>,
    revoked: Option<i64>,
}

impl TryFrom<Row> for ApiToken {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            login: row.login,
            name: row.name,
            scopes: serde_json::from_str(&row.scopes).map_err(|error| corrupt(WHAT)(error.to_string()))?,
            created: UtcMillis(row.created),
            until: UtcMillis(row.until),
            used: row.used.map(UtcMillis),
            revoked: row.revoked.map(UtcMillis),
        })
    }
}

/// The token with this digest, with its owner. Whether it still holds, the caller decides.
///
/// # Errors
/// The database cannot be read.
pub async fn get(pool: &Pool<Db>, digest: ContentHash) -> Result<Option<(ApiToken, User)>, StoreError> {
    let row: Option<Row> = sqlx::query_as("SELECT * FROM api_tokens WHERE digest = $1")
        .bind(&digest.0[..])
        .fetch_optional(pool)
        .await
        .map_err(read("an API token"))?;
    let Some(token) = row.map(ApiToken::try_from).transpose()? else {
        return Ok(None);
    };
    let owner = find(pool, &token.login).await?;
    Ok(owner.map(|owner| (token, owner)))
}

/// Tokens of a user, latest first: those that hold, and the latest others.
///
/// # Errors
/// The database cannot be read.
pub async fn of(pool: &Pool<Db>, login: &str) -> Result<Vec<ApiToken>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM api_tokens WHERE login = $1 ORDER BY revoked IS NOT NULL, created DESC, id LIMIT 100",
    )
    .bind(login)
    .fetch_all(pool)
    .await
    .map_err(read("API tokens"))?;
    rows.into_iter().map(ApiToken::try_from).collect()
}

/// Keeps a new token.
///
/// # Errors
/// The database cannot be written.
pub async fn insert(
    connection: &mut SqliteConnection,
    token: &ApiToken,
    digest: ContentHash,
) -> Result<(), StoreError> {
    let scopes = serde_json::to_string(&token.scopes).map_err(|error| corrupt(WHAT)(error.to_string()))?;
    sqlx::query(
        "INSERT INTO api_tokens (id, login, name, digest, scopes, created, until) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&token.id)
    .bind(&token.login)
    .bind(&token.name)
    .bind(&digest.0[..])
    .bind(scopes)
    .bind(token.created.0)
    .bind(token.until.0)
    .execute(connection)
    .await
    .map_err(write("an API token"))?;
    Ok(())
}

/// Notes that a token was used.
///
/// # Errors
/// The database cannot be written.
pub async fn touch(connection: &mut SqliteConnection, id: &str, now: UtcMillis) -> Result<(), StoreError> {
    sqlx::query("UPDATE api_tokens SET used = $2 WHERE id = $1")
        .bind(id)
        .bind(now.0)
        .execute(connection)
        .await
        .map_err(write("an API token"))?;
    Ok(())
}

/// Revokes a token of a user; `false` if he has no such token. Revoking twice changes nothing.
///
/// # Errors
/// The database cannot be written.
pub async fn revoke(
    connection: &mut SqliteConnection,
    login: &str,
    id: &str,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE api_tokens SET revoked = COALESCE(revoked, $3) WHERE id = $1 AND login = $2")
            .bind(id)
            .bind(login)
            .bind(now.0)
            .execute(connection)
            .await
            .map_err(write("an API token"))?;
    Ok(done.rows_affected() == 1)
}
