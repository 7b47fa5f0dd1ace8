//! The register of hazards.

use super::ViewError;
use super::card::{Card, card};
use super::owners::unreadable;
use super::time::Time;
use super::words::{GradeWords, HazardSourceWords, HazardStatusWords, SeverityWords};
use crate::app::{App, HazardCursor, HazardFilter};
use crate::desk::register::names;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::hazard::workflow::look_back_due;
use vigil_core::hazard::{HazardSource, HazardStatus, HazardSummary};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Sight;

/// A total beyond it is "more than".
const MOST_COUNTED: u32 = 10_000;
/// Hazards shown when no limit is given.
const DEFAULT_LIMIT: u32 = 100;

/// A page of the register, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HazardPage {
    /// The hazards.
    pub hazards: Vec<Hazard>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    pub next: Option<String>,
    /// How many there are in all, counted up to 10,000 and only on the first page.
    pub total: Option<u64>,
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
    /// What the register calls it, where the catalog does not have it. Only in lists, work lists and the whole record.
    pub equipment_name: Option<String>,
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
    /// Neither rejected nor struck off.
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
    /// How it was found.
    #[schema(value_type = HazardSourceWords)]
    pub source: HazardSource,
    /// What it is about: key of a category; empty if nobody has said.
    pub category: String,
    /// Title of the category, Chinese.
    pub category_zh: String,
    /// Title of the category, English.
    pub category_en: String,
    /// What was found, in words; empty if telemetry found it.
    pub description: String,
    /// The unit, when it is no equipment's.
    pub unit: Option<String>,
    /// The unit made responsible.
    pub responsible_unit: Option<String>,
    /// To be rectified by.
    pub deadline: Option<Time>,
    /// The deadline passed before it was struck off.
    pub overdue: bool,
    /// How often more time was given.
    pub extensions: u32,
    /// Level it was escalated to; 0 = none.
    pub escalation: u8,
    /// Number of the supervision case it is listed under.
    pub listed: Option<String>,
    /// The use of the equipment should stop.
    pub out_of_use_recommended: bool,
    /// How often the same was struck off before.
    pub repeats: u32,
    /// The last of those.
    pub repeat_of: Option<String>,
    /// Progress of the rectification, 0 to 100.
    pub percent: u8,
    /// When it was struck off.
    pub struck_off_at: Option<Time>,
    /// When the next look-back is due.
    pub look_back_due: Option<Time>,
}

/// Whether a hazard still has to be dealt with.
#[must_use]
pub const fn is_open(status: HazardStatus) -> bool {
    status.is_open()
}

impl Hazard {
    /// Hazards with what catalog and register say about their equipment.
    ///
    /// # Errors
    /// The register cannot be read.
    pub async fn all(app: &App, found: &[HazardSummary]) -> Result<Vec<Self>, ViewError> {
        let mut all: Vec<Self> = found.iter().map(|hazard| Self::of(app, hazard)).collect();
        let unwatched = all.iter().filter(|one| one.equipment.is_none());
        let ids: Vec<&str> = unwatched.map(|one| one.equipment_id.as_str()).collect();
        let known = names(&app.desk, &ids).await.map_err(unreadable)?;
        for one in all.iter_mut().filter(|one| one.equipment.is_none()) {
            one.equipment_name = known
                .get(&one.equipment_id)
                .filter(|name| !name.is_empty())
                .cloned();
        }
        Ok(all)
    }

    /// A hazard with what the catalog says about its equipment.
    #[must_use]
    pub fn of(app: &App, hazard: &HazardSummary) -> Self {
        let policy = app.engine.policy();
        let handling = &*hazard.handling;
        let key = match &*handling.category {
            "" => policy.category_of(&hazard.rule),
            key => key,
        };
        let category = policy.category(key);
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        Self {
            id: hazard.id.0.to_string(),
            equipment: card(app, &hazard.equipment),
            equipment_id: hazard.equipment.to_string(),
            equipment_name: None,
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
            source: handling.source,
            category: key.to_owned(),
            category_zh: category.map(|known| known.zh.to_string()).unwrap_or_default(),
            category_en: category.map(|known| known.en.to_string()).unwrap_or_default(),
            description: handling.description.to_string(),
            unit: text(&handling.unit),
            responsible_unit: handling
                .assignment
                .as_ref()
                .and_then(|assigned| text(&assigned.unit)),
            deadline: handling.deadline.map(Into::into),
            overdue: handling.overdue,
            extensions: handling.extensions,
            escalation: handling.escalation,
            listed: text(&handling.listed),
            out_of_use_recommended: handling.out_of_use_recommended,
            repeats: handling.repeat.as_ref().map_or(0, |repeat| repeat.count),
            repeat_of: handling.repeat.as_ref().map(|repeat| repeat.of.0.to_string()),
            percent: handling.percent,
            struck_off_at: handling.struck_off_at.map(Into::into),
            look_back_due: look_back_due(hazard, &policy).map(Into::into),
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
    let filter = HazardFilter {
        limit: limit + 1,
        sight: Some(sight.clone()),
        ..filter
    };
    let order = filter.order;
    // One more than shown says whether there is another page.
    let mut found = app.store.hazards(&filter).await?;
    let more = found.len() > limit as usize;
    let total = match filter.after {
        // What is all on one page has been counted.
        None if !more => Some(found.len() as u64),
        None => Some(app.store.count_hazards(&filter, MOST_COUNTED).await?),
        Some(_) => None,
    };
    found.truncate(limit as usize);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| HazardCursor::behind_in(last, order).to_string());
    Ok(HazardPage {
        hazards: Hazard::all(app, &found).await?,
        next,
        total,
    })
}
