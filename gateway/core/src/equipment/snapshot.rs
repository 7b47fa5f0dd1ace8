//! A state as JSON, keyed by rule ids and quantities, so that it survives a changed catalog as far as
//! it still fits.

use super::evaluator::Evaluator;
use super::gaps::Gap;
use super::late::{Late, Seed};
use super::series::{Cell, Latest, Series, Sums};
use super::story::Story;
use super::{EquipmentState, Link, Plan, Rare};
use crate::catalog::Equipment;
use crate::hazard::HazardSummary;
use crate::hazard::docket::Docket;
use crate::input::Position;
use crate::rules::Memory;
use crate::sample::Reading;
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Quality, Quantity};

/// Why a snapshot could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is not the JSON of a snapshot.
    #[error("restoring the state of equipment {equipment}: {source}")]
    Json {
        /// Equipment id.
        equipment: Arc<str>,
        /// What serde says.
        source: serde_json::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    link: Link,
    last_heard: Option<UtcMillis>,
    listening_since: Option<UtcMillis>,
    first_word: Option<i64>,
    broken: bool,
    live: EvaluatorSnapshot,
    /// By rule id; only rules that have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stories: BTreeMap<String, Story>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<Gap>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holes: Vec<(i64, i64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    breaks: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seeds: Vec<SeedSnapshot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late: Option<LateSnapshot>,
    /// Where snapshots of before there was a docket have rejected hazards that made room for another.
    #[serde(default, skip_serializing)]
    rejected: Vec<HazardSummary>,
    #[serde(default, skip_serializing_if = "Docket::is_empty")]
    docket: Docket,
}

#[derive(Serialize, Deserialize)]
struct EvaluatorSnapshot {
    watermark: Option<i64>,
    covered_since: i64,
    fresh_from: Position,
    /// In the order in which the channels first spoke.
    channels: Vec<CellRecord>,
    /// What all rules were like. If they still are, those not named below are known not to hold and have
    /// nothing to remember: most of them.
    print: u64,
    /// By rule id: what the rule was like (a changed rule starts its delay anew) and its memory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rules: BTreeMap<String, (u64, Memory)>,
    /// Rules of which nothing is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
}

/// A channel's newest reading and sums, as short as is still readable: quantity, source time, reading, quality,
/// raw number, arrival and beginning relative to the source time, log position, sums.
#[derive(Serialize, Deserialize)]
struct CellRecord(
    Quantity,
    i64,
    Reading,
    Quality,
    RawRecord,
    i64,
    i64,
    Position,
    Option<(u32, u32, f64, f64, f64, f64)>,
);

/// The raw number: mostly the reading itself.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum RawRecord {
    Same(bool),
    Other(Option<f64>),
}

impl CellRecord {
    fn of(quantity: Quantity, cell: &Cell) -> Self {
        let Cell { latest, sums, .. } = cell;
        let raw = match latest.raw {
            Some(raw) if latest.reading.number() == Some(raw) => RawRecord::Same(true),
            raw => RawRecord::Other(raw),
        };
        let at = latest.at;
        let (delay, age) = (latest.received.since(at), at.since(latest.since));
        Self(
            quantity,
            at.0,
            latest.reading,
            latest.quality,
            raw,
            delay,
            age,
            latest.position,
            sums.record(),
        )
    }

    fn restore(self) -> (Quantity, Latest, Sums) {
        let Self(quantity, at, reading, quality, raw, delay, age, position, sums) = self;
        let raw = match raw {
            RawRecord::Same(_) => reading.number(),
            RawRecord::Other(raw) => raw,
        };
        let at = UtcMillis(at);
        let (received, since) = (at.saturating_add_ms(delay), at.saturating_sub_ms(age));
        let latest = Latest {
            reading,
            raw,
            quality,
            at,
            since,
            received,
            position,
        };
        (quantity, latest, Sums::restore(sums, at))
    }
}

#[derive(Serialize, Deserialize)]
struct SeedSnapshot {
    since: Option<UtcMillis>,
    evaluator: EvaluatorSnapshot,
}

#[derive(Serialize, Deserialize)]
struct LateSnapshot {
    received: UtcMillis,
    flush_at: Option<UtcMillis>,
    hole: Option<i64>,
    tripped: Vec<(String, i64)>,
    evaluator: EvaluatorSnapshot,
}

impl EvaluatorSnapshot {
    fn of(equipment: &Equipment, plan: &Plan, evaluator: &Evaluator) -> Self {
        let channels = evaluator.series.cells().iter().filter_map(|cell| {
            let channel = equipment.channels.get(usize::from(cell.channel.0))?;
            Some(CellRecord::of(channel.quantity, cell))
        });
        let prints = plan.prints(&equipment.rules);
        let mut snapshot = Self {
            watermark: evaluator.watermark,
            covered_since: evaluator.covered_since,
            fresh_from: evaluator.fresh_from,
            channels: channels.collect(),
            print: prints.last().copied().unwrap_or_default(),
            rules: BTreeMap::new(),
            unknown: Vec::new(),
        };
        for ((rule, memory), print) in equipment.rules.iter().zip(&evaluator.memories).zip(prints) {
            let id = String::from(&*rule.id);
            if *memory == Memory::default() {
                snapshot.unknown.push(id);
            } else if *memory != Memory::quiet() {
                snapshot.rules.insert(id, (*print, memory.clone()));
            }
        }
        snapshot
    }

    fn restore(mut self, equipment: &Equipment, plan: &Plan) -> Evaluator {
        let mut evaluator = Evaluator::new(equipment.channels.len(), equipment.rules.len());
        evaluator.watermark = self.watermark;
        evaluator.covered_since = self.covered_since;
        evaluator.fresh_from = self.fresh_from;
        let mut series = Series::new(equipment.channels.len());
        for (quantity, latest, sums) in self.channels.into_iter().map(CellRecord::restore) {
            if let Some(channel) = equipment.channel_of(quantity) {
                series.put(channel, latest, sums);
            }
        }
        evaluator.series = series;
        let prints = plan.prints(&equipment.rules);
        let unchanged = prints.last() == Some(&self.print);
        for (index, rule) in equipment.rules.iter().enumerate() {
            let (memory, known) = match self.rules.remove(&*rule.id) {
                Some((print, memory)) if print == prints[index] => (memory, true),
                // The alarm stays; whether the new condition holds is seen at the next occasion.
                Some((_, memory)) => (memory.for_changed_rule(), false),
                None if !unchanged => (Memory::default(), false),
                None if self.unknown.iter().any(|id| **id == *rule.id) => (Memory::default(), true),
                None => (Memory::quiet(), true),
            };
            evaluator.memories[index] = memory;
            if !known {
                evaluator.pending.insert(index);
            }
        }
        evaluator.resume(&equipment.rules);
        evaluator
    }
}

impl EquipmentState {
    /// Everything needed to go on after a restart, keyed by rule ids and quantities.
    #[must_use]
    pub fn snapshot(&self, equipment: &Equipment) -> serde_json::Value {
        let id = |index: &usize| equipment.rules.get(*index).map(|rule| String::from(&*rule.id));
        let rare = self.rare.clone().unwrap_or_default();
        let stories = equipment
            .rules
            .iter()
            .zip(self.stories.iter())
            .filter_map(|(rule, story)| {
                story
                    .as_ref()
                    .map(|story| (String::from(&*rule.id), Story::clone(story)))
            });
        let snapshot = Snapshot {
            link: self.link,
            last_heard: self.last_heard,
            listening_since: self.listening_since,
            first_word: self.first_word,
            broken: self.broken,
            live: EvaluatorSnapshot::of(equipment, &self.plan, &self.live),
            stories: stories.collect(),
            gaps: rare.gaps,
            holes: rare.holes,
            breaks: rare.breaks,
            seeds: rare
                .seeds
                .iter()
                .map(|seed| SeedSnapshot {
                    since: seed.since,
                    evaluator: EvaluatorSnapshot::of(equipment, &self.plan, &seed.evaluator),
                })
                .collect(),
            late: rare.late.map(|late| LateSnapshot {
                received: late.received,
                flush_at: late.flush_at,
                hole: late.hole,
                tripped: late
                    .tripped
                    .iter()
                    .filter_map(|(rule, at)| Some((id(rule)?, *at)))
                    .collect(),
                evaluator: EvaluatorSnapshot::of(equipment, &self.plan, &late.evaluator),
            }),
            rejected: Vec::new(),
            docket: rare.docket,
        };
        // String keys and finite numbers only: writing cannot fail.
        serde_json::to_value(snapshot).unwrap_or_default()
    }

    /// The state a snapshot describes, as far as it still fits the catalog.
    ///
    /// # Errors
    /// The value is no snapshot.
    pub fn restore(equipment: &Equipment, snapshot: serde_json::Value) -> Result<Self, RestoreError> {
        let plan = Arc::new(Plan::new(equipment, &Settings::default()));
        Self::restore_sharing(equipment, plan, snapshot)
    }

    /// Like [`Self::restore`], with the plan of this equipment's layout.
    ///
    /// # Errors
    /// The value is no snapshot.
    pub fn restore_sharing(
        equipment: &Equipment,
        plan: Arc<Plan>,
        snapshot: serde_json::Value,
    ) -> Result<Self, RestoreError> {
        let snapshot: Snapshot = serde_json::from_value(snapshot).map_err(|source| RestoreError::Json {
            equipment: equipment.id.clone(),
            source,
        })?;
        let index = |id: &String| equipment.rules.iter().position(|rule| *rule.id == **id);
        let mut state = Self::sharing(equipment, plan);
        state.link = snapshot.link;
        state.last_heard = snapshot.last_heard;
        state.listening_since = snapshot.listening_since;
        state.first_word = snapshot.first_word;
        state.broken = snapshot.broken;
        state.live = snapshot.live.restore(equipment, &state.plan);
        let mut docket = snapshot.docket;
        let mut old = snapshot.rejected;
        for (id, mut story) in snapshot.stories {
            old.extend(story.hazard.take());
            if let Some(index) = index(&id) {
                state.stories[index] = Some(Box::new(story));
            }
        }
        for hazard in old {
            docket.adopt(hazard, &state.plan.policy);
        }
        docket.plan(&state.plan.policy);
        let rare = Rare {
            gaps: snapshot.gaps,
            holes: snapshot.holes,
            breaks: snapshot.breaks,
            seeds: snapshot
                .seeds
                .into_iter()
                .map(|seed| Seed {
                    since: seed.since,
                    evaluator: seed.evaluator.restore(equipment, &state.plan),
                })
                .collect(),
            late: snapshot.late.map(|late| {
                Box::new(Late {
                    received: late.received,
                    flush_at: late.flush_at,
                    hole: late.hole,
                    tripped: late
                        .tripped
                        .iter()
                        .filter_map(|(id, at)| Some((index(id)?, *at)))
                        .collect(),
                    evaluator: late.evaluator.restore(equipment, &state.plan),
                })
            }),
            docket,
        };
        state.rare = (!rare.is_empty()).then(|| Box::new(rare));
        state.irregular = true;
        state.plan_deadline(equipment);
        Ok(state)
    }
}

impl Rare {
    fn is_empty(&self) -> bool {
        self.gaps.is_empty()
            && self.holes.is_empty()
            && self.breaks.is_empty()
            && self.seeds.is_empty()
            && self.late.is_none()
            && self.docket.is_empty()
    }
}
