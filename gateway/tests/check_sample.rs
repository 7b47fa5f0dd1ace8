//! The sample configuration says what the gateway does without one, and misses no key.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::path::Path;
use vigil_gateway::config::{Config, Influx, Webhook};

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
        if line.starts_with('[') && line.ends_with(']') && !line.contains([' ', '"']) {
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
    // Tables of their own, of which there are none by default.
    keys.retain(|key| !["broker.user", "influx", "webhook"].contains(&key.as_str()));
    let url = || "http://127.0.0.1".parse().unwrap();
    let influx = serde_json::to_value(Influx::at(url())).unwrap();
    let webhook = serde_json::to_value(Webhook::to("", url(), "".into())).unwrap();
    for (section, table) in [("influx", influx), ("webhook", webhook)] {
        keys.extend(
            table
                .as_object()
                .unwrap()
                .keys()
                .map(|key| format!("{section}.{key}")),
        );
    }
    keys.extend([
        "broker.user.name".to_owned(),
        "broker.user.password_file".to_owned(),
    ]);
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

/// The sections that are commented out because they name somebody, as they would be read.
#[test]
fn the_sinks_of_the_sample_have_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::new();
    let mut ours = false;
    for line in SAMPLE.lines().map(|line| line.trim_start_matches("# ")) {
        let is_section = line.starts_with('[') && line.ends_with(']');
        if is_section {
            ours = ["[influx]", "[[webhook]]"].contains(&line);
        }
        if ours && (is_section || line.contains(" = ")) {
            text = text + line + "\n";
        }
    }
    for file in ["influx.token", "duty-desk.secret"] {
        std::fs::write(dir.path().join(file), "secret\n").unwrap();
    }
    let (config, findings) = Config::parse("vigil.sample.toml", &text, dir.path()).unwrap();
    let warnings: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, [""; 0]);
    let influx = config.influx.unwrap();
    let default = Influx {
        token_file: Some("influx.token".into()),
        ..Influx::at("http://10.0.0.5:8086".parse().unwrap())
    };
    assert_eq!(influx, default);
    let url = "https://duty.example.org/vigil".parse().unwrap();
    assert_eq!(
        config.webhook,
        [Webhook::to("duty-desk", url, "duty-desk.secret".into())]
    );
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
