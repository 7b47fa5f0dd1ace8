//! What readers are told of a batch, and which messages speak for its hazards.

use crate::store::{HazardWindow, ServerEvent};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use vigil_core::catalog::Catalog;
use vigil_core::hazard::{HazardEvent, HazardEventKind, HazardSummary};
use vigil_core::output::{LogEntry, Output};
use vigil_protocol::sparkplug::MessageType;
use vigil_protocol::time::UtcMillis;

/// Source time kept before the episode of a hazard and behind each trip.
const EVIDENCE_MS: i64 = 300_000;

/// Numbers events in the order they happen.
#[derive(Debug)]
pub(super) struct Events {
    last_id: i64,
}

#[derive(Serialize)]
struct HazardNews<'a> {
    hazard: &'a HazardSummary,
    /// Key of the event, such as `opened`.
    event: &'static str,
    seq: u32,
}

#[derive(Serialize)]
struct NodeNews<'a> {
    node: &'a str,
    device: Option<&'a str>,
    online: bool,
}

impl Events {
    pub(super) const fn after(last_id: i64) -> Self {
        Self { last_id }
    }

    /// The events of a batch; of an alarm, gap or stranger that changed several times only the last.
    pub(super) fn of(&mut self, outputs: &[Output], at: UtcMillis) -> Vec<Arc<ServerEvent>> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        let mut replaced = BTreeMap::new();
        for (index, output) in outputs.iter().enumerate() {
            match output {
                Output::Hazard { event, summary } => {
                    let news = HazardNews {
                        hazard: summary,
                        event: event.kind.key(),
                        seq: event.seq,
                    };
                    found.push(("hazard", json(&news)));
                }
                Output::Alarm(alarm) => {
                    replaced.insert(("alarm", &*alarm.equipment, &*alarm.rule), index);
                }
                Output::Gap(gap) => {
                    let quantity = gap.quantity.map_or("", |quantity| quantity.key());
                    replaced.insert(("gap", &*gap.equipment, quantity), index);
                }
                Output::Unregistered(device) => {
                    replaced.insert(
                        (
                            "unregistered",
                            &*device.node,
                            device.device.as_deref().unwrap_or(""),
                        ),
                        index,
                    );
                }
                Output::Log(entry) => found.extend(node_news(entry).map(|news| ("node", json(&news)))),
                _ => {}
            }
        }
        let mut replaced: Vec<_> = replaced.into_iter().collect();
        replaced.sort_by_key(|(_, index)| *index);
        for ((kind, ..), index) in replaced {
            match &outputs[index] {
                Output::Alarm(alarm) => found.push((kind, json(alarm))),
                Output::Gap(gap) => found.push((kind, json(gap))),
                Output::Unregistered(device) => found.push((kind, json(device))),
                _ => {}
            }
        }
        found
            .into_iter()
            .map(|(kind, json)| {
                self.last_id += 1;
                Arc::new(ServerEvent {
                    id: self.last_id,
                    at,
                    kind,
                    json,
                })
            })
            .collect()
    }
}

/// The windows of messages that speak for the hazards of a batch.
pub(super) fn windows(outputs: &[Output], catalog: &Catalog) -> Vec<HazardWindow> {
    let window = |event: &HazardEvent, summary: &HazardSummary| {
        let tripped = match &event.kind {
            HazardEventKind::Opened { tripped_at, .. } | HazardEventKind::Recurred { tripped_at, .. } => {
                *tripped_at
            }
            _ => return None,
        };
        let ix = catalog.by_id.get(&summary.equipment)?;
        let equipment = catalog.equipment.get(ix.0 as usize)?;
        Some(HazardWindow {
            hazard: Arc::clone(&summary.id.0),
            node: Arc::clone(&equipment.node),
            device: equipment.device.clone(),
            from: summary.episode.saturating_sub_ms(EVIDENCE_MS),
            to: tripped.saturating_add_ms(EVIDENCE_MS),
        })
    };
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Hazard { event, summary } => window(event, summary),
            _ => None,
        })
        .collect()
}

fn node_news(entry: &LogEntry) -> Option<NodeNews<'_>> {
    let online = match entry.message {
        MessageType::NBirth | MessageType::DBirth => true,
        MessageType::NDeath | MessageType::DDeath => false,
        MessageType::NData | MessageType::DData | MessageType::NCmd | MessageType::DCmd => return None,
    };
    Some(NodeNews {
        node: &entry.node,
        device: entry.device.as_deref(),
        online,
    })
}

fn json<T: Serialize>(value: &T) -> String {
    // Maps keyed by strings, no NaN: there is always a JSON.
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}
