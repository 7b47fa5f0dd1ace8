//! Times, durations and numbers for people.

use super::markup::{Markup, escape};
use super::words::Language;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Quantity, Unit};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How times are written: in whose zone, relative to when, in which language.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    pub(crate) zone: TimeZone,
    pub(crate) now: UtcMillis,
    pub(crate) language: Language,
}

fn timestamp(at: UtcMillis) -> Timestamp {
    // Outside of jiff's years there is nothing to show; the epoch is at least visibly wrong.
    Timestamp::from_millisecond(at.0).unwrap_or_default()
}

impl Times {
    fn date(&self, at: UtcMillis) -> Date {
        timestamp(at).to_zoned_datetime(self.zone.clone()).date()
    }

    fn strftime(&self, at: UtcMillis, format: &str) -> String {
        timestamp(at)
            .to_zoned_datetime(self.zone.clone())
            .strftime(format)
            .to_string()
    }

    /// `14:03:22`; with the day when it is another one, with the year when it is another one.
    pub(crate) fn short(&self, at: UtcMillis) -> String {
        let (day, today) = (self.date(at), self.date(self.now));
        let format = if day == today {
            "%H:%M:%S"
        } else if day.year() == today.year() {
            self.language.pick("%-m月%-d日 %H:%M:%S", "%-d %b %H:%M:%S")
        } else {
            "%Y-%m-%d %H:%M:%S"
        };
        self.strftime(at, format)
    }

    /// `14:00`.
    pub(crate) fn clock(&self, at: UtcMillis) -> String {
        self.strftime(at, "%H:%M")
    }

    /// `2025-06-01 14:03:22`.
    pub(crate) fn full(&self, at: UtcMillis) -> String {
        self.strftime(at, "%Y-%m-%d %H:%M:%S")
    }

    /// `2025-06-01`.
    pub(crate) fn day(&self, at: UtcMillis) -> String {
        self.strftime(at, "%Y-%m-%d")
    }

    /// `2025-06-01 06:03:22.120 UTC`.
    pub(crate) fn utc(at: UtcMillis) -> String {
        timestamp(at).strftime("%Y-%m-%d %H:%M:%S.%3f UTC").to_string()
    }

    /// Offset of the zone at `at`, such as `UTC+08:00`.
    pub(crate) fn offset(&self, at: UtcMillis) -> String {
        self.strftime(at, "UTC%:z")
    }

    /// Local time minus UTC at `at`, ms.
    pub(crate) fn offset_ms(&self, at: UtcMillis) -> i64 {
        i64::from(self.zone.to_offset(timestamp(at)).seconds()) * SECOND
    }

    /// Local time with the UTC one behind it.
    pub(crate) fn time(&self, at: UtcMillis) -> Markup {
        self.tagged(at, &self.short(at))
    }

    /// The same, always with the date.
    pub(crate) fn full_time(&self, at: UtcMillis) -> Markup {
        self.tagged(at, &self.full(at))
    }

    /// `5 min ago`, with the times behind it.
    pub(crate) fn age(&self, at: UtcMillis) -> Markup {
        self.tagged(at, &self.ago(self.now.since(at)))
    }

    fn tagged(&self, at: UtcMillis, text: &str) -> Markup {
        let machine = timestamp(at).strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
        let title = format!("{} {} · {}", self.full(at), self.offset(at), Self::utc(at));
        Markup(format!(
            "<time datetime=\"{machine}\" title=\"{}\">{}</time>",
            escape(&title),
            escape(text)
        ))
    }

    /// Axis label: with seconds for short spans, with the day for long ones.
    pub(crate) fn axis(&self, at: UtcMillis, span_ms: i64) -> String {
        self.strftime(
            at,
            match span_ms {
                span if span <= 20 * MINUTE => "%H:%M:%S",
                span if span <= 26 * HOUR => "%H:%M",
                _ => self.language.pick("%-m/%-d %H:%M", "%-d %b %H:%M"),
            },
        )
    }

    /// `3 天 4 小时`, `3 days 4 h`.
    pub(crate) fn duration(&self, ms: i64) -> String {
        duration(self.language, ms)
    }

    fn ago(&self, ms: i64) -> String {
        if ms < -SECOND {
            // Clocks differ; what lies ahead is said, not hidden.
            let ahead = self.duration(-ms);
            return match self.language {
                Language::Zh => format!("{ahead}后"),
                Language::En => format!("in {ahead}"),
            };
        }
        match self.language {
            Language::Zh if ms < SECOND => "刚刚".to_owned(),
            Language::En if ms < SECOND => "just now".to_owned(),
            Language::Zh => format!("{}前", rough(self.language, ms)),
            Language::En => format!("{} ago", rough(self.language, ms)),
        }
    }
}

/// The largest unit only, once it says enough.
fn rough(language: Language, ms: i64) -> String {
    let ms = match ms {
        ms if ms >= 10 * DAY => ms - ms % DAY,
        ms if ms >= 10 * HOUR => ms - ms % HOUR,
        ms if ms >= 5 * MINUTE => ms - ms % MINUTE,
        ms => ms,
    };
    duration(language, ms)
}

/// The two largest units in words.
pub(crate) fn duration(language: Language, ms: i64) -> String {
    let ms = ms.max(0);
    let unit = |count: i64, zh: &str, one: &str, many: &str| match language {
        Language::Zh => format!("{count} {zh}"),
        Language::En => format!("{count} {}", if count == 1 { one } else { many }),
    };
    let days = |ms: i64| unit(ms / DAY, "天", "day", "days");
    let hours = |ms: i64| unit(ms % DAY / HOUR, "小时", "h", "h");
    let minutes = |ms: i64| unit(ms % HOUR / MINUTE, "分", "min", "min");
    let seconds = |ms: i64| unit(ms % MINUTE / SECOND, "秒", "s", "s");
    let pair = |first: String, second: String, rest: i64| {
        if rest == 0 {
            first
        } else {
            format!("{first} {second}")
        }
    };
    match ms {
        ms if ms >= DAY => pair(days(ms), hours(ms), ms % DAY / HOUR),
        ms if ms >= HOUR => pair(hours(ms), minutes(ms), ms % HOUR / MINUTE),
        ms if ms >= MINUTE => pair(minutes(ms), seconds(ms), ms % MINUTE / SECOND),
        ms if ms >= SECOND || ms == 0 => seconds(ms),
        ms => match language {
            Language::Zh => format!("{ms} 毫秒"),
            Language::En => format!("{ms} ms"),
        },
    }
}

/// A value in the canonical unit of its quantity, with as many digits as its instrument can mean.
pub(crate) fn number(quantity: Quantity, value: f64) -> String {
    let digits = match quantity.unit() {
        Unit::Megapascal => 3,
        Unit::MetrePerSecond | Unit::Milliampere => 2,
        Unit::Celsius | Unit::Percent | Unit::Volt | Unit::Hour => 1,
        Unit::Millimetre | Unit::KilogramPerHour | Unit::Pascal | Unit::Count => 0,
        _ => 1,
    };
    minus(format!("{value:.digits$}"))
}

/// A number as it was given, at most five decimals.
pub(crate) fn plain(value: f64) -> String {
    let text = format!("{value:.5}");
    minus(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// A typographic minus, and no minus before a zero.
fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// `12 345`, with thin spaces, so that long counts can be read.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `99.6 %`; 100 % only when nothing at all is missing.
pub(crate) fn percent(percent: f64) -> String {
    if (99.95..100.0).contains(&percent) {
        return "99.9 %".to_owned();
    }
    format!("{percent:.1} %").replace(".0 %", " %")
}

#[cfg(test)]
mod tests {
    use super::{Times, count, duration, number, percent};
    use crate::web::words::Language;
    use jiff::tz::TimeZone;
    use vigil_protocol::time::UtcMillis;
    use vigil_protocol::vocabulary::Quantity;

    #[test]
    fn durations_are_said_in_words() {
        let cases = [
            (0, "0 秒", "0 s"),
            (350, "350 毫秒", "350 ms"),
            (45_000, "45 秒", "45 s"),
            (60_000, "1 分", "1 min"),
            (320_000, "5 分 20 秒", "5 min 20 s"),
            (3 * 3_600_000, "3 小时", "3 h"),
            (25 * 3_600_000, "1 天 1 小时", "1 day 1 h"),
            (72 * 3_600_000, "3 天", "3 days"),
        ];
        for (ms, zh, en) in cases {
            assert_eq!(
                (
                    duration(Language::Zh, ms).as_str(),
                    duration(Language::En, ms).as_str()
                ),
                (zh, en)
            );
        }
    }

    #[test]
    fn a_time_is_local_and_carries_its_utc() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let times = Times {
            zone,
            now: UtcMillis(1_750_000_000_000),
            language: Language::En,
        };
        let html = times.time(UtcMillis(1_750_000_000_000 - 60_000)).0;
        assert_eq!(
            html,
            "<time datetime=\"2025-06-15T15:05:40.000Z\" title=\"2025-06-15 23:05:40 UTC+08:00 · 2025-06-15 15:05:40.000 UTC\">23:05:40</time>"
        );
        assert_eq!(
            times.short(UtcMillis(1_750_000_000_000 - 86_400_000)),
            "14 Jun 23:06:40"
        );
        assert!(
            times
                .age(UtcMillis(1_750_000_000_000 + 5_000))
                .0
                .contains("in 5 s")
        );
    }

    #[test]
    fn numbers_have_the_digits_of_their_instrument() {
        assert_eq!(number(Quantity::SteamPressure, 1.25), "1.250");
        assert_eq!(number(Quantity::DrumLevel, -75.4), "−75");
        assert_eq!(number(Quantity::DrumLevel, -0.4), "0");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(1_234), "1234");
        assert_eq!(
            (percent(100.0), percent(99.999), percent(99.6)),
            ("100 %".into(), "99.9 %".into(), "99.6 %".into())
        );
    }
}
