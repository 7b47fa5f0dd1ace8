//! The simulator's Modbus slaves, read by a master that others have written: pymodbus, as it comes from PyPI.
//!
//! `tests/run.sh --install` puts it into an environment of its own below `target/peers`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use vigil_tests::pymodbus::python;
use vigil_tests::slaves::{Slaves, of};

/// pymodbus: a request per line, an answer per line.
struct Master {
    child: Child,
    tell: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Master {
    fn start(arguments: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(python())
            .arg(root.join("peers/pymodbus_client.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let tell = child.stdin.take().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, tell, said }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    fn ask(&mut self, function: u8, unit: u8, address: u16, count: u16) -> Value {
        writeln!(self.tell, "{function} {unit} {address} {count}").unwrap();
        self.line()
    }

    fn words(&mut self, function: u8, unit: u8, address: u16, count: u16) -> Vec<u64> {
        let answer = self.ask(function, unit, address, count);
        let words = answer["words"].as_array();
        let words = words.unwrap_or_else(|| panic!("{function} {unit} {address:#x} {count}: {answer}"));
        words.iter().map(|word| word.as_u64().unwrap()).collect()
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What a master may and may not ask for, and what it is told; the wired scenario's slaves.
fn read_everything(master: &mut Master) {
    let block = master.words(3, 2, 0x0002, 3);
    assert_eq!(block[..2], [1, 0], "kPa, no decimals");
    assert!((1_000..1_300).contains(&block[2]), "{block:?}");
    assert_eq!(master.words(3, 2, 0x0000, 2), [2, 3]);
    assert_eq!(master.words(3, 2, 0x0006, 1), [2_500]);

    let state = master.words(3, 1, 0x1010, 20);
    assert_eq!(state[1], 1_000, "mm/s rated");
    assert_eq!(state[0xd] >> 4 & 0xf, 7, "automatic");
    assert!((1..=5).contains(&state[8]), "floor {}", state[8]);
    assert!((1..=3).contains(&master.words(3, 1, 0x3000, 1)[0]));
    assert_eq!(master.words(3, 1, 0x8000, 1), [0]);

    let io = master.words(4, 3, 0, 9);
    assert_eq!(io[0] & 0b11, 0b11, "safety circuit and door lock closed");
    assert!(
        (4_000..20_000).contains(&io[1]) && (4_000..20_000).contains(&io[2]),
        "{io:?}"
    );
    assert_eq!(io[3..], [0; 6]);

    let refused = |code: u8| json!({ "exception": code });
    for (function, unit, address, count, code) in [
        (3, 2, 0x0007, 1, 2),
        (3, 2, 0x0004, 4, 2),
        (3, 1, 0x100f, 2, 2),
        (3, 1, 0x6000, 1, 2),
        (4, 1, 0x8000, 1, 2),
        (4, 3, 8, 2, 2),
        (1, 1, 0, 8, 1),
        (6, 1, 0x6003, 1, 1),
        (16, 1, 0x6000, 1, 1),
        (17, 1, 0, 0, 1),
    ] {
        assert_eq!(
            master.ask(function, unit, address, count),
            refused(code),
            "{function} {unit} {address:#x}"
        );
    }
    assert!(
        master.ask(3, 9, 0, 1)["error"].is_string(),
        "nobody has address 9"
    );
    assert_eq!(master.words(3, 2, 0x0002, 3)[..2], [1, 0], "and then as before");
}

fn all_was_counted(report: &Value) {
    let counts = |slave: &str, name: &str| of(report, slave)[name].as_u64().unwrap();
    assert_eq!(counts("lift-7-controller", "answered"), 3, "{report}");
    assert_eq!(counts("lift-7-controller", "refused"), 7);
    assert_eq!(counts("lift-7-controller", "writes"), 2);
    assert_eq!(
        (
            counts("boiler-4-pressure", "answered"),
            counts("boiler-4-pressure", "refused")
        ),
        (4, 2)
    );
    assert_eq!(
        (counts("remote-io", "answered"), counts("remote-io", "refused")),
        (1, 1)
    );
    assert_eq!(report["lines"][0]["strangers"], 1);
    assert_eq!(report["lines"][0]["stray_bytes"], 0);
    assert_eq!(report["truth"]["must"].as_array().unwrap().len(), 2);
}

#[test]
fn pymodbus_reads_the_slaves_over_tcp() {
    let (mut slaves, at) = Slaves::listen("wired", &[]);
    let mut master = Master::start(&["tcp", "127.0.0.1", &at.port().to_string()]);
    read_everything(&mut master);
    all_was_counted(&slaves.stop());
}

#[test]
fn pymodbus_reads_the_slaves_over_a_serial_line() {
    let mut master = Master::start(&["pty"]);
    let path = master.line()["path"].as_str().unwrap().to_owned();
    let mut slaves = Slaves::start("wired", &["--serial", &path]);
    slaves.news("connected", std::time::Duration::from_secs(20));
    writeln!(master.tell, "open").unwrap();
    read_everything(&mut master);
    all_was_counted(&slaves.stop());
}

/// Transmitters on one boiler, each with one fault; its address is its position, from 1.
fn faulty(faults: &[&str]) -> String {
    let wired = include_str!("../../simulator/scenarios/wired.toml");
    let (site, _) = wired.split_once("# ── The line").unwrap();
    let mut text = site.to_owned();
    for (n, fault) in faults.iter().enumerate() {
        let unit = n + 1;
        write!(
            text,
            "[[site.slave]]\nid = \"s{unit}\"\nnode = \"edge-06\"\nunit = {unit}\npart = {{ kind = \"pressure_transmitter\", \
             equipment = \"boiler-4\", quantity = \"steam_pressure\", unit = \"MPa\", decimals = 3 }}\n"
        )
        .unwrap();
        if !fault.is_empty() {
            write!(
                text,
                "[[event]]\nat = \"0s\"\nslave = \"s{unit}\"\nwhat = {fault}\n"
            )
            .unwrap();
        }
    }
    text
}

#[test]
fn pymodbus_meets_every_fault_and_each_is_counted_under_its_name() {
    let cases = [
        ("", "answered", "words"),
        ("\"slave_slow\"\ngap = \"3ms\"", "slow", "words"),
        ("\"slave_exception\"\nexception = 6", "exception", "exception"),
        ("\"slave_bad_crc\"", "bad_crc", "error"),
        ("\"slave_wrong_unit\"", "wrong_unit", "error"),
        ("\"slave_silent\"", "silent", "error"),
        ("\"slave_late\"\ndelay = \"500ms\"", "late", "error"),
    ];
    let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(file.path(), faulty(&cases.map(|(fault, ..)| fault))).unwrap();
    let (mut slaves, at) = Slaves::listen(file.path().to_str().unwrap(), &[]);
    let mut master = Master::start(&["tcp", "127.0.0.1", &at.port().to_string()]);
    // The fault of the first request has begun with simulated time.
    for (unit, (_, _, wanted)) in (1..).zip(cases) {
        let answer = master.ask(3, unit, 0x0002, 3);
        assert!(answer.get(wanted).is_some(), "{unit} {wanted}: {answer}");
    }
    let report = slaves.stop();
    for (unit, (_, counter, _)) in (1..).zip(cases) {
        let counts = of(&report, &format!("s{unit}"));
        assert_eq!(
            (&counts["heard"], &counts[counter]),
            (&json!(1), &json!(1)),
            "{counter}: {counts}"
        );
    }
}
