//! Listed supervision, interviews, circulars.

use super::answer::{created_at, table, tagged};
use super::hazard_steps::{FileRef, files};
use super::params::{Body, NoParams, Params, idempotency_key, if_match, is_zh, number, word};
use super::problem::{ApiError, Changing, Missing, Reading, Writing};
use super::site::limit;
use crate::app::{ActError, App};
use crate::desk::cases::{self, CaseFilter, CasesError, Draft, Sort};
use crate::people::Access;
use crate::view::supervision::{
    SupervisionDetail, SupervisionPage, SupervisionRules, case_table, supervision, supervision_case,
    supervision_rules,
};
use crate::view::{Time, ViewError};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use vigil_core::supervision::{CaseKind, CaseStatus, CaseStep, CaseStepKind};

impl From<CasesError> for ApiError {
    fn from(error: CasesError) -> Self {
        let detail = error.to_string();
        match error {
            CasesError::Store(error) => ViewError::from(error).into(),
            CasesError::NotFound(_) => Self::not_found(detail),
            CasesError::Stale { .. } => Self::stale(detail),
            CasesError::Refused(refusal) => ActError::Refused(*refusal).into(),
            CasesError::KeyReused => Self::conflict("key_reused", detail),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// `listed`, `interview` or `circular`.
    kind: Option<String>,
    /// `issued`, `published`, `held`, `accepted`, `delisted`, `closed` or `withdrawn`.
    status: Option<String>,
    /// In force.
    open: Option<bool>,
    /// Something that was waited for is late.
    overdue: Option<bool>,
    /// Key of a level.
    level: Option<String>,
    /// Beginning of the area code, such as `2103`.
    area: Option<String>,
    /// Code of a unit that it is about, or that uses, maintains or inspects what it is about.
    unit: Option<String>,
    /// Naming this hazard.
    hazard: Option<String>,
    /// In force, with a deadline before.
    due_before: Option<Time>,
    /// `newest` (default) or `deadline`: in force, what is due first comes first.
    sort: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl ListParams {
    fn filter(self) -> Result<CaseFilter, ApiError> {
        let sort = |text: &str| match text {
            "newest" => Some(Sort::Newest),
            "deadline" => Some(Sort::Deadline),
            _ => None,
        };
        let cursor = |text: String| {
            text.parse()
                .map_err(|wrong: &str| ApiError::bad_parameter(format!("cursor: {wrong}")))
        };
        Ok(CaseFilter {
            kind: word("kind", self.kind.as_deref(), CaseKind::from_key)?,
            status: word("status", self.status.as_deref(), CaseStatus::from_key)?,
            open: self.open,
            overdue: self.overdue,
            level: self.level,
            area: self.area,
            unit: self.unit,
            hazard: self.hazard,
            due_before: self.due_before.map(|at| at.0),
            sort: word("sort", self.sort.as_deref(), sort)?.unwrap_or_default(),
            after: self.cursor.map(cursor).transpose()?,
            limit: limit(self.limit)?.unwrap_or(100),
        })
    }
}

/// Cases of supervision, newest first.
#[utoipa::path(
    get, path = "/api/v1/supervision", tag = "supervision", operation_id = "listCases",
    params(ListParams),
    responses((status = 200, description = "A page of cases.", body = SupervisionPage), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<SupervisionPage>, ApiError> {
    Ok(Json(supervision(&app, &access.person, &params.filter()?).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportParams {
    /// `csv` (default) or `xlsx`.
    format: Option<String>,
    /// `zh` (default) or `en`.
    lang: Option<String>,
    /// As in the list.
    kind: Option<String>,
    /// As in the list.
    status: Option<String>,
    /// As in the list.
    open: Option<bool>,
    /// As in the list.
    overdue: Option<bool>,
    /// As in the list.
    level: Option<String>,
    /// As in the list.
    area: Option<String>,
    /// As in the list.
    unit: Option<String>,
}

/// The cases of a list as a table; of more than 20,000 none.
#[utoipa::path(
    get, path = "/api/v1/supervision/export", tag = "supervision", operation_id = "exportCases",
    params(ExportParams),
    responses(
        (status = 200, description = "A table.", content_type = "text/csv", body = String),
        (status = 409, description = "Too many for a table.",
            body = super::problem::Problem, content_type = "application/problem+json"),
        Reading,
    ),
)]
pub(super) async fn export(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ExportParams>,
) -> Result<Response, ApiError> {
    let as_xlsx = word("format", params.format.as_deref(), |text| match text {
        "csv" => Some(false),
        "xlsx" => Some(true),
        _ => None,
    })?;
    let zh = is_zh(params.lang.as_deref())?;
    let filter = CaseFilter {
        kind: word("kind", params.kind.as_deref(), CaseKind::from_key)?,
        status: word("status", params.status.as_deref(), CaseStatus::from_key)?,
        open: params.open,
        overdue: params.overdue,
        level: params.level,
        area: params.area,
        unit: params.unit,
        ..CaseFilter::default()
    };
    let cases = case_table(&app, &access.person, &filter, zh).await?;
    table("supervision", &cases, as_xlsx.unwrap_or(false))
}

/// The levels and periods of supervision, and where they come from.
#[utoipa::path(
    get, path = "/api/v1/supervision/rules", tag = "supervision", operation_id = "supervisionRules",
    responses((status = 200, description = "The rules.", body = SupervisionRules), Reading),
)]
pub(super) async fn rules(State(app): State<App>, NoParams: NoParams) -> Json<SupervisionRules> {
    Json(supervision_rules(&app.rules.now().supervision))
}

/// What is issued. It is about hazards of one unit, a piece of equipment, a unit, or, of a circular, an area.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseOrder {
    /// `listed`, `interview` or `circular`.
    kind: String,
    /// Key of a level: see `/api/v1/supervision/rules`.
    level: String,
    /// Name of the authority that issues it.
    issuer: String,
    /// What it is called.
    title: String,
    /// Why.
    #[serde(default)]
    grounds: String,
    /// What must be done.
    demands: String,
    /// Ids of hazards. A listing lists them: major ones that are confirmed and not struck off.
    #[serde(default)]
    hazards: Vec<String>,
    /// Equipment id.
    #[serde(default)]
    equipment: String,
    /// Code of the unit; whose the rest is, if it is missing.
    #[serde(default)]
    unit: String,
    /// Area code, for a circular about nothing else.
    #[serde(default)]
    area: String,
    /// By when it must be done; a listing needs one.
    deadline: Option<Time>,
    /// When an interview is to be held.
    meet_at: Option<Time>,
}

fn bad(detail: impl Into<String>) -> ApiError {
    ApiError::bad_body(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// A case as it is now; its events count its changes.
async fn shown(app: &App, access: &Access, id: i64) -> Result<Response, ApiError> {
    let detail = supervision_case(app, id, &access.person).await?;
    Ok(tagged(i64::from(detail.case.events), detail))
}

/// Issues a case.
///
/// Its number is drawn with it. With the header `Idempotency-Key` a repeated request is harmless. The hazards a listing
/// names are listed in their own loop; what a loop refuses is in `listed_hazards` with the reason.
#[utoipa::path(
    post, path = "/api/v1/supervision", tag = "supervision", operation_id = "issueCase",
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters.")),
    request_body = CaseOrder,
    responses(
        (status = 201, description = "It is issued.", body = SupervisionDetail,
         headers(("ETag" = String, description = "Its state."))),
        Reading, Writing,
    ),
    security(("token" = [])),
)]
pub(super) async fn issue(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(order): Body<CaseOrder>,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers)?;
    let kind =
        CaseKind::from_key(&order.kind).ok_or_else(|| bad("kind: `listed`, `interview` or `circular`"))?;
    let draft = Draft {
        kind,
        level: order.level,
        issuer: order.issuer,
        title: order.title,
        grounds: order.grounds,
        demands: order.demands,
        hazards: order.hazards,
        equipment: order.equipment,
        unit: order.unit,
        area: order.area,
        deadline: order.deadline.map(|at| at.0),
        meet_at: order.meet_at.map(|at| at.0),
    };
    let stored = cases::open(&app, &access.person, &draft, key.as_deref()).await?;
    access.about(stored.id.to_string());
    access.in_area(&*stored.case.order.scope.area);
    let place = format!("/api/v1/supervision/{}", stored.id);
    Ok(created_at(&place, shown(&app, &access, stored.id).await?))
}

/// One case: what was issued, what happened, what is waited for, what can be done next.
#[utoipa::path(
    get, path = "/api/v1/supervision/{id}", tag = "supervision", operation_id = "getCase",
    params(("id" = String, Path, description = "`id` of the case.")),
    responses(
        (status = 200, description = "The case.", body = SupervisionDetail,
         headers(("ETag" = String, description = "Its state: give it back as `If-Match` with a step."))),
        Reading, Missing,
    ),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    shown(&app, &access, number("supervision case", &id)?).await
}

/// A step of a case. Which fields it takes besides `reason` depends on `action`; others are refused.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseAction {
    /// `file`, `publish`, `meet`, `follow_up`, `answer`, `request_extension`, `grant_extension`, `refuse_extension`,
    /// `report_acceptance`, `delist`, `publish_delisting`, `close` or `withdraw`.
    #[serde(default)]
    action: String,
    /// Why, or what, in the person's words: required where `text_required` says so.
    #[serde(default)]
    reason: String,
    /// `file`, `publish`, `meet`, `follow_up`, `report_acceptance`, `publish_delisting`: when; now, if it is missing.
    on: Option<Time>,
    /// `publish`, `meet`, `publish_delisting`: where; `file`: with whom.
    place: Option<String>,
    /// `meet`: who was there; `report_acceptance`: who inspected it.
    people: Option<String>,
    /// `request_extension`, `grant_extension` (what was asked for, if it is missing): the new deadline.
    until: Option<Time>,
    /// `meet`, `follow_up`, `answer`, `report_acceptance`: files that show it, uploaded before.
    attachments: Option<Vec<FileRef>>,
}

impl CaseAction {
    async fn step(&mut self, app: &App) -> Result<CaseStep, ApiError> {
        let near = || crate::view::nearest(&self.action, CaseStepKind::ALL.map(CaseStepKind::key));
        let Some(kind) = CaseStepKind::from_key(&self.action) else {
            let suggestion = near().map(str::to_owned);
            return Err(bad(format!("action: there is no step {:?}", self.action)).suggest(suggestion));
        };
        let takes_files = matches!(
            kind,
            CaseStepKind::Meet
                | CaseStepKind::FollowUp
                | CaseStepKind::Answer
                | CaseStepKind::ReportAcceptance
        );
        let refs = self.attachments.take();
        if refs.is_some() && !takes_files {
            return Err(bad(format!("`{}` takes no field `attachments`", kind.key())));
        }
        let attachments = files(app, refs.as_deref().unwrap_or_default()).await?;
        let now = Time(app.clock.now());
        let mut on = || self.on.take().unwrap_or(now).0;
        let missing = |field: &str| bad(format!("`{}` needs the field `{field}`", kind.key()));
        let step = match kind {
            CaseStepKind::File => CaseStep::File {
                on: on(),
                office: self.place.take().ok_or_else(|| missing("place"))?,
            },
            CaseStepKind::Publish => CaseStep::Publish {
                on: on(),
                place: self.place.take().ok_or_else(|| missing("place"))?,
            },
            CaseStepKind::Meet => CaseStep::Meet {
                on: on(),
                place: self.place.take().ok_or_else(|| missing("place"))?,
                attendees: self.people.take().ok_or_else(|| missing("people"))?,
                attachments,
            },
            CaseStepKind::FollowUp => CaseStep::FollowUp {
                on: on(),
                attachments,
            },
            CaseStepKind::Answer => CaseStep::Answer { attachments },
            CaseStepKind::RequestExtension => CaseStep::RequestExtension {
                until: self.until.take().ok_or_else(|| missing("until"))?.0,
            },
            CaseStepKind::GrantExtension => CaseStep::GrantExtension {
                until: self.until.take().map(|at| at.0),
            },
            CaseStepKind::RefuseExtension => CaseStep::RefuseExtension,
            CaseStepKind::ReportAcceptance => CaseStep::ReportAcceptance {
                on: on(),
                inspectors: self.people.take().ok_or_else(|| missing("people"))?,
                attachments,
            },
            CaseStepKind::Delist => CaseStep::Delist,
            CaseStepKind::PublishDelisting => CaseStep::PublishDelisting {
                on: on(),
                place: self.place.take().ok_or_else(|| missing("place"))?,
            },
            CaseStepKind::Close => CaseStep::Close,
            CaseStepKind::Withdraw => CaseStep::Withdraw,
        };
        // What a step does not take is a mistake, not something to pass over.
        let left = [
            ("on", self.on.is_some()),
            ("place", self.place.is_some()),
            ("people", self.people.is_some()),
            ("until", self.until.is_some()),
        ];
        match left.into_iter().find(|(_, left)| *left) {
            None => Ok(step),
            Some((field, _)) => Err(bad(format!("`{}` takes no field `{field}`", kind.key()))),
        }
    }
}

/// A step of a case: who may take which now is in `next_steps`. It is only taken if nobody else has done anything since
/// (`If-Match`): 412 otherwise, so that a repeated request does nothing twice.
#[utoipa::path(
    post, path = "/api/v1/supervision/{id}/actions", tag = "supervision", operation_id = "actOnCase",
    params(
        ("id" = String, Path, description = "`id` of the case."),
        ("If-Match" = String, Header, description = "The `ETag` of the case when it was looked at."),
    ),
    request_body = CaseAction,
    responses(
        (status = 200, description = "Done.", body = SupervisionDetail,
         headers(("ETag" = String, description = "Its state after the step."))),
        Reading, Missing, Changing, Writing,
    ),
    security(("token" = [])),
)]
pub(super) async fn act(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(mut asked): Body<CaseAction>,
) -> Result<Response, ApiError> {
    let id = number("supervision case", &id)?;
    let found = cases::case(&app.desk, &access.person, id).await?;
    access.in_area(&*found.case.order.scope.area);
    let seen = if_match(&headers)?;
    let step = asked.step(&app).await?;
    let who = (&access.person, id, Some(seen));
    let said = (&step, asked.reason.as_str());
    let rules = app.rules.now();
    cases::take(&app.desk, who, said, app.clock.now(), &rules.supervision).await?;
    cases::settle(&app, id).await?;
    shown(&app, &access, id).await
}
