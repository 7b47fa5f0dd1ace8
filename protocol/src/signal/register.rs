//! Register words ↔ value: Modbus carries 16-bit words and says nothing about what spans them, so every device
//! combines bytes and words in its own order. Both directions: gateways and nodes decode, simulators encode.

use core::fmt;

/// How the bytes A (most significant) to D of a value lie in consecutive registers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum WordOrder {
    /// `AB CD`: what the Modbus specification suggests.
    #[default]
    BigEndian,
    /// `DC BA`.
    LittleEndian,
    /// `BA DC`: words in order, bytes swapped inside each.
    ByteSwap,
    /// `CD AB`: bytes in order, lowest word first.
    WordSwap,
}

/// What the words hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum RegisterType {
    /// One word, unsigned.
    U16,
    /// One word, two's complement.
    I16,
    /// Two words, unsigned.
    U32,
    /// Two words, two's complement.
    I32,
    /// Four words, unsigned.
    U64,
    /// Four words, two's complement.
    I64,
    /// Two words, IEEE 754.
    F32,
    /// Four words, IEEE 754.
    F64,
    /// `len` bits of one word from bit `start` (0 = least significant).
    Bits {
        /// Lowest bit.
        start: u8,
        /// Number of bits, 1–16.
        len: u8,
    },
    /// One word of four decimal digits.
    Bcd16,
}

/// `value = raw × scale + offset`.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RegisterCodec {
    /// What the words hold.
    pub kind: RegisterType,
    /// How they are ordered.
    pub order: WordOrder,
    /// Value per raw count; not zero.
    pub scale: f64,
    /// Value at raw 0.
    pub offset: f64,
}

/// The words before scaling, without loss.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RawRegister {
    /// Unsigned kinds, bits and BCD.
    Unsigned(u64),
    /// Signed kinds.
    Signed(i64),
    /// Float kinds.
    Float(f64),
}

/// Why words and value do not correspond.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RegisterError {
    /// The kind needs more words than there are.
    TooFewWords {
        /// Words the kind takes.
        need: usize,
        /// Words given.
        have: usize,
    },
    /// The bit field does not lie in one word, or the scale is zero or not finite.
    BadCodec,
    /// A nibble above 9.
    NotBcd(u16),
    /// The words hold NaN or infinity.
    NotFinite,
    /// The value does not fit the kind after unscaling.
    OutOfRange(f64),
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::TooFewWords { need, have } => {
                write!(f, "the register value takes {need} words, only {have} given")
            }
            RegisterError::BadCodec => {
                f.write_str("the register codec has a bit field outside one word or no usable scale")
            }
            RegisterError::NotBcd(word) => {
                write!(f, "the register word {word:#06x} is not binary-coded decimal")
            }
            RegisterError::NotFinite => f.write_str("the register words hold no finite number"),
            RegisterError::OutOfRange(value) => write!(f, "{value} does not fit the register"),
        }
    }
}

impl core::error::Error for RegisterError {}

impl RegisterType {
    /// Words it takes.
    pub const fn words(self) -> usize {
        match self {
            RegisterType::U16 | RegisterType::I16 | RegisterType::Bits { .. } | RegisterType::Bcd16 => 1,
            RegisterType::U32 | RegisterType::I32 | RegisterType::F32 => 2,
            RegisterType::U64 | RegisterType::I64 | RegisterType::F64 => 4,
        }
    }
}
