//! The firmware as it ships, in QEMU, with the simulator's Modbus slaves on its RS-485 line: the gateway's register is
//! the scenario's ground truth, whatever the line does, and a dead slave costs the others nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::time::{Duration, Instant};

use vigil_simulator::scenario::Scenario;
use vigil_simulator::truth::Opened;
use vigil_tests::bench::{Broker, NODE, NODE_PATH, SOON};
use vigil_tests::board::{Board, image};
use vigil_tests::slaves::of;
use vigil_tests::{Gateway, GatewayOptions, Mosquitto, Place, Register, Slaves, card, delivery};

fn opened(gateway: &Gateway) -> Vec<Opened> {
    let hazards = Register::read(&gateway.database()).hazards.into_iter();
    hazards
        .map(|hazard| Opened {
            equipment: hazard.equipment,
            rule: hazard.rule,
            late: hazard.late,
            severity: Some(hazard.severity),
        })
        .collect()
}

/// A gateway for the scenario, the broker it uses if that is another, and where that is.
fn gateway(place: &Place, scenario: &Scenario, broker: Broker) -> (Gateway, Option<Mosquitto>, u16) {
    let mosquitto = (broker == Broker::Mosquitto).then(|| Mosquitto::start_in(place));
    let mut options = GatewayOptions::with_catalog(scenario.catalog_toml());
    options.broker = mosquitto.as_ref().map(Mosquitto::url);
    let gateway = Gateway::start(place, options);
    let url = mosquitto
        .as_ref()
        .map_or_else(|| gateway.broker(), Mosquitto::url);
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    (gateway, mosquitto, port)
}

fn opens_exactly_what_is_true(broker: Broker) {
    let image = match image() {
        Ok(image) => image,
        Err(missing) => {
            eprintln!("SKIPPED: {missing}");
            return;
        }
    };
    let place = Place::new("firmware-slaves");
    let scenario = Scenario::builtin("bench").unwrap();
    let (gateway, _mosquitto, port) = gateway(&place, &scenario, broker);
    let (mut slaves, at) = Slaves::listen("bench", &["--linger", "30"]);
    let mut board = Board::start(&place, &image, port, at.port());
    board.wait_for("link: connected", SOON);
    gateway
        .api()
        .wait_until(NODE_PATH, SOON, |node| node["state"] == "online");
    // The slave is silent: a gap is seen, and no number.
    let latest = |equipment: &serde_json::Value| {
        let channels = equipment["channels"].as_array()?;
        let steam = channels
            .iter()
            .find(|own| own["quantity"]["key"] == "steam_pressure")?;
        Some(steam["latest"].clone())
    };
    let gone =
        |equipment: &serde_json::Value| latest(equipment).is_some_and(|latest| latest["value"].is_null());
    let back =
        |equipment: &serde_json::Value| latest(equipment).is_some_and(|latest| latest["value"].is_f64());
    let equipment = "/api/v1/equipment/boiler";
    gateway.api().wait_until(equipment, 2 * SOON, back);
    gateway.api().wait_until(equipment, 2 * SOON, gone);
    gateway.api().wait_until(equipment, SOON, back);
    slaves.news("ended", SOON);
    let deadline = Instant::now() + SOON;
    let verdict = loop {
        let verdict = scenario.truth.compare(&opened(&gateway));
        if verdict.ok() || Instant::now() > deadline {
            break verdict;
        }
        std::thread::park_timeout(Duration::from_millis(200));
    };
    assert!(verdict.ok(), "{verdict}\n{}", board.said());
    let report = slaves.stop();
    let counts = of(&report, "pressure");
    for (counter, least) in [("answered", 50), ("noise", 5), ("bad_crc", 2), ("silent", 2)] {
        assert!(counts[counter].as_u64().unwrap() >= least, "{counter}: {counts}");
    }
    assert_eq!(
        (&counts["writes"], &counts["refused"]),
        (&0.into(), &0.into()),
        "{counts}"
    );
    eprintln!("with {broker}: {counts}");
}

#[test]
fn a_board_that_reads_faulty_slaves_opens_exactly_what_is_true_with_the_embedded_broker() {
    opens_exactly_what_is_true(Broker::Embedded);
}

#[test]
fn a_board_that_reads_faulty_slaves_opens_exactly_what_is_true_with_mosquitto() {
    opens_exactly_what_is_true(Broker::Mosquitto);
}

/// Two boilers; the second one's transmitter dies. A low pressure with many digits moves from each reading to the next,
/// so that each reading is told.
const TWO_BOILERS: &str = r#"
title = "Two boilers, one of them with a dead transmitter"
seed = 5
duration = "45s"
step = "50ms"
heartbeat = "20s"
[site]
group = "bench"
name = "试验台"
name_en = "Bench"
[[site.node]]
id = "lm3s6965"
place = "on the bench"
[[site.equipment]]
id = "boiler-1"
name = "1号锅炉"
name_en = "Boiler 1"
kind = "steam_boiler"
category = "1100"
node = "lm3s6965"
nameplate = { rated_pressure = 0.2, rated_evaporation = 2000, low_water_alarm = -50, low_water_limit = -75, high_water_alarm = 50, high_water_limit = 75, safety_valve_low = 0.23, safety_valve_high = 0.25 }
[[site.equipment]]
id = "boiler-2"
name = "2号锅炉"
name_en = "Boiler 2"
kind = "steam_boiler"
category = "1100"
node = "lm3s6965"
nameplate = { rated_pressure = 0.2, rated_evaporation = 2000, low_water_alarm = -50, low_water_limit = -75, high_water_alarm = 50, high_water_limit = 75, safety_valve_low = 0.23, safety_valve_high = 0.25 }
[[site.slave]]
id = "alive"
node = "lm3s6965"
unit = 1
[site.slave.part]
kind = "pressure_transmitter"
equipment = "boiler-1"
quantity = "steam_pressure"
unit = "kPa"
decimals = 2
[[site.slave]]
id = "dead"
node = "lm3s6965"
unit = 2
[site.slave.part]
kind = "pressure_transmitter"
equipment = "boiler-2"
quantity = "steam_pressure"
unit = "kPa"
decimals = 2
[[event]]
at = "12s"
until = "45s"
slave = "dead"
what = "slave_silent"
[[must_not]]
equipment = "*"
rule = "*"
why = "nothing is wrong with the boilers"
"#;
const PERIOD_MS: i64 = 100;
/// A reply may take longer than the period.
const BOTH: &str = "set group bench\nset node lm3s6965\nset broker 10.0.2.100\nset port 0 115200 250\n\
                    set device 0 boiler-1\nset device 1 boiler-2\n\
                    set channel 0 0 steam_pressure transmitter 0 1 every 100\n\
                    set channel 1 1 steam_pressure transmitter 0 2 every 100";

/// When the readings of a device with a value were taken, by the board's clock, in order.
fn taken(register: &Register, device: &str) -> Vec<i64> {
    let births = register.births();
    let rows = delivery::journaled(register, NODE).into_iter();
    let mut taken: Vec<i64> = rows
        .filter(|(_, row)| row.device == device)
        .flat_map(|(_, row)| births.values(row))
        .filter(|stated| stated.name == "steam_pressure" && stated.is_good())
        .filter(|stated| stated.value.parse::<f64>().is_ok())
        .map(|stated| stated.at)
        .collect();
    taken.sort_unstable();
    taken
}

/// A number that the node tells of itself, as last told.
fn told(register: &Register, metric: &str) -> Option<u64> {
    let births = register.births();
    let rows = delivery::journaled(register, NODE);
    let told = rows.iter().flat_map(|(_, row)| births.values(row));
    told.filter(|stated| stated.name == metric)
        .filter_map(|stated| stated.value.parse().ok())
        .next_back()
}

/// Readings of each hundred that came in their turn, and the longest time between two, ms.
fn kept(taken: &[i64]) -> (usize, i64) {
    let wanted = (taken[taken.len() - 1] - taken[0]) / PERIOD_MS + 1;
    let longest = taken.windows(2).map(|two| two[1] - two[0]).max().unwrap_or(0);
    (taken.len() * 100 / wanted as usize, longest)
}

#[test]
fn a_dead_slave_leaves_the_others_their_period_and_shows_in_the_nodes_health() {
    let image = match image() {
        Ok(image) => image,
        Err(missing) => {
            eprintln!("SKIPPED: {missing}");
            return;
        }
    };
    let place = Place::new("firmware-dead-slave");
    let file = place.write("two-boilers.toml", TWO_BOILERS);
    let scenario = Scenario::parse("two boilers", TWO_BOILERS).unwrap();
    let (gateway, _mosquitto, port) = gateway(&place, &scenario, Broker::Embedded);
    let (mut slaves, at) = Slaves::listen(file.to_str().unwrap(), &["--linger", "60"]);
    let mut board = Board::start_with(&place, &image, port, at.port(), |file| {
        card::save(file, &card::settings(BOTH));
    });
    board.wait_for("link: connected", SOON);
    slaves.news("ended", 3 * SOON);
    // Told every half minute.
    let deadline = Instant::now() + 2 * SOON;
    let failed = loop {
        let failed = told(&Register::read(&gateway.database()), "Health/Field reads failed");
        if failed > Some(0) || Instant::now() > deadline {
            break failed.unwrap_or(0);
        }
        std::thread::park_timeout(Duration::from_millis(200));
    };
    let report = slaves.stop();
    let (alive, dead) = (of(&report, "alive"), of(&report, "dead"));
    let silent = dead["silent"].as_u64().unwrap();
    assert!(failed >= 3 && failed <= silent, "{failed} told of: {dead}");
    assert_eq!(
        (&alive["silent"], &alive["missed"]),
        (&0.into(), &0.into()),
        "{alive}"
    );

    let register = Register::read(&gateway.database());
    let (live, other) = (taken(&register, "boiler-1"), taken(&register, "boiler-2"));
    let died = *other.last().unwrap();
    let (both, alone): (Vec<i64>, Vec<i64>) = live.iter().partition(|at| **at <= died);
    let ((before, longest_before), (after, longest_after)) = (kept(&both), kept(&alone));
    eprintln!(
        "of a period of {PERIOD_MS} ms kept {before} % beside a slave that answers (longest {longest_before} ms), \
         {after} % beside a dead one (longest {longest_after} ms); {failed} failed readings told, {silent} not answered"
    );
    assert!(
        both.len() > 50 && alone.len() > 200,
        "{} {}",
        both.len(),
        alone.len()
    );
    // A line that waited for the dead one each time would keep a quarter.
    assert!(after + 10 >= before && after >= 75, "{after} % of {before} %");
}
