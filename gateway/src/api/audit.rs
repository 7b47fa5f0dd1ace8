//! What was done, and what of people was read.

use super::params::{NoParams, Params};
use super::problem::{ApiError, Reading};
use super::site::limit;
use crate::app::App;
use crate::desk::listing::cut;
use crate::people::{Access, AuditFilter, Chain, Entry};
use crate::view::{Time, ViewError};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Entries shown when no limit is given.
const DEFAULT_LIMIT: u32 = 100;

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditEntry {
    /// Number, from 1 without holes.
    seq: i64,
    /// When.
    at: Time,
    /// Who; empty: nobody who is known.
    login: String,
    /// Key of his role.
    role: String,
    /// `session`, `token:ID`, `admin_token` or `none`.
    via: String,
    /// Where from; empty if unknown.
    address: String,
    /// HTTP method.
    method: String,
    /// Template of the address.
    route: String,
    /// What it was about.
    object: String,
    /// GB/T 2260 code of that; empty when it has none.
    area: String,
    /// HTTP status of the answer.
    status: u16,
    /// Hash of the entry before.
    prev: String,
    /// Hash of this one.
    hash: String,
}

/// A page of the audit log, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditPage {
    /// The entries.
    entries: Vec<AuditEntry>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    next: Option<i64>,
}

/// Whether the audit log is what was written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditChain {
    /// Every entry is there, in its place, and says what it said.
    whole: bool,
    /// Entries, when it is whole.
    entries: Option<u64>,
    /// Hash of the last, when it is whole.
    head: Option<String>,
    /// The first entry that does not fit.
    broken_at: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Of this login.
    login: Option<String>,
    /// About this: a login, an equipment or hazard id.
    object: Option<String>,
    /// Only what changed something (`true`), only reads (`false`).
    writes: Option<bool>,
    /// At or after.
    from: Option<Time>,
    /// Before.
    to: Option<Time>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let deed = entry.deed;
        Self {
            seq: entry.seq,
            at: deed.at.into(),
            login: deed.login,
            role: deed.role,
            via: deed.via,
            address: deed.address,
            method: deed.method,
            route: deed.route,
            object: deed.object,
            area: deed.area,
            status: deed.status,
            prev: entry.prev,
            hash: entry.hash,
        }
    }
}

/// The audit log, latest first: all of it for administrators, what happened in his areas for a regulator.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "people", operation_id = "listAudit",
    params(ListParams),
    responses((status = 200, description = "A page of the log.", body = AuditPage), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<AuditPage>, ApiError> {
    let limit = limit(params.limit)?.unwrap_or(DEFAULT_LIMIT);
    let filter = AuditFilter {
        login: params.login,
        object: params.object,
        writes: params.writes,
        from: params.from.map(|at| at.0),
        to: params.to.map(|at| at.0),
        before: params.cursor,
    };
    let found = app.people.audit(&access.person, &filter, limit + 1).await;
    let (entries, next) = cut(found.map_err(ViewError::from)?, limit, |last| last.seq);
    Ok(Json(AuditPage {
        entries: entries.into_iter().map(AuditEntry::from).collect(),
        next,
    }))
}

/// Reads the whole audit log and checks that each entry is sealed by the next.
#[utoipa::path(
    get, path = "/api/v1/audit/chain", tag = "people", operation_id = "checkAudit",
    responses((status = 200, description = "Whether it holds.", body = AuditChain), Reading),
)]
pub(super) async fn chain(State(app): State<App>, NoParams: NoParams) -> Result<Json<AuditChain>, ApiError> {
    let chain = app.people.audit_chain().await.map_err(ViewError::from)?;
    Ok(Json(match chain {
        Chain::Whole { entries, head } => AuditChain {
            whole: true,
            entries: Some(entries),
            head: Some(head),
            broken_at: None,
        },
        Chain::Broken { at } => AuditChain {
            whole: false,
            entries: None,
            head: None,
            broken_at: Some(at),
        },
    }))
}
