//! How long a period is: in days as people count them, or to the minute.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::str::FromStr;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
const HELP: &str =
    "is no length of time; write \"15 days\", \"10 working days\", \"4 hours\" or \"30 minutes\"";
/// Ten years: beyond that it is a mistake.
const LONGEST_DAYS: u32 = 3_660;

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Every day counts; it ends with its last day.
    Days(u16),
    /// Days on which people work count; it ends with its last day.
    WorkingDays(u16),
    /// To the minute.
    Minutes(u32),
}

impl Default for Length {
    fn default() -> Self {
        Self::Days(0)
    }
}

/// A text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} {HELP}")]
pub struct LengthError(String);

impl Length {
    /// So many days: those it is counted in, or those it fills, the last one partly.
    #[must_use]
    pub fn days(self) -> u16 {
        match self {
            Self::Days(days) | Self::WorkingDays(days) => days,
            Self::Minutes(minutes) => u16::try_from(minutes.div_ceil(24 * 60)).unwrap_or(u16::MAX),
        }
    }

    /// Whether only days on which people work count.
    #[must_use]
    pub const fn is_working(self) -> bool {
        matches!(self, Self::WorkingDays(_))
    }

    /// Whether it is counted in days.
    #[must_use]
    pub const fn is_in_days(self) -> bool {
        !matches!(self, Self::Minutes(_))
    }

    /// Milliseconds, a working day taken for a day.
    #[must_use]
    pub fn ms(self) -> i64 {
        match self {
            Self::Days(days) | Self::WorkingDays(days) => i64::from(days) * DAY_MS,
            Self::Minutes(minutes) => i64::from(minutes) * MINUTE_MS,
        }
    }

    /// In words, Chinese.
    #[must_use]
    pub fn zh(self) -> String {
        match self {
            Self::Days(days) => format!("{days} 天"),
            Self::WorkingDays(days) => format!("{days} 个工作日"),
            Self::Minutes(minutes) if minutes % 60 == 0 => format!("{} 小时", minutes / 60),
            Self::Minutes(minutes) => format!("{minutes} 分钟"),
        }
    }
}

/// In words, English, as in a file.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, what) = match *self {
            Self::Days(days) => (u32::from(days), "day"),
            Self::WorkingDays(days) => (u32::from(days), "working day"),
            Self::Minutes(minutes) if minutes % 60 == 0 => (minutes / 60, "hour"),
            Self::Minutes(minutes) => (minutes, "minute"),
        };
        let s = if number == 1 { "" } else { "s" };
        write!(f, "{number} {what}{s}")
    }
}

impl FromStr for Length {
    type Err = LengthError;

    fn from_str(text: &str) -> Result<Self, LengthError> {
        let wrong = || LengthError(text.to_owned());
        let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let unit = unit.trim();
        let days = || {
            let days = u16::try_from(number).ok();
            days.filter(|_| number <= LONGEST_DAYS).ok_or_else(wrong)
        };
        let minutes = |each: u32| {
            let minutes = number.checked_mul(each);
            let minutes = minutes.filter(|minutes| *minutes <= LONGEST_DAYS * 24 * 60);
            minutes.map(Self::Minutes).ok_or_else(wrong)
        };
        match unit.strip_suffix('s').unwrap_or(unit) {
            "day" => days().map(Self::Days),
            "working day" => days().map(Self::WorkingDays),
            "hour" => minutes(60),
            "minute" => minutes(1),
            _ => Err(wrong()),
        }
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Length;

    #[test]
    fn a_length_is_read_as_it_is_written() {
        for (text, length, zh, ms) in [
            ("15 days", Length::Days(15), "15 天", 15 * 86_400_000),
            ("1 day", Length::Days(1), "1 天", 86_400_000),
            (
                "10 working days",
                Length::WorkingDays(10),
                "10 个工作日",
                10 * 86_400_000,
            ),
            ("4 hours", Length::Minutes(240), "4 小时", 14_400_000),
            ("90 minutes", Length::Minutes(90), "90 分钟", 5_400_000),
        ] {
            assert_eq!(text.parse(), Ok(length), "{text}");
            assert_eq!((length.to_string().as_str(), length.zh().as_str()), (text, zh));
            assert_eq!(length.ms(), ms);
        }
        assert_eq!(Length::Minutes(1).days(), 1);
        for text in [
            "",
            "15",
            "15 dayz",
            "-1 days",
            "1.5 hours",
            "days 15",
            "4000 days",
            "99999999 hours",
        ] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}
