//! What the clock does to cases: reminders, lateness, escalation; and what a crash left to be told.

use super::read::{WHAT, by_id};
use super::write::put;
use super::{CasesError, settle_all};
use crate::app::App;
use crate::desk::{read, write};
use crate::store::Desk;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use vigil_core::supervision::next;
use vigil_core::supervision::policy::SupervisionPolicy;
use vigil_protocol::time::UtcMillis;

/// Between two looks at the clock.
const EVERY_MS: i64 = 60_000;
/// Cases looked at in one transaction.
const AT_ONCE: i64 = 100;

/// Writes what the clock says of every case by `now`. Returns how many events that were.
///
/// # Errors
/// The database cannot be read or written.
pub async fn tick(desk: &Desk, now: UtcMillis, policy: &SupervisionPolicy) -> Result<u64, CasesError> {
    let mut said = 0;
    loop {
        let waits: Option<i64> =
            sqlx::query_scalar("SELECT id FROM cases WHERE next_at <= $1 ORDER BY next_at LIMIT 1")
                .bind(now.0)
                .fetch_optional(desk.reading())
                .await
                .map_err(read(WHAT))?;
        if waits.is_none() {
            return Ok(said);
        }
        let mut transaction = desk.begin().await?;
        let connection = transaction.connection()?;
        let ids: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM cases WHERE next_at <= $1 ORDER BY next_at LIMIT $2")
                .bind(now.0)
                .bind(AT_ONCE)
                .fetch_all(&mut *connection)
                .await
                .map_err(read(WHAT))?;
        for id in ids {
            let Some((mut stored, _)) = by_id(connection, id).await? else {
                continue;
            };
            while let Some((at, kind)) = next(&stored.case, policy).filter(|(at, _)| *at <= now) {
                let (event, case) = stored.case.told(at, kind)?;
                put(connection, id, &event, &case, policy).await?;
                stored.case = case;
                said += 1;
            }
        }
        transaction.commit().await?;
    }
}

/// Works out anew what every case waits for, by another policy. Returns how many wait for something else now.
///
/// # Errors
/// The database cannot be read or written.
pub async fn replan(desk: &Desk, policy: &SupervisionPolicy) -> Result<u64, CasesError> {
    let (mut after, mut changed) = (0_i64, 0);
    loop {
        let mut transaction = desk.begin().await?;
        let connection = transaction.connection()?;
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM cases WHERE id > $1 AND (open OR next_at IS NOT NULL) ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut *connection)
        .await
        .map_err(read(WHAT))?;
        let Some(last) = ids.last() else {
            return Ok(changed);
        };
        after = *last;
        for id in ids {
            let Some((stored, _)) = by_id(connection, id).await? else {
                continue;
            };
            changed += sqlx::query("UPDATE cases SET next_at = $2 WHERE id = $1 AND next_at IS NOT $2")
                .bind(id)
                .bind(next(&stored.case, policy).map(|(at, _)| at.0))
                .execute(&mut *connection)
                .await
                .map_err(write(WHAT))?
                .rows_affected();
        }
        transaction.commit().await?;
    }
}

/// Does so until `stopping`; by other rules as soon as they are in force.
pub async fn keep(app: App, stopping: CancellationToken) {
    let mut changes = app.rules.watch();
    let mut planned: Option<Arc<SupervisionPolicy>> = None;
    loop {
        let (now, rules) = (app.clock.now(), app.rules.now());
        let policy = &rules.supervision;
        let done = async {
            // At a start, too: the rules may have been changed since the last one.
            if planned.as_ref() != Some(policy) {
                replan(&app.desk, policy).await?;
                planned = Some(Arc::clone(policy));
            }
            settle_all(&app).await?;
            tick(&app.desk, now, policy).await
        };
        if let Err(error) = done.await {
            tracing::error!(%error, "supervision: the clock's work was not finished; it is tried again in a minute");
        }
        tokio::select! {
            () = app.clock.reach(now.saturating_add_ms(EVERY_MS)) => {}
            () = changes.next() => {}
            () = stopping.cancelled() => return,
        }
    }
}
