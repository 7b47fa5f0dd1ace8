//! What a field message says, as the Sparkplug messages its devices would have sent: from there on there is one path.

use super::{FieldDecoder, FieldReading, FieldValue};
use crate::host::table::special;
use vigil_protocol::sparkplug::{DataType, EncodeError, Encoder, Metric, MetricValue};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{NoData, Quality};

/// Devices one message may speak of, and readings of all of them.
const MAX_DEVICES: usize = 1_000;
const MAX_READINGS: usize = 100_000;

/// One message, device by device. Its buffers are reused from message to message.
#[derive(Debug, Default)]
pub(crate) struct Translation {
    parts: Vec<Part>,
    bytes: Vec<u8>,
}

/// What the message says of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// `None`: the message's own device.
    pub(crate) device: Option<String>,
    /// Where its payload is.
    range: std::ops::Range<usize>,
    /// The newest time in it.
    pub(crate) newest: Option<UtcMillis>,
    /// Every reading carries its own time.
    pub(crate) timed: bool,
    /// Something in it is sent after the event.
    pub(crate) historical: bool,
    /// Nothing could be read of it at all: the field did not answer.
    pub(crate) silent: bool,
    /// Metrics in it.
    pub(crate) metrics: u32,
}

impl Translation {
    /// Replaces what was translated before. `skew_ms`: a source clock that is further behind is not believed.
    ///
    /// # Errors
    /// In words, what is wrong with the message.
    pub(crate) fn read(
        &mut self,
        decoder: &dyn FieldDecoder,
        topic: &str,
        payload: &[u8],
        now: UtcMillis,
        skew_ms: i64,
    ) -> Result<(), String> {
        self.parts.clear();
        let late = now.saturating_sub_ms(if decoder.backfills() { skew_ms } else { i64::MAX });
        let mut readings: Vec<FieldReading<'_>> = Vec::new();
        let mut too_many = false;
        decoder.decode(topic, payload, &mut |mut reading| {
            reading.historical |= reading.at.is_some_and(|at| at < late);
            if readings.len() < MAX_READINGS {
                readings.push(reading);
            } else {
                too_many = true;
            }
        })?;
        if too_many {
            return Err(format!("more than {MAX_READINGS} readings in one message"));
        }
        // Names with a meaning of their own are Sparkplug's: nobody else counts a journal.
        readings.retain(|reading| !reading.metric.is_empty() && special(&reading.metric).is_none());
        // Sorting by device keeps the order within each.
        readings.sort_by(|a, b| a.device.cmp(&b.device));
        let mut at = 0;
        for group in readings.chunk_by(|a, b| a.device == b.device) {
            if self.parts.len() >= MAX_DEVICES {
                return Err(format!("more than {MAX_DEVICES} devices in one message"));
            }
            let part = self.part(group, at, now);
            at = part.range.end;
            self.parts.push(part);
        }
        Ok(())
    }

    /// Device by device, in the order of their ids.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The newest time in any of them.
    pub(crate) fn newest(&self) -> Option<UtcMillis> {
        self.parts.iter().filter_map(|part| part.newest).max()
    }

    /// The Sparkplug payload of a part.
    pub(crate) fn payload(&self, part: &Part) -> &[u8] {
        &self.bytes[part.range.clone()]
    }

    fn part(&mut self, group: &[FieldReading<'_>], start: usize, now: UtcMillis) -> Part {
        let mut part = Part {
            device: group
                .first()
                .and_then(|first| first.device.as_deref().map(str::to_owned)),
            range: start..start,
            newest: None,
            timed: true,
            historical: false,
            silent: true,
            metrics: group.len() as u32,
        };
        for reading in group {
            let at = reading.at.or(reading.polled.then_some(now));
            part.timed &= reading.at.is_some();
            part.historical |= reading.historical;
            part.newest = part.newest.max(at);
            part.silent &= reading.value == FieldValue::NoData(NoData::Comm);
            let metric = metric(reading, at);
            loop {
                let room = self.bytes.get_mut(part.range.end..).unwrap_or_default();
                let mut encoder = Encoder::new(room);
                match encoder.metric(&metric).map(|_| ()) {
                    Ok(()) => {
                        part.range.end += encoder.finish();
                        break;
                    }
                    Err(EncodeError::BufferFull { needed, .. }) => {
                        let len = (part.range.end + needed).max(self.bytes.len() * 2).max(1_024);
                        self.bytes.resize(len, 0);
                    }
                }
            }
        }
        part
    }
}

fn metric<'a>(reading: &'a FieldReading<'_>, at: Option<UtcMillis>) -> Metric<'a> {
    let (value, quality) = match &reading.value {
        FieldValue::Number(number) => (MetricValue::Double(*number), reading.quality),
        FieldValue::Bool(on) => (MetricValue::Bool(*on), reading.quality),
        FieldValue::Text(text) => (MetricValue::Str(text), reading.quality),
        // A null says it itself.
        FieldValue::NoData(NoData::Null | NoData::NotReported) => {
            (MetricValue::Null(DataType::Double), Quality::Good)
        }
        FieldValue::NoData(reason) => (MetricValue::Null(DataType::Double), reason.quality()),
    };
    Metric {
        timestamp: at,
        historical: reading.historical,
        quality: code(quality),
        unit: reading.unit.as_deref(),
        ..Metric::named(&reading.metric, value)
    }
}

/// As the property carries it, with its detail; good needs none.
fn code(quality: Quality) -> Option<i32> {
    match quality {
        Quality::Good => None,
        Quality::Stale => Some(quality.sparkplug()),
        Quality::Bad(_) | Quality::Uncertain(_) => Some(quality.opcua() as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::{Translation, code};
    use crate::field::tests::Lines;
    use crate::json::Profile;
    use vigil_protocol::sparkplug::PayloadView;
    use vigil_protocol::time::UtcMillis;
    use vigil_protocol::vocabulary::Quality;

    #[test]
    fn qualities_survive_the_way_through_the_property() {
        for quality in Quality::ALL {
            let read = code(*quality).map_or(Quality::Good, Quality::from_sparkplug);
            match quality {
                // Some doubts share a status code; that there is one survives.
                Quality::Uncertain(_) => assert!(matches!(read, Quality::Uncertain(_)), "{quality:?}"),
                _ => assert_eq!(read, *quality),
            }
        }
    }

    #[test]
    fn a_message_is_sorted_by_device_and_keeps_the_order_within_each() {
        let mut translation = Translation::default();
        let text = b"b pressure 1 1000\na pressure 2 1000\nb pressure 3 2000\n- level 4 -";
        translation
            .read(&Lines, "t", text, UtcMillis(5_000), 1_000)
            .expect("readable");
        let said: Vec<_> = translation
            .parts()
            .iter()
            .map(|part| {
                let view = PayloadView::parse(translation.payload(part)).expect("ours");
                let values = view.metrics().flatten().map(|metric| {
                    let value = metric.value(None).ok().and_then(|value| value.as_f64());
                    (
                        metric.name.unwrap_or("").to_owned(),
                        value,
                        metric.timestamp.map(|at| at.0),
                    )
                });
                (part.device.clone(), part.timed, values.collect::<Vec<_>>())
            })
            .collect();
        let reading = |name: &str, value: f64, at| (name.to_owned(), Some(value), at);
        assert_eq!(
            said,
            [
                (None, false, vec![reading("level", 4.0, None)]),
                (
                    Some("a".into()),
                    true,
                    vec![reading("pressure", 2.0, Some(1_000))]
                ),
                (
                    Some("b".into()),
                    true,
                    vec![
                        reading("pressure", 1.0, Some(1_000)),
                        reading("pressure", 3.0, Some(2_000))
                    ]
                ),
            ]
        );
    }

    #[test]
    fn old_readings_are_history_where_the_source_keeps_them_and_a_wrong_clock_elsewhere() {
        let historical = |backfill: bool| {
            let text = format!(
                "id = \"p\"\ntopic = \"t\"\nnode = \"g/n\"\nbackfill = {backfill}\neach = \"$[*]\"\n\
                 time = \"@.t\"\ntime_format = \"ms\"\nvalues = \"@.v\"\n"
            );
            let profile = Profile::parse("p", &text).0.expect("good");
            let mut translation = Translation::default();
            let message = br#"[{"t": 1000, "v": {"p": 1}}, {"t": 4500, "v": {"p": 2}}, {"v": {"p": 3}}]"#;
            translation
                .read(&profile, "t", message, UtcMillis(5_000), 1_000)
                .expect("readable");
            let view = PayloadView::parse(translation.payload(&translation.parts()[0])).expect("ours");
            view.metrics()
                .flatten()
                .map(|metric| metric.is_historical)
                .collect::<Vec<_>>()
        };
        assert_eq!(historical(true), [true, false, false]);
        assert_eq!(historical(false), [false; 3]);
    }

    #[test]
    fn names_that_mean_something_to_sparkplug_are_not_taken_from_others() {
        let mut translation = Translation::default();
        translation
            .read(&Lines, "t", b"a Journal/Seq 7 1000", UtcMillis(5_000), 1_000)
            .expect("readable");
        assert!(translation.parts().is_empty());
    }
}
