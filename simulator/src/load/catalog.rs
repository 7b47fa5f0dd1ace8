//! The gateway catalog of the load site.

use std::fmt::Write as _;

use super::GROUP;

/// Boilers that exist only to become hazards, one after the other.
pub(super) const PROBES: usize = 400;
pub(super) const PROBE_GROUP: &str = "load-probe";

pub(super) fn group(node: usize) -> String {
    format!("load-{:04}", node / GROUP)
}

pub(super) fn node_id(node: usize) -> String {
    format!("n{node:05}")
}

pub(super) fn probe_id(probe: usize) -> String {
    format!("load-probe-{probe:03}")
}

/// Catalog (TOML) for `vigil-sim load` with this many nodes: one steam boiler each, and the boilers of the hazard
/// probe.
#[must_use]
pub fn catalog_toml(nodes: usize) -> String {
    let mut text = String::with_capacity((nodes + PROBES) * 700);
    for node in 0..nodes {
        let id = format!("load-{node:05}");
        boiler(&mut text, &id, &group(node), &node_id(node), "boiler");
    }
    for probe in 0..PROBES {
        boiler(
            &mut text,
            &probe_id(probe),
            PROBE_GROUP,
            &format!("p{probe:03}"),
            "boiler",
        );
    }
    text
}

pub(super) fn boiler(text: &mut String, id: &str, group: &str, node: &str, device: &str) {
    // Writing to a string cannot fail.
    write!(
        text,
        r#"[[equipment]]
id = "{id}"
name = "负载锅炉 {id}"
name_en = "Load boiler {id}"
category = "1100"
node = "{group}/{node}"
device = "{device}"
[equipment.register]
site = "负载"
site_en = "Load"
[equipment.nameplate]
rated_pressure = 1.25
rated_evaporation = 2000.0
low_water_alarm = -50.0
low_water_limit = -75.0
high_water_alarm = 50.0
high_water_limit = 75.0
safety_valve_low = 1.30
safety_valve_high = 1.325

"#
    )
    .unwrap_or(());
}

/// A pressure between the interlock's limit and the safety valves of the boilers above, MPa.
pub(super) const OVERPRESSURE: f64 = 1.31;
/// How long it has to last to be a hazard (rule BLR-STEAM-P-HH), with some margin, ms.
pub(super) const OVERPRESSURE_MS: i64 = 6_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_is_toml_with_one_boiler_a_node() {
        let catalog: toml::Table = toml::from_str(&catalog_toml(40)).unwrap();
        let equipment = catalog["equipment"].as_array().unwrap();
        assert_eq!(equipment.len(), 40 + PROBES);
        assert_eq!(equipment[17]["node"].as_str(), Some("load-0001/n00017"));
    }
}
