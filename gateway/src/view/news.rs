//! What has just happened, as the event stream tells it.

use super::alarms::Alarm;
use super::completeness::Gap;
use super::hazards::Hazard;
use super::strangers::Stranger;
use super::time::Time;
use crate::app::{App, ServerEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vigil_core::alarm::AlarmRecord;
use vigil_core::hazard::HazardSummary;
use vigil_core::output::{GapRecord, UnregisteredDevice};

/// The data of an event; which one it is, its name says.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum News {
    /// `hazard`.
    Hazard(Box<HazardNews>),
    /// `alarm`.
    Alarm(Box<AlarmNews>),
    /// `gap`.
    Gap(GapNews),
    /// `node`.
    Node(NodeNews),
    /// `unregistered`.
    Unregistered(UnregisteredNews),
    /// An event of another version, as it is.
    #[schema(value_type = Object)]
    Other(serde_json::Value),
}

/// A hazard moved.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HazardNews {
    /// When the gateway decided.
    pub at: Time,
    /// Key of what happened, such as `opened`, `confirmed`, `assigned`, `overdue`.
    pub event: String,
    /// Number of the event.
    pub seq: u32,
    /// The hazard after it.
    pub hazard: Hazard,
}

/// An alarm changed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlarmNews {
    /// When the gateway decided.
    pub at: Time,
    /// The alarm after it.
    pub alarm: Alarm,
}

/// A gap began, ended or was filled.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GapNews {
    /// When the gateway decided.
    pub at: Time,
    /// The gap after it.
    pub gap: Gap,
}

/// A node or device was born or died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeNews {
    /// When the gateway heard it.
    pub at: Time,
    /// `group/node`.
    pub node: String,
    /// Device id; `null` = the node itself.
    pub device: Option<String>,
    /// Born, or dead.
    pub online: bool,
}

/// A device that is in no catalog was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnregisteredNews {
    /// When the gateway heard it.
    pub at: Time,
    /// The device.
    pub device: Stranger,
}

/// As the engine writes them.
#[derive(Deserialize)]
struct StoredHazard {
    hazard: HazardSummary,
    event: String,
    seq: u32,
}

/// See [`StoredHazard`].
#[derive(Deserialize)]
struct StoredNode {
    node: String,
    device: Option<String>,
    online: bool,
}

/// The data of an event in the terms of the API.
#[must_use]
pub fn news(app: &App, event: &ServerEvent) -> News {
    told(app, event).unwrap_or_else(|_| News::Other(serde_json::from_str(&event.json).unwrap_or_default()))
}

fn told(app: &App, event: &ServerEvent) -> Result<News, serde_json::Error> {
    let at = Time(event.at);
    Ok(match event.kind {
        "hazard" => {
            let StoredHazard { hazard, event, seq } = serde_json::from_str(&event.json)?;
            News::Hazard(Box::new(HazardNews {
                at,
                event,
                seq,
                hazard: Hazard::of(app, &hazard),
            }))
        }
        "alarm" => {
            let alarm: AlarmRecord = serde_json::from_str(&event.json)?;
            News::Alarm(Box::new(AlarmNews {
                at,
                alarm: Alarm::of(app, &alarm),
            }))
        }
        "gap" => {
            let gap: GapRecord = serde_json::from_str(&event.json)?;
            News::Gap(GapNews {
                at,
                gap: Gap::of(&gap, event.at),
            })
        }
        "node" => {
            let StoredNode { node, device, online } = serde_json::from_str(&event.json)?;
            News::Node(NodeNews {
                at,
                node,
                device,
                online,
            })
        }
        "unregistered" => {
            let device: UnregisteredDevice = serde_json::from_str(&event.json)?;
            News::Unregistered(UnregisteredNews {
                at,
                device: device.into(),
            })
        }
        _ => News::Other(serde_json::from_str(&event.json)?),
    })
}
