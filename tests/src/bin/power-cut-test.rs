//! Takes the power of a board in QEMU away at random, many times, gateway and broker with it now and then, and checks
//! that every record of its journal is in the gateway's log once.
//!
//! `cargo run -p vigil-tests --bin power-cut-test -- --iterations 100 --seed 1`; build the binaries and the image first
//! (`cargo build --workspace --bins`, `firmware/build.sh`).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of the tests")]

use clap::Parser;
use std::process::ExitCode;
use vigil_tests::bench::Broker;
use vigil_tests::power_cut::{PowerPlan, run};

#[derive(Parser)]
struct Args {
    /// Power cuts with each broker.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    iterations: u32,
    /// Decides what is cut and when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// With this broker only: embedded or mosquitto.
    #[arg(long, value_parser = ["embedded", "mosquitto"])]
    broker: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut fine = true;
    for (name, broker) in [("embedded", Broker::Embedded), ("mosquitto", Broker::Mosquitto)] {
        if args.broker.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let plan = PowerPlan {
            cuts: args.iterations,
            seed: args.seed,
            broker,
        };
        match run(&plan) {
            Ok(report) => {
                println!("with {broker}, seed {}: {report}", args.seed);
                fine &= report.delivery.ok();
            }
            Err(missing) => {
                eprintln!("{missing}");
                fine = false;
            }
        }
    }
    if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
