//! Hazards (隐患): append-only, hash-chained event lists; the state is a fold over them.

mod chain;

pub(crate) use chain::said;
pub use chain::{ChainError, ChainFault, verify_chain};

use crate::hash::ContentHash;
use crate::input::Position;
use crate::pack::{Grade, Severity};
use crate::sample::Reading;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Quality, Quantity};

/// Derived from (equipment, rule, episode): `HZ-` and 16 hex digits. Same cause, same id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HazardId(pub Arc<str>);

/// Where a hazard stands in the closed loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HazardStatus {
    /// 疑似: opened by telemetry, nobody has looked yet.
    Suspected,
    /// 已确认.
    Confirmed,
    /// 误报: not a hazard; ends the episode.
    Rejected,
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Actor {
    /// The rule engine. It opens and adds; it never confirms.
    Machine,
    /// A person, by login or token name.
    Person(String),
}

/// One reading that spoke for or against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceReading {
    /// Which quantity.
    pub quantity: Quantity,
    /// Source time.
    pub at: UtcMillis,
    /// Value or reason, canonical unit.
    pub reading: Reading,
    /// As sent, before scaling.
    pub raw: Option<f64>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// The log entry it came in.
    pub position: Position,
}

/// Which rule, in which version, on what legal ground.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleCitation {
    /// Rule id.
    pub rule: Arc<str>,
    /// Title of the rule, Chinese.
    pub title_zh: Arc<str>,
    /// Title of the rule, English.
    pub title_en: Arc<str>,
    /// Pack id.
    pub pack: Arc<str>,
    /// Pack version.
    pub pack_version: Arc<str>,
    /// Hash of the pack's canonical content.
    pub pack_hash: ContentHash,
    /// Clause, such as `GB 45067-2024 4.2 c`.
    pub clause: Arc<str>,
    /// Where the rule's numbers come from.
    pub source: Arc<str>,
    /// `sourced`, `memory-high`, `memory-low` (shown as unverified) or `proposal`.
    pub confidence: Arc<str>,
    /// The condition with its numbers filled in, for people, such as `steam_pressure >= 1.3180 MPa for 30 s`.
    pub condition: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HazardEventKind {
    /// Opened by a rule.
    Opened {
        /// Equipment id: the chain itself says what it is about.
        equipment: Arc<str>,
        /// Ground.
        citation: Box<RuleCitation>,
        /// Episode: source time at which the condition began, ms.
        episode: UtcMillis,
        /// Source time at which the rule tripped.
        tripped_at: UtcMillis,
        /// Found in back-filled data, after the fact.
        late: bool,
        /// Severity at the trip.
        severity: Severity,
        /// General or suspected major.
        grade: Grade,
        /// What the rule's channels said.
        evidence: Vec<EvidenceReading>,
    },
    /// The condition came back while the hazard was open.
    Recurred {
        /// Source time of the trip.
        tripped_at: UtcMillis,
        /// Found in back-filled data.
        late: bool,
        /// Severity at the trip (the hazard keeps its highest).
        severity: Severity,
        /// What the channels said.
        evidence: Vec<EvidenceReading>,
    },
    /// The condition went. It does not close the hazard.
    Returned {
        /// Source time.
        at: UtcMillis,
        /// What the channels said.
        evidence: Vec<EvidenceReading>,
    },
    /// A person says it is real.
    Confirmed {
        /// Remark.
        text: String,
    },
    /// A person says it is not.
    Rejected {
        /// Why; never empty.
        text: String,
    },
    /// A remark.
    Commented {
        /// The remark.
        text: String,
    },
}

/// A link of the chain. `hash` = SHA-256 over the canonical JSON of all other fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HazardEvent {
    /// Which hazard.
    pub hazard: HazardId,
    /// 0, 1, 2 … without a hole.
    pub seq: u32,
    /// When the gateway (or the person) did it, arrival time.
    pub at: UtcMillis,
    /// Who.
    pub actor: Actor,
    /// What.
    pub kind: HazardEventKind,
    /// Log position of the input that caused it.
    pub position: Position,
    /// Hash of the event before, all zero for the first.
    pub prev: ContentHash,
    /// Hash of this one.
    pub hash: ContentHash,
}

/// The fold over a hazard's events: what lists show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HazardSummary {
    /// Id.
    pub id: HazardId,
    /// Equipment id.
    pub equipment: Arc<str>,
    /// Rule id.
    pub rule: Arc<str>,
    /// Source time at which the condition began.
    pub episode: UtcMillis,
    /// Where it stands.
    pub status: HazardStatus,
    /// General or (suspected) major.
    pub grade: Grade,
    /// Highest severity so far.
    pub severity: Severity,
    /// When the gateway opened it.
    pub opened_at: UtcMillis,
    /// Found in back-filled data.
    pub late: bool,
    /// Whether the condition holds as far as is known.
    pub condition_active: bool,
    /// Trips so far (1 + recurrences).
    pub trips: u32,
    /// Events so far.
    pub events: u32,
    /// Time of the last event.
    pub changed: UtcMillis,
    /// Hash of the last event.
    pub head: ContentHash,
    /// Title of the rule, Chinese.
    pub title_zh: Arc<str>,
    /// Title of the rule, English.
    pub title_en: Arc<str>,
    /// Clause.
    pub clause: Arc<str>,
}
