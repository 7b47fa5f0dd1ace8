//! The loop of a hazard is told that a case lists it, or no longer does: once, however often it is tried.

use super::CasesError;
use super::read::{WHAT, by_id, case_events};
use crate::app::{ActError, App};
use crate::desk::{read, write};
use crate::store::StoreError;
use sqlx::Row as _;
use vigil_core::hazard::workflow::{Step, StepKind, may};
use vigil_core::hazard::{HazardId, HazardSummary};
use vigil_core::input::{Action, OperatorAction};
use vigil_core::output::Refusal;
use vigil_core::people::Person;
use vigil_core::supervision::{Case, CaseEvent};

/// Tells the loops of a case's hazards what they have not been told yet. What the loop refuses is kept with its reason;
/// what cannot be told now is told later.
///
/// # Errors
/// The database cannot be read or written.
pub async fn settle(app: &App, id: i64) -> Result<(), CasesError> {
    let waiting = sqlx::query(
        "SELECT hazard, state FROM case_hazards WHERE case_id = $1 AND state IN ('listing', 'delisting')",
    )
    .bind(id)
    .fetch_all(app.desk.reading())
    .await
    .map_err(read(WHAT))?;
    if waiting.is_empty() {
        return Ok(());
    }
    let mut connection = app.desk.reading().acquire().await.map_err(read(WHAT))?;
    let found = by_id(&mut connection, id).await?;
    drop(connection);
    let (stored, _) = found.ok_or_else(|| CasesError::NotFound(id.to_string()))?;
    let events = case_events(&app.desk, id).await?;
    for row in &waiting {
        let hazard = HazardId(row.get::<String, _>(0).into());
        let listing = row.get::<&str, _>(1) == "listing";
        match tell(app, &stored.case, &events, &hazard, listing).await {
            Ok(()) => settled(app, id, &hazard, if listing { "listed" } else { "delisted" }, "").await?,
            Err(ActError::Refused(refusal)) => {
                tracing::warn!(hazard = %hazard.0, case = %stored.case.number, %refusal.message, "the loop refuses");
                settled(app, id, &hazard, "refused", &refusal.message_zh).await?;
            }
            // It stays as it is and is tried again.
            Err(error) => {
                tracing::warn!(hazard = %hazard.0, %error, "a listing could not be told to the hazard's loop");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The same for every case that waits: at the start, and now and then.
///
/// # Errors
/// The database cannot be read or written.
pub async fn settle_all(app: &App) -> Result<(), CasesError> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT case_id FROM case_hazards WHERE state IN ('listing', 'delisting') LIMIT 1000",
    )
    .fetch_all(app.desk.reading())
    .await
    .map_err(read(WHAT))?;
    for id in ids {
        settle(app, id).await?;
    }
    Ok(())
}

async fn tell(
    app: &App,
    case: &Case,
    events: &[CaseEvent],
    hazard: &HazardId,
    listing: bool,
) -> Result<(), ActError> {
    let store = |error: StoreError| ActError::Store(error.to_string());
    let Some(found) = app.store.hazard(&hazard.0).await.map_err(store)? else {
        return Err(ActError::Refused(Refusal::new(
            "unknown_hazard",
            "there is no such hazard",
            "没有这条隐患",
        )));
    };
    let listed = found.handling.listed.as_deref() == Some(&*case.number);
    if listed == listing {
        // The crash came between the loop's event and our note of it; or it was never listed.
        return Ok(());
    }
    let (who, text) = reason(case, events, listing);
    let step = if listing {
        Step::List {
            case: case.number.to_string(),
            // The case keeps the deadline; one that has passed meanwhile is not set again.
            deadline: case.deadline.filter(|deadline| *deadline > app.clock.now()),
        }
    } else {
        Step::Delist
    };
    act(app, &found, who, text, step).await
}

/// Who issued or ended the case, and in which words.
fn reason(case: &Case, events: &[CaseEvent], listing: bool) -> (Person, String) {
    let event = if listing {
        events.first()
    } else {
        events
            .iter()
            .rev()
            .find(|event| matches!(event.kind.key(), "delist" | "withdraw"))
    };
    let who = event.and_then(|event| event.who.clone());
    let who = who.unwrap_or_else(|| Person::administrator(&case.issued_by));
    let text = if listing {
        &case.order.title
    } else {
        event.map_or("", |event| event.kind.text())
    };
    (
        who,
        format!("{} {text}", case.number).chars().take(4_000).collect(),
    )
}

async fn act(
    app: &App,
    hazard: &HazardSummary,
    who: Person,
    text: String,
    step: Step,
) -> Result<(), ActError> {
    let action = OperatorAction {
        actor: who.login.to_string(),
        reason: text,
        // The loop itself refuses to list or delist twice; what it has done is seen before it is asked.
        idempotency_key: None,
        who: Some(who),
        scope: Some(app.scope_of_hazard(hazard)),
        action: Action::Hazard {
            hazard: hazard.id.clone(),
            expect: None,
            step: Box::new(step),
        },
    };
    app.engine.act(action).await.map(drop)
}

async fn settled(app: &App, id: i64, hazard: &HazardId, state: &str, why: &str) -> Result<(), StoreError> {
    let mut transaction = app.desk.begin().await?;
    // Delisted meanwhile: that is still to be told.
    sqlx::query(
        "UPDATE case_hazards SET state = $3, why = $4, live = CASE WHEN $3 = 'refused' THEN 0 ELSE live END \
         WHERE case_id = $1 AND hazard = $2 AND (state <> 'delisting' OR $3 IN ('delisted', 'refused'))",
    )
    .bind(id)
    .bind(&*hazard.0)
    .bind(state)
    .bind(why)
    .execute(transaction.connection()?)
    .await
    .map_err(write(WHAT))?;
    transaction.commit().await
}

/// Whether a person may list or delist a hazard in its loop himself: a case does both, so that the two say the same.
/// What the loop itself does not allow, the loop refuses.
///
/// # Errors
/// He may not; the reason says where it is done.
pub async fn direct_step(
    app: &App,
    person: &Person,
    hazard: &HazardSummary,
    step: StepKind,
) -> Result<(), CasesError> {
    if !matches!(step, StepKind::List | StepKind::Delist) {
        return Ok(());
    }
    let (scope, now) = (app.scope_of_hazard(hazard), app.clock.now());
    if may(hazard, person, &scope, now, &app.engine.policy(), step).is_err() {
        return Ok(());
    }
    let refused = |code, en: String, zh: String| Err(Refusal::new(code, en, zh).into());
    if step == StepKind::List {
        return refused(
            "listed_by_case",
            "a hazard is listed by issuing a case: POST /api/v1/supervision, or its page".to_owned(),
            "挂牌督办须下达督办事项，由其编号挂牌".to_owned(),
        );
    }
    let case: Option<(i64, String)> = sqlx::query_as(
        "SELECT c.id, c.number FROM case_hazards h JOIN cases c ON c.id = h.case_id \
         WHERE h.hazard = $1 AND (h.live = 1 OR h.state = 'delisting')",
    )
    .bind(&*hazard.id.0)
    .fetch_optional(app.desk.reading())
    .await
    .map_err(read(WHAT))?;
    match case {
        Some((id, number)) => refused(
            "delisted_with_case",
            format!("case {number} lists it: delist the case, /supervision/{id}"),
            format!("由 {number} 挂牌，须在该督办事项中摘牌"),
        ),
        None => Ok(()),
    }
}
