//! What is sent to the unit: a notice on one sheet of paper.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use super::DayLeft;
use crate::view::supervision::{SupervisionDetail, supervision_case};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "supervision/notice.html")]
struct NoticePage<'p> {
    page: &'p Page,
    detail: SupervisionDetail,
    unit: Option<String>,
    deadline: Option<DayLeft>,
    issued: DayLeft,
}

/// `GET /supervision/{id}/notice`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page, id: &str) -> Result<NoticePage<'p>, Fault> {
    let id = id.parse().map_err(|_| Fault::NotFound)?;
    let reader = site.reader(page);
    let detail = supervision_case(&site.app, id, &reader).await?;
    let unit = match &detail.case.unit {
        Some(code) => Some(site.unit_name(code).await?),
        None => None,
    };
    Ok(NoticePage {
        page,
        unit,
        deadline: detail.case.deadline.map(|at| site.day_left(at.0)),
        issued: site.day_left(detail.case.issued_at.0),
        detail,
    })
}
