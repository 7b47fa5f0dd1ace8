//! What a node is: its ids, its devices and everything they may ever report.

use core::fmt;

use vigil_protocol::sparkplug::{DataType, IdError, check_id};

/// One metric a node or device may report.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MetricDef<'d> {
    /// Name, unique within its device.
    pub name: &'d str,
    /// Datatype of every value; a scalar one.
    pub datatype: DataType,
    /// Engineering unit as sent in births (`engUnit`).
    pub unit: Option<&'d str>,
    /// Changes up to this size are not reported; in the metric's own unit. 0: every change is.
    pub deadband: f32,
}

/// One piece of equipment behind the node.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DeviceDef<'d> {
    /// Sparkplug device id.
    pub id: &'d str,
    /// Everything it may report.
    pub metrics: &'d [MetricDef<'d>],
}

/// The node itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NodeDef<'d> {
    /// Sparkplug group id: the site or district.
    pub group: &'d str,
    /// Sparkplug edge node id.
    pub node: &'d str,
    /// Constant texts of the birth certificate, such as `Properties/Firmware`.
    pub properties: &'d [(&'d str, &'d str)],
    /// Measurements of the node itself.
    pub metrics: &'d [MetricDef<'d>],
    /// Its devices.
    pub devices: &'d [DeviceDef<'d>],
}

/// What is wrong with a definition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefinitionError<'d> {
    /// An id may not stand in a topic.
    Id {
        /// The id.
        id: &'d str,
        /// Why not.
        error: IdError,
    },
    /// The ids together are longer than a topic may be.
    TopicTooLong {
        /// The device with the longest topic; the node when it has no devices.
        id: &'d str,
    },
    /// Two devices whose ids are equal, or equal but for case.
    DuplicateDevice {
        /// The second of them.
        id: &'d str,
    },
    /// Two metrics of one device whose names are equal, or equal but for case.
    DuplicateMetric {
        /// Device, or node for its own metrics.
        id: &'d str,
        /// The second of them.
        name: &'d str,
    },
    /// A metric name the session uses itself.
    ReservedMetric {
        /// The name.
        name: &'d str,
    },
    /// A datatype that is not a scalar.
    NotScalar {
        /// The metric's name.
        name: &'d str,
        /// Its datatype.
        datatype: DataType,
    },
    /// More devices than the session has room for.
    TooManyDevices {
        /// Room.
        have: usize,
    },
    /// More metrics, over all devices, than the session has room for.
    TooManyMetrics {
        /// Room.
        have: usize,
    },
}

/// Longest topic: `spBv1.0/{group}/NBIRTH/{node}/{device}`, in bytes.
pub(crate) const TOPIC_CAPACITY: usize = 256;

impl<'d> NodeDef<'d> {
    /// Checks everything that can be wrong before anything is sent.
    pub(crate) fn check(&self, metrics: usize, devices: usize) -> Result<(), DefinitionError<'d>> {
        for id in [self.group, self.node] {
            check_id(id).map_err(|error| DefinitionError::Id { id, error })?;
        }
        check_topic(self, "")?;
        check_metrics(self.node, self.metrics)?;
        for (n, device) in self.devices.iter().enumerate() {
            let id = device.id;
            check_id(id).map_err(|error| DefinitionError::Id { id, error })?;
            check_topic(self, id)?;
            if self
                .devices
                .iter()
                .take(n)
                .any(|other| same_but_case(other.id, id))
            {
                return Err(DefinitionError::DuplicateDevice { id });
            }
            check_metrics(id, device.metrics)?;
        }
        if self.devices.len() > devices {
            return Err(DefinitionError::TooManyDevices { have: devices });
        }
        if self.slots() > metrics {
            return Err(DefinitionError::TooManyMetrics { have: metrics });
        }
        Ok(())
    }

    /// Metrics of the node and all devices.
    pub(crate) fn slots(&self) -> usize {
        let of_devices: usize = self.devices.iter().map(|device| device.metrics.len()).sum();
        self.metrics.len() + of_devices
    }

    /// Fingerprint of everything that gives aliases their meaning. Journaled messages name metrics by alias, so they
    /// can only be sent under the layout they were written under.
    pub(crate) fn layout(&self, aliases: bool) -> u64 {
        let mut hash = Fnv::new();
        hash.add(&[u8::from(aliases)]);
        for (name, _) in self.properties {
            hash.add_text(name);
        }
        add_metrics(&mut hash, self.metrics);
        for device in self.devices {
            hash.add_text(device.id);
            add_metrics(&mut hash, device.metrics);
        }
        hash.0
    }

    /// A number that differs from node to node.
    pub(crate) fn seed(&self) -> u64 {
        let mut hash = Fnv::new();
        hash.add_text(self.group);
        hash.add_text(self.node);
        hash.0
    }
}

fn add_metrics(hash: &mut Fnv, metrics: &[MetricDef<'_>]) {
    for metric in metrics {
        hash.add_text(metric.name);
        hash.add(&metric.datatype.code().to_le_bytes());
    }
    hash.add(&[0xff]);
}

fn check_topic<'d>(def: &NodeDef<'d>, device: &'d str) -> Result<(), DefinitionError<'d>> {
    let fixed = "spBv1.0//NBIRTH//".len();
    if fixed + def.group.len() + def.node.len() + device.len() > TOPIC_CAPACITY {
        let id = if device.is_empty() { def.node } else { device };
        return Err(DefinitionError::TopicTooLong { id });
    }
    Ok(())
}

fn check_metrics<'d>(id: &'d str, metrics: &'d [MetricDef<'d>]) -> Result<(), DefinitionError<'d>> {
    for (n, metric) in metrics.iter().enumerate() {
        let name = metric.name;
        if name.is_empty()
            || metrics
                .iter()
                .take(n)
                .any(|other| same_but_case(other.name, name))
        {
            return Err(DefinitionError::DuplicateMetric { id, name });
        }
        if is_reserved(name) {
            return Err(DefinitionError::ReservedMetric { name });
        }
        if !metric.datatype.is_scalar() {
            return Err(DefinitionError::NotScalar {
                name,
                datatype: metric.datatype,
            });
        }
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    name == "bdSeq"
        || ["Journal/", "Node Control/", "Node Info/"]
            .iter()
            .any(|p| name.starts_with(p))
}

pub(crate) fn same_but_case(a: &str, b: &str) -> bool {
    a.chars()
        .flat_map(char::to_lowercase)
        .eq(b.chars().flat_map(char::to_lowercase))
}

/// FNV-1a, 64 bits.
pub(crate) struct Fnv(pub(crate) u64);

impl Fnv {
    pub(crate) const fn new() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// A text and its end, so that ("ab", "c") is not ("a", "bc").
    fn add_text(&mut self, text: &str) {
        self.add(text.as_bytes());
        self.add(&[0]);
    }
}

impl fmt::Display for DefinitionError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { id, error } => write!(f, "id \"{id}\" {error}"),
            Self::TopicTooLong { id } => write!(f, "topic of \"{id}\" is longer than {TOPIC_CAPACITY} bytes"),
            Self::DuplicateDevice { id } => {
                write!(f, "device id \"{id}\" is there twice (case does not count)")
            }
            Self::DuplicateMetric { id, name } => {
                write!(
                    f,
                    "metric \"{name}\" of \"{id}\" is empty or there twice (case does not count)"
                )
            }
            Self::ReservedMetric { name } => {
                write!(f, "metric name \"{name}\" is used by the session itself")
            }
            Self::NotScalar { name, datatype } => {
                write!(
                    f,
                    "metric \"{name}\" is a {}, not a single value",
                    datatype.name()
                )
            }
            Self::TooManyDevices { have } => write!(f, "more than {have} devices"),
            Self::TooManyMetrics { have } => write!(f, "more than {have} metrics"),
        }
    }
}

impl core::error::Error for DefinitionError<'_> {}
