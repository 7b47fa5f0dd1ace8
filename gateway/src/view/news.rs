//! What has just happened, as the event stream tells it.

use super::alarms::Alarm;
use super::completeness::Gap;
use super::hazards::Hazard;
use super::nodes::carries;
use super::strangers::Stranger;
use super::time::Time;
use crate::app::{App, ServerEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vigil_core::alarm::AlarmRecord;
use vigil_core::hazard::HazardSummary;
use vigil_core::output::{GapRecord, UnregisteredDevice};
use vigil_core::people::Sight;

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

/// The data of an event in the terms of the API; `None` when it is out of sight.
#[must_use]
pub fn news(app: &App, sight: &Sight, event: &ServerEvent) -> Option<News> {
    let other = |_| {
        let news = News::Other(serde_json::from_str(&event.json).unwrap_or_default());
        (news, sight.is_everything())
    };
    let (news, seen) = told(app, sight, event).unwrap_or_else(other);
    seen.then_some(news)
}

/// The data, and whether it is in sight.
fn told(app: &App, sight: &Sight, event: &ServerEvent) -> Result<(News, bool), serde_json::Error> {
    let at = Time(event.at);
    Ok(match event.kind {
        "hazard" => {
            let StoredHazard { hazard, event, seq } = serde_json::from_str(&event.json)?;
            let seen = app.sees_hazard(sight, &hazard);
            let news = HazardNews {
                at,
                event,
                seq,
                hazard: Hazard::of(app, &hazard),
            };
            (News::Hazard(Box::new(news)), seen)
        }
        "alarm" => {
            let alarm: AlarmRecord = serde_json::from_str(&event.json)?;
            let seen = app.sees(sight, &alarm.equipment);
            let alarm = Alarm::of(app, &alarm);
            (News::Alarm(Box::new(AlarmNews { at, alarm })), seen)
        }
        "gap" => {
            let gap: GapRecord = serde_json::from_str(&event.json)?;
            let seen = app.sees(sight, &gap.equipment);
            let gap = Gap::of(&gap, event.at);
            (News::Gap(GapNews { at, gap }), seen)
        }
        "node" => {
            let StoredNode { node, device, online } = serde_json::from_str(&event.json)?;
            let seen = carries(app, sight, &node, device.as_deref());
            let news = NodeNews {
                at,
                node,
                device,
                online,
            };
            (News::Node(news), seen)
        }
        "unregistered" => {
            let device: UnregisteredDevice = serde_json::from_str(&event.json)?;
            let news = UnregisteredNews {
                at,
                device: device.into(),
            };
            (News::Unregistered(news), sight.is_everything())
        }
        _ => (
            News::Other(serde_json::from_str(&event.json)?),
            sight.is_everything(),
        ),
    })
}
