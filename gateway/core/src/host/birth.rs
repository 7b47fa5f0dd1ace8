//! A birth certificate read once: what each alias stands for, and what the node says about itself.

use crate::hash::ContentHash;
use std::collections::HashMap;
use vigil_protocol::journal as names;
use vigil_protocol::sparkplug::{DataType, MetricView, PayloadView, Value};

/// Metrics of one birth that are looked at; the rest is counted.
pub(crate) const MAX_METRICS: usize = 20_000;

/// One declared metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared<'a> {
    pub(crate) name: &'a str,
    pub(crate) alias: Option<u64>,
    pub(crate) datatype: Option<DataType>,
    pub(crate) unit: Option<&'a str>,
}

/// A birth certificate as its metrics declare it. Values are not in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Birth<'a> {
    /// Named metrics in the order sent; of two with one name or alias the last counts.
    pub(crate) metrics: Vec<Declared<'a>>,
    /// All metrics, including what is left out here.
    pub(crate) count: u32,
    pub(crate) bd_seq: Option<u64>,
    pub(crate) bd_seqs: u32,
    pub(crate) epoch: Option<u64>,
    pub(crate) first: Option<u64>,
    pub(crate) next: Option<u64>,
    /// Nothing has been journaled of it since its node was powered up.
    pub(crate) booted: bool,
    pub(crate) dropped: Option<u64>,
    pub(crate) firmware: Option<&'a str>,
    /// It obeys `Node Control/Time`.
    pub(crate) takes_time: bool,
    /// Changes whenever an alias would mean something else; values and times do not count.
    pub(crate) meaning: u64,
    pub(crate) bad_metrics: u32,
    pub(crate) left_out: u32,
    pub(crate) twice_named: u32,
    pub(crate) twice_aliased: u32,
    pub(crate) case_only: u32,
}

impl<'a> Birth<'a> {
    /// Reads what a payload declares.
    pub(crate) fn read(payload: &PayloadView<'a>) -> Self {
        let mut birth = Self::default();
        for metric in payload.metrics() {
            birth.count = birth.count.saturating_add(1);
            match metric {
                Ok(metric) => birth.add(&metric),
                Err(_) => birth.bad_metrics += 1,
            }
        }
        birth.resolve_repeats();
        birth.meaning = birth.fingerprint();
        birth
    }

    fn add(&mut self, metric: &MetricView<'a>) {
        let Some(name) = metric.name.filter(|name| !name.is_empty()) else {
            self.bad_metrics += 1;
            return;
        };
        let number = || {
            metric
                .value(Some(DataType::UInt64))
                .ok()
                .and_then(|value| value.as_u64())
        };
        match name {
            names::METRIC_BDSEQ => {
                self.bd_seqs += 1;
                // Tahu JS sends UInt64, others Int64; a negative one is no bdSeq.
                self.bd_seq = number();
            }
            names::METRIC_EPOCH => self.epoch = number(),
            names::METRIC_FIRST => self.first = number(),
            names::METRIC_NEXT => self.next = number(),
            names::METRIC_TIME => self.takes_time = true,
            names::METRIC_BOOT => self.booted = is_true(metric),
            names::METRIC_DROPPED => self.dropped = number(),
            _ if is_firmware(name) => {
                if let Ok(Value::Str(text)) = metric.value(Some(DataType::String)) {
                    self.firmware = Some(text);
                }
            }
            _ => {}
        }
        if self.metrics.len() == MAX_METRICS {
            self.left_out += 1;
            return;
        }
        self.metrics.push(Declared {
            name,
            alias: metric.alias,
            datatype: metric
                .datatype
                .and_then(DataType::from_code)
                .filter(|datatype| *datatype != DataType::Unknown),
            unit: metric.unit(),
        });
    }

    /// Of several metrics with one name, or one alias, the last stays. Counts names that differ only by case.
    fn resolve_repeats(&mut self) {
        let mut by_name: HashMap<&str, usize> = HashMap::with_capacity(self.metrics.len());
        let mut by_alias: HashMap<u64, usize> = HashMap::with_capacity(self.metrics.len());
        let mut folded: HashMap<String, &str> = HashMap::new();
        let mut dead = Vec::new();
        for (at, metric) in self.metrics.iter().enumerate() {
            if let Some(earlier) = by_name.insert(metric.name, at) {
                // bdSeq has its own oddity.
                self.twice_named += u32::from(metric.name != names::METRIC_BDSEQ);
                dead.push(earlier);
            }
            if let Some(earlier) = metric.alias.and_then(|alias| by_alias.insert(alias, at))
                && self.metrics[earlier].name != metric.name
            {
                self.twice_aliased += 1;
                dead.push(earlier);
            }
            if let Some(other) = folded.insert(metric.name.to_lowercase(), metric.name) {
                self.case_only += u32::from(other != metric.name);
            }
        }
        dead.sort_unstable();
        dead.dedup();
        for at in dead.into_iter().rev() {
            self.metrics.remove(at);
        }
    }

    fn fingerprint(&self) -> u64 {
        let mut bytes = Vec::with_capacity(self.metrics.len() * 32);
        for metric in &self.metrics {
            bytes.extend_from_slice(&(metric.name.len() as u32).to_le_bytes());
            bytes.extend_from_slice(metric.name.as_bytes());
            bytes.push(u8::from(metric.alias.is_some()));
            bytes.extend_from_slice(&metric.alias.unwrap_or(0).to_le_bytes());
            bytes.push(metric.datatype.map_or(0, |datatype| datatype.code() as u8));
            let unit = metric.unit.unwrap_or("");
            bytes.extend_from_slice(&(unit.len() as u32).to_le_bytes());
            bytes.extend_from_slice(unit.as_bytes());
        }
        ContentHash::of(&bytes).short()
    }
}

/// A Boolean that is true; its datatype may be left out.
pub(crate) fn is_true(metric: &MetricView<'_>) -> bool {
    let value = metric.value(Some(DataType::Boolean)).ok();
    value.and_then(|value| value.as_bool()) == Some(true)
}

/// `Node Info/Firmware`, `Properties/Firmware Version` and the like.
fn is_firmware(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    [
        "firmware",
        "firmware version",
        "firmwareversion",
        "fw version",
        "firmware_version",
    ]
    .iter()
    .any(|known| last.eq_ignore_ascii_case(known))
}

/// Metrics that steer the node or describe it, rather than measure anything.
pub(crate) fn is_housekeeping(name: &str) -> bool {
    name == names::METRIC_BDSEQ
        || [
            "Journal/",
            "Node Control/",
            "Device Control/",
            "Node Info/",
            "Properties/",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}
