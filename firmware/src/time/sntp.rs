//! SNTP (RFC 4330): the packet to send and what the answer says. No socket, no clock.

use core::fmt;

use vigil_protocol::time::UtcMillis;

use super::Uptime;

/// Bytes of a packet.
pub const PACKET: usize = 48;
/// UDP port of a server.
pub const PORT: u16 = 123;

/// Version 4, client.
const CLIENT: u8 = 4 << 3 | 3;
const SERVER_MODE: u8 = 4;
/// 1900 to 1970, s.
const ERA_S: i64 = 2_208_988_800;
/// Seconds of one NTP era: the 32-bit counter wraps in 2036.
const WRAP_S: i64 = 1 << 32;
/// Longest way there and back that still makes a time, ms.
const MAX_ROUND_TRIP_MS: u64 = 4_000;
/// 2024-01-01: an answer before it is from the next era, or from a server that does not know the time.
const EARLIEST: UtcMillis = UtcMillis(1_704_067_200_000);

/// A request under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Query {
    sent: Uptime,
    cookie: u64,
}

/// Why an answer says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SntpError {
    /// Shorter than a packet.
    Short(usize),
    /// Not an answer to this query.
    NotOurs,
    /// The server says that it does not know the time (leap indicator 3, or stratum 0 or above 15).
    NotSynchronized,
    /// The answer took too long to be worth something, ms.
    TooSlow(u64),
    /// Before this firmware was written.
    Implausible(UtcMillis),
}

impl Query {
    /// A query sent at `sent`. `cookie` comes back in the answer: make it hard to guess.
    #[must_use]
    pub const fn new(sent: Uptime, cookie: u64) -> Self {
        Self { sent, cookie }
    }

    /// The packet.
    #[must_use]
    pub fn encode(&self) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        packet[0] = CLIENT;
        packet[40..].copy_from_slice(&self.cookie.to_be_bytes());
        packet
    }

    /// The time at `received`, from the answer that arrived then.
    ///
    /// # Errors
    /// [`SntpError`]
    pub fn decode(&self, received: Uptime, packet: &[u8]) -> Result<UtcMillis, SntpError> {
        let Some(packet) = packet.first_chunk::<PACKET>() else {
            return Err(SntpError::Short(packet.len()));
        };
        if packet[0] & 7 != SERVER_MODE || packet[24..32] != self.cookie.to_be_bytes() {
            return Err(SntpError::NotOurs);
        }
        if packet[0] >> 6 == 3 || !(1..=15).contains(&packet[1]) {
            return Err(SntpError::NotSynchronized);
        }
        let round_trip = received.since_ms(self.sent);
        if round_trip > MAX_ROUND_TRIP_MS {
            return Err(SntpError::TooSlow(round_trip));
        }
        let (asked, said) = (timestamp(packet, 32), timestamp(packet, 40));
        // What the server took is no way.
        let took = said.since(asked).clamp(0, round_trip as i64);
        let way = (round_trip as i64 - took) / 2;
        let now = said.saturating_add_ms(way);
        if now < EARLIEST {
            return Err(SntpError::Implausible(now));
        }
        Ok(now)
    }
}

/// The NTP timestamp at `at`, in the era that makes it later than 1968 (RFC 4330, 3).
fn timestamp(packet: &[u8; PACKET], at: usize) -> UtcMillis {
    let word = |at: usize| {
        let bytes = [packet[at], packet[at + 1], packet[at + 2], packet[at + 3]];
        i64::from(u32::from_be_bytes(bytes))
    };
    let (seconds, fraction) = (word(at), word(at + 4));
    let era = if seconds & 1 << 31 == 0 { WRAP_S } else { 0 };
    UtcMillis((seconds + era - ERA_S) * 1_000 + ((fraction * 1_000) >> 32))
}

impl fmt::Display for SntpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(len) => write!(f, "SNTP answer of {len} bytes"),
            Self::NotOurs => f.write_str("SNTP packet that answers nothing we asked"),
            Self::NotSynchronized => f.write_str("the SNTP server does not know the time"),
            Self::TooSlow(ms) => write!(f, "SNTP answer after {ms} ms"),
            Self::Implausible(utc) => write!(f, "SNTP answer with an impossible time ({} ms)", utc.0),
        }
    }
}

impl core::error::Error for SntpError {}
