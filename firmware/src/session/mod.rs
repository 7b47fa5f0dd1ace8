//! A Sparkplug B edge node as a state machine: told what happened, asked what to do.

mod action;
mod birth;
mod clock;
mod command;
mod config;
mod data;
mod error;
mod flow;
mod report;

use heapless::{String, Vec};
use vigil_protocol::time::UtcMillis;

pub use action::{Action, Counters, Failure, Heard, Phase, Place, Publish, Qos};
pub use config::Config;
pub use error::{OpenError, ReportError};

use crate::backoff::Backoff;
use crate::definition::{NodeDef, TOPIC_CAPACITY};
use crate::held::{Held, SampleQuality, Slot};
use crate::history::History;
use crate::journal::Journal;
use crate::storage::Storage;
use crate::time::BootId;

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
    /// None of its messages has been journaled since power-up.
    pub(crate) booted: bool,
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
    /// As of a device, for the node's own metrics.
    pub(crate) node_booted: bool,
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
    pub(crate) host_seen: Option<UtcMillis>,
    pub(crate) clock_offset_ms: i64,
    /// Boot and clock offset of the time before the clock was known; `None` when it was known from the start.
    pub(crate) before_sync: Option<(BootId, i64)>,
    pub(crate) counters: Counters,
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
                booted: true,
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
            node_booted: true,
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
            before_sync: None,
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

/// Aliases are fixed by the definition: those of the session first, then properties, metrics, a `Journal/Seq` for
/// each device, then `Journal/Next` and a `Journal/Boot` for the node and each device. `Node Control/Rebirth` must
/// have none.
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

    /// Alias of `Journal/Next`; those of `Journal/Boot` follow.
    pub(crate) fn alias_of_next(&self) -> Option<u64> {
        let before = self.def.properties.len() + self.slots.len() + self.def.devices.len();
        self.alias(alias::PROPERTIES + before as u64)
    }

    /// Alias of the `Journal/Boot` of a place.
    pub(crate) fn alias_of_boot(&self, place: Place) -> Option<u64> {
        let after = match place {
            Place::Node => 1,
            Place::Device(n) => 2 + u64::from(n),
        };
        self.alias_of_next().map(|next| next + after)
    }

    /// Nothing has been journaled of the place since power-up, though something may be.
    pub(crate) fn is_booted(&self, place: Place) -> bool {
        match place {
            Place::Node => self.node_booted && !self.def.metrics.is_empty(),
            Place::Device(n) => self
                .devices
                .get(usize::from(n))
                .is_some_and(|device| device.booted),
        }
    }

    pub(crate) fn alias(&self, alias: u64) -> Option<u64> {
        self.config.aliases.then_some(alias)
    }

    /// Marks everything held as sent: a birth certificate carried it.
    pub(crate) fn mark_sent(&mut self, base: usize, count: usize) {
        for slot in self.slots.iter_mut().skip(base).take(count) {
            slot.sent = Some((slot.value.as_sent(), slot.quality));
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
