//! A batch sorted by table: what is replaced keeps only its last state, what is added up is added up.

use super::names::Names;
use crate::store::keys::{HISTORICAL, RETAINED, kind_code};
use crate::store::{Batch, HazardWindow, Payload};
use std::collections::{BTreeMap, BTreeSet};
use vigil_core::alarm::{AlarmEvent, AlarmRecord};
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{HazardEvent, HazardSummary};
use vigil_core::output::{
    ActionEntry, DeadLetter, GapRecord, LogEntry, NodeHour, Output, RollupNumbers, UnregisteredDevice,
};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// A log row with its names turned into numbers.
#[derive(Debug)]
pub(super) struct MessageRow<'b> {
    pub(super) entry: &'b LogEntry,
    pub(super) payload: &'b [u8],
    pub(super) node: i64,
    pub(super) device: i64,
    pub(super) kind: i64,
    pub(super) flags: i64,
    pub(super) context: Option<i64>,
}

/// The rows of a batch, by table.
#[derive(Debug, Default)]
pub(super) struct Rows<'b> {
    pub(super) messages: Vec<MessageRow<'b>>,
    pub(super) actions: Vec<&'b ActionEntry>,
    pub(super) dead_letters: Vec<(&'b DeadLetter, &'b [u8])>,
    pub(super) unregistered: BTreeMap<(&'b str, &'b str), &'b UnregisteredDevice>,
    pub(super) unknown_codes: BTreeMap<CodeKey<'b>, CodeTimes>,
    pub(super) alarms: BTreeMap<(&'b str, &'b str), &'b AlarmRecord>,
    pub(super) alarm_events: Vec<&'b AlarmEvent>,
    pub(super) hazards: BTreeMap<&'b str, &'b HazardSummary>,
    pub(super) hazard_events: Vec<&'b HazardEvent>,
    pub(super) hazard_attachments: BTreeSet<(ContentHash, &'b str)>,
    pub(super) windows: Vec<(&'b HazardWindow, i64, i64)>,
    pub(super) gaps: BTreeMap<GapKey<'b>, &'b GapRecord>,
    pub(super) rollups: BTreeMap<RollupKey<'b>, RollupNumbers>,
    pub(super) node_hours: BTreeMap<(&'b str, UtcMillis), NodeHour>,
}

/// What makes a gap the same gap: equipment, start, quantity (empty: all), reason.
pub(super) type GapKey<'b> = (&'b str, UtcMillis, &'static str, &'static str);
/// Equipment, scheme (empty: none), code.
pub(super) type CodeKey<'b> = (&'b str, &'b str, &'b str);
/// Equipment, quantity, hour.
pub(super) type RollupKey<'b> = (&'b str, &'static str, UtcMillis);

/// When an unknown code was there, and how often it appeared.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodeTimes {
    pub(super) first: UtcMillis,
    pub(super) last: UtcMillis,
    pub(super) count: i64,
}

impl<'b> Rows<'b> {
    /// Sorts `batch`; names not seen before get their numbers.
    pub(super) fn of(batch: &'b Batch, names: &mut Names) -> Self {
        let mut rows = Self {
            messages: Vec::with_capacity(batch.payloads.len()),
            ..Self::default()
        };
        for output in &batch.outputs {
            match output {
                Output::Log(entry) => rows.messages.push(message(entry, batch, names)),
                Output::LogAction(entry) => rows.actions.push(entry),
                Output::Context(context) => names.add_context(context),
                Output::DeadLetter(letter) => {
                    rows.dead_letters
                        .push((letter, bytes_of(batch.payload(letter.position))));
                }
                Output::Unregistered(device) => {
                    let key = (&*device.node, device.device.as_deref().unwrap_or(""));
                    rows.unregistered.insert(key, device);
                }
                Output::UnknownCode(told) => {
                    let key = (
                        &*told.equipment,
                        told.scheme.as_deref().unwrap_or(""),
                        told.code.as_str(),
                    );
                    let times = rows.unknown_codes.entry(key).or_insert(CodeTimes {
                        first: told.at,
                        last: told.at,
                        count: 0,
                    });
                    times.first = times.first.min(told.at);
                    times.last = times.last.max(told.at);
                    times.count += i64::from(told.appeared);
                }
                Output::Alarm(alarm) => {
                    rows.alarms.insert((&alarm.equipment, &alarm.rule), alarm);
                }
                Output::AlarmEvent(event) => rows.alarm_events.push(event),
                Output::Hazard { event, summary } => {
                    rows.hazards.insert(&summary.id.0, summary);
                    rows.hazard_events.push(event);
                    let files = event.kind.attachments().iter();
                    rows.hazard_attachments
                        .extend(files.map(|file| (file.sha256, &*summary.id.0)));
                }
                Output::Gap(gap) => {
                    let key = (
                        &*gap.equipment,
                        gap.from,
                        gap.quantity.map_or("", Quantity::key),
                        reason(gap),
                    );
                    rows.gaps.insert(key, gap);
                }
                Output::Rollup(rollup) => {
                    let key = (&*rollup.equipment, rollup.quantity.key(), rollup.hour);
                    rows.rollups
                        .entry(key)
                        .and_modify(|numbers| merge(numbers, &rollup.numbers))
                        .or_insert(rollup.numbers);
                }
                Output::NodeHour(hour) => {
                    rows.node_hours
                        .entry((&hour.node, hour.hour))
                        .and_modify(|sum| add(sum, hour))
                        .or_insert_with(|| hour.clone());
                }
                Output::Duplicate { .. } | Output::Command(_) | Output::Refused(_) => {}
            }
        }
        for window in &batch.windows {
            let (node, device) = names.ids(&window.node, window.device.as_ref());
            rows.windows.push((window, node, device));
        }
        rows
    }
}

fn message<'b>(entry: &'b LogEntry, batch: &'b Batch, names: &mut Names) -> MessageRow<'b> {
    let payload = batch.payload(entry.position);
    let (node, device) = names.ids(&entry.node, entry.device.as_ref());
    let historical = if entry.historical { HISTORICAL } else { 0 };
    let retained = if payload.is_some_and(|payload| payload.retained) {
        RETAINED
    } else {
        0
    };
    MessageRow {
        entry,
        payload: bytes_of(payload),
        node,
        device,
        kind: kind_code(entry.message),
        flags: historical | retained,
        context: entry.context.and_then(|hash| names.context(&hash)),
    }
}

fn bytes_of(payload: Option<&Payload>) -> &[u8] {
    payload.map_or(&[], |payload| &payload.bytes)
}

pub(super) const fn reason(gap: &GapRecord) -> &'static str {
    use vigil_core::output::GapReason;
    match gap.reason {
        GapReason::Offline => "offline",
        GapReason::Silent => "silent",
        GapReason::Dropped => "dropped",
        GapReason::BadQuality => "bad_quality",
    }
}

fn merge(into: &mut RollupNumbers, from: &RollupNumbers) {
    if from.good > 0 {
        if into.good == 0 {
            (into.min, into.max, into.last, into.last_at) = (from.min, from.max, from.last, from.last_at);
        } else {
            into.min = into.min.min(from.min);
            into.max = into.max.max(from.max);
            if from.last_at >= into.last_at {
                (into.last, into.last_at) = (from.last, from.last_at);
            }
        }
        into.sum += from.sum;
    }
    into.good = into.good.saturating_add(from.good);
    into.bad = into.bad.saturating_add(from.bad);
}

fn add(into: &mut NodeHour, from: &NodeHour) {
    into.expected += from.expected;
    into.received += from.received;
    into.late += from.late;
    into.dropped += from.dropped;
    into.duplicate += from.duplicate;
}
