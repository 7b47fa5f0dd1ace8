//! Who wants to hear of what.

use std::sync::Arc;
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::pack::Severity;

/// Every event there is. The part before the dot is its family.
pub const EVENTS: &[&str] = &[
    "hazard.opened",
    "hazard.recurred",
    "hazard.returned",
    "hazard.confirmed",
    "hazard.rejected",
    "hazard.commented",
    "hazard.reported",
    "hazard.attached",
    "hazard.assigned",
    "hazard.interim_measure",
    "hazard.rectification_started",
    "hazard.progress",
    "hazard.self_checked",
    "hazard.acceptance_requested",
    "hazard.accepted",
    "hazard.acceptance_refused",
    "hazard.extension_requested",
    "hazard.extension_granted",
    "hazard.extension_refused",
    "hazard.out_of_use_recommended",
    "hazard.grade_changed",
    "hazard.listed",
    "hazard.delisted",
    "hazard.fixed_on_spot",
    "hazard.struck_off",
    "hazard.looked_back",
    "hazard.closed",
    "hazard.repeated",
    "hazard.relapsed",
    "hazard.reminded",
    "hazard.overdue",
    "hazard.escalated",
    "hazard.look_back_due",
    "alarm.normal",
    "alarm.unacknowledged",
    "alarm.acknowledged",
    "alarm.returned_unacknowledged",
    "alarm.latched_unacknowledged",
    "alarm.latched_acknowledged",
    "alarm.shelved",
    "alarm.suppressed_by_design",
    "alarm.out_of_service",
    "gap.begun",
    "gap.ended",
    "gap.filled",
    "node.online",
    "node.offline",
];

/// Somebody events are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Name: what the outbox calls it.
    pub name: Arc<str>,
    /// What it wants.
    pub filter: Filter,
    /// Where people reach the gateway, without a slash at the end; empty: links have no host.
    pub base: Arc<str>,
}

/// What a subscriber wants; what is empty does not restrict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Families (`hazard`) or events (`hazard.opened`).
    pub events: Vec<String>,
    /// Hazards and alarms at least this bad (S1 is the worst). Others have no severity.
    pub min_severity: Severity,
    /// Beginnings of the register's `area_code`.
    pub area_codes: Vec<String>,
    /// Sparkplug groups.
    pub groups: Vec<String>,
}

/// What a filter looks at.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What happened.
    pub event: &'static str,
    /// How bad, if it has a severity.
    pub severity: Option<Severity>,
    /// `group/node`.
    pub node: &'a str,
    /// The equipment it is about; `None` when it is about a node, or the catalog no longer knows it.
    pub equipment: Option<&'a Equipment>,
}

impl Filter {
    /// Whether an event is wanted.
    #[must_use]
    pub fn wants(&self, about: &About<'_>, catalog: &Catalog) -> bool {
        let family = about.event.split('.').next().unwrap_or(about.event);
        let event = self.events.is_empty()
            || self
                .events
                .iter()
                .any(|wanted| wanted == family || wanted == about.event);
        let bad_enough = about
            .severity
            .is_none_or(|severity| severity <= self.min_severity);
        event && bad_enough && self.wants_group(about.node) && self.wants_area(about, catalog)
    }

    fn wants_group(&self, node: &str) -> bool {
        let group = node.split('/').next().unwrap_or(node);
        self.groups.is_empty() || self.groups.iter().any(|wanted| wanted == group)
    }

    /// A node is in an area if something it speaks for is.
    fn wants_area(&self, about: &About<'_>, catalog: &Catalog) -> bool {
        let inside = |equipment: &Equipment| {
            let code = equipment.register.get("area_code").unwrap_or("");
            self.area_codes
                .iter()
                .any(|wanted| code.starts_with(wanted.as_str()))
        };
        if self.area_codes.is_empty() {
            return true;
        }
        match about.equipment {
            Some(equipment) => inside(equipment),
            None => catalog
                .by_binding
                .get(about.node)
                .into_iter()
                .flatten()
                .filter_map(|(_, ix)| catalog.equipment.get(ix.0 as usize))
                .any(inside),
        }
    }
}
