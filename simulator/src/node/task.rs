//! The life of a simulated node.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigil_firmware::{Action, Config, DeviceDef, MetricDef, NodeDef, Phase, Place, Qos, Scratch, Session};
use vigil_protocol::time::UtcMillis;

use super::outbox::Outbox;
use super::stats::{NodeReport, NodeStats};
use super::store::{JournalPlace, Store};
use super::{Clock, NodeInput, NodeSpec};
use crate::mqtt::{Connection, ConnectionEvent, QoS, Will};

/// Room for the definitions of any site here; only a board has to be thrifty.
const METRICS: usize = 1_024;
const DEVICES: usize = 64;
/// Births of a whole node fit.
const BUFFER: usize = 64 * 1_024;

/// Retry when the MQTT client takes no more, and release of a held message.
const RETRY: Duration = Duration::from_millis(10);
/// A node that has just been switched on reads its devices before it connects; at most this long.
const BOOT: Duration = Duration::from_millis(300);
/// In step with simulated time: no more unacknowledged messages than this.
const IN_STEP_PENDING: u64 = 512;
/// For saying goodbye.
const GOODBYE: Duration = Duration::from_secs(3);
/// A node without journal keeps this much until it is sent.
const QUEUE_BYTES: usize = 1 << 20;

type NodeSession<'d> = Session<'d, Store, METRICS, DEVICES>;

/// How a session ended.
enum End {
    PowerCut,
    Stopped,
}

/// What outlives a power cut only because the simulator remembers it.
struct Node {
    spec: NodeSpec,
    clock: Clock,
    inputs: mpsc::Receiver<NodeInput>,
    stats: Arc<NodeStats>,
    cancel: CancellationToken,
    report: NodeReport,
    scratch: Box<Scratch<BUFFER>>,
    outbox: Outbox,
    link_up: bool,
    clock_offset_ms: i64,
    draining: bool,
}

pub(super) async fn run(
    spec: NodeSpec,
    clock: Clock,
    inputs: mpsc::Receiver<NodeInput>,
    stats: Arc<NodeStats>,
    cancel: CancellationToken,
) -> NodeReport {
    let report = NodeReport {
        node: format!("{}/{}", spec.group, spec.node),
        ..NodeReport::default()
    };
    let mut node = Node {
        spec,
        clock,
        inputs,
        stats,
        cancel,
        report,
        scratch: Box::default(),
        outbox: Outbox::default(),
        link_up: true,
        clock_offset_ms: 0,
        draining: false,
    };
    node.live().await;
    node.report
}

impl Node {
    /// Power on, power off, as often as it happens.
    async fn live(&mut self) {
        // What borrows the definition must not borrow `self`.
        let spec = self.spec.clone();
        let metrics: Vec<Vec<MetricDef<'static>>> =
            spec.devices.iter().map(super::DeviceSpec::metrics).collect();
        let devices: Vec<DeviceDef<'_>> = spec
            .devices
            .iter()
            .zip(&metrics)
            .map(|(device, metrics)| DeviceDef {
                id: &device.id,
                metrics,
            })
            .collect();
        let def = NodeDef {
            group: &spec.group,
            node: &spec.node,
            properties: &[(
                "Properties/Firmware",
                concat!("vigil-sim ", env!("CARGO_PKG_VERSION")),
            )],
            metrics: &[],
            devices: &devices,
        };
        let config = Config {
            journal: spec.journal.is_some(),
            // The simulation repeats every value itself.
            heartbeat_ms: 20_000,
            ack_timeout_ms: 15_000,
            reconnect_min_ms: 50,
            // Simulated time waits meanwhile.
            reconnect_max_ms: if spec.in_step { 200 } else { 2_000 },
            // The simulator owns the clock, wrong ones included.
            accept_time: false,
            ..Config::DEFAULT
        };
        let place = spec.journal.clone().unwrap_or(JournalPlace::Memory(QUEUE_BYTES));
        let mut kept = None;
        loop {
            let store = match place.open(kept.take()) {
                Ok(store) => store,
                Err(error) => return self.report.note(error.to_string()),
            };
            let now = self.clock.now();
            let session = NodeSession::open(def, config, store, spec.epoch, now);
            let mut session = match session {
                Ok(session) => Box::new(session),
                Err(error) => return self.report.note(error.to_string()),
            };
            let end = self.powered(&mut session).await;
            self.report.add(&session.counters());
            self.report.dropped = session.journal().dropped();
            self.report.pending = if spec.journal.is_some() {
                session.journal().pending()
            } else {
                0
            };
            self.stats.show(
                &self.report,
                &Default::default(),
                self.report.pending,
                self.report.dropped,
                false,
            );
            match end {
                End::Stopped => return,
                End::PowerCut => {
                    self.report.power_cuts += 1;
                    self.outbox.clear();
                    let store = session.into_storage();
                    if matches!(place, JournalPlace::Memory(_)) {
                        kept = Some(store);
                    }
                    if !self.dark().await {
                        self.report.cut_off = true;
                        return;
                    }
                }
            }
        }
    }

    /// Without power. True when it is back.
    async fn dark(&mut self) -> bool {
        loop {
            let input = tokio::select! {
                input = self.inputs.recv() => input,
                () = self.cancel.cancelled() => None,
            };
            match input {
                None | Some(NodeInput::Drain) => return false,
                Some(NodeInput::Power(true)) => return true,
                Some(other) => self.befall(&other),
            }
        }
    }

    /// Misfortunes that are not the session's business.
    fn befall(&mut self, input: &NodeInput) {
        match input {
            NodeInput::Link(up) => self.link_up = *up,
            NodeInput::ClockOffset(offset_ms) => self.clock_offset_ms = *offset_ms,
            NodeInput::Duplicate(on) => self.outbox.duplicate = *on,
            NodeInput::Reorder(on) => self.outbox.reorder = *on,
            NodeInput::Readings { .. } | NodeInput::Power(_) | NodeInput::Drain => {}
        }
    }

    async fn powered(&mut self, session: &mut NodeSession<'_>) -> End {
        let mut connection: Option<Connection> = None;
        let mut unread = self.spec.devices.len();
        let booted_by = Instant::now() + BOOT;
        let mut leave_by: Option<Instant> = None;
        loop {
            let booting = unread > 0 && Instant::now() < booted_by;
            if !booting {
                self.drive(session, &mut connection);
            }
            let online = session.phase() == Phase::Online;
            let pending = session.journal().pending();
            self.stats.show(
                &self.report,
                &session.counters(),
                pending,
                session.journal().dropped(),
                online,
            );
            match session.phase() {
                Phase::Stopped => return End::Stopped,
                Phase::Failed(failure) => {
                    self.report.note(format!("{failure:?}"));
                    return End::Stopped;
                }
                _ => {}
            }
            if self.draining && leave_by.is_none() && (pending == 0 || !self.link_up) {
                self.report.cut_off = !self.link_up && pending > 0;
                session.stop();
                leave_by = Some(Instant::now() + GOODBYE);
                continue;
            }
            let behind = self.spec.in_step && self.link_up && !(online && pending < IN_STEP_PENDING);
            let accepting = booting || !behind;
            let wake = self.wake(session, booting.then_some(booted_by), leave_by);
            tokio::select! {
                input = self.inputs.recv(), if accepting && !self.draining => match input {
                    None | Some(NodeInput::Drain) => self.draining = true,
                    Some(NodeInput::Power(false)) => return End::PowerCut,
                    Some(NodeInput::Readings { at, device, values }) => {
                        unread = unread.saturating_sub(1);
                        self.take(session, at, device, &values);
                    }
                    Some(other) => {
                        self.befall(&other);
                        if !self.link_up && connection.take().is_some() {
                            self.outbox.clear();
                            session.on_disconnected(self.clock.now());
                        }
                    }
                },
                event = event(connection.as_mut()) => self.on_event(session, &mut connection, event),
                () = sleep_until(wake) => self.outbox.release(),
                () = self.cancel.cancelled(), if leave_by.is_none() => {
                    session.stop();
                    leave_by = Some(Instant::now() + GOODBYE);
                }
            }
            if leave_by.is_some_and(|by| Instant::now() >= by) {
                return End::Stopped;
            }
        }
    }

    fn take(
        &mut self,
        session: &mut NodeSession<'_>,
        at: UtcMillis,
        device: u16,
        values: &[crate::plant::Reading],
    ) {
        let now = self.clock.now();
        let at = at.saturating_add_ms(self.clock_offset_ms);
        session.set_clock(now, at);
        let Some(spec) = self.spec.devices.get(usize::from(device)) else {
            return;
        };
        let samples = spec.samples(values, at);
        if let Err(error) = session.report_all(now, Place::Device(device), &samples, &mut *self.scratch) {
            self.report.note(error.to_string());
        }
    }

    /// Does what the session wants, as far as the connection takes it.
    fn drive(&mut self, session: &mut NodeSession<'_>, connection: &mut Option<Connection>) {
        loop {
            self.report.published += self.outbox.flush(connection.as_ref());
            if !self.outbox.is_empty() {
                return;
            }
            let now = self.clock.now();
            let Some(action) = session.poll(now, &mut *self.scratch) else {
                return;
            };
            match action {
                Action::Connect { will, .. } => {
                    if self.link_up {
                        let will = Will {
                            topic: will.topic.to_owned(),
                            payload: will.payload.to_vec(),
                        };
                        let id = format!("vigil-sim-{}-{}", self.spec.group, self.spec.node);
                        *connection = Some(Connection::open(&self.spec.broker, &id, Some(will)));
                    } else {
                        session.on_disconnected(now);
                    }
                }
                Action::Subscribe { topic, .. } => {
                    if connection
                        .as_ref()
                        .is_none_or(|connection| connection.subscribe(topic).is_err())
                    {
                        *connection = None;
                        session.on_disconnected(now);
                    }
                }
                Action::Publish(publish) => {
                    let qos = match publish.qos {
                        Qos::AtMostOnce => QoS::AtMostOnce,
                        Qos::AtLeastOnce => QoS::AtLeastOnce,
                    };
                    let data = publish.topic.contains("/DDATA/");
                    self.outbox.push(publish.topic, publish.payload, qos, data);
                }
                Action::Disconnect => {
                    let asked = connection
                        .as_ref()
                        .is_some_and(|connection| connection.disconnect().is_ok());
                    if !asked {
                        *connection = None;
                        session.on_disconnected(now);
                    }
                }
            }
        }
    }

    fn on_event(
        &mut self,
        session: &mut NodeSession<'_>,
        connection: &mut Option<Connection>,
        event: ConnectionEvent,
    ) {
        let now = self.clock.now();
        match event {
            ConnectionEvent::Connected => session.on_connected(now),
            ConnectionEvent::Message { topic, payload } => {
                session.on_message(now, &topic, &payload);
            }
            ConnectionEvent::Closed { reason } => {
                tracing::debug!(node = %self.report.node, reason, "connection closed");
                *connection = None;
                self.outbox.clear();
                session.on_disconnected(now);
            }
        }
    }

    /// When to look again though nothing happened.
    fn wake(
        &self,
        session: &NodeSession<'_>,
        booted: Option<Instant>,
        leave: Option<Instant>,
    ) -> Option<Instant> {
        let retry = (!self.outbox.is_empty() || self.outbox.holds()).then(|| Instant::now() + RETRY);
        let due = session.next_wake().map(|at| self.clock.instant(at).into());
        let session = if booted.is_some() { None } else { due };
        [retry, session, booted, leave].into_iter().flatten().min()
    }
}

async fn event(connection: Option<&mut Connection>) -> ConnectionEvent {
    match connection {
        Some(connection) => connection.event().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
