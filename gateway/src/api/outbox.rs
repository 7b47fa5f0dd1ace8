//! The sinks, and what waits for them or was given up.

use super::params::{Body, NoParams, Params};
use super::problem::{ApiError, Missing, Reading, Writing};
use super::site::limit;
use crate::app::{App, OutboxChange, OutboxFilter, Which};
use crate::view::{self, EntryState, OutboxPage, Sinks};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How every sink is: how far it is behind, what it said last, what waits.
#[utoipa::path(
    get, path = "/api/v1/sinks", tag = "sinks", operation_id = "sinks",
    responses((status = 200, description = "The sinks.", body = Sinks), Reading),
)]
pub(super) async fn sinks(State(app): State<App>, NoParams: NoParams) -> Result<Json<Sinks>, ApiError> {
    Ok(Json(view::sinks(&app).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Of this sink.
    sink: Option<String>,
    /// In this state.
    #[param(inline)]
    state: Option<EntryState>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<i64>,
}

/// Events and refused points with what became of them, newest first.
#[utoipa::path(
    get, path = "/api/v1/outbox", tag = "sinks", operation_id = "outbox",
    params(ListParams),
    responses((status = 200, description = "A page of the outbox.", body = OutboxPage), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(params): Params<ListParams>,
) -> Result<Json<OutboxPage>, ApiError> {
    let filter = OutboxFilter {
        sink: params.sink,
        state: params.state.map(Into::into),
        before: params.before,
        limit: limit(params.limit)?.unwrap_or(100),
    };
    Ok(Json(view::outbox(&app, filter).await?))
}

/// What is done to entries of the outbox.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboxAction {
    /// What is done.
    action: OutboxStep,
    /// To this entry. Without it: to all dead ones.
    id: Option<i64>,
    /// Of this sink; without `id` only.
    sink: Option<String>,
}

/// What can be done.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutboxStep {
    /// Dead entries are tried again.
    Retry,
    /// Dead entries are forgotten, or one that waits.
    Drop,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OutboxActed {
    /// Entries it concerned.
    entries: u64,
}

/// Try dead entries again, or forget them. The answer comes after the step is on disk.
#[utoipa::path(
    post, path = "/api/v1/outbox/actions", tag = "sinks", operation_id = "actOnOutbox",
    request_body = OutboxAction,
    responses((status = 200, description = "Done.", body = OutboxActed), Reading, Missing, Writing),
    security(("token" = [])),
)]
pub(super) async fn act(
    State(app): State<App>,
    NoParams: NoParams,
    Body(step): Body<OutboxAction>,
) -> Result<Json<OutboxActed>, ApiError> {
    if step.id.is_some() && step.sink.is_some() {
        return Err(ApiError::bad_parameter(
            "`id` names one entry, `sink` the dead ones of a sink: give one of them",
        ));
    }
    let which = step.id.map_or(Which::Dead { sink: step.sink }, Which::One);
    let change = match step.action {
        OutboxStep::Retry => OutboxChange::Retry {
            which,
            at: app.clock.now(),
        },
        OutboxStep::Drop => OutboxChange::Drop { which },
    };
    let entries = app.engine.keep(vec![change]).await?.iter().sum();
    if let (Some(id), 0) = (step.id, entries) {
        return Err(ApiError::not_found(format!(
            "there is no entry {id} this can be done to"
        )));
    }
    app.sinks.wake();
    Ok(Json(OutboxActed { entries }))
}
