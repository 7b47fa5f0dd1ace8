//! The time axis.

use super::Trend;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::Ranged;

/// Time across the page, with ticks of our own: the library's are round in milliseconds only.
#[derive(Clone)]
pub(super) struct TimeAxis {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) ticks: Vec<f64>,
}

impl Ranged for TimeAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        limit.0 + (f64::from(limit.1 - limit.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.from..self.to
    }
}

/// Round local times between the edges, at most `most`.
pub(super) fn ticks(trend: &Trend, most: usize) -> Vec<f64> {
    const SECOND: i64 = 1_000;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;
    const STEPS: [i64; 21] = [
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        15 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        24 * HOUR,
        48 * HOUR,
        168 * HOUR,
        672 * HOUR,
    ];
    let span = trend.to.since(trend.from).max(1);
    let fits = |step: &&i64| span / **step <= most as i64;
    let step = *STEPS.iter().find(fits).unwrap_or(&span);
    let local = trend.from.0.saturating_add(trend.offset_ms);
    let first = local.div_euclid(step).saturating_add(1).saturating_mul(step) - trend.offset_ms;
    let mut ticks: Vec<f64> = (0..=most as i64).map(|n| (first + n * step) as f64).collect();
    ticks.retain(|at| *at <= trend.to.0 as f64);
    ticks
}

#[cfg(test)]
mod tests {
    use super::ticks;
    use crate::web::chart::Trend;
    use vigil_core::UtcMillis;

    #[test]
    fn ticks_stand_at_round_local_times() {
        let day = Trend {
            from: UtcMillis(1_234_567),
            to: UtcMillis(1_234_567 + 86_400_000),
            unit: "",
            points: Vec::new(),
            limits: Vec::new(),
            marks: Vec::new(),
            gaps: Vec::new(),
            binary: false,
            offset_ms: 8 * 3_600_000,
            label: String::new(),
        };
        let found = ticks(&day, 9);
        assert!((6..=9).contains(&found.len()), "{found:?}");
        assert!(
            found
                .iter()
                .all(|at| (*at as i64 + day.offset_ms) % (3 * 3_600_000) == 0),
            "{found:?}"
        );
    }
}
