//! Cases in force: what is late with them, and those whose deadline comes first.

use super::{Asked, Found, LINES, MOST_COUNTED, WorkGroup, WorkLine};
use crate::app::StoreError;
use crate::desk::cases::{CaseFilter, CasesError, Sort, StoredCase, cases, count};
use crate::view::ViewError;
use vigil_core::people::Role;

pub(super) fn source<'a>(asked: &'a Asked<'a>) -> Found<'a> {
    Box::pin(groups(asked))
}

async fn groups(asked: &Asked<'_>) -> Result<Vec<WorkGroup>, ViewError> {
    let mut groups = vec![group(asked, true).await?];
    // Who only reads is told of what is late.
    if asked.person.role != Role::Department {
        groups.push(group(asked, false).await?);
    }
    Ok(groups)
}

async fn group(asked: &Asked<'_>, late: bool) -> Result<WorkGroup, ViewError> {
    let (desk, person) = (&asked.app.desk, asked.person);
    let filter = CaseFilter {
        open: Some(true),
        overdue: Some(late),
        limit: LINES as u32,
        ..CaseFilter::default()
    };
    let total = count(desk, person, &filter).await?;
    let found = match total {
        0 => Vec::new(),
        _ => {
            let filter = CaseFilter {
                // Those without a deadline come after: they are on the page of all.
                sort: Sort::Deadline,
                ..filter
            };
            cases(desk, person, &filter).await.map_err(unreadable)?.cases
        }
    };
    let (key, title_zh, title_en, href) = if late {
        (
            "cases_late",
            "督办事项逾期",
            "Supervision cases late",
            "/supervision?state=overdue",
        )
    } else {
        ("cases", "督办中", "Supervision cases in force", "/supervision")
    };
    Ok(WorkGroup {
        key,
        title_zh,
        title_en,
        total: total.min(u64::from(MOST_COUNTED)),
        more: total > u64::from(MOST_COUNTED),
        href: href.to_owned(),
        late,
        lines: found.iter().map(|stored| line(asked, stored)).collect(),
    })
}

/// What only reads fails by the database alone.
fn unreadable(error: CasesError) -> ViewError {
    match error {
        CasesError::Store(error) => error.into(),
        other => StoreError::Corrupt {
            what: "the supervision cases",
            detail: other.to_string(),
        }
        .into(),
    }
}

fn line(asked: &Asked<'_>, stored: &StoredCase) -> WorkLine {
    let case = &stored.case;
    let late = case
        .deadline
        .is_some_and(|deadline| deadline < asked.app.clock.now())
        || !case.late.is_empty();
    WorkLine {
        href: format!("/supervision/{}", stored.id),
        title_zh: case.order.title.clone(),
        title_en: case.order.title.clone(),
        place_zh: case.number.to_string(),
        place_en: case.number.to_string(),
        severity: None,
        due: case.deadline.map(Into::into),
        day: None,
        since: case.deadline.is_none().then(|| case.issued_at.into()),
        late,
    }
}
