//! Lists of the desk: words looked for, pages cut to length, matches counted up to a bound.

use super::read;
use crate::store::{Db, Desk, StoreError};
use sqlx::QueryBuilder;

/// Matches counted at most: more are "more than".
pub const COUNTED: u64 = 10_000;

/// Said of a cursor that is none.
pub(super) const NO_CURSOR: &str = "this is no cursor; take it from `next` of the page before";

/// Words looked for at most.
const MOST_WORDS: usize = 8;

/// Rows of a page: 100 when nothing is asked, 1000 at most.
pub(super) fn page_length(asked: u32) -> u32 {
    match asked {
        0 => 100,
        asked => asked.min(1_000),
    }
}

/// Adds ` LIMIT …`: one row more than a page has says whether another follows.
pub(super) fn push_limit(query: &mut QueryBuilder<Db>, limit: u32) {
    query.push(" LIMIT ").push_bind(i64::from(limit) + 1);
}

/// Cuts rows that were asked for with one more than `limit` to a page; with them the end of the page, where another
/// follows.
pub fn cut<R, C>(mut rows: Vec<R>, limit: u32, end: impl FnOnce(&R) -> C) -> (Vec<R>, Option<C>) {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(end);
    (rows, next)
}

/// Begins a query that counts: `… FROM ` is to be followed by what matches, then by [`counted`].
pub(super) fn counting() -> QueryBuilder<Db> {
    QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM ")
}

/// What a query begun by [`counting`] comes to, up to [`COUNTED`] + 1.
///
/// # Errors
/// The database cannot be read.
pub(super) async fn counted(
    desk: &Desk,
    what: &'static str,
    mut query: QueryBuilder<Db>,
) -> Result<u64, StoreError> {
    query.push(" LIMIT ").push_bind(COUNTED as i64 + 1).push(")");
    let found: i64 = query
        .build_query_scalar()
        .fetch_one(desk.reading())
        .await
        .map_err(read(what))?;
    Ok(found.unsigned_abs())
}

/// Adds ` AND n IN …` for each word of `text`: rows whose text in `table` has it. The table is an index of three
/// letters; what is shorter is looked for in every text.
pub(super) fn push_words(query: &mut QueryBuilder<Db>, table: &str, text: &str) {
    for word in text.to_lowercase().split_whitespace().take(MOST_WORDS) {
        query.push(format!(" AND n IN (SELECT rowid FROM {table} WHERE text "));
        if word.chars().count() >= 3 {
            // Quoted, it is text and no expression.
            query
                .push("MATCH ")
                .push_bind(format!("\"{}\"", word.replace('"', "\"\"")));
        } else {
            let escaped = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            query
                .push("LIKE ")
                .push_bind(format!("%{escaped}%"))
                .push(" ESCAPE '\\'");
        }
        query.push(")");
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_page_names_its_end_only_where_another_follows() {
        let end = |row: &u8| *row;
        assert_eq!(cut(vec![1, 2, 3], 2, end), (vec![1, 2], Some(2)));
        assert_eq!(cut(vec![1, 2], 2, end), (vec![1, 2], None));
        assert_eq!(cut(Vec::new(), 2, end), (Vec::new(), None));
    }
}
