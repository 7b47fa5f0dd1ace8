//! Sparkplug's `seq`: puts messages of one node back in order, and notices what is missing.

use crate::input::Position;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::sparkplug::MessageType;
use vigil_protocol::time::UtcMillis;

/// Where a message stands in its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// The one expected (or the first one heard, or one without number).
    Next,
    /// Something before it has not arrived; its number, counted on beyond 255.
    Ahead(u64),
    /// It had been given up.
    Behind,
    /// The number of the message before, again: this sender does not count.
    Same,
    /// Behind several times in a row: the sender began anew without a birth.
    Restarted,
}

/// A message that waits for the ones before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) seq: u64,
    pub(crate) position: Position,
    pub(crate) received: UtcMillis,
    pub(crate) message: MessageType,
    pub(crate) device: Option<Arc<str>>,
    pub(crate) payload: Box<[u8]>,
}

/// The sequence state of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sequence {
    /// The next number, counted on beyond 255.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
    /// In order of their numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held: Vec<Held>,
    /// Messages behind, in a row.
    #[serde(skip_serializing_if = "is_zero")]
    behind: u8,
}

/// So many messages behind in a row are no stragglers.
const STRAGGLERS: u8 = 4;

fn is_zero(count: &u8) -> bool {
    *count == 0
}

impl Sequence {
    /// A new session begins with this number.
    pub(crate) fn start(&mut self, seq: Option<u64>) {
        self.expected = seq.map(|seq| u64::from(seq as u8) + 1);
        self.held.clear();
        self.behind = 0;
    }

    /// A new session of a journaling node begins; its next message has this journal number, if it said so.
    pub(crate) fn start_journaled(&mut self, next: Option<u64>) {
        self.expected = next;
        self.held.clear();
        self.behind = 0;
    }

    /// Where a message with this number stands. Unless it is ahead or behind, the next one is expected after it.
    #[inline]
    pub(crate) fn place(&mut self, seq: Option<u64>) -> Order {
        let Some(seq) = seq.map(|seq| seq as u8) else {
            return Order::Next;
        };
        let Some(expected) = self.expected else {
            self.expected = Some(u64::from(seq) + 1);
            return Order::Next;
        };
        let order = match seq.wrapping_sub(expected as u8) {
            0 => {
                self.expected = Some(expected + 1);
                Order::Next
            }
            ahead @ 1..128 => return Order::Ahead(expected + u64::from(ahead)),
            u8::MAX => Order::Same,
            _ if self.behind + 1 >= STRAGGLERS => {
                self.expected = Some(u64::from(seq) + 1);
                Order::Restarted
            }
            _ => {
                self.behind += 1;
                return Order::Behind;
            }
        };
        self.behind = 0;
        order
    }

    /// Where a message with this journal number stands among those a node sends as they happen. The journal's own
    /// numbers, because duplicates have them too and are not in the log: whoever replays it must find the same.
    #[inline]
    pub(crate) fn place_journaled(&mut self, seq: u64) -> Order {
        match self.expected {
            Some(expected) if seq > expected => Order::Ahead(seq),
            Some(expected) if seq < expected => Order::Behind,
            _ => {
                self.expected = Some(seq + 1);
                Order::Next
            }
        }
    }

    /// The number a journaling node's next live message has, if all before it have been applied.
    pub(crate) fn next_journaled(&self) -> Option<u64> {
        self.expected.filter(|_| self.held.is_empty())
    }

    /// Keeps a message until the ones before it have come.
    pub(crate) fn hold(&mut self, held: Held) {
        let at = self.held.partition_point(|other| other.seq <= held.seq);
        self.held.insert(at, held);
    }

    /// The next message that need not wait any longer.
    pub(crate) fn take_ready(&mut self) -> Option<Held> {
        let first = self.held.first()?;
        let expected = self.expected?;
        // A repeated number (two different messages) does not hold up the rest.
        if first.seq > expected {
            return None;
        }
        if first.seq == expected {
            self.expected = Some(expected + 1);
        }
        Some(self.held.remove(0))
    }

    /// Waiting is over: the next message, and how many were missing before it.
    pub(crate) fn take_given_up(&mut self) -> Option<(Held, u64)> {
        if self.held.is_empty() {
            return None;
        }
        let held = self.held.remove(0);
        let missing = self
            .expected
            .map_or(0, |expected| held.seq.saturating_sub(expected));
        self.expected = Some(self.expected.unwrap_or(0).max(held.seq + 1));
        Some((held, missing))
    }

    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// When waiting ends: each held message waits `timeout_ms` at most.
    pub(crate) fn deadline(&self, timeout_ms: i64) -> Option<UtcMillis> {
        self.held
            .iter()
            .map(|held| held.received)
            .min()
            .map(|first| first.saturating_add_ms(timeout_ms))
    }
}

/// A held message in a snapshot: the payload in hex.
#[derive(Serialize, Deserialize)]
struct HeldRecord {
    seq: u64,
    position: Position,
    received: UtcMillis,
    message: String,
    device: Option<Arc<str>>,
    payload: String,
}

impl Serialize for Held {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write as _;
        let mut payload = String::with_capacity(self.payload.len() * 2);
        for byte in &self.payload {
            write!(payload, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        let message = self.message.as_str().to_owned();
        let (position, received) = (self.position, self.received);
        HeldRecord {
            seq: self.seq,
            position,
            received,
            message,
            device: self.device.clone(),
            payload,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Held {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let record = HeldRecord::deserialize(deserializer)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let payload = record
            .payload
            .as_bytes()
            .chunks(2)
            .map(|pair| match *pair {
                [high, low] => Some(digit(high)? << 4 | digit(low)?),
                _ => None,
            })
            .collect::<Option<_>>()
            .ok_or_else(|| D::Error::custom("payload is not hex"))?;
        let message =
            MessageType::parse(&record.message).ok_or_else(|| D::Error::custom("unknown message type"))?;
        let (position, received) = (record.position, record.received);
        Ok(Self {
            seq: record.seq,
            position,
            received,
            message,
            device: record.device,
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, Order, Sequence};
    use crate::input::Position;
    use vigil_protocol::sparkplug::MessageType;
    use vigil_protocol::time::UtcMillis;

    /// Feeds numbers after a birth with `start`; returns the order in which they are used.
    fn used(start: u64, arrivals: &[u8]) -> Vec<u8> {
        let mut sequence = Sequence::default();
        sequence.start(Some(start));
        let mut used = Vec::new();
        for seq in arrivals {
            match sequence.place(Some(u64::from(*seq))) {
                Order::Next | Order::Behind | Order::Same | Order::Restarted => used.push(*seq),
                Order::Ahead(ahead) => sequence.hold(held(ahead)),
            }
            while let Some(held) = sequence.take_ready() {
                used.push(held.seq as u8);
            }
        }
        let json = serde_json::to_string(&sequence).unwrap();
        let mut sequence: Sequence = serde_json::from_str(&json).unwrap();
        while let Some((held, _)) = sequence.take_given_up() {
            used.push(held.seq as u8);
        }
        assert_eq!(sequence.deadline(2_000), None);
        used
    }

    fn held(seq: u64) -> Held {
        Held {
            seq,
            position: Position(1),
            received: UtcMillis(0),
            message: MessageType::DData,
            device: Some("d".into()),
            payload: Box::new([seq as u8, 0xF0]),
        }
    }

    #[test]
    fn a_sender_that_does_not_count_and_one_that_began_anew_are_followed() {
        let mut sequence = Sequence::default();
        sequence.start(Some(100));
        let mut places = |seqs: &[u64]| {
            seqs.iter()
                .map(|seq| sequence.place(Some(*seq)))
                .collect::<Vec<_>>()
        };
        assert_eq!(places(&[101, 101, 101]), [Order::Next, Order::Same, Order::Same]);
        assert_eq!(places(&[90, 102]), [Order::Behind, Order::Next]);
        let anew = [
            Order::Behind,
            Order::Behind,
            Order::Behind,
            Order::Restarted,
            Order::Next,
        ];
        assert_eq!(places(&[0, 1, 2, 3, 4]), anew);
    }

    #[test]
    fn journal_numbers_have_no_end_and_the_first_one_heard_is_where_order_begins() {
        let mut sequence = Sequence::default();
        sequence.start(None);
        assert_eq!(sequence.place_journaled(1_000), Order::Next);
        assert_eq!(sequence.place_journaled(1_001), Order::Next);
        assert_eq!(sequence.place_journaled(2_000), Order::Ahead(2_000));
        sequence.hold(held(2_000));
        assert_eq!(sequence.take_ready(), None);
        assert_eq!(sequence.place_journaled(500), Order::Behind);
        let (given_up, missing) = sequence.take_given_up().unwrap();
        assert_eq!((given_up.seq, missing), (2_000, 998));
        assert_eq!(sequence.place_journaled(2_001), Order::Next);
    }

    #[test]
    fn messages_are_used_in_the_order_of_their_numbers() {
        let cases: &[(u64, &[u8], &[u8])] = &[
            (0, &[1, 2, 3], &[1, 2, 3]),
            (204, &[205, 207, 206, 208], &[205, 206, 207, 208]),
            (253, &[254, 0, 1, 255, 2], &[254, 255, 0, 1, 2]),
            (0, &[3, 2, 5], &[2, 3, 5]),
            (0, &[1, 1, 2], &[1, 1, 2]),
            (0, &[4, 2, 1, 3], &[1, 2, 3, 4]),
        ];
        for (start, arrivals, expected) in cases {
            assert_eq!(used(*start, arrivals), *expected, "arrived as {arrivals:?}");
        }
    }
}
