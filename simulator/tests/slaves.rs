//! Slaves served over TCP, read by a small master.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigil_simulator::scenario::Scenario;
use vigil_simulator::slave::{Frame, Port, ServeOptions, SlaveNews, SlavesReport, serve};

const PATIENCE: Duration = Duration::from_secs(20);

/// Slaves under way.
struct Served {
    news: mpsc::Receiver<SlaveNews>,
    cancel: CancellationToken,
    task: JoinHandle<SlavesReport>,
}

impl Served {
    fn start(scenario: Scenario, ports: usize, speed: f64) -> Self {
        let (send, news) = mpsc::channel(1_000);
        let cancel = CancellationToken::new();
        let options = ServeOptions {
            ports: vec![Port::Listen(SocketAddr::from(([127, 0, 0, 1], 0))); ports],
            speed,
            at_once: false,
            linger: Duration::ZERO,
            cancel: cancel.clone(),
            news: Some(Arc::new(move |news: &SlaveNews| {
                drop(send.try_send(news.clone()))
            })),
        };
        let task = tokio::spawn(async move { serve(scenario, options).await.unwrap() });
        Self { news, cancel, task }
    }

    /// The first news the test is after.
    async fn wait<T>(&mut self, wanted: impl Fn(&SlaveNews) -> Option<T>) -> T {
        let wait = async {
            loop {
                let news = self.news.recv().await.expect("slaves that are served");
                if let Some(found) = wanted(&news) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("news in time")
    }

    async fn address(&mut self) -> SocketAddr {
        self.wait(|news| match news {
            SlaveNews::Ready { at, .. } => Some(at.parse().unwrap()),
            _ => None,
        })
        .await
    }

    async fn stop(self) -> SlavesReport {
        self.cancel.cancel();
        self.task.await.unwrap()
    }
}

/// Asks for holding registers.
async fn ask(stream: &mut TcpStream, unit: u8, address: u16, count: u16) {
    let pdu = [&[3][..], &address.to_be_bytes(), &count.to_be_bytes()].concat();
    stream.write_all(&Frame { unit, pdu }.bytes()).await.unwrap();
}

/// A reply of so many registers.
async fn words(stream: &mut TcpStream, count: usize) -> Vec<u16> {
    let mut bytes = vec![0; 5 + 2 * count];
    let read = stream.read_exact(&mut bytes);
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("a reply in time")
        .unwrap();
    let frame = Frame::parse(&bytes).expect("a sound reply");
    let words = frame.pdu[2..].chunks(2);
    words.map(|word| u16::from_be_bytes([word[0], word[1]])).collect()
}

fn quiet() -> String {
    let text = include_str!("../scenarios/wired.toml");
    let (site, _) = text.split_once("# ── What happens to the equipment").unwrap();
    site.to_owned()
}

#[tokio::test]
async fn simulated_time_begins_with_the_first_request_and_the_story_is_served_to_its_end() {
    let mut served = Served::start(Scenario::builtin("wired").unwrap(), 1, 100.0);
    let mut master = TcpStream::connect(served.address().await).await.unwrap();
    served
        .wait(|news| {
            assert!(!matches!(news, SlaveNews::Began { .. }));
            matches!(news, SlaveNews::Connected { .. }).then_some(())
        })
        .await;
    ask(&mut master, 1, 0x8000, 1).await;
    assert_eq!(words(&mut master, 1).await, [0]);
    served
        .wait(|news| matches!(news, SlaveNews::Began { .. }).then_some(()))
        .await;
    for (number, at_ms) in [(65, 22_000), (0, 42_000)] {
        let (value, at) = served
            .wait(|news| match news {
                SlaveNews::Changed {
                    register: 0x8000,
                    value,
                    at_ms,
                    ..
                } => Some((*value, *at_ms)),
                _ => None,
            })
            .await;
        // At this speed a step is half a millisecond: several may pass at once.
        assert!(
            value == number && (at_ms..at_ms + 3_000).contains(&at),
            "{value} at {at}"
        );
    }
    let report = tokio::time::timeout(PATIENCE, served.task)
        .await
        .unwrap()
        .unwrap();
    assert!(report.finished && report.start.is_some());
    assert_eq!(report.simulated_ms, 75_000);
    assert_eq!((report.slaves[0].counts.heard, report.lines[0].connects), (1, 1));
    assert_eq!(report.truth.expected(), 2);
}

#[tokio::test]
async fn a_newer_connection_takes_the_place_of_the_one_before() {
    let scenario = Scenario::parse("quiet", &quiet()).unwrap();
    let mut served = Served::start(scenario, 1, 1.0);
    let address = served.address().await;
    let mut first = TcpStream::connect(address).await.unwrap();
    ask(&mut first, 1, 0x1011, 1).await;
    assert_eq!(words(&mut first, 1).await, [1_000]);
    let mut second = TcpStream::connect(address).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, first.read(&mut [0; 8]))
        .await
        .unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    ask(&mut second, 2, 0x0002, 2).await;
    assert_eq!(words(&mut second, 2).await, [1, 0]);
    let report = served.stop().await;
    assert!(!report.finished);
    assert_eq!(report.lines[0].connects, 2);
}

#[tokio::test]
async fn each_line_has_its_own_port_and_its_own_addresses() {
    let two = quiet().replacen("unit = 2\nturnaround", "unit = 1\nline = 2\nturnaround", 1);
    let mut served = Served::start(Scenario::parse("two", &two).unwrap(), 2, 1.0);
    let addresses = [served.address().await, served.address().await];
    for (address, register, word) in [(addresses[0], 0x1011, 1_000), (addresses[1], 0x0001, 3)] {
        let mut master = TcpStream::connect(address).await.unwrap();
        ask(&mut master, 1, register, 1).await;
        assert_eq!(words(&mut master, 1).await, [word]);
    }
    let report = served.stop().await;
    assert_eq!(
        report.lines.iter().map(|line| line.line).collect::<Vec<u8>>(),
        [1, 2]
    );
    let answered: Vec<u64> = report.slaves.iter().map(|slave| slave.counts.answered).collect();
    assert_eq!(answered, [1, 1, 0]);
}
