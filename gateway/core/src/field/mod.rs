//! Messages of the field that are not Sparkplug's: polled registers, JSON of third parties.
//!
//! The log keeps them as they came, and with them what gave the bytes their meaning (a register map, a mapping
//! profile) as their decode context. A [`FieldDecoder`] says what is in them; from there on they go the way of every
//! other message: channel, unit, time, quality, rules.

pub(crate) mod translate;

use crate::hash::ContentHash;
use crate::input::FieldMessage;
use crate::json;
use crate::output::DecodeContext;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use vigil_protocol::sparkplug::MessageType;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{NoData, Quality};

/// Where a logged message comes from: what its bytes are. The numbers are those of the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Source {
    /// A Sparkplug B payload.
    #[default]
    Sparkplug = 0,
    /// JSON over MQTT, read by a mapping profile.
    Json = 1,
    /// Registers polled over Modbus, read by a register map.
    Modbus = 2,
}

/// What a message says about one channel at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldReading<'a> {
    /// Device it is of; `None`: the message's own.
    pub device: Option<Cow<'a, str>>,
    /// Metric name: the equipment's channel of this metric takes it (by default a quantity's key).
    pub metric: Cow<'a, str>,
    /// The value, or why there is none.
    pub value: FieldValue<'a>,
    /// Unit the value is in (`"kPa"`, `"bar(g)"`), as map or profile state it; `None`: the channel's own.
    pub unit: Option<Cow<'a, str>>,
    /// When it was measured; `None`: the time of arrival, and uncertain for it.
    pub at: Option<UtcMillis>,
    /// The time is the moment of the poll itself: arrival is not uncertain then.
    pub polled: bool,
    /// It was kept somewhere and is sent after the event: never live.
    pub historical: bool,
    /// How far the source says it can be trusted.
    pub quality: Quality,
}

/// A value as it stands in the message, scaled as map or profile say, in the reading's unit.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// A number.
    Number(f64),
    /// A two-state signal.
    Bool(bool),
    /// Text: a fault code, a state by name.
    Text(Cow<'a, str>),
    /// No value, and why. A failed read is never 0.
    NoData(NoData),
}

/// What gives the bytes of field messages their meaning. Pure: the same bytes always say the same.
pub trait FieldDecoder: Debug + Send + Sync {
    /// What its messages are.
    fn source(&self) -> Source;

    /// Name and text it can be made again from ([`restore`]): kept with the log as long as a message refers to
    /// it. The name begins with `json:` or `modbus:`.
    fn context(&self) -> (&str, &str);

    /// Hash of name and text.
    fn hash(&self) -> ContentHash;

    /// Readings older than is believed were kept by the source and are sent late (historical); otherwise its clock
    /// is wrong.
    fn backfills(&self) -> bool {
        false
    }

    /// Says everything that is in a message, in order. Readings that cannot be had are said as
    /// [`FieldValue::NoData`].
    ///
    /// # Errors
    /// In words, when nothing can be made of the message: it becomes a dead letter.
    fn decode<'a>(
        &'a self,
        topic: &'a str,
        payload: &'a [u8],
        say: &mut dyn FnMut(FieldReading<'a>),
    ) -> Result<(), String>;
}

/// A decoder and topic made again from what the log keeps of them.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Reads the message.
    pub decoder: Arc<dyn FieldDecoder>,
    /// The topic it came under.
    pub topic: Arc<str>,
}

/// Why a logged message of the field cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// Its context is a birth certificate, or of a kind this version does not know.
    #[error("`{name}` is neither a mapping profile nor a register map")]
    Kind {
        /// As stored.
        name: String,
    },
    /// The text is no longer understood.
    #[error("`{name}` as logged cannot be read: {reason}")]
    Text {
        /// As stored.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the log keeps with a message: the decoder's name and text, and the topic.
pub(crate) fn context_of(decoder: &dyn FieldDecoder, topic: &str) -> DecodeContext {
    let (name, text) = decoder.context();
    DecodeContext {
        hash: ContentHash::of_parts(&[name.as_bytes(), topic.as_bytes(), text.as_bytes()]),
        topic: format!("{name} {topic}").into(),
        payload: text.as_bytes().into(),
    }
}

/// The kind a message is logged as.
pub(crate) fn kind_of(message: &FieldMessage<'_>) -> MessageType {
    match message.device {
        Some(_) => MessageType::DData,
        None => MessageType::NData,
    }
}

/// Whether a context is a field decoder's, and no birth certificate.
pub(crate) fn is_field(context: &DecodeContext) -> bool {
    context.topic.starts_with("json:") || context.topic.starts_with("modbus:")
}

/// Makes decoders again from logged contexts: each profile and map once, under however many topics it was logged.
#[derive(Debug, Default)]
pub struct Restorer {
    made: HashMap<ContentHash, Arc<dyn FieldDecoder>>,
}

impl Restorer {
    /// Decoder and topic of a logged context.
    ///
    /// # Errors
    /// [`ContextError`]
    pub fn restore(&mut self, context: &DecodeContext) -> Result<Restored, ContextError> {
        let (name, topic) = context.topic.split_once(' ').unwrap_or((&context.topic, ""));
        let key = ContentHash::of_parts(&[name.as_bytes(), &context.payload]);
        let decoder = match self.made.get(&key) {
            Some(made) => Arc::clone(made),
            None => {
                let made = make(name, &context.payload)?;
                self.made.insert(key, Arc::clone(&made));
                made
            }
        };
        Ok(Restored {
            decoder,
            topic: topic.into(),
        })
    }
}

/// Makes decoder and topic again from one logged context.
///
/// # Errors
/// [`ContextError`]
pub fn restore(context: &DecodeContext) -> Result<Restored, ContextError> {
    Restorer::default().restore(context)
}

fn make(name: &str, payload: &[u8]) -> Result<Arc<dyn FieldDecoder>, ContextError> {
    let unreadable = |reason: String| ContextError::Text {
        name: name.to_owned(),
        reason,
    };
    let text = std::str::from_utf8(payload).map_err(|error| unreadable(error.to_string()))?;
    decoder_of(name, text).map_err(|reason| match reason {
        Some(reason) => unreadable(reason),
        None => ContextError::Kind {
            name: name.to_owned(),
        },
    })
}

/// The decoder of this name, from its text. `Err(None)`: there is no such kind.
fn decoder_of(name: &str, text: &str) -> Result<Arc<dyn FieldDecoder>, Option<String>> {
    #[cfg(test)]
    if name == "json:lines" {
        return Ok(Arc::new(tests::Lines));
    }
    if name.starts_with("modbus:") {
        let map = crate::modbus::RegisterMap::from_context(name, text)?;
        return Ok(Arc::new(map));
    }
    if name.starts_with(json::CONTEXT) {
        return match json::Profile::parse(name, text) {
            (Some(profile), _) => Ok(Arc::new(profile)),
            (None, findings) => Err(findings.first().map(ToString::to_string)),
        };
    }
    Err(None)
}

#[cfg(test)]
pub(crate) mod tests;
