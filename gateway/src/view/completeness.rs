//! How much of a time was watched: without it, "no hazards" means nothing.

use super::time::Time;
use super::words::GapReasonWords;
use crate::app::HourCounts;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::output::{GapReason, GapRecord, NodeHour};
use vigil_protocol::time::UtcMillis;

/// Time completeness is looked at.
pub(super) const DAY_MS: i64 = 86_400_000;

/// How much of a time was watched.
///
/// Time inside a gap that was filled from the node's journal afterwards counts as covered: hazards in it
/// are found, late. Messages are counted by sequence numbers, per node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Completeness {
    /// Start: 24 h ago, or when the first message came.
    pub from: Time,
    /// End: now.
    pub to: Time,
    /// Time looked at, seconds (summed over all equipment when there is more than one).
    pub elapsed_s: f64,
    /// Of that, watched, seconds.
    pub covered_s: f64,
    /// Of that, known only from later back-filling, seconds.
    pub backfilled_s: f64,
    /// `covered_s / elapsed_s`, percent; `null` when there was nothing to watch.
    pub covered_percent: Option<f64>,
    /// Gaps of whole pieces of equipment in this time.
    pub gaps: u64,
    /// Of those, lasting.
    pub open_gaps: u64,
    /// Single channels without a usable value now.
    pub bad_channels: u64,
    /// Messages of the nodes in these hours.
    pub messages: MessageCounts,
}

/// Message counts. `expected = received + late + dropped + missing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct MessageCounts {
    /// Messages that exist, as far as sequence numbers tell.
    pub expected: u64,
    /// Arrived in time.
    pub received: u64,
    /// Arrived as history.
    pub late: u64,
    /// Dropped by the node.
    pub dropped: u64,
    /// Neither here nor known to be lost.
    pub missing: u64,
    /// Came again; counted once above.
    pub duplicate: u64,
}

/// A period in which "no hazard" means nothing.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Gap {
    /// Equipment id.
    pub equipment: String,
    /// Key of the one channel; `null` = all of them.
    pub quantity: Option<&'static str>,
    /// Start: last good word.
    pub from: Time,
    /// End; `null` while it lasts.
    pub to: Option<Time>,
    /// Why.
    #[schema(value_type = GapReasonWords)]
    pub reason: GapReason,
    /// Back-filled up to here.
    pub filled_to: Option<Time>,
    /// Length so far, seconds.
    pub duration_s: f64,
}

impl Gap {
    /// A gap as seen at `now`.
    #[must_use]
    pub fn of(gap: &GapRecord, now: UtcMillis) -> Self {
        Self {
            equipment: gap.equipment.to_string(),
            quantity: gap.quantity.map(|quantity| quantity.key()),
            from: gap.from.into(),
            to: gap.to.map(Time),
            reason: gap.reason,
            filled_to: gap.filled_to.map(Time),
            duration_s: gap.to.unwrap_or(now).since(gap.from).max(0) as f64 / 1_000.0,
        }
    }
}

impl MessageCounts {
    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.received += other.received;
        self.late += other.late;
        self.dropped += other.dropped;
        self.missing += other.missing;
        self.duplicate += other.duplicate;
    }

    /// From the five numbers that are counted.
    #[must_use]
    pub const fn new(expected: u64, received: u64, late: u64, dropped: u64, duplicate: u64) -> Self {
        let missing = expected.saturating_sub(received + late + dropped);
        Self {
            expected,
            received,
            late,
            dropped,
            missing,
            duplicate,
        }
    }
}

impl From<&NodeHour> for MessageCounts {
    fn from(hour: &NodeHour) -> Self {
        Self::new(
            hour.expected,
            hour.received,
            hour.late,
            hour.dropped,
            hour.duplicate,
        )
    }
}

impl From<&HourCounts> for MessageCounts {
    fn from(hour: &HourCounts) -> Self {
        Self::new(
            hour.expected,
            hour.received,
            hour.late,
            hour.dropped,
            hour.duplicate,
        )
    }
}

/// What one piece of equipment's gaps leave of a time, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cover {
    /// Length of the time.
    pub elapsed_ms: i64,
    /// Not watched and not filled.
    pub lost_ms: i64,
    /// Filled afterwards.
    pub filled_ms: i64,
    /// Gaps of the whole equipment.
    pub gaps: u64,
    /// Of those, lasting.
    pub open: u64,
    /// Channels without a usable value at the end.
    pub bad_channels: u64,
}

impl Cover {
    /// Nothing was watched: the equipment was never heard.
    #[must_use]
    pub(super) fn nothing(from: UtcMillis, to: UtcMillis) -> Self {
        let elapsed_ms = to.since(from).max(0);
        Self {
            elapsed_ms,
            lost_ms: elapsed_ms,
            gaps: 1,
            open: 1,
            ..Self::default()
        }
    }

    /// Folds the gaps of one piece of equipment that touch `from..to`. Gaps may overlap.
    #[must_use]
    pub(super) fn of<'a>(
        gaps: impl IntoIterator<Item = &'a GapRecord>,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Self {
        let mut cover = Self {
            elapsed_ms: to.since(from).max(0),
            ..Self::default()
        };
        let (mut holes, mut lost) = (Vec::new(), Vec::new());
        for gap in gaps {
            let end = gap.to.unwrap_or(to);
            if gap.quantity.is_some() {
                cover.bad_channels += u64::from(gap.to.is_none());
                continue;
            }
            cover.open += u64::from(gap.to.is_none());
            let hole = (gap.from.max(from).0, end.min(to).0);
            if hole.0 >= hole.1 {
                continue;
            }
            cover.gaps += 1;
            holes.push(hole);
            let unfilled = gap.filled_to.map_or(hole.0, |filled| hole.0.max(filled.0));
            if unfilled < hole.1 {
                lost.push((unfilled, hole.1));
            }
        }
        let hole_ms = union_ms(&mut holes);
        cover.lost_ms = union_ms(&mut lost);
        cover.filled_ms = hole_ms - cover.lost_ms;
        cover
    }

    /// Adds another piece of equipment.
    pub(super) fn add(&mut self, other: Self) {
        self.elapsed_ms += other.elapsed_ms;
        self.lost_ms += other.lost_ms;
        self.filled_ms += other.filled_ms;
        self.gaps += other.gaps;
        self.open += other.open;
        self.bad_channels += other.bad_channels;
    }
}

impl Completeness {
    /// From what was covered and counted between `from` and `to`.
    #[must_use]
    pub(super) fn new(from: UtcMillis, to: UtcMillis, cover: Cover, messages: MessageCounts) -> Self {
        let covered_ms = cover.elapsed_ms - cover.lost_ms;
        let percent = || 100.0 * covered_ms as f64 / cover.elapsed_ms as f64;
        Self {
            from: from.into(),
            to: to.into(),
            elapsed_s: cover.elapsed_ms as f64 / 1_000.0,
            covered_s: covered_ms as f64 / 1_000.0,
            backfilled_s: cover.filled_ms as f64 / 1_000.0,
            covered_percent: (cover.elapsed_ms > 0).then(percent),
            gaps: cover.gaps,
            open_gaps: cover.open,
            bad_channels: cover.bad_channels,
            messages,
        }
    }
}

/// The time within 24 h before `now` in which the log had begun.
#[must_use]
pub(super) fn window(now: UtcMillis, log_start: Option<UtcMillis>) -> (UtcMillis, UtcMillis) {
    let day = now.saturating_sub_ms(DAY_MS);
    (log_start.unwrap_or(now).max(day).min(now), now)
}

/// Start of the hour of `at`.
#[must_use]
pub(super) const fn hour_of(at: UtcMillis) -> UtcMillis {
    UtcMillis(at.0.saturating_sub(at.0.rem_euclid(3_600_000)))
}

/// Total length of the union of intervals.
fn union_ms(intervals: &mut [(i64, i64)]) -> i64 {
    intervals.sort_unstable();
    let (mut total, mut reached) = (0, i64::MIN);
    for (from, to) in intervals.iter().copied() {
        total += (to - from.max(reached)).max(0);
        reached = reached.max(to);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::{Completeness, Cover, DAY_MS, MessageCounts, window};
    use vigil_core::output::{GapReason, GapRecord};
    use vigil_protocol::time::UtcMillis;
    use vigil_protocol::vocabulary::Quantity;

    fn gap(from: i64, to: Option<i64>, filled_to: Option<i64>) -> GapRecord {
        GapRecord {
            equipment: "b-1".into(),
            quantity: None,
            from: UtcMillis(from),
            to: to.map(UtcMillis),
            reason: GapReason::Silent,
            filled_to: filled_to.map(UtcMillis),
        }
    }

    fn cover(gaps: &[GapRecord]) -> Cover {
        Cover::of(gaps, UtcMillis(1_000), UtcMillis(11_000))
    }

    #[test]
    fn what_the_gaps_leave_is_covered() {
        // (gaps, lost, filled, gaps counted, open)
        let cases: &[(&[GapRecord], i64, i64, u64, u64)] = &[
            (&[], 0, 0, 0, 0),
            (&[gap(2_000, Some(3_000), None)], 1_000, 0, 1, 0),
            (&[gap(0, Some(3_000), None)], 2_000, 0, 1, 0),
            (&[gap(9_000, None, None)], 2_000, 0, 1, 1),
            (
                &[gap(2_000, Some(5_000), None), gap(4_000, Some(6_000), None)],
                4_000,
                0,
                2,
                0,
            ),
            (&[gap(2_000, Some(6_000), Some(6_000))], 0, 4_000, 1, 0),
            (&[gap(2_000, Some(6_000), Some(5_000))], 1_000, 3_000, 1, 0),
            (&[gap(0, Some(500), None)], 0, 0, 0, 0),
            (&[gap(0, None, None)], 10_000, 0, 1, 1),
        ];
        for (gaps, lost, filled, count, open) in cases {
            let found = cover(gaps);
            assert_eq!(
                (found.lost_ms, found.filled_ms, found.gaps, found.open),
                (*lost, *filled, *count, *open),
                "{gaps:?}"
            );
        }
    }

    #[test]
    fn a_bad_channel_is_no_gap_of_the_equipment() {
        let channel = GapRecord {
            quantity: Some(Quantity::DrumLevel),
            ..gap(2_000, None, None)
        };
        let found = cover(&[channel]);
        assert_eq!((found.lost_ms, found.bad_channels, found.open), (0, 1, 0));
    }

    #[test]
    fn the_window_does_not_reach_before_the_log_and_nothing_to_watch_is_not_full_coverage() {
        let now = UtcMillis(10 * DAY_MS);
        assert_eq!(window(now, Some(UtcMillis(0))).0, UtcMillis(9 * DAY_MS));
        assert_eq!(window(now, Some(UtcMillis(now.0 - 5))).0, UtcMillis(now.0 - 5));
        let (from, to) = window(now, None);
        let empty = Completeness::new(from, to, Cover::of(&[], from, to), MessageCounts::default());
        assert_eq!(empty.covered_percent, None);
    }

    #[test]
    fn messages_that_are_neither_here_nor_lost_are_missing() {
        assert_eq!(MessageCounts::new(10, 5, 2, 1, 3).missing, 2);
        assert_eq!(MessageCounts::new(4, 5, 0, 0, 0).missing, 0);
    }
}
