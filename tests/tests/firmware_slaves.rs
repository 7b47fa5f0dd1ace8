//! The firmware as it ships, in QEMU, with the simulator's Modbus slaves on its RS-485 line: the gateway's register is
//! the scenario's ground truth, whatever the line does.
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
use vigil_tests::board::{Board, image};
use vigil_tests::slaves::of;
use vigil_tests::{Gateway, GatewayOptions, Place, Register, Slaves};

const NODE: &str = "/api/v1/nodes/bench/lm3s6965";
const SOON: Duration = Duration::from_secs(30);

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

#[test]
fn a_board_that_reads_faulty_slaves_opens_exactly_what_is_true() {
    let image = match image() {
        Ok(image) => image,
        Err(missing) => {
            eprintln!("SKIPPED: {missing}");
            return;
        }
    };
    let place = Place::new("firmware-slaves");
    let scenario = Scenario::builtin("bench").unwrap();
    let gateway = Gateway::start(&place, GatewayOptions::with_catalog(scenario.catalog_toml()));
    let broker = gateway.broker().rsplit(':').next().unwrap().parse().unwrap();
    let (mut slaves, at) = Slaves::listen("bench", &["--linger", "30"]);
    let mut board = Board::start(&place, &image, broker, at.port());
    board.wait_for("link: connected", SOON);
    gateway
        .api()
        .wait_until(NODE, SOON, |node| node["state"] == "online");
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
    eprintln!("{counts}");
}
