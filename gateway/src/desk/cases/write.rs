//! Issuing a case and taking a step: one transaction each.

use super::read::{WHAT, by_id, hazards};
use super::{CasesError, StoredCase};
use crate::desk::{read, write};
use crate::store::{Desk, StoreError};
use sqlx::{Row as _, SqliteConnection};
use vigil_core::hazard::HazardStatus;
use vigil_core::output::Refusal;
use vigil_core::people::{Person, Scope};
use vigil_core::supervision::policy::SupervisionPolicy;
use vigil_core::supervision::{
    Asking, Case, CaseEvent, CaseKind, CaseStatus, CaseStep, Order, issue as decide, next, numbering, step,
};
use vigil_protocol::time::UtcMillis;

/// Who issues what.
#[derive(Clone, Copy, Debug)]
pub struct Issue<'a> {
    /// Who.
    pub person: &'a Person,
    /// What.
    pub order: &'a Order,
    /// The client's name for the request and a hash of it: it is done once, however often it is sent.
    pub key: Option<(&'a str, &'a str)>,
    /// Now.
    pub now: UtcMillis,
    /// The rules.
    pub policy: &'a SupervisionPolicy,
}

/// What a request with this key made, if it has been done.
pub(super) async fn done_before(
    desk: &Desk,
    key: Option<(&str, &str)>,
) -> Result<Option<StoredCase>, CasesError> {
    let mut connection = desk.reading().acquire().await.map_err(read(WHAT))?;
    made(&mut connection, key).await
}

async fn made(
    connection: &mut SqliteConnection,
    key: Option<(&str, &str)>,
) -> Result<Option<StoredCase>, CasesError> {
    let Some((key, hash)) = key else { return Ok(None) };
    let row = sqlx::query("SELECT hash, case_id FROM case_requests WHERE key = $1")
        .bind(key)
        .fetch_optional(&mut *connection)
        .await
        .map_err(read(WHAT))?;
    match row {
        None => Ok(None),
        Some(row) if row.get::<&str, _>("hash") == hash => {
            let found = by_id(connection, row.get("case_id")).await?;
            Ok(found.map(|(stored, _)| stored))
        }
        Some(_) => Err(CasesError::KeyReused),
    }
}

/// Issues a case. Its number is drawn in the transaction that writes it: none is lost, none is given twice. What its
/// hazards' loops must be told is written with it; tell them with [`super::settle`].
///
/// # Errors
/// The rules do not allow it; a hazard is listed already; the key was used for something else; the database.
pub async fn issue(desk: &Desk, asked: &Issue<'_>) -> Result<StoredCase, CasesError> {
    let (person, order, now, policy) = (asked.person, asked.order, asked.now, asked.policy);
    let mut transaction = desk.begin().await?;
    let connection = transaction.connection()?;
    if let Some(done) = made(connection, asked.key).await? {
        return Ok(done);
    }
    let numbering = numbering(order, now, policy);
    let n: i64 = sqlx::query_scalar(
        "INSERT INTO case_series (series, last) VALUES ($1, 1) \
         ON CONFLICT (series) DO UPDATE SET last = last + 1 RETURNING last",
    )
    .bind(&numbering.series)
    .fetch_one(&mut *connection)
    .await
    .map_err(write(WHAT))?;
    let number = numbering.number(n.unsigned_abs()).into();
    let asking = Asking {
        person,
        scope: &order.scope,
        text: "",
        open_hazards: &[],
        now,
        policy,
    };
    let (event, case) = decide(order, number, &asking)?;
    let id = sqlx::query(
        "INSERT INTO cases (number, kind, level, status, open, overdue, issued_at, unit, equipment, use_unit, \
         maintenance_unit, inspection_body, area, events, head, fold) \
         VALUES ($1, $2, $3, '', 1, 0, $4, $5, $6, $7, $8, $9, $10, 0, '', '')",
    )
    .bind(&*case.number)
    .bind(order.kind.key())
    .bind(&*order.level)
    .bind(case.issued_at.0)
    .bind(order.subject.unit.as_deref())
    .bind(order.subject.equipment.as_deref())
    .bind(order.scope.use_unit.as_deref())
    .bind(order.scope.maintenance_unit.as_deref())
    .bind(order.scope.inspection_body.as_deref())
    .bind(&*order.scope.area)
    .execute(&mut *connection)
    .await
    .map_err(write(WHAT))?
    .last_insert_rowid();
    let lists = order.kind == CaseKind::Listed;
    for hazard in &order.subject.hazards {
        let added = sqlx::query(
            "INSERT INTO case_hazards (hazard, case_id, live, state) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(&*hazard.0)
        .bind(id)
        .bind(lists)
        .bind(if lists { "listing" } else { "named" })
        .execute(&mut *connection)
        .await
        .map_err(write(WHAT))?;
        if added.rows_affected() == 0 {
            let mut refusal = Refusal::new(
                "already_listed",
                format!(
                    "hazard {} is listed by another case already, or named twice",
                    hazard.0
                ),
                format!("隐患 {} 已由其他督办事项挂牌，或重复填写", hazard.0),
            );
            refusal.hazard = Some(hazard.clone());
            return Err(refusal.into());
        }
    }
    put(connection, id, &event, &case, policy).await?;
    if let Some((key, hash)) = asked.key {
        sqlx::query("INSERT INTO case_requests (key, at, hash, case_id) VALUES ($1, $2, $3, $4)")
            .bind(key)
            .bind(now.0)
            .bind(hash)
            .bind(id)
            .execute(&mut *connection)
            .await
            .map_err(write(WHAT))?;
    }
    transaction.commit().await?;
    Ok(StoredCase { id, case })
}

/// Takes a step; `seen` is how many events the case had when the person looked (`None`: it does not matter).
///
/// # Errors
/// There is no such case in scope; somebody was faster; the rules do not allow it; the database.
pub async fn take(
    desk: &Desk,
    (person, id, seen): (&Person, i64, Option<u32>),
    (asked, text): (&CaseStep, &str),
    now: UtcMillis,
    policy: &SupervisionPolicy,
) -> Result<StoredCase, CasesError> {
    let mut transaction = desk.begin().await?;
    let connection = transaction.connection()?;
    let (stored, scope) = visible(connection, person, id).await?;
    if let Some(expected) = seen.filter(|seen| *seen != stored.case.events) {
        let is = stored.case.events;
        return Err(CasesError::Stale { is, expected });
    }
    // Nobody else writes now: what is struck off here is struck off when the step is in.
    let open: Vec<_> = hazards(connection, id)
        .await?
        .into_iter()
        .filter(|one| !one.status.is_some_and(is_struck_off))
        .map(|one| one.hazard)
        .collect();
    let asking = Asking {
        person,
        scope: &scope,
        text,
        open_hazards: &open,
        now,
        policy,
    };
    let (event, case) = step(&stored.case, asked, &asking)?;
    put(connection, id, &event, &case, policy).await?;
    if matches!(case.status, CaseStatus::Delisted | CaseStatus::Withdrawn) {
        sqlx::query(
            "UPDATE case_hazards SET live = 0, state = CASE WHEN state IN ('listing', 'listed') THEN 'delisting' \
             ELSE state END WHERE case_id = $1 AND live = 1",
        )
        .bind(id)
        .execute(&mut *connection)
        .await
        .map_err(write(WHAT))?;
    }
    transaction.commit().await?;
    Ok(StoredCase { id, case })
}

const fn is_struck_off(status: HazardStatus) -> bool {
    !status.is_open()
}

async fn visible(
    connection: &mut SqliteConnection,
    person: &Person,
    id: i64,
) -> Result<(StoredCase, Scope), CasesError> {
    let found = by_id(connection, id).await?;
    found
        .filter(|(_, scope)| person.sees(scope))
        .ok_or_else(|| CasesError::NotFound(id.to_string()))
}

/// Writes an event and the case after it.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    id: i64,
    event: &CaseEvent,
    case: &Case,
    policy: &SupervisionPolicy,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO case_events (case_id, seq, at, prev, hash, json) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(event.seq)
    .bind(event.at.0)
    .bind(event.prev.to_string())
    .bind(event.hash.to_string())
    .bind(serde_json::to_string(event).unwrap_or_default())
    .execute(&mut *connection)
    .await
    .map_err(write(WHAT))?;
    sqlx::query(
        "UPDATE cases SET status = $2, open = $3, overdue = $4, deadline = $5, next_at = $6, events = $7, head = $8, \
         fold = $9 WHERE id = $1",
    )
    .bind(id)
    .bind(case.status.key())
    .bind(case.status.is_open())
    .bind(case.is_overdue())
    .bind(case.deadline.map(|at| at.0))
    .bind(next(case, policy).map(|(at, _)| at.0))
    .bind(case.events)
    .bind(case.head.to_string())
    .bind(serde_json::to_string(case).unwrap_or_default())
    .execute(&mut *connection)
    .await
    .map_err(write(WHAT))?;
    for file in event.kind.attachments() {
        sqlx::query("INSERT OR IGNORE INTO case_files (sha256, case_id) VALUES ($1, $2)")
            .bind(file.sha256.to_string())
            .bind(id)
            .execute(&mut *connection)
            .await
            .map_err(write(WHAT))?;
    }
    Ok(())
}
