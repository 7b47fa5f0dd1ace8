//! Multi-row inserts: few statements, each prepared once.

use crate::store::{Db, StoreError};
use sqlx::query::Query;
use sqlx::{Database, SqliteConnection};
use std::sync::Arc;

/// Rows per statement; a batch is cut into as few of these as possible, so that only these four
/// texts are ever prepared.
const SIZES: [usize; 4] = [128, 32, 8, 1];

/// A query being given its values.
pub(super) type Values<'q> = Query<'q, Db, <Db as Database>::Arguments>;

/// An `INSERT … VALUES …` of one table for any number of rows.
#[derive(Debug)]
pub(super) struct Insert {
    what: &'static str,
    texts: [Arc<str>; 4],
}

impl Insert {
    /// `head` names table and columns, `tail` says what happens on a conflict.
    ///
    /// Placeholders are bare `?`: SQLite finds the name of a numbered one by a linear search, which
    /// makes binding quadratic in the number of values.
    pub(super) fn new(what: &'static str, head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let text = |rows: usize| Arc::from(format!("{head} VALUES {} {tail}", vec![row.as_str(); rows].join(",")));
        Self { what, texts: SIZES.map(text) }
    }

    /// Writes all rows; returns how many the database took.
    pub(super) async fn run<R>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl for<'q> Fn(Values<'q>, &R) -> Values<'q>,
    ) -> Result<u64, StoreError> {
        let mut taken = 0;
        let mut rest = rows;
        for (size, text) in SIZES.into_iter().zip(&self.texts) {
            while rest.len() >= size {
                let (now, later) = rest.split_at(size);
                rest = later;
                let mut query = sqlx::query(sqlx::AssertSqlSafe(Arc::clone(text)));
                for row in now {
                    query = bind(query, row);
                }
                taken += query
                    .execute(&mut *connection)
                    .await
                    .map_err(|source| StoreError::Write { what: self.what, source })?
                    .rows_affected();
            }
        }
        Ok(taken)
    }
}
