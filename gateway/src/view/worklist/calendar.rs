//! Inspections, calibrations, insurance, certificates: what is overdue, and what soon will be.

use super::super::card::card;
use super::super::owners::unreadable;
use super::super::register::DueView;
use super::{Asked, Found, LINES, MOST_COUNTED, WorkGroup, WorkLine, encoded};
use crate::desk::calendar::{CalendarFilter, calendar, standings};
use crate::view::ViewError;
use vigil_core::calendar::Standing;

pub(super) fn source<'a>(asked: &'a Asked<'a>) -> Found<'a> {
    Box::pin(groups(asked))
}

async fn groups(asked: &Asked<'_>) -> Result<Vec<WorkGroup>, ViewError> {
    let (desk, person, today) = (&asked.app.desk, asked.person, asked.today);
    let counts = standings(desk, person, &CalendarFilter::default(), today)
        .await
        .map_err(unreadable)?;
    let mut groups = Vec::new();
    for (standing, count) in counts {
        let (key, title_zh, title_en) = match standing {
            Standing::Overdue => (
                "calendar_overdue",
                "检验、校验、保险逾期",
                "Inspections and the like overdue",
            ),
            Standing::Within30 => ("calendar_soon", "30 天内到期", "Due within 30 days"),
            _ => continue,
        };
        if count == 0 {
            continue;
        }
        let filter = CalendarFilter {
            standing: Some(standing),
            limit: LINES as u32,
            ..CalendarFilter::default()
        };
        let page = calendar(desk, person, &filter, today).await.map_err(unreadable)?;
        let late = standing == Standing::Overdue;
        let lines = page
            .rows
            .into_iter()
            .map(|row| line(asked, DueView::of(row, today, false), late));
        groups.push(WorkGroup {
            key,
            title_zh,
            title_en,
            total: count.min(u64::from(MOST_COUNTED)),
            more: count > u64::from(MOST_COUNTED),
            href: format!("/calendar?standing={}", standing.key()),
            late,
            lines: lines.collect(),
        });
    }
    Ok(groups)
}

fn line(asked: &Asked<'_>, due: DueView, late: bool) -> WorkLine {
    // A person's certificate: whose it is, the calendar says to who is signed in.
    let href = if due.equipment.is_empty() {
        "/calendar".to_owned()
    } else {
        format!("/register/{}", encoded(&due.equipment))
    };
    let equipment = due.equipment;
    let place = if due.name.is_empty() {
        equipment.clone()
    } else {
        due.name
    };
    // What is watched has a name in the other language too.
    let place_en = card(asked.app, &equipment).map_or_else(|| place.clone(), |card| card.name_en);
    WorkLine {
        href,
        title_zh: due.title.zh,
        title_en: due.title.en,
        place_en,
        place_zh: place,
        severity: None,
        due: None,
        day: Some(due.due),
        since: None,
        late,
    }
}
