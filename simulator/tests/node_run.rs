//! Scenarios over a real broker: whatever befalls nodes and links, everything measured arrives once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

mod node_support;

use std::sync::Arc;
use std::time::Duration;

use node_support::{TestBroker, TestGateway};
use tokio::sync::Notify;
use vigil_simulator::run::{RunOptions, Speed, run};
use vigil_simulator::scenario::Scenario;

fn fast(broker: &TestBroker) -> RunOptions {
    RunOptions {
        speed: Speed::Max,
        ..RunOptions::new(broker.url())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_builtin_scenario_arrives_whole_with_journals_on_disk() {
    let broker = TestBroker::start(0).await;
    for name in Scenario::builtin_names() {
        let gateway = TestGateway::start(&broker.url()).await;
        let dir = tempfile::tempdir().unwrap();
        let options = RunOptions {
            journal_dir: Some(dir.path().to_owned()),
            ..fast(&broker)
        };
        let scenario = Scenario::builtin(name).unwrap();
        let report = run(scenario, options).await.unwrap();
        let seen = gateway.stop().await;
        assert!(report.settled && !report.cancelled, "{name}: {report:#?}");
        for node in &report.nodes {
            let seen = &seen[&node.node];
            assert!(seen.is_complete(), "{name}: {node:?}");
            assert_eq!(seen.log.len() as u64, node.acked, "{name}: {node:?}");
            assert_eq!(node.dropped, 0, "{name}: {node:?}");
            assert!(node.problems.is_empty(), "{name}: {node:?}");
        }
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_tells_of_its_power_cut_its_lost_link_and_its_wrong_clock() {
    let broker = TestBroker::start(0).await;
    let gateway = TestGateway::start(&broker.url()).await;
    let report = run(Scenario::builtin("story").unwrap(), fast(&broker))
        .await
        .unwrap();
    gateway
        .until(|nodes| nodes.values().all(|seen| seen.deaths > 0))
        .await;
    let seen = gateway.stop().await;
    broker.stop().await;
    assert!(report.settled, "{report:#?}");
    let node = |id: &str| report.nodes.iter().find(|node| node.node.ends_with(id)).unwrap();
    assert_eq!(node("edge-03").power_cuts, 1);
    assert!(node("edge-03").connects >= 2);
    let office = &seen["haicheng/edge-03"];
    assert!(office.deaths >= 1, "the will says that the link is lost");
    assert!(
        office.historical > 30,
        "a minute without link: {}",
        office.historical
    );
    let end = report.start.0 + report.simulated_ms;
    let ahead = seen["haicheng/edge-04"].newest - end;
    assert!(
        (ahead - 3 * 3_600_000).abs() < 10_000,
        "three hours ahead: {ahead}"
    );
    assert!((seen["haicheng/edge-01"].newest - end).abs() < 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_down_and_comes_back_costs_nothing() {
    let broker = TestBroker::start(0).await;
    let (url, port) = (broker.url(), broker.address.port());
    let gateway = TestGateway::start(&url).await;
    let half = Arc::new(Notify::new());
    let reached = Arc::clone(&half);
    let options = RunOptions {
        speed: Speed::Times(60.0),
        progress: Some(Arc::new(move |progress| {
            if progress.now_ms > progress.duration_ms / 3 {
                reached.notify_one();
            }
        })),
        ..RunOptions::new(&url)
    };
    let running = tokio::spawn(run(Scenario::builtin("flapping").unwrap(), options));
    half.notified().await;
    broker.stop().await;
    let broker = TestBroker::start(port).await;
    let report = running.await.unwrap().unwrap();
    let seen = gateway.stop().await;
    broker.stop().await;
    assert!(report.settled, "{report:#?}");
    for node in &report.nodes {
        assert!(node.connects >= 2, "{node:?}");
        assert!(seen[&node.node].is_complete(), "{node:?}");
        assert_eq!(seen[&node.node].log.len() as u64, node.acked);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_gateway_the_run_ends_and_says_that_nothing_was_acknowledged() {
    let broker = TestBroker::start(0).await;
    let options = RunOptions {
        settle: Duration::ZERO,
        ..fast(&broker)
    };
    let cancel = options.cancel.clone();
    let running = tokio::spawn(run(Scenario::builtin("flapping").unwrap(), options));
    // In step with simulated time, nodes wait for acknowledgements: it does not end by itself.
    cancel.cancel();
    let report = running.await.unwrap().unwrap();
    broker.stop().await;
    assert!(report.cancelled && !report.settled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ordinary_nodes_send_everything_once_without_a_journal() {
    let broker = TestBroker::start(0).await;
    let gateway = TestGateway::start(&broker.url()).await;
    let options = RunOptions {
        journal: false,
        ..fast(&broker)
    };
    let report = run(Scenario::builtin("quiet").unwrap(), options).await.unwrap();
    gateway
        .until(|nodes| nodes.len() == report.nodes.len() && nodes.values().all(|seen| seen.deaths > 0))
        .await;
    let seen = gateway.stop().await;
    broker.stop().await;
    for node in &report.nodes {
        let seen = &seen[&node.node];
        assert!(node.data > 100 && node.resent == 0 && node.acked == 0, "{node:?}");
        assert!(seen.log.is_empty() && seen.epoch.is_none(), "{node:?}");
        if node.connects == 1 {
            assert_eq!((seen.messages, seen.deaths), (node.published, 1), "{node:?}");
        }
    }
}
