//! Users and their passwords.

use crate::desk::{corrupt, read, write};
use crate::store::{Db, StoreError};
use sqlx::{FromRow, Pool, QueryBuilder, SqliteConnection};
use std::sync::Arc;
use vigil_core::people::{Person, Role};
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "user";
const COLUMNS: &str = "login, name, role, unit, areas, language, phone, active, password_changed, created, changed, \
     version";
/// Passwords that may not come back.
pub const REMEMBERED: i64 = 3;

/// Somebody who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login: small letters, never changes.
    pub login: Arc<str>,
    /// What others may change.
    pub facts: UserFacts,
    /// When the password was set.
    pub password_changed: UtcMillis,
    /// When the user was made.
    pub created: UtcMillis,
    /// Last change of `facts`.
    pub changed: UtcMillis,
    /// Counts changes of `facts`.
    pub version: i64,
}

/// What administrators say about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFacts {
    /// Name as people call him.
    pub name: String,
    /// What he does here.
    pub role: Role,
    /// Code of his unit.
    pub unit: Option<Arc<str>>,
    /// Prefixes of GB/T 2260 codes; an empty one is everywhere.
    pub areas: Vec<Arc<str>>,
    /// `zh` or `en`.
    pub language: Option<String>,
    /// Phone.
    pub phone: Option<String>,
    /// May come in.
    pub active: bool,
}

impl User {
    /// Who he is to the rest of the gateway.
    #[must_use]
    pub fn person(&self) -> Person {
        Person {
            login: Arc::clone(&self.login),
            role: self.facts.role,
            unit: self.facts.unit.clone(),
            areas: self.facts.areas.clone(),
        }
    }
}

/// Which users; unset fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Part of login or name.
    pub text: Option<String>,
    /// With this role.
    pub role: Option<Role>,
    /// Of this unit.
    pub unit: Option<String>,
    /// May come in, or not.
    pub active: Option<bool>,
    /// Behind this login.
    pub after: Option<String>,
}

#[derive(FromRow)]
pub(super) struct UserRow {
    login: String,
    name: String,
    role: String,
    unit: Option<String>,
    areas: String,
    language: Option<String>,
    phone: Option<String>,
    active: bool,
    password_changed: i64,
    created: i64,
    changed: i64,
    version: i64,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        let role = Role::from_key(&row.role).ok_or_else(|| corrupt(WHAT)(format!("role {:?}", row.role)))?;
        let areas = serde_json::from_str(&row.areas).map_err(|error| corrupt(WHAT)(error.to_string()))?;
        Ok(Self {
            login: row.login.into(),
            facts: UserFacts {
                name: row.name,
                role,
                unit: row.unit.map(Into::into),
                areas,
                language: row.language,
                phone: row.phone,
                active: row.active,
            },
            password_changed: UtcMillis(row.password_changed),
            created: UtcMillis(row.created),
            changed: UtcMillis(row.changed),
            version: row.version,
        })
    }
}

/// Whether there is any user.
///
/// # Errors
/// The database cannot be read.
pub async fn any(pool: &Pool<Db>) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM users LIMIT 1")
        .fetch_optional(pool)
        .await
        .map_err(read("users"))?;
    Ok(found.is_some())
}

/// The user with this login.
///
/// # Errors
/// The database cannot be read.
pub async fn find(pool: &Pool<Db>, login: &str) -> Result<Option<User>, StoreError> {
    let mut query = QueryBuilder::<Db>::new("SELECT ");
    query
        .push(COLUMNS)
        .push(" FROM users WHERE login = ")
        .push_bind(login);
    let row: Option<UserRow> = query
        .build_query_as()
        .fetch_optional(pool)
        .await
        .map_err(read("a user"))?;
    row.map(User::try_from).transpose()
}

/// Users by login, at most `limit`.
///
/// # Errors
/// The database cannot be read.
pub async fn list(pool: &Pool<Db>, filter: &UserFilter, limit: u32) -> Result<Vec<User>, StoreError> {
    let mut query = QueryBuilder::<Db>::new("SELECT ");
    query.push(COLUMNS).push(" FROM users WHERE 1 = 1");
    if let Some(text) = &filter.text {
        query.push(" AND (instr(login, ").push_bind(text.to_lowercase());
        query.push(") > 0 OR instr(name, ").push_bind(text).push(") > 0)");
    }
    if let Some(role) = filter.role {
        query.push(" AND role = ").push_bind(role.key());
    }
    if let Some(unit) = &filter.unit {
        query.push(" AND unit = ").push_bind(unit);
    }
    if let Some(active) = filter.active {
        query.push(" AND active = ").push_bind(active);
    }
    if let Some(after) = &filter.after {
        query.push(" AND login > ").push_bind(after);
    }
    query.push(" ORDER BY login LIMIT ").push_bind(i64::from(limit));
    let rows: Vec<UserRow> = query
        .build_query_as()
        .fetch_all(pool)
        .await
        .map_err(read("users"))?;
    rows.into_iter().map(User::try_from).collect()
}

/// The hash a password must fit.
///
/// # Errors
/// The database cannot be read.
pub async fn password(pool: &Pool<Db>, login: &str) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar("SELECT password FROM users WHERE login = $1")
        .bind(login)
        .fetch_optional(pool)
        .await
        .map_err(read("a user"))
}

/// Hashes of the last passwords, the one in force first.
///
/// # Errors
/// The database cannot be read.
pub async fn old_passwords(pool: &Pool<Db>, login: &str) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar("SELECT password FROM old_passwords WHERE login = $1 ORDER BY at DESC LIMIT $2")
        .bind(login)
        .bind(REMEMBERED)
        .fetch_all(pool)
        .await
        .map_err(read("old passwords"))
}

/// Makes a user; `false` if the login is taken.
///
/// # Errors
/// The database cannot be written.
pub async fn insert(
    connection: &mut SqliteConnection,
    login: &str,
    facts: &UserFacts,
    password: &str,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let areas = serde_json::to_string(&facts.areas).map_err(|error| corrupt(WHAT)(error.to_string()))?;
    let made = sqlx::query(
        "INSERT INTO users (login, name, role, unit, areas, language, phone, active, password, password_changed, \
         created, changed, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10, 1) \
         ON CONFLICT (login) DO NOTHING",
    )
    .bind(login)
    .bind(&facts.name)
    .bind(facts.role.key())
    .bind(facts.unit.as_deref())
    .bind(areas)
    .bind(&facts.language)
    .bind(&facts.phone)
    .bind(facts.active)
    .bind(password)
    .bind(now.0)
    .execute(&mut *connection)
    .await
    .map_err(write("a user"))?;
    if made.rows_affected() == 0 {
        return Ok(false);
    }
    remember(connection, login, password, now).await?;
    Ok(true)
}

/// Changes what is said about a user, if that is still version `version`; `false` if it is not.
///
/// # Errors
/// The database cannot be written.
pub async fn update(
    connection: &mut SqliteConnection,
    login: &str,
    facts: &UserFacts,
    version: i64,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let areas = serde_json::to_string(&facts.areas).map_err(|error| corrupt(WHAT)(error.to_string()))?;
    let done = sqlx::query(
        "UPDATE users SET name = $2, role = $3, unit = $4, areas = $5, language = $6, phone = $7, active = $8, \
         changed = $9, version = version + 1 WHERE login = $1 AND version = $10",
    )
    .bind(login)
    .bind(&facts.name)
    .bind(facts.role.key())
    .bind(facts.unit.as_deref())
    .bind(areas)
    .bind(&facts.language)
    .bind(&facts.phone)
    .bind(facts.active)
    .bind(now.0)
    .bind(version)
    .execute(connection)
    .await
    .map_err(write("a user"))?;
    Ok(done.rows_affected() == 1)
}

/// Sets the language a user reads.
///
/// # Errors
/// The database cannot be written.
pub async fn set_language(
    connection: &mut SqliteConnection,
    login: &str,
    language: Option<&str>,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET language = $2, changed = $3, version = version + 1 WHERE login = $1")
        .bind(login)
        .bind(language)
        .bind(now.0)
        .execute(connection)
        .await
        .map_err(write("a user"))?;
    Ok(())
}

/// Sets a password; `false` if there is no such user.
///
/// # Errors
/// The database cannot be written.
pub async fn set_password(
    connection: &mut SqliteConnection,
    login: &str,
    password: &str,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE users SET password = $2, password_changed = $3 WHERE login = $1")
        .bind(login)
        .bind(password)
        .bind(now.0)
        .execute(&mut *connection)
        .await
        .map_err(write("a password"))?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    remember(connection, login, password, now).await?;
    Ok(true)
}

/// Keeps the last few, in the order they were set even when the clock stood still.
async fn remember(
    connection: &mut SqliteConnection,
    login: &str,
    password: &str,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO old_passwords (login, at, password) VALUES ($1, \
         MAX($2, COALESCE((SELECT MAX(at) + 1 FROM old_passwords WHERE login = $1), $2)), $3)",
    )
    .bind(login)
    .bind(now.0)
    .bind(password)
    .execute(&mut *connection)
    .await
    .map_err(write("a password"))?;
    sqlx::query(
        "DELETE FROM old_passwords WHERE login = $1 AND at NOT IN \
         (SELECT at FROM old_passwords WHERE login = $1 ORDER BY at DESC LIMIT $2)",
    )
    .bind(login)
    .bind(REMEMBERED)
    .execute(connection)
    .await
    .map_err(write("a password"))?;
    Ok(())
}
