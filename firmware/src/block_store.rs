//! A journal's store on a card of 512-byte blocks: a ring of numbered slots and two copies of the header.
//!
//! ```text
//!  block 0, 1       header, written in turn: the newer valid one counts
//!  block 2 ...      slots of four blocks; sequence n lies in slot (n - origin) mod slots
//! ```
//! Nothing is ever erased or moved. A record says how far the ones before it are freed, so freeing writes nothing:
//! after a reset at most what was freed since the last append is held again. A record counts when its checksum is
//! right: a power cut while it was written leaves the ring as it was before.

use core::fmt;

use crate::flash::crc::Crc32;
use crate::storage::{AppendError, Bounds, Header, Storage, StorageFault};

/// Bytes of a block.
pub const BLOCK: usize = 512;

/// A medium of blocks that are read and written whole. A write is durable when it returns; one cut short by a power
/// loss may leave anything in that block, and in no other.
pub trait BlockDevice {
    /// What it may fail with.
    type Error: fmt::Debug;

    /// Reads a block.
    ///
    /// # Errors
    /// When the medium fails.
    fn read(&mut self, block: u32, bytes: &mut [u8; BLOCK]) -> Result<(), Self::Error>;

    /// Writes a block.
    ///
    /// # Errors
    /// When the medium fails.
    fn write(&mut self, block: u32, bytes: &[u8; BLOCK]) -> Result<(), Self::Error>;
}

/// The blocks of a medium from `first` on.
#[derive(Clone, Debug)]
pub struct Region<D> {
    /// The whole.
    pub device: D,
    /// Block that counts as 0.
    pub first: u32,
}

impl<D: BlockDevice> BlockDevice for Region<D> {
    type Error = D::Error;

    fn read(&mut self, block: u32, bytes: &mut [u8; BLOCK]) -> Result<(), D::Error> {
        self.device.read(self.first + block, bytes)
    }

    fn write(&mut self, block: u32, bytes: &[u8; BLOCK]) -> Result<(), D::Error> {
        self.device.write(self.first + block, bytes)
    }
}

/// Blocks of a slot.
const SLOT_BLOCKS: u32 = 4;
const HEADERS: u32 = 2;
const RECORD_MAGIC: u32 = u32::from_le_bytes(*b"VGR1");
const HEADER_MAGIC: u32 = u32::from_le_bytes(*b"VGH1");
/// Magic, checksum, stamp, length, sequence, lowest sequence held.
const RECORD_HEAD: usize = 32;
/// Longest record.
pub const LONGEST_RECORD: usize = SLOT_BLOCKS as usize * BLOCK - RECORD_HEAD;
/// Damaged slots in a row that the search for the end of the ring looks past.
const LOOK_AHEAD: u64 = 8;
/// A full ring is freed by this part at once, so that a full journal does not save its header for each record.
const UNIT_SHARE: u64 = 64;

/// The ring. `next - first` records are held: at most one less than there are slots, so that what is torn by a power cut
/// is never a record that was held before.
#[derive(Clone, Debug)]
pub struct BlockStore<D> {
    device: D,
    slots: u64,
    head: Option<Head>,
    first: u64,
    next: u64,
}

/// The header with what the store adds to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    header: Header,
    generation: u32,
    /// Drawn with the first header: records of an earlier life of the card have another.
    stamp: u32,
    /// Sequence that lies in slot 0.
    origin: u64,
}

/// What a valid slot says.
#[derive(Clone, Copy)]
struct Found {
    seq: u64,
    first: u64,
}

impl<D: BlockDevice> BlockStore<D> {
    /// Opens the store on the first `blocks` blocks of a medium, and finds what is held.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn open(device: D, blocks: u32) -> Result<Self, D::Error> {
        let mut store = Self {
            device,
            slots: u64::from(blocks.saturating_sub(HEADERS) / SLOT_BLOCKS).max(2),
            head: None,
            first: 0,
            next: 0,
        };
        for copy in 0..HEADERS {
            let head = store.read_head(copy)?;
            let newer = match (&head, &store.head) {
                (Some(head), Some(other)) => head.generation.wrapping_sub(other.generation) as i32 > 0,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if newer {
                store.head = head;
            }
        }
        if let Some(head) = store.head {
            store.next = head.origin;
            store.first = head.origin;
            if let Some(last) = store.find_last(head.origin)? {
                store.next = last.seq + 1;
                store.first = last
                    .first
                    .clamp(store.next.saturating_sub(store.capacity()), store.next);
            }
        }
        Ok(store)
    }

    /// The medium, for inspection.
    pub const fn device(&self) -> &D {
        &self.device
    }

    /// Gives the medium back.
    pub fn into_device(self) -> D {
        self.device
    }

    /// The last record written. Slots hold a lap of sequences up to some slot and the lap before behind it: the step is
    /// searched for by halving, past a few damaged slots.
    fn find_last(&mut self, origin: u64) -> Result<Option<Found>, D::Error> {
        let mut best = self.slot(origin, self.slots - 1)?;
        let mut start = None;
        for at in 0..LOOK_AHEAD.min(self.slots) {
            if let Some(found) = self.slot(origin, at)? {
                if best.is_none_or(|best| found.seq > best.seq) {
                    start = Some((at, found));
                }
                break;
            }
        }
        // The newest lap ended with the last slot, or there is none.
        let Some((mut low, found)) = start else {
            return Ok(best);
        };
        best = Some(found);
        let lap = found.seq - low;
        let mut high = self.slots;
        loop {
            while low + 1 < high {
                let middle = low + (high - low) / 2;
                match self
                    .slot(origin, middle)?
                    .filter(|found| found.seq == lap + middle)
                {
                    Some(found) => (low, best) = (middle, Some(found)),
                    None => high = middle,
                }
            }
            high = self.slots;
            let mut further = None;
            for at in low + 1..(low + 1 + LOOK_AHEAD).min(self.slots) {
                if let Some(found) = self.slot(origin, at)?.filter(|found| found.seq == lap + at) {
                    further = Some((at, found));
                }
            }
            match further {
                Some((at, found)) => (low, best) = (at, Some(found)),
                None => return Ok(best),
            }
        }
    }

    /// What the slot at this position says, if it is whole and of this life of the card.
    fn slot(&mut self, origin: u64, at: u64) -> Result<Option<Found>, D::Error> {
        let mut block = [0; BLOCK];
        self.device.read(self.block_of(at), &mut block)?;
        let Some((head, found)) = self.record_head(&block) else {
            return Ok(None);
        };
        if found.seq < origin || (found.seq - origin) % self.slots != at {
            return Ok(None);
        }
        let mut crc = Crc32::new();
        crc = crc.add(&block[8..RECORD_HEAD]);
        let mut rest = head.len;
        for n in 0..SLOT_BLOCKS {
            let body = if n == 0 { RECORD_HEAD } else { 0 };
            if n > 0 {
                if rest == 0 {
                    break;
                }
                self.device.read(self.block_of(at) + n, &mut block)?;
            }
            let take = rest.min(BLOCK - body);
            crc = crc.add(&block[body..body + take]);
            rest -= take;
        }
        Ok((crc.finish() == head.crc).then_some(found))
    }

    fn record_head(&self, block: &[u8; BLOCK]) -> Option<(RecordHead, Found)> {
        let mut fields = Fields(block);
        let magic = fields.u32()?;
        let head = RecordHead {
            crc: fields.u32()?,
            stamp: fields.u32()?,
            len: fields.u32()? as usize,
        };
        let found = Found {
            seq: fields.u64()?,
            first: fields.u64()?,
        };
        let ours = magic == RECORD_MAGIC && Some(head.stamp) == self.head.map(|head| head.stamp);
        (ours && head.len <= LONGEST_RECORD).then_some((head, found))
    }

    const fn capacity(&self) -> u64 {
        self.slots - 1
    }

    const fn block_of(&self, slot: u64) -> u32 {
        HEADERS + slot as u32 * SLOT_BLOCKS
    }

    fn read_head(&mut self, copy: u32) -> Result<Option<Head>, D::Error> {
        let mut block = [0; BLOCK];
        self.device.read(copy, &mut block)?;
        Ok(Head::read(&block))
    }

    fn save_head(&mut self, head: Head) -> Result<(), D::Error> {
        self.device.write(head.generation % HEADERS, &head.to_block())?;
        self.head = Some(head);
        Ok(())
    }

    /// Position of a sequence that is held or next.
    fn position(&self, seq: u64) -> u64 {
        let origin = self.head.map_or(0, |head| head.origin);
        seq.saturating_sub(origin) % self.slots
    }
}

struct RecordHead {
    crc: u32,
    stamp: u32,
    len: usize,
}

impl<D: BlockDevice> Storage for BlockStore<D> {
    type Error = D::Error;

    fn header(&mut self) -> Result<Option<Header>, D::Error> {
        Ok(self.head.map(|head| head.header))
    }

    fn save_header(&mut self, header: &Header) -> Result<(), D::Error> {
        let head = match self.head {
            Some(head) => Head {
                header: *header,
                generation: head.generation.wrapping_add(1),
                ..head
            },
            None => Head {
                header: *header,
                generation: 0,
                stamp: (header.epoch ^ (header.epoch >> 32)) as u32,
                origin: 0,
            },
        };
        self.save_head(head)
    }

    fn bounds(&mut self) -> Result<Bounds, D::Error> {
        Ok(Bounds {
            first: self.first,
            next: self.next,
        })
    }

    fn append(&mut self, seq: u64, record: &[u8]) -> Result<(), AppendError<D::Error>> {
        if record.len() > LONGEST_RECORD {
            return Err(AppendError::TooLong);
        }
        if seq > self.next
            && let Some(head) = self.head
        {
            // Nothing is held: the ring begins anew with this sequence.
            let head = Head {
                generation: head.generation.wrapping_add(1),
                origin: seq,
                ..head
            };
            self.save_head(head).map_err(AppendError::Medium)?;
            self.first = seq;
        }
        if seq - self.first >= self.capacity() {
            return Err(AppendError::Full);
        }
        let slot = self.block_of(self.position(seq));
        let mut block = [0; BLOCK];
        let mut fields = FieldsMut::new(&mut block);
        fields.u32(RECORD_MAGIC);
        fields.u32(0);
        fields.u32(self.head.map_or(0, |head| head.stamp));
        fields.u32(record.len() as u32);
        fields.u64(seq);
        fields.u64(self.first);
        let mut crc = Crc32::new();
        crc = crc.add(&block[8..RECORD_HEAD]);
        crc = crc.add(record);
        block[4..8].copy_from_slice(&crc.finish().to_le_bytes());
        let (mut rest, mut body) = (record, RECORD_HEAD);
        for n in 0..SLOT_BLOCKS {
            let (part, after) = rest.split_at(rest.len().min(BLOCK - body));
            block[body..body + part.len()].copy_from_slice(part);
            self.device.write(slot + n, &block).map_err(AppendError::Medium)?;
            (rest, body) = (after, 0);
            if rest.is_empty() {
                break;
            }
        }
        self.next = seq + 1;
        Ok(())
    }

    fn read(&mut self, seq: u64, buf: &mut [u8]) -> Result<Option<usize>, StorageFault<D::Error>> {
        if seq < self.first || seq >= self.next {
            return Ok(None);
        }
        let slot = self.block_of(self.position(seq));
        let mut block = [0; BLOCK];
        self.device.read(slot, &mut block).map_err(StorageFault::Medium)?;
        let (head, found) = self.record_head(&block).ok_or(StorageFault::Damaged)?;
        if found.seq != seq {
            return Err(StorageFault::Damaged);
        }
        let buf = buf.get_mut(..head.len).ok_or(StorageFault::TooLong)?;
        let mut crc = Crc32::new();
        crc = crc.add(&block[8..RECORD_HEAD]);
        let (mut done, mut body) = (0, RECORD_HEAD);
        for n in 0..SLOT_BLOCKS {
            let part = (buf.len() - done).min(BLOCK - body);
            buf[done..done + part].copy_from_slice(&block[body..body + part]);
            (done, body) = (done + part, 0);
            if done == buf.len() {
                break;
            }
            self.device
                .read(slot + n + 1, &mut block)
                .map_err(StorageFault::Medium)?;
        }
        crc = crc.add(buf);
        if crc.finish() != head.crc {
            return Err(StorageFault::Damaged);
        }
        Ok(Some(buf.len()))
    }

    fn free_below(&mut self, seq: u64) -> Result<(), D::Error> {
        self.first = self.first.max(seq);
        self.next = self.next.max(self.first);
        Ok(())
    }

    fn oldest_unit_end(&self) -> Option<u64> {
        let unit = (self.slots / UNIT_SHARE).max(1);
        (self.first < self.next).then(|| (self.first + unit).min(self.next))
    }
}

impl Head {
    fn to_block(self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut fields = FieldsMut::new(&mut block);
        fields.u32(HEADER_MAGIC);
        fields.u32(0);
        fields.u32(self.generation);
        fields.u32(self.stamp);
        fields.u64(self.origin);
        fields.u64(self.header.epoch);
        fields.u64(self.header.layout);
        fields.u64(self.header.dropped);
        fields.u64(self.header.first);
        fields.u32(self.header.bd_seq.map_or(u32::MAX, u32::from));
        let mut crc = Crc32::new();
        crc = crc.add(&block[8..]);
        block[4..8].copy_from_slice(&crc.finish().to_le_bytes());
        block
    }

    fn read(block: &[u8; BLOCK]) -> Option<Self> {
        let mut fields = Fields(block);
        let magic = fields.u32()?;
        let sum = fields.u32()?;
        let mut crc = Crc32::new();
        crc = crc.add(&block[8..]);
        if magic != HEADER_MAGIC || crc.finish() != sum {
            return None;
        }
        Some(Head {
            generation: fields.u32()?,
            stamp: fields.u32()?,
            origin: fields.u64()?,
            header: Header {
                epoch: fields.u64()?,
                layout: fields.u64()?,
                dropped: fields.u64()?,
                first: fields.u64()?,
                bd_seq: fields.u32().map(u8::try_from)?.ok(),
            },
        })
    }
}

/// Little-endian numbers, one after the other.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }
}

struct FieldsMut<'b> {
    block: &'b mut [u8; BLOCK],
    at: usize,
}

impl<'b> FieldsMut<'b> {
    const fn new(block: &'b mut [u8; BLOCK]) -> Self {
        Self { block, at: 0 }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.block[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }
}
