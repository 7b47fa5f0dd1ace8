//! The journal's records: a ring of erase units.
//!
//! ```text
//!  unit 0, 1   header and how far it is freed (meta.rs)
//!  unit 2 …    mark, number, first sequence, CRC │ entry │ entry │ … │ erased
//!  entry       mark, length, position in the unit, CRC over these and the record, record
//! ```
//! Between two entries there may be blank or torn words: a power cut leaves them.
//!
//! A unit is erased when it is about to be written, and only when all its records are free. The newest unit is never
//! erased: it knows the next sequence.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;

use super::chunk::{Writer, padded};
use super::crc::Crc32;
use super::meta::{Meta, State};
use crate::storage::{AppendError, Bounds, Header, Storage, StorageFault};

/// Units before the first one of records.
const META_UNITS: u32 = 2;
const UNIT_MARK: u32 = 0x4a4c_4956;
const UNIT_HEAD: usize = 20;
const ENTRY_MARK: u8 = 0xa6;
const ENTRY_HEAD: usize = 12;
/// Acknowledged records that may be sent again after a reset, in exchange for fewer writes.
const FREED_SAVED_EVERY: u64 = 32;

/// What a journal on flash may fail with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlashError<E> {
    /// Fewer than four erase units, more units than there is room for, or words larger than the buffer.
    Geometry,
    /// The part failed.
    Flash(E),
}

/// One erase unit of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Unit {
    /// Counts up with every unit written.
    number: u32,
    /// Sequence of its first record.
    first: u64,
    /// One above its last record.
    next: u64,
    /// Where the next entry goes; past the end when nothing more may be written.
    offset: u32,
}

/// Where a record was found last: the next one is behind it.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    at: u32,
    seq: u64,
    offset: u32,
}

/// An entry's head.
#[derive(Clone, Copy, Debug)]
struct Entry {
    len: u16,
    index: u32,
    crc: u32,
}

/// A journal on NOR flash: the whole of `F`, which must read single bytes. `UNITS` bounds its erase units, `CHUNK` is
/// a multiple of the part's word.
///
/// Made for a part of which nothing is known: what is not sound is erased before use.
#[derive(Clone, Debug)]
pub struct FlashJournal<F, const UNITS: usize, const CHUNK: usize> {
    flash: F,
    meta: Meta,
    units: [Option<Unit>; UNITS],
    /// Units of records there are.
    count: u32,
    /// The unit written to.
    current: Option<u32>,
    /// Records below are free; saved now and then.
    freed: u64,
    cursor: Option<Cursor>,
    chunk: [u8; CHUNK],
}

impl<F: NorFlash, const UNITS: usize, const CHUNK: usize> FlashJournal<F, UNITS, CHUNK> {
    /// Finds what is there. Reads everything once.
    ///
    /// # Errors
    /// [`FlashError`]
    pub fn open(mut flash: F) -> Result<Self, FlashError<F::Error>> {
        let count = (flash.capacity() / F::ERASE_SIZE).saturating_sub(META_UNITS as usize);
        if count < 2
            || count > UNITS
            || F::READ_SIZE != 1
            || CHUNK == 0
            || !CHUNK.is_multiple_of(F::WRITE_SIZE)
        {
            return Err(FlashError::Geometry);
        }
        let meta = Meta::open(&mut flash).map_err(FlashError::Flash)?;
        let mut journal = Self {
            flash,
            freed: meta.state.freed,
            meta,
            units: [None; UNITS],
            count: count as u32,
            current: None,
            cursor: None,
            chunk: [0; CHUNK],
        };
        for at in 0..journal.count {
            let unit = journal.scan(at).map_err(FlashError::Flash)?;
            journal.units[at as usize] = unit;
            if let Some(unit) = unit
                && journal
                    .current()
                    .is_none_or(|newest| unit.number.wrapping_sub(newest.number) < u32::MAX / 2)
            {
                journal.current = Some(at);
            }
        }
        Ok(journal)
    }

    /// Gives the part back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn unit(&self, at: u32) -> Option<Unit> {
        self.units.get(at as usize).copied().flatten()
    }

    fn current(&self) -> Option<Unit> {
        self.current.and_then(|at| self.unit(at))
    }

    fn next(&self) -> u64 {
        self.current()
            .map_or(0, |unit| unit.next)
            .max(self.meta.state.freed)
    }

    fn start(at: u32) -> u32 {
        (META_UNITS + at) * F::ERASE_SIZE as u32
    }

    /// The units that hold records in use, oldest first, and where they are.
    fn held(&self) -> impl Iterator<Item = (u32, Unit)> {
        let current = self.current.unwrap_or(0);
        (1..=self.count)
            .map(move |n| (current + n) % self.count)
            .filter_map(|at| self.unit(at).map(|unit| (at, unit)))
            .filter(|(at, _)| self.end(*at).is_some_and(|end| end > self.freed))
    }

    /// One above the last sequence of a unit. What it lost of its end counts: those sequences were given away.
    fn end(&self, at: u32) -> Option<u64> {
        let unit = self.unit(at)?;
        let after = (1..self.count)
            .map(|n| (at + n) % self.count)
            .find_map(|at| self.unit(at))
            .filter(|after| {
                after.first >= unit.first && after.number.wrapping_sub(unit.number) < u32::MAX / 2
            });
        Some(after.map_or(unit.next, |after| after.first.max(unit.next)))
    }

    /// What a unit holds; `None` when nothing sound.
    fn scan(&mut self, at: u32) -> Result<Option<Unit>, F::Error> {
        let start = Self::start(at);
        let mut head = [0; UNIT_HEAD];
        self.flash.read(start, &mut head)?;
        let Some((number, first)) = decode_unit(&head) else {
            return Ok(None);
        };
        let size = F::ERASE_SIZE as u32;
        let mut unit = Unit {
            number,
            first,
            next: first,
            offset: padded::<F>(UNIT_HEAD),
        };
        let (mut offset, mut used) = (unit.offset, unit.offset);
        while offset + ENTRY_HEAD as u32 <= size {
            let mut bytes = [0; ENTRY_HEAD];
            self.flash.read(start + offset, &mut bytes)?;
            match self.sound_entry(start, offset, &bytes)? {
                Some(entry) if first + u64::from(entry.index) >= unit.next => {
                    unit.next = first + u64::from(entry.index) + 1;
                    offset += padded::<F>(ENTRY_HEAD + usize::from(entry.len));
                    used = offset;
                }
                // A torn end, a gap or damage: whatever sound entry follows still counts.
                _ => {
                    if bytes != [0xff; ENTRY_HEAD] {
                        let len = decode_entry(&bytes).map_or(0, |entry| usize::from(entry.len));
                        used = used.max(offset + padded::<F>(ENTRY_HEAD + len));
                    }
                    offset += F::WRITE_SIZE as u32;
                }
            }
        }
        // A word that was being written when the power failed may read as erased, and must not be written again.
        unit.offset = used + F::WRITE_SIZE as u32;
        Ok(Some(unit))
    }

    fn sound_entry(
        &mut self,
        start: u32,
        offset: u32,
        head: &[u8; ENTRY_HEAD],
    ) -> Result<Option<Entry>, F::Error> {
        let Some(entry) = decode_entry(head) else {
            return Ok(None);
        };
        let end = offset + ENTRY_HEAD as u32 + u32::from(entry.len);
        if end > F::ERASE_SIZE as u32 {
            return Ok(None);
        }
        let mut crc = Crc32::new().add(&head[..ENTRY_HEAD - 4]);
        let mut at = offset + ENTRY_HEAD as u32;
        let mut bytes = [0; 32];
        while at < end {
            let piece = &mut bytes[..(end - at).min(32) as usize];
            self.flash.read(start + at, piece)?;
            crc = crc.add(piece);
            at += piece.len() as u32;
        }
        Ok((crc.finish() == entry.crc).then_some(entry))
    }

    /// Starts a unit whose first record is `seq`; `None` when the next one in the ring is not free.
    fn begin_unit(&mut self, seq: u64) -> Result<Option<u32>, F::Error> {
        let at = self.current.map_or(0, |current| (current + 1) % self.count);
        if self.end(at).is_some_and(|end| end > self.freed) {
            return Ok(None);
        }
        let number = self.current().map_or(0, |unit| unit.number.wrapping_add(1));
        let start = Self::start(at);
        self.units[at as usize] = None;
        if self.cursor.is_some_and(|cursor| cursor.at == at) {
            self.cursor = None;
        }
        self.flash.erase(start, start + F::ERASE_SIZE as u32)?;
        let mut writer = Writer::new(&mut self.flash, &mut self.chunk, start);
        writer.add(&encode_unit(number, seq))?;
        writer.finish()?;
        self.units[at as usize] = Some(Unit {
            number,
            first: seq,
            next: seq,
            offset: padded::<F>(UNIT_HEAD),
        });
        self.current = Some(at);
        Ok(Some(at))
    }

    fn save(&mut self, state: State) -> Result<(), FlashError<F::Error>> {
        self.meta
            .save(&mut self.flash, &mut self.chunk, state)
            .map_err(FlashError::Flash)
    }
}

impl<F: NorFlash, const UNITS: usize, const CHUNK: usize> Storage for FlashJournal<F, UNITS, CHUNK> {
    type Error = FlashError<F::Error>;

    fn header(&mut self) -> Result<Option<Header>, Self::Error> {
        Ok(self.meta.state.header)
    }

    fn save_header(&mut self, header: &Header) -> Result<(), Self::Error> {
        self.save(State {
            header: Some(*header),
            freed: self.freed,
        })
    }

    fn bounds(&mut self) -> Result<Bounds, Self::Error> {
        let next = self.next();
        let first = self.held().next().map_or(next, |(_, unit)| unit.first);
        Ok(Bounds {
            first: first.max(self.freed).min(next),
            next,
        })
    }

    fn append(&mut self, seq: u64, record: &[u8]) -> Result<(), AppendError<Self::Error>> {
        let medium = |error| AppendError::Medium(FlashError::Flash(error));
        let need = padded::<F>(ENTRY_HEAD + record.len());
        if padded::<F>(UNIT_HEAD) + need > F::ERASE_SIZE as u32 || record.len() > usize::from(u16::MAX) {
            return Err(AppendError::TooLong);
        }
        let fits = |unit: Unit| {
            unit.offset + need <= F::ERASE_SIZE as u32 && u32::try_from(seq.wrapping_sub(unit.first)).is_ok()
        };
        let at = match self.current.filter(|_| self.current().is_some_and(fits)) {
            Some(at) => at,
            None => self.begin_unit(seq).map_err(medium)?.ok_or(AppendError::Full)?,
        };
        let Some(unit) = self.units.get_mut(at as usize).and_then(Option::as_mut) else {
            return Err(AppendError::Full);
        };
        let start = Self::start(at) + unit.offset;
        // Whatever becomes of the writing, these words have been written to.
        unit.offset += need;
        let head = encode_entry((seq - unit.first) as u32, record);
        let mut writer = Writer::new(&mut self.flash, &mut self.chunk, start);
        let written = writer
            .add(&head)
            .and_then(|()| writer.add(record))
            .and_then(|()| writer.finish());
        match written {
            Ok(()) => {
                unit.next = seq + 1;
                Ok(())
            }
            Err(error) => {
                // A reader would stop at the torn entry.
                unit.offset = F::ERASE_SIZE as u32;
                Err(medium(error))
            }
        }
    }

    fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<Self::Error>> {
        let medium = |error| StorageFault::Medium(FlashError::Flash(error));
        if seq < self.freed {
            return Ok(None);
        }
        let mut found = None;
        for (at, unit) in self.held() {
            if unit.first <= seq && self.end(at).is_some_and(|end| seq < end) {
                found = Some((at, unit));
            }
        }
        let Some((at, unit)) = found else { return Ok(None) };
        let start = Self::start(at);
        let mut offset = match self.cursor {
            Some(cursor) if cursor.at == at && cursor.seq <= seq => cursor.offset,
            _ => padded::<F>(UNIT_HEAD),
        };
        while offset + ENTRY_HEAD as u32 <= F::ERASE_SIZE as u32 {
            let mut head = [0; ENTRY_HEAD];
            self.flash.read(start + offset, &mut head).map_err(medium)?;
            let Some(entry) = self.sound_entry(start, offset, &head).map_err(medium)? else {
                offset += F::WRITE_SIZE as u32;
                continue;
            };
            let own = unit.first + u64::from(entry.index);
            if own == seq {
                let len = usize::from(entry.len);
                let buf = buf.get_mut(..len).ok_or(StorageFault::TooLong)?;
                self.flash
                    .read(start + offset + ENTRY_HEAD as u32, buf)
                    .map_err(medium)?;
                self.cursor = Some(Cursor { at, seq, offset });
                return Ok(Some(len));
            }
            if own > seq {
                break;
            }
            offset += padded::<F>(ENTRY_HEAD + usize::from(entry.len));
        }
        Err(StorageFault::Damaged)
    }

    fn free_below(&mut self, seq: u64) -> Result<(), Self::Error> {
        self.freed = self.freed.max(seq);
        let saved = self.meta.state.freed;
        if self.freed >= saved + FREED_SAVED_EVERY {
            self.save(State {
                header: self.meta.state.header,
                freed: self.freed,
            })?;
        }
        Ok(())
    }

    fn oldest_unit_end(&self) -> Option<u64> {
        // The unit being written does not count: freeing it alone gains nothing.
        let (at, _) = self.held().next()?;
        (Some(at) != self.current).then(|| self.end(at)).flatten()
    }
}

fn encode_unit(number: u32, first: u64) -> [u8; UNIT_HEAD] {
    let mut bytes = [0; UNIT_HEAD];
    bytes[..4].copy_from_slice(&UNIT_MARK.to_le_bytes());
    bytes[4..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..16].copy_from_slice(&first.to_le_bytes());
    let crc = Crc32::new().add(&bytes[..16]).finish();
    bytes[16..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode_unit(bytes: &[u8; UNIT_HEAD]) -> Option<(u32, u64)> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    let (mark, rest) = body.split_first_chunk::<4>()?;
    let (number, first) = rest.split_first_chunk::<4>()?;
    let sound =
        u32::from_le_bytes(*mark) == UNIT_MARK && Crc32::new().add(body).finish() == u32::from_le_bytes(*crc);
    let first = first.first_chunk::<8>()?;
    sound.then(|| (u32::from_le_bytes(*number), u64::from_le_bytes(*first)))
}

fn encode_entry(index: u32, record: &[u8]) -> [u8; ENTRY_HEAD] {
    let mut bytes = [0; ENTRY_HEAD];
    bytes[0] = ENTRY_MARK;
    bytes[2..4].copy_from_slice(&(record.len() as u16).to_le_bytes());
    bytes[4..8].copy_from_slice(&index.to_le_bytes());
    let crc = Crc32::new().add(&bytes[..8]).add(record).finish();
    bytes[8..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode_entry(bytes: &[u8; ENTRY_HEAD]) -> Option<Entry> {
    let &[ENTRY_MARK, 0, l0, l1, i0, i1, i2, i3, c0, c1, c2, c3] = bytes else {
        return None;
    };
    Some(Entry {
        len: u16::from_le_bytes([l0, l1]),
        index: u32::from_le_bytes([i0, i1, i2, i3]),
        crc: u32::from_le_bytes([c0, c1, c2, c3]),
    })
}

impl<E: fmt::Debug> fmt::Display for FlashError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Geometry => f.write_str(
                "opening the journal on flash: four erase units or more, single-byte reads and a fitting buffer wanted",
            ),
            Self::Flash(error) => write!(f, "the journal's flash failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for FlashError<E> {}
