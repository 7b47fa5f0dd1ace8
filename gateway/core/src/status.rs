//! What the gateway knows about nodes and devices, for people and programs to read.

use crate::catalog::{Equipment, EquipmentIx};
use crate::equipment::EquipmentState;
use crate::field::Source;
use serde::Serialize;
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Everything worth knowing about one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeStatus {
    /// Group id.
    pub group: Arc<str>,
    /// Node id.
    pub node: Arc<str>,
    /// Whether the catalog names it.
    pub known: bool,
    /// What it speaks.
    pub source: Source,
    /// Born (or heard) and not dead.
    pub online: bool,
    /// Since when it has been online or offline; `None` before it was first heard.
    pub since: Option<UtcMillis>,
    /// Arrival of its last message.
    pub last_heard: Option<UtcMillis>,
    /// Birth certificates of the node so far.
    pub births: u32,
    /// Death certificates so far.
    pub deaths: u32,
    /// `bdSeq` of the current birth.
    pub bd_seq: Option<u64>,
    /// Times messages went missing between two sequence numbers.
    pub seq_gaps: u32,
    /// Rebirth requests sent.
    pub rebirths_requested: u32,
    /// Rebirth requests a birth followed within a minute.
    pub rebirths_answered: u32,
    /// Where its journal stands; `None` for an ordinary Sparkplug node.
    pub journal: Option<JournalStatus>,
    /// Message counts since it was first heard.
    pub totals: Totals,
    /// Firmware version as the birth names it.
    pub firmware: Option<Arc<str>>,
    /// Node clock minus gateway clock at the last message it was off by more than allowed, ms.
    pub clock_offset_ms: Option<i64>,
    /// Messages nothing could be made of.
    pub undecodable: u32,
    /// What is odd about it, in words.
    pub oddities: Vec<Oddity>,
    /// Its devices, the node's own equipment (`device` = `None`) first.
    pub devices: Vec<DeviceStatus>,
}

/// Where a node's journal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct JournalStatus {
    /// Epoch: changes when the node's flash is formatted.
    pub epoch: u64,
    /// Highest sequence with nothing missing below.
    pub contiguous: Option<u64>,
    /// Highest sequence received.
    pub highest: Option<u64>,
    /// Lowest range missing below the highest, inclusive.
    pub first_hole: Option<(u64, u64)>,
    /// Messages the node dropped before they could be sent.
    pub dropped: u64,
    /// Highest sequence acknowledged to the node.
    pub acked: Option<u64>,
}

/// Message counts. `expected = received + late + dropped +` what is still missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Totals {
    /// Messages that exist, as far as sequence numbers tell.
    pub expected: u64,
    /// Arrived in time.
    pub received: u64,
    /// Arrived as history.
    pub late: u64,
    /// Dropped by the node.
    pub dropped: u64,
    /// Came again.
    pub duplicate: u64,
}

/// Something a node does that the specification, or sense, does not expect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Oddity {
    /// Stable key.
    pub key: &'static str,
    /// What it is and what the gateway does about it, English.
    pub text_en: String,
    /// The same, Chinese.
    pub text_zh: String,
    /// How often.
    pub count: u32,
    /// Last time.
    pub last: UtcMillis,
}

/// One device of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceStatus {
    /// Device id; `None` is the node itself.
    pub device: Option<Arc<str>>,
    /// The equipment it is, if the catalog knows.
    pub equipment: Option<Arc<str>>,
    /// Born (or heard) and not dead.
    pub online: bool,
    /// Metrics its birth declared.
    pub metrics: u32,
    /// Arrival of its last message.
    pub last_heard: Option<UtcMillis>,
}

/// One piece of equipment with everything the core knows about it.
#[derive(Clone, Copy, Debug)]
pub struct EquipmentView<'a> {
    /// Its index.
    pub ix: EquipmentIx,
    /// What the catalog says.
    pub equipment: &'a Equipment,
    /// Latest values, link, alarms, hazards, gaps.
    pub state: &'a EquipmentState,
    /// Whether its node is online.
    pub node_online: bool,
}

/// Counts that belong to no node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct PipelineCounts {
    /// Messages whose topic is not Sparkplug's.
    #[serde(default)]
    pub bad_topics: u64,
    /// Commands of others (and our own, which the broker echoes).
    #[serde(default)]
    pub commands_seen: u64,
    /// Retained messages of nodes: never fresh, not used.
    #[serde(default)]
    pub retained: u64,
    /// Undecodable messages of nodes never heard before.
    #[serde(default)]
    pub undecodable: u64,
    /// Messages of unregistered nodes and devices beyond the number that is kept.
    #[serde(default)]
    pub unregistered_overflow: u64,
}
