//! Points of the log to a server that fails in every way: each arrives, none is made up, and what is refused is kept.
#![cfg(feature = "influx")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod fake_http;
mod harness;
mod outbox_rig;

use fake_http::{Answer, Asked, FakeServer};
use harness::*;
use outbox_rig::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use vigil_core::input::Position;
use vigil_gateway::outbox::PointsOptions;
use vigil_gateway::store::{OutboxChange, OutboxState, Which};

/// Lines the server has said yes to.
#[derive(Clone, Default)]
struct Accepted(Arc<Mutex<Vec<String>>>);

impl Accepted {
    fn take(&self, asked: &Asked) -> Answer {
        let mut lines = self.0.lock().unwrap();
        lines.extend(asked.body.lines().map(str::to_owned));
        Answer::status(204)
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn until(&self, wanted: usize) -> Vec<String> {
        until(&format!("{wanted} lines"), async || {
            let lines = self.lines();
            (lines.len() >= wanted).then_some(lines)
        })
        .await
    }
}

fn is_wish(asked: &Asked) -> bool {
    asked.header("content-length") == "0"
}

async fn rig(dir: &Path, options: PointsOptions) -> Rig {
    Rig::start(dir, Vec::new(), Vec::new(), Some(options)).await
}

/// A birth says three values and every reading one.
const BORN: usize = 3;

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn every_reading_becomes_a_line_in_requests_of_whole_messages() {
    let (dir, accepted) = (dir(), Accepted::default());
    let server = FakeServer::start({
        let accepted = accepted.clone();
        move |asked| accepted.take(asked)
    })
    .await;
    let mut rig = rig(dir.path(), points(&server.url())).await;
    rig.born().await;
    rig.pressures(0.8, 200).await;
    let lines = accepted.until(BORN + 200).await;
    let unique: BTreeSet<_> = lines.iter().collect();
    assert_eq!((lines.len(), unique.len()), (BORN + 200, BORN + 200));
    let tags = "area=210381,class=steam_boiler,equipment=boiler,group=s";
    let first = format!("steam_pressure,{tags},unit=MPa value=0.8,quality=192i {T0}");
    assert_eq!(lines[0], first);
    assert!(lines.contains(&format!("burner_firing,{tags} value=1,quality=192i {T0}")));
    let last = format!(
        "steam_pressure,{tags},unit=MPa value=0.8,quality=192i {}",
        T0 + 200_000
    );
    assert_eq!(lines.last(), Some(&last));
    for asked in server.asked() {
        assert_eq!(asked.target, "/api/v2/write?bucket=b&org=o&precision=ms");
        assert_eq!(asked.header("authorization"), "Token secret token");
        assert_eq!(asked.header("content-encoding"), "gzip");
        assert!(asked.body.lines().count() <= 50 && asked.body.ends_with('\n'));
    }
    until("nothing is behind", async || {
        let standing = rig.board.all().remove("influx")?;
        let cursor = rig.reader.sink_cursor("influx").await.unwrap()?;
        (cursor == rig.engine.handle.health().position && standing.waiting_since.is_none()).then_some(())
    })
    .await;
    rig.stop().await;
}

#[tokio::test]
async fn a_server_that_fails_in_every_way_gets_every_line_and_none_twice() {
    let (dir, accepted) = (dir(), Accepted::default());
    let ways: Vec<fn() -> Answer> = vec![
        || Answer::status(500),
        || Answer::Close,
        || Answer::retry_after(429, "0"),
        || Answer::status(404),
        || Answer::HalfAHead,
        || Answer::status(401),
        || Answer::status(302),
        || Answer::retry_after(503, "0"),
        || Answer::HalfABody(500),
        || Answer::HalfABody(400),
    ];
    let server = FakeServer::start({
        let accepted = accepted.clone();
        let mut n = 0;
        move |asked| {
            if is_wish(asked) {
                return Answer::retry_after(429, "0");
            }
            n += 1;
            match n % (ways.len() + 1) {
                0 => accepted.take(asked),
                way => ways[way - 1](),
            }
        }
    })
    .await;
    let mut rig = rig(dir.path(), points(&server.url())).await;
    rig.born().await;
    rig.pressures(0.8, 120).await;
    let lines = accepted.until(BORN + 120).await;
    let unique: BTreeSet<_> = lines.iter().collect();
    assert_eq!((lines.len(), unique.len()), (BORN + 120, BORN + 120));
    assert_eq!(rig.rows(OutboxState::Dead).await, []);
    rig.stop().await;
}

#[tokio::test]
async fn a_server_that_asks_for_time_gets_it() {
    let (dir, accepted) = (dir(), Accepted::default());
    let server = FakeServer::start({
        let accepted = accepted.clone();
        let mut busy = true;
        move |asked| {
            if is_wish(asked) {
                busy = false;
                Answer::retry_after(429, "1")
            } else if busy {
                Answer::retry_after(429, "1")
            } else {
                accepted.take(asked)
            }
        }
    })
    .await;
    let mut rig = rig(dir.path(), points(&server.url())).await;
    rig.born().await;
    let begun = until("the first attempt", async || {
        (!server.asked().is_empty()).then(tokio::time::Instant::now)
    })
    .await;
    accepted.until(BORN).await;
    // The pauses of this rig are 40 ms at most.
    assert!(begun.elapsed().as_millis() >= 900, "{:?}", begun.elapsed());
    rig.stop().await;
}

#[tokio::test]
async fn a_server_that_hangs_delays_nobody_but_itself() {
    let dir = dir();
    let server = FakeServer::start(|_| Answer::Hang).await;
    let mut rig = rig(dir.path(), points(&server.url())).await;
    rig.born().await;
    rig.settle().await;
    until("the server hangs", async || {
        (!server.asked().is_empty()).then_some(())
    })
    .await;
    rig.pressures(0.8, 2_000).await;
    rig.settle().await;
    let standing = rig.board.all().remove("influx").unwrap();
    assert!(standing.waiting_since.is_some());
    assert_eq!(rig.reader.sink_cursor("influx").await.unwrap(), Some(Position(0)));
    rig.stop().await;
}

#[tokio::test]
async fn lines_the_server_refuses_are_found_and_kept_and_all_others_arrive() {
    let (dir, accepted) = (dir(), Accepted::default());
    let stubborn = Arc::new(AtomicUsize::new(1));
    let server = FakeServer::start({
        let (accepted, stubborn) = (accepted.clone(), Arc::clone(&stubborn));
        move |asked| {
            let lines = asked.body.lines().count();
            let is_bad = stubborn.load(Ordering::Relaxed) == 1 && asked.body.contains("value=0.66,");
            match (lines, is_bad) {
                (31.., _) => Answer::status(413),
                (_, true) => Answer::Say(400, Vec::new(), "field type conflict".to_owned()),
                _ => accepted.take(asked),
            }
        }
    })
    .await;
    let mut rig = rig(dir.path(), points(&server.url())).await;
    rig.born().await;
    for _ in 0..3 {
        rig.pressures(0.8, 47).await;
        rig.pressures(0.66, 1).await;
    }
    let lines = accepted.until(BORN + 141).await;
    let dead = rig.until_rows(OutboxState::Dead, 3).await;
    let unique: BTreeSet<_> = lines.iter().collect();
    assert_eq!((lines.len(), unique.len()), (BORN + 141, BORN + 141));
    for row in &dead {
        assert_eq!(row.body.lines().count(), 1);
        assert!(row.body.contains("value=0.66,"), "{row:?}");
        assert_eq!(
            (row.status, row.said.as_str()),
            (Some(400), "field type conflict")
        );
    }
    // Again in vain: it stays.
    let retry = |which| OutboxChange::Retry {
        which,
        at: rig.clock.now(),
    };
    let engine = &rig.engine.handle;
    engine.keep(vec![retry(Which::One(dead[0].id))]).await.unwrap();
    rig.board.wake();
    until("it is dead again", async || {
        let rows = rig.rows(OutboxState::Dead).await;
        rows.iter().any(|row| row.id == dead[0].id).then_some(())
    })
    .await;
    // And when the server has changed its mind: there.
    stubborn.store(0, Ordering::Relaxed);
    engine
        .keep(vec![retry(Which::Dead {
            sink: Some("influx".to_owned()),
        })])
        .await
        .unwrap();
    rig.board.wake();
    rig.until_rows(OutboxState::Delivered, 3).await;
    assert_eq!(accepted.lines().len(), BORN + 144);
    rig.stop().await;
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_left_alone_before_the_log_is_in_the_outbox() {
    let (dir, accepted) = (dir(), Accepted::default());
    let server = FakeServer::start(|_| Answer::status(400)).await;
    let mut rig = rig(dir.path(), points(&server.url())).await;
    rig.born().await;
    rig.pressures(0.8, 1_500).await;
    until("it is held", async || {
        rig.board.all()["influx"].held.then_some(())
    })
    .await;
    let cursor = rig.reader.sink_cursor("influx").await.unwrap().unwrap();
    assert!(cursor < rig.engine.handle.health().position);
    let dead = rig.rows(OutboxState::Dead).await.len();
    assert!((950..=1_000).contains(&dead), "{dead}");
    // Repaired: a person says so, and nothing is missing.
    server.behave({
        let accepted = accepted.clone();
        move |asked| accepted.take(asked)
    });
    let retry = OutboxChange::Retry {
        which: Which::Dead { sink: None },
        at: rig.clock.now(),
    };
    rig.engine.handle.keep(vec![retry]).await.unwrap();
    rig.board.wake();
    let lines = accepted.until(BORN + 1_500).await;
    let unique: BTreeSet<_> = lines.iter().collect();
    assert_eq!(unique.len(), BORN + 1_500);
    rig.stop().await;
}

#[test]
fn a_kill_anywhere_sends_the_same_lines_again_and_misses_none() {
    let (dir, accepted) = (dir(), Accepted::default());
    let (mut total, mut seqs) = (0, (1, 0));
    for round in 0..6 {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let server = FakeServer::start({
                let accepted = accepted.clone();
                move |asked| accepted.take(asked)
            })
            .await;
            let options = PointsOptions {
                batch_points: 7,
                ..points(&server.url())
            };
            let mut rig = rig(dir.path(), options).await;
            if round == 0 {
                rig.born().await;
                total += BORN;
            }
            rig.at(T0 + 1_000_000 * round);
            rig.seqs = seqs;
            let before = accepted.lines().len();
            rig.pressures(0.8, 60).await;
            total += 60;
            seqs = rig.seqs;
            rig.settle().await;
            // Somewhere in the middle.
            accepted.until(before + 10 + 9 * round as usize).await;
        });
        // Not a stop: the tasks are dropped wherever they are.
        runtime.shutdown_background();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = FakeServer::start({
            let accepted = accepted.clone();
            move |asked| accepted.take(asked)
        })
        .await;
        let rig = rig(dir.path(), points(&server.url())).await;
        let unique = until("all lines", async || {
            let unique: BTreeSet<_> = accepted.lines().into_iter().collect();
            (unique.len() >= total).then_some(unique)
        })
        .await;
        assert_eq!(unique.len(), total, "no line was made up by the repetition");
        rig.stop().await;
    });
}

#[tokio::test]
async fn a_sink_may_begin_with_what_comes_from_now_on() {
    let (dir, accepted) = (dir(), Accepted::default());
    let mut before = Rig::start(dir.path(), Vec::new(), Vec::new(), None).await;
    before.born().await;
    before.pressures(0.8, 30).await;
    before.settle().await;
    let seqs = before.seqs;
    before.stop().await;
    let server = FakeServer::start({
        let accepted = accepted.clone();
        move |asked| accepted.take(asked)
    })
    .await;
    let options = PointsOptions {
        backfill: false,
        ..points(&server.url())
    };
    let mut rig = rig(dir.path(), options).await;
    until("there is a cursor", async || {
        rig.reader.sink_cursor("influx").await.unwrap()
    })
    .await;
    rig.at(T0 + 1_000_000);
    rig.seqs = seqs;
    rig.pressures(0.9, 5).await;
    let lines = accepted.until(5).await;
    // By the birth that was read from the log, not sent again.
    assert!(lines.iter().all(|line| line.contains("value=0.9,")), "{lines:#?}");
    assert_eq!(lines.len(), 5);
    rig.stop().await;
}
