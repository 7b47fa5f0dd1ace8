//! Steps of a case of supervision that its reader cannot take, and who could.

use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::supervision::{Asking, Case, blocked};

/// A step of a case that others could take now, or its reader later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CaseBlockedStep {
    /// Key of the step.
    pub action: &'static str,
    /// What it is, Chinese.
    pub zh: &'static str,
    /// What it is, English.
    pub en: &'static str,
    /// Key of the reason, as in the problem that a request would be answered with.
    pub code: &'static str,
    /// Why not, Chinese.
    pub why_zh: String,
    /// Why not, English.
    pub why_en: String,
    /// Keys of the roles that could.
    pub who: Vec<&'static str>,
}

/// Those of the state the case is in.
pub(super) fn blocked_steps(case: &Case, asking: &Asking<'_>) -> Vec<CaseBlockedStep> {
    let steps = blocked(case, asking).into_iter().map(|(step, refusal)| {
        let guard = step.guard();
        CaseBlockedStep {
            action: step.key(),
            zh: guard.zh,
            en: guard.en,
            code: refusal.code,
            why_zh: refusal.message_zh,
            why_en: refusal.message,
            who: refusal.who.iter().map(|role| role.key()).collect(),
        }
    });
    steps.collect()
}
