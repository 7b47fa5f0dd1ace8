//! The story, told at speed in one process and compared with the simulator's ground truth.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::Value;
use std::process::Command;
use vigil_tests::Mosquitto;
use vigil_tests::process::binary;

fn demo(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(binary("vigil"))
        .args(["demo", "--once"])
        .args(arguments)
        // Whatever the directory of the caller holds is not its configuration.
        .current_dir(std::env::temp_dir())
        .output()
        .expect("vigil demo runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn equal(arguments: &[&str]) -> Value {
    let (code, out, err) = demo(&[&["--json"], arguments].concat());
    let story: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert_eq!(code, Some(0), "{story:#}\n{err}");
    assert_eq!(story["ok"], true);
    story
}

#[test]
fn the_register_is_the_truth_with_the_embedded_broker() {
    let story = equal(&[]);
    assert_eq!(story["hazards"].as_array().unwrap().len(), 13);
}

#[test]
fn the_register_is_the_truth_with_mosquitto() {
    let broker = Mosquitto::start();
    equal(&["--broker", &broker.url()]);
    // The broker still has the sessions of the last run.
    equal(&["--broker", &broker.url()]);
}

#[test]
fn every_built_in_scenario_ends_with_its_truth() {
    for scenario in ["quiet", "flapping", "gaps", "clocks", "storm", "wired", "bench"] {
        equal(&["--scenario", scenario]);
    }
}

#[test]
fn a_register_that_is_not_the_truth_ends_with_1() {
    let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    let claims = |rule: &str| {
        format!(
            "title = \"a claim that is wrong\"\nseed = 1\nduration = \"20s\"\n\n\
             [[must]]\nequipment = \"lift-1\"\nrule = \"{rule}\"\nwhy = \"nothing happens\"\n"
        )
    };
    std::fs::write(file.path(), claims("LIFT-ENTRAPMENT")).unwrap();
    let (code, out, err) = demo(&["--lang", "en", "--scenario", file.path().to_str().unwrap()]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("FAIL  lift-1"), "{out}");
    assert!(out.contains("verdict: NOT equal"), "{out}");
}

#[test]
fn each_hazard_is_a_line_with_level_equipment_title_and_clause() {
    let (_, out, _) = demo(&["--lang", "en"]);
    let line = out
        .lines()
        .find(|line| line.contains("Boiler house steam boiler 2"))
        .unwrap_or_else(|| panic!("{out}"));
    assert!(
        line.contains("red") && line.contains("water") && (line.contains("TSG") || line.contains("GB")),
        "{line}"
    );
    assert!(out.contains("http://127.0.0.1:"), "{out}");
    let (_, out, _) = demo(&[]);
    assert!(out.contains("红色  锅炉房2号蒸汽锅炉"), "{out}");
    assert!(out.contains("结论：一致"), "{out}");
}

#[test]
fn a_broker_that_is_not_there_is_said_at_once() {
    let port = vigil_tests::process::free_port();
    let (code, _, err) = demo(&["--broker", &format!("mqtt://127.0.0.1:{port}")]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no connection to mqtt://127.0.0.1"), "{err}");
}
