//! Taking messages in: one MQTT session, its event loop in a task of its own.
//!
//! The task only polls and forwards. When the engine does not take messages, it waits: the broker's
//! flow control then holds the senders, and if that lasts, the broker ends the session and publishes
//! our STATE offline, which is the truth. QoS 1 messages are acknowledged by the engine after commit.

use super::host::Host;
use super::{Backoff, Endpoint, Mappings, options};
use crate::clock::Clock;
use crate::ingest::{Ack, Delivery, FieldRoute, Incoming};
use rumqttc::{AsyncClient, Event, EventLoop, Outgoing, Packet, Publish, QoS, SubAck, SubscribeReasonCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigil_core::json::Profiles;

/// What is subscribed to.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Client id: fixed, so that a broker keeps the session and a second gateway takes it over.
    pub client_id: String,
    /// Sparkplug host id.
    pub host_id: String,
    /// Topic filters; the Sparkplug namespace.
    pub filters: Vec<String>,
    /// What else is subscribed to: the topics of these profiles, unless they come another way.
    pub mappings: Option<Mappings>,
    /// Longest pause between two attempts to connect.
    pub max_backoff: Duration,
}

/// Whether there is a session with the broker.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Connection {
    /// Connected and subscribed.
    pub up: bool,
    /// Why not, if it has failed.
    pub error: Option<String>,
}

/// The running intake.
#[derive(Debug)]
pub struct Intake {
    client: AsyncClient,
    subscription: Arc<Subscription>,
    current: Arc<AtomicU64>,
    status: watch::Receiver<Connection>,
    stop: CancellationToken,
    /// The last word is on its way: its acknowledgement ends the session.
    leaving: Arc<AtomicBool>,
    topic: String,
    clock: Clock,
    ended: CancellationToken,
    task: JoinHandle<()>,
}

/// Acknowledges deliveries; cheap to clone.
#[derive(Clone, Debug)]
pub struct Acker {
    client: AsyncClient,
    current: Arc<AtomicU64>,
}

/// Changes what is subscribed to; cheap to clone.
#[derive(Clone, Debug)]
pub struct Topics {
    client: AsyncClient,
    subscription: Arc<Subscription>,
    status: watch::Receiver<Connection>,
    state: String,
}

/// How long messages gather; small against the time a batch waits.
const GATHER: Duration = Duration::from_millis(1);
/// rumqttc reads at most ten packets at once: so many mean that there are more.
const FULL_READ: usize = 8;

/// Requests to the event loop that may wait; twice the deliveries a broker sends unacknowledged.
const REQUESTS: usize = 4_096;

impl Intake {
    /// Connects and forwards to `to` until stopped; connects again whenever the connection is lost.
    #[must_use]
    pub fn start(
        endpoint: &Endpoint,
        subscription: Subscription,
        clock: Clock,
        to: mpsc::Sender<Incoming>,
    ) -> Self {
        let host = Host::new(&subscription.host_id, clock.now());
        let mut options = options(endpoint, &subscription.client_id);
        options.set_clean_session(false);
        options.set_manual_acks(true);
        options.set_last_will(host.will());
        let (client, mut events) = AsyncClient::new(options, REQUESTS);
        events.network_options.set_tcp_nodelay(true);
        let (status_to, status) = watch::channel(Connection::default());
        let current = Arc::new(AtomicU64::new(0));
        let stop = CancellationToken::new();
        let leaving = Arc::new(AtomicBool::new(false));
        let topic = host.topic.clone();
        let subscription = Arc::new(subscription);
        let session = Session {
            client: client.clone(),
            host,
            backoff: Backoff::new(subscription.max_backoff),
            subscription: Arc::clone(&subscription),
            strange: false,
            clock: clock.clone(),
            current: Arc::clone(&current),
            status: status_to,
            stop: stop.clone(),
            leaving: Arc::clone(&leaving),
            last_word: None,
            to,
            burst: 0,
        };
        let ended = CancellationToken::new();
        let ending = ended.clone().drop_guard();
        let task = tokio::spawn(async move {
            let _ending = ending;
            session.run(events).await;
        });
        Self {
            client,
            subscription,
            current,
            status,
            stop,
            leaving,
            topic,
            clock,
            ended,
            task,
        }
    }

    /// Resolves when it has ended, however: unasked for, always a failure.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Whether there is a session, now and later.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Connection> {
        self.status.clone()
    }

    /// Acknowledges deliveries.
    #[must_use]
    pub fn acker(&self) -> Acker {
        Acker {
            client: self.client.clone(),
            current: Arc::clone(&self.current),
        }
    }

    /// Changes what is subscribed to.
    #[must_use]
    pub fn topics(&self) -> Topics {
        Topics {
            client: self.client.clone(),
            subscription: Arc::clone(&self.subscription),
            status: self.status(),
            state: self.topic.clone(),
        }
    }

    /// Forwards nothing more from now on; the session stays.
    pub fn pause(&self) {
        self.stop.cancel();
    }

    /// Says STATE offline and disconnects, within `deadline`.
    pub async fn stop(self, deadline: Duration) {
        self.stop.cancel();
        let Self {
            client,
            clock,
            leaving,
            topic,
            mut task,
            status,
            ..
        } = self;
        let leave = async {
            if status.borrow().up {
                // First, because the broker may answer before this task goes on.
                leaving.store(true, Ordering::Release);
                client
                    .publish(topic, QoS::AtLeastOnce, true, Host::death(clock.now()))
                    .await?;
                // The task disconnects when the broker has taken it, and ends.
                drop((&mut task).await);
            }
            Ok::<_, rumqttc::ClientError>(())
        };
        match tokio::time::timeout(deadline, leave).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "could not say STATE offline"),
            Err(_) => tracing::warn!("could not say STATE offline in time"),
        }
        task.abort();
    }
}

impl Topics {
    /// The profiles in force are other ones now: asks the broker for their topics, and no longer for those of `old`
    /// ones. Without a session the next one does it.
    pub fn changed(&self, old: &Profiles) {
        if self.subscription.mappings.is_none() || !self.status.borrow().up {
            return;
        }
        let wanted = self.subscription.all(&self.state);
        let mut sent = self.client.try_subscribe_many(to_subscribe(&wanted));
        for gone in old.filters().iter().filter(|old| !wanted.contains(old)) {
            sent = sent.and_then(|()| self.client.try_unsubscribe(gone));
        }
        if let Err(error) = sent {
            tracing::error!(%error, "the topics of the new profiles were not all subscribed to; the next connection does it");
        }
    }
}

impl Acker {
    /// Acknowledges a delivery of the current connection; of an earlier one: nothing, the broker
    /// sends it again.
    pub fn ack(&self, delivery: Delivery) {
        if self.current.load(Ordering::Acquire) != delivery.connection {
            return;
        }
        let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new());
        publish.pkid = delivery.packet;
        if let Err(error) = self.client.try_ack(&publish) {
            // The broker sends the message again at the next connection; the log has it once.
            tracing::debug!(%error, "acknowledgement not sent");
        }
    }
}

struct Session {
    client: AsyncClient,
    host: Host,
    subscription: Arc<Subscription>,
    /// Something came that nobody asked for; it was said.
    strange: bool,
    backoff: Backoff,
    clock: Clock,
    current: Arc<AtomicU64>,
    status: watch::Sender<Connection>,
    stop: CancellationToken,
    leaving: Arc<AtomicBool>,
    /// The packet that says STATE offline.
    last_word: Option<u16>,
    to: mpsc::Sender<Incoming>,
    /// Messages since the socket was last left alone.
    burst: usize,
}

impl Session {
    async fn run(mut self, mut events: EventLoop) {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    self.current.fetch_add(1, Ordering::AcqRel);
                    // With or without an old session: a broker that forgot half of it is not trusted.
                    let filters = self.subscription.all(&self.host.topic);
                    if let Err(error) = self.client.try_subscribe_many(to_subscribe(&filters)) {
                        tracing::warn!(%error, "could not subscribe; connecting again");
                        events.clean();
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) => self.subscribed(&ack),
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    self.forward(publish, true).await;
                    self.gather(events.state.events.is_empty()).await;
                }
                Ok(Event::Outgoing(Outgoing::Publish(packet))) if self.leaving.load(Ordering::Acquire) => {
                    self.last_word = Some(packet);
                }
                Ok(Event::Incoming(Packet::PubAck(ack))) if self.last_word == Some(ack.pkid) => {
                    if self.client.try_disconnect().is_err() {
                        break;
                    }
                }
                Ok(Event::Outgoing(Outgoing::Disconnect)) if self.stop.is_cancelled() => break,
                Ok(_) => {}
                Err(error) => {
                    if self.lost(&mut events, &error.to_string()).await {
                        break;
                    }
                }
            }
        }
        self.status.send_replace(Connection::default());
    }

    fn subscribed(&mut self, ack: &SubAck) {
        let refused = |codes: &[SubscribeReasonCode]| codes.contains(&SubscribeReasonCode::Failure);
        let own = (self.subscription.filters.len() + 1).min(ack.return_codes.len());
        let (own, mapped) = ack.return_codes.split_at(own);
        if refused(mapped) {
            tracing::error!(
                "the MQTT broker refuses topics of mapping profiles: is the user allowed to read them?"
            );
        }
        if refused(own) {
            tracing::error!(filters = ?self.subscription.filters, "the MQTT broker refuses the subscription");
            let error = Some("the MQTT broker refuses the subscription".to_owned());
            self.status.send_replace(Connection { up: false, error });
            return;
        }
        self.backoff.reset();
        self.say_online();
        tracing::info!("connected to the MQTT broker");
        self.status.send_replace(Connection {
            up: true,
            error: None,
        });
    }

    /// Lets messages gather in the socket while they trickle: waking up for each of some thousand a
    /// second costs more than the messages themselves. When they come in bursts there is no pause.
    async fn gather(&mut self, nothing_read: bool) {
        self.burst += 1;
        if !nothing_read {
            return;
        }
        if std::mem::take(&mut self.burst) < FULL_READ {
            tokio::time::sleep(GATHER).await;
        }
    }

    /// The connection is gone: wait a little. True when it is time to end.
    async fn lost(&mut self, events: &mut EventLoop, error: &str) -> bool {
        // rumqttc keeps what it had read before the connection broke and would give it out after the
        // next CONNACK, as if it came with the new connection.
        for event in std::mem::take(&mut events.state.events) {
            if let Event::Incoming(Packet::Publish(publish)) = event {
                self.forward(publish, false).await;
            }
        }
        if self.stop.is_cancelled() {
            return true;
        }
        let pause = self.backoff.next();
        if self.status.borrow().error.as_deref() != Some(error) {
            tracing::warn!(
                error,
                "no connection to the MQTT broker; trying again until there is one"
            );
        }
        self.status.send_replace(Connection {
            up: false,
            error: Some(error.to_owned()),
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stop.cancelled() => return true,
        }
        self.host.connecting(self.clock.now());
        events.mqtt_options.set_last_will(self.host.will());
        false
    }

    /// `certain`: the delivery belongs to the current connection.
    async fn forward(&mut self, publish: Publish, certain: bool) {
        let packet = publish.pkid;
        let ack = (publish.qos != QoS::AtMostOnce && packet != 0).then(|| Delivery {
            connection: self.current.load(Ordering::Acquire),
            packet,
        });
        if ack.is_some() && !certain {
            // It comes again.
            return;
        }
        if publish.topic.starts_with("spBv1.0/STATE/") {
            if publish.topic == self.host.topic
                && Host::contradicts_us(&publish.payload)
                && !self.stop.is_cancelled()
            {
                self.say_online();
            }
            if ack.is_some()
                && let Err(error) = self.client.try_ack(&publish)
            {
                tracing::debug!(%error, "acknowledgement not sent");
            }
            return;
        }
        let field = match self.route(&publish.topic) {
            Route::Sparkplug => None,
            Route::Field(route) => Some(route),
            Route::Nobody => {
                self.nobody(&publish);
                return;
            }
        };
        let incoming = Incoming {
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
            received: self.clock.now(),
            ack: ack.map(Ack::Delivery),
            field,
        };
        tokio::select! {
            biased;
            // After a stop nothing is taken any more: unacknowledged messages come again.
            () = self.stop.cancelled() => {}
            sent = self.to.send(incoming) => {
                if sent.is_err() {
                    tracing::debug!("the engine is gone; message left to the broker");
                }
            }
        }
    }

    fn route(&self, topic: &str) -> Route {
        match &self.subscription.mappings {
            Some(mappings) if !topic.starts_with("spBv1.0/") => {
                mappings.route(topic).map_or(Route::Nobody, Route::Field)
            }
            _ => Route::Sparkplug,
        }
    }

    /// A subscription of an earlier run, or one just given up: the broker need not keep it for us.
    fn nobody(&mut self, publish: &Publish) {
        if !self.strange {
            self.strange = true;
            tracing::warn!(
                topic = publish.topic,
                "the broker sends what no profile reads, from an old subscription of this client id: not taken in"
            );
        }
        if publish.qos != QoS::AtMostOnce
            && let Err(error) = self.client.try_ack(publish)
        {
            tracing::debug!(%error, "acknowledgement not sent");
        }
    }

    fn say_online(&self) {
        let topic = self.host.topic.as_str();
        if let Err(error) = self
            .client
            .try_publish(topic, QoS::AtLeastOnce, true, self.host.birth())
        {
            tracing::warn!(%error, "could not say STATE online");
        }
    }
}

/// What becomes of a message.
enum Route {
    Sparkplug,
    Field(FieldRoute),
    Nobody,
}

impl Subscription {
    /// Everything the session asks for: its own filters and STATE first, then the topics of the profiles.
    fn all(&self, state: &str) -> Vec<String> {
        let mapped = self
            .mappings
            .iter()
            .flat_map(|mappings| mappings.current().filters());
        let own = self.filters.iter().cloned().chain([state.to_owned()]);
        own.chain(mapped).collect()
    }
}

fn to_subscribe(filters: &[String]) -> impl Iterator<Item = rumqttc::SubscribeFilter> {
    filters
        .iter()
        .map(|filter| rumqttc::SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce))
}
