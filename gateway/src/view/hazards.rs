//! The register of hazards.

use super::ViewError;
use super::card::{Card, card};
use super::time::Time;
use super::words::{GradeWords, HazardStatusWords, SeverityWords};
use crate::app::{App, HazardCursor, HazardFilter};
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::hazard::{HazardStatus, HazardSummary};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Sight;

/// Hazards shown when no limit is given.
const DEFAULT_LIMIT: u32 = 100;

/// A page of the register, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HazardPage {
    /// The hazards.
    pub hazards: Vec<Hazard>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    pub next: Option<String>,
}

/// A hazard as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Hazard {
    /// Id: `HZ-` and 16 hex digits, derived from equipment, rule and episode.
    pub id: String,
    /// What it is about; `null` when the catalog no longer has the equipment.
    pub equipment: Option<Card>,
    /// Equipment id.
    pub equipment_id: String,
    /// Rule id.
    pub rule: String,
    /// Title of the rule, Chinese.
    pub title_zh: String,
    /// Title of the rule, English.
    pub title_en: String,
    /// Clause.
    pub clause: String,
    /// Source time at which the condition began.
    pub episode: Time,
    /// Where it stands.
    #[schema(value_type = HazardStatusWords)]
    pub status: HazardStatus,
    /// Suspected or confirmed.
    pub open: bool,
    /// General or (suspected) major.
    #[schema(value_type = GradeWords)]
    pub grade: Grade,
    /// Highest seriousness so far.
    #[schema(value_type = SeverityWords)]
    pub severity: Severity,
    /// When the gateway opened it.
    pub opened_at: Time,
    /// Found in back-filled data, after the fact.
    pub late: bool,
    /// The condition holds, as far as is known.
    pub condition_active: bool,
    /// Times it tripped.
    pub trips: u32,
    /// Events so far.
    pub events: u32,
    /// Last event.
    pub changed: Time,
    /// Hash of the last event, hex.
    pub head: String,
}

/// Whether a hazard still waits for somebody.
#[must_use]
pub const fn is_open(status: HazardStatus) -> bool {
    matches!(status, HazardStatus::Suspected | HazardStatus::Confirmed)
}

impl Hazard {
    /// A hazard with what the catalog says about its equipment.
    #[must_use]
    pub fn of(app: &App, hazard: &HazardSummary) -> Self {
        Self {
            id: hazard.id.0.to_string(),
            equipment: card(app, &hazard.equipment),
            equipment_id: hazard.equipment.to_string(),
            rule: hazard.rule.to_string(),
            title_zh: hazard.title_zh.to_string(),
            title_en: hazard.title_en.to_string(),
            clause: hazard.clause.to_string(),
            episode: hazard.episode.into(),
            status: hazard.status,
            open: is_open(hazard.status),
            grade: hazard.grade,
            severity: hazard.severity,
            opened_at: hazard.opened_at.into(),
            late: hazard.late,
            condition_active: hazard.condition_active,
            trips: hazard.trips,
            events: hazard.events,
            changed: hazard.changed.into(),
            head: hazard.head.to_string(),
        }
    }
}

/// A page of the register.
///
/// # Errors
/// The store cannot be read.
pub async fn hazards(app: &App, sight: &Sight, filter: HazardFilter) -> Result<HazardPage, ViewError> {
    let limit = if filter.limit == 0 {
        DEFAULT_LIMIT
    } else {
        filter.limit.min(999)
    };
    // One more than shown says whether there is another page.
    let mut found = app
        .store
        .hazards(&HazardFilter {
            limit: limit + 1,
            sight: Some(sight.clone()),
            ..filter
        })
        .await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| HazardCursor::behind(last).to_string());
    Ok(HazardPage {
        hazards: found.iter().map(|hazard| Hazard::of(app, hazard)).collect(),
        next,
    })
}
