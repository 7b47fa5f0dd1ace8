//! From a metric's encoding to its meaning.

use core::fmt;

use super::datatype::DataType;
use crate::time::UtcMillis;

/// A value as it was encoded. Which of these a datatype uses is for [`Value`] to say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum WireValue<'a> {
    /// No value field.
    Absent,
    /// `int_value`: unsigned 32 bits.
    Int(u32),
    /// `long_value`: unsigned 64 bits.
    Long(u64),
    /// `float_value`.
    Float(f32),
    /// `double_value`.
    Double(f64),
    /// `boolean_value`.
    Bool(bool),
    /// `string_value`.
    Str(&'a str),
    /// `bytes_value`: bytes, files, arrays.
    Bytes(&'a [u8]),
    /// `dataset_value`, not looked into.
    DataSet,
    /// `template_value`, not looked into.
    Template,
    /// `extension_value`, not looked into.
    Extension,
    /// A property set as the value of a property, not looked into.
    PropertySet,
    /// A list of property sets as the value of a property, not looked into.
    PropertySetList,
}

/// Which field a [`WireValue`] came in: the part of it an error can carry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "as in WireValue")]
pub enum WireKind {
    Absent,
    Int,
    Long,
    Float,
    Double,
    Bool,
    Str,
    Bytes,
    DataSet,
    Template,
    Extension,
    PropertySet,
    PropertySetList,
}

/// What a metric means once its datatype is known.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// Int8, Int16, Int32, Int64.
    Int(i64),
    /// UInt8, UInt16, UInt32, UInt64.
    UInt(u64),
    /// Float.
    Float(f32),
    /// Double; also a Float whose sender used a wider encoding.
    Double(f64),
    /// Boolean.
    Bool(bool),
    /// String, Text, UUID.
    Str(&'a str),
    /// DateTime.
    DateTime(UtcMillis),
    /// The sender says there is no value.
    Null,
    /// A type Vigil does not read.
    Unsupported(DataType),
}

/// Why a metric has no meaning.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ValueError {
    /// Neither the metric nor a birth says the datatype.
    NoDatatype {
        /// The field the value came in.
        wire: WireKind,
    },
    /// The datatype code is not one of Sparkplug's.
    UnknownDatatype {
        /// The code.
        code: u32,
    },
    /// There is no value, and the metric does not say it is null.
    Missing {
        /// The datatype.
        datatype: DataType,
    },
    /// The value came in a field that this datatype cannot have.
    Mismatch {
        /// The datatype.
        datatype: DataType,
        /// The field the value came in.
        wire: WireKind,
    },
    /// The value does not fit the datatype.
    OutOfRange {
        /// The datatype.
        datatype: DataType,
        /// The field the value came in.
        wire: WireKind,
    },
}

impl WireValue<'_> {
    /// Which field this is.
    pub const fn kind(&self) -> WireKind {
        match self {
            WireValue::Absent => WireKind::Absent,
            WireValue::Int(_) => WireKind::Int,
            WireValue::Long(_) => WireKind::Long,
            WireValue::Float(_) => WireKind::Float,
            WireValue::Double(_) => WireKind::Double,
            WireValue::Bool(_) => WireKind::Bool,
            WireValue::Str(_) => WireKind::Str,
            WireValue::Bytes(_) => WireKind::Bytes,
            WireValue::DataSet => WireKind::DataSet,
            WireValue::Template => WireKind::Template,
            WireValue::Extension => WireKind::Extension,
            WireValue::PropertySet => WireKind::PropertySet,
            WireValue::PropertySetList => WireKind::PropertySetList,
        }
    }
}

impl Value<'_> {
    /// Number, or 0/1 for a boolean. Integers beyond 2⁵³ are rounded.
    pub fn as_f64(&self) -> Option<f64> {
        Some(match *self {
            Value::Int(v) => v as f64,
            Value::UInt(v) => v as f64,
            Value::Float(v) => f64::from(v),
            Value::Double(v) => v,
            Value::Bool(v) => f64::from(u8::from(v)),
            _ => return None,
        })
    }

    /// Boolean, or an integer that is 0 or 1.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(v) => Some(v),
            Value::Int(0) | Value::UInt(0) => Some(false),
            Value::Int(1) | Value::UInt(1) => Some(true),
            _ => None,
        }
    }

    /// Integer that fits `i64`; a DateTime as milliseconds.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Value::Int(v) => Some(v),
            Value::UInt(v) => i64::try_from(v).ok(),
            Value::DateTime(v) => Some(v.0),
            _ => None,
        }
    }

    /// Integer that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Value::UInt(v) => Some(v),
            Value::Int(v) => u64::try_from(v).ok(),
            Value::DateTime(v) => u64::try_from(v.0).ok(),
            _ => None,
        }
    }
}

impl<'a> Value<'a> {
    /// Text.
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            Value::Str(v) => Some(v),
            _ => None,
        }
    }
}

/// Reads `wire` as `datatype`.
#[inline]
pub(super) fn read_value<'a>(datatype: DataType, wire: &WireValue<'a>) -> Result<Value<'a>, ValueError> {
    use DataType as T;
    // The combinations the specification names come first: they are nearly all there is.
    let value = match (datatype, *wire) {
        (T::Float, WireValue::Float(v)) => Some(Value::Float(v)),
        (T::Double, WireValue::Double(v)) => Some(Value::Double(v)),
        (T::Boolean, WireValue::Bool(v)) => Some(Value::Bool(v)),
        (T::String | T::Text | T::Uuid, WireValue::Str(v)) => Some(Value::Str(v)),
        (T::Int64, WireValue::Long(v)) => Some(Value::Int(v as i64)),
        (T::UInt64, WireValue::Long(v)) => Some(Value::UInt(v)),
        (T::DateTime, WireValue::Long(v)) => Some(Value::DateTime(UtcMillis(v as i64))),
        (_, WireValue::Absent) => return Err(ValueError::Missing { datatype }),
        (T::Int8, _) => whole(wire).and_then(|v| signed(v, 8)).map(Value::Int),
        (T::Int16, _) => whole(wire).and_then(|v| signed(v, 16)).map(Value::Int),
        (T::Int32, _) => whole(wire).and_then(|v| signed(v, 32)).map(Value::Int),
        // 32 bits with the top bit set may be a negative number or a large one: no guessing.
        (T::Int64, WireValue::Int(v)) => i32::try_from(v).ok().map(|v| Value::Int(v.into())),
        (T::Int64, _) => whole(wire).map(|v| Value::Int(v as i64)),
        (T::UInt8, _) => whole(wire).filter(|v| *v <= u8::MAX.into()).map(Value::UInt),
        (T::UInt16, _) => whole(wire).filter(|v| *v <= u16::MAX.into()).map(Value::UInt),
        (T::UInt32, _) => whole(wire).filter(|v| *v <= u32::MAX.into()).map(Value::UInt),
        (T::UInt64, _) => whole(wire).filter(|v| i64::try_from(*v).is_ok()).map(Value::UInt),
        (T::DateTime, _) => whole(wire).map(|v| Value::DateTime(UtcMillis(v as i64))),
        (T::Float, WireValue::Double(v)) => Some(Value::Double(v)),
        (T::Double, WireValue::Float(v)) => Some(Value::Double(v.into())),
        // Up to 2³¹ an integer means the same signed or unsigned.
        (T::Float | T::Double, WireValue::Int(_) | WireValue::Long(_)) => whole(wire)
            .and_then(|v| i32::try_from(v).ok())
            .map(|v| Value::Double(v.into())),
        (T::Boolean, _) => match whole(wire) {
            Some(0) => Some(Value::Bool(false)),
            Some(1) => Some(Value::Bool(true)),
            _ => None,
        },
        (T::Unknown, _) => return Err(ValueError::NoDatatype { wire: wire.kind() }),
        (T::Float | T::Double | T::String | T::Text | T::Uuid, _) => None,
        (_, _) => Some(Value::Unsupported(datatype)),
    };
    value.ok_or_else(|| misfit(datatype, wire))
}

/// The whole number in a numeric field, as 64 bits in two's complement.
#[inline]
fn whole(wire: &WireValue<'_>) -> Option<u64> {
    match *wire {
        WireValue::Int(v) => Some(v.into()),
        WireValue::Long(v) => Some(v),
        WireValue::Bool(v) => Some(v.into()),
        WireValue::Float(v) => integral(v.into()),
        WireValue::Double(v) => integral(v),
        _ => None,
    }
}

/// A floating-point number that is exactly an integer, as `i64` bits. Beyond 2⁵³ neighbours are
/// indistinguishable, so such a number is not taken for an integer.
fn integral(v: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = v as i64;
    (v.abs() <= EXACT && whole as f64 == v).then_some(whole as u64)
}

/// A signed number of `bits` width, sent sign-extended to 64 or to 32 bits or masked to its width.
#[inline]
fn signed(v: u64, bits: u32) -> Option<i64> {
    let fits = |s: i64| (s >> (bits - 1) == 0 || s >> (bits - 1) == -1).then_some(s);
    if let Some(s) = fits(v as i64) {
        return Some(s);
    }
    let narrow = u32::try_from(v).ok()?;
    if let Some(s) = fits(i64::from(narrow as i32)) {
        return Some(s);
    }
    (v >> bits == 0).then_some(((v << (64 - bits)) as i64) >> (64 - bits))
}

#[cold]
fn misfit(datatype: DataType, wire: &WireValue<'_>) -> ValueError {
    let numeric = !matches!(datatype, DataType::String | DataType::Text | DataType::Uuid);
    let number = matches!(
        wire,
        WireValue::Int(_)
            | WireValue::Long(_)
            | WireValue::Float(_)
            | WireValue::Double(_)
            | WireValue::Bool(_)
    );
    let bool_as_float = matches!(
        (datatype, wire),
        (DataType::Float | DataType::Double, WireValue::Bool(_))
    );
    if numeric && number && !bool_as_float {
        ValueError::OutOfRange {
            datatype,
            wire: wire.kind(),
        }
    } else {
        ValueError::Mismatch {
            datatype,
            wire: wire.kind(),
        }
    }
}

impl fmt::Display for WireKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WireKind::Absent => "no value",
            WireKind::Int => "int_value",
            WireKind::Long => "long_value",
            WireKind::Float => "float_value",
            WireKind::Double => "double_value",
            WireKind::Bool => "boolean_value",
            WireKind::Str => "string_value",
            WireKind::Bytes => "bytes_value",
            WireKind::DataSet => "dataset_value",
            WireKind::Template => "template_value",
            WireKind::Extension => "extension_value",
            WireKind::PropertySet => "propertyset_value",
            WireKind::PropertySetList => "propertysets_value",
        })
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueError::NoDatatype { wire } => write!(f, "{wire} without a datatype, here or in a birth"),
            ValueError::UnknownDatatype { code } => write!(f, "datatype code {code} is not defined"),
            ValueError::Missing { datatype } => {
                write!(f, "{datatype} metric has neither a value nor is_null")
            }
            ValueError::Mismatch { datatype, wire } => write!(f, "{datatype} metric came as {wire}"),
            ValueError::OutOfRange { datatype, wire } => {
                write!(
                    f,
                    "{datatype} metric came as {wire} with a value that does not fit"
                )
            }
        }
    }
}

impl core::error::Error for ValueError {}
