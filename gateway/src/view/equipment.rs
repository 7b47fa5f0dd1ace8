//! Equipment: the list, and one piece with everything known about it.

use super::ViewError;
use super::alarms::Alarm;
use super::ask::ask;
use super::card::{Card, seen};
use super::completeness::{Completeness, Cover, Gap, MessageCounts, hour_of, window};
use super::hazards::{Hazard, is_open};
use super::rules::{Limit, RuleCard, limits};
use super::time::Time;
use super::value::Live;
use super::words::{SeverityWords, Word};
use crate::app::{App, HazardFilter, OpenHazards};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::alarm::{AlarmClass, AlarmRecord};
use vigil_core::catalog::nameplate::KNOWN;
use vigil_core::catalog::{Channel, Equipment, EquipmentIx};
use vigil_core::equipment::{Latest, Link};
use vigil_core::output::GapRecord;
use vigil_core::pack::Severity;
use vigil_core::people::Sight;
use vigil_core::sample::ChannelIx;
use vigil_core::status::EquipmentView;
use vigil_protocol::time::UtcMillis;

/// Pieces of equipment on a page when no limit is given.
const DEFAULT_LIMIT: usize = 100;
/// Hazards shown with a piece of equipment.
const HAZARDS: u32 = 50;

/// Whether a piece of equipment is being watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Watch {
    /// Never heard.
    Never,
    /// Its node or device is dead.
    Offline,
    /// Alive as far as is known, but not heard.
    Silent,
    /// Heard.
    Online,
}

/// Which equipment; unset fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct EquipmentFilter {
    /// Part of id, name, registration number, site or node; capitals do not matter.
    pub text: Option<String>,
    /// Category code, or its beginning.
    pub category: Option<String>,
    /// `group/node`.
    pub node: Option<String>,
    /// Whether it is watched.
    pub watch: Option<Watch>,
    /// With (or without) open hazards.
    pub hazards: Option<bool>,
    /// With (or without) standing alarms about the equipment.
    pub alarms: Option<bool>,
    /// So many before this page.
    pub offset: usize,
    /// At most so many; 0 stands for 100, never more than 1,000.
    pub limit: usize,
}

/// A page of equipment in the order of the catalog.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EquipmentPage {
    /// All that match.
    pub total: u64,
    /// The page.
    pub equipment: Vec<EquipmentLine>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    pub next: Option<u64>,
}

/// A piece of equipment as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EquipmentLine {
    /// Who it is.
    #[serde(flatten)]
    pub card: Card,
    /// Whether it is watched.
    pub watch: Watch,
    /// Arrival of its last live word.
    pub last_heard: Option<Time>,
    /// Time since then, seconds.
    pub last_heard_age_s: Option<f64>,
    /// Open hazards.
    pub open_hazards: u64,
    /// The worst of them.
    #[schema(value_type = Option<SeverityWords>)]
    pub worst_hazard: Option<Severity>,
    /// Standing alarms about the equipment.
    pub alarms: u64,
    /// The worst of them.
    #[schema(value_type = Option<SeverityWords>)]
    pub worst_alarm: Option<Severity>,
    /// Standing alarms about our ability to see it.
    pub monitoring_alarms: u64,
    /// Since when there is no trustworthy data, if there is none now.
    pub blind_since: Option<Time>,
}

/// One piece of equipment with everything known about it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EquipmentDetail {
    /// Who it is and how it is.
    #[serde(flatten)]
    pub line: EquipmentLine,
    /// When this was put together.
    pub now: Time,
    /// Whether its node is online.
    pub node_online: bool,
    /// Register facts by key.
    pub register: BTreeMap<String, String>,
    /// Nameplate values.
    pub nameplate: Vec<NameplateValue>,
    /// Scheme its controller's codes are in.
    pub scheme: Option<String>,
    /// What it measures, with the newest readings.
    pub channels: Vec<ChannelNow>,
    /// Alarms that are not in the normal state.
    pub standing_alarms: Vec<Alarm>,
    /// Hazards: the open ones and the latest others.
    pub hazards: Vec<Hazard>,
    /// Gaps of the last 24 hours, the lasting ones and those of single channels included.
    pub gaps: Vec<Gap>,
    /// How much of the last 24 hours was watched. Messages are those of its node.
    pub completeness: Completeness,
    /// What watches it.
    pub rules: Vec<RuleCard>,
}

/// A nameplate value.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NameplateValue {
    /// Key.
    pub key: String,
    /// Value in the unit.
    pub value: f64,
    /// Unit symbol; empty for numbers without one and keys of one's own.
    pub unit: &'static str,
}

/// A channel with its newest reading and its limits.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ChannelNow {
    /// What is measured.
    pub quantity: Word,
    /// `analog`, `binary`, `code`, `counter` or `text`.
    pub kind: &'static str,
    /// Unit of all values.
    pub unit: &'static str,
    /// Metric name it comes under.
    pub metric: String,
    /// The node repeats the value at least this often, seconds.
    pub interval_s: f64,
    /// The newest reading; `null` = never reported.
    pub latest: Option<Live>,
    /// Levels at which rules trip, worst first.
    pub limits: Vec<Limit>,
}

/// What the pipeline knows about a piece of equipment, as little as a list needs.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    pub(super) ix: EquipmentIx,
    pub(super) watch: Watch,
    pub(super) last_heard: Option<UtcMillis>,
    pub(super) blind_since: Option<UtcMillis>,
    pub(super) alarms: u64,
    pub(super) worst_alarm: Option<Severity>,
    pub(super) monitoring: u64,
}

impl Glance {
    pub(super) fn of(view: &EquipmentView<'_>) -> Self {
        let blind = view
            .state
            .open_gaps()
            .into_iter()
            .filter(|gap| gap.quantity.is_none())
            .map(|gap| gap.from)
            .min();
        let mut glance = Self {
            ix: view.ix,
            watch: match (view.state.link(), blind) {
                (Link::Never, _) => Watch::Never,
                (Link::Offline, _) => Watch::Offline,
                (Link::Online, Some(_)) => Watch::Silent,
                (Link::Online, None) => Watch::Online,
            },
            last_heard: view.state.last_heard(),
            blind_since: blind,
            alarms: 0,
            worst_alarm: None,
            monitoring: 0,
        };
        for alarm in view.state.open_alarms() {
            if alarm.class == AlarmClass::MonitoringGap {
                glance.monitoring += 1;
            } else {
                glance.alarms += 1;
                glance.worst_alarm = Some(
                    glance
                        .worst_alarm
                        .map_or(alarm.severity, |worst| worst.min(alarm.severity)),
                );
            }
        }
        glance
    }

    fn line(&self, equipment: &Equipment, hazards: Option<&OpenHazards>, now: UtcMillis) -> EquipmentLine {
        EquipmentLine {
            card: equipment.into(),
            watch: self.watch,
            last_heard: self.last_heard.map(Time),
            last_heard_age_s: self.last_heard.map(|at| now.since(at).max(0) as f64 / 1_000.0),
            open_hazards: hazards.map_or(0, |open| open.count),
            worst_hazard: hazards.map(|open| open.worst),
            alarms: self.alarms,
            worst_alarm: self.worst_alarm,
            monitoring_alarms: self.monitoring,
            blind_since: self.blind_since.map(Time),
        }
    }
}

/// A page of equipment.
///
/// # Errors
/// The store cannot be read, or the gateway is stopping.
pub async fn equipment_list(
    app: &App,
    sight: &Sight,
    filter: &EquipmentFilter,
) -> Result<EquipmentPage, ViewError> {
    let text = filter
        .text
        .as_deref()
        .map(str::to_lowercase)
        .filter(|text| !text.is_empty());
    let matches = |equipment: &Equipment| {
        text.as_deref().is_none_or(|text| mentions(equipment, text))
            && filter
                .category
                .as_deref()
                .is_none_or(|code| equipment.category.starts_with(code))
            && filter.node.as_deref().is_none_or(|node| *equipment.node == *node)
            && app.sees_one(sight, equipment)
    };
    // All of them only where they decide; otherwise those of the page are enough.
    let mut open = match filter.hazards {
        Some(_) => open_hazards(app, None).await?,
        None => HashMap::new(),
    };
    let has_hazards = |equipment: &Equipment| open.contains_key(&equipment.id);
    let mut found: Vec<EquipmentIx> = (0..)
        .map(EquipmentIx)
        .zip(&app.catalog.equipment)
        .filter(|(_, equipment)| {
            matches(equipment) && filter.hazards.is_none_or(|with| with == has_hazards(equipment))
        })
        .map(|(ix, _)| ix)
        .collect();
    let limit = if filter.limit == 0 {
        DEFAULT_LIMIT
    } else {
        filter.limit.min(1_000)
    };
    let (watch, alarms, offset) = (filter.watch, filter.alarms, filter.offset);
    // Without a condition on the state only the page itself has to be asked for.
    let by_state = watch.is_some() || alarms.is_some();
    let total_before = found.len();
    if !by_state {
        found = found.into_iter().skip(offset).take(limit).collect();
    }
    let glances = ask(app, move |pipeline| {
        let glances = found.into_iter().map(|ix| Glance::of(&pipeline.equipment(ix)));
        let fits = |glance: &Glance| {
            watch.is_none_or(|watch| watch == glance.watch)
                && alarms.is_none_or(|with| with == (glance.alarms > 0))
        };
        glances.filter(fits).collect::<Vec<_>>()
    });
    let mut glances = glances.await?;
    let total = if by_state { glances.len() } else { total_before };
    if by_state {
        glances = glances.into_iter().skip(offset).take(limit).collect();
    }
    let now = app.clock.now();
    if filter.hazards.is_none() {
        let shown = glances.iter().map(|glance| glance.ix.0 as usize);
        let shown: Vec<&str> = shown
            .filter_map(|ix| Some(&*app.catalog.equipment.get(ix)?.id))
            .collect();
        open = open_hazards(app, Some(&shown)).await?;
    }
    let lines = glances.iter().filter_map(|glance| {
        let equipment = app.catalog.equipment.get(glance.ix.0 as usize)?;
        Some(glance.line(equipment, open.get(&equipment.id), now))
    });
    let end = offset.saturating_add(limit);
    Ok(EquipmentPage {
        total: total as u64,
        equipment: lines.collect(),
        next: (end < total).then_some(end as u64),
    })
}

fn mentions(equipment: &Equipment, text: &str) -> bool {
    let facts = [
        "registration_no",
        "equipment_code",
        "site",
        "site_en",
        "address",
        "use_unit",
    ];
    let facts = facts.iter().filter_map(|key| equipment.register.get(key));
    let names = [
        &*equipment.id,
        &*equipment.name_zh,
        &*equipment.name_en,
        &*equipment.node,
    ];
    names
        .into_iter()
        .chain(facts)
        .any(|name| name.to_lowercase().contains(text))
}

async fn open_hazards(app: &App, of: Option<&[&str]>) -> Result<HashMap<Arc<str>, OpenHazards>, ViewError> {
    let open = app.store.open_hazards(of).await?;
    Ok(open
        .into_iter()
        .map(|open| (Arc::clone(&open.equipment), open))
        .collect())
}

/// What the pipeline knows about one piece of equipment.
struct Snapshot {
    glance: Glance,
    node_online: bool,
    latest: Vec<Option<Latest>>,
    alarms: Vec<AlarmRecord>,
    gaps: Vec<GapRecord>,
}

/// One piece of equipment with everything known about it.
///
/// # Errors
/// Unknown id, the store cannot be read, or the gateway is stopping.
pub async fn equipment(app: &App, sight: &Sight, id: &str) -> Result<EquipmentDetail, ViewError> {
    let (ix, equipment) = seen(app, sight, id)?;
    let channels = equipment.channels.len() as u16;
    let snapshot = ask(app, move |pipeline| {
        let view = pipeline.equipment(ix);
        Snapshot {
            glance: Glance::of(&view),
            node_online: view.node_online,
            latest: (0..channels)
                .map(|channel| view.state.latest(ChannelIx(channel)).copied())
                .collect(),
            alarms: view.state.open_alarms(),
            gaps: view.state.open_gaps(),
        }
    })
    .await?;
    let now = app.clock.now();
    let (from, to) = window(now, app.store.log_start().await?);
    let mut gaps = app.store.gaps(id, from, to).await?;
    // What has just begun may not be stored yet.
    for open in snapshot.gaps {
        let same = |gap: &GapRecord| {
            gap.from == open.from && gap.quantity == open.quantity && gap.reason == open.reason
        };
        if !gaps.iter().any(same) {
            gaps.push(open);
        }
    }
    let cover = match snapshot.glance.watch {
        Watch::Never => Cover::nothing(from, to),
        _ => Cover::of(&gaps, from, to),
    };
    let mut messages = MessageCounts::default();
    for hour in &app
        .store
        .node_hours(Some(&equipment.node), hour_of(from), to)
        .await?
    {
        messages.add(hour.into());
    }
    let open = app.store.open_hazards(Some(&[&equipment.id])).await?;
    let now_watched = snapshot.glance.watch == Watch::Online;
    Ok(EquipmentDetail {
        line: snapshot.glance.line(equipment, open.first(), now),
        now: now.into(),
        node_online: snapshot.node_online,
        register: equipment
            .register
            .iter()
            .map(|(key, text)| (key.to_owned(), text.to_owned()))
            .collect(),
        nameplate: nameplate(&equipment.nameplate),
        scheme: equipment.scheme.as_ref().map(|scheme| scheme.id.to_string()),
        channels: (0..)
            .map(ChannelIx)
            .zip(equipment.channels.iter())
            .zip(&snapshot.latest)
            .map(|((ix, channel), latest)| {
                let heard = now_watched && is_heard(app, channel, snapshot.glance.last_heard, now);
                channel_now(equipment, ix, channel, latest.as_ref(), heard, now)
            })
            .collect(),
        standing_alarms: snapshot
            .alarms
            .iter()
            .map(|alarm| Alarm::of(app, alarm))
            .collect(),
        hazards: hazards_of(app, id).await?,
        gaps: gaps.iter().map(|gap| Gap::of(gap, now)).collect(),
        completeness: Completeness::new(from, to, cover, messages),
        rules: equipment.rules.iter().map(RuleCard::from).collect(),
    })
}

/// Whether a reading still holds: by the same measure as in the core.
fn is_heard(app: &App, channel: &Channel, last_heard: Option<UtcMillis>, now: UtcMillis) -> bool {
    let settings = &app.config.core;
    let stale_ms = channel
        .interval_ms
        .saturating_mul(i64::from(settings.stale_intervals))
        .max(settings.stale_min_ms);
    last_heard.is_some_and(|heard| now.since(heard) <= stale_ms)
}

fn channel_now(
    equipment: &Equipment,
    ix: ChannelIx,
    channel: &Channel,
    latest: Option<&Latest>,
    heard: bool,
    now: UtcMillis,
) -> ChannelNow {
    ChannelNow {
        quantity: channel.quantity.into(),
        kind: channel.quantity.kind().key(),
        unit: channel.quantity.unit().symbol(),
        metric: channel.metric.to_string(),
        interval_s: channel.interval_ms as f64 / 1_000.0,
        latest: latest.map(|latest| Live::of(channel.quantity, latest, heard, now.into())),
        limits: limits(equipment, ix),
    }
}

fn nameplate(values: &BTreeMap<String, f64>) -> Vec<NameplateValue> {
    let unit = |key: &str| {
        KNOWN
            .iter()
            .find(|(known, _)| *known == key)
            .map_or("", |(_, unit)| unit.symbol())
    };
    values
        .iter()
        .map(|(key, value)| NameplateValue {
            key: key.clone(),
            value: *value,
            unit: unit(key),
        })
        .collect()
}

/// The open hazards and the latest others, open ones first.
async fn hazards_of(app: &App, id: &str) -> Result<Vec<Hazard>, ViewError> {
    let filter = |open| HazardFilter {
        equipment: Some(id.to_owned()),
        open: Some(open),
        limit: HAZARDS,
        ..HazardFilter::default()
    };
    let mut found = app.store.hazards(&filter(true)).await?;
    found.extend(app.store.hazards(&filter(false)).await?);
    found.sort_by_key(|hazard| {
        (
            !is_open(hazard.status),
            hazard.severity,
            std::cmp::Reverse(hazard.opened_at),
        )
    });
    Ok(found.iter().map(|hazard| Hazard::of(app, hazard)).collect())
}
