//! What goes into the core.

use crate::field::FieldDecoder;
use crate::hazard::HazardId;
use crate::hazard::workflow::{Intake, Step};
use crate::people::{Person, Scope};
use serde::{Deserialize, Serialize};
use vigil_protocol::time::UtcMillis;

/// Position of an input in the log: strictly increasing, assigned by the adapter. Messages and
/// actions take one each; ticks take none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

/// One input. `now` is given beside it: the arrival time, non-decreasing.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A message as received from a broker.
    Message(Message<'a>),
    /// A message of the field that is not Sparkplug's.
    Field(FieldMessage<'a>),
    /// What a person did.
    Action(&'a OperatorAction),
    /// Time has passed: everything due is done. How often it comes does not change any result.
    Tick,
}

/// A message as received.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// MQTT topic.
    pub topic: &'a str,
    /// Payload bytes, as they came.
    pub payload: &'a [u8],
    /// Whether the broker sent it from its retained store: never fresh data.
    pub retained: bool,
}

/// A message of the field as received or polled.
#[derive(Clone, Copy, Debug)]
pub struct FieldMessage<'a> {
    /// `group/node` it is filed under: a connection, or whoever speaks for the devices.
    pub node: &'a str,
    /// The device it is of; `None` when it speaks of several, or of the node itself.
    pub device: Option<&'a str>,
    /// Topic, or the name of the poll.
    pub topic: &'a str,
    /// Bytes, as they came.
    pub payload: &'a [u8],
    /// Whether the broker sent it from its retained store: never fresh data.
    pub retained: bool,
    /// What gives the bytes their meaning.
    pub decoder: &'a dyn FieldDecoder,
}

/// A step a person takes. Logged like a message, so that replay sees it at the same place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorAction {
    /// Who: a login name or token name, never empty. The machine itself never acts through this.
    pub actor: String,
    /// Why, in the person's words; required for a rejection.
    #[serde(default)]
    pub reason: String,
    /// Given by the client to make a repeated request harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The person behind the name, as known when he acted. `None`: logged before there were people with roles; may
    /// do what an administrator may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Person>,
    /// Whose the equipment was then, as the register had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What is done.
    pub action: Action,
}

impl OperatorAction {
    /// Whether a repeated request asks for the same: what the adapter looked up for it may have changed since.
    #[must_use]
    pub fn asks_for_the_same(&self, other: &Self) -> bool {
        let bare = |action: &Self| {
            let mut bare = action.clone();
            bare.scope = None;
            match &mut bare.action {
                Action::OpenHazard { intake } => {
                    intake.round = 0;
                    intake.repeat = None;
                }
                // What the client had seen when he asked: he may have looked again since.
                Action::Hazard { expect, .. } => *expect = None,
                _ => {}
            }
            bare
        };
        bare(self) == bare(other)
    }
}

/// What a person can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// The suspected hazard is real.
    ConfirmHazard {
        /// Which.
        hazard: HazardId,
    },
    /// The suspected hazard is not one (误报); the reason is required.
    RejectHazard {
        /// Which.
        hazard: HazardId,
    },
    /// A remark on a hazard; the reason field is the text.
    CommentHazard {
        /// Which.
        hazard: HazardId,
    },
    /// A step of the closed loop; the reason field is the text.
    Hazard {
        /// Which.
        hazard: HazardId,
        /// Only if it has had so many events: nobody has done anything since the person looked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<u32>,
        /// What is done.
        step: Box<Step>,
    },
    /// A hazard found without telemetry.
    OpenHazard {
        /// What was found.
        intake: Box<Intake>,
    },
    /// Acknowledge an alarm.
    AcknowledgeAlarm {
        /// Equipment id.
        equipment: String,
        /// Rule id.
        rule: String,
    },
    /// Shelve an alarm until a time (S1 alarms never, others 8 h at most).
    ShelveAlarm {
        /// Equipment id.
        equipment: String,
        /// Rule id.
        rule: String,
        /// When it comes back by itself.
        until: UtcMillis,
    },
    /// Take an alarm off the shelf.
    UnshelveAlarm {
        /// Equipment id.
        equipment: String,
        /// Rule id.
        rule: String,
    },
    /// Reset a latched alarm whose condition has gone.
    ResetAlarm {
        /// Equipment id.
        equipment: String,
        /// Rule id.
        rule: String,
    },
}
