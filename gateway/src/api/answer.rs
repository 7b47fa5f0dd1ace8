//! Answers that several routes give alike: with a revision, with the place of what was made, as a file.

use super::problem::ApiError;
use crate::desk::register::RegisterError;
use crate::sheet;
use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, LOCATION};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

/// An answer with its revision.
pub(super) fn tagged<T: Serialize>(revision: i64, body: T) -> Response {
    ([(ETAG, format!("\"{revision}\""))], Json(body)).into_response()
}

/// The answer to a creation.
pub(super) fn created(mut answer: Response) -> Response {
    *answer.status_mut() = StatusCode::CREATED;
    answer
}

/// The answer to a creation, with where what was made can be read.
pub(super) fn created_at(place: &str, answer: Response) -> Response {
    let mut answer = created(answer);
    // Only an id that is not ASCII does not fit into a header.
    if let Ok(place) = place.parse() {
        answer.headers_mut().insert(LOCATION, place);
    }
    answer
}

/// A file, whole or as it comes.
pub(crate) fn attachment(media_type: &'static str, name: &str, content: impl Into<Body>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    (
        [
            (CONTENT_TYPE, media_type.to_owned()),
            (CONTENT_DISPOSITION, disposition),
        ],
        content.into(),
    )
        .into_response()
}

/// A table as a workbook.
pub(super) fn workbook(name: &str, table: &sheet::Table) -> Result<Response, ApiError> {
    let bytes = sheet::to_xlsx(table).map_err(|error| RegisterError::Broken(error.to_string()))?;
    Ok(attachment(sheet::XLSX, name, bytes))
}

/// A table as a file: CSV, or a workbook.
pub(super) fn table(name: &str, table: &sheet::Table, as_xlsx: bool) -> Result<Response, ApiError> {
    if as_xlsx {
        workbook(&format!("{name}.xlsx"), table)
    } else {
        let name = format!("{name}.csv");
        Ok(attachment(sheet::CSV, &name, sheet::to_csv(table)))
    }
}
