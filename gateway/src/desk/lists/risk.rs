//! The risk list: a view over the register of risks.

use super::{ListCursor, ListError, ListPage, ListReader};
use sqlx::SqliteConnection;

pub(super) async fn page(
    _reader: &ListReader<'_>,
    _connection: &mut SqliteConnection,
    _after: Option<&ListCursor>,
    _limit: u32,
) -> Result<ListPage, ListError> {
    Ok(ListPage {
        rows: Vec::new(),
        next: None,
    })
}

pub(super) async fn count(
    _reader: &ListReader<'_>,
    _connection: &mut SqliteConnection,
    _most: u32,
) -> Result<u64, ListError> {
    Ok(0)
}
