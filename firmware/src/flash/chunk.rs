//! Writing bytes of any length to a part that writes whole words.

use embedded_storage::nor_flash::NorFlash;

/// Collects bytes and writes them in pieces of `N`, the last one padded to a whole word with ones.
pub(super) struct Writer<'c, F, const N: usize> {
    flash: &'c mut F,
    chunk: &'c mut [u8; N],
    used: usize,
    at: u32,
}

impl<'c, F: NorFlash, const N: usize> Writer<'c, F, N> {
    pub(super) const fn new(flash: &'c mut F, chunk: &'c mut [u8; N], at: u32) -> Self {
        Self {
            flash,
            chunk,
            used: 0,
            at,
        }
    }

    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<(), F::Error> {
        while !bytes.is_empty() {
            let count = bytes.len().min(N - self.used);
            let (now, later) = bytes.split_at(count);
            self.chunk[self.used..self.used + count].copy_from_slice(now);
            self.used += count;
            bytes = later;
            if self.used == N {
                self.flash.write(self.at, self.chunk)?;
                self.at += N as u32;
                self.used = 0;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), F::Error> {
        let end = self.used.next_multiple_of(F::WRITE_SIZE);
        if end == 0 {
            return Ok(());
        }
        self.chunk[self.used..end].fill(0xff);
        self.flash.write(self.at, &self.chunk[..end])
    }
}

/// `len` in whole words of the part.
pub(super) const fn padded<F: NorFlash>(len: usize) -> u32 {
    len.next_multiple_of(F::WRITE_SIZE) as u32
}
