//! Arrival time: silence, quality, gaps, shelves, and the one deadline that stands for all of them.

use super::evaluator::{Fact, What};
use super::story::{Here, Note, Why};
use super::{EquipmentState, Link};
use crate::catalog::Equipment;
use crate::input::Position;
use crate::output::{GapReason, Outputs};
use crate::pack::{Rule, RuleKind, Truth};
use crate::rules;
use vigil_protocol::time::UtcMillis;

impl EquipmentState {
    /// Silence counts from here.
    fn quiet_since(&self) -> Option<UtcMillis> {
        self.last_heard.max(self.listening_since)
    }

    /// Does everything due at or before `due`, each thing at its own time.
    pub fn on_due(&mut self, equipment: &Equipment, due: UtcMillis, position: Position, out: &mut Outputs) {
        while let Some(now) = self.deadline.filter(|deadline| *deadline <= due) {
            self.fire(equipment, Here { position, now }, out);
            self.plan_deadline(equipment);
            if self.deadline == Some(now) {
                // Everything due then has been done; what still says so must wait.
                self.deadline = Some(now.saturating_add_ms(1));
            }
        }
    }

    fn fire(&mut self, equipment: &Equipment, here: Here, out: &mut Outputs) {
        let now = here.now;
        self.irregular = true;
        if let Some(base) = self.quiet_since() {
            if self.gap_due().is_some_and(|due| due <= now)
                && let Some(from) = self.live.watermark
            {
                self.open_gap(equipment, UtcMillis(from), GapReason::Silent, out);
            }
            self.begin_silence(equipment, base, here, out);
        }
        self.look(equipment, here, out);
        self.unshelve_due(equipment, here, out);
        self.late_due(equipment, here, out);
        if let Some(rare) = &mut self.rare {
            rare.docket
                .on_due(here.now, here.position, &self.plan.policy, out);
        }
    }

    /// When the whole equipment counts as out of sight.
    fn gap_due(&self) -> Option<UtcMillis> {
        let heard = self.last_heard.is_some() && self.link != Link::Offline && !self.has_open_gap();
        self.quiet_since()
            .filter(|_| heard)
            .map(|base| base.saturating_add_ms(self.plan.max_gap_ms + 1))
    }

    fn is_suppressed(&self, rule: &Rule) -> bool {
        let values = self.live.values();
        rule.suppress_when
            .as_ref()
            .is_some_and(|condition| rules::evaluate(condition, values) == Truth::True)
    }

    fn begin_silence(&mut self, equipment: &Equipment, base: UtcMillis, here: Here, out: &mut Outputs) {
        for index in self.plan.clone().sight.iter(equipment.rules.len()) {
            let rule = &equipment.rules[index];
            let RuleKind::Silence { after_ms } = rule.kind else {
                continue;
            };
            let due = rules::silence_due(base, after_ms, rule.on_delay_ms);
            if due > here.now || self.live.memories[index].truth == Truth::True {
                continue;
            }
            let suppressed = self.is_suppressed(rule);
            let memory = &mut self.live.memories[index];
            memory.truth = Truth::True;
            (memory.suppressed, memory.masked) = (suppressed, suppressed);
            // Silence that goes on through a restart has been told already.
            if memory.active {
                continue;
            }
            memory.active = !suppressed;
            let what = match suppressed {
                true => What::Masked { onset: base.0 },
                false => What::Tripped { onset: base.0 },
            };
            self.on_fact(
                equipment,
                Fact {
                    rule: index,
                    at: due.0,
                    what,
                },
                here,
                out,
            );
        }
    }

    /// A word has arrived.
    pub(super) fn end_silence(&mut self, equipment: &Equipment, here: Here, out: &mut Outputs) {
        for index in self.plan.clone().sight.iter(equipment.rules.len()) {
            let memory = &mut self.live.memories[index];
            let silent = matches!(equipment.rules[index].kind, RuleKind::Silence { .. });
            if !silent || memory.truth != Truth::True && !memory.active {
                continue;
            }
            memory.truth = Truth::False;
            let (was_active, was_suppressed) = (memory.active, memory.suppressed);
            (memory.active, memory.suppressed, memory.masked) = (false, false, false);
            let at = here.now.0;
            if was_suppressed {
                self.on_fact(
                    equipment,
                    Fact {
                        rule: index,
                        at,
                        what: What::Unsuppressed,
                    },
                    here,
                    out,
                );
            }
            if was_active {
                self.on_fact(
                    equipment,
                    Fact {
                        rule: index,
                        at,
                        what: What::Cleared,
                    },
                    here,
                    out,
                );
            }
        }
    }

    pub(super) fn look_at_quality(
        &mut self,
        equipment: &Equipment,
        index: usize,
        now: UtcMillis,
        facts: &mut Vec<Fact>,
    ) {
        let rule = &equipment.rules[index];
        let RuleKind::Quality { channels } = &rule.kind else {
            return;
        };
        let base = self.quiet_since();
        let stale = |channel: crate::sample::ChannelIx| {
            let after = equipment.channels.get(usize::from(channel.0));
            let after = after.map(|channel| self.plan.stale_after_ms(channel));
            base.zip(after)
                .is_some_and(|(base, after)| now.since(base) >= after)
        };
        let truth = match self.link {
            // Silence rules and the gap speak for a dead node.
            Link::Offline => Truth::Unknown,
            _ => rules::quality_truth(channels, self.live.values(), stale).0,
        };
        let suppressed = self.is_suppressed(rule);
        let memory = &mut self.live.memories[index];
        let was_suppressed = std::mem::replace(&mut memory.suppressed, suppressed);
        if suppressed && !was_suppressed {
            facts.push(Fact {
                rule: index,
                at: now.0,
                what: What::Suppressed,
            });
        }
        if truth == Truth::Unknown {
            memory.truth = truth;
            memory.rest();
        } else if let Some(step) = memory
            .set(rule, truth, now.0, 0)
            .or_else(|| memory.until(rule, now.0))
        {
            facts.push(Fact::of(index, step, memory));
        }
        if was_suppressed && !suppressed {
            facts.push(Fact {
                rule: index,
                at: now.0,
                what: What::Unsuppressed,
            });
            if let Some(step) = memory.unsuppress(rule, now.0, 0) {
                facts.push(Fact::of(index, step, memory));
            }
        }
    }

    fn unshelve_due(&mut self, equipment: &Equipment, here: Here, out: &mut Outputs) {
        for (index, rule) in equipment.rules.iter().enumerate() {
            let Some(story) = self.stories.get_mut(index) else {
                continue;
            };
            let shelved = story.alarm.as_ref().and_then(|alarm| alarm.flags.shelved_until);
            if shelved.is_some_and(|until| until <= here.now) {
                let note = Note::Words("shelving has expired".into());
                story.change_alarm(
                    equipment,
                    rule,
                    Why {
                        here,
                        source_at: here.now.0,
                        note,
                    },
                    out,
                    |alarm| {
                        alarm.flags.shelved_until = None;
                    },
                );
            }
        }
    }

    /// After a word: usually only the silence starts anew.
    pub(super) fn plan_next(&mut self, equipment: &Equipment) {
        if self.irregular {
            self.plan_deadline(equipment);
        } else {
            self.deadline = self
                .quiet_since()
                .map(|base| base.saturating_add_ms(self.plan.quiet_ms));
            let hazards = self.rare.as_ref().and_then(|rare| rare.docket.next());
            self.deadline = match (self.deadline, hazards) {
                (Some(quiet), Some(hazards)) => Some(quiet.min(hazards)),
                (quiet, hazards) => quiet.or(hazards),
            };
        }
    }

    /// Looks for the next deadline everywhere, and whether anything is out of the ordinary.
    pub(super) fn plan_deadline(&mut self, equipment: &Equipment) {
        let base = self.quiet_since();
        let mut next: Option<UtcMillis> = self.gap_due();
        let mut irregular = self.broken || self.link == Link::Offline || self.has_open_gap();
        let mut earlier = |due: Option<UtcMillis>| {
            next = match (next, due) {
                (Some(next), Some(due)) => Some(next.min(due)),
                (next, due) => next.or(due),
            };
        };
        for index in self.plan.sight.iter(equipment.rules.len()) {
            let (rule, memory) = (&equipment.rules[index], &self.live.memories[index]);
            match &rule.kind {
                RuleKind::Silence { after_ms } => {
                    irregular |= memory.truth == Truth::True || memory.active;
                    if memory.truth != Truth::True {
                        earlier(base.map(|base| rules::silence_due(base, *after_ms, rule.on_delay_ms)));
                    }
                }
                RuleKind::Quality { channels } if self.link != Link::Offline => {
                    irregular |= memory.truth == Truth::True || memory.active || memory.suppressed;
                    if memory.is_counting() {
                        let delay = if memory.active {
                            rule.off_delay_ms
                        } else {
                            rule.on_delay_ms
                        };
                        earlier(
                            memory
                                .onset()
                                .map(|onset| UtcMillis(onset).saturating_add_ms(delay)),
                        );
                    }
                    if memory.truth != Truth::True {
                        let known = channels
                            .iter()
                            .filter(|channel| self.live.series.get(**channel).is_some());
                        let after = known
                            .filter_map(|channel| equipment.channels.get(usize::from(channel.0)))
                            .map(|channel| self.plan.stale_after_ms(channel))
                            .min();
                        earlier(base.zip(after).map(|(base, after)| base.saturating_add_ms(after)));
                    }
                }
                _ => {}
            }
        }
        for story in self.stories.iter().flatten() {
            let shelved = story.alarm.as_ref().and_then(|alarm| alarm.flags.shelved_until);
            irregular |= shelved.is_some();
            earlier(shelved);
        }
        if let Some(rare) = &self.rare {
            let late = rare.late_due();
            irregular |= late.is_some();
            earlier(late);
            earlier(rare.docket.next());
        }
        self.irregular = irregular;
        self.deadline = next;
    }
}
