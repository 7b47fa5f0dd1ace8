//! What the site looks after itself: checks of control measures that are due, records that wait for a signature.

use super::{Asked, Found, LINES, MOST_COUNTED, WorkGroup, WorkLine};
use crate::app::StoreError;
use crate::desk::duty::{self, DutyFilter, DutyRow, DutyStanding};
use crate::desk::risk::{MeasureFilter, MeasureRow, measures_due};
use crate::view::ViewError;
use vigil_core::duty::DutyKind;
use vigil_core::people::Role;

pub(super) fn source<'a>(asked: &'a Asked<'a>) -> Found<'a> {
    Box::pin(groups(asked))
}

async fn groups(asked: &Asked<'_>) -> Result<Vec<WorkGroup>, ViewError> {
    // The site's own rounds; others see them on the pages of risks and records.
    if !matches!(asked.person.role, Role::Site | Role::Administrator) {
        return Ok(Vec::new());
    }
    Ok(vec![checks(asked).await?, records(asked).await?])
}

fn unreadable(what: &'static str, error: impl std::fmt::Display) -> ViewError {
    StoreError::Corrupt {
        what,
        detail: error.to_string(),
    }
    .into()
}

async fn checks(asked: &Asked<'_>) -> Result<WorkGroup, ViewError> {
    let filter = MeasureFilter {
        overdue: Some(true),
        limit: LINES as u32,
        ..MeasureFilter::default()
    };
    let page = measures_due(&asked.app.desk, asked.person, &filter, asked.today)
        .await
        .map_err(|error| unreadable("the control measures", error))?;
    Ok(WorkGroup {
        key: "risk_checks",
        title_zh: "管控措施检查到期",
        title_en: "Checks of control measures overdue",
        total: page.total.min(u64::from(MOST_COUNTED)),
        more: page.total > u64::from(MOST_COUNTED),
        href: "/risk/checks?overdue=1".to_owned(),
        late: true,
        lines: page.rows.into_iter().map(check).collect(),
    })
}

fn check(row: MeasureRow) -> WorkLine {
    WorkLine {
        href: format!("/risk/measures/{}", row.measure.n),
        title_en: row.measure.facts.text.clone(),
        title_zh: row.measure.facts.text,
        place_en: row.point_name.clone(),
        place_zh: row.point_name,
        severity: None,
        due: None,
        day: Some(row.measure.next_check),
        since: None,
        late: true,
    }
}

async fn records(asked: &Asked<'_>) -> Result<WorkGroup, ViewError> {
    let (desk, person, today) = (&asked.app.desk, asked.person, asked.today);
    let filter = DutyFilter {
        standing: Some(DutyStanding::Open),
        limit: LINES as u32,
        ..DutyFilter::default()
    };
    let wrong = |error: duty::DutyError| unreadable("the records of the site", error);
    let total = duty::count(desk, person, &filter, today).await.map_err(wrong)?;
    let page = duty::list(desk, person, &filter, today).await.map_err(wrong)?;
    Ok(WorkGroup {
        key: "records",
        title_zh: "日管控、周排查、月调度待签",
        title_en: "Records to be completed and signed",
        total: total.min(u64::from(MOST_COUNTED)),
        more: total > u64::from(MOST_COUNTED),
        href: "/duty?standing=open".to_owned(),
        late: false,
        lines: page.rows.into_iter().map(|row| record(row, today)).collect(),
    })
}

fn record(row: DutyRow, today: jiff::civil::Date) -> WorkLine {
    let (zh, en) = match row.kind {
        DutyKind::Daily => ("日管控", "daily control"),
        DutyKind::Weekly => ("周排查", "weekly check"),
        DutyKind::Monthly => ("月调度", "monthly dispatch"),
    };
    WorkLine {
        href: format!("/duty/{}", row.n),
        title_zh: format!("{zh} {}", row.to),
        title_en: format!("{en} {}", row.to),
        place_en: row.unit_name.clone(),
        place_zh: row.unit_name,
        severity: None,
        due: None,
        day: Some(row.due),
        since: None,
        late: row.due < today,
    }
}
