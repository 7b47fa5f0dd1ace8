//! Blocks of a card as NOR flash, for what wants NOR flash: small things that are seldom written.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

use crate::block_store::{BLOCK, BlockDevice};

/// The first `blocks` blocks of a medium. Writing reads, changes and writes whole blocks: one cut short by a power loss
/// may lose its block, and no other.
#[derive(Clone, Debug)]
pub struct CardFlash<D> {
    device: D,
    blocks: u32,
}

/// Why it was not read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CardFlashError<E> {
    /// Beyond the end.
    OutOfBounds,
    /// The medium failed.
    Medium(E),
}

impl<D: BlockDevice> CardFlash<D> {
    /// These blocks.
    pub const fn new(device: D, blocks: u32) -> Self {
        Self { device, blocks }
    }

    /// Calls `each` with every block of `offset..offset + len`, the place in it, and the place in the whole range.
    fn pieces(
        &mut self,
        offset: u32,
        len: usize,
        mut each: impl FnMut(&mut D, u32, core::ops::Range<usize>, usize) -> Result<(), D::Error>,
    ) -> Result<(), CardFlashError<D::Error>> {
        let start = offset as usize;
        if start.checked_add(len).is_none_or(|end| end > self.capacity()) {
            return Err(CardFlashError::OutOfBounds);
        }
        let mut done = 0;
        while done < len {
            let at = start + done;
            let within = at % BLOCK..BLOCK.min(at % BLOCK + len - done);
            let count = within.len();
            each(&mut self.device, (at / BLOCK) as u32, within, done).map_err(CardFlashError::Medium)?;
            done += count;
        }
        Ok(())
    }
}

impl<E: core::fmt::Debug> NorFlashError for CardFlashError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::Medium(_) => NorFlashErrorKind::Other,
        }
    }
}

impl<D: BlockDevice> ErrorType for CardFlash<D> {
    type Error = CardFlashError<D::Error>;
}

impl<D: BlockDevice> ReadNorFlash for CardFlash<D> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let mut buf = [0; BLOCK];
        self.pieces(offset, bytes.len(), |device, block, within, at| {
            device.read(block, &mut buf)?;
            bytes[at..at + within.len()].copy_from_slice(&buf[within]);
            Ok(())
        })
    }

    fn capacity(&self) -> usize {
        self.blocks as usize * BLOCK
    }
}

impl<D: BlockDevice> NorFlash for CardFlash<D> {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = BLOCK;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        let len = to.saturating_sub(from) as usize;
        self.pieces(from, len, |device, block, _, _| {
            device.write(block, &[0xff; BLOCK])
        })
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let mut buf = [0; BLOCK];
        self.pieces(offset, bytes.len(), |device, block, within, at| {
            device.read(block, &mut buf)?;
            let count = within.len();
            buf[within].copy_from_slice(&bytes[at..at + count]);
            device.write(block, &buf)
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use core::convert::Infallible;
    use std::collections::HashMap;
    use std::vec::Vec;

    use super::*;
    use crate::flash::Slots;
    use crate::provisioning::{SETTINGS_BYTES, SETTINGS_VERSION, Settings};

    #[derive(Clone, Debug, Default)]
    struct Card(HashMap<u32, [u8; BLOCK]>);

    impl BlockDevice for Card {
        type Error = Infallible;

        fn read(&mut self, block: u32, bytes: &mut [u8; BLOCK]) -> Result<(), Infallible> {
            *bytes = self.0.get(&block).copied().unwrap_or([0; BLOCK]);
            Ok(())
        }

        fn write(&mut self, block: u32, bytes: &[u8; BLOCK]) -> Result<(), Infallible> {
            self.0.insert(block, *bytes);
            Ok(())
        }
    }

    #[test]
    fn what_is_written_over_the_edge_of_blocks_is_read_back_and_its_neighbours_stay() {
        let mut flash = CardFlash::new(Card::default(), 4);
        assert_eq!(flash.erase(0, 2_048), Ok(()));
        let bytes = (0..1_000_u32).map(|n| n as u8).collect::<Vec<_>>();
        assert_eq!(flash.write(500, &bytes), Ok(()));
        let mut all = [0; 2_048];
        assert_eq!(flash.read(0, &mut all), Ok(()));
        assert_eq!(all[500..1_500], bytes);
        assert!(all[..500].iter().chain(&all[1_500..]).all(|byte| *byte == 0xff));
        assert_eq!(flash.write(2_000, &bytes), Err(CardFlashError::OutOfBounds));
        assert_eq!(flash.read(2_048, &mut [0]), Err(CardFlashError::OutOfBounds));
    }

    #[test]
    fn settings_are_kept_on_a_card_that_was_never_erased() {
        let mut buf = [0; SETTINGS_BYTES];
        let mut slots = Slots::<_, 32>::new(CardFlash::new(Card::default(), 16), SETTINGS_VERSION).unwrap();
        assert_eq!(slots.load::<Settings>(&mut buf), Ok(None));
        let settings = Settings {
            broker_port: 8_883,
            ..Settings::EMPTY
        };
        for port in [8_883, 1_884, 1_885] {
            let settings = Settings {
                broker_port: port,
                ..settings.clone()
            };
            assert_eq!(slots.save(&settings, &mut buf), Ok(()));
            assert_eq!(slots.load::<Settings>(&mut buf), Ok(Some(settings)));
        }
    }
}
