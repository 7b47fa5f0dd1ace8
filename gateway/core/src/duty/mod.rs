//! Daily control, weekly check, monthly dispatch (日管控、周排查、月调度): what telemetry and the register say of a period
//! before an officer says the rest, and what he may sign.
//!
//! ```text
//! machine on a day ─► judge ─► day's record ─┐
//!                        officer ─► signed ──┴─► week's record ─► month's record
//! ```
//! Zero risk (零风险) is said only where nothing was found **and** the data was complete: nothing found in no data is no
//! data.

mod cover;
mod fold;
mod policy;
mod sign;

pub use cover::lost;
pub use fold::{Child, Line, MachineDay, Missing, Prefill, Verdict, judge, of_children, of_machines};
pub(crate) use policy::SHEET;
pub use policy::{Article, DutyPolicy, KindPolicy};
pub use sign::{Content, RecordState, Texts, conclude, may_correct, may_edit, may_sign};

use jiff::Span;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyKind {
    /// 日管控.
    Daily,
    /// 周排查: Monday to Sunday.
    Weekly,
    /// 月调度: a calendar month.
    Monthly,
}

impl DutyKind {
    /// All three, each built on the one before.
    pub const ALL: [Self; 3] = [Self::Daily, Self::Weekly, Self::Monthly];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The kind behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }

    /// What its records are built on.
    #[must_use]
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::Daily => None,
            Self::Weekly => Some(Self::Daily),
            Self::Monthly => Some(Self::Weekly),
        }
    }

    /// The period whose last day is this one; `None` when none ends on it.
    #[must_use]
    pub fn ending(self, day: Date) -> Option<(Date, Date)> {
        match self {
            Self::Daily => Some((day, day)),
            Self::Weekly if day.weekday() == Weekday::Sunday => {
                Some((day.checked_sub(Span::new().days(6)).ok()?, day))
            }
            Self::Monthly if day == day.last_of_month() => Some((day.first_of_month(), day)),
            Self::Weekly | Self::Monthly => None,
        }
    }

    /// How many records of the kind below belong to a period: those that end in it.
    #[must_use]
    pub fn expects(self, (from, to): (Date, Date)) -> u32 {
        let Some(below) = self.below() else { return 0 };
        let mut count = 0;
        let mut day = Some(from);
        while let Some(one) = day.filter(|one| *one <= to) {
            count += u32::from(below.ending(one).is_some());
            day = one.tomorrow().ok();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::DutyKind;
    use jiff::civil::date;

    #[test]
    fn weeks_end_on_sundays_and_months_on_their_last_day() {
        let sunday = date(2026, 5, 31);
        for (kind, day, period) in [
            (
                DutyKind::Daily,
                date(2026, 5, 30),
                Some((date(2026, 5, 30), date(2026, 5, 30))),
            ),
            (DutyKind::Weekly, sunday, Some((date(2026, 5, 25), sunday))),
            (DutyKind::Weekly, date(2026, 5, 30), None),
            (DutyKind::Monthly, sunday, Some((date(2026, 5, 1), sunday))),
            (
                DutyKind::Monthly,
                date(2026, 2, 28),
                Some((date(2026, 2, 1), date(2026, 2, 28))),
            ),
            (DutyKind::Monthly, date(2028, 2, 28), None),
        ] {
            assert_eq!(kind.ending(day), period, "{kind:?} {day}");
        }
    }

    #[test]
    fn a_week_has_seven_days_and_a_month_the_weeks_that_end_in_it() {
        assert_eq!(
            DutyKind::Weekly.expects((date(2026, 5, 25), date(2026, 5, 31))),
            7
        );
        // Sundays of May 2026: 3, 10, 17, 24, 31.
        assert_eq!(
            DutyKind::Monthly.expects((date(2026, 5, 1), date(2026, 5, 31))),
            5
        );
        assert_eq!(
            DutyKind::Monthly.expects((date(2026, 6, 1), date(2026, 6, 30))),
            4
        );
        assert_eq!(DutyKind::Daily.expects((date(2026, 5, 1), date(2026, 5, 1))), 0);
    }

    #[test]
    fn every_kind_survives_its_key() {
        for kind in DutyKind::ALL {
            assert_eq!(DutyKind::from_key(kind.key()), Some(kind));
        }
    }
}
