//! Which controller it is: makers change what their codes mean from model to model and from firmware to firmware.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A controller, as far as the catalog says.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Controller {
    /// Model, as in the code tables (`NICE3000+`).
    pub model: Option<Arc<str>>,
    /// Firmware version.
    pub firmware: Option<Firmware>,
}

/// A firmware version: numbers between dots, compared number by number. `V33.10`, `33.10` and `33.10.0` are one.
#[derive(Clone, Debug, Eq)]
pub struct Firmware {
    numbers: Vec<u32>,
    text: Arc<str>,
}

/// Versions a row of a code table is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirmwareRange {
    /// First version.
    from: Option<Firmware>,
    /// First version that is no longer meant.
    before: Option<Firmware>,
}

impl Firmware {
    /// Reads a version; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.strip_prefix(['V', 'v']).unwrap_or(text);
        let numbers = digits.split('.').map(|part| part.parse().ok());
        Some(Self {
            numbers: numbers.collect::<Option<_>>()?,
            text: text.into(),
        })
    }
}

impl PartialEq for Firmware {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Ord for Firmware {
    fn cmp(&self, other: &Self) -> Ordering {
        let most = self.numbers.len().max(other.numbers.len());
        let at = |numbers: &[u32], place: usize| numbers.get(place).copied().unwrap_or(0);
        (0..most)
            .map(|place| at(&self.numbers, place).cmp(&at(&other.numbers, place)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Firmware {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FirmwareRange {
    /// Reads `*` (all), `>=33.00`, `<33.00` or `33.00..34.00` (the second no longer meant).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::default());
        }
        if let Some(from) = text.strip_prefix(">=") {
            return Some(Self {
                from: Some(Firmware::parse(from)?),
                before: None,
            });
        }
        if let Some(before) = text.strip_prefix('<') {
            return Some(Self {
                from: None,
                before: Some(Firmware::parse(before)?),
            });
        }
        let (from, before) = text.split_once("..")?;
        let (from, before) = (Firmware::parse(from)?, Firmware::parse(before)?);
        (from < before).then_some(Self {
            from: Some(from),
            before: Some(before),
        })
    }

    /// Whether it is for every version.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.from.is_none() && self.before.is_none()
    }

    /// Whether it is for a controller of this version; of an unknown one only what is for all.
    #[must_use]
    pub fn holds(&self, firmware: Option<&Firmware>) -> bool {
        let Some(firmware) = firmware else {
            return self.is_all();
        };
        let after = self.from.as_ref().is_none_or(|from| from <= firmware);
        after && self.before.as_ref().is_none_or(|before| firmware < before)
    }

    /// Whether some version is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let begins_before_end = |a: &Self, b: &Self| match (&a.from, &b.before) {
            (Some(from), Some(before)) => from < before,
            _ => true,
        };
        begins_before_end(self, other) && begins_before_end(other, self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Firmware, FirmwareRange};

    #[test]
    fn versions_are_compared_number_by_number() {
        let version = |text| Firmware::parse(text).unwrap();
        assert!(version("33.9") < version("33.10"));
        assert!(version("V33.10") == version("33.10.0"));
        assert!(version("2") > version("1.99.99"));
        for text in ["", "V", "33.x", "33..1", "new"] {
            assert!(Firmware::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn ranges_hold_from_their_first_version_to_before_their_last() {
        for (range, version, holds) in [
            ("*", Some("1"), true),
            ("*", None, true),
            (">=33", Some("33.0"), true),
            (">=33", Some("32.99"), false),
            (">=33", None, false),
            ("<33", Some("32.99"), true),
            ("<33", Some("33"), false),
            ("33..34", Some("33.5"), true),
            ("33..34", Some("34"), false),
        ] {
            let parsed = FirmwareRange::parse(range).unwrap();
            let version = version.and_then(Firmware::parse);
            assert_eq!(parsed.holds(version.as_ref()), holds, "{range} {version:?}");
        }
        for text in ["", "33", ">33", "34..33", "33..", "=>33"] {
            assert_eq!(FirmwareRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_overlap_when_they_share_a_version() {
        for (a, b, overlap) in [
            ("*", "<1", true),
            ("<33", ">=33", false),
            ("<33", ">=32", true),
            ("1..2", "2..3", false),
            ("1..3", "2..4", true),
        ] {
            let (a, b) = (FirmwareRange::parse(a).unwrap(), FirmwareRange::parse(b).unwrap());
            assert_eq!(
                (a.overlaps(&b), b.overlaps(&a)),
                (overlap, overlap),
                "{a:?} {b:?}"
            );
        }
    }
}
