//! Polling over Modbus: a late answer is never the next value, and a dead slave costs the others little.
//!
//! The slaves put into every value whose it is, which it is and when it was read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use vigil_core::modbus::RegisterMap;
use vigil_gateway::clock::Clock;
use vigil_gateway::ingest::Incoming;
use vigil_gateway::metrics::Registry;
use vigil_gateway::modbus::{DeviceSetup, LineSetup, Link, ModbusPoller, Pace, Serial};
use vigil_tests::modbus::{Framing, Manner, Slaves, Verdict, careless_master, judge, map};
use vigil_tests::pymodbus::Terminal;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn device(slave: usize, map: &Arc<RegisterMap>, period: Duration, deadline: Duration) -> DeviceSetup {
    DeviceSetup {
        id: format!("slave-{slave}").into(),
        unit: slave as u8 + 1,
        map: Arc::clone(map),
        period,
        deadline,
    }
}

fn line(name: &str, link: Link, devices: Vec<DeviceSetup>) -> LineSetup {
    let shared = !matches!(link, Link::Tcp(_));
    LineSetup {
        name: name.into(),
        node: format!("modbus/{name}").into(),
        link,
        shared,
        connect: ms(1_000),
        quiet: ms(60),
        late: if shared { ms(2_000) } else { Duration::ZERO },
        devices,
    }
}

/// A poller and everything it has said, judged, by slave.
struct Watched {
    poller: ModbusPoller,
    from: mpsc::Receiver<Incoming>,
    registry: Arc<Registry>,
    map: Arc<RegisterMap>,
    said: HashMap<u16, Verdict>,
    polls: HashMap<u16, u64>,
}

impl Watched {
    fn start(setup: Vec<LineSetup>, map: &Arc<RegisterMap>) -> Self {
        let (to, from) = mpsc::channel(1_024);
        let registry = Arc::new(Registry::default());
        let stop = CancellationToken::new();
        Self {
            poller: ModbusPoller::start(setup, to, Clock::system(), Arc::clone(&registry), stop),
            from,
            registry,
            map: Arc::clone(map),
            said: HashMap::new(),
            polls: HashMap::new(),
        }
    }

    /// Listens until `enough`, or for so long.
    async fn listen(&mut self, most: Duration, enough: impl Fn(&HashMap<u16, Verdict>) -> bool) -> bool {
        let until = Instant::now() + most;
        while !enough(&self.said) {
            let Ok(Some(incoming)) = timeout_at(until, self.from.recv()).await else {
                return false;
            };
            let device = incoming.field.unwrap().device.unwrap();
            let slave: u16 = device.strip_prefix("slave-").unwrap().parse().unwrap();
            let verdict = judge(&self.map, slave, &incoming.payload, incoming.received);
            let said = self.said.entry(slave).or_default();
            said.right += verdict.right;
            said.missing += verdict.missing;
            said.wrong.extend(verdict.wrong);
            *self.polls.entry(slave).or_default() += 1;
        }
        true
    }

    async fn listen_for(&mut self, time: Duration) {
        self.listen(time, |_| false).await;
    }

    fn right(&self, slave: u16) -> u64 {
        self.said.get(&slave).map_or(0, |said| said.right)
    }

    fn missing(&self, slave: u16) -> u64 {
        self.said.get(&slave).map_or(0, |said| said.missing)
    }

    fn nothing_wrong(&self) {
        let wrong: Vec<_> = self.said.values().flat_map(|said| &said.wrong).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    fn metric(&self, line: &str) -> u64 {
        let text = self.registry.render();
        let found = text
            .lines()
            .find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("{line} is missing in {text}"))
    }
}

#[tokio::test]
async fn these_slaves_do_deceive_a_master_that_asks_on_after_a_time_out() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        let slaves = Slaves::start(framing, vec![Manner::Late(ms(300))]).await;
        let words = careless_master(slaves.at[0], framing, ms(100)).await;
        assert_eq!(words[0], 0, "{framing:?}: it asked for value 2 and has value 0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_devices_of_which_ten_are_dead_and_ten_late_never_give_a_wrong_value() {
    let manner = |slave: usize| match slave % 5 {
        0 => Manner::Silent,
        1 => Manner::Late(ms(1_300)),
        _ => Manner::Prompt,
    };
    let slaves = Slaves::start(Framing::Tcp, (0..50).map(manner).collect()).await;
    let map = Arc::new(map());
    let setup = slaves.at.iter().enumerate().map(|(slave, at)| {
        let device = device(slave, &map, ms(500), ms(400));
        line(&format!("plc-{slave}"), Link::Tcp(at.to_string()), vec![device])
    });
    let mut watched = Watched::start(setup.collect(), &map);
    watched.listen_for(ms(6_000)).await;
    watched.nothing_wrong();
    for slave in 0..50_u16 {
        if manner(slave.into()) == Manner::Prompt {
            // Twelve periods; the machine has other work.
            assert!(
                watched.right(slave) >= 6 * 30,
                "slave {slave}: {:?}",
                watched.said[&slave]
            );
        } else {
            assert_eq!(watched.right(slave), 0, "slave {slave} answers too late");
            assert!(
                watched.missing(slave) >= 30,
                "slave {slave}: it is said that nothing comes"
            );
            assert!(watched.polls[&slave] <= 8, "slave {slave} is left alone");
        }
    }
    assert_eq!(slaves.counts().others.load(Ordering::Relaxed), 0, "only reads");

    // Late and dead ones come back.
    for slave in 0..50 {
        slaves.behave(slave, Manner::Prompt);
    }
    let all_back = |said: &HashMap<u16, Verdict>| (0..50).all(|slave| said[&slave].right >= 30);
    assert!(
        watched.listen(ms(30_000), all_back).await,
        "{:#?}",
        watched.poller.status().read()
    );
    watched.nothing_wrong();
}

/// Unit 1 answers late, unit 2 at once, on one line.
async fn a_shared_line(slaves: &Slaves, link: Link) {
    let map = Arc::new(map());
    let devices = vec![
        device(0, &map, ms(300), ms(150)),
        device(1, &map, ms(300), ms(150)),
    ];
    let mut watched = Watched::start(vec![line("bus", link, devices)], &map);
    let ten = |said: &HashMap<u16, Verdict>| said.get(&1).is_some_and(|said| said.right >= 10 * 30);
    assert!(
        watched.listen(ms(30_000), ten).await,
        "{:#?}\n{}",
        watched.said,
        watched.registry.render()
    );
    watched.listen_for(ms(4_000)).await;
    watched.nothing_wrong();
    assert_eq!(watched.right(0), 0, "it answers too late");
    assert!(watched.missing(0) >= 30);
    assert!(
        watched.metric("vigil_modbus_stray_bytes_total{connection=\"bus\"}") > 0,
        "late answers are thrown away"
    );
    let status = watched.poller.status().read();
    assert_eq!(
        (status.lines[0].devices[0].pace, status.lines[0].devices[0].unit),
        (Pace::LeftAlone, 1)
    );

    slaves.behave(0, Manner::Prompt);
    let back = |said: &HashMap<u16, Verdict>| said[&0].right >= 5 * 30;
    assert!(watched.listen(ms(40_000), back).await, "{:#?}", watched.said);
    watched.nothing_wrong();
    assert_eq!(
        watched.poller.status().read().lines[0].devices[0].pace,
        Pace::Polled
    );
    assert_eq!(slaves.counts().others.load(Ordering::Relaxed), 0, "only reads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_on_a_serial_line_is_never_the_next_value() {
    let (slaves, terminal) = terminal(vec![Manner::Late(ms(700)), Manner::Prompt]).await;
    let serial = Serial {
        path: terminal.path.clone(),
        baud: 115_200,
        parity: "none",
        stop_bits: 1,
    };
    a_shared_line(&slaves, Link::Serial(serial)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_through_a_serial_server_is_never_the_next_value() {
    let (slaves, at) = serial_server(vec![Manner::Late(ms(700)), Manner::Prompt]).await;
    a_shared_line(&slaves, Link::RtuOverTcp(at)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slave_whose_lateness_changes_all_the_time_never_gives_a_wrong_value() {
    let (slaves, at) = serial_server(vec![Manner::Prompt]).await;
    let map = Arc::new(map());
    let devices = vec![device(0, &map, ms(100), ms(120))];
    let mut watched = Watched::start(vec![line("bus", Link::RtuOverTcp(at), devices)], &map);
    for late in [0, 0, 130, 0, 250, 119, 0, 0, 400, 700, 0, 125, 0, 0, 121, 240, 0] {
        slaves.behave(0, Manner::Late(ms(late)));
        watched.listen_for(ms(500)).await;
    }
    watched.nothing_wrong();
    assert!(
        watched.right(0) > 0 && watched.missing(0) > 0,
        "{:?}",
        watched.said
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_slave_costs_the_others_on_its_line_less_than_a_period() {
    let (slaves, at) = serial_server(vec![Manner::Silent, Manner::Prompt, Manner::Prompt]).await;
    let map = Arc::new(map());
    let devices = (0..3)
        .map(|slave| device(slave, &map, ms(1_000), ms(400)))
        .collect();
    let mut watched = Watched::start(vec![line("bus", Link::RtuOverTcp(at), devices)], &map);
    let seen = |slaves: &Slaves| slaves.counts().reads.load(Ordering::Relaxed);
    let before = seen(&slaves);
    watched.listen_for(ms(8_000)).await;
    watched.nothing_wrong();
    for slave in [1, 2] {
        assert_eq!(watched.missing(slave), 0);
        assert!(watched.polls[&slave] >= 6, "{:?}", watched.polls);
    }
    assert!(seen(&slaves) > before);
    let status = watched.poller.status().read();
    assert_eq!(status.lines[0].devices[0].pace, Pace::LeftAlone);
    assert_eq!(
        watched.metric("vigil_modbus_devices_left_alone{connection=\"bus\"}"),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_stay_keep_their_connection_when_others_come_and_go() {
    let slaves = Slaves::start(Framing::Tcp, vec![Manner::Prompt; 3]).await;
    let map = Arc::new(map());
    let plc = |slave: usize, period| {
        let device = device(slave, &map, ms(period), ms(400));
        line(
            &format!("plc-{slave}"),
            Link::Tcp(slaves.at[slave].to_string()),
            vec![device],
        )
    };
    let connections = || slaves.counts().connections.load(Ordering::Relaxed);
    let mut watched = Watched::start(vec![plc(0, 100), plc(1, 100)], &map);
    let both = |said: &HashMap<u16, Verdict>| {
        (0..2).all(|slave| said.get(&slave).is_some_and(|said| said.right > 0))
    };
    assert!(watched.listen(ms(10_000), both).await);
    assert_eq!(connections(), 2);

    // The first stays, the second is polled more often, a third comes.
    watched
        .poller
        .reconcile(vec![plc(0, 100), plc(1, 50), plc(2, 100)])
        .await;
    let third = |said: &HashMap<u16, Verdict>| said.get(&2).is_some_and(|said| said.right > 0);
    assert!(watched.listen(ms(10_000), third).await);
    let status = watched.poller.status().read();
    assert_eq!(status.lines.len(), 3);
    assert!(status.lines[0].devices[0].polls > 0, "its counts go on");
    assert_eq!(connections(), 3, "nobody connected anew");

    watched.poller.reconcile(vec![plc(2, 100)]).await;
    while watched.from.try_recv().is_ok() {}
    watched.said.clear();
    let more = |said: &HashMap<u16, Verdict>| said.get(&2).is_some_and(|said| said.right >= 90);
    assert!(watched.listen(ms(10_000), more).await);
    assert_eq!(watched.said.len(), 1, "the others have ended");
    assert_eq!(watched.poller.status().read().lines.len(), 1);
    watched.nothing_wrong();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_nothing_is_taken_in_polls_wait_and_say_so() {
    let slaves = Slaves::start(Framing::Tcp, vec![Manner::Prompt]).await;
    let map = Arc::new(map());
    let (to, mut from) = mpsc::channel(2);
    let registry = Arc::new(Registry::default());
    let setup = line(
        "plc",
        Link::Tcp(slaves.at[0].to_string()),
        vec![device(0, &map, ms(20), ms(400))],
    );
    let stop = CancellationToken::new();
    let poller = ModbusPoller::start(vec![setup], to, Clock::system(), Arc::clone(&registry), stop);
    let waits = registry.counter("vigil_modbus_queue_waits_total", "", &[("connection", "plc")]);
    let until = Instant::now() + ms(10_000);
    while waits.get() == 0 {
        assert!(Instant::now() < until);
        tokio::task::yield_now().await;
    }
    let asked = slaves.counts().reads.load(Ordering::Relaxed);
    assert!(asked <= 2 * 4, "two in the queue, one waiting: {asked}");
    // What waited is taken, and is what it was when it was read.
    for _ in 0..4 {
        let incoming = from.recv().await.unwrap();
        assert!(
            judge(&map, 0, &incoming.payload, incoming.received)
                .wrong
                .is_empty()
        );
    }
    poller.stop().await;
}

/// A serial server: a TCP port in front of a line with slaves on it.
async fn serial_server(manners: Vec<Manner>) -> (Slaves, String) {
    let (near, far) = tokio::io::duplex(4_096);
    let slaves = Slaves::on_line(far, manners);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut near = near;
        // The line goes on whoever is connected: what it says late goes to whoever is there then.
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap_or(());
            let (mut said, mut heard) = ([0; 256], [0; 256]);
            loop {
                let written = tokio::select! {
                    count = stream.read(&mut said) => match count {
                        Ok(count) if count > 0 => near.write_all(&said[..count]).await,
                        _ => break,
                    },
                    count = near.read(&mut heard) => stream.write_all(&heard[..count.unwrap_or(0)]).await,
                };
                if written.is_err() {
                    break;
                }
            }
        }
    });
    (slaves, at)
}

/// A pseudo-terminal with slaves at one end.
async fn terminal(manners: Vec<Manner>) -> (Slaves, Terminal) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let terminal = Terminal::to_port(port);
    let (far, _) = listener.accept().await.unwrap();
    far.set_nodelay(true).unwrap();
    (Slaves::on_line(far, manners), terminal)
}
