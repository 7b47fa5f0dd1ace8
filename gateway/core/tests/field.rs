//! Messages that are not Sparkplug's: read by a decoder, through the same path as all others.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use std::borrow::Cow;
use support::*;
use vigil_core::equipment::Link;
use vigil_core::field::{FieldDecoder, FieldReading, FieldValue, Source};
use vigil_core::hash::ContentHash;
use vigil_core::output::GapReason;
use vigil_core::sample::Reading;
use vigil_core::{FieldMessage, Input, Output, Outputs, Pipeline, Position, Settings, UtcMillis};
use vigil_protocol::vocabulary::{NoData, Quality, Quantity, Uncertain};

/// Lines of `device metric value unit time`, `-` for none; a time behind `h` is of the past.
#[derive(Debug)]
struct Lines(Source);

impl FieldDecoder for Lines {
    fn source(&self) -> Source {
        self.0
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
            let words: Vec<&str> = line.split(' ').collect();
            let [device, metric, value, unit, at] = words[..] else {
                return Err(format!("`{line}` is no five words"));
            };
            let some = |word: &'a str| (word != "-").then_some(Cow::Borrowed(word));
            say(FieldReading {
                device: some(device),
                metric: metric.into(),
                value: match value {
                    "-" => FieldValue::NoData(NoData::Comm),
                    "true" | "false" => FieldValue::Bool(value == "true"),
                    _ => value
                        .parse()
                        .map_or_else(|_| FieldValue::Text(value.into()), FieldValue::Number),
                },
                unit: some(unit),
                at: at.trim_start_matches('h').parse().ok().map(UtcMillis),
                polled: self.0 == Source::Modbus,
                historical: at.starts_with('h'),
                quality: Quality::Good,
            });
        }
        Ok(())
    }
}

const JSON: Lines = Lines(Source::Json);
const MODBUS: Lines = Lines(Source::Modbus);

impl Site {
    fn field(&mut self, decoder: &Lines, device: Option<&str>, text: &str) -> Outputs {
        self.position += 1;
        let mut out = Outputs::new();
        let message = FieldMessage {
            node: "s/n1",
            device,
            topic: "plant/1",
            payload: text.as_bytes(),
            retained: false,
            decoder,
        };
        let (position, now) = (Position(self.position), UtcMillis(self.now));
        self.pipeline
            .handle(Input::Field(message), position, now, &mut out);
        out
    }
}

fn opened(out: &Outputs) -> usize {
    out.iter()
        .filter(|output| matches!(output, Output::Hazard { .. }))
        .count()
}

#[test]
fn a_reading_is_converted_and_opens_its_hazard_like_any_other() {
    let mut site = Site::new();
    let mut hazards = 0;
    for second in 0..20 {
        site.now = T0 + second * 1_000;
        let kpa = if second < 5 { 800.0 } else { 1_150.0 };
        let out = site.field(
            &JSON,
            Some("b"),
            &format!("- steam_pressure {kpa} kPa {}", site.now),
        );
        hazards += opened(&out);
        if second == 0 {
            assert_eq!(
                site.reading("boiler", Quantity::SteamPressure),
                Some(Reading::Number(0.8))
            );
            assert_eq!(contexts(&out)[0].topic.as_ref(), "json:lines plant/1");
            assert_eq!(logged(&out)[0].source, Source::Json);
            assert_eq!(logged(&out)[0].context, Some(contexts(&out)[0].hash));
        } else {
            assert!(contexts(&out).is_empty(), "said once");
        }
        assert!(commands(&out).is_empty(), "there is nobody to ask for a birth");
    }
    assert!(hazards > 0, "1.15 MPa at a boiler for 1.0 MPa");
    let node = site.node("s/n1");
    assert_eq!((node.totals.expected, node.totals.received), (20, 20));
    assert!(node.online && node.source == Source::Json);
    assert!(node.oddities.is_empty(), "{:?}", node.oddities);
}

#[test]
fn one_message_may_speak_of_several_devices() {
    let mut site = Site::new();
    let text = format!("b steam_pressure 0.7 MPa {T0}\nl door_closed true - {T0}\nb drum_level 12 mm {T0}");
    let out = site.field(&JSON, None, &text);
    assert_eq!(logged(&out).len(), 1, "as it came, once");
    assert_eq!(logged(&out)[0].device, None);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.7))
    );
    assert_eq!(
        site.reading("boiler", Quantity::DrumLevel),
        Some(Reading::Number(12.0))
    );
    assert_eq!(
        site.reading("lift", Quantity::DoorClosed),
        Some(Reading::Bool(true))
    );
}

#[test]
fn a_poll_that_nobody_answers_takes_the_device_offline_and_is_no_pressure_hazard() {
    let mut site = Site::new();
    site.field(&MODBUS, Some("b"), &format!("- steam_pressure 0.7 MPa {T0}"));
    let mut gaps = Vec::new();
    for second in 1..200 {
        site.now = T0 + second * 1_000;
        let out = site.field(&MODBUS, Some("b"), &format!("- steam_pressure - - {}", site.now));
        assert_eq!(opened(&out), 0);
        gaps.extend(out.into_iter().filter_map(|output| match output {
            Output::Gap(gap) => Some(gap),
            _ => None,
        }));
    }
    let view = site.pipeline.equipment(site.ix("boiler"));
    assert_eq!(view.state.link(), Link::Offline);
    assert!(
        gaps.iter().any(|gap| gap.reason == GapReason::Offline),
        "{gaps:?}"
    );
    let node = site.node("s/n1");
    assert!(!node.online);
    assert_eq!((node.totals.expected, node.totals.received), (200, 1));
    site.now += 1_000;
    site.field(
        &MODBUS,
        Some("b"),
        &format!("- steam_pressure 0.71 MPa {}", site.now),
    );
    let view = site.pipeline.equipment(site.ix("boiler"));
    assert_eq!(view.state.link(), Link::Online);
}

#[test]
fn one_block_that_fails_is_bad_quality_of_its_channels_only() {
    let mut site = Site::new();
    let text = format!("- steam_pressure - - {T0}\n- drum_level 3 mm {T0}");
    site.field(&MODBUS, Some("b"), &text);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::NoData(NoData::Comm))
    );
    assert_eq!(
        site.reading("boiler", Quantity::DrumLevel),
        Some(Reading::Number(3.0))
    );
    let view = site.pipeline.equipment(site.ix("boiler"));
    assert_eq!(view.state.link(), Link::Online);
}

#[test]
fn values_without_a_time_have_that_of_their_arrival_and_a_burst_of_them_keeps_every_one() {
    let mut site = Site::new();
    for _ in 0..5 {
        let out = site.field(&JSON, Some("b"), "- steam_pressure 0.7 MPa -");
        assert_eq!(logged(&out).len(), 1);
    }
    let doubt = Quality::Uncertain(Uncertain::NoTimestamp);
    assert_eq!(site.quality("boiler", Quantity::SteamPressure), Some(doubt));
    assert_eq!(site.latest("boiler", Quantity::SteamPressure).unwrap().at.0, T0);
    // What a poll reads is read when it is polled.
    site.now += 1_000;
    site.field(&MODBUS, Some("b"), "- steam_pressure 0.7 MPa -");
    assert_eq!(
        site.quality("boiler", Quantity::SteamPressure),
        Some(Quality::Good)
    );
}

#[test]
fn what_a_broker_delivers_twice_is_logged_once_if_it_says_when_it_was_measured() {
    let mut site = Site::new();
    let text = format!("- steam_pressure 0.7 MPa {T0}");
    assert_eq!(logged(&site.field(&JSON, Some("b"), &text)).len(), 1);
    let again = site.field(&JSON, Some("b"), &text);
    assert!(logged(&again).is_empty());
    assert!(matches!(again[..], [Output::Duplicate { .. }]), "{again:?}");
    assert_eq!(site.node("s/n1").totals.duplicate, 1);
}

#[test]
fn history_never_becomes_the_latest() {
    let mut site = Site::new();
    site.field(&JSON, Some("b"), &format!("- steam_pressure 0.7 MPa {T0}"));
    let hour_ago = T0 - 3_600_000;
    let out = site.field(&JSON, Some("b"), &format!("- steam_pressure 0.2 MPa h{hour_ago}"));
    assert!(logged(&out)[0].historical);
    assert_eq!(
        site.reading("boiler", Quantity::SteamPressure),
        Some(Reading::Number(0.7))
    );
}

#[test]
fn strangers_are_listed_with_what_they_said() {
    let mut site = Site::new();
    let text = format!("x9 smoke 3 - {T0}\nx9 weather fine - {T0}");
    let out = site.field(&JSON, None, &text);
    let listed = out.iter().find_map(|output| match output {
        Output::Unregistered(device) => Some(device.clone()),
        _ => None,
    });
    let listed = listed.unwrap();
    assert_eq!(listed.device.as_deref(), Some("x9"));
    assert_eq!(
        listed.metrics,
        [
            ("smoke".to_owned(), "3".to_owned()),
            ("weather".to_owned(), "fine".to_owned())
        ]
    );
}

#[test]
fn what_nothing_can_be_made_of_is_a_dead_letter_and_the_rest_goes_on() {
    let mut site = Site::new();
    site.field(&JSON, Some("b"), &format!("- steam_pressure 0.7 MPa {T0}"));
    let out = site.field(&JSON, Some("b"), "gibberish");
    let Output::DeadLetter(letter) = &out[0] else {
        panic!("{out:?}");
    };
    assert_eq!(&*letter.reason, "`gibberish` is no five words");
    assert_eq!(&*letter.topic, "plant/1");
    assert_eq!(site.node("s/n1").undecodable, 1);
    let out = site.field(&JSON, Some("a/b"), "- steam_pressure 0.7 MPa -");
    assert!(matches!(&out[0], Output::DeadLetter(letter) if letter.reason.contains("device id")));
}

#[test]
fn a_restored_pipeline_goes_on_where_the_first_one_stood() {
    let mut site = Site::new();
    for second in 0..8 {
        site.now = T0 + second * 1_000;
        site.field(
            &MODBUS,
            Some("b"),
            &format!("- steam_pressure 1.15 MPa {}", site.now),
        );
    }
    let mut restored = Pipeline::new(catalog(CATALOG), Settings::default());
    for node in site.pipeline.take_dirty(usize::MAX) {
        let json = site.pipeline.snapshot(&node).unwrap();
        restored.restore_node(&node, &json).unwrap();
    }
    let mut twin = Site::new();
    twin.pipeline = restored;
    (twin.now, twin.position) = (site.now, site.position);
    for second in 8..20 {
        let now = T0 + second * 1_000;
        (site.now, twin.now) = (now, now);
        let text = format!("- steam_pressure 1.15 MPa {now}");
        let (a, b) = (
            site.field(&MODBUS, Some("b"), &text),
            twin.field(&MODBUS, Some("b"), &text),
        );
        let without_contexts = |out: Outputs| -> Outputs {
            out.into_iter()
                .filter(|output| !matches!(output, Output::Context(_)))
                .collect()
        };
        assert_eq!(without_contexts(a), without_contexts(b));
    }
    assert_eq!(site.node("s/n1"), twin.node("s/n1"));
}
