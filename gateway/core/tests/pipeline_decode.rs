//! Logged messages decode to the samples the pipeline saw.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use support::*;
use vigil_core::decode::{LogDecoder, LoggedMessage};
use vigil_core::sample::{Reading, Sample};
use vigil_core::{Output, Settings, UtcMillis};
use vigil_protocol::sparkplug::{Metric, MetricValue, Topic};
use vigil_protocol::vocabulary::Quantity;

/// Everything in the site's log that is about `equipment`, decoded.
fn decoded(site: &Site, equipment: &str, with_contexts: bool) -> Vec<Sample> {
    let mut decoder = LogDecoder::new(&Settings::default());
    for context in site
        .fed
        .iter()
        .flat_map(|(_, out)| contexts(out))
        .filter(|_| with_contexts)
    {
        decoder.add_context(&context);
    }
    let equipment = &site.pipeline.catalog().equipment[site.ix(equipment).0 as usize];
    let mut samples = Vec::new();
    for (fed, out) in &site.fed {
        let (Kept::Message { payload, .. }, [entry]) = (&fed.input, &logged(out)[..]) else {
            continue;
        };
        let logged = LoggedMessage {
            source: vigil_core::field::Source::Sparkplug,
            device: entry.device.as_deref(),
            message: entry.message,
            context: entry.context,
            payload,
            received: entry.received,
        };
        decoder.decode_into(&logged, equipment, &mut samples);
    }
    samples
}

fn numbers(site: &Site, samples: &[Sample], equipment: &str, quantity: Quantity) -> Vec<(i64, f64)> {
    let channel = site.pipeline.catalog().equipment[site.ix(equipment).0 as usize]
        .channel_of(quantity)
        .unwrap();
    let of_channel = samples.iter().filter(|sample| sample.channel == channel);
    of_channel
        .map(|sample| (sample.at.0 - T0, sample.reading.number().unwrap()))
        .collect()
}

#[test]
fn the_log_gives_back_what_was_read_under_the_births_of_its_time() {
    let mut site = Site::new();
    site.births();
    site.now += 1_000;
    site.send(DDATA, 3, &[pressure(0.9)]);
    site.now += 1_000;
    // After a new birth alias 1 means something else, and the pressure comes in kPa.
    let mut birth = boiler_birth();
    birth[0] = named("steam_pressure", MetricValue::Double(850.0))
        .with_alias(2)
        .unit("kPa");
    birth[1] = named("drum_level", MetricValue::Float(1.0)).with_alias(1);
    site.send(DBIRTH, 4, &birth);
    site.now += 1_000;
    site.send(
        DDATA,
        5,
        &[
            Metric::aliased(2, MetricValue::Double(870.0)),
            Metric::aliased(1, MetricValue::Float(2.0)),
        ],
    );
    let samples = decoded(&site, "boiler", true);
    let pressures = numbers(&site, &samples, "boiler", Quantity::SteamPressure);
    assert_eq!(pressures, [(0, 0.8), (1_000, 0.9), (2_000, 0.85), (3_000, 0.87)]);
    assert_eq!(
        numbers(&site, &samples, "boiler", Quantity::DrumLevel),
        [(0, 5.0), (2_000, 1.0), (3_000, 2.0)]
    );
    let latest = site.latest("boiler", Quantity::SteamPressure).unwrap();
    assert_eq!(samples.last().map(|sample| sample.at), Some(latest.at));
    assert_eq!(decoded(&site, "solo", true), []);
}

#[test]
fn data_logged_before_its_birth_is_read_once_the_birth_is_known() {
    let mut site = Site::new();
    site.send(
        DDATA,
        0,
        &[pressure(0.7), named("steam_temperature", MetricValue::Int16(170))],
    );
    site.now += 1_000;
    site.births();
    let samples = decoded(&site, "boiler", true);
    let pressures = numbers(&site, &samples, "boiler", Quantity::SteamPressure);
    assert_eq!(pressures, [(0, 0.7), (1_000, 0.8)]);
    // Without any birth, names still speak.
    let samples = decoded(&site, "boiler", false);
    let temperatures = numbers(&site, &samples, "boiler", Quantity::SteamTemperature);
    assert_eq!(temperatures, [(0, 170.0), (1_000, 175.0)]);
}

#[test]
fn late_and_unusable_readings_are_in_it_with_their_times_and_reasons() {
    let mut site = Site::new();
    site.journal_births(1, 0);
    site.now += 60_000;
    let at = T0 + 30_000;
    site.journaled(2, 0, at, 0.6, true);
    site.now += 1_000;
    site.send(
        DDATA,
        3,
        &[pressure(f64::NAN), Metric::aliased(99, MetricValue::UInt64(1))],
    );
    let samples = decoded(&site, "boiler", true);
    let channel = site.pipeline.catalog().equipment[0]
        .channel_of(Quantity::SteamPressure)
        .unwrap();
    let readings: Vec<_> = samples
        .iter()
        .filter(|sample| sample.channel == channel)
        .map(|s| (s.at, s.reading))
        .collect();
    assert_eq!(readings[1], (UtcMillis(at), Reading::Number(0.6)));
    assert!(matches!(readings[2].1, Reading::NoData(_)));
}

#[test]
fn every_output_log_entry_has_a_topic_again() {
    let mut site = Site::new();
    site.births();
    site.send(NDATA, 3, &[]);
    for (fed, out) in &site.fed {
        let (Kept::Message { topic, .. }, Some(Output::Log(entry))) = (
            &fed.input,
            out.iter().find(|output| matches!(output, Output::Log(_))),
        ) else {
            continue;
        };
        let (group, node) = entry.node.split_once('/').unwrap();
        let message = entry.message;
        let again = match entry.device.as_deref() {
            Some(device) => Topic::Device {
                message,
                group,
                node,
                device,
            },
            None => Topic::Node { message, group, node },
        };
        assert_eq!(again.to_string(), *topic);
    }
}

#[test]
fn a_log_whose_births_have_been_deleted_can_be_replayed_all_the_same() {
    let mut site = Site::new();
    site.journal_births(5, 0);
    for n in 0..5_u8 {
        site.now += 1_000;
        let at = site.now;
        site.journaled(2 + n, u64::from(n), at, 0.9 + f64::from(n) / 100.0, false);
    }
    let mut other = Site::new();
    for context in site.fed.iter().flat_map(|(_, out)| contexts(out)) {
        other.pipeline.assume_birth(&context);
    }
    let mut out = Vec::new();
    for (fed, _) in &site.fed[4..] {
        feed(&mut other.pipeline, fed, &mut out);
    }
    assert_eq!(logged(&out).len(), 3);
    assert_eq!(
        logged(&out)[0].context,
        contexts(&site.fed[1].1).first().map(|context| context.hash)
    );
    assert_eq!(
        other.latest("boiler", Quantity::SteamPressure),
        site.latest("boiler", Quantity::SteamPressure)
    );
}
