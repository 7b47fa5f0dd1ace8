//! The master on a line where things go wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

#[path = "support/line.rs"]
mod line;

use std::convert::Infallible;

use line::{Clock, Delay, Line, framed, words};
use proptest::prelude::*;
use vigil_firmware::drivers::pressure_transmitter;
use vigil_firmware::modbus::{
    MAX_WORDS, Master, ModbusError, Reply, Request, RequestError, Table, Timing, encode_request, find_reply,
};
use vigil_protocol::vocabulary::Unit;

const TIMING: Timing = Timing::at_baud(9_600, 200);

/// Bytes, and after how many µs they arrive.
type Script = Vec<(u64, Vec<u8>)>;
type Answer = Result<Vec<u16>, ModbusError<Infallible>>;

fn request(unit: u8, address: u16, count: u8) -> Request {
    Request::new(unit, Table::Holding, address, count).unwrap()
}

fn ask(clock: &Clock, master: &mut Master<Line, Delay>, request: &Request) -> Answer {
    let mut words = [0; MAX_WORDS];
    let now = clock.uptime();
    clock
        .run(master.read(now, request, &mut words))
        .map(|words| words.to_vec())
}

#[test]
fn a_request_is_the_bytes_the_specification_shows() {
    // Modbus application protocol V1.1b3 6.3 (holding) and the CRC of the serial line specification.
    let cases: [(Request, [u8; 8]); 3] = [
        (request(1, 0, 10), [1, 3, 0, 0, 0, 10, 0xc5, 0xcd]),
        (request(0x11, 0x6b, 3), [0x11, 3, 0, 0x6b, 0, 3, 0x76, 0x87]),
        (
            Request::new(1, Table::Input, 8, 1).unwrap(),
            [1, 4, 0, 8, 0, 1, 0xb0, 0x08],
        ),
    ];
    for (request, bytes) in cases {
        assert_eq!(encode_request(&request), bytes, "{request}");
    }
}

#[test]
fn requests_that_cannot_be_are_refused() {
    let new = |unit, address, count| Request::new(unit, Table::Holding, address, count);
    assert_eq!(new(0, 0, 1), Err(RequestError::Broadcast));
    assert_eq!(new(1, 0, 0), Err(RequestError::Count(0)));
    assert_eq!(new(1, 0, 33), Err(RequestError::Count(33)));
    let past = RequestError::PastEnd {
        address: 0xffff,
        count: 2,
    };
    assert_eq!(new(1, 0xffff, 2), Err(past));
    assert!(new(255, 0xffff, 1).is_ok());
}

#[test]
fn every_way_a_line_fails_has_its_own_error_and_none_is_a_value() {
    let good = words(1, 3, &[7]);
    let mut broken = good.clone();
    broken[4] ^= 1;
    let cases: Vec<(&str, Script, Answer)> = vec![
        ("at once", vec![(900, good.clone())], Ok(vec![7])),
        (
            "in two pieces",
            vec![(900, good[..3].to_vec()), (9_000, good[3..].to_vec())],
            Ok(vec![7]),
        ),
        (
            "after noise",
            vec![(500, vec![0, 0xff, 1, 3, 2]), (2_000, good.clone())],
            Ok(vec![7]),
        ),
        ("nothing", vec![], Err(ModbusError::Silence)),
        ("wrong CRC", vec![(900, broken)], Err(ModbusError::BadCrc)),
        (
            "short",
            vec![(900, good[..5].to_vec())],
            Err(ModbusError::NoReply { received: 5 }),
        ),
        (
            "another unit",
            vec![(900, words(2, 3, &[7]))],
            Err(ModbusError::WrongUnit(2)),
        ),
        (
            "another unit, then the right one",
            vec![(900, words(2, 3, &[9])), (5_000, good.clone())],
            Ok(vec![7]),
        ),
        (
            "another function",
            vec![(900, words(1, 4, &[7]))],
            Err(ModbusError::NoReply { received: 7 }),
        ),
        (
            "more words than asked for",
            vec![(900, words(1, 3, &[7, 8]))],
            Err(ModbusError::NoReply { received: 9 }),
        ),
        (
            "exception",
            vec![(900, framed(&[1, 0x83, 2]))],
            Err(ModbusError::Exception(2)),
        ),
        ("too late", vec![(210_000, good)], Err(ModbusError::Silence)),
    ];
    for (name, reply, expected) in cases {
        let clock = Clock::default();
        let line = Line::new(&clock, move |_| reply.clone());
        let mut master = Master::new(line, Delay(clock.clone()), TIMING);
        assert_eq!(ask(&clock, &mut master, &request(1, 4, 1)), expected, "{name}");
    }
}

#[test]
fn noise_longer_than_the_buffer_does_not_hide_the_reply() {
    let clock = Clock::default();
    let line = Line::new(&clock, |_| {
        vec![(500, vec![0x55; 1_000]), (2_000, words(1, 3, &[7]))]
    });
    let mut master = Master::new(line, Delay(clock.clone()), TIMING);
    assert_eq!(ask(&clock, &mut master, &request(1, 4, 1)), Ok(vec![7]));
}

#[test]
fn a_late_reply_is_never_read_as_the_next_value() {
    // The first request is answered after 300 ms, with a reply that would fit the second one as well.
    let clock = Clock::default();
    let mut asked = 0;
    let line = Line::new(&clock, move |_| {
        asked += 1;
        match asked {
            1 => vec![(300_000, words(1, 3, &[0xdead]))],
            n => vec![(1_000, words(1, 3, &[n]))],
        }
    });
    let mut master = Master::new(line, Delay(clock.clone()), TIMING);
    assert_eq!(
        ask(&clock, &mut master, &request(1, 4, 1)),
        Err(ModbusError::Silence)
    );
    // Another slave need not wait, and does not take the late reply for its own.
    assert_eq!(
        ask(&clock, &mut master, &request(2, 4, 1)),
        Err(ModbusError::WrongUnit(1))
    );
    assert_eq!(
        ask(&clock, &mut master, &request(1, 5, 1)),
        Err(ModbusError::Owing)
    );
    clock.advance_ms(700);
    assert_eq!(ask(&clock, &mut master, &request(1, 5, 1)), Ok(vec![3]));
}

#[test]
fn the_line_is_silent_for_three_and_a_half_characters_before_a_request() {
    let clock = Clock::default();
    let line = Line::new(&clock, |_| vec![(1_000, words(1, 3, &[7]))]).noise(2_000, &[1, 2, 3]);
    let mut master = Master::new(line, Delay(clock.clone()), TIMING);
    assert_eq!(ask(&clock, &mut master, &request(1, 4, 1)), Ok(vec![7]));
    // 2 ms until the noise, 4.01 ms of silence, 1 ms until the reply.
    assert_eq!(clock.now_us(), 2_000 + 4_010 + 1_000);
}

#[test]
fn a_line_that_never_falls_silent_is_not_written_to() {
    let clock = Clock::default();
    let mut line = Line::new(&clock, |_| vec![]);
    for n in 0..1_000 {
        line = line.noise(n * 1_000, &[0x55]);
    }
    let sent = line.sent.clone();
    let mut master = Master::new(line, Delay(clock.clone()), TIMING);
    assert_eq!(
        ask(&clock, &mut master, &request(1, 4, 1)),
        Err(ModbusError::Chatter)
    );
    assert!(sent.borrow().is_empty());
}

#[test]
fn a_transmitter_is_read_with_its_unit_and_decimals() {
    let clock = Clock::default();
    let line = Line::new(&clock, |_| vec![(1_000, words(3, 3, &[3, 2, 1_234]))]);
    let mut master = Master::new(line, Delay(clock.clone()), TIMING);
    let read = clock.run(pressure_transmitter::read(&mut master, clock.uptime(), 3));
    assert_eq!(read, Ok((12.34, Unit::Bar)));
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_fail_or_see_a_reply_without_a_sound_crc(
        bytes in proptest::collection::vec(any::<u8>(), 0..80), count in 1_u8..5
    ) {
        if let Reply::Words(data) = find_reply(&request(1, 0, count), &bytes) {
            let frame = framed(&[&[1, 3, 2 * count], data].concat());
            prop_assert!(bytes.windows(frame.len()).any(|window| window == frame));
        }
    }

    #[test]
    fn a_reply_is_found_after_any_noise_and_a_flipped_bit_is_not_believed(
        noise in proptest::collection::vec(any::<u8>(), 0..20),
        values in proptest::collection::vec(any::<u16>(), 1..8),
        flip in any::<proptest::sample::Index>(),
    ) {
        let request = request(9, 0, values.len() as u8);
        let reply = words(9, 3, &values);
        let found = [noise.clone(), reply.clone()].concat();
        let Reply::Words(data) = find_reply(&request, &found) else { panic!("{found:?}") };
        let read: Vec<u16> = data.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        prop_assert_eq!(read, values);
        let mut broken = reply;
        let bit = flip.index(broken.len() * 8);
        broken[bit / 8] ^= 1 << (bit % 8);
        let reply = find_reply(&request, &broken);
        prop_assert!(!matches!(reply, Reply::Words(_) | Reply::Exception(_)), "{reply:?}");
    }
}
