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
    pub(super) metric: u16,
    pub(super) poll: u8,
    /// What was last read, and when.
    read: Option<(Value, Quality, Uptime)>,
    /// A contact's new state, and since when.
    bouncing: Option<(Value, Uptime)>,
    /// Why the last reading failed; `None` when it did not.
    fault: Option<NoData>,
    told: Option<(Reading, Uptime)>,
}

impl State {
    pub(super) const fn new(metric: u16, poll: u8) -> Self {
        Self {
            metric,
            poll,
            read: None,
            bouncing: None,
            fault: None,
            told: None,
        }
    }

    /// A block was read.
    pub(super) fn on_raw(&mut self, channel: &Channel, now: Uptime, raw: Raw<'_>) {
        match channel.source.convert(raw, channel.quantity, channel.inverted) {
            Reading::NoData(reason) => self.on_fault(reason),
            Reading::Value { value, quality } => {
                self.fault = None;
                let value = self.settle(channel.debounce_ms.into(), now, calibrate(channel, value));
                self.read = Some((value, quality, now));
            }
        }
    }

    /// Nothing was read, for this reason.
    pub(super) const fn on_fault(&mut self, reason: NoData) {
        self.fault = Some(reason);
        self.bouncing = None;
    }

    /// A contact's new state counts when it has lasted.
    fn settle(&mut self, wait: u64, now: Uptime, new: Value) -> Value {
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

    /// When a contact that bounces will have settled, if nothing more happens.
    pub(super) fn settles_at(&self, channel: &Channel) -> Option<Uptime> {
        let (_, since) = self.bouncing?;
        Some(since.after_ms(channel.debounce_ms.into()))
    }

    /// What the channel shows: a value gets worse with age and at the first failure; `None` before anything was tried.
    fn reading(&self, channel: &Channel, now: Uptime) -> Option<Reading> {
        let (late, gone) = age_limits_ms(channel);
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
    pub(super) fn ages_at(&self, channel: &Channel, now: Uptime) -> Option<Uptime> {
        let (_, _, at) = self.read?;
        let (late, gone) = age_limits_ms(channel);
        [late, gone]
            .into_iter()
            .map(|limit| Uptime(at.0.saturating_add(limit + 1)))
            .find(|limit| *limit > now)
    }

    /// What is worth telling now. `heartbeat_ms`: a confirmed reading is told again after this; 0 for never.
    pub(super) fn news(
        &mut self,
        channel: &Channel,
        now: Uptime,
        heartbeat_ms: Option<u32>,
    ) -> Option<Reading> {
        let reading = self.reading(channel, now)?;
        let due = match &self.told {
            None => true,
            Some((told, at)) => {
                let again = heartbeat_ms.is_some_and(|ms| ms > 0 && now.since_ms(*at) >= u64::from(ms));
                again || differs(told, &reading, channel.dead_band)
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

fn calibrate(channel: &Channel, value: Value) -> Value {
    match value {
        Value::Number(number) if channel.quantity.kind() == QuantityKind::Analog => {
            Value::Number(number * channel.calibration.gain + channel.calibration.offset)
        }
        other => other,
    }
}

const fn age_limits_ms(channel: &Channel) -> (u64, u64) {
    let period = channel.period_ms as u64;
    let (late, gone) = (LATE_PERIODS * period, MAX_AGE_PERIODS * period);
    (
        if late < MIN_AGE_MS { MIN_AGE_MS } else { late },
        if gone < MIN_AGE_MS { MIN_AGE_MS } else { gone },
    )
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
