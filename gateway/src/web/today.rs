//! 今天要做什么: what the reader must do, and where it is done. The home of who is signed in.

use super::Site;
use super::fault::{Fault, respond};
use super::page::Page;
use crate::view::{self, Worklist};
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::sync::Arc;
use vigil_core::people::Role;

#[derive(Template)]
#[template(path = "today.html")]
struct TodayPage<'p> {
    page: &'p Page,
    work: Worklist,
}

/// `GET /`: who is signed in has work to do; everybody else looks at the site.
pub(crate) async fn home(state: State<Arc<Site>>, page: Page) -> Response {
    if page.session.is_some() {
        Redirect::to("/today").into_response()
    } else {
        super::overview::show(state, page).await
    }
}

/// `GET /today`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let work = view::worklist(&site.app, &page.access.person).await;
    let made = work
        .map_err(Fault::from)
        .map(|work| TodayPage { page: &page, work });
    respond(&page, made)
}

impl TodayPage<'_> {
    /// Where the reader stands in the loop.
    fn why(&self) -> &'static str {
        let pick = |zh, en| self.page.language.pick(zh, en);
        match self.page.access.person.role {
            _ if !self.page.access.signed_in() => pick(
                "未登录：这里列出所有可见的待办；办理请先登录。",
                "Not signed in: all that can be seen is listed; sign in to act.",
            ),
            Role::Site => pick(
                "使用单位：核实、下达、整改、验收一般隐患。",
                "Site: confirm, assign, rectify, accept general hazards.",
            ),
            Role::Maintainer => pick(
                "维保单位：整改交给本单位的隐患，附照片自验。",
                "Maintainer: rectify what your unit was made responsible for, and show it.",
            ),
            Role::InspectionBody => pick(
                "检验机构：核实、验收一般隐患、“回头看”。",
                "Inspection body: confirm, accept general hazards, look back.",
            ),
            Role::Regulator => pick(
                "监察机构：下达、审批延期、挂牌、验收重大隐患、销号、“回头看”、闭环。",
                "Regulator: assign, decide on extensions, list, accept major hazards, strike off, look back, close.",
            ),
            Role::Department => pick(
                "部门：只读；这里列出辖区内逾期与看不到的。",
                "Department: you read; here is what is late in your area, and what cannot be seen.",
            ),
            Role::Administrator => pick(
                "管理员：各环节均可办理，但整改人不得验收。",
                "Administrator: every step, but who rectifies does not accept.",
            ),
        }
    }
}
