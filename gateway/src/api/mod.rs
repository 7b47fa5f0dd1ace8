//! REST under `/api/v1`, the event stream, the description of both, and what operation needs.
//!
//! ```text
//! request ─► guard (limits, headers, problems) ─► gate (who, may he) ─► handler ─► view::* or engine.act ─► JSON
//! ```
//! A handler takes [`crate::people::Access`]; who may ask for what stands in [`crate::people::rules`].

mod accessories;
mod account;
mod alarms;
mod answer;
mod attachments;
mod audit;
mod calendar;
mod contact;
mod docs;
mod duty;
mod equipment;
mod events;
mod evidence;
mod export;
mod files;
mod gate;
mod guard;
mod hazard_steps;
mod hazards;
mod health;
mod imports;
mod lists;
mod nodes;
mod operation;
mod outbox;
mod params;
mod problem;
mod register;
mod risk;
mod site;
mod statistics;
mod supervision;
mod units;
mod users;
mod worklist;

pub(crate) use answer::attachment;
pub(crate) use files::send;
pub use problem::{ApiError, Problem};

use crate::app::App;
use crate::view::nearest;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;
use axum::{Extension, Router};
use docs::{Document, Frame};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Everything under `/api`, `/docs`, `/healthz`, `/readyz` and `/metrics`. Has no fallback of its own outside
/// `/api`: merge the pages beside it.
pub fn router(app: App) -> Router {
    let (routes, mut description) = described().split_for_parts();
    let (files, of_files) = with_files().split_for_parts();
    description.merge(of_files);
    let (attachments, of_attachments) = with_attachments().split_for_parts();
    description.merge(of_attachments);
    export::describe(&mut description);
    let paths: Vec<String> = description.paths.paths.keys().cloned().collect();
    let lost = any(move |request: Request| async move { not_found(request.uri().path(), &paths) });
    let routes = routes
        .layer(Extension(Document::of(&description)))
        .layer(from_fn_with_state(app.clone(), gate::pass))
        .layer(from_fn_with_state(app.clone(), export::pass))
        .route("/api", lost.clone())
        .route("/api/", lost.clone())
        .route("/api/{*rest}", lost)
        .with_state(app.clone());
    let files = files
        .layer(from_fn_with_state(app.clone(), gate::pass))
        .with_state(app.clone());
    let attachments = attachments
        .layer(from_fn_with_state(app.clone(), gate::pass))
        .with_state(app);
    guard::guard(routes.merge(docs::swagger()), files, attachments)
}

/// The description of all routes.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut description = described().into_openapi();
    description.merge(with_files().into_openapi());
    description.merge(with_attachments().into_openapi());
    export::describe(&mut description);
    description
}

/// Routes that take a file, or work through one.
fn with_files() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(imports::send))
        .routes(routes!(imports::one, imports::choose, imports::discard))
        .routes(routes!(imports::apply))
        .routes(routes!(imports::report))
        .route_layer(from_fn(guard::heavy()))
}

/// Routes of photos and documents.
fn with_attachments() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(attachments::upload))
        .routes(routes!(attachments::one))
        .route_layer(from_fn(guard::heavy()))
}

fn described() -> OpenApiRouter<App> {
    let long = OpenApiRouter::new()
        .routes(routes!(equipment::trend))
        .routes(routes!(hazards::one))
        .routes(routes!(audit::chain))
        .routes(routes!(evidence::bundle))
        .routes(routes!(lists::file_content))
        .routes(routes!(lists::snapshot_content))
        .routes(routes!(lists::check_snapshot))
        .routes(routes!(duty::export))
        .route_layer(from_fn(guard::heavy()));
    OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(site::overview))
        .routes(routes!(worklist::worklist))
        .routes(routes!(equipment::list))
        .routes(routes!(equipment::one))
        .routes(routes!(hazards::list, hazards::report))
        .routes(routes!(hazards::act))
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::events))
        .routes(routes!(alarms::act))
        .routes(routes!(nodes::list))
        .routes(routes!(nodes::one))
        .routes(routes!(evidence::key))
        .routes(routes!(evidence::list_heads))
        .routes(routes!(events::events))
        .routes(routes!(site::unregistered))
        .routes(routes!(site::unknown_codes))
        .routes(routes!(site::dead_letters))
        .routes(routes!(site::rules))
        .routes(routes!(operation::reload))
        .routes(routes!(register::list, register::create))
        .routes(routes!(register::fields))
        .routes(routes!(register::template))
        .routes(routes!(register::findings))
        .routes(routes!(register::one, register::change))
        .routes(routes!(register::history))
        .routes(routes!(accessories::list, accessories::add))
        .routes(routes!(accessories::change, accessories::remove))
        .routes(routes!(units::list, units::create))
        .routes(routes!(units::one, units::change))
        .routes(routes!(contact::unit))
        .routes(routes!(contact::equipment))
        .routes(routes!(units::certificates, units::add_certificate))
        .routes(routes!(units::change_certificate))
        .routes(routes!(imports::list))
        .routes(routes!(lists::describe))
        .routes(routes!(lists::page))
        .routes(routes!(lists::export))
        .routes(routes!(lists::freeze))
        .routes(routes!(lists::files))
        .routes(routes!(lists::file, lists::cancel_file))
        .routes(routes!(lists::list_snapshots))
        .routes(routes!(lists::one_snapshot))
        .routes(routes!(duty::list))
        .routes(routes!(duty::one, duty::write))
        .routes(routes!(duty::sign))
        .routes(routes!(duty::correct))
        .routes(routes!(calendar::list))
        .routes(routes!(calendar::coverage))
        .routes(routes!(risk::points::list, risk::points::create))
        .routes(routes!(risk::points::one, risk::points::change))
        .routes(routes!(risk::points::assessments, risk::points::assess))
        .routes(routes!(risk::changes::list))
        .routes(routes!(risk::measures::add))
        .routes(routes!(risk::measures::list))
        .routes(routes!(risk::measures::one, risk::measures::change))
        .routes(routes!(risk::measures::checks, risk::measures::check))
        .routes(routes!(risk::ranks::equipment))
        .routes(routes!(risk::ranks::units))
        .routes(routes!(risk::ranks::map))
        .routes(routes!(risk::ranks::scheme))
        .routes(routes!(supervision::list, supervision::issue))
        .routes(routes!(supervision::export))
        .routes(routes!(supervision::rules))
        .routes(routes!(supervision::one))
        .routes(routes!(supervision::act))
        .routes(routes!(statistics::one))
        .routes(routes!(statistics::export))
        .routes(routes!(account::account))
        .routes(routes!(account::password))
        .routes(routes!(account::sessions))
        .routes(routes!(account::end_session))
        .routes(routes!(account::tokens, account::add_token))
        .routes(routes!(account::revoke_token))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::one, users::change))
        .routes(routes!(users::set_password))
        .routes(routes!(audit::list))
        .routes(routes!(outbox::sinks))
        .routes(routes!(outbox::list))
        .routes(routes!(outbox::act))
        .routes(routes!(docs::openapi))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .merge(long)
}

fn not_found(path: &str, paths: &[String]) -> ApiError {
    let near = nearest(path.trim_end_matches('/'), paths.iter().map(String::as_str));
    let detail = match near {
        Some(near) => format!("there is nothing at {path}; did you mean {near}?"),
        None => format!("there is nothing at {path}; the addresses are described at /docs/"),
    };
    ApiError::not_found(detail).suggest(near.map(str::to_owned))
}
