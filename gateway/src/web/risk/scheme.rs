//! How risks are graded and ranked, with where each number comes from.

use super::super::fault::respond;
use super::super::page::Page;
use crate::view::risk::{SchemeView, risk_scheme};
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "risk/scheme.html")]
struct SchemePage<'p> {
    page: &'p Page,
    scheme: SchemeView,
}

/// `GET /risk/scheme`
pub(crate) async fn show(page: Page) -> Response {
    respond(
        &page,
        Ok(SchemePage {
            page: &page,
            scheme: risk_scheme(page.scheme),
        }),
    )
}
