//! Sparkplug topic strings, and what an id in them may look like.

use core::fmt;

/// First level of every Sparkplug B topic.
pub const NAMESPACE: &str = "spBv1.0";

/// The eight payload-carrying message kinds: birth, death, data and command of a node or a device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the specification's own")]
pub enum MessageType {
    NBirth,
    NDeath,
    NData,
    NCmd,
    DBirth,
    DDeath,
    DData,
    DCmd,
}

/// A Sparkplug topic, borrowed from the topic string.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Topic<'a> {
    /// `spBv1.0/{group}/N…/{node}`
    Node {
        /// One of the `N…` kinds.
        message: MessageType,
        /// Group id.
        group: &'a str,
        /// Edge node id.
        node: &'a str,
    },
    /// `spBv1.0/{group}/D…/{node}/{device}`
    Device {
        /// One of the `D…` kinds.
        message: MessageType,
        /// Group id.
        group: &'a str,
        /// Edge node id.
        node: &'a str,
        /// Device id.
        device: &'a str,
    },
    /// `spBv1.0/STATE/{host}`: whether a host application is online (JSON, not protobuf).
    State {
        /// Host id.
        host: &'a str,
    },
}

/// Which level of a topic an id stands in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the levels")]
pub enum TopicPart {
    Group,
    Node,
    Device,
    Host,
}

/// What is wrong with an id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IdError {
    /// Nothing in it.
    Empty,
    /// `+`, `/` or `#`: they have a meaning in MQTT topics.
    Reserved(char),
    /// A control character.
    Control(char),
}

/// What is wrong with a topic string.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TopicError {
    /// The first level is not `spBv1.0`.
    NotSparkplug,
    /// The level that should name the message kind names none.
    UnknownMessage,
    /// Levels are missing; the part named is the first missing one.
    Missing(TopicPart),
    /// More levels than the message kind has.
    TooManyLevels(MessageType),
    /// More levels than a STATE topic has.
    TooManyStateLevels,
    /// An id is not allowed.
    BadId(TopicPart, IdError),
}

impl MessageType {
    /// Every kind.
    pub const ALL: [MessageType; 8] = [
        MessageType::NBirth,
        MessageType::NDeath,
        MessageType::NData,
        MessageType::NCmd,
        MessageType::DBirth,
        MessageType::DDeath,
        MessageType::DData,
        MessageType::DCmd,
    ];

    /// The topic level, such as `NBIRTH`.
    pub const fn as_str(self) -> &'static str {
        match self {
            MessageType::NBirth => "NBIRTH",
            MessageType::NDeath => "NDEATH",
            MessageType::NData => "NDATA",
            MessageType::NCmd => "NCMD",
            MessageType::DBirth => "DBIRTH",
            MessageType::DDeath => "DDEATH",
            MessageType::DData => "DDATA",
            MessageType::DCmd => "DCMD",
        }
    }

    /// The kind a topic level names; exact case.
    pub fn parse(level: &str) -> Option<Self> {
        Some(match level {
            "NBIRTH" => MessageType::NBirth,
            "NDEATH" => MessageType::NDeath,
            "NDATA" => MessageType::NData,
            "NCMD" => MessageType::NCmd,
            "DBIRTH" => MessageType::DBirth,
            "DDEATH" => MessageType::DDeath,
            "DDATA" => MessageType::DData,
            "DCMD" => MessageType::DCmd,
            _ => return None,
        })
    }

    /// True for the `D…` kinds, whose topic has a device level.
    pub const fn is_device(self) -> bool {
        matches!(
            self,
            MessageType::DBirth | MessageType::DDeath | MessageType::DData | MessageType::DCmd
        )
    }
}

impl<'a> Topic<'a> {
    /// Reads a topic string.
    ///
    /// # Errors
    /// [`TopicError`] says which level is wrong and how.
    pub fn parse(topic: &'a str) -> Result<Topic<'a>, TopicError> {
        let mut levels = topic.split('/');
        if levels.next() != Some(NAMESPACE) {
            return Err(TopicError::NotSparkplug);
        }
        let group = levels.next().ok_or(TopicError::Missing(TopicPart::Group))?;
        // `STATE` stands where the group would: no group may be called so in a three-level topic.
        let second = levels.next();
        if group == "STATE" && second.and_then(MessageType::parse).is_none() {
            let host = checked(second, TopicPart::Host)?;
            return match levels.next() {
                None => Ok(Topic::State { host }),
                Some(_) => Err(TopicError::TooManyStateLevels),
            };
        }
        let group = checked(Some(group), TopicPart::Group)?;
        let message = second
            .and_then(MessageType::parse)
            .ok_or(TopicError::UnknownMessage)?;
        let node = checked(levels.next(), TopicPart::Node)?;
        let parsed = if message.is_device() {
            let device = checked(levels.next(), TopicPart::Device)?;
            Topic::Device {
                message,
                group,
                node,
                device,
            }
        } else {
            Topic::Node { message, group, node }
        };
        if levels.next().is_some() {
            return Err(TopicError::TooManyLevels(message));
        }
        Ok(parsed)
    }

    /// The message kind; `None` for a STATE topic.
    pub const fn message(&self) -> Option<MessageType> {
        match self {
            Topic::Node { message, .. } | Topic::Device { message, .. } => Some(*message),
            Topic::State { .. } => None,
        }
    }
}

fn checked(level: Option<&str>, part: TopicPart) -> Result<&str, TopicError> {
    let id = level.ok_or(TopicError::Missing(part))?;
    check_id(id).map_err(|error| TopicError::BadId(part, error))?;
    Ok(id)
}

/// Whether `id` may be a group, node, device or host id: not empty, no `+`, `/`, `#`, no control
/// characters.
///
/// # Errors
/// [`IdError`] names the first character that is not allowed.
pub fn check_id(id: &str) -> Result<(), IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    for c in id.chars() {
        if matches!(c, '+' | '/' | '#') {
            return Err(IdError::Reserved(c));
        }
        if c.is_control() {
            return Err(IdError::Control(c));
        }
    }
    Ok(())
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Topic::Node { message, group, node } => write!(f, "{NAMESPACE}/{group}/{message}/{node}"),
            Topic::Device {
                message,
                group,
                node,
                device,
            } => {
                write!(f, "{NAMESPACE}/{group}/{message}/{node}/{device}")
            }
            Topic::State { host } => write!(f, "{NAMESPACE}/STATE/{host}"),
        }
    }
}

impl fmt::Display for TopicPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TopicPart::Group => "group id",
            TopicPart::Node => "edge node id",
            TopicPart::Device => "device id",
            TopicPart::Host => "host id",
        })
    }
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdError::Empty => f.write_str("is empty"),
            IdError::Reserved(c) => write!(f, "contains '{c}', which has a meaning in MQTT topics"),
            IdError::Control(c) => write!(f, "contains the control character U+{:04X}", u32::from(*c)),
        }
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopicError::NotSparkplug => write!(f, "topic does not start with {NAMESPACE}/"),
            TopicError::UnknownMessage => f.write_str("topic names no Sparkplug message type"),
            TopicError::Missing(part) => write!(f, "topic has no {part}"),
            TopicError::TooManyLevels(message) => write!(f, "topic has more levels than {message} allows"),
            TopicError::TooManyStateLevels => f.write_str("topic has more levels than STATE allows"),
            TopicError::BadId(part, error) => write!(f, "{part} {error}"),
        }
    }
}

impl core::error::Error for IdError {}
impl core::error::Error for TopicError {}
