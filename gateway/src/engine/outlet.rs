//! What leaves the process after a commit.

use crate::clock::Clock;
use crate::ingest::Delivery;
use crate::mqtt::{Acker, Publisher, encode_command};
use std::sync::Arc;
use vigil_core::output::Command;

/// Where acknowledgements and commands go. Neither may wait.
pub trait Outlet: Send + 'static {
    /// The message of this delivery is on disk.
    fn acknowledge(&self, delivery: Delivery);
    /// Sends a command; false if it had to be dropped.
    fn command(&self, command: &Command) -> bool;
}

/// Over MQTT.
#[derive(Debug)]
pub struct MqttOutlet {
    /// Acknowledges to the broker.
    pub acker: Acker,
    /// Publishes to nodes.
    pub publisher: Arc<Publisher>,
    /// For the commands' timestamps.
    pub clock: Clock,
}

impl Outlet for MqttOutlet {
    fn acknowledge(&self, delivery: Delivery) {
        self.acker.ack(delivery);
    }

    fn command(&self, command: &Command) -> bool {
        match encode_command(command, self.clock.now()) {
            Ok((topic, payload)) => self.publisher.send(topic, payload),
            Err(error) => {
                tracing::error!(%error, ?command, "a command could not be encoded");
                false
            }
        }
    }
}
