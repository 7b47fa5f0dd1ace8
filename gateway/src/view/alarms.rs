//! Alarms and their journal.

use super::ViewError;
use super::card::{Card, card, find};
use super::rules::rule_of;
use super::time::Time;
use super::words::{AlarmClassWords, AlarmStateWords, SeverityWords};
use crate::app::{AlarmCursor, AlarmFilter, App};
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::alarm::{AlarmClass, AlarmEvent, AlarmRecord, AlarmState};
use vigil_core::pack::Severity;
use vigil_core::people::Sight;

/// The alarm of one rule on one piece of equipment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alarm {
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
    /// About the equipment, or about our ability to see it.
    #[schema(value_type = AlarmClassWords)]
    pub class: AlarmClass,
    /// Seriousness.
    #[schema(value_type = SeverityWords)]
    pub severity: Severity,
    /// State of ISA-18.2 figure 3.
    #[schema(value_type = AlarmStateWords)]
    pub state: AlarmState,
    /// Letter of that state, A … I.
    pub letter: char,
    /// The condition holds.
    pub active: bool,
    /// Somebody has seen it.
    pub acked: bool,
    /// The condition went, the alarm stays until it is reset.
    pub latched: bool,
    /// Held back by design (inspection mode).
    pub suppressed: bool,
    /// Off the list until then.
    pub shelved_until: Option<Time>,
    /// Source time since which the condition has held, or last held.
    pub since: Time,
    /// Last change.
    pub changed: Time,
    /// Activations so far.
    pub count: u32,
    /// The hazard it opened or added to.
    pub hazard: Option<String>,
    /// What tripped it, in words.
    pub detail: String,
}

/// A transition of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlarmChange {
    /// Equipment id.
    pub equipment_id: String,
    /// Rule id.
    pub rule: String,
    /// When the gateway decided.
    pub at: Time,
    /// Source time of the cause.
    pub source_at: Time,
    /// State after it.
    #[schema(value_type = AlarmStateWords)]
    pub state: AlarmState,
    /// Seriousness.
    #[schema(value_type = SeverityWords)]
    pub severity: Severity,
    /// Who, if a person.
    pub actor: Option<String>,
    /// Value, limit or reason.
    pub detail: String,
}

impl Alarm {
    pub(super) fn of(app: &App, alarm: &AlarmRecord) -> Self {
        let rule =
            find(&app.catalog, &alarm.equipment).and_then(|(_, equipment)| rule_of(equipment, &alarm.rule));
        Self {
            equipment: card(app, &alarm.equipment),
            equipment_id: alarm.equipment.to_string(),
            rule: alarm.rule.to_string(),
            title_zh: rule.map_or(&alarm.rule, |rule| &rule.title_zh).to_string(),
            title_en: rule.map_or(&alarm.rule, |rule| &rule.title_en).to_string(),
            class: alarm.class,
            severity: alarm.severity,
            state: alarm.state,
            letter: alarm.state.letter(),
            active: alarm.flags.active,
            acked: alarm.flags.acked,
            latched: alarm.flags.latched,
            suppressed: alarm.flags.suppressed,
            shelved_until: alarm.flags.shelved_until.map(Time),
            since: alarm.since.into(),
            changed: alarm.changed.into(),
            count: alarm.count,
            hazard: alarm.hazard.as_deref().map(str::to_owned),
            detail: alarm.detail.clone(),
        }
    }
}

impl Alarm {
    /// Where a page ends that ends with it.
    #[must_use]
    pub fn cursor(&self) -> AlarmCursor {
        AlarmCursor {
            severity: self.severity,
            changed: self.changed.0,
            equipment: self.equipment_id.clone(),
            rule: self.rule.clone(),
        }
    }
}

impl From<&AlarmEvent> for AlarmChange {
    fn from(event: &AlarmEvent) -> Self {
        Self {
            equipment_id: event.equipment.to_string(),
            rule: event.rule.to_string(),
            at: event.at.into(),
            source_at: event.source_at.into(),
            state: event.state,
            severity: event.severity,
            actor: event.actor.clone(),
            detail: event.detail.clone(),
        }
    }
}

/// Alarms, worst first, then latest change first.
///
/// # Errors
/// The store cannot be read.
pub async fn alarms(app: &App, sight: &Sight, filter: &AlarmFilter) -> Result<Vec<Alarm>, ViewError> {
    let filter = AlarmFilter {
        sight: Some(sight.clone()),
        ..filter.clone()
    };
    Ok(app
        .store
        .alarms(&filter)
        .await?
        .iter()
        .map(|alarm| Alarm::of(app, alarm))
        .collect())
}

/// The journal of alarms, latest first, of one piece of equipment or of all.
///
/// # Errors
/// The store cannot be read.
pub async fn alarm_changes(
    app: &App,
    sight: &Sight,
    equipment: Option<&str>,
    limit: u32,
) -> Result<Vec<AlarmChange>, ViewError> {
    let events = match equipment {
        Some(equipment) if !app.sees(sight, equipment) => Vec::new(),
        Some(equipment) => app.store.alarm_events(equipment, limit).await?,
        None => app.store.latest_alarm_events(limit, sight).await?,
    };
    Ok(events.iter().map(AlarmChange::from).collect())
}
