//! Multi-row inserts: few statements, each prepared once.

use crate::store::{Db, StoreError};
use sqlx::query::Query;
use sqlx::{Arguments as _, Database, SqliteConnection};
use std::sync::Arc;

/// Rows per statement; a batch is cut into as few of these as possible, so that only these four
/// texts are ever prepared.
const SIZES: [usize; 4] = [128, 32, 8, 1];

/// The values of one statement.
pub(super) type Values = <Db as Database>::Arguments;

/// Statements with their values, ready to be executed in order. It borrows nothing, so that the
/// asynchronous part needs no lifetimes.
#[derive(Default)]
pub(super) struct Plan {
    steps: Vec<Step>,
}

struct Step {
    what: &'static str,
    text: Arc<str>,
    values: Values,
}

/// An `INSERT … VALUES …` of one table for any number of rows.
#[derive(Debug)]
pub(super) struct Insert {
    what: &'static str,
    columns: usize,
    texts: [Arc<str>; 4],
}

/// Takes the values of one row, column by column.
pub(super) struct Columns<'v> {
    values: &'v mut Values,
    wrong: &'v mut Option<String>,
}

impl Columns<'_> {
    /// The next column.
    pub(super) fn bind<'q, T>(self, value: T) -> Self
    where
        T: sqlx::Encode<'q, Db> + sqlx::Type<Db>,
    {
        if let Err(error) = self.values.add(value) {
            self.wrong.get_or_insert_with(|| error.to_string());
        }
        self
    }
}

impl Insert {
    /// `head` names table and columns, `tail` says what happens on a conflict.
    ///
    /// Placeholders are bare `?`: SQLite finds the name of a numbered one by a linear search, which
    /// makes binding quadratic in the number of values.
    pub(super) fn new(what: &'static str, head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let text = |rows: usize| {
            Arc::from(format!(
                "{head} VALUES {} {tail}",
                vec![row.as_str(); rows].join(",")
            ))
        };
        Self {
            what,
            columns,
            texts: SIZES.map(text),
        }
    }

    /// Plans all rows.
    pub(super) fn plan<R>(
        &self,
        plan: &mut Plan,
        rows: impl ExactSizeIterator<Item = R>,
        bind: impl for<'v> Fn(Columns<'v>, R) -> Columns<'v>,
    ) -> Result<(), StoreError> {
        let mut left = rows.len();
        let mut rows = rows;
        let mut wrong = None;
        for (size, text) in SIZES.into_iter().zip(&self.texts) {
            while left >= size {
                left -= size;
                let mut values = Values::default();
                values.reserve(size * self.columns, 0);
                for row in rows.by_ref().take(size) {
                    let _done = bind(
                        Columns {
                            values: &mut values,
                            wrong: &mut wrong,
                        },
                        row,
                    );
                }
                plan.steps.push(Step {
                    what: self.what,
                    text: Arc::clone(text),
                    values,
                });
            }
        }
        match wrong {
            None => Ok(()),
            Some(detail) => Err(StoreError::Corrupt {
                what: self.what,
                detail,
            }),
        }
    }
}

impl Plan {
    /// Executes everything; returns how many rows of `counted` the database took.
    pub(super) async fn run(
        self,
        connection: &mut SqliteConnection,
        counted: &'static str,
    ) -> Result<u64, StoreError> {
        let mut taken = 0;
        for Step { what, text, values } in self.steps {
            let query: Query<'_, Db, Values> = sqlx::query_with(sqlx::AssertSqlSafe(text), values);
            let done = query
                .execute(&mut *connection)
                .await
                .map_err(|source| StoreError::Write { what, source })?;
            if what == counted {
                taken += done.rows_affected();
            }
        }
        Ok(taken)
    }
}
