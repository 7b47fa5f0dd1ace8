//! Kills gateway, broker and nodes at random, many times, and checks that nothing is lost and nothing is there twice.
//!
//! `cargo run -p vigil-tests --bin kill-test -- --iterations 100 --seed 1`; build the binaries first
//! (`cargo build --workspace --bins`).
#![allow(clippy::print_stdout, reason = "a program of the tests")]

use clap::Parser;
use std::process::ExitCode;
use vigil_tests::kill::{KillPlan, Victim, run};

#[derive(Parser)]
struct Args {
    /// Kills altogether.
    #[arg(long, default_value_t = 100)]
    iterations: u32,
    /// Decides what is killed and when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these scenarios.
    #[arg(long)]
    scenario: Vec<String>,
    /// Kill only these: gateway, broker, site.
    #[arg(long)]
    victim: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut plan = KillPlan {
        iterations: args.iterations,
        seed: args.seed,
        ..KillPlan::default()
    };
    if !args.scenario.is_empty() {
        plan.scenarios = args.scenario;
    }
    if !args.victim.is_empty() {
        plan.victims = args.victim.iter().filter_map(|name| victim(name)).collect();
    }
    let report = run(&plan, |round| println!("{}", round.trim_end()));
    println!("{report}");
    if report.findings.ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn victim(name: &str) -> Option<Victim> {
    match name {
        "gateway" => Some(Victim::Gateway),
        "broker" => Some(Victim::Broker),
        "site" => Some(Victim::Site),
        _ => None,
    }
}
