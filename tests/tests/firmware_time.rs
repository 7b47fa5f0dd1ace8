//! The firmware as it ships, in QEMU, on a board without a clock chip: the gateway tells it the time, and what it had
//! measured before is dated right.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::time::Duration;
use vigil_tests::board::{Board, image};
use vigil_tests::slave::{Shows, Transmitter};
use vigil_tests::{Gateway, GatewayOptions, Place};

const CATALOG: &str = r#"
[[equipment]]
id = "boiler"
name = "锅炉"
name_en = "Boiler"
category = "1100"
node = "bench/lm3s6965"
device = "boiler"
[equipment.nameplate]
rated_pressure = "1.6 MPa"
"#;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_board_without_a_clock_is_told_the_time_and_dates_its_readings_right() {
    let image = match image() {
        Ok(image) => image,
        Err(missing) => return eprintln!("SKIPPED: {missing}"),
    };
    let place = Place::new("firmware-time");
    let gateway = Gateway::start(&place, GatewayOptions::with_catalog(CATALOG.to_owned()));
    let port = gateway.broker().rsplit(':').next().unwrap().parse().unwrap();
    let transmitter = Transmitter::start(Shows::Kilopascal(800));
    let mut board = Board::start_without_clock(&place, &image, port, transmitter.port());
    board.wait_for("clock: ", SOON);
    // A good value: neither its age nor its time is in doubt any more.
    let equipment = gateway
        .api()
        .wait_until("/api/v1/equipment/boiler", SOON, |equipment| {
            equipment["channels"].as_array().is_some_and(|channels| {
                let mut channels = channels.iter();
                channels.any(|channel| {
                    channel["quantity"]["key"] == "steam_pressure"
                        && channel["latest"]["quality"]["key"] == "good"
                })
            })
        });
    assert_eq!(equipment["watch"], "online", "{}", board.said());
    // The birth it said before it knew the time is why it was told.
    assert_eq!(gateway.api().get("/api/v1/nodes/bench/lm3s6965")["births"], 1);
}
