//! What the clock does: remind, say that a deadline has passed, tell the next level, say that it is time to look back.

use crate::hazard::policy::Policy;
use crate::hazard::workflow::look_back_due;
use crate::hazard::{HazardEventKind, HazardStatus, HazardSummary, Reminder};
use vigil_protocol::time::UtcMillis;

const DAY_MS: i64 = 86_400_000;

/// What is next to happen to a hazard, and when; never before its last event.
pub(super) fn next(case: &HazardSummary, policy: &Policy) -> Option<(UtcMillis, HazardEventKind)> {
    let candidates = [
        rectification(case, policy),
        acceptance(case),
        extension(case),
        look_back(case, policy),
    ];
    candidates
        .into_iter()
        .flatten()
        .map(|(at, kind)| (at.max(case.changed), kind))
        .min_by_key(|(at, _)| *at)
}

fn days(n: u16) -> i64 {
    i64::from(n) * DAY_MS
}

/// While somebody is to rectify: reminders before the deadline, then that it has passed, then escalation.
fn rectification(case: &HazardSummary, policy: &Policy) -> Option<(UtcMillis, HazardEventKind)> {
    let handling = &*case.handling;
    if !matches!(case.status, HazardStatus::Assigned | HazardStatus::Rectifying) {
        return None;
    }
    let deadline = handling.deadline?;
    if handling.overdue {
        let said = handling.escalated_days.unwrap_or(0);
        let (level, after) = (1..)
            .zip(&policy.rounds.escalate_after_days)
            .find(|(_, after)| **after > said)?;
        let kind = HazardEventKind::Escalated { level, days: *after };
        return Some((deadline.saturating_add_ms(days(*after)), kind));
    }
    let set = handling.deadline_set.unwrap_or(case.opened_at);
    let reminders = policy.rounds.remind_before_days.iter().filter_map(|before| {
        let at = deadline.saturating_sub_ms(days(*before));
        let fresh = handling.reminded_days.is_none_or(|said| *before < said);
        (fresh && at > set).then_some((at, *before))
    });
    // Of those that have been missed only the last is worth saying.
    let (missed, to_come): (Vec<_>, Vec<_>) = reminders.partition(|(at, _)| *at <= case.changed);
    let reminder = missed.into_iter().max().or_else(|| to_come.into_iter().min());
    match reminder {
        Some((at, days_left)) if at < deadline && case.changed < deadline => Some((
            at,
            HazardEventKind::Reminded {
                about: Reminder::Rectification,
                due: deadline,
                days_left,
            },
        )),
        _ => Some((deadline, HazardEventKind::Overdue { due: deadline })),
    }
}

/// Acceptance was asked for and has not come.
fn acceptance(case: &HazardSummary) -> Option<(UtcMillis, HazardEventKind)> {
    let handling = &*case.handling;
    let waits = case.status == HazardStatus::SelfChecked && !handling.acceptance_reminded;
    let due = handling.acceptance_due.filter(|_| waits)?;
    Some((due, at_its_end(Reminder::Acceptance, due)))
}

/// More time was asked for and nobody has decided.
fn extension(case: &HazardSummary) -> Option<(UtcMillis, HazardEventKind)> {
    let request = case.handling.extension_request.as_ref()?;
    let waits = !request.reminded && matches!(case.status, HazardStatus::Assigned | HazardStatus::Rectifying);
    waits.then(|| (request.due, at_its_end(Reminder::Extension, request.due)))
}

const fn at_its_end(about: Reminder, due: UtcMillis) -> HazardEventKind {
    HazardEventKind::Reminded {
        about,
        due,
        days_left: 0,
    }
}

fn look_back(case: &HazardSummary, policy: &Policy) -> Option<(UtcMillis, HazardEventKind)> {
    let handling = &*case.handling;
    if handling.look_backs_due > handling.look_backs {
        return None;
    }
    let due = look_back_due(case, policy)?;
    let kind = HazardEventKind::LookBackDue {
        round: handling.look_backs + 1,
        relapses: handling.relapses,
    };
    Some((due, kind))
}
