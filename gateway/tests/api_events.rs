//! The event stream: in order, once each, whatever happens to the connection.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod api_site;
mod harness;

use api_site::Site;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use harness::*;
use std::collections::VecDeque;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

/// One client's stream.
struct Listener {
    body: BodyDataStream,
    text: String,
    events: VecDeque<Told>,
}

#[derive(Clone, Debug, PartialEq)]
struct Told {
    id: i64,
    event: String,
    data: serde_json::Value,
}

fn parse(block: &str) -> Option<Told> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    Some(Told {
        event: field("event:")?.to_owned(),
        id: field("id:")?.parse().unwrap(),
        data: serde_json::from_str(field("data:")?).unwrap(),
    })
}

impl Listener {
    async fn open(site: &Site, query: &str, header: Option<&str>) -> Self {
        let mut request = Request::get(format!("/api/v1/events{query}"));
        if let Some(id) = header {
            request = request.header("last-event-id", id);
        }
        let response = site
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().get("content-encoding").is_none());
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
            events: VecDeque::new(),
        }
    }

    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let chunk = within("an event", self.body.next()).await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                self.events.extend(parse(&block));
            }
        }
    }

    /// Everything up to the event with this id.
    async fn up_to(&mut self, id: i64) -> Vec<Told> {
        let mut told = Vec::new();
        while told.last().is_none_or(|last: &Told| last.id < id) {
            told.push(self.next().await.unwrap());
        }
        told
    }
}

async fn newest(site: &Site) -> i64 {
    site.app.store.last_event_id().await.unwrap()
}

fn ids(told: &[Told]) -> Vec<i64> {
    told.iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn what_happens_is_told_after_it_is_stored_in_the_words_of_the_api() {
    let (site, id) = Site::with_hazard().await;
    let last = newest(&site).await;
    let all = Listener::open(&site, "?last_event_id=0", None)
        .await
        .up_to(last)
        .await;
    assert_eq!(ids(&all), (1..=last).collect::<Vec<_>>());
    let opened = all.iter().find(|told| told.event == "hazard").unwrap();
    assert_eq!(opened.data["event"], "opened");
    assert_eq!(opened.data["hazard"]["id"], id.as_str());
    assert_eq!(
        opened.data["hazard"],
        site.get("/api/v1/hazards").await.body["hazards"][0]
    );
    let born = all.iter().find(|told| told.event == "node").unwrap();
    assert_eq!(
        (born.data["node"].as_str(), born.data["online"].as_bool()),
        (Some("s/n1"), Some(true))
    );
    let alarm = all.iter().find(|told| told.event == "alarm").unwrap();
    assert_eq!(alarm.data["alarm"]["equipment_id"], "boiler");
    assert!(alarm.data["at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_stream_without_an_id_begins_now_and_one_with_an_id_behind_it() {
    let mut site = Site::boiler().await;
    let before = newest(&site).await;
    let mut now = Listener::open(&site, "", None).await;
    let mut resumed = Listener::open(&site, "?last_event_id=999", Some("1")).await;
    site.send(
        NDEATH,
        payload(
            site.now,
            None,
            &[named("bdSeq", vigil_protocol::sparkplug::MetricValue::Int64(0))],
        ),
    )
    .await;
    site.settle().await;
    let last = newest(&site).await;
    assert!(last > before);
    assert_eq!(
        ids(&now.up_to(last).await),
        (before + 1..=last).collect::<Vec<_>>()
    );
    assert_eq!(
        ids(&resumed.up_to(last).await),
        (2..=last).collect::<Vec<_>>(),
        "the header goes first"
    );
}

#[tokio::test]
async fn resuming_in_the_middle_of_events_loses_and_repeats_none() {
    let mut site = Site::empty().await;
    let mut seen = Vec::new();
    let mut last = 0;
    for _ in 0..20 {
        // Cut after a few events, come back with the last id seen, while more happen.
        let mut listener = Listener::open(&site, "", Some(&last.to_string())).await;
        for _ in 0..30 {
            site.rebirth().await;
        }
        for _ in 0..20 {
            let told = listener.next().await.unwrap();
            last = told.id;
            seen.push(told.id);
        }
    }
    site.settle().await;
    let end = newest(&site).await;
    seen.extend(ids(&Listener::open(&site, "", Some(&last.to_string()))
        .await
        .up_to(end)
        .await));
    assert_eq!(seen, (1..=end).collect::<Vec<_>>());
    assert!(end >= 600);
}

#[tokio::test]
async fn a_listener_that_is_too_slow_for_the_live_feed_reads_on_from_the_store() {
    let mut site = Site::empty().await;
    let mut slow = Listener::open(&site, "", None).await;
    for _ in 0..3_000 {
        site.rebirth().await;
    }
    site.settle().await;
    let end = newest(&site).await;
    assert!(end >= 3_000, "more than the live feed holds");
    assert_eq!(ids(&slow.up_to(end).await), (1..=end).collect::<Vec<_>>());
    site.rebirth().await;
    assert_eq!(slow.next().await.unwrap().id, end + 1, "and is live again");
}

#[tokio::test]
async fn an_id_that_was_never_given_out_is_answered_with_a_reset() {
    let mut site = Site::boiler().await;
    let last = newest(&site).await;
    let mut lost = Listener::open(&site, "", Some("4711")).await;
    let told = lost.next().await.unwrap();
    assert_eq!((told.event.as_str(), told.id), ("reset", last));
    site.rebirth().await;
    assert_eq!(lost.next().await.unwrap().id, last + 1);
}

#[tokio::test]
async fn events_that_are_no_longer_kept_are_not_passed_over_in_silence() {
    use sqlx::Connection as _;
    let (site, _) = Site::with_hazard().await;
    let url = format!("sqlite:{}", site.database().display());
    let mut retention = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM server_events WHERE id <= 2")
        .execute(&mut retention)
        .await
        .unwrap();
    let mut late = Listener::open(&site, "", Some("1")).await;
    let told = late.next().await.unwrap();
    assert_eq!((told.event.as_str(), told.id), ("reset", 2));
    assert_eq!(late.next().await.unwrap().id, 3);
    let mut in_time = Listener::open(&site, "", Some("2")).await;
    assert_eq!(in_time.next().await.unwrap().id, 3);
}

#[tokio::test]
async fn over_a_real_connection_events_arrive_as_they_happen_and_end_when_the_gateway_stops() {
    let mut site = Site::boiler().await;
    let before = newest(&site).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopping = site.app.stopping.clone();
    let server =
        axum::serve(listener, site.router.clone()).with_graceful_shutdown(stopping.clone().cancelled_owned());
    let server = tokio::spawn(async move { server.await });
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET /api/v1/events?last_event_id={before} HTTP/1.0\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    // The head and the first comment are there before anything happens.
    while !text.contains(": vigil") {
        read(&mut client, &mut text).await;
    }
    assert!(text.contains("text/event-stream") && text.contains("no-cache") && text.contains("retry: 2000"));
    site.rebirth().await;
    while !text.contains(&format!("id: {}", before + 1)) {
        read(&mut client, &mut text).await;
    }
    stopping.cancel();
    while read(&mut client, &mut text).await > 0 {}
    within("the server ends", server).await.unwrap().unwrap();
}

async fn read(client: &mut tokio::net::TcpStream, text: &mut String) -> usize {
    let mut buffer = [0; 4_096];
    let read = within("bytes", client.read(&mut buffer)).await.unwrap();
    text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    read
}
