//! Power cuts at every single write of the journal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;

use proptest::prelude::*;
use vigil_firmware::{Acked, AppendError, Bounds, Header, Journal, RamStorage, Storage, StorageFault};

type Flash = RamStorage<160, 6>;

/// The power fails at the n-th write: before it takes effect, or after, but before anyone is told.
#[derive(Clone)]
struct Failing {
    flash: Flash,
    writes_left: Rc<Cell<u32>>,
    torn: bool,
}

#[derive(Debug, PartialEq)]
struct PowerCut;

impl Failing {
    fn write<T>(&mut self, write: impl FnOnce(&mut Flash) -> T) -> Result<T, PowerCut> {
        let left = self.writes_left.get();
        if left == 0 {
            return Err(PowerCut);
        }
        self.writes_left.set(left - 1);
        if left == 1 && self.torn {
            return Err(PowerCut);
        }
        let done = write(&mut self.flash);
        if left == 1 { Err(PowerCut) } else { Ok(done) }
    }
}

fn never(error: Infallible) -> PowerCut {
    match error {}
}

impl Storage for Failing {
    type Error = PowerCut;

    fn header(&mut self) -> Result<Option<Header>, PowerCut> {
        self.flash.header().map_err(never)
    }

    fn save_header(&mut self, header: &Header) -> Result<(), PowerCut> {
        self.write(|flash| flash.save_header(header))?.map_err(never)
    }

    fn bounds(&mut self) -> Result<Bounds, PowerCut> {
        self.flash.bounds().map_err(never)
    }

    fn append(&mut self, seq: u64, record: &[u8]) -> Result<(), AppendError<PowerCut>> {
        let done = self
            .write(|flash| flash.append(seq, record))
            .map_err(AppendError::Medium)?;
        done.map_err(|error| match error {
            AppendError::Full => AppendError::Full,
            AppendError::TooLong => AppendError::TooLong,
            AppendError::Medium(error) => match error {},
        })
    }

    fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<PowerCut>> {
        self.flash.read(seq, buf).map_err(|_| StorageFault::Damaged)
    }

    fn free_below(&mut self, seq: u64) -> Result<(), PowerCut> {
        self.write(|flash| flash.free_below(seq))?.map_err(never)
    }

    fn oldest_unit_end(&self) -> Option<u64> {
        self.flash.oldest_unit_end()
    }
}

#[derive(Clone, Debug)]
enum Op {
    Append(usize),
    Ack(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![4 => (1_usize..60).prop_map(Op::Append), 1 => (0_u64..4).prop_map(Op::Ack)];
    proptest::collection::vec(op, 1..40)
}

fn record(seq: u64, len: usize) -> Vec<u8> {
    vec![seq as u8; len]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn after_a_power_cut_at_any_write_nothing_is_lost_uncounted(ops in ops(), cut in 1_u32..80, torn in any::<bool>()) {
        let writes_left = Rc::new(Cell::new(cut));
        let flash = Failing { flash: Flash::new(), writes_left: Rc::clone(&writes_left), torn };
        // The store before the journal took it over: a power cut in `open` leaves it as it is.
        let mut stored: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let mut acked = 0;
        let mut journal = match Journal::open(flash, 9, 1) {
            Ok(journal) => journal,
            Err(PowerCut) => return Ok(()),
        };
        let mut writing = None;
        for op in ops {
            match op {
                Op::Append(len) => {
                    let seq = journal.next();
                    writing = Some((seq, record(seq, len)));
                    match journal.append(&record(seq, len)) {
                        Ok(given) => {
                            prop_assert_eq!(given, seq);
                            stored.insert(seq, record(seq, len));
                            writing = None;
                        }
                        Err(_) => break,
                    }
                }
                Op::Ack(ahead) => {
                    let seq = journal.first() + ahead;
                    if seq >= journal.next() {
                        continue;
                    }
                    // The gateway has them, whatever becomes of this node.
                    acked = seq + 1;
                    match journal.on_ack(9, seq) {
                        Ok(done) => prop_assert_eq!(done, Acked::Freed(ahead + 1)),
                        Err(PowerCut) => break,
                    }
                }
            }
        }
        writes_left.set(u32::MAX);
        let mut journal = Journal::open(journal.into_storage(), 10, 1).unwrap();
        prop_assert_eq!(journal.epoch(), 9);
        // What was being written when the power failed is there whole, or not at all.
        let assigned = stored.last_key_value().map_or(0, |(seq, _)| seq + 1);
        if let Some((seq, record)) = writing.filter(|(seq, _)| journal.next() == seq + 1) {
            stored.insert(seq, record);
        } else {
            prop_assert_eq!(journal.next(), assigned);
        }
        let mut buf = [0; 160];
        for seq in journal.first()..journal.next() {
            let len = journal.read(seq, &mut buf).unwrap().unwrap();
            prop_assert_eq!(&buf[..len], &stored[&seq][..]);
        }
        let gone = stored.keys().filter(|seq| **seq < journal.first() && **seq >= acked).count() as u64;
        prop_assert!(gone <= journal.dropped(), "{} gone, {} counted", gone, journal.dropped());
    }
}

#[test]
fn a_dropped_record_is_counted_once_even_when_the_power_fails_before_it_is_freed() {
    // Writes: header at opening, two appends, an append that finds the flash full, the header that counts the
    // dropped one; the power fails there.
    for torn in [false, true] {
        let writes_left = Rc::new(Cell::new(6));
        let flash = Failing {
            flash: Flash::new(),
            writes_left: Rc::clone(&writes_left),
            torn,
        };
        let mut journal = Journal::open(flash, 1, 1).unwrap();
        journal.append(&[0; 80]).unwrap();
        journal.append(&[1; 80]).unwrap();
        assert!(journal.append(&[2; 80]).is_err());
        writes_left.set(u32::MAX);
        let mut journal = Journal::open(journal.into_storage(), 1, 1).unwrap();
        let expected = if torn { (0, 0) } else { (1, 1) };
        assert_eq!((journal.first(), journal.dropped()), expected, "torn: {torn}");
        journal.append(&[2; 80]).unwrap();
        assert_eq!((journal.first(), journal.dropped(), journal.next()), (1, 1, 3));
    }
}

#[test]
fn records_of_another_definition_are_counted_as_dropped_and_not_sent_under_wrong_names() {
    let mut journal = Journal::open(Flash::new(), 1, 1).unwrap();
    for n in 0..3 {
        journal.append(&[n; 10]).unwrap();
    }
    let journal = Journal::open(journal.into_storage(), 2, 99).unwrap();
    assert_eq!(
        (
            journal.epoch(),
            journal.first(),
            journal.next(),
            journal.dropped()
        ),
        (1, 3, 3, 3)
    );
}

#[test]
fn an_acknowledgement_of_another_epoch_or_of_the_past_frees_nothing() {
    let mut journal = Journal::open(Flash::new(), 5, 1).unwrap();
    for n in 0..3 {
        journal.append(&[n; 10]).unwrap();
    }
    assert_eq!(journal.on_ack(4, 2), Ok(Acked::Nothing));
    assert_eq!(journal.on_ack(5, 1), Ok(Acked::Freed(2)));
    assert_eq!(journal.on_ack(5, 0), Ok(Acked::Nothing));
    assert_eq!(journal.pending(), 1);
}
