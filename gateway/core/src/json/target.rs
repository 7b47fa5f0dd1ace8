//! What a JSON value means to a channel.

use super::document::NOT_A_NUMBER;
use crate::field::FieldValue;
use serde_json::Value;
use std::borrow::Cow;
use vigil_protocol::vocabulary::{Bad, NoData, Quality, Quantity, QuantityKind};

/// The metric a value is for, and what must be done to the value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) metric: String,
    pub(super) unit: Option<String>,
    pub(super) states: Option<States>,
    pub(super) reader: Reader,
}

/// What a state or code of the source stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct States {
    pub(super) numbers: Vec<(i64, State)>,
    pub(super) texts: Vec<(String, State)>,
}

/// A value of ours.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Number(f64),
    Bool(bool),
    Text(String),
}

impl States {
    /// What a value stands for. `2`, `2.0` and `"2"` are the same state.
    fn of(&self, value: &Value) -> Option<&State> {
        let by_number = |number: i64| {
            let found = self.numbers.iter().find(|(known, _)| *known == number);
            found.map(|(_, state)| state)
        };
        let by_text = |text: &str| {
            let found = self.texts.iter().find(|(known, _)| known == text);
            found
                .map(|(_, state)| state)
                .or_else(|| by_number(text.parse().ok()?))
        };
        match value {
            Value::Number(number) => {
                let fraction = || number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15);
                by_number(number.as_i64().or_else(|| fraction().map(|n| n as i64))?)
            }
            Value::Bool(on) => by_text(if *on { "true" } else { "false" }),
            Value::String(text) => by_text(text.trim()),
            _ => None,
        }
    }
}

impl Target {
    /// The value as the core takes it.
    pub(super) fn value(&self, value: &Value) -> FieldValue<'_> {
        let Some(states) = self.states.as_ref().filter(|_| !value.is_null()) else {
            return self.reader.read(value);
        };
        match states.of(value) {
            Some(State::Number(number)) => FieldValue::Number(*number),
            Some(State::Bool(on)) => FieldValue::Bool(*on),
            Some(State::Text(text)) => FieldValue::Text(Cow::Borrowed(text)),
            None => FieldValue::NoData(NoData::WrongType),
        }
    }
}

/// How plain values are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reader {
    /// What is measured, if the profile says or the metric's name does.
    pub(super) quantity: Option<Quantity>,
    pub(super) scale: f64,
    pub(super) offset: f64,
    /// Numbers may come as text.
    pub(super) text_numbers: bool,
}

impl Reader {
    /// For a metric nothing is known about but its name.
    pub(super) fn named(metric: &str, text_numbers: bool) -> Self {
        Self {
            quantity: Quantity::from_metric(metric),
            scale: 1.0,
            offset: 0.0,
            text_numbers,
        }
    }

    /// The value as the core takes it.
    pub(super) fn read(&self, value: &Value) -> FieldValue<'static> {
        let scaled = |number: f64| FieldValue::Number(number * self.scale + self.offset);
        match value {
            Value::Null => FieldValue::NoData(NoData::Null),
            Value::Bool(on) => FieldValue::Bool(*on),
            Value::Number(number) => number
                .as_f64()
                .map_or(FieldValue::NoData(NoData::NotFinite), scaled),
            Value::String(text) => self.text(text).map_or_else(
                |text| FieldValue::Text(Cow::Owned(text.to_owned())),
                |number| number.map_or_else(FieldValue::NoData, scaled),
            ),
            Value::Array(_) | Value::Object(_) => FieldValue::NoData(NoData::UnsupportedType),
        }
    }

    /// Text that is a number or should be one; `Err` is text that is meant as text.
    fn text<'t>(&self, text: &'t str) -> Result<Result<f64, NoData>, &'t str> {
        let text = text.trim();
        let kind = self.quantity.map(Quantity::kind);
        if matches!(kind, Some(QuantityKind::Code | QuantityKind::Text)) {
            return Err(text);
        }
        let parsed = text.parse::<f64>().ok();
        if text.is_empty() {
            return Ok(Err(NoData::Null));
        }
        if text == NOT_A_NUMBER || parsed.is_some_and(|number| !number.is_finite()) {
            return Ok(Err(NoData::NotFinite));
        }
        match (kind, parsed) {
            // `05` may well be a code: what has no known quantity stays as it was sent.
            (None, Some(_)) if !self.text_numbers || has_leading_zero(text) => Err(text),
            (_, Some(number)) if self.text_numbers => Ok(Ok(number)),
            (Some(QuantityKind::Analog | QuantityKind::Counter), _) => Ok(Err(NoData::WrongType)),
            _ => Err(text),
        }
    }
}

fn has_leading_zero(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.")
}

/// How a source says how far a value can be trusted.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct QualityMap {
    pub(super) states: Vec<(String, Quality)>,
}

impl QualityMap {
    /// The quality a value says. What nobody has explained vouches for nothing: it is bad.
    pub(super) fn of(&self, value: &Value) -> Quality {
        let text = match value {
            Value::String(text) => Cow::Borrowed(text.trim()),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Bool(on) => Cow::Borrowed(if *on { "true" } else { "false" }),
            Value::Null => return Quality::Good,
            _ => return Quality::Bad(Bad::Device),
        };
        if !self.states.is_empty() {
            let found = self.states.iter().find(|(known, _)| *known == text);
            return found.map_or(Quality::Bad(Bad::Device), |(_, quality)| *quality);
        }
        match value {
            Value::Bool(on) if *on => Quality::Good,
            Value::Number(number) => number
                .as_i64()
                .and_then(signed)
                .map_or(Quality::Bad(Bad::Device), Quality::from_sparkplug),
            Value::String(_) => Quality::from_key(&text.to_lowercase()).unwrap_or(Quality::Bad(Bad::Device)),
            _ => Quality::Bad(Bad::Device),
        }
    }
}

/// An OPC UA status code is unsigned: with the bits it has.
fn signed(code: i64) -> Option<i32> {
    let unsigned = u32::try_from(code).ok().map(|code| code as i32);
    unsigned.or(i32::try_from(code).ok())
}

#[cfg(test)]
mod tests {
    use super::{QualityMap, Reader, State, States, Target};
    use crate::field::FieldValue;
    use serde_json::json;
    use vigil_protocol::vocabulary::{Bad, NoData, Quality, Uncertain};

    fn missing(reason: NoData) -> FieldValue<'static> {
        FieldValue::NoData(reason)
    }

    #[test]
    fn what_is_no_value_says_why_and_is_never_zero() {
        let pressure = Reader::named("steam_pressure", false);
        for (value, wanted) in [
            (json!(1.25), FieldValue::Number(1.25)),
            (json!(null), missing(NoData::Null)),
            (json!(""), missing(NoData::Null)),
            (json!("NaN"), missing(NoData::NotFinite)),
            (json!("inf"), missing(NoData::NotFinite)),
            (json!("--"), missing(NoData::WrongType)),
            (json!("1.25"), missing(NoData::WrongType)),
            (json!([1.25]), missing(NoData::UnsupportedType)),
            (json!({"v": 1}), missing(NoData::UnsupportedType)),
            (json!(true), FieldValue::Bool(true)),
        ] {
            assert_eq!(pressure.read(&value), wanted, "{value}");
        }
    }

    #[test]
    fn numbers_as_text_are_taken_where_the_profile_says_so_and_codes_stay_as_sent() {
        let tolerant = |metric| Reader::named(metric, true);
        let text = |text: &'static str| FieldValue::Text(text.into());
        for (metric, value, wanted) in [
            ("steam_pressure", "1.25", FieldValue::Number(1.25)),
            ("steam_pressure", "-0.5", FieldValue::Number(-0.5)),
            ("steam_pressure", "abc", missing(NoData::WrongType)),
            ("fault_code", "05", text("05")),
            ("fault_code", "53", text("53")),
            ("car_position", "-1", text("-1")),
            ("p7", "12.5", FieldValue::Number(12.5)),
            ("p7", "05", text("05")),
            ("p7", "E05", text("E05")),
            ("p7", "0.5", FieldValue::Number(0.5)),
        ] {
            assert_eq!(tolerant(metric).read(&json!(value)), wanted, "{metric} {value}");
        }
        assert_eq!(Reader::named("p7", false).read(&json!("12.5")), text("12.5"));
    }

    #[test]
    fn states_are_looked_up_by_number_or_text_and_unknown_ones_are_no_value() {
        let door = Target {
            metric: "door_closed".into(),
            unit: None,
            states: Some(States {
                numbers: vec![(1, State::Bool(true)), (2, State::Bool(false))],
                texts: vec![("open".into(), State::Bool(false))],
            }),
            reader: Reader::named("door_closed", false),
        };
        for (value, wanted) in [
            (json!(1), FieldValue::Bool(true)),
            (json!(2.0), FieldValue::Bool(false)),
            (json!("2"), FieldValue::Bool(false)),
            (json!(" open "), FieldValue::Bool(false)),
            (json!(3), missing(NoData::WrongType)),
            (json!(1.5), missing(NoData::WrongType)),
            (json!(null), missing(NoData::Null)),
        ] {
            assert_eq!(door.value(&value), wanted, "{value}");
        }
    }

    #[test]
    fn scale_and_offset_apply_to_numbers() {
        let mut load = Reader::named("car_load", true);
        (load.scale, load.offset) = (0.1, -5.0);
        assert_eq!(load.read(&json!(500)), FieldValue::Number(45.0));
        assert_eq!(load.read(&json!("500")), FieldValue::Number(45.0));
    }

    #[test]
    fn a_quality_nobody_explained_is_bad() {
        let sparkplug = QualityMap::default();
        for (value, wanted) in [
            (json!(192), Quality::Good),
            (json!(0), Quality::Bad(Bad::Device)),
            (json!(0x808C_0000_u32), Quality::Bad(Bad::Sensor)),
            (json!("good"), Quality::Good),
            (json!("Good"), Quality::Good),
            (json!(true), Quality::Good),
            (json!(false), Quality::Bad(Bad::Device)),
            (json!("so so"), Quality::Bad(Bad::Device)),
            (json!(null), Quality::Good),
        ] {
            assert_eq!(sparkplug.of(&value), wanted, "{value}");
        }
        let own = QualityMap {
            states: vec![
                ("0".into(), Quality::Good),
                ("susp".into(), Quality::Uncertain(Uncertain::Inaccurate)),
            ],
        };
        assert_eq!(own.of(&json!(0)), Quality::Good);
        assert_eq!(own.of(&json!("susp")), Quality::Uncertain(Uncertain::Inaccurate));
        assert_eq!(own.of(&json!(192)), Quality::Bad(Bad::Device));
    }
}
