//! A board on the bench: in QEMU, with a transmitter on its line, a broker and a gateway.

use crate::board::{Board, image};
use crate::card;
use crate::delivery::{self, Delivery};
use crate::gateway::{Gateway, GatewayOptions};
use crate::journals::JournalEnd;
use crate::mosquitto::Mosquitto;
use crate::place::Place;
use crate::register::Register;
use crate::slave::{Shows, Transmitter};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// The node, as the gateway names it, and where the gateway tells of it.
pub const NODE: &str = "bench/lm3s6965";
/// See [`NODE`].
pub const NODE_PATH: &str = "/api/v1/nodes/bench/lm3s6965";
/// Long enough on a busy machine for what takes a second.
pub const SOON: Duration = Duration::from_secs(30);
/// A board that has been without a broker for long looks for it twice a minute.
pub const RECONNECTED: Duration = Duration::from_secs(60);

/// The boiler that the board reads unless it is told otherwise.
const CATALOG: &str = r#"
[[equipment]]
id = "boiler-1"
name = "1号蒸汽锅炉"
name_en = "Steam boiler 1"
category = "1100"
node = "bench/lm3s6965"
device = "boiler"
[equipment.nameplate]
rated_pressure = 1.25
safety_valve_low = 1.30
safety_valve_high = 1.325
[[equipment.channel]]
quantity = "steam_pressure"
interval = "20s"
"#;

/// Acknowledgements soon: the journal is emptied between cuts and not only at the end.
const CORE: &str = "[core]\nack_interval_ms = 250\n";

/// Which broker there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// The gateway's own.
    Embedded,
    /// Mosquitto.
    Mosquitto,
}

/// Everything on the bench. The files are dropped last.
#[derive(Debug)]
pub struct Bench {
    /// The board.
    pub board: Board,
    /// What it reads.
    pub transmitter: Transmitter,
    /// The gateway.
    pub gateway: Gateway,
    /// The broker, when it is not the gateway's own.
    pub mosquitto: Option<Mosquitto>,
    /// Where all of them keep their files.
    pub place: Place,
}

/// What a board does that nobody has told anything, but reads its transmitter every `period_ms`: settings for
/// [`card::settings`].
#[must_use]
pub fn commands(period_ms: u32) -> String {
    format!(
        "set group bench\nset node lm3s6965\nset broker 10.0.2.100\nset port 0 115200 50\nset device 0 boiler\n\
         set channel 0 0 steam_pressure transmitter 0 1 every {period_ms}"
    )
}

impl Bench {
    /// Sets everything up for the test with this name and waits until the board is connected.
    ///
    /// # Errors
    /// What is missing of QEMU and the board's image.
    ///
    /// # Panics
    /// When something does not start.
    pub fn start(test: &str, broker: Broker, shows: Shows) -> Result<Self, String> {
        let mut bench = Self::start_with(test, broker, shows, |_| ())?;
        bench.board.wait_for("link: connected", SOON);
        Ok(bench)
    }

    /// As [`Bench::start`], with a card that somebody has written on; does not wait.
    ///
    /// # Errors
    /// What is missing of QEMU and the board's image.
    ///
    /// # Panics
    /// When something does not start.
    pub fn start_with(
        test: &str,
        broker: Broker,
        shows: Shows,
        write: impl FnOnce(&Path),
    ) -> Result<Self, String> {
        let image = image()?;
        let place = Place::new(test);
        let mosquitto = (broker == Broker::Mosquitto).then(|| Mosquitto::start_in(&place));
        let mut options = GatewayOptions::with_catalog(CATALOG.to_owned());
        options.broker = mosquitto.as_ref().map(Mosquitto::url);
        options.config = CORE.to_owned();
        let gateway = Gateway::start(&place, options);
        let transmitter = Transmitter::start(shows);
        let port = port(mosquitto.as_ref(), &gateway);
        let board = Board::start_with(&place, &image, port, transmitter.port(), write);
        Ok(Self {
            board,
            transmitter,
            gateway,
            mosquitto,
            place,
        })
    }

    /// Where the broker is.
    #[must_use]
    pub fn broker(&self) -> u16 {
        port(self.mosquitto.as_ref(), &self.gateway)
    }

    /// Ends the broker, and with the embedded one the gateway.
    pub fn kill_broker(&mut self) {
        match &mut self.mosquitto {
            Some(mosquitto) => mosquitto.kill(),
            None => self.gateway.kill(),
        }
    }

    /// Starts it again.
    pub fn restart_broker(&mut self) {
        match &mut self.mosquitto {
            Some(mosquitto) => mosquitto.start_again(),
            None => self.gateway.start_again(),
        }
    }

    /// The register as it is.
    #[must_use]
    pub fn register(&self) -> Register {
        Register::read(&self.gateway.database())
    }

    /// What is on the card. Only without power, or while nothing is written.
    ///
    /// # Panics
    /// When there is nothing.
    #[must_use]
    pub fn journal(&self) -> JournalEnd {
        card::journal(&self.board.card(), NODE).expect("a board that has run has a journal")
    }

    /// Everything the transmitter has shown is on the gateway's disk, or nothing more comes.
    pub fn settle(&self, within: Duration) {
        self.transmitter.show(Shows::Still);
        let mut wanted = self.transmitter.surely_taken();
        wanted.push(self.transmitter.count());
        self.until(within, |bench| {
            let counts = bench.counts();
            wanted.iter().all(|value| counts.contains_key(value))
        });
    }

    /// Looks again and again whether it is as it should be; whether it became so in time.
    pub fn until(&self, within: Duration, mut good: impl FnMut(&Self) -> bool) -> bool {
        let deadline = Instant::now() + within;
        loop {
            if good(self) {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            // Neither a database nor a card tells anybody of a change; the pause only limits the rate.
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }

    /// The values of the count in the gateway's log, and how often each is there as a reading. A value may be told once
    /// more as one that is getting old, when the next reply came too late.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<u16, u32> {
        let mut counts = BTreeMap::new();
        for value in counted(&self.register()) {
            *counts.entry(value).or_insert(0) += 1;
        }
        counts
    }

    /// What was wrong with the readings: every value surely taken is in the log, no value is in two of its messages,
    /// and they stand in the journal in the order in which they were shown.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[must_use]
    pub fn compare_readings(&self) -> (usize, Vec<String>) {
        let (register, counts) = (self.register(), self.counts());
        let mut problems = Vec::new();
        let mut taken = self.transmitter.surely_taken();
        taken.push(self.transmitter.count());
        let lost: Vec<_> = taken
            .iter()
            .filter(|value| !counts.contains_key(*value))
            .collect();
        if !lost.is_empty() {
            problems.push(format!("{} readings are lost: {lost:?}", lost.len()));
        }
        // The last value is told again by the heartbeat while it stands still.
        let last = self.transmitter.count();
        let mut twice = counts
            .iter()
            .filter(|(value, times)| **times > 1 && **value != last);
        if let Some((value, times)) = twice.next() {
            problems.push(format!("reading {value} is in the log {times} times"));
        }
        if !counted(&register).is_sorted() {
            problems.push("the journal has readings in another order than they were shown".to_owned());
        }
        (taken.len(), problems)
    }

    /// The end of every test with cuts: when all is quiet the power goes, what the card holds then must be in the log,
    /// and the board itself must find as much on it.
    ///
    /// # Panics
    /// When something does not come back.
    pub fn deliver(&mut self, from: u64, within: Duration) -> Delivery {
        self.board.cut_power();
        let written = self.journal();
        self.board.power_up();
        let said = self.board.wait_for("journal: ", SOON);
        let (epoch, next) = (written.epoch, written.next);
        let agrees = said.contains(&format!(" of {next} held, epoch {epoch:x}"));
        let arrived = self.until(within, |bench| {
            let (status, body) = bench.gateway.api().get_text(NODE_PATH);
            let node: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            status == 200 && node["journal"]["contiguous"].as_u64() >= next.checked_sub(1)
        });
        self.board.cut_power();
        let node = self.gateway.api().get(NODE_PATH);
        let card = delivery::Card {
            from,
            written: &written,
            end: &self.journal(),
            records: &card::records(&self.board.card()),
        };
        let mut found = delivery::check(&self.register(), &card);
        let mut wrong = |bad: bool, text: String| {
            if bad {
                found.problems.push(text);
            }
        };
        wrong(
            !agrees,
            format!("the board finds something else on its card than {written:?}: {said}"),
        );
        wrong(
            !arrived,
            format!("not everything arrived within {within:?}: {}", node["journal"]),
        );
        wrong(
            node["journal"]["dropped"].as_u64() != Some(written.dropped),
            format!("the gateway says {}, {written:?}", node["journal"]),
        );
        wrong(
            self.board.said().contains("reset: panic"),
            "the board has panicked".to_owned(),
        );
        found
    }
}

/// The values of the transmitter's count in the order of the journal.
fn counted(register: &Register) -> Vec<u16> {
    let births = register.births();
    let mut rows = delivery::journaled(register, NODE);
    rows.sort_unstable_by_key(|(seq, _)| *seq);
    let stated = rows.iter().flat_map(|(_, row)| births.values(row));
    let good = stated.filter(|stated| stated.name == "steam_pressure" && stated.is_good());
    let megapascal = good.filter_map(|stated| stated.value.parse::<f64>().ok());
    // Whatever is higher was not counted by the transmitter.
    megapascal
        .filter(|value| *value < 0.5)
        .map(|value| (value * 1e6).round() as u16)
        .collect()
}

fn port(mosquitto: Option<&Mosquitto>, gateway: &Gateway) -> u16 {
    let embedded = || {
        let broker = gateway.broker();
        let port = broker.rsplit(':').next().and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("no port in {broker}"))
    };
    mosquitto.map_or_else(embedded, Mosquitto::port)
}

/// The bench, or nothing: then what is missing was said.
#[must_use]
pub fn or_skipped(bench: Result<Bench, String>) -> Option<Bench> {
    bench
        .inspect_err(|missing| {
            let _best_effort = writeln!(std::io::stderr().lock(), "SKIPPED: {missing}");
        })
        .ok()
}

/// A number of an environment variable.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn number(name: &str, otherwise: u32) -> u32 {
    let number = |text: String| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}"));
    std::env::var(name).map_or(otherwise, number)
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "the embedded broker",
            Self::Mosquitto => "Mosquitto",
        })
    }
}
