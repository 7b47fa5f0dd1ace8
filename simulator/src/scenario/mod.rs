//! A scenario: a site, a script of what happens on it, and the ground truth.
//!
//! ```toml
//! title = "…"          # what it shows
//! seed = 7             # same seed, same run, to the byte
//! duration = "2m"
//! # site = "haicheng"  # the built-in site; or [[site.node]] and [[site.equipment]] of its own
//!
//! [[event]]
//! at = "12s"
//! until = "70s"        # left out: to the end
//! equipment = "lift-1" # or node = "edge-01", or slave = "lift-1-controller"; nothing for the broker
//! what = "entrapment"
//! code = "ENTRAPMENT"
//!
//! [[must]]
//! equipment = "lift-1"
//! rule = "LIFT-ENTRAPMENT"
//! severity = "S1"
//!
//! [[must_not]]
//! equipment = "lift-5"
//! rule = "*"
//! ```

mod action;
mod duration;
mod file;

use std::path::Path;

use crate::fault::{NodeFault, SensorFault};
use crate::plant::PlantFault;
use crate::site::Site;
use crate::slave::SlaveFault;
use crate::truth::Truth;
use vigil_protocol::vocabulary::Quantity;

/// Something scripted.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it begins, ms of simulated time.
    pub from_ms: i64,
    /// When it ends; it lasts to the end of the scenario without.
    pub to_ms: Option<i64>,
    /// What happens, and to what.
    pub action: Action,
}

/// What happens, and to what.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A fault of the equipment itself.
    Plant {
        /// Equipment id.
        equipment: String,
        /// The fault.
        fault: PlantFault,
    },
    /// A fault of one of its instruments.
    Sensor {
        /// Equipment id.
        equipment: String,
        /// What the instrument measures.
        quantity: Quantity,
        /// The fault.
        fault: SensorFault,
    },
    /// A misfortune of an edge node.
    Node {
        /// Node id.
        node: String,
        /// The misfortune.
        fault: NodeFault,
    },
    /// A fault of a Modbus slave.
    Slave {
        /// Slave id.
        slave: String,
        /// The fault.
        fault: SlaveFault,
    },
    /// The broker is gone.
    BrokerDown,
}

/// A scenario, valid by construction: every name in it is there, every fault fits its equipment.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// File name or built-in name.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Decides every random thing in it.
    pub seed: u64,
    /// Length, ms of simulated time.
    pub duration_ms: i64,
    /// Step of the models, ms.
    pub step_ms: i64,
    /// Every value is repeated at least this often, ms.
    pub heartbeat_ms: i64,
    /// Where it plays.
    pub site: Site,
    /// The script, in the order of the file.
    pub events: Vec<Event>,
    /// What has to come of it.
    pub truth: Truth,
}

/// Why a scenario could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file could not be read.
    #[error("reading scenario {path}: {source}")]
    Read {
        /// Path as given.
        path: String,
        /// Cause.
        source: std::io::Error,
    },
    /// It is no TOML, or has keys that do not exist; the message names line and column.
    #[error("{name}: {message}")]
    Syntax {
        /// File or built-in name.
        name: String,
        /// What the TOML reader says.
        message: String,
    },
    /// It is TOML but means nothing; all problems at once.
    #[error("{}", list(name, problems))]
    Invalid {
        /// File or built-in name.
        name: String,
        /// Every problem.
        problems: Vec<Problem>,
    },
    /// No built-in scenario has that name.
    #[error("no built-in scenario `{0}`; there are {names}", names = BUILTIN.map(|(name, _)| name).join(", "))]
    Unknown(String),
}

/// One thing wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub what: String,
}

fn list(name: &str, problems: &[Problem]) -> String {
    let lines = problems
        .iter()
        .map(|problem| format!("{name}:{}: {}", problem.line, problem.what));
    lines.collect::<Vec<_>>().join("\n")
}

/// Built-in scenarios by name.
const BUILTIN: [(&str, &str); 8] = [
    ("story", include_str!("../../scenarios/story.toml")),
    ("quiet", include_str!("../../scenarios/quiet.toml")),
    ("flapping", include_str!("../../scenarios/flapping.toml")),
    ("gaps", include_str!("../../scenarios/gaps.toml")),
    ("clocks", include_str!("../../scenarios/clocks.toml")),
    ("storm", include_str!("../../scenarios/storm.toml")),
    ("wired", include_str!("../../scenarios/wired.toml")),
    ("bench", include_str!("../../scenarios/bench.toml")),
];

impl Scenario {
    /// Reads a scenario; `name` stands in the messages.
    ///
    /// # Errors
    /// With the line of everything that is wrong.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        file::read(name, text)
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// When the file cannot be read or is no scenario.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Read {
            path: name.clone(),
            source,
        })?;
        Self::parse(&name, &text)
    }

    /// A built-in scenario: `story`, `quiet`, `flapping`, `gaps`, `clocks`, `storm`, `wired`, `bench`.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn builtin(name: &str) -> Result<Self, ScenarioError> {
        let found = BUILTIN.iter().find(|(known, _)| *known == name);
        let (name, text) = found.ok_or_else(|| ScenarioError::Unknown(name.to_owned()))?;
        Self::parse(name, text)
    }

    /// Names of the built-in scenarios.
    #[must_use]
    pub fn builtin_names() -> Vec<&'static str> {
        BUILTIN.map(|(name, _)| name).to_vec()
    }

    /// The same, played on for `more_ms` after its end: what holds then goes on holding, nothing new happens.
    #[must_use]
    pub const fn longer(mut self, more_ms: u32) -> Self {
        self.duration_ms = self.duration_ms.saturating_add(more_ms as i64);
        self
    }

    /// The gateway catalog of the scenario's site.
    #[must_use]
    pub fn catalog_toml(&self) -> String {
        self.site.catalog_toml(self.heartbeat_ms)
    }
}
