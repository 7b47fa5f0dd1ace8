//! The journal's store on a card: power cuts at every single write, whole laps, damaged blocks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use proptest::prelude::*;
use vigil_firmware::block_store::{BLOCK, BlockDevice, BlockStore, LONGEST_RECORD};
use vigil_firmware::{AppendError, Header, Journal, Storage, StorageFault};

#[derive(Debug, PartialEq)]
struct PowerCut;

/// What the write that the power fails at leaves in its block.
#[derive(Clone, Copy, Debug)]
enum Torn {
    Nothing,
    Half,
    Garbage,
    All,
}

#[derive(Clone)]
struct Card {
    blocks: HashMap<u32, [u8; BLOCK]>,
    writes_left: Rc<Cell<u32>>,
    torn: Torn,
}

impl Card {
    fn new() -> Self {
        Self {
            blocks: HashMap::new(),
            writes_left: Rc::new(Cell::new(u32::MAX)),
            torn: Torn::Nothing,
        }
    }

    fn powered(mut self) -> Self {
        self.writes_left = Rc::new(Cell::new(u32::MAX));
        self
    }
}

impl BlockDevice for Card {
    type Error = PowerCut;

    fn read(&mut self, block: u32, bytes: &mut [u8; BLOCK]) -> Result<(), PowerCut> {
        *bytes = self.blocks.get(&block).copied().unwrap_or([0; BLOCK]);
        Ok(())
    }

    fn write(&mut self, block: u32, bytes: &[u8; BLOCK]) -> Result<(), PowerCut> {
        let left = self.writes_left.get();
        if left > 1 {
            self.writes_left.set(left - 1);
            self.blocks.insert(block, *bytes);
            return Ok(());
        }
        if left == 1 {
            self.writes_left.set(0);
            let old = self.blocks.entry(block).or_insert([0; BLOCK]);
            match self.torn {
                Torn::Nothing => {}
                Torn::Half => old[..BLOCK / 2].copy_from_slice(&bytes[..BLOCK / 2]),
                Torn::Garbage => *old = [0xa5; BLOCK],
                Torn::All => *old = *bytes,
            }
        }
        Err(PowerCut)
    }
}

const HEADER: Header = Header {
    epoch: 0x1234_5678_9abc_def0,
    layout: 7,
    dropped: 0,
    first: 0,
    bd_seq: None,
};

/// A ring of eight slots.
const BLOCKS: u32 = 2 + 8 * 4;

fn formatted(card: Card) -> BlockStore<Card> {
    let mut store = BlockStore::open(card, BLOCKS).unwrap();
    store.save_header(&HEADER).unwrap();
    store
}

fn record(seq: u64, len: usize) -> Vec<u8> {
    (0..len).map(|n| (seq as usize * 31 + n) as u8).collect()
}

fn held(store: &mut BlockStore<Card>) -> BTreeMap<u64, Vec<u8>> {
    let bounds = store.bounds().unwrap();
    let mut buf = [0; LONGEST_RECORD];
    (bounds.first..bounds.next)
        .map(|seq| {
            let len = store
                .read(seq, &mut buf)
                .unwrap_or_else(|e| panic!("{seq}: {e:?}"))
                .unwrap();
            (seq, buf[..len].to_vec())
        })
        .collect()
}

#[test]
fn what_was_put_in_is_there_after_any_number_of_laps_and_reopenings() {
    let mut store = formatted(Card::new());
    for seq in 0..100 {
        if seq >= 5 {
            store.free_below(seq - 5).unwrap();
        }
        store.append(seq, &record(seq, 40 + seq as usize * 19)).unwrap();
        store = BlockStore::open(store.into_device(), BLOCKS).unwrap();
        let first = seq.saturating_sub(5);
        let expected = (first..=seq)
            .map(|seq| (seq, record(seq, 40 + seq as usize * 19)))
            .collect();
        assert_eq!(held(&mut store), expected, "after {seq}");
        assert_eq!(store.header(), Ok(Some(HEADER)));
    }
}

#[test]
fn a_card_used_by_something_else_is_a_store_never_used() {
    let mut card = Card::new();
    for block in 0..BLOCKS {
        card.blocks.insert(block, [block as u8; BLOCK]);
    }
    let mut store = BlockStore::open(card, BLOCKS).unwrap();
    assert_eq!(store.header(), Ok(None));
    store.save_header(&HEADER).unwrap();
    store = BlockStore::open(store.into_device(), BLOCKS).unwrap();
    assert_eq!(held(&mut store), BTreeMap::new());
}

#[test]
fn records_of_an_earlier_life_of_the_card_are_not_taken_for_new_ones() {
    let mut store = formatted(Card::new());
    for seq in 0..5 {
        store.append(seq, &record(seq, 30)).unwrap();
    }
    let mut card = store.into_device();
    card.blocks.remove(&0);
    card.blocks.remove(&1);
    let mut store = BlockStore::open(card, BLOCKS).unwrap();
    let again = Header { epoch: 99, ..HEADER };
    store.save_header(&again).unwrap();
    store.append(0, &record(7, 30)).unwrap();
    store = BlockStore::open(store.into_device(), BLOCKS).unwrap();
    assert_eq!(held(&mut store), BTreeMap::from([(0, record(7, 30))]));
}

#[test]
fn a_full_ring_says_so_and_takes_more_after_freeing() {
    let mut store = formatted(Card::new());
    for seq in 0..7 {
        store.append(seq, b"x").unwrap();
    }
    assert_eq!(store.append(7, b"x"), Err(AppendError::Full));
    let end = store.oldest_unit_end().unwrap();
    store.free_below(end).unwrap();
    assert_eq!(store.append(7, b"x"), Ok(()));
    assert_eq!(
        store.append(8, &[0; LONGEST_RECORD + 1]),
        Err(AppendError::TooLong)
    );
}

#[test]
fn a_sequence_above_the_next_begins_the_ring_anew() {
    let mut store = formatted(Card::new());
    for seq in 0..4 {
        store.append(seq, &record(seq, 30)).unwrap();
    }
    store.free_below(4).unwrap();
    for seq in [21, 22, 23] {
        store.append(seq, &record(seq, 30)).unwrap();
    }
    store = BlockStore::open(store.into_device(), BLOCKS).unwrap();
    let expected = [21, 22, 23].map(|seq| (seq, record(seq, 30)));
    assert_eq!(held(&mut store), BTreeMap::from(expected));
}

#[test]
fn a_damaged_block_costs_its_record_and_no_other() {
    for damaged in 0..7_u64 {
        let mut store = formatted(Card::new());
        for seq in 8..14 {
            store.append(seq, &record(seq, 30)).unwrap();
        }
        let mut card = store.into_device();
        let block = 2 + damaged as u32 * 4;
        card.blocks.insert(block, [0; BLOCK]);
        let mut store = BlockStore::open(card, BLOCKS).unwrap();
        let bounds = store.bounds().unwrap();
        let last = if damaged == 5 { 13 } else { 14 };
        assert_eq!((bounds.first, bounds.next), (8, last), "slot {damaged}");
        let mut buf = [0; 64];
        for seq in 8..last {
            let read = store.read(seq, &mut buf);
            if seq == 8 + damaged {
                assert_eq!(read, Err(StorageFault::Damaged));
            } else {
                assert_eq!(read, Ok(Some(30)), "{seq} with slot {damaged} damaged");
            }
        }
    }
}

/// What a device does between two power cuts.
#[derive(Clone, Debug)]
enum Op {
    Append(usize),
    Free(u64),
    Header(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0_usize..1_900).prop_map(Op::Append),
        2 => (0_u64..4).prop_map(Op::Free),
        1 => any::<u8>().prop_map(Op::Header),
    ];
    proptest::collection::vec(op, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_a_power_cut_at_any_write_everything_is_there_whole_or_not_at_all(ops in ops()) {
        let count = Rc::new(Cell::new(u32::MAX));
        let mut card = Card::new();
        card.writes_left = Rc::clone(&count);
        drop(play(card, &ops));
        let writes = u32::MAX - count.get();
        for torn in [Torn::Nothing, Torn::Half, Torn::Garbage, Torn::All] {
            for cut in 1..=writes {
                let mut card = Card::new();
                card.writes_left.set(cut);
                card.torn = torn;
                let (card, sure, maybe, freed, header) = play(card, &ops);
                let mut store = BlockStore::open(card.powered(), BLOCKS).unwrap();
                let found = store.header().unwrap();
                prop_assert!(header.contains(&found), "{found:?} is none of {header:?}");
                let bounds = store.bounds().unwrap();
                prop_assert!(bounds.first <= freed, "freed without being told to");
                let held = held(&mut store);
                for (seq, record) in &sure {
                    if *seq >= freed {
                        prop_assert_eq!(held.get(seq), Some(record), "{} lost at write {} ({:?})", seq, cut, torn);
                    }
                }
                for (seq, record) in &held {
                    prop_assert!(sure.get(seq) == Some(record) || maybe.as_ref() == Some(&(*seq, record.clone())));
                }
            }
        }
    }
}

type Played = (
    Card,
    BTreeMap<u64, Vec<u8>>,
    Option<(u64, Vec<u8>)>,
    u64,
    Vec<Option<Header>>,
);

/// Plays until the power fails: the card, what surely is on it, what may be, how far it was freed, and the headers that
/// may be found.
fn play(card: Card, ops: &[Op]) -> Played {
    let mut store = BlockStore::open(card, BLOCKS).unwrap();
    let (mut sure, mut maybe, mut freed, mut next) = (BTreeMap::new(), None, 0, 0);
    let mut headers = vec![None];
    let mut header = HEADER;
    let mut powered = true;
    let save = |store: &mut BlockStore<Card>, header: Header, headers: &mut Vec<Option<Header>>| {
        let saved = store.save_header(&header).is_ok();
        if saved {
            headers.clear();
        }
        headers.push(Some(header));
        saved
    };
    powered &= save(&mut store, header, &mut headers);
    for op in ops {
        if !powered {
            break;
        }
        match op {
            Op::Append(len) => {
                let record = record(next, *len);
                match store.append(next, &record) {
                    Ok(()) => {
                        sure.insert(next, record);
                        next += 1;
                    }
                    Err(AppendError::Full) => {}
                    Err(AppendError::TooLong) => panic!("it fits"),
                    Err(AppendError::Medium(PowerCut)) => {
                        maybe = Some((next, record));
                        powered = false;
                    }
                }
            }
            Op::Free(count) => {
                freed = (freed + count).min(next);
                store.free_below(freed).unwrap();
            }
            Op::Header(bd_seq) => {
                header.bd_seq = Some(*bd_seq);
                powered &= save(&mut store, header, &mut headers);
            }
        }
    }
    (store.into_device(), sure, maybe, freed, headers)
}

#[test]
fn a_journal_on_a_card_counts_what_it_drops_when_nobody_listens() {
    let mut journal = Journal::open(BlockStore::open(Card::new(), BLOCKS).unwrap(), 5, 1).unwrap();
    for _ in 0..50 {
        journal.append(b"reading").unwrap();
    }
    assert_eq!((journal.first(), journal.next(), journal.dropped()), (43, 50, 43));
    let card = journal.into_storage().into_device();
    let journal = Journal::open(BlockStore::open(card, BLOCKS).unwrap(), 6, 1).unwrap();
    assert_eq!(
        (
            journal.epoch(),
            journal.first(),
            journal.next(),
            journal.dropped()
        ),
        (5, 43, 50, 43)
    );
}
