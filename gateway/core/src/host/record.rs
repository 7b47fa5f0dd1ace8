//! A node in a snapshot. Alias tables are not in it: they are rebuilt from the births it names by hash.

use super::birth::Birth;
use super::count::Counts;
use super::device::Device;
use super::oddity::Oddities;
use super::rebirth::Rebirth;
use super::recent::Recent;
use super::sequence::Sequence;
use super::unregistered::Unregistered;
use super::{Host, Node};
use crate::field::{self, Source};
use crate::hash::ContentHash;
use crate::input::Position;
use crate::journal::Journal;
use crate::output::DecodeContext;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use vigil_protocol::sparkplug::PayloadView;
use vigil_protocol::time::UtcMillis;

/// Everything about a node that the log before its snapshot is needed for.
#[derive(Serialize, Deserialize)]
pub(crate) struct NodeRecord {
    /// Order among unregistered nodes.
    rank: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(default, skip_serializing_if = "is_default")]
    online: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<UtcMillis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_heard: Option<UtcMillis>,
    #[serde(default, skip_serializing_if = "is_default")]
    births: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    deaths: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bd_seq: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    death: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    seq_gaps: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    firmware: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock_offset_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    undecodable: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    journaling: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    journal: Option<Box<Journal>>,
    #[serde(default, skip_serializing_if = "is_default")]
    sequence: Sequence,
    #[serde(default, skip_serializing_if = "is_default")]
    rebirth: Rebirth,
    #[serde(default, skip_serializing_if = "is_default")]
    recent: Recent,
    #[serde(default, skip_serializing_if = "is_default")]
    counts: Counts,
    #[serde(default, skip_serializing_if = "Oddities::is_empty")]
    oddities: Oddities,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reborn_due: Option<UtcMillis>,
    #[serde(default, skip_serializing_if = "is_default")]
    filling: bool,
    devices: Vec<DeviceRecord>,
}

#[derive(Serialize, Deserialize)]
struct DeviceRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "is_default")]
    online: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    born: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    metrics: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_heard: Option<UtcMillis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<ContentHash>,
    #[serde(default, skip_serializing_if = "is_default")]
    meaning: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    birth: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unregistered: Option<Box<Unregistered>>,
}

/// What the pipeline must know about a restored node.
pub(crate) struct Restored {
    /// Its rank, if it is not in the catalog.
    pub(crate) rank: u32,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl NodeRecord {
    /// The births it refers to.
    pub(crate) fn contexts(&self) -> Vec<ContentHash> {
        self.devices.iter().filter_map(|device| device.context).collect()
    }
}

impl Node {
    pub(crate) fn record(&self) -> NodeRecord {
        NodeRecord {
            rank: self.rank,
            position: self.position,
            online: self.online,
            source: self.source,
            since: self.since,
            last_heard: self.last_heard,
            births: self.births,
            deaths: self.deaths,
            bd_seq: self.bd_seq,
            death: self.death,
            seq_gaps: self.seq_gaps,
            firmware: self.firmware.clone(),
            clock_offset_ms: self.clock_offset_ms,
            undecodable: self.undecodable,
            journaling: self.journaling,
            journal: self.journal.clone(),
            sequence: self.sequence.clone(),
            rebirth: self.rebirth.clone(),
            recent: self.recent.clone(),
            counts: self.counts.clone(),
            oddities: self.oddities.clone(),
            reborn_due: self.reborn_due,
            filling: self.filling,
            devices: self.devices.iter().map(DeviceRecord::of).collect(),
        }
    }

    /// Puts back what a record says; devices keep what the catalog says about them.
    pub(crate) fn restore(
        &mut self,
        record: NodeRecord,
        contexts: &HashMap<ContentHash, DecodeContext>,
        host: &mut Host<'_>,
    ) -> Restored {
        self.position = record.position;
        self.online = record.online;
        self.source = record.source;
        self.since = record.since;
        self.last_heard = record.last_heard;
        self.births = record.births;
        self.deaths = record.deaths;
        self.bd_seq = record.bd_seq;
        self.death = record.death;
        self.seq_gaps = record.seq_gaps;
        self.firmware = record.firmware;
        self.clock_offset_ms = record.clock_offset_ms;
        self.undecodable = record.undecodable;
        self.journaling = record.journaling;
        self.journal = record.journal;
        self.sequence = record.sequence;
        self.rebirth = record.rebirth;
        self.recent = record.recent;
        self.counts = record.counts;
        self.oddities = record.oddities;
        self.reborn_due = record.reborn_due;
        self.filling = record.filling;
        for device in record.devices {
            self.restore_device(device, contexts, host);
        }
        Restored { rank: record.rank }
    }

    /// Takes a birth as known that was not heard.
    pub(crate) fn assume_birth(
        &mut self,
        host: &mut Host<'_>,
        device: Option<&str>,
        hash: ContentHash,
        view: &PayloadView<'_>,
    ) {
        let Some(at) = self.find(device) else { return };
        let birth = Birth::read(view);
        self.devices[at].context = Some(hash);
        self.devices[at].meaning = birth.meaning;
        self.set_table(host, at, &birth);
        if let (None, Some(epoch)) = (device, birth.epoch) {
            self.journaling = true;
            self.journal
                .get_or_insert_with(|| Box::new(Journal::new(epoch, birth.first.unwrap_or(0))));
        }
    }

    fn restore_device(
        &mut self,
        record: DeviceRecord,
        contexts: &HashMap<ContentHash, DecodeContext>,
        host: &mut Host<'_>,
    ) {
        let at = self.find(record.id.as_deref()).unwrap_or_else(|| {
            self.devices.push(Device::new(record.id.clone(), None));
            self.devices.len() - 1
        });
        let device = &mut self.devices[at];
        device.online = record.online;
        device.born = record.born;
        device.metrics = record.metrics;
        device.last_heard = record.last_heard;
        device.birth = record.birth;
        // A device that has come into the catalog since is no stranger any more.
        if device.equipment.is_none() {
            device.unregistered = record.unregistered;
            *host.strangers += usize::from(device.unregistered.is_some() && device.id.is_some());
        }
        let Some(context) = record.context.and_then(|hash| contexts.get(&hash)) else {
            return;
        };
        if field::is_field(context) {
            device.context = record.context;
            device.meaning = record.meaning;
        } else if let Ok(view) = PayloadView::parse(&context.payload) {
            let birth = Birth::read(&view);
            device.context = record.context;
            device.meaning = record.meaning;
            let oddities = std::mem::take(&mut self.oddities);
            self.set_table(host, at, &birth);
            self.oddities = oddities;
        }
    }
}

impl DeviceRecord {
    fn of(device: &Device) -> Self {
        Self {
            id: device.id.clone(),
            online: device.online,
            born: device.born,
            metrics: device.metrics,
            last_heard: device.last_heard,
            context: device.context,
            meaning: device.meaning,
            birth: device.birth,
            unregistered: device.unregistered.clone(),
        }
    }
}
