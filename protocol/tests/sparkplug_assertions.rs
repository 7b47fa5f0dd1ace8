//! The assertions of the Sparkplug specification that topics and payloads alone can prove. Each test
//! bears the id of its assertion, or lists the ids it covers in the line above it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test file"
)]

use prost::Message;
use vigil_protocol::sparkplug::{
    DataType, Encoder, IdError, MessageType, Metric, MetricValue, NAMESPACE, PayloadView, Topic, TopicError,
    TopicPart, check_id,
};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quality;

mod proto;

fn node(message: MessageType) -> Topic<'static> {
    Topic::Node {
        message,
        group: "G",
        node: "N",
    }
}

fn device(message: MessageType) -> Topic<'static> {
    Topic::Device {
        message,
        group: "G",
        node: "N",
        device: "D",
    }
}

/// The topic is written so, and read back as itself.
fn has_form(topic: Topic<'_>, text: &str) {
    assert_eq!(topic.to_string(), text);
    assert_eq!(Topic::parse(text), Ok(topic));
}

/// One metric of each scalar datatype, with both properties, as a birth sends it.
fn birth() -> proto::Payload {
    let values = [
        MetricValue::Int8(-1),
        MetricValue::Int16(-1),
        MetricValue::Int32(-1),
        MetricValue::Int64(-1),
        MetricValue::UInt8(1),
        MetricValue::UInt16(1),
        MetricValue::UInt32(1),
        MetricValue::UInt64(1),
        MetricValue::Float(1.0),
        MetricValue::Double(1.0),
        MetricValue::Bool(true),
        MetricValue::Str("s"),
        MetricValue::DateTime(UtcMillis(1_793_455_200_000)),
        MetricValue::Text("t"),
        MetricValue::Uuid("u"),
    ];
    let mut buffer = [0; 2048];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.timestamp(UtcMillis(1_793_455_200_000)).unwrap();
    for value in values {
        let metric = Metric::named("m", value)
            .at(UtcMillis(1_793_455_199_999))
            .quality(Quality::Good);
        encoder.metric(&metric.unit("MPa")).unwrap();
    }
    proto::Payload::decode(encoder.as_bytes()).unwrap()
}

// covers: tck-id-topic-structure, tck-id-topic-structure-namespace-a
#[test]
fn every_topic_has_the_levels_of_the_namespace() {
    assert_eq!(NAMESPACE, "spBv1.0");
    for message in MessageType::ALL {
        let topic = if message.is_device() {
            device(message)
        } else {
            node(message)
        };
        let text = topic.to_string();
        let levels: Vec<_> = text.split('/').collect();
        assert_eq!(levels[..4], ["spBv1.0", "G", message.as_str(), "N"]);
        assert_eq!(levels[4..], if message.is_device() { vec!["D"] } else { vec![] });
        assert_eq!(
            Topic::parse(&text.replacen("spB", "spA", 1)),
            Err(TopicError::NotSparkplug)
        );
    }
}

// covers: tck-id-intro-group-id-string, tck-id-intro-edge-node-id-string, tck-id-intro-device-id-string
#[test]
fn ids_are_text_in_any_script() {
    let topic = Topic::Device {
        message: MessageType::DData,
        group: "浦东 新区",
        node: "Knoten-ä",
        device: "电梯.3",
    };
    has_form(topic, "spBv1.0/浦东 新区/DDATA/Knoten-ä/电梯.3");
}

// covers: tck-id-intro-group-id-chars, tck-id-intro-edge-node-id-chars, tck-id-intro-device-id-chars,
// tck-id-topic-structure-namespace-valid-group-id, tck-id-topic-structure-namespace-valid-edge-node-id,
// tck-id-topic-structure-namespace-valid-device-id
#[test]
fn an_id_with_a_reserved_or_control_character_is_refused() {
    let bad = [
        ("", IdError::Empty),
        ("a+", IdError::Reserved('+')),
        ("#a", IdError::Reserved('#')),
        ("a\0", IdError::Control('\0')),
        ("a\u{7f}", IdError::Control('\u{7f}')),
    ];
    for (id, error) in bad {
        assert_eq!(check_id(id), Err(error));
        let parts = [
            (format!("spBv1.0/{id}/DDATA/n/d"), TopicPart::Group),
            (format!("spBv1.0/g/DDATA/{id}/d"), TopicPart::Node),
            (format!("spBv1.0/g/DDATA/n/{id}"), TopicPart::Device),
            (format!("spBv1.0/STATE/{id}"), TopicPart::Host),
        ];
        for (topic, part) in parts {
            assert_eq!(
                Topic::parse(&topic),
                Err(TopicError::BadId(part, error)),
                "{topic:?}"
            );
        }
    }
    assert_eq!(check_id("a/b"), Err(IdError::Reserved('/')));
    assert_eq!(check_id("a.b-c_d e:f"), Ok(()));
}

#[test]
fn tck_id_topic_structure_namespace_duplicate_device_id_across_edge_node() {
    let one = Topic::parse("spBv1.0/g/DDATA/n1/lift").unwrap();
    let other = Topic::parse("spBv1.0/g/DDATA/n2/lift").unwrap();
    assert_ne!(one, other);
}

#[test]
fn tck_id_topic_structure_namespace_device_id_associated_message_types() {
    for message in ["DBIRTH", "DDEATH", "DDATA", "DCMD"] {
        assert!(Topic::parse(&format!("spBv1.0/g/{message}/n/d")).is_ok());
        let topic = format!("spBv1.0/g/{message}/n");
        let without = Topic::parse(&topic);
        assert_eq!(without, Err(TopicError::Missing(TopicPart::Device)));
    }
}

#[test]
fn tck_id_topic_structure_namespace_device_id_non_associated_message_types() {
    for message in ["NBIRTH", "NDEATH", "NDATA", "NCMD"] {
        assert!(Topic::parse(&format!("spBv1.0/g/{message}/n")).is_ok());
        let topic = format!("spBv1.0/g/{message}/n/d");
        let with = Topic::parse(&topic);
        assert_eq!(
            with,
            Err(TopicError::TooManyLevels(MessageType::parse(message).unwrap()))
        );
    }
    assert_eq!(
        Topic::parse("spBv1.0/STATE/h/d"),
        Err(TopicError::TooManyStateLevels)
    );
}

#[test]
fn tck_id_topics_nbirth_topic() {
    has_form(node(MessageType::NBirth), "spBv1.0/G/NBIRTH/N");
}

#[test]
fn tck_id_topics_ndata_topic() {
    has_form(node(MessageType::NData), "spBv1.0/G/NDATA/N");
}

#[test]
fn tck_id_topics_ndeath_topic() {
    has_form(node(MessageType::NDeath), "spBv1.0/G/NDEATH/N");
}

#[test]
fn tck_id_topics_ncmd_topic() {
    has_form(node(MessageType::NCmd), "spBv1.0/G/NCMD/N");
}

#[test]
fn tck_id_topics_dbirth_topic() {
    has_form(device(MessageType::DBirth), "spBv1.0/G/DBIRTH/N/D");
}

#[test]
fn tck_id_topics_ddata_topic() {
    has_form(device(MessageType::DData), "spBv1.0/G/DDATA/N/D");
}

#[test]
fn tck_id_topics_ddeath_topic() {
    has_form(device(MessageType::DDeath), "spBv1.0/G/DDEATH/N/D");
}

#[test]
fn tck_id_topics_dcmd_topic() {
    has_form(device(MessageType::DCmd), "spBv1.0/G/DCMD/N/D");
}

// covers: tck-id-host-topic-phid-birth-topic, tck-id-host-topic-phid-death-topic
#[test]
fn a_hosts_birth_and_death_share_one_topic() {
    has_form(Topic::State { host: "vigil" }, "spBv1.0/STATE/vigil");
}

// covers: tck-id-payloads-timestamp-in-UTC, tck-id-payloads-metric-timestamp-in-UTC
#[test]
fn timestamps_go_out_as_milliseconds_of_utc() {
    // 2026-10-31T14:00:00Z
    let birth = birth();
    assert_eq!(birth.timestamp, Some(1_793_455_200_000));
    assert!(
        birth
            .metrics
            .iter()
            .all(|metric| metric.timestamp == Some(1_793_455_199_999))
    );
}

// covers: tck-id-payloads-metric-datatype-value-type, tck-id-payloads-metric-datatype-value
#[test]
fn the_datatype_sent_is_the_code_of_the_value() {
    let codes: Vec<_> = birth()
        .metrics
        .iter()
        .map(|metric| metric.datatype.unwrap())
        .collect();
    assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    let names: Vec<_> = codes
        .iter()
        .map(|code| DataType::from_code(*code).unwrap().name())
        .collect();
    assert_eq!(
        names,
        [
            "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double",
            "Boolean", "String", "DateTime", "Text", "UUID"
        ]
    );
}

// covers: tck-id-payloads-propertyset-keys-array-size, tck-id-payloads-propertyset-values-array-size
#[test]
fn a_property_set_sent_has_a_value_for_each_key() {
    let sets = [
        Metric::aliased(1, MetricValue::Bool(true)).quality(Quality::Stale),
        Metric::aliased(1, MetricValue::Bool(true)).unit("MPa"),
        Metric::aliased(1, MetricValue::Bool(true))
            .quality(Quality::Good)
            .unit("MPa"),
    ];
    for (metric, count) in sets.iter().zip([1, 1, 2]) {
        let mut buffer = [0; 128];
        let mut encoder = Encoder::new(&mut buffer);
        encoder.metric(metric).unwrap();
        let theirs = proto::Payload::decode(encoder.as_bytes()).unwrap();
        let set = theirs.metrics[0].properties.as_ref().unwrap();
        assert_eq!((set.keys.len(), set.values.len()), (count, count));
        let ours = PayloadView::parse(encoder.as_bytes())
            .unwrap()
            .metrics()
            .next()
            .unwrap()
            .unwrap();
        assert!(ours.properties.unwrap().is_balanced());
    }
}

// covers: tck-id-payloads-metric-propertyvalue-type-type, tck-id-payloads-metric-propertyvalue-type-value,
// tck-id-payloads-metric-propertyvalue-type-req
#[test]
fn every_property_sent_has_its_datatype() {
    for metric in birth().metrics {
        let types: Vec<_> = metric
            .properties
            .unwrap()
            .values
            .iter()
            .map(|value| value.datatype)
            .collect();
        assert_eq!(
            types,
            [Some(DataType::Int32.code()), Some(DataType::String.code())]
        );
    }
}

// covers: tck-id-payloads-propertyset-quality-value-type, tck-id-payloads-propertyset-quality-value-value
#[test]
fn quality_is_sent_as_int32_of_0_192_or_500() {
    for quality in Quality::ALL {
        let mut buffer = [0; 128];
        let mut encoder = Encoder::new(&mut buffer);
        encoder
            .metric(&Metric::aliased(1, MetricValue::Bool(true)).quality(*quality))
            .unwrap();
        let set = proto::Payload::decode(encoder.as_bytes())
            .unwrap()
            .metrics
            .remove(0)
            .properties
            .unwrap();
        assert_eq!(set.keys, ["Quality"]);
        assert_eq!(set.values[0].datatype, Some(3));
        match set.values[0].value {
            Some(proto::PropertyKind::Int(code)) => assert!([0, 192, 500].contains(&code), "{quality:?}"),
            ref other => panic!("{quality:?} was sent as {other:?}"),
        }
    }
}
