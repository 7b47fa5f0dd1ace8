//! Civil days and working days: what deadlines are counted in.

use super::length::Length;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Document, Merge};
use crate::diagnostic::sheet::{self, OwnFile, Sheet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use vigil_protocol::time::UtcMillis;

/// The file it is read from.
pub(crate) const SHEET: Sheet = Sheet {
    name: "holidays.toml",
    text: include_str!("../../rules/desk/holidays.toml"),
    merge: &[("year", Merge::Behind("year"))],
};

const MINUTE_MS: i64 = 60_000;
/// The longest holiday there may be; longer is a slip of the pen.
const LONGEST: i64 = 31;
const DAY_MS: i64 = 86_400_000;

/// Days off, and weekends worked, as days since 1970-01-01.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    off: BTreeSet<i64>,
    worked: BTreeSet<i64>,
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
    pub fn builtin() -> &'static Arc<Self> {
        // A test reads it; were it damaged, Monday to Friday would count.
        static BUILTIN: LazyLock<Arc<Calendar>> =
            LazyLock::new(|| Arc::new(Calendar::over(None).unwrap_or_default()));
        &BUILTIN
    }

    /// The shipped list, with people's own file over it: a year in both is as the own file has it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn over(own: Option<OwnFile<'_>>) -> Result<Self, Vec<Diagnostic>> {
        let mut calendar = Self::default();
        sheet::read(SHEET.document(own), |file: &mut File, document| {
            calendar.fill(file, document);
        })?;
        Ok(calendar)
    }

    fn fill(&mut self, file: &File, document: &Document<'_>) {
        for (at, year) in file.year.iter().enumerate() {
            let date = |path: String, text: &str| {
                let day = day_of_date(text).filter(|_| text.starts_with(&format!("{}-", year.year)));
                if day.is_none() {
                    document.error_at(&path, format!("`{text}` is no date of {}", year.year));
                }
                day
            };
            for (nth, (first, last)) in year.off.iter().enumerate() {
                let path = |side: u8| format!("year.{at}.off.{nth}.{side}");
                let (Some(first), Some(last)) = (date(path(0), first), date(path(1), last)) else {
                    continue;
                };
                if !(0..LONGEST).contains(&(last - first)) {
                    document.error_at(&path(1), "not before its first day, and at most a month");
                    continue;
                }
                self.off.extend(first..=last);
            }
            for (nth, day) in year.work.iter().enumerate() {
                self.worked.extend(date(format!("year.{at}.work.{nth}"), day));
            }
        }
    }

    /// An instant so long after (`sign` 1) or before (-1) another: the end of the day that is, or to the minute.
    #[must_use]
    pub fn shifted(&self, from: UtcMillis, length: Length, sign: i64, offset_minutes: i32) -> UtcMillis {
        let day = day_of(from, offset_minutes);
        let day = match length {
            Length::Minutes(minutes) => {
                return from.saturating_add_ms(sign * i64::from(minutes) * MINUTE_MS);
            }
            Length::Days(days) => day.saturating_add(sign * i64::from(days)),
            Length::WorkingDays(days) => self.add_working(day, sign * i64::from(days)),
        };
        end_of(day, offset_minutes)
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
    use super::{Calendar, day_of, day_of_date, end_of};
    use crate::diagnostic::sheet::OwnFile;
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
        let calendar = Calendar::over(None).unwrap();
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
    }

    #[test]
    fn a_year_is_added_or_replaced_and_a_wrong_day_is_named() {
        let over = |text: &str| {
            Calendar::over(Some(OwnFile {
                name: "holidays.toml",
                text,
            }))
        };
        let day = |date: &str| day_of_date(date).unwrap();
        let more = "[[year]]\nyear = 2027\noff = [['2027-01-01', '2027-01-01']]\nwork = []\nsource = 's'\nconfidence = 'sourced'\n";
        let calendar = over(more).unwrap();
        assert!(!calendar.is_working(day("2027-01-01")) && !calendar.is_working(day("2026-10-01")));
        let other = over("[[year]]\nyear = 2026\noff = [['2026-10-01', '2026-10-03']]\n").unwrap();
        assert!(other.is_working(day("2026-10-05")) && !other.is_working(day("2025-10-01")));
        for (wrong, said) in [
            (
                "[['2027-13-01', '2027-01-01']]",
                "`year[3].off[1][1]`: `2027-13-01` is no date of 2027",
            ),
            (
                "[['2026-12-31', '2027-01-01']]",
                "`2026-12-31` is no date of 2027",
            ),
            ("[['2027-05-05', '2027-05-01']]", "not before its first day"),
        ] {
            let text = more.replace("[['2027-01-01', '2027-01-01']]", wrong);
            let found = over(&text).unwrap_err();
            assert!(found[0].to_string().contains(said), "{}", found[0]);
            assert_eq!(found[0].line, 3);
        }
    }
}
