//! The firmware as it ships, in QEMU, from its inputs to the broker: contacts, temperature and fault code arrive, and how
//! soon; what it costs the host, and the stack.
//!
//! `cargo test -p vigil-tests --test firmware_inputs -- --nocapture` prints what was measured. The ADS1115 has no model in
//! QEMU: its driver is tested on a mocked bus, in `firmware/tests/drivers.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test helpers"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vigil_firmware::drivers::lift_inputs::LiftSensor;
use vigil_protocol::sparkplug::{DataType, PayloadView, Value};
use vigil_tests::board::image;
use vigil_tests::controller::Controller;
use vigil_tests::mqtt::Heard;
use vigil_tests::qtest::Machine;
use vigil_tests::slave::{Shows, Transmitter};
use vigil_tests::{Gateway, GatewayOptions, Mosquitto, Peer, Place};

const CATALOG: &str = r#"
[[equipment]]
id = "lift-1"
name = "1号电梯"
name_en = "Lift 1"
category = "3110"
node = "bench/qtest"
device = "lift"
scheme = "monarch-nice3000plus"

[[equipment]]
id = "boiler-1"
name = "1号蒸汽锅炉"
name_en = "Steam boiler 1"
category = "1100"
node = "bench/qtest"
device = "boiler"
"#;

/// Everything the board can read in QEMU. The safety circuit is believed at once, the others when they have settled.
const SETTINGS: &str = "\
clear
set group bench
set node qtest
set broker 10.0.2.100 1883
set port 0 115200 50
set port 1 115200 50
set device 0 lift
set device 1 boiler
set channel 0 0 fault_code nice3000 0 1 fault every 100
set channel 1 0 safety_circuit_closed input safety every 1000
set channel 2 0 door_locked input lock every 1000 debounce 10
set channel 3 0 door_zone input zone every 1000 debounce 10
set channel 4 0 service_mode input inspection every 1000 debounce 10
set channel 5 0 alarm_button input alarm every 1000 debounce 10
set channel 6 0 passenger_present input presence every 1000 debounce 10
set channel 7 1 feed_water_temperature temperature 72 every 200
set channel 8 1 steam_pressure transmitter 1 1 every 100";

/// The contacts, their metrics, and what these are while they are open.
const CONTACTS: [(LiftSensor, &str, &str); 6] = [
    (LiftSensor::SafetyCircuit, "safety_circuit_closed", "false"),
    (LiftSensor::DoorLock, "door_locked", "false"),
    (LiftSensor::DoorZone, "door_zone", "false"),
    (LiftSensor::Inspection, "service_mode", "1"),
    (LiftSensor::AlarmButton, "alarm_button", "false"),
    (LiftSensor::Presence, "passenger_present", "false"),
];

const NODE: &str = "/api/v1/nodes/bench/qtest";
const SOON: Duration = Duration::from_secs(30);
/// A tick of the machine's scheduler and then some: a bound no busy machine breaks.
const GENEROUS: Duration = Duration::from_secs(2);
/// Of 16 KB: what the image may use.
const STACK_MAX: usize = 12 << 10;

struct Bench {
    peer: Peer,
    machine: Machine,
    controller: Controller,
    gateway: Gateway,
    mosquitto: Mosquitto,
    /// What each device's or the node's aliases stand for.
    names: BTreeMap<(String, u64), (String, Option<DataType>)>,
    /// The last value of each metric.
    last: BTreeMap<String, String>,
    _place: Place,
}

/// The board with its settings saved and in use; online.
fn bench(test: &str) -> Option<Bench> {
    let image = match image() {
        Ok(image) => image,
        Err(missing) => {
            eprintln!("SKIPPED: {missing}");
            return None;
        }
    };
    let place = Place::new(test);
    let mosquitto = Mosquitto::start_in(&place);
    let options = GatewayOptions::with_catalog(CATALOG.to_owned()).on(&mosquitto.url());
    let gateway = Gateway::start(&place, options);
    let peer = Peer::connect(&mosquitto.url(), "witness", &["spBv1.0/bench/#"]);
    let controller = Controller::start();
    let transmitter = Transmitter::start(Shows::Still);
    let lines = [controller.port(), transmitter.port()];
    let mut machine = Machine::start(&place, &image, mosquitto.port(), lines);
    machine.set_temperature(105_000);
    machine.wait_for("help?");
    for line in SETTINGS.lines() {
        assert_eq!(machine.command(line), ["ok"], "{line}");
    }
    assert_eq!(machine.command("save"), ["ok, saved; reboot to use them"]);
    assert_eq!(machine.command("reboot"), ["ok"]);
    machine.wait_for("link: connected");
    let mut bench = Bench {
        peer,
        machine,
        controller,
        gateway,
        mosquitto,
        names: BTreeMap::new(),
        last: BTreeMap::new(),
        _place: place,
    };
    bench
        .gateway
        .api()
        .wait_until(NODE, SOON, |node| node["state"] == "online");
    bench.wait_for("feed_water_temperature", "105");
    // A reset leaves pins as the machine has them without anything connected.
    for (sensor, name, open) in CONTACTS {
        bench.machine.set_contact(sensor, false);
        if bench.last.get(name).map(String::as_str) != Some(open) {
            bench.wait_for(name, open);
        }
    }
    Some(bench)
}

impl Bench {
    /// The metrics of a message, births included, as text; births name the aliases of what follows.
    fn metrics(&mut self, heard: &Heard) -> Vec<(String, String)> {
        let parts: Vec<&str> = heard.topic.split('/').collect();
        let [_, _, kind, node, ref device @ ..] = parts[..] else {
            return Vec::new();
        };
        let place = format!("{node}/{device:?}");
        if node != "qtest" || kind.ends_with("CMD") {
            return Vec::new();
        }
        let payload = PayloadView::parse(&heard.payload).unwrap();
        let mut found = Vec::new();
        for metric in payload.metrics().flatten() {
            let datatype = metric.datatype.and_then(DataType::from_code);
            if let (Some(alias), Some(name)) = (metric.alias, metric.name) {
                self.names
                    .insert((place.clone(), alias), (name.to_owned(), datatype));
            }
            let known = metric
                .alias
                .and_then(|alias| self.names.get(&(place.clone(), alias)));
            let name = metric
                .name
                .map(str::to_owned)
                .or_else(|| known.map(|(name, _)| name.clone()));
            let value = metric.value(datatype.or_else(|| known.and_then(|(_, datatype)| *datatype)));
            let text = match value {
                Ok(Value::Bool(v)) => v.to_string(),
                Ok(Value::Str(v)) => v.to_owned(),
                Ok(Value::Double(v)) => v.to_string(),
                Ok(Value::Int(v)) => v.to_string(),
                Ok(Value::UInt(v)) => v.to_string(),
                other => format!("{other:?}"),
            };
            found.extend(name.map(|name| (name, text)));
        }
        self.last.extend(found.iter().cloned());
        found
    }

    /// The first message with this value of this metric; when it came.
    fn wait_for(&mut self, name: &str, value: &str) -> Instant {
        self.wait_for_one(&format!("{name} = {value}"), |found, text| {
            found == name && text == value
        });
        Instant::now()
    }

    /// The first metric that is wanted.
    fn wait_for_one(&mut self, what: &str, wanted: impl Fn(&str, &str) -> bool) -> (String, String) {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let heard = self.peer.wait_for(what, left, |_| true);
            let found = self.metrics(&heard);
            let one = found.into_iter().find(|(name, text)| wanted(name, text));
            if let Some(one) = one {
                return one;
            }
        }
    }
}

/// Median and maximum, printed.
fn median(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort();
    let median = times[times.len() / 2];
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    eprintln!(
        "MEASURED {what}: median {:.1} ms, maximum {:.1} ms of {}",
        ms(median),
        ms(times[times.len() - 1]),
        times.len()
    );
    median
}

#[test]
fn what_happens_at_an_input_is_published_soon_and_costs_little() {
    let Some(mut bench) = bench("firmware-inputs") else {
        return;
    };
    // A contact that is believed at once, and one that must settle for 10 ms.
    for (sensor, name) in [
        (LiftSensor::SafetyCircuit, "safety_circuit_closed"),
        (LiftSensor::AlarmButton, "alarm_button"),
    ] {
        let times = (0..40)
            .map(|n| {
                let state = n % 2 == 0;
                let began = Instant::now();
                bench.machine.set_contact(sensor, state);
                bench.wait_for(name, &state.to_string()) - began
            })
            .collect();
        assert!(median(&format!("input to publish, {name}"), times) < GENEROUS);
    }
    // Each input is the one it should be, and no other changes with it.
    for (sensor, name, open) in CONTACTS {
        bench.machine.set_contact(sensor, true);
        let closed = if open == "1" { "2" } else { "true" };
        let others = CONTACTS.map(|(_, name, _)| name);
        let changed = bench.wait_for_one("a contact", |found, _| others.contains(&found));
        assert_eq!(changed, (name.to_owned(), closed.to_owned()));
    }
    let times = (1..=40)
        .map(|fault| {
            // Somewhere in the poll's period, differently each time.
            std::thread::park_timeout(Duration::from_millis(u64::from(fault) * 37 % 100));
            let began = Instant::now();
            bench.controller.show(fault);
            bench.wait_for("fault_code", &fault.to_string()) - began
        })
        .collect();
    assert!(median("fault code to publish, polled every 100 ms", times) < GENEROUS);
    let times = (0..10)
        .map(|n| {
            let began = Instant::now();
            bench.machine.set_temperature(90_000 + 500 * n);
            let degrees = f64::from(90_000 + 500 * n) / 1e3;
            bench.wait_for("feed_water_temperature", &degrees.to_string()) - began
        })
        .collect();
    assert!(median("temperature to publish, read every 200 ms", times) < GENEROUS);

    // The console reads any channel between the others.
    let machine = &mut bench.machine;
    assert_eq!(machine.command("test 1")[0], "channel 1: true (good)");
    assert!(machine.command("test 7")[0].starts_with("channel 7: 94.5 °C (good)"));
    assert_eq!(machine.command("test 0")[0], "channel 0: fault 40 (good)");
    // The second RS-485 line.
    assert_eq!(machine.command("test 8")[0], "channel 8: 0 MPa (good)");

    // Idle: nothing changes, everything is read.
    let (began, used) = (Instant::now(), machine.host_time());
    std::thread::park_timeout(Duration::from_secs(12));
    let share = (machine.host_time() - used).as_secs_f64() / began.elapsed().as_secs_f64();
    eprintln!("MEASURED idle: {:.1} % of a host processor", share * 100.0);
    assert!(share < 0.25, "a busy loop: {share}");

    let times = (0..5)
        .map(|fault| {
            bench.machine.cut_power();
            let parked = bench.peer.so_far();
            assert!(parked.len() < 10_000);
            let began = bench.machine.power_up();
            bench.controller.show(50 + fault);
            bench.wait_for("fault_code", &(50 + fault).to_string()) - began
        })
        .collect();
    assert!(median("start of QEMU to first data", times) < SOON);
}

#[test]
fn a_day_in_the_life_of_a_board_stays_within_its_stack_and_a_crash_is_told_in_the_next_birth() {
    let Some(mut bench) = bench("firmware-stack") else {
        return;
    };
    // Births, data and provisioning are behind it; now a history.
    bench.mosquitto.kill_and_restart();
    for fault in 1..=5 {
        bench.controller.show(fault);
        bench.machine.set_contact(LiftSensor::DoorLock, fault % 2 == 0);
        std::thread::park_timeout(Duration::from_millis(300));
    }
    bench.peer = Peer::connect(&bench.mosquitto.url(), "witness-2", &["spBv1.0/bench/#"]);
    bench.wait_for("fault_code", "5");
    bench
        .gateway
        .api()
        .wait_until(NODE, SOON, |node| node["state"] == "online");
    // The console once more, with everything that is deep in it.
    for line in [
        "help",
        "show",
        "test 0",
        "test 7",
        "set channel 2 0 car_speed loop 72 0 100000 0 2 m/s every 1000",
        "test 2",
    ] {
        let answer = bench.machine.command(line);
        assert!(answer.last().unwrap().starts_with("ok"), "{line}: {answer:?}");
    }
    assert_eq!(bench.machine.command("save"), ["ok, saved; reboot to use them"]);
    let set = bench.machine.command("clock 2026-11-26 15:04:05");
    assert_eq!(set, ["ok, set; reboot to use it"]);
    let before = bench.machine.stack_used();
    bench.machine.scribble_on(&["executor", "EXECUTOR"]);
    bench.machine.set_contact(LiftSensor::AlarmButton, true);
    let fault = bench.machine.wait_for("reset: fault: ");
    let said = fault.split("fault: ").nth(1).unwrap().trim().to_owned();
    bench.machine.wait_for("link: connected");
    bench.wait_for("Health/Reset cause", "fault");
    assert_eq!(bench.last["Health/Last message"], said);
    assert_eq!(bench.last["Properties/Settings"], "saved");
    let (_, told) = bench.wait_for_one("the stack's use", |name, _| name == "Health/Stack used");
    bench.wait_for("alarm_button", "true");
    let after = bench.machine.stack_used();
    eprintln!("MEASURED stack: {before} bytes, {after} after the crash; told {told}; fault: {said}");
    assert!(bench.machine.said().contains(&format!("reset: fault {said}")));
    assert!(told.parse::<usize>().unwrap() <= STACK_MAX, "{told}");
    assert!(before.max(after) <= STACK_MAX, "{before} and {after} bytes");
    assert!(before > 1_000, "nothing was painted: {before}");
    // Below the stack there is nothing it could destroy.
    bench.machine.exhaust_the_stack();
    bench.machine.wait_for("reset: fault: stack overflow");
    bench.machine.wait_for("link: connected");
    bench.wait_for_one("the next birth", |name, text| {
        name == "Health/Last message" && text.starts_with("stack overflow")
    });
    // Tasks that are not woken any more do not check in, and a watchdog that is not fed tells.
    bench.machine.lose_the_timer();
    bench.machine.wait_for("reset: watchdog: ");
    bench.wait_for("Health/Reset cause", "watchdog");
}
