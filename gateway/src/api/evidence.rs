//! Evidence that holds without this server: bundles, the key that signs them, the daily heads.

use super::params::{NoParams, Params};
use super::problem::{ApiError, Missing, Reading};
use crate::app::{App, ExportError, export, heads};
use crate::people::Access;
use crate::view::ViewError;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The key whose signature is on every bundle and head.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EvidenceKey {
    /// Algorithm.
    algorithm: &'static str,
    /// Public key, hex.
    public_key: String,
    /// What people compare.
    fingerprint: String,
}

/// Heads of days, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Heads {
    heads: Vec<Head>,
}

/// The head of a day: a hash over where every hazard that moved stood at its end, chained to the day before.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Head {
    /// UTC day.
    day: String,
    /// Hazards that moved.
    count: u64,
    /// Root over them.
    root: String,
    /// Hash of the head of the day before.
    prev: String,
    /// What is signed, as signed.
    canonical: String,
    /// Ed25519 over `canonical`, hex.
    signature: String,
}

/// A ZIP.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only described: the file itself is written as it is")]
pub(super) struct BundleFile(Vec<u8>);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HeadParams {
    /// First UTC day, `2026-11-26`.
    from: Option<String>,
    /// Last UTC day.
    to: Option<String>,
}

/// Everything that speaks for a hazard, in one signed file.
///
/// A ZIP with the events (hash-chained), the messages as received and what gives them their meaning, the rule pack that
/// opened it, attachments, and proofs that it is under the signed heads of its days. `vigil verify FILE` checks it
/// anywhere.
#[utoipa::path(
    get, path = "/api/v1/hazards/{id}/evidence", tag = "hazards", operation_id = "hazardEvidence",
    params(("id" = String, Path, description = "Hazard id.")),
    responses((status = 200, description = "The bundle.", body = BundleFile, content_type = "application/zip"),
        Reading, Missing),
)]
pub(super) async fn bundle(
    State(app): State<App>,
    access: Access,
    Path(id): Path<String>,
    NoParams: NoParams,
) -> Result<Response, ApiError> {
    let found = app.store.hazard(&id).await.map_err(ViewError::from)?;
    if !found.is_some_and(|hazard| app.sees_hazard(&access.sight(), &hazard)) {
        return Err(ApiError::not_found(format!("there is no hazard {id:?}")));
    }
    let file = export(&app.evidence_sources(), &id, app.clock.now())
        .await
        .map_err(|error| match error {
            ExportError::Unknown(_) => ApiError::not_found(error.to_string()),
            error => {
                tracing::error!(%error, hazard = id, "an evidence bundle could not be made");
                ApiError::unavailable("no_evidence", error.to_string())
            }
        })?;
    let headers = [
        (CONTENT_TYPE, "application/zip".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}.vigil.zip\""),
        ),
    ];
    Ok((headers, file).into_response())
}

/// The public key of this gateway's evidence: keep it elsewhere before you need it.
#[utoipa::path(
    get, path = "/api/v1/evidence/key", tag = "hazards", operation_id = "evidenceKey",
    responses((status = 200, description = "The key.", body = EvidenceKey), Reading),
)]
pub(super) async fn key(State(app): State<App>, NoParams: NoParams) -> Json<EvidenceKey> {
    let key = app.evidence.public();
    Json(EvidenceKey {
        algorithm: "Ed25519",
        public_key: key.to_string(),
        fingerprint: key.fingerprint(),
    })
}

/// Signed heads, one a day: who collects them can prove later that nothing before was changed.
#[utoipa::path(
    get, path = "/api/v1/evidence/heads", tag = "hazards", operation_id = "evidenceHeads",
    params(HeadParams),
    responses((status = 200, description = "The heads.", body = Heads), Reading),
)]
pub(super) async fn list_heads(
    State(app): State<App>,
    Params(params): Params<HeadParams>,
) -> Result<Json<Heads>, ApiError> {
    let from = day("from", params.from.as_deref().unwrap_or("0000-01-01"))?;
    let to = day("to", params.to.as_deref().unwrap_or("9999-12-31"))?;
    let heads = heads(app.desk.reading(), from, to).await.map_err(|error| {
        tracing::error!(%error, "daily heads could not be read");
        ApiError::unavailable("store_unreadable", error.to_string())
    })?;
    Ok(Json(Heads {
        heads: heads
            .into_iter()
            .map(|signed| Head {
                canonical: String::from_utf8_lossy(&signed.head.canonical()).into_owned(),
                day: signed.head.day.to_string(),
                count: signed.head.count,
                root: signed.head.root.to_string(),
                prev: signed.head.prev.to_string(),
                signature: signed.signature,
            })
            .collect(),
    }))
}

fn day<'a>(name: &str, text: &'a str) -> Result<&'a str, ApiError> {
    match text.parse::<jiff::civil::Date>() {
        Ok(_) => Ok(text),
        Err(_) => Err(ApiError::bad_parameter(format!(
            "{name}: {text:?} is no day such as 2026-11-26"
        ))),
    }
}
