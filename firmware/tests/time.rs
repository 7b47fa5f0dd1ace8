//! Calendar, SNTP and the clock chips.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
use proptest::prelude::*;
use vigil_firmware::drivers::rtc::{self, ADDRESS, Error, Part, Register};
use vigil_firmware::drivers::{Fault, ReadFault};
use vigil_firmware::time::sntp::{PACKET, Query, SntpError};
use vigil_firmware::time::{Civil, Uptime};
use vigil_protocol::time::UtcMillis;

const NOON: UtcMillis = UtcMillis(1_709_208_000_000); // 2024-02-29T12:00:00Z

fn get(register: u8, bytes: &[u8]) -> [Transaction; 2] {
    [
        Transaction::write(ADDRESS, vec![register]),
        Transaction::read(ADDRESS, bytes.to_vec()),
    ]
}

#[test]
fn known_days_have_their_known_numbers() {
    let cases = [
        ((1970, 1, 1), 0),
        ((2000, 2, 29), 951_782_400_000),
        ((2024, 2, 29), 1_709_164_800_000),
        ((2100, 3, 1), 4_107_542_400_000),
    ];
    for ((year, month, day), ms) in cases {
        let civil = Civil {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
        };
        assert_eq!(civil.to_utc(), Some(UtcMillis(ms)));
        assert_eq!(Civil::from_utc(UtcMillis(ms + 999)), Some(civil));
    }
}

#[test]
fn a_day_that_is_none_has_no_number() {
    let day = |year, month, day| Civil {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
    };
    for civil in [
        day(2100, 2, 29),
        day(2023, 2, 29),
        day(2024, 4, 31),
        day(2024, 0, 1),
        day(2024, 13, 1),
    ] {
        assert_eq!(civil.to_utc(), None, "{civil:?}");
    }
}

proptest! {
    #[test]
    fn every_second_comes_back(seconds in 0_i64..253_402_300_800) {
        let utc = UtcMillis(seconds * 1_000);
        prop_assert_eq!(Civil::from_utc(utc).unwrap().to_utc(), Some(utc));
    }

    #[test]
    fn whatever_a_clock_chip_holds_is_a_time_or_names_its_register(bytes in any::<[u8; 7]>()) {
        if let Ok(utc) = rtc::convert(&bytes) {
            let year = Civil::from_utc(utc).unwrap().year;
            prop_assert!((2_000..2_200).contains(&year));
        }
    }

    #[test]
    fn no_packet_makes_the_sntp_decoder_fail(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let answer = Query::new(Uptime(0), 1).decode(Uptime(10), &bytes);
        prop_assert!(answer.is_err());
    }
}

#[test]
fn clock_chips_are_read_in_both_hour_formats_and_refused_when_they_hold_no_time() {
    let noon = [0x00, 0x00, 0x12, 5, 0x29, 0x02, 0x24];
    let with = |at: usize, byte: u8| {
        let mut bytes = noon;
        bytes[at] = byte;
        bytes
    };
    let cases = [
        (noon, Ok(NOON)),
        (with(2, 0x40 | 0x20 | 0x12), Ok(NOON)), // 12 pm
        (with(2, 0x40 | 0x12), Ok(NOON.saturating_sub_ms(12 * 3_600_000))), // 12 am
        (with(0, 0x5a), Err((Register::Seconds, 0x5a))),
        (with(1, 0x60), Err((Register::Minutes, 0x60))),
        (with(2, 0x24), Err((Register::Hours, 0x24))),
        (with(5, 0x13), Err((Register::Month, 0x13))),
        (with(6, 0x23), Err((Register::Day, 0x29))), // 29 February 2023
    ];
    for (bytes, expected) in cases {
        assert_eq!(rtc::convert(&bytes), expected, "{bytes:02x?}");
    }
}

#[test]
fn a_clock_chip_is_read_only_when_its_oscillator_has_run() {
    let time = [0x00, 0x00, 0x12, 5, 0x29, 0x02, 0x24];
    let mut halted = time;
    halted[0] |= 0x80;
    let cases = [
        (Part::Ds1338, [get(7, &[0]), get(0, &time)].concat(), Ok(NOON)),
        (Part::Ds3231, [get(15, &[0x08]), get(0, &time)].concat(), Ok(NOON)),
        (
            Part::Ds1338,
            get(7, &[0x20]).to_vec(),
            Err(Error::Stopped(Register::Control)),
        ),
        (
            Part::Ds3231,
            get(15, &[0x80]).to_vec(),
            Err(Error::Stopped(Register::Status)),
        ),
        (
            Part::Ds1338,
            [get(7, &[0]), get(0, &halted)].concat(),
            Err(Error::Stopped(Register::Seconds)),
        ),
    ];
    for (part, transactions, expected) in cases {
        let mut i2c = Mock::new(&transactions);
        assert_eq!(embassy_futures::block_on(rtc::read(&mut i2c, part)), expected);
        i2c.done();
    }
}

#[test]
fn a_clock_chip_that_is_not_there_says_so() {
    use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
    let nack = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
    let mut i2c = Mock::new(&[Transaction::write(ADDRESS, vec![7]).with_error(nack)]);
    let error = embassy_futures::block_on(rtc::read(&mut i2c, Part::Ds1338)).unwrap_err();
    assert_eq!(error, Error::Bus(Register::Control, nack));
    let fault = ReadFault {
        fault: Fault::Nack,
        register: 7,
    };
    assert_eq!(ReadFault::from(error), fault);
    i2c.done();
}

#[test]
fn setting_a_clock_chip_clears_the_flag_that_the_time_was_lost() {
    let mut transactions = vec![Transaction::write(
        ADDRESS,
        vec![0, 0x00, 0x00, 0x12, 1, 0x29, 0x02, 0x24],
    )];
    transactions.extend(get(15, &[0x88]));
    transactions.push(Transaction::write(ADDRESS, vec![15, 0x08]));
    let mut i2c = Mock::new(&transactions);
    embassy_futures::block_on(rtc::set(&mut i2c, Part::Ds3231, NOON)).unwrap();
    i2c.done();
}

/// A server's answer: received and sent at these times.
fn answer(cookie: u64, received: UtcMillis, sent: UtcMillis) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[0] = 0x24;
    packet[1] = 2;
    packet[24..32].copy_from_slice(&cookie.to_be_bytes());
    for (at, time) in [(32, received), (40, sent)] {
        let seconds = (time.0.div_euclid(1_000) + 2_208_988_800) as u32;
        let fraction = ((time.0.rem_euclid(1_000) as u64) << 32).div_ceil(1_000) as u32;
        packet[at..at + 4].copy_from_slice(&seconds.to_be_bytes());
        packet[at + 4..at + 8].copy_from_slice(&fraction.to_be_bytes());
    }
    packet
}

#[test]
fn half_of_the_way_is_added_to_what_the_server_says() {
    let query = Query::new(Uptime(1_000), 0xfeed);
    assert_eq!(query.encode()[0], 0x23);
    // 80 ms there and back, of which the server took 20.
    let packet = answer(0xfeed, NOON, NOON.saturating_add_ms(20));
    assert_eq!(
        query.decode(Uptime(1_080), &packet),
        Ok(NOON.saturating_add_ms(50))
    );
    // After the wrap of 2036.
    let later = UtcMillis(2_100_000_000_000);
    assert_eq!(
        query.decode(Uptime(1_000), &answer(0xfeed, later, later)),
        Ok(later)
    );
}

#[test]
fn an_answer_that_cannot_be_trusted_is_no_time() {
    let query = Query::new(Uptime(0), 7);
    let good = answer(7, NOON, NOON);
    let with = |at: usize, byte: u8| {
        let mut packet = good;
        packet[at] = byte;
        packet
    };
    let old = UtcMillis(1_000_000_000_000);
    let cases: [(&[u8], u64, SntpError); 7] = [
        (&good[..40], 10, SntpError::Short(40)),
        (&answer(8, NOON, NOON), 10, SntpError::NotOurs),
        (&with(0, 0x23), 10, SntpError::NotOurs),
        (&with(0, 0xe4), 10, SntpError::NotSynchronized),
        (&with(1, 0), 10, SntpError::NotSynchronized),
        (&good, 5_000, SntpError::TooSlow(5_000)),
        (
            &answer(7, old, old),
            10,
            SntpError::Implausible(old.saturating_add_ms(5)),
        ),
    ];
    for (packet, received, error) in cases {
        assert_eq!(query.decode(Uptime(received), packet), Err(error));
    }
}
