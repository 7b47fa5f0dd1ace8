//! What a session asks for, and what it says of itself.

use vigil_protocol::time::UtcMillis;

/// Whose metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The node's own.
    Node,
    /// Those of the device at this position of the definition.
    Device(u16),
}

/// MQTT quality of service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Qos {
    /// 0
    AtMostOnce,
    /// 1
    AtLeastOnce,
}

/// A message to publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Publish<'b> {
    /// Topic.
    pub topic: &'b str,
    /// Sparkplug payload.
    pub payload: &'b [u8],
    /// Quality of service.
    pub qos: Qos,
    /// Always false: a Sparkplug node retains nothing.
    pub retain: bool,
    /// The journal sequence in it, when there is one.
    pub journal_seq: Option<u64>,
    /// Sent before, or measured before this session: `is_historical`.
    pub historical: bool,
}

/// What the driver is to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action<'b> {
    /// Connect to the server at this position of the driver's list, with clean session and this will; then call
    /// `on_connected` or `on_disconnected`.
    Connect {
        /// 0..[`Config::servers`]
        server: u8,
        /// The death certificate.
        will: Publish<'b>,
        /// Always true.
        clean_session: bool,
    },
    /// Subscribe.
    Subscribe {
        /// Topic filter.
        topic: &'b str,
        /// Quality of service.
        qos: Qos,
    },
    /// Publish.
    Publish(Publish<'b>),
    /// Disconnect, then call `on_disconnected`.
    Disconnect,
}

/// Where the session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Not connected; will ask to connect at this time.
    Waiting {
        /// Earliest time.
        until: UtcMillis,
    },
    /// Asked to connect.
    Connecting,
    /// Connected; subscribing. 0: commands, 1: the primary host's state.
    Subscribing(u8),
    /// Subscribed; the primary host is not online.
    AwaitingHost,
    /// Giving birth: 0 the node, n the device n - 1.
    Birthing(u16),
    /// Born.
    Online,
    /// Leaving: 0 the death certificate is due, 1 the disconnect.
    Leaving(u8),
    /// Disconnect was asked for; waits for `on_disconnected`.
    Left,
    /// Left for good.
    Stopped,
    /// Cannot work at all.
    Failed(Failure),
}

/// Why a session cannot work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A birth certificate is longer than the buffer.
    BirthTooLong {
        /// Bytes the certificate needs at least.
        needed: usize,
        /// Bytes there are.
        have: usize,
    },
}

/// What has been done since the session was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(
    missing_docs,
    reason = "the names say it; all are numbers of messages or events"
)]
pub struct Counters {
    pub connects: u32,
    pub births: u32,
    pub data: u64,
    pub resent: u64,
    pub acked: u64,
    pub rebirth_requests: u32,
    pub ack_timeouts: u32,
    pub commands_ignored: u32,
    pub storage_faults: u32,
}

/// What a received message asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// All births again.
    pub rebirth: bool,
    /// Records freed by an acknowledgement.
    pub freed: u64,
    /// Sequences to send again, inclusive, as far as they are held.
    pub resend: Option<(u64, u64)>,
    /// The node's clock was set.
    pub time: bool,
    /// The primary host went online or offline.
    pub host: Option<bool>,
    /// Something this node does not do, or cannot read.
    pub ignored: bool,
}
