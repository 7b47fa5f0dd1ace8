//! How a risk point came to say what it says, and which hazards come from one.

use super::Time;
use crate::desk::risk::{PointChange, id_of, of_rule};
use serde::Serialize;
use utoipa::ToSchema;

/// The control measure whose failure opened a hazard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RiskOrigin {
    /// The risk point, such as `RP-000042`.
    pub point: String,
    /// Number of its measure.
    pub measure: i64,
}

impl RiskOrigin {
    /// Behind the rule of a hazard; `None` when no failed measure opened it.
    pub(super) fn of_rule(rule: &str) -> Option<Self> {
        let (point, measure) = of_rule(rule)?;
        Some(Self {
            point: id_of(point),
            measure,
        })
    }
}

/// One change of what is said of a risk point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RiskChange {
    /// Number: value of `before`.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Login of who did; shown to who is signed in.
    pub by: Option<String>,
    /// Which field: as in the risk point.
    pub field: String,
    /// What it said; names and phones are shown to who is signed in.
    pub old: Option<String>,
    /// What it says now; likewise.
    pub new: Option<String>,
}

impl RiskChange {
    /// A change as shown.
    #[must_use]
    pub fn of(change: PointChange, personal: bool) -> Self {
        let shown = personal || !change.is_personal();
        Self {
            id: change.n,
            at: change.at.into(),
            by: personal.then_some(change.by),
            field: change.field,
            old: shown.then_some(change.old),
            new: shown.then_some(change.new),
        }
    }
}
