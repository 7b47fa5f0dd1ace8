//! A node that does not know the time at first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

mod support;

use support::{Bench, CONFIG, Message, NODE, PRESSURE, Ram, T0, sample};
use vigil_firmware::time::{BootId, Uptime};
use vigil_firmware::{Place, Scratch, Session};
use vigil_protocol::sparkplug::{Encoder, Metric, MetricValue, PayloadView};
use vigil_protocol::time::UtcMillis;

/// A node that has just started, its clock the time since then.
fn boot(boot: u8, storage: Ram) -> Bench<'static, Ram> {
    let now = Uptime(20);
    let mut session = Session::open(NODE, CONFIG, storage, 77, now.node_clock()).unwrap();
    session.set_clock(now.node_clock(), BootId(boot).stamp(now));
    Bench {
        session,
        scratch: Scratch::new(),
        now: now.node_clock(),
        did: Vec::new(),
    }
}

fn measure(bench: &mut Bench<'static, Ram>, value: f64) {
    let at = bench.session.utc(bench.now);
    bench.report(
        Place::Device(0),
        &[sample(PRESSURE, MetricValue::Double(value), at)],
    );
}

fn data(messages: &[Message]) -> Vec<&Message> {
    messages
        .iter()
        .filter(|message| message.is_data() && message.device.is_some())
        .collect()
}

/// The time of the pressure in a data message, whether the message says that it was corrected, and its quality.
fn pressure(message: &Message) -> (Option<i64>, bool, Option<i32>) {
    let view = PayloadView::parse(&message.payload).unwrap();
    let metrics: Vec<_> = view.metrics().map(Result::unwrap).collect();
    let corrected = metrics.first().unwrap().is_time_corrected();
    let last = metrics.last().unwrap();
    (last.timestamp.map(|time| time.0), corrected, last.quality())
}

#[test]
fn readings_taken_before_the_time_was_known_are_corrected_and_say_so() {
    let mut bench = boot(3, Ram::new());
    measure(&mut bench, 1.0);
    bench.later(5_000);
    measure(&mut bench, 2.0);
    bench.later(5_000);
    // SNTP: now it is T0. Then a reading that knows the time, and the connection.
    bench.session.set_clock(bench.now, T0);
    bench.later(1_000);
    measure(&mut bench, 3.0);
    bench.connect();
    bench.later(1_000);
    bench.run();
    let all = bench.all();
    let times: Vec<_> = data(&all).into_iter().map(pressure).collect();
    assert_eq!(
        times,
        [
            (Some(T0.0 - 10_000), true, None),
            (Some(T0.0 - 5_000), true, None),
            (Some(T0.0 + 1_000), false, None),
        ]
    );
    // The birth carries the last value with its own time.
    let birth = all
        .iter()
        .find(|message| message.is_birth() && message.device.as_deref() == Some("boiler-1"));
    assert_eq!(
        birth.unwrap().metric("steam_pressure").timestamp,
        Some(T0.0 + 1_000)
    );
}

#[test]
fn a_birth_has_the_corrected_time_of_the_last_value() {
    let mut bench = boot(3, Ram::new());
    measure(&mut bench, 1.0);
    bench.later(4_000);
    bench.session.set_clock(bench.now, T0);
    bench.connect();
    let all = bench.all();
    let birth = all
        .iter()
        .find(|message| message.is_birth() && message.device.as_deref() == Some("boiler-1"));
    assert_eq!(
        birth.unwrap().metric("steam_pressure").timestamp,
        Some(T0.0 - 4_000)
    );
}

#[test]
fn the_gateways_time_corrects_what_was_not_sent_yet() {
    let mut bench = boot(0, Ram::new());
    bench.connect();
    bench.did.clear();
    measure(&mut bench, 1.0);
    bench.later(2_000);
    let mut payload = [0; 128];
    let mut encoder = Encoder::new(&mut payload);
    encoder
        .metric(&Metric::named("Node Control/Time", MetricValue::DateTime(T0)))
        .unwrap();
    let heard = bench
        .session
        .on_message(bench.now, "spBv1.0/haicheng/NCMD/edge-1", encoder.as_bytes());
    assert!(heard.time);
    let messages = bench.published();
    let message = data(&messages)[0];
    assert_eq!(pressure(message), (Some(T0.0 - 2_000), true, None));
    assert!(
        message.metrics.iter().all(|metric| !metric.historical),
        "it is sent for the first time"
    );
    assert!(message.seq.is_some());
}

#[test]
fn what_an_earlier_boot_measured_without_ever_knowing_the_time_is_stale() {
    let mut bench = boot(3, Ram::new());
    measure(&mut bench, 1.0);
    let storage = bench.session.into_storage();
    let mut bench = boot(4, storage);
    bench.session.set_clock(bench.now, T0);
    bench.connect();
    bench.later(1_000);
    bench.run();
    let all = bench.all();
    let old = data(&all)[0];
    let (time, corrected, quality) = pressure(old);
    assert_eq!((corrected, quality), (false, Some(500)));
    assert!(time.unwrap() >= T0.0, "the time of sending");
    assert!(old.metrics.iter().all(|metric| metric.historical));
}

#[test]
fn a_clock_that_was_right_from_the_start_changes_nothing() {
    let mut bench = Bench::online();
    bench.session.set_clock(bench.now, T0.saturating_add_ms(500));
    bench.pressure(1.0);
    let messages = bench.published();
    assert_eq!(pressure(data(&messages)[0]), (Some(bench.now.0), false, None));
    assert_eq!(bench.session.clock_offset_ms(), 500);
}

#[test]
fn every_record_written_without_the_time_can_be_sent_with_it() {
    // Many short metrics in one report: the worst case for the room that correcting takes.
    for count in [1, 5, 20, 60, 200] {
        let mut bench = boot(0, Ram::new());
        for n in 0..count {
            let at = bench.session.utc(bench.now);
            let samples = [
                sample(PRESSURE, MetricValue::Double(f64::from(n)), at),
                sample(support::FIRING, MetricValue::Bool(n % 2 == 0), at),
                sample(
                    support::CODE,
                    MetricValue::Str("一二三四五六七八九十一二三四五六"),
                    at,
                ),
            ];
            bench.report(Place::Device(0), &samples);
            bench.later(10);
        }
        let storage = bench.session.journal().storage().clone();
        let mut later = boot(1, storage);
        for bench in [&mut later, &mut bench] {
            bench.session.set_clock(bench.now, T0);
            bench.connect();
            for _ in 0..20 {
                bench.later(1_000);
                bench.run();
            }
            assert_eq!(bench.session.journal().dropped(), 0);
        }
        let old = later.all();
        assert!(
            data(&old)
                .into_iter()
                .all(|message| pressure(message).2 == Some(500))
        );
        assert!(
            data(&old).len() as u64 >= later.session.journal().next(),
            "and each is sent"
        );
        let all = bench.all();
        for message in data(&all) {
            let (time, corrected, _) = pressure(message);
            assert!(corrected && time.unwrap() > T0.0 - 10_000, "{message:?}");
        }
    }
}

#[test]
fn stamps_of_another_boot_are_not_corrected_with_this_boots_clock() {
    let mut bench = boot(3, Ram::new());
    measure(&mut bench, 1.0);
    bench.session.set_clock(bench.now, T0);
    // The clock is moved again: the correction follows it.
    bench.session.set_clock(bench.now, UtcMillis(T0.0 + 700));
    bench.connect();
    bench.later(1_000);
    bench.run();
    let all = bench.all();
    assert_eq!(pressure(data(&all)[0]).0, Some(T0.0 + 700));
}
