//! What reading one channel gave.

use core::fmt::Write as _;

use heapless::String;
use vigil_protocol::signal::LoopReading;
use vigil_protocol::sparkplug::{DataType, MetricValue};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{NoData, Quality, Quantity, QuantityKind};

use crate::held::{Sample, SampleQuality};

/// Room for a fault code as text.
pub type CodeText = String<8>;

/// A measured value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value {
    /// In the canonical unit of its quantity.
    Number(f64),
    /// A contact or state.
    Flag(bool),
    /// A code of the vocabulary, a floor.
    Code(i32),
    /// A controller's fault code, as the controller numbers it.
    Fault(u16),
}

/// A value and how far it can be believed, or why there is none. Never a made-up 0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reading {
    /// A value.
    Value {
        /// The value.
        value: Value,
        /// Good or uncertain; stale when it is an old one.
        quality: Quality,
    },
    /// No value, and why.
    NoData(NoData),
}

impl Reading {
    /// A value to be believed.
    #[must_use]
    pub const fn good(value: Value) -> Self {
        Self::Value {
            value,
            quality: Quality::Good,
        }
    }

    /// The same reading, its value changed.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Value) -> Value) -> Self {
        match self {
            Self::Value { value, quality } => Self::Value {
                value: change(value),
                quality,
            },
            Self::NoData(_) => self,
        }
    }

    /// The quality; that of the reason when there is no value.
    #[must_use]
    pub const fn quality(&self) -> Quality {
        match self {
            Self::Value { quality, .. } => *quality,
            Self::NoData(reason) => reason.quality(),
        }
    }

    /// As a sample of `metric`, which is defined as `datatype`. A value that does not fit the type becomes no value of
    /// bad quality. `text` holds the digits of a fault code.
    #[must_use]
    pub fn sample<'t>(
        &self,
        metric: u16,
        datatype: DataType,
        at: UtcMillis,
        text: &'t mut CodeText,
    ) -> Sample<'t> {
        let (value, quality) = match (*self, datatype) {
            (Self::Value { value, quality }, _) => {
                let value = match (value, datatype) {
                    (Value::Number(v), DataType::Double) if v.is_finite() => Some(MetricValue::Double(v)),
                    (Value::Number(v), DataType::Float) if v.is_finite() => {
                        Some(MetricValue::Float(v as f32))
                    }
                    (Value::Flag(v), DataType::Boolean) => Some(MetricValue::Bool(v)),
                    (Value::Code(v), DataType::Int32) => Some(MetricValue::Int32(v)),
                    (Value::Fault(code), DataType::String) => {
                        text.clear();
                        write!(text, "{code}").ok().map(|()| MetricValue::Str(text))
                    }
                    _ => None,
                };
                match value {
                    Some(value) => (value, wire_quality(quality)),
                    None => (MetricValue::Null(datatype), SampleQuality::Bad),
                }
            }
            (Self::NoData(reason), _) => (MetricValue::Null(datatype), wire_quality(reason.quality())),
        };
        Sample {
            metric,
            value,
            quality,
            at,
        }
    }
}

/// The three qualities Sparkplug has.
const fn wire_quality(quality: Quality) -> SampleQuality {
    match quality.sparkplug() {
        192 => SampleQuality::Good,
        500 => SampleQuality::Stale,
        _ => SampleQuality::Bad,
    }
}

/// How a quantity is sent.
#[must_use]
pub const fn datatype(quantity: Quantity) -> DataType {
    match (quantity, quantity.kind()) {
        (Quantity::FaultCode, _) | (_, QuantityKind::Text) => DataType::String,
        (_, QuantityKind::Analog | QuantityKind::Counter) => DataType::Double,
        (_, QuantityKind::Binary) => DataType::Boolean,
        (_, QuantityKind::Code) => DataType::Int32,
    }
}

impl From<LoopReading> for Reading {
    fn from(reading: LoopReading) -> Self {
        match reading {
            LoopReading::Value { value, quality } => Self::Value {
                value: Value::Number(value),
                quality,
            },
            LoopReading::NoData(reason) => Self::NoData(reason),
        }
    }
}
