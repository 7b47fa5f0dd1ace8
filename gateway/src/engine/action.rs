//! What people ask of the engine, and what they are told.

use super::reload::Reload;
use crate::store::{Reader, StoreError};
use tokio::sync::oneshot;
use vigil_core::Pipeline;
use vigil_core::hazard::policy::Policy;
use vigil_core::hazard::{HazardId, HazardSummary};
use vigil_core::input::{Action, OperatorAction, Position};
use vigil_core::output::{Output, Refusal};
use vigil_protocol::time::UtcMillis;

/// An action that was carried out and committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Acted {
    /// Its place in the log.
    pub position: Position,
    /// The hazard it was about, as it stands after it.
    pub hazard: Option<HazardSummary>,
}

/// Why an action was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// The core refused it; nothing was logged.
    #[error("refused ({}): {}", .0.code, .0.message)]
    Refused(Refusal),
    /// The engine has ended.
    #[error("the engine has ended")]
    Gone,
    /// It could not be committed.
    #[error("the store does not work: {0}")]
    Store(String),
}

/// Times the same condition with the same beginning is told apart.
const ROUNDS: u32 = 1_000;

/// Where an answer goes.
pub(super) type Answer = oneshot::Sender<Result<Acted, ActError>>;

/// What is asked of the building task.
pub(super) enum Request {
    Query(Box<dyn FnOnce(&Pipeline) + Send>),
    /// Boxed: it is rare and large.
    Act {
        action: Box<OperatorAction>,
        answer: Answer,
    },
    /// Boxed: it is rare and large.
    Reload(Box<Reload>),
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Query(_) => f.write_str("Query"),
            Self::Reload(_) => f.write_str("Reload"),
            Self::Act { action, .. } => f.debug_tuple("Act").field(action).finish(),
        }
    }
}

/// The answer of an action with the same key that was committed before.
pub(super) async fn answered_before(
    reader: &Reader,
    action: &OperatorAction,
) -> Result<Option<Acted>, ActError> {
    let store = |error: StoreError| ActError::Store(error.to_string());
    let Some(key) = &action.idempotency_key else {
        return Ok(None);
    };
    let Some((position, received, before)) = reader.action_by_key(key).await.map_err(store)? else {
        return Ok(None);
    };
    if !before.asks_for_the_same(action) {
        return Err(key_reused());
    }
    let hazard = match hazard_of(&before.action, received) {
        Some(id) => reader.hazard(&id.0).await.map_err(store)?,
        None => None,
    };
    Ok(Some(Acted { position, hazard }))
}

/// A new hazard with what only the store knows of it: how often the same condition with the same beginning is on
/// record, and what of the kind was struck off not long ago.
pub(super) async fn prepared(
    reader: &Reader,
    mut action: OperatorAction,
    now: UtcMillis,
    policy: &Policy,
) -> Result<OperatorAction, ActError> {
    let store = |error: StoreError| ActError::Store(error.to_string());
    let use_unit = action.scope.as_ref().and_then(|scope| scope.use_unit.clone());
    let Action::OpenHazard { intake } = &mut action.action else {
        return Ok(action);
    };
    while intake.round < ROUNDS
        && let Some(id) = HazardId::of_intake(intake, now)
        && let Some(known) = reader.hazard(&id.0).await.map_err(store)?
        && !known.is_open()
    {
        intake.round += 1;
    }
    let owner = match (&intake.equipment, &intake.unit) {
        (Some(equipment), _) => equipment.to_string(),
        (None, unit) => format!("unit:{}", unit.as_deref().unwrap_or("")),
    };
    let since = now.saturating_sub_ms(policy.repeat.lasts.ms());
    intake.repeat = reader
        .struck_off_before(
            &owner,
            intake.rule.as_deref(),
            &intake.category,
            use_unit.as_deref(),
            since,
        )
        .await
        .map_err(store)?;
    Ok(action)
}

/// The hazard an action, carried out at `received`, names or opened.
fn hazard_of(action: &Action, received: UtcMillis) -> Option<HazardId> {
    match action {
        Action::ConfirmHazard { hazard }
        | Action::RejectHazard { hazard }
        | Action::CommentHazard { hazard }
        | Action::Hazard { hazard, .. } => Some(hazard.clone()),
        Action::OpenHazard { intake } => HazardId::of_intake(intake, received),
        Action::AcknowledgeAlarm { .. }
        | Action::ShelveAlarm { .. }
        | Action::UnshelveAlarm { .. }
        | Action::ResetAlarm { .. } => None,
    }
}

/// The equipment an action names itself.
pub(super) fn equipment_of(action: &Action) -> Option<&str> {
    match action {
        Action::AcknowledgeAlarm { equipment, .. }
        | Action::ShelveAlarm { equipment, .. }
        | Action::UnshelveAlarm { equipment, .. }
        | Action::ResetAlarm { equipment, .. } => Some(equipment),
        Action::OpenHazard { intake } => intake.equipment.as_deref(),
        Action::ConfirmHazard { .. }
        | Action::RejectHazard { .. }
        | Action::CommentHazard { .. }
        | Action::Hazard { .. } => None,
    }
}

/// What the core's outputs for one action mean to whoever asked.
pub(super) fn result_of(position: Position, outputs: &[Output]) -> Result<Acted, ActError> {
    let mut hazard = None;
    for output in outputs {
        match output {
            Output::Refused(refusal) => return Err(ActError::Refused(refusal.clone())),
            Output::Hazard { summary, .. } => hazard = Some((**summary).clone()),
            _ => {}
        }
    }
    Ok(Acted { position, hazard })
}

fn key_reused() -> ActError {
    ActError::Refused(Refusal::new(
        "idempotency_key_reused",
        "this idempotency key was used for another action",
        "该幂等键已用于另一操作",
    ))
}

/// The same key is in a batch that is not committed yet.
pub(super) fn key_in_progress() -> ActError {
    ActError::Refused(Refusal::new(
        "in_progress",
        "an action with this idempotency key is being carried out; ask again",
        "同一幂等键的操作正在办理，请稍后再试",
    ))
}
