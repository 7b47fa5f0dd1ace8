//! What the clock says: what is waited for, and until when; reminders, lateness, escalation.

use super::policy::SupervisionPolicy;
use super::{Case, CaseEventKind, CaseKind, CaseStatus, Timer};
use vigil_protocol::time::UtcMillis;

const DAY_MS: i64 = 86_400_000;

/// When something is due that has not come yet; `None`: nobody waits for it.
#[must_use]
pub fn due(case: &Case, timer: Timer, policy: &SupervisionPolicy) -> Option<UtcMillis> {
    let (kind, open) = (case.order.kind, case.status.is_open());
    match timer {
        Timer::Filing => (open && kind == CaseKind::Listed && case.filed.is_none())
            .then(|| policy.end(&policy.filing, case.issued_at)),
        Timer::Publication => (kind != CaseKind::Interview && case.status == CaseStatus::Issued)
            .then(|| policy.end(&policy.publication, case.issued_at)),
        Timer::Meeting => (kind == CaseKind::Interview && case.status == CaseStatus::Issued).then(|| {
            let usual = || policy.end(&policy.meeting, case.issued_at);
            case.order.meet_at.unwrap_or_else(usual)
        }),
        // What was accepted is done; when it is delisted is the authority's affair.
        Timer::Deadline => case
            .deadline
            .filter(|_| open && case.status != CaseStatus::Accepted),
        Timer::ExtensionDecision => case.extension.as_ref().map(|asked| asked.due),
        Timer::DelistingPublication => {
            let ended = case
                .ended
                .as_ref()
                .filter(|_| case.status == CaseStatus::Delisted);
            ended
                .filter(|_| case.delisting_published.is_none())
                .map(|ended| policy.end(&policy.delisting_publication, ended.at))
        }
    }
}

/// Everything that is waited for, first come first.
#[must_use]
pub fn waiting(case: &Case, policy: &SupervisionPolicy) -> Vec<(Timer, UtcMillis)> {
    let mut all: Vec<_> = Timer::ALL
        .into_iter()
        .filter_map(|timer| Some((timer, due(case, timer, policy)?)))
        .collect();
    all.sort_by_key(|(timer, at)| (*at, *timer));
    all
}

/// What the clock says next, and when; never before the last event.
#[must_use]
pub fn next(case: &Case, policy: &SupervisionPolicy) -> Option<(UtcMillis, CaseEventKind)> {
    waiting(case, policy)
        .into_iter()
        .filter_map(|(timer, due)| of_timer(case, timer, due, policy))
        .map(|(at, kind)| (at.max(case.changed), kind))
        .min_by_key(|(at, _)| *at)
}

fn days(n: u16) -> i64 {
    i64::from(n) * DAY_MS
}

fn of_timer(
    case: &Case,
    timer: Timer,
    due: UtcMillis,
    policy: &SupervisionPolicy,
) -> Option<(UtcMillis, CaseEventKind)> {
    if case.late.contains(&timer) {
        // Only the deadline goes up to the next level.
        let (level, after) = (1..)
            .zip(&policy.rounds.escalate_after_days)
            .find(|(_, after)| timer == Timer::Deadline && **after > case.escalated_days)?;
        let kind = CaseEventKind::Escalated { level, days: *after };
        return Some((due.saturating_add_ms(days(*after)), kind));
    }
    let said = case.reminded.get(&timer);
    let set = match timer {
        Timer::Deadline => case.deadline_set,
        _ => case.issued_at,
    };
    let reminders = policy.rounds.remind_before_days.iter().filter_map(|before| {
        let at = due.saturating_sub_ms(days(*before));
        let fresh = said.is_none_or(|said| before < said);
        (fresh && at > set).then_some((at, *before))
    });
    // Of those that were missed only the last is worth saying.
    let (missed, to_come): (Vec<_>, Vec<_>) = reminders.partition(|(at, _)| *at <= case.changed);
    let reminder = missed.into_iter().max().or_else(|| to_come.into_iter().min());
    match reminder {
        Some((at, days_left)) if case.changed < due => Some((
            at,
            CaseEventKind::Reminded {
                timer,
                due,
                days_left,
            },
        )),
        _ => Some((due, CaseEventKind::Overdue { timer, due })),
    }
}
