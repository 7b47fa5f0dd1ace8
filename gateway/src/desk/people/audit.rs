//! What was done and what of people was read: append-only, each entry sealed by the hash of the one before.

use crate::desk::{corrupt, read, write};
use crate::store::{Db, StoreError};
use sqlx::{FromRow, Pool, QueryBuilder, SqliteConnection};
use vigil_core::hash::ContentHash;
use vigil_core::people::{Person, Role, Sight};
use vigil_protocol::time::UtcMillis;

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Deed {
    /// When.
    pub at: UtcMillis,
    /// Who; empty: nobody who is known.
    pub login: String,
    /// Key of the role; empty with an empty login.
    pub role: String,
    /// How he came in: `session`, `token:ID`, `admin_token` or `none`.
    pub via: String,
    /// Where from; empty if unknown.
    pub address: String,
    /// HTTP method.
    pub method: String,
    /// Template of the address.
    pub route: String,
    /// What it was about: the values in the template, or what was made.
    pub object: String,
    /// GB/T 2260 code of that; empty when it has none.
    pub area: String,
    /// HTTP status of the answer.
    pub status: u16,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number, from 1 without holes.
    pub seq: i64,
    /// What it says.
    pub deed: Deed,
    /// Hash of the entry before; empty before the first.
    pub prev: String,
    /// Hash of number, content and `prev`.
    pub hash: String,
}

impl Entry {
    /// The hash its content gives.
    #[must_use]
    pub fn seal(&self) -> String {
        let deed = &self.deed;
        ContentHash::of_parts(&[
            self.prev.as_bytes(),
            &self.seq.to_be_bytes(),
            &deed.at.0.to_be_bytes(),
            deed.login.as_bytes(),
            deed.role.as_bytes(),
            deed.via.as_bytes(),
            deed.address.as_bytes(),
            deed.method.as_bytes(),
            deed.route.as_bytes(),
            deed.object.as_bytes(),
            deed.area.as_bytes(),
            &deed.status.to_be_bytes(),
        ])
        .to_string()
    }
}

/// Which entries; unset fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this login.
    pub login: Option<String>,
    /// About this object.
    pub object: Option<String>,
    /// Only writes (`true`) or only reads (`false`).
    pub writes: Option<bool>,
    /// At or after.
    pub from: Option<UtcMillis>,
    /// Before.
    pub to: Option<UtcMillis>,
    /// Older than this number.
    pub before: Option<i64>,
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    at: i64,
    login: String,
    role: String,
    via: String,
    address: String,
    method: String,
    route: String,
    object: String,
    area: String,
    status: i64,
    prev: String,
    hash: String,
}

impl TryFrom<Row> for Entry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let status = u16::try_from(row.status).map_err(|error| corrupt("audit entry")(error.to_string()))?;
        Ok(Self {
            seq: row.seq,
            deed: Deed {
                at: UtcMillis(row.at),
                login: row.login,
                role: row.role,
                via: row.via,
                address: row.address,
                method: row.method,
                route: row.route,
                object: row.object,
                area: row.area,
                status,
            },
            prev: row.prev,
            hash: row.hash,
        })
    }
}

/// Adds an entry behind the last.
///
/// # Errors
/// The database cannot be written.
pub async fn append(connection: &mut SqliteConnection, deed: Deed) -> Result<Entry, StoreError> {
    let last: Option<(i64, String)> = sqlx::query_as("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .fetch_optional(&mut *connection)
        .await
        .map_err(read("the audit log"))?;
    let (seq, prev) = last.map_or_else(|| (1, String::new()), |(seq, hash)| (seq + 1, hash));
    let mut entry = Entry {
        seq,
        deed,
        prev,
        hash: String::new(),
    };
    entry.hash = entry.seal();
    let deed = &entry.deed;
    sqlx::query("INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
        .bind(entry.seq)
        .bind(deed.at.0)
        .bind(&deed.login)
        .bind(&deed.role)
        .bind(&deed.via)
        .bind(&deed.address)
        .bind(&deed.method)
        .bind(&deed.route)
        .bind(&deed.object)
        .bind(&deed.area)
        .bind(i64::from(deed.status))
        .bind(&entry.prev)
        .bind(&entry.hash)
        .execute(connection)
        .await
        .map_err(write("the audit log"))?;
    Ok(entry)
}

/// Entries a person may read, latest first, at most `limit`: all for administrators; for others what happened in
/// their areas, and what they did themselves.
///
/// # Errors
/// The database cannot be read.
pub async fn list(
    pool: &Pool<Db>,
    reader: &Person,
    filter: &AuditFilter,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    // What much of the log is about is soon found from its end; sorting what an index finds of it would take long.
    let much = match reader.sight() {
        _ if filter.login.is_some() || filter.object.is_some() => false,
        Sight::Everything => true,
        Sight::Areas(prefixes) => prefixes.iter().any(|prefix| prefix.chars().count() < 6),
        _ => false,
    };
    let mut query = QueryBuilder::<Db>::new(format!(
        "SELECT * FROM audit {} WHERE 1 = 1",
        if much { "NOT INDEXED" } else { "" }
    ));
    if reader.role != Role::Administrator {
        query.push(" AND (login = ").push_bind(reader.login.to_string());
        match reader.sight() {
            Sight::Everything => drop(query.push(" OR area <> ''")),
            Sight::Areas(prefixes) => {
                for prefix in prefixes {
                    // Digits end before `:`.
                    query.push(" OR (area >= ").push_bind(prefix.to_string());
                    query
                        .push(" AND area < ")
                        .push_bind(format!("{prefix}:"))
                        .push(")");
                }
            }
            _ => {}
        }
        query.push(")");
    }
    if let Some(login) = &filter.login {
        query.push(" AND login = ").push_bind(login);
    }
    if let Some(object) = &filter.object {
        query.push(" AND object = ").push_bind(object);
    }
    match filter.writes {
        Some(true) => drop(query.push(" AND method <> 'GET'")),
        Some(false) => drop(query.push(" AND method = 'GET'")),
        None => {}
    }
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(from.0);
    }
    if let Some(to) = filter.to {
        query.push(" AND at < ").push_bind(to.0);
    }
    if let Some(before) = filter.before {
        query.push(" AND seq < ").push_bind(before);
    }
    query
        .push(" ORDER BY seq DESC LIMIT ")
        .push_bind(i64::from(limit));
    let rows: Vec<Row> = query
        .build_query_as()
        .fetch_all(pool)
        .await
        .map_err(read("the audit log"))?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// Where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// It holds: so many entries, the hash of the last.
    Whole {
        /// Entries.
        entries: u64,
        /// Hash of the last; empty when there is none.
        head: String,
    },
    /// An entry is missing, out of place, or says something else than when it was written.
    Broken {
        /// The first that does not fit.
        at: i64,
    },
}

/// Reads the whole chain, some thousand entries at a time.
///
/// # Errors
/// The database cannot be read.
pub async fn verify(pool: &Pool<Db>) -> Result<Chain, StoreError> {
    let (mut seq, mut head) = (0_i64, String::new());
    loop {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT 4000")
            .bind(seq)
            .fetch_all(pool)
            .await
            .map_err(read("the audit log"))?;
        if rows.is_empty() {
            return Ok(Chain::Whole {
                entries: seq.unsigned_abs(),
                head,
            });
        }
        for row in rows {
            let entry = Entry::try_from(row)?;
            if entry.seq != seq + 1 || entry.prev != head || entry.seal() != entry.hash {
                return Ok(Chain::Broken { at: seq + 1 });
            }
            (seq, head) = (entry.seq, entry.hash);
        }
    }
}
