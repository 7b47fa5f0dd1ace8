//! The indexes of the log, brought up to date some thousand messages at a time.

use super::{Writer, begin, end};
use crate::store::StoreError;
use sqlx::{Row as _, SqliteConnection};

/// Positions per step: few enough that a commit behind it hardly notices, enough that most index
/// pages are written for many messages at once.
const STEP: i64 = 5_000;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Messages indexed.
    pub messages: u64,
    /// Messages that were in the log before, by (node, epoch, sequence), and were removed. The core
    /// should have caught them: more than none means a snapshot was lost.
    pub repeated: u64,
}

/// How far log and indexes reach.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    pub(super) log: i64,
    pub(super) indexed: i64,
}

impl Reach {
    pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let rows = sqlx::query("SELECT key, value FROM meta WHERE key IN ('indexed_to', 'last_position')")
            .fetch_all(connection)
            .await
            .map_err(|source| StoreError::Read {
                what: "marks",
                source,
            })?;
        let mut reach = Self::default();
        for row in rows {
            let value = row.get::<String, _>(1).parse().unwrap_or(0);
            match row.get::<String, _>(0).as_str() {
                "indexed_to" => reach.indexed = value,
                _ => reach.log = value,
            }
        }
        Ok(reach)
    }
}

impl Writer {
    /// Whether so many messages are not indexed that a step is worth it.
    #[must_use]
    pub const fn index_is_due(&self) -> bool {
        self.reach.log - self.reach.indexed >= STEP
    }

    /// Indexes the next messages, at most one step of them.
    ///
    /// # Errors
    /// Nothing was indexed; searches stay right, only slower.
    pub async fn index(&mut self) -> Result<Indexed, StoreError> {
        let mut connection = self.take_connection().await?;
        begin(&mut connection).await?;
        // From the database: an earlier step may have succeeded although it looked otherwise.
        self.reach = Reach::load(&mut connection).await?;
        let (from, to) = (self.reach.indexed, self.reach.log.min(self.reach.indexed + STEP));
        let indexed = step(&mut connection, from, to)
            .await
            .map_err(|source| StoreError::Write {
                what: "the log's indexes",
                source,
            })?;
        end(&mut connection).await?;
        self.put_connection(connection);
        self.reach.indexed = to;
        Ok(indexed)
    }
}

async fn step(db: &mut SqliteConnection, from: i64, to: i64) -> Result<Indexed, sqlx::Error> {
    let mut changed = [0; 2];
    for (changed, sql) in changed.iter_mut().zip([
        "INSERT INTO message_times (node_id, device_id, at, position) SELECT node_id, device_id, at, position \
         FROM messages WHERE position > $1 AND position <= $2 ORDER BY 1, 2, 3, 4",
        "INSERT INTO message_journal (node_id, epoch, seq, position) SELECT node_id, epoch, seq, position \
         FROM messages WHERE position > $1 AND position <= $2 AND seq IS NOT NULL ORDER BY 1, 2, 3, 4 \
         ON CONFLICT DO NOTHING",
    ]) {
        *changed = sqlx::query(sql).bind(from).bind(to).execute(&mut *db).await?.rows_affected();
    }
    let journaled: i64 =
        sqlx::query("SELECT COUNT(seq) FROM messages WHERE position > $1 AND position <= $2")
            .bind(from)
            .bind(to)
            .fetch_one(&mut *db)
            .await?
            .get(0);
    let [messages, first] = changed;
    let repeated = (journaled as u64).saturating_sub(first);
    if repeated > 0 {
        const REPEATED: &str = "position IN (SELECT m.position FROM messages m JOIN message_journal j \
             ON j.node_id = m.node_id AND j.epoch = m.epoch AND j.seq = m.seq AND j.position <> m.position \
             WHERE m.position > $1 AND m.position <= $2)";
        for table in ["message_times", "messages"] {
            let sql = format!("DELETE FROM {table} WHERE position > $1 AND position <= $2 AND {REPEATED}");
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(from)
                .bind(to)
                .execute(&mut *db)
                .await?;
        }
    }
    sqlx::query("UPDATE meta SET value = $1 WHERE key = 'indexed_to'")
        .bind(to.to_string())
        .execute(db)
        .await?;
    Ok(Indexed {
        messages: messages - repeated,
        repeated,
    })
}
