//! The encoder: payloads written into a buffer the caller owns.

use core::fmt;

use super::datatype::DataType;
use crate::time::UtcMillis;
use crate::vocabulary::Quality;

/// Writes one payload. Fields appear in the order of the calls; use timestamp, metrics, seq.
#[derive(Debug)]
pub struct Encoder<'b> {
    buf: &'b mut [u8],
    at: usize,
}

/// The buffer is too small. It still holds everything written before the call that failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EncodeError {
    /// What was to be written does not fit.
    BufferFull {
        /// Bytes the payload would have with it.
        needed: usize,
        /// Bytes the buffer has.
        have: usize,
    },
}

/// One metric to send.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Metric<'a> {
    /// Name; births need one.
    pub name: Option<&'a str>,
    /// Number that stands for the name in data messages.
    pub alias: Option<u64>,
    /// When it was measured.
    pub timestamp: Option<UtcMillis>,
    /// Whether the datatype is sent: births and commands yes, data no.
    pub send_datatype: bool,
    /// Measured earlier, sent late.
    pub historical: bool,
    /// Property `Quality`: 192 good, 0 bad, 500 stale.
    pub quality: Option<i32>,
    /// Property `engUnit`.
    pub unit: Option<&'a str>,
    /// Property `TimeCorrected`: the clock was set after the measurement, the timestamps were computed then.
    pub time_corrected: bool,
    /// Value with its datatype.
    pub value: MetricValue<'a>,
}

/// A value to send, with its datatype.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs, reason = "each is the datatype of the same name")]
pub enum MetricValue<'a> {
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    UInt8(u8),
    UInt16(u16),
    UInt32(u32),
    UInt64(u64),
    Float(f32),
    Double(f64),
    Bool(bool),
    Str(&'a str),
    DateTime(UtcMillis),
    Text(&'a str),
    Uuid(&'a str),
    /// No value, of this datatype.
    Null(DataType),
}

/// How a value goes on the wire: signed integers sign-extended to 32 bits, 64-bit ones and times in
/// `long_value`.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Int(u32),
    Long(u64),
    Float(f32),
    Double(f64),
    Bool(bool),
    Str(&'a str),
    Null,
}

const QUALITY: &str = "Quality";
const ENG_UNIT: &str = "engUnit";
const TIME_CORRECTED: &str = "TimeCorrected";
/// A property value: its type, and a boolean.
const BOOLEAN_VALUE_LEN: usize = 2 + 2;

impl MetricValue<'_> {
    /// The datatype declared for this value.
    pub const fn datatype(&self) -> DataType {
        match self {
            MetricValue::Int8(_) => DataType::Int8,
            MetricValue::Int16(_) => DataType::Int16,
            MetricValue::Int32(_) => DataType::Int32,
            MetricValue::Int64(_) => DataType::Int64,
            MetricValue::UInt8(_) => DataType::UInt8,
            MetricValue::UInt16(_) => DataType::UInt16,
            MetricValue::UInt32(_) => DataType::UInt32,
            MetricValue::UInt64(_) => DataType::UInt64,
            MetricValue::Float(_) => DataType::Float,
            MetricValue::Double(_) => DataType::Double,
            MetricValue::Bool(_) => DataType::Boolean,
            MetricValue::Str(_) => DataType::String,
            MetricValue::DateTime(_) => DataType::DateTime,
            MetricValue::Text(_) => DataType::Text,
            MetricValue::Uuid(_) => DataType::Uuid,
            MetricValue::Null(datatype) => *datatype,
        }
    }
}

impl<'a> MetricValue<'a> {
    #[inline]
    const fn wire(&self) -> Wire<'a> {
        match *self {
            MetricValue::Int8(v) => Wire::Int(v as i32 as u32),
            MetricValue::Int16(v) => Wire::Int(v as i32 as u32),
            MetricValue::Int32(v) => Wire::Int(v as u32),
            MetricValue::Int64(v) => Wire::Long(v as u64),
            MetricValue::UInt8(v) => Wire::Int(v as u32),
            MetricValue::UInt16(v) => Wire::Int(v as u32),
            MetricValue::UInt32(v) => Wire::Int(v),
            MetricValue::UInt64(v) => Wire::Long(v),
            MetricValue::Float(v) => Wire::Float(v),
            MetricValue::Double(v) => Wire::Double(v),
            MetricValue::Bool(v) => Wire::Bool(v),
            MetricValue::Str(v) | MetricValue::Text(v) | MetricValue::Uuid(v) => Wire::Str(v),
            MetricValue::DateTime(v) => Wire::Long(v.0 as u64),
            MetricValue::Null(_) => Wire::Null,
        }
    }
}

impl<'a> Metric<'a> {
    /// A metric sent by name, with its datatype.
    pub const fn named(name: &'a str, value: MetricValue<'a>) -> Self {
        Metric {
            name: Some(name),
            alias: None,
            timestamp: None,
            send_datatype: true,
            historical: false,
            quality: None,
            unit: None,
            time_corrected: false,
            value,
        }
    }

    /// A metric sent by alias alone, without its datatype: what data messages carry.
    pub const fn aliased(alias: u64, value: MetricValue<'a>) -> Self {
        Metric {
            name: None,
            alias: Some(alias),
            timestamp: None,
            send_datatype: false,
            historical: false,
            quality: None,
            unit: None,
            time_corrected: false,
            value,
        }
    }

    /// Measured at `timestamp`.
    pub const fn at(mut self, timestamp: UtcMillis) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// With the alias a birth declares.
    pub const fn with_alias(mut self, alias: u64) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Measured earlier, sent late.
    pub const fn historical(mut self) -> Self {
        self.historical = true;
        self
    }

    /// With the property `Quality`.
    pub const fn quality(mut self, quality: Quality) -> Self {
        self.quality = Some(quality.sparkplug());
        self
    }

    /// With the property `engUnit`.
    pub const fn unit(mut self, unit: &'a str) -> Self {
        self.unit = Some(unit);
        self
    }

    /// With its datatype.
    pub const fn typed(mut self) -> Self {
        self.send_datatype = true;
        self
    }

    /// Without its datatype.
    pub const fn untyped(mut self) -> Self {
        self.send_datatype = false;
        self
    }

    /// Bytes of the property set, without its own key and length; `None` when there is none.
    #[inline]
    fn properties_len(&self) -> Option<usize> {
        if self.quality.is_none() && self.unit.is_none() && !self.time_corrected {
            return None;
        }
        let quality = match self.quality {
            Some(code) => 2 + QUALITY.len() + 2 + quality_value_len(code),
            None => 0,
        };
        let unit = match self.unit {
            Some(unit) => 2 + ENG_UNIT.len() + 1 + delimited_len(2 + 1 + delimited_len(unit.len())),
            None => 0,
        };
        let corrected = if self.time_corrected {
            2 + TIME_CORRECTED.len() + 2 + BOOLEAN_VALUE_LEN
        } else {
            0
        };
        Some(quality + unit + corrected)
    }

    /// Bytes of the metric, without its own key and length.
    #[inline]
    fn len(&self, properties: Option<usize>) -> usize {
        let mut len = 0;
        if let Some(name) = self.name {
            len += 1 + delimited_len(name.len());
        }
        if let Some(alias) = self.alias {
            len += 1 + varint_len(alias);
        }
        if let Some(timestamp) = self.timestamp {
            len += 1 + varint_len(timestamp.0 as u64);
        }
        // Every datatype code fits one byte.
        len += if self.send_datatype { 2 } else { 0 };
        len += if self.historical { 2 } else { 0 };
        if let Some(properties) = properties {
            len += 1 + delimited_len(properties);
        }
        len + match self.value.wire() {
            Wire::Int(v) => 1 + varint_len(v.into()),
            Wire::Long(v) => 1 + varint_len(v),
            Wire::Float(_) => 5,
            Wire::Double(_) => 9,
            Wire::Bool(_) | Wire::Null => 2,
            Wire::Str(v) => 1 + delimited_len(v.len()),
        }
    }
}

impl<'b> Encoder<'b> {
    /// Starts an empty payload at the start of `buf`.
    #[inline]
    pub fn new(buf: &'b mut [u8]) -> Self {
        Encoder { buf, at: 0 }
    }

    /// Writes the payload's timestamp.
    ///
    /// # Errors
    /// [`EncodeError::BufferFull`]; nothing was written.
    #[inline]
    pub fn timestamp(&mut self, t: UtcMillis) -> Result<&mut Self, EncodeError> {
        self.reserve(1 + varint_len(t.0 as u64))?;
        self.varint_field(0x08, t.0 as u64);
        Ok(self)
    }

    /// Writes one metric.
    ///
    /// # Errors
    /// [`EncodeError::BufferFull`]; nothing of the metric was written.
    pub fn metric(&mut self, m: &Metric<'_>) -> Result<&mut Self, EncodeError> {
        let properties = m.properties_len();
        let len = m.len(properties);
        self.reserve(1 + delimited_len(len))?;
        self.varint_field(0x12, len as u64);
        if let Some(name) = m.name {
            self.string_field(0x0a, name);
        }
        if let Some(alias) = m.alias {
            self.varint_field(0x10, alias);
        }
        if let Some(timestamp) = m.timestamp {
            self.varint_field(0x18, timestamp.0 as u64);
        }
        if m.send_datatype {
            self.varint_field(0x20, m.value.datatype().code().into());
        }
        if m.historical {
            self.varint_field(0x28, 1);
        }
        let wire = m.value.wire();
        if matches!(wire, Wire::Null) {
            self.varint_field(0x38, 1);
        }
        if let Some(len) = properties {
            self.varint_field(0x4a, len as u64);
            self.properties(m);
        }
        match wire {
            Wire::Int(v) => self.varint_field(0x50, v.into()),
            Wire::Long(v) => self.varint_field(0x58, v),
            Wire::Float(v) => self.fixed_field(0x65, &v.to_le_bytes()),
            Wire::Double(v) => self.fixed_field(0x69, &v.to_le_bytes()),
            Wire::Bool(v) => self.varint_field(0x70, v.into()),
            Wire::Str(v) => self.string_field(0x7a, v),
            Wire::Null => {}
        }
        Ok(self)
    }

    /// Writes the sequence number.
    ///
    /// # Errors
    /// [`EncodeError::BufferFull`]; nothing was written.
    #[inline]
    pub fn seq(&mut self, seq: u8) -> Result<&mut Self, EncodeError> {
        self.reserve(1 + varint_len(seq.into()))?;
        self.varint_field(0x18, seq.into());
        Ok(self)
    }

    /// The payload so far.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.buf.get(..self.at).unwrap_or(&[])
    }

    /// Ends the payload; returns its length in bytes.
    #[inline]
    pub fn finish(self) -> usize {
        self.at
    }

    /// Makes sure that `len` more bytes fit: every write below happens after this.
    #[inline]
    fn reserve(&self, len: usize) -> Result<(), EncodeError> {
        let needed = self.at.saturating_add(len);
        let have = self.buf.len();
        if needed > have {
            Err(EncodeError::BufferFull { needed, have })
        } else {
            Ok(())
        }
    }

    fn properties(&mut self, m: &Metric<'_>) {
        if m.quality.is_some() {
            self.string_field(0x0a, QUALITY);
        }
        if m.unit.is_some() {
            self.string_field(0x0a, ENG_UNIT);
        }
        if m.time_corrected {
            self.string_field(0x0a, TIME_CORRECTED);
        }
        if let Some(code) = m.quality {
            self.varint_field(0x12, quality_value_len(code) as u64);
            self.varint_field(0x08, DataType::Int32.code().into());
            self.varint_field(0x18, (code as u32).into());
        }
        if let Some(unit) = m.unit {
            self.varint_field(0x12, (2 + 1 + delimited_len(unit.len())) as u64);
            self.varint_field(0x08, DataType::String.code().into());
            self.string_field(0x42, unit);
        }
        if m.time_corrected {
            self.varint_field(0x12, BOOLEAN_VALUE_LEN as u64);
            self.varint_field(0x08, DataType::Boolean.code().into());
            self.varint_field(0x38, 1);
        }
    }

    #[inline]
    fn varint_field(&mut self, key: u8, mut value: u64) {
        self.put(&[key]);
        while value >= 0x80 {
            self.put(&[value as u8 | 0x80]);
            value >>= 7;
        }
        self.put(&[value as u8]);
    }

    #[inline]
    fn fixed_field(&mut self, key: u8, value: &[u8]) {
        self.put(&[key]);
        self.put(value);
    }

    #[inline]
    fn string_field(&mut self, key: u8, value: &str) {
        self.varint_field(key, value.len() as u64);
        self.put(value.as_bytes());
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        // Always true after `reserve`; written so that a mistake in a length could not panic a node.
        if let Some(space) = self.buf.get_mut(self.at..end) {
            space.copy_from_slice(bytes);
            self.at = end;
        }
    }
}

#[inline]
const fn varint_len(value: u64) -> usize {
    // 7 bits a byte; 0 takes one byte too.
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Length prefix and content.
#[inline]
const fn delimited_len(len: usize) -> usize {
    varint_len(len as u64) + len
}

/// Bytes of the property value of `Quality`: its type and its code.
#[inline]
const fn quality_value_len(code: i32) -> usize {
    2 + 1 + varint_len(code as u32 as u64)
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::BufferFull { needed, have } => {
                write!(f, "payload needs {needed} bytes, the buffer has {have}")
            }
        }
    }
}

impl core::error::Error for EncodeError {}
