//! Devices that send but are in no catalog: listed with what they say, never dropped.

use super::birth::is_housekeeping;
use super::table::{Table, Target};
use crate::output::UnregisteredDevice;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::sync::Arc;
use vigil_protocol::sparkplug::{DataType, MetricView, PayloadView, Value};
use vigil_protocol::time::UtcMillis;

/// Metrics shown per device while there are few unregistered devices …
const METRICS: usize = 64;
/// … and when there are many: strangers must not eat the memory.
const METRICS_CROWDED: usize = 8;
/// More unregistered devices than this is a crowd.
const CROWD: usize = 1_000;
/// Longest name and value kept, in bytes.
const MAX_TEXT: usize = 96;
/// Told again at most this often; births sooner.
const INTERVAL_MS: i64 = 60_000;
const BIRTH_INTERVAL_MS: i64 = 1_000;

/// What is known of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unregistered {
    first_seen: UtcMillis,
    last_seen: UtcMillis,
    #[serde(default)]
    told: Option<UtcMillis>,
    messages: u64,
    /// Name, latest value, datatype code as declared by the birth (0: none).
    metrics: Vec<(String, String, u32)>,
}

impl Unregistered {
    pub(crate) fn new(now: UtcMillis) -> Self {
        Self {
            first_seen: now,
            last_seen: now,
            told: None,
            messages: 0,
            metrics: Vec::new(),
        }
    }

    /// Where a metric is listed; housekeeping, and what is too much, is not.
    pub(crate) fn place(&mut self, name: &str, crowd: usize) -> Option<u16> {
        if is_housekeeping(name) {
            return None;
        }
        let name = cut(name);
        if let Some(at) = self.metrics.iter().position(|(known, _, _)| known == name) {
            return Some(at as u16);
        }
        let room = if crowd > CROWD { METRICS_CROWDED } else { METRICS };
        if self.metrics.len() >= room {
            return None;
        }
        self.metrics.push((name.to_owned(), String::new(), 0));
        Some((self.metrics.len() - 1) as u16)
    }

    /// A message of it arrived. `table` is what its birth declares.
    pub(crate) fn on_message(
        &mut self,
        payload: &PayloadView<'_>,
        table: Option<&Table>,
        crowd: usize,
        now: UtcMillis,
    ) {
        self.messages += 1;
        self.last_seen = now;
        for metric in payload.metrics().flatten() {
            let declared = metric.alias.and_then(|alias| table?.get(alias)).copied();
            let place = match metric.name.filter(|name| !name.is_empty()) {
                Some(name) => self.place(name, crowd),
                None => match declared.map(|entry| entry.target) {
                    Some(Target::Other(place)) => Some(place),
                    _ => None,
                },
            };
            let Some(slot) = place.and_then(|place| self.metrics.get_mut(usize::from(place))) else {
                continue;
            };
            if let Some(datatype) = metric.datatype.filter(|code| *code != 0) {
                slot.2 = datatype;
            }
            let datatype = declared
                .and_then(|entry| entry.datatype)
                .or_else(|| DataType::from_code(slot.2));
            slot.1 = text_of(&metric, datatype);
        }
    }

    /// Whether the list is to be told: at first sight, then once a minute.
    pub(crate) fn take_due(&mut self, birth: bool, now: UtcMillis) -> bool {
        let wait = if birth { BIRTH_INTERVAL_MS } else { INTERVAL_MS };
        let due = !self.metrics.is_empty() && self.told.is_none_or(|told| now.since(told) >= wait);
        if due {
            self.told = Some(now);
        }
        due
    }

    pub(crate) fn is_listed(&self) -> bool {
        !self.metrics.is_empty()
    }

    pub(crate) fn describe(&self, node: &Arc<str>, device: Option<&Arc<str>>) -> UnregisteredDevice {
        UnregisteredDevice {
            node: node.clone(),
            device: device.cloned(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            messages: self.messages,
            metrics: self
                .metrics
                .iter()
                .map(|(name, value, _)| (name.clone(), value.clone()))
                .collect(),
        }
    }
}

fn text_of(metric: &MetricView<'_>, declared: Option<DataType>) -> String {
    let mut text = String::new();
    let written = match metric.value(declared.filter(|datatype| *datatype != DataType::Unknown)) {
        Ok(Value::Int(number)) => write!(text, "{number}"),
        Ok(Value::UInt(number)) => write!(text, "{number}"),
        Ok(Value::Float(number)) => write!(text, "{number}"),
        Ok(Value::Double(number)) => write!(text, "{number}"),
        Ok(Value::Bool(on)) => write!(text, "{on}"),
        Ok(Value::Str(string)) => write!(text, "{}", cut(string)),
        Ok(Value::DateTime(at)) => write!(text, "{} ms", at.0),
        Ok(Value::Null) => write!(text, "null"),
        Ok(Value::Unsupported(datatype)) => write!(text, "({})", datatype.name()),
        Err(error) => write!(text, "({error})"),
    };
    // Writing to a String cannot fail.
    debug_assert!(written.is_ok());
    if let Some(unit) = metric.unit() {
        text.push(' ');
        text.push_str(cut(unit));
    }
    text
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
