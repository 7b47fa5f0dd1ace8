//! What has become of a board's journal: each sequence on the card against the gateway's log.

use crate::journals::JournalEnd;
use crate::register::{LogRow, Register};
use std::collections::BTreeMap;
use std::fmt;

/// What was counted, and everything that is wrong.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Sequences the board has written, from the first that was to be delivered.
    pub written: u64,
    /// Of those, in the log.
    pub logged: u64,
    /// Of those, not in the log: all of them must be counted as dropped.
    pub missing: u64,
    /// What the board counts as dropped.
    pub dropped: u64,
    /// Of those in the log, sent again or late.
    pub historical: u64,
    /// Of those in the log, compared with the record that is still on the card.
    pub compared: u64,
    /// Everything wrong, in words.
    pub problems: Vec<String>,
}

/// The rows of a node's journal in the order of the log, with their sequences.
pub fn journaled<'r>(register: &'r Register, node: &str) -> Vec<(u64, &'r LogRow)> {
    let own = register.log.iter().filter(|row| row.node == node);
    own.filter_map(|row| Some((row.journal?.1, row))).collect()
}

/// What was on a card.
#[derive(Clone, Copy, Debug)]
pub struct Card<'c> {
    /// Sequences below were another gateway's.
    pub from: u64,
    /// When the power went for the last time before everything was to be delivered.
    pub written: &'c JournalEnd,
    /// After what was written since.
    pub end: &'c JournalEnd,
    /// Of the end.
    pub records: &'c BTreeMap<u64, Vec<u8>>,
}

/// Compares the log with what was on the card.
///
/// # Panics
/// When a logged message cannot be read.
#[must_use]
pub fn check(register: &Register, card: &Card<'_>) -> Delivery {
    let Card {
        from,
        written,
        end,
        records,
    } = *card;
    let mut found = Delivery {
        written: written.next.saturating_sub(from),
        dropped: written.dropped,
        ..Delivery::default()
    };
    let mut problem = |text: String| found.problems.push(text);
    if register.integrity != "ok" {
        problem(format!("the database is damaged: {}", register.integrity));
    }
    if (written.epoch, written.dropped) != (end.epoch, end.dropped) {
        problem(format!("the journal began anew or dropped something: {end:?}"));
    }
    if written.next <= from {
        problem("nothing was written: nothing was checked".to_owned());
    }
    let births = register.births();
    let mut times: BTreeMap<u64, u32> = BTreeMap::new();
    for (seq, row) in journaled(register, &written.node) {
        let epoch = row.journal.map_or(0, |(epoch, _)| epoch);
        if epoch != written.epoch {
            problem(format!("sequence {seq} is of another epoch, {epoch:x}"));
        }
        let stated = births.seq(row);
        if stated != Some(seq) {
            problem(format!("the message filed as {seq} calls itself {stated:?}"));
        }
        if let Some(record) = records.get(&seq) {
            found.compared += 1;
            if !births.says(row, record) {
                problem(format!(
                    "the message filed as {seq} is not the record on the card"
                ));
            }
        }
        if !(from..end.next).contains(&seq) {
            problem(format!("the board never wrote {seq}"));
        }
        if seq < written.next {
            *times.entry(seq).or_insert(0) += 1;
            found.historical += u64::from(row.historical);
        }
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).take(8).collect();
    if !twice.is_empty() {
        problem(format!("in the log more than once: {twice:?} …"));
    }
    let missing: Vec<u64> = (from..written.next)
        .filter(|seq| !times.contains_key(seq))
        .collect();
    if missing.len() as u64 != written.dropped {
        let some = &missing[..missing.len().min(8)];
        problem(format!(
            "{} sequences are not in the log, {} are counted as dropped: {some:?} …",
            missing.len(),
            written.dropped
        ));
    }
    found.logged = times.len() as u64;
    found.missing = missing.len() as u64;
    found
}

impl Delivery {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} journal records written, {} in the log once ({} as history, {} compared with the card), {} not, {} \
             counted as dropped",
            self.written, self.logged, self.historical, self.compared, self.missing, self.dropped
        )?;
        for problem in &self.problems {
            write!(f, "\n  WRONG {problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_protocol::journal::METRIC_SEQ;
    use vigil_protocol::sparkplug::{Encoder, Metric, MetricValue};

    /// A message that states this sequence.
    fn message(stated: u64) -> Vec<u8> {
        let mut bytes = [0; 64];
        let mut encoder = Encoder::new(&mut bytes);
        let metric = Metric::named(METRIC_SEQ, MetricValue::UInt64(stated));
        encoder.metric(&metric.typed()).unwrap();
        encoder.as_bytes().to_vec()
    }

    /// A log with these sequences; the messages state the second number of each pair.
    fn log(seqs: &[(u64, u64)]) -> Register {
        let row = |(seq, stated): &(u64, u64)| LogRow {
            position: 1,
            node: "bench/board".to_owned(),
            device: String::new(),
            kind: 6,
            historical: false,
            received: 0,
            journal: Some((7, *seq)),
            context: None,
            payload: message(*stated),
        };
        Register {
            log: seqs.iter().map(row).collect(),
            integrity: "ok".to_owned(),
            ..Register::default()
        }
    }

    fn end(next: u64, dropped: u64) -> JournalEnd {
        JournalEnd {
            node: "bench/board".to_owned(),
            epoch: 7,
            first: 0,
            next,
            dropped,
        }
    }

    fn compared(log: &Register, from: u64, end: &JournalEnd, records: &BTreeMap<u64, Vec<u8>>) -> Delivery {
        let card = Card {
            from,
            written: end,
            end,
            records,
        };
        check(log, &card)
    }

    /// Sequences and what they state, where the journal begins and ends, what was dropped.
    type Case<'c> = (&'c [(u64, u64)], u64, u64, u64);

    #[test]
    fn each_sequence_is_in_the_log_once_or_counted_as_dropped_and_nothing_else_is() {
        let fine: [Case<'_>; 4] = [
            (&[(0, 0), (1, 1), (2, 2)], 0, 3, 0),
            (&[(2, 2), (0, 0), (1, 1)], 0, 3, 0),
            (&[(5, 5), (6, 6)], 5, 7, 0),
            (&[(1, 1), (2, 2)], 0, 3, 1),
        ];
        let wrong: [Case<'_>; 7] = [
            (&[(0, 0), (2, 2)], 0, 3, 0),
            (&[(0, 0), (1, 1)], 0, 3, 0),
            (&[(0, 0), (1, 1), (1, 1)], 0, 2, 0),
            (&[(0, 0), (1, 2)], 0, 2, 0),
            (&[(0, 0), (1, 1), (2, 2)], 0, 2, 0),
            (&[(0, 0), (1, 1)], 0, 2, 1),
            (&[], 0, 0, 0),
        ];
        for (seqs, from, next, dropped) in fine {
            let found = compared(&log(seqs), from, &end(next, dropped), &BTreeMap::new());
            assert!(found.ok(), "{seqs:?}: {found}");
        }
        for (seqs, from, next, dropped) in wrong {
            let found = compared(&log(seqs), from, &end(next, dropped), &BTreeMap::new());
            assert!(!found.ok(), "{seqs:?}: {found}");
        }
        let other_epoch = JournalEnd {
            epoch: 8,
            ..end(1, 0)
        };
        assert!(!compared(&log(&[(0, 0)]), 0, &other_epoch, &BTreeMap::new()).ok());
    }

    #[test]
    fn a_message_that_is_not_the_record_on_the_card_is_found() {
        let log = log(&[(0, 0), (1, 1)]);
        let records = |stated| BTreeMap::from([(1, message(stated))]);
        let found = compared(&log, 0, &end(2, 0), &records(1));
        assert!(found.ok() && found.compared == 1, "{found}");
        assert!(!compared(&log, 0, &end(2, 0), &records(2)).ok());
    }
}
