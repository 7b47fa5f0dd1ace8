//! When something was measured, in the ways messages say it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde_json::Value;
use vigil_protocol::time::UtcMillis;

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// Milliseconds since 1970.
    Millis,
    /// Seconds since 1970, perhaps with a fraction.
    Seconds,
    /// `2024-05-01T12:00:00+08:00`.
    Rfc3339,
    /// Local time with this offset from UTC: `2024-05-01 12:00:00`, `20240501120000`.
    Local(Offset),
}

impl TimeFormat {
    /// The time a value says; `None` if it says none in this way.
    pub(super) fn read(self, value: &Value) -> Option<UtcMillis> {
        match self {
            Self::Millis => number(value).and_then(whole),
            Self::Seconds => number(value).and_then(|s| whole(s * 1_000.0)),
            Self::Rfc3339 => instant(value.as_str()?.trim()),
            Self::Local(offset) => match value {
                Value::Number(digits) => local(&digits.to_string(), offset),
                Value::String(text) => local(text.trim(), offset),
                _ => None,
            },
        }
    }
}

/// `+08:00`, `-03:30`, `Z`.
pub(super) fn offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let part = |text: &str, most: i32| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i32>().ok().filter(|n| digits && *n <= most)
    };
    let seconds = part(hours, 14)? * 3_600 + part(minutes, 59)? * 60;
    Offset::from_seconds(sign * seconds).ok()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn whole(ms: f64) -> Option<UtcMillis> {
    // 9999-12-31: beyond it is no time.
    (ms.abs() < 253_402_300_800_000.0).then(|| UtcMillis(ms.round() as i64))
}

fn instant(text: &str) -> Option<UtcMillis> {
    let at: Timestamp = text.parse().ok()?;
    Some(UtcMillis(at.as_millisecond()))
}

fn local(text: &str, offset: Offset) -> Option<UtcMillis> {
    // Who says the offset beside the time knows best.
    if let Some(at) = instant(text) {
        return Some(at);
    }
    let written = compact(text).unwrap_or_else(|| text.replace('/', "-"));
    let at: DateTime = written.parse().ok()?;
    let at = offset.to_timestamp(at).ok()?;
    Some(UtcMillis(at.as_millisecond()))
}

/// `20240501120000`, perhaps with milliseconds, as `20240501T120000.000`.
fn compact(text: &str) -> Option<String> {
    let all_digits = text.bytes().all(|b| b.is_ascii_digit());
    let (date, time) = text.split_at_checked(8).filter(|_| all_digits)?;
    let (time, fraction) = time.split_at_checked(6)?;
    match fraction.len() {
        0 => Some(format!("{date}T{time}")),
        3 => Some(format!("{date}T{time}.{fraction}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{TimeFormat, offset};
    use serde_json::{Value, json};
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn one_instant_is_read_in_every_way_it_is_written() {
        const NOON: i64 = 1_714_536_000_000;
        let china = TimeFormat::Local(offset("+08:00").unwrap());
        let cases: [(TimeFormat, Value); 14] = [
            (TimeFormat::Millis, json!(NOON)),
            (TimeFormat::Millis, json!(NOON.to_string())),
            (TimeFormat::Millis, json!(NOON as f64)),
            (TimeFormat::Seconds, json!(NOON / 1_000)),
            (TimeFormat::Seconds, json!("1714536000.0")),
            (TimeFormat::Rfc3339, json!("2024-05-01T04:00:00Z")),
            (TimeFormat::Rfc3339, json!("2024-05-01 12:00:00.000+08:00")),
            (china, json!("2024-05-01 12:00:00")),
            (china, json!("2024-05-01T12:00:00")),
            (china, json!("2024/05/01 12:00:00")),
            (china, json!("20240501120000")),
            (china, json!(20_240_501_120_000_i64)),
            (china, json!("20240501120000000")),
            (china, json!("2024-05-01T04:00:00Z")),
        ];
        for (format, value) in cases {
            assert_eq!(format.read(&value), Some(UtcMillis(NOON)), "{format:?} {value}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        let china = TimeFormat::Local(offset("+08:00").unwrap());
        for (format, value) in [
            (TimeFormat::Millis, json!("soon")),
            (TimeFormat::Millis, json!(null)),
            (TimeFormat::Millis, json!(1e300)),
            (TimeFormat::Seconds, json!(true)),
            (TimeFormat::Rfc3339, json!("2024-05-01 12:00:00")),
            (TimeFormat::Rfc3339, json!(1_714_536_000)),
            (china, json!("2024-13-01 12:00:00")),
            (china, json!("2024050112")),
        ] {
            assert_eq!(format.read(&value), None, "{format:?} {value}");
        }
    }

    #[test]
    fn offsets_have_hours_and_minutes() {
        assert_eq!(offset("+08:00").unwrap().seconds(), 28_800);
        assert_eq!(offset("-03:30").unwrap().seconds(), -12_600);
        assert_eq!(offset("Z").unwrap().seconds(), 0);
        for text in ["", "8", "+8:00", "+15:00", "+08:60", "08:00", "+0800"] {
            assert!(offset(text).is_none(), "{text}");
        }
    }
}
