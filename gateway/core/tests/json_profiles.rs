//! Golden messages → readings, profile by profile: `json/<profile>/<case>.txt` holds a topic, a message, and what it
//! says. `VIGIL_BLESS=1` writes what is said now.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use vigil_core::field::{FieldDecoder as _, FieldReading, FieldValue};
use vigil_core::json::{Profile, builtin_names, builtin_text};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/json")
}

fn shipped(name: &str) -> Profile {
    let (profile, findings) = Profile::parse(name, builtin_text(name).unwrap());
    assert_eq!(findings, [], "{name}");
    profile.unwrap()
}

fn sorted(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn print(reading: &FieldReading<'_>) -> String {
    let mut line = String::new();
    let device = reading.device.as_deref().map(|device| format!("{device:?} "));
    write!(line, "{}{}", device.unwrap_or_default(), reading.metric).unwrap();
    match &reading.value {
        FieldValue::Number(number) => write!(line, " = {number}").unwrap(),
        FieldValue::Bool(on) => write!(line, " = {on}").unwrap(),
        FieldValue::Text(text) => write!(line, " = {text:?}").unwrap(),
        FieldValue::NoData(reason) => write!(line, " : {reason}").unwrap(),
    }
    if let Some(unit) = &reading.unit {
        write!(line, " {unit}").unwrap();
    }
    match reading.at {
        Some(at) => write!(line, " @{}", at.0).unwrap(),
        None => line.push_str(" @arrival"),
    }
    if reading.quality != vigil_protocol::vocabulary::Quality::Good {
        write!(line, " ({})", reading.quality.key()).unwrap();
    }
    line
}

fn said(profile: &Profile, topic: &str, message: &str) -> String {
    assert!(profile.topic().matches(topic), "{topic}");
    let address = profile.address(topic);
    let mut text = address.node.clone();
    if let Some(device) = &address.device {
        write!(text, " {device:?}").unwrap();
    }
    text.push('\n');
    let mut readings = Vec::new();
    let read = profile.decode(topic, message.as_bytes(), &mut |reading| {
        readings.push(print(&reading))
    });
    match read {
        Ok(()) => readings.iter().for_each(|reading| {
            writeln!(text, "{reading}").unwrap();
        }),
        Err(reason) => writeln!(text, "dead letter: {reason}").unwrap(),
    }
    text
}

#[test]
fn golden_messages_say_what_they_say() {
    let mut cases = 0;
    for dir in sorted(&folder()) {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let own = std::fs::read_to_string(dir.join("profile.toml")).ok();
        let profile = match &own {
            Some(text) => {
                let (profile, findings) = Profile::parse("profile.toml", text);
                assert_eq!(findings, [], "{name}");
                profile.unwrap()
            }
            None => shipped(&name),
        };
        for path in sorted(&dir)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let (input, wanted) = text.split_once("---\n").unwrap();
            let (topic, message) = input.split_once('\n').unwrap();
            let said = said(&profile, topic, message);
            if std::env::var_os("VIGIL_BLESS").is_some() {
                std::fs::write(&path, format!("{input}---\n{said}")).unwrap();
            } else {
                assert_eq!(said, wanted, "{}", path.display());
            }
            cases += 1;
        }
    }
    assert!(cases >= 15, "the cases are gone: mend this test");
}

#[test]
fn every_shipped_profile_has_golden_messages() {
    for name in builtin_names() {
        assert_eq!(shipped(name).id(), name);
        assert!(folder().join(name).is_dir(), "{name}");
    }
}

#[test]
fn the_profiles_in_the_reference_are_good() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles/README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks: Vec<_> = text
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        assert_eq!(Profile::parse("README.md", block).1, [], "{block}");
    }
}

/// Messages of hostile senders: broken JSON, broken text, values of every kind in every place.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("NaN".to_owned()),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\"[a-z0-9/+#. ]{0,12}\"",
        "\"\\PC{0,12}\"",
    ];
    let key = prop_oneof![
        Just("values"),
        Just("ts"),
        Just("id"),
        Just("d"),
        Just("p"),
        Just("tag"),
        Just("v"),
        Just("q")
    ];
    let json = leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(|list| format!("[{}]", list.join(","))),
            proptest::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    prop_oneof![
        4 => json.clone().prop_map(String::into_bytes),
        2 => (json, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
            let mut bytes = text.into_bytes();
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    #[test]
    fn no_message_makes_a_profile_panic_or_say_a_number_that_is_none(payload in noise()) {
        let own = std::fs::read_to_string(folder().join("own/profile.toml")).unwrap();
        let profiles = builtin_names()
            .map(shipped)
            .chain(Profile::parse("own", &own).0);
        for profile in profiles {
            let topic = profile.topic().filter().replace('+', "x");
            let mut readings = 0;
            let read = profile.decode(&topic, &payload, &mut |reading| {
                readings += 1;
                if let FieldValue::Number(number) = reading.value {
                    assert!(number.is_finite(), "{reading:?}");
                }
                assert!(reading.device.is_none_or(|device| vigil_protocol::sparkplug::check_id(&device).is_ok()));
            });
            match read {
                Ok(()) => prop_assert!(readings > 0),
                Err(reason) => prop_assert!(!reason.is_empty()),
            }
        }
    }
}

#[test]
fn a_message_of_too_many_values_is_refused() {
    let list = vec!["{\"steam_pressure\":1}"; 30_000].join(",");
    let profile = shipped("thingsboard-telemetry");
    let read = profile.decode(
        "v1/devices/a/telemetry",
        format!("[{list}]").as_bytes(),
        &mut |_| {},
    );
    assert_eq!(read, Err("more than 20000 readings in one message".to_owned()));
}
