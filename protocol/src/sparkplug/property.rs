//! Property sets: the named extras of a metric, of which Vigil reads `Quality`, `engUnit` and `TimeCorrected`.

use super::value::WireValue;
use super::wire::{Cursor, DecodeError};

/// The properties of a metric, borrowed. Checked when the metric was decoded, so reading cannot fail.
#[derive(Clone, Copy, Debug)]
pub struct PropertySetView<'a> {
    content: Cursor<'a>,
    keys: u32,
    values: u32,
}

/// One property: datatype code as sent, and value. A set nested in a property is not looked into.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PropertyValueView<'a> {
    /// Raw datatype code.
    pub datatype: Option<u32>,
    /// Sent as null.
    pub is_null: bool,
    /// The value as it was encoded.
    pub wire: WireValue<'a>,
}

/// Iterator over the properties of a set, in the order sent.
#[derive(Clone, Debug)]
pub struct Properties<'a> {
    keys: Cursor<'a>,
    values: Cursor<'a>,
}

impl<'a> PropertySetView<'a> {
    /// Checks the whole set once.
    pub(super) fn parse(content: Cursor<'a>) -> Result<Self, DecodeError> {
        let (mut keys, mut values) = (0, 0);
        let mut cursor = content;
        while !cursor.is_done() {
            let key_at = cursor.at();
            match cursor.key()? {
                0x0a => {
                    cursor.string(1)?;
                    keys += 1;
                }
                0x12 => {
                    PropertyValueView::parse(cursor.message()?)?;
                    values += 1;
                }
                key => cursor.skip_unknown(key, key_at, 2)?,
            }
        }
        Ok(Self {
            content,
            keys,
            values,
        })
    }

    /// The properties in the order sent. A key without value, or a value without key, is left out.
    pub fn iter(&self) -> Properties<'a> {
        Properties {
            keys: self.content,
            values: self.content,
        }
    }

    /// The first property with this key; exact case.
    pub fn get(&self, key: &str) -> Option<PropertyValueView<'a>> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Number of properties.
    pub const fn len(&self) -> usize {
        (if self.keys < self.values {
            self.keys
        } else {
            self.values
        }) as usize
    }

    /// True when there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when there are as many keys as values, as there must be.
    pub const fn is_balanced(&self) -> bool {
        self.keys == self.values
    }
}

impl<'a> IntoIterator for &PropertySetView<'a> {
    type Item = (&'a str, PropertyValueView<'a>);
    type IntoIter = Properties<'a>;

    fn into_iter(self) -> Properties<'a> {
        self.iter()
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = (&'a str, PropertyValueView<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = next_field(&mut self.keys, 0x0a, |cursor| cursor.string(1))?;
        let value = next_field(&mut self.values, 0x12, |cursor| {
            PropertyValueView::parse(cursor.message()?)
        })?;
        Some((key, value))
    }
}

/// Moves to the next field with the key `wanted` and reads it. The set was checked, so an error
/// cannot occur; it would end the iteration.
fn next_field<'a, T>(
    cursor: &mut Cursor<'a>,
    wanted: u32,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, DecodeError>,
) -> Option<T> {
    while !cursor.is_done() {
        let key_at = cursor.at();
        let key = cursor.key().ok()?;
        if key == wanted {
            return read(cursor).ok();
        }
        cursor.skip(key, key_at).ok()?;
    }
    None
}

impl<'a> PropertyValueView<'a> {
    fn parse(mut cursor: Cursor<'a>) -> Result<Self, DecodeError> {
        let mut value = Self {
            datatype: None,
            is_null: false,
            wire: WireValue::Absent,
        };
        while !cursor.is_done() {
            let key_at = cursor.at();
            match cursor.key()? {
                0x08 => value.datatype = Some(cursor.varint()? as u32),
                0x10 => value.is_null = cursor.varint()? != 0,
                0x18 => value.wire = WireValue::Int(cursor.varint()? as u32),
                0x20 => value.wire = WireValue::Long(cursor.varint()?),
                0x2d => value.wire = WireValue::Float(f32::from_le_bytes(cursor.fixed32()?)),
                0x31 => value.wire = WireValue::Double(f64::from_le_bytes(cursor.fixed64()?)),
                0x38 => value.wire = WireValue::Bool(cursor.varint()? != 0),
                0x42 => value.wire = WireValue::Str(cursor.string(8)?),
                0x4a => {
                    cursor.message()?;
                    value.wire = WireValue::PropertySet;
                }
                0x52 => {
                    cursor.message()?;
                    value.wire = WireValue::PropertySetList;
                }
                0x5a => {
                    cursor.message()?;
                    value.wire = WireValue::Extension;
                }
                key => cursor.skip_unknown(key, key_at, 11)?,
            }
        }
        Ok(value)
    }
}
