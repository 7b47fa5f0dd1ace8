//! Whatever is killed, and whenever: nothing is lost, nothing is there twice, the register is the truth.
//!
//! `VIGIL_KILLS=100 VIGIL_SEED=7 cargo test -p vigil-tests --test kills` for a long run, or
//! `cargo run -p vigil-tests --bin kill-test -- --iterations 100 --seed 7`.

use vigil_tests::kill::{KillPlan, Victim, run};

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[test]
fn nothing_is_lost_twice_missed_or_false_when_gateway_broker_and_nodes_are_killed() {
    let plan = KillPlan {
        iterations: number("VIGIL_KILLS", 12),
        seed: u64::from(number("VIGIL_SEED", 1)),
        ..KillPlan::default()
    };
    let report = run(&plan, |round| eprintln!("{}", round.trim_end()));
    eprintln!("{report}");
    assert!(report.findings.ok(), "{report}");
    assert!(report.findings.journaled > 1_000, "{report}");
}

#[test]
fn every_single_reading_is_in_the_log_exactly_once_when_gateway_and_broker_are_killed() {
    let plan = KillPlan {
        iterations: number("VIGIL_KILLS", 12) / 2,
        seed: u64::from(number("VIGIL_SEED", 2)),
        victims: vec![Victim::Gateway, Victim::Broker],
        scenarios: vec!["story".to_owned(), "gaps".to_owned()],
        ..KillPlan::default()
    };
    let report = run(&plan, |round| eprintln!("{}", round.trim_end()));
    assert!(report.findings.ok(), "{report}");
    assert!(
        report.findings.readings > 1_000,
        "the readings were compared one by one: {report}"
    );
}
