//! The scheduler of one bus.

use core::fmt;

use heapless::Vec;
use vigil_protocol::sparkplug::DataType;

use super::channel::State;
use super::slave::Slave;
use crate::drivers::{Block, Bus, Fault, Raw, ReadFault};
use crate::modbus::RequestError;
use crate::provisioning::Settings;
use crate::reading::{Reading, datatype};
use crate::time::Uptime;

/// How a bus is treated. Milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// A confirmed reading is told again after this, changed or not. 0: never.
    pub heartbeat_ms: u32,
    /// What asking a dead slave costs: a probe waits for a gap this long.
    pub probe_ms: u32,
    /// How long a slave that did not answer is left alone.
    pub settle_ms: u32,
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Read this, then [`Sampler::on_read`].
    Read(Block),
    /// Nothing before this time.
    Wait(Uptime),
}

/// A reading worth telling.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Observation {
    /// Position in the channel table.
    pub channel: u8,
    /// Position of the device, as [`crate::Place::Device`].
    pub device: u16,
    /// Position of the metric in its device, as [`crate::Sample::metric`].
    pub metric: u16,
    /// Datatype of the metric.
    pub datatype: DataType,
    /// What is shown.
    pub reading: Reading,
    /// When it was read, or grew too old.
    pub at: Uptime,
}

/// Why there is no sampler for a channel table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableError {
    /// More channels on this bus than there is room for.
    TooMany {
        /// Room.
        have: usize,
    },
    /// The request of the channel at this position cannot be.
    Request {
        /// Position in the channel table.
        channel: u8,
        /// Why.
        error: RequestError,
    },
}

/// A block and when it is to be read.
#[derive(Clone, Copy, Debug)]
struct Poll {
    block: Block,
    period_ms: u32,
    due: Uptime,
    slave: u8,
}

/// A dead slave's probe waits for a gap at most this long, ms: then the others wait once.
const PROBE_PATIENCE_MS: u64 = 10_000;

/// Schedules the readings of one bus and keeps what they showed. `N` bounds its channels.
#[derive(Clone, Debug)]
pub struct Sampler<const N: usize> {
    pace: Pace,
    channels: Vec<State, N>,
    polls: Vec<Poll, N>,
    slaves: Vec<Slave, N>,
}

impl Pace {
    /// A line where a reply may take `reply_ms`.
    #[must_use]
    pub const fn for_reply_ms(reply_ms: u32) -> Self {
        Self {
            heartbeat_ms: 20_000,
            probe_ms: reply_ms + 10,
            settle_ms: reply_ms + 500,
        }
    }
}

impl<const N: usize> Sampler<N> {
    /// The channels of `settings` that are on `bus`; all are due now.
    ///
    /// # Errors
    /// [`TableError`]
    pub fn new(settings: &Settings, bus: Bus, pace: Pace, now: Uptime) -> Result<Self, TableError> {
        let mut sampler = Self {
            pace,
            channels: Vec::new(),
            polls: Vec::new(),
            slaves: Vec::new(),
        };
        let full = TableError::TooMany { have: N };
        for (n, channel) in settings.channels.iter().enumerate() {
            if channel.source.bus() != bus {
                continue;
            }
            let position = n as u8;
            let block = channel.source.block().map_err(|error| TableError::Request {
                channel: position,
                error,
            })?;
            let poll = match sampler.polls.iter().position(|poll| poll.block == block) {
                Some(poll) => poll,
                None => {
                    let slave = sampler.slave(&block).ok_or(full)?;
                    let poll = Poll {
                        block,
                        period_ms: channel.period_ms,
                        due: now,
                        slave,
                    };
                    sampler.polls.push(poll).map_err(|_| full)?;
                    sampler.polls.len() - 1
                }
            };
            if let Some(poll) = sampler.polls.get_mut(poll) {
                poll.period_ms = poll.period_ms.min(channel.period_ms).max(1);
            }
            let metric = settings.metric(n).unwrap_or(0);
            let state = State::new(*channel, position, metric, poll as u8);
            sampler.channels.push(state).map_err(|_| full)?;
        }
        Ok(sampler)
    }

    fn slave(&mut self, block: &Block) -> Option<u8> {
        let address = Slave::address_of(block);
        let known = self.slaves.iter().position(|slave| slave.address == address);
        let at = match known {
            Some(at) => at,
            None => {
                self.slaves.push(Slave::new(address)).ok()?;
                self.slaves.len() - 1
            }
        };
        Some(at as u8)
    }

    /// How the slaves do.
    #[must_use]
    pub fn slaves(&self) -> &[Slave] {
        &self.slaves
    }

    /// When a poll may be done: its period, and what its slave needs.
    fn due(&self, poll: &Poll) -> (Uptime, bool) {
        match self.slaves.get(usize::from(poll.slave)) {
            Some(slave) => (poll.due.max(slave.not_before), slave.is_dead()),
            None => (poll.due, false),
        }
    }

    /// What to do at `now`. Tells what has grown too old.
    pub fn next(&mut self, now: Uptime, tell: &mut impl FnMut(Observation)) -> Step {
        for channel in &mut self.channels {
            if let Some(reading) = channel.news(now, None) {
                tell(channel.observation(now, reading));
            }
        }
        let mut live: Option<(Uptime, Block)> = None;
        let mut dead: Option<(Uptime, Block)> = None;
        for poll in &self.polls {
            let (due, is_dead) = self.due(poll);
            let best = if is_dead { &mut dead } else { &mut live };
            if best.is_none_or(|(other, _)| due < other) {
                *best = Some((due, poll.block));
            }
        }
        let mut until = Uptime(u64::MAX);
        if let Some((due, block)) = dead {
            let gap = live.is_none_or(|(other, _)| other >= now.after_ms(self.pace.probe_ms));
            if due <= now && (gap || now.since_ms(due) >= PROBE_PATIENCE_MS) {
                return Step::Read(block);
            }
            // Without a gap, whatever is live comes first and this is asked again after it.
            until = until.min(if due > now { due } else { Uptime(u64::MAX) });
        }
        if let Some((due, block)) = live {
            if due <= now {
                return Step::Read(block);
            }
            until = until.min(due);
        }
        let ages = self
            .channels
            .iter()
            .filter_map(|channel| channel.ages_at(now))
            .min();
        Step::Wait(ages.map_or(until, |ages| ages.min(until)))
    }

    /// The reading that was asked for ended at `now`. Tells what changed.
    pub fn on_read(
        &mut self,
        now: Uptime,
        block: &Block,
        result: Result<Raw<'_>, ReadFault>,
        tell: &mut impl FnMut(Observation),
    ) {
        let Some(at) = self.polls.iter().position(|poll| poll.block == *block) else {
            return;
        };
        let Some(poll) = self.polls.get_mut(at) else {
            return;
        };
        let fault = result.as_ref().err().map(|fault| fault.fault);
        // On its grid; a slot that was missed is skipped, not made up for.
        poll.due = poll.due.after_ms(poll.period_ms);
        if poll.due <= now && fault != Some(Fault::NotTried) {
            let late = now.since_ms(poll.due) / u64::from(poll.period_ms) + 1;
            poll.due = Uptime(poll.due.0.saturating_add(late * u64::from(poll.period_ms)));
        }
        if let Some(slave) = self.slaves.get_mut(usize::from(poll.slave)) {
            match fault {
                None => slave.on_good(),
                Some(fault) => {
                    // What went wrong on the line is asked again as soon as the slave may be; a part that refuses or is
                    // not there will do so again.
                    if matches!(
                        fault,
                        Fault::Silent | Fault::Corrupt | Fault::WrongUnit | Fault::NotTried
                    ) {
                        poll.due = now;
                    }
                    slave.on_fault(now, fault, self.pace.settle_ms);
                }
            }
        }
        for channel in self
            .channels
            .iter_mut()
            .filter(|channel| usize::from(channel.poll) == at)
        {
            match &result {
                Ok(raw) => channel.on_raw(now, *raw),
                Err(ReadFault {
                    fault: Fault::NotTried,
                    ..
                }) => {}
                Err(fault) => channel.on_fault(now, fault.fault.no_data()),
            }
            if let Some(reading) = channel.news(now, Some(self.pace.heartbeat_ms)) {
                tell(channel.observation(now, reading));
            }
        }
    }

    /// What was told of `channel` could not be kept: it is told again.
    pub fn forget_told(&mut self, channel: u8) {
        for state in self.channels.iter_mut().filter(|state| state.position == channel) {
            state.forget_told();
        }
    }
}

impl State {
    fn observation(&self, now: Uptime, reading: Reading) -> Observation {
        Observation {
            channel: self.position,
            device: self.channel.device.into(),
            metric: self.metric,
            datatype: datatype(self.channel.quantity),
            reading,
            at: now,
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { have } => write!(f, "more than {have} channels on one bus"),
            Self::Request { channel, error } => write!(f, "channel {channel}: {error}"),
        }
    }
}

impl core::error::Error for TableError {}
