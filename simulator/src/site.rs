//! The site of a scenario: edge nodes, and the equipment behind each.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::plant::{
    HotWaterBoiler, HotWaterBoilerSpec, Lift, LiftSpec, Plant, PlantValue, PressureVessel,
    PressureVesselSpec, Scheme, SteamBoiler, SteamBoilerSpec,
};
use crate::rng::Rng;
use crate::slave::SiteSlave;
use vigil_protocol::vocabulary::{Quantity, Unit};

/// A site: one Sparkplug group.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Sparkplug group id.
    pub group: String,
    /// Name, Chinese.
    pub name: String,
    /// Name, English.
    pub name_en: String,
    /// Edge nodes.
    #[serde(rename = "node")]
    pub nodes: Vec<SiteNode>,
    /// Equipment, each on one node.
    pub equipment: Vec<SiteEquipment>,
    /// Modbus slaves, each on one node. Where equipment is wired to any, its node knows nothing else of it.
    #[serde(default, rename = "slave")]
    pub slaves: Vec<SiteSlave>,
}

/// An edge node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteNode {
    /// Sparkplug edge node id.
    pub id: String,
    /// Where it hangs, for people.
    #[serde(default)]
    pub place: String,
}

/// What a piece of equipment is modelled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`Lift`]
    Lift,
    /// [`SteamBoiler`]
    SteamBoiler,
    /// [`HotWaterBoiler`]
    HotWaterBoiler,
    /// [`PressureVessel`]
    PressureVessel,
}

/// One piece of equipment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteEquipment {
    /// Id in the gateway's catalog, and the Sparkplug device id.
    pub id: String,
    /// Name, Chinese.
    pub name: String,
    /// Name, English.
    pub name_en: String,
    /// Model.
    pub kind: Kind,
    /// Category code of the catalogue of special equipment.
    pub category: String,
    /// Id of the node it is on.
    pub node: String,
    /// Numbering of its controller's fault codes.
    #[serde(default)]
    pub scheme: Option<String>,
    /// Nameplate values in canonical units, by the key the rule packs use. Those the model knows shape it too.
    #[serde(default)]
    pub nameplate: BTreeMap<String, f64>,
    /// Register facts, copied into the catalog.
    #[serde(default)]
    pub register: BTreeMap<String, String>,
    /// What its node can read of it; everything without. See [`Site::wire`].
    #[serde(skip)]
    pub wired: Option<BTreeSet<Quantity>>,
}

impl Site {
    /// The site of the built-in scenarios: six lifts and three boilers on five nodes.
    ///
    /// # Errors
    /// Never, unless the built-in file was edited into something invalid.
    pub fn builtin() -> Result<Self, toml::de::Error> {
        toml::from_str(include_str!("../scenarios/site.toml"))
    }

    /// The piece of equipment with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&SiteEquipment> {
        self.equipment.iter().find(|equipment| equipment.id == id)
    }

    /// Equipment behind a node.
    pub fn behind<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a SiteEquipment> {
        self.equipment
            .iter()
            .filter(move |equipment| equipment.node == node)
    }

    /// Notes at each piece of equipment what the slaves read of it.
    pub fn wire(&mut self) {
        for equipment in &mut self.equipment {
            let wires = self.slaves.iter().flat_map(|slave| slave.part.wires());
            let own: BTreeSet<Quantity> = wires
                .filter(|(id, _)| *id == equipment.id)
                .map(|(_, quantity)| quantity)
                .collect();
            equipment.wired = (!own.is_empty()).then_some(own);
        }
    }

    /// What is wrong with the site, one line each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if self.nodes[..index].iter().any(|other| other.id == node.id) {
                problems.push(format!("node `{}` is there twice", node.id));
            }
        }
        for (index, equipment) in self.equipment.iter().enumerate() {
            let id = &equipment.id;
            if self.equipment[..index].iter().any(|other| other.id == *id) {
                problems.push(format!("equipment `{id}` is there twice"));
            }
            if !self.nodes.iter().any(|node| node.id == equipment.node) {
                problems.push(format!(
                    "equipment `{id}` is on node `{}`, which is not there",
                    equipment.node
                ));
            }
            if let Some(scheme) = &equipment.scheme
                && Scheme::from_key(scheme).is_none()
            {
                problems.push(format!(
                    "equipment `{id}` has the unknown fault-code scheme `{scheme}`"
                ));
            }
        }
        for (position, slave) in self.slaves.iter().enumerate() {
            problems.extend(slave.problems(self, position));
        }
        problems
    }

    /// The site as a gateway catalog, in TOML. Channels are those the equipment sends, each repeated within
    /// `heartbeat_ms`.
    #[must_use]
    pub fn catalog_toml(&self, heartbeat_ms: i64) -> String {
        let mut text = String::new();
        for equipment in &self.equipment {
            equipment.write_catalog(self, heartbeat_ms, &mut text);
        }
        text
    }
}

impl SiteEquipment {
    /// The model, at rest or in steady operation.
    #[must_use]
    pub fn build(&self, rng: Rng) -> Plant {
        let value = |key: &str, default: f64| self.nameplate.get(key).copied().unwrap_or(default);
        match self.kind {
            Kind::Lift => {
                let usual = LiftSpec::default();
                let scheme = self.scheme.as_deref().and_then(Scheme::from_key);
                let spec = LiftSpec {
                    floors: value("floors", f64::from(usual.floors)) as u8,
                    rated_speed: value("rated_speed", usual.rated_speed),
                    rated_load_kg: value("rated_load", usual.rated_load_kg),
                    scheme: scheme.unwrap_or(usual.scheme),
                    ..usual
                };
                Plant::Lift(Box::new(Lift::new(spec, rng)))
            }
            Kind::SteamBoiler => {
                let usual = SteamBoilerSpec::rated(
                    value("rated_pressure", 1.25),
                    value("rated_evaporation", 2_000.0),
                );
                let spec = SteamBoilerSpec {
                    safety_valve_low: value("safety_valve_low", usual.safety_valve_low),
                    safety_valve_high: value("safety_valve_high", usual.safety_valve_high),
                    low_water_limit: value("low_water_limit", usual.low_water_limit),
                    high_water_limit: value("high_water_limit", usual.high_water_limit),
                    ..usual
                };
                Plant::SteamBoiler(Box::new(SteamBoiler::new(spec, rng)))
            }
            Kind::HotWaterBoiler => {
                let usual = HotWaterBoilerSpec::default();
                let spec = HotWaterBoilerSpec {
                    rated_pressure: value("rated_pressure", usual.rated_pressure),
                    rated_outlet_c: value("rated_outlet_temperature", usual.rated_outlet_c),
                    ..usual
                };
                Plant::HotWaterBoiler(Box::new(HotWaterBoiler::new(spec, rng)))
            }
            Kind::PressureVessel => {
                let usual = PressureVesselSpec::default();
                let spec = PressureVesselSpec {
                    design_pressure: value("design_pressure", usual.design_pressure),
                    working_pressure: value("operating_pressure_max", usual.working_pressure),
                    ..usual
                };
                Plant::PressureVessel(Box::new(PressureVessel::new(spec, rng)))
            }
        }
    }

    /// What its node reports, in the order of the model.
    #[must_use]
    pub fn quantities(&self) -> Vec<Quantity> {
        let readings = self.build(Rng::new(0)).readings().into_iter();
        let all = readings.map(|(quantity, _)| quantity);
        match &self.wired {
            Some(wired) => all.filter(|quantity| wired.contains(quantity)).collect(),
            None => all.collect(),
        }
    }

    /// Whether it has an instrument for the quantity.
    #[must_use]
    pub fn measures(&self, quantity: Quantity) -> bool {
        let readings = self.build(Rng::new(0)).readings();
        readings
            .iter()
            .any(|(own, value)| *own == quantity && !matches!(value, PlantValue::NoData(_)))
    }

    /// What 4 and 20 mA stand for where the quantity is measured by a current loop, canonical unit.
    #[must_use]
    pub fn span(&self, quantity: Quantity) -> Option<(f64, f64)> {
        let rated = ["rated_pressure", "design_pressure"]
            .iter()
            .find_map(|key| self.nameplate.get(*key));
        match quantity.unit() {
            // A gauge reads to about twice the working pressure (TSG 11-2020: 1.5 to 3 times).
            Unit::Megapascal => Some((0.0, 2.0 * rated.copied().unwrap_or(1.25))),
            Unit::Millimetre => Some((-200.0, 200.0)),
            Unit::Celsius => Some((0.0, 300.0)),
            _ => None,
        }
    }

    fn write_catalog(&self, site: &Site, heartbeat_ms: i64, text: &mut String) {
        let quantities = self.quantities();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        line("[[equipment]]".into());
        line(format!("id = {}", quoted(&self.id)));
        line(format!("name = {}", quoted(&self.name)));
        line(format!("name_en = {}", quoted(&self.name_en)));
        line(format!("category = {}", quoted(&self.category)));
        line(format!(
            "node = {}",
            quoted(&format!("{}/{}", site.group, self.node))
        ));
        line(format!("device = {}", quoted(&self.id)));
        if let Some(scheme) = &self.scheme {
            line(format!("scheme = {}", quoted(scheme)));
        }
        line("[equipment.register]".into());
        if !self.register.contains_key("site") {
            line(format!("site = {}", quoted(&site.name)));
            line(format!("site_en = {}", quoted(&site.name_en)));
        }
        for (key, value) in &self.register {
            line(format!("{key} = {}", quoted(value)));
        }
        line("[equipment.nameplate]".into());
        for (key, value) in &self.nameplate {
            line(format!("{key} = {value:?}"));
        }
        for quantity in quantities {
            line("[[equipment.channel]]".into());
            line(format!("quantity = {}", quoted(quantity.key())));
            line(format!("interval = \"{heartbeat_ms}ms\""));
        }
        line(String::new());
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
