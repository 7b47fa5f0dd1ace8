//! The embedded broker: `mqtt5`, with its defaults made safe.

use crate::secrets::random_hex;
use mqtt5::broker::{AuthProvider, AuthResult, BrokerConfig, MqttBroker, StorageBackendType, StorageConfig};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::handover::{Handover, Hook, Watchers};
use super::{Endpoint, MAX_PACKET};

/// Messages that may wait for one slow reader. Sparkplug data come at QoS 0: the broker drops what
/// does not fit, the journal brings it again.
const LANE: usize = 65_536;

/// The user the gateway's own clients connect as.
const OWN_USER: &str = "vigil-gateway";

/// Why the broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Bad address, port in use, …
    #[error("cannot start the embedded MQTT broker on {address}: {source}")]
    Start {
        /// Where.
        address: SocketAddr,
        /// Cause.
        source: mqtt5::MqttError,
    },
    /// No own password could be drawn.
    #[error("cannot draw the embedded broker's own password: {0}")]
    Secret(#[from] crate::secrets::SecretError),
    /// It started and gives no address.
    #[error("the embedded MQTT broker on {address} did not say which port it has")]
    NoAddress {
        /// What was asked for.
        address: SocketAddr,
    },
}

/// How the broker is set up.
#[derive(Clone, Debug)]
pub struct BrokerOptions {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Who may connect from anywhere. From this machine anyone may, without a name.
    pub users: Vec<BrokerUser>,
    /// Nobody but the gateway may publish under this topic (its own STATE).
    pub own_topic: String,
    /// Where Sparkplug data go; without it they are for subscribers only.
    pub handover: Option<Handover>,
}

/// A user of the broker.
#[derive(Clone)]
pub struct BrokerUser {
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for BrokerUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerUser")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A running broker; stops when dropped, in order with [`EmbeddedBroker::stop`].
#[derive(Debug)]
pub struct EmbeddedBroker {
    address: SocketAddr,
    own_password: String,
    shutdown: Shutdown,
    ended: CancellationToken,
    task: JoinHandle<()>,
}

struct Shutdown(mqtt5::broker::BrokerShutdownHandle);

impl std::fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shutdown")
    }
}

impl EmbeddedBroker {
    /// Binds and starts accepting.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn start(options: BrokerOptions) -> Result<Self, BrokerError> {
        let address = options.listen;
        let own_password = random_hex()?;
        let mut users: HashMap<String, [u8; 32]> = options
            .users
            .iter()
            .map(|user| (user.name.clone(), digest(user.password.as_bytes())))
            .collect();
        users.insert(OWN_USER.to_owned(), digest(own_password.as_bytes()));
        let watchers = Arc::new(Watchers::default());
        let mut config = BrokerConfig {
            // Its defaults: all addresses, files in the working directory, 256 MiB packets.
            bind_addresses: vec![address],
            storage_config: StorageConfig {
                backend: StorageBackendType::Memory,
                max_queued_messages_per_client: LANE,
                ..StorageConfig::default()
            },
            max_packet_size: MAX_PACKET,
            max_clients: 50_000,
            client_channel_capacity: LANE,
            max_outbound_inflight: 1_000,
            sys_topics_enabled: false,
            tls_config: None,
            ..BrokerConfig::default()
        };
        let heard = options.handover.as_ref().map(|handover| handover.heard.clone());
        if let Some(handover) = options.handover {
            let watchers = Arc::clone(&watchers);
            config = config.with_event_handler(Arc::new(Hook { handover, watchers }));
        }
        let start = |source| BrokerError::Start { address, source };
        let mut broker = MqttBroker::with_config(config)
            .await
            .map_err(start)?
            .with_auth_provider(Arc::new(Guard {
                users,
                own_topic: options.own_topic,
                watchers,
                heard,
            }));
        let bound = broker.local_addr().ok_or(BrokerError::NoAddress { address })?;
        let shutdown = Shutdown(broker.shutdown_handle());
        let mut ready = broker.ready_receiver();
        let ended = CancellationToken::new();
        let ending = ended.clone().drop_guard();
        let task = tokio::spawn(async move {
            let _ending = ending;
            if let Err(error) = broker.run().await {
                tracing::error!(%error, "the embedded MQTT broker stopped");
            }
        });
        // An error here means that it ended before it was ready; the log says why.
        if ready.wait_for(|ready| *ready).await.is_err() {
            tracing::warn!("the embedded MQTT broker ended before it was ready");
        }
        Ok(Self {
            address: bound,
            own_password,
            shutdown,
            ended,
            task,
        })
    }

    /// Resolves when it has ended, however: unasked for, always a failure.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How the gateway's own clients reach it.
    #[must_use]
    pub fn own_endpoint(&self) -> Endpoint {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        Endpoint {
            host: if address.is_ipv6() {
                format!("[{}]", address.ip())
            } else {
                address.ip().to_string()
            },
            port: address.port(),
            tls: None,
            credentials: Some((OWN_USER.to_owned(), self.own_password.clone())),
        }
    }

    /// Closes all connections and ends; nodes see a closed connection.
    pub async fn stop(self) {
        self.shutdown.0.shutdown();
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the embedded MQTT broker did not end in order");
        }
    }
}

/// Who may do what.
struct Guard {
    users: HashMap<String, [u8; 32]>,
    own_topic: String,
    watchers: Arc<Watchers>,
    /// See [`Handover::heard`].
    heard: Option<CancellationToken>,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl AuthProvider for Guard {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        client: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        let answer = match &connect.username {
            // Whoever names itself must be right, wherever it comes from.
            Some(user) => {
                let offered = digest(connect.password.as_deref().unwrap_or_default());
                if self.users.get(user).is_some_and(|wanted| *wanted == offered) {
                    AuthResult::success_with_user(user.clone())
                } else {
                    AuthResult::fail(ReasonCode::BadUsernameOrPassword)
                }
            }
            None if client.ip().is_loopback() => AuthResult::success(),
            None => AuthResult::fail(ReasonCode::NotAuthorized),
        };
        let first = connect.username.as_deref() == Some(OWN_USER);
        Box::pin(async move {
            // The broker gives a client ten seconds to get in; then it comes again.
            if let Some(heard) = self.heard.as_ref().filter(|_| !first) {
                heard.cancelled().await;
            }
            Ok(answer)
        })
    }

    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        user_id: Option<&'a str>,
        topic: &'a str,
    ) -> Answer<'a, bool> {
        let allowed = topic != self.own_topic || user_id == Some(OWN_USER);
        Box::pin(async move { allowed })
    }

    fn authorize_subscribe<'a>(
        &'a self,
        client_id: &str,
        _user_id: Option<&'a str>,
        filter: &'a str,
    ) -> Answer<'a, bool> {
        self.watchers.subscribing(client_id, filter);
        Box::pin(async { true })
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
