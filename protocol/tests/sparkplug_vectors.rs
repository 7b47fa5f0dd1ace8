//! Payloads encoded by two independent implementations decode to the input each was given.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test file"
)]

use serde_json::Value as Json;
use vigil_protocol::sparkplug::{DataType, MetricView, PayloadView, PropertyValueView, Value, WireValue};
use vigil_protocol::time::UtcMillis;

#[test]
fn every_vector_decodes_to_its_input() {
    let file: Json = serde_json::from_str(include_str!("data/sparkplug_payloads.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 44, "the vectors in the file");
    for vector in vectors {
        let what = format!("{} / {}", vector["producer"], vector["name"]);
        let bytes = unhex(vector["hex"].as_str().unwrap());
        let payload = PayloadView::parse(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        let input = &vector["input"];
        assert_eq!(
            payload.timestamp.map(|t| t.0),
            input["timestamp"].as_i64(),
            "{what}: timestamp"
        );
        assert_eq!(payload.seq, input["seq"].as_u64(), "{what}: seq");
        let metrics = input["metrics"].as_array().unwrap();
        assert_eq!(
            payload.metrics().len(),
            metrics.len(),
            "{what}: number of metrics"
        );
        for (metric, expected) in payload.metrics().zip(metrics) {
            let metric = metric.unwrap_or_else(|error| panic!("{what}: {error}"));
            check_metric(&what, &metric, expected);
        }
    }
}

fn check_metric(what: &str, metric: &MetricView<'_>, expected: &Json) {
    match expected["name"].as_str() {
        Some(name) => assert_eq!(metric.name, Some(name), "{what}: name"),
        // pysparkplug sends an empty name beside an alias.
        None => assert!(matches!(metric.name, None | Some("")), "{what}: name"),
    }
    assert_eq!(metric.alias, expected["alias"].as_u64(), "{what}: alias");
    assert_eq!(
        metric.timestamp.map(|t| t.0),
        expected["timestamp"].as_i64(),
        "{what}: metric timestamp"
    );
    let historical = &expected[if expected["is_historical"].is_null() {
        "isHistorical"
    } else {
        "is_historical"
    }];
    assert_eq!(
        metric.is_historical,
        historical.as_bool().unwrap_or(false),
        "{what}: is_historical"
    );

    let declared = datatype(&expected["type"])
        .or_else(|| datatype(&expected["datatype"]))
        .expect(what);
    if let Some(code) = metric.datatype {
        assert_eq!(DataType::from_code(code), Some(declared), "{what}: datatype");
    }
    // As a host would: with the datatype of the birth, which data by alias may leave out.
    let value = metric
        .value(Some(declared))
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(
        value,
        expected_value(declared, &expected["value"]),
        "{what}: value"
    );

    if let Some(properties) = expected["properties"].as_object() {
        let set = metric
            .properties
            .unwrap_or_else(|| panic!("{what}: no properties"));
        assert_eq!(set.len(), properties.len(), "{what}: number of properties");
        for (key, property) in properties {
            let found = set
                .get(key)
                .unwrap_or_else(|| panic!("{what}: no property {key}"));
            assert_eq!(
                property_value(&found),
                property["value"],
                "{what}: property {key}"
            );
            assert_eq!(
                found.datatype.and_then(DataType::from_code),
                datatype(&property["type"]),
                "{what}"
            );
        }
        let quality = properties.get("Quality").and_then(|p| p["value"].as_i64());
        assert_eq!(metric.quality().map(i64::from), quality, "{what}: quality");
        assert_eq!(
            metric.unit(),
            properties.get("engUnit").and_then(|p| p["value"].as_str()),
            "{what}: unit"
        );
    }
}

/// Inputs name datatypes in the style of their library: `Int8` or `INT8`.
fn datatype(name: &Json) -> Option<DataType> {
    let name = name.as_str()?;
    DataType::ALL
        .into_iter()
        .find(|datatype| datatype.name().eq_ignore_ascii_case(name))
}

/// The value the library was given, as that datatype. pysparkplug's scalars are printed as strings.
fn expected_value(datatype: DataType, value: &Json) -> Value<'_> {
    use DataType as T;
    if !datatype.is_scalar() {
        return Value::Unsupported(datatype);
    }
    if value.is_null() {
        return Value::Null;
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match datatype {
        T::Int8 | T::Int16 | T::Int32 | T::Int64 => Value::Int(text.parse().unwrap()),
        T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => Value::UInt(text.parse().unwrap()),
        T::Float => Value::Float(text.parse().unwrap()),
        T::Double => Value::Double(text.parse().unwrap()),
        T::Boolean => Value::Bool(text.to_lowercase().parse().unwrap()),
        T::DateTime => Value::DateTime(UtcMillis(value.as_i64().unwrap_or_else(|| match text.as_str() {
            "2026-10-31 14:00:00+00:00" => 1_793_455_200_000,
            other => panic!("a time this test does not know: {other}"),
        }))),
        _ => Value::Str(value.as_str().unwrap()),
    }
}

/// Property values as JSON, for comparison with the input.
fn property_value(property: &PropertyValueView<'_>) -> Json {
    match property.wire {
        WireValue::Int(v) => Json::from(v as i32),
        // The input's numbers have no decimal point when they are whole.
        WireValue::Double(v) if v.fract() == 0.0 => Json::from(v as i64),
        WireValue::Double(v) => Json::from(v),
        WireValue::Str(v) => Json::from(v),
        other => panic!("no vector has a property as {other:?}"),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}
