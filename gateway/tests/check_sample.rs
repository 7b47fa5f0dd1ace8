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
    // A user is a table of its own.
    keys.retain(|key| key != "broker.user");
    keys.extend([
        "broker.user.name".to_owned(),
        "broker.user.password_file".to_owned(),
    ]);
    for key in keys {
        assert!(
            mentioned.contains(&key),
            "vigil.sample.toml does not mention `{key}`"
        );
    }
}
