//! The catalog: which equipment exists, where its data comes from, which rules watch it.
//!
//! Valid by construction: a `Catalog` exists only if every channel has a unit of its quantity's
//! dimension, every rule's thresholds could be evaluated, and no two pieces of equipment share an
//! id or a binding.

pub mod channels;
mod load;
pub mod nameplate;
mod register;
mod schemes;

pub use load::Loader;
pub use register::Register;
pub use schemes::{
    CodeRow, Controller, Firmware, FirmwareRange, builtin_schemes, code_rows, models_of, scheme_of,
};

use crate::pack::{PackInfo, Rule};
use crate::sample::{ChannelIx, RawCode};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use vigil_protocol::signal::CurrentLoop;
use vigil_protocol::vocabulary::{EquipmentClass, FaultKey, PressureKind, Quantity, Unit, bare_code};

/// Index of a piece of equipment within the catalog.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EquipmentIx(pub u32);

/// Everything the gateway watches, and how.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// All equipment, in the order of the files.
    pub equipment: Vec<Equipment>,
    /// The packs in force.
    pub packs: Vec<Arc<PackInfo>>,
    /// Equipment by id.
    pub by_id: HashMap<Arc<str>, EquipmentIx>,
    /// Equipment by (`group/node`, device); device `None` = the node's own metrics.
    pub by_binding: HashMap<Arc<str>, Vec<Binding>>,
    /// Fault-code tables by scheme.
    pub schemes: HashMap<Arc<str>, Arc<CodeScheme>>,
}

/// A device of a node (`None` = the node itself) and the equipment it is.
pub type Binding = (Option<Arc<str>>, EquipmentIx);

/// One piece of special equipment.
#[derive(Clone, Debug)]
pub struct Equipment {
    /// Our id: stable, unique, used in addresses.
    pub id: Arc<str>,
    /// Name, Chinese (or as the site writes it).
    pub name_zh: Arc<str>,
    /// Name, English; falls back to the other.
    pub name_en: Arc<str>,
    /// Category code of the 2014 catalogue, such as `1100` or `3110`.
    pub category: Arc<str>,
    /// Derived from the category.
    pub class: EquipmentClass,
    /// Register facts shown beside it (registration_no, equipment_code, site, address, area_code,
    /// use_unit, maintenance_unit, place_type …).
    pub register: Register,
    /// `group/node`.
    pub node: Arc<str>,
    /// Device id below the node; `None` if the node itself is the equipment.
    pub device: Option<Arc<str>>,
    /// Scheme its controller's codes are in.
    pub scheme: Option<Arc<CodeScheme>>,
    /// Nameplate values by key, canonical units (`rated_pressure` in MPa gauge …). Shared.
    pub nameplate: Arc<BTreeMap<String, f64>>,
    /// What it measures. Shared between equipment of the same layout.
    pub channels: Arc<[Channel]>,
    /// What watches it. Shared between equipment of the same layout and nameplate.
    pub rules: Arc<[Rule]>,
}

impl Equipment {
    /// The channel of a quantity.
    #[must_use]
    pub fn channel_of(&self, quantity: Quantity) -> Option<ChannelIx> {
        self.channels
            .iter()
            .position(|c| c.quantity == quantity)
            .map(|ix| ChannelIx(ix as u16))
    }

    /// The channel carried by a metric name.
    #[must_use]
    pub fn channel_of_metric(&self, metric: &str) -> Option<ChannelIx> {
        self.channels
            .iter()
            .position(|c| &*c.metric == metric)
            .map(|ix| ChannelIx(ix as u16))
    }
}

/// One measured quantity of one piece of equipment.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// What it measures.
    pub quantity: Quantity,
    /// Metric name it comes under.
    pub metric: Arc<str>,
    /// Unit it is sent in when the birth names none.
    pub unit: Unit,
    /// For pressures: what zero means.
    pub pressure: Option<PressureKind>,
    /// Set when the node sends milliamperes.
    pub current_loop: Option<CurrentLoop>,
    /// How two-state values are encoded.
    pub encoding: BoolEncoding,
    /// Believed range in the canonical unit; outside it the value is bad (implausible).
    pub plausible: Option<(f64, f64)>,
    /// The node repeats the value at least this often.
    pub interval_ms: i64,
}

/// How a two-state signal is sent. Systems differ: 0/1, inverted, or 1/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoolEncoding {
    /// true/false or 1/0.
    #[default]
    OneIsTrue,
    /// 0 means true.
    ZeroIsTrue,
    /// 1 means true, 2 means false (GB/T 24476 style).
    OneTrueTwoFalse,
    /// 2 means true, 1 means false.
    TwoTrueOneFalse,
}

/// One fault-code numbering.
#[derive(Clone, Debug, Default)]
pub struct CodeScheme {
    /// Scheme id, such as `gbt24476-2017`.
    pub id: Arc<str>,
    /// A catalog file defines it, or adds to the shipped one.
    pub own: bool,
    /// What each code means, by bare code (see [`bare_code`]).
    pub codes: HashMap<RawCode, FaultKey>,
}

impl CodeScheme {
    /// The canonical key of a raw code; tolerant of what displays and drivers add or leave out
    /// (`E05`, `05` and `5` are one code).
    #[must_use]
    pub fn lookup(&self, raw: RawCode) -> Option<FaultKey> {
        if let Some(key) = self.codes.get(&raw) {
            return Some(*key);
        }
        let bare = bare_code(raw.as_str());
        let padded = |width: usize| format!("{bare:0>width$}");
        [bare.to_owned(), padded(2), padded(4)]
            .iter()
            .find_map(|text| self.codes.get(&RawCode::new(text)).copied())
    }
}
