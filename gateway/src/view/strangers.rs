//! What came in and belongs to nothing: devices of no catalog, messages of no meaning.

use super::ViewError;
use super::time::Time;
use crate::app::App;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::output::UnregisteredDevice;
use vigil_protocol::vocabulary::Quantity;

/// Devices that send but are in no catalog, latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unregistered {
    /// The devices.
    pub devices: Vec<Stranger>,
}

/// A device that is in no catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stranger {
    /// `group/node`.
    pub node: String,
    /// Device id; `null` = the node itself.
    pub device: Option<String>,
    /// First heard.
    pub first_seen: Time,
    /// Last heard (written at most once a minute).
    pub last_seen: Time,
    /// Messages so far.
    pub messages: u64,
    /// What it sends.
    pub metrics: Vec<Metric>,
}

/// A metric of an unregistered device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Metric {
    /// Name.
    pub name: String,
    /// Latest value as text.
    pub value: String,
    /// Key of the quantity it probably is.
    pub quantity: Option<&'static str>,
}

/// Messages nothing could be made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetters {
    /// All that are kept.
    pub total: u64,
    /// The latest of them, latest first.
    pub letters: Vec<DeadLetter>,
}

/// A message nothing could be made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Place in the order of inputs.
    pub position: u64,
    /// Topic.
    pub topic: String,
    /// Why, in words.
    pub reason: String,
    /// Arrival.
    pub received: Time,
    /// Size of the payload, bytes.
    pub payload_bytes: u64,
}

impl From<UnregisteredDevice> for Stranger {
    fn from(device: UnregisteredDevice) -> Self {
        let metric = |(name, value): (String, String)| {
            let known = Quantity::from_metric(&name).or_else(|| Quantity::suggest(&name));
            Metric {
                quantity: known.map(Quantity::key),
                name,
                value,
            }
        };
        Self {
            node: device.node.to_string(),
            device: device.device.as_deref().map(str::to_owned),
            first_seen: device.first_seen.into(),
            last_seen: device.last_seen.into(),
            messages: device.messages,
            metrics: device.metrics.into_iter().map(metric).collect(),
        }
    }
}

/// Devices that send but are in no catalog.
///
/// # Errors
/// The store cannot be read.
pub async fn unregistered(app: &App, limit: u32) -> Result<Unregistered, ViewError> {
    let devices = app.store.unregistered(limit).await?;
    Ok(Unregistered {
        devices: devices.into_iter().map(Stranger::from).collect(),
    })
}

/// Messages nothing could be made of.
///
/// # Errors
/// The store cannot be read.
pub async fn dead_letters(app: &App, limit: u32) -> Result<DeadLetters, ViewError> {
    let found = app.store.dead_letters(limit).await?;
    let letters = found.recent.into_iter().map(|letter| DeadLetter {
        position: letter.position,
        topic: letter.topic,
        reason: letter.reason,
        received: letter.received.into(),
        payload_bytes: letter.bytes,
    });
    Ok(DeadLetters {
        total: found.total,
        letters: letters.collect(),
    })
}
