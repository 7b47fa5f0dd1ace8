//! The sample configuration says what the gateway does without one, and misses no key.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::path::Path;
use vigil_gateway::config::Config;

const SAMPLE: &str = include_str!("../vigil.sample.toml");

fn parse(text: &str) -> Config {
    let (config, findings) =
        Config::parse("vigil.sample.toml", text, Path::new("")).unwrap_or_else(|e| panic!("{e:#?}"));
    assert_eq!(findings, []);
    config
}

#[test]
fn the_sample_is_the_default() {
    assert_eq!(parse(SAMPLE), Config::default());
    assert_eq!(parse(""), Config::default());
}

#[test]
fn the_sample_mentions_every_key_in_its_section() {
    let mut section = String::new();
    let mut mentioned = Vec::new();
    for line in SAMPLE.lines() {
        let line = line.trim_start_matches("# ").trim();
        if line.starts_with('[') && line.ends_with(']') && !line.contains(' ') {
            section = line.trim_matches(['[', ']']).to_owned();
        } else if let Some((key, _)) = line.split_once(" = ") {
            mentioned.push(if section.is_empty() {
                key.to_owned()
            } else {
                format!("{section}.{key}")
            });
        }
    }
    let mut keys = Vec::new();
    let tree = serde_json::to_value(Config::default()).unwrap();
    for (key, value) in tree.as_object().unwrap() {
        match value.as_object() {
            Some(section) => keys.extend(section.keys().map(|inner| format!("{key}.{inner}"))),
            None => keys.push(key.clone()),
        }
    }
    // Lists of tables: each member has keys of its own.
    keys.retain(|key| key != "broker.user" && key != "modbus");
    let of_members = [
        ("broker.user", &["name", "password_file"][..]),
        (
            "modbus",
            &[
                "name",
                "group",
                "serial",
                "baud",
                "parity",
                "stop_bits",
                "rtu_over_tcp",
                "tcp",
                "shared",
                "connect",
                "quiet",
                "late",
                "period",
                "deadline",
            ],
        ),
        (
            "modbus.device",
            &["id", "tcp", "unit", "map", "period", "deadline"],
        ),
    ];
    for (member, own) in of_members {
        keys.extend(own.iter().map(|key| format!("{member}.{key}")));
    }
    for key in keys {
        assert!(
            mentioned.contains(&key),
            "vigil.sample.toml does not mention `{key}`"
        );
    }
}

/// The block of the sample without its comment signs, and without the lines that mention any of these keys.
fn modbus_of_the_sample(without: &[&str]) -> Config {
    let (_, block) = SAMPLE.split_once("\n# [[modbus]]").unwrap();
    let is_toml = |line: &&str| {
        let key = line.split(" = ").next().unwrap_or("");
        line.starts_with("[[") || (line.contains(" = ") && !key.contains(' ') && !without.contains(&key))
    };
    let lines: Vec<&str> = block
        .lines()
        .map(|line| line.trim_start_matches("# "))
        .filter(is_toml)
        .collect();
    parse(&format!("[[modbus]]\n{}", lines.join("\n")))
}

#[test]
fn the_modbus_block_of_the_sample_is_right_and_says_the_defaults() {
    let serial = modbus_of_the_sample(&["rtu_over_tcp", "tcp", "shared"]);
    let shortest = parse(
        "[[modbus]]\nname = \"boiler-house\"\nserial = \"/dev/ttyUSB0\"\n\
         [[modbus.device]]\nid = \"boiler-4\"\nmap = \"generic-pressure-transmitter\"\n",
    );
    assert_eq!(serial, shortest);
    let (lines, findings) = serial.load_modbus().unwrap();
    assert_eq!(findings, []);
    assert_eq!((lines.len(), lines[0].devices.len()), (1, 1));
    assert_eq!(&*lines[0].node, "modbus/boiler-house");
}
