//! How much of a day was watched.

use crate::output::GapRecord;
use vigil_protocol::time::UtcMillis;

const MINUTE_MS: i64 = 60_000;

/// What gaps leave of a time: gaps that touch `from..to`, and whole minutes not watched in them. What was filled
/// afterwards was watched; one channel's gap is none of the machine. `heard`: when it first said something at all; before
/// that nothing was watched.
#[must_use]
pub fn lost(gaps: &[GapRecord], heard: UtcMillis, from: UtcMillis, to: UtcMillis) -> (u32, u32) {
    let mut count = 0;
    let mut holes = Vec::new();
    for gap in gaps.iter().filter(|gap| gap.quantity.is_none()) {
        let (begin, end) = (gap.from.0.max(from.0), gap.to.map_or(to.0, |end| end.0.min(to.0)));
        if begin >= end {
            continue;
        }
        count += 1;
        let unfilled = gap.filled_to.map_or(begin, |filled| begin.max(filled.0));
        if unfilled < end {
            holes.push((unfilled, end));
        }
    }
    if heard > from {
        holes.push((from.0, heard.0.min(to.0)));
    }
    holes.sort_unstable();
    let (mut total, mut reached) = (0, from.0);
    for (begin, end) in holes {
        total += (end - begin.max(reached)).max(0);
        reached = reached.max(end);
    }
    (count, u32::try_from(total / MINUTE_MS).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{MINUTE_MS, lost};
    use crate::output::{GapReason, GapRecord};
    use vigil_protocol::time::UtcMillis;
    use vigil_protocol::vocabulary::Quantity;

    fn gap(from: i64, to: Option<i64>, filled_to: Option<i64>) -> GapRecord {
        let at = |minutes: i64| UtcMillis(minutes * MINUTE_MS);
        GapRecord {
            equipment: "b".into(),
            quantity: None,
            from: at(from),
            to: to.map(at),
            reason: GapReason::Silent,
            filled_to: filled_to.map(at),
        }
    }

    #[test]
    fn what_was_neither_watched_nor_filled_is_lost_once() {
        let channel = GapRecord {
            quantity: Some(Quantity::DrumLevel),
            ..gap(10, None, None)
        };
        // The day is from minute 100 to 200; (gaps, first heard, gaps counted, minutes lost).
        let cases: &[(&[GapRecord], i64, u32, u32)] = &[
            (&[], 0, 0, 0),
            (&[gap(110, Some(120), None)], 0, 1, 10),
            (&[gap(50, Some(120), None)], 0, 1, 20),
            (&[gap(190, None, None)], 0, 1, 10),
            (&[gap(110, Some(130), Some(130))], 0, 1, 0),
            (&[gap(110, Some(130), Some(115))], 0, 1, 15),
            (&[gap(110, Some(130), None), gap(120, Some(140), None)], 0, 2, 30),
            (&[gap(20, Some(90), None)], 0, 0, 0),
            (&[channel], 0, 0, 0),
            (&[], 150, 0, 50),
            (&[gap(140, Some(160), None)], 150, 1, 60),
            (&[], 500, 0, 100),
        ];
        for (gaps, heard, count, minutes) in cases {
            let at = |minutes: i64| UtcMillis(minutes * MINUTE_MS);
            assert_eq!(
                lost(gaps, at(*heard), at(100), at(200)),
                (*count, *minutes),
                "{gaps:?}"
            );
        }
    }
}
