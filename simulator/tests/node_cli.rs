//! The program itself: what it prints, and how it refuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test file")]

use std::process::{Command, Output};

fn vigil_sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vigil-sim"))
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = vigil_sim(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn catalogs_of_scenarios_and_of_the_load_site_are_toml() {
    for (arguments, least) in [
        (vec!["catalog", "story"], 9),
        (vec!["catalog", "--nodes", "20"], 20),
    ] {
        let catalog: toml::Table = toml::from_str(&printed(&arguments)).unwrap();
        let equipment = catalog["equipment"].as_array().unwrap();
        assert!(equipment.len() >= least, "{arguments:?}");
        assert!(
            equipment
                .iter()
                .all(|equipment| equipment["node"].as_str().unwrap().contains('/'))
        );
    }
}

#[test]
fn the_list_names_every_builtin_scenario_with_its_title() {
    let list = printed(&["list"]);
    for name in vigil_simulator::scenario::Scenario::builtin_names() {
        assert!(
            list.lines()
                .any(|line| line.starts_with(name) && line.len() > name.len() + 5),
            "{name} in {list}"
        );
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_a_reason() {
    let listen = ["--listen", "127.0.0.1:0"];
    let slaves = |scenario, rest: &[&'static str]| [&["slaves", scenario], &listen[..], rest].concat();
    let (story, fast, two) = (
        slaves("story", &[]),
        slaves("wired", &["--speed", "max"]),
        slaves("wired", &listen),
    );
    let cases: [(&[&str], &str); 11] = [
        (&["run", "nothing-of-that-name"], "story"),
        (&["run", "story", "--broker", "http://x"], "mqtt://"),
        (&["run", "story", "--speed", "fast"], "speed"),
        (&["load", "--nodes", "0"], "at least one node"),
        (&["load", "--rate", "0"], "rate"),
        (&["catalog"], "SCENARIO"),
        (&["slaves", "wired"], "--listen"),
        (&["slaves", "wired", "--serial", "/dev/nothing"], "/dev/nothing"),
        (&story, "no Modbus slaves"),
        (&fast, "needs a number"),
        (&two, "1 line(s) of slaves, but 2 port(s)"),
    ];
    for (arguments, reason) in cases {
        let output = vigil_sim(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(reason),
            "{arguments:?}: {said}"
        );
    }
}
