//! A node as people and programs see it.

use super::Node;
use crate::catalog::Catalog;
use crate::output::UnregisteredDevice;
use crate::status::{DeviceStatus, NodeStatus};

impl Node {
    pub(crate) fn status(&self, catalog: &Catalog) -> NodeStatus {
        let (group, node) = self.ids();
        NodeStatus {
            group: group.into(),
            node: node.into(),
            known: self.known,
            source: self.source,
            online: self.online,
            since: self.since,
            last_heard: self.last_heard,
            births: self.births,
            deaths: self.deaths,
            bd_seq: self.bd_seq,
            seq_gaps: self.seq_gaps,
            rebirths_requested: self.rebirth.requested,
            rebirths_answered: self.rebirth.answered,
            journal: self.journal.as_ref().map(|journal| journal.status()),
            totals: self.counts.totals,
            firmware: self.firmware.clone(),
            clock_offset_ms: self.clock_offset_ms,
            undecodable: self.undecodable,
            oddities: self.oddities.describe(),
            devices: self
                .devices
                .iter()
                .filter(|device| device.id.is_some() || device.equipment.is_some() || device.metrics > 0)
                .map(|device| DeviceStatus {
                    device: device.id.clone(),
                    equipment: device
                        .equipment
                        .and_then(|ix| catalog.equipment.get(ix.0 as usize))
                        .map(|equipment| equipment.id.clone()),
                    online: device.online,
                    metrics: device.metrics,
                    last_heard: device.last_heard,
                })
                .collect(),
        }
    }

    pub(crate) fn unregistered(&self) -> impl Iterator<Item = UnregisteredDevice> {
        self.devices.iter().filter_map(|device| {
            let unregistered = device
                .unregistered
                .as_ref()
                .filter(|unregistered| unregistered.is_listed())?;
            Some(unregistered.describe(&self.key, device.id.as_ref()))
        })
    }
}
