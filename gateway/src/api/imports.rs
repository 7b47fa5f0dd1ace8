//! Imports of the register: a file is sent, looked at, and applied whole or not at all.

use super::answer::{created, tagged, workbook};
use super::params::{Body, NoParams, Params, idempotency_key, if_match, number, word};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::register::{LanguageParams, act};
use super::site::limit;
use crate::app::App;
use crate::desk::register::{self, Choice};
use crate::people::Access;
use crate::view::register::{ImportApplied, ImportLine, ImportPreview, ImportView, outcome_key};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vigil_core::register::Field;

/// Imports, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Imports {
    imports: Vec<ImportView>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// `id` of the last import of the page before.
    before: Option<i64>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Files that were sent, with their hashes, and what became of them.
#[utoipa::path(
    get, path = "/api/v1/imports", tag = "register", operation_id = "listImports",
    params(ListParams),
    responses((status = 200, description = "The imports.", body = Imports), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(params): Params<ListParams>,
) -> Result<Json<Imports>, ApiError> {
    let limit = limit(params.limit)?.unwrap_or(100);
    let found = register::imports(&app.desk, params.before, limit).await?;
    Ok(Json(Imports {
        imports: found.iter().map(ImportView::from).collect(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SendParams {
    /// Name of the file, for people.
    name: Option<String>,
}

/// Send a file: XLSX or CSV (UTF-8, GB18030, UTF-16), at most 16 MiB and 20,000 rows. Nothing of it is in the
/// register yet. With the header `Idempotency-Key` a repeated request keeps it once; when it has been decided since, the
/// repeat is answered 409.
#[utoipa::path(
    post, path = "/api/v1/imports", tag = "register", operation_id = "sendImport",
    params(SendParams,
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters.")),
    request_body(content = String, content_type = "application/octet-stream", description = "The file as it is."),
    responses((status = 201, description = "Kept; look at it, then apply it.", body = ImportPreview), Reading, Writing),
    security(("token" = [])),
)]
pub(super) async fn send(
    State(app): State<App>,
    access: Access,
    Params(params): Params<SendParams>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let act = act(&app, &access);
    let key = idempotency_key(&headers)?;
    let name = params.name.as_deref().unwrap_or("file");
    let (kept, plan) = register::send(&app.desk, &act, name, &bytes, key.as_deref()).await?;
    access.about(kept.n.to_string());
    let rows = plan.rows.iter().take(FIRST).map(ImportLine::from).collect();
    let answer = tagged(kept.revision, ImportPreview::of(&kept, &plan, rows));
    Ok(created(answer))
}

/// Rows of a preview when no number is named.
const FIRST: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PreviewParams {
    /// `new`, `changed`, `unchanged` or `refused`: only these rows.
    outcome: Option<String>,
    /// Rows to skip.
    offset: Option<u32>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// What an import that waits would change.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}", tag = "register", operation_id = "previewImport",
    params(("id" = String, Path, description = "Number of the import."), PreviewParams),
    responses((status = 200, description = "The preview; its revision is the `ETag`.", body = ImportPreview),
        (status = 409, description = "It has been decided: its file is no longer kept.",
            body = super::problem::Problem, content_type = "application/problem+json"),
        Reading, Missing),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    Params(params): Params<PreviewParams>,
) -> Result<Response, ApiError> {
    let n = number("import", &id)?;
    let wanted = word("outcome", params.outcome.as_deref(), |text| {
        ["new", "changed", "unchanged", "refused"]
            .into_iter()
            .find(|known| *known == text)
    })?;
    let limit = limit(params.limit)?.unwrap_or(FIRST as u32) as usize;
    let kept = register::import(&app.desk, n).await?;
    let plan = register::plan(&app.desk, &act(&app, &access), n).await?;
    let rows = plan
        .rows
        .iter()
        .filter(|row| wanted.is_none_or(|wanted| outcome_key(row) == wanted));
    let rows = rows
        .skip(params.offset.unwrap_or(0) as usize)
        .take(limit)
        .map(ImportLine::from)
        .collect();
    Ok(tagged(kept.revision, ImportPreview::of(&kept, &plan, rows)))
}

/// What is chosen about a file; what is left out is found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChoiceBody {
    /// Sheet.
    #[serde(default)]
    sheet: Option<String>,
    /// Row of the head, as numbered in the file.
    #[serde(default)]
    header_row: Option<u32>,
    /// Key of the fact for each column; `null`: it is not taken.
    #[serde(default)]
    columns: Option<Vec<Option<String>>>,
}

/// Choose sheet, head and columns of an import that waits.
#[utoipa::path(
    put, path = "/api/v1/imports/{id}", tag = "register", operation_id = "chooseImport",
    params(
        ("id" = String, Path, description = "Number of the import."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`."),
    ),
    request_body = ChoiceBody,
    responses((status = 200, description = "What it would change now.", body = ImportPreview),
        Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn choose(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<ChoiceBody>,
) -> Result<Response, ApiError> {
    let n = number("import", &id)?;
    let seen = if_match(&headers)?;
    let read = |key: Option<String>| match key {
        None => Ok(None),
        Some(key) => Field::from_key(&key).map(Some).ok_or_else(|| {
            ApiError::bad_body(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("columns: there is no fact {key:?}"),
            )
        }),
    };
    let columns = body
        .columns
        .map(|columns| columns.into_iter().map(read).collect::<Result<Vec<_>, _>>());
    let choice = Choice {
        sheet: body.sheet,
        header: body.header_row,
        columns: columns.transpose()?,
    };
    register::choose(&app.desk, n, Some(seen), &choice).await?;
    let kept = register::import(&app.desk, n).await?;
    let plan = register::plan(&app.desk, &act(&app, &access), n).await?;
    let rows = plan.rows.iter().take(FIRST).map(ImportLine::from).collect();
    Ok(tagged(kept.revision, ImportPreview::of(&kept, &plan, rows)))
}

/// How an import is applied.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplyBody {
    /// Leave out rows that cannot be taken; without it they stop all of it.
    #[serde(default)]
    without_refused: bool,
}

/// Apply an import: all of it in one transaction, or nothing.
#[utoipa::path(
    post, path = "/api/v1/imports/{id}/apply", tag = "register", operation_id = "applyImport",
    params(
        ("id" = String, Path, description = "Number of the import."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`."),
    ),
    request_body = ApplyBody,
    responses((status = 200, description = "It is in the register.", body = ImportApplied),
        Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn apply(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<ApplyBody>,
) -> Result<Json<ImportApplied>, ApiError> {
    let n = number("import", &id)?;
    let seen = if_match(&headers)?;
    let applied = register::apply(
        &app.desk,
        &act(&app, &access),
        &app.rules.schedules(),
        n,
        Some(seen),
        body.without_refused,
    )
    .await?;
    Ok(Json(applied.into()))
}

/// Decide against an import; its file is no longer kept.
#[utoipa::path(
    delete, path = "/api/v1/imports/{id}", tag = "register", operation_id = "discardImport",
    params(
        ("id" = String, Path, description = "Number of the import."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`."),
    ),
    responses((status = 200, description = "Discarded.", body = ImportView), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn discard(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
) -> Result<Json<ImportView>, ApiError> {
    let n = number("import", &id)?;
    let seen = if_match(&headers)?;
    register::discard(&app.desk, &act(&app, &access), n, Some(seen)).await?;
    Ok(Json(ImportView::from(&register::import(&app.desk, n).await?)))
}

/// The cleaning report of an import that waits: every row with what is wrong and the fix.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}/report", tag = "register", operation_id = "importReport",
    params(("id" = String, Path, description = "Number of the import."), LanguageParams),
    responses((status = 200, description = "A workbook.", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", body = String),
        (status = 409, description = "It has been decided: its file is no longer kept.",
            body = super::problem::Problem, content_type = "application/problem+json"),
        Reading, Missing),
)]
pub(super) async fn report(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    Params(params): Params<LanguageParams>,
) -> Result<Response, ApiError> {
    let n = number("import", &id)?;
    let plan = register::plan(&app.desk, &act(&app, &access), n).await?;
    workbook(
        &format!("cleaning-report-{n}.xlsx"),
        &register::report(&plan, params.is_zh()?),
    )
}
