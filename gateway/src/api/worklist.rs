//! What whoever asks must do today.

use super::params::NoParams;
use super::problem::{ApiError, Reading};
use crate::app::App;
use crate::people::Access;
use crate::view::{self, Worklist};
use axum::Json;
use axum::extract::State;

/// What waits for one of the steps of whoever asks, by kind: hazards, what is due by law, equipment without data.
#[utoipa::path(
    get, path = "/api/v1/worklist", tag = "site", operation_id = "worklist",
    responses((status = 200, description = "The work list.", body = Worklist), Reading),
)]
pub(super) async fn worklist(
    State(app): State<App>,
    access: Access,
    NoParams: NoParams,
) -> Result<Json<Worklist>, ApiError> {
    Ok(Json(view::worklist(&app, &access.person).await?))
}
