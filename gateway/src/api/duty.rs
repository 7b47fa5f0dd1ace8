//! Records of daily control, weekly check and monthly dispatch.

use super::answer::{attachment, created_at, tagged};
use super::params::{Body, NoParams, Params, cursor, day, idempotency_key, if_match, number, word};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::site::limit;
use crate::app::{ActError, App};
use crate::desk::duty::{self, DutyError, DutyFilter, DutyRecord, DutyStanding, Signer, versions};
use crate::desk::today;
use crate::people::Access;
use crate::sheet;
use crate::view::ViewError;
use crate::view::duty::{DutyLine, DutyView};
use crate::view::duty_table::{csv, xlsx};
use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};
use vigil_core::duty::{DutyKind, Texts, Verdict};
use vigil_core::lists::Tongue;

impl From<DutyError> for ApiError {
    fn from(error: DutyError) -> Self {
        let detail = error.to_string();
        match error {
            DutyError::Store(error) => ViewError::from(error).into(),
            DutyError::NotFound(_) => Self::not_found(detail),
            DutyError::Stale { .. } => Self::stale(detail),
            DutyError::Refused(refusal) => ActError::Refused(refusal).into(),
            DutyError::Workbook(_) => Self::unavailable("file_unavailable", detail),
            DutyError::KeyReused => Self::conflict("key_reused", detail),
        }
    }
}

/// Records, latest period first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DutyRecords {
    records: Vec<DutyLine>,
    /// Where the next page starts: value of `after`.
    next: Option<String>,
    /// How many there are, counted to 10001, on the first page.
    total: Option<u64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// `daily`, `weekly` or `monthly`.
    kind: Option<String>,
    /// `open` (not signed), `overdue` or `signed`.
    standing: Option<String>,
    /// What telemetry and the register came to: `found`, `no_data` or `zero_risk`.
    verdict: Option<String>,
    /// Of a period that ends on this day or behind it.
    from: Option<String>,
    /// Of a period that ends on this day or before it.
    to: Option<String>,
    /// Beginning of the area code.
    area: Option<String>,
    /// Code of the unit.
    unit: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

impl ListParams {
    fn filter(self) -> Result<DutyFilter, ApiError> {
        Ok(DutyFilter {
            kind: word("kind", self.kind.as_deref(), DutyKind::from_key)?,
            standing: word("standing", self.standing.as_deref(), DutyStanding::from_key)?,
            verdict: word("verdict", self.verdict.as_deref(), Verdict::from_key)?,
            from: day("from", self.from.as_deref())?,
            to: day("to", self.to.as_deref())?,
            area: self.area.unwrap_or_default(),
            unit: self.unit.unwrap_or_default(),
            after: cursor(self.after.as_deref())?,
            limit: limit(self.limit)?.unwrap_or(100),
        })
    }
}

/// Records of daily control, weekly check and monthly dispatch, the latest version of each.
#[utoipa::path(
    get, path = "/api/v1/duty", tag = "duty", operation_id = "listDuty",
    params(ListParams),
    responses((status = 200, description = "A page of them.", body = DutyRecords), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<DutyRecords>, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let filter = params.filter()?;
    let page = duty::list(&app.desk, &access.person, &filter, today).await?;
    let total = match filter.after {
        None => Some(duty::count(&app.desk, &access.person, &filter, today).await?),
        Some(_) => None,
    };
    Ok(Json(DutyRecords {
        records: page
            .rows
            .into_iter()
            .map(|row| DutyLine::of(row, today))
            .collect(),
        next: page.next.map(|next| next.to_string()),
        total,
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TableParams {
    /// `csv` (default) or `xlsx`.
    format: Option<String>,
    /// `zh` (default) or `en`.
    lang: Option<String>,
    /// `daily`, `weekly` or `monthly`.
    kind: Option<String>,
    /// `open`, `overdue` or `signed`.
    standing: Option<String>,
    /// `found`, `no_data` or `zero_risk`.
    verdict: Option<String>,
    /// Of a period that ends on this day or behind it.
    from: Option<String>,
    /// Of a period that ends on this day or before it.
    to: Option<String>,
    /// Beginning of the area code.
    area: Option<String>,
    /// Code of the unit.
    unit: Option<String>,
}

/// Records as a table: all of them as CSV, at most 100,000 as a workbook.
#[utoipa::path(
    get, path = "/api/v1/duty/table", tag = "duty", operation_id = "exportDuty",
    params(TableParams),
    responses(
        (status = 200, description = "The table.", body = String, content_type = "text/csv"),
        (status = 409, description = "Too many for a workbook.",
            body = super::problem::Problem, content_type = "application/problem+json"),
        Reading,
    ),
)]
pub(super) async fn export(
    State(app): State<App>,
    access: Access,
    Params(params): Params<TableParams>,
) -> Result<Response, ApiError> {
    let is_xlsx = word("format", params.format.as_deref(), |text| match text {
        "csv" => Some(false),
        "xlsx" => Some(true),
        _ => None,
    })?
    .unwrap_or(false);
    let tongue = word("lang", params.lang.as_deref(), Tongue::from_key)?.unwrap_or_default();
    let filter = ListParams {
        kind: params.kind,
        standing: params.standing,
        verdict: params.verdict,
        from: params.from,
        to: params.to,
        area: params.area,
        unit: params.unit,
        after: None,
        limit: Some(1_000),
    }
    .filter()?;
    if is_xlsx {
        let file = xlsx(&app, &access.person, filter, tongue).await?;
        let file = HttpBody::from_stream(ReaderStream::new(file));
        Ok(attachment(sheet::XLSX, "duty.xlsx", file))
    } else {
        let lines = csv(&app, &access.person, filter, tongue).await?;
        Ok(attachment(sheet::CSV, "duty.csv", HttpBody::from_stream(lines)))
    }
}

async fn shown(app: &App, record: DutyRecord) -> Result<Response, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let others = versions(&app.desk, &record).await?;
    Ok(tagged(record.revision, DutyView::of(record, others, today)))
}

/// Who signs: the name his account has, or his login.
fn signer<'a>(app: &App, access: &'a Access) -> Signer<'a> {
    let name = access
        .session
        .as_ref()
        .map_or(access.login(), |session| &session.name);
    Signer {
        person: &access.person,
        name,
        now: app.clock.now(),
        today: today(&app.clock, &app.config.web.timezone),
    }
}

/// One record.
#[utoipa::path(
    get, path = "/api/v1/duty/{id}", tag = "duty", operation_id = "getDuty",
    params(("id" = String, Path, description = "Number of the record.")),
    responses((status = 200, description = "The record; its revision is the `ETag`.", body = DutyView), Reading, Missing),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let record = duty::record(&app.desk, &access.person, number("record", &id)?).await?;
    shown(&app, record).await
}

/// What the officer says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DutyTexts {
    /// What he found beside what telemetry did.
    #[serde(default)]
    findings: String,
    /// What is done about all of it.
    #[serde(default)]
    measures: String,
    /// Whatever else; where data is missing, how that was checked otherwise.
    #[serde(default)]
    remarks: String,
}

/// Write what the officer says, until it is signed.
#[utoipa::path(
    put, path = "/api/v1/duty/{id}", tag = "duty", operation_id = "writeDuty",
    params(
        ("id" = String, Path, description = "Number of the record."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`."),
    ),
    request_body = DutyTexts,
    responses((status = 200, description = "Written.", body = DutyView),
        Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn write(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<DutyTexts>,
) -> Result<Response, ApiError> {
    let n = number("record", &id)?;
    // What is not there for him stays unknown to him, whatever else is wrong.
    duty::record(&app.desk, &access.person, n).await?;
    let seen = if_match(&headers)?;
    let texts = Texts {
        findings: &body.findings,
        measures: &body.measures,
        remarks: &body.remarks,
    };
    let saved = duty::save(&app.desk, &signer(&app, &access), n, seen, &texts).await?;
    access.in_area(saved.area.as_str());
    shown(&app, saved).await
}

/// Sign a record as it stands: from then on it does not change.
#[utoipa::path(
    post, path = "/api/v1/duty/{id}/signature", tag = "duty", operation_id = "signDuty",
    params(
        ("id" = String, Path, description = "Number of the record."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`. A repeated request answers 412."),
    ),
    responses((status = 200, description = "Signed.", body = DutyView),
        Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(super) async fn sign(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let n = number("record", &id)?;
    duty::record(&app.desk, &access.person, n).await?;
    let seen = if_match(&headers)?;
    let signed = duty::sign(&app.desk, &signer(&app, &access), n, seen, None).await?;
    access.in_area(signed.area.as_str());
    shown(&app, signed).await
}

/// A correction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Correction {
    /// What is corrected, and why.
    why: String,
}

/// Begin a correction of a signed record: a new version that names the old one.
#[utoipa::path(
    post, path = "/api/v1/duty/{id}/corrections", tag = "duty", operation_id = "correctDuty",
    params(
        ("id" = String, Path, description = "Number of the record."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = Correction,
    responses((status = 201, description = "The new version.", body = DutyView), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn correct(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<Correction>,
) -> Result<Response, ApiError> {
    let n = number("record", &id)?;
    let key = idempotency_key(&headers)?;
    let signer = signer(&app, &access);
    let (made, _) = duty::correct(
        &app.desk,
        &app.rules.now().duty,
        &signer,
        n,
        &body.why,
        key.as_deref(),
    )
    .await?;
    access.about(made.n.to_string());
    access.in_area(made.area.as_str());
    let place = format!("/api/v1/duty/{}", made.n);
    Ok(created_at(&place, shown(&app, made).await?))
}
