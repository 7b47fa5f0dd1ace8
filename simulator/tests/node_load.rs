//! Load over a real broker: every message of every node arrives once, also when the broker goes down meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

mod node_support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use node_support::{TestBroker, TestGateway};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vigil_simulator::load::{LoadError, LoadOptions, LoadStats, run};
use vigil_simulator::mqtt::Broker;

fn options(url: &str) -> LoadOptions {
    LoadOptions {
        broker: Broker::parse(url).unwrap(),
        nodes: 40,
        rate: 2_000.0,
        duration: Duration::from_secs(1),
        connections: 2,
        journal: true,
        settle: Duration::from_secs(60),
        hazard_probe: None,
        token: None,
        cancel: CancellationToken::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_of_every_node_is_acknowledged_at_the_rate_asked_for() {
    let broker = TestBroker::start(0).await;
    let gateway = TestGateway::start(&broker.url()).await;
    let report = run(options(&broker.url()), Arc::default()).await.unwrap();
    let seen = gateway.stop().await;
    broker.stop().await;
    assert_eq!(
        (report.left, report.dropped, report.rebirths),
        (0, 0, 0),
        "{report:?}"
    );
    assert_eq!(report.sent, report.acked);
    assert!((1_900..=2_100).contains(&report.sent), "{report:?}");
    assert_eq!(report.ack_ms.count, report.acked);
    assert_eq!(seen.len(), 40);
    assert!(seen.values().all(|seen| seen.is_complete()));
    assert_eq!(
        seen.values().map(|seen| seen.log.len() as u64).sum::<u64>(),
        report.sent
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_down_under_load_costs_nothing() {
    let broker = TestBroker::start(0).await;
    let (url, port) = (broker.url(), broker.address.port());
    let gateway = TestGateway::start(&url).await;
    let stats = Arc::new(LoadStats::default());
    let running = tokio::spawn(run(options(&url), Arc::clone(&stats)));
    gateway
        .until(|nodes| nodes.values().map(|seen| seen.log.len()).sum::<usize>() > 500)
        .await;
    broker.stop().await;
    let broker = TestBroker::start(port).await;
    let report = running.await.unwrap().unwrap();
    let seen = gateway.stop().await;
    broker.stop().await;
    assert_eq!((report.left, report.dropped), (0, 0), "{report:?}");
    assert!(report.connects >= 4 && report.resent > 0, "{report:?}");
    assert!(seen.values().all(|seen| seen.is_complete()));
    assert_eq!(
        seen.values().map(|seen| seen.log.len() as u64).sum::<u64>(),
        stats.sent.load(Ordering::Relaxed)
    );
}

/// Answers as the gateway's API would, from what the gateway has heard: a hazard once both births and both messages
/// of a probe's boiler are there.
async fn api(
    listener: TcpListener,
    gateway: Arc<std::sync::Mutex<std::collections::BTreeMap<String, node_support::Seen>>>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let gateway = Arc::clone(&gateway);
        tokio::spawn(async move {
            let mut request = Vec::new();
            while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&request).into_owned();
                if !text.ends_with("\r\n\r\n") {
                    continue;
                }
                request.clear();
                assert!(text.contains("Authorization: Bearer secret\r\n"), "{text}");
                let probe = text
                    .split("load-probe-")
                    .nth(1)
                    .unwrap()
                    .split(' ')
                    .next()
                    .unwrap();
                let heard = gateway
                    .lock()
                    .unwrap()
                    .get(&format!("load-probe/p{probe}"))
                    .map_or(0, |seen| seen.messages);
                let body = if heard >= 4 { r#"[{"id":"HZ-1"}]"# } else { "[]" };
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hazard_probe_measures_from_message_to_readable_hazard() {
    let broker = TestBroker::start(0).await;
    let gateway = TestGateway::start(&broker.url()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let api = tokio::spawn(api(listener, Arc::clone(&gateway.nodes)));
    let probed = LoadOptions {
        hazard_probe: Some(url),
        token: Some("secret".into()),
        ..options(&broker.url())
    };
    let report = run(probed, Arc::default()).await.unwrap();
    api.abort();
    broker.stop().await;
    assert_eq!(report.probe_problem, None);
    let hazard = report.hazard_ms.unwrap();
    assert!(hazard.count >= 2 && hazard.max < 10_000.0, "{hazard:?}");
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let good = options("127.0.0.1:1");
    for wrong in [
        LoadOptions {
            nodes: 0,
            ..good.clone()
        },
        LoadOptions {
            connections: 0,
            ..good.clone()
        },
        LoadOptions {
            rate: f64::NAN,
            ..good.clone()
        },
        LoadOptions {
            hazard_probe: Some("gateway".into()),
            ..good.clone()
        },
    ] {
        let error = run(wrong, Arc::default()).await.unwrap_err();
        assert!(
            matches!(error, LoadError::Options(_) | LoadError::Probe(_)),
            "{error}"
        );
    }
}
