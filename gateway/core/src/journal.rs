//! Gateway side of a node's journal: what is on disk, what to acknowledge, what to ask for again.
//!
//! Nothing here is lost by a crash: it is rebuilt from the log, and a node sends again what was never
//! acknowledged.

use crate::output::CommandKind;
use crate::settings::Settings;
use crate::status::JournalStatus;
use serde::{Deserialize, Serialize};
use vigil_protocol::journal::{Insert, Received};
use vigil_protocol::time::UtcMillis;

/// Separate ranges above the first hole that are kept per node.
const RANGES: usize = 64;
/// A number so far above the highest seen is not believed: no flash holds so many messages.
const FARTHEST: u64 = 1_000_000_000;
/// Acknowledgements repeated for a node that did not hear them come at most this often.
const REPEAT_ACK_MS: i64 = 1_000;
/// A hole nobody fills is asked for ever more rarely, down to this.
const MAX_RESEND_MS: i64 = 600_000;

/// What became of a journaled message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offered {
    /// Not seen before. `exist` messages have become known to exist by it (itself, and holes below it).
    New { exist: u64 },
    /// Seen before.
    Duplicate,
    /// Cannot be kept now: neither stored nor acknowledged, the node sends it again.
    Refused,
}

/// Messages that can never be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lost {
    /// How many.
    pub(crate) messages: u64,
    /// How many messages have become known to exist by it.
    pub(crate) exist: u64,
}

/// One node's journal in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journal {
    epoch: u64,
    #[serde(with = "ranges")]
    received: Ledger,
    /// Highest sequence seen, plus one.
    beyond: u64,
    /// Messages lost for good, in all epochs.
    #[serde(default)]
    dropped: u64,
    /// The node's own count of what it dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acked: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acked_at: Option<UtcMillis>,
    #[serde(default)]
    since_ack: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ack_due: Option<UtcMillis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resend_due: Option<UtcMillis>,
    /// Start of the hole last asked for, and how often in vain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<(u64, u32)>,
}

/// [`Received`] takes a kilobyte; most of the time nothing is missing and two numbers say it all.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ledger {
    Whole { first: u64, next: u64 },
    Holes(Box<Received<RANGES>>, u64),
}

impl Ledger {
    fn insert(&mut self, seq: u64) -> Insert {
        match self {
            Self::Whole { next, .. } if seq < *next => Insert::Duplicate,
            Self::Whole { next, .. } if seq == *next => {
                *next += 1;
                Insert::New
            }
            Self::Whole { first, next } => {
                let Some(mut received) = Received::restore(*first, *next, []) else {
                    return Insert::TooFar;
                };
                let insert = received.insert(seq);
                *self = Self::Holes(Box::new(received), *first);
                insert
            }
            Self::Holes(received, _) => {
                let insert = received.insert(seq);
                self.close();
                insert
            }
        }
    }

    fn skip_to(&mut self, seq: u64) -> u64 {
        match self {
            Self::Whole { next, .. } => {
                let lost = seq.saturating_sub(*next);
                *next = seq.max(*next);
                lost
            }
            Self::Holes(received, _) => {
                let lost = received.skip_to(seq);
                self.close();
                lost
            }
        }
    }

    /// Back to two numbers once nothing is missing.
    fn close(&mut self) {
        if let Self::Holes(received, first) = self
            && received.ranges().is_empty()
        {
            *self = Self::Whole {
                first: *first,
                next: received.next_expected(),
            };
        }
    }

    fn contains(&self, seq: u64) -> bool {
        match self {
            Self::Whole { next, .. } => seq < *next,
            Self::Holes(received, _) => received.contains(seq),
        }
    }

    fn next(&self) -> u64 {
        match self {
            Self::Whole { next, .. } => *next,
            Self::Holes(received, _) => received.next_expected(),
        }
    }

    fn first(&self) -> u64 {
        match self {
            Self::Whole { first, .. } | Self::Holes(_, first) => *first,
        }
    }

    fn contiguous(&self) -> Option<u64> {
        (self.next() > self.first()).then(|| self.next() - 1)
    }

    fn first_hole(&self) -> Option<(u64, u64)> {
        match self {
            Self::Whole { .. } => None,
            Self::Holes(received, _) => received.first_hole(),
        }
    }

    fn missing(&self) -> u64 {
        match self {
            Self::Whole { .. } => 0,
            Self::Holes(received, _) => received.missing(),
        }
    }
}

impl Journal {
    /// A journal first heard of: the node holds everything from `first` on.
    pub(crate) fn new(epoch: u64, first: u64) -> Self {
        Self {
            epoch,
            received: Ledger::Whole { first, next: first },
            beyond: first,
            dropped: 0,
            reported: None,
            acked: None,
            acked_at: None,
            since_ack: 0,
            ack_due: None,
            resend_due: None,
            asked: None,
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A message with this number arrived.
    pub(crate) fn offer(&mut self, seq: u64, now: UtcMillis, settings: &Settings) -> Offered {
        if seq >= self.beyond.saturating_add(FARTHEST) {
            return Offered::Refused;
        }
        match self.received.insert(seq) {
            Insert::New => {
                let exist = (seq + 1).saturating_sub(self.beyond);
                self.beyond = self.beyond.max(seq + 1);
                self.on_new(now, settings);
                Offered::New { exist }
            }
            Insert::Duplicate => {
                // It did not hear our acknowledgement: say it again, soon, but not per message.
                if self
                    .received
                    .contiguous()
                    .is_some_and(|contiguous| seq <= contiguous)
                {
                    let earliest = self
                        .acked_at
                        .map_or(now, |at| at.saturating_add_ms(REPEAT_ACK_MS).max(now));
                    self.ack_due = Some(self.ack_due.map_or(earliest, |due| due.min(earliest)));
                }
                Offered::Duplicate
            }
            Insert::TooFar => Offered::Refused,
        }
    }

    fn on_new(&mut self, now: UtcMillis, settings: &Settings) {
        if self.received.contiguous() > self.acked {
            self.since_ack += 1;
            let due = if self.since_ack >= settings.ack_messages {
                now
            } else {
                now.saturating_add_ms(settings.ack_interval_ms)
            };
            self.ack_due = Some(self.ack_due.map_or(due, |earlier| earlier.min(due)));
        }
        match (self.received.first_hole(), self.resend_due) {
            (None, _) => (self.resend_due, self.asked) = (None, None),
            (Some(_), None) => self.resend_due = Some(now.saturating_add_ms(settings.reorder_timeout_ms)),
            (Some(_), Some(_)) => {}
        }
    }

    /// What is due at or before `now`: an acknowledgement, a request.
    pub(crate) fn take_due(&mut self, now: UtcMillis, settings: &Settings) -> [Option<CommandKind>; 2] {
        let ack = self
            .ack_due
            .filter(|due| *due <= now)
            .and_then(|_| self.take_ack(now));
        let resend = self
            .resend_due
            .filter(|due| *due <= now)
            .and_then(|_| self.take_resend(now, settings));
        [ack, resend]
    }

    fn take_ack(&mut self, now: UtcMillis) -> Option<CommandKind> {
        self.ack_due = None;
        self.since_ack = 0;
        let seq = self.received.contiguous()?;
        self.acked = Some(seq);
        self.acked_at = Some(now);
        Some(CommandKind::JournalAck {
            epoch: self.epoch,
            seq,
        })
    }

    fn take_resend(&mut self, now: UtcMillis, settings: &Settings) -> Option<CommandKind> {
        let Some((from, to)) = self.received.first_hole() else {
            (self.resend_due, self.asked) = (None, None);
            return None;
        };
        let in_vain = match self.asked {
            Some((start, times)) if start == from => times + 1,
            _ => 0,
        };
        self.asked = Some((from, in_vain));
        let wait = settings
            .resend_interval_ms
            .saturating_mul(1 << in_vain.min(16))
            .min(MAX_RESEND_MS);
        self.resend_due = Some(now.saturating_add_ms(wait.max(1)));
        Some(CommandKind::JournalResend {
            epoch: self.epoch,
            from,
            to,
        })
    }

    /// The node was born in this epoch. Says at once how far we are, so that it need not send that again.
    pub(crate) fn on_birth(&mut self, now: UtcMillis) {
        if self.received.contiguous().is_some() {
            self.ack_due = Some(now);
        }
    }

    /// Everything below `next` has been received (or is known to be lost).
    pub(crate) fn has_all_below(&self, next: u64) -> bool {
        self.received.first_hole().is_none() && self.beyond == next
    }

    /// The message before this one has been received (or is known to be lost).
    pub(crate) fn has_before(&self, seq: u64) -> bool {
        seq.checked_sub(1)
            .is_none_or(|before| self.received.contains(before))
    }

    /// The node holds nothing below `first` any more.
    pub(crate) fn on_first(&mut self, first: u64) -> Lost {
        if first > self.beyond.saturating_add(FARTHEST) {
            return Lost::default();
        }
        let lost = self.received.skip_to(first);
        let exist = first.saturating_sub(self.beyond);
        self.beyond = self.beyond.max(first);
        self.dropped = self.dropped.saturating_add(lost);
        if self.received.first_hole().is_none() {
            (self.resend_due, self.asked) = (None, None);
        }
        Lost {
            messages: lost,
            exist,
        }
    }

    /// The node's own count of dropped messages. True if it grew since it was last told.
    pub(crate) fn on_reported(&mut self, dropped: u64) -> bool {
        self.reported
            .replace(dropped)
            .is_some_and(|before| dropped > before)
    }

    /// A new epoch replaces this one: what is known to be missing of the old one is lost.
    pub(crate) fn replace(&mut self, epoch: u64, first: u64) -> Lost {
        let messages = self.received.missing();
        let dropped = self.dropped.saturating_add(messages);
        *self = Self {
            dropped,
            ..Self::new(epoch, first)
        };
        Lost { messages, exist: 0 }
    }

    /// When [`Self::take_due`] has something.
    pub(crate) fn deadline(&self) -> Option<UtcMillis> {
        match (self.ack_due, self.resend_due) {
            (Some(ack), Some(resend)) => Some(ack.min(resend)),
            (ack, resend) => ack.or(resend),
        }
    }

    pub(crate) fn status(&self) -> JournalStatus {
        JournalStatus {
            epoch: self.epoch,
            contiguous: self.received.contiguous(),
            highest: (self.beyond > self.received.first()).then(|| self.beyond - 1),
            first_hole: self.received.first_hole(),
            dropped: self.dropped,
            acked: self.acked,
        }
    }
}

/// `(first, next, ranges)`.
mod ranges {
    use super::{Ledger, Received};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(ledger: &Ledger, serializer: S) -> Result<S::Ok, S::Error> {
        let ranges: &[(u64, u64)] = match ledger {
            Ledger::Whole { .. } => &[],
            Ledger::Holes(received, _) => received.ranges(),
        };
        (ledger.first(), ledger.next(), ranges).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ledger, D::Error> {
        let (first, next, ranges) = <(u64, u64, Vec<(u64, u64)>)>::deserialize(deserializer)?;
        if ranges.is_empty() && next >= first {
            return Ok(Ledger::Whole { first, next });
        }
        Received::restore(first, next, ranges)
            .map(|received| Ledger::Holes(Box::new(received), first))
            .ok_or_else(|| D::Error::custom("journal ranges that cannot be"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, Lost, Offered};
    use crate::output::CommandKind;
    use crate::settings::Settings;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn acknowledgements_wait_for_time_or_number_and_holes_for_the_reorder_time() {
        let settings = Settings {
            ack_messages: 3,
            ..Settings::default()
        };
        let mut journal = Journal::new(7, 10);
        let at = UtcMillis;
        assert_eq!(journal.offer(10, at(0), &settings), Offered::New { exist: 1 });
        assert_eq!(journal.deadline(), Some(at(settings.ack_interval_ms)));
        assert_eq!(journal.offer(10, at(1), &settings), Offered::Duplicate);
        assert_eq!(
            journal.take_due(at(1), &settings)[0],
            Some(CommandKind::JournalAck { epoch: 7, seq: 10 })
        );
        for seq in 11..14 {
            journal.offer(seq, at(2), &settings);
        }
        assert_eq!(
            journal.take_due(at(2), &settings)[0],
            Some(CommandKind::JournalAck { epoch: 7, seq: 13 })
        );
        assert_eq!(journal.offer(16, at(3), &settings), Offered::New { exist: 3 });
        let due = at(3 + settings.reorder_timeout_ms);
        assert_eq!(journal.deadline(), Some(due));
        let resend = CommandKind::JournalResend {
            epoch: 7,
            from: 14,
            to: 15,
        };
        assert_eq!(journal.take_due(due, &settings), [None, Some(resend)]);
        journal.offer(14, due, &settings);
        journal.offer(15, due, &settings);
        assert_eq!(journal.status().contiguous, Some(16));
        assert_eq!(journal.status().first_hole, None);
    }

    #[test]
    fn what_the_node_no_longer_holds_is_lost_once() {
        let settings = Settings::default();
        let mut journal = Journal::new(1, 0);
        for seq in [0, 1, 2, 7, 9] {
            journal.offer(seq, UtcMillis(0), &settings);
        }
        assert_eq!(
            journal.on_first(8),
            Lost {
                messages: 4,
                exist: 0
            }
        );
        assert_eq!(journal.on_first(8), Lost::default());
        assert_eq!(journal.status().first_hole, Some((8, 8)));
        assert_eq!(
            journal.replace(2, 0),
            Lost {
                messages: 1,
                exist: 0
            }
        );
        assert_eq!(journal.status().dropped, 5);
    }

    #[test]
    fn numbers_no_flash_could_reach_are_refused() {
        let mut journal = Journal::new(1, 0);
        for seq in [u64::MAX, u64::MAX - 1, 1 << 40] {
            assert_eq!(
                journal.offer(seq, UtcMillis(0), &Settings::default()),
                Offered::Refused
            );
        }
        assert_eq!(journal.on_first(u64::MAX), Lost::default());
        assert_eq!(
            journal.on_first(5),
            Lost {
                messages: 5,
                exist: 5
            }
        );
    }

    proptest! {
        #[test]
        fn every_message_is_new_exactly_once_however_it_comes(seqs in proptest::collection::vec(0_u64..60, 0..200), first in 0_u64..5) {
            let settings = Settings::default();
            let mut journal = Journal::new(1, first);
            let mut model = BTreeSet::new();
            let mut exist = 0;
            for seq in seqs {
                let offered = journal.offer(seq, UtcMillis(0), &settings);
                let fresh = seq >= first && model.insert(seq);
                prop_assert_eq!(matches!(offered, Offered::New { .. }), fresh);
                if let Offered::New { exist: more } = offered {
                    exist += more;
                }
                let json = serde_json::to_string(&journal).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Journal>(&json).unwrap(), &journal);
            }
            let highest = model.iter().next_back().copied();
            prop_assert_eq!(journal.status().highest, highest);
            prop_assert_eq!(exist, highest.map_or(0, |highest| highest + 1 - first));
            let contiguous = (first..).find(|seq| !model.contains(seq)).filter(|next| *next > first).map(|next| next - 1);
            prop_assert_eq!(journal.status().contiguous, contiguous);
        }
    }
}
