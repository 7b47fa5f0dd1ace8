//! Files of the data directory on their way to somebody, a piece at a time.

use super::attachments::escaped;
use crate::desk::lists::{ListError, ListFile};
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

/// A file of a list.
///
/// # Errors
/// It is not there, or cannot be read.
pub(crate) async fn send(file: &ListFile) -> Result<Response, ListError> {
    let failed = |source| ListError::File {
        path: file.path.clone(),
        source,
    };
    let opened = File::open(&file.path).await.map_err(failed)?;
    let failed = |source| ListError::File {
        path: file.path.clone(),
        source,
    };
    let size = opened.metadata().await.map_err(failed)?.len();
    let headers = [
        (CONTENT_TYPE, file.format.media_type().to_owned()),
        (CONTENT_LENGTH, size.to_string()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename*=UTF-8''{}", escaped(&file.name)),
        ),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(opened))).into_response())
}
