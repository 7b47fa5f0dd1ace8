//! One blob in two slots: the old one stays whole until the new one is.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use serde::{Serialize, de::DeserializeOwned};

use super::chunk::{Writer, padded};
use super::crc::Crc32;

const MARK: u16 = 0x5653;
/// mark, version, generation, length, CRC of the blob, CRC of the head.
const HEAD: usize = 20;

/// Why a blob was not saved or loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotError<E> {
    /// Fewer than two erase units, single bytes cannot be read, or a buffer that is no multiple of the part's word.
    Geometry,
    /// The blob does not fit the buffer or a slot.
    TooLong,
    /// What is saved was written by a firmware whose settings mean something else.
    Version {
        /// Version saved.
        saved: u16,
    },
    /// The blob is sound and yet cannot be read.
    Unreadable,
    /// The part failed.
    Flash(E),
}

/// Two slots, each half of `F`. `CHUNK` is a multiple of the part's word.
///
/// A blob is written behind its head, and the head last: a slot without a sound head is no slot. The newer of two sound
/// slots counts.
#[derive(Clone, Debug)]
pub struct Slots<F, const CHUNK: usize> {
    flash: F,
    chunk: [u8; CHUNK],
    version: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    version: u16,
    generation: u32,
    len: u32,
    crc: u32,
}

impl<F: NorFlash, const CHUNK: usize> Slots<F, CHUNK> {
    /// The slots of a blob whose layout has this version.
    ///
    /// # Errors
    /// [`SlotError::Geometry`]
    pub fn new(flash: F, version: u16) -> Result<Self, SlotError<F::Error>> {
        if flash.capacity() < 2 * F::ERASE_SIZE
            || F::READ_SIZE != 1
            || CHUNK == 0
            || !CHUNK.is_multiple_of(F::WRITE_SIZE)
        {
            return Err(SlotError::Geometry);
        }
        Ok(Self {
            flash,
            chunk: [0; CHUNK],
            version,
        })
    }

    /// Gives the part back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn slot_size(&self) -> u32 {
        (self.flash.capacity() / F::ERASE_SIZE / 2 * F::ERASE_SIZE) as u32
    }

    /// The sound slot that counts, and where it is.
    fn newest(&mut self) -> Result<Option<(u32, Head)>, F::Error> {
        let mut newest: Option<(u32, Head)> = None;
        for slot in 0..2 {
            let Some(head) = self.sound(slot)? else { continue };
            if newest.is_none_or(|(_, other)| head.generation.wrapping_sub(other.generation) < u32::MAX / 2) {
                newest = Some((slot, head));
            }
        }
        Ok(newest)
    }

    fn sound(&mut self, slot: u32) -> Result<Option<Head>, F::Error> {
        let start = slot * self.slot_size();
        let mut bytes = [0; HEAD];
        self.flash.read(start, &mut bytes)?;
        let blob = padded::<F>(HEAD);
        let Some(head) = decode(&bytes).filter(|head| head.len <= self.slot_size() - blob) else {
            return Ok(None);
        };
        let (mut at, end) = (start + blob, start + blob + head.len);
        let mut crc = Crc32::new();
        let mut bytes = [0; 32];
        while at < end {
            let piece = &mut bytes[..(end - at).min(32) as usize];
            self.flash.read(at, piece)?;
            crc = crc.add(piece);
            at += piece.len() as u32;
        }
        Ok((crc.finish() == head.crc).then_some(head))
    }

    /// What was saved last; `None` when nothing was. `buf` holds the blob.
    ///
    /// # Errors
    /// [`SlotError`]
    pub fn load<T: DeserializeOwned>(&mut self, buf: &mut [u8]) -> Result<Option<T>, SlotError<F::Error>> {
        let Some((slot, head)) = self.newest().map_err(SlotError::Flash)? else {
            return Ok(None);
        };
        if head.version != self.version {
            return Err(SlotError::Version { saved: head.version });
        }
        let buf = buf.get_mut(..head.len as usize).ok_or(SlotError::TooLong)?;
        let blob = slot * self.slot_size() + padded::<F>(HEAD);
        self.flash.read(blob, buf).map_err(SlotError::Flash)?;
        postcard::from_bytes(buf)
            .map(Some)
            .map_err(|_| SlotError::Unreadable)
    }

    /// Saves a blob in the slot that does not count; after a power cut the old one or the new one is found. `buf`
    /// holds the blob on its way.
    ///
    /// # Errors
    /// [`SlotError`]; the old one still counts.
    pub fn save<T: Serialize>(&mut self, value: &T, buf: &mut [u8]) -> Result<(), SlotError<F::Error>> {
        let bytes = postcard::to_slice(value, buf).map_err(|_| SlotError::TooLong)?;
        if padded::<F>(HEAD) + padded::<F>(bytes.len()) > self.slot_size() {
            return Err(SlotError::TooLong);
        }
        let newest = self.newest().map_err(SlotError::Flash)?;
        let (slot, generation) =
            newest.map_or((0, 0), |(slot, head)| (1 - slot, head.generation.wrapping_add(1)));
        let head = Head {
            version: self.version,
            generation,
            len: bytes.len() as u32,
            crc: Crc32::new().add(bytes).finish(),
        };
        let start = slot * self.slot_size();
        self.write(start, bytes, &head).map_err(SlotError::Flash)
    }

    fn write(&mut self, start: u32, blob: &[u8], head: &Head) -> Result<(), F::Error> {
        self.flash.erase(start, start + self.slot_size())?;
        let mut writer = Writer::new(&mut self.flash, &mut self.chunk, start + padded::<F>(HEAD));
        writer.add(blob)?;
        writer.finish()?;
        let mut writer = Writer::new(&mut self.flash, &mut self.chunk, start);
        writer.add(&encode(head))?;
        writer.finish()
    }
}

fn encode(head: &Head) -> [u8; HEAD] {
    let mut bytes = [0; HEAD];
    bytes[..2].copy_from_slice(&MARK.to_le_bytes());
    bytes[2..4].copy_from_slice(&head.version.to_le_bytes());
    bytes[4..8].copy_from_slice(&head.generation.to_le_bytes());
    bytes[8..12].copy_from_slice(&head.len.to_le_bytes());
    bytes[12..16].copy_from_slice(&head.crc.to_le_bytes());
    let crc = Crc32::new().add(&bytes[..16]).finish();
    bytes[16..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; HEAD]) -> Option<Head> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    let word = |at: usize| {
        let bytes = body.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let sound = Crc32::new().add(body).finish() == u32::from_le_bytes(*crc);
    let mark = word(0)?;
    (sound && mark as u16 == MARK).then_some(Head {
        version: (mark >> 16) as u16,
        generation: word(4)?,
        len: word(8)?,
        crc: word(12)?,
    })
}

impl<E: fmt::Debug> fmt::Display for SlotError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Geometry => {
                f.write_str("opening the settings: two erase units and a fitting buffer wanted")
            }
            Self::TooLong => f.write_str("the settings do not fit"),
            Self::Version { saved } => write!(f, "the settings saved are of version {saved}"),
            Self::Unreadable => f.write_str("the settings saved cannot be read"),
            Self::Flash(error) => write!(f, "the settings' flash failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SlotError<E> {}
