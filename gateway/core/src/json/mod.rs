//! JSON of third parties over MQTT, read by mapping profiles.
//!
//! A [`Profile`] is a TOML file: which topics it reads (with captures), whose node and device they are, and where in
//! the message values, times and qualities are (RFC 9535 JSONPath). It is compiled when it is loaded; everything that
//! is wrong with it is said then, with its place. [`Profiles`] are those in force.
//!
//! ```text
//! topic ─► Profiles::of ─► Profile ─► node, device      payload ─► form ─► items ─► readings
//! ```

mod builtin;
mod decode;
mod document;
mod path;
mod read;
mod routes;
mod target;
mod template;
mod time;
mod topic;

pub use builtin::{builtin_names, builtin_text};
pub use document::MAX_PAYLOAD;
pub use read::check_together;
pub use routes::Profiles;
pub use topic::{TopicError, TopicPattern};

use crate::diagnostic::Diagnostic;
use crate::field::{FieldDecoder, FieldReading, Source};
use crate::hash::ContentHash;
use path::{Each, Path};
use std::collections::{HashMap, HashSet};
use target::{QualityMap, Target};
use template::Template;
use time::TimeFormat;
use vigil_protocol::sparkplug::check_id;

/// What a profile's decode context is called: this and its id.
pub const CONTEXT: &str = "json:";

/// What stands for a group, node or device a message does not name.
pub const UNNAMED: &str = "?";

/// A mapping profile, compiled.
#[derive(Debug)]
pub struct Profile {
    id: String,
    /// `json:` and the id.
    name: String,
    text: String,
    hash: ContentHash,
    topic: TopicPattern,
    node: Template,
    /// The message's own device, where the topic says it.
    device: Option<Template>,
    forms: Vec<Form>,
    /// What members of `values` are for.
    names: HashMap<String, Target>,
    /// Members of `values` that are no values.
    skip: HashSet<String>,
    /// Members nobody has named are metrics of their own name.
    pass: bool,
    text_numbers: bool,
    backfill: bool,
}

/// One of the shapes its messages come in.
#[derive(Debug)]
struct Form {
    /// Must be found in the message.
    when: Option<Path>,
    each: Each,
    /// Device of an item, where the topic does not say it.
    device: Option<DeviceSource>,
    time: Option<TimeSource>,
    quality: Option<QualitySource>,
    readings: Vec<Reading>,
    /// An object whose members are values.
    values: Option<Path>,
}

/// Where an item says whose it is.
#[derive(Debug)]
enum DeviceSource {
    /// Captures: the topic's, then those of `each`.
    Template(Template),
    Path(Path),
}

/// Where and how a time is written.
#[derive(Clone, Debug)]
struct TimeSource {
    path: Path,
    format: TimeFormat,
}

/// Where and how a quality is written.
#[derive(Clone, Debug)]
struct QualitySource {
    path: Path,
    map: QualityMap,
}

/// One value of an item.
#[derive(Debug)]
struct Reading {
    value: Path,
    what: What,
    time: Option<TimeSource>,
    quality: Option<QualitySource>,
    required: bool,
}

/// Which metric a value is for.
#[derive(Debug)]
enum What {
    /// Always this one.
    Target(Target),
    /// The one whose name is found here.
    Named(Path),
}

/// Whose message it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `group/node`.
    pub node: String,
    /// Device, if the topic says it.
    pub device: Option<String>,
}

impl Profile {
    /// Reads and compiles a profile; `file` is the name findings carry. No profile if there is any error.
    #[must_use]
    pub fn parse(file: &str, text: &str) -> (Option<Self>, Vec<Diagnostic>) {
        read::profile(file, text)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The topics it reads.
    #[must_use]
    pub const fn topic(&self) -> &TopicPattern {
        &self.topic
    }

    /// Whose a message under this topic is. Ids that nothing can be called become [`UNNAMED`].
    #[must_use]
    pub fn address(&self, topic: &str) -> Address {
        let capture = |number| self.topic.capture(topic, number);
        let node = self.node.fill(capture);
        let well_formed = node
            .split_once('/')
            .is_some_and(|(group, node)| check_id(group).is_ok() && check_id(node).is_ok());
        Address {
            node: if well_formed {
                node
            } else {
                format!("{UNNAMED}/{UNNAMED}")
            },
            device: self
                .device
                .as_ref()
                .map(|device| decode::id(&device.fill(capture))),
        }
    }

    pub(super) const fn hash_of_text(&self) -> ContentHash {
        self.hash
    }
}

impl FieldDecoder for Profile {
    fn source(&self) -> Source {
        Source::Json
    }

    fn context(&self) -> (&str, &str) {
        (&self.name, &self.text)
    }

    fn hash(&self) -> ContentHash {
        self.hash
    }

    fn backfills(&self) -> bool {
        self.backfill
    }

    fn decode<'a>(
        &'a self,
        topic: &'a str,
        payload: &'a [u8],
        say: &mut dyn FnMut(FieldReading<'a>),
    ) -> Result<(), String> {
        decode::message(self, topic, payload, say)
    }
}
