//! MQTT: an embedded broker, the client that takes messages in, and the one that sends commands.

mod broker;
mod client;
mod command;
mod handover;
mod host;
mod mappings;
mod publisher;

pub use broker::{BrokerError, BrokerOptions, BrokerUser, EmbeddedBroker};
pub use client::{Acker, Connection, Intake, Subscription, Topics};
pub use command::encode as encode_command;
pub use handover::{Handover, NOT_HANDED_OVER};
pub use mappings::Mappings;
pub use publisher::Publisher;

use std::time::Duration;

/// Larger packets than this are refused by both sides. A birth certificate may well have 1 MiB;
/// rumqttc's own default of 10 KiB would make it a reconnect loop.
pub const MAX_PACKET: usize = 2 * 1024 * 1024;

/// Where the broker is and who we are to it.
#[derive(Clone)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS with the system's or the given roots.
    pub tls: Option<rumqttc::TlsConfiguration>,
    /// User and password.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the password.
        write!(
            f,
            "{}:{}{}",
            self.host,
            self.port,
            if self.tls.is_some() { " (TLS)" } else { "" }
        )
    }
}

/// Options common to both clients.
fn options(endpoint: &Endpoint, client_id: &str) -> rumqttc::MqttOptions {
    let mut options = rumqttc::MqttOptions::new(client_id, endpoint.host.as_str(), endpoint.port);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_max_packet_size(MAX_PACKET, MAX_PACKET);
    if let Some((user, password)) = &endpoint.credentials {
        options.set_credentials(user.as_str(), password.as_str());
    }
    if let Some(tls) = &endpoint.tls {
        options.set_transport(rumqttc::Transport::Tls(tls.clone()));
    }
    options
}

/// The next pause between two attempts: doubling from 200 ms to `max`, each a random half to whole of it.
struct Backoff {
    next_ms: u64,
    max_ms: u64,
}

impl Backoff {
    const FIRST_MS: u64 = 200;

    const fn new(max: Duration) -> Self {
        Self {
            next_ms: Self::FIRST_MS,
            max_ms: max.as_millis() as u64,
        }
    }

    const fn reset(&mut self) {
        self.next_ms = Self::FIRST_MS;
    }

    fn next(&mut self) -> Duration {
        let mut random = [0_u8; 2];
        // Without randomness all gateways of a site would come back at the same moment: no disaster.
        let jitter = if getrandom::fill(&mut random).is_ok() {
            u64::from(u16::from_le_bytes(random))
        } else {
            0
        };
        let now = self.next_ms;
        self.next_ms = (self.next_ms * 2).min(self.max_ms);
        Duration::from_millis(now / 2 + now / 2 * jitter / u64::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::time::Duration;

    #[test]
    fn pauses_grow_to_the_limit_with_jitter_and_start_again_after_success() {
        let mut backoff = Backoff::new(Duration::from_secs(30));
        for expected in [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000] {
            let pause = backoff.next().as_millis() as u64;
            assert!(
                (expected / 2..=expected).contains(&pause),
                "{pause} ms is not within {expected} ms"
            );
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(200));
    }
}
