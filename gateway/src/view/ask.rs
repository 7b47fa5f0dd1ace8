//! Questions about equipment by its place in the catalog.

use super::ViewError;
use crate::app::App;
use std::sync::Arc;
use vigil_core::Pipeline;

/// Asks the core, if it still works by the catalog this answer is made with: places mean nothing in another.
pub(super) async fn ask<T: Send + 'static>(
    app: &App,
    question: impl FnOnce(&Pipeline) -> T + Send + 'static,
) -> Result<T, ViewError> {
    let catalog = Arc::clone(&app.catalog);
    let answer = app
        .engine
        .query(move |pipeline| Arc::ptr_eq(pipeline.catalog(), &catalog).then(|| question(pipeline)));
    answer.await?.ok_or(ViewError::Reloaded)
}
