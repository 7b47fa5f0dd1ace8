//! The Sparkplug host side of one node: births, deaths, order, journal. Tolerant: nodes are used as they are,
//! and what is odd about them is counted and explained.
//!
//! A message passes two stages. *Received*: is it new? Then it goes to the log. *Applied*: in the order of its
//! sequence number it changes what is known. Nothing that is not logged may change what is applied: after a
//! crash only the log is fed again.

pub(crate) mod birth;
mod count;
mod death;
pub(crate) mod device;
mod field;
pub(crate) mod intake;
mod journaling;
mod oddity;
mod order;
mod rebirth;
mod receive;
mod recent;
mod record;
mod sequence;
mod status;
pub(crate) mod table;
mod unregistered;

pub(crate) use oddity::OddityKey;
pub(crate) use receive::Incoming;
pub(crate) use recent::fingerprint;
pub(crate) use record::NodeRecord;

use crate::catalog::{Catalog, Equipment, EquipmentIx};
use crate::equipment::{EquipmentState, Moment};
use crate::field::Source;
use crate::hash::ContentHash;
use crate::hazard::HazardId;
use crate::input::Position;
use crate::journal::Journal;
use crate::output::{Command, CommandKind, Output, Outputs};
use crate::pipeline::deadlines::{Deadlines, Who};
use crate::settings::Settings;
use count::Counts;
use device::Device;
use intake::Intake;
use oddity::Oddities;
use rebirth::Rebirth;
use recent::Recent;
use sequence::Sequence;
use std::collections::HashMap;
use std::sync::Arc;
use table::Tables;
use vigil_protocol::time::UtcMillis;

/// Devices of a node that did not come back this long after its birth are gone.
const REBORN_WITHIN_MS: i64 = 60_000;

/// State of one piece of equipment and its place in the queue of deadlines.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) state: EquipmentState,
    pub(crate) queued: UtcMillis,
    /// Its node.
    pub(crate) node: u32,
    pub(crate) rank: u32,
}

/// What a node's messages work on besides the node itself.
pub(crate) struct Host<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) settings: &'a Settings,
    pub(crate) watched: &'a mut [Watched],
    pub(crate) deadlines: &'a mut Deadlines,
    pub(crate) hazards: &'a mut HashMap<HazardId, EquipmentIx>,
    pub(crate) tables: &'a mut Tables,
    pub(crate) intake: &'a mut Intake,
    /// Unregistered devices kept, of all nodes.
    pub(crate) strangers: &'a mut usize,
    pub(crate) now: UtcMillis,
    pub(crate) out: &'a mut Outputs,
}

/// What is known of one node.
#[derive(Debug)]
pub(crate) struct Node {
    /// `group/node`.
    pub(crate) key: Arc<str>,
    /// Whether the catalog names it.
    pub(crate) known: bool,
    pub(crate) rank: u32,
    pub(crate) queued: UtcMillis,
    /// Changed since its last snapshot.
    pub(crate) dirty: bool,
    /// Last logged input that concerned it.
    pub(crate) position: Option<Position>,
    pub(crate) online: bool,
    /// What it speaks.
    pub(crate) source: Source,
    /// Fingerprint and hash of the context of the last field message that is not of one device. Boxed: few nodes
    /// have it.
    pub(crate) field_context: Option<Box<(u64, ContentHash)>>,
    since: Option<UtcMillis>,
    last_heard: Option<UtcMillis>,
    births: u32,
    deaths: u32,
    bd_seq: Option<u64>,
    /// Fingerprint of the death that took it offline.
    death: u64,
    seq_gaps: u32,
    firmware: Option<Arc<str>>,
    clock_offset_ms: Option<i64>,
    undecodable: u32,
    /// Its last birth names a journal epoch.
    journaling: bool,
    journal: Option<Box<Journal>>,
    sequence: Sequence,
    rebirth: Rebirth,
    recent: Recent,
    counts: Counts,
    oddities: Oddities,
    /// Journal numbers seen before in messages that are not marked as sent again, in a row.
    live_repeats: u8,
    /// History has come since equipment last heard that all of it is there.
    filling: bool,
    /// When devices that were not born again are given up.
    reborn_due: Option<UtcMillis>,
    /// The first is the node itself.
    pub(crate) devices: Vec<Device>,
}

impl Host<'_> {
    /// Lets a piece of equipment see something, and keeps hazards and deadlines in step.
    #[inline]
    pub(crate) fn tell(
        &mut self,
        ix: EquipmentIx,
        what: impl FnOnce(&mut EquipmentState, &Equipment, &mut Outputs),
    ) {
        let at = ix.0 as usize;
        let before = self.out.len();
        let watched = &mut self.watched[at];
        what(&mut watched.state, &self.catalog.equipment[at], self.out);
        for output in &self.out[before..] {
            if let Output::Hazard { summary, .. } = output {
                self.hazards.insert(summary.id.clone(), ix);
            }
        }
        let next = watched.state.next_deadline();
        self.deadlines
            .put(Who::Equipment(ix), watched.rank, &mut watched.queued, next);
    }

    fn equipment(&self, ix: Option<EquipmentIx>) -> Option<&Equipment> {
        ix.and_then(|ix| self.catalog.equipment.get(ix.0 as usize))
    }
}

impl Node {
    /// A node that was never heard.
    pub(crate) fn new(key: Arc<str>, known: bool, rank: u32) -> Self {
        Self {
            key,
            known,
            rank,
            queued: crate::pipeline::deadlines::NEVER,
            dirty: false,
            position: None,
            online: false,
            source: Source::Sparkplug,
            field_context: None,
            since: None,
            last_heard: None,
            births: 0,
            deaths: 0,
            bd_seq: None,
            death: 0,
            seq_gaps: 0,
            firmware: None,
            clock_offset_ms: None,
            undecodable: 0,
            journaling: false,
            journal: None,
            sequence: Sequence::default(),
            rebirth: Rebirth::default(),
            recent: Recent::default(),
            counts: Counts::default(),
            oddities: Oddities::default(),
            live_repeats: 0,
            filling: false,
            reborn_due: None,
            devices: vec![Device::new(None, None)],
        }
    }

    /// The catalog says that this device is this equipment.
    pub(crate) fn bind(&mut self, device: Option<Arc<str>>, equipment: EquipmentIx) {
        match self.find(device.as_deref()) {
            Some(at) => self.devices[at].equipment = Some(equipment),
            None => {
                // Most nodes have one or two devices; growing by doubling would leave room for four.
                if self.devices.len() < 4 {
                    self.devices.reserve_exact(1);
                }
                self.devices.push(Device::new(device, Some(equipment)));
            }
        }
    }

    /// A message arrived that cannot be read. It is not logged, so it changes nothing but counts.
    pub(crate) fn on_unreadable(&mut self, host: &mut Host<'_>, oddity: OddityKey) {
        self.undecodable = self.undecodable.saturating_add(1);
        self.note(oddity, host.now);
        // A node that compresses or sends too much would only do it again.
        if oddity == OddityKey::Undecodable {
            self.want_rebirth(host.now, host.settings);
        }
        self.finish_unlogged(host);
    }

    /// Group and node id.
    pub(crate) fn ids(&self) -> (&str, &str) {
        self.key.split_once('/').unwrap_or((&self.key, ""))
    }

    /// When [`Self::on_due`] has something to do.
    pub(crate) fn next_deadline(&self, settings: &Settings) -> Option<UtcMillis> {
        [
            self.sequence.deadline(settings.reorder_timeout_ms),
            self.journal.as_ref().and_then(|journal| journal.deadline()),
            self.rebirth.due(settings),
            self.counts.deadline(),
            self.reborn_due,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due.
    pub(crate) fn on_due(&mut self, host: &mut Host<'_>) {
        self.give_up_due(host);
        self.journal_due(host);
        self.counts.on_due(&self.key, host.now, host.out);
        if self.reborn_due.is_some_and(|due| due <= host.now) {
            self.give_up_unborn(host);
        }
        if self.rebirth.due(host.settings).is_some_and(|due| due <= host.now) {
            self.rebirth.on_asked(host.now);
            self.command(host.out, CommandKind::Rebirth);
        }
    }

    fn command(&self, out: &mut Outputs, kind: CommandKind) {
        let (group, node) = self.ids();
        out.push(Output::Command(Command {
            group: group.into(),
            node: node.into(),
            kind,
        }));
    }

    /// Something cannot be understood without a new birth.
    pub(crate) fn want_rebirth(&mut self, now: UtcMillis, settings: &Settings) {
        self.rebirth.want(settings);
        if self.rebirth.exhausted(settings) && !self.rebirth.harmful {
            self.oddities.note(OddityKey::NeverAnswersRebirth, now);
        }
    }

    /// Notes something odd that is not the doing of one metric.
    pub(crate) fn note(&mut self, key: OddityKey, now: UtcMillis) {
        self.oddities.note(key, now);
    }

    /// The node said something.
    fn set_online(&mut self, now: UtcMillis) {
        if !self.online {
            self.online = true;
            self.since = Some(now);
        }
    }

    /// Tells the equipment of a device that its link changed, if it did.
    fn set_device_online(&mut self, host: &mut Host<'_>, at: usize, online: bool, moment: &Moment) {
        let device = &mut self.devices[at];
        let changed = device.online != online;
        device.online = online;
        if let Some(ix) = device.equipment {
            let never = host.watched[ix.0 as usize].state.link() == crate::equipment::Link::Never;
            if changed || never {
                host.tell(ix, |state, equipment, out| {
                    state.on_link(equipment, online, moment, out)
                });
            }
        }
    }
}
