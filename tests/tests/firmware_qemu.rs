//! The firmware as it ships, in QEMU, against the real gateway and each broker: what it measures arrives, and nothing
//! is lost when broker, gateway or power fail.
//!
//! `VIGIL_KILLS=100 VIGIL_SEED=7 cargo test -p vigil-tests --test firmware_qemu no_reading -- --nocapture` for a long run,
//! or `cargo run -p vigil-tests --bin power-cut-test -- --iterations 100 --seed 7`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use vigil_tests::Register;
use vigil_tests::bench::{Bench, Broker, NODE_PATH, SOON, number, or_skipped};
use vigil_tests::power_cut::{self, PowerPlan};
use vigil_tests::slave::Shows;

/// Between rated pressure and the safety valve's: above the interlock, below the valve, kPa.
const TOO_HIGH: u16 = 1_285;
const NORMAL: u16 = 900;

fn is_born_and_opens_its_hazard_once(broker: Broker) {
    let bench = Bench::start("firmware-hazard", broker, Shows::Kilopascal(NORMAL));
    let Some(mut bench) = or_skipped(bench) else {
        return;
    };
    let node = bench.gateway.api().wait_until(NODE_PATH, SOON, |node| {
        node["state"] == "online" && node["births"] == 1
    });
    assert!(
        node["firmware"].as_str().unwrap().starts_with("lm3s6965evb"),
        "{node:#}"
    );
    bench.transmitter.show(Shows::Kilopascal(TOO_HIGH));
    let opened = |register: &Register| {
        let hazards = register.hazards.iter();
        hazards.filter(|hazard| hazard.rule == "BLR-STEAM-P-HH").count()
    };
    assert!(
        bench.until(SOON, |bench| opened(&bench.register()) > 0),
        "{}",
        bench.board.said()
    );
    bench.transmitter.show(Shows::Kilopascal(NORMAL));
    // A restart of the board with the pressure normal again opens nothing.
    bench.board.cut_power();
    bench.board.power_up();
    bench.gateway.api().wait_until(NODE_PATH, SOON, |node| {
        node["state"] == "online" && node["births"] == 2
    });
    bench.transmitter.show(Shows::Count);
    bench.settle(SOON);
    let register = bench.register();
    assert_eq!(opened(&register), 1, "{:#?}", register.hazards);
    assert_eq!(register.integrity, "ok");
}

#[test]
fn an_overpressure_at_the_board_opens_its_hazard_once_with_the_embedded_broker() {
    is_born_and_opens_its_hazard_once(Broker::Embedded);
}

#[test]
fn an_overpressure_at_the_board_opens_its_hazard_once_with_mosquitto() {
    is_born_and_opens_its_hazard_once(Broker::Mosquitto);
}

/// Power cuts in one run, without `VIGIL_KILLS`.
const CUTS: u32 = 10;

fn loses_nothing(broker: Broker, seed: u32) {
    let plan = PowerPlan {
        cuts: number("VIGIL_KILLS", CUTS),
        seed: number("VIGIL_SEED", seed).into(),
        broker,
    };
    match power_cut::run(&plan) {
        Err(missing) => eprintln!("SKIPPED: {missing}"),
        Ok(report) => {
            eprintln!("with {broker}, seed {}: {report}", plan.seed);
            assert!(report.delivery.ok(), "{report}");
            assert!(report.readings > 50, "too few readings to say anything: {report}");
        }
    }
}

#[test]
fn no_reading_is_lost_when_the_power_fails_and_the_gateway_is_killed_with_the_embedded_broker() {
    loses_nothing(Broker::Embedded, 11);
}

#[test]
fn no_reading_is_lost_when_the_power_fails_and_gateway_or_broker_are_killed_with_mosquitto() {
    loses_nothing(Broker::Mosquitto, 12);
}
