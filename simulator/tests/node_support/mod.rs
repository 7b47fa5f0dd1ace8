//! A broker in the process, and a gateway that does nothing but log and acknowledge.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several test files, each of which uses a part"
)]

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mqtt5::broker::{BrokerConfig, MqttBroker, StorageBackendType, StorageConfig};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigil_protocol::journal::{Insert, Received};
use vigil_protocol::sparkplug::{
    DataType, Encoder, MessageType, Metric, MetricValue, PayloadView, Topic, WireValue,
};
use vigil_protocol::time::UtcMillis;
use vigil_simulator::mqtt::{Broker, Connection, ConnectionEvent, QoS};

pub struct TestBroker {
    pub address: SocketAddr,
    shutdown: mqtt5::broker::BrokerShutdownHandle,
    task: JoinHandle<()>,
}

impl TestBroker {
    /// On a port of the system's choice, or on one used before.
    pub async fn start(port: u16) -> Self {
        let config = BrokerConfig {
            bind_addresses: vec![SocketAddr::from(([127, 0, 0, 1], port))],
            storage_config: StorageConfig {
                backend: StorageBackendType::Memory,
                max_queued_messages_per_client: 65_536,
                ..StorageConfig::default()
            },
            client_channel_capacity: 65_536,
            max_packet_size: 1 << 20,
            sys_topics_enabled: false,
            tls_config: None,
            ..BrokerConfig::default()
        };
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        let address = broker.local_addr().unwrap();
        let shutdown = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();
        let task = tokio::spawn(async move {
            let _ended = broker.run().await.is_ok();
        });
        ready.wait_for(|ready| *ready).await.unwrap();
        Self {
            address,
            shutdown,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    pub async fn stop(self) {
        self.shutdown.shutdown();
        self.task.await.unwrap();
    }
}

/// What the gateway knows of one node.
#[derive(Default)]
pub struct Seen {
    names: HashMap<u64, String>,
    pub epoch: Option<u64>,
    pub received: Option<Received<256>>,
    /// Times each sequence was logged.
    pub log: BTreeMap<(u64, u64), u32>,
    pub duplicates: u64,
    pub historical: u64,
    pub births: u64,
    pub deaths: u64,
    pub messages: u64,
    /// Source time of the newest data, ms.
    pub newest: i64,
    unacked: u32,
    acked: Option<u64>,
}

/// Logs and acknowledges like the gateway, and holds nothing back.
pub struct TestGateway {
    pub nodes: Arc<Mutex<BTreeMap<String, Seen>>>,
    heard: Arc<Notify>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl TestGateway {
    pub async fn start(broker: &str) -> Self {
        let nodes: Arc<Mutex<BTreeMap<String, Seen>>> = Arc::default();
        let cancel = CancellationToken::new();
        let heard: Arc<Notify> = Arc::default();
        let (ready, subscribed) = tokio::sync::oneshot::channel();
        let broker = Broker::parse(broker).unwrap();
        let task = tokio::spawn(gateway(
            broker,
            Arc::clone(&nodes),
            Arc::clone(&heard),
            cancel.clone(),
            ready,
        ));
        subscribed.await.unwrap();
        Self {
            nodes,
            heard,
            cancel,
            task,
        }
    }

    /// Waits until the messages heard have made something true.
    pub async fn until(&self, what: impl Fn(&BTreeMap<String, Seen>) -> bool) {
        loop {
            let heard = self.heard.notified();
            if what(&self.nodes.lock().unwrap()) {
                return;
            }
            heard.await;
        }
    }

    pub async fn stop(self) -> BTreeMap<String, Seen> {
        self.cancel.cancel();
        self.task.await.unwrap();
        Arc::try_unwrap(self.nodes)
            .map_err(|_| ())
            .unwrap()
            .into_inner()
            .unwrap()
    }
}

async fn gateway(
    broker: Broker,
    nodes: Arc<Mutex<BTreeMap<String, Seen>>>,
    heard: Arc<Notify>,
    cancel: CancellationToken,
    ready: tokio::sync::oneshot::Sender<()>,
) {
    let mut ready = Some(ready);
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    'connect: loop {
        let mut connection = Connection::open(&broker, "test-gateway", None);
        loop {
            tokio::select! {
                event = connection.event() => match event {
                    ConnectionEvent::Connected => {
                        connection.subscribe("spBv1.0/#").unwrap();
                        // Heard back when the subscription is in place.
                        connection.publish("spBv1.0/STATE/test", b"{}", QoS::AtLeastOnce).unwrap();
                    }
                    ConnectionEvent::Message { topic, payload } => {
                        if topic == "spBv1.0/STATE/test" {
                            if let Some(ready) = ready.take() {
                                ready.send(()).unwrap();
                            }
                            continue;
                        }
                        let command = nodes.lock().unwrap().hear(&topic, &payload);
                        send(&connection, command.into_iter().collect());
                        heard.notify_waiters();
                    }
                    ConnectionEvent::Closed { .. } => {
                        tokio::select! {
                            _ = tick.tick() => continue 'connect,
                            () = cancel.cancelled() => return,
                        }
                    }
                },
                _ = tick.tick() => {
                    let commands = nodes.lock().unwrap().due();
                    send(&connection, commands);
                }
                () = cancel.cancelled() => return,
            }
        }
    }
}

fn send(connection: &Connection, commands: Vec<(String, Vec<u8>)>) {
    for (topic, payload) in commands {
        // A lost acknowledgement is repeated.
        let _sent = connection.publish(&topic, &payload, QoS::AtMostOnce).is_ok();
    }
}

trait Hear {
    fn hear(&mut self, topic: &str, payload: &[u8]) -> Option<(String, Vec<u8>)>;
    fn due(&mut self) -> Vec<(String, Vec<u8>)>;
}

impl Hear for BTreeMap<String, Seen> {
    fn hear(&mut self, topic: &str, payload: &[u8]) -> Option<(String, Vec<u8>)> {
        let (message, group, node) = match Topic::parse(topic).ok()? {
            Topic::Node { message, group, node }
            | Topic::Device {
                message, group, node, ..
            } => (message, group, node),
            Topic::State { .. } => return None,
        };
        let key = format!("{group}/{node}");
        self.entry(key.clone()).or_default().hear(&key, message, payload)
    }

    fn due(&mut self) -> Vec<(String, Vec<u8>)> {
        self.iter_mut()
            .filter_map(|(key, seen)| seen.ack(key).or_else(|| seen.ask(key)))
            .collect()
    }
}

impl Seen {
    fn hear(&mut self, key: &str, message: MessageType, payload: &[u8]) -> Option<(String, Vec<u8>)> {
        let payload = PayloadView::parse(payload).unwrap();
        self.messages += 1;
        match message {
            MessageType::NDeath => self.deaths += 1,
            MessageType::NBirth => self.births += 1,
            _ => {}
        }
        let (mut seq, mut first, mut epoch, mut historical) = (None, None, None, false);
        for metric in payload.metrics() {
            let metric = metric.unwrap();
            if let (Some(alias), Some(name)) = (metric.alias, metric.name) {
                self.names.insert(alias, name.to_owned());
            }
            let name = metric
                .name
                .or_else(|| self.names.get(&metric.alias?).map(String::as_str));
            let number = match metric.wire {
                WireValue::Long(number) => Some(number),
                _ => None,
            };
            historical |= metric.is_historical;
            match name {
                Some("Journal/Seq") => seq = number,
                Some("Journal/First") => first = number,
                Some("Journal/Epoch") => epoch = number,
                _ => self.newest = self.newest.max(metric.timestamp.map_or(0, |t| t.0)),
            }
        }
        if epoch.is_some() && epoch != self.epoch {
            self.epoch = epoch;
            self.received = Some(Received::starting_at(first.unwrap_or(0)));
        }
        let (Some(received), Some(epoch)) = (&mut self.received, self.epoch) else {
            return None;
        };
        if let Some(first) = first {
            received.skip_to(first);
        }
        let seq = seq?;
        match received.insert(seq) {
            Insert::New => *self.log.entry((epoch, seq)).or_default() += 1,
            Insert::Duplicate => {
                self.duplicates += 1;
                self.acked = None;
            }
            Insert::TooFar => {}
        }
        self.historical += u64::from(historical);
        self.unacked += 1;
        if self.unacked >= 64 { self.ack(key) } else { None }
    }

    fn ack(&mut self, key: &str) -> Option<(String, Vec<u8>)> {
        let contiguous = self.received.as_ref()?.contiguous()?;
        if self.acked == Some(contiguous) {
            return None;
        }
        self.acked = Some(contiguous);
        self.unacked = 0;
        Some(command(
            key,
            &[("Journal/Epoch", self.epoch?), ("Journal/Ack", contiguous)],
        ))
    }

    fn ask(&self, key: &str) -> Option<(String, Vec<u8>)> {
        let (from, to) = self.received.as_ref()?.first_hole()?;
        Some(command(
            key,
            &[
                ("Journal/Epoch", self.epoch?),
                ("Journal/Resend", from),
                ("Journal/ResendTo", to),
            ],
        ))
    }

    /// Everything from 0 on, once.
    pub fn is_complete(&self) -> bool {
        let once = self.log.values().all(|times| *times == 1);
        let received = self.received.as_ref().unwrap();
        once && received.first_hole().is_none() && received.next_expected() == self.log.len() as u64
    }
}

fn command(key: &str, metrics: &[(&str, u64)]) -> (String, Vec<u8>) {
    let (group, node) = key.split_once('/').unwrap();
    let topic = Topic::Node {
        message: MessageType::NCmd,
        group,
        node,
    }
    .to_string();
    let mut buf = [0; 256];
    let mut encoder = Encoder::new(&mut buf);
    encoder.timestamp(UtcMillis(0)).unwrap();
    for (name, value) in metrics {
        let metric = Metric::named(name, MetricValue::UInt64(*value));
        assert_eq!(metric.value.datatype(), DataType::UInt64);
        encoder.metric(&metric).unwrap();
    }
    (topic, encoder.as_bytes().to_vec())
}
