//! The gateway as a Sparkplug host, packet by packet: a broker that only writes down what it is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod harness;

use bytes::BytesMut;
use harness::*;
use rumqttc::mqttbytes::Error;
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode,
};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use vigil_gateway::config::{BrokerMode, Config};
use vigil_gateway::run::{RunOptions, Running, start};
use vigil_protocol::sparkplug::{DataType, HostState, PayloadView};

const STATE: &str = "spBv1.0/STATE/vigil";

/// One client's connection, as a broker sees it.
struct Peer {
    stream: TcpStream,
    read: BytesMut,
}

impl Peer {
    /// The next packet; `None` when the client has closed the connection. Pings are answered.
    async fn next(&mut self) -> Option<Packet> {
        within("a packet", async {
            loop {
                match Packet::read(&mut self.read, 1 << 20) {
                    Ok(Packet::PingReq) => self.say(&Packet::PingResp).await,
                    Ok(packet) => return Some(packet),
                    Err(Error::InsufficientBytes(_)) => {
                        if self.stream.read_buf(&mut self.read).await.unwrap() == 0 {
                            return None;
                        }
                    }
                    Err(error) => panic!("not MQTT: {error}"),
                }
            }
        })
        .await
    }

    async fn say(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, 1 << 20).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// A publication of the client, acknowledged if it asks for that.
    async fn publication(&mut self) -> Publish {
        match self.next().await {
            Some(Packet::Publish(publish)) => {
                if publish.qos == QoS::AtLeastOnce {
                    self.say(&Packet::PubAck(PubAck::new(publish.pkid))).await;
                }
                publish
            }
            other => panic!("a PUBLISH was due: {other:?}"),
        }
    }

    /// Takes the subscription; gives the filters.
    async fn subscription(&mut self) -> Vec<(String, QoS)> {
        let Some(Packet::Subscribe(subscribe)) = self.next().await else {
            panic!("a SUBSCRIBE was due");
        };
        let codes = subscribe
            .filters
            .iter()
            .map(|filter| SubscribeReasonCode::Success(filter.qos));
        self.say(&Packet::SubAck(SubAck::new(subscribe.pkid, codes.collect())))
            .await;
        subscribe
            .filters
            .into_iter()
            .map(|filter| (filter.path, filter.qos))
            .collect()
    }
}

struct Broker {
    listener: TcpListener,
}

impl Broker {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    /// The next connection, accepted, with what it asked for.
    async fn accept(&self) -> (Connect, Peer) {
        let (stream, _) = within("a connection", self.listener.accept()).await.unwrap();
        let read = BytesMut::new();
        let mut peer = Peer { stream, read };
        let Some(Packet::Connect(connect)) = peer.next().await else {
            panic!("a CONNECT was due");
        };
        peer.say(&Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false)))
            .await;
        (connect, peer)
    }

    /// The host's session and the client its commands come from, in whatever order they connect.
    async fn both(&self) -> ((Connect, Peer), (Connect, Peer)) {
        let (first, second) = (self.accept().await, self.accept().await);
        if first.0.client_id == "vigil" {
            (first, second)
        } else {
            (second, first)
        }
    }

    async fn gateway(&self, dir: &Path) -> Running {
        let mut config = Config::default();
        config.store.data = dir.to_owned();
        config.listen.http.set_port(0);
        config.broker.mode = BrokerMode::External;
        config.broker.url = Some(format!("mqtt://{}", self.listener.local_addr().unwrap()));
        start(config, catalog(), RunOptions::default()).await.unwrap()
    }
}

/// Whether a message is a STATE of ours as it must be: where, how sure, kept by the broker.
fn state(message: &Publish) -> HostState {
    assert_eq!(
        (message.topic.as_str(), message.qos, message.retain),
        (STATE, QoS::AtLeastOnce, true)
    );
    assert!(message.payload.starts_with(b"{\"online\":"), "JSON");
    HostState::parse(&message.payload).unwrap()
}

// covers: tck-id-host-topic-phid-death-required, tck-id-host-topic-phid-death-qos, tck-id-host-topic-phid-death-retain,
// tck-id-host-topic-phid-death-payload, tck-id-host-topic-phid-death-payload-timestamp-connect,
// tck-id-operational-behavior-host-application-connect-will, tck-id-operational-behavior-host-application-connect-will-topic,
// tck-id-operational-behavior-host-application-connect-will-payload, tck-id-operational-behavior-host-application-connect-will-qos,
// tck-id-operational-behavior-host-application-connect-will-retained, tck-id-payloads-state-will-message,
// tck-id-payloads-state-will-message-qos, tck-id-payloads-state-will-message-retain, tck-id-payloads-state-will-message-payload,
// tck-id-host-topic-phid-birth-message, tck-id-host-topic-phid-birth-qos, tck-id-host-topic-phid-birth-retain,
// tck-id-host-topic-phid-birth-sub-required, tck-id-host-topic-phid-birth-required, tck-id-host-topic-phid-birth-payload,
// tck-id-host-topic-phid-birth-payload-timestamp, tck-id-message-flow-phid-sparkplug-subscription,
// tck-id-message-flow-phid-sparkplug-state-publish, tck-id-message-flow-phid-sparkplug-state-publish-payload,
// tck-id-message-flow-phid-sparkplug-state-publish-payload-timestamp, tck-id-operational-behavior-host-application-connect-birth,
// tck-id-operational-behavior-host-application-connect-birth-topic, tck-id-operational-behavior-host-application-connect-birth-payload,
// tck-id-operational-behavior-host-application-connect-birth-qos, tck-id-operational-behavior-host-application-connect-birth-retained,
// tck-id-payloads-state-subscribe, tck-id-payloads-state-birth, tck-id-payloads-state-birth-payload
#[tokio::test]
async fn a_host_connects_with_a_will_subscribes_and_then_says_that_it_is_online() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::new().await;
    let running = broker.gateway(dir.path()).await;
    let ((connect, mut host), _commands) = broker.both().await;
    let will = connect.last_will.expect("a will");
    assert_eq!(
        (will.topic.as_str(), will.qos, will.retain),
        (STATE, QoS::AtLeastOnce, true)
    );
    let death = HostState::parse(&will.message).unwrap();
    assert!(!death.online);
    let age = running.app.clock.now().since(death.timestamp);
    assert!((0..60_000).contains(&age), "the time of connecting: {age} ms ago");
    let filters = host.subscription().await;
    for wanted in ["spBv1.0/#", STATE] {
        assert!(
            filters.contains(&(wanted.to_owned(), QoS::AtLeastOnce)),
            "{filters:?}"
        );
    }
    let birth = state(&host.publication().await);
    assert!(birth.online);
    assert_eq!(
        birth.timestamp, death.timestamp,
        "a late will can be told from a fresh one"
    );
    drop(host);
    // Connecting again is a new life with a new time.
    let ((again, mut host), _) = loop {
        let (connect, peer) = broker.accept().await;
        if connect.client_id == "vigil" {
            break ((connect, peer), ());
        }
    };
    let next_death = HostState::parse(&again.last_will.unwrap().message).unwrap();
    assert!(next_death.timestamp > death.timestamp);
    host.subscription().await;
    assert_eq!(state(&host.publication().await).timestamp, next_death.timestamp);
}

// covers: tck-id-message-flow-hid-sparkplug-state-message-delivered, tck-id-components-ph-state
#[tokio::test]
async fn a_host_that_reads_that_it_is_offline_says_again_that_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::new().await;
    let _running = broker.gateway(dir.path()).await;
    let ((_, mut host), _commands) = broker.both().await;
    host.subscription().await;
    let birth = state(&host.publication().await);
    let mut old_will = Publish::new(STATE, QoS::AtMostOnce, r#"{"online":false,"timestamp":1}"#);
    old_will.retain = true;
    host.say(&Packet::Publish(old_will)).await;
    assert_eq!(state(&host.publication().await), birth);
}

// covers: tck-id-operational-behavior-host-application-termination, tck-id-operational-behavior-host-application-death-topic,
// tck-id-operational-behavior-host-application-death-payload, tck-id-operational-behavior-host-application-death-qos,
// tck-id-operational-behavior-host-application-death-retained, tck-id-operational-behavior-host-application-disconnect-intentional,
// tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean, tck-id-conformance-primary-host,
// tck-id-intro-sparkplug-host-state
#[tokio::test]
async fn a_host_that_leaves_says_so_with_the_time_of_leaving_and_then_disconnects() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::new().await;
    let running = broker.gateway(dir.path()).await;
    let ((_, mut host), _commands) = broker.both().await;
    host.subscription().await;
    let birth = state(&host.publication().await);
    within("a session", running.connected()).await;
    let clock = running.app.clock.clone();
    let leaving_since = clock.now();
    let leaving = tokio::spawn(running.shutdown(DEADLINE));
    let death = state(&host.publication().await);
    assert!(birth.online && !death.online);
    assert!((leaving_since..=clock.now()).contains(&death.timestamp));
    assert_eq!(host.next().await, Some(Packet::Disconnect));
    assert_eq!(host.next().await, None, "nothing after it");
    within("the end", leaving).await.unwrap().unwrap();
}

// covers: tck-id-topics-ncmd-mqtt, tck-id-topics-ncmd-timestamp, tck-id-topics-ncmd-payload, tck-id-payloads-ncmd-timestamp,
// tck-id-payloads-ncmd-seq, tck-id-payloads-ncmd-qos, tck-id-payloads-ncmd-retain, tck-id-payloads-name-cmd-requirement,
// tck-id-operational-behavior-data-commands-ncmd-verb, tck-id-operational-behavior-data-commands-ncmd-metric-value,
// tck-id-operational-behavior-data-commands-ncmd-rebirth-verb, tck-id-operational-behavior-data-commands-ncmd-rebirth-name,
// tck-id-operational-behavior-data-commands-ncmd-rebirth-value
#[tokio::test]
async fn a_node_that_was_never_born_is_asked_to_be_with_an_ncmd_that_nobody_keeps() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::new().await;
    let running = broker.gateway(dir.path()).await;
    let ((_, mut host), (commands_connect, mut commands)) = broker.both().await;
    assert_eq!(
        commands_connect.last_will, None,
        "STATE is said by the host's session only"
    );
    host.subscription().await;
    state(&host.publication().await);
    let now = running.app.clock.now();
    let data = pressure(now.0, 7, 3, 0.8, false);
    host.say(&Packet::Publish(Publish::new(DDATA, QoS::AtMostOnce, data)))
        .await;
    let asked = commands.publication().await;
    assert_eq!(asked.topic, "spBv1.0/s/NCMD/n1");
    assert_eq!((asked.qos, asked.retain), (QoS::AtMostOnce, false));
    let payload = PayloadView::parse(&asked.payload).unwrap();
    assert!(payload.timestamp.is_some_and(|at| at >= now));
    assert_eq!(payload.seq, None);
    let metrics: Vec<_> = payload.metrics().map(Result::unwrap).collect();
    assert_eq!(metrics.len(), 1);
    assert_eq!(metrics[0].name, Some("Node Control/Rebirth"));
    assert_eq!(
        metrics[0].value(Some(DataType::Boolean)).unwrap().as_bool(),
        Some(true)
    );
    assert_eq!(metrics[0].timestamp, payload.timestamp);
}
