//! Words as they come: samples, heartbeats, births and deaths.

use super::evaluator::{Fact, What};
use super::plan::RuleSet;
use super::series::Taken;
use super::story::{self, Here, Note, Why};
use super::{EquipmentState, Link, Moment, codes, words};
use crate::alarm::AlarmState;
use crate::catalog::Equipment;
use crate::hazard::EvidenceReading;
use crate::hazard::docket::{Trip, Tripped};
use crate::input::Position;
use crate::output::{GapReason, Outputs};
use crate::pack::{Rule, RuleKind, Severity};
use crate::sample::{Reading, Sample};
use vigil_protocol::time::UtcMillis;

impl EquipmentState {
    /// The gateway listens from now on: silence of equipment never heard counts from here, and nobody is
    /// silent for the time in which the gateway itself was down. Call once for every piece of equipment
    /// when the pipeline handles its first input, and after a restore.
    pub fn on_start(&mut self, equipment: &Equipment, now: UtcMillis) {
        self.listening_since = Some(now);
        self.plan_deadline(equipment);
    }

    /// New readings. Samples that are historical, or not newer than what is known, are late: they never
    /// touch live state.
    pub fn on_samples(
        &mut self,
        equipment: &Equipment,
        moment: &Moment,
        samples: &[Sample],
        out: &mut Outputs,
    ) {
        codes::tell(equipment, &self.live.series, samples, out);
        // Not even a sign of life is what a dead device had said before.
        let seen = self.live.watermark.is_some_and(|seen| moment.published.0 <= seen);
        if moment.historical || (self.link == Link::Offline && seen) {
            self.on_late(equipment, moment, samples, out);
            return;
        }
        self.on_word(equipment, moment, out);
        // A node sends its readings in the order it took them; the rest is put in order first.
        if samples.is_sorted_by_key(|sample| sample.at) {
            self.take_live(equipment, moment, samples, false, out);
        } else {
            let mut sorted = samples.to_vec();
            sorted.sort_by_key(|sample| sample.at);
            self.take_live(equipment, moment, &sorted, false, out);
        }
    }

    /// The equipment was heard with nothing new: its values hold until `moment.published`. A heartbeat of
    /// its node does not wake a device that is dead.
    pub fn on_heard(&mut self, equipment: &Equipment, moment: &Moment, out: &mut Outputs) {
        if moment.historical || self.link != Link::Online {
            return;
        }
        self.on_word(equipment, moment, out);
        self.take_live(equipment, moment, &[], false, out);
    }

    /// Birth (`online`) or death of the node or device.
    pub fn on_link(&mut self, equipment: &Equipment, online: bool, moment: &Moment, out: &mut Outputs) {
        if online {
            if !moment.historical {
                self.on_word(equipment, moment, out);
                self.take_live(equipment, moment, &[], true, out);
            }
            return;
        }
        if self.link == Link::Offline {
            return;
        }
        self.take_seed();
        self.link = Link::Offline;
        self.broken = true;
        self.live.lose_sight(&equipment.rules);
        let from = self.live.watermark.map_or(moment.published, UtcMillis);
        self.open_gap(equipment, from, GapReason::Offline, out);
        self.look(
            equipment,
            Here {
                position: moment.position,
                now: moment.received,
            },
            out,
        );
        self.plan_deadline(equipment);
    }

    /// Words were lost, or its node began a new session and the end of the old one was not heard: what was known
    /// may have changed. Nothing counts until it is said again at or after `position`, and the time until the next
    /// word is a hole, however short.
    pub fn on_break(&mut self, equipment: &Equipment, position: Position) {
        if self.link != Link::Online || self.live.watermark.is_none() {
            return;
        }
        if !self.broken {
            self.take_seed();
            self.broken = true;
        }
        self.live.fresh_from = position;
        self.live.lose_sight(&equipment.rules);
        self.plan_deadline(equipment);
    }

    /// A live word has arrived, whatever it says.
    fn on_word(&mut self, equipment: &Equipment, moment: &Moment, out: &mut Outputs) {
        if self.link != Link::Online {
            if self.link == Link::Offline {
                self.live.fresh_from = moment.position;
            }
            self.link = Link::Online;
            self.irregular = true;
        }
        self.last_heard = Some(moment.received);
        self.listening_since.get_or_insert(moment.received);
        if let Some(rare) = &mut self.rare {
            rare.age_seeds(moment.received);
        }
        if self.irregular {
            self.end_silence(
                equipment,
                Here {
                    position: moment.position,
                    now: moment.received,
                },
                out,
            );
        }
    }

    /// `reborn`: the word is a birth, which ends a hole even if no time has passed.
    fn take_live(
        &mut self,
        equipment: &Equipment,
        moment: &Moment,
        samples: &[Sample],
        reborn: bool,
        out: &mut Outputs,
    ) {
        let here = Here {
            position: moment.position,
            now: moment.received,
        };
        let rules = &equipment.rules;
        let mut facts = Vec::new();
        let (mut sight, mut again) = (RuleSet::default(), RuleSet::default());
        let mut late = Vec::new();
        let mut rest = samples;
        let mut last = moment.published.0;
        let news = self
            .live
            .watermark
            .is_none_or(|seen| last > seen || (last == seen && !self.broken));
        while let Some(first) = rest.first() {
            let at = first.at;
            let same = rest.iter().take_while(|sample| sample.at == at).count();
            let (group, after) = rest.split_at(same);
            rest = after;
            last = last.max(at.0);
            self.move_to(equipment, at.0, false, here, &mut facts, out);
            let mut set = RuleSet::default();
            let fresh_from = self.live.fresh_from;
            for sample in group {
                let series = &mut self.live.series;
                let (position, received) = (moment.position, moment.received);
                match series.take(equipment, sample, position, received, fresh_from, out) {
                    // What has not changed can only matter to rules that count or measure over time.
                    Taken::Same => set.merge(self.plan.rules_of(sample.channel).and(self.plan.ageing)),
                    Taken::Changed { was_usable } => {
                        let usable =
                            sample.quality.is_usable() && !matches!(sample.reading, Reading::NoData(_));
                        if !usable || !was_usable {
                            self.note_quality(equipment, sample.channel, usable, sample.at, out);
                        }
                        set.merge(self.plan.rules_of(sample.channel));
                    }
                    Taken::NotNewer if self.confirm(sample, moment, news, &mut again) => {}
                    Taken::NotNewer => late.push(*sample),
                }
            }
            self.live.apply(rules, set, at.0, &mut facts);
            self.settle(equipment, here, &mut facts, out);
            sight.merge(set);
        }
        self.move_to(equipment, last, reborn, here, &mut facts, out);
        if news {
            self.live.refresh(rules, last, &mut facts);
            self.live.apply(rules, again, last, &mut facts);
            sight.merge(again);
        }
        self.settle(equipment, here, &mut facts, out);
        if !late.is_empty() {
            self.on_late(equipment, moment, &late, out);
        }
        if self.irregular || sight.meets(self.plan.sight) {
            self.look(equipment, here, out);
        }
        self.plan_next(equipment);
    }

    /// Whether a reading that is not newer is the very one that is known. In a message that brings news it has
    /// then been said again and holds as of now: `again` gets its rules if nobody knew that it had outlived a
    /// death. A message without news is a repeat.
    fn confirm(&mut self, sample: &Sample, moment: &Moment, news: bool, again: &mut RuleSet) -> bool {
        let fresh_from = self.live.fresh_from;
        let Some(known) = self.live.series.get_mut(sample.channel) else {
            return false;
        };
        if known.at != sample.at || known.reading != sample.reading || known.quality != sample.quality {
            return false;
        }
        if news {
            if known.position < fresh_from {
                known.since = moment.published;
                again.merge(self.plan.rules_of(sample.channel));
            }
            known.received = moment.received;
            known.position = moment.position;
        }
        true
    }

    /// Lets the live evaluator follow source time.
    fn move_to(
        &mut self,
        equipment: &Equipment,
        to: i64,
        reborn: bool,
        here: Here,
        facts: &mut Vec<Fact>,
        out: &mut Outputs,
    ) {
        let covered = match self.live.watermark {
            None => {
                self.first_word = Some(to);
                self.close_gap(to, out);
                true
            }
            Some(from) if to < from || (to == from && !(reborn && self.broken)) => return,
            Some(from) => {
                let covered = !self.broken && to - from <= self.plan.max_gap_ms;
                if !covered {
                    self.note_hole(equipment, from, to, out);
                }
                if self.irregular {
                    self.close_gap(to, out);
                }
                covered
            }
        };
        self.broken = false;
        self.live.advance(&equipment.rules, to, covered, facts);
        self.settle(equipment, here, facts, out);
    }

    /// Lets come what follows from the live evaluator's decisions.
    pub(super) fn settle(
        &mut self,
        equipment: &Equipment,
        here: Here,
        facts: &mut Vec<Fact>,
        out: &mut Outputs,
    ) {
        for fact in facts.drain(..) {
            self.on_fact(equipment, fact, here, out);
        }
    }

    pub(super) fn on_fact(&mut self, equipment: &Equipment, fact: Fact, here: Here, out: &mut Outputs) {
        let Fact {
            rule: index,
            at,
            what,
        } = fact;
        let rule = &equipment.rules[index];
        match what {
            What::Tripped { onset } => self.on_trip(equipment, index, onset, at, here, out),
            What::Masked { onset } => {
                let detail = words::detail(equipment, rule, &self.live);
                let story = self.story(index);
                story.begin_episode(onset);
                story.change_alarm(
                    equipment,
                    rule,
                    Why {
                        here,
                        source_at: at,
                        note: Note::Record,
                    },
                    out,
                    |alarm| {
                        alarm.flags.suppressed = true;
                        alarm.detail = detail;
                        alarm.since = UtcMillis(onset);
                    },
                );
            }
            What::Cleared => {
                let evidence = story::evidence(equipment, rule, index, &self.live);
                let detail = match rule.kind {
                    RuleKind::Silence { .. } => String::from("heard again"),
                    RuleKind::Quality { .. } => String::from("readable again"),
                    _ => words::detail(equipment, rule, &self.live),
                };
                self.story(index).end_episode(at);
                self.tell_return(rule, UtcMillis(at), evidence, here, out);
                self.story(index).change_alarm(
                    equipment,
                    rule,
                    Why {
                        here,
                        source_at: at,
                        note: Note::Words(detail),
                    },
                    out,
                    |alarm| {
                        alarm.flags.clear(rule.latched);
                    },
                );
            }
            What::Unmasked => self.story(index).end_episode(at),
            What::Suppressed => {
                let raised = self.stories[index]
                    .as_ref()
                    .and_then(|story| story.alarm.as_ref());
                if raised.is_some_and(|alarm| alarm.state != AlarmState::Normal) {
                    let note = Note::Words("suppressed by design".into());
                    self.story(index).change_alarm(
                        equipment,
                        rule,
                        Why {
                            here,
                            source_at: at,
                            note,
                        },
                        out,
                        |alarm| {
                            alarm.flags.suppressed = true;
                        },
                    );
                }
            }
            What::Unsuppressed => {
                if self.stories[index]
                    .as_ref()
                    .is_some_and(|story| story.alarm.is_some())
                {
                    let active = self.live.memories[index].active;
                    let note = Note::Words("suppression has ended".into());
                    let story = self.story(index);
                    if !active {
                        story.end_episode(at);
                    }
                    story.change_alarm(
                        equipment,
                        rule,
                        Why {
                            here,
                            source_at: at,
                            note,
                        },
                        out,
                        |alarm| {
                            alarm.flags.suppressed = false;
                        },
                    );
                }
            }
        }
        self.irregular = true;
    }

    fn on_trip(
        &mut self,
        equipment: &Equipment,
        index: usize,
        onset: i64,
        at: i64,
        here: Here,
        out: &mut Outputs,
    ) {
        let rule = &equipment.rules[index];
        let severity = story::severity_now(rule, &self.live);
        let detail = words::detail(equipment, rule, &self.live);
        let grade = story::grade(rule);
        let evidence = grade
            .map(|_| story::evidence(equipment, rule, index, &self.live))
            .unwrap_or_default();
        self.story(index).begin_episode(onset);
        if let Some(grade) = grade {
            let trip = Trip {
                onset,
                at,
                late: false,
                severity,
                grade,
            };
            self.tell_trip(equipment, rule, trip, evidence, here, out);
        }
        let docket = self.rare.as_ref().map(|rare| &rare.docket);
        let hazard = docket
            .and_then(|docket| docket.open_of(&rule.id))
            .map(|hazard| hazard.id.as_arc().clone());
        self.story(index).change_alarm(
            equipment,
            rule,
            Why {
                here,
                source_at: at,
                note: Note::Record,
            },
            out,
            |alarm| {
                alarm.flags.raise();
                if severity == Severity::S1 {
                    // What must never be shelved comes off the shelf.
                    alarm.flags.shelved_until = None;
                }
                alarm.severity = severity;
                alarm.since = UtcMillis(onset);
                alarm.count += 1;
                alarm.hazard = hazard;
                alarm.detail = detail;
            },
        );
    }

    /// The docket hears of a trip.
    pub(super) fn tell_trip(
        &mut self,
        equipment: &Equipment,
        rule: &Rule,
        trip: Trip,
        evidence: Vec<EvidenceReading>,
        here: Here,
        out: &mut Outputs,
    ) {
        let policy = self.plan.policy.clone();
        let cite = || story::cite(rule);
        let docket = &mut self.rare().docket;
        let tripped = Tripped {
            equipment: &equipment.id,
            rule: &rule.id,
            trip,
            evidence,
        };
        docket.on_trip(tripped, cite, &here.machine(), &policy, out);
    }

    /// The docket hears that a condition went.
    pub(super) fn tell_return(
        &mut self,
        rule: &Rule,
        at: UtcMillis,
        evidence: Vec<EvidenceReading>,
        here: Here,
        out: &mut Outputs,
    ) {
        if let Some(rare) = &mut self.rare {
            rare.docket
                .on_return(&rule.id, at, evidence, &here.machine(), out);
        }
    }

    /// Rules driven by arrival time are looked at again.
    pub(super) fn look(&mut self, equipment: &Equipment, here: Here, out: &mut Outputs) {
        let mut facts = Vec::new();
        for index in self.plan.sight.iter(equipment.rules.len()) {
            if matches!(equipment.rules[index].kind, RuleKind::Quality { .. }) {
                self.look_at_quality(equipment, index, here.now, &mut facts);
            }
        }
        self.settle(equipment, here, &mut facts, out);
        self.irregular = true;
    }
}
