//! What errors say: what was attempted, on what.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use vigil_firmware::drivers::lift_inputs::{self, LiftSensor};
use vigil_firmware::drivers::{
    Fault, ReadFault, SourceError, ads1115, nice3000, pressure_transmitter, remote_io, rtc, temperature,
};
use vigil_firmware::flash::{FlashError, SlotError};
use vigil_firmware::modbus::{ModbusError, RequestError, Table};
use vigil_firmware::provisioning::SettingsError;
use vigil_firmware::sampling::TableError;
use vigil_firmware::time::sntp::SntpError;
use vigil_protocol::signal::TransmitterError;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{NoData, Quantity, Unit};

const NACK: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);

#[test]
fn the_errors_of_parts_name_the_part_and_the_register() {
    let register = remote_io::Register {
        table: Table::Input,
        address: 7,
    };
    let silence = ModbusError::<()>::Silence;
    let cases = [
        (
            ads1115::Error::Bus(ads1115::Register::Conversion, NACK).to_string(),
            "ADS1115 register Conversion: NoAcknowledge(Address)",
        ),
        (
            ads1115::Error::<()>::Config { wrote: 1, read: 2 }.to_string(),
            "ADS1115 register Config: wrote 0x0001, read back 0x0002",
        ),
        (
            ads1115::Error::<()>::Busy.to_string(),
            "ADS1115 register Config: the conversion does not end",
        ),
        (
            ads1115::Error::<()>::NoInput(4).to_string(),
            "ADS1115 has no input 4",
        ),
        (
            temperature::Error::<()>::NotRunning(1).to_string(),
            "temperature sensor register Config: 0x01, in shutdown",
        ),
        (
            temperature::Error::Bus(temperature::Register::Temperature, NACK).to_string(),
            "temperature sensor register Temperature: NoAcknowledge(Address)",
        ),
        (
            rtc::Error::<()>::Stopped(rtc::Register::Control).to_string(),
            "clock register Control: the oscillator stood still",
        ),
        (
            rtc::Error::<()>::NotTime(rtc::Register::Hours, 0x24).to_string(),
            "clock register Hours: 0x24 is no time",
        ),
        (
            rtc::Error::<()>::Year(UtcMillis(0)).to_string(),
            "clock: 0 ms is not in 2000-2099",
        ),
        (
            rtc::Error::Bus(rtc::Register::Status, NACK).to_string(),
            "clock register Status: NoAcknowledge(Address)",
        ),
        (
            pressure_transmitter::Error::Modbus(pressure_transmitter::Register::Unit, silence).to_string(),
            "pressure transmitter register Unit: no reply in time",
        ),
        (
            pressure_transmitter::Error::<()>::Identity(
                pressure_transmitter::Register::Decimals,
                TransmitterError::BadDecimals(4),
            )
            .to_string(),
            "pressure transmitter register Decimals: the transmitter reports 4 decimals, at most 3 exist",
        ),
        (
            remote_io::Error::Modbus(register, ModbusError::<()>::BadCrc).to_string(),
            "remote I/O input register 0x0007: reply with a wrong CRC",
        ),
        (
            remote_io::Error::<()>::Request(register, RequestError::Broadcast).to_string(),
            "remote I/O input register 0x0007: unit 0 is a broadcast, nobody answers it",
        ),
        (
            nice3000::Error::Modbus(nice3000::Register::Fault, ModbusError::<()>::Exception(2)).to_string(),
            "NICE3000+ register Fault (0x8000): refused with exception 2",
        ),
        (
            nice3000::Error::<()>::Identity(0).to_string(),
            "NICE3000+ register RatedSpeed: 0 mm/s is no lift's",
        ),
        (
            lift_inputs::Error {
                sensor: LiftSensor::AlarmButton,
                error: "broken",
            }
            .to_string(),
            "input AlarmButton: \"broken\"",
        ),
        (
            ReadFault {
                fault: Fault::Silent,
                register: 0x8000,
            }
            .to_string(),
            "reading register 0x8000: silent",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said, expected);
    }
}

#[test]
fn the_other_errors_say_what_was_wrong() {
    let cases = [
        (
            ModbusError::<()>::NoReply { received: 3 }.to_string(),
            "3 bytes received, no reply among them",
        ),
        (
            ModbusError::<()>::WrongUnit(9).to_string(),
            "unit 9 answered instead",
        ),
        (
            ModbusError::<()>::Chatter.to_string(),
            "the line never fell silent",
        ),
        (
            ModbusError::<()>::Owing.to_string(),
            "not asked: an earlier reply may still come",
        ),
        (ModbusError::Port("gone").to_string(), "the port failed: \"gone\""),
        (
            RequestError::Count(40).to_string(),
            "40 registers asked for, 1 to 32 may be",
        ),
        (
            RequestError::PastEnd {
                address: 0xffff,
                count: 2,
            }
            .to_string(),
            "registers 0xffff and 2 on pass 0xffff",
        ),
        (
            SourceError::Unit(Unit::Metre).to_string(),
            "the unit m does not measure that quantity",
        ),
        (SourceError::Range("shunt").to_string(), "shunt out of range"),
        (
            SettingsError::Twice {
                channel: 2,
                quantity: Quantity::CarSpeed,
            }
            .to_string(),
            "channel 2: its device has car_speed already",
        ),
        (
            SettingsError::SameDevice { device: 1 }.to_string(),
            "device 1: another has the same id, or one that differs in case only",
        ),
        (
            TableError {
                channel: 1,
                error: RequestError::Broadcast,
            }
            .to_string(),
            "channel 1: unit 0 is a broadcast, nobody answers it",
        ),
        (
            FlashError::Flash("worn").to_string(),
            "the journal's flash failed: \"worn\"",
        ),
        (
            SlotError::<()>::Version { saved: 2 }.to_string(),
            "the settings saved are of version 2",
        ),
        (SlotError::<()>::TooLong.to_string(), "the settings do not fit"),
        (
            SlotError::<()>::Unreadable.to_string(),
            "the settings saved cannot be read",
        ),
        (SntpError::Short(3).to_string(), "SNTP answer of 3 bytes"),
        (SntpError::TooSlow(5_000).to_string(), "SNTP answer after 5000 ms"),
        (
            SntpError::NotSynchronized.to_string(),
            "the SNTP server does not know the time",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said, expected);
    }
    let wanted = "four erase units or more";
    assert!(FlashError::<()>::Geometry.to_string().contains(wanted));
    assert!(SlotError::<()>::Geometry.to_string().contains("two erase units"));
}

#[test]
fn every_fault_of_a_line_has_its_own_counter_key_and_a_reason_that_is_not_never_reported() {
    let errors = [
        (ModbusError::<()>::Silence, Fault::Silent),
        (ModbusError::NoReply { received: 1 }, Fault::Silent),
        (ModbusError::BadCrc, Fault::Corrupt),
        (ModbusError::WrongUnit(2), Fault::WrongUnit),
        (ModbusError::Exception(2), Fault::Refused),
        (ModbusError::Chatter, Fault::Bus),
        (ModbusError::Port(()), Fault::Bus),
        (ModbusError::Owing, Fault::NotTried),
    ];
    for (error, fault) in errors {
        assert_eq!(Fault::from(&error), fault, "{error}");
    }
    let all = [
        Fault::Silent,
        Fault::Corrupt,
        Fault::WrongUnit,
        Fault::Refused,
        Fault::Nack,
        Fault::Identity,
        Fault::Bus,
        Fault::NotTried,
    ];
    let keys: std::collections::BTreeSet<_> = all.iter().map(|fault| fault.key()).collect();
    assert_eq!(keys.len(), all.len());
    assert!(
        all.iter()
            .all(|fault| !matches!(fault.no_data(), NoData::NotReported | NoData::Null))
    );
    let pin = lift_inputs::Error {
        sensor: LiftSensor::Presence,
        error: (),
    };
    assert_eq!(ReadFault::from(pin).register, 5);
}
