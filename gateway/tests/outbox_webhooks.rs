//! Events to subscribers that fail in every way: in order, signed, once accepted under each key, and never silent
//! about what could not be delivered.
#![cfg(feature = "influx")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod fake_http;
mod harness;
mod outbox_rig;

use fake_http::{Answer, Asked, FakeServer};
use harness::*;
use outbox_rig::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use vigil_core::pack::Severity;
use vigil_gateway::sinks::webhook::{Secret, sign};
use vigil_gateway::store::{OutboxChange, OutboxState, Which};
use vigil_protocol::time::UtcMillis;

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

async fn rig(dir: &tempfile::TempDir, server: &FakeServer, events: &[&str]) -> Rig {
    let subscribers = vec![subscriber("duty", filter(events))];
    let destinations = vec![destination("duty", &server.url(), true)];
    Rig::start(dir.path(), subscribers, destinations, None).await
}

fn texts(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|n| format!("remark {n}"))
}

/// What the events of each hazard said of their place in the chain, in the order of arrival, each key once.
fn seqs(asked: &[Asked]) -> Vec<u64> {
    let mut keys = BTreeSet::new();
    asked
        .iter()
        .filter(|asked| keys.insert(asked.header("idempotency-key").to_owned()))
        .map(|asked| body(asked)["hazard"]["seq"].as_u64().unwrap())
        .collect()
}

/// Every key, with those above it.
fn keys(value: &Value, at: &str) -> BTreeSet<String> {
    let inner = value.as_object().into_iter().flatten();
    inner
        .flat_map(|(key, value)| {
            let path = format!("{at}.{key}");
            keys(value, &path).into_iter().chain([path.clone()])
        })
        .collect()
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

#[tokio::test]
async fn an_event_says_what_happened_to_what_and_proves_who_says_it() {
    let (dir, server) = (dir(), FakeServer::start(|_| Answer::status(200)).await);
    let mut rig = rig(&dir, &server, &["hazard"]).await;
    let hazard = rig.hazard().await;
    let rows = rig.until_rows(OutboxState::Delivered, 1).await;
    let asked = &server.asked()[0];
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("vigil-event"), "hazard.opened");
    assert_eq!(asked.header("host"), server.address.to_string());
    assert_eq!(asked.header("idempotency-key"), rows[0].key);
    let timestamp: i64 = asked.header("vigil-timestamp").parse().unwrap();
    let expected = sign(&Secret::new(SECRET), timestamp, &asked.raw);
    assert_eq!(asked.header("vigil-signature"), expected);
    let body = body(asked);
    assert_eq!(body["event"], "hazard.opened");
    assert_eq!(body["hazard"]["id"], hazard.as_str());
    assert_eq!(body["hazard"]["seq"], 0);
    assert_eq!(body["hazard"]["status"], "suspected");
    assert_eq!(body["hazard"]["actor"], Value::Null);
    assert!(body["at"].as_str().unwrap().starts_with("2026-06-01T00:00:"));
    assert_eq!(body["equipment"]["id"], "boiler");
    assert_eq!(body["equipment"]["class"], "steam_boiler");
    assert_eq!(body["equipment"]["register"]["use_unit"], "海城供热");
    assert_eq!(
        body["links"]["page"],
        format!("https://vigil.example.org/hazards/{hazard}")
    );
    assert_eq!(
        (rows[0].status, rows[0].said.as_str(), rows[0].body.as_str()),
        (Some(200), "status 200", ""),
        "the receipt"
    );
    let described = include_str!("../SINKS.md");
    let example = described
        .split("```json\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    assert_eq!(keys(&body, ""), keys(&example, ""), "as it is described");
    rig.comments(&hazard, ["看过了".to_owned()]).await;
    rig.until_rows(OutboxState::Delivered, 2).await;
    let said = self::body(&server.asked()[1]);
    assert_eq!(said["hazard"]["actor"], "刘工");
    assert_eq!(said["hazard"]["text"], "看过了");
    rig.stop().await;
}

#[tokio::test]
async fn subscribers_hear_what_they_asked_for_and_nothing_else() {
    let (dir, server) = (dir(), FakeServer::start(|_| Answer::status(204)).await);
    let mut nowhere = filter(&["hazard"]);
    nowhere.area_codes = vec!["1101".to_owned()];
    let mut here = filter(&["hazard.opened", "node"]);
    here.area_codes = vec!["2103".to_owned()];
    let mut group = filter(&["node.online"]);
    group.groups = vec!["s".to_owned()];
    let mut worst = filter(&["hazard", "alarm"]);
    worst.min_severity = Severity::S1;
    let all = [
        ("nowhere", nowhere),
        ("here", here),
        ("group", group),
        ("worst", worst),
        ("alarms", filter(&["alarm.unacknowledged"])),
        ("everything", filter(&[])),
    ];
    let subscribers = all.iter().map(|(name, filter)| subscriber(name, filter.clone()));
    let destinations = all.iter().map(|(name, _)| destination(name, &server.url(), true));
    let mut rig = Rig::start(dir.path(), subscribers.collect(), destinations.collect(), None).await;
    let hazard = rig.hazard().await;
    rig.comments(&hazard, texts(0..1)).await;
    let (worst_hazard, heard) = until("everything is delivered", async || {
        let rows = rig.rows(OutboxState::Delivered).await;
        let hazards = rig.reader.hazards(&Default::default()).await.unwrap();
        rig.rows(OutboxState::Pending).await.is_empty().then_some(())?;
        let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in rows {
            heard.entry(row.sink).or_default().push(row.event);
        }
        Some((hazards[0].severity == Severity::S1, heard))
    })
    .await;
    assert!(!heard.contains_key("nowhere"), "{heard:?}");
    // A node is in an area when something it speaks for is.
    assert_eq!(heard["here"], ["node.online", "node.online", "hazard.opened"]);
    assert_eq!(heard["group"], ["node.online", "node.online"]);
    assert_eq!(heard.contains_key("worst"), worst_hazard, "{heard:?}");
    assert!(
        heard["alarms"]
            .iter()
            .all(|event| event == "alarm.unacknowledged")
    );
    assert!(heard["everything"].len() > heard["here"].len());
    rig.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_fails_in_every_way_gets_each_event_once_accepted_and_in_order() {
    let dir = dir();
    // Every event fails in all these ways before it is accepted.
    let ways: Vec<fn() -> Answer> = vec![
        || Answer::status(500),
        || Answer::Close,
        || Answer::HalfAHead,
        || Answer::retry_after(429, "0"),
        || Answer::status(302),
        || Answer::status(404),
        || Answer::Hang,
        || Answer::status(503),
        || Answer::Endless(500),
        || Answer::HalfABody(500),
        || Answer::HalfABody(200),
    ];
    let count = ways.len();
    let mut tried: BTreeMap<String, usize> = BTreeMap::new();
    let server = FakeServer::start(move |asked| {
        let tried = tried
            .entry(asked.header("idempotency-key").to_owned())
            .or_default();
        *tried += 1;
        ways[(*tried - 1) % count]()
    })
    .await;
    let mut rig = rig(&dir, &server, &["hazard"]).await;
    let hazard = rig.hazard().await;
    rig.comments(&hazard, texts(0..3)).await;
    let rows = rig.until_rows(OutboxState::Delivered, 4).await;
    let asked = server.asked();
    // Each was tried until it was accepted, and never again; a head that says 200 is an acceptance.
    assert_eq!(asked.len(), 4 * count);
    for row in &rows {
        assert_eq!(row.attempts as usize, count);
        let mine = asked
            .iter()
            .filter(|asked| asked.header("idempotency-key") == row.key);
        let bodies: BTreeSet<_> = mine.map(|asked| asked.body.clone()).collect();
        assert_eq!(bodies.len(), 1, "the same with every attempt");
    }
    assert_eq!(seqs(&asked), [0, 1, 2, 3]);
    // Strictly: no attempt at a later event before the earlier one was accepted.
    let order: Vec<_> = asked
        .chunk_by(|a, b| a.header("idempotency-key") == b.header("idempotency-key"))
        .collect();
    assert_eq!(order.len(), 4, "attempts at events of one hazard mix");
    rig.stop().await;
}

#[tokio::test]
async fn nobody_listens_for_a_while_and_then_everything_comes_in_order() {
    let dir = dir();
    let gone = FakeServer::start(|_| Answer::status(200)).await;
    let (address, url) = (gone.address, gone.url());
    drop(gone);
    let subscribers = vec![subscriber("duty", filter(&["hazard"]))];
    let mut rig = Rig::start(
        dir.path(),
        subscribers,
        vec![destination("duty", &url, true)],
        None,
    )
    .await;
    let hazard = rig.hazard().await;
    rig.comments(&hazard, texts(0..20)).await;
    until("an attempt has failed", async || {
        let standing = rig.board.all().remove("duty")?;
        standing.failing_since.and(standing.said)
    })
    .await;
    assert_eq!(rig.rows(OutboxState::Pending).await.len(), 21);
    let server = FakeServer::start_at(address, |_| Answer::status(200)).await;
    rig.until_rows(OutboxState::Delivered, 21).await;
    assert_eq!(seqs(&server.asked()), (0..21).collect::<Vec<_>>());
    assert_eq!(server.asked().len(), 21);
    assert_eq!(rig.board.all()["duty"].failing_since, None);
    rig.stop().await;
}

#[tokio::test]
async fn an_event_nobody_takes_does_not_keep_those_of_other_things_from_their_turn() {
    let dir = dir();
    let server = FakeServer::start(|asked| match asked.header("vigil-event") {
        "node.online" => Answer::status(200),
        _ => Answer::status(500),
    })
    .await;
    let mut rig = rig(&dir, &server, &["hazard", "node"]).await;
    let hazard = rig.hazard().await;
    rig.comments(&hazard, texts(0..2)).await;
    rig.born().await;
    rig.until_rows(OutboxState::Delivered, 4).await;
    let waiting = rig.rows(OutboxState::Pending).await;
    let tried: Vec<_> = waiting.iter().map(|row| row.attempts > 0).collect();
    assert_eq!(
        tried,
        [true, false, false],
        "only the first of the hazard is tried"
    );
    rig.stop().await;
}

#[tokio::test]
async fn retry_after_is_kept_to() {
    let dir = dir();
    let mut first = true;
    let server = FakeServer::start(move |_| match std::mem::take(&mut first) {
        true => Answer::retry_after(429, "1"),
        false => Answer::status(200),
    })
    .await;
    let mut rig = rig(&dir, &server, &["hazard"]).await;
    rig.hazard().await;
    rig.until_rows(OutboxState::Pending, 1).await;
    let begun = until("the first attempt", async || {
        (!server.asked().is_empty()).then(tokio::time::Instant::now)
    })
    .await;
    rig.until_rows(OutboxState::Delivered, 1).await;
    // The pauses of this rig are 40 ms at most.
    assert!(begun.elapsed().as_millis() >= 900, "{:?}", begun.elapsed());
    rig.stop().await;
}

#[tokio::test]
async fn what_is_refused_for_good_or_too_old_is_dead_until_a_person_decides() {
    let dir = dir();
    let server = FakeServer::start(|_| Answer::status(410)).await;
    let mut rig = rig(&dir, &server, &["hazard"]).await;
    let hazard = rig.hazard().await;
    let dead = rig.until_rows(OutboxState::Dead, 1).await;
    assert_eq!((dead[0].status, dead[0].attempts), (Some(410), 1));
    assert!(!dead[0].body.is_empty());
    // Too old: the next attempt is the last.
    server.behave(|_| Answer::status(500));
    rig.comments(&hazard, texts(0..1)).await;
    until("an attempt", async || {
        rig.rows(OutboxState::Pending)
            .await
            .first()
            .filter(|row| row.attempts > 0)
            .map(drop)
    })
    .await;
    rig.clock.set(UtcMillis(T0 + 2 * 3_600_000));
    let dead = rig.until_rows(OutboxState::Dead, 2).await;
    assert_eq!(dead[1].status, Some(500));
    // Again: it waits anew, under its old key.
    server.behave(|_| Answer::status(200));
    let engine = &rig.engine.handle;
    let retry = |id| OutboxChange::Retry {
        which: Which::One(id),
        at: rig.clock.now(),
    };
    assert_eq!(engine.keep(vec![retry(dead[0].id)]).await, Ok(vec![1]));
    rig.board.wake();
    let delivered = rig.until_rows(OutboxState::Delivered, 1).await;
    assert_eq!(delivered[0].key, dead[0].key);
    let drop_all = OutboxChange::Drop {
        which: Which::Dead { sink: None },
    };
    assert_eq!(
        engine.keep(vec![drop_all, retry(dead[0].id)]).await,
        Ok(vec![1, 0])
    );
    assert_eq!(rig.rows(OutboxState::Dead).await, []);
    rig.stop().await;
}

#[tokio::test]
async fn a_private_address_is_never_connected_to_unless_allowed() {
    let (dir, server) = (dir(), FakeServer::start(|_| Answer::status(200)).await);
    let port = server.address.port();
    let names = ["literal", "name", "mapped"];
    let urls = [
        format!("http://127.0.0.1:{port}/"),
        // A name that leads to this machine: what a rebinding answer would look like.
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
    ];
    let subscribers = names.iter().map(|name| subscriber(name, filter(&["hazard"])));
    let destinations = names
        .iter()
        .zip(&urls)
        .map(|(name, url)| destination(name, url, false));
    let mut rig = Rig::start(dir.path(), subscribers.collect(), destinations.collect(), None).await;
    rig.hazard().await;
    let rows = until("every one has been tried", async || {
        let rows = rig.rows(OutboxState::Pending).await;
        (rows.len() == 3 && rows.iter().all(|row| row.attempts > 0)).then_some(rows)
    })
    .await;
    assert!(
        rows.iter().all(|row| row.said.contains("allow_private")),
        "{rows:#?}"
    );
    assert!(server.asked().is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_is_no_longer_configured_loses_nothing_but_gets_nothing() {
    let (dir, server) = (dir(), FakeServer::start(|_| Answer::status(500)).await);
    let mut before = rig(&dir, &server, &["hazard"]).await;
    before.hazard().await;
    before.until_rows(OutboxState::Pending, 1).await;
    before.stop().await;
    let after = Rig::start(dir.path(), Vec::new(), Vec::new(), None).await;
    let dead = after.until_rows(OutboxState::Dead, 1).await;
    assert_eq!(dead[0].said, "no sink of this name is configured");
    after.stop().await;
}
