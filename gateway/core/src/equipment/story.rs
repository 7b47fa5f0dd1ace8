//! What has come of a rule: its alarm, its hazard, and the episodes already accounted for.

use super::evaluator::Evaluator;
use crate::alarm::{AlarmClass, AlarmEvent, AlarmFlags, AlarmRecord, AlarmState};
use crate::catalog::Equipment;
use crate::hazard::{By, EvidenceReading, HazardSummary, RuleCitation};
use crate::input::Position;
use crate::output::{Output, Outputs};
use crate::pack::{Grade, Opens, Rule, Severity, Truth};
use crate::rules;
use serde::{Deserialize, Serialize};
use vigil_protocol::time::UtcMillis;

/// Episodes remembered per rule, so that late data cannot tell them a second time.
const EPISODES: usize = 16;

/// Where a decision is made: log position and arrival time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here {
    pub(crate) position: Position,
    pub(crate) now: UtcMillis,
}

impl Here {
    /// The rule engine acts.
    pub(crate) const fn machine(self) -> By {
        By::machine(self.position, self.now)
    }
}

/// From the begin of the condition to the end of its alarm; open while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Episode(pub(crate) i64, pub(crate) Option<i64>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Story {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alarm: Option<AlarmRecord>,
    /// Where snapshots of before there was a docket have the open one, or the last rejected one.
    #[serde(skip_serializing)]
    pub(crate) hazard: Option<HazardSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) episodes: Vec<Episode>,
}

impl Story {
    pub(crate) fn begin_episode(&mut self, onset: i64) {
        self.end_episode(onset);
        if self.episodes.len() == EPISODES {
            self.episodes.remove(0);
        }
        self.episodes.push(Episode(onset, None));
    }

    pub(crate) fn end_episode(&mut self, at: i64) {
        for episode in &mut self.episodes {
            if episode.1.is_none() {
                episode.1 = Some(at.max(episode.0));
            }
        }
    }

    /// A late episode does not end the live one.
    pub(crate) fn add_late_episode(&mut self, onset: i64, at: i64, live_active: bool) {
        if self.episodes.len() == EPISODES {
            self.episodes.remove(0);
        }
        let late = Episode(onset, Some(at));
        match self.episodes.last() {
            // The live one stays last.
            Some(_) if live_active => self.episodes.insert(self.episodes.len() - 1, late),
            _ => self.episodes.push(late),
        }
    }

    /// The latest late episode lasted until `at`.
    pub(crate) fn end_late_episode(&mut self, at: i64) {
        let late = self
            .episodes
            .iter_mut()
            .rev()
            .find(|episode| episode.0 <= at && episode.1.is_some());
        if let Some(Episode(_, Some(end))) = late {
            *end = (*end).max(at);
        }
    }

    /// Whether the stretch from `onset` to `at` touches an episode already told.
    pub(crate) fn knows(&self, onset: i64, at: i64) -> bool {
        self.episodes
            .iter()
            .any(|Episode(from, to)| onset <= to.unwrap_or(i64::MAX) && *from <= at)
    }

    /// Changes the alarm and sends it out if that shows.
    pub(crate) fn change_alarm(
        &mut self,
        equipment: &Equipment,
        rule: &Rule,
        why: Why<'_>,
        out: &mut Outputs,
        change: impl FnOnce(&mut AlarmRecord),
    ) {
        let Why {
            here,
            source_at,
            note,
        } = why;
        let alarm = self.alarm.get_or_insert_with(|| blank(equipment, rule));
        let before = (alarm.state, alarm.count);
        change(alarm);
        alarm.state = alarm.flags.state();
        if (alarm.state, alarm.count) == before {
            return;
        }
        alarm.changed = here.now;
        out.push(Output::Alarm(alarm.clone()));
        let (actor, detail) = match note {
            Note::Record => (None, alarm.detail.clone()),
            Note::Words(words) => (None, words),
            Note::Person(actor, reason) => (Some(actor.to_owned()), reason.to_owned()),
        };
        out.push(Output::AlarmEvent(AlarmEvent {
            equipment: equipment.id.clone(),
            rule: rule.id.clone(),
            at: here.now,
            source_at: UtcMillis(source_at),
            state: alarm.state,
            severity: alarm.severity,
            actor,
            detail,
        }));
    }
}

/// When, by which input and for which reason an alarm changes.
pub(crate) struct Why<'a> {
    pub(crate) here: Here,
    pub(crate) source_at: i64,
    pub(crate) note: Note<'a>,
}

/// What an alarm event says.
pub(crate) enum Note<'a> {
    /// What the record says.
    Record,
    /// Something else.
    Words(String),
    /// Who did it, and why.
    Person(&'a str, &'a str),
}

fn blank(equipment: &Equipment, rule: &Rule) -> AlarmRecord {
    AlarmRecord {
        equipment: equipment.id.clone(),
        rule: rule.id.clone(),
        class: if rules::is_about_sight(&rule.kind) {
            AlarmClass::MonitoringGap
        } else {
            AlarmClass::Process
        },
        severity: rule.severity,
        flags: AlarmFlags::NORMAL,
        state: AlarmState::Normal,
        since: UtcMillis(0),
        changed: UtcMillis(0),
        count: 0,
        hazard: None,
        detail: String::new(),
    }
}

pub(crate) fn cite(rule: &Rule) -> RuleCitation {
    RuleCitation {
        rule: rule.id.clone(),
        title_zh: rule.title_zh.clone(),
        title_en: rule.title_en.clone(),
        pack: rule.pack.id.clone(),
        pack_version: rule.pack.version.clone(),
        pack_hash: rule.pack.hash,
        clause: rule.clause.clone(),
        source: rule.source.clone(),
        confidence: rule.confidence.clone(),
        condition: String::from(&*rule.condition_text),
    }
}

/// The severity at this moment: the first condition known to hold decides.
pub(crate) fn severity_now(rule: &Rule, evaluator: &Evaluator) -> Severity {
    let values = evaluator.values();
    rule.severity_when
        .iter()
        .find(|(condition, _)| rules::evaluate(condition, values) == Truth::True)
        .map_or(rule.severity, |(_, severity)| *severity)
}

/// What the rule's channels say now, with the reading at which the condition began in front.
pub(crate) fn evidence(
    equipment: &Equipment,
    rule: &Rule,
    index: usize,
    evaluator: &Evaluator,
) -> Vec<EvidenceReading> {
    let quantity = |channel: crate::sample::ChannelIx| {
        equipment
            .channels
            .get(usize::from(channel.0))
            .map(|channel| channel.quantity)
    };
    let reading = |channel, latest: &super::series::Latest| {
        Some(EvidenceReading {
            quantity: quantity(channel)?,
            at: latest.at,
            reading: latest.reading,
            raw: latest.raw,
            quality: latest.quality,
            position: latest.position,
        })
    };
    let mut readings: Vec<EvidenceReading> = rules::channels(rule, true)
        .into_iter()
        .filter_map(|channel| reading(channel, evaluator.series.get(channel)?))
        .collect();
    let begun = evaluator.memories[index]
        .extra
        .as_ref()
        .and_then(|extra| extra.onset.as_ref());
    if let Some((channel, begun)) = begun
        && evaluator
            .series
            .get(*channel)
            .is_none_or(|now| now.at != begun.at)
    {
        readings.splice(0..0, reading(*channel, begun));
    }
    readings
}

/// The grade of the hazard a rule opens, if it opens one.
pub(crate) fn grade(rule: &Rule) -> Option<Grade> {
    match rule.opens {
        Opens::Nothing => None,
        Opens::Hazard(grade) => Some(grade),
    }
}
