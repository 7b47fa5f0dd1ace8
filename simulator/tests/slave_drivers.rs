//! The firmware's drivers and the simulator's slaves read the same maps: what a driver makes of a slave's reply is
//! what the equipment shows, and every fault is what the firmware takes it for.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests"
)]

use vigil_firmware::drivers::{
    Block, Bus, Fault, Raw, ReadFault, Source, nice3000, pressure_transmitter, remote_io,
};
use vigil_firmware::modbus::{Reply, Request, Table, encode_request, find_reply};
use vigil_firmware::provisioning::{Channel, Settings};
use vigil_firmware::reading::{Reading, Value};
use vigil_firmware::sampling::{Sampler, Step};
use vigil_firmware::time::Uptime;
use vigil_protocol::vocabulary::{NoData, Quantity, ServiceMode, Unit};
use vigil_simulator::plant::PlantValue;
use vigil_simulator::rng::Rng;
use vigil_simulator::scenario::Scenario;
use vigil_simulator::simulation::{SimEvent, Simulation};
use vigil_simulator::slave::{Line, Registers, SlaveFault, SlaveFaultKind};

/// The line of the wired scenario at one moment.
fn line(field: &Simulation) -> Line {
    let mut line = Line::new(4_010);
    for slave in &field.scenario().site.slaves {
        let position = line.add(slave.unit, 2_000, Rng::new(1));
        line.set(position, slave.part.registers(slave.unit, field));
    }
    line
}

/// What is received within half a second of the request.
fn receive(line: &mut Line, from_us: u64, request: &Request) -> Vec<u8> {
    line.hear(from_us, &encode_request(request));
    line.speak(from_us + 500_000)
}

fn words(field: &Simulation, request: &Request) -> Vec<u16> {
    let received = receive(&mut line(field), 0, request);
    let Reply::Words(bytes) = find_reply(request, &received) else {
        panic!("{request}: {received:02x?}");
    };
    bytes
        .chunks(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}

/// Whether a driver's reading is what the instrument shows, to within what the register resolves.
fn is(reading: &Reading, shown: &PlantValue, resolution: f64) -> bool {
    let Reading::Value { value, .. } = reading else {
        return false;
    };
    match (value, shown) {
        (Value::Number(read), PlantValue::Number(shown)) => (read - shown).abs() <= resolution,
        (Value::Code(read), PlantValue::Number(shown)) => f64::from(*read) == *shown,
        (Value::Flag(read), PlantValue::Bool(shown)) => read == shown,
        (Value::Fault(read), PlantValue::Code(shown)) => format!("E{read:02}") == **shown,
        _ => false,
    }
}

#[test]
fn drivers_read_from_the_slaves_what_the_instruments_show() {
    let mut field = Simulation::new(Scenario::builtin("wired").unwrap());
    let mut seen = Vec::new();
    while !field.finished() {
        field.advance(field.now_ms() + 1_000);
        let shown = |equipment, quantity| field.shown(equipment, quantity).unwrap();
        for point in nice3000::Point::ALL {
            let reading = nice3000::convert(&words(&field, &nice3000::request(1, point).unwrap()), point);
            let shown = shown("lift-7", point.quantity());
            // While it shows a fault the controller is in no other mode.
            let faulty =
                *field.shown("lift-7", Quantity::FaultCode).unwrap() != PlantValue::Code("E00".into());
            let out_of_service = PlantValue::Number(ServiceMode::OutOfService.code().into());
            let shown = match point {
                nice3000::Point::Mode if faulty => &out_of_service,
                _ => shown,
            };
            assert!(
                is(&reading, shown, 0.051),
                "{point:?} {reading:?} {shown:?} at {}",
                field.now_ms()
            );
            seen.push(format!("{point:?} {reading:?}"));
        }
        let request = pressure_transmitter::request(2).unwrap();
        let reading = pressure_transmitter::reading(&words(&field, &request), Unit::Megapascal);
        let pressure = shown("boiler-4", Quantity::SteamPressure);
        assert!(is(&reading, pressure, 0.000_6), "{reading:?} {pressure:?}");

        let signals = [
            (
                1,
                current(-200.0, 200.0, Unit::Millimetre),
                "boiler-4",
                Quantity::DrumLevel,
            ),
            (
                2,
                current(0.0, 300.0, Unit::Celsius),
                "boiler-4",
                Quantity::ExhaustTemperature,
            ),
            (
                0,
                remote_io::Signal::Contact(0),
                "lift-7",
                Quantity::SafetyCircuitClosed,
            ),
            (0, remote_io::Signal::Contact(1), "lift-7", Quantity::DoorLocked),
            (0, remote_io::Signal::Contact(2), "lift-7", Quantity::DoorZone),
            (
                0,
                remote_io::Signal::Contact(4),
                "lift-7",
                Quantity::PassengerPresent,
            ),
            (
                0,
                remote_io::Signal::Contact(8),
                "boiler-4",
                Quantity::BurnerFiring,
            ),
        ];
        for (address, signal, equipment, quantity) in signals {
            let table = Table::Input;
            let request = remote_io::request(3, remote_io::Register { table, address }).unwrap();
            let reading = remote_io::convert(words(&field, &request)[0], signal, quantity.unit());
            let shown = shown(equipment, quantity);
            assert!(is(&reading, shown, 0.03), "{quantity} {reading:?} {shown:?}");
        }
    }
    seen.sort_unstable();
    seen.dedup();
    for point in nice3000::Point::ALL {
        let name = format!("{point:?} ");
        let values = seen.iter().filter(|seen| seen.starts_with(&name)).count();
        assert!(values > 1, "{point:?} never changed: nothing was proved");
    }
}

const fn current(lo: f64, hi: f64, unit: Unit) -> remote_io::Signal {
    remote_io::Signal::Current {
        nanoamps: 1_000,
        lo,
        hi,
        unit,
    }
}

#[test]
fn the_firmware_takes_every_fault_for_what_it_is() {
    type Check = fn(Reply<'_>, usize) -> bool;
    let request = Request::new(1, Table::Holding, 0, 3).unwrap();
    let cases: [(SlaveFaultKind, Check); 7] = [
        (SlaveFaultKind::Late { delay_ms: 600 }, |reply, length| {
            reply == Reply::None && length == 0
        }),
        (SlaveFaultKind::Silent, |reply, length| {
            reply == Reply::None && length == 0
        }),
        (SlaveFaultKind::BadCrc, |reply, _| reply == Reply::BadCrc),
        (SlaveFaultKind::WrongUnit, |reply, _| reply == Reply::OtherUnit(2)),
        (SlaveFaultKind::Exception { code: 6 }, |reply, _| {
            reply == Reply::Exception(6)
        }),
        (SlaveFaultKind::Noise, |reply, length| {
            reply == Reply::Words(&[0, 10, 0, 11, 0, 12]) && length > 11
        }),
        (SlaveFaultKind::Slow { gap_ms: 3 }, |reply, length| {
            reply == Reply::Words(&[0, 10, 0, 11, 0, 12]) && length == 11
        }),
    ];
    for (kind, check) in cases {
        for seed in 0..200 {
            let mut line = Line::new(4_010);
            line.add(1, 2_000, Rng::new(seed));
            let holding = [(0, 10), (1, 11), (2, 12)].into();
            line.set(
                0,
                Some(Registers {
                    holding,
                    ..Registers::default()
                }),
            );
            line.turn(0, &SlaveFault { kind, share: 1.0 }, true);
            let received = receive(&mut line, 0, &request);
            let reply = find_reply(&request, &received);
            assert!(
                check(reply, received.len()),
                "{kind:?} seed {seed}: {reply:?} of {received:02x?}"
            );
        }
    }
}

/// The wired scenario's channel table, as a technician would set it.
fn settings() -> Settings {
    let mut settings = Settings::EMPTY;
    for device in ["lift-7", "boiler-4"] {
        settings.devices.push(device.try_into().unwrap()).unwrap();
    }
    let nice3000 = |point: nice3000::Point, period_ms| {
        let source = Source::Nice3000 {
            port: 0,
            slave: 1,
            point,
        };
        Channel::new(0, point.quantity(), source, period_ms)
    };
    let contact = |device, quantity, bit| {
        let register = remote_io::Register {
            table: Table::Input,
            address: 0,
        };
        let signal = remote_io::Signal::Contact(bit);
        let source = Source::RemoteIo {
            port: 0,
            slave: 3,
            register,
            signal,
        };
        Channel::new(device, quantity, source, 100)
    };
    let pressure = Source::PressureTransmitter { port: 0, slave: 2 };
    let channels = [
        nice3000(nice3000::Point::Fault, 100),
        nice3000(nice3000::Point::Moving, 500),
        nice3000(nice3000::Point::DoorClosed, 500),
        Channel::new(1, Quantity::SteamPressure, pressure, 500),
        contact(0, Quantity::SafetyCircuitClosed, 0),
        contact(0, Quantity::DoorLocked, 1),
        contact(1, Quantity::BurnerFiring, 8),
    ];
    settings.channels.extend(channels);
    settings
}

#[test]
fn the_counters_of_the_node_are_those_of_the_slaves() {
    const REPLY_MS: u32 = 200;
    const LINE: Bus = Bus::Rs485(0);
    let mut field = Simulation::new(Scenario::builtin("wired").unwrap());
    let mut line = Line::new(4_010);
    let slaves = field.scenario().site.slaves.clone();
    for slave in &slaves {
        line.add(slave.unit, 2_000, Rng::new(slave.unit.into()));
    }
    let mut settings = settings();
    settings.ports[0].reply_ms = REPLY_MS as u16;
    let mut node = Sampler::new(&settings, Uptime(0)).unwrap();
    let mut now_ms = 0;
    let mut told = Vec::new();
    while !field.finished() {
        for event in field.advance(now_ms as i64) {
            if let SimEvent::Slave { slave, fault, on, .. } = event {
                let position = slaves.iter().position(|own| own.id == *slave).unwrap();
                line.turn(position, &fault, on);
            }
        }
        for (position, slave) in slaves.iter().enumerate() {
            line.set(position, slave.part.registers(slave.unit, &field));
        }
        let mut tell = |observation| told.push(observation);
        match node.next(LINE, Uptime(now_ms), &mut tell) {
            Step::Wait(until) => now_ms = until.0.max(now_ms + 1),
            Step::Read(block) => {
                let Block::Registers(request) = block else {
                    panic!("{block:?}")
                };
                // What came too late for the last request is thrown away.
                line.speak(now_ms * 1_000);
                line.hear(now_ms * 1_000, &encode_request(&request));
                let mut received = Vec::new();
                let mut waited = 0;
                while waited < REPLY_MS
                    && !matches!(
                        find_reply(&request, &received),
                        Reply::Words(_) | Reply::Exception(_)
                    )
                {
                    waited += 1;
                    received.extend(line.speak((now_ms + u64::from(waited)) * 1_000));
                }
                now_ms += u64::from(waited);
                let reply = find_reply(&request, &received);
                let words: Vec<u16> = match reply {
                    Reply::Words(bytes) => bytes
                        .chunks(2)
                        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                        .collect(),
                    _ => Vec::new(),
                };
                let fault = match reply {
                    Reply::Words(_) => None,
                    Reply::Exception(_) => Some(Fault::Refused),
                    Reply::BadCrc => Some(Fault::Corrupt),
                    Reply::OtherUnit(_) => Some(Fault::WrongUnit),
                    Reply::None if received.is_empty() => Some(Fault::Silent),
                    Reply::None => Some(Fault::Corrupt),
                };
                let result = match fault {
                    None => Ok(Raw::Words(&words)),
                    Some(fault) => Err(ReadFault {
                        fault,
                        register: request.address(),
                    }),
                };
                node.on_read(LINE, Uptime(now_ms), &block, result, &mut tell);
            }
        }
    }
    for (position, slave) in slaves.iter().enumerate() {
        let node = node
            .slaves()
            .iter()
            .find(|own| own.address == slave.unit)
            .unwrap()
            .counters;
        let own = line.slave_counts(position);
        assert_eq!(
            u64::from(node.good),
            own.answered + own.noise + own.slow,
            "{own:?} {node:?}"
        );
        assert_eq!(u64::from(node.silent), own.silent + own.late, "{own:?} {node:?}");
        assert_eq!(u64::from(node.corrupt), own.bad_crc, "{own:?} {node:?}");
        assert_eq!(u64::from(node.wrong_unit), own.wrong_unit, "{own:?} {node:?}");
        assert_eq!(
            u64::from(node.refused),
            own.exception + own.refused,
            "{own:?} {node:?}"
        );
        assert_eq!((own.writes, own.missed), (0, 0), "{own:?}");
        assert!(own.heard > own.answered && own.answered > 50, "{own:?}");
    }
    // And what the node made of it: the fault code once, and back; the pressure gone, and back.
    let codes = told.iter().filter_map(|told| match told.reading {
        Reading::Value {
            value: Value::Fault(code),
            ..
        } => Some(code),
        _ => None,
    });
    let mut codes: Vec<u16> = codes.collect();
    codes.dedup();
    assert_eq!(codes, [0, 65, 0]);
    let pressures: Vec<&Reading> = told
        .iter()
        .filter(|told| told.channel == 3)
        .map(|told| &told.reading)
        .collect();
    assert!(
        pressures.contains(&&Reading::NoData(NoData::Comm)),
        "{pressures:?}"
    );
    assert!(
        matches!(pressures.last(), Some(Reading::Value { .. })),
        "{pressures:?}"
    );
}
