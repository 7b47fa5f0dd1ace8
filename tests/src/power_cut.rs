//! The power of a board fails again and again, and now and then the gateway or the broker with it: every record that
//! was ever written to its journal is in the gateway's log once.

use crate::bench::{Bench, Broker, SOON};
use crate::delivery::Delivery;
use crate::slave::Shows;
use std::fmt;
use std::time::{Duration, Instant};
use vigil_simulator::rng::Rng;

/// How often, and with what.
#[derive(Clone, Copy, Debug)]
pub struct PowerPlan {
    /// Power cuts.
    pub cuts: u32,
    /// Decides every random thing but the machine's own timing.
    pub seed: u64,
    /// Which broker.
    pub broker: Broker,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct PowerReport {
    /// Power cuts at work.
    pub cuts: u32,
    /// Of them, within moments of a start.
    pub starting: u32,
    /// Kills of the gateway.
    pub gateway: u32,
    /// Kills of Mosquitto.
    pub broker: u32,
    /// Readings that the board has surely taken.
    pub readings: usize,
    /// Each record against the log.
    pub delivery: Delivery,
    /// How long it took.
    pub elapsed: Duration,
}

/// Longest time between two cuts.
const BETWEEN_MS: u64 = 2_500;
/// A board starts within this.
const START_MS: u64 = 400;
/// After the last cut everything must be in order within this.
const SETTLE: Duration = Duration::from_secs(60);

/// What fails together with the power.
#[derive(Clone, Copy)]
enum Victim {
    Nobody,
    Gateway,
    Broker,
}

/// Runs the plan. The files are kept when something is wrong.
///
/// # Errors
/// What is missing of QEMU and the board's image.
///
/// # Panics
/// When something cannot be started again.
pub fn run(plan: &PowerPlan) -> Result<PowerReport, String> {
    let began = Instant::now();
    let mut rng = Rng::new(plan.seed);
    let mut below = |limit: u64| (rng.unit() * limit as f64) as u64;
    let mut bench = Bench::start("firmware-power", plan.broker, Shows::Count)?;
    let mut report = PowerReport::default();
    let victims = [Victim::Gateway, Victim::Nobody, Victim::Broker, Victim::Nobody];
    for victim in victims.into_iter().cycle() {
        let (before, beside) = (below(BETWEEN_MS), below(BETWEEN_MS / 2));
        let starting = below(4) == 0;
        // Whoever is killed first, the other is killed while the first is away or just back.
        std::thread::park_timeout(Duration::from_millis(before));
        match (victim, plan.broker) {
            (Victim::Nobody, _) => {}
            (Victim::Broker, Broker::Mosquitto) => {
                bench.kill_broker();
                report.broker += 1;
            }
            (Victim::Broker | Victim::Gateway, _) => {
                bench.gateway.kill();
                report.gateway += 1;
            }
        }
        std::thread::park_timeout(Duration::from_millis(beside));
        bench.board.cut_power();
        bench.board.power_up();
        report.cuts += 1;
        if starting {
            std::thread::park_timeout(Duration::from_millis(below(START_MS)));
            bench.board.cut_power();
            bench.board.power_up();
            report.cuts += 1;
            report.starting += 1;
        }
        match (victim, plan.broker) {
            (Victim::Nobody, _) => {}
            (Victim::Broker, Broker::Mosquitto) => bench.restart_broker(),
            (Victim::Broker | Victim::Gateway, _) => bench.gateway.start_again(),
        }
        if report.cuts >= plan.cuts {
            break;
        }
    }
    bench.board.wait_for("link: connected", SOON);
    bench.settle(SETTLE);
    report.delivery = bench.deliver(0, SETTLE);
    let (readings, problems) = bench.compare_readings();
    report.readings = readings;
    report.delivery.problems.extend(problems);
    report.elapsed = began.elapsed();
    if !report.delivery.ok() {
        bench.place.keep();
    }
    Ok(report)
}

impl fmt::Display for PowerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} power cuts ({} while starting), gateway killed {} times, Mosquitto {}, in {:.0} s: {} readings surely \
             taken; {}",
            self.cuts,
            self.starting,
            self.gateway,
            self.broker,
            self.elapsed.as_secs_f64(),
            self.readings,
            self.delivery
        )
    }
}
