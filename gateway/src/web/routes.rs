//! Routes that know their own names, so that a test can ask who may use each.

use super::Site;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{get, post};
use std::sync::Arc;

/// The pages and forms, and what they are called.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) router: Router<Arc<Site>>,
    pub(super) names: Vec<(&'static str, &'static str)>,
}

impl Routes {
    /// A page.
    pub(super) fn get<H, T>(mut self, route: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Site>>,
        T: 'static,
    {
        self.names.push(("GET", route));
        self.router = self.router.route(route, get(handler));
        self
    }

    /// Where a form is sent.
    pub(super) fn post<H, T>(mut self, route: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Site>>,
        T: 'static,
    {
        self.names.push(("POST", route));
        self.router = self.router.route(route, post(handler));
        self
    }

    /// These too.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.names.extend(others.names);
        self.router = self.router.merge(others.router);
        self
    }
}
