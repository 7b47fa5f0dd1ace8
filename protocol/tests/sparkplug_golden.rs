//! Bytes written down by hand from the field numbers: the encoder writes them, the decoder reads them.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test file"
)]

use vigil_protocol::sparkplug::{
    DataType, DecodeError, EncodeError, Encoder, HostState, IdError, MessageType, Metric, MetricValue,
    PayloadView, StateError, Topic, TopicError, TopicPart, Value, WireValue, check_id,
};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Bad, Quality};

fn encoded(metric: &Metric<'_>) -> Vec<u8> {
    let mut buffer = [0; 256];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.metric(metric).unwrap();
    encoder.as_bytes().to_vec()
}

#[test]
fn a_metric_is_these_bytes() {
    let cases: &[(&str, Metric<'_>, &[u8])] = &[
        (
            "bool by alias",
            Metric::aliased(3, MetricValue::Bool(true)),
            &[0x12, 4, 0x10, 3, 0x70, 1],
        ),
        (
            "false is sent",
            Metric::aliased(3, MetricValue::Bool(false)),
            &[0x12, 4, 0x10, 3, 0x70, 0],
        ),
        (
            "a negative Int8 is sign-extended to 32 bits",
            Metric::aliased(1, MetricValue::Int8(-2)),
            &[0x12, 8, 0x10, 1, 0x50, 0xfe, 0xff, 0xff, 0xff, 0x0f],
        ),
        (
            "UInt32 goes into int_value",
            Metric::aliased(1, MetricValue::UInt32(u32::MAX)),
            &[0x12, 8, 0x10, 1, 0x50, 0xff, 0xff, 0xff, 0xff, 0x0f],
        ),
        (
            "UInt64 goes into long_value",
            Metric::aliased(1, MetricValue::UInt64(300)),
            &[0x12, 5, 0x10, 1, 0x58, 0xac, 0x02],
        ),
        (
            "Int64 −1 takes ten bytes",
            Metric::aliased(1, MetricValue::Int64(-1)),
            &[
                0x12, 13, 0x10, 1, 0x58, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1,
            ],
        ),
        (
            "float, little endian",
            Metric::aliased(1, MetricValue::Float(1.5)),
            &[0x12, 7, 0x10, 1, 0x65, 0, 0, 0xc0, 0x3f],
        ),
        (
            "named and typed double",
            Metric::named("p", MetricValue::Double(1.0)),
            &[
                0x12, 14, 0x0a, 1, b'p', 0x20, 10, 0x69, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
            ],
        ),
        (
            "named, untyped, with alias, historical",
            Metric::named("p", MetricValue::Str("x"))
                .with_alias(9)
                .untyped()
                .historical(),
            &[0x12, 10, 0x0a, 1, b'p', 0x10, 9, 0x28, 1, 0x7a, 1, b'x'],
        ),
        (
            "null with its datatype and no value",
            Metric::named("p", MetricValue::Null(DataType::Float)),
            &[0x12, 7, 0x0a, 1, b'p', 0x20, 9, 0x38, 1],
        ),
        (
            "timestamp",
            Metric::aliased(1, MetricValue::Bool(true)).at(UtcMillis(300)),
            &[0x12, 7, 0x10, 1, 0x18, 0xac, 0x02, 0x70, 1],
        ),
        (
            "quality 0 as Int32",
            Metric::aliased(1, MetricValue::Bool(true)).quality(Quality::Bad(Bad::Sensor)),
            &[
                0x12, 21, 0x10, 1, 0x4a, 15, 0x0a, 7, b'Q', b'u', b'a', b'l', b'i', b't', b'y', 0x12, 4,
                0x08, 3, 0x18, 0, 0x70, 1,
            ],
        ),
        (
            "quality 192 and unit: keys first, then values",
            Metric::aliased(1, MetricValue::Bool(true))
                .quality(Quality::Good)
                .unit("Pa"),
            &[
                0x12, 39, 0x10, 1, 0x4a, 33, 0x0a, 7, b'Q', b'u', b'a', b'l', b'i', b't', b'y', 0x0a, 7,
                b'e', b'n', b'g', b'U', b'n', b'i', b't', 0x12, 5, 0x08, 3, 0x18, 0xc0, 0x01, 0x12, 6, 0x08,
                12, 0x42, 2, b'P', b'a', 0x70, 1,
            ],
        ),
    ];
    for (what, metric, bytes) in cases {
        assert_eq!(&encoded(metric), bytes, "{what}");
    }
}

#[test]
fn a_payload_is_timestamp_metrics_seq() {
    let mut buffer = [0; 32];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.timestamp(UtcMillis(300)).unwrap();
    encoder
        .metric(&Metric::aliased(1, MetricValue::Bool(true)))
        .unwrap();
    encoder.seq(255).unwrap();
    let expected = [0x08, 0xac, 0x02, 0x12, 4, 0x10, 1, 0x70, 1, 0x18, 0xff, 0x01];
    assert_eq!(encoder.as_bytes(), expected);
    assert_eq!(encoder.finish(), expected.len());
}

#[test]
fn a_full_buffer_keeps_what_was_written_and_says_what_is_needed() {
    let mut buffer = [0; 10];
    let mut encoder = Encoder::new(&mut buffer);
    encoder
        .metric(&Metric::aliased(1, MetricValue::Bool(true)))
        .unwrap();
    let error = encoder
        .metric(&Metric::aliased(2, MetricValue::Bool(true)))
        .unwrap_err();
    assert_eq!(error, EncodeError::BufferFull { needed: 12, have: 10 });
    assert_eq!(encoder.as_bytes(), [0x12, 4, 0x10, 1, 0x70, 1]);
    encoder.seq(7).unwrap();
    assert_eq!(
        encoder.seq(128).unwrap_err(),
        EncodeError::BufferFull { needed: 11, have: 10 }
    );
    assert_eq!(encoder.as_bytes(), [0x12, 4, 0x10, 1, 0x70, 1, 0x18, 7]);
}

#[test]
fn every_buffer_size_gives_the_whole_payload_or_an_error() {
    let metric = Metric::named("Steam Pressure", MetricValue::Double(1.02))
        .with_alias(300)
        .at(UtcMillis(1_793_455_200_000))
        .quality(Quality::Stale)
        .unit("MPa")
        .historical();
    let whole = encoded(&metric);
    for size in 0..=whole.len() + 1 {
        let mut buffer = vec![0xee; size];
        let mut encoder = Encoder::new(&mut buffer);
        match encoder.metric(&metric).map(|_| ()) {
            Ok(()) => assert_eq!(encoder.as_bytes(), whole),
            Err(EncodeError::BufferFull { needed, have }) => {
                assert!(size < whole.len());
                assert_eq!((needed, have), (whole.len(), size));
                assert!(encoder.as_bytes().is_empty());
            }
        }
    }
}

#[test]
fn unknown_fields_and_codes_survive() {
    let bytes = [
        0x12, 12, 0x10, 1, 0x20, 99, 0x70, 1, 0xa2, 0x06, 2, b'h', b'i', 0x7a, // field 100; then cut
    ];
    // The string field key at the end has no content: the metric is bad, its neighbours are not.
    let mut two = bytes.to_vec();
    two.extend([0x12, 4, 0x10, 2, 0x70, 0, 0xa0, 0x06, 5, 0x18, 3]);
    let payload = PayloadView::parse(&two).unwrap();
    assert_eq!(payload.seq, Some(3));
    let metrics: Vec<_> = payload.metrics().collect();
    assert_eq!(metrics[0].unwrap_err(), DecodeError::Truncated { at: 14 });
    assert_eq!(metrics[1].unwrap().alias, Some(2));

    let good = [0x12, 11, 0x10, 1, 0x20, 99, 0x70, 1, 0xa2, 0x06, 2, b'h', b'i'];
    let metric = PayloadView::parse(&good)
        .unwrap()
        .metrics()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(metric.datatype, Some(99));
    assert_eq!(
        metric.value(None).unwrap_err().to_string(),
        "datatype code 99 is not defined"
    );
}

#[test]
fn each_way_of_being_wrong_has_its_error_and_offset() {
    let cases: &[(&[u8], DecodeError)] = &[
        (&[0x08], DecodeError::Truncated { at: 1 }),
        (&[0x08, 0x80], DecodeError::Truncated { at: 1 }),
        (&[0x12, 5, 0], DecodeError::Truncated { at: 2 }),
        (
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            DecodeError::Truncated { at: 11 },
        ),
        (
            &[0x08, 128, 128, 128, 128, 128, 128, 128, 128, 128, 2],
            DecodeError::BadVarint { at: 1 },
        ),
        (
            &[0x08, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1],
            DecodeError::BadVarint { at: 1 },
        ),
        (&[0x00, 0], DecodeError::BadField { at: 0 }),
        (
            &[0xff, 0xff, 0xff, 0xff, 0x7f, 0],
            DecodeError::BadField { at: 0 },
        ),
        (
            &[0x10, 1],
            DecodeError::BadWireType {
                field: 2,
                wire: 0,
                at: 0,
            },
        ),
        (
            &[0x18, 1, 0x09, 0, 0, 0, 0, 0, 0, 0, 0],
            DecodeError::BadWireType {
                field: 1,
                wire: 1,
                at: 2,
            },
        ),
        (
            &[0x36, 1],
            DecodeError::BadWireType {
                field: 6,
                wire: 6,
                at: 0,
            },
        ),
        (&[0x22, 2, 0xc3, 0x28], DecodeError::BadUtf8 { field: 4, at: 2 }),
        (&[0x33, 0x34], DecodeError::GroupUnsupported { at: 0 }),
    ];
    for (bytes, error) in cases {
        assert_eq!(PayloadView::parse(bytes).unwrap_err(), *error, "{bytes:02x?}");
    }
}

#[test]
fn a_varint_may_have_any_length_up_to_ten_bytes() {
    for value in (0..64).flat_map(|bit| [1_u64 << bit, (1_u64 << bit) - 1, u64::MAX >> bit]) {
        let mut digits: Vec<u8> = Vec::new();
        let mut rest = value;
        while rest >= 0x80 {
            digits.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        digits.push(rest as u8);
        // With and without bytes behind it: the decoder has a path for each.
        for behind in [&[][..], &[0x22, 6, b'a', b'b', b'c', b'd', b'e', b'f'][..]] {
            let bytes = [&[0x18][..], &digits, behind].concat();
            assert_eq!(
                PayloadView::parse(&bytes).unwrap().seq,
                Some(value),
                "{bytes:02x?}"
            );
        }
    }
    // Longer than need be, as some encoders pad them.
    let padded = [0x18, 0x85, 0x80, 0x80, 0x00];
    assert_eq!(PayloadView::parse(&padded).unwrap().seq, Some(5));
}

#[test]
fn a_compressed_payload_is_shown_as_such() {
    let mut bytes = vec![0x22, 18];
    bytes.extend(b"SPBV1.0_COMPRESSED");
    bytes.extend([0x2a, 3, 0x78, 0x9c, 0x03]);
    let mut buffer = [0; 64];
    let mut encoder = Encoder::new(&mut buffer);
    encoder
        .metric(&Metric::named("algorithm", MetricValue::Str("DEFLATE")))
        .unwrap();
    bytes.extend(encoder.as_bytes());
    let payload = PayloadView::parse(&bytes).unwrap();
    assert!(payload.is_compressed());
    assert_eq!(payload.body, Some(&[0x78, 0x9c, 0x03][..]));
    assert_eq!(payload.compression_algorithm(), Some("DEFLATE"));
}

#[test]
fn a_property_set_with_more_keys_than_values_is_read_as_far_as_it_pairs() {
    // keys a, b; one value
    let bytes = [
        0x12, 14, 0x10, 1, 0x4a, 10, 0x0a, 1, b'a', 0x0a, 1, b'b', 0x12, 2, 0x18, 7,
    ];
    let metric = PayloadView::parse(&bytes)
        .unwrap()
        .metrics()
        .next()
        .unwrap()
        .unwrap();
    let set = metric.properties.unwrap();
    assert!(!set.is_balanced());
    assert_eq!(set.len(), 1);
    let pairs: Vec<_> = set.iter().map(|(key, value)| (key, value.wire)).collect();
    assert_eq!(pairs, [("a", WireValue::Int(7))]);
}

#[test]
fn topics_are_read_and_written_or_refused_with_the_reason() {
    let good = [
        (
            "spBv1.0/g/NBIRTH/n",
            Topic::Node {
                message: MessageType::NBirth,
                group: "g",
                node: "n",
            },
        ),
        (
            "spBv1.0/园区 1/DDATA/n/电梯-3",
            Topic::Device {
                message: MessageType::DData,
                group: "园区 1",
                node: "n",
                device: "电梯-3",
            },
        ),
        ("spBv1.0/STATE/vigil", Topic::State { host: "vigil" }),
        (
            "spBv1.0/STATE/NDATA/n",
            Topic::Node {
                message: MessageType::NData,
                group: "STATE",
                node: "n",
            },
        ),
    ];
    for (text, topic) in good {
        assert_eq!(Topic::parse(text), Ok(topic));
        assert_eq!(topic.to_string(), text);
    }
    let bad = [
        ("", TopicError::NotSparkplug),
        ("spAv1.0/g/NDATA/n", TopicError::NotSparkplug),
        ("spBv1.0", TopicError::Missing(TopicPart::Group)),
        ("spBv1.0/g", TopicError::UnknownMessage),
        ("spBv1.0/g/ndata/n", TopicError::UnknownMessage),
        ("spBv1.0/g/NDATA", TopicError::Missing(TopicPart::Node)),
        ("spBv1.0/g/DDATA/n", TopicError::Missing(TopicPart::Device)),
        (
            "spBv1.0/g/NDATA/n/d",
            TopicError::TooManyLevels(MessageType::NData),
        ),
        (
            "spBv1.0/g/DDATA/n/d/x",
            TopicError::TooManyLevels(MessageType::DData),
        ),
        ("spBv1.0/STATE", TopicError::Missing(TopicPart::Host)),
        ("spBv1.0/STATE/h/x", TopicError::TooManyStateLevels),
        (
            "spBv1.0//NDATA/n",
            TopicError::BadId(TopicPart::Group, IdError::Empty),
        ),
        (
            "spBv1.0/g/NDATA/",
            TopicError::BadId(TopicPart::Node, IdError::Empty),
        ),
        (
            "spBv1.0/g/DDATA/n/d+",
            TopicError::BadId(TopicPart::Device, IdError::Reserved('+')),
        ),
        (
            "spBv1.0/STATE/#",
            TopicError::BadId(TopicPart::Host, IdError::Reserved('#')),
        ),
        (
            "spBv1.0/g/NDATA/a\nb",
            TopicError::BadId(TopicPart::Node, IdError::Control('\n')),
        ),
    ];
    for (text, error) in bad {
        assert_eq!(Topic::parse(text), Err(error), "{text:?}");
    }
    assert_eq!(check_id("a/b"), Err(IdError::Reserved('/')));
}

#[test]
fn a_host_state_is_read_in_any_order_and_written_in_one() {
    let state = HostState {
        online: true,
        timestamp: UtcMillis(1_793_455_200_000),
    };
    let mut buffer = [0; 64];
    let length = state.write(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], br#"{"online":true,"timestamp":1793455200000}"#);
    assert_eq!(
        state.write(&mut [0; 8]).unwrap_err(),
        EncodeError::BufferFull {
            needed: length,
            have: 8
        },
        "says how much it needs"
    );
    let same = r#" { "timestamp" : 1793455200000 , "by":"a \"b\" \u00e9", "n": null, "online": true } "#;
    assert_eq!(HostState::parse(same.as_bytes()), Ok(state));
    let bad = [
        ("", StateError::NotJson { at: 0 }),
        ("OFFLINE", StateError::NotJson { at: 0 }),
        ("{}", StateError::NoOnline),
        (r#"{"online":"true","timestamp":1}"#, StateError::NoOnline),
        (r#"{"online":true}"#, StateError::NoTimestamp),
        (r#"{"online":true,"timestamp":"1"}"#, StateError::NoTimestamp),
        (
            r#"{"online":true,"timestamp":1} x"#,
            StateError::NotJson { at: 30 },
        ),
        (
            r#"{"online":true,"timestamp":[1]}"#,
            StateError::NotJson { at: 27 },
        ),
        (r#"{"online":true"#, StateError::NotJson { at: 14 }),
        (r#"{"online"#, StateError::NotJson { at: 2 }),
    ];
    for (text, error) in bad {
        assert_eq!(HostState::parse(text.as_bytes()), Err(error), "{text:?}");
    }
}

#[test]
fn the_text_of_a_value_says_nothing_of_zero_when_there_is_none() {
    let bytes = [0x12, 2, 0x10, 1];
    let metric = PayloadView::parse(&bytes)
        .unwrap()
        .metrics()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(
        metric.value(Some(DataType::Double)).unwrap_err().to_string(),
        "Double metric has neither a value nor is_null"
    );
    assert_eq!(Value::Null.as_f64(), None);
    assert_eq!(Value::Unsupported(DataType::Bytes).as_f64(), None);
}
