//! Runs a scenario: steps the models through simulated time and yields what reaches each edge node.
//!
//! Time is simulated milliseconds from 0; who drives it decides what 0 is and how fast it goes. At 0 every piece of
//! equipment reports everything; after that a value is reported when it moved by its dead band, and everything again
//! within the heartbeat.

use std::sync::Arc;

use crate::fault::{Instrument, NodeFault, dead_band};
use crate::plant::{Plant, PlantValue, Reading};
use crate::rng::Rng;
use crate::scenario::{Action, Scenario};
use crate::slave::SlaveFault;
use vigil_protocol::vocabulary::{NoData, Quantity};

/// What reaches an edge node, or befalls it. `at_ms` is simulated time.
#[derive(Clone, Debug, PartialEq)]
pub enum SimEvent {
    /// The node sampled these values (true time: a wrong clock is the node's to add).
    Readings {
        /// When.
        at_ms: i64,
        /// Node id.
        node: Arc<str>,
        /// Equipment id, which is the Sparkplug device id.
        equipment: Arc<str>,
        /// Changed values, or all of them on a heartbeat.
        values: Vec<Reading>,
    },
    /// The node loses or regains power. Without power it yields no readings.
    NodePower {
        /// When.
        at_ms: i64,
        /// Node id.
        node: Arc<str>,
        /// Powered.
        on: bool,
    },
    /// The node's link to the broker goes down or comes up. It goes on sampling.
    Link {
        /// When.
        at_ms: i64,
        /// Node id.
        node: Arc<str>,
        /// Connected.
        up: bool,
    },
    /// The node's clock is off by so much from now on; 0 = right again.
    ClockOffset {
        /// When.
        at_ms: i64,
        /// Node id.
        node: Arc<str>,
        /// Added to true time, ms.
        offset_ms: i64,
    },
    /// The node sends each message twice from now on, or no longer.
    Duplicate {
        /// When.
        at_ms: i64,
        /// Node id.
        node: Arc<str>,
        /// Doing so.
        on: bool,
    },
    /// The node sends neighbouring messages in the wrong order from now on, or no longer.
    Reorder {
        /// When.
        at_ms: i64,
        /// Node id.
        node: Arc<str>,
        /// Doing so.
        on: bool,
    },
    /// The broker goes down or comes up.
    Broker {
        /// When.
        at_ms: i64,
        /// Running.
        up: bool,
    },
    /// A fault of a Modbus slave begins or ends.
    Slave {
        /// When.
        at_ms: i64,
        /// Slave id.
        slave: Arc<str>,
        /// The fault.
        fault: SlaveFault,
        /// Begins.
        on: bool,
    },
}

impl SimEvent {
    /// When it happens, ms of simulated time.
    #[must_use]
    pub const fn at_ms(&self) -> i64 {
        match self {
            Self::Readings { at_ms, .. }
            | Self::NodePower { at_ms, .. }
            | Self::Link { at_ms, .. }
            | Self::ClockOffset { at_ms, .. }
            | Self::Duplicate { at_ms, .. }
            | Self::Reorder { at_ms, .. }
            | Self::Broker { at_ms, .. }
            | Self::Slave { at_ms, .. } => *at_ms,
        }
    }

    /// The node it concerns; none for the broker and for slaves.
    #[must_use]
    pub const fn node(&self) -> Option<&Arc<str>> {
        match self {
            Self::Readings { node, .. }
            | Self::NodePower { node, .. }
            | Self::Link { node, .. }
            | Self::ClockOffset { node, .. }
            | Self::Duplicate { node, .. }
            | Self::Reorder { node, .. } => Some(node),
            Self::Broker { .. } | Self::Slave { .. } => None,
        }
    }
}

/// One piece of equipment with its instruments.
#[derive(Clone, Debug)]
struct Station {
    id: Arc<str>,
    node: usize,
    plant: Plant,
    instruments: Vec<Instrument>,
    /// How each instrument reaches the node.
    wires: Vec<Wire>,
    /// What was reported last, by instrument.
    sent: Vec<Option<PlantValue>>,
    next_full_ms: i64,
}

/// The way from an instrument to its node.
#[derive(Clone, Copy, Debug)]
struct Wire {
    there: bool,
    /// Faults of the slave between them that let nothing through.
    cuts: u32,
}

#[derive(Clone, Debug)]
struct Node {
    id: Arc<str>,
    powered: bool,
}

/// The beginning or the end of a scripted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    at_ms: i64,
    /// Ends before beginnings at the same time, so that one fault can follow another.
    begins: bool,
    event: usize,
}

/// A running scenario.
#[derive(Clone, Debug)]
pub struct Simulation {
    scenario: Arc<Scenario>,
    now_ms: i64,
    started: bool,
    stations: Vec<Station>,
    nodes: Vec<Node>,
    turns: Vec<Turn>,
    next_turn: usize,
}

impl Simulation {
    /// A scenario at its beginning.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let root = Rng::new(scenario.seed);
        let site = &scenario.site;
        let nodes: Vec<Node> = site
            .nodes
            .iter()
            .map(|node| Node {
                id: node.id.as_str().into(),
                powered: true,
            })
            .collect();
        let count = site.equipment.len() as i64;
        let stations = site
            .equipment
            .iter()
            .enumerate()
            .filter_map(|(index, equipment)| {
                let rng = root.fork(&equipment.id);
                let plant = equipment.build(rng.clone());
                let instruments: Vec<Instrument> = plant
                    .readings()
                    .iter()
                    .map(|(quantity, _)| {
                        Instrument::new(*quantity, equipment.span(*quantity), rng.fork(quantity.key()))
                    })
                    .collect();
                let wired = equipment.quantities();
                Some(Station {
                    id: equipment.id.as_str().into(),
                    node: site.nodes.iter().position(|node| node.id == equipment.node)?,
                    plant,
                    sent: vec![None; instruments.len()],
                    wires: instruments
                        .iter()
                        .map(|gauge| Wire {
                            there: wired.contains(&gauge.quantity()),
                            cuts: 0,
                        })
                        .collect(),
                    instruments,
                    // Spread out, so that heartbeats do not come in one burst.
                    next_full_ms: scenario.heartbeat_ms * index as i64 / count,
                })
            });
        let stations = stations.collect();
        let mut turns: Vec<Turn> = Vec::new();
        for (index, event) in scenario.events.iter().enumerate() {
            turns.push(Turn {
                at_ms: event.from_ms,
                begins: true,
                event: index,
            });
            turns.extend(event.to_ms.map(|at_ms| Turn {
                at_ms,
                begins: false,
                event: index,
            }));
        }
        turns.sort_unstable();
        Self {
            now_ms: 0,
            started: false,
            stations,
            nodes,
            turns,
            next_turn: 0,
            scenario: Arc::new(scenario),
        }
    }

    /// The scenario it runs.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Simulated time reached, ms.
    #[must_use]
    pub const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Whether the scenario is over.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.started && self.now_ms + self.scenario.step_ms > self.scenario.duration_ms
    }

    /// What reaches the node of a piece of equipment now: what it puts in its birth certificate.
    #[must_use]
    pub fn latest(&self, equipment: &str) -> Option<Vec<Reading>> {
        let station = self.stations.iter().find(|station| &*station.id == equipment)?;
        Some(
            station
                .instruments
                .iter()
                .zip(&station.wires)
                .filter(|(_, wire)| wire.there)
                .map(|(gauge, wire)| (gauge.quantity(), wire.carries(gauge).clone()))
                .collect(),
        )
    }

    /// What an instrument shows now.
    #[must_use]
    pub fn shown(&self, equipment: &str, quantity: Quantity) -> Option<&PlantValue> {
        self.instrument(equipment, quantity).map(Instrument::shown)
    }

    /// The current in an instrument's loop now, mA.
    #[must_use]
    pub fn loop_current(&self, equipment: &str, quantity: Quantity) -> Option<f64> {
        self.instrument(equipment, quantity)?.loop_current()
    }

    /// What 4 and 20 mA stand for in an instrument's loop.
    #[must_use]
    pub fn span(&self, equipment: &str, quantity: Quantity) -> Option<(f64, f64)> {
        self.instrument(equipment, quantity)?.span()
    }

    fn instrument(&self, equipment: &str, quantity: Quantity) -> Option<&Instrument> {
        let station = self.stations.iter().find(|station| &*station.id == equipment)?;
        station
            .instruments
            .iter()
            .find(|gauge| gauge.quantity() == quantity)
    }

    /// The model behind a piece of equipment.
    #[must_use]
    pub fn plant(&self, equipment: &str) -> Option<&Plant> {
        self.stations
            .iter()
            .find(|station| &*station.id == equipment)
            .map(|station| &station.plant)
    }

    /// Goes on to `to_ms` (not past the end) and yields everything that happened, in order of time. The first call
    /// yields the state at 0 as well. How it is cut into calls changes nothing.
    pub fn advance(&mut self, to_ms: i64) -> Vec<SimEvent> {
        let mut events = Vec::new();
        if !self.started {
            self.started = true;
            self.tick(0, &mut events);
        }
        let step_ms = self.scenario.step_ms;
        while !self.finished() && self.now_ms + step_ms <= to_ms {
            self.now_ms += step_ms;
            self.tick(step_ms, &mut events);
        }
        events
    }

    fn tick(&mut self, dt_ms: i64, events: &mut Vec<SimEvent>) {
        while let Some(turn) = self.turns.get(self.next_turn).copied()
            && turn.at_ms <= self.now_ms
        {
            self.next_turn += 1;
            self.turn(turn, events);
        }
        let now_ms = self.now_ms;
        let heartbeat_ms = self.scenario.heartbeat_ms;
        for station in &mut self.stations {
            if dt_ms > 0 {
                station.plant.step(dt_ms as u32);
            }
            // Instruments are read whether or not their node listens: noise must not depend on power cuts.
            for (instrument, (_, truth)) in station.instruments.iter_mut().zip(station.plant.readings()) {
                instrument.read(truth, now_ms);
            }
            let node = &self.nodes[station.node];
            if node.powered {
                let values = station.report(now_ms, heartbeat_ms);
                if !values.is_empty() {
                    let (node, equipment) = (node.id.clone(), station.id.clone());
                    events.push(SimEvent::Readings {
                        at_ms: now_ms,
                        node,
                        equipment,
                        values,
                    });
                }
            }
        }
    }

    fn turn(&mut self, turn: Turn, events: &mut Vec<SimEvent>) {
        let scenario = Arc::clone(&self.scenario);
        let on = turn.begins;
        match &scenario.events[turn.event].action {
            Action::Plant { equipment, fault } => {
                if let Some(station) = self.station(equipment) {
                    // Scenarios are checked when they are read: a fault that does not fit cannot come here.
                    let _fits = station.plant.set_fault(fault, on).is_ok();
                }
            }
            Action::Sensor {
                equipment,
                quantity,
                fault,
            } => {
                let now_ms = self.now_ms;
                let station = self.station(equipment);
                let instrument = station.and_then(|station| {
                    station
                        .instruments
                        .iter_mut()
                        .find(|instrument| instrument.quantity() == *quantity)
                });
                match instrument {
                    Some(instrument) if on => instrument.begin(fault.clone(), now_ms),
                    Some(instrument) => instrument.end(fault),
                    None => {}
                }
            }
            Action::Node { node, fault } => events.extend(self.node_turn(node, *fault, on)),
            Action::Slave { slave, fault } => self.slave_turn(slave, fault, on, events),
            Action::BrokerDown => events.push(SimEvent::Broker {
                at_ms: self.now_ms,
                up: !on,
            }),
        }
    }

    /// A node that is not read over the slave, but simulated, has no value from a slave that is cut off.
    fn slave_turn(&mut self, id: &str, fault: &SlaveFault, on: bool, events: &mut Vec<SimEvent>) {
        let scenario = Arc::clone(&self.scenario);
        let Some(slave) = scenario.site.slaves.iter().find(|slave| slave.id == id) else {
            return;
        };
        if fault.cuts_off() {
            for (equipment, quantity) in slave.part.wires() {
                if let Some(station) = self.station(equipment) {
                    station.cut(quantity, on);
                }
            }
        }
        events.push(SimEvent::Slave {
            at_ms: self.now_ms,
            slave: id.into(),
            fault: fault.clone(),
            on,
        });
    }

    fn node_turn(&mut self, id: &str, fault: NodeFault, on: bool) -> Option<SimEvent> {
        let at_ms = self.now_ms;
        let index = self.nodes.iter().position(|node| &*node.id == id)?;
        let node = self.nodes[index].id.clone();
        Some(match fault {
            NodeFault::PowerCut => {
                self.nodes[index].powered = !on;
                // It forgot what it had reported.
                for station in self.stations.iter_mut().filter(|station| station.node == index) {
                    station.sent.fill(None);
                }
                SimEvent::NodePower { at_ms, node, on: !on }
            }
            NodeFault::LinkDown => SimEvent::Link { at_ms, node, up: !on },
            NodeFault::ClockOffset { offset_ms } => SimEvent::ClockOffset {
                at_ms,
                node,
                offset_ms: if on { offset_ms } else { 0 },
            },
            NodeFault::Duplicate => SimEvent::Duplicate { at_ms, node, on },
            NodeFault::Reorder => SimEvent::Reorder { at_ms, node, on },
        })
    }

    fn station(&mut self, id: &str) -> Option<&mut Station> {
        self.stations.iter_mut().find(|station| &*station.id == id)
    }
}

/// What comes over a wire that is cut.
static CUT_OFF: PlantValue = PlantValue::NoData(NoData::Comm);

impl Wire {
    /// What the node sees of the instrument.
    const fn carries<'i>(&self, gauge: &'i Instrument) -> &'i PlantValue {
        if self.cuts == 0 { gauge.shown() } else { &CUT_OFF }
    }
}

impl Station {
    fn cut(&mut self, quantity: Quantity, on: bool) {
        let position = self
            .instruments
            .iter()
            .position(|gauge| gauge.quantity() == quantity);
        if let Some(wire) = position.and_then(|position| self.wires.get_mut(position)) {
            wire.cuts = if on {
                wire.cuts + 1
            } else {
                wire.cuts.saturating_sub(1)
            };
        }
    }

    /// Values to report now.
    fn report(&mut self, now_ms: i64, heartbeat_ms: i64) -> Vec<Reading> {
        let full = now_ms >= self.next_full_ms;
        while self.next_full_ms <= now_ms {
            self.next_full_ms += heartbeat_ms;
        }
        let mut values = Vec::new();
        let instruments = self.instruments.iter().zip(&self.wires).zip(&mut self.sent);
        for ((instrument, wire), sent) in instruments.filter(|((_, wire), _)| wire.there) {
            let shown = wire.carries(instrument);
            let due = match sent {
                Some(sent) => full || shown.differs(sent, dead_band(instrument.quantity())),
                None => true,
            };
            if due {
                *sent = Some(shown.clone());
                values.push((instrument.quantity(), shown.clone()));
            }
        }
        values
    }
}
