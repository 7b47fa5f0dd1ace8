//! A Sparkplug B edge node as a state machine: told what happened, asked what to do.

mod birth;
mod command;
mod data;
mod flow;
mod report;

use core::fmt;

use heapless::{String, Vec};
use vigil_protocol::sparkplug::DataType;
use vigil_protocol::time::UtcMillis;

use crate::backoff::Backoff;
use crate::definition::{DefinitionError, NodeDef, TOPIC_CAPACITY};
use crate::held::{Held, SampleQuality, Slot};
use crate::history::History;
use crate::journal::{Journal, JournalError};
use crate::storage::Storage;

/// How the node behaves. Times in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config<'d> {
    /// Data messages name metrics by alias instead of by name.
    pub aliases: bool,
    /// Keep every data message until the gateway has it on disk. Without: best effort, as plain Sparkplug.
    pub journal: bool,
    /// A device that reports nothing new for this long sends its confirmed values again; a node that sent nothing at
    /// all for this long says that it is alive. 0: never.
    pub heartbeat_ms: u32,
    /// Wait for this host application to be online before giving birth, and leave when it goes offline.
    pub primary_host: Option<&'d str>,
    /// Servers the driver can connect to; the session walks them when the primary host is offline.
    pub servers: u8,
    /// Journaled messages not acknowledged for this long are sent again; doubles up to 32 times that.
    pub ack_timeout_ms: u32,
    /// Journaled messages resent at most per [`Config::history_interval_ms`].
    pub history_burst: u16,
    /// Pace of resending.
    pub history_interval_ms: u32,
    /// Changes of the journal's own state are told at most this often.
    pub status_interval_ms: u32,
    /// First wait before connecting again.
    pub reconnect_min_ms: u32,
    /// Longest wait before connecting again.
    pub reconnect_max_ms: u32,
    /// Obey `Node Control/Time`.
    pub accept_time: bool,
}

impl Config<'_> {
    /// A journaling node on one server.
    pub const DEFAULT: Config<'static> = Config {
        aliases: true,
        journal: true,
        heartbeat_ms: 20_000,
        primary_host: None,
        servers: 1,
        ack_timeout_ms: 15_000,
        history_burst: 50,
        history_interval_ms: 100,
        status_interval_ms: 2_000,
        reconnect_min_ms: 200,
        reconnect_max_ms: 30_000,
        accept_time: true,
    };
}

/// Whose metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The node's own.
    Node,
    /// Those of the device at this position of the definition.
    Device(u16),
}

/// MQTT quality of service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Qos {
    /// 0
    AtMostOnce,
    /// 1
    AtLeastOnce,
}

/// A message to publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Publish<'b> {
    /// Topic.
    pub topic: &'b str,
    /// Sparkplug payload.
    pub payload: &'b [u8],
    /// Quality of service.
    pub qos: Qos,
    /// Always false: a Sparkplug node retains nothing.
    pub retain: bool,
    /// The journal sequence in it, when there is one.
    pub journal_seq: Option<u64>,
    /// Sent before, or measured before this session: `is_historical`.
    pub historical: bool,
}

/// What the driver is to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action<'b> {
    /// Connect to the server at this position of the driver's list, with clean session and this will; then call
    /// `on_connected` or `on_disconnected`.
    Connect {
        /// 0..[`Config::servers`]
        server: u8,
        /// The death certificate.
        will: Publish<'b>,
        /// Always true.
        clean_session: bool,
    },
    /// Subscribe.
    Subscribe {
        /// Topic filter.
        topic: &'b str,
        /// Quality of service.
        qos: Qos,
    },
    /// Publish.
    Publish(Publish<'b>),
    /// Disconnect, then call `on_disconnected`.
    Disconnect,
}

/// Where the session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Not connected; will ask to connect at this time.
    Waiting {
        /// Earliest time.
        until: UtcMillis,
    },
    /// Asked to connect.
    Connecting,
    /// Connected; subscribing. 0: commands, 1: the primary host's state.
    Subscribing(u8),
    /// Subscribed; the primary host is not online.
    AwaitingHost,
    /// Giving birth: 0 the node, n the device n - 1.
    Birthing(u16),
    /// Born.
    Online,
    /// Leaving: 0 the death certificate is due, 1 the disconnect.
    Leaving(u8),
    /// Disconnect was asked for; waits for `on_disconnected`.
    Left,
    /// Left for good.
    Stopped,
    /// Cannot work at all.
    Failed(Failure),
}

/// Why a session cannot work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A birth certificate is longer than the buffer.
    BirthTooLong {
        /// Bytes the certificate needs at least.
        needed: usize,
        /// Bytes there are.
        have: usize,
    },
}

/// What has been done since the session was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(
    missing_docs,
    reason = "the names say it; all are numbers of messages or events"
)]
pub struct Counters {
    pub connects: u32,
    pub births: u32,
    pub data: u64,
    pub resent: u64,
    pub acked: u64,
    pub rebirth_requests: u32,
    pub ack_timeouts: u32,
    pub commands_ignored: u32,
    pub storage_faults: u32,
}

/// What a received message asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// All births again.
    pub rebirth: bool,
    /// Records freed by an acknowledgement.
    pub freed: u64,
    /// Sequences to send again, inclusive, as far as they are held.
    pub resend: Option<(u64, u64)>,
    /// The node's clock was set.
    pub time: bool,
    /// The primary host went online or offline.
    pub host: Option<bool>,
    /// Something this node does not do, or cannot read.
    pub ignored: bool,
}

/// Buffers of the caller: one topic, one record, one payload of up to `N` bytes.
#[derive(Clone, Debug)]
pub struct Scratch<const N: usize> {
    pub(crate) topic: String<TOPIC_CAPACITY>,
    pub(crate) record: [u8; N],
    pub(crate) payload: [u8; N],
}

impl<const N: usize> Scratch<N> {
    /// Empty buffers.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            topic: String::new(),
            record: [0; N],
            payload: [0; N],
        }
    }
}

impl<const N: usize> Default for Scratch<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a device answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    Unknown,
    Up,
    Down,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceState {
    pub(crate) presence: Presence,
    /// The host believes it to be alive in this session.
    pub(crate) announced: bool,
    /// When its last data message was made.
    pub(crate) said: Option<UtcMillis>,
    /// Position of its first metric among all slots.
    pub(crate) base: u16,
}

/// The edge node. `METRICS` and `DEVICES` bound the definition.
#[derive(Debug)]
pub struct Session<'d, S, const METRICS: usize, const DEVICES: usize> {
    pub(crate) def: NodeDef<'d>,
    pub(crate) config: Config<'d>,
    pub(crate) journal: Journal<S>,
    pub(crate) slots: Vec<Slot, METRICS>,
    pub(crate) devices: Vec<DeviceState, DEVICES>,
    pub(crate) node_said: Option<UtcMillis>,
    pub(crate) phase: Phase,
    pub(crate) backoff: Backoff,
    pub(crate) server: u8,
    pub(crate) bd_seq: u8,
    pub(crate) seq: u8,
    pub(crate) stopping: bool,
    pub(crate) history: History,
    pub(crate) history_tokens: u16,
    pub(crate) history_refilled: UtcMillis,
    /// Since when something sent waits for its acknowledgement.
    pub(crate) awaiting_ack: Option<UtcMillis>,
    pub(crate) ack_timeouts_in_row: u8,
    /// `Journal/Dropped` as last told.
    pub(crate) told_dropped: u64,
    pub(crate) status_due: bool,
    pub(crate) status_told: UtcMillis,
    pub(crate) last_publish: UtcMillis,
    pub(crate) started: Option<UtcMillis>,
    pub(crate) connected_at: UtcMillis,
    pub(crate) host_seen: Option<i64>,
    pub(crate) clock_offset_ms: i64,
    pub(crate) counters: Counters,
}

/// Why a session could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError<'d, E> {
    /// The definition is not valid.
    Definition(DefinitionError<'d>),
    /// The journal's medium failed.
    Storage(E),
}

/// Why a report was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportError<E> {
    /// No such device.
    UnknownDevice,
    /// No such metric.
    UnknownMetric {
        /// As given in the sample.
        metric: u16,
    },
    /// A value of another datatype than defined.
    WrongType {
        /// As given in the sample.
        metric: u16,
        /// As defined.
        defined: DataType,
        /// As given in the sample.
        given: DataType,
    },
    /// A text longer than [`crate::TEXT_CAPACITY`].
    TextTooLong {
        /// As given in the sample.
        metric: u16,
    },
    /// One metric alone does not fit the buffer.
    BufferTooSmall,
    /// Not journaled. What was to be sent stays due: the next sample of the same metrics sends it.
    Journal(JournalError<E>),
}

impl<'d, S: Storage, const METRICS: usize, const DEVICES: usize> Session<'d, S, METRICS, DEVICES> {
    /// Opens the journal and makes a session that will ask to connect. A store never used gets `epoch`
    /// (see [`Journal::open`]).
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open(
        def: NodeDef<'d>,
        config: Config<'d>,
        storage: S,
        epoch: u64,
        now: UtcMillis,
    ) -> Result<Self, OpenError<'d, S::Error>> {
        def.check(METRICS, DEVICES).map_err(OpenError::Definition)?;
        let journal =
            Journal::open(storage, epoch, def.layout(config.aliases)).map_err(OpenError::Storage)?;
        let mut devices = Vec::new();
        let mut base = def.metrics.len();
        for device in def.devices {
            let state = DeviceState {
                presence: Presence::Unknown,
                announced: false,
                said: None,
                base: base as u16,
            };
            base += device.metrics.len();
            // Room was checked with the definition.
            devices.push(state).unwrap_or(());
        }
        let mut slots = Vec::new();
        while slots.len() < base && slots.push(Slot::EMPTY).is_ok() {}
        let told_dropped = journal.dropped();
        Ok(Session {
            backoff: Backoff::new(config.reconnect_min_ms, config.reconnect_max_ms, def.seed()),
            def,
            config,
            journal,
            slots,
            devices,
            node_said: None,
            phase: Phase::Waiting { until: now },
            server: 0,
            bd_seq: 0,
            seq: 0,
            stopping: false,
            history: History::new(),
            history_tokens: config.history_burst,
            history_refilled: now,
            awaiting_ack: None,
            ack_timeouts_in_row: 0,
            told_dropped,
            status_due: false,
            status_told: now,
            last_publish: now,
            started: None,
            connected_at: now,
            host_seen: None,
            clock_offset_ms: 0,
            counters: Counters::default(),
        })
    }

    /// Where the session stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What has been done.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The journal.
    pub const fn journal(&self) -> &Journal<S> {
        &self.journal
    }

    /// Ends the session as a power cut would, and gives the store back.
    pub fn into_storage(self) -> S {
        self.journal.into_storage()
    }

    /// Sets the node's clock: `now` of its own stands for `utc`. The same as `Node Control/Time`.
    pub const fn set_clock(&mut self, now: UtcMillis, utc: UtcMillis) {
        self.clock_offset_ms = utc.since(now);
    }

    /// What the node's own clock is behind, ms.
    #[must_use]
    pub const fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms
    }

    /// True when nothing more is to be sent and everything sent was acknowledged.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.journal.pending() == 0
    }

    /// The time that `now` of the node's own clock stands for: what to stamp samples with.
    #[must_use]
    pub const fn utc(&self, now: UtcMillis) -> UtcMillis {
        now.saturating_add_ms(self.clock_offset_ms)
    }

    /// Slots of a place: position of the first, and the definitions.
    pub(crate) fn place(&self, place: Place) -> Option<(usize, &'d [crate::MetricDef<'d>])> {
        match place {
            Place::Node => Some((0, self.def.metrics)),
            Place::Device(n) => {
                let state = self.devices.get(usize::from(n))?;
                let def = self.def.devices.get(usize::from(n))?;
                Some((usize::from(state.base), def.metrics))
            }
        }
    }
}

/// Aliases are fixed by the definition: those of the session first, then properties, metrics, and a `Journal/Seq` for
/// each device. `Node Control/Rebirth` must have none.
pub(crate) mod alias {
    pub(crate) const BDSEQ: u64 = 1;
    pub(crate) const EPOCH: u64 = 2;
    pub(crate) const FIRST: u64 = 3;
    pub(crate) const DROPPED: u64 = 4;
    pub(crate) const UPTIME: u64 = 5;
    pub(crate) const TIME: u64 = 6;
    pub(crate) const NODE_SEQ: u64 = 7;
    pub(crate) const PROPERTIES: u64 = 8;
}

impl<S: Storage, const METRICS: usize, const DEVICES: usize> Session<'_, S, METRICS, DEVICES> {
    pub(crate) fn alias_of_slot(&self, slot: usize) -> Option<u64> {
        let alias = alias::PROPERTIES + self.def.properties.len() as u64 + slot as u64;
        self.config.aliases.then_some(alias)
    }

    /// Alias of the `Journal/Seq` of a place.
    pub(crate) fn alias_of_seq(&self, place: Place) -> Option<u64> {
        let alias = match place {
            Place::Node => alias::NODE_SEQ,
            Place::Device(n) => {
                alias::PROPERTIES + (self.def.properties.len() + self.slots.len()) as u64 + u64::from(n)
            }
        };
        self.config.aliases.then_some(alias)
    }

    pub(crate) fn alias(&self, alias: u64) -> Option<u64> {
        self.config.aliases.then_some(alias)
    }

    /// Marks everything held as sent: a birth certificate carried it.
    pub(crate) fn mark_sent(&mut self, base: usize, count: usize) {
        for slot in self.slots.iter_mut().skip(base).take(count) {
            slot.sent = Some((slot.value.clone(), slot.quality));
        }
    }

    /// A device no longer answers: its last values are not confirmed any more.
    pub(crate) fn forget_sent(&mut self, base: usize, count: usize) {
        for slot in self.slots.iter_mut().skip(base).take(count) {
            slot.sent = None;
        }
    }
}

impl Slot {
    pub(crate) fn is_unknown(&self) -> bool {
        self.value == Held::Null && self.quality == SampleQuality::Good
    }
}

impl<E: fmt::Debug> fmt::Display for ReportError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDevice => f.write_str("reporting on a device that is not defined"),
            Self::UnknownMetric { metric } => write!(f, "reporting metric {metric}, which is not defined"),
            Self::WrongType {
                metric,
                defined,
                given,
            } => write!(
                f,
                "reporting metric {metric}: defined as {}, given a {}",
                defined.name(),
                given.name()
            ),
            Self::TextTooLong { metric } => {
                write!(
                    f,
                    "reporting metric {metric}: text longer than {} bytes",
                    crate::TEXT_CAPACITY
                )
            }
            Self::BufferTooSmall => f.write_str("reporting: a single metric does not fit the buffer"),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> fmt::Display for OpenError<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition(error) => write!(f, "opening a session: {error}"),
            Self::Storage(error) => write!(f, "opening a session: the journal's medium failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for ReportError<E> {}
impl<E: fmt::Debug> core::error::Error for OpenError<'_, E> {}
