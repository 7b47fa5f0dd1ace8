//! Hazards that wait for one of somebody's steps.

use super::super::hazards::Hazard;
use super::{Asked, Found, LINES, MOST_COUNTED, WorkGroup, WorkLine};
use crate::app::HazardFilter;
use crate::view::ViewError;
use vigil_core::hazard::workflow::{StepKind, may, onward, waits_for, waits_for_the_responsible};
use vigil_core::hazard::{HazardStatus as S, HazardSummary};
use vigil_core::pack::Grade;
use vigil_core::people::Role;

/// Looked through for what is due first, and for what is really his.
const LOOKED_AT: u32 = 100;

/// Key, titles.
type Title = (&'static str, &'static str, &'static str);

pub(super) fn source<'a>(asked: &'a Asked<'a>) -> Found<'a> {
    Box::pin(groups(asked))
}

async fn groups(asked: &Asked<'_>) -> Result<Vec<WorkGroup>, ViewError> {
    let mut groups = vec![overdue(asked).await?, extensions(asked).await?];
    for status in S::ALL {
        groups.push(waiting(asked, status).await?);
    }
    Ok(groups.into_iter().flatten().collect())
}

/// What has to be done with hazards of a state.
const fn title(status: S) -> Option<Title> {
    Some(match status {
        S::Suspected => ("to_confirm", "待核实", "To be confirmed or rejected"),
        S::Confirmed => ("to_assign", "待下达整改", "To be assigned"),
        S::Assigned => ("to_start", "待开始整改", "To be begun"),
        S::Rectifying => ("to_rectify", "整改中，待自验", "To be rectified and checked"),
        S::SelfChecked => ("to_accept", "待验收", "To be accepted"),
        S::Accepted => ("to_strike_off", "待销号", "To be struck off"),
        S::StruckOff => ("to_look_back", "“回头看”到期", "Look-backs due"),
        S::LookedBack => ("to_close", "待闭环", "To be closed"),
        S::Rejected | S::Closed => return None,
    })
}

async fn waiting(asked: &Asked<'_>, status: S) -> Result<Option<WorkGroup>, ViewError> {
    let role = asked.person.role;
    let waits = |grade| waits_for(status, grade, role);
    let grade = match (waits(Grade::General), waits(Grade::Major)) {
        (true, true) => None,
        (true, false) => Some(Grade::General),
        (false, true) => Some(Grade::Major),
        (false, false) => return Ok(None),
    };
    let Some(title) = title(status) else {
        return Ok(None);
    };
    let own = [Grade::General, Grade::Major]
        .into_iter()
        .filter(|grade| waits(*grade))
        .all(|grade| waits_for_the_responsible(status, grade, role));
    let unit = asked.person.unit.as_deref().filter(|_| own);
    let filter = HazardFilter {
        status: Some(status),
        grade,
        responsible: unit.map(str::to_owned),
        look_back: status == S::StruckOff,
        ..HazardFilter::default()
    };
    let key = serde_json::to_value(status).ok();
    let key = key
        .as_ref()
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let href = match status {
        S::StruckOff => "/hazards?status=look_back".to_owned(),
        _ => format!("/hazards?status={key}"),
    };
    group(asked, filter, title, (href, false), onward(status)).await
}

/// More time is asked for, and somebody has to decide.
async fn extensions(asked: &Asked<'_>) -> Result<Option<WorkGroup>, ViewError> {
    let steps = &[StepKind::GrantExtension];
    let guard = StepKind::GrantExtension.guard();
    if !guard.roles(Grade::Major).contains(&asked.person.role) {
        return Ok(None);
    }
    let filter = HazardFilter {
        extension: true,
        ..HazardFilter::default()
    };
    let title = ("extensions", "延期申请待审批", "More time asked for");
    let href = "/hazards?flag=extension".to_owned();
    group(asked, filter, title, (href, false), steps).await
}

/// What is late concerns everybody who sees it, whoever has to act.
async fn overdue(asked: &Asked<'_>) -> Result<Option<WorkGroup>, ViewError> {
    let filter = HazardFilter {
        open: Some(true),
        overdue: Some(true),
        ..HazardFilter::default()
    };
    let title = ("overdue", "逾期未整改", "Overdue");
    let href = "/hazards?flag=overdue".to_owned();
    group(asked, filter, title, (href, true), &[]).await
}

/// The hazards of a filter that wait for one of these steps of his; without steps all of them.
async fn group(
    asked: &Asked<'_>,
    filter: HazardFilter,
    (key, title_zh, title_en): Title,
    (href, late): (String, bool),
    steps: &[StepKind],
) -> Result<Option<WorkGroup>, ViewError> {
    let app = asked.app;
    let filter = HazardFilter {
        sight: Some(asked.person.sight()),
        limit: LOOKED_AT,
        ..filter
    };
    let mut total = app.store.count_hazards(&filter, MOST_COUNTED + 1).await?;
    if total == 0 {
        return Ok(None);
    }
    let more = total > u64::from(MOST_COUNTED);
    let mut found = app.store.hazards(&filter).await?;
    let looked_at = found.len() as u64;
    let (now, policy) = (app.clock.now(), app.engine.policy());
    let his = |hazard: &HazardSummary| {
        let scope = app.scope_of_hazard(hazard);
        let may = |step: &StepKind| may(hazard, asked.person, &scope, now, &policy, *step).is_ok();
        steps.is_empty() || steps.iter().any(may)
    };
    // Who took a hand in it does not judge it, and what he rectifies is his unit's: the last of what indexes cannot say.
    found.retain(his);
    total = (total - (looked_at - found.len() as u64)).min(u64::from(MOST_COUNTED));
    found.sort_by_key(|hazard| (due(hazard).is_none(), due(hazard), hazard.opened_at));
    let department = asked.person.role == Role::Department;
    found.truncate(LINES);
    let shown = Hazard::all(app, &found).await?;
    let lines = found.iter().zip(shown);
    let lines = lines.map(|(hazard, shown)| line(asked, hazard, shown, department));
    Ok(Some(WorkGroup {
        key,
        title_zh,
        title_en,
        total,
        more,
        href,
        late,
        lines: lines.collect(),
    }))
}

/// By when something has to happen.
fn due(hazard: &HazardSummary) -> Option<vigil_protocol::time::UtcMillis> {
    let handling = &*hazard.handling;
    match hazard.status {
        S::SelfChecked => handling.acceptance_due.or(handling.deadline),
        S::Assigned | S::Rectifying => handling.deadline,
        _ => None,
    }
}

fn line(asked: &Asked<'_>, hazard: &HazardSummary, shown: Hazard, reads: bool) -> WorkLine {
    let app = asked.app;
    let (place_zh, place_en) = match (&shown.equipment, &shown.unit) {
        (Some(card), _) => (card.name_zh.clone(), card.name_en.clone()),
        (None, Some(unit)) => (unit.clone(), unit.clone()),
        (None, None) => {
            let name = shown.equipment_name.as_ref().unwrap_or(&shown.equipment_id);
            (name.clone(), name.clone())
        }
    };
    let due = due(hazard);
    let late = hazard.handling.overdue || due.is_some_and(|due| due < app.clock.now());
    WorkLine {
        href: format!("/hazards/{}{}", shown.id, if reads { "" } else { "#next" }),
        title_zh: shown.title_zh,
        title_en: shown.title_en,
        place_zh,
        place_en,
        severity: Some(hazard.severity),
        due: due.map(Into::into),
        day: None,
        since: due.is_none().then(|| hazard.opened_at.into()),
        late,
    }
}
