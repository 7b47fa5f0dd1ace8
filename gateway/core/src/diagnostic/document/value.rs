//! Values: the right type, or a finding.

use super::{Document, Table};
use crate::diagnostic::{Diagnostic, Place, suggestion};
use std::borrow::Cow;
use toml::Spanned;
use toml::de::DeValue;

/// A value being read. Every reader reports a wrong type itself and gives `None`.
#[derive(Clone, Debug)]
pub struct Value<'d, 'i> {
    pub(super) document: &'d Document<'i>,
    pub(super) key: Cow<'d, str>,
    pub(super) value: &'d Spanned<DeValue<'i>>,
}

impl<'d, 'i> Value<'d, 'i> {
    /// Where the value stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.document.place(self.value.span().start)
    }

    /// Place `at` bytes into a string value; the start of the value if it is written with escapes.
    #[must_use]
    pub fn place_within(&self, at: usize) -> Place {
        let span = self.value.span();
        let lines = self.document.lines(span.start);
        let within = span.start.saturating_sub(lines.begin)..span.end.saturating_sub(lines.begin);
        let raw = lines.text.get(within).unwrap_or("");
        let plain = self
            .value
            .get_ref()
            .as_str()
            .is_some_and(|text| raw.get(1..raw.len().saturating_sub(1)) == Some(text));
        let offset = if plain { span.start + 1 + at } else { span.start };
        self.document.place(offset)
    }

    /// The key it stands under.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Adds a finding made elsewhere.
    pub fn report(&self, finding: Diagnostic) {
        self.document.report(finding);
    }

    /// Reports an error at this value.
    pub fn error(&self, message: impl Into<String>, help: Option<String>) {
        self.document.report(self.place().error(message).maybe_help(help));
    }

    /// Reports a warning at this value.
    pub fn warning(&self, message: impl Into<String>, help: Option<String>) {
        self.document
            .report(self.place().warning(message).maybe_help(help));
    }

    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) if wanted == WHOLE => "a fraction",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(format!("`{}` must be {wanted}, not {found}", self.key), None);
        None
    }

    /// Whether it is a string (no report).
    #[must_use]
    pub fn is_str(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Whether it is a list (no report).
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// Whether it is a table (no report).
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// A string.
    #[must_use]
    pub fn str(&self) -> Option<&'d str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => self.wrong_type("a string"),
        }
    }

    /// A string with something in it.
    #[must_use]
    pub fn text(&self) -> Option<&'d str> {
        let text = self.str()?;
        if text.trim().is_empty() {
            self.error(format!("`{}` must not be empty", self.key), None);
            return None;
        }
        Some(text)
    }

    /// true or false.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(on) => Some(*on),
            _ => self.wrong_type("true or false"),
        }
    }

    /// A finite number.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        let number = match self.value.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .ok()
                .map(|n| n as f64),
            DeValue::Float(digits) => digits.as_str().parse::<f64>().ok(),
            _ => return self.wrong_type("a number"),
        };
        match number.filter(|number| number.is_finite()) {
            Some(number) => Some(number),
            None => {
                self.error(format!("`{}` must be a finite number", self.key), None);
                None
            }
        }
    }

    /// Whether it is a number (no report).
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.value.get_ref().is_integer() || self.value.get_ref().is_float()
    }

    /// A whole number in a range.
    #[must_use]
    pub fn whole(&self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let DeValue::Integer(digits) = self.value.get_ref() else {
            return self.wrong_type(WHOLE);
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => {
                self.error(
                    format!(
                        "`{}` must be between {} and {}",
                        self.key,
                        range.start(),
                        range.end()
                    ),
                    None,
                );
                None
            }
        }
    }

    /// A duration in ms, written with its unit: `"500ms"`, `"10s"`, `"2min"`, `"24h"`, `"7d"`.
    #[must_use]
    pub fn duration_ms(&self) -> Option<i64> {
        const HELP: &str = "write a duration with its unit: 500ms, 10s, 2min, 24h, 7d";
        let DeValue::String(text) = self.value.get_ref() else {
            self.error(format!("`{}` must be a duration", self.key), Some(HELP.into()));
            return None;
        };
        let parsed = parse_duration(text);
        if parsed.is_none() {
            self.error(format!("`{text}` is not a duration"), Some(HELP.into()));
        }
        parsed
    }

    /// One word of a fixed list.
    #[must_use]
    pub fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.str()?;
        let found = choices
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let help = suggestion(text, choices.iter().map(|(word, _)| *word));
            self.error(format!("`{}` cannot be `{text}`", self.key), help);
        }
        found
    }

    /// One word of a vocabulary.
    #[must_use]
    pub fn keyed<T>(&self, what: &str, keys: &[&'static str], from_key: fn(&str) -> Option<T>) -> Option<T> {
        let text = self.str()?;
        let found = from_key(text);
        if found.is_none() {
            let some = || format!("such as {}", keys.get(..4).unwrap_or(keys).join(", "));
            let help = suggestion(text, keys.iter().copied()).unwrap_or_else(some);
            self.error(format!("`{text}` is not a {what}"), Some(help));
        }
        found
    }

    /// A table.
    #[must_use]
    pub fn table(&self, what: impl Into<String>) -> Option<Table<'d, 'i>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Some(Table::new(self.document, table, self.value.span(), what)),
            _ => self.wrong_type("a table"),
        }
    }

    /// The members of a list.
    #[must_use]
    pub fn list(&self) -> Option<Vec<Value<'d, 'i>>> {
        let member = |value| Value {
            document: self.document,
            key: self.key.clone(),
            value,
        };
        match self.value.get_ref() {
            DeValue::Array(values) => Some(values.iter().map(member).collect()),
            _ => self.wrong_type("a list"),
        }
    }

    /// A list of tables (`[[key]]`).
    #[must_use]
    pub fn tables(&self, what: &str) -> Option<Vec<Table<'d, 'i>>> {
        let members = self.list()?;
        Some(members.iter().filter_map(|member| member.table(what)).collect())
    }

    /// A list of strings.
    #[must_use]
    pub fn strings(&self) -> Option<Vec<&'d str>> {
        let members = self.list()?;
        members.iter().map(Value::str).collect()
    }
}

const WHOLE: &str = "a whole number";

fn parse_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let ms = number.parse::<f64>().ok()? * factor;
    // Ten years: beyond that it is a mistake.
    (ms.fract() == 0.0 && (0.0..=3.2e11).contains(&ms)).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn durations_need_a_unit() {
        let cases = [
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            ("1.5 s", Some(1_500)),
            ("2min", Some(120_000)),
            ("24h", Some(86_400_000)),
            ("7d", Some(604_800_000)),
            ("10", None),
            ("s", None),
            ("10 m", None),
            ("-5s", None),
            ("0.3ms", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }
}
