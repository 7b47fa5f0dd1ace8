//! The facts about one piece of equipment, in canonical form.

use super::field::Field;
use super::words::UseState;
use jiff::civil::Date;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Facts by field, ascending. Every text is canonical: dates as `2026-05-01`, numbers as the shortest decimal in
/// the field's unit, words by their key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record(Vec<(Field, Box<str>)>);

impl Record {
    /// What it says; `None` when nobody has said.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        let at = self.0.binary_search_by_key(&field, |(known, _)| *known).ok()?;
        self.0.get(at).map(|(_, text)| &**text)
    }

    /// The same, empty when nobody has said.
    #[must_use]
    pub fn text(&self, field: Field) -> &str {
        self.get(field).unwrap_or_default()
    }

    /// A day.
    #[must_use]
    pub fn date(&self, field: Field) -> Option<Date> {
        self.get(field)?.parse().ok()
    }

    /// A number in the field's unit.
    #[must_use]
    pub fn number(&self, field: Field) -> Option<f64> {
        self.get(field)?.parse().ok()
    }

    /// Whether it is used; what nobody has said is in use.
    #[must_use]
    pub fn state(&self) -> UseState {
        self.get(Field::State)
            .and_then(UseState::from_key)
            .unwrap_or(UseState::InUse)
    }

    /// Sets a fact; an empty text takes it away.
    pub fn set(&mut self, field: Field, text: impl Into<Box<str>>) {
        let text = text.into();
        match self.0.binary_search_by_key(&field, |(known, _)| *known) {
            Ok(at) if text.is_empty() => drop(self.0.remove(at)),
            Ok(at) => {
                if let Some(fact) = self.0.get_mut(at) {
                    fact.1 = text;
                }
            }
            Err(_) if text.is_empty() => {}
            Err(at) => self.0.insert(at, (field, text)),
        }
    }

    /// Facts, in the order of fields.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        self.0.iter().map(|(field, text)| (*field, &**text))
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'t> FromIterator<(Field, &'t str)> for Record {
    fn from_iter<I: IntoIterator<Item = (Field, &'t str)>>(facts: I) -> Self {
        let mut record = Self::default();
        for (field, text) in facts {
            record.set(field, text);
        }
        record
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Facts;
        impl<'de> Visitor<'de> for Facts {
            type Value = Record;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("facts by field")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut record = Record::default();
                while let Some((field, text)) = map.next_entry::<Field, Box<str>>()? {
                    record.set(field, text);
                }
                Ok(record)
            }
        }
        deserializer.deserialize_map(Facts)
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Record};

    #[test]
    fn a_record_keeps_facts_in_order_and_survives_json() {
        let mut record: Record = [(Field::State, "in_use"), (Field::Name, "1号梯")]
            .into_iter()
            .collect();
        assert_eq!(record.iter().next(), Some((Field::Name, "1号梯")));
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(json, r#"{"name":"1号梯","state":"in_use"}"#);
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
        record.set(Field::Name, "");
        assert_eq!(record.get(Field::Name), None);
        assert!(serde_json::from_str::<Record>(r#"{"nonsense":"1"}"#).is_err());
    }
}
