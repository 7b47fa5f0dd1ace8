//! What subscribers are sent of a batch: entries of the outbox, committed with their cause.

use crate::sinks::webhook::{
    About, Body, EventAlarm, EventEquipment, EventGap, EventHazard, EventNode, Links, Subscriber,
};
use crate::store::{Batch, OutboxEntry};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use vigil_core::alarm::AlarmState;
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::hazard::HazardEventKind;
use vigil_core::output::{GapRecord, LogEntry, Output};
use vigil_protocol::sparkplug::MessageType;
use vigil_protocol::time::UtcMillis;

/// What happened, ready to be sent, and what filters and order need to know of it.
struct Notice<'a> {
    about: About<'a>,
    ordering: String,
    body: Body<'a>,
}

/// The entries of a batch for each subscriber.
pub(super) fn notices(batch: &Batch, catalog: &Catalog, subscribers: &[Subscriber]) -> Vec<OutboxEntry> {
    let mut entries = Vec::new();
    if subscribers.is_empty() {
        return entries;
    }
    // Of a gap that grows or is filled in steps only the last step of a batch is said.
    let mut latest = HashMap::new();
    for (index, output) in batch.outputs.iter().enumerate() {
        if let Output::Gap(gap) = output {
            latest.insert((gap_ordering(gap), gap_event(gap)), index);
        }
    }
    for (index, output) in batch.outputs.iter().enumerate() {
        let Some(notice) = notice(output, catalog, batch.now) else {
            continue;
        };
        if let Output::Gap(gap) = output
            && latest.get(&(gap_ordering(gap), gap_event(gap))) != Some(&index)
        {
            continue;
        }
        for subscriber in subscribers {
            if !subscriber.filter.wants(&notice.about, catalog) {
                continue;
            }
            let mut body = notice.body.clone();
            for link in [&mut body.links.page, &mut body.links.api] {
                link.insert_str(0, &subscriber.base);
            }
            // Maps keyed by strings, no NaN: there is always a JSON.
            let body = serde_json::to_string(&body).unwrap_or_default();
            entries.push(OutboxEntry {
                sink: Arc::clone(&subscriber.name),
                event: notice.about.event,
                ordering: notice.ordering.clone(),
                key: key(&subscriber.name, batch, index, &body),
                at: batch.now,
                body,
            });
        }
    }
    entries
}

/// 128 bits that no other event of this subscriber has, in this database or a later one.
fn key(subscriber: &str, batch: &Batch, index: usize, body: &str) -> String {
    let place = format!("{subscriber}\0{}\0{index}\0{body}", batch.id);
    let mut key = String::with_capacity(32);
    for byte in Sha256::digest(place).iter().take(16) {
        // Writing to a string cannot fail.
        let _ok = write!(key, "{byte:02x}");
    }
    key
}

fn notice<'a>(output: &'a Output, catalog: &'a Catalog, at: UtcMillis) -> Option<Notice<'a>> {
    let find = |id: &str| {
        let ix = catalog.by_id.get(id)?;
        catalog.equipment.get(ix.0 as usize)
    };
    let body = |event, links| Body {
        event,
        at: at.into(),
        hazard: None,
        alarm: None,
        gap: None,
        node: None,
        equipment: None,
        links,
    };
    match output {
        Output::Hazard { event, summary } => {
            let equipment = find(&summary.equipment);
            let name = hazard_event(&event.kind);
            let links = links("/hazards/", "/api/v1/hazards/", &summary.id.0);
            Some(Notice {
                about: about(name, Some(summary.severity), equipment),
                ordering: format!("hazard {}", summary.id.0),
                body: Body {
                    hazard: Some(EventHazard::of(event, summary)),
                    equipment: Some(EventEquipment::of(&summary.equipment, equipment)),
                    ..body(name, links)
                },
            })
        }
        Output::AlarmEvent(event) => {
            let equipment = find(&event.equipment);
            let name = alarm_event(event.state);
            Some(Notice {
                about: about(name, Some(event.severity), equipment),
                ordering: format!("alarm {} {}", event.equipment, event.rule),
                body: Body {
                    alarm: Some(EventAlarm::of(event)),
                    equipment: Some(EventEquipment::of(&event.equipment, equipment)),
                    ..body(name, equipment_links(&event.equipment))
                },
            })
        }
        Output::Gap(gap) => {
            let equipment = find(&gap.equipment);
            let name = gap_event(gap);
            Some(Notice {
                about: about(name, None, equipment),
                ordering: gap_ordering(gap),
                body: Body {
                    gap: Some(EventGap::of(gap)),
                    equipment: Some(EventEquipment::of(&gap.equipment, equipment)),
                    ..body(name, equipment_links(&gap.equipment))
                },
            })
        }
        Output::Log(entry) => {
            let online = came(entry)?;
            let name = if online { "node.online" } else { "node.offline" };
            let device = entry.device.as_deref();
            Some(Notice {
                about: About {
                    event: name,
                    severity: None,
                    node: &entry.node,
                    equipment: None,
                },
                ordering: format!("node {} {}", entry.node, device.unwrap_or("")),
                body: Body {
                    node: Some(EventNode {
                        id: &entry.node,
                        device,
                        online,
                    }),
                    ..body(name, links("/nodes/", "/api/v1/nodes/", &entry.node))
                },
            })
        }
        _ => None,
    }
}

fn about<'a>(
    event: &'static str,
    severity: Option<vigil_core::pack::Severity>,
    equipment: Option<&'a Equipment>,
) -> About<'a> {
    About {
        event,
        severity,
        node: equipment.map_or("", |equipment| &equipment.node),
        equipment,
    }
}

fn links(page: &str, api: &str, id: &str) -> Links {
    Links {
        page: format!("{page}{id}"),
        api: format!("{api}{id}"),
    }
}

fn equipment_links(id: &str) -> Links {
    links("/equipment/", "/api/v1/equipment/", id)
}

const fn hazard_event(kind: &HazardEventKind) -> &'static str {
    match kind {
        HazardEventKind::Opened { .. } => "hazard.opened",
        HazardEventKind::Recurred { .. } => "hazard.recurred",
        HazardEventKind::Returned { .. } => "hazard.returned",
        HazardEventKind::Confirmed { .. } => "hazard.confirmed",
        HazardEventKind::Rejected { .. } => "hazard.rejected",
        HazardEventKind::Commented { .. } => "hazard.commented",
        HazardEventKind::Reported { .. } => "hazard.reported",
        HazardEventKind::Attached { .. } => "hazard.attached",
        HazardEventKind::Assigned { .. } => "hazard.assigned",
        HazardEventKind::InterimMeasure { .. } => "hazard.interim_measure",
        HazardEventKind::RectificationStarted { .. } => "hazard.rectification_started",
        HazardEventKind::Progress { .. } => "hazard.progress",
        HazardEventKind::SelfChecked { .. } => "hazard.self_checked",
        HazardEventKind::AcceptanceRequested { .. } => "hazard.acceptance_requested",
        HazardEventKind::Accepted { .. } => "hazard.accepted",
        HazardEventKind::AcceptanceRefused { .. } => "hazard.acceptance_refused",
        HazardEventKind::ExtensionRequested { .. } => "hazard.extension_requested",
        HazardEventKind::ExtensionGranted { .. } => "hazard.extension_granted",
        HazardEventKind::ExtensionRefused { .. } => "hazard.extension_refused",
        HazardEventKind::OutOfUseRecommended { .. } => "hazard.out_of_use_recommended",
        HazardEventKind::GradeChanged { .. } => "hazard.grade_changed",
        HazardEventKind::Listed { .. } => "hazard.listed",
        HazardEventKind::Delisted { .. } => "hazard.delisted",
        HazardEventKind::FixedOnSpot { .. } => "hazard.fixed_on_spot",
        HazardEventKind::StruckOff { .. } => "hazard.struck_off",
        HazardEventKind::LookedBack { .. } => "hazard.looked_back",
        HazardEventKind::Closed { .. } => "hazard.closed",
        HazardEventKind::Repeated { .. } => "hazard.repeated",
        HazardEventKind::Relapsed { .. } => "hazard.relapsed",
        HazardEventKind::Reminded { .. } => "hazard.reminded",
        HazardEventKind::Overdue { .. } => "hazard.overdue",
        HazardEventKind::Escalated { .. } => "hazard.escalated",
        HazardEventKind::LookBackDue { .. } => "hazard.look_back_due",
    }
}

const fn alarm_event(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Normal => "alarm.normal",
        AlarmState::Unacknowledged => "alarm.unacknowledged",
        AlarmState::Acknowledged => "alarm.acknowledged",
        AlarmState::ReturnedUnacknowledged => "alarm.returned_unacknowledged",
        AlarmState::LatchedUnacknowledged => "alarm.latched_unacknowledged",
        AlarmState::LatchedAcknowledged => "alarm.latched_acknowledged",
        AlarmState::Shelved => "alarm.shelved",
        AlarmState::SuppressedByDesign => "alarm.suppressed_by_design",
        AlarmState::OutOfService => "alarm.out_of_service",
    }
}

const fn gap_event(gap: &GapRecord) -> &'static str {
    match (gap.to, gap.filled_to) {
        (None, _) => "gap.begun",
        (Some(_), None) => "gap.ended",
        (Some(_), Some(_)) => "gap.filled",
    }
}

fn gap_ordering(gap: &GapRecord) -> String {
    let quantity = gap.quantity.map_or("", |quantity| quantity.key());
    format!("gap {} {quantity}", gap.equipment)
}

fn came(entry: &LogEntry) -> Option<bool> {
    match entry.message {
        MessageType::NBirth | MessageType::DBirth => Some(true),
        MessageType::NDeath | MessageType::DDeath => Some(false),
        MessageType::NData | MessageType::DData | MessageType::NCmd | MessageType::DCmd => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{alarm_event, notices};
    use crate::sinks::webhook::EVENTS;
    use crate::store::Batch;
    use vigil_core::alarm::AlarmState;
    use vigil_core::catalog::Catalog;

    #[test]
    fn every_alarm_state_is_an_event_that_can_be_subscribed_to() {
        for state in AlarmState::ALL {
            assert!(EVENTS.contains(&alarm_event(state)), "{state:?}");
        }
    }

    #[test]
    fn without_subscribers_nothing_is_written() {
        assert!(notices(&Batch::default(), &Catalog::default(), &[]).is_empty());
    }
}
