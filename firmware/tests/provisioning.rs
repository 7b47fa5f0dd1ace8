//! Settings through the console, into flash and back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

#[path = "support/nor.rs"]
mod nor;

use std::fmt::Write as _;

use nor::{Nor, Power};
use proptest::prelude::*;
use vigil_firmware::flash::Slots;
use vigil_firmware::provisioning::{
    Console, MAX_CHANNELS, MAX_DEVICES, SETTINGS_BYTES, SETTINGS_VERSION, Secret, Settings, Task,
};
use vigil_firmware::reading::{Reading, Value};
use vigil_firmware::{NodeDef, RamStorage, Session};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::NoData;

/// Types a line; what was answered, and what is to be done.
fn say(console: &mut Console, line: &str) -> (String, Option<Task>) {
    let mut out = String::new();
    let mut task = None;
    for byte in line.bytes().chain([b'\n']) {
        task = console.on_byte(byte, &mut out).unwrap().or(task);
    }
    (out, task)
}

const SESSION: &[&str] = &[
    "set group haicheng",
    "set node 边缘-1",
    "set broker 10.0.2.100 1884",
    "set user edge-1",
    "set password correct horse battery",
    "set network 192.168.7.2/24 192.168.7.1",
    "set port 1 19200 150",
    "set device 0 boiler-1",
    "set device 1 lift-1",
    "set channel 0 0 steam_pressure transmitter 0 1 every 1000 dead 0.005",
    "set channel 1 0 drum_level remote 0 2 input 0x0007 current 1000 -300 300 mm every 500 dead 1.5 offset -2.25",
    "set channel 2 0 burner_firing remote 0 2 input 0x0020 contact 3 every 200 inverted",
    "set channel 3 0 exhaust_temperature loop 0x48 1 100000 0 400 degC every 2000 dead 2 gain 1.02",
    "set channel 4 0 ambient_temperature temperature 0x49 every 10000 dead 0.5",
    "set channel 5 1 fault_code nice3000 1 1 fault every 100",
    "set channel 6 1 car_speed nice3000 1 1 speed every 500 dead 0.05",
    "set channel 7 1 door_locked input lock every 10 debounce 30",
    "set channel 8 1 service_mode input inspection every 10 inverted",
];

fn configured() -> Console {
    let mut console = Console::new(Settings::EMPTY);
    for line in SESSION {
        assert_eq!(say(&mut console, line), ("ok\n".into(), None), "{line}");
    }
    console
}

#[test]
fn a_node_is_set_up_line_by_line_and_shows_itself_as_the_same_lines() {
    let mut console = configured();
    let (shown, _) = say(&mut console, "show");
    for line in SESSION.iter().filter(|line| !line.contains("password")) {
        assert!(shown.lines().any(|shown| shown == *line), "{line}\n{shown}");
    }
    assert!(shown.contains("# not saved"));
    // What is shown, typed into another node, makes the same settings.
    let mut other = Console::new(Settings::EMPTY);
    for line in shown.lines().filter(|line| line.starts_with("set")) {
        assert_eq!(say(&mut other, line).0, "ok\n", "{line}");
    }
    let mut expected = console.settings().clone();
    expected.password = Secret::default();
    assert_eq!(*other.settings(), expected);
}

#[test]
fn a_secret_is_never_shown() {
    let mut console = configured();
    let mut all = String::new();
    console.greet(&mut all).unwrap();
    for line in [
        "show",
        "help",
        "set password",
        "set password correct horse battery",
        "save",
        "show",
    ] {
        all.push_str(&say(&mut console, line).0);
    }
    write!(all, "{:?}", console.settings()).unwrap();
    assert!(!all.contains("horse"), "{all}");
    assert!(all.contains("# password (set)"));
    assert_eq!(console.settings().password.0, "correct horse battery");
}

#[test]
fn saving_checks_first_and_says_what_is_missing() {
    let mut console = Console::new(Settings::EMPTY);
    let mut greeting = String::new();
    console.greet(&mut greeting).unwrap();
    assert!(greeting.contains("NOT CONFIGURED"), "{greeting}");
    let steps = [
        ("save", "error: group id "),
        ("set group g", "ok"),
        ("save", "error: node id "),
        ("set node n", "ok"),
        ("save", "error: no broker"),
        ("set broker b", "ok"),
        ("set port 1 0 100", "ok"),
        ("save", "error: port 1: 1200 to 1000000 baud and a reply time"),
        ("set port 1 9600 0", "ok"),
        ("save", "error: port 1: "),
        ("set port 1 9600 100", "ok"),
        ("set network 255.255.255.255/24 10.0.0.1", "ok"),
        ("save", "error: network: no node can have that address"),
        ("set network 0.0.0.0/0 10.0.0.1", "ok"),
        ("save", "error: network: "),
        ("set network 10.0.0.2/24 10.0.0.1", "ok"),
        ("set channel 0 0 car_speed transmitter 0 1 every 1000", "ok"),
        ("save", "error: channel 0: there is no device 0"),
        ("set device 0 lift", "ok"),
        ("set device 1 Lift", "ok"),
        ("save", "error: device 1: another has the same id"),
        ("drop device", "ok"),
        ("save", "error: channel 0: the source cannot measure car_speed"),
        ("set channel 0 0 car_speed nice3000 0 0 speed every 100", "ok"),
        ("save", "error: channel 0: unit 0 is a broadcast"),
        ("set channel 0 0 car_speed nice3000 0 1 speed every 0", "ok"),
        ("save", "error: channel 0: period out of range"),
        (
            "set channel 0 0 car_speed nice3000 0 1 speed every 100 gain 0",
            "ok",
        ),
        ("save", "error: channel 0: gain out of range"),
        ("set channel 0 0 car_speed nice3000 0 1 speed every 100", "ok"),
        ("set channel 1 0 car_speed nice3000 0 2 speed every 100", "ok"),
        ("save", "error: channel 1: its device has car_speed already"),
        ("drop channel", "ok"),
    ];
    for (line, answer) in steps {
        let (out, task) = say(&mut console, line);
        assert!(out.starts_with(answer), "{line}: {out}");
        assert_eq!(task, None, "{line}");
    }
    assert_eq!(say(&mut console, "save"), (String::new(), Some(Task::Save)));
    let mut out = String::new();
    console.on_saved(Ok::<(), &str>(()), &mut out).unwrap();
    console.on_saved(Err("the flash failed"), &mut out).unwrap();
    assert_eq!(out, "ok, saved; reboot to use them\nerror: the flash failed\n");
    assert!(!say(&mut console, "show").0.contains("# not saved"));
}

#[test]
fn a_clock_chip_is_set_to_a_time_that_is_one() {
    let mut console = configured();
    let set = say(&mut console, "clock 2026-11-26 15:04:05");
    assert_eq!(
        set,
        (String::new(), Some(Task::Clock(UtcMillis(1_795_705_445_000))))
    );
    for (line, want) in [
        ("clock", "error: YYYY-MM-DD expected at the end"),
        ("clock 2026-11", "error: YYYY-MM-DD expected, not \"2026-11\""),
        ("clock 2026-11-26", "error: HH:MM:SS expected at the end"),
        ("clock 2026-02-29 00:00:00", "error: HH:MM:SS expected"),
        (
            "clock 2026-11-26 24:00:00",
            "error: HH:MM:SS expected, not \"24:00:00\"",
        ),
        (
            "clock 2026-11-26 15:04:05 UTC",
            "error: end of line expected, not \"UTC\"",
        ),
    ] {
        let (out, task) = say(&mut console, line);
        assert!(out.starts_with(want), "{line}: {out}");
        assert_eq!(task, None, "{line}");
    }
    let mut out = String::new();
    console.on_clock_set(Ok::<(), &str>(()), &mut out).unwrap();
    console.on_clock_set(Err("nack"), &mut out).unwrap();
    assert_eq!(out, "ok, set; reboot to use it\nerror: nack\n");
}

#[test]
fn what_is_not_understood_is_named_and_changes_nothing() {
    let mut console = configured();
    let before = console.settings().clone();
    let long = format!("set group {}", "x".repeat(33));
    let longer = "x".repeat(500);
    let cases = [
        (
            "frobnicate",
            "a command (help lists them) expected, not \"frobnicate\"",
        ),
        ("set", "the name of a setting expected at the end"),
        (
            "set colour red",
            "the name of a setting (help lists them) expected, not \"colour\"",
        ),
        ("set port 2 9600 200", "there is no such position"),
        ("set port 0 fast 200", "baud expected, not \"fast\""),
        (
            "set network 10.0.0.1/33 10.0.0.2",
            "dhcp or IP/PREFIX expected, not \"10.0.0.1/33\"",
        ),
        ("set network 10.0.0.256/8 10.0.0.2", "dhcp or IP/PREFIX expected"),
        ("set network 10.0.0.1/8", "gateway expected at the end"),
        ("set device 7 x", "there is no such position: 2"),
        ("set channel 0 0 steam_pressure", "source expected at the end"),
        (
            "set channel 0 0 steam_presure transmitter 0 1 every 9",
            "quantity expected, not \"steam_presure\"",
        ),
        (
            "set channel 0 0 steam_pressure transmitter 0 256 every 9",
            "slave expected, not \"256\"",
        ),
        (
            "set channel 0 0 steam_pressure transmitter 0 1 1000",
            "every expected, not \"1000\"",
        ),
        (
            "set channel 0 0 steam_pressure transmitter 0 1 every 9 dead 1e3",
            "dead band expected, not \"1e3\"",
        ),
        (
            "set channel 0 0 steam_pressure transmitter 0 1 every 9 fast",
            "dead, gain, offset, inverted or debounce",
        ),
        (
            "set channel 0 0 drum_level remote 0 1 coil 3 contact 1 every 9",
            "holding or input expected, not \"coil\"",
        ),
        ("test 9", "there is no such position"),
        ("test", "channel expected at the end"),
        (&long, "the text is longer than 32 bytes"),
        (&longer, "the line is longer than 192 bytes"),
    ];
    for (line, answer) in cases {
        let (out, task) = say(&mut console, line);
        assert!(
            out.starts_with("error: ") && out.contains(answer),
            "{line}: {out}"
        );
        assert_eq!((task, console.settings()), (None, &before), "{line}");
    }
}

#[test]
fn a_channel_is_tested_before_it_is_saved() {
    let mut console = configured();
    assert_eq!(say(&mut console, "test 5"), (String::new(), Some(Task::Test(5))));
    let readings = [
        (
            0,
            Reading::good(Value::Number(1.25)),
            "channel 0: 1.25 MPa (good)\nok\n",
        ),
        (
            5,
            Reading::good(Value::Fault(36)),
            "channel 5: fault 36 (good)\nok\n",
        ),
        (
            5,
            Reading::NoData(NoData::Comm),
            "channel 5: no value (comm)\nok\n",
        ),
        (
            7,
            Reading::good(Value::Flag(true)),
            "channel 7: true (good)\nok\n",
        ),
    ];
    for (channel, reading, expected) in readings {
        let mut out = String::new();
        console.on_tested(channel, &reading, &mut out).unwrap();
        assert_eq!(out, expected);
    }
}

#[test]
fn a_terminal_may_end_lines_as_it_likes_and_correct_itself() {
    let mut console = Console::new(Settings::EMPTY);
    let mut out = String::new();
    for byte in b"set grouq\x08p x\x7fhai\r\n\r\nset node \xff\n" {
        console.on_byte(*byte, &mut out).unwrap();
    }
    assert_eq!(console.settings().group, "hai");
    assert_eq!(out, "ok\nerror: the line is longer than 192 bytes or not UTF-8\n");
}

#[test]
fn a_reboot_warns_of_what_is_lost() {
    let mut console = configured();
    let (out, task) = say(&mut console, "reboot");
    assert_eq!(
        (out.as_str(), task),
        ("ok, changes not saved are lost\n", Some(Task::Reboot))
    );
}

#[test]
fn settings_come_back_from_flash_as_they_were_saved_and_make_a_node() {
    let console = configured();
    let power = Power::default();
    let flash = Nor::<4, 1_024>::new(8, &power);
    let mut buf = [0; SETTINGS_BYTES];
    let mut slots = Slots::<_, 64>::new(flash, SETTINGS_VERSION).unwrap();
    slots.save(console.settings(), &mut buf).unwrap();
    let settings: Settings = slots.load(&mut buf).unwrap().unwrap();
    assert_eq!(settings, *console.settings());
    let metrics = settings.metric_defs();
    let devices = settings.device_defs(&metrics);
    let names: Vec<_> = devices
        .iter()
        .map(|device| {
            (
                device.id,
                device
                    .metrics
                    .iter()
                    .map(|metric| metric.name)
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    let boiler = [
        "steam_pressure",
        "drum_level",
        "burner_firing",
        "exhaust_temperature",
        "ambient_temperature",
    ];
    let lift = ["fault_code", "car_speed", "door_locked", "service_mode"];
    assert_eq!(names, [("boiler-1", boiler.to_vec()), ("lift-1", lift.to_vec())]);
    assert_eq!(settings.metric(6), Some(1));
    let node = NodeDef {
        group: &settings.group,
        node: &settings.node,
        properties: &[],
        metrics: &[],
        devices: &devices,
    };
    let storage = RamStorage::<1_024, 16>::new();
    let config = vigil_firmware::Config::DEFAULT;
    assert!(Session::<_, MAX_CHANNELS, MAX_DEVICES>::open(node, config, storage, 1, UtcMillis(0)).is_ok());
}

#[test]
fn the_largest_settings_fit_their_buffer() {
    let mut console = Console::new(Settings::EMPTY);
    let long = |len| "x".repeat(len);
    let mut lines = vec![
        format!("set group {}", long(32)),
        format!("set node {}", long(32)),
        format!("set broker {} 65535", long(64)),
        format!("set user {}", long(32)),
        format!("set password {}", long(64)),
        "set network 255.255.255.255/32 255.255.255.255".into(),
        "set port 0 4000000000 65535".into(),
        "set port 1 4000000000 65535".into(),
    ];
    lines.extend((0..MAX_DEVICES).map(|n| format!("set device {n} {}", long(32))));
    lines.extend((0..MAX_CHANNELS).map(|n| {
        format!(
            "set channel {n} 7 machine_room_temperature remote 1 255 holding 0xffff current 4000000000 -0.3 0.3 \
             mmH2O every 4000000000 dead 0.1 gain 1.1 offset -0.1 debounce 65535"
        )
    }));
    for line in lines {
        assert_eq!(say(&mut console, &line).0, "ok\n", "{line}");
    }
    let mut buf = [0; SETTINGS_BYTES];
    let flash = Nor::<4, 1_024>::new(8, &Power::default());
    let mut slots = Slots::<_, 64>::new(flash, SETTINGS_VERSION).unwrap();
    slots.save(console.settings(), &mut buf).unwrap();
    assert_eq!(
        slots.load::<Settings>(&mut buf).unwrap().as_ref(),
        Some(console.settings())
    );
}

proptest! {
    #[test]
    fn nothing_typed_makes_the_console_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut console = configured();
        let mut out = String::new();
        for byte in bytes {
            console.on_byte(byte, &mut out).unwrap();
        }
    }

    #[test]
    fn nothing_in_flash_makes_settings_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(settings) = postcard::from_bytes::<Settings>(&bytes) {
            settings.check().unwrap_or(());
        }
    }

    #[test]
    fn lines_of_words_the_console_knows_are_obeyed_or_refused(
        words in proptest::collection::vec(prop_oneof![
            Just("set"), Just("channel"), Just("0"), Just("1"), Just("steam_pressure"), Just("transmitter"),
            Just("remote"), Just("loop"), Just("contact"), Just("current"), Just("holding"), Just("every"),
            Just("gain"), Just("0x48"), Just("MPa"), Just("-1.5"), Just("1000"), Just("nice3000"), Just("fault"),
        ], 1..14)
    ) {
        let mut console = configured();
        let (out, _) = say(&mut console, &words.join(" "));
        let last = out.lines().last().unwrap_or("ok");
        prop_assert!(last.starts_with("ok") || last.starts_with("error: "), "{}", out);
    }
}
