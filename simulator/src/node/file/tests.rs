use std::collections::BTreeMap;

use proptest::prelude::*;
use vigil_firmware::{Header, Storage};

use super::*;

const LIMITS: FileLimits = FileLimits {
    segment_bytes: 200,
    max_bytes: 600,
    sync: false,
};

fn record(seq: u64, len: usize) -> Vec<u8> {
    (0..len).map(|n| (n as u64 * 7 + seq) as u8).collect()
}

/// Everything the store gives back.
fn held(storage: &mut FileStorage) -> BTreeMap<u64, Vec<u8>> {
    let bounds = storage.bounds().unwrap();
    let mut buf = [0; 256];
    let read = (bounds.first..bounds.next).map(|seq| {
        let len = storage.read(seq, &mut buf).unwrap().unwrap();
        (seq, buf[..len].to_vec())
    });
    read.collect()
}

fn newest_segment(dir: &Path) -> PathBuf {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "seg"));
    paths.sort();
    paths.pop().unwrap()
}

#[derive(Clone, Debug)]
enum Op {
    Append(usize),
    Free(u64),
    DropOldest,
    Reopen,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (0_usize..90).prop_map(Op::Append),
        2 => (0_u64..8).prop_map(Op::Free),
        1 => Just(Op::DropOldest),
        1 => Just(Op::Reopen),
    ];
    proptest::collection::vec(op, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_put_in_comes_back_over_any_number_of_restarts(ops in ops()) {
        let dir = tempfile::tempdir().unwrap();
        let mut storage = FileStorage::open(dir.path(), LIMITS).unwrap();
        let (mut model, mut next) = (BTreeMap::new(), 0_u64);
        for op in ops {
            match op {
                Op::Append(len) => match storage.append(next, &record(next, len)) {
                    Ok(()) => {
                        model.insert(next, record(next, len));
                        next += 1;
                    }
                    Err(AppendError::Full) => prop_assert!(storage.oldest_unit_end().is_some()),
                    Err(error) => prop_assert!(false, "{error}"),
                },
                Op::Free(count) => {
                    let below = (storage.first() + count).min(next);
                    storage.free_below(below).unwrap();
                    model = model.split_off(&below);
                }
                Op::DropOldest => {
                    if let Some(end) = storage.oldest_unit_end() {
                        storage.free_below(end).unwrap();
                        model = model.split_off(&end);
                    }
                }
                Op::Reopen => storage = FileStorage::open(dir.path(), LIMITS).unwrap(),
            }
            prop_assert_eq!(storage.bounds().unwrap().next, next);
            prop_assert_eq!(&held(&mut storage), &model);
            prop_assert!(storage.total() <= LIMITS.max_bytes + LIMITS.segment_bytes);
        }
    }

    #[test]
    fn a_power_cut_after_any_byte_loses_at_most_the_record_being_written(
        lens in proptest::collection::vec(0_usize..40, 1..12),
        cut in 0.0_f64..1.0,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let limits = FileLimits { segment_bytes: 1 << 16, ..LIMITS };
        let mut ends = vec![0];
        {
            let mut storage = FileStorage::open(dir.path(), limits).unwrap();
            for (seq, len) in lens.iter().enumerate() {
                storage.append(seq as u64, &record(seq as u64, *len)).unwrap();
                ends.push(storage.total());
            }
        }
        let path = newest_segment(dir.path());
        let left = (cut * ends[lens.len()] as f64) as u64;
        OpenOptions::new().write(true).open(&path).unwrap().set_len(left).unwrap();

        let mut storage = FileStorage::open(dir.path(), limits).unwrap();
        let whole = ends.iter().filter(|end| **end <= left).count() - 1;
        let expected: BTreeMap<u64, Vec<u8>> =
            lens.iter().take(whole).enumerate().map(|(seq, len)| (seq as u64, record(seq as u64, *len))).collect();
        prop_assert_eq!(held(&mut storage), expected);
        // And it goes on as if nothing had been written there.
        storage.append(whole as u64, b"after").unwrap();
        let reopened = held(&mut FileStorage::open(dir.path(), limits).unwrap());
        prop_assert_eq!(reopened.len(), whole + 1);
    }
}

#[test]
fn a_damaged_record_in_an_old_segment_is_reported_and_the_newer_ones_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut storage = FileStorage::open(dir.path(), LIMITS).unwrap();
    for seq in 0..8 {
        storage.append(seq, &record(seq, 50)).unwrap();
    }
    let oldest = storage.segments[0].path.clone();
    let mut bytes = fs::read(&oldest).unwrap();
    bytes[HEAD + 50 + HEAD + 3] ^= 1;
    fs::write(&oldest, bytes).unwrap();
    let mut storage = FileStorage::open(dir.path(), LIMITS).unwrap();
    let mut buf = [0; 64];
    let read: Vec<_> = (0..8)
        .map(|seq| storage.read(seq, &mut buf).map_err(|_| ()))
        .collect();
    assert_eq!(read[0], Ok(Some(50)));
    assert_eq!(
        read[1],
        Err(()),
        "the damaged one, and what cannot be found behind it"
    );
    assert_eq!(read[7], Ok(Some(50)));
    assert_eq!(storage.bounds().unwrap(), Bounds { first: 0, next: 8 });
}

#[test]
fn the_header_comes_back_and_a_damaged_one_is_no_fresh_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut storage = FileStorage::open(dir.path(), FileLimits { sync: true, ..LIMITS }).unwrap();
    assert_eq!(storage.header().unwrap(), None);
    for bd_seq in [None, Some(0), Some(255)] {
        let header = Header {
            epoch: 7,
            layout: u64::MAX,
            dropped: 3,
            first: 9,
            bd_seq,
        };
        storage.save_header(&header).unwrap();
        assert_eq!(storage.header().unwrap(), Some(header));
    }
    fs::write(dir.path().join(HEADER_FILE), b"nonsense").unwrap();
    let error = storage.header().unwrap_err().to_string();
    assert!(error.contains("header is damaged"), "{error}");
}

#[test]
fn a_jump_in_the_numbers_while_empty_is_no_hole() {
    let dir = tempfile::tempdir().unwrap();
    let mut storage = FileStorage::open(dir.path(), LIMITS).unwrap();
    storage.append(0, b"a").unwrap();
    storage.free_below(1).unwrap();
    storage.append(100, b"b").unwrap();
    let mut storage = FileStorage::open(dir.path(), LIMITS).unwrap();
    assert_eq!(
        storage.bounds().unwrap(),
        Bounds {
            first: 100,
            next: 101
        }
    );
    assert_eq!(held(&mut storage).len(), 1);
}
