//! Nodes: alive or not, how complete, and what is odd about them.

use super::ViewError;
use super::completeness::{MessageCounts, hour_of, window};
use super::time::Time;
use crate::app::App;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::people::Sight;
use vigil_core::status::{DeviceStatus, JournalStatus, NodeStatus, Oddity, Totals};
use vigil_protocol::time::UtcMillis;

/// Nodes on a page when no limit is given.
const DEFAULT_LIMIT: usize = 100;

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Never heard.
    Never,
    /// Dead.
    Offline,
    /// Born, or sending.
    Online,
}

/// Which nodes; unset fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct NodeFilter {
    /// Part of `group/node`; capitals do not matter.
    pub text: Option<String>,
    /// How it is.
    pub state: Option<NodeState>,
    /// In the catalog, or not.
    pub known: Option<bool>,
    /// With (or without) something odd about it.
    pub odd: Option<bool>,
    /// So many before this page.
    pub offset: usize,
    /// At most so many; 0 stands for 100, never more than 1,000.
    pub limit: usize,
}

/// A page of nodes: those of the catalog in its order, then all others.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NodePage {
    /// All that match.
    pub total: u64,
    /// The page.
    pub nodes: Vec<Node>,
    /// Give it back as `cursor` for the next page; `null` on the last.
    pub next: Option<u64>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Node {
    /// Group id.
    pub group: String,
    /// Node id.
    pub node: String,
    /// Whether the catalog names it.
    pub known: bool,
    /// How it is.
    pub state: NodeState,
    /// Since when.
    pub since: Option<Time>,
    /// Arrival of its last message.
    pub last_heard: Option<Time>,
    /// Firmware as its birth names it.
    pub firmware: Option<String>,
    /// Node clock minus gateway clock, milliseconds, when it is off by more than allowed.
    pub clock_offset_ms: Option<i64>,
    /// Birth certificates so far.
    pub births: u32,
    /// Death certificates so far.
    pub deaths: u32,
    /// `bdSeq` of the current birth.
    pub bd_seq: Option<u64>,
    /// Times messages went missing between two sequence numbers.
    pub seq_gaps: u32,
    /// Rebirth requests sent.
    pub rebirths_requested: u32,
    /// Rebirth requests a birth followed.
    pub rebirths_answered: u32,
    /// Messages nothing could be made of.
    pub undecodable: u32,
    /// Its journal; `null` for an ordinary Sparkplug node, which is best effort.
    pub journal: Option<Journal>,
    /// Messages since it was first heard.
    pub totals: MessageCounts,
    /// Messages of the last 24 hours.
    pub last_day: MessageCounts,
    /// `received + late` of `expected` in the last 24 hours, percent; `null` when none was expected.
    pub completeness_percent: Option<f64>,
    /// What is odd about it, in words.
    pub oddities: Vec<Odd>,
    /// Its devices.
    pub devices: Vec<Device>,
}

/// Where a node's journal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Journal {
    /// Changes when the node's flash is formatted. As text: it has 64 bits.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    pub epoch: u64,
    /// Highest sequence with nothing missing below.
    pub contiguous: Option<u64>,
    /// Highest sequence received.
    pub highest: Option<u64>,
    /// First missing sequence.
    pub hole_from: Option<u64>,
    /// Last of the same hole.
    pub hole_to: Option<u64>,
    /// Messages the node dropped before they could be sent.
    pub dropped: u64,
    /// Highest sequence acknowledged to the node.
    pub acked: Option<u64>,
}

/// Something a node does that is not expected, and what the gateway does about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Odd {
    /// Stable key.
    pub key: &'static str,
    /// Chinese.
    pub text_zh: String,
    /// English.
    pub text_en: String,
    /// How often.
    pub count: u32,
    /// Last time.
    pub last: Time,
}

/// A device of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Device {
    /// Device id; `null` = the node itself.
    pub device: Option<String>,
    /// Id of the equipment it is; `null` = unregistered.
    pub equipment: Option<String>,
    /// Born, or sending.
    pub online: bool,
    /// Metrics its birth declared.
    pub metrics: u32,
    /// Arrival of its last message.
    pub last_heard: Option<Time>,
}

fn as_text<S: serde::Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl From<Totals> for MessageCounts {
    fn from(totals: Totals) -> Self {
        Self::new(
            totals.expected,
            totals.received,
            totals.late,
            totals.dropped,
            totals.duplicate,
        )
    }
}

impl From<JournalStatus> for Journal {
    fn from(journal: JournalStatus) -> Self {
        Self {
            epoch: journal.epoch,
            contiguous: journal.contiguous,
            highest: journal.highest,
            hole_from: journal.first_hole.map(|(from, _)| from),
            hole_to: journal.first_hole.map(|(_, to)| to),
            dropped: journal.dropped,
            acked: journal.acked,
        }
    }
}

impl From<&Oddity> for Odd {
    fn from(oddity: &Oddity) -> Self {
        Self {
            key: oddity.key,
            text_zh: oddity.text_zh.clone(),
            text_en: oddity.text_en.clone(),
            count: oddity.count,
            last: oddity.last.into(),
        }
    }
}

impl From<&DeviceStatus> for Device {
    fn from(device: &DeviceStatus) -> Self {
        Self {
            device: device.device.as_deref().map(str::to_owned),
            equipment: device.equipment.as_deref().map(str::to_owned),
            online: device.online,
            metrics: device.metrics,
            last_heard: device.last_heard.map(Time),
        }
    }
}

impl Node {
    fn of(node: &NodeStatus, last_day: MessageCounts) -> Self {
        let here = (last_day.received + last_day.late) as f64;
        Self {
            group: node.group.to_string(),
            node: node.node.to_string(),
            known: node.known,
            state: state(node),
            since: node.since.map(Time),
            last_heard: node.last_heard.map(Time),
            firmware: node.firmware.as_deref().map(str::to_owned),
            clock_offset_ms: node.clock_offset_ms,
            births: node.births,
            deaths: node.deaths,
            bd_seq: node.bd_seq,
            seq_gaps: node.seq_gaps,
            rebirths_requested: node.rebirths_requested,
            rebirths_answered: node.rebirths_answered,
            undecodable: node.undecodable,
            journal: node.journal.map(Journal::from),
            totals: node.totals.into(),
            last_day,
            completeness_percent: (last_day.expected > 0).then(|| 100.0 * here / last_day.expected as f64),
            oddities: node.oddities.iter().map(Odd::from).collect(),
            devices: node.devices.iter().map(Device::from).collect(),
        }
    }
}

fn state(node: &NodeStatus) -> NodeState {
    match (node.online, node.last_heard) {
        (true, _) => NodeState::Online,
        (false, Some(_)) => NodeState::Offline,
        (false, None) => NodeState::Never,
    }
}

/// A page of nodes.
///
/// # Errors
/// The store cannot be read, or the gateway is stopping.
pub async fn nodes(app: &App, sight: &Sight, filter: &NodeFilter) -> Result<NodePage, ViewError> {
    let limit = if filter.limit == 0 {
        DEFAULT_LIMIT
    } else {
        filter.limit.min(1_000)
    };
    let wanted = filter.clone();
    let text = filter
        .text
        .as_deref()
        .map(str::to_lowercase)
        .filter(|text| !text.is_empty());
    let carriers = carriers(app, sight);
    let (total, found) = app
        .engine
        .query(move |pipeline| {
            let fits = |node: &NodeStatus| {
                let names = || format!("{}/{}", node.group, node.node).to_lowercase();
                let carries = |carriers: &HashSet<Arc<str>>| {
                    carriers.contains(&*format!("{}/{}", node.group, node.node))
                };
                carriers.as_ref().is_none_or(carries)
                    && wanted.state.is_none_or(|wanted| wanted == state(node))
                    && wanted.known.is_none_or(|known| known == node.known)
                    && wanted.odd.is_none_or(|odd| odd != node.oddities.is_empty())
                    && text.as_deref().is_none_or(|text| names().contains(text))
            };
            let (mut total, mut found) = (0, Vec::new());
            for node in pipeline.nodes().filter(fits) {
                if total >= wanted.offset && found.len() < limit {
                    found.push(node);
                }
                total += 1;
            }
            (total, found)
        })
        .await?;
    let day = window(app.clock.now(), app.store.log_start().await?);
    let mut nodes = Vec::with_capacity(found.len());
    for node in &found {
        let mut shown = Node::of(node, last_day(app, &node.group, &node.node, day).await?);
        shown.hide(app, sight);
        nodes.push(shown);
    }
    let end = filter.offset.saturating_add(limit);
    Ok(NodePage {
        total: total as u64,
        nodes,
        next: (end < total).then_some(end as u64),
    })
}

/// One node.
///
/// # Errors
/// Unknown node, the store cannot be read, or the gateway is stopping.
pub async fn node(app: &App, sight: &Sight, group: &str, node: &str) -> Result<Node, ViewError> {
    let key = format!("{group}/{node}");
    let asked = key.clone();
    let found = app.engine.query(move |pipeline| pipeline.node(&asked)).await?;
    let Some(found) = found.filter(|_| carries(app, sight, &key, None)) else {
        let known = app.catalog.by_binding.keys().map(|known| &**known);
        return Err(ViewError::not_found(
            "node",
            &key,
            known.filter(|known| carries(app, sight, known, None)),
        ));
    };
    let day = window(app.clock.now(), app.store.log_start().await?);
    let mut shown = Node::of(&found, last_day(app, group, node, day).await?);
    shown.hide(app, sight);
    Ok(shown)
}

/// Nodes that carry equipment in sight; `None`: every node is seen.
fn carriers(app: &App, sight: &Sight) -> Option<HashSet<Arc<str>>> {
    let seen = app
        .catalog
        .equipment
        .iter()
        .filter(|one| app.sees_one(sight, one));
    (!sight.is_everything()).then(|| seen.map(|one| Arc::clone(&one.node)).collect())
}

/// Whether a node (or one of its devices) carries equipment in sight.
pub(super) fn carries(app: &App, sight: &Sight, node: &str, device: Option<&str>) -> bool {
    if sight.is_everything() {
        return true;
    }
    let bindings = app.catalog.by_binding.get(node).into_iter().flatten();
    let mut of_device = bindings.filter(|(name, _)| device.is_none() || name.as_deref() == device);
    of_device.any(|(_, ix)| {
        let equipment = app.catalog.equipment.get(ix.0 as usize);
        equipment.is_some_and(|one| app.sees_one(sight, one))
    })
}

impl Node {
    /// A node may carry the equipment of several units: what is not in sight is left out, and with it what is said
    /// about the node as a whole, which may name it.
    fn hide(&mut self, app: &App, sight: &Sight) {
        let before = self.devices.len();
        if !sight.is_everything() {
            self.devices
                .retain(|device| device.equipment.as_deref().is_some_and(|id| app.sees(sight, id)));
        }
        if self.devices.len() < before {
            self.oddities.clear();
        }
    }
}

async fn last_day(
    app: &App,
    group: &str,
    node: &str,
    (from, to): (UtcMillis, UtcMillis),
) -> Result<MessageCounts, ViewError> {
    let mut counts = MessageCounts::default();
    for hour in &app
        .store
        .node_hours(Some(&format!("{group}/{node}")), hour_of(from), to)
        .await?
    {
        counts.add(hour.into());
    }
    Ok(counts)
}
