//! The settings of a node.

use core::fmt;
use core::ops::RangeInclusive;

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};
use vigil_protocol::sparkplug::{IdError, check_id};
use vigil_protocol::vocabulary::Quantity;

use crate::definition::{DeviceDef, MetricDef, same_but_case};
use crate::drivers::{Source, SourceError};
use crate::reading::datatype;

/// Most channels of a node.
pub const MAX_CHANNELS: usize = 24;
/// Most devices of a node.
pub const MAX_DEVICES: usize = 8;

/// A text never shown.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Secret(pub String<64>);

/// An IPv4 address and the length of its network's prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Address {
    /// The node's own address.
    pub ip: [u8; 4],
    /// Bits of the network, 0–32.
    pub prefix: u8,
    /// The way out.
    pub gateway: [u8; 4],
}

/// How the node gets its address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Network {
    /// Asks for one.
    #[default]
    Dhcp,
    /// Has one.
    Static(Address),
}

/// One RS-485 line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Port {
    /// Bits per second, 8N1.
    pub baud: u32,
    /// Longest wait for a reply, ms.
    pub reply_ms: u16,
}

/// Correction of an analog value: `value × gain + offset`, in the canonical unit.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Calibration {
    /// Factor; not 0.
    pub gain: f64,
    /// In the canonical unit of the quantity.
    pub offset: f64,
}

/// One row of the channel table.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Channel {
    /// Position of the equipment it belongs to in [`Settings::devices`].
    pub device: u8,
    /// What is measured; its key is the metric's name.
    pub quantity: Quantity,
    /// Where it is read.
    pub source: Source,
    /// How often, ms.
    pub period_ms: u32,
    /// Changes up to this size are not reported; canonical unit. Analog only.
    pub dead_band: f32,
    /// Analog only.
    pub calibration: Calibration,
    /// A contact that is open when the state is true.
    pub inverted: bool,
    /// How long a contact must keep its state to be believed, ms.
    pub debounce_ms: u16,
}

/// Everything a node is told when it is installed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Sparkplug group id: the site or district.
    pub group: String<32>,
    /// Sparkplug edge node id.
    pub node: String<32>,
    /// Host name or address of the MQTT broker.
    pub broker: String<64>,
    /// TCP port of the broker.
    pub broker_port: u16,
    /// MQTT user; empty for none.
    pub user: String<32>,
    /// MQTT password.
    pub password: Secret,
    /// Own address.
    pub network: Network,
    /// RS-485 lines.
    pub ports: [Port; 2],
    /// Sparkplug device ids: the pieces of equipment.
    pub devices: Vec<String<32>, MAX_DEVICES>,
    /// The channel table.
    pub channels: Vec<Channel, MAX_CHANNELS>,
}

/// What is wrong with settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettingsError {
    /// An id is empty or may not stand in a topic.
    Id {
        /// `group`, `node` or `device`.
        what: &'static str,
        /// Why not.
        error: IdError,
    },
    /// No broker.
    NoBroker,
    /// The node's own address is one that no node can have.
    Address,
    /// The speed or the reply time of an RS-485 line.
    Port {
        /// Which line.
        port: u8,
    },
    /// A channel of a device that is not there.
    UnknownDevice {
        /// Position in the channel table.
        channel: u8,
        /// The device's position.
        device: u8,
    },
    /// Two devices whose ids are equal, or equal but for case.
    SameDevice {
        /// The second one's position.
        device: u8,
    },
    /// A device has two channels for one quantity.
    Twice {
        /// The second channel's position.
        channel: u8,
        /// The quantity.
        quantity: Quantity,
    },
    /// The source cannot measure what the channel is for, or is not possible.
    Source {
        /// Position in the channel table.
        channel: u8,
        /// Why.
        error: SourceError,
    },
    /// A period of 0, a gain of 0, or a number that is none.
    Number {
        /// Position in the channel table.
        channel: u8,
        /// Which.
        field: &'static str,
    },
}

/// What every board's lines can do.
const BAUD: RangeInclusive<u32> = 1_200..=1_000_000;

impl Address {
    /// Whether a node can have it: no group's, nobody's, everybody's or the node's own for itself.
    const fn is_possible(&self) -> bool {
        !matches!(self.ip, [0 | 127 | 224..=255, ..]) && self.prefix <= 32
    }
}

impl Calibration {
    /// Changes nothing.
    pub const NONE: Self = Self {
        gain: 1.0,
        offset: 0.0,
    };
}

impl Channel {
    /// A channel with no dead band, calibration or debounce.
    #[must_use]
    pub const fn new(device: u8, quantity: Quantity, source: Source, period_ms: u32) -> Self {
        Self {
            device,
            quantity,
            source,
            period_ms,
            dead_band: 0.0,
            calibration: Calibration::NONE,
            inverted: false,
            debounce_ms: 0,
        }
    }

    fn check(&self, channel: u8, devices: usize) -> Result<(), SettingsError> {
        if usize::from(self.device) >= devices {
            return Err(SettingsError::UnknownDevice {
                channel,
                device: self.device,
            });
        }
        let number = |fine: bool, field| {
            if fine {
                Ok(())
            } else {
                Err(SettingsError::Number { channel, field })
            }
        };
        number(self.period_ms > 0, "period")?;
        number(self.dead_band.is_finite() && self.dead_band >= 0.0, "dead band")?;
        let Calibration { gain, offset } = self.calibration;
        number(gain.is_finite() && gain != 0.0, "gain")?;
        number(offset.is_finite(), "offset")?;
        self.source
            .check(self.quantity)
            .map_err(|error| SettingsError::Source { channel, error })
    }
}

impl Settings {
    /// A node that knows nothing yet: it fails [`Settings::check`].
    pub const EMPTY: Settings = Settings {
        group: String::new(),
        node: String::new(),
        broker: String::new(),
        broker_port: 1883,
        user: String::new(),
        password: Secret(String::new()),
        network: Network::Dhcp,
        ports: [Port {
            baud: 9_600,
            reply_ms: 200,
        }; 2],
        devices: Vec::new(),
        channels: Vec::new(),
    };

    /// Checks everything that can be wrong before it is saved or used.
    ///
    /// # Errors
    /// The first [`SettingsError`].
    pub fn check(&self) -> Result<(), SettingsError> {
        let id = |what, id: &str| check_id(id).map_err(|error| SettingsError::Id { what, error });
        id("group", &self.group)?;
        id("node", &self.node)?;
        for (n, device) in self.devices.iter().enumerate() {
            id("device", device)?;
            if self
                .devices
                .iter()
                .take(n)
                .any(|other| same_but_case(other, device))
            {
                return Err(SettingsError::SameDevice { device: n as u8 });
            }
        }
        if self.broker.is_empty() {
            return Err(SettingsError::NoBroker);
        }
        if let Network::Static(address) = self.network
            && !address.is_possible()
        {
            return Err(SettingsError::Address);
        }
        for (n, port) in self.ports.iter().enumerate() {
            if !BAUD.contains(&port.baud) || port.reply_ms == 0 {
                return Err(SettingsError::Port { port: n as u8 });
            }
        }
        for (n, channel) in self.channels.iter().enumerate() {
            channel.check(n as u8, self.devices.len())?;
            let same =
                |other: &&Channel| (other.device, other.quantity) == (channel.device, channel.quantity);
            if self.channels.iter().take(n).any(|other| same(&other)) {
                return Err(SettingsError::Twice {
                    channel: n as u8,
                    quantity: channel.quantity,
                });
            }
        }
        Ok(())
    }

    /// Position of a channel's metric in its device's definition.
    #[must_use]
    pub fn metric(&self, channel: usize) -> Option<u16> {
        let device = self.channels.get(channel)?.device;
        let before = self.channels.iter().take(channel);
        Some(before.filter(|other| other.device == device).count() as u16)
    }

    /// The metrics of all devices, device by device: what [`Settings::device_defs`] borrows.
    #[must_use]
    pub fn metric_defs(&self) -> Vec<MetricDef<'static>, MAX_CHANNELS> {
        let devices = 0..self.devices.len();
        devices
            .flat_map(|device| {
                let own = move |channel: &&Channel| usize::from(channel.device) == device;
                self.channels.iter().filter(own).map(Channel::metric_def)
            })
            .collect()
    }

    /// The devices, for a [`crate::NodeDef`].
    #[must_use]
    pub fn device_defs<'d>(&'d self, metrics: &'d [MetricDef<'d>]) -> Vec<DeviceDef<'d>, MAX_DEVICES> {
        let mut rest = metrics;
        let devices = self.devices.iter().enumerate();
        devices
            .map(|(n, id)| {
                let own = self
                    .channels
                    .iter()
                    .filter(|channel| usize::from(channel.device) == n);
                let (metrics, after) = rest.split_at_checked(own.count()).unwrap_or((&[], rest));
                rest = after;
                DeviceDef { id, metrics }
            })
            .collect()
    }
}

impl Channel {
    /// The metric. Its dead band is 0: sampling has decided already.
    fn metric_def(&self) -> MetricDef<'static> {
        let unit = self.quantity.unit().symbol();
        MetricDef {
            name: self.quantity.metric(),
            datatype: datatype(self.quantity),
            unit: if unit.is_empty() { None } else { Some(unit) },
            deadband: 0.0,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(set)" })
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { what, error } => write!(f, "{what} id {error}"),
            Self::NoBroker => f.write_str("no broker"),
            Self::Address => f.write_str("network: no node can have that address"),
            Self::Port { port } => write!(
                f,
                "port {port}: {} to {} baud and a reply time",
                BAUD.start(),
                BAUD.end()
            ),
            Self::UnknownDevice { channel, device } => {
                write!(f, "channel {channel}: there is no device {device}")
            }
            Self::SameDevice { device } => write!(
                f,
                "device {device}: another has the same id, or one that differs in case only"
            ),
            Self::Twice { channel, quantity } => {
                write!(f, "channel {channel}: its device has {quantity} already")
            }
            Self::Source { channel, error } => write!(f, "channel {channel}: {error}"),
            Self::Number { channel, field } => write!(f, "channel {channel}: {field} out of range"),
        }
    }
}

impl core::error::Error for SettingsError {}
