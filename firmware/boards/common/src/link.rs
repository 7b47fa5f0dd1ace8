//! Does what the session asks for: connects to the broker by TCP and MQTT 5, publishes, listens.

use core::net::Ipv4Addr;

use embassy_futures::select::{Either3, select, select3};
use embassy_net::Stack;
use embassy_net::tcp::{self, TcpSocket};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use embedded_io_async::{ErrorType, Read, Write};
use heapless::{String, Vec};
use minimq::{Buffers, ConfigBuilder, PubError, Publication, QoS, SubscriptionOptions, TopicFilter, Will};
use vigil_firmware::{Action, Publish, Qos, Scratch, Storage};

use crate::node::{MESSAGE, Node};
use crate::say;
use crate::wall;
use crate::watch::Task;

/// Patience with the network while connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// Unacknowledged data for this long end a connection.
const SILENCE: Duration = Duration::from_secs(10);
/// Longest wait without checking in.
const ROUND: Duration = Duration::from_secs(5);
/// A broker hears from the node at least this often.
const KEEPALIVE_S: u16 = 10;
/// Largest message from the broker: the gateway's commands are below 200 bytes.
const INBOUND: usize = 512;
/// Topic, header and properties around a message.
const ENVELOPE: usize = 320;

/// Where the broker is.
#[derive(Clone, Copy)]
pub struct Server {
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
    /// What the node calls itself there.
    pub(crate) client: &'static str,
    /// Empty for none.
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
}

/// Everything the connection needs.
pub struct Buffer {
    will: LastWill,
    scratch: Scratch<MESSAGE>,
    tcp_rx: [u8; INBOUND],
    tcp_tx: [u8; 2_048],
    mqtt_rx: [u8; INBOUND],
    mqtt_tx: [u8; MESSAGE + ENVELOPE],
}

impl Buffer {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            will: LastWill {
                topic: String::new(),
                payload: Vec::new(),
            },
            scratch: Scratch::new(),
            tcp_rx: [0; INBOUND],
            tcp_tx: [0; 2_048],
            mqtt_rx: [0; INBOUND],
            mqtt_tx: [0; MESSAGE + ENVELOPE],
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

/// The last will, kept apart from the buffer that later messages are written to.
struct LastWill {
    topic: String<128>,
    payload: Vec<u8, 64>,
}

impl LastWill {
    /// Whether it fits.
    fn keep(&mut self, will: &Publish<'_>) -> bool {
        self.topic.clear();
        self.payload.clear();
        let topic = self.topic.push_str(will.topic);
        topic.is_ok() && self.payload.extend_from_slice(will.payload).is_ok()
    }
}

/// Runs the session's side of the network for ever.
pub async fn run<S: Storage>(
    node: &Node<S>,
    stack: Stack<'static>,
    server: Server,
    buffer: &mut Buffer,
) -> ! {
    loop {
        Task::Link.check_in();
        let wanted = node.with(|edge| match edge.poll(wall::now(), &mut buffer.scratch) {
            Some(Action::Connect { will, .. }) => Some(buffer.will.keep(&will)),
            _ => None,
        });
        let Some(kept) = wanted else {
            wait(node).await;
            continue;
        };
        if !kept {
            say!("link: the death certificate does not fit; not connecting");
            node.with(|edge| edge.on_disconnected(wall::now()));
            continue;
        }
        if let Err(why) = connection(node, stack, &server, buffer).await {
            say!("link: {why}");
        }
        node.with(|edge| edge.on_disconnected(wall::now()));
    }
}

/// Until the session may have something to do.
async fn wait<S: Storage>(node: &Node<S>) {
    select(node.news(), Timer::at(wake(node))).await;
}

/// When the session wants to be asked again; soon enough to check in.
fn wake<S: Storage>(node: &Node<S>) -> Instant {
    let soon = Instant::now() + ROUND;
    node.with(|edge| edge.next_wake())
        .map_or(soon, |at| wall::instant(at).min(soon))
}

/// One connection, from SYN to its end; says why it ended.
async fn connection<S: Storage>(
    node: &Node<S>,
    stack: Stack<'static>,
    server: &Server,
    buffer: &mut Buffer,
) -> Result<(), &'static str> {
    let Buffer {
        will,
        scratch,
        tcp_rx,
        tcp_tx,
        mqtt_rx,
        mqtt_tx,
    } = buffer;
    with_timeout(CONNECT, stack.wait_config_up())
        .await
        .map_err(|_| "no address from DHCP")?;
    let mut socket = TcpSocket::new(stack, tcp_rx, tcp_tx);
    socket.set_timeout(Some(SILENCE));
    socket.set_nagle_enabled(false);
    let connected = with_timeout(CONNECT, socket.connect((server.address, server.port))).await;
    connected
        .map_err(|_| "the broker does not answer")?
        .map_err(|_| "the broker refuses")?;
    let will = Will::new(&will.topic, &will.payload, &[])
        .map_err(|_| "the death certificate's topic is too long")?
        .qos(QoS::AtLeastOnce);
    // A session for each connection: the will has the connection's bdSeq.
    let config = ConfigBuilder::new(Buffers::new(mqtt_rx, mqtt_tx))
        .keepalive_interval(KEEPALIVE_S)
        .client_id(server.client)
        .and_then(|config| config.will(will))
        .and_then(|config| match server.user {
            "" => Ok(config),
            user => config.auth(user, server.password.as_bytes()),
        })
        .map_err(|_| "the MQTT configuration is not valid")?;
    let mut session = minimq::Session::new(config);
    let mut mqtt = match with_timeout(CONNECT, session.connect(Wire(socket))).await {
        Err(_) => return Err("the broker does not answer CONNECT"),
        Ok(Err(_)) => return Err("the broker refuses CONNECT"),
        Ok(Ok(mqtt)) => mqtt,
    };
    say!("link: connected to {}:{}", server.address, server.port);
    node.with(|edge| edge.on_connected(wall::now()));
    loop {
        Task::Link.check_in();
        if say_everything(node, &mut mqtt, scratch).await? {
            return Ok(());
        }
        match select3(mqtt.poll(), node.news(), Timer::at(wake(node))).await {
            Either3::First(Ok(Some(message))) => {
                node.with(|edge| edge.on_message(wall::now(), message.topic(), message.payload()));
            }
            Either3::First(Ok(None)) | Either3::Second(()) | Either3::Third(()) => {}
            Either3::First(Err(_)) => return Err("the connection was lost"),
        }
    }
}

/// Sends until the session has nothing more to say; true when it wants to leave.
async fn say_everything<S: Storage>(
    node: &Node<S>,
    mqtt: &mut minimq::Connection<'_, '_, Wire<'_>>,
    scratch: &mut Scratch<MESSAGE>,
) -> Result<bool, &'static str> {
    loop {
        match node.with(|edge| edge.poll(wall::now(), scratch)) {
            None => return Ok(false),
            Some(Action::Publish(message)) => publish(mqtt, &message).await?,
            Some(Action::Subscribe { topic, qos }) => {
                let options = SubscriptionOptions::default().maximum_qos(quality(qos));
                let filter = TopicFilter::new(topic).options(options);
                mqtt.subscribe(&[filter], &[])
                    .await
                    .map_err(|_| "subscribing failed")?;
            }
            Some(Action::Disconnect) => {
                mqtt.disconnect().await.map_err(|_| "disconnecting failed")?;
                return Ok(true);
            }
            Some(Action::Connect { .. }) => return Err("connecting twice"),
        }
    }
}

async fn publish(
    mqtt: &mut minimq::Connection<'_, '_, Wire<'_>>,
    message: &Publish<'_>,
) -> Result<(), &'static str> {
    let publication = Publication::bytes(message.topic, message.payload).qos(quality(message.qos));
    match mqtt.publish(publication).await {
        Ok(_) => Ok(()),
        Err(PubError::Payload(_)) => Err("a message is longer than the buffer"),
        Err(PubError::Session(minimq::Error::Resource(_))) => {
            Err("a message is longer than the broker takes")
        }
        Err(PubError::Session(_)) => Err("publishing failed"),
    }
}

fn quality(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
    }
}

/// A TCP socket whose data are on their way as soon as they are written. The socket's own flush waits for the peer's
/// acknowledgement: a round trip, or a delayed-ACK timer, for each message.
struct Wire<'a>(TcpSocket<'a>);

impl ErrorType for Wire<'_> {
    type Error = tcp::Error;
}

impl Read for Wire<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, tcp::Error> {
        self.0.read(buf).await
    }
}

impl Write for Wire<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, tcp::Error> {
        self.0.write(buf).await
    }

    async fn flush(&mut self) -> Result<(), tcp::Error> {
        Ok(())
    }
}
