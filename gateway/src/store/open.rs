//! Opening the database: one writing process, schema up to date, pragmas set.

use super::{Db, StoreError};
use sqlx::ConnectOptions as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How the store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The database file.
    pub path: PathBuf,
    /// Connections for readers.
    pub readers: u32,
    /// How large the database may get.
    pub page_limit: PageLimit,
}

/// Pages a database may have at most; a commit beyond fails like one on a full disk. It may be
/// changed while the store is open and counts from the next attempt after a failure.
#[derive(Clone, Debug, Default)]
pub struct PageLimit(Arc<AtomicU32>);

impl PageLimit {
    /// Sets the limit; 0 = as many as fit.
    pub fn set(&self, pages: u32) {
        self.0.store(pages, Ordering::Relaxed);
    }

    fn get(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|pages| *pages > 0)
    }
}

impl StoreOptions {
    /// The usual settings for a file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 4,
            page_limit: PageLimit::default(),
        }
    }
}

/// Held while a process writes the database; released by the system when the process ends, however.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Takes the database for this process.
pub(super) fn lock(path: &Path) -> Result<Lock, StoreError> {
    let lock_path = path.with_extension("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(|source| StoreError::LockFile {
            path: lock_path.clone(),
            source,
        })?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(StoreError::LockFile {
            path: lock_path,
            source,
        }),
    }
}

/// The one connection that writes.
pub(super) async fn writing(options: &StoreOptions) -> Result<SqliteConnection, StoreError> {
    let connect = base(&options.path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit is on disk when it returns: the node may then forget what it sent.
        .synchronous(SqliteSynchronous::Full)
        // 32 MiB of log between checkpoints: index pages are rewritten many times in between, and
        // each is then copied once instead of every time.
        .pragma("wal_autocheckpoint", "8000")
        .pragma("journal_size_limit", "67108864")
        // Enough for 30,000 messages per second of 1,000 nodes: what is written is mostly new pages.
        .pragma("cache_size", "-8000")
        .pragma("temp_store", "MEMORY");
    let open = |source| StoreError::Open {
        path: options.path.clone(),
        source,
    };
    let mut connection = connect.connect().await.map_err(open)?;
    if let Some(limit) = options.page_limit.get() {
        let sql = format!("PRAGMA max_page_count = {limit}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .map_err(open)?;
    }
    Ok(connection)
}

/// Brings the schema up to date.
pub(super) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    // `run` would demand more of the lifetimes than the compiler can show (sqlx says so itself).
    migrations()
        .run_direct(None, connection, false)
        .await
        .map_err(|source| StoreError::Migrate {
            path: path.to_owned(),
            source,
        })
}

/// The readers' connections: they can change nothing.
pub(super) fn reading(options: &StoreOptions) -> sqlx::Pool<Db> {
    let connect = base(&options.path)
        .read_only(true)
        .pragma("query_only", "1")
        // There are several, and the system caches the file once for all of them.
        .pragma("cache_size", "-1000");
    SqlitePoolOptions::new()
        .max_connections(options.readers)
        .min_connections(0)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(Duration::from_secs(60))
        .connect_lazy_with(connect)
}

fn base(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
}

fn migrations() -> Migrator {
    let files = [
        (
            "first light",
            include_str!("../../migrations/sqlite/0001_first_light.sql"),
        ),
        (
            "open lists",
            include_str!("../../migrations/sqlite/0002_open_lists.sql"),
        ),
        ("field", include_str!("../../migrations/sqlite/0003_field.sql")),
        ("heads", include_str!("../../migrations/sqlite/0004_heads.sql")),
        ("outbox", include_str!("../../migrations/sqlite/0005_outbox.sql")),
        (
            "unknown codes",
            include_str!("../../migrations/sqlite/0006_unknown_codes.sql"),
        ),
        ("people", include_str!("../../migrations/sqlite/0007_people.sql")),
        (
            "register",
            include_str!("../../migrations/sqlite/0008_register.sql"),
        ),
        (
            "hazard loop",
            include_str!("../../migrations/sqlite/0009_hazard_loop.sql"),
        ),
        ("risk", include_str!("../../migrations/sqlite/0010_risk.sql")),
        ("cases", include_str!("../../migrations/sqlite/0011_cases.sql")),
        ("lists", include_str!("../../migrations/sqlite/0012_lists.sql")),
        (
            "work lists",
            include_str!("../../migrations/sqlite/0013_work_lists.sql"),
        ),
        ("scale", include_str!("../../migrations/sqlite/0014_scale.sql")),
        ("narrow", include_str!("../../migrations/sqlite/0015_narrow.sql")),
    ];
    let numbered = (1..).zip(files).map(|(number, (title, sql))| {
        let sql = sqlx::SqlSafeStr::into_sql_str(sql);
        Migration::new(number, title.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(numbered.collect())
}
