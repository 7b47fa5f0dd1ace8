//! A number changing too fast: the change between now and the start of the window.

use super::memory::Memory;
use crate::equipment::Values;
use crate::pack::{Direction, RuleKind, Truth};

/// The window is cut into so many parts, with one point kept for each.
const PARTS: i64 = 16;

/// Adds the channel's reading as of `at` (it holds until the next) and compares. Needs half a window of
/// good readings; a gap longer than the window empties it.
pub(super) fn truth(kind: &RuleKind, memory: &mut Memory, values: Values<'_>, at: i64) -> Truth {
    let RuleKind::Rate {
        channel,
        direction,
        trip_per_minute,
        clear_per_minute,
        window_ms,
    } = *kind
    else {
        return Truth::Unknown;
    };
    let Some(number) = values.number(channel) else {
        return Truth::Unknown;
    };
    let held = memory.held;
    let points = &mut memory.extra().points;
    while points.front().is_some_and(|(first, _)| *first < at - window_ms) {
        points.pop_front();
    }
    if points
        .back()
        .is_none_or(|(last, _)| at - last >= window_ms / PARTS)
    {
        points.push_back((at, number));
    }
    let Some(&(first, from)) = points.front() else {
        return Truth::Unknown;
    };
    let span = at - first;
    if span <= 0 || span * 2 < window_ms {
        return Truth::Unknown;
    }
    let per_minute = (number - from) * 60_000.0 / span as f64;
    let change = match direction {
        Direction::High => per_minute,
        Direction::Low => -per_minute,
    };
    Truth::from(change >= trip_per_minute || (held && change >= clear_per_minute))
}
