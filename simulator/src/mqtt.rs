//! One MQTT session over rumqttc: connects once, reports what happens, ends with its connection. Who wants another
//! session makes another one; when, is the edge node's decision.

use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, LastWill, MqttOptions, NetworkOptions, Packet,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use rumqttc::QoS;

/// Largest packet either way; a birth of 300 metrics is 20 KiB, rumqttc's own limit 10.
const MAX_PACKET: usize = 1 << 20;
/// Messages on their way to the event loop.
const OUTGOING: usize = 256;
/// Events on their way from it.
const INCOMING: usize = 256;

/// Where the broker is and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name and password.
    pub credentials: Option<(String, String)>,
}

/// An address that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BrokerError {
    /// Not `mqtt://`.
    #[error("broker address `{0}`: only mqtt://host:port is supported")]
    Scheme(String),
    /// No port, or no number.
    #[error("broker address `{0}`: the port is no number")]
    Port(String),
    /// No host.
    #[error("broker address `{0}`: the host is missing")]
    Host(String),
}

/// The death certificate to leave with the broker.
#[derive(Clone, Debug)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
}

/// What happened on a connection.
#[derive(Debug)]
pub enum ConnectionEvent {
    /// The broker accepted it.
    Connected,
    /// A message on a subscribed topic.
    Message {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Vec<u8>,
    },
    /// It is over; nothing comes after this.
    Closed {
        /// Why.
        reason: String,
    },
}

/// A connection with its event loop in a task that only polls. Dropping it cuts the socket: the broker then sends the
/// will.
#[derive(Debug)]
pub struct Connection {
    client: AsyncClient,
    events: mpsc::Receiver<ConnectionEvent>,
    task: JoinHandle<()>,
}

/// Why a message was not handed to the event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Too many are waiting: try again soon.
    Full,
    /// The connection is over.
    Closed,
}

impl Broker {
    /// `mqtt://[user:password@]host[:port]`, or `host:port`; port 1883 when there is none.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub fn parse(url: &str) -> Result<Self, BrokerError> {
        let rest = match url.split_once("://") {
            Some(("mqtt" | "tcp", rest)) => rest,
            Some(_) => return Err(BrokerError::Scheme(url.to_owned())),
            None => url,
        };
        let rest = rest.trim_end_matches('/');
        let (credentials, address) = match rest.rsplit_once('@') {
            Some((who, address)) => {
                let (user, password) = who.split_once(':').unwrap_or((who, ""));
                (Some((user.to_owned(), password.to_owned())), address)
            }
            None => (None, rest),
        };
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| BrokerError::Port(url.to_owned()))?)
            }
            _ => (address, 1883),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(BrokerError::Host(url.to_owned()));
        }
        Ok(Self {
            host,
            port,
            credentials,
        })
    }
}

impl Connection {
    /// Starts connecting with a clean session; [`ConnectionEvent::Connected`] or `Closed` will say how it went.
    #[must_use]
    pub fn open(broker: &Broker, client_id: &str, will: Option<Will>) -> Self {
        let mut options = MqttOptions::new(client_id, broker.host.as_str(), broker.port);
        options
            .set_keep_alive(Duration::from_secs(20))
            .set_clean_session(true);
        options.set_max_packet_size(MAX_PACKET, MAX_PACKET);
        if let Some((user, password)) = &broker.credentials {
            options.set_credentials(user.as_str(), password.as_str());
        }
        if let Some(will) = will {
            options.set_last_will(LastWill::new(will.topic, will.payload, QoS::AtLeastOnce, false));
        }
        let (client, mut event_loop) = AsyncClient::new(options, OUTGOING);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        event_loop.set_network_options(network);
        let (tx, events) = mpsc::channel(INCOMING);
        let task = tokio::spawn(async move {
            loop {
                let event = match event_loop.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(ack))) if ack.code == ConnectReturnCode::Success => {
                        ConnectionEvent::Connected
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => ConnectionEvent::Message {
                        topic: publish.topic,
                        payload: publish.payload.to_vec(),
                    },
                    Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => {
                        // Polling on would connect again, or wait for a broker that has already closed.
                        closed(&tx, "disconnected".to_owned()).await;
                        return;
                    }
                    Ok(_) => continue,
                    Err(ConnectionError::RequestsDone) => return,
                    Err(error) => {
                        closed(&tx, error.to_string()).await;
                        return;
                    }
                };
                if tx.send(event).await.is_err() {
                    return;
                }
            }
        });
        Self { client, events, task }
    }

    /// The next thing that happens. After `Closed`, waits for ever.
    pub async fn event(&mut self) -> ConnectionEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// Publishes, not retained.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken.
    pub fn publish(&self, topic: &str, payload: &[u8], qos: QoS) -> Result<(), SendError> {
        self.taken(self.client.try_publish(topic, qos, false, payload))
    }

    /// Subscribes at QoS 1.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn subscribe(&self, topic: &str) -> Result<(), SendError> {
        self.taken(self.client.try_subscribe(topic, QoS::AtLeastOnce))
    }

    /// Sends what is waiting, then DISCONNECT.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn disconnect(&self) -> Result<(), SendError> {
        self.taken(self.client.try_disconnect())
    }

    fn taken(&self, result: Result<(), rumqttc::ClientError>) -> Result<(), SendError> {
        match result {
            Ok(()) => Ok(()),
            Err(_) if self.task.is_finished() => Err(SendError::Closed),
            Err(_) => Err(SendError::Full),
        }
    }
}

async fn closed(tx: &mpsc::Sender<ConnectionEvent>, reason: String) {
    // When nobody listens any more, nobody needs to know.
    let _heard = tx.send(ConnectionEvent::Closed { reason }).await.is_ok();
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broker_addresses_are_read_and_wrong_ones_explained() {
        let at = |host: &str, port, credentials: Option<(&str, &str)>| Broker {
            host: host.into(),
            port,
            credentials: credentials.map(|(user, password)| (user.into(), password.into())),
        };
        assert_eq!(Broker::parse("mqtt://localhost"), Ok(at("localhost", 1883, None)));
        assert_eq!(Broker::parse("127.0.0.1:41883"), Ok(at("127.0.0.1", 41883, None)));
        assert_eq!(Broker::parse("mqtt://[::1]:1884/"), Ok(at("::1", 1884, None)));
        assert_eq!(Broker::parse("mqtt://[::1]"), Ok(at("::1", 1883, None)));
        assert_eq!(Broker::parse("mqtt://a:b@c:1"), Ok(at("c", 1, Some(("a", "b")))));
        assert!(matches!(Broker::parse("http://x"), Err(BrokerError::Scheme(_))));
        assert!(matches!(Broker::parse("mqtt://x:y"), Err(BrokerError::Port(_))));
        assert!(matches!(Broker::parse("mqtt://:1"), Err(BrokerError::Host(_))));
    }
}
