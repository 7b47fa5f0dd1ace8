//! Devices that send but are in no catalog, codes nobody has explained, and messages nothing could be made of.

use super::Site;
use super::fault::{Fault, respond};
use super::page::Page;
use crate::view::{self, DeadLetters, Stranger, UnknownCodes};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

/// Devices shown.
const DEVICES: u32 = 200;
/// Unknown codes shown.
const CODES: u32 = 200;
/// Dead letters shown.
const LETTERS: u32 = 50;
/// Metrics shown before the rest is folded away.
const METRICS: usize = 8;

#[derive(Template)]
#[template(path = "unregistered.html")]
struct StrangersPage<'p> {
    page: &'p Page,
    devices: Vec<Stranger>,
    unknown: UnknownCodes,
    letters: DeadLetters,
}

/// `GET /unregistered`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<StrangersPage<'p>, Fault> {
    let devices = view::unregistered(&site.app, DEVICES).await?.devices;
    let unknown = view::unknown_codes(&site.app, CODES).await?;
    let letters = view::dead_letters(&site.app, LETTERS).await?;
    Ok(StrangersPage {
        page,
        devices,
        unknown,
        letters,
    })
}

impl StrangersPage<'_> {
    fn node_path(&self, node: &str) -> String {
        let (group, node) = node.split_once('/').unwrap_or(("", node));
        format!("{}/{}", self.page.segment(group), self.page.segment(node))
    }

    fn few<'s>(&self, device: &'s Stranger) -> &'s [view::Metric] {
        device.metrics.get(..METRICS).unwrap_or(&device.metrics)
    }

    fn more<'s>(&self, device: &'s Stranger) -> &'s [view::Metric] {
        device.metrics.get(METRICS..).unwrap_or_default()
    }
}
