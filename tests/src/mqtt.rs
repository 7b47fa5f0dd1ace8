//! A plain MQTT client: hears what goes over a broker, and says anything, right or wrong.

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// A message heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// From the broker's retained store.
    pub retained: bool,
}

/// A client; its connection ends when it is dropped.
pub struct Peer {
    client: Client,
    heard: Receiver<Heard>,
}

impl Peer {
    /// Connects and subscribes; returns when the broker has confirmed it.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn connect(url: &str, id: &str, filters: &[&str]) -> Self {
        let (host, port) = url
            .trim_start_matches("mqtt://")
            .rsplit_once(':')
            .expect("mqtt://host:port");
        let mut options = MqttOptions::new(id, host, port.parse::<u16>().expect("a port"));
        options.set_max_packet_size(8 << 20, 8 << 20);
        let (client, mut connection) = Client::new(options, 1_000);
        let (to, heard) = sync_channel(100_000);
        let (ready_to, ready) = sync_channel(8);
        let wanted = filters.len();
        std::thread::spawn(move || {
            let mut confirmed = 0;
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) if wanted == 0 => {
                        let _only_the_first_counts = ready_to.try_send(());
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => {
                        confirmed += 1;
                        if confirmed == wanted {
                            let _only_the_first_counts = ready_to.try_send(());
                        }
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let message = Heard {
                            topic: publish.topic,
                            payload: publish.payload.to_vec(),
                            retained: publish.retain,
                        };
                        if to.try_send(message).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    // It has been dropped, or the broker has gone.
                    Err(_) => return,
                }
            }
        });
        for filter in filters {
            client
                .subscribe(*filter, QoS::AtLeastOnce)
                .expect("the client takes requests");
        }
        ready
            .recv_timeout(Duration::from_secs(20))
            .expect("the broker answers");
        Self { client, heard }
    }

    /// Publishes at QoS 0, not retained.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn say(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client
            .publish(topic, QoS::AtMostOnce, false, payload)
            .expect("the client takes requests");
    }

    /// Publishes at QoS 1, retained.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn say_retained(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client
            .publish(topic, QoS::AtLeastOnce, true, payload)
            .expect("the client takes requests");
    }

    /// The first message that `wanted` accepts; everything before it is forgotten.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn wait_for(&self, what: &str, within: Duration, mut wanted: impl FnMut(&Heard) -> bool) -> Heard {
        let deadline = Instant::now() + within;
        loop {
            match self
                .heard
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(message) if wanted(&message) => return message,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no {what} within {within:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the broker has gone before {what}"),
            }
        }
    }

    /// Everything heard so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<Heard> {
        self.heard.try_iter().collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _gone_already = self.client.disconnect();
    }
}
