//! What people do about alarms and hazards.

use super::EquipmentState;
use super::story::{Here, Note, Why};
use crate::alarm::{AlarmRecord, AlarmState};
use crate::catalog::Equipment;
use crate::hazard::HazardId;
use crate::hazard::docket::{Acting, Asked, unknown_hazard};
use crate::hazard::workflow::Step;
use crate::input::{Action, OperatorAction, Position};
use crate::output::{Outputs, Refusal};
use crate::pack::Severity;
use vigil_protocol::time::UtcMillis;

/// Nobody may shelve for longer.
const SHELVE_MAX_MS: i64 = 8 * 3_600_000;

fn refused(code: &'static str, message: impl Into<String>, message_zh: impl Into<String>) -> Refusal {
    Refusal::new(code, message, message_zh)
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
        let Some(acting) = Acting::of(action, position, now) else {
            return Err(refused(
                "actor_required",
                "an action needs the name of who takes it",
                "须注明办理人",
            ));
        };
        let (actor, reason) = (acting.actor(), acting.text);
        match &action.action {
            Action::ConfirmHazard { hazard } => self.step(hazard, None, &Step::Confirm, &acting, out)?,
            Action::RejectHazard { hazard } => self.step(hazard, None, &Step::Reject, &acting, out)?,
            Action::CommentHazard { hazard } => self.step(hazard, None, &Step::Comment, &acting, out)?,
            Action::Hazard { hazard, expect, step } => self.step(hazard, *expect, step, &acting, out)?,
            Action::OpenHazard { intake } => {
                let policy = self.plan.policy.clone();
                let rare = self.rare();
                rare.docket.report(&equipment.id, intake, &acting, &policy, out)?;
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
                        format!("规则 {rule} 的报警未被搁置"),
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
                        format!("规则 {rule} 的情形仍然存在"),
                    ));
                }
                if !flags.latched {
                    return Err(refused(
                        "not_latched",
                        format!("the alarm of rule {rule} is not latched"),
                        format!("规则 {rule} 的报警未锁存"),
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

    /// A step on one of the equipment's hazards.
    fn step(
        &mut self,
        hazard: &HazardId,
        expect: Option<u32>,
        step: &Step,
        acting: &Acting<'_>,
        out: &mut Outputs,
    ) -> Result<(), Refusal> {
        let (last_heard, policy) = (self.last_heard, self.plan.policy.clone());
        let Some(rare) = &mut self.rare else {
            return Err(unknown_hazard(hazard));
        };
        let asked = Asked { hazard, expect, step };
        rare.docket.act(asked, acting, last_heard, &policy, out)
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
                    format!("设备 {} 没有规则 {rule}", equipment.id),
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
                    format!("设备 {} 的规则 {rule} 没有报警", equipment.id),
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
            return Err(refused(
                "shelve_s1",
                format!("rule {rule} is S1: never shelved"),
                format!("规则 {rule} 为 S1 级，不得搁置"),
            ));
        }
        if until <= now {
            return Err(refused(
                "shelve_past",
                "the shelf would have ended already",
                "搁置截止时间已过",
            ));
        }
        if until.since(now) > SHELVE_MAX_MS {
            return Err(refused("shelve_too_long", "8 hours at most", "最多搁置 8 小时"));
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
