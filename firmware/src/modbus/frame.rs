//! Bytes of a request, and the reply to it among whatever was received.

use super::request::{MAX_WORDS, Request};

/// Bytes of every request.
pub(super) const REQUEST_BYTES: usize = 8;
/// Longest reply: unit, function, byte count, words, CRC.
pub(super) const REPLY_BYTES: usize = 5 + 2 * MAX_WORDS;
/// Bytes of an exception reply.
const EXCEPTION_BYTES: usize = 5;

/// What the received bytes say about a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply<'b> {
    /// The answer: big-endian words.
    Words(&'b [u8]),
    /// The slave refuses, with this code.
    Exception(u8),
    /// Nothing that answers it, yet.
    None,
    /// A whole answer by length and head whose CRC is wrong.
    BadCrc,
    /// A sound answer of another unit.
    OtherUnit(u8),
}

/// CRC-16/MODBUS: polynomial 0x8005 reflected, all ones at the start.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 }
        })
    })
}

fn is_sound(frame: &[u8]) -> bool {
    // The CRC of a frame followed by its CRC is zero.
    crc16(frame) == 0
}

/// The bytes to send.
#[must_use]
pub fn encode_request(request: &Request) -> [u8; REQUEST_BYTES] {
    let [high, low] = request.address().to_be_bytes();
    let mut bytes = [
        request.unit(),
        request.table().function(),
        high,
        low,
        0,
        request.count(),
        0,
        0,
    ];
    let [low, high] = crc16(&bytes[..6]).to_le_bytes();
    bytes[6] = low;
    bytes[7] = high;
    bytes
}

/// Looks for the reply to `request` in everything received since it was sent: noise in front of it is passed over, and
/// so is a sound frame of another unit. A frame of the right unit with another function or length is no answer.
#[must_use]
pub fn find_reply<'b>(request: &Request, received: &'b [u8]) -> Reply<'b> {
    let (unit, function) = (request.unit(), request.table().function());
    let data = 2 * request.count();
    let whole = 5 + usize::from(data);
    let mut best = Reply::None;
    for start in 0..received.len() {
        let rest = &received[start..];
        let &[from, said, ..] = rest else { break };
        if said == function | 0x80 && from == unit {
            if let Some(frame) = rest.get(..EXCEPTION_BYTES).filter(|frame| is_sound(frame)) {
                return Reply::Exception(frame[2]);
            }
        } else if said == function
            && rest.get(2) == Some(&data)
            && let Some(frame) = rest.get(..whole)
        {
            match (is_sound(frame), from == unit) {
                (true, true) => return Reply::Words(&frame[3..whole - 2]),
                (true, false) => best = Reply::OtherUnit(from),
                (false, true) if best == Reply::None => best = Reply::BadCrc,
                (false, _) => {}
            }
        }
    }
    best
}
