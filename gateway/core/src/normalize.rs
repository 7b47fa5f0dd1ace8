//! From a decoded metric to a [`Sample`]: which time, which value, how far to be trusted.

use crate::catalog::{BoolEncoding, Channel, CodeScheme};
use crate::host::table::{Scale, standard_atmosphere};
use crate::sample::{RawCode, Reading};
use vigil_protocol::signal::LoopReading;
use vigil_protocol::sparkplug::{Value, ValueError};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{
    Bad, CarDirection, CarDriveStatus, FaultKey, NoData, Quality, Quantity, QuantityKind, ServiceMode,
    Uncertain, bare_code,
};

/// 2000-01-01: no telemetry is older; what says so has no clock.
const EARLIEST: UtcMillis = UtcMillis(946_684_800_000);
/// 2100-01-01.
const LATEST: UtcMillis = UtcMillis(4_102_444_800_000);

/// How the times in one message are judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageTime {
    /// Arrival.
    pub(crate) now: UtcMillis,
    /// Payload timestamp, as sent.
    pub(crate) payload: Option<UtcMillis>,
    /// Largest believable difference, ms.
    pub(crate) skew_ms: i64,
    /// Births repeat the current value with the time it was last measured, which may be long ago.
    pub(crate) birth: bool,
}

impl MessageTime {
    fn is_fresh(&self, at: UtcMillis) -> bool {
        at >= EARLIEST && at < LATEST && at.since(self.now).saturating_abs() <= self.skew_ms
    }

    fn is_past(&self, at: UtcMillis) -> bool {
        at >= EARLIEST && at < LATEST && at.since(self.now) <= self.skew_ms
    }

    /// When the message was made, as far as that can be believed: else its arrival.
    pub(crate) fn published(&self, historical: bool) -> UtcMillis {
        match self.payload {
            Some(at) if self.is_fresh(at) || (historical && self.is_past(at)) => at,
            _ => self.now,
        }
    }

    /// Source time of a metric, and the reservation to be made.
    pub(crate) fn source(
        &self,
        metric: Option<UtcMillis>,
        historical: bool,
    ) -> (UtcMillis, Option<Uncertain>) {
        match metric.or(self.payload) {
            None => (self.now, Some(Uncertain::NoTimestamp)),
            Some(at) if self.is_fresh(at) || (historical && self.is_past(at)) => (at, None),
            Some(at) if self.birth && self.is_past(at) => match self.payload {
                Some(payload) if self.is_fresh(payload) => (payload, None),
                _ => (self.now, Some(Uncertain::ClockSkew)),
            },
            Some(_) => (self.now, Some(Uncertain::ClockSkew)),
        }
    }
}

/// A value with its raw form and quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Normal {
    pub(crate) reading: Reading,
    pub(crate) raw: Option<f64>,
    pub(crate) quality: Quality,
}

impl Normal {
    fn missing(reason: NoData, raw: Option<f64>) -> Self {
        Self {
            reading: Reading::NoData(reason),
            raw,
            quality: reason.quality(),
        }
    }
}

/// The channel's reading of a decoded value. `reported` is the metric's own quality property.
pub(crate) fn normalize(
    channel: &Channel,
    scheme: Option<&CodeScheme>,
    scale: &Scale,
    value: Result<Value<'_>, ValueError>,
    reported: Option<i32>,
) -> Normal {
    let reported = reported.map_or(Quality::Good, Quality::from_sparkplug);
    let number = value.ok().and_then(|value| value.as_f64());
    if let Quality::Bad(bad) = reported {
        return Normal {
            reading: Reading::NoData(reason(bad)),
            raw: number,
            quality: reported,
        };
    }
    let value = match value {
        Ok(Value::Null) | Err(ValueError::Missing { .. }) => return Normal::missing(NoData::Null, None),
        Ok(Value::Unsupported(_)) | Err(ValueError::UnknownDatatype { .. }) => {
            return Normal::missing(NoData::UnsupportedType, None);
        }
        Ok(value) => value,
        Err(_) => return Normal::missing(NoData::WrongType, None),
    };
    let mut normal = match channel.quantity.kind() {
        QuantityKind::Analog | QuantityKind::Counter => match (value, number) {
            (Value::Bool(_), _) | (_, None) => Normal::missing(NoData::WrongType, None),
            (_, Some(number)) => analog(channel, scale, number),
        },
        QuantityKind::Binary => match binary(channel.encoding, &value) {
            Some(on) => Normal {
                reading: Reading::Bool(on),
                raw: number,
                quality: Quality::Good,
            },
            None => Normal::missing(NoData::WrongType, number),
        },
        QuantityKind::Code | QuantityKind::Text => code(channel.quantity, scheme, &value, number),
    };
    if normal.quality == Quality::Good {
        normal.quality = reported;
    }
    normal
}

fn analog(channel: &Channel, scale: &Scale, number: f64) -> Normal {
    if !number.is_finite() {
        return Normal::missing(NoData::NotFinite, None);
    }
    let above_atmosphere = |absolute: f64| {
        // Not the site's own atmosphere: good to a few kilopascal.
        let gauge = absolute - standard_atmosphere(channel.quantity.unit());
        (gauge, Quality::Uncertain(Uncertain::Inaccurate))
    };
    let (canonical, quality) = match scale {
        Scale::Same => (number, Quality::Good),
        Scale::Convert(conversion) => (conversion.apply(number), Quality::Good),
        Scale::Absolute(conversion) => above_atmosphere(conversion.apply(number)),
        Scale::Loop { to, absolute } => {
            match channel.current_loop.as_ref().map(|current| current.read(number)) {
                Some(LoopReading::Value { value, quality }) => match (to.apply(value), absolute, quality) {
                    (value, true, Quality::Good) => above_atmosphere(value),
                    (value, true, _) => (above_atmosphere(value).0, quality),
                    (value, false, _) => (value, quality),
                },
                Some(LoopReading::NoData(reason)) => return Normal::missing(reason, Some(number)),
                None => return Normal::missing(NoData::Config, Some(number)),
            }
        }
        Scale::Conflict(_) => return Normal::missing(NoData::Config, Some(number)),
    };
    if !canonical.is_finite() {
        return Normal::missing(NoData::NotFinite, Some(number));
    }
    let plausible = channel
        .plausible
        .is_none_or(|(low, high)| (low..=high).contains(&canonical));
    let quality = if plausible {
        quality
    } else {
        Quality::Bad(Bad::Implausible)
    };
    Normal {
        reading: Reading::Number(canonical),
        raw: Some(number),
        quality,
    }
}

fn binary(encoding: BoolEncoding, value: &Value<'_>) -> Option<bool> {
    // A boolean has no second way to say 2: only the inversion applies to it.
    if let Value::Bool(on) = *value {
        return Some(on != (encoding == BoolEncoding::ZeroIsTrue));
    }
    let code = whole(value)?;
    match (encoding, code) {
        (BoolEncoding::OneIsTrue, 0 | 1) => Some(code == 1),
        (BoolEncoding::ZeroIsTrue, 0 | 1) => Some(code == 0),
        (BoolEncoding::OneTrueTwoFalse, 1 | 2) => Some(code == 1),
        (BoolEncoding::TwoTrueOneFalse, 1 | 2) => Some(code == 2),
        _ => None,
    }
}

/// A fault code is what the scheme says it is; the lift's states are numbers, whatever they are sent as;
/// other text (floor names) is kept as it is.
fn code(quantity: Quantity, scheme: Option<&CodeScheme>, value: &Value<'_>, raw: Option<f64>) -> Normal {
    let good = |reading| Normal {
        reading,
        raw,
        quality: Quality::Good,
    };
    if quantity == Quantity::FaultCode {
        return match *value {
            Value::Str(text) => good(fault(scheme, text.trim())),
            _ => match whole(value) {
                Some(number) => good(fault(scheme, &number.to_string())),
                None => Normal::missing(NoData::WrongType, raw),
            },
        };
    }
    if let Some(number) = whole(value) {
        return good(Reading::Number(number as f64));
    }
    let Value::Str(text) = *value else {
        return Normal::missing(NoData::WrongType, raw);
    };
    let text = text.trim();
    let number = text.parse::<i32>().ok().or_else(|| {
        Some(i32::from(match quantity {
            Quantity::ServiceMode => ServiceMode::from_key(text)?.code(),
            Quantity::CarDriveStatus => CarDriveStatus::from_key(text)?.code(),
            Quantity::CarDirection => CarDirection::from_key(text)?.code(),
            _ => return None,
        }))
    });
    match number {
        Some(number) => good(Reading::Number(f64::from(number))),
        None if quantity == Quantity::CarPosition || quantity.kind() == QuantityKind::Text => {
            good(Reading::Code {
                key: None,
                raw: RawCode::new(text),
            })
        }
        None => Normal::missing(NoData::WrongType, raw),
    }
}

fn fault(scheme: Option<&CodeScheme>, text: &str) -> Reading {
    let raw = RawCode::new(text);
    let key = scheme
        .and_then(|scheme| scheme.lookup(raw))
        .or_else(|| FaultKey::from_key(text))
        // Zero, or nothing, is "no fault" in every numbering that does not say otherwise.
        .or_else(|| matches!(bare_code(text), "0" | "").then_some(FaultKey::None));
    Reading::Code { key, raw }
}

/// A whole number, whichever way it was sent.
fn whole(value: &Value<'_>) -> Option<i64> {
    match *value {
        Value::Int(number) => Some(number),
        Value::UInt(number) => i64::try_from(number).ok(),
        Value::Bool(on) => Some(i64::from(on)),
        Value::Float(_) | Value::Double(_) => value
            .as_f64()
            .filter(|number| number.fract() == 0.0 && number.abs() < 1e15)
            .map(|number| number as i64),
        _ => None,
    }
}

fn reason(bad: Bad) -> NoData {
    match bad {
        Bad::Sensor => NoData::Sensor,
        Bad::Device | Bad::Implausible => NoData::Device,
        Bad::WrongType => NoData::WrongType,
        Bad::NotConnected => NoData::NotConnected,
        Bad::Comm => NoData::Comm,
        Bad::Config => NoData::Config,
        Bad::OutOfService => NoData::OutOfService,
        Bad::Init => NoData::Init,
        Bad::NotFinite => NoData::NotFinite,
    }
}
