//! The whole gateway in one process, over real sockets: a node publishes, a hazard is on disk, and only
//! then the node hears that it may forget.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod harness;

use harness::*;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vigil_core::hazard::verify_chain;
use vigil_core::input::Position;
use vigil_gateway::config::Config;
use vigil_gateway::engine::EngineFailure;
use vigil_gateway::run::{Failure, RunError, RunOptions, Running, start};
use vigil_gateway::store::{HazardFilter, StoreError};
use vigil_protocol::journal::{METRIC_ACK, METRIC_RESEND};
use vigil_protocol::sparkplug::{HostState, PayloadView};

fn config(dir: &Path) -> Config {
    let mut config = Config::default();
    config.store.data = dir.to_owned();
    config.listen.http.set_port(0);
    config.listen.mqtt.set_port(0);
    config.core.ack_messages = 8;
    config
}

async fn gateway(dir: &Path) -> Running {
    let running = until("the database is free", async || {
        start(config(dir), catalog(), RunOptions::default()).await.ok()
    })
    .await;
    within("a session", running.connected()).await;
    running
}

/// A node on the wire.
struct Node {
    client: AsyncClient,
    events: EventLoop,
}

impl Node {
    async fn connect(running: &Running, id: &str, filter: &str) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", running.mqtt_addr.unwrap().port());
        options.set_max_packet_size(2 << 20, 2 << 20);
        let (client, events) = AsyncClient::new(options, 10_000);
        let mut node = Self { client, events };
        node.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        within("a SUBACK", async {
            while !matches!(
                node.events.poll().await.unwrap(),
                Event::Incoming(Packet::SubAck(_))
            ) {}
        })
        .await;
        node
    }

    async fn publish(&self, topic: &str, payload: Vec<u8>) {
        self.client
            .publish(topic, QoS::AtMostOnce, false, payload)
            .await
            .unwrap();
    }

    async fn next(&mut self) -> Publish {
        within("a message", async {
            loop {
                if let Event::Incoming(Packet::Publish(publish)) = self.events.poll().await.unwrap() {
                    return publish;
                }
            }
        })
        .await
    }

    /// The next number the gateway says under this metric in a command.
    async fn told(&mut self, metric: &str) -> u64 {
        loop {
            let message = self.next().await;
            let payload = PayloadView::parse(&message.payload).unwrap();
            for found in payload.metrics() {
                let found = found.unwrap();
                if found.name == Some(metric) {
                    return found.value(None).unwrap().as_u64().unwrap();
                }
            }
        }
    }
}

fn now(running: &Running) -> i64 {
    running.app.clock.now().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_publishes_and_a_hazard_is_on_disk_before_the_node_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let running = gateway(dir.path()).await;
    let mut events = running.engine.subscribe();
    let mut node = Node::connect(&running, "n1", "spBv1.0/s/NCMD/n1").await;
    let begun = now(&running);
    node.publish(NBIRTH, node_birth(begun, 1, 5)).await;
    node.publish(DBIRTH, boiler_birth(begun)).await;
    // Sixteen seconds of too much pressure, told at once: the node's clock counts.
    for journal in 0..16_u64 {
        let at = begun + 1_000 + journal as i64 * 1_000;
        node.publish(DDATA, pressure(at, journal as u8 + 2, journal, 1.2, false))
            .await;
    }
    let mut acked = node.told(METRIC_ACK).await;
    while acked < 15 {
        let stored = running.app.store.log_after(Position(0), 1_000).await.unwrap();
        assert!(
            stored.len() as u64 >= acked + 3,
            "two births and {acked} + 1 readings are on disk"
        );
        acked = node.told(METRIC_ACK).await;
    }
    let hazards = running.app.store.hazards(&HazardFilter::default()).await.unwrap();
    assert!(!hazards.is_empty());
    for hazard in &hazards {
        let chain = running.app.store.hazard_events(&hazard.id.0).await.unwrap();
        assert_eq!(verify_chain(&chain).unwrap(), *hazard);
    }
    within("the news", async {
        while events.recv().await.unwrap().kind != "hazard" {}
    })
    .await;
    running.shutdown(DEADLINE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hole_in_the_journal_is_asked_for_and_closed_by_what_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let running = gateway(dir.path()).await;
    let mut node = Node::connect(&running, "n1", "spBv1.0/s/NCMD/n1").await;
    let begun = now(&running);
    node.publish(NBIRTH, node_birth(begun, 1, 5)).await;
    node.publish(DBIRTH, boiler_birth(begun)).await;
    for (seq, journal) in [(2, 0), (3, 1), (5, 3), (6, 4)] {
        node.publish(DDATA, pressure(begun + 10, seq, journal, 0.9, false))
            .await;
    }
    assert_eq!(node.told(METRIC_RESEND).await, 2);
    for (seq, journal) in [(7, 2), (8, 3), (9, 5), (10, 6), (11, 7), (12, 8)] {
        node.publish(DDATA, pressure(begun + 20, seq, journal, 0.9, true))
            .await;
    }
    while node.told(METRIC_ACK).await < 8 {}
    let status = running
        .engine
        .query(|pipeline| pipeline.node("s/n1"))
        .await
        .unwrap()
        .unwrap();
    let journal = status.journal.unwrap();
    assert_eq!((journal.contiguous, journal.first_hole), (Some(8), None));
    assert_eq!(
        running.app.store.log_after(Position(0), 100).await.unwrap().len(),
        2 + 9,
        "each once"
    );
    running.shutdown(DEADLINE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_hears_when_the_gateway_comes_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let running = gateway(dir.path()).await;
    let mut watcher = Node::connect(&running, "watcher", "spBv1.0/STATE/#").await;
    let birth = watcher.next().await;
    assert_eq!(birth.topic, "spBv1.0/STATE/vigil");
    assert!(HostState::parse(&birth.payload).unwrap().online);
    let leaving = tokio::spawn(running.shutdown(DEADLINE));
    assert!(!HostState::parse(&watcher.next().await.payload).unwrap().online);
    leaving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_decoded_is_kept_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let running = gateway(dir.path()).await;
    let node = Node::connect(&running, "n1", "spBv1.0/s/NCMD/n1").await;
    let begun = now(&running);
    let pump = tokio::spawn(async move {
        let Node { client, mut events } = node;
        client
            .publish(NBIRTH, QoS::AtMostOnce, false, node_birth(begun, 1, 5))
            .await
            .unwrap();
        client
            .publish(DBIRTH, QoS::AtMostOnce, false, vec![0xff; 40])
            .await
            .unwrap();
        client
            .publish("spBv1.0/s/DBIRTH/n1/b/too/deep", QoS::AtLeastOnce, false, vec![])
            .await
            .unwrap();
        client
            .publish(DBIRTH, QoS::AtLeastOnce, false, boiler_birth(begun))
            .await
            .unwrap();
        while events.poll().await.is_ok() {}
    });
    until("the dead letter", async || {
        let letters = running.app.store.dead_letters(10).await.unwrap();
        letters.recent.into_iter().find(|letter| letter.bytes == 40)
    })
    .await;
    until("the good birth", async || {
        let log = running.app.store.log_after(Position(0), 10).await.unwrap();
        (log.len() >= 2).then_some(())
    })
    .await;
    running.shutdown(DEADLINE).await.unwrap();
    pump.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_gateway_on_the_same_data_is_refused_and_the_next_one_continues() {
    let dir = tempfile::tempdir().unwrap();
    let running = gateway(dir.path()).await;
    assert!(running.token_is_new);
    let second = start(config(dir.path()), catalog(), RunOptions::default()).await;
    assert!(matches!(second, Err(RunError::Store(StoreError::InUse { .. }))));
    running.shutdown(DEADLINE).await.unwrap();
    let next = gateway(dir.path()).await;
    assert!(!next.token_is_new);
    next.shutdown(DEADLINE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_served_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let running = gateway(dir.path()).await;
    let mut stream = tokio::net::TcpStream::connect(running.http_addr).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within("an answer", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    running.shutdown(DEADLINE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_engine_dies_says_so_instead_of_looking_alive() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = gateway(dir.path()).await;
    let engine = running.engine.clone();
    let asked = engine.query(|_| panic!("on the engine's task")).await;
    assert!(asked.is_err());
    let failure = within("the failure", running.failed()).await;
    assert!(
        matches!(failure, Failure::Engine(EngineFailure::Panicked)),
        "{failure}"
    );
}
