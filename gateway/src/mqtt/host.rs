//! The gateway as a Sparkplug host application: its STATE messages.

use vigil_protocol::sparkplug::HostState;
use vigil_protocol::sparkplug::Topic;
use vigil_protocol::time::UtcMillis;

/// What the gateway says about itself under `spBv1.0/STATE/{host}`.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) topic: String,
    /// Birth and will of one connection carry the same time: so a late will is told from a fresh one.
    since: UtcMillis,
}

impl Host {
    pub(super) fn new(host_id: &str, now: UtcMillis) -> Self {
        Self {
            topic: Topic::State { host: host_id }.to_string(),
            since: now,
        }
    }

    /// A new connection is about to be made.
    pub(super) const fn connecting(&mut self, now: UtcMillis) {
        self.since = now;
    }

    pub(super) fn will(&self) -> rumqttc::LastWill {
        rumqttc::LastWill::new(
            self.topic.as_str(),
            payload(false, self.since),
            rumqttc::QoS::AtLeastOnce,
            true,
        )
    }

    pub(super) fn birth(&self) -> Vec<u8> {
        payload(true, self.since)
    }

    /// Said before leaving in order.
    pub(super) fn death(now: UtcMillis) -> Vec<u8> {
        payload(false, now)
    }

    /// Whether a STATE message under our topic says that we are offline, which we must contradict.
    pub(super) fn contradicts_us(payload: &[u8]) -> bool {
        HostState::parse(payload).is_ok_and(|state| !state.online)
    }
}

fn payload(online: bool, timestamp: UtcMillis) -> Vec<u8> {
    let mut buffer = [0_u8; 96];
    let length = HostState { online, timestamp }.write(&mut buffer).unwrap_or(0);
    buffer[..length].to_vec()
}

#[cfg(test)]
mod tests {
    use super::Host;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn birth_and_will_of_a_connection_carry_the_same_time() {
        let mut host = Host::new("vigil", UtcMillis(1));
        assert_eq!(host.topic, "spBv1.0/STATE/vigil");
        host.connecting(UtcMillis(1_793_455_200_000));
        assert_eq!(host.birth(), br#"{"online":true,"timestamp":1793455200000}"#);
        assert_eq!(
            &host.will().message[..],
            br#"{"online":false,"timestamp":1793455200000}"#
        );
        assert!(host.will().retain);
        assert!(Host::contradicts_us(&Host::death(UtcMillis(2))));
        assert!(!Host::contradicts_us(&host.birth()));
        assert!(!Host::contradicts_us(b"OFFLINE"));
    }
}
