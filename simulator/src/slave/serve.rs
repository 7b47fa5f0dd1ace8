//! Serves the slaves of a scenario in real time, over TCP or serial ports.

mod port;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigil_protocol::time::UtcMillis;

use super::fault::SlaveCounts;
use super::line::{Line, LineCounts};
use crate::node::Clock;
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::simulation::{SimEvent, Simulation};
use crate::truth::Truth;
use port::{FromPort, Heard};

/// Silence that ends a frame at 9600 baud, µs: 3.5 characters of 11 bits.
const SILENCE_US: u64 = 4_010;
/// Chunks on their way between ports and slaves.
const QUEUE: usize = 256;

/// Where one line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// Listens for TCP connections: raw RTU bytes, as QEMU's `-serial tcp:` gives them. The newest one is the line.
    Listen(SocketAddr),
    /// A serial port or pseudo-terminal, 8N1.
    Serial {
        /// Device.
        path: PathBuf,
        /// Bits per second.
        baud: u32,
    },
}

/// How to serve the slaves.
#[derive(Clone)]
pub struct ServeOptions {
    /// One port per line of the site, in the order of the lines.
    pub ports: Vec<Port>,
    /// Simulated seconds a second. Delays and pauses on the line are not scaled.
    pub speed: f64,
    /// Simulated time begins at once. Without, with the first sound request.
    pub at_once: bool,
    /// How long the slaves go on after the end of the scenario, showing how it ended.
    pub linger: Duration,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// Told what happens.
    pub news: Option<OnSlaveNews>,
}

/// Is told what happens.
pub type OnSlaveNews = Arc<dyn Fn(&SlaveNews) + Send + Sync>;

/// Something that happened, for whoever compares it with what a node makes of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum SlaveNews {
    /// A line can be used.
    Ready {
        /// Line.
        line: u8,
        /// Address listened on, or the serial port.
        at: String,
    },
    /// A master has connected, or a serial port has opened.
    Connected {
        /// Line.
        line: u8,
    },
    /// It is gone.
    Disconnected {
        /// Line.
        line: u8,
    },
    /// Simulated time begins.
    Began {
        /// Time of simulated 0.
        start: UtcMillis,
    },
    /// A fault of a slave begins or ends.
    Fault {
        /// Simulated time, ms.
        at_ms: i64,
        /// When that was.
        at: UtcMillis,
        /// Slave id.
        slave: String,
        /// The fault.
        what: String,
        /// Begins.
        on: bool,
    },
    /// A fault code or a contact has changed.
    Changed {
        /// Simulated time, ms.
        at_ms: i64,
        /// When that was.
        at: UtcMillis,
        /// Slave id.
        slave: String,
        /// Address of the register.
        register: u16,
        /// What it holds now.
        value: u16,
    },
    /// The scenario is over.
    Ended {
        /// When that was.
        at: UtcMillis,
    },
}

/// What was served.
#[derive(Clone, Debug, Serialize)]
pub struct SlavesReport {
    /// The scenario.
    pub scenario: String,
    /// Time of simulated 0; none if it never began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<UtcMillis>,
    /// Simulated length served, ms.
    pub simulated_ms: i64,
    /// The scenario was served to its end.
    pub finished: bool,
    /// One per line.
    pub lines: Vec<LineReport>,
    /// One per slave, in the order of the site.
    pub slaves: Vec<SlaveReport>,
    /// What has to come of it.
    pub truth: Truth,
}

/// What a line carried.
#[derive(Clone, Debug, Serialize)]
pub struct LineReport {
    /// Line of the node.
    pub line: u8,
    /// Connections, or openings of the serial port.
    pub connects: u64,
    /// Requests nobody counted.
    #[serde(flatten)]
    pub counts: LineCounts,
}

/// What became of the requests to a slave.
#[derive(Clone, Debug, Serialize)]
pub struct SlaveReport {
    /// Id.
    pub slave: String,
    /// What it is.
    pub part: &'static str,
    /// Line of the node.
    pub line: u8,
    /// Address.
    pub unit: u8,
    /// Requests and replies.
    #[serde(flatten)]
    pub counts: SlaveCounts,
}

/// Why slaves are not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There are none.
    #[error("scenario `{0}` has no Modbus slaves ([[site.slave]])")]
    NoSlaves(String),
    /// Slaves hang on more than one node.
    #[error("the slaves of scenario `{scenario}` hang on more than one node: {nodes}")]
    Nodes {
        /// The scenario.
        scenario: String,
        /// Their ids.
        nodes: String,
    },
    /// Lines and ports do not match.
    #[error("{lines} line(s) of slaves, but {ports} port(s) given: one port for each line, in their order")]
    Ports {
        /// Lines of the scenario.
        lines: usize,
        /// Ports given.
        ports: usize,
    },
    /// The speed is not above 0.
    #[error("slaves cannot be served at speed {0}: a number above 0")]
    Speed(f64),
    /// The address cannot be listened on.
    #[error("listening on {address}: {source}")]
    Listen {
        /// Address.
        address: SocketAddr,
        /// Cause.
        source: std::io::Error,
    },
    /// The serial port cannot be opened.
    #[error("opening serial port {path}: {source}")]
    Serial {
        /// Device.
        path: String,
        /// Cause.
        source: std::io::Error,
    },
}

/// Serves the slaves of a scenario until it is over.
///
/// # Errors
/// When that cannot begin; later failures of a port end its connection, and it is opened again.
pub async fn serve(scenario: Scenario, options: ServeOptions) -> Result<SlavesReport, ServeError> {
    let lines = lines(&scenario)?;
    if lines.len() != options.ports.len() {
        return Err(ServeError::Ports {
            lines: lines.len(),
            ports: options.ports.len(),
        });
    }
    if !(options.speed.is_finite() && options.speed > 0.0) {
        return Err(ServeError::Speed(options.speed));
    }
    let (send, heard) = mpsc::channel(QUEUE);
    // Dropped at the end: the ports end with it.
    let cancel = options.cancel.child_token();
    let _ports = cancel.clone().drop_guard();
    let mut bench = Bench::new(scenario, &lines, options);
    for (n, place) in bench.options.ports.clone().iter().enumerate() {
        let at = port::open(n, place, send.clone(), cancel.clone()).await?;
        bench.tell(&SlaveNews::Ready { line: lines[n], at });
    }
    let finished = tokio::select! {
        () = bench.run(heard) => true,
        () = cancel.cancelled() => false,
    };
    Ok(bench.report(finished))
}

/// The lines the slaves are on, in order.
fn lines(scenario: &Scenario) -> Result<Vec<u8>, ServeError> {
    let slaves = &scenario.site.slaves;
    let mut nodes: Vec<&str> = slaves.iter().map(|slave| &*slave.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    match nodes[..] {
        [] => return Err(ServeError::NoSlaves(scenario.name.clone())),
        [_] => {}
        _ => {
            return Err(ServeError::Nodes {
                scenario: scenario.name.clone(),
                nodes: nodes.join(", "),
            });
        }
    }
    let mut lines: Vec<u8> = slaves.iter().map(|slave| slave.line).collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(lines)
}

/// A line with its port.
struct Wired {
    number: u8,
    line: Line,
    out: Option<mpsc::Sender<Vec<u8>>>,
    connects: u64,
}

/// A slave's place.
struct Place {
    line: usize,
    position: usize,
    /// What its watched register held last.
    watched: Option<u16>,
}

/// Slaves, ports and the simulation behind them.
struct Bench {
    options: ServeOptions,
    simulation: Simulation,
    lines: Vec<Wired>,
    /// In the order of the site's slaves.
    places: Vec<Place>,
    clock: Clock,
    opened: Instant,
    /// When simulated time began, and what time it was.
    began: Option<(Instant, UtcMillis)>,
}

impl Bench {
    fn new(scenario: Scenario, numbers: &[u8], options: ServeOptions) -> Self {
        let root = Rng::new(scenario.seed);
        let mut lines: Vec<Wired> = numbers
            .iter()
            .map(|number| Wired {
                number: *number,
                line: Line::new(SILENCE_US),
                out: None,
                connects: 0,
            })
            .collect();
        let mut places = Vec::new();
        for slave in &scenario.site.slaves {
            let Some(line) = numbers.iter().position(|number| *number == slave.line) else {
                continue;
            };
            let turnaround_us = u64::from(slave.turnaround_ms) * 1_000;
            let position = lines[line]
                .line
                .add(slave.unit, turnaround_us, root.fork(&slave.id));
            places.push(Place {
                line,
                position,
                watched: None,
            });
        }
        let mut bench = Self {
            options,
            simulation: Simulation::new(scenario),
            lines,
            places,
            clock: Clock::system(),
            opened: Instant::now(),
            began: None,
        };
        bench.step(0);
        bench
    }

    async fn run(&mut self, mut heard: mpsc::Receiver<FromPort>) {
        if self.options.at_once {
            self.begin();
        }
        let mut end = None;
        loop {
            let from = tokio::select! {
                biased;
                from = heard.recv() => from,
                () = sleep_until(self.wake(end)) => None,
            };
            // What is asked now is answered with what the equipment shows now, not a step ago.
            self.catch_up();
            if let Some(from) = from {
                self.take(from);
            }
            self.speak();
            if self.simulation.finished() && self.began.is_some() {
                let now = Instant::now();
                let end = *end.get_or_insert_with(|| {
                    self.tell(&SlaveNews::Ended { at: self.clock.now() });
                    now + self.options.linger
                });
                if now >= end {
                    return;
                }
            }
        }
    }

    /// When something is to be done next, should nothing be heard.
    fn wake(&self, end: Option<Instant>) -> Option<Instant> {
        let step = self.began.filter(|_| end.is_none()).map(|(began, _)| {
            let next_ms = self.simulation.now_ms() + self.simulation.scenario().step_ms;
            began + Duration::from_secs_f64(next_ms as f64 / 1_000.0 / self.options.speed)
        });
        let lines = self.lines.iter().filter_map(|wired| wired.line.due());
        let lines = lines.map(|due_us| self.opened + Duration::from_micros(due_us));
        lines.chain(step).chain(end).min()
    }

    fn now_us(&self) -> u64 {
        self.opened.elapsed().as_micros() as u64
    }

    fn begin(&mut self) {
        let start = self.clock.now();
        self.began = Some((Instant::now(), start));
        self.tell(&SlaveNews::Began { start });
    }

    fn take(&mut self, from: FromPort) {
        let now_us = self.now_us();
        let wired = &mut self.lines[from.line];
        let line = wired.number;
        match from.heard {
            Heard::Connected(out) => {
                wired.out = Some(out);
                wired.connects += 1;
                wired.line.disconnect();
                self.tell(&SlaveNews::Connected { line });
            }
            Heard::Disconnected => {
                wired.out = None;
                wired.line.disconnect();
                self.tell(&SlaveNews::Disconnected { line });
            }
            Heard::Bytes(bytes) => {
                wired.line.hear(now_us, &bytes);
                if self.began.is_none() && self.asked(from.line) {
                    self.begin();
                }
            }
        }
    }

    /// Whether a slave of the line has been asked anything.
    fn asked(&self, line: usize) -> bool {
        let mut places = self.places.iter().filter(|place| place.line == line);
        places.any(|place| self.lines[line].line.slave_counts(place.position).heard > 0)
    }

    /// Brings the simulation to the present.
    fn catch_up(&mut self) {
        if let Some((began, _)) = self.began {
            let simulated_ms = began.elapsed().as_secs_f64() * 1_000.0 * self.options.speed;
            self.step(simulated_ms as i64);
        }
    }

    fn step(&mut self, to_ms: i64) {
        let before_ms = self.simulation.now_ms();
        for event in self.simulation.advance(to_ms) {
            let SimEvent::Slave {
                at_ms,
                slave,
                fault,
                on,
            } = event
            else {
                continue;
            };
            let slaves = &self.simulation.scenario().site.slaves;
            if let Some(n) = slaves.iter().position(|own| own.id == *slave) {
                let place = &self.places[n];
                self.lines[place.line].line.turn(place.position, &fault, on);
                self.tell(&SlaveNews::Fault {
                    at_ms,
                    at: self.clock.now(),
                    slave: slave.to_string(),
                    what: format!("{fault:?}"),
                    on,
                });
            }
        }
        if self.simulation.now_ms() != before_ms || to_ms == 0 {
            self.refresh();
        }
    }

    /// Copies what the equipment shows into the registers.
    fn refresh(&mut self) {
        let mut changed = Vec::new();
        let slaves = &self.simulation.scenario().site.slaves;
        for (slave, place) in slaves.iter().zip(&mut self.places) {
            let registers = slave.part.registers(slave.unit, &self.simulation);
            let watched = registers.as_ref().and_then(|held| slave.part.watched(held));
            if let Some((register, value)) = watched
                && place.watched.replace(value).is_some_and(|before| before != value)
            {
                changed.push(SlaveNews::Changed {
                    at_ms: self.simulation.now_ms(),
                    at: self.clock.now(),
                    slave: slave.id.clone(),
                    register,
                    value,
                });
            }
            self.lines[place.line].line.set(place.position, registers);
        }
        changed.iter().for_each(|news| self.tell(news));
    }

    fn speak(&mut self) {
        let now_us = self.now_us();
        for wired in &mut self.lines {
            let bytes = wired.line.speak(now_us);
            if let Some(out) = wired.out.as_ref().filter(|_| !bytes.is_empty()) {
                // A line does not wait: what a port cannot take is lost.
                let _kept = out.try_send(bytes).is_ok();
            }
        }
    }

    fn tell(&self, news: &SlaveNews) {
        if let Some(tell) = &self.options.news {
            tell(news);
        }
    }

    fn report(&self, finished: bool) -> SlavesReport {
        let scenario = self.simulation.scenario();
        let slaves = scenario.site.slaves.iter().zip(&self.places);
        SlavesReport {
            scenario: scenario.name.clone(),
            start: self.began.map(|(_, start)| start),
            simulated_ms: self.simulation.now_ms(),
            finished,
            lines: self
                .lines
                .iter()
                .map(|wired| LineReport {
                    line: wired.number,
                    connects: wired.connects,
                    counts: wired.line.counts(),
                })
                .collect(),
            slaves: slaves
                .map(|(slave, place)| SlaveReport {
                    slave: slave.id.clone(),
                    part: slave.part.key(),
                    line: slave.line,
                    unit: slave.unit,
                    counts: self.lines[place.line].line.slave_counts(place.position),
                })
                .collect(),
            truth: scenario.truth.clone(),
        }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
