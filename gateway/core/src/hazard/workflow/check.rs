//! Whether a step may be taken, and the event it makes.

use super::{Evidence, Step, StepKind};
use crate::hazard::policy::Policy;
use crate::hazard::{
    Assignment, Attachment, Finding, HazardEventKind, HazardId, HazardStatus, HazardSummary, said,
};
use crate::output::Refusal;
use crate::pack::Grade;
use crate::people::{Person, Role, Scope};
use vigil_protocol::time::UtcMillis;

/// Longest text a person may say with a step, characters.
const LONGEST_TEXT: usize = 4_000;
/// Longest single field.
const LONGEST_FIELD: usize = 2_000;
/// Files of one hazard.
const MOST_ATTACHMENTS: usize = 200;
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

fn same_hands(roles: &[Role]) -> Refusal {
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

/// What a step is filled in with, besides itself.
pub(crate) struct Filling<'a> {
    pub(crate) person: &'a Person,
    pub(crate) scope: &'a Scope,
    pub(crate) text: &'a str,
    pub(crate) now: UtcMillis,
    pub(crate) policy: &'a Policy,
    pub(crate) finding: Option<Finding>,
    /// What goes on with it if a look-back does not pass.
    pub(crate) successor: Option<HazardId>,
}

/// The event a step makes; whether it may be taken has been looked at.
///
/// # Errors
/// What is missing or cannot be.
pub(crate) fn fill(
    hazard: &HazardSummary,
    step: &Step,
    with: &Filling<'_>,
) -> Result<HazardEventKind, Refusal> {
    let kind = step.kind();
    let guard = kind.guard();
    let text = with.text.trim().to_owned();
    if guard.text && text.is_empty() {
        let (en, zh) = (guard.en, guard.zh);
        return Err(Refusal::new(
            "reason_required",
            format!("{en}: say why or what"),
            format!("{zh}：请填写说明"),
        )
        .about(["reason"]));
    }
    short_enough("reason", &text, LONGEST_TEXT)?;
    let evidence = |attachments: &[Attachment]| proven(hazard, guard.evidence, attachments);
    let (now, policy) = (with.now, with.policy);
    Ok(match step {
        Step::Confirm => HazardEventKind::Confirmed { text },
        Step::Reject => HazardEventKind::Rejected { text },
        Step::Comment => HazardEventKind::Commented { text },
        Step::Attach { attachments } => HazardEventKind::Attached {
            attachments: evidence(attachments)?,
            text,
        },
        Step::Assign { assignment } => HazardEventKind::Assigned {
            assignment: Box::new(assigned(hazard, assignment, with)?),
            text,
        },
        Step::Interim => HazardEventKind::InterimMeasure { text },
        Step::Start => HazardEventKind::RectificationStarted { text },
        Step::Progress { percent } => {
            if *percent > 100 {
                return Err(bad_field("percent", "0 to 100", "0 至 100"));
            }
            HazardEventKind::Progress {
                percent: *percent,
                text,
            }
        }
        Step::SelfCheck { attachments } => HazardEventKind::SelfChecked {
            text,
            attachments: evidence(attachments)?,
        },
        Step::RequestAcceptance => HazardEventKind::AcceptanceRequested {
            text,
            due: policy.end(&policy.acceptance, now),
        },
        Step::Accept { attachments } => HazardEventKind::Accepted {
            text,
            attachments: evidence(attachments)?,
            condition_active: hazard.condition_active,
        },
        Step::RefuseAcceptance { attachments } => HazardEventKind::AcceptanceRefused {
            text,
            attachments: evidence(attachments)?,
        },
        Step::RequestExtension { until } => {
            later(hazard, *until, now, policy)?;
            HazardEventKind::ExtensionRequested {
                until: *until,
                text,
                due: policy.end(&policy.extension_decision, now),
            }
        }
        Step::GrantExtension { until } => {
            let asked = hazard
                .handling
                .extension_request
                .as_ref()
                .map(|request| request.until);
            let until = until.or(asked).unwrap_or(now);
            later(hazard, until, now, policy)?;
            HazardEventKind::ExtensionGranted { until, text }
        }
        Step::RefuseExtension => HazardEventKind::ExtensionRefused { text },
        Step::RecommendOutOfUse => HazardEventKind::OutOfUseRecommended { text },
        Step::ChangeGrade { grade } => {
            if *grade == hazard.grade {
                return Err(bad_field("grade", "another than it has", "须与现等级不同"));
            }
            HazardEventKind::GradeChanged {
                from: hazard.grade,
                to: *grade,
                text,
            }
        }
        Step::List { case, deadline } => {
            let case = required("case", case)?;
            if let Some(deadline) = deadline {
                in_time(*deadline, now, policy)?;
            }
            HazardEventKind::Listed {
                case: case.into(),
                deadline: *deadline,
                text,
            }
        }
        Step::Delist => HazardEventKind::Delisted { text },
        Step::FixOnSpot {
            rectifier,
            attachments,
        } => HazardEventKind::FixedOnSpot {
            rectifier: other_hands(with.person, rectifier)?,
            text,
            attachments: evidence(attachments)?,
        },
        Step::StrikeOff { number } => {
            short_enough("number", number, LONGEST_FIELD)?;
            let own = || format!("XH-{}", hazard.id.0.trim_start_matches("HZ-"));
            HazardEventKind::StruckOff {
                number: said(number).map_or_else(own, str::to_owned).into(),
                text,
            }
        }
        Step::LookBack { passed, attachments } => {
            if *passed && with.finding.is_some_and(|finding| finding.relapses > 0) {
                return Err(Refusal::new(
                    "condition_recurred",
                    "telemetry has seen the condition come back since strike-off: the look-back does not pass",
                    "销号后遥测发现该情形再次出现，“回头看”不能通过",
                )
                .about(["passed"]));
            }
            let round = hazard.handling.look_backs.saturating_add(1);
            HazardEventKind::LookedBack {
                round,
                last: usize::from(round) >= policy.rounds.look_back_after.len(),
                passed: *passed,
                text,
                finding: with.finding,
                attachments: evidence(attachments)?,
                successor: with.successor.clone(),
            }
        }
        Step::Close => HazardEventKind::Closed { text },
    })
}

/// Who fixed it and who says so are two people.
fn other_hands(person: &Person, rectifier: &str) -> Result<String, Refusal> {
    let rectifier = required("rectifier", rectifier)?;
    if rectifier.eq_ignore_ascii_case(&person.login) {
        return Err(same_hands(&[]).about(["rectifier"]));
    }
    Ok(rectifier)
}

fn assigned(hazard: &HazardSummary, asked: &Assignment, with: &Filling<'_>) -> Result<Assignment, Refusal> {
    let (now, policy) = (with.now, with.policy);
    let mut assignment = asked.clone();
    for (name, text) in [
        ("person", &mut assignment.person),
        ("leader", &mut assignment.leader),
        ("measures", &mut assignment.measures),
        ("funds", &mut assignment.funds),
        ("emergency_plan", &mut assignment.emergency_plan),
    ] {
        *text = text.trim().to_owned();
        short_enough(name, text, LONGEST_FIELD)?;
    }
    required("person", &assignment.person)?;
    let parties = [&with.scope.use_unit, &with.scope.maintenance_unit];
    let known = parties.iter().any(|party| party.is_some());
    if let Some(unit) = &assignment.unit
        && known
        && !parties.contains(&&Some(unit.clone()))
    {
        return Err(Refusal::new(
            "unit_not_in_scope",
            format!("unit {unit} neither uses nor maintains it"),
            format!("单位 {unit} 既不是使用单位也不是维保单位"),
        )
        .about(["unit"]));
    }
    if hazard.grade == Grade::Major {
        let missing: Vec<&str> = [
            ("measures", assignment.measures.is_empty()),
            ("funds", assignment.funds.is_empty()),
            ("deadline", assignment.deadline.is_none()),
            ("emergency_plan", assignment.emergency_plan.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
        if !missing.is_empty() {
            let zh: Vec<&str> = missing.iter().map(|name| field_zh(name)).collect();
            let (zh, en) = (zh.join("、"), missing.join(", "));
            return Err(Refusal::new(
                "five_in_place",
                format!("a major hazard needs all five in place; missing: {en}"),
                format!("重大隐患整改须“五落实”（责任、措施、资金、时限、预案），缺少：{zh}"),
            )
            .about(missing));
        }
    }
    let period = match hazard.grade {
        Grade::General => &policy.general,
        Grade::Major => &policy.major,
    };
    let current = hazard.handling.deadline;
    let deadline = assignment
        .deadline
        .or(current)
        .unwrap_or_else(|| policy.end(period, now));
    if current != Some(deadline) {
        in_time(deadline, now, policy)?;
    }
    let authority = matches!(with.person.role, Role::Regulator | Role::Administrator);
    if current.is_some_and(|current| deadline > current) && !authority {
        return Err(Refusal::new(
            "deadline_needs_extension",
            "a later deadline must be asked for: it is an extension",
            "延长期限须申请延期并经批准",
        )
        .about(["deadline"])
        .who(StepKind::GrantExtension.guard().roles(hazard.grade)));
    }
    assignment.deadline = Some(deadline);
    Ok(assignment)
}

/// A deadline is in the future, and within a year.
fn in_time(deadline: UtcMillis, now: UtcMillis, policy: &Policy) -> Result<(), Refusal> {
    if deadline > now && deadline <= policy.end(&policy.listed, now) {
        return Ok(());
    }
    Err(Refusal::new(
        "bad_deadline",
        format!(
            "a deadline is in the future and at most {} away",
            policy.listed.lasts
        ),
        format!("期限须在今后 {} 之内", policy.listed.lasts.zh()),
    )
    .about(["deadline", "until"]))
}

fn in_future(until: UtcMillis, now: UtcMillis) -> Result<(), Refusal> {
    if until > now {
        return Ok(());
    }
    Err(bad_field("until", "in the future", "须晚于现在"))
}

/// More time than there was; of a listed hazard at most a year since it was listed.
fn later(hazard: &HazardSummary, until: UtcMillis, now: UtcMillis, policy: &Policy) -> Result<(), Refusal> {
    in_time(until, now.max(hazard.handling.deadline.unwrap_or(now)), policy)
        .and_then(|()| in_future(until, now))?;
    let from = hazard
        .handling
        .listed_at
        .filter(|_| hazard.handling.listed.is_some());
    let longest = from.map(|from| policy.end(&policy.listed, from));
    if hazard.handling.deadline.is_some_and(|deadline| until <= deadline)
        || longest.is_some_and(|longest| until > longest)
    {
        return Err(Refusal::new(
            "bad_deadline",
            "an extension ends behind the deadline, and of a listed hazard within a year of its listing",
            "延期后的期限须晚于原期限；挂牌督办自挂牌起最长一年",
        )
        .about(["until"]));
    }
    Ok(())
}

/// The files of a step, if they will do.
fn proven(
    hazard: &HazardSummary,
    need: Evidence,
    attachments: &[Attachment],
) -> Result<Vec<Attachment>, Refusal> {
    let needed = match need {
        Evidence::None => false,
        Evidence::Major => hazard.grade == Grade::Major,
        Evidence::Always => true,
    };
    if needed && attachments.is_empty() {
        return Err(Refusal::new(
            "evidence_required",
            "a photo or a document must show it",
            "须附照片或文件",
        )
        .about(["attachments"]));
    }
    if hazard.handling.attachments as usize + attachments.len() > MOST_ATTACHMENTS {
        return Err(Refusal::new("too_many", "at most 200 files", "附件最多 200 个").about(["attachments"]));
    }
    for attachment in attachments {
        short_enough("name", &attachment.name, 255)?;
    }
    Ok(attachments.to_vec())
}

/// A text that must be there.
pub(crate) fn required(name: &str, text: &str) -> Result<String, Refusal> {
    short_enough(name, text, LONGEST_FIELD)?;
    said(text)
        .map(str::to_owned)
        .ok_or_else(|| bad_field(name, "not empty", "不能为空"))
}

/// What a field is called by who fills it in.
fn field_zh(name: &str) -> &str {
    match name {
        "reason" => "说明",
        "unit" => "责任单位",
        "person" => "责任人",
        "leader" => "责任领导",
        "measures" => "整改措施",
        "funds" => "资金",
        "deadline" => "时限",
        "emergency_plan" => "应急预案",
        "percent" => "进度",
        "until" => "延期至",
        "grade" => "等级",
        "case" => "挂牌编号",
        "rectifier" => "整改人",
        "number" => "销号编号",
        "name" => "文件名",
        "category" => "类别",
        "description" => "隐患描述",
        "equipment" => "设备或单位",
        "source" => "来源",
        "found_at" => "发现时间",
        "reporter" => "报告人",
        "clause" => "依据",
        "title_zh" | "title_en" => "标题",
        "attachments" => "附件",
        _ => name,
    }
}

pub(crate) fn bad_field(name: &str, want: &str, want_zh: &str) -> Refusal {
    Refusal::new(
        "bad_field",
        format!("{name}: {want}"),
        format!("{}：{want_zh}", field_zh(name)),
    )
    .about([name])
}

/// Nobody writes a novel.
pub(crate) fn short_enough(name: &str, text: &str, longest: usize) -> Result<(), Refusal> {
    if text.chars().count() <= longest {
        return Ok(());
    }
    let (en, zh) = (
        format!("at most {longest} characters"),
        format!("最多 {longest} 个字符"),
    );
    Err(bad_field(name, &en, &zh))
}
