//! Nodes.

use super::params::{NoParams, Params};
use super::problem::{ApiError, Missing, Reading};
use super::site::limit;
use crate::app::App;
use crate::people::Access;
use crate::view::{self, Node, NodeFilter, NodePage, NodeState};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Part of `group/node`.
    q: Option<String>,
    /// How it is.
    #[param(inline)]
    state: Option<NodeState>,
    /// In the catalog (`true`) or not (`false`).
    known: Option<bool>,
    /// With (`true`) or without (`false`) something odd about it.
    odd: Option<bool>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<usize>,
}

/// Nodes: alive or not, firmware, journal position, completeness, and what is odd about them in words.
#[utoipa::path(
    get, path = "/api/v1/nodes", tag = "nodes", operation_id = "listNodes",
    params(ListParams),
    responses((status = 200, description = "A page of nodes.", body = NodePage), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<NodePage>, ApiError> {
    let filter = NodeFilter {
        text: params.q,
        state: params.state,
        known: params.known,
        odd: params.odd,
        offset: params.cursor.unwrap_or(0),
        limit: limit(params.limit)?.map_or(0, |limit| limit as usize),
    };
    Ok(Json(view::nodes(&app, &access.sight(), &filter).await?))
}

/// One node.
#[utoipa::path(
    get, path = "/api/v1/nodes/{group}/{node}", tag = "nodes", operation_id = "getNode",
    params(
        ("group" = String, Path, description = "Sparkplug group id."),
        ("node" = String, Path, description = "Sparkplug edge node id."),
    ),
    responses((status = 200, description = "The node.", body = Node), Reading, Missing),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Path((group, node)): Path<(String, String)>,
    NoParams: NoParams,
) -> Result<Json<Node>, ApiError> {
    Ok(Json(view::node(&app, &access.sight(), &group, &node).await?))
}
