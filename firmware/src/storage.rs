//! Where journaled messages are kept: the trait, and a ring in RAM.

use core::convert::Infallible;
use core::fmt;

use heapless::Deque;

/// The few numbers that must survive with the records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Drawn when the store was formatted; sequences of different epochs never meet.
    pub epoch: u64,
    /// Fingerprint of the definition the records were written under.
    pub layout: u64,
    /// Records given up without acknowledgement.
    pub dropped: u64,
    /// Lowest sequence that counts as held. Records below it may still be found: they are dead.
    pub first: u64,
    /// `bdSeq` of the last connection.
    pub bd_seq: Option<u8>,
}

/// What a store holds: sequences `first..next`, without holes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// Lowest held; equal to `next` when empty.
    pub first: u64,
    /// One above the highest ever appended. Survives when everything is freed.
    pub next: u64,
}

/// Why a record was not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendError<E> {
    /// No room: free something first.
    Full,
    /// Longer than the store can ever hold.
    TooLong,
    /// The medium failed.
    Medium(E),
}

/// A record could not be read back, though it is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StorageFault<E> {
    /// It is there and damaged.
    Damaged,
    /// It does not fit the buffer.
    TooLong,
    /// The medium failed.
    Medium(E),
}

/// A store of numbered records: append at the top, free from the bottom.
///
/// Opening cuts a torn tail: after a power cut at any moment, what `append` returned `Ok` for is there whole, what
/// it did not return for is there whole or not at all.
pub trait Storage {
    /// What the medium may fail with.
    type Error: fmt::Debug;

    /// The header last saved; `None` on a store never used.
    ///
    /// # Errors
    /// When the medium fails.
    fn header(&mut self) -> Result<Option<Header>, Self::Error>;

    /// Saves the header: after a power cut, the old one or the new one is found.
    ///
    /// # Errors
    /// When the medium fails.
    fn save_header(&mut self, header: &Header) -> Result<(), Self::Error>;

    /// What is held now.
    ///
    /// # Errors
    /// When the medium fails.
    fn bounds(&mut self) -> Result<Bounds, Self::Error>;

    /// Appends the record `seq`: `next`, or above it when nothing is held. Durable on return.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was stored.
    fn append(&mut self, seq: u64, record: &[u8]) -> Result<(), AppendError<Self::Error>>;

    /// Reads the record `seq` into `buf`; its length, or `None` when it is not held.
    ///
    /// # Errors
    /// [`StorageFault`]
    fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<Self::Error>>;

    /// Frees the records below `seq`; a store may keep them until a whole erase unit is free.
    ///
    /// # Errors
    /// When the medium fails.
    fn free_below(&mut self, seq: u64) -> Result<(), Self::Error>;

    /// One above the last record of the oldest erase unit: how far to free to gain room. `None` when freeing gains
    /// nothing.
    fn oldest_unit_end(&self) -> Option<u64>;
}

/// A ring of `BYTES` in RAM with at most `RECORDS` records. Survives a session, not a reset.
#[derive(Clone, Debug)]
pub struct RamStorage<const BYTES: usize, const RECORDS: usize> {
    header: Option<Header>,
    bytes: [u8; BYTES],
    /// Start and length of each record, oldest first.
    index: Deque<(u32, u32), RECORDS>,
    next: u64,
}

impl<const BYTES: usize, const RECORDS: usize> RamStorage<BYTES, RECORDS> {
    /// An empty store.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            header: None,
            bytes: [0; BYTES],
            index: Deque::new(),
            next: 0,
        }
    }

    const fn first(&self) -> u64 {
        self.next - self.index.len() as u64
    }

    /// Where `len` bytes in one piece are free.
    fn room(&self, len: usize) -> Option<usize> {
        let (Some(&(tail, _)), Some(&(last, last_len))) = (self.index.front(), self.index.back()) else {
            return (len <= BYTES).then_some(0);
        };
        // An empty record takes a byte all the same: no two records start at the same place.
        let (tail, end) = (tail as usize, (last + last_len.max(1)) as usize);
        if last as usize >= tail {
            // Not wrapped: the space after the last record, or before the first.
            if len <= BYTES - end {
                Some(end)
            } else {
                (len <= tail).then_some(0)
            }
        } else {
            (len <= tail - end).then_some(end)
        }
    }
}

impl<const BYTES: usize, const RECORDS: usize> Default for RamStorage<BYTES, RECORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize, const RECORDS: usize> Storage for RamStorage<BYTES, RECORDS> {
    type Error = Infallible;

    fn header(&mut self) -> Result<Option<Header>, Infallible> {
        Ok(self.header)
    }

    fn save_header(&mut self, header: &Header) -> Result<(), Infallible> {
        self.header = Some(*header);
        Ok(())
    }

    fn bounds(&mut self) -> Result<Bounds, Infallible> {
        Ok(Bounds {
            first: self.first(),
            next: self.next,
        })
    }

    fn append(&mut self, seq: u64, record: &[u8]) -> Result<(), AppendError<Infallible>> {
        if record.len() > BYTES {
            return Err(AppendError::TooLong);
        }
        let start = self.room(record.len().max(1)).ok_or(AppendError::Full)?;
        self.index
            .push_back((start as u32, record.len() as u32))
            .map_err(|_| AppendError::Full)?;
        if let Some(space) = self.bytes.get_mut(start..start + record.len()) {
            space.copy_from_slice(record);
        }
        self.next = seq + 1;
        Ok(())
    }

    fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<Infallible>> {
        let at = seq
            .checked_sub(self.first())
            .and_then(|n| usize::try_from(n).ok());
        let Some(&(start, len)) = at.and_then(|n| self.index.iter().nth(n)) else {
            return Ok(None);
        };
        let (start, len) = (start as usize, len as usize);
        let record = self.bytes.get(start..start + len).ok_or(StorageFault::Damaged)?;
        buf.get_mut(..len)
            .ok_or(StorageFault::TooLong)?
            .copy_from_slice(record);
        Ok(Some(len))
    }

    fn free_below(&mut self, seq: u64) -> Result<(), Infallible> {
        while self.first() < seq && self.index.pop_front().is_some() {}
        if self.index.is_empty() {
            self.next = self.next.max(seq);
        }
        Ok(())
    }

    fn oldest_unit_end(&self) -> Option<u64> {
        (!self.index.is_empty()).then(|| self.first() + 1)
    }
}

impl<E: fmt::Debug> fmt::Display for AppendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the journal is full"),
            Self::TooLong => f.write_str("the record is longer than the journal"),
            Self::Medium(error) => write!(f, "the journal's medium failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> fmt::Display for StorageFault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("the record is damaged"),
            Self::TooLong => f.write_str("the record is longer than the buffer"),
            Self::Medium(error) => write!(f, "the journal's medium failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for AppendError<E> {}
impl<E: fmt::Debug> core::error::Error for StorageFault<E> {}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::collections::VecDeque;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Puts records of these lengths into a small ring, and takes the oldest out where it says so.
    fn agrees_with_a_queue(ops: &[(usize, bool)]) -> Result<(), TestCaseError> {
        let mut ring = RamStorage::<128, 8>::new();
        let mut model: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
        let mut seq = 0_u64;
        for &(len, free) in ops {
            if free {
                model.pop_front();
                let first = model.front().map_or(seq, |(first, _)| *first);
                prop_assert!(ring.free_below(first).is_ok());
            } else {
                let record = (0..len).map(|n| (n as u64 + seq) as u8).collect::<Vec<_>>();
                match ring.append(seq, &record) {
                    Ok(()) => {
                        model.push_back((seq, record));
                        seq += 1;
                    }
                    Err(error) => {
                        prop_assert_eq!(error, AppendError::Full);
                        prop_assert!(!model.is_empty());
                    }
                }
            }
            let mut buf = [0; 128];
            for (seq, record) in &model {
                let read = ring.read(*seq, &mut buf);
                prop_assert_eq!(read, Ok(Some(record.len())));
                prop_assert_eq!(&buf[..record.len()], &record[..]);
            }
            let expected = Bounds {
                first: model.front().map_or(seq, |(first, _)| *first),
                next: seq,
            };
            prop_assert_eq!(ring.bounds(), Ok(expected));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_ring_gives_back_exactly_what_was_put_in(
            ops in proptest::collection::vec((0_usize..70, any::<bool>()), 1..200)
        ) {
            agrees_with_a_queue(&ops)?;
        }
    }

    #[test]
    fn a_ring_once_full_to_the_last_byte_gives_back_what_was_put_in() {
        // Lengths of records; 99 takes one out.
        let ops = [
            6, 10, 54, 99, 22, 99, 12, 99, 99, 25, 99, 6, 64, 2, 99, 99, 4, 99, 99, 28, 28, 99, 99, 56, 99,
            17, 39, 0, 1,
        ];
        let ops = ops.map(|len| (len, len == 99));
        agrees_with_a_queue(&ops).unwrap();
    }

    #[test]
    fn a_record_larger_than_the_ring_is_refused_for_good() {
        let mut ring = RamStorage::<8, 4>::new();
        assert_eq!(ring.append(0, &[0; 9]), Err(AppendError::TooLong));
    }
}
