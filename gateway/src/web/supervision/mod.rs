//! Listed supervision, interviews, circulars: list, one case with its next steps, the form for a new one, the notice.

pub(crate) mod case;
mod list;
pub(crate) mod new;
pub(crate) mod notice;
mod step;
mod words;

pub(crate) use list::{as_csv, as_xlsx, download, show};

use super::Site;
use super::fault::Fault;
use super::page::Page;
use crate::desk::cases::CasesError;
use crate::desk::register;
use crate::desk::{day_of, statistics::day_number};
use jiff::civil::Date;
use vigil_protocol::time::UtcMillis;

impl From<CasesError> for Fault {
    fn from(error: CasesError) -> Self {
        let said = error.to_string();
        match error {
            CasesError::NotFound(_) => Self::NotFound,
            CasesError::Store(_) => Self::Unavailable(said),
            _ => Self::BadRequest(said),
        }
    }
}

/// Why something was refused, in the reader's language.
fn why(page: &Page, error: &CasesError) -> String {
    match error {
        CasesError::Refused(refusal) => page.pick(&refusal.message_zh, &refusal.message).to_owned(),
        CasesError::Stale { .. } => page
            .pick(
                "该事项刚刚有了新的办理记录。请查看后再提交。",
                "Somebody else has done something in between. Look at it, then send it again.",
            )
            .to_owned(),
        other => other.to_string(),
    }
}

/// A day, and how many days are left to it.
struct DayLeft {
    date: Date,
    days: i32,
}

impl Site {
    /// What a unit is called in the register; its code, if it is not there. Whoever sees a case may read whom it is about.
    async fn unit_name(&self, code: &str) -> Result<String, Fault> {
        let known = register::unit(&self.app.desk, code).await?;
        let name = known.map(|unit| unit.facts.name).filter(|name| !name.is_empty());
        Ok(name.unwrap_or_else(|| code.to_owned()))
    }

    fn day_left(&self, at: UtcMillis) -> DayLeft {
        let date = day_of(at, &self.app.config.web.timezone);
        let days = day_number(date) - day_number(self.today());
        DayLeft {
            date,
            days: i32::try_from(days).unwrap_or(i32::MAX),
        }
    }

    /// The instant a day of a form begins (or, of a deadline, ends) where the gateway stands.
    fn instant(&self, text: &str, end: bool) -> Option<UtcMillis> {
        let date: Date = text.trim().parse().ok()?;
        let date = if end { date.tomorrow().ok()? } else { date };
        let begin = date.to_zoned_datetime(self.zone.clone()).ok()?;
        let at = begin.timestamp().as_millisecond();
        Some(UtcMillis(if end { at - 1 } else { at }))
    }

    /// The instant of a day and time of a form.
    fn moment(&self, text: &str) -> Option<UtcMillis> {
        let at: jiff::civil::DateTime = text.trim().parse().ok()?;
        let at = at.to_zoned_datetime(self.zone.clone()).ok()?;
        Some(UtcMillis(at.timestamp().as_millisecond()))
    }
}
