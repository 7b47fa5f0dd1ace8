//! Sparkplug B 3.0 (ISO/IEC 20237): topics and payloads, for both sides of the wire.
//!
//! Field and datatype numbers follow chapter 6 of the specification. Decoding borrows from the
//! received bytes ([`PayloadView`]); encoding writes into a buffer the caller owns ([`Encoder`]).
//! DataSet, Template, Bytes, File and array metrics are recognised and reported as
//! [`Value::Unsupported`]; the rest of their message is unaffected.

mod datatype;
mod decode;
mod encode;
mod property;
mod state;
mod topic;
mod value;
mod wire;

pub use datatype::DataType;
pub use decode::{COMPRESSED_UUID, MetricView, Metrics, PayloadView};
pub use encode::{EncodeError, Encoder, Metric, MetricValue};
pub use property::{Properties, PropertySetView, PropertyValueView};
pub use state::{HostState, StateError};
pub use topic::{IdError, MessageType, NAMESPACE, Topic, TopicError, TopicPart, check_id};
pub use value::{Value, ValueError, WireKind, WireValue};
pub use wire::DecodeError;
