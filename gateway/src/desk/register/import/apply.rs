//! Applying a plan: one transaction; whole, or not at all.

use super::super::error::writing;
use super::super::write::{Change, bump, prepare_all, version, write_all};
use super::super::{Act, RegisterError};
use super::plan::{Counts, Plan, plan};
use super::store::{ImportRow, import, unchanged};
use crate::store::Desk;
use vigil_core::calendar::Schedules;
use vigil_core::register::Outcome;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What the plan counted.
    pub counts: Counts,
    /// Rows left out because they cannot be taken.
    pub left_out: u64,
}

/// Times a plan is made again because the register changed meanwhile.
const TRIES: usize = 5;

/// Applies an import that waits; `seen` is the revision that was looked at. Rows that cannot be taken stop all of it
/// unless `without_refused`.
///
/// # Errors
/// It has been decided, its columns were chosen anew meanwhile, or it has rows that cannot be taken; the database cannot be written. Nothing is changed then.
pub async fn apply(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    n: i64,
    seen: Option<i64>,
    without_refused: bool,
) -> Result<Applied, RegisterError> {
    let act = Act {
        source: format!("import:{n}"),
        ..act.clone()
    };
    let kept = import(desk, n).await?;
    unchanged(&kept, seen)?;
    for _ in 0..TRIES {
        // Made outside of the transaction, so that nobody waits while a file is read.
        let made = plan(desk, &act, n).await?;
        if made.counts.refused > 0 && !without_refused {
            return Err(RegisterError::Refused(format!(
                "{} rows cannot be taken as they are; nothing was imported. Correct them, or apply without them",
                made.counts.refused
            )));
        }
        if let Some(applied) = try_apply(desk, &act, schedules, &kept, made).await? {
            return Ok(applied);
        }
    }
    Err(RegisterError::Refused(
        "the register is being changed all the time; nothing was imported. Try again".to_owned(),
    ))
}

async fn try_apply(
    desk: &Desk,
    act: &Act,
    schedules: &Schedules,
    kept: &ImportRow,
    made: Plan,
) -> Result<Option<Applied>, RegisterError> {
    let Plan {
        counts,
        rows,
        version: planned,
        ..
    } = made;
    let left_out = rows.iter().filter(|row| row.is_refused()).count() as u64;
    let changes: Vec<Change> = rows
        .into_iter()
        .filter(|row| !row.is_refused() && row.outcome != Outcome::Unchanged)
        .map(|row| match row.old {
            Some((revision, old)) => (row.id, row.record, revision, Some(old)),
            None => (row.id, row.record, 0, None),
        })
        .collect();
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    if version(connection).await? != planned {
        return Ok(None);
    }
    let prepared = prepare_all(connection, act, schedules, changes).await?;
    write_all(connection, act, &prepared).await?;
    bump(connection).await?;
    let summary = serde_json::json!({"counts": counts, "left_out": left_out}).to_string();
    let done = sqlx::query(
        "UPDATE imports SET state = 'applied', bytes = NULL, decided_at = $2, decided_by = $3, summary = $4 \
         WHERE n = $1 AND state = 'waiting' AND revision = $5",
    )
    .bind(kept.n)
    .bind(act.now.0)
    .bind(&act.actor)
    .bind(summary)
    .bind(kept.revision)
    .execute(&mut *connection)
    .await
    .map_err(writing("an import"))?;
    if done.rows_affected() != 1 {
        return Err(RegisterError::Refused(format!(
            "import {} has been decided or its columns chosen anew meanwhile; nothing was imported",
            kept.n
        )));
    }
    write.commit().await?;
    act.tell(
        prepared
            .iter()
            .map(|(one, _)| (one.id.clone(), one.scope()))
            .collect(),
    );
    Ok(Some(Applied { counts, left_out }))
}
