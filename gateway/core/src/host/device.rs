//! One device of a node, or the node's own metrics.

use super::recent::fingerprint;
use super::table::{Table, Tables};
use super::unregistered::Unregistered;
use crate::catalog::{Equipment, EquipmentIx};
use crate::hash::ContentHash;
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// What is known of one device; `id` = `None` is the node itself.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) id: Option<Arc<str>>,
    pub(crate) equipment: Option<EquipmentIx>,
    pub(crate) online: bool,
    /// Born in the node's current session.
    pub(crate) born: bool,
    /// Metrics of its birth.
    pub(crate) metrics: u32,
    pub(crate) last_heard: Option<UtcMillis>,
    /// What its aliases stand for, from its last birth.
    pub(crate) table: Option<Arc<Table>>,
    /// The birth that gives logged bytes their meaning; of several births that mean the same, the first.
    pub(crate) context: Option<ContentHash>,
    /// What `context` means, to recognize the next birth that means the same.
    pub(crate) meaning: u64,
    /// Fingerprint of the last birth as received.
    pub(crate) birth: u64,
    pub(crate) unregistered: Option<Box<Unregistered>>,
}

impl Device {
    pub(crate) fn new(id: Option<Arc<str>>, equipment: Option<EquipmentIx>) -> Self {
        Self {
            id,
            equipment,
            online: false,
            born: false,
            metrics: 0,
            last_heard: None,
            table: None,
            context: None,
            meaning: 0,
            birth: 0,
            unregistered: None,
        }
    }

    /// Fingerprint of a message of this device.
    pub(crate) fn fingerprint(&self, payload: &[u8]) -> u64 {
        fingerprint(self.id.as_deref().unwrap_or(""), payload)
    }

    /// The table for reading its data; before any birth, one that knows names only.
    pub(crate) fn table(&mut self, equipment: Option<&Equipment>, tables: &mut Tables) -> Option<&Table> {
        if let (None, Some(equipment)) = (&self.table, equipment) {
            self.table = Some(tables.share(Table::of_equipment(equipment, None)));
        }
        self.table.as_deref()
    }
}
