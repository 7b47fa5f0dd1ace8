//! What people ask of the engine, and what they are told.

use super::reload::Reload;
use crate::store::{Reader, StoreError};
use tokio::sync::oneshot;
use vigil_core::Pipeline;
use vigil_core::hazard::HazardSummary;
use vigil_core::input::{Action, OperatorAction, Position};
use vigil_core::output::{Output, Refusal};

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

/// Where an answer goes.
pub(super) type Answer = oneshot::Sender<Result<Acted, ActError>>;

/// What is asked of the building task.
pub(super) enum Request {
    Query(Box<dyn FnOnce(&Pipeline) + Send>),
    Act {
        action: OperatorAction,
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
    let Some((position, before)) = reader.action_by_key(key).await.map_err(store)? else {
        return Ok(None);
    };
    if before != *action {
        return Err(key_reused());
    }
    let hazard = match hazard_of(&action.action) {
        Some(id) => reader.hazard(id).await.map_err(store)?,
        None => None,
    };
    Ok(Some(Acted { position, hazard }))
}

/// The hazard an action names.
fn hazard_of(action: &Action) -> Option<&str> {
    match action {
        Action::ConfirmHazard { hazard }
        | Action::RejectHazard { hazard }
        | Action::CommentHazard { hazard } => Some(&hazard.0),
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
        Action::ConfirmHazard { .. } | Action::RejectHazard { .. } | Action::CommentHazard { .. } => None,
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
    ActError::Refused(Refusal {
        code: "idempotency_key_reused",
        message: "this idempotency key was used for another action".to_owned(),
    })
}

/// The same key is in a batch that is not committed yet.
pub(super) fn key_in_progress() -> ActError {
    ActError::Refused(Refusal {
        code: "in_progress",
        message: "an action with this idempotency key is being carried out; ask again".to_owned(),
    })
}
