//! What people do about alarms and hazards.

use super::EquipmentState;
use super::story::{self, Here, Note, Why};
use crate::alarm::{AlarmRecord, AlarmState};
use crate::catalog::Equipment;
use crate::hazard::{Actor, HazardEventKind, HazardId, HazardStatus, HazardSummary, said};
use crate::input::{Action, OperatorAction, Position};
use crate::output::{Outputs, Refusal};
use crate::pack::Severity;
use vigil_protocol::time::UtcMillis;

/// Nobody may shelve for longer.
const SHELVE_MAX_MS: i64 = 8 * 3_600_000;

fn refused(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        message: message.into(),
    }
}

impl EquipmentState {
    /// A person acts on one of the equipment's alarms or hazards.
    ///
    /// # Errors
    /// Refused with a stable code and a reason; nothing has changed then.
    pub fn on_action(
        &mut self,
        equipment: &Equipment,
        action: &OperatorAction,
        position: Position,
        now: UtcMillis,
        out: &mut Outputs,
    ) -> Result<(), Refusal> {
        let here = Here { position, now };
        let Some(actor) = said(&action.actor) else {
            return Err(refused(
                "actor_required",
                "an action needs the name of who takes it",
            ));
        };
        let reason = action.reason.trim();
        match &action.action {
            Action::ConfirmHazard { hazard } => {
                let kind = HazardEventKind::Confirmed { text: reason.into() };
                self.decide(hazard, kind, actor, here, out)?;
            }
            Action::RejectHazard { hazard } => {
                if reason.is_empty() {
                    return Err(refused("reason_required", "a rejection (误报) needs a reason"));
                }
                let kind = HazardEventKind::Rejected { text: reason.into() };
                self.decide(hazard, kind, actor, here, out)?;
            }
            Action::CommentHazard { hazard } => {
                if reason.is_empty() {
                    return Err(refused("reason_required", "a comment needs a text"));
                }
                let hazard = self.hazard_mut(hazard)?;
                let kind = HazardEventKind::Commented { text: reason.into() };
                story::append(hazard, kind, Actor::Person(actor.into()), here, out);
            }
            Action::AcknowledgeAlarm { rule, .. } => {
                self.raised(equipment, rule)?;
                self.change(equipment, rule, here, (actor, reason), out, |alarm| {
                    alarm.flags.acknowledge()
                });
            }
            Action::ShelveAlarm { rule, until, .. } => {
                self.may_shelve(equipment, rule, *until, now)?;
                self.change(equipment, rule, here, (actor, reason), out, |alarm| {
                    alarm.flags.shelved_until = Some(*until);
                });
            }
            Action::UnshelveAlarm { rule, .. } => {
                let alarm = self.raised(equipment, rule)?;
                if alarm.flags.shelved_until.is_none() {
                    return Err(refused(
                        "alarm_unknown",
                        format!("the alarm of rule {rule} is not shelved"),
                    ));
                }
                self.change(equipment, rule, here, (actor, reason), out, |alarm| {
                    alarm.flags.shelved_until = None;
                });
            }
            Action::ResetAlarm { rule, .. } => {
                let flags = self.raised(equipment, rule)?.flags;
                if flags.active {
                    return Err(refused(
                        "still_active",
                        format!("the condition of rule {rule} still holds"),
                    ));
                }
                if !flags.latched {
                    return Err(refused(
                        "not_latched",
                        format!("the alarm of rule {rule} is not latched"),
                    ));
                }
                self.change(equipment, rule, here, (actor, reason), out, |alarm| {
                    alarm.flags.reset()
                });
            }
        }
        self.plan_deadline(equipment);
        Ok(())
    }

    /// Confirms or rejects, which only a suspected hazard allows.
    fn decide(
        &mut self,
        hazard: &HazardId,
        kind: HazardEventKind,
        actor: &str,
        here: Here,
        out: &mut Outputs,
    ) -> Result<(), Refusal> {
        let hazard = self.hazard_mut(hazard)?;
        if hazard.status != HazardStatus::Suspected {
            let status = if hazard.status == HazardStatus::Confirmed {
                "confirmed"
            } else {
                "rejected"
            };
            return Err(refused(
                "not_suspected",
                format!("hazard {} is {status} already", hazard.id.0),
            ));
        }
        story::append(hazard, kind, Actor::Person(actor.into()), here, out);
        Ok(())
    }

    fn hazard_mut(&mut self, id: &HazardId) -> Result<&mut HazardSummary, Refusal> {
        let current = self
            .stories
            .iter_mut()
            .flatten()
            .filter_map(|story| story.hazard.as_mut());
        let replaced = self.rare.iter_mut().flat_map(|rare| &mut rare.rejected);
        current
            .chain(replaced)
            .find(|hazard| hazard.id == *id)
            .ok_or_else(|| refused("unknown_hazard", format!("there is no hazard {}", id.0)))
    }

    fn rule_index(equipment: &Equipment, rule: &str) -> Result<usize, Refusal> {
        equipment
            .rules
            .iter()
            .position(|known| *known.id == *rule)
            .ok_or_else(|| {
                refused(
                    "alarm_unknown",
                    format!("equipment {} has no rule {rule}", equipment.id),
                )
            })
    }

    /// The alarm, if it is anything but normal.
    fn raised(&self, equipment: &Equipment, rule: &str) -> Result<&AlarmRecord, Refusal> {
        let index = Self::rule_index(equipment, rule)?;
        self.stories[index]
            .as_ref()
            .and_then(|story| story.alarm.as_ref())
            .filter(|alarm| alarm.state != AlarmState::Normal)
            .ok_or_else(|| {
                refused(
                    "alarm_unknown",
                    format!("rule {rule} has no alarm on {}", equipment.id),
                )
            })
    }

    fn may_shelve(
        &self,
        equipment: &Equipment,
        rule: &str,
        until: UtcMillis,
        now: UtcMillis,
    ) -> Result<(), Refusal> {
        let index = Self::rule_index(equipment, rule)?;
        let alarm = self.stories[index]
            .as_ref()
            .and_then(|story| story.alarm.as_ref());
        let severity = alarm.map_or(equipment.rules[index].severity, |alarm| alarm.severity);
        if severity == Severity::S1 {
            return Err(refused("shelve_s1", format!("rule {rule} is S1: never shelved")));
        }
        if until <= now {
            return Err(refused("shelve_past", "the shelf would have ended already"));
        }
        if until.since(now) > SHELVE_MAX_MS {
            return Err(refused("shelve_too_long", "8 hours at most"));
        }
        Ok(())
    }

    fn change(
        &mut self,
        equipment: &Equipment,
        rule: &str,
        here: Here,
        (actor, reason): (&str, &str),
        out: &mut Outputs,
        change: impl FnOnce(&mut AlarmRecord),
    ) {
        let Ok(index) = Self::rule_index(equipment, rule) else {
            return;
        };
        let (rule, note) = (&equipment.rules[index], Note::Person(actor, reason));
        self.story(index).change_alarm(
            equipment,
            rule,
            Why {
                here,
                source_at: here.now.0,
                note,
            },
            out,
            change,
        );
    }
}
