//! A fault key is reported.

use super::count::Report;
use super::memory::Said;
use crate::equipment::Latest;
use crate::pack::Truth;
use crate::sample::Reading;
use vigil_protocol::vocabulary::{FaultKey, FaultKind};

/// True while one of the keys is reported; a code the scheme does not know says nothing either way.
pub(super) fn holds(key: Option<FaultKey>, keys: &[FaultKey]) -> Truth {
    Truth::from(key.map(|key| keys.contains(&key)))
}

/// A known code as a report to count: a fault counts when it appears, an event or alarm each time it is
/// sent with a new source time.
pub(super) fn report(latest: &Latest, keys: &[FaultKey]) -> Option<Report> {
    let Reading::Code { key: Some(key), .. } = latest.reading else {
        return None;
    };
    Some(Report {
        at: latest.at.0,
        said: Said::Key(key),
        wanted: keys.contains(&key),
        repeats: matches!(key.kind(), FaultKind::Event | FaultKind::Alarm),
    })
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
