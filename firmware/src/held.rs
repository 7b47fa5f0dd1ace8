//! The last value of each metric, and whether a new one is worth a message.

use heapless::String;
use vigil_protocol::sparkplug::{DataType, Metric, MetricValue};
use vigil_protocol::time::UtcMillis;

use crate::definition::{Fnv, MetricDef};

/// Longest text value, in bytes.
pub const TEXT_CAPACITY: usize = 48;

/// Whether a value may be believed; the three codes Sparkplug has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SampleQuality {
    /// 192.
    #[default]
    Good,
    /// 0: the sensor or its line is faulty; there is no value to believe.
    Bad,
    /// 500: true once, not confirmed since.
    Stale,
}

/// One measured value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample<'a> {
    /// Position of the metric in its device's definition.
    pub metric: u16,
    /// Value, of the datatype defined. `Null` when there is none; never a made-up 0.
    pub value: MetricValue<'a>,
    /// Quality.
    pub quality: SampleQuality,
    /// When it was measured: what [`Session::utc`](crate::Session::utc) makes of the node's own clock.
    pub at: UtcMillis,
}

/// A value kept.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Held {
    Null,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Bool(bool),
    Text(String<TEXT_CAPACITY>),
}

/// A value as it was sent: enough to tell whether another is news. Of a text its 64-bit FNV-1a, which is a fifth of the
/// room.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Sent {
    Null,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Bool(bool),
    Text(u64),
}

/// What is known of one metric.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) value: Held,
    pub(crate) quality: SampleQuality,
    /// When it was last measured; `None` before the first time.
    pub(crate) at: Option<UtcMillis>,
    /// What was last sent (or journaled); `None` makes the next sample worth a message.
    pub(crate) sent: Option<(Sent, SampleQuality)>,
}

/// A text value longer than [`TEXT_CAPACITY`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TextTooLong;

impl SampleQuality {
    /// Sparkplug's code.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Good => 192,
            Self::Bad => 0,
            Self::Stale => 500,
        }
    }
}

impl Held {
    /// Keeps a value. NaN and infinities are no values: they are kept as null.
    pub(crate) fn keep(value: &MetricValue<'_>) -> Result<Self, TextTooLong> {
        Ok(match *value {
            MetricValue::Int8(v) => Self::Int(v.into()),
            MetricValue::Int16(v) => Self::Int(v.into()),
            MetricValue::Int32(v) => Self::Int(v.into()),
            MetricValue::Int64(v) => Self::Int(v),
            MetricValue::DateTime(v) => Self::Int(v.0),
            MetricValue::UInt8(v) => Self::UInt(v.into()),
            MetricValue::UInt16(v) => Self::UInt(v.into()),
            MetricValue::UInt32(v) => Self::UInt(v.into()),
            MetricValue::UInt64(v) => Self::UInt(v),
            MetricValue::Float(v) if v.is_finite() => Self::Float(v),
            MetricValue::Double(v) if v.is_finite() => Self::Double(v),
            MetricValue::Float(_) | MetricValue::Double(_) | MetricValue::Null(_) => Self::Null,
            MetricValue::Bool(v) => Self::Bool(v),
            MetricValue::Str(v) | MetricValue::Text(v) | MetricValue::Uuid(v) => {
                Self::Text(String::try_from(v).map_err(|_| TextTooLong)?)
            }
        })
    }

    /// The value as sent under `datatype`.
    pub(crate) fn to_send(&self, datatype: DataType) -> MetricValue<'_> {
        match (self, datatype) {
            (Self::Int(v), DataType::Int8) => MetricValue::Int8(*v as i8),
            (Self::Int(v), DataType::Int16) => MetricValue::Int16(*v as i16),
            (Self::Int(v), DataType::Int32) => MetricValue::Int32(*v as i32),
            (Self::Int(v), DataType::DateTime) => MetricValue::DateTime(UtcMillis(*v)),
            (Self::Int(v), _) => MetricValue::Int64(*v),
            (Self::UInt(v), DataType::UInt8) => MetricValue::UInt8(*v as u8),
            (Self::UInt(v), DataType::UInt16) => MetricValue::UInt16(*v as u16),
            (Self::UInt(v), DataType::UInt32) => MetricValue::UInt32(*v as u32),
            (Self::UInt(v), _) => MetricValue::UInt64(*v),
            (Self::Float(v), _) => MetricValue::Float(*v),
            (Self::Double(v), _) => MetricValue::Double(*v),
            (Self::Bool(v), _) => MetricValue::Bool(*v),
            (Self::Text(v), DataType::Text) => MetricValue::Text(v),
            (Self::Text(v), DataType::Uuid) => MetricValue::Uuid(v),
            (Self::Text(v), _) => MetricValue::Str(v),
            (Self::Null, _) => MetricValue::Null(datatype),
        }
    }

    /// What is remembered of it when it is sent.
    pub(crate) fn as_sent(&self) -> Sent {
        match self {
            Self::Null => Sent::Null,
            Self::Int(v) => Sent::Int(*v),
            Self::UInt(v) => Sent::UInt(*v),
            Self::Float(v) => Sent::Float(*v),
            Self::Double(v) => Sent::Double(*v),
            Self::Bool(v) => Sent::Bool(*v),
            Self::Text(text) => {
                let mut hash = Fnv::new();
                hash.add(text.as_bytes());
                Sent::Text(hash.0)
            }
        }
    }
}

impl Sent {
    /// Whether the step to `now` is larger than the deadband; any change of kind is.
    fn differs(self, now: Self, deadband: f32) -> bool {
        match (now, self) {
            (Self::Float(a), Self::Float(b)) => exceeds(f64::from(a), f64::from(b), deadband),
            (Self::Double(a), Self::Double(b)) => exceeds(a, b, deadband),
            (Self::Int(a), Self::Int(b)) => a != b && a.abs_diff(b) as f64 > f64::from(deadband),
            (Self::UInt(a), Self::UInt(b)) => a != b && a.abs_diff(b) as f64 > f64::from(deadband),
            (a, b) => a != b,
        }
    }
}

fn exceeds(a: f64, b: f64, deadband: f32) -> bool {
    if deadband > 0.0 {
        (a - b).abs() > f64::from(deadband)
    } else {
        a.to_bits() != b.to_bits()
    }
}

impl Slot {
    /// Nothing known yet.
    pub(crate) const EMPTY: Slot = Slot {
        value: Held::Null,
        quality: SampleQuality::Good,
        at: None,
        sent: None,
    };

    /// Whether what is held should be sent.
    pub(crate) fn is_news(&self, deadband: f32) -> bool {
        match self.sent {
            None => true,
            Some((sent, quality)) => quality != self.quality || sent.differs(self.value.as_sent(), deadband),
        }
    }

    /// Whether the receiver believes something other than "good": then a good value must say so.
    fn said_not_good(&self) -> bool {
        self.sent
            .as_ref()
            .is_some_and(|(_, quality)| *quality != SampleQuality::Good)
    }

    /// The metric of a data message.
    pub(crate) fn data<'m>(
        &'m self,
        def: &'m MetricDef<'_>,
        alias: Option<u64>,
        at: UtcMillis,
    ) -> Metric<'m> {
        let mut metric = self.metric(def, at).untyped();
        match alias {
            Some(alias) => {
                metric.name = None;
                metric.alias = Some(alias);
            }
            None => metric.name = Some(def.name),
        }
        if self.quality != SampleQuality::Good || self.said_not_good() {
            metric.quality = Some(self.quality.code());
        }
        metric
    }

    /// The metric of a birth certificate; `stale` when its device is gone.
    pub(crate) fn birth<'m>(
        &'m self,
        def: &'m MetricDef<'_>,
        alias: Option<u64>,
        at: UtcMillis,
        stale: bool,
    ) -> Metric<'m> {
        let mut metric = self.metric(def, at);
        metric.alias = alias;
        metric.unit = def.unit;
        let quality = if stale { SampleQuality::Stale } else { self.quality };
        if quality != SampleQuality::Good {
            metric.quality = Some(quality.code());
        }
        metric
    }

    fn metric<'m>(&'m self, def: &'m MetricDef<'_>, at: UtcMillis) -> Metric<'m> {
        Metric::named(def.name, self.value.to_send(def.datatype)).at(at)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn slot(value: Held, sent: Held) -> Slot {
        Slot {
            value,
            quality: SampleQuality::Good,
            at: None,
            sent: Some((sent.as_sent(), SampleQuality::Good)),
        }
    }

    fn text(text: &str) -> Held {
        Held::Text(String::try_from(text).unwrap())
    }

    #[test]
    fn a_change_within_the_deadband_is_no_news_and_a_larger_one_is() {
        let cases = [
            (Held::Double(1.0), Held::Double(1.04), 0.05, false),
            (Held::Double(1.0), Held::Double(1.06), 0.05, true),
            (Held::Double(1.0), Held::Double(1.0), 0.0, false),
            (Held::Double(1.0), Held::Double(1.000_000_1), 0.0, true),
            (Held::Float(1.0), Held::Float(2.0), 1.0, false),
            (Held::Int(-3), Held::Int(3), 5.0, true),
            (Held::UInt(7), Held::UInt(7), 0.0, false),
            (Held::Bool(true), Held::Bool(false), 9.0, true),
            (Held::Null, Held::Double(0.0), 9.0, true),
            (text("38"), text("38"), 0.0, false),
            (text("38"), text("83"), 0.0, true),
            (text(""), Held::Null, 0.0, true),
        ];
        for (value, sent, deadband, news) in cases {
            let slot = slot(value, sent);
            assert_eq!(slot.is_news(deadband), news, "{slot:?}");
        }
    }

    #[test]
    fn a_value_that_is_not_a_number_is_kept_as_no_value() {
        assert_eq!(Held::keep(&MetricValue::Double(f64::NAN)), Ok(Held::Null));
        assert_eq!(Held::keep(&MetricValue::Float(f32::INFINITY)), Ok(Held::Null));
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused_and_not_cut() {
        let long = "一二三四五六七八九十一二三四五六七";
        assert_eq!(Held::keep(&MetricValue::Str(long)), Err(TextTooLong));
    }
}
