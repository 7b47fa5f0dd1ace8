//! Risk points and their assessments.

use super::{area, point_number, short};
use crate::api::answer::{created, created_at, tagged};
use crate::api::params::{Body, NoParams, Params, cursor, flag, idempotency_key, if_match, word};
use crate::api::problem::{ApiError, Changing, Missing, Reading, Writing};
use crate::api::site::limit;
use crate::app::App;
use crate::desk::risk::{self, Act, Assessing, Order, Owner, Point, PointFacts, PointFilter};
use crate::desk::today;
use crate::people::Access;
use crate::view::risk::{AssessmentView, RiskPointLine, RiskPointView, RiskPoints};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use vigil_core::risk::Colour;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Words in id, name, place or hazard factor.
    q: Option<String>,
    /// `red`, `orange`, `yellow`, `blue`, or `none`: nobody has assessed it.
    colour: Option<String>,
    /// Key of the control tier, such as `company`.
    tier: Option<String>,
    /// Beginning of the area code, such as `2103`.
    area: Option<String>,
    /// Code of the use unit.
    unit: Option<String>,
    /// Of this equipment.
    equipment: Option<String>,
    /// This person is responsible.
    owner: Option<String>,
    /// `true`: a check of a measure is overdue; `false`: none is.
    overdue: Option<String>,
    /// `true`: a measure has failed and not passed since; `false`: none has.
    failing: Option<String>,
    /// `true`: it should have been assessed again by now; `false`: not yet.
    stale: Option<String>,
    /// `true`: those that are retired, instead of those that are not.
    retired: Option<String>,
    /// `newest` (default), `level`: worst first, or `check`: what is to be checked first comes first.
    sort: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Risk points.
#[utoipa::path(
    get, path = "/api/v1/risk/points", tag = "risk", operation_id = "listRiskPoints",
    params(ListParams),
    responses((status = 200, description = "A page of them.", body = RiskPoints), Reading),
)]
pub(crate) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<RiskPoints>, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let filter = PointFilter {
        text: short("q", params.q)?,
        colour: word("colour", params.colour.as_deref(), |key| match key {
            "none" => Some(None),
            key => Colour::from_key(key).map(Some),
        })?,
        tier: short("tier", params.tier)?,
        area: area(params.area)?,
        unit: short("unit", params.unit)?,
        equipment: short("equipment", params.equipment)?,
        owner: short("owner", params.owner)?,
        overdue: flag("overdue", params.overdue.as_deref())?,
        failing: flag("failing", params.failing.as_deref())?,
        stale: flag("stale", params.stale.as_deref())?,
        retired: flag("retired", params.retired.as_deref())?.unwrap_or(false),
        order: word("sort", params.sort.as_deref(), Order::from_key)?.unwrap_or_default(),
        after: cursor(params.after.as_deref())?,
        limit: limit(params.limit)?.unwrap_or(100),
    };
    let page = risk::points(&app.desk, &access.person, &filter, today).await?;
    let personal = access.signed_in();
    Ok(Json(RiskPoints {
        points: page
            .rows
            .into_iter()
            .map(|row| RiskPointLine::of(&app, row, today, personal))
            .collect(),
        next: page.next.map(|next| next.to_string()),
        total: page.total,
    }))
}

/// What is said of a risk point.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PointBody {
    /// 风险点名称, at most 100 characters.
    name: String,
    /// Where it is.
    #[serde(default)]
    place: String,
    /// 危险因素: what can do harm.
    factor: String,
    /// 可能导致的事故类型.
    #[serde(default)]
    accident: String,
    /// 依据: the ground, such as a clause.
    #[serde(default)]
    basis: String,
    /// 责任人.
    owner: String,
    /// How to reach him.
    #[serde(default)]
    owner_phone: String,
    /// 责任单位, 责任部门.
    #[serde(default)]
    owner_unit: String,
}

/// A new risk point: of a piece of equipment, or of a unit itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPointBody {
    /// Equipment id, or …
    #[serde(default)]
    equipment: Option<String>,
    /// … code of the unit.
    #[serde(default)]
    unit: Option<String>,
    /// What is said of it.
    point: PointBody,
}

/// A change of a risk point.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedPointBody {
    /// What is said of it from now on.
    point: PointBody,
    /// `true`: it is no longer there; its measures are retired with it.
    #[serde(default)]
    retired: bool,
}

impl PointBody {
    fn facts(self, retired: bool) -> PointFacts {
        PointFacts {
            name: self.name,
            place: self.place,
            factor: self.factor,
            accident: self.accident,
            basis: self.basis,
            owner: self.owner,
            owner_phone: self.owner_phone,
            owner_unit: self.owner_unit,
            retired,
        }
    }
}

/// A point with all that belongs to it.
async fn whole(app: &App, access: &Access, point: Point) -> Result<(i64, RiskPointView), ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let measures = risk::measures_of(&app.desk, point.n).await?;
    let failures = risk::episodes(&app.desk, point.n, 100).await?;
    access.in_area(&*point.scope.area);
    let revision = point.revision;
    let view = RiskPointView::of(app, point, &measures, failures, today, access.signed_in());
    Ok((revision, view))
}

/// Enter a risk point. Nobody has assessed it then: it has no colour, and is not counted as blue.
#[utoipa::path(
    post, path = "/api/v1/risk/points", tag = "risk", operation_id = "addRiskPoint",
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters.")),
    request_body = NewPointBody,
    responses((status = 201, description = "Entered.", body = RiskPointView), Reading, Writing),
    security(("token" = [])),
)]
pub(crate) async fn create(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<NewPointBody>,
) -> Result<Response, ApiError> {
    let of = match (body.equipment, body.unit) {
        (Some(equipment), None) => Owner::Equipment(equipment),
        (None, Some(unit)) => Owner::Unit(unit),
        _ => {
            return Err(ApiError::bad_body(
                StatusCode::UNPROCESSABLE_ENTITY,
                "either `equipment` or `unit` says what the risk belongs to",
            ));
        }
    };
    let act = Act::of(&app, &access, idempotency_key(&headers)?);
    let made = risk::create(&app.desk, &act, &of, &body.point.facts(false)).await?;
    risk::soon(&app).await;
    let (revision, view) = whole(&app, &access, made).await?;
    access.about(view.id.as_str());
    let place = format!("/api/v1/risk/points/{}", view.id);
    Ok(created_at(&place, tagged(revision, view)))
}

/// One risk point: its last assessment, its measures, and failures of them with their hazards.
#[utoipa::path(
    get, path = "/api/v1/risk/points/{id}", tag = "risk", operation_id = "getRiskPoint",
    params(("id" = String, Path, description = "Such as `RP-000042`.")),
    responses((status = 200, description = "The risk point; its revision is the `ETag`.", body = RiskPointView), Reading, Missing),
)]
pub(crate) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let point = risk::point(&app.desk, &access.person, point_number(&id)?).await?;
    let (revision, view) = whole(&app, &access, point).await?;
    Ok(tagged(revision, view))
}

/// Change what is said of a risk point, or retire it.
#[utoipa::path(
    put, path = "/api/v1/risk/points/{id}", tag = "risk", operation_id = "changeRiskPoint",
    params(
        ("id" = String, Path, description = "Such as `RP-000042`."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag`."),
    ),
    request_body = ChangedPointBody,
    responses((status = 200, description = "Changed.", body = RiskPointView), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(crate) async fn change(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<ChangedPointBody>,
) -> Result<Response, ApiError> {
    let n = point_number(&id)?;
    risk::point(&app.desk, &access.person, n).await?;
    let seen = if_match(&headers)?;
    let act = Act::of(&app, &access, None);
    let changed = risk::change(&app.desk, &act, n, seen, &body.point.facts(body.retired)).await?;
    risk::soon(&app).await;
    let (revision, view) = whole(&app, &access, changed).await?;
    Ok(tagged(revision, view))
}

/// An assessment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssessBody {
    /// Key of the method, such as `lec`; see `/api/v1/risk/scheme`.
    method: String,
    /// Value by factor, such as `{"l": 3, "e": 6, "c": 15}`.
    factors: BTreeMap<String, f64>,
    /// Key of the tier that controls it: that of the colour (default), or one above it.
    #[serde(default)]
    tier: String,
    /// Why; required when it has been assessed before.
    #[serde(default)]
    reason: String,
}

/// Assessments on record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Assessments {
    /// The latest first.
    assessments: Vec<AssessmentView>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParams {
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// The history of a risk point's assessments.
#[utoipa::path(
    get, path = "/api/v1/risk/points/{id}/assessments", tag = "risk", operation_id = "listAssessments",
    params(("id" = String, Path, description = "Such as `RP-000042`."), HistoryParams),
    responses((status = 200, description = "The assessments.", body = Assessments), Reading, Missing),
)]
pub(crate) async fn assessments(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    Params(params): Params<HistoryParams>,
) -> Result<Json<Assessments>, ApiError> {
    let limit = limit(params.limit)?.unwrap_or(100);
    let point = risk::point(&app.desk, &access.person, point_number(&id)?).await?;
    let rows = risk::assessments(&app.desk, point.n, limit).await?;
    let personal = access.signed_in();
    Ok(Json(Assessments {
        assessments: rows
            .into_iter()
            .map(|row| AssessmentView::of(app.rules.scheme(), row, personal))
            .collect(),
    }))
}

/// Assess a risk point, for the first time or again. The score is the product of the factors; its colour and least tier
/// follow from the bands of the method.
#[utoipa::path(
    post, path = "/api/v1/risk/points/{id}/assessments", tag = "risk", operation_id = "assessRiskPoint",
    params(
        ("id" = String, Path, description = "Such as `RP-000042`."),
        ("If-Match" = String, Header, description = "The revision that was seen: the `ETag` of the risk point."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = AssessBody,
    responses((status = 201, description = "Assessed: the risk point after it.", body = RiskPointView), Reading, Missing, Changing, Writing),
    security(("token" = [])),
)]
pub(crate) async fn assess(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(body): Body<AssessBody>,
) -> Result<Response, ApiError> {
    let n = point_number(&id)?;
    risk::point(&app.desk, &access.person, n).await?;
    let seen = if_match(&headers)?;
    let act = Act::of(&app, &access, idempotency_key(&headers)?);
    let assessing = Assessing {
        method: body.method,
        factors: body.factors,
        tier: body.tier,
        reason: body.reason,
    };
    let point = risk::assess(&app.desk, &act, app.rules.scheme(), n, seen, &assessing).await?;
    risk::soon(&app).await;
    let (revision, view) = whole(&app, &access, point).await?;
    Ok(created(tagged(revision, view)))
}
