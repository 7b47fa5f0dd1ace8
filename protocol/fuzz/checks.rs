//! What must hold for any bytes. Shared by the fuzz target and by the test that runs its corpus.

use vigil_protocol::sparkplug::{DataType, Encoder, MetricView, PayloadView, Value, WireValue};
use vigil_protocol::sparkplug::{HostState, Metric, MetricValue};

/// Decodes `data` in every way there is, re-encodes what can be sent, and decodes that: no panic, no
/// unbounded work, and nothing lost on the way.
pub(crate) fn check(data: &[u8]) {
    if let Ok(state) = HostState::parse(data) {
        let mut buffer = [0; 64];
        let length = state.write(&mut buffer).expect("64 bytes hold any state");
        assert_eq!(HostState::parse(&buffer[..length]), Ok(state));
    }
    let Ok(payload) = PayloadView::parse(data) else {
        return;
    };
    assert_eq!(payload.metrics().count(), payload.metric_count());
    let _algorithm = payload.compression_algorithm();
    let mut buffer = vec![0; data.len() * 2 + 64];
    for metric in payload.metrics().flatten() {
        for datatype in DataType::ALL {
            // Every error must be printable, and every datatype safe on every encoding.
            match metric.value(Some(datatype)) {
                Ok(value) => drop((value.as_f64(), value.as_bool(), value.as_i64(), value.as_u64())),
                Err(error) => drop(error.to_string()),
            }
        }
        if let Some(set) = metric.properties {
            assert_eq!(set.iter().count(), set.len());
            assert!(set.iter().all(|(key, _)| set.get(key).is_some()));
        }
        check_round_trip(&metric, &mut buffer);
    }
}

fn check_round_trip(metric: &MetricView<'_>, buffer: &mut [u8]) {
    let Some(sent) = to_send(metric) else { return };
    let mut encoder = Encoder::new(buffer);
    encoder
        .metric(&sent)
        .expect("re-encoding takes no more room than the bytes it came from");
    let payload = PayloadView::parse(encoder.as_bytes()).expect("our own bytes");
    let back = payload
        .metrics()
        .next()
        .expect("one metric")
        .expect("our own metric");
    assert_eq!(
        (back.name, back.alias, back.timestamp),
        (metric.name, metric.alias, metric.timestamp)
    );
    assert_eq!(
        (back.is_historical, back.is_null),
        (metric.is_historical, metric.is_null)
    );
    assert_eq!((back.quality(), back.unit()), (metric.quality(), metric.unit()));
    let (value, original) = (back.value(None), metric.value(None));
    // NaN differs from itself, and a float that came wider is sent as the double it was.
    assert!(
        value == original || is_nan(original.ok()) && is_nan(value.ok()),
        "{original:?} became {value:?}"
    );
}

fn is_nan(value: Option<Value<'_>>) -> bool {
    value.and_then(|value| value.as_f64()).is_some_and(f64::is_nan)
}

/// The metric as this crate would send it; `None` when it has no meaning or none that can be sent.
fn to_send<'a>(metric: &MetricView<'a>) -> Option<Metric<'a>> {
    let datatype = DataType::from_code(metric.datatype?)?;
    let value = match (datatype, metric.value(None).ok()?) {
        (_, Value::Null) => MetricValue::Null(datatype),
        (DataType::Int8, Value::Int(v)) => MetricValue::Int8(v.try_into().expect("an Int8")),
        (DataType::Int16, Value::Int(v)) => MetricValue::Int16(v.try_into().expect("an Int16")),
        (DataType::Int32, Value::Int(v)) => MetricValue::Int32(v.try_into().expect("an Int32")),
        (DataType::Int64, Value::Int(v)) => MetricValue::Int64(v),
        (DataType::UInt8, Value::UInt(v)) => MetricValue::UInt8(v.try_into().expect("a UInt8")),
        (DataType::UInt16, Value::UInt(v)) => MetricValue::UInt16(v.try_into().expect("a UInt16")),
        (DataType::UInt32, Value::UInt(v)) => MetricValue::UInt32(v.try_into().expect("a UInt32")),
        (DataType::UInt64, Value::UInt(v)) => MetricValue::UInt64(v),
        (DataType::Float, Value::Float(v)) => MetricValue::Float(v),
        (_, Value::Double(v)) => MetricValue::Double(v),
        (_, Value::Bool(v)) => MetricValue::Bool(v),
        (DataType::Text, Value::Str(v)) => MetricValue::Text(v),
        (DataType::Uuid, Value::Str(v)) => MetricValue::Uuid(v),
        (_, Value::Str(v)) => MetricValue::Str(v),
        (_, Value::DateTime(v)) => MetricValue::DateTime(v),
        (_, Value::Unsupported(unread)) => {
            assert!(!unread.is_scalar() && metric.wire != WireValue::Absent);
            return None;
        }
        (datatype, value) => unreachable!("a {datatype} read as {value:?}"),
    };
    let base = match (metric.name, metric.alias) {
        (Some(name), None) => Metric::named(name, value),
        (Some(name), Some(alias)) => Metric::named(name, value).with_alias(alias),
        (None, alias) => Metric {
            alias,
            ..Metric::aliased(0, value).typed()
        },
    };
    Some(Metric {
        timestamp: metric.timestamp,
        historical: metric.is_historical,
        quality: metric.quality(),
        unit: metric.unit(),
        time_corrected: metric.is_time_corrected(),
        ..base
    })
}
