//! Dates in the many forms people type them.

use jiff::civil::Date;

/// How exact a date was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// To the day.
    Day,
    /// To the month.
    Month,
}

/// A date that was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadDate {
    /// The day; of a month its first or last, as asked for.
    pub date: Date,
    /// How exact it was given.
    pub precision: Precision,
    /// Whether it was written in another form than `2026-05-01`.
    pub rewritten: bool,
}

/// Why a text is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// No form of a date.
    #[error("this is no date; write 2026-05-01")]
    NotADate,
    /// There is no such day.
    #[error("there is no such day")]
    NoSuchDay,
    /// Day and month, or the century, cannot be told.
    #[error("day, month and year cannot be told apart; write 2026-05-01")]
    Ambiguous,
    /// Before 1900 or after 2100.
    #[error("the year is outside of 1900–2100")]
    Year,
}

/// Serial numbers of spreadsheets taken for dates: 1954 to 2099. Smaller ones are more likely amounts or years.
const SERIALS: std::ops::RangeInclusive<i64> = 20_000..=73_050;

/// Reads a tidied text (or the digits of a number) as a date. A month alone becomes its last day when
/// `end_of_month`, else its first: what is valid "until May" is valid on the 31st.
///
/// # Errors
/// It is no date, or more than one.
pub fn read_date(text: &str, end_of_month: bool) -> Result<ReadDate, DateError> {
    let text = text.trim();
    // A time of day after the date says nothing here.
    let day = text
        .split_once(['T', ' '])
        .filter(|(_, time)| {
            time.contains(':') && time.chars().all(|c| c.is_ascii_digit() || ":.Z+".contains(c))
        })
        .map_or(text, |(day, _)| day);
    let bare: String = day.chars().filter(|c| !c.is_whitespace()).collect();
    let number = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit() || c == '.');
    if number && let Some(date) = digits(&bare, end_of_month)? {
        return Ok(ReadDate {
            rewritten: true,
            ..date
        });
    }
    let mut numbers: Vec<&str> = bare.split(['-', '/', '.', '年', '月', '日', '号', '_']).collect();
    while numbers.last().is_some_and(|last| last.is_empty()) {
        numbers.pop();
    }
    let number = |text: &str| {
        let short = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        short.then(|| text.parse::<i16>().ok()).flatten()
    };
    let read: Option<Vec<i16>> = numbers.iter().map(|text| number(text)).collect();
    let found = match (read.as_deref(), numbers.first().map(|first| first.len())) {
        (Some([year, month, day]), Some(4)) => ymd(*year, *month, Some(*day), end_of_month)?,
        (Some([year, month]), Some(4)) => ymd(*year, *month, None, end_of_month)?,
        (Some([_, _, _]), Some(1 | 2)) => return Err(DateError::Ambiguous),
        _ => return Err(DateError::NotADate),
    };
    Ok(ReadDate {
        rewritten: found.date.to_string() != text,
        ..found
    })
}

/// `20260501`, `202605`, `2026.5` is left to the caller, `46143` (days since 1899-12-30).
fn digits(text: &str, end_of_month: bool) -> Result<Option<ReadDate>, DateError> {
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<i16>().ok());
    match text.len() {
        8 if !text.contains('.') => match (part(0..4), part(4..6), part(6..8)) {
            (Some(year), Some(month), Some(day)) => ymd(year, month, Some(day), end_of_month).map(Some),
            _ => Err(DateError::NotADate),
        },
        6 if !text.contains('.') => match (part(0..4), part(4..6)) {
            (Some(year), Some(month)) => ymd(year, month, None, end_of_month).map(Some),
            _ => Err(DateError::NotADate),
        },
        _ => {
            let whole = text.split('.').next().unwrap_or_default();
            if whole.len() != 5 || text.matches('.').count() > 1 {
                return Ok(None);
            }
            let serial = whole
                .parse::<i64>()
                .ok()
                .filter(|serial| SERIALS.contains(serial));
            let serial = serial.ok_or(DateError::NotADate)?;
            serial_date(serial).map(Some)
        }
    }
}

fn serial_date(serial: i64) -> Result<ReadDate, DateError> {
    let date = jiff::civil::date(1899, 12, 30)
        .checked_add(jiff::Span::new().days(serial))
        .map_err(|_| DateError::Year)?;
    Ok(ReadDate {
        date,
        precision: Precision::Day,
        rewritten: true,
    })
}

fn ymd(year: i16, month: i16, day: Option<i16>, end_of_month: bool) -> Result<ReadDate, DateError> {
    if !(1900..=2100).contains(&year) {
        return Err(DateError::Year);
    }
    let month = i8::try_from(month).map_err(|_| DateError::NoSuchDay)?;
    let first = Date::new(year, month, 1).map_err(|_| DateError::NoSuchDay)?;
    let (date, precision) = match day {
        Some(day) => {
            let day = i8::try_from(day).map_err(|_| DateError::NoSuchDay)?;
            let date = Date::new(year, month, day).map_err(|_| DateError::NoSuchDay)?;
            (date, Precision::Day)
        }
        None if end_of_month => (first.last_of_month(), Precision::Month),
        None => (first, Precision::Month),
    };
    Ok(ReadDate {
        date,
        precision,
        rewritten: false,
    })
}

#[cfg(test)]
mod tests {
    use super::{DateError, Precision, read_date};
    use jiff::civil::{Date, date};
    use proptest::prelude::*;

    #[test]
    fn a_date_is_understood_however_it_is_typed() {
        let may = date(2026, 5, 1);
        for text in [
            "2026-05-01",
            "2026-5-1",
            "2026/5/1",
            "2026.5.1",
            "2026.05.01",
            "2026年5月1日",
            "2026年05月01号",
            "2026 年 5 月 1 日",
            "20260501",
            "46143",
            "46143.75",
            "2026-05-01 00:00:00",
            "2026-05-01T08:30:00Z",
            "2026/5/1 8:30",
        ] {
            let read = read_date(text, true).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((read.date, read.precision), (may, Precision::Day), "{text}");
            assert_eq!(read.rewritten, text != "2026-05-01", "{text}");
        }
    }

    #[test]
    fn a_month_is_its_last_day_where_something_ends_and_its_first_where_it_begins() {
        for text in ["2028-02", "2028年2月", "2028.2", "2028/02", "202802"] {
            let ends = read_date(text, true).unwrap();
            assert_eq!(
                (ends.date, ends.precision),
                (date(2028, 2, 29), Precision::Month),
                "{text}"
            );
            assert_eq!(read_date(text, false).unwrap().date, date(2028, 2, 1), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused_and_never_guessed() {
        use DateError::{Ambiguous, NoSuchDay, NotADate, Year};
        for (text, error) in [
            ("", NotADate),
            ("soon", NotADate),
            ("2026", NotADate),
            ("12345678901234567890", NotADate),
            ("99999", NotADate),
            ("1.5.2026", Ambiguous),
            ("01/05/2026", Ambiguous),
            ("26-5-1", Ambiguous),
            ("2026-02-30", NoSuchDay),
            ("20261301", NoSuchDay),
            ("1026-05-01", Year),
            ("2026-05-01-01", NotADate),
            ("-2026-05-01", NotADate),
            ("２０２６", NotADate),
        ] {
            assert_eq!(read_date(text, true), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_survives_every_form(days in 0_i32..53_000) {
            let day: Date = date(1954, 10, 4).checked_add(jiff::Span::new().days(days)).unwrap();
            let (y, m, d) = (day.year(), day.month(), day.day());
            for text in [
                format!("{y}-{m}-{d}"), format!("{y}/{m:02}/{d:02}"), format!("{y}.{m}.{d}"),
                format!("{y}年{m}月{d}日"), format!("{y:04}{m:02}{d:02}"), day.to_string(),
            ] {
                prop_assert_eq!(read_date(&text, false).map(|read| read.date), Ok(day), "{}", text);
            }
        }

        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            if let Ok(read) = read_date(&text, true) {
                prop_assert!((1900..=2100).contains(&read.date.year()));
            }
        }
    }
}
