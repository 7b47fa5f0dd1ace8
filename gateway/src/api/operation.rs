//! What only the people who run the gateway do.

use super::params::NoParams;
use super::problem::{ApiError, Reading, Writing};
use crate::app::{App, LoadError, ReloadFailure};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// What is in force after a reload.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InForce {
    /// Pieces of equipment.
    equipment: usize,
    /// Rules over all equipment.
    rules: usize,
    /// Rule packs, as `id version`.
    packs: Vec<String>,
    /// The city's own files of the desk's rules (names, deadlines, levels): all of them count from now on; deadlines
    /// already set stay.
    desk: Vec<String>,
    /// What is worth knowing about the files.
    warnings: Vec<String>,
    /// Sections of the configuration that changed and count from the next start only.
    next_start: Vec<String>,
}

/// Read configuration, catalog, rules, profiles, register maps and the desk's rules again and put them in force.
///
/// As `SIGHUP` does. If anything is wrong with them, nothing changes and the answer says everything that is.
/// Unchanged equipment keeps its state, unchanged devices their connections.
#[utoipa::path(
    post, path = "/api/v1/reload", tag = "operation", operation_id = "reload",
    responses((status = 200, description = "In force.", body = InForce),
        (status = 422, description = "Something is wrong with the files; nothing has changed.",
            body = super::problem::Problem, content_type = "application/problem+json"),
        Reading, Writing),
    security(("token" = [])),
)]
pub(super) async fn reload(State(app): State<App>, NoParams: NoParams) -> Result<Json<InForce>, ApiError> {
    match app.reload.reload().await {
        Ok(reloaded) => Ok(Json(InForce {
            equipment: reloaded.equipment,
            rules: reloaded.rules,
            packs: reloaded.packs,
            desk: reloaded.desk.into_iter().map(str::to_owned).collect(),
            warnings: reloaded.warnings,
            next_start: reloaded.next_start.into_iter().map(str::to_owned).collect(),
        })),
        Err(ReloadFailure::Load(error)) => {
            let refused = ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "configuration_wrong",
                "The configuration is not put in force",
                error.to_string(),
            );
            Err(match error {
                LoadError::Files(findings) => {
                    refused.findings(findings.iter().map(ToString::to_string).collect())
                }
                LoadError::Arguments(_) => refused,
            })
        }
        Err(error @ (ReloadFailure::Packs(_) | ReloadFailure::Engine(_) | ReloadFailure::Never)) => {
            Err(ApiError::unavailable("not_reloaded", error.to_string()))
        }
    }
}
