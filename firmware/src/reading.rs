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

#[cfg(test)]
mod tests {
    use vigil_protocol::signal::{CurrentLoop, LoopReading};
    use vigil_protocol::vocabulary::{Bad, Uncertain};

    use super::*;

    #[test]
    fn readings_become_samples_of_the_declared_type_and_what_does_not_fit_becomes_no_value() {
        let of = |value, quality| Reading::Value { value, quality };
        let good = Quality::Good;
        let none = |datatype, quality| (MetricValue::Null(datatype), quality);
        let (fine, bad, stale) = (SampleQuality::Good, SampleQuality::Bad, SampleQuality::Stale);
        let number = of(Value::Number(1.5), good);
        let cases = [
            (number, DataType::Double, (MetricValue::Double(1.5), fine)),
            (number, DataType::Float, (MetricValue::Float(1.5), fine)),
            (number, DataType::Int32, none(DataType::Int32, bad)),
            (
                of(Value::Number(f64::NAN), good),
                DataType::Double,
                none(DataType::Double, bad),
            ),
            (
                of(Value::Number(2.0), Quality::Uncertain(Uncertain::LastUsable)),
                DataType::Double,
                (MetricValue::Double(2.0), stale),
            ),
            (
                of(Value::Flag(true), good),
                DataType::Boolean,
                (MetricValue::Bool(true), fine),
            ),
            (
                of(Value::Flag(true), Quality::Bad(Bad::Device)),
                DataType::Boolean,
                (MetricValue::Bool(true), bad),
            ),
            (
                of(Value::Code(-2), good),
                DataType::Int32,
                (MetricValue::Int32(-2), fine),
            ),
            (
                of(Value::Fault(36), good),
                DataType::String,
                (MetricValue::Str("36"), fine),
            ),
            (
                of(Value::Fault(36), good),
                DataType::Int32,
                none(DataType::Int32, bad),
            ),
            (
                Reading::NoData(NoData::Sensor),
                DataType::Double,
                none(DataType::Double, bad),
            ),
            (
                Reading::NoData(NoData::Stale),
                DataType::Double,
                none(DataType::Double, stale),
            ),
        ];
        for (reading, datatype, expected) in cases {
            let mut text = CodeText::new();
            let sample = reading.sample(3, datatype, UtcMillis(7), &mut text);
            assert_eq!((sample.metric, sample.at), (3, UtcMillis(7)));
            assert_eq!(
                (sample.value, sample.quality),
                expected,
                "{reading:?} as {datatype:?}"
            );
        }
    }

    #[test]
    fn every_quantity_has_a_datatype_its_values_fit() {
        for quantity in Quantity::ALL {
            let fits = match datatype(*quantity) {
                DataType::Double => matches!(quantity.kind(), QuantityKind::Analog | QuantityKind::Counter),
                DataType::Boolean => quantity.kind() == QuantityKind::Binary,
                DataType::Int32 => quantity.kind() == QuantityKind::Code,
                DataType::String => *quantity == Quantity::FaultCode || quantity.kind() == QuantityKind::Text,
                _ => false,
            };
            assert!(fits, "{quantity}");
        }
    }

    #[test]
    fn a_loop_keeps_its_quality_and_its_reason() {
        let channel = CurrentLoop::new(0.0, 16.0);
        let number = Reading::good(Value::Number(8.0));
        assert_eq!(Reading::from(channel.read(12.0)), number);
        assert_eq!(
            number.map(|_| Value::Flag(true)),
            Reading::good(Value::Flag(true))
        );
        let gone = Reading::from(LoopReading::NoData(NoData::Sensor));
        assert_eq!(gone.quality(), Quality::Bad(Bad::Sensor));
        assert_eq!(gone.map(|_| Value::Flag(true)), gone);
    }
}
