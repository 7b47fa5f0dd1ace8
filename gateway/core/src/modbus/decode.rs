//! From the blocks of a poll to readings.

use super::map::{State, UnitFrom};
use super::{Function, ImageView, Point, RegisterMap, What};
use crate::field::{FieldDecoder, FieldReading, FieldValue, Source};
use crate::hash::ContentHash;
use std::borrow::Cow;
use vigil_protocol::signal::{RawRegister, RegisterCodec, RegisterError};
use vigil_protocol::vocabulary::{NoData, Quality};

/// Divisors by number of decimals.
const DECIMALS: [f64; 7] = [1.0, 0.1, 0.01, 0.001, 0.000_1, 0.000_01, 0.000_001];

impl FieldDecoder for RegisterMap {
    fn source(&self) -> Source {
        Source::Modbus
    }

    fn context(&self) -> (&str, &str) {
        let context = self.context_parts();
        (&context.name, &context.text)
    }

    fn hash(&self) -> ContentHash {
        self.context_parts().hash
    }

    fn decode<'a>(
        &'a self,
        _topic: &'a str,
        payload: &'a [u8],
        say: &mut dyn FnMut(FieldReading<'a>),
    ) -> Result<(), String> {
        let image = ImageView::parse(payload).map_err(|error| error.to_string())?;
        for point in &self.points {
            let (value, unit) = point.read(&image);
            say(FieldReading {
                device: None,
                metric: Cow::Borrowed(&point.metric),
                value,
                unit: unit.map(Cow::Borrowed),
                at: Some(image.at),
                polled: true,
                historical: false,
                quality: Quality::Good,
            });
        }
        Ok(())
    }
}

impl Point {
    /// Its value in a poll, and the unit it is in.
    #[must_use]
    pub fn read(&self, image: &ImageView<'_>) -> (FieldValue<'_>, Option<&str>) {
        match self.try_read(image) {
            Ok(read) => read,
            Err(reason) => (FieldValue::NoData(reason), self.unit.as_deref()),
        }
    }

    fn try_read(&self, image: &ImageView<'_>) -> Result<(FieldValue<'_>, Option<&str>), NoData> {
        let (function, address) = (self.function, self.address);
        let unit = self.unit.as_deref();
        Ok(match &self.what {
            What::Number {
                codec,
                no_data,
                unit_from,
                decimals_from,
            } => {
                let words: [u16; 4] = image.words(function, address, codec.words() as u16)?;
                let raw = number(codec.raw(&words))?;
                if let Some(no) = no_data.iter().find(|no| no.raw == raw) {
                    return Err(no.reason);
                }
                let unit = match unit_from {
                    Some(from) => Some(dynamic_unit(from, image, function)?),
                    None => unit,
                };
                let scale = match decimals_from {
                    Some(address) => {
                        let [decimals] = image.words(function, *address, 1)?;
                        *DECIMALS.get(usize::from(decimals)).ok_or(NoData::Config)?
                    }
                    None => 1.0,
                };
                let codec = RegisterCodec {
                    scale: codec.scale * scale,
                    ..*codec
                };
                (FieldValue::Number(codec.decode(&words).map_err(no_number)?), unit)
            }
            What::Bit { bit, invert } => {
                let on = if function.is_bits() {
                    image.bit(function, address)?
                } else {
                    let [word] = image.words(function, address, 1)?;
                    word >> bit & 1 == 1
                };
                (FieldValue::Bool(on != *invert), None)
            }
            What::States { codec, states } => {
                let words: [u16; 4] = image.words(function, address, codec.words() as u16)?;
                let raw = number(codec.raw(&words))?;
                // A state nobody has described is not one of the others.
                let known = states.iter().find(|(number, _)| *number as f64 == raw);
                let value = match known.ok_or(NoData::Device)? {
                    (_, State::Text(text)) => FieldValue::Text(Cow::Borrowed(text)),
                    (_, State::Bool(on)) => FieldValue::Bool(*on),
                };
                (value, None)
            }
            What::Faults { bits } => {
                let [word]: [u16; 1] = image.words(function, address, 1)?;
                let code = match bits.iter().find(|(bit, _)| word >> bit & 1 == 1) {
                    Some((_, code)) => Cow::Borrowed(&**code),
                    None if word == 0 => Cow::Borrowed("0"),
                    None => Cow::Owned(format!("bit{}", word.trailing_zeros())),
                };
                (FieldValue::Text(code), None)
            }
        })
    }
}

fn dynamic_unit<'m>(
    from: &'m UnitFrom,
    image: &ImageView<'_>,
    function: Function,
) -> Result<&'m str, NoData> {
    let [code] = image.words(function, from.address, 1)?;
    from.units
        .get(usize::from(code))
        .map(|unit| &**unit)
        .ok_or(NoData::Config)
}

fn number(raw: Result<RawRegister, RegisterError>) -> Result<f64, NoData> {
    Ok(match raw.map_err(no_number)? {
        RawRegister::Unsigned(raw) => raw as f64,
        RawRegister::Signed(raw) => raw as f64,
        RawRegister::Float(raw) => raw,
    })
}

const fn no_number(error: RegisterError) -> NoData {
    match error {
        RegisterError::NotFinite => NoData::NotFinite,
        RegisterError::NotBcd(_) => NoData::WrongType,
        RegisterError::TooFewWords { .. } | RegisterError::BadCodec | RegisterError::OutOfRange(_) => {
            NoData::Config
        }
    }
}
