//! The header of the journal and how far it is freed: a log in two erase units of its own, so that saving it never
//! needs room among the records. The newest sound entry counts.

use embedded_storage::nor_flash::NorFlash;

use super::chunk::{Writer, padded};
use super::crc::Crc32;
use crate::storage::Header;

/// Mark of an entry.
const MARK: u8 = 0xe5;
/// mark, has header, bd_seq present, bd_seq, number, epoch, layout, dropped, first, freed, CRC.
const ENTRY: usize = 4 + 4 + 5 * 8 + 4;

/// What an entry says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct State {
    pub(super) header: Option<Header>,
    /// Records below are free.
    pub(super) freed: u64,
}

/// The two units, at `base` and after it.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    pub(super) state: State,
    number: u32,
    /// Unit written last; `None` before the first.
    unit: Option<u32>,
    /// Where the next entry goes in it; past its end when the unit is to be left.
    offset: u32,
}

impl Meta {
    pub(super) fn open<F: NorFlash>(flash: &mut F) -> Result<Self, F::Error> {
        let mut meta = Self {
            state: State::default(),
            number: 0,
            unit: None,
            offset: 0,
        };
        let (unit_size, step) = (F::ERASE_SIZE as u32, padded::<F>(ENTRY));
        for unit in 0..2 {
            let (mut offset, mut used, mut newest) = (0, 0, false);
            while offset + step <= unit_size {
                let mut bytes = [0; ENTRY];
                flash.read(unit * unit_size + offset, &mut bytes)?;
                offset += step;
                if bytes == [0xff; ENTRY] {
                    continue;
                }
                used = offset;
                if let Some((number, state)) = decode(&bytes)
                    && (meta.unit.is_none() || number.wrapping_sub(meta.number) < u32::MAX / 2)
                {
                    meta.number = number;
                    meta.state = state;
                    meta.unit = Some(unit);
                    newest = true;
                }
            }
            if newest {
                // A word that was being written when the power failed may read as erased, and must not be written
                // again: one entry is left blank.
                meta.offset = used + step;
            }
        }
        Ok(meta)
    }

    /// After a power cut, the old state or the new one is found.
    pub(super) fn save<F: NorFlash, const N: usize>(
        &mut self,
        flash: &mut F,
        chunk: &mut [u8; N],
        state: State,
    ) -> Result<(), F::Error> {
        let (unit_size, step) = (F::ERASE_SIZE as u32, padded::<F>(ENTRY));
        let (unit, offset) = match self.unit {
            Some(unit) if self.offset + step <= unit_size => (unit, self.offset),
            Some(unit) => (1 - unit, 0),
            None => (0, 0),
        };
        let start = unit * unit_size;
        if offset == 0 {
            flash.erase(start, start + unit_size)?;
        }
        let number = self.number.wrapping_add(1);
        let mut writer = Writer::new(flash, chunk, start + offset);
        let written = writer.add(&encode(number, &state)).and_then(|()| writer.finish());
        if written.is_err() {
            // The unit with the newest sound entry is kept; what follows it is no longer known to be erased.
            if offset != 0 {
                self.offset = unit_size;
            }
            return written;
        }
        self.number = number;
        self.state = state;
        self.unit = Some(unit);
        self.offset = offset + step;
        Ok(())
    }
}

fn encode(number: u32, state: &State) -> [u8; ENTRY] {
    let header = state.header.unwrap_or(Header {
        epoch: 0,
        layout: 0,
        dropped: 0,
        first: 0,
        bd_seq: None,
    });
    let mut bytes = [0; ENTRY];
    let mut at = 0;
    let mut put = |part: &[u8]| {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    };
    put(&[
        MARK,
        state.header.is_some().into(),
        header.bd_seq.is_some().into(),
        header.bd_seq.unwrap_or(0),
    ]);
    put(&number.to_le_bytes());
    for number in [
        header.epoch,
        header.layout,
        header.dropped,
        header.first,
        state.freed,
    ] {
        put(&number.to_le_bytes());
    }
    let crc = Crc32::new().add(&bytes[..ENTRY - 4]).finish();
    bytes[ENTRY - 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; ENTRY]) -> Option<(u32, State)> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    if body[0] != MARK || Crc32::new().add(body).finish() != u32::from_le_bytes(*crc) {
        return None;
    }
    let (head, numbers) = body.split_first_chunk::<8>()?;
    let [_, has_header, has_bd_seq, bd_seq, number @ ..] = *head;
    let mut numbers = numbers
        .chunks_exact(8)
        .map(|bytes| bytes.try_into().map_or(0, u64::from_le_bytes));
    let mut next = || numbers.next().unwrap_or(0);
    let header = Header {
        epoch: next(),
        layout: next(),
        dropped: next(),
        first: next(),
        bd_seq: (has_bd_seq == 1).then_some(bd_seq),
    };
    let state = State {
        header: (has_header == 1).then_some(header),
        freed: next(),
    };
    Some((u32::from_le_bytes(number), state))
}
