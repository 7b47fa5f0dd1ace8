//! Decoding and encoding of register words.

use super::number::{Scale, round};
use super::register::{RawRegister, RegisterCodec, RegisterError, RegisterType, WordOrder};

impl WordOrder {
    const fn swaps_bytes(self) -> bool {
        matches!(self, WordOrder::LittleEndian | WordOrder::ByteSwap)
    }

    const fn reverses_words(self) -> bool {
        matches!(self, WordOrder::LittleEndian | WordOrder::WordSwap)
    }

    /// Position of the `index`-th most significant of `count` words.
    const fn position(self, index: usize, count: usize) -> usize {
        if self.reverses_words() {
            count - 1 - index
        } else {
            index
        }
    }

    /// Words to one number, most significant first.
    fn gather(self, words: &[u16]) -> u64 {
        (0..words.len()).fold(0, |bits, index| {
            let word = words[self.position(index, words.len())];
            bits << 16
                | u64::from(if self.swaps_bytes() {
                    word.swap_bytes()
                } else {
                    word
                })
        })
    }

    /// The inverse of [`WordOrder::gather`].
    fn scatter(self, bits: u64, out: &mut [u16]) {
        let count = out.len();
        for index in 0..count {
            let word = (bits >> (16 * (count - 1 - index))) as u16;
            out[self.position(index, count)] = if self.swaps_bytes() {
                word.swap_bytes()
            } else {
                word
            };
        }
    }
}

impl RegisterCodec {
    /// Unscaled, big-endian.
    pub const fn plain(kind: RegisterType) -> RegisterCodec {
        RegisterCodec {
            kind,
            order: WordOrder::BigEndian,
            scale: 1.0,
            offset: 0.0,
        }
    }

    /// `scale` per count, no offset, big-endian.
    pub const fn scaled(kind: RegisterType, scale: f64) -> RegisterCodec {
        RegisterCodec {
            kind,
            order: WordOrder::BigEndian,
            scale,
            offset: 0.0,
        }
    }

    /// Words one value takes.
    pub const fn words(&self) -> usize {
        self.kind.words()
    }

    /// The words as they are, before scaling: exact for 64-bit counters too.
    pub fn raw(&self, words: &[u16]) -> Result<RawRegister, RegisterError> {
        let need = self.words();
        let words = words.get(..need).ok_or(RegisterError::TooFewWords {
            need,
            have: words.len(),
        })?;
        let bits = self.order.gather(words);
        Ok(match self.kind {
            RegisterType::U16 | RegisterType::U32 | RegisterType::U64 => RawRegister::Unsigned(bits),
            RegisterType::I16 => RawRegister::Signed(i64::from(bits as u16 as i16)),
            RegisterType::I32 => RawRegister::Signed(i64::from(bits as u32 as i32)),
            RegisterType::I64 => RawRegister::Signed(bits as i64),
            RegisterType::F32 => RawRegister::Float(f64::from(f32::from_bits(bits as u32))),
            RegisterType::F64 => RawRegister::Float(f64::from_bits(bits)),
            RegisterType::Bits { start, len } => {
                let mask = bit_mask(start, len).ok_or(RegisterError::BadCodec)?;
                RawRegister::Unsigned(u64::from(bits as u16 >> start & mask))
            }
            RegisterType::Bcd16 => RawRegister::Unsigned(from_bcd(bits as u16)?),
        })
    }

    /// The value in the words; extra words are ignored. 64-bit integers round to the nearest `f64`.
    pub fn decode(&self, words: &[u16]) -> Result<f64, RegisterError> {
        let raw = match self.raw(words)? {
            RawRegister::Unsigned(raw) => raw as f64,
            RawRegister::Signed(raw) => raw as f64,
            RawRegister::Float(raw) => raw,
        };
        let scale = Scale::new(self.scale).ok_or(RegisterError::BadCodec)?;
        let value = scale.apply(raw) + self.offset;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(RegisterError::NotFinite)
        }
    }

    /// Writes the words for the raw count nearest to `value`, returns how many. A bit field keeps the other bits of
    /// the word.
    pub fn encode(&self, value: f64, out: &mut [u16]) -> Result<usize, RegisterError> {
        let (need, have) = (self.words(), out.len());
        let out = out
            .get_mut(..need)
            .ok_or(RegisterError::TooFewWords { need, have })?;
        if !value.is_finite() {
            return Err(RegisterError::NotFinite);
        }
        let scale = Scale::new(self.scale).ok_or(RegisterError::BadCodec)?;
        let raw = scale.invert(value - self.offset);
        let bits = match self.kind {
            RegisterType::U16 => integer(raw, 0.0, 65_536.0, value)?,
            RegisterType::I16 => integer(raw, -32_768.0, 32_768.0, value)?,
            RegisterType::U32 => integer(raw, 0.0, 4_294_967_296.0, value)?,
            RegisterType::I32 => integer(raw, -2_147_483_648.0, 2_147_483_648.0, value)?,
            RegisterType::U64 => integer(raw, 0.0, 18_446_744_073_709_551_616.0, value)?,
            RegisterType::I64 => integer(
                raw,
                -9_223_372_036_854_775_808.0,
                9_223_372_036_854_775_808.0,
                value,
            )?,
            RegisterType::F32 if !(raw as f32).is_finite() => return Err(RegisterError::OutOfRange(value)),
            RegisterType::F32 => u64::from((raw as f32).to_bits()),
            RegisterType::F64 => raw.to_bits(),
            RegisterType::Bits { start, len } => {
                let mask = bit_mask(start, len).ok_or(RegisterError::BadCodec)?;
                let field = integer(raw, 0.0, f64::from(mask) + 1.0, value)? as u16;
                let word = self.order.gather(out) as u16;
                u64::from(word & !(mask << start) | field << start)
            }
            RegisterType::Bcd16 => to_bcd(integer(raw, 0.0, 10_000.0, value)?),
        };
        self.order.scatter(bits, out);
        Ok(need)
    }
}

/// Rounds `raw` into `from..below` and returns its two's complement bits.
fn integer(raw: f64, from: f64, below: f64, value: f64) -> Result<u64, RegisterError> {
    let rounded = round(raw);
    if !(from..below).contains(&rounded) {
        return Err(RegisterError::OutOfRange(value));
    }
    Ok(if rounded < 0.0 {
        rounded as i64 as u64
    } else {
        rounded as u64
    })
}

/// Mask of `len` bits, if they lie in one word at `start`.
const fn bit_mask(start: u8, len: u8) -> Option<u16> {
    if len == 0 || len > 16 || start > 16 - len {
        None
    } else {
        Some(u16::MAX >> (16 - len))
    }
}

fn from_bcd(word: u16) -> Result<u64, RegisterError> {
    [12, 8, 4, 0]
        .into_iter()
        .try_fold(0, |value, shift| match word >> shift & 0xF {
            digit @ 0..=9 => Ok(value * 10 + u64::from(digit)),
            _ => Err(RegisterError::NotBcd(word)),
        })
}

const fn to_bcd(value: u64) -> u64 {
    (value / 1_000 % 10) << 12 | (value / 100 % 10) << 8 | (value / 10 % 10) << 4 | (value % 10)
}
