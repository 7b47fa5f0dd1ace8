//! Something begins, or is reported, so many times within a window.

use super::memory::{Memory, Said};
use crate::pack::Truth;

/// A usable reading, as a counting rule sees it.
pub(super) struct Report {
    /// Its source time.
    pub(super) at: i64,
    /// What it says.
    pub(super) said: Said,
    /// Whether that is what the rule counts.
    pub(super) wanted: bool,
    /// Every report counts, not only the first of several that say the same.
    pub(super) repeats: bool,
}

/// How many, in what time.
#[derive(Clone, Copy)]
pub(super) struct Quota {
    pub(super) count: u16,
    pub(super) window_ms: i64,
}

/// True from the report that completes the count until the window is empty. `latest` is the newest usable
/// reading, `None` if what it says is not known.
pub(super) fn counted(memory: &mut Memory, latest: Option<&Report>, quota: Quota, at: i64) -> Truth {
    if latest.is_none() && memory.extra.is_none() {
        return Truth::Unknown;
    }
    let needed = usize::from(quota.count);
    let held = memory.held;
    let extra = memory.extra();
    if let Some(latest) = latest
        && extra.last_said_at.is_none_or(|seen| seen < latest.at)
    {
        // What was said before may be unknown although something was (a late reading between others).
        let appeared = match extra.last_said {
            Some(before) => before != latest.said,
            None => extra.last_said_at.is_none(),
        };
        let counted = extra.reports.contains(&latest.at);
        if latest.wanted && (appeared || latest.repeats) && !counted {
            extra.reports.push_back(latest.at);
            while extra.reports.len() > needed {
                extra.reports.pop_front();
            }
        }
        (extra.last_said, extra.last_said_at) = (Some(latest.said), Some(latest.at));
    }
    while extra
        .reports
        .front()
        .is_some_and(|first| *first + quota.window_ms <= at)
    {
        extra.reports.pop_front();
    }
    let known = extra.last_said.is_some();
    if extra.reports.len() >= needed || (held && !extra.reports.is_empty()) {
        Truth::True
    } else if known {
        Truth::False
    } else {
        Truth::Unknown
    }
}

/// When the last report leaves the window.
pub(super) fn runs_out(memory: &Memory, window_ms: i64) -> Option<i64> {
    let last = memory.extra.as_ref()?.reports.back()?;
    Some(last.saturating_add(window_ms))
}
