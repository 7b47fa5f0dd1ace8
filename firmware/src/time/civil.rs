//! Dates of the Gregorian calendar and days since 1970.

use vigil_protocol::time::UtcMillis;

/// A moment as a clock chip keeps it, UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Civil {
    /// Such as 2026.
    pub year: u16,
    /// 1–12.
    pub month: u8,
    /// 1–31.
    pub day: u8,
    /// 0–23.
    pub hour: u8,
    /// 0–59.
    pub minute: u8,
    /// 0–59.
    pub second: u8,
}

const DAY_MS: i64 = 86_400_000;

impl Civil {
    /// `None` for what is no date or time.
    #[must_use]
    pub const fn to_utc(self) -> Option<UtcMillis> {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self;
        if day == 0 || month == 0 || month > 12 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        if day > days_in(year, month) {
            return None;
        }
        // Years begin in March, so that the leap day is their last.
        let (year, month) = if month > 2 {
            (year as i64, month as i64 - 3)
        } else {
            (year as i64 - 1, month as i64 + 9)
        };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * month + 2) / 5 + day as i64 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let seconds = (hour as i64 * 60 + minute as i64) * 60 + second as i64;
        Some(UtcMillis(days * DAY_MS + seconds * 1_000))
    }

    /// The second that `utc` lies in; `None` outside of the years 0 to 65535.
    #[must_use]
    pub fn from_utc(utc: UtcMillis) -> Option<Self> {
        let (days, ms) = (utc.0.div_euclid(DAY_MS), utc.0.rem_euclid(DAY_MS));
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (month, later) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let second = ms / 1_000;
        Some(Self {
            year: u16::try_from(era * 400 + year_of_era + later).ok()?,
            month: month as u8,
            day: day as u8,
            hour: (second / 3_600) as u8,
            minute: (second / 60 % 60) as u8,
            second: (second % 60) as u8,
        })
    }
}

const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}
