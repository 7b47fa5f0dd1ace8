//! Whether a case may be issued, whether a step may be taken, and the event it makes.

use super::guards::ISSUERS;
use super::policy::SupervisionPolicy;
use super::{Case, CaseEvent, CaseEventKind, CaseKind, CaseStep, CaseStepKind, Order};
use crate::hazard::HazardId;
use crate::output::Refusal;
use crate::people::{Person, Scope};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Longest text of a step or an order, characters.
const LONGEST_TEXT: usize = 8_000;
/// Longest single field.
const LONGEST_FIELD: usize = 300;
/// Hazards of one case.
const MOST_HAZARDS: usize = 50;
/// Files of one step.
const MOST_FILES: usize = 50;

/// Who asks for something, and what the adapter knows.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Who.
    pub person: &'a Person,
    /// Whose the case's subject is now.
    pub scope: &'a Scope,
    /// What he says.
    pub text: &'a str,
    /// Those of the case's hazards that are not struck off.
    pub open_hazards: &'a [HazardId],
    /// Now.
    pub now: UtcMillis,
    /// The rules.
    pub policy: &'a SupervisionPolicy,
}

fn no<T>(code: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(code, en, zh))
}

fn bad(field: &str, en: &str, zh: &str) -> Refusal {
    Refusal::new("bad_field", format!("{field}: {en}"), zh)
}

fn short(field: &str, text: &str, longest: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() > longest {
        return Err(bad(
            field,
            &format!("at most {longest} characters"),
            &format!("最多 {longest} 字"),
        ));
    }
    Ok(text.to_owned())
}

fn required(field: &str, zh: &str, text: &str) -> Result<String, Refusal> {
    let text = short(field, text, LONGEST_FIELD)?;
    if text.is_empty() {
        return Err(bad(field, "not empty", &format!("请填写{zh}")));
    }
    Ok(text)
}

fn seen(asking: &Asking<'_>) -> Result<(), Refusal> {
    if asking.person.sees(asking.scope) {
        return Ok(());
    }
    no(
        "not_in_scope",
        "the case is of a unit or an area that is not yours",
        "该事项不在您的单位或辖区内",
    )
}

fn past(field: &str, on: UtcMillis, from: UtcMillis, asking: &Asking<'_>) -> Result<(), Refusal> {
    let day = asking.policy.end(&crate::hazard::policy::Period::default(), from);
    // A date is the beginning of its day: that of the same day is not before it.
    if on <= asking.now && on > day.saturating_sub_ms(86_400_000) {
        return Ok(());
    }
    Err(bad(
        field,
        "not in the future, and not before the case was issued",
        "日期不得晚于今天，也不得早于下达之日",
    ))
}

/// Issues a case under `number`: its first event, and the case it makes.
///
/// # Errors
/// Why not, and who could.
pub fn issue(order: &Order, number: Arc<str>, asking: &Asking<'_>) -> Result<(CaseEvent, Case), Refusal> {
    let order = checked(order, asking)?;
    let kind = CaseEventKind::Issued {
        number: number.clone(),
        order: Box::new(order),
    };
    let event = CaseEvent::after(None, number, Some(asking.person.clone()), asking.now, kind);
    let case =
        Case::opened(&event).map_err(|fault| Refusal::new("wrong_state", fault.to_string(), "不能办理"))?;
    Ok((event, case))
}

fn checked(order: &Order, asking: &Asking<'_>) -> Result<Order, Refusal> {
    if !ISSUERS.contains(&asking.person.role) {
        let role = asking.person.role.key();
        return Err(Refusal::new(
            "role_not_allowed",
            format!("a {role} issues no cases"),
            "您的角色无权下达督办、约谈或通报",
        )
        .who(ISSUERS));
    }
    seen(&Asking {
        scope: &order.scope,
        ..*asking
    })?;
    let (policy, subject) = (asking.policy, &order.subject);
    if !policy.level.iter().any(|level| level.key == order.level) {
        return Err(bad("level", "one of those in the rules", "请选择级别"));
    }
    let nothing = subject.hazards.is_empty() && subject.equipment.is_none() && subject.unit.is_none();
    if nothing && (order.kind != CaseKind::Circular || order.scope.area.is_empty()) {
        return Err(bad(
            "subject",
            "a hazard, a piece of equipment or a unit; of a circular an area at least",
            "请填写对象：隐患、设备或单位；通报至少填写区划",
        ));
    }
    if subject.hazards.len() > MOST_HAZARDS {
        return Err(bad(
            "hazards",
            &format!("at most {MOST_HAZARDS}"),
            &format!("最多 {MOST_HAZARDS} 条"),
        ));
    }
    if order.kind == CaseKind::Listed && order.deadline.is_none() {
        return Err(bad("deadline", "a listing has one", "挂牌督办须有期限"));
    }
    if let Some(deadline) = order.deadline {
        in_time(deadline, asking.now, asking.now, policy)?;
    }
    if let Some(meet_at) = order.meet_at {
        if order.kind != CaseKind::Interview {
            return Err(bad("meet_at", "of an interview only", "仅约谈填写约谈时间"));
        }
        in_time(meet_at, asking.now, asking.now, policy)?;
    }
    Ok(Order {
        issuer: required("issuer", "下达机关", &order.issuer)?,
        title: required("title", "标题", &order.title)?,
        grounds: short("grounds", &order.grounds, LONGEST_TEXT)?,
        demands: {
            let demands = short("demands", &order.demands, LONGEST_TEXT)?;
            if demands.is_empty() {
                return Err(bad("demands", "not empty", "请填写督办要求"));
            }
            demands
        },
        ..order.clone()
    })
}

/// In the future, and within the longest period since `from`.
fn in_time(
    at: UtcMillis,
    from: UtcMillis,
    now: UtcMillis,
    policy: &SupervisionPolicy,
) -> Result<(), Refusal> {
    if at > now && at <= policy.end(&policy.longest, from) {
        return Ok(());
    }
    let lasts = policy.longest.lasts;
    no(
        "bad_deadline",
        format!("a deadline is in the future and at most {lasts} after the case was issued"),
        format!("期限须晚于现在，且自下达起不超过 {}", lasts.zh()),
    )
}

/// The steps this person could take now, in the order of the table.
#[must_use]
pub fn allowed(case: &Case, asking: &Asking<'_>) -> Vec<CaseStepKind> {
    CaseStepKind::ALL
        .into_iter()
        .filter(|step| may(case, *step, asking).is_ok())
        .collect()
}

/// What there is nothing of to decide, or nothing left of to do: nobody could take that step.
const POINTLESS: [&str; 4] = [
    "already_done",
    "already_requested",
    "no_deadline",
    "nothing_requested",
];

/// The steps of the state the case is in that this person cannot take, and why: what others could do, or he later.
#[must_use]
pub fn blocked(case: &Case, asking: &Asking<'_>) -> Vec<(CaseStepKind, Refusal)> {
    CaseStepKind::ALL
        .into_iter()
        .filter(|step| {
            let guard = step.guard();
            guard.kinds.contains(&case.order.kind) && guard.from.contains(&case.status)
        })
        .filter_map(|step| Some((step, may(case, step, asking).err()?)))
        .filter(|(_, refusal)| !POINTLESS.contains(&refusal.code))
        .collect()
}

/// Whether this person may take this step now, whatever he fills in.
///
/// # Errors
/// Why not, and who could.
pub fn may(case: &Case, step: CaseStepKind, asking: &Asking<'_>) -> Result<(), Refusal> {
    let guard = step.guard();
    seen(asking)?;
    if !guard.roles.contains(&asking.person.role) {
        return Err(Refusal::new(
            "role_not_allowed",
            format!("a {} may not: {}", asking.person.role.key(), guard.en),
            format!("您的角色无权办理：{}", guard.zh),
        )
        .who(guard.roles));
    }
    if !guard.kinds.contains(&case.order.kind) || !guard.from.contains(&case.status) {
        return no(
            "wrong_state",
            format!(
                "case {} is {}: {} is not possible now",
                case.number,
                case.status.key(),
                guard.en
            ),
            format!("{} 目前的状态不能办理：{}", case.number, guard.zh),
        );
    }
    match step {
        CaseStepKind::File if case.filed.is_some() => no("already_done", "it was filed already", "已备案"),
        CaseStepKind::PublishDelisting if case.delisting_published.is_some() => no(
            "already_done",
            "the delisting was published already",
            "摘牌已公布",
        ),
        CaseStepKind::RequestExtension => {
            let Some(deadline) = case.deadline else {
                return no(
                    "no_deadline",
                    "there is no deadline to extend",
                    "没有可延长的期限",
                );
            };
            if case.extension.is_some() {
                return no(
                    "already_requested",
                    "more time was asked for already",
                    "已申请延期，尚待审批",
                );
            }
            let policy = asking.policy;
            if case.order.kind == CaseKind::Listed
                && asking.now > policy.before(&policy.extension_before, deadline)
            {
                let lasts = policy.extension_before.lasts;
                return no(
                    "extension_too_late",
                    format!("more time is asked for at least {lasts} before the deadline"),
                    format!("延期申请须在期限前至少 {} 提出", lasts.zh()),
                );
            }
            Ok(())
        }
        CaseStepKind::GrantExtension | CaseStepKind::RefuseExtension => match &case.extension {
            None => no(
                "nothing_requested",
                "nobody has asked for more time",
                "没有待审批的延期申请",
            ),
            Some(asked) if *asked.by == *asking.person.login => no(
                "duties_not_separate",
                "who asked for more time does not decide on it: another person must",
                "延期申请人不得审批自己的申请",
            ),
            Some(_) => Ok(()),
        },
        CaseStepKind::Delist => match asking.open_hazards {
            [] => Ok(()),
            open => {
                let names: Vec<&str> = open.iter().map(|id| &*id.0).collect();
                let names = names.join(", ");
                let mut refusal = Refusal::new(
                    "hazards_open",
                    format!("a case is delisted when its hazards are struck off; not yet: {names}"),
                    format!("隐患销号后方可摘牌，尚未销号：{names}"),
                );
                refusal.hazard = open.first().cloned();
                Err(refusal)
            }
        },
        _ => Ok(()),
    }
}

/// Takes a step: the event, and the case after it.
///
/// # Errors
/// Why not, or what is missing.
pub fn step(case: &Case, step: &CaseStep, asking: &Asking<'_>) -> Result<(CaseEvent, Case), Refusal> {
    let kind = step.kind();
    may(case, kind, asking)?;
    let guard = kind.guard();
    let text = short("text", asking.text, LONGEST_TEXT)?;
    if guard.text && text.is_empty() {
        return no(
            "reason_required",
            format!("{}: say why or what", guard.en),
            format!("{}：请填写说明", guard.zh),
        );
    }
    let (filled, due) = fill(case, step, asking)?;
    let event = CaseEventKind::Stepped {
        step: Box::new(filled),
        text,
        due,
    };
    if event.attachments().len() > MOST_FILES {
        return Err(bad("attachments", "at most 50", "附件最多 50 个"));
    }
    if guard.evidence && event.attachments().is_empty() {
        return no(
            "evidence_required",
            "a document must show it",
            "须附验收报告或照片",
        );
    }
    append(case, Some(asking.person.clone()), asking.now, event)
}

fn fill(case: &Case, step: &CaseStep, asking: &Asking<'_>) -> Result<(CaseStep, Option<UtcMillis>), Refusal> {
    let (now, policy, issued) = (asking.now, asking.policy, case.issued_at);
    let mut filled = step.clone();
    let mut due = None;
    match &mut filled {
        CaseStep::File { on, office } => {
            past("on", *on, issued, asking)?;
            *office = required("office", "备案机关", office)?;
        }
        CaseStep::Publish { on, place } | CaseStep::PublishDelisting { on, place } => {
            past("on", *on, issued, asking)?;
            *place = required("place", "公布地点或网址", place)?;
        }
        CaseStep::Meet {
            on, place, attendees, ..
        } => {
            past("on", *on, issued, asking)?;
            *place = required("place", "约谈地点", place)?;
            *attendees = required("attendees", "参加人员", attendees)?;
        }
        CaseStep::FollowUp { on, .. } => past("on", *on, issued, asking)?,
        CaseStep::ReportAcceptance { on, inspectors, .. } => {
            past("on", *on, issued, asking)?;
            *inspectors = required("inspectors", "验收人员", inspectors)?;
        }
        CaseStep::RequestExtension { until } => {
            later(case, *until, asking)?;
            due = Some(policy.end(&policy.extension_decision, now));
        }
        CaseStep::GrantExtension { until } => {
            let asked = case.extension.as_ref().map(|asked| asked.until);
            later(case, until.or(asked).unwrap_or(now), asking)?;
        }
        CaseStep::Answer { .. }
        | CaseStep::RefuseExtension
        | CaseStep::Delist
        | CaseStep::Close
        | CaseStep::Withdraw => {}
    }
    Ok((filled, due))
}

/// More time than there was, within the longest period since the case was issued.
fn later(case: &Case, until: UtcMillis, asking: &Asking<'_>) -> Result<(), Refusal> {
    if case.deadline.is_some_and(|deadline| until <= deadline) {
        return no(
            "bad_deadline",
            "an extension ends behind the deadline",
            "延期后的期限须晚于原期限",
        );
    }
    in_time(until, case.issued_at, asking.now, asking.policy)
}

impl Case {
    /// What the clock says, as an event.
    ///
    /// # Errors
    /// It is not the clock's, or not possible.
    pub fn told(&self, at: UtcMillis, kind: CaseEventKind) -> Result<(CaseEvent, Self), Refusal> {
        append(self, None, at, kind)
    }
}

fn append(
    case: &Case,
    who: Option<Person>,
    at: UtcMillis,
    kind: CaseEventKind,
) -> Result<(CaseEvent, Case), Refusal> {
    let event = CaseEvent::after(Some(case), case.number.clone(), who, at, kind);
    let mut after = case.clone();
    after
        .apply(&event)
        .map_err(|fault| Refusal::new("wrong_state", fault.to_string(), "目前的状态不能办理"))?;
    Ok((event, after))
}
