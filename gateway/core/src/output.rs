//! What comes out of the core: plain data, in order.
//!
//! The adapter stores all outputs of a batch together with its inputs in one transaction and only
//! then delivers [`Output::Command`] and tells the readers.

use crate::alarm::{AlarmEvent, AlarmRecord};
use crate::field::Source;
use crate::hash::ContentHash;
use crate::hazard::{HazardEvent, HazardId, HazardSummary};
use crate::input::{OperatorAction, Position};
use crate::people::Role;
use crate::sample::RawCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::sparkplug::MessageType;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// The outputs of one or more inputs, in order.
pub type Outputs = Vec<Output>;

/// One thing to store or do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Keep this message (its bytes are the input's) in the log.
    Log(LogEntry),
    /// Keep this action in the log.
    LogAction(ActionEntry),
    /// A birth certificate that later messages refer to; stored once per hash.
    Context(DecodeContext),
    /// A message that was received before: counted, not logged again.
    Duplicate {
        /// `group/node`.
        node: Arc<str>,
    },
    /// A message that nothing can be made of: keep the bytes and the reason.
    DeadLetter(DeadLetter),
    /// Someone appeared who is not in the catalog.
    Unregistered(UnregisteredDevice),
    /// A controller reports a code its scheme does not know.
    UnknownCode(UnknownCode),
    /// The alarm's current state (replaces the row of its equipment and rule).
    Alarm(AlarmRecord),
    /// A transition of an alarm (append).
    AlarmEvent(AlarmEvent),
    /// A hazard moved: append the event, replace the summary.
    Hazard {
        /// The new link of the chain.
        event: Box<HazardEvent>,
        /// The fold over all events so far.
        summary: Box<HazardSummary>,
    },
    /// A period without trustworthy data (replaces the row with the same id).
    Gap(GapRecord),
    /// Merge these numbers into the hourly roll-up of a series.
    Rollup(Rollup),
    /// Merge these numbers into a node's hourly completeness.
    NodeHour(NodeHour),
    /// Publish a command to a node, after the commit.
    Command(Command),
    /// An action was refused; nothing was logged.
    Refused(Refusal),
}

/// A row of the message log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Its place in the log.
    pub position: Position,
    /// `group/node`.
    pub node: Arc<str>,
    /// Device id, `None` for node messages.
    pub device: Option<Arc<str>>,
    /// Kind of message; data, if it is not Sparkplug's.
    pub message: MessageType,
    /// What its bytes are.
    pub source: Source,
    /// Journal epoch and sequence, if the node keeps a journal. Unique per node.
    pub journal: Option<(u64, u64)>,
    /// Payload timestamp: when the node published it.
    pub published: Option<UtcMillis>,
    /// Arrival.
    pub received: UtcMillis,
    /// Sent from a store after the event.
    pub historical: bool,
    /// What gives the bytes their meaning: a birth, a mapping profile, a register map.
    pub context: Option<ContentHash>,
}

/// A row of the log for an action; `now` beside the input is its time.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionEntry {
    /// Its place in the log.
    pub position: Position,
    /// When it was taken.
    pub received: UtcMillis,
    /// What was done.
    pub action: OperatorAction,
}

/// What gives logged bytes their meaning: the birth certificate (NBIRTH or DBIRTH) as received, or the mapping
/// profile or register map as text ([`crate::field::restore`]).
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeContext {
    /// Hash of topic and payload.
    pub hash: ContentHash,
    /// Topic of the birth; of a profile or map its name, and the message's topic behind a space.
    pub topic: Arc<str>,
    /// The certificate's bytes, or the text.
    pub payload: Arc<[u8]>,
}

/// A message nothing could be made of.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its place in the order of inputs.
    pub position: Position,
    /// Topic, as far as it is text.
    pub topic: Arc<str>,
    /// Why, in words, with the byte offset where there is one.
    pub reason: String,
    /// Arrival.
    pub received: UtcMillis,
}

/// A code that the scheme of its equipment does not know: to be mapped by somebody. Told when it appears, and once a
/// minute of source time while it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownCode {
    /// Equipment id.
    pub equipment: Arc<str>,
    /// Its scheme, if it has one.
    pub scheme: Option<Arc<str>>,
    /// As the controller sent it.
    pub code: RawCode,
    /// When it was reported.
    pub at: UtcMillis,
    /// It was not there before, as far as is known.
    pub appeared: bool,
}

/// A device that sends but is in no catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnregisteredDevice {
    /// `group/node`.
    pub node: Arc<str>,
    /// Device id; `None` when the node itself sends measurements.
    pub device: Option<Arc<str>>,
    /// First heard.
    pub first_seen: UtcMillis,
    /// Last heard when this was written (updated at most once a minute).
    pub last_seen: UtcMillis,
    /// Messages so far.
    pub messages: u64,
    /// Metric names with their latest value as text, at most 64.
    pub metrics: Vec<(String, String)>,
}

/// Why a piece of equipment could not be watched.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The node's death certificate, or the device's.
    Offline,
    /// Nothing heard although nobody died.
    Silent,
    /// The node dropped messages because its journal was full.
    Dropped,
    /// A channel's value is bad or missing.
    BadQuality,
}

/// A period in which "no hazard" means nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GapRecord {
    /// Equipment id.
    pub equipment: Arc<str>,
    /// One channel, or all of them.
    pub quantity: Option<Quantity>,
    /// Start, source time of the last good word.
    pub from: UtcMillis,
    /// End; `None` while it lasts.
    pub to: Option<UtcMillis>,
    /// Why.
    pub reason: GapReason,
    /// Back-filled from the node's journal up to this source time.
    pub filled_to: Option<UtcMillis>,
}

/// Numbers to merge into the roll-up row (equipment, quantity, hour).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollupNumbers {
    /// Good or uncertain values.
    pub good: u32,
    /// Bad or missing values.
    pub bad: u32,
    /// Smallest value, canonical unit.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sum of the values (mean = sum / good).
    pub sum: f64,
    /// Latest value …
    pub last: f64,
    /// … and its source time.
    pub last_at: UtcMillis,
}

/// Roll-up of one series over one hour of source time.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollup {
    /// Equipment id.
    pub equipment: Arc<str>,
    /// Series.
    pub quantity: Quantity,
    /// Start of the hour.
    pub hour: UtcMillis,
    /// The numbers; the row merges them (min of min, sum of sums, later last).
    pub numbers: RollupNumbers,
}

/// Message counts of one node in one hour of arrival time, to be added to the row.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeHour {
    /// `group/node`.
    pub node: Arc<str>,
    /// Start of the hour.
    pub hour: UtcMillis,
    /// Messages that exist, as far as sequence numbers tell.
    pub expected: u64,
    /// Messages that arrived in time.
    pub received: u64,
    /// Messages that arrived as history.
    pub late: u64,
    /// Messages the node had to drop.
    pub dropped: u64,
    /// Messages that came again.
    pub duplicate: u64,
}

/// A command to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Group id.
    pub group: Arc<str>,
    /// Node id.
    pub node: Arc<str>,
    /// What to say.
    pub kind: CommandKind,
}

/// The only things the gateway ever says to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// `Node Control/Rebirth` = true (with datatype: some nodes need it).
    Rebirth,
    /// What time it is, to a node whose clock is off and who says that it takes the time.
    Time,
    /// Everything up to `seq` of `epoch` is on disk.
    JournalAck {
        /// Journal epoch.
        epoch: u64,
        /// Highest contiguous sequence.
        seq: u64,
    },
    /// Please send `from..=to` of `epoch` again.
    JournalResend {
        /// Journal epoch.
        epoch: u64,
        /// First missing.
        from: u64,
        /// Last missing.
        to: u64,
    },
}

/// Why an action was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable key for programs, such as `unknown_hazard`, `not_suspected`, `reason_required`.
    pub code: &'static str,
    /// For people, English.
    pub message: String,
    /// For people, Chinese.
    pub message_zh: String,
    /// Roles that could do it, where it is a matter of roles.
    pub who: Vec<Role>,
    /// The hazard that stands in the way.
    pub hazard: Option<HazardId>,
    /// What of the step is wrong, by the names of its fields.
    pub fields: Box<[String]>,
}

impl Refusal {
    /// A reason in both languages.
    pub fn new(code: &'static str, message: impl Into<String>, message_zh: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            message_zh: message_zh.into(),
            who: Vec::new(),
            hazard: None,
            fields: Box::default(),
        }
    }

    /// With what of the step is wrong.
    #[must_use]
    pub fn about<'f>(mut self, fields: impl IntoIterator<Item = &'f str>) -> Self {
        self.fields = fields.into_iter().map(str::to_owned).collect();
        self
    }

    /// With the roles that could.
    #[must_use]
    pub fn who(mut self, who: &[Role]) -> Self {
        self.who = who.to_vec();
        self
    }
}
