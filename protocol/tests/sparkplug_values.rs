//! What a value means: every encoding a sender uses is accepted as long as nothing is guessed.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test file"
)]

use vigil_protocol::sparkplug::{DataType as T, MetricView, Value, ValueError, WireKind, WireValue as W};
use vigil_protocol::time::UtcMillis;

fn metric(datatype: Option<u32>, wire: W<'_>) -> MetricView<'_> {
    MetricView {
        name: None,
        alias: None,
        timestamp: None,
        datatype,
        is_historical: false,
        is_transient: false,
        is_null: false,
        properties: None,
        wire,
    }
}

#[test]
fn encodings_that_keep_the_meaning_are_accepted() {
    let cases: &[(T, W<'_>, Value<'_>)] = &[
        // Negative integers: sign-extended to 32 or 64 bits, or masked to their width.
        (T::Int8, W::Int(0xffff_fffe), Value::Int(-2)),
        (T::Int8, W::Int(0xfe), Value::Int(-2)),
        (T::Int8, W::Long(u64::MAX - 1), Value::Int(-2)),
        (T::Int8, W::Long(0xffff_fffe), Value::Int(-2)),
        (T::Int8, W::Int(0x7f), Value::Int(127)),
        (T::Int16, W::Int(0xfed4), Value::Int(-300)),
        (T::Int16, W::Int(0xffff_fed4), Value::Int(-300)),
        (T::Int32, W::Int(0x8000_0000), Value::Int(-2_147_483_648)),
        (T::Int32, W::Long(0x8000_0000), Value::Int(-2_147_483_648)),
        (T::Int32, W::Long(u64::MAX), Value::Int(-1)),
        (T::Int64, W::Long(u64::MAX), Value::Int(-1)),
        (T::Int64, W::Int(7), Value::Int(7)),
        // Unsigned integers in either field.
        (T::UInt8, W::Int(255), Value::UInt(255)),
        (T::UInt16, W::Long(65_535), Value::UInt(65_535)),
        (T::UInt32, W::Int(u32::MAX), Value::UInt(4_294_967_295)),
        (T::UInt32, W::Long(4_294_967_295), Value::UInt(4_294_967_295)),
        (T::UInt64, W::Int(u32::MAX), Value::UInt(4_294_967_295)),
        (T::UInt64, W::Long(u64::MAX), Value::UInt(u64::MAX)),
        // Whole numbers as floating point.
        (T::Int32, W::Double(-3.0), Value::Int(-3)),
        (T::UInt16, W::Float(12.0), Value::UInt(12)),
        (
            T::Int64,
            W::Double(9_007_199_254_740_992.0),
            Value::Int(9_007_199_254_740_992),
        ),
        (T::Int32, W::Bool(true), Value::Int(1)),
        // Booleans as 0 and 1.
        (T::Boolean, W::Int(1), Value::Bool(true)),
        (T::Boolean, W::Long(0), Value::Bool(false)),
        (T::Boolean, W::Double(1.0), Value::Bool(true)),
        // Floating point in the other width, or as a small integer.
        (T::Float, W::Float(-0.0), Value::Float(-0.0)),
        (T::Float, W::Double(1.1), Value::Double(1.1)),
        (T::Double, W::Float(1.5), Value::Double(1.5)),
        (T::Double, W::Int(7), Value::Double(7.0)),
        // Text and times.
        (T::String, W::Str("a"), Value::Str("a")),
        (T::Text, W::Str("a\0b"), Value::Str("a\0b")),
        (T::Uuid, W::Str("4b1f3f5e"), Value::Str("4b1f3f5e")),
        (
            T::DateTime,
            W::Long(1_793_455_200_000),
            Value::DateTime(UtcMillis(1_793_455_200_000)),
        ),
        (T::DateTime, W::Long(u64::MAX), Value::DateTime(UtcMillis(-1))),
        // What Vigil does not read is said to be so.
        (T::DataSet, W::DataSet, Value::Unsupported(T::DataSet)),
        (T::Bytes, W::Bytes(&[1]), Value::Unsupported(T::Bytes)),
        (T::File, W::Bytes(&[1]), Value::Unsupported(T::File)),
        (T::Template, W::Template, Value::Unsupported(T::Template)),
        (T::Int8Array, W::Bytes(&[1]), Value::Unsupported(T::Int8Array)),
    ];
    for (datatype, wire, value) in cases {
        assert_eq!(
            metric(Some(datatype.code()), *wire).value(None),
            Ok(*value),
            "{datatype} as {wire:?}"
        );
        assert_eq!(
            metric(None, *wire).value(Some(*datatype)),
            Ok(*value),
            "{datatype} declared, {wire:?}"
        );
        assert_eq!(
            metric(Some(0), *wire).value(Some(*datatype)),
            Ok(*value),
            "Unknown is no datatype"
        );
    }
}

#[test]
fn what_would_be_guesswork_is_an_error_that_names_both() {
    use ValueError::{Mismatch, OutOfRange};
    let cases: &[(T, W<'_>, ValueError)] = &[
        (
            T::Int8,
            W::Int(300),
            OutOfRange {
                datatype: T::Int8,
                wire: WireKind::Int,
            },
        ),
        (
            T::Int8,
            W::Int(0xffff_ff00),
            OutOfRange {
                datatype: T::Int8,
                wire: WireKind::Int,
            },
        ),
        (
            T::Int16,
            W::Int(0x1_0000),
            OutOfRange {
                datatype: T::Int16,
                wire: WireKind::Int,
            },
        ),
        (
            T::Int32,
            W::Long(1 << 32),
            OutOfRange {
                datatype: T::Int32,
                wire: WireKind::Long,
            },
        ),
        (
            T::UInt8,
            W::Int(256),
            OutOfRange {
                datatype: T::UInt8,
                wire: WireKind::Int,
            },
        ),
        (
            T::UInt32,
            W::Double(-1.0),
            OutOfRange {
                datatype: T::UInt32,
                wire: WireKind::Double,
            },
        ),
        (
            T::UInt64,
            W::Double(-1.0),
            OutOfRange {
                datatype: T::UInt64,
                wire: WireKind::Double,
            },
        ),
        // −2 or 4294967294?
        (
            T::Int64,
            W::Int(0xffff_fffe),
            OutOfRange {
                datatype: T::Int64,
                wire: WireKind::Int,
            },
        ),
        (
            T::Double,
            W::Int(0xffff_fffe),
            OutOfRange {
                datatype: T::Double,
                wire: WireKind::Int,
            },
        ),
        (
            T::Int32,
            W::Double(0.5),
            OutOfRange {
                datatype: T::Int32,
                wire: WireKind::Double,
            },
        ),
        (
            T::Int32,
            W::Double(f64::NAN),
            OutOfRange {
                datatype: T::Int32,
                wire: WireKind::Double,
            },
        ),
        (
            T::Int64,
            W::Double(1e300),
            OutOfRange {
                datatype: T::Int64,
                wire: WireKind::Double,
            },
        ),
        (
            T::Boolean,
            W::Int(2),
            OutOfRange {
                datatype: T::Boolean,
                wire: WireKind::Int,
            },
        ),
        (
            T::Boolean,
            W::Str("true"),
            Mismatch {
                datatype: T::Boolean,
                wire: WireKind::Str,
            },
        ),
        (
            T::Int32,
            W::Str("3"),
            Mismatch {
                datatype: T::Int32,
                wire: WireKind::Str,
            },
        ),
        (
            T::String,
            W::Int(3),
            Mismatch {
                datatype: T::String,
                wire: WireKind::Int,
            },
        ),
        (
            T::String,
            W::Bytes(b"x"),
            Mismatch {
                datatype: T::String,
                wire: WireKind::Bytes,
            },
        ),
        (
            T::Double,
            W::DataSet,
            Mismatch {
                datatype: T::Double,
                wire: WireKind::DataSet,
            },
        ),
        (
            T::Float,
            W::Bool(true),
            Mismatch {
                datatype: T::Float,
                wire: WireKind::Bool,
            },
        ),
        (T::Double, W::Absent, ValueError::Missing { datatype: T::Double }),
    ];
    for (datatype, wire, error) in cases {
        assert_eq!(
            metric(Some(datatype.code()), *wire).value(None),
            Err(*error),
            "{datatype} as {wire:?}"
        );
    }
    assert_eq!(
        metric(None, W::Int(1)).value(None),
        Err(ValueError::NoDatatype { wire: WireKind::Int })
    );
    assert_eq!(
        metric(Some(0), W::Int(1)).value(None),
        Err(ValueError::NoDatatype { wire: WireKind::Int })
    );
    assert_eq!(
        metric(Some(99), W::Int(1)).value(None),
        Err(ValueError::UnknownDatatype { code: 99 })
    );
    assert_eq!(
        metric(Some(1), W::Int(300)).value(None).unwrap_err().to_string(),
        "Int8 metric came as int_value with a value that does not fit"
    );
}

#[test]
fn the_metrics_own_datatype_wins_over_the_declared_one() {
    let own = metric(Some(T::Int8.code()), W::Int(0xfe));
    assert_eq!(own.value(Some(T::UInt8)), Ok(Value::Int(-2)));
}

#[test]
fn a_null_is_a_null_whatever_comes_with_it() {
    let mut null = metric(None, W::Double(3.0));
    null.is_null = true;
    assert_eq!(null.value(None), Ok(Value::Null));
}

#[test]
fn views_of_a_value_never_change_it() {
    assert_eq!(Value::Int(-1).as_u64(), None);
    assert_eq!(Value::UInt(u64::MAX).as_i64(), None);
    assert_eq!(Value::UInt(5).as_i64(), Some(5));
    assert_eq!(Value::Double(5.0).as_i64(), None);
    assert_eq!(Value::Bool(true).as_f64(), Some(1.0));
    assert_eq!(Value::Int(2).as_bool(), None);
    assert_eq!(Value::UInt(1).as_bool(), Some(true));
    assert_eq!(Value::Str("x").as_str(), Some("x"));
    assert_eq!(Value::Str("x").as_f64(), None);
    assert_eq!(Value::DateTime(UtcMillis(9)).as_f64(), None);
}
