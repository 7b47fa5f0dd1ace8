//! Nodes that others have written: pysparkplug and mqtt-spb-wrapper, as they come from PyPI.
//!
//! `tests/run.sh --install` puts each into an environment of its own below `target/peers`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test helpers"
)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;
use vigil_tests::{Gateway, GatewayOptions, Place};

const WAIT: Duration = Duration::from_secs(30);

/// A peer that does one thing per line.
struct Node {
    child: Child,
    tell: ChildStdin,
}

impl Node {
    fn start(package: &str, gateway: &Gateway, node: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python: PathBuf = root.join("../target/peers").join(package).join("bin/python");
        assert!(
            python.exists(),
            "{} is missing; run `tests/run.sh --install`",
            python.display()
        );
        let script = root
            .join("peers")
            .join(format!("{}_node.py", package.replace('-', "_")));
        let port = gateway.broker().rsplit_once(':').unwrap().1.to_owned();
        let mut child = Command::new(python)
            .arg(script)
            .args(["127.0.0.1", &port, "peers", node])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let tell = child.stdin.take().unwrap();
        Self { child, tell }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.tell, "{line}").expect("the peer listens");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn catalog(id: &str, category: &str, node: &str, device: &str, nameplate: &str) -> String {
    format!(
        "[[equipment]]\nid = \"{id}\"\nname = \"{id}\"\ncategory = \"{category}\"\nnode = \"peers/{node}\"\n\
         device = \"{device}\"\n{nameplate}\n"
    )
}

fn keys(node: &Value) -> BTreeSet<String> {
    node["oddities"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|o| o["key"].as_str().unwrap().to_owned())
        .collect()
}

/// The latest number of a quantity.
fn number(equipment: &Value, quantity: &str) -> Option<f64> {
    let channels = equipment["channels"].as_array()?;
    let channel = channels
        .iter()
        .find(|channel| channel["quantity"]["key"] == quantity)?;
    channel["latest"]["value"].as_f64()
}

#[test]
fn a_pysparkplug_node_is_read_judged_and_its_farewell_is_heard() {
    let place = Place::new("pysparkplug");
    let nameplate = "[equipment.nameplate]\nrated_pressure = 1.25\nsafety_valve_low = 1.30\nsafety_valve_high = 1.325\n\
                     low_water_limit = -75\n";
    let gateway = Gateway::start(
        &place,
        GatewayOptions::with_catalog(catalog("peer-boiler", "1100", "one", "boiler-9", nameplate)),
    );
    let api = gateway.api();
    let mut node = Node::start("pysparkplug", &gateway, "one");
    api.wait_until("/api/v1/nodes/peers/one", WAIT, |node| {
        node["state"] == "online" && node["births"] == 1
    });
    let value = |quantity: &'static str, number: f64| {
        move |equipment: &Value| self::number(equipment, quantity) == Some(number)
    };
    api.wait_until(
        "/api/v1/equipment/peer-boiler",
        WAIT,
        value("steam_pressure", 0.8),
    );
    api.wait_until("/api/v1/equipment/peer-boiler", WAIT, value("drum_level", -12.0));
    node.tell("level -90");
    api.wait_until("/api/v1/equipment/peer-boiler", WAIT, value("drum_level", -90.0));
    // Water below the limit with the burner on: source time has to pass the delay, and then one more word.
    let opened = |page: &Value| {
        page["hazards"]
            .as_array()
            .is_some_and(|hazards| !hazards.is_empty())
    };
    for pressure in 0..60 {
        node.tell(&format!("pressure 0.{:03}", 800 + pressure));
        std::thread::park_timeout(Duration::from_millis(250));
        if opened(&api.get("/api/v1/hazards")) {
            break;
        }
    }
    let page = api.wait_until("/api/v1/hazards", WAIT, opened);
    assert_eq!(page["hazards"][0]["equipment_id"], "peer-boiler");
    node.tell("bye");
    // Its clean death carries birth + 1: it counts all the same, and it is said.
    let gone = api.wait_until("/api/v1/nodes/peers/one", WAIT, |node| node["state"] == "offline");
    assert!(keys(&gone).contains("death_matches_no_birth"), "{gone:#}");
    assert_eq!(gone["undecodable"], 0, "{gone:#}");
}

#[test]
fn an_mqtt_spb_wrapper_device_is_kept_although_it_does_little_as_it_should() {
    let place = Place::new("spb-wrapper");
    let gateway = Gateway::start(
        &place,
        GatewayOptions::with_catalog(catalog("peer-lift", "3110", "two", "lift-9", "")),
    );
    let api = gateway.api();
    let mut node = Node::start("mqtt-spb-wrapper", &gateway, "two");
    let seen = |load: f64| move |equipment: &Value| number(equipment, "car_load") == Some(load);
    // It births `DATA/car_load` and then sends `car_load`.
    api.wait_until("/api/v1/nodes/peers/two", WAIT, |node| node["state"] == "online");
    for load in [20.0, 30.0, 40.0] {
        node.tell(&format!("load {load}"));
        api.wait_until("/api/v1/equipment/peer-lift", WAIT, seen(load));
    }
    let known = api.get("/api/v1/nodes/peers/two");
    assert_eq!(known["undecodable"], 0, "{known:#}");
    assert_eq!(known["state"], "online", "{known:#}");
    // A rebirth request takes such a node off the air: it is not to be asked again and again.
    assert!(known["rebirths_requested"].as_u64().unwrap() <= 1, "{known:#}");
    node.tell("bye");
    api.wait_until("/api/v1/nodes/peers/two", WAIT, |node| node["state"] == "offline");
}
