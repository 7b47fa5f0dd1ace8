//! Files that show something: uploaded before the step that names them by their hash.

use super::params::{NoParams, Params};
use super::problem::{ApiError, Missing, Reading, Writing};
use crate::app::{App, AttachmentError, attachments};
use crate::people::Access;
use crate::view::AttachedFile;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::fmt::Write as _;
use utoipa::IntoParams;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::MediaType;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadParams {
    /// Name, for people.
    #[param(max_length = 255)]
    name: Option<String>,
}

/// Keeps a photo (JPEG, PNG, WebP) or a document (PDF) of at most 20 MB. What it is its first bytes say, not its name or
/// media type. The same file again is the same file.
#[utoipa::path(
    post, path = "/api/v1/attachments", tag = "hazards", operation_id = "uploadAttachment",
    params(UploadParams),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes of the file."),
    responses((status = 201, description = "It is kept.", body = AttachedFile), Reading, Writing),
    security(("token" = [])),
)]
pub(super) async fn upload(
    State(app): State<App>,
    access: Access,
    Params(params): Params<UploadParams>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<AttachedFile>), ApiError> {
    let bytes = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large_for(attachments::MAX_SIZE),
        _ => ApiError::bad_body(StatusCode::BAD_REQUEST, "the file did not arrive whole"),
    })?;
    let name = params.name.unwrap_or_default();
    if name.chars().count() > 255 {
        return Err(ApiError::bad_parameter("name: at most 255 characters"));
    }
    let kept = attachments::keep(
        &app.desk,
        &app.attachments,
        &name,
        bytes.into(),
        &access.person,
        app.clock.now(),
    )
    .await?;
    access.about(kept.sha256.to_string());
    Ok((StatusCode::CREATED, Json(AttachedFile::from(&kept))))
}

/// The bytes of a file, for whoever uploaded it or may see a hazard it was shown with.
#[utoipa::path(
    get, path = "/api/v1/attachments/{sha256}", tag = "hazards", operation_id = "getAttachment",
    params(("sha256" = String, Path, description = "SHA-256 of its bytes, hex.")),
    responses(
        (status = 200, description = "The bytes.", content(
            (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"), (Vec<u8> = "application/pdf"),
        )),
        Reading, Missing,
    ),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(sha256): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found(format!("there is no attachment {sha256:?}"));
    let hash = ContentHash::from_hex(&sha256).ok_or_else(nothing)?;
    let (file, bytes) = attachments::read(&app.desk, &app.attachments, &hash, &access.person)
        .await?
        .ok_or_else(nothing)?;
    let shown = match file.media_type {
        MediaType::Pdf => "attachment",
        MediaType::Jpeg | MediaType::Png | MediaType::Webp => "inline",
    };
    let headers = [
        (CONTENT_TYPE, file.media_type.name().to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("{shown}; filename*=UTF-8''{}", escaped(&file.name)),
        ),
        // Whatever is in it runs nothing and reaches nothing.
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// A name as RFC 8187 has it.
pub(super) fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _written = write!(text, "%{byte:02X}");
        }
        text
    })
}

impl From<AttachmentError> for ApiError {
    fn from(error: AttachmentError) -> Self {
        let detail = error.to_string();
        match error {
            AttachmentError::Kind => Self::bad_body(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail),
            AttachmentError::Empty => Self::bad_body(StatusCode::UNPROCESSABLE_ENTITY, detail),
            AttachmentError::TooLarge(_) => Self::too_large_for(attachments::MAX_SIZE),
            AttachmentError::Stopping => Self::unavailable("stopping", detail),
            AttachmentError::File { .. } | AttachmentError::Changed(_) | AttachmentError::Store(_) => {
                tracing::error!(%detail, "an attachment");
                Self::unavailable("attachment_unavailable", detail)
            }
        }
    }
}
