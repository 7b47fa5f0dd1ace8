//! What is counted about hazards: parts of one, sums of many, and what they mean.
//!
//! A time from one step to another falls into a bucket of a fixed grid, each [`GROWTH`] times as wide as the one before:
//! buckets can be added and taken off, and a median or any other rank is found in their sum to within half a bucket,
//! 4.5 %.

use crate::hazard::{HazardStatus, HazardSummary};
use crate::pack::{Grade, Severity};
use std::collections::BTreeMap;
use vigil_protocol::time::UtcMillis;

/// Buckets per doubling.
const PER_DOUBLING: f64 = 8.0;
/// How much wider a bucket is than the one before: 2 to the power of 1/8.
pub const GROWTH: f64 = 1.090_507_732_665_257_7;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Opened; the bucket is its [`level`].
    Opened,
    /// Opened, and the same was struck off before.
    Repeated,
    /// Struck off (销号).
    Closed,
    /// Not a hazard (误报).
    Rejected,
    /// To be rectified by then: bucket 0 on time, 1 late, 2 still under way.
    Due,
    /// From opening to somebody's decision; the bucket is that of [`bucket`].
    Acknowledged,
    /// From opening to rectification; likewise.
    Rectified,
    /// Open now.
    Open,
    /// Open now, and behind its deadline.
    Overdue,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 9] = [
        Self::Opened,
        Self::Repeated,
        Self::Closed,
        Self::Rejected,
        Self::Due,
        Self::Acknowledged,
        Self::Rectified,
        Self::Open,
        Self::Overdue,
    ];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Repeated => "repeated",
            Self::Closed => "closed",
            Self::Rejected => "rejected",
            Self::Due => "due",
            Self::Acknowledged => "acknowledged",
            Self::Rectified => "rectified",
            Self::Open => "open",
            Self::Overdue => "overdue",
        }
    }

    /// The measure behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.key() == key)
    }

    /// Whether it is about now, and not about a month.
    #[must_use]
    pub const fn is_now(self) -> bool {
        matches!(self, Self::Open | Self::Overdue)
    }
}

/// One thing to be counted of a hazard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// What.
    pub measure: Measure,
    /// When; `None`: now.
    pub at: Option<UtcMillis>,
    /// Of which kind.
    pub bucket: u16,
}

/// Grade and seriousness in one number: 1 to 4 for general, 11 to 14 for major.
#[must_use]
pub const fn level(grade: Grade, severity: Severity) -> u16 {
    let severity = match severity {
        Severity::S1 => 1,
        Severity::S2 => 2,
        Severity::S3 => 3,
        Severity::S4 => 4,
    };
    match grade {
        Grade::General => severity,
        Grade::Major => severity + 10,
    }
}

/// The bucket of a time.
#[must_use]
pub fn bucket(ms: i64) -> u16 {
    let seconds = ms.max(0) as f64 / 1_000.0;
    ((1.0 + seconds).log2() * PER_DOUBLING).round() as u16
}

/// The time in the middle of a bucket, seconds.
#[must_use]
pub fn seconds_of(bucket: u16) -> f64 {
    (f64::from(bucket) / PER_DOUBLING).exp2() - 1.0
}

/// What is to be counted of a hazard as it is at `now`.
#[must_use]
pub fn parts(hazard: &HazardSummary) -> Vec<Part> {
    let handling = &*hazard.handling;
    let level = level(hazard.grade, hazard.severity);
    let mut parts = Vec::with_capacity(6);
    let mut add = |measure: Measure, at: Option<UtcMillis>, bucket: u16| {
        parts.push(Part { measure, at, bucket });
    };
    let opened = hazard.opened_at;
    add(Measure::Opened, Some(opened), level);
    if handling.repeat.is_some() {
        add(Measure::Repeated, Some(opened), level);
    }
    if let Some(at) = handling.struck_off_at {
        add(Measure::Closed, Some(at), level);
    }
    if let Some(at) = handling.decided_at {
        add(Measure::Acknowledged, Some(at), bucket(at.since(opened)));
        if hazard.status == HazardStatus::Rejected {
            add(Measure::Rejected, Some(at), level);
        }
    }
    if let Some(at) = handling.rectified_at {
        add(Measure::Rectified, Some(at), bucket(at.since(opened)));
    }
    if let Some(deadline) = handling.deadline
        && hazard.status != HazardStatus::Rejected
    {
        let how = match handling.rectified_at {
            Some(at) if at <= deadline => 0,
            Some(_) => 1,
            None if handling.overdue => 1,
            None => 2,
        };
        add(Measure::Due, Some(deadline), how);
    }
    if hazard.is_open() {
        add(Measure::Open, None, level);
        if handling.overdue {
            add(Measure::Overdue, None, level);
        }
    }
    parts
}

/// Times by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times(BTreeMap<u16, u64>);

impl Times {
    /// Adds so many.
    pub fn add(&mut self, bucket: u16, n: u64) {
        *self.0.entry(bucket).or_default() += n;
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The time that `share` of them do not exceed, seconds; `None` when there are none.
    #[must_use]
    pub fn rank(&self, share: f64) -> Option<f64> {
        let count = self.count();
        let wanted = ((count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, n) in &self.0 {
            seen += n;
            if seen >= wanted {
                return Some(seconds_of(*bucket));
            }
        }
        None
    }
}

/// What was counted, in sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Opened.
    pub opened: u64,
    /// Of those, major.
    pub opened_major: u64,
    /// Of those opened, repeated.
    pub repeated: u64,
    /// Struck off.
    pub closed: u64,
    /// Of those, major.
    pub closed_major: u64,
    /// Not hazards.
    pub rejected: u64,
    /// Due: rectified on time.
    pub on_time: u64,
    /// Due: late.
    pub late: u64,
    /// Due: the deadline has not passed yet.
    pub under_way: u64,
    /// Open now, S1 to S4.
    pub open: [u64; 4],
    /// Of those, major.
    pub open_major: u64,
    /// Of those open, overdue.
    pub overdue: u64,
    /// From opening to decision.
    pub acknowledged: Times,
    /// From opening to rectification.
    pub rectified: Times,
}

impl Figures {
    /// Adds so many of one kind.
    pub fn add(&mut self, measure: Measure, bucket: u16, n: u64) {
        let major = if bucket > 10 { n } else { 0 };
        match measure {
            Measure::Opened => {
                self.opened += n;
                self.opened_major += major;
            }
            Measure::Repeated => self.repeated += n,
            Measure::Closed => {
                self.closed += n;
                self.closed_major += major;
            }
            Measure::Rejected => self.rejected += n,
            Measure::Due => match bucket {
                0 => self.on_time += n,
                1 => self.late += n,
                _ => self.under_way += n,
            },
            Measure::Acknowledged => self.acknowledged.add(bucket, n),
            Measure::Rectified => self.rectified.add(bucket, n),
            Measure::Open => {
                let at = usize::from((bucket % 10).saturating_sub(1));
                if let Some(level) = self.open.get_mut(at) {
                    *level += n;
                }
                self.open_major += major;
            }
            Measure::Overdue => self.overdue += n,
        }
    }

    /// Open now.
    #[must_use]
    pub fn open_all(&self) -> u64 {
        self.open.iter().sum()
    }

    /// Percent rectified on time of those whose deadline is decided; `None` when there are none.
    #[must_use]
    pub fn on_time_percent(&self) -> Option<f64> {
        share(self.on_time, self.on_time + self.late)
    }

    /// Percent of those opened that are repeated.
    #[must_use]
    pub fn repeat_percent(&self) -> Option<f64> {
        share(self.repeated, self.opened)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::{Figures, GROWTH, Measure, Times, bucket, level, seconds_of};
    use crate::pack::{Grade, Severity};
    use proptest::prelude::*;

    #[test]
    fn every_measure_survives_its_key() {
        for measure in Measure::ALL {
            assert_eq!(Measure::from_key(measure.key()), Some(measure));
        }
    }

    #[test]
    fn nothing_counted_has_no_share_and_no_median() {
        let none = Figures::default();
        assert_eq!((none.on_time_percent(), none.repeat_percent()), (None, None));
        assert_eq!(none.acknowledged.rank(0.5), None);
    }

    #[test]
    fn what_is_counted_lands_where_it_belongs() {
        let mut sum = Figures::default();
        sum.add(Measure::Opened, level(Grade::Major, Severity::S1), 2);
        sum.add(Measure::Opened, level(Grade::General, Severity::S3), 3);
        sum.add(Measure::Repeated, level(Grade::General, Severity::S3), 1);
        sum.add(Measure::Open, level(Grade::Major, Severity::S1), 1);
        sum.add(Measure::Due, 0, 3);
        sum.add(Measure::Due, 1, 1);
        sum.add(Measure::Due, 2, 5);
        assert_eq!((sum.opened, sum.opened_major, sum.open), (5, 2, [1, 0, 0, 0]));
        assert_eq!(
            sum.on_time_percent(),
            Some(75.0),
            "what is under way does not count"
        );
        assert_eq!(sum.repeat_percent(), Some(20.0));
    }

    proptest! {
        #[test]
        fn a_rank_is_within_half_a_bucket_of_the_true_one(
            mut times in prop::collection::vec(0_i64..400 * 86_400_000, 1..200),
            share in 0.01_f64..1.0,
        ) {
            let mut counted = Times::default();
            for ms in &times {
                counted.add(bucket(*ms), 1);
            }
            times.sort_unstable();
            let at = ((times.len() as f64 * share).ceil() as usize).max(1) - 1;
            let truth = times[at] as f64 / 1_000.0 + 1.0;
            let found = counted.rank(share).unwrap() + 1.0;
            let off = (found / truth).max(truth / found);
            prop_assert!(off <= GROWTH.sqrt() * 1.000_1, "{found} for {truth}");
        }

        #[test]
        fn a_bucket_holds_its_own_middle(n in 0_u16..300) {
            prop_assert_eq!(bucket((seconds_of(n) * 1_000.0).round() as i64), n);
        }
    }
}
