//! What stands between the equipment and its edge node: the instrument with its noise and its faults, and the
//! misfortunes of nodes, links and the broker.

use vigil_protocol::signal::{CurrentLoop, LoopReading};
use vigil_protocol::vocabulary::{NoData, Quantity, Unit};

use crate::plant::PlantValue;
use crate::rng::Rng;

/// A fault of one instrument. It lasts from its `at` to its `until`.
#[derive(Clone, Debug, PartialEq)]
pub enum SensorFault {
    /// Goes on showing what it showed when the fault began.
    Stuck,
    /// Wanders off, in units of the quantity per minute.
    Drift {
        /// Units per minute.
        per_minute: f64,
    },
    /// Shows nothing, for this reason.
    Dropout {
        /// Why.
        reason: NoData,
    },
    /// Its loop carries this current whatever it measures (3.2 mA: the transmitter reports its own failure).
    LoopFault {
        /// Current, mA.
        milliampere: f64,
    },
    /// Swings about a limit: half a period above, half below; a contact opens and closes.
    Flap {
        /// Middle, units of the quantity.
        around: f64,
        /// Half of the swing, units of the quantity.
        amplitude: f64,
        /// Full period, ms.
        period_ms: i64,
    },
    /// Shows this number, or this state for a contact (0 = false).
    Force {
        /// What it shows.
        value: f64,
    },
}

/// A misfortune of an edge node or of its link. It lasts from its `at` to its `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeFault {
    /// The node is without power: it samples nothing and forgets everything but its journal.
    PowerCut,
    /// The node runs but cannot reach the broker.
    LinkDown,
    /// Its clock is off by so much, ms.
    ClockOffset {
        /// Added to true time, ms.
        offset_ms: i64,
    },
    /// It sends each message twice.
    Duplicate,
    /// It sends neighbouring messages in the wrong order.
    Reorder,
}

/// One instrument: the noise of its quantity, its span, and the fault it has at the moment.
#[derive(Clone, Debug)]
pub struct Instrument {
    quantity: Quantity,
    current_loop: Option<CurrentLoop>,
    rng: Rng,
    fault: Option<Active>,
    shown: PlantValue,
}

#[derive(Clone, Debug)]
struct Active {
    fault: SensorFault,
    since_ms: i64,
}

impl Instrument {
    /// An instrument without faults. `span` is what 4 and 20 mA stand for, where it is on a current loop.
    #[must_use]
    pub const fn new(quantity: Quantity, span: Option<(f64, f64)>, rng: Rng) -> Self {
        let current_loop = match span {
            Some((lo, hi)) => Some(CurrentLoop::new(lo, hi)),
            None => None,
        };
        Self {
            quantity,
            current_loop,
            rng,
            fault: None,
            shown: PlantValue::NoData(NoData::NotReported),
        }
    }

    /// What it measures.
    #[must_use]
    pub const fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// What it showed last.
    #[must_use]
    pub const fn shown(&self) -> &PlantValue {
        &self.shown
    }

    /// The current in its loop, mA, where it has one: what stands for the value it shows or for why it shows none.
    #[must_use]
    pub fn loop_current(&self) -> Option<f64> {
        let current_loop = self.current_loop?;
        if let Some(SensorFault::LoopFault { milliampere }) = self.fault.as_ref().map(|active| &active.fault)
        {
            return Some(*milliampere);
        }
        match self.shown {
            PlantValue::Number(value) => {
                let limits = current_loop.limits;
                let (low, high) = (
                    f64::from(limits.valid_from) / 1e3,
                    f64::from(limits.valid_to) / 1e3,
                );
                current_loop
                    .milliampere(value)
                    .map(|current| current.clamp(low, high))
            }
            PlantValue::NoData(NoData::Sensor) => Some(f64::from(current_loop.limits.fail_low) / 1e3),
            PlantValue::NoData(_) | PlantValue::Bool(_) | PlantValue::Code(_) => Some(0.0),
        }
    }

    /// What 4 and 20 mA stand for, where it is on a current loop.
    #[must_use]
    pub const fn span(&self) -> Option<(f64, f64)> {
        match self.current_loop {
            Some(current_loop) => Some((current_loop.lo, current_loop.hi)),
            None => None,
        }
    }

    /// Begins a fault, replacing the one it had.
    pub fn begin(&mut self, fault: SensorFault, now_ms: i64) {
        self.fault = Some(Active {
            fault,
            since_ms: now_ms,
        });
    }

    /// Ends the fault, if it is the one it has.
    pub fn end(&mut self, fault: &SensorFault) {
        if self.fault.as_ref().is_some_and(|active| active.fault == *fault) {
            self.fault = None;
        }
    }

    /// Reads the equipment: `truth` is what a perfect instrument would show.
    pub fn read(&mut self, truth: PlantValue, now_ms: i64) -> &PlantValue {
        let measured = self.with_noise(truth);
        self.shown = match &self.fault {
            None => measured,
            Some(active) => self.spoil(active, measured, now_ms),
        };
        &self.shown
    }

    fn with_noise(&mut self, truth: PlantValue) -> PlantValue {
        let deviation = noise(self.quantity);
        match truth {
            // Nothing flows, nothing turns: the instrument shows exactly that.
            PlantValue::Number(number) if deviation > 0.0 && number != 0.0 => {
                let noisy = number + self.rng.noise(deviation);
                PlantValue::Number(match self.quantity.plausible() {
                    Some((lo, hi)) => noisy.clamp(lo, hi),
                    None => noisy,
                })
            }
            other => other,
        }
    }

    fn spoil(&self, active: &Active, measured: PlantValue, now_ms: i64) -> PlantValue {
        let since_ms = now_ms - active.since_ms;
        match (&active.fault, measured) {
            (SensorFault::Stuck, _) => self.shown.clone(),
            (SensorFault::Drift { per_minute }, PlantValue::Number(number)) => {
                PlantValue::Number(number + per_minute * since_ms as f64 / 60_000.0)
            }
            (SensorFault::Dropout { reason }, _) => PlantValue::NoData(*reason),
            (SensorFault::LoopFault { milliampere }, measured) => match self.current_loop {
                Some(current_loop) => match current_loop.read(*milliampere) {
                    LoopReading::Value { value, .. } => PlantValue::Number(value),
                    LoopReading::NoData(reason) => PlantValue::NoData(reason),
                },
                None => measured,
            },
            (
                SensorFault::Flap {
                    around,
                    amplitude,
                    period_ms,
                },
                measured,
            ) => {
                // Begins on the lower half, so that a limit is passed at the start whichever side it has.
                let upper = since_ms.rem_euclid(*period_ms) >= period_ms / 2;
                match measured {
                    PlantValue::Bool(_) => PlantValue::Bool(!upper),
                    _ => PlantValue::Number(if upper {
                        around + amplitude
                    } else {
                        around - amplitude
                    }),
                }
            }
            (SensorFault::Force { value }, PlantValue::Bool(_)) => PlantValue::Bool(*value != 0.0),
            (SensorFault::Force { value }, _) => PlantValue::Number(*value),
            (SensorFault::Drift { .. }, measured) => measured,
        }
    }
}

/// Standard deviation of the noise of an instrument, canonical unit.
fn noise(quantity: Quantity) -> f64 {
    dead_band(quantity) * if counts_exactly(quantity) { 0.0 } else { 0.25 }
}

/// Change that is worth a report, canonical unit: about half a percent of the usual span.
#[must_use]
pub fn dead_band(quantity: Quantity) -> f64 {
    match quantity.unit() {
        Unit::Megapascal => 0.004,
        Unit::Celsius => 0.5,
        Unit::Millimetre => 2.0,
        Unit::MetrePerSecond => 0.1,
        Unit::KilogramPerHour => 25.0,
        Unit::CubicMetrePerHour => 1.0,
        Unit::Percent => 1.0,
        Unit::Hour => 0.01,
        _ => 0.0,
    }
}

fn counts_exactly(quantity: Quantity) -> bool {
    matches!(
        quantity,
        Quantity::CarSpeed | Quantity::CarLoad | Quantity::RunHours | Quantity::RunCount
    )
}

#[cfg(test)]
mod tests {
    use super::{Instrument, SensorFault};
    use crate::plant::PlantValue::{self, Bool, NoData, Number};
    use crate::rng::Rng;
    use vigil_protocol::vocabulary::{NoData as Reason, Quantity};

    fn gauge() -> Instrument {
        Instrument::new(Quantity::SteamPressure, Some((0.0, 2.5)), Rng::new(1))
    }

    fn spoiled(fault: SensorFault, truth: PlantValue, after_ms: i64) -> PlantValue {
        let mut gauge = gauge();
        gauge.read(Number(1.0), 0);
        gauge.begin(fault, 0);
        gauge.read(truth, after_ms).clone()
    }

    fn near(value: &PlantValue, wanted: f64) -> bool {
        value
            .number()
            .is_some_and(|number| (number - wanted).abs() < 0.01)
    }

    #[test]
    fn a_stuck_instrument_shows_what_it_showed() {
        assert!(near(&spoiled(SensorFault::Stuck, Number(2.0), 9_000), 1.0));
    }

    #[test]
    fn a_drifting_instrument_wanders_with_time() {
        assert!(near(
            &spoiled(SensorFault::Drift { per_minute: 0.6 }, Number(1.0), 30_000),
            1.3
        ));
    }

    #[test]
    fn a_loop_current_outside_the_measuring_range_is_no_value_and_never_a_pressure() {
        for (milliampere, reason) in [
            (3.2, Reason::Sensor),
            (21.8, Reason::Sensor),
            (0.0, Reason::NotConnected),
        ] {
            assert_eq!(
                spoiled(SensorFault::LoopFault { milliampere }, Number(1.0), 0),
                NoData(reason)
            );
        }
        assert!(near(
            &spoiled(SensorFault::LoopFault { milliampere: 12.0 }, Number(1.0), 0),
            1.25
        ));
    }

    #[test]
    fn a_loop_carries_what_stands_for_the_value_or_for_the_failure() {
        let current = |fault: Option<SensorFault>, truth: f64| {
            let mut gauge = gauge();
            if let Some(fault) = fault {
                gauge.begin(fault, 0);
            }
            gauge.read(Number(truth), 0);
            gauge.loop_current().unwrap()
        };
        assert!((current(None, 1.25) - 12.0).abs() < 0.1);
        assert!((current(None, 9.0) - 20.5).abs() < 1e-9, "saturated");
        assert!((current(Some(SensorFault::LoopFault { milliampere: 21.8 }), 1.0) - 21.8).abs() < 1e-9);
        let lost = |reason| Some(SensorFault::Dropout { reason });
        assert!((current(lost(Reason::Sensor), 1.0) - 3.6).abs() < 1e-9);
        assert!(current(lost(Reason::Comm), 1.0).abs() < 1e-9);
        assert_eq!(
            Instrument::new(Quantity::CarSpeed, None, Rng::new(1)).loop_current(),
            None
        );
    }

    #[test]
    fn flapping_swings_about_its_middle_and_toggles_contacts() {
        let flap = || SensorFault::Flap {
            around: 1.4,
            amplitude: 0.1,
            period_ms: 4_000,
        };
        assert!(near(&spoiled(flap(), Number(1.0), 0), 1.3));
        assert!(near(&spoiled(flap(), Number(1.0), 2_000), 1.5));
        assert!(near(&spoiled(flap(), Number(1.0), 4_000), 1.3));
        assert_eq!(spoiled(flap(), Bool(false), 0), Bool(true));
        assert_eq!(spoiled(flap(), Bool(true), 2_000), Bool(false));
    }

    #[test]
    fn a_dropout_states_its_reason_and_a_forced_value_replaces_the_truth() {
        assert_eq!(
            spoiled(SensorFault::Dropout { reason: Reason::Comm }, Number(1.0), 0),
            NoData(Reason::Comm)
        );
        assert!(near(
            &spoiled(SensorFault::Force { value: 2.0 }, Number(1.0), 0),
            2.0
        ));
        assert_eq!(
            spoiled(SensorFault::Force { value: 1.0 }, Bool(false), 0),
            Bool(true)
        );
    }

    #[test]
    fn a_fault_that_ended_leaves_the_instrument_as_it_was() {
        let mut gauge = gauge();
        gauge.begin(SensorFault::Stuck, 0);
        gauge.end(&SensorFault::Force { value: 1.0 });
        assert!(gauge.fault.is_some(), "another fault's end does not end this one");
        gauge.end(&SensorFault::Stuck);
        assert!(near(gauge.read(Number(1.7), 1_000), 1.7));
    }

    #[test]
    fn a_flow_of_nothing_shows_exactly_nothing() {
        let mut meter = Instrument::new(Quantity::FeedWaterFlow, None, Rng::new(1));
        assert_eq!(meter.read(Number(0.0), 0), &Number(0.0));
        assert_ne!(meter.read(Number(500.0), 0), &Number(500.0));
    }
}
