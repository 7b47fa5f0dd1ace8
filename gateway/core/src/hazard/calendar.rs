//! Civil days and working days: what deadlines are counted in.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use vigil_protocol::time::UtcMillis;

const TEXT: &str = include_str!("../../rules/desk/holidays.toml");
const DAY_MS: i64 = 86_400_000;

/// Days off, and weekends worked, as days since 1970-01-01.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    off: BTreeSet<i64>,
    worked: BTreeSet<i64>,
}

/// Why a list of holidays cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// Not TOML of this form.
    #[error("reading the list of holidays: {0}")]
    Malformed(#[from] toml::de::Error),
    /// A text that is no date.
    #[error("reading the list of holidays: `{0}` is no date")]
    Date(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    year: Vec<Year>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "what stands in the file for people is checked, not used")]
struct Year {
    year: i32,
    off: Vec<(String, String)>,
    work: Vec<String>,
    source: String,
    confidence: String,
}

impl Calendar {
    /// The list that comes with the gateway.
    #[must_use]
    pub fn builtin() -> &'static Self {
        // A test reads it; were it damaged, Monday to Friday would count.
        static BUILTIN: LazyLock<Calendar> = LazyLock::new(|| Calendar::parse(TEXT).unwrap_or_default());
        &BUILTIN
    }

    /// Reads a list of holidays.
    ///
    /// # Errors
    /// [`CalendarError`] says what cannot be read.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        let file: File = toml::from_str(text)?;
        let mut calendar = Self::default();
        let date = |text: &String| day_of_date(text).ok_or_else(|| CalendarError::Date(text.clone()));
        for year in &file.year {
            for (first, last) in &year.off {
                calendar.off.extend(date(first)?..=date(last)?);
            }
            for day in &year.work {
                calendar.worked.insert(date(day)?);
            }
        }
        Ok(calendar)
    }

    /// Whether people work on a day.
    #[must_use]
    pub fn is_working(&self, day: i64) -> bool {
        // 1970-01-01 was a Thursday.
        let weekend = (day + 3).rem_euclid(7) >= 5;
        self.worked.contains(&day) || (!weekend && !self.off.contains(&day))
    }

    /// The `days`-th working day behind `day`; before it, when negative.
    #[must_use]
    pub fn add_working(&self, day: i64, days: i64) -> i64 {
        let step = days.signum();
        let (mut day, mut left) = (day, days.abs());
        while left > 0 {
            day += step;
            left -= i64::from(self.is_working(day));
        }
        day
    }
}

/// The civil day of an instant, `offset_minutes` east of Greenwich, as days since 1970-01-01.
#[must_use]
pub fn day_of(at: UtcMillis, offset_minutes: i32) -> i64 {
    at.saturating_add_ms(i64::from(offset_minutes) * 60_000)
        .0
        .div_euclid(DAY_MS)
}

/// The last millisecond of a civil day.
#[must_use]
pub fn end_of(day: i64, offset_minutes: i32) -> UtcMillis {
    UtcMillis(
        day.saturating_add(1)
            .saturating_mul(DAY_MS)
            .saturating_sub(i64::from(offset_minutes) * 60_000 + 1),
    )
}

/// Days since 1970-01-01 of `2026-05-01`.
#[must_use]
pub fn day_of_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let year: i64 = parts.next()?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let day: i64 = parts.next()?.parse().ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1900..=9999).contains(&year) {
        return None;
    }
    // Years begin in March, so that the leap day is the last.
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::{Calendar, TEXT, day_of, day_of_date, end_of};
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn dates_are_days_since_1970() {
        for (date, day) in [
            ("1970-01-01", 0),
            ("2000-03-01", 11_017),
            ("2024-02-29", 19_782),
            ("2026-10-01", 20_727),
        ] {
            assert_eq!(day_of_date(date), Some(day), "{date}");
        }
        for text in ["", "2026-13-01", "2026-01-32", "2026-01", "a-b-c"] {
            assert_eq!(day_of_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight_where_people_are() {
        let day = day_of(UtcMillis(1_780_272_000_000), 480); // 2026-06-01T00:00Z, 08:00 in China
        assert_eq!(Some(day), day_of_date("2026-06-01"));
        let end = end_of(day, 480);
        assert_eq!(day_of(end, 480), day);
        assert_eq!(day_of(UtcMillis(end.0 + 1), 480), day + 1);
    }

    #[test]
    fn holidays_do_not_count_and_weekends_worked_do() {
        let calendar = Calendar::parse(TEXT).unwrap();
        let day = |date: &str| day_of_date(date).unwrap();
        for (date, works) in [
            ("2026-09-30", true),
            ("2026-10-01", false),
            ("2026-10-07", false),
            ("2026-10-08", true),
            ("2026-10-10", true), // a Saturday, worked
            ("2026-10-11", false),
            ("2030-10-01", true), // nobody has said yet
        ] {
            assert_eq!(calendar.is_working(day(date)), works, "{date}");
        }
        assert_eq!(calendar.add_working(day("2026-09-30"), 1), day("2026-10-08"));
        assert_eq!(calendar.add_working(day("2026-09-30"), 3), day("2026-10-10"));
        assert_eq!(calendar.add_working(day("2026-10-08"), -1), day("2026-09-30"));
        assert!(Calendar::parse("[[year]]\nyear = 1").is_err());
    }
}
