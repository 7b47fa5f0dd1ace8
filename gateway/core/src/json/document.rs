//! Payload bytes → JSON, or why not, with the byte where it goes wrong.
//!
//! Stricter than most readers: a member given twice is refused, since nobody can say which of the two values is
//! meant. Laxer in one thing: `NaN`, `Infinity` and `-Infinity`, which some programs write although JSON does not
//! know them, cost their own value and not the whole message.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Larger payloads are not read: the broker takes larger ones, for births.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// What stands for a number that is none, in a value.
pub(super) const NOT_A_NUMBER: &str = "NaN";

/// Reads a payload.
pub(super) fn parse(payload: &[u8]) -> Result<Value, String> {
    if payload.len() > MAX_PAYLOAD {
        return Err(format!(
            "the payload has {} bytes; at most {MAX_PAYLOAD} are read",
            payload.len()
        ));
    }
    let text = std::str::from_utf8(payload)
        .map_err(|error| format!("not UTF-8 text at byte {}", error.valid_up_to()))?;
    let (text, skipped) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, 3),
        None => (text, 0),
    };
    read(text).or_else(|error| {
        let patched = without_nan(text).and_then(|text| read(&text).ok());
        patched.ok_or_else(|| describe(text, skipped, &error))
    })
}

fn read(text: &str) -> Result<Value, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// serde_json says line and column (in bytes); a payload is best searched by byte.
fn describe(text: &str, skipped: usize, error: &serde_json::Error) -> String {
    let full = error.to_string();
    let what = full.rsplit_once(" at line ").map_or(&*full, |(what, _)| what);
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = (before + error.column().saturating_sub(1) + skipped).min(text.len() + skipped);
    format!("not JSON at byte {at}: {what}")
}

/// The text with bare `NaN` and infinities as strings; `None` if there are none.
fn without_nan(text: &str) -> Option<String> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let mut patched = String::with_capacity(text.len() + 16);
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        patched.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = if rest.starts_with('"') {
            string_length(rest)
        } else if let Some(word) = WORDS.iter().find(|word| rest.starts_with(**word)) {
            found = true;
            patched.push('"');
            patched.push_str(NOT_A_NUMBER);
            patched.push('"');
            rest = &rest[word.len()..];
            continue;
        } else {
            1
        };
        patched.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    patched.push_str(rest);
    found.then_some(patched)
}

/// Length of the string literal `text` begins with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Builds a [`Value`] in which no member is given twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, on: bool) -> Result<Value, E> {
        Ok(Value::Bool(on))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_element_seed(Strict)? {
            list.push(member);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!(
                    "the member {name:?} is there twice"
                )));
            }
            let member = members.next_value_seed(Strict)?;
            object.insert(name, member);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PAYLOAD, parse};
    use serde_json::json;

    #[test]
    fn json_is_read_as_it_stands() {
        let text = r#"{"a": [1, -2, 2.5, true, null, "x\n门"], "b": {"c": 18446744073709551615}}"#;
        let wanted = json!({"a": [1, -2, 2.5, true, null, "x\n门"], "b": {"c": u64::MAX}});
        assert_eq!(parse(text.as_bytes()), Ok(wanted));
        assert_eq!(parse("\u{feff}[1]".as_bytes()), Ok(json!([1])));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_byte() {
        let deep = "[".repeat(200);
        let long = vec![b' '; MAX_PAYLOAD + 1];
        let cases: [(&[u8], &str); 9] = [
            (b"", "not JSON at byte 0: EOF"),
            (
                b"{\"a\":1,\"a\":2}",
                "not JSON at byte 9: the member \"a\" is there twice",
            ),
            (b"{\n\"a\":x}", "not JSON at byte 6: expected value"),
            (b"{\"a\":1", "not JSON at byte 5: EOF"),
            (b"{\"a\":1} {", "not JSON at byte 8: trailing characters"),
            (b"{\"a\":\"\xb5\xe7\"}", "not UTF-8 text at byte 6"),
            (deep.as_bytes(), "not JSON at byte 127: recursion limit exceeded"),
            (b"[1e999]", "not JSON at byte 5: number out of range"),
            (&long, "the payload has 1048577 bytes; at most 1048576 are read"),
        ];
        for (payload, wanted) in cases {
            let error = parse(payload).unwrap_err();
            assert!(error.starts_with(wanted), "{error} instead of {wanted}");
        }
    }

    #[test]
    fn bare_nan_costs_its_own_value_only() {
        assert_eq!(
            parse(br#"{"a": NaN, "b": [-Infinity, Infinity, -1], "N\"aN": "NaN, -Infinity"}"#),
            Ok(json!({"a": "NaN", "b": ["NaN", "NaN", -1], "N\"aN": "NaN, -Infinity"}))
        );
        assert_eq!(
            parse(br#"{"a": NaN, "b": }"#).unwrap_err(),
            "not JSON at byte 6: expected value"
        );
    }
}
