//! Whether equipment ran, from the hourly roll-ups of what it reported.

use vigil_protocol::vocabulary::{EquipmentClass, Quantity};

/// What shows that equipment runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RunSource {
    /// A counter of hours: its increase.
    Counter(Quantity),
    /// A signal that is on while it runs: its share of the hour.
    Signal(Quantity),
    /// A value above a limit somewhere in the hour: counts the share of time by its mean, the whole hour when the
    /// lowest value is above the limit, and nothing when the highest is not.
    Above(Quantity, f64),
}

/// One hour of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HourMeans {
    /// Good values.
    pub good: u64,
    /// Least of them.
    pub min: f64,
    /// Greatest.
    pub max: f64,
    /// Their sum.
    pub sum: f64,
    /// The last.
    pub last: f64,
}

/// What is known of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DayRun {
    /// Hours it ran, as far as was seen.
    pub hours: f64,
    /// Hours of which anything was seen.
    pub observed_h: f64,
    /// Whether the hours were counted by the equipment itself, and not estimated from signals.
    pub counted: bool,
}

/// A vessel with more than this inside is in use, MPa.
const PRESSURISED_MPA: f64 = 0.02;
/// A car faster than this moves, m/s.
const MOVING_M_S: f64 = 0.05;
/// A boiler with more than this inside is fired or kept hot, MPa.
const STEAMING_MPA: f64 = 0.05;

/// What shows that equipment of a class runs, best first. The first of which there is anything is used.
#[must_use]
pub fn run_sources(class: EquipmentClass) -> &'static [RunSource] {
    use EquipmentClass as C;
    use Quantity as Q;
    use RunSource::{Above, Counter, Signal};
    match class {
        C::Lift => &[
            Counter(Q::RunHours),
            Signal(Q::CarMoving),
            Signal(Q::MotorRunning),
            Above(Q::CarSpeed, MOVING_M_S),
        ],
        C::Escalator => &[
            Counter(Q::RunHours),
            Signal(Q::MotorRunning),
            Signal(Q::CarMoving),
            Above(Q::CarSpeed, MOVING_M_S),
        ],
        C::SteamBoiler => &[
            Counter(Q::RunHours),
            Signal(Q::BurnerFiring),
            Signal(Q::FlameDetected),
            Above(Q::SteamPressure, STEAMING_MPA),
        ],
        C::HotWaterBoiler | C::OrganicBoiler => &[
            Counter(Q::RunHours),
            Signal(Q::BurnerFiring),
            Signal(Q::FlameDetected),
        ],
        C::PressureVessel => &[Counter(Q::RunHours), Above(Q::VesselPressure, PRESSURISED_MPA)],
        C::Any => &[Counter(Q::RunHours)],
    }
}

impl RunSource {
    /// The series it reads.
    #[must_use]
    pub const fn quantity(self) -> Quantity {
        match self {
            Self::Counter(quantity) | Self::Signal(quantity) | Self::Above(quantity, _) => quantity,
        }
    }
}

/// How long it ran in the hours given, in order of time. `before` is the counter's last value before them.
#[must_use]
pub fn run_of_day(source: RunSource, hours: &[HourMeans], before: Option<f64>) -> DayRun {
    let mut run = DayRun {
        counted: matches!(source, RunSource::Counter(_)),
        ..DayRun::default()
    };
    let mut counter = before;
    for hour in hours.iter().filter(|hour| hour.good > 0 && hour.sum.is_finite()) {
        run.observed_h += 1.0;
        run.hours += match source {
            RunSource::Counter(_) => {
                let from = counter.unwrap_or(hour.min);
                counter = Some(hour.last);
                // A new controller starts at zero: what it counted before it is not known.
                let ran = hour.last - from;
                if ran.is_finite() && ran > 0.0 { ran } else { 0.0 }
            }
            RunSource::Signal(_) => (hour.sum / hour.good as f64).clamp(0.0, 1.0),
            RunSource::Above(_, limit) if hour.max.abs().max(hour.min.abs()) <= limit => 0.0,
            RunSource::Above(_, limit) if hour.min > limit => 1.0,
            // Somewhere in the hour: between its ends, as far as the mean is.
            RunSource::Above(_, limit) => {
                let mean = hour.sum / hour.good as f64;
                let top = hour.max.abs().max(hour.min.abs());
                ((mean.abs() - limit.min(mean.abs())) / (top - limit))
                    .clamp(1.0 / hour.good.max(1) as f64, 1.0)
            }
        };
    }
    if !run.counted {
        run.hours = run.hours.min(run.observed_h);
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hour(values: &[f64]) -> HourMeans {
        HourMeans {
            good: values.len() as u64,
            min: values.iter().copied().fold(f64::NAN, f64::min),
            max: values.iter().copied().fold(f64::NAN, f64::max),
            sum: values.iter().sum(),
            last: values.last().copied().unwrap_or(f64::NAN),
        }
    }

    #[test]
    fn a_counter_counts_a_signal_is_a_share_and_a_pressure_is_an_estimate() {
        let counter = RunSource::Counter(Quantity::RunHours);
        let run = run_of_day(
            counter,
            &[hour(&[100.0, 100.5]), hour(&[101.0, 101.25])],
            Some(99.0),
        );
        assert_eq!((run.hours, run.observed_h, run.counted), (2.25, 2.0, true));
        let replaced = run_of_day(
            counter,
            &[hour(&[100.0, 101.0]), hour(&[0.0, 0.5]), hour(&[1.5])],
            None,
        );
        assert_eq!(
            replaced.hours, 2.0,
            "a counter that starts again takes nothing away"
        );
        let signal = RunSource::Signal(Quantity::BurnerFiring);
        let run = run_of_day(
            signal,
            &[hour(&[1.0, 1.0, 0.0, 0.0]), hour(&[0.0]), hour(&[])],
            None,
        );
        assert_eq!((run.hours, run.observed_h, run.counted), (0.5, 2.0, false));
        let above = RunSource::Above(Quantity::VesselPressure, 0.02);
        assert_eq!(run_of_day(above, &[hour(&[0.5, 0.6])], None).hours, 1.0);
        assert_eq!(run_of_day(above, &[hour(&[0.0, 0.02])], None).hours, 0.0);
        let partly = run_of_day(above, &[hour(&[0.0, 0.0, 0.0, 0.6])], None).hours;
        assert!((0.2..0.3).contains(&partly), "{partly}");
    }

    #[test]
    fn nothing_seen_is_nothing_seen_and_not_standing_still() {
        let run = run_of_day(RunSource::Signal(Quantity::CarMoving), &[], None);
        assert_eq!((run.hours, run.observed_h), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn nothing_runs_longer_than_it_was_seen_and_never_backwards(
            hours in proptest::collection::vec(proptest::collection::vec(-2.0_f64..50.0, 0..6), 0..24),
            limit in 0.0_f64..1.0,
        ) {
            let hours: Vec<HourMeans> = hours.iter().map(|values| hour(values)).collect();
            for source in [RunSource::Signal(Quantity::CarMoving), RunSource::Above(Quantity::CarSpeed, limit)] {
                let run = run_of_day(source, &hours, None);
                prop_assert!(run.hours >= 0.0 && run.hours <= run.observed_h, "{:?}", run);
            }
            prop_assert!(run_of_day(RunSource::Counter(Quantity::RunHours), &hours, None).hours >= 0.0);
        }
    }
}
