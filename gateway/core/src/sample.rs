//! A normalized reading of one channel of one piece of equipment.

use serde::{Deserialize, Serialize};
use std::fmt;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{FaultKey, NoData, Quality};

/// Index of a channel within its equipment's channel list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelIx(pub u16);

/// A controller's own code exactly as sent (at most 12 bytes: the longest known is 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawCode {
    bytes: [u8; 12],
    len: u8,
}

impl RawCode {
    /// Keeps `text`, cut at 12 bytes on a character boundary.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(12);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; 12];
        bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
        Self {
            bytes,
            len: end as u8,
        }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("")
    }
}

impl fmt::Debug for RawCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawCode({:?})", self.as_str())
    }
}

impl Serialize for RawCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RawCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

/// A value, or the reason for having none. A failed read is never 0.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// In the canonical unit of the channel's quantity.
    Number(f64),
    /// A two-state signal, after the channel's encoding was undone.
    Bool(bool),
    /// A controller code; `key` is `None` when the scheme does not know it: shown, never dropped.
    Code {
        /// What the code means, if the scheme says.
        key: Option<FaultKey>,
        /// What the controller sent.
        raw: RawCode,
    },
    /// No value, and why.
    NoData(NoData),
}

impl Reading {
    /// The number, if it is one (`Bool` counts as 0 or 1).
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::Number(number) => Some(number),
            Self::Bool(on) => Some(f64::from(u8::from(on))),
            Self::Code { .. } | Self::NoData(_) => None,
        }
    }
}

/// One normalized reading.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Which channel of the equipment.
    pub channel: ChannelIx,
    /// When the node read it (its clock, corrected when it is not believable: see `quality`).
    pub at: UtcMillis,
    /// Value or reason, canonical unit.
    pub reading: Reading,
    /// The number before scaling and unit conversion, as sent; `None` for codes and missing values.
    pub raw: Option<f64>,
    /// How far the reading can be trusted.
    pub quality: Quality,
}

#[cfg(test)]
mod tests {
    use super::RawCode;

    #[test]
    fn a_raw_code_is_kept_as_sent_and_cut_on_a_character_boundary() {
        assert_eq!(RawCode::new("E53").as_str(), "E53");
        assert_eq!(RawCode::new("").as_str(), "");
        assert_eq!(RawCode::new("门锁短接故障").as_str(), "门锁短接");
    }
}
