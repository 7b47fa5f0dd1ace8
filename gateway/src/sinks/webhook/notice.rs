//! What a subscriber is sent, as JSON.

use crate::view::Time;
use serde::Serialize;
use std::collections::BTreeMap;
use vigil_core::alarm::{AlarmEvent, AlarmState};
use vigil_core::catalog::Equipment;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{Actor, HazardEvent, HazardStatus, HazardSummary};
use vigil_core::output::{GapReason, GapRecord};
use vigil_core::pack::{Grade, Severity};

/// The body of a request. Exactly one of `hazard`, `alarm`, `gap`, `node` is there.
#[derive(Clone, Debug, Serialize)]
pub struct Body<'a> {
    /// What happened, such as `hazard.opened`.
    pub event: &'static str,
    /// When the gateway decided (UTC).
    pub at: Time,
    /// The hazard after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hazard: Option<EventHazard<'a>>,
    /// The transition of an alarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm: Option<EventAlarm<'a>>,
    /// A time without trustworthy data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<EventGap>,
    /// A node or device that came or went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<EventNode<'a>>,
    /// What it is about; missing for nodes, and with the id alone when the catalog does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equipment: Option<EventEquipment<'a>>,
    /// Where to read more.
    pub links: Links,
}

/// A hazard and its event.
#[derive(Clone, Debug, Serialize)]
pub struct EventHazard<'a> {
    /// Hazard id.
    pub id: &'a str,
    /// Place of the event in the hazard's chain: 0, 1, 2 …
    pub seq: u32,
    /// Hash of the event: the head of the chain.
    pub hash: ContentHash,
    /// `suspected`, `confirmed`, `rejected`.
    pub status: HazardStatus,
    /// `general`, `major`.
    pub grade: Grade,
    /// Highest so far, `S1` to `S4`.
    pub severity: Severity,
    /// Rule id.
    pub rule: &'a str,
    /// Title of the rule, Chinese.
    pub title_zh: &'a str,
    /// Title of the rule, English.
    pub title_en: &'a str,
    /// Legal clause.
    pub clause: &'a str,
    /// Source time at which the condition began.
    pub episode: Time,
    /// When the gateway opened it.
    pub opened_at: Time,
    /// Found in data that came afterwards.
    pub late: bool,
    /// Whether the condition holds as far as is known.
    pub condition_active: bool,
    /// Trips so far.
    pub trips: u32,
    /// Who did it: a person's name, or `null` for the rule engine.
    pub actor: Option<&'a str>,
    /// What the person said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
}

/// A transition of an alarm.
#[derive(Clone, Debug, Serialize)]
pub struct EventAlarm<'a> {
    /// Rule id.
    pub rule: &'a str,
    /// ISA-18.2 state it is in now.
    pub state: AlarmState,
    /// `S1` to `S4`.
    pub severity: Severity,
    /// Source time of the readings behind it.
    pub source_at: Time,
    /// Who, if it was a person.
    pub actor: Option<&'a str>,
    /// For people.
    pub detail: &'a str,
}

/// A time without trustworthy data.
#[derive(Clone, Debug, Serialize)]
pub struct EventGap {
    /// Key of the quantity; `null`: all of them.
    pub quantity: Option<&'static str>,
    /// Source time of the last good word.
    pub from: Time,
    /// End; `null` while it lasts.
    pub to: Option<Time>,
    /// Back-filled up to this source time.
    pub filled_to: Option<Time>,
    /// `offline`, `silent`, `dropped`, `bad_quality`.
    pub reason: GapReason,
}

/// A node or one of its devices.
#[derive(Clone, Debug, Serialize)]
pub struct EventNode<'a> {
    /// `group/node`.
    pub id: &'a str,
    /// Device; `null`: the node itself.
    pub device: Option<&'a str>,
    /// Came (`true`) or went.
    pub online: bool,
}

/// A piece of equipment.
#[derive(Clone, Debug, Serialize)]
pub struct EventEquipment<'a> {
    /// Equipment id.
    pub id: &'a str,
    /// What the catalog knows of it.
    #[serde(flatten)]
    pub known: Option<KnownEquipment<'a>>,
}

/// What the catalog knows of a piece of equipment.
#[derive(Clone, Debug, Serialize)]
pub struct KnownEquipment<'a> {
    /// Name, as the site writes it.
    pub name_zh: &'a str,
    /// Name, English.
    pub name_en: &'a str,
    /// Category code of the 2014 catalogue.
    pub category: &'a str,
    /// `lift`, `steam_boiler` …
    pub class: &'static str,
    /// `group/node`.
    pub node: &'a str,
    /// Device id below the node.
    pub device: Option<&'a str>,
    /// Facts of the register by key, such as `registration_no`, `area_code`, `use_unit`.
    pub register: BTreeMap<&'a str, &'a str>,
}

/// Addresses; without a host when `web.public_url` is not configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Links {
    /// For people.
    pub page: String,
    /// For programs.
    pub api: String,
}

impl<'a> EventEquipment<'a> {
    /// With what the catalog knows, if it knows it.
    #[must_use]
    pub fn of(id: &'a str, equipment: Option<&'a Equipment>) -> Self {
        let known = equipment.map(|equipment| KnownEquipment {
            name_zh: &equipment.name_zh,
            name_en: &equipment.name_en,
            category: &equipment.category,
            class: equipment.class.key(),
            node: &equipment.node,
            device: equipment.device.as_deref(),
            register: equipment.register.iter().collect(),
        });
        Self { id, known }
    }
}

impl<'a> EventHazard<'a> {
    /// The hazard after `event`.
    #[must_use]
    pub fn of(event: &'a HazardEvent, summary: &'a HazardSummary) -> Self {
        Self {
            id: &event.hazard.0,
            seq: event.seq,
            hash: event.hash,
            status: summary.status,
            grade: summary.grade,
            severity: summary.severity,
            rule: &summary.rule,
            title_zh: &summary.title_zh,
            title_en: &summary.title_en,
            clause: &summary.clause,
            episode: summary.episode.into(),
            opened_at: summary.opened_at.into(),
            late: summary.late,
            condition_active: summary.condition_active,
            trips: summary.trips,
            actor: match &event.actor {
                Actor::Person(name) => Some(name),
                Actor::Machine => None,
            },
            text: event.kind.text(),
        }
    }
}

impl<'a> EventAlarm<'a> {
    /// A transition.
    #[must_use]
    pub fn of(event: &'a AlarmEvent) -> Self {
        Self {
            rule: &event.rule,
            state: event.state,
            severity: event.severity,
            source_at: event.source_at.into(),
            actor: event.actor.as_deref(),
            detail: &event.detail,
        }
    }
}

impl EventGap {
    /// A gap as it is now.
    #[must_use]
    pub fn of(gap: &GapRecord) -> Self {
        Self {
            quantity: gap.quantity.map(|quantity| quantity.key()),
            from: gap.from.into(),
            to: gap.to.map(Into::into),
            filled_to: gap.filled_to.map(Into::into),
            reason: gap.reason,
        }
    }
}
