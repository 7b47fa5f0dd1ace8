//! The payload of STATE topics: `{"online":true,"timestamp":1793455200000}`, the only JSON in Sparkplug.

use core::fmt::{self, Write};

use super::encode::EncodeError;
use crate::time::UtcMillis;

/// Whether a host application is online. Its birth and its will carry the same timestamp, which is
/// how a late will is told from a fresh one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HostState {
    /// True in the birth, false in the death.
    pub online: bool,
    /// When the host connected (birth and will) or left (death published on leaving).
    pub timestamp: UtcMillis,
}

/// Why bytes are not a STATE payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StateError {
    /// Not an object of plain values; `at` is the byte where reading stopped.
    NotJson {
        /// Byte offset.
        at: usize,
    },
    /// `online` is missing or not a boolean.
    NoOnline,
    /// `timestamp` is missing or not a whole number of milliseconds.
    NoTimestamp,
}

impl HostState {
    /// Writes the payload to the start of `buf`; returns its length. 64 bytes are always enough.
    ///
    /// # Errors
    /// [`EncodeError::BufferFull`] when `buf` is too small.
    pub fn write(&self, buf: &mut [u8]) -> Result<usize, EncodeError> {
        let have = buf.len();
        let mut out = Counted { buf, needed: 0 };
        // `Counted` counts what does not fit instead of failing.
        write!(
            out,
            "{{\"online\":{},\"timestamp\":{}}}",
            self.online, self.timestamp.0
        )
        .map_err(|_| EncodeError::BufferFull {
            needed: have + 1,
            have,
        })?;
        let needed = out.needed;
        if needed > have {
            Err(EncodeError::BufferFull { needed, have })
        } else {
            Ok(needed)
        }
    }

    /// Reads a payload: the two members in any order, others beside them ignored.
    ///
    /// # Errors
    /// [`StateError`] says what is missing. Members that are objects or arrays are refused.
    pub fn parse(bytes: &[u8]) -> Result<HostState, StateError> {
        let mut json = Json { bytes, at: 0 };
        let (mut online, mut timestamp) = (None, None);
        json.expect(b'{')?;
        if !json.take(b'}') {
            loop {
                let key = json.string()?;
                json.expect(b':')?;
                let value = json.scalar()?;
                match key {
                    b"online" => online = Some(value),
                    b"timestamp" => timestamp = Some(value),
                    _ => {}
                }
                if !json.take(b',') {
                    break;
                }
            }
            json.expect(b'}')?;
        }
        json.space();
        if json.at < bytes.len() {
            return Err(StateError::NotJson { at: json.at });
        }
        let online = match online {
            Some(b"true") => true,
            Some(b"false") => false,
            _ => return Err(StateError::NoOnline),
        };
        let timestamp = timestamp
            .and_then(|digits| core::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or(StateError::NoTimestamp)?;
        Ok(HostState {
            online,
            timestamp: UtcMillis(timestamp),
        })
    }
}

struct Counted<'b> {
    buf: &'b mut [u8],
    needed: usize,
}

impl Write for Counted<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let end = self.needed + s.len();
        if let Some(space) = self.buf.get_mut(self.needed..end) {
            space.copy_from_slice(s.as_bytes());
        }
        self.needed = end;
        Ok(())
    }
}

/// Just enough JSON for one flat object.
struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Json<'a> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), StateError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(StateError::NotJson { at: self.at })
        }
    }

    /// The raw content of a string; escapes are stepped over, not resolved.
    fn string(&mut self) -> Result<&'a [u8], StateError> {
        self.expect(b'"')?;
        let start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == b'"' {
                self.at += 1;
                return Ok(self.bytes.get(start..self.at - 1).unwrap_or(&[]));
            }
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        Err(StateError::NotJson { at: start })
    }

    /// The raw text of a string, number, boolean or null.
    fn scalar(&mut self) -> Result<&'a [u8], StateError> {
        self.space();
        if self.bytes.get(self.at) == Some(&b'"') {
            // A quoted number or boolean is neither.
            return self.string().map(|_| &b"\"\""[..]);
        }
        let start = self.at;
        while matches!(
            self.bytes.get(self.at),
            Some(b'a'..=b'z' | b'0'..=b'9' | b'-' | b'+' | b'.' | b'E')
        ) {
            self.at += 1;
        }
        match self.bytes.get(start..self.at) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(StateError::NotJson { at: start }),
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::NotJson { at } => write!(f, "STATE payload is not a flat JSON object at byte {at}"),
            StateError::NoOnline => f.write_str("STATE payload has no boolean `online`"),
            StateError::NoTimestamp => f.write_str("STATE payload has no numeric `timestamp`"),
        }
    }
}

impl core::error::Error for StateError {}
