//! 4–20 mA loops with failure signalling per NAMUR NE 43.
//!
//! | current | meaning |
//! |---|---|
//! | below 0.5 mA | nothing connected |
//! | ≤ 3.6 mA, ≥ 21.0 mA | the transmitter reports failure: no value |
//! | 3.6–3.8 mA, 20.5–21.0 mA | saturated: a value out of specification |
//! | 3.8–20.5 mA | measurement, extrapolated linearly beyond 4–20 mA |

use crate::vocabulary::{NoData, Quality, Uncertain};

/// Limits in microampere. Some makers saturate at 4.0/20.0 mA: configurable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ne43 {
    /// Below: nothing connected.
    pub open_below: i32,
    /// At or below: failure.
    pub fail_low: i32,
    /// Below: saturated low.
    pub valid_from: i32,
    /// Above: saturated high.
    pub valid_to: i32,
    /// At or above: failure.
    pub fail_high: i32,
}

impl Ne43 {
    /// The limits of NE 43, and 0.5 mA for an open channel.
    pub const DEFAULT: Ne43 = Ne43 {
        open_below: 500,
        fail_low: 3_600,
        valid_from: 3_800,
        valid_to: 20_500,
        fail_high: 21_000,
    };
}

impl Default for Ne43 {
    fn default() -> Ne43 {
        Ne43::DEFAULT
    }
}

/// A linear 4–20 mA channel: `lo` at 4 mA, `hi` at 20 mA, both in the channel's unit.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CurrentLoop {
    /// Value at 4 mA.
    pub lo: f64,
    /// Value at 20 mA; may be below `lo` (reverse acting).
    pub hi: f64,
    /// When the current is no measurement.
    pub limits: Ne43,
}

/// What a loop current says. `T` is `f64` in the channel's unit, or `i32` in millionths of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoopReading<T = f64> {
    /// A value, good or out of specification.
    Value {
        /// In the channel's unit (or millionths of it).
        value: T,
        /// Good, or uncertain because saturated.
        quality: Quality,
    },
    /// No value, and why.
    NoData(NoData),
}

/// Quality of a current between the failure limits, or why there is no value. `compare` orders the current
/// against a limit in microampere, so that float and integer callers share one table.
fn judge(limits: &Ne43, compare: impl Fn(i32) -> core::cmp::Ordering) -> Result<Quality, NoData> {
    use core::cmp::Ordering::{Equal, Greater, Less};
    if compare(limits.open_below) == Less {
        return Err(NoData::NotConnected);
    }
    if matches!(compare(limits.fail_low), Less | Equal)
        || matches!(compare(limits.fail_high), Greater | Equal)
    {
        return Err(NoData::Sensor);
    }
    if compare(limits.valid_from) == Less || compare(limits.valid_to) == Greater {
        return Ok(Quality::Uncertain(Uncertain::OutOfSpec));
    }
    Ok(Quality::Good)
}

impl CurrentLoop {
    /// A channel with the limits of NE 43.
    pub const fn new(lo: f64, hi: f64) -> CurrentLoop {
        CurrentLoop {
            lo,
            hi,
            limits: Ne43::DEFAULT,
        }
    }

    /// The value a current stands for.
    pub fn read(&self, milliampere: f64) -> LoopReading {
        if !milliampere.is_finite() {
            return LoopReading::NoData(NoData::NotFinite);
        }
        let span = self.hi - self.lo;
        if !span.is_finite() || span == 0.0 {
            return LoopReading::NoData(NoData::Config);
        }
        // A limit divided by 1000 rounds to the same float as the literal: 3600 → 3.6.
        match judge(&self.limits, |limit| {
            milliampere.total_cmp(&(f64::from(limit) / 1_000.0))
        }) {
            Ok(quality) => LoopReading::Value {
                value: self.lo + (milliampere - 4.0) / 16.0 * span,
                quality,
            },
            Err(reason) => LoopReading::NoData(reason),
        }
    }

    /// The current in mA that stands for `value`; `None` when the channel has no span or `value` is no number.
    pub fn milliampere(&self, value: f64) -> Option<f64> {
        let span = self.hi - self.lo;
        let current = 4.0 + (value - self.lo) / span * 16.0;
        (span != 0.0 && span.is_finite() && current.is_finite()).then_some(current)
    }
}

/// [`CurrentLoop::read`] for nodes without a floating-point unit: current in µA; `lo`, `hi` and the value in
/// millionths of the channel's unit. Rounds to nearest, halves away from zero, saturates at `i32`.
pub fn scale_microamps(microampere: i32, lo: i32, hi: i32, limits: &Ne43) -> LoopReading<i32> {
    const SPAN: i64 = 16_000;
    if lo == hi {
        return LoopReading::NoData(NoData::Config);
    }
    match judge(limits, |limit| microampere.cmp(&limit)) {
        Ok(quality) => {
            // |current − 4000| < 2³² and |hi − lo| < 2³²: the product can pass i64 only for currents no ADC yields.
            let product = (i64::from(microampere) - 4_000).saturating_mul(i64::from(hi) - i64::from(lo));
            let half = if product < 0 { -SPAN / 2 } else { SPAN / 2 };
            let value = i64::from(lo) + product.saturating_add(half) / SPAN;
            LoopReading::Value {
                value: value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
                quality,
            }
        }
        Err(reason) => LoopReading::NoData(reason),
    }
}
