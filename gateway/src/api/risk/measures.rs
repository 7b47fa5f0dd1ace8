//! Control measures and their checks.

use super::{area, measure_number, point_number, short};
use crate::api::answer::{created, tagged};
use crate::api::params::{Body, NoParams, Params, cursor, flag, idempotency_key, if_match, word};
use crate::api::problem::{ApiError, Changing, Missing, Reading, Writing};
use crate::api::site::limit;
use crate::app::App;
use crate::desk::risk::{self, Act, CheckFacts, MeasureFacts, MeasureFilter};
use crate::desk::today;
use crate::people::Access;
use crate::view::risk::{CheckView, MeasureLine, MeasureView, Measures};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vigil_core::risk::MeasureKind;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// `engineering`, `management`, `training`, `ppe` or `emergency`.
    kind: Option<String>,
    /// `true`: its check is overdue; `false`: it is not.
    overdue: Option<String>,
    /// `true`: it failed when last checked; `false`: it did not.
    failed: Option<String>,
    /// This person sees to it.
    owner: Option<String>,
    /// Beginning of the area code.
    area: Option<String>,
    /// Code of the use unit.
    unit: Option<String>,
    /// Of this equipment.
    equipment: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Control measures by when they are to be checked.
#[utoipa::path(
    get, path = "/api/v1/risk/measures", tag = "risk", operation_id = "listControlMeasures",
    params(ListParams),
    responses((status = 200, description = "A page of them.", body = Measures), Reading),
)]
pub(crate) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<Measures>, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let filter = MeasureFilter {
        kind: word("kind", params.kind.as_deref(), MeasureKind::from_key)?,
        overdue: flag("overdue", params.overdue.as_deref())?,
        failed: flag("failed", params.failed.as_deref())?,
        owner: short("owner", params.owner)?,
        area: area(params.area)?,
        unit: short("unit", params.unit)?,
        equipment: short("equipment", params.equipment)?,
        after: cursor(params.after.as_deref())?,
        limit: limit(params.limit)?.unwrap_or(100),
    };
    let page = risk::measures_due(&app.desk, &access.person, &filter, today).await?;
    let personal = access.signed_in();
    Ok(Json(Measures {
        measures: page
            .rows
            .into_iter()
            .map(|row| MeasureLine::of(app.rules.scheme(), row, today, personal))
            .collect(),
        next: page.next.map(|next| next.to_string()),
        total: page.total,
    }))
}

/// A control measure.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeasureBody {
    /// `engineering`, `management`, `training`, `ppe` or `emergency`.
    kind: String,
    /// What is done.
    text: String,
    /// Who sees to it.
    owner: String,
    /// It is checked every so many days, 1 to 3660.
    period_days: u16,
    /// `true`: it is no longer taken.
    #[serde(default)]
    retired: bool,
}

impl MeasureBody {
    fn facts(self) -> Result<MeasureFacts, ApiError> {
        let kind = MeasureKind::from_key(&self.kind).ok_or_else(|| {
            let known: Vec<&str> = MeasureKind::ALL.iter().map(|kind| kind.key()).collect();
            ApiError::bad_body(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("kind: one of {}", known.join(", ")),
            )
        })?;
        Ok(MeasureFacts {
            kind,
            text: self.text,
            owner: self.owner,
            period_days: self.period_days,
            retired: self.retired,
        })
    }
}

/// Enter a control measure of a risk point.
#[utoipa::path(
    post, path = "/api/v1/risk/points/{id}/measures", tag = "risk", operation_id = "addControlMeasure",
    params(
        ("id" = String, Path, description = "Such as `RP-000042`."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = MeasureBody,
    responses((status = 201, description = "Entered.", body = MeasureView), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(crate) async fn add(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<MeasureBody>,
) -> Result<Response, ApiError> {
    let n = point_number(&id)?;
    risk::point(&app.desk, &access.person, n).await?;
    let act = Act::of(&app, &access, idempotency_key(&headers)?);
    let made = risk::add_measure(&app.desk, &act, n, &body.facts()?).await?;
    access.in_area(&*made.scope.area);
    let answer = tagged(made.revision, MeasureView::of(made, act.today, true));
    Ok(created(answer))
}

/// One control measure.
#[utoipa::path(
    get, path = "/api/v1/risk/measures/{id}", tag = "risk", operation_id = "getControlMeasure",
    params(("id" = String, Path, description = "Number of the measure.")),
    responses((status = 200, description = "The measure; its revision is the `ETag`.", body = MeasureView), Reading, Missing),
)]
pub(crate) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let measure = risk::measure(&app.desk, &access.person, measure_number(&id)?).await?;
    Ok(tagged(
        measure.revision,
        MeasureView::of(measure, today, access.signed_in()),
    ))
}

/// Change a control measure, or retire it.
#[utoipa::path(
    put, path = "/api/v1/risk/measures/{id}", tag = "risk", operation_id = "changeControlMeasure",
    params(
        ("id" = String, Path, description = "Number of the measure."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`."),
    ),
    request_body = MeasureBody,
    responses((status = 200, description = "Changed.", body = MeasureView), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(crate) async fn change(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<MeasureBody>,
) -> Result<Response, ApiError> {
    let n = measure_number(&id)?;
    let known = risk::measure(&app.desk, &access.person, n).await?;
    access.in_area(&*known.scope.area);
    let seen = if_match(&headers)?;
    let act = Act::of(&app, &access, None);
    let changed = risk::change_measure(&app.desk, &act, n, seen, &body.facts()?).await?;
    risk::soon(&app).await;
    Ok(tagged(
        changed.revision,
        MeasureView::of(changed, act.today, true),
    ))
}

/// What somebody found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckBody {
    /// Whether the measure does what it should.
    passed: bool,
    /// When somebody looked; today when it is not given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    checked_on: Option<Date>,
    /// What was found, in words; required when it has failed.
    #[serde(default)]
    remark: String,
}

/// A check, and what follows from it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckedView {
    /// Its number.
    id: i64,
    /// The measure after it.
    measure: MeasureView,
    /// The hazard of the failure it is about.
    hazard: Option<String>,
    /// A failure began with it: one suspected hazard.
    began: bool,
    /// A failure ended with it. Its hazard is closed by those who rectify and accept, not by this.
    ended: bool,
    /// The hazard could not be opened yet; it is tried again every minute.
    waiting: bool,
}

/// Checks on record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checks {
    /// The latest first.
    checks: Vec<CheckView>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParams {
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Checks of a control measure.
#[utoipa::path(
    get, path = "/api/v1/risk/measures/{id}/checks", tag = "risk", operation_id = "listControlChecks",
    params(("id" = String, Path, description = "Number of the measure."), HistoryParams),
    responses((status = 200, description = "The checks.", body = Checks), Reading, Missing),
)]
pub(crate) async fn checks(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    Params(params): Params<HistoryParams>,
) -> Result<Json<Checks>, ApiError> {
    let limit = limit(params.limit)?.unwrap_or(100);
    let measure = risk::measure(&app.desk, &access.person, measure_number(&id)?).await?;
    let rows = risk::checks(&app.desk, measure.n, None, limit).await?;
    let personal = access.signed_in();
    Ok(Json(Checks {
        checks: rows.into_iter().map(|row| CheckView::of(row, personal)).collect(),
    }))
}

/// Enter a check of a control measure. The first that fails opens one suspected hazard; further ones add nothing; one
/// that passes ends the failure and leaves the hazard to those who rectify it.
#[utoipa::path(
    post, path = "/api/v1/risk/measures/{id}/checks", tag = "risk", operation_id = "checkControlMeasure",
    params(
        ("id" = String, Path, description = "Number of the measure."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = CheckBody,
    responses((status = 201, description = "On record.", body = CheckedView), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(crate) async fn check(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<CheckBody>,
) -> Result<Response, ApiError> {
    let n = measure_number(&id)?;
    let known = risk::measure(&app.desk, &access.person, n).await?;
    access.in_area(&*known.scope.area);
    let act = Act::of(&app, &access, idempotency_key(&headers)?);
    let facts = CheckFacts {
        checked_on: body.checked_on,
        passed: body.passed,
        remark: body.remark,
    };
    let checked = risk::check(&app, &act, n, &facts).await?;
    risk::soon(&app).await;
    let view = CheckedView {
        id: checked.n,
        measure: MeasureView::of(checked.measure, act.today, true),
        hazard: checked.hazard,
        began: checked.began,
        ended: checked.ended,
        waiting: checked.waiting,
    };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}
