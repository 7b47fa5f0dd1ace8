//! Whether a step may be taken.

use super::StepKind;
use crate::hazard::policy::Policy;
use crate::hazard::{HazardStatus, HazardSummary};
use crate::output::Refusal;
use crate::pack::Grade;
use crate::people::{Person, Role, Scope};
use vigil_protocol::time::UtcMillis;

/// Files of one hazard.
pub(super) const MOST_ATTACHMENTS: usize = 200;
/// Interim measures of one hazard.
const MOST_MEASURES: usize = 32;

/// The steps this person could take now, in the order of the table. What a step needs besides (a text, files, fields)
/// its guard says.
#[must_use]
pub fn allowed_steps(
    hazard: &HazardSummary,
    person: &Person,
    scope: &Scope,
    now: UtcMillis,
    policy: &Policy,
) -> Vec<StepKind> {
    StepKind::ALL
        .into_iter()
        .filter(|step| may(hazard, person, scope, now, policy, *step).is_ok())
        .collect()
}

/// When the next look-back is due; `None` before strike-off and after the last.
#[must_use]
pub fn look_back_due(hazard: &HazardSummary, policy: &Policy) -> Option<UtcMillis> {
    let struck_off = hazard.handling.struck_off_at?;
    let after = policy
        .rounds
        .look_back_after
        .get(usize::from(hazard.handling.look_backs))?;
    let waits = hazard.status == HazardStatus::StruckOff;
    waits.then(|| struck_off.saturating_add_ms(after.ms()))
}

/// Whether this person may take this step now, whatever he fills in.
///
/// # Errors
/// Why not, and who could.
pub fn may(
    hazard: &HazardSummary,
    person: &Person,
    scope: &Scope,
    now: UtcMillis,
    policy: &Policy,
    step: StepKind,
) -> Result<(), Refusal> {
    let guard = step.guard();
    if !person.sees(scope) {
        return Err(Refusal::new(
            "not_in_scope",
            "the hazard is of a unit or an area that is not yours",
            "该隐患不在您的单位或辖区内",
        ));
    }
    let roles = guard.roles(hazard.grade);
    if !roles.contains(&person.role) {
        return Err(Refusal::new(
            "role_not_allowed",
            format!("a {} may not: {}", person.role.key(), guard.en),
            format!("您的角色无权办理：{}", guard.zh),
        )
        .who(roles));
    }
    if !guard.from.contains(&hazard.status) {
        return Err(wrong_state(hazard, step));
    }
    if guard.responsible_unit {
        responsible(hazard, person)?;
    }
    if guard.apart_from_rectifiers && hazard.handling.is_rectifier(&person.login) {
        return Err(same_hands(roles));
    }
    special(hazard, person, now, policy, step)
}

fn wrong_state(hazard: &HazardSummary, step: StepKind) -> Refusal {
    let status = format!("{:?}", hazard.status).to_lowercase();
    // The key that clients of before there was a loop know.
    let code = match step {
        StepKind::Confirm | StepKind::Reject => "not_suspected",
        _ => "wrong_state",
    };
    let guard = step.guard();
    Refusal::new(
        code,
        format!(
            "hazard {} is {status}: {} is not possible now",
            hazard.id.0, guard.en
        ),
        format!("隐患 {} 目前的状态不能办理：{}", hazard.id.0, guard.zh),
    )
}

pub(super) fn same_hands(roles: &[Role]) -> Refusal {
    Refusal::new(
        "duties_not_separate",
        "who took a hand in it does not judge it: another person must",
        "整改人不得验收或复查，须由他人办理",
    )
    .who(roles)
}

/// A unit's person works on what his unit was made responsible for.
fn responsible(hazard: &HazardSummary, person: &Person) -> Result<(), Refusal> {
    let unit = hazard
        .handling
        .assignment
        .as_ref()
        .and_then(|assignment| assignment.unit.as_ref());
    let own = unit.is_none() || person.unit.as_ref() == unit;
    if matches!(person.role, Role::Site | Role::Maintainer) && !own {
        return Err(Refusal::new(
            "not_responsible",
            "another unit was made responsible",
            "整改责任单位不是您的单位",
        ));
    }
    Ok(())
}

/// What the table cannot say.
fn special(
    hazard: &HazardSummary,
    person: &Person,
    now: UtcMillis,
    policy: &Policy,
    step: StepKind,
) -> Result<(), Refusal> {
    let handling = &*hazard.handling;
    let no = |code, en: &str, zh: &str| Err(Refusal::new(code, en, zh));
    match step {
        // A report that was rejected is over and done with; what telemetry says may be said again.
        StepKind::Comment if hazard.status == HazardStatus::Rejected && hazard.trips == 0 => {
            Err(wrong_state(hazard, step))
        }
        StepKind::Attach if handling.attachments as usize >= MOST_ATTACHMENTS => {
            no("too_many", "the hazard has 200 files already", "附件已达 200 个")
        }
        StepKind::Interim if handling.interim.len() >= MOST_MEASURES => no(
            "too_many",
            "the hazard has 32 interim measures already",
            "临时措施已达 32 条",
        ),
        StepKind::RequestAcceptance if handling.acceptance_due.is_some() => no(
            "already_requested",
            "acceptance was asked for already",
            "已申请验收",
        ),
        StepKind::Accept | StepKind::FixOnSpot if hazard.condition_active && person.role == Role::Site => no(
            "condition_active",
            "telemetry says that the condition still holds: only who has inspected it for an authority can accept it",
            "遥测显示该情形仍然存在，只能由监管或检验机构现场核实后验收",
        ),
        StepKind::FixOnSpot if hazard.grade == Grade::Major => no(
            "major_not_on_spot",
            "a major hazard goes through the whole loop",
            "重大隐患须走完整闭环，不能立查立改",
        ),
        StepKind::RequestExtension => {
            let Some(deadline) = handling.deadline else {
                return no(
                    "no_deadline",
                    "there is no deadline to extend",
                    "没有可延长的期限",
                );
            };
            if handling.extension_request.is_some() {
                return no(
                    "already_requested",
                    "more time was asked for already",
                    "已申请延期，尚待审批",
                );
            }
            if handling.listed.is_some() && now > policy.before(&policy.extension_before, deadline) {
                return no(
                    "extension_too_late",
                    "more time for a listed hazard must be asked for earlier",
                    "挂牌督办隐患的延期申请已超过最迟提出时间",
                );
            }
            Ok(())
        }
        StepKind::GrantExtension | StepKind::RefuseExtension => match &handling.extension_request {
            None => no(
                "nothing_requested",
                "nobody has asked for more time",
                "没有待审批的延期申请",
            ),
            Some(request) if *request.by == *person.login => {
                Err(same_hands(step.guard().roles(hazard.grade)))
            }
            Some(_) => Ok(()),
        },
        StepKind::RecommendOutOfUse if handling.out_of_use_recommended => no(
            "already_recommended",
            "that was recommended already",
            "已建议停用",
        ),
        StepKind::List if hazard.grade != Grade::Major => no(
            "only_major",
            "only a major hazard is listed",
            "仅重大隐患挂牌督办",
        ),
        StepKind::List if handling.listed.is_some() => no("already_listed", "it is listed already", "已挂牌"),
        StepKind::Delist if handling.listed.is_none() => no("not_listed", "it is not listed", "未挂牌"),
        StepKind::Close if handling.listed.is_some() => no(
            "still_listed",
            "a listed hazard is delisted first",
            "挂牌督办隐患须先摘牌",
        ),
        StepKind::LookBack => {
            let early = policy.look_back_early.lasts.ms();
            match look_back_due(hazard, policy) {
                Some(due) if now < due.saturating_sub_ms(early) => no(
                    "look_back_too_early",
                    "the look-back is not due yet",
                    "“回头看”尚未到期",
                ),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
