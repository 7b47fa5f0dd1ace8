//! Data from after the event: back-filled from a node's journal, or overtaken by newer readings.
//!
//! A second evaluator goes over it, from what was known before the hole it fills. It counts only time
//! that live words did not cover (the rest has been judged), so it finds what was missed and nothing
//! twice. It opens hazards, marked as late; it never touches an alarm.
//!
//! What it knows holds within one hole: between words that were heard, a late reading is judged by itself.
//! A delay that begins in a hole and ends after it is counted on by the live rule, once all of the hole has been
//! told: the live rule itself begins anew with the first word after the hole.

use super::evaluator::{Evaluator, Fact, What};
use super::gaps::KEPT;
use super::plan::RuleSet;
use super::series::{Cell, Sums, Values};
use super::story::{self, Here};
use super::{EquipmentState, Moment, Rare};
use crate::catalog::Equipment;
use crate::hazard::docket::Trip;
use crate::output::Outputs;
use crate::pack::{RuleKind, Truth};
use crate::rules;
use crate::sample::Sample;
use vigil_protocol::time::UtcMillis;

/// The late evaluator goes this long (arrival time) after its last sample …
const KEEP_MS: i64 = 600_000;
/// … and writes its sums and the filling of gaps this long after its first unwritten one.
const FLUSH_MS: i64 = 10_000;
/// What was known before a hole is kept this long (arrival time) after the words came back.
const SEED_MS: i64 = 3_600_000;

/// What was known before a hole.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    pub(crate) evaluator: Evaluator,
    /// Arrival of the first word after the hole.
    pub(crate) since: Option<UtcMillis>,
}

/// The second evaluator.
#[derive(Clone, Debug)]
pub(crate) struct Late {
    pub(crate) evaluator: Evaluator,
    /// Start of the hole it fills. What it knows holds there only: `None` is for a single moment between
    /// words that were heard.
    pub(crate) hole: Option<i64>,
    /// Arrival of the last sample.
    pub(crate) received: UtcMillis,
    /// When unwritten sums are written.
    pub(crate) flush_at: Option<UtcMillis>,
    /// Rules that tripped in it and have not cleared, and when.
    pub(crate) tripped: Vec<(usize, i64)>,
}

impl Rare {
    pub(super) fn late_due(&self) -> Option<UtcMillis> {
        self.late.as_ref().map(|late| {
            let end = late.received.saturating_add_ms(KEEP_MS);
            late.flush_at.map_or(end, |flush| flush.min(end))
        })
    }

    /// Lets go of what was known before a hole, once nothing can be expected to fill it.
    pub(super) fn age_seeds(&mut self, now: UtcMillis) {
        let busy = self.late.is_some();
        self.seeds.retain_mut(|seed| {
            let since = *seed.since.get_or_insert(now);
            busy || now.since(since) < SEED_MS
        });
    }
}

impl EquipmentState {
    /// Remembers what is known now: a hole begins.
    pub(super) fn take_seed(&mut self) {
        // In a hole already: what was known before it is kept.
        let kept = |rare: &Rare| {
            rare.seeds
                .last()
                .is_some_and(|seed| seed.evaluator.watermark == self.live.watermark)
        };
        if self.live.series.is_empty() || (self.broken && self.rare.as_deref().is_some_and(kept)) {
            return;
        }
        let mut evaluator = self.live.clone();
        evaluator.series.forget_sums();
        // Nobody knows how long what was masked went on.
        let at = evaluator.watermark.unwrap_or(i64::MIN);
        for index in 0..self.stories.len() {
            if self.live.memories[index].masked {
                self.live.memories[index].unmask();
                self.story(index).end_episode(at);
            }
        }
        let seeds = &mut self.rare().seeds;
        if seeds.len() == KEPT {
            seeds.remove(0);
        }
        seeds.push(Seed {
            evaluator,
            since: None,
        });
    }

    /// What was known before the late reading at source time `at` may have changed: its node was powered up, or
    /// something journaled before it is missing.
    pub fn on_late_break(&mut self, at: UtcMillis) {
        let breaks = &mut self.rare().breaks;
        if breaks.contains(&at.0) {
            return;
        }
        if breaks.len() == KEPT {
            breaks.remove(0);
        }
        breaks.push(at.0);
    }

    pub(super) fn on_late(
        &mut self,
        equipment: &Equipment,
        moment: &Moment,
        samples: &[Sample],
        out: &mut Outputs,
    ) {
        let here = Here {
            position: moment.position,
            now: moment.received,
        };
        let mut sorted = samples.to_vec();
        sorted.sort_by_key(|sample| sample.at);
        let mut rest = sorted.as_slice();
        while let Some(first) = rest.first() {
            let at = first.at;
            let same = rest.iter().take_while(|sample| sample.at == at).count();
            let (group, after) = rest.split_at(same);
            rest = after;
            self.late_group(equipment, at.0, group, here, out);
        }
        // When a message was sent again says nothing about what held meanwhile: its readings' times do.
        if let Some(late) = self.rare().late.as_mut() {
            late.received = moment.received;
            late.flush_at
                .get_or_insert(moment.received.saturating_add_ms(FLUSH_MS));
        }
        self.irregular = true;
        self.plan_deadline(equipment);
    }

    /// Start of the stretch without live words that source time `at` lies in.
    fn hole_of(&self, at: i64) -> Option<i64> {
        if self.first_word.is_none_or(|first| at < first) {
            return Some(i64::MIN);
        }
        // Since the last word of a node that is gone everything is a hole still.
        let open = self
            .live
            .watermark
            .filter(|since| self.has_open_gap() && *since < at);
        open.or_else(|| {
            let rare = self.rare.as_ref()?;
            rare.holes
                .iter()
                .find(|(from, to)| *from < at && at < *to)
                .map(|(from, _)| *from)
        })
    }

    fn late_group(
        &mut self,
        equipment: &Equipment,
        at: i64,
        group: &[Sample],
        here: Here,
        out: &mut Outputs,
    ) {
        let hole = self.hole_of(at);
        let goes_on = self
            .rare
            .as_ref()
            .and_then(|rare| rare.late.as_ref())
            .is_some_and(|late| {
                let reached = late.evaluator.watermark;
                reached == Some(at)
                    || (hole.is_some() && late.hole == hole && reached.is_some_and(|reached| reached < at))
            });
        if !goes_on {
            self.late_restart(equipment, at, hole, here, out);
        }
        self.late_move(equipment, at, here, out);
        let Some(late) = self.rare.as_mut().and_then(|rare| rare.late.as_mut()) else {
            return;
        };
        let mut set = RuleSet::default();
        for sample in group {
            late.evaluator
                .series
                .record(equipment, sample, here.position, here.now, out);
            set.merge(self.plan.rules_of(sample.channel));
        }
        let mut facts = Vec::new();
        late.evaluator.apply(&equipment.rules, set, at, &mut facts);
        self.late_settle(equipment, &facts, here, out);
    }

    /// Follows source time; only what live words left out counts.
    fn late_move(&mut self, equipment: &Equipment, to: i64, here: Here, out: &mut Outputs) {
        let max_gap_ms = self.plan.max_gap_ms;
        let mut facts = Vec::new();
        let Some(rare) = self.rare.as_mut() else { return };
        rare.fill(to, out);
        let Some(mut late) = rare.late.take() else { return };
        if let Some(from) = late.evaluator.watermark.filter(|from| *from < to) {
            let torn = rare.breaks.iter().any(|at| from < *at && *at <= to);
            if torn {
                // What holds since must be said since.
                late.evaluator.fresh_from = here.position;
                late.evaluator.lose_sight(&equipment.rules);
            }
            let covered = late.hole.is_some() && !torn && to - from <= max_gap_ms;
            late.evaluator.advance(&equipment.rules, to, covered, &mut facts);
        } else if late.evaluator.watermark.is_none() {
            late.evaluator.advance(&equipment.rules, to, false, &mut facts);
        }
        rare.late = Some(late);
        self.late_settle(equipment, &facts, here, out);
    }

    /// Starts over before `at`: from what was known before the hole, or from nothing.
    fn late_restart(
        &mut self,
        equipment: &Equipment,
        at: i64,
        hole: Option<i64>,
        here: Here,
        out: &mut Outputs,
    ) {
        let before = self.late_end(equipment, here, out);
        // What was known before the hole holds in that hole, not later.
        let mut seeds = self.rare.iter().flat_map(|rare| rare.seeds.iter().rev());
        let seed = seeds.find(|seed| seed.evaluator.watermark.is_some() && seed.evaluator.watermark == hole);
        let continued = seed.is_some();
        let mut evaluator = match seed {
            Some(seed) => seed.evaluator.clone(),
            None => Evaluator::new(equipment.channels.len(), equipment.rules.len()),
        };
        // A live reading that has been the same since before held then, too.
        let confirmed = |cell: &&Cell| cell.latest.position >= self.live.fresh_from;
        for cell in self.live.series.cells().iter().filter(confirmed) {
            let older = evaluator
                .series
                .get(cell.channel)
                .is_none_or(|known| known.at < cell.latest.since);
            if cell.latest.since.0 <= at && older {
                let latest = super::Latest {
                    at: cell.latest.since,
                    ..cell.latest
                };
                evaluator.series.put(cell.channel, latest, Sums::default());
            }
        }
        let values = Values {
            series: &evaluator.series,
            fresh_from: evaluator.fresh_from,
        };
        for (index, memory) in evaluator.memories.iter_mut().enumerate() {
            let counts = match &equipment.rules[index].kind {
                RuleKind::Code {
                    channel, count: 2.., ..
                }
                | RuleKind::Count { channel, .. } => Some(channel),
                _ => None,
            };
            if let Some(channel) = counts.filter(|_| !continued && hole != Some(i64::MIN)) {
                memory.recall_said(values.said(*channel));
            }
            memory.recall_reports(&self.live.memories[index], at);
            if let Some(before) = &before {
                memory.recall_reports(&before.evaluator.memories[index], at);
            }
        }
        self.rare().late = Some(Box::new(Late {
            evaluator,
            hole,
            received: here.now,
            flush_at: None,
            tripped: Vec::new(),
        }));
    }

    fn late_settle(&mut self, equipment: &Equipment, facts: &[Fact], here: Here, out: &mut Outputs) {
        for fact in facts {
            let (index, rule) = (fact.rule, &equipment.rules[fact.rule]);
            match fact.what {
                What::Tripped { onset } => self.late_trip(equipment, index, onset, fact.at, here, out),
                What::Cleared => {
                    let Some(rare) = self.rare.as_mut() else { continue };
                    let Some(late) = rare.late.as_mut() else { continue };
                    let evidence = story::evidence(equipment, rule, index, &late.evaluator);
                    if let Some(position) = late.tripped.iter().position(|(tripped, _)| *tripped == index) {
                        late.tripped.swap_remove(position);
                        self.late_return(equipment, index, fact.at, evidence, here, out);
                    }
                }
                What::Masked { .. } | What::Unmasked | What::Suppressed | What::Unsuppressed => {}
            }
        }
    }

    fn late_trip(
        &mut self,
        equipment: &Equipment,
        index: usize,
        onset: i64,
        at: i64,
        here: Here,
        out: &mut Outputs,
    ) {
        let rule = &equipment.rules[index];
        let known = self.stories[index]
            .as_ref()
            .is_some_and(|story| story.knows(onset, at));
        let (Some(grade), false) = (story::grade(rule), known) else {
            return;
        };
        let Some(late) = self.rare.as_mut().and_then(|rare| rare.late.as_mut()) else {
            return;
        };
        late.tripped.push((index, at));
        let severity = story::severity_now(rule, &late.evaluator);
        let evidence = story::evidence(equipment, rule, index, &late.evaluator);
        let live_active = self.live.memories[index].active;
        self.story(index).add_late_episode(onset, at, live_active);
        let trip = Trip {
            onset,
            at,
            late: true,
            severity,
            grade,
        };
        self.tell_trip(equipment, rule, trip, evidence, here, out);
    }

    /// A late trip is over. While the condition holds live, it has not returned.
    fn late_return(
        &mut self,
        equipment: &Equipment,
        index: usize,
        at: i64,
        evidence: Vec<crate::hazard::EvidenceReading>,
        here: Here,
        out: &mut Outputs,
    ) {
        let live_active = self.live.memories[index].active;
        self.story(index).end_late_episode(at);
        if !live_active {
            self.tell_return(&equipment.rules[index], UtcMillis(at), evidence, here, out);
        }
    }

    /// The node's journal has been told without a hole up to its last live word. Delays that still ran at the end of
    /// the hole that was filled are counted on by the live rules, if those have counted since.
    pub fn on_filled(&mut self, equipment: &Equipment, moment: &Moment, out: &mut Outputs) {
        let Some(hole) = self.rare.as_ref().and_then(|rare| Some(rare.late.as_ref()?.hole)) else {
            return;
        };
        // Only the last hole meets the live words: after another one they began anew.
        let to = match hole {
            Some(i64::MIN) => self.first_word,
            Some(from) => self.rare.as_ref().and_then(|rare| {
                let found = rare.holes.iter().rev().find(|(start, _)| *start == from);
                found.map(|(_, to)| *to)
            }),
            None => None,
        };
        let Some(to) = to.filter(|to| !self.broken && self.live.covered_since == *to) else {
            return;
        };
        let here = Here {
            position: moment.position,
            now: moment.received,
        };
        let mut facts = Vec::new();
        if let Some(rare) = self.rare.as_mut()
            && let Some(late) = rare.late.as_mut()
            && let Some(told_to) = late.evaluator.watermark.filter(|told_to| *told_to <= to)
        {
            let seed = hole.and_then(|hole| {
                let mut seeds = rare.seeds.iter().rev().map(|seed| &seed.evaluator);
                seeds.find(|seed| seed.watermark == Some(hole))
            });
            for (index, rule) in equipment.rules.iter().enumerate() {
                let told = &mut late.evaluator.memories[index];
                if rules::is_about_sight(&rule.kind) || told.active || !told.is_counting() {
                    continue;
                }
                let before = seed.map(|seed| &seed.memories[index]);
                // What is between the last late word and the first live one is a hole again.
                if !told.outlast(to - told_to) {
                    self.live.take_over(rule, index, (told, before), to, &mut facts);
                }
                told.rest();
            }
        }
        self.settle(equipment, here, &mut facts, out);
        self.plan_deadline(equipment);
    }

    /// The late evaluator goes. What it left tripped has returned if a live reading says so.
    fn late_end(&mut self, equipment: &Equipment, here: Here, out: &mut Outputs) -> Option<Box<Late>> {
        let rare = self.rare.as_mut()?;
        let mut late = rare.late.take()?;
        late.evaluator.series.flush(equipment, out);
        rare.write_fills(out);
        for (index, tripped_at) in std::mem::take(&mut late.tripped) {
            let rule = &equipment.rules[index];
            if self.live.memories[index].truth != Truth::False {
                continue;
            }
            let normal = rules::beginning(rule, self.live.values());
            let at = normal.map_or(tripped_at, |(_, latest)| latest.at.0.max(tripped_at));
            let evidence = story::evidence(equipment, rule, index, &self.live);
            self.late_return(equipment, index, at, evidence, here, out);
        }
        Some(late)
    }

    pub(super) fn late_due(&mut self, equipment: &Equipment, here: Here, out: &mut Outputs) {
        let Some(rare) = self.rare.as_mut() else { return };
        let Some(late) = rare.late.as_mut() else { return };
        if late.received.saturating_add_ms(KEEP_MS) <= here.now {
            self.late_end(equipment, here, out);
        } else if late.flush_at.is_some_and(|flush| flush <= here.now) {
            late.flush_at = None;
            late.evaluator.series.flush(equipment, out);
            rare.write_fills(out);
        }
    }
}
