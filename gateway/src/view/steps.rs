//! What can be done with a hazard now, by whom, and why not by others.

use super::ViewError;
use super::owners::unreadable;
use super::words::StepWords;
use crate::app::App;
use crate::desk::cases::{CasesError, direct_step};
use crate::desk::register::unit;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::hazard::HazardSummary;
use vigil_core::hazard::workflow::{Evidence as NeededEvidence, StepKind, may};
use vigil_core::pack::Grade;
use vigil_core::people::{Person, Scope};

/// A step that can be taken now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NextStep {
    /// Which.
    #[schema(value_type = StepWords)]
    pub step: StepKind,
    /// Title, Chinese.
    pub title_zh: &'static str,
    /// Title, English.
    pub title_en: &'static str,
    /// `reason` must say something.
    pub text_required: bool,
    /// A photo or a document must show it.
    pub evidence_required: bool,
}

/// A step that others could take now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlockedStep {
    /// Which.
    #[schema(value_type = StepWords)]
    pub step: StepKind,
    /// Title, Chinese.
    pub title_zh: &'static str,
    /// Title, English.
    pub title_en: &'static str,
    /// Key of the reason, as in the problem that a request would be answered with.
    pub code: &'static str,
    /// Why not, Chinese.
    pub why_zh: String,
    /// Why not, English.
    pub why_en: String,
    /// Keys of the roles that could.
    pub who: Vec<&'static str>,
}

/// A unit that has to do with the equipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Party {
    /// `use_unit`, `maintenance_unit` or `inspection_body`.
    pub part: &'static str,
    /// Its code.
    pub code: String,
    /// Its name, where the register has it.
    pub name: Option<String>,
}

/// What `person` can do now, and what others could.
pub(super) async fn steps(
    app: &App,
    summary: &HazardSummary,
    person: &Person,
    scope: &Scope,
) -> Result<(Vec<NextStep>, Vec<BlockedStep>), ViewError> {
    let (mut open, mut blocked) = (Vec::new(), Vec::new());
    let (now, policy) = (app.clock.now(), app.engine.policy());
    // What belongs to another state is no use to anybody now.
    let here = |step: &StepKind| step.guard().from.contains(&summary.status);
    for step in StepKind::ALL.into_iter().filter(here) {
        let refusal = match may(summary, person, scope, now, &policy, step) {
            Err(refusal) => Some(refusal),
            // Some steps are taken elsewhere.
            Ok(()) => match direct_step(app, person, summary, step).await {
                Ok(()) => None,
                Err(CasesError::Refused(refusal)) => Some(*refusal),
                Err(CasesError::Store(error)) => return Err(error.into()),
                Err(_) => None,
            },
        };
        let guard = step.guard();
        match refusal {
            None => open.push(NextStep {
                step,
                title_zh: guard.zh,
                title_en: guard.en,
                text_required: guard.text,
                evidence_required: match guard.evidence {
                    NeededEvidence::None => false,
                    NeededEvidence::Major => summary.grade == Grade::Major,
                    NeededEvidence::Always => true,
                },
            }),
            Some(refusal) => blocked.push(BlockedStep {
                step,
                title_zh: guard.zh,
                title_en: guard.en,
                code: refusal.code,
                why_zh: refusal.message_zh,
                why_en: refusal.message,
                who: refusal.who.iter().map(|role| role.key()).collect(),
            }),
        }
    }
    Ok((open, blocked))
}

/// Who uses, maintains and inspects it.
pub(super) async fn parties(app: &App, scope: &Scope) -> Result<Vec<Party>, ViewError> {
    let mut parties = Vec::new();
    for (part, code) in [
        ("use_unit", &scope.use_unit),
        ("maintenance_unit", &scope.maintenance_unit),
        ("inspection_body", &scope.inspection_body),
    ] {
        let Some(code) = code else { continue };
        let known = unit(&app.desk, code).await.map_err(unreadable)?;
        parties.push(Party {
            part,
            code: code.to_string(),
            name: known
                .map(|known| known.facts.name)
                .filter(|name| !name.is_empty()),
        });
    }
    Ok(parties)
}
