//! From logged messages to lines: the same message gives the same lines, whenever and after whatever it is read.

use crate::sinks::influx::{Lines, Tags};
use crate::store::{Reader, StoreError, StoredMessage};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
use vigil_core::catalog::{Catalog, EquipmentIx};
use vigil_core::decode::{LogDecoder, LoggedMessage};
use vigil_core::field::Source;
use vigil_core::hash::ContentHash;
use vigil_core::sample::Sample;
use vigil_core::settings::Settings;

/// Births of one node that are kept in memory; with more of them it is begun anew.
const BIRTHS: usize = 32;

/// Reads messages of all nodes.
pub(super) struct LogReader {
    catalog: Arc<Catalog>,
    settings: Settings,
    nodes: HashMap<Arc<str>, Node>,
    /// For messages without a birth: it knows none, so that nothing depends on what was read before.
    bare: LogDecoder,
    /// By equipment, made when first needed.
    tags: HashMap<EquipmentIx, Tags>,
    samples: Vec<Sample>,
    /// Whose they are.
    found: Vec<(EquipmentIx, Range<usize>)>,
}

struct Node {
    decoder: LogDecoder,
    births: BTreeSet<ContentHash>,
}

impl LogReader {
    pub(super) fn new(catalog: Arc<Catalog>, settings: Settings) -> Self {
        Self {
            bare: LogDecoder::new(&settings),
            catalog,
            settings,
            nodes: HashMap::new(),
            tags: HashMap::new(),
            samples: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Fetches the births these messages refer to.
    pub(super) async fn learn(
        &mut self,
        store: &Reader,
        messages: &[StoredMessage],
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<(&Arc<str>, ContentHash)> = Vec::new();
        for message in messages {
            let entry = &message.entry;
            let Some(birth) = entry.context else { continue };
            let is_known = self
                .nodes
                .get(&entry.node)
                .is_some_and(|node| node.births.contains(&birth));
            // Nobody reads what no equipment sends.
            if !is_known && self.catalog.by_binding.contains_key(&entry.node) {
                wanted.push((&entry.node, birth));
            }
        }
        wanted.sort();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let hashes = wanted.iter().map(|(_, birth)| *birth).collect();
        let found = store.contexts(&hashes).await?;
        for (name, birth) in wanted {
            let Some(context) = found.get(&birth) else {
                continue;
            };
            let new = || Node {
                decoder: LogDecoder::new(&self.settings),
                births: BTreeSet::new(),
            };
            let node = self.nodes.entry(Arc::clone(name)).or_insert_with(new);
            if node.births.len() >= BIRTHS {
                *node = new();
            }
            node.decoder.add_context(context);
            node.births.insert(birth);
        }
        Ok(())
    }

    /// What it reads by.
    pub(super) const fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Takes what a message says, and how many points that is; gives it back with [`LogReader::write`].
    pub(super) fn read(&mut self, message: &StoredMessage) -> usize {
        self.samples.clear();
        self.found.clear();
        let entry = &message.entry;
        let Some(bindings) = self.catalog.by_binding.get(&entry.node) else {
            return 0;
        };
        let logged = LoggedMessage {
            device: entry.device.as_deref(),
            message: entry.message,
            source: entry.source,
            context: entry.context,
            payload: &message.payload,
            received: entry.received,
        };
        let knows = |node: &&mut Node| entry.context.is_some_and(|birth| node.births.contains(&birth));
        let decoder = match self.nodes.get_mut(&entry.node).filter(knows) {
            Some(node) => &mut node.decoder,
            None => &mut self.bare,
        };
        // Only what is not Sparkplug's may speak of several devices at once.
        let of_all = entry.device.is_none() && entry.source != Source::Sparkplug;
        for (device, ix) in bindings {
            let Some(equipment) = self.catalog.equipment.get(ix.0 as usize) else {
                continue;
            };
            if *device != entry.device && !of_all {
                continue;
            }
            let from = self.samples.len();
            decoder.decode_into(&logged, equipment, &mut self.samples);
            if self.samples.len() > from {
                self.found.push((*ix, from..self.samples.len()));
            }
        }
        self.samples.len()
    }

    /// Writes what was read last.
    pub(super) fn write(&mut self, lines: &mut Lines) {
        for (ix, range) in &self.found {
            let Some(equipment) = self.catalog.equipment.get(ix.0 as usize) else {
                continue;
            };
            let tags = self.tags.entry(*ix).or_insert_with(|| Tags::of(equipment));
            for sample in &self.samples[range.clone()] {
                if let Some(channel) = equipment.channels.get(usize::from(sample.channel.0)) {
                    lines.push(tags, channel.quantity, sample);
                }
            }
        }
    }
}
