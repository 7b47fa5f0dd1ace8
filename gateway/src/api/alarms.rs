//! Alarms and their journal.

use super::params::{Body, NoParams, Params, idempotency_key, reason};
use super::problem::{ApiError, Missing, Reading, Writing};
use super::site::limit;
use crate::app::{AlarmFilter, App};
use crate::desk::listing::cut;
use crate::people::Access;
use crate::view::{self, Alarm, AlarmChange, Time, ViewError};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vigil_core::input::{Action, OperatorAction};
use vigil_core::people::Sight;

/// Alarms, worst first, then latest change first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alarms {
    alarms: Vec<Alarm>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    next: Option<String>,
}

/// Transitions of alarms, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlarmEvents {
    events: Vec<AlarmChange>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// `1` or `true`: also those that are back to normal.
    all: Option<String>,
    /// Of this equipment.
    equipment: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Alarms: those that are not in the normal state, or all that ever were.
#[utoipa::path(
    get, path = "/api/v1/alarms", tag = "alarms", operation_id = "listAlarms",
    params(ListParams),
    responses((status = 200, description = "The alarms.", body = Alarms), Reading, Missing),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<Alarms>, ApiError> {
    let all = match params.all.as_deref() {
        None | Some("0" | "false") => false,
        Some("1" | "true") => true,
        Some(other) => {
            return Err(ApiError::bad_parameter(format!(
                "all: {other:?} is neither 1 nor 0"
            )));
        }
    };
    let sight = access.sight();
    known(&app, &sight, params.equipment.as_deref())?;
    let limit = limit(params.limit)?.unwrap_or(1_000);
    let after = params.cursor.as_deref().map(str::parse).transpose();
    let filter = AlarmFilter {
        standing: !all,
        equipment: params.equipment,
        after: after.map_err(|wrong: &str| ApiError::bad_parameter(format!("cursor: {wrong}")))?,
        limit: limit + 1,
        ..AlarmFilter::default()
    };
    let found = view::alarms(&app, &sight, &filter).await?;
    let (alarms, next) = cut(found, limit, |last| last.cursor().to_string());
    Ok(Json(Alarms { alarms, next }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParams {
    /// Of this equipment.
    equipment: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// The journal of alarms.
#[utoipa::path(
    get, path = "/api/v1/alarms/events", tag = "alarms", operation_id = "listAlarmEvents",
    params(EventParams),
    responses((status = 200, description = "The transitions.", body = AlarmEvents), Reading, Missing),
)]
pub(super) async fn events(
    State(app): State<App>,
    access: Access,
    Params(params): Params<EventParams>,
) -> Result<Json<AlarmEvents>, ApiError> {
    let sight = access.sight();
    known(&app, &sight, params.equipment.as_deref())?;
    let limit = limit(params.limit)?.unwrap_or(100);
    Ok(Json(AlarmEvents {
        events: view::alarm_changes(&app, &sight, params.equipment.as_deref(), limit).await?,
    }))
}

/// A step about an alarm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AlarmAction {
    /// What is done.
    action: AlarmStep,
    /// Why, in the person's words.
    #[serde(default)]
    reason: String,
    /// To shelve: when the alarm comes back by itself, 8 h from now at most.
    #[serde(default)]
    until: Option<Time>,
}

/// What can be done about an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AlarmStep {
    /// Somebody has seen it.
    Acknowledge,
    /// Take it off the list for a while; never an alarm of S1.
    Shelve,
    /// Put it back on the list.
    Unshelve,
    /// End a latched alarm whose condition has gone.
    Reset,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlarmActed {
    /// Place of the step in the log.
    position: u64,
    /// The alarm after it.
    alarm: Option<Alarm>,
}

/// Acknowledge, shelve, unshelve or reset. The answer comes after the step is on disk.
///
/// No step about an alarm decides about a hazard it has opened. With the header `Idempotency-Key` a repeated
/// request is harmless: the same key with the same content answers as before, with another content it is refused.
#[utoipa::path(
    post, path = "/api/v1/alarms/{equipment}/{rule}/actions", tag = "alarms", operation_id = "actOnAlarm",
    params(
        ("equipment" = String, Path, description = "Equipment id."),
        ("rule" = String, Path, description = "Rule id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, at most 128 characters."),
    ),
    request_body = AlarmAction,
    responses((status = 200, description = "Done.", body = AlarmActed), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn act(
    State(app): State<App>,
    access: Access,
    Path((equipment, rule)): Path<(String, String)>,
    NoParams: NoParams,
    headers: HeaderMap,
    Body(step): Body<AlarmAction>,
) -> Result<Json<AlarmActed>, ApiError> {
    let sight = access.sight();
    known(&app, &sight, Some(&equipment))?;
    known_rule(&app, &equipment, &rule)?;
    let (of, about) = (equipment.clone(), rule.clone());
    let action = match (step.action, step.until) {
        (AlarmStep::Shelve, Some(until)) => Action::ShelveAlarm {
            equipment,
            rule,
            until: until.0,
        },
        (AlarmStep::Shelve, None) => {
            return Err(ApiError::bad_parameter("until: to shelve, say until when"));
        }
        (_, Some(_)) => {
            return Err(ApiError::bad_parameter("until: only to shelve"));
        }
        (AlarmStep::Acknowledge, None) => Action::AcknowledgeAlarm { equipment, rule },
        (AlarmStep::Unshelve, None) => Action::UnshelveAlarm { equipment, rule },
        (AlarmStep::Reset, None) => Action::ResetAlarm { equipment, rule },
    };
    let action = OperatorAction {
        actor: access.login().to_owned(),
        reason: reason(&step.reason)?,
        idempotency_key: idempotency_key(&headers)?,
        who: Some(access.person.clone()),
        scope: Some(app.scope_of(&of)),
        action,
    };
    let position = app.engine.act(action).await?.position.0;
    let filter = AlarmFilter {
        standing: false,
        equipment: Some(of),
        ..AlarmFilter::default()
    };
    let alarms = view::alarms(&app, &sight, &filter).await?;
    Ok(Json(AlarmActed {
        position,
        alarm: alarms.into_iter().find(|alarm| alarm.rule == about),
    }))
}

/// Refuses equipment nobody knows: an empty list would look like "no alarms".
pub(super) fn known(app: &App, sight: &Sight, equipment: Option<&str>) -> Result<(), ApiError> {
    match equipment {
        Some(id) if !(app.catalog.by_id.contains_key(id) && app.sees(sight, id)) => {
            Err(view::unknown(app, sight, id).into())
        }
        _ => Ok(()),
    }
}

/// Refuses a rule the equipment does not have.
fn known_rule(app: &App, equipment: &str, rule: &str) -> Result<(), ApiError> {
    let rules = app.catalog.by_id.get(equipment);
    let rules = rules.and_then(|ix| app.catalog.equipment.get(ix.0 as usize));
    let mut rules = rules
        .into_iter()
        .flat_map(|one| one.rules.iter().map(|rule| &*rule.id));
    if rules.clone().any(|known| known == rule) {
        Ok(())
    } else {
        Err(ViewError::not_found("rule", rule, &mut rules).into())
    }
}
