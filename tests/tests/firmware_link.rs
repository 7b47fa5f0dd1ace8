//! The firmware as it ships, in QEMU, without a network for long: what was measured meanwhile arrives afterwards, in
//! its order, and what is measured then does not wait for it.
//!
//! `VIGIL_DOWN_S=300 cargo test -p vigil-tests --test firmware_link -- --nocapture` for minutes without a link.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::time::Duration;
use vigil_tests::bench::{Bench, Broker, NODE, NODE_PATH, RECONNECTED, SOON, commands, number, or_skipped};
use vigil_tests::slave::Shows;
use vigil_tests::{card, delivery};

/// Four times as fast as the bench otherwise: a minute's worth of messages in a quarter of it.
const PERIOD_MS: u32 = 25;
/// At most so many messages are missed: the journal holds eight thousand.
const MISSED: u32 = 4_000;
/// Seconds without a link, without `VIGIL_DOWN_S`.
const DOWN_S: u32 = 20;
/// Live messages looked at before the link goes, and after it is back.
const LIVE: usize = 150;
/// What a live message may take from the transmitter to the gateway, for nine of ten, ms. In QEMU, on a machine that
/// does other things, and next to the backfill: it takes a tenth of it.
const LATE_MS: i64 = 500;

/// A journaled message of the boiler, as it came.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    seq: u64,
    historical: bool,
    /// From the reading, by the board's clock, to the gateway, by its own. The clocks differ.
    took_ms: i64,
}

/// Those of the boiler in the order in which they came.
fn arrivals(bench: &Bench) -> Vec<Arrival> {
    let register = bench.register();
    let births = register.births();
    let rows = delivery::journaled(&register, NODE).into_iter();
    rows.filter(|(_, row)| row.device == "boiler")
        .filter_map(|(seq, row)| {
            let values = births.values(row);
            let stated = values.iter().find(|stated| stated.name == "steam_pressure")?;
            let (historical, took_ms) = (row.historical, row.received - stated.at);
            Some(Arrival {
                seq,
                historical,
                took_ms,
            })
        })
        .collect()
}

/// The middle, the ninth of ten and the longest, ms above `zero`.
fn spread(took: &[i64], zero: i64) -> (i64, i64, i64) {
    let mut took = took.to_vec();
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 10] - zero;
    (at(5), at(9), at(10))
}

/// One for what was missed, one for what was lost when the gateway came back later than the board, one to spare.
const PASSES: usize = 3;

fn history_follows_while_live_data_flow(broker: Broker, down: fn(&mut Bench), up: fn(&mut Bench)) {
    let seconds = number("VIGIL_DOWN_S", DOWN_S);
    let period_ms = PERIOD_MS.max(seconds * 1_000 / MISSED);
    let bench = Bench::start_with("firmware-link", broker, Shows::Count, |file| {
        card::save(file, &card::settings(&commands(period_ms)));
    });
    let Some(mut bench) = or_skipped(bench) else {
        return;
    };
    bench.board.wait_for("link: connected", SOON);
    assert!(bench.until(SOON, |bench| arrivals(bench).len() > LIVE));
    let (shown, before) = (bench.transmitter.count(), arrivals(&bench).len());
    down(&mut bench);
    let missed = u16::try_from(seconds * 1_000 / period_ms).unwrap();
    let enough = |bench: &Bench| bench.transmitter.count() > shown + missed;
    assert!(bench.until(Duration::from_secs(seconds.into()) + SOON, enough));
    up(&mut bench);
    bench.board.wait_for("link: connected", RECONNECTED);
    let api = bench.gateway.api();
    api.wait_until(NODE_PATH, 2 * SOON, |node| {
        let journal = &node["journal"];
        let behind = |bench: &Bench| journal["contiguous"].as_u64() < Some(bench.transmitter.count().into());
        node["state"] == "online" && journal["contiguous"] == journal["highest"] && !behind(&bench)
    });
    let reached = bench.transmitter.count();
    assert!(bench.until(SOON, |bench| bench.transmitter.count() > reached + LIVE as u16));
    bench.settle(SOON);
    let delivered = bench.deliver(0, 2 * SOON);
    let (readings, problems) = bench.compare_readings();
    assert!(problems.is_empty() && delivered.ok(), "{delivered}\n{problems:?}");

    // Only of the board's first start: each start reads its clock anew, to the second.
    let mut arrived = arrivals(&bench);
    arrived.retain(|arrival| arrival.seq < delivered.written);
    let (before, arrived) = arrived.split_at(before);
    let took = |of: &[Arrival]| {
        let live = of.iter().filter(|arrival| !arrival.historical);
        live.map(|arrival| arrival.took_ms).collect::<Vec<_>>()
    };
    let historical = |arrival: &Arrival| arrival.historical;
    let first = arrived.iter().position(historical).expect("there is history");
    let last = arrived.iter().rposition(historical).unwrap();
    let history: Vec<u64> = arrived.iter().filter(|a| a.historical).map(|a| a.seq).collect();
    let (quiet, beside) = (took(before), took(&arrived[first..=last]));
    // The clocks of board and gateway differ, and nothing comes before it was sent.
    let clocks = quiet.iter().copied().min().unwrap();
    eprintln!(
        "with {broker}, {seconds} s without a link: {readings} readings surely taken; {delivered}; live messages took \
         (the quickest counts as 0; p50, p90, longest) {:?} ms before, {:?} ms beside the {} of the history ({} of them)",
        spread(&quiet, clocks),
        spread(&beside, clocks),
        history.len(),
        beside.len()
    );
    assert!(history.len() >= usize::from(missed) * 8 / 10, "{}", history.len());
    // What is published before the gateway is back at its broker is lost on the way (QoS 0) and sent again, from the
    // first that was not acknowledged: each pass is in order.
    let passes = history.chunk_by(|before, after| before < after).count();
    assert!(passes <= PASSES, "history in {passes} passes: {history:?}");
    assert!(
        beside.len() > 20,
        "no live data beside the history: {}",
        beside.len()
    );
    let (_, p90, _) = spread(&beside, clocks);
    assert!(p90 <= LATE_MS, "live data waited for the history: {p90} ms");
}

#[test]
fn live_data_flow_while_the_history_of_a_pulled_cable_follows_with_the_embedded_broker() {
    history_follows_while_live_data_flow(
        Broker::Embedded,
        |bench| bench.board.set_link(false),
        |bench| bench.board.set_link(true),
    );
}

#[test]
fn live_data_flow_while_the_history_of_a_broker_that_was_away_follows_with_mosquitto() {
    history_follows_while_live_data_flow(Broker::Mosquitto, Bench::kill_broker, Bench::restart_broker);
}
