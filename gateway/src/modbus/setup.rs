//! What is to be polled: one line per bus or connection.

use super::link::Link;
use std::sync::Arc;
use std::time::Duration;
use vigil_core::modbus::RegisterMap;

/// A bus or connection and the devices on it. One task serves it.
#[derive(Clone, Debug, PartialEq)]
pub struct LineSetup {
    /// Name of the connection in the configuration: what metrics and status call it.
    pub name: Arc<str>,
    /// `group/node` its messages are filed under.
    pub node: Arc<str>,
    /// Where it is.
    pub link: Link,
    /// Its devices share one connection; without it a line has one device.
    pub shared: bool,
    /// How long connecting may take.
    pub connect: Duration,
    /// How long nothing is said on a serial line after a request nobody has answered.
    pub quiet: Duration,
    /// How late an answer can come; zero where a late one cannot be taken for another, as on a TCP connection that is
    /// dropped after every failure.
    pub late: Duration,
    /// The devices; each id once per node.
    pub devices: Vec<DeviceSetup>,
}

/// A device.
#[derive(Clone, Debug)]
pub struct DeviceSetup {
    /// Device id of its messages.
    pub id: Arc<str>,
    /// Unit address.
    pub unit: u8,
    /// What its registers mean.
    pub map: Arc<RegisterMap>,
    /// How often it is polled.
    pub period: Duration,
    /// How long it may take for an answer.
    pub deadline: Duration,
}

impl PartialEq for DeviceSetup {
    fn eq(&self, other: &Self) -> bool {
        use vigil_core::field::FieldDecoder as _;
        let same = |a: &Self, b: &Self| (a.unit, a.period, a.deadline) == (b.unit, b.period, b.deadline);
        self.id == other.id && same(self, other) && self.map.hash() == other.map.hash()
    }
}

/// What a line is known by when the configuration changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LineKey {
    node: Arc<str>,
    link: Link,
    /// Of a connection that is one device's alone.
    device: Option<Arc<str>>,
}

impl LineSetup {
    pub(super) fn key(&self) -> LineKey {
        let alone = self.devices.first().filter(|_| !self.shared);
        LineKey {
            node: Arc::clone(&self.node),
            link: self.link.clone(),
            device: alone.map(|device| Arc::clone(&device.id)),
        }
    }

    /// Whether the line goes on as it is when it becomes `other`, whatever becomes of its devices.
    pub(super) fn goes_on_as(&self, other: &Self) -> bool {
        let times = |setup: &Self| (setup.connect, setup.quiet, setup.late);
        self.name == other.name && self.key() == other.key() && times(self) == times(other)
    }
}
