//! One risk point: how it stands, what keeps it in check, and what became of failures.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use crate::desk::risk::{self, number_of};
use crate::view::RiskChange;
use crate::view::risk::{AssessmentView, RiskPointView};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "risk/point.html")]
struct PointPage<'p> {
    page: &'p Page,
    point: RiskPointView,
    history: Vec<AssessmentView>,
    changes: Vec<RiskChange>,
    /// It should have been assessed again by now.
    stale: bool,
    /// Where the equipment's own page is, if it is watched.
    watched: bool,
}

/// `GET /risk/points/{id}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page, id: &str) -> Result<PointPage<'p>, Fault> {
    let today = site.today();
    let desk = &site.app.desk;
    let n = number_of(id).ok_or(Fault::NotFound)?;
    let point = risk::point(desk, &page.access.person, n).await?;
    page.access.in_area(&*point.scope.area);
    let measures = risk::measures_of(desk, n).await?;
    let failures = risk::episodes(desk, n, 50).await?;
    let history = risk::assessments(desk, n, 50).await?;
    let changes = risk::point_changes(desk, n, None, 50).await?;
    let personal = page.access.signed_in();
    let stale = point.reassess_on.is_some_and(|day| day < today);
    let view = RiskPointView::of(&site.app, point, &measures, failures, today, personal);
    Ok(PointPage {
        page,
        stale,
        watched: view
            .equipment
            .as_deref()
            .is_some_and(|id| site.app.catalog.by_id.contains_key(id)),
        point: view,
        history: history
            .into_iter()
            .map(|row| AssessmentView::of(page.scheme, row, personal))
            .collect(),
        changes: changes
            .into_iter()
            .map(|change| RiskChange::of(change, personal))
            .collect(),
    })
}

impl PointPage<'_> {
    /// What a field is called.
    fn field(&self, key: &str) -> &'static str {
        match key {
            "name" => self.page.pick("名称", "name"),
            "place" => self.page.pick("位置", "place"),
            "factor" => self.page.pick("危险因素", "hazard factor"),
            "accident" => self.page.pick("事故类型", "accident type"),
            "basis" => self.page.pick("依据", "basis"),
            "owner" => self.page.pick("责任人", "responsible"),
            "owner_phone" => self.page.pick("责任人电话", "phone"),
            "owner_unit" => self.page.pick("责任单位", "responsible unit"),
            "retired" => self.page.pick("撤销", "retired"),
            _ => "",
        }
    }

    /// What a field said.
    fn said<'s>(&'s self, field: &str, text: &'s Option<String>) -> &'s str {
        match (field, text.as_deref()) {
            (_, None) => self.page.pick("登录后可见", "shown to who is signed in"),
            ("retired", Some("true")) => self.page.pick("是", "yes"),
            ("retired", Some(_)) => self.page.pick("否", "no"),
            (_, Some("")) => "—",
            (_, Some(text)) => text,
        }
    }
}
