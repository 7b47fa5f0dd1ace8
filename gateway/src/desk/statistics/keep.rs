//! Keeps the sums up to date while the gateway runs.

use super::{count_changed, watch};
use crate::app::App;
use crate::desk::{day_of, today};
use crate::store::StoreError;
use jiff::civil::Date;
use std::sync::Arc;
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;
use vigil_core::catalog::Catalog;

/// Between two looks at what has changed.
const EVERY_MS: i64 = 5_000;
/// Between two looks at how much of today was watched.
const WATCH_MS: i64 = 60_000;
/// Days looked back on: what comes later fills their gaps.
const BACK_DAYS: i32 = 7;

/// Counts and looks until `stopping`.
pub async fn keep(mut app: App, catalog: channel::Receiver<Arc<Catalog>>, stopping: CancellationToken) {
    let mut watched = None;
    let mut looked_back: Option<Date> = None;
    loop {
        app.catalog = Arc::clone(&catalog.borrow());
        let now = app.clock.now();
        let counted = count_all(&app, &stopping).await;
        let mut done = counted;
        if watched.is_none_or(|at| now.since(at) >= WATCH_MS) {
            watched = Some(now);
            let day = today(&app.clock, &app.config.web.timezone);
            let whole = looked_back != Some(day);
            done = done.and(look(&app, day, if whole { BACK_DAYS } else { 0 }).await);
            if whole && done.is_ok() {
                looked_back = Some(day_of(now, &app.config.web.timezone));
            }
        }
        if let Err(error) = done {
            tracing::error!(%error, "statistics: not everything was counted; it is tried again");
        }
        tokio::select! {
            () = app.clock.reach(now.saturating_add_ms(EVERY_MS)) => {}
            () = stopping.cancelled() => return,
        }
    }
}

async fn count_all(app: &App, stopping: &CancellationToken) -> Result<(), StoreError> {
    let (policy, timezone) = (app.engine.policy(), &app.config.web.timezone);
    while !stopping.is_cancelled() && count_changed(&app.desk, &policy, timezone).await? > 0 {
        // Others of the desk write in between.
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn look(app: &App, today: Date, back: i32) -> Result<(), StoreError> {
    for days in (0..=back).rev() {
        let day = today.checked_sub(jiff::Span::new().days(days)).unwrap_or(today);
        watch(app, day).await?;
    }
    Ok(())
}
