//! What of a list is asked for, and where a page of it ended.

use super::ListError;
use crate::desk::listing::NO_CURSOR;
use crate::store::{HazardFilter, ListedBy};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use vigil_core::hazard::HazardStatus;
use vigil_core::lists::ListKey;
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;

/// What is asked for. What is empty does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListFilter {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
    /// Beginning of the area code.
    pub area: String,
    /// Code of the unit that uses the equipment.
    pub unit: String,
    /// Where the hazard stands now.
    pub state: Option<HazardStatus>,
}

impl ListFilter {
    /// Reads what people type.
    ///
    /// # Errors
    /// A day that is none, an area that is none, days in the wrong order.
    pub fn read(from: &str, to: &str, area: &str, unit: &str, state: &str) -> Result<Self, ListError> {
        let value = |field, what: &str| ListError::Value {
            field,
            what: what.to_owned(),
        };
        let day = |field, text: &str| match text.trim() {
            "" => Ok(None),
            text => match text.parse::<Date>() {
                Ok(day) if (1900..=9998).contains(&day.year()) => Ok(Some(day)),
                _ => Err(value(field, "a day such as 2026-05-01")),
            },
        };
        let (from, to) = (day("from", from)?, day("to", to)?);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(value("to", "the last day is before the first"));
        }
        let area = area.trim();
        if area.len() > 6 || !area.chars().all(|c| c.is_ascii_digit()) {
            return Err(value("area", "up to six digits of GB/T 2260, such as 2103"));
        }
        let unit = unit.trim();
        if unit.chars().count() > 64 {
            return Err(value("unit", "the code of a unit has at most 64 characters"));
        }
        let state = match state.trim() {
            "" => None,
            text => Some(
                serde_json::from_value(serde_json::Value::String(text.to_owned()))
                    .map_err(|_| value("state", "none of the states there are, such as rectifying"))?,
            ),
        };
        Ok(Self {
            from,
            to,
            area: area.to_owned(),
            unit: unit.to_owned(),
            state,
        })
    }

    /// Which hazards that are, by which time.
    pub(super) fn hazards(
        &self,
        list: ListKey,
        sight: Option<Sight>,
        zone: &TimeZone,
    ) -> (ListedBy, HazardFilter) {
        let by = match list {
            ListKey::Results => ListedBy::StruckOff,
            _ => ListedBy::Opened,
        };
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let filter = HazardFilter {
            status: self.state,
            area: given(&self.area),
            use_unit: given(&self.unit),
            from: self.from.map(|day| begin_of(day, zone)),
            to: self.to.map(|day| begin_of(after(day), zone)),
            sight,
            ..HazardFilter::default()
        };
        (by, filter)
    }
}

/// The day after.
pub(crate) fn after(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

/// Begin of a day in a zone.
pub(crate) fn begin_of(day: Date, zone: &TimeZone) -> UtcMillis {
    day.to_zoned_datetime(zone.clone())
        .map_or(UtcMillis(0), |at| UtcMillis(at.timestamp().as_millisecond()))
}

/// Where a page ended: time, id and number of its last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCursor {
    /// The time the list goes by.
    pub at: UtcMillis,
    /// Number in the list.
    pub no: u64,
    /// Id.
    pub id: String,
}

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}", self.at.0, self.no, self.id)
    }
}

impl FromStr for ListCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '~');
        let mut next = || parts.next().ok_or(NO_CURSOR);
        Ok(Self {
            at: UtcMillis(next()?.parse().map_err(|_| NO_CURSOR)?),
            no: next()?.parse().map_err(|_| NO_CURSOR)?,
            id: next()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ListCursor, ListFilter};

    #[test]
    fn what_people_type_is_read_or_refused_with_the_field() {
        let read = ListFilter::read(" 2026-05-01 ", "2026-05-31", "2103", "", "rectifying").unwrap();
        assert_eq!(read.from.unwrap().to_string(), "2026-05-01");
        assert!(read.state.is_some());
        assert_eq!(
            ListFilter::read("", "", "", "", "").unwrap(),
            ListFilter::default()
        );
        for (from, to, area, unit, state, field) in [
            ("may", "", "", "", "", "from"),
            ("", "2026-13-01", "", "", "", "to"),
            ("2026-05-02", "2026-05-01", "", "", "", "to"),
            ("", "", "21 OR 1", "", "", "area"),
            ("", "", "2103811", "", "", "area"),
            ("", "", "", &"x".repeat(65), "", "unit"),
            ("", "", "", "", "gone", "state"),
        ] {
            let error = ListFilter::read(from, to, area, unit, state).unwrap_err();
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }

    #[test]
    fn a_cursor_survives_its_text_form() {
        let cursor: ListCursor = "17~3~HZ-1~x".parse().unwrap();
        assert_eq!((cursor.no, cursor.id.as_str()), (3, "HZ-1~x"));
        assert_eq!(cursor.to_string(), "17~3~HZ-1~x");
        assert!("17~x~HZ".parse::<ListCursor>().is_err());
        assert!("17".parse::<ListCursor>().is_err());
    }
}
