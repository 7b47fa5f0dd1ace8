//! The scheduler of the buses.

use core::fmt;

use heapless::Vec;
use vigil_protocol::sparkplug::DataType;

use super::channel::State;
use super::slave::Slave;
use crate::drivers::{Block, Bus, Fault, Raw, ReadFault};
use crate::modbus::RequestError;
use crate::provisioning::{Channel, MAX_CHANNELS, Settings};
use crate::reading::{Reading, datatype};
use crate::time::Uptime;

/// How a bus is treated. Milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pace {
    /// A confirmed reading is told again after this, changed or not. 0: never.
    heartbeat_ms: u32,
    /// What asking a dead slave costs: a probe waits for a gap this long.
    probe_ms: u32,
    /// How long a slave that did not answer is left alone.
    settle_ms: u32,
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

/// Why there is no sampler for a channel table: the request of a channel cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableError {
    /// Position in the channel table.
    pub channel: u8,
    /// Why.
    pub error: RequestError,
}

/// A block and when it is to be read.
#[derive(Clone, Copy, Debug)]
struct Poll {
    bus: Bus,
    block: Block,
    period_ms: u32,
    due: Uptime,
    slave: u8,
}

/// A dead slave's probe waits for a gap at most this long, ms: then the others wait once.
const PROBE_PATIENCE_MS: u64 = 10_000;

/// Schedules the readings of all buses and keeps what they showed. Each bus is asked for on its own: none waits for
/// another.
#[derive(Clone, Debug)]
pub struct Sampler<'s> {
    settings: &'s Settings,
    /// In the order of the channel table.
    channels: Vec<State, MAX_CHANNELS>,
    polls: Vec<Poll, MAX_CHANNELS>,
    slaves: Vec<Slave, MAX_CHANNELS>,
}

/// Of a part on I2C or on pins, ms: three conversions of the slowest.
const PART_MS: u32 = 30;

impl Pace {
    /// A line where a reply may take `reply_ms`.
    const fn for_reply_ms(reply_ms: u32) -> Self {
        Self {
            heartbeat_ms: 20_000,
            probe_ms: reply_ms + 10,
            settle_ms: reply_ms + 500,
        }
    }

    /// How `settings` want `bus` to be treated.
    fn of(bus: Bus, settings: &Settings) -> Self {
        Self::for_reply_ms(match bus {
            Bus::Rs485(line) => settings
                .ports
                .get(usize::from(line))
                .map_or(0, |port| port.reply_ms.into()),
            Bus::I2c | Bus::Pins => PART_MS,
        })
    }
}

impl<'s> Sampler<'s> {
    /// The channels of `settings`; all are due now.
    ///
    /// # Errors
    /// [`TableError`]
    pub fn new(settings: &'s Settings, now: Uptime) -> Result<Self, TableError> {
        let mut sampler = Self {
            settings,
            channels: Vec::new(),
            polls: Vec::new(),
            slaves: Vec::new(),
        };
        for (n, channel) in settings.channels.iter().enumerate() {
            let bus = channel.source.bus();
            let block = channel.source.block().map_err(|error| TableError {
                channel: n as u8,
                error,
            })?;
            let same = |poll: &Poll| poll.bus == bus && poll.block == block;
            let at = match sampler.polls.iter().position(same) {
                Some(at) => at,
                None => {
                    let slave = sampler.slave(bus, &block);
                    let poll = Poll {
                        bus,
                        block,
                        period_ms: channel.period_ms,
                        due: now,
                        slave,
                    };
                    // There is room for one of each channel, here and below.
                    sampler.polls.push(poll).unwrap_or(());
                    sampler.polls.len() - 1
                }
            };
            if let Some(poll) = sampler.polls.get_mut(at) {
                poll.period_ms = poll.period_ms.min(channel.period_ms).max(1);
            }
            let state = State::new(settings.metric(n).unwrap_or(0), at as u8);
            sampler.channels.push(state).unwrap_or(());
        }
        Ok(sampler)
    }

    fn slave(&mut self, bus: Bus, block: &Block) -> u8 {
        let address = Slave::address_of(block);
        let same = |slave: &Slave| slave.bus == bus && slave.address == address;
        let at = self.slaves.iter().position(same).unwrap_or_else(|| {
            self.slaves.push(Slave::new(bus, address)).unwrap_or(());
            self.slaves.len() - 1
        });
        at as u8
    }

    /// The channels with what they show, those of `bus` only.
    fn channels_of(&mut self, bus: Bus) -> impl Iterator<Item = (u8, &Channel, &mut State)> {
        let polls = &self.polls;
        let rows = self.settings.channels.iter().zip(&mut self.channels);
        rows.enumerate()
            .filter(move |(_, (_, state))| {
                let poll = polls.get(usize::from(state.poll));
                poll.is_some_and(|poll| poll.bus == bus)
            })
            .map(|(n, (channel, state))| (n as u8, channel, state))
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

    /// Whether there is anything to read on `bus`.
    #[must_use]
    pub fn uses(&self, bus: Bus) -> bool {
        self.polls.iter().any(|poll| poll.bus == bus)
    }

    /// Something has happened on `bus`: all of it is due at `now`.
    pub fn hurry(&mut self, bus: Bus, now: Uptime) {
        for poll in self.polls.iter_mut().filter(|poll| poll.bus == bus) {
            poll.due = poll.due.min(now);
        }
    }

    /// What to do on `bus` at `now`. Tells what has grown too old.
    pub fn next(&mut self, bus: Bus, now: Uptime, tell: &mut dyn FnMut(Observation)) -> Step {
        let pace = Pace::of(bus, self.settings);
        let mut ages = Uptime(u64::MAX);
        for (position, channel, state) in self.channels_of(bus) {
            if let Some(reading) = state.news(channel, now, None) {
                tell(state.observation(position, channel, now, reading));
            }
            ages = ages.min(state.ages_at(channel, now).unwrap_or(ages));
        }
        let mut live: Option<(Uptime, Block)> = None;
        let mut dead: Option<(Uptime, Block)> = None;
        for poll in self.polls.iter().filter(|poll| poll.bus == bus) {
            let (due, is_dead) = self.due(poll);
            let best = if is_dead { &mut dead } else { &mut live };
            if best.is_none_or(|(other, _)| due < other) {
                *best = Some((due, poll.block));
            }
        }
        let mut until = Uptime(u64::MAX);
        if let Some((due, block)) = dead {
            let gap = live.is_none_or(|(other, _)| other >= now.after_ms(pace.probe_ms));
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
        Step::Wait(ages.min(until))
    }

    /// The reading that was asked for ended at `now`. Tells what changed.
    pub fn on_read(
        &mut self,
        bus: Bus,
        now: Uptime,
        block: &Block,
        result: Result<Raw<'_>, ReadFault>,
        tell: &mut dyn FnMut(Observation),
    ) {
        let pace = Pace::of(bus, self.settings);
        let asked = |poll: &Poll| poll.bus == bus && poll.block == *block;
        let Some(at) = self.polls.iter().position(asked) else {
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
                    slave.on_fault(now, fault, pace.settle_ms);
                }
            }
        }
        let mut settles = Uptime(u64::MAX);
        for (position, channel, state) in self.channels_of(bus) {
            if usize::from(state.poll) != at {
                continue;
            }
            match &result {
                Ok(raw) => state.on_raw(channel, now, *raw),
                Err(ReadFault {
                    fault: Fault::NotTried,
                    ..
                }) => {}
                Err(fault) => state.on_fault(fault.fault.no_data()),
            }
            settles = settles.min(state.settles_at(channel).unwrap_or(settles));
            if let Some(reading) = state.news(channel, now, Some(pace.heartbeat_ms)) {
                tell(state.observation(position, channel, now, reading));
            }
        }
        // A contact that bounces is looked at again when it should have settled, not a period later.
        if let Some(poll) = self.polls.get_mut(at) {
            poll.due = poll.due.min(settles);
        }
    }

    /// What was told of `channel` could not be kept: it is told again.
    pub fn forget_told(&mut self, channel: u8) {
        if let Some(state) = self.channels.get_mut(usize::from(channel)) {
            state.forget_told();
        }
    }
}

impl State {
    fn observation(&self, position: u8, channel: &Channel, now: Uptime, reading: Reading) -> Observation {
        Observation {
            channel: position,
            device: channel.device.into(),
            metric: self.metric,
            datatype: datatype(channel.quantity),
            reading,
            at: now,
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {}: {}", self.channel, self.error)
    }
}

impl core::error::Error for TableError {}
