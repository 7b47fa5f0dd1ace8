//! Hazards that are opened without telemetry.

use super::{Acting, Docket, append, raised, repeats};
use crate::hash::ContentHash;
use crate::hazard::policy::Policy;
use crate::hazard::workflow::{
    Filling, Intake, OPENERS, Step, StepKind, bad_field, fill, may, required, short_enough,
};
use crate::hazard::{Actor, By, HazardEventKind, HazardId, HazardSource, HazardSummary, Repeat, Report};
use crate::output::{Outputs, Refusal};
use crate::pack::{Grade, Severity};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Related hazards named at most.
const RELATED: usize = 8;
/// Longest description, characters.
const LONGEST: usize = 4_000;

/// Whose a reported hazard is: the equipment's id, or `unit:` and the unit's code.
///
/// # Errors
/// It names both, or neither.
pub(crate) fn owner_of(intake: &Intake) -> Result<Arc<str>, Refusal> {
    let named = |id: &Option<Arc<str>>| id.clone().filter(|id| !id.trim().is_empty());
    match (named(&intake.equipment), named(&intake.unit)) {
        (Some(equipment), None) if !equipment.starts_with("unit:") => Ok(equipment),
        (None, Some(unit)) => Ok(format!("unit:{unit}").into()),
        _ => Err(bad_field(
            "equipment",
            "either a piece of equipment or a unit",
            "须填写设备或单位之一",
        )),
    }
}

/// What a person describes is told apart by its words, so that the same report does not open two.
fn rule_of(intake: &Intake) -> Arc<str> {
    intake.rule.clone().unwrap_or_else(|| {
        let words = [intake.category.as_bytes(), intake.description.trim().as_bytes()];
        format!("MANUAL-{:08x}", ContentHash::of_parts(&words).short() >> 32).into()
    })
}

/// The same is there already.
pub(crate) fn on_record(code: &'static str, known: &HazardId) -> Refusal {
    let mut refusal = Refusal::new(
        code,
        format!("that is on record as hazard {}", known.0),
        format!("该隐患已登记，编号 {}", known.0),
    );
    refusal.hazard = Some(known.clone());
    refusal
}

impl HazardId {
    /// The id that an intake gets, if nothing stands in its way; `None` if it names no owner.
    #[must_use]
    pub fn of_intake(intake: &Intake, now: UtcMillis) -> Option<Self> {
        let owner = owner_of(intake).ok()?;
        Some(Self::derive(&owner, &rule_of(intake), episode_of(intake, now)))
    }
}

fn episode_of(intake: &Intake, now: UtcMillis) -> UtcMillis {
    let begun = intake.since.or(intake.found_at).unwrap_or(now);
    begun.saturating_add_ms(i64::from(intake.round))
}

impl Docket {
    /// Opens a hazard that telemetry did not find.
    ///
    /// # Errors
    /// Refused; nothing has changed then.
    pub(crate) fn report(
        &mut self,
        owner: &Arc<str>,
        intake: &Intake,
        acting: &Acting<'_>,
        policy: &Policy,
        out: &mut Outputs,
    ) -> Result<(), Refusal> {
        let (person, scope) = (acting.person(), acting.scope());
        if !person.sees(&scope) {
            return Err(Refusal::new(
                "not_in_scope",
                "the equipment is of a unit or an area that is not yours",
                "该设备不在您的单位或辖区内",
            ));
        }
        if !OPENERS.contains(&person.role) {
            let zh = "您的角色无权上报隐患";
            return Err(
                Refusal::new("role_not_allowed", "your role may not report hazards", zh).who(OPENERS),
            );
        }
        let rule = rule_of(intake);
        let episode = episode_of(intake, acting.now);
        let id = HazardId::derive(owner, &rule, episode);
        self.not_yet(&id, &rule)?;
        let report = self.reported(owner, rule, episode, intake, acting, policy)?;
        let mut by = acting.by();
        if intake.by_machine {
            by = By {
                scope: by.scope,
                ..By::machine(acting.position, acting.now)
            };
        }
        let fixed = intake.fixed.as_ref().map(|fixed| {
            let step = Step::FixOnSpot {
                rectifier: fixed.rectifier.clone(),
                attachments: fixed.attachments.clone(),
            };
            (step, fixed.text.as_str())
        });
        let before = out.len();
        let kind = HazardEventKind::Reported {
            report: Box::new(report),
        };
        let opened = id.clone();
        let Some(case) = self.open(id, kind, by, out) else {
            return Ok(());
        };
        if let Some((step, text)) = fixed {
            let filling = Filling {
                person: &person,
                scope: &scope,
                text,
                now: acting.now,
                policy,
                finding: None,
                successor: None,
            };
            let done = may(case, &person, &scope, acting.now, policy, StepKind::FixOnSpot)
                .and_then(|()| fill(case, &step, &filling));
            match done {
                Ok(kind) => append(case, kind, acting.by(), out),
                Err(refusal) => {
                    self.cases.retain(|case| case.id != opened);
                    out.truncate(before);
                    return Err(refusal);
                }
            }
        }
        self.plan(policy);
        Ok(())
    }

    fn not_yet(&self, id: &HazardId, rule: &str) -> Result<(), Refusal> {
        let (code, known) = match self.open_of(rule) {
            Some(open) => ("already_open", &open.id),
            None if self.knows(id) => ("already_recorded", id),
            None => return Ok(()),
        };
        Err(on_record(code, known))
    }

    fn reported(
        &self,
        owner: &Arc<str>,
        rule: Arc<str>,
        episode: UtcMillis,
        intake: &Intake,
        acting: &Acting<'_>,
        policy: &Policy,
    ) -> Result<Report, Refusal> {
        let Some(category) = policy.category(&intake.category) else {
            return Err(bad_field("category", "one of the categories", "须从类别中选择"));
        };
        required("description", &intake.description)?;
        for (name, text, longest) in [
            ("description", intake.description.as_str(), LONGEST),
            ("title_zh", &intake.title_zh, 200),
            ("title_en", &intake.title_en, 200),
            ("clause", &intake.clause, 200),
            ("rule", &rule, 64),
            ("reporter", intake.reporter.as_deref().unwrap_or(""), 200),
        ] {
            short_enough(name, text, longest)?;
        }
        if matches!(intake.source, HazardSource::Telemetry | HazardSource::LookBack) {
            return Err(bad_field(
                "source",
                "not telemetry or a look-back: they open theirs themselves",
                "遥测与“回头看”由系统自行立案",
            ));
        }
        let found_at = intake.found_at.unwrap_or(acting.now);
        if found_at > acting.now {
            return Err(bad_field("found_at", "not in the future", "不得晚于现在"));
        }
        let about = |case: &&HazardSummary| {
            let own = &*case.handling.category;
            let key = if own.is_empty() {
                policy.category_of(&case.rule)
            } else {
                own
            };
            case.is_open() && key == &*intake.category
        };
        let related = self.cases.iter().rev().filter(about).take(RELATED);
        let severity = intake.severity.unwrap_or(match intake.grade {
            Grade::Major => Severity::S1,
            Grade::General => Severity::S3,
        });
        let title = |own: &str, category: &Arc<str>| match own.trim() {
            "" => category.clone(),
            own => own.into(),
        };
        Ok(Report {
            owner: owner.clone(),
            rule,
            episode,
            source: intake.source,
            category: category.key.clone(),
            title_zh: title(&intake.title_zh, &category.zh),
            title_en: title(&intake.title_en, &category.en),
            description: intake.description.trim().to_owned(),
            severity: if intake.repeat.is_some() {
                raised(severity)
            } else {
                severity
            },
            grade: intake.grade,
            clause: intake.clause.trim().into(),
            found_at,
            reporter: intake.reporter.clone().filter(|name| !name.trim().is_empty()),
            unit: intake.unit.clone(),
            attachments: proven_at_opening(intake)?,
            related: related.map(|case| case.id.clone()).collect(),
            repeat: intake.repeat.clone(),
        })
    }

    /// What goes on when a look-back does not pass: the hazard that is open already, or a new one to be opened.
    pub(super) fn successor_of(&self, index: usize, acting: &Acting<'_>) -> (HazardId, Option<Box<Report>>) {
        let case = &self.cases[index];
        if let Some(open) = self.open_of(&case.rule) {
            return (open.id.clone(), None);
        }
        let mut episode = acting.now;
        let mut id = HazardId::derive(&case.equipment, &case.rule, episode);
        while self.knows(&id) {
            episode = episode.saturating_add_ms(1);
            id = HazardId::derive(&case.equipment, &case.rule, episode);
        }
        let report = Report {
            owner: case.equipment.clone(),
            rule: case.rule.clone(),
            episode,
            source: HazardSource::LookBack,
            category: case.handling.category.clone(),
            title_zh: case.title_zh.clone(),
            title_en: case.title_en.clone(),
            description: acting.text.to_owned(),
            severity: raised(case.severity),
            grade: case.grade,
            clause: case.clause.clone(),
            found_at: acting.now,
            reporter: match acting.by().actor {
                Actor::Person(name) => Some(name),
                Actor::Machine => None,
            },
            unit: case.handling.unit.clone(),
            attachments: Vec::new(),
            related: Vec::new(),
            repeat: Some(Repeat {
                of: case.id.clone(),
                count: repeats(case) + 1,
            }),
        };
        (id, Some(Box::new(report)))
    }
}

fn proven_at_opening(intake: &Intake) -> Result<Vec<crate::hazard::Attachment>, Refusal> {
    // There is no hazard yet whose files could be too many.
    if intake.attachments.len() > 50 {
        return Err(bad_field("attachments", "at most 50", "最多 50 个"));
    }
    for attachment in &intake.attachments {
        short_enough("name", &attachment.name, 255)?;
    }
    Ok(intake.attachments.clone())
}
