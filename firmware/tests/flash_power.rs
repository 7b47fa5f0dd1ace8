//! Power cuts at every single word written and unit erased, of the journal and of the settings.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

#[path = "support/nor.rs"]
mod nor;

use std::collections::BTreeMap;

use nor::{Cut, Nor, Power};
use proptest::prelude::*;
use vigil_firmware::flash::{FlashError, FlashJournal, SlotError, Slots};
use vigil_firmware::{Acked, Journal, StorageFault};

const EPOCH: u64 = 9;

/// What a gateway and a node remember across power cuts.
#[derive(Default)]
struct World {
    /// Every record the node was told is stored.
    stored: BTreeMap<u64, Vec<u8>>,
    /// One above the last sequence the gateway has.
    acked: u64,
    /// What was being stored when the power failed.
    writing: Option<(u64, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Append(usize),
    Ack(u64),
    Connect,
    Reboot,
}

type Flash<const WORD: usize, const UNIT: usize> = FlashJournal<Nor<WORD, UNIT>, 6, 32>;

fn record(seq: u64, len: usize) -> Vec<u8> {
    (0..len)
        .map(|n| (seq as u8).wrapping_mul(31).wrapping_add(n as u8))
        .collect()
}

impl World {
    /// Does `ops` until the power fails.
    fn work<const WORD: usize, const UNIT: usize>(
        &mut self,
        flash: &Nor<WORD, UNIT>,
        ops: &[Op],
    ) -> Result<(), ()> {
        let mut journal = open(flash)?;
        for op in ops {
            match *op {
                Op::Append(len) => {
                    let seq = journal.next();
                    let record = record(seq, len);
                    self.writing = Some((seq, record.clone()));
                    assert_eq!(journal.append(&record).map_err(|_| ())?, seq);
                    self.writing = None;
                    self.stored.insert(seq, record);
                }
                Op::Ack(ahead) => {
                    let seq = journal.first() + ahead;
                    if seq < journal.next() {
                        // The gateway has them, whatever becomes of this node.
                        self.acked = self.acked.max(seq + 1);
                        let freed = journal.on_ack(EPOCH, seq).map_err(|_| ())?;
                        assert_eq!(freed, Acked::Freed(ahead + 1));
                    }
                }
                Op::Connect => journal.next_bd_seq().1.map_err(|_| ())?,
                Op::Reboot => journal = open(flash)?,
            }
        }
        Ok(())
    }

    /// What must be true of the flash, whatever happened to it.
    fn check<const WORD: usize, const UNIT: usize>(&mut self, flash: &Nor<WORD, UNIT>) {
        let mut journal = open(flash).unwrap();
        if !self.stored.is_empty() {
            assert_eq!(journal.epoch(), EPOCH);
        }
        let assigned = self.stored.last_key_value().map_or(0, |(seq, _)| seq + 1);
        // What was being written when the power failed is there whole, or not at all.
        match self.writing.take().filter(|(seq, _)| journal.next() == seq + 1) {
            Some((seq, record)) => {
                self.stored.insert(seq, record);
            }
            None => assert_eq!(journal.next(), assigned),
        }
        let mut buf = [0; 256];
        for seq in journal.first()..journal.next() {
            let len = journal.read(seq, &mut buf).unwrap().unwrap();
            assert_eq!(&buf[..len], &self.stored[&seq][..], "record {seq}");
        }
        let lost = self
            .stored
            .keys()
            .filter(|seq| **seq < journal.first() && **seq >= self.acked);
        let lost = lost.count() as u64;
        assert!(
            lost <= journal.dropped(),
            "{lost} lost, {} counted",
            journal.dropped()
        );
    }
}

fn open<const WORD: usize, const UNIT: usize>(
    flash: &Nor<WORD, UNIT>,
) -> Result<Journal<Flash<WORD, UNIT>>, ()> {
    let storage = Flash::open(flash.clone()).map_err(|_| ())?;
    Journal::open(storage, EPOCH, 1).map_err(|_| ())
}

/// Fills the flash several times over, with acknowledgements, without them, and with connections in between.
fn workload() -> Vec<Op> {
    let mut ops = Vec::new();
    for n in 0..90_usize {
        ops.push(Op::Append(1 + n * 7 % 60));
        match n {
            20..50 if n % 5 == 0 => ops.push(Op::Ack(3)),
            60..80 if n % 3 == 0 => ops.push(Op::Ack(4)),
            _ => {}
        }
        if n % 4 == 3 {
            ops.push(Op::Connect);
        }
        if n % 29 == 28 {
            ops.push(Op::Reboot);
        }
    }
    ops
}

/// How many cuts there were: at every operation, or at every `stride`-th.
fn exhaust<const WORD: usize, const UNIT: usize>(units: usize, stride: usize) -> usize {
    let ops = workload();
    let power = Power::default();
    let mut world = World::default();
    let flash = Nor::<WORD, UNIT>::new(units, &power);
    world.work(&flash, &ops).unwrap();
    world.check(&flash);
    let total = power.operations.get();
    for at in (0..total).step_by(stride) {
        for cut in [Cut::Before, Cut::Torn(at * 7 + 3), Cut::After] {
            let power = Power::default();
            let flash = Nor::<WORD, UNIT>::used(units, &power, at + 1);
            let mut world = World::default();
            power.fail_after(at, cut);
            let done = world.work(&flash, &ops);
            power.restore();
            world.check(&flash);
            if done.is_err() {
                // And life goes on.
                world.work(&flash, &ops[..12]).unwrap();
                world.check(&flash);
            }
        }
    }
    total as usize / stride
}

#[test]
fn the_journal_survives_a_power_cut_at_every_word_and_every_erase() {
    // Single bytes are many operations: every ninth.
    let cuts = exhaust::<4, 256>(6, 1)
        + exhaust::<8, 256>(8, 1)
        + exhaust::<16, 512>(5, 1)
        + exhaust::<1, 256>(4, 9);
    assert!(cuts > 3_000, "{cuts}");
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (0_usize..120).prop_map(Op::Append),
        2 => (0_u64..6).prop_map(Op::Ack),
        1 => Just(Op::Connect),
        1 => Just(Op::Reboot),
    ];
    proptest::collection::vec(op, 1..60)
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        Just(Cut::Before),
        any::<u32>().prop_map(Cut::Torn),
        Just(Cut::After)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_journal_survives_power_cuts_in_a_row(
        lives in proptest::collection::vec((ops(), 0_u32..400, cut()), 1..6)
    ) {
        let power = Power::default();
        let flash = Nor::<4, 256>::used(6, &power, 77);
        let mut world = World::default();
        for (ops, at, cut) in lives {
            power.fail_after(at, cut);
            world.work(&flash, &ops).unwrap_or(());
            power.restore();
            world.check(&flash);
        }
    }
}

#[test]
fn a_damaged_record_is_told_apart_from_one_never_written_and_its_number_is_not_used_again() {
    let power = Power::default();
    let flash = Nor::<4, 512>::new(4, &power);
    let mut journal = open(&flash).unwrap();
    for n in 0..5 {
        journal.append(&[n; 20]).unwrap();
    }
    // The third record: behind the unit's head (20) and two entries of 32.
    flash.bytes.borrow_mut()[2 * 512 + 20 + 2 * 32 + 15] ^= 0x10;
    let mut journal = open(&flash).unwrap();
    assert_eq!((journal.first(), journal.next()), (0, 5));
    let mut buf = [0; 64];
    let read: Vec<_> = (0..6).map(|seq| journal.read(seq, &mut buf)).collect();
    let fine = Ok(Some(20));
    assert_eq!(
        read,
        [fine, fine, Err(StorageFault::Damaged), fine, fine, Ok(None)]
    );
    assert_eq!(journal.append(&[5; 20]), Ok(5));
}

#[test]
fn after_a_reset_few_acknowledged_records_are_held_again() {
    let power = Power::default();
    let flash = Nor::<4, 4_096>::new(6, &power);
    let mut journal = open(&flash).unwrap();
    for n in 0..200_u8 {
        journal.append(&[n; 10]).unwrap();
    }
    for seq in 0..200 {
        journal.on_ack(EPOCH, seq).unwrap();
    }
    let journal = open(&flash).unwrap();
    assert_eq!(journal.next(), 200);
    assert!(journal.pending() < 32, "{}", journal.pending());
}

#[test]
fn a_part_the_journal_cannot_use_is_refused() {
    let power = Power::default();
    let few = FlashJournal::<_, 6, 32>::open(Nor::<4, 256>::new(3, &power));
    assert_eq!(few.err(), Some(FlashError::Geometry));
    let many = FlashJournal::<_, 6, 32>::open(Nor::<4, 256>::new(9, &power));
    assert_eq!(many.err(), Some(FlashError::Geometry));
    let wide = FlashJournal::<_, 6, 32>::open(Nor::<64, 256>::new(6, &power));
    assert_eq!(wide.err(), Some(FlashError::Geometry));
}

type Blob = heapless::String<64>;

fn slots<const WORD: usize>(flash: &Nor<WORD, 128>, version: u16) -> Slots<Nor<WORD, 128>, 32> {
    Slots::new(flash.clone(), version).unwrap()
}

#[test]
fn after_a_power_cut_the_old_settings_or_the_new_ones_are_found() {
    let text = |text: &str| Blob::try_from(text).unwrap();
    let versions = ["the first", "the second one", "the third, which is longer", "4"].map(text);
    let mut cuts = 0;
    for before in 0..3 {
        let (old, new, next) = (&versions[before], &versions[before + 1], text("afterwards"));
        let mut at = 0;
        let mut cut_it = true;
        while cut_it {
            for cut in [Cut::Before, Cut::Torn(at + 11), Cut::After] {
                let power = Power::default();
                let flash = Nor::<8, 128>::used(4, &power, 5);
                let mut buf = [0; 128];
                for version in &versions[..=before] {
                    slots(&flash, 1).save(version, &mut buf).unwrap();
                }
                power.fail_after(at, cut);
                cut_it = slots(&flash, 1).save(new, &mut buf).is_err();
                power.restore();
                let found: Blob = slots(&flash, 1).load(&mut buf).unwrap().unwrap();
                assert!(found == *old || found == *new, "{found}");
                assert!(cut_it || found == *new);
                slots(&flash, 1).save(&next, &mut buf).unwrap();
                assert_eq!(slots(&flash, 1).load::<Blob>(&mut buf), Ok(Some(next.clone())));
                cuts += 1;
            }
            at += 1;
        }
    }
    assert!(cuts > 50, "{cuts}");
}

#[test]
fn settings_of_another_version_are_not_taken_for_ours() {
    let power = Power::default();
    let flash = Nor::<4, 128>::new(2, &power);
    let mut buf = [0; 128];
    assert_eq!(slots(&flash, 1).load::<Blob>(&mut buf), Ok(None));
    slots(&flash, 1)
        .save(&Blob::try_from("x").unwrap(), &mut buf)
        .unwrap();
    let other = slots(&flash, 2).load::<Blob>(&mut buf);
    assert_eq!(other, Err(SlotError::Version { saved: 1 }));
}

#[test]
fn settings_that_do_not_fit_leave_the_old_ones() {
    let power = Power::default();
    let flash = Nor::<4, 128>::new(2, &power);
    let mut buf = [0; 256];
    let old = Blob::try_from("old").unwrap();
    slots(&flash, 1).save(&old, &mut buf).unwrap();
    let long = heapless::Vec::<u8, 200>::from_slice(&[7; 150]).unwrap();
    assert_eq!(slots(&flash, 1).save(&long, &mut buf), Err(SlotError::TooLong));
    assert_eq!(slots(&flash, 1).load(&mut buf), Ok(Some(old)));
}
