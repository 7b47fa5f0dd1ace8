//! The firmware as it ships, in QEMU, against the real gateway and each broker: what it measures arrives, and nothing
//! is lost when broker, gateway or power fail.
//!
//! `VIGIL_KILLS=100 cargo test -p vigil-tests --test firmware_qemu no_reading -- --nocapture` for a long run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vigil_simulator::rng::Rng;
use vigil_tests::board::{Board, image};
use vigil_tests::slave::{Shows, Transmitter};
use vigil_tests::{Gateway, GatewayOptions, Mosquitto, Place, Register};

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
const NODE: &str = "/api/v1/nodes/bench/lm3s6965";
/// Between rated pressure and the safety valve's: above the interlock, below the valve, kPa.
const TOO_HIGH: u16 = 1_285;
const NORMAL: u16 = 900;
const SOON: Duration = Duration::from_secs(30);

struct Bench {
    place: Place,
    mosquitto: Option<Mosquitto>,
    gateway: Gateway,
    transmitter: Transmitter,
    board: Board,
}

fn bench(test: &str, embedded: bool, shows: Shows) -> Option<Bench> {
    let image = match image() {
        Ok(image) => image,
        Err(missing) => {
            eprintln!("SKIPPED: {missing}");
            return None;
        }
    };
    let place = Place::new(test);
    let mosquitto = (!embedded).then(|| Mosquitto::start_in(&place));
    let mut options = GatewayOptions::with_catalog(CATALOG.to_owned());
    options.broker = mosquitto.as_ref().map(Mosquitto::url);
    options.config = CORE.to_owned();
    let gateway = Gateway::start(&place, options);
    let broker = mosquitto.as_ref().map_or_else(
        || gateway.broker().rsplit(':').next().unwrap().parse().unwrap(),
        Mosquitto::port,
    );
    let transmitter = Transmitter::start(shows);
    let board = Board::start(&place, &image, broker, transmitter.port());
    Some(Bench {
        place,
        mosquitto,
        gateway,
        transmitter,
        board,
    })
}

impl Bench {
    /// Everything the transmitter has shown is on the gateway's disk, or nothing more comes.
    fn settle(&mut self) {
        self.transmitter.show(Shows::Still);
        let mut wanted = self.transmitter.surely_taken();
        wanted.push(self.transmitter.count());
        let deadline = Instant::now() + SOON;
        loop {
            let counts = self.counts();
            if wanted.iter().all(|value| counts.contains_key(value)) || Instant::now() > deadline {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }

    /// The values of the count in the gateway's log, and how often each is there.
    fn counts(&self) -> BTreeMap<u16, u32> {
        let readings = Register::read(&self.gateway.database()).readings();
        let mut counts = BTreeMap::new();
        for ((_, metric, _, value), times) in readings {
            if metric == "steam_pressure"
                && let Ok(megapascal) = value.parse::<f64>()
                && megapascal < 0.5
            {
                *counts.entry((megapascal * 1e6).round() as u16).or_insert(0) += times;
            }
        }
        counts
    }

    /// Everything surely taken is in the log once, and so is every sequence of the journal.
    fn check(&self) {
        let counts = self.counts();
        let mut taken = self.transmitter.surely_taken();
        taken.push(self.transmitter.count());
        let lost: Vec<u16> = taken
            .iter()
            .copied()
            .filter(|value| !counts.contains_key(value))
            .collect();
        assert!(lost.is_empty(), "lost: {lost:?}\n{}", self.board.said());
        assert!(taken.len() > 50, "too few to say anything: {}", taken.len());
        // The last value is told again by the heartbeat while it stands still.
        let last = self.transmitter.count();
        let twice: Vec<_> = counts
            .iter()
            .filter(|(value, times)| **times > 1 && **value != last)
            .collect();
        assert!(twice.is_empty(), "twice: {twice:?}");
        let mut journaled: Vec<(u64, u64)> = Register::read(&self.gateway.database())
            .log
            .iter()
            .filter_map(|row| row.journal)
            .collect();
        journaled.sort_unstable();
        let epoch = journaled[0].0;
        eprintln!(
            "{} readings surely taken, {} of {} in the log, {} journal records, {} starts",
            taken.len(),
            counts.len(),
            last,
            journaled.len(),
            self.board.starts()
        );
        for (n, entry) in journaled.iter().enumerate() {
            assert_eq!(
                *entry,
                (epoch, n as u64),
                "the journal has neither holes nor doubles"
            );
        }
    }
}

fn is_born_and_opens_its_hazard_once(embedded: bool) {
    let Some(mut bench) = bench("firmware-hazard", embedded, Shows::Kilopascal(NORMAL)) else {
        return;
    };
    bench.board.wait_for("link: connected", SOON);
    let node = bench.gateway.api().wait_until(NODE, SOON, |node| {
        node["state"] == "online" && node["births"] == 1
    });
    assert!(
        node["firmware"].as_str().unwrap().starts_with("lm3s6965evb"),
        "{node:#}"
    );
    bench.transmitter.show(Shows::Kilopascal(TOO_HIGH));
    let opened = |register: &Register| {
        register
            .hazards
            .iter()
            .filter(|hazard| hazard.rule == "BLR-STEAM-P-HH")
            .count()
    };
    let deadline = Instant::now() + SOON;
    while opened(&Register::read(&bench.gateway.database())) == 0 {
        assert!(Instant::now() < deadline, "{}", bench.board.said());
        std::thread::park_timeout(Duration::from_millis(200));
    }
    bench.transmitter.show(Shows::Kilopascal(NORMAL));
    // A restart of the board with the pressure normal again opens nothing.
    bench.board.cut_power();
    bench.board.power_up();
    bench.gateway.api().wait_until(NODE, SOON, |node| {
        node["state"] == "online" && node["births"] == 2
    });
    bench.transmitter.show(Shows::Count);
    bench.settle();
    let register = Register::read(&bench.gateway.database());
    assert_eq!(opened(&register), 1, "{:#?}", register.hazards);
    assert_eq!(register.integrity, "ok");
}

#[test]
fn an_overpressure_at_the_board_opens_its_hazard_once_with_the_embedded_broker() {
    is_born_and_opens_its_hazard_once(true);
}

#[test]
fn an_overpressure_at_the_board_opens_its_hazard_once_with_mosquitto() {
    is_born_and_opens_its_hazard_once(false);
}

/// Kills in one run, without `VIGIL_KILLS`; after each it goes on for up to [`BETWEEN_MS`].
const CUTS: u32 = 6;
const BETWEEN_MS: u64 = 2_500;

fn loses_nothing(embedded: bool, seed: u64) {
    let Some(mut bench) = bench("firmware-cuts", embedded, Shows::Count) else {
        return;
    };
    let mut rng = Rng::new(seed);
    bench.board.wait_for("link: connected", SOON);
    let cuts = std::env::var("VIGIL_KILLS").map_or(CUTS, |text| text.parse().unwrap());
    for cut in 0..cuts {
        let pause = Duration::from_millis((rng.unit() * BETWEEN_MS as f64) as u64);
        std::thread::park_timeout(Duration::from_millis(500) + pause);
        match (cut % 3, &mut bench.mosquitto) {
            (0 | 2, _) => {
                bench.board.cut_power();
                bench.board.power_up();
            }
            (_, Some(mosquitto)) => mosquitto.kill_and_restart(),
            (_, None) => {
                bench.gateway.kill();
                std::thread::park_timeout(Duration::from_secs(3));
                bench.gateway.start_again();
            }
        }
    }
    bench.settle();
    bench.check();
    assert!(
        !bench.board.said().contains("reset: panic"),
        "{}",
        bench.board.said()
    );
    drop(bench.place);
}

#[test]
fn no_reading_is_lost_when_board_and_gateway_are_killed_with_the_embedded_broker() {
    loses_nothing(true, 11);
}

#[test]
fn no_reading_is_lost_when_board_and_broker_are_killed_with_mosquitto() {
    loses_nothing(false, 12);
}
