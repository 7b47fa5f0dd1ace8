//! A poll as it is kept: the register blocks as read, or why they were not.
//!
//! ```text
//! version  1 byte   1
//! time     8 bytes  ms since 1970 UTC, big-endian: when the first request was sent
//! blocks   1 byte
//! block:
//!   function 1 byte   1–4; bit 7 set: not read
//!   start    2 bytes
//!   count    2 bytes
//!   data     read: registers of 2 bytes, or bits packed 8 to a byte from the lowest
//!            not read: reason 1 byte, exception code 1 byte
//! ```

use super::{Block, Function};
use std::fmt;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::NoData;

const VERSION: u8 = 1;
const NOT_READ: u8 = 0x80;

/// Why a block was not read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReadFailure {
    /// No connection, or the port could not be opened.
    NoConnection,
    /// No answer in time.
    Timeout,
    /// The device refused with this exception code.
    Exception(u8),
    /// The connection ended before the answer.
    Closed,
    /// An answer that is none to the request: another unit, function, length or transaction, or a damaged frame.
    Mismatch,
    /// Not asked for any more, because a request of the same poll had failed before it.
    Skipped,
}

impl ReadFailure {
    /// Its number in an image.
    const fn code(self) -> (u8, u8) {
        match self {
            Self::NoConnection => (1, 0),
            Self::Timeout => (2, 0),
            Self::Exception(code) => (3, code),
            Self::Closed => (4, 0),
            Self::Mismatch => (5, 0),
            Self::Skipped => (6, 0),
        }
    }

    const fn from_code(reason: u8, exception: u8) -> Option<Self> {
        Some(match reason {
            1 => Self::NoConnection,
            2 => Self::Timeout,
            3 => Self::Exception(exception),
            4 => Self::Closed,
            5 => Self::Mismatch,
            6 => Self::Skipped,
            _ => return None,
        })
    }

    /// Why there is no value then.
    #[must_use]
    pub const fn no_data(self) -> NoData {
        match self {
            // Function, address or number of registers: the map does not fit the device.
            Self::Exception(1..=3) => NoData::Config,
            // A gateway on the way could not reach the device, or the device had no time.
            Self::Exception(5 | 6 | 10 | 11) => NoData::Comm,
            Self::Exception(_) => NoData::Device,
            Self::NoConnection | Self::Timeout | Self::Closed | Self::Mismatch | Self::Skipped => {
                NoData::Comm
            }
        }
    }

    /// Stable key for metrics and programs.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::NoConnection => "no_connection",
            Self::Timeout => "timeout",
            Self::Exception(_) => "exception",
            Self::Closed => "closed",
            Self::Mismatch => "mismatch",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for ReadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection => f.write_str("no connection"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Exception(code) => {
                let title = match code {
                    1 => "illegal function",
                    2 => "illegal data address",
                    3 => "illegal data value",
                    4 => "device failure",
                    5 => "acknowledged, not ready yet",
                    6 => "device busy",
                    8 => "memory parity error",
                    10 => "gateway path unavailable",
                    11 => "the device behind the gateway does not answer",
                    _ => "unknown exception",
                };
                write!(f, "refused with exception {code} ({title})")
            }
            Self::Closed => f.write_str("the connection was closed"),
            Self::Mismatch => f.write_str("the answer was not one to the request"),
            Self::Skipped => f.write_str("not asked for, because a request before it failed"),
        }
    }
}

/// What a block holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Data {
    /// Registers.
    Words(Vec<u16>),
    /// Coils or inputs.
    Bits(Vec<bool>),
}

/// A block, and what came of reading it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockRead {
    /// What was asked for.
    pub block: Block,
    /// As many values as asked for, or why there are none.
    pub result: Result<Data, ReadFailure>,
}

/// One poll of one device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PollImage {
    /// When the first request was sent.
    pub at: UtcMillis,
    /// Every block of the plan, at most 255.
    pub blocks: Vec<BlockRead>,
}

impl PollImage {
    /// A poll that failed as a whole.
    #[must_use]
    pub fn failed(at: UtcMillis, blocks: &[Block], failure: ReadFailure) -> Self {
        let failed = |block: &Block| BlockRead {
            block: *block,
            result: Err(failure),
        };
        Self {
            at,
            blocks: blocks.iter().map(failed).collect(),
        }
    }

    /// The payload of its message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let data: usize = self
            .blocks
            .iter()
            .map(|read| 7 + usize::from(read.block.data_bytes()))
            .sum();
        let mut out = Vec::with_capacity(10 + data);
        out.push(VERSION);
        out.extend(self.at.0.to_be_bytes());
        let blocks = self.blocks.get(..255).unwrap_or(&self.blocks);
        out.push(blocks.len() as u8);
        for BlockRead { block, result } in blocks {
            let flag = if result.is_ok() { 0 } else { NOT_READ };
            out.push(block.function.code() | flag);
            out.extend(block.start.to_be_bytes());
            out.extend(block.count.to_be_bytes());
            match result {
                Ok(Data::Words(words)) => out.extend(words.iter().flat_map(|word| word.to_be_bytes())),
                Ok(Data::Bits(bits)) => out.extend(bits.chunks(8).map(pack)),
                Err(failure) => {
                    let (reason, exception) = failure.code();
                    out.extend([reason, exception]);
                }
            }
        }
        out
    }
}

fn pack(bits: &[bool]) -> u8 {
    bits.iter()
        .enumerate()
        .fold(0, |byte, (at, on)| byte | u8::from(*on) << at)
}

/// Why bytes are no poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImageError {
    /// Made by something newer.
    #[error("a poll of version {0}, this program knows version 1")]
    Version(u8),
    /// Ends too early.
    #[error("the poll ends after {0} bytes, within a block")]
    Short(usize),
    /// A block that no request can ask for.
    #[error("the poll has a block that cannot be: function {function}, {count} from {start}")]
    Block {
        /// Function code.
        function: u8,
        /// First address.
        start: u16,
        /// Number.
        count: u16,
    },
    /// A reason nobody knows.
    #[error("the poll gives the unknown reason {0} for a block that was not read")]
    Reason(u8),
    /// Bytes after the last block.
    #[error("{0} bytes follow the last block of the poll")]
    Long(usize),
}

/// A block in the bytes of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockView<'a> {
    /// What was asked for.
    pub block: Block,
    /// The data as encoded, or why there are none.
    pub result: Result<&'a [u8], ReadFailure>,
}

/// An image, read in place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageView<'a> {
    /// When the first request was sent.
    pub at: UtcMillis,
    /// The blocks.
    pub blocks: Vec<BlockView<'a>>,
}

impl<'a> ImageView<'a> {
    /// Reads a message's payload.
    ///
    /// # Errors
    /// Bytes that are no image.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let mut rest = bytes;
        let mut take = |count: usize| {
            let (taken, left) = rest
                .split_at_checked(count)
                .ok_or(ImageError::Short(bytes.len()))?;
            rest = left;
            Ok(taken)
        };
        let version = take(1)?[0];
        if version != VERSION {
            return Err(ImageError::Version(version));
        }
        let at = take(8)?.iter().fold(0_u64, |at, byte| at << 8 | u64::from(*byte));
        let count = take(1)?[0];
        let mut blocks = Vec::with_capacity(count.into());
        for _ in 0..count {
            let head = take(5)?;
            let (code, start) = (head[0] & !NOT_READ, u16::from_be_bytes([head[1], head[2]]));
            let count = u16::from_be_bytes([head[3], head[4]]);
            let block = Function::from_code(code).and_then(|function| Block::new(function, start, count));
            let block = block.ok_or(ImageError::Block {
                function: code,
                start,
                count,
            })?;
            let result = if head[0] & NOT_READ == 0 {
                Ok(take(block.data_bytes().into())?)
            } else {
                let reason = take(2)?;
                Err(ReadFailure::from_code(reason[0], reason[1]).ok_or(ImageError::Reason(reason[0]))?)
            };
            blocks.push(BlockView { block, result });
        }
        if !rest.is_empty() {
            return Err(ImageError::Long(rest.len()));
        }
        Ok(Self {
            at: UtcMillis(at as i64),
            blocks,
        })
    }

    /// The block that holds these registers or bits, and the position in it.
    fn holding(&self, function: Function, start: u16, count: u16) -> Result<(&'a [u8], usize), NoData> {
        let covering = |view: &&BlockView<'a>| view.block.covers(function, start, count);
        // A map's own plan covers all its values; a hole means that the poll was made by another one.
        let view = self.blocks.iter().find(covering).ok_or(NoData::Config)?;
        let bytes = view.result.map_err(ReadFailure::no_data)?;
        Ok((bytes, usize::from(start - view.block.start)))
    }

    /// `N` registers from `start` on; only the first `count` are filled.
    ///
    /// # Errors
    /// Why they were not read.
    pub fn words<const N: usize>(
        &self,
        function: Function,
        start: u16,
        count: u16,
    ) -> Result<[u16; N], NoData> {
        let (bytes, at) = self.holding(function, start, count)?;
        let mut words = [0; N];
        let pairs = bytes.get(at * 2..).unwrap_or_default().chunks_exact(2);
        for (word, pair) in words.iter_mut().zip(pairs.take(count.into())) {
            *word = u16::from_be_bytes([pair[0], pair[1]]);
        }
        Ok(words)
    }

    /// One coil or input.
    ///
    /// # Errors
    /// Why it was not read.
    pub fn bit(&self, function: Function, address: u16) -> Result<bool, NoData> {
        let (bytes, at) = self.holding(function, address, 1)?;
        let byte = bytes.get(at / 8).copied().ok_or(NoData::Config)?;
        Ok(byte >> (at % 8) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{BlockRead, Data, ImageError, ImageView, PollImage, ReadFailure};
    use crate::modbus::{Block, Function};
    use proptest::prelude::*;
    use vigil_protocol::time::UtcMillis;
    use vigil_protocol::vocabulary::NoData;

    fn read(block: Block, result: Result<Data, ReadFailure>) -> BlockRead {
        BlockRead { block, result }
    }

    #[test]
    fn a_poll_has_these_bytes() {
        let image = PollImage {
            at: UtcMillis(0x0102_0304_0506),
            blocks: vec![
                read(
                    Block::new(Function::HoldingRegisters, 0x1010, 2).unwrap(),
                    Ok(Data::Words(vec![0xabcd, 7])),
                ),
                read(
                    Block::new(Function::Coils, 3, 9).unwrap(),
                    Ok(Data::Bits(
                        [true, false, false, false, false, false, false, true, true].into(),
                    )),
                ),
                read(
                    Block::new(Function::InputRegisters, 0, 1).unwrap(),
                    Err(ReadFailure::Exception(2)),
                ),
            ],
        };
        let bytes = image.encode();
        #[rustfmt::skip]
        assert_eq!(bytes, [
            1, 0, 0, 1, 2, 3, 4, 5, 6, 3,
            3, 0x10, 0x10, 0, 2, 0xab, 0xcd, 0, 7,
            1, 0, 3, 0, 9, 0x81, 1,
            0x84, 0, 0, 0, 1, 3, 2,
        ]);
        let view = ImageView::parse(&bytes).unwrap();
        assert_eq!(view.at, image.at);
        assert_eq!(view.words::<1>(Function::HoldingRegisters, 0x1011, 1), Ok([7]));
        assert_eq!(view.bit(Function::Coils, 11), Ok(true));
        assert_eq!(view.bit(Function::Coils, 4), Ok(false));
        assert_eq!(
            view.words::<1>(Function::InputRegisters, 0, 1),
            Err(NoData::Config)
        );
        assert_eq!(
            view.words::<1>(Function::HoldingRegisters, 0x1012, 1),
            Err(NoData::Config),
            "not read"
        );
    }

    #[test]
    fn what_is_no_poll_is_refused_in_words() {
        assert_eq!(ImageView::parse(&[]), Err(ImageError::Short(0)));
        assert_eq!(ImageView::parse(&[2]), Err(ImageError::Version(2)));
        let head = [1, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let with = |tail: &[u8]| [&head[..], tail].concat();
        assert_eq!(
            ImageView::parse(&with(&[3, 0, 0, 0, 1, 9])),
            Err(ImageError::Short(16))
        );
        assert_eq!(
            ImageView::parse(&with(&[3, 0, 0, 0, 1, 9, 9, 9])),
            Err(ImageError::Long(1))
        );
        assert_eq!(
            ImageView::parse(&with(&[0x83, 0, 0, 0, 1, 9, 9])),
            Err(ImageError::Reason(9))
        );
        let block = |function, start, count| ImageError::Block {
            function,
            start,
            count,
        };
        assert_eq!(
            ImageView::parse(&with(&[6, 0, 0, 0, 1, 9, 9])),
            Err(block(6, 0, 1))
        );
        assert_eq!(
            ImageView::parse(&with(&[3, 0xff, 0xff, 0, 2])),
            Err(block(3, 0xffff, 2))
        );
    }

    #[test]
    fn every_failure_says_why_there_is_no_value() {
        for (failure, reason) in [
            (ReadFailure::Timeout, NoData::Comm),
            (ReadFailure::Exception(2), NoData::Config),
            (ReadFailure::Exception(4), NoData::Device),
            (ReadFailure::Exception(11), NoData::Comm),
            (ReadFailure::Mismatch, NoData::Comm),
        ] {
            assert_eq!(failure.no_data(), reason, "{failure}");
        }
    }

    fn any_read() -> impl Strategy<Value = BlockRead> {
        let failure = (1..=6_u8, any::<u8>()).prop_map(|(reason, exception)| {
            ReadFailure::from_code(reason, if reason == 3 { exception } else { 0 }).unwrap()
        });
        let block = (0..4_usize, 0..60_000_u16, 1..=125_u16)
            .prop_map(|(function, start, count)| Block::new(Function::ALL[function], start, count).unwrap());
        (block, any::<u64>(), prop::option::of(failure)).prop_map(|(block, seed, failure)| {
            let number = |at: u16| seed.rotate_left(u32::from(at)).wrapping_mul(u64::from(at) + 3);
            let data = if block.function.is_bits() {
                Data::Bits((0..block.count).map(|at| number(at) & 1 == 1).collect())
            } else {
                Data::Words((0..block.count).map(|at| number(at) as u16).collect())
            };
            read(block, failure.map_or(Ok(data), Err))
        })
    }

    proptest! {
        #[test]
        fn a_poll_comes_back_as_it_was(at in any::<i64>(), blocks in prop::collection::vec(any_read(), 0..8)) {
            let image = PollImage { at: UtcMillis(at), blocks };
            let bytes = image.encode();
            let view = ImageView::parse(&bytes).unwrap();
            prop_assert_eq!(view.at, image.at);
            prop_assert_eq!(view.blocks.len(), image.blocks.len());
            for (view, read) in view.blocks.iter().zip(&image.blocks) {
                prop_assert_eq!(view.block, read.block);
                prop_assert_eq!(view.result.err(), read.result.as_ref().err().copied());
                let alone = ImageView { at: image.at, blocks: vec![*view] };
                for at in 0..read.block.count {
                    let address = read.block.start + at;
                    match &read.result {
                        Ok(Data::Words(words)) => {
                            let word = alone.words::<1>(read.block.function, address, 1);
                            prop_assert_eq!(word, Ok([words[usize::from(at)]]));
                        }
                        Ok(Data::Bits(bits)) => {
                            prop_assert_eq!(alone.bit(read.block.function, address), Ok(bits[usize::from(at)]));
                        }
                        Err(failure) => {
                            let failed = alone.words::<1>(read.block.function, address, 1);
                            prop_assert_eq!(failed, Err(failure.no_data()));
                        }
                    }
                }
            }
        }

        #[test]
        fn no_bytes_whatever_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _any = ImageView::parse(&bytes);
            let _any = ImageView::parse(&[&[1, 0, 0, 0, 0, 0, 0, 0, 0, 2], &bytes[..]].concat());
        }
    }
}
