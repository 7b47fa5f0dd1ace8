//! Lists as CSV, page by page: however long a list is, it takes little memory. A text is never a formula.

use crate::desk::risk::RiskError;
use crate::sheet::{CSV, Column, Table, to_csv};
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

/// Rows read at a time.
pub(super) const AT_A_TIME: u32 = 1_000;

/// Rows, and where the next ones start.
pub(super) type Rows<C> = (Vec<Vec<String>>, Option<C>);

/// Rows as CSV, with their heads or without.
fn part(heads: &[String], rows: Vec<Vec<String>>, with_heads: bool) -> Bytes {
    let columns = heads.iter().map(|head| Column {
        title: head.clone(),
        ..Column::default()
    });
    let table = Table {
        name: String::new(),
        columns: columns.collect(),
        rows,
    };
    let bytes = Bytes::from(to_csv(&table));
    if with_heads {
        return bytes;
    }
    let above = Table {
        rows: Vec::new(),
        ..table
    };
    let above = to_csv(&above).len();
    bytes.slice(above.min(bytes.len())..)
}

/// A file of everything `next` gives: the rows behind a cursor, and the cursor behind them, until there is none. The
/// first rows are read before anything is said, so that what cannot be read is said as such.
pub(super) async fn csv<C, F, R>(name: &str, heads: Vec<String>, next: F) -> Result<Response, RiskError>
where
    C: Send + 'static,
    F: Fn(Option<C>) -> R + Send + 'static,
    R: Future<Output = Result<Rows<C>, RiskError>> + Send,
{
    let (rows, after) = next(None).await?;
    let first = part(&heads, rows, true);
    let others = stream::try_unfold((after, heads, next), async |(after, heads, next)| {
        let Some(after) = after else {
            return Ok::<_, RiskError>(None);
        };
        let (rows, after) = next(Some(after)).await?;
        let bytes = part(&heads, rows, false);
        Ok(Some((bytes, (after, heads, next))))
    });
    let all = stream::once(std::future::ready(Ok(first))).chain(others);
    let head = [
        (CONTENT_TYPE, CSV.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.csv\""),
        ),
    ];
    Ok((head, Body::from_stream(all)).into_response())
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_of_an_export_have_one_head_and_no_formulas() {
        let heads = ["名称".to_owned(), "值".to_owned()];
        let row = |text: &str| vec![vec![text.to_owned(), "a,b".to_owned()]];
        let mut all = part(&heads, row("=1+1"), true).to_vec();
        all.extend(part(&heads, row("@x"), false));
        let text = String::from_utf8(all).unwrap();
        assert_eq!(text, "\u{feff}名称,值\r\n'=1+1,\"a,b\"\r\n'@x,\"a,b\"\r\n");
    }
}
