//! The firmware as it ships, in QEMU, on a card whose journal comes round to its beginning: neither the turn nor a cut
//! in it loses or repeats anything, and what a full journal gives up is counted.
//!
//! `VIGIL_KILLS=60 VIGIL_SEED=7 cargo test -p vigil-tests --test firmware_journal -- --nocapture` for more cuts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::time::Duration;
use vigil_simulator::rng::Rng;
use vigil_tests::bench::{Bench, Broker, SOON, commands, number, or_skipped};
use vigil_tests::card;
use vigil_tests::process::free_port;
use vigil_tests::slave::Shows;

/// Records that the ring on the card has room for.
const SLOTS: u64 = 8_191;
/// One slot stays empty: what a cut tears is never a record that was held.
const HELD: u64 = SLOTS - 1;
const PERIOD_MS: u32 = 20;
/// After everything is connected again; eight thousand messages come first.
const SETTLE: Duration = Duration::from_secs(60);

/// What the n-th reading of earlier showed, MPa: more than the transmitter counts to, and each another.
fn earlier(n: u64) -> f64 {
    0.6 + n as f64 * 1e-6
}

/// Cuts the power `cuts` times while the journal grows from `from` to `to`, and goes on until it is there.
fn cut_while_it_grows(bench: &mut Bench, rng: &mut Rng, (from, to): (u64, u64), cuts: u32) {
    for cut in 1..=cuts {
        // A share of the way, and at random moments of it.
        let next = from + (to - from) * u64::from(cut) / u64::from(cuts + 1);
        assert!(bench.until(SOON, |bench| bench.journal().next >= next));
        std::thread::park_timeout(Duration::from_millis((rng.unit() * 400.0) as u64));
        bench.board.cut_power();
        bench.board.power_up();
    }
    assert!(bench.until(SOON, |bench| bench.journal().next >= to));
}

#[test]
fn a_journal_that_comes_round_while_the_power_fails_loses_nothing() {
    let settings = card::settings(&commands(PERIOD_MS));
    let bench = Bench::start_with("firmware-wrap", Broker::Embedded, Shows::Count, |file| {
        card::save(file, &settings);
        card::measure(file, &settings, SLOTS - 150, earlier);
        card::acknowledge(file);
    });
    let Some(mut bench) = or_skipped(bench) else {
        return;
    };
    bench.board.wait_for("link: connected", SOON);
    let from = SLOTS - 150;
    let mut rng = Rng::new(number("VIGIL_SEED", 31).into());
    cut_while_it_grows(
        &mut bench,
        &mut rng,
        (from, SLOTS + 400),
        number("VIGIL_KILLS", 12),
    );
    bench.settle(SETTLE);
    let delivered = bench.deliver(from, SETTLE);
    let (readings, problems) = bench.compare_readings();
    eprintln!(
        "{} starts, {readings} readings surely taken; {delivered}",
        bench.board.starts()
    );
    assert!(problems.is_empty() && delivered.ok(), "{delivered}\n{problems:?}");
    assert_eq!((delivered.missing, delivered.dropped), (0, 0), "{delivered}");
}

#[test]
fn what_a_full_journal_gives_up_while_the_power_fails_is_counted_and_all_else_arrives() {
    let settings = card::settings(&commands(PERIOD_MS));
    let bench = Bench::start_with("firmware-full", Broker::Mosquitto, Shows::Still, |file| {
        card::save(file, &settings);
    });
    let Some(mut bench) = or_skipped(bench) else {
        return;
    };
    // What the board itself writes first shows that it and `card::measure` mean the same node.
    bench.board.wait_for("link: connected", SOON);
    assert!(bench.until(SOON, |bench| bench.journal().next > 0));
    bench.settle(SOON);
    bench.board.cut_power();
    let before = bench.journal();
    card::acknowledge(&bench.board.card());
    card::measure(&bench.board.card(), &settings, HELD, earlier);
    let full = bench.journal();
    assert_eq!((full.next - full.first, full.dropped), (HELD, 0), "{full:?}");
    assert_eq!(full.next, before.next + HELD);

    // No broker: each record now costs an old one.
    bench.board.plug_into(free_port());
    bench.board.power_up();
    bench.transmitter.show(Shows::Count);
    let mut rng = Rng::new(number("VIGIL_SEED", 32).into());
    let to = full.next + 600;
    cut_while_it_grows(&mut bench, &mut rng, (full.next, to), number("VIGIL_KILLS", 12));
    // Room for what is told of standing still: from here on nothing is given up.
    let room = |bench: &Bench| {
        let journal = bench.journal();
        (40..100).contains(&(HELD - (journal.next - journal.first)))
    };
    assert!(bench.until(SOON, room));
    bench.transmitter.show(Shows::Still);
    bench.board.cut_power();
    bench.board.plug_into(bench.broker());
    bench.board.power_up();
    bench.board.wait_for("link: connected", SOON);
    let last = bench.transmitter.count();
    assert!(bench.until(SETTLE, |bench| bench.counts().contains_key(&last)));
    let delivered = bench.deliver(0, SETTLE);
    let (readings, problems) = bench.compare_readings();
    eprintln!(
        "{} starts, {readings} readings surely taken; {delivered}",
        bench.board.starts()
    );
    assert!(problems.is_empty() && delivered.ok(), "{delivered}\n{problems:?}");
    assert!(delivered.dropped >= 500, "{delivered}");
}
