//! Alarms as ISA-18.2 / IEC 62682 flags.

use crate::pack::Severity;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// The orthogonal flags the state letter is derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlarmFlags {
    /// The condition holds.
    pub active: bool,
    /// Somebody has seen it.
    pub acked: bool,
    /// The condition went, the alarm stays until it is reset.
    pub latched: bool,
    /// Off the list until this time.
    pub shelved_until: Option<UtcMillis>,
    /// Held back by design (inspection mode).
    pub suppressed: bool,
    /// Held back by maintenance.
    pub out_of_service: bool,
}

/// State letter and name of ISA-18.2-2016 figure 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// A.
    Normal,
    /// B.
    Unacknowledged,
    /// C.
    Acknowledged,
    /// D.
    ReturnedUnacknowledged,
    /// E.
    LatchedUnacknowledged,
    /// F.
    LatchedAcknowledged,
    /// G.
    Shelved,
    /// H.
    SuppressedByDesign,
    /// I.
    OutOfService,
}

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmClass {
    /// The equipment.
    Process,
    /// Our ability to see the equipment.
    MonitoringGap,
}

/// Current state of the alarm of one (equipment, rule).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmRecord {
    /// Equipment id.
    pub equipment: Arc<str>,
    /// Rule id.
    pub rule: Arc<str>,
    /// Process or monitoring gap.
    pub class: AlarmClass,
    /// S1 … S4.
    pub severity: Severity,
    /// The flags.
    pub flags: AlarmFlags,
    /// Derived from the flags.
    pub state: AlarmState,
    /// Source time since which the condition has held (or last held).
    pub since: UtcMillis,
    /// Last change of the record.
    pub changed: UtcMillis,
    /// Activations so far.
    pub count: u32,
    /// The hazard it opened or added to.
    pub hazard: Option<Arc<str>>,
    /// Value or words that tripped it.
    pub detail: String,
}

/// A transition, for the journal of alarms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmEvent {
    /// Equipment id.
    pub equipment: Arc<str>,
    /// Rule id.
    pub rule: Arc<str>,
    /// Arrival time at which the gateway decided.
    pub at: UtcMillis,
    /// Source time of the cause.
    pub source_at: UtcMillis,
    /// State after it.
    pub state: AlarmState,
    /// S1 … S4.
    pub severity: Severity,
    /// Who, if a person.
    pub actor: Option<String>,
    /// Value, limit or reason in words.
    pub detail: String,
}
