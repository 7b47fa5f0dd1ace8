//! The one form of time in answers and queries: RFC 3339, UTC, milliseconds.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;
use vigil_protocol::time::UtcMillis;

/// An instant, RFC 3339 in UTC with milliseconds, such as `2026-11-23T08:00:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-23T08:00:00.000Z"))]
pub struct Time(pub UtcMillis);

/// A text that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time with its offset, such as 2026-11-23T08:00:00Z or 2026-11-23T16:00:00+08:00")]
pub struct NotATime;

impl From<UtcMillis> for Time {
    fn from(at: UtcMillis) -> Self {
        Self(at)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Times outside what a calendar can say (a clock gone wild) show the nearest end.
        let end = if self.0.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        let at = Timestamp::from_millisecond(self.0.0).unwrap_or(end);
        write!(f, "{at:.3}")
    }
}

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A "+" of an offset that was not escaped in a query arrives as a space.
        let text = text.trim().replace(' ', "+");
        let at: Timestamp = text.parse().map_err(|_| NotATime)?;
        Ok(Self(UtcMillis(at.as_millisecond())))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Time;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds_and_read_with_any_offset() {
        let at = Time(UtcMillis(1_795_420_800_000));
        assert_eq!(at.to_string(), "2026-11-23T08:00:00.000Z");
        for text in [
            "2026-11-23T08:00:00Z",
            "2026-11-23T16:00:00+08:00",
            "2026-11-23T16:00:00 08:00",
            " 2026-11-23T08:00:00.000Z ",
        ] {
            assert_eq!(text.parse(), Ok(at), "{text}");
        }
        for text in ["2026-11-23", "08:00", "1795420800000", "yesterday", ""] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_no_calendar_knows_is_still_written() {
        assert!(Time(UtcMillis(i64::MAX)).to_string().starts_with("9999-12-30"));
        assert!(Time(UtcMillis(i64::MIN)).to_string().starts_with("-009999-01-02"));
    }
}
