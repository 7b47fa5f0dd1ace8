//! A decoder for tests: lines of `device metric value time`, `-` for none.

use super::{FieldDecoder, FieldReading, FieldValue, Source, context_of, restore};
use crate::hash::ContentHash;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{NoData, Quality};

#[derive(Debug)]
pub(crate) struct Lines;

impl FieldDecoder for Lines {
    fn source(&self) -> Source {
        Source::Json
    }

    fn context(&self) -> (&str, &str) {
        ("json:lines", "lines")
    }

    fn hash(&self) -> ContentHash {
        ContentHash::of(b"lines")
    }

    fn decode<'a>(
        &'a self,
        _: &'a str,
        payload: &'a [u8],
        say: &mut dyn FnMut(FieldReading<'a>),
    ) -> Result<(), String> {
        let text = std::str::from_utf8(payload).map_err(|error| error.to_string())?;
        for line in text.lines() {
            let mut words = line.split(' ');
            let mut word = || {
                words
                    .next()
                    .ok_or_else(|| format!("`{line}` has fewer than four words"))
            };
            let (device, metric, value, at) = (word()?, word()?, word()?, word()?);
            say(FieldReading {
                device: (device != "-").then(|| device.into()),
                metric: metric.into(),
                value: match value {
                    "-" => FieldValue::NoData(NoData::Comm),
                    "true" => FieldValue::Bool(true),
                    "false" => FieldValue::Bool(false),
                    _ => value
                        .parse()
                        .map_or_else(|_| FieldValue::Text(value.into()), FieldValue::Number),
                },
                unit: None,
                at: at.parse().ok().map(UtcMillis),
                polled: false,
                historical: false,
                quality: Quality::Good,
            });
        }
        Ok(())
    }
}

#[test]
fn decoder_and_topic_come_back_from_what_the_log_keeps() {
    let context = context_of(&Lines, "site/1/boiler 2");
    let restored = restore(&context).expect("it is one of ours");
    assert_eq!(restored.decoder.context(), Lines.context());
    assert_eq!(&*restored.topic, "site/1/boiler 2");
    assert_ne!(context.hash, context_of(&Lines, "site/1/boiler 3").hash);
}

#[test]
fn a_context_of_no_known_kind_says_what_it_is() {
    let mut context = context_of(&Lines, "t");
    context.topic = "smoke-signals:v1 t".into();
    let error = restore(&context).expect_err("nobody reads smoke");
    assert_eq!(
        error.to_string(),
        "`smoke-signals:v1` is neither a mapping profile nor a register map"
    );
}
