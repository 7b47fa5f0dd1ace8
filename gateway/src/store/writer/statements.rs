//! The statements of a batch, in an order that satisfies every reference.

use super::insert::{Insert, Plan};
use super::names::Names;
use super::rows::{Rows, reason};
use crate::store::keys::{source_code, word};
use crate::store::words::words_of;
use crate::store::{Batch, StoreError};
use vigil_core::hazard::HazardSummary;
use vigil_core::output::RollupNumbers;

/// One prepared insert per table.
#[derive(Debug)]
pub(super) struct Statements {
    nodes: Insert,
    devices: Insert,
    contexts: Insert,
    messages: Insert,
    actions: Insert,
    dead_letters: Insert,
    unregistered: Insert,
    unknown_codes: Insert,
    alarms: Insert,
    alarm_events: Insert,
    hazards: Insert,
    hazard_events: Insert,
    hazard_attachments: Insert,
    windows: Insert,
    gaps: Insert,
    rollups: Insert,
    node_hours: Insert,
    server_events: Insert,
    outbox: Insert,
    snapshots: Insert,
    policies: Insert,
    meta: Insert,
}

impl Statements {
    #[rustfmt::skip]
    pub(super) fn new() -> Self {
        Self {
            nodes: Insert::new("nodes", "INSERT INTO nodes (id, name)", 2, ""),
            devices: Insert::new("devices", "INSERT INTO devices (id, node_id, name)", 3, ""),
            contexts: Insert::new("contexts", "INSERT INTO contexts (id, hash, topic, payload)", 4, ""),
            messages: Insert::new("messages",
                "INSERT INTO messages (position, node_id, device_id, kind, flags, epoch, seq, published, received, context_id, payload, source)",
                12, ""),
            actions: Insert::new("actions",
                "INSERT INTO actions (position, received, node, actor, idempotency_key, json)", 6, ""),
            dead_letters: Insert::new("dead letters",
                "INSERT INTO dead_letters (position, topic, reason, received, payload)", 5, ""),
            unregistered: Insert::new("unregistered devices",
                "INSERT INTO unregistered (node, device, first_seen, last_seen, messages, metrics)", 6,
                "ON CONFLICT (node, device) DO UPDATE SET last_seen = excluded.last_seen, \
                 messages = excluded.messages, metrics = excluded.metrics"),
            unknown_codes: Insert::new("unknown codes",
                "INSERT INTO unknown_codes (equipment, scheme, code, first_seen, last_seen, count)", 6,
                "ON CONFLICT (equipment, scheme, code) DO UPDATE SET count = unknown_codes.count + excluded.count, \
                 first_seen = CASE WHEN excluded.first_seen < unknown_codes.first_seen THEN excluded.first_seen ELSE unknown_codes.first_seen END, \
                 last_seen = CASE WHEN excluded.last_seen > unknown_codes.last_seen THEN excluded.last_seen ELSE unknown_codes.last_seen END"),
            alarms: Insert::new("alarms",
                "INSERT INTO alarms (equipment, rule, class, severity, state, active, acked, latched, shelved_until, \
                 suppressed, out_of_service, since, changed, count, hazard, detail)", 16,
                "ON CONFLICT (equipment, rule) DO UPDATE SET class = excluded.class, severity = excluded.severity, \
                 state = excluded.state, active = excluded.active, acked = excluded.acked, latched = excluded.latched, \
                 shelved_until = excluded.shelved_until, suppressed = excluded.suppressed, \
                 out_of_service = excluded.out_of_service, since = excluded.since, changed = excluded.changed, \
                 count = excluded.count, hazard = excluded.hazard, detail = excluded.detail"),
            alarm_events: Insert::new("alarm events",
                "INSERT INTO alarm_events (equipment, rule, at, source_at, state, severity, actor, detail)", 8, ""),
            hazards: Insert::new("hazards",
                "INSERT INTO hazards (id, equipment, rule, episode, status, grade, severity, opened_at, late, \
                 condition_active, trips, events, changed, head, title_zh, title_en, clause, source, category, unit, \
                 deadline, overdue, listed, repeats, struck_off_at, use_unit, maintenance_unit, inspection_body, area, \
                 fold, words)", 31,
                "ON CONFLICT (id) DO UPDATE SET equipment = excluded.equipment, rule = excluded.rule, \
                 episode = excluded.episode, opened_at = excluded.opened_at, status = excluded.status, \
                 grade = excluded.grade, severity = excluded.severity, late = excluded.late, \
                 condition_active = excluded.condition_active, trips = excluded.trips, events = excluded.events, \
                 changed = excluded.changed, head = excluded.head, title_zh = excluded.title_zh, \
                 title_en = excluded.title_en, clause = excluded.clause, category = excluded.category, \
                 unit = excluded.unit, deadline = excluded.deadline, overdue = excluded.overdue, \
                 listed = excluded.listed, repeats = excluded.repeats, struck_off_at = excluded.struck_off_at, \
                 use_unit = CASE WHEN EXISTS (SELECT 1 FROM equipment_scopes s WHERE s.equipment = excluded.equipment) \
                     THEN hazards.use_unit ELSE excluded.use_unit END, \
                 maintenance_unit = CASE WHEN EXISTS (SELECT 1 FROM equipment_scopes s WHERE s.equipment = excluded.equipment) \
                     THEN hazards.maintenance_unit ELSE excluded.maintenance_unit END, \
                 inspection_body = CASE WHEN EXISTS (SELECT 1 FROM equipment_scopes s WHERE s.equipment = excluded.equipment) \
                     THEN hazards.inspection_body ELSE excluded.inspection_body END, \
                 area = CASE WHEN EXISTS (SELECT 1 FROM equipment_scopes s WHERE s.equipment = excluded.equipment) \
                     THEN hazards.area ELSE excluded.area END, \
                 fold = excluded.fold"),
            hazard_events: Insert::new("hazard events",
                "INSERT INTO hazard_events (hazard, seq, at, position, prev, hash, json)", 7, ""),
            hazard_attachments: Insert::new("attachments of hazards",
                "INSERT INTO hazard_attachments (sha256, hazard)", 2, "ON CONFLICT (sha256, hazard) DO NOTHING"),
            windows: Insert::new("hazard windows",
                "INSERT INTO hazard_windows (hazard, node_id, device_id, from_ms, to_ms)", 5,
                "ON CONFLICT (hazard) DO UPDATE SET \
                 from_ms = CASE WHEN excluded.from_ms < hazard_windows.from_ms THEN excluded.from_ms ELSE hazard_windows.from_ms END, \
                 to_ms = CASE WHEN excluded.to_ms > hazard_windows.to_ms THEN excluded.to_ms ELSE hazard_windows.to_ms END"),
            gaps: Insert::new("gaps",
                "INSERT INTO gaps (equipment, quantity, from_ms, reason, to_ms, filled_to)", 6,
                "ON CONFLICT (equipment, from_ms, quantity, reason) DO UPDATE SET to_ms = excluded.to_ms, \
                 filled_to = excluded.filled_to"),
            rollups: Insert::new("roll-ups",
                "INSERT INTO rollups (equipment, quantity, hour, good, bad, min, max, sum, last, last_at)", 10,
                "ON CONFLICT (equipment, quantity, hour) DO UPDATE SET good = rollups.good + excluded.good, \
                 bad = rollups.bad + excluded.bad, sum = rollups.sum + excluded.sum, \
                 min = CASE WHEN rollups.min IS NULL OR excluded.min < rollups.min THEN excluded.min ELSE rollups.min END, \
                 max = CASE WHEN rollups.max IS NULL OR excluded.max > rollups.max THEN excluded.max ELSE rollups.max END, \
                 last = CASE WHEN excluded.last IS NOT NULL AND (rollups.last IS NULL OR excluded.last_at >= rollups.last_at) \
                        THEN excluded.last ELSE rollups.last END, \
                 last_at = CASE WHEN excluded.last IS NOT NULL AND (rollups.last IS NULL OR excluded.last_at >= rollups.last_at) \
                        THEN excluded.last_at ELSE rollups.last_at END"),
            node_hours: Insert::new("node hours",
                "INSERT INTO node_hours (node, hour, expected, received, late, dropped, duplicate)", 7,
                "ON CONFLICT (node, hour) DO UPDATE SET expected = node_hours.expected + excluded.expected, \
                 received = node_hours.received + excluded.received, late = node_hours.late + excluded.late, \
                 dropped = node_hours.dropped + excluded.dropped, duplicate = node_hours.duplicate + excluded.duplicate"),
            server_events: Insert::new("server events", "INSERT INTO server_events (id, at, kind, json)", 4, ""),
            outbox: Insert::new("outbox entries",
                "INSERT INTO outbox (sink, event, ordering, key, at, since, body)", 7, ""),
            snapshots: Insert::new("snapshots", "INSERT INTO snapshots (node, position, json)", 3,
                "ON CONFLICT (node) DO UPDATE SET position = excluded.position, json = excluded.json"),
            policies: Insert::new("policies",
                "INSERT INTO loop_policies (position, at, hash, json)", 4, ""),
            meta: Insert::new("meta", "INSERT INTO meta (key, value)", 2,
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value"),
        }
    }

    /// The table whose rows are counted.
    pub(super) const COUNTED: &str = "messages";

    /// Everything the batch writes.
    pub(super) fn plan(&self, names: &Names, rows: &Rows<'_>, batch: &Batch) -> Result<Plan, StoreError> {
        let mut plan = Plan::default();
        let to = &mut plan;
        let added = names.added();
        self.nodes
            .plan(to, added.nodes.iter(), |q, (id, name)| q.bind(*id).bind(&**name))?;
        self.devices
            .plan(to, added.devices.iter(), |q, (id, node, name)| {
                q.bind(*id).bind(*node).bind(&**name)
            })?;
        self.contexts
            .plan(to, added.contexts.iter(), |q, (id, context)| {
                q.bind(*id)
                    .bind(&context.hash.0[..])
                    .bind(&*context.topic)
                    .bind(&*context.payload)
            })?;
        self.messages.plan(to, rows.messages.iter(), |q, row| {
            let journal = row.entry.journal;
            q.bind(row.entry.position.0 as i64)
                .bind(row.node)
                .bind(row.device)
                .bind(row.kind)
                .bind(row.flags)
                // The bits of the u64: SQLite has no unsigned numbers, and only equality matters.
                .bind(journal.map(|(epoch, _)| epoch as i64))
                .bind(journal.map(|(_, seq)| seq as i64))
                .bind(row.entry.published.map(|at| at.0))
                .bind(row.entry.received.0)
                .bind(row.context)
                .bind(row.payload)
                .bind(source_code(row.entry.source))
        })?;
        self.plan_few(to, rows, batch)?;
        self.plan_state(to, rows)?;
        self.plan_progress(to, batch)?;
        Ok(plan)
    }

    /// What most batches have none of.
    fn plan_few(&self, to: &mut Plan, rows: &Rows<'_>, batch: &Batch) -> Result<(), StoreError> {
        self.actions.plan(to, rows.actions.iter(), |q, entry| {
            q.bind(entry.position.0 as i64)
                .bind(entry.received.0)
                .bind(batch.node_of_action(entry.position))
                .bind(entry.action.actor.clone())
                .bind(entry.action.idempotency_key.clone())
                .bind(json(&entry.action))
        })?;
        self.dead_letters
            .plan(to, rows.dead_letters.iter(), |q, (letter, payload)| {
                q.bind(letter.position.0 as i64)
                    .bind(&*letter.topic)
                    .bind(letter.reason.as_str())
                    .bind(letter.received.0)
                    .bind(*payload)
            })?;
        self.unregistered
            .plan(to, rows.unregistered.iter(), |q, ((node, device), found)| {
                q.bind(*node)
                    .bind(*device)
                    .bind(found.first_seen.0)
                    .bind(found.last_seen.0)
                    .bind(found.messages as i64)
                    .bind(json(&found.metrics))
            })?;
        self.unknown_codes.plan(
            to,
            rows.unknown_codes.iter(),
            |q, ((equipment, scheme, code), times)| {
                q.bind(*equipment)
                    .bind(*scheme)
                    .bind(*code)
                    .bind(times.first.0)
                    .bind(times.last.0)
                    .bind(times.count)
            },
        )?;
        Ok(())
    }

    /// Alarms, hazards, gaps and the numbers per hour.
    fn plan_state(&self, to: &mut Plan, rows: &Rows<'_>) -> Result<(), StoreError> {
        self.alarms.plan(to, rows.alarms.values(), |q, alarm| {
            q.bind(&*alarm.equipment)
                .bind(&*alarm.rule)
                .bind(word(&alarm.class))
                .bind(word(&alarm.severity))
                .bind(word(&alarm.state))
                .bind(alarm.flags.active)
                .bind(alarm.flags.acked)
                .bind(alarm.flags.latched)
                .bind(alarm.flags.shelved_until.map(|at| at.0))
                .bind(alarm.flags.suppressed)
                .bind(alarm.flags.out_of_service)
                .bind(alarm.since.0)
                .bind(alarm.changed.0)
                .bind(i64::from(alarm.count))
                .bind(alarm.hazard.as_deref())
                .bind(alarm.detail.as_str())
        })?;
        self.alarm_events.plan(to, rows.alarm_events.iter(), |q, event| {
            q.bind(&*event.equipment)
                .bind(&*event.rule)
                .bind(event.at.0)
                .bind(event.source_at.0)
                .bind(word(&event.state))
                .bind(word(&event.severity))
                .bind(event.actor.as_deref())
                .bind(event.detail.as_str())
        })?;
        // Of one rule only one is open: what has been struck off makes room first.
        let (open, done): (Vec<&HazardSummary>, Vec<&HazardSummary>) =
            rows.hazards.values().partition(|hazard| hazard.is_open());
        let hazards: Vec<&HazardSummary> = done.into_iter().chain(open).collect();
        self.hazards.plan(to, hazards.into_iter(), |q, hazard| {
            let handling = &*hazard.handling;
            let q = q
                .bind(&*hazard.id.0)
                .bind(&*hazard.equipment)
                .bind(&*hazard.rule)
                .bind(hazard.episode.0)
                .bind(word(&hazard.status))
                .bind(word(&hazard.grade))
                .bind(word(&hazard.severity))
                .bind(hazard.opened_at.0)
                .bind(hazard.late)
                .bind(hazard.condition_active)
                .bind(i64::from(hazard.trips))
                .bind(i64::from(hazard.events))
                .bind(hazard.changed.0)
                .bind(hazard.head.to_string())
                .bind(&*hazard.title_zh)
                .bind(&*hazard.title_en)
                .bind(&*hazard.clause);
            q.bind(word(&handling.source))
                .bind(&*handling.category)
                .bind(
                    handling
                        .assignment
                        .as_ref()
                        .and_then(|assignment| assignment.unit.as_deref()),
                )
                .bind(handling.deadline.map(|at| at.0))
                .bind(handling.overdue)
                .bind(handling.listed.as_deref())
                .bind(
                    handling
                        .repeat
                        .as_ref()
                        .map_or(0, |repeat| i64::from(repeat.count)),
                )
                .bind(handling.struck_off_at.map(|at| at.0))
                .bind(handling.scope.use_unit.as_deref())
                .bind(handling.scope.maintenance_unit.as_deref())
                .bind(handling.scope.inspection_body.as_deref())
                .bind(&*handling.scope.area)
                .bind(json(hazard))
                .bind(words_of(hazard))
        })?;
        self.hazard_attachments
            .plan(to, rows.hazard_attachments.iter(), |q, (sha256, hazard)| {
                q.bind(sha256.to_string()).bind(*hazard)
            })?;
        self.hazard_events
            .plan(to, rows.hazard_events.iter(), |q, event| {
                q.bind(&*event.hazard.0)
                    .bind(i64::from(event.seq))
                    .bind(event.at.0)
                    .bind(event.position.0 as i64)
                    .bind(event.prev.to_string())
                    .bind(event.hash.to_string())
                    .bind(json(event))
            })?;
        self.windows
            .plan(to, rows.windows.iter(), |q, (window, node, device)| {
                q.bind(&*window.hazard)
                    .bind(*node)
                    .bind(*device)
                    .bind(window.from.0)
                    .bind(window.to.0)
            })?;
        self.gaps.plan(to, rows.gaps.values(), |q, gap| {
            q.bind(&*gap.equipment)
                .bind(gap.quantity.map_or("", |quantity| quantity.key()))
                .bind(gap.from.0)
                .bind(reason(gap))
                .bind(gap.to.map(|at| at.0))
                .bind(gap.filled_to.map(|at| at.0))
        })?;
        self.rollups.plan(
            to,
            rows.rollups.iter(),
            |q, ((equipment, quantity, hour), numbers)| {
                let some = |value: fn(&RollupNumbers) -> f64| (numbers.good > 0).then(|| value(numbers));
                q.bind(*equipment)
                    .bind(*quantity)
                    .bind(hour.0)
                    .bind(i64::from(numbers.good))
                    .bind(i64::from(numbers.bad))
                    .bind(some(|n| n.min))
                    .bind(some(|n| n.max))
                    .bind(some(|n| n.sum).unwrap_or(0.0))
                    .bind(some(|n| n.last))
                    .bind(numbers.last_at.0)
            },
        )?;
        self.node_hours.plan(to, rows.node_hours.values(), |q, hour| {
            q.bind(&*hour.node)
                .bind(hour.hour.0)
                .bind(hour.expected as i64)
                .bind(hour.received as i64)
                .bind(hour.late as i64)
                .bind(hour.dropped as i64)
                .bind(hour.duplicate as i64)
        })?;
        Ok(())
    }

    /// Events for readers, snapshots, and how far the core is.
    fn plan_progress(&self, to: &mut Plan, batch: &Batch) -> Result<(), StoreError> {
        self.server_events.plan(to, batch.events.iter(), |q, event| {
            q.bind(event.id)
                .bind(event.at.0)
                .bind(event.kind)
                .bind(event.json.as_str())
        })?;
        self.outbox.plan(to, batch.outbox.iter(), |q, entry| {
            q.bind(&*entry.sink)
                .bind(entry.event)
                .bind(entry.ordering.as_str())
                .bind(entry.key.as_str())
                .bind(entry.at.0)
                .bind(entry.at.0)
                .bind(entry.body.as_str())
        })?;
        self.snapshots.plan(to, batch.snapshots.iter(), |q, snapshot| {
            q.bind(&*snapshot.node)
                .bind(snapshot.position.0 as i64)
                .bind(snapshot.json.as_slice())
        })?;
        self.policies.plan(to, batch.policy.iter(), |q, kept| {
            q.bind(kept.position.0 as i64)
                .bind(kept.at.0)
                .bind(kept.hash.to_string())
                .bind(kept.json.as_str())
        })?;
        let mut meta = vec![
            ("last_now", batch.now.0.to_string()),
            ("last_position", batch.position.0.to_string()),
        ];
        if batch.id > 0 {
            meta.push(("batch", batch.id.to_string()));
        }
        if let Some(watermark) = batch.watermark {
            meta.push(("watermark", watermark.0.to_string()));
        }
        self.meta.plan(to, meta.iter(), |q, (key, value)| {
            q.bind(*key).bind(value.as_str())
        })?;
        Ok(())
    }
}

/// The JSON of a value that always has one: its maps are keyed by strings and it holds no NaN.
fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"unserializable\":\"{error}\"}}"))
}
