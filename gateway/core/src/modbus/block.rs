//! What one request asks for.

use super::{MAX_BITS, MAX_WORDS};
use std::fmt;

/// The functions that read. There are no others here, so nothing can be written to a device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Function {
    /// 0x01.
    Coils = 1,
    /// 0x02.
    DiscreteInputs = 2,
    /// 0x03.
    HoldingRegisters = 3,
    /// 0x04.
    InputRegisters = 4,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Coils,
        Self::DiscreteInputs,
        Self::HoldingRegisters,
        Self::InputRegisters,
    ];

    /// The function code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The function with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.code() == code)
    }

    /// Whether it reads single bits.
    #[must_use]
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coils | Self::DiscreteInputs)
    }

    /// Most registers or bits one request may ask for.
    #[must_use]
    pub const fn limit(self) -> u16 {
        if self.is_bits() { MAX_BITS } else { MAX_WORDS }
    }

    /// What it reads, in words.
    #[must_use]
    pub const fn title_en(self) -> &'static str {
        match self {
            Self::Coils => "coil",
            Self::DiscreteInputs => "discrete input",
            Self::HoldingRegisters => "holding register",
            Self::InputRegisters => "input register",
        }
    }
}

/// Registers or bits that lie side by side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Block {
    /// How they are read.
    pub function: Function,
    /// Address of the first.
    pub start: u16,
    /// How many.
    pub count: u16,
}

impl Block {
    /// A block one request can ask for; `None` for none, too many, or beyond the last address.
    #[must_use]
    pub fn new(function: Function, start: u16, count: u16) -> Option<Self> {
        let fits = count >= 1 && count <= function.limit() && u32::from(start) + u32::from(count) <= 0x1_0000;
        fits.then_some(Self {
            function,
            start,
            count,
        })
    }

    /// Address after the last.
    #[must_use]
    pub const fn end(&self) -> u32 {
        self.start as u32 + self.count as u32
    }

    /// Bytes of data in the answer: what tells it from the answer to another request.
    #[must_use]
    pub const fn data_bytes(&self) -> u16 {
        if self.function.is_bits() {
            self.count.div_ceil(8)
        } else {
            self.count * 2
        }
    }

    /// Whether `count` from `start` on lie in it.
    #[must_use]
    pub fn covers(&self, function: Function, start: u16, count: u16) -> bool {
        self.function == function && start >= self.start && u32::from(start) + u32::from(count) <= self.end()
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.count == 1 { "" } else { "s" };
        write!(
            f,
            "{} {}{plural} from {:#06x}",
            self.count,
            self.function.title_en(),
            self.start
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Function};

    #[test]
    fn a_block_fits_one_request_and_the_address_space() {
        let holding = Function::HoldingRegisters;
        for (function, start, count, fits) in [
            (holding, 0, 1, true),
            (holding, 0, 125, true),
            (holding, 0, 126, false),
            (holding, 0, 0, false),
            (holding, 65_535, 1, true),
            (holding, 65_535, 2, false),
            (Function::Coils, 0, 2_000, true),
            (Function::Coils, 0, 2_001, false),
            (Function::DiscreteInputs, 63_536, 2_000, true),
            (Function::DiscreteInputs, 63_537, 2_000, false),
        ] {
            assert_eq!(
                Block::new(function, start, count).is_some(),
                fits,
                "{function:?} {start} {count}"
            );
        }
    }

    #[test]
    fn only_the_codes_that_read_exist() {
        let codes: Vec<u8> = (0..=255)
            .filter(|code| Function::from_code(*code).is_some())
            .collect();
        assert_eq!(codes, [1, 2, 3, 4]);
    }
}
