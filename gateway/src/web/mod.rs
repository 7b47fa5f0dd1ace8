//! The pages: rendered on the server, in Chinese and English, complete without scripts.
//!
//! ```text
//! request ─► gate (who, may he) ─► Page (reader, language, zone) ─┐
//!                                  view::* (what there is to say) ─┴─► template ─► HTML
//! ```
//! Every page serves one of three reasons and says at the top which: something is wrong now, there is
//! work to do, something must be proven. Colour means abnormal and nothing else.

mod account;
mod alarms;
mod assets;
mod audit;
mod bars;
pub mod chart;
mod duty;
mod equipment;
mod equipment_list;
mod fault;
mod format;
mod gate;
mod hazard;
mod hazards;
mod inputs;
mod lists;
mod markup;
mod nodes;
mod overview;
mod page;
mod parts;
mod register;
mod report;
mod risk;
mod routes;
mod rules;
mod sent;
mod sign_in;
mod spark;
mod statistics;
mod strangers;
mod supervision;
mod table;
mod terms;
mod today;
mod trends;
mod users;
pub mod words;

use crate::app::{App, attachments};
use crate::view::Card;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, SET_COOKIE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Redirect, Response};
use axum::routing::get;
use jiff::tz::TimeZone;
use page::{LANGUAGE_COOKIE, Page};
use routes::Routes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use vigil_core::pack::RuleKind;
use words::Language;

/// Largest form, bytes.
const MAX_FORM: usize = 64 * 1024;
/// Largest form with a file, bytes: the file and what is around it.
const MAX_FILE: usize = (16 << 20) + MAX_FORM;
/// Largest form with what shows a step, bytes: two files of the largest size, or a few photos.
const MAX_EVIDENCE: usize = 2 * attachments::MAX_SIZE + MAX_FORM;
/// Reading a file and comparing it with the register takes its time.
const FILE_TIMEOUT: Duration = Duration::from_secs(120);
/// An answer must begin within this time.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Pages with charts made at the same time; others wait.
const HEAVY: usize = 4;

/// What the pages share.
#[derive(Debug)]
struct Site {
    app: App,
    zone: TimeZone,
    /// Files of forms that may be taken in at the same time.
    uploads: Semaphore,
}

impl Site {
    /// Whether a rule of a piece of equipment compares one quantity with a limit.
    fn is_limit(&self, id: &str, rule: &str) -> bool {
        let equipment = self
            .app
            .catalog
            .by_id
            .get(id)
            .and_then(|ix| self.app.catalog.equipment.get(ix.0 as usize));
        equipment.is_some_and(|one| {
            one.rules
                .iter()
                .any(|known| &*known.id == rule && matches!(known.kind, RuleKind::Limit { .. }))
        })
    }

    /// Who a piece of equipment is, if the catalog has it and the reader sees it.
    fn card(&self, page: &Page, id: &str) -> Option<Card> {
        let ix = self.app.catalog.by_id.get(id)?;
        let equipment = self.app.catalog.equipment.get(ix.0 as usize);
        equipment
            .filter(|one| self.app.sees_one(&page.sight(), one))
            .map(Card::from)
    }
}

/// The pages; whatever no other route takes ends here, on a page that says so.
pub fn router(app: App) -> Router {
    // The configuration was checked; a zone that is gone since then shows as UTC, and says so.
    let zone = TimeZone::get(&app.config.web.timezone).unwrap_or(TimeZone::UTC);
    let site = Arc::new(Site {
        app,
        zone,
        uploads: Semaphore::new(HEAVY),
    });
    let pages = pages()
        .router
        .fallback(async |page: Page| fault::Fault::NotFound.respond(&page))
        .layer(from_fn_with_state(Arc::clone(&site), gate::pass))
        .layer(from_fn(finish))
        .with_state(Arc::clone(&site));
    let steps = steps()
        .router
        .layer(from_fn_with_state(Arc::clone(&site), gate::pass))
        .layer(from_fn(finish))
        .with_state(Arc::clone(&site))
        .layer(DefaultBodyLimit::max(MAX_EVIDENCE))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            FILE_TIMEOUT,
        ));
    let files = files()
        .router
        .layer(from_fn_with_state(Arc::clone(&site), gate::pass))
        .layer(from_fn(finish))
        .with_state(site)
        .layer(DefaultBodyLimit::max(MAX_FILE))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            FILE_TIMEOUT,
        ));
    Router::new()
        .route("/assets/{name}", get(assets::serve))
        .merge(pages)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            TIMEOUT,
        ))
        .merge(files)
        .merge(steps)
        .layer(CompressionLayer::new())
}

/// What a reload of a refused form asks for.
async fn back_to_card(page: Page, Path(id): Path<String>) -> Redirect {
    Redirect::to(&format!("/register/{}", page.segment(&id)))
}

async fn back_to_unit(page: Page, Path(code): Path<String>) -> Redirect {
    Redirect::to(&format!("/units/{}", page.segment(&code)))
}

async fn back_to_import(page: Page, Path(n): Path<String>) -> Redirect {
    Redirect::to(&format!("/imports/{}", page.segment(&n)))
}

/// Every route of the pages, as method and template; each has a line in [`crate::people::rules`].
#[must_use]
pub fn routes() -> Vec<(&'static str, &'static str)> {
    let mut names = pages().names;
    names.extend(files().names);
    names.extend(steps().names);
    names.push(("GET", "/assets/{name}"));
    names
}

fn pages() -> Routes {
    let mut long = Routes::default()
        .get("/equipment/{id}", equipment::show)
        .get("/hazards/{id}", hazard::show);
    // These read long stretches of the log: they must not take what the flow of messages needs.
    let permits = Arc::new(Semaphore::new(HEAVY));
    long.router = long.router.layer(from_fn(move |request, next: Next| {
        one_of(Arc::clone(&permits), request, next)
    }));
    long.and(Routes::default())
        .get("/", today::home)
        .get("/today", today::show)
        .get("/overview", overview::show)
        .get("/alarms", alarms::show)
        .get("/alarms/{equipment}/{rule}/actions", async || {
            Redirect::to("/alarms")
        })
        .post("/alarms/{equipment}/{rule}/actions", alarms::act)
        .get("/equipment", equipment_list::show)
        .get("/hazards", hazards::show)
        .get("/hazards.csv", hazards::export)
        .get("/nodes", nodes::list)
        .get("/nodes/{group}/{node}", nodes::show)
        .get("/unregistered", strangers::show)
        .get("/rules", rules::show)
        .get("/sign-in", sign_in::form)
        .post("/sign-in", sign_in::enter)
        .get("/sign-out", async || Redirect::to("/sign-in"))
        .post("/sign-out", sign_in::leave)
        .and(register())
        .and(risk::routes())
        .and(supervised())
        .and(four_lists())
        .and(people())
}

/// The register of equipment, units, what is due.
fn register() -> Routes {
    Routes::default()
        .get("/register", register::show)
        .get("/register/new", register::edit::new)
        .post("/register/new", register::edit::create)
        .get("/register/template.xlsx", register::imports::template)
        .get("/register/{id}", register::card::show)
        .get("/register/{id}/edit", register::edit::show)
        .post("/register/{id}/edit", register::edit::change)
        .get("/register/{id}/contact", back_to_card)
        .post("/register/{id}/contact", register::contact::equipment)
        .get("/register/{id}/accessories", back_to_card)
        .post("/register/{id}/accessories", register::card::add_accessory)
        .get("/units", register::units::list)
        .get("/units/new", register::units::new)
        .post("/units/new", register::units::create)
        .get("/units/{code}", register::units::show)
        .post("/units/{code}", register::units::change)
        .get("/units/{code}/contact", back_to_unit)
        .post("/units/{code}/contact", register::contact::unit)
        .get("/units/{code}/certificates", back_to_unit)
        .post("/units/{code}/certificates", register::units::add_certificate)
        .get("/calendar", register::calendar::show)
        .get("/coverage", register::calendar::coverage)
}

/// Supervision and statistics.
fn supervised() -> Routes {
    Routes::default()
        .get("/supervision", supervision::show)
        .get("/supervision/new", supervision::new::show)
        .post("/supervision/new", supervision::new::issue)
        .get("/supervision/export.csv", supervision::as_csv)
        .get("/supervision/export.xlsx", supervision::as_xlsx)
        .get("/supervision/{id}", supervision::case::show)
        .get("/supervision/{id}/notice", supervision::notice::show)
        .get("/supervision/{id}/actions", supervision::case::back)
        .get("/statistics", statistics::show)
        .get("/statistics/export.csv", statistics::export)
}

/// The four lists, daily control.
fn four_lists() -> Routes {
    Routes::default()
        .get("/lists", lists::show)
        .get("/lists/{id}", lists::live::show)
        .get("/lists/{id}/files", lists::live::back)
        .post("/lists/{id}/files", lists::live::export)
        .get("/lists/{id}/snapshots", lists::live::back)
        .post("/lists/{id}/snapshots", lists::live::freeze)
        .get("/list-files", lists::files::list)
        .get("/list-files/{id}", lists::files::show)
        .get("/list-files/{id}/content", lists::files::content)
        .get("/list-files/{id}/cancel", lists::files::back)
        .post("/list-files/{id}/cancel", lists::files::stop)
        .get("/list-snapshots", lists::frozen::list)
        .get("/list-snapshots/{id}", lists::frozen::show)
        .get("/list-snapshots/{id}/content", lists::frozen::content)
        .get("/duty", duty::list)
        .get("/duty/table", duty::table)
        .get("/duty/{id}", duty::show)
        .post("/duty/{id}", duty::write)
        .get("/duty/{id}/corrections", duty::back)
        .post("/duty/{id}/corrections", duty::correct)
}

/// Steps people take, with what shows them.
fn steps() -> Routes {
    Routes::default()
        .get("/hazards/new", report::form)
        .post("/hazards/new", report::send)
        .get("/hazards/{id}/actions", hazard::back)
        .post("/hazards/{id}/actions", hazard::act)
}

/// What takes a file, or works through one: a few at a time.
fn files() -> Routes {
    let mut files = Routes::default()
        .get("/imports", register::imports::list)
        .post("/imports", register::imports::send)
        .post("/list-snapshots/identify", lists::frozen::look_at)
        .get("/imports/{id}", register::imports::show)
        .get("/imports/{id}/report.xlsx", register::imports::report)
        .get("/imports/{id}/columns", back_to_import)
        .post("/imports/{id}/columns", register::imports::choose)
        .get("/imports/{id}/apply", back_to_import)
        .post("/imports/{id}/apply", register::imports::apply)
        .post("/supervision/{id}/actions", supervision::case::act);
    let permits = Arc::new(Semaphore::new(HEAVY));
    files.router = files.router.layer(from_fn(move |request, next: Next| {
        one_of(Arc::clone(&permits), request, next)
    }));
    files
}

/// One's own account, users, the audit log.
fn people() -> Routes {
    Routes::default()
        .get("/account", account::show)
        .post("/account/password", account::password)
        .post("/account/language", account::language)
        .post("/account/sessions", account::end_session)
        .post("/account/tokens", account::add_token)
        .post("/account/tokens/revoke", account::revoke_token)
        .get("/users", users::list)
        .post("/users", users::add)
        .get("/users/new", users::new)
        .get("/users/{login}", users::show)
        .post("/users/{login}", users::change)
        .post("/users/{login}/password", users::set_password)
        .get("/audit", audit::show)
}

/// Waits for one of a few permits.
async fn one_of(permits: Arc<Semaphore>, request: Request, next: Next) -> Response {
    // Never closed: there is always a permit to come.
    let _permit = permits.acquire_owned().await;
    next.run(request).await
}

/// Nothing but our own files may run, frame or be loaded; a chosen language is remembered.
async fn finish(request: Request, next: Next) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
        connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let chosen = request.uri().query().and_then(|query| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("lang="))
            .and_then(Language::from_key)
    });
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    // What is shown is true now only, and for this reader only.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Cookie, Accept-Language"));
    if let Some(language) = chosen {
        let cookie = format!(
            "{LANGUAGE_COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
            language.key()
        );
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
    response
}
