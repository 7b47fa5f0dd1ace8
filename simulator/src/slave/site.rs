//! Slaves as a scenario's site lists them.

use serde::Deserialize;

use super::part::Part;
use crate::site::Site;

/// Slave addresses; some slaves go beyond the specification's 247.
const UNITS: std::ops::RangeInclusive<u8> = 1..=255;

/// A Modbus slave of a site.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSlave {
    /// Id in scripts and reports.
    pub id: String,
    /// Node it hangs on.
    pub node: String,
    /// RS-485 line of the node, from 1.
    #[serde(default = "first")]
    pub line: u8,
    /// Slave address.
    pub unit: u8,
    /// From the end of a request to the beginning of the reply, ms.
    #[serde(default = "turnaround")]
    pub turnaround_ms: u32,
    /// What it is.
    pub part: Part,
}

const fn first() -> u8 {
    1
}

const fn turnaround() -> u32 {
    2
}

impl SiteSlave {
    /// What is wrong with the slave at `position` of the site, one line each.
    #[must_use]
    pub fn problems(&self, site: &Site, position: usize) -> Vec<String> {
        let id = &self.id;
        let mut problems = Vec::new();
        if !UNITS.contains(&self.unit) {
            problems.push("has address 0, which is everybody's".to_owned());
        }
        if self.line == 0 {
            problems.push("is on line 0; the first is 1".to_owned());
        }
        if !site.nodes.iter().any(|node| node.id == self.node) {
            problems.push(format!("is on node `{}`, which is not there", self.node));
        }
        for other in &site.slaves[..position] {
            if other.id == *id {
                problems.push("is there twice".to_owned());
            }
            if (&other.node, other.line, other.unit) == (&self.node, self.line, self.unit) {
                problems.push(format!("has the address of `{}`", other.id));
            }
        }
        for (equipment, quantity) in self.part.wires() {
            match site.find(equipment) {
                None => problems.push(format!("reads equipment `{equipment}`, which is not there")),
                Some(found) if found.node != self.node => {
                    problems.push(format!("reads `{equipment}`, which is on node `{}`", found.node))
                }
                Some(found) if !found.measures(quantity) => {
                    problems.push(format!("reads `{}`, which `{equipment}` has not", quantity.key()));
                }
                Some(_) => {}
            }
        }
        problems.extend(self.part.problems(site));
        let problems = problems.into_iter();
        problems
            .map(|problem| format!("slave `{id}`: {problem}"))
            .collect()
    }
}
