//! What the gateway relies on in the embedded broker, asked through the client everybody uses. The
//! broker is a fast-moving crate: this is what a new version must still pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod harness;

use harness::*;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet,
    Publish, QoS,
};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vigil_core::json::{Profile, Profiles};
use vigil_gateway::clock::Clock;
use vigil_gateway::ingest::{Ack, Incoming};
use vigil_gateway::mqtt::{
    BrokerOptions, BrokerUser, EmbeddedBroker, Handover, Intake, Mappings, NOT_HANDED_OVER, Subscription,
};

async fn broker() -> EmbeddedBroker {
    broker_with(None).await
}

async fn broker_with(handover: Option<Handover>) -> EmbeddedBroker {
    EmbeddedBroker::start(BrokerOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        users: vec![BrokerUser {
            name: "node".to_owned(),
            password: "right".to_owned(),
        }],
        own_topic: "spBv1.0/STATE/vigil".to_owned(),
        handover,
    })
    .await
    .unwrap()
}

fn options(broker: &EmbeddedBroker, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, "127.0.0.1", broker.local_addr().port());
    options.set_max_packet_size(4 << 20, 4 << 20);
    options.set_keep_alive(Duration::from_secs(30));
    options
}

/// A client and its connection, up.
struct Peer {
    client: AsyncClient,
    events: EventLoop,
    session: bool,
}

impl Peer {
    async fn connect(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (client, mut events) = AsyncClient::new(options, 1_000);
        loop {
            if let Event::Incoming(Packet::ConnAck(ack)) = within("a CONNACK", events.poll()).await? {
                return Ok(Self {
                    client,
                    events,
                    session: ack.session_present,
                });
            }
        }
    }

    async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(Packet) -> Option<T>) -> T {
        let events = &mut self.events;
        within(what, async {
            loop {
                if let Event::Incoming(packet) = events.poll().await.unwrap()
                    && let Some(found) = wanted(packet)
                {
                    return found;
                }
            }
        })
        .await
    }

    async fn subscribe(&mut self, filter: &str) {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        self.until("a SUBACK", |packet| {
            matches!(packet, Packet::SubAck(_)).then_some(())
        })
        .await;
    }

    async fn publish(&mut self, topic: &str, retain: bool, payload: &[u8]) {
        self.client
            .publish(topic, QoS::AtLeastOnce, retain, payload)
            .await
            .unwrap();
        self.until("a PUBACK", |packet| {
            matches!(packet, Packet::PubAck(_)).then_some(())
        })
        .await;
    }

    async fn next(&mut self) -> Publish {
        self.until("a message", |packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        })
        .await
    }
}

// covers: tck-id-conformance-mqtt-will-messages
#[tokio::test]
async fn a_will_is_published_when_a_client_is_killed_and_not_when_it_says_goodbye() {
    let broker = broker().await;
    let mut watcher = Peer::connect(options(&broker, "watcher")).await.unwrap();
    watcher.subscribe("wills/#").await;
    for polite in [true, false] {
        let mut leaving = options(&broker, "leaving");
        let topic = format!("wills/{polite}");
        leaving.set_last_will(LastWill::new(topic, "gone", QoS::AtLeastOnce, true));
        let mut peer = Peer::connect(leaving).await.unwrap();
        if polite {
            peer.client.disconnect().await.unwrap();
            // Until the broker has closed its side.
            within("the end", async { while peer.events.poll().await.is_ok() {} }).await;
        }
        drop(peer);
    }
    let will = watcher.next().await;
    assert_eq!((will.topic.as_str(), will.qos), ("wills/false", QoS::AtLeastOnce));
    let mut late = Peer::connect(options(&broker, "late")).await.unwrap();
    late.subscribe("wills/#").await;
    let kept = late.next().await;
    assert_eq!((kept.topic.as_str(), kept.retain), ("wills/false", true));
    broker.stop().await;
}

// covers: tck-id-conformance-mqtt-retained
#[tokio::test]
async fn three_hundred_retained_messages_reach_one_new_subscriber() {
    let broker = broker().await;
    let mut peer = Peer::connect(options(&broker, "sender")).await.unwrap();
    for number in 0..300 {
        peer.publish(&format!("retained/{number}"), true, b"1").await;
    }
    peer.publish("retained/0", true, b"2").await;
    peer.publish("retained/1", true, b"").await;
    let mut reader = Peer::connect(options(&broker, "reader")).await.unwrap();
    reader.subscribe("retained/#").await;
    let mut topics = BTreeSet::new();
    while topics.len() < 299 {
        let message = reader.next().await;
        assert!(message.retain);
        let expected: &[u8] = if message.topic == "retained/0" { b"2" } else { b"1" };
        assert_eq!(&message.payload[..], expected);
        topics.insert(message.topic);
    }
    assert!(!topics.contains("retained/1"), "an empty payload clears it");
    broker.stop().await;
}

#[tokio::test]
async fn wrong_credentials_are_refused_with_a_reason_and_right_ones_are_not() {
    let broker = broker().await;
    for (user, password, allowed) in [
        ("node", "right", true),
        ("node", "wrong", false),
        ("nobody", "right", false),
        ("node", "", false),
    ] {
        let mut options = options(&broker, "client");
        options.set_credentials(user, password);
        match Peer::connect(options).await {
            Ok(_) => assert!(allowed, "{user}:{password}"),
            Err(ConnectionError::ConnectionRefused(code)) => {
                assert!(!allowed, "{user}:{password}");
                assert!(
                    matches!(
                        code,
                        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized
                    ),
                    "{code:?}"
                );
            }
            Err(other) => panic!("{user}:{password}: {other}"),
        }
    }
    assert!(
        Peer::connect(options(&broker, "nameless")).await.is_ok(),
        "from this machine anyone may"
    );
    broker.stop().await;
}

#[tokio::test]
async fn nobody_but_the_gateway_may_say_whether_the_gateway_is_online() {
    let broker = broker().await;
    let mut watcher = Peer::connect(options(&broker, "watcher")).await.unwrap();
    watcher.subscribe("spBv1.0/STATE/#").await;
    let mut liar = Peer::connect(options(&broker, "liar")).await.unwrap();
    let topic = "spBv1.0/STATE/vigil";
    liar.client
        .publish(topic, QoS::AtLeastOnce, true, r#"{"online":false}"#)
        .await
        .unwrap();
    liar.client
        .publish("spBv1.0/STATE/other", QoS::AtLeastOnce, true, "own")
        .await
        .unwrap();
    // A broker may answer a forbidden message by closing: either way only the other one arrives.
    let _closed = tokio::time::timeout(Duration::from_millis(500), async {
        while liar.events.poll().await.is_ok() {}
    })
    .await;
    let mut other = Peer::connect(options(&broker, "other")).await.unwrap();
    other.publish("spBv1.0/STATE/last", true, b"own").await;
    loop {
        let message = watcher.next().await;
        assert_ne!(message.topic, topic);
        if message.topic.ends_with("last") {
            break;
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_birth_of_a_mebibyte_passes() {
    let broker = broker().await;
    let mut reader = Peer::connect(options(&broker, "reader")).await.unwrap();
    reader.subscribe("big").await;
    let mut sender = Peer::connect(options(&broker, "sender")).await.unwrap();
    sender.publish("big", false, &vec![7; 1 << 20]).await;
    assert_eq!(reader.next().await.payload.len(), 1 << 20);
    broker.stop().await;
}

// covers: tck-id-conformance-mqtt-qos1
#[tokio::test]
async fn a_kept_session_gets_what_came_meanwhile_and_what_was_not_acknowledged() {
    let broker = broker().await;
    let session = |id| {
        let mut options = options(&broker, id);
        options.set_clean_session(false);
        options.set_manual_acks(true);
        options
    };
    let mut reader = Peer::connect(session("reader")).await.unwrap();
    assert!(!reader.session);
    reader.subscribe("work/#").await;
    let mut sender = Peer::connect(options(&broker, "sender")).await.unwrap();
    sender.publish("work/1", false, b"seen, not acknowledged").await;
    assert_eq!(reader.next().await.topic, "work/1");
    drop(reader);
    sender.publish("work/2", false, b"came meanwhile").await;
    let mut reader = Peer::connect(session("reader")).await.unwrap();
    assert!(reader.session);
    let mut topics = BTreeSet::new();
    while topics.len() < 2 {
        topics.insert(reader.next().await.topic);
    }
    broker.stop().await;
}

/// One profile, for `plant/{device}`.
fn profiles() -> Profiles {
    let text = "id = \"p\"\ntopic = \"plant/{device}\"\nnode = \"site/json\"\ndevice = \"{device}\"\nvalues = \"$\"\n";
    let (profile, findings) = Profile::parse("p.toml", text);
    assert_eq!(findings, []);
    Profiles::new(profile.into_iter().map(Arc::new).collect())
}

/// A broker that hands Sparkplug data over into a queue of this length.
async fn broker_and_queue(length: usize) -> (EmbeddedBroker, Handover, mpsc::Receiver<Incoming>) {
    let (to, queue) = mpsc::channel(length);
    let handover = Handover {
        to,
        clock: Clock::system(),
        mappings: Mappings::new(profiles()),
        heard: CancellationToken::new(),
        stop: CancellationToken::new(),
    };
    handover.heard.cancel();
    (broker_with(Some(handover.clone())).await, handover, queue)
}

#[tokio::test]
async fn nobody_is_let_in_whose_death_would_not_be_heard() {
    let (to, _queue) = mpsc::channel(1);
    let handover = Handover {
        to,
        clock: Clock::system(),
        mappings: Mappings::new(profiles()),
        heard: CancellationToken::new(),
        stop: CancellationToken::new(),
    };
    let broker = broker_with(Some(handover.clone())).await;
    let mut early = std::pin::pin!(Peer::connect(options(&broker, "early")));
    // The gateway's own clients get in all the while.
    let own = broker.own_endpoint().credentials.unwrap();
    let mut session = options(&broker, "own");
    session.set_credentials(own.0, own.1);
    tokio::select! {
        peer = &mut early => panic!("let in: {:?}", peer.is_ok()),
        peer = Peer::connect(session) => assert!(peer.is_ok()),
    }
    handover.heard.cancel();
    within("the early one", early).await.unwrap();
    broker.stop().await;
}

async fn taken(queue: &mut mpsc::Receiver<Incoming>) -> Incoming {
    within("a message handed over", queue.recv()).await.unwrap()
}

#[tokio::test]
async fn sparkplug_data_go_to_the_engine_and_to_whoever_else_wants_them() {
    let (broker, _, mut queue) = broker_and_queue(100).await;
    let mut node = Peer::connect(options(&broker, "node")).await.unwrap();
    node.subscribe("spBv1.0/s/NCMD/n1").await;
    node.publish(NBIRTH, false, b"birth").await;
    assert_eq!(taken(&mut queue).await.topic, NBIRTH);

    let mut desk = Peer::connect(options(&broker, "desk")).await.unwrap();
    desk.subscribe("spBv1.0/#").await;
    node.publish(DDATA, false, b"data").await;
    let incoming = taken(&mut queue).await;
    assert_eq!(
        (incoming.topic.as_str(), &incoming.payload[..]),
        (DDATA, &b"data"[..])
    );
    assert!(incoming.ack.is_none() && !incoming.retained);
    let seen = desk.next().await;
    assert_eq!((seen.topic.as_str(), &seen.payload[..]), (DDATA, &b"data"[..]));

    // Not the engine's: commands, and what is not Sparkplug.
    desk.publish("spBv1.0/s/NCMD/n1", false, b"command").await;
    assert_eq!(&node.next().await.payload[..], b"command");
    desk.publish("building/door", false, b"open").await;
    node.publish("spBv1.0/s/DBIRTH/n1/b", false, b"last").await;
    assert_eq!(taken(&mut queue).await.topic, "spBv1.0/s/DBIRTH/n1/b");
    broker.stop().await;
}

// covers: tck-id-conformance-mqtt-qos0
#[tokio::test]
async fn a_full_queue_holds_the_sender_back_and_nothing_at_qos_0_is_lost() {
    let (broker, _, mut queue) = broker_and_queue(2).await;
    let Peer {
        client, mut events, ..
    } = Peer::connect(options(&broker, "node")).await.unwrap();
    let sending = tokio::spawn(async move {
        for n in 0..500_u32 {
            client
                .publish(DDATA, QoS::AtMostOnce, false, n.to_be_bytes())
                .await
                .unwrap();
        }
        client
    });
    let polling = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    for n in 0..500_u32 {
        assert_eq!(taken(&mut queue).await.payload[..], n.to_be_bytes());
    }
    drop(sending.await.unwrap());
    polling.abort();
    broker.stop().await;
}

#[tokio::test]
async fn the_last_data_of_a_node_come_before_its_death() {
    let (broker, handover, mut queue) = broker_and_queue(1_000).await;
    let subscription = Subscription {
        client_id: "vigil".to_owned(),
        host_id: "vigil".to_owned(),
        filters: vec![NOT_HANDED_OVER.to_owned()],
        mappings: None,
        max_backoff: Duration::from_secs(1),
    };
    let intake = Intake::start(&broker.own_endpoint(), subscription, handover.clock, handover.to);
    let mut status = intake.status();
    within("a session", status.wait_for(|status| status.up))
        .await
        .unwrap();
    let mut options = options(&broker, "node");
    options.set_last_will(LastWill::new(NDEATH, "gone", QoS::AtLeastOnce, false));
    let Peer {
        client, mut events, ..
    } = Peer::connect(options).await.unwrap();
    for _ in 0..20 {
        client
            .publish(DDATA, QoS::AtMostOnce, false, "data")
            .await
            .unwrap();
    }
    let mut sent = 0;
    within("sending", async {
        while sent < 20 {
            if let Event::Outgoing(rumqttc::Outgoing::Publish(_)) = events.poll().await.unwrap() {
                sent += 1;
            }
        }
    })
    .await;
    drop((client, events));
    for _ in 0..20 {
        assert_eq!(taken(&mut queue).await.topic, DDATA);
    }
    assert_eq!(taken(&mut queue).await.topic, NDEATH);
    intake.stop(Duration::from_secs(2)).await;
    broker.stop().await;
}

#[tokio::test]
async fn after_the_stop_nobody_is_told_that_a_message_has_been_taken() {
    let (broker, handover, mut queue) = broker_and_queue(10).await;
    let mut desk = Peer::connect(options(&broker, "desk")).await.unwrap();
    desk.subscribe("spBv1.0/#").await;
    let mut node = Peer::connect(options(&broker, "node")).await.unwrap();
    handover.stop.cancel();
    node.client
        .publish(DDATA, QoS::AtLeastOnce, false, "late")
        .await
        .unwrap();
    node.client
        .publish("building/door", QoS::AtLeastOnce, false, "open")
        .await
        .unwrap();
    // The acknowledgement of the second message is the first to come: there is none of the first.
    let id = node
        .until("a PUBACK", |packet| match packet {
            Packet::PubAck(ack) => Some(ack.pkid),
            _ => None,
        })
        .await;
    assert_eq!(id, 2);
    assert_eq!(&desk.next().await.payload[..], b"late");
    assert!(queue.try_recv().is_err());
    broker.stop().await;
}

#[tokio::test]
async fn what_a_profile_reads_is_handed_over_with_its_route_and_acknowledged_when_it_is_kept() {
    let (broker, _handover, mut queue) = broker_and_queue(10).await;
    let mut sender = Peer::connect(options(&broker, "sender")).await.unwrap();
    let client = sender.client.clone();
    let publish =
        async |topic: &str, qos, payload: &str| client.publish(topic, qos, false, payload).await.unwrap();
    publish("elsewhere/l1", QoS::AtMostOnce, "nobody reads it").await;
    publish("plant/l1", QoS::AtMostOnce, "once").await;
    publish("plant/l1", QoS::AtLeastOnce, "sure").await;
    publish("plant/l2", QoS::AtLeastOnce, "behind").await;
    let polling = tokio::spawn(async move {
        sender
            .until("a PUBACK", |packet| {
                matches!(packet, Packet::PubAck(_)).then_some(())
            })
            .await;
        sender
    });
    let once = taken(&mut queue).await;
    let route = once.field.unwrap();
    assert_eq!(
        (once.topic.as_str(), &once.payload[..]),
        ("plant/l1", &b"once"[..])
    );
    assert_eq!((&*route.node, route.device.as_deref()), ("site/json", Some("l1")));
    assert!(once.ack.is_none(), "nobody waits for it");
    let sure = taken(&mut queue).await;
    let Some(Ack::Waiting(waiter)) = sure.ack else {
        panic!("its sender waits")
    };
    assert!(queue.try_recv().is_err(), "the connection waits for the commit");
    assert!(!polling.is_finished(), "acknowledged before it is kept");
    waiter.send(()).unwrap();
    let mut sender = within("a PUBACK", polling).await.unwrap();
    // Given up: no acknowledgement; the connection goes on.
    let behind = taken(&mut queue).await;
    drop(behind);
    publish("plant/l3", QoS::AtLeastOnce, "last").await;
    let last = tokio::spawn(async move {
        sender
            .until("a PUBACK", |packet| match packet {
                Packet::PubAck(ack) => Some(ack.pkid),
                _ => None,
            })
            .await
    });
    let Some(Ack::Waiting(waiter)) = taken(&mut queue).await.ack else {
        panic!("its sender waits")
    };
    waiter.send(()).unwrap();
    assert_eq!(
        within("a PUBACK", last).await.unwrap(),
        3,
        "the second was not acknowledged"
    );
    broker.stop().await;
}
