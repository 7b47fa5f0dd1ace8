//! The four lists: pages of them, files made in the background, frozen copies.

use super::files::send;
use super::params::{Body, NoParams, Params, cursor, day, idempotency_key, number, word};
use super::problem::{ApiError, Missing, Reading, Writing};
use super::site::limit;
use crate::app::{ActError, App};
use crate::desk::listing::cut;
use crate::desk::lists::{
    self, Asked, Format, JobKind, ListError, ListFilter, SnapshotFilter, ask, cancel, check, file_of,
    identify, job, jobs, snapshot, snapshots,
};
use crate::people::Access;
use crate::view::ViewError;
use crate::view::lists::{ListFileView, ListInfo, ListLine, SnapshotCheck, SnapshotView, list_page};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vigil_core::lists::{ListKey, Tongue};
use vigil_core::output::Refusal;

impl From<ListError> for ApiError {
    fn from(error: ListError) -> Self {
        let detail = error.to_string();
        match error {
            ListError::Store(error) => ViewError::from(error).into(),
            ListError::NotFound { .. } => Self::not_found(detail),
            ListError::Value { .. } => Self::bad_parameter(detail),
            ListError::Refused {
                code,
                message,
                message_zh,
            } => ActError::Refused(Refusal::new(code, message, message_zh)).into(),
            ListError::KeyReused => Self::conflict("key_reused", detail),
            ListError::File { .. } | ListError::Write(_) => {
                tracing::error!(%detail, "a file of a list");
                Self::unavailable("file_unavailable", detail)
            }
            ListError::Stopping => Self::unavailable("stopping", detail),
        }
    }
}

fn key(text: &str) -> Result<ListKey, ApiError> {
    ListKey::from_key(text).ok_or_else(|| {
        let near = crate::view::nearest(text, ListKey::ALL.iter().map(|list| list.key()));
        ApiError::not_found(format!(
            "there is no list {:?}",
            text.chars().take(64).collect::<String>()
        ))
        .suggest(near.map(str::to_owned))
    })
}

fn tongue(text: Option<&str>) -> Result<Tongue, ApiError> {
    Ok(word("lang", text, Tongue::from_key)?.unwrap_or_default())
}

/// The four lists.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FourLists {
    lists: Vec<ListInfo>,
}

/// The four lists, their columns, and where those come from.
#[utoipa::path(
    get, path = "/api/v1/lists", tag = "lists", operation_id = "describeLists",
    responses((status = 200, description = "The lists.", body = FourLists), Reading),
)]
pub(super) async fn describe(State(app): State<App>, NoParams: NoParams) -> Json<FourLists> {
    Json(FourLists {
        lists: app.lists.spec().iter().map(ListInfo::from).collect(),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// First day, such as `2026-05-01`. Of the risk list: risks retired before it are left out.
    from: Option<String>,
    /// Last day. Of the risk list: risks identified after it are left out.
    to: Option<String>,
    /// Beginning of the area code.
    area: Option<String>,
    /// Code of the unit that uses the equipment.
    unit: Option<String>,
    /// Where the hazards stand now; does not restrict the risk list.
    state: Option<String>,
    /// `zh` (default) or `en`.
    lang: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// A page of a list, as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Lines {
    /// Keys of the columns, in order.
    columns: Vec<String>,
    /// Lines, oldest first.
    rows: Vec<ListLine>,
    /// Where the next page starts: value of `after`.
    next: Option<String>,
    /// How many there are, counted to 10001, on the first page.
    total: Option<u64>,
}

/// A list as it is now: hazards and tasks by when they were opened, results by when they were struck off.
#[utoipa::path(
    get, path = "/api/v1/lists/{id}", tag = "lists", operation_id = "readList",
    params(("id" = String, Path, description = "`risk`, `hazards`, `tasks` or `results`."), PageParams),
    responses((status = 200, description = "A page of it.", body = Lines), Reading, Missing),
)]
pub(super) async fn page(
    State(app): State<App>,
    access: Access,
    Path(list): Path<String>,
    Params(params): Params<PageParams>,
) -> Result<Json<Lines>, ApiError> {
    let list = key(&list)?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let filter = ListFilter::read(
        &text(&params.from),
        &text(&params.to),
        &text(&params.area),
        &text(&params.unit),
        &text(&params.state),
    )?;
    let after = cursor(params.after.as_deref())?;
    let limit = limit(params.limit)?.unwrap_or(100);
    let tongue = tongue(params.lang.as_deref())?;
    let (page, total) = list_page(&app, &access.person, list, &filter, tongue, after.as_ref(), limit).await?;
    let spec = app.lists.spec();
    let columns = spec.get(list);
    Ok(Json(Lines {
        columns: columns.map_or_else(Vec::new, |list| {
            list.column.iter().map(|column| column.key.to_string()).collect()
        }),
        rows: page
            .rows
            .into_iter()
            .map(|row| ListLine {
                id: row.id,
                cells: row.cells,
            })
            .collect(),
        next: page.next.map(|next| next.to_string()),
        total,
    }))
}

/// What of a list is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// `xlsx`, `csv` or `json`; not for a frozen copy, which is made in all of them.
    #[serde(default)]
    format: Option<String>,
    /// First day; of a frozen copy it must be there.
    #[serde(default)]
    #[schema(format = Date)]
    from: Option<String>,
    /// Last day; of a frozen copy it must be there.
    #[serde(default)]
    #[schema(format = Date)]
    to: Option<String>,
    /// Beginning of the area code.
    #[serde(default)]
    area: String,
    /// Code of the unit that uses the equipment.
    #[serde(default)]
    unit: String,
    /// Where the hazards stand now.
    #[serde(default)]
    state: String,
    /// `zh` (default) or `en`.
    #[serde(default)]
    lang: Option<String>,
}

impl Wanted {
    fn asked(&self, list: ListKey, kind: JobKind) -> Result<Asked, ApiError> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let filter = ListFilter::read(
            &text(&self.from),
            &text(&self.to),
            &self.area,
            &self.unit,
            &self.state,
        );
        let wrong = |detail: String| ApiError::bad_body(StatusCode::UNPROCESSABLE_ENTITY, detail);
        Ok(Asked {
            kind,
            list,
            tongue: tongue(self.lang.as_deref()).map_err(|_| wrong("lang: `zh` or `en`".to_owned()))?,
            filter: filter.map_err(|error| wrong(error.to_string()))?,
        })
    }
}

async fn begin(app: &App, access: &Access, headers: &HeaderMap, asked: &Asked) -> Result<Response, ApiError> {
    let idempotency = idempotency_key(headers)?;
    let now = app.clock.now();
    let begun = ask(
        &app.desk,
        &app.lists,
        &access.person,
        asked,
        idempotency.as_deref(),
        now,
    )
    .await;
    let (job, _) = begun.map_err(|error| match error {
        ListError::Value { .. } => ApiError::bad_body(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        error => error.into(),
    })?;
    access.about(format!("{}/{}", asked.list.key(), job.n));
    access.in_area(asked.filter.area.as_str());
    let place = format!("/api/v1/list-files/{}", job.n);
    Ok((
        StatusCode::ACCEPTED,
        [(LOCATION, place)],
        Json(ListFileView::of(app, &job)),
    )
        .into_response())
}

/// Ask for a file of a list. It is made in the background; look at the answer's `Location` until it is done.
#[utoipa::path(
    post, path = "/api/v1/lists/{id}/files", tag = "lists", operation_id = "exportList",
    params(
        ("id" = String, Path, description = "`risk`, `hazards`, `tasks` or `results`."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = Wanted,
    responses((status = 202, description = "It is being made.", body = ListFileView), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn export(
    State(app): State<App>,
    access: Access,
    Path(list): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<Wanted>,
) -> Result<Response, ApiError> {
    let list = key(&list)?;
    let format = body.format.as_deref().and_then(Format::from_key).ok_or_else(|| {
        ApiError::bad_body(
            StatusCode::UNPROCESSABLE_ENTITY,
            "format: `xlsx`, `csv` or `json`",
        )
    })?;
    let asked = body.asked(list, JobKind::Export(format))?;
    begin(&app, &access, &headers, &asked).await
}

/// Freeze a list of a period: a copy with a number and a content hash that never changes. It is made in the background;
/// look at the answer's `Location` until it is done.
#[utoipa::path(
    post, path = "/api/v1/lists/{id}/snapshots", tag = "lists", operation_id = "freezeList",
    params(
        ("id" = String, Path, description = "`risk`, `hazards`, `tasks` or `results`."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = Wanted,
    responses((status = 202, description = "It is being made.", body = ListFileView), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn freeze(
    State(app): State<App>,
    access: Access,
    Path(list): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<Wanted>,
) -> Result<Response, ApiError> {
    let list = key(&list)?;
    if body.format.is_some() {
        return Err(ApiError::bad_body(
            StatusCode::UNPROCESSABLE_ENTITY,
            "format: a frozen copy is made in all formats",
        ));
    }
    let asked = body.asked(list, JobKind::Snapshot)?;
    begin(&app, &access, &headers, &asked).await
}

/// Files that were asked for, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListFiles {
    files: Vec<ListFileView>,
    /// Where the next page starts: value of `after`.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FileParams {
    /// `next` of the page before.
    after: Option<i64>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Files and frozen copies one has asked for; administrators see everybody's.
#[utoipa::path(
    get, path = "/api/v1/list-files", tag = "lists", operation_id = "listListFiles",
    params(FileParams),
    responses((status = 200, description = "A page of them.", body = ListFiles), Reading),
)]
pub(super) async fn files(
    State(app): State<App>,
    access: Access,
    Params(params): Params<FileParams>,
) -> Result<Json<ListFiles>, ApiError> {
    let limit = limit(params.limit)?.unwrap_or(100);
    let found = jobs(&app.desk, &access.person, params.after, limit + 1).await?;
    let (found, next) = cut(found, limit, |last| last.n.to_string());
    Ok(Json(ListFiles {
        next,
        files: found.iter().map(|job| ListFileView::of(&app, job)).collect(),
    }))
}

/// How far a file is.
#[utoipa::path(
    get, path = "/api/v1/list-files/{id}", tag = "lists", operation_id = "getListFile",
    params(("id" = String, Path, description = "Number of the file.")),
    responses((status = 200, description = "How far it is.", body = ListFileView), Reading, Missing),
)]
pub(super) async fn file(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Json<ListFileView>, ApiError> {
    let job = job(&app.desk, &access.person, number("file", &id)?).await?;
    Ok(Json(ListFileView::of(&app, &job)))
}

/// Cancel a file that is not done.
#[utoipa::path(
    delete, path = "/api/v1/list-files/{id}", tag = "lists", operation_id = "cancelListFile",
    params(("id" = String, Path, description = "Number of the file.")),
    responses((status = 200, description = "Cancelled.", body = ListFileView), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn cancel_file(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Json<ListFileView>, ApiError> {
    let n = number("file", &id)?;
    let job = cancel(&app.desk, &access.person, n, app.clock.now()).await?;
    Ok(Json(ListFileView::of(&app, &job)))
}

/// The bytes of a file that is done.
#[utoipa::path(
    get, path = "/api/v1/list-files/{id}/content", tag = "lists", operation_id = "downloadListFile",
    params(("id" = String, Path, description = "Number of the file.")),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream"),
        Reading, Missing, Writing,
    ),
)]
pub(super) async fn file_content(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let file = file_of(&app.desk, &app.lists, &access.person, number("file", &id)?).await?;
    Ok(send(&file).await?)
}

/// Frozen copies, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Snapshots {
    snapshots: Vec<SnapshotView>,
    /// Where the next page starts: value of `after`.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SnapshotParams {
    /// `risk`, `hazards`, `tasks` or `results`.
    list: Option<String>,
    /// Of a period that reaches to this day or behind it.
    from: Option<String>,
    /// Of a period that begins on this day or before it.
    to: Option<String>,
    /// SHA-256 of a file, hex: the frozen copy it belongs to, unchanged. Nothing is found for a file that was changed.
    sha256: Option<String>,
    /// `next` of the page before.
    after: Option<i64>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Frozen copies within what one sees; with `sha256` the one a file belongs to.
#[utoipa::path(
    get, path = "/api/v1/list-snapshots", tag = "lists", operation_id = "listSnapshots",
    params(SnapshotParams),
    responses((status = 200, description = "A page of them.", body = Snapshots), Reading),
)]
pub(super) async fn list_snapshots(
    State(app): State<App>,
    access: Access,
    Params(params): Params<SnapshotParams>,
) -> Result<Json<Snapshots>, ApiError> {
    if let Some(hash) = params.sha256.as_deref().filter(|hash| !hash.is_empty()) {
        let found = identify(&app.desk, &access.person, &hash.to_ascii_lowercase()).await?;
        return Ok(Json(Snapshots {
            snapshots: found.iter().map(|(found, _)| SnapshotView::from(found)).collect(),
            next: None,
        }));
    }
    let limit = limit(params.limit)?.unwrap_or(100);
    let filter = SnapshotFilter {
        list: word("list", params.list.as_deref(), ListKey::from_key)?,
        from: day("from", params.from.as_deref())?,
        to: day("to", params.to.as_deref())?,
        before: params.after,
        limit: limit + 1,
    };
    let found = snapshots(&app.desk, &access.person, &filter).await?;
    let (found, next) = cut(found, limit, |last| last.n.to_string());
    Ok(Json(Snapshots {
        next,
        snapshots: found.iter().map(SnapshotView::from).collect(),
    }))
}

/// One frozen copy.
#[utoipa::path(
    get, path = "/api/v1/list-snapshots/{id}", tag = "lists", operation_id = "getSnapshot",
    params(("id" = String, Path, description = "Its place among all.")),
    responses((status = 200, description = "The frozen copy; its content hash is the `ETag`.", body = SnapshotView), Reading, Missing),
)]
pub(super) async fn one_snapshot(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let found = snapshot(&app.desk, &access.person, number("frozen list", &id)?).await?;
    let tag = format!("\"{}\"", found.content);
    Ok(([(ETAG, tag)], Json(SnapshotView::from(&found))).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FormatParams {
    /// `xlsx` (default), `csv` or `json`.
    format: Option<String>,
}

/// A file of a frozen copy: the same bytes every time.
#[utoipa::path(
    get, path = "/api/v1/list-snapshots/{id}/content", tag = "lists", operation_id = "downloadSnapshot",
    params(("id" = String, Path, description = "Its place among all."), FormatParams),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream"),
        Reading, Missing,
    ),
)]
pub(super) async fn snapshot_content(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    Params(params): Params<FormatParams>,
) -> Result<Response, ApiError> {
    let format = word("format", params.format.as_deref(), Format::from_key)?.unwrap_or(Format::Xlsx);
    let found = snapshot(&app.desk, &access.person, number("frozen list", &id)?).await?;
    Ok(send(&found.file(&app.lists, format)).await?)
}

/// Whether the files of a frozen copy are as they were made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SnapshotChecked {
    /// Its number.
    number: String,
    /// All of them are.
    unchanged: bool,
    /// Each of them.
    files: Vec<SnapshotCheck>,
}

/// Reads every file of a frozen copy again and compares its hash.
#[utoipa::path(
    get, path = "/api/v1/list-snapshots/{id}/check", tag = "lists", operation_id = "checkSnapshot",
    params(("id" = String, Path, description = "Its place among all.")),
    responses((status = 200, description = "What holds and what does not.", body = SnapshotChecked), Reading, Missing),
)]
pub(super) async fn check_snapshot(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Json<SnapshotChecked>, ApiError> {
    let found = snapshot(&app.desk, &access.person, number("frozen list", &id)?).await?;
    let checked = check(&app.lists, &found).await?;
    Ok(Json(SnapshotChecked {
        number: found.number,
        unchanged: checked.iter().all(lists::Checked::holds),
        files: checked.iter().map(SnapshotCheck::from).collect(),
    }))
}
