//! The newest reading of every channel that has ever spoken, with the running sums of its hour.

use crate::catalog::Equipment;
use crate::input::Position;
use crate::output::{Output, Outputs, Rollup, RollupNumbers};
use crate::rules::Said;
use crate::sample::{ChannelIx, Reading, Sample};
use serde::{Deserialize, Serialize};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{FaultKey, Quality, ServiceMode};

const HOUR_MS: i64 = 3_600_000;

/// The newest reading of a channel, by source time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// Value or reason, canonical unit.
    pub reading: Reading,
    /// As sent, before scaling; always finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<f64>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// Source time.
    pub at: UtcMillis,
    /// Source time since which the reading has been the same.
    pub since: UtcMillis,
    /// Arrival.
    pub received: UtcMillis,
    /// The log entry it came in.
    pub position: Position,
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is not newer than what is known: not taken.
    NotNewer,
    /// Taken; it says what was known already.
    Same,
    /// Taken; it says something else than before.
    Changed {
        /// Whether the one before was usable; true if there was none.
        was_usable: bool,
    },
}

impl Latest {
    fn of(sample: &Sample, position: Position, received: UtcMillis) -> Self {
        Self {
            reading: sample.reading,
            raw: sample.raw.filter(|raw| raw.is_finite()),
            quality: sample.quality,
            at: sample.at,
            since: sample.at,
            received,
            position,
        }
    }

    /// Whether rules may use it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.quality.is_usable() && !matches!(self.reading, Reading::NoData(_))
    }
}

/// Sums over the samples of one channel in one hour of source time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    good: u32,
    bad: u32,
    min: f64,
    max: f64,
    sum: f64,
    last: f64,
    at: UtcMillis,
}

impl Sums {
    fn add(&mut self, sample: &Sample) {
        self.at = sample.at;
        let usable = sample.quality.is_usable();
        match sample.reading.number() {
            Some(number) if usable => {
                if self.good == 0 {
                    (self.min, self.max) = (number, number);
                }
                self.good += 1;
                self.min = self.min.min(number);
                self.max = self.max.max(number);
                self.sum += number;
                self.last = number;
            }
            // Codes have no mean: only their absence is counted.
            None if usable && !matches!(sample.reading, Reading::NoData(_)) => {}
            _ => self.bad += 1,
        }
    }

    /// The row to merge; without a good value the limits are the empty ones of min and max, and the
    /// time of the last value is older than any.
    fn numbers(&self) -> RollupNumbers {
        if self.good == 0 {
            return RollupNumbers {
                good: 0,
                bad: self.bad,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
                sum: 0.0,
                last: 0.0,
                last_at: UtcMillis(i64::MIN),
            };
        }
        RollupNumbers {
            good: self.good,
            bad: self.bad,
            min: self.min,
            max: self.max,
            sum: self.sum,
            last: self.last,
            last_at: self.at,
        }
    }

    /// Good, bad, min, max, sum, last; the time is that of the newest reading.
    pub(crate) fn record(&self) -> Option<(u32, u32, f64, f64, f64, f64)> {
        (!self.is_empty()).then_some((self.good, self.bad, self.min, self.max, self.sum, self.last))
    }

    pub(crate) fn restore(record: Option<(u32, u32, f64, f64, f64, f64)>, at: UtcMillis) -> Self {
        match record {
            Some((good, bad, min, max, sum, last)) => Self {
                good,
                bad,
                min,
                max,
                sum,
                last,
                at,
            },
            None => Self::default(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.good == 0 && self.bad == 0
    }

    /// Whether a sample at `at` belongs to another hour.
    fn hour_ends(&self, at: UtcMillis) -> bool {
        !self.is_empty() && self.hour() != at.0.div_euclid(HOUR_MS)
    }

    fn hour(&self) -> i64 {
        self.at.0.div_euclid(HOUR_MS)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) channel: ChannelIx,
    pub(crate) latest: Latest,
    pub(crate) sums: Sums,
}

/// Newest readings by channel. Channels that never spoke take two bytes each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    /// Index + 1 into `cells` by channel, 0 for none.
    slots: Box<[u16]>,
    cells: Vec<Cell>,
}

impl Series {
    pub(crate) fn new(channels: usize) -> Self {
        Self {
            slots: vec![0; channels].into(),
            cells: Vec::new(),
        }
    }

    pub(crate) fn get(&self, channel: ChannelIx) -> Option<&Latest> {
        let slot = *self.slots.get(usize::from(channel.0))?;
        self.cells
            .get(usize::from(slot).checked_sub(1)?)
            .map(|cell| &cell.latest)
    }

    pub(crate) fn get_mut(&mut self, channel: ChannelIx) -> Option<&mut Latest> {
        let slot = *self.slots.get(usize::from(channel.0))?;
        self.cells
            .get_mut(usize::from(slot).checked_sub(1)?)
            .map(|cell| &mut cell.latest)
    }

    /// In the order in which the channels first spoke.
    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Puts a reading in place without counting it. Ignored for a channel the equipment has not.
    pub(crate) fn put(&mut self, channel: ChannelIx, latest: Latest, sums: Sums) {
        let Some(slot) = self.slots.get_mut(usize::from(channel.0)) else {
            return;
        };
        match usize::from(*slot).checked_sub(1) {
            Some(index) => {
                self.cells[index] = Cell {
                    channel,
                    latest,
                    sums,
                }
            }
            None => {
                self.cells.push(Cell {
                    channel,
                    latest,
                    sums,
                });
                *slot = self.cells.len() as u16;
            }
        }
    }

    /// Takes the sample if it is newer than what is known of its channel.
    #[inline]
    pub(crate) fn take(
        &mut self,
        equipment: &Equipment,
        sample: &Sample,
        position: Position,
        received: UtcMillis,
        fresh_from: Position,
        out: &mut Outputs,
    ) -> Taken {
        let Some(slot) = self.slots.get(usize::from(sample.channel.0)) else {
            return Taken::Same;
        };
        let mut latest = Latest::of(sample, position, received);
        let Some(index) = usize::from(*slot).checked_sub(1) else {
            let mut sums = Sums::default();
            sums.add(sample);
            self.put(sample.channel, latest, sums);
            return Taken::Changed { was_usable: true };
        };
        let cell = &mut self.cells[index];
        if sample.at <= cell.latest.at {
            return Taken::NotNewer;
        }
        // What a death lies between has not been the same, as far as anybody knows.
        let same = cell.latest.position >= fresh_from
            && cell.latest.reading == latest.reading
            && cell.latest.quality == latest.quality;
        let was_usable = cell.latest.is_usable();
        if same {
            latest.since = cell.latest.since;
        }
        cell.latest = latest;
        if cell.sums.hour_ends(sample.at) {
            flush(equipment, cell, out);
        }
        cell.sums.add(sample);
        if same {
            Taken::Same
        } else {
            Taken::Changed { was_usable }
        }
    }

    /// Takes a sample that is known to be newer, or of the same time.
    pub(crate) fn record(
        &mut self,
        equipment: &Equipment,
        sample: &Sample,
        position: Position,
        received: UtcMillis,
        out: &mut Outputs,
    ) {
        if self.take(equipment, sample, position, received, Position(0), out) == Taken::NotNewer {
            let sums = self.sums_of(sample.channel);
            self.put(sample.channel, Latest::of(sample, position, received), sums);
        }
    }

    fn sums_of(&self, channel: ChannelIx) -> Sums {
        let slot = self.slots.get(usize::from(channel.0)).copied().unwrap_or(0);
        let cell = usize::from(slot)
            .checked_sub(1)
            .and_then(|index| self.cells.get(index));
        cell.map(|cell| cell.sums).unwrap_or_default()
    }

    pub(crate) fn forget_sums(&mut self) {
        for cell in &mut self.cells {
            cell.sums = Sums::default();
        }
    }

    /// Sends out all sums.
    pub(crate) fn flush(&mut self, equipment: &Equipment, out: &mut Outputs) {
        for cell in &mut self.cells {
            if !cell.sums.is_empty() {
                flush(equipment, cell, out);
            }
        }
    }
}

fn flush(equipment: &Equipment, cell: &mut Cell, out: &mut Outputs) {
    let sums = std::mem::take(&mut cell.sums);
    if let Some(channel) = equipment.channels.get(usize::from(cell.channel.0)) {
        out.push(Output::Rollup(Rollup {
            equipment: equipment.id.clone(),
            quantity: channel.quantity,
            hour: UtcMillis(sums.hour() * HOUR_MS),
            numbers: sums.numbers(),
        }));
    }
}

/// What rules see: readings that may still be believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    pub(crate) series: &'a Series,
    /// Readings that came in before this are from before the last death.
    pub(crate) fresh_from: Position,
}

impl Values<'_> {
    /// The reading, if it is usable.
    pub(crate) fn usable(&self, channel: ChannelIx) -> Option<&Latest> {
        self.series
            .get(channel)
            .filter(|latest| latest.is_usable() && latest.position >= self.fresh_from)
    }

    /// Bad, stale, gone, or never reported.
    pub(crate) fn is_bad(&self, channel: ChannelIx) -> bool {
        self.usable(channel).is_none()
    }

    pub(crate) fn number(&self, channel: ChannelIx) -> Option<f64> {
        match self.usable(channel)?.reading {
            Reading::Code { raw, .. } => raw
                .as_str()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite()),
            reading => reading.number(),
        }
    }

    pub(crate) fn boolean(&self, channel: ChannelIx) -> Option<bool> {
        match self.usable(channel)?.reading {
            Reading::Bool(on) => Some(on),
            Reading::Number(1.0) => Some(true),
            Reading::Number(0.0) => Some(false),
            _ => None,
        }
    }

    /// The key of the reported code; `None` also for a code the scheme does not know.
    pub(crate) fn key(&self, channel: ChannelIx) -> Option<FaultKey> {
        match self.usable(channel)?.reading {
            Reading::Code { key, .. } => key,
            _ => None,
        }
    }

    /// What counting rules tell apart: the reported code, or the state of a two-state signal.
    pub(crate) fn said(&self, channel: ChannelIx) -> Option<Said> {
        let key = self.key(channel).map(Said::Key);
        key.or_else(|| self.boolean(channel).map(Said::State))
    }

    pub(crate) fn mode(&self, channel: ChannelIx) -> Option<ServiceMode> {
        if let Reading::Code { raw, .. } = self.usable(channel)?.reading
            && let Some(mode) = ServiceMode::from_key(raw.as_str())
        {
            return Some(mode);
        }
        let number = self.number(channel)?;
        (number.fract() == 0.0).then(|| ServiceMode::from_code(number as i64))?
    }
}
