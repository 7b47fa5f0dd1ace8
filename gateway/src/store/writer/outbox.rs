//! Changes of the outbox between two batches.

use super::{Writer, begin, end};
use crate::store::outbox::{OutboxChange, Receipt, Which};
use crate::store::{Db, StoreError};
use sqlx::query::Query;
use sqlx::{Database, SqliteConnection};

type Statement<'q> = Query<'q, Db, <Db as Database>::Arguments>;

impl Writer {
    /// Makes all changes in one transaction; tells for each how many rows it concerned.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn outbox(&mut self, changes: &[OutboxChange]) -> Result<Vec<u64>, StoreError> {
        let mut connection = self.take_connection().await?;
        begin(&mut connection).await?;
        let mut concerned = Vec::with_capacity(changes.len());
        for change in changes {
            let rows = make(&mut connection, change)
                .await
                .map_err(|source| StoreError::Write {
                    what: "the outbox",
                    source,
                })?;
            concerned.push(rows);
        }
        end(&mut connection).await?;
        self.put_connection(connection);
        Ok(concerned)
    }
}

async fn make(db: &mut SqliteConnection, change: &OutboxChange) -> Result<u64, sqlx::Error> {
    match change {
        OutboxChange::Delivered { id, receipt } => {
            let sql = "UPDATE outbox SET state = 'delivered', body = '', attempts = attempts + 1, tried_at = $2, \
                       status = $3, said = $4 WHERE id = $1 AND state = 'pending'";
            run(db, tried(sql, *id, receipt)).await
        }
        OutboxChange::Failed { id, receipt } => {
            let sql = "UPDATE outbox SET attempts = attempts + 1, tried_at = $2, status = $3, said = $4 \
                       WHERE id = $1 AND state = 'pending'";
            run(db, tried(sql, *id, receipt)).await
        }
        OutboxChange::GivenUp { id, receipt } => {
            let sql = "UPDATE outbox SET state = 'dead', attempts = attempts + 1, tried_at = $2, status = $3, \
                       said = $4 WHERE id = $1 AND state = 'pending'";
            run(db, tried(sql, *id, receipt)).await
        }
        OutboxChange::Taken { sink, position } => {
            let sql = "UPDATE sink_cursors SET position = $2 WHERE sink = $1 AND position < $2";
            run(db, sqlx::query(sql).bind(*sink).bind(position.0 as i64)).await
        }
        OutboxChange::Refused {
            sink,
            key,
            lines,
            receipt,
        } => {
            let sql = "INSERT INTO outbox (sink, event, ordering, key, at, since, body, state, attempts, tried_at, \
                       status, said) VALUES ($1, 'points', $2, $2, $3, $3, $4, 'dead', 1, $3, $5, $6)";
            let query = sqlx::query(sql)
                .bind(*sink)
                .bind(key.as_str())
                .bind(receipt.at.0)
                .bind(lines.as_str())
                .bind(receipt.status.map(i64::from))
                .bind(receipt.said.as_str());
            run(db, query).await
        }
        OutboxChange::Configured {
            points,
            subscribers,
            at,
        } => configured(db, points, subscribers, at.0).await,
        OutboxChange::Retry { which, at } => {
            const HEAD: &str =
                "UPDATE outbox SET state = 'pending', since = $1, attempts = 0 WHERE state = 'dead'";
            match which {
                Which::One(id) => {
                    let sql = sqlx::AssertSqlSafe(format!("{HEAD} AND id = $2"));
                    run(db, sqlx::query(sql).bind(at.0).bind(*id)).await
                }
                Which::Dead { sink } => {
                    let sql = sqlx::AssertSqlSafe(format!("{HEAD} AND ($2 IS NULL OR sink = $2)"));
                    run(db, sqlx::query(sql).bind(at.0).bind(sink.clone())).await
                }
            }
        }
        OutboxChange::Drop { which } => match which {
            Which::One(id) => {
                let sql = "DELETE FROM outbox WHERE id = $1 AND state <> 'delivered'";
                run(db, sqlx::query(sql).bind(*id)).await
            }
            Which::Dead { sink } => {
                let sql = "DELETE FROM outbox WHERE state = 'dead' AND ($1 IS NULL OR sink = $1)";
                run(db, sqlx::query(sql).bind(sink.clone())).await
            }
        },
    }
}

fn tried<'q>(sql: &'static str, id: i64, receipt: &'q Receipt) -> Statement<'q> {
    sqlx::query(sql)
        .bind(id)
        .bind(receipt.at.0)
        .bind(receipt.status.map(i64::from))
        .bind(receipt.said.as_str())
}

async fn run(db: &mut SqliteConnection, query: Statement<'_>) -> Result<u64, sqlx::Error> {
    Ok(query.execute(db).await?.rows_affected())
}

/// Cursors of what is configured; nobody waits for what is not. What waited for a subscriber that is
/// gone is kept, but dead: it may come back under its name.
async fn configured(
    db: &mut SqliteConnection,
    points: &[(&'static str, vigil_core::input::Position)],
    subscribers: &[String],
    at: i64,
) -> Result<u64, sqlx::Error> {
    run(db, sqlx::query("UPDATE sink_cursors SET active = 0")).await?;
    for (sink, start) in points {
        let sql = "INSERT INTO sink_cursors (sink, position, active) VALUES ($1, $2, 1) \
                   ON CONFLICT (sink) DO UPDATE SET active = 1";
        run(db, sqlx::query(sql).bind(*sink).bind(start.0 as i64)).await?;
    }
    let mut orphaned = sqlx::QueryBuilder::<Db>::new(
        "UPDATE outbox SET state = 'dead', said = 'no sink of this name is configured', tried_at = ",
    );
    orphaned
        .push_bind(at)
        .push(" WHERE state = 'pending' AND sink NOT IN (''");
    for name in subscribers
        .iter()
        .map(String::as_str)
        .chain(points.iter().map(|(sink, _)| *sink))
    {
        orphaned.push(", ").push_bind(name.to_owned());
    }
    orphaned.push(")");
    Ok(orphaned.build().execute(db).await?.rows_affected())
}
