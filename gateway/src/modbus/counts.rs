//! What is counted, per connection.

use crate::metrics::{Counter, Gauge, Registry};
use std::sync::Arc;
use vigil_core::modbus::ReadFailure;

#[derive(Clone, Debug)]
pub(super) struct Counts {
    registry: Arc<Registry>,
    name: Arc<str>,
    pub(super) polls: Counter,
    pub(super) missed: Counter,
    pub(super) skipped: Counter,
    pub(super) late_bytes: Counter,
    pub(super) waits: Counter,
    open: Gauge,
    up: Gauge,
}

impl Counts {
    pub(super) fn new(registry: &Arc<Registry>, name: &Arc<str>) -> Self {
        let labels = [("connection", &**name)];
        let counter = |metric, help| registry.counter(metric, help, &labels);
        Self {
            polls: counter(
                "vigil_modbus_polls_total",
                "Polls of devices, whatever came of them.",
            ),
            missed: counter(
                "vigil_modbus_missed_periods_total",
                "Periods without a poll, because the one before took too long.",
            ),
            skipped: counter(
                "vigil_modbus_skipped_polls_total",
                "Polls not made, because the device has not answered lately.",
            ),
            late_bytes: counter(
                "vigil_modbus_stray_bytes_total",
                "Bytes that came when nobody had asked, and were thrown away.",
            ),
            waits: counter(
                "vigil_modbus_queue_waits_total",
                "Polls that had to wait for room in the engine's queue.",
            ),
            open: registry.gauge(
                "vigil_modbus_devices_left_alone",
                "Devices not asked for a while, because they do not answer.",
                &labels,
            ),
            up: registry.gauge(
                "vigil_modbus_open_connections",
                "Connections and ports that are open.",
                &labels,
            ),
            registry: Arc::clone(registry),
            name: Arc::clone(name),
        }
    }

    pub(super) fn failure(&self, failure: ReadFailure) {
        self.registry
            .counter(
                "vigil_modbus_failures_total",
                "Polls of which something could not be read, by the first reason.",
                &[("connection", &self.name), ("reason", failure.key())],
            )
            .add(1);
    }

    pub(super) fn opened(&self, change: i64) {
        self.up.add(change);
    }

    pub(super) fn left_alone(&self, change: i64) {
        self.open.add(change);
    }
}
