//! CRC-32 (IEEE 802.3), four bits at a time: 64 bytes of table.

const TABLE: [u32; 16] = {
    let mut table = [0; 16];
    let mut n = 0;
    while n < 16 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

/// A CRC over bytes that come in pieces.
#[derive(Clone, Copy)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    pub(crate) const fn new() -> Self {
        Self(u32::MAX)
    }

    pub(crate) fn add(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 ^= u32::from(*byte);
            self.0 = self.0 >> 4 ^ TABLE[(self.0 & 15) as usize];
            self.0 = self.0 >> 4 ^ TABLE[(self.0 & 15) as usize];
        }
        self
    }

    pub(crate) const fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Crc32;

    #[test]
    fn the_check_value_of_the_catalogue_comes_out_in_one_piece_or_two() {
        assert_eq!(Crc32::new().add(b"123456789").finish(), 0xcbf4_3926);
        assert_eq!(Crc32::new().add(b"1234").add(b"56789").finish(), 0xcbf4_3926);
    }
}
