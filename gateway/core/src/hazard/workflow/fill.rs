//! The event a step makes, out of what is filled in.

use super::check::{MOST_ATTACHMENTS, same_hands};
use super::field::{LONGEST_FIELD, LONGEST_TEXT, bad_field, field_zh, required, short_enough};
use super::{Evidence, Step, StepKind};
use crate::hazard::policy::Policy;
use crate::hazard::{Assignment, Attachment, Finding, HazardEventKind, HazardId, HazardSummary, said};
use crate::output::Refusal;
use crate::pack::Grade;
use crate::people::{Person, Role, Scope};
use vigil_protocol::time::UtcMillis;

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
        Step::StrikeOff { number, rules_made } => {
            short_enough("number", number, LONGEST_FIELD)?;
            short_enough("rules_made", rules_made, LONGEST_FIELD)?;
            let own = || format!("XH-{}", hazard.id.0.trim_start_matches("HZ-"));
            HazardEventKind::StruckOff {
                number: said(number).map_or_else(own, str::to_owned).into(),
                rules_made: rules_made.trim().to_owned(),
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

/// More time than there was; of a listed hazard at most a year since it was listed.
fn later(hazard: &HazardSummary, until: UtcMillis, now: UtcMillis, policy: &Policy) -> Result<(), Refusal> {
    in_time(until, now.max(hazard.handling.deadline.unwrap_or(now)), policy)?;
    let from = hazard
        .handling
        .listed_at
        .filter(|_| hazard.handling.listed.is_some());
    if from.is_some_and(|from| until > policy.end(&policy.listed, from)) {
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
