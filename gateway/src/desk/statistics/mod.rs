//! Statistics of hazards, kept as sums: a page over a year of a million hazards reads a few thousand rows.
//!
//! ```text
//! hazards (a trigger notes which changed) ─► count: what was counted of it off, what it is now on ─► stat_counts
//! gaps, links of the core ─► watched: how much of each day was watched ─► stat_watched
//! ```
//! Sums of everybody are kept by month, area (0, 2, 4 and 6 digits), category and for all categories together, so that no
//! question adds up more than it shows; those of a unit by month, area and category, because a unit has few.

mod count;
mod keep;
mod read;
mod watched;

pub use count::{count_changed, pending};
pub use keep::keep;
pub use read::{Asked, By, Coverage, Line, Watched, coverage, figures, lines, months, watched, who_of};
pub use watched::watch;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use vigil_protocol::time::UtcMillis;

/// A month as a number that can be counted with.
#[must_use]
pub fn month_of(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

/// The first day of a month.
#[must_use]
pub fn first_of(month: i64) -> Date {
    let year = i16::try_from(month.div_euclid(12)).unwrap_or(1970);
    let number = i8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
    Date::new(year, number, 1).unwrap_or(Date::constant(1970, 1, 1))
}

/// Days since 1970-01-01.
pub(crate) fn day_number(date: Date) -> i64 {
    let since = date.since(Date::constant(1970, 1, 1));
    since.map_or(0, |span| i64::from(span.get_days()))
}

/// The instant a day begins.
pub(crate) fn begin_of(date: Date, zone: &TimeZone) -> UtcMillis {
    let begin = date.to_zoned_datetime(zone.clone());
    UtcMillis(begin.map_or(0, |begin| begin.timestamp().as_millisecond()))
}
