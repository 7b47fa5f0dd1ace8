//! Differential tests against prost: what we encode it reads alike, what it encodes we read alike.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test file"
)]

use proptest::prelude::*;
use prost::Message;
use vigil_protocol::sparkplug::{
    DataType, Encoder, Metric, MetricValue, MetricView, PayloadView, PropertyValueView, Value, WireValue,
};
use vigil_protocol::time::UtcMillis;

mod proto;

/// Everything a sender of ours can say about a metric, owned.
#[derive(Clone, Debug)]
struct Sent {
    name: Option<String>,
    alias: Option<u64>,
    timestamp: Option<i64>,
    typed: bool,
    historical: bool,
    quality: Option<i32>,
    unit: Option<String>,
    time_corrected: bool,
    value: SentValue,
}

#[derive(Clone, Debug)]
enum SentValue {
    Plain(MetricValue<'static>),
    Str(String),
    Text(String),
    Uuid(String),
}

impl Sent {
    fn metric(&self) -> Metric<'_> {
        Metric {
            name: self.name.as_deref(),
            alias: self.alias,
            timestamp: self.timestamp.map(UtcMillis),
            send_datatype: self.typed,
            historical: self.historical,
            quality: self.quality,
            unit: self.unit.as_deref(),
            time_corrected: self.time_corrected,
            value: match &self.value {
                SentValue::Plain(value) => *value,
                SentValue::Str(text) => MetricValue::Str(text),
                SentValue::Text(text) => MetricValue::Text(text),
                SentValue::Uuid(text) => MetricValue::Uuid(text),
            },
        }
    }
}

fn sent_value() -> impl Strategy<Value = SentValue> {
    use MetricValue as M;
    let scalar_type = (1_u32..=15).prop_map(|code| DataType::from_code(code).unwrap());
    prop_oneof![
        any::<i8>().prop_map(|v| SentValue::Plain(M::Int8(v))),
        any::<i16>().prop_map(|v| SentValue::Plain(M::Int16(v))),
        any::<i32>().prop_map(|v| SentValue::Plain(M::Int32(v))),
        any::<i64>().prop_map(|v| SentValue::Plain(M::Int64(v))),
        any::<u8>().prop_map(|v| SentValue::Plain(M::UInt8(v))),
        any::<u16>().prop_map(|v| SentValue::Plain(M::UInt16(v))),
        any::<u32>().prop_map(|v| SentValue::Plain(M::UInt32(v))),
        any::<u64>().prop_map(|v| SentValue::Plain(M::UInt64(v))),
        any::<f32>().prop_map(|v| SentValue::Plain(M::Float(v))),
        any::<f64>().prop_map(|v| SentValue::Plain(M::Double(v))),
        any::<bool>().prop_map(|v| SentValue::Plain(M::Bool(v))),
        any::<i64>().prop_map(|v| SentValue::Plain(M::DateTime(UtcMillis(v)))),
        scalar_type.prop_map(|datatype| SentValue::Plain(M::Null(datatype))),
        ".{0,40}".prop_map(SentValue::Str),
        ".{0,200}".prop_map(SentValue::Text),
        "[0-9a-f]{8}".prop_map(SentValue::Uuid),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    (
        proptest::option::of(".{0,20}"),
        proptest::option::of(any::<u64>()),
        proptest::option::of(any::<i64>()),
        any::<bool>(),
        any::<bool>(),
        proptest::option::of(any::<i32>()),
        proptest::option::of(".{0,8}"),
        any::<bool>(),
        sent_value(),
    )
        .prop_map(
            |(name, alias, timestamp, typed, historical, quality, unit, time_corrected, value)| Sent {
                name,
                alias,
                timestamp,
                typed,
                historical,
                quality,
                unit,
                time_corrected,
                value,
            },
        )
}

/// What the receiver should understand.
fn meaning<'a>(value: &MetricValue<'a>) -> Value<'a> {
    match *value {
        MetricValue::Int8(v) => Value::Int(v.into()),
        MetricValue::Int16(v) => Value::Int(v.into()),
        MetricValue::Int32(v) => Value::Int(v.into()),
        MetricValue::Int64(v) => Value::Int(v),
        MetricValue::UInt8(v) => Value::UInt(v.into()),
        MetricValue::UInt16(v) => Value::UInt(v.into()),
        MetricValue::UInt32(v) => Value::UInt(v.into()),
        MetricValue::UInt64(v) => Value::UInt(v),
        MetricValue::Float(v) => Value::Float(v),
        MetricValue::Double(v) => Value::Double(v),
        MetricValue::Bool(v) => Value::Bool(v),
        MetricValue::Str(v) | MetricValue::Text(v) | MetricValue::Uuid(v) => Value::Str(v),
        MetricValue::DateTime(v) => Value::DateTime(v),
        MetricValue::Null(_) => Value::Null,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn what_is_encoded_is_decoded_by_us_and_by_prost(
        timestamp in any::<i64>(),
        seq in any::<u8>(),
        metrics in proptest::collection::vec(sent(), 0..10),
    ) {
        let mut buffer = vec![0; 16 * 1024];
        let mut encoder = Encoder::new(&mut buffer);
        encoder.timestamp(UtcMillis(timestamp)).unwrap();
        for sent in &metrics {
            encoder.metric(&sent.metric()).unwrap();
        }
        encoder.seq(seq).unwrap();
        let bytes = encoder.as_bytes();

        let ours = PayloadView::parse(bytes).unwrap();
        prop_assert_eq!(ours.timestamp, Some(UtcMillis(timestamp)));
        prop_assert_eq!(ours.seq, Some(seq.into()));
        for (back, sent) in ours.metrics().zip(&metrics) {
            let (back, sent) = (back.unwrap(), sent.metric());
            prop_assert_eq!((back.name, back.alias, back.timestamp), (sent.name, sent.alias, sent.timestamp));
            prop_assert_eq!((back.is_historical, back.is_transient), (sent.historical, false));
            prop_assert_eq!((back.quality(), back.unit()), (sent.quality, sent.unit));
            prop_assert_eq!(back.is_time_corrected(), sent.time_corrected);
            prop_assert_eq!(back.datatype.is_some(), sent.send_datatype);
            // `{:?}` because NaN must come back as NaN.
            let value = back.value(Some(sent.value.datatype()));
            prop_assert_eq!(format!("{value:?}"), format!("{:?}", Ok::<_, ()>(meaning(&sent.value))));
        }
        let theirs = proto::Payload::decode(bytes).unwrap();
        agree(&ours, &theirs)?;
        // The same fields in the same order: prost writes the very same bytes.
        prop_assert_eq!(theirs.encode_to_vec(), bytes);
    }

    #[test]
    fn what_prost_encodes_is_decoded_alike(payload in payload()) {
        let bytes = payload.encode_to_vec();
        agree(&PayloadView::parse(&bytes).unwrap(), &payload)?;
    }

    /// Damaged bytes: whatever we read as a whole, prost reads the same. The other way round we are
    /// stricter in one thing (groups) and looser in one (what is inside values we do not read).
    #[test]
    fn damaged_bytes_are_read_alike_or_refused(
        payload in payload(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = payload.encode_to_vec();
        if bytes.is_empty() {
            return Ok(());
        }
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let (Ok(ours), Ok(theirs)) = (PayloadView::parse(&bytes), proto::Payload::decode(bytes.as_slice()))
            && !has_properties(&ours) {
            agree(&ours, &theirs)?;
        }
    }
}

/// Protobuf merges a sub-message that occurs twice; we keep the last. No sender writes `properties`
/// twice, but damage can: metrics with properties are left out of that comparison.
fn has_properties(payload: &PayloadView<'_>) -> bool {
    payload
        .metrics()
        .flatten()
        .any(|metric| metric.properties.is_some())
}

fn agree(ours: &PayloadView<'_>, theirs: &proto::Payload) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.timestamp.map(|t| t.0 as u64), theirs.timestamp);
    prop_assert_eq!(ours.seq, theirs.seq);
    prop_assert_eq!(ours.uuid, theirs.uuid.as_deref());
    prop_assert_eq!(ours.body, theirs.body.as_deref());
    prop_assert_eq!(ours.metrics().len(), theirs.metrics.len());
    for (our, their) in ours.metrics().zip(&theirs.metrics) {
        agree_on_metric(&our.expect("prost read it"), their)?;
    }
    Ok(())
}

fn agree_on_metric(our: &MetricView<'_>, their: &proto::Metric) -> Result<(), TestCaseError> {
    prop_assert_eq!(our.name, their.name.as_deref());
    prop_assert_eq!(our.alias, their.alias);
    prop_assert_eq!(our.timestamp.map(|t| t.0 as u64), their.timestamp);
    prop_assert_eq!(our.datatype, their.datatype);
    prop_assert_eq!(our.is_historical, their.is_historical.unwrap_or(false));
    prop_assert_eq!(our.is_transient, their.is_transient.unwrap_or(false));
    prop_assert_eq!(our.is_null, their.is_null.unwrap_or(false));
    let same = match (&our.wire, &their.value) {
        (WireValue::Absent, None)
        | (WireValue::DataSet, Some(proto::Value::DataSet(_)))
        | (WireValue::Template, Some(proto::Value::Template(_)))
        | (WireValue::Extension, Some(proto::Value::Extension(_))) => true,
        (WireValue::Int(a), Some(proto::Value::Int(b))) => a == b,
        (WireValue::Long(a), Some(proto::Value::Long(b))) => a == b,
        (WireValue::Float(a), Some(proto::Value::Float(b))) => a.to_bits() == b.to_bits(),
        (WireValue::Double(a), Some(proto::Value::Double(b))) => a.to_bits() == b.to_bits(),
        (WireValue::Bool(a), Some(proto::Value::Boolean(b))) => a == b,
        (WireValue::Str(a), Some(proto::Value::String(b))) => a == b,
        (WireValue::Bytes(a), Some(proto::Value::Bytes(b))) => a == b,
        _ => false,
    };
    prop_assert!(same, "{:?} is not {:?}", our.wire, their.value);
    prop_assert_eq!(our.properties.is_some(), their.properties.is_some());
    if let (Some(ours), Some(theirs)) = (our.properties, &their.properties) {
        prop_assert_eq!(ours.len(), theirs.keys.len().min(theirs.values.len()));
        prop_assert_eq!(ours.is_balanced(), theirs.keys.len() == theirs.values.len());
        for ((our_key, our), (key, their)) in ours.iter().zip(theirs.keys.iter().zip(&theirs.values)) {
            prop_assert_eq!(our_key, key);
            agree_on_property(&our, their)?;
        }
    }
    Ok(())
}

fn agree_on_property(our: &PropertyValueView<'_>, their: &proto::PropertyValue) -> Result<(), TestCaseError> {
    prop_assert_eq!(our.datatype, their.datatype);
    prop_assert_eq!(our.is_null, their.is_null.unwrap_or(false));
    let same = match (&our.wire, &their.value) {
        (WireValue::Absent, None)
        | (WireValue::PropertySet, Some(proto::PropertyKind::Set(_)))
        | (WireValue::PropertySetList, Some(proto::PropertyKind::List(_)))
        | (WireValue::Extension, Some(proto::PropertyKind::Extension(_))) => true,
        (WireValue::Int(a), Some(proto::PropertyKind::Int(b))) => a == b,
        (WireValue::Long(a), Some(proto::PropertyKind::Long(b))) => a == b,
        (WireValue::Float(a), Some(proto::PropertyKind::Float(b))) => a.to_bits() == b.to_bits(),
        (WireValue::Double(a), Some(proto::PropertyKind::Double(b))) => a.to_bits() == b.to_bits(),
        (WireValue::Bool(a), Some(proto::PropertyKind::Boolean(b))) => a == b,
        (WireValue::Str(a), Some(proto::PropertyKind::String(b))) => a == b,
        _ => false,
    };
    prop_assert!(same, "{:?} is not {:?}", our.wire, their.value);
    Ok(())
}

/// Any payload another implementation may send, with everything the schema has.
fn payload() -> impl Strategy<Value = proto::Payload> {
    (
        proptest::option::of(any::<u64>()),
        proptest::collection::vec(metric(), 0..5),
        proptest::option::of(any::<u64>()),
        proptest::option::of(".{0,10}"),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..10)),
    )
        .prop_map(|(timestamp, metrics, seq, uuid, body)| proto::Payload {
            timestamp,
            metrics,
            seq,
            uuid,
            body,
        })
}

fn metric() -> impl Strategy<Value = proto::Metric> {
    let metadata = ".{0,8}".prop_map(|text| proto::MetaData {
        is_multi_part: Some(true),
        content_type: Some(text),
        size: Some(u64::MAX),
        ..proto::MetaData::default()
    });
    (
        (
            proptest::option::of(".{0,20}"),
            proptest::option::of(any::<u64>()),
            proptest::option::of(any::<u64>()),
            proptest::option::of(prop_oneof![0_u32..40, any::<u32>()]),
        ),
        (
            proptest::option::of(any::<bool>()),
            proptest::option::of(any::<bool>()),
            proptest::option::of(any::<bool>()),
        ),
        proptest::option::of(metadata),
        proptest::option::of(property_set()),
        proptest::option::of(value()),
    )
        .prop_map(|(ids, flags, metadata, properties, value)| proto::Metric {
            name: ids.0,
            alias: ids.1,
            timestamp: ids.2,
            datatype: ids.3,
            is_historical: flags.0,
            is_transient: flags.1,
            is_null: flags.2,
            metadata,
            properties,
            value,
        })
}

fn value() -> impl Strategy<Value = proto::Value> {
    use proto::Value as V;
    prop_oneof![
        any::<u32>().prop_map(V::Int),
        any::<u64>().prop_map(V::Long),
        any::<f32>().prop_map(V::Float),
        any::<f64>().prop_map(V::Double),
        any::<bool>().prop_map(V::Boolean),
        ".{0,30}".prop_map(V::String),
        proptest::collection::vec(any::<u8>(), 0..30).prop_map(V::Bytes),
        any::<u32>().prop_map(|number| V::DataSet(data_set(number))),
        ".{0,10}".prop_map(|text| V::Template(template(text))),
        Just(V::Extension(proto::Extension {})),
    ]
}

fn data_set(number: u32) -> proto::DataSet {
    let cell = |value| proto::DataSetValue { value: Some(value) };
    proto::DataSet {
        num_of_columns: Some(2),
        columns: vec!["a".into(), "b".into()],
        types: vec![DataType::UInt32.code(), DataType::String.code()],
        rows: vec![proto::Row {
            elements: vec![
                cell(proto::Cell::Int(number)),
                cell(proto::Cell::String("x".into())),
            ],
        }],
    }
}

fn template(version: String) -> proto::Template {
    proto::Template {
        version: Some(version),
        metrics: vec![proto::Metric {
            name: Some("inner".into()),
            ..proto::Metric::default()
        }],
        parameters: vec![proto::Parameter {
            name: Some("p".into()),
            datatype: Some(DataType::Boolean.code()),
            value: Some(proto::ParameterValue::Boolean(true)),
        }],
        template_ref: None,
        is_definition: Some(true),
    }
}

fn property_set() -> impl Strategy<Value = proto::PropertySet> {
    let leaf = (
        proptest::option::of(any::<u32>()),
        proptest::option::of(any::<bool>()),
        proptest::option::of(property_kind()),
    )
        .prop_map(|(datatype, is_null, value)| proto::PropertyValue {
            datatype,
            is_null,
            value,
        });
    (
        proptest::collection::vec(".{0,8}", 0..4),
        proptest::collection::vec(leaf, 0..4),
    )
        .prop_map(|(keys, values)| proto::PropertySet { keys, values })
}

fn property_kind() -> impl Strategy<Value = proto::PropertyKind> {
    use proto::PropertyKind as K;
    let inner = || proto::PropertySet {
        keys: vec!["inner".into()],
        values: vec![proto::PropertyValue {
            value: Some(K::Int(1)),
            ..proto::PropertyValue::default()
        }],
    };
    prop_oneof![
        any::<u32>().prop_map(K::Int),
        any::<u64>().prop_map(K::Long),
        any::<f32>().prop_map(K::Float),
        any::<f64>().prop_map(K::Double),
        any::<bool>().prop_map(K::Boolean),
        ".{0,8}".prop_map(K::String),
        Just(K::Set(inner())),
        Just(K::List(proto::PropertySetList {
            propertyset: vec![inner()]
        })),
        Just(K::Extension(proto::Extension {})),
    ]
}

#[test]
fn what_vigil_does_not_read_leaves_the_rest_of_the_message_as_it_is() {
    let unread = [
        (DataType::DataSet, proto::Value::DataSet(data_set(1))),
        (DataType::Template, proto::Value::Template(template("1".into()))),
        (DataType::Bytes, proto::Value::Bytes(vec![0, 255])),
        (DataType::File, proto::Value::Bytes(vec![1; 300])),
        (DataType::Int16Array, proto::Value::Bytes(vec![1, 0])),
    ];
    let scalar = || proto::Metric {
        name: Some("beside".into()),
        datatype: Some(DataType::Int32.code()),
        value: Some(proto::Value::Int(5)),
        ..proto::Metric::default()
    };
    for (datatype, value) in unread {
        let metric = proto::Metric {
            datatype: Some(datatype.code()),
            value: Some(value),
            ..proto::Metric::default()
        };
        let payload = proto::Payload {
            metrics: vec![scalar(), metric, scalar()],
            ..Default::default()
        };
        let bytes = payload.encode_to_vec();
        let values: Vec<_> = PayloadView::parse(&bytes)
            .unwrap()
            .metrics()
            .map(|metric| metric.unwrap().value(None).unwrap())
            .collect();
        assert_eq!(
            values,
            [Value::Int(5), Value::Unsupported(datatype), Value::Int(5)]
        );
    }
}
