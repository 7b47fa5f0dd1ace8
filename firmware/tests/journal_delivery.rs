//! Node and gateway over a link that loses, repeats, swaps and breaks, with power cuts and a small flash: in the end
//! every message is on the gateway's disk exactly once, or the gateway knows that it was dropped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

mod support;

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use support::{Bench, CONFIG, Did, GotValue, Message, NODE, command};
use vigil_firmware::{Config, Phase, RamStorage, Storage as _};
use vigil_protocol::journal::{Insert, Received};
use vigil_protocol::sparkplug::{Metric, MetricValue};

type SmallFlash = RamStorage<900, 24>;

/// The gateway: its disk survives everything.
#[derive(Default)]
struct Gateway {
    /// Names of aliases, from the births of the running session.
    names: BTreeMap<u64, String>,
    epoch: u64,
    received: Option<Received<64>>,
    log: BTreeMap<(u64, u64), f64>,
    lost: u64,
    refused: u64,
}

impl Gateway {
    fn hear(&mut self, message: &Message) {
        if message.is_birth() {
            for metric in &message.metrics {
                if let (Some(alias), Some(name)) = (metric.alias, &metric.name) {
                    self.names.insert(alias, name.clone());
                }
            }
        }
        let number = |name: &str| {
            message.metrics.iter().find_map(|metric| {
                let own = metric.name.as_ref().or_else(|| self.names.get(&metric.alias?));
                match metric.value {
                    GotValue::Number(number) if own.is_some_and(|own| own == name) => Some(number),
                    _ => None,
                }
            })
        };
        let (epoch, first) = (number("Journal/Epoch"), number("Journal/First"));
        let (seq, value) = (number("Journal/Seq"), number("steam_pressure"));
        if let Some(epoch) = epoch.filter(|epoch| self.received.is_none() || *epoch as u64 != self.epoch) {
            self.epoch = epoch as u64;
            self.received = Some(Received::starting_at(first.unwrap_or(0.0) as u64));
        }
        let Some(received) = &mut self.received else {
            return;
        };
        if let Some(first) = first {
            self.lost += received.skip_to(first as u64);
        }
        if let Some(seq) = seq.filter(|_| message.is_data()) {
            match received.insert(seq as u64) {
                Insert::New => {
                    let before = self
                        .log
                        .insert((self.epoch, seq as u64), value.unwrap_or(f64::NAN));
                    assert_eq!(before, None, "{seq} is in the log twice");
                }
                Insert::Duplicate => {}
                Insert::TooFar => self.refused += 1,
            }
        }
    }

    fn ack(&self) -> Option<Vec<u8>> {
        let seq = self.received.as_ref()?.contiguous()?;
        Some(command(&[
            Metric::named("Journal/Epoch", MetricValue::UInt64(self.epoch)),
            Metric::named("Journal/Ack", MetricValue::UInt64(seq)),
        ]))
    }

    fn ask_for_hole(&self) -> Option<Vec<u8>> {
        let (from, to) = self.received.as_ref()?.first_hole()?;
        Some(command(&[
            Metric::named("Journal/Epoch", MetricValue::UInt64(self.epoch)),
            Metric::named("Journal/Resend", MetricValue::UInt64(from)),
            Metric::named("Journal/ResendTo", MetricValue::UInt64(to)),
        ]))
    }
}

#[derive(Clone, Debug)]
enum Op {
    Measure,
    /// The node works off what it has to do.
    Work,
    Later(u16),
    /// The oldest message on the way to the gateway arrives.
    Arrive,
    Lose,
    Repeat,
    Swap,
    Ack,
    AskForHole,
    Rebirth,
    Disconnect,
    PowerCut,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        20 => Just(Op::Measure),
        12 => Just(Op::Work),
        4 => (1_u16..20_000).prop_map(Op::Later),
        20 => Just(Op::Arrive),
        4 => Just(Op::Lose),
        3 => Just(Op::Repeat),
        3 => Just(Op::Swap),
        3 => Just(Op::Ack),
        2 => Just(Op::AskForHole),
        1 => Just(Op::Rebirth),
        1 => Just(Op::Disconnect),
        1 => Just(Op::PowerCut),
    ];
    proptest::collection::vec(op, 1..250)
}

struct World {
    node: Option<Bench<'static, SmallFlash>>,
    gateway: Gateway,
    on_the_way: VecDeque<Message>,
    /// What was measured, by sequence.
    truth: BTreeMap<u64, f64>,
    measured: u32,
}

impl World {
    fn new() -> Self {
        World {
            node: Some(Bench::with(NODE, config(), SmallFlash::new())),
            gateway: Gateway::default(),
            on_the_way: VecDeque::new(),
            truth: BTreeMap::new(),
            measured: 0,
        }
    }

    fn node(&mut self) -> &mut Bench<'static, SmallFlash> {
        self.node.as_mut().unwrap()
    }

    fn work(&mut self) {
        loop {
            let did = self.node().run();
            if did.is_empty() {
                return;
            }
            for did in did {
                match did {
                    Did::Publish(message) => self.on_the_way.push_back(message),
                    Did::Connect { .. } => {
                        // Another connection: what was on the old one is gone.
                        self.on_the_way.clear();
                        let now = self.node().now;
                        self.node().session.on_connected(now);
                    }
                    Did::Subscribe { .. } => {}
                    Did::Disconnect => panic!("nobody asked it to leave"),
                }
            }
        }
    }

    fn tell(&mut self, payload: Option<Vec<u8>>) {
        let node = self.node();
        let up = !matches!(node.session.phase(), Phase::Waiting { .. } | Phase::Connecting);
        if let (Some(payload), true) = (payload, up) {
            node.session
                .on_message(node.now, "spBv1.0/haicheng/NCMD/edge-1", &payload);
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Measure => {
                self.measured += 1;
                let value = f64::from(self.measured);
                let seq = self.node().session.journal().next();
                assert_eq!(self.node().pressure(value), 1);
                self.truth.insert(seq, value);
            }
            Op::Work => self.work(),
            Op::Later(ms) => self.node().later((*ms).into()),
            Op::Arrive => {
                if let Some(message) = self.on_the_way.pop_front() {
                    self.gateway.hear(&message);
                }
            }
            // Only data gets lost on the way: Sparkplug over TCP loses the rest with its connection.
            Op::Lose => {
                if self.on_the_way.front().is_some_and(Message::is_data) {
                    self.on_the_way.pop_front();
                }
            }
            Op::Repeat => {
                if let Some(message) = self.on_the_way.front().cloned().filter(Message::is_data) {
                    self.on_the_way.push_back(message);
                }
            }
            Op::Swap => {
                if self
                    .on_the_way
                    .iter()
                    .take(2)
                    .filter(|message| message.is_data())
                    .count()
                    == 2
                {
                    self.on_the_way.swap(0, 1);
                }
            }
            Op::Ack => self.tell(self.gateway.ack()),
            Op::AskForHole => self.tell(self.gateway.ask_for_hole()),
            Op::Rebirth => {
                self.node().rebirth();
            }
            Op::Disconnect => {
                let now = self.node().now;
                self.node().session.on_disconnected(now);
                self.on_the_way.clear();
            }
            Op::PowerCut => {
                let node = self.node.take().unwrap();
                let now = node.now;
                let flash = node.session.into_storage();
                let mut node = Bench::with(NODE, config(), flash);
                node.now = now;
                self.node = Some(node);
                self.on_the_way.clear();
            }
        }
    }

    /// A good link from now on.
    fn settle(&mut self) {
        for _ in 0..400 {
            self.work();
            while let Some(message) = self.on_the_way.pop_front() {
                self.gateway.hear(&message);
            }
            self.tell(self.gateway.ask_for_hole());
            self.tell(self.gateway.ack());
            self.node().later(1_000);
            if self.node().session.is_settled() {
                // What the node dropped last is told with the next status.
                self.work();
                while let Some(message) = self.on_the_way.pop_front() {
                    self.gateway.hear(&message);
                }
                return;
            }
        }
        let node = self.node();
        panic!(
            "never settles: {:?} {:?}",
            node.session.phase(),
            node.session.journal().pending()
        );
    }
}

fn config() -> Config<'static> {
    Config {
        history_burst: 5,
        status_interval_ms: 1_000,
        ..CONFIG
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn every_message_arrives_exactly_once_or_is_known_to_be_dropped(ops in ops()) {
        let mut world = World::new();
        for op in &ops {
            world.step(op);
        }
        world.settle();
        world.node().later(5_000);
        world.settle();
        let journal = world.node.as_ref().unwrap().session.journal();
        prop_assert_eq!(journal.next(), world.truth.len() as u64, "sequences are contiguous");
        let epoch = world.gateway.epoch;
        let mut missing = 0;
        for (seq, value) in &world.truth {
            match world.gateway.log.get(&(epoch, *seq)) {
                Some(logged) => prop_assert_eq!(logged, value, "sequence {}", seq),
                None => missing += 1,
            }
        }
        prop_assert_eq!(missing, world.gateway.lost, "what is not there is known to be lost");
        prop_assert!(missing <= journal.dropped());
        prop_assert_eq!(world.gateway.log.len() as u64 + missing, world.truth.len() as u64);
    }
}

#[test]
fn a_flash_that_lost_its_end_begins_a_new_epoch_and_loses_nothing_made_since() {
    let mut world = World::new();
    for op in [Op::Measure, Op::Measure, Op::Measure, Op::Work] {
        world.step(&op);
    }
    while let Some(message) = world.on_the_way.pop_front() {
        world.gateway.hear(&message);
    }
    // The gateway has 0..=2; of the flash, only the first message survives the power cut.
    let mut flash = world.node.take().unwrap().session.into_storage();
    let header = flash.header().unwrap().unwrap();
    let mut worn = SmallFlash::new();
    worn.save_header(&header).unwrap();
    let mut record = [0; 256];
    let len = flash.read(0, &mut record).unwrap().unwrap();
    worn.append(0, &record[..len]).unwrap();
    let mut node = Bench::with(NODE, config(), worn);
    node.pressure(100.0);
    world.node = Some(node);
    world.work();
    world.settle();
    world.settle();
    let logged: Vec<f64> = world.gateway.log.values().copied().collect();
    for value in [1.0, 2.0, 3.0, 100.0] {
        assert_eq!(
            logged.iter().filter(|logged| **logged == value).count(),
            1,
            "{value} in {logged:?}"
        );
    }
    assert_eq!(world.gateway.epoch, 78);
}
