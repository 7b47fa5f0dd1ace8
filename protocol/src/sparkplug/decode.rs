//! The zero-copy decoder: payload and metrics as views of the received bytes.

use super::datatype::DataType;
use super::property::PropertySetView;
use super::value::{Value, ValueError, WireValue, read_value};
use super::wire::{Cursor, DecodeError};
use crate::time::UtcMillis;

/// `uuid` of a payload whose `body` is another payload, compressed (a Tahu convention).
pub const COMPRESSED_UUID: &str = "SPBV1.0_COMPRESSED";

/// A payload: its own fields read, its metrics found but not yet decoded.
#[derive(Clone, Copy, Debug)]
pub struct PayloadView<'a> {
    /// When the message was made, by the sender's clock.
    pub timestamp: Option<UtcMillis>,
    /// Sequence number, 0–255 by the specification; as sent.
    pub seq: Option<u64>,
    /// Schema id of `body`.
    pub uuid: Option<&'a str>,
    /// Bytes of another format; compressed payloads use it.
    pub body: Option<&'a [u8]>,
    metrics: Cursor<'a>,
    count: usize,
}

/// Iterator over the metrics of a payload, in the order sent. A metric that cannot be decoded is an
/// `Err` and does not end the iteration.
#[derive(Clone, Debug)]
pub struct Metrics<'a> {
    cursor: Cursor<'a>,
    left: usize,
}

/// One metric as sent. Its meaning needs a datatype: [`value`](Self::value).
#[derive(Clone, Copy, Debug)]
pub struct MetricView<'a> {
    /// Name, in births and named data. Some senders send an empty name beside an alias.
    pub name: Option<&'a str>,
    /// Number that stands for the name, as declared in the birth.
    pub alias: Option<u64>,
    /// When it was measured, by the sender's clock.
    pub timestamp: Option<UtcMillis>,
    /// Raw datatype code; unknown codes are kept.
    pub datatype: Option<u32>,
    /// Measured earlier, sent late.
    pub is_historical: bool,
    /// Not meant to be stored by the receiver.
    pub is_transient: bool,
    /// There is no value.
    pub is_null: bool,
    /// Named extras.
    pub properties: Option<PropertySetView<'a>>,
    /// The value as it was encoded.
    pub wire: WireValue<'a>,
}

impl<'a> PayloadView<'a> {
    /// Reads the payload's own fields in one pass and checks that its metrics lie within it.
    ///
    /// # Errors
    /// [`DecodeError`] with the byte offset. Time is linear in the length, whatever the bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<PayloadView<'a>, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let mut payload = PayloadView {
            timestamp: None,
            seq: None,
            uuid: None,
            body: None,
            metrics: Cursor::empty(),
            count: 0,
        };
        let (mut first, mut last) = (0, 0);
        while !cursor.is_done() {
            let key_at = cursor.at();
            match cursor.key()? {
                0x12 => {
                    cursor.message()?;
                    if payload.count == 0 {
                        first = key_at;
                    }
                    last = cursor.at();
                    payload.count += 1;
                }
                0x08 => payload.timestamp = Some(UtcMillis(cursor.varint()? as i64)),
                0x18 => payload.seq = Some(cursor.varint()?),
                0x22 => payload.uuid = Some(cursor.string(4)?),
                0x2a => payload.body = Some(cursor.bytes()?),
                key => cursor.skip_unknown(key, key_at, 5)?,
            }
        }
        payload.metrics = cursor.region(first, last);
        Ok(payload)
    }

    /// The metrics, decoded one by one.
    #[inline]
    pub fn metrics(&self) -> Metrics<'a> {
        Metrics {
            cursor: self.metrics,
            left: self.count,
        }
    }

    /// Number of metrics, decodable or not.
    #[inline]
    pub const fn metric_count(&self) -> usize {
        self.count
    }

    /// True when `body` holds another payload, compressed. A metric `algorithm` (`GZIP` or
    /// `DEFLATE`) says how: [`compression_algorithm`](Self::compression_algorithm). Decompressing is
    /// the receiver's decision.
    pub fn is_compressed(&self) -> bool {
        self.uuid == Some(COMPRESSED_UUID)
    }

    /// The string value of the metric `algorithm`, for a compressed payload.
    pub fn compression_algorithm(&self) -> Option<&'a str> {
        self.metrics()
            .flatten()
            .find(|metric| metric.name == Some("algorithm"))
            .and_then(|metric| match metric.wire {
                WireValue::Str(algorithm) => Some(algorithm),
                _ => None,
            })
    }
}

impl<'a> Iterator for Metrics<'a> {
    type Item = Result<MetricView<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.cursor.is_done() {
            let key_at = self.cursor.at();
            // `parse` walked these bytes, so these two errors cannot occur.
            let key = self.cursor.key().ok()?;
            if key == 0x12 {
                self.left = self.left.saturating_sub(1);
                return Some(MetricView::parse(self.cursor.message().ok()?));
            }
            self.cursor.skip(key, key_at).ok()?;
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Metrics<'_> {}

impl<'a> MetricView<'a> {
    #[inline]
    fn parse(mut cursor: Cursor<'a>) -> Result<Self, DecodeError> {
        let mut metric = MetricView {
            name: None,
            alias: None,
            timestamp: None,
            datatype: None,
            is_historical: false,
            is_transient: false,
            is_null: false,
            properties: None,
            wire: WireValue::Absent,
        };
        while !cursor.is_done() {
            let key_at = cursor.at();
            // Field number and wire type in one comparison: `number << 3 | wire`.
            match cursor.key()? {
                0x0a => metric.name = Some(cursor.string(1)?),
                0x10 => metric.alias = Some(cursor.varint()?),
                0x18 => metric.timestamp = Some(UtcMillis(cursor.varint()? as i64)),
                0x20 => metric.datatype = Some(cursor.varint()? as u32),
                0x28 => metric.is_historical = cursor.varint()? != 0,
                0x30 => metric.is_transient = cursor.varint()? != 0,
                0x38 => metric.is_null = cursor.varint()? != 0,
                0x42 => {
                    cursor.message()?;
                }
                0x4a => metric.properties = Some(PropertySetView::parse(cursor.message()?)?),
                0x50 => metric.wire = WireValue::Int(cursor.varint()? as u32),
                0x58 => metric.wire = WireValue::Long(cursor.varint()?),
                0x65 => metric.wire = WireValue::Float(f32::from_le_bytes(cursor.fixed32()?)),
                0x69 => metric.wire = WireValue::Double(f64::from_le_bytes(cursor.fixed64()?)),
                0x70 => metric.wire = WireValue::Bool(cursor.varint()? != 0),
                0x7a => metric.wire = WireValue::Str(cursor.string(15)?),
                0x82 => metric.wire = WireValue::Bytes(cursor.bytes()?),
                0x8a => {
                    cursor.message()?;
                    metric.wire = WireValue::DataSet;
                }
                0x92 => {
                    cursor.message()?;
                    metric.wire = WireValue::Template;
                }
                0x9a => {
                    cursor.message()?;
                    metric.wire = WireValue::Extension;
                }
                key => cursor.skip_unknown(key, key_at, 19)?,
            }
        }
        Ok(metric)
    }

    /// What the metric means: by its own datatype, else by `declared`, the datatype in its birth.
    ///
    /// Accepts what senders really do as long as the meaning is kept: integers in either integer
    /// field, negative ones masked to their width or sign-extended, whole numbers sent as floating
    /// point, booleans sent as 0 or 1. A null is [`Value::Null`]; a DataSet, Template, Bytes, File or
    /// array is [`Value::Unsupported`].
    ///
    /// # Errors
    /// [`ValueError`] names datatype and encoding when they do not fit.
    #[inline]
    pub fn value(&self, declared: Option<DataType>) -> Result<Value<'a>, ValueError> {
        if self.is_null {
            return Ok(Value::Null);
        }
        let datatype = match self.datatype {
            None | Some(0) => declared.ok_or(ValueError::NoDatatype {
                wire: self.wire.kind(),
            })?,
            Some(code) => DataType::from_code(code).ok_or(ValueError::UnknownDatatype { code })?,
        };
        read_value(datatype, &self.wire)
    }

    /// The property `Quality`: 192 good, 0 bad, 500 stale.
    pub fn quality(&self) -> Option<i32> {
        match self.properties?.get("Quality")?.wire {
            WireValue::Int(code) => Some(code as i32),
            WireValue::Long(code) => i32::try_from(code as i64).ok(),
            _ => None,
        }
    }

    /// The property `TimeCorrected`: the clock was set after the measurement, the timestamps were computed then.
    pub fn is_time_corrected(&self) -> bool {
        let property = self.properties.and_then(|set| set.get("TimeCorrected"));
        property.is_some_and(|property| property.wire == WireValue::Bool(true))
    }

    /// The property `engUnit`, as sent.
    pub fn unit(&self) -> Option<&'a str> {
        match self.properties?.get("engUnit")?.wire {
            WireValue::Str(unit) => Some(unit),
            _ => None,
        }
    }
}
