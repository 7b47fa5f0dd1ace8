//! State of one piece of equipment: latest values, rules, alarms, hazards.
//!
//! ```text
//! samples ─┬─ newer than known ──► live evaluator ──► trips, clears ──► alarms ──► hazards
//!          └─ late or historical ► late evaluator ──► trips, clears ─────────────► hazards (late)
//! no word (arrival time) ─────────► silence, quality, gaps
//! ```
//!
//! Source time moves rules about the equipment, arrival time those about our sight of it. A reading
//! holds while its equipment is heard (report by exception); time that was not covered by words
//! counts towards nothing.

mod action;
mod codes;
mod evaluator;
mod gaps;
mod late;
mod live;
mod plan;
mod series;
mod sight;
mod snapshot;
mod stories;
mod story;
mod words;

pub use plan::{Plan, Plans};
pub use series::Latest;
pub(crate) use series::Values;
#[cfg(test)]
pub(crate) use series::{Series, Sums};
pub use snapshot::RestoreError;

use crate::alarm::{AlarmRecord, AlarmState};
use crate::catalog::Equipment;
use crate::hazard::docket::Docket;
use crate::hazard::{HazardId, HazardStatus, HazardSummary};
use crate::input::Position;
use crate::output::GapRecord;
use crate::sample::ChannelIx;
use crate::settings::Settings;
use evaluator::Evaluator;
use gaps::Gap;
use late::{Late, Seed};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use stories::Stories;
use story::Story;
use vigil_protocol::time::UtcMillis;

/// When and from where something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Log position of the message.
    pub position: Position,
    /// Arrival: the `now` of the input.
    pub received: UtcMillis,
    /// Believed source time of the message.
    pub published: UtcMillis,
    /// Sent from a store after the event: never live.
    pub historical: bool,
}

/// Whether the equipment's node and device are alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Neither birth nor death nor data so far.
    #[default]
    Never,
    /// Born, or sending.
    Online,
    /// Dead.
    Offline,
}

/// A hazard that an action can still be taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HazardRef {
    /// Id.
    pub id: HazardId,
    /// Rule id.
    pub rule: Arc<str>,
    /// Where it stands.
    pub status: HazardStatus,
}

/// State of one piece of equipment.
#[derive(Clone, Debug)]
pub struct EquipmentState {
    plan: Arc<Plan>,
    link: Link,
    /// Arrival of the last live word.
    last_heard: Option<UtcMillis>,
    /// When the gateway began to listen.
    listening_since: Option<UtcMillis>,
    /// Source time of the first live word: everything before is a hole.
    first_word: Option<i64>,
    /// The link broke since the last word: the time in between is a hole, however short.
    broken: bool,
    live: Evaluator,
    stories: Stories,
    /// Something is out of the ordinary: words and deadlines take the long way.
    irregular: bool,
    deadline: Option<UtcMillis>,
    rare: Option<Box<Rare>>,
}

/// What equipment that runs well never needs.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// Open gaps of the whole equipment or of channels, and the last closed ones of the whole.
    gaps: Vec<Gap>,
    /// Stretches of source time without coverage, oldest first.
    holes: Vec<(i64, i64)>,
    /// Source times of late words before which something is unknown: a power cut, or a message that is missing.
    breaks: Vec<i64>,
    /// What was known before each of the last holes, oldest first.
    seeds: Vec<Seed>,
    late: Option<Box<Late>>,
    /// Its hazards.
    docket: Docket,
}

impl EquipmentState {
    /// Nothing heard so far. Makes its own plan; [`Self::sharing`] is for many.
    #[must_use]
    pub fn new(equipment: &Equipment) -> Self {
        Self::sharing(equipment, Arc::new(Plan::new(equipment, &Settings::default())))
    }

    /// Nothing heard so far; `plan` is the one of this equipment's layout.
    #[must_use]
    pub fn sharing(equipment: &Equipment, plan: Arc<Plan>) -> Self {
        let rules = equipment.rules.len();
        Self {
            plan,
            link: Link::Never,
            last_heard: None,
            listening_since: None,
            first_word: None,
            broken: false,
            live: Evaluator::new(equipment.channels.len(), rules),
            stories: Stories::new(rules),
            irregular: false,
            deadline: None,
            rare: None,
        }
    }

    /// Newest reading of a channel.
    #[must_use]
    pub fn latest(&self, channel: ChannelIx) -> Option<&Latest> {
        self.live.series.get(channel)
    }

    /// Whether node and device are alive.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    /// Arrival of the last live word.
    #[must_use]
    pub fn last_heard(&self) -> Option<UtcMillis> {
        self.last_heard
    }

    /// When [`Self::on_due`] has something to do next (arrival time).
    #[must_use]
    pub fn next_deadline(&self) -> Option<UtcMillis> {
        self.deadline
    }

    /// Alarms that are not in the normal state, in the order of the rules.
    #[must_use]
    pub fn open_alarms(&self) -> Vec<AlarmRecord> {
        let alarms = self
            .stories
            .iter()
            .flatten()
            .filter_map(|story| story.alarm.as_ref());
        alarms
            .filter(|alarm| alarm.state != AlarmState::Normal)
            .cloned()
            .collect()
    }

    /// Gaps that have not ended.
    #[must_use]
    pub fn open_gaps(&self) -> Vec<GapRecord> {
        let gaps = self.rare.iter().flat_map(|rare| &rare.gaps).map(Gap::record);
        gaps.filter(|gap| gap.to.is_none()).cloned().collect()
    }

    /// Hazards that an action can be taken on: those that are not closed, and the last rejected ones.
    #[must_use]
    pub fn hazards(&self) -> Vec<HazardRef> {
        self.known_hazards()
            .map(|hazard| HazardRef {
                id: hazard.id.clone(),
                rule: hazard.rule.clone(),
                status: hazard.status,
            })
            .collect()
    }

    fn known_hazards(&self) -> impl Iterator<Item = &HazardSummary> {
        self.rare.iter().flat_map(|rare| rare.docket.cases())
    }

    /// One of them, as it stands.
    #[must_use]
    pub fn hazard(&self, id: &HazardId) -> Option<&HazardSummary> {
        self.rare.as_ref()?.docket.find(id)
    }

    /// Another plan of the same layout: what its hazards wait for is worked out anew.
    pub(crate) fn work_by(&mut self, equipment: &Equipment, plan: Arc<Plan>) {
        self.plan = plan;
        if let Some(rare) = self.rare.as_mut().filter(|rare| !rare.docket.is_done()) {
            rare.docket.plan(&self.plan.policy);
            self.plan_deadline(equipment);
        }
    }

    /// Puts back a hazard that the store knows to be further on. Returns whether it was.
    pub(crate) fn adopt_newer(&mut self, equipment: &Equipment, hazard: HazardSummary) -> bool {
        if self
            .hazard(&hazard.id)
            .is_some_and(|known| known.events >= hazard.events)
        {
            return false;
        }
        let policy = self.plan.policy.clone();
        let adopted = self.rare().docket.adopt(hazard, &policy);
        self.plan_deadline(equipment);
        adopted
    }

    /// Nothing worth a snapshot has happened.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.link == Link::Never
            && self.last_heard.is_none()
            && self.rare.is_none()
            && self.live.series.is_empty()
            && self.stories.iter().all(Option::is_none)
    }

    fn story(&mut self, rule: usize) -> &mut Story {
        self.stories[rule].get_or_insert_with(Box::default)
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(Box::default)
    }
}
