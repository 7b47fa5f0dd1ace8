//! One channel: what it shows, what of it was told.

use vigil_protocol::vocabulary::{NoData, Quality, QuantityKind, Uncertain};

use crate::drivers::Raw;
use crate::provisioning::Channel;
use crate::reading::{Reading, Value};
use crate::time::Uptime;

/// A value is no longer believed after this many periods without a confirmation, but not before [`MIN_AGE_MS`].
const MAX_AGE_PERIODS: u64 = 5;
const MIN_AGE_MS: u64 = 2_000;
/// A value is the last usable one after this many periods, but not before [`MIN_AGE_MS`].
const LATE_PERIODS: u64 = 2;

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) channel: Channel,
    /// Position in the channel table.
    pub(super) position: u8,
    pub(super) metric: u16,
    pub(super) poll: u8,
    /// What was last read, and when.
    read: Option<(Value, Quality, Uptime)>,
    /// A contact's new state, and since when.
    bouncing: Option<(Value, Uptime)>,
    /// Why the last reading failed; `None` when it did not.
    fault: Option<NoData>,
    /// When the first of the failures in a row was.
    failing_since: Uptime,
    told: Option<(Reading, Uptime)>,
}

impl State {
    pub(super) const fn new(channel: Channel, position: u8, metric: u16, poll: u8) -> Self {
        Self {
            channel,
            position,
            metric,
            poll,
            read: None,
            bouncing: None,
            fault: None,
            failing_since: Uptime(0),
            told: None,
        }
    }

    /// A block was read.
    pub(super) fn on_raw(&mut self, now: Uptime, raw: Raw<'_>) {
        let Channel {
            quantity, inverted, ..
        } = self.channel;
        match self.channel.source.convert(raw, quantity, inverted) {
            Reading::NoData(reason) => self.on_fault(now, reason),
            Reading::Value { value, quality } => {
                self.fault = None;
                let value = self.settle(now, self.calibrate(value));
                self.read = Some((value, quality, now));
            }
        }
    }

    /// Nothing was read, for this reason.
    pub(super) const fn on_fault(&mut self, now: Uptime, reason: NoData) {
        if self.fault.is_none() {
            self.failing_since = now;
        }
        self.fault = Some(reason);
        self.bouncing = None;
    }

    fn calibrate(&self, value: Value) -> Value {
        let calibration = self.channel.calibration;
        match value {
            Value::Number(number) if self.channel.quantity.kind() == QuantityKind::Analog => {
                Value::Number(number * calibration.gain + calibration.offset)
            }
            other => other,
        }
    }

    /// A contact's new state counts when it has lasted.
    fn settle(&mut self, now: Uptime, new: Value) -> Value {
        let wait = u64::from(self.channel.debounce_ms);
        let Some((old, ..)) = self.read.filter(|(old, ..)| wait > 0 && *old != new) else {
            self.bouncing = None;
            return new;
        };
        if !matches!(new, Value::Flag(_) | Value::Code(_)) {
            return new;
        }
        match self.bouncing.filter(|(candidate, _)| *candidate == new) {
            Some((_, since)) if now.since_ms(since) >= wait => {
                self.bouncing = None;
                new
            }
            Some(_) => old,
            None => {
                self.bouncing = Some((new, now));
                old
            }
        }
    }

    const fn age_limits_ms(&self) -> (u64, u64) {
        let period = self.channel.period_ms as u64;
        let (late, gone) = (LATE_PERIODS * period, MAX_AGE_PERIODS * period);
        (
            if late < MIN_AGE_MS { MIN_AGE_MS } else { late },
            if gone < MIN_AGE_MS { MIN_AGE_MS } else { gone },
        )
    }

    /// What the channel shows: a value gets worse with age and at the first failure; `None` before anything was tried.
    pub(super) fn reading(&self, now: Uptime) -> Option<Reading> {
        let (late, gone) = self.age_limits_ms();
        match (self.read, self.fault) {
            (None, None) => None,
            (None, Some(reason)) => Some(Reading::NoData(reason)),
            (Some((value, quality, at)), fault) => {
                let age = now.since_ms(at);
                // Only the line being silent leaves the last value usable: a sensor that says it is broken is broken.
                match fault {
                    Some(reason) if reason != NoData::Comm => Some(Reading::NoData(reason)),
                    _ if age > gone => Some(Reading::NoData(fault.unwrap_or(NoData::Comm))),
                    None if age <= late => Some(Reading::Value { value, quality }),
                    _ => Some(Reading::Value {
                        value,
                        quality: Quality::Uncertain(Uncertain::LastUsable),
                    }),
                }
            }
        }
    }

    /// When what it shows changes by age alone.
    pub(super) fn ages_at(&self, now: Uptime) -> Option<Uptime> {
        let (_, _, at) = self.read?;
        let (late, gone) = self.age_limits_ms();
        [late, gone]
            .into_iter()
            .map(|limit| Uptime(at.0.saturating_add(limit + 1)))
            .find(|limit| *limit > now)
    }

    /// What is worth telling now. `heartbeat_ms`: a confirmed reading is told again after this; 0 for never.
    pub(super) fn news(&mut self, now: Uptime, heartbeat_ms: Option<u32>) -> Option<Reading> {
        let reading = self.reading(now)?;
        let due = match &self.told {
            None => true,
            Some((told, at)) => {
                let again = heartbeat_ms.is_some_and(|ms| ms > 0 && now.since_ms(*at) >= u64::from(ms));
                again || differs(told, &reading, self.channel.dead_band)
            }
        };
        due.then(|| {
            self.told = Some((reading, now));
            reading
        })
    }

    /// What was told has not arrived: it is news again.
    pub(super) const fn forget_told(&mut self) {
        self.told = None;
    }
}

fn differs(told: &Reading, now: &Reading, dead_band: f32) -> bool {
    match (told, now) {
        (
            Reading::Value {
                value: Value::Number(a),
                quality: p,
            },
            Reading::Value {
                value: Value::Number(b),
                quality: q,
            },
        ) => p != q || (a != b && (a - b).abs() > f64::from(dead_band)),
        (told, now) => told != now,
    }
}
