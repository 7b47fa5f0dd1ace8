//! One connection of the load and the nodes on it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;
use vigil_protocol::sparkplug::{EncodeError, MessageType, Topic};
use vigil_protocol::time::UtcMillis;

use super::histogram::Histogram;
use super::node::{Asked, LoadNode};
use super::wire::{self, Incoming};
use super::{GROUP, LoadOptions, LoadStats, catalog};
use crate::mqtt::Broker;
use crate::node::Clock;

/// Bytes gathered before a write.
const CHUNK: usize = 32 * 1_024;
/// Pace of sending.
const TICK: Duration = Duration::from_millis(4);
/// Without an acknowledgement for this long, a node sends everything again.
const ACK_TIMEOUT_US: u64 = 20_000_000;
/// Messages sent again per tick, so that new ones are not held up.
const AGAIN_PER_TICK: usize = 100;
const PING_EVERY: Duration = Duration::from_secs(20);

/// What a connection's share of the load came to.
pub(super) struct Done {
    pub(super) ack: Histogram,
    /// How long new messages were sent.
    pub(super) loaded: Duration,
    pub(super) left: u64,
}

struct Load {
    options: LoadOptions,
    stats: Arc<LoadStats>,
    clock: Clock,
    started: Instant,
    epoch: Option<u64>,
    groups: Vec<String>,
    nodes: Vec<LoadNode>,
    by_id: HashMap<String, usize>,
    /// Nodes that have something to send again.
    again: VecDeque<usize>,
    ack: Histogram,
    rate: f64,
    /// When the first new message was due; `None` before the first births.
    load_from: Option<Instant>,
    /// New messages sent.
    sent: u64,
    turn: usize,
    checked: usize,
}

/// Share `n` of `connections`.
pub(super) async fn run(options: LoadOptions, n: usize, connections: usize, stats: Arc<LoadStats>) -> Done {
    let clock = Clock::system();
    let mine: Vec<usize> = (0..options.nodes)
        .filter(|node| node / GROUP % connections == n)
        .collect();
    let mut groups: Vec<String> = mine.iter().map(|node| catalog::group(*node)).collect();
    groups.dedup();
    let nodes: Vec<LoadNode> = mine
        .iter()
        .map(|node| LoadNode::new(*node, &catalog::group(*node), &catalog::node_id(*node), "boiler"))
        .collect();
    let mut load = Load {
        rate: options.rate * nodes.len() as f64 / options.nodes as f64,
        // Each run is another journal.
        epoch: options.journal.then(|| clock.now().0 as u64),
        by_id: mine
            .iter()
            .enumerate()
            .map(|(at, node)| (catalog::node_id(*node), at))
            .collect(),
        clock,
        started: Instant::now(),
        stats,
        groups,
        nodes,
        again: VecDeque::new(),
        ack: Histogram::default(),
        load_from: None,
        sent: 0,
        turn: 0,
        checked: 0,
        options,
    };
    let client_id = format!("vigil-sim-load-{n}");
    let mut wait = Duration::from_millis(100);
    while !load.is_over() {
        match load.session(&client_id).await {
            Ok(()) => break,
            Err(error) => tracing::warn!(%error, client_id, "load connection"),
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = load.options.cancel.cancelled() => {}
        }
        wait = (wait * 2).min(Duration::from_secs(2));
    }
    let loaded = load
        .load_from
        .map_or(Duration::ZERO, |from| from.elapsed().min(load.options.duration));
    Done {
        left: load.nodes.iter().map(LoadNode::left).sum(),
        ack: load.ack,
        loaded,
    }
}

impl Load {
    fn now(&self) -> UtcMillis {
        self.clock.now()
    }

    fn now_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    fn is_loading(&self) -> bool {
        self.load_from
            .is_none_or(|from| from.elapsed() < self.options.duration)
    }

    fn is_over(&self) -> bool {
        let deadline = self.options.duration + self.options.settle;
        self.options.cancel.is_cancelled()
            || self.load_from.is_some_and(|from| from.elapsed() >= deadline)
            || (!self.is_loading() && self.nodes.iter().all(|node| node.left() == 0))
    }

    /// From connecting to the end of the load, or of the connection.
    async fn session(&mut self, client_id: &str) -> io::Result<()> {
        let (mut reader, mut writer) = dial(&self.options.broker).await?;
        let mut out = Vec::with_capacity(2 * CHUNK);
        wire::connect(&mut out, client_id, self.options.broker.credentials.as_ref());
        for (id, groups) in self.groups.chunks(100).enumerate() {
            let filters: Vec<String> = groups
                .iter()
                .map(|group| format!("spBv1.0/{group}/NCMD/+"))
                .collect();
            wire::subscribe(&mut out, id as u16 + 1, &filters);
        }
        writer.write_all(&out).await?;
        out.clear();
        let mut rest = Vec::new();
        expect_accepted(&mut reader, &mut rest).await?;
        add(&self.stats.connects, 1);
        let (asked, mut commands) = mpsc::channel(4_096);
        let reading = tokio::spawn(read(reader, rest, asked));
        let result = self.work(&mut writer, &mut commands, &mut out).await;
        reading.abort();
        if result.is_ok() {
            out.clear();
            wire::disconnect(&mut out);
            writer.write_all(&out).await?;
        }
        result
    }

    async fn work(
        &mut self,
        writer: &mut OwnedWriteHalf,
        commands: &mut mpsc::Receiver<(String, Asked)>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        for at in 0..self.nodes.len() {
            self.birth(at, out)?;
            // What was sent on an earlier connection may be lost.
            self.send_all_again(at);
            self.write(writer, out, CHUNK).await?;
        }
        self.write(writer, out, 0).await?;
        self.load_from.get_or_insert_with(Instant::now);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ping = tokio::time::interval(PING_EVERY);
        while !self.is_over() {
            tokio::select! {
                command = commands.recv() => match command {
                    Some((node, asked)) => self.on_command(&node, asked, out)?,
                    None => return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the broker closed")),
                },
                _ = tick.tick() => self.produce(writer, out).await?,
                _ = ping.tick() => wire::ping(out),
                () = self.options.cancel.cancelled() => {}
            }
            self.write(writer, out, 0).await?;
        }
        Ok(())
    }

    /// Everything due now: new messages first, then some again.
    async fn produce(&mut self, writer: &mut OwnedWriteHalf, out: &mut Vec<u8>) -> io::Result<()> {
        let mut buf = [0; 1_024];
        if let Some(from) = self.load_from.filter(|_| self.is_loading()) {
            let due = (from.elapsed().as_secs_f64() * self.rate) as u64;
            let journal = self.options.journal;
            while self.sent < due {
                let (now, now_us) = (self.now(), self.now_us());
                // The clock is read once a chunk: it costs more than the message.
                while self.sent < due && out.len() < CHUNK {
                    let node = &mut self.nodes[self.turn];
                    let dropped = node.dropped;
                    let len = node.data(&mut buf, now, now_us, journal).map_err(too_long)?;
                    wire::publish(out, &node.data_topic, &buf[..len]);
                    add(&self.stats.dropped, node.dropped - dropped);
                    self.turn = (self.turn + 1) % self.nodes.len();
                    self.sent += 1;
                    add(&self.stats.sent, 1);
                }
                self.write(writer, out, 0).await?;
            }
        }
        let now = self.now();
        for _ in 0..AGAIN_PER_TICK {
            let Some(at) = self.again.front().copied() else {
                break;
            };
            let node = &mut self.nodes[at];
            match node.data_again(&mut buf, now) {
                Some(len) => {
                    let len = len.map_err(too_long)?;
                    wire::publish(out, &node.data_topic, &buf[..len]);
                    add(&self.stats.resent, 1);
                }
                None => {
                    self.again.pop_front();
                }
            }
        }
        self.check_acks();
        Ok(())
    }

    /// A few nodes each time: who has waited too long sends everything again.
    fn check_acks(&mut self) {
        let now_us = self.now_us();
        for _ in 0..(self.nodes.len() / 100 + 1) {
            self.checked = (self.checked + 1) % self.nodes.len();
            let node = &mut self.nodes[self.checked];
            if node.left() > 0
                && node.again.is_none()
                && now_us.saturating_sub(node.progress_us) > ACK_TIMEOUT_US
            {
                node.progress_us = now_us;
                self.send_all_again(self.checked);
            }
        }
    }

    fn send_all_again(&mut self, at: usize) {
        self.send_again(at, 0, u64::MAX);
    }

    fn send_again(&mut self, at: usize, from: u64, to: u64) {
        let node = &mut self.nodes[at];
        let idle = node.again.is_none();
        node.send_again(from, to);
        if idle && node.again.is_some() {
            self.again.push_back(at);
        }
    }

    fn on_command(&mut self, node: &str, asked: Asked, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(&at) = self.by_id.get(node) else {
            return Ok(());
        };
        if asked.rebirth {
            add(&self.stats.rebirths, 1);
            self.birth(at, out)?;
        }
        if self.epoch.is_none() || asked.epoch != self.epoch {
            return Ok(());
        }
        if let Some(seq) = asked.ack {
            let now_us = self.now_us();
            let histogram = &mut self.ack;
            let freed = self.nodes[at].on_ack(seq, now_us, |sent_us| {
                histogram.add(now_us.saturating_sub(sent_us))
            });
            add(&self.stats.acked, freed);
        }
        if let Some((from, to)) = asked.resend {
            self.send_again(at, from, to);
        }
        Ok(())
    }

    fn birth(&mut self, at: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let (now, mut buf) = (self.now(), [0; 1_024]);
        let node = &mut self.nodes[at];
        let len = node.node_birth(&mut buf, now, self.epoch).map_err(too_long)?;
        wire::publish(out, &node.birth_topic, &buf[..len]);
        let len = node
            .device_birth(&mut buf, now, self.epoch.is_some())
            .map_err(too_long)?;
        wire::publish(out, &node.device_birth_topic, &buf[..len]);
        Ok(())
    }

    /// Writes what has gathered, if it is at least so much.
    async fn write(&self, writer: &mut OwnedWriteHalf, out: &mut Vec<u8>, least: usize) -> io::Result<()> {
        if !out.is_empty() && out.len() >= least {
            add(&self.stats.bytes, out.len() as u64);
            writer.write_all(out).await?;
            out.clear();
        }
        Ok(())
    }
}

/// Connects the socket.
pub(super) async fn dial(broker: &Broker) -> io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
    let stream = TcpStream::connect((broker.host.as_str(), broker.port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream.into_split())
}

/// Reads until CONNACK; what came after it stays in `rest`.
pub(super) async fn expect_accepted(reader: &mut OwnedReadHalf, rest: &mut Vec<u8>) -> io::Result<()> {
    loop {
        match wire::parse(rest) {
            Ok(Some((Incoming::ConnAck(0), len))) => {
                rest.drain(..len);
                return Ok(());
            }
            Ok(Some((Incoming::ConnAck(code), _))) => {
                let text = format!("the broker refused the connection with code {code}");
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
            }
            Ok(Some((_, len))) => {
                rest.drain(..len);
            }
            Ok(None) => {
                if reader.read_buf(rest).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(wire::Malformed) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Reads commands until the connection ends.
async fn read(mut reader: OwnedReadHalf, mut rest: Vec<u8>, asked: mpsc::Sender<(String, Asked)>) {
    let mut at = 0;
    loop {
        match wire::parse(&rest[at..]) {
            Ok(Some((incoming, len))) => {
                if let Incoming::Publish { topic, payload } = incoming
                    && let Ok(Topic::Node {
                        message: MessageType::NCmd,
                        node,
                        ..
                    }) = Topic::parse(topic)
                    && let Some(command) = Asked::read(payload)
                    && asked.send((node.to_owned(), command)).await.is_err()
                {
                    return;
                }
                at += len;
            }
            Ok(None) => {
                rest.drain(..at);
                at = 0;
                match reader.read_buf(&mut rest).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
            Err(wire::Malformed) => return,
        }
    }
}

fn too_long(error: EncodeError) -> io::Error {
    io::Error::other(error.to_string())
}

fn add(counter: &AtomicU64, count: u64) {
    if count > 0 {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
