//! Runs a scenario against a broker: one edge node per node of the site, driven by the simulation.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigil_protocol::time::UtcMillis;

use crate::mqtt::{Broker, BrokerError};
use crate::node::{
    Clock, DeviceSpec, EdgeNode, FileLimits, JournalPlace, NodeInput, NodeReport, NodeSpec, NodeStats,
};
use crate::scenario::Scenario;
use crate::simulation::{SimEvent, Simulation};

/// How fast simulated time goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// This many simulated seconds a second. Above 1 a node that has lost its connection holds simulated time up
    /// until it has it back, as if that had taken no time.
    Times(f64),
    /// As fast as nodes, broker and gateway can; nodes hold simulated time up as above.
    Max,
}

/// How to run a scenario.
#[derive(Clone)]
pub struct RunOptions {
    /// `mqtt://[user:password@]host:port`
    pub broker: String,
    /// User name, if not in the address.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// How fast.
    pub speed: Speed,
    /// Time of simulated 0. Left out: now at normal speed; so that the scenario ends about now when faster.
    pub start: Option<UtcMillis>,
    /// Directory of the journals; in memory without.
    pub journal_dir: Option<PathBuf>,
    /// Nodes keep a journal. Without, they are ordinary Sparkplug nodes.
    pub journal: bool,
    /// Go on where a run that was killed with this [`RunOptions::journal_dir`] stopped, as after a power cut of the
    /// whole site that took no simulated time.
    pub resume: bool,
    /// How long to wait at the end for everything to be acknowledged.
    pub settle: Duration,
    /// Ends the run early; nodes say goodbye.
    pub cancel: CancellationToken,
    /// Told about the progress, a few times a second.
    pub progress: Option<OnProgress>,
}

/// Is told how far a run is.
pub type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Simulated time reached, ms.
    pub now_ms: i64,
    /// Length of the scenario, ms.
    pub duration_ms: i64,
    /// Data messages sent.
    pub data: u64,
    /// Messages acknowledged.
    pub acked: u64,
    /// Messages not acknowledged yet.
    pub pending: u64,
    /// Nodes born and connected.
    pub online: usize,
    /// Nodes.
    pub nodes: usize,
}

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The scenario.
    pub scenario: String,
    /// Time of simulated 0.
    pub start: UtcMillis,
    /// Simulated length run, ms.
    pub simulated_ms: i64,
    /// Wall time it took, ms.
    pub elapsed_ms: u64,
    /// Everything measured is on the gateway's disk, but for nodes cut off at the end.
    pub settled: bool,
    /// Ended early.
    pub cancelled: bool,
    /// One per node, in the order of the site.
    pub nodes: Vec<NodeReport>,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The broker's address is not usable.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Step of simulated time at [`Speed::Max`], and shortest wait otherwise, ms.
const STEP_MS: i64 = 200;

impl RunOptions {
    /// Normal speed, journals in memory, on this broker.
    #[must_use]
    pub fn new(broker: impl Into<String>) -> Self {
        Self {
            broker: broker.into(),
            username: None,
            password: None,
            speed: Speed::Times(1.0),
            start: None,
            journal_dir: None,
            journal: true,
            resume: false,
            settle: Duration::from_secs(30),
            cancel: CancellationToken::new(),
            progress: None,
        }
    }
}

impl Speed {
    /// Whether simulated time runs ahead of the wall clock.
    #[must_use]
    pub fn is_faster(self) -> bool {
        match self {
            Self::Times(factor) => factor > 1.0,
            Self::Max => true,
        }
    }

    /// Time of simulated 0 so that a scenario that begins `now` ends about when it ends on the wall.
    #[must_use]
    pub fn start(self, now: UtcMillis, duration_ms: i64) -> UtcMillis {
        let wall_ms = match self {
            Self::Times(factor) if factor > 0.0 => duration_ms as f64 / factor,
            Self::Times(_) | Self::Max => 0.0,
        };
        // At normal speed or below nothing is to be made up for.
        now.saturating_sub_ms((duration_ms - wall_ms as i64).max(0))
    }
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let factor = text.trim_end_matches('x').parse::<f64>().ok();
        let factor = factor.filter(|factor| factor.is_finite() && *factor > 0.0);
        factor
            .map(Self::Times)
            .ok_or_else(|| format!("`{text}` is no speed: a number above 0, or `max`"))
    }
}

/// Runs a scenario to its end, then until every journal is empty (or [`RunOptions::settle`] is over).
///
/// # Errors
/// Only for options that cannot work; a broker that is not there is waited for.
pub async fn run(scenario: Scenario, options: RunOptions) -> Result<RunReport, RunError> {
    let mut broker = Broker::parse(&options.broker)?;
    if let Some(user) = &options.username {
        broker.credentials = Some((user.clone(), options.password.clone().unwrap_or_default()));
    }
    let clock = Clock::system();
    let began = Instant::now();
    let reached = match (&options.journal_dir, options.resume) {
        (Some(dir), true) => Reached::load(dir),
        _ => None,
    };
    let start = match (reached, options.start) {
        (Some(reached), _) => reached.start,
        (None, Some(start)) => start,
        (None, None) => options.speed.start(clock.now(), scenario.duration_ms),
    };
    let mut site = RunningSite::start(&scenario, &options, &broker, clock, start);
    let mut simulation = Simulation::new(scenario);
    let driven = tokio::select! {
        () = drive(&mut simulation, &site, &options, reached.map(|reached| reached.now_ms)) => true,
        () = options.cancel.cancelled() => false,
    };
    if driven {
        site.settle(&options, &simulation).await;
    }
    site.cancel.cancel();
    let mut nodes = Vec::with_capacity(site.nodes.len());
    for node in site.nodes.drain(..) {
        nodes.push(node.finish().await);
    }
    Ok(RunReport {
        scenario: simulation.scenario().name.clone(),
        start,
        simulated_ms: simulation.now_ms(),
        elapsed_ms: began.elapsed().as_millis() as u64,
        settled: options.journal && driven && nodes.iter().all(|node| node.is_settled() || node.cut_off),
        cancelled: !driven,
        nodes,
    })
}

/// The nodes of a site, and where the simulation's events go.
struct RunningSite {
    nodes: Vec<EdgeNode>,
    /// Node and position of each piece of equipment.
    devices: HashMap<String, (usize, u16)>,
    ids: HashMap<String, usize>,
    start: UtcMillis,
    cancel: CancellationToken,
}

impl RunningSite {
    fn start(
        scenario: &Scenario,
        options: &RunOptions,
        broker: &Broker,
        clock: Clock,
        start: UtcMillis,
    ) -> Self {
        let cancel = CancellationToken::new();
        let site = &scenario.site;
        let mut devices = HashMap::new();
        let mut nodes = Vec::new();
        for (n, node) in site.nodes.iter().enumerate() {
            let specs: Vec<DeviceSpec> = site.behind(&node.id).map(DeviceSpec::of).collect();
            for (position, spec) in specs.iter().enumerate() {
                devices.insert(spec.id.clone(), (n, position as u16));
            }
            let place = match &options.journal_dir {
                Some(dir) => JournalPlace::Directory(dir.join(&node.id), FileLimits::default()),
                None => JournalPlace::Memory(FileLimits::default().max_bytes as usize),
            };
            let spec = NodeSpec {
                group: site.group.clone(),
                node: node.id.clone(),
                devices: specs,
                broker: broker.clone(),
                journal: options.journal.then_some(place),
                // A journal in memory is formatted at each run; one on disk keeps the epoch of its first.
                epoch: clock.now().0 as u64,
                in_step: options.speed.is_faster(),
            };
            nodes.push(EdgeNode::start(spec, clock, cancel.clone()));
        }
        let ids = site
            .nodes
            .iter()
            .enumerate()
            .map(|(n, node)| (node.id.clone(), n))
            .collect();
        Self {
            nodes,
            devices,
            ids,
            start,
            cancel,
        }
    }

    async fn deliver(&self, event: SimEvent) {
        let to = |node: &str| self.ids.get(node).and_then(|n| self.nodes.get(*n));
        let (node, input) = match event {
            SimEvent::Readings {
                at_ms,
                equipment,
                values,
                ..
            } => {
                let Some((node, device)) = self.devices.get(&*equipment) else {
                    return;
                };
                let at = self.start.saturating_add_ms(at_ms);
                (
                    self.nodes.get(*node),
                    NodeInput::Readings {
                        at,
                        device: *device,
                        values,
                    },
                )
            }
            SimEvent::NodePower { node, on, .. } => (to(&node), NodeInput::Power(on)),
            SimEvent::Link { node, up, .. } => (to(&node), NodeInput::Link(up)),
            SimEvent::ClockOffset { node, offset_ms, .. } => (to(&node), NodeInput::ClockOffset(offset_ms)),
            SimEvent::Duplicate { node, on, .. } => (to(&node), NodeInput::Duplicate(on)),
            SimEvent::Reorder { node, on, .. } => (to(&node), NodeInput::Reorder(on)),
            // What it does to the readings they show themselves.
            SimEvent::Slave { .. } => return,
            SimEvent::Broker { up, .. } => {
                // The broker is not ours to stop; for the nodes a lost link is the same.
                for node in &self.nodes {
                    node.send(NodeInput::Link(up)).await;
                }
                return;
            }
        };
        if let Some(node) = node {
            node.send(input).await;
        }
    }

    /// Brings the simulation to where a killed run was. The nodes learn what had befallen them by then, and what
    /// their instruments show now; what was shown in between they have in their journals.
    async fn resume(&self, simulation: &mut Simulation, reached_ms: i64) {
        let mut dark: HashSet<Arc<str>> = HashSet::new();
        for event in simulation.advance(reached_ms) {
            match &event {
                SimEvent::Readings { .. } => continue,
                SimEvent::NodePower { node, on: true, .. } => drop(dark.remove(node)),
                SimEvent::NodePower { node, on: false, .. } => drop(dark.insert(Arc::clone(node))),
                _ => {}
            }
            self.deliver(event).await;
        }
        let at_ms = simulation.now_ms();
        let equipment: Vec<(Arc<str>, Arc<str>)> = simulation
            .scenario()
            .site
            .equipment
            .iter()
            .filter(|equipment| !dark.contains(&*equipment.node))
            .map(|equipment| (equipment.node.as_str().into(), equipment.id.as_str().into()))
            .collect();
        for (node, equipment) in equipment {
            let Some(values) = simulation.latest(&equipment) else {
                continue;
            };
            self.deliver(SimEvent::Readings {
                at_ms,
                node,
                equipment,
                values,
            })
            .await;
        }
    }

    /// Ends the nodes' inputs and waits until each has emptied its journal and left.
    async fn settle(&self, options: &RunOptions, simulation: &Simulation) {
        let deadline = Instant::now() + options.settle;
        for node in &self.nodes {
            node.send(NodeInput::Drain).await;
        }
        while Instant::now() < deadline
            && !options.cancel.is_cancelled()
            && self.nodes.iter().any(|node| !node.is_finished())
        {
            self.tell(options, simulation);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
                () = options.cancel.cancelled() => {}
            }
        }
        self.tell(options, simulation);
    }

    fn tell(&self, options: &RunOptions, simulation: &Simulation) {
        let Some(progress) = &options.progress else {
            return;
        };
        let stats = || self.nodes.iter().map(EdgeNode::stats);
        let sum = |get: fn(&NodeStats) -> u64| stats().map(get).sum();
        progress(&Progress {
            now_ms: simulation.now_ms(),
            duration_ms: simulation.scenario().duration_ms,
            data: sum(|stats| stats.data.load(Ordering::Relaxed)),
            acked: sum(|stats| stats.acked.load(Ordering::Relaxed)),
            pending: sum(|stats| stats.pending.load(Ordering::Relaxed)),
            online: stats()
                .filter(|stats| stats.online.load(Ordering::Relaxed))
                .count(),
            nodes: self.nodes.len(),
        });
    }
}

/// How far a run has come: what a killed one leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reached {
    start: UtcMillis,
    now_ms: i64,
}

impl Reached {
    const FILE: &str = "reached";

    fn load(dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(dir.join(Self::FILE)).ok()?;
        let (start, now_ms) = text.trim().split_once(' ')?;
        Some(Self {
            start: UtcMillis(start.parse().ok()?),
            now_ms: now_ms.parse().ok()?,
        })
    }

    /// The old text or the new one is found, whenever the process is killed.
    fn save(self, dir: &Path) {
        let next = dir.join("reached.new");
        let text = format!("{} {}\n", self.start.0, self.now_ms);
        let saved = std::fs::create_dir_all(dir)
            .and_then(|()| std::fs::write(&next, text))
            .and_then(|()| std::fs::rename(&next, dir.join(Self::FILE)));
        if let Err(error) = saved {
            tracing::warn!(%error, "a killed run could not go on from here");
        }
    }
}

/// Steps the simulation through its time and hands out what happens.
async fn drive(
    simulation: &mut Simulation,
    site: &RunningSite,
    options: &RunOptions,
    reached_ms: Option<i64>,
) {
    let began = Instant::now();
    let mut told = began;
    // Before the nodes get anything: what is handed out twice would be measured twice.
    let reach = |now_ms| {
        if let Some(dir) = &options.journal_dir {
            Reached {
                start: site.start,
                now_ms,
            }
            .save(dir);
        }
    };
    match reached_ms {
        None => {
            reach(0);
            for event in simulation.advance(0) {
                site.deliver(event).await;
            }
        }
        Some(reached_ms) => site.resume(simulation, reached_ms).await,
    }
    let first_ms = simulation.now_ms();
    while !simulation.finished() {
        let next_ms = simulation.now_ms() + STEP_MS;
        match options.speed {
            Speed::Max => tokio::task::yield_now().await,
            Speed::Times(factor) => {
                let due = Duration::from_secs_f64((next_ms - first_ms) as f64 / 1_000.0 / factor);
                tokio::time::sleep_until(began + due).await;
            }
        }
        reach(next_ms);
        for event in simulation.advance(next_ms) {
            site.deliver(event).await;
        }
        if told.elapsed() >= Duration::from_millis(100) {
            told = Instant::now();
            site.tell(options, simulation);
        }
    }
    site.tell(options, simulation);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_run_starts_in_the_past_and_ends_about_now() {
        let now = UtcMillis(1_000_000);
        let cases = [
            (Speed::Times(1.0), 1_000_000),
            (Speed::Times(0.5), 1_000_000),
            (Speed::Times(2.0), 940_000),
            (Speed::Max, 880_000),
        ];
        for (speed, start) in cases {
            assert_eq!(speed.start(now, 120_000), UtcMillis(start), "{speed:?}");
        }
    }

    #[test]
    fn a_killed_run_leaves_how_far_it_had_come() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Reached::load(dir.path()), None);
        for now_ms in [0, 200, 400] {
            let reached = Reached {
                start: UtcMillis(1_700_000_000_000),
                now_ms,
            };
            reached.save(dir.path());
            assert_eq!(Reached::load(dir.path()), Some(reached));
        }
    }

    #[test]
    fn speeds_are_read() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60x".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        for wrong in ["0", "-1", "fast", "inf", ""] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }
}
