//! Counters, gauges and histograms, written out as Prometheus text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// All metrics of the process. Asking again for the same name and labels gives the same metric.
#[derive(Debug, Default)]
pub struct Registry {
    families: Mutex<BTreeMap<&'static str, Family>>,
}

#[derive(Debug)]
struct Family {
    help: &'static str,
    kind: &'static str,
    members: BTreeMap<String, Metric>,
}

#[derive(Clone, Debug)]
enum Metric {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

/// Only goes up.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

/// Goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

/// How often values fell below each bound.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug)]
struct Buckets {
    /// Upper bounds, ascending; values above the last are in `counts.last()`.
    bounds: &'static [f64],
    counts: Vec<AtomicU64>,
    /// Sum in millionths, so that it fits an atomic integer.
    sum_micro: AtomicU64,
}

/// Bounds for durations in seconds, from 100 µs to 10 s.
pub const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Bounds for counts of things, from 1 to 10,000.
pub const COUNTS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 10_000.0,
];

impl Registry {
    /// A counter; its name ends in `_total`.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)]) -> Counter {
        let new = || Metric::Counter(Counter::default());
        match self.member(name, help, "counter", labels, new) {
            Metric::Counter(counter) => counter,
            _ => Counter::default(),
        }
    }

    /// A gauge.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)]) -> Gauge {
        match self.member(name, help, "gauge", labels, || Metric::Gauge(Gauge::default())) {
            Metric::Gauge(gauge) => gauge,
            _ => Gauge::default(),
        }
    }

    /// A histogram.
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        bounds: &'static [f64],
        labels: &[(&str, &str)],
    ) -> Histogram {
        let new = || Metric::Histogram(Histogram::new(bounds));
        match self.member(name, help, "histogram", labels, new) {
            Metric::Histogram(histogram) => histogram,
            _ => Histogram::new(bounds),
        }
    }

    fn member(
        &self,
        name: &'static str,
        help: &'static str,
        kind: &'static str,
        labels: &[(&str, &str)],
        new: impl FnOnce() -> Metric,
    ) -> Metric {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let family = families.entry(name).or_insert_with(|| Family {
            help,
            kind,
            members: BTreeMap::new(),
        });
        family
            .members
            .entry(label_text(labels))
            .or_insert_with(new)
            .clone()
    }

    /// Everything in the Prometheus text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, family) in &*families {
            // Writing to a string cannot fail.
            let _ok = writeln!(
                text,
                "# HELP {name} {}\n# TYPE {name} {}",
                family.help, family.kind
            );
            for (labels, metric) in &family.members {
                let _ok = match metric {
                    Metric::Counter(counter) => writeln!(text, "{name}{} {}", braced(labels), counter.get()),
                    Metric::Gauge(gauge) => writeln!(text, "{name}{} {}", braced(labels), gauge.get()),
                    Metric::Histogram(histogram) => histogram.render(&mut text, name, labels),
                };
            }
        }
        text
    }
}

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Changes the value by `change`.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Buckets {
            bounds,
            counts,
            sum_micro: AtomicU64::new(0),
        }))
    }

    /// Counts one value.
    pub fn observe(&self, value: f64) {
        let slot = self.0.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.0.counts.get(slot) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.0
            .sum_micro
            .fetch_add((value.max(0.0) * 1e6) as u64, Ordering::Relaxed);
    }

    fn render(&self, text: &mut String, name: &str, labels: &str) -> std::fmt::Result {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut total = 0;
        for (slot, count) in self.0.counts.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            match self.0.bounds.get(slot) {
                Some(bound) => writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}")?,
                None => writeln!(text, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {total}")?,
            }
        }
        let sum = self.0.sum_micro.load(Ordering::Relaxed) as f64 / 1e6;
        writeln!(
            text,
            "{name}_sum{} {sum}\n{name}_count{} {total}",
            braced(labels),
            braced(labels)
        )
    }
}

fn label_text(labels: &[(&str, &str)]) -> String {
    let escape = |value: &str| {
        value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    labels
        .iter()
        .map(|(key, value)| format!("{key}=\"{}\"", escape(value)))
        .collect::<Vec<_>>()
        .join(",")
}

fn braced(labels: &str) -> String {
    if labels.is_empty() {
        String::new()
    } else {
        format!("{{{labels}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Registry, SECONDS};

    #[test]
    fn metrics_are_written_as_prometheus_text() {
        let registry = Registry::default();
        registry
            .counter("vigil_messages_total", "Messages.", &[("kind", "DDATA")])
            .add(2);
        registry
            .counter("vigil_messages_total", "Messages.", &[("kind", "DDATA")])
            .add(1);
        registry.gauge("vigil_queue", "Waiting.", &[]).set(-4);
        let histogram = registry.histogram("vigil_commit_seconds", "Commits.", SECONDS, &[]);
        histogram.observe(0.004);
        histogram.observe(99.0);
        let text = registry.render();
        for line in [
            "# TYPE vigil_messages_total counter",
            "vigil_messages_total{kind=\"DDATA\"} 3",
            "vigil_queue -4",
            "vigil_commit_seconds_bucket{le=\"0.005\"} 1",
            "vigil_commit_seconds_bucket{le=\"+Inf\"} 2",
            "vigil_commit_seconds_count 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in:\n{text}");
        }
    }

    #[test]
    fn label_values_are_escaped() {
        let registry = Registry::default();
        registry.gauge("g", "G.", &[("node", "a\"b\\c")]).set(1);
        assert!(registry.render().contains("g{node=\"a\\\"b\\\\c\"} 1"));
    }
}
