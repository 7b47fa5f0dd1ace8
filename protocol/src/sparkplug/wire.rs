//! Reading protobuf: a cursor over borrowed bytes that never panics and never reads twice.

use core::fmt;

/// Why bytes are not a Sparkplug payload. `at` is the byte offset in the payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DecodeError {
    /// A field says it is longer than the bytes that are left.
    Truncated {
        /// Where the field's content starts.
        at: usize,
    },
    /// A varint of more than 64 bits.
    BadVarint {
        /// Where it starts.
        at: usize,
    },
    /// A field number of 0 or beyond 2²⁹ − 1.
    BadField {
        /// Where its key starts.
        at: usize,
    },
    /// A known field in an encoding it cannot have, or an encoding protobuf does not define.
    BadWireType {
        /// Field number.
        field: u32,
        /// Wire type, 0–7.
        wire: u8,
        /// Where its key starts.
        at: usize,
    },
    /// A string that is not UTF-8.
    BadUtf8 {
        /// Field number.
        field: u32,
        /// Where the string starts.
        at: usize,
    },
    /// A protobuf group: deprecated since 2008, used by no Sparkplug message.
    GroupUnsupported {
        /// Where its key starts.
        at: usize,
    },
}

/// Position in `bytes`. A sub-message is a cursor over the same bytes, cut at the message's end, so
/// that positions stay offsets in the whole payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(super) const fn empty() -> Self {
        Self { bytes: &[], at: 0 }
    }

    #[inline]
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) const fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The same bytes from `start` to here; for a region found in one pass and read again later.
    #[inline]
    pub(super) fn region(&self, start: usize, end: usize) -> Self {
        Self {
            bytes: self.bytes.get(..end).unwrap_or(self.bytes),
            at: start,
        }
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, DecodeError> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    /// Times, the most frequent long varints, have six bytes: the usual case reads eight at once and
    /// packs their seven-bit groups together in three steps.
    #[inline]
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let Some(chunk) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) else {
            return self.slow_varint();
        };
        let word = u64::from_le_bytes(*chunk);
        let ends = !word & 0x8080_8080_8080_8080;
        if ends == 0 {
            return self.slow_varint();
        }
        // All bits below and including the first byte whose top bit is clear.
        let groups = word & (ends ^ (ends - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
        let pairs = (groups & 0x007f_007f_007f_007f) | ((groups & 0x7f00_7f00_7f00_7f00) >> 1);
        let quads = (pairs & 0x0000_3fff_0000_3fff) | ((pairs & 0x3fff_0000_3fff_0000) >> 2);
        let value = (quads & 0x0000_0000_0fff_ffff) | ((quads & 0x0fff_ffff_0000_0000) >> 4);
        self.at += ends.trailing_zeros() as usize / 8 + 1;
        Ok(value)
    }

    #[cold]
    fn slow_varint(&mut self) -> Result<u64, DecodeError> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or(&[]);
        let mut value = 0_u64;
        for (index, &byte) in rest.iter().take(10).enumerate() {
            // The tenth byte holds bit 63 only.
            if index == 9 && byte > 1 {
                return Err(DecodeError::BadVarint { at: start });
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.at = start + index + 1;
                return Ok(value);
            }
        }
        Err(DecodeError::Truncated { at: start })
    }

    /// A field key: number and wire type as one integer, `number << 3 | wire`.
    #[inline]
    pub(super) fn key(&mut self) -> Result<u32, DecodeError> {
        let at = self.at;
        let key = self.varint()?;
        if key >> 3 == 0 || key > u64::from(u32::MAX) {
            return Err(DecodeError::BadField { at });
        }
        Ok(key as u32)
    }

    #[inline]
    pub(super) fn fixed32(&mut self) -> Result<[u8; 4], DecodeError> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<4>()) {
            Some(chunk) => {
                self.at += 4;
                Ok(*chunk)
            }
            None => Err(DecodeError::Truncated { at: self.at }),
        }
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<[u8; 8], DecodeError> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(chunk) => {
                self.at += 8;
                Ok(*chunk)
            }
            None => Err(DecodeError::Truncated { at: self.at }),
        }
    }

    /// The length-delimited content that starts here, as a cursor over it; this one moves past it.
    #[inline]
    pub(super) fn message(&mut self) -> Result<Cursor<'a>, DecodeError> {
        let length = self.varint()?;
        let at = self.at;
        let left = self.bytes.len() - at;
        if length > left as u64 {
            return Err(DecodeError::Truncated { at });
        }
        let end = at + length as usize;
        self.at = end;
        Ok(Cursor {
            bytes: self.bytes.get(..end).unwrap_or(&[]),
            at,
        })
    }

    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let content = self.message()?;
        Ok(content.bytes.get(content.at..).unwrap_or(&[]))
    }

    #[inline]
    pub(super) fn string(&mut self, field: u32) -> Result<&'a str, DecodeError> {
        let content = self.bytes()?;
        let at = self.at - content.len();
        core::str::from_utf8(content).map_err(|_| DecodeError::BadUtf8 { field, at })
    }

    /// Steps over the content of a field whose key was `key`, read at `key_at`.
    pub(super) fn skip(&mut self, key: u32, key_at: usize) -> Result<(), DecodeError> {
        match key & 7 {
            0 => self.varint().map(|_| ()),
            1 => self.fixed64().map(|_| ()),
            2 => self.message().map(|_| ()),
            5 => self.fixed32().map(|_| ()),
            3 | 4 => Err(DecodeError::GroupUnsupported { at: key_at }),
            wire => Err(DecodeError::BadWireType {
                field: key >> 3,
                wire: wire as u8,
                at: key_at,
            }),
        }
    }

    /// As [`skip`](Self::skip), for a message whose fields up to `known` are defined: those arrive
    /// here only in an encoding they cannot have.
    #[cold]
    pub(super) fn skip_unknown(&mut self, key: u32, key_at: usize, known: u32) -> Result<(), DecodeError> {
        let field = key >> 3;
        if field <= known {
            return Err(DecodeError::BadWireType {
                field,
                wire: (key & 7) as u8,
                at: key_at,
            });
        }
        self.skip(key, key_at)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Truncated { at } => write!(f, "payload ends inside the field at byte {at}"),
            DecodeError::BadVarint { at } => write!(f, "varint at byte {at} has more than 64 bits"),
            DecodeError::BadField { at } => write!(f, "field number at byte {at} is out of range"),
            DecodeError::BadWireType { field, wire, at } => {
                write!(
                    f,
                    "field {field} at byte {at} has wire type {wire}, which it cannot have"
                )
            }
            DecodeError::BadUtf8 { field, at } => {
                write!(f, "string of field {field} at byte {at} is not UTF-8")
            }
            DecodeError::GroupUnsupported { at } => {
                write!(
                    f,
                    "field at byte {at} is a protobuf group, which Sparkplug does not use"
                )
            }
        }
    }
}

impl core::error::Error for DecodeError {}
