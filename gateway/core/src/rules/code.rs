//! A fault key is reported: while it is, or so many times within a window.

use super::memory::Memory;
use crate::equipment::Latest;
use crate::pack::Truth;
use crate::sample::Reading;
use vigil_protocol::vocabulary::{FaultKey, FaultKind};

/// True while one of the keys is reported; a code the scheme does not know says nothing either way.
pub(super) fn holds(key: Option<FaultKey>, keys: &[FaultKey]) -> Truth {
    Truth::from(key.map(|key| keys.contains(&key)))
}

/// Counts reports: a fault when it appears, an event or alarm each time it is sent with a new source
/// time. True from the report that completes the count until the window is empty.
pub(super) fn counted(
    memory: &mut Memory,
    latest: Option<&Latest>,
    keys: &[FaultKey],
    count: u16,
    window_ms: i64,
    at: i64,
) -> Truth {
    if latest.is_none() && memory.extra.is_none() {
        return Truth::Unknown;
    }
    let held = memory.held;
    let extra = memory.extra();
    if let Some(latest) = latest
        && let Reading::Code { key: Some(key), .. } = latest.reading
        && extra.last_key_at.is_none_or(|seen| seen < latest.at.0)
    {
        // What was reported before may be unknown although something was (a late reading between others).
        let appeared = match extra.last_key {
            Some(before) => before != key,
            None => extra.last_key_at.is_none(),
        };
        let repeats = matches!(key.kind(), FaultKind::Event | FaultKind::Alarm);
        let counted = extra.reports.contains(&latest.at.0);
        if keys.contains(&key) && (appeared || repeats) && !counted {
            extra.reports.push_back(latest.at.0);
            while extra.reports.len() > usize::from(count) {
                extra.reports.pop_front();
            }
        }
        (extra.last_key, extra.last_key_at) = (Some(key), Some(latest.at.0));
    }
    while extra
        .reports
        .front()
        .is_some_and(|first| *first + window_ms <= at)
    {
        extra.reports.pop_front();
    }
    let known = extra.last_key.is_some();
    if extra.reports.len() >= usize::from(count) || (held && !extra.reports.is_empty()) {
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

#[cfg(test)]
mod tests {
    use super::holds;
    use crate::pack::Truth;
    use vigil_protocol::vocabulary::FaultKey;

    #[test]
    fn another_known_code_is_false_and_an_unknown_one_is_unknown() {
        let keys = [FaultKey::from_key("ENTRAPMENT").unwrap()];
        for (reported, truth) in [
            (FaultKey::from_key("ENTRAPMENT"), Truth::True),
            (FaultKey::from_key("NONE"), Truth::False),
            (FaultKey::from_key("POSITION_LOST"), Truth::False),
            (None, Truth::Unknown),
        ] {
            assert_eq!(holds(reported, &keys), truth, "{reported:?}");
        }
    }
}
