//! A bus in virtual time: what is read when, and what of it is told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

use std::collections::BTreeMap;

use heapless::{String, Vec as Fixed};
use vigil_firmware::drivers::lift_inputs::LiftSensor;
use vigil_firmware::drivers::nice3000::Point;
use vigil_firmware::drivers::{Block, Bus, Fault, Raw, ReadFault, Source};
use vigil_firmware::provisioning::{Calibration, Channel, Settings};
use vigil_firmware::reading::{Reading, Value};
use vigil_firmware::sampling::{Observation, Sampler, Step};
use vigil_firmware::time::Uptime;
use vigil_protocol::vocabulary::{NoData, Quality, Quantity, Uncertain};

const LINE: Bus = Bus::Rs485(0);
const REPLY_MS: u32 = 200;

fn settings(channels: &[Channel]) -> Settings {
    let text = |text: &str| String::try_from(text).unwrap();
    let mut settings = Settings::EMPTY;
    settings.group = text("haicheng");
    settings.node = text("edge-1");
    settings.ports[0].reply_ms = REPLY_MS as u16;
    settings.broker = String::try_from("10.0.2.2").unwrap();
    settings.devices.push(text("boiler-1")).unwrap();
    settings.devices.push(text("lift-1")).unwrap();
    settings.channels = Fixed::from_slice(channels).unwrap();
    settings.check().unwrap();
    settings
}

fn transmitter(slave: u8, quantity: Quantity, period_ms: u32) -> Channel {
    Channel::new(
        0,
        quantity,
        Source::PressureTransmitter { port: 0, slave },
        period_ms,
    )
}

fn lift(point: Point, period_ms: u32) -> Channel {
    let source = Source::Nice3000 {
        port: 0,
        slave: 9,
        point,
    };
    Channel::new(1, point.quantity(), source, period_ms)
}

/// What a slave answers, and how long it takes.
type Answer = Result<Vec<u16>, Fault>;

/// A sampler on a line whose slaves answer what a test says.
struct Bench {
    sampler: Sampler<'static>,
    now: Uptime,
    told: Vec<Observation>,
    reads: Vec<(Uptime, u8, u16)>,
}

impl Bench {
    fn new(channels: &[Channel]) -> Self {
        let settings = Box::leak(Box::new(settings(channels)));
        let sampler = Sampler::new(settings, Uptime(0)).unwrap();
        Self {
            sampler,
            now: Uptime(0),
            told: Vec::new(),
            reads: Vec::new(),
        }
    }

    /// Runs until `end`; good answers take 10 ms, silence takes all its time.
    fn run(&mut self, end: u64, mut answer: impl FnMut(Uptime, u8, u16) -> Answer) {
        while self.now.0 < end {
            let told = &mut self.told;
            match self
                .sampler
                .next(LINE, self.now, &mut |observation| told.push(observation))
            {
                Step::Wait(until) => {
                    assert!(until > self.now, "waits for the past");
                    self.now = until.min(Uptime(end));
                }
                Step::Read(block) => {
                    let Block::Registers(request) = block else {
                        panic!("{block:?}")
                    };
                    self.reads.push((self.now, request.unit(), request.address()));
                    let answer = answer(self.now, request.unit(), request.address());
                    let takes = if answer == Err(Fault::Silent) {
                        REPLY_MS
                    } else {
                        10
                    };
                    self.now = self.now.after_ms(takes);
                    let result = match &answer {
                        Ok(words) => Ok(Raw::Words(words)),
                        Err(fault) => Err(ReadFault {
                            fault: *fault,
                            register: request.address(),
                        }),
                    };
                    self.sampler
                        .on_read(LINE, self.now, &block, result, &mut |observation| {
                            told.push(observation)
                        });
                }
            }
        }
    }

    fn reads_of(&self, slave: u8) -> Vec<u64> {
        let own = self.reads.iter().filter(|(_, unit, _)| *unit == slave);
        own.map(|(at, ..)| at.0).collect()
    }

    fn take_told(&mut self) -> Vec<(u64, u8, Reading)> {
        let told = self.told.drain(..);
        told.map(|one| (one.at.0, one.channel, one.reading)).collect()
    }
}

fn bar(hundredths: u16) -> Answer {
    Ok(vec![0, 2, hundredths])
}

fn number(value: f64) -> Reading {
    Reading::good(Value::Number(value))
}

fn old(value: f64) -> Reading {
    Reading::Value {
        value: Value::Number(value),
        quality: Quality::Uncertain(Uncertain::LastUsable),
    }
}

#[test]
fn channels_are_read_at_their_periods_and_share_what_one_request_holds() {
    let channels = [
        lift(Point::Fault, 100),
        lift(Point::Speed, 500),
        lift(Point::Load, 1_000),
        transmitter(1, Quantity::SteamPressure, 1_000),
    ];
    let mut bench = Bench::new(&channels);
    bench.run(10_000, |_, unit, address| match (unit, address) {
        (9, 0x8000) => Ok(vec![0]),
        (9, _) => Ok(vec![0; 14]),
        _ => bar(100),
    });
    let mut counts = BTreeMap::new();
    for (_, unit, address) in &bench.reads {
        *counts.entry((*unit, *address)).or_insert(0) += 1;
    }
    assert_eq!(
        counts,
        BTreeMap::from([((9, 0x8000), 100), ((9, 0x1010), 20), ((1, 2), 10)])
    );
}

#[test]
fn only_news_is_told_and_a_heartbeat() {
    let mut channel = transmitter(1, Quantity::SteamPressure, 1_000);
    channel.dead_band = 0.05;
    let mut bench = Bench::new(&[channel]);
    bench.run(45_000, |now, _, _| {
        bar(if now.0 < 5_000 {
            100
        } else if now.0 < 8_000 {
            104
        } else {
            106
        })
    });
    let expected = [
        (10, 0, number(1.0)),
        (8_010, 0, number(1.06)),
        (28_010, 0, number(1.06)),
    ];
    assert_eq!(bench.take_told(), expected);
}

#[test]
fn what_was_told_and_not_kept_is_told_again() {
    let mut bench = Bench::new(&[transmitter(1, Quantity::SteamPressure, 1_000)]);
    bench.run(1_500, |_, _, _| bar(100));
    assert_eq!(bench.take_told().len(), 1);
    bench.sampler.forget_told(0);
    bench.run(2_500, |_, _, _| bar(100));
    assert_eq!(bench.take_told().len(), 1);
}

#[test]
fn a_calibrated_value_is_corrected_after_conversion() {
    let mut channel = transmitter(1, Quantity::SteamPressure, 1_000);
    channel.calibration = Calibration {
        gain: 2.0,
        offset: -0.5,
    };
    let mut bench = Bench::new(&[channel]);
    bench.run(500, |_, _, _| bar(100));
    assert_eq!(bench.take_told(), [(10, 0, number(1.5))]);
}

#[test]
fn a_value_gets_worse_with_age_and_is_gone_at_last() {
    let mut bench = Bench::new(&[transmitter(1, Quantity::SteamPressure, 1_000)]);
    bench.run(60_000, |now, _, _| {
        if now.0 < 3_000 {
            bar(100)
        } else {
            Err(Fault::Silent)
        }
    });
    let told = bench.take_told();
    // Read at 2.01 s last; the first silence ends at 3.2 s; five periods later it is not believed any more.
    assert_eq!(
        told[..3],
        [
            (10, 0, number(1.0)),
            (3_200, 0, old(1.0)),
            (7_011, 0, Reading::NoData(NoData::Comm))
        ]
    );
    assert!(
        told[3..]
            .iter()
            .all(|(.., reading)| *reading == Reading::NoData(NoData::Comm))
    );
}

#[test]
fn every_failure_is_a_reason_and_none_is_a_zero() {
    let cases = [
        (Err(Fault::Silent), NoData::Comm),
        (Err(Fault::Corrupt), NoData::Comm),
        (Err(Fault::WrongUnit), NoData::Comm),
        (Err(Fault::Refused), NoData::Device),
        (Err(Fault::Nack), NoData::NotConnected),
        (Err(Fault::Identity), NoData::Config),
        (Ok(vec![88, 0, 0]), NoData::Config),
    ];
    for (answer, reason) in cases {
        let mut bench = Bench::new(&[transmitter(1, Quantity::SteamPressure, 1_000)]);
        bench.run(10_000, |_, _, _| answer.clone());
        let told = bench.take_told();
        assert!(!told.is_empty());
        for (.., reading) in told {
            assert_eq!(reading, Reading::NoData(reason), "{answer:?}");
        }
    }
}

#[test]
fn a_sensor_that_says_it_is_broken_leaves_no_last_value() {
    let mut bench = Bench::new(&[transmitter(1, Quantity::SteamPressure, 1_000)]);
    bench.run(3_000, |now, _, _| {
        if now.0 < 1_500 {
            bar(100)
        } else {
            Ok(vec![88, 0, 0])
        }
    });
    assert_eq!(
        bench.take_told(),
        [(10, 0, number(1.0)), (2_010, 0, Reading::NoData(NoData::Config))]
    );
}

#[test]
fn one_broken_reply_is_asked_again_at_once() {
    let mut bench = Bench::new(&[transmitter(1, Quantity::SteamPressure, 1_000)]);
    let mut broken = 1;
    bench.run(1_900, |now, _, _| {
        if now.0 >= 1_000 && broken > 0 {
            broken -= 1;
            return Err(Fault::Corrupt);
        }
        bar(100)
    });
    assert_eq!(bench.reads_of(1), [0, 1_000, 1_010]);
    assert_eq!(bench.sampler.slaves()[0].counters.corrupt, 1);
    assert_eq!(bench.sampler.slaves()[0].failures_in_row, 0);
}

#[test]
fn a_slave_that_did_not_answer_is_left_alone_until_its_late_reply_is_over() {
    let mut bench = Bench::new(&[transmitter(1, Quantity::SteamPressure, 100)]);
    bench.run(
        950,
        |now, _, _| if now.0 < 100 { Err(Fault::Silent) } else { bar(100) },
    );
    assert_eq!(bench.reads_of(1)[..2], [0, 900]);
}

#[test]
fn one_dead_slave_costs_the_others_nothing() {
    // Four live slaves twice a second, a fault code ten times a second, and a dead slave in between.
    let mut channels = vec![lift(Point::Fault, 100)];
    for (slave, quantity) in [
        (1, Quantity::SteamPressure),
        (2, Quantity::FeedWaterPressure),
        (3, Quantity::FuelPressure),
        (4, Quantity::FurnacePressure),
    ] {
        channels.push(transmitter(slave, quantity, 500));
    }
    channels.push(transmitter(7, Quantity::OutletPressure, 500));
    let mut bench = Bench::new(&channels);
    let end = 120_000;
    bench.run(end, |_, unit, _| match unit {
        7 => Err(Fault::Silent),
        9 => Ok(vec![0]),
        _ => bar(100),
    });
    let probes = bench.reads_of(7).len();
    assert!((3..=20).contains(&probes), "{probes} probes of the dead slave");
    for slave in 1..=4 {
        let reads = bench.reads_of(slave);
        let late = reads
            .windows(2)
            .filter(|pair| pair[1] - pair[0] > 500 + 250)
            .count();
        assert_eq!(late, 0, "slave {slave}");
        assert!(
            reads.len() as u64 >= end / 500 - 2,
            "slave {slave}: {}",
            reads.len()
        );
    }
    // A probe takes 200 ms: it costs the fast channel two of its thousand readings.
    let fast = bench.reads_of(9).len() as u64;
    assert!(fast >= end / 100 - 2 * probes as u64 - 2, "{fast} readings");
    let slaves = bench.sampler.slaves();
    let dead = slaves.iter().find(|slave| slave.address == 7).unwrap();
    assert!(dead.is_dead());
    assert_eq!(dead.counters.failed() as usize, probes);
    assert!(
        slaves
            .iter()
            .filter(|slave| slave.address != 7)
            .all(|slave| slave.counters.failed() == 0)
    );
}

#[test]
fn a_dead_slave_that_comes_back_is_read_at_its_period_again() {
    let mut bench = Bench::new(&[transmitter(1, Quantity::SteamPressure, 500)]);
    bench.run(120_000, |now, _, _| {
        if now.0 < 60_000 {
            Err(Fault::Silent)
        } else {
            bar(100)
        }
    });
    let reads = bench.reads_of(1);
    let back = reads.iter().find(|at| **at >= 60_000).unwrap();
    assert!(*back <= 60_000 + 30_500, "asked again at {back}");
    let after = reads.iter().filter(|at| **at > *back).count() as u64;
    assert!(after >= (120_000 - back) / 500 - 1, "{after}");
}

/// A sampler of one contact, read every 10 ms.
fn contact(debounce_ms: u16, states: &[(u64, bool)]) -> Vec<(u64, Reading)> {
    let sensor = LiftSensor::DoorLock;
    let mut channel = Channel::new(1, sensor.quantity(), Source::LiftInput(sensor), 10);
    channel.debounce_ms = debounce_ms;
    let settings = settings(&[channel]);
    let mut sampler = Sampler::new(&settings, Uptime(0)).unwrap();
    let mut told = Vec::new();
    for now in (0..300).step_by(10) {
        let mut tell = |one: Observation| told.push((one.at.0, one.reading));
        assert_eq!(
            sampler.next(Bus::Pins, Uptime(now), &mut tell),
            Step::Read(Block::Inputs)
        );
        let state = states.iter().rev().find(|(from, _)| now >= *from).unwrap().1;
        let inputs = Raw::Inputs(u32::from(state) << LiftSensor::DoorLock as u8);
        sampler.on_read(Bus::Pins, Uptime(now), &Block::Inputs, Ok(inputs), &mut tell);
    }
    told
}

#[test]
fn a_bouncing_contact_is_believed_when_it_has_settled() {
    let flag = |state| Reading::good(Value::Flag(state));
    let bounce = [
        (0, true),
        (100, false),
        (110, true),
        (120, false),
        (130, true),
        (140, false),
    ];
    assert_eq!(contact(30, &bounce), [(0, flag(true)), (170, flag(false))]);
    let spike = [(0, true), (100, false), (120, true)];
    assert_eq!(contact(30, &spike), [(0, flag(true))]);
    let bare = [(0, flag(true)), (100, flag(false)), (120, flag(true))];
    assert_eq!(contact(0, &spike), bare);
}

/// Reads a contact of period `period_ms` when it is due or an edge hurries it; what is told, and when it was read.
fn edges(period_ms: u32, debounce_ms: u16, states: &[(u64, bool)]) -> (Vec<(u64, Reading)>, Vec<u64>) {
    let sensor = LiftSensor::DoorLock;
    let mut channel = Channel::new(1, sensor.quantity(), Source::LiftInput(sensor), period_ms);
    channel.debounce_ms = debounce_ms;
    let settings = settings(&[channel]);
    let mut sampler = Sampler::new(&settings, Uptime(0)).unwrap();
    let (mut told, mut reads) = (Vec::new(), Vec::new());
    let mut now = Uptime(0);
    while now.0 < 3_500 {
        let mut tell = |one: Observation| told.push((one.at.0, one.reading));
        match sampler.next(Bus::Pins, now, &mut tell) {
            Step::Read(block) => {
                reads.push(now.0);
                let state = states.iter().rev().find(|(from, _)| now.0 >= *from).unwrap().1;
                let inputs = Raw::Inputs(u32::from(state) << LiftSensor::DoorLock as u8);
                sampler.on_read(Bus::Pins, now, &block, Ok(inputs), &mut tell);
            }
            Step::Wait(until) => match states.iter().find(|(edge, _)| *edge > now.0) {
                Some((edge, _)) if *edge <= until.0 => {
                    now = Uptime(*edge);
                    sampler.hurry(Bus::Pins, now);
                }
                _ => now = until,
            },
        }
    }
    (told, reads)
}

#[test]
fn an_edge_is_read_at_once_and_again_when_it_should_have_settled() {
    let flag = |state| Reading::good(Value::Flag(state));
    let once = [(0, true), (1_234, false)];
    let (told, reads) = edges(1_000, 0, &once);
    assert_eq!(told, [(0, flag(true)), (1_234, flag(false))]);
    assert_eq!(reads, [0, 1_000, 1_234, 2_234, 3_234]);
    let (told, reads) = edges(1_000, 20, &once);
    assert_eq!(told, [(0, flag(true)), (1_254, flag(false))]);
    assert_eq!(reads, [0, 1_000, 1_234, 1_254, 2_254, 3_254]);
    let bounce = [(0, true), (1_234, false), (1_236, true), (1_239, false)];
    let (told, _) = edges(1_000, 20, &bounce);
    assert_eq!(told, [(0, flag(true)), (1_259, flag(false))]);
}

#[test]
fn buses_do_not_wait_for_each_other_and_one_address_on_two_buses_is_two_slaves() {
    let door = LiftSensor::DoorLock;
    let channels = [
        transmitter(0x48, Quantity::SteamPressure, 1_000),
        Channel::new(
            0,
            Quantity::SteamTemperature,
            Source::Temperature { address: 0x48 },
            1_000,
        ),
        Channel::new(
            0,
            Quantity::FeedWaterPressure,
            Source::PressureTransmitter { port: 1, slave: 0x48 },
            1_000,
        ),
        Channel::new(1, door.quantity(), Source::LiftInput(door), 1_000),
    ];
    let settings = settings(&channels);
    let mut sampler = Sampler::new(&settings, Uptime(0)).unwrap();
    let mut told = Vec::new();
    let mut tell = |one: Observation| told.push(one.channel);
    let buses = [LINE, Bus::I2c, Bus::Rs485(1), Bus::Pins];
    // Each bus is in the middle of a reading: the others are asked all the same.
    let steps = buses.map(|bus| sampler.next(bus, Uptime(5), &mut tell));
    for (n, (bus, step)) in buses.into_iter().zip(steps).enumerate() {
        let Step::Read(block) = step else {
            panic!("{bus:?}: {step:?}")
        };
        assert_eq!(block, channels[n].source.block().unwrap());
        let fault = ReadFault {
            fault: Fault::Nack,
            register: 0,
        };
        sampler.on_read(bus, Uptime(5), &block, Err(fault), &mut tell);
        assert!(sampler.uses(bus));
    }
    assert_eq!(told, [0, 1, 2, 3]);
    assert!(sampler.slaves().iter().all(|slave| slave.counters.nack == 1));
    assert_eq!(sampler.slaves().len(), 4);
}
