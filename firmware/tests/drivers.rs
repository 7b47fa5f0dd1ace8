//! Every part on a mocked bus: golden registers, and everything that goes wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

#[path = "support/line.rs"]
mod line;

use embassy_futures::block_on;
use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use embedded_hal_mock::eh1::delay::NoopDelay;
use embedded_hal_mock::eh1::digital::{Mock as Pin, State as Level, Transaction as PinTransaction};
use embedded_hal_mock::eh1::i2c::{Mock as I2c, Transaction};
use line::{Clock, Delay, Line, framed, words};
use proptest::prelude::*;
use vigil_firmware::drivers::lift_inputs::{self, LiftSensor};
use vigil_firmware::drivers::nice3000::{self, Point};
use vigil_firmware::drivers::remote_io::{self, Signal};
use vigil_firmware::drivers::{
    Fault, Raw, ReadFault, Source, SourceError, ads1115, pressure_transmitter, temperature,
};
use vigil_firmware::modbus::{Master, ModbusError, RequestError, Table, Timing};
use vigil_firmware::reading::{Reading, Value};
use vigil_protocol::signal::TransmitterError;
use vigil_protocol::vocabulary::{NoData, Quality, Quantity, Uncertain, Unit};

const NACK: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
const ADC: u8 = 0x48;

fn write(address: u8, bytes: &[u8]) -> Transaction {
    Transaction::write(address, bytes.to_vec())
}

fn get(address: u8, register: u8, bytes: &[u8]) -> [Transaction; 2] {
    [
        write(address, &[register]),
        Transaction::read(address, bytes.to_vec()),
    ]
}

fn number(value: f64) -> Reading {
    Reading::good(Value::Number(value))
}

// ADS1115

#[test]
fn an_adc_converts_the_input_it_is_asked_for() {
    // OS, mux 4 + input, ±4.096 V, single shot, 128 SPS, comparator off.
    for (input, config) in [(0, 0xc383_u16), (1, 0xd383), (2, 0xe383), (3, 0xf383)] {
        let busy = (config & 0x7fff).to_be_bytes();
        let mut transactions = vec![write(ADC, &[&[1], &config.to_be_bytes()[..]].concat())];
        transactions.extend(get(ADC, 1, &busy));
        transactions.extend(get(ADC, 1, &config.to_be_bytes()));
        transactions.extend(get(ADC, 0, &[0x25, 0x80]));
        let mut i2c = I2c::new(&transactions);
        let read = block_on(ads1115::read(&mut i2c, &mut NoopDelay, ADC, input));
        assert_eq!(read, Ok(9_600));
        i2c.done();
    }
}

#[test]
fn an_adc_that_fails_names_the_register() {
    use ads1115::{Error, Register};
    let start = write(ADC, &[1, 0xc3, 0x83]);
    let busy = get(ADC, 1, &[0x43, 0x83]);
    let (silent, config, conversion) = (Fault::Nack, Register::Config as u16, Register::Conversion as u16);
    let cases: Vec<(Vec<Transaction>, Error<ErrorKind>, Fault, u16)> = vec![
        (
            vec![start.clone().with_error(NACK)],
            Error::Bus(Register::Config, NACK),
            silent,
            config,
        ),
        (
            [vec![start.clone()], get(ADC, 1, &[0x85, 0x83]).to_vec()].concat(),
            Error::Config {
                wrote: 0xc383,
                read: 0x8583,
            },
            Fault::Identity,
            config,
        ),
        (
            [vec![start.clone()], busy.to_vec(), busy.to_vec(), busy.to_vec()].concat(),
            Error::Busy,
            Fault::Silent,
            config,
        ),
        (
            [
                vec![start],
                get(ADC, 1, &[0xc3, 0x83]).to_vec(),
                vec![write(ADC, &[0]).with_error(ErrorKind::Bus)],
            ]
            .concat(),
            Error::Bus(Register::Conversion, ErrorKind::Bus),
            Fault::Bus,
            conversion,
        ),
    ];
    for (transactions, expected, fault, register) in cases {
        let mut i2c = I2c::new(&transactions);
        let error = block_on(ads1115::read(&mut i2c, &mut NoopDelay, ADC, 0)).unwrap_err();
        assert_eq!(error, expected);
        assert_eq!(ReadFault::from(error), ReadFault { fault, register });
        i2c.done();
    }
    let mut i2c = I2c::new(&[]);
    let error = block_on(ads1115::read(&mut i2c, &mut NoopDelay, ADC, 4));
    assert_eq!(error, Err(Error::NoInput(4)));
    i2c.done();
}

#[test]
fn fault_and_saturation_currents_are_reasons_and_never_values() {
    // 100 Ω: 125 µV are 1.25 µA. 0 to 1.6 MPa.
    let shunt = 100_000;
    let uncertain = |value| Reading::Value {
        value: Value::Number(value),
        quality: Quality::Uncertain(Uncertain::OutOfSpec),
    };
    let cases = [
        (-10, -12, Reading::NoData(NoData::NotConnected)),
        (0, 0, Reading::NoData(NoData::NotConnected)),
        (2_880, 3_600, Reading::NoData(NoData::Sensor)),
        (3_200, 4_000, number(0.0)),
        (9_600, 12_000, number(0.8)),
        (16_000, 20_000, number(1.6)),
        (16_640, 20_800, uncertain(1.680_000_000_000_000_2)),
        (16_800, 21_000, Reading::NoData(NoData::Sensor)),
        (i16::MAX, 40_958, Reading::NoData(NoData::Sensor)),
    ];
    for (counts, current, expected) in cases {
        assert_eq!(ads1115::microamps(counts, shunt), Some(current));
        assert_eq!(ads1115::convert(current, 0.0, 1.6), expected, "{current} µA");
    }
    assert_eq!(ads1115::microamps(1, 0), None);
}

// LM75 class

#[test]
fn temperatures_of_nine_to_twelve_bits_are_read() {
    let cases = [
        (0x0000, number(0.0)),
        (0x1900, number(25.0)),
        (0x1980, number(25.5)),
        (0x1910, number(25.062_5)),
        (0x191f, number(25.062_5)),
        (0xffc0, number(-0.25)),
        (0xe700, number(-25.0)),
        (0xc900, number(-55.0)),
        (0x7ff0, number(127.937_5)),
        (0x8000, Reading::NoData(NoData::Sensor)),
        (0xc800, Reading::NoData(NoData::Sensor)),
    ];
    for (register, expected) in cases {
        assert_eq!(temperature::convert(register), expected, "{register:#06x}");
    }
}

#[test]
fn a_temperature_sensor_in_shutdown_or_not_there_gives_no_value() {
    use temperature::{Error, Register};
    let mut i2c = I2c::new(&[get(0x48, 1, &[0]), get(0x48, 0, &[0x19, 0x80])].concat());
    assert_eq!(block_on(temperature::read(&mut i2c, 0x48)), Ok(0x1980));
    i2c.done();
    let cases = [
        (
            get(0x48, 1, &[1]).to_vec(),
            Error::NotRunning(1),
            Fault::Identity,
            1,
        ),
        (
            vec![write(0x48, &[1]).with_error(NACK)],
            Error::Bus(Register::Config, NACK),
            Fault::Nack,
            1,
        ),
        (
            [
                get(0x48, 1, &[0]).to_vec(),
                vec![write(0x48, &[0]).with_error(ErrorKind::ArbitrationLoss)],
            ]
            .concat(),
            Error::Bus(Register::Temperature, ErrorKind::ArbitrationLoss),
            Fault::Bus,
            0,
        ),
    ];
    for (transactions, expected, fault, register) in cases {
        let mut i2c = I2c::new(&transactions);
        let error = block_on(temperature::read(&mut i2c, 0x48)).unwrap_err();
        assert_eq!(error, expected);
        assert_eq!(ReadFault::from(error), ReadFault { fault, register });
        i2c.done();
    }
}

// Modbus slaves

fn with_master<T>(reply: Vec<u8>, ask: impl FnOnce(&Clock, &mut Master<Line, Delay>) -> T) -> T {
    let clock = Clock::default();
    let line = Line::new(&clock, move |_| vec![(1_000, reply.clone())]);
    let mut master = Master::new(line, Delay(clock.clone()), Timing::at_baud(9_600, 200));
    ask(&clock, &mut master)
}

#[test]
fn a_transmitter_says_its_unit_and_decimals_and_another_part_is_recognised() {
    use pressure_transmitter::{Error, Register, read};
    type Read = Result<(f64, Unit), Error<std::convert::Infallible>>;
    let cases: Vec<(Vec<u8>, Read)> = vec![
        (words(5, 3, &[0, 3, 1_250]), Ok((1.25, Unit::Megapascal))),
        (words(5, 3, &[1, 0, 0xfff6]), Ok((-10.0, Unit::Kilopascal))),
        (words(5, 3, &[9, 2, 400]), Ok((4.0, Unit::Milliampere))),
        (
            words(5, 3, &[10, 0, 5]),
            Err(Error::Identity(Register::Unit, TransmitterError::UnknownUnit(10))),
        ),
        (
            words(5, 3, &[0, 4, 5]),
            Err(Error::Identity(
                Register::Decimals,
                TransmitterError::BadDecimals(4),
            )),
        ),
        (
            framed(&[5, 0x83, 2]),
            Err(Error::Modbus(Register::Unit, ModbusError::Exception(2))),
        ),
        (vec![], Err(Error::Modbus(Register::Unit, ModbusError::Silence))),
    ];
    for (reply, expected) in cases {
        let got = with_master(reply, |clock, master| clock.run(read(master, clock.uptime(), 5)));
        assert_eq!(got, expected);
    }
    let broadcast = with_master(vec![], |clock, master| clock.run(read(master, clock.uptime(), 0)));
    assert_eq!(broadcast, Err(Error::Request(RequestError::Broadcast)));
}

#[test]
fn a_transmitter_set_to_another_unit_gives_the_same_pressure_and_one_set_to_a_current_gives_none() {
    let cases = [
        ([0, 2, 125], number(1.25)),
        ([3, 2, 1_250], number(1.25)),
        ([1, 0, 1_250], number(1.25)),
        ([9, 2, 1_200], Reading::NoData(NoData::Config)),
        ([77, 2, 1_200], Reading::NoData(NoData::Config)),
    ];
    for (words, expected) in cases {
        assert_eq!(
            pressure_transmitter::reading(&words, Unit::Megapascal),
            expected,
            "{words:?}"
        );
    }
}

#[test]
fn remote_io_words_are_currents_or_contacts() {
    let current = Signal::Current {
        nanoamps: 1_000,
        lo: 0.0,
        hi: 16.0,
        unit: Unit::Bar,
    };
    let cases = [
        (12_000, current, number(0.8)),
        (3_000, current, Reading::NoData(NoData::Sensor)),
        (100, current, Reading::NoData(NoData::NotConnected)),
        (21_500, current, Reading::NoData(NoData::Sensor)),
        (0b100, Signal::Contact(2), Reading::good(Value::Flag(true))),
        (0b011, Signal::Contact(2), Reading::good(Value::Flag(false))),
        (0xffff, Signal::Contact(16), Reading::NoData(NoData::Config)),
    ];
    for (word, signal, expected) in cases {
        assert_eq!(
            remote_io::convert(word, signal, Unit::Megapascal),
            expected,
            "{word} as {signal:?}"
        );
    }
    let wrong_unit = Signal::Current {
        nanoamps: 1_000,
        lo: 0.0,
        hi: 16.0,
        unit: Unit::Celsius,
    };
    assert_eq!(
        remote_io::convert(12_000, wrong_unit, Unit::Megapascal),
        Reading::NoData(NoData::Config)
    );
    let register = remote_io::Register {
        table: Table::Input,
        address: 7,
    };
    let read = with_master(words(2, 4, &[12_000]), |clock, master| {
        clock.run(remote_io::read(master, clock.uptime(), 2, register))
    });
    assert_eq!(read, Ok(12_000));
    let silent = with_master(vec![], |clock, master| {
        clock.run(remote_io::read(master, clock.uptime(), 2, register))
    });
    assert_eq!(
        silent,
        Err(remote_io::Error::Modbus(register, ModbusError::Silence))
    );
}

#[test]
fn the_lift_controller_is_read_as_its_table_says() {
    // 0x1010…0x101d: 1.75 m/s down, rated 1.75, …, floor 12, …, load 45.5 %, door closed, automatic and running.
    let mut state = [0_u16; 14];
    state[0] = (-1_750_i16) as u16;
    state[1] = 1_750;
    state[8] = 12;
    state[10] = 455;
    state[11] = 1 << 4;
    state[13] = 7 << 4 | 5 << 8;
    let code = |code| Reading::good(Value::Code(code));
    let flag = |state| Reading::good(Value::Flag(state));
    let cases: Vec<(Point, &[u16], Reading)> = vec![
        (Point::Fault, &[36], Reading::good(Value::Fault(36))),
        (Point::Fault, &[0], Reading::good(Value::Fault(0))),
        (Point::Speed, &state, number(-1.75)),
        (Point::Floor, &state, code(12)),
        (Point::Load, &state, number(45.5)),
        (Point::DoorClosed, &state, flag(true)),
        (Point::Mode, &state, code(1)),
        (Point::Moving, &state, flag(true)),
        (Point::Direction, &[1], code(3)),
        (Point::Direction, &[2], code(4)),
        (Point::Direction, &[3], code(2)),
        (Point::Direction, &[0], Reading::NoData(NoData::Device)),
        (Point::Mode, &state[..3], Reading::NoData(NoData::Comm)),
    ];
    for (point, words, expected) in cases {
        assert_eq!(nice3000::convert(words, point), expected, "{point:?}");
    }
    for point in Point::ALL {
        let request = nice3000::request(1, point).unwrap();
        let registers = request.address()..request.address() + u16::from(request.count());
        assert!(registers.contains(&(point.register() as u16)), "{point:?}");
        assert!(registers.end <= 0x8001, "never near the control words: {request}");
    }
}

#[test]
fn every_mode_of_the_lift_controller_has_a_meaning() {
    let modes: Vec<_> = (0..16_u16)
        .map(|mode| {
            let mut state = [0; 14];
            state[13] = mode << 4;
            match nice3000::convert(&state, Point::Mode) {
                Reading::Value {
                    value: Value::Code(code),
                    ..
                } => code,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(modes, [2, 0, 1, 3, 4, 0, 1, 1, 0, 1, 1, 7, 0, 0, 1, 1]);
}

#[test]
fn a_lift_controller_is_recognised_by_a_rated_speed() {
    use nice3000::{Error, identify};
    for (speed, expected) in [
        (1_750, Ok(())),
        (0, Err(Error::Identity(0))),
        (0xffff, Err(Error::Identity(0xffff))),
    ] {
        let got = with_master(words(1, 3, &[speed]), |clock, master| {
            clock.run(identify(master, clock.uptime(), 1))
        });
        assert_eq!(got, expected);
    }
    let fault = with_master(words(1, 3, &[36]), |clock, master| {
        clock.run(nice3000::read(master, clock.uptime(), 1, Point::Fault))
    });
    assert_eq!(fault, Ok(Reading::good(Value::Fault(36))));
}

#[test]
fn every_modbus_part_takes_a_damaged_short_or_strange_reply_for_what_it_is_and_names_the_register() {
    type Failed = (ModbusError<std::convert::Infallible>, u16);
    let io = remote_io::Register {
        table: Table::Holding,
        address: 7,
    };
    // What each part is asked, how many registers the answer has, and what became of it.
    let transmitter = |reply| {
        with_master(reply, |clock, master| {
            match clock.run(pressure_transmitter::read(master, clock.uptime(), 1)) {
                Err(pressure_transmitter::Error::Modbus(register, error)) => (error, register as u16),
                other => panic!("{other:?}"),
            }
        })
    };
    let remote = |reply| {
        with_master(reply, |clock, master| {
            match clock.run(remote_io::read(master, clock.uptime(), 1, io)) {
                Err(remote_io::Error::Modbus(register, error)) => (error, register.address),
                other => panic!("{other:?}"),
            }
        })
    };
    let lift = |reply| {
        with_master(reply, |clock, master| {
            match clock.run(nice3000::read(master, clock.uptime(), 1, Point::Fault)) {
                Err(nice3000::Error::Modbus(register, error)) => (error, register as u16),
                other => panic!("{other:?}"),
            }
        })
    };
    let rated = |reply| {
        with_master(reply, |clock, master| {
            match clock.run(nice3000::identify(master, clock.uptime(), 1)) {
                Err(nice3000::Error::Modbus(register, error)) => (error, register as u16),
                other => panic!("{other:?}"),
            }
        })
    };
    type Part<'a> = (&'a str, usize, u16, &'a dyn Fn(Vec<u8>) -> Failed);
    let parts: [Part<'_>; 4] = [
        ("transmitter", 3, 0x0002, &transmitter),
        ("remote I/O", 1, 7, &remote),
        ("lift controller", 1, 0x8000, &lift),
        ("lift controller's identity", 1, 0x1011, &rated),
    ];
    for (part, count, register, read) in parts {
        let good = words(1, 3, &vec![1; count]);
        let mut damaged = good.clone();
        damaged[4] ^= 0x10;
        let short = good[..good.len() - 3].to_vec();
        let received = short.len();
        let cases = [
            (damaged, ModbusError::BadCrc),
            (short, ModbusError::NoReply { received }),
            (words(2, 3, &vec![1; count]), ModbusError::WrongUnit(2)),
            (framed(&[1, 0x83, 4]), ModbusError::Exception(4)),
            (vec![], ModbusError::Silence),
        ];
        for (reply, expected) in cases {
            assert_eq!(read(reply.clone()), (expected, register), "{part}: {reply:02x?}");
        }
    }
}

// Inputs

/// A pin behind an expander that does not answer.
struct Broken;

impl embedded_hal::digital::ErrorType for Broken {
    type Error = embedded_hal::digital::ErrorKind;
}

impl embedded_hal::digital::InputPin for Broken {
    fn is_high(&mut self) -> Result<bool, Self::Error> {
        Err(embedded_hal::digital::ErrorKind::Other)
    }

    fn is_low(&mut self) -> Result<bool, Self::Error> {
        self.is_high()
    }
}

#[test]
fn inputs_that_cannot_be_read_are_no_contacts() {
    let mut pins = [Broken, Broken, Broken, Broken, Broken, Broken];
    let error = lift_inputs::read(&mut pins, true).unwrap_err();
    assert_eq!(error.sensor, LiftSensor::SafetyCircuit);
    let fault = ReadFault::from(error);
    assert_eq!((fault.fault, fault.fault.no_data()), (Fault::Bus, NoData::Comm));
}

fn pins(levels: [Level; 6]) -> [Pin; 6] {
    levels.map(|level| Pin::new(&[PinTransaction::get(level)]))
}

#[test]
fn contacts_are_read_whichever_way_they_pull() {
    use Level::{High, Low};
    let levels = [Low, High, Low, High, Low, High];
    for (active_low, bits) in [(false, 0b10_1010), (true, 0b01_0101)] {
        let mut pins = pins(levels);
        assert_eq!(lift_inputs::read(&mut pins, active_low).unwrap(), bits);
        pins.iter_mut().for_each(Pin::done);
    }
    let flag = |state| Reading::good(Value::Flag(state));
    let cases = [
        (LiftSensor::SafetyCircuit, false, flag(false)),
        (LiftSensor::DoorLock, false, flag(true)),
        (LiftSensor::DoorLock, true, flag(false)),
        (LiftSensor::Inspection, false, Reading::good(Value::Code(2))),
        (LiftSensor::Inspection, true, Reading::good(Value::Code(1))),
    ];
    for (sensor, inverted, expected) in cases {
        assert_eq!(
            lift_inputs::convert(0b10_1010, sensor, inverted),
            expected,
            "{sensor:?}"
        );
    }
}

// The table of sources

#[test]
fn a_source_that_cannot_measure_the_quantity_is_refused() {
    let loop_of = |input, shunt_milliohm, lo, hi, unit| Source::CurrentLoop {
        address: ADC,
        input,
        shunt_milliohm,
        lo,
        hi,
        unit,
    };
    let transmitter = |port, slave| Source::PressureTransmitter { port, slave };
    let contact = |bit| Source::RemoteIo {
        port: 1,
        slave: 2,
        register: remote_io::Register {
            table: Table::Holding,
            address: 0,
        },
        signal: Signal::Contact(bit),
    };
    let steam = Quantity::SteamPressure;
    let cases = [
        (loop_of(0, 100_000, 0.0, 1.6, Unit::Megapascal), steam, Ok(())),
        (
            loop_of(4, 100_000, 0.0, 1.6, Unit::Megapascal),
            steam,
            Err(SourceError::Range("input")),
        ),
        (
            loop_of(0, 0, 0.0, 1.6, Unit::Megapascal),
            steam,
            Err(SourceError::Range("shunt")),
        ),
        (
            loop_of(0, 1, 1.6, 1.6, Unit::Megapascal),
            steam,
            Err(SourceError::Range("lo, hi")),
        ),
        (
            loop_of(0, 1, 0.0, 1.6, Unit::Metre),
            steam,
            Err(SourceError::Unit(Unit::Metre)),
        ),
        (
            loop_of(0, 1, 0.0, 1.6, Unit::Metre),
            Quantity::DoorLocked,
            Err(SourceError::Quantity(Quantity::DoorLocked)),
        ),
        (transmitter(0, 1), steam, Ok(())),
        (transmitter(2, 1), steam, Err(SourceError::Range("port"))),
        (
            transmitter(0, 0),
            steam,
            Err(SourceError::Request(RequestError::Broadcast)),
        ),
        (
            transmitter(0, 1),
            Quantity::SteamTemperature,
            Err(SourceError::Quantity(Quantity::SteamTemperature)),
        ),
        (contact(15), Quantity::DoorLocked, Ok(())),
        (contact(16), Quantity::DoorLocked, Err(SourceError::Range("bit"))),
        (contact(1), steam, Err(SourceError::Quantity(steam))),
        (
            Source::Nice3000 {
                port: 0,
                slave: 1,
                point: Point::Speed,
            },
            Quantity::FaultCode,
            Err(SourceError::Quantity(Quantity::FaultCode)),
        ),
        (
            Source::LiftInput(LiftSensor::Presence),
            Quantity::PassengerPresent,
            Ok(()),
        ),
        (
            Source::Temperature { address: 0x48 },
            Quantity::MachineRoomTemperature,
            Ok(()),
        ),
    ];
    for (source, quantity, expected) in cases {
        assert_eq!(source.check(quantity), expected, "{source:?} as {quantity}");
    }
}

proptest! {
    #[test]
    fn no_words_make_a_lift_controller_read_a_number_that_is_none(
        words in proptest::collection::vec(any::<u16>(), 0..20)
    ) {
        for point in Point::ALL {
            if let Reading::Value { value: Value::Number(number), .. } = nice3000::convert(&words, point) {
                prop_assert!(number.is_finite());
            }
        }
    }

    #[test]
    fn a_loop_current_outside_the_measuring_range_never_becomes_a_good_value(counts in any::<i16>()) {
        let current = ads1115::microamps(counts, 100_000).unwrap();
        let good = matches!(
            ads1115::convert(current, 0.0, 1.0), Reading::Value { quality: Quality::Good, .. });
        prop_assert_eq!(good, (3_800..=20_500).contains(&current), "{} µA", current);
    }

    #[test]
    fn a_block_of_another_part_is_never_read_as_a_value(counts in any::<i16>(), words in any::<[u16; 3]>()) {
        let transmitter = Source::PressureTransmitter { port: 0, slave: 1 };
        let steam = Quantity::SteamPressure;
        prop_assert_eq!(transmitter.convert(Raw::Counts(counts), steam, false), Reading::NoData(NoData::Comm));
        let sensor = Source::Temperature { address: 0x48 };
        prop_assert_eq!(sensor.convert(Raw::Words(&words), steam, false), Reading::NoData(NoData::Comm));
    }
}
